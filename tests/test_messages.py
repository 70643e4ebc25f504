"""Messages as rows: whom they reach and why not, how they leave once, what each of the two sides sees."""

import pytest
from sqlalchemy import func, select
from writing_messages import World

from models import message_box, message_delivery, message_report
from models.access import User
from models.base import Refusal
from models.message_audience import LeftOut, NoCopy, left_out, resolve, without_copy
from models.messages import Message, MessageRecipient, MessageState, MessageTo
from models.people import GuardianLink, LinkStatus, Student, StudentStatus
from models.work import Job, JobState, MailState


@pytest.fixture
def world(app):
    return World(app)


@pytest.fixture
def family(world):
    """Two children of Hélène; Marc has no account, Paul's link is suspended, Rose's is to check, Lea's address is not confirmed."""
    world.zoe, world.tom = world.student("Zoé"), world.student("Tom")
    world.helene = world.guardian("Hélène", world.zoe, world.tom)[1]
    world.guardian("Marc", world.zoe, account=False)
    world.paul = world.guardian("Paul", world.zoe, status=LinkStatus.suspended)[1]
    world.guardian("Rose", world.tom, status=LinkStatus.to_check)
    world.lea = world.guardian("Léa", world.tom, confirmed=False)[1]
    return world


def test_the_preview_counts_each_person_once_and_says_who_is_left_out_and_why(family):
    family.student("Seul")
    family.student("Parti", status=StudentStatus.left)
    key = family.draft()
    with family.staff() as session:
        found = resolve(session, session.get_one(Message, key))
        assert (found.students, found.people, found.copies) == (3, 2, 1)
        assert found.inbox_only == {NoCopy.unconfirmed: 1}
        assert found.left_out == {LeftOut.no_account: 1, LeftOut.suspended: 1, LeftOut.to_check: 1, LeftOut.no_guardian: 1, LeftOut.gone: 1}
        one = session.get_one(Message, key)
        assert [(p.name, p.student) for p in left_out(session, one, LeftOut.suspended)] == [("Paul Bénard", "Zoé Bénard")]
        assert [p.name for p in without_copy(session, one, NoCopy.unconfirmed)] == ["Léa Bénard"]
        assert left_out(session, one, LeftOut.suspended, page=2) == []


def test_a_message_is_one_line_in_the_inbox_and_one_mail_for_two_children(family):
    key = family.draft()
    assert family.send(key) == 2
    assert family.rows(key) == {(family.helene, family.zoe), (family.helene, family.tom), (family.lea, family.tom)}
    (mail,) = family.mails()
    assert (mail.to_address, mail.subject, mail.cause_table, mail.cause_id) == ("helene@exemple.org", "Sortie au musée", "message", key)
    assert "Tom et Zoé" in mail.text
    assert "Rendez-vous à 8 h." in mail.text
    assert "<b>8 h</b>" in mail.html
    assert "lea@" not in mail.text + mail.html
    with family.portal(family.helene) as session:
        (line,) = message_box.inbox(session).lines
        assert (line.subject, line.about, line.unread, line.sender) == ("Sortie au musée", ["Tom", "Zoé"], True, "Inès Aubry")


def suspend(world, user_id, student_id):
    """The school closes somebody's link to a child."""
    with world.staff() as session:
        theirs = select(GuardianLink).join(GuardianLink.guardian).where(GuardianLink.student_id == student_id)
        link = next(one for one in session.scalars(theirs) if one.guardian.user_id == user_id)
        link.suspend("Décision de justice")


def inbox_of(world, user_id, portal="guardian"):
    """(subject, children) of each line that somebody sees."""
    with world.portal(user_id, portal) as session:
        return [(line.subject, line.about) for line in message_box.inbox(session).lines]


def test_who_has_no_active_link_sees_and_receives_nothing(family):
    family.send(family.draft())
    assert inbox_of(family, family.paul) == []
    assert {mail.to_address for mail in family.mails()} == {"helene@exemple.org"}


def test_nobody_sees_a_message_before_it_is_delivered(family):
    key = family.draft()
    family.send(key, deliver=False)
    assert family.message(key).state is MessageState.queued
    assert inbox_of(family, family.helene) == []
    assert family.mails() == []
    family.work()
    assert family.message(key).state is MessageState.sent
    assert inbox_of(family, family.helene) == [("Sortie au musée", ["Tom", "Zoé"])]


