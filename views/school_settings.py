"""The page of the school, in tabs that each save by themselves. Other domains add theirs with `declare_tab`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, abort, flash, g, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from wtforms import SelectField

from models.school import Country, NotReady, School
from models.school_files import ACCEPT
from models.scope import current_school_id
from views import checks
from views.account import LANGUAGES
from views.auth import permitted
from views.base import Screen, gate
from views.i18n import gettext, language_name
from views.i18n import lazy_gettext as _
from views.school_pictures import PICTURE_HELP, PictureVerbs, bp, pictures_of

# Where French-speaking schools of both countries stand; the school's own zone is added when it is another.
TIME_ZONES = (
    *("Europe/Paris", "America/Guadeloupe", "America/Martinique", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte", "America/Miquelon"),
    *("Pacific/Noumea", "Pacific/Tahiti", "Pacific/Wallis", "America/Toronto", "America/Montreal", "America/Halifax", "America/Moncton"),
)
Sections = tuple[tuple[Any, tuple[tuple[str, int], ...]], ...]


@dataclass(frozen=True)
class Tab:
    """A part of the page of the school.

    `sections` are the columns of the school that its form holds, (title, (column, span of 12)): they save together, apart from the other tabs.
    `template` (optional) is included under the form, with what `context(school)` gives; a tab without sections is that template alone.
    `right` opens it; `place` orders the tabs.
    """

    key: str
    label: Any
    sections: Sections = ()
    save: Any = ""  # the words of its button
    template: str = ""
    context: Callable[[School], dict[str, Any]] | None = None
    right: tuple[str, str] = ("school", "edit")
    place: int = 50

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns of its form."""
        return tuple(name for _title, members in self.sections for name, _span in members)


TABS: list[Tab] = []


def declare_tab(tab: Tab) -> None:
    """Add a tab, while the modules are imported; the last declared of a key wins."""
    TABS[:] = sorted([*(t for t in TABS if t.key != tab.key), tab], key=lambda t: t.place)


def tab_of(field: str) -> str:
    """The key of the tab that holds a column; the first where none does."""
    return next((tab.key for tab in TABS if field in tab.fields), TABS[0].key)


def missing_link(problem: NotReady) -> dict[str, str] | None:
    """Where somebody fills in what is missing; None for whoever may not."""
    if not permitted("school", "edit"):
        return None
    url = url_for("school.edit_view", id=current_school_id(), part=tab_of(problem.fields[0]), _anchor=problem.fields[0])
    return {"url": url, "label": gettext("Complete the page of the [school]")}


def not_ready_page(screen: Screen, problem: NotReady) -> ResponseReturnValue:
    """In the place of a form that leads nowhere yet: what is missing, and the way to it."""
    page = screen.render("admin/school/not_ready.html", sentence=problem.sentence, link=missing_link(problem), heading=screen.add_label)
    return page, 422 if request.method == "POST" else 200


def tell_missing(problem: NotReady) -> None:
    """A message with the way to what is missing; for whoever may not fill it in, whom to ask."""
    link = missing_link(problem)
    text = problem.sentence if link else f"{problem.sentence} {gettext('Ask the site administrator.')}"
    flash({"text": text, "links": [link]} if link else text, "warning")  # type: ignore[arg-type]  # the template reads text and links


def _papers(school: School) -> dict[str, Any]:
    return {"pictures": pictures_of(school), "picture_help": PICTURE_HELP, "accept": ACCEPT}


declare_tab(
    Tab("identity", _("Identity"), (("", (("name", 12), ("country", 4), ("official_code", 4), ("siret", 4))),), _("Save the identity"), place=10),
)
declare_tab(
    Tab(
        "contacts",
        _("Contacts"),
        (
            (_("How to reach"), (("email", 6), ("phone", 6), ("address1", 6), ("address2", 6), ("postal_code", 4), ("town", 8), ("website", 12))),
            (_("Help with accounts"), (("support_email", 6), ("support_phone", 6))),
            (_("Personal data"), (("dpo_name", 6), ("dpo_email", 6))),
            (_("Orders"), (("sales_email", 12),)),
        ),
        _("Save the contacts"),
        place=20,
    )
)
declare_tab(Tab("language", _("Language and time"), (("", (("language", 4), ("time_zone", 4))),), _("Save language and time"), place=30))
declare_tab(
    Tab(
        "papers",
        _("Logo and papers"),
        ((_("Signature"), (("head_name", 6), ("head_title", 6))),),
        _("Save the signature"),
        "admin/school/pictures.html",
        _papers,
        place=40,
    )
)


