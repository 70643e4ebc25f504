"""Every address and who may open it, typed by hand from the rights document. An address without a line fails (security case 13)."""

import datetime as dt
import re

import pytest
from conftest import rows
from door_lines import EVERYBODY, PAGES, VERBS
from sqlalchemy import select

from models.access import Membership, User
from models.activation import ActivationCode
from models.admissions import Admission, AdmissionStatus
from models.codes import CodeList, CodeValue
from models.courses import Course, Grid, RacGroup
from models.custom import CustomField
from models.enrolments import Enrolment
from models.invitations import Invitation
from models.journal import JournalEvent
from models.labels import Noun
from models.letter_text import LetterText
from models.papers import issue
from models.people import Group, Guardian, GuardianLink, Student
from models.school import Level, School
from models.school_year import SchoolYear
from models.session_records import SessionRecord
from models.studies import OrgUnit, Programme, Term

# Doors that other tests open one by one: portals' own rows, secrets in the address, files, pages of a verb.
ELSEWHERE = re.compile(
    r"/|/login|/login/code|/logout|/see_as/leave|/forgot|/setup|/resume|/healthz|/language|/theme|/reset/.*|/static/.*|/admin/static/.*|/account/.+"
    r"|/parent/(register|child/.*|profile/.+)|/student/(activate|invite)|/(parent|student)/(school|messages)/.*"
    r"|/admin/\w+/(action|delete|ajax/lookup|ajax/update|columns|views)/"
    r"|/admin/(job|outgoing_mail)/download/|/admin/(job|outgoing_mail|import_|label|login_event)/details/|/admin/label/edit/|/admin/transfer/(details|file|passphrase)/"
    r"|/admin/(student|guardian)/duplicates/(apart|again)/|/admin/\w+/bulk_edit/"
    r"|/admin/reminder/(details|edit)/|/admin/message/(copy|details|edit|file|left_out|preview|report|report_file)/"
    r"|/admin/journal_event/(undo|revert|restore)"
    r"|/admin/(right|setting)/(save|reset|details)/|/admin/import_/(columns|confirm|correct|decide|file|forget|forget_mapping|invite|keep|rows)/|/admin/activation_code/letters/|/admin/letter/specimen/|/admin/group/(add|remove)/|/admin/label/(text|page|pack|apply|languages/remove|export/.*)/"
)


@pytest.fixture
def ids(app, schools):
    """Rows of the first school that its teacher sees too."""
    with rows(app) as session:
        ec = session.scalar(select(User.id).where(User.username == "ec"))
        group = session.scalar(select(Group).where(Group.owner_id == ec, Group.school_id == schools[0]))
        members = [s.id for s in group.members]
        link = session.scalar(select(GuardianLink).where(GuardianLink.student_id.in_(members)))
        unused = (ActivationCode.used_at.is_(None), ActivationCode.revoked_at.is_(None))
        code = session.scalar(select(ActivationCode).where(ActivationCode.student_id.in_(members), *unused))
        if code is None:
            from models.activation import generate

            generate(session, [link.student_id], quantity=1, only_missing=False)
            code = session.scalar(select(ActivationCode).where(ActivationCode.student_id == link.student_id, ActivationCode.used_at.is_(None)))
        course, grid = session.scalar(select(Course)), session.scalar(select(Grid))
        kind = CodeValue(school_id=schools[0], code_list=CodeList.rac_type, code="EE", label="Évaluation")
        line = RacGroup(school_id=schools[0], course=course, number="990", rac_type=kind)
        admitted = Admission(school_id=schools[0], student_id=link.student_id, programme=session.scalar(select(Programme)), status=AdmissionStatus.active)
        record = SessionRecord(school_id=schools[0], admission=admitted, student=session.get_one(Student, link.student_id), term=session.scalar(select(Term)))
        enrolment = Enrolment(school_id=schools[0], session_record=record, course=course, group_number="990")
        session.add_all([line, admitted, record, enrolment])
        invited = session.scalars(select(Invitation).where(Invitation.school_id == schools[0])).one()
        invited.student_id = link.student_id
        field = CustomField(school_id=schools[0], table_name="course", label="Casier")
        session.add(field)
        session.flush()
        amp = session.scalar(select(User.id).where(User.username == "amp"))
        school, student = session.get_one(School, schools[0]), session.get_one(Student, link.student_id)
        student.born_on = student.born_on or dt.date(2014, 3, 14)
        (paper,) = issue(session, [student.id], school=school, job_id=1, language="fr", start=2026)
        return {
            "student": link.student_id,
            "guardian": link.guardian_id,
            "guardian_link": link.id,
            "activation_code": code.id,
            "issued_paper": paper.id,
            "group": group.id,
            "user": amp,
            "membership": session.scalar(select(Membership.id).where(Membership.user_id == amp)),
            "school": schools[0],
            "course": course.id,
            "grid": grid.id,
            "rac_group": line.id,
            "admission": admitted.id,
            "session_record": record.id,
            "enrolment": enrolment.id,
            "letter": session.scalar(select(LetterText.id).where(LetterText.school_id == schools[0])),
            "access_data": link.id * 2,
            "level": session.scalar(select(Level.id).where(Level.school_id == schools[0])),
            **{
                model.__tablename__: session.scalar(select(model.id).where(model.school_id == schools[0]))
                for model in (Programme, Term, OrgUnit, SchoolYear, CodeValue)
            },
            "noun": session.scalar(select(Noun.id).where(Noun.school_id == schools[0])),
            "custom_field": field.id,
            "invitation": invited.id,
            "journal_event": session.scalar(select(JournalEvent.id).where(JournalEvent.school_id == schools[0])),
        }


