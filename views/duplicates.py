"""Pairs of records that may be of one person: compare them, or say that they are two people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload, undefer

from models import duplicates
from models.base import Refusal
from models.db import db
from models.people import Guardian, GuardianLink, Student
from views.base import gate
from views.formats import show
from views.i18n import gettext
from views.saving import own_path

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

ON_A_PAGE = 20


def number(text: str) -> int:
    """A number that may be an identifier; anything else is a 400."""
    if not text.isdecimal() or len(text) > 18:
        abort(400)
    return int(text)


class DuplicatePages(Base):
    """The pages of pairs, behind the right to merge."""

    @expose("/duplicates/")
    @gate("merge")
    def duplicates_view(self) -> ResponseReturnValue:
        """Pairs that may be of one person, and those that were set apart."""
        asked, apart = request.args.get("page", "0"), request.args.get("apart") == "1"
        page = int(asked) if asked.isdecimal() and len(asked) < 6 else 0
        waiting, said = duplicates.how_many(db.session, self.model), duplicates.how_many_apart(db.session, self.model)
        pairs: list[Any]
        if apart:
            pairs = duplicates.said_apart(db.session, self.model, page, ON_A_PAGE)
        else:
            found = duplicates.page_of_pairs(db.session, self.model, page, ON_A_PAGE, *told_of(self.model))
            pairs = [{"a": a, "b": b, "why": duplicates.reason(a, b), "hints": (hints(a), hints(b))} for a, b in found]
        count = said if apart else waiting
        if page and not pairs:
            abort(404)
        over = waiting > duplicates.SHOWN
        number_of_pairs = gettext("more than %(num)d", num=duplicates.SHOWN) if over else waiting
        tabs = (("", gettext("To look at"), number_of_pairs, not apart), ("1", gettext("Two people"), said, apart))

        def address(key: str, page: int = 0) -> str:
            return str(self.get_url(".duplicates_view", apart=key or None, page=page or None))

        return str(
            self.render(
                "admin/merge/duplicates.html",
                pairs=pairs,
                apart=apart,
                here=request.full_path.rstrip("?"),
                tabs=[{"label": label, "n": n, "current": current, "url": address(key)} for key, label, n, current in tabs],
                page_at=lambda p: address("1" if apart else "", p),
                page_number=page,
                pages=None if over and not apart else -(-count // ON_A_PAGE),
                more=len(pairs) == ON_A_PAGE,
            )
        )

    @expose("/duplicates/apart/", methods=("POST",))
    @gate("merge")
    def apart_view(self) -> ResponseReturnValue:
        """Two people: the pair is not proposed again."""
        first, second = (self.get_one(request.form.get(name, "")) for name in ("first", "second"))
        for row in (first, second):
            self.check_row("merge", row)
        try:
            duplicates.set_apart(db.session, first, second)
            names = str(first), str(second)
            db.session.commit()
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.sentence, "danger")
            return redirect(self.get_url(".duplicates_view"), code=303)
        flash(gettext("%(first)s and %(second)s stay two people: this pair is not proposed again.", first=names[0], second=names[1]), "success")
        return redirect(own_path(request.form.get("url")) or self.get_url(".duplicates_view"), code=303)

    @expose("/duplicates/again/", methods=("POST",))
    @gate("merge")
    def again_view(self) -> ResponseReturnValue:
        """One of the pairs that were set apart is proposed again."""
        table = duplicates.APART[self.model]
        pair = db.session.scalar(select(table).where(table.id == number(request.form.get("id", ""))))
        if pair is None:
            abort(404)
        duplicates.propose_again(db.session, pair)
        db.session.commit()
        flash(gettext("This pair is proposed again."), "success")
        return redirect(self.get_url(".duplicates_view"), code=303)

    def tabs(self, here: Any) -> list[dict[str, Any]]:
        """On the list, the way to the pairs, after the views."""
        found = super().tabs(here)
        if not self.may("merge"):
            return found
        whole = {"label": gettext("Whole list"), "url": self.get_url(".index_view"), "current": here is None, "n": None}
        return [*(found or [whole]), {"label": gettext("Possible duplicates"), "url": self.get_url(".duplicates_view"), "current": False, "n": None}]


def told_of(model: Any) -> tuple[Any, ...]:
    """What the pairs show beside the names, in the same queries."""
    if model is Student:
        return (undefer(Student.homeroom_name), joinedload(Student.level))
    return (selectinload(Guardian.links).joinedload(GuardianLink.student),)


def hints(row: Any) -> str:
    """What tells two namesakes apart."""
    if isinstance(row, Student):
        facts = [show(row.born_on), row.national_id, row.homeroom_name or (str(row.level) if row.level else ""), row.town, str(row.status.label)]
    else:
        facts = [row.phone, row.email, row.town, ", ".join(sorted(link.student.name for link in row.links if link.student is not None))]
    return " · ".join(str(fact) for fact in facts if fact) or gettext("nothing else is known")
