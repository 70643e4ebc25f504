"""The line to the mail server as a whole: what may go wrong with it in words, and the pause of the queue while it does.

One row for the installation, whatever the number of runners. A fault of the line (no connection, a wrong password, "too many") is no
fault of a mail: no mail burns a try, the queue waits 1, 5, then 30 minutes, one runner tries one mail, and the others look.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Text, insert, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Choice, Identified, choice_column, utcnow
from models.words import _, _p

PAUSES = tuple(dt.timedelta(minutes=m) for m in (1, 5, 30))  # then every 30 minutes, without end: nothing is lost
TRIAL = dt.timedelta(minutes=10)  # how long whoever tries first after a pause is waited for
_ONLY = 1  # the identifier of the one row


class MailStep(Choice):
    """The steps of the conversation, in their order."""

    setting = "setting", _("Setting"), "info"
    connect = "connect", _("Connection"), "info"
    encrypt = "encrypt", _("Encryption"), "info"
    sign_in = "sign_in", _("Identification"), "info"
    sender = "sender", _("Sender"), "info"
    addressee = "addressee", _("Addressee"), "info"
    text = "text", _("Text"), "info"


class MailFault(Choice):
    """What goes wrong with a mail server, and (`remedy`) what to do about it."""

    unset = "unset", _("No mail server is set."), "warn"
    setting = "setting", _("The setting SCOLABRI_MAIL_URL cannot be read."), "bad"
    unknown = "unknown", _("No server of this name is found."), "bad"
    refused = "refused", _("The server refuses the connection."), "bad"
    timeout = "timeout", _("The server does not answer in time."), "bad"
    certificate = "certificate", _("The certificate of the server is not accepted."), "bad"
    encryption = "encryption", _("The server does not offer the encryption that is asked for."), "bad"
    password = "password", _("The server refuses the user name or the password."), "bad"
    no_sign_in = "no_sign_in", _("The server takes no sign-in over this connection."), "bad"
    sender = "sender", _("The server refuses the address that writes."), "bad"
    relay = "relay", _("The server does not pass mails on to other addresses."), "bad"
    busy = "busy", _("The server asks to wait."), "warn"
    address = "address", _("The server refuses the address of the addressee."), "bad"
    text = "text", _("The server refuses the text of the mail."), "bad"
    broken = "broken", _("The connection broke."), "bad"

    @property
    def remedy(self) -> Any:
        """What to do, in a sentence."""
        return _REMEDIES[self] if self in _REMEDIES else _remedy_in_words(self)


def _remedy_in_words(fault: MailFault) -> Any:
    """What to do; where the setting is to be written, with an example whose parts are named in the reader's language."""
    name, password, server = str(_p("mail setting", "name")), str(_p("mail setting", "password")), str(_p("mail setting", "server"))
    if fault is MailFault.relay:
        return _("Sign in: write %(what)s before the name of the server, or let the server accept this machine.", what=f"{name}:{password}@")
    return _(
        "Write it in the environment as SCOLABRI_MAIL_URL, or in the file scolabri.toml as mail_url: %(one)s or %(other)s. Then start Scolabri again.",
        one=f"smtp://{name}:{password}@{server}:587?tls=starttls",
        other=f"smtps://{name}:{password}@{server}:465",
    )


_REMEDIES: dict[MailFault, Any] = {
    MailFault.unknown: _("Check the name of the server in SCOLABRI_MAIL_URL, and that this machine reaches the network."),
    MailFault.refused: _("Check the port in SCOLABRI_MAIL_URL: usually 587 with ?tls=starttls, or 465 with smtps://."),
    MailFault.timeout: _("A firewall often closes port 25: try 587 with ?tls=starttls, or 465 with smtps://."),
    MailFault.certificate: _("Write the name that stands in the certificate in SCOLABRI_MAIL_URL, and check the date of this machine."),
    MailFault.encryption: _("Ask whoever runs the server: usually 587 with ?tls=starttls, or 465 with smtps://."),
    MailFault.password: _(
        "Write them again in SCOLABRI_MAIL_URL (%(signs)s); some services want a password made for applications.", signs="@ = %40, : = %3A, / = %2F"
    ),
    MailFault.no_sign_in: _("Most servers let sign in over an encrypted connection only: add ?tls=starttls to SCOLABRI_MAIL_URL."),
    MailFault.sender: _("Add from= with an address that this account may use to SCOLABRI_MAIL_URL: ?tls=starttls&from=address."),
    MailFault.busy: _("Nothing to do: the mails wait, and leave by themselves."),
    MailFault.address: _("Correct the address, then send again."),
    MailFault.text: _("It may be taken for an unwanted one: ask whoever runs the server, then send again."),
    MailFault.broken: _("Try again; if it goes on, ask whoever runs the server."),
}


