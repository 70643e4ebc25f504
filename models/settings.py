"""Settings of a school: declared once with their words, rows only for what a school has touched, one question to ask.

A declaration says everything that a form, a check and a reader need (`models/declared_settings.py` holds those of the application). `value`
answers for one school, `strictest` for a person who may belong to several: the rule of security that binds them most. What was read is
kept for the transaction, so that a page asks once however many settings it needs, and never sees another transaction's past.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Integer, String, UniqueConstraint, case, cast, event, func, literal, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, validates

from models.access import Membership, User
from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.db import db
from models.people import Guardian, Student
from models.school import School
from models.scope import WHO, SchoolScoped, current_school_id, unscoped
from models.transaction_cache import forget_with
from models.words import _

Value = bool | int | str
_CACHE = "settings"


@dataclass(frozen=True)
class Section:
    """A part of the page: one form that saves by itself."""

    key: str
    label: Any
    help: Any
    icon: str = "gear"


@dataclass(frozen=True)
class Declared:
    """One setting. `kind` is "bool", "int" or "choice"; an int lies from `low` to `high`, in `unit` (words that follow the number).

    `choices` are (value, label, help) from the mildest to the strictest. `stricter` says which of two values binds more where somebody
    belongs to several schools: "low", "high", or nothing where that is never asked.
    """

    key: str
    section: str
    kind: str
    default: Value
    label: Any
    help: Any = ""
    low: int = 0
    high: int = 0
    unit: Any = ""
    choices: tuple[tuple[str, Any, Any], ...] = ()
    stricter: str = ""

    def read(self, typed: Any) -> Value:
        """What somebody typed, or what a row holds, as a value. Refused: what the setting cannot be, with what it can."""
        text = str(typed).strip()
        if self.kind == "bool":
            return text.lower() in ("1", "true", "on", "yes", "y")
        if self.kind == "choice":
            if text not in {value for value, _label, _help in self.choices}:
                raise Refusal(_("Choose one of the answers of the page."))
            return text
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and self.low <= int(text) <= self.high):
            raise Refusal(_("Type a whole number from %(low)d to %(high)d."), low=self.low, high=self.high)
        return int(text)

    def words(self, value: Value) -> Any:
        """A value as people read it: yes or no, the words of the choice, the number (its unit apart)."""
        if self.kind == "bool":
            return _("Yes") if value else _("No")
        return next(label for one, label, _help in self.choices if one == value) if self.kind == "choice" else value

    def kept(self, value: Value) -> str:
        """A value as a row holds it."""
        return str(int(value)) if self.kind == "bool" else str(value)

    def stored(self, text: str | None) -> Value:
        """The value of a row; the default where it says nothing, or what an earlier version allowed and this one does not."""
        if text is None:
            return self.default
        try:
            return self.read(text)
        except Refusal:
            return self.default

    def rank(self, value: Value) -> int:
        """A number that orders the values, the same as `rank_column` has."""
        return [one for one, _label, _help in self.choices].index(str(value)) if self.kind == "choice" else int(value)

    def of_rank(self, rank: int | None) -> Value:
        """The value of such a number; the default for none."""
        if rank is None:
            return self.default
        return self.choices[rank][0] if self.kind == "choice" else self.stored(str(rank))

    def rank_column(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """The same of the column of a row, by the database; the default's where there is no row."""
        usual = literal(self.rank(self.default))
        if self.kind != "choice":
            return func.coalesce(cast(text, Integer), usual)
        return case(*((text == one, rank) for rank, (one, _label, _help) in enumerate(self.choices)), else_=usual)


SECTIONS: dict[str, Section] = {}
DECLARED: dict[str, Declared] = {}


def declare_section(section: Section) -> None:
    """Add a section to the page; its settings follow with `declare`."""
    SECTIONS[section.key] = section


def declare(key: str, section: str, kind: str, default: Value, label: Any, help: Any = "", **more: Any) -> None:
    """Declare a setting (`Declared`), while modules are imported. ValueError: a key known already, an unknown section or kind, a default
    that the setting itself refuses."""
    one = Declared(key, section, kind, default, label, help, **more)
    if key in DECLARED or section not in SECTIONS or kind not in ("bool", "int", "choice"):
        raise ValueError(f"the setting {key} cannot be declared")
    if one.stored(one.kept(default)) != default or (kind == "int" and not one.low <= int(default) <= one.high):
        raise ValueError(f"the default of {key} is not one of its values")
    DECLARED[key] = one


