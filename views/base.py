"""The one base of every staff screen: gate, columns from the model's own labels, forms, saving, verbs.

A screen is a block of attributes with Flask-Admin's own names; this base adds `model` and `verb`. Nothing here decides:
rights come from models/rights.py, rows from models/scope.py, rules from the models.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import abort, flash, g, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.exc import StaleDataError
from wtforms import Form

from models import rights
from models.base import Choice, Refusal
from models.db import BEGIN, db
from models.journal import record, screen_of
from models.scope import WHO
from views import export
from views.fields import Lookup, ScreenConverter, VersionField, mark_is_current, version_mark
from views.formats import show
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.lists import Lists
from views.verbs import Verb, run_verb

log = logging.getLogger("scolabri.views")

# Flask-Admin's own page functions and the verb that opens them; anything else is refused unless a gate says otherwise.
GATES = {"index_view": "read", "details_view": "read", "create_view": "create", "edit_view": "edit", "delete_view": "delete", "export": "export"}


def gate(verb: str, table: str | None = None) -> Any:
    """Say which right opens an exposed page of a screen."""

    def wrap(method: Any) -> Any:
        method._gate = (verb, table)
        return method

    return wrap


def own_path(url: str | None) -> str | None:
    """A path of this site, or None: no host, no scheme, no backslash, no control character (security case 85)."""
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")) or "\\" in url or any(ord(c) < 32 for c in url):
        return None
    return url


class Screen(Lists, ModelView):
    """A table as a screen: list, search, filters, form, details, export and verbs, each behind its right."""

    model: Any = None
    icon = "file"
    name_of_one: Any = None
    add_label: Any = _("Add")
    save_label: Any = _("Save")
    empty: dict[str, Any] | None = None
    title_column = ""
    form_sections: tuple[tuple[Any, tuple[tuple[str, int], ...]], ...] = ()
    lookups: dict[str, tuple[type, tuple[str, ...]]] = {}
    views: list[dict[str, Any]] = []
    columns_read_only: tuple[str, ...] = ()

    can_set_page_size = True
    page_size = 20
    column_display_pk = False
    column_editable_list = ()
    named_filter_urls = True
    export_types = ("csv", "xlsx")
    export_max_rows = 0
    form_base_class = Form
    model_form_converter = ScreenConverter
    list_template = "admin/model/list.html"
    create_template = "admin/model/create.html"
    details_template = "admin/model/details.html"

    def __init__(self) -> None:
        self.table = screen_of(self.model.__mapper__)
        labels = {
            name: prop.info["label"] if "label" in prop.info else getattr(prop, "columns", [prop])[0].info.get("label")
            for name, prop in self.model.__mapper__.attrs.items()
            if "label" in prop.info or any("label" in c.info for c in getattr(prop, "columns", ()))
        }
        self.column_labels = {**labels, **(self.column_labels or {})}
        self.form_ajax_refs = {name: Lookup(name, model, columns) for name, (model, columns) in self.lookups.items()}
        super().__init__(self.model, db, name=self.name, endpoint=self.table, url=f"/admin/{self.table}")
        self.title_column = self.title_column or self.column_list[0]
        declared = set(self.form_columns or ())
        states = {"status", "state"} & declared
        if states:
            raise TypeError(f"{type(self).__name__}: a state never appears in a form: {states}")
        self.verbs: dict[str, Verb] = {}
        for attribute in vars(type(self)) if type(self) is Screen else dir(type(self)):
            found = getattr(getattr(type(self), attribute, None), "_verb", None)
            if found is not None:
                self.verbs[found.name] = found

    # -- rights

    def may(self, verb: str, table: str | None = None) -> bool:
        """The one question, asked of Flask-Principal: may this person do this verb on this screen?"""
        if not has_request_context():
            return True  # while the application is being built, nobody asks
        from views.auth import permitted

        return bool(permitted(table or self.table, verb))

    def verb_right(self, verb: Verb) -> tuple[str, str]:
        """(table, right) that opens a verb."""
        return verb.right or (self.table, verb.name)

    def check_row(self, verb: str, row: Any) -> None:
        """Where the right reaches own rows only, refuse the others (403): the row is visible, the verb is not the person's."""
        if rights.reach(WHO.get().roles, self.table, verb) == "o" and not self.is_own(row):
            self.refused(verb, row.id)
            abort(403)

    def is_own(self, row: Any) -> bool:
        """Whether the row is the person's own."""
        me = WHO.get().user_id
        return me is not None and me in (getattr(row, "owner_id", None), getattr(row, "requested_by_id", None), getattr(row, "user_id", None))

    def refused(self, verb: str, row_id: int | None = None) -> None:
        """One line in the history, in a transaction of its own: what was being done is rolled back."""
        db.session.rollback()
        token = BEGIN.set("IMMEDIATE")
        try:
            record(db.session, f"refused_{verb}"[:200], self.table, row_id)
            db.session.commit()
        finally:
            BEGIN.reset(token)

    @property
    def can_create(self) -> bool:  # type: ignore[override]
        """From the rights."""
        return bool(self.form_columns) and self.may("create")

    @property
    def can_edit(self) -> bool:  # type: ignore[override]
        """From the rights."""
        return bool(self.form_columns) and self.may("edit")

    @property
    def can_delete(self) -> bool:  # type: ignore[override]
        """From the rights."""
        return self.may("delete")

    @property
    def can_export(self) -> bool:  # type: ignore[override]
        """From the rights."""
        return self.may("export")

    can_view_details = True

    def is_accessible(self) -> bool:
        """Whether the menu shows the screen and its pages open at all."""
        return bool(current_user.is_authenticated) and self.may("read")

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        """The one gate: page function -> verb; no session goes to the login page, no right is 403, an unknown page is 403."""
        if not current_user.is_authenticated:
            return redirect(url_for("auth.login", next=own_path(request.full_path.rstrip("?")) if request.method == "GET" else None))
        method = getattr(type(self), name, None)
        custom = getattr(method, "_gate", None)
        if custom:
            allowed = self.may(custom[0], custom[1])
        elif name == "action_view":
            allowed = self.may("read") and any(self.may(right, table) for table, right in map(self.verb_right, self.verbs.values()))
        elif name == "ajax_lookup":
            allowed = self.may("create") or self.may("edit") or any(self.may(right, table) for table, right in map(self.verb_right, self.verbs.values()))
        else:
            allowed = name in GATES and self.may(GATES[name])
            if name in ("create_view", "edit_view") and not self.form_columns:
                allowed = False
        if not allowed:
            self.refused(GATES.get(name, name))
            abort(403)
        return None

    def _run_view(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        return fn(self, *args, **kwargs)

    # -- rows

    def get_one(self, id: Any) -> Any:
        """The row of this identifier when it exists for this person; else 404, the same for unknown and foreign."""
        if not str(id).isdigit() or len(str(id)) > 18:
            abort(400)
        statement = select(self.model).where(self.model.id == int(id))
        if request.method == "POST" and db.engine.dialect.name == "postgresql":
            statement = statement.with_for_update(of=self.model)
        row = db.session.scalar(statement.options(*self.detail_options()))
        if row is None:
            abort(404)
        return row

    def detail_options(self) -> tuple[Any, ...]:
        """Relations that details and form show."""
        relations = self.model.__mapper__.relationships
        shown = [c for c, _label in getattr(self, "_details_columns", ())]
        return tuple(joinedload(getattr(self.model, n)) for n in shown if n in relations and not relations[n].uselist)

    def export_joins(self) -> tuple[Any, ...]:
        """Relations that the export shows."""
        relations = self.model.__mapper__.relationships
        names = dict.fromkeys(c.split(".")[0] for c, _label in self._export_columns)
        return tuple(joinedload(getattr(self.model, n)) for n in names if n in relations and not relations[n].uselist)

    def row_url(self, row: Any) -> str:
        """Where the name in the list leads."""
        return str(self.get_url(".details_view", id=row.id, url=self._get_list_url(self._get_list_extra_args())))

    def _get_list_value(self, context: Any, model: Any, name: str, column_formatters: Any, column_type_formatters: Any) -> Any:
        formatter = column_formatters.get(name)
        value = formatter(self, context, model, name) if formatter else self._get_field_value(model, name)
        return show(value)

    def get_export_value(self, model: Any, name: Any) -> Any:
        """The value as text; formulas are neutralised by the writer, once for all screens."""
        return self._get_list_value(None, model, name, self.column_formatters_export, {})

    # -- forms

    def scaffold_form(self) -> Any:
        """Flask-Admin's form and the signed version."""
        form = super().scaffold_form()
        form.row_version = VersionField()
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """The mark is that of the row as it is opened; a posted mark stays the person's."""
        form = super().edit_form(obj)
        if request.method == "GET" and hasattr(form, "row_version"):
            form.row_version.data = version_mark(obj)
        return form

    def form_groups(self, form: Any) -> list[tuple[Any, list[tuple[Any, int]]]]:
        """The form's fields in their sections; fields that a section forgot come last, so that none is lost."""
        groups, used = [], set()
        for title, members in self.form_sections:
            fields = [(form[name], span) for name, span in members if name in form]
            used.update(name for name, _span in members)
            if fields:
                groups.append((title, fields))
        rest = [(f, 6) for f in form if f.short_name not in used and f.type not in ("VersionField", "CSRFTokenField", "HiddenField")]
        return [*groups, ("", rest)] if rest else groups

    def render(self, template: str, **kwargs: Any) -> str:
        """Add what our templates need to Flask-Admin's own context."""
        if "data" in kwargs and "list_columns" in kwargs:
            kwargs.update(self.list_context(kwargs))
        if kwargs.get("form") is not None and "form_groups" not in kwargs:
            kwargs["form_groups"] = self.form_groups(kwargs["form"])
            kwargs.setdefault("save_label", self.save_label)
        if kwargs.get("model") is not None:
            kwargs.setdefault("record_title", str(kwargs["model"]))
            kwargs.setdefault("actions", self.get_actions_list()[0])
        return str(super().render(template, **kwargs))

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """An invalid form is 422 and keeps its input."""
        return self._status(super().create_view())

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        """An invalid form is 422; a row saved meanwhile by somebody else is 409, with both values."""
        self.need_id()
        answer = super().edit_view()
        if g.get("conflict"):
            return answer, 409
        return self._status(answer)

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """One record."""
        self.need_id()
        return super().details_view()

    def need_id(self) -> None:
        """A page about one record needs one identifier."""
        if not request.args.get("id", "").isdigit():
            abort(400)

    @staticmethod
    def _status(answer: Any) -> ResponseReturnValue:
        return (answer, 422) if request.method == "POST" and isinstance(answer, str) else answer

    def create_model(self, form: Any) -> Any:
        """Flask-Admin's, but a refusal is told beside its field where it has one."""
        return super().create_model(form)

    def update_model(self, form: Any, model: Any) -> bool:
        """Compare the form's mark first: `version_id_col` alone lets the second person win silently."""
        self.check_row("edit", model)
        if hasattr(model, "version") and not mark_is_current(form.row_version.data, model):
            g.conflict = [
                {"label": f.label.text, "theirs": show(getattr(model, f.name)), "yours": show(f.data)}
                for f in form
                if hasattr(model, f.name) and f.type != "VersionField" and getattr(model, f.name) != f.data
            ]
            form.row_version.data = version_mark(model)
            form.row_version.raw_data = None
            return False
        return bool(super().update_model(form, model))

    @property
    def edit_template(self) -> str:  # type: ignore[override]
        """The conflict page when somebody saved meanwhile."""
        return "admin/model/conflict.html" if has_request_context() and g.get("conflict") else self.form_template

    form_template = "admin/model/edit.html"

    def handle_view_exception(self, exc: Exception) -> bool:
        """A refusal is its sentence; a broken constraint is "not saved"; anything else is a fault and stays one (500)."""
        if isinstance(exc, Refusal):
            flash(exc.sentence, "danger")
        elif isinstance(exc, StaleDataError):
            flash(gettext("Somebody changed this record while you were writing. Open it again, compare, then save."), "danger")
        elif isinstance(exc, IntegrityError):
            log.warning("integrity error on %s", self.table, extra={"table": self.table})
            flash(gettext("Not saved: another record already has this value, or something else depends on this one."), "danger")
        else:
            raise exc
        return True

    # -- delete

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> ResponseReturnValue:
        """Asks first, on a page of its own; then deletes, or refuses with the reason."""
        identifier = request.form.get("id", "")
        row = self.get_one(identifier)
        self.check_row("delete", row)
        back = own_path(request.form.get("url")) or self.get_url(".index_view")
        refusal = self.delete_refusal(row)
        if refusal is None and request.form.get("_asked") == "1":
            title = str(row)
            if self.delete_model(row):
                flash(gettext("%(name)s: deleted.", name=title), "success")
                return redirect(back if "/details/" not in back else self.get_url(".index_view"))
            return redirect(back)
        page = self.render(
            "admin/model/delete.html",
            title=gettext("Delete %(name)s?", name=str(row)),
            sentence=self.delete_sentence(row),
            refusal=refusal,
            delete_url=self.get_url(".delete_view"),
            hidden=[("id", identifier), ("url", back), ("_asked", "1")],
            button=gettext("Delete %(name)s", name=str(row)),
            back_url=back,
        )
        return (page, 409) if refusal and request.form.get("_asked") == "1" else page

    def delete_refusal(self, row: Any) -> str | None:
        """Why this row cannot be deleted, with what to do instead; None when it can."""
        return None

    def delete_sentence(self, row: Any) -> str:
        """What goes with the row."""
        return gettext("This cannot be undone.")

    # -- verbs

    def is_action_allowed(self, name: str) -> bool:
        """Only declared verbs, each behind its own right; Flask-Admin's bulk delete is not one of them."""
        found = getattr(self, "verbs", {}).get(name)
        return found is not None and self.may(*reversed(self.verb_right(found)))

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        """A verb on chosen rows: 403 without its right, 404 when a row does not exist for the person."""
        name = request.form.get("action", "")
        if name not in self.verbs:
            abort(400)
        if not self.is_action_allowed(name):
            self.refused(name)
            abort(403)
        return run_verb(self, self.verbs[name])

    def back(self) -> ResponseReturnValue:
        """To where the person came from."""
        return redirect(own_path(request.form.get("url")) or self.get_url(".index_view"), code=303)

    def nothing_chosen(self) -> str:
        """When no row is ticked, or none matches."""
        return gettext("No row is chosen. Tick at least one.")

    def ask_page(self, verb: Verb, selection: Any, form: Any, extra: dict[str, Any]) -> str:
        """The question page of a verb: how many, what is left out, the questions, one button."""
        context = {
            "title": str(verb.text),
            "count": selection.count,
            "count_sentence": ngettext("record chosen.", "records chosen.", selection.count),
            "left_out": str(verb.confirm) if verb.confirm else "",
            "verb_label": str(verb.text),
            "danger": verb.danger,
            "back_url": own_path(request.form.get("url")) or self.get_url(".index_view"),
            "form_groups": [("", [(f, 12) for f in form if f.type not in ("CSRFTokenField", "HiddenField")])] if form is not None else None,
            **extra,
        }
        return self.render(
            "admin/model/ask.html", form=form, ask_url=request.full_path.rstrip("?"), hidden=[*selection.hidden, ("_asked", "1")], **context
        )

    def refusal_page(self, refusal: Refusal) -> ResponseReturnValue:
        """A rule of the model said no: nothing was changed."""
        return self.back()

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> ResponseReturnValue:
        """The rows that match, in the list's columns."""
        return export.export(self, export_type)

    @expose("/ajax/update/", methods=("POST",))
    def ajax_update(self) -> ResponseReturnValue:
        """Editing in the list does not exist here: the gate refuses it before."""
        abort(404)


def tone(choice: Any) -> Any:
    """A choice as its badge, in a column formatter."""
    return choice if isinstance(choice, Choice) else show(choice)
