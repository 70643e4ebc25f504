"""The part "Session records / registrations" of the student's file: the records above, the registrations of the chosen one below, and what
the banner says of them on every part (features S2-05 to S2-08, S2-18, S2-19).

Everything chosen stands in the address: the record, the registration, what is shown. The forms are those of the two screens; they lead back here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request, url_for
from flask_admin import Admin
from sqlalchemy import func, select

from models.admissions import OPEN, Admission, AdmissionStatus
from models.base import Refusal
from models.codes import read_codes
from models.custom import in_use
from models.db import db
from models.enrolments import Enrolment, with_shown
from models.masks import label_of
from models.people import Student
from models.session_records import SessionRecord, followed_of, need_active
from views.admissions import admissions_here, keep_admissions
from views.auth import permitted
from views.courses import units_words
from views.formats import show
from views.i18n import gettext, pgettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.masks import own_name, use_programme
from views.menu import screens
from views.saving import own_path
from views.student_file import Facts, Part, declare_banner, declare_part

PART = "session_records"
SHOWN = ("all", "unassigned")  # the two ticks of the page
KEYS = {"add": "Insert A", "add_not_taken": "N", "edit": "Enter", "copy": "C", "delete": "Delete"}
# what of the address says where one comes back to
FOCUS = {"newer_record": "records", "enrolment": "registrations", "newer_enrolment": "registrations", "record": "records"}
COLUMNS = {
    SessionRecord: ("term", "registered", "hours", "thirds_in_progress", "thirds_passed", "thirds_failed", "full_time"),
    Enrolment: (
        *("course", "group_number", "mark", "remark", "absences", "group_average", "category", "funding", "rac_type", "delivery_mode"),
        "census_status",
    ),
}
# What stands above a narrow column in place of its label.
SHORT = {
    "thirds_in_progress": _p("session_file", "In progress"),
    "thirds_passed": _p("session_file", "Passed"),
    "thirds_failed": _p("session_file", "Failed"),
    "full_time": _p("session_file", "Full-time"),
    "remark": _p("session_file", "Rem."),
    "absences": _p("session_file", "Abs."),
    "group_average": _p("session_file", "Avg."),
    "category": _p("session_file", "Cat."),
    "funding": _p("session_file", "Fund."),
    "rac_type": _p("session_file", "RAC"),
    "delivery_mode": _p("session_file", "Dist."),
    "census_status": _p("session_file", "Census"),
}
PRESENT = "1"  # the code of the census that confirms a presence


@dataclass(frozen=True)
class Line:
    """One row of the page: the record or registration, where it and its form open, where its school's own fields stand, its verbs that fit."""

    row: Any
    name: str
    url: str
    edit_url: str
    fields_url: str
    back: str
    verbs: list[tuple[str, Any]]


def record_url(record: SessionRecord) -> str:
    """The part of the file with this record chosen."""
    return url_for("student.details_view", id=record.student_id, part=PART, record=record.id)


def _number(name: str) -> int:
    """A number of the address; 0 for none and for what is none."""
    typed = request.args.get(name, "")
    return int(typed) if typed.isdecimal() and len(typed) < 19 else 0


def _here(student: Student, **more: Any) -> str:
    """The address of the page with something else chosen; the ticks and the list that the file was opened from stay."""
    kept: dict[str, Any] = {name: "1" for name in SHOWN if request.args.get(name)}
    return url_for("student.details_view", **{"id": student.id, "part": PART, "url": own_path(request.args.get("url")), **kept, **more})


def _chosen(rows: list[Any], name: str) -> Any:
    """The row that the address names: one made since it was written (`newer` holds the last number that was known), else the one itself; None."""
    newer = f"newer_{name}"
    made = [row for row in rows if newer in request.args and row.id > _number(newer)]
    return max(made, key=lambda row: row.id) if made else next((row for row in rows if row.id == _number(name)), None)


def _fields_url(table: str, edit_url: str) -> str:
    """Where the school's own fields of a row are filled in; empty where there are none, or the row is not the person's to edit."""
    first = next((spec for spec in in_use(table) if spec.in_form), None)
    return f"{edit_url}#{first.name}" if first is not None and edit_url else ""


