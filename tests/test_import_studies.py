"""Courses, grids, the correspondence of groups, admissions: files of a college, checked, corrected, written and undone."""

import io
import zipfile

import openpyxl
import pytest
from conftest import rows
from flask_babel import force_locale
from hands import token, words
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload
from study_files import ADMISSIONS, COURSES, FILES, GRIDS, PROGRAMMES, RAC, STUDENTS, College, college, lines, sent

from jobs.columns import kind_of
from jobs.runner import run_pending
from models.access import Role, User
from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
from models.db import db
from models.enrolments import Enrolment
from models.import_words import sentence_of
from models.imports import Import, ImportStatus
from models.people import Student
from models.right_override import RightOverride
from models.studies import OrgUnit, Programme, ProgrammeKind, Term
from models.undo import undo

__all__ = ["college"]

ADMIT = ADMISSIONS.splitlines()[0]


def told(college, key):
    """Line -> what the preview says of it, fact and remedy."""
    return {line: [f"{field}: {fact} {remedy}".strip() for field, _value, fact, remedy in notes] for line, notes in college.notes(key).items()}


def admissions(college):
    shown = (joinedload(Admission.student), joinedload(Admission.grid), joinedload(Admission.term), joinedload(Admission.org_unit))
    return [(one.student.local_id, one.grid.code, one.status.name, one.term.short if one.term else "") for one in college.look(Admission, *shown)]


@pytest.mark.parametrize("name", [name for name, _text in FILES])
def test_the_files_of_a_college_are_known_by_their_headings(name):
    kinds = {"etudiants": "students", "cours": "courses", "grilles": "grids", "correspondance": "rac_groups", "inscriptions": "enrolments"}
    stem = name.removesuffix(".csv")
    assert kind_of(dict(FILES)[name].splitlines()[0].split(","), "") == kinds.get(stem, stem)


@pytest.mark.parametrize(
    ("headings", "kind"),
    [
        ("N° DA,Nom,Prénom,Programme,Statut", "students"),
        ("numero_da,nom,prenom,grille,statut", "admissions"),
        ("numero_da,programme,grille,sanction,date_obtention,numero", "students"),
        ("Numéro du cours,Titre,Heures par semaine", "courses"),
        ("Code programme,Titre", "programmes"),
        ("identifiant,nom,prenom,telephone,courriel", "students"),
    ],
)
def test_other_headings_are_told_apart(headings, kind):
    assert kind_of(headings.split(","), "") == kind


def test_files_sent_together_are_written_in_their_order_and_change_nothing_the_second_time(college):
    key = college.write(*sent(*FILES))
    status, counts, written, problem = college.state(key)
    assert (status, problem, counts["error"]) == (ImportStatus.done, None, 0)
    expected = {"students_created": 2, "new_programmes": 2, "new_courses": 3, "new_grids": 2, "new_grid_courses": 3, "new_rac_groups": 3}
    expected |= {"new_admissions": 3, "new_enrolments": 3, "new_records": 2, "new_terms": 3, "new_org_units": 2, "new_partners": 1}
    assert {name: written[name] for name in expected} == expected
    assert [(one.code, one.kind) for one in college.look(Programme)] == [("322.A0", ProgrammeKind.dec), ("JEE.0K", ProgrammeKind.aec)]
    assert [(one.local_id, one.national_id) for one in college.look(Student)] == [("2500001", "BENG68070801"), ("1600002", "TRER25599801")]
    assert [one.unit_thirds for one in college.look(Course)] == [7, 4, 6]
    found = college.look(Grid, selectinload(Grid.courses), joinedload(Grid.org_unit), joinedload(Grid.programme))
    assert [(one.code, one.programme.code, one.org_unit.code, [c.number for c in one.courses]) for one in found] == [
        ("322A0-10A-RA", "322.A0", "RA", ["350-711-MV", "601-101-MQ"]),
        ("JEE0K-17R-RA", "JEE.0K", "RA", ["322-409-MV"]),
    ]
    assert [(one.number, one.rac_type.code) for one in college.look(RacGroup, joinedload(RacGroup.rac_type))] == [
        ("00998", "EE"), ("00993", "EE SR"), ("00997", "FM"),
    ]  # fmt: skip
    assert admissions(college) == [
        ("2500001", "322A0-10A-RA", "active", "A-2025"), ("1600002", "322A0-10A-RA", "sanctioned", "A-2016"), ("1600002", "JEE0K-17R-RA", "active", "H-2026"),
    ]  # fmt: skip
    again = college.counts(college.send(*sent(*FILES)))
    assert (again["unchanged"], again["created"], again["changed"], again["error"]) == (19, 0, 0, 0)


