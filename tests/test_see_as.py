"""Seeing the application as somebody else: the password, read only, one hour, this school, and every step in the history (case 31)."""

import re
from dataclasses import replace

import pytest
from conftest import counted, rows
from door_lines import PAGES
from flask import Response
from hands import DEMO, do, send, sign_in, token, user_of, words
from sqlalchemy import func, select
from test_right_screen import save

from jobs import runner
from models import see_as, seeing
from models.access import Membership, Role, User, WebSession
from models.actors import staff_in
from models.base import Base, Refusal
from models.db import db
from models.journal import JournalEvent
from models.people import Level, Student
from models.reach import AUTHOR_ONLY
from models.saved_view import SavedView
from models.scope import acting
from models.seeing import SeeAs


def look(browser, app, who="ec", role="", password=DEMO):
    """Type the password and begin."""
    query = f"role={role}" if role else f"id={user_of(app, who)}"
    return send(browser, f"/admin/user/see_as/?{query}", page=f"/admin/user/see_as/?{query}", password=password)


@pytest.fixture
def looking(as_, app):
    """A browser of the site administrator who looks as the teacher."""
    browser = as_("acc")
    assert look(browser, app).status_code == 303
    return browser


def lines(app, *verbs):
    """(verb, who did it, about whom, school) of the lines of the history."""
    with rows(app) as session:
        found = session.execute(
            select(JournalEvent.verb, JournalEvent.user_id, JournalEvent.row_id, JournalEvent.school_id)
            .where(JournalEvent.verb.in_(verbs))
            .order_by(JournalEvent.id)
        )
        return [tuple(row) for row in found]


def print_of_everything(app, but=()):
    """How many rows each table holds, and when each user was seen last."""
    with rows(app) as session:
        counts = {name: session.scalar(select(func.count()).select_from(table)) for name, table in Base.metadata.tables.items() if name not in but}
        return counts, session.execute(select(User.id, User.last_seen_at, User.version, User.language).order_by(User.id)).all()


# --- beginning -----------------------------------------------------------------------------------------------------------------


def test_the_password_is_asked_again_and_a_wrong_one_is_told_and_written(as_, app):
    browser = as_("acc")
    page = browser.get(f"/admin/user/see_as/?id={user_of(app, 'ec')}")
    assert "pendant 60 minutes au plus" in words(page)
    answer = look(browser, app, password="not the password")
    assert answer.status_code == 422
    assert "Le mot de passe actuel n’est pas le bon" in words(answer)
    assert look(browser, app, password="").status_code == 422
    assert [line[0] for line in lines(app, "refused_see_as", "see_as")] == ["refused_see_as"]
    assert browser.get("/admin/right/").status_code == 200, "nothing has begun"


def test_a_stolen_session_cannot_guess_the_password(as_, app):
    browser = as_("acc")
    for _try in range(10):
        look(browser, app, password="not the password")
    answer = look(browser, app)
    assert answer.status_code == 422
    assert "Trop d’essais" in words(answer)


def test_05_beginning_and_leaving_give_another_token_and_the_earlier_one_is_dead(as_, app):
    browser, thief = as_("acc"), app.test_client()
    cookies = []
    for step in ("begin", "leave"):
        cookies.append(browser.get_cookie("scolabri").value)
        if step == "begin":
            look(browser, app)
        else:
            send(browser, "/see_as/leave", page="/account")
    for cookie in cookies:
        thief.set_cookie("scolabri", cookie)
        assert thief.get("/account").headers["Location"].startswith("/login")
    assert browser.get("/admin/right/").status_code == 200


def test_one_sees_what_the_person_sees_and_a_banner_says_so(looking, app, schools):
    page = looking.get("/admin/")
    assert "Vous voyez l’application comme" in words(page)
    assert "Enseignant ou conseiller" in words(page)
    assert "Revenir à mon compte" in page.text
    assert "Utilisateurs" not in words(page)
    assert looking.get("/admin/user/").status_code == 403
    with app.app_context(), acting(*staff_in(db.session, user_of(app, "ec"), schools[0])):
        inside = db.session.scalars(select(Student.id)).all()
    with rows(app) as session:
        outside = session.scalar(select(Student.id).where(Student.school_id == schools[0], Student.id.not_in(inside)))
    assert looking.get(f"/admin/student/details/?id={inside[0]}").status_code == 200
    assert looking.get(f"/admin/student/details/?id={outside}").status_code == 404


