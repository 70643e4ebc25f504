"""What undoing an import of staff may take back (models/undo.py): the roles that it gave, and the accounts that it opened.

Accounts and roles are changed on their own screens only; an import of staff is the exception, for whoever may import staff. The rules of
models/staff.py hold: nobody touches their own rights or a role that is not theirs to give, the last site administrator stays. An account
goes when nobody has ever signed in with it or chosen its password, and it belongs nowhere else; otherwise it stays, without the role.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models import sessions, staff
from models.access import Membership, Role, User
from models.base import Refusal
from models.rights import may, may_give
from models.scope import WHO
from models.words import _

TABLES = frozenset({"user", "membership"})

SELF = _("Nobody changes their own rights.")
ABOVE = _("This role is not yours to give or withdraw.")
LAST = _("The last site administrator stays.")
SIGNED_IN = _("This account was used.")


def covers(table: str, *, by_import: bool) -> bool:
    """Whether this undo takes back accounts and roles: of an import, by whoever may import staff."""
    return by_import and table in TABLES and may(WHO.get().roles, "import_", "import_staff")


def kept(rows: Iterable[Any]) -> dict[int, Any]:
    """Which of these roles and accounts stay, and why."""
    found: dict[int, Any] = {}
    ending: list[int] = []
    for row in rows:
        if isinstance(row, User) and (row.password_hash or row.last_seen_at):
            found[row.id] = SIGNED_IN
        if not isinstance(row, Membership):
            continue
        if row.user_id == WHO.get().user_id:
            found[row.id] = SELF
        elif not may_give(WHO.get().roles, row.role.name):
            found[row.id] = ABOVE
        elif row.role is Role.acc and row.active:
            ending.append(row.id)
    try:
        staff.check_admin_stays(ending)
    except Refusal:
        found |= dict.fromkeys(ending, LAST)
    return found


def sign_out(rows: Iterable[Any]) -> None:
    """Whose role changes signs in again in this school."""
    for row in rows:
        if isinstance(row, Membership):
            sessions.end_all(row.user_id, school_id=row.school_id)
