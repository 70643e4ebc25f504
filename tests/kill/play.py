"""What the killed processes do: one play for each kind of work, with its school, its request and its two possible worlds."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from conftest import signed_in
from import_people import HEADINGS, many
from sqlalchemy import event, func, select

from jobs.demo import load_demo
from jobs.runner import run_pending
from models.access import User
from models.actors import staff_in
from models.base import utcnow
from models.db import db
from models.imports import Import
from models.message_audience import resolve
from models.messages import Message, MessageTo
from models.people import Group, GroupCategory, Guardian, Student
from models.school import School
from models.scope import WHO, acting, unscoped
from models.transfer import Transfer, TransferStatus
from models.work import Job
from views.version_mark import version_mark

STUDENTS, LINES = 560, 300


class Counter:
    """Counts the statements of the work, on whichever thread it runs, and kills the family before the one that was asked for."""

    def __init__(self, at):
        self.at, self.seen, self._here = at, 0, threading.local()

    @contextmanager
    def working(self):
        """What this thread does inside is the work."""
        self._here.on = True
        try:
            yield
        finally:
            self._here.on = False

    def note(self, *_given):
        """Before a statement."""
        if getattr(self._here, "on", False):
            self.seen += 1
            if self.seen == self.at:
                os.killpg(0, signal.SIGKILL)


def counting(app, at):
    """A counter on the application's engine; the end of a transaction counts too."""
    count = Counter(at)
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", count.note)
        event.listen(db.engine, "commit", count.note)
    return count


@contextmanager
def as_acc(app):
    """Work as the administrator of the first school."""
    with app.app_context():
        with unscoped("a test looks for somebody"):
            user = db.session.scalar(select(User.id).where(User.username == "acc"))
        with acting(*staff_in(db.session, user, 1)):
            yield db.session
            db.session.commit()


@dataclass(frozen=True)
class Play:
    """One kind of work: where its form is sent. `rows` counts what it writes, `fill` prepares the school and gives what the
    path lacks, or more fields, `by_job` says that the runner does it."""

    path: str
    rows: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)
    fill: Callable = lambda _app: ""
    by_job: bool = True

    def prepare(self, app):
        """The demonstration's school, whatever the work needs, and somebody signed in."""
        with app.app_context(), unscoped("the tests' own data"):
            load_demo(db.session, students=STUDENTS, seed=7)
            db.session.commit()
        found = self.fill(app)
        path, more = (self.path, found) if isinstance(found, dict) else (self.path.format(found), {})
        cookie = signed_in(app, "acc").get_cookie("scolabri").value
        with app.app_context(), unscoped("a test looks"):
            last = db.session.scalar(select(func.max(Job.id))) or 0
            db.session.rollback()
        return {"path": path, "fields": self.fields | more, "rows": self.rows, "last_job": last, "cookie": cookie, "by_job": self.by_job}


