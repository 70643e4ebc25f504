"""The demonstration: the same seed gives the same people, none of them could be real, and every account has its place."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import pytest
from small import small_app, writing
from sqlalchemy import func, select, text

from jobs.demo import ACCOUNTS, PASSWORD, load_demo
from jobs.demo_people import make_people
from jobs.demo_shown import load_shown
from models import keys, passwords
from models.access import Membership, Role, User
from models.activation import ActivationCode, CodePurpose, CodeState, missing_clause
from models.base import Refusal, fold, today
from models.custom import CustomField
from models.duplicates import pairs
from models.identifiers import decode_permanent, ine_doubt, permanent_doubt
from models.journal import JournalEvent
from models.papers import IssuedPaper
from models.people import Group, GroupCategory, Guardian, GuardianLink, LinkStatus, Student
from models.reach import _my_students
from models.saved_view import SavedView
from models.school import Level, School
from models.scope import Scope, unscoped

FRENCH_PHONE = re.compile(r"\+33(?:63998|19900)\d{4}")
QUEBEC_PHONE = re.compile(r"\+1(?:418|514|450|819)55501\d\d")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Both schools at full size, in a database of their own."""
    app = small_app(tmp_path_factory.mktemp("demo"))
    with writing(app) as session:
        counts = load_demo(session)
    return app, counts


@pytest.fixture
def look(demo):
    """A session that sees everything."""
    keys.configure(b"a key for tests, long enough")  # the one that sealed this school's codes
    with demo[0].app_context(), unscoped("a test looks"):
        from models.db import db

        yield db.session
        db.session.rollback()


def user(session, name):
    return session.scalars(select(User).where(User.username == name)).one()


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    assert make_people("FR", 120, 42, 2026) == make_people("FR", 120, 42, 2026)
    assert make_people("CA", 60, 42, 2026) == make_people("CA", 60, 42, 2026)
    assert make_people("FR", 120, 42, 2026) != make_people("FR", 120, 43, 2026)


@pytest.mark.parametrize("country", ["FR", "CA"])
@pytest.mark.parametrize("seed", [1, 42, 2026])
def test_nobody_could_be_real(country, seed):
    people = make_people(country, 300, seed, 2026)
    phone = FRENCH_PHONE if country == "FR" else QUEBEC_PHONE
    for adult in people.adults:
        assert not adult.phone or phone.fullmatch(adult.phone_e164)
        assert not adult.email or adult.email.endswith("@example.org")
    for child in people.children:
        assert not child.email or child.email.endswith(("@example.org", "@etudiant.example.org"))
        assert not child.phone or re.fullmatch(r"(?:418|514|450|819) 555-01\d\d", child.phone)
        if country == "FR":
            assert child.home.postal_code.startswith("99")
            assert not child.national_id or child.national_id.startswith("99")
            assert not child.national_id or ine_doubt(child.national_id) is None
        elif child.national_id:
            assert permanent_doubt(child.national_id, child.born_on, child.sex) is None
            assert int(child.national_id[-2:]) >= 90


@pytest.mark.parametrize("seed", [1, 42, 2026])
def test_every_kind_of_family_is_there(seed):
    people = make_people("FR", 300, seed, 2026)
    kids = people.children
    names = Counter((fold(k.family_name), fold(k.given_name)) for k in kids)
    assert max(names.values()) > 1, "homonyms"
    assert max(Counter((k.family, k.born_on) for k in kids).values()) > 1, "twins"
    assert max(Counter(k.family for k in kids).values()) > 2, "siblings"
    assert max(Counter((fold(k.family_name), fold(k.given_name), k.born_on) for k in kids).values()) == 1, "nobody twice"
    homes = [{people.adults[tie.adult].home for tie in k.ties if tie.authority == "legal"} for k in kids]
    assert sum(len(found) == 2 for found in homes) > 20, "separated parents with two addresses"
    written = " ".join(k.family_name for k in kids)
    assert all(sign in written for sign in ("'", "-", " ")), "particles, hyphens"
    assert not written.isascii()
    assert seed != 42 or "œ" in written, "the school that everybody sees has a ligature"
    assert {k.level for k in kids} == {0, 1, 2, 3}
    assert all(15 <= size <= 35 for size in Counter(k.klass for k in kids).values())


def test_identifiers_are_never_given_twice():
    for country in ("FR", "CA"):
        kids = make_people(country, 2000, 5, 2026).children
        for numbers in ([k.national_id for k in kids if k.national_id], [k.local_id for k in kids]):
            assert len(numbers) == len(set(numbers))


def test_the_french_school_has_300_students_in_four_levels_and_the_quebec_one_150(look, demo):
    french, quebec = look.scalars(select(School).order_by(School.id))
    assert (french.name, french.official_code, french.language) == ("Collège des Tilleuls", "9990001X", "fr")
    assert (quebec.name, quebec.country.name, quebec.language) == ("Cégep de la Rive", "CA", "fr_CA")
    sizes = dict(look.execute(select(Student.school_id, func.count()).group_by(Student.school_id)).all())
    assert sizes == {french.id: 300, quebec.id: 150}
    assert demo[1]["students"] == 450
    assert look.scalars(select(Level.name).where(Level.school_id == french.id).order_by(Level.rank)).all() == ["6e", "5e", "4e", "3e"]
    rooms = look.scalars(select(Group.name).where(Group.school_id == french.id, Group.category == GroupCategory.klass)).all()
    assert len(rooms) == 12
    assert "6e Bleue" in rooms
    codes = look.scalars(select(Student.national_id).where(Student.school_id == quebec.id, Student.national_id.is_not(None))).all()
    assert all(decode_permanent(code) for code in codes)
    assert look.scalar(select(func.count()).select_from(Group).where(Group.school_id == quebec.id, Group.category == GroupCategory.client)) > 0


