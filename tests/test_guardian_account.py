"""A guardian's account: its e-mail confirmed, changed, its language, and what the portal says where no mail leaves."""

import re

import pytest
from conftest import rows
from hands import DEMO, links, send, sign_in, words
from sqlalchemy import select, update

from models.access import User
from models.base import utcnow
from models.people import Guardian
from models.work import OutgoingMail

NEW = "nouvelle.adresse@exemple.org"


@pytest.fixture
def parent(app, as_):
    """The demo parent's browser, mails leave, the e-mail of the account is theirs and not confirmed."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "parent"))
        user.email, user.email_confirmed_at = "parent@exemple.org", None
        session.execute(update(Guardian).where(Guardian.user_id == user.id).values(email="parent@exemple.org"))
    app.config["MAIL_URL"] = "smtp://127.0.0.1:9"
    yield as_("parent")
    app.config["MAIL_URL"] = ""


def me(app):
    """(e-mail, whether it is confirmed) of the demo parent."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "parent"))
        return user.email, user.email_confirmed_at is not None


def change(browser, email=NEW, password=DEMO):
    """Send the form of another e-mail."""
    return send(browser, "/account/email", page="/account/email", email=email, password=password)


def test_the_home_asks_to_confirm_the_e_mail_and_sends_the_link_again_three_times_an_hour(app, parent):
    assert "Votre adresse électronique n’est pas confirmée" in words(parent.get("/parent/"))
    for _time in range(3):
        answer = send(parent, "/account/confirm", page="/parent/", next="/parent/")
        assert answer.headers["Location"] == "/parent/"
    assert len(links(app, rows, "account/confirm")) == 3
    send(parent, "/account/confirm", page="/parent/", next="/parent/")
    assert "Plusieurs" in words(parent.get("/parent/"))
    assert len(links(app, rows, "account/confirm")) == 3
    address, found = links(app, rows, "account/confirm")[-1]
    assert address == "parent@exemple.org"
    assert send(parent, found[2], page=found[2]).status_code == 302
    assert me(app) == ("parent@exemple.org", True)
    assert "n’est pas confirmée" not in words(parent.get("/parent/"))


def test_another_e_mail_asks_for_the_password_and_to_be_confirmed_again(app, parent):
    with rows(app) as session:
        session.execute(update(User).where(User.username == "parent").values(email_confirmed_at=utcnow()))
    other = app.test_client()
    sign_in(other, "parent")
    assert change(parent, password="autre chose entière").status_code == 422
    assert me(app) == ("parent@exemple.org", True)
    assert change(parent).headers["Location"] == "/parent/"
    assert me(app) == (NEW, False)
    assert NEW in words(parent.get("/parent/")), "this browser stays signed in"
    assert other.get("/parent/").status_code == 302, "the others do not"
    with rows(app) as session:
        mails = [(mail.to_address, mail.subject) for mail in session.scalars(select(OutgoingMail).order_by(OutgoingMail.id))][-2:]
        assert mails == [("parent@exemple.org", "Votre adresse électronique a été changée"), (NEW, "Confirmez votre adresse électronique")]
        emails = set(session.scalars(select(Guardian.email).join(User, User.id == Guardian.user_id).where(User.username == "parent")))
        assert emails == {NEW}, "the schools write to the new one"


@pytest.mark.parametrize(
    ("typed", "said"), [("pas une adresse", "Ce n’est pas une adresse"), ("parent@exemple.org", "déjà l’adresse"), ("ac@exemple.org", "n’est pas libre")]
)
def test_an_e_mail_that_cannot_be_taken_is_told(app, parent, typed, said):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ac")).email = "ac@exemple.org"
    answer = change(parent, typed)
    assert answer.status_code == 422
    assert said in words(answer)
    assert me(app)[0] == "parent@exemple.org"


def test_whoever_tries_addresses_one_after_the_other_is_stopped(app, parent):
    with rows(app) as session:
        session.scalar(select(User).where(User.username == "ac")).email = "ac@exemple.org"
    for _time in range(5):
        change(parent, "ac@exemple.org")
    assert "Trop d’essais" in words(change(parent, "libre@exemple.org"))
    assert me(app)[0] == "parent@exemple.org"


@pytest.mark.parametrize("who", ["acc", "ec", "student"])
def test_staff_and_students_change_their_e_mail_elsewhere(as_, who):
    assert as_(who).get("/account/email").status_code == 403


def test_a_guardian_chooses_a_language_on_any_page_and_the_letters_follow(app, as_):
    browser = as_("parent")
    page = browser.get("/parent/messages")
    assert re.search(r'name="language" value="en" lang="en"', page.text)
    send(browser, "/language", page="/parent/messages", language="en", next="/parent/messages")
    assert "My children" in words(browser.get("/parent/"))
    with rows(app) as session:
        found = select(Guardian.language, User.language).join(User, User.id == Guardian.user_id).where(User.username == "parent")
        assert {tuple(row) for row in session.execute(found)} == {("en", "en")}


def test_without_a_mail_server_the_pages_say_what_to_do_instead(app, as_, client):
    with rows(app) as session:
        session.execute(update(User).where(User.username == "parent").values(email_confirmed_at=None, email="parent@exemple.org"))
    home = words(as_("parent").get("/parent/"))
    assert "lisez vos messages dans cette application" in home
    assert "Renvoyer le lien" not in home
    forgotten = words(client.get("/forgot"))
    assert "lettre de réinitialisation" in forgotten
    assert "Envoyer le lien" not in forgotten
