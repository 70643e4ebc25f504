"""The questions before a paper is printed: which columns, to whom, on which sheet, for which year."""

from __future__ import annotations

from typing import Any

from flask import request
from wtforms import BooleanField, RadioField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from models.addresses import USUAL_SHEET, LabelSheet, LabelTo
from models.class_lists import MOST_BLANKS, ListOrder, open_columns
from models.db import db
from models.papers import year_words
from models.school import Country, School
from models.scope import WHO, current_school_id
from models.values import one_line, visible
from models.year_proposals import year_ending
from views.account import LANGUAGES
from views.auth import permitted
from views.doors import options
from views.fields import NumberField
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.question_forms import QuestionForm

USUAL_COLUMNS = ("number", "born_on", "klass")
SHIFT = 20  # millimetres
LONGEST_TITLE, LONGEST_HEADING = 80, 30


def this_school() -> School:
    """The school of the person."""
    return db.session.get_one(School, current_school_id())


def _tidy(text: str | None) -> str:
    return visible(one_line(text or "")).strip()


def _number(low: int, high: int) -> dict[str, Any]:
    return {"type": "number", "min": low, "max": high, "inputmode": "numeric" if low >= 0 else "text"}


class ClassListForm(QuestionForm):
    """Which columns, in which order, on which paper."""

    title = StringField(_("Title"), filters=[_tidy], validators=[Length(max=LONGEST_TITLE)])
    columns = SelectMultipleField(_("Columns beside the names"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput())
    blanks = NumberField(
        _("Empty columns"),
        validators=[InputRequired(), NumberRange(0, MOST_BLANKS, _("From 0 to %(max)d empty columns. Type a number in that range.", max=MOST_BLANKS))],
        render_kw=_number(0, MOST_BLANKS),
    )
    headings = StringField(
        _("Headings of the empty columns"), filters=[_tidy], description=_("Separated by semicolons. Without a heading, the column is left to the pen.")
    )
    order = RadioField(_("Order"))
    landscape = RadioField(_("Orientation"))
    apart = BooleanField(_("A new page for each class"))

    def __init__(self) -> None:
        super().__init__()
        self.columns.choices = options((column.name, column.label) for column in open_columns(WHO.get().roles))
        self.order.choices = options((order.name, order.label) for order in ListOrder)
        self.landscape.choices = options((("0", gettext("Portrait")), ("1", gettext("Landscape"))))
        # A button elsewhere (a group's page) may have named the list.
        self.usual(title=_tidy(request.form.get("title"))[:LONGEST_TITLE], columns=list(USUAL_COLUMNS), blanks=0, order=ListOrder.by_name.name, landscape="0")


def list_params(*, columns: list[str], blanks: int, headings: str, landscape: str, **rest: Any) -> dict[str, Any]:
    """The answers of a class list as its job needs them; a heading too many makes a column more."""
    typed = [heading.strip()[:LONGEST_HEADING] for heading in headings.split(";")][:MOST_BLANKS] if headings else []
    return {**rest, "columns": columns, "blanks": max(blanks, len(typed)), "headings": typed, "landscape": landscape == "1"}


_SHIFTED = NumberRange(-SHIFT, SHIFT, _("From %(min)d to %(max)d mm. Type a number in that range.", min=-SHIFT, max=SHIFT))


class LabelsForm(QuestionForm):
    """To whom, on which sheet, from which label on."""

    to = RadioField(_("To whom?"))
    sheet = RadioField(_("Sheet of labels"))
    first = NumberField(
        _("First free label"),
        validators=[InputRequired()],
        description=_("On a sheet already begun: count line by line, from the top left."),
        render_kw=_number(1, 30),
    )
    right = NumberField(
        _("Move to the right (mm)"),
        validators=[InputRequired(), _SHIFTED],
        description=_("If the printer is not quite straight. A negative number goes the other way."),
        render_kw=_number(-SHIFT, SHIFT),
    )
    down = NumberField(
        _("Move down (mm)"),
        validators=[InputRequired(), _SHIFTED],
        render_kw=_number(-SHIFT, SHIFT),
    )

    def __init__(self) -> None:
        super().__init__()
        reads = permitted("guardian", "read") and permitted("guardian_link", "read")
        self.receivers = list(LabelTo) if reads else [LabelTo.students]
        self.to.choices = options((to.name, to.label) for to in self.receivers)
        self.sheet.choices = options((sheet.name, sheet.label) for sheet in LabelSheet)
        usual = LabelTo.guardians if reads else LabelTo.students
        self.usual(to=usual.name, sheet=USUAL_SHEET[this_school().country].name, first=1, right=0, down=0)

    def validate_first(self, field: Any) -> None:
        """Refuses a label that the sheet does not have."""
        count = LabelSheet[self.sheet.data].grid.count if self.sheet.data in LabelSheet.__members__ else 1
        if field.data is not None and not 1 <= field.data <= count:
            raise ValidationError(gettext("This sheet has labels 1 to %(count)d. Type a number in that range.", count=count))


class StampForm(QuestionForm):
    """With the stamp or without; the question is not asked where the school has none."""

    stamp = BooleanField(_("Print the stamp of the [school]"))

    def __init__(self) -> None:
        super().__init__()
        self.usual(stamp=True)
        if not this_school().stamp_digest:
            del self.stamp


class CertificateForm(StampForm):
    """For which school year, in which language."""

    year = RadioField(_("School year"))
    language = RadioField(_("Language"))

    def __init__(self) -> None:
        super().__init__()
        school = this_school()
        self.current = start = year_ending(db.session, school).start
        self.year.choices = options((str(year), year_words(year)) for year in (start, start + 1))
        self.year.hints = {str(start + 1): gettext("[Level] and class are printed as they are today.")}  # type: ignore[attr-defined]  # read by forms.html
        ours = {"en", "fr_CA" if school.country is Country.CA else "fr", school.language}
        self.language.choices = options((code, name) for code, name in LANGUAGES if code in ours)
        self.usual(year=str(start), language=school.language)
