"""Papers printed for chosen students: class lists, address labels, certificates of enrolment; and the register of those issued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from sqlalchemy import func, select

from models.addresses import LabelTo, mailing
from models.base import Refusal
from models.class_lists import MOST_ROWS
from models.db import db
from models.papers import IssuedPaper, again_kinds, certifiable, reprintable
from models.people import Student
from models.scope import WHO
from models.work import Job, JobKind
from views.auth import permitted
from views.base import Screen
from views.formats import show_date
from views.i18n import gettext, language_name, ngettext
from views.i18n import lazy_gettext as _
from views.paper_forms import CertificateForm, ClassListForm, LabelsForm, StampForm, list_params, this_school
from views.student_file import Part, declare_part
from views.verbs import Selection, verb

PAPERS = ("print_class_list", "print_labels", "print_certificate", "print_access_cards")
NAMED = 20  # people told by name before printing


def start(kind: JobKind, params: dict[str, Any], total: int, note: str) -> ResponseReturnValue:
    """Ask for the work and lead to its page, which opens the paper as soon as it is ready."""
    job = Job.add(kind, params, total=total, note=note)
    db.session.flush()
    return redirect(url_for("job.details_view", id=job.id, open=1), code=303)


def told(sentence: str, names: Sequence[str]) -> dict[str, Any]:
    """Who is concerned by a fact, before printing: the first names, and how many more."""
    more = len(names) - NAMED
    return {"sentence": sentence, "names": list(names[:NAMED]), "more": ngettext("and %(num)d other", "and %(num)d others", more) if more > 0 else ""}


def students_in_words(count: int) -> str:
    """How many, for a job's note."""
    return ngettext("%(num)d [student]", "%(num)d [students]", count)


