"""Mails leave here, one by one, after the transaction that wrote them. The outbox is its own queue.

Times of the tries: at once, then after 1, 5 and 30 minutes, 2, 6 and 24 hours. A refusal for good (5xx) ends it. When the line
breaks after the text was handed over nobody knows whether it was taken: such a mail is tried once more, with the same
Message-ID, and no further (security R10).
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import ColumnElement, and_, or_, select, update

from models.base import utcnow
from models.db import BEGIN, db
from models.mime import compose
from models.school import School
from models.scope import unscoped
from models.words import _
from models.work import MailState, OutgoingMail

log = logging.getLogger("scolabri.jobs")

DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 1440))
TIMEOUT = 30.0  # seconds, for each answer of the server
DEAD = dt.timedelta(minutes=10)  # longer than all answers of one mail together
BATCH = 50  # mails over one connection


@dataclass(frozen=True)
class MailServer:
    """Where mails go, read from SCOLABRI_MAIL_URL."""

    host: str
    port: int
    user: str
    password: str
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

    def connect(self) -> smtplib.SMTP:
        """A connection ready for mails: encrypted and signed in as the address says."""
        if self.tls == "ssl":
            line: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=ssl.create_default_context())
        else:
            line = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        try:
            if self.tls == "starttls":
                line.starttls(context=ssl.create_default_context())
            line.ehlo_or_helo_if_needed()
            if self.user:
                line.login(self.user, self.password)
        except BaseException:
            line.close()
            raise
        return line


class Refused(Exception):  # noqa: N818 (an answer of the server)
    """The server will never take this mail."""


class Later(Exception):  # noqa: N818
    """Not now: no line, or a refusal for the moment."""


class Unsure(Exception):  # noqa: N818
    """The line broke after the text was handed over."""


def configured() -> MailServer | None:
    """The mail server of this installation, or None: then mails wait and are read in the application."""
    url = current_app.config.get("MAIL_URL")
    return MailServer.from_url(url) if url else None


class Post:
    """One connection, opened at the first mail and again after any trouble."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._line: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, address: str) -> None:
        """Hand one mail over. Raises Refused, Later or Unsure; returns only when the server said yes."""
        try:
            self._send(message, address)
        except BaseException:
            self.close()  # half a conversation is no beginning for the next mail
            raise

    def _send(self, message: EmailMessage, address: str) -> None:
        try:
            if self._line is None:
                self._line = self.server.connect()
            line = self._line
            code, said = line.mail(self.server.sender)
            if code >= 300:  # it does not want us, whoever the mail is for: that is for the administrator, and may change
                raise Later(_answer(code, said))
            _heed(*line.rcpt(address))
        except (OSError, smtplib.SMTPException) as trouble:
            raise Later(_plain(trouble)) from trouble
        words: bytes | str
        try:
            code, words = line.data(message.as_bytes())
        except smtplib.SMTPDataError as trouble:  # said before any text went over
            code, words = trouble.smtp_code, trouble.smtp_error
        except (OSError, smtplib.SMTPException) as trouble:
            raise Unsure(_plain(trouble)) from trouble
        _heed(code, words)

    def close(self) -> None:
        """End the connection; a line that is broken already is no trouble."""
        line, self._line = self._line, None
        if line is not None:
            try:
                line.quit()
            except (OSError, smtplib.SMTPException):
                line.close()


def _heed(code: int, words: bytes | str) -> None:
    """2xx goes on, 5xx is for good, anything else is for later."""
    if 200 <= code < 300:
        return
    raise Refused(_answer(code, words)) if code >= 500 else Later(_answer(code, words))


