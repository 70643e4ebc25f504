"""One's own account: signing in, choosing a password, the one-time links that allow it.

Nobody reads, sets or mails a password of somebody else (security.md, decision 8): staff give a one-time link or letter. What is
slow (argon2) never stands inside a write transaction, so these functions end the transactions they begin.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import CursorResult, func, or_, select, update

from models import keys, passwords, sessions, settings, throttle, two_factor
from models.access import STAFF, LoginEvent, LoginKind, Membership, ResetToken, Role, User
from models.access_cards import CardTold, cards_since
from models.activation import ALPHABET
from models.base import Refusal, utcnow
from models.db import db
from models.journal import record
from models.people import Guardian, Student
from models.school import School
from models.scope import unscoped
from models.standing import Standing, standing_of
from models.words import _, in_language
from models.work import OutgoingMail

LIVES = {
    "mail": dt.timedelta(minutes=30),
    "invite": dt.timedelta(days=7),
    "shown": dt.timedelta(days=7),
    "letter": dt.timedelta(days=30),
    "confirm": dt.timedelta(days=7),
}


class DeadLinkError(Refusal):
    """A one-time link that is unknown, used, out of time, or older than the person's password or e-mail."""


_PROVES_EMAIL = frozenset({"mail", "invite"})  # the link travelled by mail only: who uses it reads that mailbox


@dataclass(frozen=True)
class Entry:
    """What became of a try to sign in: a token, or a wait in seconds, or neither. `closed`: right password, nothing open today.

    `half`: right password, and a code is still to come (`models/second_step.py`). What is told at the first page: `letters`, `cards` and `removed`,
    when a reset letter or an access card was printed (or used) or the second step removed since the last sign-in;
    `left`, the recovery codes that remain after one was used.
    """

    token: str = ""
    user_id: int | None = None
    wait: int = 0
    closed: bool = False
    half: str = ""
    letters: tuple[dt.datetime, ...] = field(default=())
    cards: tuple[CardTold, ...] = field(default=())
    removed: tuple[dt.datetime, ...] = field(default=())
    left: int | None = None


def login_name(typed: str) -> str:
    """What somebody typed as user name or e-mail, as it is kept."""
    return typed.strip().casefold()


def find_user(typed: str) -> User | None:
    """The person with this user name or e-mail, in the whole installation."""
    name = login_name(typed)
    if not name or "\0" in name:
        return None
    with unscoped("whoever signs in has no scope yet"):
        return db.session.scalar(select(User).where(or_(User.username == name, User.email == name)))


def device_mark(user_id: int) -> str:
    """What the device cookie keeps to say that this person signed in there."""
    return keys.digest("device", str(user_id))[:16]


def sign_in(typed: str, password: str, *, address: str, agent: str, device: str = "", marks: tuple[str, ...] = ()) -> Entry:
    """Open a session, or count the failure. The same work and the same writes for known and unknown names.

    `device` and `marks` come from the device cookie: a device where this person signed in before has a count of its own.
    """
    user = find_user(typed)
    user_id, stored = (user.id, user.password_hash) if user else (None, "")
    account = f"user {user_id}" if user_id else f"name {login_name(typed)}"
    known = device if user_id and device_mark(user_id) in marks else ""
    limits = throttle.login_limits(account, address, known)
    wait = throttle.wait_seconds(*limits)
    db.session.rollback()
    if wait:
        return Entry(wait=wait)
    if not passwords.verify(stored, password):
        throttle.hit(*{*limits, (throttle.LOGIN_ADDRESS, address), (throttle.LOGIN_ACCOUNT, account)})
        note(LoginKind.refused, user_id, address, agent)
        db.session.commit()
        return Entry(wait=throttle.wait_seconds(*limits))
    assert user_id is not None  # noqa: S101 (nobody's password is never right)
    fresh = passwords.hash_password(password) if passwords.outdated(stored) else stored
    return _enter(user_id, stored, fresh, limits, address, agent)


def _enter(user_id: int, stored: str, fresh: str, limits: tuple[tuple[throttle.Limit, str], ...], address: str, agent: str) -> Entry:
    with unscoped("whoever signs in has no scope yet"):
        user = db.session.get(User, user_id)
        standing = standing_of(user_id)
        if user is None or user.password_hash != stored or not standing:
            note(LoginKind.refused, user_id, address, agent)
            db.session.commit()
            return Entry(closed=not standing)
        throttle.clear(*limits[0])
        throttle.sweep()
        # Not an edit of the person's record: no line in the history, no new version.
        db.session.execute(update(User).where(User.id == user_id).values(password_hash=fresh, updated_at=User.updated_at))
        if two_factor.is_on(user_id):
            db.session.commit()
            return Entry(user_id=user_id, half=two_factor.half_of(user))
        entry = let_in(user, standing, address, agent)
        db.session.commit()
    return entry


