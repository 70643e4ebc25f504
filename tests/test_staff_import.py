"""An import of staff: who is who, which role, which classes, who is absent, what an undo takes back."""

import pytest
from conftest import rows
from import_desk import Desk
from sqlalchemy import select
from staffing import HEADINGS, STAFF, staff_desk, staff_file

from models.access import Membership, Role, User, WebSession
from models.accounts import new_token
from models.base import Refusal
from models.db import db
from models.imports import Import, ImportRow, ImportStatus
from models.journal import JournalEvent
from models.school import NotReady, School
from models.sessions import open_session, standing_of
from models.undo import find, may_undo, undo
from models.undo import plan as undo_plan


@pytest.fixture
def desk(app, empty):
    return staff_desk(app, empty)


def cells(desk, key, line):
    return desk.row(key, line).cells


def test_teachers_heads_and_their_classes_are_written_and_a_second_time_changes_nothing(desk):
    key = desk.send(staff_file(STAFF))
    assert desk.counts(key)["created"] == 3
    desk.do(key, "confirm")
    assert desk.roles() == {
        ("Hélène Bénard", "helene.benard@exemple.org", "ec"),
        ("Jean-Pierre Le Goff", "jean-pierre.le-goff", "ec"),
        ("An Nguyen", "an.nguyen@exemple.org", "head"),
    }
    assert desk.shares() == [("4e Verte", "Hélène Bénard"), ("4e Verte", "Jean-Pierre Le Goff"), ("5e Bleue", "Hélène Bénard")]
    counts = desk.counts(desk.send(staff_file(STAFF)))
    assert (counts["created"], counts["changed"], counts["unchanged"], counts["absent"]) == (0, 0, 3, 0)


def test_a_user_name_is_proposed_where_there_is_no_e_mail_with_a_number_when_taken(app, desk):
    with rows(app) as session:
        session.add(User(given_name="Autre", family_name="Personne", username="jean-pierre.le-goff"))
    key = desk.send(staff_file(STAFF[1:]))
    assert cells(desk, key, 2)["username"] == "jean-pierre.le-goff2"
    assert desk.state(key)[1]["proposed"] == 1
    desk.fix(key, 2, {"username": "jp.legoff"}, kind="staff")
    desk.do(key, "confirm")
    assert ("Jean-Pierre Le Goff", "jp.legoff", "ec") in desk.roles()


def test_a_function_that_says_no_role_is_asked_once_for_all_its_lines(app, desk):
    edu = [{**STAFF[0], "fonction": "EDU"}, {"nom": "Diallo", "prenom": "Awa", "fonction": "EDU"}, {"nom": "Roy", "prenom": "Luc"}]
    key = desk.send(staff_file([*edu, STAFF[2]]))
    assert desk.counts(key)["error"] == 3
    with rows(app) as session:
        assert [(p["text"], p["lines"], p["near"]) for p in session.get_one(Import, key).places] == [("", 1, ""), ("EDU", 2, ""), ("DIR", 1, "head")]
    desk.do(key, "settle", "role", "EDU", "amp")
    desk.do(key, "settle", "role", "", "-")
    counts = desk.counts(key)
    assert (counts["created"], counts["error"], counts["ignored"]) == (3, 0, 1)
    desk.do(key, "confirm")
    assert ("Awa Diallo", "awa.diallo", "amp") in desk.roles()


@pytest.mark.parametrize(("key", "to"), [("role", "student"), ("role", None), ("password_hash", "x"), ("role", "everything")])
def test_a_role_that_no_file_gives_is_refused(desk, key, to):
    sent = desk.send(staff_file([{**STAFF[0], "fonction": "EDU"}]))
    with pytest.raises(Refusal):
        desk.do(sent, "settle", key, "EDU", to)


def test_somebody_of_another_school_is_found_by_e_mail_and_keeps_the_account(app, desk):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ec2")).email = "helene.benard@exemple.org"
        session.scalar(select(User).where(User.username == "ec2")).family_name = "Bénard"
        before = session.scalar(select(User.given_name).where(User.username == "ec2"))
    key = desk.write(staff_file(STAFF[:1]))
    status, counts, written, _problem = desk.state(key)
    assert (status, counts["new_accounts"], written["staff_created"]) == (ImportStatus.done, 0, 1)
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "helene.benard@exemple.org"))
        assert (user.username, user.given_name, len(user.memberships)) == ("ec2", before, 2)


