"""Messages through the pages: written, checked, sent, read; from the list of students, a file, a group, a level; who may."""

import html
import io
import re

import pytest
from conftest import counted, rows
from hands import exported, form_of, scope_of, send, sign_in, words
from sqlalchemy import delete, insert, select

from jobs.runner import run_pending
from models.access import User
from models.db import refresh_statistics
from models.message_report import draft
from models.messages import Message, MessageFile, MessageRecipient, MessageState
from models.people import Group, Guardian, GuardianLink, Student, StudentStatus
from models.school import Level
from models.scope import WHO
from models.sessions import WebSession

NEW, ACTION = "/admin/message/new/", "/admin/message/action/"
PDF = b"%PDF-1.7\n%EOF\n"


def write(browser, page=NEW, files=(), **fields):
    """Send the form of a message as the page has it, with these answers; about everybody where the page has chosen nobody."""
    text = browser.get(page).text
    typed = html.unescape(re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", text, re.S)[1])
    checked = dict(re.findall(r'<input checked[^>]* name="(to|scope)" required type="radio" value="(\w+)"', text))
    data = {
        **form_of(browser, page),
        "levels": [],
        "groups": re.findall(r'name="groups" value="(\d+)" checked', text),
        "to": "guardians",
        "scope": "all",
        **checked,
        "text": typed,
        "_go": "preview",
        **fields,
        "files": [(io.BytesIO(content), name) for name, content in files],
    }
    return browser.post(page, data=data, content_type="multipart/form-data")


def dispatch(browser, preview, **more):
    """Press "Send" on the preview."""
    page = browser.get(preview).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page[page.index(f'action="{ACTION}"') :]))
    return browser.post(ACTION, data={**hidden, "action": "send", **more})


def sent_by(browser, app, **fields):
    """The page of a message that was written, sent and delivered."""
    page = dispatch(browser, write(browser, **{"subject": "Réunion", "text": "Lundi.", **fields}).headers["Location"]).headers["Location"]
    run_pending(app)
    return page


def last(app):
    with rows(app) as session:
        found = session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()
        session.refresh(found, ["body", "audience"])
        session.expunge(found)
        return found


