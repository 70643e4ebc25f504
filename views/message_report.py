"""A message that was sent: how far it is, who has read it, by name and as a file; writing again, starting from it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, abort, flash, redirect, request, send_file, stream_with_context
from flask.typing import ResponseReturnValue
from flask_admin import expose

from models import message_report
from models.base import Refusal, today
from models.db import db
from models.export import XLSX, write_book
from models.message_html import clean
from models.message_report import PAGE, Line, Which
from models.messages import Message, MessageState
from models.scope import SCOPE, WHO
from models.work import MailState
from views.attachments import attach
from views.base import gate
from views.export import for_same, lines_of, writing
from views.formats import number, show_instant, zone
from views.i18n import gettext, ngettext
from views.invitations import mails as mails_leave
from views.message_form import audience_words, to_words

LEAVING = (MailState.waiting, MailState.sending)


class MessageReport:
    """The half of the screen that looks back."""

    table: str
    may: Any
    get_one: Any
    get_url: Any
    need_id: Any
    files_of: Any

    def sent_context(self, message: Message) -> dict[str, Any]:
        """What the page of a sent message shows beside its text."""
        read = message_report.read_counts(db.session, [message.id]).get(message.id, 0)
        mails, leave = message_report.copies(db.session, message), mails_leave()
        left, total = sum(mails[state] for state in LEAVING), sum(mails.values())
        done, failed, cancelled = mails[MailState.sent], mails[MailState.failed], mails[MailState.cancelled]
        return {
            "text": clean(message.body),
            "from_words": gettext("From %(name)s, %(when)s", name=message.sender, when=show_instant(message.sent_at)) if message.sent_at else message.sender,
            "files": self.files_of(message),
            "facts": [
                (gettext("To"), to_words(message.to)),
                (gettext("About"), audience_words(message)),
                (gettext("Written by"), message.sender or str(message.requested_by or "")),
                (gettext("Sent on"), show_instant(message.sent_at) if message.sent_at else ""),
            ],
            "people": message.people,
            "read": read,
            "read_sentence": ngettext("of %(all)d person has read it", "of %(all)d people have read it", message.people, all=message.people),
            "under_way": message.state is MessageState.queued or (bool(left) and leave),
            "queued": message.state is MessageState.queued,
            "copies_total": total,
            "copies_done": done,
            "copies_words": gettext("%(done)s of %(total)s copies by e-mail sent", done=number(done), total=number(total)),
            "copies_wait": copies_wait(left) if left and not leave else "",
            "cancelled": ngettext("%(num)d copy was cancelled.", "%(num)d copies were cancelled.", cancelled) if cancelled else "",
            "failed": ngettext("%(num)d copy could not be sent.", "%(num)d copies could not be sent.", failed) if failed else "",
            "may_write": self.may("create"),
            "unread": message.people - read,
        }

    def opened_sent(self) -> Message:
        """The message that the address names, once it is sent; 404 for a draft."""
        self.need_id()
        message: Message = self.get_one(request.args["id"])
        if message.is_draft:
            abort(404)
        return message

    @expose("/report/")
    @gate("read")
    def report_view(self) -> ResponseReturnValue:
        """Who has read it, who has not."""
        message, which = self.opened_sent(), asked()
        page, n = request.args.get("page", 0, int), message_report.count(db.session, message, which)
        pages = max(1, -(-n // PAGE))
        if page >= pages:
            abort(404)
        read = message_report.read_counts(db.session, [message.id]).get(message.id, 0)
        kept = {"klass": which.klass} if which.klass is not None else {}
        here = {"read": request.args["read"]} if which.read is not None else {}

        def url(**args: Any) -> str:
            return str(self.get_url(".report_view", id=message.id, **args))

        tabs = ((None, gettext("All"), message.people), (True, gettext("Have read it"), read), (False, gettext("Have not read it"), message.people - read))
        return str(
            self.render(  # type: ignore[attr-defined]
                "admin/message/report.html",
                model=message,
                lines=message_report.lines(db.session, message, which, page),
                tabs=[
                    {
                        "label": label,
                        "n": None if kept else many,
                        "current": which.read is key,
                        "url": url(**kept, **({} if key is None else {"read": int(key)})),
                    }
                    for key, label, many in tabs
                ],
                classes=message_report.classes(db.session, message),
                klass=which.klass,
                read=request.args.get("read", "") if which.read is not None else "",
                count_text=ngettext("%(num)d person", "%(num)d people", n),
                page=page,
                pages=pages,
                pager_url=lambda number: url(**kept, **here, page=number or None),
                export_urls=[(kind, self.get_url(".report_file_view", id=message.id, kind=kind, **kept, **here)) for kind in ("xlsx", "csv")]
                if self.may("export")
                else [],
                show=show_instant,
                back_url=self.get_url(".details_view", id=message.id),
                list_url=self.get_url(".index_view"),
            )
        )

    @expose("/report_file/")
    @gate("export")
    def report_file_view(self) -> ResponseReturnValue:
        """The same as a file; one line in the history. A link on another site starts none."""
        kind = request.args.get("kind", "")
        if kind not in ("xlsx", "csv"):
            abort(404)
        if request.method == "HEAD" or request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            abort(400)
        message, which = self.opened_sent(), asked()
        n, message_id = message_report.count(db.session, message, which), message.id
        with writing(self, n, message_id):  # type: ignore[arg-type]  # a half of the screen
            pass
        headings = [gettext("Name and given name"), gettext("About"), gettext("Read on"), gettext("Copy by e-mail")]
        name = f"{gettext('Read report')}_{today(zone().key).isoformat()}.{kind}"

        def pieces() -> Iterator[list[Sequence[str]]]:
            for piece in message_report.everybody(db.session, self.get_one(message_id), which):
                yield [cells(line) for line in piece]

        if kind == "xlsx":
            target = tempfile.TemporaryFile()  # noqa: SIM115 (send_file closes it)
            write_book(target, headings, pieces(), gettext("Read report"))
            target.seek(0)
            return send_file(target, mimetype=XLSX, as_attachment=True, download_name=name)
        text = for_same(WHO.get(), SCOPE.get(), lines_of(headings, pieces()))
        return attach(Response(stream_with_context(text), mimetype="text/csv; charset=utf-8"), name)

    @expose("/copy/", methods=("POST",))
    @gate("create")
    def copy_view(self) -> ResponseReturnValue:
        """A new draft that begins with this message; with `unread`, about those of whom somebody has not read it."""
        message: Message = self.get_one(request.form.get("id", ""))
        unread = request.form.get("unread") == "1"
        if message.is_draft:
            abort(404)
        try:
            made = message_report.again(db.session, message) if unread else message_report.copy_of(db.session, message)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "warning")
            return redirect(self.get_url(".details_view", id=request.form["id"]), code=303)
        return redirect(self.get_url(".edit_view", id=made.id), code=303)


def copies_wait(n: int) -> str:
    """What becomes of the copies where no mail server is set."""
    return ngettext(
        "%(many)s copy by e-mail waits until a mail server is set.", "%(many)s copies by e-mail wait until a mail server is set.", n, many=number(n)
    )


def asked() -> Which:
    """Which of the addressees the address asks for."""
    klass = request.args.get("klass", "")
    read = {"1": True, "0": False}.get(request.args.get("read", ""))
    return Which(read, int(klass) if klass.isdecimal() and len(klass) < 10 else None)


def cells(line: Line) -> list[str]:
    """One addressee as a line of a file."""
    return [
        " · ".join(part for part in (line.name, line.opened_by) if part),
        ", ".join(line.about),
        show_instant(line.read_at) if line.read_at else "",
        str(line.copy or ""),
    ]
