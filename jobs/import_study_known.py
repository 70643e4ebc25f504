"""What the school knows of its studies, read once, and what an import of studies brings with it: terms, organisational units, partners.

Values are plain: a row that is to come stands beside those of the school with the number 0. Students, admissions and the rest are named by
what makes them the same for people (a code, a number, a local number), so that the write finds them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.import_parse import Parsed
from jobs.import_plan import Place, Planned, text_of
from jobs.import_subjects import Outcome, Work
from models.base import Refusal, fold
from models.codes import CodeList, CodeValue, read_codes
from models.courses import Course, Grid, RacGroup, grid_course
from models.identifiers import compact
from models.import_study_fields import CODE_COLUMNS
from models.import_words import refused
from models.people import Student
from models.rights import may
from models.scope import WHO
from models.studies import OrgUnit, Programme, Season, Term, programme_code, programme_key
from models.units import show_units

PIECE = 500
# column of a file of courses -> column of a course
COURSE_COLUMNS = {
    "course": "number",
    "course_title": "title",
    "units": "unit_thirds",
    "hours": "weekly_hours",
    **{key: key for key in ("discipline", "official_number", "sobec_number", "objective")},
}
_LABELLED = re.compile(r"\s+[-–—]\s+|\s*:\s+")  # "EC – Échec", as lists and papers show a code
_COUNTED = {  # what people write for a presence that is confirmed, and for one that is not
    **dict.fromkeys(("oui", "o", "yes", "vrai", "true", "x", "presence confirmee", "pres. conf.", "pres conf", "confirmee"), "1"),
    **dict.fromkeys(("non", "n", "no", "faux", "false", "non recense", "non recensee", "non confirmee"), "0"),
}
YEARS_AWAY = 10  # of a term that a file may bring: one further from today is a slip of the keyboard
UNKNOWN = {"term": "term_unknown", "org_unit": "unit_unknown", "partner": "partner_unknown"}
TABLES = {"term": "term", "org_unit": "org_unit", "partner": "code_value"}


def pieces(rows: list[Any]) -> Iterator[list[Any]]:
    """500 at a time."""
    for start in range(0, len(rows), PIECE):
        yield rows[start : start + PIECE]


@dataclass
class Studies:
    """The studies of one school as the check sees them."""

    session: Session
    work: Work
    courses: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # number -> columns of a file of courses
    programmes: dict[str, str] = field(default_factory=dict)  # compared code or title -> code
    grids: dict[str, dict[str, Any]] = field(default_factory=dict)  # code -> columns of a file of grids
    taught: set[tuple[str, str]] = field(default_factory=set)  # (code of a grid, number of a course)
    rac: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # (number of a course, group) -> id, code of the kind
    units: dict[str, int] = field(default_factory=dict)
    terms: dict[tuple[int, str], int] = field(default_factory=dict)
    partners: dict[str, CodeValue] = field(default_factory=dict)  # compared code or name -> the code
    names: dict[Any, tuple[str, str]] = field(default_factory=dict)  # student -> family name, given name
    by_local: dict[str, list[Any]] = field(default_factory=dict)
    by_national: dict[str, Any] = field(default_factory=dict)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    coming: dict[str, dict[Any, str]] = field(default_factory=lambda: {"term": {}, "org_unit": {}, "partner": {}})
    wanted: list[tuple[str, Any, str, Place]] = field(default_factory=list)

    @property
    def codes(self) -> dict[tuple[CodeList, str], CodeValue]:
        """The codes of the school, kept by the session."""
        return read_codes(self.session)

    @staticmethod
    def may(table: str, verb: str) -> bool:
        """Whether the asker may do this to one row of a table: an import does no more."""
        return may(WHO.get().roles, table, verb)

    # -- what a line names

    def need(self, row: Parsed, *keys: str) -> bool:
        """Whether these cells hold something; an empty one is a problem, unless its text was refused already."""
        wrong = {note["field"] for note in row.problems}
        for key in keys:
            if key not in row.values and key not in wrong:
                row.problem(key, "cell_needed")
        return all(key in row.values for key in keys)

    def course(self, row: Parsed) -> str:
        """The number of a course that exists or comes, else ""."""
        number = row.values.get("course", "")
        if number and number not in self.courses:
            row.problem("course", "course_missing", number=number)
            return ""
        kept = self.courses.get(number, {}).get("units")
        said = row.values.get("units")
        if number and said is not None and kept is not None and said != kept:
            row.doubt("units", "units_differ", units=show_units(kept))
        return str(number)

    def programme(self, row: Parsed) -> str:
        """The code of a programme that exists or comes, else ""."""
        text = row.values.get("programme", "")
        code = self.programmes.get(programme_key(text), "") if text else ""
        if text and not code:
            row.problem("programme", "programme_missing", name=text)
        return code

    def code(self, row: Parsed, key: str) -> CodeValue | None:
        """The code of a list that a cell names: alone, before its label, by its label; for the census also by yes or no. The row keeps the code."""
        said = row.values.get(key)
        if not said:
            return None
        found = self._code(CODE_COLUMNS[key], said)
        if found is None:
            row.problem(key, "code_unknown", name=said, list=str(CODE_COLUMNS[key].label))
        else:
            row.values[key] = found.code
        return found

    def _code(self, code_list: CodeList, said: str) -> CodeValue | None:
        if found := self.codes.get((code_list, said)):
            return found
        if code_list is CodeList.census_status and (counted := _COUNTED.get(fold(said))):
            return self.codes.get((code_list, counted))
        if found := self.codes.get((code_list, _LABELLED.split(said, maxsplit=1)[0])):
            return found
        named = [one for (of, _code), one in self.codes.items() if of is code_list and fold(one.label) == fold(said)]
        return named[0] if len(named) == 1 else None

    def student(self, row: Parsed) -> Any:
        """Whom the line is about: a number of the school, or the mark of one who comes with the import; None with a problem told."""
        local, national = row.values.get("student_ref", ""), row.values.get("national_id", "")
        if not local and not national:
            if not row.problems:
                row.problem("student_ref", "student_needed")
            return None
        found = self.by_local.get(local, [])
        other = self.by_national.get(national)
        if len(found) > 1 and other in found:
            found = [other]
        if len(found) > 1:
            row.problem("student_ref", "students_many", num=len(found))
            return None
        if found and other is not None and other != found[0]:
            row.problem("national_id", "student_other", name=self.name_of(found[0]))
            return None
        who = found[0] if found else other
        if who is None:
            row.problem("student_ref" if local else "national_id", "no_student")
            return None
        row.values["family_name"], row.values["given_name"] = self.names[who]
        return who

    def name_of(self, who: Any) -> str:
        """A student as one speaks of them."""
        family, given = self.names[who]
        return f"{given} {family}"

    # -- what comes with the import

    def place(self, row: Parsed, column: str, field_name: str = "") -> Any:
        """What a cell names of the terms, units or partners (its key), the school's or to come; None with a problem told, or for an empty cell."""
        kind = field_name or column
        said = row.values.get(column)
        if not said:
            return None
        known: dict[str, Mapping[Any, Any]] = {"term": self.terms, "org_unit": self.units, "partner": self.partners}
        for name in (said,) if kind == "term" else (said, _LABELLED.split(said, maxsplit=1)[0]):
            key = fold(name) if kind == "partner" else name
            if key in known[kind]:
                row.values[column] = name
                return key
        key = fold(said) if kind == "partner" else said
        text = row.cells.get(column, "")
        if kind == "term" and self._far(column, said[0]):
            row.problem(column, "term_far", name=Term(year=said[0], season=Season[said[1]]).short)
            return None
        told = self.places.setdefault((kind, text), Place(kind, text))
        told.lines += 1
        if not self.may(TABLES[kind], "create"):
            row.problem(column, UNKNOWN[kind], name=text)
            return None
        self.wanted.append((kind, key, said if kind == "partner" else text, told))
        return key

    def _far(self, column: str, year: int) -> bool:
        """Whether a new term is too far from today; the first term of an old admission may lie as far back as terms go."""
        today = self.work.context.today.year
        return year > today + YEARS_AWAY or (column == "term" and year < today - YEARS_AWAY)

    def settle(self, planned: Planned) -> Planned:
        """What a line that is taken names comes with it."""
        if planned.status in ("created", "changed"):
            for kind, key, text, told in self.wanted:
                self.coming[kind].setdefault(key, text)
                told.comes = True
        self.wanted.clear()
        return planned

    def told(self) -> list[Place]:
        """What comes, for the preview."""
        return sorted((one for one in self.places.values() if one.comes), key=lambda one: (one.field, -one.lines))