def _answer(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"[:300]


def _plain(trouble: Exception) -> str:
    return f"{type(trouble).__name__}: {trouble}"[:300]


def _due() -> ColumnElement[bool]:
    now = utcnow()
    waits = and_(OutgoingMail.state == MailState.waiting, OutgoingMail.next_try_at <= now)
    return or_(waits, and_(OutgoingMail.state == MailState.sending, OutgoingMail.beat_at < now - DEAD))


@dataclass(frozen=True)
class Letter:
    """One claimed mail, as plain values: no transaction is open while the server is spoken to."""

    id: int
    tries: int
    unsure: int
    language: str
    address: str
    sealed: bool
    message: EmailMessage | None


def _claim(me: str, server: MailServer) -> Letter | None:
    """Take the oldest due mail, or None. One whose sender died in the middle counts as perhaps sent."""
    token = BEGIN.set("DEFERRED")
    try:
        waits = db.session.scalar(select(OutgoingMail.id).where(_due()).limit(1))
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    if waits is None:
        return None
    mail = db.session.scalar(select(OutgoingMail).where(_due()).order_by(OutgoingMail.id).limit(1).with_for_update(skip_locked=True))
    if mail is None:
        db.session.rollback()
        return None
    if mail.state is MailState.sending:
        mail.unsure += 1
    mail.state, mail.runner, mail.beat_at, mail.tries = MailState.sending, me, utcnow(), mail.tries + 1
    letter = Letter(mail.id, mail.tries, mail.unsure, mail.language, mail.to_address, mail.sealed, _compose(mail, server))
    db.session.commit()
    return letter


def _compose(mail: OutgoingMail, server: MailServer) -> EmailMessage | None:
    """The mail to send, or None when it cannot be made: sealed with a key that was lost, a header that is none."""
    school = db.session.get(School, mail.school_id) if mail.school_id else None
    name, reply_to = (school.name, school.email) if school else ("", "")
    try:
        return compose(mail, mail.text, from_address=server.sender, from_name=name, reply_to=reply_to)
    except ValueError:
        log.exception("mail %d cannot be made", mail.id)
        return None


def _settle(letter: Letter, me: str, **values: Any) -> None:
    """Write what became of a mail, unless somebody else holds it by now."""
    mine = and_(OutgoingMail.id == letter.id, OutgoingMail.runner == me, OutgoingMail.state == MailState.sending)
    db.session.execute(update(OutgoingMail).where(mine).values(**values).execution_options(synchronize_session=False))
    db.session.commit()


def _deliver(post: Post, letter: Letter, me: str) -> bool:
    """Try one mail; whether the server can be asked for the next one at once."""
    if letter.unsure > 1:
        _settle(letter, me, state=MailState.failed, next_try_at=None, error=str(_("Nobody knows whether this mail arrived: it was tried twice.")))
        return True
    if letter.message is None:
        _settle(letter, me, state=MailState.failed, next_try_at=None, error=str(_("This mail could not be written. Do again what caused it.")))
        return True
    try:
        post.send(letter.message, letter.address)
    except Refused as no:
        log.warning("mail %d is refused: %s", letter.id, no)
        sentence = _("The mail server refuses this address: %(answer)s. Correct the address, then send again.", answer=str(no))
        _settle(letter, me, state=MailState.failed, next_try_at=None, error=str(sentence))
        return True
    except (Later, Unsure) as trouble:
        log.warning("mail %d is delayed at try %d: %s", letter.id, letter.tries, trouble)
        unsure = letter.unsure + isinstance(trouble, Unsure)
        over = letter.tries > len(DELAYS) or unsure > 1
        values = {"unsure": unsure, "error": str(_("The mail server does not answer as it should: %(answer)s.", answer=str(trouble)))}
        if over:
            _settle(letter, me, state=MailState.failed, next_try_at=None, **values)
        else:
            _settle(letter, me, state=MailState.waiting, next_try_at=utcnow() + DELAYS[letter.tries - 1], **values)
        return False
    # A secret has done its work: the link is in the addressee's hands, and nowhere else any more.
    wiped = {"body": ""} if letter.sealed else {}
    _settle(letter, me, state=MailState.sent, sent_at=utcnow(), next_try_at=None, error="", **wiped)
    return True


def send_due(me: str, stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due, at most fifty mails over one connection; how many were tried. Without a server nothing is touched."""
    server = configured()
    if server is None:
        return 0
    post, count = Post(server), 0
    with unscoped("the outbox, in every school"):
        try:
            while count < BATCH and not stop() and (letter := _claim(me, server)) is not None:
                count += 1
                with force_locale(letter.language):
                    if not _deliver(post, letter, me):
                        break
        finally:
            post.close()
    return count
