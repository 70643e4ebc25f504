"""Postal addresses as the post reads them, the sheets of labels that shops sell, and who is written to in which household.

France: NF Z 10-011 (six lines at most, no comma in the street, the town's line in capitals). Canada: the province after the town,
in French in full and between brackets, then the code. No words here: `jobs/address_labels.py` says them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.base import Choice, fold
from models.class_lists import class_order, pieces
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Relation, Student
from models.school import Country, Level
from models.tokens import base_language
from models.words import _

_CANADIAN = re.compile(r"([A-Z]\d[A-Z])\s*-?\s*(\d[A-Z]\d)")
# The first letter of a Canadian code says the province; X is shared by two territories.
_PROVINCES = {
    "A": ("NL", "Terre-Neuve-et-Labrador"),
    "B": ("NS", "Nouvelle-Écosse"),
    "C": ("PE", "Île-du-Prince-Édouard"),
    "E": ("NB", "Nouveau-Brunswick"),
    **dict.fromkeys("GHJ", ("QC", "Québec")),
    **dict.fromkeys("KLMNP", ("ON", "Ontario")),
    "R": ("MB", "Manitoba"),
    "S": ("SK", "Saskatchewan"),
    "T": ("AB", "Alberta"),
    "V": ("BC", "Colombie-Britannique"),
    "X": ("NT", "Territoires du Nord-Ouest"),
    "Y": ("YT", "Yukon"),
}
_NUNAVUT = ("NU", "Nunavut")


class Place(NamedTuple):
    """Where somebody lives, as the file holds it."""

    address1: str = ""
    address2: str = ""
    postal_code: str = ""
    town: str = ""

    @property
    def known(self) -> bool:
        """Whether a letter can be sent there: a street or a town is enough for the post to try."""
        return bool(self.address1.strip() or self.town.strip())

    @property
    def key(self) -> str:
        """Two spellings of one address give the same key: accents, capitals, commas and spaces do not count."""
        return fold(re.sub(r"[\s,.’'-]+", " ", " ".join(self)))


def home_of(person: Any) -> Place:
    """The address on somebody's record."""
    return Place(person.address1, person.address2, person.postal_code, person.town)


def postal_lines(place: Place, country: Country, language: str) -> tuple[str, ...]:
    """The lines below the name, without empty ones. The code decides where it is; without one, the school's country does."""
    code = _CANADIAN.fullmatch(place.postal_code.strip().upper())
    if code is None and country is Country.FR:
        streets = [" ".join(line.replace(",", " ").split()) for line in (place.address1, place.address2)]
        last = f"{place.postal_code.strip()} {place.town.strip().upper()}"
    else:
        streets, last = [place.address1.strip(), place.address2.strip()], place.town.strip()
        if code is None:
            last = f"{last}  {place.postal_code.strip()}"
        else:
            short, full = _NUNAVUT if code[1] in ("X0A", "X0B", "X0C") else _PROVINCES.get(code[1][0], ("", ""))
            province = f"({full})" if base_language(language) == "fr" else short
            last = f"{last} {province if full else ''}".strip() + f"\u00a0\u00a0{code[1]} {code[2]}"  # two spaces, which stay
    return tuple(line for line in (*streets, last.strip()) if line.strip("\u00a0 "))


# --- sheets of labels ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """A sheet of labels, in millimetres; `step` is from the edge of one label to that of the next."""

    paper: str
    columns: int
    rows: int
    width: float
    height: float
    left: float
    top: float
    step_x: float
    step_y: float

    @property
    def count(self) -> int:
        """Labels on one sheet."""
        return self.columns * self.rows


class LabelSheet(Choice):
    """The sheets that a school finds in any shop."""

    l7160 = "l7160", _("21 labels on A4, 63.5 × 38.1 mm (L7160)")
    l7163 = "l7163", _("14 labels on A4, 99.1 × 38.1 mm (L7163)")
    us5160 = "us5160", _("30 labels on Letter, 66.7 × 25.4 mm (5160)")

    @property
    def grid(self) -> Grid:
        """Where its labels lie."""
        return _GRIDS[self.name]


_GRIDS = {
    "l7160": Grid("a4", 3, 7, 63.5, 38.1, 7.25, 15.15, 66.0, 38.1),
    "l7163": Grid("a4", 2, 7, 99.1, 38.1, 4.65, 15.15, 101.6, 38.1),
    "us5160": Grid("us-letter", 3, 10, 66.675, 25.4, 4.7625, 12.7, 69.85, 25.4),
}
USUAL_SHEET = {Country.FR: LabelSheet.l7160, Country.CA: LabelSheet.us5160}