class MailTrouble(Choice):
    """Why a mail has not left, or not at once."""

    address = "address", _("Address refused"), "bad"
    text = "text", _("Text refused"), "bad"
    later = "later", _("To be tried again"), "warn"
    given_up = "given_up", _("Tried seven times"), "bad"
    unsure = "unsure", _("Perhaps arrived"), "warn"
    unmade = "unmade", _("Could not be written"), "bad"
    withheld = "withheld", _("No longer for this person"), "info"

    def sentence(self, answer: str) -> str:
        """The same in a sentence, with the server's own words."""
        told = {
            MailTrouble.address: _("The mail server refuses this address: %(answer)s. Correct the address, then send again.", answer=answer),
            MailTrouble.text: _("The mail server refuses this text: %(answer)s. Ask whoever runs the server, then send again.", answer=answer),
            MailTrouble.later: _("The mail server asks to try again later: %(answer)s.", answer=answer),
            MailTrouble.given_up: _("The mail server has put this mail off seven times: %(answer)s.", answer=answer),
            MailTrouble.unsure: _("Nobody knows whether this mail arrived: the connection broke after its text was handed over."),
            MailTrouble.unmade: _("This mail could not be written. Do again what caused it."),
            MailTrouble.withheld: _(
                "This mail did not leave: since the message was sent, the link of this person to [the student] was suspended, removed or put to check."
            ),
        }
        return str(told[self])


class MailLine(Base, Identified):
    """How the line stands: the pause under way, since when nothing leaves, and what the server said. No person's data."""

    __tablename__ = "mail_line"
    __journal__ = False

    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[dt.datetime | None] = mapped_column()
    paused_until: Mapped[dt.datetime | None] = mapped_column()
    fault: Mapped[MailFault | None] = mapped_column(choice_column(MailFault), nullable=True)
    answer: Mapped[str] = mapped_column(Text, default="")

    @property
    def sentence(self) -> str:
        """What is wrong, what to do, and the server's own words."""
        told = f"{self.fault} {self.fault.remedy}" if self.fault else ""
        return f"{told} ({self.answer})" if self.answer else told


def trouble(session: Session) -> MailLine | None:
    """The line while it fails; None while it is well."""
    return session.scalar(select(MailLine).where(MailLine.id == _ONLY, MailLine.failures > 0))


def may_try(session: Session) -> bool:
    """Whether the caller may speak to the server now. After a pause, of all who ask one may: the others wait for what it finds."""
    line = trouble(session)
    if line is None or line.paused_until is None:
        return True
    now = utcnow()
    over = or_(MailLine.paused_until <= now, MailLine.paused_until > now + PAUSES[-1] + TRIAL)  # (far ahead: the clock was set back)
    taken = update(MailLine).where(MailLine.id == _ONLY, over).values(paused_until=now + TRIAL).execution_options(synchronize_session=False)
    won = int(session.execute(taken).rowcount) == 1  # type: ignore[attr-defined]
    session.commit()
    return won


def pause(session: Session, fault: MailFault, answer: str) -> dt.datetime:
    """Let the whole queue wait, longer each time, in the caller's transaction; until when."""
    line = trouble(session)
    failures = line.failures if line is not None else 0
    until = utcnow() + PAUSES[min(failures, len(PAUSES) - 1)]
    since = line.failing_since if line is not None else utcnow()
    values = {"failures": failures + 1, "failing_since": since, "paused_until": until, "fault": fault, "answer": answer}
    written = update(MailLine).where(MailLine.id == _ONLY).values(values).execution_options(synchronize_session=False)
    if not session.execute(written).rowcount:  # type: ignore[attr-defined]
        session.execute(insert(MailLine).values(id=_ONLY, **values))
    return until


def well(session: Session) -> None:
    """The line works: no pause, in the caller's transaction."""
    values = {"failures": 0, "failing_since": None, "paused_until": None, "fault": None, "answer": ""}
    session.execute(update(MailLine).where(MailLine.id == _ONLY, MailLine.failures > 0).values(values).execution_options(synchronize_session=False))
