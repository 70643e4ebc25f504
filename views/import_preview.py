"""The preview of an import: one page of one tab, its columns that say something, its cells as they read now and as they may be set right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Text, case, cast, func, select

from models.base import fold, today
from models.custom_import import text_of as cell_text
from models.db import db
from models.import_cells import Context, read_cell
from models.import_choices import PLACES, values_of
from models.import_fields import FIELDS, OWN
from models.import_study_fields import STUDY_PLACES
from models.import_words import BadCell, remedy_of, sentence_of
from models.imports import Clash, FileKind, Import, ImportFile, ImportRow, RowStatus
from models.school import School
from views.i18n import gettext
from views.import_study_words import SHOWN
from views.import_summary import DATES, MOST_COLUMNS, cut, field_of, label_of, read_day, value_of

ON_A_PAGE = 25
MOST_PLACES = 40  # levels and classes that the school lacks, those to settle first
ALWAYS = ("national_id", "born_on", "homeroom")
ONLY = {
    FileKind.staff: ("role", "email", "username", "classes"),
    FileKind.groups: ("category",),
    FileKind.programmes: ("code", "sanction"),
    **{FileKind[kind]: keys for kind, keys in SHOWN.items()},
    FileKind.moved_grids: ("programme",),
    FileKind.moved_courses: ("units", "hours"),
    FileKind.moved_admissions: ("admission_status", "admitted_on"),
    FileKind.moved_records: ("term",),
    FileKind.moved_enrolments: ("mark", "remark", "rac_type"),
}
OF_PEOPLE = (FileKind.staff, FileKind.admissions, FileKind.enrolments, FileKind.moved_admissions, FileKind.moved_records, FileKind.moved_enrolments)
LAST = tuple(kind for kind in FileKind if kind in ONLY and kind is not FileKind.staff)


@dataclass
class Cell:
    """One cell of the preview. `name` is that of its input where it can be set right; `seen` is what it said when the page was made."""

    key: str
    label: str
    text: str = ""
    typed: str = ""
    name: str = ""
    control: str = "text"
    value: str = ""
    seen: str = ""
    options: list[tuple[str, Any]] = field(default_factory=list)
    problem: str = ""
    remedy: str = ""
    times: int = 0
    place: str = ""
    in_file: str | None = None
    changed: bool = False
    kept: bool = False
    before: str = ""
    after: str = ""
    who: str = ""


@dataclass
class Shown:
    """One row of the preview: its cells by column, those to set right, what else changes, what to look at, all of it where it is opened."""

    row: ImportRow
    cells: dict[str, Cell]
    wrong: list[Cell] = field(default_factory=list)
    rest: list[dict[str, Any]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    whole: list[Cell] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The line, as one word: "students.48"."""
        return f"{self.row.kind.name}.{self.row.line}"


@dataclass
class Page:
    """One page of one tab."""

    columns: list[tuple[str, str]]
    rows: list[Shown]
    count: int
    number: int
    pages: int

    @property
    def people(self) -> bool:
        """Whether its lines are about people."""
        return not self.rows or any(shown.row.kind not in ONLY or shown.row.kind in OF_PEOPLE for shown in self.rows)

    @property
    def has(self) -> dict[str, bool]:
        """Which of the last columns have something to show."""
        return {part: any(getattr(shown, part) for shown in self.rows) for part in ("rest", "doubts")}