def _add_field_url(table: str, back: str) -> str:
    """Where the first field of the school's own is added, which every row of the table then has; empty where there is one, or for who may not."""
    if not permitted("custom_field", "create") or any(spec.in_form for spec in in_use(table)):
        return ""
    return url_for("custom_field.create_view", table=table, url=back)


def _lines(table: str, rows: list[tuple[Any, str, str]]) -> list[Line]:
    """`rows` are (row, what it is called, the address that has it chosen)."""
    screen = screens()[table]
    verbs = screen.row_actions()
    lines = []
    for row, name, back in rows:
        edit = url_for(f"{table}.edit_view", id=row.id, url=back) if screen.can_edit else ""
        open_ = edit if table == "enrolment" and edit else url_for(f"{table}.details_view", id=row.id, url=back)
        fitting = [pair for pair in verbs if screen.verb_fits(pair[0], row)]
        lines.append(Line(row, name, open_ if table == "enrolment" else back, edit, _fields_url(table, edit), back, fitting))
    return lines


def _records(student: Student) -> list[SessionRecord]:
    """All the records of the student, the latest first, read with the admissions once a request; on this part with their figures, and the codes
    before, so that theirs ask for nothing.
    """
    if "session_records" not in g:
        here = request.args.get("part") == PART
        if here:
            read_codes(db.session)
        admissions, g.session_records = followed_of(db.session, student.id, figures=here)
        keep_admissions(student.id, admissions)
    return list(g.session_records)


def _heads(record: SessionRecord | None) -> dict[str, dict[str, tuple[str, str]]]:
    """table -> column -> (what stands above it, its whole label): a short word where the column is narrow, unless the programme of the chosen
    record calls the field by a name of its own.
    """
    use_programme(record.admission.programme_id if record is not None else None)
    return {model.__tablename__: {name: _head(label_of(model, name), SHORT.get(name)) for name in names} for model, names in COLUMNS.items()}


def _head(label: Any, short: Any) -> tuple[str, str]:
    return own_name(label) or str(short or label), str(label)


def _chosen_record(student: Student) -> tuple[list[SessionRecord], SessionRecord | None, bool]:
    """(the records that are shown, the chosen one, whether all are): those of open admissions, unless asked, or the chosen one is another."""
    every = _records(student)
    chosen = _chosen(every, "record")
    whole = bool(request.args.get("all")) or (chosen is not None and chosen.admission.status not in OPEN)
    shown = [one for one in every if whole or one.admission.status in OPEN]
    return shown, chosen or next(iter(shown), None), whole


def _why_not(student: Student) -> str:
    """Why nobody can be registered now, and what to do; empty when an admission is active."""
    admissions = admissions_here(student.id)
    if not admissions or any(one.status is AdmissionStatus.active for one in admissions):
        return ""
    try:
        need_active(admissions[0])
    except Refusal as refusal:
        return refusal.sentence
    return ""


def _part(student: Student) -> dict[str, Any]:
    shown, chosen, whole = _chosen_record(student)
    hidden = len(_records(student)) - len(shown)
    last = max((one.id for one in _records(student)), default=0)
    lines = _lines(PART[:-1], [(one, str(one.term), _here(student, record=one.id)) for one in shown])
    may = {f"may_{verb}_{table}": permitted(table, verb) for table in ("session_record", "enrolment") for verb in ("create", "delete")}
    before = _here(student, record=chosen.id if chosen else None, newer_record=last)
    heads = _heads(chosen)
    below = _registrations(student, chosen) if chosen is not None and permitted("enrolment", "read") else {"registrations": None}
    return {
        "records": lines,
        "record": chosen,
        "last_record": last,
        "whole": whole,
        "hidden": hidden,
        "why_not": _why_not(student),
        "admitted": bool(admissions_here(student.id)),
        "add_record_url": url_for("session_record.create_view", student=student.id, url=before) if may["may_create_session_record"] else "",
        "focus": next((table for name, table in FOCUS.items() if name in request.args), ""),
        "kept": [(name, value) for name, value in request.args.items() if name in ("id", "part", "url", "record", *SHOWN)],
        "add_field_urls": {table: _add_field_url(table, _here(student, record=chosen.id)) for table in heads} if chosen is not None else {},
        "units": units_words,
        "show": show,
        "keys": KEYS,
        "heads": heads,
        **may,
        **below,
    }


