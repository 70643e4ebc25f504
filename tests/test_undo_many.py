"""Undoing more than a person can wait for: a job, pieces of 500, all or nothing; two people at once."""

from html import unescape

import pytest
from batches import As
from conftest import counted, rows
from hands import send, words
from sqlalchemy import func, insert, select

from jobs.runner import run_pending
from models.base import Refusal
from models.bulk_edit import BulkEdit
from models.imports import Import
from models.journal import JournalEvent, record, record_rows
from models.people import Group, Student
from models.undo import MANY, undo
from models.undo_plan import SHOWN
from models.undo_words import told
from models.work import Job, JobState


@pytest.fixture
def crowd(app, schools):
    """`crowd(n)` makes so many students by statement, in one batch of the counsellor's; gives the batch and one of them."""

    def make(number, batch=None):
        batch = batch or f"many{number}"
        with As(app, schools[0], "ac")(batch) as session:
            lines = [{"school_id": schools[0], "family_name": f"Foule{n}", "given_name": "X"} for n in range(number)]
            ids = list(session.scalars(insert(Student).returning(Student.id), lines))
            record_rows(session, "created", "student", ids)
        return batch, ids

    return make


def left(app, ids):
    """How many of them still stand."""
    with rows(app) as session:
        return session.scalar(select(func.count(Student.id)).where(Student.id.in_(ids)))


def test_a_thousand_new_students_go_with_as_many_questions_as_pieces(app, crowd, schools):
    asked = {}
    for number in (40, 1500):
        batch, ids = crowd(number)
        with As(app, schools[0], "ac")(f"undo{number}") as session, counted(app) as seen:
            found = undo(session, batch)
        assert (found.total, len(found.lines)) == (number, min(number, SHOWN))
        assert left(app, ids) == 0
        asked[number] = len(seen)
    assert asked[1500] <= asked[40] + 2 * 20  # two more pieces


def test_many_rows_are_undone_by_a_job_that_can_be_undone_in_its_turn(app, as_, crowd):
    batch, ids = crowd(MANY + 10)
    browser = as_("ac")
    page = browser.get(f"/admin/journal_event/undo?batch={batch}")
    assert "510 élèves retirés." in words(page)
    assert "et 460 autres" in words(page)
    answer = send(browser, f"/admin/journal_event/undo?batch={batch}", page="/account")
    assert "/admin/job/details/" in answer.headers["Location"]
    assert left(app, ids) == len(ids)
    assert run_pending(app) == 1
    assert left(app, ids) == 0
    page = browser.get(answer.headers["Location"])
    assert "510 élèves retirés." in words(page)
    back = page.text.partition('href="/admin/journal_event/undo?')[2].partition('"')[0]
    assert back.startswith("batch=job-")
    send(browser, f"/admin/journal_event/undo?{back}", page="/account")
    run_pending(app)
    assert left(app, ids) == len(ids)


def test_a_job_undoes_nothing_for_somebody_who_lost_the_right(app, as_, crowd):
    batch, ids = crowd(MANY + 10)
    send(as_("ac"), f"/admin/journal_event/undo?batch={batch}", page="/account")
    from models.access import Membership, Role, User

    with rows(app) as session:
        for held in session.scalars(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "ac")):
            held.role = Role.amp
    run_pending(app)
    assert left(app, ids) == len(ids)
    with rows(app) as session:
        assert session.scalars(select(Job.state).order_by(Job.id.desc())).first() is JobState.failed


def test_the_second_of_two_people_is_refused_calmly(app, as_, crowd):
    batch, ids = crowd(3)
    first, second = as_("ac"), as_("acc")
    page = f"/admin/journal_event/undo?batch={batch}"
    assert "Revenir en arrière pour 3 fiches" in words(second.get(page))
    assert send(first, page, page="/account").status_code == 303
    answer = send(second, page, page="/account")
    assert answer.status_code == 409
    assert "Camille Roussel a déjà annulé ce travail" in words(answer)
    assert left(app, ids) == 0
    with rows(app) as session:
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == "undo")) == 1


