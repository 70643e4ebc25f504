"""Signed-in browsers: rows that can be deleted, and what each of them may see today.

The cookie holds a random token, the row its keyed digest (security.md, decision 7). A session ends after 60 minutes without a
request (a setting; the shortest of the person's schools counts), after 12 hours in any case, at once when its row goes, when the
person's epoch rises or when nothing is open to them.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.exc import OperationalError

from models import keys, two_factor
from models.access import Membership, Role, User, WebSession
from models.actors import staff_scope
from models.base import Refusal, utcnow
from models.db import BEGIN, PATIENCE, db
from models.journal import record
from models.right_override import overrides_at
from models.rights import reach
from models.scope import AS_BY_DEFAULT, Actor, Scope, unscoped
from models.seeing import SeeAs, close_at_once
from models.settings import DECLARED, strictest_rank
from models.standing import Place, Standing, portals_of, read_standing
from models.standing import standing_of as standing_of  # who asks for a session asks for this first
from models.words import _

IDLE = "idle_minutes"  # the setting that says how long a session lasts without a request
LONGEST = dt.timedelta(hours=12)
_NOTED = dt.timedelta(minutes=1)  # how exact `seen_at` is
_PATIENCE = 0.2  # seconds that a reader waits to note it

log = logging.getLogger(__name__)
_scope_of_staff = lru_cache(maxsize=512)(staff_scope)  # a scope holds no rows, only who and how far: it serves many requests


@dataclass(frozen=True)
class Person:
    """A copy of what pages show of the person who signed in; it holds when the transaction is rolled back."""

    id: int
    username: str
    email: str
    email_confirmed: bool
    given_name: str
    family_name: str
    name: str
    initials: str
    language: str


@dataclass(frozen=True)
class Seeing:
    """As whom a site administrator looks: a person (`user_id`, `name`) or a role of the school; until when."""

    view_id: int
    user_id: int | None
    name: str
    roles: tuple[str, ...]
    until: dt.datetime


@dataclass(frozen=True)
class Visitor:
    """Who sends the request: Flask-Login's user. Plain values, no row of the session."""

    id: int
    token: str
    session_id: int
    user: Person
    school_id: int | None
    standing: Standing
    portal: str | None
    roles: frozenset[str]
    actor: Actor
    scope: Scope
    seeing: Seeing | None = None
    seeing_ended: bool = False  # just now: told once
    must_set_up: bool = False  # their school asks for a second step, and they have none yet

    is_authenticated = True  # with the next two, what Flask-Login asks of a user
    is_active = True
    is_anonymous = False

    @property
    def name(self) -> str:
        """Given name and family name, else the user name."""
        return self.user.name

    @property
    def initials(self) -> str:
        """Two letters for the round badge."""
        return self.user.initials

    @property
    def language(self) -> str:
        """The language chosen, or nothing."""
        return self.user.language

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the token, never the person's number."""
        return self.token


def identity_for(user: User, standing: Standing, school_id: int | None, wanted: str = "") -> tuple[Actor, Scope, frozenset[str]]:
    """Who acts, what exists for them and with which roles. `wanted`: "" for the staff pages, else the portal of the address."""
    portal = standing.portal(wanted)
    place = standing.place(school_id)
    overrides = AS_BY_DEFAULT
    if portal:
        roles = frozenset({portal if portal != "nobody" else Role.invigilator.name})
        scope = Scope(school_id=place.school_id if place and portal == "nobody" else None, user_id=user.id, portal=portal)
    else:
        assert place is not None  # noqa: S101 (portal() is None only where a place has staff roles)
        roles = place.staff_roles
        overrides = overrides_at(db.session, place.school_id, place.mark)
        scope = _scope_of_staff(place.school_id, user.id, roles, overrides)
    language = user.language or (place.language if place else "fr")
    return Actor(user_id=user.id, name=str(user), roles=roles, language=language, overrides=overrides), scope, roles


class CodeNeededError(Refusal):
    """A session was asked for by a way that skips the second step."""


