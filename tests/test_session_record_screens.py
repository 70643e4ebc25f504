"""The screens of session records: the dialog that begins one, its form, copying, deleting, the list."""

import datetime as dt
import re

import pytest
from conftest import rows
from hands import do, exported, form, send, words
from sqlalchemy import func, select

from models.admissions import Admission, AdmissionStatus
from models.courses import Course, Grid
from models.enrolments import Enrolment
from models.people import Student
from models.session_records import SessionRecord
from models.studies import Season, Term


@pytest.fixture
def lise(app, schools):
    """A student of the Québec school with one active admission; the two last terms."""
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.school_id == schools[1]))
        student = Student(school_id=schools[1], family_name="Leblanc", given_name="Lise", local_id="123-4567")
        admission = Admission(school_id=schools[1], student=student, programme=grid.programme, grid=grid, org_unit=grid.org_unit, status=AdmissionStatus.active)
        terms = [Term(school_id=schools[1], year=2090, season=season) for season in (Season.winter, Season.autumn)]
        session.add_all([admission, *terms])
        session.flush()
        return {"student": student.id, "admission": admission.id, "terms": [one.id for one in terms], "grid": grid.id}


def begin(browser, lise, **more):
    """The dialog, sent as it opens but for what is given."""
    fields = {"admission": str(lise["admission"]), "term": str(lise["terms"][0]), **more}
    return send(browser, f"/admin/session_record/new/?student={lise['student']}&url=/admin/student/", page="/account", **fields)


def record_of(app, lise):
    with rows(app) as session:
        return session.scalar(select(SessionRecord.id).where(SessionRecord.student_id == lise["student"]))


def test_the_dialog_shows_who_it_is_and_proposes_the_only_active_admission_and_the_next_term(as_, app, lise):
    browser = as_("registrar2")
    page = browser.get(f"/admin/session_record/new/?student={lise['student']}")
    assert re.search(r"123-4567.*Leblanc, Lise.*RA – Reconnaissance des acquis.*JEE\.0K", words(page))
    assert re.search(rf'<option selected value="{lise["admission"]}">JEE0K-17R-RA · JEE\.0K', page.text)
    done = begin(browser, lise)
    assert (done.status_code, done.headers["Location"]) == (302, "/admin/student/")
    with rows(app) as session:
        made = session.scalar(select(SessionRecord).where(SessionRecord.student_id == lise["student"]))
        assert (made.term_id, made.programme_session, made.full_time.code, made.language.code) == (lise["terms"][0], 1, "SO", "FR")
    page = browser.get(f"/admin/session_record/new/?student={lise['student']}").text
    assert re.search(rf'<option selected value="{lise["terms"][1]}">', page)  # the one after
    again = begin(browser, lise)
    assert again.status_code == 422
    assert "a déjà" in words(again)


@pytest.mark.parametrize(("first", "told"), [(1, 1), (0, 0)])
def test_the_first_record_of_an_admission_is_proposed_for_its_own_first_term_the_next_after_the_latest(as_, app, lise, first, told):
    with rows(app) as session:
        session.get_one(Admission, lise["admission"]).term_id = lise["terms"][first]
    browser, page = as_("registrar2"), f"/admin/session_record/new/?student={lise['student']}"
    assert re.search(rf'<option selected value="{lise["terms"][told]}">', browser.get(page).text)
    begin(browser, lise, term=str(lise["terms"][told]))
    following = re.findall(r'<select[^>]*name="term".*?</select>', browser.get(page).text, re.S)[0]
    chosen = re.findall(r'<option[^>]*selected[^>]*value="([^"]*)"', following)
    assert chosen == ([str(lise["terms"][1])] if told == 0 else ["__None"])  # no term comes after the last


def test_of_two_active_admissions_none_is_chosen_beforehand(as_, app, lise):
    with rows(app) as session:
        grid = session.get_one(Grid, lise["grid"])
        session.add(Admission(school_id=grid.school_id, student_id=lise["student"], programme=grid.programme, status=AdmissionStatus.active))
    page = as_("registrar2").get(f"/admin/session_record/new/?student={lise['student']}").text
    chosen = re.search(r'<select[^>]*name="admission".*?</select>', page, re.S)[0]
    assert re.findall(r"<option[^>]*selected[^>]*value=\"([^\"]*)\"", chosen) == ["__None"]
    assert "JEE.0K" in chosen


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("suspended", "est suspendue : activez-la de nouveau"),
        ("applicant", "activez l’admission"),
        (None, "n’a pas d’admission : créez-en une, puis inscrivez"),
    ],
)
def test_without_an_active_admission_it_is_said_what_to_do(as_, app, lise, status, told):
    with rows(app) as session:
        admission = session.get_one(Admission, lise["admission"])
        if status is None:
            session.delete(admission)
        else:
            admission.status = AdmissionStatus[status]
    browser = as_("registrar2")
    page = browser.get(f"/admin/session_record/new/?student={lise['student']}")
    assert told in words(page)
    assert "part=admissions" in page.text
    assert begin(browser, lise).status_code == 422
    assert record_of(app, lise) is None


