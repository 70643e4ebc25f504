"""A card becomes a password: the paper code is the proof, one conditional UPDATE decides who had it first (models/redemption.py).

Used, expired, revoked, invented, of a student who has left, a guardian's code, an exam's: one calm sentence, counted as a failure. A typing
mistake is told before anything is looked up, and counts for nothing (security.md 32 to 37). A card opens the student's own pages and
nothing else: an account that opens more is left alone, and the second step of a sign-in is still asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from models import keys, passwords, settings, two_factor
from models.access import Role, User
from models.accounts import Entry, let_in, rules_for, set_password
from models.activation import ActivationCode, CodePurpose, read_code
from models.base import Refusal
from models.db import db
from models.journal import record
from models.people import Student
from models.redemption import UnusableCode, alive, brake, counted, limits_of, take
from models.scope import BATCH, Actor, Scope, acting, unscoped
from models.sessions import standing_of
from models.student_accounts import shared_clause
from models.words import _

__all__ = ["Holder", "activate", "whose"]


@dataclass(frozen=True)
class Holder:
    """Whose card it is, told to whoever holds it; `used`: somebody has signed in with this account before."""

    username: str
    name: str
    school: str
    language: str
    used: bool


def _owner(digest: str) -> tuple[Student, User] | None:
    """The student of a card that still opens something, with the account; without a scope."""
    look = select(Student, User).join(ActivationCode, ActivationCode.student_id == Student.id).join(User, User.id == Student.user_id)
    found = db.session.execute(look.where(*alive(digest, CodePurpose.student), ~shared_clause())).first()
    return (found[0], found[1]) if found else None


def whose(typed_code: str, *, address: str) -> Holder:
    """Whose card this is; nothing is spent. Refused: a typing mistake (not counted), too many tries, an unusable code."""
    digest = keys.digest("activation", read_code(typed_code))
    limits = limits_of(f"address {address}", address)
    brake(limits)

    def work() -> Holder:
        with unscoped("the code is the secret"):
            found = _owner(digest)
            if found is None:
                raise UnusableCode
            student, user = found
            return Holder(user.username or user.email or "", student.name, student.school.name, student.language, user.last_seen_at is not None)

    return counted(limits, work)


def activate(typed_code: str, password: str, *, address: str, agent: str) -> Entry:
    """Choose the password of one's own account by a card, and enter. Everything else that was signed in is signed out; the person is told
    by mail where the account has an address.

    Refused: a typing mistake or an easy password (not counted), too many tries, an unusable code. An easy password leaves the card good.
    """
    digest = keys.digest("activation", read_code(typed_code))
    limits = limits_of(f"address {address}", address)
    brake(limits)
    with unscoped("the code is the secret"):
        found = _owner(digest)
        names, shortest = rules_for(found[1]) if found else ([], int(settings.everywhere("password_length")))
    db.session.rollback()
    passwords.check(password, names, shortest)
    hashed = passwords.hash_password(password)  # before the code is looked at again: the answer takes as long whatever it is

    def work() -> Entry:
        with unscoped("the code is the secret"):
            code = take(db.session, digest, CodePurpose.student)
            user = db.session.scalar(select(User).where(User.id == code.student.user_id))
            if user is None or db.session.scalar(select(Student.id).where(Student.id == code.student_id, shared_clause())):
                raise UnusableCode
            db.session.execute(update(ActivationCode).where(ActivationCode.id == code.id).values(used_by_id=user.id))
            set_password(user, hashed, address, agent)
        actor = Actor(user_id=user.id, name=str(user), roles=frozenset({Role.student.name}), language=user.language or "fr")
        with acting(actor, Scope(school_id=code.school_id, user_id=user.id), BATCH.get()):
            record(db.session, "activate", "student", code.student_id)
        with unscoped("a sign-in belongs to no school"):
            standing = standing_of(user.id)
            if not standing:
                raise Refusal(_("Your access is closed today. Ask your [school]."))
            if two_factor.is_on(user.id):
                db.session.flush()
                return Entry(user_id=user.id, half=two_factor.half_of(user))
            return let_in(user, standing, address, agent, card=code.id)

    return counted(limits, work)
