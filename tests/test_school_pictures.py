"""The logo and the stamp: drawn again, refused by content, kept once, never served where they must not be. Numbers are the security cases."""

import io
import os
import re
import zlib

import pytest
from conftest import rows
from hands import do, send, token, words
from PIL import Image, PngImagePlugin
from printed import pictures, product
from sqlalchemy import select

from jobs import runner, samples, sweep
from jobs.letterhead import letterhead
from models import files, school_files
from models.base import Refusal
from models.journal import JournalEvent
from models.people import GuardianLink, Student
from models.school import School
from models.words import in_language
from models.work import Job, JobKind, JobState


def drawn(mode="RGB", size=(60, 40), form="PNG", **options):
    """A picture as somebody sends it."""
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, form, **options)
    return out.getvalue()


def exif():
    """Where the picture was taken, and that it lies on its side."""
    found = Image.Exif()
    found[0x0112], found[0x010E] = 6, "2 rue des Tilleuls"
    return found


def moving(form):
    """Two pictures that follow each other."""
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, form, save_all=True, append_images=[Image.new("RGB", (20, 20), "blue")], duration=100)
    return out.getvalue()


def huge():
    """A small file that says it has 144 million pixels: nothing of them is there to read."""
    small = drawn(size=(1, 1))
    head = b"IHDR" + (12_000).to_bytes(4) * 2 + small[24:29]
    return small[:12] + head + zlib.crc32(head).to_bytes(4) + small[33:]


