"""The subject of students, their guardians and the ties between them: today's reading, check and writing, as one subject of an import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from jobs.import_check import check_rows
from jobs.import_clubs import load_members
from jobs.import_join import join_files
from jobs.import_kept import corrected
from jobs.import_match import Known, load_known
from jobs.import_parse import Fixes, Parsed, parse_others, parse_students
from jobs.import_plan import Plan, Planned, text_of
from jobs.import_subjects import Absent, Outcome, Subject, Work, subject
from jobs.import_write import write_rows
from jobs.structures import know, known_now
from jobs.tables import Table
from models.import_cells import Context
from models.studies import programme_key

MEF = re.compile(r"[0-9]{11}")


def parse(kind: str, table: Table, keys: list[str], context: Context, fixes: Fixes) -> Iterator[Parsed]:
    """The rows of a file of students, of guardians or of ties."""
    if kind == "students":
        return parse_students(table, keys, context, fixes)
    return parse_others(table, keys, kind, context, fixes)


def plan(session: Session, work: Work, parsed: dict[str, list[Parsed]], before: dict[str, Outcome]) -> Outcome:
    """What the files would change among the people of the school."""
    known = load_known(session, work.school_id, work.official_code)
    know(known, before)
    if work.keep_edits:
        known.corrected = corrected(session, known)
    joined = join_files(parsed.get("students"), parsed.get("guardians", []), parsed.get("links", []), known, work.answers)
    if any(row.values.get("groups") for row in joined.rows):
        load_members(session, known)
    rules = work.rules
    if not rules.programmes:
        _leave_out_official(joined.rows, known)
    if not joined.whole:
        rules = replace(rules, whole=False)
    made = check_rows(joined.rows, known, rules, joined.preset)
    counts = made.counts
    counts["students_created"], counts["students_changed"] = counts["created"], counts["changed"]
    counts["error"] += sum(1 for _kind, row in joined.others if row.problems)
    counts["unsure"] += sum(1 for _kind, row in joined.others if row.asks and not row.problems)
    counts["asked"] += sum(1 for _kind, row in joined.others if row.asks)
    counts["ignored"] += sum(1 for _kind, row in joined.others if not row.problems and not row.asks)
    counts["guardians_left_out"] = 0 if rules.guardians else sum(len(one.row.guardians) for one in made.rows)
    lines = [("students" if joined.whole else "links", one) for one in made.rows]
    lines += [(kind, Planned(row, "error" if row.problems else "unsure" if row.asks else "ignored")) for kind, row in joined.others]
    return Outcome(counts, made.digest, lines, lambda: _absent(made), made.places, made)


def _leave_out_official(rows: list[Parsed], known: Known) -> None:
    """An official file says a MEF on every line: one that the school lacks, and that the asker may not create, is no error of the line."""
    for row in rows:
        code = row.values.get("programme", "")
        if MEF.fullmatch(code) and programme_key(code) not in known.programmes:
            del row.values["programme"]
            row.doubt("programme", "programme_left_out")


def _absent(made: Plan) -> Iterator[Absent]:
    for student_id in made.absent:
        record = made.known.students[student_id]
        cells = {
            "national_id": record["national_id"] or "",
            "born_on": text_of(record["born_on"]),
            "homeroom": made.known.group_names.get(record["homeroom_id"], ""),
            "level": made.known.level_names.get(record["level_id"], ""),
        }
        yield Absent("students", f"{record['family_name']}, {record['given_name']}", cells, student_id)


def write(session: Session, work: Work, outcome: Outcome, deactivate: bool, before: dict[str, Outcome]) -> dict[str, int]:
    """Write the students, guardians and ties."""
    known_now(outcome.plan.known, before)
    written = write_rows(session, outcome.plan, language=work.language, today=work.context.today, deactivate=deactivate)
    return {**written, "students_created": written["created"], "students_changed": written["changed"]}


PEOPLE = subject(
    Subject(
        "people",
        {
            "students": frozenset({"family_name", "full_name", "national_id"}),
            "guardians": frozenset({"family_name"}),
            "links": frozenset({"student_ref"}),
        },
        parse,
        plan,
        write,
        rank=1,
    )
)
