"""Seeing the application as somebody else: the password asked again, the wall that lets nothing be written or taken away, the way back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from models import see_as
from models.access import Role
from models.base import Refusal
from models.db import BEGIN, db
from models.journal import record
from models.scope import WHO
from models.seeing import LASTS
from views import auth
from views.base import gate, own_path
from views.formats import show_instant
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.verbs import Selection, verb

bp = Blueprint("see_as", __name__)

# What may be sent while one looks: the way back, and signing out.
WAYS_OUT = frozenset({"see_as.leave", "auth.logout"})
# Addresses that take something away; whatever else is no page is stopped on its way out.
_TAKES_AWAY = re.compile(r"/(export|download|letters)(/|$)|^/admin/import_/(file|rows|model)(/|$)")
_PAGES = frozenset({"text/html", "application/json", "text/css", "text/javascript", "image/svg+xml"})


def init_see_as(app: Flask) -> None:
    """Wire the wall and the banner; called once, after the door knows who it is."""
    app.before_request(_wall)
    app.after_request(_nothing_leaves)
    app.context_processor(_banner)
    app.register_blueprint(bp)


def _looking() -> bool:
    return bool(g.get("loaded")) and bool(current_user.is_authenticated) and current_user.seeing is not None


def _wall() -> ResponseReturnValue | None:
    """Nothing is sent and nothing is taken away while somebody looks with other eyes; each try is a line in the history."""
    if g.get("loaded") and current_user.is_authenticated and current_user.seeing_ended:
        flash(gettext("You see the application with your own eyes again."), "info")
    if not _looking() or (request.method in auth.SAFE and not _TAKES_AWAY.search(request.path)):
        return None
    if request.endpoint in WAYS_OUT:
        WHO.set(replace(current_user.actor, looking=False))  # what is written on the way out is written by themselves
        return None
    return _refuse()


def _refuse() -> tuple[str, int]:
    from views.security import error_page

    db.session.rollback()
    mode = BEGIN.set("IMMEDIATE")
    try:
        record(db.session, "refused_see_as", "user", current_user.seeing.user_id)
        db.session.commit()
    finally:
        BEGIN.reset(mode)
    return error_page(
        403,
        gettext("You are only looking"),
        gettext("You see the application as %(name)s: nothing is saved, exported or downloaded.", name=seen_name()),
        gettext("Come back to your own account to work."),
    )


def _nothing_leaves(response: Response) -> Response:
    """The last wall for what is no page: a file that an address not known here would give."""
    if not _looking() or request.endpoint in ("static", "admin.static", "school.logo_view"):
        return response
    file = response.headers.get("Content-Disposition", "").startswith("attachment")
    if not file and (response.mimetype in _PAGES or response.status_code >= 300):
        return response
    response.close()
    body, status = _refuse()
    return Response(body, status, content_type="text/html; charset=utf-8")


def seen_name() -> str:
    """As whom: the person's name with their roles, or the role."""
    seeing = current_user.seeing
    roles = ", ".join(str(Role[role].label) for role in seeing.roles)
    return gettext("%(name)s (%(roles)s)", name=seeing.name, roles=roles) if seeing.name else roles


def _banner() -> dict[str, Any]:
    if not _looking():
        return {}
    return {"seeing": {"name": seen_name(), "until": show_instant(current_user.seeing.until), "leave_url": url_for("see_as.leave")}}


class PasswordForm(FlaskForm):
    """The reader's own password, once more."""

    password = PasswordField(
        _("Your password"), validators=[InputRequired(_("Type your password."))], render_kw={"autocomplete": "current-password", "required": True}
    )


class SeeAsPages:
    """The verb and its page, on the screen of users."""

    get_url: Any
    render: Any
    get_one: Any
    refused: Any

    @verb("see_as", _("See as this person"), icon="user", whole=True)
    def see_as(self, selection: Selection) -> ResponseReturnValue:
        """One person: the page that asks for the password."""
        ids = selection.all_ids()
        if len(ids) != 1:
            raise Refusal(_("Choose one person at a time."))
        return redirect(self.get_url(".see_as_view", id=ids[0]), code=303)

    @expose("/see_as/", methods=("GET", "POST"))
    @gate("see_as")
    def see_as_view(self) -> ResponseReturnValue:
        """What it means, the password, then the home of the person (`id`) or of the role (`role`)."""
        role, user = request.args.get("role", ""), None
        if not role:
            if not request.args.get("id", "").isdecimal():
                abort(400)
            user = self.get_one(request.args["id"])
        elif role not in {known.name for known in see_as.SEEN_ROLES}:
            abort(404)
        form, status, refusal, name = PasswordForm(), 200, "", user.name if user else str(Role[role].label)
        user_id = user.id if user else None
        try:
            see_as.check(user, role)
        except Refusal as problem:
            refusal, status = problem.sentence, 200 if request.method == "GET" else 422
        if request.method == "POST" and not refusal:
            if form.validate():
                try:
                    token = see_as.begin(current_user.session_id, user_id, role, form.password.data or "", address=auth.client()["address"])
                except Refusal as problem:
                    db.session.rollback()
                    form.password.errors = [problem.sentence]
                    self.refused("see_as", user_id)
                else:
                    auth.reopen(token)
                    return redirect("/admin/", code=303)
            status = 422
        page = self.render(
            "admin/right/see_as.html",
            form=form,
            person=name,
            person_id=user_id,
            role=role,
            refusal=refusal,
            minutes=int(LASTS.total_seconds() // 60),
            back_url=own_path(request.args.get("url")) or (self.get_url(".details_view", id=user_id) if user_id else url_for("right.index_view", role=role)),
        )
        return page, status


@bp.post("/see_as/leave")
def leave() -> ResponseReturnValue:
    """One's own eyes again, on the record of the person or the page of the role that one looked as."""
    seeing = current_user.seeing
    if seeing is None:
        return redirect("/")
    token = see_as.leave(current_user.session_id, seeing.view_id)
    auth.reopen(token)
    back = url_for("user.details_view", id=seeing.user_id) if seeing.user_id else url_for("right.index_view", role=seeing.roles[0])
    return redirect(back, code=303)
