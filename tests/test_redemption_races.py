"""Many at once on the same codes: one winner each (security case 32)."""

import threading

import pytest
from redeeming import add, code_for, count, one_student, person, row_of
from small import writing
from sqlalchemy import func, select

from models import keys
from models.access import User
from models.activation import ActivationCode
from models.base import Refusal
from models.journal import JournalEvent
from models.people import GuardianLink
from models.redemption import UnusableCode


@pytest.fixture
def app(tmp_path):
    """One student of one school."""
    return one_student(tmp_path)


def race(app, tries):
    """Every (code, user) at once, each in a thread with its own connection; how each ended."""
    barrier, ends = threading.Barrier(len(tries)), []

    def one(number, code, user_id):
        barrier.wait()
        try:
            add(app, code, user_id, address=f"10.1.{number // 250}.{number % 250}")
            ends.append("won")
        except UnusableCode:
            ends.append("calm")
        except Exception as fault:
            ends.append(repr(fault))

    threads = [threading.Thread(target=one, args=(n, *each)) for n, each in enumerate(tries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def test_32_of_one_hundred_simultaneous_redemptions_of_one_code_exactly_one_wins(app):
    code = code_for(app)
    people = [person(app, f"Parent{n}") for n in range(20)]
    ends = race(app, [(code, people[n % 20]) for n in range(100)])
    assert sorted(set(ends)) == ["calm", "won"]
    assert ends.count("won") == 1
    assert count(app, GuardianLink) == 1
    with writing(app) as session:
        assert session.scalar(select(func.count()).where(JournalEvent.verb == "redeem")) == 1


def test_32_simultaneous_redemptions_of_different_codes_all_win(app):
    codes = [code_for(app) for _n in range(25)]
    people = [person(app, f"Parent{n}") for n in range(25)]
    assert race(app, list(zip(codes, people, strict=True))) == ["won"] * 25
    assert count(app, GuardianLink) == 25


def test_32_a_redemption_against_a_revocation_is_one_or_the_other_never_both(app):
    for _round in range(5):
        code, user_id = code_for(app), person(app, f"Parent{count(app, User)}")
        barrier, ends = threading.Barrier(2), []

        def revoke(code=code, barrier=barrier, ends=ends):
            barrier.wait()
            with writing(app) as session:
                row = session.scalar(select(ActivationCode).where(ActivationCode.digest == keys.digest("activation", code)))
                try:
                    row.revoke()
                    session.flush()
                    ends.append("revoked")
                except Refusal:
                    session.rollback()

        def redeem(code=code, user_id=user_id, barrier=barrier, ends=ends):
            barrier.wait()
            try:
                add(app, code, user_id)
                ends.append("redeemed")
            except UnusableCode:
                pass

        threads = [threading.Thread(target=revoke), threading.Thread(target=redeem)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        row = row_of(app, code)
        assert len(ends) == 1, ends
        assert (row.used_at is None) != (row.revoked_at is None)
