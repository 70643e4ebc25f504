"""Many mails at once: written by few statements, told one by one, counted by state."""

import datetime as dt

import pytest
from conftest import counted
from sqlalchemy import func, select

from jobs import health
from models.base import utcnow
from models.db import db
from models.journal import JournalEvent
from models.mail_line import MailFault, MailLine
from models.scope import unscoped
from models.work import JOB_WAITING, MailState, OutgoingMail
from tests.small import add_person, add_school, as_staff, small_app, writing


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def staff(app):
    with writing(app) as session:
        school = add_school(session)
        return school.id, add_person(session, school).id


def copies(count, **given):
    return ({"to_address": f"p{n}@mail.exemple", "subject": "Sortie", "body": "Bonjour.", "cause": ("message", 7), **given} for n in range(count))


def test_many_mails_are_written_by_few_statements_and_one_line_of_the_history(app, staff):
    JOB_WAITING.clear()
    with app.app_context(), as_staff(staff[1], staff[0]):
        with counted(app) as statements:
            queued = OutgoingMail.queue_many(copies(2500, html="<p>Bonjour.</p>"))
            db.session.commit()
        assert len([s for s in statements if "INTO outgoing_mail" in s]) <= 12
        assert len(queued.ids) == len(set(queued.ids)) == 2500
        assert not queued.refused
        last = db.session.get_one(OutgoingMail, queued.ids[2499])
        assert (last.to_address, last.html, last.bulk, last.school_id, last.requested_by_id) == ("p2499@mail.exemple", "<p>Bonjour.</p>", True, *staff)
        assert db.session.scalar(select(func.count(func.distinct(OutgoingMail.message_id)))) == 2500
    assert JOB_WAITING.is_set()
    with app.app_context(), unscoped("the test reads the history"):
        lines = db.session.execute(select(JournalEvent.verb, JournalEvent.rows).where(JournalEvent.table_name == "outgoing_mail")).all()
    assert lines == [("created", 2500)]


def test_an_address_that_is_none_is_told_and_holds_back_no_other(app, staff):
    rows = [
        *copies(1),
        {"to_address": "nobody", "subject": "x", "body": "y"},
        {"to_address": "a@b.exemple", "subject": "x\nBcc: c@d.exemple", "body": "y"},
        *copies(1),
    ]
    with app.app_context(), as_staff(staff[1], staff[0]):
        queued = OutgoingMail.queue_many(rows)
        assert [bool(key) for key in queued.ids] == [True, False, False, True]
        assert queued.refused[1].startswith("« nobody » n’est pas une adresse électronique".replace("« ", "«\u202f").replace(" »", "\u202f»"))
        assert "tiennent sur une ligne" in queued.refused[2]
        assert OutgoingMail.queue_many([]) == ([], {})


def test_a_secret_of_many_is_sealed_like_a_single_one(app, staff):
    with app.app_context(), as_staff(staff[1], staff[0]):
        mail = db.session.get_one(OutgoingMail, OutgoingMail.queue_many(copies(1, secret=True)).ids[0])
        assert "Bonjour" not in mail.body
        assert mail.text == "Bonjour."


def test_the_check_of_the_installation_tells_of_mails_that_do_not_leave(app, staff):
    with writing(app) as session:
        mails = ({}, {"created_at": utcnow() - dt.timedelta(days=2)}, {"state": MailState.failed})
        session.add_all(OutgoingMail(to_address="a@mail.exemple", subject="x", body="y", **given) for given in mails)
    with app.app_context():
        assert [line.good for line in health._mails({"MAIL_URL": ""}, db.engine)] == [False]
        assert [line.good for line in health._mails({"MAIL_URL": "smtp://mail.exemple"}, db.engine)] == [False, False]
    with writing(app) as session:
        session.add(MailLine(id=1, failures=9, failing_since=utcnow() - dt.timedelta(hours=2), paused_until=utcnow(), fault=MailFault.password))
    with app.app_context():
        lines = list(health._mails({"MAIL_URL": "smtp://mail.exemple"}, db.engine))
        assert [line.good for line in lines] == [False, False, False]
        assert str(lines[0].remedy) == str(MailFault.password.remedy)
