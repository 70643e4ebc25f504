"""The guardian's pages over HTTP (story D): registering, children, what stays hidden, details, leaving."""

import re

import pytest
from conftest import counted, rows
from hands import GOOD, sign_in, token, words
from small import add_code
from sqlalchemy import func, select

from models.access import LoginEvent, LoginKind, Throttle, User
from models.activation import ActivationCode, new_codes, show_code
from models.base import fold, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.scope import unscoped

REGISTER = "/parent/register"


def code_for(app, student_id, **given):
    """A code of a student, in clear."""
    code = new_codes(1)[0]
    with rows(app) as session:
        row = add_code(session, session.get(Student, student_id), code=code)
        for name, value in given.items():
            setattr(row, name, value)
    return code


@pytest.fixture
def pupils(app, schools):
    """Two students of the first school and one of the second whom nobody follows, then their schools' names."""
    with rows(app) as session:
        seen = select(GuardianLink.student_id).join(Guardian).where(Guardian.user_id.is_not(None))
        suspended = select(GuardianLink.student_id).where(GuardianLink.status == LinkStatus.suspended)
        free = select(Student.id).where(Student.status == StudentStatus.active, Student.id.not_in(seen), Student.id.not_in(suspended)).order_by(Student.id)
        first = list(session.scalars(free.where(Student.school_id == schools[0]).limit(2)))
        return *first, session.scalar(free.where(Student.school_id == schools[1]))


def enter(browser, code, address="127.0.0.1", **given):
    """Send the registration form."""
    fields = {"given_name": "Hélène", "family_name": "Bénard", "email": "helene@exemple.org", "password": GOOD, **given}
    return browser.post(REGISTER, data={"csrf_token": token(browser.get(REGISTER).text), "code": code, **fields}, environ_overrides={"REMOTE_ADDR": address})


def add(browser, code):
    """Send the form of one more child."""
    return browser.post(REGISTER, data={"csrf_token": token(browser.get(REGISTER).text), "code": code})


def name_of(app, student_id):
    """The student's name as a guardian reads it."""
    with rows(app) as session:
        return session.get(Student, student_id).name


# --- registering -----------------------------------------------------------------------------------------------------------------


def test_d_a_parent_scans_registers_and_sees_the_child(client, app, pupils):
    code = code_for(app, pupils[0])
    page = client.get(f"{REGISTER}?code={code}")
    assert page.status_code == 200
    assert f'value="{show_code(code)}"' in page.text
    assert name_of(app, pupils[0]) not in page.text
    done = enter(client, show_code(code))
    assert done.status_code == 302
    assert done.headers["Location"] == "/parent/"
    home = client.get("/parent/")
    assert name_of(app, pupils[0]) in words(home)
    with rows(app) as session:
        student = session.get(Student, pupils[0])
        shown = (student.homeroom.name, student.school.name, student.school.phone, student.adviser.name)
        private = (student.national_id, student.local_id, student.born_on.strftime("%d/%m/%Y"), student.email, student.address1)
    child = client.get(f"/parent/child/{pupils[0]}")
    for value in shown:
        assert value in words(child), value
    for value in filter(None, private):
        assert value not in child.text, value
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "helene@exemple.org"))
        assert user.email_confirmed_at is None
        assert session.scalar(select(LoginEvent.kind).where(LoginEvent.user_id == user.id)) is LoginKind.signed_in


def test_d_get_only_fills_the_code_in_and_asks_nothing(client, app, pupils):
    code = code_for(app, pupils[0])
    with counted(app) as seen:
        client.get(f"{REGISTER}?code={code}")
    assert not [statement for statement in seen if "activation_code" in statement]
    with rows(app) as session:
        assert session.scalar(select(ActivationCode.used_at).order_by(ActivationCode.id.desc())) is None


def test_d_the_parent_signs_in_again_and_adds_a_child_of_another_school(client, app, pupils):
    enter(client, code_for(app, pupils[0]))
    client.post("/logout", data={"csrf_token": token(client.get("/account").text)})
    assert client.get("/parent/").status_code == 302
    assert sign_in(client, "helene@exemple.org", GOOD).status_code == 302
    page = client.get(REGISTER)
    assert 'name="password"' not in page.text
    assert add(client, code_for(app, pupils[2])).headers["Location"] == "/parent/"
    assert add(client, code_for(app, pupils[1])).status_code == 303
    home = words(client.get("/parent/"))
    assert all(name_of(app, pupil) in home for pupil in pupils)
    with rows(app) as session:
        guardians = session.scalars(select(Guardian).join(User, User.id == Guardian.user_id).where(User.email == "helene@exemple.org")).all()
        assert len({g.school_id for g in guardians}) == len(guardians) == 2


