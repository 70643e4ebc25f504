"""Finding a text by what a person sees, and showing what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from models.base import fold
from models.catalogue import CATALOGUES, DEFAULT_LANGUAGE, Message, installed
from models.overlay import Reader
from models.tokens import DETERMINERS, fill, places_in, tokens_in

# The glossary has a screen of its own.
_HIDDEN = {"noun", "noun gender"}


@dataclass(frozen=True)
class Shown:
    """A text of the application as a school's reader sees it."""

    reader: Reader
    message: Message

    @property
    def catalogue(self) -> str:
        """The part of the application it belongs to."""
        return self.reader.catalogue.name

    @cached_property
    def code(self) -> str:
        """A short name for addresses."""
        return code_of(self.catalogue, *self.message.key)

    @property
    def forms(self) -> range:
        """The numbers of its plural forms; one form when it has no plural."""
        return range(len(self.message.forms) if self.message.plural else 1)

    @property
    def is_own(self) -> bool:
        """Whether the school has written it itself, in any form."""
        return any(self.reader.own(*self.message.key, form) is not None for form in self.forms)

    @property
    def is_untranslated(self) -> bool:
        """Whether the language says it in the words of another."""
        return self.reader.fallback is not None and self.reader.lacks(*self.message.key)

    @cached_property
    def seen(self) -> tuple[str, ...]:
        """What a person sees, form by form, places still open."""
        return tuple(self.reader.shown(self.message, form) for form in self.forms)

    @cached_property
    def folded(self) -> str:
        """What a search compares: the seen forms and the English original, without accents."""
        return fold(" ".join((*self.seen, self.message.msgid)))


def code_of(catalogue: str, context: str, msgid: str) -> str:
    """The short name of a text."""
    return hashlib.sha256("\0".join((catalogue, context, msgid)).encode()).hexdigest()[:16]


def shown_text(reader: Reader, context: str, msgid: str) -> Shown | None:
    """A text by its msgid; None when no catalogue knows it, or when it belongs to the glossary."""
    default = installed().get(reader.catalogue.name, DEFAULT_LANGUAGE).messages
    message = reader.catalogue.messages.get((context, msgid)) or default.get((context, msgid))
    return Shown(reader, message) if message is not None and context not in _HIDDEN else None


def every_text(readers: Iterable[Reader]) -> list[Shown]:
    """All texts of these readers, in the order of what is seen."""
    found = []
    for reader in readers:
        default = installed().get(reader.catalogue.name, DEFAULT_LANGUAGE).messages
        # What a package can say but never does here is translated by nobody here.
        used = [key for key, message in default.items() if message.source.suffix == ".po" and message.context not in _HIDDEN]
        found += [Shown(reader, reader.catalogue.messages.get(key, default[key])) for key in used]
    return sorted(found, key=lambda text: (fold(text.seen[0]), CATALOGUES.index(text.catalogue), text.message.key))


def find(texts: list[Shown], query: str) -> list[Shown]:
    """The texts that hold the most words of what a person has read on a page (names and numbers stand in none); the nearest first."""
    phrase = fold(query)
    words = phrase.split()
    if not words:  # those that begin with a value say nothing by their beginning: last
        return sorted(texts, key=lambda text: text.seen[0].startswith("%"))
    scored = [(sum(word in text.folded for word in words), text) for text in texts]
    best = max((score for score, _text in scored), default=0)
    found = [text for score, text in scored if score == best] if best else []
    return sorted(found, key=lambda text: (phrase not in text.folded, min(abs(len(form) - len(query)) for form in text.seen)))


def preview(reader: Reader, text: str, form: int = 0) -> str:
    """A text as it will be read, with a number or its place's name where a value will stand."""
    return fill(reader.write(text), {name: f"‹{name}›" for name in places_in(text)} | {"num": 3 if form else 1})


def tokens_of(reader: Reader, message: Message, texts: Iterable[str] = ()) -> list[tuple[str, str]]:
    """What an author may write for the nouns that a text names, each with what it gives today."""
    nouns = dict.fromkeys(token.noun for text in (message.msgid, message.plural, *texts) for token in tokens_in(text))
    found: list[str] = []
    for noun in nouns:
        found += [f"[{noun}]", f"[{noun}s]", *(f"[{word} {noun}]" for word in DETERMINERS), f"[of {noun}s]", f"[{noun}|m|f]"]
    return [(token, reader.write(token)) for token in found]
