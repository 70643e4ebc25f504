"""Files that go with a message: documents and pictures, told by their content, never by their name (security 55 to 61).

Kept under the digest of the content (`models/files.py`); the hourly sweep removes what neither a row nor an undo names any more. Pictures
are drawn again, so that no place where a photo was taken goes out to a whole school. Downloads go through `content_of` alone, after the
caller has found the row within the scope of the person who asks.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import files, school_files
from models.base import Refusal
from models.messages import Message, MessageFile
from models.values import one_line, visible
from models.words import _

MOST_FILES = 5
MOST_BYTES = 10 * 1024 * 1024  # of one file
LONGEST_NAME = 120
LONGEST_SIDE = 4_000  # pixels of a picture: a page at 340 dots an inch
_MOST_MEMBERS, _MOST_UNPACKED, _PEEK = 5_000, 200 * 1024 * 1024, 1024 * 1024


class Kind(NamedTuple):
    """A kind of file: the ending of its name, the type that a download says."""

    ending: str
    mimetype: str


PDF = Kind("pdf", "application/pdf")
PNG = Kind("png", "image/png")
JPEG = Kind("jpg", "image/jpeg")
_ODF = {
    f"application/vnd.oasis.opendocument.{name}".encode(): Kind(ending, f"application/vnd.oasis.opendocument.{name}")
    for name, ending in (("text", "odt"), ("spreadsheet", "ods"), ("presentation", "odp"))
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OOXML = {
    f"{_OFFICE}{name}.main+xml".encode(): Kind(ending, f"{_OFFICE}{name}")
    for name, ending in (("wordprocessingml.document", "docx"), ("spreadsheetml.sheet", "xlsx"), ("presentationml.presentation", "pptx"))
}
ENDINGS = ("pdf", "jpg", "jpeg", "png", "odt", "ods", "odp", "docx", "xlsx", "pptx")
ACCEPT = ",".join(f".{ending}" for ending in ENDINGS)  # for the field of a form

_UNKNOWN = _("This kind of file is not sent: %(name)s. Save it as PDF, then attach that file.")
_MACROS = _("%(name)s may hold programs (macros). Save it as PDF, then attach that file.")
_HIDDEN = _("%(name)s is two files in one. Save it again as PDF, then attach that file.")
_PATH = re.compile(r"[/\\\\:*?\"<>|]+")


def attach(session: Session, message: Message, name: str, content: bytes) -> MessageFile:
    """Keep a file with a draft, in the caller's transaction. Refused: a message that is sent, a sixth file, more than 10 MB, an empty file,
    a kind that is not sent (PDF, JPEG, PNG, ODT, ODS, ODP, DOCX, XLSX, PPTX are; macros are not).
    """
    message.check_draft()
    there = session.scalar(select(func.count(MessageFile.id)).where(MessageFile.message_id == message.id)) if message.id else len(message.files)
    if (there or 0) >= MOST_FILES:
        raise Refusal(_("A message has at most %(most)d files. Remove one first, or put them together."), most=MOST_FILES)
    found = look(name, content)
    digest = files.keep_by_content(found.content)
    row = MessageFile(school_id=message.school_id, digest=digest, name=found.name, type=found.mimetype, size=len(found.content))
    message.files.append(row)
    return row


def detach(session: Session, message: Message, file_id: int) -> None:
    """Take a file out of a draft, in the caller's transaction. Refused: a message that is sent, a file that is not its own."""
    message.check_draft()
    row = session.scalar(select(MessageFile).where(MessageFile.id == file_id, MessageFile.message_id == message.id))
    if row is None:
        raise Refusal(_("This file is no longer attached."))
    message.files.remove(row)


def content_of(row: MessageFile) -> bytes | None:
    """The bytes of a file that the person may see; None, with a line in the log, when it is lost or no longer what was kept."""
    return files.read(row.digest)


class Looked(NamedTuple):
    """A file as it is kept: a name that is data and says what it is, its type, its bytes."""

    name: str
    mimetype: str
    content: bytes


def look(name: str, content: bytes) -> Looked:
    """What a file is by its content. Refused as `attach` says."""
    name = _tidy(name)
    kind, content = _sorted(name, content)
    return Looked(_named(name, kind), kind.mimetype, content)


def _sorted(name: str, content: bytes) -> tuple[Kind, bytes]:
    if not content:
        raise Refusal(_("%(name)s is empty. Choose another file."), name=name)
    if len(content) > MOST_BYTES:
        raise Refusal(_("%(name)s is too big: a file has at most 10 MB. Make it smaller, or put it elsewhere and write the link."), name=name)
    if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (content.startswith(b"RIFF") and content[8:12] == b"WEBP"):
        drawn = school_files.clean(content, LONGEST_SIDE, photo=True)
        return (JPEG if drawn.startswith(b"\xff\xd8") else PNG), drawn
    packed = zipfile.is_zipfile(io.BytesIO(content))
    if content.startswith(b"%PDF-"):
        if packed:
            raise Refusal(_HIDDEN, name=name)
        return PDF, content
    if not packed or not content.startswith(b"PK\x03\x04"):
        raise Refusal(_UNKNOWN, name=name)
    return _document(name, content), content


def _document(name: str, content: bytes) -> Kind:
    """Which document of an office suite a ZIP is: what its own list of contents says, unpacked no further than that."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members.values()) > _MOST_UNPACKED:
                raise Refusal(_UNKNOWN, name=name)
            listed = next((found for found in ("mimetype", "[Content_Types].xml") if found in members), "")
            if not listed or members[listed].file_size > _PEEK:
                raise Refusal(_UNKNOWN, name=name)
            said = archive.read(listed)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as problem:  # a file that lies about itself
        raise Refusal(_UNKNOWN, name=name) from problem
    if b"macroEnabled" in said or b"vbaProject" in said or any(inside.endswith("vbaProject.bin") or inside.startswith("Basic/") for inside in members):
        raise Refusal(_MACROS, name=name)
    kind = _ODF.get(said.strip()) if listed == "mimetype" else next((known for sign, known in _OOXML.items() if sign in said), None)
    if kind is None:
        raise Refusal(_UNKNOWN, name=name)
    return kind


def _tidy(name: str) -> str:
    """A name of one line without a path, as people will see it: data, never a place on the disk."""
    last = re.split(r"[/\\\\]", one_line(name or ""))[-1]
    return " ".join(_PATH.sub(" ", visible(last)).split()).strip(". ")[:LONGEST_NAME] or str(_("file"))


def _named(name: str, kind: Kind) -> str:
    """The name with the ending of what the file is."""
    stem, _dot, ending = name.rpartition(".")
    if stem and ending.lower() in (kind.ending, *(("jpeg",) if kind is JPEG else ())):
        return name
    return f"{(stem if stem and ending.lower() in ENDINGS else name)[: LONGEST_NAME - 6]}.{kind.ending}"
