"""The pages of students: a card becomes a password, a home, one's own contact data; and the verbs of staff around them."""

import re

import pytest
from conftest import rows
from hands import DEMO, do, form_of, send, sign_in, words
from sqlalchemy import select

from models import keys
from models.access import User
from models.activation import ActivationCode, CodePurpose, show_code, usable_clause
from models.journal import JournalEvent
from models.people import Guardian, Student, StudentStatus
from models.work import Job, JobKind

pytestmark = pytest.mark.usefixtures("cheap_hashes")
NEW = "quatre bateaux rouges demain"


@pytest.fixture
def pupil(app, schools):
    """An active student of the first school without an account, whom its teacher does not need to follow."""
    with rows(app) as session:
        return session.scalar(select(Student.id).where(Student.school_id == schools[0], Student.user_id.is_(None)).order_by(Student.id))


def cards_of(app, student_id):
    """The unused codes of a student's cards, in clear."""
    with rows(app) as session:
        usable = (ActivationCode.purpose == CodePurpose.student, ActivationCode.sealed != "", ActivationCode.student_id == student_id)
        return [keys.unseal("activation", row.sealed) for row in session.scalars(select(ActivationCode).where(*usable))]


def choose(browser, code, password=NEW, again=None, **more):
    """Both steps of the page, with the token of the first."""
    page = send(browser, "/student/activate", page="/student/activate", code=code)
    if page.status_code != 200:
        return page
    return send(browser, "/student/activate", page="/student/activate", code=code, password=password, again=again or password, **more)


def test_from_the_list_to_the_students_home(as_, app, client, pupil):
    """The story: an administrator prints a card, the student chooses a password with it, lands at home, signs in again later."""
    ac = as_("ac")
    question = words(send(ac, "/admin/student/action/", page="/account", action="print_access_cards", rowid=pupil))
    assert "1 n’a pas encore de compte" in question
    answer = do(ac, "student", "print_access_cards", pupil, only_unused="1")
    assert answer.status_code == 303
    assert "/admin/job/details/" in answer.headers["Location"]
    (code,) = cards_of(app, pupil)
    with rows(app) as session:
        student = session.get_one(Student, pupil)
        name, given = session.get_one(User, student.user_id).username, student.given_name
        assert session.scalar(select(Job.kind).order_by(Job.id.desc())) is JobKind.print_access_cards
    shown = client.get(f"/student/activate?code={code}")
    assert show_code(code) in shown.text
    assert (shown.headers["Referrer-Policy"], shown.headers["Cache-Control"]) == ("no-referrer", "no-store")
    second = send(client, "/student/activate", page="/student/activate", code=code)
    assert name in words(second)
    assert choose(client, code, "court").status_code == 422
    differing = choose(client, code, NEW, again="quatre bateaux rouges hier")
    assert (differing.status_code, name in words(differing)) == (422, True)
    landed = choose(client, code)
    assert (landed.status_code, landed.headers["Location"]) == (302, "/student/")
    home = words(client.get("/student/"))
    assert f"Bonjour {given}" in home
    assert "Votre mot de passe est enregistré" in home
    assert client.get("/admin/").status_code == 403
    later = sign_in(app.test_client(), name, NEW)
    assert later.status_code == 302
    assert choose(app.test_client(), code).status_code == 422


def test_get_looks_nothing_up_and_a_guardians_code_gets_the_calm_sentence(as_, app, client):
    with rows(app) as session:
        sealed = session.scalar(select(ActivationCode.sealed).where(usable_clause()))
    answer = send(client, "/student/activate", page="/student/activate", code=keys.unseal("activation", sealed))
    assert answer.status_code == 422
    assert "Ce code n’ouvre rien" in words(answer)
    slip = send(client, "/student/activate", page="/student/activate", code="7KQ4-M2WX-H9DA")
    assert (slip.status_code, "Ce code n’ouvre rien" in words(slip)) == (422, False)


def test_who_signs_in_is_told_of_a_card_that_was_printed_since(as_, app, client, schools):
    with rows(app) as session:
        mine = session.scalar(select(Student.id).join(User, User.id == Student.user_id).where(User.username == "student"))
    assert do(as_("ec2"), "student", "print_access_cards", mine, only_unused="0").status_code == 404
    assert do(as_("ac"), "student", "print_access_cards", mine, only_unused="0").status_code == 303
    sign_in(client, "student", DEMO)
    assert "Une carte d’accès à votre compte a été imprimée" in words(client.get("/student/"))


