"""What the change of school year proposes before anybody chooses: the next year, the next level, the class that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import today
from models.known_levels import following_of, place_of
from models.names import plain_words
from models.papers import school_year
from models.people import Group, GroupCategory, Student, StudentStatus
from models.school import Country, Level, School
from models.school_year import SchoolYear, current_year, usual_year
from models.scope import current_school_id
from models.studies import Programme

STAY, LEAVE = "stay", "leave"


def year_ending(session: Session, school: School) -> SchoolYear:
    """The current year of a school; the one that is usual in its country, not yet recorded, where nobody has recorded one."""
    return current_year(session) or usual_year(school, school_year(today(school.time_zone), school.country))


def next_year(session: Session, school: School, old: SchoolYear) -> SchoolYear:
    """The year right after `old` where it is recorded, else the usual one; not added to the session. A later one is not the next."""
    usual = usual_year(school, old.start + 1)
    following = select(SchoolYear).where(SchoolYear.begins_on > old.ends_on, SchoolYear.begins_on <= usual.ends_on)
    return session.scalar(following.order_by(SchoolYear.begins_on).limit(1)) or usual


def taught(session: Session) -> list[Level]:
    """The levels in the order of the school."""
    return list(session.scalars(select(Level).order_by(Level.rank, Level.name)))


def classes_of(session: Session) -> list[tuple[Group, int, int | None]]:
    """(class, active students, the level of most of them) by name: two statements."""
    s = Student.__table__
    inside = select(s.c.homeroom_id, s.c.level_id).where(s.c.school_id == current_school_id(), s.c.status == StudentStatus.active.name)
    held: dict[int, Counter[int | None]] = {}
    for klass, level in session.execute(inside.where(s.c.homeroom_id.is_not(None))):
        held.setdefault(klass, Counter())[level] += 1
    groups = session.scalars(select(Group).where(Group.category == GroupCategory.klass).order_by(Group.name))
    return [(g, sum(held.get(g.id, {}).values()), held[g.id].most_common(1)[0][0] if g.id in held else None) for g in groups]


def propose_levels(levels: Sequence[Level], country: Country) -> dict[int, str]:
    """Level -> the next one, or `LEAVE` where the school teaches none after it.

    In France names tell which one is next (CM2, 6e, 5e: models/known_levels.py); a level whose name tells nothing is followed by the next
    such one by rank, and by none of the others. The last of them leaves where no level is known by its name; beside known ones it stays,
    since nothing tells that its students leave (a class of inclusion). In Québec levels go by rank; those that no figure names are programmes
    rather than years: everybody stays.
    """
    offered = [level for level in levels if not level.retired_at]
    if country is Country.CA and not any(sign.isdigit() for level in offered for sign in level.name):
        return {level.id: STAY for level in levels}
    french = country is Country.FR
    untold = [level for level in offered if not (french and place_of(level.name))]
    found = {}
    for level in levels:
        named = following_of(offered, level) if french else None
        if isinstance(named, Level):
            found[level.id] = str(named.id)
        elif named is not None:
            found[level.id] = STAY if named else LEAVE
        else:
            above = next((other for other in untold if other.rank > level.rank), None)
            found[level.id] = str(above.id) if above is not None else LEAVE if len(untold) == len(offered) else STAY
    return found


def propose_next(session: Session, level_id: int, country: Country) -> Level | None:
    """The level that follows this one, as the change of year proposes it; None where it proposes none."""
    levels = {level.id: level for level in taught(session)}
    onward = propose_levels(list(levels.values()), country).get(level_id, STAY)
    return levels[int(onward)] if onward.isdecimal() else None


def propose_class(name: str, level: Level | None, following: str, levels: Mapping[int, Level]) -> str:
    """The name of the class that follows: 6A -> 5A, 6e Bleue -> 5e Bleue; none for those who leave, the same where the name does not tell."""
    if following == LEAVE:
        return ""
    after = levels.get(int(following)) if following.isdecimal() else None
    if level is None or after is None:
        return name
    if plain_words(name).startswith(plain_words(level.name)):
        return after.name + name[len(level.name) :]
    before, now = _figures(level.name), _figures(after.name)
    own = _figures(name)  # 6A, or 601: the first of three figures is the level's
    fits = before and now and (own == before or (len(own) == 3 and len(before) == 1 and own.startswith(before)))
    return now + name[len(before) :] if fits else name


def programmes_of(session: Session, following: Mapping[int, str], levels: Mapping[int, Level]) -> list[tuple[Programme, int, str]]:
    """(programme, active students, the next one's identifier or `STAY`) of the programmes that are followed.

    In France a programme is that of one level (5EME): the one of the next level follows it, by its name (4EME), or as the only one there is.
    A programme that several levels follow stays, as in Québec.
    """
    s = Student.__table__
    counted = select(s.c.programme_id, s.c.level_id, func.count()).where(s.c.school_id == current_school_id(), s.c.status == StudentStatus.active.name)
    held: dict[int, Counter[int | None]] = {}
    for number, level, n in session.execute(counted.where(s.c.programme_id.is_not(None)).group_by(s.c.programme_id, s.c.level_id)):
        held.setdefault(number, Counter())[level] += n
    known = {one.id: one for one in session.scalars(select(Programme).where(Programme.id.in_(held)).order_by(Programme.code))}
    tied: dict[int, list[Programme]] = {}
    for number, one in known.items():
        if len(held[number]) == 1 and (level := next(iter(held[number]))) is not None:
            tied.setdefault(level, []).append(one)
    found = {}
    for level, ones in tied.items():
        onward = following.get(level, STAY)
        if onward.isdecimal() and int(onward) in levels:
            after = tied.get(int(onward), [])
            for one in ones:
                name = propose_class(_said(one), levels[level], onward, levels)
                named = [other for other in after if plain_words(_said(other)) == plain_words(name)]
                alone = after if len(ones) == len(after) == 1 else []
                found[one.id] = str((named or alone)[0].id) if named or alone else STAY
    return [(one, held[one.id].total(), found.get(one.id, STAY)) for one in known.values()]


def _said(programme: Programme) -> str:
    return programme.short_title or programme.title


def _figures(name: str) -> str:
    """The figures that a name begins with."""
    return name[: len(name) - len(name.lstrip("0123456789"))]
