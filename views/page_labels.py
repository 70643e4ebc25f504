"""Labels of this page: any page lists the texts it used, beside itself, and lets whoever may write labels change them there.

`?labels=1` answers the same page with a panel. The argument is taken out of the address before the page is made, so that the page is
exactly what it is without the panel. What a page used is what it asks our readers of texts for while it is made (headings, menus, forms,
checks, refusals, texts given to scripts); without the argument nothing is noted and nothing is asked of the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, g, message_flashed, request, session, url_for
from flask_login import current_user
from werkzeug.datastructures import ImmutableMultiDict

from models.base import fold
from models.overlay import Asked, Heard
from models.scope import WHO
from models.texts import Shown, code_of, preview, shown_text, tokens_of
from models.tokens import PLACE, fill
from views.auth import SAFE, permitted
from views.i18n import hear, reader_in
from views.label_texts import reading_language, texts_in
from views.text_places import places_of

ARGUMENTS = ("labels", "labels_text", "labels_search")
MESSAGES_KEPT = 5  # of the last act: their texts stand in the panel of the page that follows
MOST = 600  # texts that a page answering to a form may send on


@dataclass
class Row:
    """A text in the panel: its address there, whether it is the one that is open."""

    text: Shown
    url: str
    is_open: bool


@dataclass
class Panel:
    """What the person asked of the labels of the page they are on."""

    address: str
    chosen: str
    search: str
    heard: Heard
    said: tuple[str, ...] = ()
    _frozen: list[tuple[Shown, bool]] = field(default_factory=list)

    def begin(self) -> str:
        """The page is being written: from here on the texts come in the order in which they are read."""
        self.heard.stage = 1
        return ""

    def in_frame(self, frame: bool) -> str:
        """What is asked from here on belongs to the frame of every page, or to this page."""
        self.heard.own = not frame
        return ""

    def freeze(self) -> str:
        """Stop listening: the panel's own texts are not those of the page. An error page that must replace this one has no panel."""
        hear(None)
        g.pop("panel", None)
        self._frozen = _known((asked, own) for asked, (_stage, own) in sorted(self.heard.texts.items(), key=lambda line: -line[1][0]))
        return ""

    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows: the page's own, the messages of the last act, then the frame's."""
        said = [text for code in self.said for text, _own in self._frozen if text.code == code]
        heard = {text.code for text, _own in self._frozen}
        said += [text for code in self.said if code not in heard and (text := find_code(code)) is not None]
        told = {text.code for text in said}
        page = [text for text, own in self._frozen if own and text.code not in told]
        frame = [text for text, own in self._frozen if not own and text.code not in told]
        return [("page", self._rows(page)), ("said", self._rows(said)), ("frame", self._rows(frame))]

    def _rows(self, texts: list[Shown]) -> list[Row]:
        words = fold(self.search).split()
        found = [text for text in texts if all(word in text.folded for word in words)]
        return [Row(text, f"{self.url(labels_text=text.code)}#label-{text.code}", text.code == self.chosen) for text in found]

    def url(self, **more: str) -> str:
        """The page with its panel."""
        arguments = {"labels": "1", **({"labels_search": self.search} if self.search else {}), **more}
        return f"{self.address}{'&' if '?' in self.address else '?'}{urlencode(arguments)}"

    def facts(self, text: Shown, back: str) -> dict[str, Any]:
        """What the open text shows: its forms as they are written, what they give, tokens, default, where else it stands."""
        from views.labels import marks, text_rows

        language, reader, message = reading_language(), text.reader, text.message
        rows = text_rows(text, language)
        own = [reader.own(*message.key, number) for number in text.forms]
        defaults = [reader.default(message, number) for number in text.forms]
        values = [default if mine is None else mine for mine, default in zip(own, defaults, strict=True)]
        return {
            "action": url_for("label.text_view", code=text.code, language=language, url=back),
            "marks": marks(rows),
            "written": values,
            "defaults": defaults,
            "previews": [preview(reader, words, number) for number, words in enumerate(values)],
            "tokens": tokens_of(reader, message, values),
            "places": places_of(text.catalogue, message.key),
            "may_reset": bool(rows) and permitted("label", "reset"),
        }

    @staticmethod
    def reads(text: Shown) -> str:
        """The text as the page says it, with an ellipsis where a value stands."""
        return " · ".join(fill(form, dict.fromkeys(PLACE.findall(form), "…")) for form in text.seen)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the panel's search sends beside the words: the page's own arguments."""
        return [*request.args.items(multi=True), ("labels", "1")]


