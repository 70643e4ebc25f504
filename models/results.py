"""The results of a group of a course, typed one under the other; and the presence of its candidates, confirmed together.

A group is a term, a course and a number of five figures. What somebody else changed meanwhile is told and left as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from models.base import Refusal
from models.codes import CodeList, CodeValue, read_codes
from models.courses import Course
from models.enrolments import Enrolment, with_shown
from models.journal import record_rows
from models.people import Student
from models.studies import Season, Term
from models.words import _

MOST = 500  # rows of one page
NOTICE = dt.timedelta(days=30)  # before the census, from when on it is a thing to do
FIELDS = ("mark", "remark", "absences")
_LABELS = {name: Enrolment.__table__.c[column].info["label"] for name, column in zip(FIELDS, ("mark", "remark_id", "absences"), strict=True)}


# --- which groups -------------------------------------------------------------------------------------------------------------------


def in_groups() -> ColumnElement[bool]:
    """The clause: taken, and with a group."""
    return and_(Enrolment.taken, Enrolment.group_number != "")


def has_result() -> ColumnElement[bool]:
    """The clause: a mark or a remark stands there."""
    return or_(Enrolment.mark.is_not(None), Enrolment.remark_id.is_not(None))


def groups_of(term_id: int, clause: Any = None, text: str = "") -> Any:
    """The groups of a term in the order of their courses; one statement, to be cut into pages. `clause` narrows to the rows that the person reaches.

    Of each: course_id, number and title of the course, group; how many are registered, with_result, confirmed.
    """
    counted = (
        func.count(Enrolment.id).label("registered"),
        func.count(Enrolment.id).filter(has_result()).label("with_result"),
        func.count(Enrolment.id).filter(Enrolment.census_on.is_not(None)).label("confirmed"),
    )
    named = (Course.id.label("course_id"), Course.number, Course.title, Enrolment.group_number.label("group"))
    wanted = select(*named, *counted).join(Course, Course.id == Enrolment.course_id)
    wanted = wanted.where(Enrolment.term_id == term_id, in_groups())
    if clause is not None:
        wanted = wanted.where(clause)
    for word in text.split()[:6]:
        said = (column.icontains(word, autoescape=True) for column in (Course.number, Course.title))
        wanted = wanted.where(or_(Enrolment.group_number == word.zfill(5), *said))
    return wanted.group_by(Course.id, Course.number, Course.title, Enrolment.group_number).order_by(Course.number, Enrolment.group_number)


def terms_with_groups(clause: Any = None) -> Select[Term]:
    """The terms that hold registrations with a group, the latest first."""
    held = select(Enrolment.id).where(Enrolment.term_id == Term.id, in_groups())
    return select(Term).where((held if clause is None else held.where(clause)).exists()).order_by(Term.place.desc())


def rows_of(session: Session, term_id: int, course_id: int, group: str, clause: Any = None, *, lock: bool = False) -> list[Enrolment]:
    """The registrations of a group by name, at most five hundred, with what their grid shows; locked until the end of the transaction where asked."""
    read_codes(session)
    wanted = select(Enrolment).join(Student, Student.id == Enrolment.student_id)
    wanted = wanted.where(Enrolment.term_id == term_id, Enrolment.course_id == course_id, Enrolment.group_number == group, in_groups())
    if clause is not None:
        wanted = wanted.where(clause)
    if lock:
        wanted = wanted.with_for_update(of=Enrolment)
    return list(session.scalars(wanted.options(*with_shown()).order_by(Student.search_key, Enrolment.id).limit(MOST)))


# --- results ------------------------------------------------------------------------------------------------------------------------


class Typed(NamedTuple):
    """One line as it was typed, what it showed before, and the version of the row then."""

    version: int
    now: Mapping[str, str]
    was: Mapping[str, str]


@dataclass
class Saved:
    """What became of the lines: rows written; field -> sentence of the cells that are wrong; what somebody changed meanwhile; what is unusual; what
    was typed for rows that left the group meanwhile.
    """

    rows: list[int] = field(default_factory=list)
    wrong: dict[int, dict[str, str]] = field(default_factory=dict)
    clash: dict[int, str] = field(default_factory=dict)
    unusual: dict[int, str] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)


def shown(row: Enrolment) -> dict[str, str]:
    """What the cells of a row say: mark and absences in figures, the remark by its code."""
    return {"mark": _figures(row.mark), "remark": row.remark.code if row.remark is not None else "", "absences": _figures(row.absences)}


def _figures(value: int | None) -> str:
    return "" if value is None else str(value)


def read_mark(text: str, remarks: Iterable[str] = ()) -> int | None:
    """A mark as typed: a whole number from 0 to 100; None for nothing. Refused: anything else, with what to type instead."""
    plain = text.strip().rstrip("%").strip().replace(",", ".")
    if not plain:
        return None
    if plain.upper() in set(remarks):
        raise Refusal(_("“%(value)s” is a remark: choose it in the column of remarks, and empty the mark."), value=text.strip()[:20])
    whole, _dot, rest = plain.partition(".")
    if not whole.isdecimal() or not whole.isascii() or len(whole) > 9 or (rest and not rest.isdecimal()):
        raise Refusal(_("“%(value)s” is no mark. Type a whole number from 0 to 100."), value=text.strip()[:20])
    if rest.strip("0"):
        raise Refusal(_("The mark %(value)s is not whole. Round it to %(low)s or %(high)s."), value=text.strip()[:20], low=int(whole), high=int(whole) + 1)
    if int(whole) > 100:
        raise Refusal(_("The mark %(value)s is not between 0 and 100. Correct it."), value=int(whole))
    return int(whole)


def read_absences(text: str) -> int | None:
    """Absences as typed: a whole number up to 999; None for nothing. Refused: anything else."""
    plain = text.strip()
    if not plain:
        return None
    if not (plain.isdecimal() and plain.isascii()) or len(plain) > 3:
        raise Refusal(_("“%(value)s” is no number of absences. Type a whole number from 0 to 999."), value=plain[:20])
    return int(plain)


def offered_remarks(session: Session) -> list[CodeValue]:
    """The remarks that may be chosen, in their order."""
    return [one for (of, _code), one in read_codes(session).items() if of is CodeList.remark and one.retired_at is None]


def enter_results(session: Session, rows: Sequence[Enrolment], typed: Mapping[int, Typed]) -> Saved:
    """Write the lines that somebody changed, in the caller's transaction. A wrong cell, and a row that somebody else changed meanwhile, are left and
    told; the others are written all the same.
    """
    remarks = {one.code: one for (of, _code), one in read_codes(session).items() if of is CodeList.remark}
    saved = Saved()
    for row in rows:
        line = typed.get(row.id)
        if line is None or all(line.now[name].strip() == line.was[name] for name in FIELDS):
            continue
        if row.version != line.version and shown(row) != {name: line.now[name].strip() for name in FIELDS}:
            told = _("Somebody changed this line meanwhile: %(values)s. Yours is kept here; save again to put it in place.", values=_said(row))
            saved.clash[row.id] = str(told)
            continue
        if wrong := _write(row, line.now, remarks):
            saved.wrong[row.id] = wrong
        elif row in session.dirty and session.is_modified(row):
            saved.rows.append(row.id)
            if row.mark is not None and row.remark is not None:
                saved.unusual[row.id] = str(_("A mark and a remark: check that both are meant."))
    session.flush()
    record_rows(session, "enter_results", "enrolment", saved.rows)
    return saved


def lost_lines(session: Session, rows: Sequence[Enrolment], typed: Mapping[int, Typed], clause: Any = None) -> dict[int, str]:
    """Of the lines that somebody changed: those whose registration is in this group no more, with what was typed there and was not saved.

    `clause` narrows to the rows that the person reaches: of another, nothing is told but that it is gone.
    """
    here = {row.id for row in rows}
    gone = {number: line for number, line in typed.items() if number not in here and any(line.now[name].strip() != line.was[name] for name in FIELDS)}
    if not gone:
        return {}
    wanted = select(Enrolment.id, Enrolment.group_number).where(Enrolment.id.in_(gone), in_groups())
    moved = {one.id: one.group_number for one in session.execute(wanted if clause is None else wanted.where(clause))}
    told = {}
    for number, line in gone.items():
        values = ", ".join(f"{label} {line.now[name].strip() or _('empty')}" for name, label in _LABELS.items() if line.now[name].strip() != line.was[name])
        if number in moved:
            sentence = _("the registration is in [the group] %(group)s now. Not saved: %(values)s.", group=moved[number], values=values)
        else:
            sentence = _("the registration is no longer in [the group]. Not saved: %(values)s.", values=values)
        told[number] = str(sentence)
    return told


def _said(row: Enrolment) -> str:
    return ", ".join(value for value in shown(row).values() if value) or str(_("empty"))


def _write(row: Enrolment, now: Mapping[str, str], remarks: Mapping[str, CodeValue]) -> dict[str, str]:
    """Put the three values into the row; field -> sentence where one is wrong, and then nothing is put."""
    wrong: dict[str, str] = {}
    mark = absences = remark = None
    try:
        mark = read_mark(now["mark"], remarks)
        if mark is not None and row.without_result:
            raise Refusal(_("EE SR is given without a mark. Empty the mark, or change the kind."))
    except Refusal as refusal:
        wrong["mark"] = refusal.sentence
    try:
        absences = read_absences(now["absences"])
    except Refusal as refusal:
        wrong["absences"] = refusal.sentence
    code = now["remark"].strip().upper()
    if code:
        remark = remarks.get(code)
        if remark is None or (remark.retired_at is not None and remark is not row.remark):
            wrong["remark"] = Refusal(_("“%(value)s” is no remark of the list. Choose one."), value=code[:20]).sentence
    if not wrong:
        row.enter_result(mark, remark)
        row.absences = absences
    return wrong


def average(rows: Iterable[Enrolment]) -> tuple[float | None, int]:
    """The mean of the marks that are recorded, and how many there are; shown beside the grid, kept nowhere."""
    marks = [row.mark for row in rows if row.mark is not None]
    return (sum(marks) / len(marks) if marks else None), len(marks)


# --- presence at the census ----------------------------------------------------------------------------------------------------------


def confirm_presences(session: Session, rows: Sequence[Enrolment], chosen: Iterable[int], by: str, on: dt.date) -> list[int]:
    """Confirm those of these rows that are chosen, in the caller's transaction; which. Those that somebody confirmed meanwhile stay as they are."""
    wanted = set(chosen)
    done = []
    for row in rows:
        if row.id in wanted and row.census_on is None:
            row.confirm_presence(by, on)
            done.append(row.id)
    session.flush()
    record_rows(session, "confirm_presence", "enrolment", done)
    return done


