"""The verb of the guardians that prints a letter to choose a new password, for who has no mail."""

from __future__ import annotations

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from models import accounts
from models.db import db
from models.work import Job, JobKind
from views.i18n import lazy_gettext as _
from views.i18n import ngettext
from views.verbs import Selection, verb

ONCE_EACH = _(
    "Each letter goes to the postal address on file and lets its reader choose a new password, once. Whoever receives one is told at the next sign-in."
)


class ResetLetterVerb:
    """The verb `print_reset_letter`, mixed into the screen of guardians."""

    @verb(
        "print_reset_letter",
        _("Print a reset letter"),
        confirm=ONCE_EACH,
        icon="print",
        whole=True,
    )
    def print_reset_letter(self, selection: Selection) -> ResponseReturnValue:
        """One page each, by a job. Refused as a whole when one of them cannot have a letter."""
        for guardian in selection.records():
            accounts.check_letter(guardian)
        note = ngettext("%(num)d letter", "%(num)d letters", selection.count)
        job = Job.add(JobKind.print_reset_letter, {"guardians": selection.all_ids()}, total=selection.count, note=note)
        db.session.flush()
        return redirect(url_for("job.details_view", id=job.id), code=303)