def a_draft(app, username, **values):
    """A draft of somebody."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == username))
        school = session.scalar(select(Student.school_id).order_by(Student.id))
        made = Message(requested_by_id=user.id, school_id=school, **{"subject": "À finir", "body": "<p>Suite</p>", **values})
        session.add(made)
        session.flush()
        return made.id


def test_written_checked_sent_received_and_read(app, as_):
    ac, parent = as_("ac"), as_("parent")
    assert "Écrire un message" in words(ac.get("/admin/"))
    saved = write(ac, subject="Réunion", text="Bonjour,\n\nla réunion a lieu lundi.", _go="save")
    page = saved.headers["Location"]
    assert "Le brouillon est enregistré. Vous seul le voyez." in words(ac.get(page))
    assert last(app).body == "<p>Bonjour,</p><p>la réunion a lieu lundi.</p>"
    preview = write(ac, page).headers["Location"]
    told = words(ac.get(preview))
    assert "personnes le trouveront dans leur boîte de réception." in told
    assert "Concerne : Tous les élèves (30)" in told
    assert re.search(r"\d+ personnes n’ont pas encore de compte", told)
    assert "1 lien est suspendu" in told
    people = int(re.search(r"Envoyer à (\d+) personnes", told)[1])
    names = words(ac.get(f"{preview.replace('preview', 'left_out')}&why=to_check"))
    assert "2 liens sont à vérifier" in names
    assert "Vérifier les liens" in names
    details = dispatch(ac, preview).headers["Location"]
    assert f"Le message part vers {people} personnes." in words(ac.get(details))
    assert "Le message est déposé dans les boîtes de réception." in words(ac.get(details))
    run_pending(app)
    assert re.search(r"\d+ copies par courriel attendent qu’un serveur de courriel soit réglé\.", words(ac.get(details)))
    assert "la réunion a lieu lundi" in words(parent.get(f"/parent/messages/{last(app).id}"))
    assert f"1 sur {people} personnes l’ont lu" in words(ac.get(details))
    read = words(ac.get(f"{details.replace('details', 'report')}&read=1"))
    assert "1 personne" in read
    assert "Non lu" not in read
    assert "1 sur" in words(ac.get("/admin/message/"))
    assert ac.get(details.replace("details", "edit")).headers["Location"] == details  # what was sent is not written any more


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "Lundi."}, "Donnez un objet au message."),
        ({"subject": "Réunion", "text": " \n "}, "Écrivez le texte du message."),
        ({"subject": "Réunion", "text": "Lundi.", "scope": "group"}, "Choisissez au moins un groupe."),
        ({"subject": "Réunion", "text": "Lundi.", "scope": "level"}, "Cochez au moins un niveau."),
        ({"_go": "save"}, "Rien n’est encore écrit : donnez au moins un objet."),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(app, as_, fields, said):
    answer = write(as_("ac"), **fields)
    assert answer.status_code == 422
    assert said in words(answer)
    assert all(value in html.unescape(answer.text) for value in fields.values())


def test_files_are_added_without_losing_the_text_and_a_refused_one_says_why(app, as_):
    ac = as_("ac")
    answer = write(ac, subject="Sortie", text="Voici.", _go="files", files=[("programme.pdf", PDF), ("jeu.exe", b"MZ\x90")])
    assert answer.status_code == 422
    assert "Ce type de fichier" in words(answer) or "jeu.exe" in words(answer)
    assert "programme.pdf" in words(answer)
    assert "Voici." in answer.text
    number = last(app).id
    page = f"/admin/message/edit/?id={number}"
    with rows(app) as session:
        file = session.scalar(select(MessageFile.id).where(MessageFile.message_id == number))
    assert ac.get(f"/admin/message/file/?id={file}").get_data() == PDF
    assert as_("acc").get(f"/admin/message/file/?id={file}").status_code == 404
    write(ac, page, _remove=str(file), _go=None)
    assert "programme.pdf" not in words(ac.get(page))


def test_two_windows_are_told_and_both_texts_are_kept(app, as_):
    ac = as_("ac")
    page = f"/admin/message/edit/?id={a_draft(app, 'ac')}"
    old = form_of(ac, page)
    write(ac, page, text="Un autre texte", _go="save")
    answer = ac.post(page, data={**old, "text": "Mon texte", "to": "guardians", "scope": "all"})
    assert answer.status_code == 409
    assert "Un autre texte" in words(answer)
    assert "Mon texte" in words(answer)


def test_a_text_without_the_editor_keeps_its_bold_words_when_it_is_not_changed(app, as_):
    page = f"/admin/message/edit/?id={a_draft(app, 'ac', body='<p>La <b>réunion</b></p>')}"
    write(as_("ac"), page, subject="Autre objet", _go="save")
    assert (last(app).subject, last(app).body) == ("Autre objet", "<p>La <b>réunion</b></p>")


def test_hostile_markup_is_shown_to_nobody(app, as_):
    ac = as_("ac")
    page = write(ac, subject="<b>x</b>", text="<p onclick=a()>Bon<script>evil()</script><b>jour</b></p>", kind="html").headers["Location"]
    text = ac.get(page).text
    assert "<p>Bon<b>jour</b></p>" in text
    assert "evil" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_a_number_that_changed_since_the_page_was_read_is_read_again(app, as_):
    ac = as_("ac")
    preview = write(ac, subject="Réunion", text="Lundi.").headers["Location"]
    assert dispatch(ac, preview, reached="3").headers["Location"] == preview
    assert "ont changé depuis que vous avez lu cette page" in words(ac.get(preview))
    assert last(app).state is MessageState.draft


def test_a_test_goes_to_oneself(app, as_):
    ac = as_("ac")
    preview = write(ac, subject="Réunion", text="Lundi.").headers["Location"]
    dispatch(ac, preview, action="send_test")
    assert "Un essai part à votre adresse. Personne d’autre ne le reçoit." in words(ac.get(preview))
    assert last(app).state is MessageState.draft


def test_nobody_to_receive_it_is_a_refusal_with_its_remedy(app, as_):
    ac = as_("ac")
    with rows(app) as session:
        group = Group(name="Personne", school_id=session.scalar(select(Student.school_id).order_by(Student.id)))
        session.add(group)
        session.flush()
        number = group.id
    page = f"{NEW}?group={number}"
    told = ac.get(write(ac, page, subject="Réunion", text="Lundi.", groups=str(number)).headers["Location"])
    assert "Personne ne recevrait ce message" in words(told)
    assert f"flt0_access.Clause=1&flt1_groups.Member={number}" in html.unescape(told.text)
    assert 'value="send"' not in told.text


# --- ways in ---------------------------------------------------------------------------------------------------------------------------


def test_one_ticked_and_all_that_match_open_the_page_with_their_audience(app, as_, a_student):
    ac = as_("ac")
    address = "/admin/student/action/"
    one = send(ac, address, page="/account", action="send_message", rowid=str(a_student)).headers["Location"]
    assert last(app).audience == {"kind": "students", "ids": [a_student]}
    with rows(app) as session:
        level = session.scalar(select(Student.level_id).where(Student.id == a_student))
        there = set(session.scalars(select(Student.id).where(Student.level_id == level, Student.status == StudentStatus.active)))
        name = session.get_one(Level, level).name
    every = send(ac, f"{address}?flt0_level.Row={level}&page=2", page="/account", action="send_message", all="1").headers["Location"]
    assert every != one  # the first may stand open in another window
    assert (last(app).audience["query"], set(last(app).audience["ids"])) == (f"flt0_level.Row={level}", there)
    assert f"{len(there)} élèves, d’après la liste : Niveau : {name}" in words(ac.get(every))
    preview = write(ac, every, subject="Réunion", text="Lundi.", scope="filter")
    assert preview.status_code == 303


def test_from_a_group_and_a_level(app, as_, schools):
    ac = as_("ac")
    with rows(app) as session:
        group = session.scalar(select(Group.id).where(Group.school_id == schools[0]).order_by(Group.id))
        level = session.scalar(select(Level.id).where(Level.school_id == schools[0]).order_by(Level.id))
        foreign = session.scalar(select(Group.id).where(Group.school_id == schools[1]))
    link = f"{NEW}?group={group}"
    assert link in html.unescape(ac.get(f"/admin/group/details/?id={group}").text)
    assert f"{NEW}?level={level}" in html.unescape(ac.get(f"/admin/level/details/?id={level}").text)
    write(ac, link, subject="Réunion", text="Lundi.", groups=str(group))
    assert last(app).audience == {"kind": "group", "ids": [group]}
    assert ac.get(f"{NEW}?group={foreign}").status_code == 404
    assert write(ac, subject="Réunion", text="Lundi.", scope="group", groups=str(foreign)).status_code == 422


def test_the_file_of_a_student_lists_what_was_written_with_who_has_read_it(app, as_, a_student):
    ac, part = as_("ac"), f"/admin/student/details/?id={a_student}&part=messages"
    assert "Aucun message à propos de l’élève pour l’instant" in words(ac.get(part))
    with rows(app) as session:
        student = session.get_one(Student, a_student)
        student.user_id = session.scalar(select(User.id).where(User.username == "amp"))
    edit = send(ac, "/admin/student/action/", page="/account", action="send_message", rowid=str(a_student)).headers["Location"]
    dispatch(ac, write(ac, edit, subject="Bravo", text="Lundi.", to="both", students=str(a_student)).headers["Location"])
    run_pending(app)
    assert re.search(r"Bravo 22?.* Camille Roussel 0 sur \d", words(ac.get(part)))
    assert as_("amp").get(part).status_code == 403


def test_a_teacher_reaches_their_own_students_only(app, as_):
    inside, outside = scope_of(app, "ec")
    with rows(app) as session:
        there = len(session.scalars(select(Student.id).where(Student.id.in_(inside), Student.status == StudentStatus.active)).all())
    ec = as_("ec")
    assert send(ec, "/admin/student/action/", page="/account", action="send_message", rowid=str(outside[0])).status_code == 404
    preview = write(ec, subject="Réunion", text="Lundi.").headers["Location"]
    assert f"Tous les élèves que vous suivez ({there})" in words(ec.get(preview))


# --- afterwards ------------------------------------------------------------------------------------------------------------------------


def test_the_report_is_exported_and_the_message_written_again(app, as_):
    ac = as_("ac")
    details = sent_by(ac, app)
    number = details.partition("=")[2]
    lines = exported(ac, f"/admin/message/report_file/?id={number}&kind=csv&read=0")
    assert lines[0] == ["Nom et prénom", "Au sujet de", "Lu le", "Copie par courriel"]
    assert len(lines) > 5
    assert ac.get(f"/admin/message/report_file/?id={number}&kind=xlsx", buffered=True).data.startswith(b"PK")
    again = send(ac, "/admin/message/copy/", page="/account", id=number, unread="1").headers["Location"]
    assert last(app).audience["kind"] == "students"
    assert "Lundi." in ac.get(again).text
    send(ac, "/admin/message/copy/", page="/account", id=number)
    assert (last(app).audience, last(app).subject, last(app).state) == ({"kind": "all"}, "Réunion", MessageState.draft)


def test_who_may_open_what(app, as_):
    """ACC and A/C read what was sent; the others their own; a draft is its author's alone."""
    sent = sent_by(as_("ac"), app).partition("=")[2]
    own = a_draft(app, "ac")
    for address, accounts in (
        ("details/?id={sent}", "acc ac"),
        ("report/?id={sent}", "acc ac"),
        ("report_file/?kind=csv&id={sent}", "acc ac"),
        ("edit/?id={draft}", "ac"),
        ("preview/?id={draft}", "ac"),
        ("left_out/?why=no_account&id={draft}", "ac"),
    ):
        for account in ("acc", "ac", "ec", "registrar", "head", "amp", "inspector", "acc2"):
            code = as_(account).get("/admin/message/" + address.format(sent=sent, draft=own), buffered=True).status_code
            closed = 403 if account in ("amp", "inspector") or (address.startswith("report_file") and account in ("ec", "registrar", "head")) else 404
            assert code == (200 if account in accounts.split() else closed), (address, account)
    for account, code in (("acc", 404), ("registrar", 404), ("amp", 403)):
        assert send(as_(account), ACTION, page="/account", action="send", rowid=str(own)).status_code == code


