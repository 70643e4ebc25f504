"""Inspections: opened by the head alone from a day to a day, read only, over by itself, every page read in the history. S3-14, case 24."""

import datetime as dt

import pytest
from conftest import rows
from hands import do, held_by, send, sign_in, token, user_of, words
from sqlalchemy import select, update

from models.access import Membership, Role, User
from models.journal import JournalEvent

pytestmark = pytest.mark.usefixtures("cheap_hashes")

FIRST, LAST = dt.date(2026, 11, 23), dt.date(2026, 11, 25)


@pytest.fixture
def opened(app):
    """The demonstration's inspector, from a Monday to a Wednesday."""
    with rows(app) as session:
        held = session.get_one(Membership, held_by(app, "inspector"))
        held.open_from, held.open_until = FIRST, LAST
        return held.id


def pages(app):
    """(screen, record) of every page that was read, in order."""
    with rows(app) as session:
        look = select(JournalEvent.table_name, JournalEvent.row_id).where(JournalEvent.verb == "page_read").order_by(JournalEvent.id)
        return [tuple(line) for line in session.execute(look)]


def test_24_the_head_opens_an_inspection_for_somebody_new_on_one_page(app, as_, wound):
    wound("2026-11-23T08:00:00")
    head = as_("head")
    assert all("/admin/membership/inspection/" in head.get(path).text for path in ("/admin/", "/admin/user/", "/admin/membership/"))
    assert "/admin/membership/inspection/" not in as_("acc").get("/admin/user/").text
    assert "Utilisateurs Ouvrir une inspection" in words(head.get("/admin/membership/inspection/"))
    fields = {"person": "new", "given_name": "Odile", "family_name": "Garance", "email": "odile@example.org", "from": "2026-11-24", "until": "2026-11-26"}
    answer = send(head, "/admin/membership/inspection/", page="/admin/membership/inspection/", **fields)
    page = head.get(answer.headers["Location"])
    assert "Odile Garance a accès en lecture du 24/11/2026 au 26/11/2026." in words(page)
    assert "Accès prévu du 24/11/2026 au 26/11/2026." in words(page)
    assert "http://localhost/reset/" in page.text
    with rows(app) as session:
        held = session.scalar(select(Membership).join(User, User.id == Membership.user_id).where(User.email == "odile@example.org"))
        assert (held.role, held.open_from.day, held.open_until.day) == (Role.inspector, 24, 26)
        assert session.scalar(select(JournalEvent.row_id).where(JournalEvent.verb == "open_inspection").order_by(JournalEvent.id.desc())) == held.id
    assert "Odile Garance" in words(head.get("/admin/"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"person": "new", "family_name": ""}, "Remplissez ce champ"),
        ({"person": "new", "email": "nobody"}, "Courriel"),
        ({"from": "2026-11-26", "until": "2026-11-24"}, "dernier jour"),
        ({"from": "2026-11-01", "until": "2026-11-02"}, "dernier jour"),
        ({"until": ""}, "Choisissez un jour"),
        ({"person": "999999"}, ""),
    ],
)
def test_24_an_opening_that_makes_no_sense_is_refused_and_nobody_is_added(app, as_, opened, wound, wrong, said):
    wound("2026-11-23T08:00:00")
    head = as_("head")
    usual = {"person": str(opened), "given_name": "Odile", "family_name": "Garance", "email": "odile@example.org", "from": "2026-11-24", "until": "2026-11-26"}
    answer = send(head, "/admin/membership/inspection/", page="/admin/membership/inspection/", **{**usual, **wrong})
    assert answer.status_code == 422
    assert said.lower() in words(answer).lower() or "adresse" in words(answer).lower()
    with rows(app) as session:
        assert session.get_one(Membership, opened).open_until == LAST
        assert session.scalar(select(User.id).where(User.email == "odile@example.org")) is None


