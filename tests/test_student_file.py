"""The student's file: the banner on every part, the parts by right, the neighbours of the last search, verbs from inside."""

import html
import re

import pytest
from conftest import rows
from hands import send, words
from sqlalchemy import func, select

from models.access import LoginEvent, LoginKind, Role, User
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.right_override import RightOverride
from models.student_accounts import open_account

PARTS = ("summary", "contacts", "groups", "papers", "sign_ins", "history")


def a_family(app, school):
    """(student, link, guardian name) of a child whose link is active."""
    with rows(app) as session:
        link = session.scalars(select(GuardianLink).where(GuardianLink.school_id == school, GuardianLink.status == LinkStatus.active)).first()
        return link.student_id, link.id, str(link.guardian)


@pytest.mark.parametrize("part", PARTS)
def test_the_banner_stands_on_every_part(as_, app, a_student, part):
    with rows(app) as session:
        row = session.get(Student, a_student)
        facts = [str(row), row.national_id or "—", row.level.name, row.homeroom.name, str(row.adviser), "Actif", "Français"]
    page = as_("acc").get(f"/admin/student/details/?id={a_student}&part={part}")
    assert page.status_code == 200
    banner = words(page).split("Parties du dossier")[0]
    for fact in facts:
        assert fact in banner
    assert re.search(r'<nav class="file-menu".*?aria-current="page"', page.text, re.S)


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("acc", {"summary", "messages", "contacts", "codes", "admissions", "session_records", "groups", "reminders", "papers", "sign_ins", "history"}),
        ("ac", {"summary", "messages", "contacts", "codes", "admissions", "session_records", "groups", "reminders", "papers", "sign_ins", "history"}),
        ("amp", {"summary", "contacts", "codes", "admissions", "session_records", "groups", "reminders", "papers", "sign_ins"}),
        ("registrar", {"summary", "messages", "contacts", "codes", "admissions", "session_records", "groups", "reminders", "papers", "history"}),
        ("head", {"summary", "messages", "contacts", "admissions", "session_records", "groups", "reminders", "papers", "sign_ins", "history"}),
        ("inspector", {"summary", "admissions", "session_records", "groups", "papers"}),
    ],
)
def test_each_role_finds_the_parts_that_their_rights_open(as_, a_student, who, shown):
    browser = as_(who)
    page = browser.get(f"/admin/student/details/?id={a_student}").text
    menu = re.search(r'<nav class="file-menu".*?</nav>', page, re.S)[0]
    assert set(re.findall(r"part=(\w+)", menu)) | {"summary"} == shown
    for part in {*PARTS, "codes"}:
        status = browser.get(f"/admin/student/details/?id={a_student}&part={part}").status_code
        assert status == (200 if part in shown else 403), part
    assert browser.get(f"/admin/student/details/?id={a_student}&part=nothing").status_code == 404


def test_who_does_not_read_guardians_is_told_so_and_never_that_there_are_none(as_, app, schools):
    student = a_family(app, schools[0])[0]
    page = words(as_("inspector").get(f"/admin/student/details/?id={student}"))
    assert "Votre rôle ne lit pas les responsables." in page
    assert "Aucun responsable" not in page
    assert "Votre rôle ne lit pas" not in words(as_("acc").get(f"/admin/student/details/?id={student}"))


def test_a_role_whose_right_was_withdrawn_is_told_nothing_false(as_, app, schools):
    student = a_family(app, schools[0])[0]
    with rows(app) as session:
        session.add(RightOverride(school_id=schools[0], role=Role.amp, table="guardian_link", verb="read", granted=False))
        guardian = session.scalar(select(GuardianLink.guardian_id).where(GuardianLink.student_id == student).limit(1))
    browser = as_("amp")
    page = words(browser.get(f"/admin/student/details/?id={student}"))
    assert "Votre rôle ne lit pas les responsables." in page
    assert "Aucun responsable" not in page
    assert browser.get(f"/admin/student/details/?id={student}&part=contacts").status_code == 403
    assert "Aucun élève" not in words(browser.get(f"/admin/guardian/details/?id={guardian}"))


