"""The front door: who sends the request and what exists for them; signing in and out; where each person's home is."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar, Token
from typing import Any, TypedDict

from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_principal import AnonymousIdentity, Identity, Permission, Principal
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, StringField

from models import accounts, keys, rights, seeing, sessions
from models.access_cards import CardTold
from models.db import BEGIN, db
from models.journal import new_batch
from models.school import School
from models.scope import BATCH, SCOPE, WHO, Actor, unscoped
from views import kept
from views.base import own_path
from views.formats import day_of, show_date
from views.i18n import gettext, language_for, ngettext
from views.i18n import lazy_gettext as _
from views.security import csrf, to_login

bp = Blueprint("auth", __name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What a stranger may open (rights.md, Guests); everything else leads to the login page.
PUBLIC = re.compile(
    r"/(login(/code)?|forgot|setup|healthz|language|theme|parent/register|student/activate)|/(reset|guest|invigilator|verify|static|admin/static)/.+"
)
PORTALS = {"parent": "guardian", "student": "student", "invigilator": "nobody"}
HOMES = {None: "/admin/", "guardian": "/parent/", "student": "/student/", "nobody": "/invigilator/"}
_DEVICES = 10  # people whom one shared computer remembers


def init_auth(app: Flask) -> None:
    """Wire the door; called once, before everything that asks who somebody is."""
    app.before_request(_start)
    manager = LoginManager(app)
    manager.session_protection = None  # sessions are rows that can be ended: the address may change under a phone
    manager.user_loader(_load)
    app.before_request(_admit)
    principal = Principal(app, use_sessions=False, skip_static=True)
    principal.identity_loader(_identity)
    from views import account, account_email, doors, two_factor  # noqa: F401 (they add their pages to the blueprint)
    from views.see_as import init_see_as

    init_see_as(app)  # before the portals: whoever only looks is told so
    app.before_request(_guard)
    app.after_request(_theme_and_language)
    app.teardown_request(_leave)
    app.register_blueprint(bp)


# --- every request -------------------------------------------------------------------------------------------------------------


def _start() -> None:
    """Nothing exists for nobody: whatever forgets to say for whom it asks, fails. Readers never take the write lock."""
    g.outer = (
        SCOPE.set(None),
        WHO.set(Actor()),
        BATCH.set(new_batch()),
        BEGIN.set("DEFERRED" if request.method in SAFE else "IMMEDIATE"),
    )


def _load(token: str) -> sessions.Visitor | None:
    return sessions.load(token, PORTALS.get(request.path.split("/")[1], ""))


def _admit() -> None:
    """Find out who it is, first thing: static files ask nothing."""
    if request.endpoint in ("static", "admin.static", "healthz"):
        return
    if current_user.is_authenticated:
        SCOPE.set(current_user.scope)
        WHO.set(current_user.actor)
        place = current_user.standing.place(current_user.school_id)
        if place is not None:
            g.time_zone = place.time_zone
    language = current_user.user.language if current_user.is_authenticated else None
    g.language = language_for(language, request.cookies.get("language"))
    g.loaded = True


def _identity() -> Identity:
    if not g.get("loaded") or not current_user.is_authenticated:
        return AnonymousIdentity()
    identity = Identity(current_user.id)
    identity.provides.update(rights.allowed(current_user.roles))
    return identity


def _guard() -> ResponseReturnValue | None:
    """A stranger is led to the login page; a portal opens to those whose portal it is."""
    if not g.get("loaded") or request.routing_exception is not None:
        return None
    from views.two_factor import lead_there

    led = lead_there()
    if led is not None or PUBLIC.fullmatch(request.path):
        return led
    if not current_user.is_authenticated:
        if request.method not in SAFE:
            keep_input()
        return to_login()
    wanted = PORTALS.get(request.path.split("/")[1])
    if wanted and current_user.portal != wanted:
        abort(403)
    return None


def keep_input() -> None:
    """What somebody typed until their session ended waits, sealed, for their return. A forged request keeps nothing."""
    try:
        csrf.protect()
    except CSRFError:
        return
    kept.keep()


def _theme_and_language(response: Response) -> Response:
    for name, value in (g.get("choices") or {}).items():
        response.set_cookie(name, value, max_age=31_536_000, httponly=True, samesite="Lax", secure=_https())
    return response


def _leave(_error: BaseException | None = None) -> None:
    outer: tuple[Token[Any], ...] = g.pop("outer", ())
    variables: tuple[ContextVar[Any], ...] = (SCOPE, WHO, BATCH, BEGIN)
    for variable, token in zip(variables, outer, strict=False):
        variable.reset(token)


def permitted(table: str, verb: str) -> bool:
    """Whether the person may do this verb on this table: one need, never none (an empty Permission allows everyone)."""
    return bool(Permission((table, verb)).can())


class Client(TypedDict):
    """Where a request comes from."""

    address: str
    agent: str


def client() -> Client:
    """Where the request comes from, for the list of sign-ins and the brakes. Forwarded headers count only behind known proxies."""
    return {"address": request.remote_addr or "", "agent": request.headers.get("User-Agent", "")[:200]}


def base_url() -> str:
    """The address to write in mails: the configured one; on a machine that serves only itself, its own checked host."""
    return str(current_app.config.get("BASE_URL") or request.host_url).rstrip("/")


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux"))


def device_name(agent: str) -> str:
    """A browser and a device as people call them ("Firefox, Windows"); what is unknown stays as it names itself."""
    found = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or agent[:60]


def _https() -> bool:
    return str(current_app.config.get("BASE_URL", "")).startswith("https://")


def school_name() -> str:
    """The school's name on the pages of strangers, where there is only one school."""
    with unscoped("the pages of strangers name the only school"):
        names = db.session.scalars(select(School.name).order_by(School.id).limit(2)).all()
    return names[0] if len(names) == 1 else ""


