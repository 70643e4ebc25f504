"""Opening an empty installation: a one-time key printed on the console, then the first school and its first administrator."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from sqlalchemy import select

from models import passwords
from models.access import Membership, Role, User
from models.base import Refusal, utcnow
from models.db import db
from models.journal import record
from models.opening import furnish
from models.school import Country, School
from models.scope import unscoped
from models.words import _

KEY_FILE = "setup.key"


def new_setup_key(folder: Path) -> str:
    """Make the one-time key of `/setup` and keep its digest in the data folder (mode 600). An earlier key dies."""
    key = secrets.token_urlsafe(12)
    path = folder / KEY_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(_digest(key))
    return key


def setup_key_is(folder: Path, key: str) -> bool:
    """Whether this is the key that was printed."""
    path = folder / KEY_FILE
    return path.is_file() and hmac.compare_digest(path.read_text(encoding="ascii"), _digest(key.strip()))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def is_empty() -> bool:
    """Whether there is no school yet."""
    with unscoped("is there a school at all?"):
        return db.session.scalar(select(School.id).limit(1)) is None


def open_school(
    folder: Path, key: str, *, name: str, email: str, official_code: str, country: Country, given_name: str, family_name: str, user_email: str, password: str
) -> School:
    """Create the first school with its nouns, and its site administrator. Commits.

    Refused: a wrong key, an installation that has a school, a wrong official code, a password that is easy to guess.
    """
    if not setup_key_is(folder, key):
        raise Refusal(_("This is not the one-time key. It is printed where the server was started; start it again for another one."))
    passwords.check(password, [name, given_name, family_name, user_email.split("@")[0]])
    db.session.rollback()
    hashed = passwords.hash_password(password)
    with unscoped("the first school is being made"):
        if not is_empty():
            raise Refusal(_("This installation is already open. Sign in."))
        quebec = country is Country.CA
        school = School(
            name=name.strip(),
            country=country,
            official_code=official_code,
            email=email.strip(),
            language="fr_CA" if quebec else "fr",
            time_zone="America/Toronto" if quebec else "Europe/Paris",
        )
        user = User(email=user_email, given_name=given_name.strip(), family_name=family_name.strip(), password_hash=hashed, email_confirmed_at=utcnow())
        db.session.add_all([school, user])
        db.session.flush()
        db.session.add(Membership(school_id=school.id, user_id=user.id, role=Role.acc))
        furnish(db.session, school)
        record(db.session, "opened", "school", school.id, school_id=school.id)
        db.session.commit()
    (folder / KEY_FILE).unlink(missing_ok=True)
    return school
