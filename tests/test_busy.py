"""Somebody else holds the database: in time all succeed, beyond it a calm page keeps what was typed, and reading goes on (security R7)."""

import datetime as dt
import io
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from conftest import build, rows, signed_in
from hands import DEMO, token, words
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from jobs.demo import load_demo
from models.access import WebSession
from models.activation import new_codes
from models.base import utcnow
from models.db import BEGIN, db, is_busy
from models.journal import JournalEvent
from models.people import Student
from models.scope import unscoped
from views.home import Home

PATIENT, HURRIED = 60.0, 0.2

# Another process: takes the lock, says so, gives it back when its input ends.
SQLITE = """
import sqlite3, sys
line = sqlite3.connect(sys.argv[1], isolation_level=None)
line.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
line.execute("ROLLBACK")
"""
POSTGRESQL = """
import psycopg, sys
with psycopg.connect(sys.argv[1]) as line:
    line.execute("LOCK TABLE student, web_session, throttle, journal_event, activation_code, import, login_event IN EXCLUSIVE MODE")
    print("held", flush=True)
    sys.stdin.read()
    line.rollback()
"""


def _school(folder, seconds):
    app = build(folder, BUSY_SECONDS=seconds)
    with app.app_context(), unscoped("the tests' own data"):
        load_demo(db.session, students=30, seed=7)
        db.session.commit()
    return app


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """An application that waits a fifth of a second."""
    return _school(tmp_path_factory.mktemp("hurried"), HURRIED)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """An application that waits a minute."""
    return _school(tmp_path_factory.mktemp("patient"), PATIENT)


@contextmanager
def held(app):
    """Another process holds the lock of every writer; `free()` gives it back."""
    with app.app_context():
        url = db.engine.url
    script, where = (SQLITE, url.database) if url.get_backend_name() == "sqlite" else (POSTGRESQL, url.set(drivername="postgresql").render_as_string())
    other = subprocess.Popen([sys.executable, "-c", script, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        yield SimpleNamespace(free=lambda: (other.stdin.close(), other.wait(60)))
    finally:
        other.stdin.close()
        other.wait(60)
        other.stdout.close()


@contextmanager
def waiting(app, wanted):
    """Tells by an event when so many connections are about to ask for the lock."""
    met, seen = threading.Event(), []

    def note(_connection, _cursor, statement, *_rest):
        if statement == "BEGIN IMMEDIATE" or "FOR UPDATE" in statement:
            seen.append(1)
            if len(seen) >= wanted:
                met.set()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield met
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def looking(app):
    """Read without a lock of one's own."""
    mode = BEGIN.set("DEFERRED")
    try:
        with app.app_context(), unscoped("a test looks"):
            yield db.session
            db.session.rollback()
    finally:
        BEGIN.reset(mode)


def students(app, count=20):
    """The identifiers of the first students of the first school."""
    with looking(app) as session:
        return list(session.scalars(select(Student.id).where(Student.school_id == 1).order_by(Student.id).limit(count)))


def typed(browser, student, name):
    """An open form of a student with another family name, ready to be sent."""
    page = browser.get(f"/admin/student/edit/?id={student}").text
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    return {"csrf_token": fields["csrf_token"], "row_version": fields["row_version"], "family_name": name, "given_name": fields["given_name"], "language": "fr"}


def names(app, ids):
    with looking(app) as session:
        return list(session.scalars(select(Student.family_name).where(Student.id.in_(ids)).order_by(Student.id)))


def events(app):
    with looking(app) as session:
        return session.scalar(select(func.count()).select_from(JournalEvent))


def all_at_once(people):
    """Send every open form from a thread of its own; gives (threads, answers)."""
    answers = [None] * len(people)

    def save(at, browser, student, form):
        answers[at] = browser.post(f"/admin/student/edit/?id={student}", data=form)

    threads = [threading.Thread(target=save, args=(at, *person)) for at, person in enumerate(people)]
    for thread in threads:
        thread.start()
    return threads, answers


def open_forms(app, word):
    people = []
    for at, student in enumerate(students(app)):
        browser = signed_in(app, "ac")
        people.append((browser, student, typed(browser, student, f"{word}{at}")))
    return people


def test_twenty_people_who_save_while_somebody_else_writes_all_succeed(patient):
    people = open_forms(patient, "Patience")
    with held(patient) as lock, waiting(patient, 10) as met:
        threads, answers = all_at_once(people)
        assert met.wait(60)
        lock.free()
        for thread in threads:
            thread.join(60)
    assert [answer.status_code for answer in answers] == [302] * 20
    assert names(patient, students(patient)) == [f"Patience{at}" for at in range(20)]


def test_beyond_the_time_everybody_is_told_keeps_their_text_and_nothing_is_half_written(hurried):
    people, before, lines = open_forms(hurried, "Hâte"), names(hurried, students(hurried)), events(hurried)
    with held(hurried) as lock:
        threads, answers = all_at_once(people)
        for thread in threads:
            thread.join(60)
        for at, answer in enumerate(answers):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "Rien n’est encore enregistré et votre saisie est toujours là." in words(answer)
            assert "mots de passe" not in answer.text
            assert f'name="family_name" value="Hâte{at}"' in answer.text
        assert names(hurried, students(hurried)) == before
        assert events(hurried) == lines
        reader = people[0][0]
        for path in ("/admin/", "/admin/student/", f"/admin/student/details/?id={people[0][1]}"):
            assert reader.get(path).status_code == 200, path
        lock.free()
    for (browser, student, _form), answer in zip(people, answers, strict=True):
        form = re.search(rf'<form method="post" action="/admin/student/edit/\?id={student}">(.*?)</form>', answer.text, re.S)[1]
        again = browser.post(f"/admin/student/edit/?id={student}", data=dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form)))
        assert again.status_code == 302
    assert names(hurried, students(hurried)) == [f"Hâte{at}" for at in range(20)]


