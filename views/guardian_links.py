"""The links between guardians and students: who may follow which child, and since when not."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, request
from flask_wtf import FlaskForm
from wtforms import DateField, Form, StringField
from wtforms.validators import InputRequired, Length, Optional

from models.db import db
from models.people import GuardianLink, LinkStatus
from views.base import Screen
from views.colleagues import GUARDIAN_LOOKUP, STUDENT_LOOKUP
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.verbs import verb


def in_words(_screen: Any, _context: Any, row: Any, name: str) -> str:
    """A choice that is no state: its words, without the badge."""
    return str(getattr(row, name) or "")


class SuspendForm(FlaskForm):
    """Why, and until when."""

    reason = StringField(
        _("Reason"), validators=[InputRequired(), Length(max=200)], description=_("Seen by those who may suspend links, never by the families.")
    )
    until = DateField(
        _("Until"), validators=[Optional()], description=_("The last day: the link opens again the day after. Empty: until somebody reactivates it.")
    )


class GuardianLinks(Screen):
    """Who may follow which student."""

    model = GuardianLink
    name = _("Links")
    name_of_one = _("Link")
    icon = "users"
    add_label = _("Add a link")
    empty = {"icon": "users", "title": _("No link yet"), "sentence": _("A link lets [a guardian] follow [a student] online, once they have an account.")}
    title_column = "student"
    column_list = ("student", "guardian", "relation", "authority", "status", "suspended_until")
    column_sortable_list = (("student", "student.search_key"), ("guardian", "guardian.search_key"), "relation", "status")
    column_default_sort = [("student.search_key", False), ("id", False)]
    column_searchable_list = ("student.search_key", "guardian.search_key")
    column_filters = ("status", "relation", "authority")
    column_formatters = {"relation": in_words, "authority": in_words}
    column_details_list = ("student", "guardian", "relation", "authority", "status", "suspended_until")
    column_export_list = ("student", "guardian", "relation", "authority", "status", "suspended_until")
    form_columns = ("student", "guardian", "relation", "authority")
    form_sections = (("", (("student", 6), ("guardian", 6), ("relation", 6), ("authority", 6))),)
    bulk_edit_columns = ("relation", "authority")
    lookups = {"student": STUDENT_LOOKUP, "guardian": GUARDIAN_LOOKUP}

    def count_text(self, count: int | None) -> str:
        """How many links."""
        return "" if count is None else ngettext("%(num)d link", "%(num)d links", count)

    def create_form(self, obj: Any = None) -> Any:
        """From a student's file, the student is already chosen."""
        form = super().create_form(obj)
        for name in ("student", "guardian"):
            if request.method == "GET" and name in request.args:
                form[name].data = form[name].loader.get_one(request.args[name])
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """A link never moves to another child or adult: an account would follow it. A new one is made instead."""
        form = super().edit_form(obj)
        del form.student, form.guardian
        return form

    def on_model_change(self, form: Form, model: GuardianLink, is_created: bool) -> None:
        """A second link of the same two is refused; a new one beside a suspended link is to be checked (features section 0)."""
        if is_created:
            model.check_new(db.session)

    def after_model_change(self, form: Form, model: GuardianLink, is_created: bool) -> None:
        """Say that the link waits."""
        if is_created and model.status is LinkStatus.to_check:
            flash(gettext("This link waits for a check: another link of [this student] is suspended. Read it again, then confirm it."), "warning")

    def verb_fits(self, verb: str, row: GuardianLink) -> bool:
        """By the link's status."""
        suspended = row.status is LinkStatus.suspended
        return {"suspend": not suspended, "reactivate": suspended, "confirm": row.status is LinkStatus.to_check}.get(verb, True)

    @verb("suspend", _("Suspend"), ask=SuspendForm, danger=True)
    def suspend(self, record: GuardianLink, reason: str, until: dt.date | None) -> None:
        """Close the access."""
        record.suspend(reason, until)

    def prepare_suspend(self, selection: Any, form: Any) -> dict[str, Any]:
        """What it means."""
        return {
            "count_sentence": ngettext("link chosen.", "links chosen.", selection.count),
            "left_out": gettext("The [guardian] sees and receives nothing more about the child, at once. Nothing is deleted."),
            "verb_label": ngettext("Suspend the link", "Suspend %(num)d links", selection.count),
        }

    @verb("reactivate", _("Reactivate"))
    def reactivate(self, record: GuardianLink) -> None:
        """Open the access again."""
        record.reactivate()

    @verb("confirm", _("Confirm"))
    def confirm(self, record: GuardianLink) -> None:
        """The link is right."""
        record.confirm()
