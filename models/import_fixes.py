"""What people decide about an import before it is written: cells set right, lines left out, values that are to come with it, doubts settled.

Everything is kept with the import and read again by every check. Two people may work on one import at once: each says what the
cell said when they read it, and the second of two is told instead of winning silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from models import staff
from models.access import Role
from models.base import Refusal
from models.db import db
from models.import_choices import PLACES
from models.import_fields import FIELDS, OWN
from models.import_rows import FileKind, ImportFile, ImportRow
from models.import_study_fields import STUDY_PLACES
from models.import_words import BadCell
from models.names import plain_words
from models.staff_words import LEFT_OUT, ROLE, read_role
from models.words import _

MOST_FIXES = 1_000  # cells of one request; a page shows far fewer
LONGEST = 1_000  # characters of a cell


class Busy(Refusal):
    """Somebody else's work is in the way: nothing is lost, look and try again (409)."""


@dataclass(frozen=True)
class Fix:
    """One cell as somebody typed it; `seen` is what it said on their page (None: they do not say). `everywhere`: on every line that says the same."""

    kind: str
    line: int
    key: str
    text: str
    seen: str | None = None
    everywhere: bool = False

    @property
    def name(self) -> str:
        """The cell, as one word: "students.48.born_on"."""
        return f"{self.kind}.{self.line}.{self.key}"


@dataclass(frozen=True)
class Clash:
    """A cell that somebody else set right meanwhile: what it says now; what was typed is not kept by the import."""

    fix: Fix
    now: str


