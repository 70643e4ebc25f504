"""What waits to be done: jobs for the runner, mails for the server. A verb writes rows; `jobs/` works on them afterwards."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import JSON, ForeignKey, Index, String, Text, event, func, insert, update
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, relationship, validates

from models import keys
from models.access import User
from models.base import Base, Choice, Identified, Refusal, choice_column, utcnow
from models.db import db
from models.journal import record
from models.mail_line import MailTrouble
from models.scope import WHO, SchoolScoped, current_school_id
from models.words import _, _p

TEXT_DAYS = 90  # how long the text of a mail stays once it has left or was given up; who, when and the subject stay
KEPT_DAYS = 7  # how long the file of a finished job stays: letters hold codes in clear

# Set after a commit that left something to do, so that the runner of this process wakes at once instead of at its next look.
JOB_WAITING = threading.Event()


class JobState(Choice):
    """Where a job stands."""

    waiting = "waiting", _p("job", "Waiting"), "mute"
    running = "running", _p("job", "Under way"), "info"
    done = "done", _p("job", "Done"), "ok"
    failed = "failed", _p("job", "Failed"), "bad"
    cancelled = "cancelled", _p("job", "Cancelled"), "mute"


class MailState(Choice):
    """Where a mail stands. Without a mail server it waits and can be read in the application."""

    waiting = "waiting", _p("outgoing_mail", "Waiting"), "mute"
    sending = "sending", _p("outgoing_mail", "Being sent"), "info"
    sent = "sent", _p("outgoing_mail", "Sent"), "ok"
    failed = "failed", _p("outgoing_mail", "Not sent"), "bad"
    cancelled = "cancelled", _p("outgoing_mail", "Cancelled"), "mute"


class JobKind(Choice):
    """What the runner knows how to do, in words. `jobs/` holds one handler for each."""

    print_letters = "print_letters", _("Access letters"), "info"
    print_specimen = "print_specimen", _("Specimen of a letter"), "info"
    print_reset_letter = "print_reset_letter", _("Reset letters"), "info"
    print_access_cards = "print_access_cards", _("Access cards"), "info"
    invite_staff = "invite_staff", _("Invitations of the staff"), "info"
    print_class_list = "print_class_list", _("Class list"), "info"
    print_labels = "print_labels", _("Address labels"), "info"
    print_certificate = "print_certificate", _("Certificates of enrolment"), "info"
    print_again = "print_again", _("Duplicates"), "info"
    print_confirmation = "print_confirmation", _("Registration confirmations"), "info"
    print_record_sheet = "print_record_sheet", _("[Session record] sheets"), "info"
    print_group_list = "print_group_list", _("Lists of [groups]"), "info"
    print_sample = "print_sample", _("Sample paper"), "info"
    import_check = "import_check", _("Check of an import"), "info"
    import_write = "import_write", _("Writing of an import"), "info"
    bulk_verb = "bulk_verb", _("Work on many records"), "info"
    export = "export", _("Export to a spreadsheet"), "info"
    bulk_edit = "bulk_edit", _("Change of a field"), "info"
    change_year = "change_year", _("Change of school year"), "info"
    test_mail = "test_mail", _("Test of the mail server"), "info"
    download_mails = "download_mails", _("Files of mails"), "info"
    undo_batch = "undo_batch", _("Undoing"), "info"
    transfer = "transfer", _("Transfer to another [school]"), "info"
    send_message = "send_message", _("Sending of a message"), "info"
    test_message = "test_message", _("Test of a message"), "info"
    register_many = "register_many", _("Registration for a [course]"), "info"
    copy_last_term = "copy_last_term", _p("enrolment", "Copy of the last term"), "info"


class Job(Base, Identified, SchoolScoped):
    """One piece of long work: asked by a person, done by the runner, its product a file that is kept seven days."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_queue", "state", "beat_at", "id"), Index("ix_job_mine", "school_id", "requested_by_id", "id"))

    # Nightly work belongs to no school.
    school_id: Mapped[int | None] = mapped_column(  # type: ignore[assignment]
        ForeignKey("school.id", ondelete="CASCADE"), info={"label": _("[School]")}
    )
    kind: Mapped[JobKind] = mapped_column(choice_column(JobKind), info={"label": _p("job", "Work")})
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, deferred=True, info={"private": True})  # (no list reads 100,000 identifiers)
    state: Mapped[JobState] = mapped_column(choice_column(JobState), default=JobState.waiting, info={"label": _p("job", "State")})
    done: Mapped[int] = mapped_column(default=0, info={"label": _p("job", "Done so far")})
    total: Mapped[int] = mapped_column(default=0, info={"label": _p("job", "In all")})
    note: Mapped[str] = mapped_column(Text, default="", info={"label": _p("job", "Note")})
    error: Mapped[str] = mapped_column(Text, default="", info={"label": _p("job", "Why it failed")})
    runner: Mapped[str] = mapped_column(default="")
    beat_at: Mapped[dt.datetime | None] = mapped_column()
    tries: Mapped[int] = mapped_column(default=0, info={"label": _("Tries")})
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    requested_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _("Asked on")})
    started_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Started on")})
    finished_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Finished on")})
    file_key: Mapped[str] = mapped_column(default="", info={"private": True})
    file_name: Mapped[str] = mapped_column(default="", info={"label": _p("job", "File")})
    file_type: Mapped[str] = mapped_column(default="")

    requested_by: Mapped[User | None] = relationship(info={"label": _("Asked by")})

    def __str__(self) -> str:
        return str(self.kind)

    @classmethod
    def add(cls, kind: JobKind | str, params: dict[str, Any], total: int = 0, note: str = "") -> Job:
        """Ask for work in the caller's own transaction. School, person and language are those of the current scope.

        `params` hold ids and plain values only (JSON); `total` is the number of steps when it is known.
        Raises KeyError for an unknown kind.
        """
        who = WHO.get()
        job = cls(
            kind=JobKind[kind],
            params=params,
            state=JobState.waiting,
            total=total,
            note=note,
            school_id=current_school_id(),
            requested_by_id=who.user_id,
            language=who.language,
        )
        db.session.add(job)
        return job

    @property
    def open(self) -> bool:
        """Waiting or under way: its page is worth reading again."""
        return self.state in (JobState.waiting, JobState.running)

    def cancel(self) -> None:
        """Stop work that is not finished; the runner notices at its next step. Refused once it is finished."""
        if not self.open:
            raise Refusal(_("This work is already finished: there is nothing left to stop."))
        self.state, self.finished_at = JobState.cancelled, utcnow()

    def retry(self) -> None:
        """Wait again after a failure or a cancellation; work done already is kept. Refused in any other state."""
        if self.state not in (JobState.failed, JobState.cancelled):
            raise Refusal(_("Only work that failed or was cancelled can be started again."))
        self.state, self.tries, self.error, self.runner = JobState.waiting, 0, "", ""
        self.beat_at = self.finished_at = None

    def download(self) -> str:
        """The key of the file it made. Refused before it is done, or when the file is no longer kept."""
        if self.state is not JobState.done:
            raise Refusal(_("This work has not made its file yet. Come back when it is done."))
        if not self.file_key:
            raise Refusal(_("The file is no longer kept: files stay %(days)d days. Ask for it again."), days=KEPT_DAYS)
        return self.file_key


