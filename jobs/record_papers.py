"""Papers of session records: registration confirmations, numbered and printed as certificates are; session record sheets; lists of groups.

`models/record_papers.py` decides what they say. A confirmation and a sheet are in the language of their student, a list in that of who prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import force_locale

from jobs import paper
from jobs.certificates import BODY, Page, issuer, named, print_issued
from jobs.class_lists import page_words
from jobs.letterhead import STAMP, Letterhead, bind, letterhead, short, within
from jobs.letters import PAPER
from jobs.registry import Product, handler
from jobs.runner import Task
from models.base import Refusal, today
from models.class_lists import pieces
from models.db import db
from models.enrolments import Enrolment
from models.journal import record, record_rows
from models.letter_fields import day_in_words, language_of
from models.papers import PaperKind
from models.record_papers import MOST_SHEETS, GroupList, Listed, confirmable, group_lists, in_order, issue_confirmations, with_rows
from models.school import School
from models.session_records import SessionRecord
from models.studies import Season, Term
from models.tokens import base_language
from models.units import show_units
from models.words import N_, _, _p, in_figures
from models.work import JobKind

PART = 100  # sheets in one PDF; more come as an archive
ROWS_A_PAGE = 40

Cells = list[str]


def _units(thirds: int | None, language: str) -> str:
    return show_units(thirds, "." if base_language(language) == "en" else ",")


def _number(value: Any, language: str) -> str:
    """A mark or an average as the reader writes it; nothing for none."""
    text = "" if value is None else f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if base_language(language) == "en" else text.replace(".", ",")


def _column(title: Any, width: float, *, right: bool = False) -> dict[str, Any]:
    return {"title": str(title), "width": width, "right": right}


# -- confirmations


def _term(year: int, name: str) -> str:
    """A term in words for readers outside the school, who do not know its short name."""
    season = Season[name]
    if not season.of_calendar_year:
        return str(Term(year=year, season=season))
    return str(_("%(season)s %(year)s", season=str(season.label), year=year))


def _confirmed(facts: dict[str, Any], language: str) -> Page:
    """The page of a registration confirmation: who, in what, for which courses. The kind of recognition has its column where a course has one."""
    term = _term(*facts["term"])
    courses = facts["courses"]
    kinds = any(course["rac"] for course in courses)
    sum_of = {key: sum(course[key] or 0 for course in courses) for key in ("hours", "thirds")}
    columns = [
        _column(_("[Course]"), 1.35),
        _column(_p("course", "Title"), 3.6),
        _column(_p("enrolment", "[Group]"), 0.85),
        *([_column(_("Kind of recognition (RAC)"), 1.9)] if kinds else []),
        _column(_("Hours a week"), 0.95, right=True),
        _column(_("Units"), 0.85, right=True),
    ]
    rows = [
        [
            *(short(course["number"]), short(course["title"]), course["group"]),
            *([short(course["rac"])] if kinds else []),
            *("" if course["hours"] is None else str(course["hours"]), _units(course["thirds"], language)),
        ]
        for course in courses
    ]
    total = [str(_p("record papers", "Total")), "", "", *([""] if kinds else []), str(sum_of["hours"]), _units(sum_of["thirds"], language)]
    told = (
        (_("Family name"), facts["family_name"]),
        (_("Given names"), facts["given_names"]),
        (_("Name in use"), facts["usage_name"]),
        (_("Local number"), facts["local_id"]),
        (_("[Programme]"), facts["programme"]),
        (_("Grid"), facts["grid"]),
        (_("[School]"), facts["school"]),
        (_("Official code"), facts["code"]),
    )
    sentence = _("%(who)s confirms the registration in [this school] of the person named below for the [courses] listed here (%(term)s).",
                 who=issuer(facts), term=term)  # fmt: skip
    table = {"columns": columns, "rows": rows, "total": total}
    closing = str(_p("record papers", "Issued to serve for all legal purposes."))
    return {"year": term, "opening": str(sentence), "facts": named(told), "table": table, "closing": closing}


BODY[PaperKind.registration] = _confirmed


@handler(JobKind.print_confirmation, table="session_record", verb="print_confirmation")
def print_confirmations(task: Task) -> Product:
    """Number and print the confirmations of the records `params["ids"]`. Refused when none of them has a registration to confirm.

    The numbers are committed before the drawing, as those of certificates are.
    """
    params = task.params
    school = db.session.get_one(School, task.school_id)
    left = len(confirmable(db.session, params["ids"]).empty)
    reach = within(SessionRecord, "print_confirmation")
    papers = issue_confirmations(db.session, params["ids"], school=school, job_id=task.id, within=reach)
    if not papers:
        raise Refusal(_("None of the chosen [session records] has a registration in [a group]: there is nothing to confirm."))
    note = N_("%(num)d is left out: it has no registration to confirm.", "%(num)d are left out: they have no registration to confirm.", left)
    if not task.done:  # a job that begins again has written its lines
        record_rows(db.session, "print_confirmation", "session_record", [row.facts["record"] for row in papers])
    ids = [row.id for row in papers]
    task.progress(1, total=len(ids) + 1, note=str(note) if left else "")
    return print_issued(task, ids, stamp=bool(params["stamp"]))


# -- sheets


def _course_of(row: Enrolment) -> Cells:
    return [short(row.course.number), short(row.course.title)]


def _code(value: Any) -> str:
    return "" if value is None else value.code


def _registration(row: Enrolment, language: str) -> Cells:
    census = in_figures(row.census_on, language) if row.census_on else ""
    return [
        *_course_of(row),
        row.group_number,
        *(_code(row.value(field)) for field in ("category", "funding", "rac_type", "delivery_mode")),
        _number(row.course.weekly_hours, language),
        _units(row.course.unit_thirds, language),
        _number(row.mark, language),
        _code(row.remark),
        _number(row.absences, language),
        _number(row.group_average, language),
        str(row.outcome.label),
        " ".join(part for part in (_code(row.census_status), census) if part),
    ]


def _registered(rows: Sequence[Enrolment], language: str) -> dict[str, Any]:
    columns = [
        *(_column(_("[Course]"), 1.5), _column(_p("course", "Title"), 3.2), _column(_p("enrolment", "[Group]"), 0.8)),
        *(_column(_p("record papers", "Cat."), 0.6), _column(_p("record papers", "Funding"), 0.75), _column(_p("record papers", "RAC"), 0.8)),
        *(_column(_p("record papers", "Distance"), 0.8), _column(_p("session_record", "Hours"), 0.7, right=True), _column(_("Units"), 0.7, right=True)),
        *(_column(_p("enrolment", "Mark"), 0.6, right=True), _column(_p("record papers", "Rem."), 0.6), _column(_p("record papers", "Abs."), 0.6, right=True)),
        *(_column(_p("record papers", "Avg."), 0.7, right=True), _column(_p("enrolment", "Result"), 1.0), _column(_p("record papers", "Census"), 1.3)),
    ]
    return {"title": str(_p("record papers", "Registrations")), "columns": columns, "rows": [_registration(row, language) for row in rows]}


def _apart(title: Any, rows: Sequence[Enrolment], language: str, *, remark: bool) -> dict[str, Any]:
    columns = [_column(_("[Course]"), 1.5), _column(_p("course", "Title"), 6), _column(_("Units"), 0.8, right=True)]
    columns += [_column(_p("enrolment", "Remark"), 3)] if remark else []
    lines = [[*_course_of(row), _units(row.course.unit_thirds, language), *([short(str(row.remark or ""))] if remark else [])] for row in rows]
    return {"title": str(title), "columns": columns, "rows": lines}


def _sheet(one: SessionRecord, rows: Sequence[Enrolment], language: str) -> dict[str, Any]:
    """One record in its student's language: who, under which admission, the figures, then the registrations; what was recognised without being
    taken and what has no group yet stand apart."""
    with force_locale(language):
        student, admission = one.student, one.admission
        told = (
            (_("Local number"), student.local_id),
            (_("Identifier"), student.national_id),
            (_("[Programme]"), f"{admission.programme.code} – {admission.programme.title}"),
            (_("Grid"), admission.grid),
            (_("Admission"), admission.status.label),
            (_("Organisational unit"), admission.org_unit),
            (_("Language"), one.language),
            (_("Session of the [programme] (SPE)"), one.programme_session),
            (_("Deemed full-time"), one.full_time),
        )
        figures = (
            (_p("session_record", "IC"), str(one.registered)),
            (_p("session_record", "Hours"), str(one.hours)),
            *((label, _units(value, language)) for label, value in (
                (_("Units in progress"), one.thirds_in_progress), (_("Units passed"), one.thirds_passed), (_("Units failed"), one.thirds_failed))),
        )  # fmt: skip
        taken = [row for row in rows if row.taken and row.group_number]
        tables = [
            _registered(taken, language),
            _apart(_("Recognised without being taken"), [row for row in rows if not row.taken], language, remark=True),
            _apart(_("[Course] choices without [a group]"), [row for row in rows if row.taken and not row.group_number], language, remark=False),
        ]
        return {
            "lang": base_language(language),
            "title": str(_("[Session record] sheet")),
            "term": str(one.term),
            "student": short(str(student)),
            "facts": named([(label, "" if value is None else str(value)) for label, value in told]),
            "figures": [{"label": str(label), "value": value} for label, value in figures],
            "tables": [table for table in tables if table["rows"]],
            "none": "" if rows else str(_("No registration in this [session record].")),
        }


def _sheets(school: School, head: Letterhead, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of one PDF."""
    return {
        "title": str(_("[Session record] sheets")) if len(found) > 1 else f"{found[0]['title']} – {found[0]['student']}",
        "lang": base_language(school.language),
        "region": school.country.name,
        "paper": PAPER[school.country],
        "sender": head.sender,
        "date": day_in_words(today(school.time_zone), school.language),
        "stamp": STAMP if STAMP in head.pictures else None,
        "stamp_alt": str(_("Stamp of the [school]")),
        "sheets": found,
    }


