"""Cells of a spreadsheet as values: dates, sex words, phones, e-mails, postal codes, names.

Each reader takes the text of a cell and gives its value, or raises `BadCell` with the fact and the remedy. What a person
should look at, without it being wrong, is added to `doubts`. Spelling is kept as the source wrote it: only spaces,
apostrophes and invisible signs are tidied (formats.md section 8).
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from models.base import Refusal, fold
from models.import_words import BadCell
from models.words import _

LIMIT = 200  # characters of a text column
_INVISIBLE = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# UTF-8 read as cp1252: Ã or Â before a sign that never follows it in a name; or the replacement character.
_DAMAGED = re.compile("[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘“”•–—˜™š›œžŸ]|Ã’|\ufffd")
# Our own exports write an apostrophe before these, so that a spreadsheet does not compute them: it is taken off again.
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_LOST_DIGITS = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,3}")
_EMAIL = re.compile(r"[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*@(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")

YEARS = (1950, 2100)  # of a day in a school's records: anything else is a slip of the keyboard


def check_year(day: dt.date | None) -> None:
    """Refused: a day of a year that no record of a school has; nothing is none."""
    if day is not None and not YEARS[0] <= day.year <= YEARS[1]:
        raise Refusal(_("The year %(year)s is not between %(first)s and %(last)s. Correct the date."), year=day.year, first=YEARS[0], last=YEARS[1])


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("janvier", "janv", "january", "jan"),
            ("fevrier", "fevr", "fev", "february", "feb"),
            ("mars", "march", "mar"),
            ("avril", "avr", "april", "apr"),
            ("mai", "may"),
            ("juin", "june", "jun"),
            ("juillet", "juil", "july", "jul"),
            ("aout", "august", "aug"),
            ("septembre", "sept", "september", "sep"),
            ("octobre", "oct", "october"),
            ("novembre", "nov", "november"),
            ("decembre", "dec", "december"),
        ),
        1,
    )
    for name in names
}
SEX_WORDS = {
    **dict.fromkeys(("f", "feminin", "fille", "femme", "mme", "madame", "mlle", "2", "female", "girl", "woman"), "F"),
    **dict.fromkeys(("m", "masculin", "garcon", "homme", "g", "h", "m.", "monsieur", "mr", "1", "male", "boy", "man"), "M"),
    **dict.fromkeys(("x", "autre", "non binaire", "non-binaire", "other", "unspecified"), "X"),
}
RELATION_WORDS = {
    **dict.fromkeys(("mere", "maman", "mother", "10"), "mother"),
    **dict.fromkeys(("pere", "papa", "father", "20"), "father"),
    **dict.fromkeys(("frere", "soeur", "fratrie", "brother", "sister", "sibling", "37"), "sibling"),
    **dict.fromkeys(("grand-parent", "grand-mere", "grand-pere", "ascendant", "grandparent", "grandmother", "grandfather", "38"), "grandparent"),
    **dict.fromkeys(("oncle", "tante", "autre membre de la famille", "autre famille", "beau-pere", "belle-mere", "aunt", "uncle", "39"), "other_family"),
    **dict.fromkeys(("educateur", "educatrice", "educator", "41"), "educator"),
    **dict.fromkeys(("assistant familial", "assistante familiale", "famille d'accueil", "foster", "42"), "foster"),
    **dict.fromkeys(("tuteur", "tutrice", "tutor", "legal tutor", "guardian", "50"), "tutor"),
    **dict.fromkeys(("ase", "aide sociale a l'enfance", "dpj", "child welfare", "51"), "child_welfare"),
    **dict.fromkeys(("eleve", "lui-meme", "elle-meme", "self", "70"), "self_"),
    **dict.fromkeys(("autre", "autre lien", "other", "90"), "other"),
}


class Phone(NamedTuple):
    """A phone number as it was typed, and in the international form (`+33639981234`)."""

    typed: str
    e164: str


def visible(text: str) -> str:
    """A text without signs that nobody sees: control signs, zero widths, changes of direction. Lines and spaces stay."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)


