"""Imports on screen: send files, read what they would change, correct, confirm, read what was written.

One address per import (`details/?id=`) shows it wherever it stands, so that a page left open finds its way.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Flask, Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import select

from models.base import Refusal
from models.db import BEGIN, db
from models.import_fields import FIELDS, model_headings
from models.import_words import remedy_of, sentence_of
from models.imports import ABSENT_SHARE, Busy, FileKind, Import, ImportFile, ImportRow, ImportStatus, RowStatus
from models.journal import record
from views import import_preview as preview
from views.base import Screen, gate
from views.export import neutral
from views.formats import show_instant
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.verbs import verb

STEPS = (_("File"), _("Check and correct"), _("Confirm"))


class Imports(Screen):
    """Files of students and guardians, from the sending to the account of what was written."""

    model = Import
    name = _("Imports")
    name_of_one = _("import")
    icon = "import"
    add_label = _("Import a file")
    empty = {
        "icon": "import",
        "title": _("No import yet"),
        "sentence": _("Send the list of your [students] as CSV or XLSX: you see what it changes before anything is written."),
    }
    column_list = ("name", "status", "created_at", "requested_by", "written_at")
    column_default_sort = ("id", True)
    column_sortable_list = ("name", "status", "created_at", "written_at")
    column_searchable_list = ("name",)
    column_filters = ("status",)

    @verb("check", _("Check again"))
    def check(self, row: Import) -> None:
        """Compare the files with the school as it is now."""
        row.check()

    @verb("abandon", _("Abandon"), confirm=_("Nothing is written, and the files are removed."), danger=True)
    def abandon(self, row: Import) -> None:
        """Nothing of it is written."""
        row.abandon()

    @property
    def can_create(self) -> bool:
        """From the rights; the page of the files takes the place of a form."""
        return self.may("create")

    def row_url(self, row: Import) -> str:
        """The page of the import."""
        return self.page_url(row)

    def page_url(self, row: Import, **more: Any) -> str:
        """The page of the import, on one of its tabs."""
        return str(self.get_url(".details_view", id=row.id, **more))

    def mine(self, right: str) -> Import:
        """The import of the address, for a verb of this right."""
        self.need_id()
        one: Import = self.get_one(request.args["id"])
        self.check_row(right, one)
        return one

    def refuse(self, refusal: Refusal) -> int:
        """Nothing was changed; says why. 409 when somebody else's work is in the way."""
        db.session.rollback()
        flash(refusal.sentence, "danger")
        return 409 if isinstance(refusal, Busy) else 422

    # -- step 1: the file

    @expose("/new/", methods=("GET", "POST"))
    @gate("create")
    def create_view(self) -> ResponseReturnValue:
        """Send one to three files; they are checked at once."""
        code = 200
        if request.method == "POST":
            sent = [(f.filename or "", f.read()) for f in request.files.getlist("files") if f.filename]
            try:
                made = Import.receive(sent)
                db.session.commit()
                return redirect(self.page_url(made), code=303)
            except Refusal as refusal:
                code = self.refuse(refusal)
        kinds = [(kind, [(f.heading, f.label) for f in FIELDS[kind.name].values() if f.number < 2]) for kind in FileKind]
        return self.render("admin/import/new.html", steps=STEPS, kinds=kinds), code

    @expose("/model/")
    @gate("create")
    def model_view(self) -> ResponseReturnValue:
        """An empty file with the headings that are understood."""
        return self.csv_answer("scolabri-import.csv", [model_headings()])

    @staticmethod
    def csv_answer(name: str, lines: list[list[str]]) -> Response:
        """A CSV file for spreadsheets in French: BOM, semicolons, formulas neutralised."""
        out = io.StringIO()
        csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([[neutral(cell) for cell in line] for line in lines])
        answer = Response("\ufeff" + out.getvalue(), mimetype="text/csv")
        answer.headers.set("Content-Disposition", "attachment", filename=name)
        return answer

    # -- step 2: check and correct

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """The import, wherever it stands."""
        self.need_id()
        one: Import = self.get_one(request.args["id"])
        context = {"one": one, "steps": STEPS, "detected": preview.detected(one), "received": show_instant(one.created_at)}
        if one.under_way:
            return self.render("admin/import/progress.html", job=one.job, **context)
        if one.status is ImportStatus.checked:
            return self.preview_page(one, context)
        problem = sentence_of(one.problem).sentence if one.problem else ""
        if one.stuck:
            problem = (one.job.error if one.job else "") or gettext("This work stopped before its end.")
        return self.render(
            "admin/import/result.html",
            problem=problem,
            remedy=remedy_of(one.problem) if one.problem else "",
            written=preview.summary(one.written),
            remarks=preview.remarks(one.counts) if one.status is ImportStatus.done else [],
            written_at=show_instant(one.written_at) if one.written_at else "",
            **context,
        )

    def preview_page(self, one: Import, context: dict[str, Any]) -> ResponseReturnValue:
        """Five tabs: in error, created, changed, unchanged, absent."""
        tab = request.args.get("tab", "")
        if tab and tab not in RowStatus.__members__:
            abort(404)
        status = RowStatus[tab] if tab else preview.first_tab(one)
        page = preview.page_of(one, status, request.args.get("page", 0, type=int))
        counts = one.counts
        lines = counts["created"] + counts["changed"] + counts["unchanged"]
        return self.render(
            "admin/import/preview.html",
            tabs=preview.tabs(one, status, lambda name: self.page_url(one, tab=name)),
            tab=status,
            page=page,
            headline=preview.headline(status, page.count),
            page_at=lambda number: self.page_url(one, tab=status.name, page=number),
            problem=one.problem and sentence_of(one.problem).sentence,
            remedy=one.problem and remedy_of(one.problem),
            useful=bool(counts["created"] or counts["changed"] or counts["absent"]),
            continue_words=ngettext("Continue with %(num)d line", "Continue with %(num)d lines", lines),
            summary=preview.summary(counts),
            remarks=preview.remarks(counts),
            **context,
        )

    @expose("/correct/", methods=("POST",))
    @gate("check")
    def correct_view(self) -> ResponseReturnValue:
        """Cells typed anew in the preview, or a line ignored; the files are checked again."""
        one = self.mine("check")
        row = db.session.scalar(select(ImportRow).where(ImportRow.import_id == one.id, ImportRow.id == request.form.get("row", -1, type=int)))
        if row is None:
            abort(404)
        try:
            if request.form.get("ignore"):
                one.ignore(row.line)
            else:
                cells = {name[5:]: value for name, value in request.form.items() if name.startswith("cell_")}
                file = next((f for f in one.files if f.kind is row.kind), None)
                if file is None:
                    abort(404)
                one.correct(file, row.line, cells)
            db.session.commit()
        except Refusal as refusal:
            return self.refused_page(one, refusal)
        return redirect(self.page_url(one), code=303)

    def refused_page(self, one: Import, refusal: Refusal) -> ResponseReturnValue:
        """The import's page again, with the reason."""
        number, code = one.id, self.refuse(refusal)
        return self.render("admin/import/refused.html", back=self.get_url(".details_view", id=number)), code

    @expose("/columns/", methods=("GET", "POST"))
    @gate("check")
    def columns_view(self) -> ResponseReturnValue:
        """What each column is, and how the file is read; saving checks again."""
        one = self.mine("check")
        wanted = request.values.get("file", type=int)
        file = next((f for f in one.files if f.id == wanted), one.files[0] if wanted is None else None)
        if file is None:
            abort(404)
        code = 200
        if request.method == "POST":
            try:
                one.choose(file, {k: request.form[k] for k in ("kind", "encoding", "separator", "sheet") if request.form.get(k)}, self.posted_columns())
                db.session.commit()
                return redirect(self.page_url(one), code=303)
            except Refusal as refusal:
                code = self.refuse(refusal)
                one, file = db.session.get_one(Import, one.id), db.session.get_one(ImportFile, file.id)
        return self.render(
            "admin/import/columns.html",
            one=one,
            file=file,
            steps=STEPS,
            choices=preview.column_choices(file),
            columns=[(at, heading, [s[at] for s in file.samples if at < len(s)], file.mapping[at]) for at, heading in enumerate(file.headings)],
            kinds=[(kind.name, kind.label) for kind in FileKind],
            encodings=[(key, words) for key, words in preview.ENCODINGS.items() if key in ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac_roman", "utf-16")],
            separators=list(preview.SEPARATORS.items()),
            sheets=file.detected.get("sheets", []),
        ), code

    @staticmethod
    def posted_columns() -> dict[int, str]:
        """Column number -> key, as posted."""
        return {int(name[7:]): value for name, value in request.form.items() if name.startswith("column_") and name[7:].isdecimal() and len(name) < 12}

    @expose("/rows/")
    @gate("check")
    def rows_view(self) -> ResponseReturnValue:
        """The lines in error as a file to correct and send again; leaves its line in the history, as every export."""
        one = self.mine("check")
        rows = db.session.scalars(select(ImportRow).where(ImportRow.import_id == one.id, ImportRow.status == RowStatus.error).order_by(ImportRow.line)).all()
        keys = [key for key in FIELDS["students"] if any(key in row.cells for row in rows)]
        lines = [[FIELDS["students"][key].heading for key in keys] + [gettext("Line"), gettext("To correct")]]
        for row in rows:
            told = " ".join(sentence_of(note).sentence for note in row.problems)
            lines.append([row.cells.get(key, "") for key in keys] + [str(row.line), told])
        number = one.id
        db.session.rollback()
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, "export", self.table, number, rows=len(lines) - 1)
            db.session.commit()
        finally:
            BEGIN.reset(token)
        return self.csv_answer("lignes-en-erreur.csv", lines)

    # -- step 3: confirm

    @expose("/confirm/", methods=("GET", "POST"))
    @gate("confirm")
    def confirm_view(self) -> ResponseReturnValue:
        """What will be written, the absent students, one button."""
        one = self.mine("confirm")
        if one.status is not ImportStatus.checked and request.method == "GET":
            return redirect(self.page_url(one))
        code = 200
        if request.method == "POST":
            try:
                one.confirm(deactivate=bool(request.form.get("deactivate")), typed=request.form.get("typed", "")[:20])
                db.session.commit()
                return redirect(self.page_url(one), code=303)
            except Refusal as refusal:
                code = self.refuse(refusal)
                one = db.session.get_one(Import, one.id)
        counts = one.counts
        to_write = counts.get("created", 0) + counts.get("changed", 0)
        return self.render(
            "admin/import/confirm.html",
            one=one,
            steps=STEPS,
            count=to_write,
            count_sentence=ngettext("line will be written.", "lines will be written.", to_write),
            summary=preview.summary(counts),
            remarks=preview.remarks(counts),
            absent=counts.get("absent", 0),
            share=ABSENT_SHARE,
            button=ngettext("Write %(num)d line", "Write %(num)d lines", to_write) if to_write else gettext("Write"),
        ), code


def register(_app: Flask, admin: Admin) -> None:
    """Add the screen of imports."""
    admin.add_view(Imports())
