"""The front door over HTTP: signing in and out, homes, choices, devices. Numbers are the security cases."""

import re
import statistics
import time

import pytest
from conftest import rows
from hands import DEMO, GOOD, send, sign_in, token, words
from sqlalchemy import select

from models import passwords, sessions
from models.access import LoginEvent, LoginKind, Membership, Role, User, WebSession
from models.people import Guardian, Student

pytestmark = pytest.mark.usefixtures("cheap_hashes")

HOMES = {
    **dict.fromkeys(("acc", "ac", "ec", "amp", "registrar", "head", "inspector", "acc2", "registrar2"), "/admin/"),
    "parent": "/parent/",
    "student": "/student/",
    "invigilator": "/invigilator/",
}


@pytest.mark.parametrize(("username", "home"), HOMES.items())
def test_each_demo_account_signs_in_and_lands_on_its_own_home(client, username, home):
    assert sign_in(client, username).headers["Location"] == "/"
    assert client.get("/").headers["Location"] == home


def test_a_name_is_typed_in_any_case_or_as_an_email(client, app):
    with rows(app) as session:
        email = session.scalar(select(User.email).where(User.username == "ac"))
    assert sign_in(client, "  Ac ").status_code == 302
    assert sign_in(app.test_client(), email.upper()).status_code == 302


def test_a_stranger_is_led_to_the_login_page_and_back(client):
    answer = client.get("/admin/user/?search=ab")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/admin/user/?search%3Dab"
    page = client.get(answer.headers["Location"])
    target = re.search(r'name="next"[^>]*value="([^"]*)"', page.text)[1]
    assert sign_in(client, "acc", next=target).headers["Location"] == "/admin/user/?search=ab"


@pytest.mark.parametrize("path", ["/", "/account", "/admin/", "/admin/user/", "/student/", "/invigilator/", "/parent/", "/resume"])
def test_a_stranger_gets_the_login_page_everywhere(client, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("username", ["acc", "parent", "student", "invigilator"])
@pytest.mark.parametrize("path", ["/student/", "/invigilator/", "/admin/user/"])
def test_a_portal_opens_to_its_own_people_only(as_, username, path):
    allowed = {"acc": "/admin/user/", "student": "/student/", "invigilator": "/invigilator/"}.get(username) == path
    assert as_(username).get(path).status_code == (200 if allowed else 403)


def test_bare_homes_say_what_will_stand_there(as_):
    assert "liste de candidats" in words(as_("invigilator").get("/invigilator/"))


# --- 3 and 4: known against unknown ---------------------------------------------------------------------------------------------


def test_03_known_and_unknown_names_get_identical_answers(app):
    pages = []
    for username in ("acc", "nobody-at-all"):
        answer = sign_in(app.test_client(), username, "not the password of anybody", address="10.0.0.1")
        body = re.sub(r'(nonce|value)="[^"]*"', "", answer.text)
        headers = {k: v for k, v in answer.headers.items() if k not in ("Set-Cookie", "Content-Security-Policy", "Content-Length")}
        pages.append((answer.status_code, body, headers))
    assert pages[0] == pages[1]


@pytest.mark.slow
def test_04_known_and_unknown_names_take_the_same_time(app):
    passwords.configure(time_cost=2, memory_cost=19456)
    browser = app.test_client()
    page = token(browser.get("/login").text)
    taken = {"acc": [], "nobody": []}
    for n in range(30):
        for place, name in enumerate(taken):
            start = time.process_time()  # the work done here, whatever else the machine does
            fields = {"csrf_token": page, "username": name, "password": "wrong wrong wrong"}
            browser.post("/login", data=fields, environ_overrides={"REMOTE_ADDR": f"10.1.{place}.{n}"})
            taken[name].append(time.process_time() - start)
    assert abs(statistics.median(taken["acc"]) - statistics.median(taken["nobody"])) < 0.02


def test_04_an_unknown_name_costs_a_hash_too(app, monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "verify", lambda stored, _typed: asked.append(stored) or False)
    sign_in(app.test_client(), "nobody", address="10.0.0.1")
    sign_in(app.test_client(), "acc", address="10.0.0.1")
    assert asked[0] == ""
    assert asked[1].startswith("$argon2id$")


def test_a_language_is_chosen_for_the_account_and_the_browser(as_, app, client):
    browser = as_("ec")
    assert send(browser, "/language", page="/account", language="en", next="/account").headers["Location"] == "/account"
    assert "Change my password" in words(browser.get("/account"))
    with rows(app) as session:
        assert session.scalar(select(User.language).where(User.username == "ec")) == "en"
    send(client, "/language", language="en")
    assert "User name or e-mail" in words(client.get("/login"))
    assert send(client, "/language", language="xx").status_code == 422


def test_colours_are_chosen_for_the_browser(client):
    send(client, "/theme", theme="dark")
    assert 'data-theme="dark"' in client.get("/login").text
    send(client, "/theme", theme="")
    assert "data-theme" not in client.get("/login").text
    assert send(client, "/theme", theme="<script>").status_code == 422


def test_who_works_in_two_schools_chooses_where(as_, app, schools):
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == "ac"))
        session.add(Membership(user_id=user_id, school_id=schools[1], role=Role.amp))
    browser = as_("ac")
    assert browser.get("/admin/user/").status_code == 200
    assert send(browser, "/account/school", page="/account", school=str(schools[1])).status_code == 302
    assert browser.get("/admin/user/").status_code == 403, "in the second school the role is another"
    assert send(browser, "/account/school", page="/account", school="999999").status_code == 404
    assert send(browser, "/account/school", page="/account", school="x").status_code == 400