def open_session(user: User, standing: Standing, address: str = "", agent: str = "", *, proved: bool = False) -> str:
    """Sign a browser in, in the caller's transaction, and return the token for its cookie. Sessions that are over go away.

    `proved`: the code of the second step was typed, or another session of the person vouches for them. Refused (`CodeNeededError`) without
    it for whoever has a second step: no link, letter or code of the school leads round it.
    """
    if not proved and two_factor.is_on(user.id):
        raise CodeNeededError(_("Your account asks for a code after the password. Sign in with your password first."))
    token = secrets.token_urlsafe(32)
    place = standing.place(user.current_school_id or _first_held(user.id))
    now = utcnow()
    with unscoped("a session belongs to no school"):
        longest_idle = dt.timedelta(minutes=DECLARED[IDLE].high)
        db.session.execute(delete(WebSession).where(or_(WebSession.created_at < now - LONGEST, WebSession.seen_at < now - longest_idle)))
        db.session.add(
            WebSession(
                token_hash=_digest(token),
                user_id=user.id,
                epoch=user.epoch,
                school_id=place.school_id if place else None,
                created_at=now,
                seen_at=now,
                address=address[:60],
                agent=agent[:200],
            )
        )
        if place is not None and place.staff_roles and place.school_id != user.current_school_id:
            # Where they work now is where they come in next, whichever school gives them another role meanwhile.
            db.session.execute(update(User).where(User.id == user.id).values(current_school_id=place.school_id))
        db.session.flush()
    return token


def _first_held(user_id: int) -> int | None:
    """The school of the first role that somebody was given: where they have worked until a sign-in says more."""
    with unscoped("what somebody may see is asked before there is a scope"):
        return db.session.scalar(select(Membership.school_id).where(Membership.user_id == user_id).order_by(Membership.id).limit(1))


def load(token: str, wanted: str = "") -> Visitor | None:
    """The person behind a cookie's token, or None when the session is over for any reason. Two statements."""
    with unscoped("the token is the secret"):
        row = _row(token)
        if row is not None and row[0].seen_at < utcnow() - _NOTED:
            _note_seen(row[0].id)
            row = _row(token)
        if row is None:
            return None
        held, user, guardian, student, view, stepped, _idle = row
        standing = read_standing(user.id, guardian, student)
    if not standing:
        return None
    actor, scope, roles = identity_for(user, standing, held.school_id, wanted)
    visitor = Visitor(
        id=user.id,
        token=token,
        session_id=held.id,
        user=Person(
            user.id,
            user.username or "",
            user.email or "",
            user.email_confirmed_at is not None,
            user.given_name,
            user.family_name,
            str(user),
            user.initials,
            user.language,
        ),
        school_id=scope.school_id,
        standing=standing,
        portal=scope.portal,
        roles=roles,
        actor=actor,
        scope=scope,
        must_set_up=standing.needs_second_step and not stepped and view is None,
    )
    return visitor if view is None else _looking(visitor, view, standing.place(held.school_id))


def _looking(visitor: Visitor, view: SeeAs, place: Place | None) -> Visitor:
    """The visitor with the eyes of the person or the role they look as; as themselves when that is over (rights.md, rule 10)."""
    view_id, name, roles = view.id, "", frozenset(view.roles.split())
    if place is None or place.school_id != view.school_id or view.ends_at <= utcnow() or not may_look(place):
        roles = frozenset()
    elif view.user_id is not None:
        with unscoped("as whom somebody looks"):
            name = str(db.session.get_one(User, view.user_id))
            there = {p.school_id: p.staff_roles for p in read_standing(view.user_id, guardian=False, student=False).places}
        roles = there.get(view.school_id, frozenset())
    if place is None or not roles or Role.acc.name in roles:
        close_at_once(view_id)
        return replace(visitor, seeing_ended=True)
    overrides = overrides_at(db.session, place.school_id, place.mark)
    return replace(
        visitor,
        school_id=place.school_id,
        portal=None,
        roles=roles,
        actor=replace(visitor.actor, roles=roles, overrides=overrides, looking=True, seen_id=view.user_id),
        scope=staff_scope(place.school_id, view.user_id or visitor.id, roles, overrides, looking=True),
        seeing=Seeing(view_id, view.user_id, name, tuple(sorted(roles)), view.ends_at),
    )


