"""The second step on one's own account, compulsory for the staff, removed by the school; the other settings of security at the door."""

import re

import pyotp
import pytest
from conftest import rows
from hands import DEMO, GOOD, ask_link, choose, do, last_link, send, sign_in, user_of, words
from sqlalchemy import func, select
from two_steps import allow, code, give, halfway, spend, type_code

from jobs import serving
from models import sessions, two_factor
from models.access import User
from models.db import db
from models.journal import JournalEvent
from models.people import Guardian
from models.scope import unscoped
from models.settings import Setting
from models.work import OutgoingMail

pytestmark = pytest.mark.usefixtures("cheap_hashes")


# --- one's own ---------------------------------------------------------------------------------------------------------------------


def scan(browser, next_="", status=200):
    """Open the page and read the square's key as a phone does."""
    page = browser.get(f"/account/two-factor{next_}")
    assert page.status_code == status
    return re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page.text)[1].replace(" ", "")


def set_up(browser, secret, clock, password=DEMO, typed=None, **more):
    return send(browser, "/account/two-factor", page="/account/two-factor", current=password, current_code=typed or pyotp.TOTP(secret).at(clock.now), **more)


def test_one_switches_it_on_with_a_first_code_and_signs_in_with_the_next(app, as_, schools, clock):
    browser, other = as_("ac"), as_("ac")
    assert "Deuxième étape de la connexion" not in words(browser.get("/account"))
    assert browser.get("/account/two-factor").status_code == 404
    allow(app, schools[0])
    secret = scan(browser)
    assert scan(browser) == secret, "the same square when the page is read again"
    assert set_up(browser, secret, clock, password="faux").status_code == 422
    assert set_up(browser, secret, clock, typed="000000").status_code == 422
    with app.app_context():
        assert not two_factor.is_on(user_of(app, "ac"))
    done = set_up(browser, secret, clock)
    codes = re.findall(r"\d{4} \d{4} \d{4}", words(done))
    assert len(codes) == 10
    assert other.get("/account").status_code == 302, "opened with the password alone: signed out"
    sheet = words(browser.get("/account"))
    assert "10 codes de secours" in sheet.replace("\u00a0", " ")
    assert codes[0] not in sheet
    half = halfway(app)
    assert type_code(half, codes[0]).status_code == 302
    assert "9 codes de secours" in words(half.get("/account")).replace("\u00a0", " ")


def test_12_switching_off_and_new_codes_ask_for_the_password(app, as_, schools):
    number, codes = give(app)
    browser = as_("acc")
    assert browser.get("/account/two-factor/off").status_code == 404
    with app.app_context(), unscoped("a test signs in"):
        token = sessions.open_session(db.session.get(User, number), sessions.standing_of(number), proved=True)
        db.session.commit()
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = token
    for page in ("/account/two-factor/codes", "/account/two-factor/off"):
        assert send(browser, page, page=page, current="faux").status_code == 422
    renewed = words(send(browser, "/account/two-factor/codes", page="/account/two-factor/codes", current=DEMO))
    assert len(re.findall(r"\d{4} \d{4} \d{4}", renewed)) == 10
    assert spend(app, number, codes[0]) == ""
    assert send(browser, "/account/two-factor/off", page="/account/two-factor/off", current=DEMO).headers["Location"] == "/account"
    assert sign_in(app.test_client(), "ac").headers["Location"] == "/"
    with rows(app) as session:
        assert session.scalar(select(func.count(OutgoingMail.id)).where(OutgoingMail.body.contains("deuxième étape"))) == 1


def test_a_setting_that_goes_off_leaves_the_code_to_whoever_has_one(app, schools, clock):
    give(app)
    allow(app, schools[0], "off")
    browser = halfway(app)
    assert type_code(browser, code(clock)).status_code == 302
    assert "/account/two-factor/off" in browser.get("/account").text


# --- compulsory for the staff --------------------------------------------------------------------------------------------------------


def test_staff_without_it_are_led_to_set_it_up_from_any_address(app, as_, schools):
    browser = as_("ec")
    allow(app, schools[0], "staff")
    for address in ("/", "/admin/", "/admin/student/?page=1", "/account", "/admin/student/export/csv/", "/parent/register"):
        assert browser.get(address).headers["Location"].startswith("/account/two-factor"), address


def test_staff_set_it_up_then_find_what_they_sent_and_cannot_switch_it_off(app, as_, schools, clock):
    browser = app.test_client()
    assert sign_in(browser, "ec").status_code == 302
    page = browser.get("/account").text
    allow(app, schools[0], "staff")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    sent = browser.post("/account", data={"csrf_token": token, "part": "profile", "given_name": "Aline", "family_name": "B", "language": "fr", "theme": ""})
    assert sent.headers["Location"] == "/account/two-factor"
    done = set_up(browser, scan(browser), clock)
    assert 'href="/resume"' in done.text
    assert "Aline" in browser.get("/resume").text
    assert browser.get("/admin/").status_code == 200
    assert "/account/two-factor/off" not in browser.get("/account").text
    assert send(browser, "/account/two-factor/off", page="/account/two-factor/codes", current=DEMO).status_code == 422


def test_a_guardian_of_that_school_is_asked_nothing_and_may_have_it(app, as_, schools):
    allow(app, schools[0], "staff")
    browser = as_("parent")
    assert browser.get("/parent/").status_code == 200
    assert "/account/two-factor" in browser.get("/account").text


# --- somebody who has lost their phone -------------------------------------------------------------------------------------------------


