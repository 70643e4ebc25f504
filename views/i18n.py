"""Every text a person reads, in their language and in their school's words.

The order of work, in one place: look-up (the school's override, then the .po files), plural form, noun tokens, then the
`%(name)s` places. The result is a plain `str`, escaped by the template. Data comes last, so data never acts as a token, a
place or markup. Flask-Admin's and WTForms' texts go the same way.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex

import flask_admin.babel
import flask_wtf.i18n
from babel import Locale
from babel.core import UnknownLocaleError, negotiate_locale
from flask import Flask, g, has_request_context
from flask_admin import translations as flask_admin_translations
from flask_babel import Babel, Domain, force_locale, get_locale, lazy_gettext, lazy_ngettext, lazy_pgettext
from flask_babel.speaklater import LazyString
from sqlalchemy.exc import SQLAlchemyError
from wtforms.i18n import messages_path

from models import labels
from models.catalogue import ADMIN, DEFAULT_LANGUAGE, MESSAGES, ROOT, WTFORMS, Catalogues, installed, use
from models.db import BEGIN, db
from models.import_choices import LANGUAGES
from models.label_languages import is_language
from models.masks import forget_masks, kept_masks
from models.overlay import Heard, Listening, Reader, Snapshot, masked
from models.scope import current_school_id, unscoped
from models.tokens import fill

__all__ = [
    "added_languages",
    "force_locale",
    "gettext",
    "hear",
    "install",
    "language_for",
    "language_name",
    "languages",
    "lazy_gettext",
    "lazy_ngettext",
    "lazy_pgettext",
    "ngettext",
    "npgettext",
    "pgettext",
    "reader",
    "reader_in",
    "speak_of",
    "speaking_for",
]  # fmt: skip

log = logging.getLogger(__name__)
_POSITION = re.compile(r"%[sd]")


def gettext(msgid: str, **params: Any) -> str:
    """The reader's text for an English msgid, `params` in its `%(name)s` places."""
    return fill(reader(MESSAGES).text("", msgid), params)


def pgettext(context: str, msgid: str, **params: Any) -> str:
    """The same for a word that collides with another; `context` is the table it stands in."""
    return fill(reader(MESSAGES).text(context, msgid), params)


def ngettext(singular: str, plural: str, num: int, **params: Any) -> str:
    """The same in the form that `num` asks for; `%(num)d` is filled by itself."""
    return fill(reader(MESSAGES).form("", singular, plural, num), {"num": num, **params})


def npgettext(context: str, singular: str, plural: str, num: int, **params: Any) -> str:
    """The same with a context."""
    return fill(reader(MESSAGES).form(context, singular, plural, num), {"num": num, **params})


# --- who reads: one stamp and a few readers for each request -------------------------------------------------------------------


@dataclass
class _Spoken:
    """What one request (or one job's context) has found out about its words."""

    stamp: int
    only_school: int | None
    forced_school: int | None = None
    locale: Locale | None = None
    school_id: int | None = None
    programme_id: int | None = None  # whose record the page is about
    readers: dict[str, Reader] = field(default_factory=dict)


_snapshots: dict[int | None, Snapshot] = {}  # by school, the last one seen
_readers: dict[tuple[str, str, int | None], Reader] = {}  # by catalogue, language and school
_alone: tuple[int, int | None] = (-1, None)  # the stamp at which the only school was looked for, and its id


def reader(name: str = MESSAGES) -> Reader:
    """The texts of a catalogue for the present language and school. Needs an application context."""
    spoken: _Spoken | None = g.get("labels")
    if spoken is None:
        spoken = g.labels = _listen()
    locale = get_locale()
    school_id = spoken.forced_school or current_school_id() or spoken.only_school
    if locale is not spoken.locale or school_id != spoken.school_id:
        spoken.locale, spoken.school_id, spoken.readers = locale, school_id, {}
    found = spoken.readers.get(name)
    if found is None:
        found = reader_for(name, str(locale), school_id, spoken.stamp)
        if spoken.programme_id is not None and name == MESSAGES and school_id is not None:
            found = masked(found, kept_masks(looking, school_id, spoken.programme_id, spoken.stamp))
        heard = g.get("heard")
        if heard is not None and school_id == current_school_id():  # another school's words are never listed
            found = Listening(found, heard)
        spoken.readers[name] = found
    return found


def speak_of(programme_id: int | None) -> None:
    """From now on say the fields as this programme of the present school does, in this request; None: as the school does."""
    if programme_id is None and "labels" not in g:
        return
    reader()
    g.labels.programme_id = programme_id
    g.labels.readers.clear()