BULK_PIECE = 1000  # mails written by one statement

_ONE_LINE = re.compile(r"[\r\n\v\f\x00\x1c-\x1e\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(\.[\w-]+)+", re.ASCII)


def _in_one_line(key: str, value: str) -> str:
    """A header's value. A line break would let a name write headers of its own (security 78), and an address must be one."""
    if _ONE_LINE.search(value):
        raise Refusal(_("The address, the name and the subject of a mail stand on one line. Remove the line breaks."))
    if key == "to_address" and not (len(value) <= 254 and _ADDRESS.fullmatch(value)):
        raise Refusal(_("“%(address)s” is not an e-mail address. Correct it, then send again."), address=value[:80])
    return value[:200] if key == "to_name" else value


def _message_id() -> str:
    """A mail's own name for ever; a second try of the same mail keeps it."""
    return f"<{secrets.token_hex(16)}@scolabri>"


MayLeave = Callable[[Session, "OutgoingMail"], bool]
_LEAVES: dict[str, MayLeave] = {}  # the rules, by the table that causes a mail


def leaves_if(table: str) -> Callable[[MayLeave], MayLeave]:
    """Declare the rule of the mails that this table causes; asked before each leaves."""
    return lambda rule: _LEAVES.setdefault(table, rule)


_CLOSED = _("This copy does not leave: its addressee may no longer receive the message. Reactivate the link to [the student], then send it again.")


class Queued(NamedTuple):
    """What became of many mails: the identifier of each in the order given (None: refused), and each refusal by its place."""

    ids: list[int | None]
    refused: dict[int, str]


