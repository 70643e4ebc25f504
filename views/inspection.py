"""Inspections on the screens: opened by the head on one page, every page that the inspector reads written down, what was read shown."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.exc import OperationalError
from wtforms import DateField, EmailField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from models import inspections, staff
from models.access import Membership, Role
from models.base import Refusal, today
from models.db import BEGIN, db, is_busy
from models.journal import record, record_rows
from models.rights import reach
from models.scope import WHO
from views import auth, checks
from views.base import gate
from views.formats import show_date, start_of, zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.invitations import mails, tell_link
from views.menu import screens
from views.security import error_page

NEW = "new"


class WindowForm(FlaskForm):
    """From when until when."""

    first = DateField(_("First day"), name="from", default=lambda: today(zone().key), validators=[InputRequired(_("Choose a day."))])
    until = DateField(_("Last day"), validators=[InputRequired(_("Choose a day."))])


class OpenForm(WindowForm):
    """Who inspects: somebody who has the role, or somebody new."""

    person = RadioField(_("Who inspects?"), validators=[InputRequired(_("Choose who inspects."))])
    given_name = StringField(_("Given name"), validators=[Length(max=100)])
    family_name = StringField(_("Family name"), validators=[Length(max=100)])
    email = EmailField(_("E-mail"), validators=[Length(max=200), checks.email])

    def __init__(self, known: list[Membership]) -> None:
        super().__init__()
        self.person.choices = [*((str(held.id), held.user.name) for held in known), (NEW, gettext("Somebody new"))]
        self.person.hints = {NEW: gettext("They receive a link that works once, to choose a password.")}  # type: ignore[attr-defined]  # read by forms.html
        if request.method == "GET":
            self.person.data = str(known[0].id) if known else NEW

    def validate(self, extra_validators: Any = None) -> bool:
        """Somebody new has a name and an e-mail."""
        good = super().validate(extra_validators)
        empty = [field for field in (self.given_name, self.family_name, self.email) if self.person.data == NEW and not (field.data or "").strip()]
        for field in empty:
            field.errors = [*field.errors, gettext("Fill in this field.")]
        return bool(good) and not empty


class InspectionPages:
    """The page that opens an inspection, and what was read; mixed into the screen of roles held."""

    get_url: Any
    render: Any
    table: str

    @expose("/inspection/", methods=("GET", "POST"))
    @gate("open_inspection")
    def inspection_view(self) -> ResponseReturnValue:
        """Who and when, on one page. Refused as `staff.add_person` and `staff.open_inspection` refuse; nothing is half-done then."""
        form = OpenForm(inspections.inspectors(db.session))
        if request.method == "POST" and form.validate():
            try:
                held = self.open_for(form)
            except Refusal as refusal:
                db.session.rollback()
                form.form_errors.append(refusal.sentence)
            else:
                return redirect(self.get_url(".details_view", id=held.id), code=303)
        back, label = (url_for("user.index_view"), gettext("Users")) if auth.permitted("user", "read") else (url_for("admin.index"), gettext("Home"))
        page = self.render("admin/inspection/open.html", form=form, form_groups=_groups(form), back_url=back, back_label=label)
        return page, 422 if request.method == "POST" else 200

    def open_for(self, form: OpenForm) -> Membership:
        """The role, its window open, in one transaction."""
        first, last, link = form.first.data, form.until.data, ""
        assert first is not None and last is not None  # noqa: S101, PT018 (the form asks for both)
        if form.person.data == NEW:
            user, fresh = staff.add_person(form.given_name.data or "", form.family_name.data or "", form.email.data or "", "", Role.inspector)
            held = next(one for one in inspections.inspectors(db.session) if one.user_id == user.id)
        else:
            held, fresh = self.get_one(form.person.data), False  # type: ignore[attr-defined]
        staff.open_inspection(held, first, last)
        if fresh:
            link = staff.invite(held.user, auth.base_url(), by_mail=mails())
        db.session.flush()
        record_rows(db.session, "open_inspection", self.table, [held.id])
        db.session.commit()
        said = gettext("%(name)s reads from %(first)s to %(last)s.", name=held.user.name, first=show_date(first), last=show_date(last))
        flash(said, "success")
        if fresh:
            tell_link(held.user, link)
        elif form.person.data == NEW:
            flash(gettext("This e-mail already has an account: it gets the role here, and stays as it is."), "info")
        return held

    def read_pages(self, held: Membership) -> dict[str, Any] | None:
        """What the page of an inspector's role says: the window, how many pages were read, where they are listed."""
        if held.role is not Role.inspector or held.open_from is None or held.open_until is None:
            return None
        return told(inspections.Inspection(held.id, held.user_id, held.user.name, held.open_from, held.open_until, held.open_from <= today(zone().key)))


