"""Pairs that may be of one person: found whatever the spelling, in one school, set apart for good, counted on the home page."""

import datetime as dt

import pytest
from batches import As
from conftest import counted, rows
from hands import send, token, words
from sqlalchemy import func, insert, select

from models import duplicates
from models.duplicates import GuardiansApart, Reason, StudentsApart
from models.journal import JournalEvent
from models.names import name_key
from models.people import Guardian, GuardianLink, Student

BORN = dt.date(2014, 3, 14)


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


def two(session, first, second):
    """Two students of these names and birthdays."""
    made = [Student(family_name=family, given_name=given, born_on=born) for family, given, born in (first, second)]
    session.add_all(made)
    session.flush()
    return [row.id for row in made]


def found(session, model, *ids):
    """The pairs among these rows."""
    return [tuple(row) for row in session.execute(duplicates.pairs(model)) if set(row) <= set(ids)]


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (("Bénard", "Zoé", BORN), ("BENARD", "zoe", BORN), True),
        (("Le Goff", "Jean-Pierre", BORN), ("LE GOFF", "Jean Pierre", BORN), True),
        (("Zoé", "Bénard", BORN), ("Bénard", "Zoé", BORN), True),
        (("Œuvrard", "Inès", BORN), ("OEUVRARD", "Ines", None), True),
        (("D’Aubrac", "Noé", None), ("d'aubrac", "Noé", None), True),
        (("Bénard", "Zoé", BORN), ("Bénard", "Zoé", BORN.replace(year=2013)), False),
        (("Bénard", "Zoé", BORN), ("Bénard", "Noé", BORN), False),
        (("Bénard", "Zoé", BORN), ("Bernard", "Zoé", None), False),
    ],
)
def test_students_are_alike_by_names_and_birthday(acc, first, second, alike):
    with acc() as session:
        ids = two(session, first, second)
        assert found(session, Student, *ids) == ([tuple(ids)] if alike else [])
        if alike:
            a, b = (session.get(Student, i) for i in ids)
            assert duplicates.reason(a, b) is (Reason.birth if None not in (first[2], second[2]) else Reason.unknown_birth)


def test_a_third_record_without_a_birthday_makes_two_pairs_and_no_more(acc):
    with acc() as session:
        ids = two(session, ("Bénard", "Zoé", BORN), ("Bénard", "Zoé", BORN.replace(year=2013)))
        third = Student(family_name="Bénard", given_name="Zoé")
        session.add(third)
        session.flush()
        assert found(session, Student, *ids, third.id) == [(ids[0], third.id), (ids[1], third.id)]


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ({"phone_e164": "+33199001201"}, {"phone_e164": "+33199001201"}, Reason.phone),
        ({"email": "Helene@exemple.org"}, {"email": "helene@exemple.org"}, Reason.email),
        ({"phone_e164": "+33199001201"}, {"phone_e164": "+33199001202"}, None),
        ({}, {}, None),
    ],
)
def test_guardians_are_alike_by_names_and_a_way_to_reach_them(acc, mine, theirs, why):
    with acc() as session:
        made = [Guardian(family_name="Bénard", given_name=given, **way) for given, way in (("Hélène", mine), ("HELENE", theirs))]
        spouse = Guardian(family_name="Bénard", given_name="Paul", **mine)
        session.add_all([*made, spouse])
        session.flush()
        ids = [row.id for row in made]
        assert found(session, Guardian, *ids, spouse.id) == ([tuple(ids)] if why else [])
        if why:
            assert duplicates.reason(*made) is why


def test_guardians_of_one_child_with_one_name_are_alike(acc, a_student):
    with acc() as session:
        made = [Guardian(family_name="Bénard", given_name="Hélène") for _n in range(2)]
        session.add_all(GuardianLink(student_id=a_student, guardian=row) for row in made)
        session.flush()
        assert found(session, Guardian, *(row.id for row in made)) == [(made[0].id, made[1].id)]
        assert duplicates.reason(*made) is Reason.child


