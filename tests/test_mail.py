"""Mails against a real SMTP server that says yes, no, later, nothing, or hangs up at the worst moment."""

import contextlib
import datetime as dt
import email
import email.policy
import socket
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from flask_babel import force_locale
from sqlalchemy import select, update

from jobs import mail, runner
from jobs.smtp import Post, Refused
from models.base import utcnow
from models.db import db
from models.mail_line import MailFault, MailLine, MailTrouble, trouble
from models.mail_server import MailServer
from models.scope import unscoped
from models.work import MailState, OutgoingMail
from tests.small import add_person, add_school, as_staff, small_app, writing


class Box:
    """A handler that keeps what it takes and answers as told."""

    def __init__(self):
        self.taken = []
        self.rcpt, self.data = "250 OK", "250 OK"
        self.hang_up = ""

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd's name)
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        if self.hang_up == "before taking":
            server.transport.abort()
            return "421 gone"
        if self.data.startswith("250"):
            self.taken.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.SMTP)))
        if self.hang_up == "after taking":
            server.transport.abort()
        return self.data


@pytest.fixture
def box():
    return Box()


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


@pytest.fixture
def server(box):
    """A mail server on a free port of this machine."""
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def address_of(controller, more=""):
    """Its SCOLABRI_MAIL_URL."""
    return f"smtp://127.0.0.1:{controller.port}{more}"


@pytest.fixture
def app(tmp_path, server):
    return small_app(tmp_path, MAIL_URL=address_of(server))


@pytest.fixture
def staff(app):
    with writing(app) as session:
        school = add_school(session)
        return school.id, add_person(session, school).id


@pytest.fixture
def write(app, staff):
    """`write()` queues a mail as that person and gives its id."""

    def queue(**given):
        with app.app_context(), as_staff(staff[1], staff[0]):
            row = OutgoingMail.queue(
                **{"to_address": "h.benard@mail.exemple", "to_name": "Hélène Bénard", "subject": "Votre accès – Zoé", "body": "Été : voici.", **given}
            )
            db.session.commit()
            return row.id

    return queue


def read(app, mail_id):
    with writing(app) as session:
        row = session.get(OutgoingMail, mail_id)
        session.expunge(row)
    return row


def reason(app, row):
    """Why it has not left, as a French reader finds it."""
    with app.app_context(), force_locale("fr"):
        return row.reason


def due_now(app):
    """The next try is now, of the mails and of the line."""
    with writing(app) as session:
        session.execute(update(MailLine).where(MailLine.failures > 0).values(paused_until=utcnow()))
        session.execute(update(OutgoingMail).where(OutgoingMail.state == MailState.waiting).values(next_try_at=utcnow()))


def test_a_mail_arrives_once_with_its_names_its_text_and_its_sender(app, box, write):
    mail_id = write()
    runner.run_pending(app)
    runner.run_pending(app)
    ((to, message),) = box.taken
    assert to == ["h.benard@mail.exemple"]
    assert message["To"] == "Hélène Bénard <h.benard@mail.exemple>"
    assert message["From"] == "Collège des Tilleuls <scolabri@127.0.0.1>"
    assert message["Reply-To"] == "secretariat@tilleuls.exemple"
    assert message["Subject"] == "Votre accès – Zoé"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content().strip() == "Été : voici."
    row = read(app, mail_id)
    assert message["Message-ID"] == row.message_id
    assert (row.state, row.tries, row.next_try_at, reason(app, row)) == (MailState.sent, 1, None, "")
    assert row.sent_at is not None


def test_each_person_gets_a_mail_of_their_own(app, box, write):
    for name in ("a", "b", "c"):
        write(to_address=f"{name}@mail.exemple")
    runner.run_pending(app)
    assert [to for to, _message in box.taken] == [["a@mail.exemple"], ["b@mail.exemple"], ["c@mail.exemple"]]
    assert len({message["Message-ID"] for _to, message in box.taken}) == 3
    assert all("," not in message["To"] and message["Cc"] is None for _to, message in box.taken)


def test_without_a_mail_server_mails_wait_untouched(app, box, write):
    app.config["MAIL_URL"] = ""
    mail_id = write()
    runner.run_pending(app)
    row = read(app, mail_id)
    assert (row.state, row.tries) == (MailState.waiting, 0)
    assert row.download() == "Été : voici."
    assert box.taken == []


