"""The second step of a sign-in: a code that an application of one's phone shows (TOTP, RFC 6238), or one of ten recovery codes.

The secret is sealed with the server's key; the step that was used last is kept, so that neither the same code nor an earlier one ever
works again. Recovery codes are kept as keyed digests, each works once. Nothing of it is in the history, in an export or in the log.
Who may switch it on and off, and how a sign-in goes on, stand in `models/second_step.py`.
"""

from __future__ import annotations

import datetime as dt
import secrets
import unicodedata
from typing import Any, cast

import pyotp
from sqlalchemy import CursorResult, ForeignKey, delete, exists, func, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from models import keys
from models.access import STAFF, Membership, User
from models.base import Base, Identified, Refusal, utcnow
from models.db import db
from models.scope import unscoped
from models.words import _

DIGITS = 6
WINDOW = 1  # steps of 30 seconds before and after: a phone's clock is rarely right to the second
RECOVERY_CODES = 10
_RECOVERY_DIGITS = 12  # 40 bits: digits only, so that one field with a keyboard of figures takes both
HALF_LASTS = dt.timedelta(minutes=10)  # between the password and the code
# A last step further ahead than this was used before the server's clock was set back: it holds nobody up (security R11).
_AHEAD = 4
_SECRET, _HALF, _RECOVERY, _NEW = "two factor", "half sign-in", "recovery code", "two factor, not confirmed"


class TwoFactor(Base, Identified):
    """Somebody's second step. The row exists once a first code has confirmed that the phone and the server agree."""

    __tablename__ = "two_factor"
    __journal__ = False

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), unique=True)
    sealed: Mapped[str] = mapped_column(info={"private": True})
    last_step: Mapped[int] = mapped_column()
    confirmed_at: Mapped[dt.datetime] = mapped_column(default=utcnow)


class RecoveryCode(Base, Identified):
    """A code on paper for the day the phone is lost: kept as a digest, good once."""

    __tablename__ = "recovery_code"
    __journal__ = False

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True, info={"private": True})
    used_at: Mapped[dt.datetime | None] = mapped_column()


def has_one(user_id: Any) -> Any:
    """Whether a person has a second step, to put in a SELECT; `user_id` is a number or a column of the statement."""
    return exists().where(TwoFactor.user_id == user_id)


def is_on(user_id: int) -> bool:
    """Whether a code is asked of this person after the password."""
    with unscoped("a second step belongs to a person"):
        return bool(db.session.scalar(select(has_one(user_id))))


def holders(school_id: int | None) -> frozenset[int]:
    """The people with a role in this school who have a second step: for a list of them, in one statement."""
    with unscoped("a second step belongs to a person"):
        here = select(Membership.user_id).where(Membership.school_id == school_id)
        return frozenset(db.session.scalars(select(TwoFactor.user_id).where(TwoFactor.user_id.in_(here))))


def still_without(school_id: int | None) -> int:
    """How many colleagues of this school have no second step: each sets one up at their next page once it is compulsory."""
    with unscoped("a second step belongs to a person"):
        here = (Membership.school_id == school_id, Membership.role.in_(STAFF), Membership.active.is_(True))
        return db.session.scalar(select(func.count(Membership.user_id.distinct())).where(*here, ~has_one(Membership.user_id))) or 0


def since(user_id: int) -> dt.datetime | None:
    """When the person switched it on; None without."""
    with unscoped("a second step belongs to a person"):
        return db.session.scalar(select(TwoFactor.confirmed_at).where(TwoFactor.user_id == user_id))


