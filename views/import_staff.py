"""What the pages of an import say and ask when it is about the staff: roles, absent colleagues, invitations."""

from __future__ import annotations

from itertools import islice
from typing import Any

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from models import staff, staff_invitations
from models.access import Role
from models.base import Refusal, fold
from models.db import db
from models.imports import FileKind, Import, ImportRow, ImportStatus, RowStatus
from models.rights import VERBS
from models.school import NotReady
from models.scope import WHO
from models.staff_words import ROLE, ROLES
from views.base import Screen, gate
from views.i18n import gettext, ngettext
from views.import_preview import Sheet
from views.import_summary import MOST_NAMES, cut, label_of
from views.invitations import mails
from views.school_settings import missing_link

MOST_FUNCTIONS = 40


class StaffPart(Screen):
    """The part of the screen of imports that is about the staff (views/imports.py)."""

    def check_own(self, verb: str, row: Import) -> None:
        """Some files ask for more than the verbs of every import: staff and structures are for the site administrator (rights.md)."""
        super().check_own(verb, row)
        if verb not in VERBS["import_"] or (verb == "abandon" and row.requested_by_id == WHO.get().user_id):
            return
        for asked in sorted(row.asks):
            self.check_verb(asked, row)

    def check_verb(self, asked: str, row: Import) -> None:
        """403 without this verb, with its line in the history."""
        if not self.may(asked):
            self.refused(asked, row.id)
            abort(403)

    def staff_words(self, one: Import) -> dict[str, Any]:
        """What the pages of an import of staff show beside; nothing for others."""
        if not one.of_staff:
            return {"unready": None, "waiting": 0}
        done = one.status is ImportStatus.done
        return {
            "unready": None if done else unready(),
            "waiting": len(staff_invitations.waiting(one)) if done and self.may("import_staff") and self.may("invite", "user") else 0,
            "mails": mails(),
        }

    @expose("/invite/", methods=("POST",))
    @gate("import_staff")
    def invite_view(self) -> ResponseReturnValue:
        """Have the people of a written import invited: mails, or sheets to hand over."""
        one: Import = self.mine("import_staff")
        try:
            job = staff_invitations.ask(one)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(self.get_url(".details_view", id=one.id), code=303)
        return redirect(url_for("job.details_view", id=job.id), code=303)


def unready() -> dict[str, Any] | None:
    """What the page of the school lacks before anybody is added, with the way to it."""
    try:
        staff.check_ready()
    except NotReady as problem:
        return {"sentence": problem.sentence, "link": missing_link(problem) if current_user.is_authenticated else None}
    return None


def functions_of(sheet: Sheet) -> list[dict[str, Any]]:
    """The functions of the file, with the role that each becomes: those that say none for certain first."""
    file = sheet.files.get(FileKind.staff)
    said = file.replacements.get(ROLE, {}) if file is not None else {}
    found = []
    for at, place in enumerate(sheet.one.places[:MOST_FUNCTIONS]):
        to = said.get(place["text"], place["near"])
        shown = cut(place["text"]) or gettext("no function")
        found.append({**place, "at": at, "to": to, "shown": shown, "label": label_of("staff", ROLE), "options": sheet.options(ROLE)})
    return found


def admins_of(one: Import) -> str:
    """The people whom the import makes site administrators, by name, the first dozen."""
    if not one.counts.get("new_admins"):
        return ""
    clause = (ImportRow.import_id == one.id, ImportRow.generation == one.generation, ImportRow.kind == FileKind.staff)
    wanted = select(ImportRow.name, ImportRow.cells).where(*clause, ImportRow.status.in_((RowStatus.created, RowStatus.changed))).order_by(ImportRow.line)
    names = (name for name, cells in db.session.execute(wanted) if ROLES.get(fold(cells.get(ROLE, ""))) is Role.acc)
    return " · ".join(islice(names, MOST_NAMES))


def headline(status: RowStatus, count: int) -> str:
    """The title of a tab, where it speaks of people."""
    if status is RowStatus.created:
        return ngettext("%(num)d person to add to the staff", "%(num)d people to add to the staff", count)
    if status is RowStatus.absent:
        return ngettext("%(num)d person of the staff absent from the file", "%(num)d people of the staff absent from the file", count)
    return ""
