"""SIECLE's zips through the pages: sent together, previewed, one cell corrected, confirmed, undone."""

import html
import re

import siecle_files as siecle
from conftest import rows
from hands import words as said
from sqlalchemy import func, select
from test_import_pages import NEW, Hands

from jobs.runner import run_pending
from models.people import GuardianLink, Student
from models.school import School
from models.work import Job, JobState


def code_of(app, school_id):
    with rows(app) as session:
        return session.get_one(School, school_id).official_code


def numbers(app, school_id):
    with rows(app) as session:
        return [session.scalar(select(func.count()).select_from(model).where(model.school_id == school_id)) for model in (Student, GuardianLink)]


def test_zips_of_three_hundred_students_and_guardians_are_checked_corrected_written_and_undone(app, as_, schools):
    hands = Hands(app, as_("ac"))
    before = numbers(app, schools[0])
    pupils, guardians = siecle.a_school(300, uaj=code_of(app, schools[0]))
    wrong = (pupils[0], siecle.zipped(("ElevesAvecAdresses.xml", siecle.unzipped(pupils[1]).replace(b"01/01/2010", b"31/02/2010", 1))))
    url = hands.send(wrong, guardians).headers["Location"]
    text = said(hands.browser.get(url))
    assert "Format reconnu : SIECLE, élèves, année scolaire 2026-2027." in text
    assert "Format reconnu : SIECLE, liens entre élèves et responsables, année scolaire 2026-2027." in text
    assert "1 ligne en erreur" in text
    assert "299 élèves créés" in text
    columns = said(hands.browser.get(url.replace("details", "columns")))
    assert "Le format de ce fichier dit ce que sont ses colonnes." in columns
    assert "NOM_DE_FAMILLE" in columns
    hands.post(url.replace("details", "correct"), **{"c.students.1.born_on": "2010-02-28", "s.students.1.born_on": "31/02/2010"})
    run_pending(app)
    assert "300 élèves créés" in said(hands.browser.get(url))
    assert "600 liens" in said(hands.browser.get(url.replace("details", "confirm")))
    hands.post(url.replace("details", "confirm"))
    run_pending(app)
    page = hands.browser.get(url)
    assert "Import écrit" in said(page)
    assert numbers(app, schools[0]) == [before[0] + 300, before[1] + 600]
    undo = html.unescape(re.search(r'href="(/admin/journal_event/undo/?\?[^"]+)"', page.text)[1])
    work = hands.post(undo, page=undo).headers["Location"]
    run_pending(app)
    assert f'<a href="{url}">Retour à l’import</a>' in hands.browser.get(work).text
    with rows(app) as session:  # as when it fails
        session.get_one(Job, int(work.rpartition("id=")[2])).state = JobState.failed
    assert f'<a href="{url}">Retour à l’import</a>' in hands.browser.get(work).text
    assert numbers(app, schools[0]) == before


def test_the_page_of_the_files_names_the_exports_to_make_where_siecle_is_used(as_):
    assert "Responsables avec adresses" in said(as_("ac").get(NEW))
    assert "Structures" not in said(as_("ac").get(NEW))
    assert "Nomenclature" in said(as_("acc").get(NEW))
    assert "SIECLE" not in said(as_("ac2").get(NEW))


def test_a_refused_file_says_why_and_what_to_do_in_french(app, as_, schools):
    hands = Hands(app, as_("ac"))
    url = hands.send(("e.xml", siecle.students(siecle.pupil(1), uaj="0660864F"))).headers["Location"]
    assert re.search(r"Ce fichier vient de l’établissement 0660864F\s; le code d’ici est [0-9]{7}[A-Z]\.", said(hands.browser.get(url)))
    url = hands.send(("s.xml", siecle.structures((("5A", ""),), uaj=code_of(app, schools[0])))).headers["Location"]
    assert "que seul l’administrateur du site importe" in said(hands.browser.get(url))


def test_lines_of_classes_beside_those_of_students_are_told_apart(app, as_, schools):
    hands, code = Hands(app, as_("acc")), code_of(app, schools[0])
    url = hands.send(("e.xml", siecle.students(siecle.pupil(1), uaj=code)), ("s.xml", siecle.structures((("5NEUVE", ""),), uaj=code))).headers["Location"]
    text = said(hands.browser.get(url))
    assert "Continuer avec 2 lignes" in text
    assert "2 lignes à écrire : 1 d’élèves avec leurs responsables, 1 de classes, groupes et formations, changements de nom compris." in text
