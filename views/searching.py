"""What a person typed into a search as the clauses of a query: words, wildcards, the index used where there is one."""

from __future__ import annotations

from models.base import fold

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
