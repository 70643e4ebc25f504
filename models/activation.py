"""Activation codes: made for a student, told once, used once."""

from __future__ import annotations

import datetime as dt
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, and_, case, insert, literal, select, update
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, relationship
from stdnum.iso7064 import mod_37_36

from models import keys
from models.among import among
from models.base import Base, Choice, Identified, Refusal, Versioned, choice_column, today, utcnow
from models.journal import new_batch, record
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.school import School
from models.scope import BATCH, SchoolScoped
from models.settings import value
from models.words import _

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # 30 signs: no 0 O 1 I L U (contract.md, Codes)
LENGTH = 12
MOST = 4  # codes of one student at a time
CHUNK = 10_000  # rows of one transaction (performance.md: 23 ms of lock)
_PIECE = 5_000  # identifiers of one statement


class CodePurpose(Choice):
    """What a code opens."""

    guardian = "guardian", _("[Guardian]"), "info"
    student = "student", _("First sign-in of [a student]"), "info"
    exam = "exam", _("Exam"), "note"
    # The same as `guardian`, sent by a student (models/invitations.py): told in one mail only, and the link waits until staff confirm it.
    invitation = "invitation", _("Invitation by [a student]"), "note"


class CodeState(Choice):
    """Used and revoked are facts with dates; expired is computed."""

    usable = "usable", _("Usable"), "ok"
    used = "used", _("Used"), "mute"
    expired = "expired", _("Expired"), "bad"
    revoked = "revoked", _("Revoked"), "bad"


def new_codes(count: int) -> list[str]:
    """Distinct random codes with their check sign, without dashes. One read of the system's randomness, no bias."""
    found: set[str] = set()
    while len(found) < count:
        raw = [b % 30 for b in os.urandom((count - len(found)) * 14) if b < 240]
        for i in range(0, len(raw) - LENGTH + 2, LENGTH - 1):
            if len(found) == count:
                break
            body = "".join(ALPHABET[n] for n in raw[i : i + LENGTH - 1])
            if len(body) == LENGTH - 1:
                found.add(body + mod_37_36.calc_check_digit(body, ALPHABET))
    return list(found)


def show_code(code: str) -> str:
    """A code as it is printed: XXXX-XXXX-XXXX."""
    return "-".join(code[i : i + 4] for i in range(0, LENGTH, 4))


def read_code(typed: str) -> str:
    """A code as it was typed or pasted (any case, spaces, dashes, dots), or a Refusal when it is mistyped; never asks the database.

    A sign that no code holds is named with its place, so that the reader looks at that one again.
    """
    code = "".join(c for c in typed.upper() if not c.isspace() and c not in ".·_" and unicodedata.category(c) not in ("Pd", "Cf"))
    for place, sign in enumerate(code, start=1):
        if sign not in ALPHABET:
            shown = sign if sign.isprintable() else "?"
            raise Refusal(_("Sign %(place)s is “%(sign)s”. Check the 12 signs: there is no O, I, L, U, zero or one."), place=place, sign=shown)
    if len(code) != LENGTH:
        raise Refusal(_("A code has 12 signs, %(num)d were typed. Read it again on the paper."), num=len(code))
    if not mod_37_36.is_valid(code, ALPHABET):
        raise Refusal(_("Unknown code. Check the 12 signs: there is no O, I, L, U, zero or one."))
    return code


