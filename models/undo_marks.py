"""The marks that an undo must not lose: a group stands for EE SR, which records none, only while no registration of it holds one.

What a batch did to the correspondence and to registrations goes back in the order that keeps the rule at every step: lines that leave EE SR
with the other values, lines that become EE SR again last, once the registrations that the batch made are gone. Where somebody gave a mark
since, the line or the registration is left as it is, and told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from models.changes import Change
from models.codes import CodeValue
from models.courses import RacGroup
from models.enrolment_rules import inheriting, wait_again
from models.enrolments import WITHOUT_RESULT, Enrolment
from models.undo_steps import Steps, pieces
from models.words import _

MARKED = _("A registration of this [group] holds a mark: it cannot become EE SR.")
WITHOUT = _("No mark is recorded for the kind EE SR.")

LINES: Table = RacGroup.__table__  # type: ignore[assignment]
ROWS: Table = Enrolment.__table__  # type: ignore[assignment]
_MOVES = ("mark", "course_id", "group_number", "rac_type_id")  # a registration that one of these took out of the group's marks holds none back


def _without(session: Session) -> set[int]:
    """The codes of kinds that record no mark."""
    return set(session.scalars(select(CodeValue.id).where(CodeValue.code == WITHOUT_RESULT)))


def _would(row: Any, changes: list[Change], keys: tuple[str, ...]) -> dict[str, Any]:
    then = {change.field: change.before for change in changes}
    return {key: then.get(key, getattr(row, key)) for key in keys}


def postponed(steps: Steps, table: str, rows: Mapping[int, Any], todo: Mapping[int, list[Change]]) -> list[int]:
    """The lines of the correspondence that become EE SR: they wait until registrations are as they will be. The others are taken note of."""
    if table != "rac_group" or not todo:
        return []
    without, late = _without(steps.session), []
    for row_id, changes in todo.items():
        line = _would(rows[row_id], changes, ("course_id", "number", "rac_type_id"))
        if line["rac_type_id"] in without:
            late.append(row_id)
        else:
            steps.kinds[rows[row_id].course_id, rows[row_id].number] = None
            steps.kinds[line["course_id"], line["number"]] = line["rac_type_id"]
    return late


def refused(steps: Steps, table: str, rows: Mapping[int, Any], todo: Mapping[int, list[Change]]) -> dict[int, Any]:
    """Edited rows that cannot be as they were without losing a mark, and why."""
    if table == "rac_group":
        lines = {i: _would(rows[i], changes, ("course_id", "number", "rac_type_id")) for i, changes in todo.items()}
        return _marked(steps, lines)
    if table != "enrolment":
        return {}
    keys = ("mark", "course_id", "group_number", "rac_type_id")
    return _unmarkable(steps, {i: _would(rows[i], changes, keys) for i, changes in todo.items() if any(change.field in _MOVES for change in changes)})


def refused_back(steps: Steps, table: str, values: Mapping[int, dict[str, Any]]) -> dict[int, Any]:
    """Deleted rows that cannot come back without losing a mark, and why; lines that come are taken note of."""
    if table == "enrolment":
        return _unmarkable(steps, values)
    if table != "rac_group":
        return {}
    reasons = _marked(steps, values)
    for i, line in values.items():
        if i not in reasons:
            steps.kinds[line["course_id"], line["number"]] = line["rac_type_id"]
    return reasons


def _marked(steps: Steps, lines: Mapping[int, dict[str, Any]]) -> dict[int, Any]:
    """Of these lines, those of the kind EE SR whose group keeps a mark."""
    without = _without(steps.session)
    leaving = steps.removed[ROWS].union(*(steps.freed[ROWS.c[key]] for key in _MOVES))
    found = {}
    for i, line in lines.items():
        if line["rac_type_id"] in without:
            marked = steps.session.scalars(select(ROWS.c.id).where(*inheriting(line["course_id"], line["number"]), ROWS.c.mark.is_not(None)))
            if set(marked) - leaving:
                found[i] = MARKED
    return found


def _unmarkable(steps: Steps, rows: Mapping[int, dict[str, Any]]) -> dict[int, Any]:
    """Of these registrations, those whose mark the kind of their group does not record."""
    marked = {i: row for i, row in rows.items() if row.get("mark") is not None}
    if not marked:
        return {}
    kinds: dict[tuple[int, str], int | None] = {}
    for some in pieces({row["course_id"] for row in marked.values()}):
        lines = select(LINES.c.course_id, LINES.c.number, LINES.c.rac_type_id).where(LINES.c.course_id.in_(some))
        kinds |= {(course, number): kind for course, number, kind in steps.session.execute(lines)}
    kinds |= steps.kinds
    without = _without(steps.session)
    return {i: WITHOUT for i, row in marked.items() if (row["rac_type_id"] or kinds.get((row["course_id"], row["group_number"]))) in without}


def settle_outcomes(steps: Steps) -> None:
    """What registrations without a mark come to, in the groups whose line came or went and for those that came back: no listener saw it."""
    pairs = set(steps.kinds)
    for some in pieces(steps.back[ROWS]):
        pairs |= {(course, number) for course, number in steps.session.execute(select(ROWS.c.course_id, ROWS.c.group_number).where(ROWS.c.id.in_(some)))}
    wait_again(steps.session.connection(), sorted(pair for pair in pairs if pair[1]))
