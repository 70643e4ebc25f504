"""The change of school year: what it would do, told before anything is written, then done in one transaction.

Students go from their level to the next, from their class to the class that follows it, or leave; the new year becomes the current one.
A plan carries a digest: the write computes it again and refuses when anybody changed something in between.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import Refusal, utcnow
from models.changes import record_changes
from models.journal import record, record_rows
from models.names import plain_words
from models.people import Group, GroupCategory, Student, StudentStatus
from models.school import School
from models.school_year import SchoolYear
from models.scope import SCOPE, Scope, current_school_id
from models.student_accounts import close_accounts
from models.studies import Programme
from models.words import N_, _
from models.work import Job, JobKind, JobState
from models.year_proposals import LEAVE, STAY, taught, year_ending

PIECE = 500
LONGEST_NAME, LONGEST_CLASS = 40, 80  # characters
MOST = 5_000  # levels, classes, programmes or exceptions of one change
_NUMBER = re.compile(r"[0-9]{1,18}")
_ODD = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
MANY_LEAVE = 0.2  # of the active students: from there on the number is typed


@dataclass(frozen=True)
class Choices:
    """What somebody wants: plain values, so that a page or a job carries them.

    `levels`: level -> the next one's identifier, `STAY` or `LEAVE`; `classes`: class -> the name of the next one, "" for none; `programmes`:
    programme -> the next one's identifier or `STAY`. `leaving` leave whatever their level, `repeating` keep level and programme and go into no class.
    """

    name: str
    begins_on: dt.date
    ends_on: dt.date
    levels: Mapping[int, str] = field(default_factory=dict)
    classes: Mapping[int, str] = field(default_factory=dict)
    leaving: Sequence[int] = ()
    repeating: Sequence[int] = ()
    programmes: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refused: anything that no page of ours asks, from wherever it comes; what is kept in a page or a job is judged like what is typed."""
        days = isinstance(self.begins_on, dt.date) and isinstance(self.ends_on, dt.date)
        texts = [self.name, *self.classes.values()]
        if not days or not self.name.strip() or len(self.name) > LONGEST_NAME or any(len(name) > LONGEST_CLASS or _ODD.search(name) for name in texts):
            raise _odd()
        if any(to not in (STAY, LEAVE) and not _NUMBER.fullmatch(to) for to in (*self.levels.values(), *self.programmes.values())):
            raise _odd()
        if any(len(part) > MOST for part in (self.levels, self.classes, self.programmes, self.leaving, self.repeating)):
            raise _odd()

    def packed(self) -> dict[str, Any]:
        """For JSON."""
        days = {"name": self.name, "begins_on": self.begins_on.isoformat(), "ends_on": self.ends_on.isoformat()}
        places = {name: {str(k): v for k, v in getattr(self, name).items()} for name in ("levels", "classes", "programmes")}
        return {**days, **places, "leaving": sorted(self.leaving), "repeating": sorted(self.repeating)}

    @classmethod
    def unpacked(cls, kept: str | Mapping[str, Any]) -> Choices:
        """From JSON, as a text or read already. Refused: anything that `packed` did not write."""
        try:
            found = json.loads(kept) if isinstance(kept, str) else kept
            places = {name: {_number(k): _text(v) for k, v in found[name].items()} for name in ("levels", "classes", "programmes")}
            people = {name: tuple(_number(str(i)) for i in found[name] if isinstance(i, int)) for name in ("leaving", "repeating")}
            if any(len(people[name]) != len(found[name]) for name in people):
                raise _odd()
            begins_on, ends_on = (dt.date.fromisoformat(found[name]) for name in ("begins_on", "ends_on"))
            return cls(_text(found["name"]), begins_on, ends_on, **places, **people)  # type: ignore[arg-type]  # each by its own name
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise _odd() from problem


def _odd() -> Refusal:
    return Refusal(_("What this page sent cannot be read. Nothing was changed: begin the change of school year again."))


