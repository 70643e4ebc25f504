"""Every text of a language as its readers see it: what the list of texts, the page of added languages and the panel of a page share."""

from __future__ import annotations

from flask import abort, request
from flask_babel import get_locale

from models.catalogue import CATALOGUES
from models.texts import Shown, every_text
from views.i18n import languages, reader_in

UNTRANSLATED = "untranslated"


def reading_language() -> str:
    """The language of the person who reads."""
    return str(get_locale())


def chosen_language() -> str:
    """The language whose words are shown: the chosen one, else the reader's. 404 for one that does not exist."""
    chosen = request.args.get("language") or reading_language()
    if chosen not in languages():
        abort(404)
    return chosen


def texts_in(language: str) -> list[Shown]:
    """Every text of a language, as the school's readers see it."""
    return every_text(reader_in(name, language) for name in CATALOGUES)
