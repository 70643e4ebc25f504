"""Sessions over HTTP: how they begin, end and are kept. Numbers are the security cases."""

import re

import pytest
from conftest import rows
from hands import send, sign_in, token, words
from sqlalchemy import func, select

from models import sessions
from models.access import Membership, User, WebSession

pytestmark = pytest.mark.usefixtures("cheap_hashes")


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
