"""Registrations for courses: the list, its filters, the verbs of one registration. The form stands in views/enrolment_form.py."""

from __future__ import annotations

from typing import Any

from flask import Flask, flash, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_wtf import FlaskForm
from sqlalchemy import or_, select
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from models.base import Refusal, today
from models.codes import CodeList, CodeValue, read_codes
from models.course_numbers import GROUP_FIGURES
from models.courses import Course
from models.db import db
from models.enrolment_choices import kinds, of_kind, other_records, to_send, unassigned
from models.enrolment_rules import copy_to, deletion_problem, doubled
from models.enrolments import CODES, INHERITED, LONGEST_REASON, Enrolment, with_shown
from models.journal import record_rows
from models.people import Student
from models.results import unconfirmed
from models.scope import WHO
from models.session_records import SessionRecord
from models.studies import OrgUnit, Term
from models.transmissions import Telling, Transmission
from views.base import Screen
from views.course_lookup import typed_course
from views.courses import units_words
from views.enrolment_fields import Records
from views.enrolment_form import LOOKUPS, EnrolmentForm
from views.enrolment_page import field_words
from views.fields import ChoiceField, RowField
from views.filters import Clause, Row, ScreenFilter
from views.formats import zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.masks import ProgrammeWords
from views.record_papers import GroupLists
from views.registering import RegisterPages
from views.results import ResultPages, warn_too_early
from views.searching import field_pattern, folded_like, like
from views.session_file import record_url
from views.verbs import ROWID, Selection, verb


class InGroup(ScreenFilter):
    """The number of the group, however it is typed; with `*` and `?` wild."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        text = value.strip()
        return query.filter(Enrolment.group_number.like(text.zfill(GROUP_FIGURES) if text.isdecimal() else like(text), escape="\\"))


class OfCourse(ScreenFilter):
    """The course by its number or its title, however it is typed."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(of_course(value))

    def operation(self) -> Any:
        """The operation in words."""
        return _("contains")


class OfKind(Row):
    """The kind of recognition that counts: the registration's own, or that of its group."""

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(of_kind(db.session, value))


class ToSend(ScreenFilter):
    """One of the three tellings is to be sent."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """The tellings, then any of them."""
        return [*((one.name, str(one.label)) for one in Telling), ("any", gettext("any of the three"))]

    def clean(self, value: str) -> list[Telling]:
        """The tellings that are meant; ValueError otherwise."""
        if value != "any" and value not in Telling.__members__:
            raise ValueError(value)
        return list(Telling) if value == "any" else [Telling[value]]

    def apply(self, query: Any, value: list[Telling], alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(or_(*map(to_send, value)))


def of_course(text: str) -> Any:
    """The clause: registrations for the courses that a text means."""
    return Enrolment.course_id.in_(select(Course.id).where(*typed_course(text)))


class OwnRecords(Records):
    """The other records of the student whose registrations are chosen: a plain list of them."""

    def all_rows(self) -> list[SessionRecord]:
        """The next terms first."""
        chosen = (request.form.getlist("rowid") or request.args.getlist("rowid")) if has_request_context() else []
        return other_records(db.session, [int(one) for one in chosen if ROWID.match(one)])

    def format(self, model: SessionRecord | None) -> tuple[int, str] | None:
        """The term and the admission: whose it is stands above."""
        return (model.id, f"{model.term} · {model.admission}") if model is not None else None


class CopyForm(FlaskForm):
    """Into which session record."""

    session_record = RowField(OwnRecords("session_record"), _("[Session record]"), validators=[InputRequired()])


class OverrideForm(FlaskForm):
    """Which field, and the value that takes the place of the inherited one."""

    field = SelectField(_("Field"), validate_choice=False, validators=[InputRequired()])
    value = SelectField(_("Value"), validate_choice=False, validators=[InputRequired()], description=_("One of the values of the field chosen above."))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field.choices = [(name, field_words(name)) for name in INHERITED]
        found: dict[str, list[tuple[str, str]]] = {field_words(name): [] for name in INHERITED}
        lists = {CODES[name]: name for name in INHERITED if name in CODES}
        found[field_words("org_unit")] = [(f"unit-{one.id}", str(one)) for one in db.session.scalars(select(OrgUnit).order_by(OrgUnit.code))]
        for (of, _code), one in read_codes(db.session).items():
            if of in lists and one.retired_at is None:
                found[field_words(lists[of])].append((str(one.id), str(one)))
        self.value.choices = {title: pairs for title, pairs in found.items() if pairs}


class InheritForm(FlaskForm):
    """Which field takes its inherited value back."""

    field = SelectField(_("Field"), validate_choice=False, validators=[InputRequired()])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field.choices = [(name, field_words(name)) for name in (*INHERITED, *(one.state for one in Telling))]


class ReasonForm(FlaskForm):
    """Why a confirmed presence is taken back."""

    reason = StringField(
        _("Reason"), validators=[InputRequired(), Length(max=LONGEST_REASON)], description=_("It stays on the registration and in the history.")
    )


class TransmissionForm(FlaskForm):
    """Which of the three tellings, and where it stands."""

    kind = ChoiceField(_("What is told"), Telling)
    state = ChoiceField(_("State"), Transmission)


def _value(name: str) -> Any:
    """A column's formatter: the code of the value that counts."""

    def words(_view: Any, _context: Any, row: Enrolment, _name: str) -> str:
        value = row.value(name)
        return str(value.code) if value is not None else ""

    return words


