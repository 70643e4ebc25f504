"""The form of a student, and what follows it: two people at once, deleting, deactivating, joining a group."""

import re

import pytest
from conftest import rows
from hands import form_of, ids, one, scope_of, send, words
from sqlalchemy import func, select

from models.access import User
from models.journal import JournalEvent
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student, StudentStatus

NEW = "/admin/student/new/"


def test_a_student_is_added_in_sections_and_found_again(as_, app, schools):
    browser = as_("ac")
    level, room = (
        ids(app, select(Student.level_id).where(Student.school_id == schools[0]))[0],
        ids(app, select(Student.homeroom_id).where(Student.school_id == schools[0]))[0],
    )
    page = browser.get(NEW).text
    for legend in ("Identité", "Scolarité", "Coordonnées"):
        assert f"<legend>{legend}</legend>" in page
    answer = send(
        browser,
        NEW,
        page=NEW,
        family_name="Évrard",
        given_name="Maël",
        national_id="0619 002 114 k",
        level=level,
        homeroom=room,
        language="fr",
        born_on="2014-03-14",
    )
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.scalar(select(Student).where(Student.family_name == "Évrard"))
        assert (row.school_id, row.national_id, row.homeroom_id, row.status) == (schools[0], "0619002114K", room, StudentStatus.active)
        assert row.search_key.startswith("evrard mael")
    assert "Évrard, Maël" in browser.get("/admin/student/?search=evrard").text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("family_name", "", "obligatoire"),
        ("born_on", "2099-01-01", "avenir"),
        ("email", "pas une adresse", "adresse"),
        ("phone", "abc", "téléphone"),
        ("sex", "forged", "n’existe pas"),
        ("homeroom", "999999", "introuvable"),
        ("family_name", "x" * 201, "trop long"),
    ],
)
def test_an_invalid_form_is_422_says_why_and_keeps_what_was_typed(as_, app, field, value, told):
    before = one(app, select(func.count(Student.id)))
    fields = {"family_name": "Garde", "given_name": "Moi", "language": "fr", field: value}
    answer = send(as_("ac"), NEW, page=NEW, **fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="Moi"' in answer.text
    assert one(app, select(func.count(Student.id))) == before


def test_a_row_of_another_school_or_of_another_kind_in_a_form_is_not_found(as_, app, schools, a_student):
    foreign = ids(app, select(Group.id).where(Group.school_id == schools[1]))[0]
    guardian = ids(app, select(User.id).join(Guardian, Guardian.user_id == User.id).where(Guardian.school_id == schools[0]))[0]
    browser = as_("ac")
    fields = form_of(browser, f"/admin/student/edit/?id={a_student}")
    with rows(app) as session:
        session.add(club := Group(school_id=schools[0], name="Club", category=GroupCategory.other))
        session.flush()
        no_class = club.id
    for name, value in (("homeroom", foreign), ("homeroom", no_class), ("adviser", guardian)):
        answer = browser.post(f"/admin/student/edit/?id={a_student}", data={**fields, name: value})
        assert answer.status_code == 422, name
    with rows(app) as session:
        row = session.get(Student, a_student)
        assert row.homeroom_id not in (foreign, no_class)
        assert row.adviser_id != guardian


def test_26_columns_that_the_form_does_not_show_are_not_written(as_, app, schools, a_student):
    browser = as_("ac")
    fields = form_of(browser, f"/admin/student/edit/?id={a_student}")
    forged = {
        "school_id": schools[1],
        "user_id": 1,
        "status": "left",
        "search_key": "x",
        "version": 99,
        "id": 77,
        "created_at": "2000-01-01",
        "links": 1,
        "groups": 1,
        "students[1][x]": "y",
    }
    answer = browser.post(f"/admin/student/edit/?id={a_student}", data={**fields, "town": "Ailleurs", **forged})
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.get(Student, a_student)
        assert (row.town, row.school_id, row.status) == ("Ailleurs", schools[0], StudentStatus.active)
        assert row.search_key != "x"
        assert row.version < 99


def test_ec_keeps_the_profile_but_class_level_and_adviser_stay(as_, app):
    inside, _outside = scope_of(app, "ec")
    with rows(app) as session:
        before = session.execute(select(Student.level_id, Student.homeroom_id, Student.adviser_id).where(Student.id == inside[0])).one()
    browser = as_("ec")
    fields = form_of(browser, f"/admin/student/edit/?id={inside[0]}")
    assert not {"level", "homeroom", "adviser"} & set(fields)
    answer = browser.post(
        f"/admin/student/edit/?id={inside[0]}", data={**fields, "phone": "01 99 00 55 66", "level": "", "homeroom": "__None", "adviser": "__None"}
    )
    assert answer.status_code == 302
    with rows(app) as session:
        row = session.get(Student, inside[0])
        assert row.phone == "01 99 00 55 66"
        assert (row.level_id, row.homeroom_id, row.adviser_id) == tuple(before)


def test_r9_the_second_of_two_people_gets_both_values_and_overwrites_nothing(as_, app, a_student):
    first, second = as_("ac"), as_("acc")
    page = f"/admin/student/edit/?id={a_student}"
    early, late = form_of(first, page), form_of(second, page)
    assert first.post(page, data={**early, "town": "Première"}).status_code == 302
    answer = second.post(page, data={**late, "town": "Seconde"})
    assert answer.status_code == 409
    assert "Première" in answer.text
    assert "Seconde" in answer.text
    assert one(app, select(Student.town).where(Student.id == a_student))[0] == "Première"
    again = re.search(r'name="row_version"[^>]*value="([^"]+)"', answer.text)[1]
    assert second.post(page, data={**late, "town": "Seconde", "row_version": again}).status_code == 302
    assert one(app, select(Student.town).where(Student.id == a_student))[0] == "Seconde"


def test_a_forged_version_is_a_conflict_not_a_way_around(as_, app, a_student):
    browser = as_("ac")
    page = f"/admin/student/edit/?id={a_student}"
    fields = form_of(browser, page)
    assert browser.post(page, data={**fields, "town": "Forcée", "row_version": "forged"}).status_code == 409
    assert one(app, select(Student.town).where(Student.id == a_student))[0] != "Forcée"


def test_an_identifier_that_another_student_has_is_refused_without_sql(as_, app, schools, a_student):
    taken = one(app, select(Student.national_id).where(Student.school_id == schools[0], Student.national_id.is_not(None)))[0]
    answer = send(as_("ac"), NEW, page=NEW, family_name="Double", given_name="Un", language="fr", national_id=taken)
    assert answer.status_code == 422
    assert "UNIQUE" not in answer.text
    assert "INSERT" not in answer.text
    assert one(app, select(Student.id).where(Student.family_name == "Double")) is None


# --- deleting, deactivating


def test_a_student_with_records_is_deactivated_instead_of_deleted(as_, app, schools):
    with rows(app) as session:
        kept = session.scalar(select(GuardianLink.student_id).join(Guardian).where(GuardianLink.school_id == schools[0], Guardian.user_id.is_not(None)))
    browser = as_("ac")
    asked = send(browser, "/admin/student/delete/", page="/account", id=kept)
    assert asked.status_code == 200
    assert "Désactivez plutôt" in asked.text
    assert send(browser, "/admin/student/delete/", page="/account", id=kept, _asked="1").status_code == 409
    assert one(app, select(Student.id).where(Student.id == kept)) is not None


def test_a_student_without_records_goes_after_the_question(as_, app, schools):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="Erreur", given_name="Saisie")
        session.add(student)
        session.flush()
        number = student.id
    browser = as_("ac")
    assert "corbeille" in send(browser, "/admin/student/delete/", page="/account", id=number).text
    assert one(app, select(Student.id).where(Student.id == number)) is not None
    assert send(browser, "/admin/student/delete/", page="/account", id=number, _asked="1").status_code == 302
    assert one(app, select(Student.id).where(Student.id == number)) is None


