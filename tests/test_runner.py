"""The runner: each job once, by whoever lives; taken over from the dead, dropped when lost, in the name and language of who asked."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, update

from jobs import registry, runner
from jobs.registry import Handler, Product
from jobs.runner import Lost, Runner
from models import files
from models.access import Membership, Role
from models.activation import ActivationCode
from models.base import Refusal, utcnow
from models.db import db
from models.people import Student
from models.school import School
from models.scope import WHO, unscoped
from models.words import _
from models.work import Job, JobKind, JobState
from tests.small import add_code, add_person, add_school, add_student, as_staff, small_app, writing

ROOT = Path(__file__).parent.parent


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def staff(app):
    """(school, user) of a member of staff."""
    with writing(app) as session:
        school = add_school(session)
        return school.id, add_person(session, school).id


@pytest.fixture
def doing(monkeypatch):
    """`doing(function)` makes it the handler of the jobs of this test."""

    def declare(work, table="activation_code", verb="print_letters"):
        registry.load()
        monkeypatch.setitem(registry.HANDLERS, JobKind.print_letters.name, Handler(work, table, verb))

    return declare


@pytest.fixture
def ask(app, staff):
    """`ask(n=1)` writes waiting jobs in the name of that person and gives their ids."""

    def add(count=1, language="fr", **params):
        with app.app_context(), as_staff(staff[1], staff[0], language=language):
            jobs = [Job.add(JobKind.print_letters, params) for _each in range(count)]
            db.session.commit()
            return [job.id for job in jobs]

    return add


def read(app, job_id):
    """The row as it stands."""
    with writing(app) as session:
        job = session.get(Job, job_id)
        session.expunge(job)
    return job


def seem_dead(app, job_id):
    """Its runner has not been heard of for longer than a runner may be silent."""
    with writing(app) as session:
        session.execute(update(Job).where(Job.id == job_id).values(beat_at=utcnow() - runner.DEAD - dt.timedelta(seconds=1)))


def claim(app, me):
    """A claim as a runner makes it, its context kept open by the caller."""
    with app.app_context():
        return runner.claim(me)


def test_what_waits_is_done_in_the_order_it_was_asked_for(app, ask, doing):
    seen = []
    doing(lambda task: seen.append(task.id))
    ids = ask(3)
    assert runner.run_pending(app) == 3
    assert seen == ids
    assert [read(app, key).state for key in ids] == [JobState.done] * 3
    assert runner.run_pending(app) == 0


def test_two_runners_never_take_the_same_job(app, ask):
    ask(1)
    assert claim(app, "first").tries == 1
    assert claim(app, "second") is None


def test_many_runners_do_each_job_exactly_once(app, ask, doing):
    done, lock = [], threading.Lock()

    def work(task):
        task.progress(1, total=2)
        with lock:
            done.append(task.id)

    doing(work)
    ids = ask(24)

    def loop():
        name = runner.new_name()
        while runner.run_one(app, name):
            pass

    threads = [threading.Thread(target=loop) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == ids
    assert {read(app, key).tries for key in ids} == {1}


def test_the_job_of_a_dead_runner_is_taken_over_and_its_first_owner_is_told(app, ask):
    (job_id,) = ask(1)
    first = claim(app, "first")
    seem_dead(app, job_id)
    second = claim(app, "second")
    assert (second.id, second.tries) == (job_id, 2)
    for voice in (first.beat, lambda: first.progress(5), lambda: first.finish(None)):
        with app.app_context(), pytest.raises(Lost):
            voice()
    assert read(app, job_id).runner == "second"


def test_a_living_runner_keeps_its_job_by_beating(app, ask):
    (job_id,) = ask(1)
    first = claim(app, "first")
    seem_dead(app, job_id)
    with app.app_context():
        first.beat()
    assert claim(app, "second") is None


def test_a_job_goes_on_where_the_dead_runner_stopped_and_never_goes_back_on_screen(app, ask, doing):
    (job_id,) = ask(1)
    first = claim(app, "first")
    with app.app_context():
        first.progress(250, total=1000, note="250 sur 1000")
    seem_dead(app, job_id)
    seen = []

    def work(task):
        seen.append(task.done)
        task.progress(100)
        seen.append(read(app, job_id).done)

    doing(work)
    runner.run_pending(app)
    assert seen == [250, 250]
    assert (read(app, job_id).done, read(app, job_id).total) == (1000, 1000)


def test_letters_printed_by_two_owners_of_one_job_count_once_and_leave_one_file(app, staff, tmp_path):
    with writing(app) as session:
        code_id = add_code(session, add_student(session, session.get_one(School, staff[0]))).id
    with app.app_context(), as_staff(staff[1], staff[0]):
        job = Job.add(JobKind.print_letters, {"codes": [code_id]})
        db.session.commit()
        job_id = job.id
    slow = claim(app, "slow")
    with app.app_context(), as_staff(staff[1], staff[0]):
        made = registry.load()["print_letters"].work(slow)
        db.session.flush()  # counted, not committed
        db.session.rollback()
        seem_dead(app, job_id)
        assert runner.run_pending(app) == 1
        with pytest.raises(Lost):
            slow.finish(made)
    with writing(app) as session:
        assert session.get(ActivationCode, code_id).printed_count == 1
    assert [path.name for path in (tmp_path / "files").iterdir()] == [read(app, job_id).file_key]


def test_a_job_cancelled_under_way_stops_at_its_next_step(app, ask, doing, staff):
    (job_id,) = ask(1)
    steps = []

    def work(task):
        steps.append(1)
        task.progress(1, total=2)
        with writing(app) as session:
            session.get(Job, job_id).cancel()
        task.progress(2)
        steps.append(2)

    doing(work)
    runner.run_pending(app)
    assert steps == [1]
    job = read(app, job_id)
    assert (job.state, job.done, job.error) == (JobState.cancelled, 1, "")


def test_what_a_lost_job_had_changed_is_dropped(app, ask, doing, staff):
    (job_id,) = ask(1)

    def work(_task):
        add_student(db.session, db.session.get_one(School, staff[0]), given_name="Fantôme", classroom="")
        db.session.rollback()
        with writing(app) as session:
            session.get(Job, job_id).cancel()
        add_student(db.session, db.session.get_one(School, staff[0]), given_name="Fantôme", classroom="")

    doing(work)
    runner.run_pending(app)
    with writing(app) as session:
        assert session.scalars(select(Student)).all() == []


def test_a_failing_job_is_tried_three_times_then_says_so_calmly(app, ask, doing):
    def work(_task):
        raise ZeroDivisionError("secret detail")

    doing(work)
    (job_id,) = ask(1)
    runner.run_pending(app)
    job = read(app, job_id)
    assert (job.state, job.tries) == (JobState.failed, 3)
    assert job.error == "Cette opération n’a pas pu être terminée. Relancez-la\u202f; si elle échoue encore, signalez-le à votre assistance."
    assert "secret" not in job.error
    assert job.finished_at is not None


def test_a_job_that_kills_its_runners_is_closed_instead_of_a_fourth_try(app, ask, doing):
    (job_id,) = ask(1)
    doing(lambda _task: pytest.fail("never reached"))
    for name in ("a", "b", "c"):
        assert claim(app, name).id == job_id
        seem_dead(app, job_id)
    runner.run_pending(app)
    job = read(app, job_id)
    assert job.state is JobState.failed
    assert job.error.startswith("Cette opération s’est interrompue 3 fois")


def test_a_refusal_ends_the_job_at_once_with_its_sentence_in_the_askers_language(app, ask, doing):
    def work(_task):
        raise Refusal(_("This work is already finished: there is nothing left to stop."))

    doing(work)
    french, english = ask(1)[0], ask(1, language="en")[0]
    runner.run_pending(app)
    assert read(app, french).error == "Cette opération est déjà terminée\u00a0: il n’y a plus rien à arrêter."
    assert read(app, english).error == "This work is already finished: there is nothing left to stop."
    assert read(app, french).tries == 1


def test_who_lost_the_right_meanwhile_gets_nothing_done(app, ask, doing, staff):
    doing(lambda _task: pytest.fail("never reached"))
    (job_id,) = ask(1)
    with writing(app) as session:
        session.scalars(select(Membership)).one().active = False
    runner.run_pending(app)
    assert read(app, job_id).error.startswith("Cette opération n’a pas été faite")


def test_a_role_without_the_right_gets_nothing_done(app, ask, doing, staff):
    doing(lambda _task: pytest.fail("never reached"))
    (job_id,) = ask(1)
    with writing(app) as session:
        session.scalars(select(Membership)).one().role = Role.head
    runner.run_pending(app)
    assert read(app, job_id).state is JobState.failed


def test_a_job_works_as_the_asker_in_their_school_only(app, ask, doing, staff):
    with writing(app) as session:
        other = add_school(session, country="CA", official_code="CA9002")
        add_student(session, session.get_one(School, staff[0]), given_name="Ici", classroom="")
        add_student(session, other, given_name="Ailleurs", classroom="")
    seen = []

    def work(_task):
        seen.append((WHO.get().user_id, [s.given_name for s in db.session.scalars(select(Student))]))

    doing(work)
    ask(1)
    runner.run_pending(app)
    assert seen == [(staff[1], ["Ici"])]


def test_a_product_is_kept_under_a_random_name_and_swept_after_seven_days(app, ask, doing, tmp_path):
    doing(lambda _task: Product("Été.pdf", "application/pdf", b"%PDF-x"))
    (job_id,) = ask(1)
    runner.run_pending(app)
    job = read(app, job_id)
    assert (job.file_name, job.file_type) == ("Été.pdf", "application/pdf")
    assert files.path_of(job.file_key).read_bytes() == b"%PDF-x"
    assert runner.sweep(app)["old_files"] == 0
    with writing(app) as session:
        session.get(Job, job_id).finished_at = utcnow() - dt.timedelta(days=7, minutes=1)
    assert runner.sweep(app)["old_files"] == 1
    assert list((tmp_path / "files").iterdir()) == []
    with writing(app) as session, pytest.raises(Refusal, match="n’est plus conservé"):
        session.get(Job, job_id).download()


def test_the_thread_beside_the_server_wakes_at_the_commit(app, ask, doing, monkeypatch):
    monkeypatch.setattr(runner, "LOOK", 3600.0)
    asked, done = threading.Event(), threading.Event()
    idle = runner.JOB_WAITING.wait

    def wait(timeout):
        asked.set()
        return idle(timeout)

    monkeypatch.setattr(runner.JOB_WAITING, "wait", wait)
    doing(lambda _task: done.set())
    helper = Runner(app).start()
    try:
        assert asked.wait(20)  # it looked, found nothing and went to sleep for an hour
        ask(1)
        assert done.wait(20)
    finally:
        assert helper.stop()


def test_a_runner_outlives_a_database_that_does_not_answer(app, ask, doing, monkeypatch):
    monkeypatch.setattr(runner, "LOOK", 0.01)
    broken, done = threading.Event(), threading.Event()
    real = runner.run_one

    def run_one(*args):
        if not broken.is_set():
            broken.set()
            raise OSError("disk I/O error")
        return real(*args)

    monkeypatch.setattr(runner, "run_one", run_one)
    doing(lambda _task: done.set())
    ask(1)
    helper = Runner(app).start()
    try:
        assert done.wait(20)
    finally:
        assert helper.stop()


KILLED = """
import os, signal, sys
from pathlib import Path
from jobs import registry, runner
from jobs.registry import Handler
from tests.small import small_app

def work(task):
    task.progress(1, total=2)
    os.kill(os.getpid(), signal.SIGKILL)

registry.load()["print_letters"] = Handler(work, "activation_code", "print_letters")
runner.run_pending(small_app(Path(sys.argv[1])))
"""


def test_a_job_survives_the_kill_of_its_process(app, ask, doing, tmp_path):
    (job_id,) = ask(1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (read(app, job_id).state, read(app, job_id).done) == (JobState.running, 1)
    doing(lambda task: task.progress(2))
    assert runner.run_pending(app) == 0  # it may still be alive
    seem_dead(app, job_id)
    assert runner.run_pending(app) == 1
    job = read(app, job_id)
    assert (job.state, job.tries, job.done) == (JobState.done, 2, 2)


def test_running_what_waits_leaves_the_callers_scope_alone(app, ask, doing, staff):
    doing(lambda _task: None)
    ask(1)
    with unscoped("the caller's own"):
        runner.run_pending(app)
        with app.app_context():
            assert db.session.scalars(select(Job.state)).all() == [JobState.done]
