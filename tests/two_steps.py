"""Somebody with a second step at the door, for tests: their phone, their recovery codes, a browser halfway in."""

import datetime as dt

import pyotp
from conftest import rows
from hands import send, sign_in
from sqlalchemy import delete, select

from models import two_factor
from models.access import User
from models.db import db
from models.scope import unscoped
from models.settings import Setting

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def allow(app, school_id, value="optional"):
    """Set a school's `two_factor`."""
    with rows(app) as session:
        session.execute(delete(Setting).where(Setting.school_id == school_id, Setting.key == "two_factor"))
        session.add(Setting(school_id=school_id, key="two_factor", value=value))


def give(app, username="ac"):
    """A second step for this account, with its recovery codes; a step of long ago was used last."""
    with app.app_context(), unscoped("a test prepares"):
        number = db.session.scalar(select(User.id).where(User.username == username))
        assert two_factor.switch_on(number, SECRET, pyotp.TOTP(SECRET).at(two_factor.utcnow()))
        db.session.scalar(select(two_factor.TwoFactor).where(two_factor.TwoFactor.user_id == number)).last_step = 1
        codes = two_factor.new_recovery_codes(number)
        db.session.commit()
    return number, codes


def code(clock, steps=0):
    """What the phone shows, some steps away from now."""
    return pyotp.TOTP(SECRET).at(clock.now + dt.timedelta(seconds=30 * steps))


def type_code(browser, typed):
    return send(browser, "/login/code", page="/login/code", code=typed)


def halfway(app, username="ac", **more):
    """A browser that has typed the password."""
    browser = app.test_client()
    answer = sign_in(browser, username, **more)
    assert answer.headers["Location"] == "/login/code"
    return browser


def spend(app, number, typed):
    with app.app_context():
        done = two_factor.spend(number, typed)
        db.session.commit()
    return done
