"""Two schools that send each other students, for the tests: switched on, with somebody who acts in each."""

from contextlib import contextmanager
from types import SimpleNamespace

from conftest import rows
from sqlalchemy import select

from jobs.runner import run_pending
from models import files
from models.access import User
from models.actors import staff_in
from models.db import db
from models.journal import new_batch
from models.people import GuardianLink, Student, StudentStatus
from models.school import School
from models.scope import acting
from models.transfer import Direction, Transfer

ELSEWHERE = "QC777001"  # of no school of this installation, until a test gives it to the second one


def switch_on(app, schools):
    with rows(app) as session:
        for number in schools:
            school = session.get_one(School, number)
            school.email = school.email or "secretariat@example.org"
            school.register_reference, school.transfers_on = "RT-2026-04", True


@contextmanager
def acting_in(app, school_id, username="acc"):
    """Work in a school as this person."""
    with rows(app) as session:
        user_id = session.scalar(select(User.id).where(User.username == username))
    with app.app_context():
        found = staff_in(db.session, user_id, school_id)
        assert found is not None
        with acting(*found, batch=new_batch()):
            yield db.session
            db.session.commit()


def family(app, school_id, count=2):
    """Identifiers of active students who have a national identifier and a guardian."""
    with rows(app) as session:
        wanted = select(Student.id).where(Student.school_id == school_id, Student.national_id.is_not(None), Student.status == StudentStatus.active)
        return list(session.scalars(wanted.where(Student.id.in_(select(GuardianLink.student_id))).order_by(Student.id).limit(count)))


def latest(app, direction, school_id):
    """The last transfer of a school, one way."""
    with rows(app) as session:
        wanted = select(Transfer).where(Transfer.school_id == school_id, Transfer.direction == Direction[direction]).order_by(Transfer.id.desc()).limit(1)
        one = session.scalars(wanted).one()
        names = (
            "id",
            "status",
            "other_code",
            "other_name",
            "count",
            "people",
            "inside",
            "problem",
            "file_key",
            "secret",
            "left_here",
            "import_id",
            "made_at",
            "token",
        )
        return SimpleNamespace(**{name: getattr(one, name) for name in names})


def send(app, schools, ids, code=None, leave=True):
    """Send these students of the first school; the transfer as it was made."""
    with rows(app) as session:
        code = code or session.get_one(School, schools[1]).official_code
    with acting_in(app, schools[0]):
        Transfer.send(ids, code, leave=leave)
    run_pending(app)
    return latest(app, "sent", schools[0])


def file_for(app, schools, ids=None):
    """(file, passphrase) of a transfer to a school of elsewhere, which is then the second school of this installation."""
    sent = send(app, schools, ids or family(app, schools[0]), ELSEWHERE)
    with acting_in(app, schools[0]) as session:
        one = session.get_one(Transfer, sent.id)
        content, passphrase = files.path_of(one.hand_over()).read_bytes(), one.tell_passphrase()
    with rows(app) as session:
        session.get_one(School, schools[1]).official_code = ELSEWHERE
    return content, passphrase


def receive(app, school_id, content, passphrase):
    """Take a file in, as the administrator of that school; its row."""
    with acting_in(app, school_id, "acc2"):
        number = Transfer.receive(content, passphrase).id
    assert latest(app, "received", school_id).id == number
    return number
