"""Where a text stands: the screens, the frame, the lists and forms, the portals and papers whose own source names it.

Read from the source, once in a process: screens are declared as data, so that their classes, the templates these name and the columns of
their models say which texts they use. It costs no table and no request, cannot grow, and every process says the same. What only a value
decides (the words of a refusal) belongs to the part of the application that says it.
"""

from __future__ import annotations

import ast
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import current_app, url_for
from jinja2 import TemplateNotFound, nodes
from jinja2.meta import find_referenced_templates

from models.base import Choice
from models.catalogue import ADMIN, CATALOGUES, MESSAGES, Key
from models.words import key_of
from views.i18n import lazy_gettext as _
from views.menu import screens

ROOT = Path(__file__).resolve().parent
# Callables that take an English msgid; those of the second set take a context first.
_PLAIN = {"_", "gettext", "lazy_gettext", "N_", "ngettext", "lazy_ngettext"}
_CONTEXT = {"_p", "pgettext", "lazy_pgettext", "npgettext"}
_STRING = r'("(?:[^"\\\n]|\\.)*")'
_CALL = re.compile(rf"\b(\w+)\(\s*{_STRING}(?:,\s*{_STRING})?")
EVERY, LISTS, MODELS, PAPERS = "every", "lists", "models", "papers"
# Places that are no screen. Modules that none of them names are part of every page.
PLACES: dict[str, Any] = {
    EVERY: _("Every page"),
    LISTS: _("Lists and forms"),
    "home": _("Home"),
    "sign_in": _("Sign in and registration"),
    "account": _("My account"),
    "portal": _("Pages of [guardians]"),
    MODELS: _("Answers and refusals"),
    PAPERS: _("Letters, mails and files"),
}
_MODULES = {
    "home": "home",
    "todos": "home",
    "portal": "portal",
    "account": "account",
    "auth": "sign_in",
    "doors": "sign_in",
    "passwords": "sign_in",
    "two_factor": "sign_in",
    "second_step_verb": LISTS,
    **dict.fromkeys(("base", "saving", "lists", "rows", "columns", "saved_views", "bulk_edit", "verbs", "fields", "filters", "export", "history"), LISTS),
    **dict.fromkeys(("custom", "history_undo", "history_words", "trash", "formats", "busy"), LISTS),
}
_TEMPLATES = (
    ("portal/", "portal"),
    ("portal.html", "portal"),
    ("account", "account"),
    ("admin/model/", LISTS),
    ("admin/actions", LISTS),
    ("admin/bulk_edit", LISTS),
    ("admin/index", "home"),
    ("admin/search", "home"),
    ("admin/base", EVERY),
    ("print/", PAPERS),
    ("mail/", PAPERS),
    ("errors/", EVERY),
    *((name, "sign_in") for name in ("gate", "login", "forgot", "reset", "setup", "two_factor/")),
)  # fmt: skip
_COMMON = {"shell.html", "page.html", "macros.html", "forms.html", "bare.html", "confirm.html", "resume.html"}


@dataclass(frozen=True)
class Place:
    """Where a text stands, in words; empty address: nowhere to go, or not for this person."""

    name: str
    words: str
    url: str


@dataclass
class _Named:
    """The texts and the templates that a piece of source names."""

    texts: set[Key] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)

    def take(self, other: _Named) -> None:
        """Name what the other names too."""
        self.texts |= other.texts
        self.templates |= other.templates


@dataclass
class _Module:
    """What a file says: its own part, and each class."""

    own: _Named
    classes: dict[str, _Named]

    def all_texts(self) -> set[Key]:
        """Every text of the file."""
        return self.own.texts.union(*(part.texts for part in self.classes.values()))


_known: dict[Key, tuple[str, ...]] = {}
_lock = threading.Lock()


def places() -> dict[Key, tuple[str, ...]]:
    """The names of the places of every text of the application, worked out once."""
    with _lock:
        if not _known:
            _known.update(_read_all())
    return _known


def places_of(catalogue: str, key: Key) -> list[Place]:
    """Where a text stands, the screens that the person may open as links."""
    names: Iterable[str] = places().get(key, ()) if catalogue == MESSAGES else (LISTS,) if catalogue in CATALOGUES else ()
    return [place_called(name) for name in names]


def place_called(name: str) -> Place:
    """A place by its name."""
    if name in PLACES:
        return Place(name, str(PLACES[name]), "")
    view = screens()[name]
    return Place(name, str(view.name), url_for(f"{name}.index_view") if view.is_accessible() else "")


def every_place() -> list[Place]:
    """Every place that holds a text, in the order of the menu."""
    held = {name for names in places().values() for name in names}
    return [place_called(name) for name in (*PLACES, *screens()) if name in held or name == LISTS]


def stands_in(name: str, catalogue: str, key: Key) -> bool:
    """Whether a text stands in this place."""
    return name in places().get(key, ()) if catalogue == MESSAGES else name == LISTS and catalogue in (ADMIN, *CATALOGUES)


# --- reading the source --------------------------------------------------------------------------------------------------------


