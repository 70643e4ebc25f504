"""How many questions a page asks the database: at most ten for a list, a record or a form, and as many for 2,000 students as for 20."""

import pytest
from conftest import counted, rows
from sqlalchemy import insert, select

from models.db import refresh_statistics
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student, group_member
from models.school import Level

PAGES = {
    "home": "/admin/",
    "list": "/admin/student/?page_size=20",
    "page of 100": "/admin/student/?page_size=100",
    "last page": "/admin/student/?page_size=20&page=0&sort=0&desc=1",
    "search": "/admin/student/?search=grandnombre",
    "search by name": "/admin/student/?search=grand*&by=name",
    "search by guardian": "/admin/student/?search=tuteur&by=guardian",
    "filter": "/admin/student/?flt0_access.Clause=1&flt1_born_on.Since=2000-01-01",
    "sorted by level": "/admin/student/?sort=2",
    "file": "/admin/student/details/?id={student}&url=/admin/student/%3Fsearch%3Dgrandnombre",
    "contacts": "/admin/student/details/?id={student}&part=contacts",
    "groups": "/admin/student/details/?id={student}&part=groups",
    "form": "/admin/student/edit/?id={student}",
    "empty form": "/admin/student/new/",
    "guardians": "/admin/guardian/?search=tuteur",
    "guardian": "/admin/guardian/details/?id={guardian}",
    "links": "/admin/guardian_link/?search=grandnombre",
    "link": "/admin/guardian_link/edit/?id={link}",
    "groups list": "/admin/group/",
    "group": "/admin/group/details/?id={group}",
    "group form": "/admin/group/edit/?id={group}",
    "levels": "/admin/level/",
}
EXPORTS = {
    "export": "/admin/student/export/csv/?search=grandnombre",
    "guardians export": "/admin/guardian/export/csv/?search=tuteur",
    "links export": "/admin/guardian_link/export/csv/?search=grandnombre",
}


def grow(app, school, first, last):
    """Students first..last with a guardian each, all in one group; the identifiers that the addresses need."""
    with rows(app) as session:
        level = session.scalar(select(Level.id).where(Level.school_id == school))
        group = session.scalar(select(Group.id).where(Group.school_id == school, Group.name == "Foule"))
        if group is None:
            crowd = Group(school_id=school, name="Foule", category=GroupCategory.other)
            session.add(crowd)
            session.flush()
            group = crowd.id
        session.flush()
        start = 500_000
        numbers = range(start + first, start + last)
        session.execute(
            insert(Student),
            [
                {
                    "id": n,
                    "school_id": school,
                    "family_name": f"Grandnombre{n}",
                    "given_name": "Foule",
                    "level_id": level,
                    "born_on": None,
                    "search_key": f"grandnombre{n} foule",
                }
                for n in numbers
            ],
        )
        session.execute(insert(Guardian), [{"id": n, "school_id": school, "family_name": f"Tuteur{n}", "search_key": f"tuteur{n}"} for n in numbers])
        session.execute(insert(GuardianLink), [{"id": n, "school_id": school, "student_id": n, "guardian_id": n} for n in numbers])
        session.execute(insert(group_member), [{"group_id": group, "student_id": n} for n in numbers])
        refresh_statistics(session)  # as after an import: PostgreSQL would take the 2,000 for the few it last counted
    return {"student": start, "guardian": start, "link": start, "group": group}


def asked(app, browser, path):
    """The statements of one request, its stream read to the end."""
    with counted(app) as seen:
        answer = browser.get(path, buffered=True)
        assert answer.status_code == 200, path
        answer.get_data()
    return seen


@pytest.fixture
def pages(app, as_, schools):
    """`pages(addresses, size)` asks each address with that many students and gives the statements."""
    have = 0
    browser = as_("acc")

    def ask(addresses, size):
        nonlocal have
        places = grow(app, schools[0], have, size)
        have = size
        asked(app, browser, "/admin/student/")  # the texts are read once
        return {name: asked(app, browser, path.format(**places)) for name, path in addresses.items()}

    return ask


def test_pages_ask_at_most_ten_questions_and_no_more_for_2000_students(pages):
    small, large = pages(PAGES, 20), pages(PAGES, 2000)
    told = {name: (len(small[name]), len(large[name])) for name in PAGES}
    assert {name: n for name, n in told.items() if n[0] != n[1]} == {}
    assert {name: large[name] for name, n in told.items() if n[1] > 10} == {}


def test_an_export_of_2000_rows_asks_no_more_than_one_of_20(pages):
    small, large = pages(EXPORTS, 20), pages(EXPORTS, 2000)
    for name in EXPORTS:
        assert len(small[name]) == len(large[name]) <= 12, name
