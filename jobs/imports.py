"""The two jobs of an import: the check, which writes only its account, and the write, one transaction.

The check holds no database lock while it reads and compares. Its lines are written beside those of the check before and take their place
at once, so that the page shows a whole check at any time; when somebody decided something meanwhile, it begins again. The write reads and
compares again inside its transaction; when the school changed since, it writes nothing and the person sees the new check.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import delete, insert, select

from jobs.columns import kind_of, map_columns
from jobs.import_check import check_rows
from jobs.import_doubts import Answers, lines_out
from jobs.import_join import Joined, join_files
from jobs.import_kept import corrected
from jobs.import_match import load_known
from jobs.import_parse import Fixes, Parsed, parse_others, parse_students
from jobs.import_places import compared
from jobs.import_plan import Plan, Planned, Rules, notes_of, text_of
from jobs.import_write import write_rows
from jobs.registry import handler
from jobs.runner import Task
from jobs.tables import Table, read_table
from models import files
from models.base import today, utcnow
from models.column_mapping import remember, remembered
from models.db import BEGIN, db, refresh_statistics
from models.import_cells import Context
from models.import_fields import FIELDS, OWN
from models.import_words import BadFile
from models.imports import FileKind, Import, ImportFile, ImportRow, ImportStatus, RowStatus
from models.journal import record
from models.rights import may
from models.school import School
from models.scope import BATCH, WHO
from models.words import N_, _
from models.work import Job, JobKind

PIECE = 1_000  # rows of the preview between two commits
MANY = 500  # new students after which the database counts its rows again
SAMPLES = 3  # values of each column kept for the page of the columns


@dataclass
class Sent:
    """One file of the import as plain values, so that nothing of the database is held while it is read."""

    id: int
    name: str
    kind: str
    key: str
    choices: dict[str, str]
    mapping: list[str]
    fixes: Fixes
    table: Table | None = None
    remembered_at: dt.datetime | None = None


@dataclass
class Work:
    """What both jobs know of an import before they begin."""

    id: int
    school_id: int
    official_code: str
    language: str
    revision: int
    answers: Answers
    to_create: dict[str, list[str]]
    keep_edits: bool
    context: Context
    sent: list[Sent]

    @property
    def rules(self) -> Rules:
        """What the check may do: what people decided, the asker's rights on guardians."""
        return Rules(self.answers, compared(self.to_create), may(WHO.get().roles, "guardian", "create"), True, self.context.today)


def _gather(import_id: int) -> Work:
    """Read the import of the current scope."""
    one = db.session.get_one(Import, import_id, populate_existing=True)
    school = db.session.get_one(School, one.school_id)
    context = Context(school.country.name, today(school.time_zone))
    out = lines_out(one.decisions)
    sent = [Sent(f.id, f.name, f.kind.name, f.file_key, dict(f.choices), list(f.mapping), _fixes(f, out)) for f in one.files]
    return Work(one.id, school.id, school.official_code, school.language, one.revision, one.decisions, one.to_create, one.keep_edits, context, sent)


def _fixes(file: ImportFile, out: frozenset[int]) -> Fixes:
    ignored = frozenset(file.ignored) | (out if file.kind is FileKind.students else frozenset())
    return Fixes(file.corrections, file.replacements, ignored)


def _read(work: Work, *, shown: bool) -> dict[str, list[Parsed]]:
    """The files as parsed rows, by kind; the texts of their cells only when they are to be shown. Raises `BadFile`."""
    parsed: dict[str, list[Parsed]] = {}
    for sent in work.sent:
        if not sent.key:
            raise BadFile("file_gone")
        table = read_table(files.path_of(sent.key), sent.choices)
        _understand(work, sent, table)
        needed = {"students": {"family_name", "full_name", "national_id"}, "guardians": {"family_name"}, "links": {"student_ref"}}[sent.kind]
        sent.table = Table(table.header, table.header_line, table.rows[:SAMPLES], table.detected)
        if not needed & set(sent.mapping):
            raise BadFile("no_columns")
        if sent.kind in parsed:
            raise BadFile("two_of_a_kind")
        rows = parsed[sent.kind] = []
        taken = _given_up(table)
        if sent.kind == "students":
            found = parse_students(taken, sent.mapping, work.context, sent.fixes)
        else:
            found = parse_others(taken, sent.mapping, sent.kind, work.context, sent.fixes)
        for row in found:
            if not shown:
                row.cells = {}
            rows.append(row)
    return parsed


