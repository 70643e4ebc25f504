"""A code becomes a child: the page where a guardian registers, or adds one more child."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from models import passwords, redemption
from models.activation import read_code, show_code
from models.base import Refusal
from models.import_words import BadCell
from models.values import read_email
from models.words import listed
from views import auth, kept
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.passwords import NewPassword, shortest
from views.portal import bp

LONGEST_CODE = 40  # as typed, with spaces and dashes
# A phone that corrects words or writes small letters is told not to; static/code.js makes the groups.
CODE_KEYBOARD = {
    "class": "code-input",
    "autocomplete": "off",
    "autocorrect": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
    "inputmode": "text",
    "data-odd": _("Sign %(place)s is “%(sign)s”. Check the 12 signs: there is no O, I, L, U, zero or one.", place="#", sign="~"),
}


class CodeForm(FlaskForm):
    """The code of the letter."""

    code = StringField(
        _("Activation code"),
        validators=[InputRequired(), Length(max=LONGEST_CODE)],
        description=_("12 signs. Capitals, spaces and dashes do not count."),
        render_kw=CODE_KEYBOARD,
    )

    def validate_code(self, field: Any) -> None:
        """A typing mistake is told before anything is looked up."""
        _told(lambda: read_code(field.data))


class RegisterForm(CodeForm):
    """Who registers."""

    given_name = StringField(_("Given name"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "given-name"})
    family_name = StringField(_("Family name"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "family-name"})
    email = EmailField(_("E-mail"), validators=[InputRequired(), Length(max=200)], render_kw={"autocomplete": "email"})
    password = NewPassword(_("Password"), validators=[InputRequired()])

    def validate_email(self, field: Any) -> None:
        """An address of the right form; nobody is asked whether it exists."""
        try:
            read_email(field.data)
        except BadCell as wrong:
            raise ValidationError(gettext("This is not an e-mail address. Write it like name@example.org.")) from wrong

    def validate_password(self, field: Any) -> None:
        """Long enough, not among the first that somebody would try."""
        names = [self.given_name.data or "", self.family_name.data or "", (self.email.data or "").split("@")[0]]
        _told(lambda: passwords.check(field.data, names, shortest()))


def _told(rule: Any) -> None:
    try:
        rule()
    except Refusal as refusal:
        raise ValidationError(refusal.sentence) from refusal


def as_printed(typed: str) -> str:
    """A code from an address as the letter shows it, in groups of four; anything else as it came, cut."""
    try:
        return show_code(read_code(typed))
    except Refusal:
        return typed[:LONGEST_CODE]


@bp.route("/parent/register", methods=("GET", "POST"), endpoint="register")
def register_page() -> ResponseReturnValue:
    """Create an account by a code; signed in, add one more child. GET only fills the code in: nothing is looked up."""
    adding = bool(current_user.is_authenticated)
    form = CodeForm() if adding else RegisterForm()
    if request.method == "GET":
        form.code.data = as_printed(request.args.get("code", "") or kept.read_kept_code())
        _keep_code(form.code.data)
        return _register_page(form, adding)
    _keep_code(form.code.data or "")
    if not form.validate():
        return _register_page(form, adding), 422
    typed = form.code.data or ""
    before = redemption.followed(current_user.id) if adding else {}
    try:
        if adding:
            who = current_user.id
            redemption.add_child(typed, who, address=auth.client()["address"])
            answer: ResponseReturnValue = redirect(url_for("portal.home"), code=303)
        else:
            names = {name: form[name].data or "" for name in ("given_name", "family_name", "email", "password")}
            entry = redemption.register(typed, **names, **auth.client(), base_url=auth.base_url())
            who = entry.user_id or 0
            answer = auth.enter(entry, None, url_for("portal.home"))
    except redemption.TooManyTries as slow:
        form.form_errors.append(slow.sentence)
        return _register_page(form, adding), 429, {"Retry-After": str(slow.seconds)}
    except redemption.HasAccount as known:
        return _register_page(form, adding, known.sentence), 409
    except redemption.UnusableCode as calm:
        form.code.errors = [*form.code.errors, calm.sentence]
        return _register_page(form, adding), 422
    except Refusal as refusal:
        form.form_errors.append(refusal.sentence)
        return _register_page(form, adding), 422
    kept.forget_code()
    come = [name for number, name in redemption.followed(who).items() if number not in before]
    told = [] if adding else [gettext("Your account is ready.")]
    told += [gettext("You now follow: %(names)s.", names=listed(come))] if come else []  # (a code for somebody whom the school knows brings all their children)
    if told:  # (the home page says by itself what waits)
        flash(" ".join(told), "success")
    return answer


def _keep_code(typed: str) -> None:
    """A code that is well written comes back after signing in."""
    try:
        kept.keep_code(read_code(typed))
    except Refusal:
        kept.forget_code()


def _register_page(form: FlaskForm, adding: bool, known: str = "") -> str:
    here = request.full_path.rstrip("?")
    sign_in = url_for("auth.login", next=url_for("portal.register"))
    return render_template("portal/redeem.html", form=form, adding=adding, here=here, known=known, sign_in_url=sign_in)
