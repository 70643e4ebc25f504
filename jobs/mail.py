"""Mails leave here, one by one, after the transaction that wrote them. The outbox is its own queue.

Times of the tries of a mail: at once, then after 1, 5 and 30 minutes, 2, 6 and 24 hours. A refusal for good (5xx) ends it. A fault of the
line is no try of a mail: the whole queue waits (models/mail_line.py). Single mails go before those of a large sending.

When nobody knows whether a mail was taken it is tried once more, with the same Message-ID, and no further (security R10). That is so
from the moment when `handed` is written until the server's answer is: the row is marked just before the last line of the text leaves. A
sender that dies before the mark has sent nothing; one that dies after the answer was written has sent once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, case, literal, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import undefer

from jobs.smtp import Later, LineDown, Post, Refused, Trouble, Unsure
from models import mail_line
from models.base import utcnow
from models.db import BEGIN, db
from models.mail_line import MailFault, MailStep, MailTrouble
from models.mail_server import MailServer
from models.mime import compose
from models.school import School
from models.scope import unscoped
from models.work import MailState, OutgoingMail

log = logging.getLogger("scolabri.jobs")

DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 1440))
DEAD = dt.timedelta(minutes=10)  # longer than the answers before the mark, and than the one after it (MAIL_LEASE of the configuration, in seconds)
AHEAD = dt.timedelta(minutes=10)  # more than the clocks of two machines differ
BATCH = 100  # mails over one connection
WRITES = 20  # tries to write what became of a mail, each as long as the database's own patience
PUT_OFF = 3  # mails put off one after the other: then it is the server that wants to wait


class Lost(Exception):  # noqa: N818 (not a fault: the mail is another sender's now)
    """The mail was taken over while we seemed dead."""


def configured() -> MailServer | None:
    """The mail server of this installation, or None: then mails wait and are read in the application."""
    url = current_app.config.get("MAIL_URL")
    return MailServer.from_url(url) if url else None


def _due() -> ColumnElement[bool]:
    return and_(OutgoingMail.state == MailState.waiting, OutgoingMail.next_try_at <= utcnow())


def _abandoned() -> ColumnElement[bool]:
    lease = current_app.config.get("MAIL_LEASE")
    now = utcnow()
    silent = or_(OutgoingMail.beat_at < now - (DEAD if lease is None else dt.timedelta(seconds=lease)), OutgoingMail.beat_at > now + AHEAD)
    return and_(OutgoingMail.state == MailState.sending, silent)


def _something() -> bool:
    """Whether there is anything to do, without holding a writer up."""
    token = BEGIN.set("DEFERRED")
    try:
        looks = (select(OutgoingMail.id).where(_due()).limit(1), select(OutgoingMail.id).where(_abandoned()).limit(1))
        return any(db.session.scalar(look) is not None for look in looks)
    finally:
        db.session.rollback()
        BEGIN.reset(token)


def _write(statement: Any) -> int:
    return int(db.session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]


def _take_back() -> None:
    """Mails whose sender died: those it had not handed over wait again as if nothing had been, the others once more, or never."""
    over = and_(OutgoingMail.handed, OutgoingMail.unsure >= 1)
    values = {
        "state": case((over, MailState.failed.name), else_=MailState.waiting.name),
        "trouble": case((OutgoingMail.handed, MailTrouble.unsure.name), else_=None),
        "next_try_at": case((over, None), else_=literal(utcnow(), OutgoingMail.next_try_at.type)),
        "unsure": case((OutgoingMail.handed, OutgoingMail.unsure + 1), else_=OutgoingMail.unsure),
        "handed": False,
        "runner": "",
    }
    _write(update(OutgoingMail).where(_abandoned()).values(values))
    db.session.commit()


class Sender:
    """One turn of sending: one runner, one connection, up to a hundred mails."""

    def __init__(self, server: MailServer, me: str) -> None:
        self.server, self.me = server, me
        self.post = Post(server)
        self.schools: dict[int, School] = {}  # as they were when this turn first met them
        self.count = self.put_off = 0
        self.over = False  # nothing more in this turn
        self.note: Callable[[], Any] = _nothing  # what is to be written about the line, with what becomes of the mail

    def run(self, stop: Callable[[], bool]) -> int:
        """Send what is due; how many were tried."""
        letter, became = None, dict[str, Any]()
        while (letter := self._turn(letter, became, more=not self.over and self.count < BATCH and not stop())) is not None:
            self.count += 1
            became = self._deliver(letter)
        return self.count

    # -- the rows

    def _turn(self, before: OutgoingMail | None, became: dict[str, Any], *, more: bool) -> OutgoingMail | None:
        """In one transaction: write what became of the mail before, claim the next one."""
        for tried in range(WRITES):
            try:
                if before is not None:
                    _write(update(OutgoingMail).where(self._mine(before.id)).values(handed=False, **became))
                    self.note()
                found = self._claim() if more else None
                db.session.commit()
            except OperationalError:  # the database is busy: giving up would leave a mail that has left as one that perhaps has
                db.session.rollback()
                if before is None or tried == WRITES - 1:
                    raise
                log.warning("mail %d: the database is busy", before.id)
            else:
                self.note = _nothing
                return found
        return None

    def _mine(self, mail_id: int) -> ColumnElement[bool]:
        return and_(OutgoingMail.id == mail_id, OutgoingMail.runner == self.me, OutgoingMail.state == MailState.sending)

    def _claim(self) -> OutgoingMail | None:
        """The next mail, apart from the session: no transaction is open while it is composed and the server is spoken to."""
        for bulk in (False, True):  # (two looks, each along the index)
            oldest = select(OutgoingMail).where(_due(), OutgoingMail.bulk.is_(bulk)).order_by(OutgoingMail.next_try_at, OutgoingMail.id)
            one = oldest.options(undefer(OutgoingMail.html)).limit(1).with_for_update(skip_locked=True)
            mail = db.session.scalar(one)
            while mail is not None and not mail.may_leave(db.session):  # whom it was for may no longer get it, since it was written or put off
                gone = {"state": MailState.cancelled, "next_try_at": None, "trouble": MailTrouble.withheld}
                _write(update(OutgoingMail).where(OutgoingMail.id == mail.id).values(gone))
                db.session.expunge(mail)
                mail = db.session.scalar(one)
            if mail is None:
                continue
            if mail.school_id and mail.school_id not in self.schools:
                self.schools[mail.school_id] = db.session.get_one(School, mail.school_id)
                db.session.expunge(self.schools[mail.school_id])
            db.session.expunge(mail)
            values = {"state": MailState.sending, "runner": self.me, "beat_at": utcnow(), "handed": False}
            _write(update(OutgoingMail).where(OutgoingMail.id == mail.id).values(values))
            return mail
        return None

    def _compose(self, mail: OutgoingMail) -> EmailMessage | None:
        """The mail to send, or None when it cannot be made: sealed with a key that was lost, a header that is none."""
        try:
            return compose(mail, self.schools.get(mail.school_id) if mail.school_id else None, sender=self.server.sender)
        except ValueError:
            log.exception("mail %d cannot be made", mail.id)
            return None

    def _mark(self, letter: OutgoingMail) -> None:
        """From here on nobody knows until the server answers. Raises Lost when the mail is no longer ours: then it is not sent."""
        marked = _write(update(OutgoingMail).where(self._mine(letter.id)).values(handed=True, beat_at=utcnow(), tries=letter.tries + 1))
        db.session.commit()
        if not marked:
            raise Lost(letter.id)

    # -- the server

    def _deliver(self, letter: OutgoingMail) -> dict[str, Any]:
        """Try one mail; what becomes of its row."""
        message = self._compose(letter)
        if message is None:
            return _ended(MailTrouble.unmade, "")
        try:
            self.post.send(message, letter.to_address, lambda: self._mark(letter))
        except Refused as no:
            log.info("mail %d is refused: %s", letter.id, self._words(no))
            return {**_ended(MailTrouble.text if no.step is MailStep.text else MailTrouble.address, self._words(no)), "tries": letter.tries + 1}
        except Later as no:
            self.put_off += 1
            if self.put_off >= PUT_OFF:
                self._pause(MailFault.busy, self._words(no))
            return self._again(letter, MailTrouble.later, self._words(no))
        except LineDown as down:
            return self._down(letter, down)
        except Unsure as broken:
            self._pause(broken.fault, self._words(broken))
            if letter.unsure:
                return {**_ended(MailTrouble.unsure, self._words(broken)), "unsure": letter.unsure + 1}
            return {**self._again(letter, MailTrouble.unsure, self._words(broken)), "unsure": letter.unsure + 1}
        except OperationalError:  # it could not be marked, so it has not left
            db.session.rollback()
            self.over = True
            return {"state": MailState.waiting}
        except Lost:
            log.info("mail %d is lost", letter.id)
            return {}
        self.put_off = 0
        if self.post.taken == 1:
            self.note = partial(mail_line.well, db.session)
        # A secret has done its work: the link is in the addressee's hands, and nowhere else any more.
        wiped = {"body": "", "html": ""} if letter.sealed else {}
        return {"state": MailState.sent, "sent_at": utcnow(), "next_try_at": None, "error": "", "trouble": None, **wiped}

    def _again(self, letter: OutgoingMail, trouble: MailTrouble, words: str) -> dict[str, Any]:
        """An answer about this mail: the next of its tries, or the end."""
        if letter.tries >= len(DELAYS):
            return {**_ended(MailTrouble.given_up, words), "tries": letter.tries + 1}
        later = utcnow() + DELAYS[letter.tries]
        return {"state": MailState.waiting, "next_try_at": later, "trouble": trouble, "error": words, "tries": letter.tries + 1}

    def _down(self, letter: OutgoingMail, down: LineDown) -> dict[str, Any]:
        """The line fails. The mail waits again as if nothing had been; where it may be the mail's doing others go before it."""
        words, fresh = self._words(down), not self.post.taken
        self.post.taken = 0
        if fresh:  # (after mails that were taken, a new connection is worth a try: some servers take so many over each)
            self._pause(down.fault, words)
        if down.step not in (MailStep.addressee, MailStep.text):
            return {"state": MailState.waiting}
        return {"state": MailState.waiting, "next_try_at": utcnow() + DELAYS[0]} if fresh else self._again(letter, MailTrouble.later, words)

    def _pause(self, fault: MailFault, words: str) -> None:
        self.over, self.note = True, partial(mail_line.pause, db.session, fault, words)
        log.warning("the mail server fails (%s): %s; all mails wait", fault.name, words)

    def _words(self, trouble: Trouble) -> str:
        return self.server.hide(str(trouble))


def _nothing() -> None:
    """Nothing to write about the line."""


def _ended(trouble: MailTrouble, words: str) -> dict[str, Any]:
    return {"state": MailState.failed, "next_try_at": None, "trouble": trouble, "error": words}


def send_due(me: str, stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due, at most a hundred mails over one connection; how many were tried. Without a server nothing is touched."""
    server = configured()
    if server is None:
        return 0
    with unscoped("the outbox, in every school"):
        if not _something():
            return 0
        _take_back()
        if not mail_line.may_try(db.session):
            return 0
        sender = Sender(server, me)
        try:
            return sender.run(stop)
        finally:
            sender.post.close()
