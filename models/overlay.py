"""What a person reads in the end: the school's own wording over the catalogues, nouns written out.

`Snapshot` holds the overrides and nouns of a school, `Reader` joins one with a catalogue. Both are immutable in what they say,
so that a reader may remember each text it has resolved; whoever keeps them throws them away when the stamp changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.catalogue import Catalogue, Message, chain, default_nouns
from models.tokens import NounForms, resolve

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


@dataclass(frozen=True)
class Snapshot:
    """The overrides and nouns that one school sees, as they stood at `stamp`."""

    stamp: int = 0
    overrides: tuple[Override, ...] = ()
    nouns: Mapping[str, Mapping[str, NounForms]] = field(default_factory=dict)


class Reader:
    """The texts of one catalogue in one language for one school, tokens resolved, places still open."""

    def __init__(self, catalogue: Catalogue, words: Catalogue, snapshot: Snapshot) -> None:
        self.catalogue = catalogue
        self.snapshot = snapshot
        self.words = words
        self.nouns: Mapping[str, NounForms] = default_nouns(words) | dict(snapshot.nouns.get(catalogue.language, {}))
        self._own = _flatten(snapshot, catalogue)
        self._known: dict[tuple[str, str, int], str] = {}

    def text(self, context: str, msgid: str) -> str:
        """The text for an English msgid."""
        return self._known.get((context, msgid, 0)) or self._write(context, msgid, 0, self.catalogue.text(context, msgid))

    def form(self, context: str, singular: str, plural: str, num: int) -> str:
        """The text in the form that `num` asks for."""
        text, index = self.catalogue.form(context, singular, plural, num)
        return self._known.get((context, singular, index)) or self._write(context, singular, index, text)

    def own(self, context: str, msgid: str, form: int = 0) -> str | None:
        """The override in force for a text, with its tokens, if there is one."""
        return self._own.get((context, msgid, form))

    def default(self, message: Message, form: int = 0) -> str:
        """The catalogue's text in one of its forms, with its tokens."""
        known = self.catalogue.messages.get(message.key)
        if known and form < len(known.forms):
            return known.forms[form]
        return message.plural if form and message.plural else message.msgid

    def shown(self, message: Message, form: int = 0) -> str:
        """The text in one of its forms as a person sees it, places still open."""
        own = self.own(*message.key, form)
        return self.write(self.default(message, form) if own is None else own)

    def write(self, text: str) -> str:
        """Any text with its tokens resolved: a preview."""
        return resolve(text, self.nouns, self.catalogue.language)

    def _write(self, context: str, msgid: str, form: int, text: str) -> str:
        key = (context, msgid, form)
        written = self.write(self._own.get(key, text))
        if len(self._known) < _REMEMBERED:
            self._known[key] = written
        return written


def _flatten(snapshot: Snapshot, catalogue: Catalogue) -> dict[tuple[str, str, int], str]:
    """The overrides of a language, the strongest last: everywhere before the school, fr before fr_CA."""
    languages = chain(catalogue.language)
    mine = [o for o in snapshot.overrides if o.catalogue == catalogue.name and o.language in languages]
    mine.sort(key=lambda o: (not o.everywhere, -languages.index(o.language)))
    return {(o.context, o.msgid, o.form): o.text for o in mine}
