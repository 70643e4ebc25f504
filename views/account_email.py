"""A guardian changes the e-mail of their account."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from models import account_email
from models.base import Refusal
from models.db import db
from views.account import renew
from views.auth import base_url, bp, client
from views.i18n import gettext
from views.i18n import lazy_gettext as _


class EmailForm(FlaskForm):
    """The new address, and the password: a phone left on a table changes nothing."""

    email = EmailField(_("New e-mail"), validators=[InputRequired(), Length(max=200)], render_kw={"autocomplete": "email"})
    password = PasswordField(_("Current password"), validators=[InputRequired()], render_kw={"autocomplete": "current-password"})


@bp.route("/account/email", methods=("GET", "POST"))
def change_email() -> ResponseReturnValue:
    """Another e-mail for the account of a guardian; staff have theirs changed on the screen of users."""
    if current_user.portal != "guardian":
        abort(403)
    form = EmailForm()
    if form.is_submitted():
        if form.validate() and _change(form):
            flash(gettext("The e-mail of your account is changed. Open the link that leaves for the new address, to confirm it."), "success")
            return redirect(url_for("portal.home"), code=303)
        return render_template("portal/email.html", form=form, email=current_user.user.email), 422
    return render_template("portal/email.html", form=form, email=current_user.user.email)


def _change(form: EmailForm) -> bool:
    try:
        account_email.change_email(current_user.id, form.password.data or "", form.email.data or "", base_url(), address=client()["address"])
    except Refusal as refusal:
        db.session.rollback()
        form.form_errors.append(refusal.sentence)
        return False
    renew()
    return True
