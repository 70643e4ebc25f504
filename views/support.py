"""Whom to ask for help, at the foot of the pages where somebody may be stuck: signing in, errors, portals, one's account."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from models.db import db
from models.support import Support, contacts

log = logging.getLogger("scolabri.views")


def support(school_id: int | None = None) -> Sequence[Support]:
    """The contacts for this reader. A page about a fault is shown also when it is the database that fails: then without them."""
    try:
        return contacts(db.session, school_id)
    except SQLAlchemyError:
        db.session.rollback()
        log.warning("the support of the school could not be read")
        return ()
