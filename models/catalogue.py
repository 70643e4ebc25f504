"""The .po files, read directly: edit one, save, reload the page. Nothing compiled is kept.

All files of a language make one catalogue. The school's own files (in the data folder) win over ours, fr_CA falls back on fr
text by text, and what the packages bring comes last. `flask_admin.po` and `wtforms.po` translate those packages' texts again;
every other file belongs to the application's catalogue, called "messages".
"""

from __future__ import annotations

import io
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from gettext import c2py
from pathlib import Path

from babel import UnknownLocaleError
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.plurals import get_plural

from models.tokens import NOUNS, Gender, NounForms, base_language, vowel_sound

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent / "translations"
MESSAGES, ADMIN, WTFORMS = "messages", "admin", "wtforms"
CATALOGUES = (MESSAGES, ADMIN, WTFORMS)
DEFAULT_LANGUAGE = "fr"
_FILES = {"flask_admin": ADMIN, "wtforms": WTFORMS}
LINE = re.compile(r'(#.*|((msgctxt|msgid|msgid_plural|msgstr(\[\d\])?)\s+)?"(?:[^"\\]|\\.)*")?')
_EVERY = 1.0  # seconds between two looks at the files

Key = tuple[str, str]  # context ("" = none), English msgid


class BrokenCatalogue(Exception):  # noqa: N818 (it names what is broken)
    """A .po file cannot be read and no good reading of it exists; the start must stop."""


@dataclass(frozen=True)
class Message:
    """One text of a catalogue with its translated forms (one, or one per plural form)."""

    context: str
    msgid: str
    plural: str
    forms: tuple[str, ...]
    source: Path

    @property
    def key(self) -> Key:
        """How the text is looked up."""
        return self.context, self.msgid


@dataclass(frozen=True)
class Catalogue:
    """The merged texts of one catalogue in one language; a new object each time a file changed."""

    name: str
    language: str
    messages: Mapping[Key, Message]
    plural: Callable[[int], int]

    def text(self, context: str, msgid: str) -> str:
        """The translation, or the msgid."""
        message = self.messages.get((context, msgid))
        return message.forms[0] if message else msgid

    def form(self, context: str, singular: str, plural: str, num: int) -> tuple[str, int]:
        """The translation in the form for `num`, and the number of that form."""
        message = self.messages.get((context, singular))
        index = self.plural(num)
        if message and index < len(message.forms):
            return message.forms[index], index
        return (singular, 0) if num == 1 else (plural, 1)


def chain(language: str) -> tuple[str, ...]:
    """The languages that serve a reader, first the most precise: fr_CA, then fr."""
    base = base_language(language)
    return (language,) if base == language else (language, base)


