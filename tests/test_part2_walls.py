"""What the second part refuses to whoever tries to go round it: addresses that nobody can read, rights that come back by an undo."""

import io

import pytest
from conftest import rows
from hands import DEMO, form_of, scope_of, send, token, words
from import_desk import table
from import_people import STUDENTS
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.imports import Import, ImportFile
from models.journal import JournalEvent
from models.people import GuardianLink
from models.right_override import RightOverride
from models.saved_view import SavedView
from models.work import Job, JobKind
from views import export

LONG = "9" * 5000  # more digits than Python reads


def put(browser, cell, role, *, on):
    """Tick or untick a right."""
    ticked = {"on": cell} if on else {}
    assert send(browser, "/admin/right/save/", page="/account", role=role, shown=f"{cell}={int(not on)}", **ticked).status_code == 303


def last_batch(app):
    """The batch of what was done last."""
    with rows(app) as session:
        return session.scalar(select(JournalEvent.batch).order_by(JournalEvent.id.desc()).limit(1))


# --- addresses --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "[", "a" * 9000])
def test_an_origin_that_is_no_address_is_refused_like_any_other(as_, origin):
    browser = as_("ac")
    answer = browser.post("/logout", data={"csrf_token": token(browser.get("/account").text)}, headers={"Origin": origin})
    assert answer.status_code == 400
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize("address", ["http://[", "http://[::1", "//[", f"/admin/student/edit/?id={LONG}", "http://a:b@c:99999/"])
def test_the_page_of_reasons_takes_any_text_for_an_address(as_, address):
    assert as_("ac").get("/admin/right/why/", query_string={"address": address}).status_code == 200


REFUSED = ["sort=" + "9" * 4000, "next=https://evil.example", "endpoint=x", "cls=x", "page_size=abc", "search=%00", "desc=x&sort=1", "page_size=" + "9" * 40]


@pytest.mark.parametrize("query", REFUSED)
def test_a_view_never_opens_a_list_with_an_address_that_is_refused(as_, query):
    browser = as_("ac")
    answer = send(browser, "/admin/student/views/", page="/account", do="save", name="Essai", query=f"{query}&flt0_level.Row=1", is_default="y")
    assert answer.status_code == 303
    assert browser.get("/admin/student/", follow_redirects=True).status_code == 200


def test_a_view_with_an_order_of_many_digits_is_kept_without_it(as_, app):
    browser = as_("ac")
    answer = send(browser, "/admin/student/views/", page="/account", do="save", name="Essai", query=f"sort={LONG}&search=a")
    assert answer.status_code == 303
    with rows(app) as session:
        assert session.scalar(select(SavedView.query).where(SavedView.name == "Essai")) == "search=a"


# --- rights and the history ---------------------------------------------------------------------------------------------------------


def test_who_may_undo_everything_still_changes_no_right(as_, app):
    acc, head = as_("acc"), as_("head")
    put(acc, "student.export", "head", on=False)
    batch = last_batch(app)
    put(acc, "journal_event.undo", "head", on=True)
    page = head.get(f"/admin/journal_event/undo?batch={batch}")
    assert page.status_code == 200
    assert "Vous n’avez plus le droit de le modifier" in page.text
    assert send(head, f"/admin/journal_event/undo?batch={batch}", page="/account").status_code == 409
    with rows(app) as session:
        assert session.scalar(select(RightOverride.granted).where(RightOverride.role == "head", RightOverride.verb == "export")) is False
    assert head.get("/admin/student/export/csv/").status_code == 403
    assert send(acc, f"/admin/journal_event/undo?batch={batch}", page="/account").status_code == 303
    assert head.get("/admin/student/export/csv/").status_code == 200


def test_who_reads_only_their_own_lines_reads_no_record_s_history_of_others(as_, app):
    put(as_("acc"), "journal_event.read", "ec", on=True)
    teacher, other = as_("ec"), as_("ac")
    student = scope_of(app, "ec")[0][0]
    with rows(app) as session:
        guardian = session.scalar(select(GuardianLink.guardian_id).where(GuardianLink.student_id == student))
    for town in ("Villesecrète", "Ailleurs"):
        path = f"/admin/guardian/edit/?id={guardian}"
        assert other.post(path, data={**form_of(other, path), "town": town}).status_code == 302
    page = other.get(f"/admin/guardian/details/?id={guardian}")
    assert "Villesecrète" in page.text
    assert "Villesecrète" not in teacher.get(f"/admin/guardian/details/?id={guardian}").text


