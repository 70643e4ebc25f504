"""Passwords: how they are kept, compared and judged.

Kept as argon2id (security.md section 5). Nobody reads, prints or mails one. Length is the rule, not composition: 12 (or more, where a
school asks for it) to 128 characters, refused when it only joins words that everybody tries, a run of the keyboard, or the person's and the school's names.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.base import Refusal, fold
from models.words import _

SHORTEST, LONGEST = 12, 128
_RAW_LIMIT = 4 * LONGEST  # a decomposed letter is up to four signs; anything longer is refused before it is even normalised

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_dummy: list[str] = []
_turns = threading.BoundedSemaphore(2)  # a class that signs in at once must not take the memory of the whole server


def configure(time_cost: int, memory_cost: int, parallelism: int = 1) -> None:
    """Choose another cost (kibibytes of memory). Tests take the cheapest; older hashes are renewed at the next sign-in."""
    global _hasher
    _hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism)
    _dummy.clear()


def normalise(password: str) -> str:
    """The signs that count: NFKC, so that an é typed on a Mac or a hard space is the same as elsewhere; spaces are kept."""
    return unicodedata.normalize("NFKC", password)


def acceptable(password: str) -> bool:
    """Whether the password can be compared at all: at most 128 characters, no NUL. Asked before any hashing, so a megabyte costs nothing."""
    return len(password) <= _RAW_LIMIT and "\0" not in password and len(normalise(password)) <= LONGEST


def hash_password(password: str) -> str:
    """The hash to keep. Refuses what `acceptable` refuses; the other rules are in `check`."""
    if not acceptable(password):
        raise _wrong_length()
    with _turns:
        return _hasher.hash(normalise(password))


def verify(stored: str, password: str) -> bool:
    """Whether the password is the one kept. An empty `stored` (nobody, or no password yet) costs as much and is always False."""
    if not acceptable(password):
        return False
    if not _dummy:
        _dummy.append(_hasher.hash("nobody has this password"))
    with _turns:
        try:
            return _hasher.verify(stored or _dummy[0], normalise(password)) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def outdated(stored: str) -> bool:
    """Whether the hash was made at another cost and should be renewed now that the password is known."""
    return _hasher.check_needs_rehash(stored)


def _wrong_length(shortest: int = SHORTEST) -> Refusal:
    return Refusal(_("A password has %(shortest)d to %(longest)d characters. Choose another one."), shortest=shortest, longest=LONGEST)


def check(password: str, names: Iterable[str] = (), shortest: int = SHORTEST) -> None:
    """Refuse a password that is too short, too long, or that somebody would try first.

    `names`: of the person and the school; `shortest`: what their schools ask for, in characters (`accounts.rules_for` gives both).
    """
    if not acceptable(password) or len(normalise(password)) < max(shortest, SHORTEST):
        raise _wrong_length(shortest)
    if _is_common(fold(normalise(password)), names):
        raise Refusal(_("This password is among the first that somebody would try. Choose three or four words that have no link between them."))


@cache
def _denied() -> frozenset[str]:
    lines = (Path(__file__).parent / "denied_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line) for line in lines if line and not line.startswith("#"))


_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm")


def _is_common(folded: str, names: Iterable[str]) -> bool:
    packed = re.sub(r"[^a-z0-9]", "", folded)
    if len(set(folded)) < 5 or re.fullmatch(r"(.{1,12}?)\1+", packed):
        return True
    if packed and any(packed in run or packed in run[::-1] for run in _RUNS):
        return True
    words = _denied() | {word for name in names for word in re.split(r"[^a-z0-9]+", fold(name)) if len(word) >= 3}
    letters = re.sub(r"[^a-z]", "", folded)
    core = re.sub(r"^[^a-z@$€]+|[^a-z@$€]+$", "", folded)  # p@ssw0rd2026 -> p@ssw0rd
    plain = re.sub(r"[^a-z]", "", core.translate(str.maketrans("013457@$€", "oieastase")))
    return any(_made_of(text, words) for text in {letters, plain} if text)


def _made_of(text: str, words: Iterable[str]) -> bool:
    """Whether the text is a chain of these words and nothing else."""
    known = {word for word in words if word.isalpha()}
    ends = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        ends[end] = any(ends[end - len(word)] for word in known if len(word) <= end and text.endswith(word, 0, end))
    return ends[-1]
