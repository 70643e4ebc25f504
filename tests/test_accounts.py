"""Choosing a password: the rules, one-time links by mail, one's own. Numbers are the security cases."""

import re
import unicodedata

import pytest
from conftest import rows
from hands import DEMO, GOOD, ask_link, choose, last_link, links, send, sign_in, token, words
from sqlalchemy import func, select

from models import accounts, passwords
from models.access import LoginEvent, LoginKind, ResetToken, User
from models.base import Refusal
from models.work import MailState, OutgoingMail

pytestmark = pytest.mark.usefixtures("cheap_hashes")


# --- the rules ------------------------------------------------------------------------------------------------------------------


LONG = [GOOD, "é" * 64 + "nager la nuit", "x7!" * 4 + "plage", "пять зелёных окон", "  deux espaces  ", DEMO]


@pytest.mark.parametrize("password", LONG)
def test_12b_a_long_password_is_accepted(app, password):
    with app.test_request_context():
        passwords.check(password, ["Anna Martin", "Collège des Tilleuls"])
        assert passwords.verify(passwords.hash_password(password), password)


@pytest.mark.parametrize(
    "password",
    [
        "court",
        "onze signes",
        "x" * 129,
        "motdepasse2026!",
        "Bonjour!!Bonjour",
        "azertyuiop123",
        "123456789012",
        "aaaaaaaaaaaaaaa",
        "abcabcabcabc",
        "P@ssw0rd2026!!",
        "martin.anna.2010",
        "Tilleuls2026!!",
        "trois chevaux\0verts",
        "",
    ],
)
def test_12b_a_password_that_somebody_would_try_is_refused(app, password):
    with app.test_request_context(), pytest.raises(Refusal):
        passwords.check(password, ["Anna", "Martin", "Collège des Tilleuls"])


def test_12b_exactly_128_characters_count_and_none_is_cut_off():
    long = ("mille pas " * 13)[:128]
    kept = passwords.hash_password(long)
    assert passwords.verify(kept, long)
    assert not passwords.verify(kept, long[:-1])
    assert not passwords.verify(kept, long + "x")


def test_12b_composed_and_decomposed_letters_and_hard_spaces_are_the_same_and_spaces_stay():
    kept = passwords.hash_password("é à ü trois chevaux")
    assert passwords.verify(kept, unicodedata.normalize("NFD", "é à ü trois chevaux"))
    assert passwords.verify(kept, "é à ü trois\u00a0chevaux")
    assert not passwords.verify(kept, "éàütroischevaux")
    assert not passwords.verify(kept, "é à ü trois chevaux ")
    assert passwords.acceptable(unicodedata.normalize("NFD", "é" * 128))


@pytest.mark.parametrize("stored", ["", "not a hash", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_a_missing_or_broken_hash_is_never_right(stored):
    assert not passwords.verify(stored, GOOD)


# --- 6 to 8: links by mail ------------------------------------------------------------------------------------------------------


def test_07_a_link_by_mail_lets_one_choose_a_password_once(client, app, as_):
    signed_in = as_("ac")
    assert "un lien" in words(ask_link(client))
    path = last_link(app)[2]
    assert "Enregistrer le mot de passe" in words(client.get(path))
    assert choose(client, path).headers["Location"] == "/login"
    assert sign_in(client, "ac", GOOD).status_code == 302
    assert signed_in.get("/account").status_code == 302, "the other devices are signed out"
    assert choose(app.test_client(), path).status_code == 410
    assert sign_in(app.test_client(), "ac", DEMO).status_code == 422
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ac"))
        told = session.scalars(select(OutgoingMail).where(OutgoingMail.to_address == user.email, ~OutgoingMail.sealed)).all()
        assert [mail.state for mail in told] == [MailState.waiting]
        assert "déconnectés" in told[0].body
        assert session.scalar(select(func.count(LoginEvent.id)).where(LoginEvent.user_id == user.id, LoginEvent.kind == LoginKind.password_changed)) == 1


def test_03_the_answer_is_the_same_for_a_name_that_nobody_has(app):
    pages = [re.sub(r'(nonce|value)="[^"]*"', "", ask_link(app.test_client(), name).text) for name in ("ac", "nobody")]
    assert pages[0] == pages[1]


def test_07_a_link_dies_after_half_an_hour(client, app, clock):
    ask_link(client)
    clock.forward(minutes=31)
    assert client.get(last_link(app)[2]).status_code == 410
    assert choose(client, last_link(app)[2]).status_code == 410


def test_07_an_earlier_link_dies_with_the_next(client, app):
    ask_link(client)
    first = last_link(app)[2]
    ask_link(client)
    assert client.get(first).status_code == 410
    assert client.get(last_link(app)[2]).status_code == 200


@pytest.mark.parametrize("change", ["email", "password"])
def test_07_a_link_dies_with_another_email_or_password(client, app, change):
    ask_link(client)
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "ac"))
        if change == "email":
            user.email = "another@tilleuls.exemple"
        user_id = user.id
    if change == "password":
        with app.app_context():
            accounts.change_password(user_id, DEMO, GOOD, address="", agent="")
    assert client.get(last_link(app)[2]).status_code == 410


