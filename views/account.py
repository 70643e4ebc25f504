"""One's own account, one's choices, and the homes that wait for their part."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import PasswordField, SelectField, StringField

from models import accounts, portal, sessions
from models.access import LoginEvent, User
from models.base import Refusal
from models.db import db
from models.import_choices import LANGUAGES as LANGUAGES  # (screens take them from here)
from models.label_languages import languages_for
from models.scope import unscoped
from views import kept, two_factor
from views.auth import HOMES, base_url, bp, client, device_name, reopen
from views.base import own_path
from views.doors import again, differ, new_password, options
from views.formats import show_instant
from views.i18n import gettext, language_for, language_name
from views.i18n import lazy_gettext as _

THEMES = (("", _("As the device")), ("light", _("Light")), ("dark", _("Dark")))
_SIGN_INS = 10


def language_choices() -> list[tuple[str, str]]:
    """The application's languages, then those that the person's schools have added."""
    with unscoped("one's own schools"):
        return [*LANGUAGES, *((name, language_name(name)) for name in languages_for(db.session, current_user.id))]


class ProfileForm(FlaskForm):
    """Name, language, colours: nothing else of the account is the person's to type here."""

    given_name = StringField(_("Given name"), render_kw={"required": True, "autocomplete": "given-name", "maxlength": "100"})
    family_name = StringField(_("Family name"), render_kw={"required": True, "autocomplete": "family-name", "maxlength": "100"})
    language = SelectField(_("Language"))
    theme = SelectField(_("Colours"))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.language.choices = options(language_choices())
        self.theme.choices = options(THEMES)


class ChangeForm(FlaskForm):
    """The current password, then the new one twice."""

    current = PasswordField(_("Current password"), render_kw={"autocomplete": "current-password", "required": True})
    password = new_password()
    again = again()


class SchoolForm(FlaskForm):
    """Where to work."""

    school = SelectField(_("[School]"))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.school.choices = options((str(p.school_id), p.name) for p in current_user.standing.places)


@bp.route("/account", methods=("GET", "POST"))
def account() -> ResponseReturnValue:
    """Name, language, colours, password, devices, sign-ins."""
    person = current_user.user
    part = request.form.get("part", "")
    profile = ProfileForm(prefix="") if part == "profile" else ProfileForm(formdata=None, data=_profile_now())
    change = ChangeForm() if part == "password" else ChangeForm(formdata=None)
    if request.method == "POST":
        if part not in ("profile", "password"):
            abort(400)
        answer = _save_profile(profile) if part == "profile" else _save_password(change)
        if answer is not None:
            return answer
    page = render_template(
        "account.html" if current_user.portal is None else "portal/account.html",
        facts=_facts(person),
        sections=_sections(profile, change),
        sessions=_devices(),
        sign_ins=_sign_ins(),
        second_step=two_factor.sheet(),
        **_frame(),
    )
    return page, 422 if request.method == "POST" else 200


def _facts(person: sessions.Person) -> list[tuple[str, str]]:
    email = person.email
    if email and not person.email_confirmed:
        email = gettext("%(email)s (not confirmed)", email=email)
    return [fact for fact in ((gettext("User name"), person.username), (gettext("E-mail"), email)) if fact[1]]


def _profile_now() -> dict[str, str]:
    person = current_user.user
    return {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "language": str(g.language),
        "theme": request.cookies.get("theme", ""),
    }


def _frame() -> dict[str, Any]:
    """Staff keep their menu on this page, which stands outside /admin/."""
    from views.menu import build_menu

    if current_user.portal is None:
        return {"menu": build_menu()}
    return {"email_url": url_for("auth.change_email") if current_user.portal == "guardian" else ""}


