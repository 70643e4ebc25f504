"""Reminders: the person's own list, their part of the student's file, and what the home page shows of them and of the person's operations."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for
from flask_admin import Admin
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from models.base import today
from models.db import db
from models.people import Student
from models.reminders import LONGEST_TEXT, Reminder, to_do
from models.scope import WHO
from models.work import Job, JobState
from views.auth import permitted
from views.base import Screen
from views.colleagues import STUDENT_LOOKUP
from views.filters import ScreenFilter
from views.formats import show_date, start_of, zone
from views.i18n import gettext, ngettext, pgettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.student_file import Part, declare_part
from views.verbs import verb
from views.work import how_far

ON_HOME = 6


class ToDoIs(ScreenFilter):
    """Still to do, done, or both; the list's own choice is what is to do."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """In the order of the tabs."""
        return [("0", pgettext("reminder", "To do")), ("1", pgettext("reminders", "Done")), ("all", pgettext("reminder", "All"))]

    def clean(self, value: str) -> bool | None:
        """Whether done, None for both; ValueError otherwise."""
        return {"0": False, "1": True, "all": None}[value] if value in ("0", "1", "all") else _refuse(value)

    def apply(self, query: Any, value: bool | None, alias: Any = None) -> Any:
        """Add the clause, if there is one."""
        column = self.get_column(alias)
        return query if value is None else query.filter(column.is_not(None) if value else column.is_(None))


def _refuse(value: str) -> bool | None:
    raise ValueError(value)


class Reminders(Screen):
    """What the person has written down for themselves."""

    model = Reminder
    name = _("My reminders")
    name_of_one = _("Reminder")
    icon = "calendar"
    add_label = _("Add a reminder")
    empty = {
        "icon": "calendar",
        "title": _("Nothing to remember"),
        "sentence": _("A reminder is yours alone. Add one here, or from the file of [a student]: it comes back on the home page on its day."),
    }
    title_column = "text"
    column_list = ("text", "student", "due_on", "due")
    column_details_list = column_list
    column_labels = {"due": _("State of the reminder")}
    column_default_sort = [("due_on", False), ("id", False)]
    column_sortable_list = ("due_on", ("student", "student.search_key"))
    column_searchable_list = ("text", "student.search_key")
    column_formatters = {"due": lambda _v, _c, row, _n: row.due(today(zone().key))}
    nowrap_columns = ("due_on",)
    form_columns = ("text", "student", "due_on")
    form_sections = (("", (("text", 12), ("student", 6), ("due_on", 3))),)
    form_args = {"text": {"render_kw": {"maxlength": LONGEST_TEXT, "autocomplete": "off", "autofocus": True}}}
    lookups = {"student": STUDENT_LOOKUP}
    search_example = _("e.g. call*")

    def __init__(self) -> None:
        self.column_filters = (ToDoIs(Reminder.done_at, _("State of the reminder"), "done"), "due_on")
        super().__init__()

    def get_query(self) -> Any:
        """With the students."""
        return super().get_query().options(joinedload(Reminder.student))

    def get_list(self, page: Any, sort_column: Any, sort_desc: Any, search: Any, filters: Any, **options: Any) -> tuple[int | None, Any]:
        """What is to do, unless something else is asked for."""
        if filters is not None and all(index for index, _name, _value in filters):
            filters = [*filters, (0, "", "0")]
        return super().get_list(page, sort_column, sort_desc, search, filters, **options)

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # worked out at each request
        """To do, done, all."""
        here = next((value for key, value in request.args.items() if key.endswith("_done.ToDoIs")), "0")
        return [
            {"label": words, "n": None, "url": self.get_url(".index_view", **({"flt0_done.ToDoIs": value} if value != "0" else {})), "current": value == here}
            for value, words in self._filters[0].choices()
        ]

    def row_url(self, row: Reminder) -> str:
        """The form is the whole reminder."""
        return str(self.get_url(".edit_view", id=row.id, url=self._get_list_url(self._get_list_extra_args())))

    def count_text(self, count: int | None) -> str:
        """How many reminders."""
        return "" if count is None else ngettext("%(num)d reminder", "%(num)d reminders", count)

    def create_form(self, obj: Any = None) -> Any:
        """For today; from a student's file, about that student."""
        form = super().create_form(obj)
        if request.method == "GET":
            form.due_on.data = today(zone().key)
            if "student" in request.args:
                form.student.data = form.student.loader.get_one(request.args["student"])
        return form

    def on_model_change(self, form: Any, model: Reminder, is_created: bool) -> None:
        """Whoever writes it down owns it."""
        if is_created:
            model.requested_by_id = WHO.get().user_id  # type: ignore[assignment]  # (somebody is signed in)

    def verb_fits(self, verb: str, row: Reminder) -> bool:
        """By whether it is done."""
        return {"done": row.done_at is None, "reopen": row.done_at is not None}.get(verb, True)

    @verb("done", _("Tick off"), icon="check")
    def done(self, record: Reminder) -> None:
        """It leaves the home page."""
        record.done()

    @verb("reopen", _("Put back among what is to do"), icon="undo")
    def reopen(self, record: Reminder) -> None:
        """It comes back."""
        record.reopen()


