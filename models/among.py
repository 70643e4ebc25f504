"""A column among many identifiers, as one parameter: thousands of places in a statement cost more than the rows they ask for.

SQLite reads the list as JSON, PostgreSQL as an array.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class _Identifiers(TypeDecorator[list[int]]):
    """A list of whole numbers as one parameter."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """An array, or text that holds JSON."""
        return dialect.type_descriptor(ARRAY(BigInteger) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """The list itself, or as JSON."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Each(FunctionElement[int]):
    inherit_cache = True


@compiles(_Each, "sqlite")
def _sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608 (the place of the parameter, no data)


@compiles(_Each, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}))"


def among(column: Any, identifiers: Iterable[int]) -> Any:
    """The clause: the column holds one of these whole numbers."""
    given = bindparam(None, list(identifiers), type_=_Identifiers(), unique=True)
    return column.op("IN", is_comparison=True)(_Each(given))
