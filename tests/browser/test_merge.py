"""Two records of one child in a real browser: found on the home page, compared, merged, undone; then a field of many rows."""

import datetime as dt

import pytest
from playwright.sync_api import expect
from sizes import NARROW, PHONE, overflow
from sqlalchemy import select

from models.db import db
from models.people import Guardian, GuardianLink, Student
from models.scope import unscoped

pytestmark = pytest.mark.browser


@pytest.fixture
def twins(site):
    """Two records of Zoé in the first school, each with a guardian; they leave with the test."""
    with site.app.app_context(), unscoped("a test prepares"):
        both = []
        for family, given, adult in (("Bénardin", "Zoé", "Hélène"), ("BENARDIN", "Zoe", "Paul")):
            student = Student(school_id=1, family_name=family, given_name=given, born_on=dt.date(2014, 3, 14), town="Valmont" if adult == "Paul" else "Rive")
            guardian = Guardian(school_id=1, family_name="Bénardin", given_name=adult)
            db.session.add(GuardianLink(school_id=1, student=student, guardian=guardian))
            both.append(student)
        db.session.commit()
        ids = [row.id for row in both]
    yield ids
    with site.app.app_context(), unscoped("a test tidies"):
        for row in db.session.scalars(select(Student).where(Student.id.in_(ids))):
            db.session.delete(row)
        for row in db.session.scalars(select(Guardian).where(Guardian.family_name == "Bénardin")):
            db.session.delete(row)
        db.session.commit()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_two_records_are_found_compared_merged_and_undone(open_page, axe, twins, script):
    page = open_page("ac", script=script, axe=script)
    page.goto("/admin/")
    page.get_by_role("link", name="Comparer 1 doublon possible parmi les élèves").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert not script or axe(page) == []
    page.get_by_role("link", name="Comparer").click()
    expect(page.locator("h1")).to_contain_text("Fusionner Bénardin, Zoé et BENARDIN, Zoe")
    assert not script or axe(page) == []
    page.get_by_role("radio", name="Nom Bénardin").check()
    page.get_by_role("radio", name="Prénom Zoé", exact=True).check()
    page.get_by_role("button", name="Fusionner les deux fiches").click()
    expect(page.locator(".alert-success")).to_contain_text("ne fait plus qu’une fiche")
    page.goto(f"/admin/student/details/?id={twins[0]}&part=contacts")
    expect(page.locator("main")).to_contain_text("Bénardin, Paul")
    expect(page.locator("main")).to_contain_text("Bénardin, Hélène")
    page.goto("/admin/")
    page.get_by_role("link", name="Annuler").first.click()
    expect(page.locator("main")).to_contain_text("BENARDIN, Zoe")
    page.locator("main .btn-primary, main .btn-danger").first.click()
    expect(page.locator(".alert-success")).to_be_visible()
    page.goto(f"/admin/student/details/?id={twins[1]}")
    expect(page.locator("main")).to_contain_text("BENARDIN, Zoe")


def test_a_field_of_ticked_rows_is_changed_after_a_look_and_undone(open_page, axe, twins):
    page = open_page("ac", axe=True)
    page.goto("/admin/student/?search=benardin")
    for box in page.locator('input[name="rowid"]').all():
        box.check()
    page.get_by_text("Autres actions").click()
    page.get_by_role("button", name="Modifier un champ").click()
    page.get_by_label("Champ").select_option("town")
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Commune").fill("Valmont")
    page.get_by_role("button", name="Voir ce qui change").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("1 y est déjà")
    assert axe(page) == []
    page.get_by_role("button", name="Modifier 1 fiche").click()
    expect(page.locator(".alert-success")).to_contain_text("1 fiche modifiée.")
    expect(page.locator(".alert-success").get_by_role("link", name="Annuler")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, NARROW], ids=str)
def test_pairs_and_the_two_records_fit_a_phone(open_page, twins, size):
    page = open_page("ac", size=size, dark=True)
    for address in ("/admin/student/duplicates/", f"/admin/student/merge/?id={twins[0]}&with={twins[1]}"):
        page.goto(address)
        assert overflow(page) == 0
