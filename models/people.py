"""Students, their guardians, the links between them, and the groups."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint, func, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column, object_session, query_expression, relationship, validates

from models.access import User
from models.base import Base, Identified, Refusal, Stamped, Versioned, choice_column, fold, today
from models.custom import Extensible
from models.folding import SearchKey
from models.names import Named
from models.people_kinds import Account as Account  # (the other modules take these words from here)
from models.people_kinds import Authority as Authority
from models.people_kinds import GroupCategory as GroupCategory
from models.people_kinds import LinkStatus as LinkStatus
from models.people_kinds import Relation as Relation
from models.people_kinds import Sex as Sex
from models.people_kinds import StudentStatus as StudentStatus
from models.school import Level, School
from models.scope import SchoolScoped
from models.studies import Programme
from models.words import N_, _

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


_WITH = text("user_id IS NOT NULL")  # of those with an account: with the others, SQLite would take "has none" for a handful of rows


group_member = Table(
    "student_group_member",
    Base.metadata,
    Column("group_id", ForeignKey("student_group.id", ondelete="CASCADE"), primary_key=True),
    Column("student_id", ForeignKey("student.id", ondelete="CASCADE"), primary_key=True, index=True),
)
group_share = Table(
    "student_group_share",
    Base.metadata,
    Column("group_id", ForeignKey("student_group.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Group(Base, Identified, SchoolScoped, Versioned, Extensible):
    """A set of students: a class, or any group that somebody made to write, print or give work at once."""

    __tablename__ = "student_group"
    __table_args__ = (UniqueConstraint("school_id", "name"), Index("ix_student_group_category", "school_id", "category", "name"))

    name: Mapped[str] = mapped_column(info={"label": _("Name of [the group]")})
    long_name: Mapped[str] = mapped_column(default="", info={"label": _("Full name")})
    category: Mapped[GroupCategory] = mapped_column(choice_column(GroupCategory), default=GroupCategory.other, info={"label": _("Category")})
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True, info={"label": _("Owner")})
    owner: Mapped[User | None] = relationship(info={"label": _("Owner")})
    members: Mapped[list[Student]] = relationship(secondary=group_member, back_populates="groups", info={"label": _("[Students]")})
    shared_with: Mapped[list[User]] = relationship(secondary=group_share, info={"label": _("Shared with")})

    def __str__(self) -> str:
        return self.name

    @validates("name")
    def _need_name(self, _key: str, value: str | None) -> str:
        """Spaces are tidied; a name is needed."""
        tidy = " ".join((value or "").split())
        if not tidy:
            raise Refusal(_("[The group] needs a name. Type one."))
        return tidy

    def share(self, people: list[User]) -> None:
        """Let colleagues see and use the group; those who already may are left as they are."""
        self.shared_with.extend(person for person in people if person not in self.shared_with and person.id != self.owner_id)

    def remove(self, student: Student) -> None:
        """Take a student out; for a class, the student is in no class afterwards. Refused for one who is not in it."""
        if self.category is GroupCategory.klass and student.homeroom_id == self.id:
            student.homeroom = None
        elif student in self.members:
            self.members.remove(student)
        else:
            raise Refusal(_("%(name)s is not in this [group]."), name=str(student))

    def deletion_problem(self) -> Refusal | None:
        """Why the group cannot go: a class with students in it; None when it can."""
        session = object_session(self)
        if session is None or self.category is not GroupCategory.klass:
            return None
        # Counted beneath the scope: a class is not empty because its students are not the person's own.
        inside = session.scalar(select(func.count()).select_from(Student.__table__).where(Student.__table__.c.homeroom_id == self.id)) or 0
        if not inside:
            return None
        return Refusal(
            N_(
                "%(name)s cannot be deleted: it is the class of %(num)d [student]. Move [the student] to another class first.",
                "%(name)s cannot be deleted: it is the class of %(num)d [students]. Move them to another class first.",
                inside,
                name=self.name,
            )
        )


class Student(Base, Identified, SchoolScoped, Stamped, Versioned, Named, Extensible):
    """A pupil, a college student, a candidate: one entity, which the school's glossary names."""

    __tablename__ = "student"
    __table_args__ = (
        Index("ix_student_search", "school_id", "search_key", "id"),
        Index("ix_student_school_status", "school_id", "status", "search_key", "id"),
        Index("ix_student_school_level", "school_id", "level_id", "status", "search_key", "id"),
        Index("ix_student_school_programme", "school_id", "programme_id", "status"),
        Index("ix_student_school_homeroom", "school_id", "homeroom_id", "status"),
        Index("ix_student_school_born", "school_id", "born_on", "id"),
        Index("ix_student_user_id", "user_id", sqlite_where=_WITH, postgresql_where=_WITH),
        Index("ix_student_twin", "school_id", "name_key", "born_on"),
        UniqueConstraint("school_id", "national_id"),
    )

    family_name: Mapped[str] = mapped_column(info={"label": _("Family name")})
    given_name: Mapped[str] = mapped_column(info={"label": _("Given name")})
    usage_name: Mapped[str] = mapped_column(default="", info={"label": _("Name in use")})
    middle_names: Mapped[str] = mapped_column(default="", info={"label": _("Other given names")})
    sex: Mapped[Sex | None] = mapped_column(choice_column(Sex), info={"label": _("Sex")})
    born_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Date of birth")})
    # None, never "", where unknown: two unknown identifiers are not the same identifier.
    national_id: Mapped[str | None] = mapped_column(info={"label": _("National identifier (INE, permanent code)")})
    local_id: Mapped[str] = mapped_column(default="", info={"label": _("Local number")})
    # The school year and the number in an official export ("2026/1500000"), by which the guardians of the same export find the student.
    source_ref: Mapped[str] = mapped_column(default="", info={"label": _("Number in SIECLE")})
    email: Mapped[str] = mapped_column(default="", info={"label": _("E-mail")})
    phone: Mapped[str] = mapped_column(default="", info={"label": _("Phone")})
    address1: Mapped[str] = mapped_column(default="", info={"label": _("Address")})
    address2: Mapped[str] = mapped_column(default="", info={"label": _("Address, continued")})
    postal_code: Mapped[str] = mapped_column(default="", info={"label": _("Postal code")})
    town: Mapped[str] = mapped_column(default="", info={"label": _("Town")})
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    status: Mapped[StudentStatus] = mapped_column(choice_column(StudentStatus), default=StudentStatus.active, info={"label": _("Status")})
    left_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Left on")})
    level_id: Mapped[int | None] = mapped_column(ForeignKey("level.id", ondelete="RESTRICT"), index=True, info={"label": _("[Level]")})
    programme_id: Mapped[int | None] = mapped_column(ForeignKey("programme.id", ondelete="RESTRICT"), index=True, info={"label": _("[Programme]")})
    homeroom_id: Mapped[int | None] = mapped_column(ForeignKey("student_group.id", ondelete="SET NULL"), index=True, info={"label": _("Class")})
    adviser_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True, info={"label": _("[Counsellor]")})
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    search_key: Mapped[str] = mapped_column(SearchKey, default="")

    school: Mapped[School] = relationship()
    level: Mapped[Level | None] = relationship(info={"label": _("[Level]")})
    programme: Mapped[Programme | None] = relationship(info={"label": _("[Programme]")})
    homeroom: Mapped[Group | None] = relationship(foreign_keys=[homeroom_id], info={"label": _("Class")})
    adviser: Mapped[User | None] = relationship(foreign_keys=[adviser_id], info={"label": _("[Counsellor]")})
    groups: Mapped[list[Group]] = relationship(secondary=group_member, back_populates="members", info={"label": _("[Groups]")})
    links: Mapped[list[GuardianLink]] = relationship(back_populates="student", cascade="all, delete-orphan", passive_deletes=False)
    # Filled only by a statement that asks for it: models/followed.py.
    access_word: Mapped[str | None] = query_expression(info={"label": _("Access")})
    account_word: Mapped[str | None] = query_expression(info={"label": _("Own account")})  # the same, as the next: models/student_accounts.py
    user_name: Mapped[str | None] = query_expression(info={"label": _("User name")})
    if TYPE_CHECKING:
        homeroom_name: Mapped[str | None]

    def __str__(self) -> str:
        return f"{self.family_name}, {self.given_name}"

    @property
    def hint(self) -> str:
        """The number that goes with the name."""
        return self.national_id or self.local_id

    @property
    def hints(self) -> tuple[str, dt.date | None]:
        """What tells namesakes apart in a look-up."""
        return self.hint, self.born_on

    @property
    def address_lines(self) -> list[str]:
        """The postal address, line by line, without empty lines."""
        return [line for line in (self.address1, self.address2, f"{self.postal_code} {self.town}".strip()) if line]

    @property
    def name(self) -> str:
        """Given name and family name, as one speaks of the person."""
        return f"{self.given_name} {self.family_name}"

    @validates("national_id")
    def _tidy_id(self, _key: str, value: str | None) -> str | None:
        """Stored without spaces, in capitals; an empty one is unknown."""
        return "".join((value or "").split()).upper() or None

    @validates("family_name", "given_name")
    def _need_name(self, _key: str, value: str | None) -> str:
        """Both names are needed; spelling is kept, spaces are tidied."""
        tidy = " ".join((value or "").split())
        if not tidy:
            raise Refusal(_("[The student] needs a family name and a given name. Fill in both."))
        return tidy

    def deactivate(self, on: dt.date | None = None) -> None:
        """The student leaves (today unless another day is given): records are kept, the status says so. Refused twice."""
        if self.status is StudentStatus.left:
            raise Refusal(_("%(name)s is already deactivated."), name=str(self))
        self.status = StudentStatus.left
        self.left_on = on or today(self.school.time_zone)

    def reactivate(self) -> None:
        """The student comes back."""
        if self.status is StudentStatus.active:
            raise Refusal(_("%(name)s is already active."), name=str(self))
        self.status = StudentStatus.active
        self.left_on = None

    def promote(self, level: Level, leave_class: bool = True) -> None:
        """Go to another level, out of the class unless it is kept. Refused for who has left, and to a level that is no longer offered."""
        if self.status is StudentStatus.left:
            raise Refusal(_("%(name)s has left: reactivate the record first."), name=str(self))
        if level.retired_at:
            raise Refusal(_("%(name)s is no longer offered. Choose another."), name=str(level))
        if self.level_id != level.id:
            self.level = level
            if leave_class:
                self.homeroom = None

    def add_to_group(self, group: Group) -> None:
        """Join a group; a class is the student's one class, any other group adds up. Twice changes nothing."""
        if group.category is GroupCategory.klass:
            self.homeroom = group
        elif group not in self.groups:
            self.groups.append(group)


