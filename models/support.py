"""Whom to ask for help with an account: what each school shows to everybody, also to whoever cannot sign in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.school import School
from models.scope import SCOPE, Scope, unscoped

MOST = 6  # schools told to one reader


@dataclass(frozen=True)
class Support:
    """A school, its own phone, and how to reach who helps there with accounts; each may be empty, not all."""

    school: str
    email: str
    phone: str
    school_phone: str = ""


def contacts(session: Session, school_id: int | None = None) -> list[Support]:
    """Of this school, else of the schools that exist for the reader; of the only school for a stranger. Those that say nothing are left out."""
    s = School
    look = select(s.id, s.name, s.support_email, s.support_phone, s.phone).order_by(s.id).limit(MOST)
    if school_id is not None:
        look = look.where(s.id == school_id)
    if isinstance(SCOPE.get(), Scope):
        found = session.execute(look.where(or_(s.support_email != "", s.support_phone != "", s.phone != ""))).all()
    else:
        with unscoped("the pages of strangers name the only school"):
            found = session.execute(look.limit(2)).all()
        found = found if len(found) == 1 else []
    return [Support(name, email, phone, school_phone) for _id, name, email, phone, school_phone in found if email or phone or school_phone]