def hear(heard: Heard | None) -> None:
    """From now on note the texts that this request asks for, or stop."""
    g.heard = heard
    if "labels" in g:
        g.labels.readers.clear()


def reader_for(name: str, language: str, school_id: int | None, stamp: int) -> Reader:
    """The texts of a catalogue in a language as a school says them; kept until a file or the stamp changes."""
    snapshot = _snapshot(school_id, stamp)
    added = None if language in installed().languages() else snapshot.languages.get(language)
    if added is None and language not in installed().languages():  # the account's language, which this school has not added
        language = DEFAULT_LANGUAGE
    catalogue, words, fallback = installed().get(name, language), installed().get(MESSAGES, language), None
    if added is not None:
        catalogue, words, fallback = added.over(catalogue), added.over(words), reader_for(name, added.fallback, school_id, stamp)
    key = name, language, school_id
    known = _readers.get(key)
    if known is None or known.catalogue is not catalogue or known.words is not words or known.snapshot is not snapshot or known.fallback is not fallback:
        known = _readers[key] = Reader(catalogue, words, snapshot, fallback)
    return known


def reader_in(name: str, language: str) -> Reader:
    """The texts of a catalogue in another language, for the present school."""
    reader()
    return reader_for(name, language, g.labels.school_id, g.labels.stamp)


def languages() -> list[str]:
    """The languages that the present school reads: the application's, then those it has added."""
    known = installed().languages()
    return [*known, *(name for name in added_languages() if name not in known)]


def added_languages() -> list[str]:
    """The languages that the present school has added."""
    spoken: _Spoken | None = g.get("labels")
    if spoken is None:
        spoken = g.labels = _listen()
    return list(_snapshot(spoken.forced_school or current_school_id() or spoken.only_school, spoken.stamp).languages)


def language_name(language: str) -> str:
    """A language in its own words, the same wherever it is named: "Français (Québec)", "Deutsch". What no language is called comes back as it is."""
    if language in (known := dict(LANGUAGES)):
        return known[language]
    try:
        words = str(Locale.parse(language).get_display_name(language) or language)
    except (ValueError, UnknownLocaleError):
        return language
    return words[:1].upper() + words[1:]


@contextmanager
def speaking_for(school_id: int | None) -> Iterator[None]:
    """Speak with the words of this school whatever the scope: a guardian's page about a child of that school."""
    reader()
    before, g.labels.forced_school = g.labels.forced_school, school_id
    try:
        yield
    finally:
        g.labels.forced_school = before


def forget() -> None:
    """Look at the stamp again: for a long job, or a page that shows what it has just saved."""
    g.pop("labels", None)


def start_again() -> None:
    """Forget every word read from a database: the process now serves another one (a restored copy, the next test)."""
    global _alone
    _snapshots.clear()
    _readers.clear()
    forget_masks()
    _alone = (-1, None)


def _listen() -> _Spoken:
    global _alone
    try:
        with looking() as session:
            stamp = labels.read_stamp(session)
            known = _alone
            if stamp == 0 or known[0] != stamp:
                known = _alone = stamp, labels.only_school(session)
    except SQLAlchemyError as error:
        # An error page must still be able to speak: the last words known serve.
        _tell(error)
        return _Spoken(_alone[0], _alone[1])
    return _Spoken(stamp, known[1])


def _snapshot(school_id: int | None, stamp: int) -> Snapshot:
    known = _snapshots.get(school_id)
    if known is not None and known.stamp == stamp:
        return known
    try:
        with looking() as session:
            fresh = labels.read_snapshot(session, school_id, stamp)
    except SQLAlchemyError as error:
        _tell(error)
        return known or Snapshot()
    _snapshots[school_id] = fresh
    return fresh


def _tell(error: SQLAlchemyError) -> None:
    """A fault while somebody reads; while the application is built, its tables may not exist yet."""
    log.log(logging.WARNING if has_request_context() else logging.DEBUG, "labels could not be read: %s", type(error).__name__)


@contextmanager
def looking() -> Iterator[Any]:
    """A short reading session of its own: a text may be asked for in the middle of a flush, or after one has failed."""
    token = BEGIN.set("DEFERRED")  # the request may hold the only write lock
    try:
        with unscoped("the words of a school are for everybody"), db.sessionmaker() as session:
            yield session
    finally:
        BEGIN.reset(token)


# --- the packages' texts -------------------------------------------------------------------------------------------------------


