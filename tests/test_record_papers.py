"""Registration confirmations, session record sheets and lists of groups, as they lie on the table; who gets which, by what number."""

import datetime as dt
import io

import pytest
from conftest import counted
from PIL import Image
from printed import ask, facts, flat, product, texts
from sqlalchemy import select

from models import files
from models.admissions import Admission, AdmissionStatus
from models.base import today
from models.codes import CodeList, create_codes, known_code
from models.courses import Course, Grid, RacGroup
from models.db import db
from models.enrolments import Enrolment
from models.journal import JournalEvent
from models.papers import IssuedPaper, PaperKind, issue
from models.people import Student
from models.record_papers import confirmable, group_lists, in_order, with_rows
from models.rights import may
from models.school import Country, School
from models.session_records import SessionRecord
from models.studies import Programme, Season, Term
from models.work import Job, JobState
from tests.small import add_person, add_school, add_student, as_staff, small_app, writing

YEAR = today().year


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


def registered(session, record, course, group="990", **given):
    """A registration of a record."""
    codes = {key: known_code(session, *code) for key, code in given.pop("codes", {}).items()}
    row = Enrolment(school_id=record.school_id, session_record=record, course=course, group_number=group, **codes, **given)
    session.add(row)
    session.flush()
    return row


def admitted(session, school, grid, term, **student):
    """A session record of somebody who follows this grid."""
    who = add_student(session, school, classroom="", **student)
    admission = Admission(school_id=school.id, student=who, programme=grid.programme, grid=grid, status=AdmissionStatus.active)
    record = SessionRecord(school_id=school.id, student=who, admission=admission, term=term, programme_session=1)
    session.add_all([admission, record])
    session.flush()
    return record


@pytest.fixture
def college(app):
    """A college, its registrar, and Lise with two courses in autumn 2017, one recognised and one chosen without a group."""
    with writing(app) as session:
        row = add_school(session, name="Cégep de la Rive", country=Country.CA, official_code="CA9001", language="fr_CA", town="", head_name="Rose Roy")
        user = add_person(session, row)
        create_codes(row)
        session.flush()
        ours = row.id, user.id
    with app.app_context(), as_staff(ours[1], ours[0]):
        session = db.session
        row = session.get_one(School, ours[0])
        programme = Programme(school_id=row.id, code="JEE.0K", title="Techniques d’éducation à l’enfance")
        grid = Grid(school_id=row.id, code="JEE0K-17R-RA", programme=programme)
        courses = [
            Course(school_id=row.id, number=number, title=title, unit_thirds=thirds, weekly_hours=hours)
            for number, title, thirds, hours in (
                ("322-409-MV", "Santé de l’enfant", 5, 3),
                ("350-710-MV", "Développement de l’enfant", 4, 4),
                ("601-103-MQ", "Littérature québécoise", 7, 4),
                ("109-101-MQ", "Activité physique et santé", 3, 2),
            )
        ]
        autumn, winter = Term(school_id=row.id, year=2017, season=Season.autumn), Term(school_id=row.id, year=2018, season=Season.winter)
        session.add_all([grid, *courses, autumn, winter])
        session.flush()
        session.add(RacGroup(school_id=row.id, course=courses[0], number="992", rac_type=known_code(session, CodeList.rac_type, "EE")))
        record = admitted(session, row, grid, autumn, given_name="Lise", family_name="Leblanc", local_id="123-4567", language="fr", national_id="LEBL12345678")
        empty = SessionRecord(school_id=row.id, student=record.student, admission=record.admission, term=winter)
        session.add(empty)
        first = registered(session, record, courses[0], "992", mark=94, group_average=71.5)
        registered(session, record, courses[1], mark=40, codes={"remark": (CodeList.remark, "EC")})
        registered(session, record, courses[2], "", taken=False, codes={"remark": (CodeList.remark, "EQ")})
        choice = registered(session, record, courses[3], "")
        session.commit()
        ids = {"id": row.id, "user": ours[1], "record": record.id, "empty": empty.id, "first": first.id, "choice": choice.id, "student": record.student_id}
        return {**ids, "grid": grid.id, "autumn": autumn.id, "courses": [course.id for course in courses]}


