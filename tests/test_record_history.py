"""Records and registrations in the history: what was deleted comes back whole, what was written is taken back, what belonged to two is one's."""

import datetime as dt

import pytest
from batches import As, noted
from merging import join
from sqlalchemy import select
from studying import college

from models.admissions import Admission, AdmissionStatus
from models.enrolments import Enrolment, Outcome
from models.merge import preview
from models.people import Student
from models.session_records import SessionRecord
from models.trash import restore
from models.undo import undo


@pytest.fixture
def acc(app, schools):
    """The site administrator of the college, one batch at a time."""
    return As(app, schools[1], "acc2")


@pytest.fixture
def studied(acc, schools):
    """A record with two registrations; their numbers."""
    with acc("made") as session:
        here = college(session, schools[1])
        record = here.record()
        one, two = here.enrol(record, 0, mark=80), here.enrol(record, 1)
        one.confirm_presence("Inès Aubry", dt.date(2017, 9, 20))
        return {"record": record.id, "one": one.id, "two": two.id, "student": here.student.id, "grid": here.admission.grid_id}


def test_a_deleted_record_comes_back_from_the_trash_with_its_registrations(acc, studied):
    with acc("gone") as session:
        session.delete(session.get_one(SessionRecord, studied["record"]))
        session.flush()
        assert session.scalars(select(Enrolment).where(Enrolment.student_id == studied["student"])).all() == []
        change = noted(session, batch="gone", table_name="session_record", field="")[0].id
    with acc("back") as session:
        restore(session, change)
        found = session.scalars(select(Enrolment).where(Enrolment.session_record_id == studied["record"]).order_by(Enrolment.id)).all()
        assert [(one.id, one.mark, one.census_on) for one in found] == [(studied["one"], 80, dt.date(2017, 9, 20)), (studied["two"], None, None)]


def test_an_undone_result_takes_its_units_back(acc, studied):
    with acc("results") as session:
        session.get_one(Enrolment, studied["two"]).enter_result(45, None)
        session.flush()
        assert session.get_one(Enrolment, studied["two"]).outcome is Outcome.failed
    with acc("undone") as session:
        undo(session, "results")
        session.flush()
        again = session.get_one(Enrolment, studied["two"])
        assert (again.mark, again.outcome) == (None, Outcome.in_progress)


def test_the_records_of_two_are_one_s_after_a_merge(acc, studied):
    with acc("second") as session:
        kept = Student(family_name="Leblanc", given_name="Lise-Anne", local_id="7990003")
        session.add(kept)
        session.flush()
        kept_id = kept.id
    with acc("merged") as session:
        kept, gone = (session.get_one(Student, number) for number in (kept_id, studied["student"]))
        join(session, kept, gone, given_name="gone", local_id="gone")
        session.flush()
        record = session.get_one(SessionRecord, studied["record"])
        assert {record.student_id, record.admission.student_id, *(one.student_id for one in record.enrolments)} == {kept_id}


def test_of_two_open_admissions_to_the_same_grid_one_stays_open_after_a_merge(acc, studied):
    with acc("second") as session:
        first = session.get_one(SessionRecord, studied["record"]).admission
        other = Student(family_name="Leblanc", given_name="Lise-Anne", local_id="7990004")
        session.add_all([other, Admission(student=other, programme=first.programme, grid=first.grid, status=AdmissionStatus.active)])
        session.flush()
        kept_id = other.id
    with acc("merged") as session:
        kept, gone = (session.get_one(Student, number) for number in (kept_id, studied["student"]))
        assert [str(one) for one in preview(session, kept, gone).doubled] == ["JEE0K-17R-RA"]
        join(session, kept, gone, given_name="gone", local_id="gone")
        found = session.scalars(select(Admission).where(Admission.student_id == kept_id).order_by(Admission.id)).all()
        assert [one.status.name for one in found] == ["closed", "active"]
        assert session.get_one(SessionRecord, studied["record"]).admission is found[0]
    with acc("back") as session:
        undo(session, "merged")
        session.flush()
        assert session.get_one(SessionRecord, studied["record"]).admission.status is AdmissionStatus.active
