"""Students' own accounts: opened by staff with a user name and no password, used from the first sign-in on.

A student has no account, an account that nobody has used yet, or one that is used: three states that follow from `student.user_id` and
the account's last sign-in, kept nowhere. Nobody reads or sets a student's password: the card of `models/access_cards.py` lets its reader
choose one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, event, exists, insert, or_, select, update
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper, Session, object_session, with_expression

from models.access import STAFF, Membership, Role, User, WebSession
from models.activation import ActivationCode, CodePurpose
from models.among import among
from models.base import Choice, Refusal, utcnow
from models.changes import record_changes
from models.journal import record_rows
from models.people import Guardian, Student, StudentStatus
from models.staff_words import propose
from models.words import _

PIECE = 500
_TRIES = 5  # of one piece: another writer may have taken one of its user names meanwhile (PostgreSQL; SQLite has one writer)

student, user, membership, guardian = Student.__table__, User.__table__, Membership.__table__, Guardian.__table__
card = ActivationCode.__table__


class OwnAccount(Choice):
    """Where a student's own account stands."""

    none = "none", _("No account"), "mute"
    unused = "unused", _("Account never used"), "info"
    used = "used", _("Account in use"), "ok"


def used_clause(user_id: Any = Student.user_id) -> Any:
    """The SQL of "somebody has signed in with this account". The table, not the class: no scope hides whether an account was used."""
    return exists().where(user.c.id == user_id, user.c.last_seen_at.is_not(None))


def account_clause(state: OwnAccount) -> Any:
    """The SQL of a state."""
    return {
        OwnAccount.none: Student.user_id.is_(None),
        OwnAccount.unused: and_(Student.user_id.is_not(None), ~used_clause()),
        OwnAccount.used: and_(Student.user_id.is_not(None), used_clause()),
    }[state]


def with_account() -> Any:
    """The option of a statement on students that brings each one's state, without a query more."""
    return with_expression(Student.account_word, case((Student.user_id.is_(None), "none"), (used_clause(), "used"), else_="unused"))


def account_of_all() -> Any:
    """The same word, asked of a whole school: the accounts in use are one set, worked out once."""
    used = Student.user_id.in_(select(user.c.id).where(user.c.last_seen_at.is_not(None)))
    return case((Student.user_id.is_(None), "none"), (used, "used"), else_="unused")


def with_user_name() -> Any:
    """The option of a statement on students that brings each one's user name. The table: whoever follows a student may tell it to them."""
    return with_expression(Student.user_name, select(user.c.username).where(user.c.id == Student.user_id).scalar_subquery())


def account_of(row: Student) -> OwnAccount | None:
    """The state of a student that was loaded `with_account`; None otherwise."""
    return OwnAccount[row.account_word] if row.account_word else None


def shared_clause(user_id: Any = Student.user_id) -> Any:
    """The SQL of "this account opens more than the student's own pages": its person works in a school, follows a child, or is a student
    elsewhere. No paper made here opens such an account."""
    works = exists().where(membership.c.user_id == user_id, membership.c.role.in_([role.name for role in (*STAFF, Role.invigilator)]))
    follows = exists().where(guardian.c.user_id == user_id)
    other = student.alias("elsewhere")
    return or_(works, follows, exists().where(other.c.user_id == user_id, other.c.school_id != Student.school_id))