def test_an_e_mail_of_somebody_with_another_name_gives_them_no_role(app, desk):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ec2")).email = "helene.benard@exemple.org"
    key = desk.send(staff_file(STAFF[:1]))
    assert desk.notes(key)[2][0][:3] == ("email", "helene.benard@exemple.org", "This e-mail is that of somebody with another name.")


def test_namesakes_are_told_apart_by_birth_date_and_never_guessed(desk):
    two = [{"nom": "Roy", "prenom": "Luc", "fonction": "ENS", "date_naissance": f"0{day}/02/1980"} for day in (1, 2)]
    key = desk.send(staff_file(two))
    assert desk.counts(key)["created"] == 2
    desk.do(key, "confirm")
    assert {login for _name, login, _role in desk.roles()} == {"luc.roy", "luc.roy2"}
    again = desk.send(staff_file(two))
    assert desk.notes(again)[2][0][2] == "luc.roy has the same name."
    desk.fix(again, 2, {"username": "luc.roy"}, kind="staff")
    desk.fix(again, 3, {"username": "luc.roy2"}, kind="staff")
    assert desk.counts(again)["unchanged"] == 2


def test_the_same_person_on_two_lines_is_told(desk):
    key = desk.send(staff_file([STAFF[0], {**STAFF[0], "fonction": "DIR"}, STAFF[1], STAFF[1]]))
    assert {line: notes[0][2] for line, notes in desk.notes(key).items()} == {
        3: "The same person stands on line 2.",
        5: "The same person stands on line 4.",
    }


def test_a_role_is_added_to_who_works_here_already_and_a_disabled_one_opened_again(app, desk):
    desk.write(staff_file(STAFF))
    with rows(app) as session:
        membership = session.scalar(select(Membership).join(User, Membership.user_id == User.id).where(User.username == "jean-pierre.le-goff"))
        membership.active = False
    key = desk.send(staff_file([STAFF[1], {**STAFF[2], "fonction": "ENS"}]))
    assert desk.counts(key)["changed"] == 2
    desk.do(key, "confirm")
    assert {("Jean-Pierre Le Goff", "jean-pierre.le-goff", "ec"), ("An Nguyen", "an.nguyen@exemple.org", "ec", "head")} <= desk.roles()


def test_absent_teachers_lose_their_role_only_when_asked_and_never_whoever_imports(app, desk):
    desk.write(staff_file(STAFF))
    with rows(app) as session:
        session.add(Membership(user_id=desk.user_id, school_id=desk.school_id, role=Role.ec))
    key = desk.send(staff_file(STAFF[:1]))
    with rows(app) as session:
        absent = list(session.scalars(select(ImportRow.name).where(ImportRow.import_id == key, ImportRow.line == 0)))
    assert absent == ["Le Goff, Jean-Pierre"]  # the head is not of a role that this file gives
    with pytest.raises(Refusal, match="changes nothing"):
        desk.do(key, "confirm")
    with pytest.raises(Refusal, match="more than one in five"):
        desk.do(key, "confirm", deactivate=True)
    desk.do(key, "confirm", deactivate=True, typed="1")
    assert ("Jean-Pierre Le Goff", "jean-pierre.le-goff") in desk.roles()
    assert ("An Nguyen", "an.nguyen@exemple.org", "head") in desk.roles()


def test_site_administrators_are_made_only_by_a_tick_and_the_last_one_stays(app, desk):
    key = desk.send(staff_file([{**STAFF[0], "fonction": "Administrateur du site"}]))
    with pytest.raises(Refusal, match="site administrators"):
        desk.do(key, "confirm")
    desk.do(key, "confirm", admins=True)
    assert ("Hélène Bénard", "helene.benard@exemple.org", "acc") in desk.roles()


