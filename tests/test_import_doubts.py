"""Lines that may be somebody known, or the same person twice: asked about, never merged by a guess; the answers hold for the import."""

import datetime as dt

import pytest
from conftest import counted, rows
from hands import words as said
from import_desk import table
from import_people import HEADINGS, STUDENTS
from sqlalchemy import func, select
from test_import_pages import Hands

from jobs.import_doubts import near_dates, near_names
from jobs.runner import run_pending
from models.base import Refusal
from models.imports import Busy
from models.people import Guardian, Student

LEA = {"nom": "Marchand", "prenom": "Léa", "sexe": "F", "date_naissance": "01/02/2013", "ville": "Valmont"}
OTHER_DAY = {**LEA, "date_naissance": "11/02/2013"}


@pytest.fixture
def school(desk):
    """A school that knows Léa Marchand."""
    desk.write(table([LEA]))
    return desk


def lea(desk):
    with rows(desk.app) as session:
        return f"s{session.scalar(select(Student.id).where(Student.school_id == desk.school_id, Student.given_name == 'Léa'))}"


LINES = {
    "another date of birth": (OTHER_DAY, "same_names"),
    "no date of birth": ({**LEA, "date_naissance": ""}, "same_names_unborn"),
    "nearly the same name": ({**LEA, "nom": "Marchant"}, "near_name"),
    "names in the other order": ({**LEA, "nom": "Léa", "prenom": "Marchand"}, "near_name"),
    "one given name more": ({**LEA, "prenom": "Léa Rose"}, "near_name"),
}


@pytest.mark.parametrize(("line", "why"), LINES.values(), ids=LINES)
def test_a_line_that_may_be_somebody_known_is_held_and_asked_about(school, line, why):
    key = school.send(table([line]))
    assert school.questions(key) == {2: [(why, [lea(school)])]}
    counts = school.counts(key)
    assert (counts["unsure"], counts["created"], counts["absent"]) == (1, 0, 0)
    with pytest.raises(Refusal):
        school.do(key, "confirm")


STRANGERS = {
    "another sex": {**LEA, "prenom": "Léo", "sexe": "M"},
    "a twin": {**LEA, "prenom": "Lou"},
    "another family": {**LEA, "nom": "Nguyen"},
}


@pytest.mark.parametrize("line", STRANGERS.values(), ids=STRANGERS)
def test_nobody_is_asked_about_a_stranger(school, line):
    key = school.send(table([LEA, line]))
    assert school.questions(key) == {}
    assert school.counts(key)["created"] == 1


def test_two_different_identifiers_are_two_people(desk):
    desk.write(table([{**LEA, "ine": "070832327JA"}]))
    key = desk.send(table([{**OTHER_DAY, "ine": "060446577EA"}]))
    assert desk.questions(key) == {}


def test_whoever_another_line_is_for_certain_is_no_candidate(school):
    key = school.send(table([LEA, OTHER_DAY]))
    assert {why for found in school.questions(key).values() for why, _refs in found} <= {"near_date"}


def test_the_same_person_is_changed_not_created(school):
    key = school.send(table([{**OTHER_DAY, "ville": "Ailleurs"}]))
    school.do(key, "decide", 2, "2", lea(school))
    assert school.counts(key)["changed"] == 1
    school.do(key, "check")
    assert school.questions(key) == {}
    school.do(key, "confirm")
    assert [(p[3], p[9]) for p in school.people()] == [("2013-02-11", "Ailleurs")]


def test_somebody_else_is_created_and_no_longer_asked_about(school):
    key = school.send(table([OTHER_DAY]))
    school.do(key, "decide", 2, "2", "")
    school.do(key, "check")
    assert school.questions(key) == {}
    school.do(key, "confirm", deactivate=False)
    assert len(school.people()) == 2


def test_a_candidate_who_comes_later_is_asked_about_again(app, school):
    key = school.send(table([OTHER_DAY]))
    school.do(key, "decide", 2, "2", "")
    with rows(app) as session:
        session.add(Student(school_id=school.school_id, family_name="Marchand", given_name="Léa", born_on=dt.date(2012, 1, 1)))
    school.do(key, "check")
    assert len(school.questions(key)[2][0][1]) == 1


def test_an_answer_is_taken_back(school):
    key = school.send(table([OTHER_DAY]))
    school.do(key, "decide", 2, "2", lea(school))
    school.do(key, "reconsider", "2")
    assert school.counts(key)["unsure"] == 1


def test_the_second_of_two_answers_is_told(school):
    key = school.send(table([OTHER_DAY]))
    with school.app.app_context(), school.acting():
        from models.db import db
        from models.imports import Import

        one = db.session.get_one(Import, key)
        one.decide(2, "2", lea(school))
        one.decide(2, "2", lea(school))  # the same answer says nothing new
        with pytest.raises(Busy):
            one.decide(2, "2", "")
        db.session.commit()
    run_pending(school.app)


