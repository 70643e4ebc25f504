"""The registrations of the bench: as many as there are students, three courses in each session record, in one term of this year and one of the last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus
from models.base import utcnow
from models.codes import CodeList, CodeValue
from models.courses import Course, RacGroup
from models.db import db
from models.enrolments import Enrolment, Outcome
from models.session_records import SessionRecord
from models.studies import Programme, Term

COURSES = 40
GROUPS = 5  # of each course
EACH = 3  # registrations of a record

Insert = Callable[[Any, Iterable[dict[str, Any]]], None]


def write(insert: Insert, school: int, first: int, students: list[int]) -> None:
    """Admissions and session records for one student in three, three registrations each."""
    now = utcnow()
    stamp = {"school_id": school, "created_at": now, "updated_at": now}
    programme = db.session.scalars(select(Programme.id).where(Programme.school_id == school).order_by(Programme.id)).first()
    terms = db.session.scalars(select(Term.id).where(Term.school_id == school).order_by(Term.place)).all()
    kinds = {code: first + n for n, code in enumerate(("SO", "EE", "EE SR", "FM"))}
    lists = {"SO": CodeList.rac_type, "EE": CodeList.rac_type, "EE SR": CodeList.rac_type, "FM": CodeList.rac_type}
    insert(CodeValue.__table__, ({"id": kinds[code], "code_list": of, "code": code, "label": code, "rank": kinds[code], **stamp} for code, of in lists.items()))
    insert(
        Course.__table__,
        (
            {"id": first + n, "number": f"{300 + n}-{100 + n}-MV", "title": f"Cours {n}", "unit_thirds": 7, "weekly_hours": 3, **stamp}
            for n in range(COURSES)
        ),
    )  # fmt: skip
    insert(
        RacGroup.__table__,
        (
            {"id": first + n * GROUPS + k, "course_id": first + n, "number": f"{990 + k:05d}", "rac_type_id": kinds["EE"], **stamp}
            for n in range(COURSES)
            for k in range(GROUPS)
        ),
    )
    who = students[::EACH]
    insert(
        Admission.__table__,
        (
            {"id": first + n, "student_id": student, "programme_id": programme, "status": AdmissionStatus.active, **stamp}
            for n, student in enumerate(who)
        ),
    )  # fmt: skip
    insert(
        SessionRecord.__table__,
        (
            {"id": first + n, "student_id": student, "admission_id": first + n, "term_id": terms[-1 - n % 2], **stamp}
            for n, student in enumerate(who)
        ),
    )  # fmt: skip
    insert(
        Enrolment.__table__,
        (
            {
                "id": first + n * EACH + k,
                "session_record_id": first + n,
                "student_id": student,
                "term_id": terms[-1 - n % 2],
                "course_id": first + (n + k * 7) % COURSES,
                "group_number": f"{990 + n % GROUPS:05d}",
                "mark": 50 + n % 50 if n % 2 else None,
                "outcome": Outcome.in_progress if not n % 2 else Outcome.passed if n % 50 >= 10 else Outcome.failed,
                **stamp,
            }
            for n, student in enumerate(who)
            for k in range(EACH)
        ),
    )
