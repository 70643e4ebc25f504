"""Proving one's mailbox, and the reset letter for those who have none. Numbers are the security cases."""

import re

import pytest
from conftest import rows
from hands import DEMO, GOOD, ask_link, choose, last_link, links, send, sign_in, words
from sqlalchemy import func, select

from models import accounts, passwords
from models.access import Membership, Role, User
from models.base import Refusal
from models.journal import JournalEvent
from models.people import Guardian

pytestmark = pytest.mark.usefixtures("cheap_hashes")


# --- confirming an e-mail -------------------------------------------------------------------------------------------------------


def unconfirm(app, username):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == username)).email_confirmed_at = None


def confirmed(app, username):
    with rows(app) as session:
        return session.scalar(select(User.email_confirmed_at).where(User.username == username)) is not None


def test_a_guardian_proves_the_mailbox_then_may_reset_by_mail(as_, app, client):
    unconfirm(app, "parent")
    browser = as_("parent")
    assert "non confirmée" in words(browser.get("/account"))
    send(browser, "/account/confirm", page="/account")
    path = links(app, rows, "account/confirm")[-1][1][2]
    assert client.get(path).headers["Location"].startswith("/login")
    assert browser.get(path).status_code == 200
    assert browser.get(path).headers["Referrer-Policy"] == "no-referrer"
    assert not confirmed(app, "parent"), "reading the page confirms nothing"
    send(browser, path, page=path)
    assert confirmed(app, "parent")
    assert "non confirmée" not in words(browser.get("/account"))
    ask_link(client, "parent")
    assert last_link(app)


def test_the_link_of_somebody_else_or_of_another_kind_confirms_nothing(as_, app, client):
    unconfirm(app, "parent")
    send(as_("parent"), "/account/confirm", page="/account")
    path = links(app, rows, "account/confirm")[-1][1][2]
    other = as_("ac")
    send(other, path, page=path)
    assert not confirmed(app, "parent")
    assert choose(client, "/reset/" + path.rsplit("/", 1)[1]).status_code == 410, "it opens no password"
    ask_link(client, "ac")
    unconfirm(app, "ac")
    wrong = "/account/confirm/" + last_link(app)[2].rsplit("/", 1)[1]
    send(other, wrong, page="/account")
    assert not confirmed(app, "ac")


def test_three_confirmation_mails_an_hour_are_enough(as_, app):
    unconfirm(app, "parent")
    browser = as_("parent")
    for _time in range(5):
        send(browser, "/account/confirm", page="/account")
    assert len(links(app, rows, "account/confirm")) == 3


# --- the reset letter -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def guardian(app, schools):
    """The identifier of a registered guardian of the first school only."""
    with rows(app) as session:
        user = User(username="anna.b", given_name="Anna", family_name="Bernard", password_hash=passwords.hash_password(DEMO))
        mine = Guardian(school_id=schools[0], family_name="Bernard", given_name="Anna", user=user)
        session.add_all([user, mine])
        session.flush()
        return mine.id


def printed(app, guardian_id):
    with rows(app) as session:
        secret = accounts.letter_secret()
        accounts.reset_letter(session.get_one(Guardian, guardian_id), secret)
    return secret


def test_a_printed_letter_lets_a_guardian_choose_a_password_and_is_told_at_the_next_sign_in(client, app, guardian):
    sign_in(client, "anna.b")
    secret = printed(app, guardian)
    assert re.fullmatch(r"([2-9A-HJKMNP-TV-Z]{4}-){3}[2-9A-HJKMNP-TV-Z]{4}", secret)
    typed = secret.lower().replace("-", " ")
    assert choose(app.test_client(), f"/reset/{typed}").status_code == 302
    browser = app.test_client()
    sign_in(browser, "anna.b", GOOD)
    assert "lettre pour changer le mot de passe" in words(browser.get("/account"))
    with rows(app) as session:
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == "print_reset_letter", JournalEvent.row_id == guardian)) == 1


def test_a_letter_is_refused_without_an_account_for_staff_and_for_who_another_school_follows(app, guardian, schools):
    with rows(app) as session:
        mine = session.get_one(Guardian, guardian)
        user_id = mine.user_id
        mine.user_id = None
    with app.test_request_context(), pytest.raises(Refusal, match="n’a pas encore de compte"):
        printed(app, guardian)
    with rows(app) as session:
        session.get_one(Guardian, guardian).user_id = user_id
        session.add(Guardian(school_id=schools[1], family_name="Bernard", user_id=user_id))
    with app.test_request_context(), pytest.raises(Refusal, match="un autre établissement"):
        printed(app, guardian)
    with rows(app) as session:
        session.delete(session.scalar(select(Guardian).where(Guardian.school_id == schools[1], Guardian.user_id == user_id)))
        session.add(Membership(user_id=user_id, school_id=schools[0], role=Role.acc))
    with app.test_request_context(), pytest.raises(Refusal, match="travaille"):
        printed(app, guardian)
