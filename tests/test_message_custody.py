"""No copy of a message leaves to somebody whose link to the child is closed meanwhile, by whatever way; a sending that is stopped and
started again counts on its day; the outbox does not tell what a draft is about.
"""

import datetime as dt

import pytest
from aiosmtpd.controller import Controller
from small import writing
from sqlalchemy import select, update
from test_mail import Box, address_of, free_port
from writing_messages import World

from jobs.mail import send_due
from models import merge, message_box, message_delivery, undo
from models.actors import staff_in
from models.base import Refusal, utcnow
from models.db import db
from models.mail_line import MailTrouble
from models.messages import Message, MessageState
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.scope import acting
from models.settings import Setting
from models.work import Job, JobKind, JobState, MailState, OutgoingMail


@pytest.fixture
def world(app):
    return World(app)


@pytest.fixture
def leaving(app, world):
    """Let the outbox of the school leave; the addresses that the server took."""
    box = Box()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    before = app.config["MAIL_URL"]

    def leave():
        app.config["MAIL_URL"] = address_of(server)
        with writing(app) as session:
            session.execute(update(OutgoingMail).where(OutgoingMail.school_id != world.school).values(state=MailState.cancelled))
        with app.app_context():
            send_due("a sender")
        return [rcpt for (rcpt,), _mail in box.taken]

    yield leave
    app.config["MAIL_URL"] = before
    server.stop()


def batch(world, name):
    return acting(*staff_in(db.session, world.ac, world.school), batch=name)


def the_mail(session):
    return session.scalars(select(OutgoingMail).where(OutgoingMail.cause_table == "message").order_by(OutgoingMail.id.desc())).first()


def the_link(session, guardian, child):
    return session.scalars(select(GuardianLink).where(GuardianLink.guardian_id == guardian, GuardianLink.student_id == child)).one()


def join(session, kept, gone):
    merge.merge(session, kept, gone, {line.key: kept.id for line in merge.compare(session, kept, gone)})


def test_a_link_that_is_undone_holds_the_copy_back_when_the_queue_leaves(world, leaving):
    zoe, (helene, _user) = world.student("Zoé"), world.guardian("Hélène")
    world.guardian("Marc", zoe)
    with world.app.app_context(), batch(world, "b-custody-link"):
        db.session.add(GuardianLink(school_id=world.school, student_id=zoe, guardian_id=helene, status=LinkStatus.active))
        db.session.commit()
    world.send(world.draft())
    with world.app.app_context(), batch(world, "b-custody-undo"):
        undo.undo(db.session, "b-custody-link")
        db.session.commit()
    assert leaving() == ["marc@exemple.org"]
    assert {m.to_address: (m.state, m.trouble) for m in world.mails()} == {
        "helene@exemple.org": (MailState.cancelled, MailTrouble.withheld),
        "marc@exemple.org": (MailState.sent, None),
    }


def test_a_copy_that_was_being_sent_when_its_link_was_suspended_does_not_leave_at_the_next_try(world, leaving):
    zoe = world.student("Zoé")
    helene, _user = world.guardian("Hélène", zoe)
    world.send(world.draft())
    for state in (MailState.sending, MailState.waiting):  # put off by the server
        with writing(world.app) as session:
            session.execute(update(OutgoingMail).where(OutgoingMail.school_id == world.school).values(state=state))
        if state is MailState.sending:
            with world.staff() as session:
                the_link(session, helene, zoe).suspend("Jugement")
    assert leaving() == []
    assert [m.state for m in world.mails()] == [MailState.cancelled]


@pytest.mark.parametrize("failed", [False, True])
def test_a_withheld_copy_is_sent_again_only_once_the_link_is_open(world, failed):
    zoe = world.student("Zoé")
    helene, _user = world.guardian("Hélène", zoe)
    world.send(world.draft())
    if failed:
        with writing(world.app) as session:
            session.execute(update(OutgoingMail).where(OutgoingMail.school_id == world.school).values(state=MailState.failed))
    with world.staff() as session:
        the_link(session, helene, zoe).suspend("Jugement")
    with world.staff() as session, pytest.raises(Refusal, match="ne peut plus recevoir le message"):
        the_mail(session).retry()
    with world.staff() as session:
        the_link(session, helene, zoe).reactivate()
        session.flush()
        the_mail(session).retry()
    assert [(m.state, m.trouble) for m in world.mails()] == [(MailState.waiting, None)]


