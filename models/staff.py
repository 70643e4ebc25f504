"""Who works in the school: inviting people, giving and taking roles, opening an inspection.

The rules stand above the rights table (rights.md, rules 8 and 10): nobody gives a role that is not theirs to give, edits somebody
who holds one, or touches their own roles; the last site administrator stays; what is done here stays in this school.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import func, or_, select

from models import accounts, rights, second_step, sessions
from models.access import STAFF, Membership, Role, User
from models.base import Choice, Refusal, today
from models.db import db
from models.people import Guardian, Student
from models.school import School
from models.scope import WHO, current_school_id, unscoped
from models.words import _, _p, in_language
from models.work import OutgoingMail

LONGEST_INSPECTION = dt.timedelta(days=366)
FURTHEST = 2, 10  # years ahead that an inspection, and any other role, may end
EARLIEST = dt.date(2000, 1, 1)
WORKERS = (*(role for role in Role if role in STAFF), Role.invigilator)  # who stands on the screen of users


class AccountState(Choice):
    """Whether the person can come in, as far as this school decides."""

    open = "open", _p("user", "Open"), "ok"
    invited = "invited", _p("user", "No password yet"), "info"
    closed = "closed", _p("user", "Disabled"), "bad"


def state_of(user: User) -> AccountState:
    """From the memberships of the current school; invited = no password chosen yet."""
    if not any(m.active for m in user.memberships):
        return AccountState.closed
    return AccountState.open if user.password_hash else AccountState.invited


def roles_to_give() -> list[Role]:
    """The roles that the person who acts may give."""
    return [role for role in Role if rights.may_give(WHO.get().roles, role.name)]


def _school() -> int:
    school_id = current_school_id()
    if school_id is None:
        raise Refusal(_("Choose a [school] first."))
    return school_id


# --- what is refused -----------------------------------------------------------------------------------------------------------


def check_may_give(role: Role) -> None:
    """Refuse a role that is not theirs to give."""
    if not rights.may_give(WHO.get().roles, role.name):
        raise Refusal(_("Your role does not allow you to give or withdraw the role “%(role)s”. Ask the site administrator."), role=str(role.label))


def check_not_self(user_id: int | None) -> None:
    """Refuse to change one's own rights."""
    if user_id == WHO.get().user_id:
        raise Refusal(_("Nobody changes their own rights. Your name, language and password are on the page My account."))


def check_may_touch(user: User) -> None:
    """Refuse one's own account, and that of somebody who holds a role here that one may not give."""
    check_not_self(user.id)
    for membership in _held(user.id):
        check_may_give(membership.role)


def check_alone_here(user_id: int) -> None:
    """Refuse to edit somebody whom another school shares: they would be locked out there, or somebody else let in."""
    if _is_shared(user_id):
        raise Refusal(_("This person also belongs to another [school]. They change their account themselves, on the page My account."))


def _is_shared(user_id: int) -> bool:
    elsewhere = [select(table.id).where(table.user_id == user_id, table.school_id != _school()).exists() for table in (Membership, Guardian, Student)]
    with unscoped("does another school share this person?"):
        return bool(db.session.scalar(select(or_(*elsewhere))))


def check_window(role: Role, start: dt.date | None, end: dt.date | None, before: tuple[dt.date | None, dt.date | None] = (None, None)) -> None:
    """Refuse a window that ends before it begins or lies out of all reason; an inspection is short, and opened by the head alone.

    `before`: the window as it was; days that stay as they are, are not judged again, except against each other.
    """
    if start and end and end < start:
        raise Refusal(_("The last day stands before the first. Correct one of the two."))
    if (start, end) == before or not (start or end):
        return
    inspection = role is Role.inspector
    if inspection and not rights.may(WHO.get().roles, "membership", "open_inspection"):
        raise Refusal(_("Only the head of the [school] opens an inspection. Leave both days empty."))
    now = today(db.session.get_one(School, _school()).time_zone)
    if inspection and start and end and end - start > LONGEST_INSPECTION:
        raise Refusal(_("An inspection lasts one year at most. Choose an earlier last day."))
    if start and start != before[0] and start < (now - dt.timedelta(days=1) if inspection else EARLIEST):
        raise Refusal(_("The first day is too long ago. Choose a later one."))
    if max(day for day in (start, end) if day).year > now.year + FURTHEST[not inspection]:
        raise Refusal(_("The last day is too far ahead. Choose an earlier one."))


