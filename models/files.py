"""Files that the application made or keeps: random names in one folder, readable by the server's account alone.

Nothing a person typed becomes a path. `configure` is called once at start with `<data>/files`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("scolabri.files")

_FOLDER: list[Path] = []
_KEY = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?")  # made up, or the digest of the content


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


def plain(key: str) -> Path | None:
    """Where the file of this key lies, when it is there and is a file of ours; else None, with a line in the log: a link is never followed."""
    path = path_of(key)
    if path.is_file() and not path.is_symlink():
        return path
    log.error("the file %s is missing, or is no plain file", key)
    return None


def keep(content: bytes) -> str:
    """Store a file, mode 600, wholly or not at all (written aside, synced, renamed). Gives its key."""
    key = secrets.token_hex(16)
    _write(path_of(key), content)
    return key


def keep_by_content(content: bytes) -> str:
    """Store a file under the SHA-256 of its content, as `keep` does; the same content is kept once, and is young again: whatever sweeps old
    files leaves it its time. A file that is no longer what its name says is written anew. Gives the digest.
    """
    digest = hashlib.sha256(content).hexdigest()
    if os.path.lexists(path_of(digest)) and read(digest) is not None:
        os.utime(path_of(digest))
    else:
        _write(path_of(digest), content)
    return digest


def read(digest: str | None) -> bytes | None:
    """The content kept under this digest; None without one. Also None, with a line in the log for whoever looks after the server, when the
    file is lost, is no plain file (a link is never followed) or is no longer what its name says (security 61).
    """
    if not digest:
        return None
    path = path_of(digest)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as problem:
        log.error("the file %s cannot be opened: %s", digest, problem.strerror)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) and not path.is_symlink() else None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        log.error("the file %s is not what was kept", digest)
        return None
    return content


def _write(target: Path, content: bytes) -> None:
    aside = target.with_suffix(f".{secrets.token_hex(4)}.part")
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


def drop(key: str, before: dt.datetime | None = None) -> None:
    """Remove a file (where it was last written `before` that instant); one that is gone already changes nothing."""
    path = path_of(key)
    try:
        if before is None or path.lstat().st_mtime < before.timestamp():
            path.unlink()
    except FileNotFoundError:
        log.debug("the file %s was gone", key)


def older_than(instant: dt.datetime) -> list[str]:
    """The keys of the files last written before this instant."""
    return sorted(path.name for path in _kept(instant) if _KEY.fullmatch(path.name))


def drop_unfinished(instant: dt.datetime) -> int:
    """Remove what was being written before this instant and never got its name; how many."""
    unfinished = [path for path in _kept(instant) if path.suffix == ".part"]
    for path in unfinished:
        path.unlink(missing_ok=True)
    return len(unfinished)


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for work under way, for the server's account alone, gone with all it holds at the end. Beside the files once they have a
    place, so that what a killed process leaves there (letters hold codes in clear) is found by `drop_workplaces`."""
    if _FOLDER:
        _work().mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scolabri-", dir=_work() if _FOLDER else None) as name:
        yield Path(name)


def drop_workplaces(instant: dt.datetime) -> int:
    """Remove what was left of work that began before this instant; how many folders."""
    left = [path for path in _work().glob("*") if path.stat().st_mtime < instant.timestamp()]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _work() -> Path:
    return _FOLDER[0].parent / "work"


def _kept(instant: dt.datetime) -> Iterator[Path]:
    for path in _FOLDER[0].iterdir():
        try:
            if path.stat().st_mtime < instant.timestamp():
                yield path
        except FileNotFoundError:  # removed meanwhile
            continue
