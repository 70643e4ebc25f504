"""A language that a school adds by a file: it reads in it, nobody else does; what it lacks is listed and read in the school's language."""

import html
import io
import re

import pytest
from conftest import rows
from flask_babel import force_locale
from sqlalchemy import select
from test_page_labels import panel, token

from jobs import label_files
from models.base import Refusal
from models.catalogue import installed
from models.db import db
from models.journal import JournalEvent
from models.label_languages import SchoolLanguage, check_language, fallback_of, is_language
from models.label_upload import add_language, remove_language
from models.labels import LabelOverride, Noun
from models.school import School
from models.scope import Actor, Scope, acting
from models.texts import code_of
from views.i18n import forget, gettext, language_for, ngettext

SPANISH = """
msgid ""
msgstr ""
"Language: es\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"Content-Type: text/plain; charset=UTF-8\\n"

msgid "Add [a student]"
msgstr "Añadir un [student]"

msgid "School life"
msgstr "Vida escolar"

msgid "%(num)d text"
msgid_plural "%(num)d texts"
msgstr[0] "%(num)d texto"
msgstr[1] "%(num)d textos"

msgctxt "noun"
msgid "student"
msgid_plural "students"
msgstr[0] "alumno"
msgstr[1] "alumnos"

msgctxt "noun gender"
msgid "student"
msgstr "masculine"
"""
MORE = """
msgid "No such text of ours"
msgstr "Nada"

msgid "%(name)s, class %(group)s"
msgstr "Sin sitio"

msgid "Town"
msgstr "[the school]"
"""


def upload(browser, text):
    """Send a .po file as a language."""
    data = {"csrf_token": token(browser), "file": (io.BytesIO(text.encode()), "es.po")}
    return browser.post("/admin/label/languages/", data=data, content_type="multipart/form-data")


def speak(browser, language):
    """Choose one's language on one's account."""
    data = {"csrf_token": token(browser), "part": "profile", "given_name": "Ana", "family_name": "Ruiz", "language": language, "theme": ""}
    return browser.post("/account", data=data)


@pytest.fixture
def spanish(app, schools):
    """The first school reads in Spanish."""
    with rows(app) as session:
        add_language(session, session.get_one(School, schools[0]), SPANISH.encode())
    return schools


def test_a_file_becomes_a_language_that_people_choose_and_the_rest_is_in_the_school_s_own(as_, app):
    acc, colleague = as_("acc"), as_("ac")
    answer = upload(acc, SPANISH)
    assert answer.status_code == 200
    assert "5 traductions sont prises" in html.unescape(answer.text)
    assert '<option value="es">Español' in colleague.get("/account").text
    assert speak(colleague, "es").status_code == 302
    page = colleague.get("/admin/student/").text
    assert '<html lang="es"' in page
    assert "Añadir un alumno" in page
    assert "Vida escolar" in page
    assert "<h1>Alumnos</h1>" in page
    assert "Comptes des responsables" in page, "what is not translated is French, nouns and all"
    assert "[" not in re.sub(r"<script.*?</script>|<[^>]+>", "", page)


def test_another_school_neither_sees_nor_chooses_it(as_, app, spanish):
    other = as_("ac2")
    assert "Español" not in other.get("/account").text
    assert speak(other, "es").status_code == 422
    assert as_("acc2").get("/admin/label/?language=es").status_code == 404
    assert "Español" not in as_("acc2").get("/admin/label/languages/").text


