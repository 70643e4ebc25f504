"""Who may still get the copy of a message that has not left: nobody whose link to the child is closed meanwhile, by whatever way.

The rule is that of the inbox (`models/reach.py`). The sender asks it for each copy right before it leaves, so that a link that was undone,
merged or deleted past every listener withholds as one that was suspended does; `retry` asks it too. What closes a link in the ordinary way
also cancels at once, at the end of its transaction, so that the outbox says so without a mail server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, event, exists, select, update
from sqlalchemy.orm import Mapper, Session, object_session

from models.among import among
from models.mail_line import MailTrouble
from models.messages import MessageRecipient
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.work import MailState, OutgoingMail, leaves_if

recipient: Any = MessageRecipient.__table__  # (tables: a class would be limited to what the person who acts may see)
mail: Any = OutgoingMail.__table__
guardian: Any = Guardian.__table__
link: Any = GuardianLink.__table__
student: Any = Student.__table__

_CLOSED, PIECE = "closed_copies", 500


def _receives() -> ColumnElement[bool]:
    """Of recipient rows: the reader follows this child now, by any of their records, or is this student."""
    theirs = link.join(guardian, guardian.c.id == link.c.guardian_id)
    follows = (link.c.student_id == recipient.c.student_id, guardian.c.user_id == recipient.c.user_id, link.c.status == LinkStatus.active)
    oneself = (student.c.id == recipient.c.student_id, student.c.user_id == recipient.c.user_id)
    return case(
        (recipient.c.guardian_id.is_not(None), exists().select_from(theirs).where(*follows).correlate(recipient)),
        else_=exists().select_from(student).where(*oneself).correlate(recipient),
    )


def _may_leave() -> ColumnElement[bool]:
    """Of mails that are copies: somebody is still to get it, and about none of its children is that closed: its text names them all."""
    rows = recipient.c.mail_id == mail.c.id
    return and_(exists().where(rows).correlate(mail), ~exists().where(rows, ~_receives()).correlate(mail))


@leaves_if("message")
def still_receives(session: Session, one: OutgoingMail) -> bool:
    """Whether a copy may leave now. A test to its own author (sealed) always may; one query."""
    return one.sealed or session.scalar(select(mail.c.id).where(mail.c.id == one.id, _may_leave())) is not None


def withhold(session: Session, ids: Sequence[int]) -> None:
    """Of these mails cancel those that wait and may no longer leave."""
    for start in range(0, len(ids), PIECE):
        some = (among(mail.c.id, list(ids[start : start + PIECE])), mail.c.state == MailState.waiting)
        values = {"state": MailState.cancelled, "next_try_at": None, "trouble": MailTrouble.withheld}
        session.execute(update(mail).where(*some, ~_may_leave()).values(values))


@event.listens_for(GuardianLink, "after_update")
def _closed(_mapper: Mapper[Any], connection: Connection, one: GuardianLink) -> None:
    if one.status is not LinkStatus.active:
        _note(connection, one)


@event.listens_for(GuardianLink, "after_delete")
def _removed(_mapper: Mapper[Any], connection: Connection, one: GuardianLink) -> None:
    _note(connection, one)


def _note(connection: Connection, one: GuardianLink) -> None:
    """The copies that wait for this guardian; what becomes of them is known when all is written (a merge moves links, then readers)."""
    session = object_session(one)
    if session is not None:
        rows = (recipient.c.guardian_id == one.guardian_id, recipient.c.mail_id == mail.c.id, mail.c.state == MailState.waiting)
        session.info.setdefault(_CLOSED, set()).update(connection.scalars(select(mail.c.id).where(*rows)))


@event.listens_for(Session, "before_commit")
def _withhold_closed(session: Session) -> None:
    session.flush()  # (the listener above speaks while it is written)
    if ids := session.info.pop(_CLOSED, None):
        withhold(session, sorted(ids))


@event.listens_for(Session, "after_rollback")
def _forget_closed(session: Session) -> None:
    session.info.pop(_CLOSED, None)
