"""The page of the settings: one form for each section, written from the declarations; whoever may not change them reads the same page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField, StringField

from models import settings, two_factor
from models.base import Refusal
from models.db import db
from models.journal import record
from models.scope import current_school_id
from models.settings import DECLARED, SECTIONS, ChangedMeanwhile, Declared, NotAllowed, Section, Setting, Shown
from views.base import Screen, gate
from views.doors import options
from views.formats import number, show, show_instant
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _


@dataclass(frozen=True)
class Line:
    """One setting on the page: its field, what holds without a choice of the school, who chose, and what holds where it was typed otherwise."""

    shown: Shown
    field: Any
    value: Any
    default: Any
    changed_by: str
    meanwhile: Any = None


@dataclass(frozen=True)
class Part:
    """One section: its form, and the mark of what it was opened on."""

    section: Section
    form: Any
    lines: tuple[Line, ...]
    mark: str

    @property
    def differs(self) -> bool:
        """Whether the school has chosen anything here."""
        return any(line.shown.differs for line in self.lines)


def _field(one: Declared) -> Any:
    if one.kind == "bool":
        return BooleanField(one.label, description=one.help)
    if one.kind == "choice":
        return RadioField(one.label, choices=options([(value, label) for value, label, _hint in one.choices]), description=one.help)
    numbers = {"type": "number", "inputmode": "numeric", "min": one.low, "max": one.high, "required": True}
    return StringField(one.label, description=one.help, render_kw=numbers)


def in_words(one: Declared, value: Any) -> str:
    """A value with its unit."""
    words = number(value) if one.kind == "int" else show(one.words(value))
    return gettext("%(number)s %(unit)s", number=words, unit=one.unit) if one.unit else str(words)


def told(row_id: int, kept: Any) -> Any:
    """What a row of the settings held, for the history: nothing is the default."""
    row = db.session.get(Setting, row_id)
    return kept or "" if row is None else in_words(row.declared, row.declared.stored(kept))


class Settings(Screen):
    """What the school chooses among what the application allows."""

    model = Setting
    name = _("Options and security")
    name_of_one = _("Option")
    icon = "lock"
    column_list = ("key", "value", "updated_at")
    column_searchable_list = ("key",)

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """All sections."""
        return self.page()

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """A setting has no page of its own: its place on the page (the history leads here)."""
        self.need_id()
        row = self.get_one(request.args["id"])
        return redirect(self.get_url(".index_view", _anchor=f"setting-{row.key}"))

    @expose("/save/", methods=("POST",))
    @gate("edit")
    def save_view(self) -> ResponseReturnValue:
        """One section as it was typed; nothing of it when one of its values cannot be."""
        section = self.posted_section()
        sent = {one.key: request.form.get(one.key, "") for one in settings.in_section(section) if one.key in request.form or one.kind == "bool"}
        before = settings.value("two_factor")
        try:
            done = settings.save(db.session, section, sent, request.form.get("mark", ""))
            if settings.value("two_factor") == "staff" != before and request.form.get("_sure") != "1":
                db.session.rollback()
                return self.ask_everybody(section, sent)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            return self.page(section, refusal), 409 if isinstance(refusal, ChangedMeanwhile) else 422
        flash(gettext("Saved.") if done else gettext("Nothing was changed."), "success" if done else "info")
        return redirect(self.get_url(".index_view", _anchor=f"section-{section}"), code=303)

    def ask_everybody(self, section: str, sent: dict[str, str]) -> str:
        """Before a second step is asked of all colleagues: how many have none, and what their next page will be. What was typed is kept."""
        concerned = two_factor.still_without(current_school_id())
        typed = [(key, text) for key, text in sent.items() if text]
        return self.render(
            "admin/model/ask.html",
            title=gettext("Make the second step compulsory for the staff?"),
            count=number(concerned),
            count_sentence=ngettext("colleague has no second step yet.", "colleagues have no second step yet.", concerned),
            left_out=gettext(
                "The next page that each of them opens is that of the second step: nothing else opens before a phone is set up. What they were typing is kept. "
                "If you have none yet, you begin."
            ),
            verb_label=gettext("Make it compulsory"),
            ask_url=self.get_url(".save_view"),
            hidden=[("section", section), ("mark", request.form.get("mark", "")), *typed, ("_sure", "1")],
            back_url=self.get_url(".index_view", _anchor=f"section-{section}"),
            back_label=gettext("Back without saving"),
        )

    @expose("/reset/", methods=("POST",))
    @gate("reset")
    def reset_view(self) -> ResponseReturnValue:
        """One setting (`key`), or a whole section (`section`), as by default again."""
        key = request.form.get("key", "")
        if key and key not in DECLARED:
            abort(400)
        section = DECLARED[key].section if key else self.posted_section()
        try:
            for row in settings.reset(db.session, [key] if key else [one.key for one in settings.in_section(section)]):
                record(db.session, "reset", self.table, row.id)
            db.session.commit()
            flash(gettext("The default holds again."), "success")
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "info")
        return redirect(self.get_url(".index_view", _anchor=f"setting-{key}" if key else f"section-{section}"), code=303)

    def posted_section(self) -> str:
        """The section that the form is about."""
        section = request.form.get("section", "")
        if section not in SECTIONS:
            abort(400)
        return section

    def page(self, wrong: str = "", refusal: Refusal | None = None) -> str:
        """Every section as it holds; the one that could not be saved as it was typed, with what is wrong."""
        found = settings.shown(db.session)
        parts = [self.part(SECTIONS[key], shown, refusal if key == wrong else None) for key, shown in found.items() if shown]
        return self.render("admin/setting/page.html", parts=parts, may_edit=self.may("edit"), may_reset=self.may("reset"))

    def part(self, section: Section, shown: list[Shown], refusal: Refusal | None) -> Part:
        """A section with its form: what holds, or what was typed when it could not be saved."""
        fields = {one.declared.key: _field(one.declared) for one in shown}
        typed = MultiDict(request.form) if refusal is not None else None
        values = {one.declared.key: one.value if one.declared.kind == "bool" else str(one.value) for one in shown}
        form = type("SectionForm", (BaseForm,), fields)(typed, data=values)
        if refusal is not None:
            self.tell(form, refusal)
        meanwhile = {} if not isinstance(refusal, ChangedMeanwhile) else {key for key, value in values.items() if form[key].data != value}
        lines = tuple(self.line(one, form[one.declared.key], one.declared.key in meanwhile) for one in shown)
        return Part(section, form, lines, settings.mark_of(shown))

    @staticmethod
    def tell(form: Any, refusal: Refusal) -> None:
        """What is wrong, on its fields or above them."""
        if not isinstance(refusal, NotAllowed):
            form.form_errors.append(refusal.sentence)
            return
        for key, sentence in refusal.problems.items():
            form[key].errors = [sentence]

    @staticmethod
    def line(one: Shown, field: Any, meanwhile: bool) -> Line:
        """One setting in words."""
        if one.declared.kind == "choice":
            field.hints = {value: hint for value, _label, hint in one.declared.choices}
        who = ""
        if one.row is not None and one.differs:
            when = show_instant(one.row.updated_at)
            who = gettext("changed by %(name)s, %(when)s", name=str(one.row.by), when=when) if one.row.by else gettext("changed on %(when)s", when=when)
        value = in_words(one.declared, one.value)
        return Line(one, field, value, in_words(one.declared, one.declared.default), who, value if meanwhile else None)


def register(_app: Flask, admin: Admin) -> None:
    """The page of the settings."""
    admin.add_view(Settings())