def test_a_password_is_never_shown_again(hurried):
    browser = hurried.test_client()
    secret = token(browser.get("/login").text)
    with held(hurried):
        answer = browser.post("/login", data={"csrf_token": secret, "username": "ac", "password": DEMO})
    assert answer.status_code == 503
    assert 'name="username" value="ac"' in answer.text
    assert DEMO not in answer.text
    assert "Les mots de passe ne sont pas gardés" in answer.text


@pytest.mark.parametrize("forged", [{}, {"csrf_token": "x"}])
def test_a_forged_form_is_not_offered_to_be_sent_again(hurried, forged):
    browser, student = signed_in(hurried, "ac"), students(hurried)[0]
    with held(hurried):
        answer = browser.post(f"/admin/student/edit/?id={student}", data={"family_name": "Forgé", **forged})
    assert answer.status_code in (400, 503)  # whichever is found first
    assert "Forgé" not in answer.text


def test_a_file_is_to_be_chosen_again(hurried):
    browser = signed_in(hurried, "ac")
    secret = token(browser.get("/account").text)
    with held(hurried):
        answer = browser.post("/admin/import_/new/", data={"csrf_token": secret, "files": (io.BytesIO(b"nom;prenom"), "e.csv")})
    assert answer.status_code == 503
    assert "Revenez en arrière avec votre navigateur" in answer.text


def test_what_somebody_may_not_see_stays_a_404_while_nobody_can_write(hurried):
    browser = signed_in(hurried, "ac")
    with held(hurried):
        assert browser.get("/admin/student/details/?id=99999999").status_code == 404


def test_who_only_reads_goes_on_though_the_visit_cannot_be_noted(hurried):
    browser = signed_in(hurried, "ac")
    with rows(hurried) as session:
        session.execute(update(WebSession).values(seen_at=utcnow() - dt.timedelta(minutes=30)))
    with held(hurried):
        assert browser.get("/admin/student/").status_code == 200
    with rows(hurried) as session:
        assert session.scalar(select(func.max(WebSession.seen_at))) < utcnow() - dt.timedelta(minutes=20)


def test_a_page_that_cannot_be_read_offers_to_try_again(hurried, monkeypatch):
    browser = signed_in(hurried, "ac")

    def broken(*_given, **_named):
        raise OperationalError("SELECT 1", {}, fault("40P01"))

    with monkeypatch.context() as patched:
        patched.setattr(Home, "_run_view", broken)
        answer = browser.get("/admin/?x=1")
    assert answer.status_code == 503
    assert '<a class="btn btn-primary" href="/admin/?x=1">Réessayer</a>' in answer.text
    assert "SELECT" not in answer.text


def fault(state):
    """A fault as psycopg raises it."""
    return SimpleNamespace(sqlstate=state)


@pytest.mark.parametrize(
    ("problem", "busy"),
    [
        (fault("55P03"), True),
        (fault("40P01"), True),
        (fault("40001"), True),
        (fault("57P03"), True),
        (fault("53300"), True),
        (fault(None), True),  # no line
        (fault("53100"), False),  # disk full
        (fault("42P01"), False),
        (SimpleNamespace(sqlite_errorcode=5), True),
        (SimpleNamespace(sqlite_errorcode=517), True),  # BUSY_SNAPSHOT
        (SimpleNamespace(sqlite_errorcode=6), True),
        (SimpleNamespace(sqlite_errorcode=10), False),  # input or output
        (SimpleNamespace(sqlite_errorcode=13), False),  # disk full
    ],
)
def test_only_what_passes_by_itself_is_called_busy(problem, busy):
    assert is_busy(OperationalError("SELECT 1", {}, problem)) is busy


def test_two_who_change_one_row_at_the_same_moment_are_told_to_do_it_again(hurried, monkeypatch):
    browser = signed_in(hurried, "ac")

    def stale(*_given, **_named):
        raise StaleDataError("UPDATE statement on table 'student' expected to update 1 row(s); 0 were matched.")

    monkeypatch.setattr(Home, "_run_view", stale)
    answer = browser.get("/admin/")
    assert answer.status_code == 503
    assert "UPDATE" not in answer.text


def test_another_fault_of_the_database_stays_a_fault(hurried, monkeypatch):
    browser = signed_in(hurried, "ac")

    def broken(*_given, **_named):
        raise OperationalError("SELECT secret", {}, SimpleNamespace(sqlite_errorcode=1))

    monkeypatch.setattr(Home, "_run_view", broken)
    monkeypatch.setitem(hurried.config, "PROPAGATE_EXCEPTIONS", False)
    answer = browser.get("/admin/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_what_a_parent_types_to_register_is_kept_too(hurried):
    browser = hurried.test_client()
    secret = token(browser.get("/parent/register").text)
    fields = {"code": new_codes(1)[0], "given_name": "Hélène", "family_name": "Bénard", "email": "h@exemple.org", "password": DEMO}
    with held(hurried):
        answer = browser.post("/parent/register", data={"csrf_token": secret, **fields})
    assert answer.status_code == 503
    for name in ("code", "given_name", "family_name", "email"):
        assert f'name="{name}" value="{fields[name]}"' in answer.text
    assert DEMO not in answer.text
