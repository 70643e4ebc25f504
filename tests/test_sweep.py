"""What the runner tidies once an hour: suspensions that end, files that no row names."""

import datetime as dt
import os

import pytest
from small import add_guardian, add_person, add_school, add_student, as_staff, small_app, writing
from sqlalchemy import select

from jobs import runner
from models import files, strays
from models.base import Refusal, today
from models.db import db
from models.files import keep
from models.journal import JournalEvent
from models.people import GuardianLink, LinkStatus
from models.work import Job, JobKind, JobState

LAST_DAY = dt.date(2026, 11, 30)


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


def suspended(app, until=None, zone="Europe/Paris"):
    """The identifier of a suspended link in a school of this zone."""
    with writing(app) as session:
        school = add_school(session, time_zone=zone)
        student = add_student(session, school)
        link = GuardianLink(school_id=school.id, student=student, guardian=add_guardian(session, school))
        session.add(link)
        session.flush()
        link.suspend("Décision du juge")
        link.suspended_until = until
        return link.id


def read(app, link_id):
    """(status, reason, until, words of the history) of a link."""
    with writing(app) as session:
        link = session.get(GuardianLink, link_id)
        lines = session.scalars(select(JournalEvent).where(JournalEvent.table_name == "guardian_link", JournalEvent.verb == "suspension_ended"))
        return link.status, link.suspended_reason, link.suspended_until, [(line.row_id, line.who, line.school_id) for line in lines]


@pytest.mark.parametrize(
    ("zone", "last", "first"),
    [
        ("Europe/Paris", "2026-11-30T22:59:59", "2026-11-30T23:00:00"),
        ("Pacific/Noumea", "2026-11-30T12:59:59", "2026-11-30T13:00:00"),
        ("America/Toronto", "2026-12-01T04:59:59", "2026-12-01T05:00:00"),
    ],
)
def test_a_suspension_ends_with_the_last_moment_of_its_day_where_the_school_stands(app, wound, zone, last, first):
    link = suspended(app, LAST_DAY, zone)
    wound(last)
    assert runner.sweep(app)["suspensions"] == 0
    assert read(app, link)[0] is LinkStatus.suspended
    wound(first)
    assert runner.sweep(app)["suspensions"] == 1
    status, reason, until, lines = read(app, link)
    assert (status, reason, until) == (LinkStatus.active, "", None)
    assert [(row, who) for row, who, _school in lines] == [(link, "scolabri")]
    assert lines[0][2] is not None
    assert runner.sweep(app)["suspensions"] == 0


def test_a_suspension_without_a_day_stays(app, wound):
    link = suspended(app)
    wound("2040-01-01T00:00:00")
    assert runner.sweep(app)["suspensions"] == 0
    assert read(app, link)[0] is LinkStatus.suspended


def test_a_suspension_that_would_be_over_is_refused_and_one_that_ends_today_is_not(app):
    link_id = suspended(app)
    with writing(app) as session:
        link = session.get(GuardianLink, link_id)
        link.reactivate()
        with pytest.raises(Refusal, match="serait déjà terminée"):
            link.suspend("Décision du juge", today() - dt.timedelta(days=1))
        assert link.status is LinkStatus.active
        link.suspend("Décision du juge", today())


def test_a_step_that_fails_holds_back_no_other(app, wound, monkeypatch, caplog):
    from jobs import sweep

    def broken():
        raise OSError("disk")

    monkeypatch.setattr(sweep, "STEPS", (broken, *sweep.STEPS))
    link = suspended(app, LAST_DAY)
    wound("2027-01-01T00:00:00")
    assert "broken" not in runner.sweep(app)
    assert "the sweep could not do: broken" in caplog.text
    assert read(app, link)[0] is LinkStatus.active


def aged(key, days=2, suffix=""):
    """Make a kept file seem that old."""
    path = files.path_of(key)
    path = path.with_name(path.name + suffix)
    then = path.stat().st_mtime - dt.timedelta(days=days).total_seconds()
    os.utime(path, (then, then))


def test_a_file_that_no_row_names_goes_after_a_day_and_no_other_does(app):
    with writing(app) as session:
        school = add_school(session)
        person = add_person(session, school)
        where = school.id, person.id
    fresh, lost, letters, undone = (keep(word.encode()) for word in ("fresh", "lost", "letters", "named in a packed value"))
    with app.app_context(), as_staff(where[1], where[0]):
        job = Job.add(JobKind.print_letters, {"somewhere": {"deep": [undone]}})
        job.state, job.file_key = JobState.done, letters
        db.session.commit()
    unfinished = files.path_of(lost).with_suffix(".part")
    unfinished.write_bytes(b"half")
    aged(lost, suffix=".part")
    for key in (lost, letters, undone):
        aged(key)
    assert runner.sweep(app)["stray_files"] == 2
    assert {path.name for path in files.path_of(fresh).parent.iterdir()} == {fresh, letters, undone}
    assert runner.sweep(app)["stray_files"] == 0


def test_what_a_killed_process_left_of_its_work_goes_after_an_hour(app):
    with files.workplace() as under_way:
        left = under_way.parent / "scolabri-left"
        left.mkdir()
        (left / "data.json").write_text('{"code": "in clear"}')
        then = left.stat().st_mtime - dt.timedelta(minutes=61).total_seconds()
        os.utime(left, (then, then))
        assert under_way.stat().st_mode & 0o077 == 0
        assert runner.sweep(app)["stray_files"] == 1
        assert [path.name for path in under_way.parent.iterdir()] == [under_way.name]
    assert list(under_way.parent.iterdir()) == []


def test_a_key_is_found_in_whatever_text_it_stands(app):
    with writing(app) as session:
        student = add_student(session, add_school(session))
        student.local_id = keep(b"anywhere")
        session.flush()
        assert strays.strays(session, [student.local_id, "0" * 32]) == {"0" * 32}


def test_the_columns_named_after_what_they_hold_are_looked_through_first():
    first = {column.table.name for column in strays._texts(likely=True) if column.name == "file_key"}
    assert {"job", "import_file"} <= first
    both = [*strays._texts(likely=True), *strays._texts(likely=False)]
    assert len(both) == len(set(both)) > len(first)
