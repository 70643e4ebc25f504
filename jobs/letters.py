"""Access letters: one page per activation code, in the language of whoever opens the envelope.

This module gathers names, addresses, codes and translated texts; `templates/print/letter.typ` draws them.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import segno
from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from jobs import paper
from jobs.letterhead import Letterhead, bind, letterhead, lines_of, logo_alt, short
from jobs.registry import Product, handler
from jobs.runner import Task
from models.activation import ActivationCode, CodePurpose, count_printed, show_code
from models.base import Refusal, today
from models.db import db
from models.letter_fields import Facts, blocks, day_in_words, language_of, line_of, values_of
from models.letter_sample import window_of
from models.letter_text import Texts, text_in_force
from models.people import Group, Guardian, Student
from models.school import Country, School
from models.tokens import base_language
from models.words import N_, _
from models.work import JobKind

STEP = 250  # codes between two commits of progress
PART = 1000  # letters in one PDF; more make several, in one archive
PAPER = {Country.FR: "a4", Country.CA: "us-letter"}
WHERE = "/parent/register"


@dataclass(frozen=True)
class Sheet:
    """What one letter needs from the database, read before anything slow begins."""

    id: int
    code: str
    expires_at: dt.datetime
    language: str
    student: str
    group: str
    title: str
    addressee: str
    address: tuple[str, ...]


@dataclass(frozen=True)
class Sender:
    """The school as its letters show it."""

    name: str
    lines: tuple[str, ...]
    town: str
    phone: str
    email: str
    head: str
    language: str
    country: Country
    time_zone: str

    @classmethod
    def of(cls, school: School) -> Sender:
        """Read the school once."""
        where = school.town, school.phone, school.email, school.head_name
        return cls(school.name, lines_of(school), *where, school.language, school.country, school.time_zone)


def base_url() -> str:
    """What people type before the path. The server sets it to where it answers when it is not configured."""
    return str(current_app.config.get("BASE_URL") or "http://127.0.0.1:8000")


def qr(text: str) -> str:
    """A QR code as SVG. The mask is fixed: choosing the best one takes half of the time and changes nothing for a phone."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False, mask=3).save(out, kind="svg", xmldecl=False, border=1, omitsize=True)
    return out.getvalue().decode()


def _window(sheet: Sheet) -> list[str]:
    """The lines of the envelope's window."""
    named = [short(f"{sheet.title} {sheet.addressee}")]
    first = named if sheet.addressee else [str(_("To the [guardians] of the [student]")), short(sheet.student)]
    return [*first, *(short(line) for line in sheet.address)]


def around(sentence: str, part: str) -> list[dict[str, Any]]:
    """A sentence as runs, its `part` in bold."""
    before, found, after = sentence.partition(part)
    runs = [{"text": before, "strong": False}, {"text": found, "strong": True}, {"text": after, "strong": False}]
    return [run for run in runs if run["text"]]


def plain(*paragraphs: str) -> list[dict[str, Any]]:
    """Paragraphs of ours as the drawing takes them: nothing in bold, a line as it stands."""
    return [{"steps": False, "lines": [[{"text": line, "strong": False}] for line in text.split("\n")]} for text in paragraphs]


def facts_of(sheet: Sheet, sender: Sender, address: str) -> Facts:
    """What the fields of the text say in one letter, clipped as paper holds it."""
    return Facts(
        student=short(sheet.student),
        group=short(sheet.group),
        title=sheet.title,
        addressee=short(sheet.addressee),
        code=show_code(sheet.code),
        until=sheet.expires_at.astimezone(ZoneInfo(sender.time_zone)).date(),
        address=address.split("://", 1)[-1] + WHERE,
        school=short(sender.name),
        phone=short(sender.phone),
        email=short(sender.email),
        head=short(sender.head),
    )


def compose(sheet: Sheet, sender: Sender, address: str, texts: Texts) -> dict[str, Any]:
    """The data of one page, every text translated. `address` is the installation's base URL, `texts` what the school writes in this language."""
    with force_locale(sheet.language):
        day = today(sender.time_zone)
        date = day_in_words(day, sheet.language)
        values = values_of(facts_of(sheet, sender, address), sheet.language)
        return {
            "lang": base_language(sheet.language),
            "region": sender.country.name,
            "to": _window(sheet),
            "dateline": str(_("%(town)s, %(date)s", town=short(sender.town), date=date)) if sender.town else date,
            "subject": line_of(texts["subject"], values),
            "opening": blocks(texts["opening"], values),
            "code_label": str(_("Your activation code")),
            "code": show_code(sheet.code),
            "code_note": str(_("To be used once, before %(date)s.", date=values["until"])),
            "qr": qr(f"{address}{WHERE}?code={sheet.code}"),
            "qr_alt": str(_("QR code that opens the registration page with your code")),
            "body": blocks(texts["body"], values),
            "closing": blocks(texts["closing"], values),
            "signature": blocks(texts["sign_off"], values),
            "footer": str(
                _(
                    "Letter %(reference)s · The code ends when it is used, when it expires or when it is revoked. "
                    "Nobody knows your password, not even the [school].",
                    reference=f"{day.year}-{sheet.id}",
                )
            ),
        }


