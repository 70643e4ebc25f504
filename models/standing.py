"""What is open to a person today: in which schools they hold which roles, whether they are somebody's guardian or a student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute

from models.access import STAFF, Membership, Role
from models.base import today
from models.db import db
from models.people import Guardian, Student, StudentStatus
from models.right_override import mark_of
from models.school import School
from models.scope import unscoped
from models.settings import DECLARED, Setting


@dataclass(frozen=True)
class Place:
    """A school where the person has roles today."""

    school_id: int
    name: str
    language: str
    time_zone: str
    mark: tuple[Any, ...]  # of what the school has changed in the table of rights
    roles: frozenset[str]
    second_step: str = "off"  # who signs in with a code: the setting `two_factor`

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
    def needs_second_step(self) -> bool:
        """Whether a school where they work asks its staff for a second step of the sign-in."""
        return any(p.staff_roles and p.second_step == "staff" for p in self.places)

    @property
    def invigilates(self) -> bool:
        """Whether a role of invigilator is open."""
        return any(Role.invigilator.name in p.roles for p in self.places)


def portals_of(user_id: InstrumentedAttribute[int] | int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Two questions to put in a SELECT: is the person somebody's guardian, an active student?"""
    pupil = exists().where(Student.user_id == user_id, Student.status == StudentStatus.active)
    return exists().where(Guardian.user_id == user_id), pupil


def read_standing(user_id: int, guardian: bool, student: bool) -> Standing:
    """The roles open today, in one statement; the two answers of `portals_of` are given."""
    asked = DECLARED["two_factor"]
    step = select(Setting.value).where(Setting.school_id == School.id, Setting.key == asked.key).correlate(School).scalar_subquery()
    look = select(Membership, School.name, School.language, School.time_zone, step, *mark_of(School.id)).join(School, School.id == Membership.school_id)
    found: dict[int, tuple[tuple[str, str, str, tuple[Any, ...]], str, set[str]]] = {}
    for membership, name, language, zone, second, *mark in db.session.execute(look.where(Membership.user_id == user_id)):
        if membership.open_on(today(zone)):
            about = (name, language, zone, tuple(mark))
            found.setdefault(membership.school_id, (about, str(asked.stored(second)), set()))[2].add(membership.role.name)
    places = tuple(Place(school_id, *about, frozenset(roles), second) for school_id, (about, second, roles) in sorted(found.items()))
    held = frozenset(role for place in places for role in place.roles)
    return Standing(places, guardian or Role.guardian.name in held, student or Role.student.name in held)


def standing_of(user_id: int) -> Standing:
    """What is open to this person today; false when nothing is."""
    with unscoped("what somebody may see is asked before there is a scope"):
        guardian, student = db.session.execute(select(*portals_of(user_id))).one()
        return read_standing(user_id, bool(guardian), bool(student))
