"""What is studied: programmes, terms, organisational units, and the code lists that records are filled in with."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, flash, g, request
from flask_admin import Admin
from sqlalchemy import func, select

from models.base import Refusal
from models.codes import CodeList, CodeValue, kept_lists, may_keep
from models.db import db
from models.people import Student, StudentStatus
from models.school import Country, School
from models.scope import WHO, current_school_id
from models.studies import OrgUnit, Programme, Season, Term, read_term
from views.base import Screen
from views.filters import Clause, Is
from views.held import Held
from views.i18n import lazy_gettext as _
from views.i18n import ngettext
from views.retiring import EditorsRetire, RetireVerbs


class Programmes(EditorsRetire, Screen):
    """The programmes that the school teaches, under the codes of its ministry."""

    model = Programme
    name = _("[Programmes]")
    name_of_one = _("[Programme]")
    icon = "book"
    add_label = _("Add [a programme]")
    empty = {"icon": "book", "title": _("[No programme] yet"), "sentence": _("[Programmes] come with the import of [students], or one at a time.")}
    title_column = "code"
    column_list = ("code", "title", "short_title", "kind", "students", "in_use")
    column_labels = {"students": _("[Students]"), "in_use": _("Status")}
    column_sortable_list = ("code", "title", "kind")
    column_default_sort = [("code", False)]
    column_searchable_list = ("code", "title", "short_title")
    column_formatters = {"students": lambda _v, _c, row, _n: g.in_programme.get(row.id, 0)}
    column_details_list = ("code", "title", "short_title", "kind", "in_use", "retired_at")
    column_export_list = ("code", "title", "short_title", "kind", "students", "in_use")
    number_columns = ("students",)
    nowrap_columns = ("code",)
    form_columns = ("code", "title", "short_title", "kind")
    form_sections = (("", (("code", 3), ("kind", 4), ("title", 12), ("short_title", 6))),)
    form_args = {
        "code": {"description": _("MEF (11 figures) in France; number of the network in Québec: 322.A0, JEE.0K.")},
        "short_title": {"description": _("What lists show. Empty: the title.")},
        "kind": {"description": _("Empty: worked out from the code where it tells.")},
    }
    bulk_edit_columns = ("kind",)

    def __init__(self) -> None:
        self.column_filters = ("kind", Clause(Programme.id, _("Offered"), "offered", lambda: Programme.retired_at.is_(None)))
        super().__init__()

    def count_text(self, count: int | None) -> str:
        """How many programmes."""
        return "" if count is None else ngettext("%(num)d [programme]", "%(num)d [programmes]", count)

    def prepare_rows(self, rows: list[Any]) -> None:
        """How many active students follow each programme of the page."""
        ids = [row.id for row in rows]
        counted = select(Student.programme_id, func.count()).where(Student.programme_id.in_(ids), Student.status == StudentStatus.active)
        g.in_programme = dict(db.session.execute(counted.group_by(Student.programme_id)).all())

    def on_model_change(self, form: Any, model: Programme, is_created: bool) -> None:
        """A code of an unusual shape is kept, and told."""
        school = db.session.get(School, current_school_id())
        warning = model.shape_warning(school.country) if school is not None else None
        if warning is not None:
            flash(warning.sentence, "warning")

    def delete_refusal(self, row: Programme) -> str | None:
        """A programme that students follow stays."""
        problem = row.deletion_problem()
        return problem.sentence if problem else None

    def delete_instead(self, row: Programme) -> Any:
        """No longer offered instead: whoever follows it keeps it."""
        return self.verbs["retire"] if row.retired_at is None and self.may("edit") else None


class Terms(Held, Screen):
    """The parts of the years: sessions of a college, trimesters or semesters of a school year."""

    model = Term
    name = _("Terms")
    name_of_one = _("Term")
    icon = "calendar"
    add_label = _("Add a term")
    empty = {"icon": "calendar", "title": _("No term yet"), "sentence": _("A term is a session of a college, or a trimester or semester of a school year.")}
    title_column = "name"
    column_list = ("name", "begins_on", "ends_on", "census_day")
    column_labels = {"name": _("Term"), "census_day": _("Day of the census")}
    column_sortable_list = (("name", "place"), "begins_on", "ends_on")
    column_default_sort = [("year", True), ("place", False)]
    column_searchable_list = ("season",)
    search_example = _("A-2017")
    column_formatters = {"name": lambda _v, _c, row, _n: str(row)}
    column_details_list = ("name", "year", "season", "begins_on", "ends_on", "census_day")
    nowrap_columns = ("name",)
    form_columns = ("year", "season", "begins_on", "ends_on", "census_on")
    form_sections = (("", (("year", 3), ("season", 4), ("begins_on", 3), ("ends_on", 3), ("census_on", 3))),)
    form_args = {
        "year": {"description": _("Of a trimester or a semester: the year in which the school year begins.")},
        "census_on": {"description": _("By which presences are confirmed. Left empty: 20 September in autumn, 15 February in winter.")},
    }
    bulk_edit_columns = ()

    def __init__(self) -> None:
        self.column_filters = ("season",)
        super().__init__()

    def count_text(self, count: int | None) -> str:
        """How many terms."""
        return "" if count is None else ngettext("%(num)d term", "%(num)d terms", count)

    def _apply_search(self, query: Any, count_query: Any, joins: Any, count_joins: Any, search: str) -> Any:
        """A term as records write it (A-2017, E18, 20173), or a year."""
        found = read_term(search)
        year = int(search) if search.strip().isdecimal() and len(search.strip()) == 4 else 0
        clause = (Term.year == found[0]) & (Term.season == found[1]) if found else Term.year == year
        return query.filter(clause), count_query.filter(clause) if count_query is not None else None, joins, count_joins

    def create_form(self, obj: Any = None) -> Any:
        """In France the parts of a school year come first, and the form opens on the first of them."""
        form = super().create_form(obj)
        school = db.session.get(School, current_school_id())
        if school is not None and school.country is Country.FR:
            form.season.members = lambda: sorted(Season, key=lambda season: season.of_calendar_year)
            if request.method == "GET":
                form.season.data = Season.trimester1
        return form

    def on_model_change(self, form: Any, model: Term, is_created: bool) -> None:
        """The days follow each other."""
        model.check_days()


class OrgUnits(Held, Screen):
    """The services and campuses that records name."""

    model = OrgUnit
    name = _("Organisational units")
    name_of_one = _("Organisational unit")
    icon = "home"
    add_label = _("Add an organisational unit")
    empty = {
        "icon": "home",
        "title": _("No organisational unit yet"),
        "sentence": _("A service or a campus, under the code that records name it by: RA for the recognition of acquired competencies."),
    }
    column_list = ("code", "name")
    column_sortable_list = ("code", "name")
    column_default_sort = [("code", False)]
    column_searchable_list = ("code", "name")
    column_details_list = ("code", "name")
    form_columns = ("code", "name")
    form_sections = (("", (("code", 3), ("name", 8))),)
    bulk_edit_columns = ()


class CodeValues(RetireVerbs, Screen):
    """Every code of every list, list after list."""

    model = CodeValue
    name = _("Code lists")
    name_of_one = _("Code")
    icon = "file"
    add_label = _("Add a code")
    empty = {"icon": "file", "title": _("No code yet"), "sentence": _("Codes fill in the fields of the records: category, funding source, remark.")}
    title_column = "name"
    column_list = ("name", "code_list", "help", "source", "rank", "in_use")
    column_labels = {"name": _("Code"), "in_use": _("Status")}
    column_sortable_list = (("name", "code"), "code_list", "rank")
    column_default_sort = [("code_list", False), ("rank", False), ("code", False)]
    column_searchable_list = ("code", "label", "help")
    column_formatters = {"name": lambda _v, _c, row, _n: str(row), "code_list": lambda _v, _c, row, _n: str(row.code_list)}
    column_details_list = ("code_list", "code", "label", "help", "rank", "source", "in_use", "retired_at")
    number_columns = ("rank",)
    form_columns = ("code_list", "code", "label", "help", "rank")
    form_sections = (("", (("code_list", 6), ("rank", 3), ("code", 3), ("label", 8), ("help", 12))),)
    form_args = {
        "code": {"description": _("As records write it. Capitals.")},
        "help": {"description": _("Shown beside the field in which the code is chosen.")},
        "rank": {"description": _("1 comes first.")},
    }
    bulk_edit_columns = ()

    def __init__(self) -> None:
        self.column_filters = (
            Is(CodeValue.code_list, _("Code list"), "code_list"),
            Clause(CodeValue.id, _("Offered"), "offered", lambda: CodeValue.retired_at.is_(None)),
        )
        super().__init__()

    def count_text(self, count: int | None) -> str:
        """How many codes."""
        return "" if count is None else ngettext("%(num)d code", "%(num)d codes", count)

    def check_own(self, verb: str, row: CodeValue) -> None:
        """The registrar keeps the lists of the studies; the others are the site administrator's."""
        super().check_own(verb, row)
        if not may_keep(WHO.get().roles, row.code_list):
            self.refused(verb, row.id)
            abort(403)

    def verb_fits(self, verb: str, row: CodeValue) -> bool:
        """Nothing is offered on a list that is not the person's to keep."""
        return super().verb_fits(verb, row) and may_keep(WHO.get().roles, row.code_list)

    def create_form(self, obj: Any = None) -> Any:
        """Only the lists that the person keeps."""
        form = _only_kept(super().create_form(obj))
        asked = request.args.get("code_list", "")
        if request.method == "GET" and asked in [one.name for one in kept_lists(WHO.get().roles)]:  # from a field whose list lacks a code
            form.code_list.data = CodeList[asked]
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """A code stays in its list."""
        form = super().edit_form(obj)
        del form.code_list
        return form

    def on_model_change(self, form: Any, model: CodeValue, is_created: bool) -> None:
        """What the form did not offer is refused all the same."""
        if not may_keep(WHO.get().roles, model.code_list):
            raise Refusal(_("This list is not yours to change. Ask the site administrator."))


def _only_kept(form: Any) -> Any:
    form.code_list.members = lambda: kept_lists(WHO.get().roles)
    return form


def register(app: Flask, admin: Admin) -> None:
    """The screens of the studies."""
    for screen in (Programmes(), Terms(), OrgUnits(), CodeValues()):
        admin.add_view(screen)
