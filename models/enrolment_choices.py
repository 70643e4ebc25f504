"""Questions that screens ask about registrations: what a new session record may stand under, which term comes next, which rows a filter means."""

from __future__ import annotations

import datetime as dt
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


def next_term(session: Session, student_id: int, on: dt.date) -> Term | None:
    """The term that is proposed for a new record: the one after the student's last, else the one under way or the next to begin, else the latest."""
    last = session.scalar(select(func.max(Term.place)).join(SessionRecord, SessionRecord.term_id == Term.id).where(SessionRecord.student_id == student_id))
    terms = select(Term).order_by(Term.place)
    if last is not None:
        found = session.scalar(terms.where(Term.place > last).limit(1))
        if found is not None:
            return found
    else:
        found = session.scalar(terms.where(Term.ends_on >= on).limit(1))
        if found is not None:
            return found
    return session.scalar(select(Term).order_by(Term.place.desc()).limit(1))


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