def _sections(profile: ProfileForm, change: ChangeForm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"id": "profile", "name": "profile", "title": gettext("Who I am"), "form": profile, "button": gettext("Save my profile")},
        {
            "id": "password",
            "name": "password",
            "title": gettext("Password"),
            "sentence": gettext("All other devices are signed out, and a mail tells you."),
            "form": change,
            "button": gettext("Change my password"),
        },
    ]
    if current_user.user.email and not current_user.user.email_confirmed:
        found.append(
            {
                "id": "email",
                "title": gettext("Confirm my e-mail"),
                "sentence": gettext("Until it is confirmed, no mail lets you choose a new password."),
                "form": FlaskForm(formdata=None),
                "button": gettext("Send me the link"),
                "action": url_for("auth.ask_confirmation"),
            }
        )
    if len(current_user.standing.places) > 1 and current_user.portal is None:
        form = SchoolForm(formdata=None, data={"school": str(current_user.school_id)})
        found.append(
            {"id": "school", "title": gettext("[School] where I work"), "form": form, "button": gettext("Change [school]"), "action": url_for("auth.school")}
        )
    if len(sessions.sessions_of(current_user.id)) > 1:
        found.append(
            {
                "id": "others",
                "title": gettext("Other devices"),
                "sentence": gettext("A device that you do not know, or that you left signed in, can be signed out from here."),
                "form": FlaskForm(formdata=None),
                "button": gettext("Sign out all other devices"),
                "action": url_for("auth.end_other_sessions"),
            }
        )
    return found


def _devices() -> list[dict[str, Any]]:
    return [
        {
            "label": device_name(row.agent) or gettext("Unknown browser"),
            "when": gettext("%(address)s, last seen %(when)s", address=row.address or "—", when=show_instant(row.seen_at)),
            "current": row.id == current_user.session_id,
            "end_url": url_for("auth.end_session", session_id=row.id),
        }
        for row in sessions.sessions_of(current_user.id)
    ]


def _sign_ins() -> list[dict[str, Any]]:
    with unscoped("one's own sign-ins"):
        look = select(LoginEvent).where(LoginEvent.user_id == current_user.id).order_by(LoginEvent.id.desc()).limit(_SIGN_INS)
        return [{"kind": row.kind, "when": show_instant(row.at), "address": row.address} for row in db.session.scalars(look)]


def _me() -> User:
    with unscoped("one's own account"):
        return db.session.get_one(User, current_user.id)


def _save_profile(form: ProfileForm) -> ResponseReturnValue | None:
    names = [(f, " ".join((f.data or "").split())) for f in (form.given_name, form.family_name)]
    for field, value in names:
        if not value or len(value) > 100 or not value.isprintable():
            field.errors = [gettext("Type a name of at most 100 characters.")]
    if form.language.data not in dict(language_choices()):
        form.language.errors = [gettext("This choice does not exist. Choose another.")]
    if form.theme.data not in dict(THEMES):
        form.theme.errors = [gettext("This choice does not exist. Choose another.")]
    if any(field.errors for field in form):
        return None
    user = _me()
    user.given_name, user.family_name = names[0][1], names[1][1]
    portal.choose_language(db.session, user, str(form.language.data))
    db.session.commit()
    g.choices = {"theme": form.theme.data or "system"}
    g.language = language_for(form.language.data)
    flash(gettext("Your profile is saved."), "success")
    return redirect(url_for("auth.account"))


def _save_password(form: ChangeForm) -> ResponseReturnValue | None:
    if differ(form):
        return None
    try:
        accounts.change_password(current_user.id, form.current.data or "", form.password.data or "", **client())
    except Refusal as refusal:
        db.session.rollback()
        form.form_errors.append(refusal.sentence)
        return None
    renew()
    flash(gettext("Your password is changed. All other devices are signed out."), "success")
    return redirect(url_for("auth.account"))


def renew() -> None:
    """A new session for this browser: the change of password ended them all."""
    token = sessions.open_session(_me(), current_user.standing, **client(), proved=True)
    db.session.commit()
    reopen(token)


