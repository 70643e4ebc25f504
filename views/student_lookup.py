"""Finding students: the field chosen beside the search box, several fields at once, and what stands beside a name (features S2-02 to S2-04)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import g, has_request_context, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus, counting
from models.courses import Grid
from models.db import db
from models.people import Student
from models.session_records import SessionRecord
from models.studies import OrgUnit, Programme, Term
from views.base import gate
from views.filters import FilterEntry, Is, Row, ScreenFilter, short_rows
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.lists import OPEN_ONLY
from views.student_search import (
    by_family_name,
    by_given_name,
    by_guardian,
    by_name,
    by_national_id,
    by_number,
    by_own_words,
    by_phone,
    by_programme,
    by_programme_title,
    tally,
)

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

# (key, words, clause), in the order of the list beside the search box.
FIELDS: tuple[tuple[str, Any, Callable[[str], Any]], ...] = (
    ("identifier", _("National identifier (INE, permanent code)"), by_national_id),
    ("family", _("Family name"), by_family_name),
    ("name", _("Name and given name"), by_name),
    ("number", _("Number of [the student]"), by_number),
    ("phone", _("Phone number"), by_phone),
    ("programme_number", _("Number of [the programme]"), by_programme),
    ("given", _("Given name"), by_given_name),
    ("programme_title", _("Title of [the programme]"), by_programme_title),
    ("guardian", _("[Guardian]"), by_guardian),
)
# What a school with admissions reads beside a name (features S2-04).
ADMITTED = ("name", "local_id", "national_id", "born_on", "grid", "programme_number", "programme_title")
OF_ADMISSION = ("grid", "programme_number", "programme_title")


class Typed(ScreenFilter):
    """One field of the search, as a filter: several of them narrow together."""

    aside = True

    def __init__(self, key: str, name: Any, clause: Callable[[str], Any]) -> None:
        super().__init__(Student.id, name, key)
        self.clause = clause

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.clause(value))

    def operation(self) -> Any:
        """The operation in words: none, the field says it."""
        return ""


class AdmittedTo(Row):
    """The student has an admission whose column points to this row."""

    aside = True

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.get_column(alias)
        return query.filter(Student.id.in_(select(Admission.student_id).where(column.is_(None) if value == 0 else column == value)))


class RecordOf(Row):
    """The student has a session record of this term; of none: no record at all."""

    aside = True

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        kept = select(SessionRecord.student_id)
        return query.filter(Student.id.in_(kept.where(SessionRecord.term_id == value)) if value else Student.id.not_in(kept))


class AdmissionIs(Is):
    """The student has an admission in this state."""

    aside = True

    def apply(self, query: Any, value: AdmissionStatus, alias: Any = None) -> Any:  # type: ignore[override]
        """Add the clause."""
        return query.filter(Student.id.in_(select(Admission.student_id).where(Admission.status == value)))


def _terms() -> Any:
    return db.session.scalars(select(Term).order_by(Term.place.desc()))


def lookup_filters() -> tuple[ScreenFilter, ...]:
    """The filters that stand on the page of the advanced search; in the list only while one of them narrows it."""
    return (
        *(Typed(key, words, clause) for key, words, clause in FIELDS),
        AdmittedTo(Admission.grid_id, _("Grid"), "grid", Grid, lambda: short_rows(Grid)),
        AdmissionIs(Admission.status, _("Status of the admission"), "admission"),
        AdmittedTo(Admission.org_unit_id, _("Organisational unit"), "org_unit", OrgUnit, lambda: short_rows(OrgUnit)),
        RecordOf(SessionRecord.term_id, _("Term of the registrations"), "term", Term, _terms),
    )


# The sections of the page: words, the filters by their key. What no section names comes last.
SECTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Identity"), ("family", "given", "name", "identifier", "number", "born_on", "phone", "guardian")),
    (_("Studies"), ("programme_number", "programme_title", "programme", "grid", "admission", "org_unit", "term")),
)


class StudentLookup(Base):
    """The search half of the screen of students."""

    search_by = FIELDS
    two_line_columns = ("programme_title",)

    @property
    def search_fields(self) -> list[tuple[str, str]]:
        """Without the guardians where they are not the person's to read."""
        return [field for field in super().search_fields if field[0] != "guardian" or self.may("read", "guardian")]

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        """Who does not read guardians does not find out by a search whose phone or name leads to which student."""
        chosen = self.list_args.get("by", "")
        if self.may("read", "guardian") or (chosen != "guardian" and chosen in {key for key, _words, _clause in FIELDS}):
            return super()._apply_search(query, count_query, joins, count_joins, search)
        clause = by_own_words(search)
        return query.filter(clause), count_query.filter(clause) if count_query is not None else None, joins, count_joins

    # -- one found: its file

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """The list; what is looked for with Enter and found once opens at once."""
        if OPEN_ONLY in request.args:
            rest = {name: value for name, value in request.args.items(multi=True) if name != OPEN_ONLY}
            back = self.get_url(".index_view", **rest)
            ids = self.listed(request.args, 2) if rest else []
            return redirect(self.get_url(".details_view", id=ids[0], url=back) if len(ids) == 1 else back)
        return super().index_view()

    # -- several fields at once

    @expose("/search/")
    @gate("read")
    def search_view(self) -> ResponseReturnValue:
        """Every field and filter on one page; what the list is narrowed by already stands there."""
        values = self._get_list_extra_args()
        entries = [entry for entry in self.filter_menu(values.filters, every=True) if not entry.arg.startswith("guardian.") or self.may("read", "guardian")]
        here = request.args.get("by", "")
        entries = [_with(entry, values.search) if values.search and entry.arg == f"{here}.Typed" and not entry.value else entry for entry in entries]
        placed: dict[str, int] = {key: place for place, (_words, keys) in enumerate(SECTIONS) for key in keys}
        groups: list[tuple[Any, list[tuple[str, FilterEntry]]]] = [(words, []) for words, _keys in SECTIONS] + [(_("Schooling"), [])]
        for number, entry in enumerate(entries):
            groups[placed.get(entry.arg.partition(".")[0], len(SECTIONS))][1].append((f"flt{number}_{entry.arg}", entry))
        for (_words, keys), (_title, fields) in zip(SECTIONS, groups, strict=False):
            order = {key: place for place, key in enumerate(keys)}
            fields.sort(key=lambda field: order.get(field[1].arg.partition(".")[0], 0))
        return str(
            self.render(
                "admin/student/search.html",
                groups=groups,
                anything="" if here in {key for key, _words, _clause in FIELDS} else values.search or "",
                list_url=self.get_url(".index_view"),
                open_only=OPEN_ONLY,
            )
        )

    def list_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """And, as the last of the screen's own tabs, the advanced search with what narrows the list already."""
        given = {name: value for name, value in request.args.items() if name in ("search", "by") or name.startswith("flt")}
        found: dict[str, Any] = super().list_context(context)
        tab = {"label": gettext("Advanced search"), "n": None, "url": self.get_url(".search_view", **given), "current": False}
        found["tabs"].insert(len(self.views), tab)
        # What finds nobody among the active ones may find who has left.
        narrow = given and not context["data"] and tally().left and not any(name.endswith("_status.Is") for name in given)
        wider = self.get_url(".index_view", **given, **{f"flt{len(given)}_status.Is": "all", OPEN_ONLY: "1"}) if narrow else ""
        return {**found, "open_only": OPEN_ONLY, "wider_url": wider}

    # -- what stands beside a name

    @property
    def usual_columns(self) -> list[str]:
        """In a school of Québec with admissions, what its clerks know a student by."""
        usual = super().usual_columns
        if not (has_request_context() and tally().admitted and self.may("read", "admission")):
            return usual
        return [*ADMITTED, *(spec.name for spec in self.extra_specs() if spec.in_list)]

    @property
    def offered_columns(self) -> dict[str, Any]:
        """Nothing of admissions to whoever may not read them."""
        found = super().offered_columns
        return found if self.may("read", "admission") else {name: words for name, words in found.items() if name not in OF_ADMISSION}

    def prepare_rows(self, rows: list[Any]) -> None:
        """The admission that counts of each, where a column of the list or of the export tells of it: one query."""
        shown = {name for name, _words in (*self._list_columns, *self._export_columns)}
        g.counting = counting(db.session, [row.id for row in rows]) if shown & set(OF_ADMISSION) else {}


def of_admission(name: str) -> Callable[[Any, Any, Student, str], Any]:
    """How a column tells of the admission that counts; without one, of the programme that the student follows."""

    def read(_screen: Any, _context: Any, row: Student, _name: str) -> str:
        one: Admission | None = g.counting.get(row.id)
        if name == "grid":
            return one.grid.code if one is not None and one.grid is not None else ""
        programme: Programme | None = one.programme if one is not None else row.programme
        return "" if programme is None else programme.code if name == "programme_number" else programme.title

    return read


def _with(entry: FilterEntry, value: str) -> FilterEntry:
    return FilterEntry(entry.label, entry.arg, entry.op_label, entry.kind, entry.options, value)
