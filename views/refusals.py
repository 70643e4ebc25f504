"""Somebody who walks through identifiers is slowed down and told about: 50 refusals in 5 minutes (security case 20)."""

from __future__ import annotations

import datetime as dt
import logging

from flask import Flask, abort, g, request
from flask_login import current_user
from sqlalchemy.exc import OperationalError

from models import throttle
from models.base import utcnow
from models.db import BEGIN, PATIENCE, db, is_busy
from models.journal import record

log = logging.getLogger("scolabri.views")

KIND = "refusal"
MOST = 50
WITHIN = dt.timedelta(minutes=5)
_PATIENCE = 1.0  # seconds: the answer matters more than its count


def init_refusals(app: Flask) -> None:
    """Ask before pages about one record, the only ones whose identifiers can be walked."""

    @app.before_request
    def _walking() -> None:
        if _watched() and "id" in request.args and _many():
            abort(429)


def note(code: int) -> int:
    """Count a refusal of a signed-in person on a staff page; returns the code to answer with: 429 once there are too many."""
    if code not in (403, 404) or not _watched():
        return code
    patience = PATIENCE.set(_PATIENCE)
    try:
        return _counted(code)
    except OperationalError as error:
        db.session.rollback()
        if not is_busy(error):
            raise
        log.warning("a refusal could not be counted", extra={"user_id": current_user.id})
        return code
    finally:
        PATIENCE.reset(patience)


def _counted(code: int) -> int:
    throttle.hit((KIND, str(current_user.id)))
    seen = throttle.count(KIND, str(current_user.id), utcnow() - WITHIN)
    if seen == MOST:
        log.warning("many refusals", extra={"user_id": current_user.id})
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, "refused_many", "user", current_user.id, rows=seen)
            db.session.commit()
        finally:
            BEGIN.reset(token)
    return 429 if seen > MOST else code


def _watched() -> bool:
    return bool(g.get("loaded")) and request.path.startswith("/admin/") and bool(current_user.is_authenticated)


def _many() -> bool:
    return throttle.count(KIND, str(current_user.id), utcnow() - WITHIN) > MOST
