"""Messages to students and guardians: the list, writing a draft, one message that was sent."""

from __future__ import annotations

import io
from typing import Any

from flask import Flask, abort, flash, redirect, request, send_file
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import select

from models import keys, message_files, message_report
from models.access import User
from models.base import Refusal
from models.db import db
from models.message_html import clean, from_text, plain
from models.messages import Message, MessageFile, MessageState, MessageTo, untouched
from models.people import Group
from models.school import Level
from models.scope import WHO
from views import message_student as message_student  # (its part of the student's file)
from views.auth import permitted
from views.base import Screen, gate
from views.colleagues import STUDENT_LOOKUP, staff_of_school
from views.fields import looked_up
from views.filters import Row, SinceDay, UntilDay
from views.formats import size_words
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.i18n import lazy_pgettext as _p
from views.message_form import MessageForm, audience_words, fill_rows, form_of, to_words
from views.message_preview import MessagePreview
from views.message_report import MessageReport
from views.saving import own_path
from views.todos import filtered
from views.version_mark import mark_is_current, version_mark


class Messages(MessagePreview, MessageReport, Screen):
    """Drafts of one's own, and what was sent."""

    model = Message
    name = _("Messages")
    name_of_one = _("Message")
    icon = "mail"
    add_label = _("Write a message")
    empty = {
        "icon": "mail",
        "title": _("No message yet"),
        "sentence": _("A message goes to the inbox of [guardians], of [students] or of both, with a copy by e-mail; you see who has read it."),
    }
    title_column = "subject"
    column_list = ("subject", "to", "state", "reads", "sent_at", "requested_by")
    column_labels = {"reads": _("Read by")}
    column_sortable_list = ("subject", "state", "sent_at")
    column_default_sort = [("state", False), ("sent_at", True), ("id", True)]  # (drafts come first by their name)
    column_searchable_list = ("subject", "sender")
    column_details_list = ("to",)
    column_export_list = ("subject", "to", "state", "people", "reads", "copies", "sent_at", "requested_by")
    column_formatters = {
        "subject": lambda _v, _c, row, _n: str(row),
        "to": lambda _v, _c, row, _n: str(row.to.label),
        "reads": lambda _v, _c, row, _n: row.reads,
    }
    column_formatters_export = {"to": lambda _v, _c, row, _n: str(row.to.label), "reads": lambda _v, _c, row, _n: str(row.read_count)}
    nowrap_columns = ("sent_at", "reads")
    details_template = "admin/message/details.html"
    lookups = {"groups": (Group, ("name",)), "students": STUDENT_LOOKUP}
    can_edit = False  # a draft has a page of its own

    def __init__(self) -> None:
        self.column_filters = (
            "state",
            Row(Message.requested_by_id, _p("message", "Author"), "author", User, staff_of_school),
            SinceDay(Message.sent_at, _p("message", "Sent on"), "sent_at"),
            UntilDay(Message.sent_at, _p("message", "Sent on"), "sent_at"),
        )
        super().__init__()

    # -- list

    @property
    def can_create(self) -> bool:
        """From the rights; the form is a page of its own."""
        return self.may("create")

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # said in the reader's language
        """All, drafts, sent."""
        here = next((value for key, value in request.args.items() if key.endswith("_state.Is")), "")
        tabs = (("", gettext("All messages")), (MessageState.draft.name, gettext("Drafts")), (MessageState.sent.name, gettext("Sent messages")))
        return [{"label": label, "n": None, "url": filtered(self.table, **({"state__Is": key} if key else {})), "current": here == key} for key, label in tabs]

    def get_query(self) -> Any:
        """Without the drafts that were opened and left without a word."""
        return super().get_query().filter(~untouched())

    def prepare_rows(self, rows: list[Any]) -> None:
        """How many have read each, asked once."""
        counts = message_report.read_counts(db.session, [row.id for row in rows])
        for row in rows:
            row.read_count = counts.get(row.id, 0)
            row.reads = "" if row.is_draft else gettext("%(read)d of %(all)d", read=row.read_count, all=row.people)

    def count_text(self, count: int | None) -> str:
        """How many messages."""
        return "" if count is None else ngettext("%(num)d message", "%(num)d messages", count)

    def get_actions_list(self) -> Any:
        """None beside the rows: a message leaves from the page that shows whom it reaches."""
        return [], {}

    def verb_fits(self, verb: str, row: Message) -> bool:
        """What is sent is not sent again."""
        return row.is_draft

    def delete_refusal(self, row: Message) -> str | None:
        """What people have received stays."""
        problem = row.deletion_problem()
        return problem.sentence if problem else None

    def files_of(self, message: Message) -> list[dict[str, Any]]:
        """The files that go with a message."""
        return [{"id": file.id, "name": file.name, "size": size_words(file.size), "url": self.get_url(".file_view", id=file.id)} for file in message.files]

    # -- one message

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """A draft opens where it is written."""
        self.need_id()
        message: Message = self.get_one(request.args["id"])
        if message.is_draft:
            return redirect(self.get_url(".edit_view", id=message.id, url=own_path(request.args.get("url"))))
        return super().details_view()

    def render(self, template: str, **kwargs: Any) -> str:
        """On the page of a sent message: how far it is, who has read it."""
        message = kwargs.get("model")
        if template == self.details_template and isinstance(message, Message):
            kwargs |= self.sent_context(message)
        return super().render(template, **kwargs)

    @expose("/file/")
    @gate("read")
    def file_view(self) -> ResponseReturnValue:
        """A file of a message, as an attachment; 404 for another's draft."""
        self.need_id()
        row = db.session.scalar(select(MessageFile).where(MessageFile.id == int(request.args["id"][:18])))
        content = message_files.content_of(row) if row is not None else None
        if row is None or content is None:
            abort(404)
        return send_file(io.BytesIO(content), mimetype=row.type, as_attachment=True, download_name=row.name, max_age=0)

    # -- writing

    @expose("/new/", methods=("GET", "POST"))
    @gate("create")
    def create_view(self) -> ResponseReturnValue:
        """A new message; `group` or `level` in the address says whom it is about. Without either nobody is chosen: a whole school is never two clicks away."""
        if request.method == "POST":
            return self.write(None)
        form = MessageForm(formdata=None)
        for kind, model in (("group", Group), ("level", Level)):
            number = request.args.get(kind, "")
            if number.isdecimal() and len(number) < 10:
                if db.session.scalar(select(model.id).where(model.id == int(number))) is None:
                    abort(404)
                form.scope.data, form.to.data = kind, MessageTo.guardians.name
                fill_rows(form, kind, [int(number)])
        return self.compose_page(None, form)

    @expose("/edit/", methods=("GET", "POST"))
    @gate("edit")
    def edit_view(self) -> ResponseReturnValue:
        """A draft; one that was sent meanwhile opens as it was sent, and what was typed is kept as another draft would be."""
        self.need_id()
        message: Message = self.get_one(request.args["id"])
        self.check_own("edit", message)
        if request.method == "POST":
            return self.write(message)
        if not message.is_draft:
            return redirect(self.get_url(".details_view", id=message.id))
        return self.compose_page(message, form_of(message))

    def write(self, message: Message | None) -> ResponseReturnValue:
        """Save what was typed; then stay, or go on to the preview. Whatever is refused, what was typed is still on the page."""
        form = MessageForm(audience=message.audience if message else None)
        if message is not None and not message.is_draft:
            return self.compose_page(None, form, lost=gettext("This message has been sent meanwhile.")), 409
        if looked_up(form):
            return self.compose_page(message, form)
        if message is not None and not mark_is_current(form.row_version.data, message):
            return self.compose_page(message, form, conflict=self.differences(message, form)), 409
        go = request.form.get("_go", "")
        good = form.validate()
        if go == "preview":
            good = form.complete() and good
        elif form.blank and "_remove" not in request.form and not (message is not None and message.files):
            form.subject.errors = [*form.subject.errors, gettext("Nothing is typed yet: give at least a subject.")]
            good = False
        if not good:
            return self.compose_page(message, form), 422
        try:
            message = self.store(message, form)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            form.form_errors.append(refusal.sentence)
            return self.compose_page(self.get_one(request.args["id"]) if "id" in request.args else None, form), 422
        refused = self.change_files(message, form)
        if refused:
            again = form_of(self.get_one(str(message.id)))
            again.form_errors += [gettext("The draft is saved, without this file."), *refused]
            return self.compose_page(message, again), 422
        if go == "preview":
            return redirect(self.get_url(".preview_view", id=message.id), code=303)
        flash(gettext("The draft is saved. Nobody but you sees it."), "success")
        return redirect(self.get_url(".edit_view", id=message.id, url=own_path(request.args.get("url"))), code=303)

    def store(self, message: Message | None, form: MessageForm) -> Message:
        """What was typed, into its row."""
        found = message or Message(requested_by_id=WHO.get().user_id, body="")
        body = form.html(found.body)
        to = MessageTo[form.to.data or MessageTo.guardians.name]
        changed = {"subject": form.subject.data or "", "body": body, "to": to, "audience": form.chosen_audience()}
        for name, value in changed.items():
            if message is None or getattr(found, name) != value:
                setattr(found, name, value)
        if message is None:
            db.session.add(found)
        db.session.flush()
        return found

    def change_files(self, message: Message, form: MessageForm) -> list[str]:
        """Keep the files that came, take out the one whose button was pressed; each refusal with its reason. The text is saved already."""
        refused = []
        remove = request.form.get("_remove", "")
        for name, content in [(file.filename, file.read()) for file in form.sent_files]:
            try:
                message_files.attach(db.session, message, name, content)
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                refused.append(refusal.sentence)
        if remove.isdecimal() and len(remove) < 19:
            try:
                message_files.detach(db.session, message, int(remove))
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                refused.append(refusal.sentence)
        return refused

    @staticmethod
    def differences(message: Message, form: MessageForm) -> list[dict[str, Any]]:
        """What another window saved, beside what is sent here."""
        rows = (
            (form.subject.label.text, message.subject, form.subject.data),
            (form.text.label.text, plain(message.body), plain(form.html(message.body))),
            (form.to.label.text, to_words(message.to), {key: label for key, label, *_rest in form.to.iter_choices()}.get(form.to.data, "")),
            (form.scope.label.text, audience_words(message), form.chosen_words()),
        )
        return [{"label": label, "theirs": theirs, "yours": yours} for label, theirs, yours in rows if theirs != yours]

    def compose_page(self, message: Message | None, form: MessageForm, conflict: Any = (), lost: str = "") -> str:
        """The page, with what was typed."""
        mark = version_mark(message) if message else ""
        form.row_version.data, form.row_version.raw_data = mark, None
        typed = form.text.data or ""
        rich = form.kind.data == "html" and not form.huge  # (what is refused for its length is not cleaned first: that takes seconds)
        html = clean(typed if rich else message.body if message and typed.strip() == plain(message.body).strip() else from_text(typed))
        form.kind.data, form.kind.raw_data = "text", None
        person = keys.digest("message draft", str(WHO.get().user_id))[:16]
        return self.render(
            "admin/message/compose.html",
            form=form,
            message=message,
            text=plain(typed) if rich else typed,
            html=str(html),
            files=self.files_of(message) if message else [],
            stands_for=audience_words(message) if message and form.stands else "",
            mark=f"{message.id if message else 'new'}:{person}:{mark}",
            conflict=conflict,
            lost=lost,
            may_list=permitted("student", "send_message"),
            return_url=own_path(request.args.get("url")),
            list_url=own_path(request.args.get("url")) or self.get_url(".index_view"),
        )


def register(app: Flask, admin: Admin) -> None:
    """The screen of messages."""
    admin.add_view(Messages())
