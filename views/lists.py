"""What a list adds to Flask-Admin's: folded search with wildcards, filters with stable addresses, chips, counts in words."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, flash, g, request
from sqlalchemy import func, or_
from sqlalchemy.orm import joinedload, load_only

from models.db import db
from views.fields import field_pattern, folded_like, like, words_of
from views.filters import FilterEntry, ScreenFilter, filters_for
from views.i18n import gettext, ngettext

MOST_FILTERS = 20  # of one address: each is a clause more
_FILTER = re.compile(r"flt(?P<place>\d{1,3})_(?P<arg>.+)")


class Lists:
    """The list half of a `Screen`."""

    # (key, words, column or function of the text) offered beside the search box, after the usual search over `column_searchable_list`.
    search_by: tuple[tuple[str, Any, Any], ...] = ()
    search_example: Any = None
    number_columns: tuple[str, ...] = ()
    nowrap_columns: tuple[str, ...] = ()  # what is read at a glance on one line: phones, identifiers
    primary_actions = 2
    load_columns: tuple[str, ...] = ()
    page_size_options = (20, 50, 100)

    model: Any
    column_labels: dict[str, Any]
    _filters: list[ScreenFilter] | None
    _filter_args: dict[str, tuple[int, ScreenFilter]] | None

    # -- search

    @property
    def search_fields(self) -> list[tuple[str, str]]:
        """What the list beside the search box offers."""
        if not self.search_by:
            return []
        return [("", gettext("Everything")), *((key, str(words)) for key, words, _column in self.search_by)]

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        by = {key: column for key, _words, column in self.search_by}.get(self.list_args.get("by", ""))
        if by:
            clause = by(search) if callable(by) else self.search_clause(getattr(self.model, by), search)
            return query.filter(clause), count_query.filter(clause) if count_query is not None else None, joins, count_joins
        for word in words_of(search):
            pattern = f"%{like(word)}%" if not word.startswith("^") else f"{like(word[1:])}%"
            clauses, count_clauses = [], []
            for field, path in self._search_fields:  # type: ignore[attr-defined]
                query, joins, alias = self._apply_path_joins(query, joins, path, inner_join=False)  # type: ignore[attr-defined]
                clauses.append(folded_like(field if alias is None else getattr(alias, field.key), pattern))
                if count_query is not None:
                    count_query, count_joins, other = self._apply_path_joins(count_query, count_joins, path, inner_join=False)  # type: ignore[attr-defined]
                    count_clauses.append(folded_like(field if other is None else getattr(other, field.key), pattern))
            query = query.filter(or_(*clauses))
            if count_query is not None:
                count_query = count_query.filter(or_(*count_clauses))
        return query, count_query, joins, count_joins

    def search_clause(self, column: Any, text: str) -> Any:
        """A chosen field: the text stands anywhere in it; with `*` or `?` the whole value must match. Accents folded."""
        return folded_like(column, field_pattern(text))

    @property
    def list_args(self) -> Any:
        """The arguments of the list: those of the request, or of the list from which a record was opened."""
        return g.get("list_args") or request.args

    # -- filters

    def _refresh_filters_cache(self) -> None:
        found: list[ScreenFilter] = []
        for item in getattr(self, "column_filters", None) or ():
            if isinstance(item, ScreenFilter):
                found.append(item)
            else:
                found += filters_for(self.model, item, self.column_labels.get(item, item))
        for flt in found:
            flt.bind(self) if hasattr(flt, "bind") else None
        self._filters = found
        self._filter_groups = None
        self._filter_args = {self.get_filter_arg(i, flt): (i, flt) for i, flt in enumerate(found)}

    def get_filter_arg(self, index: int, flt: Any) -> str:
        """A stable address: two columns with equal labels never hide each other's filters."""
        return str(flt.arg)

    def _get_list_filter_args(self) -> Any:
        """(index, name, value) of the filters in the address, in its order. An empty value is none: a form without script sends every field."""
        found = []
        for name, value in request.args.items():
            match = _FILTER.fullmatch(name)
            if match is None or not value.strip() or match["arg"] not in (self._filter_args or {}):
                continue
            index, flt = (self._filter_args or {})[match["arg"]]
            if flt.validate(value):
                found.append((int(match["place"]), (index, str(flt.name), value)))
            else:
                flash(self.get_invalid_value_msg(value, flt), "warning")  # type: ignore[attr-defined]
        return [item for _place, item in sorted(found, key=lambda pair: pair[0])][:MOST_FILTERS] if self._filters else None

    def filter_menu(self, active: Any) -> list[FilterEntry]:
        """Every filter with its options and present value."""
        values = {index: value for index, _name, value in active or ()}
        return [
            FilterEntry(str(flt.name), flt.arg, str(flt.operation()), flt.kind, flt.choices(), values.get(i, "")) for i, flt in enumerate(self._filters or ())
        ]

    def active_chips(self, view_args: Any) -> list[dict[str, str]]:
        """One chip per filter, with the address that removes it alone."""
        found = []
        for position, (index, _name, value) in enumerate(view_args.filters or ()):
            flt = (self._filters or [])[index]
            rest = [f for i, f in enumerate(view_args.filters) if i != position]
            operation = "" if flt.kind == "select" else f" {flt.operation()}"
            label = gettext("%(name)s: %(value)s", name=f"{flt.name}{operation}", value=flt.words(value))
            found.append({"label": label, "remove_url": self._get_list_url(view_args.clone(filters=rest, page=0))})  # type: ignore[attr-defined]
        return found

    # -- rows and counts

    def get_count_query(self) -> Any:
        """Count keys, not `count('*')`, which defeats SQLite's shortcut; nothing where only the rows are walked through."""
        if g.get("uncounted"):
            return None
        return db.session.query(func.count(self.model.id))

    def get_query(self) -> Any:
        """The rows of the scope; only the named columns when the screen says which."""
        query = db.session.query(self.model)
        if self.load_columns:
            query = query.options(load_only(*(getattr(self.model, c) for c in self.load_columns)))
        return query

    def prepare_rows(self, rows: list[Any]) -> None:
        """What the columns need beyond the rows themselves, asked once for all rows of a page or of a piece of an export."""

    def get_list(self, *args: Any, **options: Any) -> tuple[int | None, Any]:
        """Flask-Admin's, then `prepare_rows`."""
        count, rows = super().get_list(*args, **options)  # type: ignore[misc]
        if isinstance(rows, list):
            self.prepare_rows(rows)
        return count, rows

    def matching(self, verb: str) -> tuple[int, Any]:
        """(count, query) of all rows that match the list's own query string, as far as this verb reaches."""
        args = self._get_list_extra_args()  # type: ignore[attr-defined]
        count, query = self.get_list(0, None, False, args.search, args.filters, execute=False, page_size=False)
        clause = self.narrower(verb)  # type: ignore[attr-defined]
        if clause is not None:
            query = query.filter(clause)
            count = query.with_entities(self.model.id).order_by(None).count()
        return int(count or 0), query

    def _apply_pagination(self, query: Any, page: int | None, page_size: int | None) -> Any:
        if page_size is False:
            return query
        size = page_size or self.page_size  # type: ignore[attr-defined]
        return query.limit(size).offset((page or 0) * size)

    def get_safe_page_size(self, page_size: int | None) -> int:
        """One of the offered sizes, else the screen's own."""
        return page_size if page_size in self.page_size_options else self.page_size  # type: ignore[attr-defined]

    def count_text(self, count: int | None) -> str:
        """How many, in words, under the title."""
        if count is None:
            return ""
        return ngettext("%(num)d record", "%(num)d records", count)

    def list_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """What list.html needs beyond Flask-Admin's own context."""
        view_args = self._get_list_extra_args()  # type: ignore[attr-defined]
        if context.get("num_pages") and view_args.page >= context["num_pages"] > 0:
            abort(404)
        return {
            "count_text": self.count_text(context.get("count")),
            "filter_menu": self.filter_menu(view_args.filters),
            "active_chips": self.active_chips(view_args),
            "clear_url": self.get_url(".index_view"),  # type: ignore[attr-defined]
            "search_by": request.args.get("by", ""),
        }

    def get_sortable_columns(self) -> dict[str, Any]:
        """Flask-Admin forgets the name of a column that is sorted by another one of the same table."""
        found: dict[str, Any] = super().get_sortable_columns()  # type: ignore[misc]
        for item in getattr(self, "column_sortable_list", None) or ():
            if isinstance(item, tuple) and "." not in item[1]:
                found[item[0]] = getattr(self.model, item[1])
        return found

    def scaffold_auto_joins(self) -> list[Any]:
        """Relations shown in the list come with it, in one statement."""
        names = [c.split(".")[0] for c, _label in self._list_columns]  # type: ignore[attr-defined]
        relations = self.model.__mapper__.relationships
        return [getattr(self.model, n) for n in dict.fromkeys(names) if n in relations and not relations[n].uselist]


__all__ = ["Lists", "joinedload"]
