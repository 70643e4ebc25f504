"""Certificates of enrolment: what they say, their numbers without gap or double, duplicates, the stamp, who is left out."""

import datetime as dt
import io
import threading

import pytest
from PIL import Image
from printed import ask, facts, flat, pictures, product, texts
from sqlalchemy import select

from jobs import certificates, paper, runner
from models import files
from models.access import Role
from models.base import today
from models.db import db
from models.journal import JournalEvent
from models.papers import IssuedPaper, certifiable, issue, school_year
from models.people import Group, GroupCategory, Student, StudentStatus
from models.school import Country, Level, School
from models.school_year import SchoolYear
from models.work import Job, JobState
from tests.small import add_person, add_school, add_student, as_staff, small_app, writing

YEAR = today().year


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def school(app):
    """A school whose head is known, a member of its staff and Zoé."""
    with writing(app) as session:
        row = add_school(session, head_name="Agnès Castaing", head_title="principale")
        user = add_person(session, row)
        level = Level(school_id=row.id, name="5e", rank=2)
        zoe = add_student(session, row, born_on=dt.date(2014, 3, 1), middle_names="Marie", level=level)
        return {"id": row.id, "user": user.id, "students": [zoe.id]}


def ask_for(app, school, ids=None, **params):
    """Ask for certificates and run the job."""
    usual = {"ids": ids or school["students"], "year": 2026, "language": "fr", "stamp": False}
    return ask(app, school["user"], school["id"], "print_certificate", {**usual, **params})


def pages(job):
    """Each page of a job's PDF on one line."""
    return [flat(page) for page in texts(product(job), "-layout")]


def numbers(app):
    """The numbers given, in order of issue."""
    with writing(app) as session:
        return list(session.scalars(select(IssuedPaper.reference).order_by(IssuedPaper.id)))


def test_it_says_who_certifies_what_about_whom_and_nothing_more(app, school):
    (page,) = pages(ask_for(app, school))
    assert "Certificat de scolarité Année scolaire 2026-2027 N° " + f"{YEAR}-0001" in page
    assert (
        "Agnès Castaing, principale, certifie que la personne désignée ci-dessous est inscrite dans cet établissement pour l’année scolaire 2026-2027." in page
    )
    assert (
        "Nom Bénard Prénoms Zoé Marie Date de naissance 1er mars 2014 Niveau 5e Classe 5e Bleue Établissement Collège des Tilleuls Code officiel 9990001X"
        in page
    )
    assert "Délivré pour servir et valoir ce que de droit. Fait à Valmont, le " in page
    assert "Signature et cachet Agnès Castaing principale" in page
    assert "Ce document n’est valable que signé." in page
    assert "Duplicata" not in page


def test_in_quebec_it_is_an_attestation_of_attendance_on_letter_paper(app):
    with writing(app) as session:
        row = add_school(session, name="Cégep de la Rive", country=Country.CA, official_code="CA9001", language="fr_CA", town="")
        who = {"id": row.id, "user": add_person(session, row).id, "students": [add_student(session, row, born_on=dt.date(2007, 5, 2), classroom="").id]}
    job = ask_for(app, who, language="fr_CA")
    (page,) = pages(job)
    assert "Attestation de fréquentation" in page
    assert "La direction de l’école atteste que la personne désignée ci-dessous fréquente cette école pour l’année scolaire 2026-2027." in page
    assert "Délivrée pour servir et valoir ce que de droit. Fait le " in page
    assert "Classe" not in page
    assert "612 x 792" in facts(product(job))["Page size"]
    assert job.file_name.endswith(f" {YEAR}-0001 – Bénard, Zoé.pdf")


def test_in_english_it_says_the_same(app, school):
    (page,) = pages(ask_for(app, school, language="en"))
    assert "Certificate of enrolment School year 2026-2027 No. " in page
    assert "Agnès Castaing, principale, certifies that the person named below is enrolled in this school for the school year 2026-2027." in page
    assert "Date of birth March 1, 2014" in page


