"""Seeing the application as somebody else, or as a role: a site administrator's right, read only, one hour (rights.md, rule 10).

Who begins it types their password again. It shows this school only, with the eyes of that person or role; nothing is written, exported or
downloaded meanwhile (`views/see_as.py`), rows that only their author reads stay away (`models/reach.py`), and the history says who looked as
whom, from when to when, and what was refused.
"""

from __future__ import annotations

from sqlalchemy import select

from models import accounts, sessions
from models.access import STAFF, Membership, Role, User
from models.base import Refusal, today, utcnow
from models.db import db
from models.rights import may
from models.school import School
from models.scope import WHO, current_school_id, unscoped
from models.seeing import LASTS, SeeAs, close, note
from models.words import _

SEEN_ROLES = tuple(role for role in Role if role in STAFF and role is not Role.acc)


def check(user: User | None, role: str = "") -> frozenset[str]:
    """The roles that will be in force, of a colleague or of a bare role. Refused: a reader without the right, oneself, another site
    administrator (who sees what one sees), somebody without an open role of the staff here, a role without pages of the staff.
    """
    who = WHO.get()
    if who.looking or Role.acc.name not in who.roles or not may(who.roles, "user", "see_as"):
        raise Refusal(_("Only the site administrator sees the application as somebody else."))
    if user is None:
        if role not in {known.name for known in SEEN_ROLES}:
            raise Refusal(_("This role cannot be looked at. Choose one of the staff, other than your own."))
        return frozenset({role})
    if user.id == who.user_id:
        raise Refusal(_("This is you: you already see what you see."))
    school = db.session.get_one(School, current_school_id())
    held = db.session.scalars(select(Membership).where(Membership.user_id == user.id, Membership.school_id == school.id))
    roles = frozenset(m.role.name for m in held if m.role in STAFF and m.open_on(today(school.time_zone)))
    if Role.acc.name in roles:
        raise Refusal(_("%(name)s is a site administrator and sees what you see."), name=user.name)
    if not roles:
        raise Refusal(_("%(name)s has no role of the staff that is open today: there is nothing to see."), name=user.name)
    return roles


def begin(session_id: int, user_id: int | None, role: str, password: str, *, address: str) -> str:
    """Begin to look, from this browser, after the password; returns the browser's new token. Ends the transactions it begins.

    Refused: what `check` refuses; a wrong password (counted like a sign-in), too many of them.
    """
    who = WHO.get()
    if who.user_id is None:
        raise Refusal(_("Only the site administrator sees the application as somebody else."))
    check(db.session.scalar(select(User).where(User.id == user_id)) if user_id else None, role)
    accounts.check_current(who.user_id, password, address=address)
    roles = check(db.session.scalar(select(User).where(User.id == user_id)) if user_id else None, role)
    school_id = current_school_id()
    with unscoped("a look belongs to a session"):
        earlier = db.session.scalar(select(SeeAs.id).where(SeeAs.session_id == session_id))
        if earlier is not None:
            close(db.session, earlier)
        now = utcnow()
        view = SeeAs(
            session_id=session_id,
            school_id=school_id,
            by_id=who.user_id,
            user_id=user_id,
            roles=" ".join(sorted(roles)),
            began_at=now,
            ends_at=now + LASTS,
        )
        db.session.add(view)
        db.session.flush()
    note(db.session, "see_as", view, who.name)
    token = sessions.renew(session_id)
    db.session.commit()
    return token


def leave(session_id: int, view_id: int) -> str:
    """Come back to one's own eyes; returns the browser's new token. Commits."""
    close(db.session, view_id)
    token = sessions.renew(session_id)
    db.session.commit()
    return token
