"""Admissions: what may become what, who admits, what the file shows."""

import datetime as dt
import json
import re

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import select

from models.admissions import Admission, AdmissionStatus
from models.base import Refusal
from models.courses import Grid
from models.people import Student, StudentStatus
from models.studies import OrgUnit, Programme
from views.menu import screens


def admission(status="active", **values):
    return Admission(status=AdmissionStatus[status], programme=Programme(code="JEE.0K", title="Éducation"), **values)


@pytest.mark.parametrize(
    ("status", "verb", "then"),
    [
        ("applicant", "activate", "active"),
        ("active", "suspend", "suspended"),
        ("suspended", "activate", "active"),
        ("suspended", "close", "closed"),
        ("closed", "activate", "active"),
        ("applicant", "suspend", None),
        ("closed", "suspend", None),
        ("sanctioned", "activate", None),
        ("sanctioned", "close", None),
    ],
)
def test_what_an_admission_may_become(status, verb, then):
    one = admission(status)
    if then is None:
        with pytest.raises(Refusal):
            getattr(one, verb)(*([] if verb == "suspend" else [dt.date(2026, 3, 1)]))
        assert one.status.name == status
    else:
        getattr(one, verb)(*([] if verb == "suspend" else [dt.date(2026, 3, 1)]))
        assert one.status.name == then


def test_a_sanction_has_a_day_between_the_admission_and_today():
    one = admission(admitted_on=dt.date(2020, 1, 10))
    now = dt.date(2022, 1, 1)
    for day in (dt.date(2020, 1, 9), dt.date(2022, 1, 2)):
        with pytest.raises(Refusal):
            one.sanction(day, now)
    one.sanction(dt.date(2021, 6, 1), now)
    assert (one.status, one.sanctioned_on, one.ended_on) == (AdmissionStatus.sanctioned, dt.date(2021, 6, 1), dt.date(2021, 6, 1))


@pytest.fixture
def candidate(app, schools):
    """A student of the second school without an admission, its programme of the demonstration's grid, that grid."""
    with rows(app) as session:
        grid = session.scalar(select(Grid).where(Grid.school_id == schools[1]))
        new = Student(school_id=schools[1], family_name="Leblanc", given_name="Lise", local_id="123-4567")
        session.add(new)
        session.flush()
        return {"student": new.id, "programme": grid.programme_id, "grid": grid.id}


def _fields(candidate, *names):
    return {name: str(candidate[name]) for name in names or ("student", "programme", "grid")}


def test_a_quick_admission_is_active_at_once_and_stands_in_the_file_and_its_banner(as_, app, candidate):
    browser = as_("registrar2")
    assert send(browser, "/admin/admission/new/", page="/account", **_fields(candidate)).status_code == 302
    with rows(app) as session:
        made = session.scalar(select(Admission).where(Admission.student_id == candidate["student"]))
        assert (made.status, made.admitted_on is not None, str(made)) == (AdmissionStatus.active, True, "JEE0K-17R-RA")
    page = words(browser.get(f"/admin/student/details/?id={candidate['student']}&part=admissions"))
    assert "Grille JEE0K-17R-RA" in page
    assert "Active" in page
    again = send(browser, "/admin/admission/new/", page="/account", **_fields(candidate))
    assert again.status_code == 422
    assert "Lise Leblanc a déjà une admission ouverte" in words(again)


def test_a_detailed_admission_without_its_day_is_an_application(as_, app, candidate):
    browser = as_("registrar2")
    assert 'name="previous_studies"' not in browser.get("/admin/admission/new/").text
    assert 'name="previous_studies"' in browser.get("/admin/admission/new/?detailed=1").text
    typed = {**_fields(candidate), "applied_on": "2026-02-01", "admitted_on": "2026-01-01", "previous_studies": "DES, 1998"}
    wrong = send(browser, "/admin/admission/new/?detailed=1", page="/account", **typed)
    assert "La date d’admission précède la date de la demande" in words(wrong)
    old = send(browser, "/admin/admission/new/?detailed=1", page="/account", **{**typed, "admitted_on": "9999-12-31"})
    assert "L’année 9999 n’est pas entre 1950 et 2100" in words(old)
    long = send(browser, "/admin/admission/new/?detailed=1", page="/account", **{**typed, "admitted_on": "", "previous_studies": "x" * 4001})
    assert (long.status_code, "x" * 4001 in long.text) == (422, True)
    assert send(browser, "/admin/admission/new/?detailed=1", page="/account", **{**typed, "admitted_on": ""}).status_code == 302
    with rows(app) as session:
        made = session.scalar(select(Admission).where(Admission.student_id == candidate["student"]))
        assert (made.status, made.previous_studies) == (AdmissionStatus.applicant, "DES, 1998")


