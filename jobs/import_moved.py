"""What a transfer brings of the studies: the grids and courses that it names, admissions, session records, registrations, after its students.

It is history, written as the other school sealed it: a closed admission keeps its records, and no rule about who may be registered today applies.
What this school has already stays as it is here; what it lacks is made, and offered to nobody else. A line whose student, admission or course is not
taken in is left out, and says so.
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

from jobs.import_moved_write import write
from jobs.import_parse import Fixes, Parsed, cells_of
from jobs.import_plan import Planned
from jobs.import_subjects import Outcome, Subject, Work, subject
from jobs.moved_cells import read_row
from jobs.tables import Table
from models.admissions import OPEN, Admission
from models.class_lists import pieces
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.import_cells import Context
from models.import_words import BadFile
from models.rights import may
from models.school import Country
from models.scope import WHO
from models.session_records import SessionRecord
from models.studies import Programme, Term

KINDS = {
    "moved_grids": "grid",
    "moved_courses": "course",
    "moved_admissions": "admission",
    "moved_records": "session_record",
    "moved_enrolments": "enrolment",
}  # kind of file -> table, in the order in which they are planned and written
KEYS = dict(zip(KINDS, ("grid", "course", "admission_ref", "record_ref", "record_ref"), strict=True))
STATUSES = ("created", "changed", "unchanged", "error", "unsure", "ignored")
COUNTED = {
    "moved_grids": "new_grids",
    "moved_courses": "new_courses",
    "moved_admissions": "new_admissions",
    "moved_records": "new_records",
    "moved_enrolments": "new_enrolments",
}
_TAKEN = ("created", "changed", "unchanged")


@dataclass
class Moving:
    """What would be written. `students` is identifier -> (number here, 0 while they come with the import; name); `by` is table -> key -> planned row;
    `programmes` the codes that the school has."""

    planned: dict[str, list[Planned]] = field(default_factory=dict)
    students: dict[str, tuple[int, str]] = field(default_factory=dict)
    by: dict[str, dict[str, Planned]] = field(default_factory=dict)
    programmes: frozenset[str] = frozenset()


def parse(kind: str, table: Table, keys: list[str], context: Context, fixes: Fixes) -> Iterator[Parsed]:
    """The rows of one of these tables."""
    for row in cells_of(table, keys, kind, fixes):
        # What the transfer itself says, also where somebody has set it right: other rows point to that.
        said = row.in_file.get(KEYS[kind], row.cells.get(KEYS[kind], ""))
        read_row(kind, row, Country[context.country])
        row.values["said"] = said
        yield row


def plan(session: Session, work: Work, parsed: dict[str, list[Parsed]], before: dict[str, Outcome]) -> Outcome:
    """What the transfer would add to the studies of the school. Refused (`BadFile`) for a file that is no transfer's."""
    if not work.partial:
        raise BadFile("no_columns")
    made = Moving(students=_students(before), programmes=frozenset(session.scalars(select(Programme.code))))
    planner = {"moved_grids": _grids, "moved_courses": _courses, "moved_admissions": _admissions, "moved_records": _records, "moved_enrolments": _enrolments}
    for kind in KINDS:
        made.planned[kind] = planner[kind](session, made, parsed.get(kind, []))
    lines = [(kind, one) for kind in KINDS for one in made.planned[kind]]
    many = Counter(one.status for _kind, one in lines)
    fresh = {name: sum(1 for one in made.planned[kind] if one.status == "created") for kind, name in COUNTED.items()}
    zero = dict.fromkeys(("absent", "leaving", "active", "asked", "students_created", "students_changed"), 0)
    counts = {**{status: many[status] for status in STATUSES}, **zero, "lines": len(lines), **fresh}
    return Outcome(counts, _digest(lines), lines, plan=made)


def _digest(lines: list[tuple[str, Planned]]) -> str:
    """A mark of the plan: two equal marks write the same."""
    mark = hashlib.sha256()
    for kind, one in lines:
        values = sorted((key, str(value)) for key, value in one.values.items())
        mark.update(json.dumps([kind, one.row.line, one.status, one.student_id, one.row.skip, values], ensure_ascii=False).encode())
    return mark.hexdigest()


