"""Screens of who works here: users, the roles they hold, and who signed in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Flask, abort, flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import Enum, String, inspect
from sqlalchemy.orm import selectinload
from wtforms import DateField
from wtforms.validators import InputRequired, Optional

from models import staff, two_factor
from models.access import LoginEvent, Membership, Role, User
from models.base import Refusal
from models.db import db
from models.folding import folded
from models.rights import may_give
from models.school import NotReady
from models.scope import WHO, current_school_id
from views.auth import base_url, device_name
from views.base import Screen
from views.fields import ChoiceField
from views.i18n import gettext, language_name, ngettext
from views.i18n import lazy_gettext as _
from views.inspection import InspectionPages, WindowForm, inspection_link
from views.invitations import mails, tell_link
from views.menu import beside
from views.school_settings import not_ready_page
from views.second_step_verb import REMOVE
from views.see_as import SeeAsPages
from views.verbs import verb

# A role is never given by leaving the first line of a list as it stands.
_CHOSEN: dict[str, Any] = {"allow_blank": True, "validators": [InputRequired(_("Choose a role."))]}


class ByName(Screen):
    """Sorted as people look for a name: Œillet beside Oeillet, d'Aubrac among the d."""

    def _order_by(self, query: Any, joins: Any, sort_joins: Any, sort_field: Any, sort_desc: bool) -> Any:
        query, joins, alias = self._apply_path_joins(query, joins, sort_joins, inner_join=False)
        column = sort_field if alias is None else getattr(alias, sort_field.key)
        if isinstance(column.type, String) and not isinstance(column.type, Enum):
            column = folded(column)
        return query.order_by(column.desc() if sort_desc else column), joins


