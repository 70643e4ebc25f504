"""How a school's files call their columns: what somebody chose once is understood at once in the next file with the same headings."""

from __future__ import annotations

import datetime as dt
import hashlib
import re

from sqlalchemy import JSON, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identified, choice_column, fold, utcnow
from models.import_fields import FIELDS
from models.import_rows import FileKind
from models.scope import SchoolScoped

LONGEST = 80  # characters of a heading that are kept


class ColumnMapping(Base, Identified, SchoolScoped):
    """The columns of one kind of file, by its headings; written when an import with chosen columns is written."""

    __tablename__ = "column_mapping"
    __journal__ = False
    __table_args__ = (UniqueConstraint("school_id", "mark", "kind"),)

    kind: Mapped[FileKind] = mapped_column(choice_column(FileKind))
    mark: Mapped[str] = mapped_column()
    headings: Mapped[list[str]] = mapped_column(JSON, default=list)
    fields: Mapped[list[str]] = mapped_column(JSON, default=list)
    used_at: Mapped[dt.datetime] = mapped_column(default=utcnow)

    def __str__(self) -> str:
        return ", ".join(heading for heading in self.headings if heading)


def normal(heading: str) -> str:
    """A heading as it is compared: "Né(e) le *" and "NÉE LE" are one."""
    return re.sub(r"[^a-z0-9]", "", fold(heading.strip()[:LONGEST]))


def mark_of(headings: list[str]) -> str:
    """The mark of a row of headings, in their order."""
    return hashlib.sha256("\n".join(normal(heading) for heading in headings).encode()).hexdigest()


def remembered(session: Session, school_id: int, headings: list[str], kind: str = "") -> ColumnMapping | None:
    """What the school chose for these headings, of this kind when it is told; None when nothing, or when a field no longer exists."""
    wanted = select(ColumnMapping).where(ColumnMapping.school_id == school_id, ColumnMapping.mark == mark_of(headings))
    if kind:
        wanted = wanted.where(ColumnMapping.kind == FileKind[kind])
    for found in session.scalars(wanted.order_by(ColumnMapping.used_at.desc())):
        known = FIELDS[found.kind.name]
        if len(found.fields) == len(headings) and all(not key or key in known for key in found.fields):
            return found
    return None


def remember(session: Session, school_id: int, kind: str, headings: list[str], fields: list[str]) -> None:
    """Keep what the columns of such a file are; what was kept for the same headings is replaced."""
    mark = mark_of(headings)
    clause = (ColumnMapping.school_id == school_id, ColumnMapping.mark == mark, ColumnMapping.kind == FileKind[kind])
    found = session.scalar(select(ColumnMapping).where(*clause))
    if found is None:
        found = ColumnMapping(school_id=school_id, mark=mark, kind=FileKind[kind])
        session.add(found)
    found.headings, found.fields, found.used_at = [heading.strip()[:LONGEST] for heading in headings], list(fields), utcnow()
