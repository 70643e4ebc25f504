"""What a guardian does in their own pages: read their details, keep them true, stop following a child.

A guardian's scope spans schools and shows their own rows only; what they write is written within the school of the row, so that
everything that hangs from it (search keys, history) stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from models.access import STAFF, Membership, Role, User
from models.base import Refusal
from models.import_words import BadCell
from models.journal import record
from models.messages import Message
from models.people import Guardian, GuardianLink, LinkStatus, Student
from models.school import School
from models.scope import BATCH, SCOPE, WHO, Scope, acting, unscoped
from models.values import read_email, read_phone, read_postal_code, tidy
from models.words import _, _p

PROFILE = ("email", "phone", "address1", "address2", "postal_code", "town")


class WrongField(Refusal):
    """One field of the profile cannot be read; `field` is its name."""

    def __init__(self, field: str, wrong: BadCell) -> None:
        super().__init__("%(fact)s %(remedy)s", fact=wrong.sentence, remedy=str(wrong.form_remedy))
        self.field = field


def children(session: Session) -> list[Student]:
    """The children whom the person of the present scope sees, in every school, with what their page shows."""
    shown = (joinedload(Student.school), joinedload(Student.homeroom), joinedload(Student.adviser))
    return list(session.scalars(select(Student).options(*shown).order_by(Student.school_id, Student.family_name, Student.given_name, Student.id)))


def time_zone(session: Session) -> str | None:
    """The time zone of the first school of somebody who is no member of it (a guardian, a student); None for everybody else."""
    scope = SCOPE.get()
    if not isinstance(scope, Scope) or not scope.portal:
        return None
    return session.scalar(select(School.time_zone).order_by(School.id).limit(1))


def links_to_check(session: Session) -> int:
    """How many links of this person wait until staff confirm them."""
    return session.scalar(select(func.count(GuardianLink.id)).where(GuardianLink.status == LinkStatus.to_check)) or 0


# What people of the school are for families: functions, not the names of rights.
FUNCTIONS: dict[Role, Any] = {
    Role.acc: _p("function", "Administration"),
    Role.ac: _p("function", "Administration"),
    Role.ec: _p("function", "[Teacher]"),
    Role.amp: _p("function", "Staff"),
    Role.registrar: _p("function", "Secretary’s office"),
    Role.head: _p("function", "Headship"),
    Role.inspector: _p("function", "Inspection"),
}


def sender_role(session: Session, message: Message) -> str:
    """What the sender of a message is in its school today, in a family's words; nothing for somebody who left, or was removed."""
    with unscoped("whoever receives a message may know who wrote it"):
        look = select(Membership).where(Membership.user_id == message.requested_by_id, Membership.school_id == message.school_id)
        held = [one.role for one in session.scalars(look) if one.role in STAFF and one.active]
    return next((str(FUNCTIONS.get(role, "")) for role in Role if role in held), "")


def within(school_id: int) -> Scope:
    """The school of a row of one's own, to write in it."""
    return Scope(school_id=school_id, user_id=WHO.get().user_id)


def save_profile(session: Session, guardian: Guardian, typed: Mapping[str, str]) -> None:
    """Write what the guardian typed (`PROFILE`), in the caller's transaction. Refuses with `WrongField` what is no phone, e-mail or postal code."""
    values = {name: read_contact(name, typed.get(name, ""), guardian.school.country.name) for name in PROFILE}
    phone = values["phone"]
    values["phone_e164"] = read_phone(phone, guardian.school.country.name, []).e164 if phone else ""
    with acting(WHO.get(), within(guardian.school_id), BATCH.get()):
        for name, value in values.items():
            setattr(guardian, name, value)
        session.flush()


def read_contact(name: str, typed: str, country: str) -> str:
    """One field of `PROFILE` as it is kept. Refuses with `WrongField` what is no phone, e-mail or postal code."""
    try:
        text = tidy(typed)
        if name == "email":
            return read_email(text) if text else ""
        if name == "phone":
            return read_phone(text, country, []).typed if text else ""
        if name == "postal_code":
            return read_postal_code(text, country, []) if text else ""
    except BadCell as wrong:
        raise WrongField(name, wrong) from wrong
    return text


def choose_language(session: Session, user: User, language: str) -> None:
    """The language of the person's pages and mails, in the caller's transaction; the letters of every school that knows them as a guardian
    follow it."""
    user.language = language
    with unscoped("one's own records, in every school"):
        mine = list(session.scalars(select(Guardian).where(Guardian.user_id == user.id, Guardian.language != language)))
    for guardian in mine:
        with acting(WHO.get(), within(guardian.school_id), BATCH.get()):
            guardian.language = language
            session.flush()


def leave(session: Session, student_id: int) -> None:
    """Stop following a child, in the caller's transaction: the person's links are suspended, the school keeps who they are.

    Refused when there is no active link. Only staff open it again.
    """
    links = list(session.scalars(select(GuardianLink).where(GuardianLink.student_id == student_id, GuardianLink.status == LinkStatus.active)))
    if not links:
        raise Refusal(_("You no longer follow this child."))
    for link in links:
        with acting(WHO.get(), within(link.school_id), BATCH.get()):
            link.suspend(str(_("Left by the [guardian] in person")))
            session.flush()
            record(session, "leave", "guardian_link", link.id)
