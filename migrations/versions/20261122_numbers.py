"""Numbers of rows that SQLite never gives twice."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "202611220815"
down_revision = "202611220653"
branch_labels = None
depends_on = None

# The history's name of a table, where it is another.
_SCREENS = {"student_group": "group", "import": "import_", "label_override": "label", "right_override": "right"}
_KEY = re.compile(r",\s*CONSTRAINT \w+ PRIMARY KEY \(id\)")
_COLUMN = re.compile(r"(?<=[(,])(\s*)id INTEGER NOT NULL(?=\s*[,)])")


def _numbered(name: str, text: str) -> str:
    """The text that made a table, for the table that takes its place."""
    text, keys = _KEY.subn("", text)
    text, columns = _COLUMN.subn(r"\1id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", text)
    body = re.fullmatch(rf'CREATE TABLE "?{name}"? (\(.*\))', text, re.DOTALL)
    if body is None or (keys, columns) != (1, 1):
        raise RuntimeError(f"the table {name} is not as this version of the application made it")
    return f'CREATE TABLE "new_{name}" {body[1]}'


def _named(connection: sa.Connection) -> dict[str, int]:
    """The highest number that the history gives to a row of each table; lines of refusals hold what somebody typed, and do not count."""
    found: dict[str, int] = {}
    for statement in (
        "SELECT table_name, max(row_id) FROM journal_event WHERE verb IN ('created', 'restored', 'edited', 'deleted') AND row_id > 0 GROUP BY table_name",
        "SELECT table_name, max(row_id) FROM journal_change GROUP BY table_name",
    ):
        for name, number in connection.exec_driver_sql(statement):
            found[name] = max(number, found.get(name, 0))
    return found


def upgrade() -> None:
    """Rebuild the tables of SQLite, each with its rows, indexes and triggers; PostgreSQL's sequences never go back anyway."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("a table that is rebuilt takes what depends on it along: upgrade by jobs.schema.upgrade")
    named = _named(connection)
    tables = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").all()
    for name, text in tables:
        if "PRIMARY KEY (id)" not in text or name == "label_stamp":  # that one has a single row, which is always 1
            continue
        beside = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid", (name,)
        )
        again = list(beside.scalars())
        columns = ", ".join(f'"{row[1]}"' for row in connection.exec_driver_sql(f'PRAGMA table_info("{name}")'))
        connection.exec_driver_sql(_numbered(name, text))
        connection.exec_driver_sql(f'INSERT INTO "new_{name}" ({columns}) SELECT {columns} FROM "{name}"')  # noqa: S608 (no data)
        connection.exec_driver_sql(f'DROP TABLE "{name}"')
        connection.exec_driver_sql(f'ALTER TABLE "new_{name}" RENAME TO "{name}"')
        for statement in again:
            connection.exec_driver_sql(statement)
        highest = connection.exec_driver_sql(f'SELECT max(id) FROM "{name}"').scalar() or 0  # noqa: S608 (no data)
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, max(highest, named.get(_SCREENS.get(name, name), 0))))


def downgrade() -> None:
    """Refused: going back would lose what was written since. Restore the backup that `flask upgrade` made."""
    raise NotImplementedError("restore the backup instead")
