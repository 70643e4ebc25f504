"""Files that no row names: their process was killed between writing the file and the row, or between forgetting and removing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import JSON, ColumnElement, String, Text, cast, or_, select
from sqlalchemy.orm import Session

from models.base import Base
from models.scope import unscoped


def strays(session: Session, keys: Iterable[str]) -> set[str]:
    """Of these keys of files, those that stand nowhere in the database, in whatever column, of whatever school.

    Nobody has to declare where a key is kept: it is first looked for where its column's name tells so, then in every text.
    """
    left = set(keys)
    with unscoped("a file may belong to any school"):
        for column in _texts(likely=True):
            if left:
                left -= set(session.scalars(select(column).where(column.in_(left))))
        for column in _texts(likely=False):
            if left:
                left -= set(session.scalars(select(column).where(column.in_(left))))
        for packed in _packed():
            if left:
                text = cast(packed, Text)
                told = " ".join(session.scalars(select(text).where(or_(*(text.contains(key) for key in left)))))
                left = {key for key in left if key not in told}
    return left


def _texts(*, likely: bool) -> Iterator[ColumnElement[str]]:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if type(column.type) in (String, Text) and not column.foreign_keys and column.name.endswith(("key", "digest", "sha256")) is likely:
                yield column


def _packed() -> Iterator[ColumnElement[object]]:
    for table in Base.metadata.sorted_tables:
        yield from (column for column in table.columns if isinstance(column.type, JSON))