class Schools(PictureVerbs, Screen):
    """The current school: its page stands in place of a list."""

    model = School
    name = _("[School]")
    name_of_one = _("[School]")
    icon = "gear"
    column_list = ("name", "official_code", "town")
    column_formatters = {
        "language": lambda _v, _c, row, _n: language_name(row.language),
        "country": lambda _v, _c, row, _n: str(row.country),
    }
    form_overrides = {"language": SelectField, "time_zone": SelectField}
    form_args = {
        "language": {"choices": dict(LANGUAGES)},
        "time_zone": {"choices": {zone: zone for zone in TIME_ZONES}},
        **{name: {"validators": [checks.email]} for name in ("email", "dpo_email")},
        "phone": {"validators": [checks.phone]},
        **{name: {"validators": [getattr(checks, name)]} for name in ("official_code", "siret", "postal_code", "website")},
        "support_email": {"validators": [checks.email], "description": _("Shown to everybody, also on the sign-in page and on error pages.")},
        "support_phone": {"validators": [checks.phone], "description": _("Shown beside the e-mail.")},
        "sales_email": {"validators": [checks.email], "description": _("The sales service that answers orders of [certifications] with a quote.")},
        "head_name": {"description": _("Who signs the certificates. Empty: they are issued in the name of the function.")},
        "head_title": {"description": _("As it is written under the signature: headmaster, director of studies.")},
    }
    form_template = "admin/school/edit.html"
    details_template = "admin/school/details.html"

    def __init__(self) -> None:
        self.form_columns = tuple(name for tab in TABS for name in tab.fields)
        self.column_details_list = self.form_columns
        self.form_sections = tuple(section for tab in TABS for section in tab.sections)
        super().__init__()

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """There is one school: straight to it, and to its form for whoever may change it."""
        return redirect(self.get_url(".edit_view" if self.can_edit else ".details_view", id=current_school_id()))

    @expose("/missing/")
    @gate("edit")
    def missing_view(self) -> ResponseReturnValue:
        """To the field that is missing before anybody can be added; to the page when nothing is."""
        school = self.get_one(current_school_id())
        field = next((name for name, _label in school.missing_for("users")), "")
        return redirect(self.get_url(".edit_view", id=school.id, part=tab_of(field), _anchor=field or None))

    # -- one tab at a time

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        """One tab (`part`), the first without a name. A form that is sent without saying from which changes the fields that it holds."""
        key = request.args.get("part", "" if request.method == "POST" else TABS[0].key)
        g.school_tab = next((tab for tab in TABS if tab.key == key), None)
        if key and g.school_tab is None:
            abort(404)
        if g.school_tab is not None and not permitted(*g.school_tab.right):
            self.refused("edit", current_school_id())
            abort(403)
        g.school_fields = g.school_tab.fields if g.school_tab is not None else tuple(name for name in self.form_columns if name in request.form)
        return super().edit_view()

    def edit_form(self, obj: Any = None) -> Any:
        """The fields of the tab; official codes by the name that the country gives them; a zone that is not usual stays a choice."""
        form = super().edit_form(obj)
        if obj is not None:
            if obj.time_zone not in TIME_ZONES:
                form.time_zone.choices = {obj.time_zone: obj.time_zone, **dict(zip(TIME_ZONES, TIME_ZONES, strict=True))}
            form.official_code.label.text = code_label(obj.country)
            if obj.country is not Country.FR:
                del form.siret
        if has_request_context() and "school_fields" in g:
            for name in [f.short_name for f in form if f.short_name in self.form_columns and f.short_name not in g.school_fields]:
                del form[name]
        return form

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        """Back to the tab."""
        return str(self.get_url(".edit_view", id=model.id, part=g.school_tab.key if g.get("school_tab") else None))

    def render(self, template: str, **kwargs: Any) -> str:
        """The tabs around a form; the whole page for reading."""
        row = kwargs.get("model")
        if isinstance(row, School):
            kwargs |= self.around(row)
            if template == self.details_template:
                kwargs["detail_groups"] = self.whole(row)
        return super().render(template, **kwargs)

    def around(self, row: School) -> dict[str, Any]:
        """What stands on every page of the school."""
        current: Tab | None = g.get("school_tab")
        tabs = [
            {"label": tab.label, "url": self.get_url(".edit_view", id=row.id, part=tab.key), "current": tab is current}
            for tab in TABS
            if self.can_edit and permitted(*tab.right)
        ]
        found: dict[str, Any] = {"tabs": tabs, "tab": current, "return_url": self.get_url(".details_view", id=row.id)}
        found["beside"] = [
            {"label": label, "icon": icon, "url": url_for(f"{screen}.index_view")}
            for screen, icon, label in (("import_", "import", gettext("Imports")), ("user", "users", gettext("Users")))
            if permitted(screen, "read")
        ]
        if current is not None:
            found |= {"save_label": current.save or self.save_label, "has_form": bool(current.fields), **(current.context(row) if current.context else {})}
        else:
            found |= _papers(row)
        return found

    def whole(self, row: School) -> list[tuple[Any, list[tuple[Any, Any]]]]:
        """Every tab, to read."""
        labels = {**self.column_labels, "official_code": code_label(row.country)}
        shown = {tab.label: [name for name in tab.fields if name != "siret" or row.country is Country.FR] for tab in TABS if tab.sections}
        return [(title, [(labels[name], self.get_detail_value(None, row, name)) for name in names]) for title, names in shown.items()]


def code_label(country: Country) -> str:
    """What the official code of a school is called where it stands."""
    return gettext("UAI (official code)") if country is Country.FR else gettext("Organisation code")


def register(app: Flask, admin: Admin) -> None:
    """The page of the school, and its logo on the pages of families."""
    admin.add_view(Schools())
    app.register_blueprint(bp)
