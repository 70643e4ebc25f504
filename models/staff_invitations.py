"""Inviting at once the people whom an import of staff brought: who still waits for a password, and the sheet that is handed over.

Nobody sees or sets a password: a mail, or a sheet with a code that works once, lets its reader choose one (security.md, decision 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import accounts, rights, staff
from models.access import User
from models.base import Refusal
from models.db import db
from models.journal import JournalEvent, record
from models.scope import WHO
from models.words import N_, _
from models.work import Job, JobKind

if TYPE_CHECKING:
    from models.imports import Import

PURPOSE = "shown"  # of the one-time code on a sheet: as a link that is handed over, seven days


def waiting(one: Import) -> list[User]:
    """The people to whom this import opened an account, who have not chosen their password yet and are not disabled here, by name."""
    if not one.batch:
        return []
    made = select(JournalEvent.row_id).where(JournalEvent.batch == one.batch, JournalEvent.table_name == "user", JournalEvent.verb == "created")
    look = select(User).where(User.id.in_(made), User.password_hash == "").options(selectinload(User.memberships))
    found = db.session.scalars(look.order_by(User.family_name, User.given_name, User.id))
    return [user for user in found if staff.state_of(user) is staff.AccountState.invited]


def ask(one: Import) -> Job:
    """Have them invited: by mail where there is an address and a mail server, else on a sheet each. Refused: nobody waits, not with one's role."""
    if not rights.may(WHO.get().roles, "user", "invite"):
        raise Refusal(_("Your role does not allow you to invite people. Ask the site administrator."))
    people = waiting(one)
    if not people:
        raise Refusal(_("Nobody of this import waits for an invitation any more."))
    number = len(people)
    job = Job.add(JobKind.invite_staff, {"import_id": one.id}, total=number, note=str(N_("%(num)d invitation", "%(num)d invitations", number)))
    db.session.flush()
    return job


def hand_over(user: User, secret: str) -> None:
    """Make `secret` open the account once, in the caller's transaction, with its line in the history. Refuses what `staff.invite` refuses."""
    staff.check_may_touch(user)
    staff.check_alone_here(user.id)
    accounts.new_token(user, PURPOSE, secret)
    record(db.session, "invite", "user", user.id)
