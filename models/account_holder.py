"""Who opened the account of a guardian, where it is not the person whom the record names: a letter may be used by another parent."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, or_, select

from models.access import User
from models.base import fold
from models.folding import folded
from models.people import Guardian
from models.words import _

_MAY_BE_MARKED = str.maketrans("aceinouy", "________")  # letters that a name may write with an accent
_FEWEST = 1  # other letters, so that not every account is folded


def _words(name: str) -> list[str]:
    return sorted(fold(name.replace("-", " ")).split())


def opened_by(record: str, name: str, email: str | None) -> str:
    """In words, whose account it is; nothing where the record has the same name, whatever its order, accents and capitals."""
    if not name or _words(record) == _words(name):
        return ""
    return str(_("Account opened by %(name)s (%(email)s)", name=name, email=email) if email else _("Account opened by %(name)s", name=name))


def holder(guardian: Guardian | None) -> str:
    """The same of a record whose account is loaded; nothing where there is none."""
    user = guardian.user if guardian is not None else None
    return opened_by(guardian.name, user.name, user.email) if guardian is not None and user is not None else ""


def held_by(word: str) -> Any:
    """The SQL of "the account's name or e-mail holds this folded word, a LIKE pattern already escaped by a backslash".

    Accounts have no folded key. Folding them all takes a second where there are 50,000: the plain texts narrow first, each letter that may
    carry an accent being any sign; a word of such letters alone is looked for in e-mails only.
    """
    user: Any = User.__table__
    name, pattern = user.c.given_name + " " + user.c.family_name, f"%{word}%"
    found: list[Any] = [func.coalesce(user.c.email, "").like(pattern, escape="\\")]  # (kept in lower case)
    loose = word.translate(_MAY_BE_MARKED)
    if sum(sign.isalnum() for sign in loose) >= _FEWEST:
        found.append(case((func.lower(name).like(f"%{loose}%", escape="\\"), folded(name).like(pattern, escape="\\")), else_=False))
    return Guardian.user_id.in_(select(user.c.id).where(or_(*found)))
