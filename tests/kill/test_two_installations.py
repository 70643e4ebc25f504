"""Two running installations, each with its own folder and database: one sends a file, somebody carries it, the other takes it in."""

import http.client
import re
import sqlite3
from contextlib import closing
from html import unescape

import pytest
from scene import PATIENCE, Browser, Scene, child, serve
from test_kill import Mailbox

pytestmark = pytest.mark.slow

BOUNDARY = "a-line-that-stands-in-no-file"


class Carrier(Browser):
    """Somebody signed in who fetches and brings files."""

    def fetch(self, path, fields):
        """The bytes of an answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as line:
            body = "&".join(f"{name}={value}" for name, value in fields.items())
            line.request("POST", path, body, {"Cookie": f"scolabri={self.cookie}", "Content-Type": "application/x-www-form-urlencoded"})
            return line.getresponse().read()

    def bring(self, path, fields, file):
        """Send a form with a file; (status, address it leads to)."""
        parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="t.scolabri"\r\n\r\n'.encode() + file + b"\r\n")
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as line:
            headers = {"Cookie": f"scolabri={self.cookie}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Location", "")

    def post(self, path, **fields):
        """Send a form; (status, text, address)."""
        return self.ask("POST", path, {"csrf_token": self.token(), **fields})


def test_a_file_goes_from_one_running_installation_to_another(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here, there = Scene("transfer out", tmp_path / "here"), Scene("transfer out", tmp_path / "there")
    with closing(sqlite3.connect(here.folder / "test.sqlite3")) as line:
        wanted = "SELECT id, national_id FROM student WHERE school_id = 1 AND status = 'active' AND national_id IS NOT NULL LIMIT 1"
        number, code = line.execute(wanted).fetchone()
    with closing(sqlite3.connect(there.folder / "test.sqlite3")) as line:  # the same demonstration: another code, and nobody of that name
        line.execute("UPDATE school SET official_code = '9990009F' WHERE id = 1")
        renamed = "UPDATE student SET national_id = 'X' || id, family_name = 'Autre', name_key = 'autre', born_on = '2001-02-03' WHERE national_id = ?"
        line.execute(renamed, (code,))
        line.commit()
    with child(serve, here.folder, {}) as (_sender, one), child(serve, there.folder, {}) as (_receiver, other):
        mail, post = Mailbox(one), Mailbox(other)
        sender, receiver = Carrier(mail.told("port")[0], here.told["cookie"]), Carrier(post.told("port")[0], there.told["cookie"])
        status, text, page = sender.post(
            "/admin/student/action/", action="transfer", rowid=number, school_code="9990009F", leave="y", _asked="1", _sure="9990009F"
        )
        assert status == 303, text
        mail.told("job")
        transfer = page.rpartition("=")[2]
        file = sender.fetch("/admin/transfer/file/", {"csrf_token": sender.token(), "id": transfer})
        shown = sender.post("/admin/transfer/passphrase/", id=transfer)[1]
        passphrase = re.search(r"\b([2-9A-Z]{4}-){4}[2-9A-Z]{4}\b", unescape(shown))[0]
        altered = file[:-1] + bytes([file[-1] ^ 1])
        assert receiver.bring("/admin/transfer/new/", {"csrf_token": receiver.token(), "passphrase": passphrase}, altered)[0] == 422
        status, page = receiver.bring("/admin/transfer/new/", {"csrf_token": receiver.token(), "passphrase": passphrase}, file)
        assert status == 303
        post.told("job")
        assert receiver.post(page.replace("details", "confirm"))[0] == 303
        post.told("job")
    with closing(sqlite3.connect(there.folder / "test.sqlite3")) as line:
        arrived = line.execute("SELECT status FROM student WHERE school_id = 1 AND national_id = ?", (code,)).fetchall()
        assert arrived == [("active",)]
        assert line.execute("SELECT direction, status, other_code FROM transfer").fetchall() == [("received", "done", "9990001X")]
    with closing(sqlite3.connect(here.folder / "test.sqlite3")) as line:
        assert line.execute("SELECT status FROM student WHERE id = ?", (number,)).fetchall() == [("left",)]
        assert line.execute("SELECT direction, status FROM transfer").fetchall() == [("sent", "handed")]
