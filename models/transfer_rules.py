"""Who may transfer, to whom, and whom: the conditions of both schools, the code of the other one, the students with a national identifier."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from models.base import Refusal
from models.db import db
from models.identifiers import clean_uai, uai_problem
from models.parcel import MOST_STUDENTS
from models.people import Student, StudentStatus
from models.school import School
from models.scope import current_school_id, unscoped
from models.words import _, listed

PIECE = 500
_UAI_LIKE = re.compile(r"[0-9]{5,8}[A-Z]")
_ORGANISATION = re.compile(r"(?=.*[0-9])[A-Z0-9][A-Z0-9-]{2,19}")


def this_school() -> School:
    """The school of the person who asks."""
    return db.session.get_one(School, current_school_id())


def settle(school: School, reference: str, on: bool) -> None:
    """Keep the reference to the processing register, and switch transfers on or off, both ways. On is refused while something is missing."""
    school.register_reference = " ".join(reference.split())[:200]
    if on:
        school.check_ready("transfers")
    school.transfers_on = on


def active_school() -> School:
    """The school of the person. Refused while its transfers are off, or its page no longer says what they need."""
    school = this_school()
    if not school.transfers_on:
        raise Refusal(_("Transfers are off in your [school]. Switch them on first, in the settings of transfers."))
    school.check_ready("transfers")
    return school


def receiver(school: School, typed: str) -> tuple[str, str]:
    """(code, name) of the school that is meant; no name where it is not of this installation. Refused: no such code, one's own, transfers off there."""
    code = clean_uai(typed)
    if not code:
        raise Refusal(_("The code of the other [school] is missing. Ask that [school] for it."))
    if code == school.official_code:
        raise Refusal(_("This is the code of your own [school]. Type that of the other [school]."))
    with unscoped("a school of this installation is looked up by its official code; only its name is told"):
        other = db.session.execute(select(School).where(School.official_code == code)).scalar_one_or_none()
        if other is not None:
            if not other.transfers_on or other.missing_for("transfers"):
                raise Refusal(_("%(name)s has not switched transfers on. Ask that [school] to do so, then send."), name=other.name)
            return code, other.name
    problem = uai_problem(code) if _UAI_LIKE.fullmatch(code) else None
    if problem:
        raise Refusal(problem, value=typed[:80])
    if not _UAI_LIKE.fullmatch(code) and not _ORGANISATION.fullmatch(code):
        raise Refusal(_("%(value)s is neither a UAI nor the code of an organisation. Ask the other [school] for its code."), value=typed[:80])
    return code, ""


def travellers(session: Session, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Of these students, those whom the person sees and who have a national identifier: id, name and code."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), PIECE):
        wanted = select(Student).where(Student.id.in_(ids[start : start + PIECE]), Student.national_id.is_not(None))
        found += [{"id": one.id, "name": str(one), "code": one.national_id} for one in session.scalars(wanted.order_by(Student.search_key, Student.id))]
    return found


def sending(ids: Sequence[int], typed: str) -> tuple[School, str, str, list[dict[str, Any]]]:
    """What a transfer of these students to that code would be: this school, the other's code and name, who travels. Refused as `Transfer.send`."""
    school = active_school()
    code, name = receiver(school, typed)
    people, already = free_travellers(db.session, ids)
    if already and not people:
        raise Refusal(
            _("In a transfer that waits already: %(names)s. Cancel that transfer first, or wait until the other [school] has settled it."),
            names=listed(already[:5]) + ("…" if len(already) > 5 else ""),
        )
    if not people:
        raise Refusal(_("None of the chosen has a national identifier: nobody can be transferred. Correct it in SIECLE, then import the [students] again."))
    if len(people) > MOST_STUDENTS:
        raise Refusal(_("At most %(most)d [students] are transferred at a time. Choose fewer, then send the others."), most=MOST_STUDENTS)
    return school, code, name, people


def free_travellers(session: Session, ids: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    """Who of these travels, as `travellers`; and the names of those who stay out because a transfer that waits speaks of them."""
    from models.transfer import Transfer  # it imports this module

    people, waiting = travellers(session, ids), Transfer.waiting_for(session)
    return [one for one in people if one["id"] not in waiting], [one["name"] for one in people if one["id"] in waiting]


def without_identifier(session: Session, ids: Sequence[int]) -> list[str]:
    """The names of those of these students who cannot travel."""
    found: list[str] = []
    for start in range(0, len(ids), PIECE):
        wanted = select(Student).where(Student.id.in_(ids[start : start + PIECE]), Student.national_id.is_(None))
        found += [str(one) for one in session.scalars(wanted.order_by(Student.search_key, Student.id))]
    return found


def unidentified() -> ColumnElement[bool]:
    """The active students without a national identifier (features S3-06)."""
    return and_(Student.national_id.is_(None), Student.status == StudentStatus.active)
