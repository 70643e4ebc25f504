"""The results of a group typed in a grid, its presences confirmed together, what is to be confirmed before the census."""

import datetime as dt
import re

import pytest
from batches import As
from candidates import COURSE, a_place, a_term, candidates
from conftest import counted, rows
from hands import do, send, token, words
from sqlalchemy import select

from models.access import User
from models.base import Refusal
from models.codes import CodeList, known_code
from models.enrolments import Enrolment, Outcome
from models.journal import JournalEvent
from models.people import Group, GroupCategory
from models.registering import judge, present_term, register
from models.results import Typed, confirm_presences, enter_results, groups_of, next_census, read_absences, read_mark, rows_of, shown, unconfirmed


@pytest.fixture
def registrar(app, schools):
    """The registrar of the Québec school, one batch at a time."""
    return As(app, schools[1], "registrar2")


def a_group(session, n=4, group="990", **term):
    """So many candidates registered in a group of the term A-2019; its rows."""
    place = a_place(session, group, **term)
    register(session, place, judge(session, place, [one.id for one in candidates(session, n)]))
    session.commit()
    return rows_of(session, place.term.id, place.course.id, place.group)


def typed(row, **now):
    """What somebody typed in the line of a row that they saw as it is."""
    return Typed(row.version, {**shown(row), **now}, shown(row))


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("", None),
        (" 87 ", 87),
        ("87,0", 87),
        ("100 %", 100),
        ("0", 0),
        ("87,5", "87 ou à 88"),
        ("104", "0 et 100"),
        ("AB", "nombre entier"),
        ("ec", "remarque"),
    ],
)
def test_a_mark_is_a_whole_number_out_of_100_and_anything_else_is_told_what_to_type(app, text, mark):
    with app.test_request_context():
        if isinstance(mark, str):
            with pytest.raises(Refusal) as refused:
                read_mark(text, ("EC",))
            assert mark in refused.value.sentence
        else:
            assert read_mark(text, ("EC",)) == mark


def test_absences_are_a_number_of_at_most_three_figures():
    assert (read_absences(""), read_absences(" 12 ")) == (None, 12)
    for text in ("x", "1000", "-1", "1,5"):
        with pytest.raises(Refusal):
            read_absences(text)


def test_good_lines_are_saved_wrong_and_foreign_ones_are_told_and_left(registrar):
    with registrar() as session:
        one, two, three, four, five = a_group(session, 5)
        seen = {row.id: row for row in (one, two, three, four, five)}
        lines = {
            one.id: typed(one, mark="94", absences="2"),
            two.id: typed(two, mark="104", absences="x"),
            three.id: typed(three, mark="52", remark="EC"),
            four.id: typed(four, mark="81"),
            five.id: typed(five, remark="ZZ"),
        }
        four.mark = 60  # somebody else, meanwhile
        session.commit()
        saved = enter_results(session, list(seen.values()), lines)
        session.commit()
        assert saved.rows == [one.id, three.id]
        assert set(saved.wrong[two.id]) == {"mark", "absences"}
        assert set(saved.wrong[five.id]) == {"remark"}
        assert "60" in saved.clash[four.id]
        assert list(saved.unusual) == [three.id]
        assert [(row.mark, row.absences, row.outcome) for row in (one, two, three, four)] == [
            (94, 2, Outcome.passed),
            (None, None, Outcome.in_progress),
            (52, None, Outcome.failed),
            (60, None, Outcome.passed),
        ]
        assert session.scalars(select(JournalEvent.row_id).where(JournalEvent.verb == "enter_results")).all() == [one.id, three.id]


def test_no_mark_is_recorded_where_the_kind_has_no_result(registrar):
    with registrar() as session:
        (row,) = a_group(session, 1, "992")
        saved = enter_results(session, [row], {row.id: typed(row, mark="80")})
        assert saved.wrong[row.id]["mark"] == "EE SR se donne sans note. Effacez la note ou changez le type."
        assert row.mark is None


def test_a_grid_and_its_saving_ask_no_more_for_forty_than_for_two(registrar, app):
    def asked(session, n, year):
        found = a_group(session, n, year=year)
        key = (found[0].term_id, found[0].course_id, "00990")
        session.expunge_all()
        with counted(app) as seen:
            again = rows_of(session, *key)
            assert [row.without_result for row in again] == [False] * n
            lines = {row.id: typed(row, mark="70") for row in again}
            assert len(enter_results(session, again, lines).rows) == n
        return len([one for one in seen if not one.startswith("UPDATE enrolment")])

    with registrar() as session:
        asked(session, 1, 2010)
        assert asked(session, 2, 2011) == asked(session, 40, 2012) < 20


