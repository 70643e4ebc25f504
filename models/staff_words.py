"""The words by which files of staff say what somebody does, as roles; and the user name that somebody without an e-mail is given.

A function that says a role for certain is read; any other is put to whoever imports ("what is their role here?"): nobody becomes more
than somebody has said.
"""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count
from typing import Any

from models.access import STAFF, Role
from models.base import fold
from models.import_words import BadCell
from models.names import plain_words
from models.words import _

ROLE = "role"  # the column that says what somebody does
LEFT_OUT = "-"  # the text of a cell whose person is not imported
LONGEST = 60  # characters of a user name
_WORDS = {
    Role.ec: "ens enseignant enseignante professeur professeure prof teacher enseignant(e) professeur(e)",
    Role.head: "dir direction directeur directrice principal principale proviseur proviseure head headteacher",
    Role.registrar: "registraire registrar",
    Role.inspector: "inspecteur inspectrice inspector",
    Role.invigilator: "invigilator",
}
_PHRASES = {
    "chef d'etablissement": Role.head,
    "cheffe d'etablissement": Role.head,
    "professeur des ecoles": Role.ec,
    "professeure des ecoles": Role.ec,
    "autre personnel": Role.amp,
    "other staff": Role.amp,
    "administrateur du site": Role.acc,
    "administratrice du site": Role.acc,
    "site administrator": Role.acc,
}
WORKERS = (*(role for role in Role if role in STAFF), Role.invigilator)  # whom a file of staff may make
ROLES: dict[str, Role] = {
    **{role.name: role for role in WORKERS},
    **{word: role for role, words in _WORDS.items() for word in words.split()},
    **_PHRASES,
}


def read_role(text: str) -> str:
    """The role that a cell says, or `LEFT_OUT`. Raises `BadCell` for a function that says none for certain."""
    word = fold(text)
    if word == LEFT_OUT:
        return LEFT_OUT
    found = ROLES.get(word) or next((role for role in WORKERS if fold(str(role.label)) == word), None)
    if found is None:
        raise BadCell("role_word")
    return found.name


def role_label(text: str) -> str:
    """Roles in words: a cell, or several codes with commas between; a function that says no role as it is."""
    try:
        return ", ".join(str(_("Not imported")) if (code := read_role(part)) == LEFT_OUT else str(Role[code].label) for part in text.split(","))
    except BadCell:
        return text


def read_user_name(text: str) -> str:
    """A user name as it is kept. Raises `BadCell` for what none can be."""
    name = text.strip().casefold()
    if "@" in name or any(sign.isspace() or not sign.isprintable() for sign in name) or len(name) > LONGEST:
        raise BadCell("username_form")
    return name


def propose(given_name: str, family_name: str, taken: Container[str]) -> str:
    """`given.family` in small letters without accents, with a number when somebody has it already."""
    parts = [re.sub(r"[^a-z0-9]+", "-", plain_words(name)).strip("-") for name in (given_name, family_name)]
    base = ".".join(part for part in parts if part)[: LONGEST - 4] or "user"
    return base if base not in taken else next(name for n in count(2) if (name := f"{base}{n}") not in taken)


def classes_of(text: str) -> list[str]:
    """The names of classes and groups in a cell, in their order, each once."""
    return list(dict.fromkeys(part for one in re.split(r"[,;|/\n]", text) if (part := " ".join(one.split()))))


def options(roles: Any) -> list[tuple[str, Any]]:
    """What a cell may say: these roles, as far as a file of staff gives them, or not to import the person."""
    return [*((role.name, role.label) for role in WORKERS if role in roles), (LEFT_OUT, _("Do not import them"))]
