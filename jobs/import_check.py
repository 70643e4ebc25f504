"""What a file would change: each row against the school, without writing anything.

`check_rows` is a pure function of the rows, of what people decided and of what the school knows: the preview shows its plan, and the
write computes it again inside its own transaction and compares the digests, so that nothing is written which nobody read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jobs.import_clubs import Clubs
from jobs.import_doubts import answered, ask, ask_of_file, ask_of_school, ask_pair, held, open_refs
from jobs.import_guardians import plan_guardians
from jobs.import_kept import PLACES
from jobs.import_match import STUDENT_TEXTS, Known, name_key
from jobs.import_parse import Parsed
from jobs.import_places import Places
from jobs.import_plan import NAMES, Plan, Planned, Rules, digest_of, same_value, text_of
from models.custom_import import MARK, column_of, values_in
from models.custom_import import text_of as text_of_own
from models.identifiers import clean_uai
from models.people import Sex, StudentStatus
from models.values import lost_letters


class _Check:
    def __init__(self, known: Known, rules: Rules) -> None:
        self.known, self.rules, self.answers = known, rules, rules.answers
        self.seen: set[int] = set()
        self.first: dict[int, Parsed] = {}
        self.places = Places(known, rules)
        self.clubs = Clubs(known, rules)

    def plan(self, rows: list[Parsed], preset: dict[int, int]) -> list[Planned]:
        """Match every row first, so that siblings and doubles are known before guardians are, and certain matches before doubts."""
        ask_of_file(rows, self.known, self.answers)
        students: list[int | None] = []
        for row in rows:
            if not self.rules.guardians:  # what is left out needs no correction
                row.problems, row.doubts = _without_guardians(row.problems), _without_guardians(row.doubts)
            self._check_school(row)
            student_id = preset.get(row.line) or (None if row.skip else self._match(row))
            if student_id is not None:
                self._only_once(row, student_id)
            if row.skip == "ignored_by_hand":
                row.problems, row.doubts, row.asks = [], [], []
            students.append(student_id)
        for row, student_id in zip(rows, students, strict=True):
            if student_id is None and not row.skip and not row.asks and not ask_of_school(row, self.known, self.answers, self.seen):
                self._check_born(row)
        for row in rows:
            if row.problems or held(row) or row.skip == "ignored_by_hand":
                self._spare(row)
        planned = [self._allowed(self._student(row, student_id)) for row, student_id in zip(rows, students, strict=True)]
        for one in planned if self.rules.guardians else ():
            if one.status in {"created", "changed", "unchanged"}:
                plan_guardians(one, self.known, self.answers)
        return planned

    def _check_school(self, row: Parsed) -> None:
        code = row.values.get("school_code")
        if code and clean_uai(code) != self.known.official_code and not row.skip:
            row.problem("school_code", "other_school", uai=code)

    def _check_born(self, row: Parsed) -> None:
        if "born_on" not in row.values and not any(n["field"] in {"born_on", "family_name", "given_name", "full_name"} for n in row.problems):
            row.problem("born_on", "born_missing")

    def _only_once(self, row: Parsed, student_id: int) -> None:
        if student_id in self.first and not row.problems:
            ask_pair(self.first[student_id], row, "row_twice", self.answers, one=True)
        self.first.setdefault(student_id, row)
        self.seen.add(student_id)

    def _spare(self, row: Parsed) -> None:
        """Whoever a row that is not taken may speak of is not absent from the file."""
        values = row.values
        if values.get("national_id") in self.known.by_id:
            self.seen.add(self.known.by_id[values["national_id"]])
        self.seen.update(self.known.by_names.get(name_key(values.get("family_name", ""), values.get("given_name", "")), ()))
        self.seen.update(int(ref[1:]) for question in row.asks for ref in question["refs"] if ref[0] == "s")

    def _match(self, row: Parsed) -> int | None:
        """The student of this row, or None for a new one; what cannot be told for certain is a question or a problem of the row."""
        values, known = row.values, self.known
        code = values.get("national_id")
        chosen = answered(self.answers, str(row.line))
        if chosen and int(chosen[1:]) in known.students:
            return self._chosen(row, int(chosen[1:]), code)
        if "family_name" not in values or "given_name" not in values:
            return known.by_id.get(code or "")
        names = name_key(values["family_name"], values["given_name"])
        born = values.get("born_on")
        if code and code in known.by_id:
            return self._by_id(row, known.by_id[code], names, born)
        if born is None:
            return None
        return self._by_name(row, code, known.by_name.get((*names, born), []))

    def _chosen(self, row: Parsed, student_id: int, code: str | None) -> int:
        """Somebody said who it is; an identifier that is another student's stays one."""
        other = self.known.by_id.get(code or "", student_id)
        if other != student_id:
            row.problem("national_id", "id_taken", name=self._name(other))
        return student_id

    def _by_id(self, row: Parsed, student_id: int, names: tuple[str, str], born: dt.date | None) -> int | None:
        record = self.known.students[student_id]
        same_name = name_key(record["family_name"], record["given_name"]) == names
        if (born is None and same_name) or born == record["born_on"] or (record["born_on"] is None and same_name):
            return student_id
        if any(n["field"] == "born_on" for n in row.problems):
            return student_id if same_name else None
        refs = open_refs(self.answers, str(row.line), [f"s{student_id}"])
        if same_name and refs:
            ask(row, str(row.line), "same_id", refs)
        else:
            row.problem("national_id", "id_taken", name=self._name(student_id))
        return None

    def _by_name(self, row: Parsed, code: str | None, found: list[int]) -> int | None:
        refs = open_refs(self.answers, str(row.line), [f"s{i}" for i in found])
        found = [int(ref[1:]) for ref in refs]
        free = [i for i in found if not self.known.students[i]["national_id"]]
        if len(found) > 1 and (not code or free):
            ask(row, str(row.line), "several", refs, num=len(found))
            return None
        if found and (not code or free):
            return found[0]
        if found:
            row.doubt("national_id", "other_id", name=self._name(found[0]))
            ask(row, str(row.line), "other_id", refs, held=False, name=self._name(found[0]))
        return None

    def _name(self, student_id: int) -> str:
        record = self.known.students[student_id]
        return f"{record['given_name']} {record['family_name']}"

    def _student(self, row: Parsed, student_id: int | None) -> Planned:
        if row.skip:
            return Planned(row, "ignored", student_id)
        values = dict(row.values)
        left_on = values.pop("left_on", None)
        gone = left_on is not None and left_on <= self.rules.today
        if gone and student_id is None and not row.problems and not row.asks:
            row.skip = "gone"
            return Planned(row, "ignored")
        if student_id is None and "create" not in self.rules.student and not row.problems and not row.asks:
            row.skip = "no_create"
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
        kept = values_in("student", record.get("extra"))
        for key in values:
            if MARK in key and values[key] != kept.get(key):
                self._set(planned, key, text_of_own(key, kept.get(key)), text_of_own(key, values[key]), values[key])
        theirs = student_id is None or "edit" in self.rules.student
        taken = theirs and not row.problems and not held(row)
        for key, before, after, compared in self.places.place(planned, record, values, taken):
            self._set(planned, key, before, after, compared)
        if values.get("groups"):
            keys, names = self.clubs.join(planned, values["groups"], taken)
            if keys:
                self._set(planned, "groups", "", ", ".join(names), keys)
        if student_id is not None:
            self._presence(planned, record, left_on if gone else None)
        if row.problems:
            planned.status = "error"
        elif held(row):
            planned.status = "unsure"
        return planned

    def _allowed(self, planned: Planned) -> Planned:
        """The line, or nothing of it where it changes a student whom the asker may not change; coming and leaving have rights of their own."""
        if planned.status == "changed" and "edit" not in self.rules.student and planned.values.keys() - {"left_on", "status"}:
            planned.row.skip = "no_edit"
            return Planned(planned.row, "ignored", planned.student_id)
        return planned

    def _set(self, planned: Planned, key: str, before: Any, after: Any, value: Any = None) -> None:
        if ("student", planned.student_id, PLACES.get(key, column_of(key))) in self.known.corrected:
            planned.diff.append({"field": key, "before": text_of(before), "after": text_of(after), "kept": True})
            return
        planned.values[key] = after if value is None else value
        if planned.student_id is not None:
            planned.status = "changed"
            planned.diff.append({"field": key, "before": text_of(before), "after": text_of(after)})

    def _presence(self, planned: Planned, record: Mapping[Any, Any], left_on: dt.date | None) -> None:
        """A leaving date deactivates, presence without one brings back; an identifier alone in a file of ties does neither."""
        if left_on is not None and record["status"] is StudentStatus.active:
            if "deactivate" in self.rules.student:
                self._set(planned, "left_on", None, left_on)
            else:
                planned.row.doubt("left_on", "no_deactivate")
        elif left_on is None and record["status"] is StudentStatus.left and self.rules.whole:
            if "reactivate" in self.rules.student:
                self._set(planned, "status", StudentStatus.left.name, StudentStatus.active.name, StudentStatus.active)
            else:
                planned.row.doubt("", "no_reactivate")


