"""The conversation with the mail server, step by step: one place for the sender (jobs/mail.py) and for the test (jobs/mail_test.py).

What goes wrong is sorted by whom it is about: this mail (`Refused`, `Later`), the line whoever the mail is for (`LineDown`), or nobody
knows (`Unsure`: the end of the text left, no answer came). Everything before that end is certain: a server that has not seen the line
with the single dot drops what it has.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from models.mail_line import MailFault, MailStep
from models.mail_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 30.0  # seconds, for each answer of the server
LAST_TIMEOUT = 300.0  # for the last one: who gives up earlier sends twice (RFC 5321, 4.5.3.2.6)

_TOO_MUCH = re.compile(r"too many|\brate\b|\blimit|throttl|slow down|4\.7\.28|4\.3\.2", re.IGNORECASE)
_RELAY = re.compile(r"relay(?! recipient)", re.IGNORECASE)
_SIGN_IN = (530, 534, 535, 538)

Told = Callable[[MailStep, str], None]


def connect(server: MailServer, told: Told, timeout: float = TIMEOUT) -> smtplib.SMTP:
    """A connection ready for mails: encrypted and signed in as the setting says. Raises LineDown at the step that fails."""
    with _step(MailStep.connect):
        if server.tls == "ssl":
            line: _Line | _LineSSL = _LineSSL(server.host, server.port, timeout=timeout, context=ssl.create_default_context())
        else:
            line = _Line(server.host, server.port, timeout=timeout)
    try:
        told(MailStep.connect, line.greeting)
        _enter(server, line, told)
    except BaseException:
        line.close()
        raise
    return line


def _enter(server: MailServer, line: smtplib.SMTP, told: Told) -> None:
    with _step(MailStep.connect):
        line.ehlo_or_helo_if_needed()
    if server.tls:
        with _step(MailStep.encrypt):
            if server.tls == "starttls":
                line.starttls(context=ssl.create_default_context())
                line.ehlo()
        told(MailStep.encrypt, str(line.sock.version() if isinstance(line.sock, ssl.SSLSocket) else ""))
    if server.user:
        with _step(MailStep.sign_in):
            code, words = line.login(server.user, server.password)
        told(MailStep.sign_in, answer(code, words))


class _Greeted(smtplib.SMTP):
    """Keeps the words with which the server opens, and never waits to fill a packet."""

    greeting = ""

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """As smtplib does."""
        code, words = super().connect(host, port, source_address)
        # The text and the dot that ends it are two small pieces: they leave at once, not after an acknowledgement of the first (40 ms a mail).
        if self.sock is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.greeting = answer(code, words)
        return code, words


class _Line(_Greeted):
    """In clear, at first."""


class _LineSSL(_Greeted, smtplib.SMTP_SSL):
    """Encrypted from the beginning."""


class Trouble(Exception):  # noqa: N818 (an answer of the server)
    """Something the server said, or that happened to the line; `str()` is its own words."""

    def __init__(self, step: MailStep, fault: MailFault, words: str) -> None:
        super().__init__(words)
        self.step, self.fault = step, fault


class Refused(Trouble):
    """The server will never take this mail."""


class Later(Trouble):
    """Not this mail, not now."""


class LineDown(Trouble):
    """No mail at all, now: it is not about this one."""


class Unsure(Trouble):
    """The line broke after the end of the text was handed over."""


def answer(code: int, words: bytes | str) -> str:
    """An answer of the server on one line."""
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {said}".split())[:300]


@contextmanager
def _step(step: MailStep) -> Iterator[None]:
    """Whatever breaks inside is a fault of the line at this step."""
    try:
        yield
    except smtplib.SMTPResponseException as no:
        raise LineDown(step, _fault_of_code(step, no.smtp_code, str(no.smtp_error)), answer(no.smtp_code, no.smtp_error)) from no
    except (OSError, smtplib.SMTPException) as trouble:
        raise LineDown(step, _fault_of(step, trouble), f"{type(trouble).__name__}: {trouble}"[:300]) from trouble


def _fault_of(step: MailStep, trouble: Exception) -> MailFault:
    if isinstance(trouble, smtplib.SMTPNotSupportedError):
        return MailFault.encryption if step is MailStep.encrypt else MailFault.no_sign_in
    if step is MailStep.sign_in and type(trouble) is smtplib.SMTPException:  # "no suitable authentication method"
        return MailFault.no_sign_in
    kinds: tuple[tuple[type[Exception], MailFault], ...] = (
        (ssl.SSLCertVerificationError, MailFault.certificate),
        (ssl.SSLError, MailFault.encryption),
        (socket.gaierror, MailFault.unknown),
        (ConnectionRefusedError, MailFault.refused),
        (TimeoutError, MailFault.timeout),
    )
    found = next((fault for kind, fault in kinds if isinstance(trouble, kind)), MailFault.broken)
    return MailFault.timeout if "timed out" in str(trouble) and found is MailFault.broken else found


def _fault_of_code(step: MailStep, code: int, words: str) -> MailFault:
    if code in _SIGN_IN:
        return MailFault.password if step is MailStep.sign_in else MailFault.relay
    if _RELAY.search(words):
        return MailFault.relay
    if code < 500:
        return MailFault.busy
    usual = {MailStep.sign_in: MailFault.password, MailStep.encrypt: MailFault.encryption, MailStep.sender: MailFault.sender}
    return {**usual, MailStep.addressee: MailFault.address, MailStep.text: MailFault.text}.get(step, MailFault.broken)


def _heed(step: MailStep, code: int, words: bytes | str) -> str:
    """The answer when it says go on; raises by whom it is about otherwise."""
    said = answer(code, words)
    if 200 <= code < 400:
        return said
    fault = _fault_of_code(step, code, said)
    ours = step is MailStep.sender or code == 421 or fault is MailFault.relay or (code < 500 and _TOO_MUCH.search(said))
    raise (LineDown if ours else Refused if code >= 500 else Later)(step, fault, said)


def _quiet(_step: MailStep, _said: str) -> None:
    """Nobody listens to the steps."""


class Post:
    """One connection, opened at the first mail and again after any trouble. `taken` counts the mails it has taken since it was opened."""

    def __init__(self, server: MailServer, told: Told = _quiet, timeout: float | None = None) -> None:
        self.server, self.told, self.timeout, self.taken = server, told, timeout, 0
        self._line: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, address: str, before_end: Callable[[], None] = lambda: None) -> None:
        """Hand one mail over; returns only when the server said yes. Raises one of the troubles above.

        `before_end` is called when all is said but the end of the text: what it raises leaves the mail unsent, for certain.
        """
        try:
            self._send(message, address, before_end)
            self.taken += 1
        except (Refused, Later):
            self._begin_again()
            raise
        except BaseException:
            self._drop()  # half a conversation is no beginning for the next mail
            raise

    def _send(self, message: EmailMessage, address: str, before_end: Callable[[], None]) -> None:
        step, told = MailStep, self.told
        if self._line is None:
            self._line, self.taken = connect(self.server, told, TIMEOUT if self.timeout is None else self.timeout), 0
        line = self._line
        with _step(step.sender):
            code, words = line.mail(self.server.sender)
        told(step.sender, _heed(step.sender, code, words))
        with _step(step.addressee):
            code, words = line.rcpt(address)
        told(step.addressee, _heed(step.addressee, code, words))
        with _step(step.text):
            code, words = line.docmd("DATA")
        if code != 354:
            raise Later(step.text, MailFault.broken, _heed(step.text, code, words))
        text = re.sub(rb"(?m)^\.", b"..", message.as_bytes())
        with _step(step.text):
            line.send(text if text.endswith(b"\r\n") else text + b"\r\n")
        before_end()
        try:
            self._wait_up_to(LAST_TIMEOUT)
            line.send(b".\r\n")
            code, words = line.getreply()
            self._wait_up_to(TIMEOUT)
        except (OSError, smtplib.SMTPException) as trouble:
            raise Unsure(step.text, MailFault.broken, f"{type(trouble).__name__}: {trouble}"[:300]) from trouble
        told(step.text, _heed(step.text, code, words))

    def _wait_up_to(self, seconds: float) -> None:
        """For the next answers; whoever gave a patience of their own keeps it."""
        if self._line is not None and self._line.sock is not None:
            self._line.sock.settimeout(seconds if self.timeout is None else self.timeout)

    def _begin_again(self) -> None:
        """Let the server forget the mail that it refused, or take another connection for the next one."""
        with suppress(OSError, smtplib.SMTPException):
            if self._line is not None and self._line.rset()[0] == 250:
                return
        self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def close(self) -> None:
        """End the connection; a line that is broken already is no trouble."""
        with suppress(OSError, smtplib.SMTPException):
            if self._line is not None:
                self._line.quit()
        self._drop()
