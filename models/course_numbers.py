"""Numbers of courses and of groups, as records write them.

In Québec's colleges a course is `601-103-MQ`: three figures of the discipline, three signs of the course, two of whoever made it (MQ: the
ministry). Elsewhere a school writes its own codes.
"""

from __future__ import annotations

import re

from models.base import Refusal
from models.school import Country
from models.values import tidy
from models.words import _

LONGEST = 20
GROUP_FIGURES = 5
_NETWORK = re.compile(r"[0-9]{3}-[0-9A-Z]{3}-[0-9A-Z]{2}")
_SHAPE = "999-XXX-XX"  # 9: a figure; X: a figure or a capital
_FREE = re.compile(r"[0-9A-Z][0-9A-Z._/ -]*")
_DASHES = re.compile(r"\s*[-‐‑‒–—−]\s*")
_MISTAKEN = str.maketrans("OQDILZSB", "00011258")  # letters that stand for a figure by mistake


def read_course_number(typed: str | None, country: Country | None) -> str:
    """A number as it is stored: capitals, dashes put back ("601 103 mq" is 601-103-MQ). Refused: nothing; in Québec, what has another shape,
    with the sign that is wrong; elsewhere, a sign that no code has.
    """
    number = _DASHES.sub("-", tidy(typed or "", limit=LONGEST * 2)).upper()
    if not number:
        raise Refusal(_("[The course] needs a number. Type it."))
    if country is not Country.CA:
        if len(number) > LONGEST or not _FREE.fullmatch(number):
            raise Refusal(
                _("“%(value)s” is no number of [a course]: letters, figures, dots and dashes, %(max)s signs at most."), value=number[:40], max=LONGEST
            )
        return number
    plain = re.sub(r"\s", "", number)
    whole = f"{plain[:3]}-{plain[3:6]}-{plain[6:]}" if len(plain) == 8 and "-" not in plain else plain  # (a day, 2026-02-30, has dashes too)
    if not _NETWORK.fullmatch(whole):
        raise _wrong(whole)
    return whole


def _wrong(number: str) -> Refusal:
    """Which sign of a number of the network is wrong, and what was probably meant."""
    if len(number) != len(_SHAPE):
        return Refusal(_("“%(value)s” is no number of [a course]: three figures, three signs, two signs are expected, as in 601-103-MQ."), value=number[:40])
    place = next(n for n, sign in enumerate(number) if not _fits(sign, _SHAPE[n]))
    meant = _meant(number)
    params = {"value": number, "sign": number[place], "place": place + 1, "meant": meant}
    if _SHAPE[place] == "9" and _NETWORK.fullmatch(meant):
        return Refusal(_("In “%(value)s” sign %(place)s is the letter %(sign)s where a figure is expected. Did you mean %(meant)s?"), **params)
    if _SHAPE[place] == "9":
        return Refusal(_("In “%(value)s” sign %(place)s, %(sign)s, should be a figure, as in 601-103-MQ."), **params)
    if _SHAPE[place] == "-":
        return Refusal(_("In “%(value)s” sign %(place)s, %(sign)s, should be a dash, as in 601-103-MQ."), **params)
    return Refusal(_("In “%(value)s” sign %(place)s, %(sign)s, should be a letter or a figure, as in 601-103-MQ."), **params)


def _meant(number: str) -> str:
    return number[:3].translate(_MISTAKEN) + number[3:]


def number_problem(typed: str, country: Country | None) -> tuple[Refusal, str] | None:
    """For somebody who looks a course up: what is wrong with a text that is meant as a number of the network, and the number probably meant.

    None for a right number, and for what is no number at all: words of a title, the beginning of a number.
    """
    bare = re.sub(r"[\s-]", "", _DASHES.sub("-", typed)).upper()
    if country is not Country.CA or len(bare) != len(_SHAPE) - 2 or sum(sign.isdigit() for sign in bare) < 3:
        return None
    try:
        read_course_number(bare, country)
    except Refusal as refusal:
        return refusal, _meant(f"{bare[:3]}-{bare[3:6]}-{bare[6:]}")
    return None


def _fits(sign: str, shape: str) -> bool:
    if shape == "-":
        return sign == "-"
    return bool(re.fullmatch("[0-9]" if shape == "9" else "[0-9A-Z]", sign))


def read_group_number(typed: str | None) -> str:
    """The number of a group of a course in five figures ("990" is 00990). Refused: anything but one to five figures."""
    text = "".join(tidy(typed or "", limit=40).split())
    if not re.fullmatch(rf"[0-9]{{1,{GROUP_FIGURES}}}", text):
        raise Refusal(_("“%(value)s” is no number of [a group]: one to five figures are expected, as in 00990."), value=text[:20])
    return text.zfill(GROUP_FIGURES)
