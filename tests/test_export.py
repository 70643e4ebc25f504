"""Exports: the same words whichever way they are read, piece by piece, and long spreadsheets by a job."""

import csv
import io
import re

import openpyxl
import pytest
from conftest import counted, rows
from flask import Response
from hands import words
from sqlalchemy import func, insert, select, update

from jobs.runner import run_pending
from models import export as reading
from models.access import Membership, Role, User
from models.enrolments import Enrolment
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, Student, StudentStatus
from models.work import Job, JobKind, JobState
from views import export
from views.attachments import attach

LISTS = ("student", "guardian", "guardian_link", "activation_code", "group", "login_event", "journal_event")


def table(answer):
    """The lines of a CSV."""
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")), delimiter=";"))


def sheet(content):
    """The lines of a spreadsheet."""
    return [["" if cell is None else cell for cell in line] for line in openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("who", ["acc", "acc2"])
def test_the_quick_reading_says_what_the_screen_says(as_, monkeypatch, name, who):
    browser, path = as_(who), f"/admin/{name}/export/csv/" + ("?flt0_status.Is=all" if name == "student" else "")
    quick = table(browser.get(path))
    monkeypatch.setattr(export, "plain_readers", lambda _screen, _names: None)
    slow = table(browser.get(path))
    if name == "journal_event":  # the first export is a line more
        del slow[1]
    assert quick == slow
    assert len(quick) > 1


@pytest.mark.parametrize(("name", "reader", "some"), [("enrolment", "fr_CA", "322-4"), ("session_record", "en", "JEE0K")])
def test_what_only_rules_can_say_of_studies_is_read_as_its_screen_says_it_with_each_offered_column(app, as_, schools, long, monkeypatch, name, reader, some):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "acc2")).language = reader
        session.execute(update(Enrolment).where(Enrolment.school_id == schools[1]).values(r_thirds=13))
    browser = as_("acc2")
    columns = ",".join(re.findall(r'name="col" value="([^"]+)"', browser.get(f"/admin/{name}/").text))
    asked = f"cols={columns}&search={some}"
    quick = table(browser.get(f"/admin/{name}/export/csv/?{asked}"))
    ask(browser, f"/admin/{name}/export/xlsx/?{asked}")
    run_pending(app)
    assert fetch(browser, app) == quick
    assert any("4,33" in line or "3,33" in line for line in quick) == (reader != "en")
    monkeypatch.setattr(export, "plain_readers", lambda _screen, _names: None)
    assert quick == table(browser.get(f"/admin/{name}/export/csv/?{asked}"))


def test_the_longest_lists_are_read_quickly(as_, monkeypatch):
    found = {}

    def watched(screen, names, original=export.plain_readers):
        found[screen.table] = original(screen, names)
        return found[screen.table]

    monkeypatch.setattr(export, "plain_readers", watched)
    for name in ("student", "guardian", "guardian_link"):
        as_("acc").get(f"/admin/{name}/export/csv/", buffered=True)
    assert [name for name, readers in found.items() if readers] == ["student", "guardian", "guardian_link"]


def test_the_headings_leave_before_any_row_is_read(app, as_, schools):
    browser = as_("acc")
    browser.get("/admin/student/")
    with counted(app) as seen:
        answer = browser.get("/admin/student/export/csv/", buffered=False)
        first = next(iter(answer.response))
        before = len(seen)
        answer.close()
    assert first.decode().startswith("\ufeffNom;Prénom;")
    assert not any("student.address1" in statement for statement in seen[:before])


def crowd(app, school, first, last):
    """Students first..last with a guardian each."""
    with rows(app) as session:
        numbers = range(700_000 + first, 700_000 + last)
        for model, extra in ((Student, {"given_name": "Zoé"}), (Guardian, {})):
            session.execute(insert(model), [{"id": n, "school_id": school, "family_name": f"Foule{n}", "search_key": f"foule{n}", **extra} for n in numbers])
        session.execute(insert(GuardianLink), [{"id": n, "school_id": school, "student_id": n, "guardian_id": n} for n in numbers])


