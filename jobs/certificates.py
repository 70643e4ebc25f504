"""Certificates of enrolment: what the school certifies about a student, numbered, on one page; and the same again, as a duplicate.

The words are neutral: no gender is guessed, nothing is said that the reader does not need. `models/papers.py` decides the facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import force_locale
from sqlalchemy import select

from jobs import paper
from jobs.letterhead import STAMP, Letterhead, bind, letterhead, short, within
from jobs.letters import PAPER
from jobs.registry import Product, handler
from jobs.runner import Task
from models.base import Refusal, today
from models.class_lists import pieces
from models.db import db
from models.journal import record, record_rows
from models.letter_fields import day_in_words
from models.papers import IssuedPaper, PaperKind, certifiable, issue, printed, reprintable, year_words
from models.people import Student
from models.school import School
from models.scope import WHO
from models.tokens import base_language
from models.words import N_, _
from models.work import JobKind

PART = 1000  # papers in one PDF; more come as an archive
PART_LISTED = 250  # of papers that hold a table: each takes about twice the memory of a plain one

Page = dict[str, Any]
# What the page of a kind holds of its own, beside its number, its date and its signature; in the paper's language, which is in force.
BODY: dict[PaperKind, Callable[[dict[str, Any], str], Page]] = {}


def issuer(facts: dict[str, Any]) -> str:
    """Who certifies, at the beginning of a sentence. The name and the function of the head may be unknown."""
    head, title = short(facts["head_name"]), short(facts["head_title"])
    who = str(_("%(head)s, %(title)s,", head=head, title=title)) if head and title else head
    return who or str(_("The head of the [school]"))


def named(told: Sequence[tuple[Any, str]]) -> list[dict[str, str]]:
    """Facts with their labels, as a page lists them; those that are unknown are left out."""
    return [{"label": str(label), "value": short(value)} for label, value in told if value]


def _certifies(facts: dict[str, Any], language: str) -> str:
    """Who certifies what; who left is said to have been enrolled until then."""
    who, year = issuer(facts), year_words(facts["year"])
    if not facts["until"]:
        return str(_("%(who)s certifies that the person named below is enrolled in [this school] for the school year %(year)s.", who=who, year=year))
    until = day_in_words(dt.date.fromisoformat(facts["until"]), language)
    sentence = _("%(who)s certifies that the person named below was enrolled in [this school] for the school year %(year)s, until %(date)s.",
                 who=who, year=year, date=until)  # fmt: skip
    return str(sentence)


def _enrolled(facts: dict[str, Any], language: str) -> Page:
    """The page of a certificate of enrolment."""
    told = (
        (_("Family name"), facts["family_name"]),
        (_("Given names"), facts["given_names"]),
        (_("Name in use"), facts["usage_name"]),
        (_("Date of birth"), day_in_words(dt.date.fromisoformat(facts["born_on"]), language)),
        (_("[Level]"), facts["level"]),
        (_("Class"), facts["class"]),
        (_("[School]"), facts["school"]),
        (_("Official code"), facts["code"]),
    )
    year = str(_("School year %(year)s", year=year_words(facts["year"])))
    closing = str(_("Issued to serve for all legal purposes."))
    return {"year": year, "opening": _certifies(facts, language), "facts": named(told), "table": None, "closing": closing}


BODY[PaperKind.enrolment] = _enrolled


def compose(row: IssuedPaper, again_on: dt.date | None) -> Page:
    """The data of one page in its own language; `again_on` is the day of a duplicate, None for the first printing."""
    facts, language = row.facts, row.language
    with force_locale(language):
        town, issued = short(facts["town"]), day_in_words(row.issued_on, language)
        done = _("Done at %(town)s, on %(date)s.", town=town, date=issued) if town else _("Done on %(date)s.", date=issued)
        return {
            "lang": base_language(language),
            "title": str(row.kind.label),
            "reference": str(_("No. %(number)s", number=row.reference)),
            "duplicate": str(_("Duplicate printed on %(date)s", date=day_in_words(again_on, language))) if again_on else "",
            **BODY[row.kind](facts, language),
            "dateline": str(done),
            "signature": [short(line) for line in (facts["head_name"], facts["head_title"] or str(_("The head of the [school]"))) if line],
            "sign_here": str(_("Signature and stamp")),
            "footer": str(_("This paper is valid only when it is signed.")),
        }


def document(papers: Sequence[IssuedPaper], school: School, head: Letterhead) -> dict[str, Any]:
    """The data of one PDF."""
    day = today(school.time_zone)
    return {
        "title": str(papers[0].kind.label),
        "lang": base_language(school.language),
        "region": school.country.name,
        "paper": PAPER[school.country],
        "sender": head.sender,
        "stamp": STAMP if STAMP in head.pictures else None,
        "stamp_alt": str(_("Stamp of the [school]")),
        "pages": [compose(row, day if row.printed_count else None) for row in papers],
    }


def _load(ids: Sequence[int]) -> list[IssuedPaper]:
    """These papers as they are now, in the order of their numbers: each piece in one statement, also after a commit."""
    found: list[IssuedPaper] = []
    for piece in pieces(ids):
        found += db.session.scalars(select(IssuedPaper).where(IssuedPaper.id.in_(piece)).execution_options(populate_existing=True))
    return sorted(found, key=lambda row: (row.year, row.number))


def _title(papers: Sequence[IssuedPaper], date: str) -> str:
    kind = str(papers[0].kind.label)
    if len(papers) == 1:
        return str(_("%(title)s – %(date)s", title=f"{kind} {papers[0].reference}", date=short(papers[0].holder)))
    return str(_("%(title)s – %(date)s", title=kind, date=date))


def print_issued(task: Task, ids: Sequence[int], *, stamp: bool) -> Product:
    """Draw them all, then count them; the stamp's use is a line of its own in the history."""
    school = db.session.get_one(School, task.school_id)
    head = letterhead(school, str(_("Logo of the [school]")), stamp=stamp)
    papers = _load(ids)
    title = _title(papers, day_in_words(today(school.time_zone), task.language))
    parts = []
    listed = any(row.kind is not PaperKind.enrolment for row in papers)
    size, weight = (PART_LISTED, 2) if listed else (PART, 1)
    for start in range(0, len(papers), size):
        some = papers[start : start + size]
        parts.append(paper.render("certificate", document(some, school, head), pages=weight * len(some), pictures=head.pictures, beat=task.beat))
        task.progress(start + len(some))
        papers = _load(ids) if start + size < len(papers) else papers
    printed(db.session, ids)
    if STAMP in head.pictures:
        record(db.session, "stamped", "school", task.school_id, rows=len(ids))
    return bind(title, parts)


