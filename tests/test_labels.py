"""Story E: a person changes any text they can see, and renames a noun; every page agrees at the next request."""

import html
import os
import re
import subprocess
import sys

import pytest
from conftest import build, counted, rows
from sqlalchemy import func, select

from jobs.demo import load_demo
from models.access import User
from models.db import db
from models.journal import JournalEvent
from models.labels import LabelOverride, Noun
from models.scope import unscoped
from models.sessions import open_session, standing_of


def token(browser):
    """The CSRF token of this browser."""
    return re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/admin/label/?view=mine").text)[1]


def text_pages(browser, search, **args):
    """What a search finds: (text, address of its page)."""
    page = browser.get("/admin/label/", query_string={"search": search, **args})
    assert page.status_code == 200
    return [(html.unescape(text), html.unescape(url)) for url, text in re.findall(r'<a href="(/admin/label/text/[^"]+)">([^<]*)</a>', page.text)]


def write_text(browser, search, words, *, index=0, **more):
    """Find a text by what it says and write another: two clicks. Gives the answer and the page."""
    url = text_pages(browser, search)[index][1]
    page = browser.get(url).text
    form = {f"text_{n}": word for n, word in enumerate([words] if isinstance(words, str) else words)}
    marks = html.unescape(re.search(r'name="marks" value="([^"]*)"', page)[1])
    return browser.post(url, data={"csrf_token": token(browser), "marks": marks, **form, **more}), url


def noun_id(app, school, key="student", language="fr"):
    """The row of a noun."""
    with rows(app) as session:
        return session.scalar(select(Noun.id).filter_by(school_id=school, key=key, language=language))


def rename(browser, identifier, singular="apprenante", plural="apprenantes", gender="feminine", **more):
    """Change a noun through its form."""
    url = f"/admin/noun/edit/?id={identifier}"
    page = browser.get(url).text
    mark = re.search(r'name="row_version"[^>]* value="([^"]+)"', page)[1]
    data = {"csrf_token": token(browser), "row_version": mark, "singular": singular, "plural": plural, "gender": gender, "vowel_sound": "y", **more}
    return browser.post(url, data={k: v for k, v in data.items() if v is not None})


@pytest.fixture
def acc(as_):
    """The site administrator of the first school."""
    return as_("acc")


# -- nouns ----------------------------------------------------------------------------------------------------------------------


def test_a_renamed_noun_agrees_in_menu_title_and_button_at_the_next_request_and_reset_brings_it_back(app, acc, as_, schools):
    before = as_("ac").get("/admin/student/").text
    assert "<h1>Élèves</h1>" in before
    assert "Ajouter un élève" in before
    identifier = noun_id(app, schools[0])
    assert rename(acc, identifier).status_code == 302
    for person in ("ac", "acc"):
        page = as_(person).get("/admin/student/").text
        assert "<h1>Apprenantes</h1>" in page
        assert "Ajouter une apprenante" in page
        assert re.search(r'<a href="/admin/student/"[^>]*>.*?Apprenantes', page)
        assert "élève" not in page.lower()
    assert "<h1>Apprenantes</h1>" not in as_("ac2").get("/admin/student/").text
    done = acc.post("/admin/noun/action/", data={"csrf_token": token(acc), "action": "reset", "rowid": identifier})
    assert done.status_code == 303
    assert "<h1>Élèves</h1>" in as_("ac").get("/admin/student/").text


def test_the_form_of_a_noun_shows_what_it_gives_today(app, acc, schools):
    identifier = noun_id(app, schools[0])
    rename(acc, identifier, "héros", "héros", "masculine", vowel_sound=None)
    page = acc.get(f"/admin/noun/edit/?id={identifier}").text
    assert "un héros · le héros · ce héros · aucun héros · de héros · du héros · au héros · de héros" in page


def test_a_vowel_box_that_contradicts_the_first_letter_is_refused_and_the_list_sorts_by_folded_words(app, acc, schools):
    answer = rename(acc, noun_id(app, schools[0]), "participante", "participantes")
    assert answer.status_code == 422
    assert "commence par une consonne" in html.unescape(answer.text)
    page = html.unescape(acc.get("/admin/noun/?language=fr&sort=0").text)
    assert page.index(">élève<") < page.index(">établissement<") < page.index(">responsable<")
    assert '<a href="/admin/label/">' in page


