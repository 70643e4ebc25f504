"""Making codes: how many, for whom, on which envelope; then their list, their letters, their revocation (story C)."""

import datetime as dt

import pytest
from conftest import counted, rows
from small import add_code, add_guardian, add_person, add_school, add_student, as_staff, small_app, writing
from sqlalchemy import select

from models.activation import ActivationCode, generate, look_at, new_codes, read_code, wipe_expired, without_access
from models.base import Refusal, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Authority, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.school import School
from models.settings import Setting

# --- the rule ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def app_of_one(tmp_path):
    """A small application: a school, a clerk, three students."""
    app = small_app(tmp_path)
    with writing(app) as session:
        school = add_school(session)
        app.school = school.id
        app.clerk = add_person(session, school, username="secretaire").id
        app.students = [add_student(session, school, given_name=name).id for name in ("Zoé", "Noé", "Inès")]
    return app


def make(app, ids, quantity=1, only_missing=False):
    """Codes made by the clerk."""
    with app.app_context(), as_staff(app.clerk, app.school):
        batch = generate(db.session, ids, quantity, only_missing)
        db.session.commit()
        return batch


def link(session, student_id, **given):
    """A guardian whom the school knows; `account` gives them a login."""
    school = session.get(Student, student_id).school
    names = {name: given.pop(name) for name in ("given_name", "user_id") if name in given}
    guardian = add_guardian(session, school, **names)
    session.add(GuardianLink(school_id=school.id, student_id=student_id, guardian_id=guardian.id, **given))
    session.flush()
    return guardian.id


def test_twice_as_many_codes_as_students_all_different_and_all_valid(app_of_one):
    batch = make(app_of_one, app_of_one.students, 2)
    assert (len(batch.ids), batch.students, batch.skipped) == (6, 3, 0)
    with app_of_one.app_context(), as_staff(app_of_one.clerk, app_of_one.school):
        clear = [code.reveal() for code in db.session.scalars(select(ActivationCode))]
    assert len(set(clear)) == 6
    assert [read_code(code) for code in clear] == clear


@pytest.mark.parametrize("quantity", [0, -1, 5, 1000])
def test_one_to_four_codes_each(app_of_one, quantity):
    with pytest.raises(Refusal):
        make(app_of_one, app_of_one.students, quantity)


def test_known_guardians_get_an_envelope_each_mother_and_father_first(app_of_one):
    zoe, noe, _ines = app_of_one.students
    with writing(app_of_one) as session:
        link(session, zoe, given_name="Mamie", relation=Relation.grandparent)
        father = link(session, zoe, given_name="Paul", relation=Relation.father)
        mother = link(session, zoe, given_name="Hélène", relation=Relation.mother)
        online = link(session, noe, given_name="Anne", user_id=app_of_one.clerk)
        link(session, noe, given_name="Voisin", authority=Authority.contact)
        link(session, noe, given_name="Luc", status=LinkStatus.suspended)
    make(app_of_one, [zoe, noe], 2)
    with writing(app_of_one) as session:
        owners = {}
        for code in session.scalars(select(ActivationCode).order_by(ActivationCode.id)):
            owners.setdefault(code.student_id, []).append(code.guardian_id)
    assert owners == {zoe: [mother, father], noe: [None, None]}
    assert online not in owners[noe]


def test_a_guardian_who_has_a_usable_code_gets_no_second_envelope(app_of_one):
    zoe = app_of_one.students[0]
    with writing(app_of_one) as session:
        mother = link(session, zoe, relation=Relation.mother)
        father = link(session, zoe, given_name="Paul", relation=Relation.father)
    make(app_of_one, [zoe])
    make(app_of_one, [zoe])
    make(app_of_one, [zoe])
    with writing(app_of_one) as session:
        assert list(session.scalars(select(ActivationCode.guardian_id).order_by(ActivationCode.id))) == [mother, father, None]