def test_each_account_signs_in_with_the_demo_password_and_has_its_role(look):
    for suffix in ("", "2"):
        for name in ACCOUNTS:
            person = user(look, f"{name}{suffix}")
            assert passwords.verify(person.password_hash, PASSWORD)
            if name in Role.__members__ and name != "student":
                assert [m.role.name for m in person.memberships] == [name]
        assert len(look.scalars(select(Student).where(Student.user_id == user(look, f"student{suffix}").id)).all()) == 1
    assert user(look, "ac").name == "Camille Roussel"


def test_the_inspectors_window_is_open_today_and_closes(look):
    window = look.scalars(select(Membership).where(Membership.user_id == user(look, "inspector").id)).one()
    now = today()
    assert window.open_on(now)
    assert window.open_on(now + dt.timedelta(days=30))
    assert not window.open_on(now + dt.timedelta(days=31))


def test_the_parent_has_one_child_in_each_school(look):
    mine = look.scalars(select(Guardian).where(Guardian.user_id == user(look, "parent").id).order_by(Guardian.school_id)).all()
    assert len({row.school_id for row in mine}) == 2
    assert {row.email for row in mine} == {"parent@example.org"}
    for row in mine:
        assert LinkStatus.active in [link.status for link in row.links]
    theirs = look.scalars(select(Guardian).where(Guardian.user_id == user(look, "parent2").id)).one()
    assert theirs.links


def test_the_teacher_sees_some_students_and_not_all(look):
    for name in ("ec", "ec2"):
        person = user(look, name)
        school_id = person.memberships[0].school_id
        mine = set(look.scalars(_my_students(Scope(school_id=school_id, user_id=person.id))))
        in_groups = look.scalars(select(Group).where(Group.school_id == school_id, Group.category == GroupCategory.other)).all()
        reached = {s.id for g in in_groups if g.owner_id == person.id or person in g.shared_with for s in g.members}
        assert 15 <= len(reached) <= 60
        assert reached < mine, "some are advised only"
        assert len(mine) < 100


def test_codes_stand_in_all_four_states_and_nobody_sees_some_children(look):
    for school in look.scalars(select(School)):
        mine = (ActivationCode.school_id == school.id, ActivationCode.purpose == CodePurpose.guardian)
        rows = look.scalars(select(ActivationCode).where(*mine)).all()
        assert {row.state for row in rows} == set(CodeState)
        for row in rows:
            if row.usable:
                assert row.reveal().endswith(row.tail)
            else:
                assert row.sealed == ""
        lonely = look.scalar(select(func.count()).select_from(Student).where(Student.school_id == school.id, missing_clause()))
        assert 20 < lonely < 200


def test_one_link_is_suspended_and_two_are_to_check(look):
    for school in look.scalars(select(School)):
        counts = Counter(look.scalars(select(GuardianLink.status).where(GuardianLink.school_id == school.id)))
        assert (counts[LinkStatus.suspended], counts[LinkStatus.to_check]) == (1, 2)


def test_the_history_holds_the_schools_days_and_not_the_loading(look):
    events = look.scalars(select(JournalEvent)).all()
    assert 20 < len(events) < 80
    assert {"Camille Roussel", "Odile Le Tallec"} <= {event.who for event in events}
    assert min(event.at for event in events) < max(event.at for event in events) - dt.timedelta(days=30)


def test_search_finds_a_student_by_a_guardians_phone(look):
    link = look.scalars(select(GuardianLink).join(Guardian).where(Guardian.phone_e164 != "")).first()
    assert link.guardian.phone_e164 in link.student.search_key
    assert fold(link.student.family_name) in link.student.search_key


def test_a_second_loading_is_refused_and_so_are_too_few_students(demo):
    with writing(demo[0]) as session:
        with pytest.raises(Refusal, match="déjà chargée"):
            load_demo(session)
        with pytest.raises(Refusal, match="au moins 12"):
            load_demo(session, students=5)


@pytest.mark.parametrize(("students", "seed"), [(12, 1), (30, 7), (61, 3)])
def test_small_demonstrations_hold_together(tmp_path, students, seed):
    app = small_app(tmp_path)
    with writing(app) as session:
        counts = load_demo(session, students=students, seed=seed)
        assert counts["students"] == students + max(students // 2, min(students, 30))
        assert user(session, "parent").id
        assert Counter(session.scalars(select(GuardianLink.status)))[LinkStatus.suspended] == 2


def test_screens_that_a_fresh_school_leaves_empty_hold_something(tmp_path):
    app = small_app(tmp_path)
    with writing(app) as session:
        load_demo(session, students=30)
        load_shown(session)
    with app.app_context(), unscoped("a test looks"):
        from models.db import db

        for school in db.session.scalars(select(School).order_by(School.id)).all():
            (field,) = db.session.scalars(select(CustomField).where(CustomField.school_id == school.id))
            held = [extra.get(field.key) for extra in db.session.scalars(select(Student.extra).where(Student.school_id == school.id))]
            assert {choice["key"] for choice in field.choices} >= set(held) - {None} != set()
            assert [view.shared for view in db.session.scalars(select(SavedView).where(SavedView.school_id == school.id))] == [True]
            assert len(db.session.scalars(select(IssuedPaper).where(IssuedPaper.school_id == school.id)).all()) == 2
            found = db.session.execute(pairs(Guardian)).all()
            assert {db.session.get(Guardian, a).school_id for a, _b in found} >= {school.id}
        assert db.session.execute(text("PRAGMA foreign_key_check")).all() == [] if db.engine.dialect.name == "sqlite" else True
        db.session.rollback()
