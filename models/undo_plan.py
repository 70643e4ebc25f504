"""What an undo will do and what it will leave, as the person reads it before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from models.base import Choice
from models.changes import Change
from models.undo_words import told
from models.words import N_, _

SHOWN = 50  # lines of one kind about one table; the others are counted


class Act(Choice):
    """What happens to a row."""

    bring_back = "bring_back", _("brought back"), "ok"
    restore = "restore", _("as before"), "info"
    regroup = "regroup", _("put back together"), "info"
    remove = "remove", _("removed"), "bad"
    keep = "keep", _("left as it is"), "warn"


@dataclass(frozen=True)
class Line:
    """One row of a plan: what happens to it, which fields (packed: as they were, as they are), why it is left."""

    act: Act
    table: str
    row_id: int
    name: str
    fields: tuple[Change, ...] = ()
    reason: Any = None


@dataclass
class Plan:
    """The rows of a batch, by what happens to them. `lines` hold the first of each kind, `counts` all of them."""

    batch: str
    who: str = ""
    when: Any = None
    counts: dict[tuple[Act, str], int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)

    def add(self, act: Act, table: str, number: int = 1) -> int:
        """Count rows; how many lines of this kind may still be shown, these included."""
        before = self.counts.get((act, table), 0)
        self.counts[act, table] = before + number
        return max(SHOWN - before, 0)

    @property
    def total(self) -> int:
        """How many rows change."""
        return sum(n for (act, _table), n in self.counts.items() if act is not Act.keep)

    @property
    def kept(self) -> int:
        """How many are left as they are."""
        return sum(n for (act, _table), n in self.counts.items() if act is Act.keep)

    @property
    def sentence(self) -> str:
        """What it does, by kind, and what it leaves; it reads the same before and after."""
        changed = Counter(self._tables(Act.restore)) + Counter(self._tables(Act.regroup))
        text = told(self._tables(Act.remove), self._tables(Act.bring_back), changed)
        if self.kept:
            text += " " + str(N_("%(num)d record stays as it is.", "%(num)d records stay as they are.", self.kept))
        return text.strip()

    def _tables(self, act: Act) -> dict[str, int]:
        return {table: n for (one, table), n in self.counts.items() if one is act}

    def of(self, act: Act) -> list[Line]:
        """The lines of one kind."""
        return [line for line in self.lines if line.act is act]
