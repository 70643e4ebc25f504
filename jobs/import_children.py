"""Children whom a line of guardians names without an identifier: told by their names and their class, or put to people.

One child of these names in this class is the one. Several, or one of these names in another class, is a question of the guardian's line:
twins and homonyms are never guessed (formats.md sections 4 and 8). A child who is not found is told, and the tie is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.import_doubts import Answers, answered, ask, open_refs
from jobs.import_match import Known, group_key, name_key
from jobs.import_parse import Parsed
from models.people import StudentStatus

ROW, STUDENT = "r", "s"  # a candidate of the file, of the school
NEXT = 1_000_000  # between the numbers of two children on one line, where each needs a line of its own (models/import_rows.py)


@dataclass(frozen=True)
class Child:
    """A child as the guardian's line says it; `number` is the place of its block."""

    number: int
    names: tuple[tuple[str, str], ...]
    classes: frozenset[str]
    said: dict[str, str]


def children_of(row: Parsed) -> Iterator[Child]:
    """The children that a line of guardians names."""
    found: dict[int, dict[str, str]] = {}
    for key, value in row.values.items():
        if (cut := re.fullmatch(r"c([0-9]+)\.(\w+)", key)) is not None:
            found.setdefault(int(cut[1]), {})[cut[2]] = str(value)
    for number, said in sorted(found.items()):
        given = said.get("given_name", "")
        names = tuple(name_key(said[key], given) for key in ("family_name", "usage_name") if said.get(key)) if given else ()
        classes = frozenset(group_key(part) for part in re.split(r"[,;/|]", said.get("homeroom", "")) if part.strip())
        yield Child(number, names, classes, said)


class Candidates:
    """The students of the file, or of the school where no file of students came, by their names."""

    def __init__(self, rows: list[Parsed], known: Known, answers: Answers, *, whole: bool) -> None:
        self.known, self.answers, self.mark = known, answers, ROW if whole else STUDENT
        self.by_names: dict[tuple[str, str], dict[int, str]] = {}  # names -> line or student -> class as it is compared
        self.rows = {row.line: row for row in rows} if whole else {}
        for row in self.rows.values():
            if not row.skip:
                self._add(row.line, row.values, group_key(str(row.values.get("homeroom", ""))))
        for student_id, record in {} if whole else known.students.items():
            if record["status"] is StudentStatus.active:
                self._add(student_id, record, group_key(known.group_names.get(record["homeroom_id"], "")))

    def _add(self, number: int, values: Any, klass: str) -> None:
        for key in ("family_name", "usage_name"):
            if values.get(key) and values.get("given_name"):
                self.by_names.setdefault(name_key(values[key], values["given_name"]), {})[number] = klass

    def of(self, guardian: Parsed, child: Child) -> int | None:
        """The line or the student that this child is; None when it is asked, or unknown, or said to be somebody else."""
        key = f"{guardian.line}.c{child.number}"
        chosen = answered(self.answers, key)
        if chosen and chosen[0] == self.mark and self._stands(int(chosen[1:])):
            return int(chosen[1:])
        found = {number: klass for name in child.names for number, klass in self.by_names.get(name, {}).items()}
        here = [number for number, klass in found.items() if not child.classes or not klass or klass in child.classes]
        if len(here) == 1:
            return here[0]
        refs = open_refs(self.answers, key, [f"{self.mark}{number}" for number in here or found])
        if refs:
            ask(guardian, key, "child_several" if len(here) > 1 else "child_class", refs, held=False, child=child.said)
        return None

    def _stands(self, number: int) -> bool:
        return number in (self.rows if self.mark == ROW else self.known.students)