class PaperVerbs:
    """The verbs that print, mixed into the screen of students. Each asks, then leaves the drawing to a job."""

    @verb("print_class_list", _("Print a class list"), ask=ClassListForm, icon="print", whole=True)
    def print_class_list(self, selection: Selection, **answers: Any) -> ResponseReturnValue:
        """One list, or one for each class. Refused for more students than a list holds."""
        if selection.count > MOST_ROWS:
            raise Refusal(_("A list holds %(most)d [students] at most. Filter the list, then print it part by part."), most=MOST_ROWS)
        ids = selection.all_ids()
        return start(JobKind.print_class_list, {"ids": ids, **list_params(**answers)}, len(ids), students_in_words(len(ids)))

    def prepare_print_class_list(self, selection: Selection, form: ClassListForm) -> dict[str, Any]:
        """How many lines."""
        return {
            "count_sentence": ngettext("[student] on the list.", "[students] on the list.", selection.count),
            "verb_label": gettext("Print the list"),
            "form_groups": [
                ("", [(form.title, 12), (form.columns, 12), (form.blanks, 3), (form.headings, 6)]),
                ("", [(form.order, 6), (form.landscape, 6), (form.apart, 12)]),
            ],
            "after": gettext("[Guardians] whose link is suspended or to check stand on no list."),
        }

    @verb("print_labels", _("Print address labels"), ask=LabelsForm, icon="print", whole=True)
    def print_labels(self, selection: Selection, to: str, **answers: Any) -> ResponseReturnValue:
        """Sheets of labels. Refused when nobody has an address."""
        ids = selection.all_ids()
        found = mailing(db.session, ids, LabelTo[to])
        if not found.labels:
            raise Refusal(_("None of the chosen has an address: no label can be printed. Fill in the addresses first."))
        note = ngettext("%(num)d label", "%(num)d labels", len(found.labels))
        return start(JobKind.print_labels, {"ids": ids, "to": to, **answers}, len(found.labels), note)

    def prepare_print_labels(self, selection: Selection, form: LabelsForm) -> dict[str, Any]:
        """How many labels each choice makes, and who has no address."""
        ids = selection.all_ids()
        by = {to: mailing(db.session, ids, to) for to in form.receivers}
        form.to.hints = {to.name: ngettext("%(num)d label", "%(num)d labels", len(found.labels)) for to, found in by.items()}  # type: ignore[attr-defined]
        unknown = {name: None for found in by.values() for name in found.without}
        n = len(unknown)
        sentence = ngettext("%(num)d has no address and gets no label.", "%(num)d have no address and get no label.", n)
        return {
            "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count),
            "verb_label": gettext("Print the labels"),
            "form_groups": [("", [(form.to, 12), (form.sheet, 12), (form.first, 4), (form.right, 4), (form.down, 4)])],
            "told": [told(sentence, list(unknown))] if n else [],
            "after": gettext(
                "The legal representatives are written to, else those in charge of the child. Two who live together receive one label; "
                "one without an address is written to at the [student]’s."
            ),
            "refusal": "" if any(found.labels for found in by.values()) else gettext("None of the chosen has an address. Fill in the addresses first."),
        }

    @verb("print_certificate", _("Print certificates of enrolment"), ask=CertificateForm, icon="print", whole=True, one=_("Print the certificate of enrolment"))
    def print_certificate(self, selection: Selection, year: str, language: str, stamp: bool = False) -> ResponseReturnValue:
        """A numbered paper each. Refused when none can be given."""
        ids = selection.all_ids()
        ready = certifiable(db.session, ids, int(year)).ids
        if not ready:
            raise Refusal(_("None of the chosen can be given this paper: their date of birth, or the day they left, is unknown. Fill it in first."))
        params = {"ids": ids, "year": int(year), "language": language, "stamp": stamp}
        return start(JobKind.print_certificate, params, len(ready), ngettext("%(num)d paper", "%(num)d papers", len(ready)))

    def prepare_print_certificate(self, selection: Selection, form: CertificateForm) -> dict[str, Any]:
        """How many, and everything that the paper would say wrongly or not at all."""
        year = form.current + 1 if form.year.data == str(form.current + 1) else form.current
        found = certifiable(db.session, selection.all_ids(), year)
        n, school = len(found.ids), this_school()
        facts = (
            (found.unborn, ngettext("%(num)d has no date of birth and gets no paper.", "%(num)d have no date of birth and get no paper.", len(found.unborn))),
            (found.gone, ngettext("%(num)d left on an unknown day and gets no paper.", "%(num)d left on an unknown day and get no paper.", len(found.gone))),
            (
                found.former,
                ngettext(
                    "%(num)d has left: the paper says until when they were enrolled.", "%(num)d have left: their papers say until when.", len(found.former)
                ),
            ),
            (
                found.again,
                ngettext(
                    "%(num)d already has a paper of this school year: this one gets a new number. The first can be printed again from their file.",
                    "%(num)d already have a paper of this school year: these get new numbers. The first can be printed again from their files.",
                    len(found.again),
                ),
            ),
        )
        stamp = [(form.stamp, 12)] if "stamp" in form else []
        return {
            "count": n,
            "count_sentence": ngettext("paper will be issued, with its number.", "papers will be issued, each with its number.", n),
            "left_out": ""
            if school.head_name
            else gettext("The page of the [school] does not say who its head is: the paper is issued in the name of the function."),
            "verb_label": ngettext("Issue %(num)d paper", "Issue %(num)d papers", n),
            "form_groups": [("", [(form.year, 6), (form.language, 6), *stamp])],
            "told": [told(sentence, names) for names, sentence in facts if names],
            "after": gettext("Each paper is kept with its number and what it certifies. Printed again, it says that it is a duplicate."),
            "refusal": "" if n else gettext("Nobody in this selection can be given this paper."),
        }


