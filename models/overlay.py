"""What a person reads in the end: the school's own wording over the catalogues, nouns written out.

`Snapshot` holds the overrides and nouns of a school, `Reader` joins one with a catalogue. Both are immutable in what they say,
so that a reader may remember each text it has resolved; whoever keeps them throws them away when the stamp changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from models.catalogue import Catalogue, Message, chain, default_nouns, translated_nouns
from models.tokens import NounForms, is_noun, resolve

_REMEMBERED = 20_000  # resolved texts per reader: more than every text there is, less than a leak


@dataclass(frozen=True)
class Override:
    """A text that a school, or the whole installation, has written itself."""

    everywhere: bool
    catalogue: str
    language: str
    context: str
    msgid: str
    form: int
    text: str


class Added(Protocol):
    """A language that the school has added (models/label_languages.py)."""

    @property
    def fallback(self) -> str:
        """The language in which its untranslated texts are read."""

    def over(self, base: Catalogue) -> Catalogue:
        """Its catalogue, over what the packages say."""


@dataclass(frozen=True)
class Snapshot:
    """The overrides and nouns that one school sees, as they stood at `stamp`."""

    stamp: int = 0
    overrides: tuple[Override, ...] = ()
    nouns: Mapping[str, Mapping[str, NounForms]] = field(default_factory=dict)
    languages: Mapping[str, Added] = field(default_factory=dict)


Asked = tuple[str, str, str, str]  # catalogue, language, context, msgid


@dataclass
class Heard:
    """The texts that one page has asked for, in the order in which they are read; the page's own are told from those of its frame."""

    texts: dict[Asked, tuple[int, bool]] = field(default_factory=dict)  # the stage at which it was asked, whether the page itself says it
    stage: int = 0  # 0: before the page is written
    own: bool = True

    def note(self, asked: Asked) -> None:
        """One more text; its place is the first where it is written, and what the page itself says too is the page's."""
        now = (self.stage, self.own)
        known = self.texts.get(asked)
        if known is not None and (known[0] < self.stage or known[1] < self.own):
            del self.texts[asked]
        self.texts.setdefault(asked, now)


class Reader:
    """The texts of one catalogue in one language for one school, tokens resolved, places still open."""

    def __init__(self, catalogue: Catalogue, words: Catalogue, snapshot: Snapshot, fallback: Reader | None = None) -> None:
        self.catalogue = catalogue
        self.snapshot = snapshot
        self.words = words
        self.fallback = fallback
        defaults = default_nouns(words) if fallback is None else {**fallback.nouns, **translated_nouns(words)}
        self.nouns: Mapping[str, NounForms] = defaults | dict(snapshot.nouns.get(catalogue.language, {}))
        self._own = _flatten(snapshot, catalogue)
        self._known: dict[tuple[str, str, int], str] = {}

    def text(self, context: str, msgid: str) -> str:
        """The text for an English msgid."""
        return self._known.get((context, msgid, 0)) or self._write(context, msgid, 0, self.catalogue.text(context, msgid))

    def form(self, context: str, singular: str, plural: str, num: int) -> str:
        """The text in the form that `num` asks for."""
        text, index = self.catalogue.form(context, singular, plural, num)
        if self.fallback is not None and self.lacks(context, singular, index):
            return self.fallback.form(context, singular, plural, num)
        return self._known.get((context, singular, index)) or self._write(context, singular, index, text)

    def lacks(self, context: str, msgid: str, form: int = 0) -> bool:
        """Whether neither the catalogue nor the school says this text in this language. A noun alone ("[Students]") needs no translation."""
        return (context, msgid) not in self.catalogue.messages and (context, msgid, form) not in self._own and not is_noun(msgid)

    def own(self, context: str, msgid: str, form: int = 0) -> str | None:
        """The override in force for a text, with its tokens, if there is one."""
        return self._own.get((context, msgid, form))

    def default(self, message: Message, form: int = 0) -> str:
        """The catalogue's text in one of its forms, with its tokens."""
        known = self.catalogue.messages.get(message.key)
        if known and form < len(known.forms):
            return known.forms[form]
        if self.fallback is not None and known is None:
            return self.fallback.default(message, form)
        return message.plural if form and message.plural else message.msgid

    def shown(self, message: Message, form: int = 0) -> str:
        """The text in one of its forms as a person sees it, places still open."""
        own = self.own(*message.key, form)
        if self.fallback is not None and self.lacks(*message.key, form):
            return self.fallback.shown(message, form)
        return self.write(self.default(message, form) if own is None else own)

    def write(self, text: str) -> str:
        """Any text with its tokens resolved: a preview."""
        return resolve(text, self.nouns, self.catalogue.language)

    def _write(self, context: str, msgid: str, form: int, text: str) -> str:
        key = (context, msgid, form)
        if self.fallback is not None and self.lacks(context, msgid, form):
            return self.fallback.text(context, msgid)
        written = self.write(self._own.get(key, text))
        if len(self._known) < _REMEMBERED:
            self._known[key] = written
        return written


