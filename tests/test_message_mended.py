"""Messages: copies that are counted, reminders, drafts that are left, an audience that nobody chose."""

import datetime as dt

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import select, update
from test_message_screens import NEW, PDF, a_draft, dispatch, last, sent_by, write

from jobs.runner import run_pending
from jobs.sweep import sweep
from models.access import Role
from models.base import utcnow
from models.message_report import copies
from models.messages import NOBODY, Message, MessageFile, MessageRecipient
from models.people import Group
from models.portal import FUNCTIONS
from models.work import MailState, OutgoingMail


def test_a_test_to_oneself_is_no_copy_and_a_cancelled_copy_is_told(app, as_, monkeypatch):
    ac = as_("ac")
    preview = write(ac, subject="Réunion", text="Lundi.").headers["Location"]
    assert "copies par courriel attendent qu’un serveur de courriel soit réglé." in words(ac.get(preview))
    dispatch(ac, preview, action="send_test")
    details = dispatch(ac, preview).headers["Location"]
    run_pending(app)
    told = words(ac.get(details))
    with rows(app) as session:
        message = session.scalar(select(Message).order_by(Message.id.desc()).limit(1))
        counted = copies(session, message)
        assert sum(counted.values()) == message.copies == counted[MailState.waiting]
        one = session.scalar(select(MessageRecipient.mail_id).where(MessageRecipient.message_id == message.id, MessageRecipient.mail_id.is_not(None)))
        session.execute(update(OutgoingMail).where(OutgoingMail.id == one).values(state=MailState.cancelled))
        total = message.copies
    assert f"{total} copies par courriel attendent qu’un serveur de courriel soit réglé." in told
    assert '<progress id="copies"' not in ac.get(details).text
    monkeypatch.setitem(app.config, "MAIL_URL", "smtp://mail.example.org")
    assert f"Copies par courriel : 0 sur {total} parties 1 copie a été annulée." in words(ac.get(details))
    assert f"{total} reçoivent aussi une copie par courriel." in words(ac.get(write(ac, subject="Réunion", text="Lundi.").headers["Location"]))


def test_a_reminder_keeps_the_files_and_goes_to_those_alone_who_have_not_read(app, as_):
    ac = as_("ac")
    preview = write(ac, subject="Réunion", text="Lundi.", files=[("menu.pdf", PDF)]).headers["Location"]
    number = dispatch(ac, preview).headers["Location"].partition("=")[2]
    run_pending(app)
    with rows(app) as session:
        all_of_them = set(session.scalars(select(MessageRecipient.user_id).where(MessageRecipient.message_id == int(number))))
        reader, later = sorted(all_of_them)[:2]
        session.execute(update(MessageRecipient).where(MessageRecipient.user_id == reader).values(read_at=utcnow()))
    edit = send(ac, "/admin/message/copy/", page="/account", id=number, unread="1").headers["Location"]
    made = last(app)
    assert made.subject == "Rappel : Réunion"
    with rows(app) as session:
        assert session.scalars(select(MessageFile.name).where(MessageFile.message_id == made.id)).all() == ["menu.pdf"]
    assert "Les personnes qui ont reçu « Réunion » et ne l’ont pas lu" in words(ac.get(edit))
    preview = write(ac, edit).headers["Location"]
    told = words(ac.get(preview))
    assert "1 personne l’a déjà lu : elle ne le reçoit pas une seconde fois." in told
    assert "n’ont pas encore de compte" not in told
    with rows(app) as session:  # somebody reads while the writer looks at the page
        session.execute(update(MessageRecipient).where(MessageRecipient.user_id == later).values(read_at=utcnow()))
    details = dispatch(ac, preview, reached=str(len(all_of_them) - 1)).headers["Location"]
    assert "details" in details
    run_pending(app)
    with rows(app) as session:
        assert set(session.scalars(select(MessageRecipient.user_id).where(MessageRecipient.message_id == made.id))) == all_of_them - {reader, later}
    send(ac, "/admin/message/copy/", page="/account", id=str(made.id), unread="1")
    assert last(app).subject == "Rappel : Réunion"  # said once


def test_a_draft_left_without_a_word_is_in_no_list_and_gone_a_day_later(app, as_, a_student, clock):
    ac = as_("ac")
    edit = send(ac, "/admin/student/action/", page="/account", action="send_message", rowid=str(a_student)).headers["Location"]
    number = last(app).id
    assert "(sans objet)" not in words(ac.get("/admin/message/"))
    refused = write(ac, edit, _go="save")
    assert refused.status_code == 422
    assert "Rien n’est encore écrit" in words(refused)
    kept = a_draft(app, "ac", subject="", body="<p>Suite</p>")
    with rows(app) as session:
        session.execute(update(Message).values(updated_at=utcnow() - dt.timedelta(days=2)))
    with app.app_context():
        assert sweep()["untouched_drafts"] == 1
    with rows(app) as session:
        assert session.scalars(select(Message.id).where(Message.id.in_([number, kept]))).all() == [kept]
    assert "(sans objet)" in words(ac.get("/admin/message/"))


def test_nobody_is_chosen_in_the_place_of_the_writer(app, as_):
    ac = as_("ac")
    assert "checked" not in ac.get(NEW).text[: ac.get(NEW).text.index('name="files"')]
    answer = write(ac, subject="Réunion", text="Lundi prochain.", to="", scope="")
    assert answer.status_code == 422
    assert "Choisissez à qui va le message." in words(answer)
    assert "Choisissez quels élèves le message concerne." in words(answer)
    assert "Lundi prochain." in answer.text
    saved = write(ac, subject="Réunion", text="Lundi prochain.", to="", scope="", _go="save")
    assert (saved.status_code, last(app).audience) == (303, NOBODY)
    assert 'checked id="scope' not in ac.get(saved.headers["Location"]).text
    preview = saved.headers["Location"].replace("edit", "preview")
    assert "Concerne : Aucun élève choisi pour l’instant" in words(ac.get(preview))
    assert 'value="send"' not in ac.get(preview).text


def test_many_groups_are_looked_for_and_few_are_ticked(app, as_, schools):
    ac = as_("ac")
    assert 'type="checkbox" name="groups"' in ac.get(NEW).text
    with rows(app) as session:
        session.add_all(Group(name=f"Groupe {n}", school_id=schools[0]) for n in range(31))
    page = ac.get(NEW).text
    assert 'type="checkbox" name="groups"' not in page
    assert "data-combo" in page[page.index("of-group") :]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.guardian, Role.student, Role.invigilator)])
def test_families_read_a_function_and_no_name_of_a_right(role):
    assert FUNCTIONS[role]


def test_the_history_and_the_title_of_a_sent_message_are_for_people(app, as_):
    ac = as_("ac")
    page = ac.get(sent_by(ac, app))
    assert "Déposé dans les boîtes de réception" in words(page)
    assert "opération «" not in words(page)
    assert page.text.count(">Réunion</h") == 1


def test_numbers_of_the_options_are_grouped(as_):
    assert "Par défaut : 5 000 personnes" in words(as_("acc").get("/admin/setting/"))
