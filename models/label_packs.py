"""A school's own words as one file: texts and nouns, of one language (.po) or of several (a pack, JSON).

A pack is previewed before anything is written: each word is new, changed, the same, or refused with the reason. What is refused is left
out; the rest is written in one transaction, which is one batch of the history. Refused as a whole: a file that is none, too big, of a later
version, in a language that the school does not have.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Refusal
from models.catalogue import CATALOGUES, MESSAGES, Message, default_noun, installed
from models.journal import record
from models.label_po import read_po, written_po
from models.labels import LabelOverride, Noun, NounGender, check_places, check_sound, clean_noun, clean_text, original, override
from models.sent_json import read_json
from models.tokens import NOUNS, PLACE, RULES, NounForms, base_language, problems, tokens_in, vowel_sound
from models.values import one_line
from models.words import _

FORMAT, VERSION = "scolabri-words", 1
LARGEST = 300_000  # bytes of a pack: some thousand texts; a whole language is added as a language
MOST = 5000  # words
READY = Path(__file__).resolve().parent / "packs"  # those that come with the application
NOUN, GENDER, SOUND = "noun", "noun gender", "noun vowel sound"  # contexts of a .po file that hold the vocabulary
NEW, CHANGED, SAME, REFUSED = "new", "changed", "same", "refused"
_MARKUP = re.compile(r"<[A-Za-z/!?]")
_PERCENT = re.compile(r"%(?=[A-Za-z(])")


@dataclass(frozen=True)
class Word:
    """A text with its forms (None: not written here), or a noun with its forms (`noun`; `msgid` is then its key)."""

    language: str
    catalogue: str  # empty: as a .po file, which does not say
    context: str
    msgid: str
    forms: tuple[str | None, ...] = ()
    noun: NounForms | None = None


@dataclass(frozen=True)
class Pack:
    """The words of a file."""

    name: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Line:
    """What would become of a word: its state, what is read today, what would be, why it is refused."""

    state: str
    word: Word
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class Plan:
    """What a pack would do, line by line; `digest` changes as soon as any of it does."""

    lines: list[Line] = field(default_factory=list)

    def of(self, *states: str) -> list[Line]:
        """The lines in these states."""
        return [line for line in self.lines if line.state in states]

    @property
    def digest(self) -> str:
        """What was shown, in short."""
        shown = [(line.state, *_place(line.word), line.before, line.after) for line in self.of(NEW, CHANGED)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]


def _place(word: Word) -> tuple[str, str, str, str]:
    return word.language, word.catalogue, word.context, word.msgid


# --- reading a file ------------------------------------------------------------------------------------------------------------


def read_pack(content: bytes, languages: Collection[str], name: str = "") -> Pack:
    """The words of a file. `languages`: those that the school has. Refusals: see above."""
    if len(content) > LARGEST:
        raise Refusal(
            _("This file is too big for a pack of texts, which holds at most %(size)d KB. A whole language is added as a language."), size=LARGEST // 1000
        )
    words = _read_json(content) if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else _read_po(content)
    if len(words) > MOST:
        raise Refusal(_("This file holds more than %(most)d texts. Divide it."), most=MOST)
    for word in words:
        if word.language not in languages:
            raise Refusal(_("The file is in a language that [the school] does not have: “%(language)s”. Add the language first."), language=word.language)
    return Pack(name, words)


def _read_po(content: bytes) -> tuple[Word, ...]:
    language, messages = read_po(content)
    nouns: dict[str, dict[str, Any]] = {}
    words = []
    for message in messages:
        if message.context in (NOUN, GENDER, SOUND):
            nouns.setdefault(message.msgid, {})[message.context] = message.forms
        else:
            words.append(Word(language, "", message.context, message.msgid, message.forms))
    for key, said in nouns.items():
        singular, plural = (*said.get(NOUN, ("", "")), "")[:2]
        vowel = said[SOUND][0] == "yes" if SOUND in said else vowel_sound(singular, language)
        words.append(Word(language, NOUN, "", key, (), NounForms(singular, plural, said.get(GENDER, ("masculine",))[0], vowel)))
    return tuple(words)


def _read_json(content: bytes) -> tuple[Word, ...]:
    try:
        found = read_json(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise Refusal(_("This file is neither a pack of texts nor a .po file. Choose another.")) from problem
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refusal(_("This file is neither a pack of texts nor a .po file. Choose another."))
    if found.get("version") != VERSION:
        raise Refusal(_("This pack was made by another version of Scolabri. Bring the older of the two up to date, then export it again."))
    try:
        return tuple(_words_of(found["languages"]))
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise Refusal(_("This pack is damaged: a part of it cannot be read. Export it again.")) from problem


def _words_of(languages: Mapping[str, Any]) -> Iterator[Word]:
    for language, parts in languages.items():
        for key, said in parts.get("nouns", {}).items():
            singular, plural = _text(said["singular"]), _text(said["plural"])
            vowel = said.get("vowel_sound", vowel_sound(singular, language))
            yield Word(language, NOUN, "", _text(key), (), NounForms(singular, plural, _text(said["gender"]), bool(vowel)))  # type: ignore[arg-type]  # (checked by the plan)
        for said in parts.get("texts", []):
            forms = tuple(None if form is None else _text(form) for form in said["forms"])
            yield Word(language, _text(said.get("part", "")), _text(said.get("context", "")), _text(said["text"]), forms)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is a string")
    return value


# --- comparing -----------------------------------------------------------------------------------------------------------------


def plan(session: Session, school_id: int, pack: Pack, added: Collection[str] = (), *, nouns: bool = True) -> Plan:
    """What the pack would do in this school, nothing written. `added`: its added languages; `nouns`: whether the person may change them."""
    languages = {word.language for word in pack.words}
    o, n = LabelOverride, Noun
    texts = {
        (row.language, row.catalogue, row.msgctxt, row.msgid, row.form): row.text
        for row in session.scalars(select(o).where(o.school_id == school_id, o.language.in_(languages)))
    }
    known = {(row.language, row.key): row.forms for row in session.scalars(select(n).where(n.school_id == school_id, n.language.in_(languages)))}
    found, seen = Plan(), set()
    for word in pack.words:
        try:
            line = _noun_line(word, known, allowed=nouns) if word.catalogue == NOUN else _text_line(word, texts, added)
            if _place(line.word) in seen:
                raise Refusal(_("It stands twice in the file."))
        except Refusal as refusal:
            line = Line(REFUSED, word, (), tuple(form for form in word.forms if form) or ((word.noun.singular,) if word.noun else ()), refusal.sentence)
        seen.add(_place(line.word))
        found.lines.append(line)
    return found


def _noun_line(word: Word, known: Mapping[tuple[str, str], NounForms], *, allowed: bool) -> Line:
    if word.msgid not in NOUNS or word.noun is None:
        raise Refusal(_("The vocabulary has no such noun."))
    if word.noun.gender not in ("masculine", "feminine"):
        raise Refusal(_("A noun is masculine or feminine."))
    forms = replace(word.noun, singular=clean_noun(word.noun.singular), plural=clean_noun(word.noun.plural))
    check_sound(forms.singular, forms.vowel_sound)
    before = known.get((word.language, word.msgid))
    if forms == before:
        return Line(SAME, word, _spoken(forms), _spoken(forms))
    if not allowed:
        raise Refusal(_("Your role does not change the vocabulary."))
    default = default_noun(installed().get(MESSAGES, word.language), word.msgid)
    state = NEW if before is None or before == default else CHANGED
    return Line(state, replace(word, noun=forms), _spoken(before) if before else (), _spoken(forms))


def _spoken(forms: NounForms) -> tuple[str, ...]:
    """A noun as people read it."""
    sound = (str(Noun.__table__.c.vowel_sound.info["label"]),) if forms.vowel_sound else ()
    return forms.singular, forms.plural, str(NounGender[forms.gender].label), *sound


def _text_line(word: Word, texts: Mapping[tuple[str, str, str, str, int], str], added: Collection[str]) -> Line:
    catalogue, message = known_text(word, added)
    wanted = len(message.forms) if message.plural else 1
    if len(word.forms) > wanted or not any(form is not None for form in word.forms):
        raise Refusal(_("It has not the forms of the original (%(num)d)."), num=wanted)
    forms = tuple(None if form is None else checked(form, message, number, word.language) for number, form in enumerate(word.forms))
    word = replace(word, catalogue=catalogue, forms=forms)
    before, after, own = [], [], False
    for number, form in enumerate(word.forms):
        today = texts.get((word.language, catalogue, message.context, message.msgid, number))
        own = own or today is not None
        before.append(message.forms[number] if today is None else today)
        after.append(before[-1] if form is None else form)
    state = SAME if before == after else CHANGED if own else NEW
    return Line(state, word, tuple(before), tuple(after))


def known_text(word: Word, added: Collection[str] = ()) -> tuple[str, Message]:
    """The catalogue and the original of a text. Refused: one that is not the application's."""
    for name in (word.catalogue,) if word.catalogue else CATALOGUES:
        try:
            return name, original(name, word.language, word.context, word.msgid, added)
        except Refusal:
            continue
    raise Refusal(_("It is not one of the application's texts, or no longer."))


