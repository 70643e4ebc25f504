"""Three hundred rows with twelve kinds of dirt, set right in the preview without going back to the spreadsheet, written, undone."""

import re

import pytest
from import_desk import table
from import_dirt import HEADINGS, KINDS, rows
from playwright.sync_api import expect
from sizes import PHONE, overflow
from sqlalchemy import func, select
from test_import import CSV

from jobs.runner import run_pending
from models.db import db
from models.imports import ImportFile
from models.people import Student
from models.scope import unscoped

pytestmark = pytest.mark.browser


def send(page, site, data):
    """Send a file and wait for its check; the address of its page."""
    page.goto("/admin/import_/new/")
    page.set_input_files("#files", {**CSV, "buffer": data})
    page.click("text=Envoyer et vérifier")
    page.wait_for_url("**/details/**")
    run_pending(site.app)
    expect(page.locator("h1")).to_have_text("Vérifier l’import")
    return page.url


def cell(page, line, field):
    return page.locator(f'[id="c.students.{line}.{field}"]')


def type_in(page, line, field, text):
    """Type a value as a person does: a date or a text, or a choice in a list."""
    found = cell(page, line, field)
    if found.evaluate("e => e.tagName") == "SELECT":
        found.select_option(text)
    else:
        found.fill(text)
        found.press("Enter")


def line(page, number):
    return page.locator(f'[id="r.students.{number}"]')


def students(site):
    with site.app.app_context(), unscoped("a test looks"):
        return db.session.scalar(select(func.count()).select_from(Student))


def test_three_hundred_rows_with_twelve_kinds_of_dirt_are_set_right_written_and_undone(open_page, site, axe):
    before = students(site)
    page = open_page("ac", axe=True)
    url = send(page, site, table(rows(), HEADINGS))
    expect(page.locator(".views [aria-current]")).to_have_text("En erreur 22")
    assert axe(page) == []
    assert overflow(page) == 0

    for name, dirt in KINDS.items():
        first = dirt.lines[0]
        if dirt.typed is None:
            continue
        type_in(page, first, dirt.field, dirt.typed)
        expect(line(page, first).locator(".state"), name).to_have_text("Enregistré")
        if len(dirt.lines) > 1:
            line(page, first).get_by_label(re.compile("lignes qui disent la même chose")).check()
    page.wait_for_function("async () => (await fetch(location.href)).ok")  # every cell that was left has reached the server
    run_pending(site.app)
    expect(page.locator(".views [aria-current]")).to_have_text("En erreur 1")

    page.goto(url)
    line(page, 22).get_by_role("button", name="Ignorer la ligne 22").click()
    run_pending(site.app)
    expect(page.locator(".views")).to_contain_text("Créés 299")
    expect(page.locator(".views")).to_contain_text("Laissés de côté 1")

    page.get_by_role("link", name="Continuer avec 299 lignes").click()
    page.get_by_role("button", name="Écrire 299 lignes").click()
    run_pending(site.app)
    expect(page.locator("h1")).to_have_text("Import écrit")
    assert students(site) == before + 299

    page.get_by_role("link", name="Annuler cet import").click()
    page.locator("main form button[type=submit]").last.click()
    run_pending(site.app)
    page.goto(url)
    expect(page.locator("h1")).to_have_text("Import annulé")
    assert students(site) == before


def test_the_grid_is_gone_through_by_keyboard(open_page, site):
    page = open_page("ac")
    send(page, site, table(rows(), HEADINGS))
    cell(page, 14, "email").focus()
    page.keyboard.press("ArrowDown")
    expect(cell(page, 15, "email")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(cell(page, 14, "email")).to_be_focused()
    cell(page, 14, "email").fill("quelqu’un")
    page.keyboard.press("Escape")
    expect(cell(page, 14, "email")).to_have_value("néant")
    cell(page, 14, "email").fill("encore faux")
    page.keyboard.press("Enter")
    expect(cell(page, 15, "email")).to_be_focused()
    expect(line(page, 14)).to_contain_text("Ce n’est pas une adresse électronique.")
    expect(cell(page, 14, "email")).to_have_value("encore faux")
    page.keyboard.press("Shift+Enter")
    cell(page, 14, "email").fill("eleve14@exemple.org")
    page.keyboard.press("Enter")
    expect(line(page, 14).locator(".state")).to_have_text("Enregistré")
    run_pending(site.app)
    expect(line(page, 14)).to_have_class(re.compile("done"))
    expect(cell(page, 15, "email")).to_be_focused()
    page.goto("/admin/import_/")


def test_two_people_at_once_lose_nothing(open_page, site):
    one, two = open_page("ac"), open_page("acc")
    url = send(one, site, table(rows(), HEADINGS))
    two.goto(url)
    type_in(one, 18, "phone", "06 39 98 00 18")
    expect(line(one, 18).locator(".state")).to_have_text("Enregistré")
    type_in(two, 18, "phone", "06 39 98 77 77")
    expect(line(two, 18)).to_contain_text("Quelqu’un a écrit ici « 06 39 98 00 18 » entre-temps.")
    expect(cell(two, 18, "phone")).to_have_value("06 39 98 77 77")
    run_pending(site.app)
    expect(line(one, 18)).to_have_class(re.compile("done"))
    expect(cell(two, 18, "phone")).to_have_value("06 39 98 77 77")  # what was typed stays until its author decides
    cell(two, 18, "phone").press("Enter")
    expect(line(two, 18).locator(".state")).to_have_text("Enregistré")
    with site.app.app_context(), unscoped("a test looks"):
        latest = db.session.scalars(select(ImportFile).order_by(ImportFile.id.desc()).limit(1)).one()
        assert latest.corrections["18"] == {"phone": "06 39 98 77 77"}
    run_pending(site.app)


def test_without_script_one_button_saves_the_whole_page(open_page, site):
    page = open_page("ac", size=PHONE, script=False)
    page.goto("/admin/import_/new/")
    page.set_input_files("#files", {**CSV, "buffer": table(rows(), HEADINGS)})
    page.click("text=Envoyer et vérifier")
    run_pending(site.app)
    page.click("text=Voir où il en est")
    for number, field, text in ((2, "born_on", "2014-09-30"), (5, "given_name", "Zoé"), (18, "phone", "06 39 98 00 18")):
        cell(page, number, field).fill(text)
    cell(page, 18, "phone").press("Enter")  # saves everything, and ignores no line
    expect(page.locator("main")).to_contain_text("Vos corrections sont en cours de vérification.")
    assert overflow(page) == 0
    run_pending(site.app)
    page.reload()
    expect(page.locator(".views [aria-current]")).to_have_text("En erreur 19")
