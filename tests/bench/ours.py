"""Our application on the data of the bench, signed in as the site administrator: pages, codes, export, import, letters."""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from contender import Client, forget_peak, memory
from data import CODES_FOR, open_app
from hands import token
from sqlalchemy import bindparam, delete, event, func, insert, select, update

from jobs.runner import run_pending
from jobs.serving import settle
from models import files
from models.access import User
from models.activation import ActivationCode, generate, new_codes
from models.actors import staff_in
from models.base import utcnow
from models.db import db
from models.enrolments import Enrolment
from models.imports import Import
from models.message_audience import resolve
from models.messages import Message
from models.people import Group, Guardian, GuardianLink, LinkStatus, Student, group_member
from models.school import Level, School
from models.scope import WHO as WHO_ACTS
from models.scope import acting, unscoped
from models.sessions import open_session, standing_of
from models.work import Job, JobState
from views.version_mark import version_mark

WHO = "acc"


def start(folder: str, url: str) -> Ours:
    """The application on the database of `url`, signed in."""
    return Ours(Path(folder), url)


def cookies(app: Any, username: str = WHO, count: int = 1) -> list[str]:
    """Cookie headers of browsers signed in as a demonstration account."""
    found = []
    with app.app_context(), unscoped("the bench signs in"):
        user = db.session.scalar(select(User).where(User.username == username))
        tokens = [open_session(user, standing_of(user.id)) for _n in range(count)]
        db.session.commit()
    for each in tokens:
        browser = app.test_client()
        with browser.session_transaction() as session:
            session.update(_user_id=each, _fresh=True, csrf_token="0" * 40)
        found.append("; ".join(f"{c.key}={c.value}" for c in browser._cookies.values()))
    return found


