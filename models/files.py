"""Files that the application made or keeps: random names in one folder, readable by the server's account alone.

Nothing a person typed becomes a path. `configure` is called once at start with `<data>/files`.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

_FOLDER: list[Path] = []
_KEY = re.compile(r"[0-9a-f]{32}")


def configure(folder: Path) -> None:
    """Set the folder once, at start; it is made when missing, mode 700."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _FOLDER[:] = [folder]


def path_of(key: str) -> Path:
    """Where the file of this key lies. Raises ValueError for anything that is not a key of ours."""
    if not _FOLDER:
        raise RuntimeError("the folder of files is not configured")
    if not _KEY.fullmatch(key):
        raise ValueError("not a key of a file")
    return _FOLDER[0] / key


def keep(content: bytes) -> str:
    """Store a file, mode 600, wholly or not at all (written aside, synced, renamed). Gives its key."""
    key = secrets.token_hex(16)
    target = path_of(key)
    aside = target.with_suffix(".part")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return key


def drop(key: str) -> None:
    """Remove a file; one that is gone already changes nothing."""
    path_of(key).unlink(missing_ok=True)


def older_than(instant: dt.datetime) -> list[str]:
    """The keys of the files last written before this instant."""
    return sorted(path.name for path in _kept(instant) if _KEY.fullmatch(path.name))


def drop_unfinished(instant: dt.datetime) -> int:
    """Remove what was being written before this instant and never got its name; how many."""
    unfinished = [path for path in _kept(instant) if path.suffix == ".part"]
    for path in unfinished:
        path.unlink(missing_ok=True)
    return len(unfinished)


def _kept(instant: dt.datetime) -> Iterator[Path]:
    for path in _FOLDER[0].iterdir():
        try:
            if path.stat().st_mtime < instant.timestamp():
                yield path
        except FileNotFoundError:  # removed meanwhile
            continue
