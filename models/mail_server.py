"""Where mails go, read from SCOLABRI_MAIL_URL, and the last test of it. The password is never shown, kept or logged (security 98)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import JSON, ForeignKey, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.access import User
from models.base import Base, Identified, Refusal, choice_column, utcnow
from models.journal import record
from models.mail_line import MailFault, MailStep
from models.scope import WHO, SchoolScoped, current_school_id
from models.words import _
from models.work import Job, JobKind


@dataclass(frozen=True)
class MailServer:
    """The parts of the setting."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: str  # "", "starttls" or "ssl"
    sender: str

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """`smtp://user:pass@host:port?tls=starttls&from=address`; `smtps://` is `tls=ssl`. Raises ValueError for anything else.

        The password may hold %-escapes. Without `from`, mails are written by the user when that is an address, else by scolabri@host.
        """
        parts = urlsplit(url)
        asked = parse_qs(parts.query)
        tls = "ssl" if parts.scheme == "smtps" else asked.get("tls", [""])[0]
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in ("", "starttls", "ssl"):
            raise ValueError("SCOLABRI_MAIL_URL is smtp://user:pass@host:port?tls=starttls or smtps://...")
        user = unquote(parts.username or "")
        sender = asked.get("from", [user if "@" in user else f"scolabri@{parts.hostname}"])[0]
        port = parts.port or {"": 25, "starttls": 587, "ssl": 465}[tls]
        return cls(parts.hostname, port, user, unquote(parts.password or ""), tls, sender)

    def hide(self, text: str) -> str:
        """A text of the server without our password, should it repeat it."""
        return text.replace(self.password, "…") if self.password else text

    @property
    def encryption(self) -> Any:
        """How the line is encrypted, in words."""
        return {"": _("none"), "starttls": "STARTTLS", "ssl": "TLS"}[self.tls]


class MailTest(Base, Identified, SchoolScoped):
    """The last test that a school made of the mail server: what it answered at each step. One row a school."""

    __tablename__ = "mail_test"
    __journal__ = False

    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    to_address: Mapped[str] = mapped_column()
    asked_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[dt.datetime | None] = mapped_column()
    steps: Mapped[list[list[str]]] = mapped_column(JSON, default=list)  # [step, answer], in their order; the last one failed when there is a fault
    fault: Mapped[MailFault | None] = mapped_column(choice_column(MailFault), nullable=True)
    answer: Mapped[str] = mapped_column(Text, default="")

    job: Mapped[Job | None] = relationship()

    @classmethod
    def ask(cls, session: Session, configured: bool) -> MailTest:
        """Ask for a test to the person's own address, in the caller's transaction; it takes the place of the school's last one.

        Refused: without a mail server, for a person without an address, while another test is under way.
        """
        if not configured:
            raise Refusal(_("No mail server is set: there is nothing to test. Set SCOLABRI_MAIL_URL first."))
        user = session.get(User, WHO.get().user_id)
        if user is None or not user.email:
            raise Refusal(_("Your account has no e-mail address: the test goes there. Write one on the page of your account first."))
        last = last_test(session)
        if last is not None and last.under_way:
            raise Refusal(_("A test is under way already. Wait for its end."))
        session.execute(delete(MailTest).where(MailTest.school_id == current_school_id()).execution_options(synchronize_session=False))
        job = Job.add(JobKind.test_mail, {}, total=len(MailStep) - 1)
        session.flush()
        made = cls(requested_by_id=user.id, job_id=job.id, to_address=user.email, steps=[])
        session.add(made)
        record(session, "test", "outgoing_mail")
        return made

    @property
    def under_way(self) -> bool:
        """Whether its result is still to come."""
        return self.finished_at is None and self.job is not None and self.job.open

    @property
    def told(self) -> list[tuple[str, str]]:
        """(step, the server's words) of what went well."""
        return [(str(MailStep[step]), answer) for step, answer in self.steps]


def last_test(session: Session) -> MailTest | None:
    """The school's last test, if there was one."""
    return session.scalar(select(MailTest).order_by(MailTest.id.desc()).limit(1))