def refuse(row: Parsed, key: str, refusal: Refusal) -> None:
    """What a model refuses as the problem of a line."""
    bad = refused(refusal)
    row.problem(key, bad.code, **bad.params)


def once(row: Parsed, mark: Any, seen: dict[Any, int], key: str) -> None:
    """The same thing on two lines is a problem of the second."""
    if mark in seen and not row.skip and not row.problems:
        row.problem(key, "row_again", line=seen[mark])
    if not row.skip:
        seen.setdefault(mark, row.line)


def fate(studies: Studies, row: Parsed, table: str, kept: Mapping[str, Any] | None, values: dict[str, Any]) -> Planned:
    """Created, changed or as it is: an empty cell erases nothing, and nobody writes more than their rights on single rows."""
    if row.skip or row.problems:
        return Planned(row, "ignored" if row.skip else "error")
    said = {key: value for key, value in values.items() if value not in (None, "")}
    changes = {key: value for key, value in said.items() if kept is not None and value != kept.get(key)}
    verb = "create" if kept is None else "edit"
    if (kept is None or changes) and not studies.may(table, verb):
        row.skip = f"row_no_{verb}"
        return Planned(row, "ignored")
    if kept is None:
        return Planned(row, "created", values=said)
    diff = [{"field": key, "before": shown(key, kept.get(key)), "after": shown(key, value)} for key, value in changes.items()]
    return Planned(row, "changed" if changes else "unchanged", values={**changes, "id": kept["id"]}, diff=diff)


