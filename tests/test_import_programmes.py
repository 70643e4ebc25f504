"""The programme as a column of an import: found by its code, then by its title; one that the school lacks comes like a level, by right."""

import pytest
from conftest import rows
from import_desk import table
from import_people import HEADINGS, STUDENTS
from sqlalchemy import select

from models.access import Role
from models.people import Student
from models.right_override import RightOverride
from models.studies import Programme

HEADING = "No prog."


def lines(*texts):
    return [{**student, HEADING: text} for student, text in zip(STUDENTS, texts, strict=False)]


def followed(app, desk):
    with rows(app) as session:
        found = select(Student.given_name, Programme.code).join(Programme, Student.programme_id == Programme.id).where(Student.school_id == desk.school_id)
        return dict(session.execute(found).all())


@pytest.fixture(name="childhood")
def _childhood(app, desk):
    with rows(app) as session:
        session.add(Programme(school_id=desk.school_id, code="JEE.0K", title="Techniques d'éducation à l'enfance"))


@pytest.mark.usefixtures("childhood")
def test_a_programme_is_found_by_its_code_with_or_without_its_point_and_by_its_title(app, desk):
    texts = ["jee0k", "JEE.0K", "TECHNIQUES D’EDUCATION A L’ENFANCE"]
    key = desk.write(table(lines(*texts), [*HEADINGS, HEADING]))
    assert desk.state(key)[1]["new_programmes"] == 0
    assert set(followed(app, desk).values()) == {"JEE.0K"}
    assert len(followed(app, desk)) == len(texts)
    again = desk.send(table(lines(*texts), [*HEADINGS, HEADING]))
    assert desk.counts(again)["unchanged"] == len(texts)


@pytest.mark.parametrize("heading", ["MEF", "Code MEF", "Formation", "Programme d'études", "Programme"])
@pytest.mark.usefixtures("childhood")
def test_the_column_is_known_under_its_usual_names(app, desk, heading):
    desk.write(table([{**STUDENTS[0], heading: "JEE.0K"}], [*HEADINGS, heading]))
    assert set(followed(app, desk).values()) == {"JEE.0K"}


def test_a_programme_that_the_school_lacks_comes_once_by_code_or_by_title(app, desk):
    key = desk.write(table(lines("100 1001 2110", "10010012110", "Théâtre et société"), [*HEADINGS, HEADING]))
    assert desk.state(key)[2]["new_programmes"] == 2
    with rows(app) as session:
        made = session.execute(select(Programme.code, Programme.title).where(Programme.school_id == desk.school_id).order_by(Programme.id)).all()
    assert [tuple(one) for one in made] == [("10010012110", "100 1001 2110"), ("THÉÂTREETSOCIÉTÉ", "Théâtre et société")]


@pytest.mark.usefixtures("childhood")
def test_one_that_is_nearly_known_waits_for_somebody_to_say_which_is_meant(app, desk):
    key = desk.send(table(lines("Techniques d'éducation à l'enfanse"), [*HEADINGS, HEADING]))
    assert desk.counts(key)["error"] == 1
    desk.do(key, "settle", "programme", "Techniques d'éducation à l'enfanse", "JEE.0K")
    assert desk.counts(key)["created"] == 1
    desk.do(key, "confirm")
    assert set(followed(app, desk).values()) == {"JEE.0K"}


@pytest.mark.usefixtures("childhood")
def test_who_may_not_create_programmes_is_told_and_writes_none(app, desk):
    with rows(app) as session:
        session.add(RightOverride(school_id=desk.school_id, table="programme", role=Role.ac, verb="create", granted=False))
    key = desk.send(table(lines("XXX.1Y", "JEE.0K"), [*HEADINGS, HEADING]))
    assert desk.counts(key)["error"] == 1
    assert desk.counts(key)["created"] == 1
