"""The staff home: counts that are links, what needs doing, recent work; and the search over everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, expose
from flask_login import current_user
from sqlalchemy import func, select

from models.access import STAFF
from models.activation import missing_clause
from models.base import today, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import School
from models.scope import SCOPE, WHO, Scope
from views.auth import permitted
from views.formats import long_date, show_instant
from views.i18n import gettext, ngettext
from views.menu import screens
from views.security import to_login

HITS = 8


@dataclass(frozen=True)
class Todo:
    """A counted problem with one button: a declaration, later parts add theirs with `declare_todo`."""

    table: str
    count: Callable[[], int]
    title: Callable[[int], str]
    sub: Callable[[], str]
    state: Callable[[], tuple[str, str]]
    action: Callable[[], str]
    url: Callable[[], str]
    verb: str = "read"


TODOS: list[Todo] = []


def declare_todo(todo: Todo) -> None:
    """Add a line to "to do today"."""
    TODOS.append(todo)


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
        scope = SCOPE.get()
        school = db.session.get(School, scope.school_id) if isinstance(scope, Scope) and scope.school_id else None
        todos = [line for todo in TODOS if permitted(todo.table, todo.verb) and (line := _todo_line(todo))]
        return str(
            self.render(
                "admin/index.html",
                greeting=gettext("Hello %(name)s", name=current_user.name),
                today=long_date(today(school.time_zone if school else "Europe/Paris")),
                school_name=school.name if school else "",
                tiles=_tiles(),
                todos=todos,
                events=recent_events(),
                history_url=url_for("journal_event.index_view") if permitted("journal_event", "read") else "",
                shortcuts=_shortcuts(),
            )
        )

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
                count, query = screen.get_list(0, None, False, q, None, execute=False, page_size=HITS)
                rows = query.all() if count else []
                if rows:
                    url = url_for(f"{endpoint}.index_view", search=q)
                    hits = [{"label": str(row), "hint": getattr(row, "hint", ""), "url": url_for(f"{endpoint}.details_view", id=row.id)} for row in rows]
                    groups.append({"label": screen.name, "icon": screen.icon, "n": count, "hits": hits, "url": url})
        if len(groups) == 1 and groups[0]["n"] == 1:
            return redirect(groups[0]["hits"][0]["url"])
        return str(self.render("admin/search.html", q=q, groups=groups))


def _filtered(endpoint: str, name: str, value: str) -> str:
    """The list of a screen under one filter."""
    return url_for(f"{endpoint}.index_view") + "?" + urlencode({name: value})


def _count(statement: Any) -> int:
    return int(db.session.scalar(statement) or 0)


def _tiles() -> list[dict[str, Any]]:
    tiles = []
    if permitted("student", "read"):
        active = _count(select(func.count(Student.id)).where(Student.status == StudentStatus.active))
        unseen = _count(select(func.count(Student.id)).where(Student.status == StudentStatus.active, missing_clause()))
        tiles.append({"value": active, "label": ngettext("active [student]", "active [students]", active), "url": url_for("student.index_view")})
        url = _filtered("student", "flt0_access.Clause", "1")
        tiles.append(
            {"value": unseen, "label": ngettext("[student] whom nobody follows online yet", "[students] whom nobody follows online yet", unseen), "url": url}
        )
    if permitted("guardian", "read"):
        n = _count(select(func.count(Guardian.id)).where(Guardian.user_id.is_not(None)))
        tiles.append(
            {"value": n, "label": ngettext("registered [guardian]", "registered [guardians]", n), "url": _filtered("guardian", "flt0_account.Clause", "1")}
        )
    if permitted("guardian_link", "read"):
        n = _count(select(func.count(GuardianLink.id)).where(GuardianLink.status == LinkStatus.to_check))
        url = _filtered("guardian_link", "flt0_status.Is", "to_check")
        tiles.append({"value": n, "label": ngettext("link to check", "links to check", n), "url": url})
    return tiles


def _todo_line(todo: Todo) -> dict[str, Any] | None:
    n = todo.count()
    if not n:
        return None
    tone, word = todo.state()
    return {"title": todo.title(n), "sub": todo.sub(), "url": todo.url(), "badge": {"tone": tone, "label": word}, "action_label": todo.action()}


def _shortcuts() -> list[dict[str, str]]:
    found = []
    if permitted("student", "generate_codes"):
        url = _filtered("student", "flt0_access.Clause", "1")
        found.append({"label": gettext("Create codes for [students] whom nobody can see yet"), "icon": "key", "url": url})
    if permitted("import_", "create"):
        found.append({"label": gettext("Import [students]"), "icon": "import", "url": url_for("import_.create_view")})
    if permitted("student", "create"):
        found.append({"label": gettext("Add [a student]"), "icon": "plus", "url": url_for("student.create_view")})
    return found


def recent_events(limit: int = 8) -> list[dict[str, Any]]:
    """The person's own last works, one line a batch: what, about whom, when."""
    lines = db.session.scalars(
        select(JournalEvent).where(JournalEvent.user_id == WHO.get().user_id, ~JournalEvent.verb.like("refused%")).order_by(JournalEvent.id.desc()).limit(60)
    )
    from views.journal import sentence, subjects

    batches: dict[str, list[JournalEvent]] = {}
    for line in lines:
        batches.setdefault(line.batch or f"#{line.id}", []).append(line)
    chosen = list(batches.values())[:limit]
    names = subjects([batch[-1] for batch in chosen])
    day = utcnow().date()
    return [
        {
            "text": sentence(batch),
            "subject": names.get((batch[-1].table_name, batch[-1].row_id), ("", ""))[0] if len(batch) == 1 else "",
            "url": names.get((batch[-1].table_name, batch[-1].row_id), ("", ""))[1] if len(batch) == 1 else "",
            "when": show_instant(batch[0].at),
            "fresh": batch[0].at.date() == day,
        }
        for batch in chosen
    ]
