"""`make bench`: builds the data in a temporary folder, asks our pages and the stock screens in turn, prints the table of the bars.

    python tests/bench/run.py [--bars 1,4-6] [--size 100000] [--small 10000] [--short] [--postgresql] [--keep FOLDER] [--markdown]

Only ratios travel from one machine to another. `--keep` uses the data of the folder again when it is there.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS), str(TESTS / "bench")]

# The application is imported in functions: a child process imports this file first, and the stock screens' process must stay
# free of our models, whose listeners limit every session.
if TYPE_CHECKING:
    import bars


def chosen(text: str) -> list[int]:
    """The bars of "1,4-6"."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _dash, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main() -> int:
    """The table; exit code 1 when a bar is missed."""
    import bars
    import data
    import postgresql

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=chosen, default=list(bars.BARS), help="which, as 1,4-6")
    parser.add_argument("--size", type=int, default=100_000, help="students of the large school")
    parser.add_argument("--small", type=int, default=10_000, help="students of the small one")
    parser.add_argument("--short", action="store_true", help="fewer rounds")
    parser.add_argument("--postgresql", action="store_true", help="on a temporary PostgreSQL server instead of SQLite")
    parser.add_argument("--keep", type=Path, help="folder whose data is built once and used again")
    parser.add_argument("--markdown", action="store_true", help="the table as the README shows it")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.postgresql:
            os.environ[postgresql.NAME] = str(stack.enter_context(postgresql.server()))
        folder = options.keep or Path(tempfile.mkdtemp(prefix="scolabri-bench-"))
        if not options.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        began = time.perf_counter()
        urls = {}
        for size in (options.size, options.small):
            place = folder / str(size)
            fresh = not place.exists() or options.postgresql
            place.mkdir(parents=True, exist_ok=True)
            urls[size] = postgresql.database_url(place)
            if fresh:
                data.build(place, urls[size], size)
        click.echo(f"data: {time.perf_counter() - began:.0f} s", err=True)
        bench = bars.Bench(folder, urls[options.size], urls[options.small], options.size, options.small, options.short)
        stack.callback(bench.close)
        lines = []
        for bar in options.bars:
            started = time.perf_counter()
            for line in bars.BARS[bar](bench):
                lines.append(line)
                click.echo(plain(line), err=True)
            click.echo(f"     ({time.perf_counter() - started:.1f} s)", err=True)
    kind = "PostgreSQL" if options.postgresql else "SQLite"
    click.echo(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, {kind}, {options.size:,} students, {time.perf_counter() - began:.0f} s in all\n")
    table(lines, options.markdown)
    return 0 if all(line.good for line in lines) else 1


def cells(line: bars.Line) -> tuple[str, ...]:
    """The cells of a line."""
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    return str(line.bar), line.what, line.goal, line.value, line.other, ratio, "met" if line.good else "MISSED"


def plain(line: bars.Line) -> str:
    """A line for the console."""
    widths = (3, 36, 24, 30, 12, 6, 6)
    return "  ".join(cell.ljust(width) for cell, width in zip(cells(line), widths, strict=True))


def table(lines: list[bars.Line], markdown: bool) -> None:
    """All lines with their heading."""
    if markdown:
        click.echo("| # | what | goal | ours | against | ratio | |\n|---|---|---|--:|--:|--:|---|")
        for line in lines:
            click.echo("| " + " | ".join(cells(line)) + " |")
        return
    for line in lines:
        click.echo(plain(line))


if __name__ == "__main__":
    sys.exit(main())
