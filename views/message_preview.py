"""Before a message leaves: as people will see it, how many receive it, who does not and why, a test to oneself; then sending."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from models import message_audience, message_delivery, message_report
from models.base import Refusal
from models.db import db
from models.message_audience import PAGE, LeftOut, NoCopy, Reached
from models.message_html import clean
from models.messages import Message
from models.people import Group, GroupCategory
from models.scope import WHO
from views.auth import permitted
from views.base import gate
from views.formats import number
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.invitations import mails as mails_leave
from views.lists import MOST_FILTERS
from views.message_form import audience_words
from views.message_report import copies_wait
from views.todos import filtered
from views.verbs import Selection, verb
from views.version_mark import mark_is_current, version_mark

STANDING = ("all", "level", "programme")  # audiences of whoever is there: nobody wonders about those who left


class MessagePreview:
    """The half of the screen that sends."""

    may: Any
    get_one: Any
    get_url: Any
    need_id: Any
    render: Any
    check_own: Any
    files_of: Any

    def opened_draft(self) -> Message:
        """The draft that the address names: the person's own; one that follows a list follows it now."""
        self.need_id()
        message: Message = self.get_one(request.args["id"])
        self.check_own("edit", message)
        if message.is_draft:
            message_audience.freshen(message)
        return message

    @expose("/preview/")
    @gate("edit")
    def preview_view(self) -> ResponseReturnValue:
        """What would be sent, to whom; nothing is written."""
        with db.session.no_autoflush:
            message = self.opened_draft()
            if not message.is_draft:
                return redirect(self.get_url(".details_view", id=message.id))
            page = self.preview_page(message)
        db.session.rollback()
        return page

    def preview_page(self, message: Message) -> str:
        """The page, from the message as it stands."""
        found = message_audience.resolve(db.session, message)
        problem = problem_of(message, found)
        return str(
            self.render(
                "admin/message/preview.html",
                model=message,
                text=clean(message.body),
                from_words=gettext("From %(name)s", name=WHO.get().name),
                files=self.files_of(message),
                whom=gettext("About: %(whom)s", whom=whom_words(message, found)),
                count=number(found.people),
                count_sentence=ngettext("person will find it in their inbox.", "people will find it in their inbox.", found.people),
                facts=facts(message, found) if found.people else [],
                left_out=self.left_out_lines(message, found),
                inbox_only=[self.line_of(message, reason, n) for reason, n in found.inbox_only.items()],
                refusal=problem.sentence if problem else "",
                refusal_links=remedies(message) if problem and not found.people else [],
                send_label=ngettext("Send to %(many)s person", "Send to %(many)s people", found.people, many=number(found.people)),
                mark=version_mark(message),
                reached=found.people,
                digest=message_audience.digest_of(db.session, message),
                here=self.get_url(".preview_view", id=message.id),
                edit_url=self.get_url(".edit_view", id=message.id),
                list_url=self.get_url(".index_view"),
                may_send=self.may("send"),
                may_test=self.may("send_test"),
            )
        )

    def left_out_lines(self, message: Message, found: Reached) -> list[dict[str, Any]]:
        """Each reason with its number and its remedy."""
        return [self.line_of(message, r, n) for r, n in found.left_out.items() if r is not LeftOut.gone or message.audience["kind"] not in STANDING]

    def line_of(self, message: Message, reason: LeftOut | NoCopy, n: int) -> dict[str, Any]:
        """One reason, with the page of its names."""
        url = self.get_url(".left_out_view", id=message.id, why=reason.name)
        return {"sentence": why(reason, n), "help": help_of(reason), "remedy": remedy(reason, message), "url": url}

    @expose("/left_out/")
    @gate("edit")
    def left_out_view(self) -> ResponseReturnValue:
        """Who does not receive the draft for one reason, by name."""
        reason: LeftOut | NoCopy | None = LeftOut.__members__.get(request.args.get("why", "")) or NoCopy.__members__.get(request.args.get("why", ""))
        if reason is None:
            abort(404)
        with db.session.no_autoflush:
            message = self.opened_draft()
            if not message.is_draft:
                abort(404)
            found = message_audience.resolve(db.session, message)
            counts: dict[LeftOut | NoCopy, int] = {**found.left_out, **found.inbox_only}  # type: ignore[dict-item]  # each knows its own
            n = counts.get(reason, 0)
            page, pages = request.args.get("page", 0, int), max(1, -(-n // PAGE))
            if page >= pages:
                abort(404)
            button = remedy(reason, message)
            ask = message_audience.left_out if isinstance(reason, LeftOut) else message_audience.without_copy
            people = ask(db.session, message, reason, page + 1)  # type: ignore[arg-type]  # each knows its own
        db.session.rollback()
        return str(
            self.render(
                "admin/message/left_out.html",
                model=message,
                title=str(reason.label),
                help=help_of(reason),
                remedy=button,
                people=people,
                count_text=why(reason, n),
                page=page,
                pages=pages,
                pager_url=lambda number: self.get_url(".left_out_view", id=message.id, why=reason.name, page=number or None),
                back_url=self.get_url(".preview_view", id=message.id),
                list_url=self.get_url(".index_view"),
            )
        )

    # -- verbs

    @verb("send", _("Send"), icon="mail", whole=True)
    def send(self, selection: Selection) -> ResponseReturnValue:
        """Send what was just read on the page before; from anywhere else, to that page first."""
        message = self.chosen_draft(selection)
        preview = redirect(self.get_url(".preview_view", id=message.id), code=303)
        if "reached" not in request.form:
            return preview
        message_audience.freshen(message)
        found = message_audience.resolve(db.session, message)
        same = mark_is_current(request.form.get("row_version"), message) and as_promised(message, found, request.form["reached"])
        if not same or request.form.get("digest") != message_audience.digest_of(db.session, message):
            db.session.rollback()
            flash(gettext("The message or its recipients have changed since you read this page. Read it again, then send."), "warning")
            return preview
        message_delivery.send(db.session, message)
        said = ngettext("The message is leaving to %(many)s person.", "The message is leaving to %(many)s people.", found.people, many=number(found.people))
        flash(said, "success")
        return redirect(self.get_url(".details_view", id=message.id), code=303)

    @verb("send_test", _("A test to myself"), icon="mail", whole=True)
    def send_test(self, selection: Selection) -> ResponseReturnValue:
        """One copy by e-mail, to the writer."""
        message = self.chosen_draft(selection)
        message_delivery.send_test(db.session, message)
        flash(gettext("A test is on its way to your own address. Nobody else receives it."), "success")
        return redirect(self.get_url(".preview_view", id=message.id), code=303)

    def chosen_draft(self, selection: Selection) -> Message:
        """The one draft of a verb, the person's own. Refused: several."""
        if selection.count != 1:
            raise Refusal(_("One message is sent at a time. Choose one line."))
        message: Message = next(iter(selection.records()))
        self.check_own("edit", message)
        return message


def problem_of(message: Message, found: Reached) -> Refusal | None:
    """Why this draft cannot be sent as it stands; None when it can. The rules are those of sending."""
    if not found.people:
        return message_delivery.nobody(message)
    try:
        message_delivery.check_written(message)
        message_delivery.check_quota(db.session, found.people)
    except Refusal as refusal:
        return refusal
    return None


def as_promised(message: Message, found: Reached, reached: str) -> bool:
    """Whether a message goes to as many as the page said; of a reminder, to fewer where somebody has read the message since."""
    return reached == str(found.people) or ("unread_of" in message.audience and reached.isdecimal() and len(reached) < 10 and found.people < int(reached))


# --- words -------------------------------------------------------------------------------------------------------------------------------


def whom_words(message: Message, found: Reached) -> str:
    """Whom it is about, and how many students these are where the words do not say so."""
    words = audience_words(message)
    return words if message.audience["kind"] in ("filter", "students") else f"{words} ({found.students})"


def facts(message: Message, found: Reached) -> list[str]:
    """What goes with the number: who has read already what this reminds of, how many copies, how many more people one may reach today."""
    left, copies, told = message_delivery.quota_left(db.session), found.copies, []
    if earlier := message.audience.get("unread_of"):
        read = message_report.read_counts(db.session, [earlier]).get(earlier, 0)
        told += [ngettext("%(num)d person has read it: they do not receive it again.", "%(num)d people have read it: they do not receive it again.", read)]
    if copies and not mails_leave():
        told += [copies_wait(copies)]
    else:
        told += [ngettext("%(many)s of them also gets a copy by e-mail.", "%(many)s of them also get a copy by e-mail.", copies, many=number(copies))]
    return [*told, ngettext("Today you may still write to %(many)s person.", "Today you may still write to %(many)s people.", left, many=number(left))]


def why(reason: LeftOut | NoCopy, n: int) -> str:
    """A reason with its number."""
    words = {
        LeftOut.no_account: ngettext("%(num)d has no account yet", "%(num)d have no account yet", n),
        LeftOut.suspended: ngettext("%(num)d link is suspended", "%(num)d links are suspended", n),
        LeftOut.to_check: ngettext("%(num)d link is to check", "%(num)d links are to check", n),
        LeftOut.no_guardian: ngettext("%(num)d [student] has [no guardian] on record", "%(num)d [students] have [no guardian] on record", n),
        LeftOut.gone: ngettext("%(num)d [student] has left", "%(num)d [students] have left", n),
        NoCopy.unconfirmed: ngettext("%(num)d has not confirmed their e-mail address", "%(num)d have not confirmed their e-mail address", n),
        NoCopy.no_address: ngettext("%(num)d has no e-mail address", "%(num)d have no e-mail address", n),
    }
    return words[reason]


def help_of(reason: LeftOut | NoCopy) -> str:
    """What the reason means."""
    words = {
        LeftOut.no_account: _("They receive messages from the day they open their account with a code."),
        LeftOut.suspended: _("[The school] has closed this access: they see and receive nothing."),
        LeftOut.to_check: _("They receive messages once somebody has confirmed the link."),
        LeftOut.no_guardian: _("Add [a guardian] in the file, or import them."),
        LeftOut.gone: _("Who has left receives no more messages."),
        NoCopy.unconfirmed: _("They confirm their address by the link in the mail they received."),
        NoCopy.no_address: _("They see the message when they sign in."),
    }
    return str(words[reason])


def remedy(reason: LeftOut | NoCopy, message: Message) -> dict[str, str] | None:
    """The button beside a reason, for who may press it."""
    if reason is LeftOut.no_account and permitted("student", "generate_codes"):
        return {"label": gettext("Create codes"), "url": unseen_url(message.audience)}
    if reason is LeftOut.to_check and permitted("guardian_link", "confirm"):
        return {"label": gettext("Check the links"), "url": filtered("guardian_link", status__Is="to_check")}
    if reason is LeftOut.suspended and permitted("guardian_link", "read"):
        return {"label": gettext("See the links"), "url": filtered("guardian_link", status__Is="suspended")}
    return None


def unseen_url(audience: dict[str, Any]) -> str:
    """The list of those of the audience whom nobody can see yet, where codes are made for them; of one student, their codes."""
    kind, ids = audience["kind"], audience.get("ids", [])
    if kind == "students" and len(ids) == 1 and permitted("activation_code", "read"):
        return url_for("student.details_view", id=ids[0], part="codes")
    if kind == "level" and len(ids) == 1:
        return filtered("student", access__Clause="1", level__Row=str(ids[0]))
    if kind == "group" and len(ids) == 1:
        group = db.session.scalar(select(Group).where(Group.id == ids[0]))
        if group is not None:
            key = "homeroom__Row" if group.category is GroupCategory.klass else "groups__Member"
            return filtered("student", **{"access__Clause": "1", key: str(group.id)})
    if kind == "filter" and audience.get("query"):
        return f"{url_for('student.index_view')}?{audience['query']}&flt{MOST_FILTERS}_access.Clause=1"
    return filtered("student", access__Clause="1")


def remedies(message: Message) -> list[dict[str, str]]:
    """What to do when nobody would receive the message."""
    return [found for reason in (LeftOut.no_account, LeftOut.to_check) if (found := remedy(reason, message))]
