"""The verb that copies what was not passed last term, on one session record or many."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from models.db import db
from models.last_term import Copied, copy_last_term
from models.work import Job, JobKind
from views.i18n import gettext, ngettext, pgettext
from views.i18n import lazy_gettext as _
from views.verbs import MOST_ROWS, Selection, verb

TOLD = 5  # records that are named in a message


def left_words(done: Copied) -> list[str]:
    """Who got nothing and why, the first by name."""
    told = [gettext("%(name)s: %(reason)s", name=name, reason=reason) for name, reason in done.left[:TOLD]]
    if len(done.left) > TOLD:
        told.append(ngettext("and %(num)d other", "and %(num)d others", len(done.left) - TOLD))
    return told


class LastTermVerb:
    """Mixed into the screen of session records."""

    @verb("copy_last_term", _("Copy what was not passed last term"), icon="history", whole=True, right=("enrolment", "copy_last_term"))
    def copy_last_term(self, selection: Selection) -> ResponseReturnValue | None:
        """The registrations of the record before that were not passed; for many records by a job."""
        ids = selection.all_ids()
        if len(ids) > MOST_ROWS:
            job = Job.add(JobKind.copy_last_term, {"records": ids}, total=len(ids), note=pgettext("enrolment", "Copy of the last term"))
            db.session.flush()
            return redirect(url_for("job.details_view", id=job.id), code=303)
        done = copy_last_term(db.session, ids)
        if not done.registrations and len(ids) == 1:
            raise done.first_refusal()
        if done.registrations:
            flash(ngettext("%(num)d registration copied.", "%(num)d registrations copied.", done.registrations), "success")
        for sentence in left_words(done):
            flash(sentence, "warning")
        return None
