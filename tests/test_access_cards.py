"""Access cards: who gets one, what it opens, what stands on it."""

import pytest
from printed import facts, flat, product, texts
from small import add_code, add_guardian, add_person, add_school, add_student, as_staff, small_app, writing
from sqlalchemy import select

from jobs import runner
from models import keys, passwords, redemption
from models.access import LoginEvent, LoginKind, Membership, Role, User, WebSession
from models.access_cards import look_at, make_cards
from models.activation import ActivationCode, CodePurpose, new_codes, show_code
from models.base import Refusal, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Student
from models.scope import Actor, Scope, acting
from models.student_accounts import open_accounts
from models.student_redemption import activate, whose
from models.work import Job, JobKind

GOOD = "trois chevaux verts ailleurs"


@pytest.fixture
def app(tmp_path):
    """One school with its administrator, its registrar and one student, whose account nobody has used."""
    passwords.configure(1, 8)
    app = small_app(tmp_path)
    with writing(app) as session:
        school = add_school(session)
        app.school, app.ac, app.registrar = school.id, add_person(session, school).id, add_person(session, school, Role.registrar).id
        app.zoe, app.noe = add_student(session, school).id, add_student(session, school, "Noé").id
    with app.app_context(), as_staff(app.ac, app.school):
        open_accounts(db.session, [app.zoe])
        db.session.commit()
    yield app
    passwords.configure(2, 19456)


def acting_as(app, role):
    """Act with this role."""
    return acting(Actor(user_id=app.ac, name="Inès", roles=frozenset({role})), Scope(school_id=app.school, user_id=app.ac))


def card(app, *students, role="ac", only_unused=False):
    """Make cards; the codes in clear."""
    with app.app_context(), acting_as(app, role):
        ids = make_cards(db.session, students or [app.zoe], only_unused=only_unused)
        db.session.commit()
        return [row.student_id for row in rows_of(ids)], [keys.unseal("activation", row.sealed) for row in rows_of(ids)]


def rows_of(ids):
    return list(db.session.scalars(select(ActivationCode).where(ActivationCode.id.in_(ids)).order_by(ActivationCode.id)))


def enter(app, code, password=GOOD, address="10.0.0.1"):
    """Choose a password with a card."""
    with app.app_context():
        try:
            return activate(code, password, address=address, agent="a test")
        finally:
            db.session.rollback()


def state(app, code):
    with writing(app) as session:
        row = session.scalar(select(ActivationCode).where(ActivationCode.digest == keys.digest("activation", code)))
        return row.state.name, row.sealed == ""


# --- making ----------------------------------------------------------------------------------------------------------------------


def test_who_has_no_account_gets_one_with_the_card_from_who_may_open_accounts(app):
    assert card(app, app.zoe, app.noe, role="registrar")[0] == [app.zoe]
    assert card(app, app.zoe, app.noe)[0] == [app.zoe, app.noe]
    with writing(app) as session:
        assert session.scalar(select(User.username).join(Student, Student.user_id == User.id).where(Student.id == app.noe)) == "noe.benard"


def test_a_new_card_revokes_the_earlier_unused_one_and_its_code_is_wiped(app):
    (first,), (second,) = card(app)[1], card(app)[1]
    assert state(app, first) == ("revoked", True)
    assert state(app, second) == ("usable", False)


def test_nobody_to_make_a_card_for_is_said(app):
    with app.app_context(), acting_as(app, "registrar"), pytest.raises(Refusal, match="Aucune des personnes choisies"):
        make_cards(db.session, [app.noe], only_unused=False)


def test_an_account_that_opens_more_than_the_students_own_pages_gets_no_card(app):
    with writing(app) as session:
        zoe = session.get_one(Student, app.zoe)
        add_guardian(session, zoe.school, user_id=zoe.user_id)
    with app.app_context(), as_staff(app.ac, app.school):
        assert look_at(db.session, [app.zoe]).shared == ["Bénard, Zoé"]


# --- using -----------------------------------------------------------------------------------------------------------------------


def test_a_card_lets_its_student_choose_a_password_once(app):
    (code,) = card(app)[1]
    with app.app_context():
        assert whose(code, address="10.0.0.1").username == "zoe.benard"
    entry = enter(app, show_code(code).lower())
    assert entry.token
    assert state(app, code) == ("used", True)
    with writing(app) as session:
        user = session.get_one(User, entry.user_id)
        assert passwords.verify(user.password_hash, GOOD)
        assert user.last_seen_at is not None
        assert session.scalar(select(JournalEvent.verb).where(JournalEvent.table_name == "student", JournalEvent.verb == "activate")) == "activate"
    with pytest.raises(redemption.UnusableCode):
        enter(app, code)


