"""Lines of files of the studies as people really send them: every column changed, no group, no grid, labels beside codes, slips of the keyboard."""

import datetime as dt

import pytest
from conftest import rows
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from study_files import ENROLMENTS, college, lines, sent

from jobs.columns import kind_of
from models.access import User
from models.admissions import Admission
from models.courses import Grid
from models.enrolments import Enrolment
from models.imports import ImportStatus
from models.people import Student
from models.studies import Programme, Season, Term

__all__ = ["college"]

GABRIEL = "2500001,322A0-10A-RA,A-2025"
WHO = "numero_da,grille,session,cours,groupe"
EVERY_COLUMN = {
    "courses": 'numero,titre,discipline,unites,heures,categorie,numero_officiel,numero_sobec,objectif\n601-101-MQ,T,D,"3,33",5,FC,OFF1,SOB1,4EP9\n',
    "grids": "programme,grille,titre_grille,unite_org,cours\n322.A0,322A0-10A-RA,Titre,EN,601-101-MQ\n",
    "rac_groups": "cours,groupe,type_rac\n350-711-MV,00993,FM\n",
    "admissions": "numero_da,programme,grille,unite_org,statut,session_debut,date_demande,date_admission,date_fin\n"
    "2500001,322.A0,322A0-10A-RA,EN,fermée,H-2026,2025-03-01,2025-04-01,2026-05-01\n",
    "enrolments": "numero_da,grille,session,cours,groupe,unite_org,type_rac,note,remarque,financement,recensement,date_recensement,situation_etudes,"
    "organisme_partenaire,cours_partenaire,langue_activite,categorie,mode_enseignement,absences,note_ponderee,moyenne_groupe,cote_r\n"
    '2500001,322A0-10A-RA,A-2025,601-101-MQ,00012,RA,FM,81,EC,50,1,2025-09-21,CR,Autre collège,X-1,AN,FP,AD,3,"80,5",70,"28,125"\n',
}
SAYS_WHICH = {"numero", "numero_da", "programme", "grille", "session", "cours", "groupe"}


@pytest.fixture(autouse=True)
def _catalogue(college):
    college.catalogue()


def found(college):
    """The registrations: term, course, group, mark, census."""
    shown = (joinedload(Enrolment.term), joinedload(Enrolment.course))
    return [(one.term.short, one.course.number, one.group_number, one.mark, one.census_on) for one in college.look(Enrolment, *shown)]


def send(college, headings, *texts):
    return college.send(*sent(("inscriptions.csv", lines(headings, *texts))))


def told(college, key, which="problems", line=2):
    return [f"{note[0]}: {note[2]}" for note in college.notes(key, which).get(line, ())]


@pytest.mark.parametrize("kind", EVERY_COLUMN)
def test_an_import_that_changes_every_column_is_written_and_changes_nothing_the_second_time(college, kind):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    file = sent((f"{kind}.csv", EVERY_COLUMN[kind]))
    key = college.send(*file)
    columns = set(EVERY_COLUMN[kind].splitlines()[0].split(",")) - SAYS_WHICH
    assert (told(college, key), len(college.row(key, 2).diff)) == ([], len(columns))
    college.do(key, "confirm")
    assert (college.state(key)[0], college.state(key)[3]) == (ImportStatus.done, None)
    assert college.counts(college.send(*file))["unchanged"] == 1


