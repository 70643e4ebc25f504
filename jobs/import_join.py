"""Three files as one: guardians and ties brought to the rows of the students, as if they stood in the same row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobs.import_match import Known
from jobs.import_parse import GuardianCells, Parsed, tidy_guardian


@dataclass
class Joined:
    """The rows to check, the students that other files name (line -> id), and the lines of the other files that say something."""

    rows: list[Parsed]
    preset: dict[int, int] = field(default_factory=dict)
    others: list[tuple[str, Parsed]] = field(default_factory=list)
    whole: bool = True


def join_files(students: list[Parsed] | None, guardians: list[Parsed], links: list[Parsed], known: Known) -> Joined:
    """Bring every tie to its student. Without a file of students, the ties speak of the students of the school."""
    joined = Joined(list(students or ()), whole=students is not None)
    people = _guardians_by_reference(guardians)
    rows = _rows_by_reference(joined.rows)
    used: set[int] = set()
    for link in links:
        if link.skip:
            continue
        joined.others.append(("links", link))
        row = _row_of(link, rows, joined, known)
        guardian = people.get(link.values.get("guardian_ref", ""))
        if row is None and not link.problems:
            link.problem("student_ref", "no_student")
        if guardian is None and not link.problems:
            link.problem("guardian_ref", "no_guardian")
        if row is None or guardian is None or link.problems:
            continue
        used.add(id(guardian))
        found: dict[str, Any] = dict(guardian.values)
        found.update((key, link.values[key]) for key in ("relation", "authority") if key in link.values)
        row.guardians.append(GuardianCells(guardian.line, len(row.guardians) + 1, tidy_guardian(found)))
    for guardian in guardians:
        if guardian.problems:
            joined.others.append(("guardians", guardian))
        elif id(guardian) not in used and not guardian.skip:
            guardian.skip = "unused_guardian"
            joined.others.append(("guardians", guardian))
    joined.others = [(kind, row) for kind, row in joined.others if row.problems or row.skip]
    return joined


def _guardians_by_reference(guardians: list[Parsed]) -> dict[str, Parsed]:
    people: dict[str, Parsed] = {}
    for row in guardians:
        if row.skip:
            continue
        if "family_name" not in row.values and not row.problems:
            row.problem("family_name", "name_empty")
        reference = row.values.get("file_id", "").lower()
        if reference in people and reference:
            row.problem("file_id", "ref_twice", line=people[reference].line)
        if row.problems:
            continue
        for key in (reference, row.values.get("email", "")):
            if key:
                people.setdefault(key, row)
    return people


def _rows_by_reference(rows: list[Parsed]) -> dict[str, Parsed]:
    found: dict[str, Parsed] = {}
    for row in rows:
        for key in ("file_id", "national_id", "local_id"):
            if row.values.get(key):
                found.setdefault(str(row.values[key]).upper(), row)
    return found


def _row_of(link: Parsed, rows: dict[str, Parsed], joined: Joined, known: Known) -> Parsed | None:
    reference: Any = link.values.get("student_ref", "")
    if joined.whole or reference in rows:
        return rows.get(reference)
    student_id = known.by_id.get(reference) or known.by_local.get(reference)
    if student_id is None:
        return None
    record = known.students[student_id]
    row = Parsed(link.line, {"family_name": record["family_name"], "given_name": record["given_name"]})
    rows[reference] = row
    joined.rows.append(row)
    joined.preset[link.line] = student_id
    return row
