"""Nouns inside sentences: `[a student]`, `[of the student]`, `[students]`, `[student|masculine|feminine]`.

Every text may name the school's glossary (twelve nouns) instead of a fixed word; when a school renames "élève" to
"apprenante" every sentence agrees. This module is pure: text and noun forms in, text out. The order of work belongs to the
caller: look-up, plural form, `resolve`, then `fill`; data is inserted last, so data that looks like a token stays literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Gender = Literal["masculine", "feminine"]

NOUNS = (
    "student",
    "guardian",
    "school",
    "teacher",
    "counsellor",
    "group",
    "level",
    "programme",
    "session record",
    "course",
    "certification",
    "plan",
)  # fmt: skip

DETERMINERS = ("a", "the", "this", "no", "of", "of the", "to the")
_KEYS = "|".join(NOUNS)
# Each alternative is closed by its bracket, so the longest token wins by itself ("[of the student]" is never "[of" + ...).
TOKEN = re.compile(
    rf"""\[\[
    | \[(?P<of_many>of)[ ](?P<of_noun>{_KEYS.replace(" ", "[ ]")})s\]
    | \[(?P<det>of[ ]the|to[ ]the|the|this|no|of|a)[ ](?P<det_noun>{_KEYS.replace(" ", "[ ]")})\]
    | \[(?P<many>{_KEYS.replace(" ", "[ ]")})s\]
    | \[(?P<agree>{_KEYS.replace(" ", "[ ]")})\|(?P<masc>[^\[\]|]*)\|(?P<fem>[^\[\]|]*)\]
    | \[(?P<one>{_KEYS.replace(" ", "[ ]")})\]""",
    re.IGNORECASE | re.VERBOSE,
)
PLACE = re.compile(r"%\((\w+)\)[sd]")


@dataclass(frozen=True)
class NounForms:
    """One noun of the glossary in one language: what a rule table needs to write it in a sentence."""

    singular: str
    plural: str
    gender: Gender = "masculine"
    vowel_sound: bool = False


@dataclass(frozen=True)
class Token:
    """A token as found: its text, the noun it names and the determiner before it ("" = none)."""

    text: str
    noun: str
    determiner: str
    number: Literal["one", "many", "agreement"]


# French: (masculine, feminine, either before a vowel sound); a form that ends with ’ is joined to the noun.
_FRENCH: Mapping[str, tuple[str, str, str, str]] = {
    "a": ("un", "une", "un", "une"),
    "the": ("le", "la", "l’", "l’"),
    "this": ("ce", "cette", "cet", "cette"),
    "no": ("aucun", "aucune", "aucun", "aucune"),
    "of": ("de", "de", "d’", "d’"),
    "of the": ("du", "de la", "de l’", "de l’"),
    "to the": ("au", "à la", "à l’", "à l’"),
}


def _french(determiner: str, noun: str, forms: NounForms) -> str:
    word = _FRENCH[determiner][(1 if forms.gender == "feminine" else 0) + (2 if forms.vowel_sound else 0)]
    return f"{word}{noun}" if word.endswith("’") else f"{word} {noun}"


def _english(determiner: str, noun: str, forms: NounForms) -> str:
    word = "an" if determiner == "a" and forms.vowel_sound else determiner
    return f"{word} {noun}"


RULES = {"fr": _french, "en": _english}


def base_language(language: str) -> str:
    """The language whose rules serve a locale: fr for fr_CA."""
    return language.partition("_")[0]


def vowel_sound(word: str, language: str) -> bool:
    """Whether a word probably begins with a vowel sound; a person corrects it for "héros", "user" or "hour"."""
    first = word[:1].lower().translate(str.maketrans("àâäéèêëîïôöùûüœæ", "aaaeeeeiioouuuoa"))
    return first in ("aeiouh" if base_language(language) == "fr" else "aeiou") if first else False


def tokens_in(text: str) -> list[Token]:
    """The noun tokens of a text, in order; `[[` is not one."""
    return [_token(match) for match in TOKEN.finditer(text) if match[0] != "[["]


def is_noun(text: str) -> bool:
    """Whether a text is a noun alone, in any language: `[Students]`."""
    match = TOKEN.fullmatch(text)
    return match is not None and bool(match["many"] or match["one"])


def places_in(text: str) -> set[str]:
    """The names of the `%(name)s` places of a text."""
    return set(PLACE.findall(text))


def problems(text: str) -> list[str]:
    """Every bracket that begins neither a token nor `[[`, with what follows it, as it stands in the text."""
    rest = TOKEN.sub(lambda match: "\0" * len(match[0]), text)
    return [text[match.start() : match.end()] for match in re.finditer(r"\[[^\[\]]{0,60}\]?", rest)]


def resolve(text: str, nouns: Mapping[str, NounForms], language: str) -> str:
    """The text with its noun tokens written out and `[[` as a bracket; what is not a token stays as it is."""
    if "[" not in text:
        return text
    rule = RULES.get(base_language(language))

    def write(match: re.Match[str]) -> str:
        if match[0] == "[[":
            return "["
        token = _token(match)
        forms = nouns.get(token.noun)
        if forms is None or (token.determiner and rule is None):
            return match[0]
        if token.number == "agreement":
            word = match["fem"] if forms.gender == "feminine" else match["masc"]
        else:
            word = forms.singular if token.number == "one" else forms.plural
            if token.determiner and rule is not None:
                word = rule(token.determiner, word, forms)
        return word[:1].upper() + word[1:] if match[0][1].isupper() else word

    return TOKEN.sub(write, text)


def fill(text: str, params: Mapping[str, Any]) -> str:
    """The text with its `%(name)s` places filled, once, by one pass; an unknown place and every other % stay literal."""
    if not params or "%" not in text:
        return text
    return PLACE.sub(lambda match: str(params[match[1]]) if match[1] in params else match[0], text)


def _token(match: re.Match[str]) -> Token:
    """What a match of `TOKEN` other than `[[` says."""
    number: Literal["one", "many", "agreement"] = "one"
    if match["of_many"]:
        noun, determiner, number = match["of_noun"], "of", "many"
    elif match["det"]:
        noun, determiner = match["det_noun"], match["det"].lower()
    elif match["many"]:
        noun, determiner, number = match["many"], "", "many"
    elif match["agree"]:
        noun, determiner, number = match["agree"], "", "agreement"
    else:
        noun, determiner = match["one"], ""
    return Token(match[0], noun.lower(), determiner, number)