def test_a_link_suspended_before_the_delivery_receives_nothing_about_that_child(family):
    key = family.draft()
    family.send(key, deliver=False)
    suspend(family, family.helene, family.zoe)
    suspend(family, family.lea, family.tom)
    family.work()
    assert family.rows(key) == {(family.helene, family.tom)}
    assert inbox_of(family, family.helene) == [("Sortie au musée", ["Tom"])]
    (mail,) = family.mails()
    assert "Tom" in mail.text
    assert "Zoé" not in mail.text
    assert (family.message(key).people, family.message(key).copies) == (1, 1)


def test_a_link_suspended_later_hides_the_message_and_holds_the_copy_back_until_it_is_open_again(family):
    key = family.draft(audience={"kind": "students", "ids": [family.zoe]})
    family.send(key)
    suspend(family, family.helene, family.zoe)
    assert inbox_of(family, family.helene) == []
    with family.portal(family.helene) as session:
        assert message_box.unread(session) == 0
        assert message_box.open_message(session, key) is None
    assert [mail.state for mail in family.mails()] == [MailState.cancelled]
    with family.staff() as session:
        session.scalars(
            select(GuardianLink).where(GuardianLink.status == LinkStatus.suspended, GuardianLink.suspended_reason == "Décision de justice")
        ).one().reactivate()
    assert inbox_of(family, family.helene) == [("Sortie au musée", ["Zoé"])]


def test_students_receive_in_their_own_inbox_when_they_are_written_to(family):
    luc = family.student("Luc", account=True)
    account = family.message_user(luc)
    family.send(family.draft(MessageTo.students, subject="Votre orientation"))
    family.send(family.draft(MessageTo.guardians))
    assert inbox_of(family, account, "student") == [("Votre orientation", ["Luc"])]
    assert inbox_of(family, family.helene) == [("Sortie au musée", ["Tom", "Zoé"])]


def test_a_teacher_reaches_their_own_students_only_when_sending_and_when_it_leaves(family):
    with family.staff() as session:
        for child in (family.zoe, family.tom):
            session.get_one(Student, child).adviser_id = family.ec
    other = family.student("Ailleurs")
    stranger = family.guardian("Inconnue", other)[1]
    key = family.draft(by=family.ec)
    family.send(key, by=family.ec, deliver=False)
    assert stranger not in {user for user, _child in family.rows(key)}
    with family.staff() as session:
        session.get_one(Student, family.tom).adviser_id = None
    family.work()
    assert family.rows(key) == {(family.helene, family.zoe)}


def test_forged_students_of_others_are_nobody(family):
    """Numbers that a teacher sends by hand reach nobody: security 72."""
    key = family.draft(audience={"kind": "students", "ids": [family.zoe]}, by=family.ec)
    with pytest.raises(Refusal, match="Nobody would receive"):
        family.send(key, by=family.ec)


def test_a_draft_is_its_authors_alone_and_what_is_sent_is_read_by_the_office(family):
    with family.staff() as session:
        session.get_one(Student, family.zoe).adviser_id = family.ec
    key = family.draft(by=family.ec)
    with family.staff() as session:
        assert session.get(Message, key) is None
    mine = family.draft()
    family.send(key, by=family.ec)
    family.send(mine)
    with family.staff() as session:
        assert session.get(Message, key).subject == "Sortie au musée"
    with family.staff(family.ec) as session:
        assert session.get(Message, mine) is None
        assert session.scalar(select(func.count(MessageRecipient.id)).where(MessageRecipient.message_id == mine)) == 0


def test_what_is_sent_is_neither_changed_nor_deleted_nor_sent_again(family):
    key = family.draft()
    family.send(key)
    with family.staff() as session:
        one = session.get_one(Message, key)
        for change in ({"subject": "Autre"}, {"body": "<p>Autre</p>"}, {"to": MessageTo.both}, {"audience": {"kind": "all"}}):
            with pytest.raises(Refusal, match="ne peut plus être modifié"):
                setattr(one, *change.popitem())
        assert "reste chez" in one.deletion_problem().sentence
        with pytest.raises(Refusal, match="une seule fois"):
            message_delivery.send(session, one)
    assert len(family.mails()) == 1