def _understand(work: Work, sent: Sent, table: Table) -> None:
    """What the columns are: as somebody chose, else as the school chose for the same headings, else by their synonyms."""
    if len(sent.mapping) == len(table.header):
        sent.kind = sent.choices.get("kind") or sent.kind
        return
    known = remembered(db.session, work.school_id, table.header, sent.choices.get("kind", ""))
    if known is not None:
        sent.kind, sent.mapping, sent.remembered_at = known.kind.name, list(known.fields), known.used_at
    else:
        sent.kind = sent.choices.get("kind") or kind_of(table.header, sent.name)
        sent.mapping = map_columns(table.header, sent.kind)


def _given_up(table: Table) -> Table:
    """The same table whose rows are forgotten as they are read: a file stands in memory once, not twice."""

    def rows() -> Iterator[tuple[int, list[str]]]:
        for at in range(len(table.rows)):
            row, table.rows[at] = table.rows[at], (0, [])
            yield row

    return Table(table.header, table.header_line, rows(), table.detected)  # type: ignore[arg-type]


def _plan(work: Work, parsed: dict[str, list[Parsed]]) -> tuple[Plan, Joined]:
    known = load_known(db.session, work.school_id, work.official_code)
    if work.keep_edits:
        known.corrected = corrected(db.session, known)
    joined = join_files(parsed.get("students"), parsed.get("guardians", []), parsed.get("links", []), known)
    rules = work.rules
    if not joined.whole:
        rules = replace(rules, whole=False)
    plan = check_rows(joined.rows, known, rules, joined.preset)
    plan.counts["error"] += sum(1 for _kind, row in joined.others if row.problems)
    plan.counts["ignored"] += sum(1 for _kind, row in joined.others if not row.problems)
    plan.counts["guardians_left_out"] = 0 if rules.guardians else sum(len(one.row.guardians) for one in plan.rows)
    return plan, joined


@handler(JobKind.import_check, table="import_", verb="check")
def check(task: Task) -> None:
    """Read the files, compare them with the school, leave the account of it; the import is then to confirm, or failed."""
    while not _check(task):
        pass  # somebody decided something meanwhile: what they decided is read now


def _check(task: Task) -> bool:
    token = BEGIN.set("DEFERRED")
    try:
        work = _gather(task.params["import_id"])
        db.session.rollback()
        parsed: dict[str, list[Parsed]] | None = None
        try:
            parsed = _read(work, shown=True)
        except BadFile as bad:
            problem = {"code": bad.code, "params": bad.params}
        else:
            plan, joined = _plan(work, parsed)
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    if parsed is None:
        _tell_columns(work)
        one = db.session.get_one(Import, work.id)
        one.status, one.problem, one.counts, one.generation = ImportStatus.failed, problem, {}, 0
        return True
    return _account(task, work, plan, joined)


def _account(task: Task, work: Work, plan: Plan, joined: Joined, problem: dict[str, Any] | None = None) -> bool:
    """Write the rows of the preview, piece by piece, then the counts, which makes them the ones shown; False when they are out of date already."""
    total = len(plan.rows) + len(joined.others) + len(plan.absent)
    task.progress(0, total, str(_("Comparing with [the school]")))
    rows = delete(ImportRow).where(ImportRow.import_id == work.id).execution_options(synchronize_session=False)
    shown = db.session.get_one(Import, work.id, populate_existing=True).generation
    db.session.execute(rows.where(ImportRow.generation != shown))  # left by a check that was broken off
    done = 0
    piece: list[dict[str, Any]] = []
    for row in _rows(work, plan, joined):
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
    _tell_columns(work)
    db.session.execute(rows.where(ImportRow.generation == shown))
    one.status, one.counts, one.digest, one.problem = ImportStatus.checked, plan.counts, plan.digest, problem
    one.generation, one.places = shown + 1, [asdict(place) for place in plan.places]
    return True