def test_d_each_field_is_needed_and_said_beside_it(client, app, pupils):
    code = code_for(app, pupils[0])
    answer = enter(client, code, given_name="", family_name="", email="", password="")
    assert answer.status_code == 422
    assert answer.text.count("field-error") == 4
    assert code in answer.text
    for wrong in ({"email": "pas une adresse"}, {"password": "court"}, {"password": "motdepasse123"}):
        answer = enter(client, code, **wrong)
        assert (answer.status_code, answer.text.count("field-error")) == (422, 1)
    with rows(app) as session:
        assert session.scalar(select(User.id).where(User.email == "helene@exemple.org")) is None


def test_a_code_for_somebody_the_school_knows_tells_all_the_children_it_brings(client, app, pupils):
    with rows(app) as session:
        school = session.get(Student, pupils[0]).school_id
        session.add(mother := Guardian(school_id=school, family_name="Autre", given_name="Nom"))
        session.flush()
        session.add_all(GuardianLink(school_id=school, student_id=pupil, guardian_id=mother.id, status=LinkStatus.active) for pupil in pupils[:2])
        mother_id = mother.id
    enter(client, code_for(app, pupils[0], guardian_id=mother_id))
    home = words(client.get("/parent/")).split("Mes enfants")[1]
    assert "Vous suivez maintenant" in home
    assert all(name_of(app, pupil) in home.split("Vous suivez maintenant")[1].split(".")[0] for pupil in pupils[:2])


def test_two_records_of_one_school_are_told_apart_by_their_children(client, app, pupils):
    enter(client, code_for(app, pupils[0]))
    with rows(app) as session:
        mine = session.scalar(select(Guardian).join(User, User.id == Guardian.user_id).where(User.email == "helene@exemple.org"))
        session.add(again := Guardian(school_id=mine.school_id, family_name="Bénard", user_id=mine.user_id))
        session.flush()
        session.add(GuardianLink(school_id=mine.school_id, student_id=pupils[1], guardian_id=again.id, status=LinkStatus.active))
        again_id, names = again.id, [session.get(Student, pupil).given_name for pupil in pupils[:2]]
    assert all(f"Pour {name}" in words(client.get("/parent/profile")) for name in names)
    assert f"Pour {names[1]}" in words(client.get(f"/parent/profile/{again_id}"))


def test_d_no_code_no_account(client, app):
    assert enter(client, "").status_code == 422
    with rows(app) as session:
        assert session.scalar(select(User.id).where(User.email == "helene@exemple.org")) is None


def calm(answer):
    """What a person is told beside the code."""
    return re.search(r'data-field="code".*?<p class="error"[^>]*>.*?<span>(.*?)</span>', answer.text, re.S)[1]


def test_33_used_expired_revoked_departed_and_invented_codes_get_one_sentence(app, pupils):
    with rows(app) as session:
        used = session.scalars(select(ActivationCode).where(ActivationCode.used_at.is_not(None))).first()
        assert used.sealed == ""
    over = [
        code_for(app, pupils[0], used_at=utcnow()),
        code_for(app, pupils[0], expires_at=utcnow()),
        code_for(app, pupils[0], revoked_at=utcnow()),
        new_codes(1)[0],
    ]
    with rows(app) as session:
        session.get(Student, pupils[1]).status = StudentStatus.left
    over.append(code_for(app, pupils[1]))
    answers = [enter(app.test_client(), code, address=f"10.2.0.{n}") for n, code in enumerate(over)]
    assert {answer.status_code for answer in answers} == {422}
    assert len({calm(answer) for answer in answers}) == 1
    assert not any(name_of(app, pupil) in answer.text for answer in answers for pupil in pupils)


@pytest.mark.parametrize("typed", ["ABCD-EFGH-JKMM", "0000 0000 0000", "<script>", "trop court", "é" * 12])
def test_35_a_mistyped_code_is_told_and_not_counted(client, app, typed):
    answer = enter(client, typed)
    assert answer.status_code == 422
    assert "Vérifiez les 12 signes" in words(answer)
    with rows(app) as session:
        assert session.scalar(select(func.count(Throttle.id)).where(Throttle.kind.like("code%"))) == 0


def test_34_guessing_is_429_with_retry_after(client, app, pupils):
    for n in range(10):
        assert enter(client, new_codes(1)[0], email=f"essai{n}@exemple.org").status_code == 422
    answer = enter(client, code_for(app, pupils[0]))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 3000
    assert "Trop d’essais" in words(answer) or "essais" in words(answer)


