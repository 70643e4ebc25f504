"""Candidates of the Québec school and where they are registered, for the tests of what is done to many of them."""

from sqlalchemy import select

from models.admissions import Admission
from models.courses import Course, Grid
from models.people import Student
from models.registering import Place
from models.studies import Season, Term

COURSE, OTHER = "322-409-MV", "601-103-MQ"


def candidates(session, n=3, *, admitted=True, name="Nouvelle", number=900):
    """So many students with the local numbers 900-0001..., each with an active admission by the demonstration's grid."""
    grid = session.scalar(select(Grid))
    made = [Student(family_name=name, given_name=f"Zoé{i}", local_id=f"{number}-{i:04}", school_id=grid.school_id) for i in range(1, n + 1)]
    session.add_all(made)
    if admitted:
        session.add_all(admission(grid, one) for one in made)
    session.flush()
    return made


def admission(grid, student, **values):
    """An active admission by this grid."""
    return Admission(**{"school_id": grid.school_id, "student": student, "programme_id": grid.programme_id, "grid": grid, **values})


def a_term(session, year=2019, season="autumn", **values):
    """A term that the demonstration does not know."""
    grid = session.scalar(select(Grid))
    found = session.scalar(select(Term).where(Term.year == year, Term.season == Season[season]))
    if found is None:
        found = Term(school_id=grid.school_id, year=year, season=Season[season], **values)
        session.add(found)
        session.flush()
    return found


def a_place(session, group="990", number=COURSE, **term):
    """A group of a course in that term."""
    course = session.scalar(select(Course).where(Course.number == number))
    return Place.of(a_term(session, **term), course, group)
