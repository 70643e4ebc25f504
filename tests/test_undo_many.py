"""Undoing more than a person can wait for: a job, pieces of 500, all or nothing; two people at once."""

import pytest
from batches import As
from conftest import counted, rows
from hands import send, words
from sqlalchemy import func, insert, select

from jobs.runner import run_pending
from models.base import Refusal
from models.journal import JournalEvent, record_rows
from models.people import Student
from models.undo import MANY, undo
from models.undo_plan import SHOWN
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
    assert "510 fiches redeviennent comme avant." in words(page)
    assert "et 460 autres" in words(page)
    answer = send(browser, f"/admin/journal_event/undo?batch={batch}", page="/account")
    assert "/admin/job/details/" in answer.headers["Location"]
    assert left(app, ids) == len(ids)
    assert run_pending(app) == 1
    assert left(app, ids) == 0
    page = browser.get(answer.headers["Location"])
    assert "510 fiches sont comme avant." in words(page)
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
    assert "Annuler pour 3 fiches" in words(second.get(page))
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
