"""The two jobs of an import: the check, which writes only its account, and the write, one transaction.

The check holds no database lock while it reads and compares. Its lines are written beside those of the check before and take their place
at once, so that the page shows a whole check at any time; when somebody decided something meanwhile, it begins again. The write reads and
compares again inside its transaction; when the school changed since, it writes nothing and the person sees the new check.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from jobs import import_formats  # noqa: F401 (the formats and subjects register themselves)
from jobs.columns import kind_of, map_columns
from jobs.import_doubts import lines_out
from jobs.import_parse import Fixes, Parsed
from jobs.import_plan import Planned, notes_of
from jobs.import_subjects import Outcome, Work, check_subjects, plan_all, subject_of, whole, write_all
from jobs.registry import handler
from jobs.runner import Task
from jobs.sources import Source, read_sources
from jobs.tables import Table
from models import files
from models.access_cards import may_open
from models.base import Refusal, today, utcnow
from models.column_mapping import remember, remembered
from models.db import BEGIN, db, refresh_statistics
from models.import_cells import Context
from models.import_fields import FIELDS, OWN
from models.import_words import BadFile
from models.imports import FileKind, Import, ImportFile, ImportRow, ImportStatus, RowStatus, right_missing
from models.journal import JournalEvent, record
from models.school import School
from models.scope import BATCH
from models.student_accounts import open_accounts
from models.words import N_, _
from models.work import Job, JobKind

PIECE = 1_000  # rows of the preview between two commits
MANY = 500  # new students after which the database counts its rows again
SAMPLES = 3  # values of each column kept for the page of the columns
OF_SEVERAL = ("mixed_subjects", "two_of_a_kind", "file_gone")  # problems that are of no single file
TAKEN = ("students", "staff")  # kinds whose lines an answer may leave out


@dataclass
class Sent:
    """One table of a sent file as plain values, so that nothing of the database is held while it is read. `id` is None until it is kept."""

    id: int | None
    name: str
    kind: str
    key: str
    part: str
    choices: dict[str, str]
    mapping: list[str]
    fixes: Fixes
    fixed: bool = False
    table: Table | None = None
    remembered_at: dt.datetime | None = None


def _gather(import_id: int) -> tuple[Work, list[Sent]]:
    """Read the import of the current scope."""
    one = db.session.get_one(Import, import_id, populate_existing=True)
    school = db.session.get_one(School, one.school_id)
    context = Context(school.country.name, today(school.time_zone))
    out = lines_out(one.decisions)
    sent = [Sent(f.id, f.name, f.kind.name, f.file_key, f.part, dict(f.choices), list(f.mapping), _fixes(f, out)) for f in one.files]
    work = Work(one.id, school.id, school.official_code, school.language, one.revision, one.decisions, one.to_create, one.keep_edits, context, one.partial)
    return work, sent


def _fixes(file: ImportFile, out: frozenset[int]) -> Fixes:
    ignored = frozenset(file.ignored) | (out if file.kind.name in TAKEN else frozenset())
    return Fixes(file.corrections, file.replacements, ignored)


def _read(work: Work, sent: list[Sent], *, shown: bool) -> dict[str, list[Parsed]]:
    """The files as parsed rows, by kind; the texts of their cells only when they are to be shown. Raises `BadFile`.

    A file that holds several tables becomes as many `Sent`, in the place of those that it had.
    """
    parsed: dict[str, list[Parsed]] = {}
    keys = list(dict.fromkeys(one.key for one in sent))
    for key in keys:
        try:
            _read_file(work, sent, key, parsed, shown=shown)
        except BadFile as bad:
            if len(keys) > 1 and bad.code not in OF_SEVERAL:
                bad.params["file"] = next(one.name for one in sent if one.key == key)
            raise
    return parsed


def _read_file(work: Work, sent: list[Sent], key: str, parsed: dict[str, list[Parsed]], *, shown: bool) -> None:
    mine = [one for one in sent if one.key == key]
    if not key:
        raise BadFile("file_gone")
    sources = read_sources(files.path_of(key), mine[0].choices)
    parts = _parts(mine, sources)
    at = sent.index(mine[0])
    sent[:] = [*sent[:at], *parts, *(one for one in sent[at:] if one.key != key)]
    for one, source in zip(parts, sources, strict=True):
        _understand(work, one, source)
    for one, source in zip(parts, sources, strict=True):
        _refuse_other_school(work, source)
        check_subjects({one.kind, *parsed})
        if refused := right_missing(one.kind, official=one.fixed):
            raise BadFile(refused)
        needed = subject_of(one.kind).kinds[one.kind]
        if not needed & set(one.mapping):
            raise BadFile("no_columns")
        if one.kind in parsed:
            raise BadFile("two_of_a_kind")
        parsed[one.kind] = list(_rows_of(work, one, source, shown=shown))


def _parts(mine: list[Sent], sources: list[Source]) -> list[Sent]:
    """For each table of a file what was decided about it; for a table not seen before, one of those that nothing stands for any more."""
    known = {one.part: one for one in mine if one.part in {source.part for source in sources}}
    spare = [one for one in mine if one.part not in known]
    found = []
    for source in sources:
        one = known.get(source.part) or (spare.pop(0) if spare else None)
        if one is None:
            one = Sent(None, mine[0].name, source.kind, mine[0].key, source.part, dict(mine[0].choices), [], Fixes())
        one.part = source.part
        found.append(one)
    return found


def _rows_of(work: Work, sent: Sent, source: Source, *, shown: bool) -> Iterator[Parsed]:
    for row in subject_of(sent.kind).parse(sent.kind, _given_up(source.table), sent.mapping, work.context, sent.fixes):
        for key, code, params in source.doubts.get(row.line, ()):
            row.doubt(key, code, **params)
        if not shown:
            row.cells = {}
        yield row


def _refuse_other_school(work: Work, source: Source) -> None:
    """An official file is of one school."""
    code = source.table.detected.get("school", "")
    if code and code != work.official_code:
        raise BadFile("file_of_other_school", uai=code, ours=work.official_code)


def _understand(work: Work, sent: Sent, source: Source) -> None:
    """What the columns are: as the format says, as somebody chose, else as the school chose for the same headings, else by their synonyms."""
    table = source.table
    if source.mapping is not None:
        sent.kind, sent.mapping, sent.fixed = source.kind, list(source.mapping), True
    elif len(sent.mapping) == len(table.header):
        sent.kind = sent.choices.get("kind") or sent.kind
    elif (known := remembered(db.session, work.school_id, table.header, sent.choices.get("kind", ""))) is not None:
        sent.kind, sent.mapping, sent.remembered_at = known.kind.name, list(known.fields), known.used_at
    else:
        sent.kind = sent.choices.get("kind") or source.kind or kind_of(table.header, sent.name)
        sent.mapping = map_columns(table.header, sent.kind)
    sent.table = Table(table.header, table.header_line, table.rows[:SAMPLES], {**table.detected, "fixed": sent.fixed})


def _given_up(table: Table) -> Table:
    """The same table whose rows are forgotten as they are read: a file stands in memory once, not twice."""

    def rows() -> Iterator[tuple[int, list[str]]]:
        for at in range(len(table.rows)):
            row, table.rows[at] = table.rows[at], (0, [])
            yield row

    return Table(table.header, table.header_line, rows(), table.detected)  # type: ignore[arg-type]


@handler(JobKind.import_check, table="import_", verb="check")
def check(task: Task) -> None:
    """Read the files, compare them with the school, leave the account of it; the import is then to confirm, or failed."""
    while not _check(task):
        pass  # somebody decided something meanwhile: what they decided is read now


def _check(task: Task) -> bool:
    token = BEGIN.set("DEFERRED")
    plan: Outcome | None = None
    try:
        work, sent = _gather(task.params["import_id"])
        db.session.rollback()
        try:
            plan = whole(plan_all(db.session, work, _read(work, sent, shown=True)))
        except BadFile as bad:
            problem = {"code": bad.code, "params": bad.params}
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    if plan is None:
        _tell_columns(work, sent)
        one = db.session.get_one(Import, work.id)
        one.status, one.problem, one.counts, one.generation = ImportStatus.failed, problem, {}, 0
        return True
    return _account(task, work, sent, plan)


def _account(task: Task, work: Work, sent: list[Sent], plan: Outcome, problem: dict[str, Any] | None = None) -> bool:
    """Write the rows of the preview, piece by piece, then the counts, which makes them the ones shown; False when they are out of date already."""
    total = len(plan.lines) + plan.counts.get("absent", 0)
    task.progress(0, total, str(_("Comparing with [the school]")))
    rows = delete(ImportRow).where(ImportRow.import_id == work.id).execution_options(synchronize_session=False)
    shown = db.session.get_one(Import, work.id, populate_existing=True).generation
    db.session.execute(rows.where(ImportRow.generation != shown))  # left by a check that was broken off
    done = 0
    piece: list[dict[str, Any]] = []
    for row in _rows(work, plan):
        piece.append({**row, "generation": shown + 1})
        if len(piece) == PIECE:
            db.session.execute(insert(ImportRow), piece)
            done += len(piece)
            piece = []
            task.progress(done, total)
    if piece:
        db.session.execute(insert(ImportRow), piece)
    one = db.session.get_one(Import, work.id, populate_existing=True, with_for_update=True)
    if one.revision != work.revision:
        db.session.rollback()
        return False
    _tell_columns(work, sent)
    db.session.execute(rows.where(ImportRow.generation == shown))
    one.status, one.counts, one.digest, one.problem = ImportStatus.checked, plan.counts, plan.digest, problem
    one.generation, one.places = shown + 1, [asdict(place) for place in plan.places]
    return True


def _rows(work: Work, plan: Outcome) -> Iterator[dict[str, Any]]:
    times = Counter((kind, n["field"], n["value"]) for kind, one in plan.lines for n in one.row.problems if _shared(kind, n["field"]))
    for kind, planned in plan.lines:
        for note in planned.row.problems:
            if (many := times[kind, note["field"], note["value"]]) > 1 and note["value"]:
                note["times"] = many
        yield _row(work, kind, planned)
    for one in plan.absent():
        yield _line(work, FileKind[one.kind], 0, RowStatus.absent, one.name, one.cells, one.student_id)


def _shared(kind: str, key: str) -> bool:
    """Whether one answer can put the same text right on every line."""
    return key in FIELDS[kind] and FIELDS[kind][key].bare not in OWN


def _row(work: Work, kind: str, planned: Planned) -> dict[str, Any]:
    problems, doubts = notes_of(planned)
    row = planned.row
    made = _line(work, FileKind[kind], row.line, RowStatus[planned.status], row.name, row.cells, planned.student_id)
    told = {"diff": planned.diff, "problems": problems, "doubts": doubts, "questions": row.asks, "asked": bool(row.asks), "in_file": row.in_file}
    return {**made, **told}


def _line(work: Work, kind: FileKind, line: int, status: RowStatus, name: str, cells: dict[str, str], student_id: int | None) -> dict[str, Any]:
    return {
        "school_id": work.school_id,
        "import_id": work.id,
        "kind": kind,
        "line": line,
        "status": status,
        "student_id": student_id,
        "name": name[:200],
        "cells": cells,
        **{key: [] for key in ("diff", "problems", "doubts", "questions")},
        "in_file": {},
        "asked": False,
    }


def _tell_columns(work: Work, sent: list[Sent]) -> None:
    """Keep what was detected and how each column is understood, for the page where it can be changed; a table that is new gets its place,
    one that its file no longer holds loses it."""
    one = db.session.get_one(Import, work.id)
    kept = {part.id for part in sent}
    for part in sent:
        if part.table is None:
            continue
        file = next((f for f in one.files if f.id == part.id), None)
        if file is None:
            first = next(f for f in one.files if f.file_key == part.key)
            file = ImportFile(name=first.name, size=first.size, sha256=first.sha256, file_key=first.file_key, choices=dict(first.choices))
            one.files.append(file)
        width = len(part.table.header)
        file.kind, file.part, file.detected, file.mapping = FileKind[part.kind], part.part, part.table.detected, part.mapping
        file.headings = [heading.strip()[:80] for heading in part.table.header]
        file.remembered_at = part.remembered_at or file.remembered_at
        file.samples = [[row[at][:80] if at < len(row) else "" for at in range(width)] for _line, row in part.table.rows]
    for file in [f for f in one.files if f.id is not None and f.id not in kept]:
        one.files.remove(file)


def _open_accounts() -> int:
    """Give the students whom this import has just created an account each; how many. Refused to whoever lost that right."""
    if not may_open():
        raise Refusal(_("Your role does not allow you to open accounts any more. Nothing was written: check the import again."))
    e = JournalEvent
    made = select(e.row_id).where(e.batch == BATCH.get(), e.table_name == "student", e.verb == "created").order_by(e.id)
    return len(open_accounts(db.session, [i for i in db.session.scalars(made) if i is not None]))


@handler(JobKind.import_write, table="import_", verb="confirm")
def write(task: Task) -> None:
    """Write the plan that was confirmed, wholly or not at all. A school that changed since gets a new check instead."""
    import_id, deactivate = task.params["import_id"], bool(task.params.get("deactivate"))
    token = BEGIN.set("DEFERRED")
    try:
        work, sent = _gather(import_id)
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    parsed = _read(work, sent, shown=False)
    to_write = task.params.get("lines", 0)
    task.progress(0, to_write, str(N_("Writing %(num)d line", "Writing %(num)d lines", to_write)))
    # The job's own row is held until the end, so that no other runner takes a long write over (PostgreSQL; SQLite has one writer).
    db.session.execute(select(Job.id).where(Job.id == task.id).with_for_update())
    one = db.session.get_one(Import, import_id)
    if one.status is not ImportStatus.writing:
        return
    plans = plan_all(db.session, work, parsed)
    if whole(plans).digest != task.params["digest"]:
        plan = whole(plan_all(db.session, work, _read(work, sent, shown=True)))
        db.session.rollback()
        _account(task, work, sent, plan, problem={"code": "changed_since", "params": {}})
        return
    written = write_all(db.session, work, plans, deactivate=deactivate)
    if task.params.get("accounts"):
        written["student_accounts"] = _open_accounts()
    if written["created"] > MANY:
        refresh_statistics(db.session)
    one = db.session.get_one(Import, import_id)
    one.written, one.status, one.written_at, one.batch = written, ImportStatus.done, utcnow(), BATCH.get() or ""
    for file in one.files:
        if (file.by_hand or file.remembered_at) and not file.fixed:
            remember(db.session, one.school_id, file.kind.name, file.headings, file.mapping)
    record(db.session, "confirm", "import_", one.id, rows=written["created"] + written["changed"] + written["deactivated"])
