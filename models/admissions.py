"""Admissions: a student is admitted to a programme, follows it, leaves it or is awarded its diploma. Who is registered for courses, and by what grid.

Only an active admission lets somebody be registered (features S2-01).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Text, event, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, object_session, relationship, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column
from models.courses import Grid
from models.custom import Extensible
from models.people import Student
from models.scope import SchoolScoped
from models.studies import OrgUnit, Programme, Term
from models.values import check_year, visible
from models.words import _, _p


class AdmissionStatus(Choice):
    """Where an admission stands. Changed by verbs only."""

    applicant = "applicant", _p("admission", "Applicant"), "info"
    active = "active", _p("admission", "Active"), "ok"
    suspended = "suspended", _p("admission", "Suspended"), "warn"
    closed = "closed", _p("admission", "Closed"), "mute"
    sanctioned = "sanctioned", _("Sanctioned"), "note"


LONGEST_TEXT = 4_000

_S = AdmissionStatus
# What may become what; a sanction is final, and taken back by the history only.
AFTER: dict[AdmissionStatus, frozenset[AdmissionStatus]] = {
    _S.applicant: frozenset({_S.active, _S.closed}),
    _S.active: frozenset({_S.suspended, _S.closed, _S.sanctioned}),
    _S.suspended: frozenset({_S.active, _S.closed}),
    _S.closed: frozenset({_S.active}),
    _S.sanctioned: frozenset(),
}
OPEN = frozenset({_S.applicant, _S.active, _S.suspended})


class Admission(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """One student, one programme. Known in records by the code of its grid."""

    __tablename__ = "admission"
    __table_args__ = (Index("ix_admission_school_status", "school_id", "status", "id"),)
    __named_by__ = ("student", "grid", "programme")

    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _("[Student]")})
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id", ondelete="RESTRICT"), index=True, info={"label": _("[Programme]")})
    grid_id: Mapped[int | None] = mapped_column(ForeignKey("grid.id", ondelete="RESTRICT"), index=True, info={"label": _("Grid")})
    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id", ondelete="RESTRICT"), index=True, info={"label": _("Organisational unit")})
    term_id: Mapped[int | None] = mapped_column(ForeignKey("term.id", ondelete="RESTRICT"), index=True, info={"label": _("First term")})
    status: Mapped[AdmissionStatus] = mapped_column(choice_column(AdmissionStatus), default=_S.active, info={"label": _p("admission", "Status")})
    applied_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Applied on")})
    admitted_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Admitted on")})
    ended_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Closed on")})
    sanctioned_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Sanctioned on")})
    previous_studies: Mapped[str] = mapped_column(Text, default="", info={"label": _("Previous studies")})

    student: Mapped[Student] = relationship(info={"label": _("[Student]")})
    programme: Mapped[Programme] = relationship(info={"label": _("[Programme]")})
    grid: Mapped[Grid | None] = relationship(info={"label": _("Grid")})
    org_unit: Mapped[OrgUnit | None] = relationship(info={"label": _("Organisational unit")})
    term: Mapped[Term | None] = relationship(info={"label": _("First term")})

    def __str__(self) -> str:
        known = self.grid or self.programme
        return known.code if known else ""

    @validates("previous_studies")
    def _tidy_text(self, _key: str, value: str | None) -> str:
        text = visible(value or "").strip()
        if len(text) > LONGEST_TEXT:
            raise Refusal(_("The previous studies are told in %(max)s signs at most: %(count)s are typed. Shorten them."), max=LONGEST_TEXT, count=len(text))
        return text

    def check(self, session: Session) -> None:
        """Refused: a grid of another programme, days in the wrong order, a second open admission to the same programme and grid."""
        check_grid(self.grid, self.programme)
        self.check_days()
        if self.status not in OPEN or self.student is None or self.programme is None:
            return
        same = select(Admission).where(
            Admission.student_id == self.student.id,
            Admission.programme_id == self.programme.id,
            Admission.grid_id == (self.grid.id if self.grid else None),
            Admission.status.in_(OPEN),
            Admission.id != (self.id or 0),
        )
        with session.no_autoflush:
            other = session.scalar(same.limit(1))
        if other is not None:
            raise second_open(self.student.name, str(other))

    def check_days(self) -> None:
        """Refused: days in the wrong order, a day of another age."""
        for day in (self.applied_on, self.admitted_on):
            check_year(day)
        if self.applied_on and self.admitted_on and self.admitted_on < self.applied_on:
            raise Refusal(_("The day of the admission comes before the day of the application. Correct one of the two."))

    def begin(self, *, quick: bool, on: dt.date) -> None:
        """What a new admission is: active from this day of the school when it is quick; else active with its own day, an application without one.
        Its unit is that of its grid, unless another is chosen.
        """
        if self.org_unit is None and self.grid is not None:
            self.org_unit = self.grid.org_unit
        if quick:
            self.admitted_on = on
        self.status = _S.active if self.admitted_on else _S.applicant

    def _become(self, status: AdmissionStatus) -> None:
        """Refused: what cannot follow the present status."""
        if status not in AFTER[self.status]:
            raise Refusal(_("The admission %(name)s is “%(status)s”: this cannot be done with it."), name=str(self), status=str(self.status.label))
        self.status = status

    def activate(self, on: dt.date) -> None:
        """Admit an applicant, or open again what was suspended or closed, on this day of the school. Refused once sanctioned."""
        session = object_session(self)
        self._become(_S.active)
        self.ended_on = None
        self.admitted_on = self.admitted_on or on
        if session is not None:
            self.check(session)

    def suspend(self) -> None:
        """Nothing new is registered until it is active again. Refused unless active."""
        self._become(_S.suspended)

    def close(self, on: dt.date) -> None:
        """The student leaves the programme without its diploma, on this day. Refused once closed or sanctioned."""
        self._become(_S.closed)
        self.ended_on = on

    def sanction(self, date: dt.date, now: dt.date) -> None:
        """The diploma of the programme was awarded on this day. Refused: unless active, a day to come (`now` is that of the school), a day before
        the admission.
        """
        check_year(date)
        if date > now:
            raise Refusal(_("A sanction has a day that has come. Correct the date."))
        if self.admitted_on and date < self.admitted_on:
            raise Refusal(_("The sanction comes before the admission. Correct the date."))
        self._become(_S.sanctioned)
        self.sanctioned_on = self.ended_on = date


def second_open(student: str, name: str) -> Refusal:
    """What is told to whoever opens a second admission of a student to the same programme and grid."""
    return Refusal(_("%(student)s already has an open admission to %(name)s. Change that one, or close it first."), student=student, name=name)


def check_grid(grid: Grid | None, programme: Programme | None) -> None:
    """Refused: a grid of another programme."""
    if grid is not None and programme is not None and grid.programme_id != programme.id:
        raise Refusal(_("The grid %(grid)s is not of the [programme] %(programme)s. Choose one of its grids."), grid=str(grid), programme=programme.code)


@event.listens_for(Admission, "before_insert")
@event.listens_for(Admission, "before_update")
def _same_programme(_mapper: Any, _connection: Connection, row: Admission) -> None:
    """Whatever writes it, a grid of another programme is refused."""
    check_grid(row.grid, row.programme)


def counting(session: Session, student_ids: Collection[int]) -> dict[int, Admission]:
    """Student -> the admission that counts, with its programme and grid: an open one before the others, the latest first (as `admissions_of`)."""
    shown = (joinedload(Admission.programme), joinedload(Admission.grid))
    found = session.scalars(select(Admission).where(Admission.student_id.in_(student_ids)).options(*shown).order_by(Admission.id))
    return {one.student_id: one for one in sorted(found, key=lambda one: one.status in OPEN)}


def with_shown() -> tuple[Any, ...]:
    """What a list of admissions shows, in the same statement."""
    return (joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.org_unit), joinedload(Admission.term))


def open_first(found: Iterable[Admission]) -> list[Admission]:
    """Admissions in their order, those that are still open before the others."""
    return sorted(found, key=lambda one: one.status not in OPEN)


def admissions_of(session: Session, student_id: int) -> list[Admission]:
    """The admissions of a student, open ones first, the latest first, with what a list of them shows."""
    found = session.scalars(select(Admission).where(Admission.student_id == student_id).options(*with_shown()).order_by(Admission.id.desc()))
    return open_first(found)
