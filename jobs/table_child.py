"""Reads one hostile file as a table, alone in its own limited process (started with `python -I`).

Arguments: the file, the output file, a JSON object of choices (encoding, separator, sheet). Writes JSON lines: first what
was detected, then one `[line number, [cells]]` each. A refusal is one line `{"refused": code, "params": {...}}`.
Nothing is extracted, evaluated or followed: a workbook gives its stored values only. This file imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import json
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_UNPACKED = 200 * 1024 * 1024
MAX_RATIO = 100
MAX_MEMBERS = 1_000
MAX_CELL = 1_000  # characters kept of one cell: no field of ours takes more, the preview shows 80
MAX_FIELD = 2_000_000  # characters after which a quotation mark was surely never closed
CPU_SECONDS = 60
MEMORY_BYTES = 512 * 1024 * 1024
ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".jar")

MANY_CELLS = 2_000_000
_DIMENSIONS = re.compile(rb"\x00\x02\x0e\x00(.{14})", re.DOTALL)  # a record of the BIFF8 format: first and last row, first and last column

Row = tuple[int, list[str]]


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """The file cannot be taken, for the reason of this code."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def limit() -> None:
    """Cap processor time and memory where the system can; elsewhere the parent's clock is the only cap."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def kind_of(data: bytes) -> str:
    """What the bytes are, whatever the name says: "book", "csv", or a refusal."""
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise Refused("empty")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # the second: nothing in it
        return check_archive(data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "book"
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<"):
        raise Refused("html" if b"<html" in head or b"<table" in head or b"<!doctype html" in head else "xml")
    if head.startswith((b"%pdf", b"\x89png", b"\xff\xd8\xff", b"gif8", b"{\\rtf", b"sqlite format", b"\x1f\x8b", b"7z\xbc\xaf", b"rar!")):
        raise Refused("not_a_table")
    return "csv"


def check_archive(data: bytes) -> str:
    """A workbook is a zip: refuse bombs, nested archives and other archives before anything is unpacked."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, UnicodeError):
        raise Refused("broken_book") from None
    if all(m.is_dir() for m in members):
        raise Refused("zip_empty")
    total = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    if len(members) > MAX_MEMBERS or total > MAX_UNPACKED or total > MAX_RATIO * max(packed, 1):
        raise Refused("zip_bomb")
    names = {m.filename for m in members}
    if len(names) != len(members):
        raise Refused("broken_book")
    is_book = "[Content_Types].xml" in names or "content.xml" in names
    if not is_book or not any(n.startswith("xl/") or n == "content.xml" for n in names):
        raise Refused("archive")
    if any(n.lower().endswith(ARCHIVES) for n in names):
        raise Refused("zip_nested")
    return "book"


def modest(data: bytes) -> bytes:
    """An old spreadsheet that announces no more cells than it may hold. SIECLE's announce 65,536 rows of 256 columns, for which the reader
    would set 640 MB aside; the cells themselves are read whatever is announced."""

    def cut(found: re.Match[bytes]) -> bytes:
        _first, last, _left, right, _none = struct.unpack("<IIHHH", found[1])
        return found[0] if last * right < MANY_CELLS else found[0][:4] + struct.pack("<IIHHH", 0, 1, 0, 1, 0)

    return _DIMENSIONS.sub(cut, data) if data.startswith(b"\xd0\xcf\x11\xe0") else data


def read_book(data: bytes, choices: dict[str, Any]) -> tuple[dict[str, Any], Iterator[Row]]:
    """The chosen sheet of a workbook, or its first visible one with data: stored values as texts."""
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(modest(data)))
    except (calamine.CalamineError, OSError):
        raise Refused("broken_book") from None
    visible = [s.name for s in book.sheets_metadata if s.visible == calamine.SheetVisibleEnum.Visible and s.typ == calamine.SheetTypeEnum.WorkSheet]
    wanted = [choices["sheet"]] if choices.get("sheet") in visible else visible
    for name in wanted:
        try:
            sheet = book.get_sheet_by_name(name)
        except (calamine.CalamineError, OSError):
            raise Refused("broken_book") from None
        if sheet.end is not None:
            break
    else:
        raise Refused("no_sheet")
    if sheet.total_height > MAX_ROWS + 20 or sheet.total_width > MAX_COLUMNS:
        raise Refused("too_big")
    rows = ((number, [as_text(v) for v in row]) for number, row in enumerate(sheet.iter_rows(), 1))
    return {"kind": "xlsx" if data.startswith(b"PK") else "xls", "sheet": name, "sheets": visible}, rows


