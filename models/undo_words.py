"""What an undo does, said by kind: "38 students and 1 group removed, 1 record as it was before"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from models.words import N_, _, listed

OTHER = ""  # every table that people do not call by a name of its own here

# Table -> alone, removed, brought back; in the order in which they are told. Each whole, so that languages agree.
KINDS: dict[str, tuple[Callable[[int], Any], Callable[[int], Any], Callable[[int], Any]]] = {
    "student": (
        lambda n: N_("%(num)d [student]", "%(num)d [students]", n),
        lambda n: N_("%(num)d [student] removed", "%(num)d [students] removed", n),
        lambda n: N_("%(num)d [student] brought back", "%(num)d [students] brought back", n),
    ),
    "guardian": (
        lambda n: N_("%(num)d [guardian]", "%(num)d [guardians]", n),
        lambda n: N_("%(num)d [guardian] removed", "%(num)d [guardians] removed", n),
        lambda n: N_("%(num)d [guardian] brought back", "%(num)d [guardians] brought back", n),
    ),
    "guardian_link": (
        lambda n: N_("%(num)d link", "%(num)d links", n),
        lambda n: N_("%(num)d link removed", "%(num)d links removed", n),
        lambda n: N_("%(num)d link brought back", "%(num)d links brought back", n),
    ),
    "group": (
        lambda n: N_("%(num)d [group]", "%(num)d [groups]", n),
        lambda n: N_("%(num)d [group] removed", "%(num)d [groups] removed", n),
        lambda n: N_("%(num)d [group] brought back", "%(num)d [groups] brought back", n),
    ),
    "activation_code": (
        lambda n: N_("%(num)d code", "%(num)d codes", n),
        lambda n: N_("%(num)d code removed", "%(num)d codes removed", n),
        lambda n: N_("%(num)d code brought back", "%(num)d codes brought back", n),
    ),
    "admission": (
        lambda n: N_("%(num)d admission", "%(num)d admissions", n),
        lambda n: N_("%(num)d admission removed", "%(num)d admissions removed", n),
        lambda n: N_("%(num)d admission brought back", "%(num)d admissions brought back", n),
    ),
    "session_record": (
        lambda n: N_("%(num)d [session record]", "%(num)d [session records]", n),
        lambda n: N_("%(num)d [session record] removed", "%(num)d [session records] removed", n),
        lambda n: N_("%(num)d [session record] brought back", "%(num)d [session records] brought back", n),
    ),
    "enrolment": (
        lambda n: N_("%(num)d registration", "%(num)d registrations", n),
        lambda n: N_("%(num)d registration removed", "%(num)d registrations removed", n),
        lambda n: N_("%(num)d registration brought back", "%(num)d registrations brought back", n),
    ),
    OTHER: (
        lambda n: N_("%(num)d other record", "%(num)d other records", n),
        lambda n: N_("%(num)d record removed", "%(num)d records removed", n),
        lambda n: N_("%(num)d record brought back", "%(num)d records brought back", n),
    ),
}


def by_kind(counts: Mapping[str, int]) -> dict[str, int]:
    """These numbers of rows by table, by the kinds that are told, in their order."""
    found = dict.fromkeys(KINDS, 0)
    for table, number in counts.items():
        found[table if table in KINDS else OTHER] += number
    return {kind: number for kind, number in found.items() if number}


def made_words(made: Mapping[str, int]) -> str:
    """The rows that a work made, by kind, where it made several kinds and each has words; else empty."""
    kinds = by_kind(made)
    return "" if len(kinds) < 2 or OTHER in kinds else listed(str(KINDS[kind][0](number)) for kind, number in kinds.items())


def told(removed: Mapping[str, int], back: Mapping[str, int], changed: Mapping[str, int]) -> str:
    """One sentence: the rows that go, those that come back and those that are as they were, by kind (table -> number)."""
    parts = [*_parts(1, by_kind(removed)), *_parts(2, by_kind(back))]
    as_before = by_kind(changed)
    if set(as_before) == {OTHER}:
        parts.append(str(N_("%(num)d record as it was before", "%(num)d records as they were before", as_before[OTHER])))
    elif as_before:
        parts.append(str(_("%(things)s as before", things=listed(str(KINDS[kind][0](number)) for kind, number in as_before.items()))))
    return ", ".join(parts) + "." if parts else ""


def _parts(place: int, counts: dict[str, int]) -> list[str]:
    if len(counts) < 2:
        return [str(KINDS[kind][place](number)) for kind, number in counts.items()]
    things = listed(str(KINDS[kind][0](number)) for kind, number in counts.items())
    return [str(_("%(things)s removed", things=things) if place == 1 else _("%(things)s brought back", things=things))]
