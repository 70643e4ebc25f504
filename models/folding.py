"""Folding inside the database: a column compared as people search it, whatever accents and capitals it holds.

SQLite is given our own `fold` (models/db.py); PostgreSQL does the same with `translate`. For columns that are not a
folded `search_key` already.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from models.base import fold

# The type of a folded key: both databases compare it sign by sign, so that an index on it serves its order and its beginnings.
SearchKey = Text().with_variant(Text(collation="C"), "postgresql")

_LETTERS = [chr(code) for first, last in ((0xE0, 0x17F), (0x1EA0, 0x1EF9)) for code in range(first, last + 1)]
_ONE = {letter: fold(letter) for letter in _LETTERS if unicodedata.category(letter) == "Ll" and fold(letter) != letter and len(fold(letter)) == 1}
_MANY = {"œ": "oe", "æ": "ae", "ß": "ss", "’": "''"}


class folded(GenericFunction[str]):  # noqa: N801 (it reads as an SQL function)
    """`folded(column)`: without accents, in lower case."""

    type = String()
    inherit_cache = True
    name = "fold"


@compiles(folded, "postgresql")
def _postgresql(element: Any, compiler: Any, **options: Any) -> str:
    inner = f"lower({compiler.process(element.clauses, **options)})"
    for letter, plain in _MANY.items():
        inner = f"replace({inner}, '{letter}', '{plain}')"
    return f"translate({inner}, '{''.join(_ONE)}', '{''.join(_ONE.values())}')"
