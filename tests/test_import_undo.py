"""What an import wrote is taken back; its file and its lines are kept as long as that, then they go."""

import datetime as dt
import io

import pytest
from conftest import rows
from hands import token
from hands import words as said
from import_desk import table
from import_people import STUDENTS, many
from sqlalchemy import func, select

from jobs.runner import run_pending, sweep
from models import files
from models.db import db
from models.imports import Import, ImportRow, ImportStatus
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, Student
from models.undo import undo

NEW = "/admin/import_/new/"


def send(app, browser, data, name="rentrée.csv"):
    """An import, checked; the address of its page."""
    fields = {"csrf_token": token(browser.get(NEW).text), "files": [(io.BytesIO(data), name)]}
    answer = browser.post(NEW, data=fields, content_type="multipart/form-data")
    run_pending(app)
    return answer.headers["Location"]


def confirm(app, browser, url):
    """Have it written."""
    page = url.replace("details", "confirm")
    browser.post(page, data={"csrf_token": token(browser.get(page).text)})
    run_pending(app)


def batch_of(desk, key):
    with rows(desk.app) as session:
        return session.get_one(Import, key).batch


def take_back(desk, batch):
    with desk.app.app_context(), desk.acting():
        done = undo(db.session, batch)
        db.session.commit()
        return done


def test_an_import_knows_its_batch_in_the_history(app, desk):
    key = desk.write(table(STUDENTS))
    batch = batch_of(desk, key)
    with rows(app) as session:
        made = session.scalar(select(func.count()).select_from(JournalEvent).where(JournalEvent.batch == batch, JournalEvent.table_name == "student"))
    assert made == len(STUDENTS)


def test_undoing_an_import_leaves_the_school_as_it_was_and_says_so(app, desk):
    desk.write(table(STUDENTS[:2]))
    before = desk.people()
    changed = [{**STUDENTS[0], "adresse": "18, allée du Moulin"}, *STUDENTS[1:]]
    key = desk.write(table(changed))
    assert len(desk.people()) == len(STUDENTS)
    take_back(desk, batch_of(desk, key))
    assert desk.people() == before
    with rows(app) as session:
        one = session.get_one(Import, key)
        assert one.status is ImportStatus.undone
        assert one.undone_at is not None
        assert one.undone_by
        assert session.scalar(select(func.count()).select_from(Guardian).where(Guardian.school_id == desk.school_id)) == 2
        assert session.scalar(select(func.count()).select_from(GuardianLink).where(GuardianLink.school_id == desk.school_id)) == 3


def test_an_undo_that_is_undone_makes_the_import_done_again(app, desk):
    key = desk.write(table(STUDENTS))
    after = desk.people()
    take_back(desk, batch_of(desk, key))
    assert desk.people() == []
    with rows(app) as session:
        batch = session.scalar(select(JournalEvent.batch).where(JournalEvent.verb == "undo", JournalEvent.school_id == desk.school_id))
    take_back(desk, batch)
    assert desk.people() == after
    with rows(app) as session:
        one = session.get_one(Import, key)
        assert (one.status, one.undone_at, one.undone_by) == (ImportStatus.done, None, "")


def test_what_somebody_changed_since_stays(app, desk):
    key = desk.write(table(STUDENTS))
    with app.app_context(), desk.acting():
        zoe = db.session.scalars(select(Student).where(Student.given_name == "Zoé")).one()
        zoe.town = "Ailleurs"
        db.session.commit()
    done = take_back(desk, batch_of(desk, key))
    assert done.kept
    assert [p[1] for p in desk.people()] == ["Zoé"]


def test_classes_made_by_the_import_go_with_it(app, desk):
    key = desk.write(table(many(5)))
    take_back(desk, batch_of(desk, key))
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(Group).where(Group.school_id == desk.school_id)) == 0


