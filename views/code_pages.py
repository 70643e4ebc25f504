"""Where codes are made and letters printed for many: who first, by one button or by a search; then the list with its tick boxes.

The list is the usual one of students or of codes; the address says what it was opened for (`?for=codes`, `?for=letters`), so that it offers that
verb alone and says where one stands.
"""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select

from models import overview
from models.activation import ActivationCode, usable_clause
from models.db import db
from models.people import Group, Guardian, Student
from views.account import LANGUAGES
from views.base import gate
from views.codes import code_steps
from views.filters import Row, ScreenFilter, YesNo
from views.i18n import gettext, language_name, ngettext
from views.saved_views import FOR
from views.student_search import offered

Choices = list[tuple[str, str]]


class LanguageIs(ScreenFilter):
    """In which language somebody is written to."""

    kind = "select"

    def choices(self) -> Choices:
        """The languages of the application."""
        return [(code, language_name(code)) for code, _name in LANGUAGES]

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(self.get_column(alias) == value)


class InLanguage(LanguageIs):
    """The language of whoever opens the letter of a code: its guardian, else the student."""

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """Add the clause."""
        code = ActivationCode
        theirs = select(Guardian.id).where(Guardian.language == value)
        pupils = select(Student.id).where(Student.language == value)
        return query.filter(code.guardian_id.in_(theirs) | (code.guardian_id.is_(None) & code.student_id.in_(pupils)))


class OfGroup(Row):
    """A group of the student whose code it is."""

    def apply(self, query: Any, value: int, alias: Any = None) -> Any:
        """Add the clause."""
        members = select(Student.id).where(Student.groups.any(Group.id == value) if value else ~Student.groups.any())
        return query.filter(ActivationCode.student_id.in_(members))


class NeverPrinted(YesNo):
    """Whether no letter of the code has been printed yet."""

    def apply(self, query: Any, value: bool, alias: Any = None) -> Any:
        """Add the clause."""
        return query.filter(ActivationCode.printed_count == 0 if value else ActivationCode.printed_count > 0)


def _lists(of_student: str, of_group: str) -> list[tuple[str, str, Choices]]:
    """(name of the filter, label, options) of what the school sorts its students by."""
    kinds = (("level", gettext("[Level]"), of_student), ("homeroom", gettext("Class"), of_student), ("group", gettext("[Group]"), of_group))
    found: list[tuple[str, str, Choices]] = []
    for kind, label, name in kinds:
        rows = offered({"homeroom": "class"}.get(kind, kind))
        key = "groups" if kind == "group" and name == "Member" else kind
        if rows:
            found.append((f"flt{len(found)}_{key}.{name}", label, [(str(row.id), str(row)) for row in rows]))
    return found


class CodePages:
    """The two pages, mixed into the screen of codes."""

    get_url: Any
    render: Any

    @expose("/create/")
    @gate("generate_codes", "student")
    def create_codes_view(self) -> ResponseReturnValue:
        """Codes: for those whom nobody can see yet, else for whom the search finds."""
        n = overview.students().unseen or 0
        missing: dict[str, Any] = {"flt0_access.Clause": "1"}
        filters = _lists("Row", "Member")
        filters.append((f"flt{len(filters)}_language.LanguageIs", gettext("Language"), LanguageIs(None, "", "").choices()))
        return self.render(
            "admin/activation/choose.html",
            title=gettext("Create codes"),
            steps=code_steps(),
            first={
                "title": gettext("Codes for [students] whom nobody can see yet"),
                "count": n,
                "sentence": ngettext(
                    "[student] without a usable code, whom no [guardian] follows.", "[students] without a usable code, whom no [guardian] follows.", n
                ),
                "url": url_for("student.action_view", **missing),
                "action": "generate_codes",
                "label": ngettext("Create the code", "Create their codes", n),
                "icon": "key",
                "none": gettext("Each [student] has a usable code or a [guardian] online."),
            },
            search={
                "title": gettext("Codes for one [student] or for a [group]"),
                "sentence": gettext("Leave everything empty to see all the [students]."),
                "url": url_for("student.index_view"),
                "label": gettext("See the [students]"),
                "for": "codes",
                "filters": filters,
                "tick": None,
            },
        )

    @expose("/print/")
    @gate("print_letters")
    def print_view(self) -> ResponseReturnValue:
        """Letters of codes that exist: those never printed, else those that the search finds."""
        n = db.session.scalar(select(func.count(ActivationCode.id)).where(usable_clause(), ActivationCode.printed_count == 0)) or 0
        filters = _lists("OfStudent", "OfGroup")
        filters.append((f"flt{len(filters)}_language.InLanguage", gettext("Language of the letter"), LanguageIs(None, "", "").choices()))
        return self.render(
            "admin/activation/choose.html",
            title=gettext("Print the letters"),
            steps=None,
            first={
                "title": gettext("Letters never printed"),
                "count": n,
                "sentence": ngettext("usable code whose letter was never printed.", "usable codes whose letters were never printed.", n),
                "url": self.get_url(".action_view", **{"flt0_printed.NeverPrinted": "1"}),
                "action": "print_letters",
                "label": ngettext("Print this letter", "Print these letters", n),
                "icon": "print",
                "none": gettext("Every usable code has been printed at least once."),
            },
            search={
                "title": gettext("Letters of chosen codes"),
                "sentence": gettext("Leave everything empty to see all the unused codes."),
                "url": self.get_url(".index_view"),
                "label": gettext("See the codes"),
                "for": "letters",
                "filters": filters,
                "tick": (f"flt{len(filters)}_printed.NeverPrinted", gettext("Never printed only")),
            },
        )


class OpenedFor:
    """A list that was opened for one verb offers it alone, and says what comes next."""

    opened_for: dict[str, tuple[str, Any]] = {}  # what the address says -> (verb, sentence)

    def list_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """The tabs of the list stay on it."""
        found: dict[str, Any] = super().list_context(context)  # type: ignore[misc]
        wanted = request.args.get(FOR, "")
        for tab in found.get("tabs") or () if wanted in self.opened_for else ():
            tab["url"] += f"{'&' if '?' in tab['url'] else '?'}{FOR}={wanted}"
        return found

    def render(self, template: str, **kwargs: Any) -> str:
        """Add the sentence and its steps, keep the one verb."""
        verb, sentence = self.opened_for.get(request.args.get(FOR, ""), ("", ""))
        if verb and "data" in kwargs:
            kwargs["actions"] = [action for action in kwargs.get("actions") or () if action[0] == verb]
            kwargs["choosing"] = {"sentence": str(sentence), "steps": code_steps() if verb == "generate_codes" else None}
        return str(super().render(template, **kwargs))  # type: ignore[misc]
