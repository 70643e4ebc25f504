"""What changed: the values before and after, kept thirty days for the history and for undoing (architecture 7).

A flush listener writes them beside the lines of `models/journal.py`. An edited row: one line for each changed column; a collection of
many to many: one line on each side, the identifiers that left and those that came; a key of a JSON column named `extra`: a line of its
own, `extra.<key>`. A deleted row: one line, its snapshot. A created row: none, the history says it. Never the columns marked
`info={"private": True}` (codes, secrets, notes), nor those that follow from others.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Enum, ForeignKey, Index, Table, delete, event, insert, update
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Mapped, Mapper, Session, joinedload, mapped_column
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from models.base import Base, Identified, utcnow
from models.journal import batch_of, collections_of, edited_columns, screen_of
from models.packing import pack, unpack
from models.scope import WHO, SchoolScoped, current_school_id

KEPT = dt.timedelta(days=30)  # the undo window
PIECE = 500

# In the place of a field's name: the snapshot of a deleted row; the same of one that went with what it belonged to.
DELETED, WITH_OWNER = "", "+"
SNAPSHOTS = (DELETED, WITH_OWNER)
EXTRA = "extra"

# What these rows hold is the state of work under way, which nobody takes back.
UNRECORDED = frozenset({"job", "outgoing_mail", "import_", "transfer"})

_LINES, _PAIRS = "changes", "changes_of_links"


class JournalChange(Base, Identified):
    """One value that changed, or the snapshot of a deleted row (then `after` is the id of the row once it was brought back)."""

    __tablename__ = "journal_change"
    __journal__ = False
    __table_args__ = (
        Index("ix_journal_change_row", "table_name", "row_id"),
        Index("ix_journal_change_batch", "batch", "table_name", "row_id"),
        Index("ix_journal_change_trash", "school_id", "field", "at"),
        Index("ix_journal_change_at", "at"),
    )

    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    user_id: Mapped[int | None] = mapped_column()
    batch: Mapped[str] = mapped_column(default="")
    table_name: Mapped[str] = mapped_column()
    row_id: Mapped[int] = mapped_column()
    field: Mapped[str] = mapped_column(default=DELETED)
    title: Mapped[str] = mapped_column(default="")  # the name of a deleted row, as people read it
    before: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class Change(NamedTuple):
    """One value of one row: the field, what it was and what it became, packed (`models/packing.py`)."""

    row_id: int
    field: str
    before: Any = None
    after: Any = None
    title: str = ""


# --- which columns ---------------------------------------------------------------------------------------------------------------


@cache
def columns_of(mapper: Mapper[Any]) -> dict[str, Column[Any]]:
    """Attribute -> column of the table itself, without the private ones."""
    found = {}
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if isinstance(column, Column) and not _unwritten(column):
            found[prop.key] = column
    return found


def _unwritten(column: Column[Any]) -> bool:
    """A secret (`private`), or what no undo may take back (`fixed`: that a message was sent)."""
    return bool(column.info.get("private") or column.info.get("fixed"))


@cache
def private_columns(mapper: Mapper[Any]) -> tuple[str, ...]:
    """The attributes that are never written down."""
    return tuple(p.key for p in mapper.column_attrs if isinstance(p.columns[0], Column) and _unwritten(p.columns[0]))


def is_final(mapper: Mapper[Any]) -> bool:
    """Whether a deleted row of this table is gone for good: it cannot stand without a private column, which no snapshot holds."""
    columns = [mapper.attrs[key].columns[0] for key in private_columns(mapper)]
    return any(not c.nullable and c.default is None and c.server_default is None for c in columns)


def default_of(column: Column[Any]) -> Any:
    """The plain value that a new row gets by itself; None where there is none or it is worked out."""
    default: Any = column.default
    return default.arg if default is not None and default.is_scalar else None


def pack_value(value: Any) -> Any:
    """A value of a column, for JSON."""
    return pack(value)


def value_for(column: Column[Any], packed: Any) -> Any:
    """The value of a column again, in the type that the column holds."""
    if isinstance(packed, dict) and "choice" in packed:
        kind = column.type
        return kind.enum_class[packed["choice"]] if isinstance(kind, Enum) and kind.enum_class else packed["choice"]
    return unpack(None, packed)


class Side(NamedTuple):
    """One end of a relation of many to many: the class, its attribute, the columns of the table between that point here and there."""

    mapper: Mapper[Any]
    key: str
    here: Column[Any]
    there: Column[Any]

    @property
    def table(self) -> str:
        """The screen of the rows at this end."""
        return screen_of(self.mapper)


@cache
def sides(secondary: Table) -> tuple[Side, ...]:
    """The ends that are mapped: one or two. The first is the one that undoing reads."""
    found = []
    for mapper in Base.registry.mappers:
        for relation in mapper.relationships:
            if relation.secondary is secondary and not relation.viewonly:
                here, there = (pairs[0][1] for pairs in (relation.synchronize_pairs, relation.secondary_synchronize_pairs) if pairs)
                found.append(Side(mapper, relation.key, secondary.c[str(here.key)], secondary.c[str(there.key)]))
    return tuple(sorted(found, key=lambda side: (side.table, side.key)))


# --- writing ---------------------------------------------------------------------------------------------------------------------


def _line(session: Session, table: str, change: Change, school_id: int | None) -> dict[str, Any]:
    return {
        "school_id": school_id or current_school_id(),
        "at": utcnow(),
        "user_id": WHO.get().user_id,
        "batch": batch_of(session),
        "table_name": table,
        "row_id": change.row_id,
        "field": change.field,
        "title": change.title[:200],
        "before": change.before,
        "after": change.after,
    }


def record_changes(session: Session, table: str, changes: Iterable[tuple[int, str, Any, Any]]) -> None:
    """Write what a bulk statement changed: (row, field, before, after), values as Python has them; `table` is the screen's name.

    Such statements pass by the flush listener, as they pass by that of the history (`record_rows` goes beside).
    """
    record_lines(session, table, [Change(row_id, field, pack_value(before), pack_value(after)) for row_id, field, before, after in changes])


def record_lines(session: Session, table: str, changes: Iterable[Change]) -> None:
    """The same, values packed already; also for the snapshots of rows that a statement deletes."""
    lines = [_line(session, table, change, None) for change in changes]
    if lines:
        session.connection().execute(insert(JournalChange.__table__), lines)  # type: ignore[arg-type]


def record_links(session: Session, secondary: Table, gone: Iterable[tuple[int, int]], come: Iterable[tuple[int, int]], school_id: int | None = None) -> None:
    """Write which pairs left a table of many to many and which came, on both sides; pairs as `sides(secondary)[0]` sees them."""
    lines: list[dict[str, Any]] = []
    gone, come = list(gone), list(come)
    for place, side in enumerate(sides(secondary)):
        found: dict[int, tuple[list[int], list[int]]] = {}
        for kind, pairs in enumerate((gone, come)):
            for pair in pairs:
                found.setdefault(pair[place], ([], []))[kind].append(pair[1 - place])
        lines += [_line(session, side.table, Change(i, side.key, sorted(left), sorted(came)), school_id) for i, (left, came) in found.items()]
    if lines:
        session.connection().execute(insert(JournalChange.__table__), lines)  # type: ignore[arg-type]


def snapshot(mapper: Mapper[Any], row: Any) -> dict[str, Any]:
    """The columns of a row that a new one would not have by itself, packed."""
    found = {}
    for key, column in columns_of(mapper).items():
        value = getattr(row, key)
        if value is None:
            if column.default is None or not column.nullable:
                continue
        elif value == default_of(column):
            continue
        found[key] = pack_value(value)
    return found


def is_recorded(mapper: Mapper[Any]) -> bool:
    """Whether the listener writes down what changes in rows of this class."""
    return getattr(mapper.class_, "__journal__", True) and screen_of(mapper) not in UNRECORDED


def _school_of(row: Any) -> int | None:
    if isinstance(row, SchoolScoped):
        return row.school_id
    return row.id if row.__tablename__ == "school" else None


def _extra(before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """The keys of custom fields that differ."""
    before, after = before or {}, after or {}
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield f"{EXTRA}.{key}", before.get(key), after.get(key)


def _edited(mapper: Mapper[Any], _connection: Any, row: Any) -> None:
    session = sa_inspect(row).session
    if session is None or not is_recorded(mapper):
        return
    table, school_id, known = screen_of(mapper), _school_of(row), columns_of(mapper)
    lines = session.info.setdefault(_LINES, [])
    for key, before, after in edited_columns(row):
        if key == EXTRA:
            lines += [_line(session, table, Change(row.id, field, pack_value(old), pack_value(new)), school_id) for field, old, new in _extra(before, after)]
        elif key in known:
            lines.append(_line(session, table, Change(row.id, key, pack_value(before), pack_value(after)), school_id))
    _note_pairs(mapper, session, row)


def _note_pairs(mapper: Mapper[Any], session: Session, row: Any) -> None:
    for key, relation in collections_of(mapper):
        history = get_history(row, key, PASSIVE_NO_INITIALIZE)
        ends = sides(relation.secondary)
        first = ends[0].mapper is mapper and ends[0].key == key
        kept = session.info.setdefault(_PAIRS, {}).setdefault(relation.secondary, ({}, {}))
        for kind, others in enumerate((history.deleted, history.added)):
            for other in others or ():
                pair = (row, other) if first else (other, row)
                kept[kind][tuple(map(id, pair))] = pair


def _created(mapper: Mapper[Any], _connection: Any, row: Any) -> None:
    session = sa_inspect(row).session
    if session is not None and is_recorded(mapper):
        _note_pairs(mapper, session, row)


def _deleted(mapper: Mapper[Any], _connection: Any, row: Any) -> None:
    session = sa_inspect(row).session
    if session is None or not is_recorded(mapper):
        return
    values = snapshot(mapper, row)
    for key, _relation in collections_of(mapper):
        if others := sorted(other.id for other in getattr(row, key)):
            values[key] = others
    owned = _goes_with_owner(mapper, session, row)
    title = "" if owned else name_of(row)
    change = Change(row.id, WITH_OWNER if owned else DELETED, values, None, title)
    session.info.setdefault(_LINES, []).append(_line(session, screen_of(mapper), change, _school_of(row)))


def _goes_with_owner(mapper: Mapper[Any], session: Session, row: Any) -> bool:
    for relation in mapper.relationships:
        if relation.direction.name == "MANYTOONE":
            key = next(iter(relation.local_columns))
            target = session.identity_map.get(relation.mapper.identity_key_from_primary_key((getattr(row, mapper.get_property_by_column(key).key),)))
            if target is not None and target in session.deleted:
                return True
    return False


def named_by(model: Any) -> list[Any]:
    """What a statement on this class loads with it, so that `name_of` asks nothing more."""
    return [joinedload(getattr(model, key)) for key in getattr(model, "__named_by__", ())]


def name_of(row: Any) -> str:
    """A row as people call it; one that is named by others (`__named_by__`) by their names. May ask the database for these."""
    others = [getattr(row, key) for key in getattr(type(row), "__named_by__", ())]
    return " – ".join(str(other) for other in others if other is not None) or str(row)


event.listen(Base, "before_update", _edited, propagate=True)
event.listen(Base, "after_insert", _created, propagate=True)
event.listen(Base, "before_delete", _deleted, propagate=True)


@event.listens_for(Session, "after_flush")
def _write(session: Session, _context: Any) -> None:
    """One statement for all values of a flush, one more where collections changed."""
    lines = session.info.pop(_LINES, None)
    if lines:
        session.connection().execute(insert(JournalChange.__table__), lines)  # type: ignore[arg-type]
    for secondary, (gone, come) in session.info.pop(_PAIRS, {}).items():
        if gone or come:
            school_id = next(_school_of(a) for a, _b in (*gone.values(), *come.values()))
            record_links(session, secondary, [(a.id, b.id) for a, b in gone.values()], [(a.id, b.id) for a, b in come.values()], school_id)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: Any) -> None:
    session.info.pop(_LINES, None)
    session.info.pop(_PAIRS, None)


# --- forgetting ------------------------------------------------------------------------------------------------------------------


def purge(session: Session) -> int:
    """Forget the values of every school that are older than the undo window; how many. Nightly work, without a scope."""
    old = delete(JournalChange).where(JournalChange.at < utcnow() - KEPT).execution_options(synchronize_session=False)
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


def blank(session: Session, table: str, row_ids: Sequence[int]) -> None:
    """Erase every value that is kept about these rows (a person who asks to be forgotten): the fields stay named, snapshots go."""
    for start in range(0, len(row_ids), PIECE):
        about = (JournalChange.table_name == table, JournalChange.row_id.in_(row_ids[start : start + PIECE]))
        whole = delete(JournalChange).where(*about, JournalChange.field.in_(SNAPSHOTS))
        session.execute(whole.execution_options(synchronize_session=False))
        values = update(JournalChange).where(*about).values(before=None, after=None)
        session.execute(values.execution_options(synchronize_session=False))
