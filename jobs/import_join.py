"""Three files as one: guardians and ties brought to the rows of the students, as if they stood in the same row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobs.import_children import NEXT, Candidates, children_of
from jobs.import_doubts import Answers
from jobs.import_match import Known
from jobs.import_parse import GuardianCells, Parsed, tidy_guardian
from models.import_fields import CHILDREN


@dataclass
class Joined:
    """The rows to check, the students that other files name (line -> id), and the lines of the other files that say something."""

    rows: list[Parsed]
    preset: dict[int, int] = field(default_factory=dict)
    others: list[tuple[str, Parsed]] = field(default_factory=list)
    whole: bool = True
    by_student: dict[int, Parsed] = field(default_factory=dict)  # where the file of the students is missing


def join_files(students: list[Parsed] | None, guardians: list[Parsed], links: list[Parsed], known: Known, answers: Answers | None = None) -> Joined:
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
        if row is None and not link.problems and is_official(link.values.get("student_ref", "")):
            link.skip = "no_student_here"  # the export of guardians also holds those of children who left
            continue
        if row is None and not link.problems:
            link.problem("student_ref", "no_student")
        if guardian is None and not link.problems:
            link.problem("guardian_ref", "no_guardian")
        if row is None or guardian is None or link.problems:
            continue
        used.add(id(guardian))
        found: dict[str, Any] = dict(guardian.values)
        found.update((key, link.values[key]) for key in ("relation", "authority", "link_state") if key in link.values)
        row.guardians.append(GuardianCells(guardian.line, len(row.guardians) + 1, tidy_guardian(found)))
    used |= _join_children(guardians, joined, known, answers or {})
    for guardian in guardians:
        if guardian.problems or guardian.asks or any(note["code"] == "child_left" for note in guardian.doubts):
            joined.others.append(("guardians", guardian))
        elif id(guardian) not in used and not guardian.skip:
            guardian.skip = "unused_guardian"
            joined.others.append(("guardians", guardian))
    joined.others = [(kind, row) for kind, row in joined.others if kind == "guardians" or row.problems or row.skip]
    return joined


def _join_children(guardians: list[Parsed], joined: Joined, known: Known, answers: Answers) -> set[int]:
    """Tie guardians to the children that their own line names; which guardians found one."""
    named = [(row, children) for row in guardians if not row.skip and (children := list(children_of(row)))]
    if not named:
        return set()
    candidates = Candidates(joined.rows, known, answers, whole=joined.whole)
    used: set[int] = set()
    for guardian, children in named:
        found = [(child, candidates.of(guardian, child)) for child in children] if not guardian.problems else []
        asked = {question["key"] for question in guardian.asks}
        lost = [child for child, number in found if number is None and f"{guardian.line}.c{child.number}" not in asked]
        tell = guardian.problem if len(lost) == len(found) else guardian.doubt
        for child in lost:
            tell(f"c{child.number}.family_name", "child_unknown" if len(lost) == len(found) else "child_left")
        values = {key: value for key, value in guardian.values.items() if key not in CHILDREN}
        for number in [number for _child, number in found if number is not None]:
            used.add(id(guardian))
            row = candidates.rows[number] if joined.whole else _row_of_student(number, guardian.line, joined, known)
            row.guardians.append(GuardianCells(guardian.line, len(row.guardians) + 1, tidy_guardian(dict(values))))
    return used


def _row_of_student(student_id: int, line: int, joined: Joined, known: Known) -> Parsed:
    """The row of a student of the school whom another file names; a line of its own, also for the second child of one line."""
    if student_id not in joined.by_student:
        while line in joined.preset:
            line += NEXT
        record = known.students[student_id]
        row = joined.by_student[student_id] = Parsed(line, {"family_name": record["family_name"], "given_name": record["given_name"]})
        joined.rows.append(row)
        joined.preset[line] = student_id
    return joined.by_student[student_id]


def is_official(reference: str) -> bool:
    """Whether a reference is that of an official export: its school year, a stroke, its number."""
    return "/" in reference


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
        for key in ("source_ref", "file_id", "national_id", "local_id"):
            if row.values.get(key):
                found.setdefault(str(row.values[key]).upper(), row)
    return found


def _row_of(link: Parsed, rows: dict[str, Parsed], joined: Joined, known: Known) -> Parsed | None:
    reference: Any = link.values.get("student_ref", "")
    if joined.whole or reference in rows:
        return rows.get(reference)
    # A number of an official export says its year, and is compared with nothing else: its digits may be another child's local number.
    student_id = known.by_source.get(reference) if is_official(reference) else known.by_id.get(reference) or known.by_local.get(reference)
    if student_id is None:
        return None
    row = rows[reference] = _row_of_student(student_id, link.line, joined, known)
    return row
