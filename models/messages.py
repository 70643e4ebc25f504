"""Messages of the school to its students and guardians: who writes what to whom, who received it and who has read it.

A draft is its author's alone. Once sent it is a fact like a letter in the post: nobody changes it, nobody takes it back. Whom it reaches
stands in `models/message_audience.py`, how it leaves in `models/message_delivery.py`, what its addressees see in `models/message_box.py`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, and_
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.access import User
from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, utcnow
from models.people import Guardian, Student
from models.scope import SchoolScoped
from models.values import one_line, visible
from models.words import _, _p

if TYPE_CHECKING:
    from models.work import OutgoingMail

LONGEST_SUBJECT = 200
LONGEST_BODY = 50_000  # characters, marks included
LONGEST_QUERY = 4_000  # of the address of a list that an audience follows
MOST_CHOSEN = 100_000  # students of one audience


class MessageState(Choice):
    """Where a message stands. Its addressees see it once it is sent; `failed` has reached nobody."""

    draft = "draft", _p("message", "Draft"), "mute"
    queued = "queued", _p("message", "Being sent"), "info"
    sent = "sent", _p("message", "Sent"), "ok"
    failed = "failed", _p("message", "Not sent"), "bad"


class MessageTo(Choice):
    """Who of each student's people is written to (seed 1: « Destinataires du message »)."""

    students = "students", _("[Students]"), "mute"
    guardians = "guardians", _("[Guardians]"), "mute"
    both = "both", _("[Students] and [guardians]"), "mute"


class AudienceKind(Choice):
    """Which students a message is about. `group` serves classes too; `filter` is what a list showed, its students by number."""

    all = "all", _("All the [students]"), "mute"
    group = "group", _("[Groups] or classes"), "mute"
    level = "level", _("[Levels]"), "mute"
    programme = "programme", _("[Programmes]"), "mute"
    filter = "filter", _("What a list shows"), "mute"
    students = "students", _("Chosen [students]"), "mute"


