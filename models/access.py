"""Who may sign in: people, the roles they hold in schools, their sessions, and the brakes on guessing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, utcnow
from models.scope import SchoolScoped
from models.values import visible
from models.words import _

if TYPE_CHECKING:
    from models.school import School


class Role(Choice):
    """The ten roles (rights.md). Their rank decides who may give which."""

    acc = "acc", _("Site administrator"), "note"
    ac = "ac", _("Administrator or [counsellor] of [the school]"), "info"
    ec = "ec", _("[Teacher] or [counsellor]"), "mute"
    amp = "amp", _("Other staff"), "mute"
    registrar = "registrar", _("Registrar"), "mute"
    head = "head", _("Head of [the school]"), "info"
    inspector = "inspector", _("Inspector"), "warn"
    invigilator = "invigilator", _("Invigilator"), "mute"
    guardian = "guardian", _("[Guardian]"), "mute"
    student = "student", _("[Student]"), "mute"


STAFF = frozenset({Role.acc, Role.ac, Role.ec, Role.amp, Role.registrar, Role.head, Role.inspector})


class User(Base, Identified, Stamped, Versioned):
    """One login for a person, in the whole installation. Has no school: memberships, guardians and students point to it."""

    __tablename__ = "user"

    username: Mapped[str | None] = mapped_column(unique=True, info={"label": _("User name")})
    email: Mapped[str | None] = mapped_column(unique=True, info={"label": _("E-mail")})
    given_name: Mapped[str] = mapped_column(default="", info={"label": _("Given name")})
    family_name: Mapped[str] = mapped_column(default="", info={"label": _("Family name")})
    password_hash: Mapped[str] = mapped_column(default="", info={"private": True})
    language: Mapped[str] = mapped_column(default="", info={"label": _("Language")})
    theme: Mapped[str] = mapped_column(default="", info={"label": _("Appearance")})
    email_confirmed_at: Mapped[dt.datetime | None] = mapped_column(info={"private": True})
    epoch: Mapped[int] = mapped_column(default=1, info={"private": True})  # rises with the password and the e-mail: older tokens and sessions die
    current_school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="SET NULL", use_alter=True))
    last_seen_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Last sign-in")})

    memberships: Mapped[list[Membership]] = relationship(back_populates="user", foreign_keys="Membership.user_id", cascade="all, delete-orphan")

    def __str__(self) -> str:
        return self.name or self.username or self.email or ""

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def initials(self) -> str:
        """Two letters for the round badge."""
        return "".join(word[:1] for word in (self.given_name, self.family_name) if word).upper() or "?"

    @validates("username")
    def _tidy_username(self, _key: str, value: str | None) -> str | None:
        """Case-folded, without spaces around; a user name is never an e-mail, so that one login name means one person."""
        tidy = (value or "").strip().casefold()
        if "@" in tidy or any(sign.isspace() or not sign.isprintable() for sign in tidy) or len(tidy) > 60:
            raise Refusal(_("A user name has neither spaces nor @, and at most 60 characters. Write it like given.family."))
        return tidy or None

    @validates("given_name", "family_name")
    def _tidy_name(self, _key: str, value: str | None) -> str:
        """One line, without signs that nobody sees: the name stands in lists, letters and the headers of mails."""
        return " ".join(visible(value or "").split())

    @validates("email")
    def _tidy_email(self, _key: str, value: str | None) -> str | None:
        """Case-folded; another address is not confirmed, and ends the sessions and links that the earlier one opened."""
        tidy = (value or "").strip().casefold() or None
        if tidy is not None and (tidy.count("@") != 1 or any(sign.isspace() or not sign.isprintable() for sign in tidy) or len(tidy) > 200):
            raise Refusal(_("This is not an e-mail address. Write it like name@example.org."))
        if self.id is not None and tidy != self.email:
            self.epoch, self.email_confirmed_at = self.epoch + 1, None
        return tidy


class Membership(Base, Identified, SchoolScoped, Stamped, Versioned):
    """A role that a person holds in a school, perhaps from a day to a day (an inspector's window)."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("school_id", "user_id", "role"),)
    __named_by__ = ("user",)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True, info={"label": _("Person")})
    role: Mapped[Role] = mapped_column(choice_column(Role), info={"label": _("Role")})
    active: Mapped[bool] = mapped_column(default=True, info={"label": _("Active")})
    open_from: Mapped[dt.date | None] = mapped_column(info={"label": _("Open from")})
    open_until: Mapped[dt.date | None] = mapped_column(info={"label": _("Open until")})

    user: Mapped[User] = relationship(back_populates="memberships", foreign_keys=[user_id], info={"label": _("Person")})
    school: Mapped[School] = relationship()

    def __str__(self) -> str:
        return f"{self.user} – {self.role}" if self.user else str(self.role)

    def open_on(self, day: dt.date) -> bool:
        """Whether the role acts on this day: it is active and the day lies in its window. An inspector needs a window."""
        if not self.active or (self.role is Role.inspector and (self.open_from is None or self.open_until is None)):
            return False
        return (self.open_from is None or self.open_from <= day) and (self.open_until is None or day <= self.open_until)


