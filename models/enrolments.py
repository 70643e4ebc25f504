"""Registrations for courses: one course in one session record, with its group, what it inherits, its result, census and transmissions.

A registration without a group is a course choice that is not assigned yet; one that is not `taken` (« non suivi ») holds only the remark that
recognises the course (features section 0). The rules stand in models/enrolment_rules.py and hold whatever writes a row.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Numeric, String, UniqueConstraint, and_, case, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, column_property, foreign, joinedload, mapped_column, object_session, relationship, remote, validates

from models.admissions import Admission
from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, utcnow
from models.codes import CodeList, CodeValue, default_code, known_code
from models.course_numbers import GROUP_FIGURES, read_group_number
from models.courses import Course, RacGroup, of_list
from models.custom import Extensible
from models.people import Student
from models.scope import WHO, SchoolScoped
from models.session_records import SessionRecord
from models.studies import OrgUnit, Term
from models.transmissions import TELLING_FIELDS, Telling, Transmission, usual
from models.units import MOST
from models.values import check_year, tidy
from models.words import _, _p

WITHOUT_RESULT = "EE SR"  # the kind of recognition whose mark is not recorded
LONGEST_REASON = 200
_REFERENCE = 30

INHERITED = ("org_unit", "language", "category", "funding", "rac_type", "delivery_mode")

# attribute -> the list that its code belongs to
CODES: dict[str, CodeList] = {
    "language": CodeList.teaching_language,
    "category": CodeList.course_category,
    "funding": CodeList.funding_source,
    "rac_type": CodeList.rac_type,
    "delivery_mode": CodeList.delivery_mode,
    "prerequisites": CodeList.prerequisites,
    "assignment_state": CodeList.assignment_state,
    "substitution": CodeList.substitution,
    "remark": CodeList.remark,
    "retake": CodeList.retake,
    "study_situation": CodeList.study_situation,
    "partner": CodeList.partner,
    "census_status": CodeList.census_status,
}
USUAL = ("prerequisites", "assignment_state", "substitution", "retake", "census_status")  # given the first code of their list

COPIED = (
    *("course", "group_number", "taken", *INHERITED, "prerequisites", "assignment_state", "assignment_priority", "substitution"),
    *("alternative_number", "parent_course", "study_situation", "partner", "partner_course", "retake"),
)


class Outcome(Choice):
    """What a registration comes to: which units of the record it counts in."""

    in_progress = "in_progress", _p("enrolment", "In progress"), "info"
    passed = "passed", _p("enrolment", "Passed"), "ok"
    failed = "failed", _p("enrolment", "Failed"), "bad"
    none = "none", _p("enrolment", "Without units"), "mute"


def _code(label: Any) -> Any:
    """A code of a list. No index: codes are never deleted, and thirteen indexes would be written with each registration."""
    return mapped_column(ForeignKey("code_value.id", ondelete="RESTRICT"), info={"label": label})


class Enrolment(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """One course of one session record. Student and term are those of the record, kept here for lists and scopes.

    Marks are out of 100, absences in hours, `r_thirds` in thirds of units; averages and R scores are entered, never computed.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("session_record_id", "course_id", "group_number"),
        Index("ix_enrolment_school", "school_id", "id"),
        Index("ix_enrolment_group", "school_id", "term_id", "course_id", "group_number"),
        Index("ix_enrolment_student", "student_id", "term_id"),
    )
    __named_by__ = ("course", "student")

    session_record_id: Mapped[int] = mapped_column(ForeignKey("session_record.id", ondelete="CASCADE"), info={"label": _("[Session record]")})
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), info={"label": _("[Student]")})
    term_id: Mapped[int] = mapped_column(ForeignKey("term.id", ondelete="RESTRICT"), index=True, info={"label": _p("session_record", "Session")})
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="RESTRICT"), index=True, info={"label": _("[Course]")})
    group_number: Mapped[str] = mapped_column(String(GROUP_FIGURES), default="", info={"label": _p("enrolment", "[Group]"), "typed_length": 20})
    taken: Mapped[bool] = mapped_column(default=True, info={"label": _("Taken")})

    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id", ondelete="RESTRICT"), index=True, info={"label": _("Organisational unit")})
    language_id: Mapped[int | None] = _code(_("Language"))
    category_id: Mapped[int | None] = _code(_("Category"))
    funding_id: Mapped[int | None] = _code(_("Funding source"))
    rac_type_id: Mapped[int | None] = _code(_("Kind of recognition (RAC)"))
    delivery_mode_id: Mapped[int | None] = _code(_("Distance learning"))
    # field -> {"by": name, "at": instant}: who has set aside what the field would inherit
    overrides: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict, server_default=text("'{}'"))

    prerequisites_id: Mapped[int | None] = _code(_("Prerequisites"))
    assignment_state_id: Mapped[int | None] = _code(_("State of assignment"))
    assignment_priority: Mapped[int] = mapped_column(default=0, info={"label": _("Priority of assignment")})
    substitution_id: Mapped[int | None] = _code(_("Meant as a substitution"))
    alternative_number: Mapped[str] = mapped_column(String(_REFERENCE), default="", info={"label": _("Alternative number")})
    parent_course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id", ondelete="RESTRICT"), index=True, info={"label": _("Parent [course]")})

    mark: Mapped[int | None] = mapped_column(info={"label": _p("enrolment", "Mark")})
    weighted_mark: Mapped[Decimal | None] = mapped_column(Numeric(6, 3), info={"label": _("Weighted mark")})
    group_average: Mapped[Decimal | None] = mapped_column(Numeric(6, 3), info={"label": _("Average of [the group]")})
    remark_id: Mapped[int | None] = _code(_p("enrolment", "Remark"))
    absences: Mapped[int | None] = mapped_column(info={"label": _p("enrolment", "Absences")})
    r_score: Mapped[Decimal | None] = mapped_column(Numeric(6, 3), info={"label": _("R score")})
    r_thirds: Mapped[int | None] = mapped_column(info={"label": _("Units of the R score")})
    r_mean: Mapped[Decimal | None] = mapped_column(Numeric(6, 3), info={"label": _("Mean of the marks of the R score")})
    retake_id: Mapped[int | None] = _code(_("Right to a re-sit"))
    outcome: Mapped[Outcome] = mapped_column(choice_column(Outcome), default=Outcome.none, info={"label": _p("enrolment", "Result")})

    study_situation_id: Mapped[int | None] = _code(_("Situation of studies"))
    partner_id: Mapped[int | None] = _code(_("Partner organisation"))
    partner_course: Mapped[str] = mapped_column(String(_REFERENCE), default="", info={"label": _("[Course] in the partner organisation")})

    census_status_id: Mapped[int | None] = _code(_("Census status"))
    census_by: Mapped[str] = mapped_column(default="", info={"label": _("Census by")})
    census_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Day of the census")})
    census_reason: Mapped[str] = mapped_column(String(LONGEST_REASON), default="", info={"label": _("Reason of the correction")})

    enrolment_sent: Mapped[Transmission | None] = mapped_column(choice_column(Transmission), info={"label": _("Transmission of the registration")})
    enrolment_sent_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Registration last sent on")})
    funding_sent: Mapped[Transmission | None] = mapped_column(choice_column(Transmission), info={"label": _("Transmission of the funding")})
    funding_sent_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Funding last sent on")})
    result_sent: Mapped[Transmission | None] = mapped_column(choice_column(Transmission), info={"label": _("Transmission of the result")})
    result_sent_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Result last sent on")})

    session_record: Mapped[SessionRecord] = relationship(info={"label": _("[Session record]")})
    student: Mapped[Student] = relationship(info={"label": _("[Student]")})
    term: Mapped[Term] = relationship(info={"label": _p("session_record", "Session")})
    course: Mapped[Course] = relationship(foreign_keys=[course_id], info={"label": _("[Course]")})
    parent_course: Mapped[Course | None] = relationship(foreign_keys=[parent_course_id], info={"label": _("Parent [course]")})
    org_unit: Mapped[OrgUnit | None] = relationship(info={"label": _("Organisational unit")})
    language: Mapped[CodeValue | None] = relationship(foreign_keys=[language_id], info={"label": _("Language")})
    category: Mapped[CodeValue | None] = relationship(foreign_keys=[category_id], info={"label": _("Category")})
    funding: Mapped[CodeValue | None] = relationship(foreign_keys=[funding_id], info={"label": _("Funding source")})
    rac_type: Mapped[CodeValue | None] = relationship(foreign_keys=[rac_type_id], info={"label": _("Kind of recognition (RAC)")})
    delivery_mode: Mapped[CodeValue | None] = relationship(foreign_keys=[delivery_mode_id], info={"label": _("Distance learning")})
    prerequisites: Mapped[CodeValue | None] = relationship(foreign_keys=[prerequisites_id], info={"label": _("Prerequisites")})
    assignment_state: Mapped[CodeValue | None] = relationship(foreign_keys=[assignment_state_id], info={"label": _("State of assignment")})
    substitution: Mapped[CodeValue | None] = relationship(foreign_keys=[substitution_id], info={"label": _("Meant as a substitution")})
    remark: Mapped[CodeValue | None] = relationship(foreign_keys=[remark_id], info={"label": _p("enrolment", "Remark")})
    retake: Mapped[CodeValue | None] = relationship(foreign_keys=[retake_id], info={"label": _("Right to a re-sit")})
    study_situation: Mapped[CodeValue | None] = relationship(foreign_keys=[study_situation_id], info={"label": _("Situation of studies")})
    partner: Mapped[CodeValue | None] = relationship(foreign_keys=[partner_id], info={"label": _("Partner organisation")})
    census_status: Mapped[CodeValue | None] = relationship(foreign_keys=[census_status_id], info={"label": _("Census status")})
    # the line of the correspondence that its course and group are in (features S2-13)
    correspondence: Mapped[RacGroup | None] = relationship(
        primaryjoin=lambda: and_(foreign(Enrolment.course_id) == remote(RacGroup.course_id), foreign(Enrolment.group_number) == remote(RacGroup.number)),
        viewonly=True,
        uselist=False,
    )

    def __str__(self) -> str:
        return " ".join(part for part in (self.course.number if self.course else "", self.group_number or "") if part)

    # -- values

    @validates("group_number")
    def _read_group(self, _key: str, value: str | None) -> str:
        return read_group_number(value) if (value or "").strip() else ""

    @validates(*CODES)
    def _check_code(self, key: str, value: CodeValue | None) -> CodeValue | None:
        return of_list(value, CODES[key])

    @validates("mark")
    def _check_mark(self, _key: str, value: int | None) -> int | None:
        if value is not None and not 0 <= value <= 100:
            raise Refusal(_("The mark %(value)s is not between 0 and 100. Correct it."), value=value)
        return value

    @validates("weighted_mark", "group_average", "r_mean")
    def _check_hundred(self, key: str, value: Decimal | None) -> Decimal | None:
        if value is not None and not 0 <= value <= 100:
            label = Enrolment.__mapper__.attrs[key].columns[0].info["label"]
            raise Refusal(_("%(field)s: %(value)s is not between 0 and 100. Correct it."), field=str(label), value=value)
        return value

    @validates("r_score")
    def _check_score(self, _key: str, value: Decimal | None) -> Decimal | None:
        if value is not None and not 0 <= value <= 60:
            raise Refusal(_("The R score %(value)s is not between 0 and 60. Correct it."), value=value)
        return value

    @validates("r_thirds")
    def _check_units(self, _key: str, value: int | None) -> int | None:
        if value is not None and not 0 <= value <= MOST:
            raise Refusal(_("The units of the R score are between 0 and 99. Correct them."))
        return value

    @validates("absences", "assignment_priority")
    def _check_count(self, key: str, value: int | None) -> int | None:
        if value is not None and not 0 <= value <= 999:
            label = Enrolment.__mapper__.attrs[key].columns[0].info["label"]
            raise Refusal(_("%(field)s: %(value)s is not between 0 and 999. Correct it."), field=str(label), value=value)
        return 0 if value is None and key == "assignment_priority" else value

    @validates("alternative_number", "partner_course")
    def _tidy_reference(self, _key: str, value: str | None) -> str:
        return tidy(value or "", limit=_REFERENCE).upper()

    # -- what is inherited

    def inherited(self, field: str) -> Any:
        """What a field holds when nobody sets it aside: the unit of the admission, the language of the record, the category of the course, the
        kind that the correspondence gives to the group, else the usual code of the list.
        """
        kind = self.correspondence.rac_type if field == "rac_type" and self.correspondence is not None else None
        return inherited_value(object_session(self) or object_session(self.session_record), field, self.session_record, self.course, kind)

    def value(self, field: str) -> Any:
        """What counts: the row's own value, else the inherited one."""
        own = getattr(self, field)
        return own if own is not None else self.inherited(field)

    def override(self, field: str, value: Any) -> None:
        """Set aside what a field inherits, for this registration only; who and when is kept (features S2-15). Refused: a field that inherits nothing,
        no value.
        """
        if field not in INHERITED:
            raise Refusal(_("This field inherits nothing: change it in the form."))
        if value is None:
            raise Refusal(_("Choose the value that takes the place of the inherited one."))
        setattr(self, field, value)
        self.sign(field)

    def sign(self, field: str) -> None:
        """Keep who has set a field aside, and when."""
        self.overrides = {**(self.overrides or {}), field: {"by": WHO.get().name, "at": utcnow().isoformat()}}

    def inherit(self, field: str) -> None:
        """Take the inherited value back, of a field or of a transmission. Refused: when nothing is set aside."""
        if field not in (*INHERITED, *TELLING_FIELDS) or getattr(self, field) is None:
            raise Refusal(_("Nothing is set aside here: the field already holds its inherited value."))
        setattr(self, field, None)
        self.overrides = {name: kept for name, kept in (self.overrides or {}).items() if name != field}

    # -- transmissions

    @property
    def without_result(self) -> bool:
        """Whether no mark is recorded for its kind of recognition (EE SR)."""
        kind = self.value("rac_type")
        return kind is not None and kind.code == WITHOUT_RESULT

    @property
    def transmitted(self) -> bool:
        """Whether anything of it was ever sent."""
        return any(getattr(self, one.day) is not None for one in Telling)

    def transmission(self, telling: Telling) -> Transmission:
        """Where a telling stands: what somebody said, else what follows from the registration."""
        said: Transmission | None = getattr(self, telling.state)
        return said if said is not None else self.usual_transmission(telling)

    def usual_transmission(self, telling: Telling) -> Transmission:
        """Where a telling stands when nobody says otherwise."""
        has_result = self.mark is not None or self.remark is not None
        return usual(
            telling,
            assigned=bool(self.taken and self.group_number),
            confirmed=self.census_on is not None,
            has_result=has_result,
            without_result=self.without_result and not has_result,
        )

    def set_transmission(self, kind: Telling, state: Transmission, on: dt.date) -> None:
        """Say where a telling stands; "sent" is dated with this day. Refused: to send or sent while there is nothing to tell, refused by the ministry
        without having been sent.
        """
        if state in (Transmission.to_send, Transmission.sent) and self.usual_transmission(kind) is not Transmission.to_send:
            raise Refusal(_("%(name)s: there is nothing to send yet. Complete the registration first."), name=str(self))
        if state is Transmission.refused and getattr(self, kind.day) is None:
            raise Refusal(_("%(name)s was never sent: the ministry cannot have refused it. Choose “Sent” first."), name=str(self))
        check_year(on)
        setattr(self, kind.state, state)
        if state is Transmission.sent:
            setattr(self, kind.day, on)
        self.sign(kind.state)

    # -- census and result

    def confirm_presence(self, by: str, on: dt.date) -> None:
        """The student really attends: confirmed by whom, on which day of the school. Refused: what is not taken or has no group, twice."""
        if not self.taken or not self.group_number:
            raise Refusal(_("%(name)s has no [group]: only who attends one is counted. Give it its [group] first."), name=str(self))
        if self.census_on is not None:
            raise Refusal(_("The presence of %(student)s in %(name)s is confirmed already."), student=self.student.name, name=str(self))
        self._count("1", by, on, "")

    def correct_census(self, reason: str, by: str = "") -> None:
        """Take a confirmed presence back, with who says so and why. Refused: without a reason, when nothing is confirmed."""
        why = tidy(reason or "", limit=LONGEST_REASON)
        if not why:
            raise Refusal(_("A correction of the census needs its reason. Write it in one line."))
        if self.census_on is None:
            nothing = _("The presence of %(student)s in %(name)s is not confirmed: there is nothing to correct.")
            raise Refusal(nothing, student=self.student.name, name=str(self))
        self._count("0", by, None, why)

    def _count(self, code: str, by: str, on: dt.date | None, reason: str) -> None:
        session = object_session(self)
        if session is not None:
            self.census_status = known_code(session, CodeList.census_status, code, self.school_id)
        self.census_by, self.census_on, self.census_reason = by, on, reason

    def enter_result(self, mark: int | None, remark: CodeValue | None) -> None:
        """The result: a mark, a remark, both (a failed course has both) or none. Refused: a mark where none is recorded (EE SR)."""
        self.mark, self.remark = mark, remark

    def copy(self, session_record: SessionRecord) -> Enrolment:
        """The same in another session record, without result, absences, census and transmissions (features section 0). Refused: what was not taken."""
        if not self.taken:
            raise Refusal(_("%(name)s was not taken: it holds only its remark, which is never copied."), name=str(self))
        session = object_session(self)
        if session is None:
            raise ValueError("the registration must be in a session")
        values = {key: getattr(self, key) for key in COPIED}
        kept = {field: who for field, who in (self.overrides or {}).items() if field in INHERITED}
        made = Enrolment(school_id=self.school_id, session_record=session_record, overrides=kept, extra=dict(self.extra or {}), **values)
        made.census_status = known_code(session, CodeList.census_status, "0", self.school_id)
        session.add(made)
        return made


