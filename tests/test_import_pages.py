"""Imports through the pages: what a person reads at each step, and who may do what."""

import io

import pytest
from conftest import counted, rows
from hands import token
from hands import words as said
from import_desk import table
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS, many
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.imports import Import, ImportStatus
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, Student
from models.work import Job

NEW = "/admin/import_/new/"


class Hands:
    """A browser that imports."""

    def __init__(self, app, browser):
        self.app, self.browser = app, browser

    def post(self, url, page="/account", **fields):
        return self.browser.post(url, data={"csrf_token": token(self.browser.get(page).text), **fields}, content_type="multipart/form-data")

    def send(self, *files, run=True):
        """Send files; the address of their import."""
        answer = self.post(NEW, files=[(io.BytesIO(data), name) for name, data in files])
        if answer.status_code == 303 and run:
            run_pending(self.app)
        return answer

    def check(self, data, name="eleves.csv"):
        answer = self.send((name, data))
        assert answer.status_code == 303, said(answer)
        return answer.headers["Location"]

    def read(self, url, **query):
        return self.browser.get(url + "".join(f"&{name}={value}" for name, value in query.items()))


@pytest.fixture
def hands(app, as_):
    return Hands(app, as_("ac"))


def latest(app):
    with rows(app) as session:
        return session.scalar(select(func.max(Import.id)))


def test_from_the_file_to_what_was_written(app, hands, schools):
    url = hands.check(table(STUDENTS, encoding="cp1252"))
    page = hands.browser.get(url)
    text = said(page)
    assert "Vérifier l’import" in text
    assert "Format reconnu : texte CSV, élèves." in text
    assert "22 colonnes comprises sur 22, encodage Windows-1252, séparateur : point-virgule" in text
    assert "Créés 5" in text
    assert "Continuer avec 5 lignes" in text
    confirm = hands.browser.get(url.replace("details", "confirm"))
    assert "5 lignes seront écrites." in said(confirm)
    assert "3 responsables créés" in said(confirm)
    done = hands.post(url.replace("details", "confirm"))
    assert done.status_code == 303
    assert "Écriture de l’import" in said(hands.browser.get(url))
    run_pending(app)
    text = said(hands.browser.get(url))
    assert "Import écrit" in text
    assert "5 élèves créés" in text
    assert "Zoé" in said(hands.browser.get("/admin/student/?search=auvergne"))


def test_the_same_file_again_offers_nothing_to_write(app, hands):
    url = hands.check(table(STUDENTS))
    hands.post(url.replace("details", "confirm"))
    run_pending(app)
    page = hands.browser.get(hands.check(table(STUDENTS)))
    assert "Inchangés 5" in said(page)
    assert 'href="/admin/import_/confirm' in page.text  # the school's own students are absent from this file


def test_the_page_reads_itself_again_while_the_work_is_under_way(app, hands):
    url = hands.send(("eleves.csv", table(STUDENTS)), run=False).headers["Location"]
    page = hands.browser.get(url)
    assert "data-refresh" in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert "Vérification de l’import" in said(page)


def test_a_second_import_is_refused_while_one_is_under_way(app, hands):
    hands.send(("eleves.csv", table(STUDENTS)), run=False)
    answer = hands.send(("autres.csv", table(STUDENTS)), run=False)
    assert answer.status_code == 409
    assert "Un autre import est en cours (eleves.csv)." in said(answer)


def test_sending_nothing_says_what_to_do(hands):
    answer = hands.post(NEW)
    assert answer.status_code == 422
    assert "Aucun fichier n’est choisi. Choisissez un fichier CSV ou XLSX, puis envoyez-le." in said(answer)


