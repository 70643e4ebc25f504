"""What an import may be about, and how each subject goes from tables to rows written: parse, plan, write.

An import holds files of one subject, or people with structures. A subject registers itself with `subject(...)`; `jobs/imports.py` reads
the files, asks each subject for its plan, shows and writes it. A plan is computed twice, at the check and again inside the transaction that
writes: its digest tells whether the second is the one that somebody read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from jobs.import_doubts import Answers
from jobs.import_parse import Fixes, Parsed
from jobs.import_places import compared
from jobs.import_plan import STUDENT_VERBS, Place, Planned, Rules
from jobs.tables import Table
from models.import_cells import Context
from models.import_words import BadFile
from models.rights import may, reach
from models.scope import WHO


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
    partial: bool = False

    @property
    def rules(self) -> Rules:
        """What the check may do: what people decided, the asker's rights on students, guardians and groups, as they are now."""
        roles = WHO.get().roles
        guardians, groups = may(roles, "guardian", "create"), may(roles, "group", "create")
        allowed = frozenset(verb for verb in STUDENT_VERBS if reach(roles, "student", verb) == "all")
        programmes = may(roles, "programme", "create")
        return Rules(self.answers, compared(self.to_create), guardians, True, self.context.today, self.partial, groups, programmes, allowed)


@dataclass(frozen=True)
class Absent:
    """Somebody of the school whom the files do not hold: what the preview says of them."""

    kind: str
    name: str
    cells: dict[str, str]
    student_id: int | None = None


@dataclass
class Outcome:
    """What a subject would do. `lines` are (kind of file, row) in the order of the preview; `plan` is for the subject's own `write`.

    `counts` has a number for each status of a row, "absent", "leaving" and "active" (the three of models/imports.py that guard against a
    wrong file), "lines", "asked", and those that the summary names (views/import_summary.py).
    """

    counts: dict[str, int]
    digest: str
    lines: list[tuple[str, Planned]]
    absent: Callable[[], Iterable[Absent]] = tuple
    places: list[Place] = field(default_factory=list)
    plan: Any = None


Parse = Callable[[str, Table, list[str], Context, Fixes], Iterator[Parsed]]
# The plan of a subject, and what the subjects planned before it in the same import would do.
PlanIt = Callable[[Session, Work, dict[str, list[Parsed]], dict[str, Outcome]], Outcome]
WriteIt = Callable[[Session, Work, Outcome, bool, dict[str, Outcome]], dict[str, int]]


@dataclass(frozen=True)
class Subject:
    """One subject. `kinds` are the kinds of file (models/import_rows.py) that are about it, each with the columns of which one is needed at
    least; what each asks for besides the usual verbs stands in models/imports.py (`verb_of`); `rank` says which is planned and written first.

    `parse(kind, table, keys, context, fixes)` gives the rows of a table; `plan(session, work, {kind: rows}, before)` compares and writes
    nothing; `write(session, work, outcome, deactivate, before)` writes inside the caller's transaction and gives the numbers written, of
    which "created", "changed" and "deactivated" are added up over the subjects.
    """

    name: str
    kinds: dict[str, frozenset[str]]
    parse: Parse
    plan: PlanIt
    write: WriteIt
    rank: int = 0


SUBJECTS: dict[str, Subject] = {}
TOGETHER = frozenset({"people", "structures", "studies", "moved"})


def subject(one: Subject) -> Subject:
    """Register a subject."""
    SUBJECTS[one.name] = one
    return one


def subject_of(kind: str) -> Subject:
    """The subject of a kind of file."""
    return next(one for one in SUBJECTS.values() if kind in one.kinds)


def check_subjects(kinds: Iterable[str]) -> list[Subject]:
    """The subjects of these kinds of file, in the order in which they are planned and written.

    Raises `BadFile` for subjects that do not go together.
    """
    found = sorted({subject_of(kind).name for kind in kinds}, key=lambda name: SUBJECTS[name].rank)
    if len(found) > 1 and not set(found) <= TOGETHER:
        raise BadFile("mixed_subjects")
    return [SUBJECTS[name] for name in found]


def plan_all(session: Session, work: Work, parsed: dict[str, list[Parsed]]) -> dict[str, Outcome]:
    """The plan of each subject of these rows, by its name. Raises `BadFile` as `check_subjects` does."""
    plans: dict[str, Outcome] = {}
    for one in check_subjects(parsed):
        plans[one.name] = one.plan(session, work, {kind: rows for kind, rows in parsed.items() if kind in one.kinds}, plans)
    return plans


def whole(plans: dict[str, Outcome]) -> Outcome:
    """The plans as one, for the preview and its digest."""
    if len(plans) == 1:
        return next(iter(plans.values()))
    counts: Counter[str] = Counter()
    for one in plans.values():
        counts.update(one.counts)
    digest = hashlib.sha256("\n".join(f"{name} {one.digest}" for name, one in plans.items()).encode()).hexdigest()
    lines = [line for one in plans.values() for line in one.lines]
    places = [place for one in plans.values() for place in one.places]
    return Outcome(dict(counts), digest, lines, lambda: (absent for one in plans.values() for absent in one.absent()), places)


def write_all(session: Session, work: Work, plans: dict[str, Outcome], *, deactivate: bool) -> dict[str, int]:
    """Write every plan; the numbers written, added up."""
    written: Counter[str] = Counter(dict.fromkeys(("created", "changed", "deactivated"), 0))
    for name, one in plans.items():
        written.update(SUBJECTS[name].write(session, work, one, deactivate, plans))
    return dict(written)
