"""The school years: one is current; the others are past or to come."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, today
from models.custom import Extensible
from models.school import Country, School
from models.scope import SchoolScoped, current_school_id
from models.values import tidy
from models.words import _, _p

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOTICE = dt.timedelta(days=30)  # before its end, from when on people are told to change the year
SHORTEST, LONGEST = dt.timedelta(days=90), dt.timedelta(days=550)


class YearState(Choice):
    """Where a school year stands."""

    current = "current", _p("school year", "Current"), "ok"
    past = "past", _p("school year", "Past"), "mute"
    to_come = "to_come", _p("school year", "To come"), "info"


class SchoolYear(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """From the first to the last day of a year, both included. `current` changes by the change of school year only."""

    __tablename__ = "school_year"
    __table_args__ = (UniqueConstraint("school_id", "name"), Index("ix_school_year_begins", "school_id", "begins_on"))

    name: Mapped[str] = mapped_column(String(40), info={"label": _p("school year", "Name")})
    begins_on: Mapped[dt.date] = mapped_column(info={"label": _("First day")})
    ends_on: Mapped[dt.date] = mapped_column(info={"label": _("Last day")})
    current: Mapped[bool] = mapped_column(default=False, info={"label": _("Current year")})

    def __str__(self) -> str:
        return self.name

    @validates("name")
    def _need_name(self, _key: str, value: str | None) -> str:
        name = tidy(value or "", limit=40)
        if not name:
            raise Refusal(_("The school year needs a name, such as 2026-2027. Type one."))
        return name

    @property
    def start(self) -> int:
        """The calendar year in which it begins: what certificates write."""
        return self.begins_on.year

    def state_among(self, now: SchoolYear | None) -> YearState:
        """Current, past or to come, as the current year of the school says."""
        if self.current:
            return YearState.current
        return YearState.to_come if now is not None and self.begins_on > now.begins_on else YearState.past

    def check_days(self, session: Session, known: SchoolYear | None = None, before: SchoolYear | None = None) -> None:
        """Refused: a year that ends before it begins or lasts too little or too long, and one that overlaps another.

        `known` is the recorded year that this one stands for, `before` one that may not be recorded yet.
        """
        if not SHORTEST <= self.ends_on - self.begins_on <= LONGEST:
            raise Refusal(_("A school year lasts between three and eighteen months. Correct its first or its last day."))
        with session.no_autoflush:
            crossing = select(SchoolYear).where(SchoolYear.begins_on <= self.ends_on, SchoolYear.ends_on >= self.begins_on)
            other = session.scalars(crossing.where(SchoolYear.school_id == self.school_id) if self.school_id else crossing).all()
        if before is not None and before.id is None and before.ends_on >= self.begins_on and before.begins_on <= self.ends_on:
            other = [*other, before]
        found = next((year for year in other if year is not self and year is not known), None)
        if found is not None:
            raise Refusal(_("These days overlap those of %(name)s. Change the first or the last day of one of the two."), name=found.name)

    def settle(self, session: Session) -> None:
        """Judge the days; where no year is current yet, the one that covers today is. Refused: as `check_days` does."""
        self.check_days(session)
        with session.no_autoflush:
            school = session.get(School, self.school_id or current_school_id())
            if school is not None and self.begins_on <= today(school.time_zone) <= self.ends_on and current_year(session) is None:
                self.current = True


def current_year(session: Session) -> SchoolYear | None:
    """The current school year of the school in scope; None where nobody has recorded one."""
    return session.scalar(select(SchoolYear).where(SchoolYear.current.is_(True)).order_by(SchoolYear.begins_on.desc()).limit(1))


def usual_days(start: int, country: Country) -> tuple[dt.date, dt.date]:
    """First and last day of the year that begins in `start`: 1 September to 31 August in France, 1 July to 30 June in Québec."""
    month = 7 if country is Country.CA else 9
    return dt.date(start, month, 1), dt.date(start + 1, month, 1) - dt.timedelta(days=1)


def usual_year(school: School, start: int) -> SchoolYear:
    """The year of a school that begins in `start`, as the country has it; not added to any session."""
    begins_on, ends_on = usual_days(start, school.country)
    return SchoolYear(school_id=school.id, name=f"{start}-{start + 1}", begins_on=begins_on, ends_on=ends_on)