def _rows(work: Work, plan: Plan, joined: Joined) -> Iterator[dict[str, Any]]:
    rows = [*(("students" if joined.whole else "links", one) for one in plan.rows)]
    rows += [(kind, Planned(row, "error" if row.problems else "ignored")) for kind, row in joined.others]
    times = Counter((kind, n["field"], n["value"]) for kind, one in rows for n in one.row.problems if _shared(kind, n["field"]))
    for kind, planned in rows:
        for note in planned.row.problems:
            if (many := times[kind, note["field"], note["value"]]) > 1 and note["value"]:
                note["times"] = many
        yield _row(work, kind, planned)
    for student_id in plan.absent:
        record = plan.known.students[student_id]
        cells = {
            "national_id": record["national_id"] or "",
            "born_on": text_of(record["born_on"]),
            "homeroom": plan.known.group_names.get(record["homeroom_id"], ""),
            "level": plan.known.level_names.get(record["level_id"], ""),
        }
        name = f"{record['family_name']}, {record['given_name']}"
        yield _line(work, FileKind.students, 0, RowStatus.absent, name, cells, student_id)


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


def _tell_columns(work: Work) -> None:
    """Keep what was detected and how each column is understood, for the page where it can be changed."""
    for sent in work.sent:
        if sent.table is None:
            continue
        file = db.session.get_one(ImportFile, sent.id)
        width = len(sent.table.header)
        file.kind, file.detected, file.mapping = FileKind[sent.kind], sent.table.detected, sent.mapping
        file.headings = [heading.strip()[:80] for heading in sent.table.header]
        file.remembered_at = sent.remembered_at or file.remembered_at
        file.samples = [[row[at][:80] if at < len(row) else "" for at in range(width)] for _line, row in sent.table.rows]


@handler(JobKind.import_write, table="import_", verb="confirm")
def write(task: Task) -> None:
    """Write the plan that was confirmed, wholly or not at all. A school that changed since gets a new check instead."""
    import_id, deactivate = task.params["import_id"], bool(task.params.get("deactivate"))
    token = BEGIN.set("DEFERRED")
    try:
        work = _gather(import_id)
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    parsed = _read(work, shown=False)
    to_write = task.params.get("lines", 0)
    task.progress(0, to_write, str(N_("Writing %(num)d line", "Writing %(num)d lines", to_write)))
    # The job's own row is held until the end, so that no other runner takes a long write over (PostgreSQL; SQLite has one writer).
    db.session.execute(select(Job.id).where(Job.id == task.id).with_for_update())
    one = db.session.get_one(Import, import_id)
    if one.status is not ImportStatus.writing:
        return
    plan, joined = _plan(work, parsed)
    if plan.digest != task.params["digest"]:
        plan, joined = _plan(work, _read(work, shown=True))
        db.session.rollback()
        _account(task, work, plan, joined, problem={"code": "changed_since", "params": {}})
        return
    written = write_rows(db.session, plan, language=work.language, today=work.context.today, deactivate=deactivate)
    if written["created"] > MANY:
        refresh_statistics(db.session)
    one = db.session.get_one(Import, import_id)
    one.written, one.status, one.written_at, one.batch = written, ImportStatus.done, utcnow(), BATCH.get() or ""
    for file in one.files:
        if file.by_hand or file.remembered_at:
            remember(db.session, one.school_id, file.kind.name, file.headings, file.mapping)
    record(db.session, "confirm", "import_", one.id, rows=written["created"] + written["changed"] + written["deactivated"])
