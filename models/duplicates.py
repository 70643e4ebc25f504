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
from models.scope import WHO, SchoolScoped, current_school_id
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


def _alike_guardians() -> Any:
    """(first, second) of one name with one phone, one e-mail or one child, each found by its own index: where many bear one name, looking
    at every two of them takes minutes in a long list. Of the tables, which no scope limits: `pairs` asks for both again.
    """
    school_id = current_school_id()

    def two() -> tuple[Any, Any, list[Any]]:
        a, b = Guardian.__table__.alias(), Guardian.__table__.alias()
        clauses = [b.c.school_id == a.c.school_id, b.c.name_key == a.c.name_key, a.c.name_key != "", b.c.id - a.c.id > 0]
        return a, b, clauses if school_id is None else [a.c.school_id == school_id, *clauses]

    found = []
    a, b, clauses = two()
    found.append(select(a.c.id.label("first"), b.c.id.label("second")).where(*clauses, a.c.phone_e164 != "", b.c.phone_e164 == a.c.phone_e164))
    a, b, clauses = two()
    t = Guardian.__table__.c
    mail, here = func.lower(t.email), [] if school_id is None else [t.school_id == school_id]
    twice = select(t.school_id, t.name_key, mail.label("mail")).where(*here, t.email != "").group_by(t.school_id, t.name_key, mail).having(func.count() > 1)
    same = twice.subquery()
    by_mail = [a.c.school_id == same.c.school_id, a.c.name_key == same.c.name_key, *(func.lower(one.c.email) == same.c.mail for one in (a, b))]
    found.append(select(a.c.id, b.c.id).where(*by_mail, *clauses))
    a, b, clauses = two()
    mine, theirs = GuardianLink.__table__.alias(), GuardianLink.__table__.alias()
    tied = (theirs.c.student_id == mine.c.student_id, theirs.c.guardian_id > mine.c.guardian_id, a.c.id == mine.c.guardian_id, b.c.id == theirs.c.guardian_id)
    found.append(select(a.c.id, b.c.id).where(*tied, *clauses))
    return union(*found).subquery()


def pairs(model: Any) -> Select[Any]:
    """(first, second) identifiers of every pair to look at, by name; the scope of whoever asks applies to both."""
    a, b, apart = aliased(model), aliased(model), APART[model]
    if model is Student:
        alike = [
            b.school_id == a.school_id,
            b.name_key == a.name_key,
            b.id - a.id > 0,  # (a difference, not `b.id > a.id`: SQLite would walk the keys instead of the names)
            a.name_key.in_(_names_of_students()),
            or_(a.born_on == b.born_on, a.born_on.is_(None), b.born_on.is_(None)),
        ]
    else:
        found = _alike_guardians()
        alike = [a.id == found.c.first, b.id == found.c.second]
    said = exists().where(or_(and_(apart.first_id == a.id, apart.second_id == b.id), and_(apart.first_id == b.id, apart.second_id == a.id)))
    return (
        select(a.id.label("first"), b.id.label("second"))
        # (no `.join`: SQLAlchemy would not adapt the scope's criteria to an alias that is joined)
        .where(*alike, ~said.correlate(a, b))
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
