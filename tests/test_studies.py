"""Programmes, terms, organisational units, code lists: their rules, and what a person sees of them."""

import datetime as dt

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import select

from models.base import Refusal
from models.code_words import Source
from models.codes import CodeList, CodeValue, create_codes, may_keep
from models.people import Student
from models.school import Country, Level, School
from models.studies import OrgUnit, Programme, ProgrammeKind, Season, Term, read_term
from models.words import in_language


@pytest.mark.parametrize(
    ("typed", "stored", "kind"),
    [
        ("jee 0k", "JEE.0K", ProgrammeKind.aec),
        ("322a0", "322.A0", ProgrammeKind.dec),
        ("100 1001 2110", "10010012110", None),
        ("cap-1", "CAP-1", None),
    ],
)
def test_a_code_is_tidied_and_tells_what_it_leads_to(typed, stored, kind):
    made = Programme(title="Une formation", code=typed)
    assert (made.code, made.kind) == (stored, kind)


def test_a_code_of_another_shape_is_told_and_kept():
    made = Programme(title="Une formation", code="CAP-1")
    assert made.shape_warning(Country.FR) is not None
    assert made.shape_warning(Country.CA) is not None
    assert Programme(title="Sixième", code="10010012110").shape_warning(Country.FR) is None
    assert Programme(title="Soins", code="180.A0").shape_warning(Country.CA) is None


def test_a_programme_is_said_by_its_code_unless_nobody_says_it():
    assert str(Programme(code="JEE.0K", title="Éducation à l'enfance")) == "JEE.0K – Éducation à l'enfance"
    assert str(Programme(code="10010012110", title="Sixième", short_title="6EME")) == "6EME"
    assert str(Programme(code="LATIN", title="Latin")) == "Latin"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("A-2017", (2017, Season.autumn)),
        ("É-2018", (2018, Season.summer)),
        ("e18", (2018, Season.summer)),
        ("H 2018", (2018, Season.winter)),
        ("20173", (2017, Season.autumn)),
        ("Hiver 2018", (2018, Season.winter)),
        ("T2 2026-2027", (2026, Season.trimester2)),
        ("2018", None),
        ("A-20178", None),
    ],
)
def test_a_term_is_read_as_people_write_it(typed, read):
    assert read_term(typed) == read


def test_a_term_is_written_as_the_reader_says_it(app):
    with app.test_request_context():
        with in_language("fr_CA"):
            assert [str(Term(year=2018, season=season)) for season in (Season.summer, Season.trimester1)] == ["É-2018", "Étape 1, 2018-2019"]
        with in_language("fr"):
            assert str(Term(year=2026, season=Season.trimester1)) == "T1 2026-2027"
        with in_language("en"):
            assert str(Term(year=2018, season=Season.winter)) == "Winter 2018"


def test_terms_stand_in_the_order_of_the_year(app, schools):
    with rows(app) as session:
        found = session.scalars(select(Term).where(Term.school_id == schools[1]).order_by(Term.place)).all()
        assert [term.season for term in found[:4]] == [Season.winter, Season.summer, Season.autumn, Season.winter]


def test_a_term_that_ends_before_it_begins_and_a_year_of_two_figures_are_refused(app):
    with pytest.raises(Refusal):
        Term(year=18, season=Season.winter)
    with pytest.raises(Refusal):
        Term(year=2018, season=Season.winter, begins_on=dt.date(2018, 5, 1), ends_on=dt.date(2018, 1, 9)).check_days()


def test_a_school_has_the_usual_codes_once_and_keeps_what_it_changed(app, schools):
    with rows(app) as session:
        school = session.get_one(School, schools[1])
        code = session.scalar(select(CodeValue).where(CodeValue.school_id == school.id, CodeValue.code == "50"))
        code.label = "Fonds de l'établissement"
        session.delete(session.scalar(select(CodeValue).where(CodeValue.school_id == school.id, CodeValue.code == "HY")))
        session.flush()
        assert create_codes(school) == 1
        assert code.label == "Fonds de l’établissement"


def test_the_lists_of_the_network_are_given_to_schools_of_quebec_only_and_printed_as_they_should_be(app, schools):
    with rows(app) as session:
        said = [session.scalars(select(CodeValue).where(CodeValue.school_id == number)).all() for number in schools]
        assert {one.code_list for one in said[0]} == {CodeList.leaving_reason, CodeList.teaching_language, CodeList.delivery_mode}
        given = {one.code_list for one in said[1] if one.source is not Source.school}
        assert given == set(CodeList) - {CodeList.partner}  # whose codes each school writes itself
        assert "Ministère de l’éducation" in {one.label for one in said[1]}
        assert not [one.label for one in said[0] + said[1] if "'" in one.label + one.help]


def test_the_registrar_keeps_the_lists_of_the_studies_only():
    assert may_keep(["registrar"], CodeList.remark)
    assert not may_keep(["registrar"], CodeList.leaving_reason)
    assert may_keep(["registrar", "acc"], CodeList.leaving_reason)


# -- through the door


def test_the_registrar_cannot_touch_another_list_at_any_address(app, as_, schools):
    with rows(app) as session:
        reason = session.scalar(select(CodeValue.id).where(CodeValue.school_id == schools[0], CodeValue.code_list == CodeList.leaving_reason))
        remark = session.scalar(select(CodeValue.id).where(CodeValue.school_id == schools[0], CodeValue.code_list == CodeList.delivery_mode))
    browser = as_("registrar")
    assert browser.get(f"/admin/code_value/edit/?id={reason}").status_code == 403
    assert send(browser, "/admin/code_value/action/", "/account", action="retire", rowid=reason).status_code == 403
    forged = send(browser, "/admin/code_value/new/", "/account", code_list="leaving_reason", code="X", label="Forgé", rank="1")
    assert forged.status_code == 422
    assert send(browser, "/admin/code_value/action/", "/account", action="retire", rowid=remark).status_code == 303
    assert "Hors usage" in words(browser.get("/admin/code_value/?flt0_code_list.Is=delivery_mode"))


