"""Looking inside a JSON column of custom values: the one module that says how, for SQLite and PostgreSQL alike.

SQLAlchemy writes `JSON_EXTRACT` for the one and `->>` for the other. Keys are ours (letters, digits, `_`: models/custom.py), so
that no path is ever made of what somebody typed; values travel as parameters.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

from models.base import fold
from models.folding import folded


def text_at(column: Any, key: str) -> ColumnElement[str | None]:
    """The value under a key as text; NULL where there is none."""
    found: ColumnElement[str | None] = column[key].as_string()
    return found


def has_value(column: Any, key: str) -> ColumnElement[bool]:
    """Whether something is filled in under this key."""
    return text_at(column, key).is_not(None)


def has_text(column: Any, key: str, value: str) -> ColumnElement[bool]:
    """Whether the whole text under a key is this one, accents and capitals put aside as everywhere."""
    found: ColumnElement[bool] = folded(text_at(column, key)) == fold(value)
    return found


def has_exactly(column: Any, key: str, value: str | bool) -> ColumnElement[bool]:
    """Whether the value under a key is this one, sign for sign: a choice, a date, a number in its one spelling, yes or no."""
    if isinstance(value, bool):
        found: ColumnElement[bool] = column[key].as_boolean() == value
        return found
    return text_at(column, key) == value


def count_filled(column: Any, key: str) -> ColumnElement[int]:
    """How many rows of a query have something under this key."""
    return func.count(text_at(column, key))