class IssuedPapers(Screen):
    """The register: every paper that the school has certified, by its number."""

    model = IssuedPaper
    name = _("Papers issued")
    name_of_one = _("Paper issued")
    icon = "file"
    empty = {
        "icon": "file",
        "title": _("No paper issued yet"),
        "sentence": _("Choose [students] in their list, then “Print certificates of enrolment”: each paper gets its number."),
    }
    title_column = "reference"
    column_list = ("reference", "holder", "kind", "school_year", "issued_on", "issued_by", "printed_count")
    column_labels = {"holder": _("Name and given name"), "school_year": _("School year or term")}
    column_sortable_list = ("reference", "issued_on", "issued_by")
    column_default_sort = ("id", True)
    column_searchable_list = ("reference", "student.search_key")
    column_filters = ("issued_on", "issued_by")
    column_details_list = ("reference", "holder", "kind", "school_year", "issued_on", "issued_by", "language", "printed_count", "printed_at")
    column_export_list = ("reference", "holder", "kind", "school_year", "issued_on", "issued_by", "printed_count")
    nowrap_columns = ("reference", "issued_on")
    number_columns = ("printed_count",)
    column_formatters = column_formatters_export = {
        "kind": lambda _v, _c, row, _n: str(row.kind),
        "language": lambda _v, _c, row, _n: language_name(row.language),
    }

    def count_text(self, count: int | None) -> str:
        """How many papers."""
        return "" if count is None else ngettext("%(num)d paper", "%(num)d papers", count)

    def verb_fits(self, verb: str, row: IssuedPaper) -> bool:
        """A paper is printed again by whom its kind is open to."""
        return verb != "print_again" or row.kind in again_kinds(WHO.get().roles)

    def _printable(self, selection: Selection) -> list[int]:
        """Of the chosen papers, those whose kind the person may issue."""
        return reprintable(db.session, selection.all_ids(), WHO.get().roles)

    @verb("print_again", _("Print again"), ask=StampForm, icon="print", whole=True)
    def print_again(self, selection: Selection, stamp: bool = False) -> ResponseReturnValue:
        """The same numbers and the same facts, marked as duplicates. Refused: papers of a kind that the person does not issue."""
        ids = self._printable(selection)
        if not ids:
            raise Refusal(_("Your role does not issue papers of this kind: it does not print them again either."))
        return start(JobKind.print_again, {"ids": ids, "stamp": stamp}, len(ids), ngettext("%(num)d paper", "%(num)d papers", len(ids)))

    def prepare_print_again(self, selection: Selection, form: StampForm) -> dict[str, Any]:
        """How many, and what they look like."""
        n = len(self._printable(selection))
        return {
            "count": n,
            "count_sentence": ngettext("paper will be printed again, as it was issued.", "papers will be printed again, as they were issued.", n),
            "left_out": gettext("From its second printing on, a paper says that it is a duplicate."),
            "verb_label": ngettext("Print %(num)d paper again", "Print %(num)d papers again", n),
            "refusal": "" if n else gettext("Your role does not issue papers of this kind: it does not print them again either."),
        }


# --- the part of the student's file ----------------------------------------------------------------------------------------------------


def _papers_of(student: Student) -> dict[str, Any]:
    """The latest first."""
    statement, kinds = select(IssuedPaper).where(IssuedPaper.student_id == student.id).order_by(IssuedPaper.id.desc()), again_kinds(WHO.get().roles)
    papers = [
        {
            "id": row.id,
            "number": row.reference,
            "kind": str(row.kind),
            "year": row.school_year,
            "day": show_date(row.issued_on),
            "who": row.issued_by,
            "printed": row.printed_count,
            "may_again": row.kind in kinds,
        }
        for row in db.session.scalars(statement)
    ]
    return {"papers": papers, "may_print": permitted("student", "print_certificate"), "may_again": permitted("issued_paper", "print_again")}


def _count_papers(student_id: int) -> Any:
    return select(func.count(IssuedPaper.id)).where(IssuedPaper.student_id == student_id).scalar_subquery()


declare_part(Part("papers", _("Papers"), "admin/papers/part.html", _papers_of, ("issued_paper", "read"), _count_papers, place=50))


def register(app: Flask, admin: Admin) -> None:
    """The register of papers."""
    admin.add_view(IssuedPapers())