def test_whoever_imports_keeps_their_own_role(app, desk):
    with rows(app) as session:
        me = session.get_one(User, desk.user_id)
        line = {"nom": me.family_name, "prenom": me.given_name, "identifiant": me.username, "fonction": "ENS"}
    key = desk.send(staff_file([line, STAFF[0]]))
    assert desk.notes(key, "doubts")[2][0][2] == "Nobody changes their own rights: your line is left as it is."
    desk.do(key, "confirm")
    with rows(app) as session:
        held = session.scalars(select(Membership.role).where(Membership.user_id == desk.user_id, Membership.school_id == desk.school_id))
        assert list(held) == [Role.acc]


def test_columns_that_are_not_ours_are_left_out(app, desk):
    forged = [{**STAFF[0], "password_hash": "x", "school_id": "1", "email_confirmed_at": "2020-01-01"}]
    key = desk.send(staff_file(forged, [*HEADINGS, "password_hash", "school_id", "email_confirmed_at"]))
    with pytest.raises(Refusal, match="not a column"):
        desk.do(key, "choose", {}, {7: "password_hash"})
    desk.do(key, "confirm")
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "helene.benard@exemple.org"))
        assert (user.password_hash, user.email_confirmed_at) == ("", None)


def test_a_school_that_does_not_say_who_it_is_writes_nobody(app, desk):
    with rows(app) as session:
        session.get_one(School, desk.school_id).email = ""
    key = desk.send(staff_file(STAFF))
    with pytest.raises(NotReady):
        desk.do(key, "confirm")


def batch_of(app, key):
    with rows(app) as session:
        return session.get_one(Import, key).batch


def test_an_undo_withdraws_roles_and_removes_accounts_that_nobody_used(app, desk):
    key = desk.write(staff_file(STAFF))
    with rows(app) as session:
        used = session.scalar(select(User).where(User.email == "an.nguyen@exemple.org"))
        used.password_hash = "chosen"
        invited = session.scalar(select(User).where(User.username == "jean-pierre.le-goff"))
        new_token(invited, "shown")
        open_session(used, standing_of(used.id))
    with app.app_context(), desk.acting():
        shown = undo_plan(db.session, batch_of(app, key)).counts
        done = undo(db.session, batch_of(app, key))
        db.session.commit()
    assert {(act.name, table): number for (act, table), number in done.counts.items()} == {
        ("regroup", "group"): 2,
        ("remove", "membership"): 3,
        ("remove", "user"): 2,
        ("keep", "user"): 1,
    }
    assert shown == done.counts
    assert [str(line.name) for line in done.lines if line.act.name == "keep"] == ["An Nguyen"]
    assert desk.roles() == set()
    assert desk.shares() == []
    with rows(app) as session:
        assert session.scalar(select(User.password_hash).where(User.email == "an.nguyen@exemple.org")) == "chosen"
        assert session.scalar(select(User).where(User.username == "jean-pierre.le-goff")) is None
        assert session.scalar(select(WebSession.school_id).where(WebSession.school_id == desk.school_id)) is None


def test_an_undo_gives_absent_colleagues_their_role_back(app, desk):
    desk.write(staff_file(STAFF))
    key = desk.send(staff_file(STAFF[:1]))
    desk.do(key, "confirm", deactivate=True, typed="1")
    with app.app_context(), desk.acting():
        undo(db.session, batch_of(app, key))
        db.session.commit()
    assert ("Jean-Pierre Le Goff", "jean-pierre.le-goff", "ec") in desk.roles()


def test_only_who_may_import_staff_takes_such_an_import_back(app, desk):
    batch = batch_of(app, desk.write(staff_file(STAFF)))
    with app.app_context(), Desk(app, desk.school_id, "ac").acting():
        assert not may_undo(find(db.session, batch))
        with pytest.raises(Refusal):
            undo(db.session, batch)
    with app.app_context(), desk.acting():
        assert may_undo(find(db.session, batch))
    assert len(desk.roles()) == 3


def test_an_undo_of_staff_is_not_undone_in_its_turn(app, desk):
    key = desk.write(staff_file(STAFF))
    with app.app_context(), desk.acting():
        undo(db.session, batch_of(app, key))
        db.session.commit()
        last = db.session.scalars(select(JournalEvent.batch).where(JournalEvent.verb == "undo").order_by(JournalEvent.id.desc())).first()
        again = undo_plan(db.session, last)
        assert (again.total, again.kept) == (0, 8)
