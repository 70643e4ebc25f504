"""What the school corrected by hand since the last import keeps its value, is told, and is overwritten only when somebody wants it."""

import pytest
from conftest import rows
from hands import words as said
from import_desk import table
from import_people import STUDENTS
from sqlalchemy import select
from test_import_pages import Hands

from jobs.runner import run_pending
from models.db import db
from models.imports import Import
from models.people import Group, Guardian, GuardianLink, Relation, Student, StudentStatus
from models.undo import undo

MOVED = [{**STUDENTS[0], "ville": "Chênebourg", "adresse": "18, allée du Moulin"}, *STUDENTS[1:]]


def edit(desk, model, name, **values):
    """Somebody of the school corrects a record by hand."""
    with desk.app.app_context(), desk.acting():
        row = db.session.scalars(select(model).where(model.given_name == name)).one()
        for key, value in values.items():
            setattr(row, key, value)
        db.session.commit()


@pytest.fixture
def school(desk):
    """A school that imported its students, then corrected the town of one."""
    desk.write(table(STUDENTS))
    edit(desk, Student, "Zoé", town="Montclair")
    return desk


def kept(desk, key):
    with rows(desk.app) as session:
        return session.get_one(Import, key).counts["kept"]


def town(desk):
    return next(p[9] for p in desk.people() if p[1] == "Zoé")


def test_a_corrected_value_is_kept_and_the_others_are_written(school):
    key = school.send(table(MOVED))
    assert kept(school, key) == 1
    assert [(d["field"], d.get("kept", False)) for d in school.row(key, 2).diff] == [("address1", False), ("town", True)]
    school.do(key, "confirm")
    zoe = next(p for p in school.people() if p[1] == "Zoé")
    assert (zoe[7], zoe[9]) == ("18, allée du Moulin", "Montclair")


def test_it_is_overwritten_when_somebody_wants_it(school):
    key = school.send(table(MOVED))
    school.do(key, "keep", edits=False)
    assert kept(school, key) == 0
    school.do(key, "confirm")
    assert town(school) == "Chênebourg"


def test_only_what_was_corrected_since_the_last_import_counts(school):
    school.write(table([*STUDENTS[:1], {**STUDENTS[1], "ville": "Ailleurs"}]))
    key = school.send(table(MOVED))
    assert kept(school, key) == 0


def test_a_value_that_is_back_to_what_it_was_is_no_correction(school):
    edit(school, Student, "Zoé", town="Valmont")
    assert kept(school, school.send(table(MOVED))) == 0


def test_what_an_undo_put_back_is_no_correction(desk):
    desk.write(table(STUDENTS))
    key = desk.write(table(MOVED))
    with desk.app.app_context(), desk.acting():
        undo(db.session, db.session.get_one(Import, key).batch)
        db.session.commit()
    assert town(desk) == "Valmont"
    again = desk.send(table(MOVED))
    assert kept(desk, again) == 0
    assert desk.counts(again)["changed"] == 1


def test_a_line_that_only_says_what_was_corrected_changes_nothing_and_is_told(school):
    key = school.send(table(STUDENTS))
    assert school.counts(key)["unchanged"] == len(STUDENTS)
    assert kept(school, key) == 1


def test_a_class_a_status_a_guardian_and_a_tie_are_kept_too(app, desk):
    desk.write(table(STUDENTS))
    with app.app_context(), desk.acting():
        eva = db.session.scalars(select(Student).where(Student.given_name == "Éva")).one()
        eva.homeroom = db.session.scalars(select(Group).where(Group.name == "4e Verte")).one()
        db.session.scalars(select(Student).where(Student.given_name == "Lou")).one().deactivate()
        helene = db.session.scalars(select(Guardian).where(Guardian.given_name == "Hélène")).one()
        helene.phone, helene.phone_e164 = "06 39 98 88 88", "+33639988888"
        tie = db.session.scalars(select(GuardianLink).where(GuardianLink.guardian_id == helene.id, GuardianLink.student_id == eva.id)).one()
        tie.relation = Relation.tutor
        db.session.commit()
    key = desk.send(table(STUDENTS))
    assert desk.counts(key)["changed"] == 0
    with rows(app) as session:
        from models.imports import ImportRow

        diffs = [(row.line, d["field"]) for row in session.scalars(select(ImportRow).where(ImportRow.import_id == key)) for d in row.diff]
    assert sorted(diffs) == [(2, "g1.phone"), (3, "g1.relation"), (3, "homeroom"), (6, "status")]
    with rows(app) as session:
        lou = session.scalars(select(Student).where(Student.school_id == desk.school_id, Student.given_name == "Lou")).one()
        assert lou.status is StudentStatus.left


def test_the_page_tells_what_is_kept_and_lets_somebody_choose(app, as_, schools):
    hands = Hands(app, as_("ac"))
    first = hands.check(table(STUDENTS))
    hands.post(first.replace("details", "confirm"))
    run_pending(app)
    with rows(app) as session:
        session.scalars(select(Student).where(Student.school_id == schools[0], Student.national_id == "060375611AC")).one().town = "Montclair"
    url = hands.check(table(MOVED))
    page = hands.read(url, tab="changed")
    text = said(page)
    assert "1 valeur que l’établissement a corrigée est gardée." in text
    assert "Ne pas écraser ce que l’établissement a corrigé" in text
    assert "Montclair gardé ; le fichier dit : Chênebourg" in text
    assert hands.post(url.replace("details", "keep")).status_code == 303
    run_pending(app)
    assert "<del>Montclair</del> <ins>Chênebourg</ins>" in hands.read(url, tab="changed").text
