"""How students are found: by a field with `*` and `?`, by the rows that their filters offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import and_, false, func, literal, or_, select, true, union_all

from models import overview
from models.access import User
from models.admissions import Admission
from models.base import fold
from models.db import db
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student
from models.school import Level
from models.scope import current_school_id
from models.studies import Programme, said_in_sql
from views.auth import permitted
from views.colleagues import is_staff
from views.filters import OPTIONS, Is
from views.i18n import pgettext
from views.searching import LONGEST_SEARCH, field_pattern, folded_like, starting_with, words_of

_DA = 7  # figures of a number of admission in Québec (123-4567)


def is_class() -> Any:
    """The groups that are classes."""
    return Group.category == GroupCategory.klass


def tally() -> overview.Students:
    """How many students the person sees, asked once a request."""
    if "tally" not in g:
        g.tally = overview.students()
    found: overview.Students = g.tally
    return found


def ids_by_class(query: Any, first: int, size: int, *, desc: bool) -> list[int]:
    """A page of students by class, then by name; those without a class come last.

    Sorting 100,000 students for one page takes ten times the page; classes in their order with their students take nothing.
    """
    room = Group.__table__
    usual = (Student.search_key, Student.id)
    here = room.c.school_id == current_school_id()
    placed = query.order_by(None).join(room, (room.c.id == Student.homeroom_id) & here).with_entities(Student.id)
    ids = [row[0] for row in placed.order_by(room.c.name.desc() if desc else room.c.name, *usual).limit(size).offset(first)]
    if len(ids) < size:
        before = placed.count()
        others = query.order_by(None).filter(Student.homeroom_id.is_(None)).with_entities(Student.id).order_by(*usual)
        ids += [row[0] for row in others.limit(size - len(ids)).offset(max(first - before, 0))]
    return ids


@dataclass(frozen=True)
class Offered:
    """A row that a filter offers: its identifier and its words."""

    id: int
    words: str

    def __str__(self) -> str:
        return self.words


def offered(kind: str) -> list[Offered]:
    """The rows of a filter ("level", "programme", "class", "group" or "adviser"); all of them are read together, once a request."""
    if "offered" not in g:
        large = tally().large
        g.offered = overview.counted("offered to filters", ("level", "programme", "group", "user"), _ask_offered, worth=lambda _found: large)
    return list(g.offered[kind])


def _ask_offered() -> dict[str, list[Offered]]:
    name = User.given_name + " " + User.family_name
    parts = [
        select(literal("level").label("kind"), Level.id, Level.name, Level.rank.label("place"), literal("").label("sorted")).order_by(Level.rank),
        select(literal("programme"), Programme.id, said_in_sql(), literal(0), Programme.code).order_by(Programme.code),
        select(literal("class"), Group.id, Group.name, literal(0), Group.name).where(is_class()).order_by(Group.name),
        select(literal("group"), Group.id, Group.name, literal(0), Group.name).where(~is_class()).order_by(Group.name),
        select(literal("adviser"), User.id, name, literal(0), User.family_name).where(is_staff()).order_by(User.family_name),
    ]
    rows = db.session.execute(union_all(*(part.limit(OPTIONS).subquery().select() for part in parts))).all()
    found: dict[str, list[Offered]] = {key: [] for key in ("level", "programme", "class", "group", "adviser")}
    for row in sorted(rows, key=lambda row: (row[3], fold(row[4]), fold(row[2]) if row[2] != row[4] else "")):
        found[row[0]].append(Offered(row[1], row[2]))
    return found


def _narrowed(*patterns: str) -> Any:
    """The students whose key holds one of these: it narrows first, for the database folds other columns slowly."""
    return or_(*(folded_like(Student.search_key, f"%{pattern}%") for pattern in patterns))


def by_name(text: str) -> Any:
    """Students by all words of their family, given and usual names, in any order; with `*` or `?` by one of the names, or the family name and the given one."""
    text = " ".join(text.replace(",", " ").split())
    names = (Student.family_name, Student.given_name, Student.usage_name)
    if "*" not in text and "?" not in text:
        found = [field_pattern(word) for word in words_of(text)]
        return and_(true(), *(_narrowed(p.strip("%")) & or_(*(folded_like(name, p) for name in names)) for p in found))
    pattern = field_pattern(text)
    whole = folded_like(Student.family_name + " " + Student.given_name, pattern)
    return _narrowed(pattern) & or_(whole, *(folded_like(name, pattern) for name in names))


def by_family_name(text: str) -> Any:
    """Students by their family name, with which the key begins: what is typed from its first letter on is found by the index."""
    pattern = field_pattern(text)
    narrowed = starting_with(Student.search_key, fold(text[:LONGEST_SEARCH])) if "*" in text or "?" in text else _narrowed(pattern)
    return narrowed & folded_like(Student.family_name, pattern)


def by_given_name(text: str) -> Any:
    """Students by their given name."""
    pattern = field_pattern(text)
    return _narrowed(pattern) & folded_like(Student.given_name, pattern)


def by_national_id(text: str) -> Any:
    """Students by their national identifier, spaces or not."""
    pattern = field_pattern("".join(text.split()))
    return _narrowed(pattern) & folded_like(Student.national_id, pattern)


def by_number(text: str) -> Any:
    """Students by the number that the school gives them; the dash of 123-4567 may be typed or not."""
    dense = "".join(text.replace("-", " ").split())
    typed = dict.fromkeys((text.strip(), dense, *((f"{dense[:3]}-{dense[3:]}",) if len(dense) == _DA and dense.isdecimal() else ())))
    patterns = [field_pattern(one) for one in typed]
    return _narrowed(*patterns) & or_(*(folded_like(Student.local_id, pattern) for pattern in patterns))


def by_phone(text: str) -> Any:
    """Students by their own phone, or that of a guardian for who reads guardians; dots, dashes and spaces count for nothing."""
    digits = "".join(c for c in text if c.isdigit() or c in "*?")
    if not any(map(str.isdigit, digits)):
        return false()
    pattern = field_pattern(digits)
    own = _bare(Student.phone).like(pattern, escape="\\")
    theirs = _with_guardian(_phones(pattern)) if permitted("guardian", "read") else false()
    return _narrowed(pattern) & or_(own, theirs)


def by_programme(text: str) -> Any:
    """Students by the code of their programme, or of one that they are admitted to; its point may be typed or not."""
    pattern, dense = field_pattern(text), field_pattern(text.replace(".", ""))
    return _studying(or_(folded_like(Programme.code, pattern), folded_like(func.replace(Programme.code, ".", ""), dense)))


def by_programme_title(text: str) -> Any:
    """The same by its title, whole or short."""
    pattern = field_pattern(text)
    return _studying(or_(folded_like(Programme.title, pattern), folded_like(Programme.short_title, pattern)))


def _studying(programmes: Any) -> Any:
    """The students of these programmes: the one of their record, or those of their admissions for who reads them."""
    found = select(Programme.id).where(programmes)
    follows = Student.programme_id.in_(found)
    return or_(follows, Student.id.in_(select(Admission.student_id).where(Admission.programme_id.in_(found)))) if permitted("admission", "read") else follows


def by_own_words(text: str) -> Any:
    """Students by their own names and numbers alone, for who may not read what guardians are called and how they are reached."""
    columns = (Student.family_name, Student.given_name, Student.usage_name, Student.national_id, Student.local_id)
    found = [field_pattern(word) for word in words_of(text)]
    return and_(true(), *(folded_like(Student.search_key, f"%{p}%") & or_(*(folded_like(column, p) for column in columns)) for p in found))


def by_guardian(text: str) -> Any:
    """Students by a guardian's name or phone; dots and spaces in a phone count for nothing. Nobody, for who does not read guardians."""
    if not permitted("guardian", "read"):
        return false()
    digits = "".join(c for c in text if c.isdigit() or c in "*?")
    pattern = field_pattern(digits if sum(map(str.isdigit, digits)) > 3 else text)
    if "*" not in text and "?" not in text:
        those = select(Guardian.id).where(folded_like(Guardian.search_key, pattern))
        return Student.id.in_(select(GuardianLink.student_id).where(GuardianLink.guardian_id.in_(those)))
    names = (folded_like(column, pattern) for column in (Guardian.family_name, Guardian.given_name))
    return _narrowed(pattern) & _with_guardian(or_(*names, _phones(pattern)))


