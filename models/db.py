"""The one place where models meet Flask: the engine, the manners of each database and the session of the request.

Somebody who waits for a lock waits so long and no longer (`BUSY_SECONDS` of the configuration, 15): then nothing is written and
the person is told to try again (security R7).
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session

from models.base import Base, fold

db = SQLAlchemy()

# How the next SQLite transaction begins: writers take the only write lock at once, readers never hold it.
BEGIN: ContextVar[str] = ContextVar("begin", default="IMMEDIATE")

# How long the next SQLite transaction waits for the write lock, in seconds, for a write that may as well be left out; None: as configured.
PATIENCE: ContextVar[float | None] = ContextVar("patience", default=None)

BUSY_SECONDS = 15.0
# A request holds one connection and reads its words over a second: with fewer than twice the threads, all would wait for the second.
_LINES = {"pool_size": 10, "max_overflow": 30}
# PostgreSQL: serialization failure, deadlock, no connection left, lock not available in time, shutting down, crashed, starting.
_BUSY_STATES = frozenset({"40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03"})
_BUSY_CODES = frozenset({5, 6})  # SQLite: BUSY, LOCKED, without their details


def init_db(app: Flask, url: str) -> None:
    """Open the database of `url` for the application; SQLite gets WAL, full sync, foreign keys and real transactions.

    Both wait for a lock no longer than `BUSY_SECONDS` of the configuration (a number, 15 when absent).
    """
    seconds = float(app.config.get("BUSY_SECONDS", BUSY_SECONDS))
    where = make_url(url)
    settings: dict[str, Any] = {"url": url, "hide_parameters": True, **(_LINES if where.database else {})}
    if where.get_backend_name() == "postgresql":
        settings["connect_args"] = {"options": f"-c lock_timeout={round(seconds * 1000)}"}
    app.config["SQLALCHEMY_ENGINES"] = {"default": settings}
    db.init_app(app)
    # Lite also registers an async teardown, which breaks threads where another loop runs; the sync one stays.
    app.teardown_appcontext_funcs[:] = [f for f in app.teardown_appcontext_funcs if not inspect.iscoroutinefunction(f)]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _sqlite_manners(db.engine, seconds)


def is_busy(error: OperationalError) -> bool:
    """Whether the database only had no time for us: a lock held for too long, a deadlock, a server that restarts. Trying again helps."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _BUSY_CODES
    state = getattr(error.orig, "sqlstate", None)
    return state in _BUSY_STATES if state else True  # PostgreSQL names every fault but a line that cannot be opened or broke


def is_too_big(error: DataError) -> bool:
    """Whether a number was longer than any that a column holds. PostgreSQL refuses to look; SQLite looks, and finds no row."""
    return getattr(error.orig, "sqlstate", None) == "22003"


@lru_cache(maxsize=20_000)  # a column of a long table holds the same texts again and again
def _folded(text: Any) -> str | None:
    return None if text is None else fold(str(text))


def _sqlite_manners(engine: Engine, seconds: float) -> None:
    patience = round(seconds * 1000)

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # pysqlite's own implicit transactions leak rows between tests and hide locks
        for pragma in (f"busy_timeout={patience}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            dbapi.execute("PRAGMA " + pragma)
        dbapi.create_function("fold", 1, _folded, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        asked = PATIENCE.get()
        wanted = patience if asked is None else round(asked * 1000)
        if connection.info.get("patience", patience) != wanted:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={wanted}")
            connection.info["patience"] = wanted
        connection.exec_driver_sql("BEGIN " + BEGIN.get())


def refresh_statistics(session: Session) -> None:
    """Let the database count what its tables hold, in the caller's transaction: without it, it takes a school of 100,000 students for a
    short one and walks through all of them. After an import, and once an hour (a third of a second for 100,000 students).
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("ANALYZE")
        return
    quote = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(f"ANALYZE {', '.join(quote(table) for table in Base.metadata.tables)}")