def _stamped(head: Letterhead, school: School, rows: int) -> None:
    """The use of the stamp is a line of its own in the history."""
    if STAMP in head.pictures:
        record(db.session, "stamped", "school", school.id, rows=rows)


def _name(title: str, day: str) -> str:
    return str(_("%(title)s – %(date)s", title=title, date=day))


@handler(JobKind.print_record_sheet, table="session_record", verb="print_record_sheet")
def print_record_sheets(task: Task) -> Product:
    """A sheet for each of the records `params["ids"]`, by student and term. Refused for none, and for more than a thousand."""
    if len(task.params["ids"]) > MOST_SHEETS:
        raise Refusal(_("At most %(most)d sheets are printed at a time. Filter the list, then print it part by part."), most=MOST_SHEETS)
    school = db.session.get_one(School, task.school_id)
    head = letterhead(school, str(_("Logo of the [school]")), stamp=bool(task.params["stamp"]))
    ids = in_order(db.session, task.params["ids"], within(SessionRecord, "print_record_sheet"))
    if not ids:
        raise Refusal(_("Nobody of this selection is left. Choose again."))
    day, parts = day_in_words(today(school.time_zone), task.language), []
    title = str(_("[Session record] sheets"))
    for start in range(0, len(ids), PART):
        some = ids[start : start + PART]
        found = [_sheet(one, rows, language_of(one.student.language, school.language)) for one, rows in with_rows(db.session, some, figures=True)]
        if len(ids) == 1:
            title, day = found[0]["title"], f"{found[0]['student']}, {found[0]['term']}"
        pages = 2 * len(found) + sum(len(table["rows"]) for sheet in found for table in sheet["tables"]) // ROWS_A_PAGE
        parts.append(paper.render("record_sheet", _sheets(school, head, found), pages=pages, pictures=head.pictures, beat=task.beat, timeout=60))
        task.progress(start + len(some), total=len(ids))
    _stamped(head, school, len(ids))
    for piece in pieces(ids):
        record_rows(db.session, "print_record_sheet", "session_record", list(piece))
    return bind(_name(title, day), parts)


