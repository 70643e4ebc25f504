"""Filters of the lists: one useful operation per column, options that exist for this person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import g
from flask_admin.contrib.sqla.filters import BaseSQLAFilter
from sqlalchemy import Boolean, Date, Enum, String, select
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import RelationshipProperty

from models.base import Choice, fold
from models.db import db
from views.formats import start_of
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.searching import LONGEST_SEARCH, folded_like, like

OPTIONS = 200


class ScreenFilter(BaseSQLAFilter):
    """A filter with a stable address (`table.column.Class`), one widget and one operation."""

    kind = "text"
    aside = False  # it stands on a page of its own, not in the list's panel

    def __init__(self, column: Any, name: Any, key: str) -> None:
        super().__init__(column, name)
        self.key = key

    def validate(self, value: str) -> bool:
        """Whether the value is one; what nobody types is none."""
        return len(value) <= LONGEST_SEARCH and bool(super().validate(value))

    @property
    def arg(self) -> str:
        """What stands in the address after `flt<n>_`."""
        return f"{self.key}.{type(self).__name__}"

    def choices(self) -> list[tuple[str, str]]:
        """(value, words) offered; empty for a free value."""
        return []

    def words(self, value: str) -> str:
        """A value as the chip says it."""
        return dict(self.choices()).get(value, value)

    def operation(self) -> Any:
        """The operation in words."""
        return _("is")


class Contains(ScreenFilter):
    """The text stands in the column; `*` and `?` are wild."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(folded_like(self.get_column(alias), f"%{like(fold(value))}%"))

    def operation(self) -> Any:
        """The operation in words."""
        return _("contains")


class Is(ScreenFilter):
    """The column holds this member of a `Choice`."""

    kind = "select"

    def _members(self) -> type[Choice]:
        return self.column.type.enum_class

    def choices(self) -> list[tuple[str, str]]:
        """Every member."""
        return [(m.name, str(m.label)) for m in self._members()]

    def clean(self, value: str) -> Choice:
        """A name becomes its member; ValueError otherwise."""
        try:
            return self._members()[value]
        except KeyError as unknown:
            raise ValueError(value) from unknown

    def apply(self, query: Any, value: Choice, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) == value)


class Row(ScreenFilter):
    """The column points to this row; only rows that exist for the person are offered. "0" means none.

    `source` gives the rows offered, when they are not all those of the model in their usual order.
    """

    kind = "select"

    def __init__(self, column: Any, name: Any, key: str, model: type, source: Callable[[], Iterable[Any]] | None = None) -> None:
        super().__init__(column, name, key)
        self.model, self.source = model, source

    def rows(self) -> list[Any]:
        """Up to 200 rows of the scope, asked once a request."""
        known: dict[str, list[Any]] = g.setdefault("filter_rows", {})
        if self.key not in known:
            known[self.key] = list(self.source() if self.source else short_rows(self.model))[:OPTIONS]
        return known[self.key]

    def choices(self) -> list[tuple[str, str]]:
        """None, then the rows."""
        return [("0", gettext("none")), *((str(row.id), str(row)) for row in self.rows())]

    def words(self, value: str) -> str:
        """The row's own words."""
        known = dict(self.choices())
        if value in known:
            return known[value]
        row = db.session.scalar(select(self.model).where(self.model.id == int(value)))  # type: ignore[attr-defined]
        return str(row) if row is not None else value

    def clean(self, value: str) -> int:
        """An identifier; ValueError otherwise."""
        if not value.isdecimal() or len(value) > 9:
            raise ValueError(value)
        return int(value)

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.get_column(alias)
        return query.filter(column.is_(None) if value == 0 else column == value)


class Member(Row):
    """The row is one of those that a relation holds."""

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        prop: Any = self.get_column(alias).property
        ((own, ours),), ((_theirs, other),) = prop.synchronize_pairs, prop.secondary_synchronize_pairs
        rows = select(ours).join_from(self.model, prop.secondary, other == self.model.id)  # type: ignore[attr-defined]
        if value:
            rows = rows.where(self.model.id == value)  # type: ignore[attr-defined]
        key = getattr(prop.parent.class_, prop.parent.get_property_by_column(own).key)
        return query.filter(key.in_(rows) if value else key.not_in(rows))


def short_rows(model: Any) -> Iterable[Any]:
    """The rows of a short table in their usual order: rank, else name, else as they came."""
    keys = sa_inspect(model).columns.keys()
    order = next((getattr(model, key) for key in ("rank", "family_name", "name") if key in keys), model.id)
    return db.session.scalars(select(model).order_by(order).limit(OPTIONS))


class YesNo(ScreenFilter):
    """True or false, in words."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """Yes and no."""
        return [("1", gettext("Yes")), ("0", gettext("No"))]

    def clean(self, value: str) -> bool:
        """1 or 0; ValueError otherwise."""
        if value not in ("0", "1"):
            raise ValueError(value)
        return value == "1"

    def apply(self, query: Any, value: bool, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias).is_(value))


class Clause(YesNo):
    """A rule of the models as a filter: yes keeps the rows that meet it, no the others."""

    def __init__(self, column: Any, name: Any, key: str, clause: Callable[[], Any]) -> None:
        super().__init__(column, name, key)
        self.clause = clause

    def apply(self, query: Any, value: bool, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.clause() if value else ~self.clause())


class Since(ScreenFilter):
    """This day or later."""

    kind = "date"

    def clean(self, value: str) -> dt.date:
        """An ISO date as the browser sends it; ValueError otherwise."""
        return dt.date.fromisoformat(value)

    def words(self, value: str) -> str:
        """The date as it is read here."""
        from views.formats import show_date

        return show_date(dt.date.fromisoformat(value))

    def apply(self, query: Any, value: dt.date, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) >= value)

    def operation(self) -> Any:
        """The operation in words."""
        return _("from")


class Until(Since):
    """This day or earlier."""

    def apply(self, query: Any, value: dt.date, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) <= value)

    def operation(self) -> Any:
        """The operation in words."""
        return _("until")


class SinceDay(Since):
    """An instant of this day or later, where the school stands."""

    def apply(self, query: Any, value: dt.date, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) >= start_of(value))


class UntilDay(Until):
    """An instant of this day or earlier, where the school stands."""

    def apply(self, query: Any, value: dt.date, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) < start_of(value, 1))


@dataclass(frozen=True)
class FilterEntry:
    """One line of the filter panel."""

    label: str
    arg: str
    op_label: str
    kind: str
    options: list[tuple[str, str]]
    value: str


def filters_for(model: type, name: str, label: Any) -> list[ScreenFilter]:
    """The useful filters of a column or relation, by its type."""
    prop: Any = sa_inspect(model).get_property(name)
    if isinstance(prop, RelationshipProperty):
        (local,) = prop.local_columns
        column = getattr(model, sa_inspect(model).get_property_by_column(local).key)
        return [Row(column, label, name, prop.mapper.class_)]
    column = getattr(model, name)
    kind = prop.columns[0].type
    if isinstance(kind, Enum):
        return [Is(column, label, name)]
    if isinstance(kind, Boolean):
        return [YesNo(column, label, name)]
    if isinstance(kind, Date):
        return [Since(column, label, name), Until(column, label, name)]
    if isinstance(kind, String):
        return [Contains(column, label, name)]
    raise TypeError(f"no filter for {model.__name__}.{name}")
