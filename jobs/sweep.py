"""What the runner tidies once an hour, in every school. Each step is a transaction of its own: one that fails holds back no other."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from sqlalchemy import and_, select, update

from models import files
from models.activation import wipe_expired
from models.base import utcnow
from models.bulk_edit import purge as purge_bulk_edits
from models.changes import purge
from models.db import BEGIN, db, refresh_statistics
from models.imports import purge as purge_imports
from models.message_report import forget_untouched
from models.scope import unscoped
from models.seeing import sweep as end_looks
from models.strays import strays
from models.suspensions import lift_ended
from models.transfer import purge as purge_transfers
from models.work import KEPT_DAYS, Job, forget_texts

log = logging.getLogger("scolabri.jobs")

STRAY = dt.timedelta(days=1)  # a file without a row may still be on its way to one
LEFT = dt.timedelta(hours=1)  # no child process works so long
AT_ONCE = 200  # files looked for at a time


def old_files() -> int:
    """Remove the files of jobs finished more than seven days ago: letters hold codes in clear. How many went."""
    old = and_(Job.file_key != "", Job.finished_at < utcnow() - dt.timedelta(days=KEPT_DAYS))
    keys = {row.id: row.file_key for row in db.session.execute(select(Job.id, Job.file_key).where(old))}
    db.session.execute(update(Job).where(Job.id.in_(keys)).values(file_key="").execution_options(synchronize_session=False))
    db.session.commit()
    for key in keys.values():
        files.drop(key)
    return len(keys)


def stray_files() -> int:
    """Remove the files that no row names since a day: what a killed process left behind. How many went."""
    before = utcnow() - STRAY
    gone, found = 0, files.older_than(before)
    for start in range(0, len(found), AT_ONCE):
        token = BEGIN.set("DEFERRED")  # looking holds no writer up
        try:
            lost = strays(db.session, found[start : start + AT_ONCE])
            db.session.rollback()
        finally:
            BEGIN.reset(token)
        for key in lost:
            files.drop(key, before)  # unless somebody has sent the same picture meanwhile
        gone += len(lost)
    return gone + files.drop_unfinished(before) + files.drop_workplaces(utcnow() - LEFT)


def expired_codes() -> int:
    """Forget the printable copy of codes that have expired."""
    return wipe_expired(db.session)


def old_changes() -> int:
    """Forget the values of changes that can no longer be undone."""
    return purge(db.session)


def old_imports() -> int:
    """Remove the files and the lines of imports that can no longer be undone: they list minors."""
    return purge_imports(db.session)


def old_bulk_edits() -> int:
    """Forget which rows a change of many was about, after seven days."""
    return purge_bulk_edits(db.session)


def old_transfers() -> int:
    """Remove the sealed data of transfers that nobody fetched or took in in time."""
    return purge_transfers(db.session)


def old_mails() -> int:
    """Forget the texts of mails that left, or were given up, more than ninety days ago: they name minors. Who, when and the subject stay."""
    return forget_texts(db.session)


def untouched_drafts() -> int:
    """Delete the drafts of messages in which nobody wrote a word for a day."""
    return forget_untouched(db.session)


def suspensions() -> int:
    """Open again the links whose suspension ended by its date."""
    return lift_ended(db.session)


def looks() -> int:
    """End, in the history too, what a site administrator still sees as somebody else although its hour or its session is over."""
    return end_looks(db.session)


def statistics() -> int:
    """Let the database know how much its tables hold by now."""
    refresh_statistics(db.session)
    return 0


STEPS: tuple[Callable[[], int], ...] = (
    *(old_files, stray_files, expired_codes, old_changes, old_imports, old_bulk_edits, old_transfers, old_mails),
    *(untouched_drafts, suspensions, looks, statistics),
)


def sweep() -> dict[str, int]:
    """Do every step; how many rows or files each has tidied."""
    done = {}
    for step in STEPS:
        try:
            with unscoped("nightly work, in every school"):
                done[step.__name__] = step()
                db.session.commit()
        except Exception:
            db.session.rollback()
            log.exception("the sweep could not do: %s", step.__name__)
    return done
