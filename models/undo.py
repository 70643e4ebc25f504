"""Undoing a batch: one request, one import, one piece of long work, taken back as far as nobody has gone on from it.

Rows only, never a mail, a print or a used code (features section 0). By its author for thirty days, by the site administrator always;
an import also by whoever may undo imports. What somebody changed since is left and told. An undo is a batch like any other: it can be
undone in its turn.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, union
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.activation import ActivationCode
from models.base import Base, Refusal, utcnow
from models.changes import KEPT, SNAPSHOTS, UNRECORDED, Change, JournalChange, columns_of
from models.imports import Import, note_undo
from models.journal import JournalEvent, collections_of, record
from models.labels import renew_stamp
from models.packing import model_of
from models.rights import may, reach
from models.scope import WHO
from models.search import renew_students
from models.student_undo import covers
from models.transfer_undo import settle
from models.undo_back import Back
from models.undo_marks import settle_outcomes
from models.undo_plan import Act, Line, Plan
from models.undo_remove import Removal
from models.undo_steps import CHANGED, FOLLOWS, GONE, LEFT, MADE
from models.undo_values import Values, put_back, value_now
from models.words import _

__all__ = ["Act", "Batch", "Line", "Plan", "find", "may_undo", "plan", "revert", "undo", "undoable"]

MANY = 500  # rows above which the work goes to the runner


@dataclass(frozen=True)
class Batch:
    """A batch as the history tells it: its first line's identifier and hour, its author, how many rows, whether an import wrote it.

    `asks` are the verbs of `import_` that such an import asks for beside the usual ones.
    """

    name: str
    first: int
    user_id: int | None
    who: str
    at: dt.datetime
    rows: int
    by_import: bool
    asks: frozenset[str] = frozenset()


class _Undo(Back, Values, Removal):
    """All the steps, in their order."""


def find(session: Session, batch: str) -> Batch | None:
    """The batch of this name in the current school; None when there is none."""
    e = JournalEvent
    first = session.scalar(select(e).where(e.batch == batch, e.batch != "").order_by(e.id).limit(1))
    if first is None:
        return None
    rows = session.scalar(select(func.count(e.id)).where(e.batch == batch, e.row_id.is_not(None))) or 0
    rows += session.scalar(select(func.count(ActivationCode.id)).where(ActivationCode.batch == batch)) or 0
    imported = session.scalar(select(e.id).where(e.batch == batch, e.table_name == "import_", e.verb == "confirm", e.batch.like("job-%")).limit(1))
    asks = frozenset(verb for one in session.scalars(select(Import).where(Import.batch == batch)) for verb in one.asks) if imported else frozenset[str]()
    return Batch(batch, first.id, first.user_id, first.who, first.at, rows, imported is not None, asks)


def may_undo(found: Batch) -> bool:
    """Whether the person who acts may undo this batch: their own for thirty days, everybody's for who reaches them all."""
    who = WHO.get()
    if any(not may(who.roles, "import_", verb) for verb in found.asks):
        return False
    far = {reach(who.roles, "journal_event", "undo")}
    if found.by_import:
        far.add(reach(who.roles, "import_", "undo"))
    return "all" in far or ("o" in far and who.user_id is not None and found.user_id == who.user_id and found.at >= utcnow() - KEPT)


def undoable(session: Session, batches: Iterable[str]) -> set[str]:
    """Of these batches, those that wrote rows which can be taken back; one query. Whose they are is not asked here."""
    names = [name for name in batches if name]
    if not names:
        return set()
    e, c, a = JournalEvent, JournalChange, ActivationCode
    untouched = {*UNRECORDED, *LEFT}
    made = select(e.batch).where(e.batch.in_(names), e.verb.in_(MADE), e.table_name.not_in(untouched))
    changed = select(c.batch).where(c.batch.in_(names), c.table_name.not_in(untouched), or_(c.field.not_in(SNAPSHOTS), c.after.is_(None)))
    coded = select(a.batch).where(a.batch.in_(names))
    return set(session.scalars(union(made, changed, coded)))


def undone(session: Session, found: Batch) -> JournalEvent | None:
    """The last undo of this batch, if it was ever undone."""
    e = JournalEvent
    return session.scalar(select(e).where(e.table_name == "journal_event", e.row_id == found.first, e.verb == "undo").order_by(e.id.desc()).limit(1))


def plan(session: Session, batch: str) -> Plan:
    """What undoing this batch would do now, and what it would leave; reads only. Refused: an unknown batch, one of somebody else."""
    return _run(session, _checked(session, batch), write=False)


def undo(session: Session, batch: str) -> Plan:
    """Do it, in the caller's transaction. Refused as `plan` is, when there is nothing (left) to undo, or two people do it at once."""
    found = _checked(session, batch)
    session.execute(select(JournalEvent.id).where(JournalEvent.id == found.first).with_for_update())
    try:
        done = _run(session, found, write=True)
        session.flush()
    except (StaleDataError, IntegrityError) as problem:
        raise Refusal(_("Somebody changed one of these records at the same moment. Nothing was undone: look again, then undo.")) from problem
    if not done.total:
        raise nothing_left(session, found)
    record(session, "undo", "journal_event", found.first, rows=done.total)
    note_undo(session, batch)
    return done


def nothing_left(session: Session, found: Batch) -> Refusal:
    """Why there is nothing to undo."""
    last = undone(session, found)
    if last is not None:
        return Refusal(_("%(who)s has undone this already. There is nothing left to undo."), who=last.who)
    return Refusal(_("There is nothing to undo here."))


def _checked(session: Session, batch: str) -> Batch:
    found = find(session, batch)
    if found is None:
        raise Refusal(_("This work is not in the history."))
    if not may_undo(found):
        raise Refusal(_("Only its author undoes this work, for %(days)d days. Ask the site administrator."), days=KEPT.days)
    return found


