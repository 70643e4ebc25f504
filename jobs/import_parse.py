"""Rows of a table as people: cells read one by one, every problem kept with its line, field, value and remedy.

Nothing here looks at the database. An empty cell says nothing: it never erases what the school knows (a decision).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jobs.columns import implied_ties
from jobs.tables import Table
from models import values as read
from models.base import fold
from models.identifiers import ine_doubt, permanent_doubt
from models.import_cells import Context, read_cell
from models.import_fields import FIELDS
from models.import_words import BadCell

SHOWN = 80  # characters of a cell that the preview shows
INACTIVE = {"inactifs", "inactif"}  # the class where some school systems put those who left
LEGAL_TIES = {"mother", "father", "tutor", "child_welfare"}

Note = dict[str, Any]


@dataclass(frozen=True)
class Fixes:
    """What people set right in a file: {line: {field: text}}, and {field: {text of the file: text}} for every line at once."""

    lines: dict[str, dict[str, str]] = field(default_factory=dict)
    everywhere: dict[str, dict[str, str]] = field(default_factory=dict)
    ignored: frozenset[int] = frozenset()


NOTHING = Fixes()


@dataclass(slots=True)
class GuardianCells:
    """One guardian as a row says it; `line` is where they stand in their file."""

    line: int
    number: int
    values: dict[str, Any]


@dataclass(slots=True)
class Parsed:
    """One row: the cells that have a key, their values, what is wrong and what is doubtful. `skip` is the code of a row left out.

    `in_file` keeps the file's own text of the cells that were set right; `asks` are the questions of jobs/import_doubts.py.
    """

    line: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    guardians: list[GuardianCells] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)
    doubts: list[Note] = field(default_factory=list)
    asks: list[dict[str, Any]] = field(default_factory=list)
    in_file: dict[str, str] = field(default_factory=dict)
    skip: str = ""

    def problem(self, key: str, code: str, /, **params: Any) -> None:
        """Keep the row out, and say why at this field."""
        self.problems.append(note(key, code, self.cells.get(key, ""), params))

    def doubt(self, key: str, code: str, /, **params: Any) -> None:
        """Say something about this field; the row is taken."""
        self.doubts.append(note(key, code, self.cells.get(key, ""), params))

    @property
    def name(self) -> str:
        """Who the row is about, as far as it can be read."""
        family = self.values.get("family_name") or self.cells.get("family_name") or self.cells.get("full_name", "")
        given = self.values.get("given_name") or self.cells.get("given_name", "")
        return (f"{family}, {given}" if family and given else family or given)[:SHOWN]


def note(key: str, code: str, value: str, params: dict[str, Any]) -> Note:
    """A problem or a doubt as it is stored: no sentence, so that each reader gets it in their language."""
    return {"field": key, "code": code, "params": params, "value": value[:SHOWN]}


def cells_of(table: Table, keys: list[str], kind: str, fixes: Fixes) -> Iterator[Parsed]:
    """Each row with its texts by key, what people set right in place of the file's; a row longer than the header loses its tail."""
    places = [(at, key) for at, key in enumerate(keys) if key]
    known = FIELDS[kind]
    for line, row in table.rows:
        cells = {key: text for at, key in places if at < len(row) and (text := row[at].strip())}
        found = Parsed(line, cells)
        said = {key: to[text] for key, to in fixes.everywhere.items() if (text := cells.get(key, "")) in to}
        said |= {key: text for key, text in fixes.lines.get(str(line), {}).items() if key in known}
        if said:
            found.in_file = {key: cells.get(key, "") for key, text in said.items() if text != cells.get(key, "")}
            found.cells = {key: text for key, text in {**cells, **said}.items() if text}
        if line in fixes.ignored:
            found.skip = "ignored_by_hand"
        yield found


def _read(row: Parsed, key: str, bare: str, text: str, context: Context) -> Any:
    doubts: list[BadCell] = []
    try:
        value = read_cell(bare, text, context, doubts)
    except BadCell as bad:
        row.problem(key, bad.code, **bad.params)
        return None
    for found in doubts:
        row.doubt(key, found.code, **found.params)
    return value


def parse_students(table: Table, keys: list[str], context: Context, fixes: Fixes = NOTHING) -> Iterator[Parsed]:
    """The rows of a file of students, with the guardians that stand in the same row."""
    ties = implied_ties(table.header, keys)
    for row in cells_of(table, keys, "students", fixes):
        if is_total(row.cells):
            row.skip = row.skip or "total_row"
            yield row
            continue
        places: dict[int, dict[str, Any]] = {}
        for key, text in row.cells.items():
            number, _dot, bare = key.rpartition(".")
            value = _read(row, key, bare, text, context)
            if value is None:
                continue
            if key == "full_name":
                row.values["family_name"], row.values["given_name"] = value
            elif number:
                places.setdefault(int(number[1:]), {})[bare] = value
            else:
                row.values[key] = value
        _finish_student(row, context)
        for place, found in sorted(places.items()):
            _finish_guardian(row, place, found, ties.get(place, ""))
        yield row


def is_total(cells: dict[str, str]) -> bool:
    """« Total : 307 » under a list made in a spreadsheet."""
    return len(cells) <= 3 and any(fold(text).startswith("total") for text in cells.values()) and "born_on" not in cells


def _finish_student(row: Parsed, context: Context) -> None:
    values = row.values
    mobile, phone = values.pop("mobile", None), values.pop("phone", None)
    if mobile or phone:
        values["phone"] = (mobile or phone).typed
    wrong = {n["field"] for n in row.problems}
    for key in ("family_name", "given_name"):
        if key not in values and not wrong & {key, "full_name"}:
            row.problem(key, "given_name_empty" if key == "given_name" else "name_empty")
    code = values.get("national_id")
    if code:
        doubt = permanent_doubt(code, values.get("born_on"), values.get("sex")) if context.country == "CA" else ine_doubt(code)
        if doubt:
            row.doubt("national_id", doubt)
    if fold(values.get("homeroom", "")) in INACTIVE:
        row.skip = row.skip or "gone"


def _finish_guardian(row: Parsed, number: int, found: dict[str, Any], tie: str) -> None:
    if tie:
        found.setdefault("relation", tie)
    found = tidy_guardian(found)
    if "family_name" not in found:
        if "given_name" in found or "email" in found or "phone" in found:
            row.problem(f"g{number}.family_name", "guardian_nameless")
        return  # a tie or an address alone is no person
    for key in ("family_name", "given_name"):
        if read.lost_letters(found.get(key, "")):
            row.problem(f"g{number}.{key}", "damaged")
    row.guardians.append(GuardianCells(row.line, number, found))


def tidy_guardian(found: dict[str, Any]) -> dict[str, Any]:
    """One phone out of two (the mobile first), as typed and in E.164."""
    number = found.pop("mobile", None)
    number = number or found.get("phone")
    if isinstance(number, read.Phone):
        found["phone"], found["phone_e164"] = number
    return found


def parse_others(table: Table, keys: list[str], kind: str, context: Context, fixes: Fixes = NOTHING) -> Iterator[Parsed]:
    """The rows of a file of guardians or of ties: values only."""
    for row in cells_of(table, keys, kind, fixes):
        if is_total(row.cells):
            row.skip = row.skip or "total_row"
        else:
            read_into(row, context)
        yield row


def read_into(row: Parsed, context: Context) -> None:
    """Read every cell of a row by its key; what cannot be read is a problem of the row."""
    for key, text in row.cells.items():
        value = _read(row, key, key, text, context)
        if value is not None:
            row.values[key] = value
