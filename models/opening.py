"""What a school finds already there: its words, the current school year, the usual codes.

A new school is given them when it opens; one that was there before they existed, when its database is upgraded.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import today
from models.codes import create_codes
from models.labels import create_nouns
from models.papers import school_year
from models.school import School
from models.school_year import SchoolYear, usual_year


def furnish(session: Session, school: School) -> None:
    """Give a school what it lacks: the nouns of its glossary, its current year as the country has it, the codes of its lists.

    What it has, it keeps: a year of any dates, codes that it changed or retired.
    """
    create_nouns(school)
    create_codes(school)
    if session.scalar(select(SchoolYear.id).where(SchoolYear.school_id == school.id).limit(1)) is None:
        year = usual_year(school, school_year(today(school.time_zone), school.country))
        year.current = True
        session.add(year)


def complete_schools(session: Session) -> int:
    """After an upgrade, give every school what this version brings; how many schools. In the caller's transaction, without a scope."""
    schools = session.scalars(select(School)).all()
    for school in schools:
        furnish(session, school)
    return len(schools)