def usual_days(on: dt.date) -> list[tuple[int, Season, dt.date]]:
    """(year, season, day) of the terms whose usual census comes within the notice."""
    found = [(on.year, season, Term(year=on.year, season=season).census_day) for season in (Season.winter, Season.autumn)]
    return [(year, season, day) for year, season, day in found if day is not None and on <= day <= on + NOTICE]


def due_terms(on: dt.date) -> ColumnElement[bool]:
    """The clause: terms whose census comes within a month from this day of the school on."""
    usual = [and_(Term.census_on.is_(None), Term.year == year, Term.season == season) for year, season, _day in usual_days(on)]
    return or_(Term.census_on.between(on, on + NOTICE), *usual)


def unconfirmed(on: dt.date) -> ColumnElement[bool]:
    """The clause: registrations whose presence is to be confirmed before the census that comes. What a correction took back is decided."""
    return and_(in_groups(), Enrolment.census_on.is_(None), Enrolment.census_reason == "", Enrolment.term_id.in_(select(Term.id).where(due_terms(on))))


def next_census(session: Session, on: dt.date) -> dt.date | None:
    """The nearest of these censuses."""
    days = [term.census_day for term in session.scalars(select(Term).where(due_terms(on)))]
    return min((day for day in days if day is not None), default=None)
