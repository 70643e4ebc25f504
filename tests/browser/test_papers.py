"""Papers in a real browser: three ticked students become a list that opens by itself when it is ready, once."""

import re

import pytest
from playwright.sync_api import expect
from sizes import PHONE, overflow

from jobs import runner

pytestmark = pytest.mark.browser


def test_a_class_list_is_asked_for_and_opens_by_itself_when_it_is_ready(open_page, site, axe):
    page = open_page("ac", axe=True)
    page.goto("/admin/student/")
    for box in page.locator("input[name=rowid]").all()[:3]:
        box.check()
    page.get_by_text("Autres actions").click()
    page.locator("#bulk").get_by_role("button", name="Imprimer une liste de classe").locator("visible=true").click()
    expect(page.locator(".big-count b")).to_have_text("3")
    assert axe(page) == []
    page.get_by_role("button", name="Imprimer la liste").click()
    expect(page).to_have_url(re.compile(r"/admin/job/details/\?id=\d+&open=1"))
    with page.expect_download() as waiting_file:
        runner.run_pending(site.app)  # the page looks again by itself
    assert waiting_file.value.path().read_bytes().startswith(b"%PDF")
    expect(page).to_have_url(re.compile(r"/admin/job/details/\?id=\d+$"))
    downloads = []
    page.on("download", lambda download: downloads.append(download))
    page.goto(page.url)  # coming back opens nothing
    expect(page.get_by_role("link", name="Télécharger")).to_be_visible()
    assert axe(page) == []
    assert downloads == []


@pytest.mark.parametrize("verb", ["print_class_list", "print_labels", "print_certificate"])
def test_the_questions_fit_a_phone_in_the_dark(open_page, axe, verb):
    page = open_page("ac", size=PHONE, dark=True, axe=True)
    page.goto("/admin/student/")
    page.locator("input[name=rowid]").first.check()
    page.locator("#bulk summary").click()
    page.locator(f"#bulk button[value={verb}]").locator("visible=true").click()
    expect(page.locator("h1")).to_have_text(re.compile("^Imprimer|^Délivrer|certificat"))
    assert overflow(page) <= 0
    assert axe(page) == []
