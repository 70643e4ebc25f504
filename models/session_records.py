"""Session records: what one student does under one admission in one term, the head under which registrations for courses stand.

Its figures (how many registrations, hours, units) are worked out from the registrations and stored nowhere (models/enrolments.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, ForeignKey, Index, UniqueConstraint, event, func, select
from sqlalchemy.orm import Load, Mapped, Session, joinedload, mapped_column, object_session, relationship, validates

from models.admissions import Admission, AdmissionStatus, open_first, with_shown
from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.codes import CodeList, CodeValue, default_code
from models.courses import of_list
from models.custom import Extensible
from models.people import Student
from models.scope import SchoolScoped
from models.studies import Term
from models.words import N_, _, _p

if TYPE_CHECKING:
    from models.enrolments import Enrolment

FULL_TIME_COURSES = 4  # règlement C-29, r. 2: full time from four courses or 180 periods of a term
FULL_TIME_PERIODS = 180
WEEKS = 15  # of a term: hours a week are counted in periods
MOST_SESSIONS = 99

_WHAT_TO_DO: dict[AdmissionStatus, Any] = {
    AdmissionStatus.applicant: _("%(student)s is an applicant for %(name)s: activate the admission, then register."),
    AdmissionStatus.suspended: _("The admission of %(student)s to %(name)s is suspended: activate it again, then register."),
    AdmissionStatus.closed: _("The admission of %(student)s to %(name)s is closed: activate it again, or make a new admission, then register."),
    AdmissionStatus.sanctioned: _("%(student)s already has the diploma of %(name)s: make a new admission to another [programme], then register."),
}


def need_active(admission: Admission) -> None:
    """Only an active admission lets somebody be registered (features S2-01). Refused otherwise, with what to do."""
    if admission.status is not AdmissionStatus.active:
        raise Refusal(_WHAT_TO_DO[admission.status], student=admission.student.name, name=str(admission))


def not_registrable(student: Student, latest: Admission | None) -> str:
    """Why a student cannot be registered, and what to do: by the admission that comes closest, or without any; nothing when they can."""
    if latest is None:
        return str(_("%(student)s has no admission: make one, then register.", student=student.name))
    try:
        need_active(latest)
    except Refusal as refusal:
        return refusal.sentence
    return ""


class SessionRecord(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """One admission, one term. `programme_session` counts the terms spent in the programme (SPE)."""

    __tablename__ = "session_record"
    __table_args__ = (UniqueConstraint("admission_id", "term_id"), Index("ix_session_record_school", "school_id", "id"))
    __named_by__ = ("term", "student")

    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _("[Student]")})
    admission_id: Mapped[int] = mapped_column(ForeignKey("admission.id", ondelete="CASCADE"), info={"label": _("Admission")})
    term_id: Mapped[int] = mapped_column(ForeignKey("term.id", ondelete="RESTRICT"), index=True, info={"label": _p("session_record", "Session")})
    full_time_id: Mapped[int | None] = mapped_column(ForeignKey("code_value.id", ondelete="RESTRICT"), index=True, info={"label": _("Deemed full-time")})
    language_id: Mapped[int | None] = mapped_column(ForeignKey("code_value.id", ondelete="RESTRICT"), index=True, info={"label": _("Language")})
    programme_session: Mapped[int | None] = mapped_column(info={"label": _("Session of the [programme] (SPE)")})

    student: Mapped[Student] = relationship(info={"label": _("[Student]")})
    admission: Mapped[Admission] = relationship(info={"label": _("Admission")})
    term: Mapped[Term] = relationship(info={"label": _p("session_record", "Session")})
    full_time: Mapped[CodeValue | None] = relationship(foreign_keys=[full_time_id], info={"label": _("Deemed full-time")})
    language: Mapped[CodeValue | None] = relationship(foreign_keys=[language_id], info={"label": _("Language")})
    # Deleted one by one with the record, so that the trash brings them back with it.
    enrolments: Mapped[list[Enrolment]] = relationship(cascade="delete", overlaps="session_record", order_by="Enrolment.id")

    if TYPE_CHECKING:  # computed, deferred, in the group "figures" (models/enrolments.py)
        registered: int
        hours: int
        thirds_in_progress: int
        thirds_passed: int
        thirds_failed: int

    def __str__(self) -> str:
        return f"{self.term} – {self.student.name}" if self.term and self.student else ""

    @validates("full_time")
    def _check_full_time(self, _key: str, value: CodeValue | None) -> CodeValue | None:
        return of_list(value, CodeList.full_time)

    @validates("language")
    def _check_language(self, _key: str, value: CodeValue | None) -> CodeValue | None:
        return of_list(value, CodeList.teaching_language)

    @validates("programme_session")
    def _check_session(self, _key: str, value: int | None) -> int | None:
        if value is not None and not 1 <= value <= MOST_SESSIONS:
            raise Refusal(_("The session of the [programme] is a number from 1 to %(max)s. Correct it."), max=MOST_SESSIONS)
        return value

    @classmethod
    def begin(cls, session: Session, admission: Admission, term: Term) -> SessionRecord:
        """The record of an admission for a term, with its usual codes, added to the session.

        Refused: unless the admission is active (says what to do), when there is one already.
        """
        need_active(admission)
        with session.no_autoflush:
            places = session.execute(select(Term.id, Term.place).join(cls, cls.term_id == Term.id).where(cls.admission_id == admission.id)).all()
        if any(one.id == term.id for one in places):
            raise Refusal(
                _("%(student)s already has a [session record] %(term)s under %(name)s. Open that one."),
                student=admission.student.name,
                term=str(term),
                name=str(admission),
            )
        return cls.fresh(session, admission, term, [one.place for one in places])

    @classmethod
    def fresh(cls, session: Session, admission: Admission, term: Term, places: Iterable[int]) -> SessionRecord:
        """The same for whoever has judged it already, many at once: `places` are those of the terms for which the admission has records."""
        made = cls(
            school_id=admission.school_id,
            student=admission.student,
            admission=admission,
            term=term,
            full_time=default_code(session, CodeList.full_time, admission.school_id),
            language=default_code(session, CodeList.teaching_language, admission.school_id),
            programme_session=1 + sum(1 for place in places if place < term.place),
        )
        session.add(made)
        return made

    def copy(self, term: Term) -> SessionRecord:
        """The same for another term, with its registrations but for their results, census and transmissions (features S2-19); what was not taken
        stays behind. Refused as a new record is.
        """
        session = object_session(self)
        if session is None:
            raise ValueError("the record must be in a session")
        made = SessionRecord.begin(session, self.admission, term)
        made.full_time, made.language, made.extra = self.full_time, self.language, dict(self.extra or {})
        for one in self.enrolments:
            if one.taken:
                one.copy(made)
        return made

    def deletion_problem(self) -> Refusal | None:
        """Why the record cannot go: something of it was transmitted. None when it can."""
        from models.enrolments import Enrolment, transmitted_clause

        session = object_session(self)
        if session is None:
            return None
        sent = session.scalar(select(func.count(Enrolment.id)).where(Enrolment.session_record_id == self.id, transmitted_clause())) or 0
        if not sent:
            return None
        return Refusal(
            N_(
                "%(name)s cannot be deleted: %(num)d registration was transmitted to the ministry. Correct it, and transmit it again.",
                "%(name)s cannot be deleted: %(num)d registrations were transmitted to the ministry. Correct them, and transmit them again.",
                sent,
                name=str(self.term),
            )
        )

    def sanction(self, date: Any, now: Any) -> None:
        """The diploma of its admission was awarded on this day (`Admission.sanction`)."""
        self.admission.sanction(date, now)

    def full_time_hint(self, registered: int, hours: int) -> Any:
        """What the number of courses says of full time, for whoever enters “deemed full-time” (règlement C-29, r. 2); no reason is ever kept."""
        if registered >= FULL_TIME_COURSES or hours * WEEKS >= FULL_TIME_PERIODS:
            return N_("%(num)d [course]: full-time, there is nothing to deem.", "%(num)d [courses]: full-time, there is nothing to deem.", registered)
        return N_(
            "%(num)d [course]: part-time, unless few [courses] are left or a rule deems the [student] full-time.",
            "%(num)d [courses]: part-time, unless few [courses] are left or a rule deems the [student] full-time.",
            registered,
        )


@event.listens_for(SessionRecord, "before_insert")
@event.listens_for(SessionRecord, "before_update")
def _same_student(_mapper: Any, _connection: Connection, row: SessionRecord) -> None:
    """Whatever writes it, a record stands under an admission of its own student."""
    if row.admission is not None and row.admission.student_id is not None:
        row.student_id = row.admission.student_id


def followed_of(session: Session, student_id: int, *, figures: bool = False) -> tuple[list[Admission], list[SessionRecord]]:
    """(the admissions of a student as `admissions_of` gives them, all their session records, the latest first), in one statement."""
    wanted = select(Admission, SessionRecord).outerjoin(SessionRecord, SessionRecord.admission_id == Admission.id).where(Admission.student_id == student_id)
    counted = [Load(SessionRecord).undefer_group("figures")] if figures else []
    shown = (*with_shown(), joinedload(SessionRecord.term), joinedload(SessionRecord.language))
    pairs = session.execute(wanted.options(*shown, *counted).order_by(Admission.id.desc())).all()
    records = sorted((record for _admission, record in pairs if record is not None), key=lambda one: (one.term.place, one.id), reverse=True)
    return open_first(dict.fromkeys(admission for admission, _record in pairs)), records


def admission_deletion_problem(session: Session, admission: Admission) -> Refusal | None:
    """Why an admission cannot go: session records stand under it. None when it can."""
    held = session.scalar(select(func.count(SessionRecord.id)).where(SessionRecord.admission_id == admission.id)) or 0
    if not held:
        return None
    return Refusal(
        N_(
            "The admission %(name)s cannot be deleted: %(num)d [session record] stands under it. Close the admission instead.",
            "The admission %(name)s cannot be deleted: %(num)d [session records] stand under it. Close the admission instead.",
            held,
            name=str(admission),
        )
    )
