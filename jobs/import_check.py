"""What a file would change: each row against the school, without writing anything.

`check_rows` is a pure function of the rows and of what the school knows: the preview shows its plan, and the write computes
it again inside its own transaction and compares the digests, so that nothing is written which nobody read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jobs.import_match import GUARDIAN_TEXTS, STUDENT_TEXTS, GuardianEntry, Known, group_key, level_key, name_key
from jobs.import_parse import LEGAL_TIES, GuardianCells, Note, Parsed
from models.identifiers import clean_uai
from models.people import Sex, StudentStatus
from models.values import lost_letters, same_spelling

SPELLED = {"family_name", "given_name", "usage_name", "middle_names", "address1", "address2", "town"}
NAMES = {"family_name", "given_name", "usage_name", "middle_names"}
GUARDIAN_KEYS = (*GUARDIAN_TEXTS, "phone_e164")


@dataclass(slots=True)
class Tie:
    """A link to write: to which guardian of the book, with what; `link_id` when it exists and changes."""

    guardian: GuardianEntry
    relation: str
    authority: str
    link_id: int | None = None


@dataclass(slots=True)
class Planned:
    """One row's fate: created, changed, unchanged, error, ignored. `values` are what is written to the student."""

    row: Parsed
    status: str
    student_id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    diff: list[dict[str, Any]] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)


@dataclass
class Plan:
    """All that an import would do: rows, absent students, new classes and levels, guardians."""

    rows: list[Planned]
    known: Known
    absent: list[int]
    new_levels: dict[str, str]
    new_groups: dict[str, str]
    deduced_levels: int
    counts: dict[str, int]
    digest: str


@dataclass(frozen=True)
class Rules:
    """What the person chose or may not do."""

    ignored: frozenset[int] = frozenset()
    guardians: bool = True
    whole: bool = True  # the file lists all students: those it does not hold are absent
    today: dt.date = dt.date(1970, 1, 1)


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
        _find_doubles(rows, self.rules.ignored, self.known)
        planned = []
        for row in rows:
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
        for one in planned:
            if one.status in {"created", "changed", "unchanged"}:
                self._guardians(one)
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
        record = self.known.students.get(student_id, {}) if student_id is not None else {}
        for key in STUDENT_TEXTS:
            if key in values and not _same(key, record.get(key) or "", values[key]):
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
            planned.diff.append({"field": key, "before": _text(before), "after": _text(after)})

    def _presence(self, planned: Planned, record: dict[str, Any], left_on: dt.date | None) -> None:
        """A leaving date deactivates, presence without one brings back; an identifier alone in a file of ties does neither."""
        if left_on is not None and record["status"] is StudentStatus.active:
            self._set(planned, "left_on", None, left_on)
        elif left_on is None and record["status"] is StudentStatus.left and self.rules.whole:
            self._set(planned, "status", StudentStatus.left.name, StudentStatus.active.name, StudentStatus.active)

    def _place(self, planned: Planned, record: dict[str, Any], values: dict[str, Any]) -> None:
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

    def _guardians(self, planned: Planned) -> None:
        if not self.rules.guardians:
            return
        student_id = planned.student_id
        around = [self.known.book.by_row[g] for g in self.known.guardians_of.get(student_id, [])] if student_id is not None else []
        here: list[GuardianEntry] = []
        for cells in planned.row.guardians:
            said = {key: cells.values[key] for key in GUARDIAN_KEYS if cells.values.get(key)}
            entry = self.known.book.find(said, [*around, *here])
            if entry is None:
                namesake = self.known.book.namesake(said)
                if namesake is not None:
                    planned.row.doubt(f"g{cells.number}.family_name", "homonym", name=namesake.name)
                entry = self.known.book.add(GuardianEntry(None, {}))
            if any(entry is other for other in here):
                continue
            here.append(entry)
            entry.used = True
            self._merge(planned, entry, said, cells)
            self._tie(planned, entry, cells)

    def _merge(self, planned: Planned, entry: GuardianEntry, said: dict[str, str], cells: GuardianCells) -> None:
        """The first line that says something of a guardian decides; a later line that says otherwise is told."""
        prefix, told_before = f"g{cells.number}.", len(entry.said)
        for key, value in said.items():
            if key in entry.first:
                told = entry.said.get(key, entry.kept.get(key, ""))
                if not _same(key, told, value) and key not in {"phone", "title"}:
                    field_key = prefix + ("phone" if key == "phone_e164" else key)
                    planned.row.doubt(field_key, "guardian_differs", line=entry.first[key])
                continue
            entry.first[key] = cells.line
            kept = entry.kept.get(key, "")
            if _same(key, kept, value):
                continue
            entry.said[key] = value
            if entry.id is not None and key != "phone_e164":
                planned.diff.append({"field": prefix + key, "before": kept, "after": value, "who": entry.name})
                if planned.status == "unchanged":
                    planned.status = "changed"
        if len(entry.said) > told_before:
            self.known.book.index(entry)

    def _tie(self, planned: Planned, entry: GuardianEntry, cells: GuardianCells) -> None:
        relation = cells.values.get("relation", "")
        authority = cells.values.get("authority", "")
        link = self.known.links.get((planned.student_id, entry.id)) if planned.student_id is not None and entry.id is not None else None
        if link is None:
            legal = relation in LEGAL_TIES or not relation
            planned.ties.append(Tie(entry, relation or "other", authority or ("legal" if legal else "in_charge")))
            if planned.student_id is not None:
                planned.diff.append({"field": f"g{cells.number}.tie", "before": "", "after": entry.name})
        else:
            link_id, had_relation, had_authority = link
            relation = "" if relation == "other" else relation  # an unknown word says less than what is known
            relation, authority = relation or had_relation, authority or had_authority
            if (relation, authority) == (had_relation, had_authority):
                return
            planned.ties.append(Tie(entry, relation, authority, link_id))
            for key, before, after in (("relation", had_relation, relation), ("authority", had_authority, authority)):
                if before != after:
                    planned.diff.append({"field": f"g{cells.number}.{key}", "before": before, "after": after, "who": entry.name})
        if planned.status == "unchanged":
            planned.status = "changed"


