"""The text of a message: HTML as it came from an editor, cleaned each time somebody is to see it (security 50).

What is allowed: p, br, b, i, ul, ol, li, and a with an address of the web or of mail. Everything else goes, its words stay; what
scripts and styles hold goes with them. Cleaned at output, so that a stricter list holds for yesterday's messages too.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3
from markupsafe import Markup, escape

TAGS = frozenset({"p", "br", "b", "i", "ul", "ol", "li", "a"})
SCHEMES = frozenset({"http", "https", "mailto"})

# What editors write for the same thing.
_SAME = ((re.compile(r"<(/?)strong\b", re.I), r"<\1b"), (re.compile(r"<(/?)em\b", re.I), r"<\1i"), (re.compile(r"<(/?)(?:div|h[1-6])\b", re.I), r"<\1p"))
_BLANKS = re.compile(r"[ \t\r\f\v\n]+")
_EMPTY = re.compile(r"\n{3,}")


def clean(raw: str) -> Markup:
    """The text to show, as HTML of the eight allowed marks and nothing else. Links open apart and tell nobody where they stood."""
    for found, instead in _SAME:
        raw = found.sub(instead, raw)
    cleaned = nh3.clean(
        raw,
        tags=set(TAGS),
        attributes={"a": {"href"}},
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
    return Markup(cleaned)  # noqa: S704 (the one place: nothing but what the list above allows is left)


def plain(raw: str) -> str:
    """The same for a mail without HTML: paragraphs apart, list items behind a dash, the address of a link behind its words."""
    reader = _Reader()
    reader.feed(str(clean(raw)))
    reader.close()
    return _EMPTY.sub("\n\n", "\n".join(line.strip() for line in "".join(reader.parts).splitlines())).strip()


def is_empty(raw: str) -> bool:
    """Whether nothing is there to read."""
    return not plain(raw)


def from_text(text: str) -> str:
    """What somebody typed without an editor, as HTML: blank lines part paragraphs, single ones break lines."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n"))]
    return "".join(f"<p>{str(escape(part)).replace(chr(10), '<br>')}</p>" for part in paragraphs if part)


class _Reader(HTMLParser):
    """Cleaned HTML as text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[tuple[str, int]] = []  # address, where its words begin
        self.lists: list[int | None] = []  # the number of the next item; None: dashes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Break the line where a mark does."""
        if tag == "br":
            self.parts.append("\n")
        elif tag == "p":
            self.parts.append("\n\n")
        elif tag in ("ul", "ol"):
            self.parts.append("\n" if self.lists else "\n\n")
            self.lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            number = self.lists[-1] if self.lists else None
            self.parts.append("\n- " if number is None else f"\n{number}. ")
            if number is not None:
                self.lists[-1] = number + 1
        elif tag == "a":
            self.links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        """End a paragraph, tell where a link leads unless its words say so."""
        if tag in ("p", "ul", "ol"):
            self.parts.append("\n\n")
            if tag != "p" and self.lists:
                self.lists.pop()
        elif tag == "a" and self.links:
            address, start = self.links.pop()
            words = "".join(self.parts[start:]).strip()
            shown = address.removeprefix("mailto:")
            if shown and shown not in words and address not in words:
                self.parts.append(f" ({shown})")

    def handle_data(self, data: str) -> None:
        """Words; blanks as a browser shows them."""
        self.parts.append(_BLANKS.sub(" ", data))