def inherited_value(session: Session | None, field: str, record: SessionRecord, course: Course | None, kind: CodeValue | None) -> Any:
    """What a registration of this record for this course inherits in a field; `kind` is that of its group in the correspondence."""
    if field == "org_unit":
        return record.admission.org_unit
    if field == "language" and record.language is not None:
        return record.language
    if field == "category":
        return course.category if course else None
    if field == "rac_type" and kind is not None:
        return kind
    return default_code(session, CODES[field], record.school_id) if session is not None else None


def transmitted_clause() -> Any:
    """The clause: something of it was ever sent."""
    return or_(Enrolment.enrolment_sent_on.is_not(None), Enrolment.funding_sent_on.is_not(None), Enrolment.result_sent_on.is_not(None))


def with_shown() -> tuple[Any, ...]:
    """What a list of registrations shows, in as many statements as for one. The codes come from the session: ask `models.codes.read_codes` first."""
    record = joinedload(Enrolment.session_record)
    return (
        joinedload(Enrolment.student),
        joinedload(Enrolment.term),
        joinedload(Enrolment.course),
        joinedload(Enrolment.correspondence),
        record.joinedload(SessionRecord.admission).options(joinedload(Admission.org_unit), joinedload(Admission.programme), joinedload(Admission.grid)),
        record.joinedload(SessionRecord.student),
        record.joinedload(SessionRecord.term),
    )


