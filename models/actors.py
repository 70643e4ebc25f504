"""Who a person is in a school today: their open roles, and how far each table reaches for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import STAFF, Membership, User
from models.base import today
from models.right_override import overrides_of
from models.rights import POLICY, reach
from models.school import School
from models.scope import AS_BY_DEFAULT, Actor, Overrides, Scope, unscoped


def staff_scope(school_id: int, user_id: int | None, roles: frozenset[str], overrides: Overrides, *, looking: bool = False) -> Scope:
    """The scope of a member of staff: the school, narrowed table by table where the union of their roles is narrow.

    A table that the school no longer lets them read stays as narrow as it was: a form may still offer its rows.
    """
    narrow = {table: far for table in POLICY if (far := reach(roles, table, "read", overrides) or reach(roles, table, "read", AS_BY_DEFAULT)) in ("g", "o")}
    return Scope(school_id=school_id, user_id=user_id, reach=narrow, looking=looking)


def staff_in(session: Session, user_id: int, school_id: int) -> tuple[Actor, Scope] | None:
    """The person as staff of this school today, or None when no role of theirs is open there (any more)."""
    with unscoped("what somebody may do is asked before there is a scope"):
        school = session.get(School, school_id)
        user = session.get(User, user_id)
        if school is None or user is None:
            return None
        day = today(school.time_zone)
        held = session.scalars(select(Membership).where(Membership.user_id == user_id, Membership.school_id == school_id))
        roles = frozenset(m.role.name for m in held if m.role in STAFF and m.open_on(day))
        if not roles:
            return None
        overrides = overrides_of(session, school_id)
        actor = Actor(user_id=user_id, name=str(user), roles=roles, language=user.language or school.language, overrides=overrides)
    return actor, staff_scope(school_id, user_id, roles, overrides)
