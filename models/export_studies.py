"""How exports read session records and registrations: whole rows, a piece at a time, worded as their screens word them.

What they show follows from rules (what a registration inherits, the state of a transmission, the figures of a record), which no single column
holds: the rows of a piece are loaded once for all their columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from babel.numbers import get_decimal_symbol
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer_group

from models.admissions import Admission
from models.among import among
from models.codes import read_codes
from models.enrolments import CODES, INHERITED, Enrolment, with_shown
from models.session_records import SessionRecord
from models.transmissions import Telling
from models.units import show_units
from models.wording import Wording

Value = Callable[[Any, Wording], Any]


def _code(name: str) -> Value:
    """The code alone."""
    return lambda row, _wording: getattr(getattr(row, name), "code", "")


def _counts(name: str) -> Value:
    """The code of the value that counts, own or inherited."""
    return lambda row, _wording: getattr(row.value(name), "code", "")


def _sent(telling: Telling) -> Value:
    return lambda row, _wording: row.transmission(telling)


def _units(name: str) -> Value:
    """Thirds as units, with the reader's decimal sign."""
    return lambda row, wording: show_units(getattr(row, name), get_decimal_symbol(wording.language))


def _name(name: str) -> Value:
    return lambda row, _wording: str(getattr(row, name) or "")


_ENROLMENT: dict[str, Value] = {
    "student": _name("student"),
    "term": _name("term"),
    "partner": _name("partner"),
    "parent_course": _name("parent_course"),
    "course": lambda row, _wording: row.course.number,
    "group_number": lambda row, _wording: row.group_number,
    **{name: _code(name) for name in CODES if name not in (*INHERITED, "partner")},
    **{name: _counts(name) for name in INHERITED},
    "r_thirds": _units("r_thirds"),
    **{one.state: _sent(one) for one in Telling},
}
_RECORD: dict[str, Value] = {
    "student": _name("student"),
    "term": _name("term"),
    "admission": lambda row, _wording: row.admission.grid.code if row.admission.grid else "",
    "full_time": _code("full_time"),
    "language": _code("language"),
    **{name: _units(name) for name in ("thirds_in_progress", "thirds_passed", "thirds_failed")},
}
_OF: dict[Any, dict[str, Value]] = {Enrolment: _ENROLMENT, SessionRecord: _RECORD}


def _options(model: Any) -> tuple[Any, ...]:
    """What a piece loads beside its rows."""
    if model is Enrolment:
        return (*with_shown(), joinedload(Enrolment.parent_course))
    admission = joinedload(SessionRecord.admission)
    shown = [admission.joinedload(one) for one in (Admission.programme, Admission.grid, Admission.org_unit)]
    return (joinedload(SessionRecord.student), joinedload(SessionRecord.term), *shown, undefer_group("figures"))


def _at(path: str) -> Value:
    """What stands at the end of a path: admission.programme.code; nothing where it breaks off."""

    def value(row: Any, wording: Wording) -> Any:
        for name in path.split("."):
            row = getattr(row, name, None)
        return wording.text(row)

    return value


class WholeRows:
    """The words of such columns of one table for an export; each piece of rows is loaded once, however many columns ask."""

    def __init__(self, session: Session, model: Any, names: Sequence[str], wording: Wording) -> None:
        own = _OF.get(model, {})
        self.session, self.model, self.wording = session, model, wording
        self.values = {name: own.get(name) or _at(name) for name in names if name in own or (own and "." in name)}
        self.ids: Sequence[Any] = ()
        self.texts: dict[str, list[str]] = {}

    def words(self, name: str) -> Callable[[Sequence[Any]], Sequence[str]]:
        """How the identifiers of a piece become the words of one of these columns."""

        def words(ids: Sequence[Any]) -> Sequence[str]:
            if self.ids != ids:
                self._load(ids)
            return self.texts[name]

        return words

    def _load(self, ids: Sequence[Any]) -> None:
        read_codes(self.session)  # in one statement; held until the piece is worded
        found = {row.id: row for row in self.session.scalars(select(self.model).where(among(self.model.id, ids)).options(*_options(self.model)))}
        rows = [found.get(one) for one in ids]
        self.texts = {name: [str(value(row, self.wording)) if row is not None else "" for row in rows] for name, value in self.values.items()}
        self.ids = ids
