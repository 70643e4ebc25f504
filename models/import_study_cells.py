"""Cells of files about the studies as values. What a model refuses in a cell is told in the model's own sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from models.admissions import AdmissionStatus
from models.base import Refusal, fold
from models.course_numbers import read_course_number, read_group_number
from models.import_study_fields import CODE_COLUMNS
from models.import_words import BadCell, refused
from models.school import Country
from models.studies import ProgrammeKind, read_term
from models.units import read_units
from models.values import tidy

_STATUS = {
    **dict.fromkeys(("active", "actif", "admis", "admise", "admission active", "a"), AdmissionStatus.active),
    **dict.fromkeys(("applicant", "demande", "candidat", "candidate", "candidature", "en attente", "demandeur"), AdmissionStatus.applicant),
    **dict.fromkeys(("suspended", "suspendue", "suspendu"), AdmissionStatus.suspended),
    **dict.fromkeys(("closed", "fermee", "ferme", "abandon", "terminee"), AdmissionStatus.closed),
    **dict.fromkeys(("sanctioned", "sanctionnee", "sanctionne", "diplomee", "diplome"), AdmissionStatus.sanctioned),
}
_KINDS = {
    **dict.fromkeys(("dec", "diplome d'etudes collegiales"), ProgrammeKind.dec),
    **dict.fromkeys(("aec", "attestation d'etudes collegiales"), ProgrammeKind.aec),
    **dict.fromkeys(("general", "generale", "voie generale"), ProgrammeKind.general),
    **dict.fromkeys(("technological", "technologique"), ProgrammeKind.technological),
    **dict.fromkeys(("vocational", "professionnelle", "professionnel", "cap", "bac pro"), ProgrammeKind.vocational),
    **dict.fromkeys(("other", "autre"), ProgrammeKind.other),
}
_TAKEN = {
    **dict.fromkeys(("oui", "o", "1", "yes", "suivi", "true", "vrai"), True),
    **dict.fromkeys(("non", "n", "0", "no", "non suivi", "false", "faux"), False),
}


def _said(read: Callable[[str], Any], text: str) -> Any:
    """What a reader of the models gives; its refusal as the problem of the cell."""
    try:
        return read(text)
    except BadCell:
        raise
    except Refusal as refusal:
        raise refused(refusal) from None


def _word(words: dict[str, Any], code: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return words[fold(tidy(text))].name if words is not _TAKEN else words[fold(tidy(text))]
        except KeyError:
            raise BadCell(code) from None

    return read


def _term(text: str) -> tuple[int, str]:
    found = read_term(tidy(text))
    if found is None or not 1990 <= found[0] <= 2099:
        raise BadCell("term_form")
    return found[0], found[1].name


def _whole(text: str) -> int:
    """A whole number; its bounds are the model's, which says them."""
    found = re.fullmatch(r"([0-9]{1,9})(?:[.,]0{1,3})?", tidy(text))
    if not found:
        raise BadCell("whole_number")
    return int(found[1])


def _decimal(text: str) -> Decimal:
    """A number; its bounds are the model's, which says them."""
    plain = tidy(text).replace(",", ".")
    if not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,3})?", plain):
        raise BadCell("decimal_number")
    return Decimal(plain)


def _code(text: str) -> str:
    """A code, perhaps with its label behind: which of the list it is, jobs/import_study_known.py says."""
    return tidy(text, 160).upper()


def _upper(limit: int) -> Callable[[str], str]:
    return lambda text: tidy(text, limit).upper()


# Those whose reading depends on the country are read by `read_study_cell` itself.
_READERS: dict[str, Callable[[str], Any]] = {
    "units": read_units,
    "hours": _whole,
    "group": read_group_number,
    "grid": _upper(40),
    "org_unit": _upper(40),
    "term": _term,
    "start_term": _term,
    "admission_status": _word(_STATUS, "status_word"),
    "sanction": _word(_KINDS, "sanction_word"),
    "taken": _word(_TAKEN, "taken_word"),
    "mark": _whole,
    "absences": _whole,
    "partner_course": _upper(30),
    **dict.fromkeys(("official_number", "sobec_number", "objective"), _upper(30)),
    **dict.fromkeys(("weighted_mark", "group_average", "r_score"), _decimal),
    **dict.fromkeys(CODE_COLUMNS, _code),
    "partner": lambda text: tidy(text, 120),
}


def reads(bare: str) -> bool:
    """Whether a column is one of the studies."""
    return bare == "course" or bare in _READERS


def read_study_cell(bare: str, text: str, country: str) -> Any:
    """The value of a cell of such a column. Raises `BadCell`."""
    if bare == "course":
        return _said(lambda typed: read_course_number(typed, Country[country]), text)
    return _said(_READERS[bare], text)
