"""Admissions of students to programmes: the list, the quick and the detailed form, and their part of the student's file."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Flask, flash, g, request
from flask_admin import Admin
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from wtforms import DateField
from wtforms.validators import InputRequired, ValidationError

from models.admissions import AFTER, Admission, AdmissionStatus, admissions_of, check_grid
from models.base import Refusal, today
from models.courses import Grid
from models.db import db
from models.people import Student
from models.session_records import SessionRecord, admission_deletion_problem
from models.studies import OrgUnit, Programme, Term
from views.auth import permitted
from views.base import Screen
from views.colleagues import PROGRAMME_LOOKUP, STUDENT_LOOKUP
from views.courses import FEW, offered
from views.fields import Lookup, RowField
from views.filters import Row
from views.formats import show_date, zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.menu import beside, screens
from views.student_file import Part, declare_part
from views.verbs import verb

LEADS_TO = {
    "activate": AdmissionStatus.active,
    "suspend": AdmissionStatus.suspended,
    "close": AdmissionStatus.closed,
    "sanction": AdmissionStatus.sanctioned,
}
MOST_GRIDS = 500  # whose unit the form proposes at once; the server does it for the others
DETAILS = ("applied_on", "admitted_on", "previous_studies")


class TermForm(FlaskForm):
    """For which term."""

    term = RowField(Lookup("term", Term, ("season",), None, 300), _p("session_record", "Session"), validators=[InputRequired()])


class SanctionForm(FlaskForm):
    """When the diploma was awarded."""

    date = DateField(_("Sanctioned on"), validators=[InputRequired()], default=lambda: today(zone().key))


def of_programme(form: Any, field: Any) -> None:
    """A grid of the programme that is chosen beside it; told at the field."""
    programme = form.programme.data
    if field.data is not None and programme is not None:
        try:
            check_grid(field.data, programme)
        except Refusal as refusal:
            raise ValidationError(refusal.sentence) from refusal


def _grid_units() -> dict[int, tuple[int, str]]:
    """Grid -> the identifier and the words of its organisational unit, for the script that proposes it."""
    of = select(Grid.id, OrgUnit).join(OrgUnit, OrgUnit.id == Grid.org_unit_id).where(Grid.retired_at.is_(None)).limit(MOST_GRIDS)
    return {grid: (unit.id, str(unit)) for grid, unit in db.session.execute(of)}


class Admissions(Screen):
    """Who is admitted to what."""

    model = Admission
    name = _("Admissions")
    name_of_one = _("Admission")
    icon = "check"
    add_label = _("Quick admission")
    empty = {
        "icon": "check",
        "title": _("No admission yet"),
        "sentence": _("[A student] is registered for [courses] under an admission: who, to which [programme], by which grid, from which term."),
    }
    title_column = "student"
    create_template = "admin/admission/form.html"
    column_list = ("student", "programme", "grid", "org_unit", "term", "status", "admitted_on")
    column_sortable_list = (("student", "student.search_key"), ("programme", "programme.code"), ("grid", "grid.code"), ("term", "term.place"), "admitted_on")
    column_default_sort = [("student.search_key", False), ("id", False)]
    column_searchable_list = ("student.search_key", "programme.code", "programme.title", "grid.code")
    column_details_list = (
        *("student", "programme", "grid", "org_unit", "term", "status", "applied_on", "admitted_on", "ended_on", "sanctioned_on", "previous_studies"),
    )
    column_export_list = ("student", "programme", "grid", "org_unit", "term", "status", "applied_on", "admitted_on", "ended_on", "sanctioned_on")
    column_formatters = {"programme": lambda _v, _c, row, _n: row.programme.code}
    nowrap_columns = ("programme", "grid", "term")
    lookups = {
        "student": STUDENT_LOOKUP,
        "programme": PROGRAMME_LOOKUP,
        "grid": (Grid, ("code", "title"), offered(Grid), FEW),
        "org_unit": (OrgUnit, ("code", "name"), None, FEW),
        "term": (Term, ("season",), None, 300),
    }
    form_columns = ("student", "programme", "grid", "org_unit", "term", *DETAILS)
    form_sections = (
        ("", (("student", 12), ("programme", 6), ("grid", 6), ("org_unit", 6), ("term", 6))),
        (_("In detail"), (("applied_on", 3), ("admitted_on", 3), ("previous_studies", 12))),
    )
    form_args = {
        "grid": {"validators": [of_programme]},
        "previous_studies": {"description": _("Diplomas, places and years, as the file of the application tells them.")},
    }
    bulk_edit_columns = ("org_unit", "term")

    def __init__(self) -> None:
        self.column_filters = (
            "status",
            Row(Admission.programme_id, _("[Programme]"), "programme", Programme),
            Row(Admission.grid_id, _("Grid"), "grid", Grid),
            Row(Admission.term_id, _("First term"), "term", Term),
        )
        super().__init__()

    def get_query(self) -> Any:
        """With what the list shows."""
        relations = (Admission.student, Admission.programme, Admission.grid, Admission.org_unit, Admission.term)
        return super().get_query().options(*map(joinedload, relations))

    def count_text(self, count: int | None) -> str:
        """How many admissions."""
        return "" if count is None else ngettext("%(num)d admission", "%(num)d admissions", count)

    def render(self, template: str, **kwargs: Any) -> str:
        """The long form, beside the quick one."""
        if request.endpoint == f"{self.endpoint}.create_view" and request.values.get("detailed"):
            kwargs["title"] = gettext("Detailed admission")
        if template == self.create_template:
            kwargs["grid_units"] = _grid_units()
        if template == self.list_template and self.may("create"):
            detailed = {"label": gettext("Detailed admission"), "icon": "plus", "url": self.get_url(".create_view", detailed=1)}
            kwargs["beside"] = [detailed, *beside(self.endpoint)]
        return str(super().render(template, **kwargs))

    def create_form(self, obj: Any = None) -> Any:
        """Quick: who, to what, from when. Detailed: the days and the previous studies too. From a student's file, the student is chosen."""
        form = super().create_form(obj)
        if not request.values.get("detailed"):
            for name in DETAILS:
                delattr(form, name)
        if request.method == "GET" and "student" in request.args:
            form.student.data = form.student.loader.get_one(request.args["student"])
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """An admission stays its student's."""
        form = super().edit_form(obj)
        del form.student
        return form

    def on_model_change(self, form: Any, model: Admission, is_created: bool) -> None:
        """The model says where a new one begins; another active one of the same student is told."""
        if is_created:
            model.begin(quick=not request.values.get("detailed"), on=today(zone().key))
        model.check(db.session)
        if is_created and model.status is AdmissionStatus.active:
            others = [one for one in admissions_of(db.session, model.student.id) if one is not model and one.status is AdmissionStatus.active]
            if others:
                who = {"student": model.student.name, "name": str(others[0])}
                flash(gettext("%(student)s also has an active admission to %(name)s. Close it if this one takes its place.", **who), "warning")

    def delete_refusal(self, row: Admission) -> str | None:
        """One with session records stays."""
        problem = admission_deletion_problem(db.session, row)
        return problem.sentence if problem else None

    def delete_instead(self, row: Admission) -> Any:
        """Closed instead: the records stay."""
        return self.verbs["close"] if self.verb_fits("close", row) and self.may("close") else None

    # -- verbs

    def verb_fits(self, verb: str, row: Admission) -> bool:
        """What the status lets follow."""
        if verb == "create_session_record":
            return row.status is AdmissionStatus.active
        return verb not in LEADS_TO or LEADS_TO[verb] in AFTER[row.status]

    @verb("activate", _("Activate"), icon="check", at_once=True)
    def activate(self, record: Admission) -> None:
        """Admit, or open again."""
        record.activate(today(zone().key))

    @verb("suspend", _("Suspend"))
    def suspend(self, record: Admission) -> None:
        """Nothing new is registered meanwhile."""
        record.suspend()

    @verb("close", _("Close the admission"), confirm=_("The [student] leaves the [programme] without its diploma. The records stay."), at_once=True)
    def close(self, record: Admission) -> None:
        """End it without a diploma."""
        record.close(today(zone().key))

    @verb("create_session_record", _("Create [a session record]"), ask=TermForm)
    def create_session_record(self, record: Admission, term: Term) -> None:
        """A record of this admission for a term."""
        SessionRecord.begin(db.session, record, term)

    @verb("sanction", _("Award the diploma"), ask=SanctionForm, at_once=True)
    def sanction(self, record: Admission, date: dt.date) -> None:
        """The diploma is awarded."""
        record.sanction(date, today(zone().key))

    def prepare_sanction(self, selection: Any, form: SanctionForm) -> dict[str, Any]:
        """What it means."""
        return {
            "count_sentence": ngettext("admission chosen.", "admissions chosen.", selection.count),
            "left_out": gettext("A sanctioned admission is closed: nothing more is registered under it. The history takes a mistake back."),
            "verb_label": ngettext("Award %(num)d diploma", "Award %(num)d diplomas", selection.count),
        }


