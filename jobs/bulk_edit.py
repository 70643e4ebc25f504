"""A change of one field on more rows than a person can wait for: the same code as on the page, in one transaction."""

from __future__ import annotations

from sqlalchemy import select

from jobs.registry import RIGHT_IN_PARAMS, Product, handler
from jobs.runner import Task
from models.base import Refusal
from models.bulk_edit import BulkEdit, apply
from models.db import db
from models.words import N_, _
from models.work import JobKind


@handler(JobKind.bulk_edit, table=RIGHT_IN_PARAMS)
def bulk_edit(task: Task) -> Product | None:
    """Do what was asked for, as the person who asked, with their rights of today; rows that were changed meanwhile are left and counted."""
    edit = db.session.scalar(select(BulkEdit).where(BulkEdit.id == task.params["edit_id"], BulkEdit.requested_by_id == task.user_id))
    if edit is None:
        raise Refusal(_("What was asked for is no longer kept. Start again from the list."))
    apply(db.session, edit)
    told = [str(N_("%(num)d record changed.", "%(num)d records changed.", edit.changed))]
    left = edit.left_count
    if left:
        told.append(str(N_("%(num)d was left as it is.", "%(num)d were left as they are.", left)))
    task.note = " ".join(told)
    return None
