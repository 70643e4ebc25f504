"""Changing one field of many rows, on every screen with a form: the field, its value, what would change, then done and undoable.

A screen says which fields make sense with `bulk_edit_columns`; without it, those that are neither unique nor a name, as long as the
screen adds no rule of its own to saving. The school's own fields come with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.helpers import get_form_data
from sqlalchemy import Boolean, Date, Enum, Integer, Numeric, String, UniqueConstraint, select
from wtforms import BooleanField, Form, SelectField

from models.base import Choice, Refusal
from models.bulk_edit import BulkEdit, Plan, again, apply, ask, claim, plan, words_of_targets
from models.bulk_target import Target, withheld
from models.db import db
from models.scope import WHO
from models.work import Job, JobKind
from views.fields import looked_up
from views.formats import show
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.saving import Saving, own_path
from views.verbs import MOST_ROWS, Selection

if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base
else:
    Base = object

BULK_EDIT = "bulk_edit"
_KINDS = (String, Date, Boolean, Integer, Numeric, Enum)


class BulkEditing(Base):
    """The half of a `Screen` that changes one field of many rows."""

    table: str
    # Fields of the form that make sense for many rows at once; None: worked out; empty: none.
    bulk_edit_columns: tuple[str, ...] | None = None

    # -- which fields

    def bulk_names(self) -> list[str]:
        """The fields that the person may give to many rows; none for who does not edit."""
        if not self.can_edit:
            return []
        names = self._worked_out() if self.bulk_edit_columns is None else self.bulk_edit_columns
        if not names and self.bulk_edit_columns is not None:
            return []
        extra = [spec.name for spec in self.extra_specs() if spec.in_form]
        return [name for name in (*names, *extra) if name not in withheld(self.table)]

    def _worked_out(self) -> tuple[str, ...]:
        """Not what tells rows apart: unique columns, names that must be filled in. Nothing where the screen has rules of its own."""
        if type(self).on_model_change is not ModelView.on_model_change or type(self).edit_form is not Saving.edit_form:
            return ()
        table = self.model.__table__
        unique = {c for one in table.constraints if isinstance(one, UniqueConstraint) for c in one.columns} | {c for c in table.columns if c.unique}
        found = []
        for name in self.form_columns or ():
            try:
                target = Target(self.model, name)
            except KeyError:
                continue
            column = self.model.__mapper__.column_attrs[target.attribute].columns[0]
            named = isinstance(column.type, String) and not isinstance(column.type, Enum) and not target.may_be_empty and column.default is None
            if column not in unique and not named and (target.relation is not None or isinstance(column.type, _KINDS)):
                found.append(name)
        return tuple(found)

    @action(BULK_EDIT, _("Change a field"))
    def bulk_edit_action(self, _ids: Any) -> None:
        """Declared for the bar under the list; `action_view` leads to `ask_bulk_edit`."""

    def get_actions_list(self) -> Any:
        """Last in the bar of a list; a single record has its form."""
        actions, confirmations = super().get_actions_list()
        rest = [one for one in actions if one[0] != BULK_EDIT]
        if request.endpoint == f"{self.endpoint}.index_view":
            rest += [one for one in actions if one[0] == BULK_EDIT]
        return rest, confirmations

    # -- asking

    def ask_bulk_edit(self) -> ResponseReturnValue:
        """Which field, then which value; the rows are those ticked, or all that match."""
        selection = Selection.from_request(self, "read")
        if not selection.count:
            flash(self.nothing_chosen(), "warning")
            return self.back()
        fields = self._edit_form_class()
        names = [name for name in self.bulk_names() if name in fields]
        name = request.form.get("bulk_field", "")
        if name not in names:
            if name:
                abort(400)

            class WhichForm(Form):
                """Which field."""

                bulk_field = SelectField(gettext("Field"), choices={one: str(fields[one].label.text) for one in names})

            return self._ask(selection, WhichForm(), 1, gettext("Continue"))
        form = self.value_form(name)
        sent = request.form.get("_asked") == "1" and not looked_up(form)
        if not sent:
            return self._ask(selection, form, 2, gettext("See what changes"), name)
        empty = "bulk_empty" in form and form["bulk_empty"].data
        if not empty and not self._filled(form, name):
            return self._ask(selection, form, 2, gettext("See what changes"), name), 422
        try:
            made = ask(db.session, self.model, name, None if empty else form[name].data, selection.all_ids())
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            form[name].errors = [refusal.sentence]
            return self._ask(selection, form, 2, gettext("See what changes"), name), 422
        return redirect(self.get_url(".bulk_edit_view", id=made.id, url=own_path(request.form.get("url"))), code=303)

    def value_form(self, name: str) -> Any:
        """The field as the screen's own form has it, alone; and a tick for "nothing" where that is allowed."""
        target = Target(self.model, name)
        whole = self._edit_form_class
        if target.may_be_empty:
            whole = type(whole.__name__, (whole,), {"bulk_empty": BooleanField(gettext("Empty this field"))})
        form = whole(get_form_data() if "_asked" in request.form or "_look" in request.form else None)
        for other in [field.name for field in form if field.name not in (name, "bulk_empty")]:
            del form[other]
        return form

    @staticmethod
    def _filled(form: Any, name: str) -> bool:
        """Whether the value is there and right; nothing is no value unless somebody ticks that they want it empty."""
        good = bool(form.validate())
        if good and form[name].data in (None, ""):
            form[name].errors = [gettext("Fill in the new value, or tick “Empty this field”.") if "bulk_empty" in form else gettext("Fill in the new value.")]
            return False
        return good

    def _ask(self, selection: Selection, form: Any, step: int, button: str, name: str = "") -> str:
        known = [("bulk_field", name), ("_asked", "1")] if name else []
        return self.render(
            "admin/model/ask.html",
            title=gettext("Change a field of many records"),
            form=form,
            form_groups=[("", [(field, 12 if field.name == "bulk_empty" else 6) for field in form])],
            count=selection.count,
            count_sentence=ngettext("record chosen.", "records chosen.", selection.count),
            left_out=gettext("Nothing changes before you have seen each record as it is and as it would be."),
            verb_label=button,
            ask_url=request.full_path.rstrip("?"),
            hidden=[*selection.hidden, *known],
            steps=steps(),
            step=step,
            back_url=own_path(request.form.get("url")) or self.get_url(".index_view"),
        )

    # -- before, after, done

    def my_bulk_edit(self) -> BulkEdit:
        """What the person asked for on this screen; 404 for anybody else's."""
        self.need_id()
        found = db.session.get(BulkEdit, int(request.args["id"])) if len(request.args["id"]) < 19 else None
        if found is None or found.table_name != self.table or found.requested_by_id != WHO.get().user_id:
            abort(404)
        return found

    @expose("/bulk_edit/", methods=("GET", "POST"))
    def bulk_edit_view(self) -> ResponseReturnValue:
        """What would change, row by row; a POST does it once. Done, what was left as it is."""
        edit = self.my_bulk_edit()
        try:
            if request.method == "POST":
                return self._do_bulk_edit(edit)
            return self.bulk_edit_page(edit)
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(own_path(request.args.get("url")) or self.get_url(".index_view"), code=303)

    def _do_bulk_edit(self, edit: BulkEdit) -> ResponseReturnValue:
        back = own_path(request.args.get("url"))
        if request.form.get("again") and edit.done_at is not None:
            made = again(db.session, edit)
            db.session.commit()
            return redirect(self.get_url(".bulk_edit_view", id=made.id, url=back), code=303)
        here = self.get_url(".bulk_edit_view", id=edit.id, url=back)
        if not claim(db.session, edit):
            db.session.rollback()
            return redirect(here, code=303)
        if len(edit.rows) > MOST_ROWS:
            params = {"table": self.table, "verb": "edit", "edit_id": edit.id}
            job = Job.add(JobKind.bulk_edit, params, total=len(edit.rows), note=self.label_of(edit.field))
            db.session.flush()
            edit.job_id = job.id
            db.session.commit()
            return redirect(url_for("job.details_view", id=job.id), code=303)
        apply(db.session, edit)
        changed, left = edit.changed, edit.left_count
        db.session.commit()
        if changed:
            flash(ngettext("%(num)d record changed.", "%(num)d records changed.", changed), "success")
        return redirect(here if left or not changed else back or self.get_url(".index_view"), code=303)

    def bulk_edit_page(self, edit: BulkEdit) -> ResponseReturnValue:
        """The preview; the result once it is done; the work under way meanwhile."""
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        here = self.get_url(".bulk_edit_view", id=edit.id, url=own_path(request.args.get("url")))
        context = {"edit": edit, "label": self.label_of(edit.field), "back_url": back, "here": here}
        if edit.done_at is not None:
            left = [{"name": name, "reason": reason} for _id, name, reason, _again in edit.left]
            return self.render("admin/bulk_edit/done.html", **context, left=left, can_ask=any(line[3] for line in edit.left), undo_url=_undo_url(edit))
        if edit.asked_at is not None and edit.job_id is not None:
            return redirect(url_for("job.details_view", id=edit.job_id), code=303)
        shown = plan(db.session, edit)
        told = self._told(edit, shown)
        return self.render(
            "admin/bulk_edit/preview.html",
            **context,
            plan=shown,
            after=told(Target(self.model, edit.field).of(Target(self.model, edit.field).unpack(db.session, edit.value))),
            tally=[(told(before), n) for before, n in shown.tally.most_common()],
            lines=[(name, told(one.before)) for name, one in shown.changing],
            steps=steps(),
            later=len(edit.rows) > MOST_ROWS,
        )

    def _told(self, edit: BulkEdit, shown: Plan) -> Any:
        """How a stored value is said: rows by name, choices and the school's fields in words."""
        target = Target(self.model, edit.field)
        wanted = target.of(target.unpack(db.session, edit.value))
        names = words_of_targets(db.session, edit, {i for i in (*shown.tally, wanted) if i is not None}) if target.relation is not None else {}
        form = self._edit_form_class()
        listed = edit.field in form and form[edit.field].type == "SelectField"  # texts that the form offers in words, such as languages
        offered = {one.value: str(one.label) for one in form[edit.field].iter_choices()} if listed else {}

        def say(value: Any) -> str:
            if value is None:
                return gettext("empty")
            if target.relation is not None:
                return names.get(value, gettext("no. %(number)d", number=value))
            if target.spec is not None:
                return str(show(target.spec.value(value)))
            return offered.get(value) or str(value.label if isinstance(value, Choice) else show(value))

        return say

    def label_of(self, name: str) -> str:
        """The words of a field, as the form has them."""
        form = self._edit_form_class()
        return str(form[name].label.text) if name in form else name


def result_url(job: Job) -> str:
    """The page that tells which rows a change of many left, for whoever asked for it; empty when there is none."""
    edit = db.session.scalar(select(BulkEdit).where(BulkEdit.job_id == job.id)) if job.kind is JobKind.bulk_edit else None
    mine = edit is not None and edit.requested_by_id == WHO.get().user_id and edit.left_count > 0
    return url_for(f"{edit.table_name}.bulk_edit_view", id=edit.id) if edit is not None and mine else ""


def _undo_url(edit: BulkEdit) -> str:
    """Where what was done is taken back; empty when it is not this person's to take back."""
    from views.history_undo import batch_undo_url

    return batch_undo_url(edit.batch)


def steps() -> list[str]:
    """From the field to the check."""
    return [gettext("Field"), gettext("New value"), gettext("Before and after")]
