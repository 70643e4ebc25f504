"""A PostgreSQL server for the length of one command: `python tests/postgresql.py COMMAND...`, from the machine's own binaries.

It listens on a socket in a temporary folder, nowhere else. The tests find it by SCOLABRI_TEST_POSTGRESQL and make one database
for each application they build.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

PORT = "54329"
NAME = "SCOLABRI_TEST_POSTGRESQL"


def database_url(folder: Path) -> str:
    """Where the application under test in `folder` keeps its rows: a database of the server when there is one, else a file.

    The same folder is the same database, also for a second process.
    """
    socket = os.environ.get(NAME)
    if not socket:
        return f"sqlite:///{folder / 'test.sqlite3'}"
    import psycopg
    from psycopg.errors import DuplicateDatabase

    name = f"test_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    with psycopg.connect(f"host={socket} port={PORT} user=app dbname=postgres", autocommit=True) as connection, suppress(DuplicateDatabase):
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://app@/{name}?host={socket}&port={PORT}"


def _binaries() -> Path:
    """Where PostgreSQL's programs are: on the path, else the newest that Debian's packages have installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").is_file()]
    if not installed:
        sys.exit("PostgreSQL is not installed: install the package postgresql, then start again.")
    return max(installed, key=lambda path: [int(part) for part in path.parent.name.split(".")])


@contextmanager
def server():
    """The folder of the socket of a running server."""
    binaries = _binaries()
    # PostgreSQL refuses to run as root.
    who = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="scolabri-pg-"))
    try:
        if who:
            shutil.chown(folder, "nobody")
        data = folder / "data"

        def run(*command):
            subprocess.run([*who, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

        run(binaries / "initdb", "-D", data, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-k {folder} -p {PORT} -c listen_addresses='' -c fsync=off -c max_connections=200"
        run(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield folder
        finally:
            run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(command: list[str]) -> int:
    """Run the command while the server stands; it goes with us, also when somebody stops the tests."""
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit(128 + signal.SIGTERM))
    with server() as folder:
        return subprocess.run(command, check=False, env={**os.environ, NAME: str(folder)}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
