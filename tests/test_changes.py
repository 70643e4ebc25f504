"""What the history remembers of values: which, of whom, for how long, and what it never writes down."""

import datetime as dt

import pytest
from batches import As, noted
from conftest import counted, rows
from sqlalchemy import select, update

from models.activation import ActivationCode, generate
from models.base import utcnow
from models.changes import DELETED, WITH_OWNER, JournalChange, blank, is_final, purge, record_changes
from models.db import db
from models.journal import JournalEvent, record_rows
from models.people import Group, Guardian, GuardianLink, Student, StudentStatus
from models.scope import WHO, Actor, Scope, acting


@pytest.fixture
def within(app, schools):
    """The site administrator of the first school, in one batch at a time."""
    return As(app, schools[0], "acc")


def test_an_edit_leaves_one_line_for_each_changed_column(within, a_student):
    with within() as session:
        student = session.get_one(Student, a_student)
        town, born = student.town, student.born_on
        student.town, student.born_on, student.given_name = "Arles", dt.date(2012, 3, 4), student.given_name
        session.flush()
        found = {c.field: (c.before, c.after) for c in noted(session, batch="b1")}
        assert found == {"town": (town, "Arles"), "born_on": ({"date": born.isoformat()}, {"date": "2012-03-04"})}
        line = noted(session, batch="b1")[0]
        assert (line.table_name, line.row_id, line.user_id, line.school_id) == ("student", a_student, WHO.get().user_id, student.school_id)


def test_a_choice_and_a_relation_are_kept_by_name_and_number(within, a_student):
    with within() as session:
        student = session.get_one(Student, a_student)
        before = student.homeroom_id
        student.deactivate()
        student.homeroom = None
        session.flush()
        found = {c.field: (c.before, c.after) for c in noted(session, batch="b1")}
        assert found["status"] == ({"choice": "active"}, {"choice": "left"})
        assert found["homeroom_id"] == (before, None)


def test_a_new_row_leaves_none_and_a_following_column_no_line_at_all(within, schools):
    with within() as session:
        guardian = Guardian(family_name="Nouvelle")
        session.add(guardian)
        session.flush()
        assert noted(session, batch="b1") == []
        guardian.search_key = "autre"
        session.flush()
        assert noted(session, batch="b1") == []
        verbs = session.scalars(select(JournalEvent.verb).where(JournalEvent.batch == "b1", JournalEvent.table_name == "guardian"))
        assert list(verbs) == ["created"]


def test_groups_joined_stand_on_both_sides(within, a_student, schools):
    with within() as session:
        group = Group(name="Fanfare de mai")
        session.add(group)
        session.flush()
        session.get_one(Student, a_student).add_to_group(group)
        session.flush()
        assert [(c.before, c.after) for c in noted(session, batch="b1", table_name="student", field="groups")] == [([], [group.id])]
        assert [(c.before, c.after) for c in noted(session, batch="b1", table_name="group", field="members")] == [([], [a_student])]
        number = group.id
    with within("b2") as session:
        session.get_one(Group, number).remove(session.get_one(Student, a_student))
        session.flush()
        assert [(c.before, c.after) for c in noted(session, batch="b2", table_name="student")] == [([number], [])]


def test_private_columns_are_never_written(within, a_student):
    with within() as session:
        link = session.scalar(select(GuardianLink).limit(1))
        link.suspend("une raison qui reste secrète")
        session.flush()
        assert {c.field for c in noted(session, batch="b1")} == {"status"}
        code = session.get_one(ActivationCode, generate(session, [a_student], 1, only_missing=False).ids[0])
        code.revoke()
        session.flush()
        assert {c.field for c in noted(session, batch="b1", table_name="activation_code")} == {"revoked_at"}
        everything = str([(c.before, c.after) for c in noted(session)])
        assert "secrète" not in everything
        assert code.digest not in everything


def test_a_code_is_gone_for_good_and_a_student_is_not():
    assert is_final(ActivationCode.__mapper__)
    assert not is_final(Student.__mapper__)
    assert not is_final(GuardianLink.__mapper__)


