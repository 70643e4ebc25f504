"""Working as a person of the first school, one batch after the other, for the tests of changes and of undoing."""

from contextlib import contextmanager

from sqlalchemy import select

from models.access import User
from models.actors import staff_in
from models.changes import JournalChange
from models.db import db
from models.scope import acting, unscoped


class As:
    """`with As(app, school, "acc")("batch") as session:`; committed at the end, rolled back by an exception."""

    def __init__(self, app, school_id, username):
        self.app, self.school_id, self.username = app, school_id, username

    @contextmanager
    def __call__(self, batch="b1"):
        with self.app.app_context():
            with unscoped("who is it?"):
                user_id = db.session.scalar(select(User.id).where(User.username == self.username))
            with acting(*staff_in(db.session, user_id, self.school_id), batch):
                yield db.session
                db.session.commit()


def noted(session, **where):
    """The changes that fit, oldest first."""
    return list(session.scalars(select(JournalChange).filter_by(**where).order_by(JournalChange.id)))
