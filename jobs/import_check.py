"""What a file would change: each row against the school, without writing anything.

`check_rows` is a pure function of the rows and of what the school knows: the preview shows its plan, and the write computes
it again inside its own transaction and compares the digests, so that nothing is written which nobody read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.import_guardians import plan_guardians
from jobs.import_match import STUDENT_TEXTS, Known, find_doubles, group_key, level_key, name_key
from jobs.import_parse import Parsed
from jobs.import_plan import Plan, Planned, Rules, digest_of, same_value, text_of
from models.identifiers import clean_uai
from models.people import Sex, StudentStatus
from models.values import lost_letters

NAMES = {"family_name", "given_name", "usage_name", "middle_names"}


class _Check:
    def __init__(self, known: Known, rules: Rules) -> None:
        self.known, self.rules = known, rules
        self.seen: set[int] = set()
        self.line_of: dict[int, int] = {}
        self.new_levels: dict[str, str] = {}
        self.new_groups: dict[str, str] = {}
        self.deduced = 0
        self.level_of_number = _levels_by_number(known)

    def plan(self, rows: list[Parsed], preset: dict[int, int]) -> list[Planned]:
        """Match every row first, so that siblings and doubles are known before guardians are."""
        find_doubles(rows, self.rules.ignored, self.known)
        planned = []
        for row in rows:
            if not self.rules.guardians:  # what is left out needs no correction
                row.problems, row.doubts = _without_guardians(row.problems), _without_guardians(row.doubts)
            self._check_school(row)
            student_id = preset.get(row.line) or (None if row.skip else self._match(row))
            if student_id is not None:
                if student_id in self.line_of and not row.problems:
                    row.problem("national_id", "row_twice", line=self.line_of[student_id])
                self.line_of.setdefault(student_id, row.line)
                self.seen.add(student_id)
            if row.line in self.rules.ignored:
                row.problems, row.doubts, row.skip = [], [], "ignored_by_hand"
            if row.problems or row.skip == "ignored_by_hand":
                self._spare(row)
            planned.append(self._student(row, student_id))
        for one in planned if self.rules.guardians else ():
            if one.status in {"created", "changed", "unchanged"}:
                plan_guardians(one, self.known)
        return planned

    def _check_school(self, row: Parsed) -> None:
        code = row.values.get("school_code")
        if code and clean_uai(code) != self.known.official_code and not row.skip:
            row.problem("school_code", "other_school", uai=code)

    def _spare(self, row: Parsed) -> None:
        """Whoever a row that is not taken may speak of is not absent from the file."""
        values = row.values
        if values.get("national_id") in self.known.by_id:
            self.seen.add(self.known.by_id[values["national_id"]])
        self.seen.update(self.known.by_names.get(name_key(values.get("family_name", ""), values.get("given_name", "")), ()))

    def _match(self, row: Parsed) -> int | None:
        """The student of this row, or None for a new one; what cannot be told for certain is a problem of the row."""
        values, known = row.values, self.known
        if "family_name" not in values or "given_name" not in values:
            return known.by_id.get(values.get("national_id", ""))
        names = name_key(values["family_name"], values["given_name"])
        born, code = values.get("born_on"), values.get("national_id")
        unread = any(n["field"] == "born_on" for n in row.problems)
        if code and code in known.by_id:
            record = known.students[known.by_id[code]]
            same_name = name_key(record["family_name"], record["given_name"]) == names
            if (born is None and same_name) or born == record["born_on"] or (record["born_on"] is None and same_name):
                return int(record["id"])
            if not unread:
                row.problem("national_id", "id_taken", name=f"{record['given_name']} {record['family_name']}")
            return int(record["id"]) if same_name else None
        if born is None:
            if not unread:
                row.problem("born_on", "born_missing")
            return None
        found = known.by_name.get((*names, born), [])
        return self._by_name(row, code, found)

    def _by_name(self, row: Parsed, code: str | None, found: list[int]) -> int | None:
        free = [i for i in found if not self.known.students[i]["national_id"]]
        if len(found) > 1 and (not code or free):
            row.problem("national_id", "several", num=len(found))
            return None
        if found and (not code or free):
            return found[0]
        if found:
            other = self.known.students[found[0]]
            row.doubt("national_id", "other_id", name=f"{other['given_name']} {other['family_name']}")
        return None

    def _student(self, row: Parsed, student_id: int | None) -> Planned:
        if row.skip:
            return Planned(row, "ignored", student_id)
        values = dict(row.values)
        left_on = values.pop("left_on", None)
        gone = left_on is not None and left_on <= self.rules.today
        if gone and student_id is None and not row.problems:
            row.skip = "gone"
            return Planned(row, "ignored")
        planned = Planned(row, "created" if student_id is None else "unchanged", student_id)
        record: Mapping[Any, Any] = self.known.students.get(student_id, {}) if student_id is not None else {}
        for key in STUDENT_TEXTS:
            if key in values and not same_value(key, record.get(key) or "", values[key]):
                if key in NAMES and lost_letters(values[key]):
                    row.problem(key, "damaged")
                self._set(planned, key, record.get(key) or "", values[key])
        for key in ("national_id", "born_on"):
            if values.get(key) and values[key] != record.get(key):
                self._set(planned, key, record.get(key), values[key])
        if values.get("sex") and (record.get("sex") is None or record["sex"].name != values["sex"]):
            self._set(planned, "sex", record["sex"].name if record.get("sex") else "", values["sex"], Sex[values["sex"]])
        self._place(planned, record, values)
        if student_id is not None:
            self._presence(planned, record, left_on if gone else None)
        if row.problems:
            planned.status = "error"
        return planned

    def _set(self, planned: Planned, key: str, before: Any, after: Any, value: Any = None) -> None:
        planned.values[key] = after if value is None else value
        if planned.student_id is not None:
            planned.status = "changed"
            planned.diff.append({"field": key, "before": text_of(before), "after": text_of(after)})

    def _presence(self, planned: Planned, record: Mapping[Any, Any], left_on: dt.date | None) -> None:
        """A leaving date deactivates, presence without one brings back; an identifier alone in a file of ties does neither."""
        if left_on is not None and record["status"] is StudentStatus.active:
            self._set(planned, "left_on", None, left_on)
        elif left_on is None and record["status"] is StudentStatus.left and self.rules.whole:
            self._set(planned, "status", StudentStatus.left.name, StudentStatus.active.name, StudentStatus.active)

    def _place(self, planned: Planned, record: Mapping[Any, Any], values: dict[str, Any]) -> None:
        """Class and level by their compared names; unknown ones come with the import. A class may tell its level."""
        moved = False
        if values.get("homeroom"):
            key = group_key(values["homeroom"])
            found = self.known.groups.get(key)
            if found and not found[2]:
                planned.row.problem("homeroom", "group_name", name=found[1])
                return
            if not found and not planned.row.problems:
                self.new_groups.setdefault(key, values["homeroom"])
            if not found or found[0] != record.get("homeroom_id"):
                moved = True
                before = self.known.group_names.get(record.get("homeroom_id") or 0, "")
                self._set(planned, "homeroom", before, found[1] if found else self.new_groups.get(key, values["homeroom"]), key)
        level = level_key(values["level"]) if values.get("level") else ""
        if not level and values.get("homeroom") and (moved or not record.get("level_id")):
            level = self._level_of_class(values["homeroom"])
            self.deduced += bool(level) and not planned.row.problems
        if level:
            known = self.known.levels.get(level)
            if not known and not planned.row.problems:
                self.new_levels.setdefault(level, values["level"])
            if not known or known[0] != record.get("level_id"):
                before = self.known.level_names.get(record.get("level_id") or 0, "")
                self._set(planned, "level", before, known[1] if known else self.new_levels.get(level, values.get("level", "")), level)

    def _level_of_class(self, name: str) -> str:
        """ "4A" is in the only level of the school that begins with 4; anything less certain is left to people."""
        number = re.match(r"[0-9]{1,2}", group_key(name))
        return self.level_of_number.get(number[0], "") if number else ""


def _without_guardians(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [note for note in notes if not re.match(r"g\d\.", note["field"])]


def _levels_by_number(known: Known) -> dict[str, str]:
    numbers: dict[str, list[str]] = {}
    for key in known.levels:
        if found := re.match(r"[0-9]{1,2}", key):
            numbers.setdefault(found[0], []).append(key)
    return {number: keys[0] for number, keys in numbers.items() if len(keys) == 1}


def check_rows(rows: Iterable[Parsed], known: Known, rules: Rules, preset: dict[int, int] | None = None) -> Plan:
    """The fate of every row. `preset` gives the student of a line where another file already told it."""
    check = _Check(known, rules)
    planned = check.plan(list(rows), preset or {})
    absent = []
    if rules.whole:
        absent = [i for i, s in known.students.items() if i not in check.seen and s["status"] is StudentStatus.active]
    statuses = [one.status for one in planned]
    fresh = [e for e in known.book.entries if e.used and e.id is None]
    counts = {
        **{status: statuses.count(status) for status in ("created", "changed", "unchanged", "error", "ignored")},
        "absent": len(absent),
        "active": known.active,
        "lines": len(planned),
        "new_levels": len(check.new_levels),
        "new_groups": len(check.new_groups),
        "deduced_levels": check.deduced,
        "new_guardians": len(fresh),
        "changed_guardians": sum(1 for e in known.book.entries if e.used and e.id is not None and e.said),
        "new_links": sum(1 for one in planned for tie in one.ties if tie.link_id is None),
        "doubts": sum(1 for one in planned if one.row.doubts and one.status != "ignored"),
    }
    return Plan(planned, known, absent, check.new_levels, check.new_groups, check.deduced, counts, digest_of(planned, absent))
