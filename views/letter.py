"""The screen of the access letter: what it says in each language, how it looks for a real child, one to oneself first."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from wtforms import Form, StringField, TextAreaField

from models.activation import show_code
from models.base import Refusal, today
from models.db import db
from models.letter_fields import FIELDS, blocks, day_in_words, line_of, read_fields, show_fields, values_of
from models.letter_sample import NO_CODE, facts_of, sample_student, window_of, written_to
from models.letter_text import PARTS, LetterText, Texts, checked, far_too_long, languages, lines_too_many, own_texts, text_in_force, tidied
from models.people import Student
from models.school import School
from models.words import in_language
from models.work import JobKind
from views.auth import permitted
from views.base import Screen, gate
from views.colleagues import STUDENT_LOOKUP
from views.fields import RowField
from views.formats import day_of, show_date
from views.i18n import gettext, language_name, ngettext
from views.i18n import lazy_gettext as _
from views.paper_forms import this_school
from views.papers import start
from views.verbs import Selection, verb
from views.version_mark import mark_is_current, version_mark

REGISTER = "/parent/register"


class Letters(Screen):
    """The text of the access letter in each language in which the school writes."""

    model = LetterText
    name = _("Access letter")
    name_of_one = _("Access letter")
    icon = "mail"
    column_list = ("language", "updated_at")
    column_details_list = ()
    lookups = {"child": STUDENT_LOOKUP}

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """The letter of one language, as it would reach a real family."""
        school, language = this_school(), self.language()
        row = own_texts(db.session).get(language)
        student = self.student()
        return self.render(
            "admin/letter/index.html",
            **self.around(school, language),
            row=row,
            since=show_date(day_of(row.updated_at)) if row else "",
            paper=paper_of(school, language, student, text_in_force(db.session, school, language)),
            student=student,
            next_url=self.next_url(".index_view", language, student),
            child=self.chooser() if student is not None else None,
            may_print=permitted("activation_code", "print_letters"),
            may_reset=row is not None and self.may("reset"),
            may_edit_school=permitted("school", "edit"),
            logo=url_for("school.edit_view", id=school.id, part="papers"),
        )

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """The history leads here: to the letter of the row's language."""
        self.need_id()
        return redirect(self.get_url(".index_view", language=self.get_one(request.args["id"]).language))

    @expose("/edit/", methods=("GET", "POST"))
    @gate("edit")
    def edit_view(self) -> ResponseReturnValue:
        """The five parts of the letter of one language, beside what they give."""
        school = this_school()
        language = self.get_one(request.args["id"]).language if "id" in request.args else self.language()
        row = own_texts(db.session).get(language)
        student = self.student()
        form = letter_form(text_in_force(db.session, school, language))
        texts = read(form, language, strict=False)
        status = 422 if form.errors else 200
        if request.method == "POST" and "_preview" not in request.form:
            try:
                answer = self.take(form, language, row, student)
            except Refusal as refusal:
                flash(refusal.sentence, "danger")
                answer = None
            if answer is not None:
                return answer
            status = 409 if not form.errors else 422
        return self.render(
            "admin/letter/edit.html",
            **self.around(school, language),
            form=form,
            form_groups=[("", [(field, 12) for field in form])],
            form_hidden=[("row_version", version_mark(row) if row else "")],
            save_label=gettext("Save the letter"),
            return_url=self.get_url(".index_view", language=language),
            insertable=[(f"[[{field.word}]]", str(field.label)) for field in FIELDS.values()],
            paper=paper_of(school, language, student, texts),
            student=student,
            next_url=self.next_url(".edit_view", language, student),
            may_print=permitted("activation_code", "print_letters"),
        ), status

    def take(self, form: Form, language: str, row: LetterText | None, student: Student | None) -> ResponseReturnValue | None:
        """Save what was typed, or print one specimen of it; None when something of it is refused, beside its field."""
        texts = read(form, language, strict=True)
        if form.errors:
            return None
        if "_specimen" in request.form:
            return specimen(gettext("Specimen"), student=student.id if student else 0, language=language, texts=dict(texts))
        given = request.form.get("row_version") or ""
        if (row is None and given) or (row is not None and not mark_is_current(given, row)):
            raise Refusal(_("Somebody changed this letter while you were writing. What you typed is below: compare it with theirs, then save again."))
        if row is None:
            row = LetterText(language=language)
            db.session.add(row)
        row.write(texts)
        db.session.commit()
        flash(gettext("The letter is saved. It is printed so from now on."), "success")
        return redirect(self.get_url(".index_view", language=language), code=303)

    @expose("/specimen/", methods=("POST",))
    @gate("print_letters", "activation_code")
    def specimen_view(self) -> ResponseReturnValue:
        """One letter of a real child to oneself, as the letters are printed today."""
        student = self.student()
        if student is None:
            abort(404)
        return specimen(gettext("Specimen"), student=student.id, language=self.language())

    @verb(
        "reset",
        _("Take the delivered letter back"),
        confirm=_("The text that comes with the application is printed again. The text of [the school] can be brought back from the trash for 30 days."),
    )
    def reset(self, record: LetterText) -> None:
        """Without a text of its own, the school prints the delivered one."""
        record.reset()

    def prepare_reset(self, selection: Selection, form: Any) -> dict[str, Any]:
        """Which one."""
        names = [language_name(row.language) for row in selection.records()]
        return {"title": gettext("Take the delivered letter back?"), "count": None, "count_sentence": "", "told": [{"sentence": names[0], "names": []}]}

    # -- what the pages share

    def language(self) -> str:
        """The language asked for, else the school's. 404 for one in which no letter is written."""
        school = this_school()
        chosen = request.args.get("language") or school.language
        if chosen not in languages(school):
            abort(404)
        return chosen

    def student(self) -> Student | None:
        """The child for whom the letter is shown: the named one, else the first."""
        named = request.args.get("student", "")
        if not permitted("student", "read"):
            return None
        found = int(named) if named.isdecimal() and len(named) < 10 else None
        return sample_student(db.session, found)

    def chooser(self) -> RowField:
        """The look-up of the child to show; without script, what its search found."""
        form: Any = type("ChildForm", (Form,), {"student": RowField(self._form_ajax_refs["child"], _("Another [student]"), allow_blank=True)})()
        field: RowField = form.student
        if request.args.get("_look") == "student":
            field.look(request.args.get("look-student", ""))
        return field

    def next_url(self, endpoint: str, language: str, student: Student | None) -> str:
        """The same page with another child; empty where there is none."""
        other = sample_student(db.session, after=student) if student is not None else None
        return str(self.get_url(endpoint, language=language, student=other.id)) if other is not None and other is not student else ""

    def around(self, school: School, language: str) -> dict[str, Any]:
        """The languages as tabs."""
        own = own_texts(db.session)
        tabs = [
            {"label": language_name(name), "url": self.get_url(".index_view", language=name), "current": name == language, "n": None}
            for name in languages(school)
        ]
        return {"tabs": tabs, "language": language, "language_words": language_name(language), "own": own}


