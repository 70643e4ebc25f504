"""The wall: which rows exist for whom, tried at the models, without any screen."""

import pytest
from conftest import rows
from sqlalchemy import func, select

from models.access import Membership, User
from models.activation import ActivationCode
from models.actors import staff_in
from models.db import db
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, LinkStatus, Student
from models.school import Level, School
from models.scope import SCOPE, NoScopeError, OutOfScope, Scope, acting


def work_as(app, username, school_id):
    """The scope of a demo account."""
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == username))
        found = staff_in(session, user_id, school_id)
    assert found is not None
    return acting(*found)


def test_a_query_without_scope_is_an_error(app):
    with app.app_context():
        assert SCOPE.get() is None
        with pytest.raises(NoScopeError):
            db.session.scalar(select(func.count(Student.id)))


def test_a_flush_without_scope_is_an_error(app):
    with app.app_context():
        db.session.add(Level(name="9e"))
        with pytest.raises(NoScopeError):
            db.session.flush()


@pytest.mark.parametrize("model", [Student, Guardian, GuardianLink, ActivationCode, Group, Level, Membership, JournalEvent])
def test_nobody_sees_a_row_of_another_school(app, schools, model):
    mine, other = schools
    with work_as(app, "acc", mine), app.app_context():
        assert set(db.session.scalars(select(model.school_id).distinct())) == {mine}
    with rows(app) as session:
        assert set(session.scalars(select(model.school_id).distinct())) >= {mine, other}


def test_nobody_sees_another_school_or_its_people(app, schools):
    mine, other = schools
    with work_as(app, "acc", mine), app.app_context():
        assert db.session.scalars(select(School.id)).all() == [mine]
        assert db.session.scalar(select(User.id).where(User.username == "ac2")) is None
        assert db.session.get(School, other) is None


def test_only_equal_scopes_share_their_criteria():
    reach = {"student": "g"}
    known = Scope(1, 2, reach).options
    assert Scope(1, 2, {"student": "g"}).options is known
    others = [Scope(3, 2, reach), Scope(1, 3, reach), Scope(1, 2), Scope(1, 2, {"student": "o"}), Scope(1, 2, reach, "guardian")]
    for other in (*others, Scope(1, 2, reach, looking=True), Scope(1, 2, reach, whole=True)):
        assert other.options is not known
    reach["student"] = "o"
    assert Scope(1, 2, reach).options is not known


def test_one_statement_is_compiled_for_all_and_answered_for_each(app, schools):
    people = [("acc", schools[0]), ("acc2", schools[1]), ("ec", schools[0])]
    seen = []
    for username, school in people * 2:
        with work_as(app, username, school), app.app_context():
            statement = select(Student.school_id, Student.id).where(Student.family_name != "x").options(*SCOPE.get().options)
            seen.append((statement._generate_cache_key().key, set(map(tuple, db.session.execute(statement)))))
    assert seen[:3] == seen[3:]
    (head, first), (other, second), (teacher, followed) = seen[:3]
    assert head == other != teacher
    assert {school for school, _student in first} == {schools[0]}
    assert {school for school, _student in second} == {schools[1]}
    assert followed < first


def test_a_row_of_another_school_is_not_found_by_its_key(app, schools):
    with rows(app) as session:
        foreign = session.scalar(select(Student.id).where(Student.school_id == schools[1]))
    with work_as(app, "ac", schools[0]), app.app_context():
        assert db.session.get(Student, foreign) is None


def test_a_teacher_sees_students_of_their_groups_and_their_advisees_only(app, schools):
    with rows(app) as session:
        me = session.scalar(select(User.id).where(User.username == "ec"))
        wanted = set()
        for student in session.scalars(select(Student).where(Student.school_id == schools[0])):
            groups = [*student.groups, *([student.homeroom] if student.homeroom else [])]
            if student.adviser_id == me or any(g.owner_id == me or me in [u.id for u in g.shared_with] for g in groups):
                wanted.add(student.id)
        everybody = session.scalar(select(func.count(Student.id)).where(Student.school_id == schools[0]))
    assert 0 < len(wanted) < everybody
    with work_as(app, "ec", schools[0]), app.app_context():
        assert set(db.session.scalars(select(Student.id))) == wanted
        assert set(db.session.scalars(select(GuardianLink.student_id).distinct())) <= wanted
        assert set(db.session.scalars(select(ActivationCode.student_id).distinct())) <= wanted


