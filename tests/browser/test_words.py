"""Story E in a real browser: a noun renamed, a text rewritten, both taken back; for everybody of the school, at the next page."""

import re

import pytest
from playwright.sync_api import expect
from sizes import DESK, PHONE, overflow, resize

pytestmark = pytest.mark.browser


def heading(page, path):
    """Go there; its title."""
    page.goto(path)
    return page.locator("h1").inner_text()


def test_a_noun_is_renamed_and_taken_back(open_page):
    acc, ac, other = open_page("acc"), open_page("ac"), open_page("acc2")
    assert heading(ac, "/admin/student/") == "Élèves"
    before = heading(other, "/admin/student/")

    acc.goto("/admin/")
    acc.get_by_role("link", name="Libellés", exact=True).click()
    acc.get_by_role("link", name="Vocabulaire").click()
    acc.get_by_role("link", name="élève", exact=True).click()
    acc.get_by_label("Singulier").fill("candidate")
    expect(acc.get_by_label("Commence par un son de voyelle")).not_to_be_checked()
    acc.get_by_label("Singulier").fill("apprenante")
    sound = acc.get_by_label("Commence par un son de voyelle")
    expect(sound).to_be_checked()
    sound.uncheck()
    acc.get_by_label("Singulier").fill("héroïne")
    expect(sound).not_to_be_checked()  # what the person ticked stays theirs
    sound.check()
    acc.get_by_label("Singulier").fill("apprenante")
    acc.get_by_label("Pluriel").fill("apprenantes")
    acc.get_by_label("Genre").select_option("feminine")
    acc.get_by_role("button", name="Enregistrer").click()

    for page in (acc, ac):
        assert heading(page, "/admin/student/") == "Apprenantes"
        expect(page.locator(".side").get_by_role("link", name="Apprenantes")).to_be_visible()
        expect(page.get_by_role("link", name="Ajouter une apprenante")).to_be_visible()
    assert heading(other, "/admin/student/") == before

    acc.goto("/admin/noun/")
    row = acc.get_by_role("row").filter(has=acc.get_by_role("link", name="apprenante", exact=True))
    row.locator("summary").click()
    row.get_by_role("button", name="Reprendre le mot d’origine").click()
    assert heading(ac, "/admin/student/") == "Élèves"


def test_a_text_is_found_by_what_it_says_and_changed_in_two_clicks(open_page):
    acc, ac = open_page("acc"), open_page("ac")
    acc.goto("/admin/label/")
    acc.get_by_label("Mots lus sur une page").fill("ajouter un eleve")
    acc.keyboard.press("Enter")
    acc.get_by_role("link", name="Ajouter un élève").click()
    acc.get_by_label("Texte", exact=True).fill("<b>Inscrire</b> [a student] à 100 %")
    acc.get_by_role("button", name="Voir ce que cela donne").click()
    expect(acc.get_by_text("<b>Inscrire</b> un élève à 100 %", exact=True)).to_be_visible()
    acc.get_by_role("button", name="Enregistrer").click()
    expect(acc.locator(".alert-success")).to_contain_text("Le texte est enregistré.")

    ac.goto("/admin/student/")
    expect(ac.get_by_role("link", name="<b>Inscrire</b> un élève à 100 %")).to_be_visible()

    acc.goto("/admin/label/?view=mine")
    acc.get_by_role("link", name=re.compile("Inscrire")).click()
    acc.get_by_role("button", name="Reprendre le texte d’origine").click()
    ac.goto("/admin/student/")
    expect(ac.get_by_role("link", name="Ajouter un élève")).to_be_visible()


@pytest.mark.parametrize("path", ["/admin/label/?search=ajouter un", "/admin/label/?view=mine", "/admin/noun/edit/?id=1", "text"])
def test_the_pages_of_words_are_readable_for_everybody(open_page, axe, path):
    page = open_page("acc", axe=True)
    if path == "text":
        page.goto("/admin/label/?search=ajouter un eleve")
        path = page.get_by_role("link", name="Ajouter un élève").get_attribute("href")
    for size in (DESK, PHONE):
        resize(page, size)
        page.goto(path)
        assert axe(page) == []
        assert overflow(page) == 0
