"""What was not passed last term is taken again: the registrations of the record before, copied into the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from models.admissions import Admission
from models.among import among
from models.base import Refusal
from models.codes import read_codes
from models.enrolment_rules import RECOGNISED
from models.enrolments import Enrolment, Outcome
from models.journal import record_rows
from models.registering import pieces
from models.session_records import SessionRecord, need_active
from models.studies import Term
from models.words import _


@dataclass
class Copied:
    """How many registrations into how many records; who got nothing, with the reason."""

    registrations: int = 0
    records: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)

    def first_refusal(self) -> Refusal:
        """Why nothing at all was copied, when one record was chosen."""
        return Refusal(_("%(name)s: %(reason)s"), name=self.left[0][0], reason=self.left[0][1])


def copy_last_term(session: Session, records: Sequence[int]) -> Copied:
    """Copy into each record what its admission did not pass in its previous record, in the caller's transaction.

    Not passed: taken and failed, still in progress, or left without units (IN, AE); not what has no result by its kind (EE SR). A course that the
    record already holds, or that was passed or recognised under the same admission in any term, is not copied. A record whose admission is not
    active, or without one before it, is left and told.
    """
    done = Copied()
    for some in pieces(list(records)):
        _copy(session, some, done)
    return done


def _copy(session: Session, ids: Sequence[int], done: Copied) -> None:
    read_codes(session)
    chosen = _read(session, among(SessionRecord.id, ids))
    others: dict[int, list[SessionRecord]] = {}
    for one in _read(session, among(SessionRecord.admission_id, sorted({record.admission_id for record in chosen}))):
        others.setdefault(one.admission_id, []).append(one)
    held: dict[int, list[Enrolment]] = {}
    every = [one.id for beside in others.values() for one in beside]
    # What a copy hands on is loaded with it: many registrations cost as many statements as one.
    loaded = (joinedload(Enrolment.course), joinedload(Enrolment.parent_course), joinedload(Enrolment.org_unit))
    for row in session.scalars(select(Enrolment).where(among(Enrolment.session_record_id, every)).options(*loaded).order_by(Enrolment.id)):
        held.setdefault(row.session_record_id, []).append(row)
    made: list[Enrolment] = []
    for record in chosen:
        rows, reason = _missing(record, others[record.admission_id], held)
        if reason:
            done.left.append((str(record), str(reason)))
            continue
        made += [row.copy(record) for row in rows]
        done.records += 1
    session.flush()
    done.registrations += len(made)
    record_rows(session, "copy_last_term", "enrolment", [row.id for row in made])


def _read(session: Session, clause: Any) -> list[SessionRecord]:
    """With their terms, admissions and people, in the order of time."""
    admission = joinedload(SessionRecord.admission).options(joinedload(Admission.grid), joinedload(Admission.programme))
    shown = (contains_eager(SessionRecord.term), joinedload(SessionRecord.student), admission)
    wanted = select(SessionRecord).join(Term, Term.id == SessionRecord.term_id).where(clause).options(*shown).order_by(Term.place, SessionRecord.id)
    return list(session.scalars(wanted))


def _missing(record: SessionRecord, beside: Sequence[SessionRecord], held: dict[int, list[Enrolment]]) -> tuple[list[Enrolment], Any]:
    """The registrations to copy; or the reason why there are none."""
    try:
        need_active(record.admission)
    except Refusal as refusal:
        return [], refusal.sentence
    before = [one for one in beside if one.term.place < record.term.place]
    if not before:
        return [], _("there is no record before it under the same admission.")
    settled = {row.course_id for one in beside for row in held.get(one.id, ()) if row.outcome is Outcome.passed or _recognised(row)}
    here = {row.course_id for row in held.get(record.id, ())}
    missing = [row for row in held.get(before[-1].id, ()) if _not_passed(row) and row.course_id not in settled | here]
    if not missing:
        return [], _("nothing is left to take again from %(term)s.", term=str(before[-1].term))
    unique = {row.course_id: row for row in missing}
    return list(unique.values()), ""


def _recognised(row: Enrolment) -> bool:
    return not row.taken or (row.remark is not None and row.remark.code in RECOGNISED)


def _not_passed(row: Enrolment) -> bool:
    if _recognised(row):
        return False
    return row.outcome in (Outcome.failed, Outcome.in_progress) or (row.outcome is Outcome.none and row.remark is not None)
