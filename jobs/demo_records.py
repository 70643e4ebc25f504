"""Session records and registrations of the demonstration's Québec school: terms that are over, with results and a confirmed census, and the present one.

Rows are written by statement, as the others of the demonstration; what follows from the rules (the outcome) is asked of them.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.admissions import Admission, AdmissionStatus
from models.base import utcnow
from models.code_words import Source
from models.codes import CodeList, CodeValue
from models.courses import Course, RacGroup
from models.enrolment_rules import outcome_of
from models.enrolments import Enrolment
from models.school import Country, School
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term
from models.transmissions import Transmission

PASS_MARK = 60
_RECOGNISED, _GENERAL = "JEE.0K", ("601-103-MQ", "340-101-MQ", "109-101-MQ")
_OWN = ("322-409-MV", "322-410-MV", "322-411-MV", "350-710-MV", "350-711-MV")
# (code, name, situation of studies of its registration, the course over there)
_PARTNERS = (("CVL", "Collège de Val-Lointain (fictif)", "CR", "601-VL1"), ("CHR", "Collège de la Haute-Rive (fictif)", "CS", "HR-2214"))
_SUMMER = (6, 10)  # of a census that the network does not set: the school's own day

# (course, group, mark, average) of the candidate whose records are those of the users' document
_KNOWN = (("322-409-MV", "00992", 94, 71), ("350-710-MV", "00990", 87, 77), ("350-711-MV", "00991", 81, 73))
_BEFORE = (("601-103-MQ", 78), ("340-101-MQ", 52), ("109-101-MQ", 81), ("322-410-MV", 44), ("322-411-MV", 65), ("350-710-MV", 71))

Store = Callable[[str, Sequence[Any]], Sequence[Any]]


def census_of(year: int, season: Season, country: Country) -> dt.date | None:
    """The day by which presences are confirmed in a term of the demonstration; none in France."""
    if country is not Country.CA:
        return None
    return Term(year=year, season=season).census_day or dt.date(year, *_SUMMER)


@dataclass
class _Given:
    """What one registration holds beside its course and group."""

    mark: int | None = None
    average: int | None = None
    remark: str = ""
    taken: bool = True
    confirmed: bool = False
    absences: int | None = None
    kind: str = ""  # set aside for this registration
    situation: str = ""  # of studies in the partner organisation of that code
    partner: str = ""
    partner_course: str = ""


class _Writer:
    """Builds the rows of one school; `day` is the school's day."""

    def __init__(self, session: Session, school: School, codes: Sequence[CodeValue], registrar: str, day: dt.date) -> None:
        self.school, self.registrar, self.day = school, registrar, day
        self.codes = {(one.code_list, one.code): one for one in codes}
        courses = session.execute(select(Course.id, Course.number).where(Course.school_id == school.id)).all()
        self.courses = {number: row_id for row_id, number in courses}
        lines = select(RacGroup.course_id, RacGroup.number, RacGroup.rac_type_id).where(RacGroup.school_id == school.id)
        kinds = {one.id: one for one in codes}
        self.kinds = {(course, number): kinds[kind] for course, number, kind in session.execute(lines)}
        self.records: list[SessionRecord] = []
        self.lines: list[tuple[SessionRecord, Term, str, str, _Given]] = []

    def code(self, code_list: CodeList, code: str) -> CodeValue:
        """A code of the school."""
        return self.codes[code_list, code]

    def record(self, admission: Admission, term: Term, place: int) -> SessionRecord:
        """One more record."""
        made = SessionRecord(
            school_id=self.school.id,
            student_id=admission.student_id,
            admission_id=admission.id,
            term_id=term.id,
            full_time_id=self.code(CodeList.full_time, "SO").id,
            language_id=self.code(CodeList.teaching_language, "FR").id,
            programme_session=place,
        )
        self.records.append(made)
        return made

    def add(self, record: SessionRecord, term: Term, number: str, group: str, given: _Given) -> None:
        """One more registration, built once the records have their identifiers."""
        self.lines.append((record, term, number, group, given))

    def registration(self, record: SessionRecord, term: Term, number: str, group: str, given: _Given) -> Enrolment:
        """A registration whole, with what its rules say that it comes to."""
        remark = self.code(CodeList.remark, given.remark) if given.remark else None
        kind = self.code(CodeList.rac_type, given.kind) if given.kind else None
        day = term.census_on if given.confirmed else None
        over = term.census_on is not None and (self.day - term.census_on).days > 120
        sent = Transmission.sent if over and given.confirmed else None
        told = {"by": self.registrar, "at": utcnow().isoformat()}
        made = Enrolment(
            school_id=self.school.id,
            session_record_id=record.id,
            student_id=record.student_id,
            term_id=term.id,
            course_id=self.courses[number],
            group_number=group,
            taken=given.taken,
            rac_type_id=kind.id if kind else None,
            overrides={**({"rac_type": told} if kind else {}), **({"enrolment_sent": told} if sent else {})},
            prerequisites_id=self.code(CodeList.prerequisites, "1").id,
            assignment_state_id=self.code(CodeList.assignment_state, "0").id,
            substitution_id=self.code(CodeList.substitution, "N").id,
            retake_id=self.code(CodeList.retake, "N").id,
            mark=given.mark,
            group_average=given.average,
            remark=remark,
            remark_id=remark.id if remark else None,
            absences=given.absences,
            study_situation_id=self.code(CodeList.study_situation, given.situation).id if given.situation else None,
            partner_id=self.code(CodeList.partner, given.partner).id if given.partner else None,
            partner_course=given.partner_course,
            census_status_id=self.code(CodeList.census_status, "1" if day else "0").id,
            census_by=self.registrar if day else "",
            census_on=day,
            enrolment_sent=sent,
            enrolment_sent_on=day + dt.timedelta(days=10) if sent and day else None,
        )
        made.outcome = outcome_of(made, kind or self.kinds.get((made.course_id, group)), PASS_MARK)
        return made