def _by_table(session: Session, statement: Any, left: frozenset[str] = UNRECORDED) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for table, number in session.execute(statement):
        if table not in left:
            found[table].append(number)
    return found


def _run(session: Session, found: Batch, *, write: bool) -> Plan:
    e, c, batch = JournalEvent, JournalChange, found.name
    made = _by_table(session, select(e.table_name, e.row_id).where(e.batch == batch, e.verb.in_(MADE)).order_by(e.id))
    if codes := list(session.scalars(select(ActivationCode.id).where(ActivationCode.batch == batch).order_by(ActivationCode.id))):
        made["activation_code"] = codes
    own = {(table, i) for table, ids in made.items() for i in ids}
    lost: dict[str, list[int]] = defaultdict(list)
    for table, row_id, number in session.execute(
        select(c.table_name, c.row_id, c.id).where(c.batch == batch, c.field.in_(SNAPSHOTS), c.after.is_(None)).order_by(c.id)
    ):
        if (table, row_id) not in own:  # what came and went within the batch never was
            lost[table].append(number)
    values = select(c.table_name, c.row_id).where(c.batch == batch, c.field.not_in(SNAPSHOTS)).distinct().order_by(c.row_id)
    edited = _by_table(session, values, UNRECORDED - FOLLOWS)
    steps = _Undo(session, Plan(batch, found.who, found.at), write=write)
    steps.by_import, steps.first, steps.accounts = found.by_import, found.first, covers(session, batch)
    steps.made = {model_of(table).__table__: set(ids) for table, ids in made.items()}
    steps.held, beside = settle(session, batch, write=write)
    with session.no_autoflush:
        for table in in_order({*lost, *edited}):  # values first: a number that an edited row took is free again for the row that had it
            steps.restore(table, batch, [i for i in edited[table] if (table, i) not in own])
            steps.bring_back(table, lost[table])
        if write:
            for table in in_order(lost):
                steps.rejoin(table, lost[table])
        if found.at < utcnow() - KEPT:
            old = _by_table(session, select(e.table_name, e.row_id).where(e.batch == batch, e.verb == "edited").distinct())
            for table, ids in old.items():
                steps.forgotten(table, [i for i in ids if (table, i) not in own])
        for secondary in {relation.secondary for mapper in Base.registry.mappers for _key, relation in collections_of(mapper)}:
            steps.regroup(secondary, batch)  # type: ignore[arg-type]
        steps.remove(made, batch, found.at, steps.settle)
        steps.restore_late(batch)
        if write:
            finish(session, steps, {*lost, *made})
    steps.plan.notes = beside + _notes(session, batch, steps.plan)
    return steps.plan


def in_order(tables: Iterable[str]) -> list[str]:
    """Screens' names so that what is pointed to comes before what points."""
    order = {table: place for place, table in enumerate(Base.metadata.sorted_tables)}
    return sorted(tables, key=lambda name: order[model_of(name).__table__])


def finish(session: Session, steps: Back, tables: Iterable[str]) -> None:
    """What listeners do for rows that are written one by one: search keys of the students whose guardians changed, what
    registrations come to, the stamp of the words."""
    student = model_of("student").__table__
    renew_students(session, sorted(steps.followers - steps.removed[student]))
    settle_outcomes(steps)
    if any(table in ("label", "noun") or getattr(model_of(table), "__renews_stamp__", False) for table in tables):
        renew_stamp(session)


def _notes(session: Session, batch: str, made: Plan) -> list[Any]:
    """What undoing never reaches, where the batch holds some of it."""
    e = JournalEvent
    verbs = {tuple(row) for row in session.execute(select(e.table_name, e.verb).where(e.batch == batch).distinct())}
    notes = []
    if ("outgoing_mail", "created") in verbs:
        notes.append(_("The mails that were written stay."))
    if ("message", "send") in verbs:
        notes.append(_("The messages that were sent stay with those who received them."))
    if any("print" in verb for _table, verb in verbs):
        notes.append(_("What was printed stays printed."))
    if (Act.remove, "activation_code") in made.counts:
        notes.append(_("Codes that are removed cannot be brought back: new ones are created instead."))
    return notes


def revert(session: Session, change_id: int) -> tuple[Any, Change]:
    """Give one field the value it had before a change; the row and the change. In the caller's transaction.

    Whoever may edit the record may do it. Refused: a value that is no longer kept, a row that is gone, a field that changed since,
    a number or a name that another record has now.
    """
    line = session.scalar(select(JournalChange).where(JournalChange.id == change_id, JournalChange.field.not_in(SNAPSHOTS)))
    if line is None or line.field.partition(".")[0] not in columns_of(model_of(line.table_name).__mapper__):
        raise Refusal(_("This value is no longer kept: there is nothing to take back."))
    if line.table_name in LEFT:
        raise Refusal(LEFT[line.table_name])
    steps = _Undo(session, Plan(line.batch), write=True)
    steps.first = session.scalar(select(func.min(JournalEvent.id)).where(JournalEvent.batch == line.batch)) or 0
    rows = steps.rows(model_of(line.table_name), [line.row_id])
    if not rows:
        raise Refusal(GONE)
    row, change = rows[line.row_id], Change(line.row_id, line.field, line.before, line.after)
    if value_now(row, line.field) != line.after:
        raise Refusal(CHANGED)
    todo, reasons = {row.id: [change]}, dict[int, Any]()
    steps.check(type(row).__mapper__, rows, todo, reasons)
    if reasons:
        raise Refusal(reasons[row.id])
    put_back(row, line.field, todo[row.id][0].before)
    session.flush()
    return row, change
