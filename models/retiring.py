"""Rows that may stop being offered in forms without leaving the records that hold them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Choice, Refusal, utcnow
from models.words import _


class InUse(Choice):
    """Whether something is still offered; what was retired stays on the records that hold it."""

    offered = "offered", _("Offered"), "ok"
    retired = "retired", _("No longer offered"), "mute"


class Retirable:
    """A row with the verbs `retire` and `reactivate`."""

    retired_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("No longer offered since")})

    @property
    def in_use(self) -> InUse:
        """Offered, or not any more."""
        return InUse.retired if self.retired_at else InUse.offered

    def retire(self) -> None:
        """Offer it no longer; whoever has it keeps it. Refused twice."""
        if self.retired_at:
            raise Refusal(_("%(name)s is no longer offered already."), name=str(self))
        self.retired_at = utcnow()

    def reactivate(self) -> None:
        """Offer it again. Refused when it is."""
        if not self.retired_at:
            raise Refusal(_("%(name)s is already offered."), name=str(self))
        self.retired_at = None
