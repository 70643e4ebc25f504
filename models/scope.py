"""Which rows exist for the person who asks: one wall for every query and every flush.

A `do_orm_execute` listener adds the criteria of the current `Scope` to every statement; a `before_flush` guard fills and
checks `school_id` and refuses links to rows out of scope. Without a scope every query raises: the door that forgot is
found at once. The criteria of each table stand in `models/reach.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import ForeignKey, event, select
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import LoaderCriteriaOption, Mapped, Mapper, ORMExecuteState, Session, declared_attr, mapped_column
from sqlalchemy.sql.cache_key import NO_CACHE

from models.base import Base, Refusal
from models.words import _


class NoScopeError(RuntimeError):
    """A query was asked before the door said for whom."""


class OutOfScope(Refusal):
    """A row was linked to one that does not exist for this person."""


class SchoolScoped:
    """A row of one school; visible only where the scope says so."""

    @declared_attr
    def school_id(cls) -> Mapped[int]:  # noqa: N805 (SQLAlchemy calls it with the class)
        """The school of the row; filled by the guard when empty."""
        return mapped_column(ForeignKey("school.id", ondelete="CASCADE"), index=True, info={"label": _("[School]")})


@dataclass(frozen=True)
class Scope:
    """For whom rows exist: a school, the person, and how far each table reaches ("g", "o"; absent = the whole school).

    `portal` is "guardian" or "student": then the person's own children, or the person, decide instead of the school.
    `looking`: somebody else looks at the screens as this person, who keeps what only they read (`models/reach.py`, `AUTHOR_ONLY`).
    `whole`: what the application does with every row of the school, whoever wrote it (two records become one); nobody reads through it.
    """

    school_id: int | None
    user_id: int | None = None
    reach: Mapping[str, str] = field(default_factory=dict)
    portal: str | None = None
    looking: bool = False
    whole: bool = False

    def __hash__(self) -> int:
        return hash((self.school_id, self.user_id, self.portal))

    @cached_property
    def options(self) -> tuple[Any, ...]:
        """The loader criteria of this scope."""
        return _criteria(replace(self, reach=MappingProxyType(dict(self.reach))), frozenset(Base.registry.mappers))


@lru_cache(maxsize=64)  # the same for every page of a person, as long as every field of their scope is
def _criteria(scope: Scope, mappers: frozenset[Mapper[Any]]) -> tuple[Any, ...]:
    from models.reach import criterion

    # In one order, so that everybody's statements are the same and are compiled once.
    found = ((mapper, criterion(mapper, scope)) for mapper in sorted(mappers, key=lambda mapper: mapper.class_.__name__))
    return tuple(_Criterion(mapper.class_, clause, include_aliases=True, propagate_to_loaders=False) for mapper, clause in found if clause is not None)


_SHAPES: dict[Any, tuple[object]] = {}  # what SQLAlchemy says of a criterion, without its values -> what stands for it


class _Criterion(LoaderCriteriaOption):
    """`with_loader_criteria`, whose part in the key of a compiled statement is worked out once and not for each statement, which carries all
    of them. Equal clauses with other values have the same part, as ever, and give their values in the same order.
    """

    _traverse_internals = LoaderCriteriaOption._traverse_internals
    known: tuple[tuple[object], list[Any]] | None = None

    def _gen_cache_key(self, anon_map: Any, bindparams: list[Any]) -> Any:
        if self.known is None:
            names, values = type(anon_map)(), list[Any]()
            shape = super()._gen_cache_key(names, values)
            if shape is None or NO_CACHE in names:
                return super()._gen_cache_key(anon_map, bindparams)
            self.known = _SHAPES.setdefault(shape, (object(),)), values
        bindparams.extend(self.known[1])
        return self.known[0]


class _Everything:
    """The scope of look-ups by a secret, of setup and of the job runner's claim."""


EVERYTHING = _Everything()


@dataclass(frozen=True, eq=False)
class Overrides:
    """What a school has changed in the table of rights: (table, role) -> verb -> granted. Compared by identity: one for each mark of its rows."""

    mark: tuple[Any, ...] = ()
    cells: Mapping[tuple[str, str], Mapping[str, bool]] = field(default_factory=dict)


AS_BY_DEFAULT = Overrides()


