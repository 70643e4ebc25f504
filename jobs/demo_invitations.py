"""The demonstration's invitation: the first school allows them, and its student has sent one that waits."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_life import store
from models import keys
from models.access import User
from models.activation import ActivationCode, CodePurpose, life_of, new_codes
from models.base import utcnow
from models.invitations import Invitation
from models.people import Student
from models.school import School
from models.settings import Setting

ADDRESS = "tante.invitee@example.org"


def load_invitation(session: Session, school: School, user: User) -> int:
    """Switch invitations on and write one by the student of this account; how many rows. The code is told to nobody: its mail has left."""
    student = session.scalars(select(Student).where(Student.user_id == user.id, Student.school_id == school.id)).one()
    sent = utcnow() - dt.timedelta(days=2, hours=3)
    secret = new_codes(1)[0]
    code = ActivationCode(
        school_id=school.id,
        student_id=student.id,
        purpose=CodePurpose.invitation,
        digest=keys.digest("activation", secret),
        tail=secret[-4:],
        created_at=sent,
        expires_at=sent + dt.timedelta(days=life_of(school)),
        sent_count=1,
        sent_at=sent,
    )
    store(session, [code])
    one = Invitation(
        school_id=school.id,
        student_id=student.id,
        code_id=code.id,
        email=ADDRESS,
        language=school.language,
        requested_by_id=user.id,
        created_at=sent,
    )
    store(session, [one])
    store(session, [Setting(school_id=school.id, key="students_invite", value="1")])
    return 1
