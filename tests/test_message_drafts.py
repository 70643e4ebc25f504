"""Drafts and what hangs from them: an audience of its own for each selection, a list followed whole or not at all, what was stopped."""

import io

import pytest
from hands import form, token, words
from sqlalchemy import select
from writing_messages import World

from models import files, message_files, message_report
from models.base import Refusal
from models.message_audience import digest_of
from models.messages import LONGEST_QUERY, Message, tidy_audience
from models.work import Job, JobKind


@pytest.fixture
def world(app):
    return World(app)


def test_a_second_selection_gets_a_draft_of_its_own_and_the_same_one_is_taken_again(world):
    zoe, tom = world.student("Zoé"), world.student("Tom")
    with world.staff() as session:
        first, second, again = (message_report.draft(session, {"kind": "students", "ids": [child]}) for child in (zoe, tom, zoe))
        assert (first.id == again.id, first.id == second.id) == (True, False)
        assert first.audience["ids"] == [zoe]


def test_the_address_of_a_list_is_followed_whole_or_refused():
    assert len(tidy_audience({"kind": "filter", "query": "a" * LONGEST_QUERY})["query"]) == LONGEST_QUERY
    with pytest.raises(Refusal):
        tidy_audience({"kind": "filter", "query": "a" * (LONGEST_QUERY + 1)})


def test_a_message_that_was_stopped_is_told_as_received_by_nobody(world):
    zoe = world.student("Zoé")
    world.guardian("Hélène", zoe)
    key = world.draft()
    world.send(key, deliver=False)
    with world.staff() as session:
        session.scalars(select(Job).where(Job.kind == JobKind.send_message)).one().cancel()
    with world.staff() as session:
        one, which = session.get_one(Message, key), message_report.Which()
        assert message_report.about_student(session, zoe) == []
        assert session.scalar(select(message_report.count_about(zoe))) == 0
        assert (message_report.lines(session, one, which), message_report.count(session, one, which)) == ([], 0)


def test_what_was_read_before_sending_is_text_files_and_people_not_their_number(world):
    group = world.student("Zoé"), world.student("Tom")
    for child, name in zip(group, ("Hélène", "Paul"), strict=True):
        world.guardian(name, child)
    key = world.draft(audience={"kind": "students", "ids": [group[0]]})
    with world.staff() as session:
        one = session.get_one(Message, key)
        seen = [digest_of(session, one)]
        one.audience = {"kind": "students", "ids": [group[1]]}
        seen.append(digest_of(session, one))
        message_files.attach(session, one, "menu.pdf", b"%PDF-1.4 x")
        session.flush()
        seen.append(digest_of(session, one))
        assert len(set(seen)) == 3
        assert digest_of(session, one) == seen[-1]


def test_a_message_whose_file_is_lost_does_not_leave(world):
    world.guardian("Hélène", world.student("Zoé"))
    key = world.draft()
    with world.staff() as session:
        digest = message_files.attach(session, session.get_one(Message, key), "perdu.pdf", b"%PDF-1.4 lost").digest
    files.path_of(digest).unlink()
    with pytest.raises(Refusal) as refused:
        world.send(key)
    assert "perdu.pdf" in str(refused.value.sentence)


def test_a_draft_whose_file_is_refused_is_told_as_saved(as_):
    ac = as_("ac")
    files = [(io.BytesIO(b"MZ"), "jeu.exe")]
    answer = form(ac, "/admin/message/new/", subject="Avec un jeu", kind="text", text="Bonjour", to="guardians", scope="all", files=files)
    assert answer.status_code == 422
    told = words(answer)
    assert "Le brouillon est enregistré, sans ce fichier." in told
    assert "Rien n’est enregistré" not in told


def test_two_windows_that_chose_other_people_are_told_whom(as_):
    ac, given = as_("ac"), {"subject": "Deux fenêtres", "kind": "text", "text": "Bonjour", "to": "guardians"}
    edit = form(ac, "/admin/message/new/", **given, scope="all").headers["Location"]
    answer = ac.post(edit, data={**given, "csrf_token": token(ac.get(edit).text), "scope": "", "row_version": "0"})
    assert answer.status_code == 409
    assert "Aucun élève choisi pour l’instant" in words(answer)


def test_a_text_that_is_far_too_long_is_refused_before_it_is_cleaned(as_, monkeypatch):
    monkeypatch.setattr("views.message_form.is_empty", lambda _raw: pytest.fail("read at length"))
    answer = form(as_("ac"), "/admin/message/new/", subject="Long", kind="html", text="<b>" * 70_000, to="guardians", scope="all", _go="preview")
    assert answer.status_code == 422