def test_who_is_staff_and_guardian_chooses_by_the_address(as_, app, schools):
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == "ec"))
        session.add(Guardian(school_id=schools[0], family_name="Martin", given_name="Ève", user_id=user_id))
    browser = as_("ec")
    with app.app_context(), browser.session_transaction() as cookie:
        staff, parent = sessions.load(cookie["_user_id"], ""), sessions.load(cookie["_user_id"], "guardian")
    assert (staff.portal, staff.roles) == (None, {"ec"})
    assert (parent.portal, parent.roles, parent.scope.school_id) == ("guardian", {"guardian"}, None)


def test_a_student_who_left_finds_the_door_closed(as_, app):
    browser = as_("student")
    assert browser.get("/student/").status_code == 200
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == "student"))
        for student in session.scalars(select(Student).where(Student.user_id == user_id)):
            student.deactivate(student.born_on)
        for held in session.scalars(select(Membership).where(Membership.user_id == user_id)):
            held.active = False
    assert browser.get("/student/").headers["Location"].startswith("/login")


def test_sign_ins_refusals_and_sign_outs_are_written_down(client, app):
    sign_in(client, "acc", "wrong")
    sign_in(client, "acc")
    send(client, "/logout", page="/account")
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == "acc"))
        kinds = session.scalars(select(LoginEvent.kind).where(LoginEvent.user_id == user_id).order_by(LoginEvent.id)).all()
    assert kinds[-3:] == [LoginKind.refused, LoginKind.signed_in, LoginKind.signed_out]


def test_one_ends_ones_other_devices_but_not_those_of_others(as_, app):
    here, there, other = as_("acc"), as_("acc"), as_("ac")
    with rows(app) as session:
        foreign = session.scalar(select(WebSession.id).join(User, User.id == WebSession.user_id).where(User.username == "ac").order_by(WebSession.id.desc()))
    assert send(here, f"/account/sessions/{foreign}/end", page="/account").status_code == 404
    assert send(here, "/account/sessions/end", page="/account").status_code == 302
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert other.get("/account").status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0", "Firefox, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge, Linux"),
        ("<b>curl</b>", "<b>curl</b>"),
    ],
)
def test_a_device_is_named_as_people_call_it(client, agent, name):
    page = client.post("/login", data={"csrf_token": token(client.get("/login").text), "username": "acc", "password": DEMO}, headers={"User-Agent": agent})
    assert page.status_code == 302
    text = client.get("/account", headers={"User-Agent": agent})
    assert name in words(text) if "<" not in name else "&lt;b&gt;curl&lt;/b&gt;" in text.text


def test_an_old_hash_is_renewed_at_sign_in(client, app):
    with rows(app) as session:
        old = session.scalar(select(User.password_hash).where(User.username == "acc"))
    sign_in(client, "acc")
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "acc"))
        assert user.password_hash != old
        assert user.version == 1
    assert sign_in(app.test_client(), "acc").status_code == 302
    assert GOOD != DEMO