def test_an_error_shows_line_field_value_and_remedy_and_can_be_corrected(app, hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    page = hands.browser.get(url)
    text = said(page)
    assert "En erreur 1" in text
    assert "Septembre n’a que 30 jours. Corrigez le jour." in text
    assert "Dans le fichier : 31/09/2014" in text
    assert "Naissance, ligne 2" in text
    assert hands.post(url.replace("details", "correct"), **{"c.students.2.born_on": "2014-09-30"}).status_code == 303
    run_pending(app)
    assert "En erreur 0" in said(hands.browser.get(url))


def test_a_line_can_be_ignored(app, hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    hands.post(url.replace("details", "correct"), ignore="students.2")
    run_pending(app)
    assert "Laissés de côté 1" in said(hands.browser.get(url))
    assert "Vous avez choisi d’ignorer cette ligne." in said(hands.read(url, tab="ignored"))


def test_the_identifier_of_a_student_of_the_school_is_told_by_name(app, hands, schools):
    with rows(app) as session:
        theo = session.scalars(select(Student).where(Student.school_id == schools[0], Student.national_id.is_not(None)).limit(1)).one()
        code, name = theo.national_id, theo.name
    stranger = {"nom": "Nguyen", "prenom": "Alix", "date_naissance": "04/12/2013", "ine": code}
    assert f"Déjà donné à {name}." in said(hands.browser.get(hands.check(table([stranger]))))


def test_before_and_after_are_shown_for_a_change(app, hands):
    first = hands.check(table(STUDENTS))
    hands.post(first.replace("details", "confirm"))
    run_pending(app)
    url = hands.check(table([{**STUDENTS[0], "classe": "5e Rouge"}, *STUDENTS[1:]]))
    page = hands.read(url, tab="changed")
    assert "<del>5e Bleue</del> <ins>5e Rouge</ins>" in page.text
    assert "1 ligne modifiée" in said(page)


def test_markup_in_a_cell_is_shown_as_text_and_cut_at_eighty_characters(hands):
    evil = "<img src=x onerror=alert(1)>" + "A" * 900
    page = hands.browser.get(hands.check(table([{**STUDENTS[0], "prenom": evil, "sexe": evil}])))
    assert "<img src=x" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text
    assert "A" * 80 not in said(page)  # an input holds the whole text, which is what gets corrected


def test_a_column_can_be_renamed_on_its_page(app, hands):
    headings = ["surnom" if h == "nom" else h for h in HEADINGS]
    url = hands.check(table([[s.get(h, "") for h in HEADINGS] for s in STUDENTS], headings))
    columns = url.replace("details", "columns")
    page = hands.browser.get(columns)
    assert "surnom" in said(page)
    assert hands.post(columns, column_0="family_name").status_code == 303
    run_pending(app)
    assert "Créés 5" in said(hands.browser.get(url))


@pytest.mark.parametrize("forged", ["role", "password_hash", "school_id"])
def test_a_forged_column_is_refused_with_a_sentence(hands, forged):
    url = hands.check(table(STUDENTS))
    answer = hands.post(url.replace("details", "columns"), column_0=forged)
    assert answer.status_code == 422
    assert f"« {forged} » n’est pas une colonne d’un import." in said(answer)


def test_another_encoding_is_chosen_on_the_page_of_the_columns(app, hands):
    url = hands.check(table(STUDENTS, encoding="mac_roman"))
    assert "Zoé" not in said(hands.browser.get(url))
    hands.post(url.replace("details", "columns"), encoding="mac_roman")
    run_pending(app)
    assert "encodage Mac Roman" in said(hands.browser.get(url))
    assert "Zoé" in said(hands.browser.get(url))


def test_an_unreadable_file_says_why_and_what_to_do(hands):
    text = said(hands.browser.get(hands.check(b"%PDF-1.7", "liste.pdf")))
    assert "Ce fichier n’est pas un tableau. Envoyez un fichier CSV ou XLSX, ou le XML ou ZIP d’un export officiel." in text


def test_the_lines_in_error_are_downloaded_and_the_download_is_in_the_history(app, hands):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014", "adresse": "=1+1"}, *STUDENTS[1:]]))
    answer = hands.browser.get(url.replace("details", "rows"))
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("nom;prenom;")
    assert "31/09/2014" in lines[1]
    assert "Septembre n’a que 30 jours." in lines[1]
    assert "'=1+1" in lines[1]
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(JournalEvent).where(JournalEvent.verb == "export", JournalEvent.table_name == "import_")) == 1


def test_the_model_file_is_understood_whole(hands):
    answer = hands.browser.get("/admin/import_/model/")
    headings = answer.data.decode("utf-8-sig").strip().split(";")
    assert {"nom", "prenom", "ine", "responsable1_nom", "responsable3_lien"} <= set(headings)
    page = said(hands.browser.get(hands.check(table([["x"] * len(headings)], headings))))
    assert f"{len(headings)} colonnes comprises sur {len(headings)}" in page


def test_deactivating_many_absent_students_needs_their_number(app, hands, schools):
    url = hands.check(table(many(2)))
    confirm = url.replace("details", "confirm")
    with rows(app) as session:
        absent = session.get_one(Import, latest(app)).counts["absent"]
    page = hands.browser.get(confirm)
    assert f"Pour les désactiver, tapez leur nombre ({absent})" in said(page)
    answer = hands.post(confirm, deactivate="1", typed="3")
    assert answer.status_code == 422
    assert f"{absent} élèves de l’établissement partiraient, soit plus d’un sur cinq." in said(answer)
    assert hands.post(confirm, deactivate="1", typed=str(absent)).status_code == 303
    run_pending(app)
    assert f"{absent} élèves désactivés" in said(hands.browser.get(url))


def test_an_import_is_abandoned_after_a_question(app, hands):
    url = hands.check(table(STUDENTS))
    number = url.rpartition("=")[2]
    question = hands.post("/admin/import_/action/", action="abandon", rowid=number)
    assert "Rien n’est écrit, et les fichiers sont retirés." in said(question)
    hands.post("/admin/import_/action/", action="abandon", rowid=number, _asked="1")
    assert "Import abandonné" in said(hands.browser.get(url))
    with rows(app) as session:
        assert session.get_one(Import, int(number)).status is ImportStatus.abandoned


def test_the_list_shows_the_imports_and_leads_to_their_page(hands):
    url = hands.check(table(STUDENTS))
    page = hands.browser.get("/admin/import_/")
    assert "eleves.csv" in said(page)
    assert "À confirmer" in said(page)
    assert f'details/?id={url.rpartition(chr(61))[2]}"' in page.text


def test_pages_of_a_tab_hold_twenty_five_rows(app, hands):
    url = hands.check(table(many(60)))
    assert "1 à 25 sur 60" in said(hands.read(url, tab="created"))
    assert "51 à 60 sur 60" in said(hands.read(url, tab="created", page=2))
    assert hands.read(url, tab="nonsense").status_code == 404


def test_the_preview_asks_the_same_number_of_questions_whatever_the_file(app, hands):
    asked = []
    for count in (30, 300):
        url = hands.check(table(many(count)))
        with counted(app) as seen:
            hands.read(url, tab="created")
        asked.append(len(seen))
        hands.post("/admin/import_/action/", action="abandon", rowid=url.rpartition("=")[2], _asked="1")
    assert asked[0] == asked[1] <= 14, asked


PAGES = ("details/?id={}", "confirm/?id={}", "columns/?id={}", "rows/?id={}")


@pytest.mark.parametrize("page", PAGES)
def test_an_import_of_another_school_does_not_exist(hands, as_, page):
    number = hands.check(table(STUDENTS)).rpartition("=")[2]
    assert as_("ac2").get(f"/admin/import_/{page.format(number)}").status_code == 404
    assert Hands(hands.app, as_("ac2")).post(f"/admin/import_/correct/?id={number}", row="1").status_code == 404


@pytest.mark.parametrize("who", ["ec", "amp", "inspector"])
def test_others_have_no_imports(app, as_, who):
    browser = as_(who)
    for page in ("", "new/", "model/", "details/?id=1"):
        assert browser.get(f"/admin/import_/{page}").status_code in (302, 403), page


def test_a_head_reads_imports_and_changes_nothing(hands, as_):
    url = hands.check(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}]))
    head = Hands(hands.app, as_("head"))
    page = head.browser.get(url)
    assert page.status_code == 200
    assert "Septembre n’a que 30 jours." in said(page)
    assert "Continuer avec" not in said(page)
    assert "Abandonner" not in said(page)
    assert head.browser.get(url.replace("details", "columns")).status_code == 403
    assert head.post(url.replace("details", "confirm")).status_code == 403
    assert head.browser.get(NEW).status_code == 403


