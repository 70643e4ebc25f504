"""What does not become somebody else's: a guardian's code in a student's hands, a card in a stranger's, a record that somebody has left."""

import time

import pytest
from conftest import rows
from hands import DEMO, do, form, send, sign_in, words
from redeeming import add, code_for, count, enter, one_student, row_of
from small import add_school, add_student, writing
from sqlalchemy import func, select

from models import keys, passwords
from models.access import Throttle, User
from models.access_cards import make_cards
from models.activation import ActivationCode
from models.db import db
from models.letter_fields import FIELD
from models.messages import MessageRecipient
from models.people import Guardian, Student, StudentStatus
from models.redemption import UnusableCode
from models.school import School
from models.scope import Actor, Scope, acting

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def small(tmp_path):
    """One school, one student with an account."""
    app = one_student(tmp_path)
    with writing(app) as session:
        student = session.get_one(Student, app.zoe)
        user = User(given_name="Zoé", family_name="Bénard", username="zoe.benard", email="zoe@exemple.org")
        session.add(user)
        session.flush()
        student.user_id = app.user = user.id
        app.brother = add_student(session, student.school, "Noé").id
    yield app
    passwords.configure(2, 19456)


# --- a guardian's code in a student's hands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["zoe", "brother"])
def test_a_students_account_never_becomes_a_guardian_in_its_school(small, whose):
    code = code_for(small, getattr(small, whose))
    with pytest.raises(UnusableCode):
        add(small, code, small.user)
    assert (row_of(small, code).used_at, count(small, Guardian), count(small, Throttle)) == (None, 0, 3)
    with pytest.raises(UnusableCode):
        enter(small, code, email="zoe@exemple.org")
    assert row_of(small, code).used_at is None


def test_who_is_a_student_of_another_school_may_follow_a_child_here(small):
    with writing(small) as session:
        elsewhere = add_student(session, add_school(session, name="Lycée du Parc", official_code="9990002Y"), "Lou").id
    assert add(small, code_for(small, elsewhere), small.user).name == "active"


# --- a card in a stranger's hands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mine(app):
    """The demo's student, who signs in with a password."""
    with rows(app) as session:
        return session.scalar(select(Student.id).join(User, User.id == Student.user_id).where(User.username == "student"))


def by_card(app, mine, password):
    """A card is printed, and somebody chooses a password with it: their browser."""
    with rows(app) as session:
        ids = make_cards(session, [mine], only_unused=False)
        session.flush()
        code = keys.unseal("activation", session.get_one(ActivationCode, ids[0]).sealed)
    browser = app.test_client()
    assert send(browser, "/student/activate", page="/student/activate", code=code, password=password, again=password).status_code == 302
    return words(browser.get("/student/"))


def test_the_owner_is_told_of_a_card_that_somebody_used(app, mine):
    sign_in(app.test_client(), "student", DEMO)
    assert "a servi à choisir" not in by_card(app, mine, "voleur de compte demain")
    assert "a servi à choisir un nouveau mot de passe" in by_card(app, mine, "quatre bateaux rouges demain"), "back by another card"
    browser = app.test_client()
    sign_in(browser, "student", "quatre bateaux rouges demain")
    assert words(browser.get("/student/")).count("a servi à choisir un nouveau mot de passe") == 2, "the first sign-in by password since"
    again = app.test_client()
    sign_in(again, "student", "quatre bateaux rouges demain")
    assert "a servi à choisir" not in words(again.get("/student/"))


# --- who has left ----------------------------------------------------------------------------------------------------------------------


def test_a_card_of_who_leaves_opens_nothing_on_coming_back(app, mine):
    with rows(app) as session:
        card = make_cards(session, [mine], only_unused=False)[0]
        session.get_one(Student, mine).deactivate()
        session.flush()
        session.get_one(Student, mine).reactivate()
    with rows(app) as session:
        row = session.get_one(ActivationCode, card)
        assert (row.state.name, row.sealed) == ("revoked", "")


def test_a_record_that_has_left_is_not_shown_to_who_is_a_student_elsewhere(app, mine, schools):
    with rows(app) as session:
        left = session.get_one(Student, mine)
        left.status = StudentStatus.left
        other = session.scalar(select(Student).where(Student.school_id == schools[1], Student.user_id.is_(None)))
        other.user_id = user = left.user_id
    with app.app_context(), acting(Actor(user_id=user, roles=frozenset({"student"})), Scope(school_id=None, user_id=user, portal="student"), "a batch"):
        assert set(db.session.scalars(select(Student.school_id))) == set(db.session.scalars(select(School.id))) == {schools[1]}
        assert db.session.scalars(select(MessageRecipient)).all() == []


# --- answers that no page gives ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answers", "status", "cards"), [({}, 303, 1), ({"only_unused": "2"}, 422, 0), ({"only_unused": "0"}, 303, 2)])
def test_who_signs_in_already_gets_a_card_only_where_somebody_chose_it(app, as_, mine, schools, answers, status, cards):
    sign_in(app.test_client(), "student", DEMO)
    with rows(app) as session:
        new = session.scalar(select(Student.id).where(Student.school_id == schools[0], Student.user_id.is_(None)))
        before = session.scalar(select(func.count(ActivationCode.id)))
    assert do(as_("ac"), "student", "print_access_cards", new, mine, **answers).status_code == status
    with rows(app) as session:
        assert session.scalar(select(func.count(ActivationCode.id))) == before + cards


def test_a_text_of_blanks_is_refused_in_no_time(app, as_):
    blanks = "[[" + " " * 100_000
    answer = form(as_("ac"), "/admin/letter/edit/?language=fr", _preview="1", subject="x", opening=blanks, body="", closing="", sign_off="")
    assert (answer.status_code, "caractères de trop" in words(answer)) == (422, True)
    began = time.process_time()
    assert FIELD.findall(blanks) == []
    assert time.process_time() - began < 0.5