def _registrations(student: Student, record: SessionRecord) -> dict[str, Any]:
    """The registrations of the chosen record: courses in their order; choices without a group when they are asked for."""
    wanted = select(Enrolment).where(Enrolment.session_record_id == record.id).options(*with_shown())
    every = sorted(db.session.scalars(wanted), key=lambda one: (one.course.number, one.id))
    asked = bool(request.args.get("unassigned"))
    chosen = _chosen(every, "enrolment")
    asked = asked or (chosen is not None and _is_choice(chosen))
    shown = [one for one in every if asked or not _is_choice(one)]
    last = max((one.id for one in every), default=0)
    here = {"record": record.id, "enrolment": chosen.id if chosen else None, "newer_enrolment": last}
    add = url_for("enrolment.create_view", record=record.id, url=_here(student, **here)) if permitted("enrolment", "create") else ""
    return {
        "registrations": _lines("enrolment", [(one, str(one), _here(student, record=record.id, enrolment=one.id)) for one in shown]),
        "registration": chosen if chosen in shown else next(iter(shown), None),
        "last_enrolment": last,
        "choices": sum(map(_is_choice, every)),
        "unassigned": asked,
        "is_choice": _is_choice,
        "present": PRESENT,
        "add_url": add,
        "add_not_taken_url": f"{add}&taken=0" if add else "",
    }


def _is_choice(one: Enrolment) -> bool:
    """Whether a registration is a course choice that no group was given to yet."""
    return one.taken and not one.group_number


# -- the banner, on every part of the file


def tell_of(record: SessionRecord) -> None:
    """The page is about this record: let the banner tell it."""
    g.told_record = record.id


def _told(student: Student) -> SessionRecord | None:
    """The record that the banner tells: the one that the page is about, else the latest."""
    if request.args.get("part") == PART:
        return _chosen_record(student)[1] or next(iter(_records(student)), None)
    every = _records(student)
    return next((one for one in every if one.id == g.get("told_record", _number("record"))), next(iter(every), None))


def _seal(admissions: list[Admission]) -> str:
    """The diplomas that were awarded, whatever the student follows now."""
    codes = dict.fromkeys(one.programme.code for one in admissions if one.status is AdmissionStatus.sanctioned)
    return gettext("Sanctioned %(programme)s", programme=", ".join(codes)) if codes else ""


def _banner(student: Student) -> Facts:
    """Session, programme, grid, unit, language and SPE of the record that counts (features S2-06); before there is one, those of the admission."""
    record = _told(student) if permitted("session_record", "read") else None
    admissions = admissions_here(student.id) if permitted("admission", "read") else []
    one = next((one for one in admissions if record is not None and one.id == record.admission_id), next(iter(admissions), None))
    facts = [(gettext("[Programme]"), str(one.programme), False)] if one is not None else []
    if record is not None:
        facts.append((pgettext("session_record", "Session"), str(record.term), False))
    if one is not None and one.grid is not None:
        facts.append((gettext("Grid"), str(one.grid), False))
    if one is not None and one.org_unit is not None:
        facts.append((pgettext("session_file", "Unit"), one.org_unit.code, True))
    if record is not None:
        facts.append((gettext("Language"), record.language.code if record.language else "", True))
        facts.append((pgettext("session_file", "SPE"), str(record.programme_session or ""), True))
    return Facts(facts, _seal(admissions))


def _count(student_id: int) -> Any:
    return select(func.count(SessionRecord.id)).where(SessionRecord.student_id == student_id).scalar_subquery()


declare_banner(_banner)
declare_part(Part(PART, _("[Session records] / registrations"), "admin/student/session_records.html", _part, ("session_record", "read"), _count, place=36))


def register(app: Flask, admin: Admin) -> None:
    """A part of the file has no screen of its own."""
