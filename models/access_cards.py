"""Access cards: a paper that lets a student choose the password of their own account, the first time and whenever it is forgotten.

A card carries a one-time code of the purpose `student`. Making one revokes the student's earlier unused one, so that at most one card of
each student opens something. Staff hold the paper, never the password; who has signed in before is told at the next sign-in.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.access import LoginEvent, LoginKind, User
from models.activation import ActivationCode, CodePurpose, generate, usable_clause
from models.among import among
from models.base import Refusal
from models.journal import record_rows
from models.people import Student, StudentStatus
from models.rights import reach
from models.scope import WHO, unscoped
from models.student_accounts import open_accounts, pieces, revoke_cards, shared_clause, used_clause
from models.words import _

MOST = 3_000  # cards asked for at once
NAMED = 20
_MANY = 5_000


@dataclass(frozen=True)
class Candidates:
    """What a choice of students means for cards: accounts never used, accounts in use, no account yet; how many have left; and the names
    of those whose account opens more than their own pages, which no paper of the school opens."""

    unused: list[int]
    used: list[int]
    without: list[int]
    left: int
    shared: list[str]


def may_open() -> bool:
    """Whether the person who acts may open accounts: all of the school's, or none."""
    return reach(WHO.get().roles, "student", "create_account") == "all"


def look_at(session: Session, student_ids: Iterable[int], within: Any = None) -> Candidates:
    """Sort a choice of students before any card is made; `within` is the clause of a verb that reaches less far than its reader."""
    found = Candidates([], [], [], 0, [])
    left = 0
    for some in pieces(list(dict.fromkeys(student_ids)), _MANY):
        look = select(Student.id, Student.family_name, Student.given_name, Student.status, Student.user_id, used_clause(), shared_clause())
        look = look.where(among(Student.id, some), *([] if within is None else [within]))
        for student_id, family, given, status, user_id, used, shared in session.execute(look.order_by(Student.search_key, Student.id)):
            if status is not StudentStatus.active:
                left += 1
            elif user_id is None:
                found.without.append(student_id)
            elif shared:
                found.shared.append(f"{family}, {given}")
            else:
                (found.used if used else found.unused).append(student_id)
    return Candidates(found.unused, found.used, found.without, left, found.shared)


def make_cards(session: Session, student_ids: Iterable[int], *, only_unused: bool | None, within: Any = None) -> list[int]:
    """Make the codes of the cards, in the caller's transaction: their identifiers. Who has no account gets one where the person who acts
    may open accounts; with `only_unused`, who signs in already is left alone. None where nobody was asked: who signs in already is left alone
    unless there is nobody else. The earlier unused cards of these students open nothing more.

    Refused: more than 3,000 at once, nobody who can be given one.
    """
    chosen = look_at(session, student_ids, within)
    opening = chosen.without if may_open() else []
    first = [*chosen.unused, *opening]
    ids = first if only_unused or (only_unused is None and first) else [*first, *chosen.used]
    if not ids:
        raise Refusal(_("None of the chosen can be given a card. Choose [students] who have an account, or open their accounts first."))
    if len(ids) > MOST:
        raise Refusal(_("At most %(most)d cards are made at once. Filter the list, then print them part by part."), most=MOST)
    open_accounts(session, opening)
    revoke_cards(session, ids)
    batch = generate(session, ids, quantity=1, only_missing=False, purpose=CodePurpose.student)
    record_rows(session, "print_access_cards", "student", ids)
    return batch.ids


def printable(session: Session, code_ids: Iterable[int]) -> list[int]:
    """Of these codes, those that a card can still be printed for, in the order in which cards are handed out: class, then name."""
    alive: list[int] = []
    for some in pieces(list(code_ids), _MANY):
        alive += session.scalars(select(ActivationCode.id).where(among(ActivationCode.id, some), usable_clause(CodePurpose.student)))
    return alive


@dataclass(frozen=True)
class CardTold:
    """A card of one's own account that its person is told of: when it was printed, when somebody chose a password with it (None: not yet)."""

    printed: dt.datetime
    used: dt.datetime | None


def cards_since(session: Session, user: User, entering: int | None = None) -> tuple[CardTold, ...]:
    """The cards that somebody printed for this account, or used, since its person last signed in with their password: told as they enter.

    Whoever enters by a card (`entering`, its code) is told of the last other one that was used: a password was chosen with it, and they
    may not know. Nobody is told of the card of a first access.
    """
    if user.last_seen_at is None:
        return ()
    c = ActivationCode
    look = select(c.id, c.created_at, c.used_at).join(Student, Student.id == c.student_id).where(Student.user_id == user.id, c.purpose == CodePurpose.student)
    with unscoped("the cards of one's own account"):
        cards = session.execute(look.where(or_(c.used_at.is_not(None), c.revoked_at.is_(None))).order_by(c.created_at, c.id)).all()
        used = sorted(when for _id, _printed, when in cards if when is not None)
        since = _first_access(session, user, used) if entering else _last_by_password(session, user.id, used) or _first_access(session, user, used)
    told = [CardTold(printed, when) for i, printed, when in cards if i != entering and (when or printed) > since]
    return tuple(sorted((card for card in told if card.used), key=lambda card: card.used or card.printed)[-1:] if entering else told)


def _first_access(session: Session, user: User, used: Sequence[dt.datetime]) -> dt.datetime:
    """When this account was first opened: by its first card, unless somebody had signed in before; then from the beginning."""
    e = LoginEvent
    before = select(e.id).where(e.user_id == user.id, e.kind == LoginKind.signed_in, e.at < used[0]).limit(1) if used else None
    return user.created_at if before is None or session.scalar(before) is not None else used[0]


def _last_by_password(session: Session, user_id: int, used: Sequence[dt.datetime]) -> dt.datetime | None:
    """When this person last signed in, but for the sign-ins that a card made: the first one after each use of a card is that card's."""
    e = LoginEvent
    look = select(e.at).where(e.user_id == user_id, e.kind == LoginKind.signed_in).order_by(e.at.desc(), e.id.desc()).limit(len(used) + 2)
    times = list(reversed(session.scalars(look).all()))
    by_card = {bisect_left(times, when) for when in used}
    return max((at for place, at in enumerate(times) if place not in by_card), default=None)
