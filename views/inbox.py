"""The inbox of guardians and of students: the same pages under /parent/ and /student/. Nobody answers in writing: the school's phone stands beside."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, abort, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models import message_box as box
from models import message_files, portal
from models.db import BEGIN, db, is_busy
from models.message_html import clean
from models.school import School
from models.wording import Wording
from views.attachments import attach
from views.formats import locale, size_words
from views.i18n import gettext, ngettext, speaking_for
from views.i18n import lazy_gettext as _
from views.portal_tabs import declare_tab

log = logging.getLogger("scolabri.views")
bp = Blueprint("inbox", __name__)

PREFIXES = {"guardian": "/parent", "student": "/student"}
MOST_PAGES = 1_000_000


def address(which: str, **values: Any) -> str:
    """Where a page of the inbox ("list", "one", "file") stands in the reader's own portal."""
    return url_for(f"inbox.{current_user.portal}_{which}", **values)


def unread() -> int:
    """How many messages the person has not opened; asked once a request."""
    if "unread" not in g:
        g.unread = box.unread(db.session)
    return int(g.unread)


def unread_words() -> str:
    """The same in words; nothing when all are read."""
    n = unread()
    return ngettext("%(num)d new message", "%(num)d new messages", n) if n else ""


def about_child(student_id: int) -> list[dict[str, Any]]:
    """The latest messages about a child, as their page lists them."""
    zones = _zones()
    return [
        {
            "title": line.subject,
            "sub": " · ".join(part for part in (line.sender, _when(line, zones)) if part),
            "url": address("one", message_id=line.id),
            "unread": line.unread,
        }
        for line in box.about(db.session, student_id)
    ]


@contextmanager
def _writing() -> Iterator[None]:
    """A short transaction of its own in a request that otherwise only reads."""
    db.session.rollback()
    token = BEGIN.set("IMMEDIATE")
    try:
        yield
        db.session.commit()
    finally:
        BEGIN.reset(token)


def _when(line: box.Line, zones: dict[int, str]) -> str:
    """When it was sent, by the clock of the school that sent it."""
    return Wording(locale(), lambda: ZoneInfo(zones[line.school_id])).instant(line.sent_at) if line.sent_at else ""


def _zones() -> dict[int, str]:
    return {row.id: row.time_zone for row in db.session.execute(select(School.id, School.time_zone))}


def inbox_page() -> ResponseReturnValue:
    """What one has received, the latest first."""
    asked = request.args.get("page", "1")
    shown = box.inbox(db.session, int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < len(str(MOST_PAGES)) else 1)
    g.unread, zones = shown.unread, _zones()
    return render_template(
        "portal/messages.html",
        rows=[
            {
                "title": line.subject,
                "from": " · ".join(part for part in (line.sender, line.school) if part),
                "about": ", ".join(line.about) if current_user.portal == "guardian" else "",
                "when": _when(line, zones),
                "files": ngettext("%(num)d file", "%(num)d files", line.files) if line.files else "",
                "unread": line.unread,
                "url": address("one", message_id=line.id),
            }
            for line in shown.lines
        ],
        unread_words=unread_words(),
        newer_url=address("list", page=shown.page - 1) if shown.page > 1 else "",
        older_url=address("list", page=shown.page + 1) if shown.page < shown.pages else "",
        place=gettext("Page %(page)s of %(pages)s", page=shown.page, pages=shown.pages) if shown.pages > 1 else "",
    )


def message_page(message_id: int) -> ResponseReturnValue:
    """One message. Opening it marks it as read; 404 for any that the person has not received, or about a child whom they follow no more."""
    _note_read(message_id)
    opened = box.open_message(db.session, message_id, note=False)
    if opened is None:
        abort(404)
    line, school = opened.line, db.session.get_one(School, opened.line.school_id)
    with speaking_for(line.school_id):
        return render_template(
            "portal/message.html",
            subject=line.subject,
            sender=line.sender or school.name,
            role=portal.sender_role(db.session, opened.message),
            school=school.name,
            phone=school.phone,
            when=_when(line, {school.id: school.time_zone}),
            about=", ".join(line.about) if current_user.portal == "guardian" else "",
            body=clean(opened.body),
            files=[{"name": one.name, "size": size_words(one.size), "url": address("file", message_id=message_id, file_id=one.id)} for one in opened.files],
            back_url=address("list"),
            support_school=line.school_id,
            phone_shown=True,
        )


def _note_read(message_id: int) -> None:
    """Reading goes on when somebody holds the database for long: it is then noted the next time."""
    if not box.is_unread(db.session, message_id):
        return
    try:
        with _writing():
            box.mark_read(db.session, message_id)
    except OperationalError as error:
        db.session.rollback()
        if not is_busy(error):
            raise
        log.warning("a message could not be marked as read")


def attachment(message_id: int, file_id: int) -> ResponseReturnValue:
    """A file of a message that one may read, as a download, with its line in the history; 404 otherwise."""
    with _writing():
        found = box.attachment(db.session, message_id, file_id)
        content = message_files.content_of(found) if found is not None else None
        if found is None or content is None:
            abort(404)
        name, kind = found.name, found.type
    return attach(Response(content, mimetype=kind, headers={"Cache-Control": "no-store"}), name)


for _portal, _prefix in PREFIXES.items():
    bp.add_url_rule(f"{_prefix}/messages", f"{_portal}_list", inbox_page)
    bp.add_url_rule(f"{_prefix}/messages/<int:message_id>", f"{_portal}_one", message_page)
    bp.add_url_rule(f"{_prefix}/messages/<int:message_id>/file/<int:file_id>", f"{_portal}_file", attachment)


def register(app: Flask, admin: Admin) -> None:
    """Add the pages to the application, and their tab to both portals."""
    for name in PREFIXES:
        declare_tab(name, f"inbox.{name}_list", _("Messages"), "mail", 20, also=(f"inbox.{name}_one",), count=unread)
    app.register_blueprint(bp)