def pieces(ids: Sequence[int], size: int = PIECE) -> Iterator[Sequence[int]]:
    """The identifiers, some at a time."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


# --- opening ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidates:
    """What a choice of students means for accounts: who has none yet (`ready`), how many have one, how many have left."""

    ready: list[int]
    have: int
    left: int


def look_at(session: Session, student_ids: Iterable[int]) -> Candidates:
    """Sort a choice of students before any account is opened; the number of statements does not grow with the rows."""
    ids = list(dict.fromkeys(student_ids))
    found: dict[int, tuple[StudentStatus, bool]] = {}
    for some in pieces(ids, 5_000):
        look = select(Student.id, Student.status, Student.user_id.is_not(None)).where(among(Student.id, some))
        found |= {student_id: (status, bool(has)) for student_id, status, has in session.execute(look)}
    have = sum(has for _status, has in found.values())
    ready = [i for i in ids if i in found and found[i] == (StudentStatus.active, False)]
    return Candidates(ready, have, len(found) - have - len(ready))


def open_account(session: Session, row: Student) -> User:
    """Give a student an account of their own: `given.family` as user name, no password. Refused for who has one, and for who has left."""
    if row.user_id is not None:
        raise Refusal(_("%(name)s already has an account. Print an access card instead."), name=str(row))
    if row.status is StudentStatus.left:
        raise Refusal(_("%(name)s has left: reactivate the record first."), name=str(row))
    session.flush()
    open_accounts(session, [row.id])
    return session.get_one(User, row.user_id)


def open_accounts(session: Session, student_ids: Iterable[int]) -> list[int]:
    """Give an account to each of these students who has none and has not left; who got one, in the caller's transaction.

    Statements for pieces of 500. Each has its lines in the history: the account created, and the student it was opened for.
    """
    opened: list[int] = []
    for some in pieces(list(dict.fromkeys(student_ids))):
        for _try in range(_TRIES):
            try:
                with session.begin_nested():
                    made = _open(session, some)
            except IntegrityError:
                continue
            break
        else:
            raise Refusal(_("Somebody is opening accounts of the same names at this moment. Try again."))
        opened += made
    return opened


def _open(session: Session, student_ids: Sequence[int]) -> list[int]:
    wanted = select(Student.id, Student.given_name, Student.family_name, Student.language).where(
        among(Student.id, student_ids), Student.user_id.is_(None), Student.status == StudentStatus.active
    )
    people = session.execute(wanted.order_by(Student.search_key, Student.id).with_for_update(of=Student)).all()
    if not people:
        return []
    names = user_names(session, [(given, family) for _id, given, family, _language in people])
    rows = [
        {"username": name, "given_name": given, "family_name": family, "language": language}
        for name, (_id, given, family, language) in zip(names, people, strict=True)
    ]
    session.connection().execute(insert(user), rows)  # type: ignore[arg-type]
    found = session.execute(select(user.c.username, user.c.id).where(user.c.username.in_(names)))
    known: dict[str, int] = {name: account for name, account in found if name}
    users = [known[name] for name in names]
    ids = [row[0] for row in people]
    given = update(student).where(student.c.id == bindparam("whose")).values(user_id=bindparam("account"))  # type: ignore[arg-type]
    session.connection().execute(given, [{"whose": i, "account": account} for i, account in zip(ids, users, strict=True)])
    record_rows(session, "created", "user", users)
    record_rows(session, "create_account", "student", ids)
    record_changes(session, "student", [(i, "user_id", None, account) for i, account in zip(ids, users, strict=True)])
    changed = set(ids)
    for row in [row for row in session.identity_map.values() if isinstance(row, Student)]:
        if (sa_inspect(row).identity or (0,))[0] in changed:
            session.expire(row, ["user_id"])
    return ids


def user_names(session: Session, people: Sequence[tuple[str, str]]) -> list[str]:
    """A free user name for each (given name, family name), unique in the whole installation. Looked for by the index on user names."""
    wanted = Counter(propose(given, family, ()) for given, family in people)

    def known(names: Iterable[str]) -> set[str]:
        return {name for name in session.scalars(select(user.c.username).where(user.c.username.in_(sorted(names)))) if name}

    taken = known(wanted)
    doubled = {name for name, many in wanted.items() if many > 1 or name in taken}
    last = 1
    while doubled:  # the numbers behind them, until each has enough that are free
        first, last = last + 1, 2 * last + 8
        taken |= known(f"{name}{n}" for name in doubled for n in range(first, last + 1))
        doubled = {name for name in doubled if sum(f"{name}{n}" not in taken for n in range(2, last + 1)) < wanted[name]}
    names = []
    for given, family in people:
        names.append(propose(given, family, taken))
        taken.add(names[-1])
    return names


# --- closing ---------------------------------------------------------------------------------------------------------------------


def close_accounts(session: Session, student_ids: Sequence[int]) -> None:
    """Who has left finds nothing open on coming back, in the caller's transaction: signed out everywhere, their unused cards revoked."""
    end_sessions(session.connection(), student_ids)
    revoke_cards(session, student_ids)


def revoke_cards(session: Session, student_ids: Sequence[int]) -> None:
    """The unused cards of these students open nothing any more, in the caller's transaction. Past the listener of values on purpose: what is
    closed stays closed when a leaving is undone.
    """
    unused = (card.c.purpose == CodePurpose.student.name, card.c.used_at.is_(None), card.c.revoked_at.is_(None))
    values = {"revoked_at": utcnow(), "sealed": "", "version": card.c.version + 1}
    for some in pieces(student_ids, 5_000):
        closed = update(card).where(among(card.c.student_id, some), *unused).values(values).returning(card.c.id)  # type: ignore[arg-type]
        ids = list(session.scalars(closed))
        for row in [row for row in session.identity_map.values() if ids and isinstance(row, ActivationCode)]:
            session.expire(row)
        record_rows(session, "revoke", "activation_code", ids)


def end_sessions(connection: Connection, student_ids: Sequence[int]) -> None:
    """Sign these students out everywhere, in the caller's transaction."""
    accounts = select(student.c.user_id).where(student.c.id.in_(student_ids), student.c.user_id.is_not(None))
    connection.execute(delete(WebSession.__table__).where(WebSession.__table__.c.user_id.in_(accounts)))  # type: ignore[arg-type]


@event.listens_for(Student, "after_update")
def _leaves(_mapper: Mapper[Any], _connection: Connection, row: Student) -> None:
    if row.user_id is not None and row.status is StudentStatus.left and sa_inspect(row).attrs.status.history.has_changes():
        session = object_session(row)
        if session is not None:
            close_accounts(session, [row.id])


def never_used(session: Session, user_ids: Iterable[int]) -> set[int]:
    """Of these accounts, those of students that nobody has signed in with or chosen a password for, and that open nothing else."""
    found: set[int] = set()
    alone = ~exists().where(membership.c.user_id == user.c.id) & ~exists().where(guardian.c.user_id == user.c.id)
    for some in pieces(list(user_ids), 5_000):
        look = select(user.c.id).where(among(user.c.id, some), user.c.password_hash == "", user.c.last_seen_at.is_(None), alone)
        found.update(session.scalars(look))
    return found


def nobodys(session: Session, user_ids: Iterable[int]) -> set[int]:
    """Of these accounts, those that open nothing: no role, no child, no student points to them. A deleted or merged student left them."""
    tables = (membership, guardian, student)
    alone = and_(*(~exists().where(table.c.user_id == user.c.id) for table in tables))
    return {i for some in pieces(list(user_ids), 5_000) for i in session.scalars(select(user.c.id).where(among(user.c.id, some), alone))}


def user_name_of(session: Session, user_id: int | None) -> str:
    """The user name of an account, whoever may see its person; empty for none."""
    return session.scalar(select(user.c.username).where(user.c.id == user_id)) or ""