class Masked(Reader):
    """A school's reader on the pages of one programme, which calls some fields otherwise (models/masks.py).

    It remembers nothing of its own: whatever is not masked is asked of the school's reader, which knows nothing of the programme.
    """

    def __init__(self, reader: Reader, masks: Iterable[Override], fallback: Reader | None = None) -> None:
        vars(self).update(vars(reader))
        self.reader, self.fallback, self._known = reader, fallback, {}
        languages = chain(reader.catalogue.language)
        mine = sorted((o for o in masks if o.catalogue == reader.catalogue.name and o.language in languages), key=lambda o: -languages.index(o.language))
        self.says = {(o.context, o.msgid): o.text for o in mine}

    def text(self, context: str, msgid: str) -> str:
        """The programme's text for an English msgid, else the school's."""
        mask = self.says.get((context, msgid))
        if mask is not None:
            return self.write(mask)
        if self.fallback is not None and self.reader.lacks(context, msgid):
            return self.fallback.text(context, msgid)
        return self.reader.text(context, msgid)

    def form(self, context: str, singular: str, plural: str, num: int) -> str:
        """The school's: no field is called in the plural."""
        return self.reader.form(context, singular, plural, num)


def masked(reader: Reader, masks: Iterable[Override]) -> Reader:
    """The reader for the pages of a programme with these masks; the same one where they say nothing in its language."""
    known = tuple(masks)
    if not known:
        return reader
    fallback = masked(reader.fallback, known) if reader.fallback is not None else None
    found = Masked(reader, known, fallback)
    return found if found.says or fallback is not reader.fallback else reader


class Listening(Reader):
    """A reader that notes which texts are asked of it, in `heard`: (catalogue, language, context, msgid)."""

    def __init__(self, reader: Reader, heard: Heard) -> None:
        vars(self).update(vars(reader))
        self.reader, self.heard = reader, heard

    def text(self, context: str, msgid: str) -> str:
        """The text for an English msgid, noted."""
        self.heard.note((self.catalogue.name, self.catalogue.language, context, msgid))
        return self.reader.text(context, msgid)

    def form(self, context: str, singular: str, plural: str, num: int) -> str:
        """The text in the form that `num` asks for, noted."""
        self.heard.note((self.catalogue.name, self.catalogue.language, context, singular))
        return self.reader.form(context, singular, plural, num)


def _flatten(snapshot: Snapshot, catalogue: Catalogue) -> dict[tuple[str, str, int], str]:
    """The overrides of a language, the strongest last: everywhere before the school, fr before fr_CA."""
    languages = chain(catalogue.language)
    mine = [o for o in snapshot.overrides if o.catalogue == catalogue.name and o.language in languages]
    mine.sort(key=lambda o: (not o.everywhere, -languages.index(o.language)))
    return {(o.context, o.msgid, o.form): o.text for o in mine}
