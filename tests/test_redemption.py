"""A code becomes a link, once. Numbers are the security cases."""

import datetime as dt

import pytest
from redeeming import add, code_for, count, enter, one_student, person, row_of
from small import add_guardian, add_person, add_school, add_student, as_staff, writing
from sqlalchemy import event, select

from models import keys, throttle
from models.access import Throttle, User
from models.activation import ActivationCode, generate, new_codes, show_code
from models.base import Refusal, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.redemption import HasAccount, TooManyTries, UnusableCode
from models.work import OutgoingMail


@pytest.fixture
def app(tmp_path):
    """One student of one school."""
    return one_student(tmp_path)


# --- what a code does ----------------------------------------------------------------------------------------------------------


def test_a_code_creates_the_account_the_guardian_and_an_active_link(app):
    code = code_for(app)
    entry = enter(app, show_code(code).lower())
    assert entry.token
    with writing(app) as session:
        link = session.scalar(select(GuardianLink))
        assert (link.student_id, link.status) == (app.zoe, LinkStatus.active)
        assert link.guardian.user.email == "helene@exemple.org"
        assert link.guardian.user.email_confirmed_at is None
        assert link.guardian.name == "Hélène Bénard"
        assert "helene benard" in session.get(Student, app.zoe).search_key
    used = row_of(app, code)
    assert used.used_at is not None
    assert used.sealed == ""
    assert used.used_by_id == entry.user_id


def test_a_code_for_a_known_guardian_gives_that_guardian_the_account(app):
    with writing(app) as session:
        school = session.get(Student, app.zoe).school
        mother = add_guardian(session, school, email="")
        session.add(GuardianLink(school_id=school.id, student_id=app.zoe, guardian_id=mother.id, status=LinkStatus.active))
        mother_id = mother.id
    entry = enter(app, code_for(app, guardian_id=mother_id))
    with writing(app) as session:
        mother = session.get(Guardian, mother_id)
        assert (mother.user_id, mother.email) == (entry.user_id, "helene@exemple.org")
        assert [link.guardian_id for link in session.scalars(select(GuardianLink))] == [mother_id]


def test_a_code_for_a_guardian_who_has_another_account_makes_another_guardian(app):
    other = person(app, "Paul")
    with writing(app) as session:
        mother_id = add_guardian(session, session.get(Student, app.zoe).school, user_id=other).id
    entry = enter(app, code_for(app, guardian_id=mother_id))
    with writing(app) as session:
        link = session.scalar(select(GuardianLink))
        assert link.guardian_id != mother_id
        assert link.guardian.user_id == entry.user_id
        assert session.get(Guardian, mother_id).user_id == other


def test_whoever_registers_receives_the_link_that_confirms_the_address(app):
    enter(app, code_for(app))
    with writing(app) as session:
        mail = session.scalars(select(OutgoingMail)).one()
        assert (mail.to_address, mail.subject) == ("helene@exemple.org", "Confirmez votre adresse électronique")


def test_a_parent_with_children_in_two_schools_is_one_user_and_two_guardians(app):
    with writing(app) as session:
        rive = add_school(session, name="Cégep de la Rive", official_code="QC999001", country="CA")
        away = add_student(session, rive, given_name="Émile").id
        brother = add_student(session, session.get(Student, app.zoe).school, given_name="Noé").id
    entry = enter(app, code_for(app))
    assert add(app, code_for(app, away), entry.user_id) is LinkStatus.active
    assert add(app, code_for(app, brother), entry.user_id) is LinkStatus.active
    assert count(app, User) == 1
    with writing(app) as session:
        guardians = list(session.scalars(select(Guardian).order_by(Guardian.school_id)))
        assert [g.school_id for g in guardians] == [app.school, app.school + 1]
        assert sorted(link.student_id for link in guardians[0].links) == [app.zoe, brother]


def test_a_link_to_a_student_who_has_a_suspended_one_is_to_be_checked(app):
    with writing(app) as session:
        father = add_guardian(session, session.get(Student, app.zoe).school, given_name="Paul")
        session.add(GuardianLink(school_id=app.school, student_id=app.zoe, guardian_id=father.id, status=LinkStatus.suspended, suspended_reason="Jugement"))
    entry = enter(app, code_for(app))
    with writing(app) as session:
        link = session.scalar(select(GuardianLink).join(Guardian).where(Guardian.user_id == entry.user_id))
        assert link.status is LinkStatus.to_check


