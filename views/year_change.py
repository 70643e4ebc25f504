"""The change of school year, step by step: the new year, levels and classes, the numbers, then one job."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import DateField, StringField
from wtforms.validators import InputRequired, Length

from models.base import Refusal, today
from models.db import db
from models.people import Student
from models.school import School
from models.school_year import NOTICE
from models.scope import current_school_id
from models.studies import Programme
from models.year_change import LONGEST_CLASS, LONGEST_NAME, Choices, YearPlan, begin, change_year, under_way
from models.year_proposals import LEAVE, STAY, classes_of, next_year, programmes_of, propose_class, propose_levels, taught, year_ending
from views.base import gate
from views.colleagues import STUDENT_LOOKUP
from views.fields import Lookup, RowsField, looked_up
from views.formats import show, zone
from views.i18n import gettext
from views.i18n import lazy_gettext as _

MOST_PROGRAMMES = 500
_PROGRAMME = re.compile(r"programme_\d{1,18}")
_CLASS = re.compile(r"class_\d{1,18}")
STEPS = ("year", "places", "check")


class YearForm(FlaskForm):
    """The year that begins."""

    name = StringField(_("Name of the new year"), validators=[InputRequired(), Length(max=LONGEST_NAME)])
    begins_on = DateField(_("First day"), validators=[InputRequired()])
    ends_on = DateField(_("Last day"), validators=[InputRequired()])


class ExceptionsForm(FlaskForm):
    """Whoever does not do as their level."""

    leaving = RowsField(Lookup("leaving", *STUDENT_LOOKUP), _("Leave too"), description=_("Whatever their [level]."))
    repeating = RowsField(
        Lookup("repeating", *STUDENT_LOOKUP), _("Repeat the year"), description=_("They keep their [level] and wait for a class, even where the others leave.")
    )


class YearChangePages:
    """Mixed into the screen of school years."""

    get_url: Any
    render: Any

    @expose("/change_year/", methods=("GET", "POST"))
    @gate("change_year")
    def change_year_view(self) -> ResponseReturnValue:
        """One address for all steps; what was chosen travels in the page until it is confirmed. Nothing is written before that."""
        school = db.session.get_one(School, current_school_id())
        if request.method == "GET":
            job = under_way(db.session)
            return redirect(url_for("job.details_view", id=job.id)) if job is not None else self._year(school)
        step = request.form.get("step", "")
        if step not in STEPS:
            abort(400)
        if step == "year":
            return self._after_year(school)
        try:
            kept = Choices.unpacked(request.form.get("choices", ""))
        except Refusal as refusal:
            flash(refusal.sentence, "danger")
            return self._year(school, status=400)
        if "_back" in request.form:
            return self._year(school, kept) if step == "places" else self._places(school, kept)
        return self._after_places(school, kept) if step == "places" else self._confirm(kept)

    # -- the new year

    def _year(self, school: School, kept: Choices | None = None, form: YearForm | None = None, status: int = 200) -> ResponseReturnValue:
        old = year_ending(db.session, school)
        if form is None:
            proposed = kept or next_year(db.session, school, old)
            form = YearForm(formdata=None, data={"name": proposed.name, "begins_on": proposed.begins_on, "ends_on": proposed.ends_on})
        return self._page("year", status, old=old, form=form)

    def _after_year(self, school: School) -> ResponseReturnValue:
        form = YearForm()
        if not form.validate():
            return self._year(school, form=form, status=422)
        name, begins_on, ends_on = form.name.data, form.begins_on.data, form.ends_on.data
        if name is None or begins_on is None or ends_on is None:  # the form has refused that already
            return self._year(school, form=form, status=422)
        try:
            chosen = Choices(name, begins_on, ends_on)
            change_year(db.session, chosen)  # its days are judged before anything else is asked
        except Refusal as refusal:
            form.begins_on.errors = [refusal.sentence]
            return self._year(school, form=form, status=422)
        return self._places(school, chosen)

    # -- levels and classes

    def _places(self, school: School, chosen: Choices, exceptions: ExceptionsForm | None = None, status: int = 200) -> ResponseReturnValue:
        levels = taught(db.session)
        known = {level.id: level for level in levels}
        following = chosen.levels or propose_levels(levels, school.country)
        rows = []
        for group, n, level_id in classes_of(db.session):
            if n:
                level = known.get(level_id) if level_id is not None else None
                proposed = propose_class(group.name, level, following.get(level_id, STAY) if level_id is not None else STAY, known)
                rows.append({"group": group, "n": n, "level": level, "to": chosen.classes.get(group.id, proposed)})
        if exceptions is None:
            people = {s.id: s for s in db.session.scalars(select(Student).where(Student.id.in_([*chosen.leaving, *chosen.repeating])))}
            data = {name: [people[i] for i in getattr(chosen, name) if i in people] for name in ("leaving", "repeating")}
            exceptions = ExceptionsForm(formdata=None, data=data)
        return self._page(
            "places",
            status,
            chosen=chosen,
            levels=[(level, following.get(level.id, STAY)) for level in levels],
            offered=[level for level in levels if not level.retired_at],
            classes=rows,
            programmes=[(one, n, chosen.programmes.get(one.id, to)) for one, n, to in programmes_of(db.session, following, known)],
            taught=list(db.session.scalars(select(Programme).where(Programme.retired_at.is_(None)).order_by(Programme.code).limit(MOST_PROGRAMMES))),
            form=exceptions,
        )

    def _after_places(self, school: School, kept: Choices) -> ResponseReturnValue:
        form = ExceptionsForm()
        levels = {level.id: request.form.get(f"level_{level.id}", STAY) for level in taught(db.session)}
        typed = {key: value for key, value in request.form.items() if _CLASS.fullmatch(key)}
        classes = {int(key.removeprefix("class_")): value.strip()[:LONGEST_CLASS] for key, value in typed.items()}
        programmes = {int(key.removeprefix("programme_")): value for key, value in request.form.items() if _PROGRAMME.fullmatch(key)}
        people = {name: tuple(student.id for student in form[name].data or ()) for name in ("leaving", "repeating")}
        try:
            chosen = Choices(kept.name, kept.begins_on, kept.ends_on, levels, classes, programmes=programmes, **people)
        except Refusal as refusal:
            flash(refusal.sentence, "danger")
            return self._places(school, kept, form, 422)
        if looked_up(form):
            return self._places(school, chosen, form)
        if not form.validate():
            return self._places(school, chosen, form, 422)
        try:
            return self._check(chosen, change_year(db.session, chosen))
        except Refusal as refusal:
            flash(refusal.sentence, "danger")
            return self._places(school, chosen, form, 422)

    # -- the numbers

    def _check(self, chosen: Choices, plan: YearPlan, status: int = 200, problem: str = "") -> ResponseReturnValue:
        early = plan.old.ends_on > today(zone().key) + NOTICE
        return self._page("check", status, chosen=chosen, plan=plan, problem=problem, leave=LEAVE, early=early)

    def _confirm(self, chosen: Choices) -> ResponseReturnValue:
        job = under_way(db.session)
        if job is not None:  # a second click, or a colleague
            return redirect(url_for("job.details_view", id=job.id), code=303)
        try:
            plan = change_year(db.session, chosen)
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(self.get_url(".change_year_view"), code=303)
        if plan.digest != request.form.get("digest", ""):
            flash(gettext("Something was changed since you read the numbers. Nothing was written: check the new numbers, then confirm."), "warning")
            return self._check(chosen, plan, 409)
        if plan.must_type and request.form.get("typed", "").strip() != str(plan.leaving):
            return self._check(chosen, plan, 422, gettext("Type %(num)s to confirm.", num=plan.leaving))
        job = begin(plan, chosen)
        db.session.commit()
        return redirect(url_for("job.details_view", id=job.id), code=303)

    def _page(self, step: str, status: int, **context: Any) -> ResponseReturnValue:
        if "chosen" in context:
            context["choices"] = json.dumps(context["chosen"].packed(), ensure_ascii=False)
        names = [gettext("New year"), gettext("[Levels] and classes"), gettext("Check")]
        frame = {"step_names": names, "step_number": STEPS.index(step) + 1, "steps_url": self.get_url(".change_year_view"), "show": show}
        page = self.render(f"admin/school_year/{step}.html", **frame, **context)
        return (page, status) if status != 200 else page
