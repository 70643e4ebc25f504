"""The pages of guardians in each of their states, for the tour: what waits, what is refused, what is left when no child is left."""

import datetime as dt

from conftest import rows
from hands import DEMO, GOOD
from sqlalchemy import select, update

from models.access import User
from models.activation import new_codes
from models.base import utcnow
from models.messages import Message, MessageFile, MessageRecipient, MessageState
from models.people import Guardian, GuardianLink, LinkStatus, Student


def guardians(tour, ids):
    """A parent from the first unread message to the last child that is left."""
    links, message = _prepare(tour.app)
    _fresh(tour)
    tour.look("parent", "/parent/")
    tour.walk("parent", "/parent/messages", "/parent/messages?page=2", f"/parent/messages/{message}", "/account/email")
    tour.walk("student", "/student/messages", f"/student/messages/{message}")
    _registering(tour, ids)
    _details(tour)
    _fresh(tour)
    tour.app.config["MAIL_URL"] = "smtp://127.0.0.1:9"
    tour.look("parent", "/parent/")
    for _time in range(4):
        tour.look("parent", "/account/confirm", next="/parent/")
    tour.look("", "/forgot")
    tour.look("", "/forgot", username="parent")
    tour.app.config["MAIL_URL"] = ""
    tour.look("parent", "/account/confirm", next="/parent/")
    tour.look("", "/forgot")
    tour.look("", "/forgot", username="")
    tour.look("", "/reset/nothing")
    tour.look("parent", "/parent/child/999999")
    tour.look("parent", "/admin/")
    _set(tour.app, links[:1], LinkStatus.to_check)
    tour.look("parent", "/parent/")
    _set(tour.app, links, LinkStatus.suspended)
    tour.look("parent", "/parent/")
    tour.look("parent", "/parent/messages")
    _set(tour.app, links, LinkStatus.active)
    with rows(tour.app) as session:
        child = session.get(GuardianLink, links[0]).student_id
    tour.look("parent", f"/parent/child/{child}/leave")
    tour.look("parent", f"/parent/child/{child}/leave", _="1")


def _fresh(tour):
    """Another browser for strangers, for one of them registered; another token for the parent, whose session began again."""
    for name in ("", "token of ", "token of parent"):
        tour.browsers.pop(name, None)


def _prepare(app):
    """Messages of one school: more than a page of them, the last with a file, unread."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "parent"))
        user.email, user.email_confirmed_at = user.email or "parent@exemple.org", None
        links = session.scalars(select(GuardianLink).join(Guardian).where(Guardian.user_id == user.id).order_by(GuardianLink.school_id)).all()
        author = session.scalar(select(User).where(User.username == "ac"))
        for _n in range(22):
            message = Message(school_id=links[0].school_id, subject="Tilleuls", body="<p>Tilleuls</p>", requested_by_id=author.id)
            session.add(message)
            session.flush()
            session.add_all(
                [
                    MessageRecipient(school_id=link.school_id, message_id=message.id, user_id=user.id, student_id=link.student_id, guardian_id=link.guardian_id)
                    for link in links[:1]
                ]
            )
        session.add(
            MessageFile(school_id=message.school_id, message_id=message.id, digest="0" * 64, name="Tilleuls.pdf", type="application/pdf", size=3_000_000)
        )
        student = session.scalar(select(Student).join(User, User.id == Student.user_id).where(User.username == "student"))
        session.add(MessageRecipient(school_id=student.school_id, message_id=message.id, user_id=student.user_id, student_id=student.id))
        session.flush()
        sent = {"state": MessageState.sent, "sender": author.name, "sent_at": utcnow() - dt.timedelta(days=1)}
        session.execute(update(Message).where(Message.subject == "Tilleuls").values(sent))
        return [link.id for link in links], message.id


def _registering(tour, ids):
    """Every answer to a code."""
    for code in ("O000-0000-0000", "ABCD", "ABCD-EFGH-JKMM", new_codes(1)[0]):
        tour.look("parent", "/parent/register", code=code)
        tour.look("", "/parent/register", code=code, given_name="Hélène", family_name="Bénard", email="helene2@exemple.org", password=GOOD)
    with rows(tour.app) as session:
        from small import add_code

        code = new_codes(1)[0]
        add_code(session, session.get(Student, ids["student"]), code=code)
    tour.look("", "/parent/register", code=code, given_name="Hélène", family_name="Bénard", email="helene@exemple.org", password=GOOD)
    tour.look("parent", f"/parent/register?code={code}")


def _details(tour):
    """The details of one school, and another e-mail, both with what is refused."""
    with rows(tour.app) as session:
        guardian = session.scalar(select(Guardian.id).join(User, User.id == Guardian.user_id).where(User.username == "parent"))
    tour.look("parent", f"/parent/profile/{guardian}", phone="abc", email="abc", postal_code="!", row_version="1")
    for email, password in (("abc", DEMO), ("nouvelle@exemple.org", "wrong"), ("parent@exemple.org", DEMO)):
        tour.look("parent", "/account/email", email=email, password=password)


def _set(app, links, status):
    with rows(app) as session:
        session.execute(update(GuardianLink).where(GuardianLink.id.in_(links)).values(status=status))