class Text(str):
    """A text whose places the packages fill with `%`: filled by name or in order, and a lone % stays literal."""

    __slots__ = ()

    def __mod__(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return fill(str(self), value)
        rest = list(value) if isinstance(value, tuple) else [value]
        return _POSITION.sub(lambda match: str(rest.pop(0)) if rest else match[0], str(self))

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        return str(self)[key]


class _Translations:
    """What a package asks for texts; the catalogue is that of its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ugettext(self, msgid: str) -> str:
        """The text of a msgid."""
        return _text(reader(self.name).text("", msgid))

    def ungettext(self, singular: str, plural: str, num: int) -> str:
        """The text in the form for `num`."""
        return _text(reader(self.name).form("", singular, plural, num))

    def upgettext(self, context: str, msgid: str) -> str:
        """The text of a msgid in a context."""
        return _text(reader(self.name).text(context, msgid))

    def unpgettext(self, context: str, singular: str, plural: str, num: int) -> str:
        """The text in a context, in the form for `num`."""
        return _text(reader(self.name).form(context, singular, plural, num))


def _text(text: str) -> str:
    return Text(text) if "%" in text else text


class AppDomain(Domain):
    """The application's own texts, for whoever asks flask_babel (lazy texts do)."""

    catalogue = MESSAGES

    def get_translations(self) -> Any:
        """Texts by our reader; flask_babel's own answer where there is no application."""
        return _Translations(self.catalogue) if g else super().get_translations()

    def gettext(self, string: str, **variables: Any) -> str:
        """The text, its places filled."""
        return fill(reader(self.catalogue).text("", string), variables)

    def ngettext(self, singular: str, plural: str, num: int, **variables: Any) -> str:
        """The text in the form for `num`, its places filled."""
        return fill(reader(self.catalogue).form("", singular, plural, num), {"num": num, **variables})

    def pgettext(self, context: str, string: str, **variables: Any) -> str:
        """The text in a context, its places filled."""
        return fill(reader(self.catalogue).text(context, string), variables)

    def npgettext(self, context: str, singular: str, plural: str, num: int, **variables: Any) -> str:
        """The text in a context, in the form for `num`, its places filled."""
        return fill(reader(self.catalogue).form(context, singular, plural, num), {"num": num, **variables})


class AdminDomain(AppDomain):
    """Flask-Admin's texts. Its modules hold bound methods of the stock class, which end in `get_translations`."""

    catalogue = ADMIN


class WtfDomain(AppDomain):
    """WTForms' texts."""

    catalogue = WTFORMS


# --- joining the application ---------------------------------------------------------------------------------------------------


def install(app: Flask, locale_selector: Callable[[], str | None], data: Path | None = None) -> Catalogues:
    """Give the application its texts: read the .po files (ours, then those of the data folder), stop when one is broken.

    `locale_selector` says the language of the request (see `language_for`); outside a request the default one, or that of
    `force_locale`, holds.
    """
    folder = data or (Path(app.config["DATA"]) if "DATA" in app.config else None)
    packages = {ADMIN: (Path(flask_admin_translations.__path__[0]), "admin"), WTFORMS: (Path(messages_path()), "wtforms")}
    found = use(Catalogues([ROOT, *([folder / "translations"] if folder else [])], packages))

    babel = Babel(app, default_locale=DEFAULT_LANGUAGE, locale_selector=lambda: locale_selector() if has_request_context() else None)
    babel.domain_instance = AppDomain()
    flask_admin.babel.domain.__class__ = AdminDomain
    flask_admin.babel.wtforms_domain.__class__ = WtfDomain
    flask_wtf.i18n.translations.__class__ = flask_admin.babel.Translations
    # flask_babel's own functions in templates make Markup of translations: a text would be HTML. Ours give plain strings.
    app.jinja_env.globals.update(_=gettext, gettext=gettext, ngettext=ngettext, pgettext=pgettext, npgettext=npgettext)
    if "__html__" in vars(LazyString):
        del LazyString.__html__  # else a lazy text is never escaped
    return found


def language_for(user_language: str | None, cookie: str | None = None, accept: list[str] | None = None) -> str:
    """The reader's language: their account's, else the cookie's, else the browser's, else French.

    `accept`: the browser's languages, the best first (`request.accept_languages.values()`).
    """
    languages = installed().languages()
    for wish in (user_language, cookie):
        if wish in languages:
            return str(wish)
    if user_language and has_request_context() and _is_added(user_language):
        return user_language
    wishes = [wish.replace("-", "_") for wish in accept or () if re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z]{2})?", wish)]
    return negotiate_locale(wishes, languages) or DEFAULT_LANGUAGE


def _is_added(language: str) -> bool:
    """Whether the person's school has added this language. A portal speaks for several schools: there each says what it can in it."""
    return language in added_languages() if current_school_id() is not None else is_language(language)