@dataclass(frozen=True)
class Actor:
    """Who acts: for the history and for the rules that ask about the person.

    `roles` with `overrides` say what they may do (`models/rights.py`). While somebody looks as another person, `user_id` stays their own,
    so that nothing is ever written as done by the other, and `eyes` is the other's: whose rows count as "own" on the screen.
    """

    user_id: int | None = None
    name: str = ""
    roles: frozenset[str] = frozenset()
    language: str = "fr"
    overrides: Overrides = AS_BY_DEFAULT
    looking: bool = False
    seen_id: int | None = None

    @property
    def eyes(self) -> int | None:
        """Whose rows are "own": the person's, or those of whom they look as."""
        return self.seen_id or self.user_id


SCOPE: ContextVar[Scope | _Everything | None] = ContextVar("scope", default=None)
WHO: ContextVar[Actor] = ContextVar("who", default=Actor())  # noqa: B039 (frozen)
BATCH: ContextVar[str | None] = ContextVar("batch", default=None)


@contextmanager
def acting(actor: Actor, scope: Scope, batch: str | None = None) -> Iterator[None]:
    """Work as this person within this scope; one batch in the history."""
    tokens = WHO.set(actor), SCOPE.set(scope), BATCH.set(batch)
    try:
        yield
    finally:
        BATCH.reset(tokens[2])
        SCOPE.reset(tokens[1])
        WHO.reset(tokens[0])


@contextmanager
def unscoped(reason: str) -> Iterator[None]:
    """Look without a scope. Only for look-ups by a secret, setup, the runner's claim, nightly work; `reason` is for the reader."""
    if not reason:
        raise ValueError("say why the scope does not apply")
    token = SCOPE.set(EVERYTHING)
    try:
        yield
    finally:
        SCOPE.reset(token)


def current_school_id() -> int | None:
    """The school of the current scope, if it has one."""
    scope = SCOPE.get()
    return scope.school_id if isinstance(scope, Scope) else None


@event.listens_for(Session, "do_orm_execute")
def _limit(state: ORMExecuteState) -> None:
    """Add the scope to every statement of the session."""
    if state.is_column_load or state.is_insert:
        return
    scope = SCOPE.get()
    if scope is None:
        raise NoScopeError("no scope: the door must say for whom it asks")
    if isinstance(scope, Scope):
        state.statement = state.statement.options(*scope.options)


@event.listens_for(Session, "before_flush")
def _guard(session: Session, _context: Any, _instances: Any) -> None:
    """Fill and check the school of every new or changed row, and that what it points to exists for this person."""
    scope = SCOPE.get()
    if isinstance(scope, _Everything):
        return
    if scope is None:
        raise NoScopeError("no scope: the door must say for whom it writes")
    wanted: dict[Mapper[Any], set[int]] = {}
    for row in (*session.new, *(r for r in session.dirty if session.is_modified(r))):
        if isinstance(row, SchoolScoped):
            if row.school_id is None and scope.school_id is not None:
                row.school_id = scope.school_id
            if scope.school_id is not None and row.school_id != scope.school_id:
                raise OutOfScope(_("This record belongs to another [school]. Nothing was changed."))
        _collect_targets(row, session, wanted)
    with session.no_autoflush:
        for mapper, ids in wanted.items():
            key = mapper.primary_key[0]
            seen = set(session.scalars(select(mapper.class_.id).where(key.in_(ids))))
            if ids - seen:
                raise OutOfScope(_("The chosen record was not found. Choose it again in the list."))


def _collect_targets(row: Any, session: Session, wanted: dict[Mapper[Any], set[int]]) -> None:
    state = sa_inspect(row)
    for relation in state.mapper.relationships:
        target = relation.mapper
        if relation.viewonly or not _is_scoped(target):
            continue
        history = state.attrs[relation.key].history
        for other in history.added or ():
            if other is not None and other not in session.new:
                wanted.setdefault(target, set()).add(other.id)
        if relation.direction.name == "MANYTOONE" and not history.added:
            for column in relation.local_columns:
                prop = state.mapper.get_property_by_column(column)
                changed = state.attrs[prop.key].history
                wanted.setdefault(target, set()).update(v for v in changed.added or () if v is not None)
                if not wanted[target]:
                    del wanted[target]


def _is_scoped(mapper: Mapper[Any]) -> bool:
    """School rows, and the tables whose visibility `models/reach.py` derives (users, schools)."""
    return issubclass(mapper.class_, SchoolScoped) or mapper.class_.__tablename__ in {"user", "school"}