class OutgoingMail(Base, Identified, SchoolScoped):
    """One mail to one person, written in the transaction of what caused it, sent afterwards."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        Index("ix_outgoing_mail_queue", "state", "bulk", "next_try_at", "id"),
        Index("ix_outgoing_mail_cause", "cause_table", "cause_id"),
        Index("ix_outgoing_mail_school", "school_id", "id"),
    )

    # A reset asked for at the door belongs to no school.
    school_id: Mapped[int | None] = mapped_column(  # type: ignore[assignment]
        ForeignKey("school.id", ondelete="CASCADE"), info={"label": _("[School]")}
    )
    to_address: Mapped[str] = mapped_column(String(254), info={"label": _("To")})
    to_name: Mapped[str] = mapped_column(default="", info={"label": _("Name of the addressee")})
    subject: Mapped[str] = mapped_column(info={"label": _p("outgoing_mail", "Subject")})
    body: Mapped[str] = mapped_column(Text, info={"label": _p("outgoing_mail", "Text"), "private": True})
    html: Mapped[str] = mapped_column(Text, default="", deferred=True, info={"private": True})  # clean; empty: made from the text
    sealed: Mapped[bool] = mapped_column(default=False)
    bulk: Mapped[bool] = mapped_column(default=False)  # one of many: it leaves after those that somebody waits for
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    state: Mapped[MailState] = mapped_column(choice_column(MailState), default=MailState.waiting, info={"label": _p("outgoing_mail", "State")})
    tries: Mapped[int] = mapped_column(default=0, info={"label": _("Tries")})
    unsure: Mapped[int] = mapped_column(default=0)  # times it may have left without our knowing: once more at most
    handed: Mapped[bool] = mapped_column(default=False)  # the end of its text is on its way: until the answer nobody knows (jobs/mail.py)
    trouble: Mapped[MailTrouble | None] = mapped_column(choice_column(MailTrouble), nullable=True, info={"label": _("Why it was not sent")})
    next_try_at: Mapped[dt.datetime | None] = mapped_column(default=utcnow, info={"label": _("Next try")})
    message_id: Mapped[str] = mapped_column(unique=True, default=_message_id)
    error: Mapped[str] = mapped_column(Text, default="", info={"label": _("Answer of the server")})
    cause_table: Mapped[str] = mapped_column(default="")
    cause_id: Mapped[int | None] = mapped_column()
    runner: Mapped[str] = mapped_column(default="")
    beat_at: Mapped[dt.datetime | None] = mapped_column()
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _("Written on")})
    sent_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Sent on")})

    requested_by: Mapped[User | None] = relationship(info={"label": _("Written by")})

    def __str__(self) -> str:
        return self.subject

    @classmethod
    def queue(
        cls, to_address: str, subject: str, body: str, *, to_name: str = "", cause: Any = None, language: str = "", secret: bool = False, html: str = ""
    ) -> OutgoingMail:
        """Write a mail in the caller's own transaction; the texts come translated. `cause` is the row it is about (flushed, or None), or its table and id.

        `html` is the same text with bold and links, cleaned by who gives it (`models.message_html.clean`); without it the text is laid out.
        `secret` says that the text opens something (a reset link): it is kept sealed, shown to nobody, wiped once sent.
        Refused: an address that is none, a line break in address, name or subject.
        """
        mail = cls(**cls._values({"to_address": to_address, "subject": subject, "body": body, "to_name": to_name, "cause": cause,
                                  "language": language, "secret": secret, "html": html}))  # fmt: skip
        db.session.add(mail)
        return mail

    @classmethod
    def queue_many(cls, rows: Iterable[Mapping[str, Any]]) -> Queued:
        """Write many mails in the caller's own transaction, a thousand by one statement; each row holds the arguments of `queue`.

        They leave after single mails. An address or a subject that `queue` would refuse is left out and told in `refused`. One line
        of the history for all of them. The rows may come from a generator: no more than a thousand stand in memory, identifiers apart.
        """
        ids: list[int | None] = []
        refused: dict[int, str] = {}
        table = cls.__table__
        made = insert(table).returning(table.c.message_id, table.c.id)  # type: ignore[arg-type]  # (found again by name: the order is the database's)
        waiting = iter(rows)
        while piece := list(islice(waiting, BULK_PIECE)):
            good, places = [], {}
            for place, row in enumerate(piece, len(ids)):
                values = cls._values(row)
                try:
                    values |= {key: _in_one_line(key, values[key]) for key in ("to_address", "to_name", "subject")}
                except Refusal as refusal:
                    refused[place] = refusal.sentence
                    continue
                name = _message_id()
                good.append(values | {"bulk": True, "message_id": name})
                places[name] = place
            ids += [None] * len(piece)
            if good:
                for name, mail_id in db.session.execute(made, good):
                    ids[places[name]] = mail_id
        count = len(ids) - len(refused)
        if count:
            record(db.session, "created", cls.__tablename__, rows=count)
            db.session.info["work_waits"] = True
        return Queued(ids, refused)

    @staticmethod
    def _values(given: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a new mail; `cause` is a row, or its table and number."""
        who, secret, cause = WHO.get(), given.get("secret", False), given.get("cause")
        table, number = cause if isinstance(cause, tuple) else (getattr(cause, "__tablename__", ""), getattr(cause, "id", None))
        sealed = {key: keys.seal("mail", given[key]) if secret and given.get(key) else given.get(key, "") for key in ("body", "html")}
        return {
            **{key: given.get(key, "").strip() for key in ("to_address", "to_name", "subject")},
            **sealed,
            "sealed": secret,
            "language": given.get("language") or who.language,
            "state": MailState.waiting,
            "school_id": current_school_id(),
            "requested_by_id": who.user_id,
            "cause_table": table,
            "cause_id": number,
        }

    @validates("to_address", "to_name", "subject")
    def _one_line(self, key: str, value: str) -> str:
        return _in_one_line(key, value)

    @property
    def text(self) -> str:
        """The text to send. Raises ValueError when it was sealed with another key."""
        return keys.unseal("mail", self.body) if self.sealed and self.body else self.body

    @property
    def rich(self) -> str:
        """The same as HTML, not yet cleaned; empty when it is made from the text. Raises ValueError as `text` does."""
        return keys.unseal("mail", self.html) if self.sealed and self.html else self.html

    @property
    def reason(self) -> str:
        """Why it has not left, in the reader's language; empty when nothing is wrong."""
        return self.trouble.sentence(self.error) if self.trouble is not None else self.error

    def retry(self) -> None:
        """Send as soon as possible. Refused once it is sent, while it is being sent, and to somebody who may no longer get it."""
        if self.state in (MailState.sent, MailState.sending):
            raise Refusal(_("This mail has already left, or is leaving now."))
        if not self.body:
            raise Refusal(_("The text of this mail is no longer kept: texts stay %(days)d days. Do again what caused it."), days=TEXT_DAYS)
        if not self.may_leave(object_session(self) or db.session):
            raise Refusal(_CLOSED)
        self.state, self.tries, self.error, self.next_try_at = MailState.waiting, 0, "", utcnow()
        self.unsure, self.trouble = 0, None

    def may_leave(self, session: Session) -> bool:
        """Whether its addressee may still get it, by the rule of what caused it."""
        rule = _LEAVES.get(self.cause_table)
        return rule is None or rule(session, self)

    def cancel(self) -> None:
        """Never send it. Refused unless it waits or failed."""
        if self.state not in (MailState.waiting, MailState.failed):
            raise Refusal(_("Only a mail that still waits can be cancelled."))
        self.state, self.next_try_at = MailState.cancelled, None

    @property
    def readable(self) -> bool:
        """Whether its text may be shown and saved: it opens nothing, and is still kept."""
        return not self.sealed and bool(self.body)

    def download(self) -> str:
        """The text that may be shown and saved. Refused when it holds a personal link, or is no longer kept."""
        if self.sealed:
            raise Refusal(_("This mail holds a personal link: only its addressee reads it."))
        if not self.body:
            raise Refusal(_("The text of this mail is no longer kept: texts stay %(days)d days. Look in the mailbox that it went to."), days=TEXT_DAYS)
        return self.body


