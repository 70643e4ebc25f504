"""Every page of the application seen once, with each translated text between marks and its nouns still open.

A text that went through gettext reads ⟦Ajouter [a student]⟧: what stands outside the marks is data or was forgotten (test_pseudo), and
what stands inside is written out afterwards with any glossary (test_glossaries). The pages are those of `app.url_map` and whatever they
lead to, so that a screen added tomorrow is seen too. Everything happens in one transaction that is rolled back.
"""

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from conftest import signed_in
from hands import token

from views.i18n import start_again

OPEN, CLOSE = "⟦", "⟧"
_INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
SPOKEN = ("title", "aria-label", "aria-description", "aria-roledescription", "alt", "placeholder", "label")
# Names of verbs and fields, for the scripts; paper and language, for the compiler.
KEYS = ("data-no", "data-combo", "data-field", "data-words", "data-seen", "kind", "lang", "paper", "qr", "region")
_BUTTONS = ("submit", "button", "reset")
_SILENT = ("script", "style", "svg", "code", "pre", "kbd")
_SHAPED = re.compile(r"[0-9a-f]{16,}|\d+")
_SAME = {
    "sort",
    "desc",
    "page",
    "page_size",
    "url",
    "next",
    "back",
    "at",
    "search",
    "by",
    "list_form_pk",
    "number",
    "batch",
    "rowid",
    "q",
    "code",
    "address",
    "table",
}
# Answers that are files, or are read by machines.
NO_PAGE = re.compile(r"/(admin/)?static/|/healthz|/export/|/download/|/file/|/model/|/ajax/|/parent/card|\.(csv|xlsx|pdf|po|zip|json)$")
OFTEN = 5  # looks at one address with other arguments
# A screen without a form has these addresses all the same; what stands there is the page that says no.
CLOSED = re.compile(r"/(new|edit|bulk_edit)/")


@contextmanager
def marked():
    """Every text between marks, its tokens as they stand in the catalogue."""

    start_again()
    try:
        with patch("models.overlay.resolve", lambda text, _nouns, _language: f"{OPEN}{text}{CLOSE}"):
            yield
    finally:
        start_again()


@dataclass
class Piece:
    """A text somebody reads: where on the page, and what."""

    where: str
    text: str

    def outside(self):
        """What no mark holds."""
        text, found = self.text, 1
        while found:
            text, found = _INNERMOST.subn(" ", text)
        return text


@dataclass
class Page:
    """A page as it was seen."""

    who: str
    address: str
    status: int
    pieces: list[Piece]
    links: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    html: str = ""

    def __str__(self):
        return f"{self.who} {self.address} ({self.status})"


class Reading(HTMLParser):
    """The texts of a page: nodes, spoken attributes, what scripts are given."""

    def __init__(self, html):
        super().__init__()
        self.pieces, self.links, self.stack, self.answers, self.select = [], [], [], {}, ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("br", "img", "input", "meta", "link", "hr", "wbr", "col", "use", "path"):
            self.stack.append((tag, given))
        if tag == "a" and re.match(r"[^#:]+$|[^#:]*\?", given.get("href", "")):
            self.links.append(given["href"])
        for name, value in given.items():
            if value and (name in SPOKEN or (name == "value" and tag == "input" and given.get("type") in _BUTTONS)):
                self.note(f"{tag}[{name}]", value)
            elif value and name.startswith("data-") and name not in KEYS:
                for text in told(value):
                    self.note(f"{tag}[{name}]", text)
        self.answer(tag, given)
        if tag == "meta" and given.get("name") == "description":
            self.note("meta", given.get("content", ""))

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        inside = [tag for tag, _given in self.stack]
        if "script" in inside:
            if self.stack[-1][1].get("type") == "application/json":
                for text in strings(json.loads(data)):
                    self.note("script", text)
        elif not any(tag in _SILENT for tag in inside) and not any("lang" in given and tag != "html" for tag, given in self.stack):
            self.note("/".join(inside[-2:]), data)

    def answer(self, tag, given):
        """What the form on the page would send: what is filled in, the first of several."""
        name, kind = given.get("name"), given.get("type")
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select and (given.get("value") or "selected" in given):
            if "selected" in given or self.select not in self.answers:
                self.answers[self.select] = given.get("value", "")
        elif tag == "input" and name and kind not in (*_BUTTONS, "file") and ("checked" in given or (kind != "checkbox" and name not in self.answers)):
            self.answers[name] = given.get("value") or ("1" if "required" in given else "")

    def note(self, where, text):
        text = " ".join(text.split(" ")).strip()
        if text.strip():
            self.pieces.append(Piece(where, " ".join(text.split())))


