"""What undoing the work of a transfer, or its cancelling, may take back (models/undo.py).

Students who left by a transfer come back only when the other school no longer finds them: the transfer is cancelled with the departures,
both halves. What can no longer be cancelled keeps them away, so that nobody is active in two schools. A cancelled transfer stays cancelled.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.journal import JournalEvent, record
from models.rights import may
from models.scope import WHO
from models.transfer import Direction, Transfer, TransferStatus
from models.words import _

THERE = _("The other [school] has this transfer. Settle it with that [school].")
CANCELLED = _("The transfer was cancelled and stays so. Send it again.")
NOT_YOURS = _("Only who may cancel the transfer takes this back.")
WITHDRAWN = _("The transfer is cancelled: the other [school] no longer receives it.")
TAKEN = (TransferStatus.opened, TransferStatus.done, TransferStatus.undone)


def settle(session: Session, batch: str, *, write: bool) -> tuple[dict[int, Any], list[Any]]:
    """(student -> why this undo leaves them as they are, what it does beside), once a transfer that this batch made is cancelled, if `write`.

    Refused when the other school begins to work on it at the same moment.
    """
    held: dict[int, Any] = {}
    notes: list[Any] = []
    for one in _made_by(session, batch, write=write):
        if one.can_cancel and may(WHO.get().roles, "transfer", "cancel"):
            notes.append(WITHDRAWN)
            if write:
                one.withdraw()
                record(session, "cancel", "transfer", one.id)
        elif one.can_cancel or one.status in TAKEN:
            held |= dict.fromkeys((person["id"] for person in one.people), NOT_YOURS if one.can_cancel else THERE)
    e = JournalEvent
    gone = select(e.row_id).where(e.batch == batch, e.batch != "", e.table_name == "transfer", e.verb == "cancel")
    if cancelled := list(session.scalars(gone)) if not notes else []:
        for people in session.scalars(select(Transfer.people).where(Transfer.id.in_(cancelled), Transfer.direction == Direction.sent)):
            held |= dict.fromkeys((person["id"] for person in people), CANCELLED)
    return held, notes


def _made_by(session: Session, batch: str, *, write: bool) -> list[Transfer]:
    """The transfer whose job this batch is."""
    kind, _dash, number = batch.partition("-")
    if kind != "job" or not number.isdecimal():
        return []
    wanted = select(Transfer).where(Transfer.job_id == int(number), Transfer.direction == Direction.sent)
    return list(session.scalars(wanted.with_for_update() if write else wanted))