class ActivationCode(Base, Identified, SchoolScoped, Versioned):
    """One code of one student. The code itself is sealed while it can be printed, and wiped once used or revoked."""

    __tablename__ = "activation_code"
    __table_args__ = (Index("ix_activation_code_usable", "school_id", "student_id", "purpose", "used_at", "revoked_at", "expires_at"),)

    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _("[Student]")})
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("guardian.id", ondelete="SET NULL"), index=True, info={"label": _("For")})
    purpose: Mapped[CodePurpose] = mapped_column(choice_column(CodePurpose), default=CodePurpose.guardian, info={"label": _("Opens")})
    digest: Mapped[str] = mapped_column(unique=True, info={"private": True})
    sealed: Mapped[str] = mapped_column(default="", info={"private": True})
    tail: Mapped[str] = mapped_column(info={"label": _("Ends with")})
    batch: Mapped[str] = mapped_column(default="", index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _("Created on")})
    expires_at: Mapped[dt.datetime] = mapped_column(info={"label": _("Valid until")})
    used_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Used on")})
    used_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    revoked_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Revoked on")})
    printed_count: Mapped[int] = mapped_column(default=0, info={"label": _("Printed")})
    printed_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Last printed")})
    sent_count: Mapped[int] = mapped_column(default=0, info={"label": _("Sent")})
    sent_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Last sent")})

    student: Mapped[Student] = relationship(info={"label": _("[Student]")})
    guardian: Mapped[Guardian | None] = relationship(info={"label": _("For")})

    def __str__(self) -> str:
        return f"····-····-{self.tail}"

    @hybrid_property
    def state(self) -> CodeState:
        """Usable, used, expired or revoked, now."""
        if self.used_at is not None:
            return CodeState.used
        if self.revoked_at is not None:
            return CodeState.revoked
        return CodeState.expired if self.expires_at <= utcnow() else CodeState.usable

    @state.inplace.expression
    @classmethod
    def _state_expression(cls) -> Any:
        return case(
            (cls.used_at.is_not(None), literal("used")),
            (cls.revoked_at.is_not(None), literal("revoked")),
            (cls.expires_at <= utcnow(), literal("expired")),
            else_=literal("usable"),
        )

    @property
    def usable(self) -> bool:
        """Not used, not revoked, not expired."""
        return self.state is CodeState.usable

    def reveal(self) -> str:
        """The code in clear, for a letter. Refused once used, revoked or expired."""
        if not (self.usable and self.sealed):
            raise Refusal(_("The code ending in %(tail)s can no longer be printed: create a new one."), tail=self.tail)
        return keys.unseal("activation", self.sealed)

    def revoke(self) -> None:
        """Close an unused code for ever. Refused once used: then the link is to be suspended."""
        if self.used_at is not None:
            raise Refusal(_("This code cannot be revoked: it has been used. To close the access, suspend the [guardian]'s link."))
        if self.revoked_at is not None:
            raise Refusal(_("This code is already revoked."))
        self.revoked_at = utcnow()
        self.sealed = ""


def usable_clause(purpose: CodePurpose = CodePurpose.guardian) -> Any:
    """The SQL of "usable code" (features section 0): not used, not revoked, not expired."""
    return and_(ActivationCode.purpose == purpose, state_clause(CodeState.usable))


def redeemable_clause() -> Any:
    """The SQL of a code that still makes somebody a guardian: the school's own, or one of an invitation."""
    return and_(ActivationCode.purpose.in_((CodePurpose.guardian, CodePurpose.invitation)), state_clause(CodeState.usable))


def state_clause(state: CodeState) -> Any:
    """The SQL of a state, whatever the purpose."""
    c, now = ActivationCode, utcnow()
    open_still = and_(c.used_at.is_(None), c.revoked_at.is_(None))
    return {
        CodeState.used: c.used_at.is_not(None),
        CodeState.revoked: and_(c.used_at.is_(None), c.revoked_at.is_not(None)),
        CodeState.expired: and_(open_still, c.expires_at <= now),
        CodeState.usable: and_(open_still, c.expires_at > now),
    }[state]


def seen_clause() -> Any:
    """The SQL of "somebody can see this student", asked of the few students of a page: an active link whose guardian has a login."""
    return (
        select(literal(1))
        .select_from(GuardianLink)
        .join(Guardian, Guardian.id == GuardianLink.guardian_id)
        .where(GuardianLink.student_id == Student.id, GuardianLink.status == LinkStatus.active, Guardian.user_id.is_not(None))
        .correlate(Student)
        .exists()
    )


def followed_clause() -> Any:
    """The same, asked of a whole school: one set that both databases build once. A correlated EXISTS leaves PostgreSQL, before its first
    ANALYZE, to walk all links again for every student."""
    known = select(Guardian.id).where(Guardian.user_id.is_not(None))
    return Student.id.in_(select(GuardianLink.student_id).where(GuardianLink.status == LinkStatus.active, GuardianLink.guardian_id.in_(known)))


