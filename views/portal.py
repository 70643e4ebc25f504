"""The pages of guardians: registering with a code, their children, their details; and the bare page of a student's first sign-in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import EmailField, PasswordField, StringField, TelField
from wtforms.validators import InputRequired, Length, ValidationError

from models import passwords, portal, redemption
from models.activation import read_code, show_code
from models.base import Refusal
from models.db import db
from models.people import Guardian, Student
from views import auth, checks
from views.fields import VersionField, mark_is_current, version_mark
from views.i18n import gettext, ngettext, speaking_for
from views.i18n import lazy_gettext as _
from views.school_pictures import logo_url

bp = Blueprint("portal", __name__)

LONGEST_CODE = 40  # as typed, with spaces and dashes


class CodeForm(FlaskForm):
    """The code of the letter."""

    code = StringField(
        _("Activation code"),
        validators=[InputRequired(), Length(max=LONGEST_CODE)],
        description=_("12 signs. Capitals, spaces and dashes do not count."),
        render_kw={"class": "code-input", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "inputmode": "text"},
    )

    def validate_code(self, field: Any) -> None:
        """A typing mistake is told before anything is looked up."""
        _told(lambda: read_code(field.data))


class RegisterForm(CodeForm):
    """Who registers."""

    given_name = StringField(_("Given name"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "given-name"})
    family_name = StringField(_("Family name"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "family-name"})
    email = EmailField(_("E-mail"), validators=[InputRequired(), Length(max=200), checks.email], render_kw={"autocomplete": "email"})
    password = PasswordField(
        _("Password"),
        validators=[InputRequired()],
        description=_("12 characters at least; three or four words are easy to remember."),
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )

    def validate_password(self, field: Any) -> None:
        """Long enough, not among the first that somebody would try."""
        _told(lambda: passwords.check(field.data, [self.given_name.data or "", self.family_name.data or "", (self.email.data or "").split("@")[0]]))


def _told(rule: Any) -> None:
    try:
        rule()
    except Refusal as refusal:
        raise ValidationError(refusal.sentence) from refusal


# --- a code becomes a child ----------------------------------------------------------------------------------------------------------


def _as_printed(typed: str) -> str:
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
        form.code.data = _as_printed(request.args.get("code", ""))
        return _register_page(form, adding)
    if not form.validate():
        return _register_page(form, adding), 422
    typed = form.code.data or ""
    try:
        if adding:
            redemption.add_child(typed, current_user.id, address=auth.client()["address"])
            answer: ResponseReturnValue = redirect(url_for("portal.home"), code=303)
        else:
            names = {name: form[name].data or "" for name in ("given_name", "family_name", "email", "password")}
            answer = auth.enter(redemption.register(typed, **names, **auth.client(), base_url=auth.base_url()), None, url_for("portal.home"))
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
    flash(gettext("The child is added.") if adding else gettext("Your account is ready."), "success")
    return answer


def _register_page(form: FlaskForm, adding: bool, known: str = "") -> str:
    here = request.full_path.rstrip("?")
    sign_in = url_for("auth.login", next=url_for("portal.register"))
    return render_template("portal/redeem.html", form=form, adding=adding, here=here, known=known, sign_in_url=sign_in, tabs=_tabs() if adding else ())


# --- the children ----------------------------------------------------------------------------------------------------------------------


def _tabs() -> list[dict[str, Any]]:
    """The bar under the pages of guardians; nothing for those whose home is elsewhere."""
    if current_user.portal != "guardian":
        return []
    entries = (("portal.home", gettext("Children"), "users"), ("portal.profile", gettext("My details"), "phone"), ("auth.account", gettext("Account"), "user"))
    here = "portal.profile" if request.endpoint == "portal.details" else request.endpoint
    return [{"label": label, "url": url_for(name), "icon": icon, "current": here == name} for name, label, icon in entries]


def _place(child: Student) -> str:
    return " · ".join(part for part in (child.homeroom.name if child.homeroom else "", child.school.name) if part)


@bp.get("/parent/")
def home() -> ResponseReturnValue:
    """The children, in every school."""
    rows = [{"name": child.name, "url": url_for("portal.child", student_id=child.id), "place": _place(child)} for child in portal.children(db.session)]
    n = portal.links_to_check(db.session)
    waiting = ngettext("%(num)d code is being checked by the [school].", "%(num)d codes are being checked by the [school].", n) if n else ""
    return render_template("portal/children.html", children=rows, waiting=waiting, add_url=url_for("portal.register"), tabs=_tabs())


@bp.get("/parent/child/<int:student_id>")
def child(student_id: int) -> ResponseReturnValue:
    """One child: name, class, school, adviser, the school's phone; nothing else yet."""
    mine = portal.children(db.session)
    shown = _one_of(mine, student_id)
    with speaking_for(shown.school_id):
        facts = [(gettext("Class"), shown.homeroom.name)] if shown.homeroom else []
        if shown.adviser is not None:
            facts.append((gettext("[Counsellor]"), shown.adviser.name))
        return render_template(
            "portal/one_child.html",
            child={"name": shown.name, "place": shown.school.name, "facts": facts},
            children=[{"label": one.given_name, "url": url_for("portal.child", student_id=one.id), "current": one is shown} for one in mine],
            add_url=url_for("portal.register"),
            contact={"name": shown.school.name, "phone": shown.school.phone, "logo": logo_url(shown.school)},
            leave_url=url_for("portal.leave", student_id=shown.id),
            support_school=shown.school_id,
            tabs=_tabs(),
        )


