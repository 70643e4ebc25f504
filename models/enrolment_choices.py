"""Questions that screens ask about registrations: what a new session record may stand under, which term comes next, which rows a filter means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue, default_code
from models.courses import RacGroup
from models.enrolments import Enrolment
from models.session_records import SessionRecord
from models.studies import Term
from models.transmissions import Telling, Transmission


def active_admissions(session: Session, student_id: int) -> list[Admission]:
    """The admissions under which a student may be registered, the latest first."""
    shown = (joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.org_unit), joinedload(Admission.student))
    wanted = select(Admission).where(Admission.student_id == student_id, Admission.status == AdmissionStatus.active)
    return list(session.scalars(wanted.options(*shown).order_by(Admission.id.desc())))


def next_term(session: Session, admission: Admission, on: dt.date) -> Term | None:
    """The term that is proposed for a new record of an admission: the first of the school's terms after its latest record; before there is one, the
    admission's own first term, else the one under way or the next to begin. None when no term comes after.
    """
    last = session.scalar(select(func.max(Term.place)).join(SessionRecord, SessionRecord.term_id == Term.id).where(SessionRecord.admission_id == admission.id))
    terms = select(Term).order_by(Term.place)
    if last is not None:
        return session.scalar(terms.where(Term.place > last).limit(1))
    if admission.term is not None:
        return admission.term
    return session.scalar(terms.where(Term.ends_on >= on).limit(1)) or session.scalar(select(Term).order_by(Term.place.desc()).limit(1))


def other_records(session: Session, ids: Sequence[int]) -> list[SessionRecord]:
    """Where registrations of one student may be copied: the records of the same student under active admissions but for those in which they stand,
    the next terms first, then the earlier ones from the latest. None for registrations of several students.
    """
    here = session.execute(
        select(Enrolment.student_id, Enrolment.session_record_id, Term.place).join(Term, Enrolment.term_id == Term.id).where(Enrolment.id.in_(ids))
    ).all()
    if len({one.student_id for one in here}) != 1:
        return []
    shown = (joinedload(SessionRecord.student), joinedload(SessionRecord.term), joinedload(SessionRecord.admission).joinedload(Admission.programme))
    wanted = (
        select(SessionRecord)
        .join(Admission, SessionRecord.admission_id == Admission.id)
        .where(
            SessionRecord.student_id == here[0].student_id,
            SessionRecord.id.not_in({one.session_record_id for one in here}),
            Admission.status == AdmissionStatus.active,
        )
    )
    found = session.scalars(wanted.options(*shown, joinedload(SessionRecord.admission).joinedload(Admission.grid))).all()
    from_term = max(one.place for one in here)
    return sorted(found, key=lambda one: (one.term.place <= from_term, one.term.place if one.term.place > from_term else -one.term.place, one.id))


def lines_of(session: Session, course_id: int) -> list[RacGroup]:
    """The lines of the correspondence of a course, with their kinds of recognition."""
    return list(session.scalars(select(RacGroup).where(RacGroup.course_id == course_id).options(joinedload(RacGroup.rac_type)).order_by(RacGroup.number)))


def of_kind(session: Session, kind_id: int) -> Any:
    """The clause: a registration of this kind of recognition, its own or inherited from its group, else the usual one."""
    line = and_(RacGroup.course_id == Enrolment.course_id, RacGroup.number == Enrolment.group_number)
    inherits: Any = select(RacGroup.id).where(line, RacGroup.rac_type_id == kind_id).exists()
    usual = default_code(session, CodeList.rac_type)
    if usual is not None and usual.id == kind_id:
        inherits = or_(inherits, ~select(RacGroup.id).where(line).exists())
    return or_(Enrolment.rac_type_id == kind_id, and_(Enrolment.rac_type_id.is_(None), inherits))


def to_send(telling: Telling) -> Any:
    """The clause: this telling of a registration is to be sent, as `Enrolment.transmission` says it."""
    ready = {
        Telling.enrolment: and_(Enrolment.taken, Enrolment.group_number != ""),
        Telling.funding: Enrolment.census_on.is_not(None),
        Telling.result: or_(Enrolment.mark.is_not(None), Enrolment.remark_id.is_not(None)),
    }[telling]
    own = getattr(Enrolment, telling.state)
    return or_(own == Transmission.to_send, and_(own.is_(None), ready))


def unassigned() -> Any:
    """The clause: a course choice that has no group yet."""
    return and_(Enrolment.taken, Enrolment.group_number == "")


def kinds(session: Session) -> list[CodeValue]:
    """The kinds of recognition, in their order."""
    wanted = select(CodeValue).where(CodeValue.code_list == CodeList.rac_type).order_by(CodeValue.rank, CodeValue.code)
    return list(session.scalars(wanted))
