"""A mail server at its worst (security R10): what is about one mail burns its tries, what is about the line lets all wait, nothing is lost."""

import asyncio
import datetime as dt

import pytest
import test_mail
from sqlalchemy import select, update
from test_mail import Box, due_now, free_port, read

from jobs import mail, runner, smtp
from models.base import utcnow
from models.db import db
from models.journal import JournalEvent
from models.mail_line import MailFault, trouble
from models.work import MailState, MailTrouble, OutgoingMail
from tests.small import as_staff, writing

app, server, staff, write = test_mail.app, test_mail.server, test_mail.staff, test_mail.write

MANY = 8


class Faulty(Box):
    """A server that answers as told at each moment, counts the conversations, and takes so many mails over each."""

    def __init__(self):
        super().__init__()
        self.mail, self.over_each, self.conversations, self.hangs_at = "250 OK", 1000, 0, ""
        self.known, self.greylist = set(), False

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):  # noqa: N802 (aiosmtpd's names)
        self.conversations += 1
        session.host_name, session.taken = hostname, 0
        return responses

    async def _hang(self, moment):
        if self.hangs_at == moment:
            await asyncio.Event().wait()

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802
        await self._hang("mail")
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.hang_up == "at the addressee":
            server.transport.abort()
        if session.taken >= self.over_each:
            return "421 too many mails over this connection"
        if self.greylist and address not in self.known:
            self.known.add(address)
            return "451 4.7.1 greylisted"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        await self._hang("text")
        session.taken += 1
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def box():
    return Faulty()


@pytest.fixture
def said(monkeypatch):
    """The warnings of the sender, wherever the log goes."""
    lines = []
    monkeypatch.setattr(mail.log, "warning", lambda *words: lines.append(words))
    return lines


def write_many(app, staff, count=MANY, **given):
    """Copies of a message."""
    with app.app_context(), as_staff(staff[1], staff[0]):
        OutgoingMail.queue_many({"to_address": f"p{n}@mail.exemple", "subject": "Sortie", "body": "Bonjour.", **given} for n in range(count))
        db.session.commit()


def states(app):
    """How many mails stand in each state, and all their tries together."""
    with writing(app) as session:
        rows = session.execute(select(OutgoingMail.state, OutgoingMail.tries)).all()
    return {state.name: [row.state for row in rows].count(state) for state in {row.state for row in rows}}, sum(row.tries for row in rows)


def fault_of(app):
    with writing(app) as session:
        line = trouble(session)
        return line.fault if line is not None else None


def test_a_server_that_is_down_burns_no_try_and_is_asked_after_1_5_and_30_minutes(app, box, staff, wound, said):
    there = app.config["MAIL_URL"]
    app.config["MAIL_URL"] = f"smtp://127.0.0.1:{free_port()}"
    write_many(app, staff)
    asked, now = [], utcnow()
    for minute in range(70):
        wound(now + dt.timedelta(minutes=minute, seconds=1))
        said.clear()
        runner.run_pending(app)
        asked += [minute] * len(said)
    assert asked == [0, 1, 6, 36, 66]
    assert states(app) == ({"waiting": MANY}, 0)
    assert fault_of(app) is MailFault.refused
    app.config["MAIL_URL"] = there
    wound(now + dt.timedelta(minutes=97))
    runner.run_pending(app)
    assert states(app) == ({"sent": MANY}, MANY)
    assert fault_of(app) is None


@pytest.mark.parametrize(
    ("faults", "fault"),
    [
        ({"mail": "550 5.7.1 sender not allowed"}, MailFault.sender),
        ({"mail": "421 closing"}, MailFault.busy),
        ({"rcpt": "421 busy"}, MailFault.busy),
        ({"rcpt": "451 4.7.1 too many recipients this minute"}, MailFault.busy),
        ({"rcpt": "550 5.7.1 relaying denied"}, MailFault.relay),
        ({"rcpt": "530 5.7.0 authentication required"}, MailFault.relay),
        ({"data": "421 try in an hour"}, MailFault.busy),
        ({"hang_up": "at the addressee"}, MailFault.broken),
        ({"hangs_at": "mail"}, MailFault.timeout),
    ],
    ids=str,
)
def test_what_is_about_the_line_is_met_once_and_all_mails_wait(app, box, staff, monkeypatch, said, faults, fault):
    monkeypatch.setattr(smtp, "TIMEOUT", 0.1 if "hangs_at" in faults else 5)
    vars(box).update(faults)
    write_many(app, staff)
    for _look in range(3):
        runner.run_pending(app)
    assert box.conversations == len(said) == 1
    assert states(app)[0] == {"waiting": MANY}
    assert fault_of(app) is fault
    vars(box).update(mail="250 OK", rcpt="250 OK", data="250 OK", hang_up="", hangs_at="")
    due_now(app)
    with writing(app) as session:
        session.execute(update(OutgoingMail).values(next_try_at=utcnow()))
    runner.run_pending(app)
    assert sorted(to[0] for to, _message in box.taken) == sorted(f"p{n}@mail.exemple" for n in range(MANY))
    assert fault_of(app) is None


