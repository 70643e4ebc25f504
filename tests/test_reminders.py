"""Reminders are their author's alone; the home page shows them and the person's operations."""

import datetime as dt
import re

import pytest
from batches import As
from conftest import clock_at, rows
from hands import send, user_of, words
from merging import join, pair
from sqlalchemy import select

from models.base import Refusal
from models.changes import JournalChange
from models.journal import JournalEvent
from models.people import Student
from models.reminders import Due, Reminder
from models.work import Job, JobKind, JobState

DAY = dt.date(2026, 3, 10)
SECRET = "Rappeler la tante de Lyon"


def remind(session, app, school, username="ac", **given):
    """A reminder of that account, for the day."""
    row = Reminder(school_id=school, requested_by_id=user_of(app, username), **{"text": SECRET, "due_on": DAY, **given})
    session.add(row)
    session.flush()
    return row.id


@pytest.mark.parametrize(("text", "told"), [("  ", "says what to do"), ("x" * 201, "at most 200")])
def test_a_reminder_says_something_short(text, told):
    with pytest.raises(Refusal, match=told):
        Reminder(text=text)


def test_a_reminder_is_late_then_ticked_off_once_and_comes_back():
    row = Reminder(text="Appeler", due_on=DAY)
    assert [row.due(DAY + dt.timedelta(days=n)) for n in (-1, 0, 1)] == [Due.later, Due.today, Due.late]
    row.done()
    assert row.due(DAY) is Due.done
    with pytest.raises(Refusal):
        row.done()
    row.reopen()
    with pytest.raises(Refusal):
        row.reopen()


def test_nobody_else_reads_it_whatever_their_role_nor_whoever_sees_as_its_author(app, as_, schools):
    with rows(app) as session:
        number, ac = remind(session, app, schools[0]), user_of(app, "ac")
    for account in ("acc", "registrar", "head"):
        browser = as_(account)
        assert browser.get(f"/admin/reminder/edit/?id={number}").status_code == 404
        assert SECRET not in browser.get("/admin/reminder/").text + browser.get("/admin/").text
    site = as_("acc")
    send(site, "/admin/user/see_as/", page=f"/admin/user/see_as/?id={ac}", id=ac)
    assert SECRET not in site.get("/admin/").text
    assert SECRET in as_("ac").get("/admin/reminder/").text


def test_no_history_holds_what_it_says(app, as_, schools, a_student):
    browser = as_("ac")
    typed = {"text": SECRET, "due_on": "2026-03-10", "student": a_student}
    made = send(browser, "/admin/reminder/new/", page="/admin/reminder/new/", **typed)
    assert made.status_code == 302
    with rows(app) as session:
        row = session.scalars(select(Reminder).where(Reminder.text == SECRET)).one()
        assert (row.requested_by_id, row.student_id, row.done_at) == (user_of(app, "ac"), a_student, None)
        number = row.id
    send(browser, "/admin/reminder/action/", page="/admin/reminder/", action="done", rowid=number)
    send(browser, "/admin/reminder/delete/", page="/admin/reminder/", id=number, _asked="1")
    with rows(app) as session:
        assert session.get(Reminder, number) is None
        assert not session.scalars(select(JournalChange).where(JournalChange.table_name == "reminder")).all()
        assert {line.verb for line in session.scalars(select(JournalEvent).where(JournalEvent.table_name == "reminder"))} <= {"done"}


def test_home_shows_the_late_ones_first_and_one_click_ticks_them_off(app, as_, schools, a_student):
    with rows(app) as session:
        name = str(session.get_one(Student, a_student))
        remind(session, app, schools[0], text="Plus tard", due_on=DAY + dt.timedelta(days=9))
        late = remind(session, app, schools[0], text="Déjà hier", due_on=DAY - dt.timedelta(days=1), student_id=a_student)
        remind(session, app, schools[0], text="Fait", done_at=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    with clock_at("2026-03-10T09:00:00"):
        browser = as_("ac")
        home = words(browser.get("/admin/"))
        assert "Mes rappels (2)" in home
        assert home.index("Déjà hier") < home.index(name) < home.index("En retard") < home.index("Plus tard")
        assert f"/admin/student/details/?id={a_student}" in browser.get("/admin/").text
        answer = send(browser, f"/admin/reminder/action/?rowid={late}", page="/admin/", action="done", url="/admin/")
        assert answer.headers["Location"] == "/admin/"
        home = words(browser.get("/admin/"))
        assert "Mes rappels (1)" in home
        assert "Déjà hier : rappel fait" in home


def test_the_file_of_a_student_offers_one_and_shows_mine(app, as_, schools, a_student):
    with rows(app) as session:
        remind(session, app, schools[0], "acc", student_id=a_student)
        remind(session, app, schools[0], "ac", student_id=a_student, text="Celui d’une collègue")
    browser = as_("acc")
    page = browser.get(f"/admin/student/details/?id={a_student}&part=reminders")
    assert SECRET in page.text
    assert "Celui d’une collègue" not in page.text
    assert f"/admin/reminder/new/?student={a_student}&amp;url=" in page.text
    form = browser.get(f"/admin/reminder/new/?student={a_student}").text
    assert re.search(rf'<option value="{a_student}" selected>|<option selected value="{a_student}">', form)


def test_it_follows_the_student_that_stays_and_goes_with_the_one_deleted(app, schools):
    acc = As(app, schools[0], "acc")
    with acc() as session:
        kept, gone = pair(session)
        number = remind(session, app, schools[0], "ac", student_id=gone.id)
        join(session, kept, gone)
        student = kept.id
    with rows(app) as session:
        assert session.get_one(Reminder, number).student_id == student
    with acc() as session:
        session.delete(session.get_one(Student, student))
    with rows(app) as session:
        assert session.get(Reminder, number) is None


def test_home_shows_my_operations_under_way_or_ended_today(app, as_, schools):
    with rows(app) as session:
        mine, other = user_of(app, "ac"), user_of(app, "acc")
        at = dt.datetime(2026, 3, 10, 8, tzinfo=dt.UTC)

        def work(kind, state, user=mine, **given):
            session.add(Job(school_id=schools[0], kind=kind, state=state, requested_by_id=user, requested_at=at, **given))

        work(JobKind.print_labels, JobState.running, done=3, total=8)
        work(JobKind.print_class_list, JobState.done, finished_at=at, file_key="k", file_name="liste.pdf")
        work(JobKind.bulk_edit, JobState.done, finished_at=at - dt.timedelta(days=1))
        work(JobKind.export, JobState.running, other)
        session.flush()
    with clock_at("2026-03-10T09:00:00"):
        page = as_("ac").get("/admin/")
    home = words(page)
    assert "Mes opérations (2)" in home
    assert "3 sur 8" in home
    assert "/admin/job/download/?id=" in page.text
    assert "Export vers un tableur" not in home
    assert 'data-refresh="3"' in page.text
