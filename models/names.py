"""Names as they are compared: whatever the accents, capitals, hyphens and order in which they were typed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import fold

_SIGNS = re.compile(r"[-'.‐‑–]")


@lru_cache(maxsize=16_384)
def plain_words(text: str) -> str:
    """A text folded, its hyphens, apostrophes and full stops as spaces."""
    return " ".join(_SIGNS.sub(" ", fold(text)).split())


def spelling_stays(kept: str, read: str) -> bool:
    """Whether a file that writes a known name otherwise leaves the school's spelling: only case, accents, hyphens, apostrophes or spaces differ.

    A name kept all in capitals, or all in small letters, gives way to one that is written with both.
    """
    if kept == read:
        return True
    if not kept or _letters(kept) != _letters(read):
        return False
    return _mixed(kept) or not _mixed(read)


def _letters(name: str) -> str:
    return plain_words(name).replace(" ", "")


def _mixed(name: str) -> bool:
    return name != name.upper() and name != name.lower()


def name_key(family_name: str, given_name: str) -> str:
    """All words of a name in alphabetical order: "Le Goff, Jean-Pierre" and "PIERRE LE GOFF JEAN" are one."""
    return " ".join(sorted(plain_words(f"{family_name or ''} {given_name or ''}").split()))


def _key_of_new(context: Any) -> str:
    """The key of a row that is being inserted, also by a statement that passes by the listeners."""
    row = context.get_current_parameters()
    return name_key(row.get("family_name") or "", row.get("given_name") or "")


class Named:
    """Somebody whose name is compared with others'. The key is kept true by models/search.py when a name changes."""

    name_key: Mapped[str] = mapped_column(Text, default=_key_of_new)