@pytest.mark.parametrize(("name", "more"), [("student", 0), ("guardian", 1), ("guardian_link", 2)])
def test_each_two_thousand_rows_cost_a_question_at_most_for_each_column_of_names(app, as_, schools, name, more):
    browser = as_("acc")
    path = f"/admin/{name}/export/csv/?search=foule"
    asked = []
    for before, count in ((0, 10), (10, 4_010)):
        crowd(app, schools[0], before, count)
        browser.get("/admin/level/")
        with counted(app) as seen:
            assert len(table(browser.get(path))) == count + 1
        asked.append(len(seen))
    assert asked[1] - asked[0] <= more * 2


def test_formulas_are_found_wherever_they_stand_and_the_rest_is_left_as_it_is():
    cells = [["Zoé", "=1+1"], ["-5,5", "+33639981001"], ["\t@x", "a=b"], ['"=x', "＝x"], ["'-x", ""]]
    assert reading.neutralised([tuple(row) for row in cells]) == [
        ["Zoé", "'=1+1"], ["-5,5", "+33639981001"], ["'\t@x", "a=b"], ["'\"=x", "'＝x"], ["''-x", ""],
    ]  # fmt: skip
    plain = [("Zoé", "12"), ("", "x")]
    assert reading.neutralised(plain) is plain


@pytest.mark.parametrize(
    "cells",
    [
        [["Zoé", "12"], ["", "x"], ["", ""]],
        [["a;b", "c"], ["d", "e"]],
        [['say "x"', "c"]],
        [["two\nlines", "c"], ["a\rb", "\r\n"]],
        [["=1+1", "x"], ["y", "+2"]],
        [["x", "=1+1"]],
        [["x", "\t=1"]],
        [["\r=1", "x"]],
        [["only"], [""], ["=x"]],
        [[";", ""], ["", ";"]],
    ],
)
def test_the_quick_lines_are_those_of_the_writer(cells):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerows([[reading.neutral(cell) for cell in row] for row in cells])
    assert reading.csv_of(cells) == buffer.getvalue()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_hostile_name_is_neutral_in_both_kinds_of_file(app, as_, a_student, kind):
    with rows(app) as session:
        session.execute(update(Student).where(Student.id == a_student).values(family_name='=HYPERLINK("http://x")', town="-2+3"))
    with as_("acc").get(f"/admin/student/export/{kind}/") as answer:
        lines = table(answer) if kind == "csv" else sheet(answer.data)
    found = next(line for line in lines if "HYPERLINK" in line[0])
    assert found[0].startswith("'=")
    assert "'-2+3" in found


# --- a long spreadsheet ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def long(monkeypatch):
    """More than ten rows are long."""
    monkeypatch.setattr(export, "AT_ONCE", 10)


def ask(browser, path="/admin/student/export/xlsx/?sort=0&desc=1"):
    """Ask for a long file; the address of the job's page."""
    answer = browser.get(path)
    assert answer.status_code == 303
    return answer.headers["Location"]


def fetch(browser, app):
    """The file of the last job."""
    with rows(app) as session:
        job = session.scalar(select(Job).where(Job.kind == JobKind.export).order_by(Job.id.desc()))
        assert job.state is JobState.done, job.error
        number = job.id
    with browser.get(f"/admin/job/download/?id={number}") as answer:
        assert answer.headers["Content-Disposition"].rstrip('"').endswith(".xlsx")
        return sheet(answer.data)