def check_admin_stays(gone: Iterable[int]) -> None:
    """Refuse to leave the school without a site administrator; `gone`: the open memberships of that role that end."""
    gone = list(gone)
    if not gone:
        return
    # Two administrators who withdraw each other at the same moment wait for one another here.
    db.session.execute(select(School.id).where(School.id == _school()).with_for_update())
    others = select(func.count(Membership.id)).where(Membership.role == Role.acc, Membership.active, Membership.id.not_in(gone))
    with db.session.no_autoflush:
        if not db.session.scalar(others):
            raise Refusal(_("The last site administrator stays. Give this role to somebody else first."))


def _held(user_id: int) -> list[Membership]:
    """The person's roles in the current school, open or not."""
    return list(db.session.scalars(select(Membership).where(Membership.user_id == user_id, Membership.school_id == _school())))


def check_ready() -> None:
    """Refuse (`models.school.NotReady`) to add anybody before the page of the school says who it is."""
    db.session.get_one(School, _school()).check_ready("users")


def check_may_add(user: User) -> None:
    """Refuse another role for somebody who holds one here that is not theirs to give (rights.md, rule 8), and for oneself."""
    with db.session.no_autoflush:
        if user.id is not None:
            check_may_touch(user)


def may_touch(user: User) -> bool:
    """The same as an answer, from what is loaded: for a button that is shown or not. The verb asks again."""
    return user.id != WHO.get().user_id and all(rights.may_give(WHO.get().roles, m.role.name) for m in user.memberships)


def fits(verb: str, user: User) -> bool:
    """Whether a verb of the screen of users leads anywhere for this person."""
    closed = state_of(user) is AccountState.closed
    if verb == "see_as":
        return user.id != WHO.get().user_id and not closed
    return may_touch(user) and {"invite": not closed, "disable": not closed, "enable": any(not m.active for m in user.memberships)}.get(verb, True)


# --- people --------------------------------------------------------------------------------------------------------------------


def add_person(
    given_name: str, family_name: str, email: str, username: str, role: Role, start: dt.date | None = None, end: dt.date | None = None, *, asked: bool = True
) -> tuple[User, bool]:
    """A person with a role here, in the caller's transaction, and whether the account is new.

    Somebody who already has an account in the installation (same e-mail) keeps it as it is, and gets the role.
    Refused: no e-mail and no user name, a user name that is taken, a role already held or not theirs to give; a school whose page does not
    say who it is (S3-03), unless that is not `asked`: the operator's console makes the administrator who fills the page in.
    """
    if asked:
        check_ready()
    check_may_give(role)
    check_window(role, start, end)
    if not email.strip() and not username.strip():
        raise Refusal(_("An account needs an e-mail or a user name to sign in with. Fill in one of them."))
    user = accounts.find_user(email) if "@" in email else None
    named = accounts.find_user(username)
    if named is not None and named is not user:
        raise Refusal(_("The user name “%(name)s” is taken. Choose another one."), name=username)
    fresh, school_id = user is None, _school()
    if user is not None and (user.id == WHO.get().user_id or any(m.role is role for m in _held(user.id))):
        raise Refusal(_("%(name)s already has this role here."), name=user.name)
    if user is not None:
        check_may_add(user)
    with unscoped("the person may be known in another school"):
        if user is None:
            user = User(given_name=given_name.strip(), family_name=family_name.strip(), email=email, username=username)
        db.session.add(Membership(user=user, school_id=school_id, role=role, open_from=start, open_until=end))
        db.session.flush()
    return user, fresh


def invite(user: User, base_url: str, *, by_mail: bool) -> str:
    """A one-time link to choose a password, in the caller's transaction: mailed, or returned to be handed over (else "").

    Refused for somebody whom another school shares: a link made here would open what they see there.
    """
    check_may_touch(user)
    check_alone_here(user.id)
    if state_of(user) is AccountState.closed:
        raise Refusal(_("The access of %(name)s is disabled. Enable it first."), name=user.name)
    mailed = by_mail and bool(user.email)
    link = f"{base_url.rstrip('/')}/reset/{accounts.new_token(user, 'invite' if mailed else 'shown')}"
    if not mailed:
        return link
    with in_language(user.language or WHO.get().language):
        body = _(
            "Hello %(name)s,\n\nAn account is open for you on Scolabri. Choose your password within 7 days at this address, which works once:\n\n%(link)s\n",
            name=user.name,
            link=link,
        )
        OutgoingMail.queue(user.email or "", str(_("Your Scolabri account")), str(body), to_name=user.name, cause=user, secret=True)
    return ""


