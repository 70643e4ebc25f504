"""The verb of guardians and students that removes the second step of somebody who has lost their phone."""

from __future__ import annotations

from typing import Any

from flask import request

from models import second_step, two_factor
from views.i18n import lazy_gettext as _
from views.verbs import verb

REMOVE: dict[str, Any] = {
    "text": _("Remove the second step of the sign-in"),
    "confirm": _("They sign in with the password alone until they set it up again. Be sure that it is they who ask: meet them or call them."),
    "danger": True,
}


def offered_on(row: Any) -> bool:
    """Whether the button stands there: on the record of whoever has a second step. A list would ask for each of its rows."""
    return row.user_id is not None and (request.endpoint or "").endswith(".details_view") and two_factor.is_on(row.user_id)


class SecondStepVerb:
    """`remove_two_factor`, mixed into a screen whose rows have an account (`user_id`)."""

    @verb("remove_two_factor", **REMOVE)
    def remove_two_factor(self, row: Any) -> None:
        """They are told, at once by mail and at their next sign-in."""
        second_step.remove_for(row)

    def verb_fits(self, verb: str, row: Any) -> bool:
        """Offered to whoever has one; the others as the screen says."""
        return offered_on(row) if verb == "remove_two_factor" else bool(super().verb_fits(verb, row))  # type: ignore[misc]  # the screen's, behind
