"""Imports of people: the files somebody sent, what they would change, and the verbs from check to write.

A file waits under a random key until the import is written or abandoned, then it goes: it lists minors. The preview's rows
stay as the account of what was done. One import of a school is under way at a time (security case 68).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models import files
from models.access import User
from models.base import Base, Choice, Identified, Refusal, choice_column, utcnow
from models.db import db
from models.import_fields import FIELDS
from models.scope import WHO, SchoolScoped, current_school_id, unscoped
from models.words import _, _p
from models.work import Job, JobKind

MOST_BYTES = 64 * 1024 * 1024
ABSENT_SHARE = 20  # per cent of the school above which the number of absent students must be typed (security case 71)


class ImportStatus(Choice):
    """Where an import stands."""

    checking = "checking", _p("import", "Being checked"), "info"
    checked = "checked", _p("import", "To confirm"), "warn"
    writing = "writing", _p("import", "Being written"), "info"
    done = "done", _p("import", "Done"), "ok"
    failed = "failed", _p("import", "Not readable"), "bad"
    abandoned = "abandoned", _p("import", "Abandoned"), "mute"


class FileKind(Choice):
    """What the lines of a file are."""

    students = "students", _("[Students]"), "info"
    guardians = "guardians", _("[Guardians]"), "info"
    links = "links", _("Ties between [students] and [guardians]"), "info"


class RowStatus(Choice):
    """The fate of one line; also the tabs of the preview, in this order."""

    error = "error", _("In error"), "bad"
    created = "created", _("Created"), "ok"
    changed = "changed", _("Changed"), "info"
    unchanged = "unchanged", _("Unchanged"), "mute"
    absent = "absent", _("Absent from the file"), "warn"
    ignored = "ignored", _("Left out"), "mute"


class Import(Base, Identified, SchoolScoped):
    """One import of one school: its files, its check, its write."""

    __tablename__ = "import"
    __table_args__ = (Index("ix_import_school", "school_id", "id"),)

    name: Mapped[str] = mapped_column(info={"label": _p("import", "File")})
    status: Mapped[ImportStatus] = mapped_column(choice_column(ImportStatus), default=ImportStatus.checking, info={"label": _p("import", "Status")})
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    written: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(default="")
    ignored: Mapped[list[int]] = mapped_column(JSON, default=list)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True, info={"label": _p("import", "Sent by")})
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _p("import", "Received on")})
    written_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _p("import", "Written on")})

    job: Mapped[Job | None] = relationship()
    requested_by: Mapped[User | None] = relationship(info={"label": _p("import", "Sent by")})
    files: Mapped[list[ImportFile]] = relationship(back_populates="owner", cascade="all, delete-orphan", order_by="ImportFile.id")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def receive(cls, sent: list[tuple[str, bytes]]) -> Import:
        """Keep the files that somebody sent and have them checked. Refused: none, an empty one, too heavy, another import under way."""
        if not sent:
            raise Refusal(_("No file was chosen. Choose a CSV or XLSX file, then send it."))
        if len(sent) > len(FileKind):
            raise Refusal(_("An import takes at most three files: [students], [guardians], and the ties between them."))
        for name, content in sent:
            if not content:
                raise Refusal(_("%(name)s is empty. Choose another file."), name=name[:80])
        if sum(len(content) for _name, content in sent) > MOST_BYTES:
            raise Refusal(_("These files weigh more than 64 MB. Cut them into several files."))
        refuse_second()
        made = cls(name=", ".join(clean_name(name) for name, _content in sent)[:200], requested_by_id=WHO.get().user_id)
        for name, content in sent:
            made.files.append(ImportFile(name=clean_name(name), size=len(content), sha256=hashlib.sha256(content).hexdigest(), file_key=files.keep(content)))
        db.session.add(made)
        db.session.flush()
        made._start(JobKind.import_check, ImportStatus.checking)
        return made

    def _start(self, kind: JobKind, status: ImportStatus, **params: Any) -> None:
        self.status, self.problem = status, None
        self.job = Job.add(kind, {"import_id": self.id, **params})
        db.session.flush()

    @property
    def stuck(self) -> bool:
        """Its work ended badly: nobody will finish it unless it is asked again."""
        return self.status in (ImportStatus.checking, ImportStatus.writing) and (self.job is None or not self.job.open)

    @property
    def under_way(self) -> bool:
        """The runner has it, or will have it."""
        return self.status in (ImportStatus.checking, ImportStatus.writing) and not self.stuck

    def _refuse_unless_open(self) -> None:
        if self.under_way:
            raise Refusal(_("This import is under way. Wait for its end, then go on."))
        if self.status in (ImportStatus.done, ImportStatus.abandoned):
            raise Refusal(_("This import is closed. Send the file again to start another."))

    def check(self) -> None:
        """Read the files again against the school as it is now. Refused while under way and once closed."""
        self._refuse_unless_open()
        refuse_second(self.id)
        self._start(JobKind.import_check, ImportStatus.checking)

    def choose(self, file: ImportFile, choices: dict[str, str], mapping: dict[int, str]) -> None:
        """Set by hand how a file is read and what its columns are, then check again. Refuses keys that no column has."""
        self._refuse_unless_open()
        kind = choices.get("kind") or file.kind.name
        if kind not in FIELDS:
            raise Refusal(_("This kind of file is not known."))
        changed_kind = kind != file.kind.name
        keys = list(file.mapping)
        for at, key in mapping.items():
            if key and (key not in FIELDS[file.kind.name] or not 0 <= at < len(keys)):
                raise Refusal(_("“%(key)s” is not a column of an import. Nothing was changed."), key=key[:80])
            keys[at] = key
        named = [key for key in keys if key]
        double = next((key for key in named if named.count(key) > 1), None)
        if double:
            label = FIELDS[file.kind.name][double].label
            raise Refusal(_("Two columns are called “%(label)s”. Keep one, then check again."), label=str(label))
        read_again = {key: choices[key] for key in ("encoding", "separator", "sheet") if choices.get(key)}
        same_reading = read_again == {key: value for key, value in file.choices.items() if key != "kind"} and not changed_kind
        file.choices = {**read_again, **({"kind": kind} if changed_kind or "kind" in file.choices else {})}
        # Columns chosen by hand hold for this reading of the file; another encoding or separator makes other columns.
        file.mapping = keys if same_reading and keys else []
        self.check()

    def correct(self, file: ImportFile, line: int, cells: dict[str, str]) -> None:
        """Replace cells of one line, as typed in the preview, then check again. Refuses keys that no column has."""
        self._refuse_unless_open()
        for key in cells:
            if key not in FIELDS[file.kind.name]:
                raise Refusal(_("“%(key)s” is not a column of an import. Nothing was changed."), key=key[:80])
        fixed = dict(file.corrections)
        fixed[str(line)] = {**fixed.get(str(line), {}), **{key: text[:1000] for key, text in cells.items()}}
        file.corrections = fixed
        self.check()

    def ignore(self, line: int) -> None:
        """Leave a line of the students out, or take it again, then check again."""
        self._refuse_unless_open()
        self.ignored = [n for n in self.ignored if n != line] if line in self.ignored else sorted([*self.ignored, line])
        self.check()

    def confirm(self, deactivate: bool = False, typed: str = "") -> None:
        """Have the plan written. Refused: nothing to write, not checked, another under way, too many absent without their number typed."""
        if self.status is not ImportStatus.checked:
            raise Refusal(_("This import is not ready to be written. Check it first."))
        absent = self.counts.get("absent", 0)
        if not self.counts.get("created") and not self.counts.get("changed") and not (deactivate and absent):
            raise Refusal(_("This file changes nothing: there is nothing to write."))
        if deactivate and self.many_absent and typed.strip() != str(absent):
            raise Refusal(_("%(num)d [students] of the [school] are not in the file, more than one in five. To deactivate them, type that number."), num=absent)
        refuse_second(self.id)
        lines = self.counts["created"] + self.counts["changed"] + (absent if deactivate else 0)
        self._start(JobKind.import_write, ImportStatus.writing, digest=self.digest, deactivate=deactivate, lines=lines)

    @property
    def many_absent(self) -> bool:
        """So many of the school's students are absent that it may be the wrong file."""
        return self.counts.get("absent", 0) * 100 > ABSENT_SHARE * self.counts.get("active", 0)

    def abandon(self) -> None:
        """Write nothing and let the files go. Refused while it is being written and once closed."""
        if self.status is ImportStatus.writing and not self.stuck:
            raise Refusal(_("This import is being written: it can no longer be stopped."))
        if self.status in (ImportStatus.done, ImportStatus.abandoned):
            raise Refusal(_("This import is closed already."))
        if self.job is not None and self.job.open:
            self.job.cancel()
        self.status = ImportStatus.abandoned
        self.let_files_go()

    def let_files_go(self) -> None:
        """Remove the files once this transaction is committed."""
        db.session.info.setdefault(GOING, []).extend(file.file_key for file in self.files if file.file_key)
        for file in self.files:
            file.file_key, file.samples = "", []


