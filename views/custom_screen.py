"""The screen where a school says which fields it adds to its lists: what they are called, what they take, where they show."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, g, request
from flask_admin import Admin
from wtforms import Field, Form, SelectField
from wtforms.utils import unset_value
from wtforms.validators import ValidationError

from models.base import Refusal
from models.custom import CustomField, filled, kept_tables, may_keep
from models.custom_values import FieldKind, Option, Spec
from models.db import db
from models.scope import WHO
from views.base import Screen
from views.custom import form_field, span_of
from views.filters import Clause, ScreenFilter
from views.i18n import gettext, ngettext, pgettext
from views.i18n import lazy_gettext as _
from views.menu import HEADINGS, screens
from views.verbs import verb

PREVIEW = "preview"


def lists(verb: str = "read") -> list[str]:
    """The lists that take fields and whose fields the person may read (or add, change), in the order of the menu."""
    order = [endpoint for heading in HEADINGS for endpoint in heading.endpoints]
    return sorted(kept_tables(WHO.get().roles, verb), key=lambda table: order.index(table) if table in order else len(order))


def list_words(table: str) -> str:
    """A list by the name of its screen."""
    screen = screens().get(table)
    return str(screen.name) if screen is not None else table


class ChoicesField(Field):
    """The choices of a list: one line of the page for each, with its place, and a text for new ones, one on each line.

    `data` is what `CustomField.offer` takes: (key, words, withdrawn).
    """

    data: list[tuple[str, str, bool]]

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """The lines that were sent, in their order; else those of the row."""
        self.process_errors = []
        stored = () if data is unset_value else data or ()
        self.data = [(found["key"], found["label"], bool(found.get("retired"))) for found in stored]
        self.fresh = ""
        self.sent = formdata is not None and f"{self.name}-new" in formdata
        if not self.sent:
            return
        keys, words, places = (formdata.getlist(f"{self.name}-{part}") for part in ("key", "words", "place"))
        withdrawn = set(formdata.getlist(f"{self.name}-withdrawn"))
        lines = [(_place(place), key, text, key in withdrawn) for key, text, place in zip(keys, words, places, strict=False)]
        self.fresh = str(formdata.get(f"{self.name}-new", ""))[:20_000]
        new = [("", line, False) for line in self.fresh.splitlines() if line.strip()]
        self.data = [*((key, text, out) for _number, key, text, out in sorted(lines, key=lambda line: line[0])), *new]

    def pre_validate(self, form: Any) -> None:
        """Said beside the choices, before the model says it of the row."""
        if form.kind.data is FieldKind.choice and not any(words.strip() for _key, words, _out in self.data):
            raise ValidationError(gettext("A list of choices needs at least one. Write one choice on each line."))

    @property
    def kept(self) -> list[tuple[str, str, bool]]:
        """The choices that have a key."""
        return [line for line in self.data if line[0]]

    def populate_obj(self, obj: Any, _name: str) -> None:
        """Only a list of choices has choices; lines that were not sent change nothing."""
        if self.sent and obj.kind is FieldKind.choice:
            obj.offer(self.data)


def _place(typed: str) -> int:
    return int(typed) if typed.isdecimal() and len(typed) < 5 else 10_000


class OfList(ScreenFilter):
    """The fields of one list."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """Every list whose fields the person reads."""
        return [(table, list_words(table)) for table in lists()]

    def clean(self, value: str) -> str:
        """The name of a list; ValueError otherwise."""
        if value not in lists():
            raise ValueError(value)
        return value

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) == value)


class AddedFields(Screen):
    """Fields that the school adds to its lists."""

    model = CustomField
    name = _("Added fields")
    name_of_one = _("Added field")
    icon = "tag"
    add_label = _("Add a field")
    save_label = _("Save the field")
    empty = {
        "icon": "tag",
        "title": _("No field of your own yet"),
        "sentence": _("A field holds what your [school] needs to know and has no place for yet: a bus line, a locker, a consent."),
    }
    title_column = "label"
    column_list = ("label", "table_name", "kind", "required", "places", "filled", "state")
    column_labels = {"places": _("Shown in"), "filled": _("Filled in"), "state": _("Status"), "required": _("Required")}
    column_sortable_list = ("label", "table_name", "kind")
    column_default_sort = [("table_name", False), ("rank", False), ("id", False)]
    column_searchable_list = ("label",)
    column_details_list = ("table_name", "label", "help", "kind", "choices", "required", "places", "filled", "state", "rank", "retired_at", "key")
    column_formatters = {
        "table_name": lambda _v, _c, row, _n: list_words(row.table_name),
        "kind": lambda _v, _c, row, _n: str(row.kind),
        "choices": lambda _v, _c, row, _n: ", ".join(option.label for option in row.spec.options if not option.retired),
        "places": lambda _v, _c, row, _n: ", ".join(places_of(row)),
        "filled": lambda _v, _c, row, _n: filled_of(row),
    }
    number_columns = ("filled",)
    form_columns = ("table_name", "label", "help", "kind", "offered", "required", "in_form", "in_list", "in_export", "in_import", "rank")
    form_overrides = {"table_name": SelectField}
    form_args = {
        "table_name": {"choices": [], "description": _("Where the field stands. This does not change afterwards.")},
        "label": {"description": _("As people read it in the form and above the column.")},
        "help": {"description": _("A line under the field: what to write, for whom.")},
        "rank": {"description": _("1 comes first.")},
        "in_import": {"description": _("A column of this name is read in imports.")},
    }
    form_extra_fields = {"offered": ChoicesField(_("Choices"))}
    form_sections = (
        ("", (("table_name", 6), ("label", 6), ("help", 12), ("kind", 6))),
        (_("Where it shows"), (("in_form", 6), ("required", 6), ("in_list", 6), ("in_export", 6), ("in_import", 6), ("rank", 3))),
    )
    form_template = "admin/custom_field/edit.html"
    create_template = "admin/custom_field/create.html"

    def __init__(self) -> None:
        self.column_filters = (
            OfList(CustomField.table_name, _("List"), "table_name"),
            "kind",
            Clause(CustomField.id, _("Withdrawn"), "withdrawn", lambda: CustomField.retired_at.is_not(None)),
        )
        super().__init__()

    # -- whose fields

    def shown(self) -> tuple[Any, ...]:
        """The registrar reads the fields of the studies only."""
        roles = WHO.get().roles
        return () if may_keep(roles, "", "read") else (CustomField.table_name.in_(kept_tables(roles, "read")),)

    def get_query(self) -> Any:
        """Those fields."""
        return super().get_query().filter(*self.shown())

    def check_own(self, verb: str, row: CustomField) -> None:
        """The registrar keeps the fields of the studies; the others are the site administrator's."""
        super().check_own(verb, row)
        if not may_keep(WHO.get().roles, row.table_name, verb):
            self.refused(verb, row.id)
            abort(403)

    def on_model_change(self, form: Any, model: CustomField, is_created: bool) -> None:
        """What the form did not offer is refused all the same."""
        if not may_keep(WHO.get().roles, model.table_name, "create" if is_created else "edit"):
            raise Refusal(_("The fields of this list are not yours to change. Ask the site administrator."))

    # -- list

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # the lists are named in the reader's words
        """All, then list by list."""
        arg = "flt0_table_name.OfList"
        chosen = next((value for name, value in request.args.items() if name.startswith("flt") and name.endswith("_table_name.OfList")), "")
        tabs = [("", gettext("All the lists")), *((table, list_words(table)) for table in lists())]
        return [
            {"label": words, "url": self.get_url(".index_view", **({arg: table} if table else {})), "current": table == chosen, "n": None}
            for table, words in tabs
        ]

    def prepare_rows(self, rows: list[Any]) -> None:
        """In how many records each field is filled in: one query for each list."""
        g.filled = filled(db.session, rows)

    def count_text(self, count: int | None) -> str:
        """How many fields."""
        return "" if count is None else ngettext("%(num)d field", "%(num)d fields", count)

    # -- form

    def create_form(self, obj: Any = None) -> Form:
        """A new field stands last; the list from which somebody came is chosen."""
        form = super().create_form(obj)
        form.table_name.choices = {table: list_words(table) for table in lists("create")}
        if request.method == "GET" and request.args.get("table") in form.table_name.choices:
            form.table_name.data = request.args["table"]
        del form.rank
        return form

    def edit_form(self, obj: Any = None) -> Form:
        """A field does not change its list; where it is filled in, its type does not change either, and the page says so."""
        form = super().edit_form(obj)
        del form.table_name
        if not form.offered.sent:
            form.offered.process(None, obj.choices)
        number = filled_of(obj)
        if number:
            form.kind.description = ngettext(
                "Filled in for %(num)d record: the type no longer changes.", "Filled in for %(num)d records: the type no longer changes.", number
            )
        return form

    def form_groups(self, form: Form) -> list[tuple[Any, list[tuple[Any, int]]]]:
        """The choices have a part of the page of their own."""
        groups = [(title, [pair for pair in pairs if not isinstance(pair[0], ChoicesField)]) for title, pairs in super().form_groups(form)]
        return [group for group in groups if group[1]]

    def validate_form(self, form: Form) -> bool:
        """Looking at the field saves nothing."""
        return request.form.get("_look") != PREVIEW and super().validate_form(form)

    def extra_conflicts(self, form: Any, row: CustomField) -> list[dict[str, Any]]:
        """The choices that somebody else has saved meanwhile."""
        theirs, yours = ([(c["key"], c["label"], bool(c.get("retired"))) for c in row.choices or ()], form.offered.data)
        if theirs == yours:
            return []
        words = [", ".join(label for _key, label, out in lines if not out) for lines in (theirs, yours)]
        return [{"label": form.offered.label.text, "theirs": words[0], "yours": words[1]}]

    def render(self, template: str, **kwargs: Any) -> str:
        """The form shows the field as people will see it, and how many records hold each choice."""
        form = kwargs.get("form")
        if form is not None and "offered" in form:
            row = kwargs.get("model")
            kwargs["uses"] = row.uses() if row is not None else {}
            kwargs["shown_field"], kwargs["shown_span"] = preview_of(form)
        return super().render(template, **kwargs)

    # -- verbs

    def verb_fits(self, verb: str, row: CustomField) -> bool:
        """Withdrawn, or not."""
        fits = {"retire": row.retired_at is None, "reactivate": row.retired_at is not None}.get(verb, True)
        return fits and may_keep(WHO.get().roles, row.table_name, verb if verb in self.verbs else "edit")

    @verb("retire", _("Withdraw"), icon="close")
    def retire(self, record: CustomField) -> None:
        """Shown nowhere; the values stay."""
        record.retire()

    @verb("reactivate", _("Bring back"), icon="undo")
    def reactivate(self, record: CustomField) -> None:
        """With its values."""
        record.reactivate()


