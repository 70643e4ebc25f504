"""Somebody who works in two schools goes from one to the other: rights, rows, words and history follow; buttons that lead nowhere are not shown."""

import pytest
from conftest import rows
from hands import send, token, user_of, words
from sqlalchemy import select, update

from models.access import Membership, Role, User
from models.journal import JournalEvent
from models.labels import Noun
from models.people import Student
from models.school import School

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def both(app, as_, schools):
    """The administrator of the first school, also other staff in the second."""
    with rows(app) as session:
        user = session.scalars(select(User).where(User.username == "ac")).one()
        session.add(Membership(user_id=user.id, school_id=schools[1], role=Role.amp))
        user.current_school_id = schools[0]
    return as_("ac")


def names(app, schools):
    with rows(app) as session:
        return [session.get_one(School, number).name for number in schools]


def test_the_frame_says_where_one_works_and_leads_to_the_other_school(app, both, as_, schools):
    first, second = names(app, schools)
    page = words(both.get("/admin/"))
    assert f"· {first}" in page
    assert f"Passer à {second}" in page
    assert "Passer à" not in words(as_("head").get("/admin/")), "of whoever works in one school nothing is said"
    assert send(both, "/account/school", page="/admin/", school=str(schools[1])).status_code == 302
    page = words(both.get("/admin/"))
    assert f"Vous travaillez maintenant ici : {second}." in page
    assert f"Passer à {first}" in page


def test_rights_rows_and_words_are_those_of_the_school_one_is_in(app, both, schools):
    with rows(app) as session:
        here, there = (session.scalars(select(Student).where(Student.school_id == number).order_by(Student.id)).first().id for number in schools)
        noun = session.scalars(select(Noun).where(Noun.school_id == schools[1], Noun.language == "fr", Noun.key == "student")).one()
        noun.singular, noun.plural, noun.vowel_sound = "cégépien", "cégépiens", False
    assert "Cégépiens" not in words(both.get("/admin/student/"))
    assert both.get(f"/admin/student/details/?id={here}").status_code == 200
    assert both.get(f"/admin/student/details/?id={there}").status_code == 404
    send(both, "/account/school", page="/admin/", school=str(schools[1]))
    assert both.get(f"/admin/student/details/?id={here}").status_code == 404
    assert both.get(f"/admin/student/details/?id={there}").status_code == 200
    assert both.get(f"/admin/student/edit/?id={there}").status_code == 403
    assert both.get("/admin/user/").status_code == 403
    assert "Cégépiens" in words(both.get("/admin/student/"))


def test_the_history_of_the_school_says_who_came_and_nothing_when_nobody_moved(app, both, schools):
    with rows(app) as session:
        session.add(Membership(user_id=user_of(app, "acc"), school_id=schools[1], role=Role.acc))
    for school in (schools[1], schools[1]):
        send(both, "/account/school", page="/admin/", school=str(school))
    with rows(app) as session:
        lines = session.execute(select(JournalEvent.school_id, JournalEvent.row_id).where(JournalEvent.verb == "switch_school")).all()
    assert lines == [(schools[1], schools[1])]


def test_a_school_that_is_not_ones_own_is_not_found_and_a_role_that_is_closed_leads_nowhere(app, both, schools):
    with rows(app) as session:
        other = School(name="Ailleurs", official_code="0752387M")
        session.add(other)
        session.flush()
        number = other.id
        held = session.scalars(select(Membership).where(Membership.school_id == schools[1], Membership.user_id == user_of(app, "ac"))).one()
        held.active = False
    assert send(both, "/account/school", page="/account", school=str(number)).status_code == 404
    assert send(both, "/account/school", page="/account", school=str(schools[1])).status_code == 404
    assert "Passer à" not in words(both.get("/admin/"))


def test_whoever_looks_as_somebody_else_stays_where_they_are(app, as_, schools):
    with rows(app) as session:
        user = session.scalars(select(User).where(User.username == "acc")).one()
        session.add(Membership(user_id=user.id, school_id=schools[1], role=Role.acc))
        user.current_school_id = schools[0]
    browser = as_("acc")
    signed = token(browser.get("/account").text)
    assert send(browser, f"/admin/user/see_as/?id={user_of(app, 'ec')}", page="/account", password="scolabri-demo-2026").status_code == 303
    assert "Passer à" not in words(browser.get("/admin/"))
    assert browser.post("/account/school", data={"csrf_token": signed, "school": str(schools[1])}).status_code == 403
    with rows(app) as session:
        assert session.get_one(User, user_of(app, "acc")).current_school_id == schools[0]


