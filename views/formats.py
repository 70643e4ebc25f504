"""Values as people read them here: dates, instants, yes and no."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import g, has_request_context
from flask_babel import get_locale

from models import portal
from models.base import TIME_ZONE
from models.db import db
from models.wording import Wording
from views.i18n import gettext


def locale() -> str:
    """The reader's locale, French by default."""
    return str(get_locale() or "fr")


def zone() -> ZoneInfo:
    """The time zone of the school where one works; of the first of their children's for a guardian."""
    if not has_request_context():
        return ZoneInfo(TIME_ZONE)
    if "time_zone" not in g:
        g.time_zone = portal.time_zone(db.session) or TIME_ZONE
    return ZoneInfo(g.time_zone)


def day_of(instant: dt.datetime) -> dt.date:
    """The day of an instant where the school stands."""
    return instant.astimezone(zone()).date()


def wording() -> Wording:
    """How the reader reads values."""
    return Wording(locale(), zone)


def show_date(value: dt.date) -> str:
    """A day: 14/03/2014 in France, 2014-03-14 in Québec."""
    return wording().day(value)


def start_of(day: dt.date, later: int = 0) -> dt.datetime:
    """The first instant, where the school stands, of the day that comes so many days `later`; a day that no clock reaches is the nearest that one does."""
    near = min(max(day, dt.date(1000, 1, 1)), dt.date(9000, 1, 1))
    return dt.datetime.combine(near + dt.timedelta(days=later), dt.time.min, zone())


def long_date(value: dt.date) -> str:
    """A day in words: lundi 23 novembre 2026."""
    return format_date(value, "full", locale=locale()).capitalize()


def show_instant(value: dt.datetime) -> str:
    """An instant where the school stands: 23/11/2026 9 h 12."""
    return wording().instant(value)


def size_words(size: int) -> str:
    """The size of a file as people say it."""
    kilobytes = -(-size // 1024)
    if kilobytes < 1024:
        return gettext("%(num)d KB", num=kilobytes)
    return gettext("%(num)s MB", num=wording().text(round(kilobytes / 1024)))


def number(value: int) -> str:
    """A number that counts something, in groups of three digits as the reader's language writes them: 5 000."""
    return str(format_decimal(value, locale=locale()))


def show(value: Any) -> Any:
    """Any value of a cell as text a person reads; choices that have tones stay themselves, so that they become badges."""
    return value if type(value) is str else wording().text(value)
