"""What a session remembers of a table until its transaction ends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


def forget_with(key: str, model: type) -> None:
    """Throw away what stands under this key of `session.info` when the transaction ends, or a row of the model is written."""

    def forget(session: Session, *_rest: Any) -> None:
        session.info.pop(key, None)

    def forget_when_written(session: Session, _context: Any) -> None:
        if any(isinstance(row, model) for rows in (session.new, session.dirty, session.deleted) for row in rows):
            forget(session)

    event.listen(Session, "after_commit", forget)
    event.listen(Session, "after_soft_rollback", forget)
    event.listen(Session, "after_flush", forget_when_written)
