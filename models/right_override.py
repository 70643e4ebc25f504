"""What a school changes in the table of rights: one row for each cell it has touched, effective at the next request everywhere.

The mark of a school's rows (how many, their versions, the last change) comes with the statement that finds a person's roles, so that an
unchanged table costs no query more; whoever sees another mark reads the rows again (one query, once in each process). It is made from the
rows themselves: whichever door wrote them, undoing and a restored backup included, it is another one or the same rows.

What may be changed stands in `check_cell` (rights.md, rules 5, 8 and 11).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, Select, UniqueConstraint, event, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from models import right_words
from models.access import STAFF, Role, User
from models.base import Base, Identified, Refusal, Stamped, Versioned, choice_column
from models.rights import LETTERS, POLICY, VERBS, grant, natural, reach
from models.school import School
from models.scope import AS_BY_DEFAULT, WHO, Overrides, SchoolScoped, current_school_id, unscoped
from models.words import _

WORKING = tuple(role for role in Role if role in STAFF)


class ChangedMeanwhile(Refusal):
    """Somebody else changed the same cell since the page was opened."""


class RightOverride(Base, Identified, SchoolScoped, Stamped, Versioned):
    """A cell of the table of rights that the school has touched. `granted` empty: as by default again.

    Refused: what `check_cell` refuses.
    """

    __tablename__ = "right_override"
    __table_args__ = (UniqueConstraint("school_id", "role", "table", "verb"),)

    role: Mapped[Role] = mapped_column(choice_column(Role), info={"label": _("Role")})
    table: Mapped[str] = mapped_column(info={"label": _("Table")})
    verb: Mapped[str] = mapped_column(info={"label": _("What")})
    granted: Mapped[bool | None] = mapped_column(info={"label": _("Allowed")})
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))

    by: Mapped[User | None] = relationship(foreign_keys=[by_id])

    def __str__(self) -> str:
        return in_words(self.role.name, self.table, self.verb, self.granted)

    @property
    def default(self) -> bool:
        """What holds without the row."""
        return by_default(self.role.name, self.table, self.verb)

    @property
    def differs(self) -> bool:
        """Whether the row says something else than the default."""
        return self.granted is not None and self.granted != self.default


# --- the cells ---------------------------------------------------------------------------------------------------------------


def cells(table: str) -> tuple[str, ...]:
    """The verbs of a table that stand in the matrix, in order: those that some role has by default. What nobody has does not exist."""
    held = {verb for role in POLICY.get(table, ()) for verb in grant(table, role).verbs}
    return tuple(verb for verb in (*LETTERS.values(), *VERBS.get(table, ())) if verb in held)


def by_default(role: str, table: str, verb: str) -> bool:
    """Whether the role has this verb before anybody changes anything."""
    return verb in grant(table, role).verbs


def in_words(role: str, table: str, verb: str, granted: bool | None) -> str:
    """A cell as a sentence, as far as it reaches for the role."""
    return right_words.sentence(role, table, verb, granted, natural(table, role, verb))


def fixed(role: str, table: str, verb: str) -> Any:
    """Why nobody changes this cell, in words; nothing when it can be changed (rights.md, rules 8 and 11; seed 3)."""
    if role not in STAFF:
        return _("Only the roles that work in the [school] are changed here. [Guardians] and [students] have pages of their own.")
    if verb not in cells(table):
        return _("This right does not exist on this screen.")
    if table == "right" and role == Role.acc.name:
        return _("The site administrator keeps the way to this page: otherwise nobody could change a right any more.")
    if table == "right" and verb != "read":
        return _("Only the site administrator changes rights.")
    if (table, verb) == ("user", "see_as") and role != Role.acc.name:
        return _("Only the site administrator sees the application as somebody else.")
    if table == "membership" and verb in ("open_inspection", "close_inspection") and role != Role.head.name:
        return _("Only the head of the [school] opens and closes an inspection.")
    if role == Role.inspector.name and verb not in ("read", "export"):
        return _("An inspector reads and changes nothing.")
    return None


def offered(role: str) -> dict[str, tuple[str, ...]]:
    """table -> the verbs that can be changed for a role."""
    found = {table: tuple(verb for verb in cells(table) if fixed(role, table, verb) is None) for table in POLICY}
    return {table: verbs for table, verbs in found.items() if verbs}


def check_cell(role: str, table: str, verb: str, granted: bool | None, giver: frozenset[str] | None) -> None:
    """Refuse a cell that nobody changes, and a right above the giver's own: one that neither their roles nor this role's default hold."""
    problem = fixed(role, table, verb)
    if problem:
        raise Refusal(problem)
    if not granted or giver is None or by_default(role, table, verb):
        return
    if not any(by_default(own, table, verb) for own in giver) and reach(giver, table, verb) is None:
        raise Refusal(_("Nobody gives a right that they do not have: %(right)s."), right=right_words.phrase(table, verb))


# --- changing ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A cell as somebody wants it: given, withdrawn, or as by default (`granted` None). `was`: what the page showed them."""

    role: str
    table: str
    verb: str
    granted: bool | None
    was: bool | None = None


