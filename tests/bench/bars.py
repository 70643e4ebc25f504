"""The bars: what is measured, the goal, and whether it is met. Each gives the lines of the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ours
import race
from contender import Contender, in_turn
from data import people_file
from letters import unread

LIST = "/admin/student/?page_size=50"
STOCK_LIST = "/admin/student/?page_size=50"


@dataclass
class Line:
    """One line of the table. `value` and `other` in `unit`; `ratio` and `limit` decide, unless `met` says otherwise."""

    bar: int
    what: str
    goal: str
    value: str
    other: str = ""
    ratio: float | None = None
    limit: float | None = None
    met: bool | None = None

    @property
    def good(self) -> bool:
        """Whether the goal is met."""
        return self.met if self.met is not None else self.ratio is not None and self.limit is not None and self.ratio <= self.limit


@dataclass
class Bench:
    """The contenders on the large school, ours on the small one, and where they live."""

    folder: Path
    url: str
    small_url: str
    size: int
    small_size: int
    short: bool
    _open: dict[str, Contender] = field(default_factory=dict)
    _places: dict[str, Any] = field(default_factory=dict)

    def contender(self, name: str) -> Contender:
        """`ours`, `stock` or `small` (ours on the small school), started when first asked for."""
        if name not in self._open:
            import stock

            if name == "stock":
                self._open[name] = Contender(stock.start, self.url)
            else:
                self._open[name] = Contender(ours.start, str(self.folder), self.small_url if name == "small" else self.url)
        return self._open[name]

    def places(self, name: str = "ours") -> dict[str, Any]:
        """What addresses need, in the school of that contender."""
        if name not in self._places:
            self._places[name] = self.contender(name).call("places")
        return dict(self._places[name])

    @property
    def rounds(self) -> int:
        """How often each contender has its turn."""
        return 3 if self.short else 6

    def against(self, mine: str, theirs: str) -> tuple[float, float]:
        """Milliseconds of our page and of the stock one, medians in turn."""
        found = in_turn({"ours": (self.contender("ours"), mine), "stock": (self.contender("stock"), theirs)}, self.rounds)
        return found["ours"], found["stock"]

    def close(self) -> None:
        """End the contenders."""
        for contender in self._open.values():
            contender.close()


def compared(bar: int, what: str, limit: float, mine: float, theirs: float, than: str = "stock") -> Line:
    """A line of two medians."""
    return Line(bar, what, f"≤ {limit:g} × {than}", f"{mine:.1f} ms", f"{theirs:.1f} ms", mine / theirs, limit)


def the_list(bench: Bench) -> Iterator[Line]:
    """1: list of 50 rows."""
    yield compared(1, "list of 50 rows", 0.45, *bench.against(LIST, STOCK_LIST))


def growth(bench: Bench) -> Iterator[Line]:
    """2: the same pages on a school a tenth of the size."""
    pages = {
        "list": LIST,
        "sorted by class": f"{LIST}&sort=1",
        "sorted by birth": f"{LIST}&sort=4",
        "search, prefix": f"{LIST}&search=^martin",
        "search, anywhere": f"{LIST}&search=chloe",
        "filter by level": f"{LIST}&flt0_level.Row={{level}}",
    }
    for name, page in pages.items():
        mine = {who: (bench.contender(key), page.format(**bench.places(key))) for who, key in (("ours", "ours"), ("small", "small"))}
        found = in_turn(mine, bench.rounds)
        yield compared(2, f"{name}, {bench.size:,} students", 1.3, found["ours"], found["small"], f"{bench.small_size:,}")


def deep(bench: Bench) -> Iterator[Line]:
    """3: page 100 of the list by name."""
    yield compared(3, "sorted by name, page 100", 0.45, *bench.against(f"{LIST}&sort=0&page=100", f"{STOCK_LIST}&sort=0&page=100"))


def search(bench: Bench) -> Iterator[Line]:
    """4: search, accents folded in ours only."""
    yield compared(4, "search, prefix", 0.25, *bench.against(f"{LIST}&search=^martin", f"{STOCK_LIST}&search=^martin"))
    yield compared(4, "search, anywhere", 0.25, *bench.against(f"{LIST}&search=elanie", f"{STOCK_LIST}&search=elanie"))
    yield compared(4, "search, anywhere, rare", 0.25, *bench.against(f"{LIST}&search=hostis", f"{STOCK_LIST}&search=hostis"))


def filters(bench: Bench) -> Iterator[Line]:
    """5: level and status."""
    places = bench.places()
    theirs = f"{STOCK_LIST}&flt0_level_name_equals={places['level_name']}&flt1_status_equals=active"
    yield compared(5, "filter: level, active", 0.5, *bench.against(f"{LIST}&flt0_level.Row={places['level']}", theirs))


def the_file(bench: Bench) -> Iterator[Line]:
    """6: one student's file, opened from the list, against our own list page."""
    mine = f"/admin/student/details/?id={bench.places()['student']}&url=%2Fadmin%2Fstudent%2F%3Fpage_size%3D50"
    studied = mine.replace(str(bench.places()["student"]), str(bench.places()["candidate"])) + "&part=session_records"
    pages = {"summary": mine, "contacts": f"{mine}&part=contacts", "history": f"{mine}&part=history", "registrations": studied}
    for words, page in pages.items():
        found = in_turn({"file": (bench.contender("ours"), page), "list": (bench.contender("ours"), LIST)}, bench.rounds)
        yield compared(6, f"student's file, {words}", 1.2, found["file"], found["list"], "list")


