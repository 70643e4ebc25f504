"""The XML exports of SIECLE (French secondary schools): students, guardians with their ties, structures, nomenclature.

Recognised by their root element, bare or in a zip, in either schema (formats.md section 1). Each element becomes a line, numbered as it
stands among its own kind; the columns are fixed. What is deduced, and told:

- a student's number is the school year and ELEVE_ID ("2026/1500000"): ELEVE_ID alone means another child in another year. With that number
  the guardians of the same year may come later and find their students; it is never compared with a local number (ELENOET);
- who has neither division nor date of leaving has left, unless nobody of the file has a division (an export before the classes are made);
- the level comes from the kind of the MEF where that kind is certain (the years of collège, the three of lycée): from nothing else;
- a tie without level of responsibility gives the least claim, and says so. Former schema: RESP_LEGAL 1 and 2 are legal representatives, the
  others are contacts, whoever pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jobs.sources import Record, Source, xml_format
from jobs.tables import Table
from models.identifiers import clean_uai
from models.import_fields import FIELDS
from models.import_words import BadFile
from models.known_levels import BY_MEF

NAME = "siecle"
GONE = "Inactifs"  # the division where SIECLE puts those who left
TITLES = {"MME": "Mme", "MLLE": "Mme", "M": "M.", "M.": "M."}
SEXES = {"1": "M", "2": "F"}
LEGAL, CONTACT, UNKNOWN = "1", "3", "?"
BETWEEN = " | "  # names of groups in one cell
YES = {"1", "true"}

Tree = dict[str, Any]

_ADDRESS = (("LIGNE1_ADRESSE", "address1"), ("LIGNE2 à 4", "address2"), ("CODE_POSTAL", "postal_code"), ("LIBELLE_POSTAL", "town"))
STUDENT = (
    ("ELEVE_ID", "source_ref"),
    ("ID_NATIONAL", "national_id"),
    ("ELENOET", "local_id"),
    ("NOM_DE_FAMILLE", "family_name"),
    ("NOM_USAGE", "usage_name"),
    ("PRENOM", "given_name"),
    ("PRENOM2, PRENOM3", "middle_names"),
    ("CODE_SEXE", "sex"),
    ("DATE_NAISS", "born_on"),
    ("CODE_STRUCTURE (D)", "homeroom"),
    ("CODE_STRUCTURE (G)", "groups"),
    ("CODE_MEF : niveau", "level"),
    ("CODE_MEF", "programme"),
    ("MEL", "email"),
    ("TEL_PERSONNEL", "phone"),
    ("TEL_PORTABLE", "mobile"),
    *_ADDRESS,
    ("DATE_SORTIE", "left_on"),
)
GUARDIAN = (
    ("PERSONNE_ID", "file_id"),
    ("LC_CIVILITE", "title"),
    ("NOM_USAGE ou NOM_DE_FAMILLE", "family_name"),
    ("PRENOM", "given_name"),
    ("MEL", "email"),
    ("TEL_PERSONNEL", "phone"),
    ("TEL_PORTABLE", "mobile"),
    *_ADDRESS,
)
LINK = (("ELEVE_ID", "student_ref"), ("PERSONNE_ID", "guardian_ref"), ("CODE_PARENTE", "relation"), ("NIVEAU_RESPONSABILITE", "authority"))
GROUP = (("CODE_STRUCTURE", "name"), ("LIBELLE_LONG", "long_name"), ("TYPE_STRUCTURE", "category"))
PROGRAMME = (("CODE_MEF", "code"), ("LIBELLE_EDITION", "title"), ("FORMATION", "short_title"))


def said(tree: Tree, tag: str) -> str:
    """The text of a child or (`@TAG`) an attribute; of several, the first; "" when there is none."""
    found = tree.get(tag, "")
    if isinstance(found, list):
        found = next((one for one in found if isinstance(one, str)), "")
    return found if isinstance(found, str) else ""


def trees(tree: Tree, tag: str) -> list[Tree]:
    """The children of this tag that hold others."""
    found = tree.get(tag, ())
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def squeeze(text: str) -> str:
    """A code with single spaces ("3  A " is "3 A")."""
    return " ".join(text.split())


@dataclass
class Export:
    """One file while it is read: what its PARAMETRES say, and its records by path."""

    head: dict[str, Any]
    school: str = ""
    year: str = ""
    found: dict[str, list[Tree]] = field(default_factory=dict)

    @classmethod
    def read(cls, head: dict[str, Any], records: Iterable[Record]) -> Export:
        """All records of a file; each is small, and a school has some thousands."""
        export = cls(head)
        for path, _number, tree in records:
            if path == "PARAMETRES":
                export.school = clean_uai(said(tree, "UAJ"))
                year = said(tree, "ANNEE_SCOLAIRE")
                export.year = year if year.isdecimal() and len(year) == 4 else ""
            else:
                export.found.setdefault(path.rpartition("/")[2], []).append(tree)
        return export

    def of(self, tag: str) -> list[Tree]:
        """The records of one kind, in their order."""
        return self.found.get(tag, [])

    def reference(self, number: str) -> str:
        """A student's number as it is kept and compared, whatever the file that says it; "" for none."""
        return f"{self.year or NAME.upper()}/{number}" if number else ""

    def source(self, kind: str, columns: tuple[tuple[str, str], ...], rows: list[list[str]], part: str = "") -> Source:
        """A table of it, its lines numbered from 1. Raises `BadFile` when it holds none."""
        if not rows:
            raise BadFile("xml_empty")
        told = {key: self.head[key] for key in ("root", "version", "encoding", "member") if self.head.get(key)}
        detected = {"kind": NAME, **told, "school": self.school, "year": self.year}
        table = Table([heading for heading, _key in columns], 0, list(enumerate(rows, 1)), detected)
        return Source(kind, table, [key if key in FIELDS[kind] else "" for _heading, key in columns], part or kind)

    def addresses(self) -> dict[str, list[str]]:
        """Number of an address -> its cells."""
        return {said(tree, "@ADRESSE_ID"): list(_address(tree)) for tree in self.of("ADRESSE")}


