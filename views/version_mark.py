"""The signed version of a row that a form carries, so that the second of two people is told."""

from __future__ import annotations

from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from wtforms import HiddenField

from models import keys


class VersionField(HiddenField):
    """The signed version of the row that the form was opened on; never written into the row."""

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing: SQLAlchemy counts versions itself."""


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(keys.digest("form", "version"), salt="row-version")


def version_mark(row: Any) -> str:
    """The signed mark of a row as it is now."""
    return str(_signer().dumps([row.__tablename__, row.id, row.version]))


def mark_is_current(mark: str | None, row: Any) -> bool:
    """Whether the form was opened on the row as it still is; a forged mark is not."""
    try:
        return bool(_signer().loads(mark or "") == [row.__tablename__, row.id, row.version])
    except BadSignature:
        return False


def mark_was_given(mark: str | None, table: str, row_id: int) -> bool:
    """Whether the form was once opened on this row, in whatever version; a forged mark was not."""
    try:
        return bool(_signer().loads(mark or "")[:2] == [table, row_id])
    except BadSignature:
        return False
