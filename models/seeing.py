"""Who looks at the application as somebody else just now: one row for each such browser, and the wall behind which nothing is written.

The beginning and its rules stand in `models/see_as.py`; what the person then sees is made in `models/sessions.py`. Here: how it ends. It
ends when they leave, after 60 minutes, when the session ends, and when either of the two may no longer be here; each end is one line in
the history, written in a transaction of its own.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, delete, event, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import User
from models.base import Base, Identified, Refusal, utcnow
from models.db import BEGIN, db
from models.journal import record
from models.scope import WHO, Actor, Scope, acting, unscoped
from models.words import _

LASTS = dt.timedelta(minutes=60)


class SeeAs(Base, Identified):
    """A browser that looks as a person (`user_id`) or as a role of a school. `roles`: those in force, separated by spaces."""

    __tablename__ = "see_as"
    __journal__ = False

    session_id: Mapped[int | None] = mapped_column(ForeignKey("web_session.id", ondelete="SET NULL"), unique=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    roles: Mapped[str] = mapped_column(String(100))
    began_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    ends_at: Mapped[dt.datetime] = mapped_column()


def note(session: Session, verb: str, view: SeeAs, name: str) -> None:
    """One line in the history of the school: who looked (`name`), as whom, with which roles in force."""
    actor = Actor(user_id=view.by_id, name=name, roles=frozenset(view.roles.split()))
    with acting(actor, Scope(school_id=view.school_id)):
        record(session, verb, "user", view.user_id, school_id=view.school_id)


def close(session: Session, view_id: int) -> None:
    """End a look, in the caller's transaction. Of two requests that end it at once, one writes the line."""
    with unscoped("a look belongs to a session"):
        view = session.get(SeeAs, view_id)
        if view is None:
            return
        name = str(session.get_one(User, view.by_id))
        gone = session.scalar(delete(SeeAs).where(SeeAs.id == view_id).returning(SeeAs.id).execution_options(synchronize_session=False))
    if gone is not None:
        note(session, "see_as_ended", view, name)
    session.expunge(view)


def close_at_once(view_id: int) -> None:
    """End a look found to be over, in a transaction of its own: the request may only read."""
    db.session.rollback()
    mode = BEGIN.set("IMMEDIATE")
    try:
        close(db.session, view_id)
        db.session.commit()
    finally:
        BEGIN.reset(mode)


def sweep(session: Session) -> int:
    """End the looks whose hour is over or whose session has gone, in the caller's transaction; how many."""
    with unscoped("looks of every school"):
        over = session.scalars(select(SeeAs.id).where(or_(SeeAs.ends_at <= utcnow(), SeeAs.session_id.is_(None)))).all()
    for view_id in over:
        close(session, view_id)
    return len(over)


@event.listens_for(Session, "before_flush")
def _write_nothing(session: Session, _context: Any, _instances: Any) -> None:
    """Whatever a page would write while somebody looks, it is refused: the last of the walls."""
    if WHO.get().looking and (session.new or session.deleted or any(session.is_modified(row) for row in session.dirty)):
        raise Refusal(_("You are looking as somebody else: nothing is written. Come back to your own account to work."))
