"""Confirmations, sheets and lists of groups from the screens: what is asked and told before, the job that follows, the file and the register after."""

import pytest
from conftest import rows
from hands import token, words
from printed import flat, texts
from sqlalchemy import select

from jobs import runner
from models import files
from models.enrolments import Enrolment
from models.papers import IssuedPaper
from models.session_records import SessionRecord
from models.work import Job, JobState


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    """The files of a test go with it."""
    files.configure(tmp_path / "files")


def press(browser, screen, verb, ids, **fields):
    """Press a button of a list."""
    data = {"csrf_token": token(browser.get("/account").text), "action": verb, "rowid": ids, **fields}
    return browser.post(f"/admin/{screen}/action/", data=data)


def paper_of(app):
    """Run what waits; the words of the last PDF."""
    runner.run_pending(app)
    with rows(app) as session:
        job = session.scalar(select(Job).order_by(Job.id.desc()))
        assert job.state is JobState.done, job.error
        return flat(" ".join(texts(files.path_of(job.file_key).read_bytes(), "-layout")))


@pytest.fixture
def chosen(app, schools):
    """A registration in a group of the second school, and its record."""
    with rows(app) as session:
        row = session.scalars(select(Enrolment).where(Enrolment.school_id == schools[1], Enrolment.taken, Enrolment.group_number != "")).first()
        return {"enrolment": row.id, "record": row.session_record_id, "student": row.student_id, "course": row.course.number}


def test_a_registrar_confirms_reads_it_in_the_file_and_prints_it_again(app, as_, chosen):
    browser = as_("registrar2")
    question = words(press(browser, "session_record", "print_confirmation", [chosen["record"]]))
    assert "1 document sera délivré, avec son numéro." in question
    answer = press(browser, "session_record", "print_confirmation", [chosen["record"]], _asked="1")
    assert answer.status_code == 303
    assert chosen["course"] in paper_of(app)
    part = words(browser.get(f"/admin/student/details/?id={chosen['student']}&part=papers"))
    assert "Confirmation d’inscription" in part
    again = words(press(browser, "session_record", "print_confirmation", [chosen["record"]]))
    assert "1 a déjà été confirmé" in again
    with rows(app) as session:
        paper = session.scalar(select(IssuedPaper.id).order_by(IssuedPaper.id.desc()))
    assert press(browser, "issued_paper", "print_again", [paper], _asked="1").status_code == 303
    assert "Duplicata" in paper_of(app)


def test_who_does_not_confirm_prints_no_confirmation_again(app, as_, chosen):
    press(as_("registrar2"), "session_record", "print_confirmation", [chosen["record"]], _asked="1")
    paper_of(app)
    with rows(app) as session:
        paper = session.scalar(select(IssuedPaper.id).order_by(IssuedPaper.id.desc()))
    other = as_("amp2")
    assert press(other, "issued_paper", "print_again", [paper], _asked="1").status_code in (409, 422)
    assert "Réimprimer" not in words(other.get(f"/admin/student/details/?id={chosen['student']}&part=papers"))


def test_nothing_to_confirm_is_told_before_anything_starts(app, as_, schools):
    with rows(app) as session:
        used = select(Enrolment.session_record_id).where(Enrolment.taken, Enrolment.group_number != "")
        record = session.scalar(select(SessionRecord.id).where(SessionRecord.school_id == schools[1], SessionRecord.id.not_in(used)))
        if record is None:
            record = session.scalar(select(SessionRecord.id).where(SessionRecord.school_id == schools[1]))
            session.query(Enrolment).filter(Enrolment.session_record_id == record).delete()
    question = words(press(as_("registrar2"), "session_record", "print_confirmation", [record]))
    assert "Il n’y a rien à confirmer dans cette sélection." in question


@pytest.mark.parametrize(
    ("screen", "verb", "told"),
    [("session_record", "print_record_sheet", "1 fiche sera imprimée"), ("enrolment", "print_group_list", "1 liste sera imprimée")],
)
def test_a_sheet_and_a_list_are_asked_for_and_made(app, as_, chosen, screen, verb, told):
    browser, ids = as_("ac2"), [chosen["record" if screen == "session_record" else "enrolment"]]
    assert told in words(press(browser, screen, verb, ids))
    assert press(browser, screen, verb, ids, _asked="1").status_code == 303
    assert chosen["course"] in paper_of(app)
