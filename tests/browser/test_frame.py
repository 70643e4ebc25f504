"""The frame in a real browser: readable for everybody, on a phone, in the dark, by keyboard, without script."""

import re

import pytest
from playwright.sync_api import expect
from sizes import DESK, NARROW, PHONE, overflow, resize

pytestmark = pytest.mark.browser

PAGES = [
    ("", "/login"),
    ("", "/forgot"),
    ("", "/parent/register"),
    ("ac", "/admin/"),
    ("ac", "/admin/student/"),
    ("ac", "/admin/student/?search=zzzz"),
    ("ac", "/admin/student/search/"),
    ("ac", "/admin/student/new/"),
    ("ac", "/admin/search?q=ma"),
    ("ac", "/admin/group/"),
    ("acc", "/admin/noun/"),
    ("ac", "/account"),
    ("ac", "/admin/nothing-here"),
    ("parent", "/parent/"),
]


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_no_page_scrolls_sideways_and_axe_finds_nothing_serious_on_a_screen_or_on_a_dark_phone(open_page, axe, who, path):
    page = open_page(who)
    for size, dark, also in ((DESK, False, [(920, 800), (700, 800)]), (PHONE, True, [NARROW])):
        page.emulate_media(color_scheme="dark" if dark else "light")
        resize(page, size)
        page.goto(path)
        assert axe(page) == []
        for window in (size, *also):
            resize(page, window)
            assert overflow(page) == 0, window


def test_axe_runs_under_our_content_policy_and_sees_a_fault(open_page, axe):
    page = open_page()
    page.goto("/login")
    page.evaluate("document.querySelector('[name=username]').labels.forEach(label => label.remove())")
    assert [rule for rule, _where in axe(page)] == ["label"]


def test_every_page_has_one_title_and_a_way_to_its_content(open_page):
    page = open_page("ac")
    for _who, path in (p for p in PAGES if p[0] == "ac"):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        assert page.title().endswith("· Scolabri")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()


def test_f3_goes_to_the_search_and_enter_finds(open_page):
    page = open_page("ac")
    page.goto("/admin/student/")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.locator("#s").focus()
    page.keyboard.type("a/b")  # in a field it is a letter as any other
    expect(page.locator("#s")).to_have_value("a/b")
    page.keyboard.press("F3")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("zzzz")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/search\?q=zzzz$"))


def test_the_menu_opens_on_a_phone_even_without_script(open_page):
    page = open_page("ac", size=PHONE, script=False)
    page.goto("/admin/")
    expect(page.locator(".side")).to_be_hidden()
    page.locator(".burger").click()
    expect(page.locator(".side")).to_be_visible()
    page.locator(".close-menu").click()
    expect(page.locator(".side")).to_be_hidden()


def test_ticking_rows_shows_the_bar_and_counts(open_page):
    page = open_page("ac")
    page.goto("/admin/student/")
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    page.locator("input[name=rowid]").nth(0).check()
    expect(bar).to_contain_text("1 ligne sélectionnée")
    page.locator("[data-tick-all]").check()
    expect(bar).to_contain_text("lignes sélectionnées")
    page.locator("[data-tick-all]").uncheck()
    expect(bar).to_be_hidden()


def test_verbs_on_rows_work_without_script(open_page):
    page = open_page("ac", script=False)
    page.goto("/admin/student/")
    page.locator("input[name=rowid]").nth(0).check()
    page.locator("#bulk summary").click()
    page.locator("#bulk button[value=add_to_group]").first.click()
    expect(page.get_by_role("button", name="Ajouter 1 élève")).to_be_visible()


def test_a_row_menu_opens_and_closes_by_keyboard(open_page):
    page = open_page("ac")
    page.goto("/admin/student/")
    summary = page.locator("tbody summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody .menu-list").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator("tbody .menu-list").first).to_be_hidden()
    expect(summary).to_be_focused()


def test_a_table_wider_than_its_sheet_shows_that_columns_go_on(open_page):
    page = open_page("ac", size=DESK)
    page.goto("/admin/student/?cols=name,homeroom_name,level,national_id,born_on,access,status,adviser,email,address1,town")
    wrap = page.locator(".table-wrap")
    expect(wrap).to_have_class(re.compile("more"))
    assert page.locator("tbody th").first.evaluate("one => getComputedStyle(one).whiteSpace") == "nowrap"
    wrap.evaluate("one => { one.scrollLeft = one.scrollWidth }")
    expect(wrap).not_to_have_class(re.compile("more"))
    page.goto("/admin/student/")
    expect(wrap).not_to_have_class(re.compile("more"))
    page.locator("tbody summary").first.click()
    expect(page.locator("tbody .menu-list").first.get_by_text("Désactiver")).to_be_visible()
    expect(page.locator("tbody .menu-list").first.get_by_text("Réactiver")).to_have_count(0)


def test_a_chosen_colour_stays(open_page):
    page = open_page("ac")
    page.goto("/admin/student/")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sombre").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page).to_have_url(re.compile("/admin/student/$"))
    page.goto("/admin/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_refused_form_says_so_first_and_leads_to_its_field(open_page):
    page = open_page("ac")
    page.goto("/admin/student/new/")
    page.locator(".save-bar .btn-primary").click()
    summary = page.locator("#errors")
    expect(summary).to_be_focused()
    summary.locator("a").first.click()
    wrong = page.locator("[aria-invalid=true]").first
    expect(wrong).to_be_visible()
    assert page.locator(f"#{wrong.get_attribute('id')}-error").inner_text()


def test_a_combobox_is_driven_by_keyboard_and_posts_the_row(open_page):
    page = open_page("ac")
    page.goto("/admin/student/new/")
    box = page.locator("[data-combo*='name=adviser'] [role=combobox]")
    box.fill("va")
    expect(page.locator("[role=option]").first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    box.press("ArrowUp")
    first = page.locator("[role=option][aria-selected=true]").inner_text()
    box.press("Enter")
    expect(box).to_have_value(first)
    assert page.locator("select[name=adviser]").input_value().isdigit()
    box.fill("nobody of this name")
    box.press("Tab")
    expect(box).to_have_value(first)


def test_a_row_is_chosen_without_script(open_page):
    page = open_page("ac", script=False)
    page.goto("/admin/student/new/")
    page.fill("[name=family_name]", "Sansscript")
    page.fill("[name=look-adviser]", "va")
    page.locator("button[name=_look][value=adviser]").click()
    choices = page.locator("select[name=adviser] option:not([value=__None])")
    assert choices.count() > 0
    page.locator("select[name=adviser]").select_option(index=1)
    expect(page.locator("[name=family_name]")).to_have_value("Sansscript")
    expect(page.locator(".alert")).to_have_count(0)
