"""Keeps the folded search keys and the keys of names true: one listener, whichever door wrote the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import event, select
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Session

from models.names import name_key
from models.people import Guardian, GuardianLink, Student, guardian_search_key, student_search_key

_NAMES = ("family_name", "given_name", "usage_name", "national_id", "local_id", "phone", "phone_e164", "email")


def _changed(row: Any) -> bool:
    attrs = sa_inspect(row).attrs
    return any(attrs[name].history.has_changes() for name in _NAMES if name in attrs)


def _students_of(session: Session, link: GuardianLink) -> list[Student]:
    """The student of a link, and the one it leaves when it moves."""
    found = [] if link.student is None else [link.student]
    for key in ("student_id", "student"):
        history = sa_inspect(link).attrs[key].history
        for other in (*(history.added or ()), *(history.deleted or ())):
            row = session.get(Student, other) if isinstance(other, int) else other
            found += [row] if row is not None and row not in found else []
    return found


@event.listens_for(Session, "before_flush")
def _renew_keys(session: Session, _context: Any, _instances: Any) -> None:
    """Students whose own words, links or guardians change get their key again; at most two queries a flush, and one for each link that moves."""
    students: set[Student] = set()
    guardians: list[Guardian] = []
    pending: list[GuardianLink] = []  # what the database does not know yet
    with session.no_autoflush:
        for row in (*session.new, *session.dirty, *session.deleted):
            if isinstance(row, Guardian) and row not in session.deleted and _changed(row):
                row.search_key, row.name_key = guardian_search_key(row), name_key(row.family_name, row.given_name)
                if row not in session.new:
                    guardians.append(row)
            elif isinstance(row, Student) and row not in session.deleted and _changed(row):
                row.name_key = name_key(row.family_name, row.given_name)
                students.add(row)
            elif isinstance(row, GuardianLink):
                pending.append(row)
                students.update(student for student in _students_of(session, row) if student not in session.deleted)
        if guardians:
            ids = [g.id for g in guardians]
            students.update(session.scalars(select(Student).join(Student.links).where(GuardianLink.guardian_id.in_(ids))))
        _renew_students(session, students, pending)


def _renew_students(session: Session, students: set[Student], pending: list[GuardianLink]) -> None:
    """The key of each student, from their guardians as they will be after the flush."""
    known: dict[int, list[Guardian]] = {}
    stored = [s.id for s in students if s not in session.new and "links" in sa_inspect(s).unloaded]
    waiting = {link.id for link in pending}
    if stored:
        found = session.execute(
            select(GuardianLink.student_id, GuardianLink.id, Guardian)
            .join(Guardian, GuardianLink.guardian_id == Guardian.id)
            .where(GuardianLink.student_id.in_(stored))
            .order_by(GuardianLink.id)
        )
        for student_id, link_id, guardian in found:
            if link_id not in waiting:
                known.setdefault(student_id, []).append(guardian)
    settled = {*pending, *session.deleted}
    coming: dict[Student | None, list[Guardian]] = {}
    for link in pending:
        if link not in session.deleted and link.guardian is not None:
            coming.setdefault(_now_of(session, link), []).append(link.guardian)
    for student in students:
        mine = known.get(student.id, [])
        if "links" not in sa_inspect(student).unloaded:
            mine = [link.guardian for link in student.links if link not in settled and link.guardian is not None]
        student.search_key = student_search_key(student, [*mine, *coming.get(student, [])])


def _now_of(session: Session, link: GuardianLink) -> Student | None:
    """Whose link it is once the flush is done: the column counts where it was set without its relation."""
    ids, rows = sa_inspect(link).attrs["student_id"].history.added, sa_inspect(link).attrs["student"].history.added
    if ids and not rows and link.student_id is not None:
        return session.get(Student, link.student_id)
    return link.student


def renew_students(session: Session, ids: Sequence[int]) -> None:
    """The keys of these students again, from the database: for links that a statement has written past the listener."""
    for start in range(0, len(ids), 500):
        students = set(session.scalars(select(Student).where(Student.id.in_(ids[start : start + 500]))))
        for student in students:
            session.expire(student, ["links"])
        _renew_students(session, students, [])
        session.flush()
        for student in students:
            session.expunge(student)
