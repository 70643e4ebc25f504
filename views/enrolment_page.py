"""What the page of a registration's form shows: its groups of fields, what each inherits, transmissions, census."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from flask import request, url_for

from models.courses import Course, RacGroup
from models.db import db
from models.enrolment_choices import lines_of
from models.enrolments import INHERITED, Enrolment, inherited_value
from models.masks import label_of
from models.session_records import SessionRecord
from models.transmissions import Telling, Transmission
from views.courses import units_words
from views.custom import ExtraField, span_of
from views.formats import show, show_date
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.saving import own_path
from views.session_file import record_url, tell_of

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

SENT = tuple(one.state for one in Telling)
NOT_TAKEN = ("course", "remark", "alternative_number")  # what the form of a course that is not taken holds

# (title, (field, columns of twelve)): the left column of the users' own screen, in its order.
LEFT: tuple[tuple[Any, tuple[tuple[str, int], ...]], ...] = (
    ("", (("course", 12), ("group_number", 6), ("unassigned", 6))),
    (_("What the registration inherits"), (("org_unit", 12), *((name, 6) for name in ("language", "category", "funding", "rac_type", "delivery_mode")))),
    (
        _("Assignment"),
        (
            *(("prerequisites", 6), ("assignment_state", 6), ("assignment_priority", 6), ("substitution", 6)),
            *(("alternative_number", 6), ("parent_course", 12)),
        ),
    ),
    (
        _("Results"),
        (
            *(("mark", 4), ("weighted_mark", 4), ("group_average", 4), ("remark", 8), ("absences", 4)),
            *(("r_score", 4), ("r_thirds", 4), ("r_mean", 4), ("retake", 6)),
        ),
    ),
)
PARTNER = (("study_situation", 12), ("partner", 12), ("partner_course", 12))


class EnrolmentPage(Base):
    """The page of the form, under the banner of the student."""

    if TYPE_CHECKING:

        def record_asked(self) -> SessionRecord:
            """Of the form."""

    def render(self, template: str, **kwargs: Any) -> str:
        """The form in two columns."""
        form, row = kwargs.get("form"), kwargs.get("model")
        if template == "admin/model/ask.html" and form is not None and "value" in form:  # `override`: its second list follows the first
            template = "admin/enrolment/override.html"
        if template == self.details_template and row is not None:
            kwargs |= {"detail_groups": detail_groups(row), "student": row.student, "file_url": record_url(row.session_record)}
        if form is not None and "course" in form and "form_groups" not in kwargs:
            kwargs |= self.page_of(form, row.session_record if row is not None else self.record_asked(), row)
        return str(super().render(template, **kwargs))

    def page_of(self, form: Any, record: SessionRecord, row: Enrolment | None) -> dict[str, Any]:
        """Everything that the template of the form shows."""
        course: Course | None = form.course.data
        lines = lines_of(db.session, course.id) if course is not None else []
        self.describe(form, record, row, lines)
        tell_of(record)
        taken, here = "group_number" in form, request.full_path.rstrip("?")
        left = LEFT if taken else (("", tuple((name, 12) for name in NOT_TAKEN)),)
        groups = [(title, fields_of(form, members)) for title, members in left]
        return {
            "record": record,
            "row": row,
            "taken": taken,
            "banner": screens()["student"].banner(record.student, ""),
            "file_url": record_url(record),
            "form_groups": [group for group in groups if group[1]],
            "partner_fields": fields_of(form, PARTNER),
            "partner_url": url_for("code_value.create_view", code_list="partner", url=here) if self.may("create", "code_value") else "",
            "tellings": [telling_line(form, row, one) for one in Telling] if taken else [],
            "extra_fields": [(field, span_of(field.spec)) for field in form if isinstance(field, ExtraField)],
            "inherited_rows": inherited_rows(record, row) if taken and "org_unit" not in form else [],
            "lines": lines,
            "census": census_of(row) if row is not None and taken else [],
            "here": here,
            "groups_url": self.get_url(".groups_view"),
            "usual_kind": str(inherited_value(db.session, "rac_type", record, None, None) or ""),
            "may_confirm": row is not None and row.census_on is None and bool(row.group_number) and self.may("confirm_presence"),
            "may_correct": row is not None and row.census_on is not None and self.may("correct_census"),
            "stamps": [(gettext("Created on"), show(row.created_at)), (gettext("Last changed on"), show(row.updated_at))] if row is not None else [],
            "return_url": own_path(request.args.get("url")) or self.get_url(".index_view"),
            **words_of(row, taken),
        }

    @staticmethod
    def describe(form: Any, record: SessionRecord, row: Enrolment | None, lines: list[RacGroup]) -> None:
        """What each inherited field would hold, where that comes from, who has set it aside."""
        usual = gettext("Usual value of [the school]")
        sources = {
            "org_unit": gettext("Inherited from the admission"),
            "language": gettext("Inherited from the [session record]"),
            "category": gettext("Inherited from [the course]"),
        }
        number = (form.group_number.data or "").strip().zfill(5) if "group_number" in form else ""
        kind = next((line.rac_type for line in lines if line.number == number), None)
        if kind is not None:
            sources["rac_type"] = gettext("Inherited from the [group], by the correspondence")
        for name in INHERITED:
            if name in form:
                value = inherited_value(db.session, name, record, form.course.data, kind)
                form[name].shown = str(value) if value is not None else ""
                form[name].source = sources.get(name, usual)
                form[name].who = set_aside(row, name)
        for telling in Telling:
            if telling.state in form:
                follows = row.usual_transmission(telling) if row is not None else Transmission.waiting
                form[telling.state].shown = str(follows.label)
                form[telling.state].who = set_aside(row, telling.state)


def words_of(row: Enrolment | None, taken: bool) -> dict[str, str]:
    """The title and the buttons."""
    if row is not None:
        return {"title": gettext("Registration %(name)s", name=str(row)), "save_label": gettext("Save"), "another_label": ""}
    if taken:
        return {"title": gettext("Register for [a course]"), "save_label": gettext("Register"), "another_label": gettext("Register and start again")}
    return {"title": gettext("Add [a course] not taken"), "save_label": gettext("Add [the course]"), "another_label": gettext("Add and start again")}


def fields_of(form: Any, members: tuple[tuple[str, int], ...]) -> list[tuple[Any, int]]:
    """Of these fields those that the form has."""
    return [(form[name], span) for name, span in members if name in form]


def set_aside(row: Enrolment | None, name: str) -> str:
    """Who has set a field aside, and when."""
    kept = (row.overrides or {}).get(name) if row is not None else None
    if not kept:
        return ""
    at = str(show(dt.datetime.fromisoformat(kept["at"])))
    return gettext("by %(who)s, %(when)s", who=kept["by"], when=at) if kept["by"] else at


def telling_line(form: Any, row: Enrolment | None, telling: Telling) -> dict[str, Any]:
    """One transmission: its field for whoever may change it, else its state; the day of the last sending."""
    day = getattr(row, telling.day) if row is not None else None
    return {
        "label": str(telling.label),
        "field": form._fields.get(telling.state),
        "state": row.transmission(telling) if row is not None else Transmission.waiting,
        "day": show_date(day) if day else "",
    }


def inherited_rows(record: SessionRecord, row: Enrolment | None) -> list[tuple[str, str]]:
    """The values that count, for whoever may not set them aside."""

    def value(name: str) -> Any:
        return row.value(name) if row is not None else inherited_value(db.session, name, record, None, None)

    return [(field_words(name), str(value(name) or "—")) for name in INHERITED]


def census_of(row: Enrolment) -> list[tuple[str, str]]:
    """Status, by whom, when, and why it was corrected."""
    found = {
        "census_status": str(row.census_status or ""),
        "census_by": row.census_by,
        "census_on": show_date(row.census_on) if row.census_on else "",
        "census_reason": row.census_reason,
    }
    return [(field_words(name), value) for name, value in found.items() if value or name == "census_status"]


def field_words(name: str) -> str:
    """The label of a field."""
    return str(label_of(Enrolment, name))


def detail_groups(row: Enrolment) -> list[tuple[str, list[tuple[str, Any]]]]:
    """The page of one registration: the groups of the form, with the values that count, in words."""

    def words(name: str) -> Any:
        if name in INHERITED:
            return str(row.value(name) or "")
        if name in SENT:
            return row.transmission(Telling[name.removesuffix("_sent")])
        return units_words(row.r_thirds) if name == "r_thirds" else show(getattr(row, name))

    sent = tuple(name for one in Telling for name in (one.state, one.day))
    groups = (
        (gettext("Registration"), ("course", "group_number", "term", "taken", "outcome")),
        *((str(title), tuple(name for name, _span in members)) for title, members in LEFT[1:]),
        (gettext("Studies in a partner organisation"), tuple(name for name, _span in PARTNER)),
        (gettext("Census"), ("census_status", "census_by", "census_on", "census_reason")),
        (gettext("Transmission"), sent),
    )
    return [(title, [(field_words(name), words(name)) for name in names]) for title, names in groups]
