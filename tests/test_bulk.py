"""A verb on more rows than a person waits for: a job, all of them or none, with the asker's rights when it runs."""

import datetime as dt

import pytest
from conftest import rows
from hands import token, words
from sqlalchemy import func, select

from jobs.runner import run_pending
from models.access import Membership, User
from models.base import Refusal
from models.journal import JournalEvent
from models.packing import pack, unpack
from models.people import Group, GroupCategory, LinkStatus, Student, StudentStatus
from models.work import Job, JobKind, JobState

MANY = 510


@pytest.fixture
def crowd(app, schools):
    """A class of 510 students of the first school, and a group to put them into."""
    with rows(app) as session:
        klass = Group(school_id=schools[0], name="Grande classe", category=GroupCategory.klass)
        chorus = Group(school_id=schools[0], name="Grand chœur")
        session.add_all([klass, chorus])
        session.add_all(Student(school_id=schools[0], family_name="Foule", given_name=f"Zoé {n}", homeroom=klass) for n in range(MANY))
        session.flush()
        return klass.id, chorus.id


def ask(browser, klass, verb, **fields):
    """Post a verb for all the rows that match the class."""
    page = browser.get("/account").text
    return browser.post(
        f"/admin/student/action/?flt0_homeroom.Row={klass}", data={"csrf_token": token(page), "action": verb, "all": "1", "_asked": "1", **fields}
    )


def test_a_verb_on_510_rows_becomes_a_job_that_does_them_all(app, as_, crowd, schools):
    klass, chorus = crowd
    browser = as_("ac")
    answer = ask(browser, klass, "add_to_group", group=chorus)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/admin/job/details/?id=")
    with rows(app) as session:
        assert session.get(Group, chorus).members == []
        job = session.scalar(select(Job).where(Job.kind == JobKind.bulk_verb))
        assert (job.state, job.total) == (JobState.waiting, MANY)
    run_pending(app)
    with rows(app) as session:
        assert len(session.get(Group, chorus).members) == MANY
        done = session.scalar(select(Job.id).where(Job.kind == JobKind.bulk_verb))
        lines = select(func.count(JournalEvent.id)).where(JournalEvent.verb == "add_to_group", JournalEvent.batch == f"job-{done}")
        assert session.scalar(lines) == MANY
    assert f"{MANY} fiches modifiées" in words(browser.get(answer.headers["Location"]))


def test_one_refusal_leaves_every_row_as_it_was(app, as_, crowd):
    klass, _chorus = crowd
    with rows(app) as session:
        one = session.scalar(select(Student).where(Student.homeroom_id == klass).order_by(Student.id.desc()))
        one.status = StudentStatus.left
    browser = as_("ac")
    answer = browser.post(
        f"/admin/student/action/?flt0_homeroom.Row={klass}&flt1_status.Is=all",
        data={"csrf_token": token(browser.get("/account").text), "action": "deactivate", "all": "1", "_asked": "1"},
    )
    run_pending(app)
    with rows(app) as session:
        left = session.scalar(select(func.count(Student.id)).where(Student.homeroom_id == klass, Student.status == StudentStatus.left))
        job = session.scalar(select(Job).where(Job.kind == JobKind.bulk_verb))
        assert left == 1
        assert job.state is JobState.failed
        assert "est déjà désactivé" in job.error
    assert answer.status_code == 303


def test_who_has_lost_the_right_meanwhile_changes_nothing(app, as_, crowd, schools):
    klass, chorus = crowd
    ask(as_("ac"), klass, "add_to_group", group=chorus)
    with rows(app) as session:
        user = session.scalar(select(User.id).where(User.username == "ac"))
        session.scalar(select(Membership).where(Membership.user_id == user)).active = False
    run_pending(app)
    with rows(app) as session:
        assert session.get(Group, chorus).members == []
        assert session.scalar(select(Job.state).where(Job.kind == JobKind.bulk_verb)) is JobState.failed


def test_what_was_chosen_and_is_gone_is_told(app, as_, crowd):
    klass, chorus = crowd
    browser = as_("ac")
    answer = ask(browser, klass, "add_to_group", group=chorus)
    with rows(app) as session:
        session.delete(session.get(Group, chorus))
    run_pending(app)
    assert "n’existe plus" in words(browser.get(answer.headers["Location"]))


def test_answers_are_kept_as_plain_values_and_come_back(app, schools):
    with rows(app) as session:
        group = session.scalar(select(Group).where(Group.school_id == schools[0]))
        day = dt.date(2026, 11, 22)
        for value in ("texte", 3, True, None, day, [day, 4]):
            assert unpack(session, pack(value)) == value
        assert unpack(session, pack(group)) is group
        assert unpack(session, pack(LinkStatus.active)) == "active"
        with pytest.raises(Refusal):
            unpack(session, {"row": ["group", 99_999_999]})
    with pytest.raises(TypeError):
        pack(object())