def test_a_forgotten_password_is_replaced_and_the_other_sessions_end(app):
    first = enter(app, card(app)[1][0])
    assert card(app, only_unused=False)[0] == [app.zoe]
    with app.app_context(), acting_as(app, "ac"), pytest.raises(Refusal):
        make_cards(db.session, [app.zoe], only_unused=True)
    second = enter(app, card(app)[1][0], "quatre bateaux rouges demain")
    with writing(app) as session:
        assert [row.user_id for row in session.scalars(select(WebSession))] == [second.user_id]
        kinds = list(session.scalars(select(LoginEvent.kind).where(LoginEvent.user_id == first.user_id).order_by(LoginEvent.id)))
        assert kinds.count(LoginKind.password_changed) == 2


def refused_codes(app):
    """Every code that opens nothing here, by why."""
    with writing(app) as session:
        guardian = add_code(session, session.get_one(Student, app.zoe), code=(of_guardian := new_codes(1)[0]))
        assert guardian.purpose is CodePurpose.guardian
        exam = add_code(session, session.get_one(Student, app.zoe), code=(of_exam := new_codes(1)[0]))
        exam.purpose = CodePurpose.exam
    (revoked,) = card(app)[1]
    (expired,) = card(app)[1]
    with writing(app) as session:
        session.scalar(select(ActivationCode).where(ActivationCode.digest == keys.digest("activation", expired))).expires_at = utcnow()
    return {"a guardian's": of_guardian, "an exam's": of_exam, "revoked": revoked, "expired": expired, "invented": new_codes(1)[0]}


def test_any_other_code_is_refused_with_the_same_calm_sentence(app):
    sentences = set()
    for place, code in enumerate(refused_codes(app).values()):
        for how in (lambda: enter(app, code, address=f"10.0.1.{place}"), lambda: looked(app, code, f"10.0.2.{place}")):  # noqa: B023 (called at once)
            with pytest.raises(redemption.UnusableCode) as refusal:
                how()
            sentences.add(refusal.value.sentence)
    assert len(sentences) == 1


def looked(app, code, address):
    with app.app_context():
        return whose(code, address=address)


def test_the_card_of_a_student_does_not_register_a_guardian(app):
    (code,) = card(app)[1]
    with app.app_context(), pytest.raises(redemption.UnusableCode):
        redemption.register(
            code, given_name="Ève", family_name="Roy", email="eve@exemple.org", password=GOOD, base_url="https://x", address="10.0.0.1", agent="a test"
        )
    assert state(app, code) == ("usable", False)


@pytest.mark.parametrize("what", ["left", "shared"])
def test_a_card_opens_nothing_once_its_student_left_or_its_account_opens_more(app, what):
    (code,) = card(app)[1]
    with app.app_context(), as_staff(app.ac, app.school):
        zoe = db.session.get_one(Student, app.zoe)
        if what == "left":
            zoe.deactivate()
        else:
            add_person_role(zoe)
        db.session.commit()
    with pytest.raises(redemption.UnusableCode):
        enter(app, code)


def add_person_role(student):
    db.session.add(Membership(user_id=student.user_id, school_id=student.school_id, role=Role.ec))


def test_guessing_is_braked_and_a_slip_of_the_hand_is_not_counted(app):
    for _n in range(12):
        with app.app_context(), pytest.raises(Refusal) as slip:
            whose("ABCD-EFGH-JKMN", address="10.0.0.9")
        assert not isinstance(slip.value, redemption.UnusableCode | redemption.TooManyTries)
    for _n in range(10):
        with pytest.raises(redemption.UnusableCode):
            looked(app, new_codes(1)[0], "10.0.0.9")
    with pytest.raises(redemption.TooManyTries):
        looked(app, card(app)[1][0], "10.0.0.9")


# --- printing --------------------------------------------------------------------------------------------------------------------


def printed(app, codes_of):
    """Make cards, have them printed; the job and the texts of the pages."""
    with app.app_context(), acting_as(app, "ac"):
        ids = make_cards(db.session, codes_of, only_unused=False)
        job = Job.add(JobKind.print_access_cards, {"codes": ids})
        db.session.commit()
        job_id = job.id
    runner.run_pending(app)
    with writing(app) as session:
        job = session.get_one(Job, job_id)
        session.expunge(job)
        codes = [show_code(keys.unseal("activation", row.sealed)) for row in session.scalars(select(ActivationCode).where(ActivationCode.id.in_(ids)))]
    return job, codes


def test_a_sheet_holds_ten_cards_with_name_user_name_and_code(app):
    with writing(app) as session:
        school = session.get_one(Student, app.zoe).school
        more = [add_student(session, school, name, "Roy", language="en" if name == "Ada" else "fr").id for name in ("Ada", *"BCDEFGHIJ")]
    job, codes = printed(app, [app.zoe, *more])
    pages = texts(product(job))
    assert len(pages) == 2
    both = flat(" ".join(pages))
    assert all(code in both for code in codes)
    for text in ("zoe.benard", "ada.roy", "5e Bleue", "Collège des Tilleuls", "tilleuls.exemple/", "Aide : 01 99 00 12 00", "From then on, sign in"):
        assert text in both.replace("\u00a0", " "), text
    assert facts(product(job))["Page size"].strip().startswith("595")
    with writing(app) as session:
        assert set(session.scalars(select(ActivationCode.printed_count))) == {1}