def test_the_page_of_a_written_import_leads_to_its_undo_and_to_its_history(app, as_):
    browser = as_("ac")
    url = send(app, browser, table(STUDENTS))
    assert "Annuler cet import" not in said(browser.get(url))
    confirm(app, browser, url)
    page = browser.get(url)
    assert "Annuler cet import" in said(page)
    with rows(app) as session:
        batch = session.get_one(Import, int(url.rpartition("=")[2])).batch
    assert f"/admin/journal_event/undo?batch={batch}" in page.text or f"/admin/journal_event/undo/?batch={batch}" in page.text
    history = browser.get(f"/admin/journal_event/?flt0_batch.Contains={batch}")
    assert "Lire ligne par ligne" in said(page)
    assert history.status_code == 200
    assert "élèves" in said(history).lower()


def test_the_list_says_who_when_what_was_written_and_from_which_file(app, as_):
    browser = as_("ac")
    confirm(app, browser, send(app, browser, table(STUDENTS)))
    text = said(browser.get("/admin/import_/"))
    for part in ("rentrée.csv", "Camille Roussel", "5 élèves créés", "Écrit"):
        assert part in text, part


def test_the_file_is_downloaded_as_it_was_sent_and_the_download_is_in_the_history(app, as_):
    browser = as_("ac")
    data = table(STUDENTS, encoding="cp1252")
    url = send(app, browser, data)
    confirm(app, browser, url)
    answer = browser.get(url.replace("details", "file"), buffered=True)
    assert answer.data == data
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "Gardé jusqu’au" in said(browser.get(url))
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(JournalEvent).where(JournalEvent.verb == "export", JournalEvent.table_name == "import_")) == 1


@pytest.mark.parametrize(("who", "code"), [("head", 403), ("amp", 403), ("ec", 403), ("registrar", 404), ("ac2", 404)])
def test_the_file_of_an_import_is_for_those_who_import(app, as_, who, code):
    url = send(app, as_("ac"), table(STUDENTS))
    assert as_(who).get(url.replace("details", "file")).status_code == code


def test_an_abandoned_import_lets_its_file_and_its_lines_go_at_once(app, desk):
    key = desk.send(table(STUDENTS))
    with rows(app) as session:
        path = files.path_of(session.get_one(Import, key).files[0].file_key)
    assert path.exists()
    desk.do(key, "abandon")
    assert not path.exists()
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(ImportRow).where(ImportRow.import_id == key)) == 0


def aged(app, key, days):
    """As if the import were that many days old."""
    with rows(app) as session:
        one = session.get_one(Import, key)
        one.created_at -= dt.timedelta(days=days)
        if one.written_at:
            one.written_at -= dt.timedelta(days=days)
        return files.path_of(one.files[0].file_key)


def test_the_file_and_the_lines_of_a_written_import_go_after_thirty_days(app, desk):
    key = desk.write(table(STUDENTS))
    path = aged(app, key, 29)
    sweep(app)
    assert path.exists()
    aged(app, key, 2)
    sweep(app)
    assert not path.exists()
    with rows(app) as session:
        one = session.get_one(Import, key)
        assert one.status is ImportStatus.done
        assert one.written["created"] == len(STUDENTS)
        assert session.scalar(select(func.count()).select_from(ImportRow).where(ImportRow.import_id == key)) == 0


def test_an_import_that_nobody_confirmed_is_abandoned_after_thirty_days(app, desk):
    key = desk.send(table(STUDENTS))
    path = aged(app, key, 31)
    sweep(app)
    assert not path.exists()
    assert desk.state(key)[0] is ImportStatus.abandoned


def test_the_page_says_that_the_file_is_no_longer_kept(app, as_):
    browser = as_("ac")
    url = send(app, browser, table(STUDENTS))
    confirm(app, browser, url)
    aged(app, int(url.rpartition("=")[2]), 31)
    sweep(app)
    assert "N’est plus gardé" in said(browser.get(url))
    assert browser.get(url.replace("details", "file")).status_code == 404
