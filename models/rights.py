"""Who may do what: table x role -> letters, verbs and reach. Deny by default.

The notation is that of the rights document: R read, C create, E edit, D delete, X export, V every verb, V(a, b) only those;
after a middle dot the reach: g = the person's groups and advisees, o = own rows. Absent = nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from models.access import STAFF, Role
from models.scope import WHO, Overrides

LETTERS = {"R": "read", "C": "create", "E": "edit", "D": "delete", "X": "export"}

# The business verbs of each screen that exist today; a verb used by a screen and absent here stops the start.
VERBS: dict[str, tuple[str, ...]] = {
    "student": (
        *("generate_codes", "add_to_group", "print_class_list", "print_labels", "print_certificate"),
        *("deactivate", "reactivate", "merge", "transfer", "promote", "create_account", "print_access_cards"),
        *("send_message", "remove_two_factor"),
    ),
    "issued_paper": ("print_again",),
    "guardian": ("print_reset_letter", "merge", "remove_two_factor"),
    "guardian_link": ("suspend", "reactivate", "confirm"),
    "activation_code": ("print_letters", "revoke"),
    "group": ("share",),
    "user": ("invite", "disable", "enable", "end_sessions", "remove_two_factor", "see_as"),
    "membership": ("open_inspection", "close_inspection"),
    "school": ("upload_logo", "upload_stamp", "remove_logo", "remove_stamp"),
    "level": ("retire", "reactivate"),
    "programme": (),
    "course": (),
    "grid": (),
    "rac_group": (),
    "admission": ("activate", "suspend", "close", "sanction", "create_session_record"),
    "session_record": ("copy", "sanction", "print_confirmation", "print_record_sheet"),
    "enrolment": (
        *("copy", "confirm_presence", "correct_census", "override", "inherit", "set_transmission"),
        *("enter_results", "register_many", "copy_last_term", "print_group_list"),
    ),
    "term": (),
    "org_unit": (),
    "school_year": ("change_year",),
    "code_value": ("retire", "reactivate"),
    "import_": ("check", "confirm", "abandon", "undo", "import_staff", "import_structures", "import_courses", "import_registrations"),
    "transfer": ("send", "receive", "cancel", "decline"),
    "label": ("reset", "export_po", "import_po"),
    "noun": ("reset",),
    "letter": ("reset",),
    "access_data": (),
    "custom_field": ("retire", "reactivate"),
    "right": ("reset",),
    "setting": ("reset",),
    "invitation": ("revoke",),
    "job": ("cancel", "retry", "download"),
    "outgoing_mail": ("retry", "cancel", "download", "test"),
    "message": ("send", "send_test"),
    "reminder": ("done", "reopen"),
    "journal_event": ("undo", "restore"),
    "login_event": (),
}

POLICY: dict[str, dict[str, str]] = {
    "student": {
        "acc": "RCEDX V",
        "ac": "RCEDX V(generate_codes, add_to_group, print_class_list, print_labels, print_certificate, deactivate, reactivate, merge, create_account,"
        " print_access_cards, send_message, remove_two_factor)",
        "ec": "REX·g V(generate_codes, add_to_group, print_class_list, print_labels, print_certificate, print_access_cards, send_message)·g",
        "amp": "RX V(generate_codes, print_class_list, print_labels, print_certificate, print_access_cards)",
        "registrar": "RCEX V(add_to_group, print_access_cards, send_message)",
        "head": "RX V(print_class_list, print_labels, print_certificate)",
        "inspector": "R",
    },
    # Papers already issued hang from the students: read with them, printed again by whom their kind is open to (models/papers.py, ISSUED_BY).
    "issued_paper": {
        "acc": "RX V",
        "ac": "RX V",
        "ec": "R·g V(print_again)·g",
        "amp": "R V(print_again)",
        "registrar": "R V(print_again)",
        "head": "RX V(print_again)",
        "inspector": "R",
    },
    "guardian": {"acc": "RCEDX V", "ac": "RCEDX V", "ec": "R·g", "amp": "R", "registrar": "R", "head": "R"},
    "guardian_link": {"acc": "RCEDX V", "ac": "RCEDX V", "ec": "R·g", "amp": "R", "registrar": "R", "head": "R"},
    "activation_code": {
        "acc": "RX V",
        "ac": "RX V",
        "ec": "R·g V(print_letters, revoke)·g",
        "amp": "R V(print_letters)",
        "registrar": "R V(print_letters)",
    },
    "group": {
        "acc": "RCEDX V",
        "ac": "RCEDX V",
        "ec": "RCE·g D·o V(share)·o",
        "amp": "R",
        "registrar": "RX",
        "head": "R",
        "inspector": "R",
    },
    "user": {"acc": "RCE V", "ac": "RCE V(invite, disable, enable, end_sessions, remove_two_factor)", "head": "RC V(invite)"},
    "membership": {"acc": "RCEDX", "ac": "RCED", "head": "RCED V(open_inspection, close_inspection)"},
    "school": {"acc": "RE V", "ac": "R", "ec": "R", "amp": "R", "registrar": "R", "head": "R", "inspector": "R"},
    "programme": {"acc": "RCEDX", "ac": "RCEX", "ec": "R", "amp": "R", "registrar": "RCEDX", "head": "R", "inspector": "R"},
    "course": {"acc": "RCEDX", "ac": "RCEX", "ec": "R", "amp": "R", "registrar": "RCEDX", "head": "R", "inspector": "R"},
    "grid": {"acc": "RCEDX", "ac": "RCEX", "ec": "R", "amp": "R", "registrar": "RCEDX", "head": "R", "inspector": "R"},
    "rac_group": {"acc": "RCEDX", "ac": "RCEDX", "ec": "R", "amp": "R", "registrar": "RCEDX", "head": "R"},
    "admission": {"acc": "RCEDX V", "ac": "RCEDX V", "ec": "R·g", "amp": "R", "registrar": "RCEDX V", "head": "RX", "inspector": "R"},
    "session_record": {
        "acc": "RCEDX V",
        "ac": "RCEDX V",
        "ec": "RE·g V(copy)·g",
        "amp": "R",
        "registrar": "RCEDX V",
        "head": "RX",
        "inspector": "R",
    },
    "enrolment": {
        "acc": "RCEDX V",
        "ac": "RCEDX V",
        "ec": "RE·g V(confirm_presence, enter_results)·g",
        "amp": "R",
        "registrar": "RCEDX V",
        "head": "RX",
        "inspector": "R",
    },
    "term": {"acc": "RCED", "ac": "RCE", "ec": "R", "amp": "R", "registrar": "RCED", "head": "R", "inspector": "R"},
    "org_unit": {"acc": "RCED", "ac": "R", "ec": "R", "amp": "R", "registrar": "RCED", "head": "R"},
    "school_year": {"acc": "RCE V", "ac": "R", "ec": "R", "amp": "R", "registrar": "R", "head": "R", "inspector": "R"},
    # Of the registrar: the lists of the studies only (models/codes.py).
    "code_value": {"acc": "RCE V", "ac": "R", "ec": "R", "amp": "R", "registrar": "RCE V", "head": "R"},
    "level": {"acc": "RCE V", "ac": "R", "ec": "R", "amp": "R", "registrar": "R", "head": "R", "inspector": "R"},
    "import_": {
        "acc": "RCX V",
        "ac": "RCX V(check, confirm, abandon, undo, import_courses, import_registrations)",
        "registrar": "RC·o V(check, confirm, abandon, undo, import_courses, import_registrations)·o",
        "head": "R",
    },
    "transfer": {"acc": "RCX V", "ac": "R", "head": "R"},
    "label": {"acc": "RCEDX V", "ac": "R"},
    "noun": {"acc": "RE V", "ac": "R"},
    "letter": {"acc": "RE V", "ac": "RE V", "head": "R"},
    # The state of each link: read as links are.
    "access_data": {"acc": "RX", "ac": "RX", "ec": "R·g", "amp": "R", "registrar": "R", "head": "R"},
    # Of the registrar: the fields of the tables of the studies only (models/custom.py).
    "custom_field": {"acc": "RCE V", "ac": "R", "registrar": "RCE V", "head": "R"},
    "right": {"acc": "RE V", "ac": "R", "head": "R"},
    "setting": {"acc": "RE V", "ac": "R", "head": "R"},
    # Sent by the students themselves, from their portal.
    "invitation": {"acc": "R V", "ac": "R V", "ec": "R·g V(revoke)·g", "amp": "R"},
    "job": {
        "acc": "R V",
        "ac": "R·o V·o",
        "ec": "R·o V·o",
        "amp": "R·o V·o",
        "registrar": "R·o V·o",
        "head": "R·o V·o",
    },
    "outgoing_mail": {"acc": "RX V", "ac": "R V(retry, cancel, download)", "ec": "R·o", "registrar": "R·o", "head": "R·o"},
    # Of ACC and A/C: everybody's sent messages read, their own drafts alone (models/reach.py, AUTHOR_ONLY).
    "message": {
        "acc": "RCED·o RX V",
        "ac": "RCED·o RX V",
        "ec": "RCED·o V(send, send_test)·g",
        "registrar": "RCED·o V(send, send_test)",
        "head": "RCED·o V(send, send_test)",
    },
    # Everybody's own (models/reach.py, AUTHOR_ONLY).
    "reminder": dict.fromkeys(("acc", "ac", "ec", "amp", "registrar", "head"), "RCED·o V·o"),
    # Who does not read the list still takes back their own work.
    "journal_event": {
        "acc": "RX V",
        "ac": "R V(undo, restore)·o",
        "ec": "V(undo, restore)·o",
        "registrar": "V(undo, restore)·o",
        "head": "RX",
    },
    "login_event": {"acc": "RX", "ac": "R", "ec": "R·g", "amp": "R·g", "head": "R"},
}

# Whose rights on code lists and added fields reach those of the studies only (rights: "study lists", "study records").
STUDIES_ONLY = frozenset({Role.registrar.name})

# Who may give which role, never above their own (rights.md, rule 8).
MAY_GIVE: dict[str, frozenset[str]] = {
    "acc": frozenset(Role),
    "ac": frozenset({Role.ec, Role.amp, Role.registrar, Role.invigilator, Role.guardian, Role.student}),
    "head": frozenset({Role.inspector}),
}


@dataclass(frozen=True)
class Grant:
    """What one role may do on one table: verb -> reach ("all", "g" or "o")."""

    verbs: dict[str, str]


_PART = re.compile(r"(?P<letters>[RCEDX]+)(?:·(?P<reach>[go]))?|V(?:\((?P<named>[^)]*)\))?(?:·(?P<vreach>[go]))?")


@cache
def grant(table: str, role: str) -> Grant:
    """The grant of a role on a table by default, read from its cell."""
    verbs: dict[str, str] = {}
    cell = POLICY.get(table, {}).get(role, "")
    for part in _PART.finditer(cell):
        if part["letters"]:
            verbs.update({LETTERS[letter]: part["reach"] or "all" for letter in part["letters"]})
        else:
            named = [v.strip() for v in part["named"].split(",")] if part["named"] is not None else VERBS[table]
            verbs.update(dict.fromkeys(named, part["vreach"] or "all"))
    return Grant(verbs)


_WIDTH = {"o": 0, "g": 1, "all": 2}
_STUDENTS_ONLY = frozenset({"login_event"})  # "g" there: the sign-ins of students, for roles that follow no group


@cache
def nature(table: str, role: str) -> str:
    """How far a verb reaches that the default does not give to this role (rule 11: a scope is never edited).

    As far as the role reads; on a table that it does not read, as the table is: own rows where others read their own, the groups of those
    who follow students.
    """
    own = grant(table, role).verbs
    if own:
        return own.get("read") or min(own.values(), key=_WIDTH.__getitem__)
    read = {grant(table, other).verbs.get("read") for other in POLICY.get(table, ())}
    if "o" in read:
        return "o"
    return "g" if "g" in read and (role == Role.ec.name or table in _STUDENTS_ONLY) else "all"


def natural(table: str, role: str, verb: str) -> str:
    """How far a right reaches for a role, held or not: as the default says, else as `nature` does."""
    return grant(table, role).verbs.get(verb) or nature(table, role)


@lru_cache(maxsize=4096)
def in_force(table: str, role: str, overrides: Overrides) -> Grant:
    """The grant of a role on a table as the school has changed it. What nobody reads cannot be worked on either (rule 5): a verb that the
    school has given counts only while the role reads the table, and without reading all verbs that came with it rest.
    """
    default = grant(table, role).verbs
    changed = overrides.cells.get((table, role))
    if not changed or role not in STAFF:
        return Grant(default)
    verbs = {verb: far for verb, far in default.items() if changed.get(verb, True)}
    if "read" in verbs or changed.get("read"):
        verbs |= {verb: natural(table, role, verb) for verb, granted in changed.items() if granted and verb not in default}
    elif "read" in default:
        verbs = {}
    return Grant(verbs)


def reach(roles: Iterable[str], table: str, verb: str = "read", overrides: Overrides | None = None) -> str | None:
    """How far these roles together go for a verb: "all", "g", "o", or None when it is not theirs (the union decides).

    The rights of the current school count, as the person who acts has them; `overrides` are asked for where nobody acts yet.
    """
    here = WHO.get().overrides if overrides is None else overrides
    found = [r for role in roles if (r := in_force(table, role, here).verbs.get(verb))]
    return max(found, key=_WIDTH.__getitem__) if found else None


def may(roles: Iterable[str], table: str, verb: str) -> bool:
    """The one question: may somebody with these roles do this verb on this table, in the current school?"""
    return reach(roles, table, verb) is not None


def may_give(roles: Iterable[str], role: str) -> bool:
    """Whether somebody with these roles may give, change or withdraw `role`."""
    return any(role in MAY_GIVE.get(own, frozenset()) for own in roles)


def allowed(roles: frozenset[str]) -> frozenset[tuple[str, str]]:
    """Every (table, verb) that these roles allow here: what Flask-Principal is told at each request."""
    return _allowed(roles, WHO.get().overrides)


@lru_cache(maxsize=256)
def _allowed(roles: frozenset[str], overrides: Overrides) -> frozenset[tuple[str, str]]:
    return frozenset((table, verb) for table in POLICY for role in roles if role in STAFF for verb in in_force(table, role, overrides).verbs)


def problems() -> list[str]:
    """What is wrong with the table itself: unknown roles, verbs that no screen has. Checked at start."""
    found = [f"{table}: unknown role {role}" for table, row in POLICY.items() for role in row if role not in Role.__members__]
    for table, row in POLICY.items():
        known = {*LETTERS.values(), *VERBS.get(table, ())}
        found += [f"{table}/{role}: unknown verb {verb}" for role in row for verb in grant(table, role).verbs if verb not in known]
    return found