def strings(value):
    """Every text of nested lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            if name not in KEYS:
                yield from strings(one)
    elif isinstance(value, list) and value and all(isinstance(one, dict) and "text" in one for one in value):
        yield "".join(one["text"] for one in value)  # one sentence in pieces
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def told(value):
    """What an attribute for scripts says to people: no key, number, address or selector."""
    if value[:1] in "[{":
        try:
            return [text for text in strings(json.loads(value)) if re.search(r"[^\W\d_]", text)]
        except ValueError:
            pass
    return [] if re.fullmatch(r"[\w.,:#/?=&%|-]*", value, re.ASCII) else [value]


class Tour:
    """Browsers that look at everything, and what they saw."""

    def __init__(self, app):
        self.app, self.pages, self.browsers = app, [], {}
        self.rules, self.often = Counter(), Counter()
        self.seen = set()

    def browser(self, who):
        """A browser of that account; "" is a stranger."""
        if who not in self.browsers:
            self.browsers[who] = signed_in(self.app, who) if who else self.app.test_client()
        return self.browsers[who]

    def look(self, who, address, **post):
        """Open an address (or post a form there), follow where it leads, keep what is read."""
        browser = self.browser(who)
        if post:
            fields = {"csrf_token": self.token(who), **post}
            answer = browser.post(address, data=fields, buffered=True)
        else:
            answer = browser.get(address, buffered=True)
        if answer.status_code in (301, 302, 303) and answer.headers["Location"].startswith("/"):
            self.count(address)
            return self.look(who, answer.headers["Location"])
        page = Page(who, f"{'POST ' if post else ''}{address}{' ' + post['action'] if 'action' in post else ''}", answer.status_code, [])
        if answer.mimetype == "text/html":
            reading = Reading(answer.get_data(as_text=True))
            page.pieces, page.links = reading.pieces, [urljoin(address, link) for link in reading.links]
            page.html, page.answers = answer.get_data(as_text=True), {k: v for k, v in reading.answers.items() if k not in ("q", "csrf_token")}
        if not post and (answer.status_code == 200 or (answer.status_code == 403 and CLOSED.search(address))):
            self.count(address)
        self.pages.append(page)
        return page

    def count(self, address):
        """Remember which rule of the application serves this address."""
        adapter = self.app.url_map.bind("localhost")
        if adapter.test(urlsplit(address).path, method="GET"):
            self.rules[str(adapter.match(urlsplit(address).path, method="GET", return_rule=True)[0])] += 1

    def token(self, who):
        """A token of that account's session."""
        key = f"token of {who}"
        if key not in self.browsers:
            self.browsers[key] = token(self.browser(who).get("/account" if who else "/login").text)
        return self.browsers[key]

    def walk(self, who, *addresses, most=500):
        """Look at these addresses and at every page of a new shape they lead to."""
        waiting = list(addresses)
        while waiting and most:
            address = waiting.pop(0).partition("#")[0]
            if "~" in address or "labels=1" in address or (shape := (who, shape_of(address))) in self.seen or NO_PAGE.search(urlsplit(address).path):
                continue
            self.seen.add(shape)
            self.often[path := (who, shape[1].partition("?")[0])] += 1
            if self.often[path] > OFTEN:
                continue
            most -= 1
            page = self.look(who, address)
            waiting += page.links


def shape_of(address):
    """What two addresses of the same kind of page have in common: path without numbers, arguments that choose a part."""
    parts = urlsplit(address)
    arguments = sorted((name, _SHAPED.sub("N", value)) for name, value in parse_qsl(parts.query) if name not in _SAME and not name.startswith("flt"))
    return f"{_SHAPED.sub('N', parts.path)}?{urlencode(arguments)}"


def screens(app):
    """The registered screens, by table."""
    from views.base import Screen

    return {view.table: view for view in app.extensions["admin"][0]._views if isinstance(view, Screen)}
