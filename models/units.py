"""Units of a college course (1 unit = 45 hours of learning), kept as a whole number of thirds so that sums are exact.

Shown with two decimals, cut and not rounded (4,33 and 6,66), as the records of the network write them; typed as 4,33, 4.33, 4 1/3 or 4.
"""

from __future__ import annotations

import re

from models.base import Refusal
from models.words import _

MOST = 99 * 3  # thirds: no course is worth more, and a slip of the keyboard is seen
_CUT = ("00", "33", "66")
_DECIMALS = {"": 0, "0": 0, "00": 0, "3": 1, "33": 1, "34": 1, "333": 1, "6": 2, "66": 2, "67": 2, "666": 2, "667": 2}
_DECIMAL = re.compile(r"(\d{1,3})(?:[.,](\d{0,3}))?")
_FRACTION = re.compile(r"(?:(\d{1,3})\s+)?([0-2])\s*/\s*3")


def show_units(thirds: int | None, comma: str = ",") -> str:
    """4,33 for thirteen thirds; nothing for None. `comma` is the reader's decimal sign."""
    return "" if thirds is None else f"{thirds // 3}{comma}{_CUT[thirds % 3]}"


def read_units(typed: str | None) -> int | None:
    """The thirds that somebody typed, None for nothing. Refused: what is no whole number of thirds, more than 99 units."""
    text = " ".join((typed or "").replace("⅓", " 1/3").replace("⅔", " 2/3").split())
    if not text:
        return None
    if found := _FRACTION.fullmatch(text):
        thirds = int(found[1] or 0) * 3 + int(found[2])
    elif (found := _DECIMAL.fullmatch(text)) and (found[2] or "") in _DECIMALS:
        thirds = int(found[1]) * 3 + _DECIMALS[found[2] or ""]
    else:
        raise Refusal(_("“%(value)s” is no number of units: they go by thirds. Type 4, 4.33, 4.66 or 4 1/3."), value=text[:40])
    if thirds > MOST:
        raise Refusal(_("“%(value)s” is too many units: 99 at most."), value=text[:40])
    return thirds