def _number(text: str) -> int:
    """An identifier. ValueError for what is none, or longer than a database counts."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text[:80])
    return int(text)


def _text(value: Any) -> str:
    """TypeError for what is no text."""
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


@dataclass(frozen=True)
class Move:
    """What becomes of one student: the level, the class (its identifier, its new name, or None), the programme, or that they leave."""

    id: int
    level: int | None
    klass: int | None
    to_level: int | None
    to_class: int | str | None
    programme: int | None
    to_programme: int | None
    leaves: bool

    @property
    def changes(self) -> bool:
        """Whether anything is written."""
        return self.leaves or (self.level, self.klass, self.programme) != (self.to_level, self.to_class, self.to_programme)


@dataclass
class YearPlan:
    """What the change would do. Numbers are of active students; `by_level`, `by_class` and `by_programme` tell (from, to) -> how many."""

    old: SchoolYear
    new: SchoolYear
    moves: list[Move] = field(default_factory=list)
    by_level: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_class: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_programme: Counter[tuple[str, str]] = field(default_factory=Counter)
    new_classes: list[str] = field(default_factory=list)
    without_level: int = 0
    without_class: int = 0
    repeating: int = 0
    digest: str = ""

    @property
    def active(self) -> int:
        """How many students the school has before."""
        return len(self.moves)

    @property
    def leaving(self) -> int:
        """How many leave."""
        return sum(move.leaves for move in self.moves)

    @property
    def changing(self) -> int:
        """How many records are written."""
        return sum(move.changes for move in self.moves)

    def sort(self, levels: Sequence[str]) -> None:
        """Levels in the order of the school, classes and programmes by name."""
        rank = {name: place for place, name in enumerate(levels)}
        self.by_level = Counter(dict(sorted(self.by_level.items(), key=lambda line: (rank[line[0][0]], line[0][1]))))
        self.by_class, self.by_programme = Counter(dict(sorted(self.by_class.items()))), Counter(dict(sorted(self.by_programme.items())))

    @property
    def must_type(self) -> bool:
        """Whether so many leave that their number is to be typed."""
        return self.leaving > MANY_LEAVE * self.active


# --- planning --------------------------------------------------------------------------------------------------------------------


def plan_change(session: Session, choices: Choices) -> YearPlan:
    """What the change would do now; writes nothing.

    Refused: days that are no year or overlap another, a year that is current already, a level or class that is gone, the name of a group
    that is no class.
    """
    scope = SCOPE.get()
    if isinstance(scope, Scope) and {"student", "group", "level"} & set(scope.reach):
        raise Refusal(_("You see only some of the [students]: the school year is changed for all of them. Ask the site administrator."))
    school = session.get_one(School, current_school_id())
    with session.no_autoflush:
        old = year_ending(session, school)
        new = _year_of(session, school, old, choices)
        levels = {level.id: level for level in taught(session)}
        groups = {group.id: group for group in session.scalars(select(Group).where(Group.school_id == school.id))}
        plan = YearPlan(old, new)
        followers = _followers(choices, groups)
        programmes = {one.id: one for one in session.scalars(select(Programme).where(Programme.school_id == school.id))}
        _check_known(choices.levels, levels)
        _check_known(choices.programmes, programmes)
        s = Student.__table__
        active = select(s.c.id, s.c.level_id, s.c.homeroom_id, s.c.programme_id).where(s.c.school_id == school.id, s.c.status == StudentStatus.active.name)
        rows = session.execute(active.order_by(s.c.id)).all()
    leaving, repeating = set(choices.leaving), set(choices.repeating)
    level_words: dict[int | None, str] = {None: ""}
    level_words |= {i: level.name for i, level in levels.items()}
    for number, level, klass, programme in rows:
        wanted = choices.levels.get(level, STAY) if level is not None else STAY
        leaves = number in leaving or (wanted == LEAVE and number not in repeating)
        stays = number in repeating or wanted in (STAY, LEAVE)
        to_level = level if stays else int(wanted)
        to_class = None if klass is None or (number in repeating and not leaves) else followers.get(klass, klass)
        onward = choices.programmes.get(programme, STAY) if programme is not None and not leaves and number not in repeating else STAY
        to_programme = programme if onward == STAY else int(onward)
        move = Move(number, level, klass, level if leaves else to_level, klass if leaves else to_class, programme, to_programme, leaves)
        plan.moves.append(move)
        plan.without_level += level is None
        plan.without_class += klass is None
        plan.repeating += number in repeating and not leaves
        if level is not None:
            plan.by_level[level_words[level], LEAVE if leaves else level_words[to_level]] += 1
        if klass is not None:
            said = groups[to_class].name if isinstance(to_class, int) else to_class or ""
            plan.by_class[groups[klass].name, LEAVE if leaves else said] += 1
        if to_programme != programme:
            plan.by_programme[str(programmes[programme]), str(programmes[to_programme])] += 1
    plan.new_classes = sorted({move.to_class for move in plan.moves if isinstance(move.to_class, str)})  # a class to which nobody goes is not made
    plan.sort([level.name for level in levels.values()])
    plan.digest = _digest(choices, plan)
    return plan


def _year_of(session: Session, school: School, old: SchoolYear, choices: Choices) -> SchoolYear:
    known = session.scalar(select(SchoolYear).where(SchoolYear.name == choices.name.strip()))
    if choices.begins_on <= old.begins_on or (known is not None and (known.current or known.begins_on <= old.begins_on)):
        raise Refusal(_("The new school year begins after the current one. Correct its name or its days."))
    made = SchoolYear(school_id=school.id, name=choices.name, begins_on=choices.begins_on, ends_on=choices.ends_on)
    made.check_days(session, known, old)
    return made


def _check_known(chosen: Mapping[int, str], known: Mapping[int, Any]) -> None:
    """Refused: what has gone since it was chosen."""
    if any(i not in known for i in chosen) or any(to not in (STAY, LEAVE) and (not to.isdecimal() or int(to) not in known) for to in chosen.values()):
        raise Refusal(_("A [level] or a class was changed meanwhile. Begin this step again."))


def _followers(choices: Choices, groups: Mapping[int, Group]) -> dict[int, int | str | None]:
    """Class -> the class that follows: its identifier, its name where it is to be made, None for no class."""
    by_name = {plain_words(group.name): group for group in groups.values()}
    fresh: dict[str, str] = {}
    found: dict[int, int | str | None] = {}
    for number, typed in choices.classes.items():
        name = " ".join(typed.split())
        group = groups.get(number)
        if group is None or group.category is not GroupCategory.klass:
            raise Refusal(_("A [level] or a class was changed meanwhile. Begin this step again."))
        known = by_name.get(plain_words(name)) if name else None
        if known is not None and known.category is not GroupCategory.klass:
            raise Refusal(
                _("“%(name)s” is already [a group] that is not a class. Choose another name for the class that follows %(klass)s."), name=name, klass=group.name
            )
        found[number] = known.id if known is not None else fresh.setdefault(plain_words(name), name) if name else None
    return found


def _digest(choices: Choices, plan: YearPlan) -> str:
    """The same for two plans that write the same things over the same records."""
    told = [choices.packed(), plan.old.id, plan.old.name, [astuple(m) for m in plan.moves]]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def change_year(session: Session, choices: Choices, *, dry_run: bool = True, digest: str = "") -> YearPlan:
    """The verb: what it would do, or (not `dry_run`) doing what `digest` was told. Refused as `plan_change` and `write_change` are."""
    return plan_change(session, choices) if dry_run else write_change(session, choices, digest)


# --- writing ---------------------------------------------------------------------------------------------------------------------


def write_change(session: Session, choices: Choices, digest: str) -> YearPlan:
    """Do it, in the caller's transaction. Refused when what it would do is no longer what was shown; then nothing is written."""
    session.execute(select(School.id).where(School.id == current_school_id()).with_for_update())  # one change at a time
    plan = plan_change(session, choices)
    if plan.digest != digest:
        raise Refusal(_("Something was changed since you read the numbers. Nothing was written: check the new numbers, then confirm."))
    new = _begin(session, plan)
    record(session, "change_year", "school_year", new.id, rows=plan.changing)  # first: what the history calls the whole batch
    made = {name: Group(school_id=plan.new.school_id, name=name, category=GroupCategory.klass) for name in plan.new_classes}
    session.add_all(made.values())
    session.flush()
    ids = {name: group.id for name, group in made.items()}
    together: dict[tuple[int | None, int | None, int | None, bool], list[Move]] = {}
    for move in plan.moves:
        if move.changes:
            klass = ids[move.to_class] if isinstance(move.to_class, str) else move.to_class
            together.setdefault((move.to_level, klass, move.to_programme, move.leaves), []).append(move)
    for (level, klass, programme, leaves), moves in together.items():
        values = {"status": StudentStatus.left, "left_on": plan.old.ends_on} if leaves else {"level_id": level, "homeroom_id": klass, "programme_id": programme}
        for piece in _pieces(moves):
            _write(session, piece, values)
    session.expire_all()  # what the session holds was written beneath it
    return plan


