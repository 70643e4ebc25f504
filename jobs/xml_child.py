"""Reads one hostile file of an official export, alone in its own limited process: XML, XML in a zip, or else a table (`jobs/table_child.py`).

Arguments: the file, the output file, a JSON object {"choices": {...}, "roots": {root: [paths of records]}}. XML becomes JSON lines: first
what was detected, then one `[path, ordinal, tree]` per record. A tree is an element: its attributes under "@NAME", its children's texts
under their tag, children that hold others (or stand several times) as lists of trees. So a child is reached by its whole path only: last
year's CODE_MEF inside SCOLARITE_AN_DERNIER is never this year's. Nothing of the document but the records is kept in memory, no document
type is read, nothing is unpacked to disk. This file imports nothing of ours but the other reader.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import stat
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from jobs import table_child
from jobs.table_child import ARCHIVES, MAX_CELL, MAX_MEMBERS, MAX_RATIO, MAX_ROWS, MAX_UNPACKED, Refused

PIECE = 256 * 1024  # bytes given to the parser at a time
MAX_DEPTH = 40
MAX_NODES = 5_000  # elements inside one record
BOM = codecs.BOM_UTF8
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")
_FAMILY = re.compile(r"(?:iso[-_]?8859|latin|windows-?125|cp125)", re.IGNORECASE)  # one byte a letter
# UTF-8 that somebody read as Latin-1 and saved again: "Ã©", "Å“"; or letters lost for good.
_DAMAGED = re.compile("[ÃÂÅ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘“”•–—˜™š›œžŸŠšŽžŒœŸ]|\ufffd")
_SEEN_DAMAGED = 3  # damaged texts from which the whole file is suspect


def is_xml(data: bytes) -> bool:
    """Whether the bytes begin as XML does, in UTF-8, in one byte a letter or in UTF-16; a web page is none."""
    head = data[:2048]
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if head.startswith(mark):
            head = head.decode(name, errors="replace").lstrip("\ufeff").encode()
            break
    head = head.removeprefix(BOM).lstrip(b" \t\r\n").lower()
    return head.startswith(b"<") and b"<html" not in head and b"<!doctype html" not in head and b"<table" not in head


def member_of(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    """The one XML file of an archive; None when it is a workbook or holds none. Names, sizes and links are judged before anything is unpacked."""
    members = archive.infolist()
    names = [m.filename for m in members]
    if "[Content_Types].xml" in names or "content.xml" in names:
        return None  # a workbook: the other reader judges it
    if len(members) > MAX_MEMBERS:
        raise Refused("zip_heavy")
    for member in members:
        name = member.filename.replace("\\", "/")
        if not name or name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
            raise Refused("zip_path", name=name[:80])
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Refused("zip_link", name=name[:80])
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise Refused("zip_twice", name=twice[:80])
    real = [m for m in members if not m.is_dir() and not m.filename.startswith("__MACOSX/") and not m.filename.rpartition("/")[2].startswith(".")]
    if any(m.filename.lower().endswith(ARCHIVES) for m in real):
        raise Refused("zip_in_zip")
    found = [m for m in real if m.filename.lower().endswith(".xml")]
    if not found:
        return None
    if len(found) > 1:
        raise Refused("zip_several", names=", ".join(m.filename for m in found)[:200])
    if sum(m.file_size for m in members) > MAX_UNPACKED or found[0].file_size > MAX_RATIO * max(found[0].compress_size, 1):
        raise Refused("zip_heavy")
    if found[0].flag_bits & 1:
        raise Refused("zip_locked")
    return found[0]


class Records:
    """The target of the parser: keeps the tree of the record it is in, gives each one away when it ends, forgets all else."""

    def __init__(self, roots: dict[str, list[str]]) -> None:
        self.roots = roots
        self.root = ""
        self.version = ""
        self.paths: frozenset[str] = frozenset()
        self.path: list[str] = []
        self.done: list[tuple[str, int, dict[str, Any]]] = []
        self.counts: Counter[str] = Counter()
        self.accented = self.damaged = 0
        self._stack: list[dict[str, Any]] = []
        self._text: list[str] = []
        self._length = self._nodes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if not self.root:
            if tag not in self.roots:
                raise Refused("xml_root", root=tag[:60])
            self.root, self.paths, self.version = tag, frozenset(self.roots[tag]), attributes.get("VERSION", "")[:20]
            return
        self.path.append(tag)
        if len(self.path) > MAX_DEPTH:
            raise Refused("xml_deep")
        inside = bool(self._stack)
        if inside or "/".join(self.path) in self.paths:
            self._nodes = self._nodes + 1 if inside else 0
            if self._nodes > MAX_NODES:
                raise Refused("too_big")
            self._stack.append({f"@{name}": self._kept(value) for name, value in attributes.items() if "}" not in name})
        self._text, self._length = [], 0

    def data(self, text: str) -> None:
        """Letters of an element; of a very long text, the beginning."""
        if self._stack and self._length < MAX_CELL:
            self._text.append(text)
            self._length += len(text)

    def end(self, _tag: str) -> None:
        """An element ends: it goes into the one around it, or is a whole record."""
        if not self.path:
            return
        tag = self.path.pop()
        if not self._stack:
            return
        tree = self._stack.pop()
        text = self._kept("".join(self._text).strip())
        self._text, self._length = [], 0
        if not self._stack:
            path = "/".join([*self.path, tag])
            self.counts[path] += 1
            if self.counts[path] > MAX_ROWS:
                raise Refused("too_big")
            self.done.append((path, self.counts[path], tree))
            return
        around = self._stack[-1]
        if tree or tag in around:
            if tag in around and not isinstance(around[tag], list):
                around[tag] = [around[tag]]
            around.setdefault(tag, []).append(tree or text)
        else:
            around[tag] = text

    def _kept(self, text: str) -> str:
        text = text[:MAX_CELL]
        if not text.isascii():
            self.accented += 1
            self.damaged += bool(_DAMAGED.search(text))
        return text


def encoding_of(head: bytes, sample: bytes) -> tuple[str | None, str]:
    """(how to read in spite of the declaration, or None; the encoding told). UTF-8 saved under an old declaration is read as UTF-8.

    Letters of one byte that happen to be UTF-8 too do not exist in French: they would read "Ã©".
    """
    found = _DECLARED.search(head)
    declared = found[1].decode("ascii") if found else ""
    if head.startswith(BOM):
        return "utf-8", "utf-8"
    if declared and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            codecs.lookup(declared)
        except LookupError:
            raise Refused("xml_encoding", name=declared) from None
        if _FAMILY.match(declared) and not sample.isascii():
            with contextlib.suppress(UnicodeDecodeError):
                codecs.getincrementaldecoder("utf-8")().decode(sample)
                return "utf-8", "utf-8"
    return None, (declared or ("utf-16" if b"\0" in head[:4] else "utf-8")).lower()


def read_records(stream: IO[bytes], roots: dict[str, list[str]]) -> Iterator[Any]:
    """First the head, once the root is known and the document is at its end; then each record. Refused: what is not well formed (with its
    line), a document type, entities, another root, accents damaged all over.
    """
    sample = stream.read(PIECE)
    encoding, told = encoding_of(sample[:400], _until_accent(sample, stream))
    piece = sample.removeprefix(BOM)
    target = Records(roots)
    parser = DefusedXMLParser(target=target, encoding=encoding, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    total = 0
    try:
        while piece:
            total += len(piece)
            if total > MAX_UNPACKED:
                raise Refused("zip_heavy")
            parser.feed(piece)
            yield from target.done
            target.done.clear()
            piece = stream.read(PIECE)
        parser.close()
    except DefusedXmlException:
        raise Refused("xml_dtd") from None
    except ParseError as error:
        raise Refused("xml_broken", line=error.position[0]) from None
    except (LookupError, ValueError):  # an encoding that the parser cannot read
        raise Refused("xml_encoding", name=told) from None
    yield from target.done
    if target.damaged >= _SEEN_DAMAGED and target.damaged * 2 > target.accented:
        raise Refused("xml_damaged")
    yield {"kind": "xml", "root": target.root, "version": target.version, "encoding": told}


def _until_accent(sample: bytes, stream: IO[bytes]) -> bytes:
    """The first bytes with an accent in them: those read already, else further ones, which the stream gives again."""
    if not sample.isascii() or not stream.seekable():
        return sample
    here = stream.tell()
    try:
        while piece := stream.read(PIECE):
            if not piece.isascii():
                return piece[next(i for i, byte in enumerate(piece) if byte > 127) :]
    finally:
        stream.seek(here)
    return sample


def write_records(stream: IO[bytes], settings: dict[str, Any], target: Path, **more: Any) -> None:
    """The JSON lines: the head goes first, though it is known last."""
    body = target.with_suffix(".body")
    head: dict[str, Any] = {}
    with body.open("w", encoding="utf-8", errors="replace") as out:
        for found in read_records(stream, settings["roots"]):
            if isinstance(found, dict):
                head = {**found, **more}
            else:
                out.write(json.dumps(found, ensure_ascii=False) + "\n")
    with target.open("w", encoding="utf-8", errors="replace") as out, body.open(encoding="utf-8") as records:
        out.write(json.dumps(head, ensure_ascii=False) + "\n")
        while piece := records.read(PIECE):
            out.write(piece)


def read_any(source: Path, target: Path, settings: dict[str, Any]) -> None:
    """Read whatever the file is by its content."""
    with source.open("rb") as stream:
        head = stream.read(2048)
        stream.seek(0)
        if is_xml(head):
            write_records(stream, settings, target)
            return
        if head.startswith(b"PK\x03\x04"):
            try:
                archive = zipfile.ZipFile(stream)
                member = member_of(archive)
                if member is not None:
                    with archive.open(member) as inside:
                        write_records(inside, settings, target, member=member.filename.rpartition("/")[2][:80])
                    return
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, UnicodeError) as error:
                if isinstance(error, RuntimeError) and "password" in str(error):
                    raise Refused("zip_locked") from None
                raise Refused("zip_broken") from None
    table_child.read_file(source, target, settings["choices"])


def main(source: str, target: str, settings: str) -> None:
    """Read `source`, write the JSON lines to `target`; a refusal replaces them."""
    table_child.limit()
    table_child.answer(Path(target), lambda: read_any(Path(source), Path(target), json.loads(settings)))


if __name__ == "__main__":
    main(*sys.argv[1:4])