def forget_texts(session: Session) -> int:
    """Empty the texts of mails that are done with for ninety days, in every school; how many. Nightly work, without a scope."""
    done = (OutgoingMail.state.in_((MailState.sent, MailState.cancelled, MailState.failed)), OutgoingMail.body != "")
    long_ago = func.coalesce(OutgoingMail.sent_at, OutgoingMail.created_at) < utcnow() - dt.timedelta(days=TEXT_DAYS)
    wiped = update(OutgoingMail).where(*done, long_ago).values(body="", html="").execution_options(synchronize_session=False)
    return int(session.execute(wiped).rowcount)  # type: ignore[attr-defined]


@event.listens_for(Job, "after_insert")
@event.listens_for(Job, "after_update")
@event.listens_for(OutgoingMail, "after_insert")
@event.listens_for(OutgoingMail, "after_update")
def _note_work(_mapper: Any, _connection: Any, row: Job | OutgoingMail) -> None:
    """Remember in the session that its commit leaves something to do."""
    session = object_session(row)
    if session is not None and row.state in (JobState.waiting, MailState.waiting):
        session.info["work_waits"] = True


@event.listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    """Wake the runner of this process. A commit of a savepoint wakes it for nothing, which costs one look."""
    if session.info.get("work_waits"):
        JOB_WAITING.set()