def _begin(session: Session, plan: YearPlan) -> SchoolYear:
    """The old year ends, the new one is the current one."""
    if plan.old.id is None:
        session.add(plan.old)
    plan.old.current = False
    new = session.scalar(select(SchoolYear).where(SchoolYear.name == plan.new.name)) or plan.new
    new.begins_on, new.ends_on, new.current = plan.new.begins_on, plan.new.ends_on, True
    session.add(new)
    session.flush()
    return new


def _pieces(moves: Sequence[Move]) -> Iterator[Sequence[Move]]:
    for start in range(0, len(moves), PIECE):
        yield moves[start : start + PIECE]


def _write(session: Session, moves: Sequence[Move], values: Mapping[str, Any]) -> None:
    """The same for all of these: one statement, with its lines in the history."""
    s: Any = Student.__table__
    ids = [move.id for move in moves]
    stored = {name: value.name if isinstance(value, StudentStatus) else value for name, value in values.items()}
    session.execute(update(s).where(s.c.id.in_(ids)).values(version=s.c.version + 1, updated_at=utcnow(), **stored))
    if "status" in values:
        close_accounts(session, ids)
    record_rows(session, "edited", "student", ids)
    before = {"level_id": "level", "homeroom_id": "klass", "programme_id": "programme"}
    known = {"status": StudentStatus.active, "left_on": None}
    lines = ((move.id, name, getattr(move, before[name]) if name in before else known[name], value) for move in moves for name, value in values.items())
    record_changes(session, "student", (line for line in lines if line[2] != line[3]))


def under_way(session: Session) -> Job | None:
    """The change of the current school that waits or runs: a second one is not begun beside it."""
    pending = (Job.kind == JobKind.change_year, Job.state.in_([JobState.waiting, JobState.running]))
    return session.scalar(select(Job).where(*pending, Job.school_id == current_school_id()).limit(1))


def begin(plan: YearPlan, chosen: Choices) -> Job:
    """Have it written by a job, in the caller's transaction, as long as the numbers are those of `plan`."""
    return Job.add(JobKind.change_year, {"choices": chosen.packed(), "digest": plan.digest}, total=plan.changing, note=chosen.name)


def done_words(plan: YearPlan) -> list[str]:
    """What was done, in sentences."""
    moved = plan.changing - plan.leaving
    return [
        str(_("The current school year is %(name)s.", name=plan.new.name)),
        str(N_("%(num)d [student] changed [level] or class.", "%(num)d [students] changed [level] or class.", moved)),
        str(N_("%(num)d [student] left.", "%(num)d [students] left.", plan.leaving)),
    ]
