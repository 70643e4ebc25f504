"""The same tables behind plain Flask-Admin screens, as its documentation writes them: what we are compared with.

No rights, no history, no school, no guardian in the search, no access in the list: it is spared what our pages pay for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import inspect
import secrets

from contender import Client, memory
from flask import Flask
from flask_admin import Admin
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView, tools
from flask_babel import Babel
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, relationship

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def start(url: str) -> Stock:
    """The application on the tables of `url`."""
    return Stock(url)


class Stock:
    """A small Flask application with one screen."""

    def __init__(self, url: str) -> None:
        app, db = Flask("stock"), SQLAlchemy()
        app.config.update(SECRET_KEY="stock", SQLALCHEMY_ENGINES={"default": url})
        db.init_app(app)
        Babel(app)
        engine = create_engine(url)
        tables = MetaData()
        tables.reflect(
            engine,
            only=["student", "level", "student_group", "user", "school", "activation_code", "enrolment", "course", "term", "code_value"],
            resolve_fks=True,
        )
        engine.dispose()

        class Base(DeclarativeBase):
            metadata = tables

        class Level(Base):
            __table__ = tables.tables["level"]

            def __str__(self) -> str:
                return self.name

        class Group(Base):
            __table__ = tables.tables["student_group"]

            def __str__(self) -> str:
                return self.name

        class User(Base):
            __table__ = tables.tables["user"]

            def __str__(self) -> str:
                return f"{self.given_name} {self.family_name}"

        class Code(Base):
            __table__ = tables.tables["activation_code"]

        table = tables.tables["student"]

        class Student(Base):
            __table__ = table
            level = relationship(Level)
            homeroom = relationship(Group, foreign_keys=[table.c.homeroom_id])
            adviser = relationship(User, foreign_keys=[table.c.adviser_id])

            def __str__(self) -> str:
                return f"{self.family_name} {self.given_name}"

        class Term(Base):
            __table__ = tables.tables["term"]

            def __str__(self) -> str:
                return f"{self.season} {self.year}"

        class Course(Base):
            __table__ = tables.tables["course"]

            def __str__(self) -> str:
                return self.number

        class CodeValue(Base):
            __table__ = tables.tables["code_value"]

            def __str__(self) -> str:
                return self.code

        rows = tables.tables["enrolment"]

        class Enrolment(Base):
            __table__ = rows
            student = relationship(Student)
            term = relationship(Term)
            course = relationship(Course, foreign_keys=[rows.c.course_id])
            remark = relationship(CodeValue, foreign_keys=[rows.c.remark_id])
            rac_type = relationship(CodeValue, foreign_keys=[rows.c.rac_type_id])
            census_status = relationship(CodeValue, foreign_keys=[rows.c.census_status_id])

        class Enrolments(ModelView):
            page_size = 50
            column_list = (*("student", "student.local_id", "term", "course", "group_number", "mark", "remark", "rac_type", "census_status", "outcome"),)
            column_default_sort = ("id", True)
            column_searchable_list = ("student.family_name", "student.given_name", "student.local_id", "student.national_id", "course.number", "course.title")
            column_filters = ("course.number", "group_number", "outcome")

        class Students(ModelView):
            page_size = 50
            can_export = True
            named_filter_urls = True
            column_list = ("family_name", "given_name", "homeroom", "level", "national_id", "born_on", "status")
            column_default_sort = "family_name"
            column_searchable_list = ("family_name", "given_name", "national_id", "local_id")
            column_filters = ("level.name", "status")
            column_export_list = (  # without the adviser, whom the list does not load: DetachedInstanceError after a 200
                *("family_name", "given_name", "usage_name", "homeroom", "level", "national_id", "local_id", "sex", "born_on"),
                *("email", "phone", "address1", "address2", "postal_code", "town", "status"),
            )

            @action("codes", "Codes", "Sure?")
            def codes(self, ids: list[str]) -> None:
                now = dt.datetime.now(dt.UTC)
                for row in tools.get_query_for_ids(self.get_query(), self.model, [int(i) for i in ids]):
                    code = "".join(secrets.choice(ALPHABET) for _n in range(12))
                    digest = hashlib.sha256(code.encode()).hexdigest()
                    until = now + dt.timedelta(days=180)
                    made = {"purpose": "guardian", "batch": "stock", "version": 1, "printed_count": 0, "sent_count": 0, "sealed": ""}
                    db.session.add(Code(school_id=row.school_id, student_id=row.id, digest=digest, tail=code[-4:], created_at=now, expires_at=until, **made))
                db.session.commit()

        with app.app_context():
            admin = Admin(app, name="Stock")
            admin.add_view(Students(Student, db, name="Students", endpoint="student"))
            admin.add_view(Enrolments(Enrolment, db, name="Registrations", endpoint="enrolment"))
        # The same cure as ours (models/db.py): its async teardown costs 0.6 ms a request.
        app.teardown_appcontext_funcs[:] = [f for f in app.teardown_appcontext_funcs if not inspect.iscoroutinefunction(f)]
        self.client = Client(app)
        self.time, self.stream, self.memory = self.client.time, self.client.stream, memory

    def codes(self, ids: list[int]) -> float:
        """Seconds to give each of these students a code, row by row."""
        body = "&".join(["action=codes", *(f"rowid={i}" for i in ids)])
        seconds, _first, status, _body, _headers = self.client.ask("/admin/student/action/", body)
        if not status.startswith("302"):
            raise RuntimeError(status)
        return seconds

    def weight(self, path: str) -> tuple[int, int]:
        """Bytes of a page, and on the wire."""
        size = len(self.client.ask(path)[3])
        return size, size