class Message(Base, Identified, SchoolScoped, Stamped, Versioned):
    """One message. `requested_by_id` is its author.

    `body` is the HTML as it came from the editor: nobody shows it but through `models.message_html.clean`. `audience` is
    {"kind": an `AudienceKind`, "ids": [...], "query": the list's own query string, "unread_of": the message that they received and have
    not read: nobody else receives this one}. From `state` on, what sending writes
    is in no history (`fixed`): no undo reaches it.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_school", "school_id", "state", "id"),
        Index("ix_message_author", "requested_by_id", "school_id", "sent_at"),
    )

    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT), default="", info={"label": _p("message", "Subject")})
    body: Mapped[str] = mapped_column(Text, default="", deferred=True, deferred_group="text", info={"label": _p("message", "Text")})
    to: Mapped[MessageTo] = mapped_column("to_whom", choice_column(MessageTo), default=MessageTo.guardians, info={"label": _p("message", "To")})
    audience: Mapped[dict[str, Any]] = mapped_column(JSON, default=lambda: {"kind": "all"}, deferred=True, deferred_group="text")
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), info={"label": _p("message", "Author")})
    state: Mapped[MessageState] = mapped_column(choice_column(MessageState), default=MessageState.draft, info={"label": _p("message", "State"), "fixed": True})
    sender: Mapped[str] = mapped_column(default="", info={"label": _p("message", "From"), "fixed": True})  # the author's name when it was sent
    sent_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _p("message", "Sent on"), "fixed": True})
    people: Mapped[int] = mapped_column(default=0, info={"label": _("People reached"), "fixed": True})
    copies: Mapped[int] = mapped_column(default=0, info={"label": _("Copies by e-mail"), "fixed": True})
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), info={"fixed": True})

    requested_by: Mapped[User | None] = relationship(info={"label": _p("message", "Author")})
    files: Mapped[list[MessageFile]] = relationship(back_populates="message", cascade="all, delete-orphan", order_by="MessageFile.id")

    def __str__(self) -> str:
        return self.subject or str(_("(no subject)"))

    @property
    def is_draft(self) -> bool:
        """Whether it can still be changed, sent or deleted: a new one, and one that is saved as a draft."""
        return self.state is None or self.state is MessageState.draft

    @validates("subject")
    def _one_line(self, _key: str, value: str | None) -> str:
        """One line without signs that nobody sees; what is too long is refused, not cut."""
        self.check_draft()
        tidy = " ".join(visible(one_line(value or "")).split())
        if len(tidy) > LONGEST_SUBJECT:
            raise Refusal(_("The subject has at most %(longest)d characters. Shorten it."), longest=LONGEST_SUBJECT)
        return tidy

    @validates("body")
    def _short_enough(self, _key: str, value: str | None) -> str:
        """As it was typed; cleaned each time it is shown."""
        self.check_draft()
        text = (value or "").replace("\x00", "")
        if len(text) > LONGEST_BODY:
            raise Refusal(_("The text has at most %(longest)d characters. Shorten it, or attach it as a file."), longest=LONGEST_BODY)
        return text

    @validates("to", "audience")
    def _still_open(self, key: str, value: Any) -> Any:
        """Only a draft changes whom it goes to; an audience is of a known form."""
        self.check_draft()
        return tidy_audience(value) if key == "audience" else value

    def check_draft(self) -> None:
        """Refused once it is sent: what people have received is not changed behind their back."""
        if not self.is_draft:
            raise Refusal(_("This message is sent: it can no longer be changed. Write another one."))

    def deletion_problem(self) -> Refusal | None:
        """Why it cannot be deleted; None for a draft, and for what reached nobody (back from the trash it is a draft). What people received
        stays in their inbox and in the school's records.
        """
        if self.is_draft or self.state is MessageState.failed:
            return None
        return Refusal(_("This message is sent: it stays with those who received it and cannot be deleted."))


class MessageRecipient(Base, Identified, SchoolScoped):
    """A message in somebody's inbox, once for each child it is about (`guardian_id` empty: the student in person).

    Written by Core in bulk when the message is sent; the line of the sending in the history counts them.
    """

    __tablename__ = "message_recipient"
    __journal__ = False
    __table_args__ = (
        UniqueConstraint("message_id", "user_id", "student_id"),
        Index("ix_message_recipient_inbox", "user_id", "read_at", "message_id"),
    )

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True)
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("guardian.id", ondelete="CASCADE"), index=True)
    read_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Read on")})
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("outgoing_mail.id", ondelete="SET NULL"), index=True)

    message: Mapped[Message] = relationship()
    user: Mapped[User] = relationship()
    student: Mapped[Student] = relationship()
    guardian: Mapped[Guardian | None] = relationship()
    mail: Mapped[OutgoingMail | None] = relationship()


class MessageFile(Base, Identified, SchoolScoped):
    """A file that goes with a message, kept under the digest of its content (`models/message_files.py`)."""

    __tablename__ = "message_file"

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(info={"label": _p("message", "File")})
    type: Mapped[str] = mapped_column("mimetype", info={"label": _p("message", "Kind of file")})
    size: Mapped[int] = mapped_column()  # bytes
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow)

    message: Mapped[Message] = relationship(back_populates="files")

    def __str__(self) -> str:
        return self.name


def tidy_audience(value: Any) -> dict[str, Any]:
    """An audience of a known form: its kind, its numbers once each in their order, its query where it has one.

    Refused: no kind, numbers that are none, more than 100,000 of them, a query that is too long.
    """
    kind = (value or {}).get("kind") if isinstance(value, dict) else None
    if kind not in AudienceKind.__members__:
        raise Refusal(_("Say which [students] the message is about."))
    given = value.get("ids") or []
    if not isinstance(given, list | tuple) or len(given) > MOST_CHOSEN or not all(isinstance(i, int) and 0 < i < 2**63 for i in given):
        raise Refusal(_("The chosen record was not found. Choose it again in the list."))
    found: dict[str, Any] = {"kind": kind}
    if kind != "all":
        found["ids"] = list(dict.fromkeys(given))
    if kind == "filter":
        found["query"] = str(value.get("query") or "")
        if len(found["query"]) > LONGEST_QUERY:  # cut, it would show more students than the list did
            raise Refusal(_("This list has too many filters for a message. Remove some of them, or choose the [students] in the list."))
    if isinstance(earlier := value.get("unread_of"), int) and 0 < earlier < 2**63:
        found["unread_of"] = earlier
    return found


NOBODY: dict[str, Any] = {"kind": "students", "ids": []}  # the audience of a draft for which none is chosen yet


def untouched() -> ColumnElement[bool]:
    """Of messages: drafts that somebody opened and left without a word or a file. No list shows them; the sweep deletes them."""
    return and_(Message.state == MessageState.draft, Message.subject == "", Message.body == "", ~Message.files.any())
