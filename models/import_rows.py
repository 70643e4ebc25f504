"""What an import holds beside itself: its files, and the lines as the preview shows them.

What people set right in the preview stands with the file it speaks of, by line and field (never by column), so that it
survives another choice of columns and every new check.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Choice, Identified, choice_column
from models.scope import SchoolScoped
from models.words import _, _p

if TYPE_CHECKING:
    from models.imports import Import


class FileKind(Choice):
    """What the lines of a file are."""

    students = "students", _("[Students]"), "info"
    guardians = "guardians", _("[Guardians]"), "info"
    links = "links", _("Ties between [students] and [guardians]"), "info"
    staff = "staff", _("Staff"), "info"
    groups = "groups", _("Classes and [groups]"), "info"
    programmes = "programmes", _("[Programmes]"), "info"
    courses = "courses", _("[Courses]"), "info"
    grids = "grids", _("Grids with their [courses]"), "info"
    rac_groups = "rac_groups", _("Correspondence of [groups]"), "info"
    admissions = "admissions", _("Admissions"), "info"
    enrolments = "enrolments", _("Registrations"), "info"
    # what a transfer brings of the studies (models/travel_studies.py): of no file that a person sends
    moved_grids = "moved_grids", _("Grids"), "info"
    moved_courses = "moved_courses", _("[Courses]"), "info"
    moved_admissions = "moved_admissions", _("Admissions"), "info"
    moved_records = "moved_records", _("[Session records]"), "info"
    moved_enrolments = "moved_enrolments", _p("record papers", "Registrations"), "info"


class RowStatus(Choice):
    """The fate of one line; also the tabs of the preview, in this order. A line to decide is not written before its question is answered."""

    error = "error", _("In error"), "bad"
    unsure = "unsure", _("To decide"), "warn"
    created = "created", _("Created"), "ok"
    changed = "changed", _("Changed"), "info"
    unchanged = "unchanged", _("Unchanged"), "mute"
    absent = "absent", _("Absent from the file"), "warn"
    ignored = "ignored", _("Left out"), "mute"


class ImportFile(Base, Identified, SchoolScoped):
    """One table of a sent file: what it is, how it was read, what its columns are, what people set right in it.

    A file of several tables (SIECLE's guardians and ties) is as many rows with one `file_key`, told apart by `part`.

    `corrections` is {line: {field: text}}; `replacements` is {field: {text of the file: text}} for a value set right on every
    line at once; `ignored` are lines left out by hand. `by_hand`: somebody chose the columns; `remembered_at`: they were
    understood as in an earlier file, last used then.
    """

    __tablename__ = "import_file"
    __journal__ = False

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), index=True)
    kind: Mapped[FileKind] = mapped_column(choice_column(FileKind), default=FileKind.students)
    name: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(default="")
    file_key: Mapped[str] = mapped_column(default="")
    part: Mapped[str] = mapped_column(default="")
    detected: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    choices: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    headings: Mapped[list[str]] = mapped_column(JSON, default=list)
    samples: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    mapping: Mapped[list[str]] = mapped_column(JSON, default=list)
    corrections: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict)
    replacements: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict)
    ignored: Mapped[list[int]] = mapped_column(JSON, default=list)
    by_hand: Mapped[bool] = mapped_column(default=False)
    remembered_at: Mapped[dt.datetime | None] = mapped_column()
    lines: Mapped[int] = mapped_column(default=0)

    owner: Mapped[Import] = relationship(back_populates="files")

    def __str__(self) -> str:
        return self.name

    @property
    def moved(self) -> bool:
        """Whether it is a table of the studies that a transfer brings."""
        return self.kind.name.startswith("moved_")

    @property
    def fixed(self) -> bool:
        """Whether the format of the file says what its columns are."""
        return bool(self.detected.get("fixed"))

    def said_in_file(self, row: ImportRow, key: str) -> str:
        """What the file itself says in a cell, whatever was typed since."""
        return row.in_file.get(key, row.cells.get(key, ""))

    def text_of(self, row: ImportRow, key: str) -> str:
        """What a cell says now: what was typed for it, else what replaces its text everywhere, else the file; also before the next check."""
        typed = self.corrections.get(str(row.line), {})
        if key in typed:
            return typed[key]
        said = self.said_in_file(row, key)
        return self.replacements.get(key, {}).get(said, said)


class ImportRow(Base, Identified, SchoolScoped):
    """One line as the preview shows it. `problems` and `doubts` are notes of models/import_words.py, `questions` those of jobs/import_doubts.py.

    `generation` is the check that wrote it: the page shows the last whole one, so that a check under way empties nothing.
    `in_file` keeps what the file says where something else was typed.
    """

    __tablename__ = "import_row"
    __journal__ = False
    __table_args__ = (Index("ix_import_row_tab", "import_id", "status", "line"), Index("ix_import_row_line", "import_id", "line"))

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"))
    generation: Mapped[int] = mapped_column(default=1)
    kind: Mapped[FileKind] = mapped_column(choice_column(FileKind), default=FileKind.students)
    line: Mapped[int] = mapped_column(default=0)
    status: Mapped[RowStatus] = mapped_column(choice_column(RowStatus))
    asked: Mapped[bool] = mapped_column(default=False)
    student_id: Mapped[int | None] = mapped_column(ForeignKey("student.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(default="")
    cells: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    in_file: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    diff: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    doubts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)

    def __str__(self) -> str:
        return self.name