def _groups(form: OpenForm) -> list[tuple[Any, list[tuple[Any, int]]]]:
    """The questions, in the order in which one answers them."""
    return [
        ("", [(form.person, 12)]),
        (gettext("Somebody new"), [(form.given_name, 6), (form.family_name, 6), (form.email, 12)]),
        (gettext("From a day to a day"), [(form.first, 6), (form.until, 6)]),
    ]


def told(one: inspections.Inspection) -> dict[str, Any]:
    """An inspection as the head reads it, with the way to what was read."""
    n = inspections.pages_read(db.session, one.user_id, start_of(one.first), start_of(one.last, 1))
    days = {"first": show_date(one.first), "last": show_date(one.last)}
    url = ""
    if reach(WHO.get().roles, "journal_event") == "all":
        chosen: dict[str, Any] = {"flt0_user_id.Row": one.user_id, "flt1_at.SinceDay": one.first.isoformat(), "flt2_at.UntilDay": one.last.isoformat()}
        url = url_for("journal_event.index_view", **chosen)
    return {
        "name": one.name,
        "id": one.membership_id,
        "sentence": gettext("Open from %(first)s to %(last)s.", **days) if one.begun else gettext("Planned from %(first)s to %(last)s.", **days),
        "read": ngettext("%(num)d page read", "%(num)d pages read", n),
        "url": url,
        "details_url": url_for("membership.details_view", id=one.membership_id),
    }


def on_home() -> list[dict[str, Any]]:
    """The inspections that are open or planned, for whoever opens them."""
    return [told(one) for one in inspections.windows(db.session)] if auth.permitted("membership", "open_inspection") else []


def inspection_link() -> list[dict[str, Any]]:
    """The button that opens an inspection, for whoever may."""
    if not auth.permitted("membership", "open_inspection"):
        return []
    return [{"label": gettext("Open an inspection"), "icon": "calendar", "url": url_for("membership.inspection_view")}]


def last_day() -> str:
    """Until when the inspector who reads this may read."""
    mine = [one.last for one in inspections.windows(db.session) if one.user_id == WHO.get().user_id]
    return show_date(max(mine)) if mine else ""


# --- what an inspector reads -------------------------------------------------------------------------------------------------------


def init_inspection(app: Flask) -> None:
    """Write down every page that an inspector reads; called once."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    """One line for each page, in a short transaction of its own; without the line, the page is not shown."""
    read = request.method == "GET" and response.status_code == 200 and response.mimetype == "text/html"
    if not read or not g.get("loaded") or not current_user.is_authenticated or current_user.seeing is not None:
        return response
    if Role.inspector.name not in current_user.roles:
        return response
    db.session.rollback()
    token = BEGIN.set("IMMEDIATE")
    try:
        record(db.session, inspections.PAGE_READ, *_about())
        db.session.commit()
    except OperationalError as error:
        db.session.rollback()
        if not is_busy(error):
            raise
        return _not_now(response)
    finally:
        BEGIN.reset(token)
    return response


def _about() -> tuple[str, int | None]:
    """(screen, record) of the page; a page that is no screen by its own name."""
    blueprint, _dot, page = (request.endpoint or "").partition(".")
    number = request.args.get("id", "")
    if blueprint not in screens():
        return ("home" if page == "index" else page)[:200], None
    return blueprint, int(number) if number.isdecimal() else None


def _not_now(response: Response) -> Response:
    response.close()
    sentence = gettext("The application is busy writing. Nothing was lost."), gettext("Try again in a minute.")
    body, status = error_page(503, gettext("Busy for a moment"), *sentence)
    return Response(body, status, content_type="text/html; charset=utf-8", headers={"Retry-After": "5"})