def checked(text: str, message: Message, form: int, language: str) -> str:
    """A text of a file, cleaned. Stricter than what a person types and sees at once: no markup, no lone %x, no bracket that is no token."""
    text = clean_text(text if "\n" in message.msgid else one_line(text))
    check_places(text, message, form)
    if _MARKUP.search(text) and not _MARKUP.search(message.msgid):
        raise Refusal(_("It holds markup (“<”), which would be shown as it stands."))
    rest = PLACE.sub("", text)
    sign = _PERCENT.search(rest)
    if sign and not _PERCENT.search(PLACE.sub("", message.msgid)):
        raise Refusal(_("It holds “%(sign)s”, which stands for nothing here."), sign=rest[sign.start() : sign.start() + 2])
    wrong = problems(text)
    if wrong:
        raise Refusal(_("It holds a bracket that is no token: %(bracket)s."), bracket=wrong[0])
    if base_language(language) not in RULES:
        strange = next((token.text for token in tokens_in(text) if token.determiner), "")
        if strange:
            raise Refusal(_("Nothing tells how to write %(token)s in this language. Write the words around the noun plainly."), token=strange)
    return text


# --- writing -------------------------------------------------------------------------------------------------------------------


def apply(session: Session, school_id: int, found: Plan) -> int:
    """Write what is new or changed, in the caller's transaction; how many words."""
    lines = found.of(NEW, CHANGED)
    o = LabelOverride
    for line in lines:
        word = line.word
        if word.noun is not None:
            row = session.scalar(select(Noun).where(Noun.school_id == school_id, Noun.language == word.language, Noun.key == word.msgid))
            if row is None:
                row = Noun(school_id=school_id, language=word.language, key=word.msgid)
                session.add(row)
            row.take(word.noun)
            continue
        message = original(word.catalogue, word.language, word.context, word.msgid, (word.language,))
        for number, form in enumerate(word.forms):
            if form is not None and form != message.forms[number]:
                override(session, message, word.catalogue, word.language, number, form)
            elif form is not None:  # the default again needs no row
                where = {"language": word.language, "catalogue": word.catalogue, "msgctxt": word.context, "msgid": word.msgid, "form": number}
                for old in session.scalars(select(o).where(o.school_id == school_id).filter_by(**where)):
                    session.delete(old)
    if lines:
        record(session, "import_po", "label", rows=len(lines))
        session.flush()
    return len(lines)


