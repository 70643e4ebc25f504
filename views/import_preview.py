"""The preview of an import in words: what was detected, the tabs, the columns that matter on a page, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from models.db import db
from models.import_fields import FIELDS
from models.import_words import remedy_of, sentence_of
from models.imports import FileKind, Import, ImportFile, ImportRow, RowStatus
from models.people import Authority, Relation, Sex, StudentStatus
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _

ON_A_PAGE = 25
SHOWN = 80  # characters of a cell (security case 49)
MOST_COLUMNS = 5
ALWAYS = ("national_id", "born_on", "homeroom")
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
# Numbers of guardians told apart in the words of a column.
NUMBERS = {1: _("[Guardian] 1"), 2: _("[Guardian] 2"), 3: _("[Guardian] 3")}
_SHORT = {"national_id": _("Identifier"), "born_on": _("Birth"), "status": _("Status")}
_CHOICES: dict[str, Any] = {"sex": Sex, "status": StudentStatus, "relation": Relation, "authority": Authority}


def label_of(kind: str, key: str) -> str:
    """The words of a column: "Date of birth", "Guardian 2: E-mail"."""
    number, _dot, bare = key.rpartition(".")
    if bare == "tie":
        return gettext("Tie with [a guardian]")
    if key in _SHORT:
        return str(_SHORT[key])
    found = FIELDS[kind].get(key) or FIELDS["students"].get(key) or FIELDS["guardians"].get(bare) or FIELDS["links"].get(bare)
    words = str(found.label) if found else key
    if not number:
        return words
    place = NUMBERS.get(int(number[1:]), _("[Guardian]"))
    return gettext("%(who)s: %(what)s", who=str(place), what=words)


def cut(text: str) -> str:
    """A cell as the preview shows it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def value_of(key: str, text: str) -> str:
    """A stored value in words: F is "Female" for the reader."""
    choice = _CHOICES.get(key.rpartition(".")[2])
    if choice is not None and text in choice.__members__:
        return str(choice[text].label)
    return cut(text)


def detected(one: Import) -> list[dict[str, Any]]:
    """What each file was taken for, in a sentence."""
    return [{"file": f, "title": _format(f), "sentence": _details(f)} for f in one.files]


def _format(f: ImportFile) -> str:
    if not f.detected:
        return gettext("%(name)s: not read", name=f.name)
    kind = {"xlsx": gettext("spreadsheet"), "xls": gettext("spreadsheet (old format)"), "csv": gettext("CSV text")}[f.detected["kind"]]
    return gettext("Recognised: %(format)s, %(content)s.", format=kind, content=str(f.kind.label).lower())


def _details(f: ImportFile) -> str:
    parts = []
    known = sum(1 for key in f.mapping if key)
    if f.headings:
        parts.append(ngettext("%(known)d column understood of %(num)d", "%(known)d columns understood of %(num)d", len(f.headings), known=known))
    if f.detected.get("encoding"):
        parts.append(gettext("encoding %(name)s", name=ENCODINGS.get(f.detected["encoding"], f.detected["encoding"])))
    if f.detected.get("separator"):
        parts.append(gettext("separator: %(name)s", name=str(SEPARATORS.get(f.detected["separator"], f.detected["separator"]))))
    if f.detected.get("sheet"):
        parts.append(gettext("sheet “%(name)s”", name=cut(f.detected["sheet"])))
    unread = [cut(heading) for heading, key in zip(f.headings, f.mapping, strict=False) if heading and not key]
    if unread:
        some = [*unread[:MOST_COLUMNS], "…"] if len(unread) > MOST_COLUMNS else unread
        parts.append(ngettext("not imported: %(names)s", "not imported: %(names)s", len(unread), names=" · ".join(some)))
    return ", ".join(parts)


def tabs(one: Import, current: RowStatus, url: Any) -> list[dict[str, Any]]:
    """Five tabs with their counts; lines left out have theirs when there are any."""
    shown = [s for s in RowStatus if s is not RowStatus.ignored or one.counts.get("ignored")]
    return [{"label": str(s.label), "n": one.counts.get(s.name, 0), "current": s is current, "url": url(s.name)} for s in shown]


def first_tab(one: Import) -> RowStatus:
    """Errors first; where there are none, what changes."""
    return next((s for s in RowStatus if one.counts.get(s.name)), RowStatus.created)


def headline(status: RowStatus, count: int) -> str:
    """The title of a tab."""
    return {
        RowStatus.error: lambda: ngettext("%(num)d line in error", "%(num)d lines in error", count),
        RowStatus.created: lambda: ngettext("%(num)d [student] to create", "%(num)d [students] to create", count),
        RowStatus.changed: lambda: ngettext("%(num)d line changed", "%(num)d lines changed", count),
        RowStatus.unchanged: lambda: ngettext("%(num)d line unchanged", "%(num)d lines unchanged", count),
        RowStatus.absent: lambda: ngettext("%(num)d [student] absent from the file", "%(num)d [students] absent from the file", count),
        RowStatus.ignored: lambda: ngettext("%(num)d line left out", "%(num)d lines left out", count),
    }[status]()


