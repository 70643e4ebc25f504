"""The school's own fields on every screen whose table takes some: form, record, list, filters, export.

A field stands among the columns under its own name, `extra.<key>`. Rights are those of the row: whoever edits it fills in its
fields. Portals know nothing of them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from flask import g, has_request_context
from wtforms import Form, SelectField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.validators import InputRequired
from wtforms.widgets import DateInput

from models.base import Refusal
from models.custom import Extensible, configure, in_use, read_specs
from models.custom_json import has_exactly, has_text, has_value
from models.custom_values import PREFIX, FieldKind, Spec
from models.import_words import BadCell
from models.overlay import Snapshot
from models.scope import current_school_id
from views.fields import option
from views.filters import ScreenFilter
from views.formats import show
from views.i18n import gettext, looking, reader

if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base
else:
    Base = object

NONE, YES, NO = "-", "1", "0"
CUT = 80  # characters of a long text that a list shows
_known: dict[int | None, tuple[Snapshot, dict[str, tuple[Spec, ...]]]] = {}  # by school: as they stood with these words


def fields_of(table: str) -> tuple[Spec, ...]:
    """All the fields of a table of the present school, withdrawn ones last. Read again when the stamp of the words changes."""
    school_id = current_school_id()
    snapshot = reader().snapshot
    kept = _known.get(school_id)
    if kept is None or kept[0] is not snapshot:
        with looking() as session:  # not the request's own: that one may look at the database as it was before the stamp
            kept = _known[school_id] = snapshot, read_specs(session, school_id)
    return kept[1].get(table, ())


configure(fields_of)


def words_of(spec: Spec, row: Any) -> Any:
    """What a row says in a field, as people read it."""
    return show(spec.value((row.extra or {}).get(spec.key)))


def field_name(table: str, name: str) -> str:
    """The words of a field by its name among the columns (`extra.key`); its key when nobody knows it any more."""
    return next((spec.label for spec in fields_of(table) if spec.name == name), name.removeprefix(PREFIX))


# -- form fields: each reads what was typed with its `Spec`, and gives the row the packed value


class ExtraField:
    """What the form fields of the school's own fields share."""

    spec: Spec
    data: Any
    raw_data: Any

    def __init__(self, spec: Spec, **kwargs: Any) -> None:
        self.spec = spec
        validators = [InputRequired()] if spec.required else []
        super().__init__(spec.label, validators, description=spec.help, **kwargs)  # type: ignore[call-arg]  # (a WTForms field stands behind)

    def process_formdata(self, valuelist: Any) -> None:
        """A field that was not sent keeps its value; one that cannot be read says why."""
        if valuelist:
            try:
                self.data = self.read(valuelist[0])
            except BadCell as bad:
                self.data = None
                raise ValueError(f"{bad.sentence} {bad.remedy}") from bad

    def read(self, typed: str) -> Any:
        """The packed value of what was typed."""
        return self.spec.read(typed)

    def _value(self) -> str:
        return str(self.raw_data[0] if self.raw_data else self.text())

    def text(self) -> str:
        """The kept value as it stands in the control."""
        return str(show(self.spec.value(self.data)))

    def populate_obj(self, obj: Any, _name: str) -> None:
        """Into the row's one column of such values."""
        obj.put(self.spec, self.data)


class ExtraText(ExtraField, StringField):
    """A text of one line, or a number."""


class ExtraLongText(ExtraField, TextAreaField):
    """A long text."""


class ExtraDate(ExtraField, StringField):
    """A day, by the browser's own input."""

    widget = DateInput()

    def text(self) -> str:
        """As the browser wants it."""
        found = self.spec.value(self.data)
        return found.isoformat() if isinstance(found, dt.date) else ""


class ExtraSelect(ExtraField, SelectField):
    """Yes or no, or one of the choices; a withdrawn choice is offered to the row that holds it only."""

    def __init__(self, spec: Spec, **kwargs: Any) -> None:
        super().__init__(spec, coerce=str, validate_choice=False, **kwargs)

    def process_data(self, value: Any) -> None:
        """The packed value."""
        self.data = value

    def read(self, typed: str) -> Any:
        """What the list sends: nothing, yes or no, the key of a choice."""
        if self.spec.kind is FieldKind.yes_no:
            return {YES: True, NO: False}.get(typed)
        if typed and typed != self.object_data:
            self.spec.check(typed)
        return typed or None

    def iter_choices(self) -> Any:
        """A dash for none, then what may be chosen."""
        yield option("", "—", self.data in (None, ""))
        if self.spec.kind is FieldKind.yes_no:
            yield option(YES, gettext("Yes"), self.data is True)
            yield option(NO, gettext("No"), self.data is False)
        for one in self.spec.options:
            if not one.retired or one.key == self.data:
                yield option(one.key, one.label, one.key == self.data)


