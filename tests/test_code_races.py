"""Many people at the same codes at the same moment, on whichever database the run has: exactly one winner each, either or, never both (security R8)."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from postgresql import database_url
from small import add_code, add_person, add_school, add_student, as_staff, small_app, writing
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError

from models import keys
from models.access import Throttle, User
from models.activation import ActivationCode, new_codes
from models.base import Refusal
from models.db import db, is_busy
from models.followed import deletion_problem
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, Student
from models.redemption import UnusableCode, add_child
from models.school import School

ROUNDS, DUELS = 10, 30
PEOPLE, CODES_EACH = 50, 20

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path):
    """A school, its secretary, and people with an account and no child."""
    app = small_app(tmp_path, url=database_url(tmp_path), BUSY_SECONDS=60)
    with writing(app) as session:
        school = add_school(session)
        app.school, app.clerk = school.id, add_person(session, school, username="secretaire").id
        people = [User(given_name=f"Parent{n}", family_name="Bénard", email=f"p{n}@exemple.org") for n in range(PEOPLE)]
        session.add_all(people)
        session.flush()
        app.people = [user.id for user in people]
    return app


def new_student(app, codes=1):
    """(student, codes in clear) of a new student."""
    clear = new_codes(codes)
    with writing(app) as session:
        student = add_student(session, session.get_one(School, app.school), classroom="")
        for code in clear:
            add_code(session, student, code=code)
        return student.id, clear


def at_once(*works):
    """Everything in a thread of its own, from the same moment on; how each ended: True, a Refusal's class, or "busy"."""
    ends, start = [None] * len(works), threading.Barrier(len(works))

    def one(place, work):
        start.wait()
        try:
            work()
            ends[place] = True
        except Refusal as refusal:
            ends[place] = type(refusal)
        except OperationalError as error:
            ends[place] = "busy" if is_busy(error) else repr(error)

    threads = [threading.Thread(target=one, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return ends


def redeeming(app, code, user_id, place):
    def work():
        with app.app_context():
            add_child(code, user_id, address=f"10.{place // 65536}.{place // 256 % 256}.{place % 256}")

    return work


def forget_tries(app):
    """Nobody has failed yet: the brake on guessing is another test's."""
    with writing(app) as session:
        session.execute(delete(Throttle))


def counted(app, column, *where):
    with writing(app) as session:
        return session.scalar(select(func.count(column)).where(*where))


def test_of_a_hundred_redemptions_of_one_code_one_wins_round_after_round(app):
    for turn in range(ROUNDS):
        _student, (code,) = new_student(app)
        ends = at_once(*(redeeming(app, code, app.people[n % PEOPLE], turn * 100 + n) for n in range(100)))
        assert ends.count(True) == 1
        assert set(ends) == {True, UnusableCode}
        forget_tries(app)
        assert counted(app, GuardianLink.id) == counted(app, JournalEvent.id, JournalEvent.verb == "redeem") == turn + 1


def test_fifty_people_with_twenty_codes_each_all_get_their_twenty_children(app):
    codes = new_codes(PEOPLE * CODES_EACH)
    with writing(app) as session:
        school = session.get_one(School, app.school)
        for code in codes:
            add_code(session, add_student(session, school, classroom=""), code=code)

    works = [redeeming(app, code, app.people[place % PEOPLE], place) for place, code in enumerate(codes)]
    random.Random(8).shuffle(works)  # noqa: S311 (no secret)
    with ThreadPoolExecutor(16) as threads:  # twice the threads of the server
        for done in [threads.submit(work) for work in works]:
            done.result(120)
    assert counted(app, GuardianLink.id) == counted(app, ActivationCode.id, ActivationCode.used_at.is_not(None)) == PEOPLE * CODES_EACH
    with writing(app) as session:
        each = session.execute(select(Guardian.user_id, func.count(GuardianLink.id)).join(GuardianLink).group_by(Guardian.user_id)).all()
    assert sorted(map(tuple, each)) == [(user_id, CODES_EACH) for user_id in sorted(app.people)]


def test_two_codes_of_one_child_typed_by_one_person_make_one_link(app):
    for turn in range(DUELS // 3):
        student, codes = new_student(app, 2)
        ends = at_once(*(redeeming(app, code, app.people[turn], turn * 2 + n) for n, code in enumerate(codes)))
        assert ends.count(True) == 1
        assert counted(app, GuardianLink.id, GuardianLink.student_id == student) == 1
        assert counted(app, ActivationCode.id, ActivationCode.student_id == student, ActivationCode.used_at.is_not(None)) == 1


def test_codes_of_two_children_typed_by_one_person_at_the_same_moment_make_one_guardian(app):
    for turn in range(DUELS // 3):
        codes = [new_student(app)[1][0] for _child in range(2)]
        assert at_once(*(redeeming(app, code, app.people[turn], turn * 2 + n) for n, code in enumerate(codes))) == [True, True]
        assert counted(app, Guardian.id, Guardian.user_id == app.people[turn]) == 1


def test_a_redemption_against_a_revocation_is_one_or_the_other(app):
    for turn in range(DUELS):
        student, (code,) = new_student(app)

        def revoke(code=code):
            with app.app_context(), as_staff(app.clerk, app.school):
                try:
                    row = db.session.scalar(select(ActivationCode).where(ActivationCode.digest == keys.digest("activation", code)).with_for_update())
                    row.revoke()
                    db.session.commit()
                finally:
                    db.session.rollback()

        ends = at_once(revoke, redeeming(app, code, app.people[turn], turn))
        assert ends.count(True) == 1
        with writing(app) as session:
            row = session.scalar(select(ActivationCode).where(ActivationCode.student_id == student))
            assert (row.used_at is None) != (row.revoked_at is None)
            assert (row.used_at is None) == (ends[0] is True)
            assert row.sealed == ""
        assert counted(app, GuardianLink.id, GuardianLink.student_id == student) == (ends[1] is True)


def test_a_redemption_against_the_deletion_of_the_student_is_one_or_the_other(app):
    for turn in range(DUELS):
        student, (code,) = new_student(app)

        def delete(student=student):
            with app.app_context(), as_staff(app.clerk, app.school):
                try:
                    row = db.session.scalar(select(Student).where(Student.id == student).with_for_update(of=Student))
                    problem = deletion_problem(db.session, row)
                    if problem:
                        raise problem
                    db.session.delete(row)
                    db.session.commit()
                finally:
                    db.session.rollback()

        ends = at_once(delete, redeeming(app, code, app.people[turn], turn))
        assert ends.count(True) == 1, ends
        assert counted(app, Student.id, Student.id == student) == (ends[1] is True)
        assert counted(app, GuardianLink.id, GuardianLink.student_id == student) == (ends[1] is True)
        assert counted(app, ActivationCode.id, ActivationCode.student_id == student) == (ends[1] is True)
