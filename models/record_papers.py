"""Papers of session records: what a registration confirmation says and to whom one can be given, the rows of a session record sheet, the lists of
the groups of a course.

A confirmation is shown to others: it holds the courses that are followed in a group and nothing else. What was recognised without being followed,
a choice that has no group yet and a course that was given up are not registrations to confirm: the sheet, which stays in the school, tells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session, contains_eager, joinedload, undefer_group

from models.admissions import Admission
from models.base import Refusal
from models.class_lists import pieces
from models.codes import CodeList, CodeValue, read_codes
from models.courses import Course
from models.enrolments import Enrolment, with_shown
from models.letter_fields import language_of
from models.papers import IssuedPaper, PaperKind, numbered, who_says_of_whom
from models.people import Student
from models.school import School
from models.session_records import SessionRecord
from models.studies import Term
from models.words import _

MOST_SHEETS = 1_000  # of one job: a sheet holds tables, and is drawn more slowly than a letter
MOST_LISTED = 3_000  # rows of one job of group lists, as for class lists
WITHDRAWN = "AE"  # the remark of who gave a course up (features S2-68)
_NOTHING_TO_SAY = "SO"  # the kind of recognition of an ordinary registration: not applicable

Facts = dict[str, Any]


def is_confirmed(row: Enrolment) -> bool:
    """Whether a confirmation tells this registration: taken, in a group, not given up."""
    return bool(row.taken and row.group_number) and (row.remark is None or row.remark.code != WITHDRAWN)


def _confirmed() -> tuple[Any, ...]:
    """`is_confirmed` as clauses."""
    given_up = select(CodeValue.id).where(CodeValue.code_list == CodeList.remark, CodeValue.code == WITHDRAWN)
    return Enrolment.taken, Enrolment.group_number != "", or_(Enrolment.remark_id.is_(None), Enrolment.remark_id.not_in(given_up))


def recognition(row: Enrolment) -> str:
    """Its kind of recognition in words; nothing where none applies."""
    kind = row.value("rac_type")
    return "" if kind is None or kind.code == _NOTHING_TO_SAY else str(kind)


# -- the records of a selection


def in_order(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None = None) -> list[int]:
    """These records by student, then in the order of time. `within` narrows them to a verb's own reach."""
    found: list[tuple[str, int, int, int]] = []
    for piece in pieces(ids):
        wanted = select(Student.search_key, Student.id, Term.place, SessionRecord.id).select_from(SessionRecord)
        wanted = wanted.join(Student, Student.id == SessionRecord.student_id).join(Term, Term.id == SessionRecord.term_id).where(SessionRecord.id.in_(piece))
        found += [(key, student, place, number) for key, student, place, number in session.execute(wanted if within is None else wanted.where(within))]
    return [row[-1] for row in sorted(found)]


def with_rows(session: Session, ids: Sequence[int], *, figures: bool = False) -> Iterator[tuple[SessionRecord, list[Enrolment]]]:
    """These records in this order, each with its registrations by course; five hundred at a time stand in memory."""
    admission = joinedload(SessionRecord.admission).options(joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.org_unit))
    options = (joinedload(SessionRecord.student), joinedload(SessionRecord.term), admission, *((undefer_group("figures"),) if figures else ()))
    for piece in pieces(ids):
        read_codes(session)
        records = {one.id: one for one in session.scalars(select(SessionRecord).where(SessionRecord.id.in_(piece)).options(*options))}
        rows: dict[int, list[Enrolment]] = {}
        wanted = select(Enrolment).where(Enrolment.session_record_id.in_(list(records))).options(*with_shown())
        for row in session.scalars(wanted):
            rows.setdefault(row.session_record_id, []).append(row)
        for number in piece:
            if number in records:
                yield records[number], sorted(rows.get(number, ()), key=lambda row: (row.course.number, row.group_number))


# -- the confirmation


@dataclass
class Confirmable:
    """The records that can be confirmed, and by name and term those without a registration to confirm, or confirmed already."""

    ids: list[int] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


def confirmable(session: Session, ids: Sequence[int]) -> Confirmable:
    """Sort a selection of session records, student by student."""
    found = Confirmable()
    ordered = in_order(session, ids)
    for piece in pieces(ordered):
        count = select(Enrolment.session_record_id).where(Enrolment.session_record_id.in_(piece), *_confirmed())
        full = set(session.scalars(count.group_by(Enrolment.session_record_id)))
        shown = select(SessionRecord).where(SessionRecord.id.in_(piece)).options(joinedload(SessionRecord.student), joinedload(SessionRecord.term))
        records = {one.id: one for one in session.scalars(shown)}
        issued = _holders(session, {one.student_id for one in records.values()})
        for number in piece:
            one = records[number]
            if number not in full:
                found.empty.append(_called(one))
                continue
            found.ids.append(number)
            if number in issued:
                found.again.append(_called(one))
    return found


