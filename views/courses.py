"""What is taught: courses, grids, and the correspondence between groups and kinds of recognition."""

from __future__ import annotations

from typing import Any

from babel.numbers import get_decimal_symbol
from flask import Flask
from flask_admin import Admin
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import StringField

from models.base import Refusal
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
from models.db import db
from models.studies import OrgUnit, Programme
from models.units import read_units, show_units
from views import checks
from views.base import Screen
from views.filters import Clause, Row
from views.formats import locale
from views.held import Held
from views.i18n import lazy_gettext as _
from views.i18n import ngettext
from views.retiring import EditorsRetire

FEW = 60  # codes of a list shown as a plain list


class UnitsField(StringField):
    """Units typed with a comma, a point or thirds; the row holds their number of thirds."""

    data: Any

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else units_words(self.data)

    def process_formdata(self, valuelist: Any) -> None:
        """Refuses what is no number of thirds."""
        if not valuelist:
            return
        try:
            self.data = read_units(valuelist[0])
        except Refusal as refusal:
            self.data = None
            raise ValueError(refusal.sentence) from refusal


def units_words(thirds: int | None) -> str:
    """Units as the reader writes numbers: 4,33."""
    return show_units(thirds, get_decimal_symbol(locale()))


def codes_of(code_list: CodeList) -> Any:
    """The clause of a look-up: the codes of a list that are still offered."""
    return lambda: (CodeValue.code_list == code_list) & CodeValue.retired_at.is_(None)


def offered(model: Any) -> Any:
    """The clause of a look-up: what is still offered."""
    return lambda: model.retired_at.is_(None)


class Courses(Held, EditorsRetire, Screen):
    """The courses that may be registered for."""

    model = Course
    name = _("[Courses]")
    name_of_one = _("[Course]")
    icon = "book"
    add_label = _("Add [a course]")
    empty = {
        "icon": "book",
        "title": _("[No course] yet"),
        "sentence": _("Add those that [students] are registered for, under the number that records write: 601-103-MQ."),
    }
    title_column = "number"
    column_list = ("number", "title", "discipline", "unit_thirds", "weekly_hours", "category", "in_use")
    column_labels = {"in_use": _("Status")}
    column_sortable_list = ("number", "title", "discipline", "unit_thirds", "weekly_hours")
    column_default_sort = [("number", False)]
    column_searchable_list = ("number", "title", "discipline", "official_number", "sobec_number", "objective")
    search_example = _("601-103-MQ")
    column_formatters = column_formatters_export = {"unit_thirds": lambda _v, _c, row, _n: units_words(row.unit_thirds)}
    column_details_list = (
        *("number", "title", "discipline", "official_number", "sobec_number", "objective", "unit_thirds", "weekly_hours", "category"),
        *("grids", "in_use", "retired_at"),
    )
    column_export_list = ("number", "title", "discipline", "official_number", "sobec_number", "objective", "unit_thirds", "weekly_hours", "category", "in_use")
    number_columns = ("unit_thirds", "weekly_hours")
    nowrap_columns = ("number",)
    lookups = {"category": (CodeValue, ("code", "label"), codes_of(CodeList.course_category), FEW)}
    form_columns = ("number", "title", "discipline", "category", "unit_thirds", "weekly_hours", "official_number", "sobec_number", "objective")
    form_sections = (
        ("", (("number", 3), ("title", 9), ("discipline", 6), ("category", 6), ("unit_thirds", 3), ("weekly_hours", 3))),
        (_("Other numbers"), (("official_number", 4), ("sobec_number", 4), ("objective", 4))),
    )
    form_overrides = {"unit_thirds": UnitsField}
    form_args = {
        "number": {"validators": [checks.course_number]},
        "unit_thirds": {"description": _("By thirds: 4, 4.33, 4.66 or 4 1/3.")},
        "official_number": {"description": _("Of the ministry.")},
        "objective": {"description": _("The competency that [the course] leads to, as in the ministry’s specifications.")},
    }
    bulk_edit_columns = ("discipline", "category", "weekly_hours")

    def __init__(self) -> None:
        self.column_filters = (
            Row(Course.category_id, _("Category"), "category", CodeValue, categories),
            Clause(Course.id, _("Offered"), "offered", lambda: Course.retired_at.is_(None)),
        )
        super().__init__()

    def get_query(self) -> Any:
        """With what the list shows."""
        return super().get_query().options(joinedload(Course.category))

    def count_text(self, count: int | None) -> str:
        """How many courses."""
        return "" if count is None else ngettext("%(num)d [course]", "%(num)d [courses]", count)


