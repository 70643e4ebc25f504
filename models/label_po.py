"""A .po file from outside: read without trust, and written."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from babel import UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import PoFileError, PoFileParser, write_po

from models.base import Refusal
from models.catalogue import LINE, Key, Message
from models.label_languages import is_language
from models.words import _

_LANGUAGE = re.compile(r'^"Language:[ \t]*([A-Za-z_-]*)[ \t]*(?:\\n)?"', re.MULTILINE)
_SOURCE = Path("sent.po")


class _Sent(Catalog):
    """A catalogue that keeps its hands off the header: what a stranger writes there is neither a charset nor an expression to follow."""

    def __setitem__(self, key: Any, message: Entry) -> None:
        if message.id:
            super().__setitem__(key, message)


def read_po(content: bytes) -> tuple[str, list[Message]]:
    """The language that the header says, and every translated entry that is not fuzzy. Refused: a file that is no .po, one without language."""
    text = content.decode("utf-8-sig", errors="replace")
    wrong = next((number for number, line in enumerate(text.splitlines(), 1) if not LINE.fullmatch(line.strip())), None)
    if wrong is not None:
        raise Refusal(_("This file is no .po file: line %(line)d cannot be read."), line=wrong)
    found = _LANGUAGE.search(text[:20_000])
    language = found[1].replace("-", "_") if found else ""
    if not is_language(language):
        raise Refusal(_("The file does not say in which language it is. Write it in the header, for example: Language: es"))
    catalogue = _Sent(locale=language, charset="utf-8")
    try:
        PoFileParser(catalogue, ignore_obsolete=True, abort_invalid=True).parse(io.BytesIO(text.encode()))
    except (ValueError, PoFileError, LookupError, UnknownLocaleError, TypeError, AttributeError) as problem:
        raise Refusal(_("This file cannot be read as a .po file: %(problem)s"), problem=str(problem)[:200]) from problem
    return language, [message for entry in catalogue if (message := _message(entry)) is not None]


def _message(entry: Entry) -> Message | None:
    msgid, plural = entry.id[:2] if isinstance(entry.id, list | tuple) else (entry.id, "")
    forms = tuple(text or "" for text in (entry.string if isinstance(entry.string, list | tuple) else (entry.string,)))
    return Message(entry.context or "", msgid, plural, forms, _SOURCE) if msgid and not entry.fuzzy and all(forms) else None


def written_po(language: str, messages: Iterable[Message], comments: Mapping[Key, str] | None = None) -> bytes:
    """These entries as a .po file, each with its comment for the translator. Without a language the header leaves it to be filled."""
    catalogue = Catalog(locale=language or None, project="Scolabri", charset="utf-8")
    for message in messages:
        said = [comment] if (comment := (comments or {}).get(message.key)) else []
        whole = message.forms if message.plural else message.forms[0] if message.forms else ""
        catalogue.add((message.msgid, message.plural) if message.plural else message.msgid, whole, context=message.context or None, auto_comments=said)
    stream = io.BytesIO()
    write_po(stream, catalogue, sort_output=True, omit_header=False)
    return stream.getvalue()
