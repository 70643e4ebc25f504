"""Story B in a real browser: a spreadsheet sent, read, corrected, confirmed; sent again, it changes nothing."""

import pytest
from import_desk import book, table
from import_people import HEADINGS, STUDENTS
from playwright.sync_api import expect
from sizes import PHONE, overflow

from jobs.runner import run_pending

pytestmark = pytest.mark.browser

CSV = {"name": "rentrée.csv", "mimeType": "text/csv"}


def send(page, site, data, name="rentrée.csv"):
    """Send a file through the page and wait for its check."""
    page.goto("/admin/import_/")
    page.click("text=Importer un fichier")
    page.set_input_files("#files", {**CSV, "name": name, "buffer": data})
    page.click("text=Envoyer et vérifier")
    expect(page.locator("h1")).to_have_text("Vérification de l’import")
    run_pending(site.app)
    expect(page.locator("h1")).to_have_text("Vérifier l’import")  # the page reads itself again


def test_a_spreadsheet_is_read_corrected_and_written(open_page, site, axe):
    wrong = [{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]
    page = open_page("ac", axe=True)
    send(page, site, table(wrong, encoding="cp1252"))
    expect(page.locator(".alert-info")).to_contain_text("encodage Windows-1252, séparateur : point-virgule")
    expect(page.locator(".views [aria-current]")).to_have_text("En erreur 1")
    expect(page.locator("td.wrong")).to_contain_text("Septembre n’a que 30 jours.")
    assert axe(page) == []

    page.get_by_label("Naissance, ligne 2").fill("2014-09-30")
    page.keyboard.press("Enter")
    expect(page.locator(".state").first).to_have_text("Enregistré")
    run_pending(site.app)
    expect(page.locator(".views [aria-current]")).to_have_text("Créés 5")

    page.click("text=Continuer avec 5 lignes")
    expect(page.locator(".big-count")).to_contain_text("5 lignes seront écrites.")
    page.click("text=Écrire 5 lignes")
    run_pending(site.app)
    expect(page.locator("h1")).to_have_text("Import écrit")
    expect(page.locator(".sheet").first).to_contain_text("3 responsables créés")

    send(page, site, book([{**s, **({"date_naissance": "30/09/2014"} if s is STUDENTS[0] else {})} for s in STUDENTS], HEADINGS), "rentrée.xlsx")
    expect(page.locator(".views")).to_contain_text("Inchangés 5")
    expect(page.locator(".views")).to_contain_text("Créés 0")
    page.click("text=Abandonner")


def test_the_preview_is_read_on_a_phone_and_without_script(open_page, site):
    page = open_page("ac", size=PHONE, script=False)
    page.goto("/admin/import_/new/")
    page.set_input_files("#files", {**CSV, "buffer": table([{**STUDENTS[0], "date_naissance": "31/09/2014"}])})
    page.click("text=Envoyer et vérifier")
    run_pending(site.app)
    page.click("text=Voir où il en est")
    expect(page.locator("td.wrong")).to_contain_text("Septembre n’a que 30 jours.")
    assert overflow(page) == 0
    page.click("text=Abandonner")
