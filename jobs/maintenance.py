"""Keeping an installation: backup, restore, upgrade with its backup. The server's operator alone does this, at a console.

A backup is one zip: the database (a consistent copy, also while people write), the files, the keys, the school's own texts, and a
manifest with the hash of each. It opens everything the school knows: keep it as one keeps the school's keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs import schema
from models.base import Refusal, utcnow
from models.config import FILE, KEY_FILE
from models.words import _

DATABASE, MANIFEST, FORMAT = "database.sqlite3", "manifest.json", 1
FOLDERS = ("files", "translations")  # of the data folder, kept whole
KEPT = 5  # automatic backups before an upgrade
_LIMIT = 20 * 1024**3  # bytes that a backup may unpack to


def database_file(engine: Engine) -> Path:
    """The file of a SQLite database. Refused on PostgreSQL, which has its own tools."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        raise Refusal(_("This database is kept by PostgreSQL: back it up and restore it with pg_dump and pg_restore, and copy the data folder."))
    return Path(name)


def backup(engine: Engine, data: Path, target: Path) -> Path:
    """Write a backup to `target`, wholly or not at all, readable by its owner alone. Refused when the file exists already."""
    source = database_file(engine)
    if target.exists():
        raise Refusal(_("%(file)s exists already. Give the backup another name."), file=str(target))
    if not source.is_file():
        raise Refusal(_("There is no database yet, so there is nothing to back up. Start with “flask upgrade”."))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix=".backup-") as folder, _aside(target) as aside:
        copy = Path(folder) / DATABASE
        copy_database(source, copy)
        sums: dict[str, str] = {}
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, path in [(DATABASE, copy), *_members(data)]:
                sums[name] = _sum(path)
                archive.write(path, name)
            manifest = {"format": FORMAT, "made_at": utcnow().isoformat(), "revision": schema.current(engine), "sha256": sums}
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    return target


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file, whoever writes to it meanwhile (SQLite's own backup interface)."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")


def _members(data: Path) -> Iterator[tuple[str, Path]]:
    for name in (KEY_FILE, FILE):
        if (data / name).is_file():
            yield name, data / name
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and path.suffix != ".part":
                yield path.relative_to(data).as_posix(), path


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A name beside the target; renamed to it at the end, removed when something fails."""
    aside = target.with_name(f".{target.name}.part")
    os.close(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    try:
        yield aside
        with aside.open("rb") as stream:
            os.fsync(stream.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _sum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def restore(engine: Engine, data: Path, source: Path) -> Path | None:
    """Put a backup in the place of what is there; gives the folder where the replaced database and key were put aside, if any.

    The server must be stopped. Everything is unpacked and checked beside the data first. Refused, with nothing changed: a file that
    is no backup, one that was altered, one of a newer version.
    """
    place = database_file(engine)
    engine.dispose()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".restore-") as folder:
        fresh = Path(folder)
        manifest = _unpack(source, fresh)
        schema.refuse_newer(manifest.get("revision"))
        with closing(sqlite3.connect(fresh / DATABASE)) as database:
            if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Refusal(_("The backup's database is damaged. Take an older backup."))
        kept = _set_aside(place, data)
        for name in FOLDERS:
            if (fresh / name).is_dir():
                shutil.copytree(fresh / name, data / name, dirs_exist_ok=True)
        for name in (KEY_FILE, FILE):
            if (fresh / name).is_file():
                shutil.copyfile(fresh / name, data / name)
                (data / name).chmod(0o600)
        (fresh / DATABASE).replace(place)
        place.chmod(0o600)
    return kept


def _unpack(source: Path, folder: Path) -> Mapping[str, Any]:
    """Unpack the named members only, and compare every hash; nothing in a backup is ever executed."""
    damaged = Refusal(_("%(file)s is not a backup of Scolabri, or it was altered. Choose another file."), file=str(source))
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            sums = dict(manifest["sha256"])
            if manifest["format"] != FORMAT or DATABASE not in sums or sum(item.file_size for item in archive.infolist()) > _LIMIT:
                raise damaged
            for name, wanted in sums.items():
                parts = Path(name).parts
                if Path(name).is_absolute() or ".." in parts or not (name in (DATABASE, KEY_FILE, FILE) or parts[0] in FOLDERS):
                    raise damaged
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with archive.open(name) as packed, target.open("wb") as stream:
                    shutil.copyfileobj(packed, stream)
                target.chmod(0o600)
                if _sum(target) != wanted:
                    raise damaged
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as problem:
        raise damaged from problem
    return dict(manifest)


def _set_aside(place: Path, data: Path) -> Path | None:
    """Move the present database and key out of the way; they are never thrown away here."""
    if not place.is_file():
        return None
    kept = data / "backups" / f"replaced-{utcnow():%Y%m%d-%H%M%S}"
    kept.mkdir(parents=True, mode=0o700)
    copy_database(place, kept / place.name)
    if (data / KEY_FILE).is_file():
        shutil.copy2(data / KEY_FILE, kept / KEY_FILE)
    for suffix in ("-wal", "-shm"):  # they belong to the database that leaves
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    return kept


def upgrade(engine: Engine, data: Path) -> tuple[str | None, str | None, Path | None]:
    """Back the database up when it has something to lose, then bring it to the newest revision.

    Gives the revisions before and after, and the copy made (None when nothing was to change, or on PostgreSQL, whose migrations are
    one transaction and whose backups are its own).
    """
    before, copy = schema.current(engine), None
    schema.refuse_newer(before)
    if before != schema.head() and before is not None and engine.dialect.name == "sqlite":
        folder = data / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        copy = folder / f"before-upgrade-{utcnow():%Y%m%d-%H%M%S-%f}.sqlite3"
        copy_database(database_file(engine), copy)
        for old in sorted(folder.glob("before-upgrade-*.sqlite3"))[:-KEPT]:
            old.unlink()
    if before != schema.head():
        before, after = schema.upgrade(engine)
        if engine.dialect.name == "sqlite" and (path := Path(engine.url.database or "")).is_file():
            path.chmod(0o600)  # SQLite gives the mode of the process; its side files take this one
        return before, after, copy
    return before, before, None
