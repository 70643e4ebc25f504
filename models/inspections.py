"""Inspections: who reads the school from a day to a day, and which pages they read (the history says it, S3-14)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from models.access import Membership, Role
from models.base import TIME_ZONE, today
from models.journal import JournalEvent
from models.school import School
from models.scope import current_school_id

PAGE_READ = "page_read"  # the verb of the history


@dataclass(frozen=True)
class Inspection:
    """One window: whose role (`membership_id`), from when to when, whether it has begun."""

    membership_id: int
    user_id: int
    name: str
    first: dt.date
    last: dt.date
    begun: bool


def inspectors(session: Session) -> list[Membership]:
    """The active roles of inspector in the school, by name."""
    look = select(Membership).where(Membership.role == Role.inspector, Membership.active).options(joinedload(Membership.user))
    return sorted(session.scalars(look), key=lambda held: (held.user.family_name, held.user.given_name, held.id))


def windows(session: Session) -> list[Inspection]:
    """The inspections that are open or planned, the first to end first."""
    zone = session.scalar(select(School.time_zone).where(School.id == current_school_id()))
    day = today(zone or TIME_ZONE)
    found = [
        Inspection(held.id, held.user_id, held.user.name, held.open_from, held.open_until, held.open_from <= day)
        for held in inspectors(session)
        if held.open_from is not None and held.open_until is not None and held.open_until >= day
    ]
    return sorted(found, key=lambda one: (one.last, one.membership_id))


def pages_read(session: Session, user_id: int, since: dt.datetime, before: dt.datetime) -> int:
    """How many pages this person read in the school between two instants."""
    e = JournalEvent
    look = select(func.count(e.id)).where(e.user_id == user_id, e.verb == PAGE_READ, e.at >= since, e.at < before, e.school_id == current_school_id())
    return session.scalar(look) or 0