def test_who_may_no_longer_send_when_it_leaves_has_sent_nothing_until_the_work_is_started_again(family):
    key = family.draft()
    family.send(key, deliver=False)
    family.disable(family.ac, off=True)
    family.work()
    assert family.message(key).state is MessageState.failed
    assert family.mails() == []
    assert inbox_of(family, family.helene) == []
    family.disable(family.ac, off=False)
    with family.staff() as session:
        session.scalars(select(Job).where(Job.state == JobState.failed)).one().retry()
    assert family.message(key).state is MessageState.queued
    family.work()
    assert family.message(key).state is MessageState.sent
    assert len(family.mails()) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [({"subject": ""}, "no subject"), ({"body": "<p> </p><script>x</script>"}, "no text"), ({"audience": {"kind": "group", "ids": [99]}}, "Nobody")],
)
def test_a_message_without_subject_text_or_reader_does_not_leave(family, given, said):
    key = family.draft(**given)
    with pytest.raises(Refusal, match=said):
        family.send(key)
    assert family.message(key).state is MessageState.draft
    assert family.rows(key) == set()


def test_one_sender_reaches_so_many_people_in_a_day(family, monkeypatch):
    monkeypatch.setattr(message_delivery.settings, "value", lambda *_given, **_named: 3)
    family.send(family.draft())
    with pytest.raises(Refusal, match="still write to 1 person today, and this message reaches 2"):
        family.send(family.draft())
    family.send(family.draft(audience={"kind": "students", "ids": [family.zoe]}))
    with family.staff() as session:
        assert message_delivery.quota_left(session) == 0


def test_a_test_goes_to_the_author_alone_and_is_shown_to_nobody(family):
    key = family.draft()
    with family.staff() as session:
        assert message_delivery.send_test(session, session.get_one(Message, key)) == "ines@tilleuls.exemple"
    family.work()
    (mail,) = family.mails()
    assert (mail.to_address, mail.sealed) == ("ines@tilleuls.exemple", True)
    assert mail.subject == "Essai d’un message"  # whoever reads the outbox learns nothing of the draft
    assert mail.text.startswith("Objet : Sortie au musée\n")
    assert "8 h" in mail.text
    assert family.message(key).state is MessageState.draft
    assert family.rows(key) == set()


def test_a_test_needs_an_address(family):
    key = family.draft()
    family.forget_address(family.ac)
    with family.staff() as session, pytest.raises(Refusal, match="pas d’adresse"):
        message_delivery.send_test(session, session.get_one(Message, key))


def test_the_report_names_the_record_and_whose_account_it_is(family):
    sent = family.draft()
    family.send(sent)
    with family.staff() as session:
        session.get_one(User, family.helene).family_name = "Nouvelle"
        session.flush()
        told = {line.user_id: (line.name, line.opened_by) for line in message_report.lines(session, session.get_one(Message, sent), message_report.Which())}
    assert told[family.helene] == ("Hélène Bénard", "Compte ouvert par Hélène Nouvelle (helene@exemple.org)")
    assert told[family.lea] == ("Léa Bénard", "")


def test_each_copy_speaks_its_readers_language_and_names_no_other_reader(family):
    family.guardian("Kate", family.zoe, language="en")
    sent = family.draft()
    family.send(sent)
    french, english = family.mails()
    assert "Ce message concerne Tom et Zoé." in french.text
    assert "This message is about Zoé." in english.text
    assert f"http://localhost/parent/messages/{sent}\n" in english.text
    assert (french.to_name, english.to_name) == ("Hélène Bénard", "Kate Bénard")
    assert "Hélène" not in english.text + english.html
    assert "kate" not in (french.text + french.html).casefold()


def test_reading_is_noted_once_and_not_by_who_looks_as_somebody_else(family):
    key = family.draft()
    family.send(key)
    with family.portal(family.helene) as session:
        assert (message_box.unread(session), message_box.open_message(session, key).line.unread) == (1, True)
    with family.portal(family.helene) as session:
        first = session.scalars(select(MessageRecipient.read_at)).all()
        assert len(first) == 2
        assert None not in first
        assert message_box.unread(session) == 0
        message_box.open_message(session, key)
    with family.portal(family.helene) as session:
        assert session.scalars(select(MessageRecipient.read_at)).all() == first
    with family.portal(family.lea) as session:
        assert message_box.unread(session) == 1
