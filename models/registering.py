"""Many candidates registered for one course and group at once: who they are, what would become of each, then all of it or nothing.

A piece of 500 people costs as many statements as one (tests/test_registering.py counts them).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from models.admissions import OPEN, Admission, AdmissionStatus
from models.among import among
from models.base import Choice, Refusal, fold
from models.course_numbers import read_group_number
from models.courses import Course, grid_course, proposed_type
from models.enrolments import Enrolment
from models.journal import record_rows
from models.people import Student, StudentStatus
from models.session_records import SessionRecord, not_registrable
from models.studies import Season, Term
from models.words import _, _p

PIECE = 500
NAMESAKES = 12  # people offered for one name that was typed
_NAMES_AT_ONCE = 25  # typed names that one statement looks for
_SUMMER, _AUTUMN = 6, 8  # the months in which these terms of a college begin


class Fate(Choice):
    """What becomes of somebody on the list."""

    register = "register", _("To be registered"), "ok"
    assign = "assign", _("Gets the [group]"), "ok"
    choose = "choose", _("To choose"), "warn"
    there = "there", _p("registering", "Already registered"), "mute"
    refused = "refused", _p("registering", "Left out"), "bad"


READY = (Fate.register, Fate.assign)


@dataclass(frozen=True)
class Place:
    """Where people are registered: the term, the course, the number of the group in five figures."""

    term: Term
    course: Course
    group: str

    @classmethod
    def of(cls, term: Term, course: Course, group: str) -> Place:
        """Refused: a course that is no longer offered, no number of a group."""
        if course.retired_at is not None:
            raise Refusal(_("%(name)s is no longer offered. Choose another."), name=str(course))
        return cls(term, course, read_group_number(group))

    def __str__(self) -> str:
        return f"{self.course.number} · {self.group}"

    def kind(self, session: Session) -> Any:
        """The kind of recognition that the correspondence gives to the group; None where it does not say."""
        return proposed_type(session, self.course.id, self.group)


@dataclass
class Line:
    """Somebody on the list: who it is, under which admission, what becomes of them and why."""

    text: str = ""  # as it was typed, where it names nobody or several people
    student: Student | None = None
    namesakes: Sequence[Student] = ()
    admissions: Sequence[Admission] = ()  # the active ones
    admission: Admission | None = None
    record: SessionRecord | None = None
    choice: Enrolment | None = None  # the course choice that waits for its group
    fate: Fate = Fate.refused
    reason: Any = ""

    @property
    def name(self) -> str:
        """Who it is, or what was typed."""
        return str(self.student) if self.student is not None else self.text


@dataclass
class Done:
    """What was written, and who was left out with the reason."""

    registered: int = 0
    assigned: int = 0
    records: int = 0
    there: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Registrations that are new or got their group."""
        return self.registered + self.assigned


def pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Five hundred at a time."""
    for start in range(0, len(rows), PIECE):
        yield rows[start : start + PIECE]


# --- who was typed -----------------------------------------------------------------------------------------------------------------


def _plain(number: str) -> str:
    return "".join(sign for sign in number if sign.isalnum()).upper()


def find_people(session: Session, texts: Sequence[str]) -> dict[str, list[Student]]:
    """typed text -> the people it names: by a number, national or local, spaces and dashes left aside; else by words of the name.

    A number that two people bear, or a name, may give several; those who have left come last.
    """
    found: dict[str, list[Student]] = {text: [] for text in texts}
    numbers: dict[str, list[str]] = {}  # as it is looked up -> the ways in which it was typed
    for text in found:
        numbers.setdefault(_plain(text), []).append(text)
    numbers.pop("", None)
    for some in pieces(list(numbers)):
        local = func.replace(func.replace(Student.local_id, "-", ""), " ", "")
        known = or_(Student.national_id.in_(some), func.upper(local).in_(some))
        for one in session.scalars(select(Student).where(known).order_by(Student.search_key)):
            for number in {_plain(one.national_id or ""), _plain(one.local_id)} & set(some):
                for text in numbers[number]:
                    found[text].append(one)
    names = [text for text, people in found.items() if not people and any(sign.isalpha() for sign in text)]
    for start in range(0, len(names), _NAMES_AT_ONCE):
        found |= _named(session, names[start : start + _NAMES_AT_ONCE])
    return {text: sorted(people, key=lambda one: one.status is StudentStatus.left) for text, people in found.items()}


def _words(text: str) -> list[str]:
    return fold(text.replace(",", " ")).split()[:6]


def _named(session: Session, texts: Sequence[str]) -> dict[str, list[Student]]:
    """Each word begins a word of the name; whoever bears exactly that name is taken alone."""
    wanted = [and_(*(Student.search_key.contains(word, autoescape=True) for word in _words(text))) for text in texts if _words(text)]
    if not wanted:
        return {}
    rows = session.scalars(select(Student).where(or_(*wanted)).order_by(Student.search_key).limit(PIECE)).all()
    found = {}
    for text in texts:
        words = _words(text)
        people = [one for one in rows if _bears(one, words)]
        exact = [one for one in people if sorted(words) == sorted(_words(f"{one.family_name} {one.given_name}"))]
        found[text] = (exact or people)[:NAMESAKES]
    return found


def _bears(student: Student, words: Iterable[str]) -> bool:
    parts = fold(f"{student.family_name} {student.given_name} {student.usage_name}".replace("-", " ")).split()
    return all(any(part.startswith(piece) for part in parts) for word in words for piece in word.replace("-", " ").split())


# --- what would become of them -------------------------------------------------------------------------------------------------------


def judge(session: Session, place: Place, students: Sequence[int], chosen: Mapping[int, int] | None = None) -> list[Line]:
    """What would become of each of these people; reads only. `chosen` says the admission of whoever has several.

    Of several active admissions the only one whose grid holds the course is proposed.
    """
    holding = set(session.scalars(select(grid_course.c.grid_id).where(grid_course.c.course_id == place.course.id)))
    return [line for some in pieces(list(dict.fromkeys(students))) for line in _judged(session, place, some, chosen or {}, holding)]


def _judged(session: Session, place: Place, ids: Sequence[int], chosen: Mapping[int, int], holding: set[int]) -> list[Line]:
    people = {one.id: one for one in session.scalars(select(Student).where(among(Student.id, ids)))}
    shown = (joinedload(Admission.programme), joinedload(Admission.grid), joinedload(Admission.org_unit))
    admissions: dict[int, list[Admission]] = {}
    for one in session.scalars(select(Admission).where(among(Admission.student_id, list(people))).options(*shown).order_by(Admission.id.desc())):
        admissions.setdefault(one.student_id, []).append(one)
    lines = [_admitted(people[i], admissions.get(i, []), chosen.get(i), holding) for i in ids if i in people]
    under = [line.admission.id for line in lines if line.admission is not None]
    wanted = select(SessionRecord).where(SessionRecord.term_id == place.term.id, among(SessionRecord.admission_id, under))
    records = {one.admission_id: one for one in session.scalars(wanted)} if under else {}
    taken: dict[int, list[Enrolment]] = {}
    if records:
        there = select(Enrolment).where(Enrolment.course_id == place.course.id, among(Enrolment.session_record_id, [one.id for one in records.values()]))
        for row in session.scalars(there.options(joinedload(Enrolment.remark)).order_by(Enrolment.id)):
            taken.setdefault(row.session_record_id, []).append(row)
    for line in lines:
        if line.admission is not None:
            line.record = records.get(line.admission.id)
            _settle(line, place, taken.get(line.record.id, []) if line.record is not None else [])
    return lines


def _admitted(student: Student, admissions: Sequence[Admission], chosen: int | None, holding: set[int]) -> Line:
    """Under which admission: the chosen one, the only one, the only one whose grid holds the course."""
    active = [one for one in admissions if one.status is AdmissionStatus.active]
    line = Line(student=student, admissions=active)
    if not active:
        other = next((one for one in admissions if one.status in OPEN), admissions[0] if admissions else None)
        line.reason = not_registrable(student, other)
        return line
    fitting = [one for one in active if one.grid_id in holding]
    line.admission = next((one for one in active if one.id == chosen), None) or (active[0] if len(active) == 1 else None)
    line.admission = line.admission or (fitting[0] if len(fitting) == 1 else None)
    if line.admission is None:
        line.fate, line.reason = Fate.choose, _("Several active admissions: choose the one.")
    return line


def _settle(line: Line, place: Place, rows: Sequence[Enrolment]) -> None:
    """What the registrations of the same course in the same session record let happen."""
    waiting = next((row for row in rows if row.taken and not row.group_number), None)
    assigned = next((row for row in rows if row.taken and row.group_number), None)
    recognised = next((row for row in rows if not row.taken), None)
    if assigned is not None:
        line.fate, line.reason = Fate.there, _("Registered already, [group] %(group)s.", group=assigned.group_number)
    elif recognised is not None:
        remark = recognised.remark.code if recognised.remark else ""
        line.reason = _("%(course)s is recognised already (%(remark)s), it is not taken. Delete that line first.", course=place.course.number, remark=remark)
    elif waiting is not None:
        line.fate, line.choice, line.reason = Fate.assign, waiting, _("The [course] was chosen: it gets its [group].")
    else:
        line.fate = Fate.register
        line.reason = "" if line.record is not None else _("Gets a [session record] %(term)s.", term=str(place.term))


# --- doing it -----------------------------------------------------------------------------------------------------------------------


def register(session: Session, place: Place, lines: Sequence[Line]) -> Done:
    """Register whoever is ready, in the caller's transaction: session records where they are missing, then the registrations; the others are told."""
    done = Done(there=sum(line.fate is Fate.there for line in lines))
    done.left = [(line.name, str(line.reason)) for line in lines if line.fate in (Fate.choose, Fate.refused)]
    for some in pieces([line for line in lines if line.fate in READY]):
        earlier = _places(session, [line.admission.id for line in some if line.admission is not None and line.record is None])
        written = []
        for line in some:
            if line.admission is None:
                continue
            if line.record is None:
                line.record = SessionRecord.fresh(session, line.admission, place.term, earlier.get(line.admission.id, ()))
                done.records += 1
            if line.choice is not None:
                line.choice.group_number = place.group
                done.assigned += 1
            else:
                line.choice = Enrolment(school_id=line.admission.school_id, session_record=line.record, course=place.course, group_number=place.group)
                session.add(line.choice)
                done.registered += 1
            written.append(line.choice)
        session.flush()
        record_rows(session, "register_many", "enrolment", [row.id for row in written])
    return done