def _figure(value: Any, *where: Any) -> Any:
    wanted = select(value).select_from(Enrolment.__table__.join(Course.__table__, Course.__table__.c.id == Enrolment.__table__.c.course_id))
    return wanted.where(Enrolment.__table__.c.session_record_id == SessionRecord.id, *where).correlate(SessionRecord.__table__).scalar_subquery()


# The figures of a record (features S2-38 to S2-40): tables, not classes, so that whoever sees the record sees all of its figures.
_rows, _courses = Enrolment.__table__.c, Course.__table__.c
_FIGURES: dict[str, tuple[Any, Any]] = {
    "registered": (_p("session_record", "IC"), _figure(func.count(_rows.id), _rows.taken)),
    "hours": (_p("session_record", "Hours"), _figure(func.coalesce(func.sum(_courses.weekly_hours), 0), _rows.taken, _rows.group_number != "")),
}
for _name, _label, _outcome in (
    ("thirds_in_progress", _("Units in progress"), Outcome.in_progress),
    ("thirds_passed", _("Units passed"), Outcome.passed),
    ("thirds_failed", _("Units failed"), Outcome.failed),
):
    _sum = func.coalesce(func.sum(case((_rows.outcome == _outcome, _courses.unit_thirds), else_=0)), 0)
    _FIGURES[_name] = (_label, _figure(_sum))
for _name, (_label, _clause) in _FIGURES.items():
    setattr(SessionRecord, _name, column_property(_clause, deferred=True, group="figures", info={"label": _label}))