class WithFields:
    """A form that holds such fields: it reads them from the row's one column."""

    def process(self, formdata: Any = None, obj: Any = None, data: Any = None, extra_filters: Any = None, **kwargs: Any) -> None:
        """As WTForms does, which knows attributes only."""
        if obj is not None:
            fields = [field for field in self if isinstance(field, ExtraField)]  # type: ignore[attr-defined]  # (a form stands behind)
            kwargs = {**{field.spec.name: (obj.extra or {}).get(field.spec.key) for field in fields}, **kwargs}
        super().process(formdata, obj, data=data, extra_filters=extra_filters, **kwargs)  # type: ignore[misc]


def form_field(spec: Spec) -> UnboundField[Any]:
    """The form field of a field; numbers bring up the keyboard of digits."""
    if spec.kind is FieldKind.number:
        return UnboundField(ExtraText, spec, render_kw={"inputmode": "decimal"})
    kinds = {FieldKind.text: ExtraText, FieldKind.long_text: ExtraLongText, FieldKind.date: ExtraDate}
    return UnboundField(kinds.get(spec.kind, ExtraSelect), spec)


def span_of(spec: Spec) -> int:
    """How wide its control is, in columns of twelve."""
    return {FieldKind.long_text: 12, FieldKind.text: 6, FieldKind.choice: 6}.get(spec.kind, 3)


# -- filters


class Extra(ScreenFilter):
    """The field has exactly this value; a choice, or yes and no, may also be asked for as not filled in."""

    def __init__(self, column: Any, spec: Spec) -> None:
        super().__init__(column, spec.label, spec.name)
        self.spec = spec
        self.kind = {FieldKind.yes_no: "select", FieldKind.choice: "select", FieldKind.date: "date"}.get(spec.kind, "text")

    def choices(self) -> list[tuple[str, str]]:
        """What may be asked for; withdrawn choices too, for rows that still hold them."""
        if self.spec.kind is FieldKind.yes_no:
            return [(YES, gettext("Yes")), (NO, gettext("No")), (NONE, gettext("not filled in"))]
        if self.spec.kind is FieldKind.choice:
            return [*((one.key, one.label) for one in self.spec.options), (NONE, gettext("not filled in"))]
        return []

    def clean(self, value: str) -> Any:
        """The packed value; ValueError for what is none."""
        if self.kind == "select":
            if value not in dict(self.choices()):
                raise ValueError(value)
            return {YES: True, NO: False}.get(value, value) if self.spec.kind is FieldKind.yes_no else value
        try:
            return self.spec.read(value)
        except Refusal as refusal:
            raise ValueError(refusal.sentence) from refusal

    def words(self, value: str) -> str:
        """A value as the chip says it."""
        return str(show(self.spec.value(self.clean(value)))) if self.kind == "date" else super().words(value)

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.get_column(alias)
        if self.kind == "select" and value == NONE:
            return query.filter(~has_value(column, self.spec.key))
        if self.spec.kind is FieldKind.text:
            return query.filter(has_text(column, self.spec.key, value))
        return query.filter(has_exactly(column, self.spec.key, value))


# -- the screens