def test_a_number_that_a_spreadsheet_has_spoilt_is_that_of_the_same_student(college):
    file = STUDENTS.replace("2500001", "0700001")
    college.write(*sent(("etudiants.csv", file)))
    key = college.send(*sent(("etudiants.csv", file.replace("0700001", "700001").replace("1600002", "160-0002").replace("BENG68070801", "beng 6807 0801"))))
    assert college.counts(key)["unchanged"] == 2
    assert [note[2] for note in college.notes(key, "doubts")[2]] == ["The first zero was missing: it was put back."]


def test_a_spreadsheet_says_the_same_as_text(college):
    book = openpyxl.Workbook()
    for row in (("Numéro", "Titre du cours", "Unités", "Heures/semaine"), ("601-101-MQ", "Écriture", 2.33, 4), ("350 711 mv", "Psychologie", "1 1/3", 3)):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    college.write(("liste.xlsx", out.getvalue()))
    assert [(one.number, one.unit_thirds, one.weekly_hours) for one in college.look(Course)] == [("601-101-MQ", 7, 4), ("350-711-MV", 4, 3)]


def test_a_wrong_sign_of_a_course_is_told_and_set_right_in_the_grid(college):
    key = college.send(*sent(("cours.csv", COURSES.replace("601-101-MQ", "6O1-101-MQ").replace('"2,00"', '"2,50"'))))
    assert told(college, key) == {
        2: ["course: In “6O1-101-MQ” sign 2 is the letter O where a figure is expected. Did you mean 601-101-MQ?"],
        4: ["units: “2,50” is no number of units: they go by thirds. Type 4, 4.33, 4.66 or 4 1/3."],
    }
    with rows(college.app), force_locale("fr"):
        assert "le signe n° 2" in sentence_of(college.row(key, 2).problems[0]).sentence
    college.fix(key, 2, {"course": "601-101-MQ"}, kind="courses")
    college.fix(key, 4, {"units": "2"}, kind="courses")
    college.do(key, "confirm")
    assert [one.number for one in college.look(Course)] == ["601-101-MQ", "350-711-MV", "322-409-MV"]


def test_a_course_is_changed_where_the_file_says_something_and_an_empty_cell_erases_nothing(college):
    college.write(*sent(("cours.csv", COURSES)))
    key = college.send(*sent(("cours.csv", 'numero,titre,unites\n601-101-MQ,Littérature,\n350-711-MV,,"1,33"\n350-711-MV,,\n')))
    row = college.row(key, 2)
    assert [(change["field"], change["before"], change["after"]) for change in row.diff] == [("course_title", "Écriture et littérature", "Littérature")]
    assert told(college, key) == {4: ["course: Line 3 says the same thing. Ignore one of the two lines."]}
    college.do(key, "confirm")
    first = college.look(Course)[0]
    assert (first.title, first.unit_thirds) == ("Littérature", 7)


def test_what_a_grid_names_exists_or_comes_with_the_import(college):
    college.write(*sent(("programmes.csv", PROGRAMMES)))
    alone = college.send(*sent(("grilles.csv", GRIDS)))
    assert told(college, alone)[2] == [
        "course: The course 601-101-MQ is not in the catalogue. Correct the number, or add the file of the courses to this import."
    ]
    college.do(alone, "abandon")
    together = college.send(*sent(("grilles.csv", GRIDS.replace("JEE.0K,", "JEE.9X,")), ("cours.csv", COURSES)))
    assert told(college, together) == {
        4: ["programme: “JEE.9X” is not a programme of the school. Correct the code, or have the file of the programmes imported first."]
    }
    assert college.counts(together)["created"] == 5


def test_a_unit_that_the_school_lacks_is_told_and_may_be_read_as_another(college):
    with rows(college.app) as session:
        session.add(OrgUnit(school_id=college.school_id, code="RAC", name="Reconnaissance des acquis"))
    key = college.send(*sent(("programmes.csv", PROGRAMMES), ("cours.csv", COURSES), ("grilles.csv", GRIDS)))
    with rows(college.app) as session:
        places = session.get_one(Import, key).places
    assert [(place["field"], place["text"], place["lines"], place["comes"]) for place in places] == [("org_unit", "RA", 3, True)]
    college.do(key, "settle", "org_unit", "RA", "RAC")
    college.do(key, "confirm")
    assert [one.code for one in college.look(OrgUnit)] == ["RAC"]
    assert {one.org_unit.code for one in college.look(Grid, joinedload(Grid.org_unit))} == {"RAC"}


