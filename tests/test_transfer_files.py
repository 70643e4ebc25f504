"""The file of a transfer: who can read it, and every way in which one is refused whole (security 87 to 89, R16)."""

import json
import random
import time

import pytest
from conftest import clock_at, rows
from sqlalchemy import func, select
from transferring import ELSEWHERE, acting_in, family, file_for, latest, receive, send, switch_on

from models import sealing
from models.base import Refusal
from models.imports import Import
from models.parcel import is_plain, plain
from models.people import Student, StudentStatus
from models.school import School
from models.transfer import Transfer, TransferStatus
from models.travel import STUDENT, TABLES, Travels, declare

WRONG = "La phrase de passe n’est pas celle de ce fichier, ou le fichier a été altéré"
ODD = "Ce transfert contient quelque chose qu’aucun transfert ne contient."


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    """What a key costs has its own test."""
    monkeypatch.setattr(sealing, "COST", 2**4)


@pytest.fixture
def sealed(app, schools):
    """A file for the second school, and its passphrase."""
    switch_on(app, schools)
    return file_for(app, schools)


def refused(app, school_id, content, passphrase):
    """What the person reads; nothing was written."""
    with acting_in(app, school_id, "acc2") as session:
        with pytest.raises(Refusal) as refusal:
            Transfer.receive(content, passphrase)
        session.rollback()
        assert session.scalar(select(func.count()).select_from(Transfer)) == 0
        return refusal.value.sentence


def test_the_passphrase_has_a_hundred_bits_and_is_told_once(app, schools, sealed):
    content, passphrase = sealed
    assert len(passphrase.replace("-", "")) == 20
    with acting_in(app, schools[0]) as session:
        one = session.get_one(Transfer, latest(app, "sent", schools[0]).id)
        assert one.status is TransferStatus.handed
        with pytest.raises(Refusal, match="déjà été montrée"):
            one.tell_passphrase()
    assert b"QC777001" not in content
    assert passphrase.encode() not in content


def test_a_file_is_taken_in_with_the_passphrase_however_it_is_typed(app, schools, sealed):
    content, passphrase = sealed
    receive(app, schools[1], content, f" {passphrase.lower().replace('-', ' ')} ")
    one = latest(app, "received", schools[1])
    assert (one.status, one.count, one.other_code) == (TransferStatus.waiting, 2, "9990001X")
    assert len(one.people) == 2


def test_87_a_bit_flipped_anywhere_is_refused(app, schools, sealed):
    content, passphrase = sealed
    for place in (0, 5, 18, 19, 20, 30, 40, 47, 48, 60, 200, -17, -1):
        at = place % len(content)
        told = refused(app, schools[1], content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], passphrase)
        expected = "une autre version de Scolabri" if at == 18 else WRONG if at > 19 else "Ce n’est pas un fichier de transfert."
        assert expected in told, place


def test_87_a_file_cut_short_anywhere_is_refused(app, schools, sealed):
    content, passphrase = sealed
    for kept in (0, 10, 25, 47, 48, 300, -1):
        refused(app, schools[1], content[:kept], passphrase)


def test_87_a_wrong_passphrase_and_an_altered_file_are_one_sentence(app, schools, sealed):
    assert WRONG in refused(app, schools[1], sealed[0], sealing.new_passphrase())
    assert WRONG in refused(app, schools[1], sealed[0], "")


def test_87_a_file_serves_once(app, schools, sealed):
    receive(app, schools[1], *sealed)
    with acting_in(app, schools[1], "acc2"), pytest.raises(Refusal, match="déjà été reçu"):
        Transfer.receive(*sealed)


def test_87_a_file_for_another_school_names_both(app, schools, sealed):
    with rows(app) as session:
        session.get_one(School, schools[1]).official_code = "QC777002"
    told = refused(app, schools[1], *sealed)
    assert "QC777001" in told
    assert "QC777002" in told


