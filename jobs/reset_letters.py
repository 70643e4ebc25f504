"""Reset letters: a guardian who lost the password and has no mail receives a one-time code at the postal address on file.

The secrets exist in the PDF only; the database learns their digests with the end of the job, so that a job that failed has opened
nothing. The drawing is that of the access letters.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from sqlalchemy import select

from jobs import paper
from jobs.letterhead import letterhead, logo_alt, short
from jobs.letters import Sender, around, base_url, document, plain, qr
from jobs.registry import Product, handler
from jobs.runner import Task
from models import accounts, settings
from models.access import User
from models.addresses import home_of, postal_lines
from models.base import Refusal, today, utcnow
from models.db import db
from models.letter_fields import day_in_words, language_of, salutation
from models.people import Guardian
from models.school import School
from models.scope import unscoped
from models.tokens import base_language
from models.words import _
from models.work import JobKind

WHERE = "/reset/"


def compose(guardian: Guardian, login: str, secret: str, sender: Sender, address: str) -> dict[str, Any]:
    """The data of one letter, every text translated. `login` is what the person signs in with."""
    language = language_of(guardian.language, sender.language)
    with force_locale(language):
        opening = [
            salutation(guardian.title),
            str(_("With this code you choose a new password. The present one keeps working until then.")),
            str(_("If you did not ask for this letter, tell the [school].")),
        ]
        lines = [f"{guardian.title} {guardian.name}", *postal_lines(home_of(guardian), sender.country, language)]
        subject = str(_("A new password for your Scolabri account"))
        return password_page(language, sender, address, secret, to=lines, subject=subject, opening=opening, login=login, lives=accounts.LIVES["letter"])


def password_page(
    language: str, sender: Sender, address: str, secret: str, *, to: list[str], subject: str, opening: list[str], login: str, lives: dt.timedelta
) -> dict[str, Any]:
    """The data of a page whose one-time code opens the choice of a password, in the language in force: `opening` says why, `lives` how long."""
    date = day_in_words(today(sender.time_zone), language)
    ends = day_in_words((utcnow() + lives).astimezone(ZoneInfo(sender.time_zone)).date(), language)
    typed, length = address.split("://", 1)[-1] + WHERE + secret, settings.value("password_length")
    return {
        "lang": base_language(language),
        "region": sender.country.name,
        "to": [short(line) for line in to if line.strip()],
        "dateline": str(_("%(town)s, %(date)s", town=short(sender.town), date=date)) if sender.town else date,
        "subject": subject,
        "opening": plain(*opening),
        "code_label": str(_("Your one-time code")),
        "code": secret,
        "code_note": str(_("To be used once, before %(date)s.", date=ends)),
        "qr": qr(f"{address}{WHERE}{secret}"),
        "qr_alt": str(_("QR code that opens the page where you choose a password")),
        "body": [
            {
                "steps": True,
                "lines": [
                    around(str(_("Scan the square with your phone, or open %(address)s.", address=typed)), typed),
                    around(str(_("Choose a password of at least %(length)d characters, and type it twice.", length=length)), "\0"),
                    around(str(_("Sign in with %(login)s and this password.", login=short(login))), short(login)),
                ],
            }
        ],
        "closing": [],
        "signature": plain("\n".join((str(_("With our best regards,")), str(_("The office"))))),
        "footer": str(_("Nobody knows your password, not even the [school].")),
    }


@handler(JobKind.print_reset_letter, table="guardian", verb="print_reset_letter")
def print_reset_letters(task: Task) -> Product:
    """Print a letter for each of `params["guardians"]` (ids). Refused as a whole when one of them cannot have one."""
    school = db.session.get_one(School, task.school_id)
    sender, address = Sender.of(school), base_url()
    look = select(Guardian).where(Guardian.id.in_(task.params["guardians"])).order_by(Guardian.family_name, Guardian.given_name, Guardian.id)
    guardians = list(db.session.scalars(look))
    if not guardians:
        raise Refusal(_("Nobody of this selection is left. Choose again."))
    secrets: dict[int, str] = {}
    pages = []
    for guardian in guardians:
        accounts.check_letter(guardian)
        secrets[guardian.id] = accounts.letter_secret()
        with unscoped("a login belongs to no school"):
            user = db.session.get_one(User, guardian.user_id)
        pages.append(compose(guardian, user.username or user.email or "", secrets[guardian.id], sender, address))
    with force_locale(sender.language):
        title = str(_("Reset letters"))
    head = letterhead(school, logo_alt(school))
    content = paper.render("letter", document(pages, sender, head, title), pages=len(pages), pictures=head.pictures, beat=task.beat)
    for guardian in guardians:
        accounts.reset_letter(guardian, secrets[guardian.id])
    return Product(f"{title}.pdf", "application/pdf", content)
