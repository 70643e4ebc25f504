"""Whom a message reaches, and whom it does not and why: counted by the database, named page by page.

The students are those of the audience who are still there, within the reach of whoever sends (a teacher: only their own). Of each
student's people, those receive who have an account, and guardians only through an active link (S1-23, features section 0). Somebody with
two children counts once. A copy goes by e-mail to confirmed addresses; everybody else reads in their inbox.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, null, or_, select, true, union_all
from sqlalchemy.orm import Session

from models import rights
from models.access import User
from models.among import among
from models.base import Choice
from models.messages import Message, MessageRecipient, MessageTo
from models.people import Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Student, StudentStatus, group_member
from models.reach import GROUP_RULES
from models.school import Level
from models.scope import SCOPE, WHO, Scope
from models.studies import Programme
from models.words import _, _p

PAGE = 50

student, guardian, link, user = Student.__table__, Guardian.__table__, GuardianLink.__table__, User.__table__
recipient = MessageRecipient.__table__


class LeftOut(Choice):
    """Why somebody in the audience does not receive a message at all."""

    no_account = "no_account", _("No account yet"), "mute"
    suspended = "suspended", _("Link suspended"), "bad"
    to_check = "to_check", _("Link to check"), "warn"
    no_guardian = "no_guardian", _("No [guardian] on record"), "mute"
    gone = "gone", _p("message", "[student|Has left|Has left]"), "mute"


class NoCopy(Choice):
    """Why somebody receives in their inbox alone, without a copy by e-mail."""

    unconfirmed = "unconfirmed", _("E-mail address not confirmed"), "warn"
    no_address = "no_address", _("No e-mail address"), "mute"


@dataclass(frozen=True)
class Reached:
    """What sending would do now. `students` is about whom it is; `people` receive, of whom `copies` by e-mail too; `inbox_only` are those
    of the people without a copy, by reason; `left_out` those who receive nothing: one for each child of a guardian.
    """

    students: int
    people: int
    copies: int
    inbox_only: dict[NoCopy, int] = field(default_factory=dict)
    left_out: dict[LeftOut, int] = field(default_factory=dict)


class Person(NamedTuple):
    """Somebody who receives nothing, or no copy: their name (empty: nobody on record), the student's name and number."""

    name: str
    student: str
    student_id: int


# Who reads a list's own query string as the numbers of the students that it shows now (views/, where lists are).
_READERS: list[Callable[[str], list[int]]] = []


def reads_queries(reader: Callable[[str], list[int]]) -> Callable[[str], list[int]]:
    """Declare who reads the query of an audience of kind `filter`; the last one declared does."""
    _READERS[:] = [reader]
    return reader


def freshen(message: Message) -> None:
    """Let a draft that follows a list follow it as it is now. Before looking at it, and before sending; never in a job."""
    if message.audience.get("kind") == "filter" and _READERS:
        message.audience = {**message.audience, "ids": _READERS[0](message.audience.get("query", ""))}


# --- which students --------------------------------------------------------------------------------------------------------------


def within_reach() -> ColumnElement[bool]:
    """The students about whom the person who acts may write, by the right to send: a teacher's own; for everybody else those they read."""
    scope = SCOPE.get()
    if isinstance(scope, Scope) and rights.reach(WHO.get().roles, "message", "send") == "g":
        return GROUP_RULES[Student](scope)
    return true()


def _chosen(message: Message) -> ColumnElement[bool]:
    kind, ids = message.audience.get("kind"), message.audience.get("ids", [])
    if kind == "all":
        return true()
    if not ids:
        return false()
    if kind == "level":
        return Student.level_id.in_(select(Level.id).where(among(Level.id, ids)))
    if kind == "programme":
        return Student.programme_id.in_(select(Programme.id).where(among(Programme.id, ids)))
    if kind == "group":  # those that exist for the sender: what others share, one may write to
        seen = select(Group.id).where(among(Group.id, ids))
        inside = select(group_member.c.student_id).where(group_member.c.group_id.in_(seen))
        return or_(Student.homeroom_id.in_(seen.where(Group.category == GroupCategory.klass)), Student.id.in_(inside))
    chosen: ColumnElement[bool] = among(Student.id, ids)
    return chosen


