"""The specimen: one access letter of a real child for whoever is about to print many, marked so, with a code that opens nothing."""

from __future__ import annotations

from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from jobs import paper
from jobs.letterhead import bind, letterhead, logo_alt, short
from jobs.letters import Sender, access_letters, base_url, sheet_of, texts_of
from jobs.registry import Product, handler
from jobs.runner import Task
from models.activation import ActivationCode, last_moment
from models.base import Refusal
from models.db import db
from models.journal import record
from models.letter_sample import NO_CODE, written_to
from models.people import Guardian, Student
from models.school import School
from models.words import _
from models.work import JobKind


def _whose(task: Task) -> tuple[Student, Guardian | None]:
    """The child and the adult of the chosen code, or of the chosen student. Refused when the asker sees none of them any more."""
    code = db.session.scalar(
        select(ActivationCode)
        .where(ActivationCode.id == task.params.get("code"))
        .options(joinedload(ActivationCode.student), joinedload(ActivationCode.guardian))
    )
    if code is not None:
        return code.student, code.guardian
    student = db.session.get(Student, task.params.get("student") or 0)
    if student is None:
        raise Refusal(_("Nobody of this selection is left. Choose again."))
    return student, written_to(db.session, student)


@handler(JobKind.print_specimen, table="activation_code", verb="print_letters")
def print_specimen(task: Task) -> Product:
    """One letter of `params["code"]` or `params["student"]` (ids); of `params["texts"]` in `params["language"]`, where they are not saved yet."""
    school = db.session.get_one(School, task.school_id)
    sender, head = Sender.of(school), letterhead(school, logo_alt(school))
    student, guardian = _whose(task)
    sheet = sheet_of(student, guardian, sender, key=0, code=NO_CODE, until=last_moment(school), language=task.params.get("language"))
    texts = texts_of(school, [sheet.language]) | ({sheet.language: task.params["texts"]} if task.params.get("texts") else {})
    data = access_letters([sheet], sender, head, base_url(), texts)
    with force_locale(sheet.language):
        data["letters"][0] |= {"specimen": str(_("SPECIMEN")), "footer": str(_("Specimen: this code opens nothing. Each letter carries its own."))}
    content = paper.render("letter", data, pictures=head.pictures, beat=task.beat)
    record(db.session, "specimen", "student", student.id)
    return bind(str(_("Specimen – %(name)s", name=short(student.name))), [content])
