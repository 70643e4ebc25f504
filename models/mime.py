"""A row of the outbox as a real mail: the same bytes for the server and for the file that somebody saves."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from models.work import OutgoingMail

_POLICY = SMTP.clone(cte_type="7bit")  # every server takes it


def compose(mail: OutgoingMail, text: str, html: str = "", *, from_address: str, from_name: str = "", reply_to: str = "") -> EmailMessage:
    """One mail to one person. Its Message-ID is the row's, so that a second try is the same mail.

    With `html` a reader that shows formatted mails shows that, any other the text. Raises ValueError for a line break
    in a header: the row refuses them, this is the second wall.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(display_name=from_name, addr_spec=from_address)
    message["To"] = Address(display_name=mail.to_name, addr_spec=mail.to_address)
    if reply_to:
        message["Reply-To"] = Address(addr_spec=reply_to)
    message["Subject"] = mail.subject
    message["Date"] = mail.created_at
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    message["Content-Language"] = mail.language.replace("_", "-")
    return message
