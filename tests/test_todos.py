"""To do today: each line counts what its button shows, for those who may do it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from conftest import rows

from models.imports import Import, ImportStatus
from models.people import GuardianLink, LinkStatus, Student
from models.work import Job, JobKind, JobState
from views.todos import TODOS


@pytest.fixture
def troubles(app, schools):
    """One of each problem in each school: a line that counted the other school's would say two."""
    with rows(app) as session:
        for school_id in schools:
            link = session.query(GuardianLink).filter_by(school_id=school_id, status=LinkStatus.active).order_by(GuardianLink.id).first()
            link.status = LinkStatus.to_check
            session.query(Student).filter_by(school_id=school_id).order_by(Student.id.desc()).first().national_id = None
            session.add(Job(school_id=school_id, kind=JobKind.print_letters, state=JobState.failed, params={}))
            session.add(Import(name="eleves.csv", school_id=school_id, status=ImportStatus.checked))


def lines_of(page: str) -> dict[str, tuple[int, str]]:
    """Title -> (its number, where its button leads) of the home page's list of tasks."""
    section = page.split('id="home-todo"')[1].split("</section>")[0]
    found = {}
    for item in section.split("<li")[1:]:
        text = unescape(re.sub(r"<[^>]+>", " ", "<li" + item))
        number = re.search(r"\d+", text)
        found[" ".join(text.split())] = (int(number[0]), unescape(re.search(r'href="([^"]+)"', item)[1]))
    return found


def test_every_number_is_the_number_of_rows_behind_its_button(as_, troubles):
    browser = as_("acc")
    lines = lines_of(browser.get("/admin/").text)
    assert len(lines) >= 5
    for text, (number, url) in lines.items():
        page = browser.get(url).text
        shown = unescape(re.search(r"<tbody.*</tbody>", page, re.DOTALL)[0]).count("<tr ")
        whole = re.search(r'class="page-head".*?<p>\s*([\d\s\u202f\u00a0]+)', page, re.DOTALL)
        if "import" not in text:  # its button opens the whole list: an import is confirmed from its own page
            assert number == (int(re.sub(r"\D", "", whole[1])) if whole else shown), text


@pytest.mark.parametrize(("who", "offered"), [("registrar2", True), ("registrar", False), ("inspector2", False)])
def test_a_school_with_admissions_offers_its_registrations_as_short_cuts(as_, who, offered):
    page = as_(who).get("/admin/").text
    for address in ("/admin/enrolment/register_many", "/admin/enrolment/results"):
        assert (f'href="{address}"' in page) is offered


def test_who_may_not_do_it_is_not_told_to(as_, troubles):
    assert not any("vérifier" in text for text in lines_of(as_("registrar").get("/admin/").text))
    assert any("vérifier" in text for text in lines_of(as_("ac").get("/admin/").text))


def test_an_empty_list_promises_links_to_check_to_those_alone_who_confirm_them(as_, troubles):
    page = unescape(as_("head").get("/admin/").text)
    assert "Les liens à vérifier reviennent à l’administration de l’établissement" in page
    assert "liens à vérifier et les imports" not in page


def test_the_declarations_have_names_of_their_own():
    assert len({todo.name for todo in TODOS}) == len(TODOS)