def test_87_a_file_older_than_thirty_days_is_refused(app, schools, sealed):
    made = latest(app, "sent", schools[0]).made_at
    with clock_at(made.replace(year=made.year + 1)):
        assert "plus de 30 jours" in refused(app, schools[1], *sealed)


def test_a_file_from_a_day_to_come_or_from_oneself_has_its_own_sentence(app, schools, sealed):
    made = latest(app, "sent", schools[0]).made_at
    with clock_at(made.replace(year=made.year - 1)):
        assert "une date à venir" in refused(app, schools[1], *sealed)
    own = resealed(*sealed, lambda lines: lines[0].update({"from": ELSEWHERE}))
    assert "votre propre établissement" in refused(app, schools[1], own, sealed[1])


def test_a_file_of_another_kind_or_too_heavy_is_refused(app, schools, sealed):
    assert "Ce n’est pas un fichier de transfert." in refused(app, schools[1], b"nom;prenom\nA;B", sealed[1])
    assert "plus de 10 Mo" in refused(app, schools[1], b"x" * (10 * 2**20 + 1), sealed[1])


# --- what an authentic file may hold -------------------------------------------------------------------------------------------------------


def resealed(content, passphrase, change):
    """The same file, made by somebody who has the passphrase and changed the text."""
    lines = [json.loads(line) for line in sealing.unseal(content, passphrase).split("\n")]
    changed = change(lines)
    return sealing.seal("\n".join(json.dumps(line) for line in (lines if changed is None else changed)), passphrase)


def set_head(**values):
    return lambda lines: lines[0].update(values)


def set_cell(table, column, text):
    def change(lines):
        at = lines[0]["columns"][table].index(column)
        next(line for line in lines[1:] if line[0] == table)[1][at] = text

    return change


def add_column(table, name):
    def change(lines):
        lines[0]["columns"][table].append(name)
        for line in lines[1:]:
            if line[0] == table:
                line[1].append("1")

    return change


HOSTILE = {
    "a table of roles": lambda lines: lines.append(["membership", ["acc"]]),
    "a table announced": lambda lines: lines[0]["columns"].update(user=["username"]),
    "a table that is missing": lambda lines: lines[0]["columns"].pop("links"),
    "a column of accounts": add_column("students", "user_id"),
    "a column of schools": add_column("students", "school_id"),
    "a field of another table": add_column("students", "user:password_hash"),
    "a column twice": add_column("students", "town"),
    "a reason of a suspension": add_column("links", "suspended_reason"),
    "markup": set_cell("students", "town", "<script>alert(1)</script>"),
    "signs that nobody sees": set_cell("students", "family_name", "Mar\u202etin"),
    "a line break": set_cell("guardians", "town", "Lyon\nParis"),
    "half a sign": set_cell("guardians", "town", "\ud800"),
    "a very long cell": set_cell("students", "town", "x" * 1_001),
    "a number": set_cell("students", "town", 12),
    "a list": set_cell("students", "town", ["Lyon"]),
    "a student more than announced": lambda lines: lines.append(["students", ["X", *lines[1][1][1:]]]),
    "a student twice": lambda lines: lines.append(lines[1]),
    "a student announced who is missing": lambda lines: lines[0]["students"].append("080000000ZZ"),
    "nobody": set_head(students=[]),
    "a student announced twice": lambda lines: lines[0]["students"].append(lines[0]["students"][0]),
    "a guardian of nobody": lambda lines: lines.append(["guardians", ["R99", *next(x for x in lines[1:] if x[0] == "guardians")[1][1:]]]),
    "a link to an unknown guardian": set_cell("links", "guardian_ref", "R98"),
    "a short row": lambda lines: lines[1][1].pop(),
    "no date": set_head(made_at=""),
    "a date without zone": set_head(made_at="2026-11-22T10:00:00"),
    "no token": set_head(token="../../etc/passwd"),
    "an odd code": set_head(**{"from": "'; DROP TABLE"}),
    "an unknown country": set_head(country="XX"),
    "one thing more in the head": set_head(role="acc"),
    "a head that is a list": lambda lines: [[], *lines[1:]],
    "columns that are a text": lambda lines: lines[0]["columns"].update(students="national_id"),
    "twenty thousand rows": lambda lines: lines.extend([lines[-1]] * 20_001),
    "nothing": lambda _lines: [],
}