@pytest.mark.parametrize("secret", ["x", "x" * 43, "x" * 100, "ABCD-EFGH-JKLM-NPQR"])
def test_07_an_invented_link_is_dead(client, secret):
    assert client.get(f"/reset/{secret}").status_code == 410
    assert choose(client, f"/reset/{secret}").status_code == 410


def test_07_a_weak_password_leaves_the_link_good(client, app):
    ask_link(client)
    path = last_link(app)[2]
    assert choose(client, path, "motdepasse2026").status_code == 422
    assert choose(client, path, GOOD, "another one entirely").status_code == 422
    assert choose(client, path).status_code == 302


def test_guessing_links_is_slowed_down_by_address(client):
    for _try in range(20):
        assert choose(client, "/reset/" + "x" * 43).status_code == 410
    with client.application.app_context():
        from models import throttle

        assert throttle.wait_seconds((throttle.TOKEN_ADDRESS, "127.0.0.1")) > 0


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}])
def test_06_nothing_of_a_forged_host_is_in_the_mail(client, app, header):
    page = token(client.get("/forgot").text)
    answer = client.post("/forgot", data={"csrf_token": page, "username": "ac"}, headers=header)
    assert answer.status_code in (200, 400)
    for _to, link in links(app, rows):
        assert link[1] == "http://localhost"


def test_08_the_page_of_a_link_tells_no_other_site_where_it_is(client, app):
    ask_link(client)
    answer = client.get(last_link(app)[2])
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_link_goes_to_an_email_that_is_not_confirmed(client, app):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ac")).email_confirmed_at = None
    assert "un lien" in words(ask_link(client))
    assert links(app, rows) == []


def test_more_than_three_links_an_hour_are_not_sent_and_an_address_is_told_to_wait(client, app):
    for _try in range(5):
        assert ask_link(client).status_code == 200
    assert len(links(app, rows)) == 3
    answers = [ask_link(client, f"somebody{n}").status_code for n in range(16)]
    assert answers[-1] == 429


def test_a_link_is_kept_as_a_digest_and_its_mail_is_sealed(client, app):
    ask_link(client)
    secret = last_link(app)[2].rsplit("/", 1)[1]
    with rows(app) as session:
        assert secret not in session.scalar(select(ResetToken.token_hash).order_by(ResetToken.id.desc()))
        mail = session.scalar(select(OutgoingMail).order_by(OutgoingMail.id.desc()))
        assert secret not in mail.body


# --- 9: one's own password ------------------------------------------------------------------------------------------------------


def change(browser, current, new, again=None):
    return send(browser, "/account", page="/account", part="password", current=current, password=new, again=again or new)


def test_09_a_new_password_asks_the_current_one_and_ends_the_other_sessions(as_, app):
    here, there = as_("ac"), as_("ac")
    refused = change(here, "not the current one", GOOD)
    assert refused.status_code == 422
    assert "Le mot de passe actuel n’est pas le bon" in words(refused)
    assert there.get("/account").status_code == 200
    with here.session_transaction() as cookie:
        before = cookie["_user_id"]
    assert change(here, DEMO, GOOD).status_code == 302
    assert here.get("/account").status_code == 200
    with here.session_transaction() as cookie:
        assert cookie["_user_id"] != before
    assert there.get("/account").status_code == 302
    assert sign_in(app.test_client(), "ac", GOOD).status_code == 302
    with rows(app) as session:
        email = session.scalar(select(User.email).where(User.username == "ac"))
        assert session.scalar(select(func.count(OutgoingMail.id)).where(OutgoingMail.to_address == email)) == 1


def test_09_a_stolen_session_cannot_guess_the_password(as_):
    browser = as_("ac")
    for _try in range(10):
        change(browser, "not the current one", GOOD)
    answer = change(browser, DEMO, GOOD)
    assert answer.status_code == 422
    assert "Trop d’essais" in words(answer)


@pytest.mark.parametrize(("new", "again"), [("motdepasse2026", None), ("court", None), (GOOD, "another one entirely")])
def test_09_a_weak_or_mistyped_password_is_refused(as_, app, new, again):
    assert change(as_("ac"), DEMO, new, again).status_code == 422
    assert sign_in(app.test_client(), "ac", DEMO).status_code == 302
