"""The temporary server of `make test-all`: it stands for one command, as nobody in particular, and leaves nothing."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from postgresql import PORT

SCRIPT = Path(__file__).with_name("postgresql.py")
ASK = "import os; here = os.environ['SCOLABRI_TEST_POSTGRESQL']; print(here, flush=True)"

pytestmark = pytest.mark.slow


def start(place, code):
    environment = {name: value for name, value in os.environ.items() if name != "SCOLABRI_TEST_POSTGRESQL"}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), sys.executable, "-c", code],
        env={**environment, "TMPDIR": str(place)},
        cwd=place,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def place():
    """A folder into which any account may look; pytest's own are for its account alone."""
    with tempfile.TemporaryDirectory(prefix="scolabri-place-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_it_stands_for_one_command_and_leaves_nothing(place):
    ask = f"{ASK}; import psycopg; print(psycopg.connect(host=here, port={PORT}, user='app', dbname='postgres').info.server_version)"
    with start(place, ask) as process:
        said = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0
    assert int(said[1]) >= 150000
    assert list(place.iterdir()) == []


def test_it_gives_the_commands_own_answer(place):
    with start(place, "raise SystemExit(7)") as process:
        process.communicate(timeout=60)
    assert process.returncode == 7


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_goes_when_somebody_stops_the_tests(place, how):
    with start(place, f"{ASK}; import sys; sys.stdin.read()") as process:
        folder = Path(process.stdout.readline().strip())
        assert (folder / "data" / "postmaster.pid").is_file()
        process.send_signal(how)
        process.wait(60)
    assert process.returncode != 0
    assert list(place.iterdir()) == []