# -- the part of the student's file


def _lines(rows: list[Reminder], back: str) -> list[dict[str, Any]]:
    """What a template shows of reminders that are to do; `back` is the page one comes back to."""
    day = today(zone().key)
    return [
        {
            "id": row.id,
            "text": row.text,
            "student": str(row.student) if row.student is not None else "",
            "student_url": url_for("student.details_view", id=row.student_id) if row.student is not None else "",
            "url": url_for("reminder.edit_view", id=row.id, url=back),
            "due": row.due(day),
            "day": show_date(row.due_on),
        }
        for row in rows
    ]


def _of_student(student: Student) -> dict[str, Any]:
    here = request.full_path.rstrip("?")
    found = db.session.scalars(to_do(WHO.get().eyes).where(Reminder.student_id == student.id)).all()
    return {"reminders": _lines(list(found), here), "add_url": url_for("reminder.create_view", student=student.id, url=here)}


def _count(student_id: int) -> Any:
    mine = (Reminder.student_id == student_id, Reminder.requested_by_id == WHO.get().eyes, Reminder.done_at.is_(None))
    return select(func.count(Reminder.id)).where(*mine).scalar_subquery()


declare_part(Part("reminders", _("My reminders"), "admin/student/reminders.html", _of_student, ("reminder", "read"), _count, place=46))


# -- the home page


def on_home() -> dict[str, Any]:
    """The person's reminders that are to do, late ones and those of today first, and how many there are in all."""
    if not permitted("reminder", "read"):
        return {}
    mine = to_do(WHO.get().eyes).add_columns(func.count().over()).limit(ON_HOME)
    found = db.session.execute(mine).all()
    add_url = url_for("reminder.create_view", url=url_for("admin.index")) if screens()["reminder"].can_create else ""
    return {
        "reminders": _lines([row for row, _n in found], url_for("admin.index")),
        "reminders_in_all": found[0][1] if found else 0,
        "reminders_url": url_for("reminder.index_view"),
        "add_reminder_url": add_url,
    }


def operations() -> dict[str, Any]:
    """The person's own long work: what waits or is under way, and what ended today."""
    if not permitted("job", "read"):
        return {}
    still = Job.state.in_((JobState.waiting, JobState.running))
    mine = select(Job).where(Job.requested_by_id == WHO.get().eyes, or_(still, Job.finished_at >= start_of(today(zone().key))))
    jobs = list(db.session.scalars(mine.order_by(Job.id.desc()).limit(ON_HOME)))
    may_fetch = permitted("job", "download")
    lines = [
        {
            "text": str(job.kind) + (gettext(": %(what)s", what=job.note) if job.note else ""),
            "url": url_for("job.details_view", id=job.id),
            "state": job.state,
            "how_far": how_far(job) if job.open else "",
            "done": job.done,
            "total": job.total if job.state is JobState.running else 0,
            "file_url": url_for("job.download_view", id=job.id) if may_fetch and job.state is JobState.done and job.file_key else "",
        }
        for job in jobs
    ]
    return {"operations": lines, "operations_open": any(job.open for job in jobs), "operations_url": url_for("job.index_view")}


def register(app: Flask, admin: Admin) -> None:
    """The screen of reminders."""
    admin.add_view(Reminders())