def test_a_line_without_group_means_the_registration_that_the_record_holds(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    key = send(college, "numero_da,grille,session,cours,note", f"{GABRIEL},601-101-MQ,77")
    college.do(key, "confirm")
    assert ("A-2025", "601-101-MQ", "00012", 77, None) in found(college)
    assert len(found(college)) == 3
    key = send(college, WHO, f"{GABRIEL},601-101-MQ,13")
    assert told(college, key, "doubts") == ["group: Registered in group 00012 already: this adds another."]
    college.do(key, "confirm")
    key = send(college, f"{WHO},note", f"{GABRIEL},601-101-MQ,,50")
    assert told(college, key)[0].startswith("group: The course is registered several times in this session record, in the groups 00012, 00013")


def test_a_course_choice_is_new_only_where_the_course_is_not_registered(college):
    key = send(college, WHO, f"{GABRIEL},601-101-MQ,", f"{GABRIEL},601-101-MQ,12", f"{GABRIEL},350-711-MV,")
    assert (college.counts(key)["created"], told(college, key, line=3)) == (2, ["group: Line 2 is about the same course, one with a group and one without."])


def test_without_a_grid_a_line_finds_its_session_record_before_the_active_admission(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    with rows(college.app) as session:
        student = session.scalars(select(Student).where(Student.school_id == college.school_id, Student.local_id == "2500001")).one()
        session.scalars(select(Admission).where(Admission.student_id == student.id)).one().close(dt.date(2026, 6, 1))
        other = session.scalars(select(Programme).where(Programme.school_id == college.school_id, Programme.code == "JEE.0K")).one()
        grid = session.scalars(select(Grid).where(Grid.programme_id == other.id)).one()
        session.add(Admission(school_id=college.school_id, student=student, programme=other, grid=grid))
    key = send(college, f"{WHO},note", "2500001,,A-2025,601-101-MQ,12,66", "2500001,,H-2026,350-711-MV,997,", "2500001,,A-2016,322-409-MV,12,")
    assert [college.row(key, line).status.name for line in (2, 3, 4)] == ["changed", "unchanged", "created"]


@pytest.mark.parametrize("language", ["fr_CA", "en"])
def test_the_export_of_the_list_imported_again_changes_nothing(college, as_, language):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    with rows(college.app) as session:
        user = session.scalars(select(User).where(User.username == "acc2")).one()
        user.current_school_id, user.language = college.school_id, language
    key = college.send(("export.csv", as_("acc2").get("/admin/enrolment/export/csv/").data))
    counts = college.state(key)[1]
    assert {name: counts[name] for name in ("lines", "unchanged", "doubts")} == {"lines": 3, "unchanged": 3, "doubts": 0}


@pytest.mark.parametrize(
    ("headings", "kind", "missing"),
    [
        ("grille,session,cours,unites,groupe,type_rac,note", "enrolments", "numero_da"),
        ("numero_da,grille,session,unites,groupe,note", "enrolments", "cours"),
        ("numero_da,grille,cours,groupe,recensement", "enrolments", "session"),
        ("programme,grille,statut,session_debut", "admissions", "numero_da"),
        ("No de demande d'admission,Grille,Session,Cours,Note", "enrolments", ""),
        ("cours,type,groupe,session", "rac_groups", ""),
        ("numero_da,nom,prenom,session,groupe", "students", ""),
        ("No de demande d'admission,Nom,Prénom,Sexe", "students", ""),
    ],
)
def test_a_file_without_one_of_its_columns_is_not_taken_for_another_and_is_told_which(college, headings, kind, missing):
    names = headings.split(",")
    assert kind_of(names, "") == kind
    if missing:
        status, _counts, _written, problem = college.state(send(college, headings, ",".join("1" for _name in names)))
        assert (status, problem["code"], problem["params"]["columns"]) == (ImportStatus.failed, f"{kind}_columns", missing)


def test_a_term_or_a_day_that_nobody_means_is_told_at_its_cell(college):
    headings = f"{WHO},recensement,date_recensement"
    key = send(college, headings, f"{GABRIEL.replace('A-2025', 'A-2091')},601-101-MQ,12,,", f"{GABRIEL},601-101-MQ,12,1,2926-09-20")
    assert told(college, key) == ["term: The term A-2091 does not exist, and it is more than ten years from today."]
    assert told(college, key, line=3) == ["census_on: The year 2926 is not between 1950 and 2100. Correct the date."]
    with rows(college.app) as session:
        session.add(Term(school_id=college.school_id, year=2091, season=Season.autumn))
    assert told(college, send(college, WHO, f"{GABRIEL.replace('A-2025', 'A-2091')},601-101-MQ,12")) == []
    key = college.send(*sent(("admissions.csv", "numero_da,programme,grille,session_debut\n2500001,322.A0,322A0-10A-RA,H-2091\n")))
    assert told(college, key) == ["start_term: The term H-2091 does not exist, and it is more than ten years from today."]


@pytest.mark.parametrize(("text", "code"), [("oui", "1"), ("1 - Prés. conf.", "1"), ("Présence confirmée", "1"), ("non", "0")])
def test_a_census_is_said_in_a_word_or_with_its_label(college, text, code):
    college.do(send(college, f"{WHO},recensement,remarque", f"{GABRIEL},601-101-MQ,12,{text},EC – Échec"), "confirm")
    one = college.look(Enrolment, joinedload(Enrolment.census_status), joinedload(Enrolment.remark))[0]
    assert (one.census_status.code, one.remark.code) == (code, "EC")


def test_a_score_out_of_bounds_two_columns_of_marks_and_another_census_day_are_told(college):
    key = send(college, f"{WHO},cote_r", f"{GABRIEL},601-101-MQ,12,99999")
    assert told(college, key) == ["r_score: The R score 99999 is not between 0 and 60. Correct it."]
    key = send(college, f"{WHO},Note,Résultat", f"{GABRIEL},601-101-MQ,12,60,77", f"{GABRIEL},350-711-MV,12,60,Réussite")
    assert told(college, key, "doubts") == ["mark: Two columns say this: “Note” (column 6) counts, “Résultat” (column 7) says “77”."]
    assert told(college, key, "doubts", 3) == []
    college.do(key, "abandon")
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    key = send(college, f"{WHO},recensement,date_recensement", f"{GABRIEL},350-711-MV,998,1,2025-09-27")
    assert told(college, key, "doubts") == ["census_on: The presence is confirmed already, on 2025-09-20: that day is kept."]
    assert college.counts(key)["unchanged"] == 1
