"""The outbox as a screen: what has left, what waits and why; mails saved as files; the test of the mail server."""

from __future__ import annotations

import io
import re
from typing import Any

from flask import Flask, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose

from models import mail_line
from models.base import Refusal, utcnow
from models.db import db
from models.mail_line import MailFault
from models.mail_server import MailServer, MailTest, last_test
from models.mime import compose, file_sender
from models.school import School
from models.work import Job, JobKind, MailState, OutgoingMail
from views.base import gate
from views.filters import Is, ScreenFilter, SinceDay, UntilDay
from views.formats import show
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.verbs import Selection, verb
from views.work import Handed

MOST_FILES = 5000
_UNSAFE = re.compile(r"[^\w .,@+'’-]")  # what some file system or header refuses
_ONE_MESSAGE = re.compile(r"message:(\d{1,18})")


class Cause(ScreenFilter):
    """What the mail is about: messages, one message (`message:12`), or all the rest."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """The two kinds."""
        return [("message", gettext("A message")), ("other", gettext("An account or a code"))]

    def words(self, value: str) -> str:
        """One message has no name here."""
        return super().words(value.partition(":")[0])

    def clean(self, value: str) -> str:
        """A kind, or one message; ValueError otherwise."""
        if value not in ("message", "other") and not _ONE_MESSAGE.fullmatch(value):
            raise ValueError(value)
        return value

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.get_column(alias)
        one = _ONE_MESSAGE.fullmatch(value)
        if one:
            return query.filter(column == "message", OutgoingMail.cause_id == int(one[1]))
        return query.filter(column == "message" if value == "message" else column != "message")


class OutgoingMails(Handed):
    """Mails that left, or wait for a mail server."""

    model = OutgoingMail
    name = _("Outgoing mails")
    name_of_one = _("Outgoing mail")
    icon = "mail"
    empty = {"icon": "mail", "title": _("No mail yet"), "sentence": _("Every mail that the application writes is kept here, sent or waiting.")}
    column_list = ("subject", "to_address", "state", "trouble", "created_at", "sent_at")
    column_labels = {"trouble": _("Reason")}
    column_default_sort = ("id", True)
    column_sortable_list = ("created_at", "sent_at", "state")
    column_searchable_list = ("subject", "to_name", "to_address")
    column_details_list = ("to_name", "to_address", "created_at", "requested_by", "sent_at", "tries", "next_try_at", "error")
    column_export_list = ("subject", "to_name", "to_address", "state", "created_at", "sent_at", "tries", "trouble", "error")
    list_template = "admin/outgoing_mail/list.html"
    details_template = "admin/outgoing_mail/details.html"
    verb_order = ("retry", "cancel", "download")
    column_formatters = {"next_try_at": lambda _v, _c, mail, _n: _next_try(mail)}

    def __init__(self) -> None:
        written = _("Written on")
        self.column_filters = (
            Is(OutgoingMail.state, OutgoingMail.state.info["label"], "state"),
            Is(OutgoingMail.trouble, _("Why it was not sent"), "trouble"),
            Cause(OutgoingMail.cause_table, _("About"), "cause"),
            SinceDay(OutgoingMail.created_at, written, "created_at"),
            UntilDay(OutgoingMail.created_at, written, "created_at"),
        )
        super().__init__()

    # -- verbs

    def verb_fits(self, verb: str, row: OutgoingMail) -> bool:
        """What has left, or is leaving, is not taken back; what waits for its turn needs no push; what only its addressee reads is no file."""
        waits = row.state in (MailState.waiting, MailState.failed)
        later = row.state in (MailState.failed, MailState.cancelled) or _put_off(row)
        return {"retry": later, "cancel": waits, "download": row.readable}.get(verb, True)

    @verb("retry", _("Send now"), icon="undo")
    def retry(self, mail: OutgoingMail) -> None:
        """As soon as a mail server answers; what waits for its turn already needs it no more."""
        mail.retry()

    @verb("cancel", _("Do not send"), icon="stop")
    def cancel(self, mail: OutgoingMail) -> None:
        """It stays in the list, and never leaves."""
        mail.cancel()

    @verb("download", _("Download"), icon="export", whole=True)
    def download(self, selection: Selection) -> ResponseReturnValue:
        """One mail at once; several as a ZIP that a job makes, without those that hold a personal link."""
        if selection.count == 1:
            return redirect(self.get_url(".download_view", id=selection.all_ids()[0]), code=303)
        if selection.count > MOST_FILES:
            raise Refusal(_("A file holds %(most)d mails at most. Filter the list, then save it part by part."), most=MOST_FILES)
        note = ngettext("%(num)d mail", "%(num)d mails", selection.count)
        job = Job.add(JobKind.download_mails, {"ids": selection.all_ids()}, total=selection.count, note=note)
        db.session.flush()
        return redirect(url_for("job.details_view", id=job.id, open=1), code=303)

    @expose("/download/")
    @gate("download")
    def download_view(self) -> ResponseReturnValue:
        """The mail as a file that any mail program opens; 404 for another's, 422 when it holds a personal link."""
        mail = self.get_one(request.args.get("id"))
        self.check_row("download", mail)
        mail.download()
        school = db.session.get(School, mail.school_id)
        content = compose(mail, school, sender=file_sender(school)).as_bytes()
        return self.hand_over(mail, io.BytesIO(content), file_name(mail) + ".eml", "message/rfc822")

    # -- pages

    def render(self, template: str, **kwargs: Any) -> str:
        """On the list, why nothing leaves; on a mail's own page, its text unless it opens something, and what it is about."""
        line = mail_line.trouble(db.session)
        if line is not None:
            later = line.paused_until is not None and line.paused_until > utcnow()
            kwargs |= {"line": line, "since": show(line.failing_since), "next_at": show(line.paused_until) if later else ""}
        kwargs |= {"may_test": self.may("test"), "configured": _configured()}
        mail = kwargs.get("model")
        if isinstance(mail, OutgoingMail):
            kwargs |= {"badge": mail.state, "text": mail.download() if mail.readable else "", "cause": self.cause_of(mail)}
        return super().render(template, **kwargs)

    def cause_of(self, mail: OutgoingMail) -> dict[str, str]:
        """The record that the mail is about, as a link; empty for what has no page, or none for this person."""
        screen = screens().get(mail.cause_table)
        if screen is None or mail.cause_id is None or not screen.is_accessible():
            return {}
        name = str(screen.name_of_one or screen.name)
        words = gettext("See the message") if mail.cause_table == "message" else gettext("About: %(what)s", what=name)
        return {"words": words, "url": url_for(f"{mail.cause_table}.details_view", id=mail.cause_id)}

    @expose("/test/", methods=("GET", "POST"))
    @gate("test")
    def test_view(self) -> ResponseReturnValue:
        """The setting without its password, the last test step by step, and the button of the next one."""
        if request.method == "POST":
            try:
                MailTest.ask(db.session, _configured())
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                flash(refusal.sentence, "danger")
                return self.test_page(), 422
            return redirect(self.get_url(".test_view"), code=303)
        return self.test_page()

    def test_page(self) -> str:
        """The page of the test."""
        server = MailServer.from_url(current_app.config["MAIL_URL"]) if _configured() else None
        test = last_test(db.session)
        asked = show(test.asked_at) if test is not None else ""
        return self.render("admin/outgoing_mail/test.html", server=server, test=test, asked=asked, unset=MailFault.unset)


def file_name(mail: OutgoingMail) -> str:
    """A mail as the name of a file: its subject and its addressee, in signs that every system takes."""
    told = _UNSAFE.sub(" ", f"{mail.subject} - {mail.to_name or mail.to_address}")
    return " ".join(told.split()).strip(". ")[:100].rstrip(". ") or str(mail.id)


def _put_off(mail: OutgoingMail) -> bool:
    """Whether the mail waits for a later hour, not for its turn."""
    return mail.state is MailState.waiting and mail.next_try_at is not None and mail.next_try_at > utcnow()


def _next_try(mail: OutgoingMail) -> Any:
    """When the mail leaves: an hour that is still to come, or why there is none."""
    if mail.state is not MailState.waiting:
        return ""
    if not _configured():
        return gettext("once a mail server is set")
    return show(mail.next_try_at) if _put_off(mail) else gettext("at the next sending")


def _configured() -> bool:
    return bool(current_app.config.get("MAIL_URL"))


def register(app: Flask, admin: Admin) -> None:
    """The screen of mails."""
    admin.add_view(OutgoingMails())
