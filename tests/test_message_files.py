"""Files of messages: what is taken, by its content; what becomes of a draft's files; who fetches what was sent."""

import hashlib
import io
import os
import zipfile

import pytest
from PIL import Image
from small import writing
from sqlalchemy import select
from writing_messages import World

from jobs.sweep import stray_files
from models import files, message_box, message_files, trash
from models.base import Refusal
from models.changes import JournalChange
from models.messages import Message
from models.scope import unscoped

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
DIGEST = hashlib.sha256(PDF).hexdigest()


@pytest.fixture
def world(app):
    found = World(app)
    found.zoe = found.student("Zoé")
    found.helene = found.guardian("Hélène", found.zoe)[1]
    return found


def archive(**members):
    """A ZIP of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def office(kind, *more):
    """The least that says it is a document of Office Open XML."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("[Content_Types].xml", f'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/></Types>')
        for name in more:
            made.writestr(name, "x")
    return out.getvalue()


def picture(kind="JPEG", **more):
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind, **more)
    return out.getvalue()


def attach(world, key, name="a.pdf", content=PDF, by=None):
    with world.staff(by) as session:
        message_files.attach(session, session.get_one(Message, key), name, content)


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("sortie.pdf", PDF, ("sortie.pdf", "application/pdf")),
        ("C:\\docs\\menu.exe", PDF, ("menu.exe.pdf", "application/pdf")),
        ("../../x\u202egpj.pdf\n", PDF, ("xgpj.pdf", "application/pdf")),
        ("", PDF, ("file.pdf", "application/pdf")),
        ("photo.png", picture(), ("photo.jpg", "image/jpeg")),
        ("plan", picture("PNG"), ("plan.png", "image/png")),
        ("lettre.odt", archive(mimetype="application/vnd.oasis.opendocument.text"), ("lettre.odt", "application/vnd.oasis.opendocument.text")),
        ("x.zip", office("wordprocessingml.document"), ("x.zip.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")),
        ("notes.xlsx", office("spreadsheetml.sheet"), ("notes.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
    ],
)
def test_a_file_is_what_its_content_says_under_a_name_that_is_data(name, content, kept):
    found = message_files.look(name, content)
    assert (found.name, found.mimetype) == kept


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"%PDF-" + bytes(message_files.MOST_BYTES), "too big"),
        (b"<html><script>alert(1)</script>", "kind of file"),
        (b"<svg onload=alert(1)>", "kind of file"),
        (b"MZ\x90\x00", "kind of file"),
        (PDF + archive(a="b"), "two files in one"),
        (picture() + archive(a="b"), "holds another one"),
        (archive(a="b"), "kind of file"),
        (office("wordprocessingml.document", "word/vbaProject.bin"), "macros"),
        (archive(mimetype="application/vnd.oasis.opendocument.text", Basic__x="y"), "macros"),
        (office("wordprocessingml.document")[:-30], "kind of file"),
    ],
)
def test_other_files_are_refused_with_a_way_out(content, said):
    with pytest.raises(Refusal, match=said):
        message_files.look("a.pdf", content)


def test_a_photo_loses_where_it_was_taken():
    exif = Image.Exif()
    exif[0x010E] = "12 rue des Tilleuls"
    sent = picture(exif=exif)
    assert b"Tilleuls" in sent
    assert b"Tilleuls" not in message_files.look("photo.jpg", sent).content


def test_a_sixth_file_and_a_file_after_the_sending_are_refused(world):
    key = world.draft()
    for number in range(message_files.MOST_FILES):
        attach(world, key, f"{number}.pdf")
    with world.staff() as session, pytest.raises(Refusal, match="au plus 5 fichiers"):
        message_files.attach(session, session.get_one(Message, key), "6.pdf", PDF)
    world.send(key)
    with world.staff() as session, pytest.raises(Refusal, match="ne peut plus être modifié"):
        message_files.detach(session, session.get_one(Message, key), 1)


def test_only_who_received_the_message_fetches_its_files_and_mails_only_name_them(world):
    other = world.guardian("Marc", world.student("Luc"))[1]
    key = world.draft(audience={"kind": "students", "ids": [world.zoe]})
    attach(world, key, "menu.pdf")
    world.send(key)
    (mail,) = world.mails()
    assert "menu.pdf" in mail.text
    assert "boîte de réception" in mail.text
    with world.portal(world.helene) as session:
        opened = message_box.open_message(session, key)
        row = message_box.attachment(session, key, opened.files[0].id)
        assert message_files.content_of(row) == PDF
        number = row.id
    with world.portal(other) as session:
        assert message_box.attachment(session, key, number) is None


def test_a_deleted_draft_comes_back_from_its_authors_trash_with_its_files_and_nobody_elses(world):
    key = world.draft(by=world.ec)
    attach(world, key, "menu.pdf", by=world.ec)
    with world.staff(world.ec) as session:
        session.delete(session.get_one(Message, key))
    with world.staff() as session:
        assert session.scalars(trash.deleted()).all() == []
    sweep_later(world)
    with world.staff(world.ec) as session:
        (line,) = session.scalars(trash.deleted()).all()
        trash.restore(session, line.id)
    with world.staff(world.ec) as session:
        one = session.get_one(Message, key)
        assert (one.subject, one.is_draft, [file.name for file in one.files]) == ("Sortie au musée", True, ["menu.pdf"])
        assert message_files.content_of(one.files[0]) == PDF


def sweep_later(world):
    """The hourly sweep, when the file is old."""
    os.utime(files.path_of(DIGEST), (1, 1))
    with world.app.app_context(), unscoped("nightly work"):
        stray_files()


def test_a_file_that_neither_a_row_nor_an_undo_names_is_swept(world):
    key = world.draft()
    attach(world, key)
    with world.staff() as session:
        session.delete(session.get_one(Message, key))
    with writing(world.app) as session:
        for change in session.scalars(select(JournalChange).where(JournalChange.table_name == "message_file")):
            session.delete(change)
    sweep_later(world)
    assert files.plain(DIGEST) is None
