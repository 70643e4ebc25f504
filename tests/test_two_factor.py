"""The second step of a sign-in: a code of the phone or a recovery code, after the password. Numbers are the security cases."""

import re

import pytest
from conftest import rows
from hands import DEMO, GOOD, ask_link, choose, last_link, send, sign_in, user_of, words
from sqlalchemy import func, select
from two_steps import SECRET, code, give, halfway, spend, type_code

from models import sessions, two_factor
from models.access import LoginEvent, LoginKind, User, WebSession
from models.db import db
from models.journal import JournalEvent

pytestmark = pytest.mark.usefixtures("cheap_hashes")


# --- the codes themselves ----------------------------------------------------------------------------------------------------------


def test_12_a_code_works_once_and_no_earlier_window_after_it(app, clock):
    number, _codes = give(app)
    assert spend(app, number, code(clock)) == "code"
    assert spend(app, number, code(clock)) == ""
    assert spend(app, number, code(clock, -1)) == "", "the window before is over with it"
    assert spend(app, number, code(clock, +1)) == "code"
    clock.forward(seconds=30)
    assert spend(app, number, code(clock)) == ""


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_r11_a_phone_may_be_half_a_minute_early_or_late_and_no_more(app, clock, steps, good):
    number, _codes = give(app)
    assert bool(spend(app, number, code(clock, steps))) is good


def test_r11_a_clock_set_back_locks_nobody_out(app, clock):
    number, _codes = give(app)
    assert spend(app, number, code(clock)) == "code"
    clock.forward(hours=-1)
    assert spend(app, number, code(clock)) == "code"
    assert spend(app, number, code(clock)) == ""


@pytest.mark.parametrize("typed", ["", "abcdef", "12345", "１２３４５６７", "0" * 60, "000000\0", "-" * 6, "²²²²²²"])
def test_what_is_no_code_is_refused(app, clock, typed):
    number, _codes = give(app)
    assert spend(app, number, typed) == ""


def test_a_code_may_be_typed_with_spaces_and_wide_figures(app, clock):
    number, codes = give(app)
    now = code(clock)
    wide = "".join(chr(ord(figure) + 0xFEE0) for figure in now)
    assert spend(app, number, f" {wide[:3]} {wide[3:]} ") == "code"
    assert spend(app, number, codes[0].replace(" ", "-")) == "recovery"


def test_12_a_recovery_code_works_once_for_its_owner_and_dies_with_the_next_ten(app, clock):
    number, codes = give(app)
    other, _theirs = give(app, "ec")
    assert len({*codes}) == 10
    assert spend(app, other, codes[0]) == ""
    assert [spend(app, number, codes[0]) for _try in range(2)] == ["recovery", ""]
    with app.app_context():
        assert two_factor.recovery_left(number) == 9
        two_factor.new_recovery_codes(number)
        db.session.commit()
    assert spend(app, number, codes[1]) == ""


def test_nothing_of_it_can_be_read_in_the_database(app, clock):
    _number, codes = give(app)
    with rows(app) as session:
        kept = session.scalars(select(two_factor.TwoFactor.sealed)).one() + " ".join(session.scalars(select(two_factor.RecoveryCode.code_hash)))
    assert SECRET not in kept
    assert not any(one.replace(" ", "") in kept for one in codes)
    with rows(app) as session:
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.table_name.in_(("two_factor", "recovery_code")))) == 0


# --- signing in ----------------------------------------------------------------------------------------------------------------------


def test_12_the_code_comes_after_the_password_and_the_wanted_page_after_the_code(app, clock):
    give(app)
    browser = halfway(app, next="/admin/student/?search=a")
    page = browser.get("/login/code")
    assert 'autocomplete="one-time-code"' in page.text
    assert 'inputmode="numeric"' in page.text
    assert type_code(browser, "000000").status_code == 422
    assert type_code(browser, code(clock)).headers["Location"] == "/admin/student/?search=a"
    assert browser.get("/admin/student/").status_code == 200
    assert type_code(halfway(app), code(clock)).status_code == 422, "the same code on another device"


