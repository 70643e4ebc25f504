"""The inbox of guardians and students: what they read, what is marked as read, what a suspended link hides."""

import datetime as dt
import re

import pytest
from conftest import counted, rows
from hands import words
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from models.access import User
from models.base import utcnow
from models.journal import JournalEvent
from models.message_files import attach
from models.messages import Message, MessageRecipient, MessageState
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.school import School

PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.fixture
def family(app, schools):
    """The demo parent and their two children, one in each school; no message yet."""
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "parent"))
        found = select(GuardianLink.student_id, GuardianLink.guardian_id, GuardianLink.school_id).join(Guardian).where(Guardian.user_id == user)
        session.execute(update(MessageRecipient).values(read_at=utcnow()))
        session.execute(update(Message).values(state=MessageState.failed))
        return user, [tuple(row) for row in session.execute(found.order_by(GuardianLink.school_id))]


def send(app, family, *about, subject="Réunion du 26", body="<p>Bonjour <script>x</script></p>", file=None, minutes=0, who="ac"):
    """A message in the parent's inbox about some of their children (by place), already sent."""
    user, children = family
    chosen = [children[n] for n in about]
    with rows(app) as session:
        author = session.scalar(select(User).where(User.username == who))
        message = Message(school_id=chosen[0][2], subject=subject, body=body, requested_by_id=author.id)
        session.add(message)
        session.flush()
        if file:
            attach(session, message, file, PDF)
        session.flush()
        sent = {"state": MessageState.sent, "sender": author.name, "sent_at": utcnow() + dt.timedelta(minutes=minutes)}
        session.execute(update(Message).where(Message.id == message.id).values(sent))
        for student_id, guardian_id, school_id in chosen:
            session.add(MessageRecipient(school_id=school_id, message_id=message.id, user_id=user, student_id=student_id, guardian_id=guardian_id))
        return message.id


def suspend(app, family, place):
    """Custody: the link to one of the children is closed."""
    with rows(app) as session:
        student, guardian, _school = family[1][place]
        link = session.scalar(select(GuardianLink).where(GuardianLink.student_id == student, GuardianLink.guardian_id == guardian))
        link.status, link.suspended_reason = LinkStatus.suspended, "Décision du juge"


def test_a_parent_reads_a_message_and_it_is_read_from_then_on(app, as_, family):
    number = send(app, family, 0, file="menu.pdf")
    browser = as_("parent")
    assert "1 nouveau message" in words(browser.get("/parent/"))
    listed = browser.get("/parent/messages")
    assert "Non lu" in words(listed)
    page = browser.get(f"/parent/messages/{number}")
    with rows(app) as session:
        child, school = session.get(Student, family[1][0][0]), session.get(School, family[1][0][2])
        phone = school.phone
        seen = ("Réunion du 26", "Bonjour", child.given_name, school.name, phone, "On ne répond pas ici par écrit", "Administration")
    assert all(one in words(page) for one in seen)
    assert "<script>x" not in page.text
    assert page.text.count(f'href="tel:{phone.replace(" ", "")}"') == 1, "on its card, not again below"
    again = words(browser.get("/parent/messages"))
    assert "Non lu" not in again
    assert "Vous avez tout lu" in again
    assert "nouveau message" not in words(browser.get("/parent/"))
    with rows(app) as session:
        assert session.scalar(select(MessageRecipient.read_at).where(MessageRecipient.message_id == number)) is not None


def test_a_file_is_downloaded_and_written_down(app, as_, family):
    number = send(app, family, 0, file="menu.pdf")
    browser = as_("parent")
    link = re.search(rf'href="(/parent/messages/{number}/file/\d+)"', browser.get(f"/parent/messages/{number}").text)[1]
    answer = browser.get(link)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, PDF, "application/pdf")
    assert "attachment" in answer.headers["Content-Disposition"]
    with rows(app) as session:
        line = session.scalars(select(JournalEvent).where(JournalEvent.verb == "download", JournalEvent.row_id == number)).one()
        assert (line.table_name, line.school_id) == ("message", family[1][0][2])
    assert browser.get(f"/parent/messages/{number}/file/999999").status_code == 404


def test_custody_hides_the_child_and_what_was_written_about_them_at_the_next_request(app, as_, family):
    about_one, about_other = send(app, family, 0, file="menu.pdf", subject="Premier"), send(app, family, 1, subject="Second", who="ac2")
    browser = as_("parent")
    link = re.search(r'href="(/parent/messages/\d+/file/\d+)"', browser.get(f"/parent/messages/{about_one}").text)[1]
    suspend(app, family, 0)
    child = family[1][0][0]
    for path in (f"/parent/messages/{about_one}", link, f"/parent/child/{child}", f"/parent/child/{child}/leave"):
        assert browser.get(path).status_code == 404, path
    home, listed = words(browser.get("/parent/")), words(browser.get("/parent/messages"))
    with rows(app) as session:
        names = [session.get(Student, student).name for student, *_rest in family[1]]
    assert names[0] not in home
    assert names[1] in home, "the child elsewhere stays"
    assert "Premier" not in listed
    assert "Second" in listed
    assert browser.get(f"/parent/messages/{about_other}").status_code == 200