class Sheet:
    """What the cells of one import need to be shown: its files, the closed lists (each asked for once), what somebody just typed in vain."""

    def __init__(self, one: Import, clashes: Iterable[Clash] = ()) -> None:
        self.one = one
        self.files = {file.kind: file for file in one.files}
        self.clashes = {clash.fix.name: clash for clash in clashes}
        self._lists: dict[str, list[tuple[str, Any]]] = {}
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """How the school's cells are read."""
        if self._context is None:
            school = db.session.get_one(School, self.one.school_id)
            self._context = Context(school.country.name, today(school.time_zone))
        return self._context

    def options(self, bare: str) -> list[tuple[str, Any]]:
        """The values of a closed list."""
        if bare not in self._lists:
            self._lists[bare] = values_of(db.session, self.one.school_id, bare) or []
        return self._lists[bare]

    def text_of(self, row: ImportRow, key: str) -> str:
        """What a cell says now, what was typed since the last check included."""
        file = self.files.get(row.kind)
        return file.text_of(row, key) if file is not None and row.line else row.cells.get(key, "")

    def read(self, row: ImportRow, key: str) -> Cell:
        """A cell to be read: dates as the reader writes them, the typed text kept beside."""
        said = self.text_of(row, key)
        shown = value_of(key, said)
        typed = key in DATES and shown != cut(said) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said)
        return Cell(key, label_of(row.kind.name, key), shown, said if typed else "")

    def edit(self, row: ImportRow, key: str, note: dict[str, Any] | None = None) -> Cell:
        """A cell to be set right, with what is wrong with it."""
        found = field_of(row.kind.name, key)
        cell = self.read(row, key)
        said = self.text_of(row, key)
        cell.name, cell.seen, cell.value = f"{row.kind.name}.{row.line}.{key}", said, said
        clash = self.clashes.get(cell.name)
        if clash is not None:
            cell.problem = gettext("Somebody wrote “%(text)s” here meanwhile.", text=cut(value_of(key, clash.now)) or gettext("empty"))
            cell.remedy = gettext("What you typed is below: compare, then save again.")
            cell.value = clash.fix.text
        elif note is not None:
            cell.problem, cell.remedy = sentence_of(note).sentence, remedy_of(note)
            if found is not None and found.bare not in OWN:
                cell.times = note.get("times", 0)
        cell.control = found.control if found is not None else "text"
        bare = found.bare if found is not None else key
        if cell.control == "choice":
            cell.options, cell.value = self._chosen(bare, cell.value)
        elif cell.control == "date":
            day = read_day(cell.value)
            cell.value = day.isoformat() if day else ""
        if bare in PLACES and note is not None and note["code"] in ("class_near", "level_near", "programme_near"):
            cell.place = f"{bare}:{said}"
        file = self.files.get(row.kind)
        in_file = file.said_in_file(row, key) if file is not None else said
        if in_file != said or (cell.control == "date" and in_file and not cell.value) or (clash is not None and in_file != cell.value):
            cell.in_file = cut(in_file) or gettext("empty")
        return cell

    def _chosen(self, bare: str, text: str) -> tuple[list[tuple[str, Any]], str]:
        """The options of a closed list and the chosen one; a text that is none of them stays what it is."""
        options = self.options(bare)
        if bare in PLACES:
            value = next((value for value, _words in options if _squash(value) == _squash(text)), None)
        else:
            value = None
            try:
                value = read_cell(bare, text, self.context, []) if text else None
            except BadCell:
                value = None
        if text and value is None:
            return [(text, cut(text)), *options], text
        return [("", "—"), *options], cell_text(bare, value) or ""


def _squash(text: str) -> str:
    return re.sub(r"[\s.\-_]", "", fold(text))


