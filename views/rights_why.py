"""Why may somebody, or why not: asked for a person and a right, or for the address of a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import abort, current_app, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from models import right_words
from models.access import User
from models.db import db
from models.right_override import cells
from models.right_why import explain
from models.rights import POLICY
from models.scope import WHO, unscoped
from views.auth import permitted
from views.base import GATES, gate, own_path
from views.colleagues import staff_of_school
from views.formats import show_date, show_instant
from views.menu import screens


def cell_of(address: str) -> tuple[str, str, str] | None:
    """(table, verb, identifier or nothing) of the address of a staff page; None for an address that needs no right of the table."""
    try:
        parts = urlsplit(address)
        path = own_path(parts.path) or ""
        endpoint, _values = current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect, ValueError):  # the last: what somebody typed is no address at all
        return None
    name, _dot, page = endpoint.partition(".")
    screen = screens().get(name)
    if screen is None:
        return None
    verb, table = getattr(getattr(type(screen), page, None), "_gate", None) or (GATES.get(page, ""), None)
    identifier = (parse_qs(parts.query).get("id") or [""])[0]
    return (table or screen.table, verb, identifier if identifier.isdecimal() and len(identifier) <= 18 else "") if verb else None


def why_url(path: str) -> str:
    """Where the reason of a refusal stands, for whoever may read the rights and is refused here; else nothing. It speaks of themselves only."""
    if not permitted("right", "read") or current_user.seeing is not None or cell_of(path) is None:
        return ""
    return url_for("right.why_view", address=path)


class WhyPages:
    """The page of reasons, on the screen of rights."""

    may: Any
    render: Any
    frame: Any

    @expose("/why/")
    @gate("read")
    def why_view(self) -> ResponseReturnValue:
        """A person, and a right or the address of a page: the answer in plain sentences. Without a person, the reader themselves."""
        others = self.may("read", "user")
        user = self.person(request.args.get("user", ""), others)
        address, right = request.args.get("address", "").strip()[:500], request.args.get("right", "")
        asked = cell_of(address) if address else None
        if not address and right:
            table, _dot, verb = right.partition(".")
            if table not in POLICY or verb not in cells(table):
                abort(404)
            asked = (table, verb, "")
        row = self.row(*asked) if asked else None
        answer = explain(db.session, user, asked[0], asked[1], row, show_date=_when) if asked else None
        return str(
            self.render(
                "admin/right/why.html",
                person=user,
                people=staff_of_school() if others else [],
                address=address,
                right=right,
                rights=_choices(),
                answer=answer,
                unknown=bool(address) and asked is None,
                unseen=bool(asked and asked[2] and row is None),
                **self.frame("why"),
            )
        )

    def person(self, identifier: str, others: bool) -> User:
        """The colleague asked about, among those of this school; else the reader. Whoever may not read users asks about themselves."""
        if identifier and (not identifier.isdecimal() or len(identifier) > 18):
            abort(400)
        wanted = int(identifier) if identifier else WHO.get().user_id
        if wanted == WHO.get().user_id:
            with unscoped("the reader themselves"):
                return db.session.get_one(User, wanted)
        if not others:
            abort(403)
        user = db.session.scalar(select(User).where(User.id == wanted, *screens()["user"].shown()))
        if user is None:
            abort(404)
        return user

    def row(self, table: str, _verb: str, identifier: str) -> Any:
        """The record of an address, when the reader sees it themselves: nothing is said of another."""
        screen = screens().get(table)
        if not identifier or screen is None or not screen.is_accessible():
            return None
        return db.session.scalar(select(screen.model).where(screen.model.id == int(identifier), *screen.shown()))


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every right by screen, for the list to choose from."""
    known = screens()
    return [
        (
            str(known[table].name) if table in known else right_words.rows_of(table),
            [(f"{table}.{verb}", right_words.phrase(table, verb)) for verb in cells(table)],
        )
        for table in POLICY
    ]


def _when(value: Any) -> str:
    return show_instant(value) if hasattr(value, "hour") else show_date(value)