def test_a_draft_is_deleted_and_a_sent_message_stays(app, as_):
    ac, own = as_("ac"), a_draft(app, "ac")
    assert send(ac, "/admin/message/delete/", page="/account", id=str(own), _asked="1").status_code == 302
    number = sent_by(ac, app).partition("=")[2]
    assert "ne peut pas être supprimé" in words(send(ac, "/admin/message/delete/", page="/account", id=number))


def test_a_draft_without_a_word_is_taken_again(app, as_):
    with rows(app) as session:
        ac = session.scalar(select(User.id).where(User.username == "ac"))
        school = session.scalar(select(Student.school_id).order_by(Student.id))
        token = WHO.set(WHO.get().__class__(user_id=ac))
        session.add(Message(requested_by_id=ac, school_id=school))
        session.flush()
        first = draft(session, {"kind": "all"}, school_id=school)
        assert draft(session, {"kind": "all"}, school_id=school).id == first.id
        assert draft(session, {"kind": "students", "ids": [1]}, school_id=school).id != first.id
        WHO.reset(token)


# --- what one does not lose, and what it costs -----------------------------------------------------------------------------------------


def test_a_session_that_ended_keeps_what_was_typed(app, client):
    ac = client
    sign_in(ac, "ac")
    fields = {**form_of(ac, NEW), "text": "Bonjour, la réunion a lieu lundi.", "subject": "Réunion", "to": "guardians", "scope": "all", "levels": []}
    with rows(app) as session:
        session.execute(delete(WebSession))
    sent = ac.post(NEW, data={**fields, "files": [(io.BytesIO(b""), "")]}, content_type="multipart/form-data")
    assert sent.headers["Location"].startswith("/login")
    back = sign_in(ac, "ac")
    assert back.headers["Location"] == "/resume"
    assert 'value="Bonjour, la réunion a lieu lundi."' in ac.get("/resume").text


