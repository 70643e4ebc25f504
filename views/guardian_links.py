"""The links between guardians and students: who may follow which child, and since when not."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, request
from flask_wtf import FlaskForm
from wtforms import DateField, Form, StringField
from wtforms.validators import InputRequired, Length, Optional

from models.db import db
from models.invitations import behind
from models.people import GuardianLink, LinkStatus
from views.auth import permitted
from views.base import Screen
from views.colleagues import GUARDIAN_LOOKUP, STUDENT_LOOKUP
from views.formats import day_of, show_date
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


def born_from(links: list[GuardianLink]) -> dict[int, str]:
    """Link -> the invitation that a student sent and that made it, in words; nothing for who does not read invitations."""
    found = behind(db.session, links) if permitted("invitation", "read") else {}
    said = {}
    for link in (link for link in links if link.id in found):
        one, name = found[link.id], link.student.given_name
        day = show_date(day_of(one.created_at))
        said[link.id] = gettext("Invitation from %(name)s, on %(date)s, to this address: %(email)s", name=name, date=day, email=one.email)
    return said


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
    details_template = "admin/guardian_link/details.html"
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

    def render(self, template: str, **kwargs: Any) -> str:
        """On a link's own page: which invitation made it; while it waits for a check, confirming is the first thing to do."""
        link = kwargs.get("model")
        if isinstance(link, GuardianLink) and template == self.details_template:
            kwargs["origin"] = born_from([link]).get(link.id, "")
            kwargs["main"] = "confirm" if link.status is LinkStatus.to_check else ""
        return super().render(template, **kwargs)

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
