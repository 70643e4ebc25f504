"""The rules of registrations, whatever writes them: what a row is settled to before it is written, and what is refused.

One question to the database settles all the rows of a flush, so that a thousand registrations cost as many statements as one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, event, func, inspect, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from models import settings
from models.base import Refusal
from models.codes import CodeValue, default_code
from models.courses import RacGroup
from models.enrolments import CODES, INHERITED, USUAL, WITHOUT_RESULT, Enrolment, Outcome
from models.session_records import SessionRecord, need_active
from models.transmissions import Telling, Transmission
from models.words import N_, _

# What a remark says of the units (RREC, c. C-29, r. 4, s. 21 to 23: an equivalence gives the units, an exemption and a substitution do not).
RECOGNISED = ("EQ", "DI", "SU")  # the remarks of a course that is not taken
_BY_REMARK = {
    "EQ": Outcome.passed,
    "EC": Outcome.failed,
    "IT": Outcome.in_progress,
    **dict.fromkeys(("DI", "SU", "IN", "AE"), Outcome.none),
}
_RESULT = ("mark", "remark")
_IDENTITY = ("course", "group_number", "session_record", "taken")


def outcome_of(row: Enrolment, kind: CodeValue | None, pass_mark: int) -> Outcome:
    """What a registration comes to: its remark decides, then its mark; without either it is in progress once it has a group."""
    remark = row.remark.code if row.remark else ""
    if remark in _BY_REMARK:
        return _BY_REMARK[remark]
    if row.mark is not None:
        return Outcome.passed if row.mark >= pass_mark else Outcome.failed
    without = kind is not None and kind.code == WITHOUT_RESULT
    return Outcome.in_progress if row.taken and row.group_number and not without else Outcome.none


def _changed(row: Any, names: Iterable[str]) -> bool:
    """Whether one of these changes, by its relation or by the number behind it: an undo and a statement write the number."""
    known = inspect(row).mapper.attrs
    keys = (key for name in names for key in (name, f"{name}_id") if key in known)
    return any(get_history(row, key, PASSIVE_NO_INITIALIZE).has_changes() for key in keys)


@event.listens_for(Session, "before_flush")
def _settle(session: Session, _context: Any, _instances: Any) -> None:
    """Complete and check every new or changed registration."""
    found = [row for row in (*session.new, *session.dirty) if isinstance(row, Enrolment) and (row in session.new or session.is_modified(row))]
    if not found:
        return
    with session.no_autoflush:
        kinds = _correspondence(session, found)
        for row in found:
            settle(session, row, kinds)


def _correspondence(session: Session, found: list[Enrolment]) -> dict[tuple[int, str], CodeValue]:
    """(course, group) -> the kind of recognition that the correspondence gives them, of all these rows."""
    courses = {row.course.id if row.course else row.course_id for row in found if row.group_number} - {None}
    kinds = {}
    ids = sorted(one for one in courses if one is not None)
    for start in range(0, len(ids), 500):
        lines = select(RacGroup.course_id, RacGroup.number, CodeValue).join(CodeValue, CodeValue.id == RacGroup.rac_type_id)
        for course, number, kind in session.execute(lines.where(RacGroup.course_id.in_(ids[start : start + 500]))):
            kinds[course, number] = kind
    return kinds


def settle(session: Session, row: Enrolment, kinds: dict[tuple[int, str], CodeValue]) -> None:
    """One row: what follows from its record and its group, then the rules that need no other row."""
    record = row.session_record
    if record is not None:
        if record in session.new:
            row.student, row.term = record.student, record.term
        else:
            row.student_id, row.term_id = record.student_id, record.term_id
        row.school_id = row.school_id or record.school_id
    new = inspect(row).pending
    if new:
        for field in USUAL:
            if getattr(row, field) is None and getattr(row, f"{field}_id") is None:
                setattr(row, field, default_code(session, CODES[field], row.school_id))
        row.taken = row.taken is not False
        row.group_number = row.group_number or ""
    for field in (*INHERITED, *(one.state for one in Telling)):  # who set a field aside goes with the value
        if getattr(row, field) is None and field in (row.overrides or {}):
            row.overrides = {name: kept for name, kept in row.overrides.items() if name != field}
    course = row.course.id if row.course else row.course_id
    kind = row.rac_type or kinds.get((course or 0, row.group_number))
    _refuse(
        row,
        kind,
        result=new or _changed(row, (*_RESULT, "rac_type", "group_number", "course")),
        partner=new or _changed(row, ("study_situation", "partner")),
    )
    if new or _changed(row, (*_RESULT, "taken", "group_number", "rac_type", "course", "outcome")):
        row.outcome = outcome_of(row, kind, int(settings.value("pass_mark", row.school_id, session)))
    if not new:
        _send_again(row)


def _refuse(row: Enrolment, kind: CodeValue | None, *, result: bool, partner: bool) -> None:
    if row.census_on is not None and not (row.taken and row.group_number) and _changed(row, ("taken", "group_number", "census_on")):
        raise Refusal(_("The presence in %(name)s is confirmed: it keeps its [group]. Correct the census first."), name=str(row))
    if not row.taken:
        if row.group_number or row.mark is not None:
            raise Refusal(_("%(name)s is not taken: it has neither [group] nor mark. Empty them, or register for [the course]."), name=str(row))
        if row.remark is None or row.remark.code not in RECOGNISED:
            raise Refusal(_("%(name)s is not taken: choose the remark that recognises it, EQ, DI or SU."), name=str(row))
    if result and row.mark is not None and kind is not None and kind.code == WITHOUT_RESULT:
        raise Refusal(_("%(name)s is of the kind EE SR: no mark is recorded for it. Empty the mark, or choose another [group]."), name=str(row))
    if partner and row.study_situation is not None and row.partner is None:
        raise Refusal(_("The situation of studies “%(code)s” needs its partner organisation. Choose it."), code=str(row.study_situation))
    if partner and row.study_situation is None and row.partner is not None:
        raise Refusal(_("A partner organisation is chosen without a situation of studies: choose CR or CS, or empty it."))


def _send_again(row: Enrolment) -> None:
    """What was sent and is no longer true is to be sent again; the day of the last sending stays."""
    changed = {
        Telling.enrolment: (*_IDENTITY, *INHERITED, "study_situation", "partner", "partner_course"),
        Telling.funding: ("funding", "census_on", "course"),
        Telling.result: (*_RESULT, "group_number"),
    }
    for telling, fields in changed.items():
        if getattr(row, telling.state) is Transmission.sent and not _changed(row, (telling.state,)) and _changed(row, fields):
            setattr(row, telling.state, Transmission.to_send)
            row.sign(telling.state)


def check(session: Session, row: Enrolment, *, new: bool) -> None:
    """What somebody who registers is told: refused for an admission that is not active, for a course that is there already with this group, and for
    another course once something was transmitted.
    """
    if new:
        need_active(row.session_record.admission)
    same = select(Enrolment.id).where(
        Enrolment.session_record_id == row.session_record.id,
        Enrolment.course_id == row.course.id,
        Enrolment.group_number == (row.group_number or ""),
        Enrolment.id != (row.id or 0),
    )
    with session.no_autoflush:
        there = row.session_record.id is not None and session.scalar(same.limit(1)) is not None
    if there:
        raise Refusal(
            _("%(student)s is already registered for %(name)s in %(term)s. Change that registration."),
            student=row.session_record.student.name,
            name=str(row),
            term=str(row.session_record.term),
        )
    if not new and row.transmitted and _changed(row, ("course", "session_record")):
        raise Refusal(_("%(name)s was transmitted: its [course] stays. Add a registration for the other one."), name=str(row))


def copy_to(session: Session, row: Enrolment, record: SessionRecord) -> Enrolment:
    """The same registration in another record of the same student (features S2-19). Refused: into another student's record, what `check` refuses."""
    if record.student_id != row.student_id:
        raise Refusal(
            _("%(name)s is copied into another [session record] of %(student)s only: register %(other)s instead."),
            name=str(row),
            student=row.student.name,
            other=record.student.name,
        )
    with session.no_autoflush:
        made = row.copy(record)
        check(session, made, new=True)
    return made


