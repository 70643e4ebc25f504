"""Long work as a screen: how far it is, what it made."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import select

from models import files
from models.db import BEGIN, db
from models.imports import Import
from models.journal import record
from models.work import KEPT_DAYS, Job, JobKind, JobState
from views.auth import permitted
from views.base import Screen, gate
from views.bulk_edit import result_url
from views.history_undo import job_undo_url
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.verbs import verb


def import_url(job: Job) -> str:
    """The import that this work undoes; empty for other work, and for who does not read imports."""
    if job.kind is not JobKind.undo_batch or not permitted("import_", "read"):
        return ""
    number = db.session.scalar(select(Import.id).where(Import.batch == job.params.get("batch", "")))
    return url_for("import_.details_view", id=number) if number else ""


def how_far(job: Job) -> str:
    """The progress of a job in words, as its page and its list say it."""
    if job.state is JobState.waiting:
        return gettext("Waiting for its turn.")
    if job.total:
        return gettext("%(done)d of %(total)d", done=job.done, total=job.total)
    return gettext("Under way.") if job.open else ""


class Handed(Screen):
    """A screen whose records can be fetched as files; each fetch is a line in the history."""

    def hand_over(self, row: Any, content: Any, name: str, mimetype: str) -> Response:
        """The file as an attachment, never shown inside a page; written down in a short transaction of its own."""
        row_id = row.id
        db.session.rollback()
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, "download", self.table, row_id)
            db.session.commit()
        finally:
            BEGIN.reset(token)
        return send_file(content, mimetype=mimetype, as_attachment=True, download_name=name, max_age=0)


class Jobs(Handed):
    """What the runner did, does and will do."""

    model = Job
    name = _("Operations")
    name_of_one = _("Operation")
    icon = "history"
    empty = {
        "icon": "history",
        "title": _("No operation yet"),
        "sentence": _("Letters, imports and other long work are prepared here while you go on. Each file stays seven days."),
    }
    column_list = ("kind", "state", "done", "requested_by", "requested_at", "finished_at")
    column_default_sort = ("id", True)
    column_sortable_list = ("requested_at", "finished_at", "state")
    column_filters = ("state", "kind")
    column_details_list = ("requested_by", "requested_at", "started_at", "finished_at", "tries")
    column_formatters = {
        "kind": lambda _v, _c, job, _n: str(job.kind),  # a name, not a state
        "done": lambda _v, _c, job, _n: how_far(job),
    }
    details_template = "admin/job/details.html"

    def verb_fits(self, verb: str, row: Job) -> bool:
        """By the state of the work."""
        return {"cancel": row.open, "retry": row.state in (JobState.failed, JobState.cancelled)}.get(verb, True)

    @verb("cancel", _("Stop"), icon="stop")
    def cancel(self, job: Job) -> None:
        """The runner notices at its next step."""
        job.cancel()

    @verb("retry", _("Start again"), icon="undo")
    def retry(self, job: Job) -> None:
        """After a failure or a stop; what was done is kept."""
        job.retry()

    def render(self, template: str, **kwargs: Any) -> str:
        """On a job's own page: how far it is, and only the verbs that its state allows."""
        job = kwargs.get("model")
        if isinstance(job, Job):
            can_fetch = job.state is JobState.done and bool(job.file_key) and self.may("download")
            kwargs |= {"badge": job.state, "how_far": how_far(job), "can_fetch": can_fetch, "kept_days": KEPT_DAYS}
            done = job.state is JobState.done
            kwargs |= {"undo_url": job_undo_url(job) if done else "", "result_url": result_url(job) if done else "", "import_url": import_url(job)}
        return super().render(template, **kwargs)

    @expose("/download/")
    @gate("download")
    def download_view(self) -> ResponseReturnValue:
        """The file that a job made; 404 for another's, 422 with the reason when there is none (yet, or any more)."""
        job = self.get_one(request.args.get("id"))
        self.check_row("download", job)
        path = files.plain(job.download())
        if path is None:
            abort(404)
        return self.hand_over(job, path, job.file_name, job.file_type)


def register(app: Flask, admin: Admin) -> None:
    """The screen of work."""
    admin.add_view(Jobs())