def test_deactivate_and_reactivate_are_told_in_the_history(as_, app, a_student):
    browser = as_("ac")
    for verb, status in (("deactivate", StudentStatus.left), ("reactivate", StudentStatus.active)):
        assert send(browser, "/admin/student/action/", page="/account", action=verb, rowid=a_student).status_code == 303
        with rows(app) as session:
            row = session.get(Student, a_student)
            assert (row.status, row.left_on is None) == (status, status is StudentStatus.active)
            assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == verb, JournalEvent.row_id == a_student)) == 1
    again = send(browser, "/admin/student/action/", page="/account", action="reactivate", rowid=a_student)
    assert "déjà active" in browser.get(again.headers["Location"]).text


def test_the_menus_offer_what_the_row_can_take_in_words_for_one(as_, app, a_student):
    browser = as_("ac")
    listed = browser.get("/admin/student/").text
    closed = {frozenset(names.split()) for names in re.findall(r'data-no="([^"]*)"', listed)}
    assert closed == {frozenset({"reactivate", "remove_two_factor"}), frozenset({"reactivate", "remove_two_factor", "create_account"})}
    menu = re.search(r'<template id="row-menu">.*?</template>', listed, re.S)[0]
    for text in (menu, browser.get(f"/admin/student/details/?id={a_student}").text):
        assert ">Fusionner avec une autre fiche…</button>" in text
        assert ">Imprimer le certificat de scolarité</button>" in text
        assert ">Fusionner</button>" not in text
    with rows(app) as session:
        session.get(Student, a_student).deactivate()
    record = browser.get(f"/admin/student/details/?id={a_student}").text
    assert ">Réactiver</button>" in record
    assert ">Désactiver</button>" not in record
    left = set(re.findall(r'data-no="([^"]*)"', browser.get("/admin/student/?flt0_status.Is=left").text))
    assert [set(names.split()) for names in left] == [{"deactivate", "promote", "create_account", "print_access_cards", "remove_two_factor"}]