def test_37b_an_e_mail_with_an_account_is_told_only_after_a_valid_code(client, app, pupils):
    enter(app.test_client(), code_for(app, pupils[0]))
    unknown = enter(client, new_codes(1)[0])
    assert "a déjà un compte" not in words(unknown)
    code = code_for(app, pupils[1])
    answer = enter(client, code)
    assert answer.status_code == 409
    assert "a déjà un compte" in words(answer)
    assert 'href="/login?next=/parent/register"' in answer.text
    with rows(app) as session:
        assert session.scalar(select(ActivationCode.used_at).order_by(ActivationCode.id.desc())) is None
    sign_in(client, "helene@exemple.org", GOOD)
    assert add(client, code).status_code == 303


def test_37_the_code_is_in_no_log_no_history_and_no_referrer(client, app, pupils, caplog, capfd):
    code = code_for(app, pupils[0])
    with caplog.at_level("DEBUG"):
        page = client.get(f"{REGISTER}?code={code}")
        done = enter(client, code)
    for answer in (page, done):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
    written = caplog.text + "".join(capfd.readouterr())
    assert code not in written
    with rows(app) as session:
        history = " ".join(str(value) for line in session.scalars(select(JournalEvent)) for value in vars(line).values())
    assert code not in history


def test_26_nothing_but_the_five_fields_is_taken_from_the_form(client, app, pupils):
    enter(client, code_for(app, pupils[0]), username="acc9", role="acc", school_id="2", email_confirmed_at="2026-01-01", is_admin="1")
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "helene@exemple.org"))
        assert (user.username, user.email_confirmed_at, user.memberships) == (None, None, [])
    assert client.get("/admin/").status_code == 403


# --- what a guardian sees ------------------------------------------------------------------------------------------------------------