def test_the_groups_of_a_term_are_counted(registrar):
    with registrar() as session:
        found = a_group(session, 3)
        found[0].mark = 80
        found[1].remark = known_code(session, CodeList.remark, "IN")
        confirm_presences(session, found, [found[0].id], "Line", dt.date(2019, 9, 12))
        session.flush()
        (line,) = session.execute(groups_of(found[0].term_id)).all()
        assert (line.number, line.group, line.registered, line.with_result, line.confirmed) == (COURSE, "00990", 3, 2, 1)
        assert session.execute(groups_of(found[0].term_id, text="322 990")).all() == [line]
        assert session.execute(groups_of(found[0].term_id, text="601")).all() == []


def test_presences_are_due_in_the_month_before_the_census(registrar):
    with registrar() as session:
        found = a_group(session, 3)
        ids = [row.id for row in found]

        def due(day):
            return session.scalars(select(Enrolment.id).where(unconfirmed(day), Enrolment.id.in_(ids)).order_by(Enrolment.id)).all()

        assert due(dt.date(2019, 8, 20)) == due(dt.date(2019, 9, 21)) == []
        assert due(dt.date(2019, 9, 1)) == due(dt.date(2019, 9, 20)) == ids
        assert next_census(session, dt.date(2019, 9, 1)) == dt.date(2019, 9, 20)
        assert confirm_presences(session, found, [ids[0], 999_999], "Line", dt.date(2019, 9, 12)) == [ids[0]]
        found[1].confirm_presence("Line", dt.date(2019, 9, 12))
        found[1].correct_census("absente")
        session.flush()
        assert due(dt.date(2019, 9, 12)) == [ids[2]]
        found[0].term.census_on = dt.date(2019, 10, 5)
        session.flush()
        assert due(dt.date(2019, 9, 1)) == []
        assert due(dt.date(2019, 10, 1)) == [ids[2]]


def test_the_term_of_a_day_follows_its_days_else_the_calendar_of_a_college(registrar):
    with registrar() as session:
        winter, autumn = a_term(session, 2018, "winter"), a_term(session, 2018, "autumn")
        assert present_term(session, dt.date(2018, 3, 1)) is winter
        assert present_term(session, dt.date(2018, 7, 1)) is winter
        assert present_term(session, dt.date(2018, 9, 1)) is autumn
        winter.begins_on, winter.ends_on = dt.date(2018, 8, 20), dt.date(2018, 12, 20)
        assert present_term(session, dt.date(2018, 9, 1)) is winter


# --- through the pages ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(registrar):
    """A group of three in A-2019: its address, its rows' identifiers."""
    with registrar() as session:
        found = a_group(session, 3)
        return {"query": f"term={found[0].term_id}&course={found[0].course_id}&group=00990", "ids": [row.id for row in found]}


def fields(page, **typed):
    """The hidden fields of the grid as the browser would send them, with what somebody types."""
    hidden = dict(re.findall(r'name="((?:version|was|name)\.\d+)" value="([^"]*)"', page))
    return {**{name: value.replace("&#34;", '"') for name, value in hidden.items()}, "csrf_token": token(page), **typed}


def test_results_are_typed_saved_told_and_undone(as_, app, place):
    browser, (one, two, three) = as_("registrar2"), place["ids"]
    address = f"/admin/enrolment/results?{place['query']}"
    assert COURSE in words(browser.get("/admin/enrolment/results?" + place["query"].split("&course")[0]))
    page = browser.get(address).text
    other = browser.get(address).text
    done = browser.post(address, data=fields(page, **{f"mark.{one}": "94", f"remark.{one}": "", f"absences.{one}": "3"}))
    assert done.status_code == 303
    page = browser.get(address)
    assert "1 résultat enregistré." in words(page)
    assert "94" in words(page)
    undo = re.search(r'href="(/admin/journal_event/undo[^"]+)"', page.text)[1].replace("&amp;", "&")
    # somebody else had the page open: their change of the same line is told, the other line is written
    second = browser.post(address, data=fields(other, **{f"mark.{one}": "80", f"mark.{two}": "77", f"mark.{three}": "104"}))
    assert second.status_code == 422
    said = words(second)
    assert "Quelqu’un a modifié cette ligne entre-temps : 94, 3" in said
    assert "n’est pas compris" in said or "0 et 100" in said
    assert "1 résultat enregistré." in said
    with rows(app) as session:
        assert [session.get_one(Enrolment, i).mark for i in place["ids"]] == [94, 77, None]
    assert browser.post(address, data=fields(second.text, **{f"mark.{one}": "80", f"absences.{one}": "3"})).status_code == 303
    with rows(app) as session:
        assert session.get_one(Enrolment, one).mark == 80
    send(browser, undo, page=undo)
    with rows(app) as session:
        assert session.get_one(Enrolment, one).mark == 80  # edited since: left


