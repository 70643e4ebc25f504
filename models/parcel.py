"""What one school hands to another, as one text: a line that announces, then one line for each row, all of them texts.

It is read without trust, whoever made it: only tables and columns that `models/travel.py` declares, only the students announced, no
markup, no row that nothing points to. One thing too many and the whole is refused (security 89). Read line by line, so that nothing grows
beyond the bounds below.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from models.base import Refusal, fold
from models.custom_import import MARK
from models.import_words import BadCell
from models.school import Country
from models.sent_json import read_json
from models.travel import TABLES, References, own_columns
from models.travel_studies import CODE_LISTS as _STUDIES  # noqa: F401 (declares the tables of the studies)
from models.values import read_phone, visible
from models.words import _

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_STUDENTS = 2_000
MOST_CELL = 1_000  # characters
KEPT = dt.timedelta(days=30)  # a transfer is taken in within thirty days
_CLOCKS = dt.timedelta(days=1)  # more than two installations' clocks differ
_ROOM = 64 * 1024  # of the upload's own form around the file
_LINE, _HEAD = 40_000, 400_000  # characters of one line
_OWN = re.compile(r"(student|guardian):[a-z0-9_]{1,60}")
_TOKEN = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,19}")
_ODD = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")


@dataclass
class Parcel:
    """One transfer: from whom, to whom, made when, announcing which students (by their identifiers); `token` is used once.

    `columns` is table -> its columns, `rows` table -> its rows, `labels` the names of the sender's own fields.
    """

    from_code: str
    from_name: str
    country: str
    to_code: str
    students: list[str]
    token: str
    made_at: dt.datetime
    columns: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)

    # -- out

    def fill(self, session: Session, ids: Sequence[int]) -> None:
        """Put in what travels of these students. Refused beyond what a school takes in at a time."""
        references, many = References(), 0
        for table in TABLES.values():
            own = own_columns(table)
            self.labels |= {key: plain(label) for key, label in own.items()}
            keys = [*table.columns, *own]
            rows = [[plain(row.get(key, "")) for key in keys] for row in table.rows(session, ids, references)]
            if rows or table.needed:
                self.columns[table.name], self.rows[table.name] = keys, rows
            many += len(rows)
        if many > MOST_ROWS or len(self.dump().encode()) > MOST_BYTES - _ROOM:
            raise Refusal(_("This is too much for one transfer. Send fewer [students] at a time."))

    def dump(self) -> str:
        """The text."""
        head = {
            "from": self.from_code,
            "from_name": plain(self.from_name),
            "country": self.country,
            "to": self.to_code,
            "token": self.token,
            "made_at": self.made_at.isoformat(),
            "students": self.students,
            "columns": self.columns,
            "labels": self.labels,
        }
        lines = [json.dumps(head, ensure_ascii=False)]
        lines += [json.dumps([name, row], ensure_ascii=False) for name, rows in self.rows.items() for row in rows]
        return "\n".join(lines)

    # -- in

    @classmethod
    def load(cls, text: str) -> Parcel:
        """Read it again. Refused whole when it holds anything that no transfer holds."""
        try:
            lines = _lines(text)
            made = cls._announced(next(lines))
            for line in lines:
                made._take(read_json(line))
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError) as problem:
            raise _odd() from problem
        made._check()
        return made

    @classmethod
    def _announced(cls, line: str) -> Parcel:
        head = read_json(line)
        if set(head) != {"from", "from_name", "country", "to", "token", "made_at", "students", "columns", "labels"}:
            raise _odd()
        texts = (head["from"], head["from_name"], head["to"], head["token"], head["made_at"], *head["students"], *head["labels"].values())
        if not all(isinstance(found, str) and found and is_plain(found) for found in texts):
            raise _odd()
        if not (_TOKEN.fullmatch(head["token"]) and _CODE.fullmatch(head["from"]) and _CODE.fullmatch(head["to"])):
            raise _odd()
        announced = head["students"]
        if not (isinstance(announced, list) and 0 < len(announced) <= MOST_STUDENTS and len(set(announced)) == len(announced)):
            raise _odd()
        made_at = dt.datetime.fromisoformat(head["made_at"])
        if made_at.tzinfo is None or len(head["from_name"]) > 200 or head["country"] not in Country.__members__:
            raise _odd()
        columns = {_known_table(name): _known_columns(name, keys) for name, keys in head["columns"].items()}
        if {table.name for table in TABLES.values() if table.needed} - set(columns) or not all(_OWN.fullmatch(key) for key in head["labels"]):
            raise _odd()
        return cls(
            head["from"],
            head["from_name"],
            head["country"],
            head["to"],
            announced,
            head["token"],
            made_at,
            columns,
            head["labels"],
            {name: [] for name in columns},
        )

    def _take(self, line: Any) -> None:
        name, row = line
        if not isinstance(row, list) or len(row) != len(self.columns[name]) or not all(isinstance(cell, str) and is_plain(cell) for cell in row):
            raise _odd()
        self.rows[name].append(row)

    def _check(self) -> None:
        """Exactly the students announced, each once, and nobody that nothing speaks of."""
        if sorted(self.values("students", "national_id")) != sorted(self.students):
            raise _odd()
        sent = [TABLES[name] for name in self.columns]
        spoken: dict[str, set[str]] = {name: set() for name in TABLES}
        for table in sent:
            keys = self.values(table.name, table.key) if table.key else []
            if len(set(keys)) != len(keys) or "" in keys:
                raise _odd()
            for column, other in table.refers.items():
                spoken[other] |= set(self.values(table.name, column)) - ({""} if column in table.optional else set())
        for name, said in spoken.items():
            key = TABLES[name].key
            known = set(self.values(name, key)) if key and name in self.columns else set()
            if said - known or (key and not TABLES[name].alone and known - said):
                raise _odd()

    def values(self, table: str, column: str) -> list[str]:
        """One column of a table."""
        at = self.columns[table].index(column)
        return [row[at] for row in self.rows[table]]

    def refuse_unless_for(self, code: str, now: dt.datetime) -> None:
        """Refused: a parcel for another school or from this one, too old, or from a day that has not come."""
        if self.to_code != code:
            raise Refusal(
                _("This transfer is for %(other)s, and yours is %(own)s. Nothing was taken in: send it on to that [school]."),
                other=self.to_code,
                own=code,
            )
        if self.from_code == code:
            raise Refusal(_("This transfer says that it comes from your own [school]. Nothing was taken in: ask who gave you this file."))
        if self.made_at > now + _CLOCKS:
            raise Refusal(
                _("This transfer bears a date that has not come. Nothing was taken in: the clock of the other [school]’s server, or of yours, is to be set.")
            )
        if self.made_at < now - KEPT:
            raise Refusal(_("This transfer is older than %(days)d days. Nothing was taken in: ask the other [school] to make it again."), days=KEPT.days)

    def dialled(self, country: str) -> None:
        """Write the phones so that a school of another country can dial them."""
        for name, keys in self.columns.items() if country != self.country else ():
            for at in (at for at, key in enumerate(keys) if key == "phone"):
                for row in self.rows[name]:
                    row[at] = _international(row[at], self.country)

    @property
    def names(self) -> list[dict[str, str]]:
        """Whom it speaks of, as a list may show them."""
        parts = zip(*(self.values("students", key) for key in ("family_name", "given_name", "national_id")), strict=True)
        return [{"name": f"{family}, {given}", "code": code} for family, given, code in sorted(parts, key=lambda part: fold(" ".join(part)))]


def new_token() -> str:
    """The name of one transfer, unlike any other."""
    return secrets.token_hex(16)


def plain(text: str) -> str:
    """A text as it travels: on one line, without signs that nobody sees; signs of markup become quotation marks."""
    tidy = " ".join(visible(text).split()).replace("<", "‹").replace(">", "›")
    return _ODD.sub("", tidy)[:MOST_CELL].strip()


def is_plain(text: str) -> bool:
    """Whether a text is one that `plain` could have given."""
    return len(text) <= MOST_CELL and not _ODD.search(text) and visible(text) == text


def _international(phone: str, country: str) -> str:
    """A phone with the code of its country; what cannot be read stays as it is, for a person to correct."""
    try:
        return read_phone(phone, country, []).e164 if phone else ""
    except BadCell:
        return phone


def _odd() -> Refusal:
    return Refusal(_("This transfer holds something that no transfer holds. Nothing was taken in: tell the other [school], and ask for a new one."))


def _lines(text: str) -> Iterator[str]:
    """The lines, within bounds; the first may be longer."""
    start, count = 0, 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > (_LINE if count else _HEAD) or count > MOST_ROWS:
            raise _odd()
        yield text[start:end]
        start, count = end + 1, count + 1


def _known_table(name: str) -> str:
    if name not in TABLES:
        raise _odd()
    return name


def _known_columns(name: str, keys: Any) -> list[str]:
    """Only what is declared, each once, and all that rows are told apart by."""
    table = TABLES[name]
    needed = {table.key, *table.refers} - {""}
    known = all(isinstance(key, str) and (key in table.columns or (table.own and _OWN.fullmatch(key) and key.startswith(table.own + MARK))) for key in keys)
    if not isinstance(keys, list) or not known or len(set(keys)) != len(keys) or not needed <= set(keys):
        raise _odd()
    return keys
