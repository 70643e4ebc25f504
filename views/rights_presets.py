"""Ready-made settings of the rights: the list, what one changes, then applying it."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from models import right_words
from models.base import Refusal
from models.db import db
from models.journal import record
from models.right_override import WORKING, Change, apply, changed_cells
from models.right_presets import PRESETS, changes_of, preset
from models.rights import natural
from views.base import gate
from views.i18n import gettext, ngettext


class PresetPages:
    """The pages of the settings, on the screen of rights."""

    table: str
    get_url: Any
    render: Any
    frame: Any
    may: Any
    refused: Any

    @expose("/presets/")
    @gate("read")
    def presets_view(self) -> ResponseReturnValue:
        """Every setting in words, each leading to what it would change."""
        cards = [{"preset": one, "role": one.role, "url": self.get_url(".preset_view", name=one.key)} for one in PRESETS]
        return str(self.render("admin/right/presets.html", cards=cards, roles=WORKING, **self.frame("presets")))

    @expose("/preset/", methods=("GET", "POST"))
    @gate("edit")
    def preset_view(self) -> ResponseReturnValue:
        """What a setting changes, gained and lost, role by role; then one button."""
        try:
            chosen, roles = preset(request.args.get("name", ""), request.args.get("role", ""))
        except Refusal:
            abort(404)
        if chosen.key == "default" and not self.may("reset"):
            self.refused("reset")
            abort(403)
        rows = changed_cells(db.session)
        changes, mark, status = changes_of(chosen, roles, rows), marks(rows), 200
        if request.method == "POST":
            if request.form.get("marks", "") != mark:
                flash(gettext("Somebody changed a right while you were reading. Look again at what this changes, then apply it."), "warning")
                status = 409
            else:
                try:
                    return self.put(chosen.key, roles, changes)
                except Refusal as refusal:
                    db.session.rollback()
                    flash(refusal.sentence, "danger")
                    status, rows = 422, changed_cells(db.session)
        page = self.render(
            "admin/right/preset.html",
            preset=chosen,
            one_role=roles[0] if len(roles) == 1 else "",
            lots=[_lot(role, [change for change in changes if change.role == role]) for role in roles if any(c.role == role for c in changes)],
            count=len(changes),
            marks=marks(rows),
            **self.frame("presets"),
        )
        return page, status

    def put(self, key: str, roles: tuple[str, ...], changes: list[Change]) -> ResponseReturnValue:
        """Write it: one batch in the history, which can be undone as a whole."""
        done = apply(db.session, changes)
        record(db.session, "reset" if key == "default" else "preset", self.table, rows=max(1, len(done)))
        db.session.commit()
        flash(ngettext("%(num)d right changed.", "%(num)d rights changed.", len(done)), "success")
        return redirect(self.get_url(".index_view", role=roles[0]), code=303)


def marks(rows: list[Any]) -> str:
    """What the page was opened on, so that the second of two people is told."""
    return " ".join(f"{row.id}.{row.version}" for row in rows)


def _lot(role: str, changes: list[Change]) -> dict[str, Any]:
    """What one role gains and loses, in sentences."""

    def words(change: Change) -> str:
        return right_words.phrase(change.table, change.verb, natural(change.table, role, change.verb))

    return {
        "role": next(known for known in WORKING if known.name == role),
        "gained": [words(change) for change in changes if change.granted],
        "lost": [words(change) for change in changes if not change.granted],
    }
