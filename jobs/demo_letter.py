"""The demonstration's letter as a school has written it, and the days on which guardians came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy.orm import Session

from models.access import LoginEvent, LoginKind
from models.base import utcnow
from models.letter_text import LetterText, delivered
from models.school import School

CLOSING = "Sans téléphone ni ordinateur\u00a0: le secrétariat vous aide sur place, du lundi au vendredi de 8\u00a0h à 17\u00a0h, ou au [[phone]]."
SIGN_OFF = "Avec nos salutations les meilleures,\n[[head]]"


def load_letter(session: Session, school: School) -> None:
    """The French letter of a school that says when its office is open."""
    row = LetterText(school_id=school.id, language=school.language)
    row.write({**delivered(school.language, phone=True), "closing": CLOSING, "sign_off": SIGN_OFF})
    session.add(row)
    session.flush()


def load_sign_ins(session: Session, users: Iterable[int]) -> None:
    """Each guardian with an account came once, over the last six weeks."""
    now = utcnow().replace(minute=12, second=0, microsecond=0)
    session.add_all(
        LoginEvent(user_id=user_id, kind=LoginKind.signed_in, at=now - dt.timedelta(days=1 + place * 7 % 41, hours=place % 9), address="192.0.2.20")
        for place, user_id in enumerate(dict.fromkeys(users))
    )
    session.flush()