@pytest.mark.parametrize("word", ["", "x" * 41, "<b>x</b>", "a%(x)s", "[student]", "a|b"])
def test_a_word_that_would_break_sentences_is_refused_and_nothing_changes(app, acc, schools, word):
    identifier = noun_id(app, schools[0])
    answer = rename(acc, identifier, word)
    assert answer.status_code == 422
    with rows(app) as session:
        assert session.get(Noun, identifier).singular == "élève"


def test_the_glossary_is_listed_in_the_reader_s_language_in_its_own_order(acc):
    page = acc.get("/admin/noun/").text
    assert re.findall(r'role="rowheader"><a [^>]+>([^<]+)</a>', page)[:3] == ["élève", "responsable", "établissement"]
    assert "étudiant" not in page
    assert "étudiant" in acc.get("/admin/noun/?language=fr_CA").text
    assert acc.get("/admin/noun/?language=xx").status_code == 404


def test_nouns_are_neither_added_nor_deleted(app, acc, schools):
    assert acc.get("/admin/noun/new/").status_code == 403
    answer = acc.post("/admin/noun/delete/", data={"csrf_token": token(acc), "id": noun_id(app, schools[0])})
    assert answer.status_code == 403


def test_the_second_of_two_people_is_told(app, acc, schools):
    identifier = noun_id(app, schools[0])
    mark = re.search(r'name="row_version"[^>]* value="([^"]+)"', acc.get(f"/admin/noun/edit/?id={identifier}").text)[1]
    rename(acc, identifier)
    answer = rename(acc, identifier, "disciple", "disciples", row_version=mark)
    assert answer.status_code == 409
    assert "disciple" in answer.text
    with rows(app) as session:
        assert session.get(Noun, identifier).singular == "apprenante"


# -- texts ----------------------------------------------------------------------------------------------------------------------


def test_a_text_is_found_by_what_it_says_and_changed_in_two_clicks(app, acc, as_):
    assert [text for text, _url in text_pages(acc, "zzqx wwqx")] == []
    found = text_pages(acc, "Ajouter un élève")
    assert found[0][0] == "Ajouter un élève"
    answer, _url = write_text(acc, "Ajouter un élève", "Inscrire [a student] ici")
    assert answer.status_code == 303
    assert "Inscrire un élève ici" in as_("ac").get("/admin/student/").text
    assert "Inscrire un élève ici" not in as_("ac2").get("/admin/student/").text
    assert [text for text, _url in text_pages(acc, "inscrire un eleve ici")] == ["Inscrire un élève ici"]
    mine = acc.get("/admin/label/?view=mine").text
    assert "Inscrire [a student] ici" in mine


def test_names_and_numbers_of_a_page_do_not_hide_the_text(acc):
    page = acc.get("/admin/label/", query_string={"search": "Bénard, Zoé 3 lignes supprimées"}).text
    assert "%(count)s lignes supprimées." in page


def test_reset_brings_the_default_back_from_its_page_from_the_list_and_by_delete(app, acc, as_):
    def in_force():
        return "Inscrire un élève" in as_("ac").get("/admin/student/").text

    def identifier():
        with rows(app) as session:
            return session.scalar(select(LabelOverride.id))

    for way in ("page", "list", "delete", "same text"):
        write_text(acc, "Ajouter un élève", "Inscrire [a student]")
        assert in_force()
        if way == "page":
            write_text(acc, "Inscrire un élève", "autre", _reset="1")
        elif way == "list":
            acc.post("/admin/label/action/?view=mine", data={"csrf_token": token(acc), "action": "reset", "rowid": identifier()})
        elif way == "delete":
            acc.post("/admin/label/delete/", data={"csrf_token": token(acc), "id": identifier(), "_asked": "1"})
        else:
            write_text(acc, "Inscrire un élève", "Ajouter [a student]")
        assert not in_force(), way
        assert identifier() is None
    with rows(app) as session:
        verbs = session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "label")).all()
        assert {"created", "reset", "deleted"} <= set(verbs)