def test_a_cancelled_mail_is_not_sent(app, box, write):
    mail_id = write()
    with writing(app) as session:
        session.get(OutgoingMail, mail_id).cancel()
    runner.run_pending(app)
    assert box.taken == []


def test_a_mail_that_was_rolled_back_never_leaves(app, box, staff):
    with app.app_context(), as_staff(staff[1], staff[0]):
        OutgoingMail.queue("a@mail.exemple", "x", "y")
        db.session.flush()
        db.session.rollback()
    runner.run_pending(app)
    assert box.taken == []


def test_a_refused_address_ends_it_and_the_next_mail_leaves(app, box, write):
    box.rcpt = "550 no such user"
    refused = write()
    runner.run_pending(app)
    row = read(app, refused)
    assert (row.state, row.tries, row.next_try_at) == (MailState.failed, 1, None)
    assert reason(app, row).startswith("Le serveur de courriel refuse cette adresse\u00a0: 550 no such user.")
    box.rcpt = "250 OK"
    write(to_address="b@mail.exemple")
    runner.run_pending(app)
    assert [to for to, _message in box.taken] == [["b@mail.exemple"]]


@pytest.mark.parametrize("answer", ["450 mailbox busy", "451 try later"])
@pytest.mark.parametrize("moment", ["rcpt", "data"])
def test_a_refusal_for_the_moment_is_tried_again_after_1_5_30_minutes_2_6_24_hours(app, box, write, answer, moment):
    setattr(box, moment, answer)
    mail_id = write()
    waits = []
    for _try in range(7):
        before = utcnow()
        runner.run_pending(app)
        row = read(app, mail_id)
        if row.next_try_at is not None:
            waits.append(round((row.next_try_at - before) / dt.timedelta(minutes=1)))
        due_now(app)
    assert waits == [1, 5, 30, 120, 360, 1440]
    assert (row.state, row.tries, row.trouble) == (MailState.failed, 7, MailTrouble.given_up)
    assert answer in reason(app, row)
    assert box.taken == []


def test_a_mail_delayed_once_arrives_at_the_next_try_with_the_same_identity(app, box, write):
    box.rcpt = "451 greylisted"
    mail_id = write()
    runner.run_pending(app)
    runner.run_pending(app)  # not due yet
    assert read(app, mail_id).tries == 1
    box.rcpt = "250 OK"
    due_now(app)
    runner.run_pending(app)
    row = read(app, mail_id)
    assert (row.state, reason(app, row)) == (MailState.sent, "")
    assert box.taken[0][1]["Message-ID"] == row.message_id


def test_a_line_that_breaks_after_the_text_is_tried_once_more_and_no_further(app, box, write):
    box.hang_up = "after taking"
    mail_id = write()
    for _try in range(4):
        runner.run_pending(app)
        due_now(app)
    row = read(app, mail_id)
    assert (row.state, row.tries, row.unsure) == (MailState.failed, 2, 2)
    assert [message["Message-ID"] for _to, message in box.taken] == [row.message_id] * 2


def test_a_line_that_breaks_once_before_the_text_was_taken_still_delivers_one_mail(app, box, write):
    box.hang_up = "before taking"
    mail_id = write()
    runner.run_pending(app)
    assert read(app, mail_id).unsure == 1
    box.hang_up = ""
    due_now(app)
    runner.run_pending(app)
    assert read(app, mail_id).state is MailState.sent
    assert len(box.taken) == 1


def test_a_mail_whose_sender_died_at_the_end_of_the_text_counts_as_perhaps_sent(app, box, write):
    mail_id = write()
    with writing(app) as session:
        row = session.get(OutgoingMail, mail_id)
        row.state, row.runner, row.tries, row.handed = MailState.sending, "dead", 1, True
        row.beat_at = utcnow() - mail.DEAD - dt.timedelta(seconds=1)
    runner.run_pending(app)
    row = read(app, mail_id)
    assert (row.state, row.tries, row.unsure) == (MailState.sent, 2, 1)
    with writing(app) as session:
        row = session.get(OutgoingMail, mail_id)
        row.state, row.runner, row.handed, row.beat_at = MailState.sending, "dead", True, utcnow() - mail.DEAD - dt.timedelta(seconds=1)
    runner.run_pending(app)
    row = read(app, mail_id)
    assert (row.state, row.next_try_at) == (MailState.failed, None)
    assert reason(app, row).startswith("Nul ne sait si ce courriel est arrivé")
    assert len(box.taken) == 1


