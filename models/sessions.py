"""Signed-in browsers: rows that can be deleted, and what each of them may see today.

The cookie holds a random token, the row its keyed digest (security.md, decision 7). A session ends after 60 minutes without a
request, after 12 hours in any case, at once when its row goes, when the person's epoch rises or when nothing is open to them.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, exists, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import InstrumentedAttribute

from models import keys
from models.access import STAFF, Membership, Role, User, WebSession
from models.actors import staff_scope
from models.base import Refusal, today, utcnow
from models.db import BEGIN, PATIENCE, db
from models.journal import record
from models.people import Guardian, Student, StudentStatus
from models.right_override import mark_of, overrides_at
from models.rights import reach
from models.school import School
from models.scope import AS_BY_DEFAULT, Actor, Scope, unscoped
from models.seeing import SeeAs, close_at_once
from models.words import _

IDLE = dt.timedelta(minutes=60)
LONGEST = dt.timedelta(hours=12)
_NOTED = dt.timedelta(minutes=1)  # how exact `seen_at` is
_PATIENCE = 0.2  # seconds that a reader waits to note it

log = logging.getLogger(__name__)
_scope_of_staff = lru_cache(maxsize=512)(staff_scope)  # a scope holds no rows, only who and how far: it serves many requests


@dataclass(frozen=True)
class Place:
    """A school where the person has roles today."""

    school_id: int
    name: str
    language: str
    time_zone: str
    mark: tuple[Any, ...]  # of what the school has changed in the table of rights
    roles: frozenset[str]

    @property
    def staff_roles(self) -> frozenset[str]:
        """The roles that work under /admin/."""
        return frozenset(role for role in self.roles if Role[role] in STAFF)


@dataclass(frozen=True)
class Standing:
    """What is open to a person today: roles by school, and whether they are somebody's guardian or a student."""

    places: tuple[Place, ...]
    guardian: bool
    student: bool

    def __bool__(self) -> bool:
        return bool(self.places or self.guardian or self.student)

    def place(self, school_id: int | None) -> Place | None:
        """The place in this school; failing that the first one that has staff roles, else the first."""
        chosen = [p for p in self.places if p.school_id == school_id]
        return next(iter([*chosen, *(p for p in self.places if p.staff_roles), *self.places]), None)

    def portal(self, wanted: str = "") -> str | None:
        """The portal to show: the one wanted when it is open, None for the staff pages, else what the person has."""
        opened = {"guardian": self.guardian, "student": self.student, "nobody": self.invigilates, "": any(p.staff_roles for p in self.places)}
        if opened.get(wanted):
            return wanted or None
        return next((name or None for name in ("", "guardian", "student", "nobody") if opened[name]), "nobody")

    @property
    def invigilates(self) -> bool:
        """Whether a role of invigilator is open."""
        return any(Role.invigilator.name in p.roles for p in self.places)


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


def _portals(user_id: InstrumentedAttribute[int] | int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Two questions to put in a SELECT: is the person somebody's guardian, an active student?"""
    pupil = exists().where(Student.user_id == user_id, Student.status == StudentStatus.active)
    return exists().where(Guardian.user_id == user_id), pupil


def _standing(user_id: int, guardian: bool, student: bool) -> Standing:
    """The roles open today, in one statement."""
    look = select(Membership, School.name, School.language, School.time_zone, *mark_of(School.id)).join(School, School.id == Membership.school_id)
    found: dict[int, tuple[tuple[str, str, str, tuple[Any, ...]], set[str]]] = {}
    for membership, name, language, zone, *mark in db.session.execute(look.where(Membership.user_id == user_id)):
        if membership.open_on(today(zone)):
            found.setdefault(membership.school_id, ((name, language, zone, tuple(mark)), set()))[1].add(membership.role.name)
    places = tuple(Place(school_id, *about, frozenset(roles)) for school_id, (about, roles) in sorted(found.items()))
    held = frozenset(role for place in places for role in place.roles)
    return Standing(places, guardian or Role.guardian.name in held, student or Role.student.name in held)


def standing_of(user_id: int) -> Standing:
    """What is open to this person today; false when nothing is."""
    with unscoped("what somebody may see is asked before there is a scope"):
        guardian, student = db.session.execute(select(*_portals(user_id))).one()
        return _standing(user_id, bool(guardian), bool(student))


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


def open_session(user: User, standing: Standing, address: str = "", agent: str = "") -> str:
    """Sign a browser in, in the caller's transaction, and return the token for its cookie. Sessions that are over go away."""
    token = secrets.token_urlsafe(32)
    place = standing.place(user.current_school_id or _first_held(user.id))
    now = utcnow()
    with unscoped("a session belongs to no school"):
        db.session.execute(delete(WebSession).where(or_(WebSession.created_at < now - LONGEST, WebSession.seen_at < now - IDLE)))
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
        held, user, guardian, student, view = row
        standing = _standing(user.id, guardian, student)
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
            there = {p.school_id: p.staff_roles for p in _standing(view.user_id, guardian=False, student=False).places}
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
    look = select(WebSession, User, *_portals(User.id), SeeAs).join(User, User.id == WebSession.user_id)
    look = look.outerjoin(SeeAs, SeeAs.session_id == WebSession.id)
    alive = (WebSession.epoch == User.epoch, WebSession.seen_at > now - IDLE, WebSession.created_at > now - LONGEST)
    return db.session.execute(look.where(WebSession.token_hash == _digest(token), *alive)).first()


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
    alive = (WebSession.user_id == user_id, WebSession.seen_at > now - IDLE, WebSession.created_at > now - LONGEST)
    with unscoped("a session belongs to no school"):
        return list(db.session.scalars(select(WebSession).where(*alive).order_by(WebSession.seen_at.desc())))