def test_24_nobody_else_opens_or_prolongs_it(app, as_, opened):
    window = {"from": "2026-11-23", "until": "2027-11-23"}
    for who in ("acc", "ac", "ec", "inspector"):
        browser = as_(who)
        if who != "inspector":
            assert send(browser, "/admin/membership/inspection/", page="/account", person=opened, **window).status_code == 403
        assert do(browser, "membership", "open_inspection", opened, **window).status_code == 403 if browser.get("/account").status_code == 200 else True
    with rows(app) as session:
        assert session.get_one(Membership, opened).open_until == LAST


def test_24_before_and_after_its_days_nothing_opens_and_an_open_session_ends_with_the_last_one(app, client, opened, wound):
    wound("2026-11-22T22:59:00")  # a minute before Monday, in Paris
    assert sign_in(client, "inspector").status_code == 403
    wound("2026-11-22T23:00:00")
    assert sign_in(client, "inspector").status_code == 302
    assert client.get("/admin/student/").status_code == 200
    wound("2026-11-25T22:58:00")
    assert client.get("/admin/").status_code == 302, "an hour without use"
    assert sign_in(client, "inspector").status_code == 302
    assert client.get("/admin/student/").status_code == 200
    wound("2026-11-25T23:00:00")
    assert client.get("/admin/student/").headers["Location"].startswith("/login")
    assert sign_in(client, "inspector").status_code == 403


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
def test_24_whatever_an_inspector_sends_to_the_staff_pages_is_refused(app, as_, wound, a_student, schools, monkeypatch):
    monkeypatch.setattr("views.refusals.MOST", 10_000)
    wound("2026-11-24T10:00:00")
    browser = as_("inspector")
    with rows(app) as session:
        before = session.scalar(select(JournalEvent.id).order_by(JournalEvent.id.desc()))
    accepted, mark = [], token(browser.get("/account").text)
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or not str(rule).startswith("/admin/") or rule.endpoint.endswith(".views_view"):
            continue  # a saved view is an address that one keeps for oneself
        path = str(rule).split("<")[0]
        fields = {"csrf_token": mark, "id": "1", "rowid": "1", "action": "merge", "name": "x"}
        answer = browser.post(f"{path}?id={schools[0] if 'school/' in path else a_student}", data=fields)
        if answer.status_code < 400 or answer.status_code >= 500:
            accepted.append((str(rule), answer.status_code))
    assert accepted == []
    with rows(app) as session:
        verbs = set(session.scalars(select(JournalEvent.verb).where(JournalEvent.id > before)))
        assert {verb for verb in verbs if not verb.startswith("refused_")} <= {"page_read"}


# --- what was read -----------------------------------------------------------------------------------------------------------------------


def test_every_page_that_an_inspector_reads_is_one_line_of_the_history(app, as_, opened, wound, a_student):
    wound("2026-11-24T10:00:00")
    browser, colleague = as_("inspector"), as_("ec")
    for page in ("/admin/", "/admin/student/", f"/admin/student/details/?id={a_student}", "/admin/search?q=zzzz", "/account"):
        assert browser.get(page).status_code == 200
    for silent in ("/static/app.css", "/admin/school/logo/", "/admin/user/", "/admin/student/details/?id=999999", "/", "/healthz"):
        browser.get(silent, buffered=True)
    browser.head("/admin/student/")
    colleague.get("/admin/student/")
    assert pages(app) == [("home", None), ("student", None), ("student", a_student), ("search", None), ("account", None)]
    with rows(app) as session:
        line = session.scalar(select(JournalEvent).where(JournalEvent.verb == "page_read").limit(1))
        assert (line.user_id, line.roles) == (user_of(app, "inspector"), "inspector")
    assert "Chaque page que vous lisez est notée dans l’historique." in words(browser.get("/admin/"))
    assert "25/11/2026" in words(browser.get("/admin/"))