def page_of(sheet: Sheet, status: RowStatus, number: int, opened: str = "") -> Page:
    """The rows of a tab, with the columns that say something about them; `opened` is a line ("students.48") shown whole, to be set right."""
    one = sheet.one
    clause = (ImportRow.import_id == one.id, ImportRow.generation == one.generation, ImportRow.status == status)
    count = db.session.scalar(select(func.count()).select_from(ImportRow).where(*clause)) or 0
    order: tuple[Any, ...] = (ImportRow.name, ImportRow.id) if status is RowStatus.absent else (ImportRow.line, ImportRow.id)
    # Classes, programmes and the studies come after the people: what a page shows is about one of them.
    order = (case(*((ImportRow.kind == kind, at) for at, kind in enumerate(LAST, 1)), else_=0), *order)
    if status is RowStatus.unchanged:  # first those whose values the school corrected, and which stay so
        order = (case((cast(ImportRow.diff, Text) == "[]", 1), else_=0), *order)
    rows = list(db.session.scalars(select(ImportRow).where(*clause).order_by(*order).limit(ON_A_PAGE).offset(number * ON_A_PAGE)))
    keys = _keys(sheet, rows, status)
    shown = [_show(sheet, row, keys, status, opened) for row in rows]
    columns = [(key, label_of(rows[0].kind.name if rows else "students", key)) for key in keys]
    return Page(columns, shown, count, number, max(1, -(-count // ON_A_PAGE)))


def _keys(sheet: Sheet, rows: list[ImportRow], status: RowStatus) -> list[str]:
    if status is RowStatus.changed:
        found = Counter(change["field"] for row in rows for change in row.diff)
        most = [key for key, _times in found.most_common(MOST_COLUMNS)]
        order = ["family_name", "given_name", "homeroom", "level", "programme", *FIELDS["students"]]
        return sorted(most, key=lambda key: order.index(key) if key in order else len(order))
    kinds = {row.kind for row in rows}
    if len(kinds) == 1 and (only := ONLY.get(rows[0].kind)):
        return [key for key in only if any(row.cells.get(key) for row in rows)]
    keys = list(ALWAYS) if all(row.kind is FileKind.students for row in rows) or status is RowStatus.error else []
    if status not in (RowStatus.ignored, RowStatus.error) and any("level" in row.cells for row in rows):
        keys.append("level")
    return keys


def _show(sheet: Sheet, row: ImportRow, keys: list[str], status: RowStatus, opened: str) -> Shown:
    shown = Shown(row, {key: sheet.read(row, key) for key in keys}, doubts=[_doubt(row, note) for note in row.doubts])
    for change in row.diff if status in (RowStatus.changed, RowStatus.unchanged) else ():
        before, after = value_of(change["field"], change["before"]), value_of(change["field"], change["after"])
        kept = bool(change.get("kept"))
        cell = shown.cells.get(change["field"])
        if cell is not None:
            cell.changed, cell.kept, cell.before, cell.after, cell.who = not kept, kept, before, after, change.get("who", "")
        else:
            shown.rest.append({"label": label_of(row.kind.name, change["field"]), "before": before, "after": after, "kept": kept})
    wrong = {note["field"]: note for note in reversed(row.problems) if status is RowStatus.error}
    for name in sheet.clashes:
        kind, line, key = name.split(".", 2)
        if (kind, line) == (row.kind.name, str(row.line)):
            wrong.setdefault(key, {"code": "", "params": {}})
    shown.wrong = [sheet.edit(row, key, wrong[key]) for key in FIELDS[row.kind.name] if key in wrong]
    if opened == shown.name:
        file = sheet.files.get(row.kind)
        shown.whole = [sheet.edit(row, key) for key in _columns(file, row) if key not in wrong]
    return shown


def _columns(file: ImportFile | None, row: ImportRow) -> list[str]:
    """What the file says of a line, in its own order, then what was added by hand."""
    keys = [key for key in file.mapping if key] if file is not None else []
    return list(dict.fromkeys((*keys, *(key for key in row.cells if key in FIELDS[row.kind.name]))))


def _doubt(row: ImportRow, note: dict[str, Any]) -> str:
    sentence = " ".join(part for part in (sentence_of(note).sentence, remedy_of(note)) if part)
    return gettext("%(who)s: %(what)s", who=label_of(row.kind.name, note["field"]), what=sentence) if note["field"] else sentence


def places_of(sheet: Sheet) -> list[dict[str, Any]]:
    """The levels and classes that the school lacks, with what is done about each: it comes, another is read in its place, or it is to say."""
    file = sheet.files.get(FileKind.students)
    replaced = dict(file.replacements) if file is not None else {}
    for key, columns in STUDY_PLACES.items():
        replaced[key] = {text: to for one in sheet.one.files for column in columns for text, to in one.replacements.get(column, {}).items()}
    found = [{**place, "to": "+" if place["comes"] else ""} for place in sheet.one.places if place["text"] not in replaced.get(place["field"], {})]
    said = [{"field": key, "text": text, "to": to, "lines": 0, "near": ""} for key in (*PLACES, *STUDY_PLACES) for text, to in replaced.get(key, {}).items()]
    shown = [*said, *found][:MOST_PLACES]
    for at, place in enumerate(shown):
        kind = "enrolments" if place["field"] in STUDY_PLACES else "students"
        place |= {"at": at, "label": label_of(kind, place["field"]), "shown": cut(place["text"]), "options": sheet.options(place["field"])}
        if place["text"] in sheet.one.to_create.get(place["field"], []):
            place["to"] = "+"
    return shown