def confirm(app, college, ids=None, **params):
    """Ask for confirmations and run the job."""
    return ask(app, college["user"], college["id"], "print_confirmation", {"ids": ids or [college["record"]], "stamp": False, **params}, language="fr_CA")


def pages(job):
    """Each page of a job's PDF on one line."""
    return [flat(page) for page in texts(product(job), "-layout")]


def test_a_confirmation_says_who_follows_which_courses_in_which_groups(app, college):
    job = confirm(app, college)
    (page,) = pages(job)
    assert page.startswith("Cégep de la Rive")
    assert f"Confirmation d’inscription Automne 2017 N° {YEAR}-0001" in page
    assert "Rose Roy confirme l’inscription, dans cette école, de la personne désignée ci-dessous aux cours de cette liste (Automne 2017)." in page
    assert "Nom Leblanc Prénoms Lise Numéro DA 123-4567" in page
    assert "JEE.0K – Techniques d'éducation à l'enfance" in page
    assert "JEE0K-17R-RA" in page
    assert "322-409-MV Santé de l'enfant 00992 EE – Évaluation 3 1,66" in page
    assert "350-710-MV Développement de l'enfant 00990 4 1,33 Total 7 3,00" in page
    assert "Délivrée pour servir et valoir ce que de droit." in page
    assert "612 x 792" in facts(product(job))["Page size"]
    assert job.file_name == f"Confirmation d’inscription {YEAR}-0001 – Leblanc, Lise.pdf"


def test_what_is_recognised_chosen_without_a_group_or_given_up_is_not_confirmed(app, college):
    with app.app_context(), as_staff(college["user"], college["id"]):
        db.session.get_one(Enrolment, college["first"]).mark = None
        db.session.get_one(Enrolment, college["first"]).remark = known_code(db.session, CodeList.remark, "AE")
        db.session.commit()
    (page,) = pages(confirm(app, college))
    assert "350-710-MV" in page
    assert not [number for number in ("322-409-MV", "601-103-MQ", "109-101-MQ") if number in page]


def test_a_confirmation_shows_no_mark_and_no_identifier_of_the_ministry(app, college):
    (page,) = pages(confirm(app, college))
    assert not [text for text in ("94", "71,5", "LEBL", "Échec") if text in page]


def test_without_any_kind_of_recognition_the_column_is_not_there(app, college):
    with writing(app) as session:
        session.delete(session.scalars(select(RacGroup)).one())
    (page,) = pages(confirm(app, college))
    assert "RAC" not in page.replace("JEE0K-17R-RA", "")


def test_records_without_a_registration_get_no_paper_and_are_named(app, college):
    job = confirm(app, college, [college["empty"], college["record"]])
    assert len(pages(job)) == 1
    assert job.note == "1 est laissé de côté\u00a0: il n’a aucune inscription à confirmer."
    with app.app_context(), as_staff(college["user"], college["id"]):
        found = confirmable(db.session, [college["record"], college["empty"]])
        assert (found.ids, found.empty) == ([college["record"]], ["Leblanc, Lise (H-2018)"])
        assert found.again == ["Leblanc, Lise (A-2017)"]
    assert confirm(app, college, [college["empty"]]).error.startswith("Les dossiers de session choisis n’ont pas d’inscription dans un groupe")


def test_confirmations_have_their_own_numbers_without_gap_beside_those_of_certificates(app, college):
    with app.app_context(), as_staff(college["user"], college["id"]):
        db.session.get_one(Student, college["student"]).born_on = dt.date(1990, 1, 1)
        issue(db.session, [college["student"]], school=db.session.get_one(School, college["id"]), job_id=99, language="fr_CA", start=2026)
        db.session.commit()
    confirm(app, college)
    confirm(app, college)
    with writing(app) as session:
        found = [(row.kind, row.reference, row.school_year) for row in session.scalars(select(IssuedPaper).order_by(IssuedPaper.id))]
        lines = [(line.table_name, line.row_id) for line in session.query(JournalEvent).filter_by(verb="print_confirmation")]
    confirmed = PaperKind.registration
    assert [row[:2] for row in found] == [(PaperKind.enrolment, f"{YEAR}-0001"), (confirmed, f"{YEAR}-0001"), (confirmed, f"{YEAR}-0002")]
    assert {row[2] for row in found[1:]} == {"A-2017"}
    assert lines == [("session_record", college["record"])] * 2


