"""The results of a group in a grid, and its presences at the census: by whoever may enter or confirm them, on the rows that they reach."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from babel.numbers import format_decimal
from flask import abort, flash, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy.orm.exc import StaleDataError

from models.base import today
from models.courses import Course
from models.db import db
from models.enrolments import Enrolment
from models.registering import not_begun, present_term
from models.results import (
    FIELDS,
    MOST,
    Saved,
    Typed,
    average,
    confirm_presences,
    enter_results,
    groups_of,
    lost_lines,
    offered_remarks,
    rows_of,
    shown,
    terms_with_groups,
)
from models.scope import BATCH, WHO
from models.studies import Term
from views.auth import permitted
from views.base import gate
from views.formats import locale, show_date, zone
from views.history_undo import batch_undo_url
from views.i18n import gettext, ngettext
from views.saving import own_path
from views.verbs import ROWID

if TYPE_CHECKING:
    from views.base import Screen as Base
else:
    Base = object

PAGE = 50  # groups of one page
LONGEST = 40  # of what somebody types in a cell
LONGEST_NAME = 200  # of whom a line that is gone was about, as the page had it


def _number(name: str) -> int | None:
    text = request.values.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def too_early(term: Term, on: dt.date) -> str:
    """What is said of presences in a term that is still to come; empty once it has begun."""
    if not not_begun(term, on):
        return ""
    return gettext(
        "%(term)s has not begun. A presence is confirmed once [the student] attends [the course]: check, and correct the census if needed.",
        term=str(term),
    )


def warn_too_early(term: Term, on: dt.date) -> None:
    """The same beside what was done: once, however many the presences."""
    sentence = too_early(term, on)
    if sentence and sentence not in g.setdefault("told_too_early", set()):
        g.told_too_early.add(sentence)
        flash(sentence, "warning")


class Group:
    """The group of the address, with its rows that the person reaches; 404 where there are none, unless what was typed for it is to be told (`emptied`)."""

    def __init__(self, clause: Any, *, lock: bool = False, emptied: bool = False) -> None:
        term, course, self.number = _number("term"), _number("course"), request.values.get("group", "")[:10]
        self.rows: list[Enrolment] = []
        if term is not None and course is not None and self.number:
            self.rows = rows_of(db.session, term, course, self.number, clause, lock=lock)
        if not self.rows and not emptied:
            abort(404)
        self.term: Term = self.rows[0].term if self.rows else db.session.get(Term, term or 0) or abort(404)
        self.course: Course = self.rows[0].course if self.rows else db.session.get(Course, course or 0) or abort(404)

    @property
    def key(self) -> dict[str, Any]:
        """What names it in an address."""
        return {"term": self.term.id, "course": self.course.id, "group": self.number}

    @property
    def words(self) -> str:
        """Its course, its term, how many."""
        return " · ".join([str(self.course), str(self.term), ngettext("%(num)d registration", "%(num)d registrations", len(self.rows))])


def typed_rows() -> dict[int, Typed]:
    """What the form says of each row that it showed. A cell that is not there (EE SR) says what it said."""
    found = {}
    for key, version in request.form.items():
        number = key.removeprefix("version.")
        if number == key or not ROWID.match(number) or not version.isdecimal() or len(version) > 9:
            continue
        try:
            was = json.loads(request.form.get(f"was.{number}", ""))
            was = {name: str(was[name]) for name in FIELDS}
        except (ValueError, KeyError, TypeError):
            abort(400)
        now = {name: request.form.get(f"{name}.{number}", was[name])[:LONGEST] for name in FIELDS}
        found[int(number)] = Typed(int(version), now, was)
    if len(found) > MOST:
        abort(400)
    return found


class ResultPages(Base):
    """The pages, mixed into the screen of registrations."""

    # -- which group

    @expose("/results", methods=("GET", "POST"))
    @gate("enter_results")
    def results_view(self) -> ResponseReturnValue:
        """The groups of a term; with a course and a group, their grid. A POST saves it."""
        if "course" not in request.values:
            return self.groups_page("enter_results")
        clause = self.narrower("enter_results")
        if request.method == "POST":
            return self._save_results(typed_rows(), clause)
        return self.results_page(Group(clause), Saved())

    def groups_page(self, verb: str) -> str:
        """The groups of a term: how many are registered, have their result, are confirmed."""
        clause = self.narrower(verb)
        terms = list(db.session.scalars(terms_with_groups(clause).limit(60)))
        wanted = _number("term")
        now = present_term(db.session, today(zone().key)) if wanted is None else None
        usual = next((one for one in terms if now is not None and one.place <= now.place), terms[0] if terms else None)
        term = next((one for one in terms if one.id == wanted), None) if wanted is not None else usual
        page, text = min(_number("page") or 0, 10_000), request.args.get("search", "")[:100]
        found: list[Any] = []
        if term is not None:
            found = list(db.session.execute(groups_of(term.id, clause, text).limit(PAGE + 1).offset(page * PAGE)))
        return self.render(
            "admin/enrolment/groups.html",
            terms=terms,
            term=term,
            search=text,
            groups=found[:PAGE],
            page_number=page,
            more=len(found) > PAGE,
            may_enter=self.may("enter_results"),
            may_confirm=self.may("confirm_presence"),
            back_url=self.get_url(".index_view"),
            pager=lambda number: self.get_url(".results_view", term=term.id if term else None, search=text or None, page=number),
        )

    # -- results

    def results_page(self, group: Group, saved: Saved, typed: dict[int, Typed] | None = None) -> str:
        """The grid; of a line that was not saved, what was typed stays, with the reason."""
        held = {row.id: shown(row) for row in group.rows}
        kept = {number: typed[number].now for number in (*saved.wrong, *saved.clash) if number in held} if typed else {}
        mean, marks = average(group.rows)
        undo = batch_undo_url(BATCH.get() or "") if saved.rows else ""
        return self.render(
            "admin/enrolment/results.html",
            group=group,
            lines=[(row, kept.get(row.id, held[row.id]), json.dumps(held[row.id])) for row in group.rows],
            held=held,
            saved=saved,
            lost=[(request.form.get(f"name.{number}", "")[:LONGEST_NAME], sentence) for number, sentence in saved.lost.items()],
            undo_url=undo,
            remarks=offered_remarks(db.session),
            mean=format_decimal(round(mean, 1), locale=locale()) if mean is not None else "",
            marks=marks,
            full=len(group.rows) == MOST,
            back_url=own_path(request.values.get("url")) or self.get_url(".results_view", term=group.term.id),
            save_url=self.get_url(".results_view", **group.key, url=own_path(request.values.get("url"))),
            presence_url=self.get_url(".presence_view", **group.key) if self.may("confirm_presence") else "",
            unconfirmed=sum(row.census_on is None for row in group.rows),
        )

    def _save_results(self, typed: dict[int, Typed], clause: Any) -> ResponseReturnValue:
        group = Group(clause, lock=True, emptied=bool(typed))
        key, back = group.key, own_path(request.form.get("url"))
        try:
            saved = enter_results(db.session, group.rows, typed)
            saved.lost = lost_lines(db.session, group.rows, typed, clause)
            db.session.commit()
        except StaleDataError:
            db.session.rollback()
            flash(gettext("Somebody saved this [group] at the same moment. Nothing was written: look again, then save."), "danger")
            return redirect(self.get_url(".results_view", **key, url=back), code=303)
        if saved.wrong or saved.clash or saved.lost:
            return self.results_page(Group(clause, emptied=True), saved, typed), 422
        if saved.rows:
            flash(ngettext("%(num)d result saved.", "%(num)d results saved.", len(saved.rows)), "success")
        else:
            flash(gettext("Nothing was changed: there was nothing to save."), "info")
        if saved.unusual:
            several = len(saved.unusual)
            flash(
                ngettext("%(num)d line has both a mark and a remark: check it.", "%(num)d lines have both a mark and a remark: check them.", several), "warning"
            )
        return redirect(self.get_url(".results_view", **key, url=back), code=303)

    # -- presences

    @expose("/presence", methods=("GET", "POST"))
    @gate("confirm_presence")
    def presence_view(self) -> ResponseReturnValue:
        """The candidates of a group, all ticked; a POST confirms those that are. Without a group, the groups of a term."""
        if "course" not in request.values:
            return self.groups_page("confirm_presence")
        group = Group(self.narrower("confirm_presence"), lock=request.method == "POST")
        back = own_path(request.values.get("url"))
        if request.method == "POST":
            chosen = [int(value) for value in request.form.getlist("rowid") if value.isdecimal() and len(value) < 19]
            key = group.key
            done = confirm_presences(db.session, group.rows, chosen, WHO.get().name, today(zone().key))
            db.session.commit()
            if done:
                flash(ngettext("%(num)d presence confirmed.", "%(num)d presences confirmed.", len(done)), "success")
                warn_too_early(group.term, today(zone().key))
            else:
                flash(gettext("No presence was confirmed: tick those who attend."), "warning")
            return redirect(self.get_url(".presence_view", **key, url=back), code=303)
        day = group.term.census_day
        return self.render(
            "admin/enrolment/presence.html",
            group=group,
            waiting=sum(row.census_on is None for row in group.rows),
            census=show_date(day) if day is not None else "",
            early=too_early(group.term, today(zone().key)),
            show_date=show_date,
            back_url=back or self.get_url(".results_view" if self.may("enter_results") else ".presence_view", term=group.term.id),
            save_url=self.get_url(".presence_view", **group.key, url=back),
            results_url=self.get_url(".results_view", **group.key) if self.may("enter_results") else "",
        )

    def render(self, template: str, **kwargs: Any) -> str:
        """The list leads to the groups."""
        if template == self.list_template:
            from views.menu import beside

            if permitted("enrolment", "enter_results"):
                button = {"label": gettext("Results by [group]"), "icon": "check", "url": self.get_url(".results_view")}
                kwargs["beside"] = [*(kwargs.get("beside") or beside(self.endpoint)), button]
        return str(super().render(template, **kwargs))