# -- lists of groups


def _listed(one: GroupList, kinds: bool) -> dict[str, Any]:
    def cells(place: int, line: Listed) -> list[Cells]:
        rac = [[line.rac.partition(" – ")[0]]] if kinds else []
        return [[str(place)], [line.local_id], [line.family_name], [line.given_name], *rac, [""], [""]]

    title = _("%(course)s, [group] %(group)s", course=short(one.course.number), group=one.group)
    return {
        "title": str(title),
        "under": str(_("%(title)s – %(date)s", title=short(one.course.title), date=str(one.term))),
        "count": str(N_("%(num)d [student]", "%(num)d [students]", len(one.lines))),
        "rows": [cells(place, line) for place, line in enumerate(one.lines, 1)],
    }


@handler(JobKind.print_group_list, table="enrolment", verb="print_group_list")
def print_group_lists(task: Task) -> Product:
    """The list of each group that the registrations `params["ids"]` are in, each on its own pages, with a column to sign and one for the mark."""
    school = db.session.get_one(School, task.school_id)
    head = letterhead(school, str(_("Logo of the [school]")), stamp=bool(task.params["stamp"]))
    found = group_lists(db.session, task.params["ids"], within(Enrolment, "print_group_list"))
    kinds = any(line.rac for one in found for line in one.lines)
    sections = [_listed(one, kinds) for one in found]
    day = day_in_words(today(school.time_zone), task.language)
    title = str(_("Lists of [groups]")) if len(found) > 1 else str(_("List of [the group]"))
    many = sum(len(one.lines) for one in found)
    data = {
        "title": title,
        "lang": base_language(school.language),
        "region": school.country.name,
        "paper": PAPER[school.country],
        "landscape": False,
        "sender": head.sender,
        "date": day,
        "page_words": page_words(),
        "tall": True,
        "stamp": STAMP if STAMP in head.pictures else None,
        "stamp_alt": str(_("Stamp of the [school]")),
        "sign_here": str(_("Date and signature of [the teacher]")),
        "columns": [
            _column(_p("class list", "No."), 0.42),
            _column(_("Local number"), 1.0),
            *(_column(_("Family name"), 1.5), _column(_("Given name"), 1.5)),
            *([_column(_p("record papers", "RAC"), 0.7)] if kinds else []),
            _column(_p("record papers", "Presence (signature)"), 2.2),
            _column(_p("enrolment", "Mark"), 0.8),
        ],
        "sections": sections,
    }
    task.progress(0, total=many, note=str(N_("%(num)d [group]", "%(num)d [groups]", len(found))))
    content = paper.render("class_list", data, pages=len(found) + many // 10, pictures=head.pictures, beat=task.beat)
    _stamped(head, school, len(found))
    record(db.session, "print_group_list", "enrolment", row_id=task.params["ids"][0] if len(task.params["ids"]) == 1 else None, rows=many)
    what = f"{sections[0]['title']}, {found[0].term}" if len(found) == 1 else day
    return bind(_name(title, what), [content])