class Users(SeeAsPages, ByName):
    """The people who work in the school. Guardians and students have their own screens."""

    model = User
    name = _("Users")
    name_of_one = _("User")
    icon = "users"
    add_label = _("Invite somebody")
    save_label = _("Save the user")
    empty = {"icon": "users", "title": _("Nobody works here yet"), "sentence": _("Invite colleagues: each receives a link that works once.")}
    column_list = ("family_name", "given_name", "roles", "email", "state", "last_seen_at")  # all of it fits a sheet 1,000 pixels wide
    column_export_list = ("family_name", "given_name", "roles", "username", "email", "state", "last_seen_at")
    column_details_list = ("family_name", "given_name", "username", "email", "roles", "state", "second_step", "language", "last_seen_at")
    details_template = "admin/user/details.html"
    column_sortable_list = ("family_name", "given_name", "username", "email", "last_seen_at")
    column_default_sort = "family_name"
    column_searchable_list = ("family_name", "given_name", "username", "email")
    column_labels = {"roles": _("Roles"), "state": _("Access"), "second_step": _("Second step of the sign-in")}
    column_formatters = column_formatters_export = {
        "roles": lambda _v, _c, row, _n: ", ".join(str(m.role.label) for m in row.memberships),
        "state": lambda _v, _c, row, _n: staff.state_of(row),
        "second_step": lambda _v, _c, row, _n: gettext("Switched on") if row.id in _second_steps() else "",
        "language": lambda _v, _c, row, _n: language_name(row.language) if row.language else "",
    }
    form_columns = ("given_name", "family_name", "email", "username", "role", "open_from", "open_until")
    form_args = {
        **{key: {"validators": [InputRequired(_("Fill in this field."))]} for key in ("given_name", "family_name")},
        "email": {"description": _("They sign in with it, or with the user name: one of the two is needed.")},
    }
    form_extra_fields = {
        "role": ChoiceField(_("Role"), Role, members=staff.roles_to_give, **_CHOSEN),
        "open_from": DateField(_("Open from"), validators=[Optional()]),
        "open_until": DateField(_("Open until"), validators=[Optional()]),
    }
    form_sections = (
        ("", (("given_name", 6), ("family_name", 6), ("email", 6), ("username", 6))),
        (_("In the [school]"), (("role", 12), ("open_from", 6), ("open_until", 6))),
    )

    def render(self, template: str, **kwargs: Any) -> str:
        """The list leads to the import of the staff and to opening an inspection."""
        if template == self.list_template:
            links = inspection_link()
            if self.may("import_staff", "import_") and self.may("create", "import_"):
                links.append({"label": gettext("Import the staff"), "icon": "import", "url": url_for("import_.create_view", _anchor="staff")})
            kwargs["beside"] = [*links, *beside(self.endpoint)]
        return super().render(template, **kwargs)

    # -- rows: those who work here, not the guardians and students whom the scope also shows

    def get_query(self) -> Any:
        """With their roles here, in one more statement."""
        return super().get_query().filter(_works_here()).options(selectinload(User.memberships))

    def shown(self) -> tuple[Any, ...]:
        """A guardian's account is not found here."""
        return (_works_here(),)

    def count_text(self, count: int | None) -> str:
        """How many people."""
        return "" if count is None else ngettext("%(num)d user", "%(num)d users", count)

    # -- form

    def create_form(self, obj: Any = None) -> Any:
        """Whoever gives one role only does not choose."""
        form = super().create_form(obj)
        given = staff.roles_to_give()
        if request.method == "GET" and len(given) == 1:
            form.role.data = given[0]
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """Roles are given on their own screen."""
        form = super().edit_form(obj)
        del form.role, form.open_from, form.open_until
        return form

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """Not before the page of the school says who it is (S3-03)."""
        try:
            staff.check_ready()
        except NotReady as problem:
            return not_ready_page(self, problem)
        return super().create_view()

    def create_model(self, form: Any) -> Any:
        """The person, their role here and their one-time link, together or not at all."""
        try:
            user, fresh = staff.add_person(
                form.given_name.data,
                form.family_name.data,
                form.email.data or "",
                form.username.data or "",
                form.role.data,
                form.open_from.data,
                form.open_until.data,
            )
            link = staff.invite(user, base_url(), by_mail=mails()) if fresh else ""
            db.session.commit()
        except Exception as problem:
            db.session.rollback()
            if not self.handle_view_exception(problem):
                raise
            return False
        if fresh:
            tell_link(user, link)
        else:
            flash(gettext("This e-mail already has an account: it gets the role here, and stays as it is."), "success")
        return user

    def on_model_change(self, form: Any, model: User, is_created: bool) -> None:
        """Somebody with a higher role, oneself, or somebody whom another school shares is not edited here."""
        with db.session.no_autoflush:
            staff.check_may_touch(model)
            staff.check_alone_here(model.id)
        if not model.email and not model.username:
            raise Refusal(_("An account needs an e-mail or a user name to sign in with. Fill in one of them."))

    # -- verbs

    def verb_fits(self, verb: str, row: User) -> bool:
        """Oneself and those above, no button; the others by their access, and by what they have."""
        return staff.fits(verb, row) and (verb != "remove_two_factor" or row.id in _second_steps())

    @verb("invite", _("Send a one-time link"), icon="mail")
    def invite(self, row: User) -> None:
        """A link to choose a password; the earlier one dies."""
        tell_link(row, staff.invite(row, base_url(), by_mail=mails()))

    @verb("disable", _("Disable the access"), confirm=_("They are signed out of this [school] at once."), danger=True)
    def disable(self, row: User) -> None:
        """Close their roles here."""
        staff.disable(row)

    @verb("enable", _("Enable the access"))
    def enable(self, row: User) -> None:
        """Open their roles here again."""
        staff.enable(row)

    @verb("end_sessions", _("Sign out everywhere"), icon="logout")
    def end_sessions(self, row: User) -> None:
        """All their browsers in this school."""
        staff.end_sessions(row)

    @verb("remove_two_factor", **REMOVE)
    def remove_two_factor(self, row: User) -> None:
        """For somebody who has lost their phone; they are told."""
        staff.remove_two_factor(row)


def _second_steps() -> frozenset[int]:
    """Who of the school signs in in two steps: asked once for all the rows of a list."""
    if "second_steps" not in g:
        g.second_steps = two_factor.holders(current_school_id())
    return frozenset(g.second_steps)


def _works_here() -> Any:
    return User.memberships.any(Membership.role.in_(staff.WORKERS))