def test_a_programme_is_given_to_a_student_found_by_it_and_not_deleted_then(app, as_, schools):
    browser = as_("acc")
    made = send(browser, "/admin/programme/new/", "/admin/programme/new/", code="20110019110", title="Segpa", short_title="", kind="")
    assert made.status_code == 302
    with rows(app) as session:
        programme = session.scalar(select(Programme.id).where(Programme.code == "20110019110"))
        student = session.scalar(select(Student).where(Student.school_id == schools[0], Student.level_id.is_not(None)))
        number, name = student.id, student.family_name
    page = browser.get(f"/admin/student/edit/?id={number}")
    assert f'<option value="{programme}">Segpa' in page.text
    with rows(app) as session:
        session.get_one(Student, number).programme_id = programme
    assert "Segpa" in words(browser.get(f"/admin/student/details/?id={number}"))
    found = words(browser.get(f"/admin/student/?flt0_programme.Row={programme}&cols=name,programme"))
    assert name in found
    assert "Segpa" in found
    refused = send(browser, "/admin/programme/delete/", "/account", id=str(programme))
    assert "y est encore" in words(refused)
    assert "Retirer des choix" in words(refused)


def test_what_is_retired_is_offered_to_nobody_else_and_kept_by_whoever_has_it(app, as_, schools):
    with rows(app) as session:
        level = session.scalar(select(Level).where(Level.school_id == schools[0], Level.name == "6e"))
        programme = session.scalar(select(Programme).where(Programme.school_id == schools[0], Programme.short_title == "6EME"))
        level.retire()
        programme.retire()
        inside = session.scalar(select(Student.id).where(Student.level_id == level.id))
        outside = session.scalar(select(Student.id).where(Student.school_id == schools[0], Student.level_id != level.id))
        ids = level.id, programme.id
    browser = as_("acc")
    own, other = browser.get(f"/admin/student/edit/?id={inside}"), browser.get(f"/admin/student/edit/?id={outside}")
    for number in ids:
        assert f'<option selected value="{number}">' in own.text or f'<option value="{number}" selected>' in own.text
    assert ">6EME" not in other.text.partition('id="programme"')[2].partition("</select>")[0]
    assert f'value="{ids[0]}"' not in other.text.partition('id="level"')[2].partition("</select>")[0]
    kept = send(browser, f"/admin/student/edit/?id={inside}", f"/admin/student/edit/?id={inside}", **_fields(own.text))
    assert kept.status_code == 302


def _fields(text):
    """What the form of a page would send."""
    import html
    import re

    found = {m[1]: html.unescape(m[2]) for m in re.finditer(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', text)}
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', text, re.S):
        chosen = re.search(r'<option(?=[^>]*selected)[^>]*value="([^"]*)"', inner)
        found[name] = chosen[1] if chosen else ""
    return {name: value for name, value in found.items() if name not in ("csrf_token", "q", "language_of_page")}


def test_a_term_is_found_as_it_is_typed(app, as_, schools):
    with rows(app) as session:
        session.add_all(Term(school_id=schools[1], year=2017, season=season) for season in (Season.summer, Season.autumn))
    found = words(as_("acc2").get("/admin/term/?search=E17"))
    assert "É-2017" in found
    assert "A-2017 " not in found.partition("É-2017")[2]


def test_the_form_of_a_term_opens_on_what_the_country_has(as_):
    page = as_("acc").get("/admin/term/new/").text
    assert '<option selected value="trimester1">' in page or '<option value="trimester1" selected>' in page
    assert page.index('value="trimester1"') < page.index('value="winter"')
    page = as_("acc2").get("/admin/term/new/").text
    assert page.index('value="winter"') < page.index('value="trimester1"')


@pytest.mark.parametrize(
    ("table", "typed", "said"),
    [
        ("school_year", {"name": "2040-2041", "begins_on": "2040-09-01", "ends_on": "2041-08-31"}, "2040-2041 existe déjà."),
        ("term", {"year": "2040", "season": "trimester1"}, "T1 2040-2041 existe déjà. Ouvrez cette fiche dans la liste pour la modifier, ou changez ici :"),
        ("programme", {"code": "100 1001 2110", "title": "Autre", "short_title": "", "kind": ""}, "6EME existe déjà."),
        ("org_unit", {"code": "col", "name": "Autre"}, "COL – Collège existe déjà."),
        ("level", {"name": "6e", "rank": "9"}, "6e existe déjà."),
        ("code_value", {"code_list": "leaving_reason", "code": "fin", "label": "Autre", "rank": "1"}, "FIN – Fin des études existe déjà."),
    ],
)
def test_a_double_is_refused_by_the_name_of_what_is_there(as_, table, typed, said):
    browser = as_("acc")
    send(browser, f"/admin/{table}/new/", f"/admin/{table}/new/", **typed)
    answer = send(browser, f"/admin/{table}/new/", f"/admin/{table}/new/", **typed)
    assert answer.status_code == 422
    assert said in words(answer)


@pytest.mark.parametrize("made", [lambda: Programme(title="Soins", code="<b>180.A0"), lambda: OrgUnit(name="Campus", code="RA>")])
def test_a_code_holds_no_markup(made):
    with pytest.raises(Refusal):
        made()
    assert Programme.named("<Soins> infirmiers").code == "SOINSINFIRMIERS"
    assert OrgUnit(name="Campus", code="929000-1").code == "929000-1"
