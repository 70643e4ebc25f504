"""Undoing a batch: what comes back, what stays and why, who may, and that it can be undone in its turn."""

import datetime as dt

import pytest
from batches import As, noted
from sqlalchemy import delete, insert, select, update

from models.activation import ActivationCode, generate
from models.base import Refusal, utcnow
from models.changes import JournalChange
from models.journal import JournalEvent
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student, StudentStatus, group_member
from models.school import Level
from models.undo import Act, find, may_undo, plan, revert, undo, undoable


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


@pytest.fixture
def ac(app, schools):
    """A counsellor, who undoes their own work only."""
    return As(app, schools[0], "ac")


def family(session, name="Durand"):
    """A student with a guardian, linked."""
    student, guardian = Student(family_name=name, given_name="Ève", national_id=f"99{name}"), Guardian(family_name=name, given_name="Luc")
    session.add_all([student, guardian, GuardianLink(student=student, guardian=guardian)])
    session.flush()
    return student.id, guardian.id, student.links[0].id


def told(found):
    """(what, screen) -> how many."""
    return {(act.name, table): n for (act, table), n in found.counts.items()}


def reasons(found):
    """Screen and reason of what is left."""
    return {(line.table, str(line.reason)) for line in found.of(Act.keep)}


# --- fields ----------------------------------------------------------------------------------------------------------------------


def test_fields_that_nobody_changed_since_are_as_before(acc, a_student):
    with acc("b1") as session:
        student = session.get_one(Student, a_student)
        before, version = (student.town, student.status), student.version
        assert student.school  # read first, so that one flush writes all
        student.town = "Arles"
        student.deactivate()
    with acc("b2") as session:
        shown = plan(session, "b1")
        assert told(shown) == {("restore", "student"): 1}
        assert session.get_one(Student, a_student).town == "Arles"  # nothing is done yet
        assert told(undo(session, "b1")) == told(shown)
        student = session.get_one(Student, a_student)
        assert (student.town, student.status) == before
        assert student.left_on is None
        assert student.version == version + 2  # whoever has the form open is told


def test_a_field_that_somebody_changed_since_is_left_and_told_and_the_others_come_back(acc, a_student):
    with acc("b1") as session:
        student = session.get_one(Student, a_student)
        phone = student.phone
        student.town, student.phone = "Arles", "1"
    with acc("b2") as session:
        session.get_one(Student, a_student).town = "Nîmes"
    with acc("b3") as session:
        found = undo(session, "b1")
        assert told(found) == {("restore", "student"): 1, ("keep", "student"): 1}
        assert reasons(found) == {("student", "Quelqu’un l’a modifié depuis.")}
        student = session.get_one(Student, a_student)
        assert (student.town, student.phone) == ("Nîmes", phone)


def test_an_undo_is_a_batch_that_can_be_undone(acc, a_student):
    with acc("b1") as session:
        before = session.get_one(Student, a_student).town
        session.get_one(Student, a_student).town = "Arles"
    with acc("b2") as session:
        undo(session, "b1")
    with acc("b3") as session:
        undo(session, "b2")
        assert session.get_one(Student, a_student).town == "Arles"
    with acc("b4") as session:
        undo(session, "b1")
        assert session.get_one(Student, a_student).town == before
        lines = session.scalars(select(JournalEvent.batch).where(JournalEvent.verb == "undo").order_by(JournalEvent.id))
        assert list(lines) == ["b2", "b3", "b4"]


def test_undoing_twice_is_refused_calmly(acc, a_student):
    with acc("b1") as session:
        session.get_one(Student, a_student).town = "Arles"
    with acc("b2") as session:
        undo(session, "b1")
    with acc("b3") as session:
        with pytest.raises(Refusal, match="a déjà annulé"):
            undo(session, "b1")
        session.rollback()


def test_a_number_that_another_record_has_now_is_not_taken_back(acc):
    with acc("b0") as session:
        one, _guardian, _link = family(session)
    with acc("b1") as session:
        session.get_one(Student, one).national_id = "990001"
    with acc("b2") as session:
        session.add(Student(family_name="Autre", given_name="Une", national_id="99DURAND"))
    with acc("b3") as session:
        assert reasons(plan(session, "b1")) == {("student", "Une autre fiche porte maintenant son numéro ou son nom.")}