def _all(message: Message) -> Select[Any]:
    return select(Student.id).where(Student.school_id == message.school_id, _chosen(message), within_reach())


def students(message: Message) -> Select[Any]:
    """The numbers of the students whom a message is about: those of the audience who have not left."""
    return _all(message).where(Student.status == StudentStatus.active)


# --- which people ----------------------------------------------------------------------------------------------------------------


def _to(message: Message, who: MessageTo) -> bool:
    return message.to in (who, MessageTo.both)


def _links(about: Select[Any]) -> Any:
    """Links, guardians and students of these: tables, which no scope limits; the students were found within it."""
    joined = link.join(guardian, guardian.c.id == link.c.guardian_id).join(student, student.c.id == link.c.student_id)
    return joined, link.c.student_id.in_(about)


def addressees(message: Message) -> Select[Any]:
    """(user_id, student_id, guardian_id) of all who receive, once for each person and child; guardian_id is empty for the student."""
    about, found = students(message), []
    if _to(message, MessageTo.guardians):
        joined, clause = _links(about)
        theirs = select(guardian.c.user_id, link.c.student_id, func.min(guardian.c.id).label("guardian_id")).select_from(joined)
        theirs = theirs.where(clause, link.c.status == LinkStatus.active.name, guardian.c.user_id.is_not(None))
        if _to(message, MessageTo.students):  # who is their own guardian receives as the student
            theirs = theirs.where(student.c.user_id.is_distinct_from(guardian.c.user_id))
        found.append(theirs.group_by(guardian.c.user_id, link.c.student_id))
    if _to(message, MessageTo.students):
        own = select(student.c.user_id, student.c.id.label("student_id"), null().label("guardian_id"))
        found.append(own.where(student.c.id.in_(about), student.c.user_id.is_not(None)))
    rows = union_all(*found).subquery("addressee")
    whole = select(rows.c.user_id, rows.c.student_id, rows.c.guardian_id)
    earlier = message.audience.get("unread_of")
    return whole if earlier is None else whole.where(rows.c.user_id.in_(_unread(message, earlier)))


def _unread(message: Message, earlier: int) -> Select[Any]:
    """The accounts that received an earlier message of the same school and have not read it: a reminder goes to nobody else."""
    theirs = select(recipient.c.user_id).where(recipient.c.message_id == earlier, recipient.c.school_id == message.school_id)
    return theirs.group_by(recipient.c.user_id).having(func.max(recipient.c.read_at).is_(None))


def copied() -> ColumnElement[bool]:
    """Of users: those who get a copy by e-mail."""
    return and_(user.c.email.is_not(None), user.c.email != "", user.c.email_confirmed_at.is_not(None))


def _people(message: Message) -> Select[Any]:
    there = addressees(message).subquery("reached")
    return select(user.c.id).where(user.c.id.in_(select(there.c.user_id)))


def resolve(session: Session, message: Message) -> Reached:
    """What sending this message now would do, for the person who acts. At most six statements, whatever the numbers; nobody is loaded."""
    about = students(message).subquery("about")
    number = session.scalar(select(func.count()).select_from(about)) or 0
    without = func.coalesce(user.c.email, "") == ""
    kinds = _people(message).with_only_columns(copied().label("copied"), without.label("without"), func.count()).group_by("copied", "without")
    counts: dict[Any, int] = {}
    for has_copy, nowhere, count in session.execute(kinds):
        key = "copies" if has_copy else NoCopy.no_address if nowhere else NoCopy.unconfirmed
        counts[key] = counts.get(key, 0) + count
    left = {reason: session.scalar(select(func.count()).select_from(_left_out(message, reason).subquery())) or 0 for reason in _asked(message)}
    return Reached(
        students=number,
        people=sum(counts.values()),
        copies=counts.get("copies", 0),
        inbox_only={reason: counts[reason] for reason in NoCopy if reason in counts},
        left_out={reason: count for reason, count in left.items() if count},
    )


