"""The screens of users, roles held and sign-ins: who may invite, give, close, and what stays in this school. Numbers are the security cases."""

import datetime as dt
import re

import pytest
from conftest import counted, rows
from hands import GOOD, links, send, sign_in, token, words
from sqlalchemy import func, select

from models.access import LoginEvent, Membership, Role, User, WebSession
from models.base import today
from models.journal import JournalEvent
from models.people import Guardian

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def user_of(app, username):
    with rows(app) as session:
        return session.scalar(select(User.id).where(User.username == username))


def held_by(app, username):
    """The identifier of the person's membership."""
    with rows(app) as session:
        return session.scalar(select(Membership.id).join(User, User.id == Membership.user_id).where(User.username == username))


def roles_of(app, username, school_id=None):
    with rows(app) as session:
        look = select(Membership.role, Membership.active).join(User, User.id == Membership.user_id).where(User.username == username)
        return {role.name: active for role, active in session.execute(look if school_id is None else look.where(Membership.school_id == school_id))}


def form(browser, path, **fields):
    """Send a screen's form with its own token and mark; ticks and texts that are not named stay as they are shown."""
    page = browser.get(path).text
    mark = re.search(r'name="row_version"[^>]*value="([^"]*)"', page)
    return browser.post(path, data={"csrf_token": token(page), "row_version": mark[1] if mark else "", **fields})


def do(browser, screen, verb, *ids, **answers):
    """Send a verb for these rows."""
    return send(browser, f"/admin/{screen}/action/", page="/account", action=verb, rowid=[str(i) for i in ids], _asked="1", **answers)


def invite(browser, role="ec", **more):
    return form(
        browser, "/admin/user/new/", **{"given_name": "Zoé", "family_name": "Nouvel", "email": "zoe@tilleuls.exemple", "username": "", "role": role, **more}
    )


# --- the lists ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "screens"),
    {
        "acc": "user membership login_event",
        "ac": "user membership login_event",
        "head": "user membership login_event",
        "ec": "login_event",
        "amp": "login_event",
        "registrar": "",
        "inspector": "",
        "invigilator": "",
        "parent": "",
        "student": "",
    }.items(),
)
def test_13_each_role_opens_the_screens_that_are_its_own(as_, username, screens):
    browser = as_(username)
    for screen in ("user", "membership", "login_event"):
        assert browser.get(f"/admin/{screen}/").status_code == (200 if screen in screens.split() else 403), screen


def test_the_list_shows_who_works_here_with_roles_and_access_not_the_guardians(as_, app):
    with rows(app) as session:
        parent = session.scalar(select(User).where(User.username == "parent"))
        stranger = session.scalar(select(User.email).where(User.username == "ac2"))
        parent_id, parent_email = parent.id, parent.email
    page = as_("acc").get("/admin/user/?page_size=100")
    assert "Administrateur du site" in words(page)
    assert "Sans mot de passe" in words(page), "the teachers of the demo have no password yet"
    assert stranger not in page.text
    assert parent_email not in page.text
    assert as_("acc").get(f"/admin/user/details/?id={parent_id}").status_code == 404


def test_names_are_sorted_as_people_look_for_them(as_):
    page = words(as_("acc").get("/admin/user/?page_size=100"))
    places = [page.rindex(name) for name in ("d'Aubrac", "Hamon", "Le Tallec", "Œillet", "Pons")]
    assert places == sorted(places)


def test_a_role_is_chosen_never_left_as_the_first_of_the_list(as_, app):
    assert invite(as_("acc"), role="").status_code == 422
    assert form(as_("acc"), "/admin/membership/new/", user=str(user_of(app, "ec")), role="", active="y").status_code == 422
    assert roles_of(app, "ec") == {"ec": True}


def test_14_the_people_of_another_school_do_not_exist_here(as_, app):
    there, held = user_of(app, "ac2"), held_by(app, "ac2")
    browser = as_("acc")
    for path in (
        f"/admin/user/details/?id={there}",
        f"/admin/user/edit/?id={there}",
        f"/admin/membership/details/?id={held}",
        f"/admin/membership/edit/?id={held}",
    ):
        assert browser.get(path).status_code == 404, path
    assert do(browser, "user", "disable", there).status_code == 404
    assert do(browser, "user", "disable", user_of(app, "amp"), there).status_code == 404
    assert roles_of(app, "amp") == {"amp": True}


