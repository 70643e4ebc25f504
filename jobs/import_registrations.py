"""Registrations as files say them: recognised by session record, course and group, completed and judged by models/enrolment_rules.py.

The check makes each row as it would be, on objects that the database never sees, and asks the rules of the models about it; the write makes
the same rows for good. Session records that are missing come with their first registration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from jobs.import_admissions import Admissions, Known, forget
from jobs.import_catalogue import named
from jobs.import_parse import Parsed
from jobs.import_plan import Planned
from jobs.import_registration_cells import INHERITS, Place, Row, apply, shown_of, standing
from jobs.import_study_known import Studies, once, pieces, refuse
from models.admissions import Admission, AdmissionStatus
from models.base import Refusal, fold
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid
from models.enrolment_rules import settle
from models.enrolments import Enrolment, with_shown
from models.import_study_fields import CODE_COLUMNS, ENROLMENTS
from models.people import Student
from models.session_records import SessionRecord, need_active
from models.studies import OrgUnit, Programme, Season, Term

Kept = tuple[str, int]  # its group, its number
Head = tuple[int, tuple[int, str]]  # an admission (minus its line where it comes with the import) and a term
COUNTED = ("new_enrolments", "enrolments_changed", "new_records")
IDENTITY = frozenset({"student_ref", "national_id", "programme", "grid", "term", "course", "units", "group"})
SAID = tuple(key for key, _heading, _label in ENROLMENTS if key not in IDENTITY)


class Registrations:
    """The registrations that the lines speak of, and what stands for their rows while they are judged."""

    def __init__(self, studies: Studies, admissions: Admissions) -> None:
        self.studies, self.admissions = studies, admissions
        self.kept: dict[tuple[int, tuple[int, str], str], tuple[Kept, ...]] = {}  # (admission, term, course) -> its registrations
        self.records: set[Head] = set()
        self.new_records: set[Head] = set()
        self.seen: dict[Any, int] = {}
        self.first: dict[Any, Kept] = {}  # (admission or line, term, course) -> the group of the first line that adds it, and that line
        self.heads: dict[Head, SessionRecord] = {}
        self.rows: dict[int, Enrolment] = {}
        self.courses: dict[str, Course] = {}
        self.units: dict[str, OrgUnit] = {}

    def read(self, rows: list[Parsed]) -> None:
        """What the school has of the lines' terms and students, without the rows themselves."""
        studies, session = self.studies, self.studies.session
        mine = [one.id for known in self.admissions.of.values() for one in known if one.id]
        terms = {number: key for key, number in studies.terms.items()}
        wanted = {studies.terms[key] for row in rows if (key := row.values.get("term")) in studies.terms}
        r, e = SessionRecord, Enrolment
        lines = select(r.admission_id, r.term_id, e.id, Course.number, e.group_number).outerjoin(e, e.session_record_id == r.id)
        lines = lines.outerjoin(Course, Course.id == e.course_id)
        for piece in pieces(mine):
            for admission, term, number, course, group in session.execute(lines.where(r.admission_id.in_(piece), r.term_id.in_(wanted))):
                self.records.add((admission, terms[term]))
                if number is not None:
                    mark = (admission, terms[term], course)
                    self.kept[mark] = (*self.kept.get(mark, ()), (group, number))
        self.courses = named(session, studies.work.school_id, Course, "number", (row.values.get("course", "") for row in rows))
        self.units = named(session, studies.work.school_id, OrgUnit, "code", studies.units)

    def load(self, numbers: Iterable[int]) -> None:
        """The rows of one piece, with what is shown of them."""
        wanted = select(Enrolment).where(Enrolment.id.in_(list(numbers))).options(*with_shown())
        self.rows = {one.id: one for one in self.studies.session.scalars(wanted)}

    # -- one line

    def line(self, row: Parsed) -> tuple[Planned | None, Any, int]:
        """(its fate where that is settled, what it speaks of, the number of the row that it changes or 0)."""
        studies, values = self.studies, row.values
        if row.skip:
            return Planned(row, "ignored"), None, 0
        student = studies.student(row)
        studies.need(row, "term", "course")
        course, term = studies.course(row), studies.place(row, "term")
        programme = studies.programme(row)
        for key in CODE_COLUMNS:
            studies.code(row, key)
        known = None if student is None else self._admission(row, student, programme, term, course)
        if row.problems or known is None or term is None:
            return Planned(row, "error"), None, 0
        head = (known.id or -known.line, term)
        group, number = self._registration(row, (*head, course), values.get("group", ""))
        once(row, (*head, course, group), self.seen, "course")
        return (Planned(row, "error") if row.problems else None), (known, student, head, course, group), number

    def _registration(self, row: Parsed, mark: Any, group: str) -> Kept:
        """Which registration of the course the line means, 0 for a new one. Without a group it is the one that the record holds: a mark never
        lands on a second one beside it. Beside another group a new one is told.
        """
        kept = self.kept.get(mark, ())
        others = ", ".join(one for one, _number in kept if one and one != group)
        for one in kept:
            if one[0] == group:
                if not group and others:
                    row.doubt("group", "group_none", groups=others)
                return one
        if kept and not group:
            if len(kept) == 1:
                return kept[0]
            row.problem("group", "group_which", groups=others)
            return group, 0
        if kept:
            row.doubt("group", "group_beside" if others else "group_beside_choice", groups=others)
            return group, 0
        other, line = self.first.setdefault(mark, (group, row.line))
        if bool(other) != bool(group):
            row.problem("group", "group_again", line=line)
        return group, 0

    def _admission(self, row: Parsed, student: Any, programme: str, term: Any, course: str) -> Known | None:
        """Under which admission the line is: of those to its grid, else to its programme, the one whose record of the term holds the course, the
        one that has a record of the term, the only active one.
        """
        grid = row.values.get("grid", "")
        if grid and grid not in self.studies.grids:
            row.problem("grid", "grid_missing", name=grid)
            return None
        found = self.admissions.find(student, programme, grid)
        active = [one for one in found if one.status == AdmissionStatus.active.name]
        heads = [one for one in found if (one.id, term) in self.records]
        heads = [one for one in heads if (one.id, term, course) in self.kept] or heads
        if len(heads) == 1:
            return heads[0]
        if not found:
            where = "grid" if grid else "programme" if programme else "student_ref"
            row.problem(where, "admission_none", name=grid or programme or "—")
        elif (heads or len(active) > 1) and not grid:
            row.problem("grid", "admission_which")
        else:
            if heads:
                row.doubt("grid", "record_which", num=len(heads))
            return ([one for one in heads if one in active] or heads or active or found)[-1]
        return None

    def planned(self, row: Parsed, about: Any, number: int) -> Planned:
        """What becomes of a line whose names are known."""
        known, student, head, course, group = about
        studies, kept = self.studies, self.rows.get(number)
        said = Row(studies, row, self.kind_of(course, group), self._place(row))
        one = standing(kept, self._head(known, student, head), self._course(course), group)
        before = shown_of(said, one) if kept is not None else {}
        try:
            if kept is None:
                need_active(one.session_record.admission)
            apply(said, one)
            settle(studies.session, one, {(one.course.id or 0, group): said.kind} if said.kind is not None else {})
        except Refusal as refusal:
            refuse(row, self._culprit(said, kept, (known, student, head, course, group)), refusal)
        if row.problems:
            return Planned(row, "error")
        planned = Planned(row, "unchanged" if kept is not None else "created", student if isinstance(student, int) else None)
        planned.values = {"admission": head[0], "term": head[1], "course": course, "group": group}
        planned.values |= {key: row.values[key] for key in SAID if key in row.values}
        if kept is not None:
            planned.values["id"] = number
            after = shown_of(said, one)
            planned.diff = [{"field": key, "before": before[key], "after": after[key]} for key in after if after[key] != before[key]]
            planned.status = "changed" if planned.diff else "unchanged"
        verb = "edit" if kept is not None else "create"
        if planned.status != "unchanged" and not studies.may("enrolment", verb):
            row.skip = f"row_no_{verb}"
            return Planned(row, "ignored")
        if kept is None and head not in self.records:
            self.new_records.add(head)
        return planned

    def _culprit(self, said: Row, kept: Enrolment | None, about: Any) -> str:
        """The cell that a refusal is about: the one without which the line would be taken; else where the line stands."""
        known, student, head, course, group = about
        row, values = said.row, said.row.values
        if kept is None and known.status != AdmissionStatus.active.name:
            return "grid" if "grid" in values else "student_ref"
        told, doubted = len(row.problems), len(row.doubts)
        for key in sorted((key for key in SAID if key in values), key=lambda key: key in INHERITS):
            row.values = {other: value for other, value in values.items() if other != key}
            place = Place(said.place.unit, None) if key == "partner" else said.place
            one = standing(kept, self._head(known, student, head), self._course(course), group)
            try:
                apply(Row(said.studies, row, said.kind, place), one)
                settle(self.studies.session, one, {(one.course.id or 0, group): said.kind} if said.kind is not None else {})
                if len(row.problems) == told:
                    return key
            except Refusal:  # this cell is not what is wrong
                pass
            finally:
                row.values = values
                del row.problems[told:]
                del row.doubts[doubted:]
        return "group" if group else "course"

    def kind_of(self, course: str, group: str) -> CodeValue | None:
        """What a group of a course stands for, by the correspondence of the school and of the import."""
        line = self.studies.rac.get((course, group)) if group else None
        return self.studies.codes.get((CodeList.rac_type, line["rac_type"])) if line else None

    def _place(self, row: Parsed) -> Place:
        """The unit and the partner of a line, the school's or to come."""
        unit, partner = self.studies.place(row, "org_unit"), self.studies.place(row, "partner")
        found = self.units.get(unit or "")
        if unit and found is None:
            found = self.units[unit] = OrgUnit(code=unit, name=unit)
        with_it = self.studies.partners.get(partner or "")
        if partner and with_it is None:
            with_it = CodeValue(code_list=CodeList.partner, code="?", label=row.values["partner"])
        return Place(found, with_it)

    def _course(self, number: str) -> Course:
        if number not in self.courses:  # it comes with the import
            said = self.studies.courses[number]
            self.courses[number] = Course(number=number, title=said["course_title"] or number)
            if said["course_category"]:
                self.courses[number].category = self.studies.codes[CODE_COLUMNS["course_category"], said["course_category"]]
        return self.courses[number]

    def _head(self, known: Known, student: Any, head: Any) -> SessionRecord:
        """A record as the rules see it."""
        if head not in self.heads:
            family, given = self.studies.names[student]
            admission = Admission(status=AdmissionStatus[known.status], student=Student(family_name=family, given_name=given))
            code = known.programme
            admission.programme, admission.grid = Programme(code=code, title=code), Grid(code=known.grid) if known.grid else None
            admission.org_unit = self.units.get(known.unit) or (OrgUnit(code=known.unit, name=known.unit) if known.unit else None)
            term = Term(year=head[1][0], season=Season[head[1][1]])
            self.heads[head] = SessionRecord(admission=admission, student=admission.student, term=term)
        return self.heads[head]


