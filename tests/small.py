"""A small application over a real SQLite file: models, words and jobs, without the screens. For tests of what runs behind them."""

import datetime as dt
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

import models  # noqa: F401 (maps every table)
from models import files, keys
from models.access import Membership, Role, User
from models.activation import ActivationCode, new_codes
from models.base import Base, utcnow
from models.db import db, init_db
from models.people import Group, GroupCategory, Guardian, Student
from models.school import Country, School
from models.scope import Actor, Scope, acting, unscoped
from views import i18n

made: list[Flask] = []  # every application of the run: the connections of the last ones are closed after each test


def small_app(folder: Path, url: str = "", tables: bool = True, **config) -> Flask:
    """An application with files under `folder` and its own empty database there, or that of `url` (without `tables`: as it is)."""
    app = Flask("small")
    made.append(app)
    app.config.update({"DATA": folder, "MAIL_URL": "", "BASE_URL": "https://tilleuls.exemple", **config})
    keys.configure(b"a key for tests, long enough")
    files.configure(folder / "files")
    init_db(app, url or f"sqlite:///{folder / 'test.sqlite3'}")
    i18n.install(app, lambda: "fr")
    with app.app_context():
        if tables:
            Base.metadata.create_all(db.engine)
    return app


@contextmanager
def writing(app):
    """A session without scope, committed at the end."""
    with app.app_context(), unscoped("a test prepares its rows"):
        yield db.session
        db.session.commit()


def add_school(session, **given) -> School:
    """A school of Valmont, with what a letter needs."""
    defaults = {
        "country": Country.FR,
        "name": "Collège des Tilleuls",
        "official_code": "9990001X",
        "email": "secretariat@tilleuls.exemple",
        "phone": "01 99 00 12 00",
        "address1": "2, place du Marché",
        "postal_code": "00000",
        "town": "Valmont",
    }
    school = School(**{**defaults, **given})
    session.add(school)
    session.flush()
    return school


def add_person(session, school, role=Role.ac, **given) -> User:
    """A member of staff with one role."""
    user = User(given_name="Inès", family_name="Aubry", language="fr", **given)
    session.add(user)
    session.flush()
    session.add(Membership(user_id=user.id, school_id=school.id, role=role))
    session.flush()
    return user


def add_student(session, school, given_name="Zoé", family_name="Bénard", classroom="5e Bleue", **given) -> Student:
    """A student in a class."""
    group = session.query(Group).filter_by(school_id=school.id, name=classroom).one_or_none() if classroom else None
    if classroom and group is None:
        group = Group(school_id=school.id, name=classroom, category=GroupCategory.klass)
    student = Student(school_id=school.id, given_name=given_name, family_name=family_name, homeroom=group, **given)
    session.add(student)
    session.flush()
    return student


def add_guardian(session, school, **given) -> Guardian:
    """A mother with an address."""
    defaults = {"title": "Mme", "given_name": "Hélène", "family_name": "Bénard", "address1": "18, allée du Moulin", "postal_code": "00000", "town": "Valmont"}
    guardian = Guardian(school_id=school.id, **{**defaults, **given})
    session.add(guardian)
    session.flush()
    return guardian


def add_code(session, student, guardian=None, code=None, days=180) -> ActivationCode:
    """A usable code of a student."""
    code = code or new_codes(1)[0]
    row = ActivationCode(
        school_id=student.school_id,
        student_id=student.id,
        guardian_id=guardian.id if guardian else None,
        digest=keys.digest("activation", code),
        sealed=keys.seal("activation", code),
        tail=code[-4:],
        expires_at=utcnow() + dt.timedelta(days=days),
    )
    session.add(row)
    session.flush()
    return row


def as_staff(user_id: int, school_id: int, name="Inès Aubry", language="fr"):
    """Act as this person in this school."""
    return acting(Actor(user_id=user_id, name=name, language=language), Scope(school_id=school_id, user_id=user_id))
