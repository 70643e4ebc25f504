"""The pages of the second step: the code after the password; setting it up, its recovery codes, switching it off on one's own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import segno
from flask import abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField

from models import second_step, sessions, two_factor
from models.base import Refusal
from models.db import db
from views import auth, kept
from views.auth import bp, client, known_device
from views.base import own_path
from views.formats import day_of, show_date
from views.i18n import gettext
from views.i18n import lazy_gettext as _

# One field for the six figures of the application and the twelve of a recovery code: a phone shows its keyboard of figures, and offers the code.
_KEYBOARD = {"autocomplete": "one-time-code", "inputmode": "numeric", "required": True, "maxlength": "20", "spellcheck": "false"}


class CodeForm(FlaskForm):
    """The code after the password."""

    code = StringField(_("Code of six figures"), render_kw={**_KEYBOARD, "autofocus": True})


def _password() -> PasswordField:
    return PasswordField(_("Your password"), render_kw={"autocomplete": "current-password", "required": True})


class ConfirmForm(FlaskForm):
    """That who sits at the keyboard is who signed in."""

    current = _password()


class SetUpForm(FlaskForm):
    """The first code, whose name says that it is never kept (`views/kept.py`), and the password."""

    current_code = StringField(_("Code shown by the application"), render_kw=_KEYBOARD)
    current = _password()
    next = HiddenField()


# --- after the password ------------------------------------------------------------------------------------------------------------


def ask_code(half: str, target: str | None) -> ResponseReturnValue:
    """The password was right: this browser may try a code, and is nobody until then."""
    session["half"] = [half, target or ""]
    return redirect(url_for("auth.login_code"))


@bp.route("/login/code", methods=("GET", "POST"))
def login_code() -> ResponseReturnValue:
    """The second step of signing in. Who comes here without the first is led to it."""
    half, target = session.get("half") or ("", "")
    if not half or two_factor.read_half(half) is None:
        return _begin_again(target)
    form = CodeForm()
    if request.method == "GET":
        return render_template("two_factor/code.html", form=form)
    before = current_user.session_id if current_user.is_authenticated else None
    device, marks = known_device()
    try:
        entry = second_step.go_on(half, form.code.data or "", device=device, marks=marks, **client())
    except Refusal as refusal:
        db.session.rollback()
        return _code_page(form, refusal.sentence, 422)
    if entry.token:
        return auth.enter(entry, before, own_path(target))
    if entry.wait:
        sentence = gettext("Too many tries. Wait %(minutes)d min, then try again.", minutes=-(-entry.wait // 60))
        return *_code_page(form, sentence, 429), {"Retry-After": str(entry.wait)}
    if entry.half:
        return _code_page(form, gettext("This code is not right, or has served already. Wait until your application shows another one, then type it."), 422)
    if entry.closed:
        session.pop("half")
        return _code_page(form, gettext("Your access is closed today. Ask your [school]."), 403)
    return _begin_again(target)


def _code_page(form: CodeForm, sentence: str, status: int) -> tuple[str, int]:
    form.code.errors = [sentence]
    return render_template("two_factor/code.html", form=form), status


def _begin_again(target: str) -> ResponseReturnValue:
    if session.pop("half", None):
        flash(gettext("The time to type the code is over. Sign in again."), "info")
    return redirect(url_for("auth.login", next=own_path(target) or None))


# --- led there before anything else ------------------------------------------------------------------------------------------------

# What stays open to somebody whose school asks for a second step that they do not have yet.
_WAYS = frozenset({"auth.two_factor", "auth.logout", "auth.language", "auth.theme", "auth.login_code"})


def lead_there() -> ResponseReturnValue | None:
    """Whoever must set it up first goes there from any address; what they were sending waits for them."""
    if not current_user.is_authenticated or not current_user.must_set_up or request.endpoint in _WAYS:
        return None
    if request.method not in auth.SAFE:
        auth.keep_input()
    target = own_path(request.full_path.rstrip("?")) if request.method == "GET" else None
    return redirect(url_for("auth.two_factor", next=target if target and target != "/" else None), code=303)


# --- one's own account ---------------------------------------------------------------------------------------------------------------


def sheet() -> dict[str, Any] | None:
    """What the account page shows of it; None where nothing is offered, and to whoever looks as somebody else."""
    if current_user.seeing is not None:
        return None
    since = two_factor.since(current_user.id)
    if since is None:
        return {"on": False} if second_step.offered(current_user.id) else None
    needed = current_user.standing.needs_second_step
    return {"on": True, "since": show_date(day_of(since)), "left": two_factor.recovery_left(current_user.id), "needed": needed}


@bp.route("/account/two-factor", methods=("GET", "POST"), endpoint="two_factor")
def set_up() -> ResponseReturnValue:
    """The square to scan, then the first code; ten recovery codes, shown this once. Reading the page writes nothing."""
    shown = sheet()
    if shown is None:
        abort(404)
    secret = two_factor.open_new(current_user.id, session.get("second_step", ""))
    if not secret:
        secret = two_factor.new_secret()
        session["second_step"] = two_factor.seal_new(current_user.id, secret)
    form = SetUpForm()
    if request.method == "GET":
        form.next.data = own_path(request.args.get("next")) or ""
        return _set_up_page(form, secret, shown)
    who = current_user.session_id
    try:
        codes = second_step.set_up(current_user.id, session["second_step"], form.current.data or "", form.current_code.data or "", session_id=who, **client())
    except Refusal as refusal:
        db.session.rollback()
        field = form.current_code if isinstance(refusal, second_step.WrongCode) else form.current
        field.errors = [refusal.sentence]
        return _set_up_page(form, secret, shown), 422
    target = own_path(form.next.data)
    _anew(who)
    return _codes_page(codes, target)


def _set_up_page(form: SetUpForm, secret: str, shown: dict[str, Any]) -> str:
    address = two_factor.address_of(secret, current_user.user.username or current_user.user.email)
    return render_template(
        "two_factor/set_up.html",
        form=form,
        # A picture by its address: always dark on white, whatever the colours of the page, and no markup made here.
        square=segno.make(address, error="m", micro=False).svg_data_uri(scale=4, border=3, dark="#000", light="#fff", omitsize=False),
        address=address,
        key=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        must=current_user.must_set_up,
        again=shown["on"],
    )


def _anew(session_id: int) -> None:
    """Another token for this browser: what was signed in with the password alone is over."""
    waiting, user_id = kept.take(), current_user.id
    token = sessions.renew(session_id)
    db.session.commit()
    auth.reopen(token)
    if waiting:
        kept.put_back(waiting, user_id)


def _codes_page(codes: list[str], target: str | None = None) -> str:
    waits = bool(kept.take())
    return render_template("two_factor/recovery.html", codes=codes, target=url_for("auth.resume") if waits else target or url_for("auth.account"))


@bp.route("/account/two-factor/codes", methods=("GET", "POST"))
def recovery_codes() -> ResponseReturnValue:
    """Ten new recovery codes in place of the earlier ones."""
    return _confirmed(
        gettext("New recovery codes"),
        gettext("The ten earlier codes stop working, those on paper included."),
        gettext("Make new codes"),
        lambda password: _codes_page(second_step.renew_codes(current_user.id, password, address=client()["address"])),
    )


@bp.route("/account/two-factor/off", methods=("GET", "POST"))
def two_factor_off() -> ResponseReturnValue:
    """Sign in with the password alone again."""

    def off(password: str) -> ResponseReturnValue:
        second_step.switch_off(current_user.id, password, **client())
        flash(gettext("The second step is switched off: your password alone opens your account."), "success")
        return redirect(url_for("auth.account"))

    return _confirmed(
        gettext("Switch the second step off"),
        gettext("Your password alone will open your account. The application on your phone and the recovery codes stop working for it."),
        gettext("Switch it off"),
        off,
        danger=True,
    )


def _confirmed(title: str, sentence: str, button: str, work: Callable[[str], ResponseReturnValue], *, danger: bool = False) -> ResponseReturnValue:
    """A page that asks for the password, then does the work."""
    shown = sheet()
    if shown is None or not shown["on"]:
        abort(404)
    form, status = ConfirmForm(), 200
    if request.method == "POST":
        try:
            return work(form.current.data or "")
        except Refusal as refusal:
            db.session.rollback()
            form.current.errors, status = [refusal.sentence], 422
    return render_template("two_factor/confirm.html", form=form, title=title, sentence=sentence, button=button, danger=danger), status
