"""Who works in the school already, and which accounts of the installation a file of staff names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from jobs.import_match import group_key, name_key
from models.access import Membership, Role, User
from models.people import Group, GroupCategory, group_share
from models.scope import unscoped
from models.staff_words import WORKERS

PIECE, FEW = 500, 50
T = TypeVar("T")


@dataclass
class Person:
    """An account: `roles` are those held in this school, with the number of the membership and whether it is open."""

    id: int
    given_name: str
    family_name: str
    email: str
    username: str
    roles: dict[Role, tuple[int, bool]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def open_roles(self) -> list[Role]:
        """The roles that act, in the order of the ten."""
        return [role for role in Role if self.roles.get(role, (0, False))[1]]


@dataclass
class StaffKnown:
    """The school as the check of a file of staff sees it: plain values, so that no lock is held."""

    school_id: int
    official_code: str
    staff: dict[int, Person] = field(default_factory=dict)
    accounts: dict[int, Person] = field(default_factory=dict)  # of the whole installation, as far as the file's e-mails name them
    by_email: dict[str, int] = field(default_factory=dict)
    by_username: dict[str, int] = field(default_factory=dict)  # of this school's staff
    by_names: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # user names of the installation that a new person cannot have
    groups: dict[str, tuple[int, str]] = field(default_factory=dict)
    shares: set[tuple[int, int]] = field(default_factory=set)  # (group, person) who see it already

    def person(self, user_id: int) -> Person:
        """An account by its number."""
        return self.staff.get(user_id) or self.accounts[user_id]


def load_staff(session: Session, school_id: int, official_code: str, emails: Collection[str], bases: Collection[str]) -> StaffKnown:
    """Read the staff of the current scope, and of the installation what the file's e-mails and user names (`bases`, also numbered) touch."""
    known = StaffKnown(school_id, official_code)
    columns = (User.id, User.given_name, User.family_name, User.email, User.username)
    held = select(*columns, Membership.id, Membership.role, Membership.active).join(Membership, Membership.user_id == User.id)
    for user_id, given, family, email, username, membership_id, role, active in session.execute(
        held.where(Membership.school_id == school_id, Membership.role.in_(WORKERS)).order_by(User.id)
    ):
        person = known.staff.setdefault(user_id, Person(user_id, given, family, email or "", username or ""))
        person.roles[role] = (membership_id, active)
    for person in known.staff.values():
        known.by_names.setdefault(name_key(person.family_name, person.given_name), []).append(person.id)
        if person.username:
            known.by_username[person.username] = person.id
    with unscoped("somebody may have an account in another school: found by e-mail only, and user names are of the whole installation"):
        for some in _pieces(emails):
            for user_id, given, family, email, username in session.execute(select(*columns).where(User.email.in_(some))):
                known.by_email[email or ""] = user_id
                if user_id not in known.staff:
                    known.accounts[user_id] = Person(user_id, given, family, email or "", username or "")
        for some in _pieces(bases):
            known.taken.update(name for name in session.scalars(select(User.username).where(User.username.in_(some))) if name)
        for some in _pieces([base for base in bases if base in known.taken], FEW):  # and those that a number follows
            like = or_(*(User.username.startswith(base, autoescape=True) for base in some))
            known.taken.update(name for name in session.scalars(select(User.username).where(like)) if name)
    for group_id, name, category in session.execute(select(Group.id, Group.name, Group.category).where(Group.school_id == school_id)):
        if category is GroupCategory.klass or group_key(name) not in known.groups:
            known.groups[group_key(name)] = (group_id, name)
    ids = [group_id for group_id, _name in known.groups.values()]
    for pieces in _pieces(ids):
        shared = select(group_share.c.group_id, group_share.c.user_id).where(group_share.c.group_id.in_(pieces))
        owned = select(Group.id, Group.owner_id).where(Group.id.in_(pieces), Group.owner_id.is_not(None))
        known.shares.update((a, b) for statement in (shared, owned) for a, b in session.execute(statement))
    return known


def _pieces(values: Collection[T], size: int = PIECE) -> Iterator[list[T]]:
    found = list(values)
    for start in range(0, len(found), size):
        yield found[start : start + size]
