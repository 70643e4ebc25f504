"""The spreadsheet extraction of SIECLE: 136 columns, recognised by their headings, read by a fixed list.

A student stands on as many lines as they have structures: their lines are one, known by the national identifier, else by names and date of
birth, and keep the number of the first. Its headings exist in two wordings ("Code Structure" and "Repr. Lég. 1", or "Division" and
"Repr. légal"). It holds legal representatives only, and says neither its school nor its year: no number of SIECLE is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobs.columns import squash
from jobs.siecle import BETWEEN, GONE, LEGAL, NAME, TITLES, squeeze
from jobs.sources import Source, table_format
from jobs.tables import Table
from models.import_fields import FIELDS
from models.known_levels import BY_MEF

# key -> the headings it may have, squashed; of several in one file, those not empty are joined.
_PLACE = {"postal_code": "codepostal", "town": "libpostal communeetrangere"}
STUDENT = {
    "national_id": "idnational",
    "local_id": "elevenoetab",
    "family_name": "nomdefamille",
    "usage_name": "nomdusage",
    "given_name": "prenom prenom1",
    "middle_names": "prenom2 prenom3",
    "sex": "sexe",
    "born_on": "datenaissance datedenaissance",
    "homeroom": "codestructure division",
    "programme": "codemef",
    "email": "email courriel",
    "phone": "telpersonnel",
    "mobile": "telportable",
    "address1": "ligneadresse1",
    "address2": "ligneadresse2 ligneadresse3 ligneadresse4",
    **_PLACE,
    "left_on": "datesortie",
}
GUARDIAN = {
    "title": "civilite",
    "family_name": "nomdusage nomdefamille",
    "given_name": "prenom",
    "relation": "lienparente liendeparente",
    "email": "email courriel",
    "phone": "telpersonnel telprofessionnel",
    "mobile": "telportable",
    "address1": "ligneadresse1",
    "address2": "ligneadresse2 ligneadresse3 ligneadresse4",
    **_PLACE,
}
_FIRST_ONLY = {"family_name", "given_name", "phone", "town", "born_on", "homeroom", "email"}  # one of several; the others are joined
_MARK = re.compile(r"^(.*?)(autre)?reprleg(?:al)?([12]?)$")
_ADDED = ("groups", "level", "g1.authority", "g2.authority")


def _places(header: list[str]) -> dict[str, list[int]]:
    """Key -> the columns that say it."""
    found: dict[str, list[int]] = {}
    seen: dict[str, int] = {}
    for at, heading in enumerate(header):
        word = squash(heading)
        mark = _MARK.match(word)
        if mark:
            number = mark[3] or ("2" if mark[2] else "1")
            seen.setdefault(f"g{number}.{mark[1]}", at)
        else:
            seen.setdefault(word, at)
    for key, words in STUDENT.items():
        found[key] = [seen[word] for word in words.split() if word in seen]
    for number in "12":
        for key, words in GUARDIAN.items():
            found[f"g{number}.{key}"] = [seen[f"g{number}.{word}"] for word in words.split() if f"g{number}.{word}" in seen]
    return {key: places for key, places in found.items() if places}


@table_format
def extraction(table: Table) -> list[Source] | None:
    """The students of an extraction with their guardians; None for any other table."""
    places = _places(table.header)
    if not {"family_name", "given_name", "homeroom", "g1.family_name"} <= set(places):
        return None
    words = [squash(heading) for heading in table.header]
    kind = words.index("typestructure") if "typestructure" in words else -1
    lines: dict[tuple[str, ...], tuple[int, dict[str, str], list[tuple[str, str]]]] = {}
    for line, row in table.rows:
        cells = dict(_cells(row, places))
        who = (cells["national_id"],) if cells.get("national_id") else tuple(cells.get(key, "") for key in ("family_name", "given_name", "born_on"))
        structure = (squeeze(cells.pop("homeroom", "")), _at(row, kind).upper()[:1] or "D")
        lines.setdefault(who if any(who) else (str(line),), (line, cells, []))[2].append(structure)
    placed = any(code and type_ == "D" for _line, _cells, structures in lines.values() for code, type_ in structures)
    keys = [*places, *_ADDED]
    rows = [(line, [cells.get(key, "") for key in keys]) for line, cells in (_whole(one, placed) for one in lines.values())]
    header = [table.header[places[key][0]] if key in places else "" for key in keys]
    detected = {**table.detected, "kind": NAME, "school": "", "year": ""}
    return [Source("students", Table(header, table.header_line, rows, detected), [key if key in FIELDS["students"] else "" for key in keys])]


def _at(row: list[str], at: int) -> str:
    return row[at].strip() if 0 <= at < len(row) else ""


def _cells(row: list[str], places: dict[str, list[int]]) -> Iterator[tuple[str, str]]:
    for key, columns in places.items():
        said = [text for at in columns if (text := _at(row, at))]
        if said:
            yield key, said[0] if key.rpartition(".")[2] in _FIRST_ONLY else ", ".join(said)


def _whole(one: tuple[int, dict[str, str], list[tuple[str, str]]], placed: bool) -> tuple[int, dict[str, str]]:
    """A student's line, with what all their lines say of structures and what follows from the others."""
    line, cells, structures = one
    divisions = [code for code, kind in structures if code and kind == "D"]
    groups = dict.fromkeys(code for code, kind in structures if code and kind == "G")
    mef = cells.get("programme", "")
    cells["homeroom"] = "" if cells.get("left_on") else divisions[0] if divisions else GONE if placed else ""
    cells["groups"] = BETWEEN.join(groups)
    cells["level"] = BY_MEF.get(mef[:3], "") if len(mef) == 11 else ""
    for number in "12":
        title = cells.get(f"g{number}.title", "")
        if cells.get(f"g{number}.family_name"):
            cells |= {f"g{number}.authority": LEGAL, f"g{number}.title": TITLES.get(title.upper(), title)}
        else:  # a phone without anybody
            cells = {key: text for key, text in cells.items() if not key.startswith(f"g{number}.")}
    return line, cells