def recovery_left(user_id: int) -> int:
    """How many recovery codes still work."""
    with unscoped("a second step belongs to a person"):
        mine = (RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
        return db.session.scalar(select(func.count(RecoveryCode.id)).where(*mine)) or 0


# --- the application on the phone ------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """A secret that nobody has yet, as applications read it."""
    return pyotp.random_base32()


def address_of(secret: str, name: str) -> str:
    """What the square says to the application: the secret, and under which name it is listed."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Scolabri")


def seal_new(user_id: int, secret: str) -> str:
    """A secret that no code has confirmed yet, for the person's own browser: nothing is written until then."""
    return keys.seal(_NEW, f"{user_id} {secret}")


def open_new(user_id: int, sealed: str) -> str:
    """The secret of `seal_new`; empty when there is none, or it is somebody else's."""
    try:
        owner, secret = keys.unseal(_NEW, sealed).split(" ")
    except ValueError:
        return ""
    return secret if owner == str(user_id) else ""


def _figures(typed: str) -> str:
    """The figures that were typed, however they are grouped; empty when there is anything else."""
    packed = "".join(sign for sign in unicodedata.normalize("NFKC", typed[:60]) if not sign.isspace() and sign != "-")
    return packed if packed.isascii() and packed.isdecimal() else ""


def _step_of(secret: str, code: str) -> int | None:
    """The step whose code this is: now, or one before or after."""
    clock = pyotp.TOTP(secret, digits=DIGITS)
    now = clock.timecode(utcnow())
    return next((step for step in (now, now - WINDOW, now + WINDOW) if secrets.compare_digest(clock.generate_otp(step), code)), None)


def switch_on(user_id: int, secret: str, typed: str) -> bool:
    """Keep the secret when the code is its own, in the caller's transaction; an earlier phone stops working. False for a wrong code."""
    code = _figures(typed)
    step = _step_of(secret, code) if len(code) == DIGITS else None
    if step is None:
        return False
    with unscoped("one's own second step"):
        db.session.execute(delete(TwoFactor).where(TwoFactor.user_id == user_id))
        db.session.add(TwoFactor(user_id=user_id, sealed=keys.seal(_SECRET, secret), last_step=step))
        db.session.flush()
    return True


def switch_off(user_id: int) -> bool:
    """Forget the secret and the recovery codes, in the caller's transaction. Whether there was one."""
    with unscoped("a second step belongs to a person"):
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        return _hit(delete(TwoFactor).where(TwoFactor.user_id == user_id))


def new_recovery_codes(user_id: int) -> list[str]:
    """Ten new codes, in the caller's transaction; the earlier ones die. Shown once: only digests are kept."""
    codes = [f"{secrets.randbelow(10**_RECOVERY_DIGITS):0{_RECOVERY_DIGITS}d}" for _one in range(RECOVERY_CODES)]
    with unscoped("one's own second step"):
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        db.session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code)) for code in codes)
        db.session.flush()
    return [" ".join(code[at : at + 4] for at in range(0, _RECOVERY_DIGITS, 4)) for code in codes]


def _hash(user_id: int, code: str) -> str:
    return keys.digest(_RECOVERY, f"{user_id} {code}")


def _hit(statement: Any) -> bool:
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount == 1


# --- proving -----------------------------------------------------------------------------------------------------------------------


def spend(user_id: int, typed: str) -> str:
    """Use a code up, in the caller's transaction: "code" or "recovery" says which kind it was, nothing that it is not right.

    One statement decides, so that of two browsers that type the same code at the same moment one wins.
    """
    code = _figures(typed)
    with unscoped("a second step belongs to a person"):
        if len(code) == _RECOVERY_DIGITS:
            good = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hash(user_id, code), RecoveryCode.used_at.is_(None))
            return "recovery" if _hit(update(RecoveryCode).where(*good).values(used_at=utcnow())) else ""
        sealed = db.session.scalar(select(TwoFactor.sealed).where(TwoFactor.user_id == user_id))
        step = _step_of(_unsealed(sealed), code) if sealed and len(code) == DIGITS else None
        if step is None:
            return ""
        unused = or_(TwoFactor.last_step < step, TwoFactor.last_step > step + _AHEAD)
        return "code" if _hit(update(TwoFactor).where(TwoFactor.user_id == user_id, unused).values(last_step=step)) else ""


def _unsealed(sealed: str) -> str:
    try:
        return keys.unseal(_SECRET, sealed)
    except ValueError as problem:
        raise Refusal(_("The key of this server has changed: no code can be checked any more. Ask the [school] to remove your second step.")) from problem


def half_of(user: User) -> str:
    """What a browser holds between the password and the code. It opens nothing: no session exists yet."""
    return keys.seal(_HALF, f"{user.id} {user.epoch} {int(utcnow().timestamp())}")


def read_half(sealed: str) -> tuple[int, int] | None:
    """(person, epoch) of `half_of`; None when it is over or none at all. A clock that is set back ends nothing."""
    try:
        user_id, epoch, at = map(int, keys.unseal(_HALF, sealed).split(" "))
    except ValueError:
        return None
    return None if utcnow().timestamp() - at > HALF_LASTS.total_seconds() else (user_id, epoch)