def test_the_preview_shows_the_result_and_unknown_brackets_and_saves_nothing(app, acc):
    answer, _url = write_text(acc, "Ajouter un élève", "Voici [the student] [nobody]", _preview="1")
    assert answer.status_code == 200
    assert "Voici l’élève [nobody]" in answer.text
    assert "Ces crochets ne désignent aucun mot" in answer.text
    assert "<code>[of the student]</code>" in answer.text
    assert "de l’élève" in answer.text
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0


def test_a_text_in_several_forms_is_written_form_by_form(app, acc):
    answer, url = write_text(acc, "%(count)s lignes supprimées.", ["Une ligne en moins.", "%(count)s lignes en moins."])
    assert answer.status_code == 303
    with rows(app) as session:
        assert session.execute(select(LabelOverride.form, LabelOverride.text).order_by(LabelOverride.form)).all() == [
            (0, "Une ligne en moins."),
            (1, "%(count)s lignes en moins."),
        ]
    assert "%(count)s lignes en moins." in acc.get(url).text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "Le texte est vide."),
        ("   ", "Le texte est vide."),
        ("x" * 10_000, "Un texte a au plus 2000 signes."),
        ("Enlevé %(x)s", "Rien ne peut venir à la place de %(x)s"),
        ("a\u202eb", "Le texte contient un signe invisible."),
    ],
)
def test_a_wrong_text_is_refused_beside_its_field_and_kept_on_the_page(app, acc, words, sentence):
    answer, _url = write_text(acc, "Ajouter un élève", words)
    assert answer.status_code == 422
    assert sentence in html.unescape(answer.text)
    if words.strip():
        assert words[:50] in html.unescape(answer.text)
    with rows(app) as session:
        assert session.scalar(select(func.count(LabelOverride.id))) == 0


def test_the_second_writer_of_a_text_is_told_and_keeps_their_input(app, acc):
    write_text(acc, "Ajouter un élève", "Un")
    answer, _url = write_text(acc, "Add [a student]", "Deux", marks="")
    assert answer.status_code == 409
    assert "Deux" in answer.text
    assert "Quelqu’un a modifié ce texte" in answer.text
    with rows(app) as session:
        assert session.scalar(select(LabelOverride.text)) == "Un"


LITERAL = ["{{7*7}}", "{% if %}", "${7}", "{0.__class__}", "{nom.__init__}", "{config}", "%s", "%", "100 %", "%n", "<img src=x onerror=alert(1)>"]


@pytest.mark.parametrize("words", LITERAL)
def test_whatever_a_text_holds_is_shown_literally(acc, as_, words):
    write_text(acc, "Ajouter un élève", words)
    page = as_("ac").get("/admin/student/")
    assert page.status_code == 200
    assert html.escape(words).replace("&#x27;", "&#39;") in page.text
    assert "<img src=x" not in page.text
    assert text_pages(acc, "Add [a student]")[0][0] == words


def test_bold_is_literal_in_a_title_a_column_label_a_menu_a_field_a_button_and_a_flash(app, acc, schools):
    bold, escaped = "<b>100 %</b>", "&lt;b&gt;100 %&lt;/b&gt;"
    wanted = {"Singulier", "Libellés", "Vocabulaire", "Enregistré.", "Enregistrer"}
    for text in wanted:
        for shown, url in text_pages(acc, text):
            if shown == text:
                assert acc.post(url, data={"csrf_token": token(acc), "marks": "", "text_0": bold}).status_code == 303
    identifier = noun_id(app, schools[0])
    form = acc.get(f"/admin/noun/edit/?id={identifier}").text
    assert f'<label for="singular">{escaped}' in form
    assert f'<button class="btn btn-primary" type="submit">{escaped}</button>' in form
    rename(acc, identifier)
    page = acc.get("/admin/noun/").text
    assert f"<h1>{escaped}</h1>" in page
    assert re.search(r'<a href="/admin/label/" aria-current="page">.*' + re.escape(escaped), page)
    assert re.search(r'<th role="columnheader" scope="col"[^>]*>(<a [^>]*>)?' + re.escape(escaped), page)
    assert re.search(r'<div class="alert[^>]*>\s*<svg.*?</svg>\s*<strong>' + re.escape(escaped), page, re.DOTALL)
    assert bold not in form + page


