"""The history: the screen of what happened, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Flask, g, url_for
from flask_admin import Admin
from sqlalchemy import select

from models.base import Base
from models.db import db
from models.journal import JournalEvent, screen_of
from views.base import Screen
from views.filters import Contains
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.menu import screens

# The usual words of a line; a verb of a screen brings its own text.
WORDS = {
    "created": _("added"),
    "edited": _("changed"),
    "deleted": _("deleted"),
    "exported": _("exported"),
    "imported": _("imported"),
    "confirm": _("confirmed and written"),
    "sent": _("sent"),
    "printed": _("printed"),
    "stamped": _("stamp printed on papers"),
    "redeem": _("used by [a guardian]"),
    "leave": _("left by the [guardian]"),
    "suspension_ended": _("suspension over"),
    "see_as_ended": _("end of “see as”"),
    "members_added": _("[students] added"),
    "members_removed": _("[student] taken out"),
}


def verb_words(verb: str, table: str) -> str:
    """A verb as people say it; a refusal says that it was refused."""
    if verb.startswith("refused_"):
        return gettext("refused: %(verb)s", verb=verb_words(verb.removeprefix("refused_"), table))
    screen = screens().get(table)
    if screen is not None and verb in screen.verbs:
        return str(screen.verbs[verb].text)
    return str(WORDS.get(verb, verb.replace("_", " ")))


def table_words(table: str) -> str:
    """A table by the name of its screen."""
    screen = screens().get(table)
    return str(screen.name) if screen is not None else table


def sentence(batch: Sequence[JournalEvent]) -> str:
    """One line for a batch: alone, what was done; many, how many of which table (the most numerous first)."""
    last = batch[-1]
    if len(batch) == 1:
        if last.rows > 1:
            return ngettext(
                "%(table)s: %(verb)s (%(num)d row)",
                "%(table)s: %(verb)s (%(num)d rows)",
                last.rows,
                table=table_words(last.table_name),
                verb=verb_words(last.verb, last.table_name),
            )
        return gettext("%(table)s: %(verb)s", table=table_words(last.table_name), verb=verb_words(last.verb, last.table_name))
    counts: dict[tuple[str, str], int] = {}
    for line in batch:
        counts[line.verb, line.table_name] = counts.get((line.verb, line.table_name), 0) + line.rows
    (verb, table), n = max(counts.items(), key=lambda item: item[1])
    return ngettext("%(table)s: %(verb)s (%(num)d row)", "%(table)s: %(verb)s (%(num)d rows)", n, table=table_words(table), verb=verb_words(verb, table))


def subjects(lines: Iterable[JournalEvent]) -> dict[tuple[str, int | None], tuple[str, str]]:
    """(table, row) -> (name, address) of the rows that still exist for this person; one query a table."""
    wanted: dict[str, set[int]] = {}
    for line in lines:
        if line.row_id is not None:
            wanted.setdefault(line.table_name, set()).add(line.row_id)
    mapped = {screen_of(mapper): mapper.class_ for mapper in Base.registry.mappers}
    found: dict[tuple[str, int | None], tuple[str, str]] = {}
    for table, ids in wanted.items():
        screen, model = screens().get(table), mapped.get(table)
        if screen is None or model is None or not screen.is_accessible():
            continue
        for row in db.session.scalars(select(model).where(model.id.in_(ids))):
            found[table, row.id] = (str(row), url_for(f"{table}.details_view", id=row.id))
    return found


def history_of(table: str, row_id: int, limit: int = 100) -> list[dict[str, Any]]:
    """The last lines about one row, for the record's own page: what, who, when."""
    from views.formats import show_instant

    lines = db.session.scalars(
        select(JournalEvent).where(JournalEvent.table_name == table, JournalEvent.row_id == row_id).order_by(JournalEvent.id.desc()).limit(limit)
    )
    return [{"text": verb_words(line.verb, table).capitalize(), "who": line.who, "when": show_instant(line.at)} for line in lines]


def about(line: JournalEvent) -> str:
    """The name of the row of a line; its number when it is gone or the reader may not open it."""
    if line.row_id is None:
        return ""
    if "about_rows" not in g:  # the page of one line
        g.about_rows = subjects([line])
    name, _url = g.about_rows.get((line.table_name, line.row_id), ("", ""))
    return name or gettext("no. %(number)d", number=line.row_id)


class JournalEvents(Screen):
    """Read only, append-only: who did what, when."""

    model = JournalEvent
    name = _("History")
    name_of_one = _("Line of the history")
    icon = "history"
    empty = {"icon": "history", "title": _("Nothing has happened yet"), "sentence": _("Every change, import, printing and export is written here.")}
    column_list = ("at", "who", "verb", "table_name", "row_id", "rows")
    column_default_sort = ("id", True)
    column_sortable_list = ("at", "who")
    column_searchable_list = ("who",)
    column_export_list = ("at", "who", "roles", "verb", "table_name", "row_id", "rows")
    column_details_list = ("at", "who", "roles", "verb", "table_name", "row_id", "rows", "batch")
    number_columns = ("rows",)
    column_formatters = {
        "verb": lambda _v, _c, line, _n: verb_words(line.verb, line.table_name),
        "table_name": lambda _v, _c, line, _n: table_words(line.table_name),
        "row_id": lambda _v, _c, line, _n: about(line),
    }

    def prepare_rows(self, rows: list[Any]) -> None:
        """The names of what the lines are about, one query for each table."""
        g.about_rows = subjects(rows)

    def __init__(self) -> None:
        self.column_filters = (
            Contains(JournalEvent.who, _("Who"), "who"),
            Contains(JournalEvent.table_name, _("Table"), "table_name"),
            Contains(JournalEvent.batch, _("Batch"), "batch"),
        )
        super().__init__()


def register(app: Flask, admin: Admin) -> None:
    """The screen of the history."""
    admin.add_view(JournalEvents())
