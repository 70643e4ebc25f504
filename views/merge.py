"""Two records of one person become one: side by side, then one."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from sqlalchemy.orm.exc import StaleDataError

from models.base import Refusal
from models.db import db
from models.merge import ChoiceNeeded, Line, NameNeeded, Preview, better, merge, preview
from models.people import GuardianLink
from views.base import gate
from views.duplicates import DuplicatePages, number
from views.fields import RowField, looked_up, mark_is_current, version_mark
from views.formats import show
from views.i18n import gettext, language_name, ngettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.saving import own_path
from views.verbs import Selection, verb


class Shown(NamedTuple):
    """One line of the comparison: what each record says in words, whose value is chosen, whether that was to be said and was not."""

    line: Line
    words: dict[int, str]
    chosen: int | None
    missing: bool = False


class MergeVerb(DuplicatePages):
    """The verb `merge` and the pages of pairs, mixed into a screen of people. The look-up of the other record is `lookups["other"]`."""

    @verb("merge", _("Merge"), whole=True, one=_("Merge with another record…"))
    def merge(self, selection: Selection) -> ResponseReturnValue:
        """Two ticked records stand side by side; of one, the other is looked for."""
        if selection.count > 2:
            raise Refusal(_("A merge takes two records. Tick two of them, or open one and choose “Merge”."))
        first, *others = selection.all_ids()
        other = {"with": others[0]} if others else {}
        return redirect(self.get_url(".merge_view", id=first, url=own_path(request.form.get("url")), **other), code=303)

    # -- side by side

    @expose("/merge/", methods=("GET", "POST"))
    @gate("merge")
    def merge_view(self) -> ResponseReturnValue:
        """Which values stay and what follows; a POST merges. 409 when one of the two was changed meanwhile, 422 with what is missing."""
        self.need_id()
        ids = {number(request.args[name]) for name in ("id", "with") if name in request.args}
        rows = {i: self.get_one(i) for i in sorted(ids)}  # in one order, whoever asks: two people never wait for each other
        for row in rows.values():
            self.check_row("merge", row)
        if len(rows) < 2:
            return self.choose_other(next(iter(rows.values())))
        first, second = rows.values()
        keep = request.values.get("keep", "")
        kept = rows[int(keep)] if keep in map(str, rows) else better(first, second)
        gone = second if kept is first else first
        if request.method == "GET":
            return self.side_by_side(kept, gone)
        if not all(mark_is_current(request.form.get(f"mark_{row.id}"), row) for row in rows.values()):
            return self.side_by_side(kept, gone, changed()), 409
        return self.done(kept, gone)

    def done(self, kept: Any, gone: Any) -> ResponseReturnValue:
        """Merge, and say so; what a rule refuses is told on the same page."""
        names, ids = (str(kept), str(gone)), (kept.id, gone.id)
        picks = {key.removeprefix("pick_"): number(value) for key, value in request.form.items() if key.startswith("pick_")}
        try:
            merge(db.session, kept, gone, picks, request.form.get("typed", "")[:400])
            db.session.commit()
        except (Refusal, StaleDataError) as problem:
            db.session.rollback()
            kept, gone = (self.get_one(i) for i in ids)
            sentence = problem.sentence if isinstance(problem, Refusal) else changed()
            return self.side_by_side(kept, gone, sentence, problem), 422 if isinstance(problem, Refusal) else 409
        flash(gettext("%(gone)s is now one record with %(kept)s.", gone=names[1], kept=names[0]), "success")
        back = own_path(request.args.get("url")) or ""
        return redirect(back if "/duplicates/" in back else self.get_url(".details_view", id=ids[0]), code=303)

    def side_by_side(self, kept: Any, gone: Any, problem: str = "", refused: Exception | None = None) -> str:
        """The page of the two records; a pair that cannot be merged is shown with the reason and no button. What was refused is
        named in its place.
        """
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        context: dict[str, Any] = {"kept": kept, "gone": gone, "problem": problem, "back_url": back}
        context["name_missing"] = isinstance(refused, NameNeeded)
        here = {"id": request.args["id"], "with": request.args["with"], "url": own_path(request.args.get("url"))}
        context["merge_url"] = self.get_url(".merge_view", **here)
        context["other_url"] = self.get_url(".merge_view", **here, keep=gone.id)
        try:
            one = preview(db.session, kept, gone)
        except Refusal as refusal:
            return self.render("admin/merge/merge.html", **context, refusal=refusal.sentence)
        said = [(line, self.picked(line)) for line in one.lines]
        asked = isinstance(refused, (ChoiceNeeded, NameNeeded))
        shown = [Shown(line, {i: words(line, i) for i in line.values}, chosen, asked and not line.same and chosen is None) for line, chosen in said]
        context |= {
            "marks": [(f"mark_{row.id}", version_mark(row)) for row in (kept, gone)],
            "different": [item for item in shown if not item.line.same],
            "same": [item for item in shown if item.line.same and any(item.words.values())],
            "follows": follows(one),
            "remarks": remarks(one),
            "typed": request.form.get("typed", ""),
            "name_needed": one.name_needed,
        }
        return self.render("admin/merge/merge.html", **context)

    @staticmethod
    def picked(line: Line) -> int | None:
        """Whose value is chosen: what was posted, else what is proposed, if anything is."""
        posted = request.form.get(f"pick_{line.key}", "")
        return int(posted) if posted in map(str, line.values) else line.proposed

    def choose_other(self, row: Any) -> ResponseReturnValue:
        """With whom? By look-up; possible doubles of the record first."""

        class OtherForm(FlaskForm):
            """The other record."""

            other = RowField(self._form_ajax_refs["other"], self.name_of_one)

        form, back = OtherForm(), own_path(request.args.get("url"))
        asked = request.method == "POST"
        if asked and not looked_up(form) and form.validate():
            found: Any = form.other.data
            if found.id != row.id:
                return redirect(self.get_url(".merge_view", **{"id": row.id, "with": found.id, "url": back}), code=303)
            form.other.errors = [gettext("A merge takes two different records of one list. Choose the other one.")]
        page = self.render(
            "admin/model/ask.html",
            form=form,
            title=gettext("Merge %(name)s with another record", name=str(row)),
            left_out=gettext("You then compare the two records and choose what stays. Nothing is merged before that."),
            verb_label=gettext("Compare the two records"),
            ask_url=self.get_url(".merge_view", id=row.id, url=back),
            back_url=back or self.get_url(".index_view"),
        )
        return (page, 422) if asked and "_look" not in request.form else page


def changed() -> str:
    """Somebody was quicker."""
    return gettext("Somebody changed one of these records meanwhile. Your choices are kept: compare again, then merge.")


def words(line: Line, row_id: int) -> str:
    """What a record says on one line."""
    values = line.values[row_id]
    if line.key == "language":
        return language_name(str(values[0]))
    if "phone_e164" in line.attributes:
        values = values[:1]
    return ", ".join(str(show(value)) for value in values if value not in (None, ""))


def follows(one: Preview) -> list[str]:
    """What moves from the one record to the other, a line for each list."""
    known, found, rest = screens(), [], 0
    for item in one.found:
        n, screen = len(item.rows) - len(item.own) if item.rows else item.count, known.get(item.pointer.table)
        if screen is None or not n:
            rest += n
            continue
        found.append(gettext("%(list)s: %(num)d", list=str(screen.name), num=n))
    if one.groups:
        found.append(gettext("%(list)s: %(num)d", list=gettext("[Groups]"), num=one.groups))
    if rest:
        found.append(gettext("%(list)s: %(num)d", list=gettext("Other lines that name this record"), num=rest))
    return found


def remarks(one: Preview) -> list[str]:
    """What somebody should know before: links that close or wait, codes that close, whom an account will reach."""
    found = []
    if one.revoked:
        found.append(
            ngettext(
                "%(num)d unused code of the record that goes is revoked: its letter opens nothing any more, even if you undo.",
                "%(num)d unused codes of the record that goes are revoked: their letters open nothing any more, even if you undo.",
                one.revoked,
            )
        )
    if one.doubled:
        found.append(
            ngettext(
                "%(num)d admission is held by both: that of the record that goes is closed, its [session records] stay under it.",
                "%(num)d admissions are held by both: those of the record that goes are closed, their [session records] stay under them.",
                len(one.doubled),
            )
        )
    joined = sum(len(item.twins) for item in one.found)
    if joined:
        found.append(
            ngettext(
                "%(num)d link stands on both records: they become one, the stricter of the two.",
                "%(num)d links stand on both records: each pair becomes one, the stricter of the two.",
                joined,
            )
        )
    if one.suspended:
        found.append(gettext("Suspended on one of the records, so suspended afterwards: %(who)s.", who=_names(one.suspended)))
    if one.to_check:
        found.append(gettext("Will wait for a check, because the other record has a suspended link: %(who)s.", who=_names(one.to_check)))
    if one.closing:
        found.append(gettext("The account %(name)s, of the record that goes, closes: the account of the other one stays.", name=one.closing))
    if one.reached:
        found.append(gettext("The account of this [guardian] will also follow: %(who)s.", who=", ".join(str(student) for student in one.reached)))
    return found


def _names(links: list[GuardianLink]) -> str:
    return ", ".join(gettext("%(guardian)s for %(student)s", guardian=link.guardian.name, student=link.student.name) for link in links)