def in_section(section: str) -> list[Declared]:
    """The settings of a section, in the order of their declaration."""
    return [one for one in DECLARED.values() if one.section == section]


# --- the rows --------------------------------------------------------------------------------------------------------------------


class Setting(Base, Identified, SchoolScoped, Stamped, Versioned):
    """A setting that a school has touched; `value` empty: as by default again. Refused: a key that nobody declares, what it cannot be."""

    __tablename__ = "setting"
    __table_args__ = (UniqueConstraint("school_id", "key"),)

    key: Mapped[str] = mapped_column(String(60), info={"label": _("Option")})
    value: Mapped[str | None] = mapped_column(String(60), info={"label": _("Value")})
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))

    by: Mapped[User | None] = relationship(foreign_keys=[by_id])

    def __str__(self) -> str:
        known = DECLARED.get(self.key)
        return str(known.label) if known else self.key

    @validates("key")
    def _known(self, _key: str, value: str) -> str:
        if value not in DECLARED:
            raise Refusal(_("There is no such setting. Choose one of the page."))
        return value

    @property
    def declared(self) -> Declared:
        """Its declaration."""
        return DECLARED[self.key]


@event.listens_for(Session, "before_flush")
def _check(session: Session, _context: Any, _instances: Any) -> None:
    """Whichever door writes: the value is one that the setting can have, and who wrote it stands in the row."""
    for row in (*session.new, *session.dirty):
        if isinstance(row, Setting) and (row in session.new or session.is_modified(row)):
            if row.value is not None:
                row.declared.read(row.value)
            row.by_id = WHO.get().user_id


# --- asking ----------------------------------------------------------------------------------------------------------------------


def value(key: str, school_id: int | None = None, session: Session | None = None) -> Any:
    """What holds in a school (the current one); the default where there is none. One statement a transaction, for all its settings."""
    known, school = DECLARED[key], school_id or current_school_id()
    return known.stored(_of_school(session or db.session, school).get(key)) if school else known.default


def _of_school(session: Session, school_id: int) -> dict[str, str | None]:
    cache: dict[int, dict[str, str | None]] = session.info.setdefault(_CACHE, {})
    if school_id not in cache:
        look = select(Setting.key, Setting.value).where(Setting.school_id == school_id)
        with unscoped("what a school has set binds everybody, also who sees none of its rows"), session.no_autoflush:
            cache[school_id] = {key: text for key, text in session.execute(look)}  # noqa: C416 (rows are no pairs for mypy)
    return cache[school_id]


forget_with(_CACHE, Setting)


def strictest_rank(key: str, user_id: Any) -> Any:
    """The strictest value of a setting among the schools of a person, as a number to put in a SELECT (`Declared.of_rank` reads it).

    `user_id` is a number or a column of the statement. Schools: where they have a role, a child or their own record. None: no school.
    """
    known = DECLARED[key]
    if not known.stricter:
        raise ValueError(f"{key} does not say which value is stricter")
    text = select(Setting.value).where(Setting.school_id == School.id, Setting.key == key).correlate(School).scalar_subquery()
    strictest = func.min if known.stricter == "low" else func.max
    # The column of the statement stands two levels out: without the word for it, each would ask about everybody.
    theirs = [select(model.school_id).where(model.user_id == user_id).correlate_except(model) for model in (Membership, Guardian, Student)]
    return select(strictest(known.rank_column(text))).where(or_(*(School.id.in_(one) for one in theirs))).scalar_subquery()


def strictest(key: str, user_id: int, session: Session | None = None) -> Any:
    """What binds a person: the strictest value among the schools where they have a role, a child or their own record; one statement."""
    with unscoped("the rules of security of every school of a person bind them together"):
        return DECLARED[key].of_rank((session or db.session).scalar(select(strictest_rank(key, user_id))))


