"""How a message leaves: sending it once, within what one person may send in a day; delivering it to those who still receive it then.

`send` writes the addressees and a job in one transaction; nobody sees the message yet. The job (`jobs/messages.py`) calls `deliver` with
the rights and links of that moment, writes the copies by e-mail, and ends: all in one transaction, so that a runner that is killed has
delivered nothing, and the next one delivers once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, event, func, insert, select, update
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.exc import StaleDataError

from models import settings
from models.access import User
from models.among import among
from models.base import Refusal, today, utcnow
from models.journal import record
from models.message_audience import addressees, copied, freshen
from models.message_files import content_of
from models.message_html import is_empty
from models.messages import NOBODY, Message, MessageRecipient, MessageState
from models.people import Guardian, Student
from models.school import School
from models.scope import WHO, current_school_id
from models.words import N_, _
from models.work import Job, JobKind, JobState

CHUNK = 1_000  # rows of one statement

message: Any = Message.__table__  # (tables: a class would be limited twice, and told row by row)
recipient: Any = MessageRecipient.__table__

_SENT = _("This message is sent already: it leaves once.")


def send(session: Session, one: Message) -> int:
    """Send a draft, in the caller's transaction; how many people it reaches. Whom is settled here and now, less those who no longer receive
    when it is delivered.

    Refused: one that is sent already (by another window too), without subject or text, with a file that is lost, that reaches nobody, more people
    than the sender may still write to today.
    """
    _hold(session, one)
    freshen(one)
    check_written(one)
    for file in one.files:
        if content_of(file) is None:
            raise Refusal(_("The file %(name)s is no longer there. Remove it from the message, and attach it again."), name=file.name)
    rows = session.execute(addressees(one)).all()
    people = sorted({row.user_id for row in rows})
    if not people:
        raise nobody(one)
    check_quota(session, len(people))
    for start in range(0, len(rows), CHUNK):
        values = [{**row._mapping, "message_id": one.id, "school_id": one.school_id} for row in rows[start : start + CHUNK]]
        session.execute(insert(recipient), values)
    one.people, one.copies = len(people), 0
    one.sender, one.sent_at, one.state = WHO.get().name, utcnow(), MessageState.queued
    job = Job.add(JobKind.send_message, {"message_id": one.id}, total=len(people), note=one.subject)
    session.flush()
    one.job_id = job.id
    session.flush()
    record(session, "send", "message", one.id, rows=len(people))
    return len(people)


def send_test(session: Session, one: Message) -> str:
    """Send a draft to oneself, as the copy that others would get, in the caller's transaction; the address it goes to.

    Refused: a message that is sent, without subject or text, a sender without an e-mail address.
    """
    one.check_draft()
    check_written(one)
    address = session.scalar(select(User.email).where(User.id == WHO.get().user_id))
    if not address:
        raise Refusal(_("Your account has no e-mail address: a test has nowhere to go. Add an address to your account, then send it again."))
    session.flush()
    Job.add(JobKind.test_message, {"message_id": one.id}, total=1, note=address)
    record(session, "send_test", "message", one.id)
    return address


def nobody(one: Message) -> Refusal:
    """Why a draft reaches nobody: nobody is chosen, everybody has read what it reminds of, or nobody has an account."""
    if one.audience == NOBODY:
        return Refusal(_("Say which [students] the message is about."))
    if "unread_of" in one.audience:
        return Refusal(_("Everybody has read this message: there is nobody to write to again."))
    return Refusal(_("Nobody would receive this message: nobody whom it is for has an account. Look at who does not receive, and why."))


def check_written(one: Message) -> None:
    """Refused without a subject, and without a text."""
    if not one.subject:
        raise Refusal(_("This message has no subject. Write in a few words what it is about."))
    if is_empty(one.body):
        raise Refusal(_("This message has no text. Write it first."))


# --- how much in a day -----------------------------------------------------------------------------------------------------------


def quota_left(session: Session, *states: MessageState) -> int:
    """How many people the person who acts may still write to today, in this school (setting `messages_per_day`), after their messages of these
    states: those that wait and those that left, unless said otherwise.
    """
    mine = (message.c.school_id == current_school_id(), message.c.requested_by_id == WHO.get().user_id, message.c.sent_at >= _midnight(session))
    alive = message.c.state.in_(states or (MessageState.queued, MessageState.sent))
    used = session.scalar(select(func.coalesce(func.sum(message.c.people), 0)).where(*mine, alive)) or 0
    return max(0, int(settings.value("messages_per_day", session=session)) - int(used))


def _midnight(session: Session) -> dt.datetime:
    """When the day of the school began."""
    school = session.get_one(School, current_school_id())
    return dt.datetime.combine(today(school.time_zone), dt.time(), ZoneInfo(school.time_zone))


def check_quota(session: Session, people: int, *states: MessageState) -> None:
    """Refused when that is more than is left today; the sentence says how many, and when it begins again. `states` as for `quota_left`."""
    left = quota_left(session, *states)
    if people <= left:
        return
    limit = int(settings.value("messages_per_day", session=session))
    if people > limit:
        raise Refusal(
            _(
                "This message reaches %(people)d people, and one person writes to at most %(limit)d a day. Send it to fewer people at a time, "
                "or ask the site administrator to raise the limit.",
                people=people,
                limit=limit,
            )
        )
    if not left:
        raise Refusal(_("You have written today to the %(limit)d people whom one person reaches in a day. Send this message tomorrow."), limit=limit)
    raise Refusal(
        N_(
            "You can still write to %(num)d person today, and this message reaches %(people)d. Send it tomorrow, or to fewer people.",
            "You can still write to %(num)d people today, and this message reaches %(people)d. Send it tomorrow, or to fewer people.",
            left,
            people=people,
        )
    )


def _hold(session: Session, one: Message) -> None:
    """Of two windows that send the same draft, or one sender who sends two, one goes first and the other sees what it did."""
    try:
        session.flush()
    except StaleDataError as problem:
        raise Refusal(_("This message was changed in another window. Look at it again, then send it.")) from problem
    session.execute(select(User.id).where(User.id == WHO.get().user_id).with_for_update(key_share=True))
    state = session.scalar(select(message.c.state).where(message.c.id == one.id).with_for_update())
    if state is not MessageState.draft:
        raise Refusal(_SENT)


# --- delivering ------------------------------------------------------------------------------------------------------------------


def deliver(session: Session, message_id: int) -> Message | None:
    """Let the addressees see a message that waits, in the caller's transaction, as the person who sent it and may still send it.

    Who no longer receives is taken out first: a link suspended meanwhile, a student who has left or who is no longer the sender's.
    None when it is delivered already, or no longer exists. Refused when nobody is left, and beyond what the sender may send in a day.
    """
    state = session.scalar(select(message.c.state).where(message.c.id == message_id).with_for_update())
    one = session.get(Message, message_id, populate_existing=True)
    if one is None or state is not MessageState.queued:
        return None
    still = {(row.user_id, row.student_id) for row in session.execute(addressees(one))}
    rows = session.execute(select(recipient.c.id, recipient.c.user_id, recipient.c.student_id).where(recipient.c.message_id == one.id)).all()
    lost = [row.id for row in rows if (row.user_id, row.student_id) not in still]
    for start in range(0, len(lost), CHUNK):
        session.execute(delete(recipient).where(among(recipient.c.id, lost[start : start + CHUNK])))
    one.people = len({row.user_id for row in rows if (row.user_id, row.student_id) in still})
    if not one.people:
        raise Refusal(_("Nobody receives this message any more. Write another one."))
    if one.sent_at is not None and one.sent_at >= _midnight(session):  # stopped and started again, it left room for others meanwhile
        session.execute(select(User.id).where(User.id == WHO.get().user_id).with_for_update(key_share=True))
        check_quota(session, one.people, MessageState.sent)
    one.state = MessageState.sent
    session.flush()
    record(session, "deliver", "message", one.id, rows=one.people)
    return one


def to_copy(session: Session, one: Message) -> Sequence[Any]:
    """The addressees of a delivered message who get a copy by e-mail, once for each child, person by person: the account's number, address,
    name and language; then the guardian and the child.
    """
    user, guardian, student = User.__table__, Guardian.__table__, Student.__table__
    joined = recipient.join(user, user.c.id == recipient.c.user_id).join(student, student.c.id == recipient.c.student_id)
    joined = joined.outerjoin(guardian, guardian.c.id == recipient.c.guardian_id)
    found = select(
        recipient.c.user_id,
        user.c.email,
        func.trim(user.c.given_name + " " + user.c.family_name).label("name"),
        user.c.language.label("own_language"),
        recipient.c.guardian_id,
        guardian.c.language.label("guardian_language"),
        student.c.language.label("student_language"),
        student.c.given_name,
    ).select_from(joined)
    found = found.where(recipient.c.message_id == one.id, copied()).order_by(recipient.c.user_id, student.c.given_name, student.c.id)
    return session.execute(found).all()


def note_copies(session: Session, one: Message, mails: Sequence[tuple[int, int]]) -> None:
    """Remember which mail is whose copy: (user_id, mail_id)."""
    one.copies = len(mails)
    theirs = update(recipient).where(recipient.c.message_id == one.id, recipient.c.user_id == bindparam("whose")).values(mail_id=bindparam("copy"))
    for start in range(0, len(mails), CHUNK):
        session.connection().execute(theirs, [{"whose": user_id, "copy": mail_id} for user_id, mail_id in mails[start : start + CHUNK]])


# --- what happens around it ------------------------------------------------------------------------------------------------------


def give_up(session: Session, message_id: int) -> None:
    """The job of a message has failed for good: it reached nobody, and says so."""
    waits = (message.c.id == message_id, message.c.state == MessageState.queued)
    session.execute(update(message).where(*waits).values(state=MessageState.failed))


@event.listens_for(Job, "after_update")
def _follow_job(_mapper: Mapper[Any], connection: Connection, job: Job) -> None:
    """A sending that somebody stops reaches nobody; one that is started again waits again."""
    if job.kind is not JobKind.send_message:
        return
    after = {JobState.cancelled: (MessageState.queued, MessageState.failed), JobState.waiting: (MessageState.failed, MessageState.queued)}.get(job.state)
    if after is not None:
        its = (message.c.id == job.params["message_id"], message.c.state == after[0])
        renewed = {"sent_at": utcnow()} if after[1] is MessageState.queued else {}
        connection.execute(update(message).where(*its).values(state=after[1], **renewed))
