"""What a person does at the door, for tests: reading a page's token, sending a form, signing in."""

import html
import re

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
