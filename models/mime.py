"""A row of the outbox as a real mail: the same bytes for the server and for the file that somebody saves.

The text always stands in it; beside it the same laid out for readers that show HTML (`templates/mail/layout.html`): the school's name,
the text with its links, whom an answer reaches. Nothing is fetched when it is read: no picture, nothing that tells that it was opened.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from models import message_html
from models.school import School
from models.words import _, in_language
from models.work import OutgoingMail

_POLICY = SMTP.clone(cte_type="7bit")  # every server takes it
_TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "mail"
_ADDRESS = re.compile(r"https?://\S+")


def compose(mail: OutgoingMail, school: School | None, *, sender: str) -> EmailMessage:
    """One mail to one person, written by `sender`, answered to the school. Its Message-ID is the row's, so that a second try is the same mail.

    Raises ValueError for a line break in a header (the row refuses them, this is the second wall), and for a text sealed with another key.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(display_name=school.name if school else "", addr_spec=sender)
    message["To"] = Address(display_name=mail.to_name, addr_spec=mail.to_address)
    if school and school.email:
        message["Reply-To"] = Address(addr_spec=school.email)
    message["Subject"] = mail.subject
    message["Date"] = mail.created_at
    message["Message-ID"] = mail.message_id
    # No answering machine answers a mail that a program wrote (RFC 3834; the second is what Exchange reads).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(laid_out(mail, school), subtype="html")
    message["Content-Language"] = mail.language.replace("_", "-")
    return message


def file_sender(school: School | None) -> str:
    """Who writes in a mail that is saved as a file: the school, whatever the server's own address is."""
    return school.email if school and school.email else "scolabri@localhost"


def laid_out(mail: OutgoingMail, school: School | None) -> str:
    """The mail as HTML, in its reader's language: its own formatted text, cleaned, or its plain one in paragraphs with its links."""
    rich = message_html.clean(mail.rich) if mail.rich else ""
    with in_language(mail.language):
        return _layout().render(lang=mail.language.replace("_", "-"), subject=mail.subject, school=school, content=rich, paragraphs=_paragraphs(mail.text))


def _paragraphs(text: str) -> list[list[tuple[str, bool]]]:
    """Paragraphs as lines, each with whether it is an address and nothing else."""
    parts = [part.strip().splitlines() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [[(line.strip(), bool(_ADDRESS.fullmatch(line.strip()))) for line in lines] for lines in parts]


@cache
def _layout() -> Template:
    env = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True)
    env.globals["_"] = lambda msgid, **params: str(_(msgid, **params))
    return env.get_template("layout.html")
