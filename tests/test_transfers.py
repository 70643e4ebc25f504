"""Students who change schools, inside the installation: what each school sees, what travels, what becomes of those who leave."""

import pytest
from conftest import rows
from sqlalchemy import delete, func, select
from transferring import ELSEWHERE, acting_in, family, latest, send, switch_on

from jobs.runner import run_pending
from models.base import Refusal
from models.imports import Import
from models.journal import JournalEvent
from models.people import Guardian, GuardianLink, LinkStatus, Student, StudentStatus
from models.school import School
from models.transfer import Direction, Transfer, TransferStatus
from models.transfer_rules import settle, this_school


@pytest.fixture
def on(app, schools):
    switch_on(app, schools)


def take_in(app, school_id):
    """Check and write what waits; the import."""
    one = latest(app, "received", school_id)
    with acting_in(app, school_id, "acc2") as session:
        made = session.get_one(Transfer, one.id).look().id
    run_pending(app)
    with acting_in(app, school_id, "acc2") as session:
        found = session.get_one(Import, made)
        assert found.problem is None, found.problem
        found.confirm()
    run_pending(app)
    return made


def by_code(app, school_id, codes):
    with rows(app) as session:
        found = session.scalars(select(Student).where(Student.school_id == school_id, Student.national_id.in_(codes)).order_by(Student.national_id)).all()
        return {
            s.national_id: (s.family_name, s.given_name, s.born_on, s.status.name, sorted((x.guardian.name, x.relation.name, x.status.name) for x in s.links))
            for s in found
        }


@pytest.mark.usefixtures("on")
def test_guardians_and_links_arrive_with_the_students_and_the_students_leave(app, schools):
    ids = family(app, schools[0])
    with rows(app) as session:
        codes = list(session.scalars(select(Student.national_id).where(Student.id.in_(ids))))
        session.scalars(select(GuardianLink).where(GuardianLink.student_id == ids[0])).first().suspend("une décision de justice")
    before = by_code(app, schools[0], codes)
    sent = send(app, schools, ids)
    assert (sent.status, sent.count, sent.inside) == (TransferStatus.waiting, 2, True)
    with rows(app) as session:
        left = session.scalars(select(Student).where(Student.id.in_(ids))).all()
        assert {(s.status, s.left_on is not None) for s in left} == {(StudentStatus.left, True)}
    take_in(app, schools[1])
    after = by_code(app, schools[1], codes)
    expected = {"suspended": "to_check"}
    assert {c: (*row[:3], [(n, r, expected.get(s, s)) for n, r, s in row[4]]) for c, row in before.items()} == {
        c: (*row[:3], row[4]) for c, row in after.items()
    }
    assert {row[3] for row in after.values()} == {"active"}
    assert latest(app, "received", schools[1]).status is TransferStatus.done
    assert latest(app, "sent", schools[0]).status is TransferStatus.done
    with rows(app) as session:
        arrived = select(GuardianLink.suspended_reason).join(Student, Student.id == GuardianLink.student_id).where(Student.national_id.in_(codes))
        assert set(session.scalars(arrived.where(GuardianLink.school_id == schools[1]))) == {""}
