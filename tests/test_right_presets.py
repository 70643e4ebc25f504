"""Ready-made settings of the rights: what each changes is shown first, applied as one work, and taken back as one."""

import html
import re

import pytest
from conftest import rows
from hands import send, words
from import_desk import Desk
from import_desk import table as file_of
from import_people import STUDENTS
from sqlalchemy import select

from models.access import Role
from models.journal import JournalEvent
from models.right_override import RightOverride, by_default, cells, fixed
from models.right_presets import PRESETS, changes_of, preset
from models.rights import POLICY

EVERY = [one.key for one in PRESETS]


def address(name, role=""):
    return f"/admin/right/preset/?name={name}" + (f"&role={role}" if role else "")


def put(browser, name, role="", **more):
    """Apply a setting as its page shows it."""
    page = browser.get(address(name, role))
    marks = re.search(r'name="marks" value="([^"]*)"', page.text)
    fields = {"marks": marks[1] if marks else "", **more}
    return send(browser, address(name, role), page=address(name, role), **fields)


def differing(app):
    """(role, table, verb) -> granted, of the cells that differ from the default."""
    with rows(app) as session:
        return {(row.role.name, row.table, row.verb): row.granted for row in session.scalars(select(RightOverride)) if row.granted is not None}


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_shows_what_it_changes_then_changes_exactly_that(as_, app, name):
    browser = as_("acc")
    chosen, roles = preset(name)
    expected = {(c.role, c.table, c.verb): c.granted for c in changes_of(chosen, roles, [])}
    page = browser.get(address(name))
    assert (f"{len(expected)} droit" in words(page)) == bool(expected)
    assert differing(app) == {}, "looking changes nothing"
    if not expected:
        assert "Rien ne changerait" in words(page)
        return
    answer = put(browser, name)
    assert answer.status_code == 303
    assert differing(app) == expected
    assert "modifié" in words(browser.get(answer.headers["Location"]))
    assert "Rien ne changerait" in words(browser.get(address(name))), "twice is once"


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_holds_only_cells_that_can_be_changed_or_are_there_already(name):
    chosen, roles = preset(name)
    for role in roles:
        for table, verb in chosen.holds(role):
            assert verb in cells(table), (table, verb)
            assert fixed(role, table, verb) is None or by_default(role, table, verb), (table, verb)


def test_the_technical_administrator_reads_nothing_of_schooling_and_keeps_their_tools(as_, app):
    browser = as_("acc")
    put(browser, "technical")
    for path in ("/admin/issued_paper/", "/admin/term/"):
        assert browser.get(path).status_code == 403, path
    for path in ("/admin/right/", "/admin/user/", "/admin/import_/", "/admin/label/", "/admin/school/", "/admin/activation_code/", "/admin/journal_event/"):
        assert browser.get(path).status_code in (200, 302), path
    assert browser.get("/admin/student/").status_code == 200, "whom to give access"
    for table in ("student", "guardian"):
        assert browser.get(f"/admin/{table}/export/csv/").status_code == 403, table
    assert put(browser, "default", "acc").status_code == 303, "and may go back"
    assert browser.get("/admin/issued_paper/").status_code == 200


def test_the_technical_administrator_imports_whole_families_and_deletes_nobody(as_, app, schools):
    put(as_("acc"), "technical")
    desk = Desk(app, schools[0], "acc")
    key = desk.send(file_of([{**STUDENTS[0], "classe": "6e Neuve"}]))
    _status, counts, _written, _problem = desk.state(key)
    assert (counts["created"], counts["ignored"], counts["guardians_left_out"], counts["new_groups"]) == (1, 0, 0, 1)
    assert counts["new_guardians"] > 0
    held = preset("technical")[0].holds("acc")
    assert {(table, verb) for table, verb in held if verb in ("delete", "merge") and table in ("student", "guardian", "guardian_link", "group")} == set()


def test_the_secretariat_keeps_files_and_deletes_nothing(as_):
    put(as_("acc"), "office")
    browser = as_("amp")
    assert browser.get("/admin/student/new/").status_code == 200
    assert browser.get("/admin/guardian/new/").status_code == 200
    assert browser.get("/admin/import_/new/").status_code == 200
    assert {table for table, verb in preset("office")[0].holds("amp") if verb == "delete"} == {"reminder"}  # their own


def test_reading_only_leaves_no_verb_to_the_other_staff(as_):
    put(as_("acc"), "reading")
    browser = as_("amp")
    assert browser.get("/admin/student/").status_code == 200
    assert browser.get("/admin/student/export/csv/").status_code == 403
    page = browser.get("/admin/student/").text
    assert 'name="rowid"' not in page, "no verb, nothing to tick"


def test_all_default_rights_come_back_for_one_role_or_for_all(as_, app):
    browser = as_("acc")
    put(browser, "reading")
    put(browser, "no_export")
    roles = {role for role, _table, _verb in differing(app)}
    assert roles == {"amp", "ec"}
    page = browser.get(address("default"))
    assert "Peut désormais" in words(page)
    put(browser, "default", "amp")
    assert {role for role, _table, _verb in differing(app)} == {"ec"}
    put(browser, "default")
    assert differing(app) == {}


def test_the_second_of_two_people_is_told_and_looks_again(as_, app):
    browser, other = as_("acc"), as_("acc")
    page = browser.get(address("reading"))
    marks = re.search(r'name="marks" value="([^"]*)"', page.text)[1]
    put(other, "no_export")
    answer = send(browser, address("reading"), page=address("reading"), marks=marks)
    assert answer.status_code == 409
    assert "Quelqu’un a modifié un droit pendant que vous lisiez" in words(answer)
    assert {role for role, _table, _verb in differing(app)} == {"ec"}
    fresh = re.search(r'name="marks" value="([^"]*)"', answer.text)[1]
    assert send(browser, address("reading"), page=address("reading"), marks=fresh).status_code == 303


def test_a_setting_is_one_work_that_is_undone_as_a_whole(as_, app):
    browser = as_("acc")
    answer = put(browser, "reading")
    page = browser.get(answer.headers["Location"])
    undo = html.unescape(re.search(r'href="(/admin/journal_event/undo[^"]+)"', page.text)[1])
    with rows(app) as session:
        batches = set(session.scalars(select(JournalEvent.batch).where(JournalEvent.table_name == "right")))
        assert len(batches) == 1
    assert send(browser, undo, page=undo).status_code == 303
    assert differing(app) == {}
    assert as_("amp").get("/admin/student/export/csv/").status_code == 200


@pytest.mark.parametrize(("name", "role"), [("nothing", ""), ("", ""), ("office", "ec"), ("default", "guardian"), ("default", "nobody")])
def test_a_setting_that_does_not_exist_is_not_found(as_, name, role):
    assert as_("acc").get(address(name, role)).status_code == 404


def test_only_the_site_administrator_applies_settings(as_, app):
    for who in ("ac", "head"):
        assert as_(who).get("/admin/right/presets/").status_code == 200
        assert "/admin/right/preset/" not in as_(who).get("/admin/right/presets/").text
        assert as_(who).get(address("office")).status_code == 403
        assert send(as_(who), address("office"), page="/account", marks="").status_code == 403
    assert differing(app) == {}


def test_what_comes_later_stays_closed_to_the_technical_administrator(monkeypatch):
    monkeypatch.setitem(POLICY, "notebook", {"acc": "RCED", "ec": "R·g"})
    assert {table for table, _verb in preset("technical")[0].holds(Role.acc.name)}.isdisjoint({"notebook"})
