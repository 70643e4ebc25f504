"""Instants are kept in UTC and read where the school stands; what ends on a day ends with that day; a clock that is set back holds nobody up."""

import datetime as dt
import os
import re
import time
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from conftest import clock_at, rows
from hands import DEMO, sign_in
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small import add_code, add_guardian, add_school, add_student, small_app, writing
from sqlalchemy import select, text, update

from jobs import runner
from models import suspensions
from models.access import Membership, Role, WebSession
from models.activation import ActivationCode, CodeState, last_moment, state_clause
from models.base import today, utcnow
from models.db import db
from models.journal import JournalEvent
from models.people import GuardianLink, LinkStatus
from models.school import School
from models.scope import unscoped
from models.sessions import LONGEST
from models.throttle import LOGIN_PAIR, hit, wait_seconds
from models.work import Job, JobKind, JobState
from views.formats import day_of, show_instant

ROOT = Path(__file__).parent.parent
PARIS = "Europe/Paris"
# UTC+11 without summer time, UTC-5 with it, and where clocks change at midnight.
ZONES = (PARIS, "Pacific/Noumea", "America/Toronto", "America/Martinique", "Asia/Beirut", "UTC")
TWICE = (dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC), dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC))  # both half past two in Paris
LEAP, LAST = dt.datetime(2028, 2, 29, 22, 59, 59, tzinfo=dt.UTC), dt.datetime(2026, 12, 31, 23, 30, tzinfo=dt.UTC)

