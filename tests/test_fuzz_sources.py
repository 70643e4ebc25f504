"""Whatever bytes are sent to an import are read or refused, within 2 s and 512 MB: never a trace (security R16)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fuzz_sources.py")


def ends(count, seed):
    done = subprocess.run([sys.executable, str(SCRIPT), str(count), str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    wrong = {end: times for end, times in found.items() if end.endswith(("broken", "killed")) and end != "book killed"}
    assert not wrong, done.stderr
    return found


def test_two_hundred_mutated_files_are_read_or_refused():
    found = ends(200, 5)
    assert sum(found.values()) == 200
    assert found["xml read"]
    assert found["xml refused"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_mutated_files_are_read_or_refused(seed):
    assert sum(ends(2_500, 100 + seed).values()) == 2_500
