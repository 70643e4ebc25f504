"""What a person does at the door, for tests: reading a page's token, sending a form, signing in."""

import csv
import html
import io
import re

from conftest import rows
from sqlalchemy import select, text

from models.access import Membership, User
from models.people import Group, Student

DEMO = "scolabri-demo-2026"
GOOD = "trois chevaux verts ailleurs"


def token(text):
    """The CSRF token in a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)[1]


def send(browser, path, page="/login", **fields):
    """Post a form with the token of a page."""
    address = fields.pop("address", "127.0.0.1")
    fields.setdefault("csrf_token", token(browser.get(page).text))
    return browser.post(path, data=fields, environ_overrides={"REMOTE_ADDR": address})


def sign_in(browser, username, password=DEMO, address="127.0.0.1", **more):
    """Send the login form."""
    return send(browser, "/login", username=username, password=password, address=address, **more)


def words(answer):
    """What a person reads: the page without its markup."""
    return html.unescape(" ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.text, flags=re.S).split()))


def links(app, rows, purpose="reset"):
    """The one-time links in the mails that wait, the latest last, with their addressees."""
    from sqlalchemy import select

    from models.work import OutgoingMail

    with rows(app) as session:
        mails = session.scalars(select(OutgoingMail).where(OutgoingMail.sealed).order_by(OutgoingMail.id)).all()
        return [(mail.to_address, re.search(rf"(https?://\S+)(/{purpose}/\S+)", mail.text)) for mail in mails]


def ask_link(browser, name="ac", **more):
    """Ask for a link to choose a password."""
    return send(browser, "/forgot", page="/forgot", username=name, **more)


def last_link(app):
    """The latest one-time link: whole, host, path."""
    return links(app, rows)[-1][1]


def choose(browser, path, password=GOOD, again=None):
    """Choose a password by a one-time link."""
    return send(browser, path, page="/forgot", password=password, again=again or password)


# --- the screens of users and roles -------------------------------------------------------------------------------------------


def user_of(app, username):
    """The identifier of an account."""
    with rows(app) as session:
        return session.scalar(select(User.id).where(User.username == username))


def held_by(app, username):
    """The identifier of the person's membership."""
    with rows(app) as session:
        return session.scalar(select(Membership.id).join(User, User.id == Membership.user_id).where(User.username == username))


def roles_of(app, username, school_id=None):
    """role -> whether it is active, of this account (in one school)."""
    with rows(app) as session:
        look = select(Membership.role, Membership.active).join(User, User.id == Membership.user_id).where(User.username == username)
        return {role.name: active for role, active in session.execute(look if school_id is None else look.where(Membership.school_id == school_id))}


def form(browser, path, **fields):
    """Send a screen's form with its own token and mark; ticks and texts that are not named stay as they are shown."""
    page = browser.get(path).text
    mark = re.search(r'name="row_version"[^>]*value="([^"]*)"', page)
    return browser.post(path, data={"csrf_token": token(page), "row_version": mark[1] if mark else "", **fields})


def do(browser, screen, verb, *ids, **answers):
    """Send a verb for these rows."""
    return send(browser, f"/admin/{screen}/action/", page="/account", action=verb, rowid=[str(i) for i in ids], _asked="1", **answers)


# --- rows and scopes, forms and files --------------------------------------------------------------------------------------------


def ids(app, statement):
    """The identifiers a statement gives."""
    with rows(app) as session:
        return list(session.scalars(statement))


def one(app, statement):
    """The first row's values, as a tuple."""
    with rows(app) as session:
        return session.execute(statement).first()


def scope_of(app, username):
    """(students the person follows, the other students of their school)."""
    with rows(app) as session:
        user = session.scalar(select(User).where(User.username == username))
        school = session.scalar(select(Membership.school_id).where(Membership.user_id == user.id))
        mine = select(Group.id).where((Group.owner_id == user.id) | Group.shared_with.any(User.id == user.id))
        follows = (Student.adviser_id == user.id) | Student.homeroom_id.in_(mine) | Student.groups.any(Group.id.in_(mine))
        inside = set(session.scalars(select(Student.id).where(Student.school_id == school, follows)))
        outside = set(session.scalars(select(Student.id).where(Student.school_id == school))) - inside
    return sorted(inside), sorted(outside)


def form_of(browser, page):
    """The posted fields of a form, as the browser would send them back unchanged."""
    text = browser.get(page).text
    form = re.search(r'<form class="sheet".*?</form>', text, re.S)[0]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            fields[name[1]] = value[1] if value else ""
    for name, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = [re.search(r'value="([^"]*)"', option)[1] for option in re.findall(r"<option[^>]*selected[^>]*>", body)]
        if chosen:
            fields[name] = chosen[-1]
    return fields


def exported(browser, path):
    """The lines of a CSV export."""
    answer = browser.get(path, buffered=True)
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))


def an_old_row(connection, table, **values):
    """A row of the first version; what it needs and the test does not name is empty, 1 or now."""
    for _place, name, kind, needed, default, key in connection.execute(text(f"PRAGMA table_info({table})")):
        if needed and default is None and not key:
            values.setdefault(name, {"INTEGER": 1, "BOOLEAN": 1, "DATETIME": "2026-11-22 00:00:00", "DATE": "2026-11-22", "JSON": "{}"}.get(kind, ""))
    names, places = ", ".join(f'"{name}"' for name in values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f'INSERT INTO "{table}" (id, {names}) VALUES (1, {places})'), values)  # noqa: S608 (no data)
