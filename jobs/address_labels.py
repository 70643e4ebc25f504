"""Address labels on sheets that shops sell, from the first free label on."""

from __future__ import annotations

from typing import Any

from babel.lists import format_list
from flask_babel import force_locale

from jobs import paper
from jobs.letterhead import bind, short, within
from jobs.registry import Product, handler
from jobs.runner import Task
from models.addresses import Label, LabelSheet, LabelTo, Mailing, mailing, postal_lines
from models.base import Refusal, today
from models.db import db
from models.journal import record
from models.letter_fields import day_in_words
from models.people import Student
from models.school import School
from models.tokens import base_language
from models.words import N_, _
from models.work import JobKind

SHEETS = 150  # in one PDF; more come as an archive
NAMED = 10  # of those without an address, in the note


def text_of(label: Label, school: School) -> list[str]:
    """The lines of one label, in the school's own language: who, then where."""
    names = format_list([short(name) for name in label.students], locale=school.language)
    if label.everybody:
        who = [str(_("To the [guardians] of the [student]")), names]
    elif not label.adults:
        who = [names]
    elif len(label.adults) == 1:
        who = [f"{label.adults[0].title} {label.adults[0].name}".strip()]
    elif label.parents:
        who = [str(_("Parents of %(names)s", names=names))]
    else:
        who = [str(_("[Guardians] of %(names)s", names=names))]
    return [short(line) for line in (*who, *postal_lines(label.place, school.country, school.language))]


def left_out(found: Mailing) -> str:
    """Whom no label reaches: how many, and the first of them by name."""
    n = len(found.without)
    if not n:
        return ""
    names = ", ".join(short(name) for name in found.without[:NAMED]) + (" …" if n > NAMED else "")
    return str(N_("%(num)d without an address is left out: %(names)s", "%(num)d without an address are left out: %(names)s", n, names=names))


def document(labels: list[list[str]], sheet: LabelSheet, first: int, shift: tuple[float, float], school: School, title: str) -> dict[str, Any]:
    """The data of one PDF. `first` is the first free label of the first sheet, from 1; `shift` moves all, in millimetres to the right and down."""
    return {
        "title": title,
        "lang": base_language(school.language),
        "region": school.country.name,
        "author": short(school.name),
        "grid": vars(sheet.grid),
        "shift_x": shift[0],
        "shift_y": shift[1],
        "skip": first - 1,
        "labels": labels,
    }


@handler(JobKind.print_labels, table="student", verb="print_labels")
def print_labels(task: Task) -> Product:
    """The labels of `params["ids"]`. Refused when none of them has an address."""
    params = task.params
    school = db.session.get_one(School, task.school_id)
    sheet = LabelSheet[params["sheet"]]
    first = min(max(int(params["first"]), 1), sheet.grid.count)
    found = mailing(db.session, params["ids"], LabelTo[params["to"]], within(Student, "print_labels"))
    if not found.labels:
        raise Refusal(_("None of the chosen has an address: no label can be printed. Fill in the addresses first."))
    with force_locale(school.language):
        texts = [text_of(label, school) for label in found.labels]
    task.progress(0, total=len(texts), note=left_out(found))
    title = str(_("Address labels – %(date)s", date=day_in_words(today(school.time_zone), task.language)))
    size, parts, start = sheet.grid.count * SHEETS, [], 0
    while start < len(texts):
        room = size - (first - 1 if not start else 0)
        some = texts[start : start + room]
        data = document(some, sheet, 1 if start else first, (float(params["right"]), float(params["down"])), school, title)
        parts.append(paper.render("labels", data, pages=2 + len(some) // sheet.grid.count, beat=task.beat))
        start += room
        task.progress(start)
    record(db.session, "print_labels", "student", rows=len(texts))
    return bind(title, parts)
