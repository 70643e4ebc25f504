"""`flask check`: is this installation healthy? One line for each thing looked at, with the remedy where something is wrong."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, and_, func, select, text
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogues, schema
from models import rights
from models.base import utcnow
from models.config import KEY_FILE
from models.mail_line import MailLine
from models.words import N_, _
from models.work import MailState, OutgoingMail

ROOM = 500 * 1024**2  # bytes that must be free
PATIENCE = dt.timedelta(minutes=30)  # a mail server may be down so long
LATE = dt.timedelta(days=1)  # a mail that still waits after so long
RECENT = dt.timedelta(days=7)


@dataclass(frozen=True)
class Line:
    """One thing looked at: whether it is as it should be, what it is, and what to do when it is not."""

    good: bool
    fact: Any
    remedy: Any = ""

    def __str__(self) -> str:
        return f"{'✓' if self.good else '✗'} {self.fact}" + (f"\n  → {self.remedy}" if self.remedy and not self.good else "")


def check(config: Mapping[str, Any], engine: Engine) -> list[Line]:
    """Look at settings, folders, database, rights and texts, in that order. Changes nothing."""
    found = [*_folders(Path(config["DATA"]), config), *_settings(config)]
    for look in (_database, _sqlite):
        try:
            found += look(engine)
        except SQLAlchemyError:
            found.append(
                Line(
                    False,
                    _("The database does not answer."),
                    _("Check SCOLABRI_DATABASE_URL and the rights on the data folder; on PostgreSQL, check that the server runs."),
                )
            )
            break
    else:
        found += _mails(config, engine)
    return [*found, *_words()]


def _folders(data: Path, config: Mapping[str, Any]) -> Iterator[Line]:
    writable = os.access(data, os.W_OK | os.X_OK)
    yield Line(
        writable, _("The data folder %(folder)s can be written.", folder=data) if writable else _("The data folder %(folder)s cannot be written.", folder=data),
        _("Give it to the account that runs Scolabri: chown -R scolabri %(folder)s", folder=data),
    )  # fmt: skip
    for path, mode in ((data, "700"), (data / KEY_FILE, "600")):
        if os.name == "posix" and path.exists():
            closed = not path.stat().st_mode & 0o077
            yield Line(
                closed, _("%(file)s is closed to other accounts.", file=path) if closed else _("Other accounts of this machine can open %(file)s.", file=path),
                _("Close it: chmod %(mode)s %(file)s", mode=mode, file=path),
            )  # fmt: skip
    free = shutil.disk_usage(data).free
    room = free >= ROOM
    yield Line(
        room,
        _("%(size)d MB are free on the disk.", size=free // 1024**2),
        _("Free at least 500 MB: below that, backups and letters may fail."),
    )
    if config.get("DEMO"):
        yield Line(True, _("This is a demonstration: its passwords are public, it listens on this machine only."))


def _settings(config: Mapping[str, Any]) -> Iterator[Line]:
    base = str(config.get("BASE_URL") or "")
    local = not base or "//127.0.0.1" in base or "//localhost" in base or "//[::1]" in base
    yield Line(True, _("Links in mails and letters begin with %(address)s.", address=base) if base else _("Links are local: no SCOLABRI_BASE_URL is set."))
    if not local:
        yield Line(
            base.startswith("https://"), _("Pages travel encrypted.") if base.startswith("https://") else _("Pages travel in clear over the network."),
            _("Put a server with a certificate in front, then write https:// in SCOLABRI_BASE_URL."),
        )  # fmt: skip
    mail = bool(config.get("MAIL_URL"))
    yield Line(True, _("A mail server is set.") if mail else _("No mail server is set: mails wait in the application (SCOLABRI_MAIL_URL)."))
    try:
        zoneinfo.ZoneInfo("Europe/Paris")
        zones = True
    except zoneinfo.ZoneInfoNotFoundError:
        zones = False
    yield Line(
        zones,
        _("Time zones are known.") if zones else _("Time zones are unknown on this machine."),
        _("Install the requirements again: they bring the package tzdata."),
    )


def _database(engine: Engine) -> Iterator[Line]:
    revision, newest = schema.current(engine), schema.head()
    same = revision == newest
    yield Line(
        same, _("The database is up to date (%(revision)s).", revision=revision) if same else _("The database is not up to date."),
        _("Run: flask --app app upgrade") if revision is None or schema.known(revision) else _("It was written by a newer version: install that version."),
    )  # fmt: skip
    tables = set(sa_inspect(engine).get_table_names())
    if "journal_event" in tables:
        guarded = _triggers(engine)
        yield Line(
            guarded, _("Nobody can rewrite the history.") if guarded else _("The history is not protected: its triggers are missing."),
            _("Restore a backup made by Scolabri: another tool has rebuilt this database."),
        )  # fmt: skip


def _mails(config: Mapping[str, Any], engine: Engine) -> Iterator[Line]:
    """Mails that wait although nothing will send them, or for longer than a sending takes; those that were given up this week."""
    if "mail_line" not in sa_inspect(engine).get_table_names():
        return
    now, mails = utcnow(), OutgoingMail.__table__.c
    waits, late = mails.state == MailState.waiting.name, mails.created_at < now - LATE
    failed = and_(mails.state == MailState.failed.name, mails.created_at > now - RECENT)
    with engine.connect() as connection:
        waiting, overdue, given_up = (connection.scalar(select(func.count(mails.id)).where(*which)) or 0 for which in ((waits,), (waits, late), (failed,)))
        line = connection.execute(select(MailLine.fault, MailLine.failing_since).where(MailLine.failures > 0)).first()
    look = _("Read them under Outgoing mails; test the server there.")
    if not config.get("MAIL_URL"):
        yield Line(
            not waiting, N_("%(num)d mail waits: no mail server is set.", "%(num)d mails wait: no mail server is set.", waiting),
            _("Set SCOLABRI_MAIL_URL, or read and download them under Outgoing mails."),
        )  # fmt: skip
        return
    if line is not None and line.failing_since < now - PATIENCE:
        yield Line(False, _("No mail leaves since %(when)s (UTC).", when=f"{line.failing_since:%Y-%m-%d %H:%M}"), line.fault.remedy)
    yield Line(not overdue, N_("%(num)d mail waits for more than a day.", "%(num)d mails wait for more than a day.", overdue), look)
    yield Line(not given_up, N_("%(num)d mail of the last seven days was not sent.", "%(num)d mails of the last seven days were not sent.", given_up), look)


def _triggers(engine: Engine) -> bool:
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    wanted = {"sqlite": {"journal_event_no_update", "journal_event_no_delete"}, "postgresql": {"journal_event_guard"}}
    with engine.connect() as connection:
        return wanted[engine.dialect.name] <= set(connection.scalars(text(queries[engine.dialect.name])))


def _sqlite(engine: Engine) -> Iterator[Line]:
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(select(1))
            yield Line(True, _("PostgreSQL answers."))
            return
        whole = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        linked = connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None
    again = _("Stop the server and restore the last backup: flask --app app restore FILE")
    yield Line(whole, _("The database file is sound.") if whole else _("The database file is damaged."), again)
    yield Line(linked, _("Every link between records leads somewhere.") if linked else _("Some records point to others that do not exist."), again)


def _words() -> Iterator[Line]:
    looks: tuple[tuple[Callable[[], list[str]], Any, Any], ...] = (
        (rights.problems, _("The table of rights is sound."), _("The table of rights contradicts itself.")),
        (catalogues.check, _("Every text is translated."), _("Some texts are missing or badly written.")),
    )
    for look, well, ill in looks:
        found = look()
        yield Line(not found, ill if found else well, "\n    ".join([*found[:10], *(["…"] if len(found) > 10 else [])]))
