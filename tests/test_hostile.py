"""Odd values at every door: what no browser sends is refused calmly, and leaves nothing behind."""

import gc
import re

import pytest
from conftest import rows
from hands import GOOD, form_of, send, words
from small import add_code
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import User
from models.activation import show_code
from models.labels import LabelOverride
from models.people import Guardian, GuardianLink, Student
from models.school import School
from models.work import OutgoingMail

NUMBERS = ["²", "1²", "9" * 30, "-1", "1.0", "1,2", "x"]


@pytest.mark.parametrize("number", NUMBERS)
def test_29_a_number_that_is_none_is_refused_at_every_door(as_, schools, number):
    """Also signs that Python calls digits and does not read as a number."""
    browser = as_("ac")
    assert send(browser, "/admin/student/delete/", page="/account", id=number).status_code == 400
    assert send(browser, "/admin/group/remove/", page="/account", id=1, student=number).status_code in (400, 404)
    assert send(browser, "/admin/import_/correct/?id=1", page="/account", row=number).status_code == 400
    assert send(browser, "/account/school", page="/account", school=number).status_code in (400, 404)
    assert browser.get("/admin/guardian_link/new/", query_string={"student": number, "guardian": number}).status_code == 200
    answer = send(browser, "/admin/student/new/", page="/account", family_name="Morel", given_name="Zoé", language="fr", homeroom=number)
    assert answer.status_code == 422
    assert "introuvable" in words(answer)


def test_29_a_sign_without_meaning_is_refused_in_every_value_of_a_field(as_):
    answer = send(as_("ac"), "/admin/group/new/", page="/account", name="Essai", category="other", shared_with=["1", "\x00"])
    assert answer.status_code == 400


LONG = " ".join(f"a{n}" for n in range(1500))


@pytest.mark.parametrize("table", ["student", "guardian", "guardian_link", "activation_code", "group", "user", "login_event", "outgoing_mail", "journal_event"])
def test_29_a_search_that_nobody_types_is_no_fault(as_, table):
    """The databases have limits: so many clauses, so long a pattern."""
    browser = as_("acc")
    for text in (LONG, "a" * 60_000, "*a" * 2_000):
        assert browser.get(f"/admin/{table}/", query_string={"search": text}).status_code == 200


def test_29_nor_is_a_look_up_or_a_heap_of_filters(as_):
    browser = as_("acc")
    for name in ("student", "guardian"):
        assert browser.get("/admin/guardian_link/ajax/lookup/", query_string={"name": name, "query": LONG}).json == []
    filters = "&".join(f"flt{n}_town.Contains=a" for n in range(999))
    assert browser.get(f"/admin/guardian/?{filters}").status_code == 200
    assert browser.get("/admin/guardian/", query_string={"flt0_town.Contains": "a" * 60_000}).status_code == 200
    for by in ("name", "identifier", "guardian"):
        assert browser.get("/admin/student/", query_string={"search": "a" * 60_000, "by": by}).status_code == 200


def test_an_export_gives_its_connection_back(as_, app):
    """Without waiting for the collector of rubbish: fifteen exports would have stopped the site."""
    browser = as_("acc")
    gc.collect()
    gc.disable()
    try:
        answer = browser.get("/admin/student/export/csv/")
        assert answer.data
        answer.close()
        still_open = [found for found in gc.get_objects() if isinstance(found, Session) and found.in_transaction()]
    finally:
        gc.enable()
    assert still_open == []


HIDDEN = "Zo\u202eé\x00 \u200bAnne"


def test_signs_that_nobody_sees_are_in_no_name(client, app, as_, a_student):
    """They would turn the rest of a line around, or stop every mail to the person."""
    with rows(app) as session:
        code = add_code(session, session.get(Student, a_student)).reveal()
    fields = {"given_name": HIDDEN, "family_name": "\u2066Morel\r\n", "email": "zoe@example.org", "password": GOOD, "code": show_code(code)}
    assert send(client, "/parent/register", page="/parent/register", **fields).status_code == 302
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "zoe@example.org"))
        assert (user.given_name, user.family_name) == ("Zoé Anne", "Morel")
        assert all(sign.isprintable() for guardian in session.scalars(select(Guardian).where(Guardian.user_id == user.id)) for sign in str(guardian))
    changed = send(client, "/account", page="/account", part="password", current=GOOD, password=GOOD + " et deux", again=GOOD + " et deux")
    assert changed.status_code == 302
    fields = {"family_name": "Abc\u202edef", "given_name": "\u200bLéa", "language": "fr", "town": "\u2067Lyon"}
    assert send(as_("ac"), "/admin/student/new/", page="/account", **fields).status_code == 302
    with rows(app) as session:
        assert session.scalar(select(Student.town).where(Student.family_name == "Abcdef", Student.given_name == "Léa")) == "Lyon"


def test_78_a_line_break_never_reaches_a_header(client, app, as_, schools):
    """Neither by a text of the school's own, which names files and mails, nor by a field of one line."""
    with rows(app) as session:
        for msgid in ("Activation codes", "Your password was changed", "Choose a new password"):
            session.add(LabelOverride(school_id=None, language="fr", msgid=msgid, text=f"Deux\n  lignes\u2028{msgid}\n"))
    browser = as_("acc")
    export = browser.get("/admin/activation_code/export/xlsx/", buffered=True)
    assert export.status_code == 200
    assert "Deux lignes Activation codes" in export.headers["Content-Disposition"]
    known = send(client, "/forgot", page="/forgot", username="acc")
    unknown = send(client, "/forgot", page="/forgot", username="personne")
    assert known.status_code == unknown.status_code == 200
    with rows(app) as session:
        assert session.scalar(select(OutgoingMail.subject).order_by(OutgoingMail.id.desc())) == "Deux lignes Choose a new password"
    fields = form_of(browser, f"/admin/school/edit/?id={schools[0]}")
    fields["name"] = "Collège\r\nBcc: x@example.org"
    assert send(browser, f"/admin/school/edit/?id={schools[0]}", page="/account", **fields).status_code == 302
    with rows(app) as session:
        assert session.get(School, schools[0]).name == "Collège Bcc: x@example.org"


def test_who_does_not_read_guardians_does_not_find_students_by_them(as_, app, schools):
    """The inspector reads students, not guardians: no search tells whose phone leads to which child."""
    with rows(app) as session:
        theirs = select(Guardian).join(GuardianLink).where(Guardian.school_id == schools[0], Guardian.phone_e164 != "")
        phone = session.scalar(theirs.limit(1)).phone_e164
        student = session.scalar(select(Student).where(Student.school_id == schools[0]).order_by(Student.id))
        name, number = student.family_name, student.national_id
    for who, found in (("ac", True), ("inspector", False)):
        browser = as_(who)
        for query in ({"search": phone}, {"search": phone, "by": "guardian"}):
            page = browser.get("/admin/student/", query_string=query).text
            assert bool(re.search(r'name="rowid"|student/details/\?', page)) is found, (who, query)
        assert ('value="guardian"' in browser.get("/admin/student/").text) is found
        for text in (name, number, name.upper()):
            assert name in browser.get("/admin/student/", query_string={"search": text}).text


def test_a_guardian_is_nobodys_to_sign_out_from_the_screen_of_users(as_, app):
    with rows(app) as session:
        parent = session.scalar(select(User.id).where(User.username == "parent"))
    assert send(as_("ac"), "/admin/user/action/", page="/account", action="end_sessions", rowid=parent, _asked="1").status_code == 404