def doubled(session: Session, row: Enrolment) -> Any:
    """The sentence that tells that the record holds the course already, with another group: unusual without being wrong (EE and FM of one course
    may both be meant). None otherwise.
    """
    same = select(Enrolment.group_number, Enrolment.taken).where(
        Enrolment.session_record_id == row.session_record.id, Enrolment.course_id == row.course.id, Enrolment.id != (row.id or 0)
    )
    with session.no_autoflush:
        found = session.execute(same.order_by(Enrolment.group_number)).all() if row.session_record.id is not None else []
    course, groups = row.course.number, ", ".join(one.group_number for one in found if one.group_number)
    if groups:
        return _("%(course)s is in this [session record] already, with [the group] %(groups)s. Check that both are meant.", course=course, groups=groups)
    if found and found[0].taken:
        return _("%(course)s is in this [session record] already, as a course choice. Check that both are meant.", course=course)
    return _("%(course)s is in this [session record] already, as not taken. Check that both are meant.", course=course) if found else None


def warnings(row: Enrolment) -> list[Any]:
    """What is unusual without being wrong: a mark beside a remark."""
    if row.mark is not None and row.remark is not None:
        return [_("%(name)s has both a mark and a remark (%(remark)s). Check that both are meant.", name=str(row), remark=row.remark.code)]
    return []


