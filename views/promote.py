"""Promoting students: another level for all that are chosen, their class emptied or kept."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField
from wtforms.validators import InputRequired

from models.people import Student
from models.school import Level
from views.fields import ShortRowField
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.verbs import verb


class PromoteForm(FlaskForm):
    """To which level."""

    level = ShortRowField(_("[Level]"), Level, "rank", allow_blank=False, validators=[InputRequired()])
    leave_class = BooleanField(_("Take them out of their class"), default=True)


class PromoteVerb:
    """Mixed into the screen of students."""

    @verb("promote", _("Promote"), ask=PromoteForm, icon="right")
    def promote(self, record: Student, level: Level, leave_class: bool) -> None:
        """Another level; the class is emptied unless somebody keeps it."""
        record.promote(level, leave_class=leave_class)

    def prepare_promote(self, selection: Any, form: Any) -> dict[str, Any]:
        """How many, and what becomes of the class."""
        return {
            "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count),
            "left_out": gettext("Their class is that of the [level] they leave: unless you keep it, they are in no class afterwards. It can be undone."),
            "verb_label": ngettext("Promote %(num)d [student]", "Promote %(num)d [students]", selection.count),
        }