def test_a_suspended_guardian_does_not_come_back_with_a_code(app):
    user_id = person(app)
    with writing(app) as session:
        father = add_guardian(session, session.get(Student, app.zoe).school, user_id=user_id)
        session.add(GuardianLink(school_id=app.school, student_id=app.zoe, guardian_id=father.id, status=LinkStatus.suspended, suspended_reason="Jugement"))
    code = code_for(app)
    with pytest.raises(UnusableCode):
        add(app, code, user_id)
    assert row_of(app, code).used_at is None


@pytest.mark.parametrize(
    ("status", "becomes"), [(LinkStatus.active, LinkStatus.active), (LinkStatus.to_check, LinkStatus.to_check), (LinkStatus.suspended, None)]
)
def test_the_code_of_a_known_guardian_follows_the_state_of_their_link(app, status, becomes):
    with writing(app) as session:
        mother = add_guardian(session, session.get(Student, app.zoe).school)
        session.add(GuardianLink(school_id=app.school, student_id=app.zoe, guardian_id=mother.id, status=status))
        mother_id = mother.id
    code = code_for(app, guardian_id=mother_id)
    if becomes is None:
        with pytest.raises(UnusableCode):
            enter(app, code)
        assert row_of(app, code).used_at is None
        return
    enter(app, code)
    with writing(app) as session:
        assert session.scalar(select(GuardianLink.status)) is becomes


def test_the_history_says_who_redeemed_which_code_and_never_the_code(app):
    code = code_for(app)
    entry = enter(app, code)
    with writing(app) as session:
        line = session.scalar(select(JournalEvent).where(JournalEvent.verb == "redeem"))
        assert (line.table_name, line.user_id, line.school_id) == ("activation_code", entry.user_id, app.school)
        assert session.get(ActivationCode, line.row_id).tail == code[-4:]
        everything = " ".join(str(value) for row in session.scalars(select(JournalEvent)) for value in vars(row).values())
    assert code not in everything


# --- what is refused -------------------------------------------------------------------------------------------------------------


def refused_used(app):
    code = code_for(app)
    enter(app, code, email="autre@exemple.org", address="10.0.0.9")
    return code


def refused_expired(app):
    return code_for(app, expires_at=utcnow() - dt.timedelta(seconds=1))


def refused_revoked(app):
    return code_for(app, revoked_at=utcnow(), sealed="")


def refused_departed(app):
    with writing(app) as session:
        session.get(Student, app.zoe).status = StudentStatus.left
    return code_for(app)


def refused_invented(app):
    return new_codes(1)[0]


REFUSED = (refused_used, refused_expired, refused_revoked, refused_departed, refused_invented)


@pytest.mark.parametrize("prepare", REFUSED, ids=lambda f: f.__name__)
def test_33_what_opens_nothing_gets_the_same_calm_sentence_and_counts(app, prepare):
    code = prepare(app)
    before, users = count(app, Throttle), count(app, User)
    with pytest.raises(UnusableCode) as calm:
        enter(app, code)
    assert calm.value.sentence == UnusableCode().sentence
    assert "Zoé" not in calm.value.sentence
    assert count(app, Throttle) == before + 3
    assert count(app, User) == users


def test_33_a_child_already_linked_is_refused_and_the_code_stays_unused(app):
    entry = enter(app, code_for(app))
    code = code_for(app)
    with pytest.raises(UnusableCode):
        add(app, code, entry.user_id)
    assert row_of(app, code).used_at is None


def test_33_every_refusal_asks_the_database_the_same_questions(app):
    def statements(code):
        seen = []

        def note(_connection, _cursor, statement, *_rest):
            seen.append(statement)

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            with pytest.raises(UnusableCode):
                enter(app, code)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return seen

    codes = [prepare(app) for prepare in REFUSED]
    first = statements(codes[0])
    assert all(statements(code) == first for code in codes[1:])


