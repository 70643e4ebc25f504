"""The inbox of a guardian or a student: what they received, what they have read.

Everything here runs in the scope of a portal, where a message exists for somebody who received it about a child whom they follow *now*,
or about themselves (`models/reach.py`): a link that is suspended hides it at once, one that is reopened shows it again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import Select, distinct, func, select, update
from sqlalchemy.orm import Session, joinedload, undefer_group

from models.base import utcnow
from models.journal import record
from models.messages import Message, MessageFile, MessageRecipient
from models.people import Student
from models.school import School
from models.scope import SCOPE, WHO, Scope

PAGE = 20


@dataclass
class Line:
    """One message in the inbox. `about` are the given names of the children whom it concerns, those alone whom the reader follows."""

    id: int
    subject: str
    sender: str
    school: str
    school_id: int
    sent_at: dt.datetime | None
    unread: bool = False
    about: list[str] = field(default_factory=list)
    files: int = 0


@dataclass(frozen=True)
class Inbox:
    """A page of the inbox, the latest first, with the numbers of the whole."""

    lines: list[Line]
    total: int
    unread: int
    page: int
    pages: int


@dataclass(frozen=True)
class Opened:
    """A message that somebody reads: its `body` is raw, for `models.message_html.clean` alone."""

    line: Line
    message: Message
    files: list[MessageFile]

    @property
    def body(self) -> str:
        """The raw text."""
        return self.message.body


def inbox(session: Session, page: int = 1, size: int = PAGE) -> Inbox:
    """A page of what the person received; a page beyond the last is the last. Five statements, whatever the numbers."""
    total = session.scalar(select(func.count(Message.id))) or 0
    pages = max(1, -(-total // size))
    page = min(max(1, page), pages)
    found = session.execute(_lines().order_by(Message.sent_at.desc(), Message.id.desc()).limit(size).offset((page - 1) * size))
    lines = {row.id: Line(*row) for row in found}
    _complete(session, lines)
    return Inbox(list(lines.values()), total, unread(session), page, pages)


def about(session: Session, student_id: int, most: int = 3) -> list[Line]:
    """The latest messages of the person about one child: three statements."""
    theirs = select(MessageRecipient.message_id).where(MessageRecipient.student_id == student_id)
    found = session.execute(_lines().where(Message.id.in_(theirs)).order_by(Message.sent_at.desc(), Message.id.desc()).limit(most))
    lines = {row.id: Line(*row) for row in found}
    _complete(session, lines)
    return list(lines.values())


def unread(session: Session) -> int:
    """How many messages the person has not opened yet: for the badge of their tab."""
    return session.scalar(select(func.count(distinct(MessageRecipient.message_id))).where(MessageRecipient.read_at.is_(None))) or 0


def is_unread(session: Session, message_id: int) -> bool:
    """Whether this message exists for the person and they have not opened it yet."""
    waits = select(MessageRecipient.id).where(MessageRecipient.message_id == message_id, MessageRecipient.read_at.is_(None))
    return session.scalar(waits.limit(1)) is not None


def open_message(session: Session, message_id: int, *, note: bool = True) -> Opened | None:
    """A message that exists for the person, marked as read in the caller's transaction unless not to `note`; None for any other.

    Whoever looks as somebody else leaves no trace of having read.
    """
    row = session.execute(_lines().where(Message.id == message_id)).one_or_none()
    if row is None:
        return None
    line = Line(*row)
    _complete(session, {line.id: line})
    message = session.scalars(select(Message).where(Message.id == message_id).options(undefer_group("text"))).one()
    files = list(session.scalars(select(MessageFile).where(MessageFile.message_id == message_id).order_by(MessageFile.id)))
    if note and line.unread and not WHO.get().looking:
        mark_read(session, message_id)
    return Opened(line, message, files)


def mark_read(session: Session, message_id: int) -> None:
    """Write that the person has read it, once: the first time counts."""
    scope, r = SCOPE.get(), MessageRecipient
    if isinstance(scope, Scope) and scope.user_id is not None:
        mine = (r.message_id == message_id, r.user_id == scope.user_id, r.read_at.is_(None))
        session.execute(update(r).where(*mine).values(read_at=utcnow()), execution_options={"synchronize_session": False})


def attachment(session: Session, message_id: int, file_id: int) -> MessageFile | None:
    """A file of a message that exists for the person, with its line in the history; None for any other.

    The bytes are `models.message_files.content_of`; it is sent as an attachment, of the type that the row says and no other.
    """
    found = session.scalar(
        select(MessageFile).where(MessageFile.id == file_id, MessageFile.message_id == message_id).options(joinedload(MessageFile.message, innerjoin=True))
    )
    if found is not None:
        record(session, "download", "message", message_id, school_id=found.school_id)
    return found


def _lines() -> Select[int, str, str, str, int, dt.datetime | None]:
    joined = select(Message.id, Message.subject, Message.sender, School.name, School.id, Message.sent_at)
    return joined.join(School, School.id == Message.school_id)


def _complete(session: Session, lines: dict[int, Line]) -> None:
    """Say of these messages whom they are about, whether they are unread, how many files they have: two statements."""
    r = MessageRecipient
    about = select(r.message_id, Student.given_name, r.read_at).join(Student, Student.id == r.student_id)
    for message_id, name, read_at in session.execute(about.where(r.message_id.in_(lines)).order_by(Student.given_name, Student.id)):
        lines[message_id].about.append(name)
        lines[message_id].unread = lines[message_id].unread or read_at is None
    f = MessageFile
    for message_id, number in session.execute(select(f.message_id, func.count(f.id)).where(f.message_id.in_(lines)).group_by(f.message_id)):
        lines[message_id].files = number
