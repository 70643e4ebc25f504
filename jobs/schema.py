"""The database's structure: where it stands, how it moves on, whether it is what the models say.

`python -m jobs.schema check` compares migrations and models (exit 1); `python -m jobs.schema new "words"` writes a migration.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, Engine, Table, event, text

import models  # noqa: F401 (maps every table)
from models.base import Base, Refusal, utcnow
from models.db import db, init_db
from models.words import _

FOLDER = Path(__file__).resolve().parent.parent / "migrations"
_LOCK = 7_265_001  # any number, the same everywhere: one upgrade at a time


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The newest revision that this version of the application knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(engine: Engine) -> str | None:
    """The revision the database stands at; None before the first one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def known(revision: str) -> bool:
    """Whether this version of the application knows a revision; a newer version's database is not for us."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def refuse_newer(revision: str | None) -> None:
    """Refuse a database that a newer version has written."""
    if revision and not known(revision):
        raise Refusal(_("This database was written by a newer version (%(revision)s). Install that version, or restore a backup."), revision=revision)


def upgrade(engine: Engine) -> tuple[str | None, str | None]:
    """Bring the database to the newest revision, wholly or not at all; a second upgrade at the same time waits, then has nothing to do.

    Gives the revisions before and after. Refused: a database of a newer version, a change that breaks links between rows.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:  # a table that is rebuilt would take its dependent rows with it; the pragma does nothing inside a transaction
            _pragma(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                before = MigrationContext.configure(connection).get_current_revision()
                refuse_newer(before)
                given = _numbers_given(connection) if sqlite else {}
                command.upgrade(_config(connection), "head")
                if sqlite:
                    _keep_numbers(connection, given)
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise Refusal(_("The upgrade would break links between records. Nothing was changed: run “flask check”, then tell your support."))
                return before, MigrationContext.configure(connection).get_current_revision()
        finally:
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def _numbers_given(connection: Connection) -> dict[str, int]:
    """Table -> the highest number that SQLite ever gave in it."""
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").first() is None:
        return {}
    return {name: number for name, number in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()}  # noqa: C416 (typed)


def _keep_numbers(connection: Connection, given: dict[str, int]) -> None:
    """A table that a migration rebuilt counts on from where it was: its copy only knows the rows that are left."""
    now = _numbers_given(connection)
    for name in given.keys() & _tables(connection):
        if now.get(name, 0) < given[name]:
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, given[name]))


@event.listens_for(Table, "column_reflect")
def _still_counts(inspector: Any, table: Table, column: Any) -> None:
    """A table that Alembic rebuilds is read from the database first, and SQLAlchemy does not read this word."""
    if column["name"] == "id" and inspector.dialect.name == "sqlite" and table.name in _counting(inspector.bind):
        table.kwargs["sqlite_autoincrement"] = True


def _tables(connection: Connection, holding: str = "") -> set[str]:
    """The tables of SQLite, those whose text holds a word."""
    return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE :holding"), {"holding": f"%{holding}%"}))


def _counting(connection: Connection) -> set[str]:
    """The tables in which SQLite never gives a number twice."""
    return _tables(connection, " AUTOINCREMENT")


def _pragma(connection: Connection, words: str) -> None:
    connection.connection.driver_connection.execute(f"PRAGMA {words}")  # type: ignore[union-attr]  # it is open


def differences(engine: Engine) -> list[Any]:
    """What the models say and the database lacks, or the other way round; an empty list is the aim."""
    with engine.connect() as connection:
        found = list(compare_metadata(MigrationContext.configure(connection), Base.metadata))
        if engine.dialect.name == "sqlite":  # Alembic does not look at this
            wanted = {table.name for table in Base.metadata.tables.values() if table.dialect_options["sqlite"]["autoincrement"]}
            found += [("sqlite_autoincrement", name) for name in sorted((wanted & _tables(connection)) - _counting(connection))]
        return found


def _empty(url: str = "sqlite://") -> Flask:
    app = Flask("schema")
    init_db(app, url)
    return app


def main(arguments: list[str]) -> int:
    """The command of the people who change the models."""
    app = _empty()
    with app.app_context():
        upgrade(db.engine)
        if arguments[:1] == ["new"] and len(arguments) == 2:
            with db.engine.connect() as connection:
                command.revision(_config(connection), arguments[1], autogenerate=True, rev_id=utcnow().strftime("%Y%m%d%H%M"))
            return 0
        found = differences(db.engine)
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