def test_89_an_authentic_file_with_one_thing_too_many_is_refused_whole(app, schools, sealed):
    content, passphrase = sealed
    told = {what: refused(app, schools[1], resealed(content, passphrase, change), passphrase)[: len(ODD)] for what, change in HOSTILE.items()}
    assert told == dict.fromkeys(HOSTILE, ODD)


def test_89_deep_nesting_and_endless_lines_are_refused(app, schools, sealed):
    for text in ("[" * 200_000, "{" * 1_000_000, "\n" * 30_000, "x" * 500_000):
        assert ODD in refused(app, schools[1], sealing.seal(text, "A"), "A")


def mutations(content, passphrase, count, seed):
    """Seeded from a true file: bytes of the sealed file, then signs of the text under the seal."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    text = sealing.unseal(content, passphrase)
    for number in range(count):
        if number % 2:
            raw = bytearray(content)
            for _time in range(chance.randint(1, 8)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            yield bytes(raw[: chance.choice((len(raw), chance.randrange(len(raw))))])
        else:
            signs = list(text)
            for _time in range(chance.randint(1, 6)):
                signs[chance.randrange(len(signs))] = chance.choice('[]{}",:0a\n\\é<')
            yield sealing.seal("".join(signs), passphrase)


def survives(app, schools, sealed, count):
    """Refused or taken in, each in less than two seconds, nothing else ever."""
    content, passphrase = sealed
    taken = 0
    for changed in mutations(content, passphrase, count, seed=20261122):
        began = time.monotonic()
        with acting_in(app, schools[1], "acc2") as session:
            try:
                Transfer.receive(changed, passphrase)
                taken += 1
            except Refusal:
                pass
            session.rollback()
        assert time.monotonic() - began < 2
    return taken


def test_r16_two_hundred_mutations_are_refused_or_taken_in(app, schools, sealed):
    assert survives(app, schools, sealed, 200) < 150


@pytest.mark.slow
def test_r16_ten_thousand_mutations_are_refused_or_taken_in(app, schools, sealed):
    assert survives(app, schools, sealed, 10_000) < 7_500


def test_what_is_sent_is_always_what_is_accepted():
    for odd in ("<b>", "a\tb\nc", "Zoé \u200bN\u202e", "\x00\x1f", "x" * 5_000, "\ud800é", " a  b "):
        assert is_plain(plain(odd))


def test_a_key_costs_a_tenth_of_a_second_whatever_the_file_asks(monkeypatch):
    monkeypatch.undo()
    assert sealing.COST >= 2**15


def test_a_table_travels_once_and_names_no_secret():
    with pytest.raises(ValueError, match="travels already"):
        declare(Travels("students", "", STUDENT, "national_id", lambda *_: iter(())))
    names = {column for table in TABLES.values() for column in table.columns}
    assert not names & {"suspended_reason", "user_id", "password_hash", "search_key", "id", "school_id", "code"}


def test_sending_elsewhere_makes_one_file_and_the_students_leave(app, schools):
    switch_on(app, schools)
    ids = family(app, schools[0])
    sent = send(app, schools, ids, ELSEWHERE)
    assert (sent.status, sent.inside, bool(sent.file_key), bool(sent.secret)) == (TransferStatus.ready, False, True, True)
    with rows(app) as session:
        assert set(session.scalars(select(Student.status).where(Student.id.in_(ids)))) == {StudentStatus.left}
        assert session.scalar(select(func.count()).select_from(Import)) == 0
