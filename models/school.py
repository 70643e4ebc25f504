"""A school, and the levels it teaches."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column
from models.identifiers import uai_problem
from models.retiring import Retirable
from models.scope import SchoolScoped
from models.words import _, _p


class Country(Choice):
    """Where a school stands: decides its identifiers, postal codes and first language."""

    FR = "FR", _("France"), "mute"
    CA = "CA", _("Canada (Québec)"), "mute"


class School(Base, Identified, Stamped, Versioned):
    """One school: who it is, how to reach it, what its letters say."""

    __tablename__ = "school"

    name: Mapped[str] = mapped_column(info={"label": _("Name of [the school]")})
    country: Mapped[Country] = mapped_column(choice_column(Country), default=Country.FR, info={"label": _("Country")})
    official_code: Mapped[str] = mapped_column(unique=True, info={"label": _("Official code (UAI, organisation code)")})
    email: Mapped[str] = mapped_column(default="", info={"label": _("E-mail")})
    phone: Mapped[str] = mapped_column(default="", info={"label": _("Phone")})
    support_email: Mapped[str] = mapped_column(default="", info={"label": _("Support e-mail")})
    address1: Mapped[str] = mapped_column(default="", info={"label": _("Address")})
    address2: Mapped[str] = mapped_column(default="", info={"label": _("Address, continued")})
    postal_code: Mapped[str] = mapped_column(default="", info={"label": _("Postal code")})
    town: Mapped[str] = mapped_column(default="", info={"label": _("Town")})
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    time_zone: Mapped[str] = mapped_column(default="Europe/Paris", info={"label": _("Time zone")})
    code_days: Mapped[int] = mapped_column(default=180, info={"label": _("Life of an activation code, in days")})
    # Who signs the papers of the school.
    head_name: Mapped[str] = mapped_column(default="", info={"label": _("Name of the head")})
    head_title: Mapped[str] = mapped_column(default="", info={"label": _("Function of the head")})
    # SHA-256 of a PNG that `models.files` keeps; None: the school has none. The stamp is shown inside PDFs only (security 75).
    logo_digest: Mapped[str | None] = mapped_column(String(64))
    stamp_digest: Mapped[str | None] = mapped_column(String(64))

    def __str__(self) -> str:
        return self.name

    @validates("official_code")
    def _check_code(self, _key: str, value: str) -> str:
        """A French school is known by its UAI, whose key is certain: a wrong one is refused (formats.md section 2)."""
        code = "".join(value.split()).upper()
        if self.country in (None, Country.FR):
            problem = uai_problem(code)
            if problem:
                raise Refusal(problem, value=value)
        return code

    @validates("code_days")
    def _check_days(self, _key: str, value: Any) -> int:
        """A code lives from 1 to 730 days."""
        if value is None or not 1 <= int(value) <= 730:
            raise Refusal(_("A code lives from 1 to 730 days. Type a number in that range."))
        return int(value)

    @property
    def address_lines(self) -> list[str]:
        """The postal address, line by line, without empty lines."""
        return [line for line in (self.address1, self.address2, f"{self.postal_code} {self.town}".strip()) if line]


class Level(Base, Identified, SchoolScoped, Versioned, Retirable):
    """A year of study (6e, 5e...), in the order the school teaches them."""

    __tablename__ = "level"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    name: Mapped[str] = mapped_column(info={"label": _p("level", "Name")})
    rank: Mapped[int] = mapped_column(default=0, info={"label": _("Order")})

    def __str__(self) -> str:
        return self.name