def as_text(value: Any) -> str:
    """A stored value as a person would type it: whole numbers without decimals, dates as 2014-03-07."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    return "" if value is None else str(value)


def decode(data: bytes, chosen: str | None) -> tuple[str, str]:
    """The text and its encoding: the mark at the start, then UTF-16 by its zeros, then UTF-8, then Windows' Western table."""
    if chosen:
        try:
            return data.decode(chosen), chosen
        except (LookupError, UnicodeDecodeError):
            raise Refused("encoding") from None
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(name, errors="replace"), name
    sample = data[:4000]
    if b"\0" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        wide = {True: "utf-16-be", False: "utf-16-le"}[even > odd]
        if max(even, odd) > len(sample) / 4 and not min(even, odd):
            return data.decode(wide, errors="replace"), wide
    for name in ("utf-8", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(name), name
    return data.decode("latin-1"), "latin-1"


def guess_separator(text: str) -> str:
    """The sign that cuts the first lines into the most columns, evenly; quoted parts do not count."""
    lines = [line for line in text[:20_000].splitlines()[:12] if line.strip()]
    best, score = ";", 0.0
    for sign in (";", "\t", ",", "|"):
        counts = [sum(part.count(sign) for part in line.split('"')[::2]) for line in lines]
        if any(counts):
            even = sum(1 for c in counts if c == counts[0]) / len(counts)
            found = counts[0] * even
            if found > score:
                best, score = sign, found
    return best


def read_csv(data: bytes, choices: dict[str, Any]) -> tuple[dict[str, Any], Iterator[Row]]:
    """The rows of a text file, whatever its line endings."""
    text, encoding = decode(data, choices.get("encoding"))
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise Refused("nul", line=text.count("\n", 0, text.index("\0")) + 1)
    separator = choices.get("separator") or guess_separator(text)
    return {"kind": "csv", "encoding": encoding, "separator": separator}, csv_rows(text, separator)


def csv_rows(text: str, separator: str) -> Iterator[Row]:
    """Each record with the number of its first line; a quotation mark out of order is refused with its line."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error) or "field larger" in str(error):
                raise Refused("open_quote", line=line) from None
            raise Refused("bad_quote", line=line) from None
        yield line, row


def write_rows(head: dict[str, Any], rows: Iterator[Row], out: io.TextIOBase) -> None:
    """The JSON lines: blank rows are left out and counted by their line numbers; the limits are kept while reading."""
    out.write(json.dumps(head) + "\n")
    count = 0
    for line, row in rows:
        while row and not row[-1].strip():
            row.pop()
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > MAX_COLUMNS:
            raise Refused("too_big")
        count += 1
        if count > MAX_ROWS + 1:
            raise Refused("too_big")
        out.write(json.dumps([line, [cell[:MAX_CELL] for cell in row]], ensure_ascii=False) + "\n")
    if not count:
        raise Refused("empty")


def read_file(source: Path, target: Path, choices: dict[str, Any]) -> None:
    """Read a table, write its JSON lines."""
    data = source.read_bytes()
    reader = read_book if kind_of(data) == "book" else read_csv
    head, rows = reader(data, choices)
    del data
    with target.open("w", encoding="utf-8", errors="replace") as out:
        write_rows(head, rows, out)


def answer(target: Path, read: Callable[[], None]) -> None:
    """Do the reading; a refusal replaces what it wrote."""
    try:
        read()
    except Refused as refused:
        target.write_text(json.dumps({"refused": refused.code, "params": refused.params}) + "\n", encoding="utf-8", errors="replace")
    except MemoryError:
        target.write_text(json.dumps({"refused": "too_heavy", "params": {}}) + "\n", encoding="utf-8")


def main(source: str, target: str, choices: dict[str, Any]) -> None:
    """Read `source`, write the JSON lines to `target`; a refusal replaces them."""
    limit()
    answer(Path(target), lambda: read_file(Path(source), Path(target), choices))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
