"""What is told to the ministry about a registration: that it exists, who pays for it, its result. Scolabri sends nothing itself: it keeps what
is to be sent, what was sent and when (features S2-75 to S2-77).
"""

from __future__ import annotations

from typing import Any

from models.base import Choice
from models.words import _, _p


class Transmission(Choice):
    """Where one of the three tellings stands. Without a row's own state it follows from the registration."""

    waiting = "waiting", _p("transmission", "Nothing to send yet"), "mute"
    to_send = "to_send", _p("transmission", "To send"), "warn"
    sent = "sent", _p("transmission", "Sent"), "ok"
    refused = "refused", _p("transmission", "Refused by the ministry"), "bad"
    excluded = "excluded", _p("transmission", "Not to be sent"), "mute"


class Telling(Choice):
    """The three things that are told."""

    enrolment = "enrolment", _p("transmission", "Registration"), "mute"
    funding = "funding", _("Funding"), "mute"
    result = "result", _p("transmission", "Result"), "mute"

    @property
    def state(self) -> str:
        """The attribute of a registration that holds its own state."""
        return f"{self.name}_sent"

    @property
    def day(self) -> str:
        """The attribute that holds the day of the last sending."""
        return f"{self.name}_sent_on"


TELLING_FIELDS = tuple(one.state for one in Telling)


def usual(telling: Telling, *, assigned: bool, confirmed: bool, has_result: bool, without_result: bool) -> Transmission:
    """The state that follows from a registration: to send once there is something to tell."""
    if telling is Telling.result and without_result:
        return Transmission.excluded
    ready: dict[Telling, Any] = {Telling.enrolment: assigned, Telling.funding: confirmed, Telling.result: has_result}
    return Transmission.to_send if ready[telling] else Transmission.waiting