instants = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 (the bounds are naive by contract)
zones = st.sampled_from(ZONES)
modest = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture(params=["UTC", "Pacific/Noumea", "America/New_York"])
def server(request):
    """The machine's own zone, which must not matter."""
    with patch.dict(os.environ, TZ=request.param):
        time.tzset()
        yield request.param
    time.tzset()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One school with a student, a code and a link, in one transaction that is rolled back for each example."""
    app = small_app(tmp_path_factory.mktemp("clock"))
    with writing(app) as session:
        school = add_school(session)
        student = add_student(session, school)
        add_code(session, student)
        session.add(GuardianLink(school_id=school.id, student=student, guardian=add_guardian(session, school)))
    return app


def midnight(day, zone):
    """The first instant of a day somewhere: its local midnight, or what comes instead where that hour does not exist."""
    before = dt.datetime.combine(day - dt.timedelta(days=1), dt.time(12), ZoneInfo(zone)).astimezone(dt.UTC)
    hours = [before + dt.timedelta(minutes=15 * n) for n in range(4 * 36)]
    return next(at for at in hours if at.astimezone(ZoneInfo(zone)).date() == day)


def plain(words):
    return words.replace("\u00a0", " ")


# --- kept in UTC, shown there ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("zone", "instant", "shown"),
    [
        (PARIS, "2026-10-25T00:30:00", "25/10/2026 2 h 30"),
        (PARIS, "2026-10-25T01:30:00", "25/10/2026 2 h 30"),  # the second time
        (PARIS, "2027-03-28T00:59:59", "28/03/2027 1 h 59"),
        (PARIS, "2027-03-28T01:00:00", "28/03/2027 3 h 00"),  # half past two never comes
        (PARIS, "2026-12-31T23:30:00", "01/01/2027 0 h 30"),
        (PARIS, "2028-02-28T23:00:00", "29/02/2028 0 h 00"),
        ("Pacific/Noumea", "2026-12-31T13:00:00", "01/01/2027 0 h 00"),
        ("America/Toronto", "2027-01-01T04:59:00", "31/12/2026 23 h 59"),
    ],
)
def test_an_instant_is_shown_where_the_school_stands(app, as_, schools, zone, instant, shown):
    with rows(app) as session:
        session.get(School, schools[0]).time_zone = zone
        session.add(JournalEvent(school_id=schools[0], verb="created", table_name="level", at=dt.datetime.fromisoformat(instant + "+00:00"), who="Horloge"))
        session.flush()
        kept = session.scalar(select(JournalEvent.id).where(JournalEvent.who == "Horloge"))
    page = as_("acc").get(f"/admin/journal_event/details/?id={kept}")
    assert shown in plain(page.text)


@modest
@given(instant=instants, zone=zones)
@example(instant=TWICE[0], zone=PARIS)
@example(instant=TWICE[1], zone=PARIS)
@example(instant=LEAP, zone=PARIS)
@example(instant=LAST, zone="Pacific/Noumea")
def test_whatever_instant_is_written_comes_back_the_same_and_stands_in_utc(small, instant, zone):
    with small.app_context(), unscoped("a test writes"):
        try:
            db.session.execute(update(ActivationCode).values(used_at=instant.astimezone(ZoneInfo(zone))))
            assert db.session.scalars(select(ActivationCode.used_at)).one() == instant
            assert db.session.scalar(text("SELECT used_at FROM activation_code"))[:19] == instant.strftime("%Y-%m-%d %H:%M:%S")
        finally:
            db.session.rollback()


@modest
@given(first=instants, more=st.timedeltas(dt.timedelta(seconds=1), dt.timedelta(hours=3)), zone=zones)
@example(first=TWICE[0], more=dt.timedelta(hours=1), zone=PARIS)
def test_what_came_later_stands_later_also_in_the_hour_that_comes_twice(small, first, more, zone):
    near, far = first.astimezone(ZoneInfo(zone)), (first + more).astimezone(ZoneInfo(zone))
    with small.app_context(), unscoped("a test writes"):
        try:
            db.session.execute(update(ActivationCode).values(created_at=near, expires_at=far))
            assert db.session.scalar(select(ActivationCode.id).where(ActivationCode.created_at < ActivationCode.expires_at)) is not None
        finally:
            db.session.rollback()


@modest
@given(instant=instants, zone=zones)
def test_any_instant_has_words(whole_app, instant, zone):
    from flask import g

    with whole_app.test_request_context():
        g.time_zone, g.language = zone, "fr"
        local = instant.astimezone(ZoneInfo(zone))
        assert plain(show_instant(instant)) == f"{local:%d/%m/%Y} {local.hour} h {local.minute:02d}"
        assert day_of(instant) == local.date()


def test_a_guardian_reads_the_time_of_the_childs_school(app, as_, schools):
    with rows(app) as session:
        session.execute(update(School).values(time_zone="Pacific/Noumea"))
    with clock_at("2026-12-31T13:05:00"):
        assert "01/01/2027 0 h 05" in plain(as_("parent").get("/account").text)


def test_no_day_is_read_off_an_instant_without_its_zone():
    wrong = re.compile(r"utcnow\(\)\.date\(\)|\w+_at\.date\(\)|\.at\.date\(\)|(?<!def )\btoday\(\)")
    known = {"models/custom_values.py": 1}  # the century of a year of two figures
    found = {
        path.relative_to(ROOT).as_posix(): len(hits)
        for folder in ("models", "views", "jobs")
        for path in (ROOT / folder).glob("**/*.py")
        if (hits := wrong.findall(path.read_text(encoding="utf-8")))
    }
    assert found == known


# --- what ends on a day ends with it ---------------------------------------------------------------------------------------------


@modest
@given(instant=instants, zone=zones, days=st.integers(1, 400))
@example(instant=TWICE[0], zone=PARIS, days=1)
@example(instant=dt.datetime(2027, 3, 27, 12, tzinfo=dt.UTC), zone=PARIS, days=1)
@example(instant=LEAP, zone=PARIS, days=365)
@example(instant=LAST, zone="Pacific/Noumea", days=180)
@example(instant=dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC), zone="Asia/Beirut", days=1)
def test_a_code_is_valid_until_the_last_second_of_its_day(small, instant, zone, days):
    with clock_at(instant):
        day = today(zone) + dt.timedelta(days=days)
        ends = last_moment(School(time_zone=zone), days)
    assert ends.astimezone(ZoneInfo(zone)).date() == day
    over = midnight(day + dt.timedelta(days=1), zone)
    assert ends.astimezone(dt.UTC) == over - dt.timedelta(seconds=1)
    with small.app_context(), unscoped("a test writes"):
        try:
            db.session.execute(update(ActivationCode).values(expires_at=ends))
            code = db.session.scalars(select(ActivationCode)).one()
            for now, state in ((ends - dt.timedelta(seconds=1), CodeState.usable), (over, CodeState.expired)):
                with clock_at(now):
                    assert code.state is state
                    assert db.session.scalar(select(ActivationCode.id).where(state_clause(state))) == code.id
        finally:
            db.session.rollback()


@modest
@given(day=st.dates(dt.date(2024, 1, 1), dt.date(2034, 1, 1)), zone=zones)
@example(day=dt.date(2026, 10, 24), zone=PARIS)
@example(day=dt.date(2027, 3, 28), zone=PARIS)
@example(day=dt.date(2028, 2, 29), zone="America/Toronto")
@example(day=dt.date(2026, 12, 31), zone="Pacific/Noumea")
def test_a_suspension_ends_with_its_day(small, day, zone):
    over = midnight(day + dt.timedelta(days=1), zone)
    with small.app_context(), unscoped("a test writes"):
        try:
            db.session.execute(update(School).values(time_zone=zone))
            values = {"status": LinkStatus.suspended, "suspended_until": day}
            db.session.execute(update(GuardianLink).values(values))
            with clock_at(over - dt.timedelta(seconds=1)):
                assert suspensions.lift_ended(db.session) == 0
            with clock_at(over):
                assert suspensions.lift_ended(db.session) == 1
        finally:
            db.session.rollback()


@modest
@given(first=st.dates(dt.date(2024, 1, 1), dt.date(2034, 1, 1)), length=st.integers(0, 30), zone=zones)
@example(first=dt.date(2026, 10, 25), length=0, zone=PARIS)
@example(first=dt.date(2028, 2, 29), length=0, zone="Pacific/Noumea")
def test_an_inspection_is_open_from_the_first_moment_to_the_last(first, length, zone):
    last = first + dt.timedelta(days=length)
    window = Membership(role=Role.inspector, active=True, open_from=first, open_until=last)
    second = dt.timedelta(seconds=1)
    opens, ends = midnight(first, zone), midnight(last + dt.timedelta(days=1), zone)
    for at, is_open in ((opens - second, False), (opens, True), (ends - second, True), (ends, False)):
        with clock_at(at):
            assert window.open_on(today(zone)) is is_open


def test_an_inspector_stays_out_until_it_is_morning_where_the_school_stands(app, as_, schools):
    with rows(app) as session:
        session.get(School, schools[0]).time_zone = "Pacific/Noumea"
        window = session.scalar(select(Membership).where(Membership.role == Role.inspector, Membership.school_id == schools[0]))
        window.open_from = window.open_until = dt.date(2026, 12, 1)
    for instant, status in (("2026-11-30T12:59:59", 302), ("2026-11-30T13:00:00", 200), ("2026-12-01T12:59:59", 200), ("2026-12-01T13:00:00", 302)):
        with clock_at(instant):
            assert as_("inspector").get("/admin/student/").status_code == status, instant


# --- a clock that is set back ----------------------------------------------------------------------------------------------------


BACK = dt.timedelta(hours=1)


@contextmanager
def at(instant):
    """Both clocks stand at an instant: the application's, and the one that signs cookies."""
    with clock_at(instant), patch("itsdangerous.timed.TimestampSigner.get_timestamp", lambda _signer: int(instant.timestamp())):
        yield


