"""Promoting students: another level for all that are chosen, their class emptied or kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from wtforms import BooleanField
from wtforms.validators import InputRequired

from models.class_lists import pieces
from models.db import db
from models.people import Student
from models.school import Level, School
from models.scope import current_school_id
from models.year_proposals import propose_next
from views.fields import ShortRowField
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.question_forms import QuestionForm
from views.verbs import Selection, verb


class PromoteForm(QuestionForm):
    """To which level, out of the class or not."""

    level = ShortRowField(_("[Level]"), Level, "rank", allow_blank=False, validators=[InputRequired()])
    leave_class = BooleanField(_("Take them out of their class"))

    def __init__(self) -> None:
        super().__init__()
        self.level.blank = True  # shown; the form refuses it
        self.usual(leave_class=True)


class PromoteVerb:
    """Mixed into the screen of students."""

    @verb("promote", _("Change [level]"), ask=PromoteForm, icon="right")
    def promote(self, record: Student, level: Level, leave_class: bool) -> None:
        """Another level; the class is emptied unless somebody keeps it."""
        record.promote(level, leave_class=leave_class)

    def prepare_promote(self, selection: Selection, form: PromoteForm) -> dict[str, Any]:
        """How many, what becomes of class and programme; the next level where they all come from one, else none until somebody chooses."""
        if not form.asked:
            form.usual(level=_next_of(selection.all_ids()))
        return {
            "count_sentence": ngettext("[student] chosen.", "[students] chosen.", selection.count),
            "left_out": gettext(
                "Their class is that of the [level] they leave: unless you keep it, they are in no class afterwards. Their [programme] does not change."
                " It can be undone."
            ),
            "verb_label": ngettext("Change the [level] of %(num)d [student]", "Change the [level] of %(num)d [students]", selection.count),
        }


def _next_of(ids: list[int]) -> Level | None:
    """What follows the one level of these students; None where they have several or none."""
    found: set[int | None] = set()
    for piece in pieces(ids):
        found |= set(db.session.scalars(select(Student.level_id).where(Student.id.in_(piece)).distinct()))
    only = found.pop() if len(found) == 1 else None
    return propose_next(db.session, only, db.session.get_one(School, current_school_id()).country) if only is not None else None