def test_the_home_says_whom_to_reach_and_asks_few_questions(as_, app, schools):
    page = words(as_("student").get("/student/"))
    for text in ("Collège des Tilleuls", "01 99 00 12 00", "secretariat@tilleuls.example.org"):
        assert text in page
    shown = as_("student").get("/student/").text
    assert all(address in shown for address in ("/student/school/", "/student/messages", "/student/profile"))


def profile(browser, **given):
    """Send the form of one's contact data as it is shown, but for what is given."""
    page = browser.get("/student/profile").text
    fields = {name: re.search(rf'<input[^>]*name="{name}"[^>]*>', page)[0] for name in ("email", "phone", "address1", "address2", "postal_code", "town")}
    shown = {name: (re.search(r'value="([^"]*)"', tag) or ["", ""])[1] for name, tag in fields.items()}
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', page)[1]
    return send(browser, "/student/profile", page="/student/profile", **{**shown, "row_version": mark, **given})


def test_a_student_changes_their_contact_data_and_nothing_else(as_, app):
    browser = as_("student")
    with rows(app) as session:
        student = session.scalar(select(Student).join(User, User.id == Student.user_id).where(User.username == "student"))
        before, number = (student.family_name, student.status, student.school_id), student.id
    answer = profile(browser, phone="06 39 98 00 01", town="Chênebourg", family_name="Autre", status="left", school_id="2", adviser_id="1")
    assert answer.status_code == 303
    with rows(app) as session:
        student = session.get_one(Student, number)
        assert (student.phone, student.town) == ("06 39 98 00 01", "Chênebourg")
        assert (student.family_name, student.status, student.school_id) == before
        line = session.scalar(select(JournalEvent).where(JournalEvent.table_name == "student", JournalEvent.row_id == number).order_by(JournalEvent.id.desc()))
        assert (line.verb, line.roles) == ("edited", "student")
    wrong = profile(browser, postal_code="12")
    assert wrong.status_code == 422
    assert "postal" in words(wrong)


def test_a_change_by_the_school_meanwhile_is_told(as_, app):
    browser = as_("student")
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', browser.get("/student/profile").text)[1]
    with rows(app) as session:
        session.scalar(select(Student).join(User, User.id == Student.user_id).where(User.username == "student")).town = "Ailleurs"
    assert profile(browser, row_version=mark, town="Chênebourg").status_code == 409


def test_who_is_deactivated_is_signed_out_and_comes_back_when_reactivated(as_, app, client):
    browser = as_("student")
    with rows(app) as session:
        mine = session.scalar(select(Student.id).join(User, User.id == Student.user_id).where(User.username == "student"))
    do(as_("ac"), "student", "deactivate", mine)
    assert browser.get("/student/").headers["Location"].startswith("/login")
    assert sign_in(client, "student", DEMO).status_code == 403
    do(as_("ac"), "student", "reactivate", mine)
    assert browser.get("/student/").status_code == 302
    assert sign_in(client, "student", DEMO).status_code == 302


def test_accounts_are_opened_for_all_that_match_and_found_by_the_filter(as_, app, schools):
    ac = as_("ac")
    page = send(ac, "/admin/student/action/?flt0_account.OwnAccountIs=none", page="/account", action="create_account", all="1")
    n = int(re.search(r'class="big-count"><b>(\d+)', page.text)[1])
    done = send(ac, "/admin/student/action/?flt0_account.OwnAccountIs=none", page="/account", action="create_account", all="1", _asked="1")
    assert done.status_code == 303
    with rows(app) as session:
        clauses = (Student.school_id == schools[0], Student.status == StudentStatus.active)
        assert session.scalar(select(Student.id).where(*clauses, Student.user_id.is_(None))) is None
    found = words(ac.get("/admin/student/?flt0_account.OwnAccountIs=unused&cols=name,account"))
    assert f"{n} élèves" in found
    assert "Compte jamais utilisé" in found


@pytest.mark.parametrize("table", ["student", "guardian"])
def test_a_postal_code_that_is_none_is_told_beside_its_field(as_, app, schools, table):
    with rows(app) as session:
        model = Student if table == "student" else Guardian
        number = session.scalar(select(model.id).where(model.school_id == schools[0]).order_by(model.id))
    browser = as_("ac")
    path = f"/admin/{table}/edit/?id={number}"
    answer = send(browser, path, page=path, **{**form_of(browser, path), "postal_code": "123"})
    assert answer.status_code == 422
    assert "Ce n’est pas un code postal" in words(answer)