def _one_of(children: list[Student], student_id: int) -> Student:
    """The child of this identifier; 404 for any other, existing or not."""
    found = next((one for one in children if one.id == student_id), None)
    if found is None:
        abort(404)
    return found


@bp.route("/parent/child/<int:student_id>/leave", methods=("GET", "POST"))
def leave(student_id: int) -> ResponseReturnValue:
    """Stop following a child, after a question."""
    shown = _one_of(portal.children(db.session), student_id)
    if request.method == "GET":
        with speaking_for(shown.school_id):
            return render_template("portal/leave.html", child_name=shown.name, back_url=url_for("portal.child", student_id=shown.id), tabs=_tabs())
    name = shown.name
    portal.leave(db.session, shown.id)
    db.session.commit()
    flash(gettext("You no longer follow %(name)s.", name=name), "success")
    return redirect(url_for("portal.home"), code=303)


# --- one's own details -----------------------------------------------------------------------------------------------------------------


class ProfileForm(FlaskForm):
    """How the school reaches the guardian."""

    email = EmailField(_("E-mail"), validators=[Length(max=200)], render_kw={"autocomplete": "email"})
    phone = TelField(_("Phone"), validators=[Length(max=60)], render_kw={"autocomplete": "tel"})
    address1 = StringField(_("Address"), validators=[Length(max=200)], render_kw={"autocomplete": "address-line1"})
    address2 = StringField(_("Address, continued"), validators=[Length(max=200)], render_kw={"autocomplete": "address-line2"})
    postal_code = StringField(_("Postal code"), validators=[Length(max=20)], render_kw={"autocomplete": "postal-code"})
    town = StringField(_("Town"), validators=[Length(max=200)], render_kw={"autocomplete": "address-level2"})
    row_version = VersionField()


def _guardians() -> list[Guardian]:
    return list(db.session.scalars(select(Guardian).order_by(Guardian.school_id, Guardian.id)))


@bp.get("/parent/profile")
def profile() -> ResponseReturnValue:
    """One's details in each school; the form itself when there is only one."""
    mine = _guardians()
    if len(mine) == 1:
        return redirect(url_for("portal.details", guardian_id=mine[0].id))
    rows = [{"name": one.school.name, "place": ", ".join(one.address_lines) or one.phone, "url": url_for("portal.details", guardian_id=one.id)} for one in mine]
    return render_template("portal/profile.html", rows=rows, tabs=_tabs())


@bp.route("/parent/profile/<int:guardian_id>", methods=("GET", "POST"))
def details(guardian_id: int) -> ResponseReturnValue:
    """Phone, address and e-mail as one school has them."""
    guardian = next((one for one in _guardians() if one.id == guardian_id), None)
    if guardian is None:
        abort(404)
    form = ProfileForm(obj=guardian)
    status = 200
    if request.method == "POST":
        status = _save(form, guardian)
        if status == 200:
            return redirect(url_for("portal.home"), code=303)
    if request.method == "GET" or status == 409:
        form.row_version.data = version_mark(guardian)
        form.row_version.raw_data = None
    with speaking_for(guardian.school_id):
        return render_template("portal/details.html", form=form, school=guardian.school.name, tabs=_tabs()), status


def _save(form: ProfileForm, guardian: Guardian) -> int:
    if not form.validate():
        return 422
    if not mark_is_current(form.row_version.data, guardian):
        form.form_errors.append(gettext("The [school] changed your details while you were writing. Compare, then save again."))
        return 409
    try:
        portal.save_profile(db.session, guardian, {name: form[name].data or "" for name in portal.PROFILE})
        db.session.commit()
    except portal.WrongField as wrong:
        db.session.rollback()
        form[wrong.field].errors = [*form[wrong.field].errors, wrong.sentence]
        return 422
    flash(gettext("Your details are saved."), "success")
    return 200


@bp.get("/student/activate")
def student_activate() -> ResponseReturnValue:
    """First sign-in of a student by a code: what will stand there."""
    sentence = gettext("The first sign-in by code is not open yet. Ask your [school] for your user name.")
    return render_template("bare.html", heading=gettext("First sign-in"), sentence=sentence, icon_key="key")


def register(app: Flask, admin: Admin) -> None:
    """Add the pages to the application."""
    app.register_blueprint(bp)
