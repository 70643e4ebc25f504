"""An import in words: what each file was taken for, what its columns are called, the tabs, what the write does and does not do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from models.base import today
from models.custom_import import spec_of
from models.custom_values import Spec
from models.db import db
from models.import_fields import FIELDS, Field
from models.import_study_fields import DAYS
from models.import_words import BadCell
from models.imports import FileKind, Import, ImportFile, RowStatus
from models.people import Authority, Relation, Sex, StudentStatus
from models.school import Country, School
from models.scope import current_school_id
from models.staff_words import ROLE, role_label
from models.transfer import Transfer
from models.values import read_date
from models.words import listed
from views.formats import day_of, show, show_date, zone
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.import_study_words import CHOICES as STUDY_CHOICES
from views.import_study_words import NAMED as STUDY_NAMED
from views.import_study_words import STUDIES, Words

SHOWN = 80  # characters of a cell (security case 49)
MOST_COLUMNS = 5
MOST_NAMES = 12
SEPARATORS = {";": _("semicolon"), ",": _("comma"), "\t": _("tab"), "|": _("vertical bar")}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows-1252",
    "latin-1": "ISO-8859-1",
    "iso-8859-15": "ISO-8859-15",
    "mac_roman": "Mac Roman",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
}
TEXTS = {"xlsx": _("spreadsheet"), "xls": _("spreadsheet (old format)"), "csv": _("CSV text")}
OFFICIAL = {"siecle": "SIECLE", "onde": "Onde", "sts": "STS-web"}  # formats whose columns are fixed: names of the applications that give them
LISTED = ("onde",)  # of these, the columns that are left out are told
# Numbers of guardians told apart in the words of a column.
NUMBERS = {1: _("[Guardian] 1"), 2: _("[Guardian] 2"), 3: _("[Guardian] 3")}
_SHORT = {"national_id": _("Identifier"), "born_on": _("Birth"), "status": _("Status")}
_CATEGORIES = {"D": _("Class"), "G": _("[Group]")}  # as SIECLE says them
DATES = ("born_on", "left_on", *DAYS)
_CHOICES: dict[str, Any] = {"sex": Sex, "status": StudentStatus, "relation": Relation, "authority": Authority, **STUDY_CHOICES}


def field_of(kind: str, key: str) -> Field | None:
    """The column behind a key, also of another kind of file: a line of one shows what the others say."""
    bare = key.rpartition(".")[2]
    mine = FIELDS[kind].get(key) or FIELDS["students"].get(key) or FIELDS["guardians"].get(bare) or FIELDS["links"].get(bare)
    return mine or next((fields[key] for fields in FIELDS.values() if key in fields), None)


def label_of(kind: str, key: str) -> str:
    """The words of a column: "Date of birth", "Guardian 2: E-mail"."""
    number, _dot, bare = key.rpartition(".")
    if bare == "tie":
        return gettext("Tie with [a guardian]")
    if key in _SHORT:
        return str(_SHORT[key])
    found = field_of(kind, key)
    words = str(found.label) if found else key
    if not number:
        return words
    place = gettext("[Student] %(num)d", num=int(number[1:])) if number[0] == "c" else NUMBERS.get(int(number[1:]), _("[Guardian]"))
    return gettext("%(who)s: %(what)s", who=str(place), what=words)


def cut(text: str) -> str:
    """A cell as the preview shows it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def read_day(text: str) -> dt.date | None:
    """The day that the text of a cell says; None when it says none."""
    try:
        return read_date(text, today(zone().key), future=True) if text else None
    except BadCell:
        return None


def value_of(key: str, text: str) -> str:
    """A stored value in words: F is "Female" for the reader, 2014-03-14 a date as they write it."""
    bare = key.rpartition(".")[2]
    own = spec_of(bare)
    if own is not None:
        return _own_words(own, text)
    choice = _CHOICES.get(bare)
    if choice is not None and text in choice.__members__:
        return str(choice[text].label)
    if bare == ROLE:
        return cut(role_label(text))
    if bare == "category":
        return str(_CATEGORIES.get(text.upper(), cut(text)))
    day = read_day(text) if bare in DATES else None
    return show_date(day) if day else cut(text)


def _own_words(spec: Spec, text: str) -> str:
    try:
        return cut(str(show(spec.value(spec.read(text)))))
    except BadCell:
        return cut(text)


def country() -> Country:
    """Where the school stands: what its official files are."""
    return db.session.get_one(School, current_school_id()).country