def _without_guardians(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [note for note in notes if not re.match(r"g\d\.", note["field"])]


def check_rows(rows: Iterable[Parsed], known: Known, rules: Rules, preset: dict[int, int] | None = None) -> Plan:
    """The fate of every row. `preset` gives the student of a line where another file already told it."""
    check = _Check(known, rules)
    planned = check.plan(list(rows), preset or {})
    absent = []
    if rules.whole and not rules.partial:
        absent = [i for i, s in known.students.items() if i not in check.seen and s["status"] is StudentStatus.active]
    statuses = [one.status for one in planned]
    fresh = [e for e in known.book.entries if e.used and e.id is None]
    places = check.places
    counts = {
        **{status: statuses.count(status) for status in ("created", "changed", "unchanged", "error", "unsure", "ignored")},
        "asked": sum(1 for one in planned if one.row.asks),
        "absent": len(absent),
        "leaving": sum(1 for one in planned if one.status == "changed" and "left_on" in one.values),
        "active": known.active,
        "lines": len(planned),
        "new_levels": len(places.new_levels),
        "new_groups": len(places.new_groups),
        "deduced_levels": places.deduced,
        "new_clubs": len(check.clubs.new),
        "new_programmes": len(places.new_programmes),
        "joins": check.clubs.joins,
        "new_guardians": len(fresh),
        "changed_guardians": sum(1 for e in known.book.entries if e.used and e.id is not None and e.said),
        "new_links": sum(1 for one in planned for tie in one.ties if tie.link_id is None),
        "kept": sum(1 for one in planned for change in one.diff if change.get("kept")),
        "doubts": sum(1 for one in planned if one.row.doubts and one.status != "ignored"),
    }
    digest = digest_of(planned, absent)
    return Plan(planned, known, absent, places.new_levels, places.new_groups, places.all(), counts, digest, check.clubs.new, places.new_programmes)
