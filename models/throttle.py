"""Brakes on guessing: tries are rows, counted by what they are about. Shared by all workers, kept over a restart (security.md 1, 2, 34).

Every function works in a short transaction of its own, so that a try stays counted when what it was for is refused.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, insert, select

from models import keys, settings
from models.access import Throttle
from models.base import utcnow
from models.db import BEGIN, db
from models.scope import unscoped

_KEPT = dt.timedelta(days=2)  # the longest window below is a day
# Tries dated later than this were made before the clock was set back: they count no more, or they would hold somebody back until then.
_AHEAD = dt.timedelta(minutes=2)


@dataclass(frozen=True)
class Limit:
    """At most `tries` in the last `within`. With `delays` (minutes) the wait grows with each further try instead of ending with the window."""

    kind: str
    tries: int
    within: dt.timedelta
    delays: tuple[int, ...] = ()


# Sign-in (security.md 1 and 2). The pair is the account and where the try comes from: an address, or a device that signed in before.
LOGIN_PAIR = Limit("login_pair", 10, dt.timedelta(hours=12), delays=(1, 2, 4, 8, 15))
LOGIN_PAIR_SLOW = Limit("login_pair", 3, dt.timedelta(hours=12), delays=(1, 2, 4, 8, 15))
LOGIN_ADDRESS = Limit("login_address", 30, dt.timedelta(minutes=10))
LOGIN_ACCOUNT = Limit("login_account", 30, dt.timedelta(hours=1))
# The code after the password (security.md 12): the key is the person, or the person on a device that signed in before.
SECOND_STEP = Limit("second_step", 5, dt.timedelta(hours=12), delays=(1, 2, 5, 15, 30, 60))
# Activation codes (security.md 34).
CODE_ACCOUNT = Limit("code_account", 10, dt.timedelta(hours=1))
CODE_ADDRESS = Limit("code_address", 10, dt.timedelta(hours=1))
CODE_SITE = Limit("code_site", 1000, dt.timedelta(days=1))
# Reset links: asked for, and tried.
RESET_ACCOUNT = Limit("reset_account", 3, dt.timedelta(hours=1))
RESET_ADDRESS = Limit("reset_address", 20, dt.timedelta(hours=1))
TOKEN_ADDRESS = Limit("token_address", 20, dt.timedelta(hours=1))


def _key_hash(kind: str, key: str) -> str:
    return keys.digest("throttle " + kind, key)


def hit(*tries: tuple[Limit | str, str]) -> None:
    """Count one try for each (limit or kind, key), at once and for good. Raises RuntimeError when unsaved changes wait in the session:
    the count would save them too."""
    if db.session.new or db.session.dirty or db.session.deleted:
        raise RuntimeError("count a try before the changes it is for, or after they are rolled back")
    at = utcnow()
    kinds = [(limit if isinstance(limit, str) else limit.kind, key) for limit, key in tries]
    db.session.rollback()
    mode = BEGIN.set("IMMEDIATE")
    try:
        db.session.execute(insert(Throttle), [{"kind": kind, "key_hash": _key_hash(kind, key), "at": at} for kind, key in kinds])
        db.session.commit()
    finally:
        BEGIN.reset(mode)


def count(kind: str, key: str, since: dt.datetime) -> int:
    """How many tries of this kind for this key since then."""
    seen = (Throttle.kind == kind, Throttle.key_hash == _key_hash(kind, key), Throttle.at > since, Throttle.at < utcnow() + _AHEAD)
    with unscoped("counters belong to no school"):
        return db.session.scalar(select(func.count()).select_from(Throttle).where(*seen)) or 0


def wait_seconds(*tries: tuple[Limit, str]) -> int:
    """How long to wait before the next try, in whole seconds, 0 = now: the longest of the limits given."""
    return max((_wait(limit, key) for limit, key in tries), default=0)


def _wait(limit: Limit, key: str) -> int:
    now = utcnow()
    within = (Throttle.at > now - limit.within, Throttle.at < now + _AHEAD)
    look = select(Throttle.at).where(Throttle.kind == limit.kind, Throttle.key_hash == _key_hash(limit.kind, key), *within)
    with unscoped("counters belong to no school"):
        times: Sequence[dt.datetime] = db.session.scalars(look.order_by(Throttle.at.desc()).limit(limit.tries + len(limit.delays))).all()
    if len(times) < limit.tries:
        return 0
    if limit.delays:
        step = min(len(times) - limit.tries, len(limit.delays) - 1)
        until = times[0] + dt.timedelta(minutes=limit.delays[step])
    else:
        until = times[limit.tries - 1] + limit.within
    return max(0, math.ceil((until - now).total_seconds()))


def clear(limit: Limit, key: str) -> None:
    """Forget the tries for this key, in the caller's transaction: the person has shown who they are."""
    with unscoped("counters belong to no school"):
        db.session.execute(delete(Throttle).where(Throttle.kind == limit.kind, Throttle.key_hash == _key_hash(limit.kind, key)))


def sweep() -> None:
    """Drop the tries that no limit counts any more, in the caller's transaction."""
    with unscoped("counters belong to no school"):
        db.session.execute(delete(Throttle).where(Throttle.at < utcnow() - _KEPT))


def _chosen(limit: Limit, key: str) -> Limit:
    """A limit with the tries that the schools allow; the same whoever knocks, or it would tell which accounts exist."""
    return replace(limit, tries=settings.everywhere(key))


def code_limits(account: str, address: str) -> tuple[tuple[Limit, str], ...]:
    """What a wrong activation code counts against: the account (or the e-mail), the address, the whole site (security.md 34)."""
    return ((_chosen(CODE_ACCOUNT, "code_tries"), account), (_chosen(CODE_ADDRESS, "code_tries"), address), (CODE_SITE, "site"))


def login_limits(account: str, address: str, device: str = "") -> tuple[tuple[Limit, str], ...]:
    """The limits of one sign-in, each with its key.

    A known device has a count of its own and does not suffer from its neighbours. While an account is tried from many places, a
    stranger's place has 3 tries: a slow-down that locks nobody out.
    """
    pair = _chosen(LOGIN_PAIR, "sign_in_tries")
    if device:
        return ((pair, f"{account}|device {device}"),)
    slow = count(LOGIN_ACCOUNT.kind, account, utcnow() - LOGIN_ACCOUNT.within) >= LOGIN_ACCOUNT.tries
    return ((LOGIN_PAIR_SLOW if slow else pair, f"{account}|{address}"), (LOGIN_ADDRESS, address))
