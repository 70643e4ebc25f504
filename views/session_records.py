"""Session records: the list, the dialog that makes one (ETU3115), its form, copying, the sanction of its admission."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Flask, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, undefer_group
from wtforms.validators import InputRequired

from models.admissions import Admission, AdmissionStatus, admissions_of
from models.base import today
from models.codes import CodeList, read_codes
from models.courses import Grid
from models.db import db
from models.enrolment_choices import active_admissions, next_term
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord, not_registrable
from models.studies import OrgUnit, Programme, Term
from views.admissions import SanctionForm, TermForm
from views.base import Screen
from views.choose_first import choose_first
from views.colleagues import STUDENT_LOOKUP
from views.courses import units_words
from views.custom import ExtraField
from views.enrolment_fields import Codes
from views.enrolment_form import WHOSE
from views.fields import Lookup, RowField
from views.filters import Is, Row
from views.formats import zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.last_term import LastTermVerb
from views.masks import ProgrammeWords
from views.menu import screens
from views.record_papers import RecordPapers
from views.saving import own_path
from views.session_file import SHORT, record_url, tell_of
from views.verbs import Selection, verb

FIGURES = ("registered", "hours", "thirds_in_progress", "thirds_passed", "thirds_failed")
_UNITS = {name: (lambda _v, _c, row, _n, name=name: units_words(getattr(row, name))) for name in FIGURES[2:]}


class OfAdmission(Row):
    """What the admission of a record points to: its programme, its grid, its unit."""

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.column
        wanted = select(Admission.id).where(column.is_(None) if value == 0 else column == value)
        return query.filter(SessionRecord.admission_id.in_(wanted))


class AdmissionIs(Is):
    """The status of the admission."""

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(SessionRecord.admission_id.in_(select(Admission.id).where(Admission.status == value)))


class Active(Lookup):
    """The active admissions of the student whom the address names."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Admission, ())

    def all_rows(self) -> list[Admission]:
        """Asked once a request."""
        if "active_admissions" not in g:
            asked = request.args.get("student", "")
            g.active_admissions = active_admissions(db.session, int(asked)) if asked.isdecimal() and len(asked) < 10 else []
        return list(g.active_admissions)

    def get_one(self, pk: Any) -> Admission | None:
        """One of these."""
        return next((one for one in self.all_rows() if str(one.id) == str(pk)), None)

    def get_list(self, query: str, offset: int = 0, limit: int = 0) -> list[Any]:
        """They are never many: all of them."""
        return self.all_rows()

    def format(self, model: Admission | None) -> tuple[int, str] | None:
        """Its grid, its programme, its unit."""
        if model is None:
            return None
        return model.id, " · ".join(dict.fromkeys(str(part) for part in (model, model.programme, model.org_unit) if part is not None))


class StudentForm(FlaskForm):
    """Whose session record."""

    student = RowField(Lookup("student", *STUDENT_LOOKUP), _("[Student]"), validators=[InputRequired()], description=WHOSE)