def test_a_class_that_is_gone_is_not_given_back(acc, a_student, schools):
    with acc("b0") as session:
        level = Level(name="Ancien", rank=99)
        session.add(level)
        session.flush()
        session.get_one(Student, a_student).level = level
    with acc("b1") as session:
        session.get_one(Student, a_student).level = None
    with acc("b2") as session:
        session.execute(delete(Level).where(Level.name == "Ancien"))
    with acc("b3") as session:
        assert reasons(plan(session, "b1")) == {("student", "Cela n’existe plus.")}


def test_custom_fields_come_back_one_by_one(acc, a_student):
    with acc("b1") as session:
        session.get_one(Student, a_student).extra = {"bus": "12", "casier": "7"}
    with acc("b2") as session:
        session.get_one(Student, a_student).extra = {"bus": "12", "casier": "8"}
    with acc("b3") as session:
        assert {c.field for c in noted(session, batch="b1")} == {"extra.bus", "extra.casier"}
        undo(session, "b1")
        assert session.get_one(Student, a_student).extra == {"casier": "8"}


def test_one_field_alone_is_taken_back(acc, a_student):
    with acc("b1") as session:
        student = session.get_one(Student, a_student)
        town = student.town
        student.town, student.phone = "Arles", "1"
    with acc("b2") as session:
        change = next(c.id for c in noted(session, batch="b1", field="town"))
        revert(session, change)
        student = session.get_one(Student, a_student)
        assert (student.town, student.phone) == (town, "1")
        with pytest.raises(Refusal, match="modifié depuis"):
            revert(session, change)


# --- groups ----------------------------------------------------------------------------------------------------------------------


def test_members_leave_a_group_again_and_those_taken_out_return(acc, a_student):
    with acc("b0") as session:
        group = Group(name="Fanfare de mai")
        others = list(session.scalars(select(Student).where(Student.id != a_student).limit(2)))
        group.members.extend(others)
        session.add(group)
        session.flush()
        number, kept, out = group.id, others[0].id, others[1].id
    with acc("b1") as session:
        group = session.get_one(Group, number)
        group.remove(session.get_one(Student, out))
        session.get_one(Student, a_student).add_to_group(group)
    with acc("b2") as session:
        shown = plan(session, "b1")
        assert told(shown) == {("regroup", "group"): 1}
        assert told(undo(session, "b1")) == told(shown)
        inside = set(session.scalars(select(group_member.c.student_id).where(group_member.c.group_id == number)))
        assert inside == {kept, out}
        assert noted(session, batch="b2", table_name="student", field="groups")  # so that this, too, can be undone
    with acc("b3") as session:
        undo(session, "b2")
        inside = set(session.scalars(select(group_member.c.student_id).where(group_member.c.group_id == number)))
        assert inside == {kept, a_student}


# --- new rows --------------------------------------------------------------------------------------------------------------------


def test_new_rows_go_and_come_back_with_their_links_and_search_words(acc):
    with acc("b1") as session:
        student, guardian, link = family(session)
    with acc("b2") as session:
        assert told(undo(session, "b1")) == {("remove", "guardian_link"): 1, ("remove", "guardian"): 1, ("remove", "student"): 1}
        assert session.scalar(select(Student.id).where(Student.id == student)) is None
    with acc("b3") as session:
        assert told(undo(session, "b2")) == {("bring_back", "student"): 1, ("bring_back", "guardian"): 1, ("bring_back", "guardian_link"): 1}
        again = session.get_one(Student, student)
        assert (str(again), again.national_id, again.status) == ("Durand, Ève", "99DURAND", StudentStatus.active)
        assert [(found.id, found.guardian_id) for found in again.links] == [(link, guardian)]
        assert "luc" in again.search_key


def test_a_new_row_that_was_changed_since_stays_and_what_it_belongs_to_with_it(acc):
    with acc("b1") as session:
        _student, guardian, _link = family(session)
    with acc("b2") as session:
        session.get_one(Guardian, guardian).phone = "0639980000"
    with acc("b3") as session:
        found = undo(session, "b1")
        assert told(found) == {("remove", "guardian_link"): 1, ("keep", "guardian"): 1, ("remove", "student"): 1}


