"""The official numbers of schools and students: their forms, their keys, and how sure each key is.

A UAI and a SIRET have a certain key: a wrong one is refused. An INE and a Québec permanent code are never refused for
their key: its rule is unknown or unpublished, so a doubt is only told (formats.md sections 0.4 and 2).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from stdnum.fr import siret

from models.words import _

KEY_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # 23 letters: no I, O, Q

_UAI = re.compile(r"[0-9]{7}[A-Z]")
_INE_BEA = re.compile(r"[0-9]{10}[A-Z]")
_INE_RNIE = re.compile(r"[0-9]{9}[A-Z]{2}")
_INE_APPRENTICE = re.compile(r"[0-9]{4}A[0-9]{5}[A-Z]")
_PERMANENT = re.compile(r"([A-Z]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")
_LOCAL_QC = re.compile(r"[0-9]{7}")

CENTURY_OFFSET = 62  # added to the day of birth of those born in 2000 or later
FEMALE_OFFSET = 50  # added to the month of birth of girls and women


def compact(text: str) -> str:
    """An identifier as it is stored: no spaces (no-break ones too), dots or dashes, in capitals."""
    return re.sub(r"[\s.\-‐‑–]", "", text).upper()


def is_uai(text: str) -> bool:
    """Whether the text is exactly a UAI: seven digits and their key letter."""
    return bool(_UAI.fullmatch(text)) and KEY_LETTERS[int(text[:7]) % 23] == text[7]


def clean_uai(text: str) -> str:
    """The UAI as it is stored: spaces gone, capitals, the leading zeros that a spreadsheet ate put back."""
    code = compact(text)
    return code.zfill(8) if re.fullmatch(r"[0-9]{5,7}[A-Z]", code) else code


def uai_problem(text: str) -> Any:
    """The refusal sentence for a UAI (place `%(value)s`), or None when its form and its key are right."""
    if not _UAI.fullmatch(text):
        return _("%(value)s is not a UAI: seven digits and one letter are expected, as in 9990001X.")
    if not is_uai(text):
        return _("The letter at the end of %(value)s does not match its digits. Check each sign of the UAI.")
    return None


def siret_problem(text: str) -> Any:
    """The refusal sentence for a SIRET (place `%(value)s`), or None when it is right (La Poste's own rule included)."""
    if not siret.is_valid(compact(text)):
        return _("%(value)s is not a SIRET: fourteen digits with a right key are expected. Check each digit.")
    return None


def ine_kind(code: str) -> str | None:
    """Which form of INE a compact text has: "bea", "rnie", "apprentice", or None when it has none of them."""
    if _INE_BEA.fullmatch(code):
        return "bea"
    if _INE_RNIE.fullmatch(code):
        return "rnie"
    if _INE_APPRENTICE.fullmatch(code):
        return "apprentice"
    return None


def ine_doubt(code: str) -> str | None:
    """Why a compact INE looks wrong: "ine_form", "ine_key", or None. Never a reason to refuse it."""
    kind = ine_kind(code)
    if kind is None:
        return "ine_form"
    if kind == "bea" and KEY_LETTERS[int(code[:10]) % 23] != code[10]:
        return "ine_key"
    return None


@dataclass(frozen=True)
class Born:
    """What a permanent code says of its holder."""

    on: dt.date
    sex: str


def decode_permanent(code: str) -> Born | None:
    """Date of birth and sex held by a Québec permanent code, or None when its structure is wrong."""
    found = _PERMANENT.fullmatch(compact(code))
    if not found:
        return None
    day, month, year = (int(found[n]) for n in (2, 3, 4))
    century = 2000 if day > CENTURY_OFFSET else 1900
    day -= CENTURY_OFFSET * (day > CENTURY_OFFSET)
    sex = "F" if month > FEMALE_OFFSET else "M"
    month -= FEMALE_OFFSET * (month > FEMALE_OFFSET)
    try:
        return Born(dt.date(century + year, month, day), sex)
    except ValueError:
        return None


def permanent_doubt(code: str, born_on: dt.date | None = None, sex: str | None = None) -> str | None:
    """Why a permanent code looks wrong: its structure, its date or its sex against the record; or None. Never a refusal."""
    born = decode_permanent(code)
    if born is None:
        return "permanent_form"
    if born_on is not None and born.on != born_on:
        return "permanent_date"
    if sex in {"F", "M"} and born.sex != sex:
        return "permanent_sex"
    return None


def show_local_number(number: str) -> str:
    """A Québec student number as people read it: 1234567 is shown 123-4567; anything else as it is."""
    return f"{number[:3]}-{number[3:]}" if _LOCAL_QC.fullmatch(number) else number
