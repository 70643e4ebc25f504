"""The fields of the access letter: what a school may insert in its text, how they are written, what they say for one letter.

A field is written `[[student]]`; braces, per cent signs and every other bracket are plain text (security case 51). Rows keep the key; people
read and type the word of their own language. What a field says is inserted last and never read again, so data stays literal.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.dates import format_date

from models.base import Refusal, fold
from models.catalogue import installed
from models.tokens import base_language
from models.words import _, _p, in_language

FIELD = re.compile(r"\[\[([^\[\]\n]{1,80})\]\]")  # one way to match, spaces included: its time grows with the text and no faster
STEP = re.compile(r"^\s*\d{1,2}[.)]\s+")
BOLD = frozenset({"address", "code"})  # what the eye looks for


@dataclass(frozen=True)
class Field:
    """One field: its key in rows, its word between the brackets, what it says."""

    key: str
    word: Any
    label: Any


FIELDS = {
    field.key: field
    for field in (
        Field("salutation", _p("letter_text", "salutation"), _("Madam, Sir, or both: how the letter begins")),
        Field("student", _p("letter_text", "[student]"), _("Given name and family name of [the student]")),
        Field("class", _p("letter_text", "class"), _("Their class")),
        Field("student_class", _p("letter_text", "[student] and class"), _("Their name, then their class where there is one")),
        Field("guardian", _p("letter_text", "[guardian]"), _("To whom the letter goes")),
        Field("school", _p("letter_text", "[school]"), _("Name of [the school]")),
        Field("code", _p("letter_text", "code"), _("The activation code")),
        Field("until", _p("letter_text", "last day"), _("The last day of the code")),
        Field("address", _p("letter_text", "address"), _("The address to type in a browser")),
        Field("phone", _p("letter_text", "phone"), _("The phone of [the school]")),
        Field("email", _p("letter_text", "e-mail"), _("The e-mail of [the school]")),
        Field("head", _p("letter_text", "head"), _("Who signs the papers of [the school]")),
    )
}


# --- written and read ------------------------------------------------------------------------------------------------------------------


def _names(language: str) -> dict[str, str]:
    """What may stand between the brackets -> key: the keys, the words of the letter's language, then those of the reader's."""
    names = {key: key for key in FIELDS}
    with in_language(language):
        names |= {fold(str(field.word)): key for key, field in FIELDS.items()}
    return names | {fold(str(field.word)): key for key, field in FIELDS.items()}


def read_fields(typed: str, language: str, *, strict: bool = True) -> str:
    """A text as it is kept, its fields by their keys. Refused: an unknown word between double brackets, by its name; left as it stands unless
    `strict`.
    """
    names = _names(language)

    def key(found: re.Match[str]) -> str:
        name = names.get(fold(found[1]))
        if name is None:
            if not strict:
                return found[0]
            raise Refusal(_("%(name)s is no field of the letter. Choose one of the list, or take the double brackets away."), name=f"[[{found[1].strip()}]]")
        return f"[[{name}]]"

    return FIELD.sub(key, typed)


def show_fields(kept: str) -> str:
    """A kept text as the reader writes it."""
    return FIELD.sub(lambda found: f"[[{FIELDS[found[1]].word}]]" if found[1] in FIELDS else found[0], kept)


# --- what they say ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What one letter says: about whom, to whom, with which code, from which school."""

    student: str
    group: str
    title: str
    addressee: str
    code: str
    until: dt.date
    address: str
    school: str
    phone: str
    email: str
    head: str


def day_in_words(day: dt.date, language: str) -> str:
    """« 1er mai 2027 », “1 May 2027”: a day as a letter writes it."""
    words = format_date(day, "long", locale=language)
    return re.sub(r"^1 ", "1er ", words) if base_language(language) == "fr" else words


def language_of(wish: str, own: str) -> str:
    """The addressee's language; the school's own variety of it (fr_CA) when the base is the same; the school's (`own`) when unknown."""
    return own if wish not in installed().languages() or base_language(wish) == base_language(own) else wish


def salutation(title: str) -> str:
    """How the letter begins, by the addressee's title."""
    word = fold(title).strip(". ")
    if word in ("mme", "madame", "mlle", "mademoiselle", "ms", "mrs", "miss"):
        return str(_("Madam,"))
    if word in ("m", "mr", "monsieur"):
        return str(_("Sir,"))
    return str(_("Madam, Sir,"))


def values_of(facts: Facts, language: str) -> dict[str, str]:
    """Field -> what it says in this letter, in the language in force, which is `language`."""
    who = str(_("%(name)s, class %(group)s", name=facts.student, group=facts.group)) if facts.group else facts.student
    named = f"{facts.title} {facts.addressee}".strip() if facts.addressee else str(_("the [guardians] of %(name)s", name=facts.student))
    return {
        "salutation": salutation(facts.title),
        "student": facts.student,
        "class": facts.group,
        "student_class": who,
        "guardian": named,
        "school": facts.school,
        "code": facts.code,
        "until": day_in_words(facts.until, language),
        "address": facts.address,
        "phone": facts.phone,
        "email": facts.email,
        "head": facts.head,
    }


Run = dict[str, Any]  # {"text", "strong"}


def runs(line: str, values: Mapping[str, str]) -> list[Run]:
    """One line as pieces: plain ones, and those in bold."""
    found: list[Run] = []
    for place, piece in enumerate(FIELD.split(line)):
        text = values.get(piece, f"[[{piece}]]") if place % 2 else piece
        if text:
            found.append({"text": text, "strong": bool(place % 2) and piece in BOLD})
    return found


def line_of(line: str, values: Mapping[str, str]) -> str:
    """One line as plain text."""
    return "".join(run["text"] for run in runs(line, values)).strip()


def blocks(text: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """A text as paragraphs and numbered steps: {"steps": bool, "lines": [pieces of a line]}.

    An empty line parts two paragraphs; lines that begin with a number are steps. A line of nothing but fields that say nothing is left out.
    """
    found: list[dict[str, Any]] = []
    open_ = False  # whether the last block goes on
    for raw in text.splitlines():
        pieces = runs(STEP.sub("", raw).strip(), values)
        steps = STEP.match(raw) is not None
        if not raw.strip() or not pieces:
            open_ = open_ and bool(raw.strip())
        elif open_ and found[-1]["steps"] == steps:
            found[-1]["lines"].append(pieces)
        else:
            found.append({"steps": steps, "lines": [pieces]})
            open_ = True
    return found
