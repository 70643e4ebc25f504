"""Undoing more rows than a person can wait for: all of them in one transaction, or none."""

from __future__ import annotations

from sqlalchemy import select

from jobs.registry import Product, handler
from jobs.runner import Task
from models.db import db
from models.undo import undo
from models.work import Job, JobKind


@handler(JobKind.undo_batch, table="journal_event", verb="undo")
def undo_batch(task: Task) -> Product | None:
    """Undo the batch as the person who asked, who must still be the one that may. The work of this job can be undone in its turn."""
    # The job's own row is held until the end, so that no other runner takes a long write over (PostgreSQL; SQLite has one writer).
    db.session.execute(select(Job.id).where(Job.id == task.id).with_for_update())
    task.note = undo(db.session, str(task.params["batch"])).sentence
    return None