def let_in(user: User, standing: Standing, address: str, agent: str, *, left: int | None = None, card: int | None = None) -> Entry:
    """Open the session of somebody who has shown all that is asked of them, in the caller's transaction; `left`: see `Entry`; `card`: the
    code of the access card that was shown instead of a password."""
    before = user.last_seen_at or user.created_at
    printed = (ResetToken.user_id == user.id, ResetToken.purpose == "letter", ResetToken.created_at > before)
    letters = tuple(db.session.scalars(select(ResetToken.created_at).where(*printed).order_by(ResetToken.created_at)))
    gone = (LoginEvent.user_id == user.id, LoginEvent.kind == LoginKind.second_step_removed, LoginEvent.at > before)
    removed = tuple(db.session.scalars(select(LoginEvent.at).where(*gone).order_by(LoginEvent.at)))
    cards = cards_since(db.session, user, card)
    token = sessions.open_session(user, standing, address, agent, proved=True)
    db.session.execute(update(User).where(User.id == user.id).values(last_seen_at=utcnow(), updated_at=User.updated_at))
    note(LoginKind.signed_in, user.id, address, agent)
    return Entry(token=token, user_id=user.id, letters=letters, cards=cards, removed=removed, left=left)


def sign_out(session_id: int, user_id: int, address: str, agent: str) -> None:
    """End this browser's session; a copied cookie is dead at once."""
    sessions.end(session_id)
    note(LoginKind.signed_out, user_id, address, agent)
    db.session.commit()


def note(kind: LoginKind, user_id: int | None, address: str, agent: str) -> None:
    """Write what happened at the door, in the caller's transaction."""
    with unscoped("a sign-in belongs to no school"):
        db.session.add(LoginEvent(kind=kind, user_id=user_id, address=address[:60], agent=agent[:200]))
        db.session.flush()


# --- choosing a password -------------------------------------------------------------------------------------------------------


def names_around(user: User) -> list[str]:
    """The names that must not make up this person's password: theirs and their schools'."""
    with unscoped("the names of a person's schools, to refuse them in a password"):
        mine = [select(table.school_id).where(table.user_id == user.id) for table in (Membership, Guardian, Student)]
        schools = db.session.scalars(select(School.name).where(or_(*(School.id.in_(ids) for ids in mine))))
        return [user.given_name, user.family_name, user.username or "", (user.email or "").split("@")[0], *schools]


def rules_for(user: User) -> tuple[list[str], int]:
    """What binds this person's next password, as `passwords.check` takes it: the names that do not make one up, the shortest length that
    one of their schools asks for."""
    return names_around(user), settings.strictest("password_length", user.id)


def change_password(user_id: int, current: str, new: str, *, address: str, agent: str) -> None:
    """One's own password: asks the current one, ends all sessions (the view renews its own), tells by mail.

    Refused: a wrong current password (counted like a sign-in), a new one that `passwords.check` refuses.
    """
    with unscoped("one's own account"):
        rules = rules_for(db.session.get_one(User, user_id))
    check_current(user_id, current, address=address)
    passwords.check(new, *rules)
    hashed = passwords.hash_password(new)
    with unscoped("one's own account"):
        set_password(db.session.get_one(User, user_id), hashed, address, agent)
        db.session.commit()


