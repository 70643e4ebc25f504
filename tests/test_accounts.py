"""Choosing a password: the rules, one-time links, the first opening, reset letters. Numbers are the security cases."""

import re
import unicodedata

import pytest
from conftest import build, rows
from hands import DEMO, GOOD, links, send, sign_in, token, words
from sqlalchemy import func, select

from models import accounts, passwords
from models.access import LoginEvent, LoginKind, Membership, ResetToken, Role, User
from models.base import Refusal
from models.db import db
from models.journal import JournalEvent
from models.labels import Noun
from models.people import Guardian
from models.school import School
from models.setup import new_setup_key, setup_key_is
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


def ask(browser, name="ac", **more):
    return send(browser, "/forgot", page="/forgot", username=name, **more)


def last_link(app):
    return links(app, rows)[-1][1]


def choose(browser, path, password=GOOD, again=None):
    return send(browser, path, page="/forgot", password=password, again=again or password)


def test_07_a_link_by_mail_lets_one_choose_a_password_once(client, app, as_):
    signed_in = as_("ac")
    assert "un lien" in words(ask(client))
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
    pages = [re.sub(r'(nonce|value)="[^"]*"', "", ask(app.test_client(), name).text) for name in ("ac", "nobody")]
    assert pages[0] == pages[1]


def test_07_a_link_dies_after_half_an_hour(client, app, clock):
    ask(client)
    clock.forward(minutes=31)
    assert client.get(last_link(app)[2]).status_code == 410
    assert choose(client, last_link(app)[2]).status_code == 410


def test_07_an_earlier_link_dies_with_the_next(client, app):
    ask(client)
    first = last_link(app)[2]
    ask(client)
    assert client.get(first).status_code == 410
    assert client.get(last_link(app)[2]).status_code == 200


@pytest.mark.parametrize("change", ["email", "password"])
def test_07_a_link_dies_with_another_email_or_password(client, app, change):
    ask(client)
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
    ask(client)
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
    ask(client)
    answer = client.get(last_link(app)[2])
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_link_goes_to_an_email_that_is_not_confirmed(client, app):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ac")).email_confirmed_at = None
    assert "un lien" in words(ask(client))
    assert links(app, rows) == []


def test_more_than_three_links_an_hour_are_not_sent_and_an_address_is_told_to_wait(client, app):
    for _try in range(5):
        assert ask(client).status_code == 200
    assert len(links(app, rows)) == 3
    answers = [ask(client, f"somebody{n}").status_code for n in range(16)]
    assert answers[-1] == 429


def test_a_link_is_kept_as_a_digest_and_its_mail_is_sealed(client, app):
    ask(client)
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
    ask(client, "parent")
    assert last_link(app)


def test_the_link_of_somebody_else_or_of_another_kind_confirms_nothing(as_, app, client):
    unconfirm(app, "parent")
    send(as_("parent"), "/account/confirm", page="/account")
    path = links(app, rows, "account/confirm")[-1][1][2]
    other = as_("ac")
    send(other, path, page=path)
    assert not confirmed(app, "parent")
    assert choose(client, "/reset/" + path.rsplit("/", 1)[1]).status_code == 410, "it opens no password"
    ask(client, "ac")
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


# --- the first opening ----------------------------------------------------------------------------------------------------------

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
