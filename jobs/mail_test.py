"""The test of the mail server, and the mails saved as files: two works that somebody asks for on the screen of outgoing mails."""

from __future__ import annotations

import io
import zipfile

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from jobs.registry import Product, handler
from jobs.runner import Task
from jobs.smtp import Post, Trouble
from models import mail_line
from models.base import Refusal, utcnow
from models.db import db
from models.mail_line import MailFault, MailStep
from models.mail_server import MailServer, MailTest
from models.mime import compose, file_sender
from models.school import School
from models.words import N_, _
from models.work import JobKind, OutgoingMail

PATIENCE = 10.0  # seconds for each answer: somebody looks at the page
PIECE = 200


@handler(JobKind.test_mail, table="outgoing_mail", verb="test")
def test_mail(task: Task) -> Product | None:
    """Send one mail to whoever asked, telling each answer as it comes; a test that arrives opens the queue again."""
    mine = MailTest.job_id == task.id
    test = db.session.scalar(select(MailTest).where(mine))
    if test is None:
        raise Refusal(_("Another test has taken the place of this one."))
    steps: list[list[str]] = []

    def told(step: MailStep, words: str) -> None:
        steps.append([step.name, server.hide(words)])
        db.session.execute(update(MailTest).where(mine).values(steps=list(steps)).execution_options(synchronize_session=False))
        task.progress(len(steps))

    fault, words = None, ""
    try:
        server = MailServer.from_url(current_app.config["MAIL_URL"])
    except ValueError:
        fault = MailFault.setting
    else:
        message = compose(_mail(task, test.to_address), db.session.scalar(select(School)), sender=server.sender)
        address = test.to_address
        db.session.rollback()  # no transaction is open while the server is spoken to
        post = Post(server, told, PATIENCE)
        try:
            post.send(message, address)
            mail_line.well(db.session)
        except Trouble as trouble:
            db.session.rollback()
            fault, words = trouble.fault, server.hide(str(trouble))
            steps.append([trouble.step.name, words])
        finally:
            post.close()
    ended = {"steps": steps, "fault": fault, "answer": words, "finished_at": utcnow()}
    db.session.execute(update(MailTest).where(mine).values(ended).execution_options(synchronize_session=False))
    task.note = str(fault or _("The server has taken the mail."))
    return None


def _mail(task: Task, address: str) -> OutgoingMail:
    """The mail of the test: a row that is never kept."""
    body = _("Hello,\n\nThis mail shows that Scolabri sends mails through this server.\n\nThere is nothing to do.\n")
    return OutgoingMail(
        to_address=address,
        to_name="",
        subject=str(_("Test of the mail server")),
        body=str(body),
        html="",
        sealed=False,
        language=task.language,
        created_at=utcnow(),
        message_id=f"<test-{task.id}-{utcnow():%Y%m%d%H%M%S}@scolabri>",
    )


@handler(JobKind.download_mails, table="outgoing_mail", verb="download")
def download_mails(task: Task) -> Product | None:
    """One .eml for each mail, in a ZIP. Mails that hold a personal link, or whose text is no longer kept, are left out and counted."""
    ids = task.params["ids"]
    school = db.session.scalar(select(School))
    out, put = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for start in range(0, len(ids), PIECE):
            some = select(OutgoingMail).where(OutgoingMail.id.in_(ids[start : start + PIECE])).options(undefer(OutgoingMail.html))
            mails = list(db.session.scalars(some.order_by(OutgoingMail.id)))
            for mail in mails:
                if mail.readable:
                    archive.writestr(f"{mail.id:07d}.eml", compose(mail, school, sender=file_sender(school)).as_bytes())
                    put += 1
            db.session.expunge_all()
            school = db.session.scalar(select(School))
            task.progress(min(start + PIECE, len(ids)))
    if not put:
        raise Refusal(_("None of these mails can be saved: they hold personal links, or their text is no longer kept."))
    told = [str(N_("%(num)d mail in the file.", "%(num)d mails in the file.", put))]
    if put < len(ids):
        told.append(str(N_("%(num)d is left out: only its addressee reads it, or its text is no longer kept.",
                           "%(num)d are left out: only their addressees read them, or their text is no longer kept.", len(ids) - put)))  # fmt: skip
    task.note = " ".join(told)
    return Product(str(_("Mails")) + ".zip", "application/zip", out.getvalue())
