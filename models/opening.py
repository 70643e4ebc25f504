"""What a new school finds already there, beside its words: the current school year and the usual codes."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.base import today
from models.codes import create_codes
from models.papers import school_year
from models.school import School
from models.school_year import usual_year


def open_studies(session: Session, school: School) -> None:
    """Give a new school its current year, as the country has it, and the codes of its lists."""
    year = usual_year(school, school_year(today(school.time_zone), school.country))
    year.current = True
    session.add(year)
    create_codes(school)