def test_every_address_has_its_line(app):
    lines = {address.split("?")[0] for address in PAGES}
    rules = {re.sub(r"<[^>]*export_type>", "csv", str(rule)) for rule in app.url_map.iter_rules()}
    assert {rule for rule in rules if rule not in lines and not ELSEWHERE.fullmatch(rule)} == set()


@pytest.fixture
def _patient(monkeypatch):
    """Whoever tries every door is not slowed down here: case 20 has its own test."""
    monkeypatch.setattr("views.refusals.MOST", 10_000)


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("account", EVERYBODY.split())
def test_13_a_page_opens_for_whom_the_document_says(as_, ids, account):
    browser = as_(account)
    found, wanted = {}, {}
    for address, allowed in PAGES.items():
        answer = browser.get(address.format(**ids), buffered=True)
        found[address] = {200: "open", 302: "open", 303: "open", 403: "refused"}.get(answer.status_code, answer.status_code)
        wanted[address] = "open" if account in allowed.split() else "refused"
    assert found == wanted


@pytest.mark.parametrize("address", PAGES)
def test_13_a_stranger_is_led_to_the_login_page(client, ids, address):
    answer = client.get(address.format(**ids))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("account", EVERYBODY.split())
def test_13_a_verb_is_accepted_from_whom_the_document_says(as_, ids, account):
    browser = as_(account)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/account").text)[1]
    found, wanted = {}, {}
    for (address, verb, table), allowed in VERBS.items():
        fields = {"csrf_token": token, "id": ids[table]} if "/delete/" in address else {"csrf_token": token, "action": verb, "rowid": ids[table]}
        answer = browser.post(address, data=fields)
        found[address, verb] = "refused" if answer.status_code == 403 else "accepted" if answer.status_code in (200, 302, 303, 409) else answer.status_code
        wanted[address, verb] = "accepted" if account in allowed.split() else "refused"
    assert found == wanted


SCOPED = dict(
    zip(
        ("student", "guardian", "guardian_link", "activation_code", "group", "membership", "level", "noun", "journal_event", "programme", "code_value"),
        (Student, Guardian, GuardianLink, ActivationCode, Group, Membership, Level, Noun, JournalEvent, Programme, CodeValue),
        strict=True,
    )
)


@pytest.mark.parametrize("table", SCOPED)
def test_14_every_row_of_another_school_is_not_there(app, as_, schools, table):
    model = SCOPED[table]
    with rows(app) as session:
        ids = session.scalars(select(model.id).where(model.school_id == schools[0]).limit(12)).all()
    assert ids
    browser = as_("acc2")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/account").text)[1]
    for row in ids:
        assert browser.get(f"/admin/{table}/details/?id={row}").status_code == 404
    edit, delete = (browser.get(f"/admin/{table}/edit/?id={ids[0]}"), browser.post(f"/admin/{table}/delete/", data={"csrf_token": token, "id": ids[0]}))
    assert {edit.status_code, delete.status_code} <= {404, 403}
    if table in ("student", "guardian", "guardian_link", "group", "membership"):
        assert (edit.status_code, delete.status_code) == (404, 404)
