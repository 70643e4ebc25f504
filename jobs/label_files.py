"""The school's own texts as a .po file: to keep, to carry to another installation, to hand to a translator."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, write_po
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import labels
from models.base import Refusal
from models.catalogue import CATALOGUES, Message, installed, read
from models.words import _


def export_texts(session: Session, language: str, school_id: int | None, target: Path) -> int:
    """Write the texts that a school, or everybody without one, has put in place of the catalogue's; how many entries.

    A form that was not changed is written as the catalogue says it, so that every entry is whole. Refused: a file that exists.
    """
    if target.exists():
        raise Refusal(_("%(file)s exists already. Choose another name."), file=str(target))
    rows = session.scalars(select(labels.LabelOverride).where(labels.LabelOverride.language == language, labels.LabelOverride.school_id == school_id))
    forms: dict[tuple[str, str, str], dict[int, str]] = {}
    for row in rows:
        forms.setdefault((row.catalogue, row.msgctxt, row.msgid), {})[row.form] = row.text
    catalogue = Catalog(locale=language, project="Scolabri", charset="utf-8")
    for (name, context, msgid), texts in sorted(forms.items()):
        message = labels.original(name, language, context, msgid)
        whole = tuple(texts.get(index, form) for index, form in enumerate(message.forms))
        catalogue.add((msgid, message.plural) if message.plural else msgid, whole if message.plural else whole[0], context=context or None)
    with target.open("xb") as stream:
        write_po(stream, catalogue, sort_output=True, omit_header=False)
    return len(forms)


def import_texts(session: Session, language: str, source: Path) -> int:
    """Write the texts of a .po file for every school, in the caller's transaction; how many differ from the catalogue.

    Refused, with nothing written: a language without catalogue, a file that cannot be read, a text that is none of the application's
    or that loses a `%(name)s` place. Nouns are not texts: they are changed on their screen.
    """
    if language not in installed().languages():
        raise Refusal(_("There is no catalogue for the language “%(language)s”."), language=language)
    count = 0
    for message in _read(language, source):
        if message.context in ("noun", "noun gender"):
            continue
        name, known = _known(language, message)
        for index, text in enumerate(message.forms):
            if index >= len(known.forms) or text != known.forms[index]:
                labels.override(session, known, name, language, index, text)
                count += 1
    return count


def _read(language: str, source: Path) -> Iterable[Message]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / language / "texts.po"  # the reader takes the language from the folder
        path.parent.mkdir()
        try:
            shutil.copyfile(source, path)
            return read(path)
        except (OSError, ValueError, PoFileError) as problem:
            raise Refusal(_("%(file)s cannot be read as a .po file: %(problem)s"), file=str(source), problem=str(problem)) from problem


def _known(language: str, message: Message) -> tuple[str, Message]:
    for name in CATALOGUES:
        try:
            return name, labels.original(name, language, *message.key)
        except Refusal:
            continue
    raise Refusal(_("“%(text)s” is not one of the application's texts. Take it out of the file."), text=message.msgid)
