"""Exports: the list's own rows and columns, streamed, formulas neutralised, one line in the history."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import xlsxwriter
from flask import Response, abort, request, send_file, stream_with_context

from models.base import today
from models.db import BEGIN, db
from models.journal import record
from models.scope import SCOPE
from views.formats import show, zone

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from views.base import Screen

CHUNK = 500
# Excel runs a cell that begins so, also after a quote or a full-width sign (security case 76).
_FORMULA = re.compile(r"^[\"']?[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")


def neutral(value: Any) -> str:
    """A cell as text that no spreadsheet runs: formulas get an apostrophe, plain numbers stay."""
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def download_name(screen: Screen, kind: str) -> str:
    """A name people recognise: Élèves_2026-11-22.csv."""
    return f"{screen.name}_{today(zone().key).isoformat()}.{kind}"


def export(screen: Screen, kind: str) -> ResponseReturnValue:
    """The rows that match, as CSV (UTF-8 with BOM, `;`) or XLSX."""
    if kind not in screen.export_types:
        abort(404)
    count, query = screen.matching("export")
    headings = [neutral(label) for _column, label in screen._export_columns]
    _write_history(screen, count)
    _count, query = screen.matching("export")
    rows = _rows(screen, _ids(screen, query))
    if kind == "xlsx":
        return _xlsx(screen, headings, rows)
    response = Response(stream_with_context(_for_same(SCOPE.get(), _csv(headings, rows))), mimetype="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=download_name(screen, "csv"))
    return response


def _write_history(screen: Screen, count: int) -> None:
    """In its own short transaction, before the first byte leaves: a GET only reads otherwise."""
    db.session.rollback()
    token = BEGIN.set("IMMEDIATE")
    try:
        record(db.session, "exported", screen.table, rows=count)
        db.session.commit()
    finally:
        BEGIN.reset(token)


def _ids(screen: Screen, query: Any) -> list[int]:
    """In the list's order. Read before the stream begins: the query belongs to the request's session, which nobody would close any more."""
    sort = screen._get_column_by_idx(request.args.get("sort", type=int))
    query, _joins = screen._apply_sorting(query.order_by(None), {}, sort[0] if sort else None, bool(request.args.get("desc")))
    return [row[0] for row in query.with_entities(screen.model.id)]


def _rows(screen: Screen, ids: list[int]) -> Iterator[list[str]]:
    columns = [c for c, _label in screen._export_columns]
    for start in range(0, len(ids), CHUNK):
        piece = ids[start : start + CHUNK]
        loaded = screen.get_query().filter(screen.model.id.in_(piece))
        for relation in screen.export_joins():
            loaded = loaded.options(relation)
        found = {row.id: row for row in loaded}
        screen.prepare_rows(list(found.values()))
        for identifier in piece:
            if identifier in found:
                yield [neutral(show(screen.get_export_value(found[identifier], c))) for c in columns]
        db.session.expunge_all()


def _for_same(scope: Any, pieces: Iterator[str]) -> Iterator[str]:
    """The stream is read after the request has ended and its scope is gone: it goes on for the same person, reading only."""
    token, begin = SCOPE.set(scope), BEGIN.set("DEFERRED")
    try:
        yield from pieces
    finally:
        BEGIN.reset(begin)
        SCOPE.reset(token)


def _csv(headings: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow(headings)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _xlsx(screen: Screen, headings: list[str], rows: Iterator[list[str]]) -> ResponseReturnValue:
    target = tempfile.TemporaryFile()  # noqa: SIM115 (send_file closes it)
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for column, heading in enumerate(headings):
        sheet.write_string(0, column, heading, bold)
    for line, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            sheet.write_string(line, column, value)
    book.close()
    target.seek(0)
    return send_file(
        target,
        mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        as_attachment=True,
        download_name=download_name(screen, "xlsx"),
    )
