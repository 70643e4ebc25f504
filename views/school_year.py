"""The school years, and the change from one to the next."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask_admin import Admin

from models.db import db
from models.school_year import SchoolYear, current_year
from views.base import Screen
from views.colleagues import STUDENT_LOOKUP
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.menu import beside
from views.year_change import YearChangePages


class SchoolYears(YearChangePages, Screen):
    """One year is current; which one changes by the change of school year only."""

    model = SchoolYear
    name = _("School years")
    name_of_one = _("School year")
    icon = "calendar"
    add_label = _("Add a school year")
    empty = {
        "icon": "calendar",
        "title": _("No school year yet"),
        "sentence": _("Papers then use the years that are usual in your country. Add the current year to give its own first and last day."),
    }
    column_list = ("name", "begins_on", "ends_on", "state")
    column_labels = {"state": _("Status")}
    column_sortable_list = ("name", "begins_on", "ends_on")
    column_default_sort = [("begins_on", True)]
    column_searchable_list = ("name",)
    column_formatters = {"state": lambda _v, _c, row, _n: row.state_among(_current())}
    column_details_list = ("name", "begins_on", "ends_on", "state")
    form_columns = ("name", "begins_on", "ends_on")
    form_sections = (("", (("name", 4), ("begins_on", 3), ("ends_on", 3))),)
    form_args = {"name": {"description": _("As papers write it: 2026-2027.")}}
    bulk_edit_columns = ()
    lookups = {"leaving": STUDENT_LOOKUP, "repeating": STUDENT_LOOKUP}

    def render(self, template: str, **kwargs: Any) -> str:
        """The list leads to the change of school year."""
        if template == self.list_template and self.may("change_year"):
            change = {"label": gettext("Change of school year"), "icon": "right", "url": self.get_url(".change_year_view")}
            kwargs["beside"] = [change, *beside(self.endpoint)]
        return super().render(template, **kwargs)

    def on_model_change(self, form: Any, model: SchoolYear, is_created: bool) -> None:
        """No two years overlap; the first one that covers today is the current one."""
        model.settle(db.session)


def _current() -> SchoolYear | None:
    if "current_year" not in g:
        g.current_year = current_year(db.session)
    found: SchoolYear | None = g.current_year
    return found


def register(app: Flask, admin: Admin) -> None:
    """The screen of the school years."""
    admin.add_view(SchoolYears())
