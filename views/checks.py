"""What a form checks in a cell, by the same rules as an import: the fact and the remedy beside the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wtforms.validators import ValidationError

from models.base import Refusal, today
from models.course_numbers import read_course_number, read_group_number
from models.db import db
from models.import_words import BadCell
from models.school import Country, School, read_code, read_siret, read_website
from models.scope import current_school_id
from models.values import read_email, read_phone, read_postal_code
from views.formats import zone


def _told(problem: BadCell) -> ValidationError:
    return ValidationError(" ".join(part for part in (problem.sentence, str(problem.form_remedy)) if part))


def _by(rule: Callable[[], Any]) -> Any:
    """What the rule of the model gives; its refusal stands beside the field."""
    try:
        return rule()
    except BadCell as problem:
        raise _told(problem) from problem
    except Refusal as refusal:
        raise ValidationError(refusal.sentence) from refusal


def country() -> str:
    """Where the current school stands: decides how a phone number is read."""
    school = db.session.get(School, current_school_id()) if current_school_id() else None
    return school.country.name if school else "FR"


def email(form: Any, field: Any) -> None:
    """An address, or nothing."""
    if field.data:
        field.data = _by(lambda: read_email(field.data))


def phone(form: Any, field: Any) -> None:
    """A number that can be dialled from here, or nothing; doubts are no refusal."""
    if field.data:
        field.data = _by(lambda: read_phone(field.data, country(), []).typed)


def postal_code(form: Any, field: Any) -> None:
    """A postal code of the country of the school, a foreign one as it is written, or nothing; doubts are no refusal."""
    if field.data:
        field.data = _by(lambda: read_postal_code(field.data, country(), []))


def official_code(form: Any, field: Any) -> None:
    """The code of a school where the form says that it stands."""
    _by(lambda: read_code(field.data, form.country.data if "country" in form else form._obj.country))


def course_number(form: Any, field: Any) -> None:
    """The number of a course as the country of the school writes it; which sign is wrong is told."""
    field.data = _by(lambda: read_course_number(field.data, Country[country()]))


def group_number(form: Any, field: Any) -> None:
    """One to five figures, filled up to five."""
    field.data = _by(lambda: read_group_number(field.data))


def siret(form: Any, field: Any) -> None:
    """Fourteen digits with a right key, however they are grouped, or nothing."""
    _by(lambda: read_siret(field.data))


def website(form: Any, field: Any) -> None:
    """An address that a browser opens, or nothing."""
    _by(lambda: read_website(field.data))


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
