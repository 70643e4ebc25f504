"""The history: the screen of what happened, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Flask, g, redirect, url_for
from flask_admin import Admin
from sqlalchemy import or_, select, true

from models.access import User
from models.base import Base, Refusal
from models.changes import DELETED, KEPT, JournalChange, name_of, named_by
from models.db import db
from models.journal import JournalEvent, screen_of
from models.rights import reach
from models.scope import WHO
from models.undo import find, may_undo
from views.base import Screen
from views.colleagues import staff_of_school
from views.filters import Contains, Row, SinceDay, UntilDay
from views.history import QUIET
from views.history_undo import UndoPages, offer_undo, undo_url
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.menu import screens
from views.trash import TrashPages
from views.verbs import MOST_ROWS, verb

# What was done, as the history says it: past participles in English, nouns in French. (table, verb) goes before verb; what stands in neither
# is told by the text of its button.
WORDS: dict[str | tuple[str, str], Any] = {
    "created": _("added"),
    "create": _("added"),
    "edited": _("changed"),
    "edit": _("changed"),
    "deleted": _("deleted"),
    "delete": _("deleted"),
    "read": _p("history", "looked at"),
    "list": _p("history", "looked at"),
    "action": _p("history", "work on chosen rows"),
    "exported": _("exported"),
    "export": _("exported"),
    "export_po": _("exported"),
    "imported": _("imported"),
    "import_po": _("imported"),
    "sent": _("sent"),
    "printed": _("printed"),
    "stamped": _("stamp printed on papers"),
    "specimen": _("specimen of a letter printed"),
    "download": _("downloaded"),
    "undo": _("undone"),
    "restored": _p("history", "brought back"),
    "restore": _p("history", "brought back"),
    "merge": _p("history", "merged"),
    "set_apart": _("said to be two people"),
    "propose_again": _("proposed again as possible duplicates"),
    "add_to_group": _p("history", "added to [a group]"),
    "members_added": _("[students] added"),
    "members_removed": _("[student] taken out"),
    "share": _p("history", "shared"),
    "deactivate": _p("history", "deactivated"),
    "reactivate": _p("history", "reactivated"),
    "suspend": _p("history", "suspended"),
    ("admission", "activate"): _p("history", "activated"),
    "close": _p("history", "closed"),
    "sanction": _p("history", "sanctioned"),
    "copy": _p("history", "copied"),
    "create_session_record": _p("history", "[session record] begun"),
    "print_confirmation": _p("history", "confirmation of registration printed"),
    "print_record_sheet": _p("history", "sheet of [a session record] printed"),
    "print_group_list": _p("history", "list of the [students] of [a course] printed"),
    "confirm_presence": _p("history", "presence confirmed"),
    "correct_census": _p("history", "census corrected"),
    "override": _p("history", "inherited value set aside"),
    "inherit": _p("history", "inherited value given back"),
    "set_transmission": _p("history", "transmission written down"),
    "enter_results": _p("history", "results entered"),
    "register_many": _p("history", "registered for [a course]"),
    "copy_last_term": _p("history", "registrations of the term before taken up"),
    "suspension_ended": _("suspension over"),
    "leave": _("left by the [guardian]"),
    "confirm": _p("history", "confirmed"),
    "generate_codes": _p("history", "codes created"),
    "revoke": _p("history", "revoked"),
    "redeem": _("used by [a guardian]"),
    "print_letters": _p("history", "letters printed"),
    "print_reset_letter": _p("history", "reset letter printed"),
    "print_class_list": _p("history", "class list printed"),
    "print_labels": _p("history", "address labels printed"),
    "print_certificate": _p("history", "certificate of enrolment printed"),
    "print_again": _p("history", "printed again"),
    "create_account": _("own account opened"),
    "print_access_cards": _("access card made"),
    "activate": _("own password chosen with a card"),
    "switch_school": _("work begun, coming from another [school]"),
    "invite": _p("history", "one-time link sent"),
    "disable": _p("history", "access disabled"),
    "enable": _p("history", "access enabled"),
    "end_sessions": _p("history", "signed out everywhere"),
    "remove_two_factor": _p("history", "second step of the sign-in removed"),
    "see_as": _p("history", "application seen as somebody else"),
    "see_as_ended": _("end of “see as”"),
    "open_inspection": _p("history", "inspection opened"),
    "close_inspection": _p("history", "inspection closed"),
    "opened": _("[school] opened"),
    "upload_logo": _p("history", "logo sent"),
    "upload_stamp": _p("history", "stamp sent"),
    "remove_logo": _p("history", "logo removed"),
    "remove_stamp": _p("history", "stamp removed"),
    "page_read": _p("history", "page read"),
    "check": _p("history", "checked"),
    "abandon": _p("history", "abandoned"),
    ("import_", "confirm"): _("confirmed and written"),
    "import_staff": _p("history", "staff imported"),
    "import_structures": _p("history", "classes and [programmes] imported"),
    "import_courses": _p("history", "[courses] imported"),
    "import_registrations": _p("history", "registrations imported"),
    "retire": _p("history", "withdrawn"),
    "promote": _p("history", "promoted to another [level]"),
    "change_year": _p("history", "school year changed"),
    **{(table, "retire"): _p("history", "no longer offered") for table in ("level", "programme", "course", "grid", "code_value")},
    **{(table, "reactivate"): _p("history", "offered again") for table in ("level", "programme", "course", "grid", "code_value")},
    "preset": _("ready-made setting applied"),
    "reset": _("default rights put back"),
    ("label", "reset"): _p("history", "default text put back"),
    ("label_mask", "reset"): _p("history", "name of the [school] put back"),
    ("noun", "reset"): _p("history", "default noun put back"),
    ("letter", "reset"): _p("history", "delivered letter put back"),
    "retry": _p("history", "started again"),
    ("outgoing_mail", "retry"): _p("history", "put back in the queue"),
    "cancel": _p("history", "stopped"),
    ("outgoing_mail", "test"): _p("history", "mail server tested"),
    ("outgoing_mail", "cancel"): _p("history", "sending stopped"),
    "transfer": _p("history", "sent to another [school]"),
    ("transfer", "cancel"): _p("history", "cancelled"),
    ("transfer", "decline"): _p("history", "declined"),
    ("transfer", "receive"): _p("history", "file taken in"),
    ("transfer", "send"): _p("history", "file handed over"),
    ("transfer", "passphrase"): _p("history", "passphrase shown"),
    "send_message": _p("history", "draft of a message begun"),
    ("message", "send"): _p("history", "sent"),
    ("message", "send_test"): _p("history", "sent to oneself as a test"),
    ("message", "download"): _p("history", "attached file fetched"),
    ("message", "deliver"): _p("history", "put into the inboxes"),
    ("reminder", "done"): _p("history", "ticked off"),
    ("reminder", "reopen"): _p("history", "put back among what is to do"),
    "many": _("many attempts"),  # told behind "refused:"
}
# Tables that no screen shows, by the page on which their rows are made.
PAGES = {"students_apart": _("Possible duplicates"), "guardians_apart": _("Possible duplicates")}
# Pages that an inspector reads and that are no screen.
PAGES |= {"message_file": _("Files of messages"), "school_language": _("Languages of [the school]"), "label_mask": _("Field names by [programme]")}
PAGES |= {"home": _("Home"), "search": _p("history", "Search"), "account": _("My account")}
# What a whole batch is, however few its lines.
LOUD = frozenset({"merge", "change_year"})
LOUD_TABLES = frozenset({"school_language"})


def verb_words(verb: str, table: str) -> str:
    """A verb as people say it; a refusal says that it was refused."""
    if verb.startswith("refused_"):
        return gettext("refused: %(verb)s", verb=verb_words(verb.removeprefix("refused_"), table))
    known = WORDS.get((table, verb)) or WORDS.get(verb)
    if known is not None:
        return str(known)
    screen = screens().get(table)
    return str(screen.verbs[verb].text if screen is not None and verb in screen.verbs else verb.replace("_", " "))


def table_words(table: str) -> str:
    """A table by the name of its screen."""
    screen = screens().get(table)
    return str(screen.name if screen is not None else PAGES.get(table, table))


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
    (verb, table), n = max(counts.items(), key=lambda item: (item[0][0] in LOUD or item[0][1] in LOUD_TABLES, item[1], item[0][0] not in QUIET))
    return ngettext("%(table)s: %(verb)s (%(num)d row)", "%(table)s: %(verb)s (%(num)d rows)", n, table=table_words(table), verb=verb_words(verb, table))


def subjects(lines: Iterable[JournalEvent]) -> dict[tuple[str, int | None], tuple[str, str]]:
    """(table, row) -> (name, address) of the rows that exist for this person, one query a table; of deleted ones the name they had, no address."""
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
        for row in db.session.scalars(select(model).where(model.id.in_(ids)).options(*named_by(model))):
            found[table, row.id] = (sentence([row]) if model is JournalEvent else name_of(row), url_for(f"{table}.details_view", id=row.id))
        wanted[table] = {i for i in ids if (table, i) not in found}
    return found | _deleted({table: ids for table, ids in wanted.items() if ids})


def _deleted(gone: dict[str, set[int]]) -> dict[tuple[str, int | None], tuple[str, str]]:
    """The same for deleted rows, from their snapshots; one query for all tables. Whoever reads less than the whole table reads the names of
    those that they deleted themselves: nothing says any more whose the others were. A number that served twice names nobody.
    """
    c, who = JournalChange, WHO.get()
    about = [
        (c.table_name == table) & c.row_id.in_(ids) & (true() if reach(who.roles, table) == "all" else c.user_id == who.eyes)
        for table, ids in gone.items()
        if (screen := screens().get(table)) is not None and screen.is_accessible()
    ]
    if not about:
        return {}
    names: dict[tuple[str, int | None], set[str]] = {}
    statement = select(c.table_name, c.row_id, c.title).where(or_(*about), c.field == DELETED, c.after.is_(None), c.title != "")
    for table, row_id, title in db.session.execute(statement):
        names.setdefault((table, row_id), set()).add(title)
    return {row: (titles.pop(), "") for row, titles in names.items() if len(titles) == 1}


def about(line: JournalEvent) -> str:
    """The name of the row of a line, also of a deleted one; its number when nothing tells its name, or not to this reader."""
    if line.row_id is None:
        return ""
    if "about_rows" not in g:  # the page of one line
        g.about_rows = subjects([line])
    name, _url = g.about_rows.get((line.table_name, line.row_id), ("", ""))
    return name or gettext("no. %(number)d", number=line.row_id)


class JournalEvents(UndoPages, TrashPages, Screen):
    """Read only, append-only: who did what, when; and from here what can be taken back."""

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
    list_template = "admin/journal_event/list.html"
    column_formatters = {
        "verb": lambda _v, _c, line, _n: verb_words(line.verb, line.table_name),
        "table_name": lambda _v, _c, line, _n: table_words(line.table_name),
        "row_id": lambda _v, _c, line, _n: about(line),
    }

    def render(self, template: str, **kwargs: Any) -> str:
        """A line is called by what was done."""
        if isinstance(kwargs.get("model"), JournalEvent):
            kwargs.setdefault("record_title", sentence([kwargs["model"]]))
        return super().render(template, **kwargs)

    def shown(self) -> tuple[Any, ...]:
        """All lines of the school; their own, for whom the school lets read those only."""
        return (JournalEvent.user_id == WHO.get().eyes,) if reach(WHO.get().roles, self.table, "read") == "o" else ()

    def get_query(self) -> Any:
        """The same lines."""
        return super().get_query().filter(*self.shown())

    def prepare_rows(self, rows: list[Any]) -> None:
        """The names of what the lines are about, one query for each table."""
        g.about_rows = subjects(rows)

    def __init__(self) -> None:
        self.column_filters = (
            Contains(JournalEvent.who, _("Who"), "who"),
            Row(JournalEvent.user_id, _("Person"), "user_id", User, staff_of_school),
            SinceDay(JournalEvent.at, _("When"), "at"),
            UntilDay(JournalEvent.at, _("When"), "at"),
            Contains(JournalEvent.table_name, _("Table"), "table_name"),
            Contains(JournalEvent.batch, _("Batch"), "batch"),
        )
        super().__init__()

    def check_own(self, verb: str, row: Any) -> None:
        """The page of an undo says itself who may take that work back."""
        if verb != "undo":
            super().check_own(verb, row)

    @verb("undo", _("Undo"), whole=True, icon="undo")
    def undo_verb(self, selection: Any) -> Any:
        """The page that shows what undoing the work of a line will do, and what it will leave."""
        lines = list(selection.records()) if selection.count <= MOST_ROWS else []
        if len({line.batch for line in lines}) != 1:
            raise Refusal(_("One work is undone at a time. Choose one line."))
        found = find(db.session, lines[0].batch)
        if found is None or not may_undo(found):
            raise Refusal(_("Only its author undoes this work, for %(days)d days. Ask the site administrator."), days=KEPT.days)
        return redirect(undo_url(lines[0].batch), code=303)


def register(app: Flask, admin: Admin) -> None:
    """The screen of the history; and the way back beside the messages of what was just done."""
    admin.add_view(JournalEvents())
    app.after_request(offer_undo)
