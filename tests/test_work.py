"""Jobs and mails as rows: what a verb may ask for, what a person may stop, start again or fetch, what the outbox refuses."""

import stat

import pytest

from models import files, keys
from models.base import Refusal, utcnow
from models.db import db
from models.mime import compose
from models.school import School
from models.scope import Actor, OutOfScope, Scope, acting
from models.work import JOB_WAITING, Job, JobKind, JobState, MailState, OutgoingMail
from tests.small import add_person, add_school, as_staff, small_app, writing


@pytest.fixture
def app(tmp_path):
    return small_app(tmp_path)


@pytest.fixture
def staff(app):
    """(school, user) of somebody at work."""
    with writing(app) as session:
        school = add_school(session)
        return school.id, add_person(session, school).id


@pytest.fixture
def at_work(app, staff):
    """Act as that person for the test."""
    with app.app_context(), as_staff(staff[1], staff[0], language="fr_CA"):
        yield staff


def a_job(**given):
    job = Job.add(JobKind.print_letters, {"codes": [1]}, total=1)
    for name, value in given.items():
        setattr(job, name, value)
    db.session.flush()
    return job


def test_a_job_knows_who_asked_for_which_school_and_in_which_language(at_work):
    job = a_job()
    assert (job.school_id, job.requested_by_id, job.language) == (at_work[0], at_work[1], "fr_CA")
    assert (job.state, job.params, job.total, job.tries) == (JobState.waiting, {"codes": [1]}, 1, 0)


def test_an_unknown_kind_is_refused(at_work):
    with pytest.raises(KeyError):
        Job.add("format_disk", {})


def test_a_job_of_a_school_is_not_seen_from_another(app, at_work):
    job = a_job()
    db.session.commit()
    with acting(*elsewhere()):
        assert db.session.get(Job, job.id, populate_existing=True) is None


def elsewhere():
    """Somebody in a school that does not exist here."""
    return Actor(user_id=99), Scope(school_id=99, user_id=99)


def test_a_colleague_who_sees_only_their_own_work_does_not_see_mine(app, at_work):
    a_job()
    db.session.commit()
    with acting(Actor(user_id=98), Scope(school_id=at_work[0], user_id=98, reach={"job": "o", "outgoing_mail": "o"})):
        assert db.session.query(Job).all() == []


def test_a_job_cannot_be_slipped_into_another_school(at_work):
    job = Job.add(JobKind.print_letters, {})
    job.school_id = at_work[0] + 1
    with pytest.raises(OutOfScope):
        db.session.flush()


@pytest.mark.parametrize("state", [JobState.waiting, JobState.running])
def test_open_work_can_be_cancelled(at_work, state):
    job = a_job(state=state)
    job.cancel()
    assert job.state is JobState.cancelled
    assert job.finished_at is not None


@pytest.mark.parametrize("state", [JobState.done, JobState.failed, JobState.cancelled])
def test_finished_work_cannot_be_cancelled(at_work, state):
    with pytest.raises(Refusal, match="déjà terminée"):
        a_job(state=state).cancel()


@pytest.mark.parametrize("state", [JobState.failed, JobState.cancelled])
def test_work_that_failed_or_was_cancelled_starts_again_and_keeps_what_was_done(at_work, state):
    job = a_job(state=state, tries=3, error="hélas", done=250, runner="x", finished_at=utcnow())
    job.retry()
    assert (job.state, job.tries, job.error, job.done, job.finished_at) == (JobState.waiting, 0, "", 250, None)


@pytest.mark.parametrize("state", [JobState.waiting, JobState.running, JobState.done])
def test_other_work_does_not_start_again(at_work, state):
    with pytest.raises(Refusal, match="en échec ou arrêtée"):
        a_job(state=state).retry()


def test_a_file_is_fetched_when_it_is_there(at_work):
    job = a_job(state=JobState.done, file_key=files.keep(b"%PDF"))
    assert files.path_of(job.download()).read_bytes() == b"%PDF"


def test_a_file_is_not_fetched_before_it_is_made_nor_after_seven_days(at_work):
    with pytest.raises(Refusal, match="pas encore produit"):
        a_job().download()
    with pytest.raises(Refusal, match="reste 7 jours"):
        a_job(state=JobState.done).download()


# --- files -----------------------------------------------------------------------------------------------------------------------


def test_files_have_random_names_and_belong_to_the_server_alone(app, tmp_path):
    first, second = files.keep(b"1"), files.keep(b"1")
    assert first != second
    assert stat.S_IMODE(files.path_of(first).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700
    files.drop(first)
    files.drop(first)
    assert sorted(p.name for p in (tmp_path / "files").iterdir()) == [second]


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "a" * 31, "A" * 32, "0" * 32 + "\n", "/etc/passwd"])
def test_nothing_but_a_key_becomes_a_path(app, key):
    with pytest.raises(ValueError, match="not a key"):
        files.path_of(key)