def test_the_key_of_a_name_follows_every_way_to_write_it(acc, schools):
    with acc() as session:
        student = Student(family_name="Bénard", given_name="Zoé")
        session.add(student)
        session.flush()
        assert student.name_key == "benard zoe"
        student.given_name = "Anne-Zoé"
        session.flush()
        assert student.name_key == "anne benard zoe"
        people = ({"family_name": "Œuvrard", "given_name": "Li"}, {"family_name": "Aubry", "given_name": ""})
        session.execute(insert(Guardian), [{**person, "school_id": schools[0]} for person in people])
        keys = session.scalars(select(Guardian.name_key).order_by(Guardian.id.desc()).limit(2)).all()
        assert keys == ["aubry", "li oeuvrard"]
    assert name_key("", "") == ""


def test_the_other_school_is_never_part_of_a_pair(acc, app, schools):
    with rows(app) as session:
        made = [Student(school_id=school, family_name="Bénard", given_name="Zoé", born_on=BORN) for school in schools]
        session.add_all(made)
        session.flush()
        ids = [row.id for row in made]
    with acc() as session:
        assert found(session, Student, *ids) == []


def test_a_pair_said_to_be_two_people_is_not_proposed_again_until_it_is_asked_for(acc):
    with acc("b1") as session:
        ids = two(session, ("Bénard", "Zoé", BORN), ("Bénard", "Zoé", BORN))
        first, second = (session.get(Student, i) for i in ids)
        duplicates.set_apart(session, second, first)
        duplicates.set_apart(session, first, second)
        assert found(session, Student, *ids) == []
        pair = session.scalars(select(StudentsApart)).one()
        assert (pair.first_id, pair.second_id) == tuple(ids)
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == "set_apart")) == 2
        with pytest.raises(duplicates.Refusal):
            duplicates.set_apart(session, first, first)
        duplicates.propose_again(session, pair)
        assert found(session, Student, *ids) == [tuple(ids)]


# --- in the browser --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def zoes(app, schools):
    """Two records of Zoé in the first school."""
    with rows(app) as session:
        made = [Student(school_id=schools[0], family_name=name, given_name="Zoé", born_on=BORN) for name in ("Bénard", "BENARD")]
        session.add_all(made)
        session.flush()
        return [row.id for row in made]


def test_the_page_shows_the_pair_with_the_reason_and_two_ways(as_, zoes):
    page = as_("ac").get("/admin/student/duplicates/")
    assert "Même date de naissance" in words(page)
    assert "14/03/2014" in words(page)
    assert f"/admin/student/merge/?id={zoes[0]}&amp;with={zoes[1]}" in page.text
    assert "Rien n’est fusionné tout seul" in words(page)


def test_two_people_leave_the_page_stand_behind_the_tab_and_come_back(as_, app, zoes):
    browser = as_("ac")
    answer = send(browser, "/admin/student/duplicates/apart/", page="/account", first=zoes[0], second=zoes[1])
    page = browser.get(answer.headers["Location"])
    assert "restent deux personnes" in words(page)
    assert f"with={zoes[1]}" not in page.text
    tab = browser.get("/admin/student/duplicates/?apart=1")
    assert "Proposer de nouveau" in words(tab)
    with rows(app) as session:
        pair = session.scalars(select(StudentsApart.id)).one()
    assert send(browser, "/admin/student/duplicates/again/", page="/account", id=pair).status_code == 303
    assert f"with={zoes[1]}" in browser.get("/admin/student/duplicates/").text
    assert send(browser, "/admin/student/duplicates/again/", page="/account", id=pair).status_code == 404
    itself = send(browser, "/admin/student/duplicates/apart/", page="/account", first=zoes[0], second=zoes[0])
    assert "deux fiches différentes" in words(browser.get(itself.headers["Location"]))


