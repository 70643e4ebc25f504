"""Students who change schools: what one school hands over, what another takes in (features S3-04 to S3-08, S0-03 a).

Inside the installation the transfer is put into the other school's list by the transaction that sends it; towards any other one it is a
sealed file. Nothing received writes by itself: it becomes an import, previewed, decided about and undone like every other. Both schools
must have switched transfers on. A row is written about a school only by that school, but for two facts that pass between the two halves
of one transfer (`token`): that it was put there, and what became of it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, ForeignKey, Index, String, Text, UniqueConstraint, event, func, or_, select, update
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column, relationship

from models import files, keys, sealing
from models.access import User
from models.base import Base, Choice, Identified, Refusal, choice_column, today, utcnow
from models.changes import JournalChange
from models.db import db
from models.import_fields import FIELDS
from models.import_rows import FileKind
from models.imports import GOING, Import, ImportStatus
from models.journal import new_batch, record, record_rows
from models.parcel import KEPT, MOST_BYTES, Parcel, new_token, plain
from models.people import Student, StudentStatus
from models.school import School
from models.scope import WHO, Actor, SchoolScoped, Scope, acting, current_school_id, unscoped
from models.transfer_rules import active_school, receiver, sending, this_school, travellers
from models.travel import TABLES
from models.words import _, _p
from models.work import KEPT_DAYS, Job, JobKind

PIECE = 500
PURPOSE = "transfer"  # of the server's seal


class Direction(Choice):
    """Which way the students go."""

    sent = "sent", _p("transfer", "Sent"), "info"
    received = "received", _p("transfer", "Received"), "note"


class TransferStatus(Choice):
    """Where a transfer stands, as the school that reads it knows."""

    making = "making", _p("transfer", "Being prepared"), "info"
    ready = "ready", _p("transfer", "File to hand over"), "warn"
    handed = "handed", _p("transfer", "File handed over"), "ok"
    waiting = "waiting", _p("transfer", "Waiting"), "warn"
    opened = "opened", _p("transfer", "Being checked"), "info"
    done = "done", _p("transfer", "Taken in"), "ok"
    undone = "undone", _p("transfer", "Undone"), "mute"
    declined = "declined", _p("transfer", "Declined"), "bad"
    cancelled = "cancelled", _p("transfer", "Cancelled"), "mute"
    expired = "expired", _p("transfer", "Too old"), "mute"
    failed = "failed", _p("transfer", "Not sent"), "bad"


_TAKEN_BACK = (TransferStatus.making, TransferStatus.ready, TransferStatus.handed, TransferStatus.waiting)
# What an import of received students makes of its transfer.
_FROM_IMPORT = {
    **dict.fromkeys((ImportStatus.checking, ImportStatus.checked, ImportStatus.writing, ImportStatus.failed), TransferStatus.opened),
    ImportStatus.done: TransferStatus.done,
    ImportStatus.undone: TransferStatus.undone,
    ImportStatus.abandoned: TransferStatus.waiting,
}


class Transfer(Base, Identified, SchoolScoped):
    """One transfer as one school has it. `people` is whom it speaks of, as they were called then; `file_key` what waits, sealed.

    `secret` is the passphrase of a file, sealed by the server until it was shown, once.
    """

    __tablename__ = "transfer"
    __table_args__ = (UniqueConstraint("school_id", "direction", "token"), Index("ix_transfer_school", "school_id", "id"), Index("ix_transfer_token", "token"))

    direction: Mapped[Direction] = mapped_column(choice_column(Direction), info={"label": _p("transfer", "Direction")})
    status: Mapped[TransferStatus] = mapped_column(choice_column(TransferStatus), info={"label": _p("transfer", "Status")})
    other_code: Mapped[str] = mapped_column(default="", info={"label": _("Code of the other [school]")})
    other_name: Mapped[str] = mapped_column(default="", info={"label": _("Other [school]")})
    count: Mapped[int] = mapped_column(default=0, info={"label": _("[Students]")})
    people: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, deferred=True, info={"private": True})
    token: Mapped[str] = mapped_column(String(32), info={"private": True})
    reference: Mapped[str] = mapped_column(default="", info={"label": _("Reference in the processing register")})
    reason: Mapped[str] = mapped_column(String(500), default="", info={"label": _p("transfer", "Reason")})
    leave: Mapped[bool] = mapped_column(default=False, info={"label": _("[Students] deactivated here")})
    inside: Mapped[bool] = mapped_column(default=False)
    left_here: Mapped[list[str]] = mapped_column(JSON, default=list)  # names of the sender's own fields that this school does not have
    problem: Mapped[str] = mapped_column(Text, default="", info={"label": _("Why it was not sent")})
    file_key: Mapped[str] = mapped_column(default="", info={"private": True})
    secret: Mapped[str] = mapped_column(default="", info={"private": True})
    made_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, info={"label": _p("transfer", "On")})
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    import_id: Mapped[int | None] = mapped_column(ForeignKey("import.id", ondelete="SET NULL"), index=True)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True, info={"label": _p("transfer", "By")})

    job: Mapped[Job | None] = relationship()
    owner: Mapped[Import | None] = relationship()
    requested_by: Mapped[User | None] = relationship(info={"label": _p("transfer", "By")})

    def __str__(self) -> str:
        return self.other

    @property
    def other(self) -> str:
        """The other school: its name where it is known, and its code."""
        return f"{self.other_name} ({self.other_code})" if self.other_name else self.other_code

    # -- sending

    @classmethod
    def send(cls, student_ids: Sequence[int], school_code: str, reason: str = "", leave: bool = True) -> Transfer:
        """Ask for a transfer; a job makes it. Refused as `sending` is."""
        db.session.execute(select(School.id).where(School.id == current_school_id()).with_for_update())  # a second click waits, and finds this one
        school, code, name, people = sending(student_ids, school_code)
        made = cls(
            direction=Direction.sent,
            status=TransferStatus.making,
            other_code=code,
            other_name=name,
            inside=bool(name),
            count=len(people),
            people=people,
            token=new_token(),
            reference=school.register_reference,
            reason=" ".join(reason.split())[:500],
            leave=leave,
            requested_by_id=WHO.get().user_id,
        )
        db.session.add(made)
        db.session.flush()
        made.job = Job.add(JobKind.transfer, {"transfer_id": made.id}, total=len(people), note=made.other)
        db.session.flush()
        return made

    def deliver(self) -> None:
        """The job's work, one transaction: hand over, and let the students leave. Refused as `send` is; twice changes nothing."""
        if self.status is not TransferStatus.making:
            return
        school = active_school()
        self.other_code, self.other_name = receiver(school, self.other_code)
        self.inside = bool(self.other_name)
        ids = [person["id"] for person in self.people]
        self.people = travellers(db.session, ids)
        ids = [person["id"] for person in self.people]
        if not ids:
            raise Refusal(_("None of these [students] can be transferred any more. Look at their files, then choose again."))
        self.count = len(ids)
        parcel = Parcel(
            school.official_code, plain(school.name), school.country.name, self.other_code, [person["code"] for person in self.people], self.token, self.made_at
        )
        parcel.fill(db.session, ids)
        if self.inside:
            self._put_there(school, parcel)
        else:
            passphrase = sealing.new_passphrase()
            self.file_key, self.secret = files.keep(sealing.seal(parcel.dump(), passphrase)), keys.seal(PURPOSE, passphrase)
            self.status = TransferStatus.ready
        if self.leave:
            self._let_leave(ids, today(school.time_zone))
        record_rows(db.session, "transfer", "student", ids)

    def _put_there(self, school: School, parcel: Parcel) -> None:
        """Into the other school's list, in the name of this school: nobody's name of here is written there."""
        with unscoped("the school that receives a transfer is found by its code"):
            other_id = db.session.scalar(select(School.id).where(School.official_code == self.other_code))
        self.status = TransferStatus.waiting
        db.session.flush()
        with acting(Actor(name=school.name), Scope(school_id=other_id), batch=new_batch()):
            twin = _received(parcel)
            twin.inside = True
            db.session.add(twin)
            db.session.flush()

    def _let_leave(self, ids: Sequence[int], day: dt.date) -> None:
        left: set[int] = set()
        for start in range(0, len(ids), PIECE):
            wanted = select(Student).where(Student.id.in_(ids[start : start + PIECE]), Student.status == StudentStatus.active)
            for student in db.session.scalars(wanted):
                student.deactivate(day)
                left.add(student.id)
        db.session.flush()
        self.people = [{**person, "left": str(day) if person["id"] in left else ""} for person in self.people]

    def give_up(self, sentence: str) -> None:
        """The job could not do it: nobody has left, and the reason is kept."""
        self.status, self.problem = TransferStatus.failed, sentence

    @property
    def under_way(self) -> bool:
        """The runner has it, or will have it."""
        return self.status is TransferStatus.making and self.job is not None and self.job.open

    def hand_over(self) -> str:
        """The key of the file. Refused when there is none (yet, or any more)."""
        if self.direction is not Direction.sent or not self.file_key:
            raise Refusal(_("There is no file to fetch: it is kept %(days)d days. Send the transfer again."), days=KEPT_DAYS)
        if self.status is TransferStatus.ready:
            self.status = TransferStatus.handed
        return self.file_key

    def tell_passphrase(self) -> str:
        """The passphrase, this once. Refused when it was shown already."""
        if not self.secret:
            raise Refusal(_("The passphrase was shown already, and is kept nowhere. If it is lost, cancel this transfer and make it again."))
        told, self.secret = keys.unseal(PURPOSE, self.secret), ""
        return told

    @classmethod
    def waiting_for(cls, session: Session) -> set[int]:
        """The students of this school whom a transfer that is neither settled nor too old speaks of."""
        statuses = (*_TAKEN_BACK, TransferStatus.opened)
        open_ = select(cls.people).where(cls.direction == Direction.sent, cls.status.in_(statuses), cls.made_at >= utcnow() - KEPT)
        return {person["id"] for people in session.scalars(open_.execution_options(yield_per=50)) for person in people}

    @property
    def can_cancel(self) -> bool:
        """Nobody has begun there as far as is known. A file that was fetched counts: its passphrase may be lost, and the transfer made again."""
        return self.direction is Direction.sent and self.status in _TAKEN_BACK

    def cancel(self) -> None:
        """Take back what nobody has taken in; who left by it comes back. Refused once the other school works on it."""
        self.withdraw()
        for student in self._still_away():
            student.reactivate()

    def withdraw(self) -> None:
        """Cancel it in both schools; students stay as they are. Refused as `cancel` is."""
        if not self.can_cancel:
            raise Refusal(_("This transfer can no longer be cancelled. Settle it with the other [school]."))
        if self.status is TransferStatus.waiting and self.inside:
            self._take_back()
        if self.job is not None and self.job.open:
            self.job.cancel()
        self.status = TransferStatus.cancelled
        self._let_go()

    def _still_away(self) -> Iterator[Student]:
        """Who left by this transfer and whose departure nobody has touched since: another day, or a line in the history, is somebody's decision."""
        days = {person["id"]: person["left"] for person in self.people if person.get("left")}
        c, ids = JournalChange, list(days)
        own = (c.table_name == "student", c.field.in_(("status", "left_on")))
        first = select(func.min(c.id)).where(c.batch == f"job-{self.job_id}", *own).scalar_subquery()
        for start in range(0, len(ids), PIECE):
            piece = ids[start : start + PIECE]
            touched = set(db.session.scalars(select(c.row_id).where(*own, c.row_id.in_(piece), c.id > first, c.batch != f"job-{self.job_id}")))
            for student in db.session.scalars(select(Student).where(Student.id.in_(piece), Student.status == StudentStatus.left)):
                if student.id not in touched and days[student.id] in (True, str(student.left_on)):  # True: of a version before
                    yield student

    def _take_back(self) -> None:
        """Out of the other school's list, unless somebody there began to work on it at the same moment."""
        theirs = (Transfer.token == self.token, Transfer.direction == Direction.received, Transfer.status == TransferStatus.waiting)
        taken = update(Transfer).where(*theirs).values(status=TransferStatus.cancelled).execution_options(synchronize_session=False)
        with unscoped("the other half of a transfer, by its token"):
            found = db.session.execute(taken.returning(Transfer.id, Transfer.school_id, Transfer.file_key)).one_or_none()
            if found is None:
                raise Refusal(_("The other [school] is already working on this transfer. Settle it with that [school]."))
            db.session.execute(update(Transfer).where(Transfer.id == found.id).values(file_key="").execution_options(synchronize_session=False))
        with acting(Actor(name=this_school().name), Scope(school_id=found.school_id), batch=new_batch()):
            record(db.session, "cancel", "transfer", found.id)
        db.session.info.setdefault(GOING, []).append(found.file_key)

    # -- receiving

    @classmethod
    def receive(cls, content: bytes, passphrase: str) -> Transfer:
        """Take in a file: checked, kept, waiting to be looked at. Refused whole, with one sentence for each reason."""
        school = active_school()
        if not content:
            raise Refusal(_("No file was chosen. Choose the file that the other [school] sent."))
        if len(content) > MOST_BYTES:
            raise Refusal(_("This file weighs more than %(most)d MB: no transfer does. Choose another file."), most=MOST_BYTES // 2**20)
        parcel = Parcel.load(sealing.unseal(content, passphrase))
        parcel.refuse_unless_for(school.official_code, utcnow())
        known = db.session.scalar(select(Transfer.id).where(Transfer.token == parcel.token, Transfer.direction == Direction.received))
        if known is not None:
            raise Refusal(_("This transfer was received already: a file serves once. Look for it in the list of transfers."))
        made = _received(parcel)
        made.requested_by_id = WHO.get().user_id
        db.session.add(made)
        db.session.flush()
        return made

    def look(self) -> Import:
        """Have the waiting data checked as an import. Refused unless it waits here, and while another import is under way."""
        if self.direction is not Direction.received or self.status not in (TransferStatus.waiting, TransferStatus.undone) or not self.file_key:
            raise Refusal(_("There is nothing to take in here any more."))
        school = active_school()
        parcel = Parcel.load(keys.unseal(PURPOSE, files.path_of(self.file_key).read_text()))
        parcel.dialled(school.country.name)
        tables, self.left_here = _understood(parcel)
        made = Import.receive([(f"{name}.csv", _as_csv(columns, rows)) for name, columns, rows in tables])
        for file, (name, columns, _rows) in zip(made.files, tables, strict=True):
            kind = TABLES[name].arrives_as
            file.kind, file.mapping, file.choices = FileKind[kind], columns, {"kind": kind, "encoding": "utf-8", "separator": ";"}
        made.partial, made.name = True, self.other[:200]
        self.import_id, self.status = made.id, TransferStatus.opened
        _mirror(db.session.connection(), self.token, TransferStatus.opened)
        return made

    def decline(self) -> None:
        """Take nothing in. Refused once it is looked at or over."""
        if self.direction is not Direction.received or self.status not in (TransferStatus.waiting, TransferStatus.undone):
            raise Refusal(_("This transfer no longer waits here: there is nothing to decline."))
        self.status = TransferStatus.declined
        self._let_go()
        _mirror(db.session.connection(), self.token, TransferStatus.declined)

    def _let_go(self) -> None:
        """Remove the sealed data once this transaction is committed."""
        if self.file_key:
            db.session.info.setdefault(GOING, []).append(self.file_key)
        self.file_key = self.secret = ""


def _received(parcel: Parcel) -> Transfer:
    """The half of the school that receives, with its own copy of the data, sealed by the server."""
    return Transfer(
        direction=Direction.received,
        status=TransferStatus.waiting,
        other_code=parcel.from_code,
        other_name=parcel.from_name,
        count=len(parcel.students),
        people=parcel.names,
        token=parcel.token,
        made_at=parcel.made_at,
        file_key=files.keep(keys.seal(PURPOSE, parcel.dump()).encode()),
    )


def _understood(parcel: Parcel) -> tuple[list[tuple[str, list[str], list[list[str]]]], list[str]]:
    """The tables as this school's import reads them, and the names of the sender's own fields that hold something and have no place here."""
    tables, left = [], dict[str, None]()
    for name, keys_ in parcel.columns.items():
        known = FIELDS[TABLES[name].arrives_as]
        filled = {at for at in range(len(keys_)) if any(row[at] for row in parcel.rows[name])}
        left |= {parcel.labels.get(key, key): None for at, key in enumerate(keys_) if at in filled and key not in known}
        kept = [at for at, key in enumerate(keys_) if key in known]
        if parcel.rows[name]:
            tables.append((name, [keys_[at] for at in kept], [[row[at] for at in kept] for row in parcel.rows[name]]))
    return tables, list(left)


def _as_csv(columns: list[str], rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([columns, *rows])
    return out.getvalue().encode()


def _mirror(connection: Connection, token: str, status: TransferStatus) -> None:
    """Tell the half that was sent, if it is of this installation, what became of the other; beneath the scope, by the token alone."""
    sent: Any = Transfer.__table__
    connection.execute(update(sent).where(sent.c.token == token, sent.c.direction == Direction.sent).values(status=status))


@event.listens_for(Import, "after_update")
def _follow(_mapper: Mapper[Any], connection: Connection, one: Import) -> None:
    """An import of received students that is written, undone or abandoned says so on its transfer, on both sides."""
    if not sa_inspect(one).attrs.status.history.has_changes():
        return
    status = _FROM_IMPORT[one.status]
    here: Any = Transfer.__table__
    changed = update(here).where(here.c.import_id == one.id, here.c.direction == Direction.received).values(status=status).returning(here.c.token)
    for token in connection.scalars(changed).all():
        _mirror(connection, token, status)


def purge(session: Session) -> int:
    """Files of seven days that were sent, and what waited here for thirty, go; how many transfers. Nightly work, without a scope."""
    sent = (Transfer.direction == Direction.sent) & (Transfer.created_at < utcnow() - dt.timedelta(days=KEPT_DAYS))
    received = (Transfer.direction == Direction.received) & (Transfer.made_at < utcnow() - KEPT)
    old = list(session.scalars(select(Transfer).where(Transfer.file_key != "", or_(sent, received))))
    for one in old:
        if one.status is TransferStatus.opened:  # somebody is about to write it: the import has its own copy
            continue
        if one.status in (TransferStatus.ready, TransferStatus.waiting):
            if one.direction is Direction.received:
                _mirror(session.connection(), one.token, TransferStatus.expired)
            one.status = TransferStatus.expired
        one._let_go()
    return len(old)
