"""Two records of one person become one: what differs is chosen value by value, what points to the one follows to the other.

The record that goes is deleted with its snapshot, all in one batch of the history, so that undoing brings everything back. What
opened something stays closed: the unused codes of the student that goes are revoked (security case 33), and no undo revives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, select, update
from sqlalchemy.orm import Session, joinedload, object_session

from models.activation import ActivationCode
from models.admissions import OPEN, Admission
from models.base import Refusal, today, utcnow
from models.custom import Extensible, read_specs
from models.custom_values import PREFIX
from models.following import Found, collections, follow, joins, survey
from models.journal import FOLLOWING, record, record_rows, screen_of
from models.names import name_key
from models.people import Authority, Guardian, GuardianLink, LinkStatus, Relation, Student, StudentStatus
from models.scope import BATCH, WHO, Scope, acting
from models.student_accounts import end_sessions, never_used, user_name_of
from models.words import _

# What is said once for several columns: an address made of two would be nobody's.
TOGETHER: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Postal address"), ("address1", "address2", "postal_code", "town")),
    (None, ("phone", "phone_e164")),
    (None, ("status", "left_on")),
)
# Who somebody is: where both records say something else, nothing is proposed.
IDENTITY = frozenset({"family_name", "given_name", "usage_name", "middle_names", "born_on", "national_id", "local_id"})
_NEVER = FOLLOWING | {"id", "school_id", "created_at", "user_id"}


class ChoiceNeeded(Refusal):
    """Both records say something else on a line, and nobody said whose value stays."""


class NameNeeded(Refusal):
    """Two different national identifiers: the name must be typed, and was not."""


@dataclass(frozen=True)
class Line:
    """One thing that both records say: its words, the attributes behind it, record -> their values, whose value is proposed (None: somebody says)."""

    key: str
    label: Any
    attributes: tuple[str, ...]
    values: Mapping[int, tuple[Any, ...]]
    proposed: int | None

    @property
    def same(self) -> bool:
        """Nothing to choose."""
        first, second = self.values.values()
        return first == second

    @property
    def alone(self) -> bool:
        """Only one of the records says something."""
        return sum(_filled(values) for values in self.values.values()) == 1


@dataclass
class Preview:
    """What a merge would do: what is chosen, what follows, which codes close, which links wait for a check, whose account reaches whom."""

    kept: Any
    gone: Any
    lines: list[Line]
    found: list[Found] = field(default_factory=list)
    groups: int = 0
    revoked: int = 0
    to_check: list[GuardianLink] = field(default_factory=list)
    suspended: list[GuardianLink] = field(default_factory=list)
    reached: list[Student] = field(default_factory=list)
    doubled: list[Admission] = field(default_factory=list)  # open admissions that both hold: the one of the record that goes is closed
    closing: str = ""  # the user name of the account that opens nothing afterwards
    name_needed: bool = False


def _filled(values: Sequence[Any]) -> bool:
    return any(value not in (None, "") for value in values)


def in_whole_school(row: Any) -> Any:
    """Everything follows, also what the person who merges does not see: the scope of the row's school, without its reaches."""
    return acting(WHO.get(), Scope(school_id=row.school_id, user_id=WHO.get().user_id, whole=True), BATCH.get())


# --- what differs ----------------------------------------------------------------------------------------------------------------


def _attributes(model: Any) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """(key, words, attributes) of what a person can choose, in the table's order; a foreign key stands as its relation."""
    mapper = model.__mapper__
    done: set[str] = set()
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if not isinstance(column, Column) or prop.key in _NEVER or prop.key in done or column.info.get("private"):
            continue
        relation = next((r for r in mapper.relationships if r.direction.name == "MANYTOONE" and r.local_columns == {column}), None)
        label, members = next(((words, names) for words, names in TOGETHER if prop.key in names), (None, (prop.key,)))
        label = label or (relation.info.get("label") if relation is not None else None) or column.info.get("label")
        done.update(members)
        if label is not None:
            yield members[0], label, (relation.key,) if relation is not None else tuple(name for name in members if name in mapper.column_attrs)


def compare(session: Session, kept: Any, gone: Any) -> list[Line]:
    """Everything that both records say. Proposed: the only value there is; of two, that of the record that stays, but none where it says
    who somebody is (`IDENTITY`).
    """

    def line(key: str, label: Any, attributes: tuple[str, ...], values: dict[int, tuple[Any, ...]]) -> Line:
        sides = [row.id for row in (kept, gone) if _filled(values[row.id])]
        asked = key in IDENTITY and len(sides) == 2 and values[kept.id] != values[gone.id]
        return Line(key, label, attributes, values, None if asked else sides[0] if len(sides) == 1 else kept.id)

    found = []
    for key, label, attributes in _attributes(type(kept)):
        found.append(line(key, label, attributes, {row.id: tuple(getattr(row, name) for name in attributes) for row in (kept, gone)}))
    if issubclass(type(kept), Extensible):
        for spec in read_specs(session, kept.school_id).get(screen_of(kept.__mapper__), ()):
            if not spec.retired:
                values = {row.id: (spec.value((row.extra or {}).get(spec.key)),) for row in (kept, gone)}
                found.append(line(spec.name, spec.label, (spec.name,), values))
    return found


