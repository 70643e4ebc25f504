"""Suspensions that end by their date: the link opens again the day after, where the school stands."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import today
from models.journal import new_batch, record_rows
from models.people import GuardianLink, LinkStatus
from models.school import School
from models.scope import Actor, Scope, acting, unscoped

AT_ONCE = 500  # links of one school in one transaction; the next sweep takes the others


def lift_ended(session: Session) -> int:
    """Reactivate the links whose last day of suspension is over in their school, in the caller's transaction; how many.

    Each is told in the history as done by the application itself. Runs without a scope of its own, in every school.
    """
    with unscoped("the schools, each with its own day"):
        zones = session.execute(select(School.id, School.time_zone).order_by(School.id)).all()
    lifted = 0
    for school_id, zone in zones:
        with acting(Actor(name="scolabri"), Scope(school_id=school_id), new_batch()):
            lifted += _lift(session, zone)
    return lifted


def _lift(session: Session, zone: str) -> int:
    over = (GuardianLink.status == LinkStatus.suspended, GuardianLink.suspended_until < today(zone))
    # Two runners that sweep at the same moment each take what the other has not.
    links = session.scalars(select(GuardianLink).where(*over).order_by(GuardianLink.id).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    for link in links:
        link.reactivate()
    session.flush()
    record_rows(session, "suspension_ended", "guardian_link", [link.id for link in links])
    return len(links)
