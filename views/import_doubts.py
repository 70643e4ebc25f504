"""Lines that may be somebody known already: both records side by side, with what differs, for people to decide."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from models.base import fold
from models.db import db
from models.import_words import remedy_of, sentence_of
from models.imports import FileKind, Import, ImportRow
from models.people import Guardian, GuardianLink, Student
from views.i18n import gettext
from views.import_preview import Sheet
from views.import_summary import cut, label_of, value_of

ON_A_PAGE = 10
MOST_ANSWERS = 100
STUDENT = (
    *("family_name", "given_name", "usage_name", "middle_names", "sex", "born_on", "national_id", "local_id"),
    *("homeroom", "level", "email", "phone", "address1", "postal_code", "town", "status"),
)
CHILD = ("family_name", "usage_name", "given_name", "born_on", "homeroom")  # of whom a line of guardians may speak
GUARDIAN = ("title", "family_name", "given_name", "email", "phone", "address1", "postal_code", "town")


@dataclass
class Record:
    """One of the records that are compared: its title and address, its values by field, the answer that names it."""

    title: str
    values: dict[str, str]
    url: tuple[str, int] | None = None
    verdict: str = ""
    keep: str = ""
    note: str = ""


@dataclass
class Question:
    """One question: the record of the line, the candidates, the fields that either has; `differs` are those that contradict each other."""

    line: int
    key: str
    title: str
    sentence: str
    remedy: str
    records: list[Record]
    fields: list[tuple[str, str]] = field(default_factory=list)
    differs: set[str] = field(default_factory=set)
    may_differ: bool = True


def questions_of(one: Import, number: int) -> tuple[list[Question], int]:
    """The questions that nobody has answered, of one page of lines; how many pages there are."""
    clause = (ImportRow.import_id == one.id, ImportRow.generation == one.generation, ImportRow.asked)
    count = db.session.scalar(select(func.count()).select_from(ImportRow).where(*clause)) or 0
    rows = list(db.session.scalars(select(ImportRow).where(*clause).order_by(ImportRow.line, ImportRow.id).limit(ON_A_PAGE).offset(number * ON_A_PAGE)))
    waiting = [(row, question) for row in rows for question in row.questions if not _answered(one, question)]
    people = _People(one, [ref for _row, question in waiting for ref in question["refs"]])
    found = [made for row, question in waiting if (made := _question(people, row, question)) is not None]
    return found, max(1, -(-count // ON_A_PAGE))


def _answered(one: Import, question: dict[str, Any]) -> bool:
    """Whether somebody answered since the check that asked."""
    answer = one.decisions.get(question["key"])
    return answer is not None and ("not" not in answer or set(question["refs"]) <= set(answer["not"]))


class _People:
    """The candidates of a page, each table asked once."""

    def __init__(self, one: Import, refs: list[str]) -> None:
        self.sheet = Sheet(one)
        self.students = {s.id: s for s in _load(Student, refs, "s", joinedload(Student.homeroom), joinedload(Student.level))}
        links = selectinload(Guardian.links).joinedload(GuardianLink.student)
        self.guardians = {g.id: g for g in _load(Guardian, refs, "g", links)}
        lines = [int(ref[1:]) for ref in refs if ref[0] in "lr"]
        self.rows = one.rows_of(FileKind.students.name, lines) if lines else {}

    def line(self, row: ImportRow) -> dict[str, str]:
        """What a line of the file says, as it reads now."""
        said = {key: value_of(key, self.sheet.text_of(row, key)) for key in STUDENT if self.sheet.text_of(row, key)}
        for key, other in (("phone", "mobile"), ("family_name", "full_name")):
            if key not in said and self.sheet.text_of(row, other):
                said[key] = cut(self.sheet.text_of(row, other))
        return said


def _load(model: Any, refs: list[str], mark: str, *options: Any) -> list[Any]:
    ids = {int(ref[1:]) for ref in refs if ref[0] == mark}
    return list(db.session.scalars(select(model).where(model.id.in_(ids)).options(*options)).unique()) if ids else []


def _question(people: _People, row: ImportRow, question: dict[str, Any]) -> Question | None:
    guardians = "said" in question
    names = GUARDIAN if guardians else CHILD if "child" in question else STUDENT
    if "child" in question:
        said = {key: cut(text) for key, text in question["child"].items() if key in CHILD}
        first = Record(gettext("Line %(line)d of the file", line=row.line), said, note=gettext("For %(name)s", name=row.name))
    elif guardians:
        mine = {key: value_of(key, question["said"].get(key, "")) for key in names if question["said"].get(key)}
        first = Record(gettext("Line %(line)d of the file", line=row.line), mine, note=gettext("For %(name)s", name=row.name))
    else:
        first = Record(gettext("Line %(line)d of the file", line=row.line), people.line(row))
    others = [found for ref in question["refs"] if (found := _candidate(people, question, ref)) is not None]
    if not others:
        return None
    pair = question["refs"][0][0] == "l"
    if pair:
        first.keep, others[0].keep = f"out:{question['refs'][0][1:]}", f"out:{row.line}"
    records = [first, *others]
    kind = "guardians" if guardians else "students"
    fields = [(key, label_of(kind, key)) for key in names if any(record.values.get(key) for record in records)]
    differs = {key for key, _label in fields if any(_differ(record.values.get(key, ""), first.values.get(key, "")) for record in others)}
    told = {"code": question["why"], "params": question}
    title = gettext("Line %(line)d: %(name)s", line=row.line, name=row.name)
    return Question(row.line, question["key"], title, sentence_of(told).sentence, remedy_of(told), records, fields, differs, not question["one"])


def _candidate(people: _People, question: dict[str, Any], ref: str) -> Record | None:
    mark, number = ref[0], ref[1:]
    if mark == "s":
        student = people.students.get(int(number))
        return None if student is None else Record(student.name, _values(student, STUDENT), ("student", student.id), ref)
    if mark == "g":
        guardian = people.guardians.get(int(number))
        if guardian is None:
            return None
        of = ", ".join(link.student.name for link in guardian.links)
        return Record(guardian.name, _values(guardian, GUARDIAN), ("guardian", guardian.id), ref, note=gettext("For %(name)s", name=of) if of else "")
    if mark in "lr":
        row = people.rows.get(int(number))
        title = gettext("Line %(line)d of the file", line=int(number))
        return None if row is None else Record(title, people.line(row), None, *((ref, "", str(FileKind.students.label)) if mark == "r" else ()))
    data = question["people"].get(ref, {})
    title = gettext("Line %(line)d of the file", line=int(number.partition(".")[0]))
    return Record(title, {key: value_of(key, data[key]) for key in GUARDIAN if data.get(key)}, None, ref)


def _values(record: Any, names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        value = getattr(record, name)
        text = value.isoformat() if isinstance(value, dt.date) else str(getattr(value, "name", value) or "")
        if text:
            found[name] = value_of(name, text)
    return found


def _differ(one: str, two: str) -> bool:
    """Whether two values contradict each other, as one compares them by eye: without accents and signs. Nothing contradicts nothing."""
    plain = {re.sub(r"[\W_]", "", fold(text)) for text in (one, two)}
    return len(plain - {""}) > 1


def answers_of(one: Import) -> list[dict[str, Any]]:
    """What people decided, in the order of the lines, with what takes it back."""
    keys = sorted(one.decisions, key=lambda key: [int(part) for part in re.findall(r"[0-9]+", key)])[:MOST_ANSWERS]
    refs = [one.decisions[key]["same"] for key in keys if "same" in one.decisions[key]]
    people = _People(one, refs)
    told = []
    for key in keys:
        answer, line = one.decisions[key], int(re.match(r"[0-9]+", key)[0])  # type: ignore[index]
        if "out" in answer:
            words = gettext("The same person as another line: line %(line)d is left out.", line=answer["out"])
        elif "not" in answer:
            words = gettext("Somebody else.")
        else:
            ref = answer["same"]
            if ref[0] == "r":
                told.append({"key": key, "line": line, "words": gettext("The child is line %(line)d of the [students].", line=int(ref[1:]))})
                continue
            found = people.students.get(int(ref[1:])) if ref[0] == "s" else people.guardians.get(int(ref[1:])) if ref[0] == "g" else None
            words = gettext("The same person as %(name)s.", name=found.name if found else gettext("another line"))
        told.append({"key": key, "line": line, "words": words})
    return told
