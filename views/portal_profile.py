"""A guardian's own details, as each school has them."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from wtforms import EmailField, StringField, TelField
from wtforms.validators import Length

from models import portal
from models.db import db
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.words import listed
from views.fields import VersionField, mark_is_current, version_mark
from views.i18n import gettext, speaking_for
from views.i18n import lazy_gettext as _
from views.portal import bp


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
    children = selectinload(Guardian.links).joinedload(GuardianLink.student)
    return list(db.session.scalars(select(Guardian).options(children).order_by(Guardian.school_id, Guardian.id)))


def _children(guardian: Guardian) -> str:
    """Whom the school has these details about: what tells two records of one school apart."""
    theirs = [link.student.given_name for link in guardian.links if link.student is not None and link.status is LinkStatus.active]
    return gettext("For %(names)s", names=listed(sorted(theirs))) if theirs else ""


@bp.get("/parent/profile")
def profile() -> ResponseReturnValue:
    """One's details in each school; the form itself when there is only one."""
    mine = _guardians()
    if len(mine) == 1:
        return redirect(url_for("portal.details", guardian_id=mine[0].id))
    rows = [
        {
            "name": one.school.name,
            "children": _children(one),
            "place": ", ".join(one.address_lines) or one.phone,
            "url": url_for("portal.details", guardian_id=one.id),
        }
        for one in mine
    ]
    return render_template("portal/profile.html", rows=rows)


@bp.route("/parent/profile/<int:guardian_id>", methods=("GET", "POST"))
def details(guardian_id: int) -> ResponseReturnValue:
    """Phone, address and e-mail as one school has them."""
    mine = _guardians()
    guardian = next((one for one in mine if one.id == guardian_id), None)
    if guardian is None:
        abort(404)
    form = ProfileForm(obj=guardian)
    status = 200
    if request.method == "POST":
        status = save_details(form, guardian, lambda typed: portal.save_profile(db.session, guardian, typed))
        if status == 200:
            return redirect(url_for("portal.home"), code=303)
    if request.method == "GET" or status == 409:
        form.row_version.data = version_mark(guardian)
        form.row_version.raw_data = None
    with speaking_for(guardian.school_id):
        return render_template("portal/details.html", form=form, school=guardian.school.name, children=_children(guardian) if len(mine) > 1 else ""), status


def save_details(form: ProfileForm, row: Guardian | Student, write: Callable[[dict[str, str]], None]) -> int:
    """Write what somebody typed about themselves and commit; the status of the answer. 422: a field is wrong, 409: changed meanwhile."""
    if not form.validate():
        return 422
    if not mark_is_current(form.row_version.data, row):
        form.form_errors.append(gettext("The [school] changed your details while you were writing. Compare, then save again."))
        return 409
    try:
        write({name: form[name].data or "" for name in portal.PROFILE})
        db.session.commit()
    except portal.WrongField as wrong:
        db.session.rollback()
        form[wrong.field].errors = [*form[wrong.field].errors, wrong.sentence]
        return 422
    flash(gettext("Your details are saved."), "success")
    return 200
