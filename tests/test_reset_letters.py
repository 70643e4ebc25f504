"""A reset letter from the guardians' screen to the new password: printed, typed, told."""

import re
import shutil
import subprocess

import pytest
from conftest import rows
from hands import GOOD, send, sign_in, token, words
from sqlalchemy import func, select

from jobs import runner
from models import files, passwords
from models.access import ResetToken, User
from models.people import Guardian
from models.work import Job, JobState

pytestmark = pytest.mark.usefixtures("cheap_hashes")
ROW = "/admin/guardian/action/"


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    files.configure(tmp_path / "files")


@pytest.fixture
def guardian(app, schools):
    """The identifier of a registered guardian of the first school only."""
    with rows(app) as session:
        user = User(username="anna.b", given_name="Anna", family_name="Bernard", password_hash=passwords.hash_password("trois mots sans lien"))
        mine = Guardian(school_id=schools[0], family_name="Bernard", given_name="Anna", title="Mme", address1="3, rue Haute", town="Valmont", user=user)
        session.add_all([user, mine])
        session.flush()
        return mine.id


def read(pdf):
    """The words of a PDF, without the invisible break points."""
    tool = shutil.which("pdftotext")
    assert tool, "install poppler-utils to read the letters back"
    return subprocess.run([tool, "-layout", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode().replace("\u200b", "")


def ask(browser, *ids, **more):
    return send(browser, ROW, page="/account", action="print_reset_letter", rowid=[str(i) for i in ids], **more)


def test_a_letter_is_printed_after_a_question_and_opens_the_account_once(as_, app, guardian):
    browser = as_("ac")
    assert "adresse postale enregistrée" in words(ask(browser, guardian)), "it asks first"
    answer = ask(browser, guardian, _asked="1")
    assert answer.status_code == 303
    runner.run_pending(app)
    key = re.search(r"id=(\d+)", answer.headers["Location"])[1]
    with browser.get(f"/admin/job/download/?id={key}") as product:
        pdf = product.data
    text = read(pdf)
    assert "Mme Anna Bernard" in text
    assert "Connectez-vous avec anna.b" in " ".join(text.split())
    secret = re.search(r"\b(?:[2-9A-Z]{4}-){3}[2-9A-Z]{4}\b", text)[0]
    assert f"/reset/{secret}" in "".join(text.split())
    with rows(app) as session:
        assert secret not in session.scalar(select(ResetToken.token_hash).where(ResetToken.purpose == "letter"))
    guest = app.test_client()
    assert send(guest, f"/reset/{secret}", page="/forgot", password=GOOD, again=GOOD).status_code == 302
    assert sign_in(guest, "anna.b", GOOD).status_code == 302
    assert guest.get(f"/reset/{secret}").status_code == 410


def test_one_guardian_without_an_account_stops_the_whole_selection(as_, app, guardian, schools):
    with rows(app) as session:
        without = session.scalar(select(Guardian.id).where(Guardian.school_id == schools[0], Guardian.user_id.is_(None)))
    browser = as_("ac")
    ask(browser, guardian, without, _asked="1")
    assert "n’a pas encore de compte" in words(browser.get("/admin/guardian/"))
    with rows(app) as session:
        assert session.scalar(select(func.count(Job.id)).where(Job.kind == "print_reset_letter")) == 0


def test_a_letter_that_became_impossible_before_it_was_printed_opens_nothing(as_, app, guardian, schools):
    ask(as_("ac"), guardian, _asked="1")
    with rows(app) as session:
        mine = session.get_one(Guardian, guardian)
        session.add(Guardian(school_id=schools[1], family_name="Bernard", user_id=mine.user_id))
    runner.run_pending(app)
    with rows(app) as session:
        job = session.scalar(select(Job).where(Job.kind == "print_reset_letter"))
        assert job.state is JobState.failed
        assert "un autre établissement" in job.error
        assert session.scalar(select(func.count(ResetToken.id))) == 0


@pytest.mark.parametrize("username", ["ec", "amp", "registrar", "head", "inspector"])
def test_the_letters_are_printed_by_administrators_only(as_, app, username):
    browser = as_(username)
    with rows(app) as session:
        some = session.scalar(select(Guardian.id).order_by(Guardian.id))
    assert browser.post(ROW, data={"csrf_token": token(browser.get("/account").text), "action": "print_reset_letter", "rowid": str(some)}).status_code == 403
