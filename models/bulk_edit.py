"""One field of many rows: asked for, shown before and after, then done once, in one transaction and one batch of the history.

What was asked stands in a row of its own, with the version of each record as it was shown: a record that somebody changed meanwhile is
left and told, and a second click finds the work done.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import JSON, ForeignKey, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from models.base import Base, Choice, Identified, Refusal, utcnow
from models.bulk_target import Target, withheld
from models.changes import name_of
from models.journal import screen_of
from models.packing import model_of, pack
from models.reach import is_own, narrower
from models.rights import reach
from models.scope import BATCH, SCOPE, WHO, SchoolScoped
from models.words import _
from models.work import Job

PIECE = 500
SHOWN = 50  # rows of one fate that are shown by name; the others are counted
TOLD = 200  # rows left as they are that stay named once it is done
KEPT = dt.timedelta(days=7)

GONE = _("It no longer exists for you.")
CHANGED = _("Somebody changed it meanwhile.")
NOT_YOURS = _("You read it, and may not change it.")


class Fate(Choice):
    """What happens to a row."""

    change = "change", _("Will change"), "ok"
    same = "same", _("Already so"), "mute"
    left = "left", _("Left as it is"), "warn"


class BulkEdit(Base, Identified, SchoolScoped):
    """A value for one field of many rows. `rows` are [identifier, version] as they were shown, `left` [identifier, name, reason, changed?]."""

    __tablename__ = "bulk_edit"
    __journal__ = False

    table_name: Mapped[str] = mapped_column()
    field: Mapped[str] = mapped_column()
    value: Mapped[Any] = mapped_column(JSON, nullable=True, info={"private": True})
    rows: Mapped[list[list[int]]] = mapped_column(JSON, default=list, info={"private": True})
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=utcnow, index=True)
    asked_at: Mapped[dt.datetime | None] = mapped_column()
    done_at: Mapped[dt.datetime | None] = mapped_column()
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    batch: Mapped[str] = mapped_column(default="")
    changed: Mapped[int] = mapped_column(default=0)
    left_count: Mapped[int] = mapped_column(default=0)
    left: Mapped[list[list[Any]]] = mapped_column(JSON, default=list, info={"private": True})

    def __str__(self) -> str:
        return f"{self.table_name}.{self.field}"

    @property
    def model(self) -> Any:
        """The class of its rows."""
        return model_of(self.table_name)


class Judged(NamedTuple):
    """One row: what happens to it, what it says now, why it is left."""

    id: int
    fate: Fate
    before: Any = None
    reason: Any = None


@dataclass
class Plan:
    """What the change would do: how many rows by what they say now, the first of each fate by name."""

    tally: Counter[Any] = field(default_factory=Counter)
    change: int = 0
    same: int = 0
    left: int = 0
    changing: list[tuple[str, Judged]] = field(default_factory=list)
    leaving: list[tuple[str, Judged]] = field(default_factory=list)


# --- asking ----------------------------------------------------------------------------------------------------------------------


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), PIECE):
        yield rows[start : start + PIECE]


def ask(session: Session, model: Any, name: str, value: Any, ids: Sequence[int]) -> BulkEdit:
    """Keep what somebody asks for, with the rows as they are now; nothing of them changes. Refused: a field that is not the person's."""
    table = screen_of(model.__mapper__)
    target = Target(model, name)
    if name in withheld(table) or reach(WHO.get().roles, table, "edit") is None:
        raise Refusal(_("This field is not yours to change. Ask the administration of the [school]."))
    if target.spec is not None:
        target.spec.check(value)
    versions: dict[int, int] = {}
    version = getattr(model, "version", model.id)
    for some in _pieces(ids):
        versions |= dict(session.execute(select(model.id, version).where(model.id.in_(some))).all())
    made = BulkEdit(table_name=table, field=name, value=pack(value), rows=[[i, versions[i]] for i in ids if i in versions], requested_by_id=WHO.get().user_id)
    session.add(made)
    session.flush()
    return made


def again(session: Session, edit: BulkEdit) -> BulkEdit:
    """Ask the same for the rows that were left because somebody had changed them."""
    target = Target(edit.model, edit.field)
    return ask(session, edit.model, edit.field, target.unpack(session, edit.value), [line[0] for line in edit.left if line[3]])


# --- judging: the same before and when it is done ----------------------------------------------------------------------------------


def _reached(session: Session, model: Any, ids: Sequence[int]) -> set[int]:
    """Of these rows, those that the person's right to edit reaches today."""
    roles = WHO.get().roles
    far = reach(roles, screen_of(model.__mapper__), "edit")
    if far is None:
        return set()
    if far == "o":
        return {row.id for row in session.scalars(select(model).where(model.id.in_(ids))) if is_own(row, WHO.get().user_id)}
    clause = narrower(model.__mapper__, SCOPE.get(), roles, "edit")
    return set(ids) if clause is None else set(session.scalars(select(model.id).where(model.id.in_(ids), clause)))


def _judge(session: Session, target: Target, value: Any, shown: Sequence[Sequence[int]]) -> list[Judged]:
    model, wanted = target.model, target.of(value)
    ids = [row_id for row_id, _version in shown]
    statement = select(model.id, getattr(model, "version", model.id), getattr(model, target.attribute)).where(model.id.in_(ids))
    found = {row_id: (version, target.plain(stored)) for row_id, version, stored in session.execute(statement)}
    reached = _reached(session, model, ids)
    refused = _refused(session, target, value, ids) if target.judged_by_model else {}
    judged = []
    for row_id, version in shown:
        now, before = found.get(row_id, (None, None))
        reason = GONE if now is None else CHANGED if now != version else NOT_YOURS if row_id not in reached else None
        if reason is None and before == wanted:
            judged.append(Judged(row_id, Fate.same, before))
        else:
            reason = reason or refused.get(row_id)
            judged.append(Judged(row_id, Fate.change if reason is None else Fate.left, before, reason))
    return judged


