"""The one place where models meet Flask: the engine, its SQLite manners and the session of the request."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from typing import Any

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine, event

from models.base import fold

db = SQLAlchemy()

# How the next SQLite transaction begins: writers take the only write lock at once, readers never hold it.
BEGIN: ContextVar[str] = ContextVar("begin", default="IMMEDIATE")


def init_db(app: Flask, url: str) -> None:
    """Open the database of `url` for the application; SQLite gets WAL, full sync, foreign keys and real transactions."""
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": url, "hide_parameters": True}}
    db.init_app(app)
    # Lite also registers an async teardown, which breaks threads where another loop runs; the sync one stays.
    app.teardown_appcontext_funcs[:] = [f for f in app.teardown_appcontext_funcs if not inspect.iscoroutinefunction(f)]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _sqlite_manners(db.engine)


def _sqlite_manners(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # pysqlite's own implicit transactions leak rows between tests and hide locks
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
            dbapi.execute("PRAGMA " + pragma)
        dbapi.create_function("fold", 1, lambda text: None if text is None else fold(str(text)), deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN " + BEGIN.get())
