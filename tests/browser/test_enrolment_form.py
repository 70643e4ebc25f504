"""The form of a registration in a real browser: a number typed, the wrong sign, the numbers of the course, a value set aside and given back."""

import pytest
from playwright.sync_api import expect
from sizes import PHONE, overflow
from sqlalchemy import select

from models.db import db
from models.school import School
from models.scope import unscoped
from models.session_records import SessionRecord

pytestmark = pytest.mark.browser


def test_the_form_says_at_once_what_the_course_and_the_group_propose(open_page, axe, site):
    with site.app.app_context(), unscoped("a test looks"):
        school = db.session.scalar(select(School.id).where(School.official_code == "QC999001"))
        records = db.session.scalars(select(SessionRecord).where(SessionRecord.school_id == school).order_by(SessionRecord.id.desc()))
        record = next(one.id for one in records if one.admission.status.name == "active" and one.admission.org_unit_id)
    page = open_page("registrar2", axe=True)
    page.goto(f"/admin/enrolment/new/?record={record}")
    course, group = page.locator("#course"), page.locator("#group_number")
    kind, funding = page.locator('[data-field="rac_type"]'), page.locator('[data-field="funding"]')
    expect(course).to_be_focused()

    # the wrong sign, then a number without its dashes, taken on the way to the next field
    course.press_sequentially("6O1-103-MQ")
    expect(page.locator(".combo .told")).to_contain_text("le signe n° 2 est la lettre O")
    course.press("Escape")
    course.fill("322409mv")
    course.press("Tab")
    expect(course).to_have_value("322-409-MV – Besoins de sécurité de l'enfant")
    expect(page.locator('[data-field="category"] .inherit')).to_contain_text("SP – ")

    # the group proposes the kind; the panel knows the numbers of the course
    group.fill("990")
    expect(kind.locator(".inherit")).to_contain_text("EE – ")
    group.press("Tab")
    expect(group).to_have_value("00990")
    page.locator(".fictitious > summary").press("Enter")
    page.locator(".fictitious button").filter(has_text="00991").press("Enter")
    expect(group).to_be_focused()
    expect(kind.locator(".inherit")).to_contain_text("FM – ")

    # set aside, and given back
    funding.get_by_role("button", name="Redéfinir").press("Enter")
    expect(funding.locator("select")).to_be_focused()
    funding.get_by_role("button", name="Reprendre l’hérité").press("Enter")
    expect(funding.locator("select")).to_be_hidden()
    assert axe(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert overflow(page) == 0
