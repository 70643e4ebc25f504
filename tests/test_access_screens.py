"""The screens of users, roles held and sign-ins: what they list, who edits and closes. Numbers are the security cases."""

import pytest
from conftest import counted, rows
from hands import do, form, held_by, roles_of, send, sign_in, user_of, words
from sqlalchemy import func, select

from models.access import LoginEvent, Membership, Role, User, WebSession
from models.journal import JournalEvent
from models.people import Guardian

pytestmark = pytest.mark.usefixtures("cheap_hashes")


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