def test_the_form_of_a_record_hints_at_full_time_and_keeps_what_is_entered(as_, app, lise):
    browser = as_("registrar2")
    begin(browser, lise)
    record = record_of(app, lise)
    page = browser.get(f"/admin/session_record/edit/?id={record}")
    assert "Leblanc, Lise" in words(page)
    assert "0 cours : temps partiel" in words(page)
    assert form(browser, f"/admin/session_record/edit/?id={record}", programme_session="7", full_time="__None", language="__None").status_code == 302
    with rows(app) as session:
        one = session.get_one(SessionRecord, record)
        assert (one.programme_session, one.full_time, one.term_id, one.admission_id) == (7, None, lise["terms"][0], lise["admission"])


def test_a_record_is_copied_to_another_term_with_its_registrations_and_deleted_until_something_was_sent(as_, app, lise, schools):
    browser = as_("registrar2")
    begin(browser, lise)
    record = record_of(app, lise)
    with rows(app) as session:
        course = session.scalar(select(Course).where(Course.number == "601-103-MQ", Course.school_id == schools[1]))
        session.add(Enrolment(school_id=schools[1], session_record=session.get_one(SessionRecord, record), course=course, group_number="1", mark=80))
    assert do(browser, "session_record", "copy", record, term=str(lise["terms"][1])).status_code == 303
    with rows(app) as session:
        copied = session.scalar(select(Enrolment).where(Enrolment.student_id == lise["student"], Enrolment.term_id == lise["terms"][1]))
        assert (copied.group_number, copied.mark) == ("00001", None)
        session.scalar(select(Enrolment).where(Enrolment.session_record_id == record)).enrolment_sent_on = dt.date(2020, 1, 1)
        kept, gone = record, copied.session_record_id
    refused = send(browser, "/admin/session_record/delete/", page="/account", id=str(kept), _asked="1")
    assert refused.status_code == 409
    assert "transmise" in words(refused)
    asked = send(browser, "/admin/session_record/delete/", page="/account", id=str(gone))
    assert "Son inscription (1) part aussi." in words(asked)
    assert send(browser, "/admin/session_record/delete/", page="/account", id=str(gone), _asked="1").status_code == 302
    with rows(app) as session:
        assert session.scalar(select(func.count(Enrolment.id)).where(Enrolment.student_id == lise["student"])) == 1


def test_an_admission_begins_a_record_and_a_record_awards_the_diploma(as_, app, lise):
    browser = as_("registrar2")
    assert do(browser, "admission", "create_session_record", lise["admission"], term=str(lise["terms"][0])).status_code == 303
    record = record_of(app, lise)
    assert do(browser, "session_record", "sanction", record, date="2020-05-04").status_code == 303
    with rows(app) as session:
        assert session.get_one(Admission, lise["admission"]).status is AdmissionStatus.sanctioned
    assert "a déjà" in words(browser.get(f"/admin/enrolment/new/?record={record}"))  # no more registrations, and why


def test_the_list_filters_by_what_the_admission_says(as_, app, lise):
    browser = as_("registrar2")
    begin(browser, lise)
    grid = f"flt0_grid.OfAdmission={lise['grid']}&flt1_admission_status.AdmissionIs=active&flt2_term.Row={lise['terms'][0]}"
    assert [line[0] for line in exported(browser, f"/admin/session_record/export/csv/?{grid}")[1:]] == ["Leblanc, Lise"]
    with rows(app) as session:
        session.get_one(Admission, lise["admission"]).grid_id = None
    found = exported(browser, "/admin/session_record/export/csv/?search=Leblanc&by=student")
    assert dict(zip(found[0], found[1], strict=True))["Grille"] == ""  # and not the code of the programme again
    assert len(exported(browser, "/admin/session_record/export/csv/?flt0_admission_status.AdmissionIs=suspended&search=Leblanc")) == 1