def test_a_bad_entry_is_left_out_by_name_and_the_good_ones_are_taken(as_, app):
    answer = upload(as_("acc"), SPANISH + MORE)
    text = html.unescape(answer.text)
    assert answer.status_code == 200
    assert "3 textes sont laissés de côté" in text
    for reason in ("No such text of ours", "%(name)s, class %(group)s", "Rien ne dit comment écrire [the school] dans cette langue"):
        assert reason in text
    with rows(app) as session:
        assert "Sin sitio" not in session.scalar(select(SchoolLanguage.texts))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SPANISH.replace("Language: es", "Language: fr"), "déjà celle de l’application"),
        (SPANISH.replace("Language: es", "Language: xx"), "dit être en «\u202fxx\u202f», qui n’est pas une langue"),
        (MORE.replace("Town", "Nowhere"), "ne dit pas sa langue"),
        ('msgid ""\nmsgstr ""\n"Language: es\\n"\n\nmsgid "Qwxz"\nmsgstr "Nada"\n', "Aucun texte de ce fichier n’est de l’application"),
        ("pas un fichier", "la ligne 1 n’est pas lisible"),
    ],
    ids=range(5),
)
def test_a_file_that_is_no_language_is_refused_and_nothing_is_written(as_, app, text, sentence):
    answer = upload(as_("acc"), text)
    assert answer.status_code == 422
    assert sentence in html.unescape(answer.text)
    with rows(app) as session:
        assert session.scalars(select(SchoolLanguage.id)).all() == []
        assert session.scalars(select(Noun.id).where(Noun.language == "es")).all() == []


def test_the_line_that_says_the_language_is_shown_as_it_is_written_and_taken_with_a_french_space(as_, app):
    acc = as_("acc")
    line = r'"Language: es\n"'
    assert f"<code>{line}</code>" in html.unescape(acc.get("/admin/label/languages/").text)
    assert line in html.unescape(upload(acc, SPANISH.replace(r'"Language: es\n"', "")).text)
    assert upload(acc, SPANISH.replace("Language: es", "Language\u00a0: es")).status_code == 200
    assert r'"Language: xx\n"' in acc.get("/admin/label/languages/file/").text


def test_what_is_not_translated_is_listed_with_its_page_and_the_command_agrees(as_, app, spanish, capsys):
    acc = as_("acc")
    page = html.unescape(upload(acc, SPANISH).text)
    assert "5 traductions de votre fichier" in page
    lacking = int(re.search(r'only=untranslated">(\d+) textes', page)[1])
    listed = html.unescape(acc.get("/admin/label/?language=es&only=untranslated&search=chercher partout").text)
    assert f"<p>{lacking} textes</p>" in html.unescape(acc.get("/admin/label/?language=es&only=untranslated").text)
    assert "Non traduit" in listed
    assert "Toutes les pages" in listed
    assert re.search(r'aria-current="page">Non traduit', listed)
    with app.app_context():
        assert label_files.tell_missing(db.session, spanish[0]) == lacking
    told = capsys.readouterr().out
    assert told.count("msgid ") == lacking
    assert 'msgid "Add [a student]"' not in told
    file = acc.get("/admin/label/languages/file/?language=es").text
    assert file.count('\nmsgstr ""') + file.count('\nmsgstr[0] ""') == lacking + 1 + 22, "the header, and the eleven nouns that the file does not name"
    assert "#. " in file


def test_a_text_of_that_language_is_written_in_the_panel_like_any_other(as_, app, spanish):
    acc = as_("acc")
    speak(acc, "es")
    code = code_of("messages", "", "Save this view")
    shown = panel(acc, "/admin/student/", labels_text=code)
    action = re.search(r'<form class="label-edit" method="post" action="([^"]+)"', shown)[1]
    assert "language=es" in action
    answer = acc.post(action, data={"csrf_token": token(acc), "marks": "", "text_0": "Guardar esta vista"})
    assert answer.status_code == 303
    assert "Guardar esta vista" in acc.get("/admin/student/").text
    with rows(app) as session:
        assert session.scalar(select(LabelOverride.language)) == "es"


def test_the_same_language_again_replaces_its_texts_and_keeps_the_vocabulary_that_it_does_not_name(app, spanish):
    with rows(app) as session:
        session.scalars(select(Noun).filter_by(school_id=spanish[0], language="es", key="level")).one().singular = "nivel"
        again = SPANISH.replace("Añadir", "Inscribir").replace('msgid "student"', 'msgid "nobody"')
        result = add_language(session, session.get_one(School, spanish[0]), again.encode())
        assert result.taken == 3
        nouns = dict(session.execute(select(Noun.key, Noun.singular).filter_by(school_id=spanish[0], language="es")).all())
        assert (nouns["level"], nouns["student"], len(nouns)) == ("nivel", "alumno", 12)
    with app.test_request_context(), acting(Actor(), Scope(spanish[0])), force_locale("es"):
        assert gettext("Add [a student]") == "Inscribir un alumno"
        assert (ngettext("%(num)d text", "%(num)d texts", 1), ngettext("%(num)d text", "%(num)d texts", 2)) == ("1 texto", "2 textos")
        assert gettext("Add") == installed().get("messages", "fr").text("", "Add")


