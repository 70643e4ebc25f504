"""Inviting people, giving roles, opening an inspection: never above one's own. Numbers are the security cases."""

import datetime as dt
import re

import pytest
from conftest import rows
from hands import GOOD, do, form, held_by, links, roles_of, send, sign_in, user_of, words
from sqlalchemy import func, select

from models.access import Membership, Role, User
from models.base import today
from models.journal import JournalEvent

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def invite(browser, role="ec", **more):
    return form(
        browser, "/admin/user/new/", **{"given_name": "Zoé", "family_name": "Nouvel", "email": "zoe@tilleuls.exemple", "username": "", "role": role, **more}
    )


# --- inviting -------------------------------------------------------------------------------------------------------------------


def test_without_a_mail_server_the_link_is_shown_once_to_hand_over(as_, app):
    browser = as_("ac")
    assert invite(browser).status_code == 302
    page = browser.get("/admin/user/")
    link = re.search(r"http://localhost(/reset/[^\s\"<]+)", page.text)[1]
    assert "Zoé Nouvel" in words(page)
    assert link not in browser.get("/admin/user/").text
    guest = app.test_client()
    assert send(guest, link, page="/forgot", password=GOOD, again=GOOD).headers["Location"] == "/login"
    assert sign_in(guest, "zoe@tilleuls.exemple", GOOD).status_code == 302
    assert guest.get("/").headers["Location"] == "/admin/"
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "zoe@tilleuls.exemple"))
        assert user.email_confirmed_at is None, "a link that was handed over proves no mailbox"
        made = session.scalars(select(JournalEvent.table_name).where(JournalEvent.verb == "created").order_by(JournalEvent.id.desc()).limit(3)).all()
        assert set(made) == {"user", "membership", "outgoing_mail"}, "the mail that tells of the new password"


def test_with_a_mail_server_the_link_is_mailed_and_shown_to_nobody(as_, app):
    app.config["MAIL_URL"] = "smtp://localhost"
    try:
        browser = as_("ac")
        assert invite(browser).status_code == 302
        assert "/reset/" not in browser.get("/admin/user/").text
    finally:
        app.config["MAIL_URL"] = ""
    to, link = links(app, rows)[-1]
    assert to == "zoe@tilleuls.exemple"
    send(app.test_client(), link[2], page="/forgot", password=GOOD, again=GOOD)
    with rows(app) as session:
        assert session.scalar(select(User.email_confirmed_at).where(User.email == to)) is not None


@pytest.mark.parametrize("role", ["acc", "ac", "head", "inspector"])
def test_28_nobody_gives_a_role_above_their_own(as_, app, role):
    browser = as_("ac")
    assert f'value="{role}"' not in browser.get("/admin/user/new/").text
    assert invite(browser, role=role).status_code == 422
    with rows(app) as session:
        assert session.scalar(select(func.count(User.id)).where(User.email == "zoe@tilleuls.exemple")) == 0


def test_28_the_head_invites_inspectors_only(as_):
    assert invite(as_("head"), role="ec").status_code == 422
    assert invite(as_("head"), role="inspector").status_code == 302


@pytest.mark.parametrize(
    "wrong", [{"email": "", "username": ""}, {"username": "acc"}, {"username": "with space"}, {"username": "a@b"}, {"email": "not an address"}]
)
def test_an_invitation_needs_a_name_to_sign_in_with_that_is_free(as_, app, wrong):
    with rows(app) as session:
        before = session.scalar(select(func.count(User.id)))
    assert invite(as_("acc"), **wrong).status_code == 422
    with rows(app) as session:
        assert session.scalar(select(func.count(User.id))) == before


def test_somebody_of_another_school_gets_the_role_and_keeps_their_account(as_, app, schools):
    with rows(app) as session:
        there = session.scalar(select(User).where(User.username == "ec2"))
        email, name, kept = there.email, there.family_name, there.password_hash
    browser = as_("acc")
    assert invite(browser, email=email.upper()).status_code == 302
    assert "/reset/" not in browser.get("/admin/user/").text
    assert roles_of(app, "ec2", schools[0]) == {"ec": True}
    with rows(app) as session:
        there = session.scalar(select(User).where(User.username == "ec2"))
        assert (there.family_name, there.password_hash) == (name, kept)
    assert invite(browser, email=email).status_code == 422, "twice is once too often"
    shared = user_of(app, "ec2")
    assert form(browser, f"/admin/user/edit/?id={shared}", given_name="X", family_name="Y", email="mine@evil.example", username="ec2").status_code == 422
    do(browser, "user", "invite", shared)
    assert "/reset/" not in browser.get("/admin/user/").text
    with rows(app) as session:
        assert session.scalar(select(User.email).where(User.username == "ec2")) == email


def test_26_a_form_cannot_bring_a_password_a_school_or_an_epoch(as_, app, schools):
    invite(as_("acc"), password_hash="x", epoch="9", school_id=str(schools[1]), email_confirmed_at="2026-01-01", is_admin="1")
    with rows(app) as session:
        user = session.scalar(select(User).where(User.email == "zoe@tilleuls.exemple"))
        assert (user.password_hash, user.epoch, user.email_confirmed_at) == ("", 1, None)
        assert [(m.school_id, m.role) for m in user.memberships] == [(schools[0], Role.ec)]


