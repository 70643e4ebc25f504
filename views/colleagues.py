"""The people of the school's staff, wherever one of them is chosen."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from models.access import STAFF, Membership, User
from models.db import db


def is_staff() -> Any:
    """Users who hold an active staff role in the current school (the scope limits the memberships to it)."""
    return User.id.in_(select(Membership.user_id).where(Membership.role.in_(STAFF), Membership.active))


def staff_of_school() -> list[User]:
    """Them, by name."""
    return list(db.session.scalars(select(User).where(is_staff()).order_by(User.family_name, User.given_name).limit(200)))


STAFF_LOOKUP = (User, ("family_name", "given_name"), is_staff)
