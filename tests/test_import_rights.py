"""An import does to students what whoever sends it may do to them one by one; the other lines are left out, and say so."""

import pytest
from conftest import rows
from hands import words
from import_desk import Desk, table
from import_people import STUDENTS
from sqlalchemy import select

from jobs.runner import run_pending
from models.access import Role, User
from models.base import Refusal
from models.db import db
from models.imports import Import, ImportStatus
from models.people import Student, StudentStatus
from models.right_override import RightOverride
from models.work import Job

ASK = "Ask the site administrator."


@pytest.fixture
def without(app, empty):
    """`without("create")`: the school withdraws that right on students from its administrators."""

    def withdraw(verb):
        with rows(app) as session:
            session.add(RightOverride(school_id=empty, role=Role.ac, table="student", verb=verb, granted=False))

    return withdraw


def test_students_are_not_created_by_whoever_may_not_create_them(desk, without):
    desk.write(table(STUDENTS[:1]))
    without("create")
    key = desk.send(table([{**STUDENTS[0], "ville": "Brumes"}, *STUDENTS[1:]]))
    found = desk.counts(key)
    assert (found["created"], found["changed"], found["ignored"]) == (0, 1, len(STUDENTS) - 1)
    assert desk.notes(key, "doubts")[3] == [("", "", "Your role does not allow you to create students: the line is left out.", ASK)]
    desk.do(key, "confirm")
    assert [person[9] for person in desk.people()] == ["Brumes"]


def test_students_are_not_changed_by_whoever_may_not_change_them(desk, without):
    desk.write(table(STUDENTS[:2]))
    before = desk.people()
    without("edit")
    key = desk.send(table([{**STUDENTS[0], "ville": "Brumes", "classe": "3e Nouvelle"}, STUDENTS[1], {**STUDENTS[2], "classe": STUDENTS[0]["classe"]}]))
    found = desk.counts(key)
    assert (found["created"], found["changed"], found["unchanged"], found["ignored"]) == (1, 0, 1, 1)
    assert desk.notes(key, "doubts")[2] == [("", "", "Your role does not allow you to change students: the line is left out.", ASK)]
    assert desk.state(key)[1]["new_groups"] == 0
    desk.do(key, "confirm")
    assert [person for person in desk.people() if person in before] == before


def test_a_leaving_date_and_a_return_need_the_rights_of_their_buttons(app, desk, without):
    headings = [*STUDENTS[0], "date_sortie"]
    desk.write(table(STUDENTS[:2]))
    with rows(app) as session:
        one = session.scalars(select(Student).where(Student.school_id == desk.school_id).order_by(Student.id)).all()[1]
        one.status = StudentStatus.left
    without("deactivate")
    without("reactivate")
    key = desk.send(table([{**STUDENTS[0], "date_sortie": "01/09/2020"}, STUDENTS[1]], headings))
    assert (desk.counts(key)["changed"], desk.counts(key)["unchanged"], desk.state(key)[1]["leaving"]) == (0, 2, 0)
    told = desk.notes(key, "doubts")
    assert told[2][0][2] == "Your role does not allow you to deactivate students: the leaving date is left out."
    assert told[3][0][2] == "Has left. Your role does not allow you to reactivate students: they stay as they are."


def test_absent_students_leave_only_with_the_right_to_deactivate(app, desk, as_, without):
    desk.write(table(STUDENTS[:2]))
    without("deactivate")
    key = desk.send(table([{**STUDENTS[0], "ville": "Brumes"}]))
    assert desk.counts(key)["absent"] == 1
    with pytest.raises(Refusal, match="Untick it"):
        desk.do(key, "confirm", deactivate=True, typed="1")
    desk.do(key, "confirm")
    assert {person[12] for person in desk.people()} == {"active"}


def test_a_right_that_is_withdrawn_before_the_write_stops_it_whole(app, desk, without):
    desk.write(table(STUDENTS[:2]))
    key = desk.send(table([{**STUDENTS[0], "ville": "Brumes"}]))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm(deactivate=True, typed="1")
        db.session.commit()
    without("deactivate")
    run_pending(app)
    assert {(person[9], person[12]) for person in desk.people()} == {(STUDENTS[0].get("ville", ""), "active"), (STUDENTS[1].get("ville", ""), "active")}
    with rows(app) as session:
        one = session.get_one(Import, key)
        assert one.stuck
        assert "ne permet plus" in session.get_one(Job, one.job_id).error


def test_lines_that_were_to_be_created_are_checked_again_when_the_right_is_withdrawn(app, desk, without):
    key = desk.send(table(STUDENTS))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm()
        db.session.commit()
    without("create")
    run_pending(app)
    assert desk.people() == []
    status, counts, _written, problem = desk.state(key)
    assert (status, counts["created"], problem["code"]) == (ImportStatus.checked, 0, "changed_since")


def test_a_registrar_sees_no_tick_to_deactivate(app, empty, as_):
    Desk(app, empty, "ac").write(table(STUDENTS[:2]))
    registrar = Desk(app, empty, "registrar")
    key = registrar.send(table([{**STUDENTS[0], "ville": "Brumes"}]))
    with rows(app) as session:
        session.get_one(User, registrar.user_id).current_school_id = empty
    browser = as_("registrar")
    page = browser.get(f"/admin/import_/confirm/?id={key}").text
    assert 'name="deactivate"' not in page
    assert "Ils restent tels quels" in words(browser.get(f"/admin/import_/confirm/?id={key}"))
