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
    Heading(_("Studies"), ("programme", "course", "grid", "rac_group", "org_unit", "code_value")),
    Heading(_("[Guardian] accounts"), ("activation_code", "letter", "invitation", "guardian_link")),
    Heading(_("Exchanges"), ("message", "import_", "transfer", "outgoing_mail", "job")),
    Heading(_("Settings"), ("school", "setting", "school_year", "term", "custom_field", "user", "membership", "right", "label", "noun")),
    Heading(_("Follow-up"), ("journal_event", "login_event")),
)


# Screens that stand beside another: reached by a button there, so that the sidebar stays short. Whoever may not open that one
# finds them in the sidebar.
BESIDE = {"issued_paper": "student", "membership": "user", "login_event": "user", "noun": "label"}
BESIDE |= {"grid": "programme", "org_unit": "programme", "code_value": "programme", "rac_group": "course", "term": "school_year"}


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
    for heading in HEADINGS:
        entries = [
            {"label": view.name, "url": url_for(f"{view.endpoint}.index_view"), "icon": view.icon, "count": None, "current": here == view.endpoint}
            for view in map(known.get, heading.endpoints)
            if view is not None and BESIDE.get(view.endpoint) not in known
        ]
        if entries:
            menu.append({"label": heading.label, "entries": entries})
    return menu


def beside(endpoint: str) -> list[dict[str, Any]]:
    """The buttons of the screens that stand beside this one, those that the person may open."""
    found = [view for other, view in screens().items() if BESIDE.get(other) == endpoint and view.is_accessible()]
    return [{"label": view.name, "icon": view.icon, "url": url_for(f"{view.endpoint}.index_view")} for view in found]


def missing_from_menu() -> list[str]:
    """Screens that no heading holds: a mistake, told at start."""
    placed = {endpoint for heading in HEADINGS for endpoint in heading.endpoints}
    return [endpoint for endpoint in screens() if endpoint not in placed]
