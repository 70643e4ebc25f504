"""Writes the plan of a file of staff: accounts, roles, shared groups, in the caller's transaction.

Nothing is committed here. An account of another school is taken as it is; whoever gets a role keeps their sessions.
"""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from jobs.import_plan import Planned
from jobs.staff_known import Person
from jobs.staff_plan import GROUPS, PERSON, REOPEN, StaffPlan
from models import sessions, staff
from models.access import Membership, Role, User
from models.people import Group
from models.scope import unscoped

PIECE = 200


def write_staff(session: Session, plan: StaffPlan, *, deactivate: bool) -> dict[str, int]:
    """Write what the plan says; the numbers written. With `deactivate`, the absent lose the roles that the file is about.

    Refused as adding one person is: a school whose page does not say who it is, the last site administrator.
    """
    staff.check_ready()
    taken = [one for one in plan.planned if one.status in {"created", "changed"}]
    shares: dict[int, list[int]] = defaultdict(list)
    for start in range(0, len(taken), PIECE):
        for one, user_id in _people(session, plan, taken[start : start + PIECE]):
            for group_id, _name in one.values.get(GROUPS, ()):
                shares[group_id].append(user_id)
    _share(session, shares)
    gone = _close(session, plan, plan.absent) if deactivate else 0
    counts = plan.counts()
    return {
        "created": counts["created"],
        "changed": counts["changed"],
        "deactivated": gone,
        **{key: counts[key] for key in ("staff_created", "staff_changed", "new_accounts", "new_shares")},
        "staff_deactivated": gone,
        "students_created": 0,
        "students_changed": 0,
    }


def _people(session: Session, plan: StaffPlan, piece: list[Planned]) -> list[tuple[Planned, int]]:
    """Give each person of a piece their role; new people first get an account. (line, account)"""
    made: list[tuple[Planned, User]] = []
    known: list[tuple[Planned, int]] = []
    elsewhere: list[Membership] = []
    for one in piece:
        values, school_id = one.values, plan.known.school_id
        if PERSON not in values:
            user = User(**{key: values[key] for key in ("given_name", "family_name", "email", "username")})
            session.add(Membership(user=user, school_id=school_id, role=Role[values["role"]]))
            made.append((one, user))
            continue
        user_id = values[PERSON]
        known.append((one, user_id))
        if values.get(REOPEN):
            membership_id = plan.known.staff[user_id].roles[Role[values["role"]]][0]
            session.get_one(Membership, membership_id).active = True
        elif "role" in values:
            elsewhere.append(Membership(user_id=user_id, school_id=school_id, role=Role[values["role"]]))
    session.flush()
    if elsewhere:
        with unscoped("a person of the file may be known in another school only"):
            session.add_all(elsewhere)
            session.flush()
    return [*((one, user.id) for one, user in made), *known]


def _share(session: Session, shares: dict[int, list[int]]) -> None:
    """Let the teachers see and use the groups of their classes."""
    for start in range(0, len(ids := sorted(shares)), PIECE):
        some = ids[start : start + PIECE]
        wanted = {user_id for group_id in some for user_id in shares[group_id]}
        people = {user.id: user for user in session.scalars(select(User).where(User.id.in_(wanted)))}
        for group in session.scalars(select(Group).where(Group.id.in_(some)).options(selectinload(Group.shared_with))):
            group.share([people[user_id] for user_id in shares[group.id] if user_id in people])
        session.flush()


def _close(session: Session, plan: StaffPlan, absent: list[Person]) -> int:
    """Close the roles of the absent, and sign them out of this school."""
    ids = [membership_id for person in absent for membership_id in plan.closing(person)]
    rows = list(session.scalars(select(Membership).where(Membership.id.in_(ids))))
    staff.check_admin_stays(row.id for row in rows if row.role is Role.acc and row.active)
    for row in rows:
        row.active = False
    session.flush()
    for person in absent:
        sessions.end_all(person.id, school_id=plan.known.school_id)
    return len(absent)