def deletion_problem(row: Enrolment) -> Refusal | None:
    """Why a registration cannot go: it was transmitted. None when it can."""
    if not row.transmitted:
        return None
    return Refusal(_("%(name)s cannot be deleted: it was transmitted to the ministry. Correct it, and transmit it again."), name=str(row))


# -- the correspondence changes what registrations inherit


@event.listens_for(RacGroup, "before_insert")
@event.listens_for(RacGroup, "before_update")
def _no_mark_is_lost(_mapper: Any, connection: Connection, line: RacGroup) -> None:
    check_kind(connection, line)


def check_kind(connection: Connection, line: RacGroup) -> None:
    """Refused: a group becomes EE SR while registrations of it that inherit the kind hold a mark."""
    if line.rac_type is None or line.rac_type.code != WITHOUT_RESULT or not line.course_id:
        return
    rows = Enrolment.__table__.c
    marked = connection.scalar(select(func.count(rows.id)).where(*inheriting(line.course_id, line.number), rows.mark.is_not(None))) or 0
    if marked:
        raise Refusal(
            N_(
                "%(num)d registration of [the group] %(group)s holds a mark: it cannot become EE SR. Give it another [group] first.",
                "%(num)d registrations of [the group] %(group)s hold a mark: it cannot become EE SR. Give them another [group] first.",
                marked,
                group=line.number,
            )
        )


@event.listens_for(RacGroup, "after_insert")
@event.listens_for(RacGroup, "after_update")
def _settle_group(_mapper: Any, connection: Connection, line: RacGroup) -> None:
    """Registrations that wait for a result are in progress, or without units where the kind records none."""
    kind = connection.scalar(select(CodeValue.code).where(CodeValue.id == line.rac_type_id))
    attrs = inspect(line).attrs
    for course in attrs.course_id.history.sum():
        for number in attrs.number.history.sum():
            here = (course, number) == (line.course_id, line.number)
            _wait(connection, course, number, without=here and kind == WITHOUT_RESULT)


@event.listens_for(RacGroup, "after_delete")
def _free_group(_mapper: Any, connection: Connection, line: RacGroup) -> None:
    _wait(connection, line.course_id, line.number, without=False)


def wait_again(connection: Connection, groups: Iterable[tuple[int, str]]) -> None:
    """Settle the registrations that wait for a result in these groups (course, number), as the correspondence says now."""
    for course, number in groups:
        line = select(CodeValue.code).join(RacGroup, RacGroup.rac_type_id == CodeValue.id).where(RacGroup.course_id == course, RacGroup.number == number)
        _wait(connection, course, number, without=connection.scalar(line) == WITHOUT_RESULT)


def _wait(connection: Connection, course_id: int, number: str, *, without: bool) -> None:
    rows = Enrolment.__table__.c
    waiting = (*inheriting(course_id, number), rows.mark.is_(None), rows.remark_id.is_(None), rows.taken)
    connection.execute(update(Enrolment).where(*waiting).values(outcome=Outcome.none if without else Outcome.in_progress))


def inheriting(course_id: int, number: str) -> tuple[Any, ...]:
    """The registrations of a group that take its kind of recognition."""
    rows = Enrolment.__table__.c
    return rows.course_id == course_id, rows.group_number == number, rows.rac_type_id.is_(None)
