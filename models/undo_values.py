"""Putting values back: fields that nobody changed since, and links of many to many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, delete, select, tuple_
from sqlalchemy.orm import Mapper

from models import staff_undo, student_undo, undo_marks
from models.changes import (
    EXTRA,
    SNAPSHOTS,
    Change,
    JournalChange,
    Side,
    columns_of,
    is_recorded,
    pack_value,
    record_changes,
    record_links,
    sides,
    value_for,
)
from models.packing import model_of
from models.undo_plan import Act
from models.undo_steps import CHANGED, CLOSED, FORGOTTEN, GONE, NOT_YOURS, TAKEN, Steps, pieces

OF_WHOM = ("student_id", "guardian_id")  # of a code: whose it is comes back, that it was closed does not


def value_now(row: Any, field: str) -> Any:
    """What a field holds today, packed; a custom field is `extra.<key>`."""
    if field.startswith(f"{EXTRA}."):
        return pack_value((row.extra or {}).get(field.partition(".")[2]))
    return pack_value(getattr(row, field))


def put_back(row: Any, field: str, packed: Any) -> None:
    """Give a field an earlier value."""
    column = columns_of(type(row).__mapper__)[EXTRA if field.startswith(f"{EXTRA}.") else field]
    value = value_for(column, packed)
    if field.startswith(f"{EXTRA}."):
        key = field.partition(".")[2]
        rest = {name: kept for name, kept in (row.extra or {}).items() if name != key}
        row.extra = rest if value is None else {**rest, key: value}
    else:
        setattr(row, field, value)


class Values(Steps):
    """The steps that put values and links back."""

    def restore(self, table: str, batch: str, ids: Iterable[int]) -> None:
        """Fields of edited rows as they were before the batch, unless somebody changed them since."""
        for some in pieces(ids):
            self._restore(table, batch, some)

    def settle(self, table: str, batch: str) -> None:
        """Those that waited until the rows that the batch made are gone."""
        for some in pieces(self.waiting.pop(table, [])):
            self._restore(table, batch, some, last=True)

    def restore_late(self, batch: str) -> None:
        """Those that waited until registrations were as they will be."""
        for table, ids in self.late.items():
            for some in pieces(ids):
                self._restore(table, batch, some, last=True)

    def _restore(self, table: str, batch: str, ids: list[int], *, last: bool = False) -> None:
        model: Any = model_of(table)
        mapper: Mapper[Any] = model.__mapper__
        known = columns_of(mapper)
        c = JournalChange
        lines = self.session.execute(
            select(c.row_id, c.field, c.before, c.after)
            .where(c.batch == batch, c.table_name == table, c.row_id.in_(ids), c.field.not_in(SNAPSHOTS))
            .order_by(c.id)
        )
        wanted: dict[int, dict[str, list[Any]]] = {}
        for row_id, field, before, after in lines:
            if field in known or field.startswith(f"{EXTRA}."):
                wanted.setdefault(row_id, {}).setdefault(field, [before, after])[1] = after
        rows = self.rows(model, list(wanted))
        left = self.left(table) or (None if self.may_touch(table) else NOT_YOURS)
        missing = wanted.keys() - rows.keys()
        there = self.standing(model.__table__, missing) - self.others(model, missing)
        reasons: dict[int, Any] = {i: (left or NOT_YOURS) if i in there else GONE for i in wanted.keys() - rows.keys()}
        todo: dict[int, list[Change]] = {}
        for row_id, row in rows.items():
            for field, (before, after) in wanted[row_id].items():
                now = value_now(row, field)
                if now == before:
                    continue
                closed = CLOSED if table == "activation_code" and field not in OF_WHOM else None
                if left is not None or closed is not None or now != after:
                    reasons[row_id] = left or closed or CHANGED
                else:
                    todo.setdefault(row_id, []).append(Change(row_id, field, before, now))
        if left is None:
            reasons |= {i: why for i, why in staff_undo.kept(rows[i] for i in todo).items() if todo.pop(i)}
        if table == "student":
            reasons |= {i: why for i, why in self.held.items() if todo.pop(i, None)}
            for i in student_undo.in_use(self.session, todo):
                self._leave(todo, reasons, i, student_undo.FIELD, staff_undo.SIGNED_IN)
        self.check(mapper, rows, todo, reasons)
        if not last and self.made.get(model.__table__):
            for row_id in [i for i, reason in reasons.items() if reason is TAKEN]:
                self.waiting[table].append(row_id)
                reasons.pop(row_id)
                todo.pop(row_id, None)
        for row_id in [] if last else undo_marks.postponed(self, table, rows, todo):
            self.late[table].append(row_id)
            reasons.pop(row_id, None)
            todo.pop(row_id)
        for row_id, why in undo_marks.refused(self, table, rows, todo).items():
            reasons[row_id] = why
            todo.pop(row_id)
        for row_id, changes in todo.items():
            for change in changes:
                if change.field in known:
                    self.freed[known[change.field]].add(row_id)
                if self.write:
                    put_back(rows[row_id], change.field, change.before)
        if self.write and not is_recorded(mapper):  # the listener passes these by
            done = ((i, change) for i, changes in todo.items() for change in changes)
            record_changes(self.session, table, [(i, change.field, change.after, change.before) for i, change in done])
        if self.write:
            staff_undo.sign_out(rows[i] for i in todo)
        self.tell(Act.restore, table, [(i, tuple(changes), None) for i, changes in todo.items()], rows)
        self.tell(Act.keep, table, [(i, (), reason) for i, reason in reasons.items()], rows)
        self.forget(rows.values())

    def check(self, mapper: Mapper[Any], rows: dict[int, Any], todo: dict[int, list[Change]], reasons: dict[int, Any]) -> None:
        """Take out of `todo` what cannot be put back, and say why in `reasons`."""
        self._refuse_targets(mapper, todo, reasons)
        self._refuse_taken(mapper, rows, todo, reasons)

    def _refuse_targets(self, mapper: Mapper[Any], todo: dict[int, list[Change]], reasons: dict[int, Any]) -> None:
        """Leave a field that pointed to what no longer exists."""
        for key, column in columns_of(mapper).items():
            if not column.foreign_keys:
                continue
            target = next(iter(column.foreign_keys)).column.table
            at = {i: change.before for i, changes in todo.items() for change in changes if change.field == key and change.before}
            alive = self.alive(target, set(at.values())) if at else set()
            for i, number in at.items():
                if number not in alive:
                    self._leave(todo, reasons, i, key, GONE)

    def _refuse_taken(self, mapper: Mapper[Any], rows: dict[int, Any], todo: dict[int, list[Change]], reasons: dict[int, Any]) -> None:
        """Leave a number or a name that another row has now."""
        columns = columns_of(mapper)
        then = {
            i: {change.field: value_for(columns[change.field], change.before) for change in changes if change.field in columns} for i, changes in todo.items()
        }
        would = {i: {key: values.get(key, getattr(rows[i], key)) for key in columns} for i, values in then.items()}
        for keys, found in self.taken(mapper, list(would.values())).items():
            for i, values in would.items():
                if any(key in then[i] for key in keys) and tuple(values[key] for key in keys) in found:
                    for key in keys:
                        self._leave(todo, reasons, i, key, TAKEN)

    @staticmethod
    def _leave(todo: dict[int, list[Change]], reasons: dict[int, Any], row_id: int, field: str, reason: Any) -> None:
        todo[row_id] = [change for change in todo.get(row_id, ()) if change.field != field]
        if not todo[row_id]:
            del todo[row_id]
        reasons[row_id] = reason

    # -- many to many

    def regroup(self, secondary: Table, batch: str) -> None:
        """Take away the links that the batch made and that still stand, put back those it took away."""
        first = sides(secondary)[0]
        c = JournalChange
        here = select(c.row_id).where(c.batch == batch, c.table_name == first.table, c.field == first.key).distinct().order_by(c.row_id)
        for some in pieces(self.session.scalars(here)):
            lines = self.session.execute(
                select(c.row_id, c.before, c.after)
                .where(c.batch == batch, c.table_name == first.table, c.field == first.key, c.row_id.in_(some))
                .order_by(c.id)
            )
            made: dict[tuple[int, int], bool] = {}
            for row_id, before, after in lines:
                made |= {(row_id, other): False for other in before or ()} | {(row_id, other): True for other in after or ()}
            self._regroup(first, secondary, made)

    def _regroup(self, first: Side, secondary: Table, made: dict[tuple[int, int], bool]) -> None:
        model: Any = first.mapper.class_
        other = model.__mapper__.relationships[first.key].mapper
        rows = self.rows(model, list({a for a, _b in made}))
        own, far = model.__table__, other.local_table
        others = self.alive(far, {b for _a, b in made})
        there = set()
        for some in pieces({a for a, _b in made}):
            there |= {tuple(line) for line in self.session.execute(select(first.here, first.there).where(first.here.in_(some)))}
        gone, come, hidden = (set[tuple[int, int]]() for _kind in range(3))
        for pair, came in made.items():
            known = (pair[0] in rows or pair[0] in self.back[own]) and pair[1] in others
            if came == (pair in there):
                (hidden if not known or not self.may_touch(first.table) else gone if came else come).add(pair)
        self.parted[secondary] |= gone
        fields: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for kind, pairs in enumerate((come, gone)):
            for a, b in sorted(pairs):
                fields[a][kind].append(b)
        self.tell(Act.regroup, first.table, [(a, (Change(a, first.key, *both),), None) for a, both in fields.items()], rows)
        self.tell(Act.keep, first.table, [(a, (), NOT_YOURS) for a in sorted({a for a, _b in hidden if a in rows})], rows)
        if self.write:
            self.part(secondary, sorted(gone))
            self.join(secondary, come)

    def part(self, secondary: Table, pairs: Sequence[tuple[int, int]]) -> None:
        """Take links away."""
        first = sides(secondary)[0]
        for start in range(0, len(pairs), 250):  # two values each
            some = pairs[start : start + 250]
            self.session.execute(delete(secondary).where(tuple_(first.here, first.there).in_(some)))
        if pairs:
            record_links(self.session, secondary, pairs, [])

    def forgotten(self, table: str, ids: Iterable[int]) -> None:
        """Rows that were edited so long ago that their values are gone."""
        found = list(ids)
        rows = self.rows(model_of(table), found[:50])
        self.tell(Act.keep, table, [(i, (), FORGOTTEN) for i in found], rows)