def digest_of(session: Session, message: Message) -> str:
    """What somebody who reads the preview agrees to, in short: text, files and everybody who receives, child by child. Of a reminder without
    the people: who has read it meanwhile is left out by itself.
    """
    told = sha256(repr((message.subject, message.body, message.to.name, [(file.id, file.digest) for file in message.files])).encode())
    if "unread_of" not in message.audience:
        rows = addressees(message).subquery("reached")
        for row in session.execute(select(rows.c.user_id, rows.c.student_id).order_by(rows.c.user_id, rows.c.student_id)):
            told.update(b"%d:%d," % tuple(row))
    return told.hexdigest()


# --- who does not ----------------------------------------------------------------------------------------------------------------


def _asked(message: Message) -> list[LeftOut]:
    if "unread_of" in message.audience:  # who never received it is not reminded of it either
        return [LeftOut.suspended, LeftOut.gone]
    guardians = _to(message, MessageTo.guardians)
    return [reason for reason in LeftOut if guardians or reason in (LeftOut.no_account, LeftOut.gone)]


def _name(table: Any) -> Any:
    return func.trim(table.c.given_name + " " + table.c.family_name)


def _left_out(message: Message, reason: LeftOut) -> Select[Any]:
    """(name, student's name, student's number) of those whom this reason leaves out."""
    if reason is LeftOut.gone:
        gone = _all(message).where(Student.status == StudentStatus.left)
        return select(_name(student).label("name"), _name(student).label("about"), student.c.id.label("student_id")).where(student.c.id.in_(gone))
    about, found = students(message), []
    if reason is LeftOut.no_guardian:
        alone = select(literal("").label("name"), _name(student).label("about"), student.c.id.label("student_id"))
        return alone.where(student.c.id.in_(about), student.c.id.not_in(select(link.c.student_id)))
    if _to(message, MessageTo.guardians):
        joined, clause = _links(about)
        theirs = select(_name(guardian).label("name"), _name(student).label("about"), student.c.id.label("student_id")).select_from(joined)
        status = {LeftOut.suspended: LinkStatus.suspended, LeftOut.to_check: LinkStatus.to_check}.get(reason, LinkStatus.active)
        theirs = theirs.where(clause, link.c.status == status.name)
        found.append(theirs.where(guardian.c.user_id.is_(None)) if reason is LeftOut.no_account else theirs)
    if reason is LeftOut.no_account and _to(message, MessageTo.students):
        own = select(_name(student).label("name"), _name(student).label("about"), student.c.id.label("student_id"))
        found.append(own.where(student.c.id.in_(about), student.c.user_id.is_(None)))
    rows = union_all(*found).subquery("left_out")
    return select(rows.c.name, rows.c.about, rows.c.student_id)


def left_out(session: Session, message: Message, reason: LeftOut, page: int = 1, size: int = PAGE) -> list[Person]:
    """Those whom this reason leaves out, by the students' names; one page of them."""
    rows = _left_out(message, reason).subquery("named")
    order = select(rows.c.name, rows.c.about, rows.c.student_id).join(student, student.c.id == rows.c.student_id)
    order = order.order_by(student.c.search_key, student.c.id, rows.c.name).limit(size).offset((page - 1) * size)
    return [Person(*row) for row in session.execute(order)]


def without_copy(session: Session, message: Message, reason: NoCopy, page: int = 1, size: int = PAGE) -> list[Person]:
    """Those who receive in their inbox alone for this reason, by name; one page of them. The student is the first they follow."""
    there = addressees(message).subquery("reached")
    nowhere = func.coalesce(user.c.email, "") == ""
    clause = nowhere if reason is NoCopy.no_address else and_(~nowhere, user.c.email_confirmed_at.is_(None))
    first = select(there.c.user_id, func.min(there.c.student_id).label("student_id")).group_by(there.c.user_id).subquery("first")
    found = select(_name(user), _name(student), student.c.id).select_from(
        user.join(first, first.c.user_id == user.c.id).join(student, student.c.id == first.c.student_id)
    )
    found = found.where(clause).order_by(user.c.family_name, user.c.given_name, user.c.id).limit(size).offset((page - 1) * size)
    return [Person(*row) for row in session.execute(found)]
