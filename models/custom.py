"""Fields that a school adds to its own records: what they are, which values they take, when they may change.

The values of a row stand in one JSON column, `extra`, under the field's key: no field ever changes a table. A field that is no
longer wanted is withdrawn: it is shown nowhere, and its values wait for its return.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, String, UniqueConstraint, event, select, text
from sqlalchemy import inspect as sa_inspect
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, object_session, validates

from models.base import Base, Choice, Identified, Refusal, Stamped, Versioned, choice_column, fold, utcnow
from models.custom_json import count_filled, has_value, text_at
from models.custom_values import FieldKind, Option, Spec, slug
from models.db import db
from models.import_words import BadCell
from models.journal import screen_of
from models.rights import STUDIES_ONLY, may
from models.scope import SchoolScoped, current_school_id
from models.values import one_line, visible
from models.words import N_, _

if TYPE_CHECKING:
    from sqlalchemy import Table

MOST_FIELDS = 60  # in use, of one table: a form is filled in by people
MOST_OPTIONS = 200
LONGEST_OPTION = 80


class Extensible:
    """A table whose rows may hold the school's own fields."""

    @declared_attr
    def extra(cls) -> Mapped[dict[str, Any]]:  # noqa: N805 (SQLAlchemy calls it with the class)
        """Key of a field -> its value as `Spec` packs it. Only `put` writes here: a change is always another dict."""
        return mapped_column(JSON, default=dict, server_default=text("'{}'"))

    def put(self, spec: Spec, value: Any) -> None:
        """Give a field its packed value, or none. Refused: a value that is not of the field's type (`Spec.check`)."""
        before = self.extra or {}
        if value in (None, "") or value != before.get(spec.key):  # what stands there already is nobody's mistake of today
            try:
                spec.check(value)
            except BadCell as bad:
                raise Refusal(_("%(field)s: %(reason)s"), field=spec.label, reason=f"{bad.sentence} {bad.remedy}") from bad
        now = {key: kept for key, kept in before.items() if key != spec.key}
        if value not in (None, ""):
            now[spec.key] = value
        if now != before:
            self.extra = now


def extensible() -> dict[str, Any]:
    """Screen's name -> mapped class of every table that takes fields."""
    found = (mapper for mapper in Base.registry.mappers if issubclass(mapper.class_, Extensible))
    return {screen_of(mapper): mapper.class_ for mapper in sorted(found, key=screen_of)}


# The tables of the studies, whose fields the registrar keeps too (rights: "study records").
STUDY_TABLES = frozenset(
    {"programme", "grid", "course", "rac_group", "admission", "session_record", "enrolment", "term", "org_unit"},
)


def may_keep(roles: Iterable[str], table: str, verb: str = "edit") -> bool:
    """Whether the fields of a table are theirs, as far as these roles may do the verb on added fields at all."""
    held = list(roles)
    return may(held if table in STUDY_TABLES else [role for role in held if role not in STUDIES_ONLY], "custom_field", verb)


def kept_tables(roles: Iterable[str], verb: str = "edit") -> list[str]:
    """The tables that take fields and with whose fields these roles may do the verb."""
    held = list(roles)
    return [table for table in extensible() if may_keep(held, table, verb)]


class FieldState(Choice):
    """Whether a field is offered."""

    in_use = "in_use", _("In use"), "ok"
    withdrawn = "withdrawn", _("Withdrawn"), "mute"


