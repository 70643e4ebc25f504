"""What the steps of undoing share: which rows may be touched, how they are told, why one is left.

Each step reads what it would do and writes it only when asked to (`Steps.write`), so that what is shown first is what is done. Rows are
taken within the scope of the person who acts, in pieces of 500: memory stays flat, whatever the size of the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint, insert, select, tuple_
from sqlalchemy.orm import Mapper, Session

from models import staff_undo
from models.access import User
from models.base import Base
from models.changes import PIECE, Change, name_of, named_by, record_links, sides
from models.journal import JournalEvent, screen_of
from models.messages import Message, MessageState
from models.packing import model_of
from models.reach import narrower
from models.reminders import Reminder
from models.rights import POLICY, VERBS, may
from models.scope import SCOPE, WHO, unscoped
from models.student_accounts import nobodys
from models.undo_plan import Act, Line, Plan
from models.words import _

MADE = ("created", "restored")  # the verbs of the history by which a row comes to exist

# Tables whose rows undoing leaves, and why: their own screens have the rules.
LEFT: dict[str, Any] = {
    "user": _("Accounts are changed on their own screen."),
    "membership": _("Roles are given and withdrawn on their own screen."),
    "invitation": _("An invitation that has left is revoked on its own screen."),
}
# A link to choose a password goes with the account that it opens.
OWNED = frozenset({"reset_token"})
# Whose right decides where a table has none of its own: a language that the school has added, the names that a programme gives to fields, the files of a draft.
AS = {"school_language": "label", "label_mask": "label", "message_file": "message"}
# What follows a row without being work done on it: the lines of an import, the pairs said to be two people, the cause of a mail, a reminder.
FOLLOWS = frozenset({"import_row", "students_apart", "guardians_apart", "outgoing_mail", "message_recipient", "reminder"})
# Of these, what holds a row that it points to: who received a message is not forgotten by undoing.
_HOLDS = frozenset({"message_recipient"})

CHANGED = _("Somebody changed it since.")
ADDED = _("Something was added to it since.")
GONE = _("It no longer exists.")
OWNER_GONE = _("What it belonged to no longer exists.")
TAKEN = _("Another record has its number or its name now.")
FINAL = _("It cannot be brought back: what it held is kept nowhere else.")
NOT_YOURS = _("You may no longer change it.")
FORGOTTEN = _("Its earlier values are no longer kept.")
USED = _("This code was used, printed or sent.")
CLOSED = _("A code that was closed stays closed.")


def reads(table: str) -> bool:
    """Whether the person reads this screen: what a school has closed to a role is neither shown nor taken back here (rights.md, rule 5)."""
    return table not in POLICY or may(WHO.get().roles, table, "read")


def pieces(ids: Iterable[int]) -> Iterator[list[int]]:
    """The identifiers, 500 at a time."""
    known = list(ids)
    for start in range(0, len(known), PIECE):
        yield known[start : start + PIECE]


@cache
def pointing_to(table: Table) -> tuple[Column[Any], ...]:
    """The columns of all tables that point to this one."""
    return tuple(
        fk.parent
        for other in Base.metadata.tables.values()
        if other.name not in (FOLLOWS | OWNED) - _HOLDS
        for fk in sorted(other.foreign_keys, key=str)
        if fk.column.table is table
    )


@cache
def unique_keys(mapper: Mapper[Any]) -> tuple[tuple[str, ...], ...]:
    """The sets of attributes that no two rows share."""
    table = mapper.local_table
    found = [tuple(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]  # type: ignore[attr-defined]
    found += [tuple(i.columns) for i in table.indexes if i.unique and not i.dialect_kwargs]  # type: ignore[attr-defined]
    return tuple(sorted({tuple(mapper.get_property_by_column(c).key for c in columns) for columns in found}))


class Steps:
    """The state of one undo: what it has done, or would have done, so far."""

    def __init__(self, session: Session, plan: Plan, *, write: bool) -> None:
        self.session, self.plan, self.write = session, plan, write
        self.back: dict[Table, set[int]] = defaultdict(set)  # rows brought back
        self.removed: dict[Table, set[int]] = defaultdict(set)
        self.made: dict[Table, set[int]] = {}  # rows that the batch made and that are to be removed
        self.waiting: dict[str, list[int]] = defaultdict(list)  # rows whose number or name one of those still has
        self.freed: dict[Column[Any], set[int]] = defaultdict(set)  # rows whose column no longer points where it did
        self.parted: dict[Table, set[tuple[int, int]]] = defaultdict(set)  # links taken away
        self.late: dict[str, list[int]] = defaultdict(list)  # rows that go back once the registrations are as they will be
        self.kinds: dict[tuple[int, str], int | None] = {}  # (course, group) -> kind of recognition, of lines that this undo touched (models/undo_marks.py)
        self.followers: set[int] = set()  # students whose guardians changed
        self.held: dict[int, Any] = {}  # students whom a transfer keeps as they are, and why
        self.by_import = False
        self.accounts = False  # of students: models/student_undo.py
        self.first = 0  # the first line of the batch in the history

    # -- what is common

    def may_touch(self, table: str) -> bool:
        """Whether the person still may write on this table; what an import wrote is taken back by whoever may undo it."""
        roles, table = WHO.get().roles, AS.get(table, table)
        if self.left(table) is not None:
            return False
        if self.by_import or table in FOLLOWS or (table == "user" and self.accounts):
            return True
        if not reads(table):
            return False
        return any(may(roles, table, verb) for verb in ("create", "edit", "delete", *VERBS.get(table, ())))

    def left(self, table: str) -> Any:
        """Why undoing leaves the rows of this table; None where it does not: those of an import of staff (models/staff_undo.py), accounts
        opened for students (models/student_undo.py)."""
        own = staff_undo.covers(table, by_import=self.by_import) or (table == "user" and self.accounts)
        return None if own else LEFT.get(table)

    def rows(self, model: Any, ids: Sequence[int]) -> dict[int, Any]:
        """The rows that exist for this person and that they may change, by identifier; none that has the number of another by now."""
        statement = select(model).where(model.id.in_(set(ids) - self.others(model, ids)))
        if model is Message:  # what was sent stays as it was sent
            statement = statement.where(Message.state == MessageState.draft)
        if model is User and not self.left("user"):
            with unscoped("an account whose role was withdrawn a moment ago stands in no school"):
                return {row.id: row for row in self.session.scalars(statement.where(User.id.in_(self.made.get(User.__table__, ()))))}  # type: ignore[call-overload]
        if model is Reminder:  # it goes where its student goes, whoever wrote it down
            with unscoped("a note that its author alone reads follows its student"):
                return {row.id: row for row in self.session.scalars(statement)}
        clause = narrower(model.__mapper__, SCOPE.get(), WHO.get().roles, "edit")
        found = self.session.scalars(statement if clause is None else statement.where(clause))
        return {row.id: row for row in found}

    def others(self, model: Any, ids: Iterable[int]) -> set[int]:
        """The numbers that are another record's since. No number is given twice any more; the history of a school may be older than that."""
        e = JournalEvent
        since = (e.table_name == screen_of(model.__mapper__), e.verb == "created", e.id > self.first, e.batch != self.plan.batch)
        return {i for some in pieces(ids) for i in self.session.scalars(select(e.row_id).where(e.row_id.in_(some), *since)) if i}

    def standing(self, table: Table, ids: Iterable[int]) -> set[int]:
        """Which of these rows exist at all, whoever asks: a number is taken or not."""
        return {i for some in pieces(ids) for i in self.session.scalars(select(table.c.id).where(table.c.id.in_(some)))}

    def tell(self, act: Act, table: str, found: Sequence[tuple[int, tuple[Change, ...], Any]], rows: dict[int, Any] | None = None) -> None:
        """Count rows (identifier, fields, reason) and show the first of them by name."""
        room = self.plan.add(act, table, len(found)) if found and table not in FOLLOWS else 0
        shown = found[:room]
        model, rows = model_of(table), rows or {}
        options = named_by(model)
        if shown and options and rows:  # the names of others, in one query
            for row in self.session.scalars(select(model).where(model.id.in_([i for i, *_rest in shown])).options(*options)):
                rows[row.id] = row
        if not reads(table):
            self.plan.lines += [Line(act, table, i, "", (), reason) for i, _fields, reason in shown]
            return
        self.plan.lines += [Line(act, table, i, name_of(rows[i]) if i in rows else "", fields, reason) for i, fields, reason in shown]

    def forget(self, rows: Iterable[Any]) -> None:
        """Written or read rows leave the session."""
        if self.write:
            self.session.flush()
        for row in rows:
            if row in self.session:
                self.session.expunge(row)

    def alive(self, target: Table, ids: set[int]) -> set[int]:
        """Which of these rows may be pointed to: those that exist for the person, or are brought back just now."""
        mapper = next(m for m in Base.registry.mappers if m.local_table is target)
        seen = {i for some in pieces(ids) for i in self.session.scalars(select(mapper.class_.id).where(mapper.class_.id.in_(some)))}
        if mapper.class_ is User:  # the account of a student who was deleted, or merged into another, waits for its record
            seen |= nobodys(self.session, ids - seen)
        return seen | (self.back[target] & ids)

    def taken(self, mapper: Mapper[Any], rows: list[dict[str, Any]]) -> dict[tuple[str, ...], set[tuple[Any, ...]]]:
        """Unique set of attributes -> the values of these rows that another row has, whoever may see it."""
        found = {}
        for keys in unique_keys(mapper):
            wanted = [values for row in rows if None not in (values := tuple(row.get(k) for k in keys))]
            columns = [mapper.attrs[k].columns[0] for k in keys]
            if wanted:
                there = self.session.execute(select(mapper.local_table.c.id, *columns).where(tuple_(*columns).in_(wanted)))
                given_back = {i for column in columns for i in self.freed[column]} | self.removed[mapper.local_table]  # type: ignore[index]  # by this undo
                found[keys] = {tuple(line[1:]) for line in there if line[0] not in given_back}
        return found

    def join(self, secondary: Table, pairs: set[tuple[int, int]]) -> None:
        """Write links that are not there."""
        first = sides(secondary)[0]
        there = set()
        for some in pieces({pair[0] for pair in pairs}):
            there |= {tuple(line) for line in self.session.execute(select(first.here, first.there).where(first.here.in_(some)))}
        if come := sorted(pairs - there):
            self.session.execute(insert(secondary), [{first.here.name: a, first.there.name: b} for a, b in come])
            record_links(self.session, secondary, [], come)
