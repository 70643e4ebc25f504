"""A registrar registers twenty candidates without a mouse, then types and pastes their results."""

import re

import pytest
from batches import As
from candidates import COURSE, a_term, candidates
from conftest import rows
from playwright.sync_api import expect
from sqlalchemy import select

from models.courses import Course
from models.school import School

MOST_KEYS = 240  # twenty candidates in under two minutes: two keys a second


class Hands:
    """Whoever types: every key is counted."""

    def __init__(self, page):
        self.page, self.keys = page, 0

    def press(self, *names):
        for name in names:
            self.page.keyboard.press(name)
            self.keys += 1

    def type(self, text):
        self.press(*text)


@pytest.fixture
def twenty(site):
    """Twenty candidates of the Québec school, a term that nobody is registered in, the course."""
    with rows(site.app) as session:
        school = session.scalars(select(School.id).order_by(School.id)).all()[1]
    with As(site.app, school, "registrar2")() as session:
        numbers = [one.local_id.replace("-", "") for one in candidates(session, 20)]
        return {"numbers": numbers, "term": a_term(session, 2034).id, "course": session.scalar(select(Course.id).where(Course.number == COURSE))}


def test_twenty_candidates_are_registered_by_keyboard_and_their_results_pasted(open_page, twenty):
    page = open_page("registrar2")
    hands = Hands(page)
    page.goto(f"/admin/enrolment/register_many?term={twenty['term']}")
    course = page.get_by_role("combobox", name="Cours", exact=False).last
    expect(course).to_be_focused()
    hands.type("322-409")
    expect(page.get_by_role("option", name=re.compile(COURSE))).to_be_visible()
    hands.press("Enter", "Enter")
    hands.type("990")
    hands.press("Enter")
    expect(page.locator("#kind")).to_contain_text("EE – Évaluation")
    for number in twenty["numbers"]:
        hands.type(number)
        hands.press("Enter")
    expect(page.get_by_role("button", name="Inscrire 20 étudiants")).to_be_visible()
    expect(page.locator("#register-list tbody tr")).to_have_count(20)
    hands.press("Enter")
    expect(page.get_by_role("button", name="Inscrire 20 étudiants")).to_be_focused()
    hands.press("Enter")
    done = page.locator(".alert-success")
    expect(done).to_contain_text(f"20 étudiants inscrits : {COURSE} · 00990.")
    expect(done.get_by_role("link", name="Annuler")).to_be_visible()
    assert hands.keys <= MOST_KEYS, hands.keys

    page.goto(f"/admin/enrolment/results?term={twenty['term']}&course={twenty['course']}&group=00990")
    first = page.get_by_label(re.compile("^Note.*Nouvelle")).first
    expect(first).to_be_focused()
    hands.type("94")
    hands.press("Enter")
    expect(page.get_by_label(re.compile("^Note.*Nouvelle")).nth(1)).to_be_focused()
    copied = "(box) => { const clipboardData = new DataTransfer(); clipboardData.setData('text/plain', '87\\tEC\\t2\\n104\\n'); "
    copied += "box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })); }"
    page.get_by_label(re.compile("^Note.*Nouvelle")).nth(1).evaluate(copied)
    page.get_by_role("button", name="Enregistrer 3 résultats").press("Enter")
    wrong = page.locator("#errors")
    expect(wrong).to_contain_text("La note 104 n’est pas")
    expect(wrong).to_contain_text("2 résultats enregistrés.")
    expect(page.locator("tfoot")).to_contain_text("90,5")