def _places(session: Session, admissions: Sequence[int]) -> dict[int, list[int]]:
    """admission -> where its session records stand among the terms."""
    found: dict[int, list[int]] = {}
    if admissions:
        wanted = select(SessionRecord.admission_id, Term.place).join(Term, Term.id == SessionRecord.term_id)
        for admission, place in session.execute(wanted.where(among(SessionRecord.admission_id, admissions))):
            found.setdefault(admission, []).append(place)
    return found


def not_begun(term: Term, on: dt.date) -> bool:
    """Whether a term is still to come: by its first day, else by the calendar of a college; a trimester without days, by its year."""
    if term.begins_on is not None:
        return term.begins_on > on
    return term.place > _of_calendar(on).place if term.season.of_calendar_year else term.year > on.year


def _of_calendar(on: dt.date) -> Term:
    season = Season.winter if on.month < _SUMMER else Season.summer if on.month < _AUTUMN else Season.autumn
    return Term(year=on.year, season=season)


def present_term(session: Session, on: dt.date) -> Term | None:
    """The term of a day: the one whose days hold it, else the latest that has begun by the calendar of a college, else the first to come."""
    terms = session.scalars(select(Term).order_by(Term.place.desc()).limit(60)).all()
    held = next((one for one in terms if one.begins_on and one.ends_on and one.begins_on <= on <= one.ends_on), None)
    now = _of_calendar(on).place
    return held or next((one for one in terms if one.place <= now), terms[-1] if terms else None)