NOWHERE = [""] * len(_ADDRESS)


def _address(tree: Tree) -> Iterator[str]:
    lines = [text for number in range(1, 5) if (text := said(tree, f"LIGNE{number}_ADRESSE"))]
    yield lines[0] if lines else ""
    yield ", ".join(lines[1:])
    yield said(tree, "CODE_POSTAL")
    yield said(tree, "LIBELLE_POSTAL") or said(tree, "COMMUNE_ETRANGERE")


@xml_format("BEE_ELEVES", "PARAMETRES", "DONNEES/ELEVES/ELEVE", "DONNEES/STRUCTURES/STRUCTURES_ELEVE", "DONNEES/ADRESSES/ADRESSE")
def students(head: dict[str, Any], records: Iterator[Record]) -> list[Source]:
    """ElevesSansAdresses.xml and ElevesAvecAdresses.xml."""
    export = Export.read(head, records)
    places = {said(tree, "@ELEVE_ID"): _structures(tree) for tree in export.of("STRUCTURES_ELEVE")}
    addresses = export.addresses()
    placed = any(divisions for divisions, _groups in places.values())
    rows: list[list[str]] = []
    doubts: dict[int, list[tuple[str, str, dict[str, Any]]]] = {}
    for number, tree in enumerate(export.of("ELEVE"), 1):
        key, gone = said(tree, "@ELEVE_ID"), said(tree, "DATE_SORTIE")
        divisions, groups = places.get(key, ([], []))
        division = "" if gone else divisions[0] if divisions else GONE if placed else ""
        mef = said(tree, "CODE_MEF")
        inside, outside = said(tree, "ELENOET"), said(tree, "@ELENOET")
        if inside and outside and inside != outside:
            doubts[number] = [("local_id", "two_local_ids", {"other": outside})]
        rows.append(
            [
                export.reference(key),
                said(tree, "ID_NATIONAL") or said(tree, "INE_RNIE") or said(tree, "INE_BEA"),
                inside or outside,
                said(tree, "NOM_DE_FAMILLE"),
                said(tree, "NOM_USAGE"),
                said(tree, "PRENOM"),
                ", ".join(name for tag in ("PRENOM2", "PRENOM3") if (name := said(tree, tag))),
                SEXES.get(said(tree, "CODE_SEXE"), said(tree, "CODE_SEXE")),
                said(tree, "DATE_NAISS"),
                division,
                BETWEEN.join(dict.fromkeys(groups)),
                BY_MEF.get(mef[:3], "") if len(mef) == 11 else "",
                mef,
                said(tree, "MEL"),
                said(tree, "TEL_PERSONNEL"),
                said(tree, "TEL_PORTABLE"),
                *addresses.get(said(tree, "ADRESSE_ID"), NOWHERE),
                gone,
            ]
        )
    source = export.source("students", STUDENT, rows)
    source.doubts = doubts
    return [source]


