"""What an export reads of a table: plain columns as a statement's own, two thousand rows at a time, as text that no spreadsheet runs.

For the pages that stream a file and for the job that makes a long one. A column that only its screen knows how to word is none of
these: `readers` then says so, and the screen writes its rows itself.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter
from sqlalchemy import Boolean, Date, Enum, Integer, String, select, type_coerce
from sqlalchemy.orm import Session

from models.among import among
from models.custom_values import Spec
from models.export_studies import WholeRows
from models.followed import Access, access_of_all
from models.people import Account, Guardian, GuardianLink, Student
from models.student_accounts import OwnAccount, account_of_all
from models.wording import Wording

CHUNK = 2_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_NAMES = 20_000  # names of related rows that are remembered at a time

# Excel runs a cell that begins so, also after a quote or a full-width sign (security case 76).
_FORMULA = re.compile(r"^[\"']?[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_ANY_FORMULA = re.compile(r"\x1f[\"']?[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_AT_START = re.compile(r"[=+\-@\t](?<=[;\n'].)", re.DOTALL)  # (the sign first: four times as fast as looking for what stands before it)
_WIDE = "\uff1d\uff0b\uff0d\uff20"
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_NO_TITLE = re.compile(r"[\[\]:*?/\\]")  # what the name of a sheet cannot hold

Words = Callable[[Sequence[Any]], Sequence[str]]


@dataclass(frozen=True)
class Reader:
    """One column: what the statement selects, and how a piece of its values becomes text."""

    expression: Any
    words: Words


def neutral(value: Any) -> str:
    """A cell as text that no spreadsheet runs: formulas get an apostrophe, plain numbers stay."""
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def neutralised(rows: list[Sequence[str]]) -> list[Sequence[str]]:
    """Rows whose cells are neutral, looked through all at once: few hold anything that a spreadsheet would run."""
    if not _ANY_FORMULA.search("\x1f" + "\x1f".join(map("\x1f".join, rows))):
        return rows
    return [list(map(neutral, row)) if _ANY_FORMULA.search("\x1f" + "\x1f".join(row)) else row for row in rows]


def csv_of(rows: list[Sequence[str]]) -> str:
    """Rows as the lines of a CSV (`;`, quoted where needed), neutral."""
    text = "\r\n".join(map(";".join, rows))
    if len(rows[0]) > 1 and _is_plain(text, len(rows), len(rows[0])):
        return f"{text}\r\n"
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerows(neutralised(rows))
    return buffer.getvalue()


def _is_plain(text: str, rows: int, columns: int) -> bool:
    """Whether nothing in these lines is to be quoted or neutralised, as nearly always: then they are the file, in half of the writer's time."""
    if text.count(";") != rows * (columns - 1) or not text.count("\n") == text.count("\r") == rows - 1 or '"' in text:
        return False
    return not (any(sign in text for sign in _WIDE) or _AT_START.search(text) or _FORMULA.match(text))


# --- readers ---------------------------------------------------------------------------------------------------------------------


def _each(known: dict[Any, str], word: Callable[[Any], str]) -> Words:
    """Values that come again and again: each is worded once."""

    def words(values: Sequence[Any]) -> list[str]:
        for value in set(values).difference(known):
            known[value] = word(value)
        return list(map(known.__getitem__, values))

    return words


def _texts(values: Sequence[Any]) -> Sequence[str]:
    return ["" if value is None else value for value in values] if None in values else values


def _members(choice: Any) -> dict[Any, str]:
    return {None: "", **{member.name: str(member) for member in choice}}


def _names(session: Session, target: Any) -> Words:
    """The names of related rows, as far as they exist for the person; each piece asks once for those that are new."""
    known: dict[Any, str] = {None: ""}

    def words(values: Sequence[Any]) -> list[str]:
        wanted = set(values).difference(known)
        if len(known) > MOST_NAMES:
            known.clear()
            known[None], wanted = "", set(values)
        if wanted:
            known.update(dict.fromkeys(wanted, ""))
            known.update((row.id, str(row)) for row in session.scalars(select(target).where(among(target.id, wanted))))
            session.expunge_all()
        return [known[value] for value in values]

    return words


def _children(session: Session) -> Words:
    """The children of each guardian: the family name only where it is another."""

    def words(ids: Sequence[Any]) -> list[str]:
        wanted = select(GuardianLink.guardian_id, Student.given_name, Student.family_name, Guardian.family_name)
        joined = wanted.join(Student, Student.id == GuardianLink.student_id).join(Guardian, Guardian.id == GuardianLink.guardian_id)
        found: dict[int, list[str]] = {}
        for guardian, given, family, own in session.execute(joined.where(among(GuardianLink.guardian_id, ids))):
            found.setdefault(guardian, []).append(given if family == own else f"{given} {family}")
        return [", ".join(sorted(found.get(i, ()))) for i in ids]

    return words