def missing_among(student_ids: Sequence[int]) -> Any:
    """The same of these students: their own codes and links are looked at, not those of the whole school."""
    coded = select(ActivationCode.student_id).where(among(ActivationCode.student_id, student_ids), usable_clause())
    # (not joined: SQLite would begin with all guardians who have an account)
    known = select(literal(1)).where(Guardian.id == GuardianLink.guardian_id, Guardian.user_id.is_not(None)).correlate(GuardianLink).exists()
    seen = select(GuardianLink.student_id).where(among(GuardianLink.student_id, student_ids), GuardianLink.status == LinkStatus.active, known)
    return and_(among(Student.id, student_ids), Student.id.not_in(coded), Student.id.not_in(seen))


def missing_clause() -> Any:
    """The SQL of only_missing: no usable code and no active guardian link; nobody can see this child yet. For a whole school too."""
    return and_(Student.id.not_in(select(ActivationCode.student_id).where(usable_clause())), ~followed_clause())


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _PIECE):
        yield ids[start : start + _PIECE]


def without_access(session: Session, student_ids: Iterable[int]) -> set[int]:
    """Of these students, those whom nobody can see yet."""
    found: set[int] = set()
    for some in _pieces(list(student_ids)):
        found.update(session.scalars(select(Student.id).where(missing_among(some))))
    return found


def wipe_expired(session: Session) -> int:
    """Forget the printable copy of codes that have expired, in every school (security case 36); how many. Nightly work, without a scope."""
    over = and_(state_clause(CodeState.expired), ActivationCode.sealed != "")
    emptied = update(ActivationCode).where(over).values(sealed="").returning(ActivationCode.id)
    return len(session.scalars(emptied, execution_options={"synchronize_session": False}).all())


def printable(session: Session, code_ids: Iterable[int]) -> list[int]:
    """Of these codes, those that a letter can still be printed for, in the same order."""
    ids = list(code_ids)
    alive: set[int] = set()
    for some in _pieces(ids):
        alive.update(session.scalars(select(ActivationCode.id).where(among(ActivationCode.id, some), usable_clause())))
    return [i for i in ids if i in alive]


def count_printed(session: Session, code_ids: Iterable[int], verb: str) -> None:
    """Write down, in the caller's transaction, that these codes were printed; one line of the history, under this verb."""
    ids, now = list(code_ids), utcnow()
    for some in _pieces(ids):
        values = {"printed_count": ActivationCode.printed_count + 1, "printed_at": now}
        session.execute(update(ActivationCode).where(among(ActivationCode.id, some)).values(values), execution_options={"synchronize_session": False})
    record(session, verb, "activation_code", rows=len(ids))


def codes_of_batch(session: Session, batch: str) -> list[int]:
    """The codes that were made together; none for an empty name."""
    return list(session.scalars(select(ActivationCode.id).where(ActivationCode.batch == batch, ActivationCode.batch != "").order_by(ActivationCode.id)))


# --- making codes ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chosen:
    """What a choice of students means for codes: those present, those among them whom nobody can see, how many have left."""

    present: list[int]
    missing: list[int]
    left: int
    school_id: int | None

    def students(self, only_missing: bool) -> list[int]:
        """Those who would get codes."""
        return self.missing if only_missing else self.present


@dataclass(frozen=True)
class Batch:
    """What `generate` made: the batch's name, the new codes, how many students got some, how many were left out."""

    name: str
    ids: list[int]
    students: int
    skipped: int


def look_at(session: Session, student_ids: Iterable[int], *, alone: bool = True) -> Chosen:
    """Sort a choice of students before any code is made; in the order given. The number of statements does not grow with the rows.

    Without `alone` nobody asks who has no access: `missing` is empty.
    """
    ids = list(dict.fromkeys(student_ids))
    status: dict[int, StudentStatus] = {}
    schools: set[int] = set()
    for some in _pieces(ids):
        for student_id, state, school_id in session.execute(select(Student.id, Student.status, Student.school_id).where(among(Student.id, some))):
            status[student_id] = state
            schools.add(school_id)
    if len(schools) > 1:
        raise Refusal(_("Codes are made for one [school] at a time."))
    present = [i for i in ids if status.get(i) is StudentStatus.active]
    missing = without_access(session, present) if alone else set()
    return Chosen(present, [i for i in present if i in missing], len(ids) - len(present), next(iter(schools), None))


