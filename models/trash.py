"""The trash: what was deleted in the last thirty days, and how it comes back, with what went with it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import Refusal, utcnow
from models.changes import DELETED, KEPT, WITH_OWNER, JournalChange, columns_of
from models.packing import model_of
from models.rights import POLICY, reach
from models.scope import WHO
from models.undo import Act, Plan, finish, in_order
from models.undo_back import Back
from models.undo_steps import LEFT, reads
from models.words import _


def deleted() -> Select[JournalChange]:
    """What the person who acts may bring back, the latest first: their own deletions, or everybody's in the school."""
    c, who = JournalChange, WHO.get()
    closed = [*LEFT, *(table for table in POLICY if not reads(table))]
    languages = select(c.batch).where(c.table_name == "school_language", c.field == DELETED)  # one comes back with its vocabulary: by undoing
    with_language = c.table_name.in_(("school_language", "label", "label_mask", "noun")) & c.batch.in_(languages)
    found = select(c).where(~with_language, c.field == DELETED, c.after.is_(None), c.at >= utcnow() - KEPT, c.table_name.not_in(closed)).order_by(c.id.desc())
    return found if reach(who.roles, "journal_event", "restore") == "all" else found.where(c.user_id == who.user_id, c.user_id.is_not(None))


def restore(session: Session, change_id: int) -> Plan:
    """Bring back one deleted row, under its number, with what went with it; in the caller's transaction.

    Refused with the reason: nobody's to restore or back already, a number or a name taken since, what it belonged to gone.
    What went with it and cannot come back is left, and told in the plan.
    """
    root = session.scalar(deleted().where(JournalChange.id == change_id).with_for_update())
    if root is None:
        raise Refusal(_("This record is not in the trash: it is back already, or was deleted too long ago."))
    steps = Back(session, Plan(root.batch), write=True)
    wanted: dict[str, list[int]] = defaultdict(list, {root.table_name: [root.id]})
    for table, number in _with(session, root):
        wanted[table].append(number)
    try:
        with session.no_autoflush:
            steps.bring_back(root.table_name, [root.id])
            if refused := steps.plan.of(Act.keep):
                raise Refusal(_("%(name)s cannot come back. %(reason)s"), name=root.title, reason=str(refused[0].reason))
            for table in in_order(wanted):
                steps.bring_back(table, [number for number in wanted[table] if number != root.id])
                steps.rejoin(table, wanted[table])
            finish(session, steps, wanted)
        session.flush()
    except IntegrityError as problem:
        raise Refusal(_("%(name)s cannot come back: another record has its number or its name now."), name=root.title) from problem
    return steps.plan


def _with(session: Session, root: JournalChange) -> list[tuple[str, int]]:
    """The rows that went with this one, and with these: (screen, change)."""
    c = JournalChange
    waiting: list[Any] = list(
        session.execute(select(c.id, c.table_name, c.row_id, c.before).where(c.batch == root.batch, c.field == WITH_OWNER, c.after.is_(None)).order_by(c.id))
    )
    owners, found = {(model_of(root.table_name).__table__, root.row_id)}, []
    grew = True
    while grew:
        grew, rest = False, list[Any]()
        for number, table, row_id, before in waiting:
            model: Any = model_of(table)
            targets = {(fk.column.table, (before or {}).get(key)) for key, column in columns_of(model.__mapper__).items() for fk in column.foreign_keys}
            if targets & owners:
                owners.add((model.__table__, row_id))
                found.append((table, number))
                grew = True
            else:
                rest.append((number, table, row_id, before))
        waiting = rest
    return found
