"""Writes a plan: one transaction of the caller, pieces of 500 rows in memory.

Nothing is committed here. Whatever fails rolls everything back: an import is wholly there or wholly absent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, joinedload, selectinload

from jobs.import_clubs import write_members
from jobs.import_guardians import GUARDIAN_KEYS
from jobs.import_match import STUDENT_TEXTS, GuardianEntry, load_programmes
from jobs.import_plan import Plan, Planned
from models.base import Refusal
from models.custom_import import parted
from models.imports import may_deactivate
from models.journal import record_rows
from models.known_levels import insert_levels
from models.people import (
    Authority,
    Group,
    GroupCategory,
    Guardian,
    GuardianLink,
    LinkStatus,
    Relation,
    Student,
    guardian_search_key,
    student_search_key,
)
from models.school import Level, School
from models.studies import Programme
from models.words import _

PIECE = 500
T = TypeVar("T")
M = TypeVar("M")


def write_rows(session: Session, plan: Plan, *, language: str, today: dt.date, deactivate: bool = False) -> dict[str, int]:
    """Write what the plan says; the numbers written. With `deactivate`, the absent students leave today: refused to whoever lost that right."""
    if deactivate and not may_deactivate():
        raise Refusal(_("Your role does not allow you to deactivate [students] any more. Nothing was written: check the import again."))
    writer = _Writer(session, plan, language, today)
    with session.no_autoflush:
        writer.places()
        writer.guardians()
        writer.students()
        writer.members()
        gone = writer.leave(plan.absent) if deactivate else 0
    counts = plan.counts
    return {
        "created": counts["created"],
        "changed": counts["changed"],
        "deactivated": gone,
        **{key: counts[key] for key in ("new_guardians", "changed_guardians", "new_links", "new_groups", "new_levels", "new_clubs", "new_programmes", "joins")},
    }


def _pieces(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), PIECE):
        yield rows[start : start + PIECE]


def make_programmes(session: Session, school_id: int, new: dict[str, str]) -> dict[str, int]:
    """Create the programmes that the file names and the school lacks, under codes that are free; compared code or title -> identifier of all."""
    taken = set(session.scalars(select(Programme.code).where(Programme.school_id == school_id)))
    for text in new.values():
        made = Programme.named(text, taken)
        made.school_id = school_id
        session.add(made)
        taken.add(made.code)
    session.flush()
    return {key: number for key, (number, _name) in load_programmes(session, school_id).items()}


class _Writer:
    def __init__(self, session: Session, plan: Plan, language: str, today: dt.date) -> None:
        self.session, self.plan, self.language, self.today = session, plan, language, today
        self.school_id = plan.known.school_id
        self.level_ids = {key: found[0] for key, found in plan.known.levels.items()}
        self.group_ids = {key: found[0] for key, found in plan.known.groups.items()}
        self.programme_ids: dict[str, int] = {}
        self.joins: list[tuple[int, str]] = []

    def places(self) -> None:
        """The classes and levels that the file names and the school does not know."""
        levels = {key: Level(name=name, school_id=self.school_id) for key, name in self.plan.new_levels.items()}
        if levels:
            taught = select(Level).where(Level.school_id == self.school_id).order_by(Level.rank, Level.name)
            insert_levels(self.session.scalars(taught).all(), levels, self.session.get_one(School, self.school_id).country)
        groups = {key: Group(name=name, category=GroupCategory.klass, school_id=self.school_id) for key, name in self.plan.new_groups.items()}
        for key, name in self.plan.new_clubs.items():  # a name that the same file gives to a class is that class
            groups.setdefault(key, Group(name=name, category=GroupCategory.other, school_id=self.school_id))
        self.session.add_all([*levels.values(), *groups.values()])
        self.session.flush()
        self.level_ids |= {key: level.id for key, level in levels.items()}
        self.group_ids |= {key: group.id for key, group in groups.items()}
        self.programme_ids = make_programmes(self.session, self.school_id, self.plan.new_programmes)

    def _insert(self, model: Any, table: str, rows: list[dict[str, Any]]) -> list[int]:
        """New rows in one statement, with their line in the history: ten times faster than one object each.

        No listener sees them, so what listeners do is done here: the school is set, every key comes from `Known`, which the
        scope limited, and search keys are given.
        """
        statement = insert(model).returning(model.id, sort_by_parameter_order=True)
        ids = list(self.session.scalars(statement, [{**row, "school_id": self.school_id} for row in rows]))
        record_rows(self.session, "created", table, ids)
        return ids

    def guardians(self) -> None:
        """New guardians, then what the file adds to known ones."""
        used = [entry for entry in self.plan.known.book.entries if entry.used]
        for piece in _pieces([entry for entry in used if entry.id is None]):
            blank = dict.fromkeys(GUARDIAN_KEYS, "")
            said = [parted(entry.said) for entry in piece]
            rows = [{**blank, "language": self.language, **plain, "extra": own} for plain, own in said]
            keyed = [{**row, "search_key": guardian_search_key(_seen_as(Guardian, **row))} for row in rows]
            for entry, row_id in zip(piece, self._insert(Guardian, "guardian", keyed), strict=True):
                entry.id = row_id
        for piece in _pieces([entry for entry in used if entry.said and entry.kept]):
            self._update_guardians(piece)

    def _update_guardians(self, piece: Sequence[GuardianEntry]) -> None:
        rows = {g.id: g for g in self.session.scalars(select(Guardian).where(Guardian.id.in_([e.id for e in piece])))}
        for entry in piece:
            guardian, (plain, own) = rows[entry.id or 0], parted(entry.said)
            for key, value in plain.items():
                setattr(guardian, key, value)
            if own:
                guardian.extra = {**(guardian.extra or {}), **own}
        self.session.flush()
        self._forget(rows.values())

    def students(self) -> None:
        """New students with their ties, then changes of known ones, piece by piece."""
        for piece in _pieces([one for one in self.plan.rows if one.status == "created"]):
            self._create(piece)
        for piece in _pieces([one for one in self.plan.rows if one.status == "changed"]):
            known = self._load([one.student_id for one in piece if one.student_id is not None])
            ids = {tie.guardian.id for one in piece for tie in one.ties}
            guardians = {g.id: g for g in self.session.scalars(select(Guardian).where(Guardian.id.in_(ids)))} if ids else {}
            rows = [self._change(one, known[one.student_id or 0], guardians) for one in piece]
            self.session.flush()
            self._forget([*rows, *guardians.values()])

    def _create(self, piece: Sequence[Planned]) -> None:
        rows, joined = [], []
        for one in piece:
            plain, own = parted(one.values)
            row = {**dict.fromkeys(STUDENT_TEXTS, ""), "national_id": None, "born_on": None, "sex": None, "language": self.language, **plain, "extra": own}
            row["level_id"] = self.level_ids.get(row.pop("level", ""))
            row["programme_id"] = self.programme_ids.get(row.pop("programme", ""))
            row["homeroom_id"] = self.group_ids.get(row.pop("homeroom", ""))
            joined.append(row.pop("groups", ()))
            people = [_seen_as(Guardian, name=tie.guardian.name, **{"phone": "", "phone_e164": "", **_phones(tie.guardian)}) for tie in one.ties]
            row["search_key"] = student_search_key(_seen_as(Student, **row), people)
            rows.append(row)
        ids = self._insert(Student, "student", rows)
        self.joins += [(student_id, key) for student_id, keys in zip(ids, joined, strict=True) for key in keys]
        links = [
            {
                "student_id": student_id,
                "guardian_id": tie.guardian.id,
                "relation": Relation[tie.relation],
                "authority": Authority[tie.authority],
                "status": LinkStatus.to_check if tie.to_check else LinkStatus.active,
            }
            for one, student_id in zip(piece, ids, strict=True)
            for tie in one.ties
        ]
        if links:
            self._insert(GuardianLink, "guardian_link", links)

    def _load(self, ids: list[int]) -> dict[int, Student]:
        if not ids:
            return {}
        wanted = select(Student).where(Student.id.in_(ids)).options(selectinload(Student.links).joinedload(GuardianLink.guardian))
        return {student.id: student for student in self.session.scalars(wanted)}

    def _change(self, one: Planned, student: Student, guardians: dict[int, Guardian]) -> Student:
        plain, own = parted(one.values)
        for key, value in plain.items():
            self._set(student, key, value)
        if own:
            student.extra = {**(student.extra or {}), **own}
        suspended = one.student_id in self.plan.known.suspended
        for tie in one.ties:
            link = next((found for found in student.links if tie.link_id is not None and found.id == tie.link_id), None)
            if link is None:
                # A student with a suspended link: whoever is added sees nothing until staff confirm (features section 0).
                status = LinkStatus.to_check if suspended or tie.to_check else LinkStatus.active
                link = GuardianLink(school_id=self.school_id, guardian=guardians[tie.guardian.id or 0], status=status)
                student.links.append(link)
            link.relation, link.authority = Relation[tie.relation], Authority[tie.authority]
        return student

    def _set(self, student: Student, key: str, value: Any) -> None:
        if key == "level":
            student.level_id = self.level_ids[value]
        elif key == "programme":
            student.programme_id = self.programme_ids[value]
        elif key == "homeroom":
            student.homeroom_id = self.group_ids[value]
        elif key == "groups":
            self.joins += [(student.id, group) for group in value]
        elif key == "status":
            student.reactivate()
        elif key == "left_on":
            student.deactivate(value)
        else:
            setattr(student, key, value)

    def members(self) -> None:
        """The students join their groups; whose line changes nothing else are named in the history by that."""
        classes = set(self.plan.new_groups)
        pairs = [(self.group_ids[key], student_id) for student_id, key in self.joins if key not in classes]
        alone = [one.student_id for one in self.plan.rows if one.status == "changed" and one.student_id and set(one.values) == {"groups"} and not one.ties]
        write_members(self.session, pairs, alone)

    def leave(self, ids: list[int]) -> int:
        """The students whom the file no longer holds are deactivated, never deleted."""
        for piece in _pieces(ids):
            rows = list(self.session.scalars(select(Student).where(Student.id.in_(piece)).options(joinedload(Student.links))).unique())
            for student in rows:
                student.deactivate(self.today)
            self.session.flush()
            self._forget(rows)
        return len(ids)

    def _forget(self, rows: Any) -> None:
        """Written rows leave the session: memory stays flat whatever the size of the file."""
        for row in rows:
            if row in self.session:
                self.session.expunge(row)


def _seen_as(_model: type[M], **values: Any) -> M:
    """Values under the names that a search key reads, without the cost of an entity."""
    return cast(M, SimpleNamespace(**values))


def _phones(entry: GuardianEntry) -> dict[str, str]:
    data = entry.data
    return {key: data[key] for key in ("phone", "phone_e164") if key in data}
