"""A message from the editor to the guardian's phone, and back as a line of the read report."""

import re

import pytest
from playwright.sync_api import expect
from sizes import PHONE, overflow

from jobs.runner import run_pending

pytestmark = pytest.mark.browser


def test_a_message_is_written_checked_sent_received_and_reported_as_read(open_page, site, axe):
    page = open_page("ac")
    page.goto("/admin/")
    page.get_by_role("link", name="Écrire un message").click()
    text = page.get_by_role("textbox", name="Texte du message")
    page.get_by_label("Objet").fill("Réunion")
    text.press_sequentially("La réunion a lieu ")
    page.get_by_role("button", name="Gras").click()
    text.press_sequentially("lundi")
    page.goto("/admin/message/new/")  # left without saving, and come back to
    expect(page.get_by_text("Ce que vous aviez écrit sans l’enregistrer est revenu.")).to_be_visible()
    expect(text.locator("b")).to_have_text("lundi")
    page.get_by_label("Les responsables", exact=True).check()
    page.get_by_label("Tous les élèves", exact=True).check()
    page.get_by_role("button", name="Suivant : vérifier qui le reçoit").click()
    expect(page.get_by_role("heading", name="Qui le reçoit", exact=True)).to_be_visible()
    expect(page.locator(".message-text b")).to_have_text("lundi")
    page.get_by_role("button", name=re.compile("Envoyer à .* personnes")).click()
    expect(page.get_by_text("Le message est déposé dans les boîtes de réception.")).to_be_visible()
    run_pending(site.app)
    expect(page.get_by_text(re.compile(r"\d+ copies par courriel attendent")).first).to_be_visible()
    phone = open_page("parent", size=PHONE)
    phone.goto("/parent/messages")
    phone.get_by_role("link", name=re.compile("Réunion")).first.click()
    expect(phone.get_by_text("La réunion a lieu")).to_be_visible()
    page.get_by_role("link", name="Voir qui l’a lu").click()
    page.get_by_role("link", name=re.compile("L’ont lu")).click()
    expect(page.get_by_text("1 personne").first).to_be_visible()
    dark = open_page("ac", size=PHONE, dark=True, axe=True)
    dark.goto("/admin/message/new/")
    assert (axe(dark), overflow(dark)) == ([], 0)
