"""Access cards: ten to a sheet, cut apart, one for each student, in the student's language.

This module gathers names, codes and translated texts; `templates/print/cards.typ` draws them. The codes exist before (models/access_cards.py):
a job that is taken over, or started again, prints the same ones as long as they are unused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from sqlalchemy import select

from jobs import paper
from jobs.letterhead import Letterhead, bind, letterhead, logo_alt, short
from jobs.letters import PAPER, Sender, around, base_url, qr
from jobs.registry import Product, handler
from jobs.runner import Task
from models import keys, settings
from models.access import User
from models.access_cards import printable
from models.activation import ActivationCode, count_printed, show_code
from models.among import among
from models.base import Refusal, today
from models.db import db
from models.letter_fields import day_in_words, language_of
from models.people import Group, Student
from models.school import School
from models.tokens import base_language
from models.words import N_, _
from models.work import JobKind

STEP = 500  # codes between two commits of progress
PART = 1000  # cards in one PDF; more make several, in one archive
SHEET = 10  # cards of one page
WHERE = "/student/activate"


@dataclass(frozen=True)
class Card:
    """What one card needs from the database."""

    code: str
    expires_at: Any
    language: str
    name: str
    group: str
    username: str


def compose(card: Card, sender: Sender, address: str) -> dict[str, Any]:
    """The data of one card, every text translated. `address` is the installation's base URL."""
    with force_locale(card.language):
        ends = day_in_words(card.expires_at.astimezone(ZoneInfo(sender.time_zone)).date(), card.language)
        typed = address.split("://", 1)[-1] + WHERE
        return {
            "lang": base_language(card.language),
            "region": sender.country.name,
            "name": short(card.name),
            "group": short(card.group),
            "user_label": str(_("User name")),
            "user": card.username,
            "code_label": str(_("One-time code")),
            "code": show_code(card.code),
            "qr": qr(f"{address}{WHERE}?code={card.code}"),
            "qr_alt": str(_("QR code that opens the page where you choose your password")),
            "steps": [
                around(str(_("Scan the square, or open %(address)s and type the code.", address=typed)), typed),
                around(str(_("Choose your password, of %(length)d characters at least.", length=settings.value("password_length"))), "\0"),
                around(str(_("From then on, sign in with your user name and this password.")), "\0"),
            ],
            "note": str(_("The code works once, until %(date)s.", date=ends)),
            "help": str(_("Help: %(phone)s", phone=short(sender.phone))) if sender.phone else "",
        }


def document(cards: Sequence[Card], sender: Sender, head: Letterhead, address: str) -> dict[str, Any]:
    """The data of one PDF."""
    with force_locale(sender.language):
        title = str(_("Access cards"))
    return {
        "title": title,
        "lang": base_language(sender.language),
        "region": sender.country.name,
        "paper": PAPER[sender.country],
        "school": short(sender.name),
        "logo": head.sender["logo"],
        "logo_alt": head.sender["logo_alt"],
        "cards": [compose(card, sender, address) for card in cards],
    }


def read_cards(ids: Sequence[int], sender: Sender) -> list[Card]:
    """The cards of these codes that still open something, by class and name."""
    c, s, u = ActivationCode, Student, User.__table__
    look = select(c.sealed, c.expires_at, s.language, s.given_name, s.family_name, Group.name, u.c.username)
    look = look.join(s, s.id == c.student_id).join(u, u.c.id == s.user_id).outerjoin(Group, Group.id == s.homeroom_id)
    order = (Group.name, s.family_name, s.given_name, s.id)
    return [
        Card(keys.unseal("activation", sealed), until, language_of(language, sender.language), f"{given} {family}", group or "", username or "")
        for sealed, until, language, given, family, group, username in db.session.execute(look.where(among(c.id, ids)).order_by(*order))
    ]


@handler(JobKind.print_access_cards, table="student", verb="print_access_cards")
def print_access_cards(task: Task) -> Product:
    """Print the codes of `params["codes"]` (ids) that are still usable. Refused when none is.

    Each card counts once, with the end of the job: a job that was taken over, or that failed, has counted nothing.
    """
    school = db.session.get_one(School, task.school_id)
    head, address = letterhead(school, logo_alt(school)), base_url()
    sender = replace(Sender.of(school), phone=school.support_phone or school.phone)
    asked = [int(key) for key in task.params["codes"]]
    ids = printable(db.session, asked)
    cards = read_cards(ids, sender)
    if not cards:
        raise Refusal(_("None of these cards can be printed any more: their codes were used, revoked or have expired. Make new ones."))
    task.progress(0, total=len(cards), note=str(N_("%(num)d card is being drawn.", "%(num)d cards are being drawn.", len(cards))))
    parts = []
    for start in range(0, len(cards), PART):
        some = cards[start : start + PART]
        data = document(some, sender, head, address)
        parts.append(paper.render("cards", data, pages=2 + len(some) // SHEET, pictures=head.pictures, beat=task.beat))
        task.progress(start + len(some))
    left = len(asked) - len(cards)
    task.note = (
        str(
            N_(
                "%(num)d card was left out: its code is used, revoked or expired.",
                "%(num)d cards were left out: their codes are used, revoked or expired.",
                left,
            )
        )
        if left
        else ""
    )
    count_printed(db.session, ids, "print_access_cards")
    with force_locale(task.language):
        name = str(_("Access cards – %(school)s – %(date)s", school=short(sender.name), date=day_in_words(today(sender.time_zone), task.language)))
    return bind(name, parts)
