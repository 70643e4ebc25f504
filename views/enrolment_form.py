"""The form of a registration (features S2-50 to S2-84), in the order and the groups of the users' own screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, flash, g, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import get_history
from wtforms.validators import InputRequired, Optional, ValidationError

from models.admissions import Admission
from models.base import Refusal, today
from models.codes import default_code
from models.db import db
from models.enrolment_choices import lines_of
from models.enrolment_rules import RECOGNISED, check, doubled, warnings
from models.enrolments import CODES, INHERITED, USUAL, WITHOUT_RESULT, Enrolment
from models.session_records import SessionRecord, need_active
from models.transmissions import Telling
from views import checks
from views.base import gate
from views.choose_first import choose_first
from views.course_lookup import CourseLookup
from views.courses import UnitsField, units_words
from views.enrolment_fields import AsideField, Codes, CountField, InheritedField, Records, ScoreField, TellingField, Units, by_model
from views.enrolment_page import NOT_TAKEN, SENT, EnrolmentPage
from views.fields import RowField
from views.formats import zone
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.masks import use_programme
from views.saving import own_path

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object


def inheriting(lookup: Any) -> Any:
    """The same look-up for a value that is inherited unless it is set aside."""
    lookup.field = InheritedField
    return lookup


LOOKUPS: dict[str, Any] = {
    "course": CourseLookup(),
    "parent_course": CourseLookup("parent_course"),
    "record": Records("record"),  # of the questions, not of the form
    **{name: inheriting(Units(name) if name == "org_unit" else Codes(name, CODES[name])) for name in INHERITED},
    **{name: Codes(name, code_list) for name, code_list in CODES.items() if name not in INHERITED},
}


WHOSE = _("Type the name or the number of the [student].")


class RecordForm(FlaskForm):
    """Whose registration, in which term."""

    record = RowField(Records("record"), _("[Session record]"), validators=[InputRequired()], description=WHOSE)


# -- what is told at a field


def group_of_course(form: Any, field: Any) -> None:
    """A number of a group, or the tick that there is none yet: never both, never neither."""
    typed, none_yet = (field.data or "").strip(), form.unassigned.data
    if typed and none_yet:
        raise ValidationError(gettext("A [group] is typed, and “no [group] yet” is ticked. Keep one of the two."))
    if not typed and not none_yet:
        raise ValidationError(gettext("Type the number of the [group], or tick “no [group] yet”."))
    if typed:
        checks.group_number(form, field)


def _kind(form: Any) -> Any:
    """The kind of recognition that the form means: the chosen one, else that of the group."""
    chosen = form.rac_type.data if "rac_type" in form else None
    if chosen is not None or form.course.data is None:
        return chosen
    number = (form.group_number.data or "").strip().zfill(5)
    return next((line.rac_type for line in lines_of(db.session, form.course.data.id) if line.number == number), None)


def mark_of_kind(form: Any, field: Any) -> None:
    """No mark is recorded for EE SR."""
    kind = _kind(form) if field.data is not None else None
    if kind is not None and kind.code == WITHOUT_RESULT:
        raise ValidationError(gettext("EE SR is given without a mark. Empty the mark, or change the [group] or the kind."))


def partner_of_situation(form: Any, field: Any) -> None:
    """A situation of studies needs its partner, and the other way round."""
    if form.study_situation.data is not None and field.data is None:
        raise ValidationError(gettext("Choose the partner organisation: the situation of studies needs it."))
    if form.study_situation.data is None and field.data is not None:
        raise ValidationError(gettext("Choose the situation of studies, CR or CS, or empty the partner organisation."))


def recognition(form: Any, field: Any) -> None:
    """A course that is not taken is recognised by its remark."""
    if "group_number" not in form and (field.data is None or field.data.code not in RECOGNISED):
        raise ValidationError(gettext("Choose the remark that recognises [the course]: EQ, DI or SU."))


class EnrolmentForm(EnrolmentPage, Base):
    """The form half of the screen of registrations."""

    create_template = form_template = "admin/enrolment/form.html"
    details_template = "admin/enrolment/details.html"
    lookups = LOOKUPS
    form_columns = (
        *("course", "group_number", "unassigned", *INHERITED, "prerequisites", "assignment_state", "assignment_priority", "substitution", "alternative_number"),
        *("parent_course", "mark", "weighted_mark", "group_average", "remark", "absences", "r_score", "r_thirds", "r_mean", "retake"),
        *(*SENT, "study_situation", "partner", "partner_course"),
    )
    form_extra_fields = {"unassigned": AsideField(_("No [group] yet (course choice)"))}
    form_overrides = {
        **dict.fromkeys(("weighted_mark", "group_average", "r_score", "r_mean"), ScoreField),
        **dict.fromkeys(SENT, TellingField),
        "r_thirds": UnitsField,
        "assignment_priority": CountField,
    }
    form_args = {
        "group_number": {"validators": [group_of_course]},
        "mark": {"validators": [by_model, mark_of_kind]},
        "absences": {"validators": [by_model]},
        **{name: {"validators": [Optional(), by_model]} for name in ("weighted_mark", "group_average", "r_score", "r_mean")},
        "remark": {"validators": [recognition]},
        "partner": {"validators": [partner_of_situation]},
        "assignment_priority": {"description": _("Usual value: 0.")},
        "r_thirds": {"description": _("By thirds: 4, 4.33, 4.66 or 4 1/3.")},
    }
    form_widget_args = {
        **{name: {"inputmode": "numeric"} for name in ("group_number", "mark", "absences", "assignment_priority")},
        **{name: {"inputmode": "decimal"} for name in ("weighted_mark", "group_average", "r_score", "r_mean")},
    }

    # -- which record

    def record_asked(self) -> SessionRecord:
        """The session record under which one registers; 404 for one that does not exist for the person."""
        given = request.args.get("record", "")
        if not given.isdecimal() or len(given) > 9:
            abort(404)
        admission = joinedload(SessionRecord.admission)
        under = (admission.joinedload(one) for one in (Admission.programme, Admission.org_unit, Admission.grid))
        shown = (joinedload(SessionRecord.student), joinedload(SessionRecord.term), *under)
        with db.session.no_autoflush:
            found = db.session.scalar(select(SessionRecord).where(SessionRecord.id == int(given)).options(*shown))
        return found or abort(404)

    @property
    def is_taken(self) -> bool:
        """Whether the new registration is one that is taken (`?taken=0`: not)."""
        return request.args.get("taken") != "0"

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """A registration in a session record; without one it is asked for. Refused under an admission that is not active, with what to do."""
        if "record" not in request.args:
            return choose_first(self, RecordForm(), "record")
        record = self.record_asked()
        use_programme(record.admission.programme_id)
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        try:
            need_active(record.admission)
        except Refusal as refusal:
            page = self.render("admin/enrolment/refused.html", refusal=refusal.sentence, record=record, back_url=back)
            return page, 422 if request.method == "POST" else 200
        answer = super().create_view()
        if g.get("made") and "_add_another" in request.form:
            again = self.get_url(".create_view", record=record.id, taken=None if self.is_taken else 0, url=back)
            return redirect(again, code=302)
        return answer

    # -- the form

    def create_form(self, obj: Any = None) -> Any:
        """An empty form of the record that the address names."""
        form = super().create_form(obj)
        if request.method == "GET":
            for name in USUAL:
                if name in form:
                    form[name].data = default_code(db.session, CODES[name])
        return self.tailored(form, self.is_taken)

    def edit_form(self, obj: Any = None) -> Any:
        """The form of a registration."""
        form = super().edit_form(obj)
        if request.method == "GET":
            form.unassigned.data = not obj.group_number
        return self.tailored(form, obj.taken)

    def tailored(self, form: Any, taken: bool) -> Any:
        """Without what is not the person's to change, and without what a course that is not taken does not have."""
        names = {name for name in self.form_columns if not taken and name not in NOT_TAKEN}
        names |= set(INHERITED) if not self.may("override") else set()
        names |= set(SENT) if not self.may("set_transmission") else set()
        for name in names:
            if name in form:
                delattr(form, name)
        for name in ("group_number", "remark", "partner"):  # an empty one is for the validator to judge
            if name in form:
                form[name].validators = [one for one in form[name].validators if not isinstance(one, Optional)]
        if taken:
            form.group_number.flags.needed = True
        else:
            form.remark.flags.needed = True
            form.remark.loader = Codes("remark", CODES["remark"], RECOGNISED)
        return form

    def on_model_change(self, form: Any, model: Enrolment, is_created: bool) -> None:
        """The rules, then the transmissions by their verb; the correspondence is read by the number that was typed."""
        if is_created:
            model.session_record, model.taken = self.record_asked(), self.is_taken
        elif "unassigned" in form and form.unassigned.data:
            model.group_number = ""
        with db.session.no_autoflush:
            check(db.session, model, new=is_created)
            changed = is_created or any(get_history(model, name).has_changes() for name in ("course", "group_number"))
            g.doubled = doubled(db.session, model) if changed else None
        for telling in Telling:
            if telling.state not in form or form[telling.state].data is getattr(model, telling.state):
                continue
            if form[telling.state].data is None:
                model.inherit(telling.state)
            else:
                model.set_transmission(telling, form[telling.state].data, today(zone().key))

    def after_model_change(self, form: Any, model: Enrolment, is_created: bool) -> None:
        """What is unusual without being wrong."""
        for sentence in [*([g.doubled] if g.get("doubled") else []), *warnings(model)]:
            flash(str(sentence), "warning")
        lines = lines_of(db.session, model.course_id) if model.group_number else []
        if lines and model.group_number not in [line.number for line in lines]:
            numbers = ", ".join(line.number for line in lines)
            sentence = gettext("The [group] %(group)s is not in the correspondence of this [course]: %(numbers)s.", group=model.group_number, numbers=numbers)
            flash(sentence, "warning")

    # -- what a course proposes

    @expose("/groups/")
    @gate("read", "rac_group")
    def groups_view(self) -> ResponseReturnValue:
        """The lines of the correspondence of a course, its category and its units, for the form that is being filled in."""
        given = request.args.get("course", "")
        course = LOOKUPS["course"].get_one(given) if given.isdecimal() else None
        if course is None:
            abort(404)
        lines = [{"number": line.number, "kind": str(line.rac_type)} for line in lines_of(db.session, course.id)]
        category = str(course.category) if course.category is not None else ""
        return jsonify(lines=lines, category=category, units=units_words(course.unit_thirds))
