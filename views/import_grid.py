"""The addresses behind the preview of an import: cells set right, lines left out, missing levels and classes, doubts, and the file itself."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, abort, flash, jsonify, redirect, request, send_file
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from models import files
from models.base import Refusal
from models.column_mapping import ColumnMapping
from models.db import BEGIN, db
from models.import_cells import read_cell
from models.import_fields import FIELDS
from models.import_words import BadCell
from models.imports import Clash, FileKind, Fix, Import, ImportFile, RowStatus
from models.journal import record
from views.base import gate
from views.formats import day_of, show_date
from views.i18n import gettext, ngettext
from views.import_preview import Sheet
from views.import_staff import StaffPart
from views.import_summary import cut, value_of

MOST_MAPPINGS = 20  # shown on the page of the files
KINDS = "|".join(FileKind.__members__)
LINE = re.compile(rf"({KINDS})\.([1-9][0-9]{{0,8}})")  # 0 is who is absent from the file
CELL = re.compile(rf"c\.(({KINDS})\.([1-9][0-9]{{0,8}})\.([a-z0-9_.:]{{1,80}}))")


class Grid(StaffPart):
    """What people do in the preview. A part of the screen of imports (views/imports.py)."""

    def page_url(self, row: Import, **more: Any) -> str:
        """The page of the import, on one of its tabs."""
        return str(self.get_url(".details_view", id=row.id, **more))

    def mine(self, right: str) -> Import:
        """The import of the address, for a verb of this right."""
        self.need_id()
        one: Import = self.get_one(request.args["id"])
        self.check_row(right, one)
        return one

    def here(self, one: Import) -> str:
        """The tab and page that somebody came from."""
        tab = request.args.get("tab", "")
        more: dict[str, Any] = {"tab": tab} if tab in RowStatus.__members__ else {}
        if request.args.get("page", "").isdecimal():
            more["page"] = request.args["page"]
        return self.page_url(one, **more)

    def answer(self, one: Import, refusal: Refusal) -> ResponseReturnValue:
        """The page again, with the reason why nothing was changed."""
        raise NotImplementedError

    def checked_page(self, one: Import, clashes: list[Clash]) -> ResponseReturnValue:
        """The preview with what somebody typed in vain."""
        raise NotImplementedError

    @expose("/correct/", methods=("POST",))
    @gate("check")
    def correct_view(self) -> ResponseReturnValue:
        """Cells typed anew in the preview, lines left out or taken again, missing values settled: all of one page at once, then a new check."""
        one = self.mine("check")
        script = request.accept_mimetypes.best == "application/json"
        try:
            clashes = one.correct(posted_fixes())
            for name, out in (("ignore", True), ("take", False)):
                for kind, line in map(posted_line, request.form.getlist(name)):
                    one.ignore(line, kind, out=out)
            for said, to, was in posted_places():
                key, _colon, text = said.partition(":")
                one.settle(key, text, to, was)
            db.session.commit()
        except Refusal as refusal:
            if script:
                db.session.rollback()
                return jsonify({"refused": refusal.sentence}), 409
            return self.answer(one, refusal)
        if script:
            return jsonify({"cells": verdicts(one, clashes), "revision": one.revision})
        if clashes:
            told = ngettext("%(num)d cell was corrected by somebody else meanwhile.", "%(num)d cells were corrected by somebody else meanwhile.", len(clashes))
            flash(f"{told} {gettext('What you typed is below: compare, then save again.')}", "warning")
            return self.checked_page(one, clashes), 409  # type: ignore[return-value]
        return redirect(self.here(one), code=303)

    @expose("/decide/", methods=("POST",))
    @gate("check")
    def decide_view(self) -> ResponseReturnValue:
        """A doubt settled: the same person, somebody else; or an answer taken back."""
        one = self.mine("check")
        key = request.form.get("key", "")
        line = re.match(r"[0-9]{1,9}", key)
        if line is None:
            abort(400)
        try:
            if request.form.get("back"):
                one.reconsider(key)
            else:
                one.decide(int(line[0]), key, request.form.get("verdict", ""))
            db.session.commit()
        except Refusal as refusal:
            return self.answer(one, refusal)
        return redirect(self.here(one), code=303)

    @expose("/keep/", methods=("POST",))
    @gate("check")
    def keep_view(self) -> ResponseReturnValue:
        """Whether what the school corrected by hand keeps its value."""
        one = self.mine("check")
        try:
            one.keep(bool(request.form.get("keep")))
            db.session.commit()
        except Refusal as refusal:
            return self.answer(one, refusal)
        return redirect(self.here(one), code=303)

    @expose("/forget/", methods=("POST",))
    @gate("check")
    def forget_view(self) -> ResponseReturnValue:
        """The columns that were understood as last time are understood by themselves again."""
        one = self.mine("check")
        file = self.file_of_address(one)
        try:
            one.forget(file)
            db.session.commit()
        except Refusal as refusal:
            return self.answer(one, refusal)
        flash(gettext("These columns are forgotten: they are understood by their names again."), "success")
        return redirect(self.page_url(one), code=303)

    @expose("/forget_mapping/", methods=("POST",))
    @gate("check")
    def forget_mapping_view(self) -> ResponseReturnValue:
        """The columns that somebody chose for a kind of file are forgotten, for the whole school: by whoever reaches all its imports."""
        if not Import.may_forget():
            abort(403)
        number = request.form.get("mapping", "")
        found = db.session.scalar(select(ColumnMapping).where(ColumnMapping.id == int(number))) if re.fullmatch(r"[0-9]{1,9}", number) else None
        if found is None:
            abort(404)
        db.session.delete(found)
        db.session.commit()
        flash(gettext("These columns are forgotten: they are understood by their names again."), "success")
        return redirect(self.get_url(".create_view"), code=303)

    @staticmethod
    def mappings() -> list[tuple[ColumnMapping, str, str]]:
        """The columns that the school's people chose: the record, its headings, when it last served."""
        kept = db.session.scalars(select(ColumnMapping).order_by(ColumnMapping.used_at.desc()).limit(MOST_MAPPINGS))
        return [(one, cut(str(one)), show_date(day_of(one.used_at))) for one in kept]

    def file_of_address(self, one: Import) -> ImportFile:
        """The file of the import that the address names; its first one where it names none."""
        wanted = request.values.get("file", type=int)
        file = next((f for f in one.files if f.id == wanted), one.files[0] if wanted is None and one.files else None)
        if file is None:
            abort(404)
        return file

    @expose("/file/")
    @gate("check")
    def file_view(self) -> ResponseReturnValue:
        """The file as it was sent, as long as it is kept; leaves its line in the history, as every export."""
        one = self.mine("check")
        file = self.file_of_address(one)
        key, name, number = file.file_key, file.name, one.id
        path = files.plain(key) if key else None
        if path is None:
            abort(404)
        self.record_export(number, file.lines or 1)
        answer: Response = send_file(path, mimetype="application/octet-stream", as_attachment=True, download_name=name)
        return answer

    def record_export(self, number: int, rows: int) -> None:
        """One line in the history, in a short transaction of its own: the page itself only reads."""
        db.session.rollback()
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, "export", self.table, number, rows=rows)
            db.session.commit()
        finally:
            BEGIN.reset(token)


