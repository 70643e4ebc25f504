"""The one field that a change of many rows is about: what a row says there, how it is given another value, whose it is to set."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, String
from sqlalchemy.orm import Session

from models.changes import default_of, value_for
from models.custom import Extensible, in_use
from models.custom_values import PREFIX, Spec
from models.journal import screen_of
from models.packing import unpack
from models.rights import reach
from models.scope import WHO

# What the school gives: whoever reaches only their own students fills in the rest.
GIVEN = {"student": ("level", "programme", "homeroom", "adviser")}


def withheld(table: str) -> tuple[str, ...]:
    """The fields of a table that the person who acts does not set."""
    return GIVEN.get(table, ()) if reach(WHO.get().roles, table, "edit") == "g" else ()


class Target:
    """The field of a class by its name: a column, a relation to one row, or `extra.<key>`. Raises KeyError for anything else."""

    def __init__(self, model: Any, name: str) -> None:
        self.model, self.name, self.mapper = model, name, model.__mapper__
        self.spec: Spec | None = None
        self.relation = None
        if name.startswith(PREFIX):
            specs = in_use(screen_of(self.mapper)) if issubclass(model, Extensible) else ()
            self.spec = {spec.name: spec for spec in specs}[name]
            self.attribute = "extra"
        elif name in self.mapper.relationships:
            self.relation = self.mapper.relationships[name]
            (column,) = self.relation.local_columns
            self.attribute = self.mapper.get_property_by_column(column).key
        else:
            self.attribute = self.mapper.column_attrs[name].key

    def unpack(self, session: Session, packed: Any) -> Any:
        """The value to give: of a relation its row, of the school's own field its packed form. Refused when the row is gone."""
        if self.spec is not None:
            return packed
        return unpack(session, packed) if self.relation is not None else value_for(self.mapper.column_attrs[self.name].columns[0], packed)

    def plain(self, stored: Any) -> Any:
        """What a row says, from the column behind the field; None where it says nothing."""
        found = (stored or {}).get(self.spec.key) if self.spec is not None else stored
        return None if found == "" else found

    def of(self, value: Any) -> Any:
        """The same form of the value to give."""
        return value.id if self.relation is not None and value is not None else None if value == "" else value

    def give(self, row: Any, value: Any) -> None:
        """Write it into a row; a rule of the model may refuse."""
        if self.spec is not None:
            row.put(self.spec, value)
        elif value is None and self.relation is None and not self.mapper.column_attrs[self.name].columns[0].nullable:
            setattr(row, self.name, "")
        else:
            setattr(row, self.name, value)

    @property
    def may_be_empty(self) -> bool:
        """Whether a row may say nothing here."""
        if self.spec is not None:
            return not self.spec.required
        column: Column[Any] = self.mapper.column_attrs[self.attribute].columns[0]
        return bool(column.nullable) or (isinstance(column.type, String) and default_of(column) == "")

    @property
    def judged_by_model(self) -> bool:
        """Whether a rule of the class looks at each row."""
        return bool({self.name, self.attribute} & set(self.mapper.validators))