def test_a_mail_being_sent_by_a_living_runner_is_left_to_it(app, box, write):
    mail_id = write()
    with writing(app) as session:
        row = session.get(OutgoingMail, mail_id)
        row.state, row.runner, row.beat_at = MailState.sending, "alive", utcnow()
    runner.run_pending(app)
    assert box.taken == []


def test_a_secret_is_sent_in_clear_and_wiped_once_it_left(app, box, write):
    mail_id = write(body="https://tilleuls.exemple/reset/abcdef", secret=True)
    runner.run_pending(app)
    assert box.taken[0][1].get_body(("plain",)).get_content().strip() == "https://tilleuls.exemple/reset/abcdef"
    assert read(app, mail_id).body == ""


def test_a_mail_sealed_with_a_lost_key_fails_and_holds_back_no_other(app, box, write):
    broken = write(body="x", secret=True)
    with writing(app) as session:
        session.execute(update(OutgoingMail).values(body="c2VhbGVkIHdpdGggYW5vdGhlciBrZXksIHRvIGJlIHN1cmU="))
    write(to_address="b@mail.exemple")
    runner.run_pending(app)
    assert reason(app, read(app, broken)) == "Ce courriel n’a pas pu être composé. Refaites l’action qui l’a causé."
    assert [to for to, _message in box.taken] == [["b@mail.exemple"]]


def test_many_senders_deliver_each_mail_once(app, box, write):
    for number in range(12):
        write(to_address=f"p{number}@mail.exemple")

    def send():
        while runner._apart(app, mail.send_due, runner.new_name()):
            pass

    threads = [threading.Thread(target=send) for _each in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(to[0] for to, _message in box.taken) == sorted(f"p{n}@mail.exemple" for n in range(12))
    with app.app_context(), unscoped("the test counts"):
        assert set(db.session.scalars(select(OutgoingMail.tries))) == {1}


def test_it_signs_in_when_the_address_names_a_user(tmp_path, box):
    seen = []

    def check(_server, _session, _envelope, _mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss word")

    class Signed(Controller):
        def factory(self):
            return SMTP(box, authenticator=check, auth_require_tls=False)

    controller = Signed(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        port = controller.port
        app = small_app(tmp_path, MAIL_URL=f"smtp://ecole%40x.exemple:p%40ss%20word@127.0.0.1:{port}")
        with writing(app):
            OutgoingMail.queue("a@mail.exemple", "Bonjour", "Texte")
        runner.run_pending(app)
    finally:
        controller.stop()
    assert seen == [(b"ecole@x.exemple", b"p@ss word")]
    assert box.taken[0][1]["From"] == "ecole@x.exemple"


def test_a_server_without_the_asked_encryption_gets_no_mail(app, box, server, write):
    app.config["MAIL_URL"] = address_of(server, "?tls=starttls")
    mail_id = write()
    runner.run_pending(app)
    assert box.taken == []
    assert read(app, mail_id).tries == 0
    with writing(app) as session:
        assert trouble(session).fault is MailFault.encryption


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://m.exemple", ("m.exemple", 25, "", "", "", "scolabri@m.exemple")),
        ("smtp://m.exemple?tls=starttls", ("m.exemple", 587, "", "", "starttls", "scolabri@m.exemple")),
        ("smtps://u:p@m.exemple", ("m.exemple", 465, "u", "p", "ssl", "scolabri@m.exemple")),
        ("smtp://u%40e.fr:p%3A%2F@m.exemple:2525?tls=ssl", ("m.exemple", 2525, "u@e.fr", "p:/", "ssl", "u@e.fr")),
        ("smtp://m.exemple?from=ecole@e.fr", ("m.exemple", 25, "", "", "", "ecole@e.fr")),
    ],
)
def test_the_address_of_the_server_is_read(url, expected):
    assert MailServer.from_url(url) == MailServer(*expected)


@pytest.mark.parametrize("url", ["http://m.exemple", "smtp://", "m.exemple:25", "smtp://m.exemple?tls=maybe"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="SCOLABRI_MAIL_URL"):
        MailServer.from_url(url)


def test_a_broken_line_is_closed_quietly(app, server):
    post = Post(MailServer.from_url(address_of(server)))
    with contextlib.suppress(Refused):
        post.send(email.message.EmailMessage(), "not an address")
    post.close()
    post.close()
