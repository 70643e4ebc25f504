"""Mutated files given to the readers of imports, with 2 s each and 512 MB: `python fuzz_sources.py COUNT SEED`.

Prints a JSON object of what became of them: read, refused, killed (a workbook, inside its library, which has a process of its own here as
well), broken (any other end, told on the standard error). Seeded, so that a failure is found again.
"""

import json
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import import_people  # noqa: E402 (after the path)
import openpyxl  # noqa: E402 (after the path)
import siecle_files as siecle  # noqa: E402 (after the path)

from jobs import import_formats, sources  # noqa: E402, F401 (after the path; the formats register themselves)
from jobs.table_child import Refused  # noqa: E402 (after the path)
from jobs.tables import collect  # noqa: E402 (after the path)
from jobs.xml_child import read_any  # noqa: E402 (after the path)
from models.import_words import BadFile  # noqa: E402 (after the path)

TOKENS = [
    b"<!DOCTYPE a [", b"<!ENTITY x 'y'>", b"&x;", b"&#0;", b"]]>", b"<![CDATA[", b"<!--", b"<?xml", b"</", b"/>", b"\0", b"\xff\xfe", b"\xef\xbb\xbf",
    "Ã©".encode(), b"\xe9", b"<" * 50, b">" * 50, b"9" * 400, b"encoding='utf-7'", b"'", b'"', b";", b"\r", b"PK\x03\x04", b"PK\x01\x02",
    b"../", b"\xd0\xcf\x11\xe0",
]  # fmt: skip

ENDS = ("read", "refused", "broken", "killed")


def seeds():
    """Small true files: XML, its zip, CSV, XLSX."""
    pupils = [siecle.pupil(n, given="Zoé", ADRESSE_ID="1") for n in range(3)]
    students = siecle.students(*pupils, addresses=[siecle.address(1)])
    guardians = siecle.guardians([siecle.person(7)], [siecle.tie(1, 7, NIVEAU_RESPONSABILITE="1")])
    made = openpyxl.Workbook()
    made.active.append(import_people.HEADINGS)
    for line in import_people.STUDENTS:
        made.active.append([line.get(h, "") for h in import_people.HEADINGS])
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as book:
        made.save(book.name)
        sheet = Path(book.name).read_bytes()
    lines = [";".join(line.get(h, "") for h in import_people.HEADINGS) for line in import_people.STUDENTS]
    csv = "\r\n".join([";".join(import_people.HEADINGS), *lines]).encode()
    more = (siecle.structures((("5A", "Cinquième A"),), (("LATIN", ""),)), siecle.nomenclature(("10110001110", "5ème", "5G")))
    return {
        "xml": [students, guardians, *more],
        "zip": [siecle.zipped(("a.xml", students)), siecle.zipped(("a.xml", guardians), folder="x/")],
        "csv": [csv],
        "book": [sheet],
    }


def mutate(chance, data):
    """A few changes of bytes, pieces and tokens."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(9):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at:at] = chance.choice(TOKENS)
            case 2:
                del changed[at : at + chance.choice((1, 8, 200))]
            case 3:
                changed[at:at] = changed[at : at + chance.choice((4, 100))] * chance.choice((2, 50))
            case 4:
                other = chance.randrange(len(changed) + 1)
                changed[at : at + 20], changed[other : other + 20] = changed[other : other + 20], changed[at : at + 20]
            case 5 if chance.random() < 0.2:
                del changed[at:]
            case 6 | 7 | 8 if changed[at : at + 1].isalnum():  # what may still be well formed
                changed[at] = chance.choice(b"0123456789ADGZaz /")
    return bytes(changed)


def read(path, target):
    """As jobs/sources.py reads a file, without the second process."""
    roots = {root: list(found.paths) for root, found in sources.XML.items()}
    read_any(path, target, {"choices": {}, "roots": roots})
    with target.open(encoding="utf-8") as lines:
        head = json.loads(next(lines))
        if head["kind"] == "xml":
            sources.XML[head["root"]].build(head, (sources.Record(*json.loads(line)) for line in lines))
            return
        table = collect(head, map(json.loads, lines))
    for build in sources.TABLES:
        build(table)


def one(path, target):
    """How the reading of one file ends: 0 read, 1 refused, 2 broken."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 2)  # of its own time, however busy the machine
    try:
        read(path, target)
    except (Refused, BadFile, MemoryError):
        return 1
    except BaseException:
        traceback.print_exc()
        return 2
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return 0


def apart(path, target):
    """The same in a process of its own: what a library written in another language ends, ends there. 3: killed."""
    child = os.fork()
    if child == 0:
        os._exit(one(path, target))
    status = os.waitpid(child, 0)[1]
    return 3 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def too_slow(_signal, _frame):
    """Whoever needs more than 2 s is broken."""
    raise TimeoutError


def main(count, seed):
    """Read that many mutated files; what became of them, by kind."""
    resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024,) * 2)
    signal.signal(signal.SIGVTALRM, too_slow)
    chance, ends = random.Random(seed), Counter()  # noqa: S311 (the same files again for the same seed)
    files = seeds()
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "sent", Path(folder) / "rows"
        for number in range(count):
            kind = chance.choice(("xml", "xml", "zip", "csv", "book"))
            path.write_bytes(mutate(chance, chance.choice(files[kind])))
            end = ENDS[(apart if kind == "book" else one)(path, target)]
            ends[f"{kind} {end}"] += 1
            if end in ("broken", "killed"):
                sys.stderr.write(f"{kind} {end}: input {number} of seed {seed}\n")
    sys.stdout.write(json.dumps(ends))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