def test_a_grid_gives_its_unit_unless_another_is_chosen(as_, app, schools, candidate):
    browser = as_("registrar2")
    with rows(app) as session:
        unit = session.get(Grid, candidate["grid"]).org_unit
        other = OrgUnit(school_id=schools[1], code="ZZ", name="Autre")
        session.add(other)
        session.flush()
        unit, told, other = unit.id, str(unit), other.id
    assert json.loads(re.search(r"data-units='([^']+)'", browser.get("/admin/admission/new/").text)[1])[str(candidate["grid"])] == [unit, told]
    for chosen, kept in (("__None", unit), (str(other), other)):
        assert send(browser, "/admin/admission/new/", page="/account", **_fields(candidate), org_unit=chosen).status_code == 302
        with rows(app) as session:
            made = session.scalar(select(Admission).where(Admission.student_id == candidate["student"], Admission.status == AdmissionStatus.active))
            assert made.org_unit_id == kept
            made.close(dt.date(2026, 3, 1))


def test_a_grid_of_another_programme_is_refused(as_, app, schools, candidate):
    with rows(app) as session:
        other = session.scalar(select(Programme.id).where(Programme.school_id == schools[1], Programme.id != candidate["programme"]))
    answer = send(as_("registrar2"), "/admin/admission/new/", page="/account", **{**_fields(candidate), "programme": str(other)})
    assert answer.status_code == 422
    assert "La grille JEE0K-17R-RA n’appartient pas" in words(answer)
    assert 'id="grid-error"' in answer.text


def test_a_second_active_admission_is_made_and_told(as_, app, schools, candidate):
    browser = as_("registrar2")
    send(browser, "/admin/admission/new/", page="/account", **_fields(candidate))
    with rows(app) as session:
        other = session.scalar(select(Programme).where(Programme.school_id == schools[1], Programme.id != candidate["programme"])).id
    send(browser, "/admin/admission/new/", page="/account", student=str(candidate["student"]), programme=str(other))
    assert "Lise Leblanc a aussi une admission active : JEE0K-17R-RA." in words(browser.get("/admin/admission/"))


def test_a_sanction_is_asked_for_its_day_and_seals_the_banner(as_, app, schools):
    browser = as_("registrar2")
    with rows(app) as session:
        there = (Admission.school_id == schools[1], Admission.status == AdmissionStatus.active, Student.status == StudentStatus.active)
        one = session.scalar(select(Admission).join(Student).where(*there).order_by(Admission.id))
        found = {"id": one.id, "student": one.student_id, "code": one.programme.code}
    sent = {"page": "/account", "action": "sanction", "rowid": str(found["id"])}
    assert "Décerner 1 diplôme" in words(send(browser, "/admin/admission/action/", **sent))
    send(browser, "/admin/admission/action/", **sent, date="2026-06-01", _asked="1")
    with rows(app) as session:
        assert session.get_one(Admission, found["id"]).sanctioned_on == dt.date(2026, 6, 1)
    assert f"Sanctionné {found['code']}" in words(browser.get(f"/admin/student/details/?id={found['student']}"))


def test_a_teacher_reads_the_admissions_of_their_students_and_writes_none(as_, app, schools):
    with rows(app) as session:
        foreign = session.scalar(select(Admission.id).where(Admission.school_id == schools[1]))
    assert as_("ec").get(f"/admin/admission/details/?id={foreign}").status_code == 404
    assert as_("ec2").get("/admin/admission/").status_code == 200
    assert as_("ec2").get("/admin/admission/new/").status_code == 403
    assert as_("ec2").get("/admin/admission/export/csv/").status_code == 403


def test_what_is_dated_by_the_day_of_the_school_never_waits_for_a_job(app):
    with app.test_request_context():
        verbs = screens()["admission"].verbs
    assert {name for name in ("activate", "suspend", "close", "sanction") if verbs[name].at_once} == {"activate", "close", "sanction"}
