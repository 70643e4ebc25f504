"""Bringing back deleted rows: under the number they had, with what was deleted with them, where their keys are still free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert, select, update
from sqlalchemy.orm import Mapper

from models import undo_marks
from models.changes import JournalChange, columns_of, default_of, is_final, sides, value_for
from models.journal import collections_of, record_rows
from models.packing import model_of
from models.scope import SCOPE, Scope
from models.undo_plan import Act, Line
from models.undo_steps import FINAL, LEFT, NOT_YOURS, OWNER_GONE, TAKEN, Steps, pieces


def _named(mapper: Mapper[Any], row: dict[str, Any]) -> dict[str, Any]:
    """The values of a row under the names of their columns."""
    return {mapper.attrs[key].columns[0].name: value for key, value in row.items()}


class Back(Steps):
    """The step that brings rows back."""

    def bring_back(self, table: str, change_ids: Sequence[int]) -> None:
        """Deleted rows of one table stand again, under the number they had, as their snapshots say."""
        c = JournalChange
        for some in pieces(change_ids):
            found = self.session.execute(select(c.id, c.row_id, c.title, c.before).where(c.id.in_(some)).order_by(c.id)).all()
            self._bring_back(table, [tuple(line) for line in found])

    def _bring_back(self, table: str, found: list[tuple[Any, ...]]) -> None:
        mapper: Mapper[Any] = model_of(table).__mapper__
        where, columns = mapper.local_table, columns_of(mapper)
        values: dict[int, dict[str, Any]] = {}
        for change_id, row_id, _title, before in found:
            known = {key: value_for(columns[key], packed) for key, packed in (before or {}).items() if key in columns}
            values[change_id] = {**{key: default_of(column) for key, column in columns.items()}, **known, "id": row_id}
        reasons = self._why_not(table, mapper, values)
        good = [line for line in found if line[0] not in reasons]
        for change_id, row_id, _title, _before in good:
            self.back[where].add(row_id)  # type: ignore[index]
            if table == "guardian_link":
                self.followers.add(values[change_id]["student_id"])
        if self.write and good:
            self._insert(table, mapper, {line[0]: values[line[0]] for line in good})
        for act, lines in ((Act.bring_back, good), (Act.keep, [line for line in found if line[0] in reasons])):
            room = self.plan.add(act, table, len(lines)) if lines else 0
            self.plan.lines += [Line(act, table, line[1], line[2] or self._name(mapper, values[line[0]]), (), reasons.get(line[0])) for line in lines[:room]]

    def _name(self, mapper: Mapper[Any], values: dict[str, Any]) -> str:
        """The name of a row that went with another."""
        names = []
        for key in getattr(mapper.class_, "__named_by__", ()):
            relation = mapper.relationships[key]
            target = values[mapper.get_property_by_column(next(iter(relation.local_columns))).key]
            names.append(self.session.scalar(select(relation.mapper.class_).where(relation.mapper.class_.id == target)))
        return " – ".join(str(name) for name in names if name is not None) or str(mapper.class_(**values))

    def _why_not(self, table: str, mapper: Mapper[Any], values: dict[int, dict[str, Any]]) -> dict[int, Any]:
        """Change -> why its row cannot come back. A column that may be empty forgets what no longer exists instead."""
        if table in LEFT or not self.may_touch(table):
            return dict.fromkeys(values, LEFT.get(table, NOT_YOURS))
        if is_final(mapper):
            return dict.fromkeys(values, FINAL)
        scope, reasons = SCOPE.get(), {}
        for key, column in columns_of(mapper).items():
            if not column.foreign_keys:
                continue
            target = next(iter(column.foreign_keys)).column.table
            alive = self.alive(target, {row[key] for row in values.values() if row[key]})
            for change_id, row in values.items():
                if row[key] and row[key] not in alive:
                    row[key] = None
                    if not column.nullable:
                        reasons[change_id] = OWNER_GONE
        if isinstance(scope, Scope):
            reasons |= {i: NOT_YOURS for i, row in values.items() if "school_id" in row and row["school_id"] not in (scope.school_id, None)}
        taken = self.taken(mapper, list(values.values()))
        stand = self.standing(mapper.local_table, (row["id"] for row in values.values()))  # type: ignore[arg-type]  # by a number given twice, long ago
        reasons |= {i: TAKEN for i, row in values.items() if row["id"] in stand}
        reasons |= {i: TAKEN for i, row in values.items() if any(tuple(row[k] for k in keys) in found for keys, found in taken.items())}
        return reasons | undo_marks.refused_back(self, table, {i: row for i, row in values.items() if i not in reasons})

    def _insert(self, table: str, mapper: Mapper[Any], values: dict[int, dict[str, Any]]) -> None:
        where: Table = mapper.local_table  # type: ignore[assignment]  # by its columns: the mapper would give the first version again
        for row in values.values():
            if "version" in row:
                row["version"] += 1  # a form that was open before is told
        self.session.execute(insert(where), [_named(mapper, row) for row in values.values()])
        record_rows(self.session, "restored", table, [row["id"] for row in values.values()])
        self.session.execute(update(JournalChange), [{"id": i, "after": row["id"]} for i, row in values.items()])

    def rejoin(self, table: str, change_ids: Sequence[int]) -> None:
        """The groups and other links of many to many that a deleted row had."""
        mapper: Mapper[Any] = model_of(table).__mapper__
        where: Table = model_of(table).__table__
        for some in pieces(change_ids) if any(True for _ in collections_of(mapper)) else ():
            lines = self.session.execute(select(JournalChange.row_id, JournalChange.before).where(JournalChange.id.in_(some))).all()
            for key, relation in collections_of(mapper):
                secondary: Table = relation.secondary  # type: ignore[assignment]
                ends = sides(secondary)
                place = next(i for i, side in enumerate(ends) if side.mapper is mapper and side.key == key)
                pairs: set[tuple[int, int]] = set()
                for row_id, before in lines:
                    if row_id in self.back[where]:
                        pairs |= {(row_id, other) if place == 0 else (other, row_id) for other in (before or {}).get(key, ())}
                other_table = relation.mapper.local_table
                alive = self.alive(other_table, {pair[1 - place] for pair in pairs})  # type: ignore[arg-type]
                self.join(secondary, {pair for pair in pairs if pair[1 - place] in alive})
