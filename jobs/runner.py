"""The runner over the job table: claim, heartbeat, takeover, end. A thread in the server, or `flask jobs run` elsewhere.

The claim is one conditional UPDATE, so any number of runners over one database do each job once. "Waiting, or running with an
old heartbeat" is one condition, so there is no sweep: a job whose runner died is simply claimed by the next one.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any, TypeVar

from flask import Flask, current_app
from flask_babel import force_locale
from sqlalchemy import ColumnElement, and_, or_, select, update

from jobs import mail
from jobs.registry import RIGHT_IN_PARAMS, Handler, Product, load
from jobs.sweep import sweep as tidy
from models import files
from models.actors import staff_in
from models.base import Refusal, utcnow
from models.db import BEGIN, db
from models.rights import may
from models.scope import Actor, Scope, acting, unscoped
from models.words import _
from models.work import JOB_WAITING, Job, JobState

log = logging.getLogger("scolabri.jobs")
T = TypeVar("T")

DEAD = dt.timedelta(seconds=60)  # longer than any step between two heartbeats (`JOB_LEASE` of the configuration, in seconds)
AHEAD = dt.timedelta(minutes=10)  # more than the clocks of two machines differ
TRIES = 3
LOOK = 1.0  # seconds between two looks of an idle runner
SWEEP = 3600.0  # seconds between two sweeps of a runner


class Lost(Exception):  # noqa: N818 (not a fault: the job is somebody else's now)
    """The job was cancelled, or taken over by another runner while we seemed dead. Whatever is uncommitted is dropped."""


class Task:
    """What a handler sees of its job: plain values read at the claim, and its voice back to the person who waits."""

    def __init__(self, job: Job, me: str) -> None:
        self.id, self.kind, self.params = job.id, job.kind, dict(job.params)
        self.done, self.total, self.tries, self.language = job.done, job.total, job.tries, job.language
        self.school_id, self.user_id = job.school_id, job.requested_by_id
        self.note: str | None = None  # what the handler wants said at the end
        self.me = me

    def _update(self, **values: Any) -> None:
        mine = and_(Job.id == self.id, Job.runner == self.me, Job.state == JobState.running)
        with unscoped("a runner's own job"):
            statement = update(Job).where(mine).values(beat_at=utcnow(), **values).returning(Job.id)
            if db.session.execute(statement, execution_options={"synchronize_session": False}).scalar_one_or_none() is None:
                db.session.rollback()
                raise Lost(self.id)

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Commit what was done so far and say so. Never goes back on screen. Raises `Lost` when the job is no longer ours."""
        self.done = max(self.done, done)
        self.total = self.total if total is None else total
        self._update(done=self.done, total=self.total, **({} if note is None else {"note": note}))
        db.session.commit()

    def beat(self) -> None:
        """Say that we live, between two steps; no other change may be pending. Raises `Lost`."""
        self._update()
        db.session.commit()

    def finish(self, product: Product | None) -> None:
        """The end, in the same transaction as the handler's last changes: all of it, or none of it."""
        values: dict[str, Any] = {"state": JobState.done, "finished_at": utcnow(), "done": max(self.done, self.total), "error": ""}
        if self.note is not None:
            values["note"] = self.note
        key = ""
        if product is not None:
            key = files.keep(product.content)
            values |= {"file_key": key, "file_name": product.name, "file_type": product.mimetype}
        try:
            self._update(**values)
            db.session.commit()
        except BaseException:
            if key:
                files.drop(key)
            raise

    def fail(self, sentence: str, *, again: bool) -> None:
        """Put the job back (`again`) or close it with a calm sentence."""
        if again:
            self._update(state=JobState.waiting, runner="", error=sentence)
        else:
            self._update(state=JobState.failed, finished_at=utcnow(), error=sentence)
            told = load()[self.kind.name].failed
            if told is not None:
                with unscoped("what a failed job leaves"):
                    told(self.params)
        db.session.commit()


def _claimable(lease: dt.timedelta) -> ColumnElement[bool]:
    """Waiting, or running with an old heartbeat; one far ahead is as old: the clock was set back since."""
    silent = or_(Job.beat_at < utcnow() - lease, Job.beat_at > utcnow() + AHEAD)
    return or_(Job.state == JobState.waiting, and_(Job.state == JobState.running, silent))


def claim(me: str) -> Task | None:
    """Take the oldest job that waits or whose runner died, or None. Only looks (no lock) when there is nothing."""
    lease = current_app.config.get("JOB_LEASE")
    ready = _claimable(DEAD if lease is None else dt.timedelta(seconds=lease))
    with unscoped("the runner's claim"):
        token = BEGIN.set("DEFERRED")
        try:
            waits = db.session.scalar(select(Job.id).where(ready).limit(1))
            db.session.rollback()
        finally:
            BEGIN.reset(token)
        if waits is None:
            return None
        wanted = select(Job.id).where(ready).order_by(Job.id).limit(1).with_for_update(skip_locked=True)
        job_id = db.session.scalar(wanted)
        if job_id is None:
            db.session.rollback()
            return None
        now = utcnow()
        values = {"state": JobState.running, "runner": me, "beat_at": now, "started_at": now, "tries": Job.tries + 1}
        db.session.execute(update(Job).where(Job.id == job_id, ready).values(values).execution_options(synchronize_session=False))
        task = Task(db.session.get_one(Job, job_id, populate_existing=True), me)
        db.session.commit()
        return task


