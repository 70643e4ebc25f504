"""Settings of a school: declared once with their words, rows only for what was touched, one question to ask."""

import pytest
from conftest import counted, rows
from hands import user_of
from sqlalchemy import delete, func, select

from models import settings, throttle
from models.access import Membership, Role
from models.actors import staff_in
from models.base import Refusal
from models.db import db
from models.journal import JournalEvent
from models.scope import acting
from models.settings import DECLARED, SECTIONS, ChangedMeanwhile, NotAllowed, Setting, everywhere, mark_of, reset, save, shown, strictest, value
from models.undo import undo


@pytest.fixture(autouse=True)
def _by_default(app):
    """What the demonstration has set is as by default."""
    with rows(app) as session:
        session.execute(delete(Setting))


@pytest.fixture
def at_desk(app, schools):
    """`at_desk(work)` does it in the first school as its site administrator, in one transaction: what it gives."""

    def run(work, *, place=0, batch="a test"):
        with app.app_context():
            actor, scope = staff_in(db.session, user_of(app, "acc2" if place else "acc"), schools[place])
            with acting(actor, scope, batch=batch):
                found = work(db.session)
                db.session.commit()
                return found

    return run


def write(at_desk, section="security", mark=None, place=0, batch="a test", **typed):
    """Save these settings of a section; how many rows changed."""
    return at_desk(lambda session: len(save(session, section, typed, mark)), place=place, batch=batch)


def test_every_setting_has_words_and_a_default_within_its_bounds():
    for one in DECLARED.values():
        assert str(one.label)
        assert one.section in SECTIONS
        assert one.read(one.kept(one.default)) == one.default, one.key
    assert {key: one.default for key, one in DECLARED.items()}.items() >= {
        ("students_invite", False),
        ("invitations_per_day", 5),
        ("messages_per_day", 5000),
        ("password_length", 12),
        ("idle_minutes", 60),
        ("two_factor", "off"),
        ("code_days", 180),
    }


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        *(("password_length", wrong) for wrong in ("11", "33", "", "-1", "12.5", "²", "9" * 30)),
        ("two_factor", "everybody"),
        ("code_days", "731"),
        ("code_days", "0"),
    ],
)
def test_what_a_setting_cannot_be_is_refused(key, typed):
    with pytest.raises(Refusal):
        DECLARED[key].read(typed)


def test_a_setting_holds_in_its_school_alone_and_its_default_leaves_no_value(app, schools, at_desk):
    assert write(at_desk, password_length="16", idle_minutes="60") == 1
    with rows(app) as session:
        assert [value("password_length", school) for school in schools] == [16, 12]
        assert session.execute(select(Setting.key, Setting.value)).all() == [("password_length", "16")]
    assert write(at_desk, password_length="12") == 1
    with rows(app) as session:
        assert session.scalar(select(Setting.value)) is None, "an upgrade that changes the default is followed"


def test_one_statement_answers_for_all_settings_of_a_transaction_and_none_stays_behind(app, schools, at_desk):
    with rows(app), counted(app) as seen:
        assert [value(key, schools[0]) for key in DECLARED] == [one.default for one in DECLARED.values()]
        assert len(seen) == 1
        with pytest.raises(KeyError):
            value("unknown", schools[0])
    with rows(app) as session:
        assert value("code_days", schools[0]) == 180
        session.add(Setting(school_id=schools[0], key="code_days", value="90"))
        session.flush()
        assert value("code_days", schools[0]) == 90
        session.rollback()
        assert value("code_days", schools[0]) == 180


def test_of_several_schools_the_strictest_rule_binds_a_person(app, schools, at_desk):
    write(at_desk, password_length="14", idle_minutes="30", two_factor="optional")
    write(at_desk, place=1, password_length="20", idle_minutes="45", two_factor="staff")
    with rows(app) as session:
        parent, acc, registrar = (user_of(app, name) for name in ("parent", "acc", "registrar2"))
        assert [strictest(key, parent) for key in ("password_length", "idle_minutes", "two_factor")] == [20, 30, "staff"]
        assert [strictest(key, acc) for key in ("password_length", "idle_minutes", "two_factor")] == [14, 30, "optional"]
        session.add(Membership(user_id=registrar, school_id=schools[0], role=Role.registrar))
        session.flush()
        assert [strictest(key, registrar) for key in ("password_length", "idle_minutes", "two_factor")] == [20, 30, "staff"]
        assert strictest("idle_minutes", 999_999) == 60


def test_no_school_decides_alone_for_whoever_knocks_at_the_door_of_several(app, schools, at_desk):
    write(at_desk, code_tries="5")
    with rows(app):
        assert everywhere("code_tries") == 10
    write(at_desk, place=1, code_tries="8")
    with rows(app):
        assert everywhere("code_tries") == 8, "stricter in every school"
    write(at_desk, place=1, code_tries="30")
    write(at_desk, code_tries="30")
    with rows(app):
        assert everywhere("code_tries") == 10, "milder only where one school is alone"


def test_the_second_of_two_people_is_told_and_nothing_half_is_written(app, schools, at_desk):
    mark = at_desk(lambda session: mark_of(shown(session)["security"]))
    assert write(at_desk, mark=mark, idle_minutes="30") == 1
    with pytest.raises(ChangedMeanwhile):
        write(at_desk, mark=mark, idle_minutes="90")
    with pytest.raises(NotAllowed) as refused:
        write(at_desk, idle_minutes="20", password_length="5")
    assert list(refused.value.problems) == ["password_length"]
    with rows(app):
        assert value("idle_minutes", schools[0]) == 30


def test_a_change_and_a_reset_are_in_the_history_and_can_be_taken_back(app, schools, at_desk):
    write(at_desk, batch="first", idle_minutes="30")
    at_desk(lambda session: reset(session, ["idle_minutes", "code_days"]), batch="second")
    with pytest.raises(Refusal):
        at_desk(lambda session: reset(session, ["idle_minutes"]))
    with rows(app) as session:
        assert value("idle_minutes", schools[0]) == 60
        about = select(JournalEvent.verb).where(JournalEvent.table_name == "setting").order_by(JournalEvent.id)
        assert session.scalars(about).all() == ["created", "edited"]
    at_desk(lambda session: undo(session, "second"), batch="third")
    with rows(app):
        assert value("idle_minutes", schools[0]) == 30
    at_desk(lambda session: undo(session, "first"), batch="fourth")
    with rows(app) as session:
        assert value("idle_minutes", schools[0]) == 60
        assert session.scalar(select(func.count(Setting.id))) == 0


def test_a_value_that_an_earlier_version_allowed_gives_way_to_the_default(app, schools):
    with rows(app) as session:
        session.execute(Setting.__table__.insert().values(school_id=schools[0], key="password_length", value="8", version=1))
        assert value("password_length", schools[0]) == 12
    with pytest.raises(ValueError, match="cannot be declared"):
        settings.declare("password_length", "security", "int", 12, label="Again")


def test_guesses_are_braked_as_the_schools_say(app, at_desk):
    for place in (0, 1):
        write(at_desk, place=place, code_tries="6", sign_in_tries="5")
    with rows(app):
        assert [limit.tries for limit, _key in throttle.code_limits("somebody", "somewhere")] == [6, 6, throttle.CODE_SITE.tries]
        for _wrong in range(5):
            throttle.hit(*throttle.login_limits("user 1", "somewhere"))
        assert throttle.wait_seconds(*throttle.login_limits("user 1", "somewhere")) > 0
        assert throttle.wait_seconds(*throttle.login_limits("user 2", "elsewhere")) == 0
