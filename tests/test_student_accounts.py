"""Students' own accounts: user names, states, two writers, undo."""

import pytest
from conftest import counted
from small import add_person, add_school, add_student, as_staff, small_app, writing
from sqlalchemy import select

from models.access import User, WebSession
from models.base import Refusal, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Student
from models.school import School
from models.student_accounts import OwnAccount, account_of, look_at, open_account, open_accounts, with_account


@pytest.fixture
def app(tmp_path):
    """One school and its administrator."""
    app = small_app(tmp_path)
    with writing(app) as session:
        school = add_school(session)
        app.school, app.ac = school.id, add_person(session, school).id
    return app


def pupils(app, *names, **given):
    """Students of these names; their identifiers."""
    with writing(app) as session:
        school = session.get_one(School, app.school)
        return [add_student(session, school, first, last, **given).id for first, last in names]


def opened(app, ids):
    """Open accounts as the administrator; student -> user name."""
    with app.app_context(), as_staff(app.ac, app.school):
        open_accounts(db.session, ids)
        db.session.commit()
    with writing(app) as session:
        return dict(session.execute(select(Student.id, User.username).join(User, User.id == Student.user_id)).all())


def test_a_user_name_is_given_and_family_name_folded_with_a_number_when_taken(app):
    names = [("Zoé", "Bénard"), ("Cœline", "L’Hostis"), ("Jean-Baptiste", "de La Tour"), ("Zoe", "BENARD"), ("Zoé", "Bénard")]
    ids = pupils(app, *names)
    with writing(app) as session:
        session.add(User(username="zoe.benard", given_name="Zoé", family_name="Ailleurs"))
    found = opened(app, ids)
    assert [found[i] for i in ids] == ["zoe.benard2", "coeline.l-hostis", "jean-baptiste.de-la-tour", "zoe.benard3", "zoe.benard4"]


def test_thirty_namesakes_each_get_a_name_of_their_own(app):
    ids = pupils(app, *[("Léa", "Roy")] * 30)
    first, rest = opened(app, ids[:12]), opened(app, ids[12:])
    assert sorted(rest.values()) == sorted(["lea.roy", *(f"lea.roy{n}" for n in range(2, 31))])
    assert first.items() <= rest.items()


def test_an_account_has_no_password_and_its_lines_in_the_history(app):
    (zoe,) = pupils(app, ("Zoé", "Bénard"))
    with app.app_context(), as_staff(app.ac, app.school):
        user = open_account(db.session, db.session.get_one(Student, zoe))
        assert (user.username, user.password_hash, user.name) == ("zoe.benard", "", "Zoé Bénard")
        with pytest.raises(Refusal, match="a déjà un compte"):
            open_account(db.session, db.session.get_one(Student, zoe))
        user_id = user.id
        db.session.commit()
    with writing(app) as session:
        lines = set(session.execute(select(JournalEvent.table_name, JournalEvent.verb).where(JournalEvent.row_id.in_([zoe, user_id]))))
        assert {("user", "created"), ("student", "create_account")} <= {tuple(line) for line in lines}


def test_who_has_left_gets_none_and_the_three_states_are_told(app):
    ids = pupils(app, ("Zoé", "Bénard"), ("Noé", "Bénard"), ("Éva", "Roy"), ("Ada", "Roy"))
    with app.app_context(), as_staff(app.ac, app.school):
        gone = db.session.get_one(Student, ids[3])
        gone.deactivate()
        with pytest.raises(Refusal, match="Réactivez-la"):
            open_account(db.session, gone)
        db.session.commit()
    opened(app, [*ids[:2], ids[3]])
    with writing(app) as session:
        session.scalar(select(User).join(Student, Student.user_id == User.id).where(Student.id == ids[0])).last_seen_at = utcnow()
    with app.app_context(), as_staff(app.ac, app.school):
        found = {row.id: account_of(row) for row in db.session.scalars(select(Student).options(with_account()))}
        assert [found[i] for i in ids] == [OwnAccount.used, OwnAccount.unused, OwnAccount.none, OwnAccount.none]
        seen = look_at(db.session, ids)
        assert (seen.ready, seen.have, seen.left) == ([ids[2]], 2, 1)


def test_a_thousand_more_accounts_ask_only_some_more_statements(app):
    with counted(app) as few:
        opened(app, pupils(app, *[(f"Zoé{chr(97 + n)}", "Roy") for n in range(2)]))
    ids = pupils(app, *[(f"Noé{chr(97 + n // 26)}{chr(97 + n % 26)}", "Roy") for n in range(400)])
    with counted(app) as many:
        opened(app, ids)
    written = [statement for statement in many if statement.startswith(("INSERT", "UPDATE", "SELECT"))]
    assert len(written) <= len(few) + 4


def test_who_leaves_is_signed_out(app):
    (zoe,) = pupils(app, ("Zoé", "Bénard"))
    opened(app, [zoe])
    with writing(app) as session:
        user_id = session.get_one(Student, zoe).user_id
        session.add(WebSession(token_hash="x", user_id=user_id, epoch=1))
    with app.app_context(), as_staff(app.ac, app.school):
        db.session.get_one(Student, zoe).deactivate()
        db.session.commit()
    with writing(app) as session:
        assert session.scalar(select(WebSession.id).where(WebSession.user_id == user_id)) is None
