"""What is told after somebody was invited: the mail that leaves, or the link to hand over, shown this once."""

from __future__ import annotations

from flask import current_app, flash

from models.access import User
from views.i18n import gettext


def mails() -> bool:
    """Whether a mail server is set."""
    return bool(current_app.config.get("MAIL_URL"))


def tell_link(user: User, link: str) -> None:
    """Mailed (`link` is empty), or shown this once to be handed over."""
    if not link:
        flash(gettext("An invitation leaves for %(name)s.", name=user.name), "success")
        return
    text = gettext("Hand this link over to %(name)s: it works once, for 7 days, and is not shown again.", name=user.name)
    flash({"text": text, "links": [{"url": link, "label": link}]}, "success")  # type: ignore[arg-type]  # the template reads text and links
