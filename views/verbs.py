"""Business verbs on the screens: on one row, on ticked rows, on all rows that match; with questions where needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import abort, flash, redirect, request, url_for
from sqlalchemy import func, select

from models.base import Refusal
from models.db import db
from models.journal import record_rows
from models.packing import pack
from models.work import Job, JobKind
from views.fields import looked_up
from views.i18n import gettext, ngettext

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm

    from views.base import Screen

MOST_ROWS = 500  # identifiers that may travel in a form (security case 27)
NAMED = 5  # so many rows are told by their names before a verb, more by their number
ROWID = re.compile(r"^\d{1,18}$")


@dataclass(frozen=True)
class Verb:
    """A declared verb: its name is the model's method, the right and the word in the history."""

    name: str
    text: Any
    handler: Callable[..., Any]
    ask: type[FlaskForm] | None = None
    confirm: Any = None
    icon: str = ""
    whole: bool = False
    danger: bool = False
    right: tuple[str, str] | None = None
    one: Any = None  # its words for one row, where they are others
    at_once: bool = False  # never by a job: the model's method wants more than the answers


def verb(
    name: str,
    text: Any,
    *,
    ask: type[FlaskForm] | None = None,
    confirm: Any = None,
    icon: str = "",
    whole: bool = False,
    danger: bool = False,
    right: tuple[str, str] | None = None,
    one: Any = None,
    at_once: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a verb of a screen.

    The method takes `(self, record, **answers)` and is called for each row, or `(self, selection, **answers)` with
    `whole=True`. `ask` is a form whose answers are passed by name; `confirm` a sentence shown before what cannot be
    undone. `right` names another (table, verb) than the screen's own ("" is the screen's own table), `one` the words for one row;
    with `at_once` the rows never wait for a job, however many they are.
    """

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        method._verb = Verb(name, text, method, ask, confirm, icon, whole, danger, right, one, at_once)  # type: ignore[attr-defined]
        method._action = (name, text, None)  # type: ignore[attr-defined]
        return method

    return wrap


@dataclass
class Selection:
    """The rows a verb works on: ticked ones, or all that match the list's own query."""

    screen: Screen
    ids: list[int]
    query: Any = None
    count: int = 0
    hidden: list[tuple[str, str]] = field(default_factory=list)

    def all_ids(self) -> list[int]:
        """Every identifier."""
        return self.ids

    def records(self) -> Iterable[Any]:
        """Every row, loaded in pieces of 500."""
        ids = self.all_ids()
        for start in range(0, len(ids), MOST_ROWS):
            model = self.screen.model
            found = {row.id: row for row in db.session.scalars(select(model).where(model.id.in_(ids[start : start + MOST_ROWS])))}
            yield from (found[i] for i in ids[start : start + MOST_ROWS] if i in found)

    def names(self) -> list[str]:
        """What the rows are called when they are few; nothing when they are many."""
        return [str(self.screen.called(row)) for row in self.records()] if self.count <= NAMED else []

    @classmethod
    def from_request(cls, screen: Screen, verb: str) -> Selection:
        """What the person chose. Unknown, foreign or mixed identifiers are a 404 for the whole, before anything is done."""
        hidden = [("action", request.form.get("action", "")), ("url", request.form.get("url", ""))]
        if request.form.get("all"):
            query = screen.listed_query(verb)
            found = [row[0] for row in query.with_entities(screen.model.id).order_by(None)]
            return cls(screen, found, query, len(found), [*hidden, ("all", "1")])
        raw = list(dict.fromkeys(request.form.getlist("rowid") or request.args.getlist("rowid")))
        if not raw or len(raw) > MOST_ROWS or not all(ROWID.match(v) for v in raw):
            abort(400)
        ids = [int(v) for v in raw]
        found = db.session.scalar(select(func.count()).select_from(screen.model).where(screen.model.id.in_(ids), *screen.shown()))
        if found != len(ids):
            screen.refused("action", ids[0])
            abort(404)
        screen.check_reach(verb, ids)
        return cls(screen, ids, None, len(ids), [*hidden, *(("rowid", str(i)) for i in ids)])


