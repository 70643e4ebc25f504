"""The form fields that registrations need: codes of a list, inherited values that may be set aside, scores, a record chosen by its student."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from babel.numbers import get_decimal_symbol
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, StringField
from wtforms.validators import Optional, ValidationError

from models.base import Refusal
from models.codes import CodeList, CodeValue, read_codes
from models.db import db
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord
from models.studies import OrgUnit, Term
from models.transmissions import Transmission
from views.courses import FEW, codes_of
from views.fields import LOOKUP_LETTERS, LOOKUP_ROWS, ChoiceField, Lookup, NumberField, RowField, option
from views.formats import locale, show
from views.i18n import gettext
from views.searching import folded_like, like, words_of

_SCORE = re.compile(r"-?\d{1,6}(?:[.,]\d{1,3})?")


def by_model(form: Any, field: Any) -> None:
    """What the model refuses of this value stands beside the field. (The row that is asked belongs to nobody.)"""
    try:
        Enrolment(**{field.name: field.data})
    except Refusal as refusal:
        raise ValidationError(refusal.sentence) from refusal


class Codes(Lookup):
    """The codes of a list that are still offered: always a plain list, and one question to the database for all the lists of a form."""

    def __init__(self, name: str, code_list: CodeList, only: Collection[str] = ()) -> None:
        super().__init__(name, CodeValue, ("code", "label"), codes_of(code_list), FEW)
        self.code_list, self.only = code_list, only

    def all_rows(self) -> list[CodeValue]:
        """In the order of the list; `only` these codes where it names some."""
        rows = [one for (of, _code), one in read_codes(db.session).items() if of is self.code_list and one.retired_at is None]
        return [one for one in rows if one.code in self.only] if self.only else rows

    def definitions(self) -> list[tuple[str, str]]:
        """(code and label, what it means) of those whose meaning the school has written."""
        return [(str(one), one.help) for one in self.all_rows() if one.help]

    def get_one(self, pk: Any) -> CodeValue | None:
        """The code of this identifier, while it is offered."""
        return next((one for one in self.all_rows() if str(one.id) == str(pk)), None)


class Units(Lookup):
    """The organisational units, as a list where they are few."""

    def __init__(self, name: str) -> None:
        super().__init__(name, OrgUnit, ("code", "name"), None, FEW)


class Records(Lookup):
    """Session records, found by the names and the numbers of their students; the latest terms first."""

    def __init__(self, name: str) -> None:
        super().__init__(name, SessionRecord, ())

    def get_list(self, query: str, offset: int = 0, limit: int = LOOKUP_ROWS) -> list[Any]:
        """Up to twenty records of students who hold every word of the query."""
        words = words_of(query or "")
        if sum(map(len, words)) < LOOKUP_LETTERS:
            return []
        wanted = select(SessionRecord).join(Student, SessionRecord.student_id == Student.id).join(Term, SessionRecord.term_id == Term.id)
        for word in words:
            pattern = f"%{like(word)}%"
            named = or_(*(folded_like(column, pattern) for column in (Student.family_name, Student.given_name, Student.national_id, Student.local_id)))
            wanted = wanted.where(folded_like(Student.search_key, pattern), named)
        shown = (joinedload(SessionRecord.student), joinedload(SessionRecord.term), joinedload(SessionRecord.admission))
        return list(db.session.scalars(wanted.options(*shown).order_by(Term.place.desc(), Student.search_key).limit(LOOKUP_ROWS)))

    def format(self, model: SessionRecord | None) -> tuple[int, str] | None:
        """The student, the term, the admission."""
        if model is None:
            return None
        return model.id, " · ".join([model.student.name, str(model.term), str(model.admission)])


class InheritedField(RowField):
    """What a registration inherits unless somebody sets it aside: an empty choice is the inherited value, said in its words."""

    inherits = True
    shown = ""  # the inherited value in words
    source = ""  # where it comes from
    who = ""  # who has set it aside, and when

    def iter_choices(self) -> Iterable[Any]:
        """The inherited value first, then those that take its place."""
        yield option("__None", gettext("Inherited: %(value)s", value=self.shown or "—"), self.data is None)
        rows = list(self.listed or ())
        if self.data is not None and self.data not in rows:
            rows.insert(0, self.data)
        for pair, chosen in ((self.loader.format(row), row is self.data) for row in rows):
            if pair:
                yield option(pair[0], pair[1], chosen)

    def populate_obj(self, obj: Any, name: str) -> None:
        """By the model's own verbs, which keep who and when."""
        if self.data is getattr(obj, name):
            return
        if self.data is None:
            obj.inherit(name)
        else:
            obj.override(name, self.data)


class TellingField(ChoiceField):
    """The state of a transmission: it follows from the registration unless somebody says otherwise. Written by the verb, after all other fields."""

    inherits = True
    shown = source = who = ""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        known = ("choices", "coerce", "allow_blank", "widget")
        super().__init__(label, Transmission, allow_blank=True, **{key: value for key, value in kwargs.items() if key not in known})

    def iter_choices(self) -> Any:
        """What follows from the registration first."""
        yield option("", gettext("Inherited: %(value)s", value=self.shown or "—"), self.data is None)
        for member in Transmission:
            yield option(member.name, str(member.label), member is self.data)

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing: see `set_transmission`."""


class ScoreField(StringField):
    """A number with three decimals at most, by a comma or a point."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return str(show(self.data)) if self.data is not None else ""

    def process_formdata(self, valuelist: Any) -> None:
        """Refuses what is no number."""
        typed = (valuelist[0] if valuelist else "").strip().replace(get_decimal_symbol(locale()), ".")
        self.data = None
        if not typed:
            return
        if not _SCORE.fullmatch(typed):
            raise ValueError(gettext("Type a number with three decimals at most, such as 71.5."))
        self.data = Decimal(typed.replace(",", "."))


class CountField(NumberField):
    """A whole number; nothing is nought."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        kwargs.pop("allow_blank", None)
        super().__init__(label, [Optional(), by_model], **kwargs)

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nought where nothing was typed."""
        setattr(obj, name, self.data or 0)


class AsideField(BooleanField):
    """A tick that says how the form is read; the row has no such column."""

    def populate_obj(self, obj: Any, name: str) -> None:
        """Nothing."""


__all__ = ["AsideField", "Codes", "CountField", "InheritedField", "Records", "ScoreField", "TellingField", "Units", "by_model"]
