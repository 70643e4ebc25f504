"""Names that are markup stay names on every page (44, 45); no secret reaches the log (93)."""

import html
import io
import logging
import re

import pytest
from conftest import rows
from hands import DEMO, GOOD, sign_in, token
from sqlalchemy import select

from models.activation import ActivationCode, generate, show_code
from models.people import Group, Guardian, GuardianLink, Student
from models.school import Level, School

CANARIES = ["<svg/onload=alert(1)>", '"><img src=x onerror=alert(1)>', "</script><b>x</b>", "{{7*7}}", "l'élève %(name)s %s 100 %"]
RAW = re.compile(r"<svg/onload|<img src=x|</script><b>")

PAGES = (
    "/admin/",
    "/admin/student/",
    "/admin/student/?flt0_status.Is=all&page_size=100",
    "/admin/student/details/?id={student}",
    "/admin/student/details/?id={student}&part=contacts",
    "/admin/student/details/?id={student}&part=codes",
    "/admin/student/details/?id={student}&part=groups",
    "/admin/student/details/?id={student}&part=history",
    "/admin/student/edit/?id={student}",
    "/admin/guardian/?search=alert",
    "/admin/guardian/details/?id={guardian}",
    "/admin/guardian/edit/?id={guardian}",
    "/admin/guardian_link/?search=alert",
    "/admin/group/",
    "/admin/group/details/?id={group}",
    "/admin/level/",
    "/admin/school/details/?id={school}",
    "/admin/activation_code/?search=alert",
    "/admin/journal_event/",
    "/admin/search?q=alert",
    "/admin/student/export/csv/",
)


@pytest.mark.parametrize("canary", CANARIES)
def test_44_a_name_that_is_markup_is_shown_as_it_is_and_never_becomes_markup(app, as_, schools, canary):
    with rows(app) as session:
        level = Level(school_id=schools[0], name=canary, rank=8)
        group = Group(school_id=schools[0], name=canary)
        student = Student(
            school_id=schools[0], family_name=canary, given_name=canary, usage_name=canary, town=canary, email=canary, level=level, groups=[group]
        )
        guardian = Guardian(school_id=schools[0], family_name=canary, given_name=canary, address1=canary, phone=canary)
        session.add_all([student, GuardianLink(school_id=schools[0], student=student, guardian=guardian)])
        session.get(School, schools[0]).address2 = canary
        session.flush()
        generate(session, [student.id], 1, only_missing=False)
        ids = {"student": student.id, "guardian": guardian.id, "group": group.id, "school": schools[0]}
    browser = as_("acc")
    for page in PAGES:
        answer = browser.get(page.format(**ids), buffered=True)
        assert answer.status_code == 200, page
        if "/export/" not in page:
            assert not RAW.search(answer.text), page
        if "details/?id={student}" in page:
            assert canary in html.unescape(answer.text), page
    assert canary.split("=")[0] in answer.text  # the export holds it as data


def test_93_no_password_code_or_token_reaches_the_log(app, client, as_, schools):
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    from views.security import Sentences

    handler.setFormatter(Sentences())
    log = logging.getLogger("scolabri")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        with rows(app) as session:
            student = session.scalar(select(Student.id).where(Student.school_id == schools[0]))
            batch = generate(session, [student], 1, only_missing=False)
            code = session.get(ActivationCode, batch.ids[0]).reveal()
        sign_in(client, "ac")
        sign_in(app.test_client(), "ac", password="a wrong password here")
        stranger = app.test_client()
        stranger.get(f"/parent/register?code={code}")
        fields = {"given_name": "Awa", "family_name": "Sow", "email": "awa.sow@example.org", "password": GOOD, "code": show_code(code)}
        stranger.post("/parent/register", data={**fields, "csrf_token": token(stranger.get("/parent/register").text)})
        app.test_client().get("/reset/a-token-that-is-secret")
        with client.session_transaction() as cookie:
            session_token = cookie["_user_id"]
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    lines = written.getvalue()
    assert "/parent" in lines
    for secret in (DEMO, "a wrong password here", GOOD, code, show_code(code), "a-token-that-is-secret", session_token, app.config["SECRET_KEY"]):
        assert secret not in lines