# --- a look, and the grid of an import ------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(app, as_):
    """The identifier of an import that the registrar sent, checked."""
    browser = as_("registrar")
    fields = {"csrf_token": token(browser.get("/account").text), "files": (io.BytesIO(table(STUDENTS)), "eleves.csv")}
    assert browser.post("/admin/import_/new/", data=fields, content_type="multipart/form-data").status_code == 303
    run_pending(app)
    with rows(app) as session:
        return session.scalar(select(func.max(Import.id)))


@pytest.mark.parametrize("page", ["rows", "file", "model"])
def test_a_file_that_a_look_does_not_get_is_no_export_in_the_history(as_, app, sent, page):
    browser = as_("acc")
    assert send(browser, "/admin/user/see_as/?role=registrar", page="/account", password=DEMO).status_code == 303
    assert browser.get(f"/admin/import_/{page}/?id={sent}").status_code == 403
    with rows(app) as session:
        assert session.scalar(select(func.count()).where(JournalEvent.verb == "export", JournalEvent.table_name == "import_")) == 0
        assert session.scalars(select(JournalEvent.verb).order_by(JournalEvent.id.desc())).first() == "refused_see_as"


@pytest.mark.parametrize("fields", [{"c.students.0.born_on": "2010-01-01"}, {"ignore": "students.0"}, {"take": "students.00"}])
def test_who_is_absent_from_a_file_has_no_line_to_correct(as_, app, sent, fields):
    assert send(as_("registrar"), f"/admin/import_/correct/?id={sent}", page="/account", **fields).status_code == 400
    with rows(app) as session:
        file = session.scalars(select(ImportFile).where(ImportFile.import_id == sent)).one()
        assert (file.corrections, file.ignored) == ({}, [])


# --- identifiers that no row can have -------------------------------------------------------------------------------------------------

N = "9" * 18  # more than PostgreSQL's integer holds
NOWHERE = [
    *(f"/admin/{table}/details/?id={N}" for table in ("student", "guardian", "user", "group", "job", "import_", "issued_paper", "right", "journal_event")),
    f"/admin/student/edit/?id={N}",
    f"/admin/student/merge/?id=1&with={N}",
    f"/admin/student/bulk_edit/?id={N}",
    f"/admin/import_/file/?id={N}",
    f"/admin/user/see_as/?id={N}",
    f"/admin/right/why/?user={N}",
    f"/admin/job/download/?id={N}",
]
FORGED = [
    ("/admin/student/delete/", {"id": N, "_asked": "1"}),
    ("/admin/student/action/", {"action": "merge", "rowid": N}),
    ("/admin/student/duplicates/again/", {"id": N}),
    ("/admin/journal_event/revert", {"id": N}),
    ("/admin/journal_event/restore", {"id": N}),
    ("/admin/student/views/", {"do": "delete", "id": N}),
    (f"/account/sessions/{N}/end", {}),
    ("/account/school", {"school": N}),
]


@pytest.mark.parametrize("address", NOWHERE)
def test_a_number_that_no_row_can_have_is_not_found(as_, address):
    assert as_("acc").get(address).status_code == 404


@pytest.mark.parametrize(("path", "fields"), FORGED)
def test_nor_is_it_when_it_is_sent(as_, path, fields):
    assert send(as_("acc"), path, page="/account", **fields).status_code == 404


@pytest.mark.parametrize("name", ["level.Row", "homeroom.Row", "adviser.Row", "groups.Member"])
def test_a_filter_by_such_a_number_is_no_fault(as_, name):
    assert as_("acc").get(f"/admin/student/?flt0_{name}={N}").status_code in (200, 404)  # an empty list where the database looks


def test_a_long_export_is_prepared_once_and_not_for_another_site(app, as_, monkeypatch):
    monkeypatch.setattr(export, "AT_ONCE", 5)
    browser, address = as_("acc"), "/admin/student/export/xlsx/"
    assert browser.head(address).status_code == 400
    assert browser.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    first = browser.get(address)
    assert (first.status_code, browser.get(address).location) == (303, first.location)
    with rows(app) as session:
        assert session.query(Job).filter_by(kind=JobKind.export).count() == 1
    for column in ("family_name", "born_on", "status", "national_id"):
        assert browser.get(f"{address}?cols=name,{column}").status_code == 303
    sixth = browser.get(f"{address}?cols=name,level")
    assert (sixth.status_code, "5 de vos exports sont en préparation" in words(sixth)) == (422, True)
