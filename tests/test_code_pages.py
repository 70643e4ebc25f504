"""From the menu to codes and letters for many: the two pages, the lists opened for one verb."""

import html
import re

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import func, select, update

from models.activation import ActivationCode
from models.people import Group, GroupCategory, Student

CREATE, PRINT = "/admin/activation_code/create/", "/admin/activation_code/print/"


def first_form(page):
    """Where the first button posts."""
    return html.unescape(
        re.search(r'<form method="post" action="([^"]+)"><input type="hidden" name="csrf_token"[^>]*><input type="hidden" name="action"', page.text)[1]
    )


def verbs_of(page):
    """The verbs of the bar under a list."""
    bar = re.search(r'<form class="bulk".*?</form>', page.text, re.S)[0]
    return re.findall(r'name="action" value="(\w+)"', bar)


def test_the_menu_leads_to_codes_letters_access_and_unused_codes(as_):
    page = words(as_("ac").get("/admin/"))
    heading = page.partition("Comptes des responsables")[2]
    places = [heading.index(label) for label in ("Créer des codes", "Imprimer des lettres", "Données d’accès", "Codes inutilisés", "Lettre d’accès")]
    assert places == sorted(places)
    assert "Créer des codes" not in words(as_("registrar").get("/admin/"))


def test_the_first_button_asks_about_those_whom_nobody_can_see(as_):
    browser = as_("ac")
    page = browser.get(CREATE)
    number = int(re.search(r'big-count"><b>(\d+)</b>', page.text)[1])
    asked = send(browser, first_form(page), page=CREATE, action="generate_codes", all="1")
    assert f"Seulement ceux qui n’en ont pas ({number})" in words(asked)


def test_the_search_leads_to_the_students_with_that_verb_alone(app, as_, schools):
    with rows(app) as session:
        klass = session.scalar(select(Group).where(Group.school_id == schools[0], Group.category == GroupCategory.klass).order_by(Group.id))
        n = session.scalar(select(func.count(Student.id)).where(Student.homeroom_id == klass.id))
        key, name = klass.id, klass.name
    browser = as_("ac")
    page = browser.get(CREATE).text
    field = re.search(r'<select[^>]*name="(flt\d+_homeroom\.Row)"', page)[1]
    found = browser.get(f"/admin/student/?for=codes&search=&{field}={key}")
    assert verbs_of(found) == ["generate_codes"]
    assert "Cochez des élèves, ou la liste" in words(found)
    assert f"{n} élève" in words(found)
    assert f"Classe : {name}" in words(found).replace("\u00a0", " ")
    assert "for=codes" in re.search(r'<nav class="views".*?</nav>', found.text, re.S)[0]
    assert "add_to_group" in verbs_of(browser.get("/admin/student/"))


def test_letters_never_printed_are_one_button_away(app, as_, schools):
    with rows(app) as session:
        key = session.scalar(select(ActivationCode.id).where(ActivationCode.school_id == schools[0], ActivationCode.sealed != ""))
        session.execute(update(ActivationCode).where(ActivationCode.id == key).values(printed_count=0))
    browser = as_("registrar")
    page = browser.get(PRINT)
    assert "1 code utilisable dont la lettre" in words(page)
    asked = words(send(browser, first_form(page), page=PRINT, action="print_letters", all="1"))
    assert "1 lettre sera imprimée" in asked
    assert "Une pour moi d’abord" in asked


@pytest.mark.parametrize("narrow", ["level", "homeroom", "group", "language", "printed"])
def test_codes_are_found_by_level_class_group_language_and_never_printed(as_, narrow):
    browser = as_("ac")
    page = browser.get(PRINT).text
    name, value = {"printed": ("flt4_printed.NeverPrinted", "1"), "language": ("flt3_language.InLanguage", "en")}.get(narrow, ("", ""))
    if not name:
        name, value = re.search(rf'<select[^>]*name="(flt\d+_{narrow}\.\w+)".*?<option value="(\d+)"', page, re.S).groups()
    assert f'name="{name}"' in page
    whole = browser.get("/admin/activation_code/?for=letters")
    found = browser.get(f"/admin/activation_code/?for=letters&{name}={value}")
    assert found.status_code == 200
    assert verbs_of(whole) == ["print_letters"]
    assert found.text.count('name="rowid"') < whole.text.count('name="rowid"')
