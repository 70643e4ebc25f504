"""The one base of every staff screen: gate, columns from the model's own labels, forms, saving, verbs.

A screen is a block of attributes with Flask-Admin's own names; this base adds `model` and `verb`. Nothing here decides:
rights come from models/rights.py, rows from models/scope.py, rules from the models.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import abort, g, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import rights
from models.base import Choice, Refusal
from models.changes import name_of
from models.custom_values import PREFIX
from models.db import BEGIN, db
from models.journal import record, screen_of
from models.reach import is_own, narrower
from models.scope import SCOPE, WHO
from views import export
from views.bulk_edit import BULK_EDIT, BulkEditing
from views.columns import Columns
from views.custom import CustomFields
from views.fields import Lookup, ScreenConverter
from views.formats import show
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.lists import Lists
from views.menu import beside
from views.rows import Rows
from views.saved_views import SavedViews
from views.saving import Saving
from views.saving import own_path as own_path  # (the other domains take it from here)
from views.verbs import Selection, Verb, run_verb

log = logging.getLogger("scolabri.views")

# Flask-Admin's own page functions and the verb that opens them; anything else is refused unless a gate says otherwise.
GATES = {"index_view": "read", "details_view": "read", "create_view": "create", "edit_view": "edit", "delete_view": "delete", "export": "export"}
GATES["bulk_edit_view"] = "edit"
GATES |= {"columns_view": "read", "views_view": "read"}  # what a person arranges for themselves; models/saved_view.py says more


def gate(verb: str, table: str | None = None) -> Any:
    """Say which right opens an exposed page of a screen."""

    def wrap(method: Any) -> Any:
        method._gate = (verb, table)
        return method

    return wrap


class Screen(BulkEditing, CustomFields, Saving, SavedViews, Columns, Lists, Rows, ModelView):
    """A table as a screen: list, search, filters, form, details, export and verbs, each behind its right."""

    model: Any = None
    icon = "file"
    name_of_one: Any = None
    add_label: Any = _("Add")
    save_label: Any = _("Save")
    empty: dict[str, Any] | None = None
    title_column = ""
    short_headings: dict[str, Any] = {}  # column -> what stands above it in the list, the whole label behind it
    # name -> (model, columns that are looked through[, rule of which rows are offered]), or a look-up of its own
    lookups: dict[str, Any] = {}
    verb_order: tuple[str, ...] = ()  # the verbs that come first, in the bar and in the menus
    views: list[dict[str, Any]] = []

    can_set_page_size = True
    page_size = 20
    column_display_pk = False
    column_editable_list = ()
    named_filter_urls = True
    export_types = ("xlsx", "csv")
    export_max_rows = 0
    form_args: dict[str, Any] | None = None
    form_base_class = BaseForm  # (a plain form of WTForms says its refusals in English)
    model_form_converter = ScreenConverter
    list_template = "admin/model/list.html"
    create_template = "admin/model/create.html"
    details_template = "admin/model/details.html"

    def __init__(self) -> None:
        self.table = screen_of(self.model.__mapper__)
        labels = {
            name: prop.info["label"] if "label" in prop.info else getattr(prop, "columns", [prop])[0].info.get("label")
            for name, prop in self.model.__mapper__.attrs.items()
            if "label" in prop.info or any("label" in getattr(c, "info", ()) for c in getattr(prop, "columns", ()))
        }
        # A form has room for the whole label; the short one is the column's.
        whole = {name: {"label": labels[name]} for name in self.column_labels or {} if name in labels and name in (self.form_columns or ())}
        given = self.form_args or {}
        self.form_args = {**given, **{name: {**label, **given.get(name, {})} for name, label in whole.items()}}
        self.column_labels = {**labels, **(self.column_labels or {})}
        self.form_ajax_refs = {name: spec if isinstance(spec, Lookup) else Lookup(name, *spec) for name, spec in self.lookups.items()}
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
        first = {name: place for place, name in enumerate(self.verb_order)}
        self._actions.sort(key=lambda action: first.get(action[0], len(first)))

    # -- rights

    def may(self, verb: str, table: str | None = None) -> bool:
        """The one question, asked of Flask-Principal: may this person do this verb on this screen?"""
        if not has_request_context():
            return True  # while the application is being built, nobody asks
        from views.auth import permitted

        return bool(permitted(table or self.table, verb))

    def verb_right(self, verb: Verb) -> tuple[str, str]:
        """(table, right) that opens a verb."""
        table, name = verb.right or (self.table, verb.name)
        return table or self.table, name

    def check_row(self, verb: str, row: Any) -> None:
        """Where the right reaches own rows only, or own students', refuse the others (403): the row is visible, the verb is not the person's."""
        self.check_own(verb, row)
        self.check_reach(verb, [row.id])

    def check_own(self, verb: str, row: Any) -> None:
        """The own-rows half of `check_row`: asks no database, so that a verb may ask it of each of its rows."""
        if rights.reach(WHO.get().roles, self.table, verb) == "o" and not self.is_own(row):
            self.refused(verb, row.id)
            abort(403)

    def check_each(self, verb: str, selection: Selection) -> None:
        """`check_own` of every chosen row, where it may refuse any; how far the verb reaches was asked once, of the whole selection."""
        if type(self).check_own is not Screen.check_own or rights.reach(WHO.get().roles, self.table, verb) == "o":
            for row in selection.records():
                self.check_own(verb, row)

    def narrower(self, verb: str) -> Any:
        """The clause of a verb that reaches less far than the list; None where there is none."""
        return narrower(self.model.__mapper__, SCOPE.get(), WHO.get().roles, verb)

    def check_reach(self, verb: str, ids: list[int]) -> None:
        """Refuse (403) rows that the person reads by one role, while the verb is another role's that does not reach them."""
        clause = self.narrower(verb)
        if clause is None:
            return
        with db.session.no_autoflush:
            reached = set(db.session.scalars(select(self.model.id).where(self.model.id.in_(ids), clause)))
        beyond = next((i for i in ids if i not in reached), None)
        if beyond is not None:
            self.refused(verb, beyond)
            abort(403)

    def shown(self) -> tuple[Any, ...]:
        """What a row must meet to stand on this screen, beside existing for the person."""
        return ()

    def is_own(self, row: Any) -> bool:
        """Whether the row is the person's own."""
        return is_own(row, WHO.get().eyes)

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
    def can_create(self) -> bool:
        """From the rights."""
        return bool(self.form_columns) and self.may("create")

    @property
    def can_edit(self) -> bool:
        """From the rights."""
        return bool(self.form_columns) and self.may("edit")

    @property
    def can_delete(self) -> bool:
        """From the rights."""
        return self.may("delete")

    @property
    def can_export(self) -> bool:
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
            allowed = self.may("read") and (self.can_edit or any(self.may(right, table) for table, right in map(self.verb_right, self.verbs.values())))
        elif name == "ajax_lookup":
            allowed = self.may("create") or self.may("edit") or any(self.may(right, table) for table, right in map(self.verb_right, self.verbs.values()))
        else:
            allowed = name in GATES and self.may(GATES[name])
            if name in ("create_view", "edit_view", "bulk_edit_view") and not self.form_columns:
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
        if not str(id).isdecimal() or len(str(id)) > 18:
            abort(400)
        statement = select(self.model).where(self.model.id == int(id), *self.shown())
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
        """Where the name in the list leads; what all rows share is worked out once a page."""
        shared = f"details_of_{self.table}"
        if shared not in g:
            setattr(g, shared, self.get_url(".details_view", url=self._get_list_url(self._get_list_extra_args())))
        return f"{g.get(shared)}&id={row.id}"

    def _get_list_value(self, context: Any, model: Any, name: str, column_formatters: Any, column_type_formatters: Any) -> Any:
        if name.startswith(PREFIX):
            return self.extra_value(model, name, whole=context is None)
        formatter = column_formatters.get(name)
        value = formatter(self, context, model, name) if formatter else self._get_field_value(model, name)
        return show(value)

    def get_export_value(self, model: Any, name: Any) -> Any:
        """The value as text; formulas are neutralised by the writer, once for all screens."""
        return self._get_list_value(None, model, name, self.column_formatters_export, {})

    def render(self, template: str, **kwargs: Any) -> str:
        """Add what our templates need to Flask-Admin's own context."""
        from views.history import section

        kwargs.setdefault("beside", beside(self.endpoint))
        if "data" in kwargs and "list_columns" in kwargs:
            kwargs.update(self.list_context(kwargs))
        if kwargs.get("form") is not None and "form_groups" not in kwargs:
            kwargs["form_groups"] = self.form_groups(kwargs["form"])
            kwargs.setdefault("save_label", self.save_label)
        if kwargs.get("model") is not None:
            if template == self.details_template:
                kwargs["history"] = section(self, kwargs["model"])
            kwargs.setdefault("record_title", name_of(kwargs["model"]))
            kwargs.setdefault("actions", [action for action in self.row_actions() if self.verb_fits(action[0], kwargs["model"])])
        return str(super().render(template, **kwargs))

    # -- verbs

    def is_action_allowed(self, name: str) -> bool:
        """Only declared verbs, each behind its own right; Flask-Admin's bulk delete is not one of them."""
        if name == BULK_EDIT:
            return has_request_context() and bool(self.bulk_names())
        found = getattr(self, "verbs", {}).get(name)
        return found is not None and self.may(*reversed(self.verb_right(found)))

    def row_actions(self) -> list[tuple[str, Any]]:
        """(name, words) of the person's verbs, as they are said of one row."""
        return [(name, getattr(self.verbs.get(name), "one", None) or text) for name, text in self.get_actions_list()[0] if name != BULK_EDIT]

    def verb_fits(self, verb: str, row: Any) -> bool:
        """Whether the row is in a state that the verb takes; asks no database. The menus hide the others, the model refuses them."""
        return True

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        """A verb on chosen rows: 403 without its right, 404 when a row does not exist for the person."""
        name = request.form.get("action", "")
        if name not in (*self.verbs, BULK_EDIT):
            abort(400)
        if not self.is_action_allowed(name):
            self.refused(name)
            abort(403)
        return self.ask_bulk_edit() if name == BULK_EDIT else run_verb(self, self.verbs[name])

    def back(self) -> ResponseReturnValue:
        """To where the person came from."""
        return redirect(own_path(request.form.get("url")) or self.get_url(".index_view"), code=303)

    def nothing_chosen(self) -> str:
        """When no row is ticked, or none matches."""
        return gettext("No row is chosen. Tick at least one.")

    def called(self, row: Any) -> str:
        """A row by its name, as a question or a message tells it."""
        return name_of(row)

    def ask_page(self, verb: Verb, selection: Any, form: Any, extra: dict[str, Any]) -> str:
        """The question page of a verb: who by name or how many, what is left out, the questions, one button."""
        names = selection.names()
        context = {
            "title": str(verb.text),
            "names": names,
            "count": None if len(names) == 1 else selection.count,  # its name says it
            "count_sentence": ngettext("record chosen.", "records chosen.", selection.count),
            "left_out": str(verb.confirm) if verb.confirm else "",
            "verb_label": str(verb.text),
            "danger": verb.danger,
            "back_url": own_path(request.form.get("url")) or self.get_url(".index_view"),
            "back_label": gettext("Back to the record") if "/details/" in request.form.get("url", "").partition("?")[0] else gettext("Back to the list"),
            "form_groups": [("", [(f, 12) for f in form if f.type not in ("CSRFTokenField", "HiddenField")])] if form is not None else None,
            **extra,
        }
        return self.render("admin/model/ask.html", form=form, ask_url=request.full_path.rstrip("?"), hidden=[*selection.hidden, ("_asked", "1")], **context)

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
