"""Delivering a message, with its copies by e-mail: one for each person, in their language, naming their own children and nobody else.

All in the transaction that ends the job: killed at any moment, it has delivered and written nothing, and the next runner does it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask_babel import force_locale
from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import undefer_group

from jobs.letters import base_url
from jobs.registry import handler
from jobs.runner import Task
from models import message_delivery as delivery
from models.access import User
from models.base import Refusal
from models.db import db
from models.letter_fields import language_of
from models.message_audience import students
from models.message_html import clean, plain
from models.messages import Message
from models.people import Student
from models.school import School
from models.scope import WHO
from models.words import N_, _, listed
from models.work import JobKind, OutgoingMail

_MANY = 6  # children named in one mail


@dataclass(frozen=True)
class Reader:
    """Who reads a copy: their address, their name, the children it is about; a student in person has none."""

    address: str
    name: str
    language: str
    children: Sequence[str]
    portal: str


class Copies:
    """The copies of one message: what does not depend on the reader is written once in each language."""

    def __init__(self, message: Message, school: School) -> None:
        self.message, self.school = message, school
        self.html, self.text = clean(message.body), plain(message.body)
        self.files = [file.name for file in message.files]
        self._after: dict[tuple[str, str], tuple[str, Markup]] = {}

    def write(self, reader: Reader, *, test: bool = False) -> dict[str, Any]:
        """The arguments of `OutgoingMail.queue`, in the reader's language."""
        with force_locale(reader.language):
            # No greeting of ours: authors write their own.
            before = [str(_("This message is about %(names)s.", names=listed(reader.children[:_MANY])))] if reader.children else []
            subject = self.message.subject
            if test:  # what a draft is about is its author's too: the outbox tells it nobody, the sealed text says it
                before.insert(0, str(_("Subject: %(subject)s", subject=subject)))
                subject = str(_("Test of a message"))
            after, after_html = self._end(reader)
            return {
                "to_address": reader.address,
                "to_name": reader.name,
                "subject": subject,
                "body": "\n\n".join([*before, self.text, after]),
                "html": str(Markup("").join([_paragraphs(before), self.html, after_html])),
                "cause": self.message,
                "language": reader.language,
                "secret": test,  # a draft is its author's: nobody reads its test in the outbox
            }

    def _end(self, reader: Reader) -> tuple[str, Markup]:
        """Who writes, where the files are, where to read and to answer: as text and as HTML."""
        key = reader.language, reader.portal
        if key not in self._after:
            school, page = self.school, f"{base_url()}{reader.portal}/{self.message.id}"
            lines = ["\n".join(part for part in (self.message.sender or WHO.get().name, school.name, school.phone) if part)]
            if self.files:
                told = N_(
                    "%(num)d file goes with this message: %(names)s. It waits in your inbox.",
                    "%(num)d files go with this message: %(names)s. They wait in your inbox.",
                    len(self.files),
                    names=listed(self.files),
                )
                lines.append(str(told))
            lines.append(str(_("Read this message in your inbox: %(address)s", address=page)))
            link = Markup('<a href="{0}">{0}</a>').format(page)
            drawn = Markup("").join([_paragraphs(lines[:-1]), Markup("<p>{}</p>").format(escape(lines[-1]).replace(escape(page), link))])
            if school.email:  # the layout says it in HTML
                lines.append(str(_("If you answer this mail, your answer goes to %(address)s.", address=school.email)))
            self._after[key] = "\n\n".join(lines), drawn
        return self._after[key]


def _paragraphs(lines: Sequence[str]) -> Markup:
    """Texts as paragraphs, escaped."""
    return Markup("").join(Markup("<p>{}</p>").format(Markup("<br>").join(map(escape, line.split("\n")))) for line in lines)


def _readers(message: Message, school: School) -> Iterator[tuple[int, Reader]]:
    """(user_id, reader) of each person who gets a copy."""
    for user_id, rows in groupby(delivery.to_copy(db.session, message), key=lambda row: row[0]):
        mine = list(rows)
        first = mine[0]
        followed = [row for row in mine if row.guardian_id is not None]
        theirs = (followed[0].guardian_language if followed else first.student_language) or school.language
        children = [row.given_name for row in followed]
        language = language_of(first.own_language or theirs, school.language)
        yield user_id, Reader(first.email, first.name, language, children, "/parent/messages" if followed else "/student/messages")


def _given_up(params: dict[str, Any]) -> None:
    delivery.give_up(db.session, params["message_id"])


@handler(JobKind.send_message, table="message", verb="send", failed=_given_up)
def send_message(task: Task) -> None:
    """Let the addressees of a message see it, and queue their copies; a job begun again after its end does nothing."""
    message = delivery.deliver(db.session, task.params["message_id"])
    if message is None:
        return
    school = db.session.get_one(School, message.school_id)
    copies = Copies(message, school)
    people = list(_readers(message, school))
    queued = OutgoingMail.queue_many(copies.write(reader) for _user, reader in people)
    delivery.note_copies(db.session, message, [(user, mail) for (user, _reader), mail in zip(people, queued.ids, strict=True) if mail])
    task.total = message.people
    task.note = str(N_("%(num)d person received it: %(subject)s", "%(num)d people received it: %(subject)s", message.people, subject=message.subject))


@handler(JobKind.test_message, table="message", verb="send_test")
def test_message(task: Task) -> None:
    """Write to the author the copy that others would get, about the first student of the audience."""
    message = db.session.scalar(select(Message).where(Message.id == task.params["message_id"]).options(undefer_group("text")))
    user = db.session.get_one(User, task.user_id)
    if message is None or not user.email:
        raise Refusal(_("What was chosen for this work no longer exists. Nothing was changed: start it again."))
    school = db.session.get_one(School, message.school_id)
    first = select(Student.given_name).where(Student.id.in_(students(message))).order_by(Student.id).limit(1)
    name = db.session.scalar(first)
    reader = Reader(user.email, user.name, language_of(user.language or school.language, school.language), [name] if name else [], "/parent/messages")
    OutgoingMail.queue(**Copies(message, school).write(reader, test=True))
    task.note = str(_("Test sent to %(address)s", address=user.email))
