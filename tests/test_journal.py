"""The history: what people read of it, and who."""

import pytest
from conftest import counted, rows
from hands import words
from sqlalchemy import select

from models.journal import JournalEvent
from models.people import Student
from views.journal import verb_words


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
        ("user", "refused_many", "refusé\u00a0: nombreuses tentatives"),
    ],
)
def test_what_no_button_names_is_told_in_words_too(app, table, verb, told):
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        assert verb_words(verb, table) == told
