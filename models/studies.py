"""What is studied, where and when: programmes, organisational units, terms."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container

from sqlalchemy import ColumnElement, Index, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column, object_session, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, fold
from models.custom import Extensible
from models.retiring import Retirable
from models.school import Country
from models.scope import SchoolScoped
from models.values import LIMIT, check_year, tidy
from models.words import N_, _, _p, fill

LONGEST_CODE = 40
_DEC, _AEC = re.compile(r"\d{3}\.[A-Z]\d"), re.compile(r"[A-Z]{3}\.\d[A-Z]")
_WITHOUT_POINT = re.compile(r"(\d{3})([A-Z]\d)|([A-Z]{3})(\d[A-Z])")
_MEF = re.compile(r"\d{11}")
_MARKUP = re.compile("[<>\x00-\x1f]")
_MARKED = _("The code %(value)s holds a sign that no code has: < or >. Type it without.")
_SPOKEN = 8  # signs: nobody says a longer number


class ProgrammeKind(Choice):
    """What a programme leads to."""

    general = "general", _("General education"), "mute"
    technological = "technological", _("Technological education"), "mute"
    vocational = "vocational", _("Vocational education"), "mute"
    dec = "dec", _("Diploma of college studies (DEC)"), "info"
    aec = "aec", _("Attestation of college studies (AEC)"), "note"
    other = "other", _p("programme", "Other"), "mute"


def programme_code(value: str | None) -> str:
    """A code as it is stored: capitals, no spaces, the point of Québec's codes put back ("jee 0k" is JEE.0K)."""
    code = "".join(tidy(value or "", limit=LONGEST_CODE).split()).upper()
    found = _WITHOUT_POINT.fullmatch(code)
    return ".".join(part for part in found.groups() if part) if found else code


def programme_key(text: str) -> str:
    """A code or a title as it is compared: no accents, spaces, points or hyphens."""
    return re.sub(r"[^a-z0-9]", "", fold(text))


class Programme(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible, Retirable):
    """A programme of studies: in France a MEF of the ministry's nomenclature, in Québec a programme of the network (322.A0, JEE.0K)."""

    __tablename__ = "programme"
    __table_args__ = (UniqueConstraint("school_id", "code"), Index("ix_programme_school_title", "school_id", "title", "id"))

    code: Mapped[str] = mapped_column(String(LONGEST_CODE), info={"label": _p("programme", "Code")})
    title: Mapped[str] = mapped_column(info={"label": _p("programme", "Title")})
    short_title: Mapped[str] = mapped_column(String(60), default="", info={"label": _("Short title")})
    kind: Mapped[ProgrammeKind | None] = mapped_column(choice_column(ProgrammeKind), info={"label": _("Leads to")})

    def __str__(self) -> str:
        said = self.short_title or self.title
        return said if len(self.code) > _SPOKEN or programme_key(said) == programme_key(self.code) else f"{self.code} – {said}"

    @validates("code")
    def _tidy_code(self, _key: str, value: str | None) -> str:
        """Spaces and case are tidied; which codes exist is the ministry's business."""
        code = programme_code(value)
        if _MARKUP.search(code):
            raise Refusal(_MARKED, value=code)
        if not code:
            raise Refusal(_("[The programme] needs a code. Type it as the ministry writes it, or one of your own."))
        if self.kind is None:
            self.kind = ProgrammeKind.dec if _DEC.fullmatch(code) else ProgrammeKind.aec if _AEC.fullmatch(code) else None
        return code

    @classmethod
    def named(cls, text: str, taken: Container[str] = ()) -> Programme:
        """A programme of which only a code or only a title is known: the other is made of it, under a code that is not `taken`."""
        code = programme_code(_MARKUP.sub("", "".join(text.split()))[: LONGEST_CODE - 4]) or "-"
        number = 2
        free = code
        while free in taken:
            free, number = f"{code}-{number}", number + 1
        return cls(code=free, title=text)

    @validates("title")
    def _need_title(self, _key: str, value: str | None) -> str:
        title = tidy(value or "")
        if not title:
            raise Refusal(_("[The programme] needs a title. Type it."))
        return title

    @validates("short_title")
    def _tidy_short(self, _key: str, value: str | None) -> str:
        return tidy(value or "", limit=60)

    def shape_warning(self, country: Country) -> Refusal | None:
        """What looks wrong in the code, for the person to judge; None when its shape is that of the country's codes."""
        if country is Country.CA:
            if _DEC.fullmatch(self.code) or _AEC.fullmatch(self.code):
                return None
            return Refusal(_("The code %(code)s does not look like a code of the network (322.A0, JEE.0K). It is kept as you typed it."), code=self.code)
        if _MEF.fullmatch(self.code):
            return None
        return Refusal(_("The code %(code)s does not look like a MEF (11 figures). It is kept as you typed it."), code=self.code)

    def deletion_problem(self) -> Refusal | None:
        """Why it cannot go: students follow it, grids or admissions hold it; None when it can."""
        from models.people import Student  # which knows the programmes
        from models.study_holds import holding_problem

        session = object_session(self)
        if session is None:
            return None
        # Counted beneath the scope: a programme is not free because its students are not the person's own.
        used = session.scalar(select(func.count()).select_from(Student.__table__).where(Student.__table__.c.programme_id == self.id)) or 0
        if not used:
            return holding_problem(self)
        return Refusal(
            N_(
                "%(name)s cannot be deleted: %(num)d [student] follows it. Give [the student] another [programme] first, or stop offering it.",
                "%(name)s cannot be deleted: %(num)d [students] follow it. Give them another [programme] first, or stop offering it.",
                used,
                name=str(self),
            )
        )