def test_the_list_of_users_costs_a_fixed_number_of_statements(as_, app):
    browser = as_("acc")
    browser.get("/admin/user/")
    with counted(app) as few:
        browser.get("/admin/user/?page_size=20")
    with counted(app) as many:
        browser.get("/admin/user/?page_size=100")
    assert len(few) == len(many) <= 14


def test_sign_ins_are_those_of_this_school_and_of_students_for_teachers(as_, app, client):
    sign_in(client, "ac2")
    sign_in(app.test_client(), "amp")
    with rows(app) as session:
        names = {u: session.scalar(select(User.family_name).where(User.username == u)) for u in ("ac2", "amp", "student")}
        emails = {u: session.scalar(select(func.count(LoginEvent.id)).join(User, User.id == LoginEvent.user_id).where(User.username == u)) for u in names}
    assert emails["ac2"] > 0
    page = words(as_("acc").get("/admin/login_event/?page_size=100"))
    assert names["amp"] in page
    with rows(app) as session:
        other = session.scalar(select(LoginEvent.id).join(User, User.id == LoginEvent.user_id).where(User.username == "ac2"))
        staff = session.scalar(select(LoginEvent.id).join(User, User.id == LoginEvent.user_id).where(User.username == "amp"))
    assert as_("acc").get(f"/admin/login_event/details/?id={other}").status_code == 404
    assert as_("acc").get(f"/admin/login_event/details/?id={staff}").status_code == 200
    assert as_("ec").get(f"/admin/login_event/details/?id={staff}").status_code == 404
    assert as_("amp").get(f"/admin/login_event/details/?id={staff}").status_code == 404


@pytest.mark.parametrize("path", ["new/", "edit/?id=1", "delete/"])
def test_sign_ins_are_read_only(as_, path):
    browser = as_("acc")
    assert send(browser, f"/admin/login_event/{path}", page="/account", id="1").status_code == 403


def test_sign_ins_are_exported_by_the_site_administrator_alone(as_):
    assert as_("acc").get("/admin/login_event/export/csv/").status_code == 200
    assert as_("ac").get("/admin/login_event/export/csv/").status_code == 403


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


# --- editing people -------------------------------------------------------------------------------------------------------------


def test_a_new_email_is_not_confirmed_and_ends_the_sessions(as_, app):
    browser, theirs = as_("acc"), as_("amp")
    answer = form(browser, f"/admin/user/edit/?id={user_of(app, 'amp')}", given_name="Léa", family_name="Petit", email="lea@tilleuls.exemple", username="amp")
    assert answer.status_code == 302, words(answer)
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == "amp"))
        assert (user.email, user.email_confirmed_at) == ("lea@tilleuls.exemple", None)
    assert theirs.get("/account").status_code == 302


@pytest.mark.parametrize("target", ["acc", "head", "inspector", "ac"])
def test_28_nobody_edits_somebody_with_a_role_that_they_may_not_give(as_, app, target):
    browser = as_("ac")
    answer = form(browser, f"/admin/user/edit/?id={user_of(app, target)}", given_name="X", family_name="Y", email="taken@evil.example", username=target)
    assert answer.status_code == 422
    for verb in ("invite", "disable", "end_sessions"):
        do(browser, "user", verb, user_of(app, target))
    assert roles_of(app, target) == {target: True}
    with rows(app) as session:
        assert session.scalar(select(User.email).where(User.username == target)) != "taken@evil.example"
        assert (
            session.scalar(
                select(func.count(JournalEvent.id)).where(
                    JournalEvent.verb.in_(("invite", "disable", "end_sessions")), JournalEvent.row_id == user_of(app, target)
                )
            )
            == 0
        )


def test_28_nobody_changes_their_own_roles(as_, app):
    browser, held = as_("acc"), held_by(app, "acc")
    assert form(browser, f"/admin/membership/edit/?id={held}", role="head", active="y").status_code == 422
    assert send(browser, "/admin/membership/delete/", page="/account", id=str(held), _asked="1").status_code == 409
    do(browser, "user", "disable", user_of(app, "acc"))
    assert roles_of(app, "acc") == {"acc": True}