def one_line(text: str) -> str:
    """A text whose lines are joined by spaces; a single line is left as it is."""
    lines = text.splitlines()
    return text if lines == [text] else " ".join(part for line in lines if (part := line.strip()))


def tidy(text: str, limit: int = LIMIT) -> str:
    """A text with single ordinary spaces, straight apostrophes, no invisible signs. Refuses damaged accents and excess."""
    if not text:
        return ""
    if not text.isascii():
        if _DAMAGED.search(text):
            raise BadCell("damaged")
        text = text.replace("’", "'").replace("ʼ", "'").replace("´", "'")
    if text[0] == "'" and text[1:2] in _GUARDED:
        text = text[1:]
    tidied = " ".join(visible(text).split())
    if len(tidied) > limit:
        raise BadCell("too_long", limit=limit)
    return text if tidied == text else tidied  # the same object: 10,000 rows of a file hold their texts once


def read_name(text: str) -> str:
    """A name in its own spelling; "Jean - Luc" is Jean-Luc. Refuses an empty one and digits."""
    name = tidy(text)
    if " - " in name:
        name = name.replace(" - ", "-")
    if not name:
        raise BadCell("name_empty")
    if any(c.isdigit() for c in name):
        raise BadCell("name_digits")
    return name


def split_full_name(text: str) -> tuple[str, str]:
    """« DE LA TOUR Jean-Luc »: the leading words in capitals are the family name. Refuses when the limit is unclear."""
    words = tidy(text).split(" ")
    count = 0
    while count < len(words) and words[count] == words[count].upper() and words[count] != words[count].lower():
        count += 1
    if not 0 < count < len(words):
        raise BadCell("name_empty")
    return read_name(" ".join(words[:count])), read_name(" ".join(words[count:]))


def read_date(text: str, now: dt.date, doubts: list[BadCell] | None = None, *, future: bool = False) -> dt.date:
    """A past date (any, with `future`): 14/03/2014, 7/6/2013, 07.06.13, 2014-03-14, « 14 mars 2014 » or a spreadsheet's serial (45000).

    A year of two digits is the last such year up to today. Refuses days that do not exist, the future, 120 years ago.
    """
    day = _parse_date(fold(tidy(text)), now, doubts)
    if day > now and not future:
        raise BadCell("date_future")
    if day.year < now.year - 120:
        raise BadCell("date_old")
    return day


def _parse_date(text: str, now: dt.date, doubts: list[BadCell] | None) -> dt.date:
    if found := re.fullmatch(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[ t][0-9:.]+z?)?", text):
        return _make_date(int(found[1]), int(found[2]), int(found[3]))
    if found := re.fullmatch(r"([0-9]{1,2})(?:er)?[-/. ]([0-9]{1,2}|[a-z]+\.?)[-/. ]([0-9]{4}|[0-9]{2})(?:[ t][0-9:.]+)?", text):
        month = int(found[2]) if found[2].isdigit() else MONTHS.get(found[2].rstrip("."), 0)
        if not month and not found[2].isdigit():
            raise BadCell("date_form")
        year = int(found[3])
        if len(found[3]) == 2:
            year += 2000 if year <= now.year % 100 else 1900
            if doubts is not None and now.year - year > 60:
                doubts.append(BadCell("date_word", year=year))
        return _make_date(year, month, int(found[1]))
    if re.fullmatch(r"[0-9]{5}(?:\.0+)?", text):
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(float(text)))
    raise BadCell("date_form")


def _make_date(year: int, month: int, day: int) -> dt.date:
    if not 1 <= month <= 12:
        raise BadCell("month_12", month=month)
    if not 1 <= day <= 31:
        raise BadCell("days_31")
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        if month == 2:
            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
            raise BadCell("days_29" if leap else "days_28", year=year) from error
        if month in {4, 6, 9, 11}:
            raise BadCell(f"days_{month:02d}") from error
        raise BadCell("date_form") from error  # year 0


def read_sex(text: str) -> str:
    """F, M or X from a letter, a word or SIECLE's digit (1 = M, 2 = F)."""
    try:
        return SEX_WORDS[fold(tidy(text))]
    except KeyError:
        raise BadCell("sex_word") from None


