"""The columns of what a transfer brings of the studies: those of models/travel_studies.py, with the words of the tables that they become.

No file of a person has these kinds: only what another school sealed (models/transfer.py).
"""

from __future__ import annotations

from typing import Any

from models.admissions import Admission
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Programme
from models.travel_studies import ADMISSION, COURSE, ENROLMENT, GRID, RECORD
from models.words import _

_REFERENCE = _("Reference in the transfer")
# column -> attribute of the table, where they are called otherwise
_CALLED: dict[tuple[str, str], Any] = {
    ("moved_grids", "grid"): Grid.code,
    ("moved_courses", "course"): Course.number,
    ("moved_courses", "units"): Course.unit_thirds,
    ("moved_courses", "hours"): Course.weekly_hours,
    ("moved_admissions", "student_ref"): Student.national_id,
    ("moved_admissions", "programme_title"): Programme.title,
    ("moved_admissions", "admission_status"): Admission.status,
    ("moved_admissions", "first_term"): Admission.term,
    ("moved_enrolments", "group"): Enrolment.group_number,
    ("moved_enrolments", "r_units"): Enrolment.r_thirds,
}
_OF: dict[str, tuple[Any, tuple[str, ...]]] = {
    "moved_grids": (Grid, GRID),
    "moved_courses": (Course, COURSE),
    "moved_admissions": (Admission, ADMISSION),
    "moved_records": (SessionRecord, RECORD),
    "moved_enrolments": (Enrolment, ENROLMENT),
}


def _label(kind: str, model: Any, key: str) -> Any:
    if key in ("admission_ref", "record_ref"):
        return _REFERENCE
    return (_CALLED.get((kind, key)) or getattr(model, key)).info["label"]


MOVED: dict[str, tuple[tuple[str, Any], ...]] = {kind: tuple((key, _label(kind, model, key)) for key in keys) for kind, (model, keys) in _OF.items()}
