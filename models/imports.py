"""Imports of people: the files somebody sent, what they would change, and the verbs from check to write, and back.

The files wait under a random key. An abandoned import lets them go at once; a written one keeps them, and the preview's lines, thirty
days beside what can be undone as long, then they go: they list minors. One import of a school is under way at a time (security case 68).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, delete, event, exists, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models import files, staff
from models.access import User
from models.access_cards import may_open
from models.base import Base, Choice, Identified, Refusal, choice_column, utcnow
from models.column_mapping import remembered
from models.db import db
from models.import_fields import BY_HEADINGS, FIELDS
from models.import_fixes import Busy, Clash, Fix, Fixable
from models.import_rows import FileKind, ImportFile, ImportRow, RowStatus
from models.journal import JournalEvent
from models.rights import may, reach
from models.scope import WHO, SchoolScoped, current_school_id, unscoped
from models.words import _, _p
from models.work import Job, JobKind

__all__ = ["Busy", "Clash", "FileKind", "Fix", "Import", "ImportFile", "ImportRow", "ImportStatus", "RowStatus"]

MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 12
VERB_OF = {  # kind of file -> what it asks for
    "staff": "import_staff",
    "groups": "import_structures",
    **dict.fromkeys(("programmes", "courses", "grids", "rac_groups"), "import_courses"),
    **dict.fromkeys(("admissions", "enrolments"), "import_registrations"),
}
ABSENT_SHARE = 20  # per cent of the school above which the number of students who leave must be typed (security case 71)
KEPT = dt.timedelta(days=30)  # the files and lines of an import, as long as it can be undone


def verb_of(kind: str, *, official: bool = False) -> str:
    """The verb of `import_` that a file of this kind asks for beside the usual ones, or "". An `official` list of programmes is SIECLE's nomenclature."""
    return "import_structures" if official and kind == "programmes" else VERB_OF.get(kind, "")


def right_missing(kind: str, *, official: bool = False) -> str:
    """The code of the sentence (models/import_words.py) that refuses such a file to the person who acts; empty where they may import it.

    Whoever imports programmes from a table may create them one by one as well.
    """
    roles, verb = WHO.get().roles, verb_of(kind, official=official)
    allowed = not verb or may(roles, "import_", verb)
    if kind != "programmes":
        return "" if allowed else f"right_{verb}"
    return "" if allowed and may(roles, "programme", "create") else "right_nomenclature" if official else "right_programmes"


class ImportStatus(Choice):
    """Where an import stands."""

    checking = "checking", _p("import", "Being checked"), "info"
    checked = "checked", _p("import", "To confirm"), "warn"
    writing = "writing", _p("import", "Being written"), "info"
    done = "done", _p("import", "Done"), "ok"
    undone = "undone", _p("import", "Undone"), "mute"
    failed = "failed", _p("import", "Not readable"), "bad"
    abandoned = "abandoned", _p("import", "Abandoned"), "mute"


CLOSED = (ImportStatus.done, ImportStatus.undone, ImportStatus.abandoned)


