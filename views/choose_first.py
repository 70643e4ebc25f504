"""The page before a form that needs to know whose row it is: a look-up, then the form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import redirect, request

from views.i18n import gettext
from views.saving import own_path

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from views.base import Screen


def choose_first(screen: Screen, form: Any, name: str) -> ResponseReturnValue:
    """Ask for the row of the form's one field; the screen's empty form then carries its number as `name`."""
    field = form[name]
    back = own_path(request.args.get("url")) or screen.get_url(".index_view")
    if request.method == "POST" and "_look" in request.form:
        field.look(request.form.get(f"look-{name}", ""))
    elif request.method == "POST" and form.validate():
        return redirect(screen.get_url(".create_view", **{name: field.data.id, "url": back}), code=303)
    page = screen.render("admin/enrolment/choose.html", form=form, form_groups=[("", [(field, 12)])], return_url=back, save_label=gettext("Continue"))
    return (page, 422) if form.errors else page