def test_a_long_spreadsheet_is_made_by_a_job_and_holds_what_the_list_showed(app, as_, long):
    browser = as_("acc")
    lines = select(func.count()).where(JournalEvent.verb == "exported", JournalEvent.table_name == "student")
    with rows(app) as session:
        before = session.scalar(lines)
    page = ask(browser)
    with rows(app) as session:
        assert session.scalar(lines) == before + 1
    run_pending(app)
    assert "Export vers un tableur" in words(browser.get(page))
    assert fetch(browser, app) == table(browser.get("/admin/student/export/csv/?sort=0&desc=1"))


def test_a_short_spreadsheet_comes_at_once_and_says_the_same(as_):
    browser = as_("ac2")
    with browser.get("/admin/guardian/export/xlsx/") as answer:
        assert sheet(answer.data) == table(browser.get("/admin/guardian/export/csv/"))


def test_the_job_writes_in_the_words_and_columns_of_whoever_asked(app, as_, long):
    browser = as_("acc2")
    ask(browser, "/admin/student/export/xlsx/?cols=name,born_on,status")
    run_pending(app)
    lines = fetch(browser, app)
    assert lines == table(browser.get("/admin/student/export/csv/?cols=name,born_on,status"))
    assert "-" in lines[1][1]  # a day as Québec writes it


def test_who_lost_the_right_meanwhile_gets_no_file(app, as_, long):
    browser = as_("ac")
    ask(browser)
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "ac"))
        session.execute(update(Membership).where(Membership.user_id == user).values(role=Role.invigilator))
    run_pending(app)
    with rows(app) as session:
        job = session.scalar(select(Job).where(Job.kind == JobKind.export))
        assert job.state is JobState.failed
        assert job.error.startswith("Ce travail n’a pas été fait") or "droit" in job.error
        assert job.file_key == ""


def test_the_job_leaves_out_what_the_person_no_longer_sees(app, as_, long, monkeypatch):
    monkeypatch.setattr(export, "AT_ONCE", 2)
    browser = as_("ec")
    ask(browser)
    with rows(app) as session:
        mine = session.scalar(select(Job).where(Job.kind == JobKind.export)).params["ids"]
        foreign = session.scalars(select(Student.id).where(Student.id.not_in(mine), Student.status == StudentStatus.active)).all()
        assert foreign
        job = session.scalar(select(Job).where(Job.kind == JobKind.export))
        job.params = {**job.params, "ids": [*mine, *foreign, 999_999]}
    run_pending(app)
    assert len(fetch(browser, app)) == len(mine) + 1


def test_a_list_that_only_its_screen_can_word_is_offered_as_csv(as_, long):
    answer = as_("acc").get("/admin/journal_event/export/xlsx/")
    assert answer.status_code == 422
    assert "Exportez-la en CSV" in words(answer)


def test_who_may_not_export_starts_no_job(app, as_, long):
    assert as_("amp").get("/admin/guardian/export/xlsx/").status_code == 403
    with rows(app) as session:
        assert session.scalar(select(func.count(Job.id)).where(Job.kind == JobKind.export)) == 0


def test_a_csv_keeps_its_accented_name_in_a_header_of_ascii(as_):
    with as_("acc").get("/admin/student/export/csv/") as answer:
        day = answer.headers["Content-Disposition"].removesuffix(".csv")[-10:]
        sent = answer.headers["Content-Disposition"].encode("latin-1")  # as a WSGI server writes it
    assert sent == f"attachment; filename=Eleves_{day}.csv; filename*=UTF-8''%C3%89l%C3%A8ves_{day}.csv".encode("ascii")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("lignes.csv", b"attachment; filename=lignes.csv"),
        ("L\u2019\u00e9t\u00e9 \u0141.csv", b"attachment; filename=\"Lete .csv\"; filename*=UTF-8''L%E2%80%99%C3%A9t%C3%A9%20%C5%81.csv"),
        ('a"b.csv', b'attachment; filename="a\\"b.csv"'),
    ],
)
def test_the_name_of_a_file_is_told_as_every_server_can_send_it(name, header):
    assert attach(Response(""), name).headers["Content-Disposition"].encode("latin-1") == header