def _as_asker(task: Task, handler: Handler) -> AbstractContextManager[None]:
    """The scope of the person who asked, as they are now. Refused when they may no longer do this."""
    if not handler.table:
        return acting(Actor(name="scolabri"), Scope(school_id=task.school_id), batch=f"job-{task.id}")
    found = staff_in(db.session, task.user_id, task.school_id) if task.user_id and task.school_id else None
    db.session.rollback()
    table, verb = (str(task.params["table"]), str(task.params["verb"])) if handler.table == RIGHT_IN_PARAMS else (handler.table, handler.verb)
    refusal = Refusal(_("This work was not done: the person who asked for it no longer has the right to it."))
    if found is None:
        raise refusal
    with acting(*found):  # with the rights as the school has them now
        if not may(found[0].roles, table, verb):
            raise refusal
    return acting(found[0], found[1], batch=f"job-{task.id}")


def work_on(task: Task) -> None:
    """Do one claimed job to its end: done, failed with a sentence, put back for another try, or dropped because it is lost."""
    handler = load()[task.kind.name]
    with force_locale(task.language):
        try:
            if task.tries > TRIES:  # its runners died under it
                task.fail(str(_("This work stopped %(num)d times before its end. Tell your support.", num=TRIES)), again=False)
                return
            with _as_asker(task, handler):
                task.finish(handler.work(task))
        except Lost:
            db.session.rollback()
            log.info("job %d is lost", task.id)
        except Refusal as refusal:
            db.session.rollback()
            _close(task, refusal.sentence, again=False)
        except Exception:
            db.session.rollback()
            log.exception("job %d (%s) failed at try %d", task.id, task.kind.name, task.tries)
            _close(task, str(_("This work could not be finished. Start it again; if it fails again, tell your support.")),
                   again=task.tries < TRIES)  # fmt: skip


def _close(task: Task, sentence: str, *, again: bool) -> None:
    try:
        task.fail(sentence, again=again)
    except Lost:
        log.info("job %d is lost", task.id)


def _apart(app: Flask, work: Callable[..., T], *args: Any) -> T:
    """Work in an application context and context variables of its own: nothing of one job, or of the caller, reaches the next."""

    def inside() -> T:
        with app.app_context():
            return work(*args)

    return Context().run(inside)


def _one(me: str) -> bool:
    task = claim(me)
    if task is not None:
        work_on(task)
    return task is not None


def run_one(app: Flask, me: str) -> bool:
    """Do one job if one waits; whether there was one."""
    return _apart(app, _one, me)


def run_pending(app: Flask) -> int:
    """Do everything that waits, jobs then due mails, in this thread; how many jobs there were. For tests and commands."""
    me, count = new_name(), 0
    while run_one(app, me):
        count += 1
    _apart(app, mail.send_due, me)
    return count


def sweep(app: Flask) -> dict[str, int]:
    """Tidy what is old in every school (jobs/sweep.py); how much each step did."""
    return _apart(app, tidy)


def new_name() -> str:
    """The name of one runner, unlike any other."""
    return secrets.token_hex(8)


class Runner:
    """Two threads beside the server: one for jobs, one for mails, so that a slow mail server never holds back a letter."""

    def __init__(self, app: Flask) -> None:
        self.app, self.me = app, new_name()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._jobs, name="jobs", daemon=True),
            threading.Thread(target=self._mails, name="mails", daemon=True),
        ]

    def start(self) -> Runner:
        """Begin to work; returns at once."""
        load()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, timeout: float = 8.0) -> bool:
        """Finish the present step and end; whether both threads ended within `timeout` seconds each."""
        self._stop.set()
        JOB_WAITING.set()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def wait(self) -> None:
        """Stay until `stop` is called (the command `flask jobs run`)."""
        self._stop.wait()

    def _jobs(self) -> None:
        swept = time.monotonic() - SWEEP  # a clock that is set back does not hold it up
        while not self._stop.is_set():
            JOB_WAITING.clear()
            try:
                if run_one(self.app, self.me):
                    continue
                if time.monotonic() - swept >= SWEEP:
                    swept = time.monotonic()
                    sweep(self.app)
            except Exception:
                log.exception("the runner could not look for jobs")
            JOB_WAITING.wait(LOOK)

    def _mails(self) -> None:
        while not self._stop.is_set():
            try:
                if _apart(self.app, mail.send_due, self.me, self._stop.is_set):
                    continue
            except Exception:
                log.exception("the runner could not look for mails")
            self._stop.wait(LOOK)
