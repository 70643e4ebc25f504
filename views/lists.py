"""What a list adds to Flask-Admin's: folded search with wildcards, filters with stable addresses, chips, counts in words."""

from __future__ import annotations

import re
from typing import Any

from babel.numbers import format_decimal
from flask import abort, flash, g, request
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, load_only

from models import overview
from models.db import db
from models.scope import WHO
from views.filters import FilterEntry, ScreenFilter, filters_for
from views.formats import locale
from views.i18n import gettext, ngettext
from views.searching import field_pattern, folded_like, like, starting_with, words_of

MOST_COUNTED = 10_000  # of a search or a filter: beyond, "more than 10,000" says as much and costs less
MOST_FILTERS = 20  # of one address: each is a clause more
OPEN_ONLY = "go"  # in an address that a search sends: one row found opens at once
_ANYWAY = {"page", "page_size", "sort", "desc", "cols", "saved", "url"}  # arguments that change nothing about which rows are shown
_FILTER = re.compile(r"flt(?P<place>\d{1,3})_(?P<arg>.+)")


def _many() -> str:
    return str(format_decimal(MOST_COUNTED, locale=locale()))


class Lists:
    """The list half of a `Screen`."""

    # (key, words, column or function of the text) offered beside the search box, after the usual search over `column_searchable_list`.
    search_by: tuple[tuple[str, Any, Any], ...] = ()
    search_example: Any = None
    number_columns: tuple[str, ...] = ()
    two_line_columns: tuple[str, ...] = ()  # long texts, in two lines at most on a wide window
    nowrap_columns: tuple[str, ...] = ()  # what is read at a glance on one line: phones, identifiers
    primary_actions = 2
    load_columns: tuple[str, ...] = ()
    page_size_options = (20, 50, 100)

    model: Any
    column_labels: dict[str, Any]
    _filters: Any  # (Flask-Admin's own: the filters, and each one's place by its address)
    _filter_args: Any

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
            clause = or_(*(self._word_clause(field, path, word) for field, path in self._search_fields))  # type: ignore[attr-defined]
            query = query.filter(clause)
        return query, count_query, joins, count_joins

    @staticmethod
    def _word_clause(field: Any, path: Any, word: str) -> Any:
        """A word of the search in one column, at its beginning with `^`; in a column of a related row, by the set of such rows."""
        clause = starting_with(field, word[1:]) if word.startswith("^") else folded_like(field, f"%{like(word)}%")
        for relation in reversed(path or ()):
            prop = relation.property
            (local,) = prop.local_columns
            clause = getattr(prop.parent.class_, prop.parent.get_property_by_column(local).key).in_(select(prop.mapper.class_.id).where(clause))
        return clause

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

    def filter_menu(self, active: Any, *, every: bool = False) -> list[FilterEntry]:
        """Every filter with its options and present value; those that stand aside only while they narrow the list, unless `every` one is wanted."""
        values = {index: value for index, _name, value in active or ()}
        return [
            # ("Status is" says no more than "Status")
            FilterEntry(str(flt.name), flt.arg, "" if flt.kind == "select" else str(flt.operation()), flt.kind, flt.choices(), values.get(i, ""))
            for i, flt in enumerate(self._filters or ())
            if every or i in values or not flt.aside
        ]

    def active_chips(self, view_args: Any) -> list[dict[str, str]]:
        """One chip per filter, with the address that removes it alone."""
        found = []
        for position, (index, _name, value) in enumerate(view_args.filters or ()):
            flt = (self._filters or [])[index]
            rest = [f for i, f in enumerate(view_args.filters) if i != position]
            operation = "" if flt.kind == "select" or not str(flt.operation()) else f" {flt.operation()}"
            label = gettext("%(name)s: %(value)s", name=f"{flt.name}{operation}", value=flt.words(value))
            found.append({"label": label, "remove_url": self._get_list_url(view_args.clone(filters=rest, page=0))})  # type: ignore[attr-defined]
        return found

    # -- rows and counts

    def get_count_query(self) -> Any:
        """None: the count is taken from the list's own query (`counted`), so that both always mean the same rows."""
        return None

    def get_query(self) -> Any:
        """The rows of the scope; only the named columns when the screen says which."""
        query = db.session.query(self.model)
        if self.load_columns:
            query = query.options(load_only(*(getattr(self.model, c) for c in self.load_columns)))
        return query

    def prepare_rows(self, rows: list[Any]) -> None:
        """What the columns need beyond the rows themselves, asked once for all rows of a page or of a piece of an export."""

    def get_list(self, page: Any, sort_column: Any, sort_desc: Any, search: Any, filters: Any, **options: Any) -> tuple[int | None, Any]:
        """Flask-Admin's query in two steps: the identifiers of the page in its order, then those rows with what the columns show.

        The count is exact up to 10,000, and above when the whole list is shown; `MOST_COUNTED + 1` then means "more". Without
        `execute` the query itself is given, and no count.
        """
        execute, page_size = options.get("execute", True), options.get("page_size")
        _none, query = super().get_list(None, sort_column, sort_desc, search, filters, execute=False, page_size=False)  # type: ignore[misc]
        if not execute:
            return None, self._apply_pagination(query, page, page_size)
        size = page_size or self.page_size  # type: ignore[attr-defined]
        first = (page or 0) * size
        ids = self.ids_of(query, first, size, by=None if search or len(filters or ()) > 1 else sort_column, desc=bool(sort_desc))
        last = len(ids) < size and (ids or not first)  # the last page tells how many there are
        return first + len(ids) if last else self.counted(query, search, filters), self.rows_of(ids)

    def ids_of(self, query: Any, first: int, size: int, *, by: Any, desc: bool) -> list[int]:
        """The identifiers of a page. `by`: the column that orders the whole list, for a screen that knows a quicker way to that order."""
        return [row[0] for row in query.with_entities(self.model.id).limit(size).offset(first)]

    def rows_of(self, ids: list[int], *more: Any) -> list[Any]:
        """These rows in this order, with what the columns show; `more` are loader options."""
        if not ids:
            return []
        query = self.get_query().options(*(joinedload(j) for j in self._auto_joins), *more)  # type: ignore[attr-defined]
        found = {row.id: row for row in query.filter(self.model.id.in_(ids))}
        rows = [found[i] for i in ids if i in found]
        self.prepare_rows(rows)
        return rows

    def counted(self, query: Any, search: Any, filters: Any) -> int:
        """How many rows the query finds: exactly when the whole list is shown, else up to one more than `MOST_COUNTED`."""
        ids = query.with_entities(self.model.id).order_by(None)
        if not search and not filters:
            # A screen of its own mind may narrow its rows by an argument of the address, or by the person's roles.
            other = frozenset((name, value) for name, value in request.args.items() if name not in _ANYWAY)
            name = ("whole list", self.table, other, WHO.get().roles)  # type: ignore[attr-defined]
            return overview.counted(name, (self.table,), lambda: int(ids.count()), worth=lambda count: count > MOST_COUNTED)  # type: ignore[attr-defined]
        return int(ids.limit(MOST_COUNTED + 1).count())

    def matching(self, verb: str) -> tuple[int, Any]:
        """(count, query) of all rows that match the list's own query string, as far as this verb reaches. The count is exact."""
        query = self.listed_query(verb)
        return int(query.with_entities(self.model.id).order_by(None).count()), query

    def listed_query(self, verb: str) -> Any:
        """All rows that match the list's own query string, in its order, as far as this verb reaches."""
        args = self._get_list_extra_args()  # type: ignore[attr-defined]
        sort = self._get_column_by_idx(args.sort)  # type: ignore[attr-defined]
        _none, query = self.get_list(None, sort[0] if sort else None, args.sort_desc, args.search, args.filters, execute=False, page_size=False)
        clause = self.narrower(verb)  # type: ignore[attr-defined]
        return query if clause is None else query.filter(clause)

    def _apply_pagination(self, query: Any, page: int | None, page_size: int | None) -> Any:
        if page_size is False:
            return query
        size = page_size or self.page_size  # type: ignore[attr-defined]
        return query.limit(size).offset((page or 0) * size)

    def _apply_path_joins(self, query: Any, joins: Any, path: Any, inner_join: bool = True) -> Any:
        """What a row always points to is joined as such: the database may then begin with the other table, in the order asked for."""
        needed = all(not column.nullable for relation in path or () if hasattr(relation, "property") for column in relation.property.local_columns)
        return super()._apply_path_joins(query, joins, path, inner_join or needed)  # type: ignore[misc]

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: Any) -> Any:
        """By the column, then in the list's usual order, then by key: a row stands on one page only."""
        query, joins = super()._apply_sorting(query, joins, sort_column, sort_desc)  # type: ignore[misc]
        if sort_column in self._sortable_columns:  # type: ignore[attr-defined]
            for field, path, desc in self._get_default_order():  # type: ignore[attr-defined]
                if field is not self._sortable_columns[sort_column]:  # type: ignore[attr-defined]
                    query, joins = self._order_by(query, joins, path, field, desc)  # type: ignore[attr-defined]
        if not any(name == "id" for name, _desc in self._by_default()):
            query = query.order_by(self.model.id)
        return query, joins

    def _by_default(self) -> list[tuple[str, bool]]:
        given = self.column_default_sort  # type: ignore[attr-defined]
        return [(given, False)] if isinstance(given, str) else [given] if isinstance(given, tuple) else list(given or ())

    def get_safe_page_size(self, page_size: int | None) -> int:
        """One of the offered sizes, else the screen's own."""
        return page_size if page_size in self.page_size_options else self.page_size  # type: ignore[attr-defined]

    def count_text(self, count: int | None) -> str:
        """How many, in words, under the title."""
        if count is None:
            return ""
        return ngettext("%(num)d record", "%(num)d records", count)

    def count_in_words(self, count: int | None) -> str:
        """A count as it stands in a sentence: the number, or "more than 10,000"."""
        return gettext("more than %(num)s", num=_many()) if count == MOST_COUNTED + 1 else str(count or "")

    def count_words(self, count: int | None, pages: int | None) -> dict[str, Any]:
        """The count as the title and the foot say it; of "more than 10,000" no last page is known."""
        if count != MOST_COUNTED + 1:
            return {"count_text": self.count_text(count), "count_total": None, "num_pages": pages}
        return {"count_text": gettext("More than %(num)s rows", num=_many()), "count_total": self.count_in_words(count), "num_pages": None}

    def list_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """What list.html needs beyond Flask-Admin's own context. A page after the last one is not there (404)."""
        view_args = self._get_list_extra_args()  # type: ignore[attr-defined]
        if not context["data"] and view_args.page > 0:
            abort(404)
        return {
            # Words are looked up once, not in each row.
            "list_columns": [(name, str(label)) for name, label in context["list_columns"]],
            **self.count_words(context["count"], context["num_pages"]),
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
