"""A message to two thousand people asks the database no more often than one to twenty; what others do with its rows keeps them whole."""

import pytest
from conftest import counted
from small import writing
from sqlalchemy import func, insert, select
from writing_messages import World

from models import merge, message_box, message_delivery, undo
from models.access import User
from models.base import utcnow
from models.message_audience import LeftOut, left_out, resolve
from models.messages import Message, MessageRecipient, MessageState
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.work import Job, JobKind, OutgoingMail


@pytest.fixture
def world(app):
    return World(app)


def families(world, number):
    """So many students, each with a guardian who has an account; a tenth have none, a tenth no confirmed address."""
    with writing(world.app) as session:
        now, school = utcnow(), world.school
        first = {table: (session.scalar(select(func.max(table.id))) or 0) + 1 for table in (User, Student, Guardian)}
        numbers = range(number)
        session.execute(
            insert(User),
            [
                {"id": first[User] + i, "given_name": "Marie", "family_name": f"N{i}", "email": f"n{i}@exemple.org", "language": ("fr", "en")[i % 2],
                 "email_confirmed_at": None if i % 10 == 1 else now}
                for i in numbers
            ],
        )  # fmt: skip
        status = StudentStatus.active
        session.execute(
            insert(Student), [{"id": first[Student] + i, "school_id": school, "given_name": "Zoé", "family_name": f"N{i}", "status": status} for i in numbers]
        )
        session.execute(
            insert(Guardian),
            [
                {
                    "id": first[Guardian] + i,
                    "school_id": school,
                    "given_name": "Marie",
                    "family_name": f"N{i}",
                    "user_id": None if i % 10 == 0 else first[User] + i,
                }
                for i in numbers
            ],
        )
        session.execute(
            insert(GuardianLink),
            [{"school_id": school, "student_id": first[Student] + i, "guardian_id": first[Guardian] + i, "status": LinkStatus.active} for i in numbers],
        )


def statements(world, work):
    """How many statements this work sends."""
    with counted(world.app) as seen:
        work()
    return len(seen)


@pytest.mark.parametrize("number", [20, 1000])
def test_as_many_statements_for_a_thousand_people_as_for_twenty(world, number):
    families(world, number)
    key = world.draft()

    def preview():
        with world.staff() as session:
            one = session.get_one(Message, key)
            assert (resolve(session, one).people, len(left_out(session, one, LeftOut.no_account))) == (number * 9 // 10, min(50, number // 10))

    assert statements(world, preview) <= 17
    assert statements(world, lambda: world.send(key, deliver=False)) <= 22
    assert statements(world, world.work) <= 60
    with writing(world.app) as session:
        made = select(func.count(OutgoingMail.id)).where(OutgoingMail.cause_table == "message", OutgoingMail.cause_id == key)
        assert session.scalar(made) == number * 8 // 10
        with_copy = select(func.count(MessageRecipient.id)).where(MessageRecipient.message_id == key, MessageRecipient.mail_id.is_not(None))
        assert session.scalar(with_copy) == number * 8 // 10


def test_an_inbox_of_many_messages_asks_five_times(world):
    zoe = world.student("Zoé")
    helene = world.guardian("Hélène", zoe)[1]
    for _number in range(3):
        world.send(world.draft())

    def look():
        with world.portal(helene) as session:
            assert message_box.inbox(session).total == 3

    assert statements(world, look) == 5


def join(session, kept, gone):
    """Merge two records; the kept one's values stay."""
    merge.merge(session, kept, gone, {line.key: kept.id for line in merge.compare(session, kept, gone)})


def test_two_records_that_become_one_keep_their_messages(world):
    zoe, double = world.student("Zoé"), world.student("Zoe")
    helene, account = world.guardian("Hélène", zoe, double)
    key = world.draft()
    world.send(key)
    with world.staff() as session:
        join(session, session.get_one(Student, zoe), session.get_one(Student, double))
    assert world.rows(key) == {(account, zoe)}
    with world.staff() as session:
        other = Guardian(school_id=world.school, given_name="Hélène", family_name="Bénard", address1="2, rue Neuve")
        session.add(other)
        session.flush()
        join(session, other, session.get_one(Guardian, helene))
        number = other.id
    with writing(world.app) as session:
        assert session.scalars(select(MessageRecipient.guardian_id).where(MessageRecipient.message_id == key)).all() == [number]


def test_undoing_never_takes_back_a_message_that_was_sent(world):
    world.guardian("Hélène", world.student("Zoé"))
    key = world.draft()
    world.send(key)
    with world.staff() as session:
        plan = undo.plan(session, "a-request")
        assert not plan.total
        assert "restent chez" in " ".join(map(str, plan.notes))
    assert world.message(key).state is MessageState.sent
    draft = world.draft(subject="À jeter")
    with world.staff() as session:
        undo.undo(session, "a-request")
        assert session.get(Message, draft) is None
        assert session.get(Message, key).subject == "Sortie au musée"


def test_a_person_whose_sending_is_stopped_has_written_to_nobody(world):
    world.guardian("Hélène", world.student("Zoé"))
    key = world.draft()
    world.send(key, deliver=False)
    with world.staff() as session:
        session.scalars(select(Job).where(Job.kind == JobKind.send_message)).one().cancel()
        session.flush()
        assert message_delivery.quota_left(session) == 5000
    world.work()
    assert world.message(key).state is MessageState.failed
    assert world.mails() == []
    with world.staff() as session:
        assert session.get_one(Message, key).deletion_problem() is None
