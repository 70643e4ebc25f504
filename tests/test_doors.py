"""Every address and who may open it, typed by hand from the rights document. An address without a line fails (security case 13)."""

import datetime as dt
import re

import pytest
from conftest import rows
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

EVERYBODY = "acc ac ec amp registrar head inspector invigilator parent student"
STAFF = "acc ac ec amp registrar head inspector"

# GET address -> accounts that open it. All others that are signed in get 403; a stranger is led to the login page.
PAGES = {
    "/admin/": STAFF,
    "/admin/search": STAFF,
    "/admin/student/": STAFF,
    "/admin/student/details/?id={student}": STAFF,
    "/admin/student/search/": STAFF,
    "/admin/student/new/": "acc ac registrar",
    "/admin/student/edit/?id={student}": "acc ac ec registrar",
    "/admin/student/export/csv/": "acc ac ec amp registrar head",
    "/admin/issued_paper/": STAFF,
    "/admin/issued_paper/details/?id={issued_paper}": STAFF,
    "/admin/issued_paper/new/": "",
    "/admin/issued_paper/edit/?id={issued_paper}": "",
    "/admin/issued_paper/export/csv/": "acc ac head",
    "/admin/message/": "acc ac ec registrar head",
    "/admin/message/new/": "acc ac ec registrar head",
    "/admin/message/export/csv/": "acc ac",
    "/admin/student/merge/?id={student}": "acc ac",
    "/admin/student/duplicates/": "acc ac",
    "/admin/guardian/merge/?id={guardian}": "acc ac",
    "/admin/guardian/duplicates/": "acc ac",
    "/admin/guardian/": "acc ac ec amp registrar head",
    "/admin/guardian/details/?id={guardian}": "acc ac ec amp registrar head",
    "/admin/guardian/new/": "acc ac",
    "/admin/guardian/edit/?id={guardian}": "acc ac",
    "/admin/guardian/export/csv/": "acc ac",
    "/admin/guardian_link/": "acc ac ec amp registrar head",
    "/admin/guardian_link/details/?id={guardian_link}": "acc ac ec amp registrar head",
    "/admin/guardian_link/new/": "acc ac",
    "/admin/guardian_link/edit/?id={guardian_link}": "acc ac",
    "/admin/guardian_link/export/csv/": "acc ac",
    "/admin/activation_code/": "acc ac ec amp registrar",
    "/admin/activation_code/details/?id={activation_code}": "acc ac ec amp registrar",
    "/admin/activation_code/new/": "",
    "/admin/activation_code/edit/?id={activation_code}": "",
    "/admin/activation_code/export/csv/": "acc ac",
    "/admin/group/": STAFF,
    "/admin/group/details/?id={group}": STAFF,
    "/admin/group/new/": "acc ac ec",
    "/admin/group/edit/?id={group}": "acc ac ec",
    "/admin/group/export/csv/": "acc ac registrar",
    "/admin/user/": "acc ac head",
    "/admin/user/details/?id={user}": "acc ac head",
    "/admin/user/new/": "acc ac head",
    "/admin/user/edit/?id={user}": "acc ac",
    "/admin/user/export/csv/": "",
    "/admin/user/see_as/?id={user}": "acc",
    "/admin/user/see_as/?role=ec": "acc",
    "/admin/membership/": "acc ac head",
    "/admin/membership/details/?id={membership}": "acc ac head",
    "/admin/membership/new/": "acc ac head",
    "/admin/membership/edit/?id={membership}": "acc ac",
    "/admin/membership/export/csv/": "acc",
    "/admin/membership/inspection/": "head",
    "/admin/school/": STAFF,
    "/admin/school/details/?id={school}": STAFF,
    "/admin/school/new/": "",
    "/admin/school/edit/?id={school}": "acc",
    "/admin/school/export/csv/": "",
    "/admin/school/missing/": "acc",
    "/admin/school/logo/": STAFF,
    "/admin/level/": STAFF,
    "/admin/level/details/?id={level}": STAFF,
    "/admin/level/new/": "acc",
    "/admin/level/edit/?id={level}": "acc",
    "/admin/level/export/csv/": "",
    "/admin/programme/": STAFF,
    "/admin/programme/details/?id={programme}": STAFF,
    "/admin/programme/new/": "acc ac registrar",
    "/admin/programme/edit/?id={programme}": "acc ac registrar",
    "/admin/programme/export/csv/": "acc ac registrar",
    **{
        address: who
        for table in ("course", "grid")
        for address, who in {
            f"/admin/{table}/": STAFF,
            f"/admin/{table}/details/?id={{{table}}}": STAFF,
            f"/admin/{table}/new/": "acc ac registrar",
            f"/admin/{table}/edit/?id={{{table}}}": "acc ac registrar",
            f"/admin/{table}/export/csv/": "acc ac registrar",
        }.items()
    },
    "/admin/admission/": STAFF,
    "/admin/admission/details/?id={admission}": STAFF,
    "/admin/admission/new/": "acc ac registrar",
    "/admin/admission/edit/?id={admission}": "acc ac registrar",
    "/admin/admission/export/csv/": "acc ac registrar head",
    "/admin/session_record/": STAFF,
    "/admin/session_record/details/?id={session_record}": STAFF,
    "/admin/session_record/new/": "acc ac registrar",
    "/admin/session_record/edit/?id={session_record}": "acc ac ec registrar",
    "/admin/session_record/export/csv/": "acc ac registrar head",
    "/admin/enrolment/": STAFF,
    "/admin/enrolment/details/?id={enrolment}": STAFF,
    "/admin/enrolment/new/?record={session_record}": "acc ac registrar",
    "/admin/enrolment/edit/?id={enrolment}": "acc ac ec registrar",
    "/admin/enrolment/groups/?course={course}": "acc ac ec amp registrar head",
    "/admin/enrolment/export/csv/": "acc ac registrar head",
    "/admin/enrolment/register_many": "acc ac registrar",
    "/admin/enrolment/results": "acc ac ec registrar",
    "/admin/enrolment/presence": "acc ac ec registrar",
    "/admin/rac_group/": "acc ac ec amp registrar head",
    "/admin/rac_group/details/?id={rac_group}": "acc ac ec amp registrar head",
    "/admin/rac_group/new/": "acc ac registrar",
    "/admin/rac_group/edit/?id={rac_group}": "acc ac registrar",
    "/admin/rac_group/export/csv/": "acc ac registrar",
    "/admin/term/": STAFF,
    "/admin/term/details/?id={term}": STAFF,
    "/admin/term/new/": "acc ac registrar",
    "/admin/term/edit/?id={term}": "acc ac registrar",
    "/admin/term/export/csv/": "",
    "/admin/org_unit/": "acc ac ec amp registrar head",
    "/admin/org_unit/details/?id={org_unit}": "acc ac ec amp registrar head",
    "/admin/org_unit/new/": "acc registrar",
    "/admin/org_unit/edit/?id={org_unit}": "acc registrar",
    "/admin/org_unit/export/csv/": "",
    "/admin/school_year/": STAFF,
    "/admin/school_year/details/?id={school_year}": STAFF,
    "/admin/school_year/new/": "acc",
    "/admin/school_year/edit/?id={school_year}": "acc",
    "/admin/school_year/export/csv/": "",
    "/admin/school_year/change_year/": "acc",
    "/admin/code_value/": "acc ac ec amp registrar head",
    "/admin/code_value/details/?id={code_value}": "acc ac ec amp registrar head",
    "/admin/code_value/new/": "acc registrar",
    "/admin/code_value/edit/?id={code_value}": "acc registrar",
    "/admin/code_value/export/csv/": "",
    "/admin/import_/": "acc ac registrar head",
    "/admin/import_/new/": "acc ac registrar",
    "/admin/import_/edit/?id=1": "",
    "/admin/import_/model/": "acc ac registrar",
    "/admin/import_/export/csv/": "acc ac",
    "/admin/transfer/": "acc ac head",
    "/admin/transfer/new/": "acc",
    "/admin/transfer/settings/": "acc",
    "/admin/transfer/without_identifier/": "acc ac head",
    "/admin/transfer/help/": "acc ac head",
    "/admin/transfer/edit/?id=1": "",
    "/admin/transfer/export/csv/": "acc",
    "/admin/label/": "acc ac",
    "/admin/label/new/": "acc",
    "/admin/label/packs/": "acc",
    "/admin/label/masks/": "acc ac",
    "/admin/label/languages/": "acc",
    "/admin/label/languages/file/": "acc",
    "/admin/label/export_pack/": "acc",
    "/admin/custom_field/": "acc ac registrar head",
    "/admin/custom_field/details/?id={custom_field}": "acc ac registrar head",
    "/admin/custom_field/new/": "acc registrar",
    "/admin/custom_field/edit/?id={custom_field}": "acc registrar",
    "/admin/custom_field/export/csv/": "",
    "/admin/letter/": "acc ac head",
    "/admin/letter/details/?id={letter}": "acc ac head",
    "/admin/letter/new/": "",
    "/admin/letter/edit/?language=fr": "acc ac",
    "/admin/letter/export/csv/": "",
    "/admin/access_data/": "acc ac ec amp registrar head",
    "/admin/access_data/details/?id={access_data}": "acc ac ec amp registrar head",
    "/admin/access_data/new/": "",
    "/admin/access_data/edit/?id=2": "",
    "/admin/access_data/export/csv/": "acc ac",
    "/admin/activation_code/create/": "acc ac ec amp",
    "/admin/activation_code/print/": "acc ac ec amp registrar",
    "/admin/noun/": "acc ac",
    "/admin/noun/details/?id={noun}": "acc ac",
    "/admin/noun/new/": "",
    "/admin/noun/edit/?id={noun}": "acc",
    "/admin/noun/export/csv/": "",
    "/admin/right/": "acc ac head",
    "/admin/right/?table=student": "acc ac head",
    "/admin/right/presets/": "acc ac head",
    "/admin/right/preset/?name=office": "acc",
    "/admin/right/why/": "acc ac head",
    "/admin/right/new/": "",
    "/admin/right/edit/?id=1": "",
    "/admin/right/export/csv/": "",
    "/admin/setting/": "acc ac head",
    "/admin/setting/new/": "",
    "/admin/setting/edit/?id=1": "",
    "/admin/setting/export/csv/": "",
    "/admin/invitation/": "acc ac ec amp",
    "/admin/invitation/details/?id={invitation}": "acc ac ec amp",
    "/admin/invitation/new/": "",
    "/admin/invitation/edit/?id={invitation}": "",
    "/admin/invitation/export/csv/": "",
    "/admin/job/": "acc ac ec amp registrar head",
    "/admin/job/new/": "",
    "/admin/job/edit/?id=1": "",
    "/admin/job/export/csv/": "",
    "/admin/reminder/": "acc ac ec amp registrar head",
    "/admin/reminder/new/": "acc ac ec amp registrar head",
    "/admin/reminder/export/csv/": "",
    "/admin/outgoing_mail/": "acc ac ec registrar head",
    "/admin/outgoing_mail/new/": "",
    "/admin/outgoing_mail/edit/?id=1": "",
    "/admin/outgoing_mail/export/csv/": "acc",
    "/admin/outgoing_mail/test/": "acc",
    "/admin/journal_event/": "acc ac head",
    "/admin/journal_event/details/?id={journal_event}": "acc ac head",
    "/admin/journal_event/new/": "",
    "/admin/journal_event/edit/?id={journal_event}": "",
    "/admin/journal_event/export/csv/": "acc head",
    "/admin/journal_event/trash": "acc ac ec registrar",
    "/admin/login_event/": "acc ac ec amp head",
    "/admin/login_event/new/": "",
    "/admin/login_event/edit/?id=1": "",
    "/admin/login_event/export/csv/": "acc",
    "/parent/": "parent",
    "/parent/profile": "parent",
    "/parent/messages": "parent",
    "/student/messages": "student",
    "/student/": "student",
    "/student/profile": "student",
    "/invigilator/": "invigilator",
    "/account": EVERYBODY,
}