def test_a_deletion_leaves_the_row_and_what_went_with_it(within, schools):
    with within() as session:
        student, guardian = Student(family_name="Durand", given_name="Ève", town="Arles"), Guardian(family_name="Durand", given_name="Luc")
        group = Group(name="Fanfare de mai")
        session.add_all([student, guardian, group, GuardianLink(student=student, guardian=guardian)])
        session.flush()
        student.add_to_group(group)
        session.flush()
        number, link = student.id, student.links[0].id
        group_id = group.id
    with within("b2") as session:
        session.delete(session.get_one(Student, number))
        session.flush()
        (whole,) = noted(session, batch="b2", field=DELETED)
        (with_it,) = noted(session, batch="b2", field=WITH_OWNER)
        assert (whole.table_name, whole.row_id, whole.title) == ("student", number, "Durand, Ève")
        assert (whole.before["town"], whole.before["groups"], whole.after) == ("Arles", [group_id], None)
        assert "phone" not in whole.before  # empty, as in any new row
        assert (with_it.table_name, with_it.row_id, with_it.before["student_id"]) == ("guardian_link", link, number)


def test_a_link_deleted_alone_is_named_by_its_two_people(within):
    with within() as session:
        link = session.scalar(select(GuardianLink).limit(1))
        wanted = f"{link.student} – {link.guardian}"
        session.delete(link)
        session.flush()
        assert [c.title for c in noted(session, batch="b1")] == [wanted]


def test_a_flush_of_a_hundred_edits_writes_once(app, within):
    with within() as session:
        many = list(session.scalars(select(Student).limit(20)))
        with counted(app) as few:
            for student in many[:2]:
                student.town = "Arles"
            session.flush()
        with counted(app) as more:
            for student in many:
                student.town = "Nîmes"
                student.postal_code = "30000"
            session.flush()
        assert sum("journal_change" in s for s in few) == sum("journal_change" in s for s in more) == 1


def test_a_bulk_statement_says_what_it_changed(within, a_student):
    with within() as session:
        session.execute(update(Student).where(Student.id == a_student).values(status=StudentStatus.left))
        record_rows(session, "edited", "student", [a_student])
        record_changes(session, "student", [(a_student, "status", StudentStatus.active, StudentStatus.left)])
        (line,) = noted(session, batch="b1")
        assert (line.before, line.after) == ({"choice": "active"}, {"choice": "left"})


def test_what_is_rolled_back_is_not_remembered(within, a_student):
    with within() as session:
        session.get_one(Student, a_student).town = "Arles"
        session.flush()
        session.rollback()
        session.get_one(Student, a_student).phone = "1"
        session.flush()
        assert [c.field for c in noted(session, batch="b1")] == ["phone"]


def test_outside_a_request_a_transaction_is_a_batch_of_its_own(app, a_student):
    with rows(app) as session:
        session.get_one(Student, a_student).town = "Arles"
        session.flush()
        session.get_one(Student, a_student).phone = "1"
    with rows(app) as session:
        session.get_one(Student, a_student).phone = "2"
    with rows(app) as session:
        found = noted(session, table_name="student", row_id=a_student)
        assert found[0].batch == found[1].batch != found[2].batch
        events = session.scalars(select(JournalEvent.batch).where(JournalEvent.row_id == a_student, JournalEvent.verb == "edited").order_by(JournalEvent.id))
        assert list(dict.fromkeys(events))[-2:] == [found[0].batch, found[2].batch]


def test_values_older_than_thirty_days_are_forgotten_and_the_history_is_not(app, within, a_student):
    with within() as session:
        session.get_one(Student, a_student).town = "Arles"
        session.flush()
        session.execute(update(JournalChange).values(at=utcnow() - dt.timedelta(days=31)))
    with within("b2") as session:
        session.get_one(Student, a_student).town = "Nîmes"
    with rows(app) as session:
        assert purge(session) == 1
        assert [c.batch for c in noted(session)] == ["b2"]
        assert session.scalar(select(JournalEvent.id).where(JournalEvent.batch == "b1")) is not None


def test_values_about_somebody_can_be_erased(within, a_student):
    with within() as session:
        student = session.get_one(Student, a_student)
        student.town, student.phone = "Arles", "0639980000"
        session.flush()
        blank(session, "student", [a_student])
        session.expire_all()
        assert {(c.field, c.before, c.after) for c in noted(session, batch="b1")} == {("town", None, None), ("phone", None, None)}


def test_values_of_another_school_do_not_exist(app, within, a_student, schools):
    with within() as session:
        session.get_one(Student, a_student).town = "Arles"
    with app.app_context(), acting(Actor(roles=frozenset({"acc"})), Scope(school_id=schools[1])):
        assert noted(db.session) == []