def test_a_registrar_sees_own_imports_only_and_imports_students_only(app, hands, as_):
    other = hands.check(table(STUDENTS))
    registrar = Hands(app, as_("registrar"))
    assert registrar.browser.get(other).status_code == 404
    mine = registrar.check(table(STUDENTS))
    text = said(registrar.browser.get(mine))
    assert "5 responsables laissés de côté : votre rôle ne le permet pas." in text
    assert hands.browser.get(mine).status_code == 200


def test_a_registrar_s_files_of_guardians_and_ties_write_nobody(app, as_):
    registrar = Hands(app, as_("registrar"))
    with rows(app) as session:
        before = [session.scalar(select(func.count(model.id))) for model in (Guardian, GuardianLink)]
    people = ("eleves.csv", table([{**STUDENTS[0], "nom": "Registrée"}]))
    sent = registrar.send(people, ("responsables.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("liens.csv", table(LINKS, list(LINKS[0]))))
    assert sent.status_code in (303, 422)
    if sent.status_code == 303:
        registrar.post(sent.headers["Location"].replace("details", "confirm"))
        run_pending(app)
    with rows(app) as session:
        assert [session.scalar(select(func.count(model.id))) for model in (Guardian, GuardianLink)] == before


def test_work_that_stopped_can_be_started_again(app, hands):
    url = hands.send(("eleves.csv", table(STUDENTS)), run=False).headers["Location"]
    with rows(app) as session:
        session.scalars(select(Job).order_by(Job.id.desc()).limit(1)).one().cancel()
    assert "Ce travail s’est arrêté avant sa fin." in said(hands.browser.get(url))
    hands.post("/admin/import_/action/", action="check", rowid=url.rpartition("=")[2])
    run_pending(app)
    assert "Créés 5" in said(hands.browser.get(url))


def test_a_body_over_the_limit_is_refused(app, hands):
    told = {"CONTENT_LENGTH": str(65 * 1024 * 1024), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    answer = hands.browser.post(NEW, environ_overrides=told)
    assert answer.status_code == 413
