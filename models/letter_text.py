"""The text of the access letters: the one that comes with the application, and the school's own in each language."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.catalogue import installed
from models.letter_fields import STEP, language_of, read_fields
from models.school import Country, School
from models.scope import SchoolScoped
from models.values import visible
from models.words import N_, _, in_language

LONGEST_LINE = 700
FAR = 10  # times as long as a part may be: nothing in such a text is looked at


@dataclass(frozen=True)
class Part:
    """A part of the letter: its column, its words, how many characters it takes, how many rows its field shows."""

    key: str
    label: Any
    help: Any
    longest: int
    rows: int


PARTS = (
    Part("subject", _("Subject of the letter"), "", 120, 1),
    Part("opening", _("Before the code"), _("An empty line begins a new paragraph."), 900, 9),
    Part("body", _("After the code"), _("Lines that begin with 1., 2., 3. are printed as steps."), 1200, 6),
    Part("closing", _("Last paragraph"), "", 600, 3),
    Part("sign_off", _("Signature of the letter"), "", 200, 3),
)
NEEDED = frozenset({"subject", "opening"})
Texts = Mapping[str, str]  # part -> text, its fields by their keys


class LetterText(Base, Identified, SchoolScoped, Stamped, Versioned):
    """The school's own text of the letter in one language. Without a row, the text that comes with the application is printed."""

    __tablename__ = "letter_text"
    __table_args__ = (UniqueConstraint("school_id", "language"),)

    language: Mapped[str] = mapped_column(String(20), info={"label": _("Language")})
    subject: Mapped[str] = mapped_column(Text, default="", info={"label": _("Subject of the letter")})
    opening: Mapped[str] = mapped_column(Text, default="", info={"label": _("Before the code")})
    body: Mapped[str] = mapped_column(Text, default="", info={"label": _("After the code")})
    closing: Mapped[str] = mapped_column(Text, default="", info={"label": _("Last paragraph")})
    sign_off: Mapped[str] = mapped_column(Text, default="", info={"label": _("Signature of the letter")})

    def __str__(self) -> str:
        return str(_("Letter (%(language)s)", language=self.language))

    def write(self, texts: Texts) -> None:
        """Take these texts, each checked already (`checked`)."""
        for part in PARTS:
            if getattr(self, part.key) != texts[part.key]:
                setattr(self, part.key, texts[part.key])

    @property
    def texts(self) -> dict[str, str]:
        """Part -> text."""
        return {part.key: getattr(self, part.key) for part in PARTS}

    def reset(self) -> None:
        """Print the text that comes with the application again."""
        session = object_session(self)
        if session is None:
            raise ValueError("the row must be in a session")
        session.delete(self)


def tidied(part: Part, typed: str) -> str:
    """What somebody typed, without signs that nobody sees, spaces at the ends of lines, or more than one empty line."""
    lines = [visible(line).rstrip() for line in re.split(r"\r\n|\r|\n", typed.strip())]
    if part.rows == 1:
        lines = [" ".join(lines)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def far_too_long(part: Part, typed: str) -> bool:
    """Whether a text is so long that it is refused unread: no work is done on it, for nobody typed it in earnest."""
    return len(typed) > FAR * part.longest


def checked(part: Part, typed: str, language: str) -> str:
    """What somebody typed for a part, as it is kept. Refused: nothing where something is needed, too much, an unknown field."""
    text = typed if far_too_long(part, typed) else tidied(part, typed)
    if part.key in NEEDED and not text:
        raise Refusal(_("%(part)s: the letter needs this text. Write it."), part=part.label)
    if len(text) > part.longest:
        over = len(text) - part.longest
        raise Refusal(
            N_("%(part)s: %(num)d character too many. Shorten the text.", "%(part)s: %(num)d characters too many. Shorten the text.", over, part=part.label)
        )
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        raise Refusal(_("%(part)s: one paragraph is too long to be read. Cut it by an empty line."), part=part.label)
    return read_fields(text, language)


def delivered(language: str, *, phone: bool) -> dict[str, str]:
    """The text that comes with the application, with the school's own words where it changed them among its labels."""
    field = {key: f"[[{key}]]" for key in ("student", "student_class", "address", "phone")}
    with in_language(language):
        opening = (
            "[[salutation]]",
            " ".join(
                (
                    str(_("You can create your account to follow %(who)s online and stay in touch with the [school].", who=field["student_class"])),
                    str(_("There you read its messages and keep your phone and address up to date. It is free of charge.")),
                )
            ),
            str(_("This code is personal: another [guardian] receives their own.")),
        )
        steps = (
            str(_("Scan the square with your phone, or open %(address)s.", address=field["address"])),
            str(_("Check the code, then give your name, your e-mail and a password.")),
            str(_("Another child? Choose “Add a child” and type their code.")),
        )
        help_ = (
            _("No phone or computer? Our office helps you on the spot, or at %(phone)s.", phone=field["phone"])
            if phone
            else _("No phone or computer? Our office helps you on the spot.")
        )
        return {
            "subject": str(_("Your online access to follow %(name)s", name=field["student"])),
            "opening": "\n\n".join(opening),
            "body": "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)),
            "closing": str(help_),
            "sign_off": "\n".join((str(_("With our best regards,")), str(_("The office")))),
        }


def languages(school: School) -> list[str]:
    """The languages in which letters of this school are written: one for each base, the school's own first."""
    found = dict.fromkeys([school.language, *(language_of(name, school.language) for name in installed().languages())])
    return list(found)


def own_texts(session: Session) -> dict[str, LetterText]:
    """Language -> the school's own text, of the school in force."""
    return {row.language: row for row in session.scalars(select(LetterText).order_by(LetterText.id))}


def text_in_force(session: Session, school: School, language: str) -> dict[str, str]:
    """What the letters say in this language today."""
    row = session.scalar(select(LetterText).where(LetterText.school_id == school.id, LetterText.language == language))
    return row.texts if row is not None else delivered(language, phone=bool(school.phone))


# --- how much room a text takes ----------------------------------------------------------------------------------------------------------

PER_LINE, PER_STEP = 92, 88  # characters of one line of the paper, counted on letters as they are printed
# Lines beside address, code and footer; the distance between two paragraphs counts as half a line.
ROOM = {Country.FR: 21, Country.CA: 19}


def lines_too_many(texts: Texts, country: Country) -> int:
    """About how many lines more than one page the letter takes, 0 when it stays on one. With more, a second page follows; the address and
    the code stay on the first.
    """
    used = 0.0 + (len(texts["subject"]) > 62)
    for part in PARTS[1:]:
        for line in texts[part.key].splitlines():
            step = STEP.match(line) is not None
            used += (-(-len(line) // (PER_STEP if step else PER_LINE)) if line.strip() else 0.5) + 0.3 * step
        used += 0.5
    return max(0, math.ceil(used - ROOM[country]))
