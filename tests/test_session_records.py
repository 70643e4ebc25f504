"""Session records: what they begin from, what they count, what is copied, what keeps them."""

import datetime as dt

import pytest
from conftest import rows
from sqlalchemy import select
from sqlalchemy.orm import undefer_group
from studying import college

from models.admissions import AdmissionStatus
from models.base import Refusal
from models.followed import deletion_problem
from models.session_records import SessionRecord, admission_deletion_problem, followed_of
from models.studies import Season, Term
from models.transmissions import Telling, Transmission


@pytest.fixture
def here(app, schools):
    with rows(app) as session:
        yield college(session, schools[1])


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("applicant", "activez l’admission"),
        ("suspended", "activez-la de nouveau"),
        ("closed", "activez-la de nouveau ou créez-en une autre"),
        ("sanctioned", "créez une admission dans une autre formation"),
    ],
)
def test_only_an_active_candidate_gets_a_record_and_is_told_what_to_do(here, status, told):
    here.admission.status = AdmissionStatus[status]
    with pytest.raises(Refusal) as refused:
        SessionRecord.begin(here.session, here.admission, here.terms[0])
    assert told in refused.value.sentence


def test_there_is_one_record_for_an_admission_and_a_term(here):
    here.record()
    with pytest.raises(Refusal, match=r"a déjà un .* A-2017"):
        here.record()


def test_a_record_begins_with_the_usual_codes_and_counts_the_sessions_of_the_programme(here):
    first, second = here.record(0), here.record(1)
    assert (str(first.full_time), str(first.language), first.programme_session) == ("SO – Sans objet", "FR – Français", 1)
    assert second.programme_session == 2


def figures(here, record):
    wanted = select(SessionRecord).where(SessionRecord.id == record.id).options(undefer_group("figures")).execution_options(populate_existing=True)
    one = here.session.scalars(wanted).one()
    return one.registered, one.hours, one.thirds_in_progress, one.thirds_passed, one.thirds_failed


def test_a_record_counts_registrations_hours_and_units_in_thirds(here):
    record = here.record()
    assert figures(here, record) == (0, 0, 0, 0, 0)
    here.enrol(record, 0, "00990", mark=94)
    here.enrol(record, 1, "00991", mark=59)
    here.enrol(record, 2, "00001")
    assert figures(here, record) == (3, 9, 7, 7, 7)
    here.enrol(record, 1, "")  # a course choice: a registration without hours
    here.enrol(record, 2, "", taken=False, remark=here.code("remark", "EQ"))  # recognised: its units are passed, it is no registration
    here.enrol(record, 0, "", taken=False, remark=here.code("remark", "DI"))
    assert figures(here, record) == (4, 9, 7, 14, 7)


def test_a_course_without_a_result_to_record_is_in_progress_nowhere(here):
    record = here.record()
    here.enrol(record, 0, "00992")
    assert figures(here, record) == (1, 3, 0, 0, 0)


def test_the_records_of_a_student_are_shown_from_the_latest_term(here):
    summer = Term(school_id=here.school_id, year=2018, season=Season.summer)
    here.session.add(summer)
    here.session.flush()
    for term in (here.terms[0], summer, here.terms[1]):
        SessionRecord.begin(here.session, here.admission, term)
    here.session.flush()
    admissions, records = followed_of(here.session, here.student.id, figures=True)
    assert admissions == [here.admission]
    assert [(str(one.term), one.registered) for one in records] == [("É-2018", 0), ("H-2018", 0), ("A-2017", 0)]


def test_a_copy_holds_everything_but_results_census_and_transmissions(here):
    record = here.record()
    one = here.enrol(record, 0, "00990", mark=94, absences=4, alternative_number="322-X", rac_type=here.code("rac_type", "FM"))
    one.confirm_presence("Inès Aubry", dt.date(2017, 9, 20))
    one.set_transmission(Telling.enrolment, Transmission.sent, dt.date(2017, 10, 1))
    here.enrol(record, 1, "", taken=False, remark=here.code("remark", "EQ"))
    here.session.flush()
    made = record.copy(here.terms[1])
    here.session.flush()
    [copied] = made.enrolments
    assert (copied.course.number, copied.group_number, copied.alternative_number, copied.rac_type.code) == ("322-901-MV", "00990", "322-X", "FM")
    assert (copied.mark, copied.remark, copied.absences, copied.census_on, copied.enrolment_sent, copied.enrolment_sent_on) == (None,) * 6
    assert (copied.census_status.code, str(copied.term)) == ("0", "H-2018")


def test_what_was_transmitted_keeps_its_record_and_a_record_keeps_its_admission_and_its_student(here):
    record = here.record()
    one = here.enrol(record)
    assert record.deletion_problem() is None
    one.set_transmission(Telling.enrolment, Transmission.sent, dt.date(2017, 10, 1))
    here.session.flush()
    assert "1 inscription a été transmise au ministère" in record.deletion_problem().sentence
    assert "1 dossier de l’année en dépend" in admission_deletion_problem(here.session, here.admission).sentence
    assert "Désactivez plutôt" in deletion_problem(here.session, here.student).sentence


@pytest.mark.parametrize(("registered", "hours", "told"), [(4, 4, "temps plein"), (3, 12, "temps plein"), (3, 11, "temps partiel"), (0, 0, "temps partiel")])
def test_full_time_is_hinted_from_the_number_of_courses_or_of_periods(here, registered, hours, told):
    assert told in str(here.record().full_time_hint(registered, hours))


def test_terms_have_the_usual_day_of_the_census_or_the_school_s_own():
    autumn, winter, summer = (Term(year=2018, season=Season[name]) for name in ("autumn", "winter", "summer"))
    assert [one.census_day for one in (autumn, winter, summer)] == [dt.date(2018, 9, 20), dt.date(2018, 2, 15), None]
    autumn.census_on = dt.date(2018, 9, 24)
    assert autumn.census_day == dt.date(2018, 9, 24)
