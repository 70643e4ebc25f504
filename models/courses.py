"""What is taught: courses, the grids that gather them for a cohort, and which group number of a course stands for which kind of recognition."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Index, String, Table, UniqueConstraint, event, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, validates

from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.codes import CodeList, CodeValue
from models.course_numbers import LONGEST, read_course_number, read_group_number
from models.custom import Extensible
from models.retiring import Retirable
from models.school import School
from models.scope import SchoolScoped
from models.studies import OrgUnit, Programme
from models.values import tidy
from models.words import _, _p

_REFERENCE = 30  # signs of a number in somebody else's list

grid_course = Table(
    "grid_course",
    Base.metadata,
    Column("grid_id", ForeignKey("grid.id", ondelete="CASCADE"), primary_key=True),
    Column("course_id", ForeignKey("course.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Course(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible, Retirable):
    """A course of the school's catalogue. `unit_thirds` counts units by thirds (models/units.py), `weekly_hours` whole hours of a week."""

    __tablename__ = "course"
    __table_args__ = (
        UniqueConstraint("school_id", "number"),
        Index("ix_course_school_title", "school_id", "title", "id"),
        Index("ix_course_official", "school_id", "official_number"),
    )

    number: Mapped[str] = mapped_column(String(LONGEST), info={"label": _p("course", "Number"), "typed_length": 40})
    title: Mapped[str] = mapped_column(info={"label": _p("course", "Title")})
    discipline: Mapped[str] = mapped_column(default="", info={"label": _("Title of the discipline")})
    official_number: Mapped[str] = mapped_column(String(_REFERENCE), default="", info={"label": _("Official number")})
    sobec_number: Mapped[str] = mapped_column(String(_REFERENCE), default="", info={"label": _("SOBEC number")})
    objective: Mapped[str] = mapped_column(String(_REFERENCE), default="", info={"label": _("Number of the objective")})
    unit_thirds: Mapped[int | None] = mapped_column(info={"label": _("Units")})
    weekly_hours: Mapped[int | None] = mapped_column(info={"label": _("Hours a week")})
    category_id: Mapped[int | None] = mapped_column(ForeignKey("code_value.id", ondelete="RESTRICT"), index=True, info={"label": _("Category")})

    category: Mapped[CodeValue | None] = relationship(info={"label": _("Category")})
    grids: Mapped[list[Grid]] = relationship(secondary=grid_course, back_populates="courses", info={"label": _("Grids")})

    def __str__(self) -> str:
        return f"{self.number} – {self.title}"

    @validates("number")
    def _tidy_number(self, _key: str, value: str | None) -> str:
        """Capitals, one line; the shape that the country of the school asks for is checked before the row is written."""
        return read_course_number(value, None)

    @validates("title")
    def _need_title(self, _key: str, value: str | None) -> str:
        title = tidy(value or "")
        if not title:
            raise Refusal(_("[The course] needs a title. Type it."))
        return title

    @validates("official_number", "sobec_number", "objective")
    def _tidy_reference(self, _key: str, value: str | None) -> str:
        return tidy(value or "", limit=_REFERENCE).upper()

    @validates("weekly_hours")
    def _check_hours(self, _key: str, value: int | None) -> int | None:
        if value is not None and not 0 <= value <= 99:
            raise Refusal(_("The hours of a week are between 0 and 99. Correct them."))
        return value

    @validates("category")
    def _check_category(self, _key: str, value: CodeValue | None) -> CodeValue | None:
        return of_list(value, CodeList.course_category)


@event.listens_for(Course, "before_insert")
@event.listens_for(Course, "before_update")
def _settle_number(_mapper: Any, connection: Connection, row: Course) -> None:
    """The number as the country of its school writes it. Refuses another shape in Québec."""
    if inspect(row).attrs.number.history.has_changes():
        row.number = read_course_number(row.number, connection.scalar(select(School.country).where(School.id == row.school_id)))


def of_list(value: CodeValue | None, code_list: CodeList) -> CodeValue | None:
    """The code itself. Refused: one of another list."""
    if value is not None and value.code_list is not code_list:
        raise Refusal(_("The code %(code)s belongs to another list. Choose one of the list %(name)s."), code=str(value), name=str(code_list.label))
    return value


class Grid(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible, Retirable):
    """The version of a programme that a cohort follows (JEE0K-17R-RA), with its courses."""

    __tablename__ = "grid"
    __table_args__ = (UniqueConstraint("school_id", "code"),)

    code: Mapped[str] = mapped_column(String(40), info={"label": _p("grid", "Code")})
    title: Mapped[str] = mapped_column(default="", info={"label": _p("grid", "Title")})
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id", ondelete="RESTRICT"), index=True, info={"label": _("[Programme]")})
    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id", ondelete="RESTRICT"), index=True, info={"label": _("Organisational unit")})

    programme: Mapped[Programme] = relationship(info={"label": _("[Programme]")})
    org_unit: Mapped[OrgUnit | None] = relationship(info={"label": _("Organisational unit")})
    courses: Mapped[list[Course]] = relationship(secondary=grid_course, back_populates="grids", order_by=Course.number, info={"label": _("[Courses]")})

    def __str__(self) -> str:
        return self.code

    @validates("code")
    def _tidy_code(self, _key: str, value: str | None) -> str:
        """Capitals, one line; which grids exist is the school's business."""
        code = tidy(value or "", limit=40).upper()
        if not code or set(code) & set("<>"):
            raise Refusal(_("The grid needs a code of letters, figures and dashes, as in JEE0K-17R-RA. Type it."))
        return code

    @validates("title")
    def _tidy_title(self, _key: str, value: str | None) -> str:
        return tidy(value or "")


class RacGroup(Base, Identified, SchoolScoped, Stamped, Versioned):
    """One line of the correspondence between courses and groups: the fictitious group of a course that stands for a kind of recognition."""

    __tablename__ = "rac_group"
    __table_args__ = (UniqueConstraint("school_id", "course_id", "number"),)
    __named_by__ = ("course",)

    course_id: Mapped[int] = mapped_column(ForeignKey("course.id", ondelete="CASCADE"), index=True, info={"label": _("[Course]")})
    number: Mapped[str] = mapped_column(String(10), info={"label": _("Number of [the group]"), "typed_length": 20})
    rac_type_id: Mapped[int] = mapped_column(ForeignKey("code_value.id", ondelete="RESTRICT"), index=True, info={"label": _("Kind of recognition (RAC)")})

    course: Mapped[Course] = relationship(info={"label": _("[Course]")})
    rac_type: Mapped[CodeValue] = relationship(info={"label": _("Kind of recognition (RAC)")})

    def __str__(self) -> str:
        return f"{self.course.number} · {self.number}" if self.course else self.number

    @validates("number")
    def _read_number(self, _key: str, value: str | None) -> str:
        return read_group_number(value)

    @validates("rac_type")
    def _check_type(self, _key: str, value: CodeValue | None) -> CodeValue | None:
        return of_list(value, CodeList.rac_type)


def proposed_type(session: Session, course_id: int, group_number: str) -> CodeValue | None:
    """The kind of recognition that the number of a group stands for in a course (features S2-13); None when the correspondence does not say."""
    line = select(CodeValue).join(RacGroup, RacGroup.rac_type_id == CodeValue.id)
    return session.scalar(line.where(RacGroup.course_id == course_id, RacGroup.number == read_group_number(group_number)))
