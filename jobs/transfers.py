"""Handing a transfer over: everything that travels is gathered, sealed or put into the other school's list, in one transaction."""

from __future__ import annotations

from jobs.registry import handler
from jobs.runner import Task
from models.base import Refusal
from models.db import db
from models.transfer import Transfer
from models.words import N_
from models.work import JobKind


@handler(JobKind.transfer, table="student", verb="transfer")
def deliver(task: Task) -> None:
    """Do it, or say why not on the transfer itself; then nobody has left."""
    number = task.params["transfer_id"]
    one = db.session.get_one(Transfer, number, with_for_update=True)
    try:
        one.deliver()
        db.session.flush()
        task.note = str(N_("%(num)d [student] transferred.", "%(num)d [students] transferred.", one.count))
    except Refusal as refusal:
        db.session.rollback()
        db.session.get_one(Transfer, number).give_up(refusal.sentence)
        task.note = refusal.sentence