# -- the part of the student's file


def keep_admissions(student_id: int, found: list[Admission]) -> None:
    """What was read with something else is not asked again in this request."""
    g.setdefault("admissions_of", {})[student_id] = found


def admissions_here(student_id: int) -> list[Admission]:
    """The admissions of the student whose file is open: the banner and the parts ask for them once a request."""
    known: dict[int, list[Admission]] = g.setdefault("admissions_of", {})
    if student_id not in known:
        keep_admissions(student_id, admissions_of(db.session, student_id))
    return known[student_id]


def _admissions(student: Student) -> dict[str, Any]:
    screen = screens()["admission"]
    verbs = screen.row_actions()
    shown = [(one, [action for action in verbs if screen.verb_fits(action[0], one)]) for one in admissions_here(student.id)]
    return {"admissions": shown, "screen": screen, "show_date": show_date, "may_add": permitted("admission", "create")}


def _count(student_id: int) -> Any:
    return select(func.count(Admission.id)).where(Admission.student_id == student_id).scalar_subquery()


declare_part(Part("admissions", _("Admissions"), "admin/student/admissions.html", _admissions, ("admission", "read"), _count, place=35))


def register(app: Flask, admin: Admin) -> None:
    """The screen of admissions."""
    admin.add_view(Admissions())