def generate(session: Session, student_ids: Iterable[int], quantity: int, only_missing: bool, purpose: CodePurpose = CodePurpose.guardian) -> Batch:
    """Make `quantity` codes (1 to 4) for each of these students; with `only_missing` for those alone whom nobody can see yet.

    Guardians whom the school knows and who have no account come first, each with a code of their own (features section 0, whose
    code); the others are "to the guardians of". Students who have left get none. Valid until the end of the local day,
    the setting `code_days` from today. Beyond 10,000 rows the transaction is committed piece by piece, one journal line each.
    """
    if not 1 <= quantity <= MOST:
        raise Refusal(_("One to four codes for each [student]. Type a number from 1 to 4."))
    chosen = look_at(session, student_ids, alone=only_missing)
    students = chosen.students(only_missing)
    name = BATCH.get() or new_batch()
    if not students:
        return Batch(name, [], 0, chosen.left)
    school = session.get_one(School, chosen.school_id)
    named = _envelopes(session, students) if purpose is CodePurpose.guardian else {}
    owners = [(i, (named.get(i, [])[:quantity] + [None] * quantity)[:quantity]) for i in students]
    now, until = utcnow(), last_moment(school)
    codes = iter(new_codes(len(students) * quantity))
    rows = (
        _row(next(codes), student_id=student_id, guardian_id=guardian_id, school_id=school.id, purpose=purpose, batch=name, created_at=now, expires_at=until)
        for student_id, guardians in owners
        for guardian_id in guardians
    )
    _store(session, list(rows))
    made = select(ActivationCode.id).where(ActivationCode.batch == name, ActivationCode.created_at == now).order_by(ActivationCode.id)
    return Batch(name, list(session.scalars(made)), len(students), chosen.left)


def life_of(school: School) -> int:
    """How many days a code of the school lives."""
    return int(value("code_days", school.id, object_session(school)))


def last_moment(school: School, days: int | None = None) -> dt.datetime:
    """The end of the local day until which a code made today is valid; where a clock is set back at midnight, the second of the two.
    `days`: another life than the school's."""
    day = today(school.time_zone) + dt.timedelta(days=life_of(school) if days is None else days)
    return dt.datetime.combine(day, dt.time(23, 59, 59, fold=1), ZoneInfo(school.time_zone))


def _row(code: str, **values: Any) -> dict[str, Any]:
    return {"digest": keys.digest("activation", code), "sealed": keys.seal("activation", code), "tail": code[-4:], **values}


def _store(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), CHUNK):
        if start:
            session.commit()
        some = rows[start : start + CHUNK]
        session.execute(insert(ActivationCode.__table__), some)  # type: ignore[arg-type]  # (the table: half of the time of the class)
        record(session, "generate_codes", "student", rows=len(some), school_id=some[0]["school_id"])


def _envelopes(session: Session, student_ids: Sequence[int]) -> Mapping[int, list[int]]:
    """Student -> guardians who should get a code of their own: active link, no account, no usable code of theirs yet.

    Legal representatives first, mothers and fathers before others. A mere contact is reached, not given access: no envelope.
    """
    link, code = GuardianLink, ActivationCode
    theirs = select(literal(1)).where(code.guardian_id == link.guardian_id, code.student_id == link.student_id, usable_clause())
    unknown = select(literal(1)).where(Guardian.id == link.guardian_id, Guardian.user_id.is_(None))  # (not joined: see `missing_among`)
    query = (
        select(link.student_id, link.guardian_id, link.authority, link.relation, link.id)
        .where(link.status == LinkStatus.active, link.authority != Authority.contact, unknown.correlate(link).exists())
        .where(~theirs.correlate(link).exists())
    )
    ranks = {member: rank for rank, member in enumerate((*Authority, *Relation))}
    found: dict[int, list[tuple[int, int, int, int]]] = {}
    for some in _pieces(student_ids):
        for student_id, guardian_id, authority, relation, link_id in session.execute(query.where(among(GuardianLink.student_id, some))):
            found.setdefault(student_id, []).append((ranks[authority], ranks[relation], link_id, guardian_id))
    return {student_id: [guardian_id for *_order, guardian_id in sorted(links)] for student_id, links in found.items()}