def test_28_an_administrator_does_not_become_site_administrator(as_, app):
    browser = as_("ac")
    assert form(browser, "/admin/membership/new/", user=str(user_of(app, "ac")), role="acc", active="y").status_code == 422
    assert form(browser, "/admin/membership/new/", user=str(user_of(app, "ac")), role="amp", active="y").status_code == 422
    assert form(browser, f"/admin/membership/edit/?id={held_by(app, 'amp')}", role="acc", active="y").status_code == 422
    assert form(browser, f"/admin/membership/edit/?id={held_by(app, 'head')}", role="amp", active="y").status_code == 403
    assert (roles_of(app, "ac"), roles_of(app, "amp"), roles_of(app, "head")) == ({"ac": True}, {"amp": True}, {"head": True})


def test_28_a_site_administrator_gives_no_role_in_another_school(as_, app, schools):
    browser = as_("acc")
    answer = form(browser, "/admin/membership/new/", user=str(user_of(app, "ec2")), role="acc", active="y", school_id=str(schools[1]))
    assert answer.status_code == 422
    assert roles_of(app, "ec2") == {"ec": True}


def test_28_the_last_site_administrator_stays(as_, app, schools):
    with rows(app) as session:
        second = User(username="second", given_name="Léo", family_name="Roy", password_hash="x")
        session.add(second)
        session.flush()
        session.add(Membership(user_id=second.id, school_id=schools[0], role=Role.acc))
    first, last = as_("acc"), as_("second")
    assert do(last, "user", "disable", user_of(app, "acc")).status_code == 303
    assert roles_of(app, "acc") == {"acc": False}
    assert first.get("/account").status_code == 302, "disabled at once"
    with rows(app) as session:
        session.add(Membership(user_id=session.scalar(select(User.id).where(User.username == "ec")), school_id=schools[0], role=Role.acc, active=False))
    assert form(last, f"/admin/membership/edit/?id={held_by(app, 'second')}", role="acc").status_code == 422
    assert roles_of(app, "second") == {"acc": True}


# --- disabling ------------------------------------------------------------------------------------------------------------------


def test_disabling_closes_this_school_at_once_and_no_other(as_, app, schools):
    with rows(app) as session:
        session.add(Membership(user_id=session.scalar(select(User.id).where(User.username == "amp")), school_id=schools[1], role=Role.amp))
    theirs, browser = as_("amp"), as_("acc")
    asked = send(browser, "/admin/user/action/", page="/account", action="disable", rowid=str(user_of(app, "amp")))
    assert "Désactiver l’accès" in words(asked), "it asks first"
    assert roles_of(app, "amp", schools[0]) == {"amp": True}
    do(browser, "user", "disable", user_of(app, "amp"))
    assert (roles_of(app, "amp", schools[0]), roles_of(app, "amp", schools[1])) == ({"amp": False}, {"amp": True})
    assert theirs.get("/account").status_code == 302
    assert sign_in(theirs, "amp").status_code == 302, "the other school did not notice"
    do(browser, "user", "enable", user_of(app, "amp"))
    assert roles_of(app, "amp", schools[0]) == {"amp": True}


def test_ending_sessions_signs_out_of_this_school(as_, app):
    theirs = as_("ec")
    do(as_("ac"), "user", "end_sessions", user_of(app, "ec"))
    assert theirs.get("/account").status_code == 302
    with rows(app) as session:
        assert session.scalar(select(func.count(WebSession.id)).where(WebSession.user_id == user_of(app, "ec"))) == 0


def test_withdrawing_a_role_asks_then_signs_out(as_, app):
    theirs, browser, held = as_("amp"), as_("acc"), held_by(app, "amp")
    asked = send(browser, "/admin/membership/delete/", page="/account", id=str(held))
    assert "doit se reconnecter" in words(asked)
    assert send(browser, "/admin/membership/delete/", page="/account", id=str(held), _asked="1").status_code == 302
    assert roles_of(app, "amp") == {}
    assert theirs.get("/account").status_code == 302


def test_a_guardian_account_is_not_touched_from_the_screen_of_users(as_, app):
    with rows(app) as session:
        parent = session.scalar(select(Guardian.user_id).join(User, User.id == Guardian.user_id).where(User.username == "parent"))
    browser = as_("acc")
    assert browser.get(f"/admin/user/edit/?id={parent}").status_code == 404


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