def test_who_may_not_create_units_is_told(app, college):
    college.write(*sent(("programmes.csv", PROGRAMMES), ("cours.csv", COURSES)))
    counsellor = College(app, college.school_id, "ac2")
    key = counsellor.send(*sent(("grilles.csv", GRIDS)))
    assert "“RA” does not exist, and your role does not allow you to create it" in told(counsellor, key)[2][0]
    assert college.look(OrgUnit) == []


def test_an_admission_moves_by_its_verbs_and_a_sanction_needs_its_day(college):
    college.catalogue()
    file = lines(ADMIT, "2500001,,,322A0-10A-RA,,fermée,", "1600002,,JEE.0K,,,sanctionnée,", "1600002,,,322A0-10A-RA,,active,")
    key = college.send(*sent(("admissions.csv", file)))
    assert told(college, key) == {
        3: ["ended_on: A sanction needs its day, which this file does not say. Add the column date_fin, or record the sanction in the student’s file."],
        4: ["admission_status: The admission 322.A0 is “Sanctionnée”: this cannot be done with it."],
    }
    college.do(key, "confirm")
    first = college.look(Admission)[0]
    assert (first.status, first.ended_on is not None) == (AdmissionStatus.closed, True)


def test_two_open_admissions_to_one_grid_are_refused_in_the_words_of_the_model(college):
    college.catalogue()
    new = "2500001,,JEE.0K,JEE0K-17R-RA,,active,"
    key = college.send(*sent(("admissions.csv", lines(ADMIT, f"{new}A-2025", f"{new}H-2026", "2500001,,JEE.0K,322A0-10A-RA,,active,"))))
    assert told(college, key) == {
        3: ["admission_status: Gabriel Ben Salah already has an open admission to JEE0K-17R-RA. Change that one, or close it first."],
        4: ["grid: The grid 322A0-10A-RA belongs to the programme 322.A0. Correct the programme or the grid of this line."],
    }


def test_a_line_that_cannot_be_taken_says_which_cell_and_what_to_do(college):
    college.write(*sent(("programmes.csv", PROGRAMMES), ("cours.csv", COURSES), ("grilles.csv", GRIDS), ("etudiants.csv", STUDENTS)))
    wrong = {
        "9999999,,322.A0,322A0-10A-RA,RA,active,A-2025": "student_ref: No student matches this line.",
        ",,322.A0,322A0-10A-RA,RA,active,A-2025": "student_ref: Nothing says which student this line is about.",
        "2500001,TRER25599801,322.A0,,,active,": "national_id: The local number is that of Gabriel Ben Salah",
        "2500001,,322.A0,,,en vacances,": "admission_status: This does not say where an admission stands.",
        "2500001,,322.A0,,,active,saison 3": "start_term: This is not a term. Write it like A-2026",
        "2500001,,,NULLE-01,,active,": "grid: The grid NULLE-01 does not exist.",
        "2500001,,,,,active,": "programme: This cell is empty, and the line needs it.",
    }
    found = told(college, college.send(*sent(("admissions.csv", lines(ADMIT, *wrong)))))
    assert [found[at][0][: len(says)] for at, says in enumerate(wrong.values(), 2)] == list(wrong.values())


@pytest.mark.parametrize(
    ("who", "name", "problem"),
    [
        ("registrar2", "cours.csv", None),
        ("registrar2", "correspondance.csv", None),
        ("registrar2", "admissions.csv", None),
        ("registrar2", "programmes.csv", None),
        ("ac2", "cours.csv", None),
        ("ac2", "programmes.csv", None),
    ],
)
def test_each_kind_asks_its_own_right(app, college, who, name, problem):
    theirs = College(app, college.school_id, who)
    status, _counts, _written, why = theirs.state(theirs.send(*sent((name, dict(FILES)[name]))))
    assert (status, why and why["code"]) == (ImportStatus.failed if problem else ImportStatus.checked, problem)


def test_a_registrar_sends_all_the_files_at_once_and_is_told_which_one_is_not_theirs(app, college, as_):
    registrar = College(app, college.school_id, "registrar2")
    with rows(app) as session:
        session.scalars(select(User).where(User.username == "registrar2")).one().current_school_id = college.school_id
        session.add_all(OrgUnit(school_id=college.school_id, code=code, name=code) for code in ("RA", "EN"))
    key = registrar.send(*sent(*FILES))
    _status, counts, _written, problem = registrar.state(key)
    assert (problem, counts["error"], counts["new_programmes"]) == (None, 0, 2)
    registrar.do(key, "abandon")
    with rows(app) as session:
        session.add(RightOverride(school_id=college.school_id, table="programme", role=Role.registrar, verb="create", granted=False))
    key = registrar.send(*sent(*FILES))
    page = as_("registrar2").get(f"/admin/import_/details/?id={key}")
    assert "Import refusé" in words(page)
    assert "programmes.csv : Ce fichier contient des programmes, que votre rôle n’importe pas." in words(page).replace("\u00a0", " ")
    assert "Choisir les colonnes" not in words(page)