@pytest.mark.parametrize("verdict", ["s999999", "g1", "out:2", "out:9", "l2"])
def test_an_answer_that_was_not_offered_is_refused(school, verdict):
    key = school.send(table([OTHER_DAY]))
    with pytest.raises(Refusal):
        school.do(key, "decide", 2, "2", verdict)
    with pytest.raises(Refusal):
        school.do(key, "decide", 3, "3", "")


def test_several_of_the_same_name_and_day_are_told_apart_by_somebody(desk):
    one = {**LEA, "ine": "070832327JA"}
    desk.write(table([one, {**one, "ine": "060446577EA"}]))
    key = desk.send(table([{**LEA, "ville": "Ailleurs"}]))
    [(why, refs)] = desk.questions(key)[2]
    assert (why, len(refs)) == ("several", 2)
    desk.do(key, "decide", 2, "2", refs[1])
    desk.do(key, "confirm")
    assert [p[9] for p in desk.people() if p[4] == "060446577EA"] == ["Ailleurs"]


def test_another_identifier_for_the_same_name_and_day_is_created_unless_somebody_says_otherwise(desk):
    desk.write(table([{**LEA, "ine": "070832327JA"}]))
    key = desk.send(table([{**LEA, "ine": "060446577EA"}]))
    assert desk.counts(key)["created"] == 1
    [(why, refs)] = desk.questions(key)[2]
    assert why == "other_id"
    desk.do(key, "decide", 2, "2", refs[0])
    desk.do(key, "confirm")
    assert [p[4] for p in desk.people()] == ["060446577EA"]


def test_the_same_identifier_with_another_day_is_asked_about_and_stays_wrong_for_somebody_else(desk):
    desk.write(table([{**LEA, "ine": "070832327JA"}]))
    key = desk.send(table([{**OTHER_DAY, "ine": "070832327JA"}]))
    [(why, _refs)] = desk.questions(key)[2]
    assert why == "same_id"
    desk.do(key, "decide", 2, "2", "")
    assert [n["code"] for n in desk.row(key, 2).problems] == ["id_taken"]


PAIRS = {
    "twice the same identifier": ([{**LEA, "ine": "070832327JA"}, {**LEA, "ine": "070832327JA"}], "row_twice"),
    "twice without identifier": ([LEA, LEA], "twin_name"),
    "nearly the same name": ([LEA, {**LEA, "nom": "Marchant"}], "near_name"),
    "nearly the same day": ([LEA, {**LEA, "date_naissance": "02/01/2013"}], "near_date"),
}


@pytest.mark.parametrize(("lines", "why"), PAIRS.values(), ids=PAIRS)
def test_two_lines_that_may_be_one_person_are_asked_about(desk, lines, why):
    key = desk.send(table(lines))
    assert desk.questions(key) == {3: [(why, ["l2"])]}
    assert desk.statuses(key) == {2: "created", 3: "unsure"}
    desk.do(key, "decide", 3, "3~2", "out:2")
    assert desk.statuses(key) == {2: "ignored", 3: "created"}


def test_two_lines_are_two_people_when_somebody_says_so_but_not_with_one_identifier(desk):
    key = desk.send(table([LEA, LEA]))
    desk.do(key, "decide", 3, "3~2", "")
    assert desk.counts(key)["created"] == 2
    desk.do(key, "abandon")
    key = desk.send(table(PAIRS["twice the same identifier"][0]))
    with pytest.raises(Refusal):
        desk.do(key, "decide", 3, "3~2", "")


def test_a_guardian_of_the_same_name_with_another_phone_is_two_until_somebody_says_otherwise(app, desk):
    paul = {"responsable1_nom": "Marchand", "responsable1_prenom": "Paul", "responsable1_lien": "père"}
    desk.write(table([{**LEA, **paul, "responsable1_telephone": "06 39 98 00 01"}]))
    rose = {**LEA, "prenom": "Rose", "date_naissance": "05/06/2015", **paul, "responsable1_telephone": "06 39 98 00 02"}
    key = desk.send(table([rose]))
    assert desk.counts(key)["created"] == 1
    [(why, refs)] = desk.questions(key)[2]
    assert (why, refs[0][0]) == ("namesake", "g")
    desk.do(key, "decide", 2, "2.g1", refs[0])
    desk.do(key, "confirm")
    with rows(app) as session:
        assert session.scalars(select(Guardian.phone).where(Guardian.school_id == desk.school_id)).all() == ["06 39 98 00 02"]


def test_namesakes_of_one_file_can_be_one_guardian(app, desk):
    paul = {"responsable1_nom": "Marchand", "responsable1_prenom": "Paul"}
    rose = {**LEA, "prenom": "Rose", "date_naissance": "05/06/2015"}
    lines = [{**LEA, **paul, "responsable1_telephone": "06 39 98 00 01"}, {**rose, **paul, "responsable1_telephone": "06 39 98 00 02"}]
    key = desk.send(table(lines))
    assert desk.questions(key) == {3: [("namesake", ["p2.1"])]}
    desk.do(key, "decide", 3, "3.g1", "p2.1")
    desk.do(key, "confirm")
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(Guardian).where(Guardian.school_id == desk.school_id)) == 1