def test_previous_and_next_walk_through_the_last_search(as_, app, schools):
    with rows(app) as session:
        session.add_all([Student(school_id=schools[0], family_name="Suite", given_name=name) for name in ("Un", "Deux", "Trois")])
    browser = as_("ac")
    listing = "/admin/student/?search=suite"
    first = re.search(r'href="(details/[^"]*)"[^>]*>Suite, Deux', browser.get(listing).text)[1].replace("&amp;", "&")
    page = browser.get(f"/admin/student/{first}").text
    assert "1 sur 3" in page
    assert 'rel="prev"' not in page
    following = re.search(r'rel="next" href="([^"]+)"', page)[1].replace("&amp;", "&")
    page = browser.get(following).text
    assert ("Suite, Trois" in page, "2 sur 3" in page) == (True, True)
    assert 'rel="prev"' in page
    assert browser.get(re.search(r'rel="next" href="([^"]+)"', page)[1].replace("&amp;", "&")).text.count("3 sur 3") == 1


def test_a_file_opened_from_elsewhere_has_no_neighbours(as_, a_student):
    browser = as_("ac")
    assert 'rel="next"' not in browser.get(f"/admin/student/details/?id={a_student}").text
    assert browser.get(f"/admin/student/details/?id={a_student}&url=//evil.example").status_code == 400
    assert 'rel="next"' not in browser.get(f"/admin/student/details/?id={a_student}&url=/admin/student/%3Fsearch%3Dzzzz").text


def test_the_contacts_show_each_guardian_with_the_state_of_the_link(as_, app, schools):
    student, link, name = a_family(app, schools[0])
    with rows(app) as session:
        session.get(GuardianLink, link).suspended_reason = "Jugement secret"
    page = as_("ac").get(f"/admin/student/details/?id={student}&part=contacts")
    assert name in words(page)
    assert "Suspendre" in page.text
    assert "Jugement secret" not in page.text
    assert f"/admin/guardian_link/edit/?id={link}" in page.text
    reader = as_("amp").get(f"/admin/student/details/?id={student}&part=contacts")
    assert name in words(reader)
    assert "Suspendre" not in reader.text
    assert "/admin/guardian_link/edit/" not in reader.text


def test_a_link_is_suspended_from_the_file_and_the_page_comes_back_with_it(as_, app, schools):
    student, link, _name = a_family(app, schools[0])
    here = f"/admin/student/details/?id={student}&part=contacts"
    browser = as_("ac")
    fields = {"action": "suspend", "url": here, "_asked": "1", "reason": "Décision du juge"}
    answer = send(browser, f"/admin/guardian_link/action/?rowid={link}", page=here, **fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, here)
    page = browser.get(here)
    assert "Suspendu" in words(page)
    assert "Réactiver" in page.text


def test_the_files_verbs_are_those_of_the_row_but_the_pointless_one(as_, app, a_student):
    browser = as_("ac")
    page = browser.get(f"/admin/student/details/?id={a_student}").text
    assert 'value="deactivate"' in page
    assert 'value="reactivate"' not in page
    assert 'value="generate_codes"' in page
    here = f"/admin/student/details/?id={a_student}"
    assert send(browser, f"/admin/student/action/?rowid={a_student}", page=here, action="deactivate", url=here).headers["Location"] == here
    page = browser.get(here).text
    assert 'value="reactivate"' in page
    assert 'value="deactivate"' not in page
    with rows(app) as session:
        assert session.get(Student, a_student).status is StudentStatus.left
    assert 'name="action"' not in as_("inspector").get(here).text


@pytest.mark.parametrize(
    ("who", "first", "then"), [("ac", "Créer le compte", "Imprimer la carte d’accès"), ("amp", "", "Imprimer la carte d’accès"), ("head", "", "")]
)
def test_the_summary_opens_the_students_own_account_then_prints_its_card(as_, app, a_student, who, first, then):
    def button():
        part = as_(who).get(f"/admin/student/details/?id={a_student}").text.split('id="own-account"')[1].split("</section>")[0]
        found = re.search(r"<button[^>]*>(.*?)</button>", part, re.S)
        return re.sub(r"<svg.*?</svg>|<[^>]+>", "", found[1]).strip() if found else ""

    with rows(app) as session:
        session.get(Student, a_student).user_id = None
    assert button() == first
    with rows(app) as session:
        open_account(session, session.get(Student, a_student))
    assert button() == then


def test_the_history_part_tells_who_did_what(as_, a_student):
    browser = as_("ac")
    send(browser, "/admin/student/action/", page="/account", action="deactivate", rowid=a_student)
    page = words(browser.get(f"/admin/student/details/?id={a_student}&part=history"))
    assert "désactivation" in page.lower()
    assert "avant : Actif → après : Désactivé" in page


