"""Are the catalogues complete, fresh and well written? `python -m jobs.catalogues` says what to repair (exit 1).

`python -m jobs.catalogues --missing` prints the missing entries, ready to paste into the .po file of the domain.
Rules: architecture sections 5 and 5b; French typography: U+00A0 before a colon, U+202F before ; ! ? % and inside « »,
’ and …; in Canada nothing before ; ! and ?.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from babel.messages import pofile
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from models.catalogue import ADMIN, CATALOGUES, MESSAGES, WTFORMS, Key, catalogue_of, chain, parse, read
from models.tokens import NOUNS, TOKEN, places_in, problems, tokens_in

ROOT = Path(__file__).resolve().parent.parent
COMPLETE = {MESSAGES: ("fr", "en"), ADMIN: ("fr",), WTFORMS: ("fr",)}  # the packages speak English by themselves
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "N_": (1, 2),
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "_p": ((1, "c"), 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_FLASK_ADMIN = {"_gettext": None, "gettext": None, "lazy_gettext": None, "_ngettext": (1, 2), "ngettext": (1, 2)}
# What Flask-Admin can show here: no MongoDB, no Redis, no file manager.
_SHOWN = ("base.py", "actions.py", "form/**.py", "model/**.py", "contrib/sqla/**.py")


@dataclass
class Text:
    """A text that the code shows."""

    context: str
    msgid: str
    plural: str = ""
    where: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """How it is looked up."""
        return self.context, self.msgid


def extract(root: Path = ROOT) -> dict[Key, Text]:
    """Every text that the application's own code and templates show (babel.cfg), and the twelve nouns."""
    with (root / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel gives it no types
    inside = {"models", "views", "jobs", "templates"}

    def wanted(folder: str) -> bool:
        return Path(folder).relative_to(root).parts[:1] in {(), *((name,) for name in inside)} and not Path(folder).name.startswith((".", "_"))

    texts = _collect(extract_from_dir(root, methods, options, keywords=KEYWORDS, directory_filter=wanted))
    for noun in NOUNS:
        for text in (Text("noun", noun, f"{noun}s", ["models/tokens.py"]), Text("noun gender", noun, "", ["models/tokens.py"])):
            texts[text.key] = text
    return texts


@cache  # a package stays as it is while the process runs
def packaged(name: str) -> dict[Key, Text]:
    """Every text that Flask-Admin or WTForms can show here."""
    if name == WTFORMS:
        template = parse(_package("wtforms") / "locale" / "wtforms.pot")
        entries = (entry for entry in template if entry.id)
        return {text.key: text for text in (Text("", *_ids(entry), ["wtforms"]) for entry in entries)}
    methods = [(pattern, "python") for pattern in _SHOWN] + [("templates/bootstrap4/admin/**.html", "jinja2")]
    texts = _collect(extract_from_dir(_package("flask_admin"), methods, keywords=_FLASK_ADMIN))
    return {key: text for key, text in texts.items() if not all("/admin/file/" in where or "rediscli" in where for where in text.where)}


def missing(language: str, name: str = MESSAGES, root: Path = ROOT) -> list[Text]:
    """The texts that a language does not translate (fr_CA: none, it leans on fr)."""
    if language not in COMPLETE[name]:
        return []
    texts = extract(root) if name == MESSAGES else packaged(name)
    known = {key for entries in _entries(root, language, name).values() for key, entry in entries.items() if _translated(entry)}
    return [text for key, text in sorted(texts.items()) if key not in known]


def check(root: Path = ROOT) -> list[str]:
    """What is wrong, a line each: file, msgid, remedy. An empty list is the aim."""
    found: list[str] = []
    expected = {MESSAGES: extract(root), ADMIN: packaged(ADMIN), WTFORMS: packaged(WTFORMS)}
    for text in expected[MESSAGES].values():
        found += [f"{text.where[0]}: {_name(text.msgid)}: {bracket} is no token; write a token or [[" for bracket in problems(text.msgid + text.plural)]
    for folder in sorted((root / "translations").iterdir()):
        for name in CATALOGUES:
            found += _check_language(root, folder.name, name, expected[name])
    return found


def stanza(text: Text, language: str) -> str:
    """An entry ready to paste; English repeats the msgid, whose tokens the author then chooses."""
    lines = [f"#: {where}" for where in text.where[:3]]
    if text.context:
        lines.append(f"msgctxt {_quote(text.context)}")
    lines.append(f"msgid {_quote(text.msgid)}")
    forms = (text.msgid, text.plural) if language == "en" else ("", "")
    if text.plural:
        lines.append(f"msgid_plural {_quote(text.plural)}")
        lines += [f"msgstr[{index}] {_quote(form)}" for index, form in enumerate(forms)]
    else:
        lines.append(f"msgstr {_quote(forms[0])}")
    return "\n".join(lines) + "\n"


# --- one language --------------------------------------------------------------------------------------------------------------


def _check_language(root: Path, language: str, name: str, expected: dict[Key, Text]) -> Iterator[str]:
    seen: dict[Key, str] = {}
    nouns = vocabulary(root, language) if name == MESSAGES else None
    translated: set[Key] = set()
    for path in _paths(root, language, name):
        place = path.relative_to(root)
        try:
            catalog = _read(path, language)
        except (ValueError, pofile.PoFileError) as error:
            yield f"{place}: cannot be read: {error}; repair the file"
            continue
        for old in catalog.obsolete.values():
            yield f"{place}: {_name(_ids(old)[0])} is obsolete (#~); delete the entry"
        for entry in catalog.all:
            msgid, _plural = _ids(entry)
            key = entry.context or "", msgid
            here = f"{place}:{entry.lineno}: {_name(msgid)}"
            if key in seen:
                yield f"{here} stands already in {seen[key]}; delete one of the two"
            seen[key] = f"{place}:{entry.lineno}"
            if key not in expected:
                yield f"{here} is shown nowhere; delete the entry"
            elif expected[key].plural and not isinstance(entry.id, list | tuple):
                yield f"{here} needs msgid_plural {_name(expected[key].plural)} ({expected[key].where[0]})"
                continue
            if entry.fuzzy:
                yield f"{here} is fuzzy; check the translation and take the flag out"
            if _translated(entry):
                translated.add(key)
                for problem in _check_entry(entry, language):
                    yield f"{here}: {problem}"
                if nouns is not None and not key[0].startswith("noun"):
                    for word in {word for form in _forms(entry) for word in plain_nouns(form, nouns)}:
                        yield f"{here}: says “{word}” plainly; write a token, which each school renames"
            else:
                yield f"{here} is not translated; translate it or delete the entry"
    if language in COMPLETE[name]:
        for key, text in sorted(expected.items()):
            if key not in seen:
                context = f' (msgctxt "{text.context}")' if text.context else ""
                yield f"translations/{language}: {_name(text.msgid)}{context}, shown by {text.where[0]}, is missing; add it to the .po of its domain"


def _check_entry(entry: Entry, language: str) -> Iterator[str]:
    msgid, plural = _ids(entry)
    forms = _forms(entry)
    nouns = {token.noun for token in tokens_in(msgid) + tokens_in(plural)}
    places = places_in(msgid) | places_in(plural)
    for index, form in enumerate(forms):
        for bracket in problems(form):
            yield f"{bracket} is no token; write a token or [["
        named = {token.noun for token in tokens_in(form)}
        if named != nouns:
            yield f"names {_list(named)}, the msgid names {_list(nouns)}; name the same nouns"
        optional = {"num"} | (places_in(plural) - places_in(msgid)) if plural and index == 0 else set()
        if not places - optional <= places_in(form) <= places:
            yield f"has the places {_list(places_in(form))}, the msgid has {_list(places)}; keep them the same"
        if language.startswith("fr"):
            yield from typography(form, canadian=language == "fr_CA")


# Nouns of the vocabulary that are everyday words as well, and phrases in which a noun is none of the school's.
_EVERYDAY = frozenset({"course", "courses", "cours", "level", "levels", "parent", "parents", "plan", "plans", "programme", "programmes"})
_PHRASES = re.compile(
    r"groupe-repère|groupe?s (de quatre|of four)|\bG \(groupe?\)"  # a class in Québec; signs of a passphrase; a letter of SIECLE
    r"|formations? (générale|spécifique|technologique|professionnelle|manquante|donnée)"  # components of studies in Québec
    r"|«[^»]*»|“[^”]*”|nom responsable 1|exportez en XML.*"  # examples of words, names of files and their columns
    r"|siecle.*(établissement|school)|school (years?|life|board)|--\w+"  # the words of SIECLE, of the year, of the console
    r"|secondary school|.*(as a|comme les dit un) (collège|cégep).*",  # kinds of schools, whose words a pack brings
    re.IGNORECASE,
)


def vocabulary(root: Path, language: str) -> re.Pattern[str]:
    """The nouns of a language as the catalogues write them, singular and plural, without everyday words."""
    found: dict[str, tuple[str, ...]] = {}
    for part in reversed(chain(language)):
        path = root / "translations" / part / "LC_MESSAGES" / "nouns.po"
        found |= {message.msgid: message.forms for message in read(path) if message.context == "noun"} if path.exists() else {}
    words = {word for forms in found.values() for word in forms} - _EVERYDAY
    if not words:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![\w-])({'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})(?![\w-])", re.IGNORECASE)


def plain_nouns(text: str, nouns: re.Pattern[str]) -> list[str]:
    """The nouns of the vocabulary that a text says without a token."""
    return nouns.findall(_PHRASES.sub("", re.sub(r"%\(\w+\)[sd]", "", TOKEN.sub("", text))))


_FRENCH = (
    (re.compile(r"'"), "a straight apostrophe; write ’"),
    (re.compile(r'"'), "a straight quotation mark; write « » with U+202F inside"),
    (re.compile(r"\.\.\."), "three dots; write …"),
    (re.compile(r"(?<!\u00a0):(?!//|\d)"), "a colon without U+00A0 before it"),
    (re.compile(r"(?<!\u202f)%(?!\()"), "a % without U+202F before it"),
    (re.compile(r"«(?!\u202f)|(?<!\u202f)»"), "a « or » without U+202F inside"),
)
# "Ben* ou Zo?": beside a star a question mark is a wildcard
_FRANCE = (re.compile(r"(?<!\u202f)[;!]|^[^*]*(?<!\u202f)\?(?=[^*]*$)"), "a ; ! or ? without U+202F before it")
_CANADA = (re.compile(r"(?<!«)[ \u00a0\u202f][;!?]"), "a space before ; ! or ?, which Canada does not write")


def typography(text: str, canadian: bool = False) -> Iterator[str]:
    """What a French text does against its typography."""
    for rule, sentence in (*_FRENCH, _CANADA if canadian else _FRANCE):
        if rule.search(text):
            yield f"{sentence} (in “{text}”)"


# --- reading -------------------------------------------------------------------------------------------------------------------


class _Recorder(Catalog):
    """A catalogue that remembers every entry as read; Babel merges two of the same msgid without a word."""

    def __init__(self, locale: str) -> None:
        super().__init__(locale=locale)
        self.all: list[Entry] = []

    def __setitem__(self, key: Any, message: Entry) -> None:
        if message.id:
            self.all.append(message)
        super().__setitem__(key, message)


def _read(path: Path, language: str) -> _Recorder:
    parse(path)
    catalog = _Recorder(language)
    pofile.PoFileParser(catalog, abort_invalid=True).parse(io.BytesIO(path.read_bytes()))
    return catalog


def _paths(root: Path, language: str, name: str) -> list[Path]:
    paths = sorted((root / "translations" / language / "LC_MESSAGES").glob("*.po"))
    return [path for path in paths if catalogue_of(path) == name]


def _entries(root: Path, language: str, name: str) -> dict[Path, dict[Key, Entry]]:
    return {path: {(e.context or "", _ids(e)[0]): e for e in _read(path, language).all} for path in _paths(root, language, name)}


def _collect(results: Iterable[tuple[str, int, object, list[str], str | None]]) -> dict[Key, Text]:
    texts: dict[Key, Text] = {}
    for file, line, ids, _comments, context in results:
        msgid, plural = (str(ids[0]), str(ids[1])) if isinstance(ids, tuple) else (str(ids), "")
        text = texts.setdefault((context or "", msgid), Text(context or "", msgid))
        text.plural = text.plural or plural
        text.where.append(f"{file}:{line}")
    return texts


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{name} is not installed")
    return Path(spec.submodule_search_locations[0])


def _ids(entry: Entry) -> tuple[str, str]:
    return (entry.id[0], entry.id[1]) if isinstance(entry.id, list | tuple) else (entry.id, "")


def _forms(entry: Entry) -> list[str]:
    strings = entry.string if isinstance(entry.string, list | tuple) else (entry.string,)
    return [string or "" for string in strings]


def _translated(entry: Entry) -> bool:
    return all(_forms(entry)) and not entry.fuzzy


def _name(msgid: str) -> str:
    """A msgid on one line."""
    line = msgid.replace("\n", "\\n")
    return f'"{line}"' if len(line) <= 100 else f'"{line[:97]}..."'


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def main(arguments: list[str]) -> int:
    """The command: 0 when all is well."""
    if "--missing" in arguments:
        lacking = [(language, text) for name in CATALOGUES for language in COMPLETE[name] for text in missing(language, name)]
        for language, text in lacking:
            sys.stdout.write(f"# {language}\n{stanza(text, language)}\n")
        return 1 if lacking else 0
    found = check()
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
