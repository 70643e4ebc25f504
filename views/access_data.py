"""The screen of access data: who follows whom, who has an account, a code or nothing yet; and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose
from sqlalchemy import func, select

from models import overview
from models.access_data import AccessData, AccessState, Line, codes_of, guardians_of, lines, state_of_rows, students_of
from models.account_holder import holder
from models.base import Refusal
from models.db import db
from models.people import Group, Guardian, Student, StudentStatus
from models.reach import narrower
from models.school import Level
from models.scope import SCOPE, WHO
from views.activation import CODES_IN_CLEAR, letters_or_specimen, letters_question
from views.auth import permitted
from views.base import Screen
from views.codes import CodesForm, CodesVerbs
from views.filters import Row, ScreenFilter
from views.formats import day_of
from views.i18n import gettext, ngettext
from views.i18n import lazy_gettext as _
from views.menu import screens
from views.reset_letters import ONCE_EACH, ResetLetterVerb
from views.student_search import StatusIs, offered
from views.verbs import Selection, Verb, verb

# Each verb is another screen's: (table, right).
RIGHTS = {"generate_codes": ("student", "generate_codes"), "print_letters": ("activation_code", "print_letters")}
RIGHTS |= {"print_reset_letter": ("guardian", "print_reset_letter")}


class InAccess(ScreenFilter):
    """Where the guardian stands."""

    kind = "select"

    def choices(self) -> list[tuple[str, str]]:
        """Every state."""
        return [(state.name, str(state.label)) for state in AccessState]

    def clean(self, value: str) -> str:
        """One of them; ValueError otherwise."""
        if value not in AccessState.__members__:
            raise ValueError(value)
        return value

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(state_of_rows() == value)


class AccessDataScreen(CodesVerbs, Screen):
    """One row for each guardian and child, and one for each child without a guardian."""

    model = AccessData
    name = _("Access data")
    name_of_one = _("Access data")
    icon = "users"
    empty = {"icon": "users", "title": _("Nobody here yet"), "sentence": _("Each [guardian] stands here once for each child, with or without an account.")}
    title_column = "student"
    column_list = ("student", "homeroom", "guardian", "state", "last_sign_in", "printed_at", "email_confirmed")
    column_offered_list = ("student", "homeroom", "guardian", "relation", "authority", "state", "last_sign_in", "printed_at", "email_confirmed")
    column_export_list = column_offered_list
    column_labels = {
        "student": _("[Student]"),
        "homeroom": _("Class"),
        "guardian": _("[Guardian]"),
        "relation": _("Tie"),
        "authority": _("Authority"),
        "state": _("Access"),
        "last_sign_in": _("Last sign-in"),
        "printed_at": _("Last letter"),
        "email_confirmed": _("E-mail confirmed"),
    }
    column_formatters = column_formatters_export = {
        "student": lambda _v, _c, row, _n: str(row.student),
        "homeroom": lambda _v, _c, row, _n: row.homeroom,
        "guardian": lambda _v, _c, row, _n: " · ".join(part for part in (str(row.guardian or ""), holder(row.guardian)) if part),
        "relation": lambda _v, _c, row, _n: str(row.relation or ""),
        "authority": lambda _v, _c, row, _n: str(row.authority or ""),
        "state": lambda _v, _c, row, _n: row.state,
        "last_sign_in": lambda _v, _c, row, _n: day_of(row.last_sign_in) if row.last_sign_in else "",
        "printed_at": lambda _v, _c, row, _n: day_of(row.printed_at) if row.printed_at else "",
        "email_confirmed": lambda _v, _c, row, _n: "" if row.email_confirmed is None else gettext("Yes") if row.email_confirmed else gettext("No"),
    }
    nowrap_columns = ("homeroom", "last_sign_in", "printed_at")
    column_sortable_list = (("student", "student_key"), ("guardian", "guardian_key"))
    column_default_sort = [("student_key", False), ("id", False)]
    column_searchable_list = ("student_key", "guardian_key")
    primary_actions = 3
    verb_order = ("generate_codes", "print_letters", "print_reset_letter")
    private_columns = frozenset()  # no column of a table: nothing private is read

    def __init__(self) -> None:
        self.column_filters = (
            InAccess(AccessData.link_status, _("Access"), "state"),
            StatusIs(AccessData.student_status, _("Status"), "status"),
            Row(AccessData.level_id, _("[Level]"), "level", Level, lambda: offered("level")),
            Row(AccessData.homeroom_id, _("Class"), "homeroom", Group, lambda: offered("class")),
        )
        super().__init__()

    def scaffold_form(self) -> Any:
        """Nothing is written here."""
        return self.form_base_class

    # -- rows

    def get_list(self, page: Any, sort_column: Any, sort_desc: Any, search: Any, filters: Any, **options: Any) -> tuple[int | None, Any]:
        """Unless a status is asked for, the students who are here."""
        if filters is None or all(index != self._place(StatusIs) for index, _name, _value in filters):
            filters = [*(filters or ()), (self._place(StatusIs), "", StudentStatus.active.name)]
        return super().get_list(page, sort_column, sort_desc, search, filters, **options)

    def _place(self, kind: type) -> int:
        return next(i for i, flt in enumerate(self._filters or ()) if isinstance(flt, kind))

    def rows_of(self, ids: list[int], *more: Any) -> list[Line]:
        """These rows in this order."""
        return lines(db.session, ids)

    def counted(self, query: Any, search: Any, filters: Any) -> int:
        """The tabs know how many are in a state."""
        chosen = {index: value for index, _name, value in filters or ()}
        if not search and chosen.pop(self._place(StatusIs)) == StudentStatus.active.name and not set(chosen) - {self._place(InAccess)}:
            wanted = chosen.get(self._place(InAccess))
            return sum(n for state, n in tally().items() if wanted in (None, state))
        return super().counted(query, search, filters)

    def count_text(self, count: int | None) -> str:
        """How many rows: a guardian of two children stands twice."""
        return "" if count is None else ngettext("%(num)d row: one for each [guardian] and child", "%(num)d rows: one for each [guardian] and child", count)

    @property
    def views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # counted at each request
        """All, then by state."""
        counts = tally()
        here = next((value for key, value in request.args.items() if key.endswith("_state.InAccess")), "")
        tabs = [("", gettext("All"), sum(counts.values())), *((s.name, str(s.label), counts.get(s.name, 0)) for s in SHOWN)]
        found = []
        for key, label, n in tabs:
            args: dict[str, Any] = {"flt0_state.InAccess": key} if key else {}
            found.append({"label": label, "n": n, "current": here == key, "url": self.get_url(".index_view", **args)})
        return found

    def row_url(self, row: Line) -> str:
        """The student's file, where guardians and codes are."""
        return url_for("student.details_view", id=row.student.id, part="contacts", url=self.get_url(".index_view")) if permitted("student", "read") else ""

    can_view_details = False

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        """A row has no page of its own: the student's file has."""
        self.need_id()
        return redirect(url_for("student.details_view", id=self.get_one(request.args["id"]).student_id, part="contacts"))

    # -- verbs: each is another screen's, on what these rows are about

    def verb_right(self, verb: Verb) -> tuple[str, str]:
        """Of the screen whose verb it is."""
        return RIGHTS[verb.name]

    def narrower(self, verb: str) -> Any:
        """How far that screen's verb reaches."""
        return narrower(AccessData.__mapper__, SCOPE.get(), WHO.get().roles, verb, RIGHTS[verb][0] if verb in RIGHTS else None)  # type: ignore[attr-defined]

    def verb_fits(self, verb: str, row: Line) -> bool:
        """A reset letter is for who has an account; a letter for whom a code waits."""
        fits = {"print_reset_letter": row.state is AccessState.account, "print_letters": row.state in (AccessState.code, AccessState.account)}
        return fits.get(verb, row.state not in (AccessState.suspended, AccessState.to_check))

    @verb("generate_codes", _("Create codes"), ask=CodesForm, icon="key", whole=True)
    def generate_codes(self, selection: Selection, only_missing: str, quantity: int) -> ResponseReturnValue:
        """For the students of these rows."""
        return CodesVerbs.generate_codes(self, self.students(selection), only_missing, quantity)

    def prepare_generate_codes(self, selection: Selection, form: CodesForm) -> dict[str, Any]:
        """The question of the screen of students."""
        return CodesVerbs.prepare_generate_codes(self, self.students(selection), form)

    @verb(
        "print_letters",
        _("Print the letters"),
        confirm=CODES_IN_CLEAR,
        icon="print",
        whole=True,
    )
    def print_letters(self, selection: Selection) -> ResponseReturnValue:
        """Of the usable codes of these rows."""
        return letters_or_specimen(codes_of(db.session, selection.all_ids()))

    def prepare_print_letters(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many."""
        return letters_question(len(codes_of(db.session, selection.all_ids())))

    @verb(
        "print_reset_letter",
        _("Print a reset letter"),
        confirm=ONCE_EACH,
        icon="print",
        whole=True,
    )
    def print_reset_letter(self, selection: Selection) -> ResponseReturnValue:
        """For the guardians of these rows who have an account."""
        ids = guardians_of(db.session, selection.all_ids())
        if not ids:
            raise Refusal(_("None of these [guardians] has an account: there is no password to choose again. Create codes instead."))
        return ResetLetterVerb.print_reset_letter(self, replace(selection, screen=screens()["guardian"], ids=ids, count=len(ids)))

    def prepare_print_reset_letter(self, selection: Selection, form: Any) -> dict[str, Any]:
        """How many letters."""
        n = len(guardians_of(db.session, selection.all_ids()))
        return {
            "count": n,
            "count_sentence": ngettext("letter will be printed, one page.", "letters will be printed, one page each.", n),
            "verb_label": ngettext("Print %(num)d letter", "Print %(num)d letters", n),
            "refusal": "" if n else gettext("None of these [guardians] has an account: there is no password to choose again. Create codes instead."),
        }

    def called(self, row: Any) -> str:
        """A row of the question by its child and its adult."""
        found = (db.session.get(Student, row.student_id), db.session.get(Guardian, row.guardian_id) if row.guardian_id else None)
        return " – ".join(str(one) for one in found if one is not None)

    def students(self, selection: Selection) -> Selection:
        """The same choice, as the students of its rows."""
        ids = students_of(db.session, selection.all_ids())
        return replace(selection, ids=ids, count=len(ids))


SHOWN = (AccessState.account, AccessState.code, AccessState.nothing, AccessState.to_check, AccessState.suspended)


def tally() -> dict[str, int]:
    """State -> rows of the students who are here; one query a request, kept for a while where there are many."""
    if "access_tally" not in g:
        state = state_of_rows().label("state")
        statement = select(state, func.count()).select_from(AccessData).where(AccessData.student_status == StudentStatus.active).group_by(state)

        def _ask() -> list[tuple[Any, ...]]:
            return [tuple(row) for row in db.session.execute(statement)]

        about = ("access_data", "student", "guardian", "guardian_link", "activation_code")
        g.access_tally = dict(overview.counted("access data", about, _ask, worth=lambda rows: sum(row[1] for row in rows) > overview.LARGE))
    found: dict[str, int] = g.access_tally
    return found


def register(app: Flask, admin: Admin) -> None:
    """The screen of access data."""
    admin.add_view(AccessDataScreen())