def test_what_was_typed_for_a_registration_that_left_the_group_is_told_and_the_other_lines_are_saved(as_, app, place):
    browser, (one, two, three) = as_("registrar2"), place["ids"]
    address = f"/admin/enrolment/results?{place['query']}"
    page = browser.get(address).text
    with rows(app) as session:
        session.get_one(Enrolment, one).group_number = "00991"
        session.delete(session.get_one(Enrolment, two))
    saved = browser.post(address, data=fields(page, **{f"mark.{one}": "66", f"absences.{two}": "4", f"mark.{three}": "71"}))
    said = words(saved)
    assert saved.status_code == 422
    assert "2 lignes ne sont pas enregistrées" in said
    assert "Nouvelle, Zoé1 : l’inscription est maintenant dans le groupe 00991. Non enregistré : Note 66." in said
    assert "Nouvelle, Zoé2 : l’inscription n’est plus dans le groupe. Non enregistré : Absences 4." in said
    assert "1 résultat enregistré." in said
    assert f'name="mark.{one}"' not in saved.text
    with rows(app) as session:
        assert [session.get_one(Enrolment, i).mark for i in (one, three)] == [None, 71]
        session.get_one(Enrolment, three).group_number = "00991"
    left = browser.post(address, data=fields(saved.text, **{f"mark.{three}": "80"}))  # the last of the group
    assert (left.status_code, "Nouvelle, Zoé3 : l’inscription est maintenant dans le groupe 00991. Non enregistré : Note 80." in words(left)) == (422, True)


def test_a_presence_in_a_term_that_has_not_begun_is_confirmed_with_a_warning(as_, registrar, wound):
    with registrar() as session:
        found = a_group(session, 2, year=2031)
        later, first = f"term={found[0].term_id}&course={found[0].course_id}&group=00990", found[0].id
    wound("2031-07-10T12:00:00")
    browser, told = as_("registrar2"), "A-2031 n’a pas commencé."
    presence = f"/admin/enrolment/presence?{later}"
    assert told in words(browser.get(presence))
    assert do(browser, "enrolment", "confirm_presence", first).status_code in (302, 303)
    page = browser.get("/account")
    assert (words(page).count(told), words(browser.get("/account")).count(told)) == (1, 0)
    wound("2031-08-20T12:00:00")
    assert told not in words(browser.get(presence))


def test_a_teacher_reaches_their_own_students_only(as_, app, schools, place):
    with rows(app) as session:
        mine = session.get_one(Enrolment, place["ids"][0]).student
        teacher = session.scalar(select(User).where(User.username == "ec2"))
        session.add(Group(school_id=schools[1], name="Miens", category=GroupCategory.other, owner=teacher, members=[mine]))
    browser = as_("ec2")
    page = words(browser.get(f"/admin/enrolment/results?{place['query']}"))
    assert ("Nouvelle, Zoé1" in page, "Nouvelle, Zoé2" in page) == (True, False)
    presence = f"/admin/enrolment/presence?{place['query']}"
    assert "1 présence n’est pas confirmée" in words(browser.get(presence))
    send(browser, presence, page=presence, rowid=[str(i) for i in place["ids"]])
    with rows(app) as session:
        found = [session.get_one(Enrolment, i) for i in place["ids"]]
        assert [(row.census_on is not None, row.census_by != "") for row in found] == [(True, True), (False, False), (False, False)]
    assert as_("head2").get(f"/admin/enrolment/results?{place['query']}").status_code == 403
    assert browser.get("/admin/enrolment/results?term=1&course=1&group=00990").status_code == 404


def test_home_tells_the_presences_to_confirm_and_leads_to_as_many_rows(as_, registrar, wound):
    with registrar() as session:
        a_group(session, 3, year=2031)
    wound("2031-09-10T12:00:00")
    browser = as_("registrar2")
    home = browser.get("/admin/").text
    assert "3 présences à confirmer avant le 2031-09-20" in words(browser.get("/admin/"))
    link = re.search(r'href="(/admin/enrolment/\?[^"]*presence[^"]*)"', home)[1].replace("&amp;", "&")
    listed = browser.get(link).text
    assert len(re.findall(r'name="rowid"', listed)) == 3
    assert "présences à confirmer avant" not in words(as_("amp2").get("/admin/"))


def test_the_pages_ask_as_much_for_two_as_for_forty(as_, app, registrar):
    browser = as_("registrar2")

    def asked(n, year):
        with registrar() as session:
            found = a_group(session, n, year=year)
            term = found[0].term_id
            group = f"term={term}&course={found[0].course_id}&group=00990"
            lines = "&".join(f"line=s:{row.student_id}" for row in found)
        told = {}
        for page in (f"results?term={term}", f"results?{group}", f"presence?{group}", f"register_many?{group}&{lines}"):
            with counted(app) as seen:
                assert browser.get(f"/admin/enrolment/{page}").status_code == 200
            told[page.split("=")[0], page.count("course")] = len(seen)
        return told

    asked(1, 2010)
    few, many = asked(2, 2011), asked(40, 2012)
    assert few == many
    assert max(many.values()) < 24