def may_look(place: Place) -> bool:
    """Whether the roles held there may see the application as somebody else: a site administrator's right, fixed (rule 10)."""
    overrides = overrides_at(db.session, place.school_id, place.mark)
    return Role.acc.name in place.roles and reach({Role.acc.name}, "user", "see_as", overrides) is not None


def renew(session_id: int) -> str:
    """Another token for a signed-in browser, in the caller's transaction; the earlier one is dead (security case 5)."""
    token = secrets.token_urlsafe(32)
    with unscoped("a session belongs to no school"):
        db.session.execute(update(WebSession).where(WebSession.id == session_id).values(token_hash=_digest(token)))
    return token


def _digest(token: str) -> str:
    return keys.digest("web session", token)


def _row(token: str) -> Any:
    now = utcnow()
    columns = (WebSession, User, *portals_of(User.id), SeeAs, two_factor.has_one(User.id), strictest_rank(IDLE, User.id))
    look = select(*columns).join(User, User.id == WebSession.user_id).outerjoin(SeeAs, SeeAs.session_id == WebSession.id)
    alive = (WebSession.epoch == User.epoch, WebSession.created_at > now - LONGEST)
    row = db.session.execute(look.where(WebSession.token_hash == _digest(token), *alive)).first()
    return None if row is None or row[0].seen_at <= now - _idle_of(row[-1]) else row


def _idle_of(rank: int | None) -> dt.timedelta:
    """How long a session lasts without a request, from `strictest_rank`."""
    return dt.timedelta(minutes=int(DECLARED[IDLE].of_rank(rank)))


def _note_seen(session_id: int) -> None:
    """Note the visit in a transaction of its own: the request's may only read."""
    db.session.rollback()
    mode, patience = BEGIN.set("IMMEDIATE"), PATIENCE.set(_PATIENCE)
    try:
        db.session.execute(update(WebSession).where(WebSession.id == session_id).values(seen_at=utcnow()))
        db.session.commit()
    except OperationalError:
        # Somebody holds the write lock for long: reading goes on, the visit is noted next time.
        db.session.rollback()
        log.warning("the visit could not be noted")
    finally:
        PATIENCE.reset(patience)
        BEGIN.reset(mode)


def end(session_id: int) -> None:
    """Sign one browser out, in the caller's transaction."""
    with unscoped("a session belongs to no school"):
        db.session.execute(delete(WebSession).where(WebSession.id == session_id))


def end_all(user_id: int, *, but: int | None = None, school_id: int | None = None) -> int:
    """Sign a person out everywhere (`but` one browser; or only where they work in this school). Returns how many sessions ended."""
    these = [WebSession.user_id == user_id]
    if but is not None:
        these.append(WebSession.id != but)
    if school_id is not None:
        these.append(WebSession.school_id == school_id)
    with unscoped("a session belongs to no school"):
        return cast(CursorResult[Any], db.session.execute(delete(WebSession).where(*these))).rowcount


def choose_school(visitor: Visitor, school_id: int) -> None:
    """Work in another school from the next request on; its history says who came. Refused where no role is open."""
    if all(place.school_id != school_id for place in visitor.standing.places):
        raise Refusal(_("No role is open to you in this [school]."))
    if school_id != visitor.school_id:
        record(db.session, "switch_school", "school", school_id, school_id=school_id)
    with unscoped("a session belongs to no school"):
        db.session.execute(update(WebSession).where(WebSession.id == visitor.session_id).values(school_id=school_id))
        db.session.execute(update(User).where(User.id == visitor.id).values(current_school_id=school_id))


def sessions_of(user_id: int) -> list[WebSession]:
    """The browsers where this person is signed in, the latest first."""
    now = utcnow()
    with unscoped("a session belongs to no school"):
        look = select(WebSession, strictest_rank(IDLE, user_id)).where(WebSession.user_id == user_id, WebSession.created_at > now - LONGEST)
        found = db.session.execute(look.order_by(WebSession.seen_at.desc())).all()
    return [row for row, rank in found if row.seen_at > now - _idle_of(rank)]
