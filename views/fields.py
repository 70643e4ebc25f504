"""Form fields of the screens: rows chosen by look-up, choices with words, the version mark; and the converter that picks them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from flask import request
from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.model.ajax import AjaxModelLoader
from flask_admin.model.fields import AjaxSelectField
from flask_admin.model.form import converts
from sqlalchemy import or_, select
from wtforms import BooleanField, DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import Choice as Option  # type: ignore[attr-defined]  # the stubs are of an earlier version
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import Select

from models.base import Choice
from models.db import db
from models.values import one_line, visible
from views.formats import show
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.searching import folded_like, words_of
from views.version_mark import VersionField as VersionField  # (the other modules take these from here)
from views.version_mark import mark_is_current as mark_is_current
from views.version_mark import mark_was_given as mark_was_given
from views.version_mark import version_mark as version_mark

LOOKUP_ROWS = 20
LOOKUP_LETTERS = 2
MOST_DIGITS = 9


def option(value: Any, label: str, selected: bool) -> Option:
    """One line of a list of choices."""
    return Option(value=str(value), label=label, selected=selected, render_kw={})


class Lookup(AjaxModelLoader):
    """Rows of one table for a combobox: own scope only, two letters at least, twenty rows at most, wildcards escaped."""

    field: Any = None  # the kind of form field that a form takes for it, where it is another than `RowField`

    def __init__(self, name: str, model: Any, columns: tuple[str, ...], where: Any = None, few: int = 0) -> None:
        super().__init__(name, {})
        self.model, self.columns, self.where, self.few = model, columns, where, few

    @property
    def order(self) -> Any:
        """People by their key, terms the latest first, anything else by its first column."""
        if hasattr(self.model, "search_key"):
            return self.model.search_key
        return self.model.place.desc() if hasattr(self.model, "place") else getattr(self.model, self.columns[0])

    def all_rows(self) -> list[Any] | None:
        """Every row that is offered where there are `few` at most: then a plain list serves better than a search. None: search."""
        if not self.few:
            return None
        statement: Any = select(self.model).order_by(self.order).limit(self.few + 1)
        rows = list(db.session.scalars(statement.where(self.where()) if self.where is not None else statement))
        return rows if len(rows) <= self.few else None

    def format(self, model: Any) -> tuple[int, str] | None:
        """The identifier and the words of a row, as the list shows them."""
        if model is None:
            return None
        hints = getattr(model, "hints", ())
        return model.id, " · ".join([str(model), *(str(show(hint)) for hint in hints if hint)])

    def get_one(self, pk: Any) -> Any:
        """The row of this identifier, when it exists for this person."""
        if not str(pk).isdecimal() or len(str(pk)) > 9:  # a number that no column holds
            return None
        statement: Any = select(self.model).where(self.model.id == int(pk))
        if self.where is not None:
            statement = statement.where(self.where())
        with db.session.no_autoflush:
            return db.session.scalar(statement)

    def get_list(self, query: str, offset: int = 0, limit: int = LOOKUP_ROWS) -> list[Any]:
        """Up to twenty rows that hold every word of the query."""
        words = words_of(query or "")
        if sum(map(len, words)) < LOOKUP_LETTERS:
            return []
        statement: Any = select(self.model)
        for word in words:
            pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            if hasattr(self.model, "search_key"):  # it holds every column, and more: it narrows at little cost
                statement = statement.where(folded_like(self.model.search_key, pattern))
            statement = statement.where(or_(*(folded_like(getattr(self.model, c), pattern) for c in self.columns)))
        if self.where is not None:
            statement = statement.where(self.where())
        return list(db.session.scalars(statement.order_by(self.order).limit(LOOKUP_ROWS)))


class RowField(AjaxSelectField):
    """One row chosen by look-up. A row that does not exist for this person is "not found", never silently nothing."""

    widget = Select()

    def __init__(self, loader: Lookup, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(loader, label, validators, **kwargs)
        self.flags.needed = not self.allow_blank and not self.widget.multiple  # (the list itself is hidden behind its search: the browser could not ask for it)
        self.missing = False
        self._all: list[Any] | None = None
        self._asked = False
        self.typed = ""  # what was looked for without script
        self.found: list[tuple[int, str]] = []  # and the choices that it gave

    @property
    def listed(self) -> list[Any] | None:
        """All the rows to choose from, where they are few; None where they come by look-up."""
        if not self._asked:
            self._all, self._asked = self.loader.all_rows(), True
        return self._all

    def iter_choices(self) -> Iterable[tuple[Any, str, bool, dict[str, Any]]]:
        """The chosen row only: the others come by look-up. Of few rows, all of them."""
        if self.allow_blank or self.data is None:  # nothing is chosen in the place of the person
            yield option("__None", "—" if self.listed is not None else "", self.data is None)
        pair = self.loader.format(self.data)
        if pair and (self.listed is None or self.data not in self.listed):
            yield option(pair[0], pair[1], True)
        for pair, chosen in ((self.loader.format(row), row is self.data) for row in self.listed or ()):
            if pair:
                yield option(pair[0], pair[1], chosen)

    def has_groups(self) -> bool:
        """No groups."""
        return False

    def process_formdata(self, valuelist: Any) -> None:
        """Find the row at once, so that a forged identifier is seen."""
        if not valuelist:
            return
        value = valuelist[0]
        self.missing = False
        if value in ("__None", ""):
            self.data = None
            return
        row = self.loader.get_one(value)
        if row is None and value == str(getattr(self.object_data, "id", "")):
            row = self.object_data  # no longer offered, and the record's own all the same
        self.missing = row is None
        self.data = row

    def look(self, typed: str) -> None:
        """Offer what a search without script finds."""
        self.typed = typed[:100]
        self.found = [pair for row in self.loader.get_list(self.typed) if (pair := self.loader.format(row))]

    def pre_validate(self, form: Any) -> None:
        """Refuses a row that was not found, and an empty choice where one is needed."""
        if self.missing:
            raise ValidationError(gettext("The chosen record was not found. Choose it again in the list."))
        if not self.allow_blank and self.data is None:
            raise ValidationError(gettext("Choose a record in the list."))


def looked_up(form: Any) -> bool:
    """Whether "Search" beside a field was pressed: without script that posts the form. The field then offers what it found; nothing is done."""
    field = form[name] if (name := request.form.get("_look", "")) and name in form else None
    if not isinstance(field, RowField):
        return False
    field.look(request.form.get(f"look-{name}", ""))
    return True


class RowsField(RowField):
    """Several rows chosen by look-up."""

    widget = Select(multiple=True)

    def iter_choices(self) -> Iterable[tuple[Any, str, bool, dict[str, Any]]]:
        """The chosen rows only: the others come by look-up. Of few rows, all of them."""
        chosen = list(self.data or ())
        for row in [*(self.listed or ()), *(row for row in chosen if row not in (self.listed or ()))]:
            yield option(row.id, str(row), row in chosen)

    def process_formdata(self, valuelist: Any) -> None:
        """Find every row; one that is not found is an error, not a gap."""
        rows = [self.loader.get_one(value) for value in dict.fromkeys(valuelist or ()) if value not in ("", "__None")]
        self.missing = any(row is None for row in rows)
        self.data = [row for row in rows if row is not None]

    def pre_validate(self, form: Any) -> None:
        """Refuses rows that were not found."""
        if self.missing:
            raise ValidationError(gettext("The chosen record was not found. Choose it again in the list."))


class ShortRowField(SelectField):
    """One row of a short table (levels), as a plain list."""

    def __init__(self, label: Any, model: type, order: str, allow_blank: bool = True, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators=[] if allow_blank else (validators or [InputRequired()]), coerce=str, validate_choice=False, **kwargs)
        self.model, self.order, self.blank = model, order, allow_blank
        self._rows: dict[str, Any] | None = None

    @property
    def rows(self) -> dict[str, Any]:
        """The rows that exist for this person, by identifier."""
        if self._rows is None:
            statement: Any = select(self.model).order_by(getattr(self.model, self.order)).limit(500)
            self._rows = {str(row.id): row for row in db.session.scalars(statement)}
        return self._rows

    def iter_choices(self) -> Any:
        """A dash for none, then every row."""
        chosen = str(self.data.id) if self.data is not None and not isinstance(self.data, str) else ""
        if self.blank:
            yield option("", "—", not chosen)
        for key, row in self.rows.items():
            if key == chosen or not getattr(row, "retired_at", None):
                yield option(key, str(row), key == chosen)

    def process_data(self, value: Any) -> None:
        """The row itself is the value."""
        self.data = value

    def process_formdata(self, valuelist: Any) -> None:
        """An identifier becomes its row; an unknown one is refused."""
        if not valuelist or valuelist[0] == "":
            self.data = None
            return
        self.data = self.rows.get(valuelist[0])
        if getattr(self.data, "retired_at", None) and self.data is not self.object_data:
            raise ValueError(gettext("%(name)s is no longer offered. Choose another.", name=str(self.data)))
        if self.data is None:
            raise ValueError(gettext("The chosen record was not found. Choose it again in the list."))

    def pre_validate(self, form: Any) -> None:
        """Refuses none where one is needed."""
        if not self.blank and self.data is None and not self.errors:
            raise ValidationError(gettext("Choose a record in the list."))


class ChoiceField(SelectField):
    """A member of a `Choice`, shown by its label, posted by its name."""

    def __init__(self, label: Any, choice: type[Choice], allow_blank: bool = False, members: Any = None, **kwargs: Any) -> None:
        kwargs.pop("choices", None)
        super().__init__(label, coerce=str, validate_choice=False, **kwargs)
        self.choice, self.blank, self.members = choice, allow_blank, members

    def _offered(self) -> list[Choice]:
        return list(self.members() if self.members else self.choice)

    def iter_choices(self) -> Any:
        """A dash for none where allowed, then every member."""
        if self.blank:
            yield option("", "—", self.data is None)
        for member in self._offered():
            yield option(member.name, str(member.label), member is self.data)

    def process_data(self, value: Any) -> None:
        """The member itself is the value."""
        self.data = value

    def process_formdata(self, valuelist: Any) -> None:
        """A name becomes its member; a forged one is refused."""
        if not valuelist:
            return
        if valuelist[0] == "" and self.blank:
            self.data = None
            return
        found = {member.name: member for member in self._offered()}.get(valuelist[0])
        if found is None:
            raise ValueError(gettext("This choice does not exist. Choose another."))
        self.data = found


class NumberField(IntegerField):
    """A whole number of a length that both databases hold and every check can count with."""

    def process_formdata(self, valuelist: Any) -> None:
        """Refuses more digits than anybody means."""
        if valuelist and len(valuelist[0].strip().lstrip("+-")) > MOST_DIGITS:
            self.data = None
            raise ValueError(gettext("This number is too long. Type %(max)d digits at most.", max=MOST_DIGITS))
        super().process_formdata(valuelist)


def _plain(text: str) -> str:
    """What a field of one line holds, whatever was posted: it may stand in the header of a mail."""
    return visible(one_line(text))


class ScreenConverter(AdminModelConverter):
    """Columns to fields: native dates and lists, choices with words, look-ups for rows, lengths from the column."""

    def _model_select_field(self, prop: Any, multiple: Any, remote_model: type, **kwargs: Any) -> Any:
        loader = self.view._form_ajax_refs.get(prop.key)
        label = kwargs.pop("label", None)
        blank = kwargs.pop("allow_blank", False)
        validators = [v for v in kwargs.pop("validators", ()) if not isinstance(v, InputRequired)]
        if loader and multiple:
            return RowsField(loader, label, validators, description=kwargs.get("description") or "")
        if loader:
            return (loader.field or RowField)(loader, label, validators, allow_blank=blank, description=kwargs.get("description") or "")
        order = "rank" if hasattr(remote_model, "rank") else "name"
        return ShortRowField(label, remote_model, order, allow_blank=blank, description=kwargs.get("description") or "")

    # These bear the names of Flask-Admin's own converters where it has one: the last name in alphabetical order would win otherwise.

    @converts("String", "Unicode", "Text")
    def conv_text(self, field_args: Any, **extra: Any) -> Any:
        """One line, or a text area where the column is a Text; no longer than the column."""
        column = extra["column"]
        length = column.info.get("typed_length") or getattr(column.type, "length", None)  # the first: what the model tidies before it is kept
        if length:
            field_args["validators"].append(Length(max=length, message=_("This text is too long: keep it under %(max)d characters.", max=length)))
        field_args.pop("allow_blank", None)
        kind = TextAreaField if length is None else StringField
        if column.nullable:
            field_args.setdefault("filters", []).append(lambda value: value or None)
        elif not any(isinstance(v, InputRequired) for v in field_args["validators"]):
            field_args.setdefault("filters", []).append(lambda value: value or "")
        field_args.setdefault("filters", []).append(lambda value: (visible if length is None else _plain)(value).strip() if isinstance(value, str) else value)
        return kind(**field_args)

    @converts("Date")
    def convert_date(self, field_args: Any, **extra: Any) -> Any:
        """The browser's own date input."""
        if extra["column"].nullable:
            field_args["validators"].append(Optional())
        return DateField(**field_args)

    @converts("Integer")
    def handle_integer_types(self, field_args: Any, **extra: Any) -> Any:
        """A whole number that both databases can hold; the columns of the screens count from 0."""
        field_args["validators"].append(NumberRange(min=0, message=_("Type 0 or a whole number above it.")))
        return NumberField(**field_args)

    @converts("Boolean")
    def conv_bool(self, field_args: Any, **extra: Any) -> Any:
        """A tick box."""
        field_args.pop("allow_blank", None)
        field_args["validators"] = []
        return BooleanField(**field_args)

    @converts("sqlalchemy.sql.sqltypes.Enum")
    def convert_enum(self, field_args: Any, **extra: Any) -> Any:
        """A `Choice`, by its words."""
        column = extra["column"]
        choice = column.type.enum_class
        if not issubclass(choice, enum.Enum):
            raise TypeError(f"{column} is no Choice")
        blank = column.nullable
        validators = [v for v in field_args.get("validators", ()) if not isinstance(v, Optional)]
        return ChoiceField(
            field_args.get("label"),
            choice,
            allow_blank=blank,
            validators=validators,
            description=field_args.get("description") or "",
            default=field_args.get("default"),
        )


__all__ = [
    "ChoiceField",
    "Lookup",
    "RowField",
    "RowsField",
    "ScreenConverter",
    "ShortRowField",
    "VersionField",
    "mark_is_current",
    "mark_was_given",
    "version_mark",
]
