"""The groups of students that are no classes, as a file of students says them ("6LATIN | 6ALL"): joined, never left.

A file does not say which of a student's groups it made and which the school made: nobody is taken out of a group by an import.
"""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from jobs.import_match import Known, group_key
from jobs.import_plan import Planned, Rules
from models.changes import record_links, sides
from models.journal import record_rows
from models.people import Group, GroupCategory, group_member

PIECE = 5_000


class Clubs:
    """What the rows say of groups; `new` are those to make: compared name -> name."""

    def __init__(self, known: Known, rules: Rules) -> None:
        self.known, self.rules = known, rules
        self.new: dict[str, str] = {}
        self.joins = 0

    def join(self, planned: Planned, names: tuple[str, ...], taken: bool) -> tuple[list[str], list[str]]:
        """(compared names, names) of the groups that this student joins; what cannot be joined is told. Only a row that is `taken` makes a group."""
        mine = (self.known.members or {}).get(planned.student_id or 0, set())
        keys: list[str] = []
        told: list[str] = []
        for name in names:
            key = group_key(name)
            found = self.known.groups.get(key)
            if found and found[2]:
                planned.row.doubt("groups", "group_is_class", name=name)
            elif found and found[0] in mine:
                continue
            elif not found and not self.rules.groups:
                planned.row.doubt("groups", "group_missing", name=name)
            elif key not in keys:
                keys.append(key)
                told.append(found[1] if found else self.new.get(key, name))
                if taken and not found:
                    self.new.setdefault(key, name)
        self.joins += len(keys) if taken else 0
        return keys, told


def load_members(session: Session, known: Known) -> None:
    """Read who is in which group, beside what `load_known` reads."""
    known.members = {}
    ids = select(Group.id).where(Group.school_id == known.school_id, Group.category != GroupCategory.klass)
    for group_id, student_id in session.execute(select(group_member).where(group_member.c.group_id.in_(ids))):
        known.members.setdefault(student_id, set()).add(group_id)


def write_members(session: Session, pairs: list[tuple[int, int]], changed: list[int]) -> None:
    """Put students into groups: pairs (group, student), none of which is there yet. `changed` are the students whose only change this is."""
    turned = sides(group_member)[0].here is not group_member.c.group_id
    for start in range(0, len(pairs), PIECE):
        piece = pairs[start : start + PIECE]
        session.execute(insert(group_member), [{"group_id": group_id, "student_id": student_id} for group_id, student_id in piece])
        record_links(session, group_member, [], [(b, a) for a, b in piece] if turned else piece)
    record_rows(session, "edited", "student", changed)
