"""The history: what people read of it, and who."""

import re

import pytest
from batches import As
from conftest import counted, rows
from hands import words
from sqlalchemy import select

from models.access import User
from models.changes import JournalChange
from models.journal import JournalEvent
from models.labels import Noun, NounGender
from models.people import Student
from models.rights import VERBS
from views.journal import WORDS, verb_words
from views.menu import screens


@pytest.fixture
def edited(app, schools, a_student):
    """A line about a student, and one about a student who is gone."""
    with rows(app) as session:
        name = str(session.get(Student, a_student))
        common = {"school_id": schools[0], "who": "Hélène Marchand", "roles": "acc", "verb": "edited", "table_name": "student"}
        session.add_all([JournalEvent(**common, row_id=a_student), JournalEvent(**common, row_id=9_999_999)])
    return name


def test_a_line_names_what_it_is_about(as_, edited):
    page = words(as_("ac").get("/admin/journal_event/"))
    assert f"Élèves {edited} 1" in page
    assert "nº 9999999" in page


def test_the_page_of_a_line_names_it_too(app, as_, schools, edited, a_student):
    with rows(app) as session:
        line = session.scalar(
            select(JournalEvent.id).where(JournalEvent.row_id == a_student, JournalEvent.who == "Hélène Marchand").order_by(JournalEvent.id.desc())
        )
    page = words(as_("head").get(f"/admin/journal_event/details/?id={line}"))
    assert edited in page
    assert "modification" in page


def test_the_history_asks_once_for_each_table(app, as_):
    browser = as_("ac")
    with counted(app) as few:
        browser.get("/admin/journal_event/?page_size=20")
    with counted(app) as many:
        browser.get("/admin/journal_event/?page_size=100")
    assert len(many) <= len(few) + 6
    assert len(many) <= 20


def test_the_history_of_another_school_is_not_there(as_, edited):
    assert edited not in words(as_("ac2").get("/admin/journal_event/?page_size=100"))


@pytest.mark.parametrize(
    ("table", "verb", "told"),
    [
        ("job", "download", "téléchargement"),
        ("school", "opened", "ouverture de l’établissement"),
        ("import_", "export", "export"),
        ("right", "reset", "retour aux droits par défaut"),
        ("user", "refused_many", "refus\u00a0: nombreuses tentatives"),
    ],
)
def test_what_no_button_names_is_told_in_words_too(app, table, verb, told):
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        assert verb_words(verb, table) == told


def test_every_verb_has_words_of_the_history_and_none_is_the_text_of_a_button(app):
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        told = {verb_words(verb, table) for table, verbs in VERBS.items() for verb in verbs}
        assert {"réimpression", "annulation", "fusion", "consultation sous un autre rôle", "retour au mot d’origine", "remise en attente"} <= told
        assert not told & {str(known.text) for screen in screens().values() for known in screen.verbs.values()}
        assert verb_words("confirm", "guardian_link") == "confirmation"
        assert verb_words("refused_edit", "student") == "refus\u00a0: modification"
    assert {verb for verbs in VERBS.values() for verb in verbs} <= {key if isinstance(key, str) else key[1] for key in WORDS}


# --- deleted records -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def deleted(app, schools):
    """A student whom the site administrator deleted and one whom the teacher did; their numbers."""
    with As(app, schools[0], "acc")("made") as session:
        session.add(student := Student(family_name="Durand", given_name="Ève"))
        session.flush()
        found = {"acc": student.id, "own": 9_999_998}
    with As(app, schools[0], "acc")("gone") as session:
        session.delete(session.get_one(Student, found["acc"]))
    with rows(app) as session:
        teacher = session.scalar(select(User.id).where(User.username == "ec"))
        session.add(JournalChange(school_id=schools[0], user_id=teacher, table_name="student", row_id=9_999_998, title="Lenoir, Ève", before={}))
    return found


def test_a_deleted_record_is_named_as_it_was(app, as_, deleted):
    page = words(as_("ac").get("/admin/journal_event/"))
    assert "suppression Élèves Durand, Ève 1" in page
    assert f"nº {deleted['acc']}" not in page
    assert "Durand, Ève : suppression" in words(as_("acc").get("/admin/"))
    assert "Durand, Ève" not in words(as_("ac2").get("/admin/journal_event/"))


def test_a_changed_noun_reads_as_vocabulary_and_not_as_a_person(app, as_, schools):
    with rows(app) as session:
        noun = session.scalars(select(Noun).where(Noun.school_id == schools[0], Noun.language == "fr", Noun.key == "student")).one()
        noun.singular, noun.plural, noun.gender, noun.vowel_sound = "apprenante", "apprenantes", NounGender.feminine, True
        administrator = session.scalar(select(User.id).where(User.username == "acc"))
        session.add(JournalEvent(school_id=schools[0], user_id=administrator, verb="edited", table_name="noun", row_id=noun.id, batch="noun"))
    page = words(as_("acc").get("/admin/"))
    assert "Vocabulaire : modification" in page
    assert "apprenante : modification" not in page
    assert re.search(r"\d+ suivies? sur", page)
    assert not re.search(r"\d+ suivis? sur", page)


def test_who_reads_some_students_only_reads_the_names_of_those_that_they_deleted(app, as_, schools, deleted):
    with rows(app) as session:
        teacher = session.scalar(select(User.id).where(User.username == "ec"))
        for key in ("acc", "own"):
            common = {"school_id": schools[0], "user_id": teacher, "verb": "edited", "table_name": "student", "batch": key}
            session.add(JournalEvent(**common, row_id=deleted[key]))
    page = words(as_("ec").get("/admin/"))
    assert "Lenoir, Ève : modification" in page
    assert "Élèves : modification" in page
    assert "Durand" not in page


def test_a_number_that_two_deleted_records_had_names_nobody(app, as_, schools, deleted):
    with rows(app) as session:
        session.add(JournalChange(school_id=schools[0], table_name="student", row_id=deleted["acc"], title="Autre, Une", before={}))
    page = words(as_("ac").get("/admin/journal_event/"))
    assert f"nº {deleted['acc']}" in page
    assert "Durand, Ève" not in page


def test_deleted_records_of_one_table_and_of_three_ask_one_question(app, as_, schools):
    browser = as_("ac")

    def asked():
        with counted(app) as seen:
            browser.get("/admin/journal_event/?page_size=100")
        return len([one for one in seen if "FROM journal_change" in str(one)])

    numbers = []
    for tables in (["student"], ["student", "guardian", "group"] * 10):
        with rows(app) as session:
            for n, table in enumerate(tables):
                session.add(JournalEvent(school_id=schools[0], verb="deleted", table_name=table, row_id=8_000_000 + n))
        numbers.append(asked())
    assert numbers == [1, 1]
