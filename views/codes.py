"""The verb of the students that makes activation codes: how many first, then the letters."""

from __future__ import annotations

import json
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import RadioField
from wtforms.validators import InputRequired, NumberRange

from models.activation import MOST, Chosen, generate, last_moment, life_of, look_at
from models.base import Refusal
from models.db import db
from models.school import School
from views.doors import options
from views.fields import NumberField
from views.formats import show_date
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.saving import own_path
from views.verbs import Selection, verb

YES = frozenset({"1", "true", "yes", "on", "y"})


class CodesForm(FlaskForm):
    """For whom, and how many each."""

    only_missing = RadioField(
        _("For whom?"), choices=options([("1", ""), ("0", "")]), coerce=lambda value: "1" if str(value).lower() in YES else "0", default="1"
    )
    quantity = NumberField(
        _("Number of codes for each"),
        default=1,
        validators=[InputRequired(), NumberRange(1, MOST, _("One to four codes for each [student]. Type a number from 1 to 4."))],
        render_kw={"type": "number", "min": 1, "max": MOST, "inputmode": "numeric"},
    )


class CodesVerbs:
    """The verb `generate_codes`, mixed into the screen of students."""

    get_url: Any

    @verb("generate_codes", _("Create codes"), ask=CodesForm, icon="key", whole=True)
    def generate_codes(self, selection: Selection, only_missing: str, quantity: int) -> ResponseReturnValue:
        """Make the codes, then ask about the letters."""
        batch = generate(db.session, selection.all_ids(), quantity, only_missing == "1")
        if not batch.ids:
            raise Refusal(_("No code is needed: all of them have a usable code or a [guardian] online. To give more, choose the whole selection."))
        flash(ngettext("%(num)d code created.", "%(num)d codes created.", len(batch.ids)), "success")
        back = own_path(request.form.get("url")) or self.get_url(".index_view")
        return redirect(url_for("activation_code.letters_view", batch=batch.name, url=back), code=303)

    def nothing_chosen(self) -> str:
        """No row matches: when codes are asked for, that is good news."""
        if request.form.get("action") == "generate_codes" and request.form.get("all"):
            return gettext("No code is needed: each [student] has a usable code or a [guardian] online.")
        return str(super().nothing_chosen())  # type: ignore[misc]

    def prepare_generate_codes(self, selection: Selection, form: CodesForm) -> dict[str, Any]:
        """How many codes, for whom, who is left out; every answer's count is written beforehand, so that the page follows the choice."""
        chosen = look_at(db.session, selection.all_ids())
        form.only_missing.choices = options(
            [
                ("1", gettext("Only those who have none (%(num)d)", num=len(chosen.missing))),
                ("0", gettext("The whole selection (%(num)d)", num=len(chosen.present))),
            ]
        )
        others = len(chosen.present) - len(chosen.missing)
        form.only_missing.hints = {  # type: ignore[attr-defined]  # read by forms.html
            "1": gettext("No usable code and no active [guardian]. This is the usual choice."),
            "0": ngettext("The code already given stays valid.", "The codes already given stay valid.", others) if others else "",
        }
        school = db.session.get_one(School, chosen.school_id) if chosen.school_id else None
        if school is not None:
            until = show_date(last_moment(school).date())
            form.quantity.description = gettext(
                "A code serves once: one is needed for each [guardian]. Valid for %(days)d days, until %(date)s.", days=life_of(school), date=until
            )
        counts = {f"{m}|{n}": _in_words(chosen, m == "1", n) for m in ("1", "0") for n in range(1, MOST + 1)}
        form.quantity.render_kw = {**form.quantity.render_kw, "data-counts": json.dumps(counts)}
        count, sentence, label = counts.get(f"{form.only_missing.data}|{form.quantity.data}", counts["1|1"])
        return {
            "title": gettext("Create activation codes"),
            "count": count,
            "count_sentence": sentence,
            "left_out": _left_out(chosen, others),
            "verb_label": label,
            "form_groups": [("", [(form.only_missing, 12), (form.quantity, 4)])],
            "steps": code_steps(),
            "step": 2,
            "after": gettext("Then print the letters, or stop there. A code made by mistake can be revoked as long as it has not been used."),
            "refusal": "" if chosen.present else gettext("Nobody in this selection can be given a code: they are deactivated."),
        }


def code_steps() -> list[str]:
    """From the students to the letters."""
    return [gettext("[Students] chosen"), gettext("Codes"), gettext("Letters")]


def _in_words(chosen: Chosen, only_missing: bool, quantity: int) -> tuple[int, str, str]:
    students = len(chosen.students(only_missing))
    n, total = students * quantity, len(chosen.present) + chosen.left
    who = ngettext("%(num)d [student] of the %(total)d chosen", "%(num)d [students] of the %(total)d chosen", students, total=total)
    sentence = ngettext("code will be created, for %(who)s.", "codes will be created, for %(who)s.", n, who=who)
    return n, sentence, ngettext("Create %(num)d code", "Create %(num)d codes", n) if n else gettext("Create the codes")


def _left_out(chosen: Chosen, others: int) -> str:
    sentences = []
    if others:
        sentences.append(
            ngettext(
                "%(num)d other already has a usable code or a [guardian] online.", "%(num)d others already have a usable code or a [guardian] online.", others
            )
        )
    if chosen.left:
        sentences.append(ngettext("%(num)d is deactivated and gets none.", "%(num)d are deactivated and get none.", chosen.left))
    return " ".join(sentences)