def _checked_import(app):
    """An import of 300 lines to be confirmed; its identifier."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADINGS, delimiter=";")
    writer.writeheader()
    writer.writerows(many(LINES))
    with as_acc(app) as session:
        one = Import.receive([("eleves.csv", out.getvalue().encode())])
        session.flush()
        key = one.id
    run_pending(app)
    return key


def _written_import(app):
    """The batch of an import that was written."""
    key = _checked_import(app)
    with as_acc(app) as session:
        one = session.get_one(Import, key)
        one.confirm()
        batch = f"job-{one.job_id}"
    run_pending(app)
    return batch


def _open_transfers(app):
    """Transfers are on, both ways."""
    with app.app_context(), unscoped("the tests' own data"):
        for school in db.session.scalars(select(School)):
            school.register_reference, school.transfers_on = "RT-1", True
        db.session.commit()
    return ""


def _checked_transfer(app):
    """An import of students whom the second school has sent, to be confirmed; its identifier."""
    _open_transfers(app)
    with app.app_context():
        with unscoped("a test looks for somebody"):
            user = db.session.scalar(select(User.id).where(User.username == "acc2"))
            ids = list(db.session.scalars(select(Student.id).where(Student.school_id == 2, Student.national_id.is_not(None)).limit(LINES)))
        with acting(*staff_in(db.session, user, 2)):
            Transfer.send(ids, "9990001X")
            db.session.commit()
    run_pending(app)
    with as_acc(app) as session:
        key = session.scalars(select(Transfer).where(Transfer.status == TransferStatus.waiting)).one().look().id
    run_pending(app)
    return key


def _class(app):
    """One class, for the filter of a list."""
    with as_acc(app) as session:
        return session.scalars(select(Group.id).where(Group.category == GroupCategory.klass).order_by(Group.id)).first()


def _draft(app):
    """A draft to everybody, as the page before sending shows it; the fields of its button. Half of the guardians have an account by then."""
    with app.app_context(), unscoped("the tests' own data"):
        waiting = db.session.scalars(select(Guardian).where(Guardian.school_id == 1, Guardian.user_id.is_(None)).order_by(Guardian.id)).all()
        users = [User(given_name=one.given_name, family_name=one.family_name, email=f"n{one.id}@example.org", email_confirmed_at=utcnow()) for one in waiting]
        db.session.add_all(users)
        db.session.flush()
        for one, user in zip(waiting, users, strict=True):
            one.user_id = user.id
        db.session.commit()
    with as_acc(app) as session:
        draft = Message(subject="Sortie au musée", body="<p>Vendredi.</p>", to=MessageTo.both, requested_by_id=WHO.get().user_id)
        session.add(draft)
        session.flush()
        return {"rowid": str(draft.id), "row_version": version_mark(draft), "reached": str(resolve(session, draft).people)}


_SENT = "SELECT count(*) FROM message_recipient r JOIN message m ON m.id = r.message_id WHERE m.state = 'sent'"

_ALL = {"all": "1", "_asked": "1"}
_PEOPLE = (
    "SELECT count(*) FROM student",
    "SELECT count(*) FROM guardian",
    "SELECT count(*) FROM guardian_link",
    "SELECT count(*) FROM student_group",
    "SELECT count(*) FROM journal_event WHERE batch LIKE 'job-%'",
    "SELECT count(*) FROM journal_change WHERE batch LIKE 'job-%'",
)

_TRANSFERS = (
    "SELECT count(*) FROM student WHERE status = 'left'",
    "SELECT count(*) FROM transfer WHERE direction = 'received'",
    "SELECT count(*) FROM transfer WHERE direction = 'sent' AND status IN ('waiting', 'done')",
    "SELECT count(*) FROM transfer WHERE status = 'done'",
)

PLAYS = {
    "import": Play("/admin/import_/confirm/?id={}", (*_PEOPLE, "SELECT count(*) FROM import WHERE status = 'done'"), fill=_checked_import),
    "codes": Play(
        "/admin/student/action/",
        ("SELECT count(*) FROM activation_code", "SELECT count(*) FROM journal_event WHERE verb = 'generate_codes'"),
        {"action": "generate_codes", "only_missing": "0", "quantity": "2", **_ALL},
        by_job=False,
    ),
    "letters": Play(
        "/admin/activation_code/action/?flt0_homeroom.OfStudent={}",
        (
            "SELECT sum(printed_count) FROM activation_code",
            "SELECT count(*) FROM journal_event WHERE verb = 'print_letters' AND batch LIKE 'job-%'",
            "SELECT count(*) FROM job WHERE file_key != ''",
        ),
        {"action": "print_letters", **_ALL},
        _class,
    ),
    "bulk verb": Play(
        "/admin/student/action/",
        (
            "SELECT count(*) FROM student WHERE status = 'left'",
            "SELECT count(*) FROM journal_event WHERE verb = 'deactivate'",
            "SELECT count(*) FROM journal_change WHERE table_name = 'student'",
        ),
        {"action": "deactivate", **_ALL},
    ),
    "transfer out": Play(
        "/admin/student/action/",
        (*_TRANSFERS, "SELECT count(*) FROM journal_event WHERE verb = 'transfer'"),
        {"action": "transfer", "school_code": "QC999001", "leave": "y", "_sure": "QC999001 Cégep de la Rive", **_ALL},
        _open_transfers,
    ),
    "transfer in": Play("/admin/import_/confirm/?id={}", (*_PEOPLE, *_TRANSFERS), fill=_checked_transfer),
    "message": Play(
        "/admin/message/action/",
        (
            _SENT,
            f"{_SENT} AND r.mail_id IS NOT NULL",
            "SELECT count(*) FROM message WHERE state = 'sent'",
            "SELECT count(*) FROM outgoing_mail WHERE cause_table = 'message'",
            "SELECT count(*) FROM message_recipient r JOIN message m ON m.id = r.message_id WHERE m.state = 'draft'",
        ),
        {"action": "send", "_asked": "1"},
        _draft,
    ),
    "undo": Play(
        "/admin/journal_event/undo?batch={}",
        (*_PEOPLE, "SELECT count(*) FROM journal_event WHERE verb = 'undo' AND batch LIKE 'job-%'"),
        fill=_written_import,
    ),
}
