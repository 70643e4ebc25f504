"""Who can see a student online, and what keeps a student from being deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, literal, select
from sqlalchemy.orm import Session, with_expression

from models.activation import ActivationCode, CodePurpose, followed_clause, seen_clause, usable_clause
from models.admissions import Admission
from models.base import Choice, Refusal
from models.papers import IssuedPaper
from models.people import Guardian, GuardianLink, Student
from models.student_accounts import used_clause
from models.words import _


class Access(Choice):
    """Who can see a student online, in one word for the list."""

    followed = "followed", _("[Guardian] registered"), "ok"
    coded = "coded", _("Code to use"), "info"
    expired = "expired", _("Code expired"), "bad"
    nobody = "nobody", _("No access yet"), "mute"


def with_access() -> Any:
    """The option of a statement on students that brings each one's access, without a query more."""
    c = ActivationCode
    coded = select(literal(1)).where(c.student_id == Student.id, usable_clause()).correlate(Student).exists()
    late = select(literal(1)).where(c.student_id == Student.id, c.purpose == CodePurpose.guardian, c.used_at.is_(None), c.revoked_at.is_(None))
    word = case((seen_clause(), "followed"), (coded, "coded"), (late.correlate(Student).exists(), "expired"), else_="nobody")
    return with_expression(Student.access_word, word)


def access_of_all() -> Any:
    """The same word, asked of a whole school: three sets that are worked out once."""
    c = ActivationCode
    coded = select(c.student_id).where(usable_clause())
    late = select(c.student_id).where(c.purpose == CodePurpose.guardian, c.used_at.is_(None), c.revoked_at.is_(None))
    return case((followed_clause(), "followed"), (Student.id.in_(coded), "coded"), (Student.id.in_(late), "expired"), else_="nobody")


def access(student: Student) -> Access | None:
    """The access of a student that was loaded `with_access`; None otherwise."""
    return Access[student.access_word] if student.access_word else None


def deletion_problem(session: Session, student: Student) -> Refusal | None:
    """Why a student cannot be deleted: records that must be kept; then the student is deactivated instead (features section 0)."""
    joined = select(literal(1)).select_from(GuardianLink).join(Guardian, Guardian.id == GuardianLink.guardian_id)
    link = joined.where(GuardianLink.student_id == student.id, Guardian.user_id.is_not(None))
    used = select(literal(1)).where(ActivationCode.student_id == student.id, ActivationCode.used_at.is_not(None))
    paper = select(literal(1)).where(IssuedPaper.student_id == student.id)
    admitted = select(literal(1)).where(Admission.student_id == student.id).exists()
    kept, spent, certified, account, registered = session.execute(
        select(link.exists(), used.exists(), paper.exists(), used_clause(student.user_id), admitted)
    ).one()
    if registered:
        return Refusal(_("%(name)s has an admission: the records of studies are kept. Deactivate [the student] instead."), name=str(student))
    if account or kept or spent:
        return Refusal(
            _("%(name)s has records: an account, or a code that was used. Deactivate [the student] instead: the records are kept."), name=str(student)
        )
    if certified:
        return Refusal(_("%(name)s has records: a paper that the [school] issued. Deactivate [the student] instead: the records are kept."), name=str(student))
    return None
