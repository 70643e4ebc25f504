"""Looking a course up (features S2-11): its number however it is typed, one of its numbers, or a title. The wrong sign of a number is told."""

from __future__ import annotations

from typing import Any

from flask import has_request_context, request
from sqlalchemy import func, or_, select
from wtforms.validators import ValidationError

from models.base import Refusal
from models.course_numbers import number_problem, read_course_number
from models.courses import Course
from models.db import db
from models.folding import folded
from models.school import Country
from views import checks
from views.courses import offered
from views.fields import LOOKUP_LETTERS, LOOKUP_ROWS, Lookup, RowField
from views.i18n import gettext
from views.i18n import lazy_gettext as _
from views.searching import field_pattern, folded_like, like, words_of

_DISCIPLINE = 3  # figures of a number that name the discipline


def _number() -> Any:
    """The number without its dashes: people type it without."""
    return func.replace(Course.number, "-", "")


# heading -> (key, words, what is looked through), in the order of the users' own dialog
WAYS: tuple[tuple[Any, tuple[tuple[str, Any, Any], ...]], ...] = (
    (
        _("By number"),
        (
            ("number", _("Number of [the course]"), lambda: Course.number),
            ("discipline_number", _("Number of the discipline"), lambda: func.substr(Course.number, 1, _DISCIPLINE)),
            ("objective", _("Number of the objective"), lambda: Course.objective),
            ("official_number", _("Official number"), lambda: Course.official_number),
            ("sobec_number", _("SOBEC number"), lambda: Course.sobec_number),
        ),
    ),
    (
        _("By title"),
        (
            ("discipline", _("Title of the discipline"), lambda: Course.discipline),
            ("title", _("Title of [the course]"), lambda: Course.title),
        ),
    ),
)
_COLUMNS = {key: column for _heading, ways in WAYS for key, _words, column in ways}


def typed_course(text: str) -> list[Any]:
    """The clauses: every word of a text stands in the number, with or without dashes, or in the title."""
    return [or_(*(folded_like(column, f"%{like(word)}%") for column in (Course.number, _number(), Course.title))) for word in words_of(text)]


class Told(str):
    """A sentence that stands among what was found: nobody can choose it."""


class CourseLookup(Lookup):
    """The courses that are still offered, by whatever somebody knows of them."""

    def __init__(self, name: str = "course") -> None:
        super().__init__(name, Course, ("number", "title"), offered(Course))
        self.field = CourseField

    def format(self, model: Any) -> tuple[Any, str] | None:
        """As any row; a sentence without identifier."""
        return ("", str(model)) if isinstance(model, Told) else super().format(model)

    def get_list(self, query: str, offset: int = 0, limit: int = LOOKUP_ROWS) -> list[Any]:
        """Up to twenty courses, after what is wrong with a number that was typed."""
        by = request.values.get(f"by-{self.name}") or request.values.get("by", "") if has_request_context() else ""
        if by in _COLUMNS:
            return self._rows(_one_field(by, query)) if query.strip() else []
        words = words_of(query or "")
        if sum(map(len, words)) < LOOKUP_LETTERS:
            return []
        problem = number_problem(query, Country[checks.country()])
        if problem is not None:
            return [Told(problem[0].sentence), *self._rows([Course.number == problem[1]])]
        return self._rows(typed_course(query))

    def _rows(self, clauses: list[Any]) -> list[Course]:
        statement = select(Course).where(*clauses, self.where())
        with db.session.no_autoflush:
            return list(db.session.scalars(statement.order_by(Course.number).limit(LOOKUP_ROWS)))

    def exact(self, typed: str) -> Course | None:
        """The one course that a typed text means: its number, or the only one that it finds."""
        try:
            number = read_course_number(typed, Country[checks.country()])
        except Refusal:
            number = ""
        found = self._rows([Course.number == number]) if number else []
        found = found or [row for row in self.get_list(typed) if not isinstance(row, Told)]
        wrong = number_problem(typed, Country[checks.country()])
        return found[0] if len(found) == 1 and wrong is None else None


def _one_field(by: str, query: str) -> list[Any]:
    """One field: its beginning for a number (dashes do not matter), anywhere for a title; `*` and `?` are wild."""
    column = _COLUMNS[by]()
    if by in ("title", "discipline"):
        return [folded_like(column, field_pattern(query))]
    bare = func.replace(folded(column), "-", "")
    text = like("".join(words_of(query)).replace("-", ""))
    return [bare.like(text if "*" in query or "?" in query else f"{text}%", escape="\\")]


class CourseField(RowField):
    """A course: chosen by look-up, or its number typed. What was typed is posted beside the choice, and read when nothing is chosen."""

    takes_typed = True
    ways = WAYS

    def process_formdata(self, valuelist: Any) -> None:
        """The chosen course, else the one that the typed text means."""
        super().process_formdata(valuelist)
        typed = request.form.get(f"look-{self.name}", "").strip()[:100] if has_request_context() else ""
        if self.data is None and not self.missing and typed and "_look" not in request.form:
            self.typed = typed
            self.data = self.loader.exact(typed)

    def look(self, typed: str) -> None:
        """Offer what a search without script finds; a sentence is told, not offered."""
        self.typed = typed[:100]
        self.way = request.form.get(f"by-{self.name}", "")
        rows = self.loader.get_list(self.typed)
        self.told = next((str(row) for row in rows if isinstance(row, Told)), "" if typed.strip() else gettext("Type a number, or a word of a title."))
        self.found = [pair for row in rows if not isinstance(row, Told) and (pair := self.loader.format(row))]

    told = way = ""

    def pre_validate(self, form: Any) -> None:
        """Refuses a text that means no course, by its wrong sign where it has one."""
        if self.data is None and self.typed and not self.missing:
            problem = number_problem(self.typed, Country[checks.country()])
            if problem is not None:
                raise ValidationError(problem[0].sentence)
            sentence = gettext("No [course] of the catalogue is “%(value)s”. Type its number or a word of its title, then choose it.", value=self.typed)
            raise ValidationError(sentence)
        super().pre_validate(form)


__all__ = ["WAYS", "CourseField", "CourseLookup"]
