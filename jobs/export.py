"""A spreadsheet of more rows than somebody waits for: the rows that the list showed when it was asked for, as far as they exist now."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from jobs.registry import RIGHT_IN_PARAMS, Product, handler
from jobs.runner import Task
from models.base import Refusal
from models.custom import read_specs
from models.db import BEGIN, db
from models.export import CHUNK, XLSX, Reader, piece_of, readers, write_book
from models.packing import model_of
from models.reach import narrower
from models.school import School
from models.scope import SCOPE, WHO
from models.wording import Wording
from models.words import _
from models.work import JobKind


@handler(JobKind.export, table=RIGHT_IN_PARAMS)
def export(task: Task) -> Product:
    """Write the file in the words of whoever asked, who must still have the right to export; rows out of their reach are left out."""
    model, names = model_of(task.params["table"]), task.params["columns"]
    zone = ZoneInfo(db.session.get_one(School, task.school_id).time_zone)
    specs = {spec.name: spec for spec in read_specs(db.session, task.school_id).get(task.params["table"], ())}
    found = readers(db.session, model, names, Wording(task.language, lambda: zone), specs)
    if found is None:
        raise Refusal(_("One of the columns is no longer there. Open the list, then export it again."))
    target = io.BytesIO()
    write_book(target, task.params["headings"], _rows(task, model, found), task.params.get("title", ""))
    return Product(task.params["name"], XLSX, target.getvalue())


def _rows(task: Task, model: Any, found: list[Reader]) -> Iterator[list[Sequence[str]]]:
    """Piece by piece, each in a transaction that only reads; how far it is stands in between."""
    ids = task.params["ids"]
    query = db.session.query(model)
    clause = narrower(model.__mapper__, SCOPE.get(), WHO.get().roles, "export")
    if clause is not None:
        query = query.filter(clause)
    for start in range(0, len(ids), CHUNK):
        db.session.rollback()
        token = BEGIN.set("DEFERRED")
        try:
            piece = piece_of(db.session, query, model, ids[start : start + CHUNK], found)
            db.session.rollback()
        finally:
            BEGIN.reset(token)
        yield piece
        task.progress(min(start + CHUNK, len(ids)))
