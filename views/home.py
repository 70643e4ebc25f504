"""The staff home: counts that are links, what needs doing, recent work; and the search over everything."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, expose
from flask_login import current_user
from sqlalchemy import select

from models import overview
from models.access import STAFF
from models.base import today, utcnow
from models.db import db
from models.inspections import PAGE_READ
from models.journal import JournalEvent
from models.scope import WHO
from views import reminders
from views.auth import permitted
from views.formats import day_of, long_date, show_instant, zone
from views.history_undo import undo_urls
from views.i18n import gettext, ngettext
from views.inspection import inspection_link, last_day, on_home
from views.journal import sentence, subjects, verb_words
from views.menu import screens
from views.security import to_login
from views.student_search import tally
from views.todos import filtered, links_to_check, todo_lines, unseen_students

HITS = 8
# Rows whose name is a word of the application ("learner"): alone it would read as if one of those whom it names had changed.
NAMED_BY_WORDS = frozenset({"noun", "label"})


class Home(AdminIndexView):
    """`/admin/` and `/admin/search`."""

    def __init__(self) -> None:
        super().__init__(name="Scolabri", template="admin/index.html", url="/admin")

    def is_accessible(self) -> bool:
        """Staff of the current school."""
        return bool(current_user.is_authenticated) and bool(WHO.get().roles & {r.name for r in STAFF})

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return to_login()
        if not self.is_accessible():
            abort(403)
        return None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        return fn(self, *args, **kwargs)

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Greeting, counts, what needs doing, recent work, short cuts."""
        if WHO.get().roles == {"inspector"}:
            return self.inspector()
        place = current_user.standing.place(current_user.school_id)
        return str(
            self.render(
                "admin/index.html",
                greeting=_greeting(),
                today=long_date(today(zone().key)),
                school_name=place.name if place else "",
                tiles=_tiles(),
                todos=todo_lines(),
                nothing_to_do=_nothing_to_do(),
                inspections=on_home(),
                **_levels(),
                **reminders.on_home(),
                **reminders.operations(),
                events=recent_events(),
                history_url=url_for("journal_event.index_view") if permitted("journal_event", "read") else "",
                trash_url=url_for("journal_event.trash_view") if permitted("journal_event", "restore") else "",
                shortcuts=_shortcuts(),
            )
        )

    def inspector(self) -> str:
        """Read only, for the days that the head has opened; what an inspection needs comes with its part."""
        day = last_day()
        sentence = (
            gettext("You may read the lists of the menu until the end of %(date)s. Every page that you read is written in the history.", date=day)
            if day
            else gettext("You may read the lists of the menu. Every page that you read is written in the history.")
        )
        return str(self.render("bare.html", heading=_greeting(), icon_key="search", sentence=sentence))

    @expose("/search")
    def search(self) -> ResponseReturnValue:
        """Everything by name, identifier or phone: one list per screen the person may read."""
        q = " ".join(request.args.get("q", "").split())[:100]
        groups = []
        if len(q) > 1:
            for endpoint in ("student", "guardian", "group", "user"):
                screen = screens().get(endpoint)
                if screen is None or not screen.is_accessible():
                    continue
                count, rows = screen.get_list(0, None, False, q, None, page_size=HITS)
                if rows:
                    # The list of the same rows: those who have left too. A file that is opened from here walks through it.
                    everybody: dict[str, Any] = {"flt0_status.Is": "all"} if endpoint == "student" else {}
                    url = url_for(f"{endpoint}.index_view", search=q, **everybody)
                    to = partial(url_for, f"{endpoint}.details_view", url=url)
                    hits = [{"label": str(row), "hint": getattr(row, "hint", ""), "url": to(id=row.id)} for row in rows]
                    groups.append({"label": screen.name, "icon": screen.icon, "n": count, "n_words": screen.count_in_words(count), "hits": hits, "url": url})
        if len(groups) == 1 and groups[0]["n"] == 1:
            return redirect(groups[0]["hits"][0]["url"])
        return str(self.render("admin/search.html", q=q, groups=groups))


def _greeting() -> str:
    return gettext("Hello %(name)s", name=current_user.user.given_name or current_user.name)


def _following() -> overview.Following:
    """Who follows, asked once a page."""
    if "following" not in g:
        g.following = overview.following(large=tally().large)
    found: overview.Following = g.following
    return found