def _levels_by_number(known: Known) -> dict[str, str]:
    numbers: dict[str, list[str]] = {}
    for key in known.levels:
        if found := re.match(r"[0-9]{1,2}", key):
            numbers.setdefault(found[0], []).append(key)
    return {number: keys[0] for number, keys in numbers.items() if len(keys) == 1}


def _find_doubles(rows: list[Parsed], ignored: frozenset[int], known: Known) -> None:
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


def _same(key: str, kept: str, said: str) -> bool:
    if key in SPELLED:
        return same_spelling(kept, said)
    if key == "phone":
        return _digits(kept) == _digits(said)
    return kept == said or (key in {"email", "title"} and kept.lower() == said.lower())


def _digits(phone: str) -> str:
    """A phone as it is compared: the last nine digits tell (06..., +336..., 00336...)."""
    return re.sub(r"[^0-9]", "", phone)[-9:]


def _text(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y")
    return "" if value is None else str(value)


def _digest(rows: list[Planned], absent: list[int]) -> str:
    """A mark of the whole plan: two equal marks write the same things to the same rows."""
    mark = hashlib.sha256()
    for one in rows:
        ties = [(t.guardian.id, sorted(t.guardian.said.items()), t.relation, t.authority, t.link_id) for t in one.ties]
        told = [one.row.line, one.status, one.student_id, one.diff, ties, sorted((k, _text(v)) for k, v in one.values.items()), one.row.problems]
        mark.update(json.dumps(told, ensure_ascii=False, default=str).encode())
    mark.update(json.dumps(absent).encode())
    return mark.hexdigest()


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
    return Plan(planned, known, absent, check.new_levels, check.new_groups, check.deduced, counts, _digest(planned, absent))


def notes_of(planned: Planned) -> tuple[list[Note], list[Note]]:
    """Problems and doubts of a row; the reason of a row left out counts as a doubt."""
    doubts = planned.row.doubts
    if planned.row.skip:
        doubts = [*doubts, {"field": "", "code": planned.row.skip, "params": {}, "value": ""}]
    return planned.row.problems, doubts
