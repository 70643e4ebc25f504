"""Adding a language to a school by a file of translations, and saying what it still lacks (models/label_languages.py says where it stands)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from babel.messages.plurals import get_plural
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import Refusal
from models.catalogue import CATALOGUES, MESSAGES, Message, default_noun, installed
from models.journal import record
from models.label_languages import MOST_LANGUAGES, SchoolLanguage, Uploaded, check_language, fallback_of, packed, read_languages, unpacked
from models.label_packs import GENDER, NOUN, SOUND, Word, checked, known_text
from models.label_po import read_po
from models.labels import LabelOverride, Noun, clean_noun, read_snapshot, read_stamp
from models.masks import Mask
from models.overlay import Reader
from models.school import School
from models.texts import Shown, every_text
from models.tokens import NOUNS
from models.words import _

LARGEST = 3_000_000  # bytes: five times the French of today


@dataclass
class Result:
    """What became of a file: its language, how many translations were taken, those left out with the reason."""

    language: str
    taken: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)


def add_language(session: Session, school: School, content: bytes) -> Result:
    """Give the school the language of a .po file, or its translations anew, in the caller's transaction.

    An entry that is not one of our texts, loses a place or holds what no text may hold is left out and told. Refused: a file that is too
    big or no .po, a language that is none or the application's own, a file of which nothing can be taken, more than twelve languages.
    """
    if len(content) > LARGEST:
        raise Refusal(_("This file is too big for a file of translations, which holds at most %(size)d MB."), size=LARGEST // 1_000_000)
    said, messages = read_po(content)
    result = Result(check_language(said))
    known = session.scalar(select(SchoolLanguage).where(SchoolLanguage.school_id == school.id, SchoolLanguage.language == result.language))
    count = session.scalar(select(func.count(SchoolLanguage.id)).where(SchoolLanguage.school_id == school.id)) or 0
    if known is None and count >= MOST_LANGUAGES:
        raise Refusal(_("[The school] has %(most)d added languages already. Remove one first."), most=MOST_LANGUAGES)
    texts = _taken(messages, result)
    result.taken = len(texts)
    if not texts:
        raise Refusal(_("No text of this file is one of the application's. Take out the texts to translate, then fill that file."))
    row = known or SchoolLanguage(school_id=school.id, language=result.language)
    row.fallback, row.mark, row.texts = fallback_of(result.language, school.language), secrets.token_hex(16), packed(texts)
    session.add(row)
    session.flush()
    _write_nouns(session, school, row)
    record(session, "import_po", "label", rows=result.taken)
    return result


def _taken(messages: list[Message], result: Result) -> list[tuple[str, Message]]:
    found = []
    for message in messages:
        try:
            found.append(_checked(message, result.language))
        except Refusal as refusal:
            result.left_out.append((message.msgid, refusal.sentence))
    return found


def _checked(message: Message, language: str) -> tuple[str, Message]:
    if message.context in (NOUN, GENDER, SOUND):
        if message.msgid not in NOUNS:
            raise Refusal(_("The vocabulary has no such noun."))
        if message.context == NOUN:
            forms = tuple(clean_noun(form) for form in message.forms)
            return MESSAGES, Message(NOUN, message.msgid, f"{message.msgid}s", forms, message.source)
        if message.context == GENDER and message.forms[0] not in ("masculine", "feminine"):
            raise Refusal(_("A noun is masculine or feminine."))
        return MESSAGES, message
    catalogue, ours = known_text(Word(language, "", message.context, message.msgid), (language,))
    wanted = get_plural(language).num_plurals if ours.plural else 1
    if len(message.forms) != wanted or bool(message.plural) != bool(ours.plural):
        raise Refusal(_("It has not the forms of the original (%(num)d)."), num=wanted)
    forms = tuple(checked(form, ours, number, language) for number, form in enumerate(message.forms))
    return catalogue, Message(message.context, message.msgid, ours.plural, forms, message.source)


def _write_nouns(session: Session, school: School, row: SchoolLanguage) -> None:
    """The vocabulary in that language: what the file says, and at first the nouns of the fallback for the rest."""
    said = Uploaded(row.language, row.fallback, unpacked(row.texts)).over(installed().get(MESSAGES, row.language))
    rows = {noun.key: noun for noun in session.scalars(select(Noun).where(Noun.school_id == school.id, Noun.language == row.language))}
    fallback = {noun.key: noun.forms for noun in session.scalars(select(Noun).where(Noun.school_id == school.id, Noun.language == row.fallback))}
    for key in NOUNS:
        written = (NOUN, key) in said.messages
        if key in rows and not written:
            continue
        noun = rows.get(key) or Noun(school_id=school.id, language=row.language, key=key)
        noun.take(default_noun(said, key) if written else fallback.get(key) or default_noun(installed().get(MESSAGES, row.fallback), key))
        session.add(noun)


def remove_language(session: Session, school_id: int, language: str) -> None:
    """Take an added language from the school, with what it has written in it; who read in it reads the application's. Refused: an unknown one."""
    row = session.scalar(select(SchoolLanguage).where(SchoolLanguage.school_id == school_id, SchoolLanguage.language == language))
    if row is None:
        raise Refusal(_("[The school] has no such added language."))
    session.delete(row)
    for table in (LabelOverride, Mask, Noun):
        for written in session.scalars(select(table).where(table.school_id == school_id, table.language == language)):
            session.delete(written)
    session.flush()


def written_in(session: Session, ids: Iterable[int], removed: Mapping[Any, Collection[int]]) -> set[int]:
    """Of these added languages (`SchoolLanguage.id`), those in which the school says something beside what is `removed` (table -> ids)."""
    s, found = SchoolLanguage, set[int]()
    for table in (LabelOverride, Mask, Noun):
        pairs = select(s.id, table.id).join(table, (table.school_id == s.school_id) & (table.language == s.language)).where(s.id.in_(ids))
        found |= {language for language, row in session.execute(pairs) if row not in removed.get(table.__table__, ())}
    return found


def texts_of_school(session: Session, school_id: int, language: str) -> list[Shown]:
    """Every text as the school's readers see it in an added language."""
    snapshot = read_snapshot(session, school_id, read_stamp(session))
    added = read_languages(session, school_id)[language]
    readers = []
    for name in CATALOGUES:
        bases = {key: installed().get(key, added.fallback) for key in (name, MESSAGES)}
        fallback = Reader(bases[name], bases[MESSAGES], snapshot)
        words = added.over(installed().get(MESSAGES, language))
        readers.append(Reader(added.over(installed().get(name, language)), words, snapshot, fallback))
    return every_text(readers)