class Import(Base, Identified, SchoolScoped, Fixable):
    """One import of one school: its files, its check, what people decided about it, its write.

    `revision` counts those decisions: a check that began before the last one begins again. `generation` is the last whole check,
    whose lines the preview shows. `batch` names what was written in the history.
    """

    __tablename__ = "import"
    __table_args__ = (Index("ix_import_school", "school_id", "id"),)

    name: Mapped[str] = mapped_column(info={"label": _p("import", "File")})
    status: Mapped[ImportStatus] = mapped_column(choice_column(ImportStatus), default=ImportStatus.checking, info={"label": _p("import", "Status")})
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    places: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    written: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, info={"label": _p("import", "Written")})
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(default="")
    revision: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    to_create: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    decisions: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON, default=dict)
    keep_edits: Mapped[bool] = mapped_column(default=True)
    partial: Mapped[bool] = mapped_column(default=False)  # its students are some of the school's: nobody is absent from it (transfers)
    batch: Mapped[str] = mapped_column(default="", index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True, info={"label": _p("import", "Sent by")})
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _p("import", "Received on")})
    written_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _p("import", "Written on")})
    undone_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _p("import", "Undone on")})
    undone_by: Mapped[str] = mapped_column(default="", info={"label": _p("import", "Undone by")})

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
        if len(sent) > MOST_FILES:
            raise Refusal(_("An import takes at most %(num)d files. Send fewer at a time."), num=MOST_FILES)
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
        if self.status in CLOSED:
            raise Refusal(_("This import is closed. Send the file again to start another."))

    def refuse_unless_fixable(self) -> None:
        """Refused before the first check, while it is being written and once closed. A check under way refuses nobody: it begins again."""
        if self.status is ImportStatus.checking and self.generation:
            return
        self._refuse_unless_open()
        if not self.generation:
            raise Refusal(_("This import is not checked yet. Wait for its end, then go on."))

    def check_again(self) -> None:
        """What somebody decided is to be read: now, or by the check under way, which begins again."""
        self.revision += 1
        if not (self.status is ImportStatus.checking and self.under_way):
            self._start(JobKind.import_check, ImportStatus.checking)

    def check(self) -> None:
        """Read the files again against the school as it is now. Refused while under way and once closed."""
        self._refuse_unless_open()
        refuse_second(self.id)
        self.check_again()

    def keep(self, edits: bool) -> None:
        """Whether what staff corrected by hand since the last import keeps its value."""
        self.refuse_unless_fixable()
        if self.keep_edits != edits:
            self.keep_edits = edits
            self.check_again()

    def choose(self, file: ImportFile, choices: dict[str, str], mapping: dict[int, str]) -> None:
        """Set by hand how a file is read and what its columns are, then check again. Refuses keys that no column has."""
        self._refuse_unless_open()
        if file.fixed:
            raise Refusal(_("The format of this file says what its columns are. Correct its lines in the check instead."))
        kind = choices.get("kind") or file.kind.name
        if kind not in BY_HEADINGS and kind != file.kind.name:
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
        if file.choices.get("sheet", "") != choices.get("sheet", file.choices.get("sheet", "")) or changed_kind:
            file.corrections, file.replacements, file.ignored = {}, {}, []  # they spoke of other lines
        file.choices = {**read_again, **({"kind": kind} if changed_kind or "kind" in file.choices else {})}
        # Columns chosen by hand hold for this reading of the file; another encoding or separator makes other columns.
        file.by_hand = same_reading and (file.by_hand or keys != file.mapping)
        file.mapping = keys if same_reading else []
        file.remembered_at = None
        self.generation = 0  # the lines of the former columns say nothing any more
        self.check()

    @staticmethod
    def may_forget() -> bool:
        """Whether the person who acts may have the school forget how the columns of its files are called."""
        return reach(WHO.get().roles, "import_", "check") == "all"

    def forget(self, file: ImportFile) -> None:
        """Understand the columns of a file by themselves again, here and next time, and check again. What the school remembers is for all:
        refused to whoever imports for themselves only."""
        self._refuse_unless_open()
        if not self.may_forget():
            raise Refusal(_("These columns are remembered for the whole [school]. Change those of this file, or ask the site administrator."))
        found = remembered(db.session, self.school_id, file.headings, file.kind.name)
        if found is not None:
            db.session.delete(found)
        file.mapping, file.by_hand, file.remembered_at, self.generation = [], False, None, 0
        self.check()

    @property
    def of_staff(self) -> bool:
        """Whether it is about who works in the school."""
        return any(file.kind is FileKind.staff for file in self.files)

    @property
    def of_structures(self) -> bool:
        """Whether it is about classes, groups or programmes, alone or beside people."""
        return any(file.kind in (FileKind.groups, FileKind.programmes) for file in self.files)

    @property
    def of_studies(self) -> bool:
        """Whether it is about courses, admissions or registrations, alone or beside people."""
        asking = ("import_courses", "import_registrations")
        return any(file.moved or (VERB_OF.get(file.kind.name) in asking and file.kind is not FileKind.programmes) for file in self.files)

    @property
    def asks(self) -> set[str]:
        """The verbs of `import_` that its files ask for beside the usual ones."""
        return {verb_of(file.kind.name, official=file.fixed) for file in self.files} - {""}

    @property
    def not_allowed(self) -> bool:
        """Whether it was refused for want of a right: its files are read well."""
        return self.problem is not None and str(self.problem["code"]).startswith("right_")

    def confirm(self, deactivate: bool = False, typed: str = "", *, admins: bool = False, accounts: bool = False) -> None:
        """Have the plan written. Refused: nothing to write, not checked, another under way, too many absent without their number typed.

        With `accounts` the students that it creates get an account of their own: refused to whoever may not open accounts.
        Of staff: a school whose page does not say who it is (`models.school.NotReady`), site administrators whom nobody ticked (`admins`).
        """
        if self.of_staff:
            staff.check_ready()
            if self.counts.get("new_admins") and not admins:
                raise Refusal(_("This file makes site administrators, who may do everything. Tick the box that says so, or give them another role."))
        if self.status is not ImportStatus.checked:
            raise Refusal(_("This import is not ready to be written. Check it first."))
        absent = self.counts.get("absent", 0)
        if not self.counts.get("created") and not self.counts.get("changed") and not (deactivate and absent):
            raise Refusal(_("This file changes nothing: there is nothing to write."))
        if deactivate and not may_deactivate():
            raise Refusal(_("Your role does not allow you to deactivate [students]. Untick it, or ask the site administrator."))
        if accounts and not may_open():
            raise Refusal(_("Your role does not allow you to open accounts. Untick it, or ask the site administrator."))
        leaving = self.leaving(deactivate)
        if self.too_many(leaving) and "".join(typed.split()) != str(leaving):
            if self.of_staff:
                raise Refusal(_("%(num)d people of the staff would lose their role, more than one in five. To withdraw it, type that number."), num=leaving)
            raise Refusal(_("%(num)d [students] of the [school] would leave, more than one in five. To deactivate them, type that number."), num=leaving)
        refuse_second(self.id)
        lines = self.counts["created"] + self.counts["changed"] + (absent if deactivate else 0)
        self._start(JobKind.import_write, ImportStatus.writing, digest=self.digest, deactivate=deactivate, accounts=accounts, lines=lines)

    @property
    def may_deactivate(self) -> bool:
        """Whether the person who acts may have the absent students leave."""
        return may_deactivate()

    @property
    def newcomers(self) -> int:
        """How many students it creates to whom the person who acts may give accounts."""
        created = 0 if self.of_staff else self.counts.get("students_created", self.counts.get("created", 0))
        return created if may_open() else 0

    def leaving(self, deactivate: bool) -> int:
        """How many students would leave: those whose line says so and, with `deactivate`, those whom the file does not hold."""
        return self.counts.get("leaving", 0) + (self.counts.get("absent", 0) if deactivate else 0)

    def too_many(self, leaving: int) -> bool:
        """Whether so many of the school's students would leave that it may be the wrong file."""
        return leaving * 100 > ABSENT_SHARE * self.counts.get("active", 0)

    def abandon(self) -> None:
        """Write nothing and let the files go. Refused while it is being written and once closed."""
        if self.status is ImportStatus.writing and not self.stuck:
            raise Refusal(_("This import is being written: it can no longer be stopped."))
        if self.status in CLOSED:
            raise Refusal(_("This import is closed already."))
        if self.job is not None and self.job.open:
            self.job.cancel()
        self.status = ImportStatus.abandoned
        self.let_files_go()
        db.session.execute(delete(ImportRow).where(ImportRow.import_id == self.id).execution_options(synchronize_session=False))

    @property
    def kept_until(self) -> dt.datetime:
        """Until when the files are kept."""
        return (self.written_at or self.created_at) + KEPT

    def let_files_go(self) -> None:
        """Remove the files once this transaction is committed."""
        db.session.info.setdefault(GOING, []).extend(file.file_key for file in self.files if file.file_key)
        for file in self.files:
            file.file_key, file.samples, file.corrections, file.replacements = "", [], {}, {}


