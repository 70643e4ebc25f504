"""The levels of French schools, from the nursery school to the final year, read from the names that schools and files give them.

Sources: Education Code D321-1 (nursery and primary cycles), D332-2 (collège), D333-2 (lycée); figures of a MEF: the ministry's nomenclature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from models.names import plain_words
from models.school import Country, Level

# The first three figures of a MEF of eleven: its level.
BY_MEF = {"100": "6e", "101": "5e", "102": "4e", "103": "3e", "200": "2nde", "201": "1re", "211": "1re", "202": "Terminale", "212": "Terminale"}

# In the order of the studies, school after school: what comes after the last of one school is taught in another.
_NURSERY_AND_PRIMARY = (
    "ps|petite section",
    "ms|moyenne section",
    "gs|grande section",
    "cp|cours preparatoire",
    "ce ?1|cours elementaire (?:1(?:re|ere)? annee|1)",
    "ce ?2|cours elementaire (?:2(?:e|eme|nde)? annee|2)",
    "cm ?1|cours moyen (?:1(?:re|ere)? annee|1)",
    "cm ?2|cours moyen (?:2(?:e|eme|nde)? annee|2)",
)
_COLLEGE = ("6(?:i?eme|e)?|sixieme", "5(?:i?eme|e)?|cinquieme", "4(?:i?eme|e)?|quatrieme", "3(?:i?eme|e)?|troisieme")
_LYCEE = ("2(?:nde|de|nd|e)|seconde", "1(?:ere|re|e)|premiere", "tle|term(?:inale)?")
_PLACES = [
    (re.compile(rf"(?:{words})(?![a-z0-9])"), stage, place)
    for place, (stage, words) in enumerate((n, words) for n, stage in enumerate((_NURSERY_AND_PRIMARY, _COLLEGE, _LYCEE)) for words in stage)
]


def place_of(name: str) -> tuple[int, int, str] | None:
    """(stage, place in the order of the studies, what the name says besides) of "6e", "6ÈME SEGPA", "CM2", a MEF; None when the name tells none.

    None too for several levels in one ("CM1-CM2") and for a year that is counted within a diploma ("1re année").
    """
    plain = plain_words(name)
    if re.fullmatch(r"\d{11}", plain):
        plain = plain_words(BY_MEF.get(plain[:3], ""))
    for words, stage, place in _PLACES:
        if found := words.match(plain):
            besides = " ".join(re.findall(r"[a-z0-9]+", plain[found.end() :]))
            several = any(elsewhere != place and other.match(besides) for other, _stage, elsewhere in _PLACES)
            return None if besides.startswith("annee") or several else (stage, place, besides)
    return None


def following_of(levels: Sequence[Level], level: Level) -> Level | bool | None:
    """The one of `levels` that comes next by what its name says. Where none does: True when pupils stay in the school all the same (a later
    level of the same stage is taught), False when they leave it, None when the name of `level` tells nothing."""
    spot = place_of(level.name)
    if spot is None:
        return None
    stage, place, besides = spot
    known = [(other, where) for other in levels if (where := place_of(other.name))]
    next_ones = [(other, where[2]) for other, where in known if where[1] == place + 1]
    if next_ones:
        return min(next_ones, key=lambda one: (one[1] != besides, one[1] != "", one[0].rank))[0]
    return any(where[0] == stage and where[1] > place for _other, where in known)


def insert_levels(existing: Sequence[Level], new: Mapping[str, Level], country: Country) -> None:
    """Give new levels their rank among those of a school (in its order): by what the names say in France, else last, as they come.

    Known levels after which one comes are moved down by as little as it takes.
    """
    order = list(existing)
    places = {id(level): place_of(level.name) if country is Country.FR else None for level in (*order, *new.values())}
    for level in sorted(new.values(), key=lambda one: places[id(one)] is None):  # those that tell a place first
        spot = places[id(level)]
        where = len(order)
        if spot is not None:
            told = [(n, found[1]) for n, other in enumerate(order) if (found := places[id(other)])]
            above = [n for n, place in told if place > spot[1]]
            below = [n + 1 for n, _place in told]
            where = above[0] if above else below[-1] if below else len(order)
        order.insert(where, level)
    made = {id(level) for level in new.values()}
    last, moved = 0, False
    for level in order:
        if id(level) in made:
            level.rank, moved = last + 1, True
        elif moved and level.rank <= last:
            level.rank = last + 1
        last = max(last, level.rank)
