"""What holds a course, a term, a grid, a unit or a programme in place: how many rows of which kind, told before somebody deletes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, func, or_, select
from sqlalchemy.orm import object_session

from models.admissions import Admission
from models.base import Base, Refusal
from models.courses import Course, Grid, grid_course
from models.enrolments import Enrolment
from models.retiring import Retirable
from models.session_records import SessionRecord
from models.studies import OrgUnit, Programme, Term
from models.words import N_, listed

_GRIDS = ("%(num)d grid", "%(num)d grids")
_ADMISSIONS = ("%(num)d admission", "%(num)d admissions")
_RECORDS = ("%(num)d [session record]", "%(num)d [session records]")
_ENROLMENTS = ("%(num)d registration", "%(num)d registrations")

# table -> (what holds its rows, by which columns, in which words)
_HELD: dict[type[Base], tuple[tuple[FromClause, tuple[str, ...], tuple[str, str]], ...]] = {
    Programme: ((Grid.__table__, ("programme_id",), _GRIDS), (Admission.__table__, ("programme_id",), _ADMISSIONS)),
    Course: ((grid_course, ("course_id",), _GRIDS), (Enrolment.__table__, ("course_id", "parent_course_id"), _ENROLMENTS)),
    Grid: ((Admission.__table__, ("grid_id",), _ADMISSIONS),),
    Term: (
        (Admission.__table__, ("term_id",), _ADMISSIONS),
        (SessionRecord.__table__, ("term_id",), _RECORDS),
        (Enrolment.__table__, ("term_id",), _ENROLMENTS),
    ),
    OrgUnit: (
        (Grid.__table__, ("org_unit_id",), _GRIDS),
        (Admission.__table__, ("org_unit_id",), _ADMISSIONS),
        (Enrolment.__table__, ("org_unit_id",), _ENROLMENTS),
    ),
}


def holding_problem(row: Any) -> Refusal | None:
    """Why a row of the studies cannot go: what holds it, and what to do instead; None when nothing does.

    Counted beneath the scope: it is not free because what holds it is not the person's own.
    """
    session = object_session(row)
    if session is None:
        return None
    held = []
    for table, names, (one, many) in _HELD[type(row)]:
        if count := session.scalar(select(func.count()).select_from(table).where(or_(*(table.c[name] == row.id for name in names)))):
            held.append((count, str(N_(one, many, count))))
    if not held:
        return None
    told = {"name": str(row), "held": listed(words for _count, words in held)}
    total = sum(count for count, _words in held)
    if not isinstance(row, Retirable):
        return Refusal(
            N_(
                "%(name)s cannot be deleted: %(held)s depends on it. Correct it instead, or change what depends on it first.",
                "%(name)s cannot be deleted: %(held)s depend on it. Correct it instead, or change what depends on it first.",
                total,
                **told,
            )
        )
    if row.retired_at is not None:
        return Refusal(
            N_(
                "%(name)s cannot be deleted: %(held)s depends on it. It is no longer offered, and that is enough.",
                "%(name)s cannot be deleted: %(held)s depend on it. It is no longer offered, and that is enough.",
                total,
                **told,
            )
        )
    return Refusal(
        N_(
            "%(name)s cannot be deleted: %(held)s depends on it. Stop offering it instead.",
            "%(name)s cannot be deleted: %(held)s depend on it. Stop offering it instead.",
            total,
            **told,
        )
    )