def test_25_other_children_unlinked_suspended_and_unknown_ones_are_404(client, app, pupils):
    enter(client, code_for(app, pupils[0]))
    mine = f"/parent/child/{pupils[0]}"
    assert client.get(mine).status_code == 200
    unknown = client.get("/parent/child/999999")
    for path in (f"/parent/child/{pupils[1]}", f"/parent/child/{pupils[2]}", f"/parent/child/{pupils[1]}/leave"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert words(answer) == words(unknown)
    for status in (LinkStatus.suspended, LinkStatus.to_check):
        with rows(app) as session:
            link = session.scalar(select(GuardianLink).join(Guardian).join(User).where(User.email == "helene@exemple.org"))
            link.status = status
        assert client.get(mine).status_code == 404
        assert name_of(app, pupils[0]) not in client.get("/parent/").text
    with rows(app) as session:
        session.delete(session.scalar(select(GuardianLink).join(Guardian).join(User).where(User.email == "helene@exemple.org")))
    assert client.get(mine).status_code == 404


def test_a_link_to_check_says_so_without_the_childs_name(client, app, pupils, schools):
    with rows(app) as session:
        father = Guardian(school_id=schools[0], family_name="Bénard", given_name="Paul")
        session.add(father)
        session.flush()
        session.add(GuardianLink(school_id=schools[0], student_id=pupils[0], guardian_id=father.id, status=LinkStatus.suspended))
    enter(client, code_for(app, pupils[0]))
    home = client.get("/parent/")
    assert "1 code est en cours de vérification" in words(home)
    assert name_of(app, pupils[0]) not in words(home)


@pytest.mark.parametrize("path", ["/admin/", "/admin/student/", "/admin/activation_code/", "/student/", "/invigilator/"])
def test_a_guardian_has_no_other_page(as_, path):
    assert as_("parent").get(path).status_code == 403


@pytest.mark.parametrize("who", ["acc", "ac", "ec", "amp", "student", "inspector", "invigilator"])
@pytest.mark.parametrize("path", ["/parent/", "/parent/profile"])
def test_nobody_else_has_the_guardians_pages(as_, who, path):
    assert as_(who).get(path).status_code == 403


@pytest.mark.parametrize("path", ["/parent/", "/parent/child/1", "/parent/profile", "/parent/profile/1"])
def test_a_stranger_is_led_to_the_login_page(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login")


def test_the_demo_parent_sees_a_child_in_each_school(as_, app):
    browser = as_("parent")
    home = browser.get("/parent/")
    children = re.findall(r'href="(/parent/child/\d+)"', home.text)
    assert len(children) == 2
    for child in children:
        assert browser.get(child).status_code == 200
    with counted(app) as seen:
        browser.get("/parent/")
    assert len(seen) <= 10


# --- one's own details, and leaving ----------------------------------------------------------------------------------------------------


@pytest.fixture
def parent(client, app, pupils):
    """A browser of a new parent, with the identifier of their guardian row."""
    enter(client, code_for(app, pupils[0]))
    with rows(app) as session:
        client.guardian_id = session.scalar(select(Guardian.id).join(User).where(User.email == "helene@exemple.org"))
    return client


def save(browser, guardian_id, **given):
    """Send the form of one's details."""
    page = browser.get(f"/parent/profile/{guardian_id}").text
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', page)[1]
    return browser.post(f"/parent/profile/{guardian_id}", data={"csrf_token": token(page), "row_version": mark, **given})


def test_a_parent_keeps_their_own_details_true(parent, app, pupils):
    assert parent.get("/parent/profile").headers["Location"] == f"/parent/profile/{parent.guardian_id}"
    with rows(app) as session:
        other_names = [link.guardian.family_name for link in session.scalars(select(GuardianLink).where(GuardianLink.student_id == pupils[0]))]
    given = {"phone": "06 39 98 12 34", "email": "Nouvelle@exemple.org", "address1": "3 rue du Lac", "postal_code": "99120", "town": "Valmont"}
    assert save(parent, parent.guardian_id, **given).status_code == 303
    with rows(app) as session:
        guardian = session.get(Guardian, parent.guardian_id)
        assert (guardian.phone_e164, guardian.email, guardian.town) == ("+33639981234", "nouvelle@exemple.org", "Valmont")
        key = session.get(Student, pupils[0]).search_key
        assert "+33639981234" in key
        assert all(fold(name) in key for name in other_names)


@pytest.mark.parametrize("wrong", [{"phone": "abc"}, {"email": "pas une adresse"}, {"postal_code": "!"}])
def test_a_wrong_detail_is_told_beside_its_field(parent, app, wrong):
    answer = save(parent, parent.guardian_id, **wrong)
    assert (answer.status_code, answer.text.count("field-error")) == (422, 1)


def test_the_second_of_two_writers_is_told(parent, app):
    page = parent.get(f"/parent/profile/{parent.guardian_id}").text
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', page)[1]
    with rows(app) as session:
        session.get(Guardian, parent.guardian_id).town = "Autreville"
    answer = parent.post(f"/parent/profile/{parent.guardian_id}", data={"csrf_token": token(page), "row_version": mark, "town": "Valmont"})
    assert answer.status_code == 409
    with rows(app) as session:
        assert session.get(Guardian, parent.guardian_id).town == "Autreville"


def test_26_the_details_of_somebody_else_do_not_exist(parent, app):
    with rows(app) as session:
        other = session.scalar(select(Guardian.id).where(Guardian.id != parent.guardian_id))
    assert parent.get(f"/parent/profile/{other}").status_code == 404
    save(parent, parent.guardian_id, user_id="1", school_id="2", family_name="Forgé", town="Valmont")
    with rows(app) as session:
        guardian = session.get(Guardian, parent.guardian_id)
        assert (guardian.family_name, guardian.town) == ("Bénard", "Valmont")


def test_a_parent_stops_following_a_child_after_a_question(parent, app, pupils):
    path = f"/parent/child/{pupils[0]}/leave"
    question = parent.get(path)
    assert name_of(app, pupils[0]) in words(question)
    assert parent.get(f"/parent/child/{pupils[0]}").status_code == 200
    answer = parent.post(path, data={"csrf_token": token(question.text)})
    assert answer.headers["Location"] == "/parent/"
    assert parent.get(f"/parent/child/{pupils[0]}").status_code == 404
    with rows(app) as session:
        link = session.scalar(select(GuardianLink).where(GuardianLink.guardian_id == parent.guardian_id))
        assert (link.status, link.suspended_reason) == (LinkStatus.suspended, "Accès abandonné par le responsable")
        line = session.scalar(select(JournalEvent).where(JournalEvent.verb == "leave"))
        assert (line.table_name, line.row_id, line.school_id) == ("guardian_link", link.id, link.school_id)


def test_a_member_of_staff_who_is_a_parent_adds_their_child_and_has_both_homes(as_, app, pupils):
    browser = as_("ac")
    assert add(browser, code_for(app, pupils[2])).status_code == 303
    assert name_of(app, pupils[2]) in words(browser.get("/parent/"))
    assert browser.get("/admin/").status_code == 200
    assert browser.get(f"/admin/student/details/?id={pupils[2]}").status_code == 404


def test_38_registering_without_the_token_does_nothing(client, app, pupils):
    code = code_for(app, pupils[0])
    answer = client.post(REGISTER, data={"code": code, "given_name": "A", "family_name": "B", "email": "a@exemple.org", "password": GOOD})
    assert answer.status_code == 400
    with app.app_context(), unscoped("nothing was done"):
        assert db.session.scalar(select(User.id).where(User.email == "a@exemple.org")) is None
