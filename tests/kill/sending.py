"""The process that sends mails and is killed: it does nothing else until it is told to end."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from small import small_app

from jobs import mail, runner


def send(folder, pipe, url, lease):
    """Send what is due over and over; says when it begins, and when nothing is left."""
    os.setsid()
    app = small_app(Path(folder), tables=False, MAIL_URL=url, MAIL_LEASE=lease)
    me = runner.new_name()
    with suppress(BrokenPipeError):
        pipe.send("begun")
        while runner._apart(app, mail.send_due, me):
            pass
        pipe.send("done")
    os._exit(0)