def _structures(tree: Tree) -> tuple[list[str], list[str]]:
    """(divisions, groups) of a student, in any order in the file."""
    found: dict[str, list[str]] = {"D": [], "G": []}
    for one in trees(tree, "STRUCTURE"):
        code = squeeze(said(one, "CODE_STRUCTURE"))
        if code and (kind := said(one, "TYPE_STRUCTURE").upper()) in found:
            found[kind].append(code)
    return found["D"], found["G"]


@xml_format("BEE_RESPONSABLES", "PARAMETRES", "DONNEES/PERSONNES/PERSONNE", "DONNEES/RESPONSABLES/RESPONSABLE_ELEVE", "DONNEES/ADRESSES/ADRESSE")
def guardians(head: dict[str, Any], records: Iterator[Record]) -> list[Source]:
    """ResponsablesAvecAdresses.xml: the people, then their ties."""
    export = Export.read(head, records)
    addresses = export.addresses()
    people = [
        [
            said(tree, "@PERSONNE_ID"),
            TITLES.get(said(tree, "LC_CIVILITE").upper(), said(tree, "LC_CIVILITE")),
            said(tree, "NOM_USAGE") or said(tree, "NOM_DE_FAMILLE"),
            said(tree, "PRENOM"),
            said(tree, "MEL"),
            said(tree, "TEL_PERSONNEL") or said(tree, "TEL_PROFESSIONNEL"),
            said(tree, "TEL_PORTABLE"),
            *addresses.get(said(tree, "ADRESSE_ID"), NOWHERE),
        ]
        for tree in export.of("PERSONNE")
    ]
    ties = [
        [export.reference(said(tree, "ELEVE_ID")), said(tree, "PERSONNE_ID"), said(tree, "CODE_PARENTE"), _authority(tree)]
        for tree in export.of("RESPONSABLE_ELEVE")
    ]
    return [export.source("guardians", GUARDIAN, people), export.source("links", LINK, ties)]


def _authority(tree: Tree) -> str:
    """The level of responsibility, in either schema."""
    level, legal = said(tree, "NIVEAU_RESPONSABILITE"), said(tree, "RESP_LEGAL").lower()
    if level or not legal:
        return level or UNKNOWN
    return LEGAL if legal in YES | {"2"} else CONTACT


@xml_format("BEE_STRUCTURES", "PARAMETRES", "DONNEES/DIVISIONS/DIVISION", "DONNEES/GROUPES/GROUPE")
def structures(head: dict[str, Any], records: Iterator[Record]) -> list[Source]:
    """Structures.xml: the divisions, then the groups."""
    export = Export.read(head, records)
    rows = [
        [squeeze(said(tree, "@CODE_STRUCTURE") or said(tree, "@CODE")), said(tree, "LIBELLE_LONG"), kind]
        for tag, kind in (("DIVISION", "D"), ("GROUPE", "G"))
        for tree in export.of(tag)
    ]
    return [export.source("groups", GROUP, rows)]


@xml_format("BEE_NOMENCLATURES", "PARAMETRES", "DONNEES/MEFS/MEF")
def nomenclature(head: dict[str, Any], records: Iterator[Record]) -> list[Source]:
    """Nomenclature.xml: the MEF become programmes; subjects and options are left out."""
    export = Export.read(head, records)
    rows = []
    for tree in export.of("MEF"):
        title = said(tree, "LIBELLE_EDITION") or said(tree, "LIBELLE_LONG") or said(tree, "FORMATION")
        rows.append([said(tree, "@CODE_MEF"), title, said(tree, "FORMATION")])
    return [export.source("programmes", PROGRAMME, rows)]