# --- inspections ----------------------------------------------------------------------------------------------------------------


def test_24_only_the_head_opens_and_closes_an_inspection(as_, app):
    held, day = held_by(app, "inspector"), today()
    theirs = as_("inspector")
    assert theirs.get("/admin/student/").status_code == 200
    head = as_("head")
    do(head, "membership", "close_inspection", held)
    assert theirs.get("/admin/student/").status_code == 302, "closed at once"
    window = {"from": day.isoformat(), "until": (day + dt.timedelta(days=2)).isoformat()}
    for other in ("acc", "ac", "ec"):
        assert do(as_(other), "membership", "open_inspection", held, **window).status_code == 403
        assert (
            form(
                as_("acc"), f"/admin/membership/edit/?id={held}", role="inspector", active="y", open_from=window["from"], open_until=window["until"]
            ).status_code
            == 422
        )
    assert as_("head").post("/admin/membership/action/").status_code == 400
    assert do(head, "membership", "open_inspection", held, **window).status_code == 303
    assert as_("inspector").get("/admin/student/").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "2026-02-30", "until": "2026-03-01"},
        {"from": "", "until": ""},
        {"from": "2020-01-01", "until": "2020-01-02"},
        {"from": "2099-01-02", "until": "2099-01-01"},
    ],
)
def test_24_a_window_that_makes_no_sense_is_refused(as_, app, wrong):
    held = held_by(app, "inspector")
    with rows(app) as session:
        before = session.execute(select(Membership.open_from, Membership.open_until).where(Membership.id == held)).one()
    assert do(as_("head"), "membership", "open_inspection", held, **wrong).status_code == 422
    with rows(app) as session:
        assert session.execute(select(Membership.open_from, Membership.open_until).where(Membership.id == held)).one() == before


def test_an_inspection_is_for_inspectors(as_, app):
    day = today().isoformat()
    answer = do(as_("head"), "membership", "open_inspection", held_by(app, "ec"), **{"from": day, "until": day})
    assert answer.status_code == 422
    assert "seulement pour le rôle Inspecteur" in words(answer)


def test_a_role_is_chosen_never_left_as_the_first_of_the_list(as_, app):
    assert invite(as_("acc"), role="").status_code == 422
    assert form(as_("acc"), "/admin/membership/new/", user=str(user_of(app, "ec")), role="", active="y").status_code == 422
    assert roles_of(app, "ec") == {"ec": True}


@pytest.mark.parametrize("days", [{"open_from": "2026-11-23", "open_until": "2027-02-01"}, {"open_from": "", "open_until": "2027-02-01"}])
def test_24_whoever_becomes_an_inspector_brings_no_days_along(as_, app, wound, days):
    wound("2026-11-23T08:00:00")
    held, browser = held_by(app, "ec"), as_("acc")
    assert form(browser, f"/admin/membership/edit/?id={held}", role="ec", active="y", **days).status_code == 302
    answer = form(browser, f"/admin/membership/edit/?id={held}", role="inspector", active="y", **days)
    assert (answer.status_code, "Seule la direction" in words(answer)) == (422, True)
    assert invite(browser, role="inspector", **days).status_code == 422
    assert form(browser, "/admin/membership/new/", user=str(user_of(app, "amp")), role="inspector", active="y", **days).status_code == 422
    assert roles_of(app, "ec") == {"ec": True}
    assert form(browser, f"/admin/membership/edit/?id={held}", role="inspector", active="y", open_from="", open_until="").status_code == 302
    assert roles_of(app, "ec") == {"inspector": True}


def test_28_nobody_adds_a_role_to_somebody_who_holds_one_above(as_, app):
    with rows(app) as session:
        number, above = session.execute(select(User.id, User.email).where(User.username == "acc")).one()
    day, page = today().isoformat(), "/admin/membership/inspection/"
    who = {"person": "new", "given_name": "Odile", "family_name": "Garance", "email": above, "from": day, "until": day}
    answers = [
        send(as_("head"), page, page=page, **who),
        form(as_("head"), "/admin/membership/new/", user=str(number), role="inspector", active="y"),
        form(as_("ac"), "/admin/membership/new/", user=str(number), role="ec", active="y"),
    ]
    assert [(answer.status_code, "Votre rôle ne permet pas de donner" in words(answer)) for answer in answers] == [(422, True)] * 3
    assert roles_of(app, "acc") == {"acc": True}



def test_an_address_known_in_another_school_is_not_told_whose_it_is_until_the_person_is_here(as_, app, schools):
    with rows(app) as session:
        email, name = session.execute(select(User.email, User.family_name).where(User.username == "ec2")).one()
    head = as_("head")
    refused = invite(head, role="inspector", email=email, open_from="2030-01-01", open_until="2029-01-01")
    assert refused.status_code == 422
    assert name not in words(refused)
    assert invite(head, role="inspector", email=email).status_code == 302
    assert "Cette adresse électronique a déjà un compte" in words(head.get("/account"))
    assert name in words(as_("acc").get("/admin/user/"))