def test_somebody_who_writes_at_the_same_moment_stops_the_undo_whole(app, schools, a_student, monkeypatch):
    with As(app, schools[0], "ac")("b1") as session:
        session.get_one(Student, a_student).town = "Arles"
    from sqlalchemy import update

    from models.undo_values import Values

    usual = Values.check

    def meanwhile(self, *args):
        usual(self, *args)
        self.session.execute(update(Student).where(Student.id == a_student).values(version=99).execution_options(synchronize_session=False))

    monkeypatch.setattr(Values, "check", meanwhile)
    with As(app, schools[0], "ac")("b2") as session:
        with pytest.raises(Refusal, match="au même moment"):
            undo(session, "b1")
        session.rollback()
    with rows(app) as session:
        assert session.get_one(Student, a_student).town == "Arles"


def test_the_page_says_what_goes_by_kind(app, as_, schools, a_student):
    with As(app, schools[0], "ac")("kinds") as session:
        for n in range(38):
            session.add(Student(family_name=f"Neuf{n}", given_name="X"))
        session.add(Group(name="Fanfare de mai"))
        session.get_one(Student, a_student).town = "Arles"
    browser = as_("ac")
    page = "/admin/journal_event/undo?batch=kinds"
    shown = words(browser.get(page))
    assert "38 élèves et 1 groupe en moins, 1 élève comme avant." in shown
    assert "Revenir en arrière pour 40 fiches" in shown
    assert "Tout laisser tel quel" in shown
    send(browser, f"{page}&url=/admin/student/", page="/account")
    assert "38 élèves et 1 groupe en moins, 1 élève comme avant. Annuler" in words(browser.get("/admin/student/"))
    with rows(app) as session:
        back = session.scalar(select(JournalEvent.batch).where(JournalEvent.verb == "undo"))
    shown = words(browser.get(f"/admin/journal_event/undo?batch={back}"))
    assert "Annulation : " in shown
    assert "38 élèves et 1 groupe de retour, 1 élève comme avant." in shown


@pytest.mark.parametrize(
    ("removed", "back", "changed", "said"),
    [
        ({"student": 1}, {}, {}, "1 élève retiré."),
        ({"level": 2}, {}, {}, "2 fiches retirées."),
        ({"student": 2, "guardian": 1, "level": 1, "noun": 1}, {}, {}, "2 élèves, 1 responsable et 2 autres fiches en moins."),
        ({"activation_code": 3}, {"guardian_link": 1}, {"level": 2}, "3 codes retirés, 1 lien rétabli, 2 fiches redeviennent comme avant."),
        ({}, {}, {"student": 10, "guardian": 3}, "10 élèves et 3 responsables comme avant."),
        ({}, {}, {}, ""),
    ],
)
def test_an_undo_is_told_by_kind(app, removed, back, changed, said):
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        assert told(removed, back, changed) == said


def test_the_heading_is_the_work_in_its_own_words(app, as_, schools, a_student):
    with As(app, schools[0], "ac")("job-7") as session:
        session.get_one(Student, a_student).town = "Arles"
        session.add(Import(name="messy.csv", batch="job-7"))
    with As(app, schools[0], "ac")("merge") as session:
        session.get_one(Student, a_student).town = "Nîmes"
        record(session, "merge", "student", a_student)
    with As(app, schools[0], "ac")("field") as session:
        student = session.get_one(Student, a_student)
        student.town, name = "Uzès", str(student)
        session.add(BulkEdit(table_name="student", field="town", value="Uzès", batch="field"))
    browser = as_("ac")
    for batch, heading in (
        ("job-7", "Import de messy.csv"),
        ("merge", f"Fusion de deux fiches : {name}"),
        ("field", "Élèves : modification du champ « Commune »"),
    ):
        assert f"<h1>{heading}</h1>" in unescape(browser.get(f"/admin/journal_event/undo?batch={batch}").text).replace("\u00a0", " ").replace("\u202f", " ")
