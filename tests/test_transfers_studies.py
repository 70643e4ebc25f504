"""Admissions, session records and registrations travel with their students: what arrives, what never does, what a second school makes of it."""

import datetime as dt
import json

import pytest
from conftest import rows
from sqlalchemy import func, select
from transferring import acting_in, family, latest, send, switch_on

from jobs.runner import run_pending
from models import files, keys
from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
from models.enrolments import Enrolment, Outcome
from models.imports import FileKind, Import, ImportRow, RowStatus
from models.parcel import Parcel
from models.people import Student
from models.session_records import SessionRecord
from models.studies import OrgUnit, Programme, Season, Term
from models.transfer import PURPOSE, Transfer
from models.transmissions import Telling, Transmission
from models.travel import TABLES
from models.undo import undo

STAFF = "Rosalie Secrète"


@pytest.fixture
def lise(app, schools):
    """Somebody of the first school with a sanctioned admission, two terms, a course that is overridden, confirmed and sent, one recognised, one given up."""
    switch_on(app, schools)
    (student,) = family(app, schools[0], 1)
    here = {"school_id": schools[0]}
    with rows(app) as session:

        def code(of, said, label):
            found = session.scalar(select(CodeValue).where(CodeValue.school_id == schools[0], CodeValue.code_list == CodeList[of], CodeValue.code == said))
            found = found or CodeValue(code_list=CodeList[of], code=said, label=label, **here)
            session.add(found)
            session.flush()
            return found

        programme = Programme(code="ZZZ.0K", title="Techniques d’essai", **here)
        unit = OrgUnit(code="RA", name="Reconnaissance", **here)
        grid = Grid(code="ZZZ0K-17R-RA", title="Cohorte 2017", programme=programme, **here)
        numbers = ("901-409-MV", "901-710-MV", "901-103-MQ")
        first, second, third = (Course(number=number, title=f"Cours {number}", unit_thirds=5, weekly_hours=3, **here) for number in numbers)
        autumn, winter = Term(year=2001, season=Season.autumn, **here), Term(year=2002, season=Season.winter, **here)
        session.add_all([programme, unit, grid, first, second, third, autumn, winter])
        days = {"admitted_on": dt.date(2001, 8, 20), "ended_on": dt.date(2002, 6, 1), "sanctioned_on": dt.date(2002, 6, 1)}
        told = {"status": AdmissionStatus.sanctioned, "previous_studies": "DEP obtenu ailleurs", **days}
        admission = Admission(student_id=student, programme=programme, grid=grid, org_unit=unit, term=autumn, **told, **here)
        session.add(admission)
        session.flush()
        session.add(RacGroup(course=first, number="992", rac_type=code("rac_type", "EE", "Évaluation"), **here))
        records = [SessionRecord(student_id=student, admission=admission, term=term, programme_session=n, **here) for n, term in enumerate((autumn, winter), 1)]
        session.add_all(records)
        session.flush()
        kept = {"overrides": {"funding": {"by": STAFF, "at": "2001-09-01"}}, "census_by": STAFF, "census_on": dt.date(2001, 9, 20), "census_reason": "doublon"}
        sent = {f"{one.name}_sent": Transmission.sent for one in Telling} | {f"{one.name}_sent_on": dt.date(2001, 10, 3) for one in Telling}
        funding, partner = code("funding_source", "50", "Autre source"), code("partner", "CVM", "Cégep de la Vallée")
        situation = code("study_situation", "CR", "Cours à remplacer")
        plain = {"session_record": records[0], **here}
        session.add(Enrolment(course=first, group_number="992", mark=94, group_average=71.5, funding=funding, **kept, **sent, **plain))
        session.add(Enrolment(course=second, group_number="990", mark=40, study_situation=situation, partner=partner, absences=4, **plain))
        session.add(Enrolment(course=third, taken=False, remark=code("remark", "EQ", "Équivalence"), **plain))
        session.add(Enrolment(session_record=records[1], course=second, parent_course=first, **here))
        session.flush()
        return {"id": student, "code": session.get_one(Student, student).national_id}


