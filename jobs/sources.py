"""What a sent file holds: one table, or several, whatever its name says.

A CSV or a spreadsheet is one table, whose columns are understood by their headings unless one of the `TABLES` formats knows it. An
official XML file, bare or in a zip, gives the tables of its format, whose columns are fixed. The reading happens in `jobs/xml_child.py`.
A format registers itself: `@xml_format(root, *paths)` on a function of the head and the records, `@table_format` on a function of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jobs.tables import ENCODINGS, SEPARATORS, Table, child_lines, collect
from models.import_words import BadFile

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ["-c", "import sys; sys.path.append(sys.argv[1]); from jobs.xml_child import main; main(*sys.argv[2:5])", str(ROOT)]


class Record(NamedTuple):
    """One record of an XML file: its path below the root, its place among those of this path (from 1), its tree (jobs/xml_child.py)."""

    path: str
    number: int
    tree: dict[str, Any]


@dataclass
class Source:
    """One table of a sent file.

    `kind` is the name of a `FileKind`, "" when the columns tell it; `mapping` gives the key of each column when the format fixes them;
    `part` names the table among those of its file. `doubts` holds what the format tells of a line: (field, code of models/import_words.py,
    its parameters). `table.detected` says what was recognised: "kind" (csv, xlsx, xls, or the name of a format), and of an official file
    "school" (the code of the school that it is of, "" when it does not say), "year" (that in which the school year begins).
    """

    kind: str
    table: Table
    mapping: list[str] | None = None
    part: str = ""
    doubts: dict[int, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=dict)


XmlBuilder = Callable[[dict[str, Any], Iterator[Record]], list[Source]]
TableBuilder = Callable[[Table], list[Source] | None]


@dataclass(frozen=True)
class XmlFormat:
    """One kind of XML file: the paths of the records that are read, and what makes tables of them."""

    paths: tuple[str, ...]
    build: XmlBuilder


XML: dict[str, XmlFormat] = {}
TABLES: list[TableBuilder] = []


def xml_format(root: str, *paths: str) -> Callable[[XmlBuilder], XmlBuilder]:
    """Register what reads the XML files of this root element."""

    def register(build: XmlBuilder) -> XmlBuilder:
        XML[root] = XmlFormat(paths, build)
        return build

    return register


def table_format(build: TableBuilder) -> TableBuilder:
    """Register what knows a table by its headings; it gives None for a table that is not its own."""
    TABLES.append(build)
    return build


def read_sources(path: Path, choices: dict[str, Any] | None = None) -> list[Source]:
    """The tables of one sent file, by its content; never an empty list. `choices` may set encoding, separator, sheet.

    Raises `BadFile` with fact and remedy.
    """
    wanted = {key: value for key, value in (choices or {}).items() if key in {"encoding", "separator", "sheet"} and value}
    if wanted.get("encoding") not in {None, *ENCODINGS} or wanted.get("separator") not in {None, *SEPARATORS}:
        raise BadFile("encoding")
    settings = {"choices": wanted, "roots": {root: list(found.paths) for root, found in XML.items()}}
    with child_lines(PROGRAM, path, settings) as (head, lines):
        if head["kind"] == "xml":
            return XML[head["root"]].build(head, (Record(*line) for line in lines))
        table = collect(head, lines)
    if not (choices or {}).get("kind"):
        for build in TABLES:
            if (found := build(table)) is not None:
                return found
    return [Source("", table)]
