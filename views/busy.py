"""When the database has no time for us: nothing was written, a calm page says so and keeps what was typed (security R7)."""

from __future__ import annotations

import logging

from flask import Flask, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm.exc import StaleDataError

from models.db import BEGIN, db, is_busy
from views import kept
from views.saving import own_path

log = logging.getLogger("scolabri")

AGAIN_AFTER = 5  # seconds, told to whoever asks by machine
_ROOM = 1_000_000  # bytes of a form that are shown again


def init_busy(app: Flask, csrf: CSRFProtect) -> None:
    """Answer 503 instead of a fault where trying again helps."""

    @app.errorhandler(OperationalError)
    @app.errorhandler(NoConnectionLeft)
    @app.errorhandler(StaleDataError)  # somebody else's work on the same row came between: doing it again sees the row as it is now
    def _busy(error: OperationalError | NoConnectionLeft | StaleDataError) -> ResponseReturnValue:
        db.session.rollback()
        if isinstance(error, OperationalError) and not is_busy(error):
            raise error
        log.warning("the database is busy", extra={"method": request.method, "path": request.path})
        BEGIN.set("DEFERRED")  # the page itself only reads, whoever holds the lock; views/auth.py resets it
        fields = _typed(csrf)
        page = render_template(
            "errors/busy.html",
            fields=fields,
            path=own_path(request.full_path.rstrip("?")),
            lost=request.method == "POST" and fields is None,
            secret=any(map(kept.is_secret, request.form)),
            home_url=url_for("auth.home"),
            signed_in=bool(g.get("loaded")) and bool(current_user.is_authenticated),
        )
        return page, 503, {"Retry-After": str(AGAIN_AFTER)}


def _typed(csrf: CSRFProtect) -> list[tuple[str, str]] | None:
    """The fields to send again; None where there are none to keep: nothing was posted, a file, or a form that is not of this site."""
    if request.method != "POST" or (request.content_length or _ROOM + 1) > _ROOM or own_path(request.full_path.rstrip("?")) is None:
        return None
    try:
        csrf.protect()  # or a forged form would be sent for good by the person's own hand
    except CSRFError:
        return None
    return None if kept.has_files() else kept.typed()