def letter_form(texts: Texts) -> Form:
    """A form of the five parts, holding what is in force, its fields by their words."""
    fields: dict[str, Any] = {}
    for part in PARTS:
        room = ngettext("At most %(num)d character.", "At most %(num)d characters.", part.longest)
        kind = StringField if part.rows == 1 else TextAreaField
        said = f"{part.help} {room}".strip()
        fields[part.key] = kind(part.label, default=show_fields(texts[part.key]), description=said, render_kw={"rows": part.rows, "data-letter": ""})
    form: Form = type("LetterForm", (Form,), fields)(request.form if request.method == "POST" else None)
    return form


def read(form: Form, language: str, *, strict: bool) -> dict[str, str]:
    """What was typed, as it is kept. `strict`: what is refused is told beside its field; otherwise it stands as it is typed. What is far too
    long is told in any case, and left out."""
    found = {}
    for part in PARTS:
        field, typed = form[part.key], form[part.key].data or ""
        try:
            found[part.key] = checked(part, typed, language)
        except Refusal as refusal:
            far = far_too_long(part, typed)
            found[part.key] = "" if far else read_fields(tidied(part, typed), language, strict=False)
            if strict or far:
                field.errors = [refusal.sentence]
    return found


def specimen(note: str, **params: Any) -> ResponseReturnValue:
    """Ask for one letter that opens nothing, and lead to the page of the work, which opens the paper."""
    answer = start(JobKind.print_specimen, params, 1, note)
    db.session.commit()
    return answer


def paper_of(school: School, language: str, student: Student | None, texts: Texts) -> dict[str, Any] | None:
    """The letter as the screen draws it; None where there is no child to write about."""
    if student is None:
        return None
    guardian = written_to(db.session, student) if permitted("guardian", "read") else None
    address = str(current_app.config.get("BASE_URL") or "").split("://", 1)[-1] + REGISTER
    with in_language(language):
        values = values_of(facts_of(school, student, guardian, code=show_code(NO_CODE), address=address), language)
        date = day_in_words(today(school.time_zone), language)
        return {
            "language": language.replace("_", "-"),
            "school": school.name,
            "lines": [", ".join(school.address_lines), " · ".join(part for part in (school.phone, school.email) if part)],
            "logo": url_for("school.logo_view", v=school.logo_digest[:8]) if school.logo_digest and permitted("school", "read") else "",
            "to": [
                *([f"{guardian.title} {guardian.name}".strip()] if guardian else [gettext("To the [guardians] of the [student]"), student.name]),
                *window_of(school.country, student, guardian, language),
            ],
            "dateline": gettext("%(town)s, %(date)s", town=school.town, date=date) if school.town else date,
            "subject": line_of(texts["subject"], values),
            "opening": blocks(texts["opening"], values),
            "code_label": gettext("Your activation code"),
            "code": show_code(NO_CODE),
            "code_note": gettext("To be used once, before %(date)s.", date=values["until"]),
            "after": [*blocks(texts["body"], values), *blocks(texts["closing"], values)],
            "signature": blocks(texts["sign_off"], values),
            "too_many": lines_too_many(texts, school.country),
        }


def register(app: Flask, admin: Admin) -> None:
    """The screen of the letter."""
    admin.add_view(Letters())
