"""The words of the models: lazy texts that become the reader's language when somebody reads them.

The only module of `models/` that knows flask_babel. A lazy text acts like a `str`; it is looked up, its nouns are resolved
and its places are filled each time `str()` is called on it, so the same class attribute serves every language and school.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from babel.lists import format_list
from flask_babel import force_locale, get_locale, lazy_gettext, lazy_ngettext, lazy_pgettext
from flask_babel.speaklater import LazyString

from models.tokens import fill

__all__ = ["N_", "_", "_p", "fill", "in_figures", "in_language", "key_of", "listed", "msgid_of"]


def _(msgid: str, **params: Any) -> Any:
    """The lazy translation of an English msgid; `params` fill its `%(name)s` places, after translation."""
    return lazy_gettext(msgid, **params)


def N_(singular: str, plural: str, num: int, **params: Any) -> Any:  # noqa: N802 (gettext's own name)
    """The lazy translation in the form that `num` asks for; `%(num)d` is filled by itself."""
    return lazy_ngettext(singular, plural, num, **params)


def _p(context: str, msgid: str, **params: Any) -> Any:
    """The lazy translation of a word that collides with another; `context` is the table it stands in."""
    return lazy_pgettext(context, msgid, **params)


def key_of(text: Any) -> tuple[str, str] | None:
    """(context, English msgid) of a lazy text; None for anything else."""
    if not isinstance(text, LazyString):
        return None
    arguments, function = vars(text)["_args"], getattr(vars(text)["_func"], "__name__", "")
    if function == "pgettext":
        return arguments[0], arguments[1]
    return ("", arguments[0]) if function.endswith("gettext") else None


def msgid_of(text: Any) -> str:
    """The English msgid of a lazy text that is whole by itself: neither plural nor context nor data of its own; "" for anything else."""
    if not isinstance(text, LazyString) or vars(text)["_func"].__name__ != "gettext" or vars(text)["_kwargs"]:
        return ""
    return str(vars(text)["_args"][0])


def in_language(language: str) -> AbstractContextManager[None]:
    """Read texts in this language for a while: a letter or a mail in its reader's language."""
    return force_locale(language)  # type: ignore[no-any-return]  # flask_babel has no types


def listed(names: Iterable[str]) -> str:
    """These words as a list in the reader's language: a, b et c."""
    return format_list(list(names), locale=get_locale())


def in_figures(day: dt.date, language: str) -> str:
    """A day as tables write it: 14/03/2014 in France, 2014-03-14 in Québec."""
    return day.isoformat() if language == "fr_CA" else day.strftime("%d/%m/%Y")
