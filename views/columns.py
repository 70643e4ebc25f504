"""The columns of a list as the person chose them: `?cols=name,born_on`, kept by every link of the list and followed by its export.

Which columns may be chosen is a list of each screen, never what somebody types: an unknown name says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import g, has_request_context, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base
else:
    Base = object

COLUMNS, COLUMN, PLACE = "cols", "col", "place."


@dataclass(frozen=True)
class ColumnEntry:
    """One line of the menu of columns; `place` counts from 1, 0 for one that is not shown; a fixed one cannot be hidden."""

    name: str
    label: str
    place: int
    fixed: bool


class Columns(Base):
    """The choosable columns of a `Screen`."""

    # What may be chosen, in the menu's order; by default what the list, the page of one record and the export show.
    column_offered_list: tuple[str, ...] = ()

    # Flask-Admin works these out once, when the application is built, and reads them at every request.
    _list_declared: list[tuple[str, Any]]
    _export_declared: list[tuple[str, Any]]

    @property
    def own_columns(self) -> dict[str, Any]:
        """Column -> words: what may be chosen of the screen's own. The list's come first: their places are those of `?sort=`."""
        if not hasattr(self, "_own_columns"):
            relations = self.model.__mapper__.relationships
            listed = [column for column, _label in self._list_declared]
            more = self.column_offered_list or [*(self.column_details_list or ()), *(c for c, _label in self._export_declared)]
            # A collection costs a query of its own, and a private column is in no export: the list says itself which of them it shows.
            named = [column for column in more if column in self.column_labels or column in self.column_offered_list]
            wanted = [c for c in named if c not in self.private_columns and not (c in relations and relations[c].uselist)]
            self._own_columns = dict(self.get_column_names(list(dict.fromkeys([*listed, *wanted])), None))
        return self._own_columns

    @property
    def private_columns(self) -> frozenset[str]:
        """Columns that no export holds."""
        mapper = self.model.__mapper__
        return frozenset(mapper.get_property_by_column(column).key for column in mapper.local_table.columns if column.info.get("private"))

    @property
    def offered_columns(self) -> dict[str, Any]:
        """Column -> words: all that the person may choose here, with the school's own fields. What no page but the export shows is
        offered to whoever may export or edit: choosing a column opens nothing that was closed.
        """
        own = self.own_columns
        if not self.column_offered_list and not (self.may("export") or self.may("edit")):
            seen = {*(column for column, _label in self._list_declared), *(self.column_details_list or ())}
            own = {name: label for name, label in own.items() if name in seen}
        return {**own, **{spec.name: spec.label for spec in self.extra_specs()}}

    @property
    def usual_columns(self) -> list[str]:
        """What the list shows when nobody chose."""
        return [*(column for column, _label in self._list_declared), *(spec.name for spec in self.extra_specs() if spec.in_list)]

    @property
    def chosen_columns(self) -> list[str]:
        """The columns that the address names, the record's name always among them; none when it names none."""
        given = self.list_args.get(COLUMNS, "") if has_request_context() else ""
        if not given:
            return []
        known: dict[tuple[str, str], list[str]] = g.setdefault(COLUMNS, {})
        if (self.table, given) not in known:
            known[self.table, given] = self.choose(given[:4000].split(","))
        return known[self.table, given]

    def choose(self, names: list[str]) -> list[str]:
        """Of these names those that are offered, once each, after the record's name."""
        offered = self.offered_columns
        found = list(dict.fromkeys(name for name in names if name in offered))
        if found and self.title_column in offered and self.title_column not in found:
            found.insert(0, self.title_column)
        return found

    def with_words(self, names: list[str]) -> list[tuple[str, Any]]:
        """Columns and their words."""
        offered = self.offered_columns
        return [(name, offered[name]) for name in names]

    @property
    def _list_columns(self) -> list[tuple[str, Any]]:
        return self.with_words(self.chosen_columns or self.usual_columns) if has_request_context() else self._list_declared

    @_list_columns.setter
    def _list_columns(self, value: list[tuple[str, Any]]) -> None:
        self._list_declared = value

    @property
    def _export_columns(self) -> list[tuple[str, Any]]:  # a private column is in no export (rights.md, rule 9)
        if not has_request_context():
            return self._export_declared
        chosen = [name for name in self.chosen_columns if name not in self.private_columns]
        return self.with_words(chosen) if chosen else [*self._export_declared, *((spec.name, spec.label) for spec in self.extra_specs() if spec.in_export)]

    @_export_columns.setter
    def _export_columns(self, value: list[tuple[str, Any]]) -> None:
        self._export_declared = value

    @property
    def _auto_joins(self) -> list[Any]:
        """Of the relations, those that this request shows."""
        joins: list[Any] = self.scaffold_auto_joins()
        return joins

    @_auto_joins.setter
    def _auto_joins(self, value: list[Any]) -> None:
        """Asked for at each request instead."""

    def _get_column_by_idx(self, idx: int | None) -> tuple[str, Any] | None:
        """A place of `?sort=` means the same column whichever are shown."""
        places = list(self.own_columns.items())
        return places[idx] if idx is not None and 0 <= idx < len(places) else None

    def sort_place(self, name: str) -> int:
        """The place of a column in `?sort=`, -1 for one that has none."""
        own = list(self.own_columns)
        return own.index(name) if name in own else -1

    def columns_menu(self) -> list[ColumnEntry]:
        """The columns shown, in their order, then the others."""
        shown = self.chosen_columns or self.usual_columns
        offered = self.offered_columns
        names = [*shown, *(name for name in offered if name not in shown)]
        return [ColumnEntry(name, str(offered[name]), place if place <= len(shown) else 0, name == self.title_column) for place, name in enumerate(names, 1)]

    @expose("/columns/")
    def columns_view(self) -> ResponseReturnValue:
        """The list again, with the ticked columns in their typed order; what was ticked without a place comes last."""
        places = {name.removeprefix(PLACE): value for name, value in request.args.items() if name.startswith(PLACE)}

        def place(name: str) -> int:
            typed = places.get(name, "")
            return int(typed) if typed.isdecimal() and len(typed) < 4 and int(typed) else 1000

        shown = self.chosen_columns or self.usual_columns
        before = {name: number for number, name in enumerate(dict.fromkeys([*shown, *self.offered_columns]))}
        ticked = [name for name in request.args.getlist(COLUMN) if name in before]
        # Two columns at one place: the one whose place was typed just now goes first.
        chosen = self.choose(sorted(ticked, key=lambda name: (place(name), place(name) == before[name] + 1, before[name])))
        rest = [(name, value) for name, value in request.args.items() if name not in (COLUMN, COLUMNS, "page") and not name.startswith(PLACE) and value]
        if chosen and chosen != self.usual_columns:
            rest.append((COLUMNS, ",".join(chosen)))
        return redirect(f"{self.get_url('.index_view')}?{urlencode(rest)}" if rest else self.plain_url())