def categories() -> list[CodeValue]:
    """The categories of courses, for the filter."""
    return list(db.session.scalars(select(CodeValue).where(CodeValue.code_list == CodeList.course_category).order_by(CodeValue.rank, CodeValue.code)))


class Grids(Held, EditorsRetire, Screen):
    """The versions of the programmes that cohorts follow, with their courses."""

    model = Grid
    name = _("Grids")
    name_of_one = _("Grid")
    icon = "file"
    add_label = _("Add a grid")
    empty = {
        "icon": "file",
        "title": _("No grid yet"),
        "sentence": _("A grid is the version of [a programme] that a cohort follows, with its [courses]: JEE0K-17R-RA."),
    }
    title_column = "code"
    column_list = ("code", "title", "programme", "org_unit", "in_use")
    column_labels = {"in_use": _("Status")}
    column_sortable_list = ("code", "title", ("programme", "programme.code"))
    column_default_sort = [("code", False)]
    column_searchable_list = ("code", "title")
    search_example = _("JEE0K-17R-RA")
    column_details_list = ("code", "title", "programme", "org_unit", "in_use", "retired_at")
    details_template = "admin/grid/details.html"
    column_export_list = ("code", "title", "programme", "org_unit", "in_use")
    nowrap_columns = ("code",)
    lookups = {
        "programme": (Programme, ("code", "title"), offered(Programme), FEW),
        "org_unit": (OrgUnit, ("code", "name"), None, FEW),
        "courses": (Course, ("number", "title"), offered(Course)),
    }
    form_columns = ("code", "title", "programme", "org_unit", "courses")
    form_sections = (("", (("code", 4), ("title", 8), ("programme", 6), ("org_unit", 6), ("courses", 12))),)
    form_args = {"code": {"description": _("As records write it: JEE0K-17R-RA.")}}
    bulk_edit_columns = ("org_unit",)

    def __init__(self) -> None:
        self.column_filters = (
            Row(Grid.programme_id, _("[Programme]"), "programme", Programme),
            Clause(Grid.id, _("Offered"), "offered", lambda: Grid.retired_at.is_(None)),
        )
        super().__init__()

    def get_query(self) -> Any:
        """With what the list shows."""
        return super().get_query().options(joinedload(Grid.programme), joinedload(Grid.org_unit))

    def render(self, template: str, **kwargs: Any) -> str:
        """Its courses stand below a grid."""
        if template == self.details_template:
            kwargs["units"] = units_words
        return str(super().render(template, **kwargs))

    def count_text(self, count: int | None) -> str:
        """How many grids."""
        return "" if count is None else ngettext("%(num)d grid", "%(num)d grids", count)


class RacGroups(Screen):
    """Which group number of a course stands for which kind of recognition."""

    model = RacGroup
    name = _("Correspondence of [groups] (RAC)")
    name_of_one = _("Line of the correspondence")
    icon = "award"
    add_label = _("Add a line")
    empty = {
        "icon": "award",
        "title": _("The correspondence is empty"),
        "sentence": _("Each line says which number of [a group] stands for which kind of recognition in [a course]: 00990, assessment."),
    }
    title_column = "course"
    column_list = ("course", "number", "rac_type")
    column_sortable_list = (("course", "course.number"), "number")
    column_default_sort = [("course.number", False), ("number", False)]
    column_searchable_list = ("course.number", "course.title", "number")
    search_example = _("601-103-MQ")
    column_details_list = ("course", "number", "rac_type")
    column_export_list = ("course", "number", "rac_type")
    nowrap_columns = ("number",)
    lookups = {
        "course": (Course, ("number", "title"), offered(Course)),
        "rac_type": (CodeValue, ("code", "label"), codes_of(CodeList.rac_type), FEW),
    }
    form_columns = ("course", "number", "rac_type")
    form_sections = (("", (("course", 8), ("number", 4), ("rac_type", 8))),)
    form_args = {"number": {"validators": [checks.group_number], "description": _("One to five figures; 990 becomes 00990.")}}
    bulk_edit_columns = ("rac_type",)

    def get_query(self) -> Any:
        """With what the list shows."""
        return super().get_query().options(joinedload(RacGroup.course), joinedload(RacGroup.rac_type))

    def count_text(self, count: int | None) -> str:
        """How many lines."""
        return "" if count is None else ngettext("%(num)d line", "%(num)d lines", count)


def register(app: Flask, admin: Admin) -> None:
    """The screens of the catalogue."""
    for screen in (Courses(), Grids(), RacGroups()):
        admin.add_view(screen)