def comment():
    """A PNG that carries words of its own."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    return drawn(pnginfo=info)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
REFUSED = {
    "an SVG called .png": (SVG, "Un dessin SVG"),
    "an SVG with its prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>' + SVG, "Un dessin SVG"),
    "a web page": (b"<!DOCTYPE html><script>alert(1)</script>", "une page web"),
    "a PDF": (b"%PDF-1.7 ...", "un PDF"),
    "a GIF that is a script": (b"GIF89a/*" + bytes(40) + b"*/=alert(1)", "GIF"),
    "a drawing of another kind": (drawn(form="TIFF"), "PNG, JPEG et WebP"),
    "words": (b"logo", "PNG, JPEG et WebP"),
    "nothing": (b"", "vide"),
    "a PNG and a ZIP": (drawn() + b"PK\x03\x04" + bytes(30) + b"PK\x05\x06" + bytes(18), "en contient un autre"),
    "a JPEG and a web page": (drawn(form="JPEG") + b"<html><script>", "en contient un autre"),
    "a JPEG that is a PDF": (drawn(form="JPEG", comment=b"%PDF-1.4"), "en contient un autre"),
    "a moving PNG": (moving("PNG"), "animée"),
    "a moving WebP": (moving("WEBP"), "animée"),
    "144 megapixels": (huge(), "20 mégapixels"),
    "half a picture": (drawn(size=(400, 400))[:-200], "abîmé"),
    "eleven megabytes": (b"\x89PNG" + bytes(11 * 1024 * 1024), "trop gros"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_55_56_what_is_no_plain_picture_is_refused_with_its_reason(app, kind):
    content, reason = REFUSED[kind]
    with pytest.raises(Refusal) as refusal:
        school_files.clean(content)
    with app.test_request_context("/"), in_language("fr"):
        assert reason in refusal.value.sentence


def test_60_a_picture_is_drawn_again_upright_and_bare():
    sent = drawn(form="JPEG", exif=exif(), icc_profile=b"a profile", comment=b"2 rue des Tilleuls")
    kept = school_files.clean(sent)
    picture = Image.open(io.BytesIO(kept))
    assert (picture.format, picture.size, dict(picture.getexif()), picture.info) == ("PNG", (40, 60), {}, {})
    assert b"Tilleuls" in sent
    assert b"Tilleuls" not in kept
    assert b"script" not in school_files.clean(comment())


def blank(mode, form):
    """A picture of a kind, larger than what is kept."""
    out = io.BytesIO()
    Image.new(mode, (2000, 1000)).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "form"), [("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("CMYK", "JPEG"), ("RGBA", "WEBP")])
def test_every_usual_kind_of_picture_is_taken(mode, form):
    kept = Image.open(io.BytesIO(school_files.clean(blank(mode, form))))
    assert max(kept.size) <= school_files.LONGEST
    assert kept.mode == ("RGBA" if "A" in mode else "RGB")


# --- kept by content -------------------------------------------------------------------------------------------------------------


def replaced(path, how, tmp_path):
    """Somebody has been in the folder of files."""
    content = path.read_bytes()
    path.unlink()
    if how == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    elif how == "changed":
        path.write_bytes(content + b" ")
    elif how == "pipe":
        os.mkfifo(path)


@pytest.mark.parametrize("how", ["link", "changed", "gone", "pipe"])
def test_61_a_file_that_is_no_longer_what_was_kept_is_not_there_and_is_told(app, as_, schools, tmp_path, how, monkeypatch):
    told = []
    monkeypatch.setattr(files.log, "error", lambda *said: told.append(said))
    with rows(app) as session:
        digest = session.get_one(School, schools[0]).logo_digest = school_files.keep(drawn(size=(31, 17)))
    replaced(files.path_of(digest), how, tmp_path)
    assert as_("ac").get("/admin/school/logo/").status_code == 404
    assert len(told) == 1
    assert digest in told[0]
    assert "perdu sur le serveur" in words(as_("acc").get(f"/admin/school/edit/?id={schools[0]}&part=papers"))
    assert school_files.keep(drawn(size=(31, 17))) == digest
    assert as_("ac").get("/admin/school/logo/").status_code == 200, "sent again, it is there again"


def test_61_a_link_in_the_place_of_the_file_of_a_job_is_not_followed(app, as_, schools, tmp_path):
    with rows(app) as session:
        key = files.keep(b"a paper")
        job = Job(school_id=schools[0], kind=JobKind.print_sample, state=JobState.done, file_key=key, file_name="x.pdf", file_type="application/pdf")
        session.add(job)
        session.flush()
        where = f"/admin/job/download/?id={job.id}"
    assert as_("acc").get(where, buffered=True).status_code == 200
    replaced(files.path_of(key), "link", tmp_path)
    assert as_("acc").get(where).status_code == 404


def test_60_two_schools_share_a_picture_and_neither_takes_it_from_the_other(app, schools):
    content = drawn(size=(23, 29))
    with rows(app) as session:
        for school in schools:
            session.get_one(School, school).upload_logo(content)
        digest = session.get_one(School, schools[0]).logo_digest
        assert session.get_one(School, schools[1]).logo_digest == digest
    os.utime(files.path_of(digest), (0, 0))
    with rows(app) as session:
        session.get_one(School, schools[0]).remove_logo()
    with app.app_context():
        sweep.sweep()
    assert files.path_of(digest).is_file()


# --- on the page -------------------------------------------------------------------------------------------------------------------


def upload(browser, school, verb, content, name="logo.png"):
    """Send a picture as the page does."""
    data = {"csrf_token": token(browser.get("/account").text), "action": verb, "rowid": school, "_asked": "1", "file": (io.BytesIO(content), name)}
    return browser.post("/admin/school/action/", data=data, content_type="multipart/form-data")


def digests(app, school):
    """(logo, stamp)."""
    with rows(app) as session:
        return session.execute(select(School.logo_digest, School.stamp_digest).where(School.id == school)).one()


def test_a_logo_is_sent_shown_replaced_removed_and_each_is_undone_and_in_the_history(app, as_, schools):
    browser, (school, _other) = as_("acc"), schools
    before = digests(app, school)
    answer = upload(browser, school, "upload_logo", drawn(form="JPEG"), name="../../x.php.png")
    assert answer.headers["Location"].endswith("part=papers")
    page = browser.get(answer.headers["Location"])
    assert "Le logo figure désormais sur tous les documents." in words(page)
    assert "60 × 40 pixels, 1 ko, envoi du" in words(page)
    logo = browser.get("/admin/school/logo/")
    assert (logo.mimetype, logo.headers["X-Content-Type-Options"], Image.open(io.BytesIO(logo.data)).size) == ("image/png", "nosniff", (60, 40))
    assert logo.headers["Content-Security-Policy"].endswith("sandbox")
    with rows(app) as session:
        line = session.scalar(select(JournalEvent).where(JournalEvent.verb == "upload_logo"))
        assert (line.table_name, line.row_id) == ("school", school)
        batch = line.batch
    send(browser, f"/admin/journal_event/undo?batch={batch}", page="/account")
    assert digests(app, school) == before
    upload(browser, school, "upload_logo", drawn())
    assert do(browser, "school", "remove_logo", school).status_code == 303
    assert digests(app, school) == (None, before[1])
    assert browser.get("/admin/school/logo/").status_code == 404
    assert "pas de logo à supprimer" in words(browser.get(do(browser, "school", "remove_logo", school).headers["Location"]))


def test_what_is_no_picture_is_told_on_the_page_and_nothing_is_kept(app, as_, schools):
    browser, before = as_("acc"), digests(app, schools[0])
    for content, reason in ((SVG, "Un dessin SVG"), (b"", "vide")):
        answer = upload(browser, schools[0], "upload_stamp", content)
        assert answer.status_code == 422
        assert reason in words(answer)
    assert digests(app, schools[0]) == before


def test_75_the_stamp_is_on_papers_only_and_the_sample_says_that_it_certifies_nothing(app, as_, schools):
    browser = as_("acc")
    page = browser.get(f"/admin/school/edit/?id={schools[0]}&part=papers")
    assert digests(app, schools[0])[1] not in page.text
    assert not [rule for rule in app.url_map.iter_rules() if "stamp" in str(rule)]
    for paper in ("certificate", "letter"):
        assert send(browser, "/admin/school/action/", page="/account", action="print_sample", rowid=schools[0], paper=paper).status_code == 303
        with app.app_context():
            runner.run_pending(app)
        with rows(app) as session:
            job = session.scalar(select(Job).where(Job.kind == JobKind.print_sample).order_by(Job.id.desc()))
            session.expunge(job)
        assert product(job).startswith(b"%PDF")
    with rows(app) as session:
        assert len(session.scalars(select(JournalEvent).where(JournalEvent.verb == "stamped")).all()) == 1, "on the certificate, not on the letter"


@pytest.mark.parametrize(("size", "wide", "tall"), [((900, 400), 42.7, 19), ((1800, 300), 60, 10), ((400, 400), 19, 19)])
def test_a_wide_logo_stays_readable_at_the_head_of_a_letter(app, schools, tmp_path, size, wide, tall):
    with rows(app) as session:
        school = session.get_one(School, schools[0])
        school.upload_logo(drawn(size=size))
        page = pictures(samples._letter(school, letterhead(school, "logo")), tmp_path)[0].crop((0, 0, 1240, 266))
    inked = page.point(lambda level: 255 if 70 <= level <= 82 else 0)  # the grey of red
    columns = [x for x in range(page.width) if sum(inked.crop((x, 0, x + 1, page.height)).histogram()[255:]) > 40]
    lines = [y for y in range(page.height) if sum(inked.crop((0, y, page.width, y + 1)).histogram()[255:]) > 80]
    assert (len(columns) * 25.4 / 150, len(lines) * 25.4 / 150) == (pytest.approx(wide, abs=0.6), pytest.approx(tall, abs=0.6))


def test_21_the_logo_is_shown_to_the_school_and_to_the_families_of_its_students_alone(app, as_, client, schools):
    with rows(app) as session:
        for school in schools:
            session.get_one(School, school).upload_logo(drawn(size=(40 + school, 40)))
    assert Image.open(io.BytesIO(as_("ac2").get(f"/admin/school/logo/?id={schools[0]}").data)).size == (40 + schools[1], 40), "one’s own, whatever is asked"
    parent = as_("parent")
    children = [link.split('"')[0] for link in parent.get("/parent/").text.split('href="')[1:] if link.startswith("/parent/child/")]
    shown = {re.search(r'<img[^>]*src="([^"?]*)', parent.get(child).text)[1] for child in children}
    assert shown == {f"/parent/school/{school}/logo" for school in schools}
    assert parent.get(f"/parent/school/{schools[0]}/logo").status_code == 200
    assert as_("parent2").get(f"/parent/school/{schools[0]}/logo").status_code == 404
    assert as_("student").get(f"/student/school/{schools[1]}/logo").status_code == 404
    assert as_("student").get(f"/student/school/{schools[0]}/logo").status_code == 200
    assert parent.get("/admin/school/logo/").status_code == 403
    assert client.get(f"/parent/school/{schools[0]}/logo").status_code == 302
    with rows(app) as session:
        for link in session.scalars(select(GuardianLink).join(Student, Student.id == GuardianLink.student_id).where(Student.school_id == schools[0])):
            link.status = "suspended"
    assert parent.get(f"/parent/school/{schools[0]}/logo").status_code == 404, "no child there any more"