def test_a_duplicate_keeps_what_was_confirmed_beside_certificates_in_one_file(app, college):
    confirm(app, college)
    with app.app_context(), as_staff(college["user"], college["id"]):
        student = db.session.get_one(Student, college["student"])
        student.born_on, student.family_name = dt.date(1990, 1, 1), "Autre"
        db.session.delete(db.session.get_one(Enrolment, college["first"]))
        issue(db.session, [college["student"]], school=db.session.get_one(School, college["id"]), job_id=99, language="fr_CA", start=2026)
        db.session.commit()
        ids = list(db.session.scalars(select(IssuedPaper.id)))
    first, second = sorted(pages(ask(app, college["user"], college["id"], "print_again", {"ids": ids, "stamp": False})), key=lambda page: "inscription" in page)
    assert "Attestation de fréquentation" in first
    assert "Duplicata imprimé le " in second
    assert "Nom Leblanc" in second
    assert "322-409-MV" in second


def test_a_confirmation_is_in_the_language_of_its_student(app, college):
    with writing(app) as session:
        session.get_one(Student, college["student"]).language = "en"
    (page,) = pages(confirm(app, college))
    assert f"Registration confirmation Autumn 2017 No. {YEAR}-0001" in page
    assert "Rose Roy confirms the registration in this school of the person named below for the courses listed here (Autumn 2017)." in page
    assert "1.66" in page


@pytest.mark.parametrize("name", ['#read("/etc/passwd")', "$x^2$ *b* @ref", "%(who)s {0}"])
def test_77_a_name_or_a_title_that_is_markup_is_printed_as_it_is_written(app, college, name):
    with writing(app) as session:
        session.get_one(Student, college["student"]).given_name = name
        session.get_one(Course, college["courses"][0]).title = name
    jobs = [confirm(app, college), sheet(app, college), lists(app, college)]
    for job in jobs:
        assert product(job)
        assert "".join(pages(job)).count(name) >= 2


def sheet(app, college, ids=None):
    """Print session record sheets."""
    return ask(app, college["user"], college["id"], "print_record_sheet", {"ids": ids or [college["record"]], "stamp": False}, language="fr_CA")


def test_a_sheet_tells_everything_and_sets_apart_what_is_recognised_and_what_is_only_chosen(app, college):
    with app.app_context(), as_staff(college["user"], college["id"]):
        db.session.get_one(Enrolment, college["first"]).confirm_presence("Inès Aubry", dt.date(2017, 9, 20))
        db.session.commit()
    (page,) = pages(sheet(app, college))
    assert "Fiche du dossier de session – Leblanc, Lise A-2017" in page
    assert "LEBL12345678" in page
    assert "IC Hres Un. en cours Un. réussies Un. échouées 3 7 0,00 4,00 1,33" in page
    taken, rest = page.split("Reconnus sans être suivis")
    recognised, chosen = rest.split("Choix de cours sans groupe")
    assert "322-409-MV Santé de l'enfant 00992" in taken
    assert "94" in taken
    assert "71,5" in taken
    assert "1 2017-09-20" in taken
    assert "EC" in taken
    assert "601-103-MQ Littérature québécoise 2,33 EQ – Équivalence" in recognised
    assert "109-101-MQ Activité physique et santé 1,00" in chosen


def test_sheets_follow_each_other_by_student_and_term_without_a_number(app, college):
    job = sheet(app, college, [college["empty"], college["record"]])
    first, second = pages(job)
    assert "A-2017" in first
    assert "H-2018" in second
    assert "Aucune inscription dans ce dossier de session." in second
    with writing(app) as session:
        assert session.scalars(select(IssuedPaper)).all() == []
        assert session.query(JournalEvent).filter_by(verb="print_record_sheet").count() == 2