@pytest.mark.parametrize("form", [{"first": "x", "second": "1"}, {}])
def test_a_forged_pair_is_a_400(as_, form):
    assert send(as_("ac"), "/admin/student/duplicates/apart/", page="/account", **form).status_code == 400
    assert send(as_("ac"), "/admin/student/duplicates/again/", page="/account", **form).status_code == 400


def test_rows_of_another_school_are_not_there(as_, app, zoes):
    browser = as_("ac2")
    assert send(browser, "/admin/student/duplicates/apart/", page="/account", first=zoes[0], second=zoes[1]).status_code == 404
    with rows(app) as session:
        session.add(StudentsApart(school_id=session.get(Student, zoes[0]).school_id, first_id=zoes[0], second_id=zoes[1]))
        session.flush()
        pair = session.scalar(select(StudentsApart.id))
    assert send(browser, "/admin/student/duplicates/again/", page="/account", id=pair).status_code == 404
    assert f"with={zoes[1]}" not in browser.get("/admin/student/duplicates/").text


@pytest.mark.parametrize(("who", "status"), [("acc", 200), ("ac", 200), ("ec", 403), ("amp", 403), ("registrar", 403), ("head", 403), ("inspector", 403)])
def test_who_sees_the_pairs(as_, zoes, who, status):
    browser = as_(who)
    assert browser.get("/admin/student/duplicates/").status_code == status
    form = {"csrf_token": token(browser.get("/account").text), "first": zoes[0], "second": zoes[1]}
    assert browser.post("/admin/student/duplicates/apart/", data=form).status_code == (303 if status == 200 else 403)
    link = "Doublons possibles</a>" in browser.get("/admin/student/").text
    assert link == (status == 200)


def test_the_list_filters_its_possible_duplicates(as_, zoes):
    browser = as_("ac")
    page = browser.get("/admin/student/?flt0_doubles.Clause=1&search=benard&page_size=100").text
    assert page.count('name="rowid"') == 2
    without = browser.get("/admin/student/?flt0_doubles.Clause=0&search=benard&page_size=100").text
    assert not any(f'value="{i}"' in without for i in zoes)


def test_the_home_page_counts_them_with_a_button(as_, app, zoes):
    page = as_("ac").get("/admin/")
    assert "1 doublon possible parmi les élèves" in words(page)
    assert "/admin/student/duplicates/" in page.text
    assert "doublon" not in words(as_("amp").get("/admin/"))


def test_guardians_have_the_same_page(as_, app, schools):
    with rows(app) as session:
        made = [Guardian(school_id=schools[0], family_name="Bénard", given_name="Hélène", email="helene@exemple.org") for _n in range(2)]
        session.add_all(made)
        session.flush()
        ids = [row.id for row in made]
    browser = as_("ac")
    page = browser.get("/admin/guardian/duplicates/")
    assert "Même adresse électronique" in words(page)
    send(browser, "/admin/guardian/duplicates/apart/", page="/account", first=ids[1], second=ids[0])
    with rows(app) as session:
        assert session.execute(select(GuardiansApart.first_id, GuardiansApart.second_id)).all() == [tuple(ids)]


def test_the_page_asks_as_much_for_few_and_for_many_pairs_and_turns(as_, app, schools, zoes):
    browser = as_("ac")
    browser.get("/admin/student/duplicates/")
    with counted(app) as few:
        browser.get("/admin/student/duplicates/")
    with rows(app) as session:
        session.add_all(Student(school_id=schools[0], family_name=f"Foule {n // 2:03d}", given_name="Zoé", born_on=BORN) for n in range(100))
    with counted(app) as many:
        page = browser.get("/admin/student/duplicates/")
    assert page.text.count("Comparer<") == 20
    assert len(many) == len(few) <= 12
    assert browser.get("/admin/student/duplicates/?page=2").text.count("Comparer<") == 11
    assert browser.get("/admin/student/duplicates/?page=9").status_code == 404
