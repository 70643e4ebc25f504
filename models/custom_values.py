"""The types of a school's own fields: how a value is read from what somebody typed, kept as JSON, and given back.

Kept: text as it is, a number as its one spelling ("4.5", never a float), a date in ISO form, yes and no as true and false, a choice
by its key. The same reading serves forms, imports and filters.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models.base import Choice, fold, utcnow
from models.import_words import BadCell
from models.values import one_line, read_date, visible
from models.words import _, _p

PREFIX = "extra."  # before a key, where a field stands among a table's own columns
LONGEST = {"text": 200, "long_text": 2000}
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{1,6})?|\.\d{1,6})")
YES, NO = ("oui", "o", "vrai", "yes", "y", "true", "1", "x"), ("non", "n", "faux", "no", "false", "0")


class FieldKind(Choice):
    """What a field takes."""

    text = "text", _("Text, one line"), "mute"
    long_text = "long_text", _("Long text"), "mute"
    number = "number", _p("custom_field", "Number"), "mute"
    date = "date", _("Date"), "mute"
    yes_no = "yes_no", _("Yes or no"), "mute"
    choice = "choice", _("List of choices"), "mute"


@dataclass(frozen=True)
class Option:
    """One choice of a list; a withdrawn one stays on the rows that hold it."""

    key: str
    label: str
    retired: bool = False


@dataclass(frozen=True)
class Spec:
    """A field as plain values: nothing of the database, so that it may be kept from one request to the next."""

    id: int
    table: str
    key: str
    label: str
    help: str
    kind: FieldKind
    required: bool = False
    in_list: bool = False
    in_form: bool = True
    in_export: bool = True
    in_import: bool = True
    retired: bool = False
    options: tuple[Option, ...] = ()

    @property
    def name(self) -> str:
        """The name under which it stands among a table's columns: in addresses, forms, files and the history."""
        return f"{PREFIX}{self.key}"

    def read(self, typed: str) -> str | bool | None:
        """The packed value of what somebody typed, None for nothing. Refused (`BadCell`): what is no value of this type."""
        text = visible(typed or "").replace("\r\n", "\n").strip()
        if not text:
            return None
        if self.kind in (FieldKind.text, FieldKind.long_text):
            text = text if self.kind is FieldKind.long_text else " ".join(one_line(text).split())
            self._check_length(text)
            return text
        readers: dict[FieldKind, Callable[[str], str | bool]] = {
            FieldKind.number: self._number,
            FieldKind.date: self._date,
            FieldKind.yes_no: self._yes_no,
            FieldKind.choice: self._choice,
        }
        return readers[self.kind](text)

    def check(self, value: Any) -> None:
        """Refuse (`BadCell`) a packed value that this field does not take; none is refused where one is needed."""
        if value in (None, ""):
            if self.required:
                raise BadCell("field_required")
            return
        if self.kind is FieldKind.yes_no:
            right = isinstance(value, bool)
        elif not isinstance(value, str):
            right = False
        elif self.kind in (FieldKind.text, FieldKind.long_text):
            self._check_length(value)
            right = True
        elif self.kind is FieldKind.choice:
            right = any(option.key == value and not option.retired for option in self.options)
        else:
            right = self.read(value) == value
        if not right:
            raise self._bad(f"field_{self.kind.name}", value)

    def value(self, packed: Any) -> Any:
        """What people know it as: a number as Decimal, a date, true or false, the words of a choice; what cannot be read stays as it is."""
        if packed in (None, ""):
            return None
        if self.kind is FieldKind.choice:
            return next((option.label for option in self.options if option.key == packed), str(packed))
        if self.kind is FieldKind.number and isinstance(packed, str) and _NUMBER.fullmatch(packed):
            return Decimal(packed)
        if self.kind is FieldKind.date and isinstance(packed, str):
            try:
                return dt.date.fromisoformat(packed)
            except ValueError:
                return packed
        return packed

    def _bad(self, code: str, value: Any) -> BadCell:
        return BadCell(code, value=str(value)[:80])

    def _check_length(self, text: str) -> None:
        limit = LONGEST[self.kind.name]
        if len(text) > limit:
            raise BadCell("too_long", limit=limit)

    def _number(self, text: str) -> str:
        """« 1 234,50 » is 1234.5: spaces of any width group, comma and point are the same."""
        plain = "".join(c for c in unicodedata.normalize("NFKC", text) if not c.isspace()).replace(",", ".").replace("−", "-")
        if not _NUMBER.fullmatch(plain):
            raise self._bad("field_number", text)
        found = Decimal(plain)
        return f"{found.normalize():f}" if found else "0"

    def _date(self, text: str) -> str:
        try:
            return read_date(text, utcnow().date(), future=True).isoformat()
        except BadCell as bad:
            raise self._bad("field_date", text) from bad

    def _yes_no(self, text: str) -> bool:
        word = fold(text)
        if word in YES:
            return True
        if word in NO:
            return False
        raise self._bad("field_yes_no", text)

    def _choice(self, text: str) -> str:
        found = next((option for option in self.options if not option.retired and fold(option.label) == fold(text)), None)
        if found is None:
            raise self._bad("field_choice", text)
        return found.key


def slug(words: str, taken: Collection[str]) -> str:
    """A key made of words: letters, digits and `_`, begun by a letter, at most 40 signs, unlike those taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", fold(words)).strip("_")[:40].strip("_")
    plain = plain if plain[:1].isalpha() else f"f_{plain}".rstrip("_")
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain}_{number}"
    return found
