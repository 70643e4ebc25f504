"""The catalogue of the demonstration: courses, a grid, and in Québec the correspondence of fictitious groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup, grid_course
from models.people import Student
from models.school import Country, School
from models.studies import OrgUnit, Programme, Term
from models.units import read_units

# (number, title, discipline, units, hours a week, category)
_EARLY_CHILDHOOD = "Techniques d’éducation à l’enfance"
_COURSES = {
    "FR": (
        ("FRA-4", "Français", "Lettres", "", 5, ""),
        ("MAT-4", "Mathématiques", "Sciences", "", 4, ""),
        ("HG-4", "Histoire-géographie, EMC", "Sciences humaines", "", 3, ""),
        ("ANG-4", "Anglais, première langue", "Langues", "", 3, ""),
        ("SVT-4", "Sciences de la vie et de la Terre", "Sciences", "", 2, ""),
    ),
    "CA": (
        ("322-409-MV", "Besoins de sécurité de l’enfant", _EARLY_CHILDHOOD, "2,33", 4, "SP"),
        ("322-410-MV", "Développement global de l’enfant", _EARLY_CHILDHOOD, "2", 3, "SP"),
        ("322-411-MV", "Partenariat avec les familles", _EARLY_CHILDHOOD, "1 2/3", 3, "SP"),
        ("350-710-MV", "Dynamique d’un groupe d’enfants", "Psychologie", "1,33", 3, "SP"),
        ("350-711-MV", "Communication professionnelle", "Psychologie", "2", 3, "SP"),
        ("601-103-MQ", "Littérature québécoise", "Français, langue et littérature", "2 2/3", 5, "FC"),
        ("340-101-MQ", "Philosophie et rationalité", "Philosophie", "2 1/3", 4, "FC"),
        ("109-101-MQ", "Activité physique et santé", "Éducation physique", "1", 2, "FC"),
    ),
}
_GRID = {"FR": ("CLG4-2026", "Cycle 4, horaires de l’année", "10210001110", "COL"), "CA": ("JEE0K-17R-RA", "Cheminement RAC", "JEE.0K", "RA")}
_GROUPS = (("00990", "EE"), ("00991", "FM"), ("00992", "EE SR"))

_SANCTIONED = 9  # every ninth student who left has the diploma

Store = Callable[[str, Sequence[Any]], Sequence[Any]]


def load_courses(session: Session, store: Store, school: School, programmes: Sequence[Programme], others: Mapping[str, Sequence[Any]]) -> Grid:
    """Courses, one grid that holds them, and for the courses of the recognition of competencies their three groups. Gives the grid."""
    codes: dict[tuple[CodeList, str], CodeValue] = {(one.code_list, one.code): one for one in others["codes"]}
    category = {code: one.id for (code_list, code), one in codes.items() if code_list is CodeList.course_category}
    found = [
        Course(
            school_id=school.id,
            number=number,
            title=title,
            discipline=discipline,
            unit_thirds=read_units(units),
            weekly_hours=hours,
            category_id=category.get(kind),
        )
        for number, title, discipline, units, hours, kind in _COURSES[school.country.name]
    ]
    courses = store("courses", found)
    code, title, programme, unit = _GRID[school.country.name]
    units: Sequence[OrgUnit] = others["organisational units"]
    grid = Grid(
        school_id=school.id,
        code=code,
        title=title,
        programme_id=next(one.id for one in programmes if one.code == programme),
        org_unit_id=next(one.id for one in units if one.code == unit),
    )
    store("grids", [grid])
    session.execute(insert(grid_course), [{"grid_id": grid.id, "course_id": one.id} for one in courses])
    if school.country is Country.CA:
        kinds = {code: one.id for (code_list, code), one in codes.items() if code_list is CodeList.rac_type}
        ours = [one for one in courses if one.number.endswith("-MV")]
        store(
            "RAC groups", [RacGroup(school_id=school.id, course_id=one.id, number=number, rac_type_id=kinds[kind]) for one in ours for number, kind in _GROUPS]
        )
    return grid


def load_admissions(store: Store, school: School, students: Sequence[Student], grid: Grid, terms: Sequence[Term]) -> Sequence[Admission]:
    """In Québec each student is admitted to the programme that they follow, some of those who left with its diploma. Gives the admissions."""
    if school.country is not Country.CA:
        return []
    rows = []
    for number, one in enumerate(students):
        gone = one.left_on is not None
        ended = one.left_on if gone else None
        status = AdmissionStatus.active if not gone else AdmissionStatus.sanctioned if number % _SANCTIONED == 0 else AdmissionStatus.closed
        rows.append(
            Admission(
                school_id=school.id,
                student_id=one.id,
                programme_id=one.programme_id,
                grid_id=grid.id if one.programme_id == grid.programme_id else None,
                org_unit_id=grid.org_unit_id if one.programme_id == grid.programme_id else None,
                term_id=terms[0].id,
                status=status,
                ended_on=ended,
                sanctioned_on=ended if status is AdmissionStatus.sanctioned else None,
            )
        )
    return store("admissions", rows)
