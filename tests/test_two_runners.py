"""Two processes of two runners each over one PostgreSQL: every job and every mail once, none lost, also when one process is killed.

Only on PostgreSQL (tests/conftest.py leaves this file out elsewhere): that is the engine which several machines share.
"""

import datetime as dt
import email
import email.policy
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from postgresql import database_url
from small import add_person, add_school, as_staff, small_app, writing
from sqlalchemy import func, select, update
from test_mail import free_port

from models.base import utcnow
from models.db import db
from models.people import Student
from models.work import Job, JobKind, JobState, MailState, OutgoingMail

ROOT = Path(__file__).parent.parent
MANY = 200
PATIENCE = 120

pytestmark = pytest.mark.slow

# Each runner says its name, then what it ends and when it has nothing to do. One job stops in its middle until somebody kills it.
CHILD = """
import sys, threading
from pathlib import Path
from postgresql import database_url
from small import add_student, small_app
from jobs import mail, registry, runner
from jobs.registry import Handler
from models.db import db
from models.school import School

folder = Path(sys.argv[1])
app = small_app(folder, url=database_url(folder), tables=False, MAIL_URL=sys.argv[2])
say = threading.Lock()

def tell(*words):
    with say:
        print(*words, flush=True)

def work(task):
    task.progress(1, total=2)
    add_student(db.session, db.session.get_one(School, task.school_id), local_id=str(task.id), classroom="")
    if task.params.get("stuck") and task.tries == 1:
        tell("stuck")
        threading.Event().wait()

registry.load()["print_letters"] = Handler(work, "activation_code", "print_letters")
one, due = runner.run_one, mail.send_due

def run_one(*given):
    found = one(*given)
    tell("job" if found else "idle")
    return found

def send_due(*given):
    sent = due(*given)
    tell("mail" if sent else "idle")
    return sent

runner.run_one, mail.send_due, runner.LOOK = run_one, send_due, 0.05
helpers = [runner.Runner(app) for _two in range(2)]
tell("ready", *(helper.me for helper in helpers))
sys.stdin.readline()
for helper in helpers:
    helper.start()
sys.stdin.readline()
for helper in helpers:
    helper.stop()
"""


class Box:
    """A mail server that keeps what it takes; it calls `at` when it has taken so many."""

    def __init__(self):
        self.taken, self.at = [], {}

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
        self.taken.append((envelope.rcpt_tos[0], str(message["Message-ID"])))
        return "250 OK"


class Process:
    """One process of two runners, and what it says."""

    def __init__(self, folder, url, said):
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        self.child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), url],
            env={**os.environ, "PYTHONPATH": path},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.names = self.child.stdout.readline().split()[1:]
        self.said = threading.Thread(target=lambda: [said.put((self, line.strip())) for line in self.child.stdout])
        self.said.start()

    def go(self):
        """Begin, or end, whichever comes next."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def kill(self):
        """kill -9."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(PATIENCE)

    def close(self):
        """End it, well or not."""
        if self.child.poll() is None:
            self.go()
        assert self.child.wait(PATIENCE) in (0, -signal.SIGKILL)
        self.said.join(PATIENCE)
        self.child.stdin.close()
        self.child.stdout.close()


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def app(tmp_path, box):
    """The work of both: 200 jobs, 200 mails, and a mail server."""
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    app = small_app(tmp_path, url=database_url(tmp_path), MAIL_URL=f"smtp://127.0.0.1:{server.port}")
    with writing(app) as session:
        school = add_school(session)
        where = school.id, add_person(session, school).id
    with app.app_context(), as_staff(where[1], where[0]):
        for number in range(MANY):
            Job.add(JobKind.print_letters, {"stuck": number == MANY // 4})
            OutgoingMail.queue(f"parent{number}@mail.exemple", "Votre accès", "Été.")
        db.session.commit()
    yield app
    server.stop()


@pytest.fixture
def two(app, tmp_path):
    """Both processes, ready, and the queue of what they say."""
    said = queue.Queue()
    processes = [Process(tmp_path, app.config["MAIL_URL"], said) for _two in range(2)]
    yield processes, said
    for process in processes:
        process.close()


def left(app):
    """How many jobs and mails are not done."""
    with writing(app) as session:
        jobs = session.scalar(select(func.count(Job.id)).where(Job.state != JobState.done))
        return jobs + session.scalar(select(func.count(OutgoingMail.id)).where(OutgoingMail.state != MailState.sent))


def listen(said, wanted):
    """The process that says this next."""
    while True:
        process, word = said.get(timeout=PATIENCE)
        if word == wanted:
            return process


def wait_for_the_end(app, said):
    """Whenever somebody has nothing to do, look whether everything is done."""
    for _idle in range(100_000):
        listen(said, "idle")
        if not left(app):
            return
    raise AssertionError("it never ends")


def students(app):
    """How often each job has done its work."""
    with writing(app) as session:
        return session.scalars(select(Student.local_id).order_by(Student.id)).all()


def test_four_runners_share_everything_and_do_each_job_and_mail_once(app, two, box):
    with writing(app) as session:
        session.execute(update(Job).values(params={}))
    processes, said = two
    for process in processes:
        process.go()
    wait_for_the_end(app, said)
    done = students(app)
    assert len(done) == len(set(done)) == MANY
    assert len(box.taken) == len(set(box.taken)) == MANY
    with writing(app) as session:
        jobs, mails = (session.execute(select(table.tries, table.runner)).all() for table in (Job, OutgoingMail))
    for rows in (jobs, mails):
        assert {tries for tries, _runner in rows} == {1}
        assert {runner for _tries, runner in rows} <= {name for process in processes for name in process.names}
        assert len({runner for _tries, runner in rows}) > 1, "one runner did everything"


def test_a_process_killed_in_the_middle_loses_nothing_and_nothing_is_done_twice(app, two, box):
    processes, said = two
    for process in processes:
        process.go()
    victim = listen(said, "stuck")
    victim.kill()
    long_ago = utcnow() - dt.timedelta(hours=1)
    with writing(app) as session:
        for table in (Job, OutgoingMail):
            session.execute(update(table).where(table.runner.in_(victim.names), table.beat_at.is_not(None)).values(beat_at=long_ago))
    wait_for_the_end(app, said)
    done = students(app)
    assert len(done) == len(set(done)) == MANY
    with writing(app) as session:
        again = session.scalars(select(Job).where(Job.tries > 1)).all()
        assert 1 <= len(again) <= 2  # what each of its two runners had in hand
        assert {"stuck": True} in [job.params for job in again]
        assert all(job.tries == 2 and job.runner not in victim.names for job in again)
        unsure = set(session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.unsure == 1)))
    assert {address for address, _message in box.taken} == {f"parent{number}@mail.exemple" for number in range(MANY)}
    assert len(set(box.taken)) == MANY, "a second try is the same mail"
    twice = {address for address, _message in box.taken if [a for a, _m in box.taken].count(address) > 1}
    assert twice <= unsure
    assert len(box.taken) <= MANY + len(twice)
    assert len(unsure) <= 2  # one for each mail thread of the dead process