def no_school() -> bool:
    """Whether this installation has not been opened yet."""
    if current_app.extensions.get("scolabri_opened"):
        return False
    with unscoped("is there a school at all?"):
        opened = db.session.scalar(select(School.id).limit(1)) is not None
    current_app.extensions["scolabri_opened"] = opened
    return not opened


# --- signing in and out --------------------------------------------------------------------------------------------------------


class LoginForm(FlaskForm):
    """User name or e-mail, password, and where to go back to."""

    username = StringField(_("User name or e-mail"), render_kw={"autocomplete": "username", "required": True, "autocapitalize": "none", "spellcheck": "false"})
    password = PasswordField(_("Password"), render_kw={"autocomplete": "current-password", "required": True})
    next = HiddenField()


@bp.route("/login", methods=("GET", "POST"))
def login() -> ResponseReturnValue:
    """Sign in; leads to where one wanted to go, else home."""
    if request.method == "GET":
        if no_school():
            return redirect(url_for("auth.setup_page"))
        if current_user.is_authenticated:
            return redirect("/")
    form = LoginForm()
    if request.method == "GET":
        form.next.data = own_path(request.args.get("next")) or ""
        return _login_page(form)
    typed, password = form.username.data or "", form.password.data or ""
    if not typed.strip() or not password:
        return _login_page(form, gettext("Type your user name and your password."), 422)
    before = current_user.session_id if current_user.is_authenticated else None
    device, marks = known_device()
    entry = accounts.sign_in(typed[:254], password, device=device, marks=marks, **client())
    if entry.wait:
        minutes = -(-entry.wait // 60)
        sentence = gettext("Too many tries. Wait %(minutes)d min, then try again.", minutes=minutes)
        return _login_page(form, sentence, 429), 429, {"Retry-After": str(entry.wait)}
    if entry.half:
        from views.two_factor import ask_code

        return ask_code(entry.half, own_path(form.next.data))
    if not entry.token or entry.user_id is None:
        if entry.closed:
            return _login_page(form, gettext("Your access is closed today. Ask your [school]."), 403)
        return _login_page(form, gettext("This user name and this password do not go together. Type them again, or choose a new password."), 422)
    return enter(entry, before, own_path(form.next.data))


def _login_page(form: LoginForm, sentence: str = "", status: int = 200) -> Any:
    if sentence:
        form.form_errors.append(sentence)
    page = render_template("login.html", form=form, school_name=school_name())
    return (page, status) if status != 429 else page


def enter(entry: accounts.Entry, before: int | None, target: str | None) -> ResponseReturnValue:
    """A new session with a new token; whatever was planted in the old cookie is gone."""
    if before is not None:
        sessions.end(before)
        db.session.commit()
    waiting, code = kept.take(), kept.take_code() if target == url_for("portal.register") else ""
    visitor = sessions.load(entry.token)
    session.clear()
    if visitor is None:
        return to_login()
    login_user(visitor)
    kept.mark(visitor.id)
    kept.put_code_back(code)
    for card in entry.cards:
        flash(card_words(card), "warning")
    for printed in entry.letters:
        flash(
            gettext("A reset letter for your account was printed on %(date)s. If you did not ask for it, tell the [school].", date=show_date(day_of(printed))),
            "warning",
        )
    for day in entry.removed:
        flash(
            gettext(
                "Your [school] removed the second step of your sign-in on %(date)s. If you did not ask for it, change your password and tell the [school].",
                date=show_date(day_of(day)),
            ),
            "warning",
        )
    if entry.left is not None:
        flash(
            ngettext(
                "%(num)d recovery code is left. Make new ones on the page My account.",
                "%(num)d recovery codes are left. You make new ones on the page My account.",
                entry.left,
            ),
            "info" if entry.left > 3 else "warning",
        )
    if waiting and kept.put_back(waiting, visitor.id):
        target = url_for("auth.resume")
    response = redirect(target or "/")
    marks = [accounts.device_mark(visitor.id), *(m for m in known_device()[1] if m != accounts.device_mark(visitor.id))]
    value = _device_signer().dumps([known_device()[0] or secrets.token_hex(8), *marks[:_DEVICES]])
    response.set_cookie(_device_cookie(), value, max_age=31_536_000, httponly=True, samesite="Lax", secure=_https())
    return response


def card_words(card: CardTold) -> str:
    """What its person is told of a card of their account."""
    printed = show_date(day_of(card.printed))
    if card.used is None:
        return gettext("An access card for your account was printed on %(date)s. If you did not ask for it, tell the [school].", date=printed)
    return gettext(
        "An access card for your account was printed on %(date)s, and a new password was chosen with it on %(used)s. If it was not you, tell the [school].",
        date=printed,
        used=show_date(day_of(card.used)),
    )


def reopen(token: str) -> None:
    """This browser goes on with another token: the earlier one is dead, and nothing of the old cookie stays."""
    visitor = sessions.load(token)
    session.clear()
    if visitor is None:
        abort(403)
    login_user(visitor)
    kept.mark(visitor.id)


def _device_cookie() -> str:
    return "__Host-scolabri_device" if _https() else "scolabri_device"


def _device_signer() -> URLSafeSerializer:
    return URLSafeSerializer(keys.digest("device", "cookie"), salt="device")


def known_device() -> tuple[str, tuple[str, ...]]:
    """The device's own name and the marks of who signed in there, from its signed cookie."""
    try:
        found = _device_signer().loads(request.cookies.get(_device_cookie(), ""))
        return str(found[0]), tuple(map(str, found[1:]))
    except (BadSignature, TypeError, IndexError):
        return "", ()


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Sign out: the session's row goes, so that a copied cookie is dead; the browser forgets what it kept."""
    if current_user.is_authenticated:
        if current_user.seeing is not None:
            seeing.close(db.session, current_user.seeing.view_id)
        accounts.sign_out(current_user.session_id, current_user.id, **client())
    logout_user()
    session.clear()
    response = redirect(url_for("auth.login"))
    # Not "cookies": the mark of a known device and the colours stay.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.get("/")
def home() -> ResponseReturnValue:
    """Each to their own home."""
    return redirect(HOMES[current_user.portal])