def test_mails_that_are_put_off_one_after_the_other_let_the_others_wait_untried(app, box, staff):
    box.rcpt = "451 later"
    write_many(app, staff)
    runner.run_pending(app)
    assert states(app) == ({"waiting": MANY}, mail.PUT_OFF)
    assert fault_of(app) is MailFault.busy


def test_a_greylist_delays_every_mail_and_loses_none(app, box, staff):
    box.greylist = True
    write_many(app, staff)
    for _try in range(7):
        runner.run_pending(app)
        due_now(app)
    assert states(app) == ({"sent": MANY}, 2 * MANY)


def test_a_server_that_takes_so_many_mails_over_each_connection_gets_a_new_one_without_a_pause(app, box, staff):
    box.over_each = 3
    write_many(app, staff)
    runner.run_pending(app)
    assert fault_of(app) is None
    assert len(box.taken) == MANY - 2  # two met the limit: they go in a minute
    due_now(app)
    runner.run_pending(app)
    assert states(app)[0] == {"sent": MANY}
    assert len({message["Message-ID"] for _to, message in box.taken}) == len(box.taken) == MANY


def test_hundreds_of_copies_leave_over_few_connections(app, box, staff, monkeypatch):
    monkeypatch.setattr(mail, "BATCH", 20)
    write_many(app, staff, 40)
    while runner._apart(app, mail.send_due, "me"):
        pass
    assert (len(box.taken), box.conversations) == (40, 2)


def test_a_mail_that_somebody_waits_for_leaves_before_the_copies_that_were_there_first(app, box, staff, write):
    write_many(app, staff)
    write(to_address="reset@mail.exemple", secret=True)
    runner.run_pending(app)
    assert box.taken[0][0] == ["reset@mail.exemple"]
    assert len(box.taken) == MANY + 1


def test_a_text_that_is_refused_is_told_apart_from_an_address(app, box, write):
    box.data = "554 5.7.1 looks unwanted"
    mail_id = write()
    runner.run_pending(app)
    assert (read(app, mail_id).state, read(app, mail_id).trouble, read(app, mail_id).tries) == (MailState.failed, MailTrouble.text, 1)


def test_an_answer_that_never_comes_after_the_text_is_waited_for_once_more_and_no_further(app, box, write, monkeypatch):
    monkeypatch.setattr(smtp, "LAST_TIMEOUT", 0.1)
    box.hangs_at = "text"
    mail_id = write()
    for _try in range(4):
        runner.run_pending(app)
        due_now(app)
    row = read(app, mail_id)
    assert (row.state, row.tries, row.unsure, row.trouble) == (MailState.failed, 2, 2, MailTrouble.unsure)


def test_a_slow_server_gets_its_time(app, box, write, monkeypatch):
    monkeypatch.setattr(smtp, "TIMEOUT", 0.1)

    async def slowly(_moment):
        await asyncio.sleep(0.05)

    box._hang = slowly
    mail_id = write()
    runner.run_pending(app)
    assert read(app, mail_id).state is MailState.sent


def test_a_sender_that_dies_before_the_end_of_the_text_has_sent_nothing(app, box, write):
    mail_id = write()
    with writing(app) as session:
        row = session.get(OutgoingMail, mail_id)
        row.state, row.runner, row.beat_at = MailState.sending, "dead", utcnow() - mail.DEAD - dt.timedelta(seconds=1)
    runner.run_pending(app)
    row = read(app, mail_id)
    assert (row.state, row.tries, row.unsure, len(box.taken)) == (MailState.sent, 1, 0, 1)


def test_a_mail_taken_over_while_its_sender_seemed_dead_is_not_ended(app, box, write, monkeypatch):
    mail_id = write()
    compose = mail.Sender._compose

    def slow(self, row):
        db.session.execute(update(OutgoingMail).values(runner="another"))
        db.session.commit()
        return compose(self, row)

    monkeypatch.setattr(mail.Sender, "_compose", slow)
    runner.run_pending(app)
    assert box.taken == []
    assert read(app, mail_id).runner == "another"


def test_no_mail_writes_a_line_of_the_history_when_it_leaves(app, box, write):
    write()
    runner.run_pending(app)
    with writing(app) as session:
        assert session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "outgoing_mail")).all() == ["created"]