# --- what is refused -------------------------------------------------------------------------------------------------------------


def check(kept: Any, gone: Any) -> None:
    """Refuse what is no pair, and two guardians who both have an account: one of them would lose sight of the children. Of two students the
    account of the record that stays is kept, and the preview says that the other one closes."""
    if type(kept) is not type(gone) or kept.id == gone.id or kept.school_id != gone.school_id:
        raise Refusal(_("A merge takes two different records of one list. Choose the other one."))
    if isinstance(kept, Guardian) and kept.user_id is not None and gone.user_id is not None and kept.user_id != gone.user_id:
        raise Refusal(_("Both records have an account of their own, so they cannot be merged. Suspend the links of the one that the person no longer uses."))


def better(first: Any, second: Any) -> Any:
    """The record that is proposed to stay: the one with an account, in use rather than not, active, with a national identifier; else the older one."""
    session = object_session(first)
    known = [row.user_id for row in (first, second) if row.user_id is not None]
    new = never_used(session, known) if session is not None and len(known) == 2 else set()

    def weight(row: Any) -> tuple[bool, bool, bool, bool, int]:
        active, numbered = getattr(row, "status", None) is StudentStatus.active, bool(getattr(row, "national_id", None))
        return row.user_id is not None, row.user_id not in new, active, numbered, -row.id

    return max(first, second, key=weight)


def name_needed(kept: Any, gone: Any) -> bool:
    """Whether the two have different national identifiers: then the name is to be typed."""
    first, second = getattr(kept, "national_id", None), getattr(gone, "national_id", None)
    return bool(first and second and first != second)


# --- rows that meet --------------------------------------------------------------------------------------------------------------

_STRICTNESS = {LinkStatus.active: 0, LinkStatus.to_check: 1, LinkStatus.suspended: 2}


@joins(GuardianLink)
def stricter(mine: GuardianLink, other: GuardianLink) -> tuple[GuardianLink, GuardianLink]:
    """Of two links of the same adult and child the stricter stays (suspended before to check before active), the least claim yields
    to what the school said of the tie, and of two suspensions the one without an end counts, both reasons kept.
    """
    stays, goes = (other, mine) if _STRICTNESS[other.status] > _STRICTNESS[mine.status] else (mine, other)
    if (stays.relation, stays.authority) == (Relation.other, Authority.contact):
        stays.relation, stays.authority = goes.relation, goes.authority
    if goes.status is LinkStatus.suspended:
        both = None if None in (stays.suspended_until, goes.suspended_until) else max(stays.suspended_until, goes.suspended_until)  # type: ignore[type-var]
        stays.suspended_until = both
        if goes.suspended_reason not in stays.suspended_reason:
            stays.suspended_reason = f"{stays.suspended_reason} / {goes.suspended_reason}"[:200]
    return stays, goes


def _links(session: Session, student: Student) -> list[GuardianLink]:
    named = (joinedload(GuardianLink.guardian), joinedload(GuardianLink.student))
    return list(session.scalars(select(GuardianLink).where(GuardianLink.student_id == student.id).options(*named).order_by(GuardianLink.id)))


def _wait(session: Session, kept: Any, gone: Any) -> list[GuardianLink]:
    """Active links of the one student whose adult was never beside the other's suspended link: they would be new beside it, so they
    wait for a check like any other (features section 0, link status).
    """
    if not isinstance(kept, Student):
        return []
    found: dict[int, GuardianLink] = {}
    mine, theirs = _links(session, kept), _links(session, gone)
    for side, other in ((mine, theirs), (theirs, mine)):
        if any(link.status is LinkStatus.suspended for link in other):
            known = {link.guardian_id for link in other}
            found |= {link.id: link for link in side if link.status is LinkStatus.active and link.guardian_id not in known}
    return list(found.values())


# --- the merge -------------------------------------------------------------------------------------------------------------------


def preview(session: Session, kept: Any, gone: Any) -> Preview:
    """What the merge would do. Nothing is written; the number of statements does not depend on how much follows."""
    check(kept, gone)
    with in_whole_school(kept), session.no_autoflush:
        one = Preview(kept, gone, compare(session, kept, gone), survey(session, kept, gone), name_needed=name_needed(kept, gone))
        for key in collections(kept.__class__):
            one.groups += len(set(getattr(gone, key)) - set(getattr(kept, key)))
        one.to_check = _wait(session, kept, gone)
        if isinstance(gone, Student):
            one.doubled = _doubled(session, kept, gone)
            one.closing = user_name_of(session, gone.user_id) if kept.user_id is not None else ""
            codes = next((found.rows for found in one.found if found.pointer.mapper.class_ is ActivationCode), [])
            one.revoked = sum(code.used_at is None and code.revoked_at is None for code in codes)
        for found in one.found:
            pairs = ((row, found.twins[row.id]) for row in found.rows if row.id in found.twins and isinstance(row, GuardianLink))
            one.suspended += [a for a, b in pairs if a.status is not b.status and LinkStatus.suspended in (a.status, b.status)]
        if isinstance(kept, Guardian):
            one.reached = _reached(session, kept, gone)
    return one


