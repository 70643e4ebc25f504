"""A file that somebody sends, as a table: header, rows with their line numbers, and what was detected.

The reading itself happens in `jobs/table_child.py`, a process of its own with 60 s of processor and 512 MB: a bomb, a
parser's endless loop or a crash ends there, and the person gets a sentence.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models import files
from models.import_words import SENTENCES, BadFile

CHILD = Path(__file__).with_name("table_child.py")
WALL_SECONDS = 90
ENCODINGS = ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac_roman", "utf-16")
SEPARATORS = {";": ";", ",": ",", "\t": "\t", "|": "|"}


@dataclass
class Table:
    """The header and the rows of one file. `rows` holds (line number in the file, cells); rows may be shorter or longer than the header."""

    header: list[str]
    header_line: int
    rows: list[tuple[int, list[str]]]
    detected: dict[str, Any] = field(default_factory=dict)


def read_table(path: Path, choices: dict[str, Any] | None = None) -> Table:
    """Read a CSV, XLSX, XLS or ODS file by its content. `choices` may set encoding, separator, sheet.

    Raises `BadFile` with fact and remedy: not a table, too large, damaged, a bomb, a quotation mark never closed (with its line).
    """
    wanted = {key: value for key, value in (choices or {}).items() if key in {"encoding", "separator", "sheet"} and value}
    if wanted.get("encoding") not in {None, *ENCODINGS} or wanted.get("separator") not in {None, *SEPARATORS}:
        raise BadFile("encoding")
    with child_lines([str(CHILD)], path, wanted) as lines:
        return collect(*lines)


@contextmanager
def child_lines(program: list[str], path: Path, settings: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Iterator[Any]]]:
    """What a limited process says of one file: its head, then its lines. `program` takes the file, its output file and JSON settings.

    Raises `BadFile` where it refused, was ended by its limits, or crashed.
    """
    with files.workplace() as folder:
        target = folder / "rows.jsonl"
        try:
            done = subprocess.run(
                [sys.executable, "-I", *program, str(path), str(target), json.dumps(settings)],
                timeout=WALL_SECONDS,
                capture_output=True,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            raise BadFile("too_heavy") from None
        if done.returncode != 0:
            # killed by a limit (a negative code), or out of memory inside a library: too heavy; otherwise a crash.
            killed = done.returncode < 0 or b"MemoryError" in done.stderr or b"memory allocation" in done.stderr
            raise BadFile("too_heavy" if killed else "crash")
        with target.open(encoding="utf-8") as lines:
            head = json.loads(next(lines))
            if "refused" in head:
                code = head["refused"]
                raise BadFile(code if code in SENTENCES else "crash", **head["params"])
            yield head, map(json.loads, lines)


def collect(head: dict[str, Any], lines: Iterator[Any]) -> Table:
    """A table of what was read: its heading is found, a file without lines is refused."""
    rows = [(line, cells) for line, cells in lines]
    # A title above the header has one cell: the header is the first row of at least two.
    at = next((n for n, (_line, cells) in enumerate(rows[:10]) if sum(1 for c in cells if c.strip()) > 1), 0)
    header_line, header = rows[at]
    if len(rows) == at + 1:
        raise BadFile("no_rows")
    return Table(header, header_line, rows[at + 1 :], head)
