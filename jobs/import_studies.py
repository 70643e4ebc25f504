"""The studies as a subject of imports: courses, grids, the correspondence of groups, admissions, registrations, in this order.

They come after the programmes and the people of the same import. What a line names exists, or comes with a file of the same import; terms,
organisational units and partners come with the line that names them, and are told before anything is written.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import import_admissions as admitting
from jobs import import_catalogue as catalogue
from jobs import import_registrations as registering
from jobs.columns import key_of
from jobs.import_parse import SHOWN, Fixes, Parsed, cells_of, is_total, read_into
from jobs.import_plan import Planned
from jobs.import_study_known import Studies, pieces, read_studies
from jobs.import_subjects import Outcome, Subject, Work, subject
from jobs.tables import Table
from models.base import fold
from models.codes import CodeList, CodeValue
from models.import_cells import Context, read_cell
from models.import_fields import FIELDS
from models.import_words import BadCell, BadFile
from models.people import Student
from models.studies import OrgUnit, Season, Term

_AGAIN = "again:"  # before the place of a column that says what another says
KINDS = {
    "courses": frozenset({"course"}),
    "grids": frozenset({"grid"}),
    "rac_groups": frozenset({"course"}),
    "admissions": frozenset({"student_ref", "national_id", "programme", "grid"}),
    "enrolments": frozenset({"student_ref", "national_id", "term", "course"}),
}
# Of each of these the file has one column at least.
_NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "admissions": (("student_ref", "national_id"), ("programme", "grid")),
    "enrolments": (("student_ref", "national_id"), ("term",), ("course",)),
}
STATUSES = ("created", "changed", "unchanged", "error", "unsure", "ignored")
COMING = {"term": "new_terms", "org_unit": "new_org_units", "partner": "new_partners"}


@dataclass
class Planning:
    """What would be written, and what the write needs of the check."""

    studies: Studies
    planned: dict[str, list[Planned]] = field(default_factory=dict)
    admissions: admitting.Admissions = field(default_factory=admitting.Admissions)
    registrations: registering.Registrations | None = None


def parse(kind: str, table: Table, keys: list[str], context: Context, fixes: Fixes) -> Iterator[Parsed]:
    """The rows of one of these files. Raises `BadFile` naming the columns without which no line of it could be taken."""
    _need_columns(kind, keys)
    again = {f"{_AGAIN}{at}": (at, key) for at, key in enumerate(_keys_twice(table, keys, kind)) if key}
    places = [keys[at] or (f"{_AGAIN}{at}" if f"{_AGAIN}{at}" in again else "") for at in range(len(keys))]
    for row in cells_of(table, places, kind, fixes):
        for mark, (at, key) in again.items():
            text = row.cells.pop(mark, "")
            if text and text != row.cells.get(key, "") and _reads(key, text, context):
                first = keys.index(key)
                row.doubt(key, "column_twice", first=table.header[first], at=first + 1, second=table.header[at], other=at + 1, text=text[:SHOWN])
        if is_total(row.cells):
            row.skip = row.skip or "total_row"
        else:
            read_into(row, context)
            row.values["family_name"] = row.cells.get("student_ref") or row.cells.get("course") or row.cells.get("grid", "")  # its name until more is known
        yield row


def _need_columns(kind: str, keys: list[str]) -> None:
    headings = {field.key: field.heading for field in FIELDS[kind].values()}
    missing = [headings[group[0]] for group in _NEEDED.get(kind, ()) if not set(group) & set(keys)]
    if missing:
        raise BadFile(f"{kind}_columns", columns=", ".join(missing))


def _keys_twice(table: Table, keys: list[str], kind: str) -> list[str]:
    """For each column that nothing is read from, the key that its heading says and another column has; else ""."""
    return [said if not key and (said := key_of(heading, kind)) in keys else "" for heading, key in zip(table.header, keys, strict=False)]


def _reads(key: str, text: str, context: Context) -> bool:
    """Whether a text could be the value of this column: the word of a result is not a second mark."""
    try:
        read_cell(key, text, context, [])
    except BadCell:
        return False
    return True


def plan(session: Session, work: Work, parsed: dict[str, list[Parsed]], before: dict[str, Outcome]) -> Outcome:
    """What the files would change among the studies of the school."""
    made = Planning(read_studies(session, work, parsed, before))
    studies = made.studies
    for kind, planner in (("courses", catalogue.plan_courses), ("grids", catalogue.plan_grids), ("rac_groups", catalogue.plan_rac_groups)):
        if kind in parsed:
            made.planned[kind] = planner(studies, parsed[kind])
    if {"admissions", "enrolments"} & set(parsed):
        made.admissions = admitting.read_admissions(studies, _named(studies, parsed))
    if "admissions" in parsed:
        made.planned["admissions"] = admitting.plan_admissions(studies, made.admissions, parsed["admissions"])
    if "enrolments" in parsed:
        made.planned["enrolments"], made.registrations = registering.plan_registrations(studies, made.admissions, parsed["enrolments"])
    lines = [(kind, one) for kind, rows in made.planned.items() for one in rows]
    counts = Counter(one.status for _kind, one in lines)
    found = {
        **{status: counts[status] for status in STATUSES},
        **dict.fromkeys(("absent", "leaving", "active", "asked", "students_created", "students_changed"), 0),
        "lines": len(lines),
        "doubts": sum(1 for _kind, one in lines if one.row.doubts and one.status != "ignored"),
        **catalogue.counts_of(made.planned),
        **admitting.counts_of(made.planned.get("admissions", [])),
        **registering.counts_of(made.planned.get("enrolments", []), made.registrations),
        **{name: len(studies.coming[key]) for key, name in COMING.items()},
    }
    return Outcome(found, _digest(lines), lines, places=studies.told(), plan=made)


def _named(studies: Studies, parsed: dict[str, list[Parsed]]) -> set[Any]:
    """The students whom the lines of admissions and registrations name."""
    found: set[Any] = set()
    for kind in ("admissions", "enrolments"):
        for row in parsed.get(kind, ()):
            found.update(studies.by_local.get(row.values.get("student_ref", ""), ()))
            found.add(studies.by_national.get(row.values.get("national_id", "")))
    return found - {None}


def _digest(lines: list[tuple[str, Planned]]) -> str:
    """A mark of the plan: two equal marks write the same."""
    mark = hashlib.sha256()
    for kind, one in lines:
        values = sorted((key, str(value)) for key, value in one.values.items())
        wrong = [(note["field"], note["code"]) for note in one.row.problems]
        mark.update(json.dumps([kind, one.row.line, one.status, one.student_id, one.diff, values, wrong], ensure_ascii=False, default=str).encode())
    return mark.hexdigest()


def write(session: Session, work: Work, outcome: Outcome, _deactivate: bool, _before: dict[str, Outcome]) -> dict[str, int]:
    """Write the studies; programmes and people of the same import are written already."""
    made: Planning = outcome.plan
    _bring(session, made.studies)
    catalogue.write_catalogue(session, made.studies, made.planned)
    if "admissions" in made.planned:
        admitting.write_admissions(session, made.studies, made.admissions, made.planned["admissions"], _numbers(session, work, made.planned["admissions"]))
    if made.registrations is not None:
        registering.write_registrations(made.registrations, made.planned["enrolments"])
    counts = outcome.counts
    told = ("created", "changed", "students_created", "students_changed", *catalogue.COUNTED, *admitting.COUNTED, *registering.COUNTED, *COMING.values())
    return {key: counts[key] for key in told}


def _bring(session: Session, studies: Studies) -> None:
    """The terms, organisational units and partners that the lines name and the school lacks."""
    mine, coming = studies.work.school_id, studies.coming
    terms = {key: Term(school_id=mine, year=key[0], season=Season[key[1]]) for key in coming["term"]}
    units = {code: OrgUnit(school_id=mine, code=code, name=code) for code in coming["org_unit"]}
    taken = {code for code_list, code in studies.codes if code_list is CodeList.partner}
    partners = {}
    for key, name in coming["partner"].items():
        code = _free_code(name, taken)
        taken.add(code)
        partners[key] = CodeValue(school_id=mine, code_list=CodeList.partner, code=code, label=name, rank=len(taken))
    session.add_all([*terms.values(), *units.values(), *partners.values()])
    session.flush()
    studies.terms |= {key: one.id for key, one in terms.items()}
    studies.units |= {code: one.id for code, one in units.items()}
    studies.partners |= partners


def _free_code(name: str, taken: set[str]) -> str:
    """A short name is its own code; of a longer one, the first letters of its words; numbered where another has it."""
    words = fold(name).upper().replace("'", " ").split()
    code = words[0][:20] if len(words) == 1 else "".join(word[0] for word in words)[:16]
    free, number = code or "-", 2
    while free in taken:
        free, number = f"{code}{number}", number + 1
    return free


def _numbers(session: Session, work: Work, planned: list[Planned]) -> dict[Any, int]:
    """The numbers of the students who came with the same import, by what their lines named them by."""
    marks = sorted({one.values["student"] for one in planned if isinstance(one.values.get("student"), str)})
    found: dict[Any, int] = {}
    s = Student
    for piece in pieces(marks):
        wanted = select(s.id, s.local_id, s.national_id).where(s.school_id == work.school_id, s.local_id.in_(piece) | s.national_id.in_(piece))
        for number, local, national in session.execute(wanted.order_by(s.id)):
            for mark in (local, national):
                if mark in marks:
                    found.setdefault(mark, number)
    return found


STUDIES = subject(Subject("studies", KINDS, parse, plan, write, rank=2))
