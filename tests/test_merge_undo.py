"""A merge undone brings both records back with all that was theirs; that undone is the merge again."""

import datetime as dt

import pytest
from batches import As
from merging import guardian, join, link, pair
from small import add_code
from sqlalchemy import select

from models.access import User
from models.base import Base, utcnow
from models.duplicates import StudentsApart
from models.imports import Import, ImportRow, RowStatus
from models.people import Group, LinkStatus, Student
from models.reminders import Reminder
from models.scope import unscoped
from models.undo import plan, undo
from models.undo_plan import Act
from models.work import OutgoingMail

FOLLOWED = ("student", "guardian", "guardian_link", "activation_code", "student_group_member", "import_row", "outgoing_mail", "students_apart", "reminder")
OF_ITSELF = {"version", "updated_at", "revoked_at", "sealed"}  # a closed code stays closed


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


def state(session):
    """Every row that a merge may touch, without what follows by itself."""
    session.expire_all()
    found = {}
    for name in FOLLOWED:
        table = Base.metadata.tables[name]
        columns = [c for c in table.c if c.name not in OF_ITSELF]
        found[name] = {str({key: told(key, value) for key, value in row._mapping.items()}) for row in session.execute(select(*columns))}
    return found


def told(key, value):
    """A value as it is compared: the guardians of a search key stand in any order."""
    return sorted(value.split(" | ")) if key == "search_key" else value


def whole_family(session):
    """Two records of Zoé that meet in every way: identifiers, links, groups, codes, mails, pairs set apart."""
    kept, gone = pair(session, national_id="9900000002B", extra={"badge": "B2"})
    mother, father, other = guardian(session), guardian(session, "Paul"), guardian(session, "Line")
    link(session, kept, mother)
    link(session, gone, mother, LinkStatus.suspended, suspended_reason="Jugement")
    link(session, kept, father)
    link(session, gone, father)
    link(session, gone, other)
    gone.groups += [Group(name="Grand chœur"), Group(name="Échecs du lundi")]
    kept.groups.append(gone.groups[0])
    used, _open = add_code(session, gone), add_code(session, gone, other)
    used.used_at = utcnow()
    third = Student(family_name="Bénard", given_name="Zoé")
    session.add(third)
    one = Import(name="a.csv")
    session.add(one)
    session.flush()
    session.add_all([StudentsApart(first_id=gone.id, second_id=third.id), ImportRow(import_id=one.id, status=RowStatus.created, student_id=gone.id)])
    OutgoingMail.queue("a@exemple.org", "Bonjour", "Texte", cause=gone)
    session.flush()
    with unscoped("a colleague's, whom nobody else reads"):
        teacher = session.scalars(select(User).where(User.username == "ec")).one()
        session.add(Reminder(school_id=gone.school_id, requested_by=teacher, student=gone, text="Rappeler", due_on=dt.date(2026, 3, 2)))
        session.flush()
    return kept.id, gone.id


def test_undoing_moves_everything_back(acc):
    with acc("b0") as session:
        kept_id, gone_id = whole_family(session)
    with acc("b0") as session:
        before = state(session)
    with acc("b1") as session:
        kept, gone = session.get(Student, kept_id), session.get(Student, gone_id)
        join(session, kept, gone, national_id="gone")
        assert session.get(Student, kept_id).national_id == "9900000002B"
    with acc("b2") as session:
        shown = plan(session, "b1")
        assert shown.of(Act.keep) == []
        done = undo(session, "b1")
        assert done.counts == shown.counts
    with acc("b3") as session:
        after = state(session)
        assert {name: (before[name] - after[name], after[name] - before[name]) for name in before if before[name] != after[name]} == {}


def test_an_undone_merge_can_be_done_again_by_undoing_that(acc):
    with acc("b0") as session:
        kept_id, gone_id = whole_family(session)
    with acc("b1") as session:
        join(session, session.get(Student, kept_id), session.get(Student, gone_id))
    with acc("b1") as session:
        merged = state(session)
    with acc("b2") as session:
        undo(session, "b1")
    with acc("b3") as session:
        undo(session, "b2")
    with acc("b4") as session:
        after = state(session)
        assert {name: (merged[name] - after[name], after[name] - merged[name]) for name in merged if merged[name] != after[name]} == {}
