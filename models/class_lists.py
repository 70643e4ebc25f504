"""Class lists: which columns they may have, who may print which, and the rows, read a piece at a time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.base import Choice, fold
from models.people import Guardian, GuardianLink, LinkStatus, Relation, Sex, Student
from models.rights import may
from models.school import Level
from models.words import _, _p

T = TypeVar("T")
STEP = 500
MOST_ROWS = 3_000  # of one list; the drawing of more takes longer than its limits allow
MOST_BLANKS = 12


class ListColumn(Choice):
    """What a line can say beside the family name and the given name, in the order of the columns."""

    number = "number", _p("class list", "Number in the list")
    sex = "sex", _("Sex")
    born_on = "born_on", _("Date of birth")
    level = "level", _("[Level]")
    klass = "klass", _("Class")
    identifier = "identifier", _("Identifier")
    phone = "phone", _("Phone")
    email = "email", _("E-mail")
    guardians = "guardians", _("[Guardians] and their phones")


class ListOrder(Choice):
    """In which order the lines stand."""

    by_name = "by_name", _("Name and given name")
    by_class = "by_class", _("Class, then name")
    by_level = "by_level", _("[Level], then name")


class Contact(NamedTuple):
    """A guardian on a list."""

    name: str
    relation: Relation
    phone: str


class Line(NamedTuple):
    """One student of a list; what no column asks for is there all the same, except the guardians."""

    id: int
    family_name: str
    given_name: str
    sex: Sex | None
    born_on: dt.date | None
    level: str
    rank: int | None
    klass: str
    identifier: str
    phone: str
    email: str
    search_key: str
    guardians: tuple[Contact, ...] = ()


def open_columns(roles: Iterable[str]) -> list[ListColumn]:
    """The columns that somebody with these roles may print: guardians only for who reads guardians."""
    held = list(roles)
    reads = may(held, "guardian", "read") and may(held, "guardian_link", "read")
    return [column for column in ListColumn if column is not ListColumn.guardians or reads]


def class_order(rank: int | None, room: str | None, search_key: str, number: int) -> tuple[Any, ...]:
    """How papers are handed out: by level, class and name; who is in no class comes last. Numbers in a class's name count as numbers."""
    return (not room, rank is None, rank or 0, _natural(room or ""), search_key, number)


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", fold(name)))


def lines(session: Session, ids: Sequence[int], *, order: ListOrder, guardians: bool, within: ColumnElement[bool] | None = None) -> list[Line]:
    """The lines of these students, in order. `within` narrows them to a verb's own reach.

    Guardians are those of active links: whoever is suspended or to check stands on no list.
    """
    found = [line for piece in pieces(ids) for line in _read(session, piece, within)]
    if guardians:
        contacts = _contacts(session, [line.id for line in found])
        found = [line._replace(guardians=tuple(contacts.get(line.id, ()))) for line in found]
    return sorted(found, key=_KEYS[order])


_KEYS: dict[ListOrder, Callable[[Line], tuple[Any, ...]]] = {
    ListOrder.by_name: lambda line: (line.search_key, line.id),
    ListOrder.by_class: lambda line: class_order(line.rank, line.klass, line.search_key, line.id),
    ListOrder.by_level: lambda line: (line.rank is None, line.rank or 0, line.search_key, line.id),
}


def sections(found: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines class by class, each in the order they have; "" are those in no class, last."""
    first: dict[str, tuple[Any, ...]] = {}
    for line in found:
        key = class_order(line.rank, line.klass, "", 0)
        first[line.klass] = min(first.get(line.klass, key), key)
    return {klass: [line for line in found if line.klass == klass] for klass in sorted(first, key=lambda klass: first[klass])}


def pieces(ids: Sequence[T]) -> Iterable[Sequence[T]]:
    """The identifiers in pieces that one statement can hold."""
    return (ids[start : start + STEP] for start in range(0, len(ids), STEP))


def _read(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None) -> Iterable[Line]:
    s = Student
    columns = (s.id, s.family_name, s.given_name, s.sex, s.born_on, Level.name, Level.rank, s.homeroom_name, s.national_id, s.local_id)
    statement = select(*columns, s.phone, s.email, s.search_key).outerjoin(Level, Level.id == s.level_id).where(s.id.in_(ids))
    for row in session.execute(statement if within is None else statement.where(within)):
        number, family, given, sex, born_on, level, rank, klass, national, local, phone, email, key = row
        yield Line(number, family, given, sex, born_on, level or "", rank, klass or "", national or local or "", phone, email, key)


def _contacts(session: Session, ids: Sequence[int]) -> dict[int, list[Contact]]:
    columns = (GuardianLink.student_id, GuardianLink.relation, Guardian.given_name, Guardian.family_name, Guardian.phone)
    found: dict[int, list[Contact]] = {}
    for piece in pieces(ids):
        statement = select(*columns).join(Guardian, Guardian.id == GuardianLink.guardian_id)
        statement = statement.where(GuardianLink.student_id.in_(piece), GuardianLink.status == LinkStatus.active).order_by(GuardianLink.id)
        for student, relation, given, family, phone in session.execute(statement):
            found.setdefault(student, []).append(Contact(f"{given} {family}".strip(), relation, phone))
    return found