@pytest.mark.parametrize("path", ["/admin/", "/admin/student/", "/account", "/admin/user/", "/admin/student/details/?id=99999999", "/admin/search?q=a"])
def test_the_banner_stands_on_every_page_errors_included(looking, path):
    page = looking.get(path)
    assert 'class="seeing"' in page.text
    assert 'action="/see_as/leave"' in page.text


def test_a_role_is_seen_without_anybody(as_, app):
    browser = as_("acc")
    assert look(browser, app, role="registrar").status_code == 303
    page = browser.get("/admin/")
    assert "Vous voyez l’application comme Registraire." in words(page)
    assert browser.get("/admin/student/").status_code == 200
    assert browser.get("/admin/right/").status_code == 403
    assert send(browser, "/see_as/leave", page="/account").headers["Location"].endswith("/admin/right/?role=registrar")


def test_what_the_school_changed_counts_for_the_eyes_too(as_, app, looking):
    assert looking.get("/admin/login_event/").status_code == 200
    save(as_("acc"), "ec", untick=["login_event.read"])
    assert looking.get("/admin/login_event/").status_code == 403


REFUSED = [
    ("acc", "", "C’est vous"),
    ("second", "", "est administrateur du site et voit ce que vous voyez"),
    ("invigilator", "", "n’a aujourd’hui aucun rôle du personnel ouvert"),
]


@pytest.mark.parametrize(("who", "role", "sentence"), REFUSED)
def test_nobody_looks_as_themselves_as_another_administrator_or_as_who_has_no_pages(as_, app, schools, who, role, sentence):
    with rows(app) as session:
        second = User(username="second", given_name="Léo", family_name="Roy", password_hash="x")
        session.add(second)
        session.flush()
        session.add(Membership(user_id=second.id, school_id=schools[0], role=Role.acc))
    browser = as_("acc")
    address = f"/admin/user/see_as/?id={user_of(app, who)}"
    assert sentence in words(browser.get(address))
    assert send(browser, address, page="/account", password=DEMO).status_code == 422
    assert lines(app, "see_as") == []


@pytest.mark.parametrize("role", ["acc", "guardian", "student", "invigilator", "nobody"])
def test_the_portals_and_ones_own_role_are_not_looked_at(as_, app, role):
    assert as_("acc").get(f"/admin/user/see_as/?role={role}").status_code == 404


def test_14_people_of_another_school_and_guardians_are_not_there(as_, app):
    browser = as_("acc")
    for who in ("ec2", "acc2", "parent"):
        assert browser.get(f"/admin/user/see_as/?id={user_of(app, who)}").status_code == 404, who
    assert browser.get("/admin/user/see_as/").status_code == 400


def test_31_nobody_else_begins(as_, app):
    for who in ("ac", "head", "ec", "amp", "registrar", "inspector"):
        assert send(as_(who), f"/admin/user/see_as/?id={user_of(app, 'amp')}", page="/account", password=DEMO).status_code == 403, who
    save(as_("acc"), "acc", untick=["user.see_as"])
    assert as_("acc").get(f"/admin/user/see_as/?id={user_of(app, 'ec')}").status_code == 403, "a school may do without"
    assert lines(app, "see_as") == []


def test_the_rule_holds_in_the_model_whatever_the_door(app, schools):
    number = user_of(app, "ec")
    with app.test_request_context(), acting(*staff_in(db.session, user_of(app, "ac"), schools[0])), pytest.raises(Refusal, match="Seul l’administrateur"):
        see_as.check(db.session.get(User, number))


def test_the_verb_of_the_list_leads_to_the_page_one_person_at_a_time(as_, app):
    browser, number = as_("acc"), user_of(app, "ec")
    assert do(browser, "user", "see_as", number).headers["Location"].endswith(f"/admin/user/see_as/?id={number}")
    answer = do(browser, "user", "see_as", number, user_of(app, "amp"))
    assert "Choisissez une seule personne" in words(browser.get(answer.headers["Location"]))


# --- read only -----------------------------------------------------------------------------------------------------------------


