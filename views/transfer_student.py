"""The verb of the students that sends them to another school: the question, who cannot travel and what to do about it."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length

from models.base import Refusal
from models.db import db
from models.parcel import MOST_STUDENTS
from models.transfer import Transfer
from models.transfer_rules import active_school, free_travellers, sending, without_identifier
from views.auth import permitted
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.papers import told
from views.question_forms import QuestionForm
from views.verbs import Selection, verb


class TransferForm(QuestionForm):
    """To which school, why, and whether they leave this one."""

    school_code = StringField(
        _("Official code of the other [school]"),
        validators=[InputRequired(), Length(max=30)],
        description=_("Its UAI (seven digits and a letter) or its organisation code: ask that [school] for it."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    reason = StringField(_("Reason (kept here, not sent)"), validators=[Length(max=500)])
    leave = BooleanField(_("Deactivate these [students] here: they have left today"))

    def __init__(self) -> None:
        super().__init__()
        self.usual(leave=True)


class TransferVerb:
    """The verb `transfer`, mixed into the screen of students."""

    @verb("transfer", _("Transfer to another [school]"), ask=TransferForm, icon="right", whole=True)
    def transfer(self, selection: Selection, school_code: str, reason: str = "", leave: bool = True) -> ResponseReturnValue:
        """One transfer for all of them; a job makes it, on the transfer's own page."""
        made = Transfer.send(selection.all_ids(), school_code, reason or "", leave)
        db.session.flush()
        return redirect(url_for("transfer.details_view", id=made.id), code=303)

    def sure_transfer(self, selection: Selection, school_code: str, reason: str = "", leave: bool = True) -> tuple[str, dict[str, Any]]:
        """To whom, by which way, who leaves: read before anything is done. Refused as the transfer itself."""
        _school, code, name, people = sending(selection.all_ids(), school_code)
        n = len(people)
        if name:
            title = ngettext("You send %(num)d [student] to %(name)s", "You send %(num)d [students] to %(name)s", n, name=name)
            way = gettext("That [school] finds the transfer in its list and checks it before anything is written there.")
        else:
            title = ngettext(
                "You send %(num)d [student] to [the school] %(code)s, which is not in this installation: a file will be prepared",
                "You send %(num)d [students] to [the school] %(code)s, which is not in this installation: a file will be prepared",
                n,
                code=code,
            )
            way = gettext("You hand the sealed file over, and tell its passphrase by telephone.")
        stay = ngettext("This [student] stays active here.", "These [students] stay active here.", n)
        left = ngettext("This [student] is deactivated here today.", "These [students] are deactivated here today.", n)
        return f"{code} {name}".strip(), {
            "title": title,
            "count": None,
            "left_out": way,
            "told": [told(left if leave else stay, [person["name"] for person in people])],
            "verb_label": ngettext("Transfer %(num)d [student]", "Transfer %(num)d [students]", n),
            "after": gettext("As long as the other [school] has not begun, the transfer can be cancelled."),
        }

    def prepare_transfer(self, selection: Selection, form: TransferForm) -> dict[str, Any]:
        """How many travel, who does not and why, what travels."""
        context: dict[str, Any] = {"verb_label": gettext("Transfer"), "form_groups": [("", [(form.school_code, 6), (form.reason, 12), (form.leave, 12)])]}
        try:
            active_school()
        except Refusal as refusal:
            context |= {"count": None, "refusal": refusal.sentence}
            if permitted("school", "edit"):
                context["refusal_link"] = (url_for("transfer.settings_view"), gettext("Settings of transfers"))
            return context
        ids = selection.all_ids()
        going, already = free_travellers(db.session, ids)
        n, without = len(going), without_identifier(db.session, ids)
        context["told"] = []
        if without:
            sentence = ngettext(
                "%(num)d [student] has no national identifier and stays here: correct it in SIECLE, then import the [students] again.",
                "%(num)d [students] have no national identifier and stay here: correct it in SIECLE, then import the [students] again.",
                len(without),
            )
            context["told"].append(told(sentence, without))
        if already:
            sentence = ngettext(
                "%(num)d [student] is in a transfer that waits already and is left out.",
                "%(num)d [students] are in a transfer that waits already and are left out.",
                len(already),
            )
            context["told"].append(told(sentence, already))
        told_why = "" if n else gettext("Nobody in this selection can be transferred.")
        if n > MOST_STUDENTS:
            told_why = gettext("At most %(most)d [students] are transferred at a time. Choose fewer, then send the others.", most=MOST_STUDENTS)
        return context | {
            "count": n,
            "count_sentence": ngettext("[student] will be transferred.", "[students] will be transferred.", n),
            "verb_label": gettext("Continue"),
            "refusal": told_why,
            "after": gettext(
                "What travels: identity, how to reach them, [programme], [guardians] and their links, admissions and registrations with their results. "
                "Notes, messages, codes and accounts never do; a suspended link arrives to be checked."
            ),
        }