def test_a_copy_to_a_deleted_guardian_is_not_sent_again(world):
    helene, _user = world.guardian("Hélène", world.student("Zoé"))
    world.send(world.draft())
    with world.staff() as session:
        session.delete(session.get_one(Guardian, helene))
    assert [m.trouble for m in world.mails()] == [MailTrouble.withheld]
    with world.staff() as session, pytest.raises(Refusal):
        the_mail(session).retry()


@pytest.mark.parametrize("of", ["students", "guardians"])
def test_merging_two_records_keeps_the_copy_of_a_guardian_who_keeps_access(world, of):
    zoe, double = world.student("Zoé"), world.student("Zoe")
    helene, user = world.guardian("Hélène", zoe, double)
    other, _none = world.guardian("Helene", zoe, account=False)
    world.send(world.draft())
    with world.staff() as session:
        model, kept, gone = (Student, zoe, double) if of == "students" else (Guardian, other, helene)
        join(session, session.get_one(model, kept), session.get_one(model, gone))
    with world.portal(user) as session:
        assert len(message_box.inbox(session).lines) == 1
    assert [m.state for m in world.mails()] == [MailState.waiting]


def test_a_merge_that_leaves_the_link_suspended_holds_the_copy_back(world):
    zoe, double = world.student("Zoé"), world.student("Zoe")
    helene, _user = world.guardian("Hélène", double)
    with writing(world.app) as session:
        session.add(GuardianLink(school_id=world.school, student_id=zoe, guardian_id=helene, status=LinkStatus.suspended, suspended_reason="Jugement"))
    world.send(world.draft())
    with world.staff() as session:
        join(session, session.get_one(Student, zoe), session.get_one(Student, double))
    assert [m.state for m in world.mails()] == [MailState.cancelled]


# --- a sending that is started again ---------------------------------------------------------------------------------------------


def sendings(session):
    return list(session.scalars(select(Job).where(Job.kind == JobKind.send_message).order_by(Job.id)))


def test_stopped_sendings_that_are_started_again_stay_within_what_one_may_send_in_a_day(world):
    for number in range(3):
        world.guardian(f"H{number}", world.student(f"Z{number}"))
    with writing(world.app) as session:
        session.add(Setting(school_id=world.school, key="messages_per_day", value=50))
        session.add(Message(school_id=world.school, requested_by_id=world.ac, state=MessageState.sent, sent_at=utcnow(), people=45))
    keys = []
    for _turn in range(2):
        keys.append(world.draft())
        world.send(keys[-1], deliver=False)
        with world.staff() as session:
            sendings(session)[-1].cancel()
    with world.staff() as session:
        for job in sendings(session):
            job.retry()
    world.work()
    assert [world.message(key).state for key in keys] == [MessageState.sent, MessageState.failed]
    with world.staff() as session:
        assert [(job.state, "2 personnes" in job.error) for job in sendings(session)] == [(JobState.done, False), (JobState.failed, True)]


def test_a_sending_that_is_started_again_is_of_the_day_of_its_restart(world):
    world.guardian("Hélène", world.student("Zoé"))
    key = world.draft()
    world.send(key, deliver=False)
    with world.staff() as session:
        sendings(session)[0].cancel()
    long_ago = utcnow() - dt.timedelta(days=2)
    with writing(world.app) as session:
        session.execute(update(Message).where(Message.id == key).values(sent_at=long_ago))
    with world.staff() as session:
        sendings(session)[0].retry()
    world.work()
    with world.staff() as session:
        assert session.get_one(Message, key).sent_at > long_ago + dt.timedelta(days=1)
        assert message_delivery.quota_left(session) == 4_999