def _reached(session: Session, kept: Guardian, gone: Guardian) -> list[Student]:
    """The children of the record without an account whom the other's account will see."""
    holder, other = (kept, gone) if kept.user_id is not None else (gone, kept)
    if holder.user_id is None or other.user_id is not None:
        return []
    known = select(GuardianLink.student_id).where(GuardianLink.guardian_id == holder.id)
    theirs = (GuardianLink.guardian_id == other.id, GuardianLink.status == LinkStatus.active, GuardianLink.student_id.not_in(known))
    return list(session.scalars(select(Student).join(Student.links).where(*theirs).order_by(Student.search_key, Student.id)))


def merge(session: Session, kept: Any, gone: Any, picks: Mapping[str, int], typed: str = "") -> None:
    """Make one record of two, in the caller's transaction. `picks` says for each line that differs whose value stays (record's id);
    `typed` is the name, needed where the national identifiers differ.

    Refused: what `check` refuses, a choice that is missing, a name that was not typed (`NameNeeded`), a value that a rule refuses.
    """
    check(kept, gone)
    if name_needed(kept, gone) and name_key(typed, "") != name_key(kept.family_name, kept.given_name):
        raise NameNeeded(_("The two records have different national identifiers. If it is the same person, type “%(name)s”."), name=kept.name)
    with in_whole_school(kept):
        values = _chosen(session, kept, gone, picks)
        if kept.user_id is None and gone.user_id is not None:
            kept.user_id = gone.user_id  # now: a login that no row points to exists for nobody here
        waiting = _wait(session, kept, gone)
        if isinstance(gone, Student):
            _revoke_codes(session, gone)
            for admission in _doubled(session, kept, gone):
                admission.close(today(gone.school.time_zone))
            if gone.user_id not in (None, kept.user_id):
                end_sessions(session.connection(), [gone.id])
        follow(session, kept, gone)
        for link in waiting:
            link.status = LinkStatus.to_check
        session.flush()
        session.expire(gone)
        session.delete(gone)
        session.flush()  # what only one row may hold is free before the other takes it
        session.expire(kept, collections(kept.__class__))
        for name, value in values.items():
            setattr(kept, name, value)
        session.flush()
        record(session, "merge", screen_of(kept.__mapper__), kept.id)


def _chosen(session: Session, kept: Any, gone: Any, picks: Mapping[str, int]) -> dict[str, Any]:
    """Attribute -> value of what the kept record takes over."""
    values: dict[str, Any] = {}
    extra = dict(getattr(kept, "extra", None) or {})
    theirs = dict(getattr(gone, "extra", None) or {})
    known: set[str] = set()
    for line in compare(session, kept, gone):
        known.update(name.removeprefix(PREFIX) for name in line.attributes if name.startswith(PREFIX))
        if line.same:
            continue
        if picks.get(line.key) not in (kept.id, gone.id):
            raise ChoiceNeeded(_("Choose which value stays for “%(name)s”."), name=str(line.label))
        if picks[line.key] == kept.id:
            continue
        for name, value in zip(line.attributes, line.values[gone.id], strict=True):
            if name.startswith(PREFIX):
                key = name.removeprefix(PREFIX)
                extra.pop(key, None)
                extra |= {key: theirs[key]} if key in theirs else {}
            else:
                values[name] = value
    for key in theirs.keys() - known:  # fields withdrawn for now
        extra.setdefault(key, theirs[key])
    if hasattr(kept, "extra") and extra != (kept.extra or {}):
        values["extra"] = extra
    return values


def _doubled(session: Session, kept: Student, gone: Student) -> list[Admission]:
    """The open admissions of the record that goes which the other one holds too: a student has one for a programme and a grid."""
    rows = session.scalars(
        select(Admission).where(Admission.student_id.in_((kept.id, gone.id)), Admission.status.in_(OPEN)).options(joinedload(Admission.grid))
    ).all()
    held = {(one.programme_id, one.grid_id) for one in rows if one.student_id == kept.id}
    return [one for one in rows if one.student_id == gone.id and (one.programme_id, one.grid_id) in held]


def _revoke_codes(session: Session, gone: Student) -> None:
    """Past the listener of values on purpose: what is closed stays closed when the merge is undone."""
    unused = (ActivationCode.student_id == gone.id, ActivationCode.used_at.is_(None), ActivationCode.revoked_at.is_(None))
    closed = update(ActivationCode).where(*unused).values(revoked_at=utcnow(), sealed="", version=ActivationCode.version + 1).returning(ActivationCode.id)
    ids = list(session.scalars(closed, execution_options={"synchronize_session": False}))
    for row in [row for row in session.identity_map.values() if isinstance(row, ActivationCode)]:
        session.expire(row)
    record_rows(session, "revoke", "activation_code", ids)
