"""What a student does in their own pages: read who they are at school, keep true how they are reached.

A student's scope shows their own rows only; what they write is their contact data (rights.md: RE·o), within the school of the row, so that
everything that hangs from it (search keys, history) stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.people import Student, StudentStatus
from models.portal import PROFILE, read_contact, within
from models.scope import BATCH, WHO, acting


def own_record(session: Session) -> Student | None:
    """The record of the person of the present scope, with what their page shows; None when they have left."""
    shown = (joinedload(Student.school), joinedload(Student.homeroom), joinedload(Student.adviser), joinedload(Student.level))
    mine = select(Student).where(Student.status == StudentStatus.active).options(*shown)
    return session.scalar(mine.order_by(Student.id).limit(1))


def save_contact(session: Session, student: Student, typed: Mapping[str, str]) -> None:
    """Write what the student typed (`models.portal.PROFILE`), in the caller's transaction. Refuses with `WrongField` what cannot be read."""
    values = {name: read_contact(name, typed.get(name, ""), student.school.country.name) for name in PROFILE}
    with acting(WHO.get(), within(student.school_id), BATCH.get()):
        for name, value in values.items():
            if getattr(student, name) != value:
                setattr(student, name, value)
        session.flush()
