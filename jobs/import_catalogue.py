"""Courses, grids and the correspondence between groups and kinds of recognition, as files say them: what they would change, and its writing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from jobs.import_parse import Parsed
from jobs.import_plan import Planned
from jobs.import_study_known import COURSE_COLUMNS, Studies, fate, once, pieces, refuse
from models.base import Refusal
from models.codes import known_code
from models.courses import Course, Grid, RacGroup
from models.enrolment_rules import check_kind
from models.import_study_fields import CODE_COLUMNS
from models.studies import OrgUnit, Programme

COUNTED = ("new_courses", "courses_changed", "new_grids", "new_grid_courses", "grids_changed", "new_rac_groups", "rac_groups_changed")


def plan_courses(studies: Studies, rows: list[Parsed]) -> list[Planned]:
    """Each line a course, the same by its number."""
    seen: dict[Any, int] = {}
    return [_course(studies, row, seen) for row in rows]


def _course(studies: Studies, row: Parsed, seen: dict[Any, int]) -> Planned:
    if not row.skip:
        studies.need(row, "course")
        studies.code(row, "course_category")
    number = row.values.get("course", "")
    kept = studies.courses.get(number)
    if not row.skip and kept is None and number and "course_title" not in row.values:
        row.problem("course_title", "title_missing")
    probe = Course()
    for key, column in COURSE_COLUMNS.items():
        if key in row.values and key != "course":
            try:
                setattr(probe, column, row.values[key])
            except Refusal as refusal:
                refuse(row, key, refusal)
    once(row, number, seen, "course")
    row.values["family_name"] = " – ".join(text for text in (number, row.values.get("course_title") or (kept or {}).get("course_title", "")) if text)
    columns = (*COURSE_COLUMNS, "course_category")
    planned = fate(studies, row, "course", kept, {key: row.values.get(key) for key in columns})
    if planned.status == "created":
        studies.courses[number] = {**dict.fromkeys(columns), **planned.values, "id": 0}
    elif planned.status == "changed" and kept is not None:
        studies.courses[number] = {**kept, **planned.values}
    return planned


def plan_grids(studies: Studies, rows: list[Parsed]) -> list[Planned]:
    """Each line one course of a grid; a grid comes with its first line."""
    seen: dict[Any, int] = {}
    first: dict[str, Parsed] = {}
    return [studies.settle(_grid(studies, row, seen, first)) for row in rows]


def _grid(studies: Studies, row: Parsed, seen: dict[Any, int], first: dict[str, Parsed]) -> Planned:
    code, values = row.values.get("grid", ""), row.values
    values["family_name"] = " · ".join(text for text in (code, values.get("course", "")) if text)
    if row.skip:
        return Planned(row, "ignored")
    studies.need(row, "grid")
    kept, programme, course = studies.grids.get(code), studies.programme(row), studies.course(row)
    if code and kept is None:
        studies.need(row, "programme")
    if kept is not None and programme and programme != kept["programme"]:
        row.problem("programme", "grid_other", grid=code, programme=kept["programme"])
    told = first.get(code)
    if told is not None and any(key in values and key in told.values and values[key] != told.values[key] for key in ("org_unit", "grid_title")):
        row.problem("org_unit" if values.get("org_unit") != told.values.get("org_unit") else "grid_title", "grid_two", line=told.line)
    unit = studies.place(row, "org_unit")
    once(row, (code, course), seen, "course" if course else "grid")
    planned = fate(studies, row, "grid", kept, {"grid": code, "programme": programme, "grid_title": values.get("grid_title"), "org_unit": unit})
    if planned.status in ("error", "ignored"):
        return planned
    if planned.status == "created":
        planned.values["new_grid"] = True
        studies.grids[code] = {"grid_title": "", "org_unit": "", **planned.values, "id": 0}
    elif kept is not None:
        studies.grids[code] = {**kept, **planned.values}
    first.setdefault(code, row)
    planned.values["grid"] = code
    if course and (code, course) not in studies.taught:
        if not studies.may("grid", "edit") and not studies.grids[code].get("new_grid"):
            row.skip = "row_no_edit"
            return Planned(row, "ignored")
        studies.taught.add((code, course))
        planned.values["course"] = course
        planned.status = "created"
    return planned


def plan_rac_groups(studies: Studies, rows: list[Parsed]) -> list[Planned]:
    """Each line a group of a course and the kind that it stands for."""
    seen: dict[Any, int] = {}
    return [_rac_group(studies, row, seen) for row in rows]


def _rac_group(studies: Studies, row: Parsed, seen: dict[Any, int]) -> Planned:
    values = row.values
    values["family_name"] = " · ".join(text for text in (values.get("course", ""), values.get("group", "")) if text)
    if row.skip:
        return Planned(row, "ignored")
    studies.need(row, "course", "group")
    mark = (studies.course(row), values.get("group", ""))
    kept, kind = studies.rac.get(mark), studies.code(row, "rac_type")
    if kept is None and "rac_type" not in values and not row.problems:
        row.problem("rac_type", "kind_missing")
    once(row, mark, seen, "group")
    if kind is not None and not row.problems and (kept is None or kept["rac_type"] != kind.code):
        line = RacGroup(course_id=studies.courses[mark[0]]["id"], number=mark[1], rac_type=kind)
        try:
            check_kind(studies.session.connection(), line)
        except Refusal as refusal:
            refuse(row, "rac_type", refusal)
    planned = fate(studies, row, "rac_group", kept, {"course": mark[0], "group": mark[1], "rac_type": kind.code if kind else None})
    if planned.status in ("created", "changed"):
        studies.rac[mark] = {"id": 0, **(kept or {}), **planned.values, "rac_type": kind.code if kind else ""}
    return planned


def counts_of(planned: dict[str, list[Planned]]) -> dict[str, int]:
    """The numbers of the summary."""

    def number(kind: str, status: str) -> int:
        return sum(1 for one in planned.get(kind, ()) if one.status == status)

    grids = [one for one in planned.get("grids", ()) if one.status in ("created", "changed")]
    return {
        "new_courses": number("courses", "created"),
        "courses_changed": number("courses", "changed"),
        "new_grids": sum(1 for one in grids if one.values.get("new_grid")),
        "new_grid_courses": sum(1 for one in grids if one.values.get("course")),
        "grids_changed": sum(1 for one in grids if one.diff),
        "new_rac_groups": number("rac_groups", "created"),
        "rac_groups_changed": number("rac_groups", "changed"),
    }


def write_catalogue(session: Session, studies: Studies, planned: dict[str, list[Planned]]) -> None:
    """Write courses, then grids, then the correspondence, 500 lines at a time."""
    mine = studies.work.school_id
    for piece in pieces([one for one in planned.get("courses", ()) if one.status in ("created", "changed")]):
        known = _known(session, Course, [one.values["id"] for one in piece if one.status == "changed"])
        for one in piece:
            course = known.get(one.values.get("id", 0)) or Course(school_id=mine)
            for key, value in one.values.items():
                if key == "course_category":
                    course.category = known_code(session, CODE_COLUMNS[key], value)
                elif key in COURSE_COLUMNS:
                    setattr(course, COURSE_COLUMNS[key], value)
            session.add(course)
        session.flush()
    _write_grids(session, mine, [one for one in planned.get("grids", ()) if one.status in ("created", "changed")])
    for piece in pieces([one for one in planned.get("rac_groups", ()) if one.status in ("created", "changed")]):
        known = _known(session, RacGroup, [one.values["id"] for one in piece if one.status == "changed"])
        courses = named(session, mine, Course, "number", (one.values.get("course", "") for one in piece))
        for one in piece:
            line = known.get(one.values.get("id", 0)) or RacGroup(school_id=mine, course=courses[one.values["course"]], number=one.values["group"])
            line.rac_type = known_code(session, CODE_COLUMNS["rac_type"], one.values["rac_type"])
            session.add(line)
        session.flush()


def _write_grids(session: Session, mine: int, lines: list[Planned]) -> None:
    if not lines:
        return
    ids = [one.values["id"] for one in lines if "id" in one.values]
    codes = {one.values["grid"] for one in lines if "grid" in one.values}
    wanted = select(Grid).where(Grid.school_id == mine).options(selectinload(Grid.courses))
    grids = {one.code: one for piece in pieces(sorted(codes)) for one in session.scalars(wanted.where(Grid.code.in_(piece)))}
    by_id = {one.id: one for piece in pieces(sorted(set(ids))) for one in session.scalars(wanted.where(Grid.id.in_(piece)))}
    programmes = named(session, mine, Programme, "code", (one.values.get("programme", "") for one in lines))
    units = named(session, mine, OrgUnit, "code", (one.values.get("org_unit", "") for one in lines))
    courses = named(session, mine, Course, "number", (one.values.get("course", "") for one in lines))
    for one in lines:
        said = one.values
        grid = by_id.get(said.get("id", 0)) or grids.get(said.get("grid", ""))
        if grid is None:
            grid = grids[said["grid"]] = Grid(school_id=mine, code=said["grid"], programme=programmes[said["programme"]])
            session.add(grid)
        if said.get("grid_title"):
            grid.title = said["grid_title"]
        if said.get("org_unit"):
            grid.org_unit = units[said["org_unit"]]
        if said.get("course"):
            grid.courses.append(courses[said["course"]])
    session.flush()


def _known(session: Session, model: Any, ids: list[int]) -> dict[int, Any]:
    return {one.id: one for one in session.scalars(select(model).where(model.id.in_(ids)))} if ids else {}


def named(session: Session, school_id: int, model: Any, column: str, texts: Any) -> dict[str, Any]:
    """The rows of a school under these codes."""
    found: dict[str, Any] = {}
    for piece in pieces(sorted({text for text in texts if text})):
        rows = session.scalars(select(model).where(model.school_id == school_id, getattr(model, column).in_(piece)))
        found |= {getattr(one, column): one for one in rows}
    return found
