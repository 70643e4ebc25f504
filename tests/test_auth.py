"""The front door over HTTP: signing in and out, sessions that end, links that stay here. Numbers are the security cases."""

import re
import statistics
import time

import pytest
from conftest import rows
from hands import DEMO, GOOD, send, sign_in, token, words
from sqlalchemy import func, select

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
ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "http:evil.example",
    "https://evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "/ok\nSet-Cookie: a=b",
    "evil.example",
]


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
    assert "prendront place ici" in words(as_("student").get("/student/"))
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


# --- 5, 10, 12c: sessions -------------------------------------------------------------------------------------------------------


def test_05_signing_in_gives_a_new_token_and_keeps_nothing_that_was_planted(client):
    client.get("/login")
    with client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
        planted["_user_id"] = "a token that somebody else knows"
    sign_in(client, "acc")
    with client.session_transaction() as now:
        assert "planted" not in now
        first = now["_user_id"]
    sign_in(client, "acc", page="/account")
    with client.session_transaction() as now:
        assert now["_user_id"] != first


def test_05_a_changed_role_ends_the_sessions_of_that_person(as_, app):
    browser = as_("ec")
    assert browser.get("/account").status_code == 200
    acc = as_("acc")
    with rows(app) as session:
        held = session.scalar(select(Membership.id).join(User, User.id == Membership.user_id).where(User.username == "ec"))
    page = acc.get(f"/admin/membership/edit/?id={held}").text
    mark = re.search(r'name="row_version"[^>]*value="([^"]+)"', page)[1]
    answer = acc.post(f"/admin/membership/edit/?id={held}", data={"csrf_token": token(page), "row_version": mark, "role": "amp", "active": "y"})
    assert answer.status_code == 302
    assert browser.get("/account").headers["Location"].startswith("/login")


def test_10_a_copied_cookie_is_dead_after_sign_out(client, app):
    sign_in(client, "acc")
    cookie = client.get_cookie("scolabri").value
    assert send(client, "/logout", page="/account").status_code == 302
    thief = app.test_client()
    thief.set_cookie("scolabri", cookie)
    assert thief.get("/account").headers["Location"].startswith("/login")


def test_10_no_cookie_remembers_a_session(client):
    answer = sign_in(client, "acc", remember="1", remember_me="y")
    names = [cookie.split("=")[0] for cookie in answer.headers.getlist("Set-Cookie")]
    assert sorted(names) == ["scolabri", "scolabri_device"]
    assert all("Expires" not in cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("scolabri="))
    client.delete_cookie("scolabri")
    assert client.get("/account").headers["Location"].startswith("/login")


def test_12c_a_session_ends_after_an_hour_without_a_request(client, clock):
    sign_in(client, "acc")
    for _visit in range(3):
        clock.forward(minutes=59)
        assert client.get("/account").status_code == 200
    clock.forward(minutes=61)
    assert client.get("/account").headers["Location"].startswith("/login")


def test_12c_a_session_ends_after_twelve_hours_in_any_case(client, clock):
    sign_in(client, "acc")
    for _visit in range(14):
        clock.forward(minutes=50)
        assert client.get("/account").status_code == 200
    clock.forward(minutes=30)
    assert client.get("/account").headers["Location"].startswith("/login")


def test_12c_a_disabled_membership_ends_the_session_at_the_next_request(as_, app):
    browser = as_("amp")
    with rows(app) as session:
        session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "amp")).active = False
    assert browser.get("/account").headers["Location"].startswith("/login")


def test_12c_who_has_nothing_open_is_told_only_after_the_right_password(client, app):
    with rows(app) as session:
        session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "amp")).active = False
    closed = sign_in(client, "amp")
    assert closed.status_code == 403
    assert "Votre accès est fermé" in words(closed)
    assert "Votre accès est fermé" not in words(sign_in(client, "amp", "not the password"))


def test_12c_what_was_typed_comes_back_after_signing_in_again(client, clock):
    sign_in(client, "acc")
    page = client.get("/account")
    clock.forward(minutes=61)
    fields = {"part": "profile", "given_name": "Zoé", "family_name": "d’Aubigné", "language": "fr", "theme": "", "current": "a secret"}
    late = client.post("/account", data={"csrf_token": token(page.text), **fields})
    assert late.headers["Location"].startswith("/login")
    assert sign_in(client, "acc").headers["Location"] == "/resume"
    offer = client.get("/resume")
    assert 'value="Zoé"' in offer.text
    assert "a secret" not in offer.text
    again = client.post(re.search(r'<form method="post" action="([^"]+)"', offer.text)[1], data={"csrf_token": token(offer.text), **fields})
    assert again.status_code == 302
    assert "Zoé d’Aubigné" in words(client.get("/account"))
    assert client.get("/resume").headers["Location"] == "/admin/", "it is offered once"


def test_12c_what_one_person_typed_is_not_offered_to_the_next(client, clock):
    sign_in(client, "acc")
    page = client.get("/account")
    clock.forward(minutes=61)
    client.post("/account", data={"csrf_token": token(page.text), "part": "profile", "given_name": "Zoé"})
    assert sign_in(client, "ac").headers["Location"] == "/"
    assert client.get("/resume").headers["Location"] == "/admin/"


