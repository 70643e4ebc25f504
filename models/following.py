"""What points to a row, found by metadata: every foreign key, every table of many to many, every pair of columns that names a table
and a row. A later table follows by itself when two rows become one (models/merge.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Table, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapper, Session

from models.base import Base
from models.changes import record_changes
from models.journal import screen_of

# Which of two rows stays when both cannot: (the kept record's row, the other's) -> (the one that stays, the one that goes).
# The rule may complete the row that stays. Without one, the kept record's row stays as it is.
Join = Callable[[Any, Any], tuple[Any, Any]]
JOINS: dict[type, Join] = {}


def joins(model: type) -> Callable[[Join], Join]:
    """Declare the rule of a table whose rows may meet."""

    def declare(rule: Join) -> Join:
        JOINS[model] = rule
        return rule

    return declare


class Pointer(NamedTuple):
    """A column that points to the rows of a table: its class, its attribute, the relation over it (empty: none).

    `names` is the attribute that names the table, where one column serves several tables.
    """

    mapper: Mapper[Any]
    key: str
    relation: str = ""
    names: str = ""

    @property
    def column(self) -> Column[Any]:
        """The column itself."""
        found: Column[Any] = self.mapper.attrs[self.key].columns[0]
        return found

    @property
    def table(self) -> str:
        """The screen of the rows that point."""
        return screen_of(self.mapper)

    def where(self, row: Any) -> Any:
        """The clause of the rows that point to this one."""
        here = getattr(self.mapper.class_, self.key) == row.id
        return here if not self.names else here & (getattr(self.mapper.class_, self.names) == row.__tablename__)


@cache
def pointers(model: Any) -> tuple[Pointer, ...]:
    """Every column that points, or may point, to rows of this class; in a settled order."""
    found = []
    for mapper in sorted(Base.registry.mappers, key=lambda m: str(m.class_.__tablename__)):
        for prop in mapper.column_attrs:
            column = prop.columns[0]
            if isinstance(column, Column) and any(fk.column.table is model.__table__ for fk in column.foreign_keys):
                relation = next((r.key for r in mapper.relationships if r.direction.name == "MANYTOONE" and r.local_columns == {column}), "")
                found.append(Pointer(mapper, prop.key, relation))
        named = [key.removesuffix("_table") for key in mapper.column_attrs.keys() if key.endswith("_table")]  # noqa: SIM118 (no dict)
        found += [Pointer(mapper, f"{name}_id", names=f"{name}_table") for name in named if f"{name}_id" in mapper.column_attrs]
    return tuple(found)


@cache
def collections(model: Any) -> tuple[str, ...]:
    """The relations of many to many of this class."""
    return tuple(r.key for r in model.__mapper__.relationships if r.secondary is not None and not r.viewonly)


def unfollowed(model: Any) -> list[str]:
    """Tables of many to many that point to this class and that no relation of it shows: a merge would lose their lines. None, please."""
    shown = {r.secondary for r in model.__mapper__.relationships if r.secondary is not None}
    mapped = {mapper.local_table for mapper in Base.registry.mappers}
    tables: list[Table] = [t for t in Base.metadata.tables.values() if t not in mapped and t not in shown]
    return [t.name for t in tables if any(fk.column.table is model.__table__ for fk in t.foreign_keys)]


def _unique_with(pointer: Pointer) -> Iterator[tuple[str, ...]]:
    """The other attributes of each set of columns that no two rows may share, and that holds this one."""
    column, mapper = pointer.column, pointer.mapper
    table = column.table
    sets = [set(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)] + [set(i.columns) for i in table.indexes if i.unique]
    for columns in [*sets, *([{column}] if column.unique else [])]:
        if column in columns:
            yield tuple(sorted(mapper.get_property_by_column(other).key for other in columns - {column}))


@dataclass
class Found:
    """The rows behind one pointer that would follow; `twins` are those that meet a row of the kept record; `own` would point to itself."""

    pointer: Pointer
    rows: list[Any] = field(default_factory=list)
    twins: dict[int, Any] = field(default_factory=dict)
    own: set[int] = field(default_factory=set)
    count: int = 0

    @property
    def moved(self) -> int:
        """How many rows change hands as they are."""
        return self.count - len(self.twins) - len(self.own)


def _plainly(pointer: Pointer) -> bool:
    """Rows that no history follows and that meet no other: one statement moves them all."""
    technical = not getattr(pointer.mapper.class_, "__journal__", True) or bool(pointer.names)
    return technical and not any(True for _set in _unique_with(pointer))


def survey(session: Session, kept: Any, gone: Any) -> list[Found]:
    """What would follow from `gone` to `kept`: at most two statements for each pointer, nothing written."""
    found = []
    for pointer in pointers(kept.__class__):
        cls: Any = pointer.mapper.class_
        if _plainly(pointer):
            count = session.scalar(select(func.count(cls.id)).where(pointer.where(gone))) or 0
            found.append(Found(pointer, count=count))
            continue
        rows = list(session.scalars(select(cls).where(pointer.where(gone)).order_by(cls.id)))
        one = Found(pointer, rows, count=len(rows))
        found.append(one)
        if not rows:
            continue
        beside = [p.key for p in pointers(kept.__class__) if p.mapper is pointer.mapper and p.key != pointer.key]
        one.own = {row.id for row in rows if any(getattr(row, key) == kept.id for key in beside)}
        sets = list(_unique_with(pointer))
        standing = list(session.scalars(select(cls).where(pointer.where(kept)).order_by(cls.id))) if sets else []
        for keys in sets:
            known = {tuple(getattr(row, key) for key in keys): row for row in standing}
            for row in rows:
                values = tuple(getattr(row, key) for key in keys)
                if row.id not in one.own and values in known and None not in values:
                    one.twins.setdefault(row.id, known[values])
    return found


def follow(session: Session, kept: Any, gone: Any) -> None:
    """Give `kept` all that points to `gone`, in the caller's transaction; rows that cannot both stay are joined by their rule."""
    for found in survey(session, kept, gone):
        if _plainly(found.pointer):
            _move_plainly(session, found.pointer, kept, gone)
            continue
        for row in found.rows:
            if row.id in found.own:
                session.delete(row)
                continue
            twin = found.twins.get(row.id)
            if twin is None:
                _move(found.pointer, row, kept)
                continue
            stays, goes = JOINS.get(type(row), lambda a, b: (a, b))(twin, row)
            follow(session, stays, goes)
            session.flush()
            session.delete(goes)
            session.flush()  # its place must be free before the other takes it
            if stays is row:
                _move(found.pointer, row, kept)
        session.flush()
    for key in collections(kept.__class__):
        theirs, mine = getattr(gone, key), getattr(kept, key)
        for row in list(theirs):
            theirs.remove(row)
            if row not in mine:
                mine.append(row)
    session.flush()


def _move(pointer: Pointer, row: Any, kept: Any) -> None:
    setattr(row, pointer.relation or pointer.key, kept if pointer.relation else kept.id)


def _move_plainly(session: Session, pointer: Pointer, kept: Any, gone: Any) -> None:
    cls: Any = pointer.mapper.class_
    values: dict[str, Any] = {pointer.key: kept.id}
    if "version" in pointer.mapper.column_attrs:
        values["version"] = cls.version + 1
    moved = update(cls).where(pointer.where(gone)).values(values).returning(cls.id)
    ids = list(session.scalars(moved, execution_options={"synchronize_session": "fetch"}))
    record_changes(session, pointer.table, [(i, pointer.key, gone.id, kept.id) for i in ids])
