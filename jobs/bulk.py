"""A verb of a screen on more rows than a person can wait for: all of them in one transaction, or none."""

from __future__ import annotations

from sqlalchemy import select

from jobs.registry import RIGHT_IN_PARAMS, Product, handler
from jobs.runner import Task
from models.base import Refusal
from models.db import db
from models.journal import record_rows
from models.packing import model_of, unpack
from models.reach import is_own, narrower
from models.rights import reach
from models.scope import SCOPE, WHO
from models.words import N_, _
from models.work import JobKind

STEP = 500


@handler(JobKind.bulk_verb, table=RIGHT_IN_PARAMS)
def bulk_verb(task: Task) -> Product | None:
    """Do the model's method of the same name on each row, as the person who asked. The first refusal undoes everything.

    A row that has gone since, or that the person no longer sees, is refused like any other.
    """
    table, verb, ids = task.params["table"], task.params["verb"], task.params["ids"]
    model = model_of(table)
    answers = {name: unpack(db.session, value) for name, value in task.params["answers"].items()}
    clause = narrower(model.__mapper__, SCOPE.get(), WHO.get().roles, verb)
    own_only = reach(WHO.get().roles, table, verb) == "o"
    for start in range(0, len(ids), STEP):
        piece = ids[start : start + STEP]
        statement = select(model).where(model.id.in_(piece))
        found = {row.id: row for row in db.session.scalars(statement if clause is None else statement.where(clause))}
        for identifier in piece:
            row = found.get(identifier)
            if row is None or (own_only and not is_own(row, WHO.get().user_id)):
                raise Refusal(_("One of the chosen records no longer exists for you. Nothing was changed: choose again."))
            getattr(row, verb)(**answers)
    record_rows(db.session, verb, table, ids)
    task.note = str(N_("%(num)d record changed.", "%(num)d records changed.", len(ids)))
    return None