class SessionRecords(LastTermVerb, RecordPapers, ProgrammeWords, Screen):
    """What students do, term by term."""

    model = SessionRecord
    name = _("[Session records]")
    name_of_one = _("[Session record]")
    icon = "calendar"
    add_label = _("Add [a session record]")
    empty = {
        "icon": "calendar",
        "title": _("[No session record] yet"),
        "sentence": _("[A session record] is a term of [a student] under an admission: registrations for [courses] stand in it."),
    }
    title_column = "student"
    column_list = ("student", "student.local_id", "term", "admission", *FIGURES, "full_time")  # (what fits beside the menu: the others are to be ticked)
    short_headings = {**{name: SHORT[name] for name in SHORT if name in FIGURES}, "full_time": _p("column", "Full-time")}
    column_labels = {
        "student.local_id": _("Local number"),
        "admission": _("Grid"),
        "admission.programme.code": _("[Programme]"),
        "admission.org_unit.code": _("Unit"),
    }
    column_sortable_list = (("student", "student.search_key"), ("term", "term.place"))
    column_default_sort = [("id", True)]
    column_searchable_list = ("student.search_key", "admission.grid.code")
    search_example = _("JEE0K-17R-RA")
    number_columns = FIGURES
    nowrap_columns = ("student.local_id", "term", "admission", "admission.programme.code")
    column_formatters = column_formatters_export = {
        **_UNITS,
        "admission": lambda _v, _c, row, _n: row.admission.grid.code if row.admission.grid else "",
        "full_time": lambda _v, _c, row, _n: row.full_time.code if row.full_time else "",
        "admission.org_unit.code": lambda _v, _c, row, _n: row.admission.org_unit.code if row.admission.org_unit else "",
        "language": lambda _v, _c, row, _n: row.language.code if row.language else "",
    }
    column_details_list = column_export_list = (
        *("student", "student.local_id", "term", "admission", "admission.programme.code", "admission.org_unit.code"),
        *(*FIGURES, "full_time", "language", "programme_session"),
    )
    create_template = "admin/enrolment/record_new.html"
    details_template = "admin/enrolment/details.html"
    form_template = "admin/enrolment/record.html"
    lookups = {
        "student": STUDENT_LOOKUP,  # of the question, not of the form
        "admission": Active("admission"),
        "term": (Term, ("season",), None, 300),
        "full_time": Codes("full_time", CodeList.full_time),
        "language": Codes("language", CodeList.teaching_language),
    }
    form_columns = ("admission", "term", "full_time", "language", "programme_session")
    form_sections = (("", (("admission", 12), ("term", 6), ("full_time", 6), ("language", 3), ("programme_session", 3))),)
    bulk_edit_columns = ("language",)

    def __init__(self) -> None:
        self.column_filters = (
            Row(SessionRecord.term_id, _p("session_record", "Session"), "term", Term, lambda: db.session.scalars(select(Term).order_by(Term.place.desc()))),
            OfAdmission(Admission.programme_id, _("[Programme]"), "programme", Programme),
            OfAdmission(Admission.grid_id, _("Grid"), "grid", Grid),
            OfAdmission(Admission.org_unit_id, _("Organisational unit"), "org_unit", OrgUnit),
            AdmissionIs(Admission.status, _("Status of the admission"), "admission_status"),
        )
        super().__init__()

    def get_query(self) -> Any:
        """With what the list shows, the figures counted by the database."""
        return super().get_query().options(*self.detail_options())

    def detail_options(self) -> tuple[Any, ...]:
        """The student, the term, the admission with what it points to, the figures."""
        admission = joinedload(SessionRecord.admission)
        shown = [admission.joinedload(one) for one in (Admission.programme, Admission.grid, Admission.org_unit)]
        return (joinedload(SessionRecord.student), joinedload(SessionRecord.term), *shown, undefer_group("figures"))

    def prepare_rows(self, rows: list[Any]) -> None:
        """The school's codes, in one statement."""
        read_codes(db.session)

    def scaffold_auto_joins(self) -> list[Any]:
        """None: `get_query` says them."""
        return []

    def export_joins(self) -> tuple[Any, ...]:
        """As the list; each piece of an export begins anew."""
        read_codes(db.session)
        return ()

    def row_url(self, row: SessionRecord) -> str:
        """A record is looked at in the file of its student, with its registrations."""
        return record_url(row) if self.may("read", "student") else super().row_url(row)

    def count_text(self, count: int | None) -> str:
        """How many records."""
        return "" if count is None else ngettext("%(num)d [session record]", "%(num)d [session records]", count)

    # -- the dialog

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """One of a student's active admissions, and the term. Without a student it is asked who; without an active admission it is said what to do."""
        if "student" not in request.args:
            return choose_first(self, StudentForm(), "student")
        student = Lookup("student", Student, ()).get_one(request.args["student"])
        if student is None:
            abort(404)
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        if not Active("admission").all_rows():
            page = self.render(
                "admin/enrolment/refused.html",
                refusal=not_registrable(student, next(iter(admissions_of(db.session, student.id)), None)),
                student=student,
                back_url=back,
            )
            return (page, 422) if request.method == "POST" else page
        answer = super().create_view()
        if g.get("made") and "_add_another" in request.form:
            return redirect(self.get_url(".create_view", student=student.id, url=back), code=302)
        return answer

    def create_form(self, obj: Any = None) -> Any:
        """The only active admission is chosen already; the next term is proposed."""
        form = super().create_form(obj)
        for name in ("full_time", "language", "programme_session"):
            delattr(form, name)
        admissions = form.admission.loader.all_rows()
        if request.method == "GET":
            form.admission.data = admissions[0] if len(admissions) == 1 else None
            form.term.data = next_term(db.session, admissions[0], today(zone().key))
        return form

    def create_model(self, form: Any) -> Any:
        """By the model's own beginning; a refusal stands above the form."""
        try:
            made = SessionRecord.begin(db.session, form.admission.data, form.term.data)
            for field in form:
                if isinstance(field, ExtraField):
                    field.populate_obj(made, field.spec.name)
            self._on_model_change(form, made, True)
            db.session.commit()
        except Exception as exc:  # (what is no refusal is raised again by the next line but one)
            db.session.rollback()
            self.handle_view_exception(exc)
            return False
        g.made = made
        self.after_model_change(form, made, True)
        return made

    def edit_form(self, obj: Any = None) -> Any:
        """A record stays under its admission and in its term."""
        form = super().edit_form(obj)
        del form.admission, form.term
        hint = obj.full_time_hint(obj.registered, obj.hours)
        form.full_time.description = str(hint)
        return form

    def render(self, template: str, **kwargs: Any) -> str:
        """The dialog shows who it is; the form stands under the banner of the student."""
        row, form = kwargs.get("model"), kwargs.get("form")
        if template == self.details_template and row is not None:
            kwargs |= {"student": row.student, "file_url": record_url(row)}
        if template == self.create_template and form is not None and "admission" in form:
            kwargs |= self.dialog(form)
        elif row is not None and form is not None:
            tell_of(row)
            kwargs |= {
                "banner": screens()["student"].banner(row.student, ""),
                "record": row,
                "file_url": record_url(row),
                "figures": [(str(getattr(SessionRecord, name).info["label"]), self.figure(row, name)) for name in FIGURES],
            }
        return str(super().render(template, **kwargs))

    @staticmethod
    def figure(row: SessionRecord, name: str) -> str:
        """A figure of a record as people read it."""
        return units_words(getattr(row, name)) if name.startswith("thirds") else str(getattr(row, name))

    def dialog(self, form: Any) -> dict[str, Any]:
        """The identification of the student, as the users' own dialog shows it."""
        admissions = form.admission.loader.all_rows()
        student = admissions[0].student
        shown = form.admission.data or (admissions[0] if len(admissions) == 1 else None)
        facts = [
            (str(Student.local_id.info["label"]), student.local_id),
            (gettext("Name"), str(student)),
            *([(gettext("Organisational unit"), str(shown.org_unit or "")), (gettext("[Programme]"), str(shown.programme))] if shown is not None else []),
        ]
        return {
            "student": student,
            "facts": facts,
            "title": gettext("New [session record]"),
            "save_label": gettext("Create [the session record]"),
            "another_label": "",
            "file_url": url_for("student.details_view", id=student.id, part="session_records"),
        }

    # -- delete

    def delete_refusal(self, row: SessionRecord) -> str | None:
        """What was transmitted stays."""
        problem = row.deletion_problem()
        return problem.sentence if problem else None

    def delete_sentence(self, row: SessionRecord) -> str:
        """The registrations go with it."""
        many = db.session.scalar(select(func.count(Enrolment.id)).where(Enrolment.session_record_id == row.id)) or 0
        told = ngettext("Its %(num)d registration goes too.", "Its %(num)d registrations go too.", many) if many else gettext("It holds no registration.")
        return f"{told} {self.delete_remedy()}"

    def on_model_delete(self, model: SessionRecord) -> None:
        """The same rule, at the last moment."""
        problem = model.deletion_problem()
        if problem:
            raise problem

    # -- verbs

    def verb_fits(self, verb: str, row: SessionRecord) -> bool:
        """What the admission allows."""
        return verb not in ("copy", "sanction") or row.admission.status is AdmissionStatus.active

    @verb("copy", _("Copy to another term"), ask=TermForm)
    def copy(self, record: SessionRecord, term: Term) -> None:
        """The same with its registrations, without results, census and transmissions."""
        record.copy(term)

    @verb("sanction", _("Award the diploma"), ask=SanctionForm, at_once=True)
    def sanction(self, record: SessionRecord, date: dt.date) -> None:
        """The diploma of its admission is awarded."""
        record.sanction(date, today(zone().key))

    def prepare_copy(self, selection: Selection, form: TermForm) -> dict[str, Any]:
        """The next term is proposed; what stays behind is said."""
        if request.form.get("_asked") != "1" and selection.count == 1:
            row = next(iter(selection.records()))
            form.term.data = next_term(db.session, row.admission, today(zone().key))
        return {
            "left_out": gettext("The registrations come along without their results, absences, census and transmissions; what was not taken stays behind."),
            "verb_label": gettext("Copy"),
        }


def register(app: Flask, admin: Admin) -> None:
    """The screen of session records."""
    admin.add_view(SessionRecords())