def test_who_signed_in_stays_in_when_the_clock_is_set_back_an_hour(app):
    now = utcnow()
    browser = app.test_client()
    with at(now):
        assert sign_in(browser, "ac").status_code == 302
        assert browser.get("/admin/").status_code == 200
    with at(now - BACK):
        assert browser.get("/admin/").status_code == 200
        page = browser.get("/account").text
        secret = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        assert browser.post("/theme", data={"csrf_token": secret, "theme": "dark"}).status_code == 302
    with at(now):
        assert browser.get("/admin/").status_code == 200


def test_who_comes_after_the_clock_was_set_back_signs_in_and_stays_the_usual_time(app):
    now = utcnow()
    browser = app.test_client()
    with at(now - BACK):
        assert sign_in(browser, "ac").status_code == 302
        assert browser.get("/admin/").status_code == 200
    later = now - BACK + dt.timedelta(minutes=60) + dt.timedelta(seconds=1)
    with at(later):
        assert browser.get("/admin/").status_code == 302


def test_a_clock_that_jumped_a_day_ahead_and_back_locks_nobody_out(app):
    now = utcnow()
    ahead = now + dt.timedelta(days=1)
    browser = app.test_client()
    with at(ahead):
        assert sign_in(browser, "ac").status_code == 302
    with at(now):
        assert browser.get("/admin/").status_code == 200
        assert sign_in(app.test_client(), "acc").status_code == 302
    with rows(app) as session:
        assert session.scalars(select(WebSession.id).where(WebSession.created_at > now + LONGEST)).first() is not None


def test_tries_from_before_the_clock_was_set_back_hold_nobody_up(app):
    now = utcnow()
    with app.app_context():
        with clock_at(now):
            for _wrong in range(LOGIN_PAIR.tries + 3):
                hit((LOGIN_PAIR, "ac|127.0.0.1"))
            assert wait_seconds((LOGIN_PAIR, "ac|127.0.0.1")) > 0
        with clock_at(now - BACK):
            assert wait_seconds((LOGIN_PAIR, "ac|127.0.0.1")) == 0
        with clock_at(now + dt.timedelta(hours=13)):
            assert wait_seconds((LOGIN_PAIR, "ac|127.0.0.1")) == 0
    with at(now - BACK):
        assert sign_in(app.test_client(), "ac", DEMO).status_code == 302


@modest
@given(shift=st.timedeltas(dt.timedelta(days=-30), dt.timedelta(days=30)), tries=st.integers(0, 20))
def test_however_the_clock_jumps_nobody_waits_longer_than_the_longest_delay(app_of_tries, shift, tries):
    now = dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC)
    with app_of_tries.app_context():
        with unscoped("a test begins again"):
            db.session.execute(text("DELETE FROM throttle"))
            db.session.commit()
        with clock_at(now):
            for _wrong in range(tries):
                hit((LOGIN_PAIR, "somebody"))
        with clock_at(now + shift):
            assert 0 <= wait_seconds((LOGIN_PAIR, "somebody")) <= (LOGIN_PAIR.delays[-1] + 2) * 60
        db.session.rollback()


@pytest.fixture(scope="module")
def app_of_tries(tmp_path_factory):
    return small_app(tmp_path_factory.mktemp("tries"))


def test_the_job_of_a_runner_that_died_before_the_clock_was_set_back_is_taken_over(tmp_path):
    app = small_app(tmp_path)
    now = utcnow()
    with app.app_context(), unscoped("a test asks"):
        db.session.add(Job(kind=JobKind.print_letters, state=JobState.waiting))
        db.session.commit()
        with clock_at(now):
            assert runner.claim("dead") is not None
        with clock_at(now - dt.timedelta(minutes=5)):
            assert runner.claim("another machine") is None
        with clock_at(now - BACK):
            assert runner.claim("next").tries == 2
