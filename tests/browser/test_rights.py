"""The table of rights in a browser: a tick that moves acts on a session that is open elsewhere, at its next page, menu included."""

import pytest
from sizes import DESK, PHONE, overflow

from jobs.demo import PASSWORD

pytestmark = pytest.mark.browser


def menu(page):
    """What the sidebar names."""
    return page.locator(".side li").all_inner_texts()


def said(page, table):
    """The server's word about the part, once it has answered: until then the part is busy."""
    return page.locator(f"#part-{table}:not([aria-busy]) [data-said]").inner_text()


def set_tick(page, cell, on):
    """Move a tick; what the server says to it."""
    assert page.is_checked(f"#cell-{cell}") != on
    page.click(f"#cell-{cell}")
    return said(page, cell.split("-")[0])


def test_a_tick_acts_on_an_open_session_at_its_next_page_and_so_does_taking_it_back(open_page):
    teacher, admin = open_page("ec"), open_page("acc")
    teacher.goto("/admin/student/")
    assert teacher.get_by_text("Exporter", exact=True).count() == 1
    assert "Utilisateurs" not in menu(teacher)
    admin.goto("/admin/right/?role=ec")

    assert set_tick(admin, "user-read", on=True).startswith("Enregistré.")
    assert set_tick(admin, "student-export", on=False).startswith("Enregistré.")
    assert admin.evaluate("document.activeElement.id") == "cell-student-export", "the keyboard stays where it was"
    assert admin.locator('[data-differs="ec"]').inner_text() == "2"
    teacher.reload()
    assert teacher.get_by_text("Exporter", exact=True).count() == 0
    assert "Utilisateurs" in menu(teacher)
    assert teacher.goto("/admin/user/").status == 200
    assert teacher.goto("/admin/student/export/csv/").status == 403

    set_tick(admin, "user-read", on=False)
    admin.click('#part-student button[value="student.export"]')
    assert said(admin, "student").startswith("Enregistré.")
    assert admin.locator('[data-differs="ec"]').inner_text() == ""
    assert admin.is_checked("#cell-student-export")
    assert teacher.goto("/admin/user/").status == 403
    teacher.goto("/admin/student/")
    assert teacher.get_by_text("Exporter", exact=True).count() == 1
    assert "Utilisateurs" not in menu(teacher)


def test_the_second_of_two_administrators_sees_what_holds(open_page):
    first, second = open_page("acc"), open_page("acc")
    for page in (first, second):
        page.goto("/admin/right/?role=amp")
    set_tick(first, "student-export", on=False)
    assert "pendant que vous lisiez" in set_tick(second, "student-export", on=False)
    assert not second.is_checked("#cell-student-export")
    assert "Enregistré." in set_tick(second, "student-export", on=True)


def test_without_script_one_button_saves_and_the_history_takes_it_back(open_page):
    page = open_page("acc", script=False)
    page.goto("/admin/right/?role=registrar")
    page.set_checked("#cell-student-delete", True)
    page.click("text=Enregistrer les droits")
    assert "Enregistré." in page.locator(".alert-success").inner_text()
    assert page.is_checked("#cell-student-delete")
    page.click(".alert-success >> text=Annuler")
    page.click(".save-bar button")
    page.goto("/admin/right/?role=registrar")
    assert not page.is_checked("#cell-student-delete")


def test_looking_as_somebody_shows_their_pages_and_one_press_comes_back(open_page):
    page = open_page("acc")
    page.goto("/admin/right/?role=ec")
    page.click("text=Voir comme ce rôle")
    page.fill("[name=password]", PASSWORD)
    page.click(".save-bar button")
    page.locator(".seeing").wait_for()
    assert "Enseignant ou conseiller" in page.locator(".seeing").inner_text()
    assert "Utilisateurs" not in menu(page)
    page.goto("/admin/school/")
    assert page.locator(".seeing").is_visible()
    page.click("text=Revenir à mon compte")
    page.wait_for_url("**/admin/right/?role=ec")
    assert page.locator(".seeing").count() == 0
    assert "Utilisateurs" in menu(page)


PAGES = ["?role=ec", "?role=acc", "?table=student", "?changed=1", "presets/", "preset/?name=office", "why/?right=student.export"]


@pytest.mark.parametrize(
    ("size", "dark"),
    [(DESK, False), (PHONE, True), pytest.param(DESK, True, marks=pytest.mark.slow), pytest.param(PHONE, False, marks=pytest.mark.slow)],
    ids=["light desk", "dark phone", "dark desk", "light phone"],
)
def test_the_pages_of_rights_fit_and_are_heard(open_page, axe, size, dark):
    page = open_page("acc", size=size, dark=dark, axe=True)
    for path in PAGES:
        page.goto(f"/admin/right/{path}")
        assert overflow(page) <= 0, path
        assert axe(page) == [], path
