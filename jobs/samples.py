"""Sample papers: what a certificate or a letter looks like with the signature, the logo and the stamp that the school has now. About nobody."""

from __future__ import annotations

import datetime as dt

from flask_babel import force_locale

from jobs import certificates, letters, paper
from jobs.letterhead import STAMP, Letterhead, bind, letterhead, logo_alt
from jobs.registry import Product, handler
from jobs.runner import Task
from models.activation import last_moment
from models.base import today
from models.db import db
from models.journal import record
from models.letter_sample import NO_CODE
from models.papers import IssuedPaper, PaperKind, school_year
from models.school import School
from models.words import _
from models.work import JobKind


def _certificate(school: School, head: Letterhead) -> bytes:
    """One page that says that it certifies nothing."""
    day = today(school.time_zone)
    facts = {
        "school": school.name,
        "code": school.official_code,
        "town": school.town,
        "head_name": school.head_name,
        "head_title": school.head_title,
        "family_name": str(_("Family name")),
        "given_names": str(_("Given names")),
        "usage_name": "",
        "born_on": dt.date(2010, 1, 1).isoformat(),
        "level": "",
        "class": "",
        "year": school_year(day, school.country),
        "until": "",
    }
    row = IssuedPaper(kind=PaperKind.enrolment, year=day.year, number=0, reference=f"{day.year}-0000", issued_on=day, facts=facts, printed_count=0)
    row.language = school.language
    data = certificates.document([row], school, head)
    data["pages"][0]["duplicate"] = str(_("Sample: this paper certifies nothing"))
    return paper.render("certificate", data, pictures=head.pictures)


def _letter(school: School, head: Letterhead) -> bytes:
    """One page whose code opens nothing."""
    sender = letters.Sender.of(school)
    someone = f"{_('Given name')} {_('Family name')}"
    sheet = letters.Sheet(
        id=0,
        code=NO_CODE,
        expires_at=last_moment(school),
        language=school.language,
        student=someone,
        group="",
        title="",
        addressee=someone,
        address=tuple(school.address_lines),
    )
    texts = letters.texts_of(school, [sheet.language])
    return paper.render("letter", letters.access_letters([sheet], sender, head, letters.base_url(), texts), pictures=head.pictures)


@handler(JobKind.print_sample, table="school", verb="edit")
def print_sample(task: Task) -> Product:
    """A certificate or a letter (`params["paper"]`), in the language of the school; the use of the stamp is a line in the history."""
    school = db.session.get_one(School, task.school_id)
    head = letterhead(school, logo_alt(school), stamp=task.params["paper"] == "certificate")
    with force_locale(school.language):
        content = (_letter if task.params["paper"] == "letter" else _certificate)(school, head)
    if STAMP in head.pictures:
        record(db.session, "stamped", "school", task.school_id)
    return bind(str(_("Sample paper")), [content])