def find_code(code: str) -> Shown | None:
    """The text of this code in the reader's language."""
    return next(iter(texts_of_codes([code])), None)


def texts_of_codes(codes: Iterable[str]) -> list[Shown]:
    """The texts of these codes in the reader's language, in that order; unknown ones are left out."""
    wanted = dict.fromkeys(codes)
    known = {text.code: text for text in texts_in(reading_language()) if text.code in wanted}
    return [known[code] for code in wanted if code in known]


def may_write() -> bool:
    """Whether this person may change labels on pages. Who looks as somebody else only reads."""
    if not g.get("loaded") or not current_user.is_authenticated:
        return False
    return current_user.portal is None and current_user.seeing is None and bool(WHO.get().roles) and permitted("label", "edit")


def init_page_labels(app: Flask) -> None:
    """Listen when asked; called once, after the door."""
    app.before_request(_listen)
    app.context_processor(_frame)
    message_flashed.connect(_note_message, app)


def _listen() -> None:
    asked = "labels" in request.args
    if not g.get("loaded") or (request.method in SAFE and not asked):
        return
    allowed = may_write()
    chosen, search = request.args.get("labels_text", ""), request.args.get("labels_search", "").strip()[:200]
    if asked:
        rest = [(name, value) for name, value in request.args.items(multi=True) if name not in ARGUMENTS]
        request.args = ImmutableMultiDict(rest)
        request.query_string = urlencode(rest).encode()
        if not allowed and current_user.is_authenticated:
            abort(403)
    if not allowed:
        return
    heard = Heard()
    hear(heard)
    if asked and request.method in SAFE:
        g.panel = Panel(request.full_path.rstrip("?"), chosen, search, heard, tuple(session.get("said", ())))


def _frame() -> dict[str, Any]:
    if not may_write():
        return {}
    if request.method not in SAFE:  # such a page cannot be asked for again: it sends the list of its texts
        return {"labels_codes": _codes}
    here = request.full_path.rstrip("?")
    return {"labels_url": f"{here}{'&' if '?' in here else '?'}labels=1#labels", "labels_panel": g.get("panel")}


def _codes() -> dict[str, str]:
    """What the button of a page that answers to a form sends: the codes of the texts it used, and where that form stands."""
    heard: Heard | None = g.get("heard")
    asked = list(heard.texts)[-MOST:] if heard else []
    return {"codes": " ".join(code_of(catalogue, context, msgid) for catalogue, _language, context, msgid in asked), "action": url_for("label.page_view")}


def _known(heard: Iterable[tuple[Asked, bool]]) -> list[tuple[Shown, bool]]:
    """Those of the texts that a catalogue knows; another language than the reader's is left to the Labels screen."""
    language = reading_language()
    found = ((shown_text(reader_in(asked[0], asked[1]), asked[2], asked[3]), own) for asked, own in heard if asked[1] == language)
    return [(text, own) for text, own in found if text is not None]


def _note_message(_app: Flask, message: Any, category: str, **_more: Any) -> None:
    """Remember which texts a message of this request came from: it is shown on the next page, which has not asked for them."""
    heard: Heard | None = g.get("heard")
    if heard is None or request.endpoint in ("label.text_view", "label.page_view"):
        return
    words = str(message["text"] if isinstance(message, dict) else message)
    said = [code for code in session.get("said", ()) if g.get("said")]  # those of an earlier act are forgotten
    g.said = True
    for catalogue, language, context, msgid in reversed(heard.texts):
        text = shown_text(reader_in(catalogue, language), context, msgid)
        if text is not None and any(_says(form, words) for form in text.seen):
            said.append(text.code)
            break
    session["said"] = said[-MESSAGES_KEPT:]


def _says(form: str, words: str) -> bool:
    """Whether a sentence is this text with its places filled; a text of places alone says nothing."""
    if not fill(form, dict.fromkeys(PLACE.findall(form), "")).strip(" .:,"):
        return False
    pattern = ".*".join(re.escape(part) for part in re.split(PLACE.pattern.replace("(\\w+)", "\\w+"), form))
    return re.fullmatch(pattern, words, re.DOTALL) is not None
