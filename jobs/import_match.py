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
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import fold
from models.custom_import import values_in
from models.names import plain_words
from models.people import Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import Level
from models.studies import Programme, programme_key

_CONTACT = ("email", "phone", "address1", "address2", "postal_code", "town", "language")
STUDENT_TEXTS = ("family_name", "given_name", "usage_name", "middle_names", "local_id", "source_ref", *_CONTACT)
GUARDIAN_TEXTS = ("title", "family_name", "given_name", *_CONTACT)
_STUDENT_COLUMNS = ("id", *STUDENT_TEXTS, "sex", "born_on", "national_id", "level_id", "programme_id", "homeroom_id", "status", "left_on", "extra")
_GUARDIAN_COLUMNS = ("id", *GUARDIAN_TEXTS, "phone_e164", "extra")

Key = tuple[str, str, dt.date]


def name_key(family: str, given: str) -> tuple[str, str]:
    """Names as they are compared: folded, hyphens and apostrophes as spaces."""
    return plain_words(family), plain_words(given)


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
    place: str = ""  # "12.1": the first guardian of line 12, for one whom the file alone knows

    @property
    def ref(self) -> str:
        """How an answer names them (models/import_fixes.py)."""
        return f"g{self.id}" if self.id is not None else f"p{self.place}"

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
    by_source: dict[str, int] = field(default_factory=dict)  # by the number of an official export, with its year
    by_name: dict[Key, list[int]] = field(default_factory=dict)
    by_names: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    levels: dict[str, tuple[int, str]] = field(default_factory=dict)
    level_names: dict[int, str] = field(default_factory=dict)
    programmes: dict[str, tuple[int, str]] = field(default_factory=dict)  # by code, by title, by short title
    programme_names: dict[int, str] = field(default_factory=dict)
    groups: dict[str, tuple[int, str, bool]] = field(default_factory=dict)
    group_names: dict[int, str] = field(default_factory=dict)
    links: dict[tuple[int, int], tuple[int, str, str]] = field(default_factory=dict)
    guardians_of: dict[int, list[int]] = field(default_factory=dict)
    members: dict[int, set[int]] | None = None  # student -> groups that are no classes; read where a file says some
    suspended: set[int] = field(default_factory=set)
    corrected: frozenset[tuple[str, int, str]] = frozenset()  # (table, row, column) that keep their value: jobs/import_kept.py
    book: GuardianBook = field(default_factory=lambda: GuardianBook())

    @cached_property
    def by_born(self) -> dict[dt.date, list[int]]:
        """The students of each date of birth."""
        found: dict[dt.date, list[int]] = {}
        for student_id, record in self.students.items():
            if record["born_on"]:
                found.setdefault(record["born_on"], []).append(student_id)
        return found

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
        if record["source_ref"]:
            known.by_source.setdefault(record["source_ref"], record["id"])
        names = name_key(record["family_name"], record["given_name"])
        known.by_names.setdefault(names, []).append(record["id"])
        if record["born_on"]:
            known.by_name.setdefault((*names, record["born_on"]), []).append(record["id"])
    for level_id, name in session.execute(select(Level.id, Level.name).where(Level.school_id == school_id)):
        known.levels[level_key(name)] = (level_id, name)
        known.level_names[level_id] = name
    known.programmes = load_programmes(session, school_id)
    known.programme_names = dict(known.programmes.values())
    for group_id, name, category in session.execute(select(Group.id, Group.name, Group.category).where(Group.school_id == school_id)):
        known.group_names[group_id] = name
        klass = category is GroupCategory.klass
        if klass or group_key(name) not in known.groups:
            known.groups[group_key(name)] = (group_id, name, klass)
    columns = [getattr(Guardian, name) for name in _GUARDIAN_COLUMNS]
    for row in session.execute(select(*columns).where(Guardian.school_id == school_id).order_by(Guardian.id)):
        person = dict(zip(_GUARDIAN_COLUMNS, row, strict=True))
        person |= values_in("guardian", person.pop("extra"))
        known.book.add(GuardianEntry(person.pop("id"), {key: value for key, value in person.items() if value not in ("", None)}))
    ties = select(GuardianLink.id, GuardianLink.student_id, GuardianLink.guardian_id, GuardianLink.relation, GuardianLink.authority, GuardianLink.status)
    for link_id, student_id, guardian_id, relation, authority, status in session.execute(ties.where(GuardianLink.school_id == school_id)):
        known.links[student_id, guardian_id] = (link_id, relation.name, authority.name)
        known.guardians_of.setdefault(student_id, []).append(guardian_id)
        if status is LinkStatus.suspended:
            known.suspended.add(student_id)
    return known


def load_programmes(session: Session, school_id: int) -> dict[str, tuple[int, str]]:
    """Compared code or title -> (identifier, how it is said) of the programmes of a school; a code goes before the title of another."""
    rows = session.scalars(select(Programme).where(Programme.school_id == school_id).order_by(Programme.id)).all()
    found: dict[str, tuple[int, str]] = {}
    for words in ("code", "title", "short_title"):
        for row in rows:
            if key := programme_key(getattr(row, words)):
                found.setdefault(key, (row.id, str(row)))
    return found


class GuardianBook:
    """The guardians of the school and of the file, found by what makes them the same person."""

    def __init__(self) -> None:
        self.entries: list[GuardianEntry] = []
        self.by_row: dict[int, GuardianEntry] = {}
        self.by_place: dict[str, GuardianEntry] = {}  # those of the file whom an answer names
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
            _put(self._place, (*name, plain_words(data["address1"]), plain_words(data.get("town", ""))), entry)

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
            for entry in self._place.get((*name, plain_words(said["address1"]), plain_words(said.get("town", ""))), {}).values():
                return entry
        for entry in around:
            if name_key(entry.data.get("family_name", ""), entry.data.get("given_name", "")) == name:
                return entry
        return None

    def named(self, ref: str) -> GuardianEntry | None:
        """Whom an answer names: "g12" of the school, "p12.1" of the file."""
        return self.by_row.get(int(ref[1:])) if ref[0] == "g" else self.by_place.get(ref[1:])

    def namesakes(self, said: dict[str, str]) -> list[GuardianEntry]:
        """Those of the same name, whom nothing else makes the same person; those of the school first."""
        found = self._names.get(name_key(said.get("family_name", ""), said.get("given_name", "")), {}).values()
        return sorted(found, key=lambda entry: entry.id is None)


def _put(index: dict[Any, dict[int, GuardianEntry]], key: Any, entry: GuardianEntry) -> None:
    index.setdefault(key, {}).setdefault(id(entry), entry)


def _same_given(kept: str, said: str) -> bool:
    """One e-mail often serves two parents: the given name decides. An absent one, or its initial, is no contradiction."""
    one, two = plain_words(kept), plain_words(said)
    return not one or not two or one == two or (len(min(one, two, key=len)) == 1 and one[0] == two[0])
