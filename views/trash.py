"""The trash: what was deleted in the last thirty days, found by name, brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select

from models.base import Refusal
from models.changes import KEPT, JournalChange
from models.db import db
from models.journal import JournalEvent
from models.trash import deleted, restore
from models.undo import Act
from views.base import gate
from views.formats import show_instant
from views.history_words import record_url
from views.i18n import gettext, ngettext
from views.menu import screens
from views.searching import folded_like, like, words_of

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

PAGE = 20


class TrashPages(Base):
    """The trash half of the history's screen."""

    @expose("/trash")
    @gate("restore")
    def trash_view(self) -> ResponseReturnValue:
        """The deleted records that the person may bring back, the latest first, twenty a page."""
        search = " ".join(request.args.get("search", "").split())[:100]
        page = request.args.get("page", "0")
        if not page.isdecimal() or len(page) > 6:
            abort(400)
        found = deleted()
        for word in words_of(search):
            found = found.where(folded_like(JournalChange.title, f"%{like(word)}%"))
        count = db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0
        pages = -(-count // PAGE)
        if int(page) and int(page) >= pages:
            abort(404)
        lines = list(db.session.scalars(found.limit(PAGE).offset(int(page) * PAGE)))
        return self.render(
            "admin/journal_event/trash.html",
            rows=self.trash_rows(lines),
            search=search,
            count_text=ngettext("%(num)d deleted record", "%(num)d deleted records", count),
            days=KEPT.days,
            page=int(page),
            pages=pages,
            pager_url=lambda place: self.get_url(".trash_view", search=search or None, page=place or None),
            trash_url=self.get_url(".trash_view"),
            back_url=self.get_url(".index_view") if self.may("read") else "",
        )

    def trash_rows(self, lines: list[JournalChange]) -> list[dict[str, Any]]:
        """Each with what it is, who deleted it and when; one question for all names."""
        e, known = JournalEvent, screens()
        who = dict(
            db.session.execute(select(e.batch, func.max(e.who)).where(e.batch.in_({line.batch for line in lines}), e.verb == "deleted").group_by(e.batch)).all()
        )
        return [
            {
                "id": line.id,
                "name": line.title,
                "kind": str(getattr(known.get(line.table_name), "name_of_one", None) or line.table_name),
                "icon": getattr(known.get(line.table_name), "icon", "file"),
                "who": who.get(line.batch, ""),
                "when": show_instant(line.at),
            }
            for line in lines
        ]

    @expose("/restore", methods=("POST",))
    @gate("restore")
    def restore_view(self) -> ResponseReturnValue:
        """Bring one record back; the reason when it cannot be, 404 for what is not the person's to restore."""
        identifier = request.form.get("id", "")
        if not identifier.isdecimal() or len(identifier) > 18:
            abort(400)
        line = db.session.scalar(deleted().where(JournalChange.id == int(identifier)))
        if line is None:
            abort(404)
        table, title = line.table_name, line.title
        try:
            done = restore(db.session, line.id)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(self.get_url(".trash_view"), code=303)
        text = gettext("%(name)s is back.", name=title)
        left = done.of(Act.keep)
        if left:
            text += " " + ngettext("%(num)d thing that went with it is not.", "%(num)d things that went with it are not.", done.kept)
            text += f" {left[0].name}{gettext(': %(what)s', what=left[0].reason)}"
        number = db.session.scalar(select(JournalChange.after).where(JournalChange.id == int(identifier)))
        screen = screens().get(table)
        flash(text, "success")
        return redirect(record_url(table, int(number or 0)) if screen is not None and screen.is_accessible() else self.get_url(".trash_view"), code=303)
