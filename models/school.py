"""A school, and the levels it teaches."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import String, UniqueConstraint, event, inspect, or_
from sqlalchemy.orm import Mapped, mapped_column, validates

from models import school_files
from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column
from models.identifiers import clean_uai, compact, siret_problem, uai_problem
from models.retiring import Retirable
from models.scope import SchoolScoped
from models.words import _, _p

# What the page of the school must say before something can be done (features S3-03): purpose -> its columns. One that does not exist yet
# (the reference to the register of processing comes with the transfers) is not asked for.
_KNOWN = ("name", "email", "official_code")
NEEDS: dict[str, tuple[str, ...]] = {"users": _KNOWN, "transfers": (*_KNOWN, "register_reference"), "passport": _KNOWN}


class Country(Choice):
    """Where a school stands: decides its identifiers, postal codes and first language."""

    FR = "FR", _("France"), "mute"
    CA = "CA", _("Canada (Québec)"), "mute"


class NotReady(Refusal):
    """The page of the school does not say yet what the work needs; `missing` are its columns with their labels, `fields` the columns alone."""

    def __init__(self, sentence: Any, missing: list[tuple[str, Any]]) -> None:
        super().__init__(sentence)
        self.missing = missing

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns to fill in, for a link to the first."""
        return tuple(name for name, _label in self.missing)

    @property
    def sentence(self) -> str:
        """With the names of what is missing, in the reader's language."""
        self.params = {"missing": ", ".join(str(label) for _name, label in self.missing)}
        return super().sentence


def read_code(typed: str | None, country: Country | None) -> str:
    """The official code as it is stored. Refused in France: what is no UAI; in Québec: what has no shape of a code."""
    if country not in (None, Country.FR):
        code = compact(typed or "")
        if code and not re.fullmatch(r"[A-Z0-9]{3,12}", code):
            raise Refusal(_("%(value)s is not an organisation code: 3 to 12 letters and digits are expected."), value=typed)
        return code
    code = clean_uai(typed or "")
    problem = uai_problem(code)
    if problem:
        raise Refusal(problem, value=typed)
    return code


def read_siret(typed: str | None) -> str:
    """A SIRET as it is stored, or nothing. Refused: another number of digits, a wrong key."""
    code = compact(typed or "")
    problem = siret_problem(code) if code else None
    if problem:
        raise Refusal(problem, value=typed)
    return code


def read_website(typed: str | None) -> str:
    """An address that a browser opens, `https://` added where it was left out; or nothing. Refused: what is no address."""
    text = (typed or "").strip()
    if not text:
        return ""
    address = text if re.match(r"[a-z]+://", text, re.IGNORECASE) else f"https://{text}"
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address of a machine
        parts = urlsplit("")
    if parts.scheme.lower() not in ("http", "https") or not re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?", parts.netloc) or re.search(r"\s", address):
        raise Refusal(_("%(value)s is not the address of a website. Write it like https://www.example.org."), value=typed)
    return address


_WHY = {
    "users": _("Nobody can be added yet: the page of the [school] still lacks: %(missing)s. Fill it in first."),
    "transfers": _("Transfers cannot be switched on yet: the page of the [school] still lacks: %(missing)s. Fill it in first."),
    "passport": _("No passport can be made yet: the page of the [school] still lacks: %(missing)s. Fill it in first."),
}


