"""The first opening of an installation. Numbers are the security cases."""

import pytest
from conftest import build, rows
from hands import GOOD, send, sign_in, token
from sqlalchemy import func, select

from models.access import Membership, Role, User
from models.db import db
from models.labels import Noun
from models.school import School
from models.setup import new_setup_key, setup_key_is

pytestmark = pytest.mark.usefixtures("cheap_hashes")

FIRST = {
    "name": "École de la Rive",
    "country": "FR",
    "official_code": "9990001X",
    "email": "ecole@rive.exemple",
    "given_name": "Anna",
    "family_name": "Bernard",
    "user_email": "anna@rive.exemple",
    "password": GOOD,
    "again": GOOD,
}


@pytest.fixture
def empty(tmp_path):
    """An application without any school."""
    return build(tmp_path)


def test_an_empty_installation_opens_with_the_key_of_the_console_once(empty, tmp_path):
    browser = empty.test_client()
    assert browser.get("/login").headers["Location"] == "/setup"
    key = new_setup_key(tmp_path)
    assert (tmp_path / "setup.key").stat().st_mode & 0o777 == 0o600
    assert key not in (tmp_path / "setup.key").read_text()
    assert send(browser, "/setup", page="/setup", key=key, **FIRST).headers["Location"] == "/login"
    assert sign_in(browser, "anna@rive.exemple", GOOD).status_code == 302
    assert browser.get("/").headers["Location"] == "/admin/"
    with rows(empty) as session:
        school = session.scalar(select(School))
        assert (school.name, school.official_code, school.language) == ("École de la Rive", "9990001X", "fr")
        assert session.scalars(select(Membership.role)).all() == [Role.acc]
        assert session.scalar(select(func.count(Noun.id)).where(Noun.school_id == school.id)) >= 12
    assert browser.get("/setup").headers["Location"] == "/login"
    assert not setup_key_is(tmp_path, key)


def test_a_school_in_quebec_speaks_its_french(empty, tmp_path):
    key = new_setup_key(tmp_path)
    send(empty.test_client(), "/setup", page="/setup", key=key, **{**FIRST, "country": "CA", "official_code": "999001"})
    with rows(empty) as session:
        assert session.execute(select(School.language, School.time_zone)).one() == ("fr_CA", "America/Toronto")


WRONG_OPENINGS = [
    {"key": "guessed"},
    {"official_code": "9990001A"},
    {"password": "motdepasse2026", "again": "motdepasse2026"},
    {"again": "x"},
    {"name": " "},
    {"user_email": "x"},
]


@pytest.mark.parametrize("wrong", WRONG_OPENINGS)
def test_the_opening_refuses_what_is_wrong_and_writes_nothing(empty, tmp_path, wrong):
    key = new_setup_key(tmp_path)
    assert send(empty.test_client(), "/setup", page="/setup", **{"key": key, **FIRST, **wrong}).status_code == 422
    with rows(empty) as session:
        assert session.scalar(select(func.count(School.id))) == session.scalar(select(func.count(User.id))) == 0
    assert setup_key_is(tmp_path, key)


def test_guessing_the_key_is_slowed_down(empty, tmp_path):
    new_setup_key(tmp_path)
    browser = empty.test_client()
    answers = [send(browser, "/setup", page="/setup", key=f"guess{n}", **FIRST).status_code for n in range(21)]
    assert answers == [422] * 20 + [429]


def test_82_over_https_the_cookies_belong_to_this_host_alone(tmp_path):
    app = build(tmp_path, BASE_URL="https://ecole.exemple", TRUSTED_HOSTS=["ecole.exemple"])
    browser, site = app.test_client(), {"base_url": "https://ecole.exemple"}
    page = token(browser.get("/setup", **site).text)
    browser.post("/setup", data={"csrf_token": page, "key": new_setup_key(tmp_path), **FIRST}, headers={"Origin": "https://ecole.exemple"}, **site)
    page = token(browser.get("/login", **site).text)
    answer = browser.post("/login", data={"csrf_token": page, "username": FIRST["user_email"], "password": GOOD}, **site)
    cookies = {cookie.split("=")[0]: cookie for cookie in answer.headers.getlist("Set-Cookie")}
    assert set(cookies) == {"__Host-scolabri", "__Host-scolabri_device"}
    for cookie in cookies.values():
        assert "; Secure" in cookie
        assert "; Path=/" in cookie
        assert "Domain" not in cookie


def test_an_installation_with_schools_cannot_be_opened_again(client, whole_app):
    assert client.get("/setup").headers["Location"] == "/login"
    with whole_app.app_context():
        assert db.session is not None