def detected(one: Import) -> list[dict[str, Any]]:
    """What each file was taken for, in a sentence, and whether its columns were understood as last time."""
    sender = db.session.execute(select(Transfer.other_name, Transfer.other_code).where(Transfer.import_id == one.id)).first() if one.partial else None
    if sender is not None:  # its tables are of our own making: their columns and their encoding say nothing to anybody
        title = gettext("Transfer from %(name)s", name=sender.other_name or sender.other_code)
        return [{"file": one.files[0], "title": title, "sentence": listed(str(f.kind.label) for f in one.files), "remembered": "", "ours": True}]
    sent = list(dict.fromkeys(f.sha256 for f in one.files))
    files = sorted(one.files, key=lambda f: (sent.index(f.sha256), f.id))  # the tables of one file stand together
    return [{"file": f, "title": _format(f), "sentence": _details(f), "remembered": _remembered(f), "ours": False} for f in files]


def _remembered(f: ImportFile) -> str:
    if f.remembered_at is None:
        return ""
    return gettext("Its columns are understood as last time (%(when)s).", when=show_date(day_of(f.remembered_at)))


def _format(f: ImportFile) -> str:
    if not f.detected:
        return gettext("%(name)s: not read", name=f.name)
    content = str(f.kind.label).lower()
    if f.detected["kind"] not in TEXTS:
        official = OFFICIAL.get(f.detected["kind"], f.detected["kind"])
        year = f.detected.get("year", "")
        if year.isdecimal():
            return gettext("Recognised: %(format)s, %(content)s, school year %(year)s.", format=official, content=content, year=f"{year}-{int(year) + 1}")
        return gettext("Recognised: %(format)s, %(content)s.", format=official, content=content)
    return gettext("Recognised: %(format)s, %(content)s.", format=str(TEXTS[f.detected["kind"]]), content=content)


def _details(f: ImportFile) -> str:
    parts = []
    known = sum(1 for key in f.mapping if key)
    if f.detected.get("school"):
        parts.append(gettext("of [the school] %(uai)s", uai=f.detected["school"]))
    elif "school" in f.detected:
        parts.append(gettext("it does not say of which [school] it is"))
    if f.headings and not f.fixed:
        parts.append(ngettext("%(known)d column understood of %(num)d", "%(known)d columns understood of %(num)d", len(f.headings), known=known))
    if f.detected.get("encoding"):
        parts.append(gettext("encoding %(name)s", name=ENCODINGS.get(f.detected["encoding"], f.detected["encoding"])))
    if f.detected.get("separator"):
        parts.append(gettext("separator: %(name)s", name=str(SEPARATORS.get(f.detected["separator"], f.detected["separator"]))))
    if f.detected.get("sheet"):
        parts.append(gettext("sheet “%(name)s”", name=cut(f.detected["sheet"])))
    told = not f.fixed or f.detected["kind"] in LISTED
    unread = [cut(heading) for heading, key in zip(f.headings, f.mapping, strict=False) if told and heading.strip() and not key]
    if unread:
        some = [*unread[:MOST_COLUMNS], "…"] if len(unread) > MOST_COLUMNS else unread
        parts.append(ngettext("not imported: %(names)s", "not imported: %(names)s", len(unread), names=" · ".join(some)))
    return ", ".join(parts)


def number_of(one: Import, status: RowStatus) -> int:
    """How many lines stand under a tab."""
    return one.counts.get("asked" if status is RowStatus.unsure else status.name, 0)


def tabs(one: Import, current: RowStatus, url: Callable[[str], str]) -> list[dict[str, Any]]:
    """Five tabs with their counts; lines to decide and lines left out have theirs when there are any."""
    seldom = {RowStatus.ignored: number_of(one, RowStatus.ignored), RowStatus.unsure: number_of(one, RowStatus.unsure) or one.decisions}
    shown = [s for s in RowStatus if s not in seldom or seldom[s] or s is current]
    return [{"label": str(s.label), "n": number_of(one, s), "current": s is current, "url": url(s.name)} for s in shown]


def first_tab(one: Import) -> RowStatus:
    """Errors first, then what is to decide; where there are none, what changes."""
    return next((s for s in RowStatus if number_of(one, s)), RowStatus.created)