def test_an_override_holds_in_its_language_only(acc):
    write_text(acc, "Ajouter un élève", "Inscrire")
    assert text_pages(acc, "Add [a student]", language="fr")[0][0] == "Inscrire"
    assert text_pages(acc, "Add [a student]", language="en")[0][0] == "Add a student"


def test_the_languages_are_those_that_exist(acc):
    assert acc.get("/admin/label/?language=xx").status_code == 404
    assert acc.get("/admin/label/?page=9999").status_code == 404
    assert acc.get("/admin/label/text/?code=nothing").status_code == 404


# -- rights ---------------------------------------------------------------------------------------------------------------------


def test_only_the_site_administrator_changes_words(app, acc, as_, schools):
    url = text_pages(acc, "Ajouter un élève")[0][1]
    reader = as_("ac")
    assert reader.get("/admin/label/").status_code == 200
    assert text_pages(reader, "Ajouter un élève") == []
    assert "Ajouter un élève" in reader.get("/admin/label/?search=Ajouter un élève").text
    assert reader.get(url).status_code == 403
    assert reader.post(url, data={"csrf_token": token(reader), "text_0": "x", "marks": ""}).status_code == 403
    assert reader.get(f"/admin/noun/edit/?id={noun_id(app, schools[0])}").status_code == 403
    for person in ("ec", "amp", "registrar", "head", "inspector"):
        assert as_(person).get("/admin/label/").status_code == 403
        assert as_(person).get("/admin/noun/").status_code == 403
    assert app.test_client().get("/admin/label/").status_code == 302


def test_another_school_s_words_do_not_exist(app, acc, as_, schools):
    write_text(acc, "Ajouter un élève", "Inscrire")
    with rows(app) as session:
        identifier = session.scalar(select(LabelOverride.id))
    other = as_("acc2")
    for page in ("details", "edit"):
        assert other.get(f"/admin/label/{page}/?id={identifier}").status_code == 404
        assert other.get(f"/admin/noun/{page}/?id={noun_id(app, schools[0])}").status_code == 404
    assert "Inscrire" not in other.get("/admin/label/?view=mine").text


def test_the_lists_ask_few_statements(app, acc):
    for url in ("/admin/label/", "/admin/label/?view=mine", "/admin/noun/"):
        acc.get(url)
        with counted(app) as seen:
            acc.get(url)
        assert len(seen) <= 10, seen


# -- a second worker ------------------------------------------------------------------------------------------------------------

WORKER = """
import sys, pathlib
sys.path[:0] = ["tests", "."]
from conftest import build
app = build(pathlib.Path(sys.argv[1]))
for line in sys.stdin:
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"], session["_fresh"] = line.strip(), True
    page = browser.get("/admin/student/").text
    print("Apprenantes" in page, "Élèves" in page, "Inscrire un élève" in page, flush=True)
"""


def test_a_second_worker_process_agrees_at_its_next_request(tmp_path):
    app = build(tmp_path)
    with app.app_context(), unscoped("the demonstration"):
        load_demo(db.session, students=12, seed=7)
        db.session.commit()
        user = db.session.scalar(select(User).where(User.username == "acc"))
        ticket = open_session(user, standing_of(user.id))
        db.session.commit()
        identifier = db.session.scalar(select(Noun.id).filter_by(key="student", language="fr").order_by(Noun.school_id))
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"], session["_fresh"] = ticket, True

    def ask():
        worker.stdin.write(f"{ticket}\n")
        worker.stdin.flush()
        return worker.stdout.readline().strip()

    try:
        assert ask() == "False True False"
        assert rename(browser, identifier).status_code == 302
        assert ask() == "True False False"
        browser.post("/admin/noun/action/", data={"csrf_token": token(browser), "action": "reset", "rowid": identifier})
        assert write_text(browser, "Ajouter un élève", "Inscrire [a student]")[0].status_code == 303
        assert ask() == "False True True"
        assert write_text(browser, "Inscrire un élève", "x", _reset="1")[0].status_code == 303
        assert ask() == "False True False"
    finally:
        worker.communicate("")
