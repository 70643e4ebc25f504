"""What every table shares: the declarative base, the clock, enums with words and tones, refusals."""

from __future__ import annotations

import datetime as dt
import unicodedata
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Enum, MetaData, String, Table, event
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.orm.properties import ColumnProperty
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Refusal(Exception):  # noqa: N818 (it is an answer to a person, not a fault)
    """A rule said no before anything changed; `sentence` is translated text for the person, with its remedy.

    `params` fill the `%(name)s` places of a sentence; they are inserted after translation, so data stays literal.
    """

    def __init__(self, sentence: Any, **params: Any) -> None:
        super().__init__(sentence)
        self._sentence = sentence
        self.params = params

    @property
    def told(self) -> Any:
        """The sentence as it was given, in no language yet and without its data."""
        return self._sentence

    @property
    def sentence(self) -> str:
        """The sentence in the reader's language, its places filled."""
        from models.words import fill

        return fill(str(self._sentence), self.params).encode(errors="replace").decode()  # half a sign, which no page can show, is a “?”

    def __str__(self) -> str:
        return self.sentence


class Choice(StrEnum):
    """An enum that a person reads: every member carries a lazy label and a tone (ok, warn, bad, info, mute, note)."""

    label: Any
    tone: str

    def __new__(cls, value: str, label: Any = None, tone: str = "mute") -> Choice:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label if label is not None else value
        member.tone = tone
        return member

    def __str__(self) -> str:
        return str(self.label)


def choice_column(cls: type[Choice]) -> Enum:
    """The column type of a `Choice`: stored by member name, checked by the database, never a native enum."""
    return Enum(cls, native_enum=False, length=30, validate_strings=True, create_constraint=False)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant: aware UTC in Python, the same clock reading in both databases. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """To UTC; a naive instant is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:  # noqa: ARG002
        """Back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def utcnow() -> dt.datetime:
    """The present instant, aware, in UTC. The application's only clock."""
    return dt.datetime.now(dt.UTC)


TIME_ZONE = "Europe/Paris"  # where nothing says otherwise


def today(time_zone: str = TIME_ZONE) -> dt.date:
    """The calendar day where the school stands."""
    return utcnow().astimezone(ZoneInfo(time_zone)).date()


class _Plain(dict[int, str]):
    """Each character without its accents, found out once."""

    def __missing__(self, code: int) -> str:
        plain = self[code] = "".join(c for c in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(c))
        return plain


_PLAIN = _Plain(
    str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ø": "o", "Ø": "o", "ı": "i", "’": "'"})
)


def fold(text: str) -> str:
    """A text as it is searched: no accents, œ as oe, straight apostrophes, lower case, single spaces."""
    if text.isascii():  # four times as fast, and most texts are
        return " ".join(text.lower().split())
    return " ".join(text.translate(_PLAIN).lower().split())


class Base(DeclarativeBase):
    """The one declarative base: plain typed mappings, named constraints."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dt.datetime: UtcDateTime(), str: String(200)}  # noqa: RUF012 (SQLAlchemy reads a plain dict)


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _remember_before(_cls: type, _key: str, attribute: Any) -> None:
    """Without this an expired instance has no "before" value in its history."""
    if isinstance(attribute.property, ColumnProperty):
        attribute.impl.active_history = True


class Identified:
    """An integer key, never given twice: the history, the trash and links on paper name rows that are gone by their number."""

    id: Mapped[int] = mapped_column(primary_key=True)

    @classmethod
    def __table_cls__(cls, *args: Any, **kwargs: Any) -> Table:
        """SQLite gives the number of a deleted last row again, unless told."""
        return Table(*args, sqlite_autoincrement=True, **kwargs)


class Stamped:
    """When the row was made and last changed."""

    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[dt.datetime] = mapped_column(default=utcnow, onupdate=utcnow)


class Versioned:
    """A version number that the edit form carries, so that the second of two people is told."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 (SQLAlchemy calls it with the class)
        # The form's signed mark is the first wall, SQLAlchemy's counter the second.
        return {"version_id_col": cls.version}