def test_a_file_that_cannot_be_written_leaves_nothing(app, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        files.keep(b"x")
    assert list((tmp_path / "files").iterdir()) == []


# --- the outbox ------------------------------------------------------------------------------------------------------------------


def a_mail(**given):
    return OutgoingMail.queue(**{"to_address": "h.benard@mail.exemple", "subject": "Bonjour", "body": "Un texte.", **given})


def test_a_mail_is_written_with_its_cause_or_not_at_all(app, staff):
    with app.app_context(), as_staff(staff[1], staff[0]):
        job = a_job()
        a_mail(cause=job)
        db.session.rollback()
        assert db.session.query(OutgoingMail).all() == []
        job = a_job()
        mail = a_mail(cause=job)
        db.session.commit()
        assert (mail.cause_table, mail.cause_id, mail.school_id, mail.requested_by_id) == ("job", job.id, *staff)
        assert mail.state is MailState.waiting


HEADS = ["a\nBcc: all@x.exemple", "a\r\nX: 1", "a\rb", "a\x00b", "a\u2028b", "a\x85b", "a\x0bb"]


@pytest.mark.parametrize("field", ["to_address", "to_name", "subject"])
@pytest.mark.parametrize("text", HEADS, ids=ascii)
def test_a_line_break_in_a_header_is_refused(at_work, field, text):
    with pytest.raises(Refusal, match="tiennent sur une ligne"):
        a_mail(**{field: text})


@pytest.mark.parametrize("address", ["", "x", "x@", "@x.exemple", "a b@x.exemple", "a@x.exemple, b@x.exemple", "<a@x.exemple>", "a@b@x.exemple", "é@x.exemple"])
def test_what_is_no_address_is_refused(at_work, address):
    with pytest.raises(Refusal, match="n’est pas une adresse électronique"):
        a_mail(to_address=address)


def test_a_secret_mail_is_sealed_and_shown_to_nobody(at_work):
    mail = a_mail(body="https://x.exemple/reset/abcdef", secret=True)
    db.session.flush()
    assert "abcdef" not in mail.body
    assert mail.text == "https://x.exemple/reset/abcdef"
    with pytest.raises(Refusal, match="lien personnel"):
        mail.download()
    keys.configure(b"another key, also long enough")
    with pytest.raises(ValueError, match="another key"):
        _ = mail.text


def test_a_plain_mail_can_be_read_in_the_application(at_work):
    assert a_mail().download() == "Un texte."


def test_only_a_mail_that_waits_or_failed_is_cancelled(at_work):
    mail = a_mail()
    mail.cancel()
    assert (mail.state, mail.next_try_at) == (MailState.cancelled, None)
    for state in (MailState.cancelled, MailState.sending, MailState.sent):
        mail.state = state
        with pytest.raises(Refusal, match="encore en attente"):
            mail.cancel()


def test_a_mail_that_did_not_leave_is_sent_again_from_the_beginning(at_work):
    mail = a_mail()
    mail.state, mail.tries, mail.error, mail.unsure = MailState.failed, 7, "hélas", 1
    mail.retry()
    assert (mail.state, mail.tries, mail.error, mail.unsure) == (MailState.waiting, 0, "", 0)
    assert mail.next_try_at <= utcnow()
    for state in (MailState.sending, MailState.sent):
        mail.state = state
        with pytest.raises(Refusal, match="déjà parti"):
            mail.retry()


def test_a_mail_says_who_writes_to_whom_in_plain_headers(at_work):
    mail = a_mail(to_name="Hélène « Lili » Bénard", subject="Votre accès – Zoé")
    db.session.flush()
    message = compose(mail, School(name="Collège des Tilleuls", email="s@tilleuls.exemple"), sender="scolabri@x.exemple")
    assert message["To"].addresses[0].display_name == "Hélène « Lili » Bénard"
    assert message["To"].addresses[0].addr_spec == "h.benard@mail.exemple"
    assert message["Reply-To"] == "s@tilleuls.exemple"
    assert message["Message-ID"] == mail.message_id
    assert message["Content-Language"] == "fr-CA"
    assert message.get_body(("plain",)).get_content().strip() == "Un texte."
    assert message.as_bytes().isascii()


def test_a_commit_that_leaves_work_wakes_the_runner_and_a_rollback_does_not(app, staff):
    JOB_WAITING.clear()
    with app.app_context(), as_staff(staff[1], staff[0]):
        a_job()
        assert not JOB_WAITING.is_set()
        db.session.rollback()
        assert not JOB_WAITING.is_set()
    with app.app_context(), as_staff(staff[1], staff[0]):
        a_job()
        db.session.commit()
    assert JOB_WAITING.is_set()
