"""A .po file from outside: read without trust, and written."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from babel import UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import PoFileError, PoFileParser, write_po

from models.base import Refusal
from models.catalogue import LINE, Key, Message
from models.label_languages import LANGUAGE_LINE, is_language, no_language
from models.words import _

log = logging.getLogger(__name__)
_CHARSET = re.compile(rb'^"Content-Type:[^"\r\n]*charset=[ \t]*([A-Za-z0-9_.-]+)', re.MULTILINE | re.IGNORECASE)
# What a header may say when the file is not UTF-8. Latin-1 is read as Windows writes it: the signs between ’ and œ are in no true Latin-1.
_CHARSETS = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252", "cp1252": "cp1252", "iso-8859-15": "iso-8859-15"}
_LANGUAGE = re.compile(r'^"Language[ \t\u00a0\u202f]*:[ \t\u00a0\u202f]*([A-Za-z_-]*)[ \t]*(?:\\n)?"', re.MULTILINE)  # (French puts a space before the colon)
_SOURCE = Path("sent.po")


class _Sent(Catalog):
    """A catalogue that keeps its hands off the header: what a stranger writes there is neither a charset nor an expression to follow."""

    def __setitem__(self, key: Any, message: Entry) -> None:
        if message.id:
            super().__setitem__(key, message)


def read_po(content: bytes, language: str = "") -> tuple[str, list[Message]]:
    """The language that the header says (or `language`, which then goes before it), and every translated entry that is not fuzzy.

    Refused: a file that is no .po, one without language, one whose letters are neither UTF-8 nor what the header says of them.
    """
    text = _decoded(content)
    lines = _lines_of(text)
    found = _LANGUAGE.search(text[:20_000])
    language = language or (found[1].replace("-", "_") if found else "")
    if not language:
        raise Refusal(_("The file does not say in which language it is. Write it in the header, for example for Spanish: %(line)s"), line=LANGUAGE_LINE)
    if not is_language(language):
        raise no_language(language)
    catalogue = _Sent(locale=language, charset="utf-8")
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for read, line in enumerate(lines, 1):  # noqa: B007 (the refusal says how far it came)
            yield line

    try:
        PoFileParser(catalogue, ignore_obsolete=True, abort_invalid=True).parse(counted())
    except (ValueError, PoFileError, LookupError, UnknownLocaleError, TypeError, AttributeError) as problem:
        wrong = problem.lineno + 1 if isinstance(problem, PoFileError) else read
        log.info("a sent .po file is wrong at line %d: %s", wrong, problem)
        raise Refusal(_("This file cannot be read as a .po file: line %(line)d is wrong. Correct it, then send the file again."), line=wrong) from problem
    return language, [message for entry in catalogue if (message := _message(entry)) is not None]


def _decoded(content: bytes) -> str:
    """The text: UTF-8, else what the header says of its letters."""
    said = _CHARSET.search(content[:20_000])
    failed = None
    for charset in ("utf-8-sig", _CHARSETS.get(said[1].decode().lower()) if said else None):
        try:
            if charset is not None:
                return content.decode(charset)
        except UnicodeDecodeError as problem:
            failed = problem
    _lines_of(content.decode("latin-1"))  # whether it is a .po file at all
    wrong = content.count(b"\n", 0, failed.start if failed else 0) + 1
    raise Refusal(_("The letters of line %(line)d cannot be read. Save the file as UTF-8, then send it again."), line=wrong) from failed


def _lines_of(text: str) -> list[str]:
    """Its lines. Refused: one that stands in no .po file."""
    lines = re.split(r"\r\n|\r|\n", text)
    wrong = next((number for number, line in enumerate(lines, 1) if not LINE.fullmatch(line.strip())), None)
    if wrong is not None:
        raise Refusal(_("This file is no .po file: line %(line)d cannot be read."), line=wrong)
    return lines


def _message(entry: Entry) -> Message | None:
    msgid, plural = entry.id[:2] if isinstance(entry.id, list | tuple) else (entry.id, "")
    forms = tuple(text or "" for text in (entry.string if isinstance(entry.string, list | tuple) else (entry.string,)))
    return Message(entry.context or "", msgid, plural, forms, _SOURCE) if msgid and not entry.fuzzy and all(forms) else None


def written_po(language: str, messages: Iterable[Message], comments: Mapping[Key, str] | None = None) -> bytes:
    """These entries as a .po file, each with its comment for the translator. Without a language the header has "xx" in its place, to be replaced."""
    catalogue = Catalog(locale=language or None, project="Scolabri", charset="utf-8")
    for message in messages:
        said = [comment] if (comment := (comments or {}).get(message.key)) else []
        whole = message.forms if message.plural else message.forms[0] if message.forms else ""
        catalogue.add((message.msgid, message.plural) if message.plural else message.msgid, whole, context=message.context or None, auto_comments=said)
    stream = io.BytesIO()
    write_po(stream, catalogue, sort_output=True, omit_header=False)
    written = stream.getvalue()
    return written if language else written.replace(b'"Language-Team:', b'"Language: xx\\n"\n"Language-Team:', 1)