def test_everything_that_is_sent_is_refused_but_the_way_back(looking, app):
    before = print_of_everything(app, but=("journal_event", "throttle"))
    page = token(looking.get("/account").text)
    posted = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in ("see_as.leave", "auth.logout"):
            continue
        path = re.sub(r"<int:[^>]+>", "1", re.sub(r"<(?!int:)[^>]+>", "x", str(rule)))
        answer = looking.post(path, data={"csrf_token": page, "id": "1", "rowid": "1", "action": "deactivate", "_asked": "1", "language": "en"})
        assert answer.status_code == 403, path
        assert "rien n’est enregistré, exporté ni téléchargé" in words(answer), path
        posted += 1
    assert posted > 40
    assert print_of_everything(app, but=("journal_event", "throttle")) == before
    told = lines(app, "refused_see_as")
    assert len(told) == posted, "each refusal is written"
    assert {(who, about) for _verb, who, about, _school in told} == {(user_of(app, "acc"), user_of(app, "ec"))}


def test_reading_every_page_writes_nothing_and_nothing_as_the_person(looking, app, schools, monkeypatch):
    monkeypatch.setattr("views.refusals.MOST", 10_000)
    before = print_of_everything(app, but=("journal_event", "throttle", "web_session"))
    for path in PAGES:
        if "{" not in path and path != "/admin/student/export/csv/":
            assert looking.get(path, buffered=True).status_code < 500, path
    assert print_of_everything(app, but=("journal_event", "throttle", "web_session")) == before
    with rows(app) as session:
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.user_id == user_of(app, "ec"), JournalEvent.verb.like("refused%"))) == 0


@pytest.mark.parametrize("path", ["/admin/student/export/csv/", "/admin/student/export/xlsx/", "/admin/job/download/?id=1", "/admin/label/export/fr/"])
def test_nothing_is_exported_or_downloaded(looking, app, path):
    before = lines(app, "exported")
    answer = looking.get(path)
    assert answer.status_code == 403
    assert answer.mimetype == "text/html"
    assert lines(app, "exported") == before
    assert len(lines(app, "refused_see_as")) == 1


@pytest.mark.parametrize(
    "made",
    [Response(b"%PDF", mimetype="application/pdf"), Response("a;b", mimetype="text/html", headers={"Content-Disposition": "attachment; filename=a.csv"})],
)
def test_a_file_from_an_address_that_nobody_foresaw_does_not_leave(looking, app, monkeypatch, made):
    monkeypatch.setitem(app.view_functions, "auth.home", lambda: made)
    answer = looking.get("/")
    assert answer.status_code == 403
    assert "Vous ne faites que regarder" in words(answer)
    assert "Content-Disposition" not in answer.headers


def test_the_last_wall_lets_no_row_be_written(app, schools, looking):
    with app.test_request_context(), app.app_context():
        actor, scope = staff_in(db.session, user_of(app, "acc"), schools[0])
        with acting(replace(actor, looking=True), scope):
            db.session.add(Level(name="CP", rank=1))
            with pytest.raises(Refusal, match="rien n’est écrit"):
                db.session.flush()
            db.session.rollback()
            level = db.session.scalars(select(Level)).first()
            level.name = "Autre"
            with pytest.raises(Refusal):
                db.session.flush()
            db.session.rollback()
            db.session.delete(level)
            with pytest.raises(Refusal):
                db.session.flush()
            db.session.rollback()


def test_rows_that_only_their_author_reads_stay_away(app, as_, schools, looking):
    """One place decides (models/reach.py, AUTHOR_ONLY): whatever stands there is hidden from whoever looks."""
    assert SavedView in AUTHOR_ONLY
    with rows(app) as session:
        teacher = user_of(app, "ec")
        for name, shared in (("À moi seule", False), ("Pour tous", True)):
            session.add(SavedView(school_id=schools[0], owner_id=teacher, table_name="student", name=name, query="", shared=shared))
    assert "À moi seule" in words(as_("ec").get("/admin/student/"))
    page = words(looking.get("/admin/student/"))
    assert "À moi seule" not in page
    assert "Pour tous" in page


# --- ending --------------------------------------------------------------------------------------------------------------------


