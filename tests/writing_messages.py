"""A school of its own in the tests' application, whose people can be written to."""

from contextlib import contextmanager

from small import add_guardian, add_person, add_school, add_student, writing
from sqlalchemy import select

from jobs.runner import run_pending
from models import message_delivery
from models.access import Membership, Role, User
from models.actors import staff_in
from models.base import fold, utcnow
from models.db import db
from models.messages import Message, MessageRecipient, MessageTo
from models.people import GuardianLink, LinkStatus, Student
from models.school import School
from models.scope import Actor, Scope, acting, unscoped
from models.work import OutgoingMail


class World:
    """One school with an administrator `ac` and a teacher `ec`; people by their names."""

    def __init__(self, app):
        self.app = app
        with writing(self.app) as session:
            school = add_school(session, name="Collège des Messages", official_code="9990777R")
            self.school = school.id
            self.ac = add_person(session, school, email="ines@tilleuls.exemple", email_confirmed_at=utcnow()).id
            self.ec = add_person(session, school, role=Role.ec, email="ec@tilleuls.exemple").id

    def student(self, name="Zoé", *, account=False, **given):
        """A student's number; with an account of their own when asked."""
        with writing(self.app) as session:
            one = add_student(session, session.get(School, self.school), given_name=name, classroom="", **given)
            if account:
                one.user_id = self._user(session, name, None).id
            session.flush()
            return one.id

    @staticmethod
    def _user(session, name, email, *, confirmed=True, language="fr"):
        user = User(given_name=name, family_name="Bénard", email=email, language=language, email_confirmed_at=utcnow() if confirmed and email else None)
        session.add(user)
        session.flush()
        return user

    def guardian(self, name, *children, status=LinkStatus.active, account=True, email="", confirmed=True, language="fr"):
        """A guardian of these children: (guardian's number, user's number)."""
        with writing(self.app) as session:
            one = add_guardian(session, session.get(School, self.school), given_name=name)
            if account:
                one.user_id = self._user(session, name, email or f"{fold(name)}@exemple.org", confirmed=confirmed, language=language).id
            for child in children:
                session.add(GuardianLink(school_id=self.school, student_id=child, guardian_id=one.id, status=status))
            session.flush()
            return one.id, one.user_id

    @contextmanager
    def staff(self, user_id=None):
        """Work as a member of the staff; committed at the end."""
        with self.app.app_context(), acting(*staff_in(db.session, user_id or self.ac, self.school), batch="a-request"):
            yield db.session
            db.session.commit()

    @contextmanager
    def portal(self, user_id, portal="guardian"):
        """Look as a guardian or a student; committed at the end."""
        with self.app.app_context(), acting(Actor(user_id=user_id), Scope(school_id=None, user_id=user_id, portal=portal)):
            yield db.session
            db.session.commit()

    def draft(self, to=MessageTo.guardians, audience=None, *, by=None, subject="Sortie au musée", body="<p>Rendez-vous à <b>8 h</b>.</p>"):
        """A draft's number."""
        with self.staff(by) as session:
            one = Message(subject=subject, body=body, to=to, audience=audience or {"kind": "all"}, requested_by_id=by or self.ac)
            session.add(one)
            session.flush()
            return one.id

    def send(self, message_id, *, by=None, deliver=True):
        """Send it; how many people. Delivered at once unless said otherwise."""
        with self.staff(by) as session:
            number = message_delivery.send(session, session.get_one(Message, message_id))
        if deliver:
            self.work()
        return number

    def work(self):
        """Let the runner do what waits."""
        run_pending(self.app)

    def message(self, message_id):
        """The row as it is now, apart from its session."""
        with writing(self.app) as session:
            one = session.get_one(Message, message_id)
            session.expunge(one)
            return one

    def rows(self, message_id):
        """(user, student, read) of each addressee."""
        with writing(self.app) as session:
            r = MessageRecipient
            return {tuple(row) for row in session.execute(select(r.user_id, r.student_id).where(r.message_id == message_id))}

    def mails(self):
        """The mails of the school."""
        with self.app.app_context(), unscoped("a test looks"):
            found = list(db.session.scalars(select(OutgoingMail).where(OutgoingMail.school_id == self.school).order_by(OutgoingMail.id)))
            for mail in found:
                _ = mail.html
            db.session.expunge_all()
            return found

    def message_user(self, student_id):
        """The account of a student."""
        with writing(self.app) as session:
            return session.scalar(select(Student.user_id).where(Student.id == student_id))

    def disable(self, user_id, *, off):
        """Close somebody's roles here, or open them again."""
        with writing(self.app) as session:
            for held in session.scalars(select(Membership).where(Membership.user_id == user_id)):
                held.active = not off

    def forget_address(self, user_id):
        """Take somebody's e-mail address away."""
        with writing(self.app) as session:
            session.get_one(User, user_id).email = None
