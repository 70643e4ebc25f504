"""kill -9 in the middle of the work: wholly there or wholly absent, and the job's row says which; a new process ends it (security R1).

What was answered over HTTP is always there, the files are those of the rows, and the database file is sound.
"""

import os
import random
import threading
import time
from datetime import timedelta

import pytest
from play import PLAYS
from scene import LINES, PATIENCE, Browser, Scene, child, kill_family, serve

KILLS = 20  # of each kind, at random points of 0 to 1.2 times its normal duration
POINTS, FIRST, LAST = 50, 8, 22  # statements before which it is killed
SEED = 20261122

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """`scenes(kind)`: made once, its work done once without a kill, to know how long it takes and what it leaves."""
    known = {}

    def give(kind):
        if kind not in known:
            known[kind] = scene = Scene(kind, tmp_path_factory.mktemp("kill"))
            for _warm in range(2):
                folder = scene.copy()
                started = time.monotonic()
                went = act(scene, folder)
                scene.normal, scene.statements = time.monotonic() - started - went.before, went.seen
                assert went.acknowledged
            scene.after = scene.rows(folder)
            assert scene.after != scene.before
        return known[kind]

    return give


class Went:
    """How a process went: whether its answer was read whole, the statements of its work, the seconds before the work."""

    acknowledged, seen, before = False, 0, 0.0


def act(scene, folder, delay=None, ask=True, finish=False, **config):
    """One process, asked for the work (or not: then the row of a job says it), killed after `delay` seconds or by itself. It does jobs when
    there are some to `finish`."""
    went, started = Went(), time.monotonic()
    with child(serve, folder, config) as (process, pipe):
        box = Mailbox(pipe)
        port = box.told("port")[0]
        browser = Browser(port, scene.told["cookie"])
        fields = {**scene.told["fields"], "csrf_token": browser.token()} if ask else {}
        killer = threading.Timer(delay or 0, kill_family, [process.pid])
        went.before = time.monotonic() - started
        if delay is not None:
            killer.start()
        try:
            if ask:
                status, text, _to = browser.ask("POST", scene.told["path"], fields)
                assert status in (302, 303), text
                went.acknowledged = True
            if finish or (ask and scene.told["by_job"]):
                went.seen = box.told("job")[0]
            if config.get("JOB_LEASE") is not None:
                box.told("swept")
            if delay is None:
                pipe.send("enough")
                went.seen = max(went.seen, box.told("seen")[0])
        except (EOFError, *LINES):
            assert delay is not None or "AT" in config, "it died by itself"
        finally:
            if delay is not None:
                killer.join(PATIENCE)
    return went


class Mailbox:
    """What the process says, in whatever order."""

    def __init__(self, pipe):
        self.pipe, self.kept = pipe, []

    def told(self, word):
        """The first message of this kind, waited for. Raises EOFError when the process is dead."""
        while True:
            for said in self.kept:
                if said[0] == word:
                    self.kept.remove(said)
                    return said[1:]
            assert self.pipe.poll(PATIENCE), f"nothing was said of {word}"
            self.kept.append(self.pipe.recv())


def check(scene, folder, went):
    """After the kill; then a new process ends the work, once."""
    scene.check_whole(folder)
    rows, job = scene.rows(folder), scene.job(folder)
    assert rows in (scene.before, scene.after), "half-written"
    if scene.told["by_job"]:
        assert job is not None or not went.acknowledged, "an acknowledged request is lost"
        assert (rows == scene.after) == (job is not None and job[0] == "done"), "the row of the job says otherwise"
        assert job is None or job[0] in ("waiting", "running", "done")
    else:
        assert rows == scene.after or not went.acknowledged, "an acknowledged request is lost"
    age(folder)
    absent = rows == scene.before
    act(scene, folder, ask=absent and job is None, finish=absent and job is not None, JOB_LEASE=0)
    scene.check_whole(folder)
    assert scene.rows(folder) == scene.after
    ended = scene.job(folder)
    if scene.told["by_job"]:
        assert ended[0] == "done"
        assert ended[1] <= 2
        assert job is None or ended[2] >= job[2], "the progress went back on screen"
    files = {path.name for path in (folder / "files").iterdir()}
    assert files == scene.files_of_rows(folder)
    assert [path.name for path in (folder / "work").glob("*")] == []


def age(folder):
    """Whatever lies there seems two days old: what nobody names may go."""
    then = time.time() - timedelta(days=2).total_seconds()
    for path in [*(folder / "files").iterdir(), *(folder / "work").glob("*")]:
        os.utime(path, (then, then))


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("kind", PLAYS)
def test_killed_at_a_random_moment(scenes, kind, number):
    scene = scenes(kind)
    folder = scene.copy()
    delay = random.Random(f"{SEED} {kind} {number}").uniform(0, 1.2) * scene.normal  # noqa: S311 (no secret)
    check(scene, folder, act(scene, folder, delay))


def statement(count, part):
    """Which one: the first and the last ones each, where work begins and ends, and others evenly between."""
    if count <= POINTS or part < FIRST:
        return part + 1
    if part >= POINTS - LAST:
        return count - (POINTS - 1 - part)
    return FIRST + 1 + (part - FIRST) * (count - FIRST - LAST) // (POINTS - FIRST - LAST)


@pytest.mark.parametrize("part", range(POINTS))
@pytest.mark.parametrize("kind", ["import", "codes", "undo", "message"])
def test_killed_before_a_statement(scenes, kind, part):
    scene = scenes(kind)
    at = statement(scene.statements, part)
    if at <= scene.statements:
        folder = scene.copy()
        check(scene, folder, act(scene, folder, AT=at))
