"""Looking a course up: by its number however it is typed, by another of its numbers, by a title; the wrong sign is told."""

import html
import json

import pytest
from conftest import rows
from hands import send, token, words
from sqlalchemy import select

from models.courses import Course
from models.session_records import SessionRecord


@pytest.fixture
def catalogue(app, schools):
    """One course that has all its numbers; its identifier."""
    with rows(app) as session:
        course = session.scalar(select(Course).where(Course.school_id == schools[1], Course.number == "601-103-MQ"))
        course.discipline, course.objective, course.official_number, course.sobec_number = "Français", "04A2", "6011032", "A77"
        return course.id


def found(browser, query, by=""):
    answer = browser.get("/admin/enrolment/ajax/lookup/", query_string={"name": "course", "query": query, "by": by})
    return json.loads(answer.text)


WAYS = (
    ("601103mq", ""),
    ("601 103", ""),
    ("québécoise litterature", ""),
    ("601", "discipline_number"),
    ("601-103", "number"),
    ("04a", "objective"),
    ("6011*2", "official_number"),
    ("a77", "sobec_number"),
    ("francais", "discipline"),
    ("litt*quebecoise", "title"),
)


@pytest.mark.usefixtures("catalogue")
def test_a_course_is_found_by_what_somebody_knows_of_it(as_):
    browser = as_("registrar2")
    first = {way: [label.split(" – ")[0] for _id, label in found(browser, *way)][:1] for way in WAYS}
    assert first == {way: ["601-103-MQ"] for way in WAYS}
    assert found(browser, "zzz") == found(browser, "601", "objective") == []


@pytest.mark.usefixtures("catalogue")
def test_the_wrong_sign_is_told_above_the_course_that_was_meant(as_):
    told, meant = found(as_("registrar2"), "6O1-103-MQ")
    assert told[0] == ""
    assert "le signe n° 2 est la lettre O" in told[1]
    assert meant[1].startswith("601-103-MQ")


@pytest.fixture
def record(app, schools):
    """A record under an active admission."""
    with rows(app) as session:
        found = session.scalars(select(SessionRecord).where(SessionRecord.school_id == schools[1]).order_by(SessionRecord.id.desc()))
        return next(one.id for one in found if one.admission.status.name == "active")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("6O1-103-MQ", "le signe n° 2 est la lettre O"),
        ("601-999-MQ", "Aucun cours du catalogue ne répond à « 601-999-MQ »"),
    ],
)
def test_a_typed_number_that_means_no_course_is_told_at_the_field_and_stays(as_, record, typed, told):
    answer = send(as_("registrar2"), f"/admin/enrolment/new/?record={record}", page="/account", course="", **{"look-course": typed, "group_number": "1"})
    assert answer.status_code == 422
    assert told in words(answer)
    assert f'data-text="{typed}"' in answer.text


@pytest.mark.usefixtures("catalogue")
def test_without_script_the_field_offers_what_its_search_finds_and_saves_nothing(as_, record):
    browser = as_("registrar2")
    page = f"/admin/enrolment/new/?record={record}"
    fields = {"csrf_token": token(browser.get(page).text), "course": "__None", "_look": "course", "look-course": "francais", "by-course": "discipline"}
    answer = browser.post(page, data=fields)
    assert answer.status_code == 200
    assert "601-103-MQ – Littérature québécoise</option>" in html.unescape(answer.text)
    assert '<option value="discipline" selected>' in answer.text