@pytest.mark.parametrize("typed", ["", "ABCD", "0000-0000-0000", "OILU-OILU-OILU", "x" * 500, "7KQ4 M2WX H9D\x00"])
def test_35_a_typing_mistake_is_told_before_anything_is_looked_up_and_not_counted(app, typed):
    with pytest.raises(Refusal) as told:
        enter(app, typed)
    assert not isinstance(told.value, UnusableCode)
    assert count(app, Throttle) == 0


def test_35_a_wrong_check_sign_is_a_typing_mistake(app):
    code = code_for(app)
    wrong = code[:-1] + next(sign for sign in "23456789" if sign != code[-1])
    with pytest.raises(Refusal) as told:
        enter(app, wrong)
    assert not isinstance(told.value, UnusableCode)
    assert row_of(app, code).used_at is None


def test_35_spaces_dashes_and_case_do_not_count(app):
    code = code_for(app)
    enter(app, f"  {code[:4].lower()} {code[4:8]}–{code[8:].lower()} ")
    assert row_of(app, code).used_at is not None


def test_34_the_eleventh_failure_of_an_address_in_an_hour_is_refused_unread(app):
    for n in range(10):
        with pytest.raises(UnusableCode):
            enter(app, new_codes(1)[0], email=f"essai{n}@exemple.org")
    code = code_for(app)
    with pytest.raises(TooManyTries) as slow:
        enter(app, code, email="dernier@exemple.org")
    assert 3000 < slow.value.seconds <= 3600
    assert row_of(app, code).used_at is None
    enter(app, code, email="ailleurs@exemple.org", address="10.0.0.2")


def test_34_the_eleventh_failure_of_an_account_is_refused_from_any_address(app):
    user_id = person(app)
    for n in range(10):
        with pytest.raises(UnusableCode):
            add(app, new_codes(1)[0], user_id, address=f"10.0.1.{n}")
    with pytest.raises(TooManyTries):
        add(app, code_for(app), user_id, address="10.0.2.1")


def test_34_a_thousand_failures_a_day_close_the_site(app):
    with writing(app) as session:
        key = throttle._key_hash("code_site", "site")
        session.add_all(Throttle(kind="code_site", key_hash=key, at=utcnow()) for _n in range(1000))
    with pytest.raises(TooManyTries):
        enter(app, code_for(app))


def test_successes_do_not_count_against_the_parents_of_an_evening_at_school(app):
    with writing(app) as session:
        school = session.get(Student, app.zoe).school
        children = [add_student(session, school, given_name=f"Noé{'abcdefghijklmno'[n]}").id for n in range(12)]
    for n, child in enumerate(children):
        enter(app, code_for(app, child), email=f"parent{n}@exemple.org")
    assert count(app, GuardianLink) == 12


def test_36_a_stolen_database_opens_nothing_without_the_key(app):
    code = code_for(app)
    row = row_of(app, code)
    assert code not in (row.digest, row.sealed)
    assert row.digest == keys.digest("activation", code)
    keys.configure(b"another key, of the thief's own making")
    with pytest.raises(ValueError):
        keys.unseal("activation", row.sealed)
    assert row.digest != keys.digest("activation", code)


def test_37b_an_e_mail_that_has_an_account_leaves_the_code_unused_and_is_told_only_with_a_valid_code(app):
    person(app)
    with pytest.raises(UnusableCode):
        enter(app, new_codes(1)[0])
    code = code_for(app)
    with pytest.raises(HasAccount):
        enter(app, code)
    assert row_of(app, code).used_at is None
    assert count(app, Throttle) == 3


@pytest.mark.parametrize("password", ["court", "motdepasse123", "hélène bénard hélène"])
def test_a_weak_password_is_refused_before_the_code_is_looked_up(app, password):
    code = code_for(app)
    with pytest.raises(Refusal):
        enter(app, code, password=password)
    assert row_of(app, code).used_at is None
    assert count(app, Throttle) == 0


def test_a_code_that_was_generated_can_be_redeemed(app):
    with writing(app) as session:
        clerk = add_person(session, session.get(Student, app.zoe).school, username="secretaire").id
    with app.app_context(), as_staff(clerk, app.school):
        batch = generate(db.session, [app.zoe], 1, True)
        code = db.session.get(ActivationCode, batch.ids[0]).reveal()
        db.session.commit()
    assert enter(app, code).token