class ImportFile(Base, Identified, SchoolScoped):
    """One file of an import: what it is, how it was read, what its columns are."""

    __tablename__ = "import_file"
    __journal__ = False

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), index=True)
    kind: Mapped[FileKind] = mapped_column(choice_column(FileKind), default=FileKind.students)
    name: Mapped[str] = mapped_column(default="")
    size: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(default="")
    file_key: Mapped[str] = mapped_column(default="")
    detected: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    choices: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    headings: Mapped[list[str]] = mapped_column(JSON, default=list)
    samples: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    mapping: Mapped[list[str]] = mapped_column(JSON, default=list)
    corrections: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict)
    lines: Mapped[int] = mapped_column(default=0)

    owner: Mapped[Import] = relationship(back_populates="files")

    def __str__(self) -> str:
        return self.name


class ImportRow(Base, Identified, SchoolScoped):
    """One line as the preview shows it. `problems` and `doubts` are notes of models/import_words.py."""

    __tablename__ = "import_row"
    __journal__ = False
    __table_args__ = (Index("ix_import_row_tab", "import_id", "status", "line"),)

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"))
    kind: Mapped[FileKind] = mapped_column(choice_column(FileKind), default=FileKind.students)
    line: Mapped[int] = mapped_column(default=0)
    status: Mapped[RowStatus] = mapped_column(choice_column(RowStatus))
    student_id: Mapped[int | None] = mapped_column(ForeignKey("student.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(default="")
    cells: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    diff: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    doubts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)

    def __str__(self) -> str:
        return self.name


GOING = "files_to_drop"


def clean_name(name: str) -> str:
    """The name of a sent file as it is shown: its last part, one line, at most 120 characters. It never becomes a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:120] or "fichier"


def refuse_second(but: int | None = None) -> None:
    """Refused while another import of the school is being checked or written, whoever sent it."""
    school_id = current_school_id()
    busy = (ImportStatus.checking, ImportStatus.writing)
    with unscoped("an import of anybody in the school holds back the others"):
        others = db.session.scalars(select(Import).where(Import.school_id == school_id, Import.status.in_(busy), Import.id != (but or 0)))
        other = next((one for one in others if one.under_way), None)
    if other is not None:
        raise Busy(_("Another import is under way (%(name)s). Wait for its end, then start again."), name=other.name)


class Busy(Refusal):
    """Somebody else's import is under way: try later (409)."""


@event.listens_for(Session, "after_commit")
def _drop(session: Session) -> None:
    for key in session.info.pop(GOING, []):
        files.drop(key)


@event.listens_for(Session, "after_soft_rollback")
def _keep(session: Session, _previous: Any) -> None:
    session.info.pop(GOING, None)