def look(app, school_id, user="acc2"):
    """Check what waits; the import."""
    one = latest(app, "received", school_id)
    with acting_in(app, school_id, user) as session:
        made = session.get_one(Transfer, one.id).look().id
    run_pending(app)
    return made


def take_in(app, school_id, user="acc2"):
    """Check and write what waits; the import."""
    made = look(app, school_id, user)
    with acting_in(app, school_id, user) as session:
        found = session.get_one(Import, made)
        assert found.problem is None, found.problem
        found.confirm()
    run_pending(app)
    with rows(app) as session:
        assert session.get_one(Import, made).status.name == "done"
    return made


def told_of(session, school_id, code):
    """The studies of a student of a school, by natural keys."""
    student = session.scalars(select(Student).where(Student.school_id == school_id, Student.national_id == code)).one()
    found = {}
    for one in session.scalars(select(Admission).where(Admission.student_id == student.id)):
        mine = found[str(one.grid), one.programme.code, one.status.name, str(one.admitted_on), str(one.sanctioned_on), one.term.short] = {}
        for record in session.scalars(select(SessionRecord).where(SessionRecord.admission_id == one.id)):
            rows_ = session.scalars(select(Enrolment).where(Enrolment.session_record_id == record.id))
            mine[record.term.short, record.programme_session] = sorted(
                (row.course.number, row.group_number, row.taken, row.mark, str(row.remark), row.absences, row.outcome.name, str(row.value("rac_type")))
                for row in rows_
            )
    return found


def test_a_sanctioned_admission_arrives_with_its_records_marks_and_remarks(app, schools, lise):
    with rows(app) as session:
        before = told_of(session, schools[0], lise["code"])
        assert len(next(iter(before.values()))) == 2
    send(app, schools, [lise["id"]])
    made = take_in(app, schools[1])
    with rows(app) as session:
        assert told_of(session, schools[1], lise["code"]) == before
        written = session.get_one(Import, made).written
        assert {key: written[key] for key in ("new_admissions", "new_records", "new_enrolments", "new_courses", "new_grids")} == {
            "new_admissions": 1,
            "new_records": 2,
            "new_enrolments": 4,
            "new_courses": 3,
            "new_grids": 1,
        }
        assert session.scalar(select(Programme.title).where(Programme.school_id == schools[1], Programme.code == "ZZZ.0K")) == "Techniques d'essai"


def test_nobody_of_the_staff_no_transmission_and_nothing_private_leaves(app, schools, lise):
    send(app, schools, [lise["id"]])
    with rows(app) as session:
        key = session.get_one(Transfer, latest(app, "received", schools[1]).id).file_key
        text = keys.unseal(PURPOSE, files.path_of(key).read_text())
    assert "901-409-MV" in text
    assert [told for told in (STAFF, "DEP obtenu", "doublon", "2001-10-03", "Reconnaissance") if told in text] == []
    head = json.loads(text.splitlines()[0])["columns"]
    secret = {"census_by", "census_reason", "overrides", "previous_studies", "org_unit", "extra", "id", "school_id"}
    assert not {column for keys_ in head.values() for column in keys_} & secret


def test_what_arrives_inherits_nothing_is_not_told_to_the_ministry_and_is_offered_to_nobody_else(app, schools, lise):
    send(app, schools, [lise["id"]])
    take_in(app, schools[1])
    with rows(app) as session:
        course = session.scalars(select(Course).where(Course.school_id == schools[1], Course.number == "901-409-MV")).one()
        row = session.scalars(select(Enrolment).where(Enrolment.course_id == course.id)).one()
        assert (row.rac_type.code, row.funding.code, row.census_on, row.outcome) == ("EE", "50", dt.date(2001, 9, 20), Outcome.passed)
        school = row.overrides["rac_type"]["by"]
        assert row.census_by == school == latest(app, "received", schools[1]).other_name
        assert {row.transmission(one) for one in Telling} == {Transmission.excluded}
        assert not row.transmitted
        assert course.retired_at is not None
        partner = session.scalars(select(CodeValue).where(CodeValue.school_id == schools[1], CodeValue.label == "Cégep de la Vallée")).one()
        assert (partner.code_list, partner.retired_at is None) == (CodeList.partner, False)


