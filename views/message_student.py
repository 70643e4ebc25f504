"""Messages from the side of students: writing about chosen ones, and what was written about one, as a part of the file."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from models import message_report
from models.db import db
from models.message_audience import reads_queries
from models.messages import Message
from models.people import Student
from views.auth import permitted
from views.formats import show_instant
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.saving import own_path
from views.student_file import Part, declare_part
from views.verbs import Selection, verb


class MessageVerb:
    """The verb of the screen of students."""

    @verb("send_message", _("Write a message"), icon="mail", whole=True)
    def send_message(self, selection: Selection) -> ResponseReturnValue:
        """A draft about the chosen students; all that match a list follow that list until it is sent."""
        if not permitted("message", "create"):
            abort(403)
        audience: dict[str, Any] = {"kind": "students", "ids": selection.all_ids()}
        if selection.query is not None:
            query = urlencode([(name, value) for name, value in request.args.items(multi=True) if _narrows(name)])
            audience = {"kind": "filter", "ids": selection.all_ids(), "query": query}
        made = message_report.draft(db.session, audience)
        db.session.flush()
        return redirect(url_for("message.edit_view", id=made.id, url=own_path(request.form.get("url"))), code=303)


def _narrows(name: str) -> bool:
    """Whether this argument of a list's address says which students it shows; forged ones and those of its look do not."""
    known: Any = screens()["student"]._filter_args or {}
    return name == "search" or (name.startswith("flt") and name.partition("_")[2] in known)


@reads_queries
def shown_by(query: str) -> list[int]:
    """The students whom the list at this address shows now."""
    g.list_args = MultiDict(parse_qsl(query))
    try:
        found: list[int] = screens()["student"].listed(g.list_args, most=None)
    finally:
        g.list_args = None
    return found


# --- the part of the student's file ----------------------------------------------------------------------------------------------------


def _messages_of(student: Student) -> dict[str, Any]:
    """The latest first."""
    return {
        "messages": message_report.about_student(db.session, student.id),
        "may_write": permitted("student", "send_message") and permitted("message", "create"),
        "show": show_instant,
        "subject_label": Message.subject.info["label"],
    }


declare_part(Part("messages", _("Messages"), "admin/message/part.html", _messages_of, ("message", "read"), message_report.count_about, place=15))
