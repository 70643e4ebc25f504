"""The invitations that students have sent to their guardians: whom, what became of them, and closing one."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_admin import Admin
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models.db import db
from models.invitations import Invitation, InvitationState, invitation_state_clause
from models.people import Student
from views.base import Screen
from views.filters import ScreenFilter
from views.formats import day_of, show_date
from views.i18n import gettext, language_name, ngettext
from views.i18n import lazy_gettext as _
from views.verbs import Selection, verb


class InState(ScreenFilter):
    """What became of an invitation."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """Every state."""
        return [(state.name, str(state.label)) for state in InvitationState]

    def clean(self, value: str) -> str:
        """One of them; ValueError otherwise."""
        if value not in InvitationState.__members__:
            raise ValueError(value)
        return value

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(invitation_state_clause(InvitationState[value]))


class Invitations(Screen):
    """Who was invited by which student. Nobody reads the codes: each stands in one mail."""

    model = Invitation
    name = _("Invitations")
    name_of_one = _("Invitation")
    icon = "mail"
    empty = {
        "icon": "mail",
        "title": _("No invitation"),
        "sentence": _("[Students] send them from their own page, where the [school] has switched that on (Options and security)."),
    }
    column_list = ("student", "email", "state", "created_at", "expires_at")
    column_details_list = ("student", "email", "state", "held", "language", "created_at", "expires_at")
    column_labels = {"state": _("State"), "expires_at": _("Valid until")}
    column_formatters = {
        "language": lambda _v, _c, row, _n: language_name(row.language),
        "created_at": lambda _v, _c, row, _n: day_of(row.created_at),
        "expires_at": lambda _v, _c, row, _n: day_of(row.expires_at),
    }
    nowrap_columns = ("created_at", "expires_at")
    column_sortable_list = (("student", "student.search_key"), "email", "created_at")
    column_default_sort = [("created_at", True), ("id", True)]
    column_searchable_list = ("student.search_key", "email")

    def __init__(self) -> None:
        self.column_filters = (InState(Invitation.id, _("State"), "state"),)
        super().__init__()

    def get_query(self) -> Any:
        """With their codes, which say what became of them."""
        return super().get_query().options(joinedload(Invitation.code))

    def detail_options(self) -> tuple[Any, ...]:
        """The same."""
        return (*super().detail_options(), joinedload(Invitation.code), joinedload(Invitation.student))

    def count_text(self, count: int | None) -> str:
        """How many invitations."""
        return "" if count is None else ngettext("%(num)d invitation", "%(num)d invitations", count)

    def verb_fits(self, verb: str, row: Invitation) -> bool:
        """What can still be accepted can still be revoked."""
        return row.told is InvitationState.waiting

    def called(self, row: Invitation) -> str:
        """An invitation by who sent it, and to whom."""
        return f"{row.student} – {row.email}"

    @verb("revoke", _("Revoke"), confirm=_("Whoever was invited cannot accept any more. This cannot be undone."), icon="trash", danger=True)
    def revoke(self, record: Invitation) -> None:
        """Close it for ever."""
        record.revoke()

    def prepare_revoke(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many."""
        return {
            "title": ngettext("Revoke this invitation?", "Revoke %(num)d invitations?", selection.count),
            "count_sentence": ngettext("invitation chosen.", "invitations chosen.", selection.count),
            "verb_label": ngettext("Revoke the invitation", "Revoke %(num)d invitations", selection.count),
            "back_label": gettext("Back to the invitations"),
        }


def invitations_of(student: Student) -> list[dict[str, Any]]:
    """What a student has sent, the latest first, for their file."""
    found = db.session.scalars(
        select(Invitation).where(Invitation.student_id == student.id).options(joinedload(Invitation.code)).order_by(Invitation.id.desc())
    )
    return [{"id": one.id, "email": one.email, "day": show_date(day_of(one.created_at)), "state": one.state} for one in found]


def register(_app: Flask, admin: Admin) -> None:
    """The screen."""
    admin.add_view(Invitations())