def test_only_missing_means_no_usable_code_and_nobody_online(app_of_one):
    zoe, noe, ines = app_of_one.students
    with writing(app_of_one) as session:
        add_code(session, session.get(Student, zoe), days=-1)
        add_code(session, session.get(Student, noe))
        link(session, ines, user_id=app_of_one.clerk)
        with app_of_one.app_context():
            assert without_access(session, app_of_one.students) == {zoe}
    assert make(app_of_one, app_of_one.students, only_missing=True).students == 1
    again = make(app_of_one, app_of_one.students, only_missing=True)
    assert (again.ids, again.students) == ([], 0)


def test_a_student_who_has_left_gets_none_and_is_counted(app_of_one):
    with writing(app_of_one) as session:
        session.get(Student, app_of_one.students[0]).status = StudentStatus.left
    batch = make(app_of_one, app_of_one.students)
    assert (batch.students, batch.skipped) == (2, 1)


def test_codes_are_valid_until_the_end_of_the_local_day(app_of_one):
    from zoneinfo import ZoneInfo

    with writing(app_of_one) as session:
        school = session.get(School, app_of_one.school)
        school.time_zone = "Pacific/Noumea"
        session.add(Setting(school_id=school.id, key="code_days", value="30"))
    make(app_of_one, app_of_one.students[:1])
    with writing(app_of_one) as session:
        until = session.scalar(select(ActivationCode.expires_at)).astimezone(ZoneInfo("Pacific/Noumea"))
        assert until.timetz().replace(tzinfo=None) == dt.time(23, 59, 59)
        assert until.date() == utcnow().astimezone(ZoneInfo("Pacific/Noumea")).date() + dt.timedelta(days=30)


def test_the_history_holds_one_line_with_batch_and_count(app_of_one):
    batch = make(app_of_one, app_of_one.students, 2)
    with writing(app_of_one) as session:
        line = session.scalars(select(JournalEvent).where(JournalEvent.verb == "generate_codes")).one()
        assert (line.table_name, line.rows, line.user_id) == ("student", 6, app_of_one.clerk)
        assert set(session.scalars(select(ActivationCode.batch))) == {batch.name}


def test_the_statements_do_not_grow_with_the_students(app_of_one):
    with writing(app_of_one) as session:
        school = session.get(School, app_of_one.school)
        session.add_all(Student(school_id=school.id, given_name="Noé", family_name=f"Bernard {n}") for n in range(1000))
    with writing(app_of_one) as session:
        many = list(session.scalars(select(Student.id)))
    with counted(app_of_one) as few:
        make(app_of_one, many[:20], 2)
    with counted(app_of_one) as lots:
        batch = make(app_of_one, many, 2)
    assert len(batch.ids) == 2 * 1003
    assert len(lots) == len(few) <= 8


def test_more_than_ten_thousand_rows_are_several_transactions(app_of_one, monkeypatch):
    monkeypatch.setattr("models.activation.CHUNK", 4)
    batch = make(app_of_one, app_of_one.students, 3)
    assert len(batch.ids) == 9
    with writing(app_of_one) as session:
        assert list(session.scalars(select(JournalEvent.rows).where(JournalEvent.verb == "generate_codes"))) == [4, 4, 1]


def test_codes_of_two_schools_are_not_made_together(app_of_one):
    with writing(app_of_one) as session:
        other = add_student(session, add_school(session, official_code="QC999001", country="CA"))
        with pytest.raises(Refusal):
            look_at(session, [other.id, *app_of_one.students])


def test_no_two_codes_of_a_large_batch_are_alike():
    codes = new_codes(20_000)
    assert len(set(codes)) == 20_000


def test_36_an_expired_code_loses_its_printable_copy_and_the_others_keep_theirs(app, schools):
    with rows(app) as session:
        student = session.scalar(select(Student.id).where(Student.school_id == schools[0]))
        old, young = (session.get(ActivationCode, i) for i in generate(session, [student], 2, only_missing=False).ids)
        old.expires_at = utcnow() - dt.timedelta(days=1)
        session.flush()
        assert wipe_expired(session) >= 1
        session.expire_all()
        assert old.sealed == ""
        assert young.reveal()