def shown(key: str, value: Any) -> str:
    """A value as the cell of a file says it; never the cell itself, which the write does not read."""
    if key == "start_term":
        return "" if value is None else Term(year=value[0], season=Season[value[1]]).short
    return show_units(value) if key == "units" else text_of(value)


def read_studies(session: Session, work: Work, kinds: Iterable[str], before: dict[str, Outcome]) -> Studies:
    """Read what these kinds of files may name, in one statement a table."""
    studies, mine = Studies(session, work), work.school_id
    studies.units = dict(session.execute(select(OrgUnit.code, OrgUnit.id).where(OrgUnit.school_id == mine)).all())
    unit_codes = {number: code for code, number in studies.units.items()}
    studies.terms = {(year, season.name): i for i, year, season in session.execute(select(Term.id, Term.year, Term.season).where(Term.school_id == mine))}
    names = {one.id: one.code for one in studies.codes.values()}
    columns = {key: getattr(Course, column) for key, column in COURSE_COLUMNS.items()}
    for one in session.execute(select(Course.id, Course.category_id, *columns.values()).where(Course.school_id == mine)).mappings():
        kept = {key: one[column.key] for key, column in columns.items()}
        studies.courses[one["number"]] = {**kept, "id": one["id"], "course_category": names.get(one["category_id"], "")}
    _read_programmes(studies, before)
    codes = {}
    rows = select(Grid.id, Grid.code, Grid.title, Grid.org_unit_id, Programme.code).join(Programme, Grid.programme_id == Programme.id)
    for number, code, title, unit, programme in session.execute(rows.where(Grid.school_id == mine)):
        codes[number] = code
        studies.grids[code] = {"id": number, "grid": code, "grid_title": title, "org_unit": unit_codes.get(unit or 0, ""), "programme": programme}
    if "grids" in kinds:
        pairs = select(grid_course.c.grid_id, Course.number).join(Course, Course.id == grid_course.c.course_id).where(Course.school_id == mine)
        studies.taught = {(codes[grid], number) for grid, number in session.execute(pairs) if grid in codes}
    if {"rac_groups", "enrolments"} & set(kinds):
        lines = select(RacGroup.id, RacGroup.number, RacGroup.rac_type_id, Course.number).join(Course, Course.id == RacGroup.course_id)
        for number, group, kind, course in session.execute(lines.where(RacGroup.school_id == mine)):
            studies.rac[course, group] = {"id": number, "course": course, "group": group, "rac_type": names.get(kind, "")}
    for value in studies.codes.values():
        if value.code_list is CodeList.partner:
            studies.partners.setdefault(fold(value.label), value)
            studies.partners[fold(value.code)] = value
    if {"admissions", "enrolments"} & set(kinds):
        _read_students(studies, before)
    return studies


def _read_programmes(studies: Studies, before: dict[str, Outcome]) -> None:
    mine = studies.work.school_id
    rows = studies.session.execute(select(Programme.code, Programme.title, Programme.short_title).where(Programme.school_id == mine).order_by(Programme.id))
    said = [tuple(row) for row in rows]
    if "structures" in before:
        fresh = (one for kind, one in before["structures"].lines if kind == "programmes" and one.status == "created")
        said += [(one.values["code"], one.values["title"], one.values["short_title"]) for one in fresh]
    if "people" in before:  # those that the students name and bring are written before the studies, under the same codes
        taken = {row[0] for row in said}
        for text in before["people"].plan.new_programmes.values():
            made = Programme.named(text, taken)
            taken.add(made.code)
            said.append((made.code, made.title, made.short_title or ""))
    for at in range(3):
        for row in said:
            if key := programme_key(row[at]):
                studies.programmes.setdefault(key, programme_code(row[0]))


def _read_students(studies: Studies, before: dict[str, Outcome]) -> None:
    s = Student
    wanted = select(s.id, s.local_id, s.national_id, s.family_name, s.given_name).where(s.school_id == studies.work.school_id)
    known: list[Any] = [tuple(row) for row in studies.session.execute(wanted.order_by(s.id))]
    if "people" in before:
        for kind, one in before["people"].lines:
            if kind == "students" and one.status in ("created", "changed"):
                said = one.row.values  # what a line of the students says counts already for the lines of their admissions
                local, national = said.get("local_id", ""), said.get("national_id")
                mark = one.student_id or local or national
                if mark:
                    known.append((mark, local, national, said.get("family_name", ""), said.get("given_name", "")))
    for who, local, national, family, given in known:
        studies.names.setdefault(who, (family, given))
        if local and who not in (known_as := studies.by_local.setdefault(compact(local), [])):
            known_as.append(who)
        if national:
            studies.by_national.setdefault(national, who)
