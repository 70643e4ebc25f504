"""Values as people read them: days, instants, yes and no, numbers, in a language and where a school stands. For pages and for jobs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from models.base import Choice
from models.words import _, in_figures


@dataclass(frozen=True)
class Wording:
    """The reader's language and the school's time zone, which is asked for only when an instant is read."""

    language: str
    zone: Callable[[], ZoneInfo]

    def day(self, value: dt.date) -> str:
        """A day: 14/03/2014 in France, 2014-03-14 in Québec."""
        return in_figures(value, self.language)

    def instant(self, value: dt.datetime) -> str:
        """An instant where the school stands: 23/11/2026 9 h 12."""
        local = value.astimezone(self.zone())
        if self.language.startswith("fr"):
            return f"{self.day(local.date())} {local.hour}\u00a0h\u00a0{local.minute:02d}"
        return f"{self.day(local.date())} {format_datetime(local, 'HH:mm', locale=self.language)}"

    def text(self, value: Any) -> Any:
        """Any value of a cell as text a person reads; choices that have tones stay themselves, so that they become badges."""
        if isinstance(value, Choice):
            return value if any(member.tone != "mute" for member in type(value)) else str(value)
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(_("Yes") if value else _("No"))
        if isinstance(value, dt.datetime):
            return self.instant(value)
        if isinstance(value, dt.date):
            return self.day(value)
        if isinstance(value, Decimal):
            return format_decimal(value, "0.######", locale=self.language)
        if isinstance(value, list | tuple | set):
            return ", ".join(str(self.text(v)) for v in value)
        return value if isinstance(value, int) else str(value)
