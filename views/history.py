"""The history of one record as a time line: what changed, from what to what, by whom, when, by which import or verb."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import url_for
from sqlalchemy import literal, select
from sqlalchemy.orm import aliased

from models import rights
from models.base import utcnow
from models.changes import SNAPSHOTS, UNRECORDED, JournalChange
from models.db import db
from models.imports import Import
from models.journal import JournalEvent
from models.scope import WHO
from models.undo_steps import LEFT
from models.undo_values import value_now
from models.work import Job, JobKind
from views.auth import permitted
from views.formats import day_of, show_instant
from views.history_words import Words
from views.i18n import gettext

if TYPE_CHECKING:
    from views.base import Screen

LINES = 100  # of the history, for one record
QUIET = ("created", "edited", "deleted")  # what a flush writes by itself: a verb of the same work says more


def may_see(screen: Screen, row: Any) -> bool:
    """Who reads the history of a record: those who read the whole history, and those who may undo and may edit this record."""
    return rights.reach(WHO.get().roles, "journal_event") == "all" or (permitted("journal_event", "undo") and _may_edit(screen, row))


def _may_edit(screen: Screen, row: Any) -> bool:
    """Whether an edit of this row would be let through; asks the database only of somebody with two roles."""
    if not screen.can_edit or (rights.reach(WHO.get().roles, screen.table, "edit") == "o" and not screen.is_own(row)):
        return False
    clause = screen.narrower("edit")
    return clause is None or db.session.scalar(select(screen.model.id).where(screen.model.id == row.id, clause)) is not None


def section(screen: Screen, row: Any) -> list[dict[str, Any]] | None:
    """The time line for the page of a record; None where there is none, or it is not for this person."""
    if screen.table in UNRECORDED or not getattr(screen.model, "__journal__", True) or not may_see(screen, row):
        return None
    return timeline(screen, row)


def timeline(screen: Screen, row: Any) -> list[dict[str, Any]]:
    """What happened to a row, the latest first, one entry for each batch."""
    e, c = JournalEvent, JournalChange
    u = aliased(e)
    taken_back = select(literal(1)).where(u.batch == e.batch, u.table_name == "journal_event", u.verb == "undo").exists()
    found = db.session.execute(select(e, taken_back).where(e.table_name == screen.table, e.row_id == row.id).order_by(e.id.desc()).limit(LINES)).all()
    lines, undos = [line for line, _undo in found], {line.batch for line, undo in found if undo}
    for place, line in enumerate(lines):
        if line.verb == "created":  # before it, in an older version, the number may have been another record's
            del lines[place + 1 :]
    batches: dict[str, list[JournalEvent]] = {}
    for line in lines:
        batches.setdefault(line.batch or f"#{line.id}", []).append(line)
    about = [c.table_name == screen.table, c.row_id == row.id, c.field.not_in(SNAPSHOTS)]
    if lines and (lines[-1].verb == "created" or len(found) == LINES):
        about.append(c.at >= lines[-1].at)
    changes = list(db.session.scalars(select(c).where(*about).order_by(c.id.desc()).limit(5 * LINES)))[::-1]
    if aside := {change.batch for change in changes} - batches.keys():  # what was done to another record changed this one too
        for line in db.session.scalars(select(e).where(e.batch.in_(aside)).order_by(e.id.desc()).limit(5 * LINES)):
            batches.setdefault(line.batch, []).append(line)
    words = Words(screen.table)
    words.read(changes)
    fields = revertible(screen, row) if changes else frozenset()
    told: dict[str, list[Any]] = {}
    for change in changes:
        one = words.tell(change, revert=change.field in fields and change.before != change.after == value_now(row, change.field))
        if one is not None:
            told.setdefault(change.batch, []).append(one)
    sources = sources_of(batches)
    today = day_of(utcnow())
    return [
        {
            "text": _verbs(screen.table, [line for line in batch if name not in aside], undo=name in undos or batch[0].verb == "undo"),
            "lines": told.get(name, ()),
            "who": batch[0].who,
            "when": show_instant(batch[-1].at),
            "source": sources.get(name),
            "fresh": day_of(batch[-1].at) == today,
        }
        for name, batch in sorted(batches.items(), key=lambda item: -item[1][0].id)
    ]


def _verbs(table: str, batch: Iterable[JournalEvent], *, undo: bool) -> str:
    """What was done in a batch, once; the plain word only where no verb says more."""
    from views.journal import WORDS, verb_words

    if undo:
        return str(WORDS["undo"]).capitalize()
    verbs = list(dict.fromkeys(line.verb for line in batch)) or ["edited"]
    said = [verb for verb in verbs if verb not in QUIET] or verbs
    text = ", ".join(verb_words(verb, table) for verb in reversed(said))
    return text[:1].upper() + text[1:]


def revertible(screen: Screen, row: Any) -> frozenset[str]:
    """The columns that the person could give their earlier value by hand: those of their own form of this record."""
    if screen.table in LEFT or not permitted("journal_event", "undo") or not _may_edit(screen, row):
        return frozenset()
    relations = screen.model.__mapper__.relationships
    found = set()
    for name in (field.short_name for field in screen.edit_form(row)):
        if name in relations:
            found |= {screen.model.__mapper__.get_property_by_column(column).key for column in relations[name].local_columns if not relations[name].uselist}
        else:
            found.add(name)
    return frozenset(found)


def sources_of(batches: Iterable[str]) -> dict[str, dict[str, str]]:
    """Batch -> the long work that it was: the import, with its address, or the kind of work. One question when there is any."""
    ids = {int(name.removeprefix("job-")): name for name in batches if name.startswith("job-") and name[4:].isdecimal()}
    if not ids:
        return {}
    statement = select(Job.id, Job.kind, Import.id, Import.name).outerjoin(Import, Import.job_id == Job.id).where(Job.id.in_(ids))
    found = {}
    for job_id, kind, import_id, name in db.session.execute(statement):
        if kind is JobKind.send_message:  # its own word says it
            continue
        if import_id is None:
            found[ids[job_id]] = {"text": gettext("by the operation “%(kind)s”", kind=kind.label), "url": ""}
        else:
            url = url_for("import_.details_view", id=import_id) if permitted("import_", "read") else ""
            found[ids[job_id]] = {"text": gettext("by the import %(name)s", name=name), "url": url}
    return found
