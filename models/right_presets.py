"""Ready-made settings of a role: what it holds once one is applied, shown first as what it gains and what it loses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.base import Refusal
from models.right_override import WORKING, Change, RightOverride, by_default, cells, fixed
from models.rights import POLICY, grant
from models.words import _

Cells = frozenset[tuple[str, str]]

# What a technical administrator looks after (seed 3): the installation, its people, imports and the students' access. Whatever comes later
# stays closed until it is named here.
_TECHNICAL = frozenset(
    {
        *("school", "level", "user", "membership", "right", "label", "noun", "setting", "code_value", "custom_field", "school_year", "org_unit"),
        *("import_", "transfer", "activation_code", "outgoing_mail", "job", "journal_event", "login_event"),
    }
)
# What an import of people asks of whoever sends it (jobs/import_subjects.py): bringing the lists of the school in is their work (S3-17).
_IMPORTED = {
    "student": ("read", "create", "edit", "deactivate", "reactivate", "generate_codes"),
    "guardian": ("read", "create", "edit"),
    "guardian_link": ("read", "create", "edit"),
    "group": ("read", "create", "edit"),
}
_OFFICE = {
    "student": ("read", "create", "edit", "export", "generate_codes", "add_to_group", "print_class_list", "print_labels", "print_certificate"),
    "guardian": ("read", "create", "edit", "print_reset_letter"),
    "guardian_link": ("read", "create", "edit", "confirm"),
    "activation_code": ("read", "print_letters", "revoke"),
    "import_": ("read", "create", "check", "confirm", "abandon"),
    "outgoing_mail": ("read",),
}


def _default(role: str) -> Cells:
    return frozenset((table, verb) for table in POLICY for verb in grant(table, role).verbs)


def _technical(role: str) -> Cells:
    kept = {cell for cell in _default(role) if cell[0] in _TECHNICAL}
    return frozenset({*kept, *((table, verb) for table, verbs in _IMPORTED.items() for verb in verbs)})


def _office(role: str) -> Cells:
    given = {(table, verb) for table, verbs in _OFFICE.items() for verb in verbs if table in POLICY and verb in cells(table)}
    return _default(role) | given


def _reading(role: str) -> Cells:
    return frozenset(cell for cell in _default(role) if cell[1] == "read")


def _without_export(role: str) -> Cells:
    return frozenset(cell for cell in _default(role) if cell[1] != "export")


def _without_delete(role: str) -> Cells:
    return frozenset(cell for cell in _default(role) if cell[1] != "delete")


@dataclass(frozen=True)
class Preset:
    """A setting: the role it is for (empty: any, or all), its words, what the role holds with it."""

    key: str
    role: str
    label: Any
    about: Any
    holds: Callable[[str], Cells]


PRESETS = (
    Preset(
        "technical",
        "acc",
        _("Technical administrator"),
        _("Looks after the installation, the accounts, the imports and the access of [students]; reads nothing of their schooling."),
        _technical,
    ),
    Preset(
        "office",
        "amp",
        _("Secretariat"),
        _("The other staff keep the files of [students] and [guardians], import lists and print letters. They delete nothing."),
        _office,
    ),
    Preset("reading", "amp", _("Reading only for the other staff"), _("The other staff see the lists and change, export and print nothing."), _reading),
    Preset(
        "no_export",
        "ec",
        _("[Teachers] without export"),
        _("[Teachers] and [counsellors] work as before, but take no list out of the application."),
        _without_export,
    ),
    Preset(
        "no_delete",
        "ac",
        _("Administrators without deletion"),
        _("Administrators and [counsellors] of [the school] do everything but delete."),
        _without_delete,
    ),
    Preset("default", "", _("Default rights"), _("Everything as the application comes."), _default),
)


def preset(key: str, role: str = "") -> tuple[Preset, tuple[str, ...]]:
    """A setting and the roles it is applied to. Refused: one that does not exist, or a role it is not for."""
    found = next((one for one in PRESETS if one.key == key), None)
    if found is None or (role and (role not in {known.name for known in WORKING} or found.role not in ("", role))):
        raise Refusal(_("This setting does not exist. Choose one in the list."))
    if found.role:
        return found, (found.role,)
    return found, (role,) if role else tuple(known.name for known in WORKING)


def changes_of(chosen: Preset, roles: tuple[str, ...], rows: list[RightOverride]) -> list[Change]:
    """What applying it changes, against what holds now (`rows`: the cells that differ from the default), cell by cell."""
    now = {(row.role.name, row.table, row.verb): bool(row.granted) for row in rows}
    found = []
    for role in roles:
        wanted = chosen.holds(role)
        for table in POLICY:
            for verb in cells(table):
                has = now.get((role, table, verb), by_default(role, table, verb))
                gets = (table, verb) in wanted
                if has != gets and fixed(role, table, verb) is None:
                    found.append(Change(role, table, verb, gets, has))
    return found
