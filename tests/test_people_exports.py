"""Exports of students and look-ups among them: the scope of the person, neutral formulas, twenty rows at most."""

import datetime as dt

import pytest
from conftest import rows
from hands import exported, ids, scope_of
from sqlalchemy import select

from models.access import Membership, Role, User
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, Student


def test_18_an_export_has_the_scope_of_the_person_and_one_line_in_the_history(as_, app):
    inside, _outside = scope_of(app, "ec")
    exports = select(JournalEvent).where(JournalEvent.verb == "exported", JournalEvent.table_name == "student").order_by(JournalEvent.id)
    before = len(ids(app, exports))
    lines = exported(as_("ec"), "/admin/student/export/csv/?flt0_status.Is=all")
    assert len(lines) == len(inside) + 1
    with rows(app) as session:
        events = session.scalars(exports).all()
        assert len(events) == before + 1
        assert (events[-1].rows, events[-1].who) == (len(inside), "Julien Vasseur")


def test_18_an_export_keeps_filters_and_order(as_, app):
    lines = exported(as_("ac"), "/admin/student/export/csv/?search=a&sort=0&desc=1")
    names = [(line[0], line[1]) for line in lines[1:]]
    with rows(app) as session:
        keys = {(s.family_name, s.given_name): s.search_key for s in session.scalars(select(Student))}
    found = [keys[name] for name in names]
    assert found == sorted(found, reverse=True)


def test_76_formulas_are_neutral_in_exports(as_, app, schools):
    with rows(app) as session:
        for start in ("=1+1", "+33", "-2+3", "@SUM(A1)", "＝x"):
            session.add(Student(school_id=schools[0], family_name="Formule", given_name=start))
    cells = [line[1] for line in exported(as_("ac"), "/admin/student/export/csv/?search=formule")[1:]]
    assert sorted(cells) == sorted(["'=1+1", "+33", "'-2+3", "'@SUM(A1)", "'＝x"])
    answer = as_("ac").get("/admin/student/export/xlsx/?search=formule", buffered=True)
    assert answer.get_data().startswith(b"PK")


# --- look-ups


@pytest.mark.parametrize("query", ["", "a", "%", "__", "%%", " "])
def test_16_a_look_up_wants_two_letters_and_knows_no_wildcards(as_, query):
    answer = as_("ac").get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": query})
    assert answer.json == []


@pytest.mark.parametrize("limit", ["-1", "100000", "x"])
def test_16_a_look_up_gives_at_most_twenty_rows_of_the_own_school(as_, app, schools, limit):
    with rows(app) as session:
        session.add_all([Student(school_id=schools[0], family_name="Beaucoup", given_name=f"N{i}") for i in range(30)])
        session.add(Student(school_id=schools[1], family_name="Beaucoup", given_name="Ailleurs"))
    browser = as_("ac")
    found = browser.get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": "beaucoup", "limit": limit, "offset": "0"})
    assert found.status_code in (200, 400)
    rows_given = found.json if found.status_code == 200 else []
    assert len(rows_given) <= 20
    assert all("Ailleurs" not in row[1] for row in rows_given)


def test_a_look_up_finds_students_by_their_own_names_without_accents_and_tells_namesakes_apart(as_, app, schools):
    with rows(app) as session:
        one, two = (
            Student(school_id=schools[0], family_name="Çelik", given_name="Zoé", national_id=f"99999999{n}XX", born_on=dt.date(2013, 2, n)) for n in (1, 2)
        )
        guardian = Guardian(school_id=schools[0], family_name="Œuvrard", given_name="Anaïs")
        session.add_all([one, two, GuardianLink(school_id=schools[0], student=one, guardian=guardian)])
    browser = as_("ac")

    def found(query):
        return [row[1] for row in browser.get("/admin/guardian_link/ajax/lookup/", query_string={"name": "student", "query": query}).json]

    assert found("celik zoe") == ["Çelik, Zoé · 999999991XX · 01/02/2013", "Çelik, Zoé · 999999992XX · 02/02/2013"]
    assert found("999999992") == ["Çelik, Zoé · 999999992XX · 02/02/2013"]
    assert found("oeuvrard") == []


def test_the_adviser_look_up_offers_the_staff_of_the_school_only(as_, app, schools):
    with rows(app) as session:
        session.add(
            Guardian(school_id=schools[0], family_name="Œdipe", given_name="Père", user=User(username="oedipe", family_name="Œdipe", given_name="Père"))
        )
        staff = session.scalar(
            select(User).join(Membership, Membership.user_id == User.id).where(Membership.school_id == schools[0], Membership.role == Role.ec)
        )
        family = staff.family_name
    browser = as_("ac")
    look = "/admin/student/ajax/lookup/"
    assert browser.get(look, query_string={"name": "adviser", "query": "oedipe"}).json == []
    assert family in str(browser.get(look, query_string={"name": "adviser", "query": family}).json)
    assert browser.get(look, query_string={"name": "nothing", "query": "ab"}).status_code in (400, 404)
