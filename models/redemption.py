"""A code becomes a link: the paper code is the proof, one conditional UPDATE decides who had it first.

Used, expired, revoked, invented, of a student who has left, for a child already linked: one calm sentence, counted as a failure
(security.md 32 to 37). A typing mistake is told before anything is looked up, and counts for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from models import keys, passwords, settings, throttle
from models.access import LoginEvent, LoginKind, Role, User
from models.accounts import Entry, ask_confirmation, login_name
from models.activation import ActivationCode, CodePurpose, read_code, redeemable_clause, usable_clause
from models.base import Refusal, utcnow
from models.db import db
from models.invitations import Invitation
from models.journal import record
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.scope import BATCH, Actor, Scope, acting, unscoped
from models.sessions import open_session, standing_of
from models.words import _

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

log = logging.getLogger("scolabri.codes")
T = TypeVar("T")
Limits = tuple[tuple[throttle.Limit, str], ...]


class UnusableCode(Refusal):
    """The code opens nothing, for a reason that is not told. A failed try."""

    def __init__(self) -> None:
        super().__init__(_("This code does not open anything: it has already been used, or it is no longer valid. Ask the [school] for another one."))


class HasAccount(Refusal):
    """A valid code was typed with the e-mail of an account; the code stays unused."""

    def __init__(self) -> None:
        super().__init__(_("This e-mail already has an account. Sign in to add the child: the code still works."))


class TooManyTries(Refusal):
    """The brake on guessing; `seconds` to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(_("Too many tries. Wait %(minutes)d min, then try again."), minutes=-(-seconds // 60))
        self.seconds = seconds


# --- the rule, in the caller's transaction -----------------------------------------------------------------------------------------


def redeem(session: Session, typed_code: str, user: User) -> GuardianLink:
    """Give the child of this code to this person (saved already or new). Refused with `UnusableCode`: the caller rolls back.

    The link is active at once, but *to check* when the student has a suspended link (features section 0, link status).
    """
    digest = keys.digest("activation", read_code(typed_code))
    with unscoped("the code is the secret"):
        code = take(session, digest)
    if user.id is None:
        with _as(user, code):
            session.add(user)
            session.flush()
    with _as(user, code):
        session.execute(update(ActivationCode).where(ActivationCode.id == code.id).values(used_by_id=user.id), execution_options={"synchronize_session": False})
        if session.scalar(select(GuardianLink.id).join(Guardian).where(Guardian.user_id == user.id, GuardianLink.student_id == code.student_id).limit(1)):
            raise UnusableCode
        if is_student_of(session, code.school_id, user.id):
            raise UnusableCode
        if code.purpose is CodePurpose.invitation:
            check_not_suspended(session, code.student_id, user)
        link = _link(session, code.student, _guardian_for(session, code, user))
        if code.purpose is CodePurpose.invitation:
            link.status = LinkStatus.to_check  # whoever the student invites: staff say that it is right
        session.flush()
        record(session, "redeem", "activation_code", code.id)
    return link


def alive(digest: str, purpose: CodePurpose = CodePurpose.guardian) -> tuple[Any, ...]:
    """The clauses of a code that still opens something: usable, for this, of a student who is there. An invitation makes a guardian too."""
    opens = redeemable_clause() if purpose is CodePurpose.guardian else usable_clause(purpose)
    there = select(literal(1)).where(Student.id == ActivationCode.student_id, Student.status == StudentStatus.active)
    return (ActivationCode.digest == digest, opens, there.correlate(ActivationCode).exists())


def take(session: Session, digest: str, purpose: CodePurpose = CodePurpose.guardian) -> ActivationCode:
    """The one winner's code: the row changes for whoever comes first, for nobody else. The code itself is wiped."""
    # The student before the code, as whoever deletes the student: where writers work side by side, the other order is a deadlock, and two
    # codes of one child would overwrite one another's changes of that row.
    whose = select(Student.id).join(ActivationCode, ActivationCode.student_id == Student.id).where(ActivationCode.digest == digest)
    session.execute(whose.with_for_update(of=Student, key_share=True))
    taken = update(ActivationCode).where(*alive(digest, purpose)).values(used_at=utcnow(), sealed="", version=ActivationCode.version + 1)
    done = cast("CursorResult[Any]", session.execute(taken, execution_options={"synchronize_session": False}))
    if done.rowcount != 1:
        raise UnusableCode
    return session.scalars(select(ActivationCode).where(ActivationCode.digest == digest).execution_options(populate_existing=True)).one()


def is_student_of(session: Session, school_id: int, user_id: int) -> bool:
    """Whether this account is that of a student of the school, who may hold a paper that was meant for a parent: their own, or a schoolmate's.
    Such an account never becomes a guardian there: it would read what the school writes to parents, and no access card would open it any more.
    """
    look = select(Student.id).where(Student.school_id == school_id, Student.user_id == user_id).limit(1)
    return session.scalar(look) is not None


def check_not_suspended(session: Session, student_id: int, user: User) -> None:
    """Refuse whoever the school has suspended for this child and who comes back with another account under the same e-mail."""
    theirs = (GuardianLink.student_id == student_id, GuardianLink.status == LinkStatus.suspended, func.lower(Guardian.email) == user.email)
    if user.email and session.scalar(select(GuardianLink.id).join(Guardian).where(*theirs).limit(1)):
        raise UnusableCode


def _as(user: User, code: ActivationCode) -> AbstractContextManager[None]:
    """Work as this guardian in the school that gave the code."""
    actor = Actor(user_id=user.id, name=str(user), roles=frozenset({Role.guardian.name}), language=user.language or "fr")
    return acting(actor, Scope(school_id=code.school_id, user_id=user.id), BATCH.get())


def _guardian_for(session: Session, code: ActivationCode, user: User) -> Guardian:
    """Whom the code is for, when nobody else has that login; else the person's own guardian row in this school; else a new one."""
    named = code.guardian
    if named is not None and named.user_id in (None, user.id):
        named.user_id = user.id
        named.email = named.email or user.email or ""
        return named
    own = session.scalars(select(Guardian).where(Guardian.user_id == user.id).order_by(Guardian.id).limit(1)).first()
    if own is not None:
        return own
    names = {"family_name": user.family_name or user.given_name or str(user), "given_name": user.given_name if user.family_name else ""}
    new = Guardian(school_id=code.school_id, email=user.email or "", user_id=user.id, language=user.language or code.student.language, **names)
    session.add(new)
    session.flush()
    return new


def _link(session: Session, student: Student, guardian: Guardian) -> GuardianLink:
    """The link of this guardian and this child, which the school may have known without an account. Refused when that one is suspended;
    one to check stays so.
    """
    links = list(session.scalars(select(GuardianLink).where(GuardianLink.student_id == student.id)))
    known = next((link for link in links if link.guardian_id == guardian.id), None)
    if known is None:
        # What the person is to the child is not known: the least is claimed, staff complete it.
        known = GuardianLink(
            school_id=guardian.school_id, student=student, guardian=guardian, relation=Relation.other, authority=Authority.contact, status=LinkStatus.active
        )
        session.add(known)
    elif known.status is LinkStatus.suspended:
        raise UnusableCode
    if any(link.status is LinkStatus.suspended for link in links):
        known.status = LinkStatus.to_check
    return known


def followed(user_id: int) -> dict[int, str]:
    """The children whom this person follows in every school, by their number: what is told after a code is what has come with it."""
    theirs = select(GuardianLink.student_id).join(Guardian).where(Guardian.user_id == user_id, GuardianLink.status == LinkStatus.active)
    with unscoped("one's own children, whoever one is besides"):
        found = db.session.scalars(
            select(Student).where(Student.id.in_(theirs), Student.status == StudentStatus.active).order_by(Student.given_name, Student.id)
        )
        return {student.id: student.name for student in found}


def _invited_there(session: Session, code: str, user: User) -> bool:
    """Whether this code was mailed to this address, and so to nobody else: no page, paper or export ever shows the code of an invitation."""
    sent = (Invitation.email == user.email, Invitation.held.is_(None), ActivationCode.digest == keys.digest("activation", code))
    return session.scalar(select(Invitation.id).join(Invitation.code).where(*sent, ActivationCode.purpose == CodePurpose.invitation)) is not None


# --- at the door: counted, in transactions of their own ------------------------------------------------------------------------------


def limits_of(account: str, address: str) -> Limits:
    """What a failed try counts against: the account (or the e-mail), the address, the whole site (security.md 34)."""
    return throttle.code_limits(account, address)


def brake(limits: Limits) -> None:
    """Refuse with `TooManyTries` while one of the limits is reached."""
    wait = throttle.wait_seconds(*limits)
    db.session.rollback()
    if wait:
        log.warning("too many tries of activation codes")
        raise TooManyTries(wait)


def counted(limits: Limits, work: Callable[[], T]) -> T:
    """Do the work and commit; an unusable code undoes everything and counts as a failure."""
    try:
        done = work()
        db.session.commit()
    except UnusableCode:
        db.session.rollback()
        throttle.hit(*limits)
        raise
    except Refusal:
        db.session.rollback()
        raise
    return done


def add_child(typed_code: str, user_id: int, *, address: str) -> GuardianLink:
    """One more child for somebody who is signed in. Refused: a typing mistake (not counted), too many tries, an unusable code."""
    read_code(typed_code)
    limits = limits_of(f"user {user_id}", address)
    brake(limits)

    def work() -> GuardianLink:
        with unscoped("whoever types the code"):
            # Two codes typed at the same moment make one guardian, not two.
            user = db.session.get_one(User, user_id, with_for_update={"key_share": True})
        return redeem(db.session, typed_code, user)

    return counted(limits, work)


def register(typed_code: str, *, given_name: str, family_name: str, email: str, password: str, base_url: str, address: str, agent: str) -> Entry:
    """A new account by its first code, signed in at once. The code proves the child, not the mailbox: a mail leaves with the link that proves it.
    Only the code of an invitation, used with the very address that it was mailed to, proves the mailbox too.

    Refused: a typing mistake, a wrong e-mail or an easy password (not counted); too many tries; an unusable code; an e-mail that has
    an account (`HasAccount`, told only when the code is valid, which then stays unused).
    """
    code = read_code(typed_code)
    user = User(given_name=" ".join(given_name.split()), family_name=" ".join(family_name.split()), email=email, last_seen_at=utcnow())
    if not (user.given_name and user.family_name and user.email):
        raise Refusal(_("Your given name, your family name and your e-mail are needed. Fill them in."))
    names = [user.given_name, user.family_name, user.email.split("@")[0]]
    passwords.check(password, names, settings.everywhere("password_length"))
    limits = limits_of(f"name {login_name(email)}", address)
    brake(limits)
    # Hashed before anything is looked up: the answer takes as long whatever the code is, and no lock is held meanwhile.
    user.password_hash = passwords.hash_password(password)

    def work() -> Entry:
        with unscoped("whoever registers has no scope yet"):
            known = db.session.scalar(select(User.id).where(User.email == user.email))
            if known is not None:
                school = db.session.scalar(select(ActivationCode.school_id).where(*alive(keys.digest("activation", code))))
                raise UnusableCode if school is None or is_student_of(db.session, school, known) else HasAccount
        redeem(db.session, code, user)
        passwords.check(password, names, settings.strictest("password_length", user.id))  # of the school of the child: known by now
        with unscoped("a sign-in belongs to no school"):
            token = open_session(user, standing_of(user.id), address, agent)
            if _invited_there(db.session, code, user):
                user.email_confirmed_at = utcnow()
            else:
                ask_confirmation(user, base_url)
            db.session.add(LoginEvent(kind=LoginKind.signed_in, user_id=user.id, address=address[:60], agent=agent[:200]))
            db.session.flush()
        return Entry(token=token, user_id=user.id)

    return counted(limits, work)
