"""What the runner knows how to do: one handler for each kind of job, with the right it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.work import JobKind

if TYPE_CHECKING:
    from jobs.runner import Task


@dataclass(frozen=True)
class Product:
    """The file that a job made: its name for the person, its type, its bytes."""

    name: str
    mimetype: str
    content: bytes


Work = Callable[["Task"], Product | None]


@dataclass(frozen=True)
class Handler:
    """How one kind is done. `table` and `verb` name the right that the asker must still have when it runs; empty for nightly work."""

    work: Work
    table: str
    verb: str
    failed: Callable[[dict[str, Any]], None] | None = None  # told the parameters when it failed for good, in the transaction that says so


HANDLERS: dict[str, Handler] = {}

# As `table`: the right stands in the job itself, under "table" and "verb" (one handler for the verbs of every screen).
RIGHT_IN_PARAMS = "params"


def handler(kind: JobKind, *, table: str = "", verb: str = "", failed: Callable[[dict[str, Any]], None] | None = None) -> Callable[[Work], Work]:
    """Declare the handler of a kind. Refuses a second one with ValueError.

    A handler reads `task.params`, commits its progress with `task.progress`, and leaves its last changes uncommitted: they are
    committed together with the end of the job, or not at all when another runner has taken it over.
    """

    def declare(work: Work) -> Work:
        if kind.name in HANDLERS:
            raise ValueError(f"two handlers for {kind.name}")
        HANDLERS[kind.name] = Handler(work, table, verb, failed)
        return work

    return declare


def missing() -> list[str]:
    """The kinds that no handler does: the start refuses them."""
    return [kind.name for kind in JobKind if kind.name not in HANDLERS]


def load() -> dict[str, Handler]:
    """Import every module that declares handlers, once."""
    import jobs.access_cards
    import jobs.address_labels
    import jobs.bulk
    import jobs.bulk_edit
    import jobs.certificates
    import jobs.class_lists
    import jobs.export
    import jobs.imports
    import jobs.letter_specimen
    import jobs.letters
    import jobs.mail_test
    import jobs.messages
    import jobs.record_papers
    import jobs.registering
    import jobs.reset_letters
    import jobs.samples
    import jobs.school_year
    import jobs.staff_letters
    import jobs.transfers
    import jobs.undo  # noqa: F401 (declares by being imported)

    return HANDLERS
