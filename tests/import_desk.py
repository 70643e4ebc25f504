"""Somebody who imports, for the tests: files made in memory, sent, decided about and written without a browser."""

import csv
import io

import openpyxl
from conftest import rows
from import_people import HEADINGS
from sqlalchemy import select

from jobs.runner import run_pending
from models.access import Membership, Role, User
from models.actors import staff_in
from models.db import db
from models.import_words import remedy_of, sentence_of
from models.imports import Fix, Import, ImportRow, ImportStatus
from models.people import Student
from models.school import School
from models.scope import acting

UTF8 = "utf-8"


def table(lines, headings=HEADINGS, encoding=UTF8, separator=";"):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([line.get(h, "") for h in headings] if isinstance(line, dict) else line for line in lines)
    return out.getvalue().encode(encoding)


def book(lines, headings=HEADINGS):
    made = openpyxl.Workbook()
    made.active.append(headings)
    for line in lines:
        made.active.append([line.get(h, "") for h in headings])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def tie(link):
    guardian = link.guardian
    return guardian.name, guardian.email, guardian.phone_e164, link.relation.name, link.authority.name, link.status.name


class Desk:
    """Somebody who imports into an empty school of their own."""

    def __init__(self, app, school_id, username):
        self.app, self.school_id = app, school_id
        with rows(app) as session:
            self.user_id = session.scalar(select(User.id).where(User.username == username))

    def acting(self):
        found = staff_in(db.session, self.user_id, self.school_id)
        assert found is not None
        return acting(*found)

    def send(self, *files):
        with self.app.app_context(), self.acting():
            made = Import.receive([f if isinstance(f, tuple) else ("eleves.csv", f) for f in files])
            db.session.commit()
            key = made.id
        run_pending(self.app)
        return key

    def do(self, key, verb, *args, **kwargs):
        with self.app.app_context(), self.acting():
            one = db.session.get_one(Import, key)
            if verb in ("choose", "forget"):
                args = (one.files[0], *args)
            outcome = getattr(one, verb)(*args, **kwargs)
            db.session.commit()
        run_pending(self.app)
        return outcome

    def fix(self, key, line, cells, kind="students", **more):
        """Set cells of a line right."""
        return self.do(key, "correct", [Fix(kind, line, field, text, **more) for field, text in cells.items()])

    def row(self, key, line):
        """A line as the last check left it."""
        with rows(self.app) as session:
            generation = session.get_one(Import, key).generation
            row = session.scalars(select(ImportRow).where(ImportRow.import_id == key, ImportRow.generation == generation, ImportRow.line == line)).one()
            session.expunge(row)
            return row

    def write(self, *files, **kwargs):
        key = self.send(*files)
        self.do(key, "confirm", **kwargs)
        return key

    def state(self, key):
        with rows(self.app) as session:
            one = session.get_one(Import, key)
            return one.status, dict(one.counts), dict(one.written), one.problem

    def counts(self, key):
        status, counts, _written, problem = self.state(key)
        assert status is ImportStatus.checked, problem
        return {name: counts[name] for name in ("created", "changed", "unchanged", "error", "unsure", "ignored", "absent")}

    def statuses(self, key):
        """Line -> its fate."""
        with rows(self.app) as session:
            return {row.line: row.status.name for row in session.scalars(select(ImportRow).where(ImportRow.import_id == key)) if row.line}

    def questions(self, key):
        """Line -> (why, candidates) of each question."""
        with rows(self.app) as session:
            found = session.scalars(select(ImportRow).where(ImportRow.import_id == key, ImportRow.asked).order_by(ImportRow.line))
            return {row.line: [(q["why"], q["refs"]) for q in row.questions] for row in found}

    def notes(self, key, kind="problems"):
        """Line -> (field, value, fact, remedy) of what the preview says, in English."""
        from flask_babel import force_locale

        with rows(self.app) as session, force_locale("en"):
            return {
                row.line: [(n["field"], n["value"], sentence_of(n).sentence, remedy_of(n)) for n in getattr(row, kind)]
                for row in session.scalars(select(ImportRow).where(ImportRow.import_id == key).order_by(ImportRow.line))
                if getattr(row, kind)
            }

    def people(self):
        """Everything an import writes, without keys, sorted."""
        with rows(self.app) as session:
            students = session.scalars(select(Student).where(Student.school_id == self.school_id))
            return sorted(
                (
                    s.family_name, s.given_name, s.sex.name if s.sex else "", str(s.born_on), s.national_id or "", s.email, s.phone, s.address1,
                    s.postal_code, s.town, s.homeroom.name if s.homeroom else "", s.level.name if s.level else "", s.status.name,
                    tuple(sorted(tie(link) for link in s.links)),
                )
                for s in students
            )  # fmt: skip


def empty_school(app):
    """A third school with nobody but its administrator and registrar, who are those of the first; its identifier."""
    with rows(app) as session:
        school = School(name="École vide", official_code="0752387M")
        session.add(school)
        session.flush()
        for name, role in (("ac", Role.ac), ("registrar", Role.registrar)):
            user_id = session.scalar(select(User.id).where(User.username == name))
            session.add(Membership(user_id=user_id, school_id=school.id, role=role))
        return school.id