class CustomField(Base, Identified, SchoolScoped, Stamped, Versioned):
    """A field that a school has added to one of its tables. Its key is given once and never changes."""

    __tablename__ = "custom_field"
    __table_args__ = (UniqueConstraint("school_id", "table_name", "key"),)
    __renews_stamp__ = True  # whoever remembers the fields looks at the stamp of the words (models/labels.py)

    table_name: Mapped[str] = mapped_column(String(60), info={"label": _("List")})
    key: Mapped[str] = mapped_column(String(60), info={"label": _("Key")})
    label: Mapped[str] = mapped_column(String(80), info={"label": _("Name of the field")})
    help: Mapped[str] = mapped_column(String(200), default="", info={"label": _("Help under the field")})
    kind: Mapped[FieldKind] = mapped_column(choice_column(FieldKind), default=FieldKind.text, info={"label": _("Type")})
    choices: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, info={"label": _("Choices")})
    required: Mapped[bool] = mapped_column(default=False, info={"label": _("Must be filled in")})
    in_list: Mapped[bool] = mapped_column(default=False, info={"label": _("Always in the list")})
    in_form: Mapped[bool] = mapped_column(default=True, info={"label": _("In the form")})
    in_export: Mapped[bool] = mapped_column(default=True, info={"label": _("In exports")})
    in_import: Mapped[bool] = mapped_column(default=True, info={"label": _("In imports")})
    rank: Mapped[int] = mapped_column(default=0, info={"label": _("Order")})
    retired_at: Mapped[dt.datetime | None] = mapped_column(info={"label": _("Withdrawn on")})

    def __str__(self) -> str:
        return self.label

    @validates("label")
    def _need_label(self, _key: str, value: str | None) -> str:
        tidy = " ".join(visible(one_line(value or "")).split())
        if not tidy:
            raise Refusal(_("The field has no name. Type the one that people will read."))
        return tidy

    @property
    def state(self) -> FieldState:
        """In use, or withdrawn."""
        return FieldState.withdrawn if self.retired_at else FieldState.in_use

    @property
    def spec(self) -> Spec:
        """The field as plain values."""
        return spec_of(self)

    # -- verbs

    def retire(self) -> None:
        """Withdraw the field: shown nowhere, its values kept. Refused twice."""
        if self.retired_at is not None:
            raise Refusal(_("%(name)s is already withdrawn."), name=self.label)
        self.retired_at = utcnow()

    def reactivate(self) -> None:
        """Bring the field back, with its values. Refused unless withdrawn, or when another has taken its name."""
        if self.retired_at is None:
            raise Refusal(_("%(name)s is not withdrawn."), name=self.label)
        self.retired_at = None

    def offer(self, wanted: Sequence[tuple[str, str, bool]]) -> None:
        """Set the choices, in their order: (key, words, withdrawn), an empty key for a new one.

        A choice that is left out goes when no row holds it; one in use is withdrawn instead. Refused: two with the same words,
        words that are too long, too many, a key that does not exist.
        """
        known = {found["key"]: found for found in self.choices or ()}
        fresh: list[dict[str, Any]] = []
        for key, words, withdrawn in wanted:
            label = " ".join(visible(one_line(words)).split())
            if not label:
                continue
            if len(label) > LONGEST_OPTION:
                raise Refusal(_("“%(words)s” is too long: a choice has at most %(longest)d characters."), words=label[:80], longest=LONGEST_OPTION)
            if key and key not in known:
                raise Refusal(_("This choice does not exist. Choose another."))
            fresh.append({"key": key, "label": label, "retired": bool(key) and withdrawn})
        folded = [fold(found["label"]) for found in fresh]
        double = next((found["label"] for found, words in zip(fresh, folded, strict=True) if folded.count(words) > 1), None)
        if double is not None:
            raise Refusal(_("The choice “%(words)s” stands twice. Keep one."), words=double)
        taken = set(known) | {found["key"] for found in fresh}
        for found in fresh:
            if not found["key"]:
                found["key"] = slug(found["label"], taken)
                taken.add(found["key"])
        left = [key for key in known if key not in {found["key"] for found in fresh}]
        used = self.uses() if left else {}
        fresh += [{**known[key], "retired": True} for key in left if used.get(key)]
        if len(fresh) > MOST_OPTIONS:
            raise Refusal(_("A field takes at most %(num)d choices."), num=MOST_OPTIONS)
        if fresh != self.choices:
            self.choices = fresh

    def uses(self) -> dict[str, int]:
        """Key of a choice -> how many rows of the school hold it."""
        session = object_session(self)
        if session is None or not self.key:
            return {}
        rows = table_of(self.table_name)
        value = text_at(rows.c.extra, self.key)
        with session.no_autoflush:
            found = session.execute(
                select(value, count_filled(rows.c.extra, self.key)).where(rows.c.school_id == self.school_id, value.is_not(None)).group_by(value)
            )
            return {str(key): number for key, number in found}


def spec_of(row: CustomField) -> Spec:
    """A field as plain values that may be kept between requests."""
    options = tuple(Option(found["key"], found["label"], bool(found.get("retired"))) for found in row.choices or ())
    return Spec(
        row.id,
        row.table_name,
        row.key,
        row.label,
        row.help or "",
        row.kind,
        required=bool(row.required),
        in_list=bool(row.in_list),
        in_form=bool(row.in_form),
        in_export=bool(row.in_export),
        in_import=bool(row.in_import),
        retired=row.retired_at is not None,
        options=options if row.kind is FieldKind.choice else (),
    )


def read_specs(session: Session, school_id: int | None) -> dict[str, tuple[Spec, ...]]:
    """Table -> the fields of a school in their order, withdrawn ones last."""
    rows = session.scalars(
        select(CustomField).where(CustomField.school_id == school_id).order_by(CustomField.retired_at.is_not(None), CustomField.rank, CustomField.id)
    )
    found: dict[str, list[Spec]] = {}
    for row in rows:
        found.setdefault(row.table_name, []).append(spec_of(row))
    return {table: tuple(specs) for table, specs in found.items()}


_fields: Callable[[str], tuple[Spec, ...]] | None = None


def configure(fields: Callable[[str], tuple[Spec, ...]]) -> None:
    """Tell who remembers the fields of the present school's tables from one question to the next (views/custom.py)."""
    global _fields
    _fields = fields