def test_an_administrator_removes_it_and_the_person_is_told_at_the_next_sign_in(app, as_, schools):
    number, _codes = give(app)
    acc = as_("acc")
    assert "remove_two_factor" in acc.get(f"/admin/user/details/?id={number}").text
    assert do(acc, "user", "remove_two_factor", number).status_code in (302, 303)
    browser = app.test_client()
    assert sign_in(browser, "ac").headers["Location"] == "/"
    assert "la deuxième étape" in words(browser.get("/admin/"))
    send(browser, "/logout", page="/account")
    sign_in(browser, "ac")
    assert "la deuxième étape" not in words(browser.get("/admin/")), "told once"
    with rows(app) as session:
        lines = session.execute(select(JournalEvent.row_id, JournalEvent.school_id).where(JournalEvent.verb == "remove_two_factor")).all()
        assert [tuple(line) for line in lines] == [(number, schools[0])]
    assert "remove_two_factor" not in acc.get(f"/admin/user/details/?id={number}").text


def test_a_guardians_second_step_is_removed_from_their_record_also_when_two_schools_follow_them(app, as_):
    number, _codes = give(app, "parent")
    with rows(app) as session:
        guardian = session.scalar(select(Guardian.id).where(Guardian.user_id == number).order_by(Guardian.id))
    acc = as_("acc")
    assert "remove_two_factor" in acc.get(f"/admin/guardian/details/?id={guardian}").text
    do(acc, "guardian", "remove_two_factor", guardian)
    with app.app_context():
        assert not two_factor.is_on(number)
    assert "remove_two_factor" not in acc.get(f"/admin/guardian/details/?id={guardian}").text
    assert sign_in(app.test_client(), "parent").headers["Location"] == "/"


@pytest.mark.parametrize(
    ("who", "whom", "removed"), [("ac", "ec", True), ("ac", "acc", False), ("ac", "head", False), ("head", "ec", False), ("acc", "acc", False)]
)
def test_nobody_removes_it_from_those_above_nor_from_themselves(app, as_, who, whom, removed):
    browser = as_(who)
    number, _codes = give(app, whom)
    do(browser, "user", "remove_two_factor", number)
    with app.app_context():
        assert two_factor.is_on(number) is not removed


def test_the_console_removes_it_when_nobody_else_can(app, monkeypatch):
    monkeypatch.setattr(serving, "refuse_stale", lambda: None)  # the tests' database has no revision
    number, _codes = give(app, "acc")
    runner = app.test_cli_runner()
    assert runner.invoke(args=["remove-two-factor", "--username", "personne"]).exit_code == 1
    done = runner.invoke(args=["remove-two-factor", "--username", "ACC "])
    assert done.exit_code == 0, done.output
    assert runner.invoke(args=["remove-two-factor", "--username", "acc"]).exit_code == 1
    with rows(app) as session:
        assert session.scalar(select(JournalEvent.who).where(JournalEvent.verb == "remove_two_factor", JournalEvent.row_id == number)) == "flask"


def test_whoever_looks_as_somebody_else_neither_sees_nor_is_asked_it(app, as_, schools):
    from test_see_as import look

    allow(app, schools[0])
    acc = as_("acc")
    look(acc, app)
    allow(app, schools[0], "staff")
    assert acc.get("/admin/").status_code == 200
    assert "/account/two-factor" not in acc.get("/account").text
    assert acc.get("/account/two-factor").status_code == 404


# --- the other settings of security --------------------------------------------------------------------------------------------------


def decide(app, school_id, key, value):
    """Set one of a school's settings."""
    with rows(app) as session:
        session.add(Setting(school_id=school_id, key=key, value=value))


def test_12c_the_shortest_idle_time_of_ones_schools_counts(app, as_, schools, clock):
    decide(app, schools[1], "idle_minutes", "20")
    decide(app, schools[0], "idle_minutes", "90")
    both, first, second = as_("parent"), as_("ac"), as_("ac2")
    clock.forward(minutes=21)
    assert [browser.get("/account").status_code for browser in (both, first, second)] == [302, 200, 302]
    clock.forward(minutes=61)
    assert first.get("/account").status_code == 200
    clock.forward(minutes=91)
    assert first.get("/account").status_code == 302


def test_12b_a_new_password_is_as_long_as_the_strictest_of_ones_schools_asks(app, as_, client, schools):
    decide(app, schools[1], "password_length", "30")
    browser = as_("parent")
    page = browser.get("/account")
    assert "30 caractères au moins" in words(page).replace("\u00a0", " ")
    assert 'minlength="30"' in page.text
    refused = send(browser, "/account", page="/account", part="password", current=DEMO, password=GOOD, again=GOOD)
    assert "de 30 à 128 caractères" in words(refused).replace("\u00a0", " ")
    ask_link(client, "ac")
    assert 'minlength="12"' in client.get(last_link(app)[2]).text, "of a school that asks for nothing more"
    ask_link(client, "parent")
    assert 'minlength="30"' in client.get(last_link(app)[2]).text
    assert choose(client, last_link(app)[2]).status_code == 422
    assert choose(client, last_link(app)[2], GOOD + " et loin").status_code == 302


def test_a_password_changed_in_ones_account_keeps_this_browser_in_with_a_second_step(app, clock):
    give(app)
    browser = halfway(app)
    type_code(browser, code(clock))
    assert send(browser, "/account", page="/account", part="password", current=DEMO, password=GOOD, again=GOOD).status_code == 302
    assert browser.get("/account").status_code == 200