def test_a_student_who_leaves_the_group_is_gone_at_once(app, schools):
    with rows(app) as session:
        me = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group).where(Group.owner_id == me, Group.school_id == schools[0]))
        member = next(s for s in group.members if s.adviser_id != me and len(s.groups) == 1)
        member_id, group_id = member.id, group.id
        shared_home = member.homeroom is not None and (member.homeroom.owner_id == me or me in [u.id for u in member.homeroom.shared_with])
        assert not shared_home
    with work_as(app, "ec", schools[0]), app.app_context():
        assert db.session.get(Student, member_id) is not None
    with rows(app) as session:
        group = session.get(Group, group_id)
        group.members = [s for s in group.members if s.id != member_id]
    with work_as(app, "ec", schools[0]), app.app_context():
        assert db.session.get(Student, member_id) is None


def test_a_guardian_sees_children_of_active_links_in_every_school_and_nobody_else(app, schools):
    with rows(app) as session:
        parent = session.scalar(select(User.id).where(User.username == "parent"))
        mine = select(Guardian.id).where(Guardian.user_id == parent)
        children = set(session.scalars(select(GuardianLink.student_id).where(GuardianLink.guardian_id.in_(mine), GuardianLink.status == LinkStatus.active)))
        assert len(children) == 2
        assert {session.get(Student, c).school_id for c in children} == set(schools)
    scope = Scope(school_id=None, user_id=parent, portal="guardian")
    from models.scope import Actor

    with acting(Actor(user_id=parent), scope), app.app_context():
        assert set(db.session.scalars(select(Student.id))) == children
        assert db.session.scalars(select(ActivationCode.id)).all() == []
        assert db.session.scalars(select(JournalEvent.id)).all() == []


def test_a_suspended_link_sees_nothing(app, schools):
    from models.scope import Actor

    with rows(app) as session:
        parent = session.scalar(select(User.id).where(User.username == "parent"))
        link = session.scalar(select(GuardianLink).join(Guardian).where(Guardian.user_id == parent, GuardianLink.status == LinkStatus.active))
        link.suspend("décision du juge")
        child = link.student_id
    with acting(Actor(user_id=parent), Scope(school_id=None, user_id=parent, portal="guardian")), app.app_context():
        assert db.session.get(Student, child) is None


def test_a_new_row_gets_the_school_of_the_scope(app, schools):
    with work_as(app, "ac", schools[0]), app.app_context():
        level = Level(name="Classe relais")
        db.session.add(level)
        db.session.flush()
        assert level.school_id == schools[0]


def test_a_row_cannot_be_moved_to_another_school(app, schools, a_student):
    with work_as(app, "ac", schools[0]), app.app_context():
        student = db.session.get(Student, a_student)
        student.school_id = schools[1]
        with pytest.raises(OutOfScope):
            db.session.flush()


def test_a_link_to_a_row_of_another_school_is_refused(app, schools, a_student):
    with rows(app) as session:
        foreign = session.scalar(select(Level.id).where(Level.school_id == schools[1]))
    with work_as(app, "ac", schools[0]), app.app_context():
        student = db.session.get(Student, a_student)
        student.level_id = foreign
        with pytest.raises(OutOfScope):
            db.session.flush()


def test_a_link_to_a_person_of_another_school_is_refused(app, schools, a_student):
    with rows(app) as session:
        foreign = session.scalar(select(User.id).where(User.username == "ec2"))
    with work_as(app, "ac", schools[0]), app.app_context():
        student = db.session.get(Student, a_student)
        student.adviser_id = foreign
        with pytest.raises(OutOfScope):
            db.session.flush()


def test_the_history_cannot_be_changed_or_shortened(app, schools):
    from sqlalchemy import delete, update
    from sqlalchemy.exc import DatabaseError

    with rows(app) as session:
        newest = session.scalar(select(JournalEvent.id).order_by(JournalEvent.id.desc()))
        for statement in (update(JournalEvent).values(who="?"), delete(JournalEvent).where(JournalEvent.id == newest)):
            with pytest.raises(DatabaseError), session.begin_nested():
                session.execute(statement)


def test_the_search_key_follows_names_links_and_phones(app, schools):
    with work_as(app, "ac", schools[0]), app.app_context():
        student = Student(family_name="Lebœuf", given_name="Zoé", national_id="99 0000 001 aa")
        guardian = Guardian(family_name="N'Diaye", given_name="Awa", phone="06 39 98 12 34")
        db.session.add_all([student, guardian])
        db.session.flush()
        assert student.search_key == "leboeuf zoe | 990000001aa"
        db.session.add(GuardianLink(student=student, guardian=guardian))
        db.session.flush()
        assert "awa n'diaye" in student.search_key
        assert "0639981234" in student.search_key
        guardian.family_name = "Sow"
        db.session.flush()
        assert "awa sow" in student.search_key
        db.session.delete(student.links[0])
        db.session.flush()
        assert "sow" not in student.search_key