def test_undoing_what_was_taken_in_takes_the_studies_back(app, schools, lise):
    tables = (Student, Admission, SessionRecord, Enrolment, Course, Grid, Programme, Term, CodeValue)

    def count():
        with rows(app) as session:
            return [session.scalar(select(func.count(model.id)).where(model.school_id == schools[1])) for model in tables]

    before = count()
    send(app, schools, [lise["id"]])
    made = take_in(app, schools[1])
    assert all(after > was for after, was in zip(count(), before, strict=True))
    with acting_in(app, schools[1], "acc2") as session:
        undo(session, session.get_one(Import, made).batch)
    assert count() == before


def test_what_the_other_school_has_already_stays_as_it_is_there(app, schools, lise):
    send(app, schools, [lise["id"]], leave=False)
    take_in(app, schools[1])
    with rows(app) as session:
        theirs = session.scalar(select(Student.id).where(Student.school_id == schools[1], Student.national_id == lise["code"]))
        session.scalars(select(Enrolment).where(Enrolment.student_id == theirs, Enrolment.mark == 40)).one().mark = 75
        session.scalars(select(Enrolment).where(Enrolment.student_id == lise["id"], Enrolment.mark == 94)).one().group_number = "995"
    send(app, schools, [lise["id"]])
    made = take_in(app, schools[1])
    with rows(app) as session:
        marks = sorted(session.scalars(select(Enrolment.mark).where(Enrolment.student_id == theirs, Enrolment.mark.is_not(None))))
        assert marks == [75, 94, 94]
        moved = {FileKind.moved_admissions, FileKind.moved_records, FileKind.moved_enrolments}
        statuses = list(session.scalars(select(ImportRow.status).where(ImportRow.import_id == made, ImportRow.kind.in_(moved))))
        assert (statuses.count(RowStatus.created), statuses.count(RowStatus.unchanged)) == (1, 6)


def test_a_course_that_the_country_does_not_know_is_told_and_its_registrations_are_left_out(app, schools, lise):
    with rows(app) as session:
        session.scalars(select(Course).where(Course.school_id == schools[0], Course.number == "901-710-MV")).one().number = "MATHS 2"
    send(app, schools, [lise["id"]])
    made = take_in(app, schools[1])
    with rows(app) as session:
        lines = session.scalars(select(ImportRow).where(ImportRow.import_id == made, ImportRow.status.in_((RowStatus.error, RowStatus.ignored)))).all()
        assert [(row.kind, row.status) for row in lines if row.kind is FileKind.moved_courses] == [(FileKind.moved_courses, RowStatus.error)]
        left = [row for row in lines if row.kind is FileKind.moved_enrolments]
        assert {row.doubts[0]["code"] for row in left} == {"moved_no_course"}
        assert len(left) == 2


def test_a_file_of_a_person_is_never_taken_for_a_transfer(app, schools, lise):
    with acting_in(app, schools[1], "acc2") as session:
        made = Import.receive([("cours.csv", b"course;title\r\n901-777-MV;Faux\r\n")])
        made.files[0].choices = {"kind": "moved_courses"}
        number = made.id
    run_pending(app)
    with rows(app) as session:
        assert session.get_one(Import, number).status.name == "failed"


def test_a_transfer_without_studies_is_what_older_schools_read(app, schools):
    switch_on(app, schools)
    with rows(app) as session:
        plain = (Student.school_id == schools[0], Student.national_id.is_not(None), Student.id.not_in(select(Admission.student_id)))
        ids = list(session.scalars(select(Student.id).where(*plain).limit(2)))
    with acting_in(app, schools[0]) as session:
        codes = list(session.scalars(select(Student.national_id).where(Student.id.in_(ids))))
        parcel = Parcel("9990001X", "A", "FR", "QC999001", codes, "0" * 32, dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        parcel.fill(session, ids)
    assert set(parcel.columns) == {name for name, table in TABLES.items() if table.needed} == {"students", "guardians", "links"}
