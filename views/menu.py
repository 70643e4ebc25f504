"""The sidebar: headings and their screens; each person sees what their rights open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for

from views.i18n import lazy_gettext as _


@dataclass(frozen=True)
class Heading:
    """A group of the sidebar and the endpoints of its screens, in order."""

    label: Any
    endpoints: tuple[str, ...]


HEADINGS = (
    Heading(_("School life"), ("student", "issued_paper", "guardian", "group", "level")),
    Heading(_("Studies"), ("admission", "session_record", "enrolment", "programme", "course", "grid", "rac_group", "org_unit", "code_value")),
    Heading(_("[Guardian] accounts"), ("create_codes", "print_codes", "access_data", "activation_code", "letter", "invitation", "guardian_link")),
    Heading(_("Exchanges"), ("message", "import_", "transfer", "outgoing_mail", "job")),
    Heading(_("Settings"), ("school", "setting", "school_year", "term", "custom_field", "user", "membership", "right", "label", "noun")),
    Heading(_("Follow-up"), ("reminder", "journal_event", "login_event")),
)


@dataclass(frozen=True)
class Page:
    """A page of a screen that has its own line in the sidebar; `right` (table, verb) opens it."""

    label: Any
    endpoint: str
    icon: str
    right: tuple[str, str]


PAGES = {
    "create_codes": Page(_("Create codes"), "activation_code.create_codes_view", "key", ("student", "generate_codes")),
    "print_codes": Page(_("Print letters"), "activation_code.print_view", "print", ("activation_code", "print_letters")),
}

# Screens that stand beside another: reached by a button there, so that the sidebar stays short. Whoever may not open that one
# finds them in the sidebar.
BESIDE = {"issued_paper": "student", "membership": "user", "login_event": "user", "noun": "label"}
BESIDE |= {"org_unit": "programme", "code_value": "programme", "rac_group": "course", "term": "school_year"}


def screens() -> dict[str, Any]:
    """Every registered staff screen by endpoint."""
    from views.base import Screen

    return {view.endpoint: view for view in current_app.extensions["admin"][0]._views if isinstance(view, Screen)}


def build_menu() -> list[dict[str, Any]]:
    """The person's menu: home, then the headings that hold something for them."""
    here = (request.endpoint or "").split(".")[0]
    known = {endpoint: view for endpoint, view in screens().items() if view.is_accessible()}
    here = BESIDE[here] if BESIDE.get(here) in known else here
    menu: list[dict[str, Any]] = [
        {"label": "", "entries": [{"label": _("Home"), "url": url_for("admin.index"), "icon": "home", "count": None, "current": here == "admin"}]}
    ]
    on_page = next((key for key, page in PAGES.items() if page.endpoint == request.endpoint), "")
    for heading in HEADINGS:
        entries = [entry for key in heading.endpoints if (entry := _page(key, on_page) or _screen(known, key, "" if on_page else here)) is not None]
        if entries:
            menu.append({"label": heading.label, "entries": entries})
    return menu


def _page(key: str, here: str) -> dict[str, Any] | None:
    """The line of a page, for whom its right is open."""
    from views.auth import permitted

    page = PAGES.get(key)
    if page is None or not permitted(*page.right):
        return None
    return {"label": page.label, "url": url_for(page.endpoint), "icon": page.icon, "count": None, "current": here == key}


def _screen(known: dict[str, Any], key: str, here: str) -> dict[str, Any] | None:
    """The line of a screen, unless it is not the person's, or stands beside another."""
    view = known.get(key)
    if view is None or BESIDE.get(view.endpoint) in known:
        return None
    label = getattr(view, "menu_name", view.name)
    return {"label": label, "url": url_for(f"{view.endpoint}.index_view"), "icon": view.icon, "count": None, "current": here == view.endpoint}


def beside(endpoint: str) -> list[dict[str, Any]]:
    """The buttons of the screens that stand beside this one, those that the person may open."""
    found = [view for other, view in screens().items() if BESIDE.get(other) == endpoint and view.is_accessible()]
    return [{"label": view.name, "icon": view.icon, "url": url_for(f"{view.endpoint}.index_view")} for view in found]


def missing_from_menu() -> list[str]:
    """Screens that no heading holds: a mistake, told at start."""
    placed = {endpoint for heading in HEADINGS for endpoint in heading.endpoints}
    return [endpoint for endpoint in screens() if endpoint not in placed]
