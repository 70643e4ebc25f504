"""What a form checks in a cell, by the same rules as an import: the fact and the remedy beside the field."""

from __future__ import annotations

from typing import Any

from wtforms.validators import ValidationError

from models.base import today
from models.db import db
from models.import_words import BadCell
from models.school import School
from models.scope import current_school_id
from models.values import read_email, read_phone
from views.formats import zone


def _told(problem: BadCell) -> ValidationError:
    return ValidationError(" ".join(part for part in (problem.sentence, str(problem.remedy)) if part))


def country() -> str:
    """Where the current school stands: decides how a phone number is read."""
    school = db.session.get(School, current_school_id()) if current_school_id() else None
    return school.country.name if school else "FR"


def email(form: Any, field: Any) -> None:
    """An address, or nothing."""
    if field.data:
        try:
            field.data = read_email(field.data)
        except BadCell as problem:
            raise _told(problem) from problem


def phone(form: Any, field: Any) -> None:
    """A number that can be dialled from here, or nothing; doubts are no refusal."""
    if field.data:
        try:
            field.data = read_phone(field.data, country(), []).typed
        except BadCell as problem:
            raise _told(problem) from problem


def past_date(form: Any, field: Any) -> None:
    """A day of birth: not to come, at most 120 years ago."""
    if field.data is None:
        return
    now = today(zone().key)
    if field.data > now:
        raise _told(BadCell("date_future"))
    if field.data.year < now.year - 120:
        raise _told(BadCell("date_old"))


def dialled(typed: str) -> str:
    """The international form of a number that was checked before; empty for none."""
    return read_phone(typed, country(), []).e164 if typed else ""