class CustomFields(Base):
    """What a `Screen` whose model is `Extensible` shows of the school's own fields."""

    _own_create_form: type[Form]
    _own_edit_form: type[Form]
    _own_filters: list[ScreenFilter] | None
    _own_filter_args: dict[str, tuple[int, ScreenFilter]] | None

    def extra_specs(self) -> tuple[Spec, ...]:
        """The fields in use of this screen's table, found once a request."""
        if not has_request_context() or not issubclass(self.model, Extensible):
            return ()
        known: dict[str, dict[str, Spec]] = g.setdefault("extra_specs", {})
        if self.table not in known:
            known[self.table] = {spec.name: spec for spec in in_use(self.table)}
        return tuple(known[self.table].values())

    def extra_names(self, kind: FieldKind) -> list[str]:
        """The columns of the fields of a type."""
        return [spec.name for spec in self.extra_specs() if spec.kind is kind]

    def extra_value(self, row: Any, name: str, *, whole: bool = True) -> Any:
        """The value of a column `extra.key`; in a list, the beginning of a long text."""
        spec = g.extra_specs[self.table].get(name) if self.extra_specs() else None
        found = words_of(spec, row) if spec is not None else ""
        return f"{found[:CUT].rstrip()}…" if not whole and isinstance(found, str) and len(found) > CUT else found

    # -- form

    def _form_with_fields(self, form_class: type[Form]) -> type[Form]:
        specs = tuple(spec for spec in self.extra_specs() if spec.in_form)
        if not specs:
            return form_class
        kept: dict[type[Form], tuple[tuple[Spec, ...], type[Form]]] = self.__dict__.setdefault("_forms_with_fields", {})
        if form_class not in kept or kept[form_class][0] != specs:
            kept[form_class] = specs, type(form_class.__name__, (WithFields, form_class), {spec.name: form_field(spec) for spec in specs})
        return kept[form_class][1]

    @property
    def _create_form_class(self) -> type[Form]:
        return self._form_with_fields(self._own_create_form)

    @_create_form_class.setter
    def _create_form_class(self, value: type[Form]) -> None:
        self._own_create_form = value

    @property
    def _edit_form_class(self) -> type[Form]:
        return self._form_with_fields(self._own_edit_form)

    @_edit_form_class.setter
    def _edit_form_class(self, value: type[Form]) -> None:
        self._own_edit_form = value

    def form_groups(self, form: Form) -> list[tuple[Any, list[tuple[Any, int]]]]:
        """The screen's own sections, then the school's fields."""
        groups = [(title, [pair for pair in pairs if not isinstance(pair[0], ExtraField)]) for title, pairs in super().form_groups(form)]
        mine = [(field, span_of(field.spec)) for field in form if isinstance(field, ExtraField)]
        return [group for group in (*groups, (gettext("Fields of [the school]"), mine)) if group[1]]

    def extra_conflicts(self, form: Form, row: Any) -> list[dict[str, Any]]:
        """The school's fields that somebody else saved otherwise meanwhile."""
        fields = [field for field in form if isinstance(field, ExtraField)]
        return [
            {"label": field.spec.label, "theirs": words_of(field.spec, row), "yours": show(field.spec.value(field.data))}
            for field in fields
            if (row.extra or {}).get(field.spec.key) != field.data
        ]

    # -- one record

    def extra_rows(self, row: Any) -> list[tuple[str, Any]]:
        """(name, value) of the school's fields for the page of a record."""
        return [(spec.label, words_of(spec, row)) for spec in self.extra_specs()]

    def render(self, template: str, **kwargs: Any) -> str:
        """The page of a record shows the school's fields."""
        row = kwargs.get("model") if "details_columns" in kwargs else kwargs.get("student") if "detail_groups" in kwargs else None
        if row is not None and isinstance(row, self.model):
            kwargs.setdefault("extra_rows", self.extra_rows(row))
        return str(super().render(template, **kwargs))

    # -- filters: those of the screen, worked out once, then those of the school

    def _extra_filters(self) -> list[Extra]:
        specs = tuple(spec for spec in self.extra_specs() if spec.kind is not FieldKind.long_text)
        known: dict[str, list[Extra]] = g.setdefault("extra_filters", {}) if specs else {}
        if specs and self.table not in known:
            known[self.table] = [Extra(self.model.extra, spec) for spec in specs]
        return known.get(self.table, [])

    @property
    def _filters(self) -> list[ScreenFilter]:
        return [*(self._own_filters or ()), *self._extra_filters()]

    @_filters.setter
    def _filters(self, value: list[ScreenFilter] | None) -> None:
        self._own_filters = value

    @property
    def _filter_args(self) -> dict[str, tuple[int, ScreenFilter]]:
        own = self._own_filter_args or {}
        return {**own, **{flt.arg: (number, flt) for number, flt in enumerate(self._extra_filters(), len(self._own_filters or ()))}}

    @_filter_args.setter
    def _filter_args(self, value: dict[str, tuple[int, ScreenFilter]] | None) -> None:
        self._own_filter_args = value