def test_one_press_comes_back_to_where_one_was_and_the_history_says_who_looked_as_whom(looking, app, schools):
    acc, ec = user_of(app, "acc"), user_of(app, "ec")
    answer = send(looking, "/see_as/leave", page="/admin/student/")
    assert answer.headers["Location"].endswith(f"/admin/user/details/?id={ec}")
    page = looking.get(answer.headers["Location"])
    assert page.status_code == 200
    assert 'class="seeing"' not in page.text
    assert lines(app, "see_as", "see_as_ended") == [("see_as", acc, ec, schools[0]), ("see_as_ended", acc, ec, schools[0])]
    with rows(app) as session:
        roles = session.scalars(select(JournalEvent.roles).where(JournalEvent.verb.in_(("see_as", "see_as_ended")))).all()
        assert roles == ["ec", "ec"], "the roles in force"
        assert session.scalar(select(func.count(SeeAs.id))) == 0
    assert "consultation sous un autre rôle" in words(looking.get("/admin/journal_event/"))
    assert send(looking, "/see_as/leave", page="/account").headers["Location"] == "/", "twice is once"


def test_it_ends_after_an_hour_whatever_one_does(looking, app, clock, monkeypatch):
    monkeypatch.setattr(seeing, "utcnow", clock)
    monkeypatch.setattr(see_as, "utcnow", clock)
    for _visit in range(2):
        clock.forward(minutes=29)
        assert 'class="seeing"' in looking.get("/admin/").text
    clock.forward(minutes=3)
    page = looking.get("/admin/")
    assert 'class="seeing"' not in page.text
    assert "Vous voyez de nouveau l’application avec votre propre compte" in words(page)
    assert "Vous voyez de nouveau" not in words(looking.get("/admin/"))
    assert [line[0] for line in lines(app, "see_as", "see_as_ended")] == ["see_as", "see_as_ended"]
    assert looking.get("/admin/right/").status_code == 200


def test_it_ends_with_the_session_and_the_history_hears_of_it(looking, app):
    assert send(looking, "/logout", page="/account").headers["Location"] == "/login"
    assert [line[0] for line in lines(app, "see_as_ended")] == ["see_as_ended"]
    sign_in(looking, "acc")
    assert 'class="seeing"' not in looking.get("/admin/").text


def test_a_session_that_went_away_is_closed_by_the_sweep(looking, app):
    with rows(app) as session:
        session.delete(session.scalar(select(WebSession).order_by(WebSession.id.desc())))
    assert runner.sweep(app)["looks"] == 1
    assert lines(app, "see_as_ended") == [("see_as_ended", user_of(app, "acc"), user_of(app, "ec"), lines(app, "see_as")[0][3])]
    assert runner.sweep(app)["looks"] == 0


@pytest.mark.parametrize("change", ["the person loses their role", "the person becomes an administrator", "the right is withdrawn"])
def test_it_ends_when_it_could_no_longer_begin(looking, app, as_, schools, change):
    if change == "the person loses their role":
        do(as_("acc"), "user", "disable", user_of(app, "ec"))
    elif change == "the person becomes an administrator":
        with rows(app) as session:
            session.add(Membership(user_id=user_of(app, "ec"), school_id=schools[0], role=Role.acc))
    else:
        save(as_("acc"), "acc", untick=["user.see_as"])
    page = looking.get("/admin/right/")
    assert page.status_code == 200
    assert 'class="seeing"' not in page.text
    assert [line[0] for line in lines(app, "see_as_ended")] == ["see_as_ended"]


def test_it_ends_when_the_administrator_is_none_any_more(looking, app):
    with rows(app) as session:
        held = session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "acc"))
        held.role = Role.amp
    assert looking.get("/admin/right/").status_code == 403
    page = looking.get("/admin/student/")
    assert page.status_code == 200
    assert 'class="seeing"' not in page.text


def test_a_second_browser_of_the_administrator_sees_with_its_own_eyes(looking, as_):
    assert 'class="seeing"' not in as_("acc").get("/admin/").text
    assert 'class="seeing"' in looking.get("/admin/").text


def test_looking_costs_two_questions_more_at_most(as_, app):
    def asked(browser):
        browser.get("/admin/student/")
        with counted(app) as seen:
            assert browser.get("/admin/student/").status_code == 200
        return len(seen)

    teacher, browser = asked(as_("ec")), as_("acc")
    look(browser, app)
    assert asked(browser) <= teacher + 2
