"""Files of Onde, the register of French primary schools: recognised by their headings, read by a fixed list of columns.

`CSVExtraction.csv` exists of the students and of the guardians (formats.md section 4). The second names the children of each guardian in
blocks of four columns that repeat, without any identifier; its lines are as long as they have children, longer than the headings at
times. What the school does not keep here (second homes, attestations, authorisations, decisions of passage) has no key: the page of the
import says which columns are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.columns import STUDENT, squash
from jobs.sources import Source, table_format
from jobs.tables import Table
from models.import_fields import CHILDREN_PER_ROW

STUDENTS, GUARDIANS = "students", "guardians"

_STUDENT_KEYS = {
    "nomeleve": "family_name",
    "nomdefamilleeleve": "family_name",
    "nomdusageeleve": "usage_name",
    "prenomeleve": "given_name",
    "datenaissance": "born_on",
    "datedenaissance": "born_on",
    "sexe": "sex",
    "adresse1": "address1",
    "cp1": "postal_code",
    "commune1": "town",
    "niveau": "level",
    "classe": "homeroom",
    "libelleclasse": "homeroom",
}
_GUARDIAN_KEYS = {
    "civiliteresponsable": "title",
    "nomusageresponsable": "usage",
    "nomdusageresponsable": "usage",
    "nomresponsable": "family_name",
    "nomdefamilleresponsable": "family_name",
    "prenomresponsable": "given_name",
    "adresseresponsable": "address1",
    "cpresponsable": "postal_code",
    "communeresponsable": "town",
    "courriel": "email",
    "telephonedomicile": "phone",
    "telephoneportable": "mobile",
}
_CHILD_KEYS = {
    "nomdusageenfant": "usage_name",
    "nomusageenfant": "usage_name",
    "nomdefamilleenfant": "family_name",
    "nomenfant": "family_name",
    "prenomenfant": "given_name",
    "classesenfants": "homeroom",
    "classeenfant": "homeroom",
    "classesenfant": "homeroom",
}


@dataclass(frozen=True)
class Onde:
    """What a recognised file is: its kind, the key of each column, the table with its headings as wide as its lines."""

    kind: str
    mapping: list[str]
    table: Table


def recognise(table: Table) -> Onde | None:
    """The file as Onde made it, or None when its headings are not Onde's."""
    words = [squash(heading) for heading in table.header]
    if {"nomdefamilleenfant", "prenomenfant"} <= set(words) and {"nomresponsable", "civiliteresponsable"} & set(words):
        return _guardians(table, words)
    if {"nomeleve", "prenomeleve", "cycle"} <= set(words) and {"classe", "libelleclasse"} & set(words):
        return Onde(STUDENTS, _once([_STUDENT_KEYS.get(word) or _national_id(word) for word in words]), table)
    return None


@table_format
def onde(table: Table) -> list[Source] | None:
    """The one table of a file of Onde."""
    found = recognise(table)
    if found is None:
        return None
    found.table.detected["kind"] = "onde"
    return [Source(found.kind, found.table, found.mapping)]


def _national_id(word: str) -> str:
    return "national_id" if STUDENT.get(word) == "national_id" else ""


def _once(keys: list[str]) -> list[str]:
    """The first of two columns with the same key keeps it."""
    return [key if key not in keys[:at] else "" for at, key in enumerate(keys)]


def _guardians(table: Table, words: list[str]) -> Onde:
    """The guardians: a block of columns for each child, also where lines go on beyond the headings.

    The name in use of a guardian, where there is one, is the one that letters bear: it takes the place of the other.
    """
    header, block = list(table.header), [at for at, word in enumerate(words) if word in _CHILD_KEYS]
    size = next((n for n, at in enumerate(block) if n and words[at] == words[block[0]]), len(block))
    first = block[0]
    # The extraction writes as many headings as its first line has children: the lines of larger families are longer.
    longest = max((len(row) for _line, row in table.rows), default=0)
    while len(header) < longest and block[-1] == len(header) - 1:
        header += table.header[first : first + size]
        block += range(len(header) - size, len(header))
    places = {at: n // size + 1 for n, at in enumerate(block)}
    keys = []
    for at, heading in enumerate(header):
        word, place = squash(heading), places.get(at, 0)
        child = _CHILD_KEYS.get(word, "")
        keys.append((f"c{place}.{child}" if place <= CHILDREN_PER_ROW else "") if place else _GUARDIAN_KEYS.get(word, ""))
    keys = _once(keys)
    rows = table.rows
    if "usage" in keys and "family_name" in keys:
        usage, family = keys.index("usage"), keys.index("family_name")
        rows = [(line, _named(row, usage, family)) for line, row in rows]
        del header[usage], keys[usage]
    return Onde(GUARDIANS, ["" if key == "usage" else key for key in keys], Table(header, table.header_line, rows, table.detected))


def _named(row: list[str], usage: int, family: int) -> list[str]:
    """A line whose name is the one in use, if there is one; the column that said so goes."""
    used = row[usage].strip() if usage < len(row) else ""
    named = [*row[:family], used, *row[family + 1 :]] if used and family < len(row) else row
    return [cell for at, cell in enumerate(named) if at != usage]
