"""What of a student travels to another school: each table says it here, once, and nothing else ever does (features S3-04 to S3-08).

A table declares its columns, how its rows are told in texts, and by which natural keys they point to one another: no number of our
database leaves. The studies stand in models/travel_studies.py; certifications join by `declare` when their part is built. Never declared:
notes, the diary, messages, counselling, activation codes, accounts, roles, documents, nor any column marked private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.custom import in_use
from models.custom_import import key_of, text_of, values_in
from models.custom_values import FieldKind
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.values import RELATION_WORDS
from models.words import _

PIECE = 500
Row = dict[str, str]


@dataclass
class References:
    """The names that rows have within one transfer: a guardian of two siblings travels once."""

    guardians: dict[int, str] = field(default_factory=dict)
    others: dict[tuple[str, int], str] = field(default_factory=dict)

    def of(self, letter: str, number: int) -> str:
        """The reference of another row in this transfer: its letter says of which table, its number means nothing elsewhere."""
        return self.others.setdefault((letter, number), f"{letter}{len(self.others) + 1}")

    def guardian(self, number: int) -> str:
        """The reference of a guardian in this transfer."""
        return self.guardians.setdefault(number, f"R{len(self.guardians) + 1}")


Tell = Callable[[Session, Sequence[int], References], Iterator[Row]]


@dataclass(frozen=True)
class Travels:
    """One table that travels: `columns` are the only ones that a receiving school accepts; `key` tells rows apart; `refers` is column -> table
    whose key it holds, `optional` the columns of these that may be empty. `own` is the screen whose own fields go along. `rows` tells the rows of
    these students, texts only. `kind` is the kind of file that the rows become where they arrive, its own name if none is said; a table that is not
    `needed` is left out of a transfer that has no row of it; rows that stand `alone` may be those that no other points to."""

    name: str
    label: Any
    columns: tuple[str, ...]
    key: str
    rows: Tell
    refers: dict[str, str] = field(default_factory=dict)
    own: str = ""
    kind: str = ""
    needed: bool = True
    alone: bool = False
    optional: frozenset[str] = frozenset()

    @property
    def arrives_as(self) -> str:
        """The kind of file that its rows become."""
        return self.kind or self.name


TABLES: dict[str, Travels] = {}


def declare(table: Travels) -> None:
    """Let a table travel. Refuses a second one of the same name with ValueError."""
    if table.name in TABLES:
        raise ValueError(f"{table.name} travels already")
    TABLES[table.name] = table


def own_columns(table: Travels) -> dict[str, str]:
    """key -> label of the school's own fields that travel with a table. Long texts are notes: they stay."""
    found = in_use(table.own) if table.own else ()
    return {key_of(spec): spec.label for spec in found if spec.in_import and spec.kind is not FieldKind.long_text}


def _own(table: str, extra: Any) -> Row:
    return {key: str(text_of(key, value) or "") for key, value in values_in(table, extra).items()}


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PIECE):
        yield ids[start : start + PIECE]


PERSON = ("email", "phone", "address1", "address2", "postal_code", "town", "language")
STUDENT = ("national_id", "family_name", "given_name", "usage_name", "middle_names", "sex", "born_on", "programme", *PERSON)
GUARDIAN = ("file_id", "title", "family_name", "given_name", *PERSON)
LINK = ("student_ref", "guardian_ref", "relation", "authority", "link_state")


def _students(session: Session, ids: Sequence[int], _references: References) -> Iterator[Row]:
    for piece in _pieces(ids):
        wanted = select(Student).where(Student.id.in_(piece)).options(joinedload(Student.programme)).order_by(Student.id)
        for one in session.scalars(wanted):
            yield {
                **{key: getattr(one, key) or "" for key in STUDENT if key not in ("sex", "born_on", "programme")},
                "sex": one.sex.name if one.sex else "",
                "born_on": one.born_on.isoformat() if one.born_on else "",
                "programme": one.programme.code if one.programme else "",
                **_own("student", one.extra),
            }


def _guardians(session: Session, ids: Sequence[int], references: References) -> Iterator[Row]:
    told: set[int] = set()
    for piece in _pieces(ids):
        linked = select(GuardianLink.guardian_id).where(GuardianLink.student_id.in_(piece))
        for one in session.scalars(select(Guardian).where(Guardian.id.in_(linked)).order_by(Guardian.id)):
            if one.id not in told:
                told.add(one.id)
                yield {**{key: getattr(one, key) or "" for key in GUARDIAN[1:]}, "file_id": references.guardian(one.id), **_own("guardian", one.extra)}


def _links(session: Session, ids: Sequence[int], references: References) -> Iterator[Row]:
    """A link that is suspended here, whatever the reason, is to check there: its guardian sees nothing until the other school says so."""
    codes = {name: word for word, name in RELATION_WORDS.items() if word.isdecimal()}  # as official files write them
    for piece in _pieces(ids):
        wanted = select(GuardianLink, Student.national_id).join(Student, Student.id == GuardianLink.student_id)
        for one, national_id in session.execute(wanted.where(GuardianLink.student_id.in_(piece)).order_by(GuardianLink.id)):
            yield {
                "student_ref": national_id or "",
                "guardian_ref": references.guardian(one.guardian_id),
                "relation": codes[one.relation.name],
                "authority": one.authority.name,
                "link_state": "" if one.status is LinkStatus.active else LinkStatus.to_check.name,
            }


declare(Travels("students", _("[Students]"), STUDENT, "national_id", _students, own="student", alone=True))
declare(Travels("guardians", _("[Guardians]"), GUARDIAN, "file_id", _guardians, own="guardian"))
declare(
    Travels(
        "links",
        _("Ties between [students] and [guardians]"),
        LINK,
        "",
        _links,
        refers={"student_ref": "students", "guardian_ref": "guardians"},
    )
)
