"""Joins the parts of Scolabri; decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import Flask, g, has_request_context, request
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme

import jobs
import models
from jobs import commands
from models import files, keys, rights
from models.config import ConfigError, load_config
from models.db import init_db
from views import register_all
from views.auth import init_auth
from views.compress import init_compress
from views.health import init_health
from views.home import Home
from views.i18n import install, language_for
from views.inspection import init_inspection
from views.menu import missing_from_menu
from views.page_labels import init_page_labels
from views.security import init_security
from views.shell import init_shell

__all__ = ["create_app", "jobs", "models"]


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """The application. `config` overrides what environment and `scolabri.toml` say (see models/config.py).

    Stops with a RuntimeError when rights, verbs or menu contradict each other.
    """
    app = Flask(__name__)
    try:
        settings = {**(load_config() if config is None or "SECRET_KEY" not in config else {}), **(config or {})}
    except ConfigError as problem:  # the console tells it without a trace
        raise click.ClickException(str(problem)) from problem
    app.config.update(settings)
    keys.configure(str(settings["SECRET_KEY"]).encode())
    files.configure(Path(settings["DATA"]) / "files")
    init_db(app, settings["DATABASE_URL"])
    install(app, _locale, Path(settings["DATA"]))
    init_auth(app)
    init_security(app)
    init_shell(app)
    init_page_labels(app)
    init_inspection(app)
    init_health(app)
    init_compress(app)
    with app.app_context():
        admin = Admin(app, name="Scolabri", index_view=Home(), theme=Bootstrap4Theme(base_template="admin/base.html"))
        register_all(app, admin)
        _check(admin)
    commands.register(app)
    return app


def _locale() -> str | None:
    """The person's choice, else the cookie, else French."""
    if not has_request_context():
        return None
    if "language" not in g:
        return language_for(None, request.cookies.get("language"))
    return str(g.language)


def _check(admin: Admin) -> None:
    """Unknown verbs, screens without rights or heading stop the application: a door that nobody guards is not opened."""
    from views.base import Screen

    found = [*rights.problems(), *(f"{endpoint}: in no heading of the menu" for endpoint in missing_from_menu())]
    for view in admin._views:
        if isinstance(view, Screen):
            if view.table not in rights.POLICY:
                found.append(f"{view.table}: no rights")
            for verb in view.verbs.values():
                table, right = view.verb_right(verb)
                if right not in (*rights.LETTERS.values(), *rights.VERBS.get(table, ())):
                    found.append(f"{view.table}: the verb {verb.name} has no right")
    if found:
        raise RuntimeError("; ".join(found))
