"""Masks: how the fields of records are called in one programme, where the school's word would mislead (features S3-09, S3-10).

A mask holds for its school, programme and language, on pages about one record of that programme. Lists, exports and papers, which may hold
several programmes, say the school's word.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ForeignKey, String, UniqueConstraint, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, backref, mapped_column, relationship, validates

from models.base import Base, Identified, Refusal, Stamped, Versioned
from models.catalogue import MESSAGES, Key, Message, installed
from models.enrolments import Enrolment
from models.journal import record
from models.label_languages import SchoolLanguage
from models.labels import check_places, clean_text
from models.overlay import Override
from models.scope import SchoolScoped
from models.session_records import SessionRecord
from models.studies import Programme
from models.texts import code_of
from models.values import one_line
from models.words import _, _p, key_of

log = logging.getLogger(__name__)
LONGEST_MASK = 120  # signs: it stands before a field
# What no form shows.
_TECHNICAL = frozenset({"school", "school_id", "version", "created_at", "updated_at", "extra"})


@dataclass(frozen=True)
class Masked:
    """A table whose fields a programme may call otherwise; `more` are words that stand beside its columns' own (figures worked out)."""

    model: Any
    label: Any
    more: tuple[Any, ...] = ()


# Whoever adds a table of records of a programme adds it here, and to `programme_of`.
MASKED: tuple[Masked, ...] = (Masked(SessionRecord, _("[Session record]")), Masked(Enrolment, _p("label_mask", "Registration")))


@dataclass(frozen=True)
class Field:
    """One text that names fields: its key among the texts of the application."""

    key: Key

    @property
    def code(self) -> str:
        """Its short name in forms."""
        return code_of(MESSAGES, *self.key)


def fields() -> list[tuple[tuple[Masked, ...], list[Field]]]:
    """The texts that may be masked with the tables that they stand in: those of several tables first, then table by table, as columns come."""
    where: dict[Key, list[Masked]] = {}
    for masked in MASKED:
        for key in dict.fromkeys(key for key in map(key_of, _labels(masked)) if key is not None):
            where.setdefault(key, []).append(masked)
    found: dict[tuple[Masked, ...], list[Field]] = {}
    for key, tables in where.items():
        found.setdefault(tuple(tables), []).append(Field(key))
    return sorted(found.items(), key=lambda group: (-len(group[0]), MASKED.index(group[0][0])))


def _labels(masked: Masked) -> Iterator[Any]:
    mapper = masked.model.__mapper__
    columns = [mapper.get_property_by_column(column).key for column in mapper.local_table.columns]
    for name in dict.fromkeys((*columns, *mapper.attrs.keys())):
        label = label_of(masked.model, name)
        if label is not None and name not in _TECHNICAL:
            yield label
    yield from masked.more


def label_of(model: Any, name: str) -> Any:
    """What the model itself calls an attribute; None where it says nothing, or has none of this name."""
    prop = model.__mapper__.attrs.get(name)
    if prop is None:
        return None
    given = (prop.info, *(getattr(column, "info", {}) for column in getattr(prop, "columns", ())))
    return next((info["label"] for info in given if "label" in info), None)


class Mask(Base, Identified, SchoolScoped, Stamped, Versioned):
    """What one programme calls a field, in one language. Refused: a text that names no field, an empty or long one, a place lost or invented."""

    __tablename__ = "label_mask"
    __renews_stamp__ = True
    __table_args__ = (UniqueConstraint("programme_id", "language", "msgctxt", "msgid", name="uq_label_mask_text"),)

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id", ondelete="CASCADE"), info={"label": _("[Programme]")})
    language: Mapped[str] = mapped_column(String(10), info={"label": _("Language")})
    msgctxt: Mapped[str] = mapped_column(String(60), default="", info={"label": _("Context")})
    msgid: Mapped[str] = mapped_column(String(200), info={"label": _("Text in English")})
    text: Mapped[str] = mapped_column(String(LONGEST_MASK), info={"label": _("Your text")})

    # A programme takes its masks with it, and brings them back from the trash.
    programme: Mapped[Programme] = relationship(info={"label": _("[Programme]")}, backref=backref("masks", cascade="all, delete-orphan"))

    def __str__(self) -> str:
        return self.text

    @validates("text")
    def _check_text(self, _key: str, value: str | None) -> str:
        text = " ".join(one_line(clean_text(value)).split())
        if len(text) > LONGEST_MASK:
            raise Refusal(_("The name of a field has at most %(longest)d characters. Shorten it."), longest=LONGEST_MASK)
        return text

    @property
    def key(self) -> Key:
        """The text that it replaces."""
        return self.msgctxt, self.msgid

    def check(self, added: Collection[str] = ()) -> None:
        """Refused: a text that names no field of records, a language without a catalogue (`added`: those of the school), wrong places."""
        if all(field.key != self.key for _tables, known in fields() for field in known):
            raise Refusal(_("This text names no field of the records of [a programme]. Choose one of the fields shown."))
        if self.language not in (*installed().languages(), *added):
            raise Refusal(_("[The school] has no such added language."))
        check_places(self.text, Message(*self.key, "", (self.msgid,), Path()), 0)