def _code(name: str) -> Any:
    """A column's formatter: the code alone."""
    return lambda _view, _context, row, _name: getattr(row, name).code if getattr(row, name) is not None else ""


CODED = {name: _code(name) for name in ("remark", "retake", "prerequisites", "assignment_state", "substitution", "study_situation", "census_status")}


# (the whole label stands in the form and on the page of one registration)
SHORT = {"rac_type": _("RAC"), "remark": _p("column", "Rem."), "census_status": _p("column", "Census")}


GRID = "session_record.admission.grid"  # with it an export, imported again, finds the same registrations


class Enrolments(RegisterPages, ResultPages, GroupLists, ProgrammeWords, EnrolmentForm, Screen):
    """Who is registered for what."""

    model = Enrolment
    name = _("Registrations")
    name_of_one = _("Registration")
    icon = "book"
    add_label = _("Register [a student]")
    empty = {
        "icon": "book",
        "title": _("No registration yet"),
        "sentence": _("A registration is [a course] in the [session record] of [a student]: its [group], its mark, its census."),
    }
    title_column = "student"
    column_list = ("student", "student.local_id", "term", "course", "group_number", "mark", "remark", "rac_type", "census_status", "outcome")
    column_labels = {"student.local_id": _("Local number"), "course.title": _("Title of [the course]"), GRID: _("Grid")}
    short_headings = SHORT
    column_sortable_list = (("student", "student.search_key"), ("term", "term.place"), ("course", "course.number"), "group_number", "mark")
    column_default_sort = [("id", True)]
    column_searchable_list = ("course.number", "student.search_key")
    search_by = (("course", _("[Course]"), of_course), ("student", _("[Student]"), lambda text: of_student(text)))
    search_example = _("601-103-MQ")
    number_columns = ("mark",)
    nowrap_columns = ("student", "student.local_id", "term", "course", "group_number", "rac_type")
    column_formatters = column_formatters_export = {
        "course": lambda _v, _c, row, _n: row.course.number,
        "group_number": lambda _v, _c, row, _n: row.group_number,
        **CODED,
        **{name: _value(name) for name in INHERITED},
        "r_thirds": lambda _v, _c, row, _n: units_words(row.r_thirds),
        **{one.state: (lambda _v, _c, row, _n, one=one: row.transmission(one)) for one in Telling},
    }
    column_details_list = (
        *("student", "term", "course", "course.title", "group_number", "taken", *INHERITED, "prerequisites", "assignment_state", "assignment_priority"),
        *("substitution", "alternative_number", "parent_course", "mark", "weighted_mark", "group_average", "remark", "absences", "r_score", "r_thirds"),
        *("r_mean", "retake", "outcome", "study_situation", "partner", "partner_course", "census_status", "census_by", "census_on", "census_reason"),
        *(name for one in Telling for name in (one.state, one.day)),
    )
    column_export_list = (
        *("student.local_id", "student", GRID, "term", "course", "course.title", "group_number", "taken", *INHERITED, "mark", "weighted_mark"),
        *("group_average", "remark", "absences", "r_score", "r_thirds", "r_mean", "retake", "outcome", "study_situation", "partner", "partner_course"),
        *("census_status", "census_by", "census_on", *(name for one in Telling for name in (one.state, one.day))),
    )
    verb_order = ("confirm_presence", "set_transmission")
    bulk_edit_columns = ("prerequisites", "assignment_state", "assignment_priority", "substitution")

    def __init__(self) -> None:
        self.column_filters = (
            Row(Enrolment.term_id, _("Session"), "term", Term, lambda: db.session.scalars(select(Term).order_by(Term.place.desc()))),
            OfCourse(Enrolment.course_id, _("[Course]"), "course"),
            InGroup(Enrolment.group_number, _("Number of [the group]"), "group"),
            OfKind(Enrolment.rac_type_id, _("Kind of recognition (RAC)"), "rac_type", CodeValue, lambda: kinds(db.session)),
            Row(Enrolment.census_status_id, _("Census status"), "census", CodeValue, lambda: _of_list(CodeList.census_status)),
            Row(Enrolment.remark_id, _("Remark on a result"), "remark", CodeValue, lambda: _of_list(CodeList.remark)),
            "taken",
            "outcome",
            Clause(Enrolment.id, _("Course choice, no [group] yet"), "unassigned", unassigned),
            ToSend(Enrolment.id, _("To send"), "to_send"),
            Clause(Enrolment.id, _("Presence to confirm"), "presence", lambda: unconfirmed(today(zone().key))),
        )
        super().__init__()

    def get_query(self) -> Any:
        """With what the list shows; the codes come once, from the session."""
        return super().get_query().options(*with_shown())

    def prepare_rows(self, rows: list[Any]) -> None:
        """The school's codes, in one statement."""
        read_codes(db.session)

    def scaffold_auto_joins(self) -> list[Any]:
        """None: `with_shown` says them."""
        return []

    def detail_options(self) -> tuple[Any, ...]:
        """As the list."""
        read_codes(db.session)
        return with_shown()

    def export_joins(self) -> tuple[Any, ...]:
        """As the list; each piece of an export begins anew."""
        read_codes(db.session)
        return ()

    def count_text(self, count: int | None) -> str:
        """How many registrations."""
        return "" if count is None else ngettext("%(num)d registration", "%(num)d registrations", count)

    def delete_refusal(self, row: Enrolment) -> str | None:
        """What was transmitted stays."""
        problem = deletion_problem(row)
        return problem.sentence if problem else None

    def on_model_delete(self, model: Enrolment) -> None:
        """The same, at the last moment."""
        problem = deletion_problem(model)
        if problem:
            raise problem

    # -- verbs

    def verb_fits(self, verb: str, row: Enrolment) -> bool:
        """What a registration is ready for."""
        fits = {
            "confirm_presence": row.taken and bool(row.group_number) and row.census_on is None,
            "correct_census": row.census_on is not None,
            "copy": row.taken,
            "override": row.taken,
            "inherit": bool(row.overrides),
            "set_transmission": row.taken,
        }
        return fits.get(verb, True)

    @verb("confirm_presence", _("Confirm the presence"), icon="check", at_once=True)
    def confirm_presence(self, record: Enrolment) -> None:
        """The student attends: by whom and when is written by itself."""
        day = today(zone().key)
        record.confirm_presence(WHO.get().name, day)
        warn_too_early(record.term, day)

    @verb("set_transmission", _("Change a transmission"), ask=TransmissionForm, at_once=True)
    def set_transmission(self, record: Enrolment, kind: Telling, state: Transmission) -> None:
        """Where a telling stands."""
        record.set_transmission(kind, state, today(zone().key))

    @verb("correct_census", _("Correct the census"), ask=ReasonForm, at_once=True)
    def correct_census(self, record: Enrolment, reason: str) -> None:
        """Take a confirmed presence back."""
        record.correct_census(reason, WHO.get().name)

    @verb("copy", _("Copy to another [session record]"), ask=CopyForm, whole=True)
    def copy(self, selection: Selection, session_record: SessionRecord) -> ResponseReturnValue | None:
        """The same course there, without result, census and transmissions; then that record, with what was copied."""
        done = [(row, copy_to(db.session, row, session_record)) for row in selection.records()]
        db.session.flush()
        told = [str(sentence) for _row, made in done if (sentence := doubled(db.session, made))]
        record_rows(db.session, "copy", self.table, [row.id for row, _made in done])
        words, where = ", ".join(str(made) for _row, made in done), f"{session_record.term} · {session_record.admission}"
        flash(gettext("%(names)s copied to the [session record] %(target)s.", names=words, target=where), "success")
        for sentence in told:
            flash(sentence, "warning")
        return redirect(f"{record_url(session_record)}&enrolment={done[-1][1].id}", code=303) if self.may("read", "student") else None

    def prepare_copy(self, selection: Selection, form: CopyForm) -> dict[str, Any]:
        """The only other record is chosen; why there is nothing to choose is said, with where to make one."""
        rows = form.session_record.listed or []
        if rows:
            if form.session_record.data is None and len(rows) == 1:
                form.session_record.data = rows[0]
            return {"left_out": gettext("The result, the absences, the census and the transmissions stay behind."), "verb_label": gettext("Copy")}
        students = {row.student_id: row.student.name for row in selection.records()}
        if len(students) > 1:
            return {"refusal": gettext("Registrations are copied within the [session records] of one [student]: choose those of one [student] only.")}
        ((student_id, name),) = students.items()
        refusal = gettext("%(student)s has no other [session record] under an active admission. Add one, then copy.", student=name)
        if not self.may("create", "session_record"):
            return {"refusal": refusal}
        return {"refusal": refusal, "refusal_link": (url_for("session_record.create_view", student=student_id), gettext("Add [a session record]"))}

    @verb("override", _("Override an inherited value"), ask=OverrideForm, at_once=True)
    def override(self, record: Enrolment, field: str, value: str) -> None:
        """Set aside what a field inherits."""
        record.override(field, _chosen(record, field, value))

    @verb("inherit", _("Take the inherited value back"), ask=InheritForm, at_once=True)
    def inherit(self, record: Enrolment, field: str) -> None:
        """What was set aside goes."""
        record.inherit(field)


def of_student(text: str) -> Any:
    """The clause: registrations of the students whom a text names."""
    return Enrolment.student_id.in_(select(Student.id).where(folded_like(Student.search_key, field_pattern(text))))


def _chosen(record: Enrolment, field: str, value: str) -> Any:
    """The unit or the code that a value names: one that the form offers in this field, or the present one. Refused: any other."""
    kind, _dash, number = value.rpartition("-")
    row = None
    if field in INHERITED and kind == ("unit" if field == "org_unit" else ""):
        held = getattr(record, field)
        row = held if held is not None and str(held.id) == number else LOOKUPS[field].get_one(number)
    if row is None:
        raise Refusal(_("This value is not one of the field “%(field)s”. Choose another."), field=field_words(field) if field in INHERITED else field)
    return row


def _of_list(code_list: CodeList) -> list[CodeValue]:
    return [one for (of, _code), one in read_codes(db.session).items() if of is code_list]


def register(app: Flask, admin: Admin) -> None:
    """The screen of registrations."""
    admin.add_view(Enrolments())