def load_records(
    session: Session, store: Store, school: School, admissions: Sequence[Admission], taught: Mapping[str, Sequence[Any]], registrar: str, day: dt.date
) -> None:
    """Records of most who are admitted: the two terms before, the present one. The first of the recognised programme has those of the document."""
    if school.country is not Country.CA:
        return
    terms = {(one.year, one.season): one for one in taught["terms"]}
    past, present, ancient = _terms(terms, day)
    recognised = next(one.id for one in taught["programmes"] if one.code == _RECOGNISED)
    writer = _Writer(session, school, taught["codes"], registrar, day)
    active = [one for one in admissions if one.status is AdmissionStatus.active]
    known, awarded = (*(one for one in active if one.programme_id == recognised), None, None)[:2]
    if known is not None:
        other = next(one for one in taught["programmes"] if one.code == "180.A0")
        statuses = zip((known, awarded), (AdmissionStatus.closed, AdmissionStatus.sanctioned), strict=True)
        before = store("admissions", [_ended(one, other, ancient, status) for one, status in statuses if one is not None])
        _known(writer, known, before[0], [*past, ancient])
    for number, one in enumerate(active):
        if one is not known:
            _usual(writer, random.Random(f"{school.id}-{one.student_id}"), one, number, past, present, own=one.programme_id == recognised)  # noqa: S311 (a demonstration must repeat itself)
    _partners(writer, store, present)
    store("session records", writer.records)
    store("registrations", [writer.registration(*line) for line in writer.lines])


def _partners(writer: _Writer, store: Store, present: Term) -> None:
    """Two colleges that do not exist; this term one registration is taken there for the school, and one here for the other college."""
    rows = [
        CodeValue(school_id=writer.school.id, code_list=CodeList.partner, code=code, label=label, help="", rank=rank, source=Source.school)
        for rank, (code, label, _situation, _course) in enumerate(_PARTNERS, 1)
    ]
    for one in store("partner organisations", rows):
        writer.codes[one.code_list, one.code] = one
    shared = (given for _record, term, _number, group, given in writer.lines if term is present and group)
    for given, (code, _label, situation, course) in zip(shared, _PARTNERS, strict=False):
        given.situation, given.partner, given.partner_course = situation, code, course


def _terms(terms: Mapping[tuple[int, Season], Term], day: dt.date) -> tuple[list[Term], Term, Term]:
    """(the winter and autumn terms that are over, latest first; the present one; the first one that is known)."""
    season = Season.winter if day.month < 6 else Season.summer if day.month < 9 else Season.autumn
    present = terms[day.year, season]
    long = sorted((one for one in terms.values() if one.season is not Season.summer), key=lambda one: one.place)
    return [one for one in reversed(long) if one.place < present.place][:2], present, long[0]


def _ended(admission: Admission, programme: Programme, term: Term, status: AdmissionStatus) -> Admission:
    """What somebody followed before: left without its diploma, or with it."""
    ended = dt.date(term.year, 5, 20)
    return Admission(
        school_id=admission.school_id,
        student_id=admission.student_id,
        programme_id=programme.id,
        grid_id=None,
        org_unit_id=None,
        term_id=term.id,
        status=status,
        ended_on=ended,
        sanctioned_on=ended if status is AdmissionStatus.sanctioned else None,
    )


def _known(writer: _Writer, now: Admission, before: Admission, terms: Sequence[Term]) -> None:
    """The three registrations of the document, a term without any, and an older programme."""
    last, earlier, ancient = terms
    record = writer.record(now, last, 2)
    for number, group, mark, average in _KNOWN:
        own = "EE" if group == "00992" else ""
        writer.add(record, last, number, group, _Given(mark, average, confirmed=True, kind=own))
    if earlier is not ancient:
        writer.record(now, earlier, 1)
    old = writer.record(before, ancient, 1)
    for number, mark in _BEFORE:
        failed = mark < PASS_MARK
        writer.add(old, ancient, number, "00001", _Given(mark, 70, "EC" if failed else "", confirmed=True))


def _usual(writer: _Writer, r: random.Random, one: Admission, number: int, past: Sequence[Term], present: Term, *, own: bool) -> None:
    """Who has been there for some terms: results and census in those that are over; now, courses in progress, a choice or one that is recognised."""
    courses = list(_OWN if own else _GENERAL)
    r.shuffle(courses)
    terms = [*reversed(past[: number % 3]), present]
    for place, term in enumerate(terms, 1):
        record = writer.record(one, term, place)
        taken, courses = courses[: 2 if own else 1], courses[2 if own else 1 :]
        for course in taken:
            group = r.choice(("00990", "00991", "00992")) if own else f"{r.randint(1, 3):05d}"
            if term is present:
                writer.add(record, term, course, group, _Given(confirmed=r.random() < 0.7))
            elif group == "00992":
                writer.add(record, term, course, group, _Given(confirmed=True))
            else:
                mark = r.randint(48, 98)
                failed = mark < PASS_MARK
                writer.add(
                    record, term, course, group, _Given(mark, r.randint(68, 80), "EC" if failed else "", confirmed=True, absences=r.choice((None, None, 2, 6)))
                )
        if term is present and courses:
            writer.add(record, term, courses.pop(), "", _Given())
        if term is present and own and number % 4 == 0:
            writer.add(record, term, _GENERAL[2], "", _Given(remark=r.choice(("EQ", "DI")), taken=False))
