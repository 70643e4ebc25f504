"""Classes, groups and programmes as a subject of imports: SIECLE's Structures and Nomenclature are the site administrator's, a table of
programmes is of whoever may create them.

A class or a group is the same by its code, compared as class names are; a programme by its code. What exists keeps its own short title and
owner; nothing is taken away, and nobody is absent. The classes and programmes that come with it are known to the file of students beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.import_match import Known, group_key
from jobs.import_parse import INACTIVE, Fixes, Parsed, cells_of, read_into
from jobs.import_plan import Planned
from jobs.import_subjects import Outcome, Subject, Work, subject
from jobs.tables import Table
from models.base import fold
from models.import_cells import Context
from models.people import Group, GroupCategory
from models.rights import may
from models.scope import WHO
from models.studies import Programme, ProgrammeKind, programme_code, programme_key

CATEGORIES = {**dict.fromkeys(("d", "division", "classe", "class"), GroupCategory.klass), **dict.fromkeys(("g", "groupe", "group"), GroupCategory.other)}
COLUMNS = {"kind": "sanction"}  # column of a table -> column of a file, where they are called otherwise


@dataclass
class Structures:
    """What would be written: rows, the groups and programmes of the school by their keys, and after the write the numbers of the new ones."""

    planned: list[tuple[str, Planned]] = field(default_factory=list)
    groups: dict[str, Any] = field(default_factory=dict)
    programmes: dict[str, Any] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)  # key of a new group -> its number, once written

    def coming(self) -> Iterator[tuple[str, str, bool]]:
        """(compared name, name, is a class) of the groups that come with the import."""
        for kind, one in self.planned:
            if kind == "groups" and one.status == "created":
                yield group_key(one.values["name"]), one.values["name"], one.values["category"] is GroupCategory.klass


def parse(kind: str, table: Table, keys: list[str], context: Context, fixes: Fixes) -> Iterator[Parsed]:
    """The rows of a file of classes and groups, or of programmes."""
    for row in cells_of(table, keys, kind, fixes):
        read_into(row, context)
        row.values["family_name"] = " – ".join(text for key in ("name", "long_name", "title") if (text := row.values.get(key)))  # its name
        yield row


def plan(session: Session, work: Work, parsed: dict[str, list[Parsed]], _before: dict[str, Outcome]) -> Outcome:
    """What the files would change among the classes, groups and programmes of the school."""
    made = Structures()
    for row in session.execute(select(Group.id, Group.name, Group.long_name, Group.category).where(Group.school_id == work.school_id)).mappings():
        key = group_key(row["name"])
        if row["category"] is GroupCategory.klass or key not in made.groups:
            made.groups[key] = row
    columns = (Programme.id, Programme.code, Programme.title, Programme.short_title, Programme.kind)
    for row in session.execute(select(*columns).where(Programme.school_id == work.school_id)).mappings():
        made.programmes[row["code"]] = row
    for kind, one in (("groups", _group), ("programmes", _programme)):
        seen: dict[str, int] = {}
        made.planned += [(kind, one(made, row, seen)) for row in parsed.get(kind, ())]
    told = [[kind, one.row.line, one.status, one.student_id, one.diff, {key: str(value) for key, value in one.values.items()}] for kind, one in made.planned]
    digest = hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
    return Outcome(_counts(made), digest, made.planned, plan=made)


def _counts(made: Structures) -> dict[str, int]:
    statuses = [one.status for _kind, one in made.planned]
    counts = {status: statuses.count(status) for status in ("created", "changed", "unchanged", "error", "unsure", "ignored")}
    fresh = [(kind, one) for kind, one in made.planned if one.status == "created"]
    classes = sum(1 for _key, _name, klass in made.coming() if klass)
    groups = sum(1 for kind, _one in fresh if kind == "groups")
    return {
        **counts,
        **dict.fromkeys(("absent", "leaving", "active", "asked"), 0),
        "lines": len(statuses),
        "students_created": 0,
        "students_changed": 0,
        "new_groups": classes,
        "new_clubs": groups - classes,
        "new_programmes": len(fresh) - groups,
        "groups_changed": sum(1 for kind, one in made.planned if kind == "groups" and one.status == "changed"),
        "programmes_changed": sum(1 for kind, one in made.planned if kind == "programmes" and one.status == "changed"),
    }


def _fate(row: Parsed, kept: Any, values: dict[str, Any], compared: tuple[str, ...]) -> Planned:
    """Created, changed or as it is; `compared` are the columns that the file may change. An empty cell erases nothing."""
    if row.skip:
        return Planned(row, "ignored")
    if row.problems:
        return Planned(row, "error")
    if kept is None:
        return Planned(row, "created", values=values)
    changes = {key: values[key] for key in compared if values[key] and values[key] != kept[key]}
    diff = [{"field": COLUMNS.get(key, key), "before": _text(kept[key]), "after": _text(value)} for key, value in changes.items()]
    return Planned(row, "changed" if changes else "unchanged", values={**changes, "id": kept["id"]}, diff=diff)


def _text(value: Any) -> str:
    return value.name if isinstance(value, ProgrammeKind) else value or ""


def _once(row: Parsed, field_key: str, key: str, seen: dict[str, int]) -> None:
    if key in seen and not row.skip:
        row.problem(field_key, "ref_twice", line=seen[key])
    seen.setdefault(key, row.line)


def _group(made: Structures, row: Parsed, seen: dict[str, int]) -> Planned:
    name = row.values.get("name", "")
    category = CATEGORIES.get(fold(row.values.get("category", "")))
    if fold(name) in INACTIVE:
        row.skip = row.skip or "gone"
    if not name:
        row.problem("name", "code_empty")
    if category is None:
        row.problem("category", "category_word")
    key = group_key(name)
    kept = made.groups.get(key)
    if kept is not None and category is not None and (kept["category"] is GroupCategory.klass) != (category is GroupCategory.klass):
        row.problem("name", "group_name" if category is GroupCategory.klass else "class_name", name=kept["name"])
    _once(row, "name", key, seen)
    return _fate(row, kept, {"name": name, "long_name": row.values.get("long_name", ""), "category": category}, ("long_name",))


def _programme(made: Structures, row: Parsed, seen: dict[str, int]) -> Planned:
    code, title = programme_code(row.values.get("code")), row.values.get("title", "")
    for key, text, problem in (("code", code, "code_empty"), ("title", title, "title_empty")):
        if not text:
            row.problem(key, problem)
    _once(row, "code", code, seen)
    values = {"code": code, "title": title, "short_title": row.values.get("short_title", "")}
    if leads := row.values.get("sanction"):
        values["kind"] = ProgrammeKind[leads]
    planned = _fate(row, made.programmes.get(code), values, tuple(key for key in ("title", "kind") if key in values))
    if planned.status == "changed" and not may(WHO.get().roles, "programme", "edit"):
        row.skip = "row_no_edit"
        return Planned(row, "ignored")
    return planned


def write(session: Session, work: Work, outcome: Outcome, _deactivate: bool, _before: dict[str, Outcome]) -> dict[str, int]:
    """Write classes, groups and programmes; what follows in the same import finds the new ones."""
    made: Structures = outcome.plan
    fresh: list[tuple[str, Group]] = []
    for kind, one in made.planned:
        model: Any = Group if kind == "groups" else Programme
        if one.status == "created":
            row = model(school_id=work.school_id, **one.values)
            session.add(row)
            if kind == "groups":
                fresh.append((group_key(one.values["name"]), row))
        elif one.status == "changed":
            row = session.get_one(model, one.values["id"])
            for key in one.values.keys() - {"id"}:
                setattr(row, key, one.values[key])
    session.flush()
    made.made = {key: row.id for key, row in fresh}
    counts = outcome.counts
    told = ("created", "changed", "students_created", "students_changed", "new_groups", "new_clubs", "new_programmes", "groups_changed", "programmes_changed")
    return {key: counts[key] for key in told}


def know(known: Known, before: dict[str, Outcome]) -> None:
    """The classes and groups that come with the same import are known to the file of the students: by number 0 until they are written."""
    if "structures" in before:
        made: Structures = before["structures"].plan
        for key, name, klass in made.coming():
            known.groups.setdefault(key, (made.made.get(key, 0), name, klass))
        for kind, one in made.planned:
            if kind == "programmes" and one.status == "created":  # their numbers are read again when the students are written
                known.programmes.setdefault(programme_key(one.values["code"]), (0, one.values["short_title"] or one.values["title"]))


def known_now(known: Known, before: dict[str, Outcome]) -> None:
    """Their numbers, once they are written."""
    if "structures" in before:
        made: Structures = before["structures"].plan
        for key, number in made.made.items():
            known.groups[key] = (number, *known.groups[key][1:])


STRUCTURES = subject(Subject("structures", {"groups": frozenset({"name"}), "programmes": frozenset({"code"})}, parse, plan, write, rank=0))