def everywhere(key: str, session: Session | None = None) -> Any:
    """What holds for somebody who is not known yet (who types a code, who signs in), whatever account they name: one statement.

    With one school, its value. Where several share the installation none of them decides for the others: the default, or what is stricter
    than it in every school.
    """
    known = DECLARED[key]
    text = select(Setting.value).where(Setting.school_id == School.id, Setting.key == key).correlate(School).scalar_subquery()
    rank = known.rank_column(text)
    mildest, strict = (func.max, min) if known.stricter == "low" else (func.min, max)
    with unscoped("whoever knocks belongs to no school yet"):
        schools, least = (session or db.session).execute(select(func.count(School.id), mildest(rank))).one()
    return known.of_rank(least) if schools == 1 else known.of_rank(strict(known.rank(known.default), known.rank(known.of_rank(least))))


# --- changing --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """One setting as the page shows it: what holds, whether the school has chosen it, who did and when."""

    declared: Declared
    value: Any
    row: Setting | None = field(default=None, repr=False)

    @property
    def differs(self) -> bool:
        """Whether the school has chosen something else than the default."""
        return bool(self.value != self.declared.default)


def shown(session: Session) -> dict[str, list[Shown]]:
    """Section -> its settings as they hold in the current school, for the page."""
    rows = {row.key: row for row in session.scalars(select(Setting).where(Setting.school_id == current_school_id()))}
    found: dict[str, list[Shown]] = {section: [] for section in SECTIONS}
    for one in DECLARED.values():
        row = rows.get(one.key)
        found[one.section].append(Shown(one, one.stored(row.value if row else None), row))
    return found


def mark_of(settings: Iterable[Shown]) -> str:
    """What the form of a section was opened on, so that the second of two people is told."""
    told = ";".join(f"{one.declared.key}={one.row.version if one.row else 0}" for one in settings)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


class ChangedMeanwhile(Refusal):
    """Somebody else saved this section since the page was opened."""


class NotAllowed(Refusal):
    """Values that settings cannot have; `problems` are the sentences by key, for their fields."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("%(refused)s", refused=" ".join(problems.values()))
        self.problems = problems


def save(session: Session, section: str, typed: Mapping[str, Any], mark: str | None = None) -> list[Setting]:
    """Write a section of the current school as it was typed, in the caller's transaction; the rows that changed. A value that is the
    default is kept as none. Refused, with nothing written: `NotAllowed`; `ChangedMeanwhile` when `mark` is no longer the section's.
    """
    values: dict[str, Value] = {}
    problems: dict[str, str] = {}
    for one in in_section(section):
        if one.key in typed:
            try:
                values[one.key] = one.read(typed[one.key])
            except Refusal as refusal:
                problems[one.key] = refusal.sentence
    if problems:
        raise NotAllowed(problems)
    now = _locked(session)[section]
    if mark is not None and mark != mark_of(now):
        raise ChangedMeanwhile(_("Somebody saved these settings while you were reading. Look at what holds now, then decide."))
    return _write(session, [(one, values[one.declared.key]) for one in now if one.declared.key in values])


def reset(session: Session, keys: Iterable[str]) -> list[Setting]:
    """Take the defaults of these settings back, in the caller's transaction; the rows that changed. Refused when all of them hold already."""
    wanted = set(keys)
    found = [one for some in _locked(session).values() for one in some if one.declared.key in wanted]
    done = _write(session, [(one, one.declared.default) for one in found])
    if not done:
        raise Refusal(_("The default holds already: there is nothing to reset."))
    return done


def _locked(session: Session) -> dict[str, list[Shown]]:
    # Two people who save at the same moment wait for one another here.
    session.execute(select(School.id).where(School.id == current_school_id()).with_for_update())
    return shown(session)


def _write(session: Session, wanted: Iterable[tuple[Shown, Value]]) -> list[Setting]:
    done = []
    for one, new in wanted:
        text = None if new == one.declared.default else one.declared.kept(new)
        row = one.row
        if text == (row.value if row else None):
            continue
        if row is None:
            row = Setting(key=one.declared.key)
            session.add(row)
        row.value = text
        done.append(row)
    session.flush()
    return done
