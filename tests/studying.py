"""A college for tests: somebody admitted, two terms, three courses with their groups, all in the second school of the demonstration."""

from dataclasses import dataclass

from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue, known_code
from models.courses import Course, Grid, RacGroup
from models.enrolments import Enrolment
from models.people import Student, StudentStatus
from models.session_records import SessionRecord
from models.studies import Season, Term


@dataclass
class College:
    """What a test of registrations begins with. Groups: 00990 is EE, 00991 FM, 00992 EE SR."""

    session: object
    school_id: int
    admission: Admission
    terms: list[Term]
    courses: list[Course]

    @property
    def student(self) -> Student:
        return self.admission.student

    def code(self, code_list: str, code: str) -> CodeValue:
        return known_code(self.session, CodeList[code_list], code, self.school_id)

    def record(self, term: int = 0) -> SessionRecord:
        made = SessionRecord.begin(self.session, self.admission, self.terms[term])
        self.session.flush()
        return made

    def enrol(self, record: SessionRecord, course: int = 0, group: str = "00990", **values) -> Enrolment:
        made = Enrolment(school_id=self.school_id, session_record=record, course=self.courses[course], group_number=group, **values)
        self.session.add(made)
        self.session.flush()
        return made


def college(session, school_id: int, number: str = "7990001") -> College:
    """A new student of the school with an active admission, two terms of their own years, three courses of 2,33 units and 3 hours."""
    grid = session.scalar(select(Grid).where(Grid.school_id == school_id))
    student = Student(school_id=school_id, family_name="Leblanc", given_name="Lise", local_id=number, status=StudentStatus.active)
    admission = Admission(school_id=school_id, student=student, programme=grid.programme, grid=grid, org_unit=grid.org_unit, status=AdmissionStatus.active)
    terms = [Term(school_id=school_id, year=2017, season=Season.autumn), Term(school_id=school_id, year=2018, season=Season.winter)]
    names = ("322-901-MV", "350-902-MV", "601-903-MQ")
    courses = [Course(school_id=school_id, number=number, title=f"Cours {number}", unit_thirds=7, weekly_hours=3) for number in names]
    session.add_all([student, admission, *terms, *courses])
    session.flush()
    made = College(session, school_id, admission, terms, courses)
    for number, kind in (("00990", "EE"), ("00991", "FM"), ("00992", "EE SR")):
        session.add(RacGroup(school_id=school_id, course=courses[0], number=number, rac_type=made.code("rac_type", kind)))
    session.flush()
    return made
