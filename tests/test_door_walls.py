"""What the front door refuses: fields, methods, tokens, addresses that lead away. Numbers are the security cases."""

import time

import pytest
from conftest import rows
from hands import DEMO, send, sign_in, token
from sqlalchemy import func, select

from models.access import LoginEvent, Role, User, WebSession

pytestmark = pytest.mark.usefixtures("cheap_hashes")

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
