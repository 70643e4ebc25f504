"""Somebody with two roles has the union of what they allow, each verb as far as its own role reaches (rights.md, rule 2)."""

import csv
import io

import pytest
from conftest import rows
from hands import form_of, one, scope_of, send
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.access import Membership, Role, User
from models.activation import ActivationCode
from models.actors import staff_in
from models.db import db
from models.people import Group, Student
from models.scope import acting
from models.work import Job, JobKind, JobState


@pytest.fixture
def teacher(as_, app, schools):
    """A browser of the teacher, who is other staff as well: reading reaches the school, the verbs of teachers do not."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ec"))
        session.add(Membership(user=user, school_id=schools[0], role=Role.amp))
    return as_("ec")


def test_the_other_role_opens_every_student_to_read_and_none_more_to_write(teacher, app):
    inside, outside = scope_of(app, "ec")
    assert teacher.get(f"/admin/student/details/?id={outside[0]}").status_code == 200
    assert teacher.get(f"/admin/student/edit/?id={outside[0]}").status_code == 403
    fields = form_of(teacher, f"/admin/student/edit/?id={inside[0]}")
    answer = send(teacher, f"/admin/student/edit/?id={outside[0]}", page="/account", **{**fields, "family_name": "Autre"})
    assert answer.status_code == 403
    assert one(app, select(Student.family_name).where(Student.id == outside[0]))[0] != "Autre"
    fields["town"] = "Ailleurs"
    assert send(teacher, f"/admin/student/edit/?id={inside[0]}", page="/account", **fields).status_code == 302
    assert one(app, select(Student.town).where(Student.id == inside[0]))[0] == "Ailleurs"


def test_a_verb_on_a_student_beyond_its_reach_is_403_for_all_of_them(teacher, app):
    inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        group = session.scalar(select(Group.id).join(User, User.id == Group.owner_id).where(User.username == "ec"))
    before = one(app, select(func.count(Student.id)).where(Student.homeroom_id == group))
    chosen = {"action": "add_to_group", "rowid": [inside[0], outside[0]], "_asked": "1", "group": group}
    assert send(teacher, "/admin/student/action/", page="/account", **chosen).status_code == 403
    assert one(app, select(func.count(Student.id)).where(Student.homeroom_id == group)) == before


def test_a_verb_on_all_that_match_takes_those_that_it_reaches(teacher, app):
    inside, _outside = scope_of(app, "ec")
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ec"))
        group = Group(name="Essai", school_id=session.get(Student, inside[0]).school_id, owner=user)
        session.add(group)
        session.flush()
        number = group.id
    chosen = {"action": "add_to_group", "all": "1", "_asked": "1", "group": number}
    assert send(teacher, "/admin/student/action/?flt0_status.Is=all", page="/account", **chosen).status_code == 303
    with rows(app) as session:
        assert {s.id for s in session.get(Group, number).members} == set(inside)


def test_codes_and_groups_of_others_are_read_and_left_alone(teacher, app):
    inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        code = session.scalar(select(ActivationCode.id).where(ActivationCode.student_id.in_(outside), ActivationCode.used_at.is_(None)).limit(1))
        school = session.get(Student, outside[0]).school_id
        group = Group(name="À la direction", school_id=school, owner=session.scalar(select(User).where(User.username == "head")))
        session.add(group)
        session.flush()
        number = group.id
    assert send(teacher, "/admin/activation_code/action/", page="/account", action="revoke", rowid=code, _asked="1").status_code == 403
    assert one(app, select(ActivationCode.revoked_at).where(ActivationCode.id == code))[0] is None
    assert teacher.get(f"/admin/group/details/?id={number}").status_code == 200
    assert teacher.get(f"/admin/group/edit/?id={number}").status_code == 403
    assert send(teacher, "/admin/group/add/", page="/account", id=number, students=inside[0]).status_code == 403


def test_nobody_brings_a_student_into_their_own_group_to_follow_them(teacher, app):
    """Members of the own groups are within the teacher's reach: whom the teacher does not follow cannot be made one."""
    _inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        group = session.scalar(select(Group.id).join(User, User.id == Group.owner_id).where(User.username == "ec"))
    assert send(teacher, "/admin/group/add/", page="/account", id=group, students=outside[0]).status_code == 403
    assert outside[0] in scope_of(app, "ec")[1]


def test_an_export_holds_the_students_of_the_role_that_exports(as_, app, schools):
    inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        teacher = session.scalar(select(User).where(User.username == "ec"))
        window = session.scalar(select(Membership).where(Membership.school_id == schools[0], Membership.role == Role.inspector))
        session.add(Membership(user=teacher, school_id=schools[0], role=Role.inspector, open_from=window.open_from, open_until=window.open_until))
    browser = as_("ec")
    assert outside
    text = browser.get("/admin/student/export/csv/?flt0_status.Is=all").get_data(as_text=True).lstrip("\ufeff")
    assert len(list(csv.reader(io.StringIO(text), delimiter=";"))) - 1 == len(inside)


def test_a_job_on_many_rows_reaches_no_further(teacher, app, schools):
    inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group.id).where(Group.owner_id == user))
        found = staff_in(session, user, schools[0])
    with app.app_context(), acting(*found):
        params = {"table": "student", "verb": "add_to_group", "ids": [inside[0], outside[0]], "answers": {"group": {"row": ["group", group]}}}
        job = Job.add(JobKind.bulk_verb, params, total=2)
        db.session.commit()
        number = job.id
    run_pending(app)
    assert one(app, select(Job.state).where(Job.id == number))[0] is JobState.failed
    assert one(app, select(Student.homeroom_id).where(Student.id == outside[0]))[0] != group