def places_of(row: CustomField) -> list[str]:
    """Where a field shows, in words."""
    words = (
        (row.in_form, pgettext("custom_field", "Form")),
        (row.in_list, pgettext("custom_field", "List")),
        (row.in_export, pgettext("custom_field", "Export")),
        (row.in_import, pgettext("custom_field", "Import")),
    )
    return [text for shown, text in words if shown]


def filled_of(row: CustomField) -> int:
    """In how many records a field is filled in."""
    if row.id not in g.get("filled", {}):  # the page of one field
        g.filled = filled(db.session, [row])
    return int(g.filled[row.id])


def preview_of(form: Any) -> tuple[Any, int]:
    """(field, width) as the form describes it; no field while it has no name."""
    label = (form.label.data or "").strip()
    if not label or not isinstance(form.kind.data, FieldKind):
        return None, 0
    options = tuple(Option(key or f"new-{number}", words, out) for number, (key, words, out) in enumerate(form.offered.data) if words.strip())
    spec = Spec(0, "", PREVIEW, label, form.help.data or "", form.kind.data, required=bool(form.required.data), options=options)
    shown: Form = type("Shown", (Form,), {"field": form_field(spec)})(prefix="shown-")
    return shown["field"], span_of(spec)


def register(_app: Flask, admin: Admin) -> None:
    """The screen of the added fields."""
    admin.add_view(AddedFields())