@handler(JobKind.print_certificate, table="student", verb="print_certificate")
def print_certificates(task: Task) -> Product:
    """Number and print the certificates of `params["ids"]`. Refused when none of them can have one.

    The numbers are committed before the drawing: a job that is taken over or begun again prints the papers that it numbered,
    and a number never hangs on a drawing.
    """
    params = task.params
    school = db.session.get_one(School, task.school_id)
    start = int(params["year"])
    found = certifiable(db.session, params["ids"], start)
    papers = issue(
        db.session,
        params["ids"],
        school=school,
        job_id=task.id,
        language=params["language"],
        start=start,
        within=within(Student, "print_certificate"),
    )
    if not papers:
        raise Refusal(_("None of the chosen can be given this paper: their date of birth, or the day they left, is unknown. Fill it in first."))
    left = len(found.unborn) + len(found.gone)
    note = N_("%(num)d is left out: the date of birth, or the day they left, is unknown.",
              "%(num)d are left out: the date of birth, or the day they left, is unknown.", left)  # fmt: skip
    if not task.done:  # a job that begins again has written its lines
        record_rows(db.session, "print_certificate", "student", [row.student_id for row in papers if row.student_id])
    ids = [row.id for row in papers]
    task.progress(1, total=len(ids) + 1, note=str(note) if left else "")
    return print_issued(task, ids, stamp=bool(params["stamp"]))


@handler(JobKind.print_again, table="issued_paper", verb="print_again")
def print_again(task: Task) -> Product:
    """Print `params["ids"]` once more, each with its number and what it certified, marked as a duplicate; those of a kind that the asker issues."""
    ids = reprintable(db.session, task.params["ids"], WHO.get().roles, within(IssuedPaper, "print_again"))
    if not ids:
        raise Refusal(_("Nobody of this selection is left. Choose again."))
    product = print_issued(task, ids, stamp=bool(task.params["stamp"]))
    record_rows(db.session, "print_again", "issued_paper", ids)
    return product