def test_a_removed_language_leaves_its_readers_in_french(as_, app, spanish):
    acc = as_("acc")
    speak(acc, "es")
    done = acc.post("/admin/label/languages/remove/", data={"csrf_token": token(acc), "language": "es"})
    assert done.status_code == 303
    assert '<html lang="fr"' in acc.get("/admin/").text
    with rows(app) as session:
        assert session.scalars(select(Noun.id).where(Noun.language == "es")).all() == []
        with pytest.raises(Refusal):
            remove_language(session, spanish[0], "es")


def test_undoing_the_removal_of_a_language_brings_back_its_translations_with_its_vocabulary(as_, app, spanish):
    acc = as_("acc")
    speak(acc, "es")
    acc.post("/admin/label/languages/remove/", data={"csrf_token": token(acc), "language": "es"})
    page = acc.get("/admin/label/languages/").text
    undo = html.unescape(re.search(r'href="(/admin/journal_event/undo[^"]+)"', page)[1])
    assert acc.post(undo, data={"csrf_token": token(acc)}).status_code == 303
    page = acc.get("/admin/student/").text
    assert "Añadir un alumno" in page
    assert "<h1>Alumnos</h1>" in page
    with rows(app) as session:
        texts = session.scalar(select(SchoolLanguage.texts))
    assert "Vida escolar" in texts
    assert "Añadir" not in acc.get("/admin/journal_event/").text
    assert "alumno" not in acc.get("/admin/journal_event/trash").text


def test_undoing_what_added_a_language_takes_it_away_whole_unless_something_was_written_in_it(as_, app):
    acc = as_("acc")
    upload(acc, SPANISH)
    with rows(app) as session:
        undo = f"/admin/journal_event/undo?batch={session.scalar(select(JournalEvent.batch).where(JournalEvent.table_name == 'school_language'))}"
        session.add(LabelOverride(school_id=session.scalar(select(SchoolLanguage.school_id)), language="es", msgid="Town", text="Ciudad"))
    assert "Quelque chose y a été ajouté" in html.unescape(acc.get(undo).text)
    with rows(app) as session:
        session.delete(session.scalars(select(LabelOverride)).one())
    assert acc.post(undo, data={"csrf_token": token(acc)}).status_code == 303
    with rows(app) as session:
        assert session.scalars(select(SchoolLanguage.id)).all() == session.scalars(select(Noun.id).where(Noun.language == "es")).all() == []


def test_the_letters_of_a_file_are_read_as_its_header_says(app, schools):
    latin = SPANISH.replace("charset=UTF-8", "charset=ISO-8859-1")
    with rows(app) as session:
        add_language(session, session.get_one(School, schools[0]), latin.encode("cp1252"))
        assert "Añadir un [student]" in session.scalar(select(SchoolLanguage.texts))


def test_languages_and_their_fallbacks(app):
    assert [name for name in ("es", "pt_BR", "xx", "fr_FR", "../es", "es_", "", "ES") if is_language(name)] == ["es", "pt_BR", "fr_FR"]
    assert [fallback_of(*pair) for pair in (("es", "fr"), ("es", "fr_CA"), ("en_GB", "fr"), ("pt_BR", "xx"))] == ["fr", "fr_CA", "en", "fr"]
    with app.test_request_context():
        assert check_language("pt-BR") == "pt_BR"


def test_a_reader_whose_school_lost_the_language_reads_french_even_outside_a_school(app, spanish):
    with app.test_request_context(), acting(Actor(), Scope(None, 1, portal="guardian")), force_locale("es"):
        forget()
        assert gettext("School life") == "Vie scolaire"
        assert language_for("es") == "es", "a portal speaks for several schools, each in what it can"
    with app.test_request_context(), acting(Actor(), Scope(spanish[1])):
        forget()
        assert language_for("es") == "fr"
