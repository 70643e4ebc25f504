"""The student's page that invites a guardian by e-mail: an address, then what became of each invitation. The code is never shown."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, SelectField
from wtforms.validators import InputRequired, Length

from models import invitations
from models.base import Refusal
from models.db import db
from models.people import Student
from models.settings import value
from models.student_portal import own_record
from views import auth
from views.account import LANGUAGES
from views.doors import options
from views.formats import day_of, show_date
from views.i18n import gettext, speaking_for
from views.i18n import lazy_gettext as _
from views.invitations import mails

bp = Blueprint("student_invite", __name__)


class InviteForm(FlaskForm):
    """Whom, and in which language the mail is written."""

    email = EmailField(_("E-mail of your [guardian]"), validators=[InputRequired(), Length(max=200)], render_kw={"autocomplete": "off"})
    language = SelectField(_("Language of the mail"), choices=options(LANGUAGES))


def inviter() -> Student | None:
    """The record of who is signed in, where the page is offered to them; asked once a request."""
    if "inviter" not in g:
        found = invitations.inviting(db.session) if current_user.is_authenticated and current_user.portal == "student" else []
        g.inviter = found[0] if found else None
    return g.inviter


def invite_url() -> str:
    """The page, for a link; empty where it is not offered."""
    return url_for("student_invite.invite") if inviter() is not None else ""


@bp.route("/student/invite", methods=("GET", "POST"))
def invite() -> ResponseReturnValue:
    """The form and what was sent. Where it is not offered: a sentence, and nothing to type."""
    student = inviter()
    if student is None:
        mine = own_record(db.session)
        with speaking_for(mine.school_id if mine else None):
            sentence = gettext("Your [school] does not offer invitations to you. Ask it for an activation code.")
            return render_template("bare.html", heading=gettext("Invite a [guardian]"), sentence=sentence, icon_key="mail"), 403
    form = InviteForm(data={"language": student.school.language})
    status = 200
    if form.is_submitted():
        status = _send(form, student)
        if status == 200:
            return redirect(url_for("student_invite.invite"), code=303)
    with speaking_for(student.school_id):
        sent = [
            {
                "email": one.email,
                "state": one.told,
                "day": show_date(day_of(one.created_at)),
                "until": show_date(day_of(one.expires_at)),
                "open": one.code.usable,
            }
            for one in invitations.sent_by(db.session, [student])
        ]
        most = int(value("invitations_per_day", student.school_id))
        page = render_template("student/invite.html", form=form, sent=sent, most=most, school=student.school.name, support_school=student.school_id)
    return page, status


def _send(form: InviteForm, student: Student) -> int:
    if not form.validate():
        return 422
    try:
        invitations.invite(db.session, student, form.email.data or "", form.language.data or "fr", auth.base_url())
        db.session.commit()
    except invitations.WrongAddress as wrong:
        db.session.rollback()
        form.email.errors = [*form.email.errors, wrong.sentence]
        return 422
    except Refusal as refusal:
        db.session.rollback()
        form.form_errors.append(refusal.sentence)
        return 422
    email = (form.email.data or "").strip()
    if mails():
        flash(gettext("The invitation to %(email)s is on its way.", email=email), "success")
    else:
        flash(gettext("The invitation to %(email)s is written. No mail leaves from here yet: it waits. Tell your [school].", email=email), "info")
    return 200


def register(app: Flask, _admin: Admin) -> None:
    """The page; the student's home leads to it where it is offered."""
    app.register_blueprint(bp)
