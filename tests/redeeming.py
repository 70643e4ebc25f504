"""A small application with one student, and people who type codes, for tests."""

from small import add_code, add_school, add_student, small_app, writing
from sqlalchemy import func, select

from models import keys, passwords
from models.access import User
from models.activation import ActivationCode, new_codes
from models.base import fold
from models.db import db
from models.people import Guardian, Student
from models.redemption import add_child, register
from models.scope import unscoped

GOOD = "trois chevaux verts ailleurs"


def one_student(folder):
    """A small application with one student of one school."""
    passwords.configure(1, 8)
    app = small_app(folder)
    with writing(app) as session:
        school = add_school(session)
        app.school = school.id
        app.zoe = add_student(session, school).id
    return app


def code_for(app, student_id=None, guardian_id=None, **given):
    """A code of a student, in clear."""
    code = new_codes(1)[0]
    with writing(app) as session:
        row = add_code(session, session.get(Student, student_id or app.zoe), session.get(Guardian, guardian_id) if guardian_id else None, code=code)
        for name, value in given.items():
            setattr(row, name, value)
    return code


def person(app, name="Hélène", **given):
    """Somebody with an account and no child."""
    with writing(app) as session:
        user = User(given_name=name, family_name="Bénard", email=f"{fold(name)}@exemple.org", **given)
        session.add(user)
        session.flush()
        return user.id


def enter(app, code, email="helene@exemple.org", address="10.0.0.1", **given):
    """Register with a code."""
    with app.app_context():
        try:
            given = {"given_name": "Hélène", "family_name": "Bénard", "password": GOOD, "agent": "a test"} | given
            return register(code, email=email, address=address, base_url="https://school.example.org", **given)
        finally:
            db.session.rollback()


def add(app, code, user_id, address="10.0.0.1"):
    """Add a child with a code; the status of the new link."""
    with app.app_context():
        link = add_child(code, user_id, address=address)
        with unscoped("a test looks"):
            return link.status


def row_of(app, code):
    """The row of a code, as it is now."""
    with writing(app) as session:
        row = session.scalar(select(ActivationCode).where(ActivationCode.digest == keys.digest("activation", code)))
        session.expunge(row)
        return row


def count(app, table):
    """How many rows."""
    with writing(app) as session:
        return session.scalar(select(func.count()).select_from(table))