# The class is told to whoever follows the student, even where the group is not theirs to open: a plain sub-query that no scope limits.
Student.homeroom_name = column_property(
    select(Group.__table__.c.name).where(Group.__table__.c.id == Student.homeroom_id).scalar_subquery(),
    deferred=True,
    info={"label": _("Class")},
)


class Guardian(Base, Identified, SchoolScoped, Stamped, Versioned, Named, Extensible):
    """A parent or other adult of one school's students; the same person in two schools is two guardians and one user."""

    __tablename__ = "guardian"
    __table_args__ = (
        Index("ix_guardian_search", "school_id", "search_key", "id"),
        Index("ix_guardian_twin", "school_id", "name_key", "phone_e164", "email"),
        Index("ix_guardian_school_town", "school_id", "town", "id"),
        Index("ix_guardian_user_id", "user_id", sqlite_where=_WITH, postgresql_where=_WITH),
        Index("ix_guardian_school_user", "school_id", "user_id", sqlite_where=_WITH, postgresql_where=_WITH),
    )

    title: Mapped[str] = mapped_column(default="", info={"label": _("Title (Mr, Ms)")})
    family_name: Mapped[str] = mapped_column(info={"label": _("Family name")})
    given_name: Mapped[str] = mapped_column(default="", info={"label": _("Given name")})
    email: Mapped[str] = mapped_column(default="", index=True, info={"label": _("E-mail")})
    phone: Mapped[str] = mapped_column(default="", info={"label": _("Phone")})
    phone_e164: Mapped[str] = mapped_column(default="")
    address1: Mapped[str] = mapped_column(default="", info={"label": _("Address")})
    address2: Mapped[str] = mapped_column(default="", info={"label": _("Address, continued")})
    postal_code: Mapped[str] = mapped_column(default="", info={"label": _("Postal code")})
    town: Mapped[str] = mapped_column(default="", info={"label": _("Town")})
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    search_key: Mapped[str] = mapped_column(SearchKey, default="")

    school: Mapped[School] = relationship()
    user: Mapped[User | None] = relationship(info={"label": _("Account")})
    links: Mapped[list[GuardianLink]] = relationship(back_populates="guardian", cascade="all, delete-orphan", passive_deletes=False)

    def __str__(self) -> str:
        return f"{self.family_name}, {self.given_name}" if self.given_name else self.family_name

    @property
    def account(self) -> Account:
        """Whether the guardian has signed up."""
        return Account.registered if self.user_id else Account.none

    @property
    def hint(self) -> str:
        """Where the person lives, or how to write to them."""
        return self.town or self.email

    @property
    def hints(self) -> tuple[str, ...]:
        """What tells namesakes apart in a look-up."""
        return (self.hint,)

    @property
    def name(self) -> str:
        """Given name and family name, as one speaks of the person."""
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def address_lines(self) -> list[str]:
        """The postal address, line by line, without empty lines."""
        return [line for line in (self.address1, self.address2, f"{self.postal_code} {self.town}".strip()) if line]