def said_in_sql() -> ColumnElement[str]:
    """The words of a programme as the database writes them: its code, then its short title or its title."""
    return Programme.code + " – " + func.coalesce(func.nullif(Programme.short_title, ""), Programme.title)


class OrgUnit(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """A service or a campus of the school, under the code that records name it by: RA, 929000-1."""

    __tablename__ = "org_unit"
    __table_args__ = (UniqueConstraint("school_id", "code"),)

    code: Mapped[str] = mapped_column(String(LONGEST_CODE), info={"label": _p("org_unit", "Code")})
    name: Mapped[str] = mapped_column(info={"label": _p("org_unit", "Name")})

    def __str__(self) -> str:
        return f"{self.code} – {self.name}"

    @validates("code", "name")
    def _need_text(self, key: str, value: str | None) -> str:
        """Both are needed; a code is in capitals."""
        text = tidy(value or "", limit=LONGEST_CODE if key == "code" else LIMIT)
        if not text:
            raise Refusal(_("The organisational unit needs a code and a name. Fill in both."))
        if key == "code" and _MARKUP.search(text):
            raise Refusal(_MARKED, value=text)
        return text.upper() if key == "code" else text


class Season(Choice):
    """Which part of a year a term is, in the order of the year: the three of a college, then those of a school year."""

    winter = "winter", _("Winter"), "info"
    summer = "summer", _("Summer"), "warn"
    autumn = "autumn", _("Autumn"), "note"
    trimester1 = "trimester1", _("Trimester 1"), "mute"
    trimester2 = "trimester2", _("Trimester 2"), "mute"
    trimester3 = "trimester3", _("Trimester 3"), "mute"
    semester1 = "semester1", _("Semester 1"), "mute"
    semester2 = "semester2", _("Semester 2"), "mute"

    @property
    def of_calendar_year(self) -> bool:
        """Whether the year of the term is a calendar year (a college's), not the one in which a school year begins."""
        return self in (Season.winter, Season.summer, Season.autumn)


# How a term is said; the three of a college as its records write them.
_SAID = {
    Season.winter: _("Winter %(year)s"),
    Season.summer: _("Summer %(year)s"),
    Season.autumn: _("Autumn %(year)s"),
    Season.trimester1: _("Trimester 1, %(years)s"),
    Season.trimester2: _("Trimester 2, %(years)s"),
    Season.trimester3: _("Trimester 3, %(years)s"),
    Season.semester1: _("Semester 1, %(years)s"),
    Season.semester2: _("Semester 2, %(years)s"),
}

# What people type in front of (A-2017) or behind (20173) a year. S is a semester here, as T is a trimester.
_LETTERS = {"h": "winter", "w": "winter", "e": "summer", "a": "autumn", "f": "autumn"}
_LETTERS |= {f"t{n}": f"trimester{n}" for n in (1, 2, 3)} | {f"s{n}": f"semester{n}" for n in (1, 2)}
_CENSUS = {Season.autumn: (9, 20), Season.winter: (2, 15)}  # (month, day) of the usual census of a college's term
_FIGURES = {"1": "winter", "2": "summer", "3": "autumn"}
_TYPED = re.compile(r"(?P<letter>[hweaf]|t[123]|s[12])[ -]*(?P<year>\d{4}|\d{2})(?:[ -/]+\d{2,4})?")
_NUMBERED = re.compile(r"(?P<year>(?:19|20)\d{2})(?P<figure>[123])")
_FULL_NAMES = {"hiver": "h", "winter": "h", "ete": "e", "summer": "e", "automne": "a", "autumn": "a", "fall": "a"}


def read_term(text: str) -> tuple[int, Season] | None:
    """(year, season) of a term as people write it: A-2017, H18, É-2018 or E-2018, "automne 2017", 20173, T1 2026; None when it is none."""
    plain = fold(text)
    for name, letter in _FULL_NAMES.items():
        plain = re.sub(rf"^{name}\b", letter, plain)
    if numbered := _NUMBERED.fullmatch(plain):
        return int(numbered["year"]), Season[_FIGURES[numbered["figure"]]]
    found = _TYPED.fullmatch(plain)
    if not found:
        return None
    year = int(found["year"])
    return year if year > 99 else 2000 + year, Season[_LETTERS[found["letter"]]]


class Term(Base, Identified, SchoolScoped, Stamped, Versioned, Extensible):
    """A part of a year: a college's session, or a trimester or semester of a school year (its year is then the one that it began in)."""

    __tablename__ = "term"
    __table_args__ = (UniqueConstraint("school_id", "year", "season"), Index("ix_term_place", "school_id", "place"))

    year: Mapped[int] = mapped_column(info={"label": _p("term", "Year")})
    season: Mapped[Season] = mapped_column(choice_column(Season), info={"label": _("Part of the year")})
    begins_on: Mapped[dt.date | None] = mapped_column(info={"label": _("First day")})
    ends_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Last day")})
    census_on: Mapped[dt.date | None] = mapped_column(info={"label": _("Day of the census")})
    # year * 10 + order of the season: terms in the order of time. Kept true by the validators below.
    place: Mapped[int] = mapped_column(default=0)

    def __str__(self) -> str:
        return fill(str(_SAID[self.season]), {"year": self.year, "years": f"{self.year}-{self.year + 1}"})

    @validates("year", "season")
    def _keep_place(self, key: str, value: int | Season | None) -> int | Season | None:
        """A year of four figures; the place follows."""
        if key == "year" and (not isinstance(value, int) or not 1990 <= value <= 2099):
            raise Refusal(_("The year of a term is between 1990 and 2099. Type its four figures."))
        year = value if key == "year" else self.year
        season = value if key == "season" else self.season
        if isinstance(year, int) and isinstance(season, Season):
            self.place = year * 10 + list(Season).index(season)
        return value

    @property
    def short(self) -> str:
        """As records write it: A-2017, H-2018, T1-2026."""
        letter = next(letter for letter, name in _LETTERS.items() if name == self.season.name)
        return f"{letter.upper()}-{self.year}"

    @property
    def census_day(self) -> dt.date | None:
        """The day by which presences are confirmed: the school's, else the network's usual one (20 September, 15 February)."""
        usual = _CENSUS.get(self.season)
        return self.census_on or (dt.date(self.year, *usual) if usual else None)

    def check_days(self) -> None:
        """Refused: a last day before the first, a day of another age."""
        for day in (self.begins_on, self.ends_on, self.census_on):
            check_year(day)
        if self.begins_on and self.ends_on and self.ends_on < self.begins_on:
            raise Refusal(_("The last day comes before the first one. Correct one of the two."))
