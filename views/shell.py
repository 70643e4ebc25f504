"""What the frame of every staff page shows: menu, person, schools."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request
from flask_login import current_user

from views.account import language_choices
from views.i18n import gettext
from views.menu import build_menu
from views.portal_tabs import tabs
from views.support import support


def init_shell(app: Flask) -> None:
    """Give the templates the frame's own values."""

    @app.context_processor
    def _frame() -> dict[str, Any]:
        values: dict[str, Any] = {"html_lang": g.get("language", "fr")}
        if not g.get("loaded") or not current_user.is_authenticated:
            return values
        values["person_name"] = current_user.name
        values["person_initials"] = current_user.initials
        if current_user.portal is not None or not request.path.startswith("/admin"):
            values["tabs"] = tabs()
            values["language_choices"] = language_choices() if current_user.portal is not None else ()
            return values
        places = current_user.standing.places if current_user.seeing is None else ()
        if len(places) > 1:
            values["school_here"] = next((place.name for place in places if place.school_id == current_user.school_id), "")
            values["other_schools"] = [place for place in places if place.school_id != current_user.school_id]
        values["menu"] = build_menu()
        return values

    app.jinja_env.globals["support"] = support
    app.jinja_env.globals["school_label"] = lambda: gettext("[School]")
