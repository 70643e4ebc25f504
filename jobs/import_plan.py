"""The plan of an import: what each row would do, and the mark by which a plan is recognised again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from jobs.import_match import GuardianEntry, Known
from jobs.import_parse import Note, Parsed
from models.names import spelling_stays
from models.values import same_spelling

STUDENT_VERBS = frozenset({"create", "edit", "deactivate", "reactivate"})  # the rights that an import of people uses
NAMES = {"family_name", "given_name", "usage_name", "middle_names"}
ADDRESSES = {"address1", "address2", "town"}


@dataclass(slots=True)
class Tie:
    """A link to write: to which guardian of the book, with what; `link_id` when it exists and changes."""

    guardian: GuardianEntry
    relation: str
    authority: str
    link_id: int | None = None
    to_check: bool = False  # a new link that nobody is to see by before staff confirm it


@dataclass(slots=True)
class Planned:
    """One row's fate: created, changed, unchanged, error, unsure, ignored. `values` are what is written to the student."""

    row: Parsed
    status: str
    student_id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    diff: list[dict[str, Any]] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)


@dataclass
class Place:
    """A level or class that the school lacks: as the file first wrote it, on how many lines; `near` is the one that was perhaps meant.

    `comes`: a line that is taken brings it.
    """

    field: str
    text: str
    lines: int = 0
    near: str = ""
    comes: bool = False


@dataclass
class Plan:
    """All that an import would do: rows, absent students, new classes and levels (by their compared names), guardians."""

    rows: list[Planned]
    known: Known
    absent: list[int]
    new_levels: dict[str, str]
    new_groups: dict[str, str]
    places: list[Place]
    counts: dict[str, int]
    digest: str
    new_clubs: dict[str, str] = field(default_factory=dict)
    new_programmes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What the person chose or may not do. `to_create`: field -> compared names of levels and classes that are to come, though they are near known ones."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    to_create: dict[str, frozenset[str]] = field(default_factory=dict)
    guardians: bool = True
    whole: bool = True  # the file lists all students: those it does not hold are absent
    today: dt.date = dt.date(1970, 1, 1)
    partial: bool = False  # a file of some students: those it holds are present, nobody is absent
    groups: bool = True  # the asker may create groups
    programmes: bool = True  # and programmes
    student: frozenset[str] = STUDENT_VERBS  # what the asker may do to students: the other lines are left out, with their reason


def same_value(key: str, kept: str, said: str) -> bool:
    """Whether what the file says is what is kept already: spelling, phones and e-mails compared as people would."""
    if key in NAMES and spelling_stays(kept, said):
        return True
    if key in NAMES | ADDRESSES:
        return same_spelling(kept, said)
    if key == "phone":
        return _digits(kept) == _digits(said)
    return kept == said or (key in {"email", "title"} and kept.lower() == said.lower())


def _digits(phone: str) -> str:
    """A phone as it is compared: the last nine digits tell (06..., +336..., 00336...)."""
    return re.sub(r"[^0-9]", "", phone)[-9:]


def text_of(value: Any) -> str:
    """A value as the preview keeps it."""
    if isinstance(value, dt.date):
        return value.isoformat()
    return "" if value is None else str(value)


def digest_of(rows: list[Planned], absent: list[int]) -> str:
    """A mark of the whole plan: two equal marks write the same things to the same rows."""
    mark = hashlib.sha256()
    for one in rows:
        ties = [(t.guardian.id, sorted(t.guardian.said.items()), t.relation, t.authority, t.link_id, t.to_check) for t in one.ties]
        values = sorted((key, text_of(value)) for key, value in one.values.items())
        wrong = [*((note["field"], note["code"]) for note in one.row.problems), *((q["key"], q["refs"]) for q in one.row.asks)]
        told = [one.row.line, one.status, one.student_id, one.diff, ties, values, wrong]
        mark.update(json.dumps(told, ensure_ascii=False, default=str).encode())
    mark.update(json.dumps(absent).encode())
    return mark.hexdigest()


def notes_of(planned: Planned) -> tuple[list[Note], list[Note]]:
    """Problems and doubts of a row; the reason of a row left out counts as a doubt."""
    doubts = planned.row.doubts
    if planned.row.skip:
        doubts = [*doubts, {"field": "", "code": planned.row.skip, "params": {}, "value": ""}]
    return planned.row.problems, doubts
