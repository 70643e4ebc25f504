"""What needs doing today: each line a small declaration with its count, its right and its button. Later parts add theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import current_app, g, url_for
from sqlalchemy import func, select

from models.activation import missing_clause
from models.db import db
from models.imports import Import, ImportStatus
from models.people import GuardianLink, LinkStatus, Student, StudentStatus
from models.work import Job, JobState, MailState, OutgoingMail
from views.auth import permitted
from views.i18n import gettext, ngettext


@dataclass(frozen=True)
class Todo:
    """A counted problem with one button. `right` is the (table, verb) that shows it."""

    right: tuple[str, str]
    count: Callable[[], int]
    title: Callable[[int], str]
    sub: Callable[[], str]
    state: Callable[[], tuple[str, str]]
    action: Callable[[], str]
    url: Callable[[], str]


def filtered(endpoint: str, **filters: str) -> str:
    """The list of a screen under filters, named `column__Class`."""
    query = {f"flt{n}_{name.replace('__', '.')}": value for n, (name, value) in enumerate(filters.items())}
    return f"{url_for(f'{endpoint}.index_view')}?{urlencode(query)}"


def _count(model: Any, *where: Any) -> int:
    return int(db.session.scalar(select(func.count(model.id)).where(*where)) or 0)


def unseen_students() -> int:
    """Active students whom nobody can see yet; asked once a page."""
    if "unseen" not in g:
        g.unseen = _count(Student, Student.status == StudentStatus.active, missing_clause())
    return int(g.unseen)


def links_to_check() -> int:
    """Links that wait for the staff; asked once a page."""
    if "to_check" not in g:
        g.to_check = _count(GuardianLink, GuardianLink.status == LinkStatus.to_check)
    return int(g.to_check)


TODOS = (
    Todo(
        right=("guardian_link", "confirm"),
        count=links_to_check,
        title=lambda n: ngettext("%(num)d link to check", "%(num)d links to check", n),
        sub=lambda: gettext("These [guardians] see nothing before you confirm"),
        state=lambda: ("warn", gettext("To check")),
        action=lambda: gettext("Check"),
        url=lambda: filtered("guardian_link", status__Is="to_check"),
    ),
    Todo(
        right=("import_", "confirm"),
        count=lambda: _count(Import, Import.status == ImportStatus.checked),
        title=lambda n: ngettext("%(num)d import to confirm", "%(num)d imports to confirm", n),
        sub=lambda: gettext("Checked, but nothing is written yet"),
        state=lambda: ("warn", gettext("To confirm")),
        action=lambda: gettext("Continue"),
        url=lambda: url_for("import_.index_view"),
    ),
    Todo(
        right=("student", "generate_codes"),
        count=unseen_students,
        title=lambda n: ngettext("%(num)d [student] whom nobody can see yet", "%(num)d [students] whom nobody can see yet", n),
        sub=lambda: gettext("No usable code, and no [guardian] with an account"),
        state=lambda: ("mute", gettext("Without a code")),
        action=lambda: gettext("Create codes"),
        url=lambda: filtered("student", access__Clause="1"),
    ),
    Todo(
        right=("student", "edit"),
        count=lambda: _count(Student, Student.status == StudentStatus.active, Student.national_id.is_(None)),
        title=lambda n: ngettext("%(num)d [student] without a national identifier", "%(num)d [students] without a national identifier", n),
        sub=lambda: gettext("An import matches them by name and date of birth only"),
        state=lambda: ("mute", gettext("To complete")),
        action=lambda: gettext("See"),
        url=lambda: filtered("student", identified__Clause="0"),
    ),
    Todo(
        right=("outgoing_mail", "read"),
        count=lambda: 0 if not current_app.config.get("MAIL_URL") else _count(OutgoingMail, OutgoingMail.state == MailState.failed),
        title=lambda n: ngettext("%(num)d mail not sent", "%(num)d mails not sent", n),
        sub=lambda: gettext("The mail server refused them"),
        state=lambda: ("bad", gettext("Not sent")),
        action=lambda: gettext("See"),
        url=lambda: filtered("outgoing_mail", state__Is="failed"),
    ),
    Todo(
        right=("job", "read"),
        count=lambda: _count(Job, Job.state == JobState.failed),
        title=lambda n: ngettext("%(num)d operation failed", "%(num)d operations failed", n),
        sub=lambda: gettext("Start it again, or read why"),
        state=lambda: ("bad", gettext("Failed")),
        action=lambda: gettext("See"),
        url=lambda: filtered("job", state__Is="failed"),
    ),
)


def todo_lines() -> list[dict[str, Any]]:
    """The lines that count something for this person."""
    found = []
    for todo in TODOS:
        n = todo.count() if permitted(*todo.right) else 0
        if n:
            tone, word = todo.state()
            badge = {"tone": tone, "label": word}
            found.append({"title": todo.title(n), "sub": todo.sub(), "url": todo.url(), "badge": badge, "action_label": todo.action()})
    return found
