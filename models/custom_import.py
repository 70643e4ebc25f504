"""The school's own fields as columns of an import: `student:canteen` is the key of a column, as `born_on` is (models/import_fields.py).

A cell is read by its field, told wrong like any other, and kept as text between the check and the write; these functions go from one
form to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.custom import in_use
from models.custom_values import PREFIX, FieldKind, Spec
from models.words import _

MARK = ":"
TABLES = {"students": "student", "guardians": "guardian"}  # kind of a file -> whose fields it may hold
YES, NO = "oui", "non"  # as a cell says them; people read them in their language


def own_specs(kind: str) -> tuple[Spec, ...]:
    """The fields that a file of this kind may hold in the present school."""
    table = TABLES.get(kind)
    return tuple(spec for spec in in_use(table) if spec.in_import) if table else ()


def key_of(spec: Spec) -> str:
    """The key of its column."""
    return f"{spec.table}{MARK}{spec.key}"


def spec_of(key: str) -> Spec | None:
    """The field behind the key of a column; None for every other column, and when the field is withdrawn."""
    table, mark, _rest = key.partition(MARK)
    return next((spec for spec in in_use(table) if key_of(spec) == key), None) if mark else None


def text_of(key: str, value: Any) -> Any:
    """The text of a cell that reads as this value; the values of other columns are theirs already."""
    spec = spec_of(key)
    if spec is None or value in (None, ""):
        return value
    if spec.kind is FieldKind.yes_no:
        return YES if value else NO
    return str(spec.value(value))


def options_of(spec: Spec) -> list[tuple[str, Any]] | None:
    """(text of the cell, words) of a field with a closed list; None for every other."""
    if spec.kind is FieldKind.yes_no:
        return [(YES, _("Yes")), (NO, _("No"))]
    if spec.kind is FieldKind.choice:
        return [(option.label, option.label) for option in spec.options if not option.retired]
    return None


def values_in(table: str, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a row holds in its fields, under the keys of the columns."""
    return {f"{table}{MARK}{key}": value for key, value in (extra or {}).items()}


def column_of(key: str) -> str:
    """The name under which the history knows the value of a column of an import."""
    return PREFIX + key.partition(MARK)[2] if MARK in key else key


def parted(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values of ordinary columns, what goes into the row's own fields)."""
    own = {key.partition(MARK)[2]: value for key, value in values.items() if MARK in key}
    return {key: value for key, value in values.items() if MARK not in key}, own
