"""What is chosen by look-up on several screens: the school's staff, its students, their guardians, its programmes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from models.access import STAFF, Membership, User
from models.db import db
from models.people import Guardian, Student
from models.studies import Programme


def is_staff() -> Any:
    """Users who hold an active staff role in the current school (the scope limits the memberships to it)."""
    return User.id.in_(select(Membership.user_id).where(Membership.role.in_(STAFF), Membership.active))


def staff_of_school() -> list[User]:
    """Them, by name."""
    return list(db.session.scalars(select(User).where(is_staff()).order_by(User.family_name, User.given_name).limit(200)))


# By their own names and numbers: a guardian's name, which finds a student in the list, would offer strangers here.
STUDENT_LOOKUP = (Student, ("family_name", "given_name", "usage_name", "national_id", "local_id"))
GUARDIAN_LOOKUP = (Guardian, ("search_key",))
STAFF_LOOKUP = (User, ("family_name", "given_name"), is_staff)
# A plain list up to 200: then one sees what there is.
PROGRAMME_LOOKUP = (Programme, ("code", "title", "short_title"), lambda: Programme.retired_at.is_(None), 200)