def check_current(user_id: int, current: str, *, address: str) -> None:
    """That who sits at the keyboard is who signed in. Ends the transaction it begins: what is slow never stands inside one.

    Refused: a wrong password (counted like a sign-in), too many tries.
    """
    with unscoped("one's own account"):
        stored = db.session.get_one(User, user_id).password_hash
    limits = throttle.login_limits(f"user {user_id}", address)
    wait = throttle.wait_seconds(*limits)
    db.session.rollback()
    if wait:
        raise Refusal(_("Too many tries. Wait %(minutes)d min, then try again."), minutes=-(-wait // 60))
    if not passwords.verify(stored, current):
        throttle.hit(*limits)
        raise Refusal(_("The current password is not right. Type it again."))


def set_password(user: User, hashed: str, address: str, agent: str) -> None:
    """Earlier links and all sessions die with the epoch; the person is told."""
    user.password_hash = hashed
    user.epoch += 1
    sessions.end_all(user.id)
    note(LoginKind.password_changed, user.id, address, agent)
    if user.email:
        with in_language(user.language or "fr"):
            body = _(
                "Hello,\n\nThe password of your Scolabri account was changed. All devices were signed out.\nIf it was not you, tell the [school] at once.\n"
            )
            OutgoingMail.queue(user.email, str(_("Your password was changed")), str(body), to_name=user.name, language=user.language or "fr")


# --- one-time links ------------------------------------------------------------------------------------------------------------


def letter_secret() -> str:
    """A secret short enough to be typed from paper: `XXXX-XXXX-XXXX-XXXX`, 78 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _sign in range(4)) for _group in range(4))


def new_token(user: User, purpose: str, secret: str = "") -> str:
    """A one-time secret to choose a password, in the caller's transaction; earlier ones of this purpose die. Only its digest is kept."""
    secret = secret or secrets.token_urlsafe(32)
    now = utcnow()
    with unscoped("a reset link belongs to a person, not to a school"):
        earlier = (ResetToken.user_id == user.id, ResetToken.purpose == purpose, ResetToken.used_at.is_(None))
        db.session.execute(update(ResetToken).where(*earlier).values(used_at=now))
        db.session.add(
            ResetToken(user_id=user.id, token_hash=_digest(secret), purpose=purpose, epoch=user.epoch, expires_at=now + LIVES[purpose], created_at=now)
        )
        db.session.flush()
    return secret


def _digest(secret: str) -> str:
    """Long secrets count as they are; a letter's is the same with or without dashes, in any case."""
    typed = secret.strip()
    if len(typed) < 40:
        typed = "".join(sign for sign in typed.upper() if sign.isalnum())
    return keys.digest("reset", typed)


def find_token(secret: str, *, confirm: bool = False) -> ResetToken | None:
    """The link behind a secret while it works: not used, not expired, made since the last change of password or e-mail.

    `confirm`: one that confirms an e-mail; such a link never opens a password, nor the other way round.
    """
    with unscoped("the link is the secret"):
        look = select(ResetToken).join(User, User.id == ResetToken.user_id).where(ResetToken.token_hash == _digest(secret), ResetToken.epoch == User.epoch)
        kind = (ResetToken.purpose == "confirm") == confirm
        return db.session.scalar(look.where(ResetToken.used_at.is_(None), ResetToken.expires_at > utcnow(), kind))


def ask_reset(typed: str, base_url: str, *, address: str, agent: str) -> int:
    """Mail a link to whoever has this name and a confirmed e-mail; the answer is the same when there is nobody.

    Returns the seconds to wait when this address asked too often, else 0. More than three links an hour for one person are not sent.
    """
    wait = throttle.wait_seconds((throttle.RESET_ADDRESS, address))
    if wait:
        return wait
    user = find_user(typed)
    user_id = user.id if user else None
    account = f"user {user_id}" if user_id else f"name {login_name(typed)}"
    often = throttle.wait_seconds((throttle.RESET_ACCOUNT, account)) > 0
    throttle.hit((throttle.RESET_ADDRESS, address), (throttle.RESET_ACCOUNT, account))
    with unscoped("whoever asks has no scope yet"):
        note(LoginKind.reset_asked, user_id, address, agent)
        user = db.session.get(User, user_id) if user_id else None
        if user is not None and user.email and user.email_confirmed_at and not often and standing_of(user.id):
            link = f"{base_url.rstrip('/')}/reset/{new_token(user, 'mail')}"
            with in_language(user.language or "fr"):
                body = _(
                    "Hello,\n\nSomebody asked to choose a new password for your Scolabri account. To do it, open this address within 30 minutes:\n\n"
                    "%(link)s\n\nIf it was not you, do nothing: your password stays as it is.\n",
                    link=link,
                )
                subject = str(_("Choose a new password"))
                OutgoingMail.queue(user.email, subject, str(body), to_name=user.name, language=user.language or "fr", secret=True)
        db.session.commit()
    return 0


def reset(secret: str, password: str, *, address: str, agent: str) -> None:
    """Choose a password by a one-time link. Of two tries at once, one wins.

    Refused: a link that no longer works, a password that `passwords.check` refuses (the link stays good).
    """
    dead = DeadLinkError(_("This link no longer works: it was used, or its time is over. Ask for another one."))
    found = find_token(secret)
    if found is None:
        throttle.hit((throttle.TOKEN_ADDRESS, address))
        raise dead
    with unscoped("the link is the secret"):
        user = db.session.get_one(User, found.user_id)
        token_id, user_id, epoch, rules = found.id, user.id, user.epoch, rules_for(user)
    db.session.rollback()
    passwords.check(password, *rules)
    hashed = passwords.hash_password(password)
    with unscoped("the link is the secret"):
        open_still = (ResetToken.id == token_id, ResetToken.used_at.is_(None), ResetToken.expires_at > utcnow())
        won = cast(CursorResult[Any], db.session.execute(update(ResetToken).where(*open_still).values(used_at=utcnow()))).rowcount == 1
        user = db.session.get_one(User, user_id)
        if not won or user.epoch != epoch:
            db.session.rollback()
            raise dead
        purpose = db.session.get_one(ResetToken, token_id).purpose
        if purpose in _PROVES_EMAIL and user.email:
            user.email_confirmed_at = user.email_confirmed_at or utcnow()
        set_password(user, hashed, address, agent)
        db.session.commit()


def ask_confirmation(user: User, base_url: str) -> None:
    """Mail a link that proves the mailbox, in the caller's transaction. Refused without an e-mail, when it is confirmed, and too often."""
    if not user.email or user.email_confirmed_at:
        raise Refusal(_("This e-mail is already confirmed."))
    recent = (ResetToken.user_id == user.id, ResetToken.purpose == "confirm", ResetToken.created_at > utcnow() - throttle.RESET_ACCOUNT.within)
    with unscoped("one's own account"):
        if (db.session.scalar(select(func.count(ResetToken.id)).where(*recent)) or 0) >= throttle.RESET_ACCOUNT.tries:
            raise Refusal(_("Several mails have left already. Look among the unwanted ones, or try again in an hour."))
    link = f"{base_url.rstrip('/')}/account/confirm/{new_token(user, 'confirm')}"
    with in_language(user.language or "fr"):
        body = _(
            "Hello,\n\nTo confirm that this address is yours, sign in to Scolabri and open this address within 7 days:\n\n%(link)s\n\n"
            "If you have no account there, do nothing.\n",
            link=link,
        )
        OutgoingMail.queue(user.email, str(_("Confirm your e-mail")), str(body), to_name=user.name, language=user.language or "fr", secret=True)


def confirm_email(user: User, secret: str) -> None:
    """The person reads this mailbox, in the caller's transaction. Refused for a link that no longer works, or is somebody else's."""
    found = find_token(secret, confirm=True)
    if found is None or found.user_id != user.id:
        raise DeadLinkError(_("This link no longer works: it was used, or its time is over. Ask for another one."))
    found.used_at = user.email_confirmed_at = utcnow()


def check_letter(guardian: Guardian) -> None:
    """Refuse a reset letter for somebody without an account, who works in a school, or whom another school follows.

    A letter made here would open what they see there.
    """
    if guardian.user_id is None:
        raise Refusal(_("%(name)s has no account yet. Print an access letter instead."), name=guardian.name)
    staff_here = select(Membership.id).where(Membership.user_id == guardian.user_id, Membership.role.in_((*STAFF, Role.invigilator)))
    tables = (Membership, Guardian, Student)
    elsewhere = [select(table.id).where(table.user_id == guardian.user_id, table.school_id != guardian.school_id).exists() for table in tables]
    with unscoped("does another school share this person?"):
        works, shared = db.session.execute(select(staff_here.exists(), or_(*elsewhere))).one()
    if works:
        raise Refusal(_("%(name)s works in a [school]: the link is sent from the screen of users."), name=guardian.name)
    if shared:
        raise Refusal(_("%(name)s is also followed by another [school]. They choose a new password by “Forgotten password”."), name=guardian.name)


def reset_letter(guardian: Guardian, secret: str) -> None:
    """Make `secret` (see `letter_secret`) open the guardian's account, once, for 30 days; in the caller's transaction, with its line in
    the history. Refuses what `check_letter` refuses."""
    check_letter(guardian)
    with unscoped("a login belongs to no school"):
        user = db.session.get_one(User, guardian.user_id)
    new_token(user, "letter", secret)
    record(db.session, "print_reset_letter", "guardian", guardian.id, school_id=guardian.school_id)
