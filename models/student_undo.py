"""What undoing takes back of students' own accounts (models/undo.py): those that the batch opened and that nobody has used since.

Accounts are changed on their own screens only; those that `create_account` or an import opened for students are the exception, for whoever
may open accounts. One that somebody has signed in with stays with its student, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.changes import Change
from models.journal import JournalEvent
from models.people import Student
from models.rights import may
from models.scope import WHO
from models.student_accounts import never_used

FIELD = "user_id"


def covers(session: Session, batch: str) -> bool:
    """Whether this undo takes back accounts of students: the batch opened some, and the person may open accounts."""
    e = JournalEvent
    opened = select(e.id).where(e.batch == batch, e.table_name == "student", e.verb == "create_account").limit(1)
    return may(WHO.get().roles, "student", "create_account") and session.scalar(opened) is not None


def kept(session: Session, rows: Iterable[Any]) -> set[int]:
    """Of these rows, the students who stay because somebody has signed in with their account."""
    accounts = {row.id: row.user_id for row in rows if isinstance(row, Student) and row.user_id is not None}
    new = never_used(session, accounts.values()) if accounts else set()
    return {i for i, account in accounts.items() if account not in new}


def in_use(session: Session, todo: Mapping[int, Sequence[Change]]) -> set[int]:
    """Of these students (with what would be put back), those who would lose an account that somebody has used."""
    losing = {change.after: i for i, changes in todo.items() for change in changes if change.field == FIELD and change.before is None and change.after}
    return {losing[account] for account in losing.keys() - never_used(session, losing)}
