"""Who has access to what: one row for each guardian and child, and one for each child whom no guardian follows (features S1-15, S1-16).

Nothing is kept here: the rows are read from links, guardians, codes and students as they stand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, literal, or_, select, type_coerce
from sqlalchemy.orm import Session, joinedload, undefer

from models.access import LoginEvent, LoginKind, User
from models.activation import ActivationCode, CodePurpose, usable_clause
from models.among import among
from models.base import Base, Choice
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Relation, Student
from models.words import _, _p

_PIECE = 5_000  # identifiers of one statement


class AccessState(Choice):
    """Where a guardian stands; of several facts the first in this order."""

    suspended = "suspended", _p("access_data", "Suspended"), "bad"
    to_check = "to_check", _p("access_data", "To check"), "warn"
    account = "account", _("Has an account"), "ok"
    code = "code", _("Usable code"), "info"
    nothing = "nothing", _p("access_data", "Nothing yet"), "mute"


_student, _link, _guardian = Student.__table__, GuardianLink.__table__, Guardian.__table__


def _read(column: Any, name: str) -> Any:
    """A column as it is read here: no longer one that points to a table, for nothing here follows a merge or an erasure by itself."""
    return type_coerce(column, column.type).label(name)


# Even numbers are links, odd ones students without a link: each row has one number, the same in every order.
_rows = (
    select(
        case((_link.c.id.is_not(None), _link.c.id * 2), else_=_student.c.id * 2 + 1).label("id"),
        _read(_student.c.school_id, "school_id"),
        _read(_student.c.id, "student_id"),
        _read(_student.c.search_key, "student_key"),
        _read(_student.c.status, "student_status"),
        _read(_student.c.level_id, "level_id"),
        _read(_student.c.homeroom_id, "homeroom_id"),
        _read(_link.c.id, "link_id"),
        _read(_link.c.guardian_id, "guardian_id"),
        _read(_link.c.status, "link_status"),
        _read(_guardian.c.search_key, "guardian_key"),
        _read(_guardian.c.user_id, "user_id"),
    )
    .select_from(_student.outerjoin(_link, _link.c.student_id == _student.c.id).outerjoin(_guardian, _guardian.c.id == _link.c.guardian_id))
    .subquery("access_data")
)


class AccessData:
    """The rows as a query sees them; nothing of them is ever written. Which exist for a person is said in `models/reach.py`."""

    __tablename__ = "access_data"
    id: Any
    school_id: Any
    student_id: Any
    student_key: Any
    student_status: Any
    level_id: Any
    homeroom_id: Any
    link_id: Any
    guardian_id: Any
    link_status: Any
    guardian_key: Any
    user_id: Any


Base.registry.map_imperatively(AccessData, _rows, primary_key=[_rows.c.id])


def state_of_rows() -> Any:
    """The SQL of a row's state. Codes are two sets that the database builds once: those for one guardian, those for all of them."""
    a, code = AccessData, ActivationCode
    named = select(GuardianLink.id).join(code, and_(code.student_id == GuardianLink.student_id, code.guardian_id == GuardianLink.guardian_id))
    for_all = select(code.student_id).where(code.guardian_id.is_(None), usable_clause())
    return case(
        (a.link_status == LinkStatus.suspended, literal(AccessState.suspended.name)),
        (a.link_status == LinkStatus.to_check, literal(AccessState.to_check.name)),
        (a.user_id.is_not(None), literal(AccessState.account.name)),
        (or_(a.student_id.in_(for_all), a.link_id.in_(named.where(usable_clause()))), literal(AccessState.code.name)),
        else_=literal(AccessState.nothing.name),
    )


@dataclass(frozen=True)
class Line:
    """One row as the screen shows it. An account is never more than a yes, a last sign-in, a confirmed address
    and, where it is not the guardian's own name, whose it is."""

    id: int
    student: Student
    guardian: Guardian | None
    relation: Relation | None
    authority: Authority | None
    state: AccessState
    last_sign_in: dt.datetime | None
    printed_at: dt.datetime | None
    email_confirmed: bool | None

    def __str__(self) -> str:
        return str(self.student)

    @property
    def homeroom(self) -> str:
        """The class."""
        return self.student.homeroom_name or ""


@dataclass
class _Codes:
    """What the codes of one student say: for one guardian, or (None) for all of them."""

    printed: dict[int | None, dt.datetime | None]
    usable: set[int | None]


