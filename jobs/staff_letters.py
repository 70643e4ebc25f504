"""Invitations of the people whom an import of staff brought: mails, and one sheet each for those without an address.

As with reset letters, the codes exist in the PDF only; the database learns their digests with the end of the job.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import force_locale

from jobs import paper
from jobs.letterhead import letterhead, logo_alt
from jobs.letters import Sender, base_url, document
from jobs.registry import Product, handler
from jobs.reset_letters import password_page
from jobs.runner import Task
from models import accounts, staff, staff_invitations
from models.access import User
from models.base import Refusal
from models.db import db
from models.imports import Import
from models.journal import record
from models.letter_fields import language_of, salutation
from models.school import School
from models.words import N_, _
from models.work import JobKind


def compose(user: User, secret: str, sender: Sender, address: str) -> dict[str, Any]:
    """The data of one sheet, every text translated: to whom, what for, the code, what to do with it."""
    language = language_of(user.language, sender.language)
    with force_locale(language):
        opening = [
            salutation(""),
            str(_("An account is open for you on Scolabri. With this code you choose your password.")),
            str(_("Keep this sheet to yourself until then: whoever has it opens your account.")),
        ]
        lives, login = accounts.LIVES[staff_invitations.PURPOSE], user.username or user.email or ""
        subject = str(_("Your Scolabri account"))
        return password_page(language, sender, address, secret, to=[user.name], subject=subject, opening=opening, login=login, lives=lives)


def _invitable(user: User) -> bool:
    try:
        staff.check_may_touch(user)
        staff.check_alone_here(user.id)
    except Refusal:
        return False
    return True


@handler(JobKind.invite_staff, table="user", verb="invite")
def invite_staff(task: Task) -> Product | None:
    """Invite those who still wait. Whoever belongs to another school by now, or has a role above the asker's, is left out."""
    people = [user for user in staff_invitations.waiting(db.session.get_one(Import, task.params["import_id"])) if _invitable(user)]
    if not people:
        raise Refusal(_("Nobody of this import waits for an invitation any more."))
    school = db.session.get_one(School, task.school_id)
    sender, address = Sender.of(school), base_url()
    by_mail = [user for user in people if user.email and current_app.config.get("MAIL_URL")]
    handed = [user for user in people if user not in by_mail]
    secrets = [(user.id, accounts.letter_secret()) for user in handed]
    pages = [compose(user, secret, sender, address) for user, (_id, secret) in zip(handed, secrets, strict=True)]
    content = b""
    with force_locale(sender.language):
        title = str(_("Invitations of the staff"))
    if pages:
        head = letterhead(school, logo_alt(school))
        content = paper.render("letter", document(pages, sender, head, title), pages=len(pages), pictures=head.pictures, beat=task.beat)
    for user in by_mail:
        staff.invite(user, address, by_mail=True)
        record(db.session, "invite", "user", user.id)
    for user_id, secret in secrets:
        staff_invitations.hand_over(db.session.get_one(User, user_id), secret)
    told = [str(N_("%(num)d mail", "%(num)d mails", len(by_mail))), str(N_("%(num)d sheet to hand over", "%(num)d sheets to hand over", len(handed)))]
    task.note = ", ".join(words for words, group in zip(told, (by_mail, handed), strict=True) if group)
    return Product(f"{title}.pdf", "application/pdf", content) if content else None
