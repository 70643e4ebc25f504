"""Lines that may be somebody known already, or the same person twice: found here, put to people, never merged by a guess.

A question stands with its line: `key` names it among the answers, `why` is a code of models/import_words.py, `refs` the candidates
("s12" a student of the school, "l48" a line of the file, "g7" a guardian of the school, "p48.1" one of the file). A `held` line is not
written before the answer; `one` says that it cannot be somebody else. An answer is {"same": ref}, {"out": line left out} or
{"not": [refs]}: candidates who come later are asked about again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

from jobs.import_match import Known, name_key
from jobs.import_parse import Parsed

Answers = dict[str, dict[str, Any]]
Names = tuple[str, str]

ALIKE = 0.8  # from which share of equal letters two words are near: Benard and Bernard, not Lea and Leo
CROWD = 60  # lines that are compared with each other
MOST = 3  # candidates shown for one line


def ask(row: Parsed, key: str, why: str, refs: list[str], *, held: bool = True, one: bool = False, **more: Any) -> None:
    """Put a question about a line."""
    row.asks.append({"key": key, "why": why, "refs": refs[:MOST], "held": held, "one": one, **more})


def held(row: Parsed) -> bool:
    """Whether a question keeps the line out."""
    return any(question["held"] for question in row.asks)


def answered(answers: Answers, key: str) -> str:
    """The candidate that somebody chose, or ""."""
    return str(answers.get(key, {}).get("same", ""))


def open_refs(answers: Answers, key: str, refs: Iterable[str]) -> list[str]:
    """The candidates that nobody has ruled out."""
    out = set(answers.get(key, {}).get("not", ()))
    return [ref for ref in refs if ref not in out]


def lines_out(answers: Answers) -> frozenset[int]:
    """The lines that somebody left out because another line is the same person."""
    return frozenset(int(answer["out"]) for answer in answers.values() if "out" in answer)


def near_words(one: str, two: str) -> bool:
    """Whether one text may be the other with a slip of the hand, or its beginning ("jean" and "jean luc"). Both folded."""
    if one == two:
        return True
    short, long = sorted((one, two), key=len)
    if len(short) < 3:
        return False
    return long.startswith(f"{short} ") or SequenceMatcher(None, one, two).ratio() >= ALIKE


def near_names(one: Names, two: Names) -> bool:
    """Whether two (family name, given name) are nearly the same: one of both is equal and the other near, or they changed places."""
    if one == two:
        return False
    if one == (two[1], two[0]):
        return True
    return (one[0] == two[0] and near_words(one[1], two[1])) or (one[1] == two[1] and near_words(one[0], two[0]))


def near_dates(one: dt.date, two: dt.date) -> bool:
    """Whether two dates differ as a slip of the hand makes them: one part only, or day and month changed places."""
    parts = [(a, b) for a, b in ((one.day, two.day), (one.month, two.month), (one.year, two.year)) if a != b]
    return len(parts) == 1 or (one.year == two.year and (one.day, one.month) == (two.month, two.day))


def _names(row: Parsed) -> Names | None:
    values = row.values
    return name_key(values["family_name"], values["given_name"]) if "family_name" in values and "given_name" in values else None


def _may_be_one(one: Any, two: Any) -> bool:
    """Neither two identifiers nor two sexes tell them apart. Values of a row or of a record."""
    for key in ("national_id", "sex"):
        here, there = _text(one.get(key)), _text(two.get(key))
        if here and there and here != there:
            return False
    return True


def _text(value: Any) -> str:
    return str(getattr(value, "name", value) or "")


def ask_of_school(row: Parsed, known: Known, answers: Answers, taken: set[int]) -> bool:
    """Ask whether a line that matches nobody for certain is somebody of the school; whether it was asked. `taken` are those whom other lines are."""
    names, key = _names(row), str(row.line)
    if names is None or any(problem["field"] == "born_on" for problem in row.problems):
        return False
    born = row.values.get("born_on")
    same = [i for i in known.by_names.get(names, ()) if i not in taken]
    near = []
    if born is not None:
        for i in known.by_born.get(born, ()):
            record = known.students[i]
            if i not in taken and near_names(names, name_key(record["family_name"], record["given_name"])):
                near.append(i)
    found = [i for i in dict.fromkeys((*same, *near)) if _may_be_one(row.values, known.students[i])]
    refs = open_refs(answers, key, (f"s{i}" for i in found))
    if not refs:
        return False
    first = int(refs[0][1:])
    unborn = born is None or known.students[first]["born_on"] is None
    ask(row, key, "near_name" if first not in same else "same_names_unborn" if unborn else "same_names", refs)
    return True


def ask_of_file(rows: list[Parsed], known: Known, answers: Answers) -> None:
    """The same identifier or the same person twice in the file, for certain or perhaps: problems and questions of the later line.

    An identifier that the school knows already is judged by its holder instead: the right line is not punished for the wrong one.
    """
    by_id: dict[str, list[Parsed]] = {}
    by_names: dict[Names, list[Parsed]] = {}
    by_born: dict[dt.date, list[Parsed]] = {}
    for row in rows:
        names, born = _names(row), row.values.get("born_on")
        if row.skip:
            continue
        if row.values.get("national_id") and row.values["national_id"] not in known.by_id:
            by_id.setdefault(row.values["national_id"], []).append(row)
        if names is not None and born:
            by_names.setdefault(names, []).append(row)
            by_born.setdefault(born, []).append(row)
    for group in by_id.values():
        if len(group) > 1:
            _same_identifier(group, answers)
    for one, two, why in (*_pairs_of_names(by_names), *_pairs_of_dates(by_born)):
        ask_pair(one, two, why, answers)


def _same_identifier(group: list[Parsed], answers: Answers) -> None:
    first = group[0]
    if len({(_names(row), row.values.get("born_on")) for row in group}) == 1 and _names(first) is not None:
        for row in group[1:]:
            ask_pair(first, row, "row_twice", answers, one=True)
        return
    for row in group:
        row.problem("national_id", "id_twice", line=next(other.line for other in group if other is not row))


def _pairs_of_names(by_names: dict[Names, list[Parsed]]) -> Iterator[tuple[Parsed, Parsed, str]]:
    for group in by_names.values():
        if len(group) < 2:
            continue
        # The line that has an identifier is the one to compare with.
        firsts: dict[dt.date, Parsed] = {}
        for row in sorted(group, key=lambda row: not row.values.get("national_id")):
            first = firsts.setdefault(row.values["born_on"], row)
            if first is not row and not (first.values.get("national_id") and row.values.get("national_id")):
                yield first, row, "twin_name"
        for one, two in combinations(list(firsts.values())[:CROWD], 2):
            if near_dates(one.values["born_on"], two.values["born_on"]) and _may_be_one(one.values, two.values):
                yield one, two, "near_date"


def _pairs_of_dates(by_born: dict[dt.date, list[Parsed]]) -> Iterator[tuple[Parsed, Parsed, str]]:
    for group in by_born.values():
        if not 1 < len(group) <= CROWD:  # a date that a whole school has says nothing
            continue
        named = [(row, _names(row) or ("", "")) for row in group]
        for (one, first), (two, second) in combinations(named, 2):
            alike = first[0] == second[0] or first[1] == second[1] or first == (second[1], second[0])
            if alike and near_names(first, second) and _may_be_one(one.values, two.values):
                yield one, two, "near_name"


def ask_pair(first: Parsed, second: Parsed, why: str, answers: Answers, *, one: bool = False) -> None:
    """Ask whether two lines are one person; the second is held, once, until somebody says."""
    key = f"{second.line}~{first.line}"
    refs = open_refs(answers, key, [f"l{first.line}"])
    if refs and not any("~" in question["key"] for question in second.asks):
        ask(second, key, why, refs, one=one, line=first.line)