def apply(session: Session, changes: Iterable[Change]) -> list[RightOverride]:
    """Write these cells, all or none, in the caller's transaction. Returns the rows that changed; a cell that is so already is left.

    Refused: what `check_cell` refuses; ChangedMeanwhile when somebody else changed one of the cells since the page was opened.
    """
    # Two people who change rights at the same moment wait for one another here.
    session.execute(select(School.id).where(School.id == current_school_id()).with_for_update())
    known = {(row.role.name, row.table, row.verb): row for row in session.scalars(_rows())}
    done = []
    for change in changes:
        if change.role not in Role.__members__:
            raise Refusal(_("This right does not exist on this screen."))
        key = (change.role, change.table, change.verb)
        check_cell(*key, change.granted, _giver())
        default, row = by_default(*key), known.get(key)
        now = default if row is None or row.granted is None else row.granted
        if change.was is not None and now != change.was:
            raise ChangedMeanwhile(
                _("Somebody changed a right while you were reading: %(right)s. Look at what holds now, then decide."),
                right=in_words(*key, now),
            )
        wanted = None if change.granted == default else change.granted
        if wanted == (row.granted if row is not None and row.differs else None):
            continue
        if row is None:
            row = known[key] = RightOverride(role=Role[change.role], table=change.table, verb=change.verb)
            session.add(row)
        row.granted = wanted
        done.append(row)
    session.flush()
    return done


def _rows() -> Select[RightOverride]:
    return select(RightOverride).where(RightOverride.school_id == current_school_id())


def _giver() -> frozenset[str] | None:
    """The roles of who writes; None for the application itself (the console, a test), which no rule about people binds."""
    who = WHO.get()
    return who.roles if who.user_id is not None else None


def changed_cells(session: Session, role: str | None = None) -> list[RightOverride]:
    """The rows of the current school that differ from the default, with who changed them, in the order of the roles and tables."""
    look = _rows().options(joinedload(RightOverride.by))
    if role is not None:
        look = look.where(RightOverride.role == Role[role])
    place = {table: number for number, table in enumerate(POLICY)}
    rows = [row for row in session.scalars(look) if row.differs and row.table in place and row.verb in cells(row.table)]
    return sorted(rows, key=lambda row: (list(Role).index(row.role), place[row.table], cells(row.table).index(row.verb)))


# --- reading: the mark, then the rows when it is another ---------------------------------------------------------------------

_known: dict[int, Overrides] = {}  # by school, the last ones seen


def mark_of(school_id: Any) -> tuple[Any, ...]:
    """The columns that mark the rows of a school, to put in a SELECT; `school_id` is a column of it, or a number."""
    mine = RightOverride.school_id == school_id
    return tuple(select(what).where(mine).scalar_subquery() for what in (func.count(), func.sum(RightOverride.version), func.max(RightOverride.updated_at)))


def overrides_at(session: Session, school_id: int | None, mark: tuple[Any, ...]) -> Overrides:
    """What a school has changed, as its rows stood at `mark` (read in the same transaction): from memory while the mark is the same."""
    if school_id is None or not any(mark):
        return AS_BY_DEFAULT
    found = _known.get(school_id)
    if found is not None and found.mark == mark:
        return found
    cells_of: dict[tuple[str, str], dict[str, bool]] = {}
    columns = (RightOverride.table, RightOverride.role, RightOverride.verb, RightOverride.granted)
    with unscoped("what somebody may do is asked before there is a scope"):
        for table, role, verb, granted in session.execute(select(*columns).where(RightOverride.school_id == school_id)):
            if granted is not None and table in POLICY and fixed(role.name, table, verb) is None:
                cells_of.setdefault((table, role.name), {})[verb] = granted
    found = _known[school_id] = Overrides(mark, cells_of)
    return found


def overrides_of(session: Session, school_id: int) -> Overrides:
    """What a school has changed, now: for whoever works without a request (jobs, the console)."""
    with unscoped("what somebody may do is asked before there is a scope"):
        mark = session.execute(select(*mark_of(school_id))).one()
    return overrides_at(session, school_id, tuple(mark))


# --- whichever door writes: the same rules, and who ---------------------------------------------------------------------------


@event.listens_for(Session, "before_flush")
def _check(session: Session, _context: Any, _instances: Any) -> None:
    """Check what is written, and note who writes it."""
    for row in (*session.new, *session.dirty):
        if isinstance(row, RightOverride) and (row in session.new or session.is_modified(row)):
            check_cell(row.role.name, row.table, row.verb, row.granted, _giver())
            row.by_id = WHO.get().user_id
