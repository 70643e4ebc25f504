"""The two verbs of what a school stops offering without taking it from the records that hold it."""

from __future__ import annotations

from typing import Any

from views.i18n import lazy_gettext as _
from views.verbs import verb


class RetireVerbs:
    """Mixed into the screens of `models.retiring.Retirable` tables."""

    def verb_fits(self, verb: str, row: Any) -> bool:
        """Only what is offered is retired."""
        return {"retire": row.retired_at is None, "reactivate": row.retired_at is not None}.get(verb, True)

    @verb("retire", _("Stop offering"))
    def retire(self, record: Any) -> None:
        """Forms offer it no more; the records that hold it keep it."""
        record.retire()

    @verb("reactivate", _("Offer again"))
    def reactivate(self, record: Any) -> None:
        """Forms offer it again."""
        record.reactivate()


class EditorsRetire(RetireVerbs):
    """The same verbs where the rights know none of their own for them: whoever edits the rows of the screen retires them."""

    @verb("retire", _("Stop offering"), right=("", "edit"))
    def retire(self, record: Any) -> None:
        """Forms offer it no more; the records that hold it keep it."""
        record.retire()

    @verb("reactivate", _("Offer again"), right=("", "edit"))
    def reactivate(self, record: Any) -> None:
        """Forms offer it again."""
        record.reactivate()