def disable(user: User) -> None:
    """Close all the person's roles in this school, and sign them out of it at once. Other schools do not notice."""
    check_may_touch(user)
    held = [m for m in _held(user.id) if m.active]
    if not held:
        raise Refusal(_("The access of %(name)s is already disabled."), name=user.name)
    check_admin_stays(m.id for m in held if m.role is Role.acc)
    for membership in held:
        membership.active = False
    sessions.end_all(user.id, school_id=_school())


def enable(user: User) -> None:
    """Open the person's roles in this school again."""
    check_may_touch(user)
    held = [m for m in _held(user.id) if not m.active]
    if not held:
        raise Refusal(_("The access of %(name)s is not disabled."), name=user.name)
    for membership in held:
        membership.active = True


def end_sessions(user: User) -> None:
    """Sign the person out of this school everywhere."""
    check_may_touch(user)
    sessions.end_all(user.id, school_id=_school())


def remove_two_factor(user: User) -> None:
    """Let somebody who has lost their phone sign in with the password alone. Refused for somebody whom another school shares: what they see
    there would stand open."""
    check_may_touch(user)
    if _is_shared(user.id):
        raise Refusal(
            _("%(name)s also belongs to another [school]. They use a recovery code; without any, whoever runs the server lets them in."), name=user.name
        )
    second_step.remove(user)


# --- roles ---------------------------------------------------------------------------------------------------------------------


def check_new_role(membership: Membership) -> None:
    """What a new membership must satisfy before it is written."""
    check_may_add(membership.user)
    check_may_give(membership.role)
    check_window(membership.role, membership.open_from, membership.open_until)


def check_changed_role(membership: Membership, before: tuple[Role, bool, dt.date | None, dt.date | None]) -> None:
    """What a changed membership must satisfy (`before`: role, active, window as they were); the person signs in again."""
    role, active, *window = before
    check_not_self(membership.user_id)
    check_may_give(role)
    check_may_give(membership.role)
    # The days of another role are no inspection: whoever becomes an inspector has none until the head gives them.
    became = membership.role is Role.inspector and role is not Role.inspector
    check_window(membership.role, membership.open_from, membership.open_until, (None, None) if became else (window[0], window[1]))
    if role is Role.acc and active and (membership.role is not Role.acc or not membership.active):
        check_admin_stays([membership.id])
    sessions.end_all(membership.user_id, school_id=membership.school_id)


def check_withdraw(membership: Membership) -> None:
    """What withdrawing a role must satisfy: a role one may give, not one's own, not the last site administrator's."""
    check_not_self(membership.user_id)
    check_may_give(membership.role)
    check_admin_stays([membership.id] if membership.role is Role.acc and membership.active else [])


def withdraw(membership: Membership) -> None:
    """Before the row goes: refuse what `check_withdraw` refuses, and sign the person out of this school."""
    check_withdraw(membership)
    sessions.end_all(membership.user_id, school_id=membership.school_id)


def open_inspection(membership: Membership, start: dt.date, end: dt.date) -> None:
    """Let an inspector read from a day to a day. Refused for another role, or when the last day is over."""
    if membership.role is not Role.inspector:
        raise Refusal(_("An inspection is opened for the role Inspector only."))
    check_window(Role.inspector, start, end, (membership.open_from, membership.open_until))
    if end < today(membership.school.time_zone):
        raise Refusal(_("The last day is over. Choose a later one."))
    membership.open_from, membership.open_until = start, end


def close_inspection(membership: Membership) -> None:
    """End an inspection at once. Refused when none is open or planned."""
    if membership.role is not Role.inspector or membership.open_from is None:
        raise Refusal(_("No inspection is open or planned for this person."))
    membership.open_from = membership.open_until = None
    sessions.end_all(membership.user_id, school_id=membership.school_id)
