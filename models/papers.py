"""Papers that the school certifies: numbered year by year without a gap or a double, with what was certified, so that they can be
printed again as they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, undefer

from models.base import Base, Choice, Identified, choice_column, today, utcnow
from models.class_lists import class_order, pieces
from models.people import Student, StudentStatus
from models.rights import may
from models.school import Country, Level, School
from models.school_year import SchoolYear
from models.scope import WHO, SchoolScoped
from models.studies import Season, Term
from models.words import _


class PaperKind(Choice):
    """What a paper certifies; each kind has its own numbers."""

    enrolment = "enrolment", _("Certificate of enrolment"), "info"
    registration = "registration", _("Registration confirmation"), "note"


# Who may issue a kind may also print it again, beside the right on the register itself.
ISSUED_BY: dict[PaperKind, tuple[str, str]] = {
    PaperKind.enrolment: ("student", "print_certificate"),
    PaperKind.registration: ("session_record", "print_confirmation"),
}


class IssuedPaper(Base, Identified, SchoolScoped):
    """One paper, as it was certified. Nothing of it changes but the count of its printings.

    Its lines in the history are the verbs' own (`print_certificate` about the student, `print_again` about the paper).
    """

    __tablename__ = "issued_paper"
    __journal__ = False
    __table_args__ = (UniqueConstraint("school_id", "kind", "year", "number"), Index("ix_issued_paper_school", "school_id", "id"))

    kind: Mapped[PaperKind] = mapped_column(choice_column(PaperKind), info={"label": _("Paper")})
    year: Mapped[int] = mapped_column()  # calendar year of issue
    number: Mapped[int] = mapped_column()
    reference: Mapped[str] = mapped_column(info={"label": _("Number")})  # as it is written and looked for: 2026-0012
    # A number is never given twice, so that the row outlives the student's.
    student_id: Mapped[int | None] = mapped_column(ForeignKey("student.id", ondelete="SET NULL"), index=True)
    issued_on: Mapped[dt.date] = mapped_column(info={"label": _("Issued on")})
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    issued_by: Mapped[str] = mapped_column(default="", info={"label": _("Issued by")})
    language: Mapped[str] = mapped_column(info={"label": _("Language")})
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    job_id: Mapped[int | None] = mapped_column(index=True)  # which piece of work made it: a job begun again finds its own papers
    printed_count: Mapped[int] = mapped_column(default=0, info={"label": _("Printed")})
    printed_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Last printed on")})

    student: Mapped[Student | None] = relationship(info={"label": _("[Student]")})

    def __str__(self) -> str:
        return self.reference

    @property
    def holder(self) -> str:
        """Whom it is about, as it says."""
        return f"{self.facts['family_name']}, {self.facts['given_names']}"

    @property
    def school_year(self) -> str:
        """The school year that it is about, or the term."""
        if "term" in self.facts:
            year, season = self.facts["term"]
            return str(Term(year=year, season=Season[season]))
        return year_words(self.facts["year"])


def school_year(day: dt.date, country: Country) -> int:
    """The calendar year in which the school year of this day began: 1 September in France, 1 July in Québec (its Education Act)."""
    first = 7 if country is Country.CA else 9
    return day.year if day.month >= first else day.year - 1


def year_words(start: int) -> str:
    """A school year as people write it: 2026-2027."""
    return f"{start}-{start + 1}"


@dataclass
class Certifiable:
    """Whom a certificate can be given to, and by name those whom it cannot, or who have one already."""

    ids: list[int] = field(default_factory=list)
    unborn: list[str] = field(default_factory=list)  # no date of birth: the paper would not say who it is about
    gone: list[str] = field(default_factory=list)  # left on an unknown day: nothing certain can be said
    former: list[str] = field(default_factory=list)  # left: the paper says until when
    again: list[str] = field(default_factory=list)  # already have one of this school year


def certifiable(session: Session, ids: Sequence[int], start: int) -> Certifiable:
    """Sort a selection, class by class and name by name. `start` is the school year's first calendar year."""
    found = Certifiable()
    s = Student
    columns = (s.id, s.family_name, s.given_name, s.search_key, s.homeroom_name, Level.rank, s.born_on, s.status, s.left_on)
    order: dict[int, tuple[Any, ...]] = {}
    for piece in pieces(ids):
        issued = _holders(session, piece, start)
        statement = select(*columns).outerjoin(Level, Level.id == s.level_id).where(s.id.in_(piece)).order_by(s.search_key, s.id)
        for number, family, given, key, room, rank, born_on, status, left_on in session.execute(statement):
            name = f"{family}, {given}"
            if born_on is None:
                found.unborn.append(name)
            elif status is StudentStatus.left and left_on is None:
                found.gone.append(name)
            else:
                found.ids.append(number)
                order[number] = class_order(rank, room, key, number)
                if status is StudentStatus.left:
                    found.former.append(name)
                if number in issued:
                    found.again.append(name)
    found.ids.sort(key=order.__getitem__)
    return found


def _holders(session: Session, ids: Sequence[int], start: int) -> set[int | None]:
    """Who of these has a certificate of the school year; asked of the calendar years that it touches."""
    p = IssuedPaper
    rows = session.execute(select(p.student_id, p.facts).where(p.student_id.in_(ids), p.kind == PaperKind.enrolment, p.year.between(start - 1, start + 1)))
    return {number for number, facts in rows if facts.get("year") == start}