class GuardianLink(Base, Identified, SchoolScoped, Stamped, Versioned):
    """Who may follow which student, and since when not."""

    __tablename__ = "guardian_link"
    __table_args__ = (UniqueConstraint("student_id", "guardian_id"), Index("ix_guardian_link_school_status", "school_id", "status", "student_id"))
    __named_by__ = ("student", "guardian")

    student_id: Mapped[int] = mapped_column(ForeignKey("student.id", ondelete="CASCADE"), index=True, info={"label": _("[Student]")})
    guardian_id: Mapped[int] = mapped_column(ForeignKey("guardian.id", ondelete="CASCADE"), index=True, info={"label": _("[Guardian]")})
    relation: Mapped[Relation] = mapped_column(choice_column(Relation), default=Relation.other, info={"label": _("Tie")})
    authority: Mapped[Authority] = mapped_column(choice_column(Authority), default=Authority.legal, info={"label": _("Authority")})
    status: Mapped[LinkStatus] = mapped_column(choice_column(LinkStatus), default=LinkStatus.active, info={"label": _("Link")})
    suspended_reason: Mapped[str] = mapped_column(default="", info={"label": _("Reason"), "private": True})
    suspended_until: Mapped[dt.date | None] = mapped_column(info={"label": _("Suspended until")})

    student: Mapped[Student] = relationship(back_populates="links", info={"label": _("[Student]")})
    guardian: Mapped[Guardian] = relationship(back_populates="links", info={"label": _("[Guardian]")})

    def __str__(self) -> str:
        return f"{self.student_id} – {self.guardian_id}"

    def check_new(self, session: Session) -> None:
        """Refuse a second link of the same two; let a link beside a suspended one wait for a check (features section 0)."""
        with session.no_autoflush:  # or the new link would find itself
            beside = session.scalars(select(GuardianLink).where(GuardianLink.student_id == self.student.id)).all()
        if any(other.guardian_id == self.guardian.id for other in beside):
            raise Refusal(_("%(name)s already has a link with this [student]. Change that one."), name=str(self.guardian))
        if any(other.status is LinkStatus.suspended for other in beside):
            self.status = LinkStatus.to_check

    def suspend(self, reason: str, until: dt.date | None = None) -> None:
        """Close the access until the end of that day: the guardian sees and receives nothing. Refused without a reason, when already so,
        with a day that is over."""
        if not reason.strip():
            raise Refusal(_("A suspension needs its reason. Write it in one line."))
        if self.status is LinkStatus.suspended:
            raise Refusal(_("This link is already suspended."))
        if until is not None and until < today(self.student.school.time_zone):
            raise Refusal(_("This suspension would already be over. Choose its last day from today on, or leave it empty."))
        self.status, self.suspended_reason, self.suspended_until = LinkStatus.suspended, reason.strip(), until

    def reactivate(self) -> None:
        """Open the access again. Refused unless suspended."""
        if self.status is not LinkStatus.suspended:
            raise Refusal(_("This link is not suspended."))
        self.status, self.suspended_reason, self.suspended_until = LinkStatus.active, "", None

    def confirm(self) -> None:
        """Staff say that the link is right. Refused unless it is to check."""
        if self.status is not LinkStatus.to_check:
            raise Refusal(_("This link has nothing to check."))
        self.status = LinkStatus.active


def student_search_key(student: Student, guardians: list[Guardian]) -> str:
    """What the search box looks through: names, identifiers, the own phone, the guardians' names and phones, folded."""
    parts = [f"{student.family_name} {student.given_name}", student.usage_name or "", student.national_id or "", student.local_id or ""]
    parts.append("".join(c for c in student.phone or "" if c.isdigit()))
    for guardian in guardians:
        parts += [guardian.name, guardian.phone_e164 or "", "".join(c for c in guardian.phone or "" if c.isdigit())]
    return fold(" | ".join(part for part in parts if part))


def guardian_search_key(guardian: Guardian) -> str:
    """Names, e-mail and phone of a guardian, folded."""
    digits = "".join(c for c in guardian.phone or "" if c.isdigit())
    return fold(" | ".join(p for p in (f"{guardian.family_name} {guardian.given_name}", guardian.email, guardian.phone_e164, digits) if p))