def codes(bench: Bench) -> Iterator[Line]:
    """7: one code for each of 1,000 and 10,000 students."""
    mine, theirs = bench.contender("ours"), bench.contender("stock")
    for group in bench.places()["groups"].values():
        ids = mine.call("ids_of", group)
        times: dict[str, list[float]] = {"ours": [], "stock": [], "raw": []}
        for _n in range(2 if bench.short or len(ids) > 5_000 else 5):
            for name, work in (
                ("ours", lambda g=group: mine.call("codes", g)),
                ("stock", lambda i=ids: theirs.call("codes", i)),
                ("raw", lambda i=ids: mine.call("raw_codes", i)),
            ):
                times[name].append(work())
                mine.call("drop_codes")
        ms = {name: statistics.median(values) * 1000 for name, values in times.items()}
        yield compared(7, f"codes for {len(ids):,}", 0.4, ms["ours"], ms["stock"], "stock row by row")
        yield compared(7, f"codes for {len(ids):,}", 6, ms["ours"], ms["raw"], "bare inserts")


def csv(bench: Bench) -> Iterator[Line]:
    """8: all students as CSV; the XLSX of as many becomes a job."""
    name = f"CSV of {bench.size:,}"
    with Contender(ours.start, str(bench.folder), bench.url) as fresh:
        fresh.call("time", LIST, 2)
        found = [fresh.call("stream", "/admin/student/export/csv/?flt0_status.Is=all") for _n in range(1 if bench.short else 3)]
    theirs = bench.contender("stock").call("stream", "/admin/student/export/csv/")
    seconds = statistics.median(each["s"] for each in found)
    whole = found[0]["lines"] >= bench.size and theirs["lines"] >= bench.size
    line = compared(8, name, 0.15, seconds * 1000, theirs["s"] * 1000)
    line.met = line.ratio is not None and line.ratio <= 0.15 and whole
    yield line
    first = statistics.median(each["first"] for each in found) * 1000
    yield Line(8, f"{name}, first byte", "≤ 150 ms", f"{first:.0f} ms", f"{theirs['first'] * 1000:.0f} ms", met=first <= 150)
    more = found[0]["more"] / 1024
    yield Line(8, f"{name}, memory", "≤ 40 MiB more", f"{more:.0f} MiB", f"{theirs['more'] / 1024:.0f} MiB", met=more <= 40)
    status = bench.contender("ours").call("status", "/admin/student/export/xlsx/?flt0_status.Is=all")
    yield Line(8, f"XLSX of {bench.size:,}", "303 to a job", status, met=status.startswith("303"))


def imports(bench: Bench) -> Iterator[Line]:
    """9: a file of 10,000 students with two guardians each, checked with all its errors, then written, into a school of thirty students
    and into one that has ten thousand already."""
    for username, words in (("acc2", "into a new school"), ("acc", f"into a school of {bench.small_size:,}")):
        path = people_file(bench.folder / "eleves.csv", 10_000)
        with Contender(ours.start, str(bench.folder), bench.small_url) as fresh:
            fresh.call("time", LIST, 2)
            found = fresh.call("import_file", str(path), username)
        whole, peak = found["check"] + found["write"], found["peak"] / 1024
        good = found["state"] == "done" and found["counts"].get("error", 0) >= 200
        yield Line(9, f"import of 10,000, {words}", "≤ 10 s", f"{found['check']:.1f} + {found['write']:.1f} s", found["state"], met=whole <= 10 and good)
        yield Line(9, f"import {words}, memory", "≤ 200 MiB", f"{peak:.0f} MiB", f"{found['before'] / 1024:.0f} before", met=peak <= 200)


def printed(bench: Bench) -> Iterator[Line]:
    """10: 1,000 letters, every QR read back."""
    target = bench.folder / "letters.pdf"
    found = bench.contender("small").call("letters", 1_000, str(target))
    bench.contender("small").call("drop_codes")
    bad = unread(target, found["count"]) if found["state"] == "done" else found["count"]
    words = f"{found['s']:.1f} s, {bad} QR unread"
    yield Line(10, f"{found['count']:,} letters", "≤ 8 s, every QR", words, met=found["s"] <= 8 and not bad and found["state"] == "done")


