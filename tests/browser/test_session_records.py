"""The journey of the users' document in a real browser, image by image: the records of a candidate, a session added, a course looked up and added."""

import pytest
from playwright.sync_api import expect
from sizes import PHONE, overflow
from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, known_code
from models.courses import Course, Grid
from models.db import db
from models.enrolments import Enrolment
from models.people import Student
from models.school import School
from models.scope import unscoped
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term

pytestmark = pytest.mark.browser

THREE = (("322-409-MV", "00992", 94, 71), ("350-710-MV", "00990", 87, 77), ("350-711-MV", "00991", 81, 73))


@pytest.fixture
def lise(site):
    """Lise Leblanc as the document begins with her: A-2017, H-2017, and A-2006 under an admission that is closed. She leaves with the test."""
    with site.app.app_context(), unscoped("a test prepares"):
        session, school = db.session, db.session.scalar(select(School.id).where(School.official_code == "QC999001"))
        terms = [
            Term(school_id=school, year=year, season=Season[season])
            for year, season in ((2017, "autumn"), (2017, "winter"), (2006, "autumn"), (2018, "winter"))
        ]
        grid = session.scalar(select(Grid).where(Grid.school_id == school))
        nurse = session.scalar(select(Programme).where(Programme.school_id == school, Programme.code == "180.A0"))
        student = Student(school_id=school, family_name="Leblanc", given_name="Lise", local_id="123-4567")
        now = Admission(school_id=school, student=student, programme=grid.programme, grid=grid, org_unit=grid.org_unit)
        past = Admission(school_id=school, student=student, programme=nurse, status=AdmissionStatus.closed)
        session.add_all([*terms, student, now, past])
        session.flush()
        assessment = known_code(session, CodeList.rac_type, "EE", school)
        for term, admission in zip(terms, (now, now, past), strict=False):
            session.add(SessionRecord(school_id=school, student=student, admission=admission, term=term))
        session.flush()
        autumn = session.scalar(select(SessionRecord).where(SessionRecord.student_id == student.id, SessionRecord.term_id == terms[0].id))
        for number, group, mark, average in THREE:
            course = session.scalar(select(Course).where(Course.school_id == school, Course.number == number))
            kind = assessment if group == "00992" else None
            session.add(Enrolment(school_id=school, session_record=autumn, course=course, group_number=group, mark=mark, group_average=average, rac_type=kind))
        session.commit()
        ids = student.id, [term.id for term in terms]
    yield ids[0]
    with site.app.app_context(), unscoped("a test tidies"):
        db.session.delete(db.session.get_one(Student, ids[0]))
        db.session.flush()
        for term in db.session.scalars(select(Term).where(Term.id.in_(ids[1]))):
            db.session.delete(term)
        db.session.commit()


def test_a_session_and_a_course_are_added_by_keyboard_as_in_the_document(open_page, axe, lise):
    page = open_page("registrar2", axe=True)
    page.goto("/admin/student/?search=leblanc")
    page.get_by_role("link", name="Leblanc, Lise", exact=True).click()
    page.get_by_role("link", name="Dossiers de session / inscriptions").click()

    # Image 1.1: the records above, the registrations of the latest one below
    records, below = page.locator("table[data-rows=records] tbody tr"), page.locator("table[data-rows=registrations] tbody tr")
    expect(records).to_have_count(2)
    expect(page.get_by_role("heading", name="Inscriptions A-2017")).to_be_visible()
    expect(below).to_have_count(3)
    expect(below.first).to_contain_text("322-409-MV")
    assert axe(page) == []
    page.get_by_label("Tout afficher").check()
    expect(records).to_have_count(3)
    records.first.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="Inscriptions A-2006")).to_be_visible()
    expect(page.locator(".banner .told > .facts")).to_contain_text("A-2006")
    expect(records.last).to_be_focused()
    page.keyboard.press("Home")
    expect(page.get_by_role("heading", name="Inscriptions A-2017")).to_be_visible()

    # Image 1.2: a new session record, from one of the admissions
    page.keyboard.press("Insert")
    expect(page.locator("main")).to_contain_text("123-4567")
    expect(page.locator("form.sheet")).to_contain_text("JEE0K-17R-RA")
    page.get_by_label("Session").select_option("H-2018")
    page.locator("form.sheet .btn-primary").click()

    # Image 1.3: it stands first, chosen, with the focus; the banner tells it
    expect(records.first).to_contain_text("H-2018")
    expect(records.first).to_be_focused()
    expect(page.locator(".banner .told > .facts")).to_contain_text("H-2018")
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-add="registrations"]')).to_be_focused()

    # Image 1.4: a new registration; what it inherits is shown as inherited
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("RA – Reconnaissance des acquis")
    expect(page.locator("main")).to_contain_text("10 – Ministère")

    # Image 1.5: the course is looked up by its number
    page.locator('[data-look-for="course"] > summary').click()
    page.locator("#course-by").select_option("number")
    page.locator("#course-text").fill("601-103")
    page.locator("#course-text").press("Enter")
    expect(page.locator('[data-look-for="course"] .found button').first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#course")).to_have_value("601-103-MQ – Littérature québécoise")
    page.locator("#group_number").fill("00001")
    page.locator("form.sheet .save-bar .btn-primary").click()
    expect(below).to_have_count(1)
    expect(below.first).to_be_focused()
    expect(below.first).to_contain_text("00001")
    expect(records.first.locator("td.num")).to_have_text(["1", "5", "2,66", "0,00", "0,00"])

    # What is left is come back to
    page.keyboard.press("Delete")
    page.get_by_role("link", name="Revenir").click()
    expect(below.first).to_be_focused()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert overflow(page) == 0
    assert axe(page) == []
