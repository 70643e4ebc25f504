"""A hundred people at work: a real server on a loopback port in one process, its visitors in another, five seconds between two pages."""

from __future__ import annotations

import http.client
import logging
import random
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import ours
from contender import SPAWN
from data import open_app
from sqlalchemy import select

from jobs import serving
from models.db import db
from models.people import Student
from models.scope import unscoped

PEOPLE = 100
THINKING = 5.0  # seconds between two pages, in the mean
STAFF = ("acc", "ac", "ac", "head")  # those who may open each of the pages
PAGES = (
    (30, "/admin/student/"),
    (15, "/admin/student/?search={word}"),
    (5, "/admin/student/?search=^{word}&page_size=50"),
    (5, "/admin/student/?sort=4&page={page}"),
    (25, "/admin/student/details/?id={student}"),
    (5, "/admin/student/details/?id={student}&part=history"),
    (5, "/admin/guardian/?search={word}"),
    (10, "/admin/"),
)
WORDS = ("martin", "chloe", "le goff", "diallo", "0639", "zoe", "sow")


def _serve(folder: str, url: str, ready: Any) -> None:
    app = open_app(Path(folder), url)
    with app.app_context(), unscoped("the bench looks for its rows"):
        students = list(db.session.scalars(select(Student.id).where(Student.id >= 1_000_000).order_by(Student.id).limit(2_000)))
    cookies = [cookie for name in STAFF for cookie in ours.cookies(app, name, PEOPLE // len(STAFF))]
    serving.settle()
    server = serving._listen(app, "127.0.0.1", 0)  # as the application serves itself
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    ready.send((cookies, students, server.effective_port))
    server.run()


def run(folder: Path, url: str, seconds: float) -> dict[str, Any]:
    """Milliseconds at the median and at 95 in a hundred, how many requests, how many faults."""
    mine, theirs = SPAWN.Pipe()
    child = SPAWN.Process(target=_serve, args=(str(folder), url, theirs), daemon=True)
    child.start()
    try:
        cookies, students, port = mine.recv()
        people = [_Visitor(port, cookie, n, students, seconds) for n, cookie in enumerate(cookies)]
        for one in people:
            one.start()
        for one in people:
            one.join()
    finally:
        child.terminate()
        child.join()
    times = sorted(ms for one in people for ms in one.times)
    faults = sum(one.faults for one in people)
    return {"requests": len(times), "p50": statistics.median(times), "p95": times[int(len(times) * 0.95)], "errors": faults}


class _Visitor(threading.Thread):
    """One browser that keeps its connection."""

    def __init__(self, port: int, cookie: str, number: int, students: list[int], seconds: float) -> None:
        super().__init__(daemon=True)
        self.port, self.students, self.seconds = port, students, seconds
        self.headers = {"Cookie": cookie, "Accept-Encoding": "gzip", "Host": "localhost"}
        self.random = random.Random(number)  # noqa: S311 (the same pages each time)
        self.times: list[float] = []
        self.faults = 0

    def run(self) -> None:
        """Come at a moment of the first five seconds, then read page after page."""
        end = time.monotonic() + self.seconds
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        pause = self.random.uniform(0, THINKING)
        while time.monotonic() + pause < end:
            threading.Event().wait(pause)
            began = time.perf_counter()
            try:
                line.request("GET", self._page(), headers=self.headers)
                answer = line.getresponse()
                answer.read()
                self.faults += answer.status != 200
            except OSError:
                self.faults += 1
                line.close()
            self.times.append((time.perf_counter() - began) * 1000)
            pause = self.random.uniform(THINKING * 0.6, THINKING * 1.4)
        line.close()

    def _page(self) -> str:
        weights, pages = zip(*PAGES, strict=True)
        page: str = self.random.choices(pages, weights)[0]
        word = self.random.choice(WORDS).replace(" ", "+")
        return page.format(word=word, student=self.random.choice(self.students), page=self.random.randrange(40))