@pytest.mark.parametrize(
    ("who", "told"),
    [("ac", "Importez la liste de votre établissement"), ("amp", "Vous voyez ici celles qui vous concernent."), ("head", "Vous voyez ici celles")],
)
def test_an_empty_list_says_what_this_person_can_do(as_, app, who, told):
    with rows(app) as session:
        for student in session.scalars(select(Student).where(Student.status == StudentStatus.active)):
            student.deactivate()
    page = words(as_(who).get("/admin/student/"))
    assert "Aucun élève" in page
    assert told in page
    assert ("Importez la liste" in page) is (who == "ac")


def test_students_join_a_group_or_change_class_after_a_question(as_, app, schools):
    students = ids(app, select(Student.id).where(Student.school_id == schools[0]).limit(2))
    with rows(app) as session:
        other = session.scalar(select(Group).where(Group.school_id == schools[0], Group.name == "Chorale"))
        room = session.scalar(
            select(Group).where(Group.school_id == schools[0], Group.id != session.get(Student, students[0]).homeroom_id, Group.category == "klass")
        )
        foreign = session.scalar(select(Group.id).where(Group.school_id == schools[1]))
        choir, new_class = other.id, room.id
    browser = as_("ac")
    asked = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students)
    assert asked.status_code == 200
    assert "élèves choisis" in words(asked)
    refused = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students, _asked="1", group=foreign)
    assert refused.status_code == 422
    for group in (choir, new_class):
        done = send(browser, "/admin/student/action/", page="/account", action="add_to_group", rowid=students, _asked="1", group=group)
        assert done.status_code == 303
    with rows(app) as session:
        for number in students:
            row = session.get(Student, number)
            assert row.homeroom_id == new_class
            assert choir in [g.id for g in row.groups]