def test_a_new_row_to_which_something_was_added_stays(acc):
    with acc("b1") as session:
        student, _guardian, _link = family(session)
    with acc("b2") as session:
        generate(session, [student], 1, only_missing=False)
    with acc("b3") as session:
        found = undo(session, "b1")
        assert reasons(found) == {("guardian", "Quelque chose y a été ajouté depuis."), ("student", "Quelque chose y a été ajouté depuis.")}
        assert session.get(Student, student) is not None


def test_a_change_that_was_taken_back_does_not_keep_a_row(acc):
    with acc("b1") as session:
        student, _guardian, _link = family(session)
    with acc("b2") as session:
        session.get_one(Student, student).town = "Arles"
    with acc("b3") as session:
        undo(session, "b2")
    with acc("b4") as session:
        assert undo(session, "b1").kept == 0


def test_a_change_of_what_is_never_noted_keeps_a_row(acc):
    with acc("b1") as session:
        *_people, link = family(session)
    with acc("b2") as session:
        session.get_one(GuardianLink, link).suspended_reason = "secret"
    with acc("b3") as session:
        assert ("guardian_link", "Quelqu’un l’a modifié depuis.") in reasons(plan(session, "b1"))


def test_a_new_class_goes_once_the_students_are_back_in_theirs(acc, a_student):
    with acc("b1") as session:
        session.add(group := Group(name="6e Neuve", category=GroupCategory.klass))
        session.flush()
        session.get_one(Student, a_student).homeroom = group
    with acc("b2") as session:
        shown = plan(session, "b1")
        assert told(shown) == {("restore", "student"): 1, ("remove", "group"): 1}
        assert told(undo(session, "b1")) == told(shown)


def test_codes_go_unless_they_were_used_or_printed(acc, a_student):
    with acc("b1") as session:
        first, second, third = generate(session, [a_student], 3, only_missing=False).ids
        session.execute(update(ActivationCode).where(ActivationCode.id == second).values(printed_count=1))
        session.execute(update(ActivationCode).where(ActivationCode.id == third).values(used_at=utcnow(), sealed=""))
    with acc("b2") as session:
        found = undo(session, "b1")
        assert told(found) == {("remove", "activation_code"): 1, ("keep", "activation_code"): 2}
        assert session.get(ActivationCode, first) is None
        assert "ne peuvent pas revenir" in str(found.notes[0])
        assert noted(session, batch="b2") == []  # nothing of a code is ever written down
    with acc("b3") as session:
        with pytest.raises(Refusal, match="rien à annuler"):
            undo(session, "b2")
        session.rollback()


def test_roles_and_accounts_are_left_to_their_own_screen(acc, schools):
    from models.access import Membership, Role, User

    with acc("b1") as session:
        session.add(Membership(user=User(username="neuve", given_name="N"), role=Role.amp, school_id=schools[0]))
    with acc("b2") as session:
        assert undoable(session, ["b1"]) == set()
        assert {table for table, _reason in reasons(plan(session, "b1"))} == {"user", "membership"}


# --- deleted rows ----------------------------------------------------------------------------------------------------------------


def test_a_deleted_student_comes_back_with_links_and_groups(acc):
    with acc("b0") as session:
        student, _guardian, link = family(session)
        session.add(group := Group(name="Fanfare de mai"))
        session.get_one(Student, student).add_to_group(group)
        session.flush()
        number = group.id
    with acc("b1") as session:
        session.delete(session.get_one(Student, student))
    with acc("b2") as session:
        undo(session, "b1")
        again = session.get_one(Student, student)
        assert ([found.id for found in again.links], [found.id for found in again.groups]) == ([link], [number])
        assert again.version == 2  # whoever had the form open is told


def test_a_link_whose_guardian_went_too_does_not_come_back_alone(acc):
    with acc("b0") as session:
        student, guardian, link = family(session)
    with acc("b1") as session:
        session.delete(session.get_one(GuardianLink, link))
    with acc("b2") as session:
        session.delete(session.get_one(Guardian, guardian))
    with acc("b3") as session:
        assert reasons(plan(session, "b1")) == {("guardian_link", "Ce à quoi cela appartenait n’existe plus.")}
        assert undo(session, "b2").total == 1
        assert undo(session, "b1").total == 1
        assert session.get_one(GuardianLink, link).student_id == student


