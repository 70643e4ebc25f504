"""Changes in words: the names of fields, values as people read them, the names of the rows that they point to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import url_for
from sqlalchemy import Column, select
from sqlalchemy.orm import Mapper

from models.base import Base
from models.changes import EXTRA, Change, columns_of, name_of, named_by, value_for
from models.db import db
from models.journal import collections_of, screen_of
from models.packing import model_of
from views.custom import field_name, fields_of
from views.formats import show
from views.i18n import gettext, language_name

LONGEST = 160  # characters of one value


@dataclass(frozen=True)
class Told:
    """One change as it is read: the field, what it was, what it became; for a collection what left and what came."""

    label: str
    before: Any
    after: Any
    field: str
    id: int = 0
    many: bool = False
    revert: bool = False


@dataclass
class Words:
    """The changes of one table, told with as many questions as there are tables that they point to."""

    table: str
    wanted: dict[Mapper[Any], set[int]] = field(default_factory=dict)
    names: dict[tuple[Mapper[Any], int], str] = field(default_factory=dict)

    @property
    def mapper(self) -> Mapper[Any]:
        """The mapping of the table."""
        found: Mapper[Any] = model_of(self.table).__mapper__
        return found

    def read(self, changes: Iterable[Any]) -> None:
        """Look up, once for each table, the names of all rows that these changes point to; those that exist for the reader."""
        for change in changes:
            target = self._target(change.field)
            if target is not None:
                found = [i for value in (change.before, change.after) for i in (value if isinstance(value, list) else [value]) if i]
                self.wanted.setdefault(target, set()).update(found)
        for target, ids in self.wanted.items():
            rows = db.session.scalars(select(target.class_).where(target.class_.id.in_(ids)).options(*named_by(target.class_)).limit(2_000)) if ids else ()
            self.names |= {(target, row.id): name_of(row) for row in rows}
        self.wanted.clear()

    def tell(self, change: Any, *, revert: bool = False) -> Told | None:
        """One change in words; None for a field that has no name, which nobody would recognise."""
        label = self.label(change.field)
        if not label:
            return None
        many = change.field in dict(collections_of(self.mapper))
        before, after = (self._value(change.field, value, many, change.row_id) for value in (change.before, change.after))
        return Told(label, before, after, change.field, getattr(change, "id", 0), many, revert and not many)

    def label(self, name: str) -> str:
        """A field as the screens call it."""
        if name.startswith(f"{EXTRA}."):
            return field_name(self.table, name)
        mapper = self.mapper
        if name not in mapper.attrs:
            return ""
        prop: Any = mapper.attrs[name]
        info = prop.info if "label" in prop.info or not hasattr(prop, "columns") else prop.columns[0].info
        if "label" not in info and hasattr(prop, "columns"):  # the relation over the column has the words
            info = next((r.info for r in mapper.relationships if prop.columns[0] in r.local_columns and "label" in r.info), {})
        return str(info.get("label", ""))

    def _target(self, name: str) -> Mapper[Any] | None:
        mapper = self.mapper
        relation = dict(collections_of(mapper)).get(name)
        if relation is not None:
            return relation.mapper
        column: Column[Any] | None = columns_of(mapper).get(name)
        if column is None or not column.foreign_keys:
            return None
        table = next(iter(column.foreign_keys)).column.table
        return next((m for m in Base.registry.mappers if m.local_table is table), None)

    def _value(self, name: str, packed: Any, many: bool, row_id: int) -> Any:
        if (self.table, name) == ("setting", "value"):
            from views.settings import told

            return told(row_id, packed)
        target = self._target(name)
        if many:
            return [self._name(target, i) for i in packed or ()]
        if packed is None or packed == "":
            return ""
        if target is not None:
            return self._name(target, packed)
        if name.startswith(f"{EXTRA}."):
            spec = next((one for one in fields_of(self.table) if one.name == name), None)
            return _short(show(spec.value(packed) if spec is not None else packed))
        if name == "language":
            return language_name(str(packed))
        column = columns_of(self.mapper).get(name)
        return _short(show(value_for(column, packed) if column is not None else packed))

    def _name(self, target: Mapper[Any] | None, number: int) -> str:
        return self.names.get((target, number)) or gettext("no. %(number)d", number=number)  # type: ignore[arg-type]


def _short(value: Any) -> Any:
    return value[: LONGEST - 1] + "…" if isinstance(value, str) and len(value) > LONGEST else value


def tell_all(table: str, changes: Iterable[Change]) -> list[Told]:
    """These changes in words, without those of fields that have no name."""
    words, changes = Words(table), list(changes)
    words.read(changes)
    return [told for change in changes if (told := words.tell(change)) is not None]


def record_url(table: str, row_id: int) -> str:
    """Where a record of this table is shown."""
    return url_for(f"{screen_of(model_of(table).__mapper__)}.details_view", id=row_id)
