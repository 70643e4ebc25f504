"""One application with both demo schools (30 students each) for the whole run; every test is a rolled-back transaction on it."""

from __future__ import annotations

import datetime as dt
import gc
import os
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import small
from postgresql import NAME, database_url
from sqlalchemy import event, select

import app as application
from jobs.demo import load_demo
from models import accounts, base, files, keys, passwords, sessions, throttle, two_factor
from models.access import User
from models.base import Base, utcnow
from models.catalogue import installed, use
from models.db import db
from models.people import Student
from models.school import School
from models.scope import unscoped
from models.sessions import open_session, standing_of
from views.i18n import start_again

# What is about the file of SQLite is not done twice; several machines share PostgreSQL only.
collect_ignore_glob = ["kill/*", "test_machine_*.py", "test_postgresql.py"] if NAME in os.environ else ["test_two_runners.py"]

gc.set_threshold(20_000, 20, 50)  # five thousand tests and the mappings are many objects: a look through all of them is rare
SECRET = "a key for tests, long enough to be one"


def build(folder: Path, tables: bool = True, **config):
    """An application on its own empty database under `folder`, or (without `tables`) on the one that is there."""
    settings = {
        "DATA": folder,
        "DATABASE_URL": database_url(folder),
        "SECRET_KEY": SECRET,
        "BASE_URL": "http://localhost",
        "MAIL_URL": "",
        "TESTING": True,
        "RUNNER": False,
        "LOG_LEVEL": "ERROR",
    }
    app = application.create_app({**settings, **config})
    small.made.append(app)
    if tables:
        with app.app_context():
            Base.metadata.create_all(db.engine)
    return app


TOUR = ("tests/test_glossaries.py", "tests/test_pseudo.py")


def pytest_xdist_make_scheduler(config, log):
    """Each test goes to the worker that is free; those that read the same long tour go to one. (The marks of xdist do not reach pytest 9.)"""
    from xdist.scheduler import LoadGroupScheduling

    class Grouped(LoadGroupScheduling):
        def _split_scope(self, nodeid):
            return "tour" if nodeid.startswith(TOUR) else nodeid

    return Grouped(config, log)


@pytest.fixture(scope="session")
def whole_app(tmp_path_factory):
    """The application and its two schools."""
    app = build(tmp_path_factory.mktemp("data"))
    app.extensions["words of the tests"] = installed()
    with app.app_context(), unscoped("the tests' own data"):
        load_demo(db.session, students=30, seed=7)
        db.session.commit()
        db.session.remove() if hasattr(db.session, "remove") else db.session.close()
    gc.collect()
    gc.freeze()  # and what is there now is left out of it: it stays to the end of the run
    return app


@contextmanager
def isolated(app):
    """All sessions on one connection whose outer transaction is rolled back at the end (stack: isolation fixture)."""
    with app.app_context():
        engine, maker = db.engine, db.sessionmaker
    with engine.connect() as connection:
        outer = connection.begin()
        with patch.dict(maker.kw, {"bind": connection, "binds": {}, "join_transaction_mode": "create_savepoint"}):
            yield connection
        outer.rollback()


@pytest.fixture
def app(whole_app):
    """The application inside a transaction that leaves no trace."""
    use(whole_app.extensions["words of the tests"])  # another test's application may have installed its own
    start_again()
    files.configure(Path(whole_app.config["DATA"]) / "files")  # and its own folder
    with isolated(whole_app):
        yield whole_app


@pytest.fixture
def client(app):
    """A browser that nobody has signed in."""
    return app.test_client()


def signed_in(app, username: str):
    """A browser signed in as that demo account, by a session row."""
    browser = app.test_client()
    with app.app_context(), unscoped("a test signs in"):
        user = db.session.scalar(select(User).where(User.username == username))
        assert user is not None, username
        token = open_session(user, standing_of(user.id))
        db.session.commit()
    with browser.session_transaction() as session:
        session["_user_id"] = token
        session["_fresh"] = True
    return browser


@pytest.fixture
def as_(app):
    """`as_("ac")` is a browser signed in as that demo account."""
    return partial(signed_in, app)


@contextmanager
def rows(app):
    """Read and prepare rows without scope: `with rows(app) as session:`; committed at the end."""
    with app.app_context(), unscoped("a test looks or prepares"):
        yield db.session
        db.session.commit()


@pytest.fixture
def schools(app):
    """The identifiers of the two schools: French, then Québec."""
    with rows(app) as session:
        return tuple(session.scalars(select(School.id).order_by(School.id)))


@pytest.fixture
def a_student(app, schools):
    """The identifier of a student of the first school."""
    with rows(app) as session:
        return session.scalar(select(Student.id).where(Student.school_id == schools[0]).order_by(Student.id))


@contextmanager
def counted(app):
    """The statements sent to the database inside the block, without savepoints."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "PRAGMA")):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(autouse=True)
def _server_key():
    """Whatever a test configures, the next one finds the usual key."""
    keys.configure(SECRET.encode())


class Clock:
    """The application's clock at the doors, moved by hand."""

    def __init__(self):
        self.now = utcnow()

    def __call__(self):
        return self.now

    def forward(self, **amount):
        """Let time pass: `clock.forward(minutes=61)`."""
        self.now += dt.timedelta(**amount)


@pytest.fixture
def clock(monkeypatch):
    """Time stands still at the doors until a test moves it."""
    found = Clock()
    for module in (throttle, sessions, accounts, two_factor):
        monkeypatch.setattr(module, "utcnow", found)
    return found


@contextmanager
def clock_at(instant: dt.datetime | str):
    """The application's only clock, everywhere, stands still at an instant: `"2026-10-25T00:30:00"` (UTC)."""
    at = dt.datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)

    class Still(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return at.astimezone(tz)

    with patch.object(base, "dt", SimpleNamespace(**{**vars(dt), "datetime": Still})):
        yield at


@pytest.fixture
def wound():
    """`wound("2026-10-25T00:30:00")` sets that clock, until the next time or the end of the test."""
    with ExitStack() as until_the_end:
        yield lambda instant: until_the_end.enter_context(clock_at(instant))


@pytest.fixture
def cheap_hashes():
    """Passwords at the lowest cost; the demo's own keep theirs."""
    passwords.configure(time_cost=1, memory_cost=8)
    yield
    passwords.configure(time_cost=2, memory_cost=19456)


@pytest.fixture(autouse=True)
def _close_connections():
    """No test leaves an open connection to the collector, which would tell it in another test."""
    before = len(small.made)
    yield
    for app in small.made[before:]:
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def empty(app, schools):
    """A third school with nobody but its administrator and registrar, who are those of the first."""
    from import_desk import empty_school

    return empty_school(app)


@pytest.fixture
def desk(app, empty):
    """Somebody who imports into the empty school."""
    from import_desk import Desk

    return Desk(app, empty, "ac")