def test_numbers_follow_each_other_class_by_class_and_are_the_schools_own(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        ids = [
            add_student(session, row, name, "Foule", room, born_on=dt.date(2014, 1, 1)).id
            for room, name in (("6e B", "Un"), ("6e A", "Deux"), ("6e A", "Cinq"))
        ]
        other = add_school(session, name="Ailleurs", official_code="9990002Y", country=Country.CA)
        theirs = {"id": other.id, "user": add_person(session, other).id, "students": [add_student(session, other, born_on=dt.date(2014, 1, 1)).id]}
    first = pages(ask_for(app, school, ids))
    assert [next(name for name in ("Un", "Deux", "Cinq") if f"Prénoms {name}" in page) for page in first] == ["Cinq", "Deux", "Un"]
    ask_for(app, theirs)
    ask_for(app, school)
    assert numbers(app) == [f"{YEAR}-0001", f"{YEAR}-0002", f"{YEAR}-0003", f"{YEAR}-0001", f"{YEAR}-0004"]


def test_a_teachers_next_number_follows_the_papers_that_the_teacher_does_not_see(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        teacher = add_person(session, row, role=Role.ec)
        session.add(Group(school_id=row.id, name="Latin", category=GroupCategory.other, owner_id=teacher.id))
        session.flush()
        mine = add_student(session, row, "Mienne", born_on=dt.date(2014, 1, 1))
        mine.adviser_id = teacher.id
        who = {"id": row.id, "user": teacher.id, "students": [mine.id, school["students"][0]]}
    ask_for(app, school)
    (page,) = pages(ask_for(app, who))
    assert "Prénoms Mienne" in page
    assert f"N° {YEAR}-0002" in page


def test_two_runners_at_once_give_no_number_twice_and_leave_none_out(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        ids = [add_student(session, row, f"E{n}", "Foule", born_on=dt.date(2014, 1, 1)).id for n in range(40)]
    with app.app_context(), as_staff(school["user"], school["id"]):
        for start in range(0, 40, 5):
            Job.add("print_certificate", {"ids": ids[start : start + 5], "year": 2026, "language": "fr", "stamp": False})
        db.session.commit()
    gate, faults = threading.Barrier(2), []

    def work():
        try:
            gate.wait(10)
            runner.run_pending(app)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    with writing(app) as session:
        assert {job.state for job in session.scalars(select(Job))} == {JobState.done}
        assert sorted(session.scalars(select(IssuedPaper.number))) == list(range(1, 41))
        assert sorted(session.scalars(select(IssuedPaper.student_id))) == sorted(ids)


def test_two_transactions_at_once_number_one_after_the_other(app, school):
    """Without the drawing between them, so that they truly meet."""
    gate, faults = threading.Barrier(4), []

    def number(job_id):
        try:
            with app.app_context(), as_staff(school["user"], school["id"]):
                gate.wait(10)
                for turn in range(10):
                    row = db.session.get_one(School, school["id"])
                    issue(db.session, school["students"], school=row, job_id=job_id * 100 + turn, language="fr", start=2026)
                    db.session.commit()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=number, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    with writing(app) as session:
        assert sorted(session.scalars(select(IssuedPaper.number))) == list(range(1, 41))


def test_work_begun_again_prints_the_papers_that_it_numbered(app, school, monkeypatch):
    def fails(*_args, **_kwargs):
        raise paper.PaperError("no paper in the tray")

    monkeypatch.setattr(certificates.paper, "render", fails)
    job = ask_for(app, school)
    assert job.state is JobState.failed
    assert len(numbers(app)) == 1
    monkeypatch.undo()
    with writing(app) as session:
        session.get_one(Job, job.id).retry()
    runner.run_pending(app)
    with writing(app) as session:
        again = session.get_one(Job, job.id)
        assert again.state is JobState.done
        page = flat(texts(files.path_of(again.file_key).read_bytes())[0])
        assert session.query(JournalEvent).filter_by(verb="print_certificate").count() == 1
    assert "Duplicata" not in page
    assert numbers(app) == [f"{YEAR}-0001"]


def test_a_paper_printed_again_keeps_its_number_and_its_facts_and_says_duplicate(app, school):
    ask_for(app, school)
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.family_name, zoe.homeroom = "Autre", None
        session.get_one(School, school["id"]).head_name = "Quelqu’un d’autre"
        key = session.scalar(select(IssuedPaper.id))
    job = ask(app, school["user"], school["id"], "print_again", {"ids": [key], "stamp": False})
    (page,) = pages(job)
    assert "Duplicata imprimé le " in page
    assert f"N° {YEAR}-0001" in page
    assert "Nom Bénard" in page
    assert "Classe 5e Bleue" in page
    assert "Signature et cachet Agnès Castaing" in page
    with writing(app) as session:
        assert session.get_one(IssuedPaper, key).printed_count == 2
        (line,) = session.query(JournalEvent).filter_by(verb="print_again").all()
        assert (line.table_name, line.row_id) == ("issued_paper", key)
    assert len(numbers(app)) == 1


def stamp_of(app, school):
    """Give the school a stamp: a black square."""
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "black").save(out, "PNG")
    with writing(app) as session:
        session.get_one(School, school["id"]).stamp_digest = files.keep_by_content(out.getvalue())


def test_75_the_stamp_is_printed_where_it_is_asked_for_and_each_use_is_in_the_history(app, school, tmp_path):
    stamp_of(app, school)
    black = []
    for wanted in (False, True):
        (tmp_path / str(wanted)).mkdir()
        (picture,) = pictures(product(ask_for(app, school, stamp=wanted)), tmp_path / str(wanted))
        black.append(sum(picture.histogram()[:30]))
    assert black[1] - black[0] > 20_000
    with writing(app) as session:
        (line,) = session.query(JournalEvent).filter_by(verb="stamped").all()
        assert (line.table_name, line.row_id, line.rows) == ("school", school["id"], 1)


def test_a_stamp_whose_file_is_lost_or_changed_is_left_out(app, school):
    stamp_of(app, school)
    with writing(app) as session:
        digest = session.get_one(School, school["id"]).stamp_digest
    assert files.keep_by_content(files.read(digest)) == digest
    files.path_of(digest).write_bytes(b"another picture")
    assert files.read(digest) is None
    assert len(pages(ask_for(app, school, stamp=True))) == 1
    with writing(app) as session:
        assert session.query(JournalEvent).filter_by(verb="stamped").count() == 0


def test_who_left_is_certified_until_the_day_they_left(app, school):
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.status, zoe.left_on = StudentStatus.left, dt.date(2026, 3, 12)
    (page,) = pages(ask_for(app, school))
    assert "a été inscrite dans cet établissement pour l’année scolaire 2025-2026, jusqu’au 12 mars 2026." in page
    with writing(app) as session:  # a year that the school recorded wins over the country's rule
        session.add(SchoolYear(school_id=school["id"], name="2024-2025", begins_on=dt.date(2024, 8, 19), ends_on=dt.date(2025, 8, 17)))
        session.add(SchoolYear(school_id=school["id"], name="2025-2026", begins_on=dt.date(2025, 8, 18), ends_on=dt.date(2026, 7, 31)))
        session.get_one(Student, school["students"][0]).left_on = dt.date(2025, 8, 20)
    ask_for(app, school)
    with writing(app) as session:
        assert [one.facts["year"] for one in session.scalars(select(IssuedPaper).order_by(IssuedPaper.number))] == [2025, 2025]


def test_who_has_no_birth_date_or_left_on_an_unknown_day_is_left_out_and_said(app, school):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        unborn = add_student(session, row, "Sans", "Date")
        gone = add_student(session, row, "Parti", "Quand", born_on=dt.date(2014, 1, 1), status=StudentStatus.left)
        ids = [*school["students"], unborn.id, gone.id]
    job = ask_for(app, school, ids)
    assert len(pages(job)) == 1
    assert job.note == "2 sont laissés de côté\u00a0: la date de naissance, ou le jour du départ, n’est pas connu."
    with app.app_context(), as_staff(school["user"], school["id"]):
        found = certifiable(db.session, ids, 2026)
    assert (found.unborn, found.gone, found.again) == (["Date, Sans"], ["Quand, Parti"], ["Bénard, Zoé"])
    assert ask_for(app, school, ids[1:]).error.startswith("Aucune des personnes choisies ne peut recevoir ce document")
    assert len(numbers(app)) == 1


@pytest.mark.parametrize(
    ("day", "country", "start"),
    [((2026, 8, 31), "FR", 2025), ((2026, 9, 1), "FR", 2026), ((2026, 6, 30), "CA", 2025), ((2026, 7, 1), "CA", 2026), ((2027, 1, 5), "FR", 2026)],
)
def test_a_school_year_begins_in_september_in_france_and_in_july_in_quebec(day, country, start):
    assert school_year(dt.date(*day), Country[country]) == start


@pytest.mark.parametrize("name", ['#read("/etc/passwd")', "$x^2$ *b* @ref", "<b>Zoé</b>", "%(who)s {0}", "Ḧéloïse-Ärla"])
def test_77_a_name_that_is_markup_is_certified_as_it_is_written(app, school, name):
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.given_name, zoe.middle_names = name, ""
        session.get_one(School, school["id"]).head_name = name
    (page,) = pages(ask_for(app, school))
    assert f"Prénoms {name} Date" in page
    assert f"{name}, principale, certifie" in page


def test_an_endless_name_stays_on_its_page(app, school):
    with writing(app) as session:
        zoe = session.get_one(Student, school["students"][0])
        zoe.given_name, zoe.usage_name = "W" * 200, "Mot " * 50
    assert len(pages(ask_for(app, school))) == 1


def test_more_papers_than_one_pdf_holds_come_in_an_archive(app, school, monkeypatch):
    with writing(app) as session:
        row = session.get_one(School, school["id"])
        ids = [add_student(session, row, f"E{n}", born_on=dt.date(2014, 1, 1)).id for n in range(3)]
    monkeypatch.setattr(certificates, "PART", 2)
    job = ask_for(app, school, ids)
    assert job.file_name.endswith(".zip")
    with writing(app) as session:
        assert set(session.scalars(select(IssuedPaper.printed_count))) == {1}
