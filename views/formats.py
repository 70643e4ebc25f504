"""Values as people read them here: dates, instants, yes and no."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import g, has_request_context
from flask_babel import get_locale

from models import portal
from models.base import TIME_ZONE, Choice
from models.db import db
from models.words import in_figures
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


def show_date(value: dt.date) -> str:
    """A day: 14/03/2014 in France, 2014-03-14 in Québec."""
    return in_figures(value, locale())


def long_date(value: dt.date) -> str:
    """A day in words: lundi 23 novembre 2026."""
    return format_date(value, "full", locale=locale()).capitalize()


def show_instant(value: dt.datetime) -> str:
    """An instant where the school stands: 23/11/2026 9 h 12."""
    local = value.astimezone(zone())
    if locale().startswith("fr"):
        return f"{show_date(local.date())} {local.hour}\u00a0h\u00a0{local.minute:02d}"
    return f"{show_date(local.date())} {format_datetime(local, 'HH:mm', locale=locale())}"


def show(value: Any) -> Any:
    """Any value of a cell as text a person reads; choices that have tones stay themselves, so that they become badges."""
    if isinstance(value, Choice):
        return value if any(member.tone != "mute" for member in type(value)) else str(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, dt.datetime):
        return show_instant(value)
    if isinstance(value, dt.date):
        return show_date(value)
    if isinstance(value, Decimal):
        return format_decimal(value, "0.######", locale=locale())
    if isinstance(value, list | tuple | set):
        return ", ".join(str(show(v)) for v in value)
    return value if isinstance(value, int) else str(value)
