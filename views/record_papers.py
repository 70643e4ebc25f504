"""What the screens of session records and of registrations print: confirmations, sheets, lists of groups. Each asks, then leaves the drawing to a job."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue

from models.base import Refusal
from models.db import db
from models.record_papers import MOST_LISTED, MOST_SHEETS, confirmable, groups_of, members
from models.work import JobKind
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.paper_forms import StampForm, this_school
from views.papers import start, told
from views.verbs import Selection, verb


def _stamp(form: StampForm) -> list[tuple[str, list[tuple[Any, int]]]]:
    return [("", [(form.stamp, 12)])] if "stamp" in form else []


def _function_signs() -> str:
    """What is to know where nobody is named as head."""
    return "" if this_school().head_name else gettext("The page of the [school] does not say who its head is: the paper is issued in the name of the function.")


class RecordPapers:
    """The verbs that print session records, mixed into their screen."""

    @verb(
        "print_confirmation",
        _("Print confirmations of registration"),
        ask=StampForm,
        icon="print",
        whole=True,
        one=_("Print the confirmation of registration"),
    )
    def print_confirmation(self, selection: Selection, stamp: bool = False) -> ResponseReturnValue:
        """A numbered paper each. Refused when there is nothing to confirm."""
        ids = selection.all_ids()
        ready = confirmable(db.session, ids).ids
        if not ready:
            raise Refusal(_("None of the chosen [session records] has a registration in [a group]: there is nothing to confirm."))
        return start(JobKind.print_confirmation, {"ids": ids, "stamp": stamp}, len(ready), ngettext("%(num)d paper", "%(num)d papers", len(ready)))

    def prepare_print_confirmation(self, selection: Selection, form: StampForm) -> dict[str, Any]:
        """How many, what they hold, who has nothing to confirm, who has one already."""
        found = confirmable(db.session, selection.all_ids())
        n = len(found.ids)
        facts = (
            (found.empty, ngettext("%(num)d has no registration to confirm.", "%(num)d have no registration to confirm.", len(found.empty))),
            (
                found.again,
                ngettext(
                    "%(num)d was confirmed already: this paper gets a new number. The first can be printed again from the file, under “Papers”.",
                    "%(num)d were confirmed already: these papers get new numbers. The first can be printed again from the files, under “Papers”.",
                    len(found.again),
                ),
            ),
        )
        return {
            "count": n,
            "count_sentence": ngettext("paper will be issued, with its number.", "papers will be issued, each with its number.", n),
            "left_out": _function_signs(),
            "verb_label": ngettext("Issue %(num)d paper", "Issue %(num)d papers", n),
            "form_groups": _stamp(form),
            "told": [told(sentence, names) for names, sentence in facts if names],
            "after": gettext(
                "In the language of each [student]: the [courses] that have a [group]. Choices without a [group], [courses] given up and those that are "
                "recognised without being taken are not confirmed; the sheet shows them."
            ),
            "refusal": "" if n else gettext("There is nothing to confirm in this selection."),
        }

    @verb("print_record_sheet", _("Print [session record] sheets"), ask=StampForm, icon="print", whole=True, one=_("Print the sheet of [the session record]"))
    def print_record_sheet(self, selection: Selection, stamp: bool = False) -> ResponseReturnValue:
        """Everything of each. Refused for more than a job draws."""
        ids = selection.all_ids()
        if len(ids) > MOST_SHEETS:
            raise Refusal(_("At most %(most)d sheets are printed at a time. Filter the list, then print it part by part."), most=MOST_SHEETS)
        return start(JobKind.print_record_sheet, {"ids": ids, "stamp": stamp}, len(ids), ngettext("%(num)d sheet", "%(num)d sheets", len(ids)))

    def prepare_print_record_sheet(self, selection: Selection, form: StampForm) -> dict[str, Any]:
        """How many, and what they are for."""
        n = selection.count
        return {
            "count": n,
            "count_sentence": ngettext("sheet will be printed.", "sheets will be printed.", n),
            "verb_label": ngettext("Print %(num)d sheet", "Print %(num)d sheets", n),
            "form_groups": _stamp(form),
            "after": gettext("A sheet shows marks, remarks and census: it stays in the [school]. To be shown to others, print the confirmation."),
        }


class GroupLists:
    """The verb that prints the lists of groups, mixed into the screen of registrations."""

    @verb("print_group_list", _("Print the lists of the [groups]"), ask=StampForm, icon="print", whole=True, one=_("Print the list of [the group]"))
    def print_group_list(self, selection: Selection, stamp: bool = False) -> ResponseReturnValue:
        """The whole list of every group among the chosen registrations. Refused: no group, more lines than a job draws."""
        ids = selection.all_ids()
        groups = groups_of(db.session, ids)
        if not groups:
            raise Refusal(_("None of the chosen registrations has a [group]: there is no list to print. Give them their [group] first."))
        lines = members(db.session, groups)
        if lines > MOST_LISTED:
            raise Refusal(_("The lists would have more than %(most)d lines. Filter the registrations by session or by [course], then print."), most=MOST_LISTED)
        return start(JobKind.print_group_list, {"ids": ids, "stamp": stamp}, lines, ngettext("%(num)d list", "%(num)d lists", len(groups)))

    def prepare_print_group_list(self, selection: Selection, form: StampForm) -> dict[str, Any]:
        """How many lists, with how many lines."""
        groups = groups_of(db.session, selection.all_ids())
        n = len(groups)
        lines = members(db.session, groups)
        return {
            "count": n,
            "count_sentence": ngettext("list will be printed, with everybody of its [group].", "lists will be printed, each with everybody of its [group].", n),
            "left_out": ngettext("%(num)d line.", "%(num)d lines in all.", lines) if n else "",
            "verb_label": ngettext("Print %(num)d list", "Print %(num)d lists", n),
            "form_groups": _stamp(form),
            "after": gettext("Each line has room for a signature and for a mark."),
            "refusal": "" if n else gettext("None of the chosen registrations has a [group]."),
        }
