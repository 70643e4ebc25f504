"""What needs doing today: each line a small declaration with its count, its right and its button. Later parts add theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import current_app, g, url_for
from sqlalchemy import Select, false, func, select

from models import overview
from models.activation import missing_clause
from models.base import today
from models.db import db
from models.duplicates import due_pairs
from models.enrolments import Enrolment
from models.imports import Import, ImportStatus
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.results import next_census, unconfirmed
from models.school import School
from models.school_year import NOTICE, SchoolYear
from models.transfer import Direction, Transfer, TransferStatus
from models.work import Job, JobState, MailState, OutgoingMail
from views.auth import permitted
from views.formats import show_date, zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.student_search import tally


@dataclass(frozen=True)
class Todo:
    """A counted problem with one button: the rows it counts, the right that shows it, its words, the list that the button opens.

    Lists are given by their filters (`column__Class`), so that the number and the rows behind the button are the same ones.
    """

    name: str
    right: tuple[str, str]
    rows: Callable[[], Select[Any]]
    title: Callable[[int], str]
    sub: Any
    tone: str
    badge: Any
    action: Any
    filters: dict[str, str] = field(default_factory=dict)
    page: str = ""  # another page of the screen than its list
    screen: str = ""  # whose rows are counted and shown, when it is not the screen of the right

    @property
    def table(self) -> str:
        """The screen whose rows are counted."""
        return self.screen or self.right[0]

    def line(self, count: int) -> dict[str, Any]:
        """What the home page shows of it."""
        return {
            "title": self.title(count),
            "sub": self.sub,
            "url": url_for(f"{self.table}.{self.page}") if self.page else filtered(self.table, **self.filters),
            "badge": {"tone": self.tone, "label": self.badge},
            "action_label": self.action,
        }


def filtered(endpoint: str, **filters: str) -> str:
    """The list of a screen under filters, named `column__Class`."""
    query = {f"flt{n}_{name.replace('__', '.')}": value for n, (name, value) in enumerate(filters.items())}
    return url_for(f"{endpoint}.index_view") + (f"?{urlencode(query)}" if query else "")


def _active(*where: Any) -> Select[Any]:
    return select(Student.id).where(Student.status == StudentStatus.active, *where)


def _failed_mails() -> Select[Any]:
    """Without a mail server nothing is tried, so nothing has failed: another line tells how many wait."""
    failed = select(OutgoingMail.id).where(OutgoingMail.state == MailState.failed)
    return failed if current_app.config.get("MAIL_URL") else failed.where(false())


def _waiting_mails() -> Select[Any]:
    """With a mail server they leave by themselves."""
    waiting = select(OutgoingMail.id).where(OutgoingMail.state == MailState.waiting)
    return waiting.where(false()) if current_app.config.get("MAIL_URL") else waiting


def _incomplete(_n: int) -> str:
    school = db.session.scalar(select(School))
    names = ", ".join(str(label) for _name, label in school.missing_for("users")) if school else ""
    return gettext("The page of the [school] is not complete: %(missing)s", missing=names)


def _presences(n: int) -> str:
    day = next_census(db.session, today(zone().key))
    said = show_date(day) if day is not None else ""
    return ngettext("%(num)d presence to confirm before %(day)s", "%(num)d presences to confirm before %(day)s", n, day=said)


TODOS = (
    Todo(
        name="school_incomplete",
        right=("school", "edit"),
        rows=lambda: select(School.id).where(School.incomplete("users")),
        title=_incomplete,
        sub=_("Until then, nobody can be added"),
        tone="warn",
        badge=_("To complete"),
        action=_("Complete"),
        page="missing_view",
    ),
    Todo(
        name="to_check",
        right=("guardian_link", "confirm"),
        rows=lambda: select(GuardianLink.id).where(GuardianLink.status == LinkStatus.to_check),
        title=lambda n: ngettext("%(num)d link to check", "%(num)d links to check", n),
        sub=_("These [guardians] see nothing before you confirm"),
        tone="warn",
        badge=_("To check"),
        action=_("Check"),
        filters={"status__Is": "to_check"},
    ),
    Todo(
        name="to_confirm",
        right=("import_", "confirm"),
        rows=lambda: select(Import.id).where(Import.status == ImportStatus.checked),
        title=lambda n: ngettext("%(num)d import to confirm", "%(num)d imports to confirm", n),
        sub=_("Checked, but nothing is written yet"),
        tone="warn",
        badge=_("To confirm"),
        action=_("Continue"),
    ),
    Todo(
        name="transfers",
        right=("transfer", "receive"),
        rows=lambda: select(Transfer.id).where(Transfer.direction == Direction.received, Transfer.status == TransferStatus.waiting),
        title=lambda n: ngettext("%(num)d transfer to check", "%(num)d transfers to check", n),
        sub=_("Another [school] sends you [students]: nothing is written before you check"),
        tone="warn",
        badge=_("To check"),
        action=_("Check"),
        filters={"direction__Is": "received", "status__Is": "waiting"},
    ),
    Todo(
        name="year_over",
        right=("school_year", "change_year"),
        rows=lambda: select(SchoolYear.id).where(SchoolYear.current.is_(True), SchoolYear.ends_on <= today(zone().key) + NOTICE),
        title=lambda _n: gettext("The school year is ending: change to the next one"),
        sub=_("[Levels], classes and those who leave, at once, with a check before anything is written"),
        tone="warn",
        badge=_("To do"),
        action=_("Begin"),
        page="change_year_view",
    ),
    Todo(
        name="presences",
        right=("enrolment", "confirm_presence"),
        rows=lambda: select(Enrolment.id).where(unconfirmed(today(zone().key))),
        title=_presences,
        sub=_("Who attends is counted on that day: it decides the funding"),
        tone="warn",
        badge=_("To confirm"),
        action=_("Confirm"),
        filters={"presence__Clause": "1"},
    ),
    Todo(
        name="unseen",
        right=("student", "generate_codes"),
        rows=lambda: _active(missing_clause()),
        title=lambda n: ngettext("%(num)d [student] whom nobody can see yet", "%(num)d [students] whom nobody can see yet", n),
        sub=_("No usable code, and no [guardian] with an account"),
        tone="mute",
        badge=_("Without a code"),
        action=_("Create codes"),
        filters={"access__Clause": "1"},
    ),
    Todo(
        name="unidentified",
        right=("import_", "create"),
        screen="student",
        rows=lambda: _active(Student.national_id.is_(None)),
        title=lambda n: ngettext("%(num)d [student] without a national identifier", "%(num)d [students] without a national identifier", n),
        sub=_("Without one, an import goes by name and date of birth only"),
        tone="mute",
        badge=_("To complete"),
        action=_("See"),
        filters={"identified__Clause": "0"},
    ),
    Todo(
        name="same_students",
        right=("student", "merge"),
        rows=lambda: due_pairs(Student),
        title=lambda n: ngettext("%(num)d possible duplicate among the [students]", "%(num)d possible duplicates among the [students]", n),
        sub=_("Same names: one person twice, or two people?"),
        tone="mute",
        badge=_("To compare"),
        action=_("Compare"),
        page="duplicates_view",
    ),
    Todo(
        name="same_guardians",
        right=("guardian", "merge"),
        rows=lambda: due_pairs(Guardian),
        title=lambda n: ngettext("%(num)d possible duplicate among the [guardians]", "%(num)d possible duplicates among the [guardians]", n),
        sub=_("Same names: one person twice, or two people?"),
        tone="mute",
        badge=_("To compare"),
        action=_("Compare"),
        page="duplicates_view",
    ),
    Todo(
        name="mails_waiting",
        right=("outgoing_mail", "read"),
        rows=_waiting_mails,
        title=lambda n: ngettext("%(num)d mail waits: no mail server is set.", "%(num)d mails wait: no mail server is set.", n),
        sub=_("They are read and downloaded in the list; they leave as soon as a server is set"),
        tone="warn",
        badge=MailState.waiting.label,
        action=_("Read the mails that wait"),
        filters={"state__Is": "waiting"},
    ),
    Todo(
        name="mails_failed",
        right=("outgoing_mail", "read"),
        rows=_failed_mails,
        title=lambda n: ngettext("%(num)d mail not sent", "%(num)d mails not sent", n),
        sub=_("The mail server refused them"),
        tone="bad",
        badge=_("Not sent"),
        action=_("See"),
        filters={"state__Is": "failed"},
    ),
    Todo(
        name="jobs_failed",
        right=("job", "read"),
        rows=lambda: select(Job.id).where(Job.state == JobState.failed),
        title=lambda n: ngettext("%(num)d operation failed", "%(num)d operations failed", n),
        sub=_("Start it again, or read why"),
        tone="bad",
        badge=_("Failed"),
        action=_("See"),
        filters={"state__Is": "failed"},
    ),
)


def counts() -> dict[str, int]:
    """How many rows each declaration counts, of those whose list the person may read: one statement, asked once a page.

    In a large school the numbers about its people are kept for a minute (models/overview.py), the others are asked each time.
    """
    if "todo_counts" not in g:
        asked = [todo for todo in TODOS if permitted(todo.table, "read")]
        people = [todo for todo in asked if todo.table in overview.PEOPLE] if tally().large else []
        found = overview.counted(("todos", *(todo.name for todo in people)), overview.PEOPLE, lambda: _numbers(people), worth=bool)
        g.todo_counts = {**found, **_numbers([todo for todo in asked if todo not in people])}
    return dict(g.todo_counts)


def _numbers(todos: list[Todo]) -> dict[str, int]:
    numbers = [select(func.count()).select_from(todo.rows().subquery()).scalar_subquery() for todo in todos]
    found = db.session.execute(select(*numbers)).one() if todos else ()
    return {todo.name: int(n) for todo, n in zip(todos, found, strict=True)}


def unseen_students() -> int:
    """Active students whom nobody can see yet."""
    return counts().get("unseen", 0)


def links_to_check() -> int:
    """Links that wait for the staff."""
    return counts().get("to_check", 0)


def todo_lines() -> list[dict[str, Any]]:
    """The lines that count something for this person, for those who may do what the button offers."""
    found = counts()
    return [todo.line(found[todo.name]) for todo in TODOS if found.get(todo.name) and permitted(*todo.right)]
