"""The change of school year, by one job: all of it in one transaction and one batch, or nothing."""

from __future__ import annotations

from jobs.registry import Product, handler
from jobs.runner import Task
from models.db import db
from models.work import JobKind
from models.year_change import Choices, change_year, done_words


@handler(JobKind.change_year, table="school_year", verb="change_year")
def change_of_year(task: Task) -> Product | None:
    """Do what was confirmed, unless something was changed since: then nothing is written, and the job says so."""
    plan = change_year(db.session, Choices.unpacked(task.params["choices"]), dry_run=False, digest=task.params["digest"])
    task.note = " ".join(done_words(plan))
    return None
