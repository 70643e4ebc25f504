"""A real child for whoever looks at the letter before it is printed: whose, to whom, what its fields say."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models.activation import LENGTH, last_moment
from models.addresses import home_of, postal_lines
from models.letter_fields import Facts
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import Country, School

NO_CODE = "0" * LENGTH  # a sign that no code has: nobody mistakes it for one


def written_to(session: Session, student: Student) -> Guardian | None:
    """To whom a letter about this student would go first: a legal representative through an active link, else whoever is in charge."""
    ranks = {authority: place for place, authority in enumerate(Authority)}
    links = session.scalars(
        select(GuardianLink)
        .where(GuardianLink.student_id == student.id, GuardianLink.status == LinkStatus.active, GuardianLink.authority != Authority.contact)
        .options(joinedload(GuardianLink.guardian))
        .order_by(GuardianLink.id)
    ).all()
    return min(links, key=lambda link: ranks[link.authority]).guardian if links else None


def sample_student(session: Session, student_id: int | None = None, *, after: Student | None = None) -> Student | None:
    """The named student when they exist for the person; else the first one by name who has a guardian, the next one `after` another."""
    if student_id is not None:
        found = session.get(Student, student_id)
        if found is not None:
            return found
    linked = select(GuardianLink.student_id).where(GuardianLink.status == LinkStatus.active)
    known = select(Student).where(Student.status == StudentStatus.active).order_by(Student.search_key, Student.id).limit(1)
    if after is not None:
        later = session.scalar(known.where(Student.search_key > after.search_key, Student.id.in_(linked)))
        if later is not None:
            return later
    return session.scalar(known.where(Student.id.in_(linked))) or session.scalar(known)


def facts_of(school: School, student: Student, guardian: Guardian | None, *, code: str, address: str) -> Facts:
    """What a letter about this student would say today."""
    return Facts(
        student=student.name,
        group=student.homeroom_name or "",
        title=guardian.title if guardian else "",
        addressee=guardian.name if guardian else "",
        code=code,
        until=last_moment(school).date(),
        address=address,
        school=school.name,
        phone=school.phone,
        email=school.email,
        head=school.head_name,
    )


def window_of(country: Country, student: Student, guardian: Guardian | None, language: str) -> tuple[str, ...]:
    """The lines of the address. Lists give the home once, the student's: a guardian of whom no address is known is written to there, not to an
    empty window.
    """
    home: Guardian | Student = guardian if guardian and (guardian.address1 or guardian.town) else student
    return tuple(postal_lines(home_of(home), country, language))
