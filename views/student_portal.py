"""The pages of students: the card that opens their account, their home, how the school reaches them."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import HiddenField

from models import redemption, student_redemption
from models.base import Refusal
from models.db import db
from models.people import Student
from models.student_portal import own_record, save_contact
from views import auth, inbox
from views.doors import differ
from views.fields import version_mark
from views.i18n import gettext, speaking_for
from views.i18n import lazy_gettext as _
from views.passwords import NewPassword
from views.portal_profile import ProfileForm, save_details
from views.portal_register import CodeForm, as_printed
from views.portal_tabs import declare_tab
from views.student_invite import invite_url

bp = Blueprint("student_portal", __name__)


# --- the card --------------------------------------------------------------------------------------------------------------------


class CardForm(CodeForm):
    """The code of the card."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.code.label.text = gettext("Code of the card")


class ChooseForm(FlaskForm):
    """The code again, and the password that the student chooses."""

    code = HiddenField()
    password = NewPassword(_("New password"))
    again = NewPassword(_("New password, again"), told=False)


@bp.route("/student/activate", methods=("GET", "POST"))
def activate() -> ResponseReturnValue:
    """The code of a card, then a password. GET only fills the code in: nothing is looked up, nothing is spent."""
    if request.method == "GET":
        form = CardForm(formdata=None)
        form.code.data = as_printed(request.args.get("code", ""))
        return _card_page(form)
    return _choose() if "password" in request.form else _look()


def _card_page(form: CardForm) -> str:
    return render_template("student/card.html", form=form, here=request.full_path.rstrip("?"))


def _look() -> ResponseReturnValue:
    """Step one: whose card it is."""
    form = CardForm()
    if not form.validate():
        return _card_page(form), 422
    typed = form.code.data or ""
    try:
        holder = student_redemption.whose(typed, address=auth.client()["address"])
    except redemption.TooManyTries as slow:
        form.form_errors.append(slow.sentence)
        return _card_page(form), 429, {"Retry-After": str(slow.seconds)}
    except Refusal as calm:
        form.code.errors = [*form.code.errors, calm.sentence]
        return _card_page(form), 422
    return _choose_page(ChooseForm(formdata=None, data={"code": typed}), holder)


def _choose_page(form: ChooseForm, holder: student_redemption.Holder) -> str:
    return render_template("student/choose.html", form=form, holder=holder, here=url_for("student_portal.activate"))


def _choose() -> ResponseReturnValue:
    """Step two: the password. An easy one leaves the card good."""
    form = ChooseForm()
    typed, answer = form.code.data or "", None
    try:
        if not form.validate() or differ(form):
            return _choose_page(form, student_redemption.whose(typed, address=auth.client()["address"])), 422
        entry = student_redemption.activate(typed, form.password.data or "", **auth.client())
    except redemption.TooManyTries as slow:
        answer = slow.sentence, 429, {"Retry-After": str(slow.seconds)}
    except redemption.UnusableCode as calm:
        answer = calm.sentence, 422, {}
    except Refusal as refusal:
        db.session.rollback()
        return _again(form, typed, refusal)
    if answer is not None:
        card = CardForm(formdata=None, data={"code": as_printed(typed)})
        card.form_errors.append(answer[0])
        return _card_page(card), answer[1], answer[2]
    if entry.half:
        from views.two_factor import ask_code

        return ask_code(entry.half, url_for("student_portal.home"))
    before = current_user.session_id if current_user.is_authenticated else None
    response = auth.enter(entry, before, url_for("student_portal.home"))
    flash(gettext("Your password is saved. Next time, sign in with your user name and this password."), "success")
    return response


def _again(form: ChooseForm, typed: str, refusal: Refusal) -> ResponseReturnValue:
    """The same page, with why the password is refused; a code that is no code at all goes back to the first."""
    try:
        holder = student_redemption.whose(typed, address=auth.client()["address"])
    except Refusal as calm:
        card = CardForm(formdata=None, data={"code": as_printed(typed)})
        card.form_errors.append(calm.sentence)
        return _card_page(card), 422
    form.password.errors = [refusal.sentence]
    return _choose_page(form, holder), 422


# --- home ------------------------------------------------------------------------------------------------------------------------


def _mine() -> Student:
    """The record of who is signed in; 404 for somebody whose role has no record behind it."""
    found = own_record(db.session)
    if found is None:
        abort(404)
    return found


@bp.get("/student/")
def home() -> ResponseReturnValue:
    """Who they are at school, what waits, whom to reach."""
    student = own_record(db.session)
    if student is None:
        sentence = gettext("Your account is not linked to a record of [a student]. Ask your [school].")
        return render_template("bare.html", heading=gettext("My page"), sentence=sentence, icon_key="student")
    with speaking_for(student.school_id):
        school = student.school
        logo = url_for("school_logo.student", school_id=school.id, v=school.logo_digest[:8]) if school.logo_digest else ""
        facts = [(gettext("Class"), student.homeroom.name)] if student.homeroom else []
        if student.level is not None and not student.homeroom:
            facts.append((gettext("[Level]"), student.level.name))
        if student.adviser is not None:
            facts.append((gettext("[Counsellor]"), student.adviser.name))
        return render_template(
            "student/home.html",
            given_name=student.given_name,
            place=school.name,
            facts=facts,
            unread_words=inbox.unread_words(),
            inbox_url=inbox.address("list"),
            invite_url=invite_url(),
            contact={"name": school.name, "phone": school.phone, "email": school.email, "address": school.address_lines, "logo": logo},
            support_school=student.school_id,
            phone_shown=True,
        )


# --- one's own contact data ------------------------------------------------------------------------------------------------------


@bp.route("/student/profile", methods=("GET", "POST"))
def profile() -> ResponseReturnValue:
    """Phone, e-mail and address, as the school has them; nothing else of the record is the student's to change."""
    student = _mine()
    form = ProfileForm(obj=student)
    write = partial(save_contact, db.session, student)
    status = save_details(form, student, write) if request.method == "POST" else 200
    if request.method == "POST" and status == 200:
        return redirect(url_for("student_portal.home"), code=303)
    if request.method == "GET" or status == 409:
        form.row_version.data = version_mark(student)
        form.row_version.raw_data = None
    with speaking_for(student.school_id):
        return render_template("student/profile.html", form=form, school=student.school.name, support_school=student.school_id), status


def register(app: Flask, admin: Admin) -> None:
    """Add the pages to the application, and their tabs."""
    declare_tab("student", "student_portal.home", _("Home"), "home", 10, also=("student_invite.invite",))
    declare_tab("student", "student_portal.profile", _("Contact data"), "phone", 80)
    app.register_blueprint(bp)