def _called(record: SessionRecord) -> str:
    return f"{record.student} ({record.term})"


def _holders(session: Session, students: Iterable[int]) -> set[int]:
    """Which records of these students were confirmed already."""
    wanted = select(IssuedPaper.facts).where(IssuedPaper.student_id.in_(list(students)), IssuedPaper.kind == PaperKind.registration)
    return {facts["record"] for facts in session.scalars(wanted)}


def issue_confirmations(session: Session, ids: Sequence[int], *, school: School, job_id: int, within: ColumnElement[bool] | None = None) -> list[IssuedPaper]:
    """The confirmations of these records, numbered, each in its student's language; those without a registration to confirm are left out."""

    def papers() -> Iterator[tuple[int, str, Facts]]:
        ready = set(confirmable(session, ids).ids)
        for record, rows in with_rows(session, [number for number in in_order(session, ids, within) if number in ready]):
            yield record.student_id, language_of(record.student.language, school.language), _facts(record, rows, school)

    return numbered(session, PaperKind.registration, school=school, job_id=job_id, papers=papers)


def _facts(record: SessionRecord, rows: Sequence[Enrolment], school: School) -> Facts:
    """What the paper says, as plain values: who, by the number of the school alone, and what is followed. No identifier of the ministry, no date of
    birth, no address, no mark (data minimisation)."""
    student, admission = record.student, record.admission
    return {
        **who_says_of_whom(school, student),
        "local_id": student.local_id or "",
        "programme": f"{admission.programme.code} – {admission.programme.title}",
        "grid": admission.grid.code if admission.grid else "",
        "term": [record.term.year, record.term.season.name],
        "record": record.id,
        "courses": [
            {
                "number": row.course.number,
                "title": row.course.title,
                "group": row.group_number,
                "rac": recognition(row),
                "hours": row.course.weekly_hours,
                "thirds": row.course.unit_thirds,
            }
            for row in rows
            if is_confirmed(row)
        ],
    }


# -- the lists of groups


class Listed(NamedTuple):
    """One line of a list: who, and by which kind of recognition."""

    local_id: str
    family_name: str
    given_name: str
    rac: str


@dataclass
class GroupList:
    """One group of a course in a term, with everybody who is registered in it."""

    term: Term
    course: Course
    group: str
    lines: list[Listed] = field(default_factory=list)


_Key = tuple[int, int, str]


def groups_of(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None = None) -> set[_Key]:
    """(term, course, group) of these registrations; a choice without a group and what was not taken are in none."""
    found: set[_Key] = set()
    for piece in pieces(ids):
        wanted = select(Enrolment.term_id, Enrolment.course_id, Enrolment.group_number).where(Enrolment.id.in_(piece), *_confirmed()).distinct()
        found |= {(term, course, group) for term, course, group in session.execute(wanted if within is None else wanted.where(within))}
    return found


def members(session: Session, keys: Iterable[_Key]) -> int:
    """How many lines the lists of these groups have."""
    total = 0
    for piece in pieces(sorted(keys)):
        total += session.scalar(select(func.count(Enrolment.id)).where(_in_groups(piece), *_confirmed())) or 0
    return total


def _in_groups(keys: Sequence[_Key]) -> ColumnElement[bool]:
    return tuple_(Enrolment.term_id, Enrolment.course_id, Enrolment.group_number).in_(list(keys))


def group_lists(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None = None) -> list[GroupList]:
    """The whole list of each group that these registrations are in, by term, course and group, by name in each. Refused: no group, too many rows."""
    keys = sorted(groups_of(session, ids, within))
    if not keys:
        raise Refusal(_("None of the chosen registrations has a [group]: there is no list to print. Give them their [group] first."))
    if members(session, keys) > MOST_LISTED:
        raise Refusal(_("The lists would have more than %(most)d lines. Filter the registrations by session or by [course], then print."), most=MOST_LISTED)
    found: dict[_Key, GroupList] = {}
    for piece in pieces(keys):
        read_codes(session)
        wanted = select(Enrolment).join(Enrolment.student).where(_in_groups(piece), *_confirmed())
        wanted = wanted.options(contains_eager(Enrolment.student), *with_shown()[1:]).order_by(Student.search_key, Student.id)
        for row in session.scalars(wanted if within is None else wanted.where(within)):
            key = (row.term_id, row.course_id, row.group_number)
            group = found.setdefault(key, GroupList(row.term, row.course, row.group_number))
            group.lines.append(Listed(row.student.local_id or "", row.student.family_name, row.student.given_name, recognition(row)))
    return sorted(found.values(), key=lambda one: (one.term.place, one.course.number, one.group))