def test_a_visit_is_noted_at_most_once_a_minute(client, app, clock):
    sign_in(client, "acc")

    def seen():
        with rows(app) as session:
            return session.scalar(select(WebSession.seen_at).order_by(WebSession.id.desc()))

    start = seen()
    clock.forward(seconds=40)
    client.get("/account")
    assert seen() == start
    clock.forward(seconds=30)
    client.get("/account")
    assert seen() == clock.now


def test_a_session_costs_two_statements(as_, app):
    from conftest import counted

    browser = as_("acc")
    browser.get("/healthz")
    with app.test_request_context("/admin/"), counted(app) as seen:
        with rows(app) as session:
            kept = session.scalar(select(func.count(WebSession.id)))
        before = len(seen)
        with browser.session_transaction() as cookie:
            visitor = sessions.load(cookie["_user_id"])
    assert kept
    assert visitor.roles == {"acc"}
    assert len(seen) - before == 2


def test_the_database_holds_no_token_in_clear(client, app):
    sign_in(client, "acc")
    with client.session_transaction() as cookie:
        kept = cookie["_user_id"]
    with rows(app) as session:
        assert session.scalar(select(WebSession).order_by(WebSession.id.desc())).token_hash != kept


# --- 12b: what a password may hold ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [129, 4_000, 1_000_000])
def test_12b_a_password_that_is_too_long_is_refused_before_any_hashing(client, length):
    start = time.perf_counter()
    answer = sign_in(client, "acc", "x" * length)
    assert answer.status_code == 422
    assert time.perf_counter() - start < 0.5


# --- 26, 27, 40, 42, 82, 83, 85 -------------------------------------------------------------------------------------------------


def test_26_fields_that_a_form_does_not_have_change_nothing(as_, app):
    browser = as_("ec")
    extra = {
        "role": "acc",
        "role_id": "1",
        "school_id": "2",
        "is_admin": "1",
        "actif": "1",
        "version": "99",
        "epoch": "9",
        "username": "boss",
        "email": "boss@evil.example",
    }
    answer = send(browser, "/account", page="/account", part="profile", given_name="Ève", family_name="Martin", language="fr", theme="", **extra)
    assert answer.status_code == 302
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ec"))
        assert (user.given_name, user.family_name) == ("Ève", "Martin")
        assert user.email != "boss@evil.example"
        assert user.epoch == 1
        assert [m.role for m in user.memberships] == [Role.ec]


def test_26_the_account_form_knows_two_parts(as_):
    assert send(as_("ec"), "/account", page="/account", part="roles", role="acc").status_code == 400


@pytest.mark.parametrize("path", ["/logout", "/language", "/theme", "/account/school", "/account/sessions/end", "/account/sessions/1/end"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_40_what_changes_something_is_a_post(as_, path, method):
    assert as_("acc").open(path, method=method).status_code in (400, 405)


@pytest.mark.parametrize("path", ["/login", "/logout", "/forgot", "/account", "/language", "/theme", "/account/school", "/account/sessions/end"])
@pytest.mark.parametrize(
    "body", [{"data": {"_method": "POST"}}, {"json": {"username": "acc", "password": DEMO}}, {"data": "username=acc", "content_type": "text/plain"}]
)
def test_38_42_a_post_without_a_token_or_with_another_body_is_refused(as_, app, path, body):
    browser = as_("acc")
    with rows(app) as session:
        before = session.scalar(select(func.count(WebSession.id))), session.scalar(select(func.count(LoginEvent.id)))
    assert browser.post(path, **body).status_code == 400
    with rows(app) as session:
        assert (session.scalar(select(func.count(WebSession.id))), session.scalar(select(func.count(LoginEvent.id)))) == before


def test_38_the_token_of_another_session_is_refused(as_, app):
    foreign = token(as_("ac").get("/account").text)
    assert send(as_("acc"), "/account/sessions/end", page="/account", csrf_token=foreign).status_code == 400


def test_82_cookies_are_locked(client):
    answer = sign_in(client, "acc")
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie


def test_83_signing_out_clears_the_browser(as_):
    browser = as_("acc")
    answer = send(browser, "/logout", page="/account")
    assert answer.headers["Location"] == "/login"
    assert '"cache"' in answer.headers["Clear-Site-Data"]
    assert browser.get("/account").headers["Cache-Control"] == "no-store"
    assert browser.get("/account").status_code == 302


@pytest.mark.parametrize("target", ELSEWHERE)
def test_85_no_address_leads_away(client, as_, target):
    asked = client.get("/login", query_string={"next": target})
    assert asked.status_code == 400
    for path, page, fields in (
        ("/login", "/login", {"username": "acc", "password": DEMO}),
        ("/language", "/login", {"language": "en"}),
        ("/theme", "/login", {"theme": "dark"}),
    ):
        answer = send(client, path, page=page, next=target, **fields)
        assert answer.status_code == 400, path
        assert "evil" not in answer.headers.get("Location", "")


# --- choices --------------------------------------------------------------------------------------------------------------------


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