def _tiles() -> list[dict[str, Any]]:
    tiles = []
    if permitted("student", "read"):
        active = tally().active
        unseen = unseen_students()
        tiles.append({"value": active, "label": ngettext("active [student]", "active [students]", active), "url": url_for("student.index_view")})
        url = filtered("student", access__Clause="1")
        tiles.append(
            {"value": unseen, "label": ngettext("[student] whom nobody follows online yet", "[students] whom nobody follows online yet", unseen), "url": url}
        )
    if permitted("guardian", "read"):
        n = _following().registered
        tiles.append({"value": n, "label": ngettext("registered [guardian]", "registered [guardians]", n), "url": filtered("guardian", account__Clause="1")})
    if permitted("guardian_link", "read"):
        n = links_to_check()
        url = filtered("guardian_link", status__Is="to_check")
        tiles.append({"value": n, "label": ngettext("link to check", "links to check", n), "url": url})
    return tiles


def _nothing_to_do() -> str:
    """What an empty list of tasks says: links to check are a task of those who confirm them, the others only read their number."""
    if permitted("guardian_link", "confirm"):
        return gettext("Nothing to do today. Links to check and imports to confirm appear here.")
    if permitted("guardian_link", "read"):
        return gettext("Nothing to do today. Links to check are the task of the administration of the [school].")
    return gettext("Nothing to do today. What waits for you appears here.")


def _shortcuts() -> list[dict[str, str]]:
    found = []
    if permitted("message", "create"):
        found.append({"label": gettext("Write a message"), "icon": "mail", "url": url_for("message.create_view")})
    if permitted("student", "generate_codes"):
        url = filtered("student", access__Clause="1")
        found.append({"label": gettext("Create codes"), "icon": "key", "url": url})
    if permitted("import_", "create"):
        found.append({"label": gettext("Import [students]"), "icon": "import", "url": url_for("import_.create_view")})
    if tally().admitted and permitted("enrolment", "register_many"):
        found.append({"label": gettext("Register several [students]"), "icon": "users", "url": url_for("enrolment.register_many_view")})
    if tally().admitted and permitted("enrolment", "enter_results"):
        found.append({"label": gettext("Results by [group]"), "icon": "check", "url": url_for("enrolment.results_view")})
    if permitted("student", "create"):
        found.append({"label": gettext("Add [a student]"), "icon": "plus", "url": url_for("student.create_view")})
    return [*found, *inspection_link()]


def _levels() -> dict[str, Any]:
    """How many students of each level somebody can see."""
    if not (permitted("student", "read") and permitted("guardian", "read")):
        return {}
    levels = []
    for one in _following().levels:
        n, of = one.followed, one.students
        label = ngettext(
            "%(level)s: %(num)d [student|followed|followed] of %(all)d",
            "%(level)s: %(num)d [student|followed|followed] of %(all)d",
            n,
            level=one.level,
            all=of,
        )
        levels.append({"label": label, "value": n, "max": of})
    return {"levels": levels, "levels_title": gettext("[Guardian] accounts, by [level]"), "levels_url": url_for("guardian_link.index_view")} if levels else {}


def _about(batch: list[JournalEvent], names: dict[tuple[str, int | None], tuple[str, str]]) -> dict[str, str]:
    """What a line of recent work says: about one row, its name and what was done; about many, the sentence of the batch."""
    last = batch[-1]
    name, url = names.get((last.table_name, last.row_id), ("", ""))
    if len(batch) > 1 or not name or last.table_name in NAMED_BY_WORDS:
        return {"text": sentence(batch), "subject": "", "url": ""}
    return {"text": gettext(": %(what)s", what=verb_words(last.verb, last.table_name)), "subject": name, "url": url}


def recent_events(limit: int = 8) -> list[dict[str, Any]]:
    """The person's own last works, one line a batch: what, about whom, when."""
    e = JournalEvent
    work = (e.user_id == WHO.get().eyes, ~e.verb.like("refused%"), e.verb != PAGE_READ)
    lines = db.session.scalars(select(e).where(*work).order_by(e.id.desc()).limit(60))
    batches: dict[str, list[JournalEvent]] = {}
    for line in lines:
        batches.setdefault(line.batch or f"#{line.id}", []).append(line)
    chosen = list(batches.values())[:limit]
    names = subjects([batch[-1] for batch in chosen])
    ways_back = undo_urls([batch[-1] for batch in chosen])
    day = day_of(utcnow())
    return [
        {
            **_about(batch, names),
            "when": show_instant(batch[0].at),
            "undo_url": ways_back.get(batch[-1].batch, ""),
            "fresh": day_of(batch[0].at) == day,
        }
        for batch in chosen
    ]