def posted_line(name: str) -> tuple[str, int]:
    """The kind and number of a line; 400 for what is none."""
    found = LINE.fullmatch(name)
    if found is None:
        abort(400)
    return found[1], int(found[2])


def posted_fixes() -> list[Fix]:
    """The cells of the form that somebody changed.

    `c.` is what stands in the input, `o.` what stood in it (where it shows something else than the text: a date, a chosen value),
    `s.` the text of the cell as it was seen, `all` the cells meant for every line that says the same, `clear` those to empty.
    """
    everywhere, cleared = set(request.form.getlist("all")), set(request.form.getlist("clear"))
    found = []
    for name, text in request.form.items():
        if not name.startswith("c."):
            continue
        cell = CELL.fullmatch(name)
        if cell is None:
            abort(400)
        seen = request.form.get(f"s.{cell[1]}")
        before = request.form.get(f"o.{cell[1]}", seen)
        many = cell[1] in everywhere
        if cell[1] in cleared:
            found.append(Fix(cell[2], int(cell[3]), cell[4], "", seen, many))
        elif text != before or (many and (text or not seen)):
            found.append(Fix(cell[2], int(cell[3]), cell[4], text, seen, many))
    return found


def posted_places() -> list[tuple[str, str | None, str]]:
    """(field:text, what to read in its place or None to create it, what was done before) of the levels and classes that the school lacks.

    What was left as it was is not told.
    """
    found: list[tuple[str, str | None, str]] = [(said, None, "") for said in request.form.getlist("create")]
    for name, to in request.form.items():
        if name.startswith("to.") and to and to != request.form.get(f"was.{name[3:]}", ""):
            was = request.form.get(f"was.{name[3:]}", "")
            found.append((request.form.get(f"said.{name[3:]}", ""), None if to == "+" else to.removeprefix("="), was))
    return found


def verdicts(one: Import, clashes: list[Clash]) -> dict[str, dict[str, str]]:
    """What the page is told at once about each cell that a script saved: kept, wrong and why, or changed by somebody else meanwhile."""
    told = {
        clash.fix.name: {
            "problem": gettext("Somebody wrote “%(text)s” here meanwhile.", text=value_of(clash.fix.key, clash.now) or gettext("empty")),
            "remedy": gettext("Press Enter in this cell to put yours in its place."),
            "seen": clash.now,
            "clash": "1",
        }
        for clash in clashes
    }
    sheet = Sheet(one)
    for fix in posted_fixes():
        if fix.name in told:
            continue
        told[fix.name] = {"problem": "", "remedy": "", "seen": fix.text.strip()}
        bare = FIELDS[fix.kind][fix.key].bare
        try:
            if fix.text.strip():
                read_cell(bare, fix.text, sheet.context, [])
        except BadCell as bad:
            told[fix.name] |= {"problem": bad.sentence, "remedy": str(Refusal(bad.remedy, **bad.params))}
    return told
