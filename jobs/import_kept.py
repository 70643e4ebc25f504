"""What the school corrected by hand since the last import: values that a file does not overwrite, unless somebody wants it to.

The values of `models/changes.py` tell, for as long as they are kept. What a later import or an undo changed is nobody's correction, and
neither is a value that is back to what it was.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from jobs.import_match import GUARDIAN_TEXTS, STUDENT_TEXTS, Known
from models.changes import JournalChange, pack_value
from models.custom_import import MARK
from models.custom_values import PREFIX
from models.imports import Import, ImportStatus
from models.journal import JournalEvent

# key of a value in a plan -> column of the table
PLACES = {"level": "level_id", "programme": "programme_id", "homeroom": "homeroom_id"}
FIELDS = {
    "student": frozenset({*STUDENT_TEXTS, "sex", "born_on", "national_id", "level_id", "programme_id", "homeroom_id", "status", "left_on"}),
    "guardian": frozenset(GUARDIAN_TEXTS),
    "guardian_link": frozenset({"relation", "authority"}),
}


def corrected(session: Session, known: Known) -> frozenset[tuple[str, int, str]]:
    """(table, row, column) of the values that somebody changed since the last import of the school was written."""
    # Core tables: who reads only their own imports is not kept from knowing when the last one was.
    imports, events, c = Import.__table__, JournalEvent.__table__, JournalChange
    last = session.scalar(select(func.max(imports.c.written_at)).where(imports.c.school_id == known.school_id, imports.c.status == ImportStatus.done.name))
    theirs = select(imports.c.batch).where(imports.c.school_id == known.school_id, imports.c.batch != "")
    undone = select(events.c.batch).where(events.c.school_id == known.school_id, events.c.verb == "undo")
    columns = sorted({column for names in FIELDS.values() for column in names})
    wanted = select(c.table_name, c.row_id, c.field, c.before).where(
        c.school_id == known.school_id,
        c.table_name.in_(FIELDS),
        or_(c.field.in_(columns), c.field.startswith(PREFIX, autoescape=True)),
        c.batch.not_in(theirs),
        c.batch.not_in(undone),
    )
    if last is not None:
        wanted = wanted.where(c.at > last)
    first: dict[tuple[str, int, str], Any] = {}
    for table, row_id, field, before in session.execute(wanted.order_by(c.id)):
        if field in FIELDS[table] or field.startswith(PREFIX):
            first.setdefault((table, row_id, field), before)
    ties = {link_id: {"relation": relation, "authority": authority} for link_id, relation, authority in known.links.values()} if first else {}
    return frozenset(key for key, before in first.items() if _now(known, ties, *key) != before)


def _now(known: Known, ties: dict[int, dict[str, str]], table: str, row_id: int, field: str) -> Any:
    """What a value is today, packed as the history packs it."""
    own = field.removeprefix(PREFIX) if field.startswith(PREFIX) else ""
    if table == "student":
        record = known.students.get(row_id)
        if record is None:
            return None
        return pack_value((record["extra"] or {}).get(own) if own else record[field])
    if table == "guardian":
        entry = known.book.by_row.get(row_id)
        if entry is None:
            return None
        return pack_value(entry.kept.get(f"guardian{MARK}{own}") if own else entry.kept.get(field, ""))
    return {"choice": ties[row_id][field]} if row_id in ties else None