def test_a_programme_that_the_students_bring_is_known_to_the_grids_and_admissions_beside_them(college):
    files = sent(*((name, text) for name, text in FILES if name != "programmes.csv"))
    key = college.send(*files)
    counts, wrong = college.state(key)[1], told(college, key)
    assert counts["new_programmes"] == 1
    assert counts["error"] == len([note for notes in wrong.values() for note in notes if "JEE.0K" in note or "JEE0K" in note]) == 2
    college.do(key, "confirm")
    assert {one.programme.code for one in college.look(Grid, joinedload(Grid.programme))} == {"322.A0"}


def test_lines_in_error_of_several_files_are_downloaded_together(app, college, as_):
    with rows(app) as session:
        session.scalars(select(User).where(User.username == "acc2")).one().current_school_id = college.school_id
    key = college.send(*sent(("cours.csv", COURSES.replace("601-101-MQ", "6O1-101-MQ")), ("grilles.csv", GRIDS)))
    with zipfile.ZipFile(io.BytesIO(as_("acc2").get(f"/admin/import_/rows/?id={key}").data)) as archive:
        found = {name: archive.read(name).decode("utf-8-sig").splitlines() for name in archive.namelist()}
    assert [len(table) - 1 for table in found.values()] == [1, 3]
    assert next(iter(found)) == "lignes-en-erreur-cours.csv"
    assert "6O1-101-MQ" in found["lignes-en-erreur-cours.csv"][1]


def test_a_right_that_the_school_withdraws_holds_for_files_too(app, college):
    college.catalogue()
    registrar = College(app, college.school_id, "registrar2")
    with rows(app) as session:
        for table, verb in (("course", "create"), ("admission", "close"), ("import_", "import_registrations")):
            session.add(RightOverride(school_id=college.school_id, table=table, role=Role.registrar, verb=verb, granted=False))
    key = registrar.send(*sent(("cours.csv", COURSES + "340-101-MQ,Philosophie,\n")))
    assert (registrar.counts(key)["ignored"], registrar.counts(key)["unchanged"]) == (1, 2)
    registrar.do(key, "abandon")
    refused = registrar.send(*sent(("admissions.csv", lines(ADMIT, "2500001,,,322A0-10A-RA,,fermée,"))))
    assert registrar.state(refused)[3]["code"] == "right_import_registrations"


def test_an_import_of_studies_is_undone_whole(app, college):
    key = college.write(*sent(*FILES))
    with app.app_context(), college.acting():
        undo(db.session, db.session.get_one(Import, key).batch)
        db.session.commit()
    with rows(app) as session:
        tables = (Course, Grid, RacGroup, Admission, Enrolment, Term, OrgUnit, Programme, Student)
        left = {table.__tablename__: session.scalar(select(func.count(table.id)).where(table.school_id == college.school_id)) for table in tables}
    assert set(left.values()) == {0}, left
    assert [one for one in college.look(CodeValue) if one.code_list is CodeList.partner] == []


def test_a_registrar_sends_corrects_and_confirms_in_the_browser(app, college, as_):
    college.write(*sent(("programmes.csv", PROGRAMMES), ("etudiants.csv", STUDENTS)))
    with rows(app) as session:
        session.scalars(select(User).where(User.username == "registrar2")).one().current_school_id = college.school_id
    browser = as_("registrar2")
    files = [("cours.csv", COURSES.replace("601-101-MQ", "6O1-101-MQ")), ("correspondance.csv", RAC), ("admissions.csv", ADMISSIONS.replace(",RA,", ",,"))]
    sheet = browser.get("/admin/import_/new/").text
    assert "Correspondance" in sheet
    fields = {"csrf_token": token(sheet), "files": [(io.BytesIO(text.encode()), name) for name, text in files]}
    answer = browser.post("/admin/import_/new/", data=fields, content_type="multipart/form-data")
    run_pending(app)
    page = browser.get(answer.headers["Location"])
    assert "6O1-101-MQ" in page.text
    assert "Vouliez-vous écrire 601-101-MQ" in words(page)
    assert "2 cours créés" in words(page)
    assert "La grille 322A0-10A-RA n’existe pas." in words(page)