def _read_all() -> dict[Key, tuple[str, ...]]:
    found: defaultdict[Key, dict[str, None]] = defaultdict(dict)
    modules = {path.stem: _module(path) for path in sorted(ROOT.glob("*.py"))}
    used = {(base.__module__, base.__name__) for view in screens().values() for base in type(view).__mro__}
    for stem, module in modules.items():  # forms and the like belong to the whole of their file
        for name in [name for name in module.classes if (f"views.{stem}", name) not in used]:
            module.own.take(module.classes.pop(name))
    claimed: set[str] = set()
    for name, view in screens().items():
        part = _of_screen(view, modules, claimed)
        for key in part.texts:
            found[key][name] = None
    for stem, module in modules.items():
        place = _MODULES.get(stem) or (None if stem in claimed else EVERY)
        for key in module.all_texts() if place else ():
            found[key][str(place)] = None
    known = screens()
    for template in current_app.jinja_env.list_templates(extensions=["html", "txt"]):
        folder = template.split("/")[1] if template.startswith("admin/") else ""
        place = _place_of_template(template) or (folder if folder in known else LISTS)
        for key in _template(template).texts:
            if not found[key] or place not in (*known, LISTS):
                found[key][place] = None
    for source, place in (("models", MODELS), ("jobs", PAPERS)):
        for path in sorted((ROOT.parent / source).glob("*.py")):
            for key in _quick(path):
                if not found[key]:
                    found[key][place] = None
    return {key: (EVERY,) if EVERY in names else tuple(names) for key, names in found.items() if names}


def _of_screen(view: Any, modules: dict[str, _Module], claimed: set[str]) -> _Named:
    """What a screen says: its classes, the files they stand in, the templates that these name, the columns of its model."""
    templates = {value for key in dir(type(view)) if key.endswith("_template") and isinstance(value := getattr(view, key), str)}
    part = _Named(set(_labels(view)), templates)
    for base in type(view).__mro__:
        stem = base.__module__.removeprefix("views.")
        if not base.__module__.startswith("views.") or _MODULES.get(stem) == LISTS:
            continue
        claimed.add(stem)
        part.take(modules[stem].own)
        part.take(modules[stem].classes[base.__name__])
    for template in _with_parts(part.templates):
        if _place_of_template(template) is None:
            part.texts |= _template(template).texts
    return part


def _place_of_template(template: str) -> str | None:
    """The place of a template that is no screen's own."""
    if template in _COMMON:
        return EVERY
    return next((place for start, place in _TEMPLATES if template.startswith(start)), None)


def _labels(view: Any) -> Iterator[Key]:
    """The texts that a screen takes from its model: labels of its columns, the words of its states."""
    for value in (view.name, *dict(view.column_labels or {}).values()):
        yield from _lazy(value)
    columns = {*(view.column_list or ()), *(view.form_columns or ()), *(view.column_details_list or ())}
    for name in columns:
        prop = view.model.__mapper__.attrs.get(name) if isinstance(name, str) else None
        for column in getattr(prop, "columns", ()):
            kind = getattr(getattr(column, "type", None), "enum_class", None)
            if isinstance(kind, type) and issubclass(kind, Choice):
                for member in kind:
                    yield from _lazy(member.label)


def _lazy(value: Any) -> Iterator[Key]:
    """The msgid behind a lazy text."""
    key = key_of(value)
    if key is not None:
        yield key


def _module(path: Path) -> _Module:
    """The texts and templates that a file of Python names."""
    module = _Module(_Named(), {})
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            module.classes[node.name] = _named(node)
        else:
            module.own.take(_named(node))
    return module


def _quick(path: Path) -> Iterator[Key]:
    """The texts of a file of Python whose parts are not told from each other: read by their calls, ten times as fast."""
    for call in _CALL.finditer(path.read_text("utf-8")):
        yield from _key(call[1], [ast.literal_eval(text) for text in call.groups()[1:] if text])


def _named(tree: ast.AST) -> _Named:
    part = _Named()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            part.texts.update(_key(name, [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args[:2]]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith((".html", ".txt")):
            part.templates.add(node.value)
    return part


def _key(function: str, arguments: list[Any]) -> Iterator[Key]:
    if function in _PLAIN and arguments and isinstance(arguments[0], str):
        yield "", arguments[0]
    elif function in _CONTEXT and len(arguments) > 1 and all(isinstance(value, str) for value in arguments):
        yield arguments[0], arguments[1]


_templates: dict[str, _Named] = {}


def _template(name: str) -> _Named:
    """The texts that a template names, and the templates that it takes in."""
    if name not in _templates:
        env = current_app.jinja_env
        try:
            tree = env.parse(env.loader.get_source(env, name)[0]) if env.loader else nodes.Template([])
        except TemplateNotFound:  # Flask-Admin's own defaults, which ours replace
            return _Named()
        part = _Named(set(), {found for found in find_referenced_templates(tree) if found})
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name):
                part.texts.update(_key(call.node.name, [arg.value if isinstance(arg, nodes.Const) else None for arg in call.args[:2]]))
        _templates[name] = part
    return _templates[name]


def _with_parts(names: Iterable[str]) -> set[str]:
    """These templates and those they take in."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _template(name).templates
    return found