def read_relation(text: str, doubts: list[BadCell]) -> str:
    """What a guardian is to the student: the member name of `Relation`; an unknown word is "other", with a doubt."""
    word = fold(tidy(text))
    if word not in RELATION_WORDS:
        doubts.append(BadCell("relation_word"))
    return RELATION_WORDS.get(word, "other")


def read_email(text: str) -> str:
    """An e-mail address in lower case, spaces gone. The form is checked, nobody is asked on the network."""
    address = tidy(text, 254).replace(" ", "").lower()
    if _EMAIL.fullmatch(address) and len(address.split("@")[0]) <= 64 and len(address) <= LIMIT:
        return address
    try:
        return validate_email(address, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise BadCell("email_form") from None


def read_phone(text: str, country: str, doubts: list[BadCell]) -> Phone:
    """A phone number as typed and in E.164; nine digits without the first 0 (France) get it back, with a doubt.

    Only impossible numbers are refused: ranges kept for fiction or opened lately are unknown to the tables, and are doubted.
    """
    typed = tidy(text, 60)
    if _LOST_DIGITS.fullmatch(typed):
        raise BadCell("digits_lost")
    typed = re.sub(r"\.0$", "", typed)
    if country == "FR" and re.fullmatch(r"[1-9][0-9]{8}", re.sub(r"[\s.\-]", "", typed)):
        typed = f"0{typed}"
        doubts.append(BadCell("phone_zero"))
    e164, known = _international(typed, country)
    if not e164:
        raise BadCell("phone_form")
    if not known:
        doubts.append(BadCell("phone_unknown"))
    return Phone(typed, e164)


@lru_cache(maxsize=4096)
def _international(typed: str, country: str) -> tuple[str, bool]:
    # « +33 (0)6 » is written by people and refused by nobody: the 0 is read out.
    try:
        number = phonenumbers.parse(re.sub(r"^(\+33|0033)\s*\(0\)", r"\1", typed), country)
    except phonenumbers.NumberParseException:
        return "", False
    if not phonenumbers.is_possible_number(number):
        return "", False
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # 06 39 98 xx xx and 01 99 00 xx xx are kept for fiction: our own demonstrations use them.
    return e164, phonenumbers.is_valid_number(number) or e164.startswith(("+3363998", "+3319900"))


def read_postal_code(text: str, country: str, doubts: list[BadCell]) -> str:
    """A postal code of the school's country; a lost first zero is put back, a foreign form is kept, both with a doubt."""
    code = tidy(text, 20).upper()
    if _LOST_DIGITS.fullmatch(code):
        raise BadCell("digits_lost")
    code = re.sub(r"\.0$", "", code)
    dense = code.replace(" ", "")
    if country == "FR":
        if re.fullmatch(r"[0-9]{5}", dense):
            return dense
        if re.fullmatch(r"[0-9]{4}", dense):
            doubts.append(BadCell("postal_zero"))
            return f"0{dense}"
    if re.fullmatch(r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]", dense):
        if country != "CA":
            doubts.append(BadCell("postal_foreign"))
        return f"{dense[:3]} {dense[3:]}"
    if not re.fullmatch(r"(?=.*[0-9])[A-Z0-9][A-Z0-9 \-]{2,9}", code) or (country == "FR" and dense.isdigit()):
        raise BadCell("postal_form_ca" if country == "CA" else "postal_form")
    doubts.append(BadCell("postal_foreign"))
    return code


def lost_letters(read: str) -> bool:
    """Whether a program wrote "?" for letters it did not have: « Wa??ga » was Wałęga."""
    return "?" in read


def same_spelling(kept: str, read: str) -> bool:
    """Whether a name read in a file adds nothing to the one kept: equal, the same in bare capitals, or with letters lost."""
    if kept == read:
        return True
    if lost_letters(read) and re.fullmatch(re.escape(read).replace(r"\?", "."), kept):
        return True
    return read == read.upper() and fold(kept) == fold(read)
