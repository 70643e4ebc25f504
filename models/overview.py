"""The numbers of the home page and of the tabs: how many students, how many of them somebody follows.

In a large school they cost more than the page around them: there they are kept for a minute, for everybody whose view reaches as far.
Whoever has written something meanwhile is counted again, so that one's own change is always seen. With several processes the others
learn of it within the minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Integer, case, event, func, literal, select, union_all
from sqlalchemy.orm import ORMExecuteState, Session

from models.activation import followed_clause, missing_clause
from models.admissions import Admission
from models.db import db
from models.people import Guardian, Student, StudentStatus
from models.school import Country, Level, School
from models.scope import SCOPE, WHO, Scope

T = TypeVar("T")

LARGE = 5_000  # students: from here on counting costs more than the page
KEPT = 60.0  # seconds
SLOW = 2.0  # seconds that a reading transaction may have been open before it counts: it does not see what was committed meanwhile
LEVELS = 8  # of the chart
PEOPLE = ("student", "guardian", "guardian_link", "activation_code", "level")  # screens that tell who follows whom
_MOST = 2_000  # answers kept at a time

_clock = time.monotonic
_kept: dict[tuple[Any, ...], tuple[float, Any]] = {}
_wrote: dict[tuple[str, int | None], float] = {}  # by database and person: their last commit


@dataclass(frozen=True)
class Students:
    """How many students are here, how many have left, and how many of the first nobody can see yet (None where that is not counted)."""

    active: int
    left: int
    unseen: int | None
    admitted: bool = False  # whether this is a school of Québec that admits to programmes

    @property
    def all(self) -> int:
        """Here or not."""
        return self.active + self.left

    @property
    def large(self) -> bool:
        """Whether numbers about them are worth keeping."""
        return self.all > LARGE


@dataclass(frozen=True)
class Followed:
    """A level, its active students, and how many of them somebody follows."""

    level: str
    students: int
    followed: int


@dataclass(frozen=True)
class Following:
    """Guardians with an account, and the levels in their order."""

    registered: int
    levels: tuple[Followed, ...]


def _place() -> str:
    return str(db.engine.url)


def _reader(about: Iterable[str]) -> tuple[Any, ...] | None:
    """For whom a number about these screens holds: everybody of the school who reads all their rows, else this person alone. None without
    a scope.
    """
    scope = SCOPE.get()
    if not isinstance(scope, Scope) or scope.school_id is None:
        return None
    narrowed = tuple((screen, scope.reach[screen]) for screen in sorted(about) if screen in scope.reach)
    return _place(), scope.school_id, scope.user_id if narrowed or scope.portal else None, scope.portal, narrowed


def counted(name: Any, about: Iterable[str], ask: Callable[[], T], *, worth: Callable[[T], bool]) -> T:
    """The answer of this name: the one kept that still holds for this person, else the one asked for now, kept when it is `worth` it.

    `about`: the screens whose rows it counts.
    """
    reader = _reader(about)
    at, value = _kept.get((reader, name), (0.0, None))
    if reader is not None and value is not None and _clock() - at <= KEPT and _wrote.get((_place(), WHO.get().user_id), 0.0) < at:
        found: T = value
        return found
    fresh = ask()
    if reader is not None and worth(fresh):
        if len(_kept) >= _MOST:
            _kept.clear()
        _kept[reader, name] = _clock() - SLOW, fresh
    return fresh


def forget() -> None:
    """Keep nothing: this process serves another database now."""
    _kept.clear()
    _wrote.clear()


def students() -> Students:
    """The students whom the person sees, in one statement."""
    return counted("students", PEOPLE, _ask_students, worth=lambda found: found.large)


def _ask_students() -> Students:
    count = select(func.count(Student.id))
    active = count.where(Student.status == StudentStatus.active).scalar_subquery()
    left = count.where(Student.status == StudentStatus.left).scalar_subquery()
    unseen = count.where(Student.status == StudentStatus.active, missing_clause()).scalar_subquery()
    admitted = select(Admission.id).join(School, School.id == Admission.school_id).where(School.country == Country.CA).exists()
    row = db.session.execute(select(active, left, case((active <= LARGE, unseen)), admitted)).one()
    return Students(*row)


def following(*, large: bool) -> Following:
    """Who follows: the guardians with an account, and each level's students, in one statement; kept in a `large` school."""
    return counted("following", PEOPLE, _ask_following, worth=lambda _found: large)


def _ask_following() -> Following:
    registered = select(func.count(Guardian.id)).where(Guardian.user_id.is_not(None)).scalar_subquery()
    levels = (
        select(Level.rank.label("place"), Level.name, func.count(Student.id).label("students"), func.sum(case((followed_clause(), 1), else_=0)).label("seen"))
        .join(Student, Student.level_id == Level.id)
        .where(Student.status == StudentStatus.active)
        .group_by(Level.id, Level.name, Level.rank)
        .order_by(Level.rank)
        .limit(LEVELS)
        .subquery()
    )
    rows = db.session.execute(union_all(select(literal(None, Integer), literal(""), registered, literal(0)), select(levels))).all()
    first, *others = sorted(rows, key=lambda row: (row[0] is not None, row[0] or 0))
    return Following(first[2], tuple(Followed(name, n, int(seen)) for _place, name, n, seen in others))


# --- who has written: their next look is a fresh one ---------------------------------------------------------------------------------


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _context: Any) -> None:
    session.info["wrote"] = True


@event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if not state.is_select:
        state.session.info["wrote"] = True


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if session.info.pop("wrote", False):
        _wrote[_place(), WHO.get().user_id] = _clock()
        if len(_wrote) > _MOST:
            forget()