def test_a_row_whose_number_an_older_version_gave_again_stays_in_the_trash(acc):
    with acc("b0") as session:
        student, _guardian, _link = family(session)
    with acc("b1") as session:
        session.delete(session.get_one(Student, student))
    with acc("b2") as session:
        session.execute(insert(Student), [{"id": student, "school_id": 1, "family_name": "Prise", "given_name": "Place"}])
    with acc("b3") as session:
        assert ("student", "Une autre fiche porte maintenant son numéro ou son nom.") in reasons(plan(session, "b1"))
        assert session.get_one(Student, student).family_name == "Prise"


def test_the_number_of_a_deleted_record_is_given_to_nobody_else(acc):
    with acc("b0") as session:
        student, guardian, link = family(session)
    with acc("b1") as session:
        session.delete(session.get_one(Student, student))
    with acc("b2") as session:
        session.add(other := Student(family_name="Autre", given_name="Une"))
        session.flush()
        assert other.id > student
    with acc("b3") as session:
        undo(session, "b1")
        found = session.get_one(Student, student)
        assert [(one.id, one.guardian_id) for one in found.links] == [(link, guardian)]


# --- who -------------------------------------------------------------------------------------------------------------------------


def test_only_the_author_and_the_site_administrator_undo(acc, ac, a_student, app, schools):
    with acc("b1") as session:
        session.get_one(Student, a_student).town = "Arles"
    with ac("b2") as session:
        session.get_one(Student, a_student).phone = "1"
        assert not may_undo(find(session, "b1"))
        assert may_undo(find(session, "b2"))
        with pytest.raises(Refusal, match="Seul"):
            undo(session, "b1")
    with acc("b3") as session:
        assert may_undo(find(session, "b2"))
    for username in ("ec", "registrar", "amp", "head", "inspector"):
        with As(app, schools[0], username)("b4") as session:
            assert not may_undo(find(session, "b2")), username
    with As(app, schools[1], "acc2")("b5") as session:
        assert find(session, "b2") is None


def test_after_thirty_days_only_the_site_administrator_and_only_what_needs_no_value(acc, ac, a_student):
    with ac("b1") as session:
        session.get_one(Student, a_student).town = "Arles"
        session.add(Guardian(family_name="Neuve"))
        session.flush()
        old = {key: value for key, value in JournalEvent.__table__.columns.items() if key != "id"}
        lines = [dict(row._mapping) for row in session.execute(select(*old.values()).where(JournalEvent.batch == "b1"))]
        session.execute(insert(JournalEvent), [{**line, "batch": "old", "at": utcnow() - dt.timedelta(days=31)} for line in lines])
        session.execute(delete(JournalChange))
        assert not may_undo(find(session, "old"))
    with acc("b2") as session:
        found = undo(session, "old")
        assert told(found) == {("keep", "student"): 1, ("remove", "guardian"): 1} or ("keep", "guardian") in told(found)
        assert ("student", "Ses valeurs d’avant ne sont plus conservées.") in reasons(found)


def test_a_teacher_undoes_only_what_still_exists_for_them(app, schools):
    teacher = As(app, schools[0], "ec")
    with teacher("b1") as session:
        first, second = session.scalars(select(Student).order_by(Student.id).limit(2))
        first.phone, second.phone = "1", "2"
        ids = first.id, second.id
    with As(app, schools[0], "acc")("b2") as session:
        student = session.get_one(Student, ids[1])
        student.adviser, student.homeroom = None, None
        student.groups.clear()
    with teacher("b3") as session:
        found = undo(session, "b1")
        assert told(found) == {("restore", "student"): 1, ("keep", "student"): 1}
        assert [line.name for line in found.of(Act.keep)] == [""]  # nothing is told about whom they no longer follow
    with As(app, schools[0], "acc")("b4") as session:
        assert session.get_one(Student, ids[1]).phone == "2"
