"""Imports on screen: send files, read what they would change, correct, confirm, read what was written.

One address per import (`details/?id=`) shows it wherever it stands, so that a page left open finds its way.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import select

from models.base import Refusal
from models.db import db
from models.export import neutral
from models.import_fields import BY_HEADINGS, FIELDS, model_headings
from models.import_words import remedy_of, sentence_of
from models.imports import CLOSED, KEPT, Busy, Clash, FileKind, Import, ImportFile, ImportRow, ImportStatus, RowStatus, right_missing
from models.names import plain_words
from models.school import Country
from models.undo import find, may_undo
from views import import_doubts as doubts
from views import import_preview as preview
from views import import_summary as words
from views.attachments import attach
from views.base import gate
from views.formats import show_instant
from views.history_undo import undo_url
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.import_grid import Grid
from views.import_staff import admins_of, functions_of, headline
from views.verbs import verb

PIECE = 500  # lines read at a time
STEPS = (_("File"), _("Check and correct"), _("Confirm"))


class Imports(Grid):
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
    column_list = ("name", "status", "written", "created_at", "requested_by", "written_at", "undone_at")
    column_formatters = column_formatters_export = {"written": lambda _v, _c, row, _n: words.written(row)}
    column_default_sort = ("id", True)
    column_sortable_list = ("name", "status", "created_at", "written_at")
    column_searchable_list = ("name",)
    column_filters = ("status",)

    def verb_fits(self, verb: str, row: Import) -> bool:
        """What is closed is left alone; what is being written ends first."""
        return row.status not in CLOSED and row.status is not ImportStatus.writing

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

    def refuse(self, refusal: Refusal) -> int:
        """Nothing was changed; says why. 409 when somebody else's work is in the way."""
        db.session.rollback()
        flash(refusal.sentence, "danger")
        return 409 if isinstance(refusal, Busy) else 422

    # -- step 1: the file

    @expose("/new/", methods=("GET", "POST"))
    @gate("create")
    def create_view(self) -> ResponseReturnValue:
        """Send up to twelve files; they are checked at once."""
        code = 200
        if request.method == "POST":
            sent = [(f.filename or "", f.read()) for f in request.files.getlist("files") if f.filename]
            try:
                made = Import.receive(sent)
                db.session.commit()
                return redirect(self.page_url(made), code=303)
            except Refusal as refusal:
                code = self.refuse(refusal)
        kinds = [(kind, [(f.heading, f.label) for f in FIELDS[kind.name].values() if f.number < 2 and f.key != "source_ref"]) for kind in self.kinds()]
        return self.render(
            "admin/import/new.html",
            steps=STEPS,
            kinds=kinds,
            official=words.country() is Country.FR,
            may_structures=self.may("import_structures"),
            kept_days=KEPT.days,
            mappings=self.mappings(),
        ), code

    def kinds(self) -> list[FileKind]:
        """What the lines of a table may be said to be by hand: what only an official format gives is not offered."""
        return [kind for kind in FileKind if kind.name in BY_HEADINGS and not right_missing(kind.name)]

    @expose("/model/")
    @gate("create")
    def model_view(self) -> ResponseReturnValue:
        """An empty file with the headings that are understood."""
        return self.csv_answer("scolabri-import.csv", [model_headings()])

    @staticmethod
    def csv_text(lines: list[list[str]]) -> str:
        """A CSV file for spreadsheets in French: BOM, semicolons, formulas neutralised."""
        out = io.StringIO()
        csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([[neutral(cell) for cell in line] for line in lines])
        return "\ufeff" + out.getvalue()

    @classmethod
    def csv_answer(cls, name: str, lines: list[list[str]]) -> Response:
        """Such a file, to save."""
        return attach(Response(cls.csv_text(lines), mimetype="text/csv"), name)

    # -- step 2: check and correct

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """The import, wherever it stands."""
        self.need_id()
        one: Import = self.get_one(request.args["id"])
        checking = one.status is ImportStatus.checking and one.under_way
        if one.status is ImportStatus.checked or (checking and one.generation):
            return self.preview_page(one)
        if one.under_way:
            return self.render("admin/import/progress.html", job=one.job, **self.shared(one))
        return self.result_page(one)

    def shared(self, one: Import) -> dict[str, Any]:
        """What every page of one import shows."""
        return {"one": one, "steps": STEPS, "detected": words.detected(one), "received": show_instant(one.created_at), **self.staff_words(one)}

    def result_page(self, one: Import) -> ResponseReturnValue:
        """What was written, undone, or why nothing was."""
        problem = sentence_of(one.problem).sentence if one.problem else ""
        if one.problem and (name := one.problem["params"].get("file")):
            problem = gettext("%(who)s: %(what)s", who=name, what=problem)
        if one.stuck:
            problem = (one.job.error if one.job else "") or gettext("This work stopped before its end.")
        written = one.status in (ImportStatus.done, ImportStatus.undone)
        return self.render(
            "admin/import/result.html",
            problem=problem,
            remedy=remedy_of(one.problem) if one.problem else "",
            written=words.summary(one, one.written),
            remarks=words.remarks(one.counts) if written else [],
            written_at=show_instant(one.written_at) if one.written_at else "",
            undone_at=show_instant(one.undone_at) if one.undone_at else "",
            kept_until=show_instant(one.kept_until),
            history_url=self.history_url(one),
            undo_url=undo_url(one.batch, self.page_url(one)) if self.may_undo(one) else "",
            **self.shared(one),
        )

    def history_url(self, one: Import) -> str:
        """The lines of the history that tell what was written; empty for who does not read it."""
        if not one.batch or not self.may("read", "journal_event"):
            return ""
        return f"{url_for('journal_event.index_view')}?{urlencode({'flt0_batch.Contains': one.batch})}"

    def may_undo(self, one: Import) -> bool:
        """Whether this person may take back what this import wrote."""
        found = find(db.session, one.batch) if one.batch and one.status is ImportStatus.done and self.may("undo", "journal_event") else None
        return found is not None and may_undo(found)

    def preview_page(self, one: Import, clashes: Iterable[Clash] = ()) -> ResponseReturnValue:
        """The tabs: in error, to decide, created, changed, unchanged, absent; what is asked, and the cells to set right."""
        tab = request.args.get("tab", "")
        if tab and tab not in RowStatus.__members__:
            abort(404)
        status = RowStatus[tab] if tab else words.first_tab(one)
        number = request.args.get("page", 0, type=int)
        may_check = self.may("check")
        sheet = preview.Sheet(one, clashes)
        context: dict[str, Any] = {"questions": [], "answers": [], "page": None, "onward": ""}
        if status is RowStatus.unsure:
            context["questions"], pages = doubts.questions_of(one, number)
            context |= {"answers": doubts.answers_of(one), "number": number, "pages": pages, "count": words.number_of(one, status)}
        else:
            page = preview.page_of(sheet, status, number, request.args.get("line", "") if may_check else "")
            context |= {"page": page, "number": page.number, "pages": page.pages, "count": page.count}
            context["onward"] = words.onward(one) if status is RowStatus.error and not page.count else ""
        counts = one.counts
        lines = counts["created"] + counts["changed"]
        return self.render(
            "admin/import/preview.html",
            tabs=words.tabs(one, status, lambda name: self.page_url(one, tab=name)),
            tab=status,
            headline=(one.of_staff and headline(status, context["count"])) or words.headline(status, context["count"], one.of_structures or one.of_studies),
            page_at=lambda number: self.page_url(one, tab=status.name, page=number),
            line_at=lambda shown: self.page_url(one, tab=status.name, page=context["number"], line=shown.name) + f"#r.{shown.name}",
            closed_at=lambda shown: self.page_url(one, tab=status.name, page=context["number"]) + f"#r.{shown.name}",
            problem=one.problem and sentence_of(one.problem).sentence,
            remedy=one.problem and remedy_of(one.problem),
            checking=one.status is ImportStatus.checking,
            may_check=may_check,
            places=functions_of(sheet) if one.of_staff else preview.places_of(sheet),
            useful=bool(lines or counts["absent"]),
            continue_words=ngettext("Continue with %(num)d line", "Continue with %(num)d lines", lines) if lines else gettext("Continue"),
            summary=words.summary(one, counts),
            remarks=words.counted(one) + words.remarks(counts),
            **context,
            **self.shared(one),
        )

    def checked_page(self, one: Import, clashes: list[Clash]) -> ResponseReturnValue:
        """The preview with what somebody typed in vain."""
        return self.preview_page(one, clashes)

    def answer(self, one: Import, refusal: Refusal) -> ResponseReturnValue:
        """The import's page again, with the reason."""
        number, code = one.id, self.refuse(refusal)
        return self.render("admin/import/refused.html", back=self.get_url(".details_view", id=number)), code

    @expose("/columns/", methods=("GET", "POST"))
    @gate("check")
    def columns_view(self) -> ResponseReturnValue:
        """What each column is, and how the file is read; saving checks again."""
        one = self.mine("check")
        file = self.file_of_address(one)
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
            choices=words.column_choices(file),
            columns=[(at, heading, [s[at] for s in file.samples if at < len(s)], file.mapping[at]) for at, heading in enumerate(file.headings)],
            kinds=[(kind.name, kind.label) for kind in self.kinds()],
            encodings=[(key, words) for key, words in words.ENCODINGS.items() if key in ("utf-8", "cp1252", "latin-1", "iso-8859-15", "mac_roman", "utf-16")],
            separators=list(words.SEPARATORS.items()),
            sheets=file.detected.get("sheets", []),
        ), code

    @staticmethod
    def posted_columns() -> dict[int, str]:
        """Column number -> key, as posted."""
        return {int(name[7:]): value for name, value in request.form.items() if name.startswith("column_") and name[7:].isdecimal() and len(name) < 12}

    @expose("/rows/")
    @gate("check")
    def rows_view(self) -> ResponseReturnValue:
        """The lines in error as a file to correct and send again, of several kinds one file each in an archive; leaves its line in the history, as
        every export."""
        one = self.mine("check")
        found = self.wrong_kinds(one)
        tables = [(kind, self.wrong_table(one, kind)) for kind in found or [FileKind.students]]
        self.record_export(one.id, sum(len(lines) - 1 for _kind, lines in tables))
        if len(tables) == 1:
            return self.csv_answer("lignes-en-erreur.csv", tables[0][1])
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for kind, lines in tables:
                archive.writestr(f"lignes-en-erreur-{plain_words(str(kind.label)).replace(' ', '-')}.csv", self.csv_text(lines).encode())
        return attach(Response(out.getvalue(), mimetype="application/zip"), "lignes-en-erreur.zip")

    def wrong_table(self, one: Import, kind: FileKind) -> list[list[str]]:
        """The lines in error of one kind under the headings of its file, with what is to be corrected."""
        file = next((f for f in one.files if f.kind is kind), None)
        keys = [key for key in (file.mapping if file is not None else ()) if key in FIELDS[kind.name]]
        lines = [[str(FIELDS[kind.name][key].heading) for key in keys] + [gettext("Line"), gettext("To correct")]]
        mine = self.wrong_rows(one).where(ImportRow.kind == kind).order_by(ImportRow.line)
        for row in db.session.scalars(mine.execution_options(yield_per=PIECE)):
            told = " ".join(sentence_of(note).sentence for note in row.problems)
            lines.append([row.cells.get(key, "") for key in keys] + [str(row.line), told])
        return lines

    @classmethod
    def wrong_kinds(cls, one: Import) -> list[FileKind]:
        """The kinds of file that have lines in error, in the order of the preview."""
        wrong = set(db.session.scalars(cls.wrong_rows(one, ImportRow.kind).distinct()))
        return [kind for kind in FileKind if kind in wrong]

    @staticmethod
    def wrong_rows(one: Import, what: Any = ImportRow) -> Any:
        """The lines in error of the last check."""
        clause = (ImportRow.import_id == one.id, ImportRow.generation == one.generation, ImportRow.status == RowStatus.error)
        return select(what).where(*clause)

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
                ticked = {name: bool(request.form.get(name)) for name in ("deactivate", "admins", "accounts")}
                one.confirm(typed=request.form.get("typed", "")[:20], **ticked)
                db.session.commit()
                return redirect(self.page_url(one), code=303)
            except Refusal as refusal:
                code = self.refuse(refusal)
                one = db.session.get_one(Import, one.id)
        counts, typed = one.counts, one.too_many(one.leaving(deactivate=one.may_deactivate))
        to_write = counts.get("created", 0) + counts.get("changed", 0)
        return self.render(
            "admin/import/confirm.html",
            one=one,
            steps=STEPS,
            count=to_write,
            count_sentence=ngettext("line will be written.", "lines will be written.", to_write),
            summary=words.summary(one, counts),
            remarks=words.counted(one) + words.remarks(counts),
            absent=counts.get("absent", 0),
            admins=counts.get("new_admins", 0),
            admin_names=admins_of(one),
            **self.staff_words(one),
            typed_words=words.number_to_type(one) if typed else "",
            button=ngettext("Write %(num)d line", "Write %(num)d lines", to_write) if to_write else gettext("Write"),
        ), code


def register(_app: Flask, admin: Admin) -> None:
    """Add the screen of imports."""
    admin.add_view(Imports())
