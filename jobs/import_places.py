"""Levels, classes and programmes of the rows: known by their compared names, coming with the import, or nearly those of the school.

A class that the school lacks comes with the import and is named before anything is written. One that is nearly a class of the school
("5e Bleu" for "5e Bleue") is a problem of its lines until somebody says which is meant: two classes are never made by a slip of the hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.import_doubts import near_words
from jobs.import_match import Known, group_key, level_key
from jobs.import_plan import Place, Planned, Rules
from models.studies import programme_key

COMPARED = {"homeroom": group_key, "level": level_key, "programme": programme_key}
PROBLEM = {"homeroom": "class_near", "level": "level_near", "programme": "programme_near"}
MOST = 200  # names that the preview is told; nobody settles more one by one
COMPARED_AT_MOST = 500  # names compared with those of the school: more than that is a column of something else
SHORTEST = 4  # letters of a name that can be mistyped: "5e A" and "5e B" are two classes


class Places:
    """What the rows say of levels, classes and programmes; `new_levels`, `new_groups`, `new_programmes` are those to make: compared name -> name."""

    def __init__(self, known: Known, rules: Rules) -> None:
        self.known, self.rules = known, rules
        self.new_levels: dict[str, str] = {}
        self.new_groups: dict[str, str] = {}
        self.new_programmes: dict[str, str] = {}
        self.deduced = 0
        self.found: dict[tuple[str, str], Place] = {}
        self._level_of_number = _levels_by_number(known)
        self._near: dict[tuple[str, str], str] = {}
        self._known: dict[str, list[tuple[str, tuple[str, list[str]]]]] = {}

    def place(self, planned: Planned, record: Mapping[Any, Any], values: dict[str, Any], taken: bool) -> list[tuple[str, str, str, str]]:
        """(field, before, after, compared name) of what changes for a row. Only a row that is `taken` makes a level, a class or a programme."""
        changes = self._programme(planned, record, values.get("programme", ""), taken)
        moved = False
        if values.get("homeroom"):
            key = group_key(values["homeroom"])
            found = self.known.groups.get(key)
            if found and not found[2]:
                planned.row.problem("homeroom", "group_name", name=found[1])
                return []
            if not found and not self._comes(planned, "homeroom", key, values["homeroom"]):
                return []
            if not found and taken:
                self.new_groups.setdefault(key, values["homeroom"])
            if not found or found[0] != record.get("homeroom_id"):
                moved = True
                before = self.known.group_names.get(record.get("homeroom_id") or 0, "")
                changes.append(("homeroom", before, found[1] if found else self.new_groups.get(key, values["homeroom"]), key))
        level = level_key(values["level"]) if values.get("level") else ""
        if not level and values.get("homeroom") and (moved or not record.get("level_id")):
            level = self._level_of_class(values["homeroom"])
            self.deduced += bool(level) and taken
        if level:
            known = self.known.levels.get(level)
            if not known and not self._comes(planned, "level", level, values["level"]):
                return changes
            if not known and taken:
                self.new_levels.setdefault(level, values["level"])
            if not known or known[0] != record.get("level_id"):
                before = self.known.level_names.get(record.get("level_id") or 0, "")
                changes.append(("level", before, known[1] if known else self.new_levels.get(level, values.get("level", "")), level))
        return changes

    def _programme(self, planned: Planned, record: Mapping[Any, Any], text: str, taken: bool) -> list[tuple[str, str, str, str]]:
        """The programme by its code, else by its title; one that the school lacks comes when the asker may create it."""
        key = programme_key(text)
        known = self.known.programmes.get(key)
        if not key or (known and known[0] == record.get("programme_id")):
            return []
        if not known and not self.rules.programmes:
            planned.row.problem("programme", "programme_unknown", name=text)
            return []
        if not known and not self._comes(planned, "programme", key, text):
            return []
        if not known and taken:
            self.new_programmes.setdefault(key, text)
        before = self.known.programme_names.get(record.get("programme_id") or 0, "")
        return [("programme", before, known[1] if known else self.new_programmes.get(key, text), key)]

    def all(self) -> list[Place]:
        """The names that the school lacks, told whether they come with the import; first those that somebody must settle."""
        for (field, key), place in self.found.items():
            place.comes = key in {"level": self.new_levels, "programme": self.new_programmes}.get(field, self.new_groups)
        return sorted(self.found.values(), key=lambda place: (place.comes, -place.lines))[:MOST]

    def _comes(self, planned: Planned, field: str, key: str, text: str) -> bool:
        """Count a name that the school lacks; whether it may come with the import."""
        place = self.found.setdefault((field, key), Place(field, text))
        place.lines += 1
        if key in self.rules.to_create.get(field, ()):
            return True
        place.near = self._near_of(field, key)
        if place.near:
            planned.row.problem(field, PROBLEM[field], name=text, near=place.near)
        return not place.near

    def _near_of(self, field: str, key: str) -> str:
        """The level or class of the school that a name nearly is, or ""."""
        if (field, key) not in self._near:
            found = next((name for name, known in self._names(field) if _near(_cut(key), known)), "") if len(self._near) < COMPARED_AT_MOST else ""
            self._near[field, key] = found
        return self._near[field, key]

    def _names(self, field: str) -> list[tuple[str, tuple[str, list[str]]]]:
        """(name, its letters and numbers) of what the school has."""
        if field not in self._known:
            if field == "level":
                names = [(name, key) for key, (_id, name) in self.known.levels.items()]
            elif field == "programme":
                names = [(name, key) for key, (_id, name) in self.known.programmes.items()]
            else:
                names = [(name, key) for key, (_id, name, klass) in self.known.groups.items() if klass]
            self._known[field] = [(name, _cut(key)) for name, key in names]
        return self._known[field]

    def _level_of_class(self, name: str) -> str:
        """ "4A" is in the only level of the school that begins with 4; anything less certain is left to people."""
        number = re.match(r"[0-9]{1,2}", group_key(name))
        return self._level_of_number.get(number[0], "") if number else ""


def compared(to_create: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """What somebody said is to come with an import, by compared names."""
    return {field: frozenset(COMPARED[field](text) for text in texts) for field, texts in to_create.items() if field in COMPARED}


def _cut(name: str) -> tuple[str, list[str]]:
    """A compared name as its letters and its numbers."""
    return re.sub(r"[0-9]", "", name), re.findall(r"[0-9]+", name)


def _near(one: tuple[str, list[str]], two: tuple[str, list[str]]) -> bool:
    return one[1] == two[1] and min(len(one[0]), len(two[0])) >= SHORTEST and near_words(one[0], two[0])


def _levels_by_number(known: Known) -> dict[str, str]:
    numbers: dict[str, list[str]] = {}
    for key in known.levels:
        if found := re.match(r"[0-9]{1,2}", key):
            numbers.setdefault(found[0], []).append(key)
    return {number: keys[0] for number, keys in numbers.items() if len(keys) == 1}
