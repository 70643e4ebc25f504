"""Activation codes: made for a student, told once, used once."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, and_, case, func, literal, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship
from stdnum.iso7064 import mod_37_36

from models import keys
from models.base import Base, Choice, Identified, Refusal, Versioned, choice_column, utcnow
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.scope import SchoolScoped
from models.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # 30 signs: no 0 O 1 I L U (contract.md, Codes)
LENGTH = 12


class CodePurpose(Choice):
    """What a code opens."""

    guardian = "guardian", _("[Guardian]"), "info"
    student = "student", _("First sign-in of [a student]"), "info"
    exam = "exam", _("Exam"), "note"


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
    """A code as it was typed (any case, spaces, dashes), or a Refusal when it is mistyped; never asks the database."""
    code = "".join(c for c in typed.upper() if c not in " -–—\u00a0\u202f\t")
    if len(code) != LENGTH or any(c not in ALPHABET for c in code) or not mod_37_36.is_valid(code, ALPHABET):
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
        if not self.usable:
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


def usable_clause() -> Any:
    """The SQL of "usable guardian code" (features section 0)."""
    c = ActivationCode
    return and_(c.purpose == CodePurpose.guardian, c.used_at.is_(None), c.revoked_at.is_(None), c.expires_at > utcnow())


def seen_clause() -> Any:
    """The SQL of "somebody can see this student": an active link whose guardian has a login."""
    return (
        select(literal(1))
        .select_from(GuardianLink)
        .join(Guardian, Guardian.id == GuardianLink.guardian_id)
        .where(GuardianLink.student_id == Student.id, GuardianLink.status == LinkStatus.active, Guardian.user_id.is_not(None))
        .correlate(Student)
        .exists()
    )


def missing_clause() -> Any:
    """The SQL of only_missing: no usable code and no active guardian link; nobody can see this child yet."""
    coded = select(literal(1)).where(ActivationCode.student_id == Student.id, usable_clause()).correlate(Student).exists()
    return and_(~coded, ~seen_clause())


def without_access(session: Session, student_ids: Iterable[int]) -> set[int]:
    """Of these students, those whom nobody can see yet."""
    ids = list(student_ids)
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        found.update(session.scalars(select(Student.id).where(Student.id.in_(ids[start : start + 500]), missing_clause())))
    return found


def count_usable(session: Session, student_id: int) -> int:
    """How many usable guardian codes a student has."""
    return session.scalar(select(func.count()).select_from(ActivationCode).where(ActivationCode.student_id == student_id, usable_clause())) or 0
