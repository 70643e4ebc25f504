"""What a person typed into a search as the clauses of a query: words, wildcards, the index used where there is one."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import and_

from models.base import fold
from models.folding import folded

LONGEST_SEARCH = 200
MOST_WORDS = 12
_LAST = "\U0010ffff"  # after every sign that a text can hold


def words_of(text: str) -> list[str]:
    """The folded words that are looked for. Nobody types more: what comes after would only be work for the database, up to its limits."""
    return fold(text[:LONGEST_SEARCH]).split()[:MOST_WORDS]


def like(term: str) -> str:
    """A LIKE pattern of what a person typed: `*` and `?` are wild, everything else is itself (escape character: backslash)."""
    safe = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return safe.replace("*", "%").replace("?", "_")


def field_pattern(text: str) -> str:
    """The pattern of a search in one field: anywhere in it, but the whole value with `*` or `?`."""
    words = like(fold(text[:LONGEST_SEARCH]))
    return words if "*" in text or "?" in text else f"%{words}%"


def folded_like(column: Any, pattern: str) -> Any:
    """The clause: a folded pattern against a column, folded by the database unless it is a `search_key`, which is so already."""
    plain = column if getattr(column, "key", "") == "search_key" else folded(column)
    return plain.like(pattern, escape="\\")


def starting_with(column: Any, text: str) -> Any:
    """The clause: the column begins so (`*` and `?` are wild). A folded key is found by its index, in its order."""
    beginning = re.split(r"[*?]", text, maxsplit=1)[0]
    wild = folded_like(column, f"{like(text)}%")
    if getattr(column, "key", "") != "search_key" or not beginning:
        return wild
    between = and_(column >= beginning, column < beginning + _LAST)
    return between if beginning == text else and_(between, wild)
