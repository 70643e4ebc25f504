"""What the two schools of the demonstration teach: programmes, terms, organisational units, school years, code lists."""

from __future__ import annotations

import datetime as dt
from typing import Any

from jobs.demo_records import census_of
from models.codes import CodeValue, rows_of
from models.papers import school_year
from models.school import Country, School
from models.school_year import usual_year
from models.studies import OrgUnit, Programme, ProgrammeKind, Season, Term

# (code, title, short title) of each level, in the order of `jobs.demo_people.LEVELS`.
_PROGRAMMES = {
    "FR": (
        ("10010012110", "Sixième", "6EME"),
        ("10110001110", "Cinquième", "5EME"),
        ("10210001110", "Quatrième", "4EME"),
        ("10310019110", "Troisième", "3EME"),
    ),
    "CA": (
        ("180.A0", "Soins infirmiers", ""),
        ("420.B0", "Techniques de l'informatique", "Informatique"),
        ("JEE.0K", "Techniques d'éducation à l'enfance", "Éducation à l'enfance"),
        ("410.D0", "Gestion de commerces", ""),
        ("EEC.1Y", "Courtage immobilier résidentiel", "Courtage immobilier"),
    ),
}
_UNITS = {
    "FR": (("COL", "Collège"),),
    "CA": (("RA", "Reconnaissance des acquis"), ("FR", "Formation régulière"), ("FC", "Formation continue")),
}


def programmes_of(school: School) -> list[Programme]:
    """One for each level, in their order."""
    general = ProgrammeKind.general if school.country is Country.FR else None
    return [Programme(school_id=school.id, kind=general, code=code, title=title, short_title=short) for code, title, short in _PROGRAMMES[school.country.name]]


def others_of(school: School, day: dt.date) -> dict[str, list[Any]]:
    """Kind -> rows: last year and the current one, their terms, the units, the code lists."""
    start = school_year(day, school.country)
    years = [usual_year(school, start - 1), usual_year(school, start)]
    for year in years:  # (rows of one table are stored with the same columns)
        year.current = year is years[1]
    return {
        "school years": years,
        "terms": [
            Term(school_id=school.id, year=year, season=season, census_on=census_of(year, season, school.country))
            for year, season in _terms(school.country, start)
        ],
        "organisational units": [OrgUnit(school_id=school.id, code=code, name=name) for code, name in _UNITS[school.country.name]],
        "codes": [CodeValue(**row) for row in rows_of(school)],
    }


def _terms(country: Country, start: int) -> list[tuple[int, Season]]:
    if country is Country.FR:
        return [(start, season) for season in (Season.trimester1, Season.trimester2, Season.trimester3)]
    college = (Season.winter, Season.summer, Season.autumn)
    return [(year, season) for year in (start - 1, start, start + 1) for season in college]
