"""What became of a message that was sent: who has read it, in numbers and by name; a new draft made of it; the messages about one student.

Counted by the database, named page by page. The rows of addressees exist where the message does, so that names are read from the tables
themselves: a teacher still sees to whom they wrote when a student has left their group.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, delete, distinct, false, func, select
from sqlalchemy.orm import Session, undefer

from models.access import User
from models.account_holder import opened_by
from models.base import Refusal, utcnow
from models.messages import LONGEST_SUBJECT, Message, MessageFile, MessageRecipient, MessageState, tidy_audience, untouched
from models.people import Group, Guardian, Student
from models.scope import WHO
from models.words import _
from models.work import MailState, OutgoingMail

PAGE = 50
PIECE = 500  # people read at once for an export

_r, _user, _student, _guardian = MessageRecipient, User.__table__, Student.__table__, Guardian.__table__


@dataclass(frozen=True)
class Which:
    """Which of the addressees are looked at: those who have read (True) or not (False), those of a class (its number)."""

    read: bool | None = None
    klass: int | None = None


class Line(NamedTuple):
    """One addressee: their name, the children whom the message is about ("" where it is the student in person), when they read it, their copy by mail;
    who opened the account, where the record names somebody else."""

    user_id: int
    name: str
    about: list[str]
    read_at: dt.datetime | None
    copy: MailState | None
    opened_by: str = ""


def read_counts(session: Session, ids: list[int]) -> dict[int, int]:
    """How many people have read each of these messages; nobody is not named."""
    rows = select(_r.message_id, func.count(distinct(_r.user_id))).where(_r.message_id.in_(ids), _r.read_at.is_not(None))
    return {row[0]: row[1] for row in session.execute(rows.group_by(_r.message_id))}


def copies(session: Session, message: Message) -> dict[MailState, int]:
    """How many of the copies that its addressees get stand in each state, every state named: a test to oneself is none of them."""
    mail = OutgoingMail.__table__
    theirs = select(_r.mail_id).where(_r.message_id == message.id, _r.mail_id.is_not(None))
    found = session.execute(select(mail.c.state, func.count()).where(mail.c.id.in_(theirs)).group_by(mail.c.state))
    return dict.fromkeys(MailState, 0) | {row[0]: row[1] for row in found}


def _users(message: Message, which: Which) -> Select[Any]:
    found = select(_r.user_id).where(_r.message_id == message.id)
    if message.state is MessageState.failed:  # stopped before anybody received it
        found = found.where(false())
    if which.klass is not None:
        found = found.where(_r.student_id.in_(select(_student.c.id).where(_student.c.homeroom_id == which.klass)))
    found = found.group_by(_r.user_id)
    seen = func.max(_r.read_at)
    return found if which.read is None else found.having(seen.is_not(None) if which.read else seen.is_(None))


def count(session: Session, message: Message, which: Which) -> int:
    """How many people these are."""
    return session.scalar(select(func.count()).select_from(_users(message, which).subquery())) or 0


def lines(session: Session, message: Message, which: Which, page: int = 0, size: int = PAGE) -> list[Line]:
    """One page of them, by name; three statements."""
    chosen = _users(message, which).subquery("chosen")
    order = select(_user.c.id, _user.c.given_name, _user.c.family_name, _user.c.email).join(chosen, chosen.c.user_id == _user.c.id)
    order = order.order_by(_user.c.family_name, _user.c.given_name, _user.c.id).limit(size).offset(page * size)
    people = {row.id: (f"{row.given_name} {row.family_name}".strip(), row.email) for row in session.execute(order)}
    about: dict[int, list[str]] = {i: [] for i in people}
    read: dict[int, dt.datetime | None] = dict.fromkeys(people)
    copy: dict[int, MailState | None] = dict.fromkeys(people)
    records: dict[int, list[str]] = {i: [] for i in people}
    said = (_guardian.c.given_name + " " + _guardian.c.family_name).label("record")
    rows = select(_r.user_id, _r.guardian_id, _r.read_at, _r.mail_id, _student.c.given_name, _student.c.family_name, said)
    rows = (
        rows.join(_student, _student.c.id == _r.student_id)
        .outerjoin(_guardian, _guardian.c.id == _r.guardian_id)
        .where(_r.message_id == message.id, _r.user_id.in_(people))
        .order_by(_r.id)
    )
    mails: dict[int, int] = {}
    for row in session.execute(rows):
        if row.guardian_id is not None:
            about[row.user_id].append(f"{row.given_name} {row.family_name}")
            records[row.user_id].append((row.record or "").strip())
        read[row.user_id] = row.read_at or read[row.user_id]
        if row.mail_id:
            mails[row.mail_id] = row.user_id
    if mails:
        states = select(OutgoingMail.__table__.c.id, OutgoingMail.__table__.c.state).where(OutgoingMail.__table__.c.id.in_(mails))
        for mail_id, state in session.execute(states):
            copy[mails[mail_id]] = state
    found = []
    for i, (name, email) in people.items():
        others = [] if not all(opened_by(record, name, email) for record in records[i]) else [record for record in records[i] if record]
        found.append(Line(i, others[0] if others else name, about[i], read[i], copy[i], opened_by(others[0], name, email) if others else ""))
    return found


def everybody(session: Session, message: Message, which: Which) -> Iterator[list[Line]]:
    """All of them, piece by piece."""
    page = 0
    while piece := lines(session, message, which, page, PIECE):
        yield piece
        page += 1


def classes(session: Session, message: Message) -> list[tuple[int, str]]:
    """The classes of the students whom the message is about: (number, name)."""
    group = Group.__table__
    about = select(_student.c.homeroom_id).join(_r, _r.student_id == _student.c.id).where(_r.message_id == message.id)
    return [(row.id, row.name) for row in session.execute(select(group.c.id, group.c.name).where(group.c.id.in_(about)).order_by(group.c.name).limit(200))]


# --- drafts made of it -------------------------------------------------------------------------------------------------------------------


def draft(session: Session, audience: dict[str, Any], **values: Any) -> Message:
    """A new draft of whoever acts. One of theirs that was left without a word is taken again, so that looking does not fill the list: only
    one about the same people, for it may stand open in another window.
    """
    me, same = WHO.get().user_id, tidy_audience(audience)
    bare = session.scalars(select(Message).where(Message.requested_by_id == me, untouched()).options(undefer(Message.audience)).order_by(Message.id).limit(50))
    found = next((one for one in bare if one.audience == same), None)
    if found is None:
        found = Message(requested_by_id=me)
        session.add(found)
    found.audience = same
    for name, value in values.items():
        setattr(found, name, value)
    session.flush()
    return found


def copy_of(session: Session, message: Message) -> Message:
    """The same text, recipients and files as a new draft."""
    return _from(session, message, message.audience, message.subject)


def _from(session: Session, message: Message, audience: dict[str, Any], subject: str) -> Message:
    made = draft(session, audience, subject=subject, body=message.body, to=message.to)
    session.add_all(MessageFile(message_id=made.id, digest=file.digest, name=file.name, type=file.type, size=file.size) for file in message.files)
    return made


def again(session: Session, message: Message) -> Message:
    """A new draft with the same text and files, as a reminder to those alone who have not read it. Refused when everybody has."""
    unread = _users(message, Which(read=False)).subquery("unread")
    about = select(_r.student_id).distinct().where(_r.message_id == message.id, _r.user_id.in_(select(unread.c.user_id)))
    ids = list(session.scalars(about))
    if not ids:
        raise Refusal(_("Everybody has read this message: there is nobody to write to again."))
    said = str(_("Reminder: %(subject)s", subject=message.subject))
    begins = " ".join(said.removesuffix(message.subject).split())  # (as a subject is kept: with plain spaces)
    same = (begins and message.subject.startswith(begins)) or len(said) > LONGEST_SUBJECT  # said already; or no room to say it
    return _from(session, message, {"kind": "students", "ids": sorted(ids), "unread_of": message.id}, message.subject if same else said)


def forget_untouched(session: Session) -> int:
    """Delete the drafts that were opened and left without a word for a day, in every school; how many. Nightly work, without a scope."""
    old = delete(Message).where(untouched(), Message.updated_at < utcnow() - dt.timedelta(days=1)).execution_options(synchronize_session=False)
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


# --- about one student ---------------------------------------------------------------------------------------------------------------------


class Received(NamedTuple):
    """A message about one student: to how many of their people, of whom so many have read it."""

    id: int
    subject: str
    sent_at: dt.datetime | None
    sender: str
    people: int
    read: int


def about_student(session: Session, student_id: int, most: int = PAGE) -> list[Received]:
    """The latest messages about a student that exist for this person; one statement."""
    rows = (
        select(Message.id, Message.subject, Message.sent_at, Message.sender, func.count(_r.id), func.count(_r.read_at))
        .join(_r, _r.message_id == Message.id)
        .where(_r.student_id == student_id, Message.state == MessageState.sent)
        .group_by(Message.id, Message.subject, Message.sent_at, Message.sender)
        .order_by(Message.sent_at.desc(), Message.id.desc())
        .limit(most)
    )
    return [Received(*row) for row in session.execute(rows)]


def count_about(student_id: int) -> Any:
    """How many they are, as a sub-query of the student's file."""
    sent = select(Message.__table__.c.id).where(Message.__table__.c.state == MessageState.sent)
    return select(func.count(distinct(_r.message_id))).where(_r.student_id == student_id, _r.message_id.in_(sent)).scalar_subquery()
