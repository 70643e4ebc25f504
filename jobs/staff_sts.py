"""The export of STS-web, `sts_emp_<UAI>_<year>.xml`: who works in the school, and who teaches which division or group.

Structure as the free importers of French schools read it: `DONNEES/INDIVIDUS/INDIVIDU[@ID]/{NOM_USAGE, NOM_PATRONYMIQUE, PRENOM,
DATE_NAISSANCE, FONCTION}` and `DONNEES/STRUCTURE/{DIVISIONS/DIVISION, GROUPES/GROUPE}[@CODE]/SERVICES/SERVICE/ENSEIGNANTS/ENSEIGNANT[@ID]`;
the school stands in `PARAMETRES/UAJ[@CODE]`. The file holds no e-mail. Somebody on a long leave has no function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobs.sources import Record, Source, xml_format
from jobs.tables import Table
from models.identifiers import clean_uai
from models.import_words import BadFile

PERSON, DIVISION, GROUP = "DONNEES/INDIVIDUS/INDIVIDU", "DONNEES/STRUCTURE/DIVISIONS/DIVISION", "DONNEES/STRUCTURE/GROUPES/GROUPE"
HEADINGS = ("Nom", "Prénom", "Date de naissance", "Fonction", "Classes et groupes")
KEYS = ["family_name", "given_name", "born_on", "role", "classes"]


@xml_format("STS_EDT", "PARAMETRES", PERSON, DIVISION, GROUP)
def sts(head: dict[str, Any], records: Iterator[Record]) -> list[Source]:
    """The people of the file as one table, each with the classes and groups that they teach."""
    people: list[Record] = []
    taught: dict[str, list[str]] = {}
    school = year = ""
    for record in records:
        tree = record.tree
        if record.path == PERSON:
            people.append(record)
        elif record.path == "PARAMETRES":
            school = clean_uai(_attribute(tree, "UAJ", "@CODE") or _text(tree, "UAJ"))
            year = _attribute(tree, "ANNEE_SCOLAIRE", "@ANNEE") or _text(tree, "ANNEE_SCOLAIRE")
        else:
            for teacher in _teachers(tree):
                taught.setdefault(teacher, []).append(str(tree.get("@CODE", "")))
    if not people:
        raise BadFile("no_rows")
    rows = [(record.number, _row(record.tree, taught)) for record in people]
    detected = {**head, "kind": "sts", "school": school, "year": year[:4]}
    return [Source("staff", Table(list(HEADINGS), 0, rows, detected), list(KEYS))]


def _row(tree: dict[str, Any], taught: dict[str, list[str]]) -> list[str]:
    name = _text(tree, "NOM_USAGE") or _text(tree, "NOM_PATRONYMIQUE")
    classes = " | ".join(dict.fromkeys(code for code in taught.get(str(tree.get("@ID", "")), ()) if code))
    return [name, _text(tree, "PRENOM"), _text(tree, "DATE_NAISSANCE"), _text(tree, "FONCTION"), classes]


def _teachers(tree: dict[str, Any]) -> Iterator[str]:
    """Who teaches a division or a group, each time they do."""
    for services in _trees(tree, "SERVICES"):
        for service in _trees(services, "SERVICE"):
            for teachers in _trees(service, "ENSEIGNANTS"):
                yield from (str(teacher.get("@ID", "")) for teacher in _trees(teachers, "ENSEIGNANT"))


def _trees(tree: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    found = tree.get(tag, [])
    return [child for child in found if isinstance(child, dict)] if isinstance(found, list) else []


def _text(tree: dict[str, Any], tag: str) -> str:
    found = tree.get(tag, "")
    return found if isinstance(found, str) else ""


def _attribute(tree: dict[str, Any], tag: str, name: str) -> str:
    return next((str(child.get(name, "")) for child in _trees(tree, tag)), "")
