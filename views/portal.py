"""The pages of guardians: their children."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_login import current_user

from models import portal
from models.db import db
from models.people import Student
from views import inbox
from views.i18n import gettext, ngettext, speaking_for
from views.i18n import lazy_gettext as _
from views.portal_tabs import declare_tab
from views.school_pictures import logo_url

bp = Blueprint("portal", __name__)


def _place(child: Student) -> str:
    return " · ".join(part for part in (child.homeroom.name if child.homeroom else "", child.school.name) if part)


@bp.get("/parent/")
def home() -> ResponseReturnValue:
    """The children, in every school, and what waits for the person."""
    rows = [{"name": child.name, "url": url_for("portal.child", student_id=child.id), "place": _place(child)} for child in portal.children(db.session)]
    n = portal.links_to_check(db.session)
    waiting = ngettext("%(num)d code is being checked by the [school].", "%(num)d codes are being checked by the [school].", n) if n else ""
    person = current_user.user
    confirm = {"email": person.email, "mails": bool(current_app.config.get("MAIL_URL"))} if person.email and not person.email_confirmed else None
    return render_template(
        "portal/home.html",
        children=rows,
        waiting=waiting,
        unread_words=inbox.unread_words(),
        inbox_url=inbox.address("list"),
        confirm=confirm,
        add_url=url_for("portal.register"),
    )


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
            messages=inbox.about_child(shown.id),
            inbox_url=inbox.address("list"),
            leave_url=url_for("portal.leave", student_id=shown.id),
            support_school=shown.school_id,
            phone_shown=True,
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
            return render_template("portal/leave.html", child_name=shown.name, back_url=url_for("portal.child", student_id=shown.id))
    name = shown.name
    portal.leave(db.session, shown.id)
    db.session.commit()
    flash(gettext("You no longer follow %(name)s.", name=name), "success")
    return redirect(url_for("portal.home"), code=303)


def register(app: Flask, admin: Admin) -> None:
    """Add the pages to the application, and their tabs."""
    from views import portal_profile, portal_register  # noqa: F401 (they add their pages to the blueprint)

    declare_tab("guardian", "portal.home", _("Children"), "users", 10, also=("portal.child", "portal.leave", "portal.register"))
    declare_tab("guardian", "portal.profile", _("Contact details"), "phone", 80, also=("portal.details",))
    for name in ("guardian", "student"):
        declare_tab(name, "auth.account", _("Account"), "user", 90)
    app.register_blueprint(bp)
