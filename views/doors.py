"""Pages of people who cannot sign in yet: forgotten password, one-time links, the first opening of the installation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than the stubs

from models import accounts, settings, setup, throttle
from models.base import Refusal
from models.db import db
from models.school import Country
from views.auth import base_url, bp, client, no_school, school_name
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.passwords import NewPassword


class ForgotForm(FlaskForm):
    """Who asks."""

    username = StringField(_("User name or e-mail"), render_kw={"autocomplete": "username", "required": True, "autocapitalize": "none"})


def options(pairs: Iterable[tuple[str, Any]]) -> list[SelectChoice]:
    """(value, words) as WTForms wants them."""
    return [SelectChoice(value, str(label)) for value, label in pairs]


def new_password() -> NewPassword:
    """The field of a new password; the rules are told before one types."""
    return NewPassword(_("New password"))


def again() -> NewPassword:
    """The second of the two."""
    return NewPassword(_("New password, again"), told=False)


def differ(form: FlaskForm) -> bool:
    """Whether the two new passwords differ; the second field then says so."""
    if form["password"].data == form["again"].data:
        return False
    form["again"].errors = [gettext("The two passwords differ. Type the same one twice.")]
    return True


class PasswordForm(FlaskForm):
    """A new password, typed twice."""

    password = new_password()
    again = again()


class SetupForm(FlaskForm):
    """The key, the school, its first administrator."""

    key = StringField(_("One-time key"), render_kw={"autocomplete": "off", "required": True})
    name = StringField(_("Name of [the school]"), render_kw={"required": True})
    country = SelectField(_("Country"))
    official_code = StringField(_("Official code (UAI, organisation code)"), render_kw={"required": True})
    email = StringField(_("E-mail of the [school]"), render_kw={"type": "email", "required": True})
    given_name = StringField(_("Your given name"), render_kw={"required": True, "autocomplete": "given-name"})
    family_name = StringField(_("Your family name"), render_kw={"required": True, "autocomplete": "family-name"})
    user_email = StringField(_("Your e-mail"), render_kw={"required": True, "type": "email", "autocomplete": "email"})
    password = new_password()
    again = again()

    def __init__(self) -> None:
        super().__init__()
        self.country.choices = options((c.name, c.label) for c in Country)


@bp.route("/forgot", methods=("GET", "POST"))
def forgot() -> ResponseReturnValue:
    """Ask for a link by mail; the same answer whether the account exists or not."""
    form = ForgotForm()
    if request.method == "GET":
        return render_template("forgot.html", form=form, sent=False)
    typed = form.username.data or ""
    if not typed.strip():
        form.form_errors.append(gettext("Type your user name or e-mail."))
        return render_template("forgot.html", form=form, sent=False), 422
    wait = accounts.ask_reset(typed[:254], base_url(), **client())
    if wait:
        form.form_errors.append(gettext("Too many tries. Wait %(minutes)d min, then try again.", minutes=-(-wait // 60)))
        return render_template("forgot.html", form=form, sent=False), 429, {"Retry-After": str(wait)}
    return render_template("forgot.html", form=form, sent=True)


@bp.route("/reset/<token>", methods=("GET", "POST"))
def reset(token: str) -> ResponseReturnValue:
    """Choose a password by a one-time link, mailed or printed. Reading the page does not spend the link."""
    if len(token) > 100:
        abort(404)
    form = PasswordForm()
    if request.method == "GET":
        wait = throttle.wait_seconds((throttle.TOKEN_ADDRESS, client()["address"]))
        found = None if wait else accounts.find_token(token)
        dead = found is None
        if found is not None:
            for field in (form.password, form.again):
                field.asks(settings.strictest("password_length", found.user_id))
        return render_template("reset.html", form=form, dead=dead, school_name=school_name()), 410 if dead else 200
    if differ(form):
        return render_template("reset.html", form=form, dead=False), 422
    try:
        accounts.reset(token, form.password.data or "", **client())
    except accounts.DeadLinkError:
        db.session.rollback()
        return render_template("reset.html", form=form, dead=True), 410
    except Refusal as refusal:
        db.session.rollback()
        form.password.errors = [refusal.sentence]
        return render_template("reset.html", form=form, dead=False), 422
    session.clear()
    flash(gettext("The password is saved. Sign in with it."), "success")
    return redirect(url_for("auth.login"))


@bp.route("/setup", methods=("GET", "POST"))
def setup_page() -> ResponseReturnValue:
    """Open an empty installation, with the one-time key of the console. Gone once there is a school."""
    if not no_school():
        return redirect(url_for("auth.login"))
    form = SetupForm()
    if request.method == "GET":
        return render_template("setup.html", form=form)
    address = client()["address"]
    wait = throttle.wait_seconds((throttle.TOKEN_ADDRESS, address))
    if wait:
        form.form_errors.append(gettext("Too many tries. Wait %(minutes)d min, then try again.", minutes=-(-wait // 60)))
        return render_template("setup.html", form=form), 429, {"Retry-After": str(wait)}
    if _missing(form) or differ(form):
        return render_template("setup.html", form=form), 422
    folder = Path(current_app.config["DATA"])
    if not setup.setup_key_is(folder, form.key.data or ""):
        throttle.hit((throttle.TOKEN_ADDRESS, address))
    try:
        setup.open_school(
            folder,
            form.key.data or "",
            name=form.name.data or "",
            email=form.email.data or "",
            official_code=form.official_code.data or "",
            country=Country[form.country.data if form.country.data in Country.__members__ else "FR"],
            given_name=form.given_name.data or "",
            family_name=form.family_name.data or "",
            user_email=form.user_email.data or "",
            password=form.password.data or "",
        )
    except Refusal as refusal:
        db.session.rollback()
        form.form_errors.append(refusal.sentence)
        return render_template("setup.html", form=form), 422
    flash(gettext("The [school] is open. Sign in with your e-mail and your password."), "success")
    return redirect(url_for("auth.login"))


def _missing(form: SetupForm) -> bool:
    empty = [f for f in form if (f.render_kw or {}).get("required") and not (f.data or "").strip()]
    for field in empty:
        field.errors = [gettext("Fill in this field.")]
    return bool(empty)
