"""The school's own texts as a .po file: to keep, to carry to another installation, to hand to a translator."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.orm import Session

from jobs import catalogues
from models import labels
from models.base import Refusal
from models.catalogue import CATALOGUES, Message, installed
from models.label_languages import read_languages
from models.label_packs import GENDER, NOUN, SOUND, as_po, own_words
from models.label_po import read_po
from models.label_upload import texts_of_school
from models.scope import unscoped
from models.words import _

log = logging.getLogger(__name__)


def export_texts(session: Session, language: str, school_id: int | None, target: Path) -> int:
    """Write the texts and nouns that a school, or the texts that everybody without one, has put in place of ours; how many.

    A form that was not changed is written as the catalogue says it, so that every entry is whole. Refused: a file that exists.
    """
    if target.exists():
        raise Refusal(_("%(file)s exists already. Choose another name."), file=str(target))
    words = own_words(session, school_id, [language])
    with target.open("xb") as stream:
        stream.write(as_po(language, words))
    return len(words)


def tell_missing(session: Session, school_id: int) -> int:
    """Write on the console the texts that the added languages of a school lack, ready to paste; how many."""
    count = 0
    with unscoped("the command line names the school"):
        added = {language: texts_of_school(session, school_id, language) for language in read_languages(session, school_id)}
    for language, texts in added.items():
        for text in texts:
            if text.is_untranslated:
                entry = catalogues.Text(*text.message.key, text.message.plural)
                sys.stdout.write(f"# {language}\n{catalogues.stanza(entry, language)}\n")
                count += 1
    return count


def import_texts(session: Session, language: str, source: Path) -> int:
    """Write the texts of a .po file for every school, in the caller's transaction; how many differ from the catalogue.

    Refused, with nothing written: a language without catalogue, a file that cannot be read, a text that is none of the application's
    or that loses a `%(name)s` place. Nouns are not texts: they are changed on their screen.
    """
    if language not in installed().languages():
        raise Refusal(_("There is no catalogue for the language “%(language)s”."), language=language)
    count = 0
    for message in _read(language, source):
        if message.context in (NOUN, GENDER, SOUND):
            continue
        name, known = _known(language, message)
        for index, text in enumerate(message.forms):
            if index >= len(known.forms) or text != known.forms[index]:
                labels.override(session, known, name, language, index, text)
                count += 1
    return count


def _read(language: str, source: Path) -> Iterable[Message]:
    try:
        content = source.read_bytes()
    except OSError as problem:
        log.info("%s cannot be read: %s", source, problem)
        raise Refusal(_("%(file)s cannot be opened. Check its name, and that you may read it."), file=str(source)) from problem
    return read_po(content, language)[1]


def _known(language: str, message: Message) -> tuple[str, Message]:
    for name in CATALOGUES:
        try:
            return name, labels.original(name, language, *message.key)
        except Refusal:
            continue
    raise Refusal(_("“%(text)s” is not one of the application's texts. Take it out of the file."), text=message.msgid)