def headline(status: RowStatus, count: int, structures: bool = False) -> str:
    """The title of a tab; with `structures`, its lines are about classes and programmes as well."""
    if structures and status is RowStatus.created:
        return ngettext("%(num)d line to create", "%(num)d lines to create", count)
    return {
        RowStatus.error: lambda: ngettext("%(num)d line in error", "%(num)d lines in error", count),
        RowStatus.unsure: lambda: ngettext("%(num)d line may speak of somebody known", "%(num)d lines may speak of somebody known", count),
        RowStatus.created: lambda: ngettext("%(num)d [student] to create", "%(num)d [students] to create", count),
        RowStatus.changed: lambda: ngettext("%(num)d line changed", "%(num)d lines changed", count),
        RowStatus.unchanged: lambda: ngettext("%(num)d line unchanged", "%(num)d lines unchanged", count),
        RowStatus.absent: lambda: ngettext("%(num)d [student] absent from the file", "%(num)d [students] absent from the file", count),
        RowStatus.ignored: lambda: ngettext("%(num)d line left out", "%(num)d lines left out", count),
    }[status]()


def onward(one: Import) -> str:
    """What waits once somebody has set the lines in error right; empty where nothing does."""
    asked = number_of(one, RowStatus.unsure)
    if not asked or not one.revision:
        return ""
    return ngettext("All is corrected: %(num)d line is left to decide", "All is corrected: %(num)d lines are left to decide", asked)


_WRITTEN: tuple[tuple[str, Words], ...] = (
    ("students_created", lambda n: ngettext("%(num)d [student] created", "%(num)d [students] created", n)),
    ("students_changed", lambda n: ngettext("%(num)d [student] changed", "%(num)d [students] changed", n)),
    ("deactivated", lambda n: ngettext("%(num)d [student] deactivated", "%(num)d [students] deactivated", n)),
    ("new_guardians", lambda n: ngettext("%(num)d [guardian] created", "%(num)d [guardians] created", n)),
    ("changed_guardians", lambda n: ngettext("%(num)d [guardian] changed", "%(num)d [guardians] changed", n)),
    ("new_links", lambda n: ngettext("%(num)d tie between [student] and [guardian]", "%(num)d ties between [students] and [guardians]", n)),
    ("new_groups", lambda n: ngettext("%(num)d class created", "%(num)d classes created", n)),
    ("new_levels", lambda n: ngettext("%(num)d [level] created", "%(num)d [levels] created", n)),
    ("new_clubs", lambda n: ngettext("%(num)d [group] created", "%(num)d [groups] created", n)),
    ("new_programmes", lambda n: ngettext("%(num)d [programme] created", "%(num)d [programmes] created", n)),
    ("groups_changed", lambda n: ngettext("%(num)d class or [group] with another name", "%(num)d classes or [groups] with another name", n)),
    ("programmes_changed", lambda n: ngettext("%(num)d [programme] changed", "%(num)d [programmes] changed", n)),
    # of imports written before the two were told apart
    ("structures_changed", lambda n: ngettext("%(num)d class, [group] or [programme] changed", "%(num)d classes, [groups] or [programmes] changed", n)),
    ("student_accounts", lambda n: ngettext("%(num)d personal account opened", "%(num)d personal accounts opened", n)),
    ("joins", lambda n: ngettext("%(num)d [student] put in [a group]", "%(num)d times [a student] put in [a group]", n)),
)
_STAFF: tuple[tuple[str, Words], ...] = (
    ("staff_created", lambda n: ngettext("%(num)d person added to the staff", "%(num)d people added to the staff", n)),
    ("staff_changed", lambda n: ngettext("%(num)d person of the staff changed", "%(num)d people of the staff changed", n)),
    ("staff_deactivated", lambda n: ngettext("%(num)d person without their role here any more", "%(num)d people without their role here any more", n)),
    ("new_accounts", lambda n: ngettext("%(num)d account opened", "%(num)d accounts opened", n)),
    ("new_shares", lambda n: ngettext("%(num)d class or [group] shared with who teaches it", "%(num)d classes or [groups] shared with who teaches them", n)),
)
_NOT_WRITTEN: tuple[tuple[str, Words], ...] = (
    ("error", lambda n: ngettext("%(num)d line in error, not written.", "%(num)d lines in error, not written.", n)),
    ("asked", lambda n: ngettext("%(num)d line to decide, not written.", "%(num)d lines to decide, not written.", n)),
    ("kept", lambda n: ngettext("%(num)d value that [the school] corrected is kept.", "%(num)d values that [the school] corrected are kept.", n)),
    (
        "proposed",
        lambda n: ngettext(
            "%(num)d user name is proposed, for want of an e-mail: it may be corrected in its line.",
            "%(num)d user names are proposed, for want of an e-mail: they may be corrected in their lines.",
            n,
        ),
    ),
    ("ignored", lambda n: ngettext("%(num)d line is left out.", "%(num)d lines are left out.", n)),
    ("deduced_levels", lambda n: ngettext("%(num)d [level] deduced from the class.", "%(num)d [levels] deduced from the class.", n)),
    (
        "guardians_left_out",
        lambda n: ngettext("%(num)d [guardian] left out: not with your role.", "%(num)d [guardians] left out: not with your role.", n),
    ),
)


