"""`/healthz` for the person who watches the machine: no personal data."""

from __future__ import annotations

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from models.db import db
from models.scope import unscoped
from models.work import Job, JobState

VERSION = "0.1.0"


def init_health(app: Flask) -> None:
    """Add the route."""

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        with unscoped("the number of waiting jobs names nobody"):
            waiting = db.session.scalar(select(func.count(Job.id)).where(Job.state == JobState.waiting)) or 0
        return jsonify(status="ok", version=VERSION, database="ok", jobs_waiting=waiting)
