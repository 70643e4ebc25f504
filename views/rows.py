"""The rows of a list, drawn from one skeleton: the template writes a row once, with marks where a value comes; each row fills it in.

A list of 50 rows drawn tag by tag costs five times as much. Data is never marked as safe: joining escapes whatever is not markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from models.base import Choice

if TYPE_CHECKING:
    from flask_admin.contrib.sqla import ModelView as Base

    from views.verbs import Verb
else:
    Base = object

MARK = "\ue000"  # no text of ours holds it: labels refuse signs of private use


def mark(name: str) -> str:
    """Where the value of this name comes, in a skeleton."""
    return f"{MARK}{name}{MARK}"


def fill(skeleton: Markup, rows: Iterable[dict[str, Any]]) -> Markup:
    """The skeleton once for each row, its marks replaced by the row's values.

    Each value is escaped here, but for what a macro has drawn; the skeleton's own pieces are joined as they are (escaping them again,
    piece by piece, would take a tenth of the page's time).
    """
    pieces = [str(piece) for piece in skeleton.split(MARK)]
    names = pieces[1::2]
    found = []
    for row in rows:
        pieces[1::2] = [str(escape(row[name])) for name in names]
        found.append("".join(pieces))
    return Markup("".join(found))  # noqa: S704 (the pieces are the template's, each value was escaped above)


def cells(macro: Callable[[Any], Markup]) -> Callable[[Any], Any]:
    """A value of a column as it stands in its cell: texts as they are, everything else by the macro, states once each."""
    states: dict[Choice, Markup] = {}
    nothing = macro("")

    def cell(value: Any) -> Any:
        if type(value) is str:
            return value or nothing
        if isinstance(value, Choice):
            if value not in states:
                states[value] = macro(value)
            return states[value]
        return macro(value)

    return cell


class Rows(Base):
    """The drawing half of a `Screen`'s list."""

    title_column: str
    verbs: dict[str, Verb]

    if TYPE_CHECKING:

        def verb_fits(self, verb: str, row: Any) -> bool:
            """Of the screen."""

    @staticmethod
    def mark(name: str) -> str:
        """For the skeleton: the name of a column, or `#pk`, `#unfit` (verbs that the row cannot take), `#title`, `#name` (the title, as the link it is)."""
        return mark(name)

    @pass_context
    def draw_rows(self, context: Context, skeleton: Markup, link: Markup, rows: list[Any], macro: Callable[[Any], Markup]) -> Markup:
        """All rows of the page. `link` is the skeleton of a title that leads somewhere, with `to` and `text`; `macro` draws a cell's value."""
        cell = cells(macro)
        here = self.get_url(".index_view")  # addresses below the list's own are written from there
        names = list(dict.fromkeys([*(name for name, _label in self._list_columns), self.title_column]))

        def drawn(row: Any) -> dict[str, Any]:
            values = {name: self._get_list_value(context, row, name, self.column_formatters, self.column_type_formatters) for name in names}
            found = {name: cell(value) for name, value in values.items()}
            to, title = self.row_url(row).removeprefix(here), found[self.title_column]
            found["#name"] = fill(link, [{"to": to, "text": title}]) if to else title
            unfit = " ".join(name for name in self.verbs if not self.verb_fits(name, row))
            return {**found, "#pk": str(row.id), "#unfit": unfit, "#title": str(values[self.title_column])}

        return fill(skeleton, map(drawn, rows))