class LabelTo(Choice):
    """To whom the labels are."""

    students = "students", _("[Students], at their own address")
    guardians = "guardians", _("[Guardians], one label for each household of each [student]")
    families = "families", _("Families, one label for each household whatever the number of children")


# --- who is written to -----------------------------------------------------------------------------------------------------------


class Adult(NamedTuple):
    """A guardian as a label needs them."""

    id: int
    title: str
    name: str
    relation: Relation
    place: Place


@dataclass
class Label:
    """One label before its words: who lives there, and whose guardians they are."""

    place: Place
    students: list[str]
    adults: tuple[Adult, ...] = ()  # none: the student
    everybody: bool = False  # to the guardians of the student, who are not known by name

    @property
    def parents(self) -> bool:
        """Whether all of them are mother or father, so that "parents" is said."""
        return all(adult.relation in (Relation.mother, Relation.father) for adult in self.adults)


class _Child(NamedTuple):
    id: int
    sort: tuple[Any, ...]
    name: str
    listed: str
    place: Place


@dataclass
class Mailing:
    """The labels, and the names of those without an address, whom no label reaches."""

    labels: list[Label] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


def mailing(session: Session, ids: Sequence[int], to: LabelTo, within: ColumnElement[bool] | None = None) -> Mailing:
    """The labels of these students, class by class and name by name. `within` narrows them further (a verb's own reach).

    Guardians: the legal representatives, else those in charge; never contacts, never a link that is suspended or to check. One
    without an address is written to at the student's; of two at one address, one label.
    """
    children = sorted(_children(session, ids, within), key=lambda child: child.sort)
    found = Mailing()
    if to is LabelTo.students:
        for child in children:
            if child.place.known:
                found.labels.append(Label(child.place, [child.name]))
            else:
                found.without.append(child.listed)
        return found
    adults = _adults(session, [child.id for child in children])
    families: dict[tuple[Any, ...], Label] = {}
    for child in children:
        for label in _households(child, adults.get(child.id, []), found.without):
            key = (label.place.key, tuple(sorted(adult.id for adult in label.adults)))
            known = families.get(key) if to is LabelTo.families and label.adults else None
            if known is None:
                families[key] = label
                found.labels.append(label)
            else:
                known.students += label.students
    return found


def _households(child: _Child, adults: list[Adult], without: list[str]) -> Iterator[Label]:
    """One label for each address where somebody answers for the child."""
    if not adults:
        if child.place.known:
            yield Label(child.place, [child.name], everybody=True)
        else:
            without.append(child.listed)
    homes: dict[str, list[Adult]] = {}
    for adult in adults:
        home = adult if adult.place.known else adult._replace(place=child.place)
        if home.place.known:
            homes.setdefault(home.place.key, []).append(home)
        else:
            without.append(f"{child.listed} ({adult.name})")
    for together in homes.values():
        yield Label(together[0].place, [child.name], tuple(together))


def _children(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None) -> Iterator[_Child]:
    s = Student
    columns = (s.id, s.family_name, s.given_name, s.search_key, s.homeroom_name, Level.rank, s.address1, s.address2, s.postal_code, s.town)
    for piece in pieces(ids):
        statement = select(*columns).outerjoin(Level, Level.id == s.level_id).where(s.id.in_(piece))
        for row in session.execute(statement if within is None else statement.where(within)):
            number, family, given, key, room, rank, *place = row
            yield _Child(number, class_order(rank, room, key, number), f"{given} {family}", f"{family}, {given}", Place(*place))


def _adults(session: Session, ids: Sequence[int]) -> dict[int, list[Adult]]:
    g, link = Guardian, GuardianLink
    columns = (link.student_id, link.authority, link.relation, g.id, g.title, g.given_name, g.family_name, g.address1, g.address2, g.postal_code, g.town)
    found: dict[int, dict[Authority, list[Adult]]] = {}
    for piece in pieces(ids):
        statement = select(*columns).join(g, g.id == link.guardian_id).where(link.student_id.in_(piece), link.status == LinkStatus.active)
        for child, authority, relation, number, title, given, family, *place in session.execute(statement.order_by(link.id)):
            adult = Adult(number, title, f"{given} {family}".strip(), relation, Place(*place))
            found.setdefault(child, {}).setdefault(authority, []).append(adult)
    return {child: by.get(Authority.legal) or by.get(Authority.in_charge) or [] for child, by in found.items()}
