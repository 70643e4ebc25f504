"""Brakes on guessing: how many, how long, for whom. Numbers are the security cases."""

import pytest
from conftest import rows
from hands import sign_in, words
from sqlalchemy import func, select

from models import throttle
from models.access import LoginEvent, Throttle, User
from models.db import db

pytestmark = pytest.mark.usefixtures("cheap_hashes", "clock")

WRONG = "not the password of anybody"


def fail(browser, username="acc", address="10.0.0.1", times=1):
    """Type a wrong password, several times; the last answer."""
    for _try in range(times):
        answer = sign_in(browser, username, WRONG, address)
    return answer


def test_01_the_tenth_wrong_password_closes_the_door_and_the_wait_grows(client, clock):
    for _try in range(9):
        assert fail(client).status_code == 422
    waits = []
    for _try in range(6):
        answer = fail(client)
        assert answer.status_code == 429
        waits.append(int(answer.headers["Retry-After"]))
        clock.forward(seconds=waits[-1])
    assert waits == [60, 120, 240, 480, 900, 900]


def test_01_during_the_wait_even_the_right_password_is_not_looked_at(client, clock):
    fail(client, times=10)
    answer = sign_in(client, "acc", address="10.0.0.1")
    assert answer.status_code == 429
    assert "Attendez 1 min" in words(answer).replace("\u00a0", " ")
    clock.forward(seconds=61)
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 302


def test_01_after_signing_in_the_count_begins_anew(client, clock):
    fail(client, times=9)
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 302
    stranger = client.application.test_client()
    assert fail(stranger, times=9).status_code == 422


def test_01_nobody_is_locked_out_by_failures_from_elsewhere(client):
    for place in range(40):
        fail(client, address=f"10.0.1.{place}")
    assert fail(client, address="10.0.2.1", times=2).status_code == 422, "a new place still has tries"
    assert sign_in(client, "acc", address="10.0.3.1").status_code == 302


def test_01_while_an_account_is_tried_from_everywhere_each_place_has_three_tries(client):
    for place in range(30):
        fail(client, address=f"10.0.1.{place}")
    assert [fail(client, address="10.0.2.1").status_code for _try in range(3)] == [422, 422, 429]


def test_01_a_device_that_signed_in_before_is_not_held_back_by_its_neighbours(client, app):
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 302
    with client.session_transaction() as session:
        session.clear()
    fail(app.test_client(), times=10)
    assert sign_in(app.test_client(), "acc", address="10.0.0.1").status_code == 429
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 302


def test_01_a_known_device_has_ten_tries_of_its_own_not_more(client):
    sign_in(client, "acc", address="10.0.0.1")
    with client.session_transaction() as session:
        session.clear()
    assert [fail(client).status_code for _try in range(10)] == [422] * 9 + [429]


def test_01_a_forged_device_cookie_helps_nobody(client, app):
    fail(client, times=10)
    client.set_cookie("scolabri_device", "WyJhIiwiYiJd.forged")
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 429


def test_02_one_password_on_many_accounts_from_one_address_is_stopped(client):
    answers = [fail(client, username=f"somebody{n}").status_code for n in range(31)]
    assert answers == [422] * 29 + [429] * 2
    assert sign_in(client, "ac", address="10.0.0.1").status_code == 429
    assert sign_in(client, "ac", address="10.0.0.2").status_code == 302


def test_02_a_class_of_35_signs_in_behind_one_address(app, clock):
    for _student in range(35):
        assert sign_in(app.test_client(), "student", address="10.0.0.1").status_code == 302
        clock.forward(seconds=3)


def test_02_the_address_is_free_again_after_ten_minutes(client, clock):
    for n in range(30):
        fail(client, username=f"somebody{n}")
    clock.forward(minutes=10, seconds=1)
    assert sign_in(client, "acc", address="10.0.0.1").status_code == 302


def test_84_a_forwarded_address_does_not_dodge_the_count(client):
    fail(client, times=9)
    answer = client.get("/login", headers={"X-Forwarded-For": "192.0.2.99"})
    assert answer.status_code == 200
    assert fail(client).status_code == 429


def test_04_a_failure_writes_the_same_rows_for_known_and_unknown_names(client, app):
    def written():
        with rows(app) as session:
            return session.scalar(select(func.count(Throttle.id))), session.scalar(select(func.count(LoginEvent.id)))

    before = written()
    fail(client, username="acc")
    known = written()
    fail(client, username="nobody")
    unknown = written()
    assert [b - a for a, b in zip(before, known, strict=True)] == [b - a for a, b in zip(known, unknown, strict=True)] == [3, 1]


def test_counts_survive_a_restart_and_hold_no_name_in_clear(client, app):
    fail(client, username="acc")
    with rows(app) as session:
        kept = session.execute(select(Throttle.kind, Throttle.key_hash)).all()
        user_id = session.scalar(select(User.id).where(User.username == "acc"))
    assert {kind for kind, _key in kept} == {"login_pair", "login_address", "login_account"}
    assert all(len(key) == 64 and f"user {user_id}" not in key and "10.0.0.1" not in key for _kind, key in kept)


def test_a_limit_counts_its_own_kind_and_key_only(app, clock):
    with app.app_context():
        for _try in range(10):
            throttle.hit((throttle.CODE_ACCOUNT, "anna"), (throttle.CODE_SITE, "site"))
        assert throttle.wait_seconds((throttle.CODE_ACCOUNT, "anna")) == 3600
        assert throttle.wait_seconds((throttle.CODE_ACCOUNT, "bela"), (throttle.CODE_ADDRESS, "anna"), (throttle.CODE_SITE, "site")) == 0
        assert throttle.count("code_site", "site", clock.now.replace(year=2000)) == 10


def test_a_try_is_not_counted_in_the_middle_of_unsaved_changes(app):
    with app.app_context():
        db.session.add(User(username="unsaved"))
        with pytest.raises(RuntimeError, match="before the changes"):
            throttle.hit((throttle.CODE_ACCOUNT, "anna"))
        db.session.rollback()


def test_old_tries_are_swept_away(app, clock):
    with app.app_context():
        throttle.hit((throttle.CODE_ACCOUNT, "anna"))
        clock.forward(days=3)
        throttle.sweep()
        assert throttle.count("code_account", "anna", clock.now.replace(year=2000)) == 0