class WebSession(Base, Identified):
    """A signed-in browser. The cookie holds a random token, the row its hash: deleting the row signs out at once."""

    __tablename__ = "web_session"
    __journal__ = False

    token_hash: Mapped[str] = mapped_column(unique=True, info={"private": True})
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    epoch: Mapped[int] = mapped_column()
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    seen_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")


class LoginKind(Choice):
    """What happened at the door."""

    signed_in = "signed_in", _("Signed in"), "ok"
    refused = "refused", _("Refused"), "bad"
    signed_out = "signed_out", _("Signed out"), "mute"
    reset_asked = "reset_asked", _("Reset asked for"), "info"
    password_changed = "password_changed", _("Password changed"), "info"
    code_refused = "code_refused", _("Right password, wrong code"), "bad"
    second_step_on = "second_step_on", _("Second step switched on"), "info"
    second_step_off = "second_step_off", _("Second step switched off"), "warn"
    second_step_removed = "second_step_removed", _("Second step removed by the [school]"), "warn"


class LoginEvent(Base, Identified):
    """Sign-ins and refusals. Belongs to a person, not to a school; staff see those of their school's people."""

    __tablename__ = "login_event"
    __journal__ = False
    __table_args__ = (Index("ix_login_event_user_at", "user_id", "at"),)

    at: Mapped[dt.datetime] = mapped_column(default=utcnow, index=True, info={"label": _("When")})
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), info={"label": _("Person")})
    kind: Mapped[LoginKind] = mapped_column(choice_column(LoginKind), info={"label": _("What")})
    address: Mapped[str] = mapped_column(default="", info={"label": _("Network address")})
    agent: Mapped[str] = mapped_column(default="", info={"label": _("Browser")})

    user: Mapped[User | None] = relationship(info={"label": _("Person")})

    def __str__(self) -> str:
        return str(self.kind)


class Throttle(Base, Identified):
    """One try that counts: kind, keyed digest of who or where, when. Shared by all workers, survives a restart."""

    __tablename__ = "throttle"
    __journal__ = False
    __table_args__ = (Index("ix_throttle_look", "kind", "key_hash", "at"),)

    kind: Mapped[str] = mapped_column()
    key_hash: Mapped[str] = mapped_column()
    at: Mapped[dt.datetime] = mapped_column(default=utcnow)


class ResetToken(Base, Identified):
    """A one-time way to set a password: mailed, or printed on a letter. Stored hashed, bound to the person's epoch."""

    __tablename__ = "reset_token"
    __journal__ = False

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True, info={"private": True})
    purpose: Mapped[str] = mapped_column(default="mail")  # mail, letter, invite
    epoch: Mapped[int] = mapped_column()
    expires_at: Mapped[dt.datetime] = mapped_column()
    used_at: Mapped[dt.datetime | None] = mapped_column()
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow)