def plan_registrations(studies: Studies, admissions: Admissions, rows: list[Parsed]) -> tuple[list[Planned], Registrations]:
    """Each line one registration; 500 at a time."""
    work = Registrations(studies, admissions)
    work.read(rows)
    planned: list[Planned] = []
    with studies.session.no_autoflush:
        for piece in pieces(rows):
            about = []
            for row in piece:
                about.append((row, *work.line(row), studies.wanted))
                studies.wanted = []
            work.load(number for _row, _settled, _what, number, _wanted in about if number)
            for row, settled, what, number, wanted in about:
                studies.wanted = wanted
                planned.append(studies.settle(settled or work.planned(row, what, number)))
            forget(studies.session, work.rows.values())
            work.heads.clear()
    for one in planned:
        if one.status == "error":  # among lines of other files nothing else says what it is about
            said = one.row.values
            said["given_name"] = " · ".join(text for text in (said.get("given_name"), said.get("course"), said.get("group")) if text)
    return planned, work


def counts_of(planned: list[Planned], work: Registrations | None) -> dict[str, int]:
    """The numbers of the summary."""
    statuses = [one.status for one in planned]
    records = len(work.new_records) if work else 0
    return {"new_enrolments": statuses.count("created"), "enrolments_changed": statuses.count("changed"), "new_records": records}


