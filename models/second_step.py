"""How a sign-in goes on after the password, and who switches the second step on and off (security.md, case 12).

The school's setting `two_factor` says to whom it is offered: to nobody, to whoever wants, or to everybody and compulsory for the staff.
Whoever has a second step keeps being asked for it whatever the setting becomes, until they or the school remove it: a setting never
opens an account with less than its owner chose.
"""

from __future__ import annotations

from sqlalchemy import select

from models import accounts, sessions, settings, throttle, two_factor
from models.access import STAFF, LoginKind, Membership, Role, User
from models.base import Refusal
from models.db import db
from models.people import Guardian, Student
from models.scope import unscoped
from models.standing import standing_of
from models.words import _, in_language
from models.work import OutgoingMail


def offered(user_id: int) -> bool:
    """Whether one of the person's schools lets them switch it on."""
    return bool(settings.strictest("two_factor", user_id) != "off")


# --- signing in --------------------------------------------------------------------------------------------------------------------


def go_on(half: str, typed: str, *, address: str, agent: str, device: str = "", marks: tuple[str, ...] = ()) -> accounts.Entry:
    """Finish a sign-in with the code, or count the failure. Without `half` and without a token in the answer, it begins again with the
    password: too late, another password since, or the second step was removed meanwhile."""
    found = two_factor.read_half(half)
    if found is None:
        return accounts.Entry()
    user_id, epoch = found
    known = f"|device {device}" if device and accounts.device_mark(user_id) in marks else ""
    limit = (throttle.SECOND_STEP, f"user {user_id}{known}")
    wait = throttle.wait_seconds(limit)
    db.session.rollback()
    if wait:
        return accounts.Entry(half=half, wait=wait)
    with unscoped("whoever signs in has no scope yet"):
        user = db.session.get(User, user_id)
        if user is None or user.epoch != epoch or not two_factor.is_on(user_id):
            return accounts.Entry()
        how = two_factor.spend(user_id, typed)
        if not how:
            db.session.rollback()
            throttle.hit(limit)
            accounts.note(LoginKind.code_refused, user_id, address, agent)
            db.session.commit()
            return accounts.Entry(half=half, wait=throttle.wait_seconds(limit))
        standing = standing_of(user_id)
        if not standing:
            db.session.commit()
            return accounts.Entry(closed=True)
        throttle.clear(*limit)
        left = two_factor.recovery_left(user_id) if how == "recovery" else None
        entry = accounts.let_in(user, standing, address, agent, left=left)
        db.session.commit()
    return entry


# --- one's own ---------------------------------------------------------------------------------------------------------------------


def set_up(user_id: int, sealed: str, password: str, typed: str, *, session_id: int, address: str, agent: str) -> list[str]:
    """Switch it on with the secret that the page showed (`two_factor.seal_new`), or move it to another phone: the recovery codes to keep.
    All other sessions (than `session_id`) end: they were opened with less.

    Refused: nobody offers it; a wrong password; a code that is not the secret's; a secret that is another person's, or none.
    """
    if not two_factor.is_on(user_id) and not offered(user_id):
        raise Refusal(_("Your [school] has not opened the second step of the sign-in. Ask the site administrator."))
    secret = two_factor.open_new(user_id, sealed)
    accounts.check_current(user_id, password, address=address)
    if not secret or not two_factor.switch_on(user_id, secret, typed):
        raise WrongCode(_("This code is not that of the application. Check that your phone sets its time by itself, then type the code that it shows now."))
    codes = two_factor.new_recovery_codes(user_id)
    sessions.end_all(user_id, but=session_id)
    accounts.note(LoginKind.second_step_on, user_id, address, agent)
    db.session.commit()
    return codes


class WrongCode(Refusal):
    """The first code does not belong to the secret; said beside its field."""


def renew_codes(user_id: int, password: str, *, address: str) -> list[str]:
    """Ten new recovery codes in place of the earlier ones. Refused: a wrong password, no second step."""
    accounts.check_current(user_id, password, address=address)
    _check_on(user_id)
    codes = two_factor.new_recovery_codes(user_id)
    db.session.commit()
    return codes


def switch_off(user_id: int, password: str, *, address: str, agent: str) -> None:
    """Sign in with the password alone again. Refused: a wrong password, no second step, a school that asks its staff for one."""
    if standing_of(user_id).needs_second_step:
        raise Refusal(_("Your [school] asks its staff for a second step: it stays. To change your phone, set it up again."))
    accounts.check_current(user_id, password, address=address)
    _check_on(user_id)
    with unscoped("one's own account"):
        user = db.session.get_one(User, user_id)
        _remove(user, LoginKind.second_step_off, address, agent)
        db.session.commit()


def _check_on(user_id: int) -> None:
    if not two_factor.is_on(user_id):
        raise Refusal(_("Your account has no second step."))


# --- for somebody who has lost their phone -------------------------------------------------------------------------------------------


def remove(user: User) -> None:
    """Take somebody's second step away, in the caller's transaction: they sign in with the password alone, and are told at once by mail and
    at their next sign-in. Who may is asked by the caller. Refused: there is none."""
    if not two_factor.is_on(user.id):
        raise Refusal(_("%(name)s signs in with the password alone: there is no second step to remove."), name=user.name)
    _remove(user, LoginKind.second_step_removed, "", "")


def remove_for(row: Guardian | Student) -> None:
    """The same for a guardian or a student, by whoever follows them, also where another school does: their password stays theirs, and no
    school can choose it for them. Refused: no account; somebody who works in a school, whom the screen of users is for."""
    if row.user_id is None:
        raise Refusal(_("%(name)s has no account."), name=row.name)
    with unscoped("an account belongs to a person"):
        user = db.session.get_one(User, row.user_id)
        works = db.session.scalar(select(Membership.id).where(Membership.user_id == user.id, Membership.role.in_((*STAFF, Role.invigilator))).limit(1))
    if works is not None:
        raise Refusal(_("%(name)s works in a [school]: the second step is removed on the screen of users there."), name=row.name)
    remove(user)


def _remove(user: User, kind: LoginKind, address: str, agent: str) -> None:
    two_factor.switch_off(user.id)
    accounts.note(kind, user.id, address, agent)
    if not user.email:
        return
    with in_language(user.language or "fr"):
        body = _(
            "Hello,\n\nThe second step of the sign-in was removed from your Scolabri account: your password alone opens it now.\n"
            "If you did not ask for it, tell the [school] at once.\n"
        )
        subject = str(_("Your sign-in has one step again"))
        OutgoingMail.queue(user.email, subject, str(body), to_name=user.name, language=user.language or "fr")