@bp.post("/account/confirm")
def ask_confirmation() -> ResponseReturnValue:
    """Mail the link that proves the mailbox."""
    try:
        accounts.ask_confirmation(_me(), base_url())
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.sentence, "warning")
    else:
        db.session.commit()
        if current_app.config.get("MAIL_URL"):
            flash(gettext("A mail leaves for %(email)s. Open its link within 7 days.", email=current_user.user.email), "success")
        else:
            sentence = gettext("No mail leaves from here yet. The link to confirm %(email)s waits for the day when mails leave.", email=current_user.user.email)
            flash(sentence, "info")
    return redirect(own_path(request.form.get("next")) or url_for("auth.account"))


@bp.route("/account/confirm/<token>", methods=("GET", "POST"))
def confirm_email(token: str) -> ResponseReturnValue:
    """The link of that mail: reading it asks, pressing confirms."""
    if request.method == "GET":
        return render_template("confirm.html", email=current_user.user.email)
    try:
        accounts.confirm_email(_me(), token)
    except accounts.DeadLinkError as refusal:
        db.session.rollback()
        flash(refusal.sentence, "warning")
    else:
        db.session.commit()
        flash(gettext("Your e-mail is confirmed."), "success")
    return redirect(url_for("portal.home" if current_user.portal == "guardian" else "auth.account"))


@bp.post("/account/sessions/<int:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign one of one's own devices out; another person's is not found."""
    if session_id not in {row.id for row in sessions.sessions_of(current_user.id)}:
        abort(404)
    sessions.end(session_id)
    db.session.commit()
    return redirect(url_for("auth.account"))


@bp.post("/account/sessions/end")
def end_other_sessions() -> ResponseReturnValue:
    """Sign all of one's other devices out."""
    sessions.end_all(current_user.id, but=current_user.session_id)
    db.session.commit()
    flash(gettext("All other devices are signed out."), "success")
    return redirect(url_for("auth.account"))


@bp.post("/account/school")
def school() -> ResponseReturnValue:
    """Work in another of one's schools. One that is not one's own is not found."""
    chosen = request.form.get("school", "")
    if not chosen.isdecimal() or len(chosen) > 18:
        abort(400)
    if int(chosen) not in {place.school_id for place in current_user.standing.places}:
        abort(404)
    sessions.choose_school(current_user, int(chosen))
    db.session.commit()
    name = next(place.name for place in current_user.standing.places if place.school_id == int(chosen))
    flash(gettext("You now work at %(school)s.", school=name), "success")
    return redirect("/")


@bp.post("/language")
def language() -> ResponseReturnValue:
    """Choose a language: for the account when there is one, for the browser in any case."""
    chosen = request.form.get("language", "")
    if chosen not in dict(language_choices() if current_user.is_authenticated else LANGUAGES):
        abort(422)
    if current_user.is_authenticated:
        portal.choose_language(db.session, _me(), chosen)
        db.session.commit()
    g.choices = {"language": chosen}
    return redirect(own_path(request.form.get("next")) or "/")


@bp.post("/theme")
def theme() -> ResponseReturnValue:
    """Choose light or dark colours for this browser; empty follows the device."""
    chosen = request.form.get("theme", "")
    if chosen not in dict(THEMES):
        abort(422)
    g.choices = {"theme": chosen or "system"}
    return redirect(own_path(request.form.get("next")) or "/")


@bp.get("/resume")
def resume() -> ResponseReturnValue:
    """What was typed before the session ended, sent again on one press."""
    waiting = kept.spend()
    if waiting is None:
        return redirect(HOMES[current_user.portal])
    return render_template("resume.html", path=waiting[0], fields=waiting[1])


@bp.get("/invigilator/")
def invigilator_home() -> ResponseReturnValue:
    """What will stand there."""
    sentence = gettext("On the day of a sitting that you invigilate, its list of candidates will stand here.")
    return render_template("bare.html", heading=gettext("My sittings"), icon_key="calendar", sentence=sentence)