_SHORT_LIST = 3  # of them the list of imports says the first
_BEFORE = {"students_created": "created", "students_changed": "changed"}
_NAMED = {"new_groups": "homeroom", "new_levels": "level", "new_programmes": "programme", **STUDY_NAMED}


def summary(one: Import, counts: dict[str, int]) -> list[str]:
    """What the write does, or did, line by line, in words; new classes and levels by name; zero is not said."""
    told = []
    for key, words in (*_WRITTEN, *STUDIES, *_STAFF):
        if _told(counts, key):
            names = [place["text"] for place in one.places if place["comes"] and place["field"] == _NAMED.get(key)]
            what = words(_told(counts, key))
            told.append(gettext("%(what)s: %(names)s", what=what, names=_some(names)) if names else what)
    return told


def _told(counts: dict[str, int], key: str) -> int:
    """A number of the summary; imports of before there were several subjects counted students only."""
    found = counts.get(key, counts.get(_BEFORE.get(key, ""), 0))
    return found - counts.get("staff_deactivated", 0) if key == "deactivated" else found


def _some(names: list[str]) -> str:
    return ", ".join([cut(name) for name in names[:MOST_NAMES]] + (["…"] if len(names) > MOST_NAMES else []))


def written(one: Import) -> str:
    """What an import wrote, on one line of the list."""
    said = (*_WRITTEN[:_SHORT_LIST], *STUDIES[:_SHORT_LIST], *_STAFF[:_SHORT_LIST])
    return ", ".join(words(_told(one.written, key)) for key, words in said if _told(one.written, key))


def remarks(counts: dict[str, int]) -> list[str]:
    """What the write does not do, or does by deduction."""
    return [words(counts[key]) for key, words in _NOT_WRITTEN if counts.get(key)]


def counted(one: Import) -> list[str]:
    """What the lines to write are, where they are not of people alone: the tabs and the button count them all."""
    counts = one.counts
    lines = counts.get("created", 0) + counts.get("changed", 0)
    people = counts.get("students_created", 0) + counts.get("students_changed", 0)
    if not (one.of_structures or one.of_studies) or not 0 < people < lines:
        return []
    if one.of_studies or all(file.kind is not FileKind.groups for file in one.files):
        return [
            gettext(
                "%(lines)d lines to write: %(people)d of [students] with their [guardians], %(others)d of the other files.",
                lines=lines,
                people=people,
                others=lines - people,
            )
        ]
    return [
        gettext(
            "%(lines)d lines to write: %(people)d of [students] with their [guardians], %(others)d of classes, [groups] and [programmes], renamings included.",
            lines=lines,
            people=people,
            others=lines - people,
        )
    ]


def number_to_type(one: Import) -> str:
    """Which number is to be typed when more than one student in five would leave."""
    if one.of_staff:
        return gettext("To withdraw their role, type how many they are (%(num)d)", num=one.leaving(deactivate=True))
    leaving, together = one.leaving(deactivate=False), one.leaving(deactivate=True)
    if not one.too_many(leaving):
        return gettext("To deactivate them, type their number (%(num)d)", num=together)
    if together == leaving:
        return gettext("By their date in the file, %(num)d [students] leave: type that number", num=leaving)
    return gettext("Type how many [students] leave: %(num)d by their date in the file, %(all)d with the absent ones", num=leaving, all=together)


def column_choices(f: ImportFile) -> list[tuple[str, str]]:
    """What a column of this file may be called, nothing first."""
    words = ((key, str(found.label) if key in _SHORT else label_of(f.kind.name, key)) for key, found in FIELDS[f.kind.name].items())
    return [("", gettext("Not imported")), *words]
