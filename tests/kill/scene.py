"""A school on a real file, served by processes that are killed: what they do, how they are asked, and what must hold afterwards.

Every process is forked from one that has imported everything (multiprocessing's forkserver), so that a hundred of them cost seconds.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from html import unescape
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode

import play
from conftest import build
from waitress import create_server

from jobs import runner
from models.db import db

HERE = Path(__file__).parent
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["scene"])
PATIENCE = 60  # seconds before a test is given up; nothing ever waits so long
LINES = http.client.HTTPException, OSError  # what a client meets whose server is killed


# --- in the child ----------------------------------------------------------------------------------------------------------------


def _application(folder, tables=False, **config):
    return build(Path(folder), tables, DATABASE_URL=f"sqlite:///{folder}/test.sqlite3", **config)


def serve(folder, pipe, config):
    """A server with its runner on the database of `folder`; tells its port, then each job it ends. `AT` of the configuration is the
    statement before which it kills itself, counted from the first of the work: what is posted, and what the runner does."""
    os.setsid()
    app = _application(folder, **config)
    count = play.counting(app, config.get("AT"))
    real, tidy = runner.work_on, runner.sweep

    def work_on(task):
        with count.working():
            real(task)
        pipe.send(("job", count.seen))

    def sweep(given):
        pipe.send(("swept", tidy(given)))

    runner.work_on, runner.sweep, runner.LOOK = work_on, sweep, 0.05
    helper = runner.Runner(app).start()

    def answer(environ, start):
        if environ["REQUEST_METHOD"] != "POST":
            return app.wsgi_app(environ, start)
        with count.working():
            return app.wsgi_app(environ, start)

    server = create_server(answer, host="127.0.0.1", port=0, threads=4)
    pipe.send(("port", server.effective_port))
    threading.Thread(target=server.run, daemon=True).start()
    with suppress(EOFError):
        pipe.recv()  # until the test has finished with us
    pipe.send(("seen", count.seen))
    helper.stop()
    os._exit(0)


def prepare(folder, pipe, kind):
    """Fill the database of a kind, once; gives what the client needs."""
    app = _application(folder, tables=True)
    told = play.PLAYS[kind].prepare(app)
    with app.app_context():
        db.engine.dispose()
    pipe.send(told)


# --- in the test -----------------------------------------------------------------------------------------------------------------


@contextmanager
def child(target, *args):
    """A forked process and our end of its pipe; dead at the end, with all that it started."""
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, (HERE.parent.parent, HERE.parent, HERE)))):
        ensure_running()  # the process that is forked from finds its modules by the environment alone
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=target, args=(*args[:1], theirs, *args[1:]), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        kill(process)
        ours.close()
        process.close()


def kill_family(pid):
    """kill -9 of a process and of all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def kill(process):
    """The same, waited for."""
    kill_family(process.pid)
    process.kill()
    process.join(PATIENCE)


class Browser:
    """Somebody signed in, over HTTP."""

    def __init__(self, port, cookie):
        self.port, self.cookie = port, cookie

    def ask(self, method, path, fields=None):
        """(status, text, address it leads to) once the whole answer is read: acknowledged. Raises one of `LINES` when it is cut."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as line:
            headers = {"Cookie": f"scolabri={self.cookie}", "Content-Type": "application/x-www-form-urlencoded"}
            line.request(method, path, urlencode(fields or {}), headers)
            answer = line.getresponse()
            text = answer.read().decode()
            for given in answer.headers.get_all("Set-Cookie") or ():
                if given.startswith("scolabri="):
                    self.cookie = given.split(";")[0].removeprefix("scolabri=")
            return answer.status, text, answer.headers.get("Location", "")

    def token(self):
        """The token of a page."""
        return unescape(re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.ask("GET", "/account")[1])[1])


class Scene:
    """One kind of work: its school, ready to be copied for each kill."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder / "template"
        self.copies, self.made = folder, 0
        self.folder.mkdir()
        with child(prepare, self.folder, kind) as (process, pipe):
            assert pipe.poll(PATIENCE)
            self.told = pipe.recv()
            process.join(PATIENCE)
        self.before = self.rows(self.folder)

    def copy(self):
        """A fresh school."""
        self.made += 1
        return Path(shutil.copytree(self.folder, self.copies / f"school-{self.made}"))

    def read(self, folder, statement):
        """What a plain connection reads of the database."""
        with closing(sqlite3.connect(folder / "test.sqlite3")) as line:
            return line.execute(statement).fetchall()

    def rows(self, folder):
        """What the work writes, as numbers."""
        return [self.read(folder, count)[0][0] for count in self.told["rows"]]

    def files_of_rows(self, folder):
        """The names of the files that rows name."""
        work = "SELECT file_key FROM job UNION SELECT file_key FROM import_file UNION SELECT file_key FROM transfer"
        pictures = "SELECT logo_digest FROM school UNION SELECT stamp_digest FROM school"
        return {key for (key,) in self.read(folder, f"{work} UNION {pictures}") if key}

    def check_whole(self, folder):
        """The file is sound."""
        assert self.read(folder, "PRAGMA integrity_check") == [("ok",)]
        assert self.read(folder, "PRAGMA foreign_key_check") == []

    def job(self, folder):
        """(state, tries, done) of the job that was asked for, or None when there is none."""
        found = self.read(folder, "SELECT state, tries, done, id FROM job ORDER BY id DESC LIMIT 2")
        new = [job[:3] for job in found if job[3] > self.told["last_job"]]
        assert len(new) <= 1
        return new[0] if new else None
