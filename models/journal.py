"""The audit trail: who did what to which row, when. No values here; nobody can change or hide a line."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from typing import Any

from sqlalchemy import DDL, Column, ForeignKey, Index, event, insert
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE
from sqlalchemy.orm.properties import ColumnProperty
from sqlalchemy.orm.relationships import RelationshipProperty

from models.base import Base, Identified, utcnow
from models.scope import BATCH, WHO, SchoolScoped, current_school_id
from models.words import _

PENDING = "journal_pending"
_ALONE = "journal_batch"

# Columns that follow from others: a row where only these change was not edited by anybody.
FOLLOWING = frozenset({"version", "updated_at", "search_key", "name_key", "outcome"})


class JournalEvent(Base, Identified):
    """One thing that happened: a row created, edited or deleted, a verb, an export, a refusal."""

    __tablename__ = "journal_event"
    __journal__ = False
    __table_args__ = (Index("ix_journal_event_school_at", "school_id", "at"), Index("ix_journal_event_row", "table_name", "row_id"))

    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _("When")})
    user_id: Mapped[int | None] = mapped_column(index=True)
    who: Mapped[str] = mapped_column(default="", info={"label": _("Who")})
    roles: Mapped[str] = mapped_column(default="", info={"label": _("Roles")})
    verb: Mapped[str] = mapped_column(info={"label": _("What")})
    table_name: Mapped[str] = mapped_column(default="", info={"label": _("Table")})
    row_id: Mapped[int | None] = mapped_column(info={"label": _("Record")})
    rows: Mapped[int] = mapped_column(default=1, info={"label": _("Rows")})
    batch: Mapped[str] = mapped_column(default="", index=True, info={"label": _("Batch")})

    def __str__(self) -> str:
        return f"{self.verb} {self.table_name} {self.row_id or ''}".strip()


def new_batch() -> str:
    """The name of one batch: one request, one import, one job."""
    return secrets.token_hex(8)


def batch_of(session: Session) -> str:
    """The batch that the session writes in: the request's or the job's; outside both, one for each transaction."""
    return BATCH.get() or str(session.info.setdefault(_ALONE, new_batch()))


def _line(session: Session, verb: str, table: str, row_id: int | None, school_id: int | None, rows: int) -> dict[str, Any]:
    who = WHO.get()
    return {
        "school_id": school_id,
        "at": utcnow(),
        "user_id": who.user_id,
        "who": who.name,
        "roles": " ".join(sorted(who.roles)),
        "verb": verb,
        "table_name": table,
        "row_id": row_id,
        "rows": rows,
        "batch": batch_of(session),
    }


def record(session: Session, verb: str, table: str, row_id: int | None = None, rows: int = 1, school_id: int | None = None) -> None:
    """Write one line for what no flush shows: a business verb, an export, a refusal, a read of what is confidential."""
    session.execute(insert(JournalEvent), [_line(session, verb, table, row_id, school_id or current_school_id(), rows)])


def record_rows(session: Session, verb: str, table: str, row_ids: list[int]) -> None:
    """Write one line for each row that a bulk statement wrote: such statements pass by the flush listener."""
    lines = [_line(session, verb, table, row_id, current_school_id(), 1) for row_id in row_ids]
    if lines:
        session.execute(insert(JournalEvent), lines)


# Tables whose screen has another endpoint than their name.
NAMES = {"student_group": "group", "import": "import_", "label_override": "label", "right_override": "right", "letter_text": "letter"}


def screen_of(mapper: Mapper[Any]) -> str:
    """The name under which people know a table: its screen's endpoint (student_group is `group`)."""
    table = str(mapper.class_.__tablename__)
    return NAMES.get(table, table)


def edited_columns(row: Any) -> list[tuple[str, Any, Any]]:
    """(attribute, before, after) of the columns of a row that somebody changed and no flush has written yet."""
    state = sa_inspect(row)
    found = []
    for key in state.committed_state:
        prop = state.mapper.attrs.get(key)
        if isinstance(prop, ColumnProperty) and key not in FOLLOWING and isinstance(prop.columns[0], Column):
            history = get_history(row, key, PASSIVE_NO_INITIALIZE)
            if history.has_changes():
                found.append((key, history.deleted[0] if history.deleted else None, history.added[0] if history.added else None))
    return found


def collections_of(mapper: Mapper[Any]) -> Iterator[tuple[str, RelationshipProperty[Any]]]:
    """The relations of many to many of a class."""
    for relation in mapper.relationships:
        if relation.secondary is not None and not relation.viewonly:
            yield relation.key, relation


def _edited(mapper: Mapper[Any], row: Any) -> bool:
    if edited_columns(row):
        return True
    return any(get_history(row, key, PASSIVE_NO_INITIALIZE).has_changes() for key, _relation in collections_of(mapper))


def _collect(verb: str) -> Any:
    def listener(mapper: Mapper[Any], _connection: Any, row: Any) -> None:
        if not getattr(mapper.class_, "__journal__", True):
            return
        session = sa_inspect(row).session
        if session is None or (verb == "edited" and not _edited(mapper, row)):
            return
        school_id = row.school_id if isinstance(row, SchoolScoped) else (row.id if mapper.class_.__tablename__ == "school" else None)
        session.info.setdefault(PENDING, []).append(_line(session, verb, screen_of(mapper), row.id, school_id or current_school_id(), 1))

    return listener


event.listen(Base, "after_insert", _collect("created"), propagate=True)
event.listen(Base, "before_update", _collect("edited"), propagate=True)
event.listen(Base, "after_delete", _collect("deleted"), propagate=True)


@event.listens_for(Session, "after_flush")
def _write(session: Session, _context: Any) -> None:
    """One statement for all lines of the flush; `add` would leave them pending."""
    lines = session.info.pop(PENDING, None)
    if lines:
        session.connection().execute(insert(JournalEvent.__table__), lines)  # type: ignore[arg-type]


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: Any) -> None:
    session.info.pop(PENDING, None)
    session.info.pop(_ALONE, None)


@event.listens_for(Session, "after_commit")
def _close(session: Session) -> None:
    session.info.pop(_ALONE, None)


# Append-only: an UPDATE always raises, a DELETE only lets rows older than one year go (CNIL 2021-122).
TRIGGERS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER journal_event_no_update BEFORE UPDATE ON journal_event BEGIN SELECT RAISE(ABORT, 'journal_event is append-only'); END",
        "CREATE TRIGGER journal_event_no_delete BEFORE DELETE ON journal_event WHEN OLD.at > datetime('now', '-1 year') "
        "BEGIN SELECT RAISE(ABORT, 'journal_event is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION journal_event_guard() RETURNS trigger AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' OR OLD.at > now() - interval '1 year' THEN RAISE EXCEPTION 'journal_event is append-only'; END IF; "
        "RETURN OLD; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER journal_event_guard BEFORE UPDATE OR DELETE ON journal_event FOR EACH ROW EXECUTE FUNCTION journal_event_guard()",
    ),
}
for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        event.listen(JournalEvent.__table__, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
