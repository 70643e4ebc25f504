"""Structures and nomenclature of SIECLE: classes, groups and programmes, by the site administrator alone."""

import pytest
import siecle_files as siecle
from conftest import rows
from import_desk import Desk
from sqlalchemy import select

from models.access import Membership, Role, User
from models.db import db
from models.imports import Import, ImportStatus
from models.people import Group, Student
from models.studies import Programme
from models.undo import undo

DIVISIONS, GROUPS = (("5 A", "Cinquième A"), ("5 B", "Cinquième B"), ("Inactifs", "")), (("LATIN", "Latin cinquième"),)


@pytest.fixture
def chief(app, empty):
    """The site administrator of the empty school."""
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == "acc"))
        session.add(Membership(user_id=user_id, school_id=empty, role=Role.acc))
    return Desk(app, empty, "acc")


def groups(app, desk):
    with rows(app) as session:
        found = session.scalars(select(Group).where(Group.school_id == desk.school_id).order_by(Group.name))
        return [(g.name, g.long_name, g.category.name) for g in found]


def test_divisions_become_classes_and_groups_become_groups_once(app, chief):
    file = ("Structures.xml", siecle.structures(DIVISIONS, GROUPS))
    key = chief.write(file)
    assert groups(app, chief) == [("5 A", "Cinquième A", "klass"), ("5 B", "Cinquième B", "klass"), ("LATIN", "Latin cinquième", "other")]
    assert chief.state(key)[2]["new_groups"] == 2
    assert chief.counts(chief.send(file)) == {"created": 0, "changed": 0, "unchanged": 3, "error": 0, "unsure": 0, "ignored": 1, "absent": 0}


def test_students_sent_with_the_structures_are_in_those_classes(app, chief):
    pupil = siecle.pupil(1, places=(("5A", "D"), ("LATIN", "G")))
    key = chief.send(("Structures.xml", siecle.structures(DIVISIONS, GROUPS)), ("e.xml", siecle.students(pupil)))
    assert chief.state(key)[1]["students_created"] == 1
    chief.do(key, "confirm")
    with rows(app) as session:
        zoe = session.scalars(select(Student).where(Student.school_id == chief.school_id)).one()
        assert (zoe.homeroom.name, [g.long_name for g in zoe.groups]) == ("5 A", ["Latin cinquième"])
    assert len(groups(app, chief)) == 3


def test_a_mef_becomes_a_programme_and_a_new_title_changes_it(app, chief):
    chief.write(("Nomenclature.xml", siecle.nomenclature(("10110001110", "5ème", "5G"), ("10210001110", "4ème", "4G"))))
    key = chief.write(("Nomenclature.xml", siecle.nomenclature(("10110001110", "Cinquième", "5G"))))
    assert chief.state(key)[2]["programmes_changed"] == 1
    with rows(app) as session:
        found = session.execute(select(Programme.code, Programme.title).where(Programme.school_id == chief.school_id).order_by(Programme.code)).all()
    assert [tuple(row) for row in found] == [("10110001110", "Cinquième"), ("10210001110", "4ème")]


def test_a_group_with_the_name_of_a_class_is_an_error_and_can_be_renamed(app, chief):
    chief.write(("s.xml", siecle.structures((("5A", ""),))))
    key = chief.send(("s.xml", siecle.structures((), (("5 A", "Latin"),))))
    assert chief.notes(key) == {1: [("name", "5 A", "“5A” is already a class.", "Rename the class or the group.")]}
    chief.fix(key, 1, {"name": "LATIN A"}, kind="groups")
    chief.do(key, "confirm")
    assert [name for name, _long, _category in groups(app, chief)] == ["5A", "LATIN A"]


def test_structures_are_undone_as_any_import_is(app, chief):
    key = chief.write(("s.xml", siecle.structures(DIVISIONS, GROUPS)), ("n.xml", siecle.nomenclature(("10110001110", "5ème", "5G"))))
    with app.app_context(), chief.acting():
        undo(db.session, db.session.get_one(Import, key).batch)
        db.session.commit()
    assert groups(app, chief) == []
    with rows(app) as session:
        assert session.scalars(select(Programme).where(Programme.school_id == chief.school_id)).all() == []


def test_structures_are_refused_to_whoever_is_not_the_site_administrator(desk):
    key = desk.send(("s.xml", siecle.structures(DIVISIONS)))
    status, _counts, _written, problem = desk.state(key)
    assert (status, problem["code"]) == (ImportStatus.failed, "right_import_structures")


def test_a_right_withdrawn_after_the_check_stops_the_write(app, chief):
    key = chief.send(("s.xml", siecle.structures(DIVISIONS)))
    with rows(app) as session:
        held = session.scalars(select(Membership).where(Membership.user_id == chief.user_id, Membership.school_id == chief.school_id)).one()
        held.role = Role.ac
    chief.do(key, "confirm")
    assert groups(app, chief) == []


def test_two_files_of_one_kind_and_students_with_staff_are_refused(chief):
    twice = chief.send(("a.xml", siecle.students(siecle.pupil(1))), ("b.xml", siecle.students(siecle.pupil(2))))
    assert chief.state(twice)[3]["code"] == "two_of_a_kind"
