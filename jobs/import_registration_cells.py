"""What a line of a file makes of one registration: the same for the row that the check only imagines and for the one that is written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jobs.import_parse import Parsed
from jobs.import_plan import text_of
from jobs.import_study_known import Studies
from models.codes import CodeList, CodeValue, known_code
from models.courses import Course
from models.custom_import import NO, YES
from models.enrolments import Enrolment, inherited_value
from models.import_study_fields import CODE_COLUMNS
from models.scope import WHO
from models.session_records import SessionRecord
from models.studies import OrgUnit

CONFIRMED = "1"  # the census status of a presence that somebody confirmed
PLAIN = ("mark", "absences", "weighted_mark", "group_average", "r_score", "partner_course", "taken")
CODED = ("remark", "study_situation")
# column of a file -> field of a registration that is inherited unless something else is said
INHERITS = {
    **{key: key for key in ("org_unit", "rac_type", "funding", "delivery_mode")},
    "activity_language": "language",
    "course_category": "category",
}
_COPIED = (*PLAIN, *CODED, *INHERITS.values(), "partner", "census_status", "census_by", "census_on", "census_reason")


@dataclass(frozen=True)
class Place:
    """The unit and the partner that a line names."""

    unit: OrgUnit | None
    partner: CodeValue | None


@dataclass(frozen=True)
class Row:
    """A line with what its names stand for; `kind` is that of its group in the correspondence."""

    studies: Studies
    row: Parsed
    kind: CodeValue | None
    place: Place


def standing(kept: Enrolment | None, head: SessionRecord, course: Course, group: str) -> Enrolment:
    """A registration that the database never sees: a new one, or as the school has it."""
    one = Enrolment(session_record=head, course=course, group_number=group, taken=True)
    if kept is not None:
        head.language = kept.session_record.language
        for key in _COPIED:
            setattr(one, key, getattr(kept, key))
        one.overrides = dict(kept.overrides or {})
    return one


def apply(said: Row, one: Enrolment) -> None:
    """Put what the line says into a registration; an empty cell erases nothing. Raises what the models refuse."""
    values = said.row.values
    for key in PLAIN:
        if key in values and getattr(one, key) != values[key]:
            setattr(one, key, values[key])
    for key in CODED:
        if key in values:
            setattr(one, key, _code(said, key))
    if said.place.partner is not None:
        one.partner = said.place.partner
    for key, attribute in INHERITS.items():
        value = said.place.unit if key == "org_unit" else _code(said, key)
        if value is not None:
            _override(said, one, attribute, value)
    _count(said, one)


def _code(said: Row, key: str) -> CodeValue | None:
    code = said.row.values.get(key)
    return known_code(said.studies.session, CODE_COLUMNS[key], code) if code else None


def _override(said: Row, one: Enrolment, attribute: str, value: Any) -> None:
    """What is inherited anyway stays inherited."""
    own = getattr(one, attribute)
    usual = inherited_value(said.studies.session, attribute, one.session_record, one.course, said.kind)
    if _same(own or usual, value):
        return
    if _same(usual, value):
        one.inherit(attribute)
    else:
        one.override(attribute, value)


def _same(one: Any, two: Any) -> bool:
    return one is not None and one.code == two.code


def _count(said: Row, one: Enrolment) -> None:
    """The census: confirmed by whoever imports, on the day of the file, else on that of the term."""
    values, row = said.row.values, said.row
    code = values.get("census")
    if code == CONFIRMED and one.census_on is None:
        if not said.studies.may("enrolment", "confirm_presence"):
            row.doubt("census", "census_not_yours")
            return
        one.confirm_presence(WHO.get().name, values.get("census_on") or one.session_record.term.census_day or said.studies.work.context.today)
    elif code in (CONFIRMED, None) and one.census_on is not None and values.get("census_on") not in (None, one.census_on):
        row.doubt("census_on", "census_day_kept", day=one.census_on.isoformat())
    elif code and code != CONFIRMED and one.census_on is not None:
        row.problem("census", "census_taken_back")
    elif code and code != CONFIRMED:
        one.census_status = known_code(said.studies.session, CodeList.census_status, code)


def shown_of(said: Row, one: Enrolment) -> dict[str, str]:
    """A registration as the cells of a file say it."""
    found = {key: _text(getattr(one, key)) for key in PLAIN}
    found |= {key: _code_of(getattr(one, key)) for key in CODED}
    for key, attribute in INHERITS.items():
        own = getattr(one, attribute)
        found[key] = _code_of(own or inherited_value(said.studies.session, attribute, one.session_record, one.course, said.kind))
    found["partner"] = one.partner.label if one.partner else ""
    found["census"] = CONFIRMED if one.census_on else _code_of(one.census_status)
    found["census_on"] = text_of(one.census_on)
    return found


def _code_of(value: Any) -> str:
    return value.code if value is not None else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return text_of(value)