# --- buttons that lead nowhere ---------------------------------------------------------------------------------------------------


def buttons(browser, table, number):
    page = browser.get(f"/admin/{table}/details/?id={number}").text
    known = ("invite", "disable", "enable", "end_sessions", "see_as", "open_inspection", "close_inspection", "check", "abandon", "revoke", "print_letters")
    return {name for name in known if f'name="action" value="{name}"' in page}


def test_a_user_s_page_offers_what_fits_their_access_and_ones_own_role(app, as_):
    acc, ac = as_("acc"), as_("ac")
    assert buttons(acc, "user", user_of(app, "ec")) == {"invite", "disable", "end_sessions", "see_as"}
    assert buttons(acc, "user", user_of(app, "acc")) == set(), "nobody changes their own rights"
    assert buttons(ac, "user", user_of(app, "acc")) == set(), "nor those of somebody above"
    assert buttons(ac, "user", user_of(app, "amp")) == {"invite", "disable", "end_sessions"}
    with rows(app) as session:
        for held in session.scalars(select(Membership).where(Membership.user_id == user_of(app, "ec"))):
            held.active = False
    assert buttons(acc, "user", user_of(app, "ec")) == {"enable", "end_sessions"}


def test_an_inspection_is_offered_for_inspectors_only_and_closed_when_there_is_one(app, as_):
    with rows(app) as session:
        held = {name: session.scalars(select(Membership).where(Membership.user_id == user_of(app, name))).first().id for name in ("inspector", "amp")}
    head = as_("head")
    assert buttons(head, "membership", held["inspector"]) == {"open_inspection", "close_inspection"}
    assert buttons(head, "membership", held["amp"]) == set()
    with rows(app) as session:
        one = session.get_one(Membership, held["inspector"])
        one.open_from = one.open_until = None
    assert buttons(head, "membership", held["inspector"]) == {"open_inspection"}


# --- fewer clicks ----------------------------------------------------------------------------------------------------------------


def test_the_head_who_gives_one_role_only_finds_it_chosen(as_):
    page = as_("head").get("/admin/user/new/").text
    assert '<option selected value="inspector">' in page
    assert 'selected value="ec"' not in as_("acc").get("/admin/user/new/").text


def test_after_deleting_from_a_file_one_is_back_in_the_list_with_its_filters(app, as_, schools):
    from urllib.parse import quote

    with rows(app) as session:
        session.add(student := Student(school_id=schools[0], family_name="Seule", given_name="Zoé"))
        session.flush()
        number = student.id
    browser, here = as_("acc"), "/admin/student/?search=seule&page_size=20"
    file = f"/admin/student/details/?url={quote(here, safe='')}&id={number}"
    question = send(browser, "/admin/student/delete/", page="/account", id=number, url=file)
    assert "Revenir à la fiche" in words(question)
    assert send(browser, "/admin/student/delete/", page="/account", id=number, url=file, _asked="1").headers["Location"] == here
    assert send(browser, "/admin/student/delete/", page="/account", id=number, url=here).status_code == 404


def test_whoever_signs_in_comes_into_the_school_where_they_worked_last(app, as_, schools):
    first, second = names(app, schools)
    with rows(app) as session:
        session.add(Membership(user_id=user_of(app, "ec2"), school_id=schools[0], role=Role.amp))
    browser = as_("ec2")
    assert f"· {second}" in words(browser.get("/admin/")), "a role that another school gave since changes nothing"
    send(browser, "/account/school", page="/admin/", school=str(schools[0]))
    assert f"· {first}" in words(as_("ec2").get("/admin/"))
    with rows(app) as session:
        session.execute(update(Membership).where(Membership.school_id == schools[0], Membership.user_id == user_of(app, "ec2")).values(active=False))
    assert first not in words(as_("ec2").get("/admin/"))
