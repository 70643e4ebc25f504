"""The form half of a screen: fields in sections, the signed version, refusals beside what was typed, deleting after a question."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from flask import abort, flash, g, has_request_context, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.babel import gettext as admin_text
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import NotFound
from wtforms import SelectField

from models.base import Refusal
from models.changes import KEPT, is_final, name_of
from models.db import db
from models.scope import SchoolScoped
from models.undo_steps import LEFT
from views.fields import VersionField, looked_up, mark_is_current, mark_was_given, version_mark
from views.formats import show
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _

log = logging.getLogger("scolabri.views")


def own_path(url: str | None) -> str | None:
    """A path of this site, or None: no host, no scheme, no backslash, no control character (security case 85)."""
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")) or "\\" in url or any(ord(c) < 32 for c in url):
        return None
    return url


def list_path(url: str | None) -> str | None:
    """The list from which an address of this site was opened, its filters included: the page of one record carries it as its own `url`."""
    found = own_path(url)
    while found and "/details/" in urlsplit(found).path:
        found = own_path(parse_qs(urlsplit(found).query).get("url", [""])[0])
    return found


def in_words(field: Any, value: Any) -> Any:
    """A value of a field as people read it: of a list, the line that they choose by."""
    if isinstance(field, SelectField) and isinstance(value, str):
        return {str(key): label for key, label, *_rest in field.iter_choices()}.get(value, value)
    return show(value)


def refuse_double(row: Any) -> None:
    """Refused: a row of the school that says the same as another where the table wants each to differ (a code, a name, a term).

    Only what this person sees is told; the database refuses the rest, and what comes at the same moment.
    """
    model: Any = type(row)
    if not issubclass(model, SchoolScoped):
        return
    for rule in model.__table__.constraints:
        names = [model.__mapper__.get_property_by_column(column).key for column in rule.columns if column.name != "school_id"]
        values = {name: getattr(row, name) for name in names}
        if not isinstance(rule, UniqueConstraint) or not names or None in values.values():
            continue
        same = [getattr(model, name) == value for name, value in values.items()]
        with db.session.no_autoflush:
            other = db.session.scalar(select(model).where(*same, model.id != (row.id or 0)).limit(1))
        if other is not None:
            labels = [str(getattr(model, name).info.get("label", "")) for name in names]
            raise Refusal(
                _("%(name)s already exists. Open it in the list to change it, or change this here: %(fields)s."),
                name=str(other),
                fields=", ".join(filter(None, labels)),
            )


if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base
else:
    Base = object


class Saving(Base):
    """The form half of a `Screen`."""

    table: str
    save_label: Any
    form_sections: tuple[tuple[Any, tuple[tuple[str, int], ...]], ...] = ()

    # -- forms

    def scaffold_form(self) -> Any:
        """Flask-Admin's form and the signed version."""
        form = super().scaffold_form()
        form.row_version = VersionField()
        return form

    def edit_form(self, obj: Any = None) -> Any:
        """The mark is that of the row as it is opened; a posted mark stays the person's."""
        self.check_row("edit", obj)
        form = super().edit_form(obj)
        form._obj = obj  # Flask-Admin's check of unique values asks for it: a row does not collide with itself
        if request.method == "GET" and hasattr(form, "row_version"):
            form.row_version.data = version_mark(obj)
        return form

    def form_groups(self, form: Any) -> list[tuple[Any, list[tuple[Any, int]]]]:
        """The form's fields in their sections; fields that a section forgot come last, so that none is lost."""
        groups: list[tuple[Any, list[tuple[Any, int]]]] = []
        used: set[str] = set()
        for title, members in self.form_sections:
            fields = [(form[name], span) for name, span in members if name in form]
            used.update(name for name, _span in members)
            if fields:
                groups.append((title, fields))
        rest = [(f, 6) for f in form if f.short_name not in used and f.type not in ("VersionField", "CSRFTokenField", "HiddenField")]
        return [*groups, ("", rest)] if rest else groups

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        """An invalid form is 422 and keeps its input; the message names what was made."""
        answer = self._status(super().create_view())
        if g.get("made"):
            said = ("success", admin_text("Record was successfully created."))  # Flask-Admin leaves no choice of words
            named = ("success", gettext("%(name)s: created.", name=name_of(g.made)))
            session["_flashes"] = [named if message == said else message for message in map(tuple, session.get("_flashes", ()))]
        return answer

    def create_model(self, form: Any) -> Any:
        """Remember what is made, for the message."""
        g.made = super().create_model(form)
        return g.made

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        """An invalid form is 422; a row saved meanwhile by somebody else is 409, with both values; one deleted meanwhile too."""
        self.need_id()
        try:
            answer = super().edit_view()
        except NotFound:
            return self.gone_page()
        if g.get("conflict"):
            return answer, 409
        return self._status(answer)

    def gone_page(self) -> ResponseReturnValue:
        """The row of a form that is sent has gone since it was opened: what was typed is not lost with it. Else a 404."""
        row_id = int(request.args["id"])
        opened = request.method == "POST" and mark_was_given(request.form.get("row_version"), self.model.__tablename__, row_id)
        if not opened or db.session.scalar(select(self.model.id).where(self.model.id == row_id, *self.shown())) is not None:
            abort(404)
        form = self._edit_form_class(request.form)
        typed = [{"label": f.label.text, "value": in_words(f, f.data)} for f in form if f.type not in ("VersionField", "CSRFTokenField") and f.data]
        back = self.get_url(".index_view")
        return self.render("admin/model/gone.html", typed=typed, back_url=list_path(request.args.get("url")) or back, trash_url=self.trash_url()), 409

    def trash_url(self) -> str:
        """Where deleted rows are brought back, for who may; empty where there are none."""
        if is_final(self.model.__mapper__) or self.table in LEFT or not self.may("restore", "journal_event"):
            return ""
        return url_for("journal_event.trash_view")

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """One record."""
        self.need_id()
        return super().details_view()

    def need_id(self) -> None:
        """A page about one record needs one identifier."""
        if not request.args.get("id", "").isdecimal():
            abort(400)

    def _on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """A row that another one already stands for is refused by that one's name, before the database refuses it; then Flask-Admin's."""
        refuse_double(model)
        super()._on_model_change(form, model, is_created)

    def validate_form(self, form: Any) -> bool:
        """Flask-Admin's; a look-up without script saves nothing."""
        return not looked_up(form) and bool(super().validate_form(form))

    @staticmethod
    def _status(answer: Any) -> ResponseReturnValue:
        return (answer, 422) if request.method == "POST" and isinstance(answer, str) and "_look" not in request.form else answer

    def update_model(self, form: Any, model: Any) -> bool:
        """Compare the form's mark first: `version_id_col` alone lets the second person win silently."""
        if hasattr(model, "version") and not mark_is_current(form.row_version.data, model):
            g.conflict = [
                {"label": f.label.text, "theirs": in_words(f, getattr(model, f.name)), "yours": in_words(f, f.data)}
                for f in form
                if hasattr(model, f.name) and f.type != "VersionField" and getattr(model, f.name) != f.data
            ] + self.extra_conflicts(form, model)
            form.row_version.data = version_mark(model)
            form.row_version.raw_data = None
            return False
        return bool(super().update_model(form, model))

    @property
    def edit_template(self) -> str:
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
        asked = request.form.get("row_version")
        changed = bool(asked) and not mark_is_current(asked, row)  # since the question was read
        if refusal is None and not changed and request.form.get("_asked") == "1":
            title = name_of(row)
            if self.delete_model(row):
                flash(gettext("%(name)s: deleted.", name=title), "success")
                gone = urlsplit(back).path == self.get_url(".details_view")  # its own page; that of another record stays
                return redirect((list_path(back) if gone else back) or self.get_url(".index_view"))
            return redirect(back)
        page = self.render(
            "admin/model/delete.html",
            title=gettext("Delete %(name)s?", name=name_of(row)),
            sentence=self.delete_sentence(row),
            refusal=refusal,
            changed=changed,
            delete_url=self.get_url(".delete_view"),
            hidden=[("id", identifier), ("url", back), ("_asked", "1"), *([("row_version", version_mark(row))] if hasattr(row, "version") else [])],
            button=gettext("Delete %(name)s", name=name_of(row)),
            instead=self.delete_instead(row) if refusal else None,
            instead_url=self.get_url(".action_view", rowid=row.id),
            back_url=back,
            back_label=gettext("Back to the record") if list_path(back) != back else gettext("Back to the list"),
        )
        return (page, 409) if (refusal or changed) and request.form.get("_asked") == "1" else page

    def delete_refusal(self, row: Any) -> str | None:
        """Why this row cannot be deleted, with what to do instead; None when it can."""
        return None

    def delete_instead(self, row: Any) -> Any:
        """The verb that keeps the records of a row that cannot be deleted; None where there is none, or it is not the person's."""
        return None

    def delete_sentence(self, row: Any) -> str:
        """What goes with the row, and whether it can come back."""
        return self.delete_remedy()

    def delete_remedy(self) -> str:
        """Whether a deleted row of this screen can come back: not when it held what is never written down elsewhere, nor where another
        screen has the rules.
        """
        if is_final(self.model.__mapper__) or self.table in LEFT:
            return gettext("This cannot be undone.")
        return ngettext("It can be brought back from the trash for %(num)d day.", "It can be brought back from the trash for %(num)d days.", KEPT.days)
