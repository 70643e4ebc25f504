"""Admissions as files say them: recognised by student, programme and grid, created where they stand, moved by the verbs of models/admissions.py."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from jobs.import_catalogue import named
from jobs.import_parse import Parsed
from jobs.import_plan import Planned
from jobs.import_study_known import Studies, fate, once, pieces, refuse
from models.admissions import OPEN, Admission, AdmissionStatus, second_open
from models.base import Refusal
from models.courses import Grid
from models.studies import OrgUnit, Programme

COUNTED = ("new_admissions", "admissions_changed")
VERBS = {"active": "activate", "suspended": "suspend", "closed": "close", "sanctioned": "sanction"}


@dataclass(slots=True)
class Known:
    """An admission of the school (its number), or one to come (0, and the line that brings it)."""

    id: int
    student: Any
    programme: str
    grid: str
    unit: str
    term: tuple[int, str] | None
    status: str
    days: dict[str, dt.date | None] = field(default_factory=dict)
    line: int = 0

    @property
    def open(self) -> bool:
        """Whether it is under way."""
        return AdmissionStatus[self.status] in OPEN

    @property
    def name(self) -> str:
        """As people call it."""
        return self.grid or self.programme


@dataclass
class Admissions:
    """The admissions of the students whom the files name, by student."""

    of: dict[Any, list[Known]] = field(default_factory=dict)
    ids: dict[int, int] = field(default_factory=dict)  # line -> number, once they are written

    def find(self, student: Any, programme: str, grid: str) -> list[Known]:
        """Those to a grid, else to a programme, else all."""
        mine = self.of.get(student, [])
        return [one for one in mine if (one.grid == grid if grid else not programme or one.programme == programme)]


def read_admissions(studies: Studies, students: set[Any]) -> Admissions:
    """The admissions of these students, 500 students a statement."""
    found = Admissions()
    units = {number: code for code, number in studies.units.items()}
    terms = {number: key for key, number in studies.terms.items()}
    a = Admission
    columns = (a.id, a.student_id, Programme.code, Grid.code, a.org_unit_id, a.term_id, a.status, a.applied_on, a.admitted_on, a.ended_on)
    wanted = select(*columns).join(Programme, Programme.id == a.programme_id).outerjoin(Grid, Grid.id == a.grid_id).order_by(a.id)
    for piece in pieces(sorted(one for one in students if isinstance(one, int))):
        for number, student, programme, grid, unit, term, status, applied, admitted, ended in studies.session.execute(wanted.where(a.student_id.in_(piece))):
            days = {"applied_on": applied, "admitted_on": admitted, "ended_on": ended}
            one = Known(number, student, programme, grid or "", units.get(unit or 0, ""), terms.get(term or 0), status.name, days)
            found.of.setdefault(student, []).append(one)
    return found


def plan_admissions(studies: Studies, admissions: Admissions, rows: list[Parsed]) -> list[Planned]:
    """Each line one admission."""
    seen: dict[Any, int] = {}
    planned = [studies.settle(_admission(studies, admissions, row, seen)) for row in rows]
    for one in planned:
        if one.status == "error":  # among lines of other files nothing else says what it is about
            said = one.row.values
            said["given_name"] = " · ".join(text for text in (said.get("given_name"), said.get("grid") or said.get("programme")) if text)
    return planned


def _admission(studies: Studies, admissions: Admissions, row: Parsed, seen: dict[Any, int]) -> Planned:
    values = row.values
    if row.skip:
        return Planned(row, "ignored")
    student = studies.student(row)
    programme, grid = studies.programme(row), values.get("grid", "")
    kept_grid = studies.grids.get(grid)
    if grid and kept_grid is None:
        row.problem("grid", "grid_missing", name=grid)
    elif kept_grid is not None and programme and programme != kept_grid["programme"]:
        row.problem("grid", "grid_other", grid=grid, programme=kept_grid["programme"])
    elif not grid and not programme:
        studies.need(row, "programme")
    programme = programme or (kept_grid or {}).get("programme", "")
    term, unit = studies.place(row, "start_term", "term"), studies.place(row, "org_unit")
    if row.problems or student is None:
        return Planned(row, "error")
    once(row, (student, programme, grid, term), seen, "grid" if grid else "programme")
    found = _match(admissions.find(student, programme, grid), values.get("admission_status"), term)
    status = values.get("admission_status") or (found.status if found else AdmissionStatus.active.name)
    days = {key: values.get(key) for key in ("applied_on", "admitted_on", "ended_on")}
    try:
        kept_days = found.days if found else {}
        Admission(**{key: days[key] or kept_days.get(key) for key in ("applied_on", "admitted_on")}).check_days()
    except Refusal as refusal:
        refuse(row, "admitted_on", refusal)
    _check_status(studies, admissions, row, found, student, (programme, grid), status)
    kept = None if found is None else {"id": found.id, "start_term": found.term, "org_unit": found.unit, "admission_status": found.status, **found.days}
    said = {"start_term": term, "org_unit": unit, "admission_status": status, **days}
    if found is None:
        said |= {"student": student, "programme": programme, "grid": grid}
    planned = fate(studies, row, "admission", kept, said)
    planned.student_id = student if isinstance(student, int) else None
    if planned.status == "created":
        fresh = Known(0, student, programme, grid, unit or "", term, status, days, row.line)
        admissions.of.setdefault(student, []).append(fresh)
    elif planned.status == "changed" and found is not None:
        found.status, found.term, found.unit = status, term or found.term, unit or found.unit
        found.days = {**found.days, **{key: day for key, day in days.items() if day}}
    return planned


def _match(found: list[Known], status: str | None, term: Any) -> Known | None:
    """The admission that a line speaks of: that of the same first term, of the same standing, an open one. What ended under another first term
    is another admission.
    """
    candidates = [one for one in found if one.id and (one.open or term is None or one.term in (None, term))]
    return max(candidates, key=lambda one: (one.term == term, one.status == status, one.open, one.id), default=None)


def _check_status(studies: Studies, admissions: Admissions, row: Parsed, found: Known | None, student: Any, where: tuple[str, str], status: str) -> None:
    """Where the admission is to stand: by the rules and the rights of its verbs."""
    before = found.status if found else ""
    if status == before:
        return
    verb = VERBS.get(status, "")
    if verb and (found or status != AdmissionStatus.active.name) and not studies.may("admission", verb):
        row.problem("admission_status", "status_not_yours")
        return
    if AdmissionStatus[status] in OPEN:
        other = next((one for one in admissions.find(student, *where) if one is not found and one.open and one.grid == where[1]), None)
        if other is not None:
            refuse(row, "admission_status", second_open(studies.name_of(student), other.name))
            return
    if found is None:
        return
    programme = Programme(code=found.programme, title=found.programme)
    probe = Admission(status=AdmissionStatus[before], admitted_on=found.days.get("admitted_on"), programme=programme)
    try:
        _move(probe, status, row.values.get("ended_on"), studies.work.context.today, row)
    except Refusal as refusal:
        refuse(row, "admission_status", refusal)


def _move(admission: Admission, status: str, ended: dt.date | None, today: dt.date, row: Parsed | None = None) -> None:
    """By the verb of the model."""
    if status == "active":
        admission.activate(today)
    elif status == "suspended":
        admission.suspend()
    elif status == "closed":
        admission.close(ended or today)
    elif status == "sanctioned" and ended is None and row is not None:
        row.problem("ended_on", "sanction_day")
    elif status == "sanctioned":
        admission.sanction(ended or today, today)
    elif row is not None:
        row.problem("admission_status", "never_applicant")


def counts_of(planned: list[Planned]) -> dict[str, int]:
    """The numbers of the summary."""
    statuses = [one.status for one in planned]
    return {"new_admissions": statuses.count("created"), "admissions_changed": statuses.count("changed")}


def write_admissions(session: Session, studies: Studies, admissions: Admissions, planned: list[Planned], students: dict[Any, int]) -> None:
    """Write the admissions, 500 at a time. `students` gives the numbers of those who came with the import."""
    mine, today = studies.work.school_id, studies.work.context.today
    for piece in pieces([one for one in planned if one.status == "created"]):
        programmes = named(session, mine, Programme, "code", (one.values["programme"] for one in piece))
        grids = named(session, mine, Grid, "code", (one.values.get("grid", "") for one in piece))
        units = named(session, mine, OrgUnit, "code", (one.values.get("org_unit", "") for one in piece))
        made = [_make(one.values, mine, students, (programmes, grids, units), studies.terms) for one in piece]
        session.add_all(made)
        session.flush()
        admissions.ids |= {one.row.line: admission.id for one, admission in zip(piece, made, strict=True)}
        forget(session, made)
    wanted = select(Admission).options(joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.student))
    for piece in pieces([one for one in planned if one.status == "changed"]):
        units = named(session, mine, OrgUnit, "code", (one.values.get("org_unit", "") for one in piece))
        rows = {one.id: one for one in session.scalars(wanted.where(Admission.id.in_([one.values["id"] for one in piece])))}
        for one in piece:
            _change(rows[one.values["id"]], one.values, units, studies.terms, today)
        session.flush()
        forget(session, rows.values())


def _make(said: dict[str, Any], mine: int, students: dict[Any, int], named_by_code: tuple[Any, Any, Any], terms: dict[Any, int]) -> Admission:
    programmes, grids, units = named_by_code
    made = Admission(school_id=mine, student_id=students.get(said["student"], said["student"]), programme=programmes[said["programme"]])
    made.grid, made.org_unit = grids.get(said.get("grid", "")), units.get(said.get("org_unit", ""))
    made.term_id = terms.get(said.get("start_term", ()))
    made.status = AdmissionStatus[said["admission_status"]]
    made.applied_on, made.admitted_on, made.ended_on = said.get("applied_on"), said.get("admitted_on"), said.get("ended_on")
    if made.status is AdmissionStatus.sanctioned:
        made.sanctioned_on = made.ended_on
    return made


def _change(admission: Admission, said: dict[str, Any], units: dict[str, Any], terms: dict[Any, int], today: dt.date) -> None:
    for key in ("applied_on", "admitted_on", "ended_on"):
        if said.get(key):
            setattr(admission, key, said[key])
    if said.get("org_unit"):
        admission.org_unit = units[said["org_unit"]]
    if said.get("start_term"):
        admission.term_id = terms[said["start_term"]]
    if said.get("admission_status"):
        _move(admission, said["admission_status"], said.get("ended_on"), today)


def forget(session: Session, rows: Any) -> None:
    """Written rows leave the session: memory stays flat whatever the size of the file."""
    for row in rows:
        if row in session:
            session.expunge(row)
