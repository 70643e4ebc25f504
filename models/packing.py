"""Answers of a question page as plain JSON, and back: what a job needs to do a verb later, in the asker's own scope."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Base, Choice, Refusal
from models.journal import screen_of
from models.words import _


def pack(value: Any) -> Any:
    """A plain value for JSON: rows by table and identifier, dates and instants by their ISO form, choices by name."""
    if isinstance(value, Base):
        return {"row": [screen_of(value.__mapper__), value.id]}  # type: ignore[attr-defined]
    if isinstance(value, dt.datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, dict):
        return {"json": value}
    if isinstance(value, Choice):
        return {"choice": value.name}
    if isinstance(value, list | tuple):
        return {"list": [pack(item) for item in value]}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"cannot be kept for a job: {type(value).__name__}")


def unpack(session: Session | None, value: Any) -> Any:
    """The value again; a row that no longer exists for this person is a Refusal. Only rows need the session."""
    if not isinstance(value, dict):
        return value
    if "date" in value:
        return dt.date.fromisoformat(value["date"])
    if "instant" in value:
        return dt.datetime.fromisoformat(value["instant"])
    if "decimal" in value:
        return Decimal(value["decimal"])
    if "json" in value:
        return value["json"]
    if "list" in value:
        return [unpack(session, item) for item in value["list"]]
    if "choice" in value:
        return value["choice"]
    table, identifier = value["row"]
    if session is None:
        raise TypeError("a row is looked up in a session")
    row = session.scalar(select(model_of(table)).where(model_of(table).id == identifier))
    if row is None:
        raise Refusal(_("What was chosen for this work no longer exists. Nothing was changed: start it again."))
    return row


def model_of(table: str) -> Any:
    """The mapped class of a screen's name."""
    return next(mapper.class_ for mapper in Base.registry.mappers if screen_of(mapper) == table)