def _students(before: dict[str, Outcome]) -> dict[str, tuple[int, str]]:
    """Whom the same import takes in, by identifier."""
    rows = before["people"].plan.rows if "people" in before else ()
    taken = [one for one in rows if one.status in _TAKEN and one.row.values.get("national_id")]
    return {one.row.values["national_id"]: (one.student_id or 0, one.row.name) for one in taken}


def _fate(row: Parsed, table: str, kept: int | None, values: dict[str, Any], student_id: int = 0) -> Planned:
    """Added, there already, wrong, or left out: `row.skip` says why."""
    if row.problems and not row.skip:
        return Planned(row, "error", student_id or None)
    if kept is not None and not row.skip:
        return Planned(row, "unchanged", student_id or None, values={"id": kept})
    if not row.skip and not may(WHO.get().roles, table, "create"):
        row.skip = "row_no_create"
    return Planned(row, "ignored" if row.skip else "created", student_id or None, values={} if row.skip else values)


def _of(made: Moving, kind: str, key: str) -> Planned | None:
    """The row that another one points to, where it is taken in."""
    one = made.by.get(kind, {}).get(key)
    return one if one is not None and one.status in _TAKEN else None


def _once(row: Parsed, key: str, mark: Any, seen: dict[Any, int]) -> None:
    """The same thing on two lines is a problem of the second."""
    if mark in seen and not row.skip:
        row.problem(key, "row_again", line=seen[mark])
    seen.setdefault(mark, row.line)


def _term(said: Any) -> str:
    return Term(year=said[0], season=said[1]).short if said else ""


def _called(row: Parsed, *parts: str) -> None:
    """What the preview calls a line."""
    row.values["family_name"] = " · ".join(part for part in parts if part)


def _grids(session: Session, made: Moving, rows: list[Parsed]) -> list[Planned]:
    wanted = select(Grid.code, Grid.id, Programme.code).join(Programme, Programme.id == Grid.programme_id)
    known = {code: (number, programme) for code, number, programme in session.execute(wanted)}
    found = made.by["moved_grids"] = {}
    seen: dict[Any, int] = {}
    for row in rows:
        code, values = row.values.get("grid", ""), dict(row.values)
        _once(row, "grid", code, seen)
        number, programme = known.get(code, (None, ""))
        if number is not None and programme != values.get("programme"):
            row.skip = row.skip or "moved_grid_other"
        _called(row, code, values.get("title", ""))
        found[values["said"]] = _fate(row, "grid", number, values)
    return list(found.values())


def _courses(session: Session, made: Moving, rows: list[Parsed]) -> list[Planned]:
    known = {row.number: row.id for row in session.execute(select(Course.number, Course.id))}
    found = made.by["moved_courses"] = {}
    seen: dict[Any, int] = {}
    for row in rows:
        values = dict(row.values)
        _once(row, "course", values.get("course"), seen)
        _called(row, values.get("course", ""), values.get("title", ""))
        found[values["said"]] = _fate(row, "course", known.get(values.get("course", "")), values)
    return list(found.values())