def run_verb(screen: Screen, chosen: Verb) -> ResponseReturnValue:
    """Ask, or do: one transaction for all rows; the first refusal undoes everything and is told with its row."""
    selection = Selection.from_request(screen, screen.verb_right(chosen)[1])
    if not selection.count:
        flash(screen.nothing_chosen(), "warning")
        return screen.back()
    screen.check_each(chosen.name, selection)
    form = chosen.ask() if chosen.ask else None
    asked = request.form.get("_asked") == "1"

    def ask() -> str:
        """The question page; what it says is worked out for it alone."""
        prepare = getattr(screen, f"prepare_{chosen.name}", None)
        return screen.ask_page(chosen, selection, form, prepare(selection, form) if prepare else {})

    if (form is not None or chosen.confirm) and not asked:
        return ask()
    if form is not None and looked_up(form):
        return ask()
    if form is not None and not form.validate():
        return ask(), 422
    if "_change" in request.form:  # from a second page that repeats what was answered
        return ask()
    answers = {f.short_name: f.data for f in form if f.short_name not in ("csrf_token", "submit")} if form is not None else {}
    try:
        outcome = _unsure(screen, chosen, selection, answers) or _apply(screen, chosen, selection, answers)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.sentence, "danger")
        if form is not None:
            return ask(), 422
        return screen.refusal_page(refusal)
    return outcome if outcome is not None else screen.back()


def _unsure(screen: Screen, chosen: Verb, selection: Selection, answers: dict[str, Any]) -> ResponseReturnValue | None:
    """The page that says what these answers do, for a verb with `sure_<name>(selection, **answers) -> (what was read, context of the page)`.

    Its button sends what was read, so that another meaning of the same answers is read again.
    """
    sure = getattr(screen, f"sure_{chosen.name}", None)
    if sure is None:
        return None
    read, context = sure(selection, **answers)
    if request.form.get("_sure") == read:
        return None
    said = [(name, "y" if value is True else str(value)) for name, value in answers.items() if value]
    selection.hidden += [*said, ("_sure", read)]
    return screen.ask_page(chosen, selection, None, {"change_words": gettext("Change the answers"), **context})


def _apply(screen: Screen, chosen: Verb, selection: Selection, answers: dict[str, Any]) -> ResponseReturnValue | None:
    if chosen.whole:
        outcome: ResponseReturnValue | None = chosen.handler(screen, selection, **answers)
        db.session.commit()
        return outcome
    # A job calls the model's method of the same name; a verb that is the screen's own work is done at once, however many.
    if selection.count > MOST_ROWS and not chosen.at_once and hasattr(screen.model, chosen.name):
        return _later(screen, chosen, selection, answers)
    done = []
    names = selection.names() if selection.count == 1 else []  # before the verb: a row may be gone after it
    for row in selection.records():
        chosen.handler(screen, row, **answers)
        done.append(row.id)
    record_rows(db.session, chosen.name, screen.table, done)
    db.session.commit()
    flash(_told(screen, chosen, names, len(done)), "success")
    return None


def _told(screen: Screen, chosen: Verb, names: list[str], count: int) -> str:
    """What was done, in the words of the history: of one row by its name, of many by their number."""
    from views.journal import verb_words  # the history is a screen itself, with verbs

    what = verb_words(chosen.name, screen.table)
    if names:
        return gettext("%(name)s: %(what)s.", name=names[0], what=what)
    return ngettext("%(what)s: %(num)d record.", "%(what)s: %(num)d records.", count, what=what[:1].upper() + what[1:])


def _later(screen: Screen, chosen: Verb, selection: Selection, answers: dict[str, Any]) -> ResponseReturnValue:
    """Too many rows to wait for: a job does the same verb in one transaction, with a progress bar."""
    table, right = screen.verb_right(chosen)
    plain = {name: pack(value) for name, value in answers.items()}
    job = Job.add(
        JobKind.bulk_verb, {"table": table, "verb": right, "ids": selection.all_ids(), "answers": plain}, total=selection.count, note=str(chosen.text)
    )
    db.session.commit()
    return redirect(url_for("job.details_view", id=job.id), code=303)