def crowd(app, school, first, last):
    """Students first..last with a guardian who has an account, each the addressee of one message; as many drafts and messages."""
    with rows(app) as session:
        ac = session.scalar(select(User.id).where(User.username == "ac"))
        group = session.scalar(select(Group.id).where(Group.school_id == school, Group.name == "Foule"))
        if group is None:
            group = session.execute(insert(Group).values(school_id=school, name="Foule").returning(Group.id)).scalar()
            session.execute(insert(Message).values(id=700_000, **sent_row(school, ac, 700_000)))
        numbers = range(700_000 + first, 700_000 + last)
        session.execute(insert(User), [{"id": n, "username": f"foule{n}", "family_name": f"Foule{n}", "given_name": "A", "language": "fr"} for n in numbers])
        session.execute(insert(Student), [{"id": n, "school_id": school, "family_name": f"Foule{n}", "given_name": "B", "homeroom_id": group} for n in numbers])
        session.execute(insert(Guardian), [{"id": n, "school_id": school, "family_name": f"Foule{n}", "user_id": n} for n in numbers])
        session.execute(insert(GuardianLink), [{"id": n, "school_id": school, "student_id": n, "guardian_id": n} for n in numbers])
        session.execute(insert(Message), [{"id": n + 10_000, **sent_row(school, ac, n)} for n in numbers])
        about = {"school_id": school, "message_id": 700_000}
        session.execute(insert(MessageRecipient), [{**about, "user_id": n, "student_id": n, "guardian_id": n} for n in numbers])
        session.execute(insert(MessageRecipient), [{"school_id": school, "message_id": n + 10_000, "user_id": 700_000, "student_id": 700_000} for n in numbers])
        refresh_statistics(session)
    return group


