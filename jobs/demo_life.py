"""What makes the demonstration look lived in: activation codes in every state, sign-ins and the history of the last weeks.

Its rows are written by statement: no listener sees them, so that the history holds the school's days and not the loading.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import insert
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Session

from models import keys
from models.access import LoginEvent, LoginKind, User
from models.activation import ActivationCode, CodePurpose, life_of, new_codes
from models.base import Base, utcnow
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, Student
from models.reminders import Reminder
from models.school import School

Row = TypeVar("Row", bound=Base)
AGENT = "Mozilla/5.0 (demonstration)"

# How many days ago, at what hour, which account, what, on which table, how many rows ("ids" names the table of the record).
DAYS: tuple[tuple[int, int, str, str, str, int], ...] = (
    (62, 9, "acc", "edited", "school", 1),
    (61, 10, "acc", "created", "user", 8),
    (60, 14, "ac", "confirm", "import_", 300),
    (58, 9, "ac", "created", "group", 3),
    (48, 11, "ac", "generate_codes", "student", 120),
    (47, 15, "ac", "print_letters", "activation_code", 120),
    (30, 8, "registrar", "edited", "student", 1),
    (21, 16, "ac", "suspend", "guardian_link", 1),
    (14, 10, "ec", "add_to_group", "student", 6),
    (12, 9, "registrar", "edited", "guardian", 1),
    (9, 17, "head", "open_inspection", "membership", 1),
    (7, 11, "ac", "exported", "student", 78),
    (5, 14, "amp", "print_letters", "activation_code", 1),
    (3, 9, "ec", "edited", "student", 1),
    (2, 13, "ac", "edited", "guardian", 1),
    (1, 10, "ac", "edited", "student", 1),
    (1, 15, "registrar", "created", "guardian", 1),
)


def store(session: Session, rows: Sequence[Row]) -> Sequence[Row]:
    """Insert rows of one table, each built with the same columns; their keys are filled in. The rows stay outside the session."""
    if rows:
        mapper = sa_inspect(type(rows[0]))
        names = [attr.key for attr in mapper.column_attrs if attr.key in rows[0].__dict__]
        values = [{name: getattr(row, name) for name in names} for row in rows]
        key: Any = mapper.attrs["id"].class_attribute
        found = session.scalars(insert(type(rows[0])).returning(key, sort_by_parameter_order=True), values).all()
        for row, row_id in zip(rows, found, strict=True):
            row.id = row_id  # type: ignore[attr-defined]  # every table here is Identified
    return rows


def load_codes(session: Session, r: random.Random, school: School, students: Sequence[Student], links: Sequence[GuardianLink], known: dict[int, int]) -> None:
    """Codes in all four states. `known`: guardian -> user, for those who registered; the others' children are left partly without."""
    now = utcnow()
    by_student: dict[int, list[GuardianLink]] = {}
    for link in links:
        by_student.setdefault(link.student_id, []).append(link)
    wanted: list[dict[str, Any]] = []
    for student in students:
        mine = by_student.get(student.id, [])
        day = now - dt.timedelta(days=r.randint(40, 48), hours=r.randint(1, 9))
        life = dt.timedelta(days=life_of(school))
        seen = [link for link in mine if link.guardian_id in known]
        for link in seen:
            used = day + dt.timedelta(days=r.randint(2, 30))
            wanted.append(_code(student, day, day + life, link.guardian_id, used_at=used, used_by_id=known[link.guardian_id]))
        draw = r.random()
        if seen or not mine or draw > 0.45:
            continue
        if draw < 0.3:
            wanted += [_code(student, day, day + life, link.guardian_id) for link in mine[:2]]
        elif draw < 0.38:
            wanted.append(_code(student, day - life, day, mine[0].guardian_id))
        else:
            wanted.append(_code(student, day, day + life, mine[0].guardian_id, revoked_at=day + dt.timedelta(days=5)))
    rows = [_sealed(code, values) for code, values in zip(new_codes(len(wanted)), wanted, strict=True)]
    for row in rows:
        row.school_id, row.batch = school.id, f"demo-{school.id}"
    store(session, rows)


def _code(
    student: Student,
    created: dt.datetime,
    expires: dt.datetime,
    guardian_id: int | None,
    used_at: dt.datetime | None = None,
    used_by_id: int | None = None,
    revoked_at: dt.datetime | None = None,
) -> dict[str, Any]:
    return {
        "student_id": student.id,
        "guardian_id": guardian_id,
        "purpose": CodePurpose.guardian,
        "created_at": created,
        "expires_at": expires,
        "used_at": used_at,
        "used_by_id": used_by_id,
        "revoked_at": revoked_at,
        "printed_count": 1,
        "printed_at": created + dt.timedelta(hours=4),
    }


def _sealed(code: str, values: dict[str, Any]) -> ActivationCode:
    """The row of a code: readable again only while it can serve."""
    over = values["used_at"] or values["revoked_at"] or values["expires_at"] <= utcnow()
    sealed = "" if over else keys.seal("activation", code)
    return ActivationCode(digest=keys.digest("activation", code), sealed=sealed, tail=code[-4:], **values)


def load_reminders(session: Session, school: School, registrar: User, students: Sequence[Student], day: dt.date) -> None:
    """What the registrar wrote down for themselves: late, for today, for later, about a student or not."""
    found = (
        (-2, students[4 % len(students)], "Demander l’acte de naissance"),
        (0, students[9 % len(students)], "Rappeler la famille au sujet de l’adresse"),
        (6, None, "Préparer la liste des départs"),
    )
    store(
        session,
        [
            Reminder(school_id=school.id, requested_by_id=registrar.id, student_id=about.id if about else None, text=text, due_on=day + dt.timedelta(days=days))
            for days, about, text in found
        ],
    )


def load_history(
    session: Session, r: random.Random, school: School, staff: dict[str, User], students: Sequence[Student], guardians: Sequence[Guardian]
) -> None:
    """Who did what over the last two months, and who signed in over the last two weeks."""
    now = utcnow()
    events = []
    for days, hour, account, verb, table, rows in DAYS:
        user = staff[account]
        people: Sequence[Student | Guardian] = students if table == "student" else guardians if table == "guardian" else ()
        events.append(
            JournalEvent(
                school_id=school.id,
                at=_moment(r, now, days, hour),
                user_id=user.id,
                who=user.name,
                roles=account,
                verb=verb,
                table_name=table,
                row_id=r.choice(people).id if people and rows == 1 else None,
                rows=rows,
                batch=f"{r.getrandbits(64):016x}",
            )
        )
    store(session, events)
    visits = []
    for days in range(14, 0, -1):
        if (now - dt.timedelta(days=days)).weekday() < 5:
            some = r.sample([staff[name] for name in ("acc", "ac", "ec", "amp", "registrar", "head")], 4)
            visits += [_visit(user, _moment(r, now, days, r.randint(7, 16)), LoginKind.signed_in) for user in some]
    visits.append(_visit(staff["amp"], _moment(r, now, 4, 8), LoginKind.refused))
    store(session, visits)


def _visit(user: User, at: dt.datetime, kind: LoginKind) -> LoginEvent:
    return LoginEvent(at=at, user_id=user.id, kind=kind, address="192.0.2.10", agent=AGENT)


def _moment(r: random.Random, now: dt.datetime, days: int, hour: int) -> dt.datetime:
    day = now - dt.timedelta(days=days)
    return day.replace(hour=hour, minute=r.randrange(60), second=r.randrange(60), microsecond=0)
