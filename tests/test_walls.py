"""What every request must pass and every answer carries: headers, CSRF, origins, arguments, errors, the log. Numbers are the security cases."""

import json
import logging
import re

import pytest
from conftest import rows
from sqlalchemy import select

from models.journal import JournalEvent
from models.people import Student
from views.security import Sentences

PAGES = [
    *("/login", "/admin/", "/admin/student/", "/admin/student/999999", "/nowhere"),
    *("/static/app.css", "/static/nothing.css", "/healthz", "/forgot", "/parent/register"),
]


def token(client, page="/account"):
    """The CSRF token of a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)[1]


@pytest.mark.parametrize("path", PAGES)
def test_81_every_answer_carries_the_headers(as_, path):
    answer = as_("ac").get(path, buffered=True)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert "Permissions-Policy" in answer.headers


def test_81_the_nonce_differs_for_every_answer(client):
    first, second = (re.search(r"nonce-([^']+)'", client.get("/login").headers["Content-Security-Policy"])[1] for _ in range(2))
    assert first != second
    page = client.get("/login")
    nonce = re.search(r"nonce-([^']+)'", page.headers["Content-Security-Policy"])[1]
    assert set(re.findall(r'<script nonce="([^"]*)"', page.text)) == {nonce}


@pytest.mark.parametrize("path", ["/admin/", "/admin/student/", "/login", "/account"])
def test_83_pages_are_not_kept_by_the_browser(as_, path):
    answer = as_("ac").get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


def test_82_a_stranger_gets_no_cookie_but_the_csrf_one(client):
    answer = client.get("/login")
    assert [c.split("=")[0] for c in answer.headers.getlist("Set-Cookie")] in ([], ["scolabri"])
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


@pytest.mark.parametrize("given", [{}, {"csrf_token": "wrong"}])
def test_38_a_post_without_the_right_token_changes_nothing(as_, app, a_student, given):
    browser = as_("ac")
    answer = browser.post(f"/admin/student/edit/?id={a_student}", data={"family_name": "Forgé", **given})
    assert answer.status_code == 400
    with rows(app) as session:
        assert session.get(Student, a_student).family_name != "Forgé"


def test_38_the_token_of_another_session_is_refused(as_, app, a_student):
    other = token(as_("acc"))
    answer = as_("ac").post("/admin/student/delete/", data={"id": a_student, "_asked": "1", "csrf_token": other})
    assert answer.status_code == 400
    with rows(app) as session:
        assert session.get(Student, a_student) is not None


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_41_a_request_from_elsewhere_is_refused_even_with_its_token(as_, headers):
    browser = as_("ac")
    assert browser.post("/logout", data={"csrf_token": token(browser)}, headers=headers).status_code == 400
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize("path", ["/admin/student/delete/", "/admin/student/action/", "/logout", "/language", "/theme"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_40_what_changes_something_is_never_a_get(as_, path, method):
    assert getattr(as_("ac"), method)(path).status_code == 405


BAD = [
    ("edit/?id=1,2", 400),
    ("edit/?id=", 400),
    ("edit/", 400),
    ("details/?id=abc", 400),
    ("details/?id=1&id=2", 400),
    ("edit/?id=99999999999999999999", 400),
    ("?page=99999999999999999999", 400),
    ("?page=-1", 400),
    ("?page=900", 404),
    ("?page_size=100000", 200),
    ("?sort=99", 200),
    ("?sort=x", 400),
    ("?endpoint=x", 400),
    ("?export_type=x", 400),
    ("?flt0_nothing=1", 200),
    ("?flt0_level.Row=x", 200),
    ("?search=%00", 400),
    ("?search='", 200),
    ("?search=%25", 200),
    ("?search=%27%20OR%201%3D1--", 200),
    ("?by=password_hash&search=a", 200),
    ("?url=https://evil.example", 400),
    ("?url=//evil.example", 400),
    ("?url=/%5Cevil.example", 400),
    ("?url=http:evil.example", 400),
    ("?url=%0a/evil", 400),
    ("export/pdf/", 404),
    ("ajax/lookup/?name=password_hash&query=ab", 404),
]


@pytest.mark.parametrize(("query", "status"), BAD, ids=[q for q, _s in BAD])
def test_29_hostile_arguments_are_told_apart_and_never_a_fault(as_, query, status):
    assert as_("ac").get("/admin/student/" + query).status_code == status


def test_29_a_quote_in_the_search_is_literal(as_, app):
    browser = as_("ac")
    assert "Rien ne correspond" in browser.get("/admin/student/?search='%20OR%201=1--").text


EVIL = ["https://evil.example/", "//evil.example", "/\\evil.example", "http:evil.example", "javascript:alert(1)", "\\\\evil", " //evil", "/a\nb"]


@pytest.mark.parametrize("target", EVIL)
@pytest.mark.parametrize("name", ["url", "next"])
def test_85_nobody_is_led_to_another_site(as_, target, name):
    answer = as_("ac").get("/admin/student/new/", query_string={name: target})
    assert answer.status_code == 400
    assert "evil" not in answer.headers.get("Location", "")


def test_14_a_foreign_and_an_unknown_row_answer_alike(as_, app, schools):
    with rows(app) as session:
        foreign = session.scalar(select(Student.id).where(Student.school_id == schools[1]))
    browser = as_("ac")
    one, two = (browser.get(f"/admin/student/details/?id={i}") for i in (foreign, 99_999_999))
    strip = re.compile(r'(nonce|csrf_token|value|href)="[^"]*"')
    assert one.status_code == two.status_code == 404
    assert strip.sub("", one.text) == strip.sub("", two.text)


def test_20_walking_through_identifiers_is_stopped_and_told(as_, app):
    browser = as_("ac")
    codes = [browser.get(f"/admin/student/details/?id={i}").status_code for i in range(90_000, 90_060)]
    assert codes[:50] == [404] * 50
    assert codes[-1] == 429
    with rows(app) as session:
        assert session.scalar(select(JournalEvent.rows).where(JournalEvent.verb == "refused_many")) == 50


def test_54_what_the_address_holds_is_shown_escaped(as_):
    page = as_("ac").get("/admin/search", query_string={"q": "<svg onload=alert(1)>"})
    assert "<svg onload" not in page.text
    assert "&lt;svg onload" in page.text


def test_86_hidden_files_and_methods_are_nobody_s(as_):
    browser = as_("ac")
    for path in ("/.git/config", "/.env", "/app.db", "/static/../app.py", "/static/..%2fapp.py", "/console"):
        assert browser.get(path).status_code == 404, path
    assert browser.open("/login", method="TRACE").status_code == 405


def test_94_a_log_line_cannot_be_forged():
    line = Sentences().format(logging.LogRecord("scolabri", logging.INFO, "", 0, "hello\r\n2026 INFO admin ok", (), None))
    assert "\n" not in line
    assert json.loads(line)["message"] == "hello\r\n2026 INFO admin ok"


def test_errors_show_no_sql_and_no_trace(as_, app, monkeypatch):
    from views.home import Home

    def broken(_self, _page, *_given, **_named):
        raise RuntimeError("SELECT secret FROM user")

    monkeypatch.setattr(Home, "_run_view", broken)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    try:
        answer = as_("ac").get("/admin/")
    finally:
        app.config["PROPAGATE_EXCEPTIONS"] = None
    assert answer.status_code == 500
    assert "SELECT" not in answer.text
    assert "Traceback" not in answer.text
    assert "Cela n’a pas marché" in answer.text


def test_57_a_body_over_the_limit_is_refused_before_it_is_read(as_):
    browser = as_("ac")
    answer = browser.post("/admin/student/new/", data={"csrf_token": token(browser), "family_name": "x" * (11 * 1024 * 1024)})
    assert answer.status_code == 413