def sent_row(school, author, number):
    return {"school_id": school, "subject": f"Foule {number}", "body": "<p>x</p>", "requested_by_id": author, "state": "sent", "people": 1}


def test_pages_of_messages_ask_no_more_for_2000_people_than_for_20(app, as_, schools):
    ac, told, have = as_("ac"), {}, 0
    draft_id = a_draft(app, "ac")
    pages = {
        "list": "/admin/message/",
        "empty form": NEW,
        "form": f"/admin/message/edit/?id={draft_id}",
        "preview": f"/admin/message/preview/?id={draft_id}",
        "left out": f"/admin/message/left_out/?id={draft_id}&why=no_account",
        "sent": "/admin/message/details/?id=700000",
        "report": "/admin/message/report/?id=700000&read=0",
        "report file": "/admin/message/report_file/?id=700000&kind=csv",
        "part": "/admin/student/details/?id=700000&part=messages",
    }
    for size in (20, 2000):
        crowd(app, schools[0], have, size)
        have = size
        ac.get("/admin/message/")  # the texts are read once
        for name, page in pages.items():
            with counted(app) as seen:
                answer = ac.get(page, buffered=True)
                answer.get_data()
            assert answer.status_code == 200, name
            told.setdefault(name, []).append(len(seen))
    more = {"report file": 4 * 3}  # three statements for each 500 people
    assert {name: n for name, n in told.items() if n[1] > n[0] + more.get(name, 0)} == {}
    assert {name: n for name, n in told.items() if n[0] > (22 if name in ("preview", "left out") else 15)} == {}