class Memberships(InspectionPages, ByName):
    """Who holds which role in the school."""

    model = Membership
    name = _("Roles held")
    name_of_one = _("Role held")
    icon = "key"
    add_label = _("Give a role")
    save_label = _("Save the role")
    column_list = ("user", "role", "active", "open_from", "open_until")
    column_sortable_list = (("user", "user.family_name"), "role", "active", "open_from", "open_until")
    column_default_sort = "user.family_name"
    column_details_list = ("user", "role", "active", "open_from", "open_until", "created_at", "updated_at")
    column_labels = {"created_at": _("Given on"), "updated_at": _("Changed on")}
    column_searchable_list = ("user.family_name", "user.given_name")
    column_filters = ("role", "active")
    details_template = "admin/membership/details.html"
    form_columns = ("user", "role", "active", "open_from", "open_until")
    form_overrides = {"role": ChoiceField}
    form_args = {"role": {"choice": Role, "members": staff.roles_to_give, **_CHOSEN}}
    lookups = {"user": (User, ("family_name", "given_name", "username", "email"))}

    def render(self, template: str, **kwargs: Any) -> str:
        """The page of an inspector's role says what was read; the list leads to opening an inspection."""
        if template == self.details_template:
            kwargs["inspection"] = self.read_pages(kwargs["model"])
        if template == self.list_template:
            kwargs["beside"] = [*inspection_link(), *beside(self.endpoint)]
        return super().render(template, **kwargs)

    def check_row(self, verb: str, row: Membership) -> None:
        """Nobody opens the form of a role that is not theirs to give (rights.md, rule 8)."""
        super().check_row(verb, row)
        if verb == "edit" and not may_give(WHO.get().roles, row.role.name):
            self.refused(verb, row.id)
            abort(403)

    def edit_form(self, obj: Any = None) -> Any:
        """A role does not change hands."""
        form = super().edit_form(obj)
        del form.user
        return form

    def on_model_change(self, form: Any, model: Membership, is_created: bool) -> None:
        """The rules on giving roles."""
        with db.session.no_autoflush:
            if is_created:
                staff.check_new_role(model)
            else:
                before = [_before(model, key) for key in ("role", "active", "open_from", "open_until")]
                staff.check_changed_role(model, (before[0], before[1], before[2], before[3]))

    def delete_refusal(self, row: Membership) -> str | None:
        """The same rules on withdrawing them."""
        try:
            staff.check_withdraw(row)
        except Refusal as refusal:
            return refusal.sentence
        return None

    def delete_sentence(self, row: Membership) -> str:
        """What goes."""
        return gettext("%(name)s no longer acts as %(role)s here, and signs in again.", name=str(row.user), role=str(row.role.label))

    def on_model_delete(self, model: Membership) -> None:
        """Signed out of this school with the role."""
        staff.withdraw(model)

    def verb_fits(self, verb: str, row: Membership) -> bool:
        """An inspection is for inspectors; one that is neither open nor planned is not closed."""
        return row.role is Role.inspector and (verb == "open_inspection" or row.open_from is not None)

    @verb("open_inspection", _("Open the inspection"), ask=WindowForm, icon="calendar")
    def open_inspection(self, row: Membership, until: dt.date, **answers: dt.date) -> None:
        """The inspector reads from the first day (`from`) to the last."""
        staff.open_inspection(row, answers["from"], until)

    @verb("close_inspection", _("Close the inspection"), danger=True)
    def close_inspection(self, row: Membership) -> None:
        """At once."""
        staff.close_inspection(row)


def _before(row: Any, key: str) -> Any:
    """The value of a column as the database has it."""
    history = inspect(row).attrs[key].history
    return history.deleted[0] if history.deleted else getattr(row, key)


class LoginEvents(Screen):
    """Who came in, who was refused. Written by the door, read here."""

    model = LoginEvent
    name = _("Sign-ins")
    name_of_one = _("Sign-in")
    icon = "key"
    empty = {"icon": "key", "title": _("Nobody has signed in yet"), "sentence": _("Every sign-in and every refusal is written here.")}
    column_list = ("at", "user", "kind", "address", "agent")
    column_formatters = {"agent": lambda _v, _c, row, _n: device_name(row.agent)}
    column_details_list = ("at", "user", "kind", "address", "agent")
    column_export_list = ("at", "user", "kind", "address", "agent")
    column_sortable_list = ("at",)
    column_default_sort = [("at", True), ("id", True)]
    column_searchable_list = ("user.family_name", "user.given_name", "user.username", "address")
    column_filters = ("kind",)


def register(app: Flask, admin: Admin) -> None:
    """The three screens."""
    admin.add_view(Users())
    admin.add_view(Memberships())
    admin.add_view(LoginEvents())