def issue(
    session: Session,
    ids: Sequence[int],
    *,
    school: School,
    job_id: int,
    language: str,
    start: int,
    within: ColumnElement[bool] | None = None,
) -> list[IssuedPaper]:
    """The certificates of these students, numbered, in the caller's transaction; those that this job made already, when it did.

    Students whom no certificate can be given to are left out (`certifiable`). `within` narrows them to a verb's own reach.
    """

    def papers() -> Iterable[tuple[int, str, dict[str, Any]]]:
        ready = certifiable(session, ids, start).ids
        years = session.scalars(select(SchoolYear).where(SchoolYear.school_id == school.id)).all()
        return ((student.id, language, _facts(student, school, start, years)) for student in _students(session, ready, within))

    return numbered(session, PaperKind.enrolment, school=school, job_id=job_id, papers=papers)


def numbered(
    session: Session, kind: PaperKind, *, school: School, job_id: int, papers: Callable[[], Iterable[tuple[int, str, dict[str, Any]]]]
) -> list[IssuedPaper]:
    """Papers of one kind, numbered, in the caller's transaction; those that this job made already, when it did.

    `papers` gives (student, language, facts), asked for once nobody else numbers: the lock on the school's row makes the numbers follow each
    other; the table's unique key is the second wall.
    """
    session.execute(select(School.id).where(School.id == school.id).with_for_update(key_share=True))
    made = of_job(session, job_id)
    if made:
        return made
    day, who = today(school.time_zone), WHO.get()
    # Asked of the table, which no scope limits: the next number follows the papers of everybody.
    t = IssuedPaper.__table__
    last = session.scalar(select(func.max(t.c.number)).where(t.c.school_id == school.id, t.c.kind == kind, t.c.year == day.year)) or 0
    for student_id, language, facts in papers():
        last += 1
        row = IssuedPaper(
            school_id=school.id,
            kind=kind,
            year=day.year,
            number=last,
            reference=f"{day.year}-{last:04d}",
            student_id=student_id,
            issued_on=day,
            issued_by_id=who.user_id,
            issued_by=who.name,
            language=language,
            facts=facts,
            job_id=job_id,
        )
        session.add(row)
        made.append(row)
    session.flush()
    return made


def again_kinds(roles: Iterable[str]) -> list[PaperKind]:
    """The kinds that somebody with these roles may print again: those that they may issue."""
    held = list(roles)
    return [kind for kind, right in ISSUED_BY.items() if may(held, *right)]


def reprintable(session: Session, ids: Sequence[int], roles: Iterable[str], within: ColumnElement[bool] | None = None) -> list[int]:
    """Of these papers, those that somebody with these roles may print again. `within` narrows them to the verb's own reach."""
    kinds = again_kinds(roles)
    found: list[int] = []
    for piece in pieces(ids):
        statement = select(IssuedPaper.id).where(IssuedPaper.id.in_(piece), IssuedPaper.kind.in_(kinds))
        found += session.scalars(statement if within is None else statement.where(within))
    return found


def of_job(session: Session, job_id: int) -> list[IssuedPaper]:
    """The papers that a job made, in the order of their numbers."""
    return list(session.scalars(select(IssuedPaper).where(IssuedPaper.job_id == job_id).order_by(IssuedPaper.year, IssuedPaper.number)))


def printed(session: Session, ids: Sequence[int]) -> None:
    """Count one printing of each: from the second on, a paper says that it is a duplicate."""
    for piece in pieces(ids):
        values = {"printed_count": IssuedPaper.printed_count + 1, "printed_at": utcnow()}
        session.execute(update(IssuedPaper).where(IssuedPaper.id.in_(piece)).values(values), execution_options={"synchronize_session": False})


def _students(session: Session, ids: Sequence[int], within: ColumnElement[bool] | None) -> Iterable[Student]:
    """These students, in this order."""
    for piece in pieces(ids):
        statement = select(Student).where(Student.id.in_(piece)).options(joinedload(Student.level), undefer(Student.homeroom_name))
        found = {row.id: row for row in session.scalars(statement if within is None else statement.where(within))}
        yield from (found[number] for number in piece if number in found)


def who_says_of_whom(school: School, student: Student) -> dict[str, str]:
    """The head of every numbered paper: the school and who signs, the names of the student."""
    return {
        "school": school.name,
        "code": school.official_code,
        "town": school.town,
        "head_name": school.head_name,
        "head_title": school.head_title,
        "family_name": student.family_name,
        "given_names": " ".join(part for part in (student.given_name, student.middle_names) if part),
        "usage_name": student.usage_name,
    }


def _facts(student: Student, school: School, start: int, years: Sequence[SchoolYear]) -> dict[str, Any]:
    """What the paper says, as plain values. The least that the reader needs: no identifier, no address, no guardian (data minimisation).

    Who has left was there in the recorded year that covers that day; where none does, in that of the country's rule.
    """
    left_on = student.left_on if student.status is StudentStatus.left else None
    return {
        **who_says_of_whom(school, student),
        "born_on": student.born_on.isoformat() if student.born_on else "",
        "level": student.level.name if student.level else "",
        "class": student.homeroom_name or "",
        "year": _year_of(left_on, school, years) if left_on else start,
        "until": left_on.isoformat() if left_on else "",
    }


def _year_of(day: dt.date, school: School, years: Sequence[SchoolYear]) -> int:
    return next((year.start for year in years if year.begins_on <= day <= year.ends_on), school_year(day, school.country))