def in_use(table: str) -> tuple[Spec, ...]:
    """The fields of a table of the present school that are not withdrawn, in their order; none without a school."""
    school_id = current_school_id()
    if school_id is None:
        return ()
    found = _fields(table) if _fields is not None else read_specs(db.session, school_id).get(table, ())
    return tuple(spec for spec in found if not spec.retired)


def table_of(table: str) -> Table:
    """The Core table behind a name: values are counted beneath the scope, since a field has values of rows that its keeper may not see."""
    found: Table = extensible()[table].__table__
    return found


def filled(session: Session, fields: Iterable[CustomField]) -> dict[int, int]:
    """Field's identifier -> how many rows of its school have a value; one statement a table."""
    wanted: dict[tuple[str, int], list[CustomField]] = {}
    for field in fields:
        wanted.setdefault((field.table_name, field.school_id), []).append(field)
    counts: dict[int, int] = {}
    for (table, school_id), mine in wanted.items():
        rows = table_of(table)
        found = session.execute(select(*(count_filled(rows.c.extra, field.key) for field in mine)).where(rows.c.school_id == school_id)).one()
        counts.update(zip((field.id for field in mine), found, strict=True))
    return counts


# -- the rules of a whole field, whichever door writes it


@event.listens_for(Session, "before_flush")
def _check_fields(session: Session, _context: Any, _instances: Any) -> None:
    changed = [row for row in (*session.new, *session.dirty) if isinstance(row, CustomField) and (row in session.new or session.is_modified(row))]
    if not changed:
        return
    with session.no_autoflush:
        for row in changed:
            _check_field(session, row)


def _check_field(session: Session, row: CustomField) -> None:
    model = extensible().get(row.table_name)
    if model is None:
        raise Refusal(_("This list takes no fields of your own. Choose another."))
    others = [one for one in _beside(session, row) if one is not row]
    fresh = row in session.new
    if fresh and not row.key:
        row.key = slug(row.label, {one.key for one in others})
    if fresh and not row.rank:
        row.rank = max((one.rank or 0 for one in others), default=0) + 1
    if row.retired_at is None:
        _check_name(row, model, others)
        number = sum(one.retired_at is None for one in others)
        if number >= MOST_FIELDS:
            raise Refusal(_("This list already has %(num)d fields of your own. Withdraw one first."), num=number)
    if row.required and row.in_form is False:  # (a new row has its defaults after this)
        raise Refusal(_("A field that must be filled in stands in the form. Tick “In the form”, or let it be left empty."))
    if not fresh:
        _check_change(session, row)
    if row.kind is FieldKind.choice and not any(not found.get("retired") for found in row.choices or ()):
        raise Refusal(_("A list of choices needs at least one. Write one choice on each line."))


def _beside(session: Session, row: CustomField) -> list[CustomField]:
    """The fields of the same table: those stored and those of this flush."""
    school_id = row.school_id
    stored = session.scalars(select(CustomField).where(CustomField.table_name == row.table_name, CustomField.school_id == school_id))
    waiting = (one for one in session.new if isinstance(one, CustomField) and (one.table_name, one.school_id) == (row.table_name, school_id))
    return list({id(one): one for one in (*stored, *waiting)}.values())


def _check_name(row: CustomField, model: Any, others: Iterable[CustomField]) -> None:
    """Two columns of the same name could not be told apart in a list, a file or a filter."""
    names = {fold(one.label) for one in others if one.retired_at is None} | {fold(str(label)) for label in _own_labels(model)}
    if fold(row.label) in names:
        raise Refusal(_("This list already has a field called “%(name)s”. Choose another name."), name=row.label)


def _own_labels(model: Any) -> Iterable[Any]:
    for prop in model.__mapper__.attrs:
        labels = (given.get("label") for given in (prop.info, *(column.info for column in getattr(prop, "columns", ()) if isinstance(column, Column))))
        yield from (label for label in labels if label is not None)


def _check_change(session: Session, row: CustomField) -> None:
    """Key and list never change; the type does not once there are values, for nothing would say what they mean."""
    attrs = sa_inspect(row).attrs
    if any(attrs[name].history.deleted and attrs[name].history.has_changes() for name in ("key", "table_name")):
        raise Refusal(_("The list of a field does not change. Withdraw this field and add another one."))
    if not attrs["kind"].history.deleted:
        return
    rows = table_of(row.table_name)
    number = session.scalar(select(count_filled(rows.c.extra, row.key)).where(rows.c.school_id == row.school_id, has_value(rows.c.extra, row.key))) or 0
    if number:
        raise Refusal(
            N_(
                "%(name)s is filled in for %(num)d record: its type can no longer change. Withdraw this field and add another one.",
                "%(name)s is filled in for %(num)d records: its type can no longer change. Withdraw this field and add another one.",
                number,
                name=row.label,
            )
        )
