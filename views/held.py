"""What a row of the studies is held by is told before the question of its deletion, with what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.retiring import Retirable
from models.study_holds import holding_problem

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object


class Held(Base):
    """Mixed into the screens of courses, grids, terms and organisational units."""

    def delete_refusal(self, row: Any) -> str | None:
        """What depends on it, by its number."""
        problem = holding_problem(row)
        return problem.sentence if problem else None

    def delete_instead(self, row: Any) -> Any:
        """No longer offered instead, where that can be: what holds it keeps it."""
        return self.verbs["retire"] if isinstance(row, Retirable) and row.retired_at is None and self.may("edit") else None
