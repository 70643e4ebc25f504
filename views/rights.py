"""The table of rights as sentences: a role, its screens, a tick for each thing it can do; saved at once, or with one button."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose

from models import right_words
from models.access import Role
from models.base import Refusal
from models.db import db
from models.journal import record
from models.right_override import WORKING, Change, ChangedMeanwhile, RightOverride, apply, cells, changed_cells, fixed
from models.rights import POLICY, grant, in_force, natural
from models.scope import BATCH, WHO
from views.base import Screen, gate
from views.formats import show_instant
from views.history_undo import undo_url
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.menu import HEADINGS, screens
from views.rights_presets import PresetPages
from views.rights_why import WhyPages

_SHOWN = re.compile(r"(?P<table>[a-z_]{1,40})\.(?P<verb>[a-z_]{1,40})=(?P<was>[01])")
_CELL = re.compile(r"(?P<table>[a-z_]{1,40})\.(?P<verb>[a-z_]{1,40})")


@dataclass(frozen=True)
class Cell:
    """One tick: what it allows, whether it is on, why it cannot be changed, what the school has made of it."""

    name: str
    words: str
    on: bool
    default: bool
    fixed: str
    rests: bool
    row: RightOverride | None

    @property
    def changed(self) -> bool:
        """Whether it differs from the default."""
        return self.row is not None


@dataclass(frozen=True)
class Part:
    """The ticks of one screen."""

    table: str
    label: str
    icon: str
    cells: tuple[Cell, ...]
    rests_on: str  # the reading without which other cells are without effect, in words; empty where it is there


class Rights(PresetPages, WhyPages, Screen):
    """Who may do what in this school. The default stands in `models/rights.py`; here the school changes it, cell by cell."""

    model = RightOverride
    name = _("Rights")
    name_of_one = _("Right")
    icon = "shield"
    column_list = ("role", "table", "verb", "granted", "updated_at")
    column_searchable_list = ("table",)

    # -- reading

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """One role and all its screens; one screen and all roles (`table`); or what differs from the default (`changed`)."""
        if request.args.get("changed"):
            return self.render("admin/right/changed.html", rows=changed_cells(db.session), **self.frame("changed"))
        table = request.args.get("table", "")
        if table:
            if table not in POLICY:
                abort(404)
            return self.render("admin/right/screen.html", table=table, lines=self.lines(table), tables=self.tables(), **self.frame("table"))
        role = request.args.get("role", Role.ec.name)
        if role not in {known.name for known in WORKING}:
            abort(404)
        return self.render("admin/right/role.html", groups=self.groups(role), **self.frame(role), role=role, subject=right_words.SUBJECTS[role])

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """A cell has no page of its own: its place in the matrix (the history leads here)."""
        self.need_id()
        row = self.get_one(request.args["id"])
        return redirect(self.get_url(".index_view", role=row.role.name, _anchor=f"part-{row.table}"))

    def frame(self, current: str) -> dict[str, Any]:
        """What all pages of the matrix show: the roles as tabs, how many cells differ, what the reader may do."""
        rows = changed_cells(db.session)
        tabs = [
            {
                "label": right_words.SHORT[role.name],
                "title": role.label,
                "url": self.get_url(".index_view", role=role.name),
                "current": current == role.name,
                "n": _count(rows, role),
                "key": role.name,
            }
            for role in WORKING
        ]
        return {
            "tabs": tabs,
            "current": current,
            "differences": len(rows),
            "may_edit": self.may("edit"),
            "may_reset": self.may("reset"),
            "may_see_as": self.may("see_as", "user"),
        }

    def groups(self, role: str) -> list[tuple[Any, list[Part]]]:
        """The parts of a role under the headings of the menu; what no heading holds comes last."""
        rows = {(row.table, row.verb): row for row in changed_cells(db.session, role)}
        left = dict.fromkeys(POLICY)
        found = []
        for heading in HEADINGS:
            mine = [table for table in heading.endpoints if table in left]
            found.append((heading.label, [self.part(role, table, rows) for table in mine]))
            for table in mine:
                del left[table]
        found.append((gettext("Other screens"), [self.part(role, table, rows) for table in left]))
        shown = [(label, [part for part in parts if part.cells]) for label, parts in found]
        return [(label, parts) for label, parts in shown if parts]

    def part(self, role: str, table: str, rows: dict[tuple[str, str], RightOverride]) -> Part:
        """The ticks of one screen for one role."""
        own = grant(table, role).verbs
        reads = rows[table, "read"].granted if (table, "read") in rows else "read" in own
        found = []
        for verb in cells(table):
            row, default = rows.get((table, verb)), verb in own
            on = bool(row.granted) if row is not None else default
            rests = verb != "read" and not reads and ("read" in own or not default)
            fixed_words = str(fixed(role, table, verb) or "")
            if fixed_words and not on:
                continue  # what nobody can give is not shown; what nobody can take is
            found.append(Cell(f"{table}.{verb}", right_words.phrase(table, verb, natural(table, role, verb)), on, default, fixed_words, rests, row))
        rests_on = found[0].words if any(cell.rests for cell in found) else ""
        screen = screens().get(table)
        return Part(
            table, str(screen.name) if screen is not None else right_words.rows_of(table), screen.icon if screen is not None else "file", tuple(found), rests_on
        )

    def tables(self) -> list[tuple[str, str]]:
        """Every screen of the matrix with its name, in the order of the menu."""
        order = [table for heading in HEADINGS for table in heading.endpoints if table in POLICY]
        known = screens()
        return [(table, str(known[table].name) if table in known else right_words.rows_of(table)) for table in (*order, *(t for t in POLICY if t not in order))]

    def lines(self, table: str) -> list[dict[str, Any]]:
        """One line a role: what it can on this screen, what it cannot."""
        found = []
        for role in WORKING:
            held = in_force(table, role.name, WHO.get().overrides).verbs
            others = [verb for verb in cells(table) if verb != "read"]
            found.append(
                {
                    "role": role,
                    "sees": right_words.phrase(table, "read", held["read"]) if "read" in held else "",
                    "can": [self.bare(table, verb) for verb in others if verb in held],
                    "cannot": [self.bare(table, verb) for verb in others if verb not in held and not fixed(role.name, table, verb)],
                    "url": self.get_url(".index_view", role=role.name, _anchor=f"part-{table}"),
                }
            )
        return found

    @staticmethod
    def bare(table: str, verb: str) -> str:
        """What a right allows, without naming the rows again: as the button of the screen says it."""
        screen = screens().get(table)
        if verb in right_words.BARE:
            return str(right_words.BARE[verb])
        if screen is None or verb not in screen.verbs:
            return right_words.phrase(table, verb)
        text = str(screen.verbs[verb].text)
        return text[:1].lower() + text[1:]

    @staticmethod
    def when(value: dt.datetime) -> str:
        """An instant where the school stands."""
        return show_instant(value)

    # -- writing

    @expose("/save/", methods=("POST",))
    @gate("edit")
    def save_view(self) -> ResponseReturnValue:
        """The ticks of a role: only those that the person moved are written. With script one at a time, answered by its part."""
        role, wanted = self.posted_role(), set(request.form.getlist("on"))
        changes = []
        for shown in request.form.getlist("shown")[:1000]:
            match = _SHOWN.fullmatch(shown)
            if match is None:
                abort(400)
            was, on = match["was"] == "1", f"{match['table']}.{match['verb']}" in wanted
            if on != was:
                changes.append(Change(role, match["table"], match["verb"], on, was))
        return self.write(role, changes)

    @expose("/reset/", methods=("POST",))
    @gate("reset")
    def reset_view(self) -> ResponseReturnValue:
        """One cell takes its default back."""
        match = _CELL.fullmatch(request.form.get("cell", ""))
        if match is None:
            abort(400)
        return self.write(self.posted_role(), [Change(self.posted_role(), match["table"], match["verb"], None)], verb="reset")

    def posted_role(self) -> str:
        """The role that the form is about."""
        role = request.form.get("role", "")
        if role not in {known.name for known in WORKING}:
            abort(400)
        return role

    def write(self, role: str, changes: list[Change], verb: str = "") -> ResponseReturnValue:
        """Write, and answer with the page (without script) or with the part that changed."""
        status, tone, said, undo = 200, "success", "", ""
        try:
            done = apply(db.session, changes)
            for row in done if verb else ():
                record(db.session, verb, self.table, row.id)
            db.session.commit()
            undo = undo_url(BATCH.get() or "") if done and self.may("undo", "journal_event") else ""
            said = gettext("Saved.") if len(done) <= 1 else ngettext("%(num)d right changed.", "%(num)d rights changed.", len(done))
        except Refusal as refusal:
            db.session.rollback()
            status, tone, said = 409 if isinstance(refusal, ChangedMeanwhile) else 422, "danger", refusal.sentence
        if request.headers.get("X-Requested-With") == "fetch":
            return self.answer_part(role, changes, said, status, undo)
        flash(said, tone)
        if status == 200:
            back = self.get_url(".index_view", changed=1) if request.form.get("from") == "changed" else self.get_url(".index_view", role=role)
            return redirect(back, code=303)
        return self.render("admin/right/role.html", groups=self.groups(role), **self.frame(role), role=role, subject=right_words.SUBJECTS[role]), status

    def answer_part(self, role: str, changes: list[Change], said: str, status: int, undo: str) -> ResponseReturnValue:
        """The part as it stands now, with what happened in words."""
        table = changes[0].table if changes else ""
        if table not in POLICY:
            abort(400)
        rows = {(row.table, row.verb): row for row in changed_cells(db.session, role)}
        page = self.render(
            "admin/right/part.html",
            part=self.part(role, table, rows),
            said=said,
            saved=status == 200,
            undo=undo,
            changed=len(rows),
            role=role,
            may_edit=True,
            may_reset=self.may("reset"),
        )
        return page, status


def _count(rows: list[RightOverride], role: Role) -> int | None:
    return sum(row.role is role for row in rows) or None


def register(_app: Flask, admin: Admin) -> None:
    """The screen of rights."""
    admin.add_view(Rights())