def test_sign_ins_are_those_of_the_students_own_account(as_, app, schools):
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "student"))
        student = session.scalar(select(Student.id).where(Student.user_id == user.id))
        other = session.scalar(select(User.id).where(User.username == "ac"))
        session.add(LoginEvent(user_id=user.id, kind=LoginKind.signed_in, address="203.0.113.7"))
        session.add(LoginEvent(user_id=other, kind=LoginKind.signed_in, address="203.0.113.99"))
    page = words(as_("ac").get(f"/admin/student/details/?id={student}&part=sign_ins"))
    assert "203.0.113.7" in page
    assert "203.0.113.99" not in page


def test_a_student_named_like_markup_is_literal_everywhere(as_, app, schools):
    with rows(app) as session:
        student = Student(school_id=schools[0], family_name="<b>Gras</b>", given_name="x' OR 1=1--", usage_name="[student]")
        guardian = Guardian(school_id=schools[0], family_name="<img src=x>", given_name="%(name)s")
        session.add(GuardianLink(school_id=schools[0], student=student, guardian=guardian))
        session.flush()
        number = student.id
    browser = as_("ac")
    for page in (
        f"/admin/student/details/?id={number}",
        f"/admin/student/details/?id={number}&part=contacts",
        "/admin/student/?search=gras",
        f"/admin/student/edit/?id={number}",
    ):
        text = browser.get(page).text
        assert "&lt;b&gt;Gras&lt;/b&gt;" in text
        assert "<b>Gras" not in text
        assert "<img src=x>" not in text
    assert "[student]" in browser.get(f"/admin/student/details/?id={number}").text


def test_the_class_is_told_to_the_adviser_who_does_not_own_it(as_, app):
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "ec"))
        row = session.scalars(select(Student).where(Student.adviser_id == user, Student.homeroom_id.is_not(None))).first()
        number, room = row.id, row.homeroom.name
    assert room in words(as_("ec").get(f"/admin/student/details/?id={number}"))


def test_a_guardians_page_shows_only_children_who_exist_for_the_person(as_, app):
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "ec"))
        mine = session.scalars(select(Student).where(Student.adviser_id == user)).first()
        other = Student(school_id=mine.school_id, family_name="Invisible", given_name="Frère")
        guardian = Guardian(school_id=mine.school_id, family_name="Commun", given_name="Parent")
        session.add_all(
            [GuardianLink(school_id=mine.school_id, student=mine, guardian=guardian), GuardianLink(school_id=mine.school_id, student=other, guardian=guardian)]
        )
        session.flush()
        number, name = guardian.id, str(mine)
    page = words(as_("ec").get(f"/admin/guardian/details/?id={number}"))
    assert name in page
    assert "Invisible" not in page
    assert "Invisible" not in words(as_("ec").get("/admin/guardian/?search=commun"))
    assert "Invisible" in words(as_("ac").get(f"/admin/guardian/details/?id={number}"))


def test_the_counts_of_the_menu_are_those_of_the_parts(as_, app, schools):
    student, _link, _name = a_family(app, schools[0])
    with rows(app) as session:
        n = session.scalar(select(func.count(GuardianLink.id)).where(GuardianLink.student_id == student))
    assert f"Contacts et responsables {n}" in words(as_("ac").get(f"/admin/student/details/?id={student}"))


def test_whoever_adds_a_student_goes_on_with_the_file_and_back_to_the_list_when_it_is_undone(as_, app):
    browser = as_("registrar2")
    new = {"family_name": "Nouvelle", "given_name": "Zoé", "language": "fr_CA"}
    made = send(browser, "/admin/student/new/?url=/admin/student/?search%3Dz", page="/account", **new)
    with rows(app) as session:
        number = session.scalar(select(Student.id).where(Student.family_name == "Nouvelle"))
    assert made.headers["Location"] == f"/admin/student/details/?id={number}&url=/admin/student/?search%3Dz"
    page = browser.get(made.headers["Location"]).text
    assert "part=admissions" in page
    undo = html.unescape(re.search(r'alert-success.*?href="(/admin/journal_event/undo[^"]+)"', page, re.S)[1])
    assert send(browser, undo, page="/account").headers["Location"] == "/admin/student/?search=z"
    again = send(browser, "/admin/student/new/", page="/account", _add_another="1", **new)
    assert again.headers["Location"].startswith("/admin/student/new/")