def test_a_message_about_two_children_names_those_alone_whom_the_reader_follows(app, as_, family):
    with rows(app) as session:
        student, guardian, school = family[1][0]
        other = session.scalar(select(Student.id).where(Student.school_id == school, Student.id != student))
        session.add(GuardianLink(school_id=school, student_id=other, guardian_id=guardian))
        names = [session.get(Student, one).given_name for one in (student, other)]
    both = (family[0], [family[1][0], (other, guardian, school)])
    number = send(app, both, 0, 1)
    browser = as_("parent")
    assert all(name in words(browser.get(f"/parent/messages/{number}")) for name in names)
    with rows(app) as session:
        session.execute(update(GuardianLink).where(GuardianLink.student_id == other, GuardianLink.guardian_id == guardian).values(status=LinkStatus.to_check))
    page = browser.get(f"/parent/messages/{number}")
    assert page.status_code == 200
    assert f"À propos de : {names[0]}" in words(page).replace("\u00a0", " ")
    assert not re.search(rf"À propos de\s:[^<]*{names[1]}", page.text)


@pytest.mark.parametrize("path", ["/parent/messages/{id}", "/student/messages/{id}", "/parent/messages/{id}/file/1", "/parent/messages/0"])
def test_25_the_message_of_somebody_else_does_not_exist(app, as_, family, path):
    number = send(app, family, 0)
    with rows(app) as session:
        stranger = session.scalar(select(User.id).where(User.username == "student"))
        session.execute(update(MessageRecipient).where(MessageRecipient.message_id == number).values(user_id=stranger))
    browser = as_("parent")
    assert browser.get(path.format(id=number)).status_code == (403 if path.startswith("/student") else 404)


def test_drafts_and_messages_on_their_way_are_in_no_inbox(app, as_, family):
    number = send(app, family, 0, subject="Pas maintenant")
    browser = as_("parent")
    for state in (MessageState.draft, MessageState.queued, MessageState.failed):
        with rows(app) as session:
            session.execute(update(Message).where(Message.id == number).values(state=state))
        assert "Pas maintenant" not in words(browser.get("/parent/messages"))
        assert browser.get(f"/parent/messages/{number}").status_code == 404


def test_the_inbox_is_paged_the_latest_first_and_asks_the_same_of_two_and_of_forty(app, as_, family):
    for n in range(2):
        send(app, family, 0, subject=f"Message {n:02d}.", minutes=n)
    browser = as_("parent")
    browser.get("/parent/messages")
    with counted(app) as few:
        browser.get("/parent/messages")
    for n in range(2, 42):
        send(app, family, 0, subject=f"Message {n:02d}.", minutes=n)
    with counted(app) as many:
        page = words(browser.get("/parent/messages"))
    assert len(many) == len(few) <= 16
    assert page.index("Message 41.") < page.index("Message 40.")
    assert "Message 21." not in page
    assert "Page 1 sur 3" in page
    last = words(browser.get("/parent/messages?page=3"))
    assert "Message 00." in last
    assert words(browser.get("/parent/messages?page=999")) == last
    assert browser.get("/parent/messages?page=x").status_code == 200


def test_an_empty_inbox_says_what_will_stand_there(as_, family):
    assert "Pas encore de message" in words(as_("parent").get("/parent/messages"))


def test_reading_goes_on_when_it_cannot_be_noted(app, as_, family, monkeypatch):
    number = send(app, family, 0)

    def busy(*_about):
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr("models.message_box.mark_read", busy)
    monkeypatch.setattr("views.inbox.is_busy", lambda _error: True)
    with rows(app) as session:
        before = session.scalar(select(func.count(MessageRecipient.id)).where(MessageRecipient.read_at.is_(None)))
    answer = as_("parent").get(f"/parent/messages/{number}")
    assert answer.status_code == 200
    with rows(app) as session:
        assert session.scalar(select(func.count(MessageRecipient.id)).where(MessageRecipient.read_at.is_(None))) == before


def test_staff_read_why_a_link_is_closed_those_alone_who_may_close_it(app, as_, family):
    suspend(app, family, 0)
    path = f"/admin/student/details/?id={family[1][0][0]}&part=contacts"
    assert "Motif\u00a0: Décision du juge" in words(as_("ac").get(path)).replace("Motif :", "Motif\u00a0:")
    assert "Décision du juge" not in words(as_("amp").get(path))
    assert "Décision du juge" not in words(as_("parent").get("/parent/"))


def test_a_student_reads_their_own_messages_under_their_own_address(app, as_, family):
    with rows(app) as session:
        student = session.scalar(select(Student).join(User, User.id == Student.user_id).where(User.username == "student"))
        mine = student.id, None, student.school_id
        user = student.user_id
    number = send(app, (user, [mine]), 0, subject="Rentrée")
    browser = as_("student")
    assert "Rentrée" in words(browser.get("/student/messages"))
    page = browser.get(f"/student/messages/{number}")
    assert page.status_code == 200
    assert "À propos de" not in words(page), "it is about whoever reads it"
    assert browser.get(f"/parent/messages/{number}").status_code == 403
    assert as_("parent").get(f"/parent/messages/{number}").status_code == 404
