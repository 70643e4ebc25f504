"""One cell as its value: which reader each field has, and what is wrong with a text as soon as it is typed.

The check reads every cell of a file with these readers, the preview the one cell that somebody just set right.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models import values as read
from models.base import Refusal, fold
from models.custom_import import spec_of
from models.custom_values import FieldKind
from models.identifiers import compact
from models.import_study_cells import read_study_cell, reads
from models.import_study_fields import DAYS
from models.import_words import BadCell, refused
from models.staff_words import read_role, read_user_name

AUTHORITIES = {
    **dict.fromkeys(("1", "legal", "representant legal", "responsable legal", "legal representative"), "legal"),
    **dict.fromkeys(("2", "in_charge", "en charge", "personne en charge", "en charge de l'enfant", "in charge"), "in_charge"),
    **dict.fromkeys(("3", "contact", "personne a contacter"), "contact"),
}
LANGUAGES = {
    **dict.fromkeys(("fr", "francais", "french", "fr-fr", "fr_fr"), "fr"),
    **dict.fromkeys(("fr_ca", "fr-ca", "francais (quebec)", "francais (canada)"), "fr_CA"),
    **dict.fromkeys(("en", "anglais", "english", "en-ca", "en_ca", "en-gb", "en-us"), "en"),
}


@dataclass(frozen=True)
class Context:
    """What the reading depends on: the school's country and its day."""

    country: str
    today: dt.date


Reader = Callable[[str, Context, list[BadCell]], Any]


def _identifier(text: str) -> str:
    code = compact(read.tidy(text, 60))
    if re.fullmatch(r"[0-9],?[0-9]*E\+?[0-9]+", code):
        raise BadCell("digits_lost")
    if len(code) > 30:
        raise BadCell("too_long", limit=30)
    return code


def _authority(text: str, doubts: list[BadCell]) -> str:
    """The least claim for a word that is not known."""
    word = fold(read.tidy(text))
    if word not in AUTHORITIES:
        doubts.append(BadCell("authority_word"))
    return AUTHORITIES.get(word, "contact")


def _local_number(text: str, context: Context, doubts: list[BadCell]) -> str:
    """In Québec the seven figures of an application number (DA), without dash, its first zero put back where a spreadsheet has eaten it."""
    plain = compact(text)
    if context.country != "CA" or not re.fullmatch(r"[0-9]{6,7}", plain):
        return text
    if len(plain) == 6:
        doubts.append(BadCell("phone_zero"))
    return plain.zfill(7)


def _language(text: str) -> str:
    try:
        return LANGUAGES[fold(read.tidy(text))]
    except KeyError:
        raise BadCell("language_word") from None


def _day_of_studies(text: str, context: Context, doubts: list[BadCell]) -> dt.date:
    """A day of a file of the studies, of a year that a record of a school has."""
    day = read.read_date(text, context.today, doubts, future=True)
    try:
        read.check_year(day)
    except Refusal as refusal:
        raise refused(refusal) from None
    return day


_TEXT: Reader = lambda text, _context, _doubts: read.tidy(text)  # noqa: E731 (a table of one-line readers)
_NAME: Reader = lambda text, _context, _doubts: read.read_name(text)  # noqa: E731
_PHONE: Reader = lambda text, context, doubts: read.read_phone(text, context.country, doubts)  # noqa: E731
_DAY: Reader = lambda text, context, doubts: read.read_date(text, context.today, doubts, future=True)  # noqa: E731
READERS: dict[str, Reader] = {
    "family_name": _NAME,
    "given_name": _NAME,
    "full_name": lambda text, _context, _doubts: read.split_full_name(text),
    "usage_name": _NAME,
    "middle_names": _NAME,
    "sex": lambda text, _context, _doubts: read.read_sex(text),
    "born_on": lambda text, context, doubts: read.read_date(text, context.today, doubts),
    "left_on": _DAY,
    "email": lambda text, _context, _doubts: read.read_email(text),
    "phone": _PHONE,
    "mobile": _PHONE,
    "postal_code": lambda text, context, doubts: read.read_postal_code(text, context.country, doubts),
    "relation": lambda text, _context, doubts: read.read_relation(text, doubts),
    "authority": lambda text, _context, doubts: _authority(text, doubts),
    "language": lambda text, _context, _doubts: _language(text),
    "national_id": lambda text, _context, _doubts: _identifier(text),
    "local_id": lambda text, context, doubts: _local_number(read.tidy(text, 30), context, doubts),
    # Whatever does not say that the link is active has it checked first.
    "link_state": lambda text, _context, _doubts: "" if fold(read.tidy(text)) in {"active", "actif", "oui", "1"} else "to_check",
    "student_ref": lambda text, context, doubts: _local_number(compact(read.tidy(text)), context, doubts),
    "guardian_ref": lambda text, _context, _doubts: read.tidy(text).lower(),
    "source_ref": lambda text, _context, _doubts: compact(read.tidy(text, 60)),
    "groups": lambda text, _context, _doubts: tuple(dict.fromkeys(name for part in read.tidy(text, 1_000).split("|") if (name := part.strip()))),
    "file_id": lambda text, _context, _doubts: compact(read.tidy(text)),
    "role": lambda text, _context, _doubts: read_role(read.tidy(text)),
    "username": lambda text, _context, _doubts: read_user_name(read.tidy(text)),
    "classes": lambda text, _context, _doubts: read.tidy(text, 1_000),
    **dict.fromkeys(DAYS, _day_of_studies),
}


def read_cell(bare: str, text: str, context: Context, doubts: list[BadCell]) -> Any:
    """The value of a cell of this field (without a guardian's place); what somebody should look at is added to `doubts`. Raises `BadCell`."""
    if reads(bare):
        return read_study_cell(bare, text, context.country)
    own = spec_of(bare)
    return own.read(read.tidy(text, 2_000) if own.kind is not FieldKind.long_text else text) if own else READERS.get(bare, _TEXT)(text, context, doubts)
