"""Courses, grids and the correspondence of groups: their rules, and what a person sees of them."""

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import select

from models.base import Refusal
from models.codes import CodeList, CodeValue
from models.course_numbers import read_course_number, read_group_number
from models.courses import Course, Grid, RacGroup, proposed_type
from models.school import Country
from models.studies import Programme
from models.units import read_units, show_units
from models.words import in_language


@pytest.mark.parametrize("typed", ["601-103-MQ", "601 103 mq", "601103MQ", " 601–103-mq "])
def test_a_number_of_the_network_is_read_as_people_write_it(typed):
    assert read_course_number(typed, Country.CA) == "601-103-MQ"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("6O1-103-MQ", "In “6O1-103-MQ” sign 2 is the letter O where a figure is expected. Did you mean 601-103-MQ?"),
        ("6*1-103-MQ", "In “6*1-103-MQ” sign 2, *, should be a figure, as in 601-103-MQ."),
        ("601-1é3-MQ", "In “601-1É3-MQ” sign 6, É, should be a letter or a figure, as in 601-103-MQ."),
        ("2026-02-30", "In “2026-02-30” sign 4, 6, should be a dash, as in 601-103-MQ."),
        ("601-103", "“601-103” is no number of a course: three figures, three signs, two signs are expected, as in 601-103-MQ."),
    ],
)
def test_a_wrong_number_is_told_which_sign_is_wrong(app, typed, told):
    with app.test_request_context(), in_language("en"), pytest.raises(Refusal) as refused:
        read_course_number(typed, Country.CA)
    with app.test_request_context(), in_language("en"):
        assert refused.value.sentence == told


def test_a_school_elsewhere_writes_its_own_codes():
    assert read_course_number("fra-4", Country.FR) == "FRA-4"
    with pytest.raises(Refusal):
        read_course_number("<b>FRA</b>", Country.FR)


@pytest.mark.parametrize(("typed", "thirds", "shown"), [("4,33", 13, "4,33"), ("4.66", 14, "4,66"), ("4 1/3", 13, "4,33"), ("2", 6, "2,00"), ("⅔", 2, "0,66")])
def test_units_go_by_thirds_and_are_shown_cut(typed, thirds, shown):
    assert (read_units(typed), show_units(thirds)) == (thirds, shown)


@pytest.mark.parametrize("typed", ["4,5", "-1", "quatre", "100", "4 1/2"])
def test_what_is_no_number_of_thirds_is_refused(typed):
    with pytest.raises(Refusal):
        read_units(typed)


def test_the_number_of_a_group_has_five_figures():
    assert read_group_number(" 990 ") == "00990"
    for typed in ("", "ABC", "123456"):
        with pytest.raises(Refusal):
            read_group_number(typed)


def test_the_group_of_a_course_proposes_its_kind_of_recognition(app, schools):
    with rows(app) as session:
        course = session.scalar(select(Course).where(Course.school_id == schools[1], Course.number == "322-409-MV"))
        found = [proposed_type(session, course.id, number) for number in ("990", "00992", "12345")]
        assert [one.code if one else None for one in found] == ["EE", "EE SR", None]


def test_a_registrar_adds_a_course_and_is_told_the_wrong_sign(as_, app, schools):
    browser = as_("registrar2")
    fields = {"number": "6O1-104-MQ", "title": "Écriture", "unit_thirds": "2 2/3", "weekly_hours": "5"}
    refused = send(browser, "/admin/course/new/", page="/account", **fields)
    assert refused.status_code == 422
    assert "le signe n° 2 est la lettre O alors qu’un chiffre est attendu. Vouliez-vous écrire 601-104-MQ" in words(refused)
    assert 'value="2 2/3"' in refused.text
    done = send(browser, "/admin/course/new/", page="/account", **{**fields, "number": "601 104 mq"})
    assert done.status_code == 302
    with rows(app) as session:
        made = session.scalar(select(Course).where(Course.title == "Écriture"))
        assert (made.number, made.unit_thirds, made.school_id) == ("601-104-MQ", 8, schools[1])
    page = words(browser.get("/admin/course/?search=601-104"))
    assert "601-104-MQ Écriture" in page
    assert "2,66" in page


def test_a_grid_holds_its_courses_and_a_line_asks_for_a_kind_of_recognition(as_, app, schools):
    browser = as_("registrar2")
    with rows(app) as session:
        course = session.scalar(select(Course.id).where(Course.school_id == schools[1]))
        programme = session.scalar(select(Programme.id).where(Programme.school_id == schools[1]))
        two = (CodeValue.school_id == schools[1], CodeValue.code.in_(("SP", "EE")))
        codes = dict(session.execute(select(CodeValue.code_list, CodeValue.id).where(*two)).all())
    assert send(browser, "/admin/grid/new/", page="/account", code="jee0k-18r-ra", programme=str(programme), courses=str(course)).status_code == 302
    forged = {"course": str(course), "number": "44", "rac_type": str(codes[CodeList.course_category])}
    assert send(browser, "/admin/rac_group/new/", page="/account", **forged).status_code == 422
    assert send(browser, "/admin/rac_group/new/", page="/account", **{**forged, "rac_type": str(codes[CodeList.rac_type])}).status_code == 302
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.code == "JEE0K-18R-RA"))
        assert [one.id for one in grid.courses] == [course]
        assert session.scalar(select(RacGroup.number).where(RacGroup.course_id == course, RacGroup.number == "00044")) == "00044"


def test_courses_of_another_school_do_not_exist_here(as_, app, schools):
    with rows(app) as session:
        theirs = session.scalar(select(Course.id).where(Course.school_id == schools[1]))
    assert as_("acc").get(f"/admin/course/details/?id={theirs}").status_code == 404
    assert "601-103-MQ" not in as_("acc").get("/admin/course/").text.split("</thead>")[-1]


def test_a_course_that_is_no_longer_offered_stays_readable(as_, app, schools):
    browser = as_("registrar2")
    with rows(app) as session:
        course = session.scalar(select(Course.id).where(Course.number == "340-101-MQ"))
    send(browser, "/admin/course/action/", page=f"/admin/course/details/?id={course}", action="retire", rowid=str(course), _asked="1")
    with rows(app) as session:
        assert session.get_one(Course, course).retired_at is not None
    assert "340-101-MQ" in browser.get(f"/admin/course/details/?id={course}").text
    assert "340-101-MQ" not in browser.get("/admin/rac_group/ajax/lookup/?name=course&query=340").text