# POST address, fields -> accounts whose question or act is accepted; all others 403.
VERBS = {
    ("/admin/student/action/", "generate_codes", "student"): "acc ac ec amp",
    ("/admin/student/action/", "create_account", "student"): "acc ac",
    ("/admin/student/action/", "print_access_cards", "student"): "acc ac ec amp registrar",
    ("/admin/student/action/", "add_to_group", "student"): "acc ac ec registrar",
    ("/admin/student/action/", "deactivate", "student"): "acc ac",
    ("/admin/student/action/", "merge", "student"): "acc ac",
    ("/admin/student/action/", "promote", "student"): "acc",
    ("/admin/student/action/", "transfer", "student"): "acc",
    ("/admin/guardian/action/", "merge", "guardian"): "acc ac",
    ("/admin/student/action/", "send_message", "student"): "acc ac ec registrar",
    ("/admin/student/action/", "print_class_list", "student"): "acc ac ec amp head",
    ("/admin/student/action/", "print_labels", "student"): "acc ac ec amp head",
    ("/admin/student/action/", "print_certificate", "student"): "acc ac ec amp head",
    ("/admin/issued_paper/action/", "print_again", "issued_paper"): "acc ac ec amp registrar head",
    ("/admin/issued_paper/delete/", "", "issued_paper"): "",
    ("/admin/guardian_link/action/", "suspend", "guardian_link"): "acc ac",
    ("/admin/activation_code/action/", "revoke", "activation_code"): "acc ac ec",
    ("/admin/invitation/action/", "revoke", "invitation"): "acc ac ec",
    ("/admin/activation_code/action/", "print_letters", "activation_code"): "acc ac ec amp registrar",
    ("/admin/access_data/action/", "generate_codes", "access_data"): "acc ac ec amp",
    ("/admin/access_data/action/", "print_letters", "access_data"): "acc ac ec amp registrar",
    ("/admin/access_data/action/", "print_reset_letter", "access_data"): "acc ac",
    ("/admin/letter/action/", "reset", "letter"): "acc ac",
    ("/admin/user/action/", "disable", "user"): "acc ac",
    ("/admin/user/action/", "end_sessions", "user"): "acc ac",
    ("/admin/user/action/", "remove_two_factor", "user"): "acc ac",
    ("/admin/guardian/action/", "remove_two_factor", "guardian"): "acc ac",
    ("/admin/student/action/", "remove_two_factor", "student"): "acc ac",
    ("/admin/user/action/", "see_as", "user"): "acc",
    ("/admin/custom_field/action/", "retire", "custom_field"): "acc registrar",
    ("/admin/custom_field/delete/", "", "custom_field"): "",
    ("/admin/student/delete/", "", "student"): "acc ac",
    ("/admin/guardian/delete/", "", "guardian"): "acc ac",
    ("/admin/level/delete/", "", "level"): "",
    ("/admin/level/action/", "retire", "level"): "acc",
    ("/admin/programme/delete/", "", "programme"): "acc registrar",
    ("/admin/programme/action/", "retire", "programme"): "acc ac registrar",
    ("/admin/course/delete/", "", "course"): "acc registrar",
    ("/admin/course/action/", "retire", "course"): "acc ac registrar",
    ("/admin/grid/delete/", "", "grid"): "acc registrar",
    ("/admin/grid/action/", "retire", "grid"): "acc ac registrar",
    ("/admin/admission/delete/", "", "admission"): "acc ac registrar",
    ("/admin/admission/action/", "suspend", "admission"): "acc ac registrar",
    ("/admin/admission/action/", "sanction", "admission"): "acc ac registrar",
    ("/admin/admission/action/", "create_session_record", "admission"): "acc ac registrar",
    ("/admin/session_record/delete/", "", "session_record"): "acc ac registrar",
    ("/admin/session_record/action/", "copy", "session_record"): "acc ac ec registrar",
    ("/admin/session_record/action/", "sanction", "session_record"): "acc ac registrar",
    **{("/admin/session_record/action/", verb, "session_record"): "acc ac registrar" for verb in ("print_confirmation", "print_record_sheet")},
    ("/admin/enrolment/delete/", "", "enrolment"): "acc ac registrar",
    ("/admin/enrolment/action/", "confirm_presence", "enrolment"): "acc ac ec registrar",
    ("/admin/student/action/", "register_many", "student"): "acc ac registrar",
    ("/admin/session_record/action/", "copy_last_term", "session_record"): "acc ac registrar",
    **{
        ("/admin/enrolment/action/", verb, "enrolment"): "acc ac registrar"
        for verb in ("copy", "correct_census", "override", "inherit", "set_transmission", "print_group_list")
    },
    ("/admin/rac_group/delete/", "", "rac_group"): "acc ac registrar",
    ("/admin/term/delete/", "", "term"): "acc registrar",
    ("/admin/org_unit/delete/", "", "org_unit"): "acc registrar",
    ("/admin/school_year/delete/", "", "school_year"): "",
    ("/admin/code_value/delete/", "", "code_value"): "",
    ("/admin/code_value/action/", "retire", "code_value"): "acc registrar",
    ("/admin/school/delete/", "", "school"): "",
    ("/admin/school/action/", "upload_logo", "school"): "acc",
    ("/admin/school/action/", "upload_stamp", "school"): "acc",
    ("/admin/school/action/", "remove_logo", "school"): "acc",
    ("/admin/school/action/", "remove_stamp", "school"): "acc",
    ("/admin/school/action/", "print_sample", "school"): "acc",
    ("/admin/user/delete/", "", "user"): "",
    ("/admin/journal_event/delete/", "", "journal_event"): "",
    ("/admin/activation_code/delete/", "", "activation_code"): "",
}

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
