"""The page that undoes a batch, the button that takes one field back, and the way back beside what was just done."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from flask import Response, abort, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select

from models.base import Refusal
from models.bulk_edit import BulkEdit
from models.changes import SNAPSHOTS, JournalChange
from models.db import BEGIN, db
from models.imports import Import
from models.journal import JournalEvent
from models.scope import BATCH
from models.undo import MANY, Act, Batch, Plan, find, may_undo, nothing_left, plan, revert, undo, undoable
from models.undo_steps import MADE
from models.undo_words import made_words
from models.work import Job, JobKind
from views.auth import permitted
from views.base import gate
from views.formats import show_instant
from views.history import revertible
from views.history_words import Words, tell_all
from views.i18n import gettext
from views.menu import screens
from views.saving import list_path, own_path

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

SAMPLES = 40  # lines of the history that say what a batch without words of its own was
SUCCESS = "success"


def undo_url(batch: str, back: str | None = None) -> str:
    """The page that shows what undoing this batch does and leaves, and does it."""
    return url_for("journal_event.undo_view", batch=batch, url=back)


def undo_urls(batches: list[JournalEvent]) -> dict[str, str]:
    """Of the batches of these lines, those that the person may take back, with the address of each; one question."""
    mine = {line.batch for line in batches if may_undo(Batch(line.batch, line.id, line.user_id, line.who, line.at, 0, by_import=False))}
    if not mine or not permitted("journal_event", "undo"):
        return {}
    return {batch: undo_url(batch) for batch in undoable(db.session, mine)}


def job_undo_url(job: Job) -> str:
    """The same for what a piece of long work wrote."""
    return batch_undo_url(f"job-{job.id}")


def batch_undo_url(batch: str) -> str:
    """The page that undoes a batch; empty when it wrote nothing that can be taken back, or not by this person."""
    found = find(db.session, batch) if permitted("journal_event", "undo") else None
    return undo_url(found.name) if found is not None and may_undo(found) and undoable(db.session, [found.name]) else ""


def heading(batch: str) -> str:
    """What a batch was: an import by its file, a merge by the record that stayed, a change of many by its field, an undo by what it undid."""
    e = JournalEvent
    undo_line = db.session.scalar(select(e).where(e.batch == batch, e.table_name == "journal_event", e.verb == "undo").limit(1))
    undone = db.session.scalar(select(e.batch).where(e.id == undo_line.row_id)) if undo_line is not None else None
    return gettext("Undoing: %(what)s", what=_heading(undone)) if undone else _heading(batch)


def _heading(batch: str) -> str:
    from views.journal import sentence, subjects, table_words

    e = JournalEvent
    file = db.session.scalar(select(Import.name).where(Import.batch == batch).limit(1))
    if file is not None:
        return gettext("Import of %(file)s", file=file)
    merge = db.session.scalar(select(e).where(e.batch == batch, e.verb == "merge").limit(1))
    if merge is not None:
        name, _url = subjects([merge]).get((merge.table_name, merge.row_id), ("", ""))
        return gettext("Merge of two records: %(name)s", name=name) if name else gettext("Merge of two records")
    edit = db.session.scalar(select(BulkEdit).where(BulkEdit.batch == batch).limit(1))
    if edit is not None:
        return gettext("%(table)s: field “%(field)s” changed", table=table_words(edit.table_name), field=Words(edit.table_name).label(edit.field))
    counted = select(e.table_name, func.sum(e.rows)).where(e.batch == batch, e.verb.in_(MADE)).group_by(e.table_name)
    things = made_words({table: int(number) for table, number in db.session.execute(counted)})
    if things:
        return gettext("Added: %(things)s", things=things)
    return sentence(list(db.session.scalars(select(e).where(e.batch == batch).order_by(e.id).limit(SAMPLES))))


def offer_undo(response: Response) -> Response:
    """Beside the green message of what was just done: the way back, when there is one. Called after every request."""
    kept = session.get("_flashes", []) if request.method == "POST" and response.status_code in (302, 303) else []
    place = next((i for i in reversed(range(len(kept))) if kept[i][0] == SUCCESS), None)
    if place is None or not permitted("journal_event", "undo"):
        return response
    batch = BATCH.get() or ""
    token = BEGIN.set("DEFERRED")
    try:
        db.session.rollback()  # what was to be kept is committed
        offered = undoable(db.session, [batch])
        db.session.rollback()
    finally:
        BEGIN.reset(token)
    if offered:
        message = kept[place][1]
        told = message if isinstance(message, dict) else {"text": message}
        links = [*told.get("links", ()), {"url": undo_url(batch, own_path(response.location)), "label": gettext("Undo")}]
        session["_flashes"] = [*kept[:place], (SUCCESS, {**told, "links": links}), *kept[place + 1 :]]
    return response


def _still_there(back: str) -> str:
    """Where one goes back to, unless that is the page of a row that the undo has taken away: then the list from which it was opened."""
    target = urlsplit(back)
    number = parse_qs(target.query).get("id", [""])[0]
    screen = next((one for one in screens().values() if target.path == url_for(f"{one.endpoint}.details_view")), None)
    if screen is None or not number.isdecimal() or db.session.get(screen.model, int(number)) is not None:
        return back
    return list_path(back) or url_for(f"{screen.endpoint}.index_view")


class UndoPages(Base):
    """The undo half of the history's screen."""

    @expose("/undo", methods=("GET", "POST"))
    @gate("undo")
    def undo_view(self) -> ResponseReturnValue:
        """What undoing a batch does and leaves; a POST does it. 404 for an unknown batch, 403 for somebody else's."""
        found = find(db.session, request.args.get("batch", "")[:64])
        if found is None:
            abort(404)
        if not may_undo(found):
            self.refused("undo", found.first)
            abort(403)
        if request.method == "GET":
            return self.undo_page(found, plan(db.session, found.name))
        if found.rows > MANY:
            job = Job.add(JobKind.undo_batch, {"batch": found.name}, note=str(JobKind.undo_batch.label))
            db.session.commit()
            return redirect(url_for("job.details_view", id=job.id), code=303)
        try:
            done = undo(db.session, found.name)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return self.undo_page(found, plan(db.session, found.name)), 409
        flash(done.sentence, SUCCESS)
        return redirect(_still_there(self.undo_back()), code=303)

    def undo_back(self) -> str:
        """Where the person came from; the history for who reads it, else home."""
        return own_path(request.args.get("url")) or (self.get_url(".index_view") if self.may("read") else url_for("admin.index"))

    def undo_page(self, found: Batch, shown: Plan) -> str:
        """Each table with what happens to its rows: how many, the first by name, with the values."""
        from views.journal import table_words

        groups = []
        for (act, table), number in sorted(shown.counts.items(), key=lambda item: (list(Act).index(item[0][0]), item[0][1])):
            rows = [line for line in shown.lines if (line.act, line.table) == (act, table)]
            told = [(line, tell_all(table, [one._replace(before=one.after, after=one.before) for one in line.fields])) for line in rows]
            groups.append({"act": act, "table": table_words(table), "count": number, "rows": told, "more": number - len(rows)})
        return self.render(
            "admin/journal_event/undo.html",
            batch=found,
            what=heading(found.name),
            when=show_instant(found.at),
            plan=shown,
            groups=groups,
            nothing="" if shown.total else nothing_left(db.session, found).sentence,
            later=found.rows > MANY,
            back_url=self.undo_back(),
            undo_url=undo_url(found.name, own_path(request.args.get("url"))),
        )

    @expose("/revert", methods=("POST",))
    @gate("undo")
    def revert_view(self) -> ResponseReturnValue:
        """Give one field of a record its earlier value, as the person could by hand; 404 for what does not exist for them, 403 for what
        their form of this record does not hold.
        """
        identifier = request.form.get("id", "")
        if not identifier.isdecimal() or len(identifier) > 18:
            abort(400)
        c = JournalChange
        line = db.session.scalar(select(c).where(c.id == int(identifier), c.field.not_in(SNAPSHOTS)))
        screen = screens().get(line.table_name) if line is not None else None
        if line is None or screen is None:
            abort(404)
        row = screen.get_one(line.row_id)
        if not screen.can_edit or line.field not in revertible(screen, row):
            screen.refused("edit", line.row_id)
            abort(403)
        back = own_path(request.form.get("url")) or url_for(f"{screen.endpoint}.details_view", id=row.id)
        try:
            revert(db.session, line.id)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
        else:
            flash(gettext("The earlier value is back."), SUCCESS)
        return redirect(back, code=303)