def document(pages: Sequence[dict[str, Any]], sender: Sender, head: Letterhead, title: str) -> dict[str, Any]:
    """The data of one PDF of letters."""
    return {
        "title": title,
        "lang": base_language(sender.language),
        "region": sender.country.name,
        "paper": PAPER[sender.country],
        "sender": head.sender,
        "letters": list(pages),
    }


def texts_of(school: School, languages: Iterable[str]) -> dict[str, Texts]:
    """Language -> what the letters of the school say in it."""
    return {language: text_in_force(db.session, school, language) for language in dict.fromkeys(languages)}


def access_letters(sheets: Sequence[Sheet], sender: Sender, head: Letterhead, address: str, texts: Mapping[str, Texts]) -> dict[str, Any]:
    """The data of one PDF of access letters."""
    with force_locale(sender.language):
        title = str(_("Access letters"))
    return document([compose(sheet, sender, address, texts[sheet.language]) for sheet in sheets], sender, head, title)


# --- the job ---------------------------------------------------------------------------------------------------------------------


def _in_order(ids: Sequence[int]) -> list[int]:
    """Codes sorted as they are handed out: by class, then by name."""
    query = (
        select(ActivationCode.id)
        .join(Student, Student.id == ActivationCode.student_id)
        .outerjoin(Group, Group.id == Student.homeroom_id)
        .where(ActivationCode.id.in_(ids), ActivationCode.purpose == CodePurpose.guardian)
        .order_by(Group.name, Student.family_name, Student.given_name, ActivationCode.student_id, ActivationCode.id)
    )
    return list(db.session.scalars(query))


def _read(ids: Sequence[int], sender: Sender) -> Iterator[Sheet]:
    """The sheets of these codes, in the given order; those that cannot be printed any more are left out."""
    query = (
        select(ActivationCode)
        .where(ActivationCode.id.in_(ids))
        .options(joinedload(ActivationCode.student).joinedload(Student.homeroom), joinedload(ActivationCode.guardian))
    )
    found = {code.id: code for code in db.session.scalars(query)}
    for code in (found[key] for key in ids if key in found):
        if code.usable:
            yield sheet_of(code.student, code.guardian, sender, key=code.id, code=code.reveal(), until=code.expires_at)


def sheet_of(student: Student, guardian: Guardian | None, sender: Sender, *, key: int, code: str, until: dt.datetime, language: str | None = None) -> Sheet:
    """One letter about a student, to this guardian or to all of them, in their language unless another is named."""
    language = language or language_of((guardian or student).language, sender.language)
    return Sheet(
        id=key,
        code=code,
        expires_at=until,
        language=language,
        student=student.name,
        group=student.homeroom.name if student.homeroom else "",
        title=guardian.title if guardian else "",
        addressee=guardian.name if guardian else "",
        address=window_of(sender.country, student, guardian, language),
    )


@handler(JobKind.print_letters, table="activation_code", verb="print_letters")
def print_letters(task: Task) -> Product:
    """Print the codes of `params["codes"]` (ids) that are still usable. Refused when none is.

    Each letter counts once, with the end of the job: a job that was taken over, or that failed, has counted nothing.
    """
    school = db.session.get_one(School, task.school_id)
    sender, head, address = Sender.of(school), letterhead(school, logo_alt(school)), base_url()
    asked = [int(key) for key in task.params["codes"]]
    ids = _in_order(asked)
    sheets: list[Sheet] = []
    for start in range(0, len(ids), STEP):
        sheets += _read(ids[start : start + STEP], sender)
        task.progress(min(start + STEP, len(ids)) * 9 // 10, total=len(ids))
    if not sheets:
        raise Refusal(_("None of these codes can be printed: they are used, revoked or expired. Create new ones."))
    task.progress(task.done, note=str(N_("%(num)d letter is being written.", "%(num)d letters are being written.", len(sheets))))
    product = _print(task, sheets, sender, head, address, texts_of(school, (sheet.language for sheet in sheets)))
    left = len(asked) - len(sheets)
    note = N_("%(num)d code was left out: used, revoked or expired.", "%(num)d codes were left out: used, revoked or expired.", left)
    task.note = str(note) if left else ""
    count_printed(db.session, [sheet.id for sheet in sheets], "print_letters")
    return product


def _print(task: Task, sheets: Sequence[Sheet], sender: Sender, head: Letterhead, address: str, texts: Mapping[str, Texts]) -> Product:
    """One PDF, or an archive of several when there are more than a thousand letters."""
    day = day_in_words(today(sender.time_zone), task.language)
    name = str(_("Access letters – %(school)s – %(date)s", school=short(sender.name), date=day))
    parts = []
    for start in range(0, len(sheets), PART):
        some = sheets[start : start + PART]
        data = access_letters(some, sender, head, address, texts)
        parts.append(paper.render("letter", data, pages=len(some), pictures=head.pictures, beat=task.beat))
        task.beat()
    return bind(name, parts)
