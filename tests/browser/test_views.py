"""Columns and saved views in a real browser: chosen, kept, found again the next day, on a phone and without script; a field that the school adds."""

import re

import pytest
from playwright.sync_api import expect
from sizes import NARROW, PHONE, overflow

pytestmark = pytest.mark.browser


def headings(page):
    """What stands above the columns."""
    return [text.strip(" ↑↓\n") for text in page.locator("thead th:not(.tick):not(.go)").all_inner_texts()]


def open_menu(page, name):
    """Open one of the menus of the tools."""
    page.locator(".tools summary", has_text=name).click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_columns_are_chosen_and_a_view_is_kept_and_reopened(open_page, script):
    name = "Téléphones" if script else "Téléphones sans script"
    page = open_page("registrar", script=script)
    page.goto("/admin/student/")
    open_menu(page, "Colonnes")
    menu = page.locator("details.columns")
    menu.get_by_label("Téléphone", exact=True).check()
    menu.get_by_label("Place de «\u202fTéléphone\u202f»").fill("2")
    menu.get_by_label("Accès", exact=True).uncheck()
    expect(menu.get_by_label("Nom et prénom", exact=True)).to_be_disabled()
    menu.get_by_role("button", name="Afficher ces colonnes").click()
    assert headings(page) == ["Nom et prénom", "Téléphone", "Classe", "Niveau", "Identifiant", "Naissance", "Statut"]

    page.get_by_role("link", name="Naissance").click()
    page.get_by_label("Texte cherché").fill("a")
    page.locator(".tools").get_by_role("button", name="Chercher").click()
    assert headings(page)[1] == "Téléphone"

    open_menu(page, "Enregistrer cette vue")
    page.get_by_label("Nom de la vue").fill(name)
    page.get_by_role("button", name="Enregistrer la vue").click()
    expect(page.locator(".alert-success")).to_contain_text(name)
    expect(page.locator(".views [aria-current]")).to_have_text(name)

    again = open_page("registrar", script=script)
    again.goto("/admin/")
    again.locator(".side").get_by_role("link", name="Élèves", exact=True).click()
    again.locator(".views").get_by_role("link", name=name, exact=True).click()
    assert headings(again)[:2] == ["Nom et prénom", "Téléphone"]
    expect(again.get_by_label("Texte cherché")).to_have_value("a")
    expect(again.locator("th[aria-sort]")).to_contain_text("Naissance")

    open_menu(again, "Vue ouverte")
    again.get_by_role("button", name="Supprimer la vue").click()
    again.get_by_role("button", name="Supprimer la vue").click()
    expect(again.locator(".views")).not_to_contain_text(name)


@pytest.mark.parametrize(
    ("size", "dark"),
    [(PHONE, False), (NARROW, True), pytest.param(PHONE, True, marks=pytest.mark.slow), pytest.param(NARROW, False, marks=pytest.mark.slow)],
    ids=["light 390", "dark 320", "dark 390", "light 320"],
)
def test_the_menus_fit_a_phone_and_everybody_can_use_them(open_page, axe, size, dark):
    page = open_page("ac", size=size, dark=dark, axe=True)
    for name in ("Colonnes", "Enregistrer cette vue"):
        page.goto("/admin/student/")
        open_menu(page, name)
        assert overflow(page) == 0
        assert axe(page) == []
    page.locator("details.columns summary").click()
    box = page.locator("details.columns label", has_text="Classe").first
    assert box.bounding_box()["height"] >= 24


def test_a_field_is_added_filled_in_listed_and_withdrawn(open_page, axe):
    page = open_page("acc", axe=True)
    page.goto("/admin/custom_field/new/")
    page.locator("[name=table_name]").select_option(label="Groupes")
    page.locator("[name=label]").fill("Salle de classe")
    expect(page.get_by_label("Nouveaux choix, un par ligne")).to_be_hidden()
    page.locator("[name=kind]").select_option(label="Liste de choix")
    page.get_by_label("Nouveaux choix, un par ligne").fill("Bâtiment A\nBâtiment B")
    page.get_by_role("button", name="Voir le champ").click()
    expect(page.locator("section", has_text="Ce que l’on verra").locator("option")).to_have_text(["—", "Bâtiment A", "Bâtiment B"])
    assert axe(page) == []
    page.get_by_role("button", name="Enregistrer le champ").click()
    expect(page.locator("tbody")).to_contain_text("Salle de classe")

    page.goto("/admin/group/")
    page.get_by_role("link", name="Chorale", exact=True).click()
    page.get_by_role("link", name="Modifier").click()
    page.get_by_label("Salle de classe").select_option(label="Bâtiment B")
    page.get_by_role("button", name="Enregistrer").click()
    page.goto("/admin/group/?cols=name,extra.salle_de_classe")
    expect(page.get_by_role("row", name=re.compile("Chorale"))).to_contain_text("Bâtiment B")

    page.goto("/admin/custom_field/")
    page.get_by_role("link", name="Salle de classe").click()
    expect(page.locator("main")).to_contain_text("Bâtiment A, Bâtiment B")
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("button", name="Retirer").click()
    page.goto("/admin/group/?cols=name,extra.salle_de_classe")
    assert "Salle de classe" not in headings(page)
