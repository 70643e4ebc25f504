"""Registrations for courses: what they inherit, what is refused, what a result comes to, the census and what is transmitted."""

import datetime as dt

import pytest
from conftest import counted, rows
from sqlalchemy import select
from studying import college

from models import codes, enrolment_rules, enrolments, settings
from models.admissions import AdmissionStatus
from models.base import Refusal
from models.courses import RacGroup
from models.enrolment_rules import check, deletion_problem, warnings
from models.enrolments import Enrolment, Outcome
from models.scope import SCOPE, Actor, acting
from models.transmissions import Telling, Transmission

DAY = dt.date(2017, 9, 20)


@pytest.fixture
def here(app, schools):
    with rows(app) as session:
        yield college(session, schools[1])


@pytest.fixture
def record(here):
    return here.record()


def test_the_group_gives_the_kind_of_recognition_that_the_correspondence_says(here, record):
    kinds = {group: here.enrol(record, 0, group).value("rac_type").code for group in ("990", "00991", "00992", "1")}
    assert kinds == {"990": "EE", "00991": "FM", "00992": "EE SR", "1": "SO"}


def test_what_is_inherited_comes_from_admission_record_course_and_lists(here, record):
    here.courses[0].category = here.code("course_category", "SP")
    record.language = here.code("teaching_language", "AN")
    one = here.enrol(record)
    shown = [str(one.value(field)) for field in ("org_unit", "language", "category", "funding", "delivery_mode")]
    assert shown == [str(here.admission.org_unit), "AN – Anglais", "SP – Formation spécifique", "10 – Ministère de l’éducation", "SO – Sans objet"]


def test_an_inherited_value_is_set_aside_with_who_and_when_and_taken_back(here, record):
    one = here.enrol(record)
    with acting(Actor(user_id=None, name="Inès Aubry"), SCOPE.get()):
        one.override("funding", here.code("funding_source", "50"))
    here.session.flush()
    assert one.value("funding").code == "50"
    assert one.overrides["funding"]["by"] == "Inès Aubry"
    one.inherit("funding")
    here.session.flush()
    assert (one.value("funding").code, one.overrides) == ("10", {})
    with pytest.raises(Refusal, match="déjà sa valeur héritée"):
        one.inherit("funding")
    with pytest.raises(Refusal, match="n’hérite de rien"):
        one.override("mark", 3)


@pytest.mark.parametrize(
    ("mark", "remark", "outcome"),
    [
        (None, None, "in_progress"),
        (60, None, "passed"),
        (59, None, "failed"),
        (72, "EC", "failed"),
        (None, "EQ", "passed"),
        (None, "SU", "none"),
        (None, "DI", "none"),
        (40, "AE", "none"),
        (None, "IT", "in_progress"),
        (None, "IN", "none"),
    ],
)
def test_a_remark_then_a_mark_say_what_a_registration_comes_to(here, record, mark, remark, outcome):
    one = here.enrol(record, mark=mark, remark=here.code("remark", remark) if remark else None)
    assert one.outcome is Outcome[outcome]