def _refused(session: Session, target: Target, value: Any, ids: Sequence[int]) -> dict[int, str]:
    """What the rules of the class say of each row, tried on and taken back."""
    reasons = {}
    with session.no_autoflush:
        for row in session.scalars(select(target.model).where(target.model.id.in_(ids))):
            try:
                target.give(row, value)
            except Refusal as refusal:
                reasons[row.id] = refusal.sentence
            session.expire(row)
    return reasons


def plan(session: Session, edit: BulkEdit) -> Plan:
    """What the change would do now; reads only. Refused when its value no longer exists."""
    target = Target(edit.model, edit.field)
    value = target.unpack(session, edit.value)
    found, changing, leaving = Plan(), list[Judged](), list[Judged]()
    for some in _pieces(edit.rows):
        for one in _judge(session, target, value, some):
            if one.fate is Fate.change:
                found.change += 1
                found.tally[one.before] += 1
                changing += [one] if len(changing) < SHOWN else []
            elif one.fate is Fate.same:
                found.same += 1
            else:
                found.left += 1
                leaving += [one] if len(leaving) < SHOWN else []
    names = names_of(session, edit.model, [one.id for one in (*changing, *leaving)])
    found.changing = [(names.get(one.id, ""), one) for one in changing]
    found.leaving = [(names.get(one.id, ""), one) for one in leaving]
    return found


def names_of(session: Session, model: Any, ids: Iterable[int]) -> dict[int, str]:
    """Rows as people call them; one statement for each 500."""
    options = [joinedload(getattr(model, key)) for key in getattr(model, "__named_by__", ())]
    return {row.id: name_of(row) for some in _pieces(list(ids)) for row in session.scalars(select(model).where(model.id.in_(some)).options(*options))}


def words_of_targets(session: Session, edit: BulkEdit, ids: Iterable[int]) -> dict[int, str]:
    """The rows that a relation pointed to, by name; empty for any other field."""
    target = Target(edit.model, edit.field)
    return names_of(session, target.relation.mapper.class_, ids) if target.relation is not None else {}


# --- doing -----------------------------------------------------------------------------------------------------------------------


def claim(session: Session, edit: BulkEdit) -> bool:
    """Whether this is the first time that it is asked to be done: one conditional UPDATE decides."""
    first = update(BulkEdit).where(BulkEdit.id == edit.id, BulkEdit.asked_at.is_(None)).values(asked_at=utcnow())
    return int(session.execute(first, execution_options={"synchronize_session": False}).rowcount) == 1  # type: ignore[attr-defined]


def apply(session: Session, edit: BulkEdit) -> None:
    """Do it, in the caller's transaction, with the rights of today: what may no longer be changed is left and told.

    Refused, and then wholly: a value that no longer exists, a field that is not the person's any more, two people at the same moment.
    """
    if edit.done_at is not None:
        raise Refusal(_("This change is done already."))
    if edit.field in withheld(edit.table_name):
        raise Refusal(_("This field is not yours to change. Ask the administration of the [school]."))
    target = Target(edit.model, edit.field)
    value = target.unpack(session, edit.value)
    left: list[Judged] = []
    changed = 0
    try:
        for some in _pieces(edit.rows):
            judged = _judge(session, target, value, some)
            left += [one for one in judged if one.fate is Fate.left]
            changed += _write(session, target, value, dict(some), [one.id for one in judged if one.fate is Fate.change], left)
    except (StaleDataError, IntegrityError) as problem:
        raise Refusal(_("Somebody changed one of these records at the same moment. Nothing was changed: look again, then start again.")) from problem
    names = names_of(session, edit.model, [one.id for one in left[:TOLD]])
    edit.left = [[one.id, names.get(one.id, ""), str(one.reason), str(one.reason) == str(CHANGED)] for one in left[:TOLD]]
    edit.changed, edit.left_count, edit.done_at, edit.batch = changed, len(left), utcnow(), BATCH.get() or ""
    session.flush()


def _write(session: Session, target: Target, value: Any, versions: dict[int, int], ids: list[int], left: list[Judged]) -> int:
    """Change these rows; how many. Written rows leave the session: memory stays flat whatever their number."""
    wanted = select(target.model).where(target.model.id.in_(ids)).order_by(target.model.id).with_for_update(of=target.model)
    rows = list(session.scalars(wanted)) if ids else []
    done = 0
    for row in rows:
        if getattr(row, "version", row.id) != versions[row.id]:  # between the two looks
            left.append(Judged(row.id, Fate.left, reason=CHANGED))
            continue
        try:
            target.give(row, value)
        except Refusal as refusal:
            left.append(Judged(row.id, Fate.left, reason=refusal.sentence))
            session.expire(row)
            continue
        done += 1
    session.flush()
    for row in rows:
        session.expunge(row)
    return done


def job_of(session: Session, edit: BulkEdit) -> Job | None:
    """The work that does it, where there are many rows."""
    return session.get(Job, edit.job_id) if edit.job_id is not None else None


def purge(session: Session) -> int:
    """Forget what was asked more than seven days ago, in every school: it lists rows. Nightly work, without a scope."""
    old = delete(BulkEdit).where(BulkEdit.created_at < utcnow() - KEPT).execution_options(synchronize_session=False)
    return int(session.execute(old).rowcount)  # type: ignore[attr-defined]
