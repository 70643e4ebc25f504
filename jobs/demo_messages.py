"""Messages of the demonstration: one that most have read, one that waits in the parent's inbox, and a draft."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from jobs.demo_life import store
from models.access import User
from models.base import utcnow
from models.message_audience import addressees
from models.messages import Message, MessageRecipient, MessageState, MessageTo
from models.people import Guardian, GuardianLink, Student
from models.school import School

_MEETING = (
    "Rencontre avec les professeurs",
    "<p>Bonjour,</p><p>La rencontre avec les professeurs a lieu <b>jeudi de 17 h à 20 h</b>. Chaque entretien dure dix minutes.</p>"
    "<ul><li>Les rendez-vous se prennent au secrétariat.</li><li>L’accueil se fait dans le hall.</li></ul><p>Nous nous réjouissons de vous voir.</p>",
)
_OUTING = (
    "Sortie au musée vendredi",
    "<p>Bonjour,</p><p>La classe va au musée <b>vendredi</b>. Le départ est à 8 h 30, le retour vers 16 h. Prévoyez un pique-nique.</p>"
    "<p>Si votre enfant ne peut pas venir, prévenez-nous par téléphone.</p>",
)
_PHOTOS = ("Photographies de classe", "<p>Bonjour,</p><p>Les photographies de classe ont lieu mardi matin.</p>")
READ = 0.7  # of those who received the first one


def load_messages(session: Session, school: School, staff: Mapping[str, User], parent: User) -> int:
    """Two sent messages and a draft; how many. The parent has read the first and not the second."""
    child = session.execute(
        select(Student.id, Student.homeroom_id)
        .join(GuardianLink, GuardianLink.student_id == Student.id)
        .join(Guardian, Guardian.id == GuardianLink.guardian_id)
        .where(Guardian.user_id == parent.id, Student.school_id == school.id)
        .order_by(Student.id)
    ).first()
    klass = child.homeroom_id if child else None
    near = {"kind": "group", "ids": [klass]} if klass else {"kind": "all"}
    about = (
        (_MEETING, "ac", MessageTo.both, {"kind": "all"}, dt.timedelta(days=6, hours=2)),
        (_OUTING, "ec", MessageTo.guardians, near, dt.timedelta(days=1, hours=3)),
        (_PHOTOS, "ac", MessageTo.guardians, {"kind": "all"}, None),
    )
    r, now = random.Random(f"messages-{school.official_code}"), utcnow()  # noqa: S311 (a demonstration must repeat itself)
    for (subject, body), author, to, audience, ago in about:
        who = staff[author]
        row = Message(school_id=school.id, subject=subject, body=body, to=to, audience=audience, requested_by_id=who.id)
        rows = [] if ago is None else session.execute(addressees(row)).all()
        if ago is not None:
            row.sender, row.sent_at, row.people, row.state = str(who), now - ago, len({one.user_id for one in rows}), MessageState.sent
        store(session, [row])
        seen = {one.user_id: (subject == _MEETING[0] and (one.user_id == parent.id or (one.guardian_id is not None and r.random() < READ))) for one in rows}
        values = [
            {**one._mapping, "message_id": row.id, "school_id": school.id, "read_at": now - ago / 2 if seen[one.user_id] else None} for one in rows if ago
        ]
        if values:
            session.execute(insert(MessageRecipient.__table__), values)  # type: ignore[arg-type]  # (the table: no listener)
    return len(about)
