"""Students' accounts taken back, merged, deleted: an account that somebody has used is never lost by it."""

import pytest
from batches import As
from conftest import rows
from import_desk import Desk, table
from import_people import STUDENTS
from sqlalchemy import select

from models.access import User
from models.base import Refusal, utcnow
from models.db import db
from models.followed import deletion_problem
from models.imports import Import
from models.merge import better, compare, merge, preview
from models.people import Student
from models.sessions import standing_of
from models.student_accounts import open_accounts
from models.undo import plan, undo


@pytest.fixture
def ac(app, schools):
    """A counsellor, who undoes their own work only."""
    return As(app, schools[0], "ac")


def pupils(session, *names):
    """Students of these given names."""
    found = [Student(family_name="Ormeau", given_name=name) for name in names]
    session.add_all(found)
    session.flush()
    return [student.id for student in found]


def account(session, student_id):
    """The account of a student, or None."""
    return session.execute(select(Student.user_id).where(Student.id == student_id)).scalar_one()


def test_undoing_takes_back_the_accounts_that_nobody_has_used(ac):
    with ac("made") as session:
        zoe, noe = pupils(session, "Zoé", "Noé")
    with ac("opened") as session:
        open_accounts(session, [zoe, noe])
        used, unused = account(session, zoe), account(session, noe)
    with ac("signed in") as session:
        session.get_one(User, used).last_seen_at = utcnow()
    with ac("back") as session:
        assert plan(session, "opened").sentence == undo(session, "opened").sentence
    with ac("look") as session:
        assert (account(session, zoe), account(session, noe)) == (used, None)
        assert session.get(User, unused) is None


def test_a_merge_of_two_accounts_keeps_that_of_the_record_that_stays_and_its_undo_brings_the_other_back(ac):
    with ac("made") as session:
        kept, gone = pupils(session, "Zoé", "Zoë")
    with ac("opened") as session:
        open_accounts(session, [kept, gone])
        accounts = account(session, kept), account(session, gone)
    with ac("merged") as session:
        stays, goes = session.get_one(Student, kept), session.get_one(Student, gone)
        assert preview(session, stays, goes).closing == "zoe.ormeau2"
        merge(session, stays, goes, {line.key: kept for line in compare(session, stays, goes)})
    with ac("look") as session:
        assert account(session, kept) == accounts[0]
    with ac("back") as session:
        undo(session, "merged")
    with ac("look again") as session:
        assert (account(session, kept), account(session, gone)) == accounts


def test_the_account_in_use_is_proposed_to_stay(ac):
    with ac("made") as session:
        first, second = pupils(session, "Zoé", "Zoë")
        open_accounts(session, [first, second])
        session.get_one(User, account(session, second)).last_seen_at = utcnow()
    with ac("look") as session:
        assert better(session.get_one(Student, first), session.get_one(Student, second)).id == second


def test_a_student_whose_account_was_never_used_can_be_deleted_and_comes_back_with_it(ac):
    with ac("made") as session:
        zoe, noe = pupils(session, "Zoé", "Noé")
        open_accounts(session, [zoe, noe])
        before = account(session, zoe)
        session.get_one(User, account(session, noe)).last_seen_at = utcnow()
    with ac("deleted") as session:
        assert deletion_problem(session, session.get_one(Student, noe)) is not None
        assert deletion_problem(session, session.get_one(Student, zoe)) is None
        session.delete(session.get_one(Student, zoe))
    with ac("look") as session:
        assert not standing_of(before)
        undo(session, "deleted")
    with ac("look again") as session:
        assert account(session, zoe) == before


def test_an_import_opens_the_accounts_of_its_new_students_and_its_undo_takes_back_those_never_used(app, desk):
    key = desk.write(table(STUDENTS), accounts=True)
    with rows(app) as session:
        one = session.get_one(Import, key)
        batch, written = one.batch, one.written
        people = list(session.scalars(select(Student).where(Student.school_id == desk.school_id).order_by(Student.id)))
        assert written["student_accounts"] == len(people) == len(STUDENTS)
        accounts = [student.user_id for student in people]
        assert None not in accounts
        used = people[0].id
        session.get_one(User, accounts[0]).last_seen_at = utcnow()
    with app.app_context(), desk.acting():
        undo(db.session, batch)
        db.session.commit()
    with rows(app) as session:
        assert list(session.scalars(select(User.id).where(User.id.in_(accounts)))) == accounts[:1]
        assert list(session.scalars(select(Student.id).where(Student.school_id == desk.school_id))) == [used]


def test_who_may_not_open_accounts_imports_without(app, empty):
    desk = Desk(app, empty, "registrar")
    key = desk.send(table(STUDENTS))
    with pytest.raises(Refusal, match="open accounts"):
        desk.do(key, "confirm", accounts=True)
    desk.do(key, "confirm")
    assert "student_accounts" not in desk.state(key)[2]
