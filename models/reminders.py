"""Reminders: what somebody wrote down for themselves, about a student or not, for a day (features S2-17).

They are their author's alone (models/reach.py, AUTHOR_ONLY): no role reads a colleague's, nor does whoever looks at the screens as them.
No history tells them either: a note to oneself is no fact of the school, and its text stands in this row only.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index, Select, String, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship, validates

from models.access import User
from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, utcnow
from models.people import Student
from models.scope import SchoolScoped
from models.values import check_year, one_line, visible
from models.words import _, _p

LONGEST_TEXT = 200


class Due(Choice):
    """How a reminder stands against a day."""

    late = "late", _p("reminder", "Late"), "bad"
    today = "today", _p("reminder", "Today"), "warn"
    later = "later", _p("reminder", "Later"), "mute"
    done = "done", _p("reminder", "Done"), "ok"


class Reminder(Base, Identified, SchoolScoped, Stamped, Versioned):
    """One thing to do, by the person who wrote it down. It goes with its student, and follows when two records become one."""

    __tablename__ = "reminder"
    __journal__ = False  # a note to oneself
    __table_args__ = (Index("ix_reminder_mine", "school_id", "requested_by_id", "done_at", "due_on"),)

    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    student_id: Mapped[int | None] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _p("reminder", "About")})
    text: Mapped[str] = mapped_column(String(LONGEST_TEXT), info={"label": _p("reminder", "What to do"), "private": True})
    due_on: Mapped[dt.date] = mapped_column(info={"label": _p("reminder", "For the")})
    done_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _p("reminder", "Done on")})

    requested_by: Mapped[User] = relationship()
    student: Mapped[Student | None] = relationship(info={"label": _p("reminder", "About")})

    def __str__(self) -> str:
        return self.text or ""

    @validates("text")
    def _need_text(self, _key: str, value: str | None) -> str:
        """One line, tidied. Refused: nothing, more than 200 signs."""
        tidy = " ".join(visible(one_line(value or "")).split())
        if not tidy:
            raise Refusal(_("A reminder says what to do. Type it in a few words."))
        if len(tidy) > LONGEST_TEXT:
            raise Refusal(_("A reminder has at most %(longest)d characters. Shorten it."), longest=LONGEST_TEXT)
        return tidy

    @validates("due_on")
    def _need_day(self, _key: str, value: dt.date | None) -> dt.date:
        """Refused: no day, a year that no record has."""
        if value is None:
            raise Refusal(_("A reminder is for a day. Choose it."))
        check_year(value)
        return value

    def done(self) -> None:
        """It leaves the home page. Refused twice."""
        if self.done_at is not None:
            raise Refusal(_("This reminder is already done."))
        self.done_at = utcnow()

    def reopen(self) -> None:
        """It comes back to the home page. Refused unless done."""
        if self.done_at is None:
            raise Refusal(_("This reminder is still to do."))
        self.done_at = None

    def due(self, today: dt.date) -> Due:
        """How it stands on this day of the school."""
        if self.done_at is not None:
            return Due.done
        return Due.late if self.due_on < today else Due.today if self.due_on == today else Due.later


def to_do(user_id: int | None) -> Select[Reminder]:
    """What somebody has still to do, the oldest first, with the students."""
    mine = select(Reminder).where(Reminder.requested_by_id == user_id, Reminder.done_at.is_(None))
    return mine.options(joinedload(Reminder.student)).order_by(Reminder.due_on, Reminder.id)
