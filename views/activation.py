"""The screen of activation codes, their letters, and their part of the student's file."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from flask import Flask, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from models import overview
from models.activation import ActivationCode, CodePurpose, CodeState, codes_of_batch, printable, state_clause, usable_clause
from models.base import Refusal
from models.db import db
from models.people import Group, Student
from models.school import Level
from models.work import Job, JobKind
from views.auth import permitted
from views.base import Screen, gate
from views.code_pages import CodePages, InLanguage, NeverPrinted, OfGroup, OpenedFor
from views.codes import CodesVerbs as CodesVerbs  # (the screen of students takes it from here)
from views.codes import code_steps
from views.filters import Row, ScreenFilter
from views.formats import day_of, show_date, show_instant
from views.guardian_invitations import invitations_of
from views.i18n import gettext, ngettext, pgettext
from views.i18n import lazy_gettext as _
from views.papers import start
from views.saving import own_path
from views.student_file import Part, declare_part
from views.student_search import offered
from views.verbs import Selection, verb

CODES_IN_CLEAR = _("Every letter holds a code in clear: keep them until they are handed over.")
SPECIMEN = "_specimen"  # the button of the question
BATCHES = 30  # of the filter, the latest first
NOT_INVITED = ActivationCode.purpose != CodePurpose.invitation  # those stand on the screen of invitations


class InState(ScreenFilter):
    """The computed state of a code; without this filter the list shows usable codes, "any" shows all of them."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """Every state, then all together."""
        return [*((state.name, str(state.label)) for state in CodeState), ("any", gettext("All"))]

    def clean(self, value: str) -> str:
        """One of them; ValueError otherwise."""
        if value not in {*CodeState.__members__, "any"}:
            raise ValueError(value)
        return value

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query if value == "any" else query.filter(state_clause(CodeState[value]))


class OfStudent(Row):
    """A level or class of the student whose code it is."""

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        column = self.get_column(alias)
        return query.filter(ActivationCode.student_id.in_(select(Student.id).where(column.is_(None) if value == 0 else column == value)))


class OfBatch(ScreenFilter):
    """The codes that were made together; the latest batches are offered."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """When, and how many."""
        made: dict[str, tuple[dt.datetime, int]] = {}
        for batch, _state, n, at in tally():
            first, total = made.get(batch, (at, 0))
            made[batch] = min(first, at), total + n
        latest = sorted(((at, n, batch) for batch, (at, n) in made.items() if batch), reverse=True)[:BATCHES]
        return [(batch, ngettext("%(when)s: %(num)d code", "%(when)s: %(num)d codes", n, when=show_instant(at))) for at, n, batch in latest]

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(ActivationCode.batch == value)


def tally() -> list[tuple[str, str, int, dt.datetime]]:
    """(batch, state, how many, since when): one query a request, for the tabs and the filter."""
    if "code_tally" not in g:
        state = cast("Any", ActivationCode.state).label("state")
        statement = select(ActivationCode.batch, state, func.count(ActivationCode.id), func.min(ActivationCode.created_at))

        def _ask() -> list[tuple[Any, ...]]:
            return [tuple(row) for row in db.session.execute(statement.where(NOT_INVITED).group_by(ActivationCode.batch, state))]

        g.code_tally = overview.counted("codes", ("activation_code",), _ask, worth=lambda rows: sum(row[2] for row in rows) > overview.LARGE)
    return list(g.code_tally)


def for_whom(code: ActivationCode) -> str:
    """The guardian whom the code is for, or all of them; of an access card, the student."""
    if code.purpose is CodePurpose.student:
        return gettext("[The student]")
    return str(code.guardian) if code.guardian is not None else gettext("The [guardians]")


def printed(code: ActivationCode) -> str:
    """How often a letter was printed."""
    if not code.printed_count or code.printed_at is None:
        return gettext("never")
    return ngettext("%(num)d time, on %(date)s", "%(num)d times, last on %(date)s", code.printed_count, date=show_date(day_of(code.printed_at)))


class ActivationCodes(CodePages, OpenedFor, Screen):
    """Codes that nobody has used yet, and behind tabs the others. They are made on the screen of students."""

    model = ActivationCode
    name = _("Activation codes")
    name_of_one = _("Activation code")
    menu_name = _("Unused codes")
    opened_for = {"letters": ("print_letters", _("Tick the codes, or all of them below the list; then print their letters."))}
    icon = "key"
    empty = {
        "icon": "key",
        "title": _("No unused code"),
        "sentence": _("Choose [students] in their list, then “Create codes”: each letter opens one access."),
    }
    list_template = "admin/activation/list.html"
    column_list = ("student", "guardian", "state", "tail", "printed_count", "expires_at")
    nowrap_columns = ("printed_count", "tail", "expires_at")
    column_export_list = ("student", "guardian", "state", "tail", "printed_count", "created_at", "expires_at", "used_at", "revoked_at")
    column_details_list = (
        *("student", "guardian", "state", "tail", "created_at", "expires_at", "printed_count", "printed_at", "sent_count", "sent_at"),
        *("used_at", "revoked_at"),
    )
    column_labels = {"state": _("State")}
    column_formatters = column_formatters_export = {
        "guardian": lambda _v, _c, row, _n: for_whom(row),
        "tail": lambda _v, _c, row, _n: str(row),
        "printed_count": lambda _v, _c, row, _n: printed(row),
        "expires_at": lambda _v, _c, row, _n: day_of(row.expires_at),
    }
    column_sortable_list = (("student", "student.search_key"), "tail", "printed_count", "expires_at")
    column_default_sort = [("student.search_key", False), ("id", False)]
    column_searchable_list = ("student.search_key", "tail")

    def __init__(self) -> None:
        self.column_filters = (
            InState(ActivationCode.id, _("State"), "state"),
            OfStudent(Student.level_id, _("[Level]"), "level", Level, lambda: offered("level")),
            OfStudent(Student.homeroom_id, _("Class"), "homeroom", Group, lambda: offered("class")),
            OfBatch(ActivationCode.batch, _("Made together"), "batch"),
            OfGroup(ActivationCode.student_id, _("[Group]"), "group", Group, lambda: offered("group")),
            InLanguage(ActivationCode.student_id, _("Language of the letter"), "language"),
            NeverPrinted(ActivationCode.printed_count, _("Never printed"), "printed"),
        )
        super().__init__()

    def get_query(self) -> Any:
        """Not those of invitations; the history leads to the page of each."""
        return super().get_query().filter(NOT_INVITED)

    def get_list(self, page: Any, sort_column: Any, sort_desc: Any, search: Any, filters: Any, **options: Any) -> tuple[int | None, Any]:
        """Unless a state is asked for, the codes that can still be used."""
        position = next(i for i, flt in enumerate(self._filters or ()) if isinstance(flt, InState))
        if filters is None or all(index != position for index, _name, _value in filters):
            filters = [*(filters or ()), (position, "", CodeState.usable.name)]
        return super().get_list(page, sort_column, sort_desc, search, filters, **options)

    def counted(self, query: Any, search: Any, filters: Any) -> int:
        """The tabs know how many codes are in a state."""
        if not search and len(filters or ()) == 1 and isinstance(self._filters[filters[0][0]], InState):
            return sum(n for _batch, state, n, _at in tally() if filters[0][2] in (state, "any"))
        return super().counted(query, search, filters)

    def count_text(self, count: int | None) -> str:
        """How many codes."""
        return "" if count is None else ngettext("%(num)d code", "%(num)d codes", count)

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # counted at each request
        """Unused, then what became of the others."""
        counts = dict.fromkeys(CodeState.__members__, 0)
        for _batch, state, n, _at in tally():
            counts[state] += n
        here = next((value for key, value in request.args.items() if key.endswith("_state.InState")), CodeState.usable.name)
        tabs = (
            (CodeState.usable.name, gettext("Unused"), counts["usable"]),
            (CodeState.used.name, pgettext("activation_code", "Used"), counts["used"]),
            (CodeState.expired.name, pgettext("activation_code", "Expired"), counts["expired"]),
            (CodeState.revoked.name, pgettext("activation_code", "Revoked"), counts["revoked"]),
            ("any", gettext("All"), sum(counts.values())),
        )
        return [{"label": label, "n": n, "current": here == key, "url": self.get_url(".index_view", **_filter(key))} for key, label, n in tabs]

    @property
    def codes_for_missing(self) -> str:
        """Where the first button posts: codes for the students whom nobody can see yet; empty when it is not the person's."""
        missing: dict[str, Any] = {"flt0_access.Clause": "1"}
        return url_for("student.action_view", **missing) if permitted("student", "generate_codes") else ""

    # -- verbs

    def verb_fits(self, verb: str, row: ActivationCode) -> bool:
        """A letter shows a code that still opens something; what is used or revoked stays so."""
        if verb == "print_letters":
            return row.usable and row.purpose is CodePurpose.guardian
        return row.used_at is None and row.revoked_at is None

    @verb(
        "print_letters",
        _("Print the letters"),
        confirm=CODES_IN_CLEAR,
        icon="print",
        whole=True,
    )
    def print_letters(self, selection: Selection) -> ResponseReturnValue:
        """One page for each code that is still usable, by a job; or one alone to oneself, that opens nothing."""
        return letters_or_specimen(printable(db.session, selection.all_ids()))

    def prepare_print_letters(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many letters, and how many codes have none any more."""
        n = len(printable(db.session, selection.all_ids()))
        left = selection.count - n
        over = ngettext("%(num)d chosen code is left out: used, revoked or expired.", "%(num)d chosen codes are left out: used, revoked or expired.", left)
        return {**letters_question(n), "left_out": over if left else ""}

    def called(self, row: ActivationCode) -> str:
        """A code by the child, the guardian if it is for one only, and its last signs."""
        return " – ".join(str(part) for part in (row.student, row.guardian, row) if part is not None)

    @verb("revoke", _("Revoke"), confirm=_("The letters already given open nothing any more. This cannot be undone."), icon="trash", danger=True)
    def revoke(self, record: ActivationCode) -> None:
        """Close the code for ever."""
        record.revoke()

    def prepare_revoke(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many."""
        return {
            "title": ngettext("Revoke this code?", "Revoke %(num)d codes?", selection.count),
            "count_sentence": ngettext("code chosen.", "codes chosen.", selection.count),
            "verb_label": ngettext("Revoke the code", "Revoke %(num)d codes", selection.count),
        }

    # -- print letters?

    @expose("/letters/", methods=("GET", "POST"))
    @gate("print_letters")
    def letters_view(self) -> ResponseReturnValue:
        """After the creation: letters for the whole batch, or back to the list."""
        batch = request.values.get("batch", "")
        ids = codes_of_batch(db.session, batch)
        if not ids:
            abort(404)
        if request.method == "POST":
            try:
                answer = letters_or_specimen(printable(db.session, ids))
            except Refusal as refusal:
                flash(refusal.sentence, "danger")
                return self.back()
            db.session.commit()
            return answer
        n = len(printable(db.session, ids))
        back = own_path(request.args.get("url")) or self.get_url(".index_view")
        return self.render(
            "admin/model/ask.html",
            title=gettext("Print the letters?"),
            count=n,
            count_sentence=ngettext(
                "letter, one page: the address, the code and how to use it.", "letters, one page each: the address, the code and how to use it.", n
            ),
            left_out=gettext("The letters can be printed again later, as long as the code has not been used."),
            verb_label=ngettext("Yes, print %(num)d letter", "Yes, print %(num)d letters", n),
            also=(SPECIMEN, gettext("One to myself first")),
            refusal="" if n else none_printable(),
            ask_url=self.get_url(".letters_view"),
            hidden=[("batch", batch), ("url", back)],
            back_url=back,
            back_label=gettext("No, back to the list"),
            steps=code_steps(),
            step=3,
        )


def letters_question(n: int) -> dict[str, Any]:
    """The question before so many letters are printed."""
    return {
        "count": n,
        "count_sentence": ngettext("letter will be printed, one page.", "letters will be printed, one page each.", n),
        "left_out": "",
        "verb_label": ngettext("Print %(num)d letter", "Print %(num)d letters", n),
        "after": gettext("Every letter holds a code in clear: keep them until they are handed over."),
        "also": (SPECIMEN, gettext("One to myself first")),
        "refusal": "" if n else none_printable(),
    }


def none_printable() -> str:
    """When no chosen code can be printed."""
    return gettext("None of these codes can be printed: they are used, revoked or expired. Create new ones.")


def letters_or_specimen(ids: list[int]) -> ResponseReturnValue:
    """What the question was answered with: all the letters, or the first of them as a specimen to whoever asks. Refused when there is none."""
    if not ids:
        raise Refusal(_("None of these codes can be printed: they are used, revoked or expired. Create new ones."))
    return start(JobKind.print_specimen, {"code": ids[0]}, 1, gettext("Specimen")) if SPECIMEN in request.form else start_letters(ids)


def start_letters(ids: list[int]) -> ResponseReturnValue:
    """Ask for the letters of these codes and lead to the job's page, which shows how far it is. Refused when there is none."""
    if not ids:
        raise Refusal(_("None of these codes can be printed: they are used, revoked or expired. Create new ones."))
    note = ngettext("%(num)d letter", "%(num)d letters", len(ids))
    job = Job.add("print_letters", {"codes": ids}, total=len(ids), note=note)
    db.session.flush()
    return redirect(url_for("job.details_view", id=job.id), code=303)


def _filter(state: str) -> dict[str, str]:
    return {} if state == CodeState.usable.name else {"flt0_state.InState": state}


# --- the part of the student's file ----------------------------------------------------------------------------------------------------


def _codes_of(student: Student) -> dict[str, Any]:
    """Unused codes first; what became of the others below."""
    statement = select(ActivationCode).where(ActivationCode.student_id == student.id, ActivationCode.purpose == CodePurpose.guardian)
    codes = list(db.session.scalars(statement.options(joinedload(ActivationCode.guardian)).order_by(ActivationCode.id.desc())))

    def shown(code: ActivationCode) -> dict[str, Any]:
        when = {CodeState.used: code.used_at, CodeState.revoked: code.revoked_at}.get(code.state) or code.expires_at
        return {"id": code.id, "code": str(code), "who": for_whom(code), "printed": printed(code), "state": code.state, "day": show_date(day_of(when))}

    return {
        "invited": invitations_of(student) if permitted("invitation", "read") else [],
        "usable": [shown(code) for code in codes if code.usable],
        "over": [shown(code) for code in codes if not code.usable],
        "may_print": permitted("activation_code", "print_letters"),
        "may_revoke": permitted("activation_code", "revoke"),
        "may_generate": permitted("student", "generate_codes"),
    }


def _count_codes(student_id: int) -> Any:
    return select(func.count(ActivationCode.id)).where(ActivationCode.student_id == student_id, usable_clause()).scalar_subquery()


declare_part(Part("codes", _("Codes"), "admin/activation/part.html", _codes_of, ("activation_code", "read"), _count_codes, place=30))


def register(app: Flask, admin: Admin) -> None:
    """The screen of codes."""
    admin.add_view(ActivationCodes())