@dataclass
class Shown:
    """One row of the preview: its cells by column key, each {"text", "problem", "remedy", "before", "after"}."""

    row: ImportRow
    cells: dict[str, dict[str, Any]]
    rest: list[dict[str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


@dataclass
class Page:
    """One page of one tab."""

    columns: list[tuple[str, str]]
    rows: list[Shown]
    count: int
    number: int
    pages: int
    has_doubts: bool
    has_rest: bool


def page_of(one: Import, status: RowStatus, number: int) -> Page:
    """The rows of a tab, with the columns that say something about them."""
    clause = (ImportRow.import_id == one.id, ImportRow.status == status)
    count = db.session.scalar(select(func.count()).select_from(ImportRow).where(*clause)) or 0
    order = (ImportRow.name, ImportRow.id) if status is RowStatus.absent else (ImportRow.line, ImportRow.id)
    rows = list(db.session.scalars(select(ImportRow).where(*clause).order_by(*order).limit(ON_A_PAGE).offset(number * ON_A_PAGE)))
    keys = _keys(rows, status)
    shown = [_show(row, keys, status) for row in rows]
    columns = [(key, label_of(rows[0].kind.name if rows else "students", key)) for key in keys]
    pages = max(1, -(-count // ON_A_PAGE))
    return Page(columns, shown, count, number, pages, any(s.doubts for s in shown), any(s.rest for s in shown))


def _keys(rows: list[ImportRow], status: RowStatus) -> list[str]:
    if status is RowStatus.changed:
        found = Counter(change["field"] for row in rows for change in row.diff)
        most = [key for key, _times in found.most_common(MOST_COLUMNS)]
        order = ["family_name", "given_name", "homeroom", "level", *FIELDS["students"]]
        return sorted(most, key=lambda key: order.index(key) if key in order else len(order))
    keys = list(ALWAYS) if all(row.kind is FileKind.students for row in rows) else []
    if status is RowStatus.error:
        wrong = [note["field"] for row in rows for note in row.problems if note["field"]]
        keys += [key for key in dict.fromkeys(wrong) if key not in keys][: MOST_COLUMNS + 2]
    elif status is not RowStatus.ignored and any("level" in row.cells for row in rows):
        keys.append("level")
    return keys


def _show(row: ImportRow, keys: list[str], status: RowStatus) -> Shown:
    cells: dict[str, dict[str, Any]] = {key: {"text": cut(row.cells.get(key, ""))} for key in keys}
    shown = Shown(row, cells, doubts=[_doubt(row, note) for note in row.doubts])
    for change in row.diff if status is RowStatus.changed else ():
        before, after = value_of(change["field"], change["before"]), value_of(change["field"], change["after"])
        if change["field"] in cells:
            cells[change["field"]] |= {"changed": True, "before": before, "after": after, "who": change.get("who", "")}
        else:
            shown.rest.append({"label": label_of(row.kind.name, change["field"]), "before": before, "after": after})
    for note in row.problems if status is RowStatus.error else ():
        told = {"problem": sentence_of(note).sentence, "remedy": remedy_of(note)}
        if note["field"] in cells:
            cells[note["field"]] |= {"value": row.cells.get(note["field"], "")[:1000], **told}
        else:
            shown.rest.append({"label": label_of(row.kind.name, note["field"]), "before": "", "after": told["problem"]})
    return shown


def _doubt(row: ImportRow, note: dict[str, Any]) -> str:
    sentence = " ".join(part for part in (sentence_of(note).sentence, remedy_of(note)) if part)
    return gettext("%(who)s: %(what)s", who=label_of(row.kind.name, note["field"]), what=sentence) if note["field"] else sentence


Words = Callable[[int], str]
_WRITTEN: tuple[tuple[str, Words], ...] = (
    ("created", lambda n: ngettext("%(num)d [student] created", "%(num)d [students] created", n)),
    ("changed", lambda n: ngettext("%(num)d [student] changed", "%(num)d [students] changed", n)),
    ("deactivated", lambda n: ngettext("%(num)d [student] deactivated", "%(num)d [students] deactivated", n)),
    ("new_guardians", lambda n: ngettext("%(num)d [guardian] created", "%(num)d [guardians] created", n)),
    ("changed_guardians", lambda n: ngettext("%(num)d [guardian] changed", "%(num)d [guardians] changed", n)),
    ("new_links", lambda n: ngettext("%(num)d tie between [student] and [guardian]", "%(num)d ties between [students] and [guardians]", n)),
    ("new_groups", lambda n: ngettext("%(num)d class created", "%(num)d classes created", n)),
    ("new_levels", lambda n: ngettext("%(num)d [level] created", "%(num)d [levels] created", n)),
)
_NOT_WRITTEN: tuple[tuple[str, Words], ...] = (
    ("error", lambda n: ngettext("%(num)d line in error, not written.", "%(num)d lines in error, not written.", n)),
    ("ignored", lambda n: ngettext("%(num)d line is left out.", "%(num)d lines are left out.", n)),
    ("deduced_levels", lambda n: ngettext("%(num)d [level] deduced from the class.", "%(num)d [levels] deduced from the class.", n)),
    (
        "guardians_left_out",
        lambda n: ngettext("%(num)d [guardian] left out: not with your role.", "%(num)d [guardians] left out: not with your role.", n),
    ),
)


def summary(counts: dict[str, int]) -> list[str]:
    """What the write does, line by line, in words; zero is not said."""
    return [words(counts[key]) for key, words in _WRITTEN if counts.get(key)]


def remarks(counts: dict[str, int]) -> list[str]:
    """What the write does not do, or does by deduction."""
    return [words(counts[key]) for key, words in _NOT_WRITTEN if counts.get(key)]


def column_choices(f: ImportFile) -> list[tuple[str, str]]:
    """What a column of this file may be called, nothing first."""
    words = ((key, str(found.label) if key in _SHORT else label_of(f.kind.name, key)) for key, found in FIELDS[f.kind.name].items())
    return [("", gettext("Not imported")), *words]