def write_registrations(work: Registrations, planned: list[Planned]) -> None:
    """Write the registrations with the session records that they miss, 500 at a time, the first terms first."""
    session, studies = work.studies.session, work.studies
    terms = {(one.year, one.season.name): one for one in session.scalars(select(Term).where(Term.school_id == studies.work.school_id))}
    fresh = sorted((one for one in planned if one.status == "created"), key=lambda one: (terms[one.values["term"]].place, one.row.line))
    with session.no_autoflush:
        for piece in pieces(fresh):
            _create(work, piece, terms)
        for piece in pieces([one for one in planned if one.status == "changed"]):
            work.load(one.values["id"] for one in piece)
            places = _places(work, piece)
            for one in piece:
                kept = work.rows[one.values["id"]]
                apply(Row(studies, one.row, work.kind_of(one.values["course"], one.values["group"]), places(one.row)), kept)
            session.flush()
            forget(session, work.rows.values())


def _create(work: Registrations, piece: list[Planned], terms: dict[Any, Term]) -> None:
    session, studies = work.studies.session, work.studies
    mine = studies.work.school_id
    ids = {one.values["admission"]: work.admissions.ids.get(-one.values["admission"], one.values["admission"]) for one in piece}
    shown = (joinedload(Admission.student), joinedload(Admission.org_unit), joinedload(Admission.grid), joinedload(Admission.programme))
    admissions = {one.id: one for one in session.scalars(select(Admission).where(Admission.id.in_(ids.values())).options(*shown))}
    r = SessionRecord
    known = select(r).where(r.admission_id.in_(ids.values())).options(joinedload(r.term), joinedload(r.language))
    records = {(one.admission_id, one.term_id): one for one in session.scalars(known)}
    before: dict[int, list[int]] = {}
    for kept in records.values():
        before.setdefault(kept.admission_id, []).append(kept.term.place)
    courses = named(session, mine, Course, "number", (one.values["course"] for one in piece))
    places = _places(work, piece)
    made = []
    for one in piece:
        admission, term = admissions[ids[one.values["admission"]]], terms[one.values["term"]]
        record = records.get((admission.id, term.id))
        if record is None:
            record = records[admission.id, term.id] = r.fresh(session, admission, term, before.get(admission.id, ()))
            before.setdefault(admission.id, []).append(term.place)
        row = Enrolment(school_id=mine, session_record=record, course=courses[one.values["course"]], group_number=one.values["group"], taken=True)
        session.add(row)
        apply(Row(studies, one.row, work.kind_of(one.values["course"], one.values["group"]), places(one.row)), row)
        made.append(row)
    session.flush()
    forget(session, [*made, *records.values(), *admissions.values(), *(one.student for one in admissions.values())])


def _places(work: Registrations, piece: list[Planned]) -> Callable[[Parsed], Place]:
    """The units and partners of a piece, as rows."""
    session, studies = work.studies.session, work.studies
    units = named(session, studies.work.school_id, OrgUnit, "code", (one.values.get("org_unit", "") for one in piece))

    def found(row: Parsed) -> Place:
        partner = row.values.get("partner")
        return Place(units.get(row.values.get("org_unit", "")), studies.partners[fold(partner)] if partner else None)

    return found
