"""The second step of a sign-in in each of its states, for the tour: offered, switched on, asked for, compulsory, removed."""

import pyotp
from conftest import rows
from hands import DEMO, user_of
from sqlalchemy import select

from models import second_step, two_factor
from models.access import Membership, User
from models.settings import Setting

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OWN = ("/account", "/account/two-factor", "/account/two-factor/codes", "/account/two-factor/off")


def signing_in(tour):
    """The registrar's, from the first page to the day the phone is lost; then everybody's sign-in is as it was."""
    app, number = tour.app, user_of(tour.app, "registrar")
    with rows(app) as session:
        school = session.scalar(select(Membership.school_id).where(Membership.user_id == number))
        setting = Setting(school_id=school, key="two_factor", value="optional")
        session.add(setting)
        session.flush()
        setting_id = setting.id
    for address in OWN[:2]:
        tour.look("registrar", address)
    tour.look("registrar", OWN[1], current=DEMO, current_code="000000")
    with rows(app):
        two_factor.switch_on(number, SECRET, pyotp.TOTP(SECRET).now())
        codes = two_factor.new_recovery_codes(number)
    for address in OWN:
        tour.look("registrar", address)
    tour.look("", "/login", username="registrar", password=DEMO)
    tour.look("", "/login/code")
    tour.look("", "/login/code", code="000000")
    tour.look("", "/login/code", code=codes[0])
    tour.look("acc", f"/admin/user/details/?id={number}")
    tour.look("acc", "/admin/user/action/", action="remove_two_factor", rowid=str(number))
    with rows(app) as session:
        session.get(Setting, setting_id).value = "staff"
    tour.look("registrar", "/account")
    tour.look("registrar", OWN[3], current=DEMO)
    tour.look("registrar", OWN[2], current=DEMO)
    tour.look("amp", "/admin/")
    with rows(app) as session:
        second_step.remove(session.get(User, number))
        session.delete(session.get(Setting, setting_id))
    tour.browsers.pop("")
    tour.look("", "/login", username="registrar", password=DEMO)
    tour.browsers.pop("")