# --- a school's own words ------------------------------------------------------------------------------------------------------


def own_words(session: Session, school_id: int | None, languages: Iterable[str] | None = None) -> list[Word]:
    """The texts that a school (None: the installation) has written, and the nouns that it says in its own way."""
    o, n = LabelOverride, Noun
    rows = select(o).where(o.school_id == school_id if school_id is not None else o.school_id.is_(None))
    wanted = None if languages is None else set(languages)
    forms: dict[tuple[str, str, str, str], dict[int, str]] = {}
    for row in session.scalars(rows.order_by(o.language, o.catalogue, o.msgctxt, o.msgid)):
        if wanted is None or row.language in wanted:
            forms.setdefault((row.language, row.catalogue, row.msgctxt, row.msgid), {})[row.form] = row.text
    found = [Word(*key, tuple(texts.get(number) for number in range(max(texts) + 1))) for key, texts in forms.items()]
    nouns = session.scalars(select(n).where(n.school_id == school_id).order_by(n.language, n.id))
    own = (noun for noun in nouns if noun.forms != default_noun(installed().get(MESSAGES, noun.language), noun.key))
    return found + [Word(noun.language, NOUN, "", noun.key, (), noun.forms) for noun in own if wanted is None or noun.language in wanted]


def written(words: Iterable[Word], name: str = "") -> str:
    """These words as a pack."""
    languages: dict[str, Any] = {}
    for word in words:
        parts = languages.setdefault(word.language, {"nouns": {}, "texts": []})
        if word.noun is not None:
            said = word.noun
            parts["nouns"][word.msgid] = {"singular": said.singular, "plural": said.plural, "gender": said.gender, "vowel_sound": said.vowel_sound}
        else:
            parts["texts"].append({"part": word.catalogue, "context": word.context, "text": word.msgid, "forms": list(word.forms)})
    return json.dumps({"format": FORMAT, "version": VERSION, "name": name, "languages": languages}, ensure_ascii=False, indent=1)


def as_po(language: str, words: Iterable[Word]) -> bytes:
    """The words of one language as a .po file; a form that the school has not written is that of the catalogue, so that every entry is whole."""
    messages = []
    for word in words:
        key, said = word.msgid, word.noun
        if said is not None:
            messages.append(Message(NOUN, key, f"{key}s", (said.singular, said.plural), READY))
            messages += [Message(GENDER, key, "", (said.gender,), READY), Message(SOUND, key, "", ("yes" if said.vowel_sound else "no",), READY)]
            continue
        _catalogue, known = known_text(word, (language,))
        texts = dict(enumerate(word.forms))
        messages.append(replace(known, forms=tuple(texts.get(number) or form for number, form in enumerate(known.forms))))
    return written_po(language, messages)


@dataclass(frozen=True)
class Ready:
    """A pack that comes with the application."""

    key: str
    title: Any
    sentence: Any


READY_PACKS = (
    Ready("college_lycee", _("Secondary school (France)"), _("Pupils, teachers and classes as a collège or a lycée says them.")),
    Ready("cegep", _("Cégep (Québec)"), _("Students, study programmes and session records as a cégep says them.")),
    Ready("centre_examen", _("Examination centre"), _("Candidates, examiners and sessions as a centre that only examines says them.")),
)


def ready_pack(key: str) -> bytes:
    """The file of a ready pack. Refused: one that does not exist."""
    if key not in {pack.key for pack in READY_PACKS}:
        raise Refusal(_("This pack does not exist. Choose one of the list."))
    return (READY / f"{key}.json").read_bytes()
