"""Records that may be of the same person, found by names whatever their spelling, and the pairs that somebody has set apart.

Students: the same names and the same date of birth, or one date unknown. Guardians: the same names and the same phone, e-mail or
child. Nothing is merged by guess: a person looks at each pair. Groups of equal names are read from an index (`ix_student_twin`,
`ix_guardian_twin`), and only the rows of these groups are joined.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Select, UniqueConstraint, and_, case, exists, func, or_, select, union
from sqlalchemy.orm import Mapped, Session, aliased, joinedload, mapped_column, relationship

from models.access import User
from models.base import Base, Choice, Identified, Refusal, utcnow
from models.journal import record_rows, screen_of
from models.people import Guardian, GuardianLink, Student
from models.scope import WHO, SchoolScoped
from models.words import _

SHOWN = 1_000  # pairs that are counted; beyond, "more than 1,000"
COUNTED = 20_000  # records of a list above which the home page does not look for pairs: their own page does


class Reason(Choice):
    """Why two records may be of the same person."""

    birth = "birth", _("Same date of birth"), "warn"
    unknown_birth = "unknown_birth", _("A date of birth is missing"), "info"
    phone = "phone", _("Same phone"), "warn"
    email = "email", _("Same e-mail"), "warn"
    child = "child", _("Same child"), "warn"


class StudentsApart(Base, Identified, SchoolScoped):
    """Two students of whom somebody has said that they are not the same person."""

    __tablename__ = "students_apart"
    __table_args__ = (UniqueConstraint("first_id", "second_id"),)
    __named_by__ = ("first", "second")

    first_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"))
    second_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True)
    said_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    said_at: Mapped[dt.datetime] = mapped_column(default=utcnow)

    first: Mapped[Student] = relationship(foreign_keys=[first_id])
    second: Mapped[Student] = relationship(foreign_keys=[second_id])
    said_by: Mapped[User | None] = relationship()

    def __str__(self) -> str:
        return f"{self.first_id} – {self.second_id}"


class GuardiansApart(Base, Identified, SchoolScoped):
    """Two guardians of whom somebody has said that they are not the same person."""

    __tablename__ = "guardians_apart"
    __table_args__ = (UniqueConstraint("first_id", "second_id"),)
    __named_by__ = ("first", "second")

    first_id: Mapped[int] = mapped_column(ForeignKey("guardian.id", ondelete="CASCADE"))
    second_id: Mapped[int] = mapped_column(ForeignKey("guardian.id", ondelete="CASCADE"), index=True)
    said_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    said_at: Mapped[dt.datetime] = mapped_column(default=utcnow)

    first: Mapped[Guardian] = relationship(foreign_keys=[first_id])
    second: Mapped[Guardian] = relationship(foreign_keys=[second_id])
    said_by: Mapped[User | None] = relationship()

    def __str__(self) -> str:
        return f"{self.first_id} – {self.second_id}"


APART: dict[type, Any] = {Student: StudentsApart, Guardian: GuardiansApart}


# --- the pairs -------------------------------------------------------------------------------------------------------------------


def _names_of_students() -> Any:
    """Names that at least two students bear on one birthday, or of whom one has no birthday."""
    named = select(Student.name_key).where(Student.name_key != "")
    same_day = named.where(Student.born_on.is_not(None)).group_by(Student.name_key, Student.born_on).having(func.count() > 1)
    no_day = named.group_by(Student.name_key).having(func.count() > 1, func.count() > func.count(Student.born_on))
    return union(same_day, no_day)


def _names_of_guardians() -> Any:
    return select(Guardian.name_key).where(Guardian.name_key != "").group_by(Guardian.name_key).having(func.count() > 1)


def _share_a_child(a: Any, b: Any) -> Any:
    mine, theirs = aliased(GuardianLink), aliased(GuardianLink)
    return exists().where(mine.guardian_id == a.id, theirs.guardian_id == b.id, theirs.student_id == mine.student_id).correlate(a, b)


def pairs(model: Any) -> Select[Any]:
    """(first, second) identifiers of every pair to look at, by name; the scope of whoever asks applies to both."""
    a, b, apart = aliased(model), aliased(model), APART[model]
    if model is Student:
        names = _names_of_students()
        alike = or_(a.born_on == b.born_on, a.born_on.is_(None), b.born_on.is_(None))
    else:
        names = _names_of_guardians()
        same_phone = and_(a.phone_e164 == b.phone_e164, a.phone_e164 != "")
        same_email = and_(func.lower(a.email) == func.lower(b.email), a.email != "")
        alike = or_(same_phone, same_email, _share_a_child(a, b))
    said = exists().where(or_(and_(apart.first_id == a.id, apart.second_id == b.id), and_(apart.first_id == b.id, apart.second_id == a.id)))
    return (
        select(a.id.label("first"), b.id.label("second"))
        # (no `.join`: SQLAlchemy would not adapt the scope's criteria to an alias that is joined)
        # (a difference, not `b.id > a.id`: SQLite would walk the keys instead of the names)
        .where(b.school_id == a.school_id, b.name_key == a.name_key, b.id - a.id > 0)
        .where(a.name_key.in_(names), alike, ~said.correlate(a, b))
        .order_by(a.name_key, a.id, b.id)
    )


def due_pairs(model: Any) -> Select[Any]:
    """The same for the home page; none in a list that is too long to be walked through each time."""
    size = select(func.count(model.id)).scalar_subquery()
    return pairs(model).order_by(None).limit(case((size <= COUNTED, SHOWN), else_=0))  # a limit of none is known before the first row


def doubles_clause(model: Any) -> Any:
    """The SQL of "may be of the same person as another record"."""
    found = pairs(model).order_by(None).cte()
    return or_(model.id.in_(select(found.c.first)), model.id.in_(select(found.c.second)))


def how_many(session: Session, model: Any) -> int:
    """How many pairs wait, counted up to `SHOWN` and one."""
    return session.scalar(select(func.count()).select_from(pairs(model).order_by(None).limit(SHOWN + 1).subquery())) or 0


def page_of_pairs(session: Session, model: Any, page: int, size: int, *options: Any) -> list[tuple[Any, Any]]:
    """The records of one page of pairs; two statements."""
    ids = [tuple(row) for row in session.execute(pairs(model).limit(size).offset(page * size))]
    wanted = {i for pair in ids for i in pair}
    rows = {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)).options(*options))} if wanted else {}
    return [(rows[a], rows[b]) for a, b in ids if a in rows and b in rows]


def reason(a: Any, b: Any) -> Reason:
    """Why this pair is shown."""
    if isinstance(a, Student):
        return Reason.birth if a.born_on is not None and a.born_on == b.born_on else Reason.unknown_birth
    if a.phone_e164 and a.phone_e164 == b.phone_e164:
        return Reason.phone
    return Reason.email if a.email and a.email.lower() == b.email.lower() else Reason.child


# --- not the same person ---------------------------------------------------------------------------------------------------------


def set_apart(session: Session, first: Any, second: Any) -> None:
    """Remember that two records are of two people, in the caller's transaction: the pair is not proposed again. Twice changes nothing."""
    if type(first) is not type(second) or first.id == second.id:
        raise Refusal(_("A merge takes two different records of one list. Choose the other one."))
    table = APART[type(first)]
    low, high = sorted((first.id, second.id))
    either = or_(and_(table.first_id == low, table.second_id == high), and_(table.first_id == high, table.second_id == low))
    if session.scalar(select(table.id).where(either)) is None:
        session.add(table(first_id=low, second_id=high, said_by_id=WHO.get().user_id))
        record_rows(session, "set_apart", screen_of(first.__mapper__), [low, high])
        session.flush()


def propose_again(session: Session, pair: Any) -> None:
    """Forget that two records are of two people."""
    record_rows(session, "propose_again", screen_of(pair.first.__mapper__), [pair.first_id, pair.second_id])
    session.delete(pair)
    session.flush()


def said_apart(session: Session, model: Any, page: int, size: int) -> list[Any]:
    """The pairs that were set apart, the latest first."""
    table = APART[model]
    shown = (joinedload(table.first), joinedload(table.second), joinedload(table.said_by))
    return list(session.scalars(select(table).options(*shown).order_by(table.id.desc()).limit(size).offset(page * size)))


def how_many_apart(session: Session, model: Any) -> int:
    """How many pairs were set apart."""
    return session.scalar(select(func.count(APART[model].id))) or 0
