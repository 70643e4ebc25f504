"""Why somebody may, or may not: the roles they hold here, the cell of each, who changed it and when, how far it reaches, and this record.

It says what the table of rights says and what the reader sees already: a record that the reader does not see is never spoken of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import right_words
from models.access import STAFF, Membership, Role, User
from models.actors import staff_in
from models.base import today
from models.journal import screen_of
from models.reach import AUTHOR_ONLY, is_own, narrower
from models.right_override import RightOverride, by_default, changed_cells, fixed, in_words
from models.rights import in_force, natural, reach
from models.school import School
from models.scope import Actor, Scope, acting, current_school_id, unscoped
from models.words import _

OK, NO, NOTE = "ok", "bad", "mute"


@dataclass(frozen=True)
class Line:
    """One sentence and its tone: ok (opens), bad (closes), mute (to know)."""

    text: str
    tone: str = NOTE


@dataclass(frozen=True)
class Why:
    """The answer and its reasons, in the order in which they decide."""

    allowed: bool
    what: str
    lines: tuple[Line, ...]


def explain(session: Session, user: User, table: str, verb: str, row: Any = None, *, show_date: Callable[[Any], str] = str) -> Why:
    """Whether `user` may do `verb` on `table` in the current school, on `row` when one is given (the reader must see it), and why."""
    school_id = current_school_id()
    school = session.get_one(School, school_id)
    day = today(school.time_zone)
    held = list(session.scalars(select(Membership).where(Membership.user_id == user.id, Membership.school_id == school_id).order_by(Membership.id)))
    opened = [m for m in held if m.open_on(day)]
    lines = [_closed(m, day, show_date) for m in held if m not in opened]
    working = [m.role for m in opened if m.role in STAFF]
    lines += [Line(_text(_("The role “%(role)s” has pages of its own and none of the staff’s."), role=m.role)) for m in opened if m.role not in STAFF]
    what = right_words.phrase(table, verb)
    if not working:
        return Why(False, what, (Line(_text(_("%(name)s holds no role of the staff that is open today in this [school]."), name=user), NO), *lines))
    names = ", ".join(str(role.label) for role in working)
    lines.insert(0, Line(_text(_("%(name)s works here as: %(roles)s."), name=user, roles=names)))
    changed = {(row.role, row.table, row.verb): row for row in changed_cells(session)}
    found = staff_in(session, user.id, school.id)
    if found is None:
        return Why(False, what, tuple(lines))
    actor, scope = found
    for role in working:
        lines += _cell(role, table, verb, actor, changed, show_date)
    far = reach(actor.roles, table, verb, actor.overrides)
    allowed = far is not None
    if allowed and len(working) > 1:
        lines.append(Line(_text(_("With several roles, what one of them allows is allowed."))))
    lines += [Line(str(reason)) for reason in {str(fixed(role.name, table, verb) or "") for role in working} if reason]
    if allowed and table in ("user", "membership") and verb not in ("read", "export"):
        lines.append(Line(_text(_("Beyond this table, nobody changes their own roles, nor somebody who holds a role that they may not give."))))
    if allowed and row is not None:
        allowed, line = _row(session, row, table, verb, actor, scope)
        lines.append(line)
    if is_author_only(table):
        lines.append(Line(_text(_("What only its author reads stays away from everybody else, whatever their role."))))
    return Why(allowed, right_words.phrase(table, verb, far or "all"), tuple(lines))


def is_author_only(table: str) -> bool:
    """Whether some rows of this table are for their author alone."""
    return table in {screen_of(cls.__mapper__) for cls in AUTHOR_ONLY}  # type: ignore[attr-defined]  # mapped classes


def _text(sentence: Any, **params: Any) -> str:
    from models.words import fill

    return fill(str(sentence), {name: str(value) for name, value in params.items()})


def _closed(held: Membership, day: Any, show_date: Callable[[Any], str]) -> Line:
    """Why a role does not act today."""
    if not held.active:
        return Line(_text(_("The role “%(role)s” is disabled."), role=held.role), NO)
    if held.open_from is None and held.open_until is None:
        return Line(_text(_("The role “%(role)s” acts only from a day to a day, and no days are set."), role=held.role), NO)
    if held.open_from is not None and day < held.open_from:
        return Line(_text(_("The role “%(role)s” opens on %(date)s."), role=held.role, date=show_date(held.open_from)), NO)
    return Line(_text(_("The role “%(role)s” ended on %(date)s."), role=held.role, date=show_date(held.open_until)), NO)


def _cell(
    role: Role,
    table: str,
    verb: str,
    actor: Actor,
    changed: dict[tuple[Role, str, str], RightOverride],
    show_date: Callable[[Any], str],
) -> list[Line]:
    """What one role has to say: the cell, the default or who changed it, and the reading on which it rests."""
    row = changed.get((role, table, verb))
    given = bool(row.granted) if row is not None else by_default(role.name, table, verb)
    what = in_words(role.name, table, verb, given)
    tone = OK if given else NO
    if row is None:
        lines = [Line(_text(_("%(right)s: by default."), right=what), tone)]
    elif row.by is not None:
        text = _("%(right)s: changed by %(name)s on %(date)s; by default it is the other way round.")
        lines = [Line(_text(text, right=what, name=row.by, date=show_date(row.updated_at)), tone)]
    else:
        lines = [Line(_text(_("%(right)s: changed on %(date)s; by default it is the other way round."), right=what, date=show_date(row.updated_at)), tone)]
    if given and verb not in in_force(table, role.name, actor.overrides).verbs:
        reading = right_words.phrase(table, "read", natural(table, role.name, "read"))
        lines.append(Line(_text(_("It rests, because this role may not %(reading)s: nobody works on what they do not see."), reading=reading), NO))
    return lines


def _row(session: Session, row: Any, table: str, verb: str, actor: Actor, scope: Scope) -> tuple[bool, Line]:
    """Whether the right reaches this record."""
    model, row_id, name = type(row), row.id, str(row)
    with acting(actor, scope):
        clause = narrower(model.__mapper__, scope, actor.roles, verb)
        look = select(model.id).where(model.id == row_id)
        seen = session.scalar(look) is not None
        reached = seen and (clause is None or session.scalar(look.where(clause)) is not None)
    far = reach(actor.roles, table, verb, actor.overrides) or "all"
    if not seen:
        return False, Line(_text(_("%(record)s is not among them: for this person the page does not exist."), record=name), NO)
    with unscoped("is it theirs?"):
        own = far != "o" or is_own(row, actor.user_id)
    if not reached or not own:
        return False, Line(_text(_("%(record)s can be read, but this right reaches %(rows)s only."), record=name, rows=right_words.rows_of(table, far)), NO)
    return True, Line(_text(_("%(record)s is among them."), record=name), OK)