class Fixable:
    """The part of an import that people set right. Every change asks for a new check."""

    if TYPE_CHECKING:
        id: Any
        files: Any
        generation: Any
        places: Any
        to_create: Any
        decisions: Any

        def refuse_unless_fixable(self) -> None:
            """As `Import` has it."""

        def check_again(self) -> None:
            """As `Import` has it."""

    def file_of(self, kind: str) -> ImportFile:
        """The file that holds lines of this kind. Refused when there is none."""
        for file in self.files:
            if file.kind.name == kind:
                return file  # type: ignore[no-any-return]
        raise Refusal(_("This import has no such file. Nothing was changed."))

    def rows_of(self, kind: str, lines: Iterable[int]) -> dict[int, ImportRow]:
        """The lines of a file as the last check left them."""
        wanted = select(ImportRow).where(
            ImportRow.import_id == self.id,
            ImportRow.generation == self.generation,
            ImportRow.kind == FileKind[kind],
            ImportRow.line.in_(set(lines)),
        )
        return {row.line: row for row in db.session.scalars(wanted)}

    def correct(self, fixes: list[Fix]) -> list[Clash]:
        """Put what somebody typed in place of cells of the files; the cells that somebody else changed meanwhile are left as they are and told.

        Refused, wholly: a field that no column has, a line that the file does not have, an import that is being written or closed.
        """
        self.refuse_unless_fixable()
        if len(fixes) > MOST_FIXES:
            raise Refusal(_("That is too much at once. Correct fewer lines at a time."))
        clashes: list[Clash] = []
        changed = False
        for kind in dict.fromkeys(fix.kind for fix in fixes):
            mine = [fix for fix in fixes if fix.kind == kind]
            if kind not in FIELDS:
                raise Refusal(_("This kind of file is not known."))
            unknown = next((fix.key for fix in mine if fix.key not in FIELDS[kind]), None)
            if unknown is not None:
                raise Refusal(_("“%(key)s” is not a column of an import. Nothing was changed."), key=unknown[:80])
            file = self.file_of(kind)
            rows = self.rows_of(kind, (fix.line for fix in mine))
            for fix in mine:
                row = rows.get(fix.line)
                if row is None:
                    raise Refusal(_("This line is no longer in the file. Nothing was changed."))
                text, now = fix.text.strip()[:LONGEST], file.text_of(row, fix.key)
                if fix.seen is not None and fix.seen.strip() != now and text != now:
                    clashes.append(Clash(fix, now))
                elif text != now or fix.everywhere:
                    changed = _put(file, row, fix, text) or changed
        if changed:
            self.check_again()
        return clashes

    def ignore(self, line: int, kind: str = FileKind.students.name, *, out: bool = True) -> None:
        """Leave a line out, or (`out` False) take it again. The same twice changes nothing."""
        self.refuse_unless_fixable()
        file = self.file_of(kind)
        if (line in file.ignored) == out:
            return
        if out and line not in self.rows_of(kind, [line]):
            raise Refusal(_("This line is no longer in the file. Nothing was changed."))
        file.ignored = sorted({*file.ignored, line} if out else {*file.ignored} - {line})
        self.check_again()

    def settle(self, key: str, text: str, to: str | None, seen: str | None = None) -> None:
        """A level or class that the school lacks: bring it with the import (`to` None), or read another in its place on every line.

        `seen` is what the page said was done about it ("+", "=another", or ""). Refused: a name that the check did not tell; 409 when
        somebody settled it otherwise meanwhile.
        """
        self.refuse_unless_fixable()
        if key == ROLE:
            self._check_role(to)
        elif key not in (*PLACES, *STUDY_PLACES) or not text.strip():
            raise Refusal(_("Only a [level] or a class can come with an import."))
        columns = self._columns_of(key)
        told = [place["text"] for place in self.places if place["field"] == key]
        replaced = {said: other for file, column in columns for said, other in file.replacements.get(column, {}).items()}
        if plain_words(text) not in map(plain_words, (*told, *replaced, *self.to_create.get(key, []))):
            raise Refusal(_("This question no longer stands. Read the new check."))
        done = "+" if text in self.to_create.get(key, []) else "=" + replaced.get(text, "")
        if seen is not None and done != "=" and done not in (seen, "+" if to is None else f"={to.strip()}"):
            raise Busy(_("Somebody has already said what “%(name)s” is. Look again, then choose."), name=text[:80])
        coming = [known for known in self.to_create.get(key, []) if known != text]
        if to is None:
            coming.append(text)
        instead = {text: to.strip()[:LONGEST]} if to is not None and to.strip() != text else {}
        after = [{**{said: other for said, other in file.replacements.get(column, {}).items() if said != text}, **instead} for file, column in columns]
        before = [file.replacements.get(column, {}) for file, column in columns]
        if (self.to_create.get(key, []), before) == (coming, after):
            return
        self.to_create = {**self.to_create, key: coming}
        for (file, column), said in zip(columns, after, strict=True):
            file.replacements = {**file.replacements, column: said}
        self.check_again()

    def _columns_of(self, key: str) -> list[tuple[ImportFile, str]]:
        """The columns that name a level, a class, a term...: each file with its own. Refused when there is none."""
        if key in STUDY_PLACES:
            return [(file, column) for file in self.files for column in STUDY_PLACES[key] if column in FIELDS[file.kind.name]]
        return [(self.file_of(FileKind.staff.name if key == ROLE else FileKind.students.name), key)]

    @staticmethod
    def _check_role(to: str | None) -> None:
        """Refuse what is not a role to give to the people of a function."""
        try:
            role = read_role(to or "")
        except BadCell:
            raise Refusal(_("Choose a role in the list.")) from None
        if role != LEFT_OUT:
            staff.check_may_give(Role[role])

    def decide(self, line: int, key: str, verdict: str) -> None:
        """Answer a question of the check: `verdict` is a candidate ("s12": that student), "out:12" (keep the other line), or "" (somebody else).

        Refused: a question that no longer stands, an answer that it does not offer; 409 when somebody gave another answer meanwhile.
        """
        self.refuse_unless_fixable()
        wanted = select(ImportRow).where(ImportRow.import_id == self.id, ImportRow.generation == self.generation, ImportRow.line == line, ImportRow.asked)
        questions = [q for row in db.session.scalars(wanted) for q in row.questions if q["key"] == key]
        if not questions:
            raise Refusal(_("This question no longer stands. Read the new check."))
        question = questions[0]
        answer: dict[str, Any]
        if verdict.startswith("out:"):
            lines = {str(line), *(ref[1:] for ref in question["refs"] if ref[0] == "l")}
            if len(lines) < 2 or verdict[4:] not in lines:
                raise Refusal(_("This answer does not fit the question. Choose one of those shown."))
            answer = {"out": int(verdict[4:])}
        elif verdict:
            if verdict not in question["refs"] or verdict[0] == "l":
                raise Refusal(_("This answer does not fit the question. Choose one of those shown."))
            answer = {"same": verdict}
        elif question.get("one"):
            raise Refusal(_("This answer does not fit the question. Choose one of those shown."))
        else:
            answer = {"not": question["refs"]}
        before = self.decisions.get(key)
        if before == answer:
            return
        if before is not None and "not" not in before:
            raise Busy(_("Somebody has already answered this question. Take their answer back first, if it is wrong."))
        if "not" in answer and before is not None:
            answer = {"not": sorted({*before["not"], *answer["not"]})}
        self.decisions = {**self.decisions, key: answer}
        self.check_again()

    def reconsider(self, key: str) -> None:
        """Take an answer back: the question is asked again."""
        self.refuse_unless_fixable()
        if key in self.decisions:
            self.decisions = {known: answer for known, answer in self.decisions.items() if known != key}
            self.check_again()


def _put(file: ImportFile, row: ImportRow, fix: Fix, text: str) -> bool:
    """Keep one cell; whether anything changed. What the file says anyway needs no correction."""
    said = file.said_in_file(row, fix.key)
    typed = {key: old for key, old in file.corrections.get(str(row.line), {}).items() if key != fix.key}
    everywhere = file.replacements
    if fix.everywhere and said and FIELDS[fix.kind][fix.key].bare not in OWN:
        others = {old: new for old, new in everywhere.get(fix.key, {}).items() if old != said}
        everywhere = {**everywhere, fix.key: {**others, **({said: text} if text != said else {})}}
    if text != everywhere.get(fix.key, {}).get(said, said):
        typed[fix.key] = text
    corrections = {line: cells for line, cells in {**file.corrections, str(row.line): typed}.items() if cells}
    if corrections == file.corrections and everywhere == file.replacements:
        return False
    file.corrections, file.replacements = corrections, everywhere
    return True