# Undoing removes them before the language that they are written in.
Mask.__table__.add_is_dependent_on(SchoolLanguage.__table__)  # type: ignore[attr-defined]


@event.listens_for(Mask, "before_insert")
@event.listens_for(Mask, "before_update")
def _check_mask(_mapper: Any, connection: Connection, row: Mask) -> None:
    row.msgctxt = row.msgctxt or ""
    languages = SchoolLanguage.__table__.c
    known = row.language in installed().languages()
    row.check([] if known else connection.scalars(select(languages.language).where(languages.school_id == row.school_id)).all())


def masks_of(session: Session, programme_id: int, language: str | None = None) -> list[Mask]:
    """The masks of a programme, of one language or of all."""
    wanted = select(Mask).where(Mask.programme_id == programme_id).order_by(Mask.id)
    return list(session.scalars(wanted if language is None else wanted.where(Mask.language == language)))


def write_masks(session: Session, programme: Programme, language: str, typed: Mapping[Key, str], said: Mapping[Key, str]) -> int:
    """Write what was typed for these fields; how many changed. Nothing typed, or what the school says anyway (`said`), is no mask.

    Refused as a whole (see `Mask`), with nothing written.
    """
    known = {row.key: row for row in masks_of(session, programme.id, language)}
    count = 0
    for key, text in typed.items():
        wanted, row = " ".join(text.split()), known.get(key)
        if not wanted or wanted == said.get(key):
            if row is not None:
                session.delete(row)
                count += 1
        elif row is None:
            session.add(Mask(school_id=programme.school_id, programme=programme, language=language, msgctxt=key[0], msgid=key[1], text=wanted))
            count += 1
        elif row.text != wanted:
            row.text = wanted
            count += 1
    session.flush()
    return count


def reset_masks(session: Session, programme: Programme, keys: Collection[Key] | None = None, language: str | None = None) -> int:
    """Let these fields (None: all) be called as the school calls them again, in one language or in all; how many masks went."""
    rows = [row for row in masks_of(session, programme.id, language) if keys is None or row.key in keys]
    for row in rows:
        record(session, "reset", "label_mask", row.id)
        session.delete(row)
    session.flush()
    return len(rows)


def masked_programmes(session: Session, language: str) -> dict[int, int]:
    """Programme -> how many masks it has in this language."""
    counted = select(Mask.programme_id, func.count()).where(Mask.language == language).group_by(Mask.programme_id)
    return dict(session.execute(counted).all())


def read_masks(session: Session, school_id: int, programme_id: int) -> tuple[Override, ...]:
    """The masks of a programme of this school; none for a programme of another one."""
    m = Mask
    rows = session.execute(select(m.language, m.msgctxt, m.msgid, m.text).where(m.school_id == school_id, m.programme_id == programme_id).order_by(m.id))
    return tuple(Override(False, MESSAGES, language, context, msgid, 0, text) for language, context, msgid, text in rows)


_kept: OrderedDict[tuple[int, int], tuple[int, tuple[Override, ...]]] = OrderedDict()  # (school, programme): as they stood at a stamp
_PROGRAMMES = 64  # the last ones asked for
_keeping = threading.Lock()


def kept_masks(look: Callable[[], AbstractContextManager[Session]], school_id: int, programme_id: int, stamp: int) -> tuple[Override, ...]:
    """`read_masks`, asked of the database again only when the stamp of the words is another; `look` opens a reading session."""
    key = school_id, programme_id
    with _keeping:
        known = _kept.pop(key, None)
    if known is None or known[0] != stamp:
        try:
            with look() as session:
                known = stamp, read_masks(session, school_id, programme_id)
        except SQLAlchemyError as error:  # an error page must still be able to speak: the last words known serve
            log.warning("masks could not be read: %s", type(error).__name__)
            return known[1] if known else ()
    with _keeping:
        _kept[key] = known
        if len(_kept) > _PROGRAMMES:
            _kept.popitem(last=False)
    return known[1]


def forget_masks() -> None:
    """Forget what was read from a database: the process now serves another one."""
    with _keeping:
        _kept.clear()


def programme_of(row: Any) -> int | None:
    """The programme under which a record stands: its own, its admission's, its session record's."""
    for owner in ("session_record", "admission"):
        row = getattr(row, owner, None) or row
    found: int | None = getattr(row, "programme_id", None)
    return found