# Columns that are no attribute of the table, or that a list dresses otherwise than an export: (table, column) -> reader.
_OWN: dict[tuple[str, str], Callable[[Session], Reader | None]] = {
    ("student", "name"): lambda session: Reader(Student.id, _names(session, Student)),
    ("guardian", "name"): lambda session: Reader(Guardian.id, _names(session, Guardian)),
    ("student", "access"): lambda _session: Reader(access_of_all(), _each(_members(Access), str)),
    ("student", "account"): lambda _session: Reader(account_of_all(), _each(_members(OwnAccount), str)),
    ("guardian", "account"): lambda _session: Reader(Guardian.user_id, lambda ids: [str(Account.registered if user else Account.none) for user in ids]),
    ("guardian", "children"): lambda session: Reader(Guardian.id, _children(session)),
    ("guardian_link", "relation"): lambda session: _plain(session, GuardianLink, "relation", None),
    ("guardian_link", "authority"): lambda session: _plain(session, GuardianLink, "authority", None),
}


def _plain(session: Session, model: Any, name: str, wording: Wording | None) -> Reader | None:
    """A column or a relation of the table itself."""
    mapper = model.__mapper__
    if name in mapper.relationships:
        relation = mapper.relationships[name]
        if relation.uselist or len(relation.local_columns) != 1:
            return None
        (local,) = relation.local_columns
        return Reader(getattr(model, mapper.get_property_by_column(local).key), _names(session, relation.mapper.class_))
    if name not in mapper.column_attrs:
        return None
    column = getattr(model, name)
    kind = mapper.column_attrs[name].columns[0].type
    if isinstance(kind, Enum):  # (as it is stored: its words are looked up once each)
        return Reader(type_coerce(column, String), _each(_members(kind.enum_class), str))
    if isinstance(kind, Integer) and not isinstance(kind, Boolean):
        return Reader(column, lambda values: ["" if value is None else str(value) for value in values])
    if isinstance(kind, String):
        return Reader(column, _texts)
    if wording is None:
        return None
    if isinstance(kind, Date):
        return Reader(type_coerce(column, String), _each({None: ""}, lambda day: wording.day(_day(day))))
    if isinstance(kind, Boolean):
        return Reader(column, _each({}, lambda value: str(wording.text(value))))
    return Reader(column, lambda values: [str(wording.text(value)) for value in values])


def _day(stored: Any) -> dt.date:
    """A day as the database gives it, past SQLAlchemy's own conversion: SQLite keeps the ISO form."""
    return stored if isinstance(stored, dt.date) else dt.date.fromisoformat(stored)


def _extra(model: Any, spec: Spec, wording: Wording) -> Reader:
    def words(values: Sequence[Any]) -> list[str]:
        return [str(wording.text(spec.value((value or {}).get(spec.key)))) for value in values]

    return Reader(model.extra, words)


def readers(
    session: Session, model: Any, names: Sequence[str], wording: Wording, specs: Mapping[str, Spec] | None = None, worded: Collection[str] = ()
) -> list[Reader] | None:
    """The readers of these columns, or None when one of them is not plain.

    `specs` are the school's own fields by name; `worded` the columns that the screen words by a function of its own, which only this
    module's own words replace.
    """
    found: list[Reader] = []
    whole = WholeRows(session, model, names, wording)
    for name in names:
        reader: Reader | None = None
        if name in whole.values:
            reader = Reader(model.id, whole.words(name))
        elif (model.__tablename__, name) in _OWN:
            reader = _OWN[model.__tablename__, name](session)
        elif name in (specs or {}):
            reader = _extra(model, (specs or {})[name], wording)
        elif name not in worded:
            reader = _plain(session, model, name, wording)
        if reader is None:
            return None
        found.append(reader)
    return found


def pieces(session: Session, query: Any, model: Any, found: Sequence[Reader]) -> Iterator[list[Sequence[str]]]:
    """The rows of a query on the model, in its order, as text; read as they come, never all at once."""
    statement = query.with_entities(model.id, *(reader.expression for reader in found)).statement
    for part in session.execute(statement, execution_options={"yield_per": CHUNK}).partitions():
        yield _worded(part, found)


def piece_of(session: Session, query: Any, model: Any, ids: Sequence[int], found: Sequence[Reader]) -> list[Sequence[str]]:
    """Of the rows of a query those of these identifiers, in this order, as text; a row that has gone is left out."""
    statement = query.with_entities(model.id, *(reader.expression for reader in found)).filter(among(model.id, ids)).statement
    rows = {row[0]: row for row in session.execute(statement)}
    return _worded([rows[i] for i in ids if i in rows], found)


def _worded(rows: Sequence[Any], found: Sequence[Reader]) -> list[Sequence[str]]:
    columns = list(zip(*rows, strict=True))[1:]
    return list(zip(*(reader.words(values) for reader, values in zip(found, columns, strict=True)), strict=True)) if rows else []


def write_book(target: IO[bytes], headings: Sequence[str], rows: Iterable[list[Sequence[str]]], title: str = "") -> None:
    """An XLSX file of one sheet (called `title`), all of it text: nothing in it is run, no number loses its zeros."""
    book = xlsxwriter.Workbook(target, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False})
    sheet = book.add_worksheet(_NO_TITLE.sub(" ", title)[:31].strip(" '") or None)
    bold = book.add_format({"bold": True})
    for column, heading in enumerate(headings):
        sheet.write_string(0, column, neutral(heading), bold)
    line = 0
    for piece in rows:
        for line, row in enumerate(neutralised(piece), line + 1):  # noqa: B020 (counts on)
            for column, value in enumerate(row):
                sheet.write_string(line, column, value)
    book.close()
