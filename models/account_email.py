"""A guardian changes the e-mail of their account: the password is asked for, the new address is unconfirmed until its link is opened."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import accounts, throttle
from models.access import User
from models.base import Refusal
from models.db import db
from models.import_words import BadCell
from models.people import Guardian
from models.portal import within
from models.scope import BATCH, WHO, acting, unscoped
from models.sessions import end_all
from models.values import read_email
from models.words import _, in_language
from models.work import OutgoingMail

# Whoever tries one address after the other would learn which of them have an account.
TRIES = throttle.Limit("email_change", 5, dt.timedelta(hours=1))


def change_email(user_id: int, password: str, typed: str, base_url: str, *, address: str) -> None:
    """Give the account another e-mail, which is its login name from then on; ends the transactions it begins.

    All sessions end (the view opens its own again), the link to confirm leaves for the new address, a confirmed earlier one is told. The
    schools that wrote to the earlier address write to the new one. Refused: a wrong password, too many tries, what is no e-mail, the same
    one, one that another account has.
    """
    try:
        email = read_email(typed)
    except BadCell as wrong:
        raise Refusal(_("This is not an e-mail address. Write it like name@example.org.")) from wrong
    key = f"user {user_id}"
    wait = throttle.wait_seconds((TRIES, key))
    if wait:
        raise Refusal(_("Too many tries. Wait %(minutes)d min, then try again."), minutes=-(-wait // 60))
    accounts.check_current(user_id, password, address=address)
    throttle.hit((TRIES, key))
    with unscoped("one's own account"):
        user = db.session.get_one(User, user_id)
        before, proved = user.email or "", user.email_confirmed_at is not None
        if email == before:
            raise Refusal(_("This is already the e-mail of your account."))
        taken = _("This e-mail cannot be taken: an account has it already. Type another one.")
        if db.session.scalar(select(User.id).where(User.email == email)) is not None:
            raise Refusal(taken)
        user.email = email
        try:
            db.session.flush()
        except IntegrityError as taken_meanwhile:
            raise Refusal(taken) from taken_meanwhile
        end_all(user_id)
        _tell_schools(db.session, user_id, before, email)
        if before and proved:
            _tell_the_earlier(user, before)
        accounts.ask_confirmation(user, base_url)
        db.session.commit()


def _tell_schools(session: Session, user_id: int, before: str, email: str) -> None:
    """The contact's own e-mail follows where it was the same."""
    for guardian in session.scalars(select(Guardian).where(Guardian.user_id == user_id, Guardian.email == before, Guardian.email != "")).all():
        with acting(WHO.get(), within(guardian.school_id), BATCH.get()):
            guardian.email = email
            session.flush()


def _tell_the_earlier(user: User, before: str) -> None:
    with in_language(user.language or "fr"):
        body = _("Hello,\n\nThe e-mail of your Scolabri account was changed: this address no longer opens it.\nIf it was not you, tell the [school] at once.\n")
        OutgoingMail.queue(before, str(_("Your e-mail was changed")), str(body), to_name=user.name, language=user.language or "fr")