class Ours:
    """The application, a signed-in browser, and what the bars ask of them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.app = open_app(folder, url)
        settle()  # as the server does before it serves
        self.client = Client(self.app, cookies(self.app)[0])
        self.time, self.stream, self.memory = self.client.time, self.client.stream, memory
        with self.app.app_context(), unscoped("the bench looks for its rows"):
            self.school = db.session.scalars(select(School.id).order_by(School.id)).first()

    def places(self) -> dict[str, Any]:
        """What the addresses need: a level, groups, a student with guardians in the middle of the list."""
        with self.app.app_context(), unscoped("the bench looks for its rows"):
            names = select(Group.name, Group.id).where(Group.name.in_(CODES_FOR))
            level = db.session.execute(select(Level.id, Level.name).where(Level.school_id == self.school).order_by(Level.rank).offset(1).limit(1)).one()
            student = db.session.scalars(select(Student.id).where(Student.id >= 1_000_100, Student.search_key.contains("+33")).order_by(Student.id)).first()
            groups: dict[str, int] = {row.name: row.id for row in db.session.execute(names)}
            candidate = db.session.scalars(select(Enrolment.student_id).where(Enrolment.school_id == self.school).order_by(Enrolment.id.desc())).first()
            return {"candidate": candidate, "level": level.id, "level_name": level.name, "student": student, "groups": groups}

    def status(self, path: str) -> str:
        """The status line of a page."""
        return self.client.ask(path)[2]

    # -- 14, 15

    def weight(self, path: str) -> tuple[int, int]:
        """Bytes of a page, and on the wire."""
        _seconds, _first, _status, body, headers = self.client.ask(path)
        return (len(gzip.decompress(body)) if headers.get("Content-Encoding") == "gzip" else len(body)), len(body)

    def statements(self, path: str) -> int:
        """How many questions a page asks the database."""
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        with self.app.app_context():
            engine = db.engine
        self.client.ask(path)
        event.listen(engine, "before_cursor_execute", note)
        try:
            self.client.ask(path)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return sum(not statement.startswith(("BEGIN", "PRAGMA")) for statement in seen)

    # -- 7

    def ids_of(self, group: int) -> list[int]:
        """The students of a group."""
        with self.app.app_context(), unscoped("the bench looks for its rows"):
            return list(db.session.scalars(select(group_member.c.student_id).where(group_member.c.group_id == group)))

    def codes(self, group: int) -> float:
        """Seconds from the answered question to the redirection: one code for each member of a group."""
        form = token(self._page("/account"))
        body = f"csrf_token={form}&action=generate_codes&all=1&_asked=1&only_missing=0&quantity=1"
        seconds, _first, status, _body, _headers = self.client.ask(f"/admin/student/action/?flt0_groups.Member={group}", body)
        if not status.startswith("303"):
            raise RuntimeError(status)
        return seconds

    def _page(self, path: str) -> str:
        body, headers = (answer := self.client.ask(path))[3], answer[4]
        return (gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body).decode()

    def raw_codes(self, ids: list[int]) -> float:
        """Seconds of the bare inserts of as many rows, made beforehand."""
        with self.app.app_context(), unscoped("the bench inserts"):
            model = db.session.scalars(select(ActivationCode).where(ActivationCode.batch == "bench")).first()
            same = {c.key: getattr(model, c.key) for c in ActivationCode.__table__.columns if c.key not in ("id", "digest", "student_id")}
            rows = [
                {**same, "digest": f"raw-{code}", "sealed": "x" * 140, "batch": "raw", "student_id": i}
                for code, i in zip(new_codes(len(ids)), ids, strict=True)
            ]
            db.session.rollback()
            began = time.perf_counter()
            db.session.connection().execute(insert(ActivationCode.__table__), rows)
            db.session.commit()
            return time.perf_counter() - began

    def drop_codes(self) -> None:
        """Forget the codes made since the data was built."""
        with self.app.app_context(), unscoped("the bench cleans up"):
            db.session.execute(delete(ActivationCode.__table__).where(ActivationCode.__table__.c.batch != "bench"))
            db.session.commit()

    # -- 9, 10

    def _as(self, username: str = WHO) -> Any:
        with unscoped("the bench acts"):
            user = db.session.scalar(select(User).where(User.username == username))
            found = staff_in(db.session, user.id, self.school if username == WHO else user.current_school_id or self._second())
        db.session.rollback()
        return acting(*found)

    def _second(self) -> int:
        return int(db.session.scalars(select(School.id).order_by(School.id).offset(1)).first())

    def import_file(self, path: str, username: str) -> dict[str, Any]:
        """Seconds to check and to write a file in that person's school, peak memory of the process, what became of it."""
        before = memory()
        forget_peak()
        began = time.perf_counter()
        with self.app.app_context(), self._as(username):
            key = Import.receive([("eleves.csv", Path(path).read_bytes())])
            db.session.commit()
            key = key.id
        run_pending(self.app)
        checked = time.perf_counter()
        with self.app.app_context(), self._as(username):
            one = db.session.get_one(Import, key)
            counts = dict(one.counts)
            one.confirm()
            db.session.commit()
        run_pending(self.app)
        done = time.perf_counter()
        with self.app.app_context(), self._as(username):
            one = db.session.get_one(Import, key)
            state, written = one.status.name, dict(one.written)
        return {
            "check": checked - began,
            "write": done - checked,
            "peak": memory(peak=True),
            "before": before,
            "counts": counts,
            "state": state,
            "written": written,
        }

    def letters(self, count: int, target: str) -> dict[str, Any]:
        """`count` letters in one PDF at `target`: seconds, state."""
        with self.app.app_context(), self._as():
            ids = [row[0] for row in db.session.execute(select(Student.id).where(Student.id >= 1_000_000).order_by(Student.id).limit(count * 2))]
            made = generate(db.session, ids, 1, False).ids[:count]
            db.session.commit()
            school = db.session.get_one(School, self.school)
            job = Job.add("print_letters", {"codes": made}, total=len(made))
            db.session.commit()
            job_id, _name = job.id, school.name
        began = time.perf_counter()
        run_pending(self.app)
        seconds = time.perf_counter() - began
        with self.app.app_context(), self._as():
            job = db.session.get_one(Job, job_id)
            if job.state is JobState.done:
                Path(target).write_bytes(files.path_of(job.file_key).read_bytes())
            return {"s": seconds, "state": job.state.name, "error": job.error, "count": len(made)}

    # -- 16

    def message(self, people: int) -> dict[str, Any]:
        """A draft to so many guardians: seconds until its sending is answered, until it is delivered with its copies queued; how many of each."""
        fields, key = self._draft(people)
        body = f"csrf_token={token(self._page('/account'))}&action=send&_asked=1&{urlencode(fields)}"
        seconds, _first, status, _body, _headers = self.client.ask("/admin/message/action/", body)
        if not status.startswith("303"):
            raise RuntimeError(status)
        began = time.perf_counter()
        run_pending(self.app)
        done = time.perf_counter() - began
        with self.app.app_context(), self._as():
            sent = db.session.get_one(Message, key)
            return {"s": seconds, "deliver": done, "state": sent.state.name, "people": sent.people, "copies": sent.copies}

    def _draft(self, people: int) -> tuple[dict[str, str], int]:
        """The fields of its button; its number. The guardians get accounts first."""
        guardian, link = Guardian.__table__, GuardianLink.__table__
        with self.app.app_context(), unscoped("the bench prepares its rows"):
            mothers = select(guardian.c.id, func.min(link.c.student_id)).join(link, link.c.guardian_id == guardian.c.id)
            mothers = mothers.where(guardian.c.school_id == self.school, guardian.c.user_id.is_(None), link.c.status == LinkStatus.active)
            found = db.session.execute(mothers.group_by(guardian.c.id).order_by(guardian.c.id).limit(people)).all()
            first = (db.session.scalar(select(func.max(User.id))) or 0) + 1
            users = [{"id": first + n, "email": f"b{first + n}@example.org", "email_confirmed_at": utcnow()} for n, _row in enumerate(found)]
            db.session.execute(insert(User), users)
            theirs = update(guardian).where(guardian.c.id == bindparam("whose")).values(user_id=bindparam("account"))
            db.session.connection().execute(theirs, [{"whose": row[0], "account": first + n} for n, row in enumerate(found)])
            db.session.commit()
        with self.app.app_context(), self._as():
            about = {"kind": "students", "ids": [row[1] for row in found]}
            one = Message(subject="Bench", body="<p>Bench</p>", audience=about, requested_by_id=WHO_ACTS.get().user_id)
            db.session.add(one)
            db.session.commit()
            return {"rowid": str(one.id), "row_version": version_mark(one), "reached": str(resolve(db.session, one).people)}, one.id
