"""What of the studies travels with a student: admissions, session records and registrations, with the grids and courses that they name.

By natural keys only: the identifier of the student, the codes of programme, grid and course, a term as A-2017, "code – label" of a list; rows of one
transfer point to one another by references that mean nothing outside it. It is history: what each registration holds, whether inherited here or not.
Never: who registered, confirmed or set anything aside, what was transmitted to the ministry and when, the organisational unit and the timetable,
previous studies and the school's own fields of these tables, which are the school's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from models.admissions import Admission
from models.codes import CodeList, read_codes
from models.courses import Course, Grid
from models.enrolments import CODES, Enrolment, with_shown
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Term
from models.travel import PIECE, References, Row, Travels, declare
from models.units import show_units
from models.words import _, _p

GRID = ("grid", "title", "programme")
COURSE = ("course", "title", "discipline", "official_number", "sobec_number", "objective", "units", "hours", "category")
ADMISSION = (
    *("admission_ref", "student_ref", "programme", "programme_title", "grid", "admission_status", "first_term"),
    *("applied_on", "admitted_on", "ended_on", "sanctioned_on"),
)
RECORD = ("record_ref", "admission_ref", "term", "full_time", "language", "programme_session")
# What is inherited here, or may be set aside: it travels as what counts.
EFFECTIVE = ("language", "category", "funding", "rac_type", "delivery_mode")
OWN_CODES = ("substitution", "remark", "retake", "study_situation", "partner", "census_status")
FIGURES = ("mark", "weighted_mark", "group_average", "absences", "r_score", "r_mean")
ENROLMENT = (
    *("record_ref", "course", "group", "taken"),
    *EFFECTIVE,
    *OWN_CODES,
    *FIGURES,
    *("r_units", "alternative_number", "parent_course", "partner_course", "census_on"),
)
CODE_LISTS: dict[str, CodeList] = {**{key: CODES[key] for key in (*EFFECTIVE, *OWN_CODES)}, "full_time": CodeList.full_time}


def _text(value: Any) -> str:
    """A value as it travels: days as 2017-09-20, figures with a point and no needless zero, codes as "EE – Assessment"."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


def _admissions(session: Session, ids: Sequence[int]) -> Iterator[tuple[Admission, str]]:
    """The admissions of these students, with the identifier of each."""
    shown = (joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.term))
    for start in range(0, len(ids), PIECE):
        wanted = select(Admission, Student.national_id).join(Student, Student.id == Admission.student_id).options(*shown)
        for one, code in session.execute(wanted.where(Admission.student_id.in_(ids[start : start + PIECE])).order_by(Admission.id)):
            yield one, code or ""


def _tell_grids(session: Session, ids: Sequence[int], _references: References) -> Iterator[Row]:
    told: set[int] = set()
    for start in range(0, len(ids), PIECE):
        named = select(Admission.grid_id).where(Admission.student_id.in_(ids[start : start + PIECE]))
        for one in session.scalars(select(Grid).where(Grid.id.in_(named)).options(joinedload(Grid.programme)).order_by(Grid.id)):
            if one.id not in told:
                told.add(one.id)
                yield {"grid": one.code, "title": one.title, "programme": one.programme.code}


def _tell_courses(session: Session, ids: Sequence[int], _references: References) -> Iterator[Row]:
    told: set[int] = set()
    for start in range(0, len(ids), PIECE):
        theirs = Enrolment.student_id.in_(ids[start : start + PIECE])
        named = or_(Course.id.in_(select(Enrolment.course_id).where(theirs)), Course.id.in_(select(Enrolment.parent_course_id).where(theirs)))
        for one in session.scalars(select(Course).where(named).options(joinedload(Course.category)).order_by(Course.id)):
            if one.id not in told:
                told.add(one.id)
                plain = {key: getattr(one, key) for key in ("title", "discipline", "official_number", "sobec_number", "objective")}
                units, hours = show_units(one.unit_thirds, "."), _text(one.weekly_hours)
                yield {"course": one.number, **plain, "units": units, "hours": hours, "category": _text(one.category)}


def _tell_admissions(session: Session, ids: Sequence[int], references: References) -> Iterator[Row]:
    for one, code in _admissions(session, ids):
        yield {
            "admission_ref": references.of("A", one.id),
            "student_ref": code,
            "programme": one.programme.code,
            "programme_title": one.programme.title,
            "grid": one.grid.code if one.grid else "",
            "admission_status": one.status.name,
            "first_term": one.term.short if one.term else "",
            **{key: _text(getattr(one, key)) for key in ("applied_on", "admitted_on", "ended_on", "sanctioned_on")},
        }


def _tell_records(session: Session, ids: Sequence[int], references: References) -> Iterator[Row]:
    for start in range(0, len(ids), PIECE):
        read_codes(session)
        wanted = select(SessionRecord).join(Term, Term.id == SessionRecord.term_id).options(joinedload(SessionRecord.term))
        for one in session.scalars(wanted.where(SessionRecord.student_id.in_(ids[start : start + PIECE])).order_by(Term.place, SessionRecord.id)):
            yield {
                "record_ref": references.of("D", one.id),
                "admission_ref": references.of("A", one.admission_id),
                "term": one.term.short,
                **{key: _text(getattr(one, key)) for key in ("full_time", "language", "programme_session")},
            }


def _tell_enrolments(session: Session, ids: Sequence[int], references: References) -> Iterator[Row]:
    shown = (*with_shown(), joinedload(Enrolment.parent_course))
    for start in range(0, len(ids), PIECE):
        read_codes(session)
        wanted = select(Enrolment).where(Enrolment.student_id.in_(ids[start : start + PIECE])).options(*shown)
        for one in session.scalars(wanted.order_by(Enrolment.session_record_id, Enrolment.id)):
            yield {
                "record_ref": references.of("D", one.session_record_id),
                "course": one.course.number,
                "group": one.group_number,
                "taken": "1" if one.taken else "0",
                **{key: _text(one.value(key)) for key in EFFECTIVE},
                **{key: _text(getattr(one, key)) for key in (*OWN_CODES, *FIGURES, "alternative_number", "partner_course", "census_on")},
                "r_units": show_units(one.r_thirds, "."),
                "parent_course": one.parent_course.number if one.parent_course else "",
            }


# In the order in which a school that takes them in makes what it lacks.
declare(Travels("grids", _("Grids"), GRID, "grid", _tell_grids, kind="moved_grids", needed=False))
declare(Travels("courses", _("[Courses]"), COURSE, "course", _tell_courses, kind="moved_courses", needed=False))
declare(
    Travels(
        "admissions",
        _("Admissions"),
        ADMISSION,
        "admission_ref",
        _tell_admissions,
        refers={"student_ref": "students", "grid": "grids"},
        kind="moved_admissions",
        needed=False,
        alone=True,
        optional=frozenset({"grid"}),
    )
)
declare(
    Travels(
        "session_records",
        _("[Session records]"),
        RECORD,
        "record_ref",
        _tell_records,
        refers={"admission_ref": "admissions"},
        kind="moved_records",
        needed=False,
        alone=True,
    )
)
declare(
    Travels(
        "enrolments",
        _p("record papers", "Registrations"),
        ENROLMENT,
        "",
        _tell_enrolments,
        refers={"record_ref": "session_records", "course": "courses", "parent_course": "courses"},
        kind="moved_enrolments",
        needed=False,
        optional=frozenset({"parent_course"}),
    )
)