def test_03_a_wrong_password_gets_the_same_answer_with_and_without_a_second_step(app):
    give(app)
    pages = [re.sub(r'(nonce|value)="[^"]*"', "", sign_in(app.test_client(), name, "faux mot de passe").text) for name in ("ac", "ec", "nobody")]
    assert pages[0] == pages[1] == pages[2]


def test_12_twenty_guesses_are_held_back_and_the_person_reads_them(app, clock):
    number, _codes = give(app)
    browser = halfway(app)
    answers = [type_code(browser, f"{guess:06d}").status_code for guess in range(20)]
    assert answers == [422] * 4 + [429] * 16
    stopped = type_code(halfway(app), code(clock))
    assert stopped.status_code == 429, "the right one waits too, on any device that is not known"
    clock.forward(seconds=int(stopped.headers["Retry-After"]))
    assert type_code(browser, code(clock)).status_code == 302
    with rows(app) as session:
        assert session.scalar(select(func.count(LoginEvent.id)).where(LoginEvent.user_id == number, LoginEvent.kind == LoginKind.code_refused)) == 5
    assert "Mot de passe juste, code faux" in words(browser.get("/account"))


def test_a_device_that_signed_in_before_does_not_suffer_from_a_strangers_guesses(app, clock):
    give(app)
    mine = halfway(app)
    type_code(mine, code(clock))
    send(mine, "/logout", page="/account")
    stranger = halfway(app)
    for guess in range(6):
        type_code(stranger, f"{guess:06d}")
    sign_in(mine, "ac")
    clock.forward(seconds=30)
    assert type_code(mine, code(clock)).status_code == 302


CLOSED = [
    *("/", "/account", "/account/two-factor", "/resume", "/parent/", "/student/"),
    *("/admin/", "/admin/student/", "/admin/student/export/csv/", "/admin/search?q=a"),
]


def test_12_half_authenticated_one_reaches_nothing(app, clock):
    give(app)
    browser = halfway(app)
    for address in CLOSED:
        answer = browser.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login"), address
    with rows(app) as session:
        assert session.scalar(select(func.count(WebSession.id)).where(WebSession.user_id == user_of(app, "ac"))) == 0


def test_12_half_authenticated_one_writes_nothing(app, clock, a_student):
    number, _codes = give(app)
    browser = halfway(app)
    for address in ("/account", "/account/two-factor/off", "/account/sessions/end", "/admin/student/delete/", "/see_as/leave"):
        assert send(browser, address, part="profile", given_name="Autre", current=DEMO, id=a_student).headers["Location"].startswith("/login")
    with app.app_context():
        assert two_factor.is_on(number)


def test_12_a_password_chosen_by_a_link_does_not_lead_round_the_code(app, client, clock):
    give(app)
    ask_link(client)
    half = halfway(app)
    assert choose(client, last_link(app)[2]).headers["Location"] == "/login"
    assert client.get("/admin/").status_code == 302
    assert type_code(half, code(clock)).headers["Location"].startswith("/login"), "begun with the earlier password"
    assert sign_in(client, "ac", GOOD).headers["Location"] == "/login/code"
    with rows(app) as session:
        user = session.get(User, user_of(app, "ac"))
        with pytest.raises(sessions.CodeNeededError):
            sessions.open_session(user, sessions.standing_of(user.id))


def test_12c_after_ten_minutes_one_begins_again_with_the_password_and_keeps_where_one_went(app, clock):
    give(app)
    browser = halfway(app, next="/admin/group/")
    clock.forward(minutes=11)
    assert browser.get("/login/code").headers["Location"] == "/login?next=/admin/group/"
    assert app.test_client().get("/login/code").headers["Location"] == "/login"


def test_12c_what_was_typed_before_the_session_ended_is_there_after_the_code(app, clock):
    give(app)
    browser = halfway(app)
    type_code(browser, code(clock))
    page = browser.get("/account").text
    clock.forward(minutes=61)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    browser.post("/account", data={"csrf_token": token, "part": "profile", "given_name": "Aline"})
    sign_in(browser, "ac")
    assert type_code(browser, code(clock)).headers["Location"] == "/resume"
    assert "Aline" in browser.get("/resume").text
