"""Exports: the list's own rows and columns, streamed, formulas neutralised, one line in the history.

A CSV leaves row by row, whatever its length. A spreadsheet of more than 5,000 rows is made by a job.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import Response, abort, redirect, request, send_file, stream_with_context, url_for
from sqlalchemy import select

from models.base import Refusal, today
from models.db import BEGIN, db
from models.export import CHUNK, XLSX, Reader, csv_of, pieces, readers, write_book
from models.journal import record
from models.scope import SCOPE, WHO, Actor, acting
from models.work import Job, JobKind, JobState
from views.attachments import attach
from views.formats import show, wording, zone
from views.i18n import gettext
from views.i18n import lazy_gettext as _

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from views.base import Screen

AT_ONCE = 5_000  # rows of a spreadsheet that somebody waits for
MOST_AT_ONCE = 5  # long spreadsheets that one person may have under way
Pieces = Iterator[list[Sequence[str]]]


def download_name(screen: Screen, kind: str) -> str:
    """A name people recognise: Élèves_2026-11-22.csv."""
    return f"{screen.name}_{today(zone().key).isoformat()}.{kind}"


def export(screen: Screen, kind: str) -> ResponseReturnValue:
    """The rows that match, as CSV (UTF-8 with BOM, `;`) or XLSX. 303 to the job's page for a long spreadsheet."""
    if kind not in screen.export_types:
        abort(404)
    # An export writes a line of history, and a long one asks for work: a link on another site starts neither.
    if request.method == "HEAD" or request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        abort(400)
    columns = [(name, str(label)) for name, label in screen._export_columns]
    count, query = screen.matching("export")
    if kind == "xlsx" and count > AT_ONCE:
        return _later(screen, columns, count, query)
    with writing(screen, count):
        pass
    headings = [label for _name, label in columns]
    name = download_name(screen, kind)
    rows = _rows(screen, [name for name, _label in columns])
    if kind == "xlsx":
        return send_file(_book(headings, rows, str(screen.name)), mimetype=XLSX, as_attachment=True, download_name=name)
    response = Response(stream_with_context(for_same(WHO.get(), SCOPE.get(), lines_of(headings, rows))), mimetype="text/csv; charset=utf-8")
    return attach(response, name)


@contextmanager
def writing(screen: Screen, count: int, row_id: int | None = None) -> Iterator[None]:
    """A short transaction before the first byte leaves, with the line in the history: a GET only reads otherwise."""
    db.session.rollback()
    token = BEGIN.set("IMMEDIATE")
    try:
        record(db.session, "exported", screen.table, row_id, rows=count)
        yield
        db.session.commit()
    finally:
        BEGIN.reset(token)


# --- rows ------------------------------------------------------------------------------------------------------------------------


def plain_readers(screen: Screen, names: list[str]) -> list[Reader] | None:
    """How the models read these columns; None when the screen words one of them itself."""
    specs = {spec.name: spec for spec in screen.extra_specs()}
    return readers(db.session, screen.model, names, wording(), specs, screen.column_formatters_export or {})


def _rows(screen: Screen, names: list[str]) -> Pieces:
    """The rows as text, piece by piece. The query is made as the first piece is read: its session is then the stream's own, closed with it."""
    plain = plain_readers(screen, names)
    query = screen.listed_query("export")
    if plain is not None:
        yield from pieces(db.session, query, screen.model, plain)
        return
    ids = db.session.execute(query.with_entities(screen.model.id).statement, execution_options={"yield_per": CHUNK})
    for part in ids.partitions():
        loaded = screen.rows_of([row[0] for row in part], *screen.export_joins())
        yield [[str(show(screen.get_export_value(row, name))) for name in names] for row in loaded]
        db.session.expunge_all()


def for_same(who: Actor, scope: Any, pieces: Iterator[str]) -> Iterator[str]:
    """The stream is read after the request has ended and its scope is gone: it goes on for the same person, reading only."""
    begin = BEGIN.set("DEFERRED")
    try:
        with acting(who, scope):
            yield from pieces
    finally:
        BEGIN.reset(begin)


def lines_of(headings: list[str], rows: Pieces) -> Iterator[str]:
    """The headings leave at once: the person sees the download begin."""
    yield f"\ufeff{csv_of([headings])}"
    for piece in rows:
        if piece:
            yield csv_of(piece)


def _book(headings: list[str], rows: Pieces, title: str) -> Any:
    target = tempfile.TemporaryFile()  # noqa: SIM115 (send_file closes it)
    write_book(target, headings, rows, title)
    target.seek(0)
    return target


# --- long spreadsheets -----------------------------------------------------------------------------------------------------------


def _later(screen: Screen, columns: list[tuple[str, str]], count: int, query: Any) -> ResponseReturnValue:
    """A job makes the file: it is given the rows in their order, the columns and their words. Refused where only the screen words them."""
    names = [name for name, _label in columns]
    if plain_readers(screen, names) is None:
        raise Refusal(_("More than %(num)d rows of this list cannot be written as XLSX. Export it as CSV, or filter it first."), num=AT_ONCE)
    ids = [row[0] for row in screen.listed_query("export").with_entities(screen.model.id)]
    params = {
        "table": screen.table,
        "verb": "export",
        "ids": ids,
        "columns": names,
        "headings": [label for _name, label in columns],
        "name": download_name(screen, "xlsx"),
        "title": str(screen.name),
    }
    waiting = _waiting(params, len(ids))
    if waiting is not None:
        return redirect(url_for("job.details_view", id=waiting), code=303)
    with writing(screen, count):
        job = Job.add(JobKind.export, params, total=len(ids), note=gettext("%(name)s, XLSX", name=str(screen.name)))
        db.session.flush()
        job_id = job.id
    return redirect(url_for("job.details_view", id=job_id), code=303)


def _waiting(params: dict[str, Any], total: int) -> int | None:
    """The person's own operation that prepares this very file already; None when there is none. Refused: too many of them at once."""
    open_ones = (Job.kind == JobKind.export, Job.requested_by_id == WHO.get().user_id, Job.state.in_((JobState.waiting, JobState.running)))
    found = db.session.execute(select(Job.id, Job.total).where(*open_ones).limit(MOST_AT_ONCE)).all()
    for job_id, rows in found:
        if rows == total and db.session.scalar(select(Job.params).where(Job.id == job_id)) == params:
            return int(job_id)
    if len(found) == MOST_AT_ONCE:
        raise Refusal(_("%(num)d of your exports are being prepared. Wait for one of them, then ask again."), num=MOST_AT_ONCE)
    return None
