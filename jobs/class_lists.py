"""Class lists: a table of students to call, tick or reach, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs import paper
from jobs.letterhead import Letterhead, bind, letterhead, within
from jobs.letters import PAPER
from jobs.registry import Product, handler
from jobs.runner import Task
from models.base import Refusal, today
from models.class_lists import MOST_BLANKS, MOST_ROWS, Line, ListColumn, ListOrder, lines, open_columns, sections
from models.db import db
from models.journal import record
from models.letter_fields import day_in_words
from models.people import Student
from models.school import School
from models.scope import WHO
from models.tokens import base_language
from models.words import N_, _, _p, in_figures
from models.work import JobKind

# How wide a column is beside the others; the names have what is left.
WIDTHS = {
    "number": 0.42,
    "sex": 0.42,
    "born_on": 1.05,
    "level": 0.8,
    "klass": 0.9,
    "identifier": 1.25,
    "phone": 1.2,
    "email": 2.1,
    "guardians": 2.8,
}
CELLS = 50  # of a table take the memory of a page
NAMES, BLANK = 1.5, 1.0  # each of the two names, each empty column


def _heading(column: ListColumn) -> str:
    """A column's title, shorter than in the question where the column is narrow."""
    shorter = {ListColumn.number: _p("class list", "No."), ListColumn.born_on: _("Birth"), ListColumn.guardians: _("[Guardians]")}
    return str(shorter.get(column, column.label))


def _cell(column: ListColumn, place: int, line: Line, language: str) -> list[str]:
    """What a cell says, line by line."""
    if column is ListColumn.guardians:
        told = (_("%(name)s (%(tie)s)", name=contact.name, tie=str(contact.relation).lower()) for contact in line.guardians)
        return [f"{who} {contact.phone}".strip() for who, contact in zip(map(str, told), line.guardians, strict=True)]
    plain = {
        ListColumn.number: str(place),
        ListColumn.sex: str(line.sex.label) if line.sex and line.sex.name == "X" else line.sex.name if line.sex else "",
        ListColumn.born_on: in_figures(line.born_on, language) if line.born_on else "",
        ListColumn.level: line.level,
        ListColumn.klass: line.klass,
        ListColumn.identifier: line.identifier,
        ListColumn.phone: line.phone,
        ListColumn.email: line.email,
    }
    return [plain[column]]


def _columns(chosen: Sequence[ListColumn], headings: Sequence[str]) -> list[dict[str, Any]]:
    typed = {column: {"title": _heading(column), "width": WIDTHS[column.name]} for column in chosen}
    number = [typed.pop(ListColumn.number)] if ListColumn.number in typed else []
    names = [{"title": str(_("Family name")), "width": NAMES}, {"title": str(_("Given name")), "width": NAMES}]
    return [*number, *names, *typed.values(), *({"title": heading, "width": BLANK} for heading in headings)]


def _row(chosen: Sequence[ListColumn], place: int, line: Line, language: str, blanks: int) -> list[list[str]]:
    cells = {column: _cell(column, place, line, language) for column in chosen}
    number = [cells.pop(ListColumn.number)] if ListColumn.number in cells else []
    return [*number, [line.family_name], [line.given_name], *cells.values(), *([[""]] * blanks)]


def page_words() -> list[dict[str, str]]:
    """« Page 2 sur 5 » in pieces, for a template that knows the numbers: kind is "text", "page" or "pages"."""
    marks = {"\x01": "page", "\x02": "pages"}
    pieces: list[dict[str, str]] = []
    for sign in str(_("Page %(page)s of %(pages)s", page="\x01", pages="\x02")):
        if sign in marks:
            pieces.append({"kind": marks[sign], "text": ""})
        elif pieces and pieces[-1]["kind"] == "text":
            pieces[-1]["text"] += sign
        else:
            pieces.append({"kind": "text", "text": sign})
    return pieces


def document(found: Sequence[Line], school: School, head: Letterhead, params: dict[str, Any], language: str) -> dict[str, Any]:
    """The data of the PDF. `params` are the answers of the question (`views/papers.py`)."""
    chosen = [column for column in open_columns(WHO.get().roles) if column.name in params["columns"]]
    blanks = min(int(params["blanks"]), MOST_BLANKS)
    headings = [*params["headings"], *([""] * blanks)][:blanks]
    title = params["title"] or str(_("Class list"))
    nowhere = str(_("In no class"))
    apart = sections(found) if params["apart"] else {None: found}
    return {
        "title": title,
        "lang": base_language(language),
        "region": school.country.name,
        "paper": PAPER[school.country],
        "landscape": bool(params["landscape"]),
        "sender": head.sender,
        "date": day_in_words(today(school.time_zone), language),
        "page_words": page_words(),
        "columns": _columns(chosen, headings),
        "sections": [
            {
                "title": title if klass is None else str(_("%(title)s – %(group)s", title=title, group=klass or nowhere)),
                "count": str(N_("%(num)d [student]", "%(num)d [students]", len(some))),
                "rows": [_row(chosen, place, line, language, blanks) for place, line in enumerate(some, 1)],
            }
            for klass, some in apart.items()
        ],
    }


@handler(JobKind.print_class_list, table="student", verb="print_class_list")
def print_class_list(task: Task) -> Product:
    """One list of `params["ids"]`, or one for each class. Refused for nobody, and for more than 3,000."""
    params = task.params
    school = db.session.get_one(School, task.school_id)
    if len(params["ids"]) > MOST_ROWS:
        raise Refusal(_("A list holds %(most)d [students] at most. Filter the list, then print it part by part."), most=MOST_ROWS)
    guardians = ListColumn.guardians in open_columns(WHO.get().roles) and ListColumn.guardians.name in params["columns"]
    found = lines(db.session, params["ids"], order=ListOrder[params["order"]], guardians=guardians, within=within(Student, "print_class_list"))
    if not found:
        raise Refusal(_("Nobody of this selection is left. Choose again."))
    head = letterhead(school, str(_("Logo of the [school]")))
    data = document(found, school, head, params, task.language)
    task.progress(0, total=len(found), note=str(N_("%(num)d [student]", "%(num)d [students]", len(found))))
    pages = len(data["sections"]) + len(found) * len(data["columns"]) // CELLS
    product = bind(_name(data["title"], data["date"]), [paper.render("class_list", data, pages=pages, pictures=head.pictures, beat=task.beat)])
    record(db.session, "print_class_list", "student", row_id=found[0].id if len(found) == 1 else None, rows=len(found))
    return product


def _name(title: str, date: str) -> str:
    return str(_("%(title)s – %(date)s", title=title, date=date))
