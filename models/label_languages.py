"""Languages that a school has added by a file of translations.

They are rows of the school and not files of the installation's folder: who may change the words of one school is not trusted with those of
another, every process and machine on the database sees them at its next request, and a backup holds them. What such a language does not
translate is read in its fallback: the language it varies (en for en_GB), else the school's own, with the school's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from sqlalchemy import String, Text, UniqueConstraint, select, union
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Membership
from models.base import Base, Identified, Refusal, Stamped
from models.catalogue import CATALOGUES, DEFAULT_LANGUAGE, Catalogue, Key, Message, installed
from models.people import Guardian, Student
from models.scope import SchoolScoped
from models.tokens import base_language
from models.words import _

MOST_LANGUAGES = 12  # of one school
LANGUAGE_LINE = r'"Language: es\n"'  # as a file writes it: never through the typography of a language
_SHAPE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_SOURCE = Path("uploaded.po")


class SchoolLanguage(Base, Identified, SchoolScoped, Stamped):
    """A language that one school has added; `texts` are the translations that were taken, as JSON."""

    __tablename__ = "school_language"
    __renews_stamp__ = True
    __table_args__ = (UniqueConstraint("school_id", "language"),)

    language: Mapped[str] = mapped_column(String(10), info={"label": _("Language")})
    fallback: Mapped[str] = mapped_column(String(10), default=DEFAULT_LANGUAGE)
    mark: Mapped[str] = mapped_column(String(64), default="")  # another after every change: what was read of the row is kept by it
    texts: Mapped[str] = mapped_column(Text)  # (without a name, so that the history keeps it for undoing and shows it to nobody)

    def __str__(self) -> str:
        return self.language


@dataclass
class Uploaded:
    """What such a row says, read; joined with what the packages say in that language."""

    language: str
    fallback: str
    messages: Mapping[str, Mapping[Key, Message]]
    _joined: dict[str, tuple[Catalogue, Catalogue]] = field(default_factory=dict)

    def over(self, base: Catalogue) -> Catalogue:
        """The catalogue of that language; the same object as long as nothing changed."""
        known = self._joined.get(base.name)
        if known is None or known[0] is not base:
            texts = {**base.messages, **self.messages.get(base.name, {})}
            known = self._joined[base.name] = base, Catalogue(base.name, base.language, texts, base.plural)
        return known[1]


_read: dict[str, Uploaded] = {}  # by mark, the last ones used
_REMEMBERED = 32


def read_languages(session: Session, school_id: int | None) -> dict[str, Uploaded]:
    """The languages that a school has added; the texts are read again only when they changed."""
    if school_id is None:
        return {}
    s = SchoolLanguage
    found: dict[str, Uploaded] = {}
    for language, fallback, mark in session.execute(select(s.language, s.fallback, s.mark).where(s.school_id == school_id).order_by(s.language)):
        known = _read.get(mark)
        if known is None:
            texts = session.scalar(select(s.texts).where(s.school_id == school_id, s.language == language, s.mark == mark))
            while len(_read) >= _REMEMBERED:
                _read.pop(next(iter(_read)), None)
            known = _read[mark] = Uploaded(language, fallback, unpacked(texts or "{}"))
        found[language] = known
    return found


def packed(messages: Iterable[tuple[str, Message]]) -> str:
    """Translations (catalogue, message) as they stand in the row."""
    texts: dict[str, list[Any]] = {name: [] for name in CATALOGUES}
    for name, message in messages:
        texts[name].append([message.context, message.msgid, message.plural, list(message.forms)])
    return json.dumps(texts, ensure_ascii=False)


def unpacked(texts: str) -> dict[str, dict[Key, Message]]:
    """The translations of a row."""
    return {
        name: {(context, msgid): Message(context, msgid, plural, tuple(forms), _SOURCE) for context, msgid, plural, forms in lines}
        for name, lines in json.loads(texts).items()
    }


def is_language(language: str) -> bool:
    """Whether this names a language that exists."""
    if not _SHAPE.fullmatch(language):
        return False
    try:
        return Locale.parse(language) is not None
    except (UnknownLocaleError, ValueError):
        return False


def no_language(language: str) -> Refusal:
    """What is said of a file in a language that does not exist."""
    sentence = _("The file says its language is “%(language)s”, which is none. Write its code in the header, for example for Spanish: %(line)s")
    return Refusal(sentence, language=language, line=LANGUAGE_LINE)


def check_language(language: str) -> str:
    """The language of a file, as we write it. Refused: one that does not exist, one of the application itself."""
    language = language.strip().replace("-", "_")
    if not is_language(language):
        raise no_language(language)
    if language in installed().languages():
        raise Refusal(_("This language is one of the application's. Load the file as a pack of texts instead."))
    return language


def fallback_of(language: str, school_language: str) -> str:
    """The language in which untranslated texts are read."""
    known = installed().languages()
    return next(name for name in (base_language(language), school_language, DEFAULT_LANGUAGE) if name in known)


def languages_for(session: Session, user_id: int) -> list[str]:
    """The added languages of every school where somebody has a role, children or a file."""
    schools = union(*(select(table.school_id).where(table.user_id == user_id) for table in (Membership, Guardian, Student)))
    found = session.scalars(select(SchoolLanguage.language).where(SchoolLanguage.school_id.in_(schools)).distinct())
    return sorted(found)