def _bare(phone: Any) -> Any:
    """A phone as it was typed, without what stands between its figures."""
    for sign in " .-()+":
        phone = func.replace(phone, sign, "")
    return phone


def _phones(pattern: str) -> Any:
    """The guardians with such a phone."""
    return or_(_bare(Guardian.phone_e164).like(pattern, escape="\\"), _bare(Guardian.phone).like(pattern, escape="\\"))


def _with_guardian(guardian: Any) -> Any:
    """The students one of whose guardians is such: asked of each student that the key has left."""
    joined = select(literal(1)).select_from(GuardianLink).join(Guardian, Guardian.id == GuardianLink.guardian_id)
    return joined.where(GuardianLink.student_id == Student.id, guardian).correlate(Student).exists()


class StatusIs(Is):
    """The status of students; "all" lifts the list's own choice of the active ones."""

    @property
    def arg(self) -> str:
        """The usual address."""
        return f"{self.key}.Is"

    def choices(self) -> list[tuple[str, str]]:
        """Every status, then all together."""
        return [*super().choices(), ("all", pgettext("students", "[student|All|All]"))]

    def clean(self, value: str) -> Any:
        """A status, or None for all."""
        return None if value == "all" else super().clean(value)

    def apply(self, query: Any, value: Any, alias: Any = None) -> Any:
        """Add the clause, if there is one."""
        return query if value is None else super().apply(query, value, alias)
