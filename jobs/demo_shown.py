"""What an ordinary term leaves on screens that would be empty in a fresh demonstration: a field of the school with its values, a shared view,
two records of one guardian, papers that were issued.

Not part of `load_demo`, which the tests build on: the console adds it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from jobs.demo import PLANS
from jobs.demo_life import store
from models.access import Membership, Role, User
from models.actors import staff_in
from models.base import today
from models.custom import CustomField
from models.custom_values import FieldKind
from models.labels import renew_stamp
from models.names import name_key
from models.papers import issue, school_year
from models.people import Guardian, GuardianLink, Student, StudentStatus, guardian_search_key
from models.saved_view import SavedView
from models.school import Country, School
from models.scope import acting, unscoped

# Country -> key, name and choices of the field; name of the view on the students whom nobody can see yet.
_FIELDS: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "FR": ("regime", "Régime", (("externe", "Externe"), ("demi_pension", "Demi-pensionnaire"), ("interne", "Interne"))),
    "CA": ("horaire", "Horaire", (("jour", "Jour"), ("soir", "Soir"), ("fin_de_semaine", "Fin de semaine"))),
}
_VIEWS = {"FR": "À inviter", "CA": "À joindre"}


def load_shown(session: Session) -> None:
    """Add it to the two schools of the demonstration, in the caller's transaction."""
    with unscoped("the demonstration writes two schools"):
        schools = list(session.scalars(select(School).where(School.official_code.in_([plan.official_code for plan in PLANS])).order_by(School.id)))
        owners = {school.id: _administrator(session, school) for school in schools}
        for school in schools:
            _field(session, school)
            store(session, [_view(school, owners[school.id])])
            _second_record(session, school)
        renew_stamp(session)
    for school in schools:
        found = staff_in(session, owners[school.id], school.id)
        if found is not None:
            with acting(*found, batch=f"demo-papers-{school.id}"):
                _papers(session, school)
                session.flush()  # while it is said for whom


def _administrator(session: Session, school: School) -> int:
    held = (Membership.school_id == school.id, Membership.role == Role.ac)
    return session.scalars(select(User.id).join(Membership, Membership.user_id == User.id).where(*held).order_by(User.id)).first() or 0


def _field(session: Session, school: School) -> None:
    """A list of choices, filled in for two students of three."""
    key, label, options = _FIELDS[school.country.name]
    choices = [{"key": name, "label": words} for name, words in options]
    row = CustomField(school_id=school.id, table_name="student", key=key, label=label, kind=FieldKind.choice, choices=choices, in_list=False)
    row.rank, row.help, row.required = 1, "", False
    store(session, [row])
    students = session.scalars(select(Student.id).where(Student.school_id == school.id).order_by(Student.id)).all()
    table: Any = Student.__table__
    for place, (name, _words) in enumerate(options):
        some = [number for number in students if number % len(options) == place and number % 3]
        session.execute(update(table).where(table.c.id.in_(some)).values(extra={key: name}))


def _view(school: School, owner: int) -> SavedView:
    return SavedView(school_id=school.id, owner_id=owner, table_name="student", name=_VIEWS[school.country.name], query="flt0_access.Clause=1", shared=True)


def _second_record(session: Session, school: School) -> None:
    """A guardian who was typed a second time when a younger child came, with the same phone."""
    first = session.scalars(
        select(Guardian)
        .join(GuardianLink, GuardianLink.guardian_id == Guardian.id)
        .where(Guardian.school_id == school.id, Guardian.phone_e164 != "", Guardian.user_id.is_(None))
        .order_by(Guardian.id)
    ).first()
    if first is None:
        return
    copied = ("school_id", "title", "family_name", "given_name", "phone", "phone_e164", "postal_code", "town", "language")
    row = Guardian(**{name: getattr(first, name) for name in copied}, email="", address1="", address2="")
    row.search_key, row.name_key = guardian_search_key(row), name_key(row.family_name, row.given_name)
    store(session, [row])
    child = session.scalars(select(Student.id).where(Student.school_id == school.id, ~Student.links.any(GuardianLink.guardian_id == first.id)).limit(1)).first()
    values = {name: getattr(first.links[0], name) for name in ("relation", "authority", "status")}
    session.execute(insert(GuardianLink), [{**values, "school_id": school.id, "student_id": child, "guardian_id": row.id}])


def _papers(session: Session, school: School) -> None:
    """Certificates of two students, the first printed twice."""
    active = (Student.status == StudentStatus.active, Student.born_on.is_not(None), Student.homeroom_id.is_not(None))
    ids = session.scalars(select(Student.id).where(*active).order_by(Student.search_key, Student.id).limit(2)).all()
    start = school_year(today(school.time_zone), Country(school.country))
    for paper in issue(session, ids, school=school, job_id=0, language=school.language, start=start):
        paper.printed_count = 1
