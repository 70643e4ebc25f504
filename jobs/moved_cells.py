"""The cells of what a transfer brings of the studies, as values: everything is read before anything is written, and a wrong cell is a problem of its line.

The rules that a registration obeys whatever writes it (models/enrolment_rules.py) are asked here too, of rows that nobody has checked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from jobs.import_parse import Parsed
from models.admissions import Admission, AdmissionStatus
from models.base import Refusal
from models.course_numbers import read_course_number, read_group_number
from models.courses import Course, Grid
from models.enrolment_rules import RECOGNISED
from models.enrolments import WITHOUT_RESULT, Enrolment
from models.import_words import BadCell, refused
from models.school import Country
from models.session_records import SessionRecord
from models.studies import programme_code, read_term
from models.travel_studies import CODE_LISTS
from models.units import read_units
from models.values import check_year

Code = tuple[str, str]
_LONGEST_CODE, _LONGEST_LABEL = 20, 120


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise BadCell("date_form") from None
    check_year(day)
    return day


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise BadCell("whole_number")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadCell("decimal_number") from None
    if not value.is_finite() or abs(value) > 999:
        raise BadCell("decimal_number")
    return value


def _term(text: str) -> Any:
    found = read_term(text)
    if found is None or not 1990 <= found[0] <= 2099:
        raise BadCell("term_form")
    return found


def _status(text: str) -> AdmissionStatus:
    if text not in AdmissionStatus.__members__:
        raise BadCell("status_word")
    return AdmissionStatus[text]


def read_code(text: str) -> Code:
    """(code, label) of "EE – Assessment"; a code alone is its own label."""
    code, _dash, label = text.partition(" – ")
    if not code.strip() or len(code.strip()) > _LONGEST_CODE:
        raise BadCell("too_long", limit=_LONGEST_CODE)
    return code.strip().upper(), (label.strip() or code.strip())[:_LONGEST_LABEL]


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("applied_on", "admitted_on", "ended_on", "sanctioned_on", "census_on"), _day),
    **dict.fromkeys(("hours", "programme_session", "mark", "absences"), _whole),
    **dict.fromkeys(("weighted_mark", "group_average", "r_score", "r_mean"), _decimal),
    **dict.fromkeys(("units", "r_units"), read_units),
    **dict.fromkeys(("term", "first_term"), _term),
    **dict.fromkeys(CODE_LISTS, read_code),
    "admission_status": _status,
    "programme": programme_code,
    "group": read_group_number,
    "taken": lambda text: text != "0",
}
_NEEDED = {
    "moved_grids": ("grid", "programme"),
    "moved_courses": ("course", "title"),
    "moved_admissions": ("admission_ref", "student_ref", "programme", "admission_status"),
    "moved_records": ("record_ref", "admission_ref", "term"),
    "moved_enrolments": ("record_ref", "course"),
}


def read_row(kind: str, row: Parsed, country: Country) -> None:
    """Read every cell of a row; what cannot be taken is a problem at its cell."""
    for key, text in row.cells.items():
        _keep(row, key, _READERS.get(key, str), text)
    wrong = {note["field"] for note in row.problems}
    for key in _NEEDED[kind]:
        if key not in row.values and key not in wrong:
            row.problem(key, "cell_needed")
    if not row.problems:
        _RULES[kind](row, country)


def _keep(row: Parsed, key: str, read: Callable[[str], Any], text: str) -> None:
    """Read a cell; what is refused is a problem of the row at this cell."""
    try:
        row.values[key] = read(text)
    except Refusal as refusal:
        wrong = refusal if isinstance(refusal, BadCell) else refused(refusal)
        row.problem(key, wrong.code, **wrong.params)


def _try(row: Parsed, key: str, work: Callable[[], Any]) -> None:
    """Do what the models may refuse."""
    try:
        work()
    except Refusal as refusal:
        wrong = refused(refusal)
        row.problem(key, wrong.code, **wrong.params)


def _grid(row: Parsed, _country: Country) -> None:
    _keep(row, "grid", lambda text: Grid(code=text, title=row.values.get("title", "")).code, row.values["grid"])


def _course(row: Parsed, country: Country) -> None:
    """A number of the country of this school: the catalogue of another country does not come along."""

    def number(text: str) -> str:
        found = read_course_number(text, country)
        Course(number=found, title=row.values["title"], weekly_hours=row.values.get("hours"))
        return found

    _keep(row, "course", number, row.values["course"])


def _admission(row: Parsed, _country: Country) -> None:
    days = {key: row.values.get(key) for key in ("applied_on", "admitted_on")}
    _try(row, "admitted_on", lambda: Admission(**days).check_days())


def _record(row: Parsed, _country: Country) -> None:
    _try(row, "programme_session", lambda: SessionRecord(programme_session=row.values.get("programme_session")))


def _enrolment(row: Parsed, _country: Country) -> None:
    """What no registration may be, here as in the school that sends it."""
    values = row.values
    taken = values.setdefault("taken", True)
    figures = {key: values.get(key) for key in ("mark", "weighted_mark", "group_average", "absences", "r_score", "r_mean")}
    _try(row, "mark", lambda: Enrolment(**figures, r_thirds=values.get("r_units")))
    if not taken and (values.get("group") or "mark" in values or values.get("remark", ("",))[0] not in RECOGNISED):
        row.problem("taken", "moved_not_taken")
    if "mark" in values and values.get("rac_type", ("",))[0] == WITHOUT_RESULT:
        row.problem("mark", "moved_no_mark")
    if ("study_situation" in values) != ("partner" in values):
        row.problem("partner", "moved_partner")


_RULES: dict[str, Callable[[Parsed, Country], None]] = {
    "moved_grids": _grid,
    "moved_courses": _course,
    "moved_admissions": _admission,
    "moved_records": _record,
    "moved_enrolments": _enrolment,
}