def _admissions(session: Session, made: Moving, rows: list[Parsed]) -> list[Planned]:
    """The same admission is one to the same programme and grid, admitted on the same day, or open in both schools."""
    a = Admission
    here: dict[tuple[int, str, str], list[Any]] = {}
    wanted = select(a.id, a.student_id, Programme.code, Grid.code, a.status, a.admitted_on).join(Programme, Programme.id == a.programme_id)
    wanted = wanted.outerjoin(Grid, Grid.id == a.grid_id).order_by(a.id)
    for piece in pieces(sorted(number for number, _name in made.students.values() if number)):
        for one in session.execute(wanted.where(a.student_id.in_(piece))):
            here.setdefault((one[1], one[2], one[3] or ""), []).append(one)
    found = made.by["moved_admissions"] = {}
    for row in rows:
        values = dict(row.values)
        student, name = made.students.get(values.get("student_ref", ""), (0, ""))
        if values.get("student_ref") not in made.students:
            row.skip = row.skip or "moved_no_student"
        grid = values.get("grid", "")
        if grid and _of(made, "moved_grids", grid) is None:
            row.doubt("grid", "moved_no_grid")
            grid = values["grid"] = ""
        status, day = values.get("admission_status"), values.get("admitted_on")
        same = here.get((student, values.get("programme", ""), grid), [])
        kept = next((one[0] for one in same if (one[4] in OPEN and status in OPEN) or one[5] == day), None)
        if values.get("programme") not in made.programmes and not may(WHO.get().roles, "programme", "create"):
            row.skip = row.skip or "row_no_create"
        _called(row, name or values.get("student_ref", ""), grid or values.get("programme", ""))
        found[values.get("admission_ref", "")] = _fate(row, "admission", kept, values, student)
    return list(found.values())


def _records(session: Session, made: Moving, rows: list[Parsed]) -> list[Planned]:
    r = SessionRecord
    kept_admissions = sorted(one.values["id"] for one in made.planned["moved_admissions"] if one.status == "unchanged")
    here: dict[tuple[int, Any], int] = {}
    for piece in pieces(kept_admissions):
        wanted = select(r.admission_id, Term.year, Term.season, r.id).join(Term, Term.id == r.term_id).where(r.admission_id.in_(piece))
        here |= {(admission, (year, season)): number for admission, year, season, number in session.execute(wanted)}
    found = made.by["moved_records"] = {}
    seen: dict[Any, int] = {}
    for row in rows:
        values = dict(row.values)
        admission = _of(made, "moved_admissions", values.get("admission_ref", ""))
        if admission is None:
            row.skip = row.skip or "moved_no_admission"
        here_already = admission.values.get("id") if admission is not None else None
        _once(row, "term", (here_already or values.get("admission_ref"), values.get("term")), seen)
        kept = here.get((admission.values.get("id", 0), values.get("term"))) if admission is not None else None
        _called(row, admission.row.values["family_name"] if admission else "", _term(values.get("term")))
        found[values.get("record_ref", "")] = _fate(row, "session_record", kept, values, (admission and admission.student_id) or 0)
    return list(found.values())


def _enrolments(session: Session, made: Moving, rows: list[Parsed]) -> list[Planned]:
    e = Enrolment
    kept_records = sorted(one.values["id"] for one in made.planned["moved_records"] if one.status == "unchanged")
    here: dict[tuple[int, int, str], int] = {}
    for piece in pieces(kept_records):
        wanted = select(e.session_record_id, e.course_id, e.group_number, e.id).where(e.session_record_id.in_(piece))
        here |= {(record, course, group): number for record, course, group, number in session.execute(wanted)}
    seen: dict[Any, int] = {}
    found = []
    for row in rows:
        values = dict(row.values)
        record, course = _of(made, "moved_records", values.get("record_ref", "")), _of(made, "moved_courses", values.get("course", ""))
        if record is None or course is None:
            row.skip = row.skip or ("moved_no_record" if record is None else "moved_no_course")
        if _of(made, "moved_courses", values.get("parent_course", "")) is None:
            values["parent_course"] = ""
        here_already = record.values.get("id") if record is not None else None
        _once(row, "course", (here_already or values.get("record_ref"), values.get("course"), values.get("group", "")), seen)
        kept = None
        if record is not None and course is not None:
            kept = here.get((record.values.get("id", 0), course.values.get("id", 0), values.get("group", "")))
        _called(row, record.row.values["family_name"] if record else "", values.get("course", ""), values.get("group", ""))
        found.append(_fate(row, "enrolment", kept, values, (record and record.student_id) or 0))
    return found


MOVED = subject(Subject("moved", {kind: frozenset({key}) for kind, key in KEYS.items()}, parse, plan, write, rank=3))