class School(Base, Identified, Stamped, Versioned):
    """One school: who it is, how to reach it, what its letters say."""

    __tablename__ = "school"

    name: Mapped[str] = mapped_column(info={"label": _("Name of [the school]")})
    country: Mapped[Country] = mapped_column(choice_column(Country), default=Country.FR, info={"label": _("Country")})
    official_code: Mapped[str] = mapped_column(unique=True, info={"label": _("Official code (UAI, organisation code)")})
    email: Mapped[str] = mapped_column(default="", info={"label": _("E-mail")})
    phone: Mapped[str] = mapped_column(default="", info={"label": _("Phone")})
    website: Mapped[str] = mapped_column(default="", info={"label": _("Website")})
    # Shown to everybody, also to whoever cannot sign in: whom to ask for help with an account.
    support_email: Mapped[str] = mapped_column(default="", info={"label": _("Support e-mail")})
    support_phone: Mapped[str] = mapped_column(default="", info={"label": _("Support phone")})
    siret: Mapped[str] = mapped_column(String(14), default="", info={"label": _("SIRET"), "typed_length": 40})  # people group its digits
    dpo_name: Mapped[str] = mapped_column(default="", info={"label": _("Data protection officer")})
    dpo_email: Mapped[str] = mapped_column(default="", info={"label": _("E-mail of the data protection officer")})
    sales_email: Mapped[str] = mapped_column(default="", info={"label": _("Where orders of [certifications] are sent")})
    address1: Mapped[str] = mapped_column(default="", info={"label": _("Address")})
    address2: Mapped[str] = mapped_column(default="", info={"label": _("Address, continued")})
    postal_code: Mapped[str] = mapped_column(default="", info={"label": _("Postal code")})
    town: Mapped[str] = mapped_column(default="", info={"label": _("Town")})
    language: Mapped[str] = mapped_column(default="fr", info={"label": _("Language")})
    time_zone: Mapped[str] = mapped_column(default="Europe/Paris", info={"label": _("Time zone")})
    # Who signs the papers of the school.
    head_name: Mapped[str] = mapped_column(default="", info={"label": _("Name of the head of [the school]")})
    head_title: Mapped[str] = mapped_column(default="", info={"label": _("Function of the head of [the school]")})
    # SHA-256 of a PNG that `models.files` keeps; None: the school has none. The stamp is shown inside PDFs only (security 75).
    logo_digest: Mapped[str | None] = mapped_column(String(64))
    stamp_digest: Mapped[str | None] = mapped_column(String(64))
    # Where the processing register speaks of this application (once the number of the declaration to the CNIL), and whether students may be
    # sent to other schools and taken in from them: models/transfer.py.
    register_reference: Mapped[str] = mapped_column(default="", info={"label": _("Reference in the processing register")})
    transfers_on: Mapped[bool] = mapped_column(default=False, info={"label": _("Transfers between [schools]")})

    def __str__(self) -> str:
        return self.name

    @validates("official_code")
    def _check_code(self, _key: str, value: str) -> str:
        """A French school is known by its UAI, whose key is certain: a wrong one is refused (formats.md section 2)."""
        return read_code(value, self.country)

    @validates("siret")
    def _check_siret(self, _key: str, value: str | None) -> str:
        """Nothing, or fourteen digits with a right key."""
        return read_siret(value)

    @validates("website")
    def _check_website(self, _key: str, value: str | None) -> str:
        """Nothing, or an address that a browser opens; `https://` is added where it was left out."""
        return read_website(value)

    @property
    def address_lines(self) -> list[str]:
        """The postal address, line by line, without empty lines."""
        return [line for line in (self.address1, self.address2, f"{self.postal_code} {self.town}".strip()) if line]

    # -- what is missing

    def missing_for(self, purpose: str) -> list[tuple[str, Any]]:
        """What the page of the school does not say yet and this needs: (column, its label), in the order of the form. Empty: ready.

        Purposes: "users", "transfers", "passport"; any other is a KeyError.
        """
        columns = type(self).__mapper__.columns
        return [(name, columns[name].info.get("label", name)) for name in NEEDS[purpose] if name in columns and not str(getattr(self, name) or "").strip()]

    @classmethod
    def incomplete(cls, purpose: str) -> Any:
        """The clause of schools whose page lacks something for this purpose."""
        columns = cls.__mapper__.columns
        return or_(*(columns[name] == "" for name in NEEDS[purpose] if name in columns))

    def check_ready(self, purpose: str) -> None:
        """Refuse (`NotReady`) with what is missing, by name."""
        missing = self.missing_for(purpose)
        if missing:
            raise NotReady(_WHY[purpose], missing)

    # -- pictures of its papers; the file that goes is swept once nothing can be undone with it (jobs/sweep.py)

    def upload_logo(self, content: bytes) -> None:
        """Have this picture on every paper. Refused: what `school_files.clean` refuses."""
        self.logo_digest = school_files.keep(content)

    def upload_stamp(self, content: bytes) -> None:
        """Have this picture beside the signature of certificates. Refused as `upload_logo` is."""
        self.stamp_digest = school_files.keep(content)

    def remove_logo(self) -> None:
        """Print papers without a logo. Refused where there is none."""
        if not self.logo_digest:
            raise Refusal(_("There is no logo to remove."))
        self.logo_digest = None

    def remove_stamp(self) -> None:
        """Print papers without a stamp. Refused where there is none."""
        if not self.stamp_digest:
            raise Refusal(_("There is no stamp to remove."))
        self.stamp_digest = None


@event.listens_for(School, "before_update")
def _check_code_of_country(_mapper: Any, _connection: Any, school: School) -> None:
    """A school that moves to the other country needs a code of it, also when the form changes the country alone."""
    if inspect(school).attrs.country.history.has_changes():
        school.official_code = read_code(school.official_code, school.country)


class Level(Base, Identified, SchoolScoped, Versioned, Retirable):
    """A year of study (6e, 5e...), in the order the school teaches them."""

    __tablename__ = "level"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    name: Mapped[str] = mapped_column(info={"label": _p("level", "Name")})
    rank: Mapped[int] = mapped_column(default=0, info={"label": _("Order")})

    def __str__(self) -> str:
        return self.name