def lists(app, college, ids=None):
    """Print the lists of the groups of these registrations."""
    return ask(app, college["user"], college["id"], "print_group_list", {"ids": ids or [college["first"]], "stamp": False}, language="fr_CA")


def test_a_list_holds_the_whole_group_of_a_ticked_registration_and_room_to_sign(app, college):
    with app.app_context(), as_staff(college["user"], college["id"]):
        session = db.session
        school, grid, autumn = session.get_one(School, college["id"]), session.get_one(Grid, college["grid"]), session.get_one(Term, college["autumn"])
        other = admitted(session, school, grid, autumn, given_name="Ali", family_name="Abdi", local_id="7")
        registered(session, other, session.get_one(Course, college["courses"][0]), "992")
        session.commit()
    (page,) = pages(lists(app, college))
    assert "322-409-MV, groupe 00992 2 étudiants Santé de l'enfant – A-2017" in page
    assert "1 7 Abdi Ali EE 2 123-4567 Leblanc Lise EE" in page
    assert "Présence (signature)" in page


def test_a_choice_without_a_group_has_no_list(app, college):
    assert lists(app, college, [college["choice"]]).error.startswith("Aucune des inscriptions choisies n’est dans un groupe")


def test_work_begun_again_prints_the_confirmations_that_it_numbered(app, college, monkeypatch):
    from jobs import certificates, paper, runner

    def fails(*_args, **_kwargs):
        raise paper.PaperError("no paper in the tray")

    monkeypatch.setattr(certificates.paper, "render", fails)
    job = confirm(app, college)
    assert job.state is JobState.failed
    monkeypatch.undo()
    with writing(app) as session:
        session.get_one(Job, job.id).retry()
    runner.run_pending(app)
    with writing(app) as session:
        assert session.get_one(Job, job.id).state is JobState.done
        assert list(session.scalars(select(IssuedPaper.reference))) == [f"{YEAR}-0001"]


@pytest.mark.parametrize(("kind", "key"), [("print_confirmation", "record"), ("print_record_sheet", "record"), ("print_group_list", "first")])
def test_75_the_stamp_stands_where_it_is_asked_for_and_its_use_is_in_the_history(app, college, kind, key):
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "black").save(out, "PNG")
    with writing(app) as session:
        session.get_one(School, college["id"]).stamp_digest = files.keep_by_content(out.getvalue())
    made = [ask(app, college["user"], college["id"], kind, {"ids": [college[key]], "stamp": stamp}) for stamp in (False, True)]
    assert [b"/Subtype/Image" in product(job).replace(b" ", b"") for job in made] == [False, True]
    with writing(app) as session:
        (line,) = session.query(JournalEvent).filter_by(verb="stamped").all()
        assert (line.table_name, line.row_id, line.rows) == ("school", college["id"], 1)


def test_many_records_cost_as_many_statements_as_few(app, college):
    with app.app_context(), as_staff(college["user"], college["id"]):
        session = db.session
        school, grid, autumn = session.get_one(School, college["id"]), session.get_one(Grid, college["grid"]), session.get_one(Term, college["autumn"])
        course = session.get_one(Course, college["courses"][1])
        rows = [registered(session, admitted(session, school, grid, autumn, given_name=f"E{n}"), course) for n in range(30)]
        ids, records = [row.id for row in rows], [row.session_record_id for row in rows]
        session.commit()

        def cost(some, registrations):
            session.expunge_all()
            session.rollback()
            with counted(app) as statements:
                confirmable(session, some)
                for _record, found in with_rows(session, in_order(session, some), figures=True):
                    assert [row.value("rac_type").code for row in found] == ["SO"]
                group_lists(session, registrations)
            return len(statements)

        assert cost(records[:2], ids[:2]) == cost(records, ids)


def test_e_c_and_others_print_none_of_them():
    prints = ("session_record", "print_confirmation"), ("session_record", "print_record_sheet"), ("enrolment", "print_group_list")
    for right in prints:
        assert [role for role in ("acc", "ac", "ec", "amp", "registrar", "head", "inspector") if may([role], *right)] == ["acc", "ac", "registrar"]