def test_two_emails_tell_two_guardians_apart(desk):
    paul = {"responsable1_nom": "Marchand", "responsable1_prenom": "Paul"}
    rose = {**LEA, "prenom": "Rose", "date_naissance": "05/06/2015"}
    key = desk.send(table([{**LEA, **paul, "responsable1_courriel": "a@exemple.org"}, {**rose, **paul, "responsable1_courriel": "b@exemple.org"}]))
    assert desk.questions(key) == {}


@pytest.mark.parametrize(
    ("one", "two", "near"),
    [
        (("benard", "zoe"), ("bernard", "zoe"), True),
        (("benard", "zoe"), ("zoe", "benard"), True),
        (("benard", "jean"), ("benard", "jean luc"), True),
        (("benard", "lea"), ("benard", "leo"), False),
        (("benard", "zoe"), ("benard", "zoe"), False),
        (("benard", "zoe"), ("bernard", "zoee"), False),
        (("benard", "al"), ("benard", "ali"), False),
    ],
)
def test_names_are_near_when_one_of_both_is_a_slip_of_the_hand(one, two, near):
    assert near_names(one, two) is near


@pytest.mark.parametrize(("two", "near"), [((2013, 2, 1), True), ((2013, 1, 12), True), ((2014, 1, 2), True), ((2014, 3, 2), False), ((2013, 1, 2), False)])
def test_dates_are_near_when_one_part_differs_or_day_and_month_changed_places(two, near):
    assert near_dates(dt.date(2013, 1, 2), dt.date(*two)) is near


# -- on the page


def test_both_records_are_shown_side_by_side_with_what_differs_and_answered(app, as_, schools):
    with rows(app) as session:
        known = session.scalars(select(Student).where(Student.school_id == schools[0], Student.born_on.is_not(None)).order_by(Student.id).limit(1)).one()
        line = {"nom": known.family_name, "prenom": known.given_name, "date_naissance": "01/01/2008", "ville": "Ailleurs"}
        name, number = known.name, known.id
    hands = Hands(app, as_("ac"))
    url = hands.check(table([line]))
    page = hands.read(url, tab="unsure")
    text = said(page)
    assert "À décider 1" in text
    assert "Les noms de quelqu’un de l’établissement, avec une autre date de naissance." in text
    assert f'<a href="/admin/student/details/?id={number}">{name}</a>' in page.text
    assert "Naissance (différent)" in text
    assert "C’est la même personne" in text
    assert "C’est quelqu’un d’autre" in text
    decide = url.replace("details", "decide")
    assert hands.post(decide, key="2", verdict=f"s{number}").status_code == 303
    assert "Rien à décider ici" in said(hands.read(url, tab="unsure"))  # at once, before the check has ended
    run_pending(app)
    text = said(hands.read(url, tab="unsure"))
    assert f"Ligne 2. La même personne que {name}." in text
    hands.post(decide, key="2", back="1")
    run_pending(app)
    assert "À décider 1" in said(hands.browser.get(url))


def test_the_lines_to_decide_are_told_as_not_written(app, as_):
    hands = Hands(app, as_("ac"))
    url = hands.check(table([LEA, LEA, *STUDENTS], HEADINGS))
    assert "1 ligne à décider, non écrite." in said(hands.browser.get(url))
    assert "Continuer avec 6 lignes" in said(hands.browser.get(url))


def test_an_odd_answer_is_refused_and_a_head_answers_nothing(app, as_):
    hands = Hands(app, as_("ac"))
    url = hands.check(table([LEA, LEA]))
    decide = url.replace("details", "decide")
    assert hands.post(decide, key="x", verdict="").status_code == 400
    assert hands.post(decide, key="3~2", verdict="s1").status_code == 422
    head = Hands(app, as_("head"))
    assert head.post(decide, key="3~2", verdict="").status_code == 403
    text = said(head.read(url, tab="unsure"))
    assert "Ligne 3" in text
    assert "C’est la même personne" not in text


@pytest.mark.parametrize("tab", ["unsure", "error", "created"])
def test_a_page_asks_as_much_for_three_hundred_lines_as_for_thirty(app, as_, schools, tab):
    hands = Hands(app, as_("ac"))
    with rows(app) as session:
        names = session.execute(select(Student.family_name, Student.given_name).where(Student.school_id == schools[0]).limit(15)).all()
    asked = []
    for count in (2, 20):
        known = [{"nom": family, "prenom": given, "date_naissance": f"0{n % 9 + 1}/01/2001"} for n in range(count) for family, given in names]
        wrong = [{**line, "sexe": "?", "classe": "6e Bleu"} for line in known]
        url = hands.check(table([*known, *wrong, LEA]))
        with counted(app) as seen:
            assert hands.read(url, tab=tab).status_code == 200
        asked.append(len(seen))
        hands.post("/admin/import_/action/", action="abandon", rowid=url.rpartition("=")[2], _asked="1")
    assert asked[0] == asked[1] <= 18, asked