def note_undo(session: Session, batch: str) -> None:
    """Tell the import that its batch was just undone, or that this undo was undone in its turn; any other batch says nothing here."""
    one = session.scalar(select(Import).where(Import.batch == batch))
    if one is not None:
        one.status, one.undone_at, one.undone_by = ImportStatus.undone, utcnow(), WHO.get().name
        return
    e = JournalEvent
    firsts = list(session.scalars(select(e.row_id).where(e.batch == batch, e.table_name == "journal_event", e.verb == "undo")))
    batches = list(session.scalars(select(e.batch).where(e.id.in_(firsts)))) if firsts else []
    for back in session.scalars(select(Import).where(Import.batch.in_(batches), Import.status == ImportStatus.undone)) if batches else ():
        back.status, back.undone_at, back.undone_by = ImportStatus.done, None, ""


def purge(session: Session) -> int:
    """The files and lines of imports older than thirty days go; what nobody confirmed by then is abandoned. How many imports. Nightly work, without a scope."""
    before = utcnow() - KEPT
    left = or_(Import.files.any(ImportFile.file_key != ""), exists().where(ImportRow.import_id == Import.id))
    old = select(Import).where(Import.created_at < before, or_(Import.written_at.is_(None), Import.written_at < before), left)
    gone = [one for one in session.scalars(old) if not one.under_way]
    for one in gone:
        if one.status not in CLOSED:
            one.status = ImportStatus.abandoned
        one.decisions = {}
        one.let_files_go()
        session.execute(delete(ImportRow).where(ImportRow.import_id == one.id).execution_options(synchronize_session=False))
    return len(gone)


GOING = "files_to_drop"


def may_deactivate() -> bool:
    """Whether the person who acts may have the students leave whom a file does not hold."""
    return reach(WHO.get().roles, "student", "deactivate") == "all"


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


@event.listens_for(Session, "after_commit")
def _drop(session: Session) -> None:
    for key in session.info.pop(GOING, []):
        files.drop(key)


@event.listens_for(Session, "after_soft_rollback")
def _keep(session: Session, _previous: Any) -> None:
    session.info.pop(GOING, None)