def redemption(bench: Bench) -> Iterator[Line]:
    """11: eight processes on the same codes."""
    found = race.run(bench.folder, bench.small_url, processes=8, codes=40 if bench.short else 150)
    words = f"{found['doubles']} doubles, {found['lost']} lost, {found['errors']} errors"
    yield Line(11, f"{found['codes']} codes, 8 processes", "0, 0, 0", words, met=not (found["doubles"] or found["lost"] or found["errors"]))


def home(bench: Bench) -> Iterator[Line]:
    """12: counters and charts, against our own list page."""
    time.sleep(4)  # who has just written something (the export's line in the history) is counted afresh
    found = in_turn({"home": (bench.contender("ours"), "/admin/"), "list": (bench.contender("ours"), LIST)}, bench.rounds)
    yield compared(12, "home page", 1.2, found["home"], found["list"], "list")


def crowd(bench: Bench) -> Iterator[Line]:
    """13: a hundred people with five seconds between two pages, over HTTP."""
    import crowd as people

    found = people.run(bench.folder, bench.url, seconds=15 if bench.short else 60)
    words = f"p50 {found['p50']:.0f}, p95 {found['p95']:.0f} ms, {found['errors']} errors"
    good = found["p95"] < 300 and not found["errors"]
    yield Line(13, f"100 staff, {found['requests']} requests", "p95 < 300 ms, 0 errors", words, met=good)


def weight(bench: Bench) -> Iterator[Line]:
    """14: the list page."""
    whole, wire = bench.contender("ours").call("weight", LIST)
    theirs, _wire = bench.contender("stock").call("weight", STOCK_LIST)
    yield Line(
        14,
        "weight of the list page",
        "≤ 70 KB, compressed",
        f"{whole / 1000:.0f} KB, {wire / 1000:.0f} KB sent",
        f"{theirs / 1000:.0f} KB",
        met=whole <= 70_000 and wire < whole,
    )


def statements(bench: Bench) -> Iterator[Line]:
    """15: questions to the database."""
    student = bench.places()["student"]
    pages = {"list": LIST, "details": f"/admin/student/details/?id={student}&url=/admin/student/", "form": f"/admin/student/edit/?id={student}"}
    counts = {name: bench.contender("ours").call("statements", page) for name, page in pages.items()}
    words = ", ".join(f"{name} {n}" for name, n in counts.items())
    yield Line(15, "SQL statements", "≤ 10", words, met=max(counts.values()) <= 10)


def message(bench: Bench) -> Iterator[Line]:
    """16: a message to 2,000 guardians: acknowledged, then delivered with a copy by mail for each."""
    found = bench.contender("ours").call("message", 2_000)
    good = found["s"] < 2 and found["state"] == "sent" and found["people"] >= 2_000 and found["copies"] >= 1_500
    words = f"{found['s'] * 1000:.0f} ms, delivered in {found['deliver']:.1f} s"
    yield Line(16, f"message to {found['people']:,} people", "queued < 2 s", words, f"{found['copies']:,} copies", met=good)


def registrations(bench: Bench) -> Iterator[Line]:
    """17: the list of as many registrations as there are students, against a stock screen and against a tenth of them."""
    mine = "/admin/enrolment/?page_size=50"
    yield compared(17, f"{bench.size:,} registrations, 50 rows", 0.45, *bench.against(mine, mine))
    yield compared(17, "registrations, course searched", 0.45, *bench.against(f"{mine}&search=310-110-MV", f"{mine}&search=310-110-MV"))
    pages = {"list": mine, "of a group": f"{mine}&search=310-110-MV", "page 100": f"{mine}&page=100"}
    for name, page in pages.items():
        found = in_turn({"ours": (bench.contender("ours"), page), "small": (bench.contender("small"), page)}, bench.rounds)
        yield compared(17, f"{name}, {bench.size:,} registrations", 1.3, found["ours"], found["small"], f"{bench.small_size:,}")
    counts = {"list": bench.contender("ours").call("statements", mine)}
    yield Line(17, "SQL statements of the list", "≤ 10", f"{counts['list']}", met=counts["list"] <= 10)


BARS: dict[int, Callable[[Bench], Iterator[Line]]] = {
    1: the_list,
    2: growth,
    3: deep,
    4: search,
    5: filters,
    6: the_file,
    7: codes,
    8: csv,
    9: imports,
    10: printed,
    11: redemption,
    12: home,
    13: crowd,
    14: weight,
    15: statements,
    16: message,
    17: registrations,
}
