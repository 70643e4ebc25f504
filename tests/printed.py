"""Printed papers read back as they lie on the table, for tests: with poppler; where it is missing that is said, never passed over."""

import os
import shutil
import subprocess

from PIL import Image

from jobs import runner
from models import files
from models.db import db
from models.work import Job
from tests.small import as_staff, writing

POPPLER = {tool: shutil.which(tool) or "" for tool in ("pdftotext", "pdftoppm", "pdfinfo")}
assert all(POPPLER.values()), f"install poppler-utils to read papers back (CI={os.environ.get('CI')})"


def texts(pdf, *options):
    """The text of each page."""
    done = subprocess.run([POPPLER["pdftotext"], *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


def flat(page):
    """A page's words on one line, without the invisible break points."""
    return " ".join(page.replace("\u200b", "").split())


def facts(pdf):
    """What the file says of itself: pages, paper, tags, title."""
    done = subprocess.run([POPPLER["pdfinfo"], "-"], input=pdf, capture_output=True, check=True)
    return dict(line.split(":", 1) for line in done.stdout.decode().splitlines() if ":" in line)


def words_at(pdf):
    """(word, x, y) of every word, in millimetres from the top left of its page; pages follow each other."""
    done = subprocess.run([POPPLER["pdftotext"], "-bbox", "-", "-"], input=pdf, capture_output=True, check=True)
    found = []
    for line in done.stdout.decode().splitlines():
        if "<word" in line:
            place = {key: float(line.split(f'{key}="')[1].split('"')[0]) / 72 * 25.4 for key in ("xMin", "yMin")}
            found.append((line.split(">")[1].split("<")[0], place["xMin"], place["yMin"]))
    return found


def pictures(pdf, folder):
    """Each page as a picture, as a printer would draw it."""
    source = folder / "paper.pdf"
    source.write_bytes(pdf)
    subprocess.run([POPPLER["pdftoppm"], "-r", "150", "-gray", str(source), str(folder / "page")], check=True, capture_output=True)
    return [Image.open(path) for path in sorted(folder.glob("page*.pgm"))]


def ask(app, user_id, school_id, kind, params, language="fr"):
    """Ask for a paper as somebody, run the job, give it back."""
    with app.app_context(), as_staff(user_id, school_id, language=language):
        job = Job.add(kind, params)
        db.session.commit()
        job_id = job.id
    runner.run_pending(app)
    with writing(app) as session:
        job = session.get(Job, job_id)
        session.expunge(job)
    return job


def product(job):
    """The bytes of what a job made."""
    assert job.error == ""
    return files.path_of(job.download()).read_bytes()
