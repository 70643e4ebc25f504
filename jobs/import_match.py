"""What the school knows already, and who in it a row speaks of: found for certain, or not at all.

A student is the same by identifier *and* date of birth, else by exact folded name and date of birth. A guardian is the same
by e-mail (and given name), else folded name and phone, else folded name and address, else by name among the guardians of
that very student. Twins and homonyms are never merged by a guess (formats.md sections 0.3 and 8).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.import_parse import Parsed
from models.base import fold
from models.people import Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import Level

STUDENT_TEXTS = ("family_name", "given_name", "usage_name", "middle_names", "local_id", "email", "phone", "address1", "address2", "postal_code", "town")
GUARDIAN_TEXTS = ("title", "family_name", "given_name", "email", "phone", "address1", "address2", "postal_code", "town")
_STUDENT_COLUMNS = ("id", *STUDENT_TEXTS, "sex", "born_on", "national_id", "level_id", "homeroom_id", "status", "left_on")
_GUARDIAN_COLUMNS = ("id", *GUARDIAN_TEXTS, "phone_e164")

Key = tuple[str, str, dt.date]


def name_key(family: str, given: str) -> tuple[str, str]:
    """Names as they are compared: folded, hyphens and apostrophes as spaces."""
    return _words(family), _words(given)


@lru_cache(maxsize=16_384)
def _words(text: str) -> str:
    return " ".join(re.sub(r"[-'.‐‑–]", " ", fold(text)).split())


def group_key(name: str) -> str:
    """A class name as it is compared: "3 A" is "3a"."""
    return re.sub(r"[\s.\-_]", "", fold(name))


def level_key(name: str) -> str:
    """A level as it is compared: "6ème", "6EME", "6e" and "6" are one."""
    return re.sub(r"^([0-9]+)(?:i?eme|ere|er|re|nde|e)?$", r"\1", group_key(name))


@dataclass(slots=True)
class GuardianEntry:
    """One guardian of the school or of the file. `said` holds what the file says, `first` the line that said it."""

    id: int | None
    kept: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    used: bool = False

    @property
    def data(self) -> dict[str, str]:
        """What is known of them once the file is written."""
        return {**self.kept, **self.said}

    @property
    def name(self) -> str:
        """As one speaks of them."""
        data = self.data
        return f"{data.get('given_name', '')} {data.get('family_name', '')}".strip()


@dataclass
class Known:
    """The school as the check sees it: plain values, no entity, so that 10,000 students fit in memory and no lock is held."""

    school_id: int
    official_code: str
    students: dict[int, Mapping[Any, Any]] = field(default_factory=dict)
    by_id: dict[str, int] = field(default_factory=dict)
    by_local: dict[str, int] = field(default_factory=dict)
    by_name: dict[Key, list[int]] = field(default_factory=dict)
    by_names: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    levels: dict[str, tuple[int, str]] = field(default_factory=dict)
    level_names: dict[int, str] = field(default_factory=dict)
    groups: dict[str, tuple[int, str, bool]] = field(default_factory=dict)
    group_names: dict[int, str] = field(default_factory=dict)
    links: dict[tuple[int, int], tuple[int, str, str]] = field(default_factory=dict)
    guardians_of: dict[int, list[int]] = field(default_factory=dict)
    suspended: set[int] = field(default_factory=set)
    book: GuardianBook = field(default_factory=lambda: GuardianBook())

    @property
    def active(self) -> int:
        """How many students the school has today."""
        return sum(1 for s in self.students.values() if s["status"] is StudentStatus.active)


def load_known(session: Session, school_id: int, official_code: str) -> Known:
    """Read the school of the current scope once, as tuples."""
    known = Known(school_id, official_code)
    columns = [getattr(Student, name) for name in _STUDENT_COLUMNS]
    for record in session.execute(select(*columns).where(Student.school_id == school_id).order_by(Student.id)).mappings():
        known.students[record["id"]] = record
        if record["national_id"]:
            known.by_id[record["national_id"]] = record["id"]
        if record["local_id"]:
            known.by_local.setdefault(record["local_id"], record["id"])
        names = name_key(record["family_name"], record["given_name"])
        known.by_names.setdefault(names, []).append(record["id"])
        if record["born_on"]:
            known.by_name.setdefault((*names, record["born_on"]), []).append(record["id"])
    for level_id, name in session.execute(select(Level.id, Level.name).where(Level.school_id == school_id)):
        known.levels[level_key(name)] = (level_id, name)
        known.level_names[level_id] = name
    for group_id, name, category in session.execute(select(Group.id, Group.name, Group.category).where(Group.school_id == school_id)):
        known.group_names[group_id] = name
        klass = category is GroupCategory.klass
        if klass or group_key(name) not in known.groups:
            known.groups[group_key(name)] = (group_id, name, klass)
    columns = [getattr(Guardian, name) for name in _GUARDIAN_COLUMNS]
    for row in session.execute(select(*columns).where(Guardian.school_id == school_id).order_by(Guardian.id)):
        person = dict(zip(_GUARDIAN_COLUMNS, row, strict=True))
        known.book.add(GuardianEntry(person.pop("id"), {key: value for key, value in person.items() if value}))
    ties = select(GuardianLink.id, GuardianLink.student_id, GuardianLink.guardian_id, GuardianLink.relation, GuardianLink.authority, GuardianLink.status)
    for link_id, student_id, guardian_id, relation, authority, status in session.execute(ties.where(GuardianLink.school_id == school_id)):
        known.links[student_id, guardian_id] = (link_id, relation.name, authority.name)
        known.guardians_of.setdefault(student_id, []).append(guardian_id)
        if status is LinkStatus.suspended:
            known.suspended.add(student_id)
    return known


class GuardianBook:
    """The guardians of the school and of the file, found by what makes them the same person."""

    def __init__(self) -> None:
        self.entries: list[GuardianEntry] = []
        self.by_row: dict[int, GuardianEntry] = {}
        self._email: dict[str, dict[int, GuardianEntry]] = {}
        self._phone: dict[tuple[str, str, str], dict[int, GuardianEntry]] = {}
        self._place: dict[tuple[str, str, str, str], dict[int, GuardianEntry]] = {}
        self._names: dict[tuple[str, str], dict[int, GuardianEntry]] = {}

    def add(self, entry: GuardianEntry) -> GuardianEntry:
        """Enter a guardian under all that tells them apart."""
        self.entries.append(entry)
        if entry.id is not None:
            self.by_row[entry.id] = entry
        self.index(entry)
        return entry

    def index(self, entry: GuardianEntry) -> None:
        """Enter them again under what the file added."""
        data = entry.data
        name = name_key(data.get("family_name", ""), data.get("given_name", ""))
        _put(self._names, name, entry)
        if data.get("email"):
            _put(self._email, data["email"].lower(), entry)
        if data.get("phone_e164"):
            _put(self._phone, (*name, data["phone_e164"]), entry)
        if data.get("address1"):
            _put(self._place, (*name, _words(data["address1"]), _words(data.get("town", ""))), entry)

    def find(self, said: dict[str, str], around: list[GuardianEntry]) -> GuardianEntry | None:
        """The same person, for certain, or None. `around` are the guardians whom this student has already."""
        name = name_key(said.get("family_name", ""), said.get("given_name", ""))
        for entry in self._email.get(said.get("email", ""), {}).values():
            if _same_given(entry.data.get("given_name", ""), said.get("given_name", "")):
                return entry
        if said.get("phone_e164"):
            for entry in self._phone.get((*name, said["phone_e164"]), {}).values():
                return entry
        if said.get("address1"):
            for entry in self._place.get((*name, _words(said["address1"]), _words(said.get("town", ""))), {}).values():
                return entry
        for entry in around:
            if name_key(entry.data.get("family_name", ""), entry.data.get("given_name", "")) == name:
                return entry
        return None

    def namesake(self, said: dict[str, str]) -> GuardianEntry | None:
        """Somebody of the same name, whom nothing else makes the same person."""
        found = self._names.get(name_key(said.get("family_name", ""), said.get("given_name", "")))
        return next(iter(found.values())) if found else None


def _put(index: dict[Any, dict[int, GuardianEntry]], key: Any, entry: GuardianEntry) -> None:
    index.setdefault(key, {}).setdefault(id(entry), entry)


def _same_given(kept: str, said: str) -> bool:
    """One e-mail often serves two parents: the given name decides. An absent one, or its initial, is no contradiction."""
    one, two = _words(kept), _words(said)
    return not one or not two or one == two or (len(min(one, two, key=len)) == 1 and one[0] == two[0])


def find_doubles(rows: list[Parsed], ignored: frozenset[int], known: Known) -> None:
    """The same identifier or the same person twice in the file: each line names the other.

    An identifier that the school knows already is judged by its holder instead: the right line is not punished for the wrong one.
    """
    by_id: dict[str, list[Parsed]] = {}
    by_name: dict[Any, list[Parsed]] = {}
    for row in rows:
        if row.skip or row.line in ignored:
            continue
        values = row.values
        if values.get("national_id") and values["national_id"] not in known.by_id:
            by_id.setdefault(values["national_id"], []).append(row)
        if "family_name" in values and "given_name" in values and values.get("born_on"):
            by_name.setdefault((*name_key(values["family_name"], values["given_name"]), values["born_on"]), []).append(row)
    named = {id(row): key for key, group in by_name.items() for row in group}
    for group in by_id.values():
        if len(group) < 2:
            continue
        first = group[0]
        if len({named.get(id(row)) for row in group}) == 1 and id(first) in named:
            for row in group[1:]:
                row.problem("national_id", "row_twice", line=first.line)
        else:
            for row in group:
                row.problem("national_id", "id_twice", line=next(o.line for o in group if o is not row))
    for group in by_name.values():
        if len(group) > 1:
            coded = [row for row in group if row.values.get("national_id")]
            first = coded[0] if coded else group[0]
            for row in group:
                if row is not first and not row.values.get("national_id"):
                    row.problem("national_id", "twin_name", line=first.line)