class Catalogues:
    """Every catalogue of every language of one installation.

    `folders`: from the weakest to the strongest, each holding `<language>/LC_MESSAGES/*.po` or `<language>/*.po`.
    `packages`: for a catalogue, the folder and domain of the .mo files that its package brings.
    Raises `BrokenCatalogue` when a file cannot be read at start; later a broken file keeps its last good reading.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        packages: Mapping[str, tuple[Path, str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folders = tuple(folders)
        self.clock = clock
        self.packages = dict(packages or {})
        self._files: dict[Path, tuple[tuple[int, int], tuple[Message, ...]]] = {}
        self._merged: dict[str, tuple[object, dict[str, Catalogue]]] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()
        self._started = False
        for language in self.languages():
            self.get(MESSAGES, language)
        self._started = True

    def languages(self) -> list[str]:
        """The languages that have a folder, the default one first."""
        found = {path.name for folder in self.folders if folder.is_dir() for path in folder.iterdir() if path.is_dir()}
        return sorted(found, key=lambda name: (name != DEFAULT_LANGUAGE, not name.startswith(DEFAULT_LANGUAGE), name))

    def get(self, name: str, language: str) -> Catalogue:
        """The catalogue as its files stand, looked at once a second at most."""
        now = self.clock()
        known = self._merged.get(language)
        if known is None or now - self._looked.get(language, 0.0) >= _EVERY:
            with self._lock:
                known = self._look(language)
                self._looked[language] = now
        return known[1][name]

    def _look(self, language: str) -> tuple[object, dict[str, Catalogue]]:
        paths = self._paths(language)
        seen = tuple((path, (stat := path.stat()).st_mtime_ns, stat.st_size) for path in paths)
        known = self._merged.get(language)
        if known is not None and known[0] == seen:
            return known
        merged: dict[str, dict[Key, Message]] = {name: self._package(name, language) for name in CATALOGUES}
        for path, changed, size in seen:
            for message in self._file(path, (changed, size)):
                merged[catalogue_of(path)][message.key] = message
        rule = _plural_rule(language)
        fresh = (seen, {name: Catalogue(name, language, texts, rule) for name, texts in merged.items()})
        self._merged[language] = fresh
        return fresh

    def _paths(self, language: str) -> list[Path]:
        """The files of a language, from the weakest to the strongest."""
        found: list[Path] = []
        for folder in self.folders:
            for name in reversed(chain(language)):
                found += sorted((folder / name / "LC_MESSAGES").glob("*.po")) + sorted((folder / name).glob("*.po"))
        return found

    def _file(self, path: Path, stamp: tuple[int, int]) -> tuple[Message, ...]:
        known = self._files.get(path)
        if known and known[0] == stamp:
            return known[1]
        try:
            messages = read(path)
        except (ValueError, pofile.PoFileError, UnknownLocaleError, OSError) as error:
            if not self._started:
                raise BrokenCatalogue(f"{path}: {error}") from error
            log.error("catalogue %s is broken, its last good reading stays: %s", path, error)
            messages = known[1] if known else ()
        self._files[path] = stamp, messages
        return messages

    def _package(self, name: str, language: str) -> dict[Key, Message]:
        texts: dict[Key, Message] = {}
        if name in self.packages:
            folder, domain = self.packages[name]
            for part in reversed(chain(language)):
                path = folder / part / "LC_MESSAGES" / f"{domain}.mo"
                if path.is_file():
                    texts.update((message.key, message) for message in _compiled(path))
        return texts


def catalogue_of(path: Path) -> str:
    """The catalogue that a .po file belongs to, by its name."""
    return _FILES.get(path.stem, MESSAGES)


def read(path: Path) -> tuple[Message, ...]:
    """The usable texts of a .po file; fuzzy and empty ones are left out. Raises `ValueError` or `PoFileError` when it is broken."""
    return _usable(path, path.read_bytes())


@lru_cache(maxsize=512)  # a second application of the process, or one that looks again, reads what changed only
def _usable(path: Path, content: bytes) -> tuple[Message, ...]:
    return _messages(_parsed(path, content), path)


def parse(path: Path) -> Catalog:
    """A .po file with everything it holds. Raises `ValueError` or `PoFileError` when it is broken."""
    return _parsed(path, path.read_bytes())


def _parsed(path: Path, content: bytes) -> Catalog:
    for number, line in enumerate(content.decode().splitlines(), 1):
        if not LINE.fullmatch(line.strip()):  # Babel reads over an open quotation mark
            raise ValueError(f"line {number} is neither a comment nor a quoted text")
    return pofile.read_po(io.BytesIO(content), locale=_language_of(path), abort_invalid=True)


def _language_of(path: Path) -> str | None:
    name = path.parent.parent.name if path.parent.name == "LC_MESSAGES" else path.parent.name
    return None if path.suffix == ".pot" else name


@cache
def _compiled(path: Path) -> tuple[Message, ...]:
    with path.open("rb") as file:
        return _messages(mofile.read_mo(file), path)


def _messages(catalog: Catalog, path: Path) -> tuple[Message, ...]:
    found = []
    for entry in catalog:
        msgid, plural = entry.id if isinstance(entry.id, list | tuple) else (entry.id, "")
        forms = tuple(text or "" for text in (entry.string if isinstance(entry.string, list | tuple) else (entry.string,)))
        if msgid and not entry.fuzzy and all(forms):
            found.append(Message(entry.context or "", msgid, plural, forms, path))
    return tuple(found)


def _plural_rule(language: str) -> Callable[[int], int]:
    return c2py(get_plural(language).plural_expr)


def default_noun(catalogue: Catalogue, key: str) -> NounForms:
    """A noun of the glossary as the catalogue writes it (contexts "noun" and "noun gender")."""
    singular = catalogue.form("noun", key, f"{key}s", 1)[0]
    plural = catalogue.form("noun", key, f"{key}s", 2)[0]
    gender: Gender = "feminine" if catalogue.text("noun gender", key) == "feminine" else "masculine"
    return NounForms(singular, plural, gender, vowel_sound(singular, catalogue.language))


def default_nouns(catalogue: Catalogue) -> dict[str, NounForms]:
    """The twelve nouns as the catalogue writes them."""
    return {key: default_noun(catalogue, key) for key in NOUNS}


def translated_nouns(catalogue: Catalogue) -> dict[str, NounForms]:
    """Those of the twelve nouns that the catalogue writes."""
    return {key: default_noun(catalogue, key) for key in NOUNS if ("noun", key) in catalogue.messages}


_installed: list[Catalogues] = []


def use(catalogues: Catalogues) -> Catalogues:
    """Make these the catalogues of the process (one process serves one installation)."""
    _installed[:] = [catalogues]
    return catalogues


def installed() -> Catalogues:
    """The catalogues of the process; ours alone when no application has been started."""
    return _installed[0] if _installed else use(Catalogues([ROOT]))
