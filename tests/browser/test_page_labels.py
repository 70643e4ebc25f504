"""Labels of this page in a real browser: the panel opens beside the list, a button is rewritten there, seen at once, and reset."""

import pytest
from playwright.sync_api import expect
from sizes import PHONE, overflow

pytestmark = pytest.mark.browser


def test_a_button_is_rewritten_beside_the_list_that_shows_it_and_reset_there(open_page, axe):
    page = open_page("acc", axe=True)
    page.goto("/admin/student/")
    page.get_by_role("link", name="Textes de cette page").click()
    panel = page.get_by_role("complementary", name="Textes de cette page")
    panel.get_by_label("Mots lus sur la page").fill("ajouter eleve")
    expect(panel.locator(".label-row:visible")).to_have_count(1)
    panel.get_by_role("link", name="Ajouter un élève").click()
    expect(page.locator(".page-head [data-label-on]")).to_have_text("Ajouter un élève")
    panel.get_by_label("Texte", exact=True).fill("Inscrire [the student] [nobody]")
    expect(panel.locator("[data-label-gives]")).to_contain_text("Inscrire l’élève [nobody]")
    panel.get_by_label("Texte", exact=True).fill("Inscrire [a student]")
    expect(panel.locator("[data-label-gives]")).to_have_text("Inscrire un élève")
    assert axe(page) == []
    panel.get_by_role("button", name="Enregistrer").click()
    expect(page.locator(".page-head").get_by_role("link", name="Inscrire un élève")).to_be_visible()
    expect(page.locator(".alert-success")).to_contain_text("Le texte est enregistré.")
    panel.get_by_role("button", name="Reprendre le texte d’origine").click()
    expect(page.locator(".page-head").get_by_role("link", name="Ajouter un élève")).to_be_visible()
    panel.get_by_role("link", name="Fermer les textes de cette page").click()
    expect(panel).to_have_count(0)


def test_on_a_phone_and_without_a_script_the_panel_stands_below_the_page(open_page):
    page = open_page("acc", size=PHONE, script=False)
    page.goto("/admin/level/")
    page.get_by_role("link", name="Textes de cette page").click()
    assert page.url.endswith("#labels")
    assert overflow(page) <= 0
    page.get_by_label("Mots lus sur la page").fill("ajouter un niveau")
    page.locator(".labels-find button").click()
    page.locator(".label-row a").first.click()
    page.get_by_role("button", name="Voir ce que cela donne").click()
    expect(page.locator("[data-label-gives]")).to_have_text("Ajouter un niveau")
