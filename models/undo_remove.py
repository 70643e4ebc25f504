"""Removing the rows that a batch made, when nothing was added to them or changed on them since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapper

from models import staff_undo, student_undo
from models.activation import ActivationCode
from models.base import Base
from models.changes import DELETED, EXTRA, SNAPSHOTS, WITH_OWNER, Change, JournalChange, columns_of, is_final, name_of, record_lines, sides, snapshot
from models.custom import CustomField, filled
from models.journal import JournalEvent, record_rows
from models.label_languages import SchoolLanguage
from models.label_upload import written_in
from models.packing import model_of
from models.undo_plan import Act
from models.undo_steps import ADDED, CHANGED, NOT_YOURS, USED, Steps, pieces, pointing_to
from models.undo_values import value_now


class Removal(Steps):
    """The step that removes new rows. What belongs to others goes first."""

    def remove(self, made: dict[str, list[int]], batch: str, since: dt.datetime, then: Callable[[str, str], None]) -> None:
        """Remove the rows of each table that the batch made, or say why one stays; `then` is what waited for that."""
        order = {table: place for place, table in enumerate(Base.metadata.sorted_tables)}
        for table in sorted(made, key=lambda name: order[model_of(name).__table__], reverse=True):
            for some in pieces(made[table]):
                self._remove(table, some, batch, since)
            then(table, batch)

    def _remove(self, table: str, ids: list[int], batch: str, since: dt.datetime) -> None:
        model: Any = model_of(table)
        mapper: Mapper[Any] = model.__mapper__
        rows = self.rows(model, ids)
        missing = [i for i in ids if i not in rows]
        reasons: dict[int, Any] = dict.fromkeys(self.standing(model.__table__, missing) - self.others(model, missing), NOT_YOURS)
        if not self.may_touch(table):
            reasons |= dict.fromkeys(rows, self.left(table) or NOT_YOURS)
        else:
            reasons |= staff_undo.kept(rows.values()) | dict.fromkeys(self._used(rows), USED)
            reasons |= dict.fromkeys(student_undo.kept(self.session, rows.values()), staff_undo.SIGNED_IN)
            reasons |= self._changed(table, rows, batch, since) | dict.fromkeys(self._added(model, list(rows)), ADDED)
        gone = [i for i in rows if i not in reasons]
        self.tell(Act.remove, table, [(i, (), None) for i in gone], rows)
        self.tell(Act.keep, table, [(i, (), reason) for i, reason in reasons.items()], rows)
        self.removed[model.__table__].update(gone)
        if table == "guardian_link":
            self.followers.update(rows[i].student_id for i in gone)
        if table == "rac_group":
            self.kinds.update({(rows[i].course_id, rows[i].number): None for i in gone})
        if self.write and gone:
            self._write(table, mapper, [rows[i] for i in gone])
        self.forget(rows.values())

    def _write(self, table: str, mapper: Mapper[Any], rows: Sequence[Any]) -> None:
        if not is_final(mapper):
            owned = {row.id for row in rows if self._goes_with_owner(mapper, row)}
            lines = [
                Change(row.id, WITH_OWNER if row.id in owned else DELETED, snapshot(mapper, row), None, "" if row.id in owned else name_of(row)) for row in rows
            ]
            record_lines(self.session, table, lines)
        ids = [row.id for row in rows]
        record_rows(self.session, "deleted", table, ids)
        staff_undo.sign_out(rows)
        table_of: Any = mapper.local_table  # not the class: what is in scope was found above, an account stands in no school by now
        self.session.execute(delete(table_of).where(table_of.c.id.in_(ids)))

    def _goes_with_owner(self, mapper: Mapper[Any], row: Any) -> bool:
        """Whether what it belongs to was made by the same batch: then it comes back with that."""
        for key, column in columns_of(mapper).items():
            for target in column.foreign_keys:
                if not column.nullable and getattr(row, key) in self.made.get(target.column.table, ()):
                    return True
        return False

    @staticmethod
    def _used(rows: dict[int, Any]) -> list[int]:
        """Codes that somebody has in hand."""
        return [i for i, row in rows.items() if isinstance(row, ActivationCode) and (row.used_at or row.printed_count or row.sent_count)]

    def _added(self, model: Any, ids: list[int]) -> set[int]:
        """Rows that others point to, beside those that this undo removes or turns elsewhere."""
        found: set[int] = set()
        if model is CustomField:  # records hold its values under its key: no column points to it
            fields = self.session.scalars(select(CustomField).where(CustomField.id.in_(ids)))
            found.update(field for field, number in filled(self.session, fields).items() if number)
        if model is SchoolLanguage:
            found |= written_in(self.session, ids, self.removed)
        for column in pointing_to(model.__table__):
            where = column.table
            if "id" not in where.c:  # a table of many to many
                first = sides(where)[0]
                pairs = self.session.execute(select(first.here, first.there).where(column.in_(ids)))
                place = 0 if column is first.here else 1
                found.update(pair[place] for pair in map(tuple, pairs) if pair not in self.parted[where])
                continue
            leaving = self.removed[where] | self.freed[column]
            found.update(there for i, there in self.session.execute(select(where.c.id, column).where(column.in_(ids))) if i not in leaving)
        return found

    def _changed(self, table: str, rows: dict[int, Any], batch: str, since: dt.datetime) -> dict[int, Any]:
        """Rows whose values are no longer those they were made with: by what was noted since, or by edits of what is never noted."""
        c, e = JournalChange, JournalEvent
        known = columns_of(model_of(table).__mapper__)
        later = (c.table_name == table, c.row_id.in_(rows), c.batch != batch, c.at >= since, c.field.not_in(SNAPSHOTS))
        first: dict[tuple[int, str], Any] = {}
        noted = set()
        for row_id, field, before, other in self.session.execute(select(c.row_id, c.field, c.before, c.batch).where(*later).order_by(c.id)):
            noted.add((row_id, other))
            if field in known or field.startswith(f"{EXTRA}."):
                first.setdefault((row_id, field), before)
        edits = select(e.row_id, e.batch).where(e.table_name == table, e.row_id.in_(rows), e.batch != batch, e.at >= since, e.verb == "edited")
        changed = {row_id for row_id, other in self.session.execute(edits) if (row_id, other) not in noted}
        changed |= {row_id for (row_id, field), before in first.items() if value_now(rows[row_id], field) != before}
        return dict.fromkeys(changed, CHANGED)