def test_the_school_says_what_passes_from_then_on(here, record):
    here.session.add(settings.Setting(school_id=here.school_id, key="pass_mark", value="75"))
    here.session.commit()
    assert here.enrol(record, mark=74).outcome is Outcome.failed


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"mark": 101}, "n’est pas compris"),
        ({"mark": -1}, "n’est pas compris"),
        ({"absences": 1000}, "Absences"),
        ({"group_average": 101}, "Moyenne"),
        ({"r_score": 61}, "cote R"),
        ({"r_thirds": 400}, "unités de la cote R"),
        ({"group": "ABC"}, "numéro"),
        ({"group": "00992", "mark": 80}, "EE SR"),
        ({"taken": False, "group": "", "remark": "EC"}, "EQ, DI ou SU"),
        ({"taken": False, "group": ""}, "EQ, DI ou SU"),
        ({"taken": False, "remark": "EQ"}, "sans groupe ni note"),
        ({"study_situation": "CR"}, "organisme partenaire"),
        ({"remark": ("funding_source", "10")}, "appartient à une autre liste"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy(here, record, values, told):
    given = dict(values)
    for field in ("remark", "study_situation"):
        if field in given:
            given[field] = here.code(*given[field]) if isinstance(given[field], tuple) else here.code(field, given[field])
    with pytest.raises(Refusal) as refused:
        here.enrol(record, **given)
    assert told in refused.value.sentence
    here.session.rollback()


def test_a_mark_beside_a_remark_is_told_and_kept(here, record):
    one = here.enrol(record, mark=40, remark=here.code("remark", "EC"))
    assert "une note et une remarque (EC)" in str(warnings(one)[0])
    assert warnings(here.enrol(record, 1, mark=40)) == []


def test_who_registers_is_told_of_an_inactive_admission_and_of_a_course_that_is_there_already(here, record):
    here.enrol(record)
    with pytest.raises(Refusal, match="déjà inscrit à 322-901-MV 00990 en A-2017"):
        check(here.session, Enrolment(session_record=record, course=here.courses[0], group_number="990"), new=True)
    here.admission.status = AdmissionStatus.suspended
    with pytest.raises(Refusal, match="est suspendue\u00a0: activez-la"):
        check(here.session, Enrolment(session_record=record, course=here.courses[1], group_number="990"), new=True)


def test_presence_is_confirmed_once_for_a_group_by_whom_and_when_and_corrected_with_a_reason(here, record):
    one, choice = here.enrol(record), here.enrol(record, 1, "")
    assert str(one.census_status) == "0 – Non recensé"
    one.confirm_presence("Inès Aubry", DAY)
    assert (str(one.census_status), one.census_by, one.census_on) == ("1 – Présence confirmée", "Inès Aubry", DAY)
    with pytest.raises(Refusal, match="déjà confirmée"):
        one.confirm_presence("Inès Aubry", DAY)
    with pytest.raises(Refusal, match="est sans groupe"):
        choice.confirm_presence("Inès Aubry", DAY)
    with pytest.raises(Refusal, match="demande un motif"):
        one.correct_census(" ")
    one.correct_census("Erreur de liste", "Louis Roy")
    assert (one.census_status.code, one.census_by, one.census_on, one.census_reason) == ("0", "Louis Roy", None, "Erreur de liste")
    with pytest.raises(Refusal, match="rien à corriger"):
        one.correct_census("Encore")


def states(one):
    return tuple(one.transmission(telling).name for telling in Telling)


def test_what_is_to_be_sent_follows_from_the_registration_until_somebody_says_otherwise(here, record):
    one = here.enrol(record)
    assert states(one) == ("to_send", "waiting", "waiting")
    with pytest.raises(Refusal, match="rien à transmettre"):
        one.set_transmission(Telling.result, Transmission.sent, DAY)
    one.confirm_presence("Inès Aubry", DAY)
    one.mark = 80
    assert states(one) == ("to_send", "to_send", "to_send")
    one.set_transmission(Telling.result, Transmission.sent, DAY)
    here.session.flush()
    assert (states(one), one.result_sent_on) == (("to_send", "to_send", "sent"), DAY)
    one.mark = 81  # what the ministry was told is no longer true
    here.session.flush()
    assert (states(one)[2], one.result_sent_on) == ("to_send", DAY)
    one.inherit("result_sent")
    assert one.transmission(Telling.result) is Transmission.to_send
    assert states(here.enrol(record, 0, "00992"))[2] == "excluded"
    assert states(here.enrol(record, 1, ""))[0] == "waiting"


def test_what_was_transmitted_is_neither_deleted_nor_moved_to_another_course(here, record):
    one = here.enrol(record)
    assert deletion_problem(one) is None
    one.set_transmission(Telling.enrolment, Transmission.sent, DAY)
    here.session.flush()
    assert "transmise au ministère" in deletion_problem(one).sentence
    one.course = here.courses[1]
    with pytest.raises(Refusal, match="garde cette matière"):
        check(here.session, one, new=False)


def test_a_line_of_the_correspondence_changes_what_its_registrations_come_to(here, record):
    waiting, marked = here.enrol(record, 1, "00990"), here.enrol(record, 2, "00990", mark=70)
    line = RacGroup(school_id=here.school_id, course=here.courses[1], number="00990", rac_type=here.code("rac_type", "EE SR"))
    here.session.add(line)
    here.session.flush()
    here.session.refresh(waiting)
    assert waiting.outcome is Outcome.none
    here.session.delete(line)
    here.session.flush()
    here.session.refresh(waiting)
    assert waiting.outcome is Outcome.in_progress
    here.session.add(RacGroup(school_id=here.school_id, course=here.courses[2], number="00990", rac_type=here.code("rac_type", "EE SR")))
    with pytest.raises(Refusal, match="1 inscription du groupe 00990 porte une note"):
        here.session.flush()
    here.session.rollback()
    assert marked.mark is None or marked.mark == 70


def test_a_hundred_registrations_are_settled_by_one_question(app, here, record):
    here.session.flush()
    with counted(app) as asked:
        for number in range(100):
            here.session.add(Enrolment(school_id=here.school_id, session_record=record, course=here.courses[0], group_number=str(1000 + number)))
        here.session.flush()
    assert len([one for one in asked if one.lstrip().upper().startswith("SELECT")]) <= 4
    assert here.session.scalar(select(Enrolment.outcome).where(Enrolment.group_number == "01000")) is Outcome.in_progress


def test_a_confirmed_presence_keeps_its_group_until_the_census_is_corrected(here, record):
    one = here.enrol(record)
    one.confirm_presence("Inès Aubry", DAY)
    here.session.commit()
    one.group_number = ""
    with pytest.raises(Refusal, match="Corrigez d’abord le recensement"):
        here.session.flush()
    here.session.rollback()
    one.correct_census("Erreur de liste")
    one.group_number = ""
    here.session.flush()
    assert one.group_number == ""


@pytest.mark.parametrize("state", ["to_send", "sent", "refused"])
def test_nothing_is_said_of_what_was_never_to_be_sent(here, record, state):
    choice = here.enrol(record, 1, "")
    with pytest.raises(Refusal):
        choice.set_transmission(Telling.enrolment, Transmission[state], DAY)
    assert (choice.enrolment_sent, choice.enrolment_sent_on) == (None, None)


@pytest.mark.parametrize(("code_list", "code"), [("rac_type", "EE SR"), ("census_status", "1"), ("remark", "EQ")])
def test_a_code_that_a_rule_reads_keeps_its_code_and_takes_another_label(here, code_list, code):
    one = here.code(code_list, code)
    one.label = "Autrement dit"
    here.session.commit()
    one.code = "XYZ"
    with pytest.raises(Refusal, match=f"lit le code {code}"):
        here.session.flush()
    here.session.rollback()
    assert (one.code, one.label) == (code, "Autrement dit")


def test_every_code_that_decides_something_is_among_those_that_keep_their_name():
    assert codes.READ["remark"] == set(enrolment_rules._BY_REMARK)
    assert enrolments.WITHOUT_RESULT in codes.READ["rac_type"]


def test_a_value_that_is_written_by_its_number_meets_the_same_rules(here, record):
    one = here.enrol(record, 1, mark=80)
    one.set_transmission(Telling.enrolment, Transmission.sent, DAY)
    here.session.commit()
    one.funding_id = here.code("funding_source", "50").id
    here.session.commit()
    assert one.transmission(Telling.enrolment) is Transmission.to_send
    one.rac_type_id = here.code("rac_type", "EE SR").id
    with pytest.raises(Refusal, match="EE SR"):
        here.session.flush()
    here.session.rollback()
