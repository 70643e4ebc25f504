"""Paper: one Typst template and its data become one PDF, compiled in a limited child process.

Templates are ours (`templates/print/`) and hold no words; everything a person typed travels as JSON, so it stays literal.
The child reads one temporary folder, has no network, no system fonts, 512 MB and a time limit (security 73 and 77).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models import files

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "print"
CHILD = Path(__file__).resolve().with_name("paper_child.py")
MIB = 1024 * 1024
MEMORY = 512 * MIB
# A tagged page of a letter takes about half a MiB (1,000 letters: 360 to 580 MiB, it varies from run to run), so that the limit
# grows with the pages asked for; what it holds off is a page that takes a hundred times that.
PER_PAGE, BESIDE = 768 * 1024, 256 * MIB
BEAT = 1.0
_ENVIRONMENT = ("SYSTEMROOT", "PATH", "TMPDIR", "TEMP", "TMP")  # nothing else reaches the child: the environment may hold keys
# One arena: glibc reserves address space for each thread, which the memory limit would count as used.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "1"}
LONGEST = 800
UNBROKEN = 28
_BREAKS = frozenset("\n\r\t\v\f\x85\u2028\u2029")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_KEPT_FORMAT = frozenset("\u200c\u200d")  # joiners: parts of names in some scripts


class PaperError(RuntimeError):
    """The compiler refused, was killed by its limits or took too long. The text is for the log, never for a person."""


def clean(text: str, longest: int = LONGEST) -> str:
    """A text safe to print: no control or direction marks, one line, clipped to `longest` characters, endless words breakable."""
    spaced = "".join(" " if c in _BREAKS else c for c in text)
    kept = "".join(c for c in spaced if c in _KEPT_FORMAT or unicodedata.category(c) not in _UNSEEN)
    if len(kept) > longest:
        kept = kept[: longest - 1].rstrip() + "…"
    return " ".join(_breakable(word) for word in kept.split(" "))


def _breakable(word: str) -> str:
    """A word longer than a line is cut by invisible break points, an address after a slash; all others are left alone."""
    pieces = []
    while len(word) > UNBROKEN:
        cut = word.rfind("/", UNBROKEN // 2, UNBROKEN) + 1 or UNBROKEN
        pieces.append(word[:cut])
        word = word[cut:]
    return "\u200b".join([*pieces, word])


def clean_tree(value: Any) -> Any:
    """`clean` on every text of nested lists and mappings. Values under the key `qr` are our own drawings and are left as they are."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: item if key == "qr" else clean_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(item) for item in value]
    return value


def render(
    template: str,
    data: Mapping[str, Any],
    *,
    timeout: float = 30.0,
    pages: int = 1,
    pictures: Mapping[str, bytes] | None = None,
    beat: Callable[[], None] | None = None,
) -> bytes:
    """One PDF from `templates/print/<template>.typ`, in at most `timeout` seconds of wall clock.

    `pages` is how many are expected (the memory limit follows it), `pictures` are files laid beside the data, `beat` is called
    about once a second. Raises `PaperError`; refuses an unknown template with KeyError.
    """
    source = TEMPLATES / f"{template}.typ"
    if not template.isidentifier() or not source.is_file():
        raise KeyError(template)
    with files.workplace() as folder:
        shutil.copyfile(source, folder / "main.typ")
        (folder / "data.json").write_text(json.dumps(clean_tree(data), ensure_ascii=False), encoding="utf-8")
        for file, content in (pictures or {}).items():
            (folder / Path(file).name).write_bytes(content)
        _compile(folder, timeout, max(MEMORY, BESIDE + pages * PER_PAGE), beat)
        return (folder / "out.pdf").read_bytes()


def environment() -> dict[str, str]:
    """What the child knows of the server's environment: where programs and temporary files are, never a key."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ALLOCATOR


def _compile(folder: Path, timeout: float, memory: int, beat: Callable[[], None] | None) -> None:
    """Run the child on `folder`; it is killed when `timeout` seconds have passed."""
    command = [sys.executable, "-I", str(CHILD), str(folder), str(max(1, int(timeout))), str(memory)]
    ends = time.monotonic() + timeout
    log = folder / "log.txt"
    with log.open("wb") as stream, subprocess.Popen(command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream) as child:
        try:
            code = _wait(child, ends, beat)
        except BaseException:
            child.kill()
            raise
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    if code is None:
        raise PaperError(f"stopped after {timeout:.0f} s: {said}")
    if code:
        raise PaperError(f"return code {code}: {said}")
    if said:
        raise PaperError(f"the template gave a warning: {said}")


def _wait(child: subprocess.Popen[bytes], ends: float, beat: Callable[[], None] | None) -> int | None:
    """The child's return code, or None when its time is over (it is killed)."""
    while True:
        try:
            return child.wait(timeout=max(0.0, min(BEAT, ends - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= ends:
                child.kill()
                return None
            if beat is not None:
                beat()
