"""kill -9 of the sender, fifty times while a thousand mails leave (security R10): none is lost, none leaves twice but where nobody can know.

That is the one window which no order of writing closes: from the mark on the row, just before the last line of the text, to the answer
of the server written beside it. A mail whose sender dies there is sent once more, under the same Message-ID, and no further.
"""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from aiosmtpd.controller import Controller
from scene import PATIENCE, child, kill
from sending import send
from small import add_person, add_school, as_staff, small_app, writing
from sqlalchemy import func, select
from test_mail import free_port

from models.db import db
from models.work import MailState, OutgoingMail

pytestmark = pytest.mark.slow

MAILS, KILLS, SEED = 1000, 50, 11


class Box:
    """A server that counts what it takes by its Message-ID, and tells when so many came."""

    def __init__(self):
        self.taken, self.count, self.more = Counter(), 0, threading.Condition()

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        name = next(line for line in envelope.content.splitlines() if line.lower().startswith(b"message-id:"))
        with self.more:
            self.taken[name.split(b":", 1)[1].strip().decode()] += 1
            self.count += 1
            self.more.notify_all()
        return "250 OK"

    def wait_for(self, count):
        """Until so many mails have come."""
        with self.more:
            assert self.more.wait_for(lambda: self.count >= count, PATIENCE)


def test_a_thousand_mails_leave_although_their_sender_is_killed_fifty_times(tmp_path):
    box = Box()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        url = f"smtp://127.0.0.1:{server.port}"
        app = small_app(tmp_path)
        with writing(app) as session:
            school = add_school(session)
            where = school.id, add_person(session, school).id
        with app.app_context(), as_staff(where[1], where[0]):
            OutgoingMail.queue_many({"to_address": f"p{n}@mail.exemple", "subject": "Sortie", "body": "Bonjour."} for n in range(MAILS))
            db.session.commit()
        chance = random.Random(SEED)  # noqa: S311 (no secret)
        for number in range(KILLS):
            with child(send, tmp_path, url, 0) as (process, pipe):
                assert pipe.poll(PATIENCE)
                assert pipe.recv() == "begun"
                # Somewhere in the work on one of the next mails: in the middle of the talk, of a transaction, or between two.
                box.wait_for(min(box.count + chance.randrange(1, 24), (number + 1) * (MAILS - 100) // KILLS))
                threading.Event().wait(chance.uniform(0, 0.02))
                kill(process)
        with child(send, tmp_path, url, 0) as (process, pipe):
            assert [pipe.recv() for _word in range(2) if pipe.poll(PATIENCE)] == ["begun", "done"]
    finally:
        server.stop()
    with writing(app) as session:
        assert dict(session.execute(select(OutgoingMail.state, func.count()).group_by(OutgoingMail.state)).all()) == {MailState.sent: MAILS}
        rows = session.execute(select(OutgoingMail.message_id, OutgoingMail.unsure)).all()
    assert set(box.taken) == {row.message_id for row in rows}, "none is lost, none is invented"
    assert all(box.taken[row.message_id] <= 1 + row.unsure for row in rows), "twice only where nobody could know"
    assert sum(row.unsure for row in rows) <= KILLS
    assert max(row.unsure for row in rows) <= 1