def test_the_head_sees_what_was_read_day_by_day(app, as_, opened, wound, a_student):
    head = None
    for day in ("2026-11-23T10:00:00", "2026-11-25T22:30:00"):
        wound(day)
        as_("inspector").get(f"/admin/student/details/?id={a_student}")
    with rows(app) as session:  # somebody else's page of these days, and one of another inspection
        session.add_all(
            [
                JournalEvent(
                    school_id=1, user_id=user_of(app, "ec"), who="Autre", verb="page_read", table_name="student", at=dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
                ),
                JournalEvent(
                    school_id=1,
                    user_id=user_of(app, "inspector"),
                    who="Avant",
                    verb="page_read",
                    table_name="group",
                    at=dt.datetime(2026, 11, 22, 22, tzinfo=dt.UTC),
                ),
            ]
        )
    head = as_("head")
    page = head.get(f"/admin/membership/details/?id={opened}")
    assert "2 pages lues" in words(page)
    where = page.text.split("2 pages lues")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    read = head.get(where)
    assert words(read).count("lecture d’une page") == 2
    assert "Avant" not in words(read)
    assert "2 pages lues" in words(head.get("/admin/"))
    assert do(head, "membership", "close_inspection", opened).status_code == 303
    assert "pages lues" not in words(head.get("/admin/"))
    assert "pages lues" not in words(as_("acc").get("/admin/"))


def test_a_page_that_cannot_be_written_down_is_not_shown(app, as_, opened, wound, monkeypatch):
    import sqlite3

    from sqlalchemy.exc import OperationalError

    wound("2026-11-24T10:00:00")
    browser = as_("inspector")

    def locked(*_args, **_kwargs):
        problem = sqlite3.OperationalError("database is locked")
        problem.sqlite_errorcode = 5
        raise OperationalError("INSERT", {}, problem)

    monkeypatch.setattr("views.inspection.record", locked)
    answer = browser.get("/admin/student/")
    assert answer.status_code == 503
    assert "Occupé un instant" in words(answer)
    assert "lignes" not in words(answer)


def test_looking_as_an_inspector_reads_nothing_in_their_name(app, as_, opened, wound, schools):
    wound("2026-11-24T10:00:00")
    browser = as_("acc")
    with rows(app) as session:
        session.execute(update(User).where(User.username == "acc").values(epoch=User.epoch))
    send(browser, "/admin/user/see_as/?role=inspector", page="/admin/user/see_as/?role=inspector", password="scolabri-demo-2026")
    assert browser.get("/admin/student/").status_code == 200
    assert pages(app) == []


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"until": "9999-12-31"}, "Une inspection dure un an au plus."),
        ({"until": "2027-11-26"}, "Une inspection dure un an au plus."),
        ({"from": "0001-01-01", "until": "2026-11-25"}, "Une inspection dure un an au plus."),
        ({"from": "2026-11-20", "until": "2026-11-25"}, "Le premier jour est trop ancien."),
        ({"from": "2029-01-01", "until": "2029-01-05"}, "Le dernier jour est trop lointain."),
    ],
)
def test_24_an_inspection_lasts_a_year_at_most_and_is_neither_past_nor_far(app, as_, opened, wound, days, said):
    wound("2026-11-23T08:00:00")
    head, window = as_("head"), {"from": "2026-11-24", "until": "2026-11-26", **days}
    answer = send(head, "/admin/membership/inspection/", page="/admin/membership/inspection/", person=str(opened), **window)
    assert (answer.status_code, said in words(answer)) == (422, True)
    assert do(head, "membership", "open_inspection", opened, **window).status_code == 422
    new = {"given_name": "Odile", "family_name": "Garance", "email": "odile@example.org", "role": "inspector"}
    assert send(head, "/admin/user/new/", page="/admin/user/new/", **new, open_from=window["from"], open_until=window["until"]).status_code == 422


def test_days_that_no_calendar_reaches_break_no_page(app, as_, opened):
    with rows(app) as session:
        held = session.get_one(Membership, opened)
        held.open_from, held.open_until = dt.date(1, 1, 1), dt.date(9999, 12, 31)
    head = as_("head")
    for page in ("/admin/", f"/admin/membership/details/?id={opened}", "/admin/membership/", "/admin/journal_event/?flt0_at.UntilDay=9999-12-31"):
        assert head.get(page).status_code == 200, page
    for page in ("/admin/", "/admin/student/", "/account"):
        assert as_("inspector").get(page).status_code == 200, page
    assert as_("acc").get(f"/admin/membership/edit/?id={opened}").status_code == 200
