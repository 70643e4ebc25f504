"""Saved views of a list: the list's own address under a name, as tabs above it. Works on every screen.

What is kept of an address is its search, filters, order, size and columns; never a page, a record or where to go back to. An order is
kept by the column's name, so that a view outlives a list whose columns change. What no longer exists when a view is opened is left
out and told. The rules on who may do what stand in models/saved_view.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length

from models import saved_view
from models.base import Refusal
from models.custom_values import FieldKind
from models.db import db
from models.saved_view import LONGEST_NAME, SavedView, may_change, may_delete, may_share, views_of
from models.scope import WHO
from views.columns import COLUMNS
from views.custom import fields_of
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.lists import MOST_FILTERS
from views.saving import own_path
from views.security import is_read

if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base
else:
    Base = object

SAVED, NO_VIEW = "saved", "0"
FOR = "for"  # the verb for which a list was opened (views/code_pages.py)
_FILTER = re.compile(r"flt(\d{0,3})_(.+)")
_LEFT = {SAVED, FOR, "page", "url", "id", "csrf_token"}  # never part of a view
_PLAIN = re.compile(r"[A-Za-z][\w.]{0,60}")  # other arguments that a screen may have of its own (a language)


class SaveViewForm(FlaskForm):
    """Under which name, for whom."""

    name = StringField(_("Name of the view"), validators=[InputRequired(), Length(max=LONGEST_NAME)])
    shared = BooleanField(_("Share it with the colleagues who read this list"))
    is_default = BooleanField(_("Open the list with this view"))


@dataclass(frozen=True)
class Opened:
    """A view as it can be opened today: the arguments of its address, and the words of what had to be left out."""

    args: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


class SavedViews(Base):
    """The saved views of a `Screen`."""

    @property
    def saved_views(self) -> list[SavedView]:
        """Those that exist for the person, asked for once a request."""
        known: dict[str, list[SavedView]] = g.setdefault("saved_views", {})
        if self.table not in known:
            known[self.table] = views_of(db.session, self.table)
        return known[self.table]

    @property
    def present_view(self) -> SavedView | None:
        """The one that the address names; an unknown one is none."""
        named = request.args.get(SAVED, "")
        return next((view for view in self.saved_views if str(view.id) == named), None)

    @property
    def default_view(self) -> SavedView | None:
        """The one with which the list opens."""
        return next((view for view in self.saved_views if view.is_default and may_change(view)), None)

    def plain_url(self) -> str:
        """The list with nothing chosen."""
        return str(self.get_url(".index_view", **({SAVED: NO_VIEW} if self.default_view is not None else {})))

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        """The list; opened without a word, the person's own default view of it."""
        if not set(request.args) - {SAVED}:
            named = request.args.get(SAVED)
            view = self.default_view if named is None else self.present_view
            if view is None and named not in (None, NO_VIEW):
                abort(404)
            if view is not None and self.opened(view).args:
                return redirect(self.view_url(view))
        answer: ResponseReturnValue = super().index_view()
        return answer

    # -- addresses

    def kept_args(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The query string of a view: what says which rows and columns the list shows, always written the same way."""
        filters: list[tuple[int, str, str]] = []
        rest: dict[str, str] = {}
        for name, value in pairs:
            found = _FILTER.fullmatch(name)
            if not value.strip() or name in _LEFT or (name != "sort" and not is_read(name, value)):
                continue
            if found:
                filters.append((int(found[1] or 0), found[2], value))
            elif _PLAIN.fullmatch(name):
                rest.setdefault(name, value)
        place = rest.get("sort", "")
        if place.isdecimal():
            del rest["sort"]
            column = self._get_column_by_idx(int(place)) if is_read("sort", place) else None
            rest |= {"sort": str(column[0])} if column is not None else {}
        if "sort" not in rest or rest.get("desc") == "0":
            rest.pop("desc", None)
        if rest.get("page_size") == str(self.page_size):
            del rest["page_size"]
        filters.sort(key=lambda item: item[0])
        return urlencode([*((f"flt{n}_{arg}", value) for n, (_place, arg, value) in enumerate(filters[:MOST_FILTERS])), *sorted(rest.items())])

    def opened(self, view: SavedView) -> Opened:
        """What of a view still exists: its filters, columns and order."""
        args: list[tuple[str, str]] = []
        left: list[str] = []
        filters, offered = self._filter_args, self.offered_columns
        for name, value in parse_qsl(view.query):
            found = _FILTER.fullmatch(name)
            if found:
                known = filters.get(found[2])
                if known is None or not known[1].validate(value):
                    left.append(str(known[1].name) if known is not None else self._lost(found[2]))
                    continue
            elif name == COLUMNS:
                names = value.split(",")
                left += [self._lost(one) for one in names if one not in offered]
                value = ",".join(self.choose(names))
            elif name == "sort":
                place = self.sort_place(value)
                if place < 0:
                    left.append(self._lost(value))
                    continue
                value = str(place)
            if value:
                args.append((name, value))
        return Opened(tuple(args), tuple(dict.fromkeys(left)))

    def _lost(self, name: str) -> str:
        """The words of a filter or column that is no longer offered: a withdrawn field still knows its name."""
        bare = name if name in {spec.name for spec in fields_of(self.table)} else name.rpartition(".")[0] or name
        field = next((spec.label for spec in fields_of(self.table) if spec.name == bare), None)
        return field or str(self.column_labels.get(bare, bare))

    def view_url(self, view: SavedView) -> str:
        """The address of the list as the view shows it."""
        return f"{self.get_url('.index_view')}?{urlencode([*self.opened(view).args, (SAVED, str(view.id))])}"

    # -- what the list shows

    def list_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """The tabs, the menus of views and columns, and what every form of the list sends along."""
        found: dict[str, Any] = super().list_context(context)
        here = self.present_view
        query = self.kept_args(request.args.items())
        kept = [(name, request.args[name]) for name in (COLUMNS, SAVED, FOR) if request.args.get(name)]
        found.update(
            tabs=self.tabs(here),
            kept=kept,
            clear_url=self._url_with(kept) if kept else self.plain_url(),
            columns_menu=self.columns_menu(),
            columns_args=[(name, value) for name, value in request.args.items() if name not in (COLUMNS, "page", "url")],
            usual_columns_url=self._url_with([(name, value) for name, value in request.args.items() if name not in (COLUMNS, "page", "url")]),
            sort_places={name: self.sort_place(name) for name, _label in self._list_columns},
            number_columns=(*self.number_columns, *self.extra_names(FieldKind.number)),
            nowrap_columns=(*self.nowrap_columns, *self.extra_names(FieldKind.date)),
            view_query=query,
            present_view=here,
            view_changed=here is not None and query != self.kept_args(self.opened(here).args),
            view_left_out=self.opened(here).left_out if here is not None else (),
            view_own=here is not None and may_change(here),
            view_deletable=here is not None and may_delete(here),
            view_url=self.view_url(here) if here is not None else "",
            may_share_views=may_share(WHO.get().roles, self.table),
        )
        return found

    def _url_with(self, pairs: list[tuple[str, str]]) -> str:
        return f"{self.get_url('.index_view')}?{urlencode(pairs)}" if pairs else self.plain_url()

    def tabs(self, here: SavedView | None) -> list[dict[str, Any]]:
        """The screen's own tabs with the columns that the person chose, then the saved views."""
        index = str(self.get_url(".index_view"))
        columns = {COLUMNS: request.args[COLUMNS]} if request.args.get(COLUMNS) and here is None else {}
        own = []
        for tab in self.views:
            path, _mark, query = tab["url"].partition("?")
            args = {**dict(parse_qsl(query)), **(columns if path == index else {})}
            url = f"{path}?{urlencode(args)}" if args else self.plain_url() if path == index else path
            own.append({**tab, "url": url, "current": tab["current"] and here is None})
        saved = [{"label": view.name, "url": self.view_url(view), "current": view is here, "n": None} for view in self.saved_views]
        if saved and not own:
            own = [{"label": gettext("Whole list"), "url": self.plain_url(), "current": here is None, "n": None}]
        return [*own, *saved]

    # -- what is done to a view

    @expose("/views/", methods=("POST",))
    def views_view(self) -> ResponseReturnValue:
        """Save the list as a view, or change one."""
        deed = request.form.get("do", "")
        if deed == "save":
            return self._save_view()
        deeds: dict[str, Callable[[SavedView], None]] = {
            "overwrite": self._overwrite,
            "rename": lambda view: saved_view.rename(db.session, view, request.form.get("name", "")),
            "share": lambda view: saved_view.share(view, on=True),
            "unshare": lambda view: saved_view.share(view, on=False),
            "default": lambda view: saved_view.make_default(db.session, view, on=True),
            "not_default": lambda view: saved_view.make_default(db.session, view, on=False),
        }
        if deed not in deeds and deed != "delete":
            abort(400)
        view = self._posted_view()
        if not (may_delete(view) if deed == "delete" else may_change(view)):
            self.refused(f"view_{deed}")
            abort(403)
        if deed == "delete":
            return self._delete_view(view)
        before = self.view_url(view)
        try:
            deeds[deed](view)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(before, code=303)
        flash(gettext("The view “%(name)s” is changed.", name=view.name), "success")
        return redirect(self.view_url(view), code=303)

    def _overwrite(self, view: SavedView) -> None:
        view.query = self.kept_args(parse_qsl(request.form.get("query", "")))

    def _posted_view(self) -> SavedView:
        """The view that the form is about; a colleague's own, or one of another list, is not there (404)."""
        view = next((view for view in self.saved_views if str(view.id) == request.form.get("id")), None)
        if view is None:
            abort(404)
        return view

    def _save_view(self) -> ResponseReturnValue:
        query = self.kept_args(parse_qsl(request.form.get("query", "")))
        form = SaveViewForm()
        if not may_share(WHO.get().roles, self.table):
            del form.shared
        if form.validate():
            try:
                shared = bool(form.shared.data) if "shared" in form else False
                view = saved_view.save(db.session, self.table, form.name.data or "", query, shared=shared, default=form.is_default.data)
                db.session.commit()
            except Refusal as refusal:
                db.session.rollback()
                form.name.errors = [refusal.sentence]
            else:
                g.pop("saved_views", None)
                flash(gettext("The view “%(name)s” is saved: it stands above the list.", name=view.name), "success")
                return redirect(self.view_url(view), code=303)
        back = own_path(request.form.get("url")) or self.get_url(".index_view")
        page = self.render(
            "admin/model/ask.html",
            title=gettext("Save this view"),
            form=form,
            form_groups=[("", [(field, 12) for field in form if field.type != "CSRFTokenField"])],
            verb_label=gettext("Save the view"),
            ask_url=self.get_url(".views_view"),
            hidden=[("do", "save"), ("query", query), ("url", back)],
            back_url=back,
        )
        return page, 422

    def _delete_view(self, view: SavedView) -> ResponseReturnValue:
        if request.form.get("_asked") == "1":
            name = view.name
            db.session.delete(view)
            db.session.commit()
            g.pop("saved_views", None)
            flash(gettext("The view “%(name)s” is deleted.", name=name), "success")
            return redirect(self.plain_url(), code=303)
        sentence = gettext("The list itself does not change.")
        if view.shared:
            sentence = gettext("Your colleagues no longer see it either. The list itself does not change.")
        return self.render(
            "admin/model/delete.html",
            title=gettext("Delete the view “%(name)s”?", name=view.name),
            sentence=sentence,
            delete_url=self.get_url(".views_view"),
            hidden=[("do", "delete"), ("id", view.id), ("_asked", "1")],
            button=gettext("Delete the view"),
            back_url=self.view_url(view),
        )