def lines(session: Session, ids: Sequence[int]) -> list[Line]:
    """The rows of these numbers, in their order; six statements at most, however many."""
    links = {i: i // 2 for i in ids if i % 2 == 0}
    alone = {i: i // 2 for i in ids if i % 2}
    found: dict[int, tuple[GuardianLink | None, Student]] = {}
    account = joinedload(GuardianLink.guardian).joinedload(Guardian.user).load_only(User.email_confirmed_at, User.given_name, User.family_name, User.email)
    options = (account, joinedload(GuardianLink.student).undefer(Student.homeroom_name))
    for link in session.scalars(select(GuardianLink).where(among(GuardianLink.id, list(links.values()))).options(*options)) if links else ():
        found[link.id * 2] = link, link.student
    for student in session.scalars(select(Student).where(among(Student.id, list(alone.values()))).options(undefer(Student.homeroom_name))) if alone else ():
        found[student.id * 2 + 1] = None, student
    codes = _codes(session, [student.id for _link, student in found.values()])
    users = {link.guardian.user_id for link, _student in found.values() if link is not None and link.guardian.user_id}
    signed = _sign_ins(session, users)
    return [_line(i, *found[i], codes, signed) for i in ids if i in found]


def _line(number: int, link: GuardianLink | None, student: Student, codes: dict[int, _Codes], signed: dict[int, dt.datetime]) -> Line:
    known = codes.get(student.id) or _Codes({}, set())
    guardian = link.guardian if link else None
    whose = {None, guardian.id} if guardian else {None}
    printed = [at for key, at in known.printed.items() if key in whose and at is not None]
    user_id = guardian.user_id if guardian else None
    if link is not None and link.status is not LinkStatus.active:
        state = AccessState[link.status.name]
    elif user_id:
        state = AccessState.account
    else:
        state = AccessState.code if known.usable & whose else AccessState.nothing
    return Line(
        id=number,
        student=student,
        guardian=guardian,
        relation=link.relation if link else None,
        authority=link.authority if link else None,
        state=state,
        last_sign_in=signed.get(user_id) if user_id else None,
        printed_at=max(printed, default=None),
        email_confirmed=guardian.user.email_confirmed_at is not None if guardian and guardian.user else None,
    )


def _codes(session: Session, student_ids: Sequence[int]) -> dict[int, _Codes]:
    c, found = ActivationCode, dict[int, _Codes]()
    usable = func.max(case((usable_clause(), 1), else_=0))
    asked = select(c.student_id, c.guardian_id, func.max(c.printed_at), usable).where(c.purpose == CodePurpose.guardian)
    for student_id, guardian_id, printed, open_ in session.execute(asked.where(among(c.student_id, student_ids)).group_by(c.student_id, c.guardian_id)):
        codes = found.setdefault(student_id, _Codes({}, set()))
        codes.printed[guardian_id] = printed
        codes.usable |= {guardian_id} if open_ else set()
    return found


def _sign_ins(session: Session, users: set[int]) -> dict[int, dt.datetime]:
    """The last sign-in of each. Read from the table itself: that somebody came is on this screen for whoever follows the child, while the
    list of sign-ins, with machines and addresses, keeps its own right.
    """
    e = LoginEvent.__table__
    asked = select(e.c.user_id, func.max(e.c.at)).where(e.c.kind == LoginKind.signed_in, e.c.user_id.in_(users)).group_by(e.c.user_id)
    return {row[0]: row[1] for row in session.execute(asked)} if users else {}


# --- what is done from the rows ------------------------------------------------------------------------------------------------------------


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _PIECE):
        yield ids[start : start + _PIECE]


def _column(session: Session, ids: Sequence[int], column: Any) -> list[int]:
    """The values of a column of these rows, once each, those without one left out; links and lone students are looked up by their own keys."""
    links, alone = [i // 2 for i in ids if i % 2 == 0], [i // 2 for i in ids if i % 2]
    found: dict[int, None] = {}
    for keys, at in ((links, AccessData.link_id), (alone, AccessData.student_id)):
        for some in _pieces(keys):
            found.update(dict.fromkeys(session.scalars(select(column).where(among(at, some), column.is_not(None)).order_by(AccessData.id))))
    return list(found)


def students_of(session: Session, ids: Sequence[int]) -> list[int]:
    """The students of these rows, once each."""
    return _column(session, ids, AccessData.student_id)


def guardians_of(session: Session, ids: Sequence[int]) -> list[int]:
    """The guardians of these rows who sign in: through an active link, with an account; once each."""
    signs_in = and_(AccessData.link_status == LinkStatus.active, AccessData.user_id.is_not(None))
    return _column(session, ids, case((signs_in, AccessData.guardian_id)))


def codes_of(session: Session, ids: Sequence[int]) -> list[int]:
    """The usable codes of these rows: those for their guardian, and those for all guardians of the child."""
    c, found = ActivationCode, dict[int, None]()
    rows: list[tuple[int, int | None]] = []
    links, alone = [i // 2 for i in ids if i % 2 == 0], [i // 2 for i in ids if i % 2]
    for some in _pieces(links):
        asked = select(GuardianLink.student_id, GuardianLink.guardian_id).where(among(GuardianLink.id, some), GuardianLink.status == LinkStatus.active)
        rows += [(student_id, guardian_id) for student_id, guardian_id in session.execute(asked)]
    rows += [(student_id, None) for student_id in alone]
    wanted = {*rows, *((student_id, None) for student_id, _guardian_id in rows)}
    for some in _pieces(sorted({student_id for student_id, _guardian_id in rows})):
        for code_id, student_id, guardian_id in session.execute(
            select(c.id, c.student_id, c.guardian_id).where(among(c.student_id, some), usable_clause()).order_by(c.id)
        ):
            if (student_id, guardian_id) in wanted:
                found[code_id] = None
    return list(found)
