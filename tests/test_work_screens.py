"""Operations and outgoing mails in the browser: whose they are, how far, what can be fetched, what is never shown."""

import email
import email.policy
import html
import re

import pytest
from conftest import counted, rows
from sqlalchemy import select

from jobs import runner
from models import files, keys
from models.access import User
from models.activation import ActivationCode, usable_clause
from models.base import utcnow
from models.journal import JournalEvent
from models.work import Job, JobKind, JobState, MailState, OutgoingMail


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    """The files of a test go with it."""
    files.configure(tmp_path / "files")


def words(answer):
    """What a person reads on the page."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.get_data(as_text=True), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def fetch(browser, path):
    """An answer read to its end and closed, as a browser does; a file is streamed."""
    with browser.get(path) as answer:
        _read = answer.data
    return answer


def user_id(app, username):
    with rows(app) as session:
        return session.scalar(select(User.id).where(User.username == username))


@pytest.fixture
def job_of(app, schools):
    """`job_of("ac", state=...)` is the id of a job that this account asked for."""

    def make(username, school=0, **given):
        with rows(app) as session:
            asker = session.scalar(select(User.id).where(User.username == username))
            usual = {"kind": JobKind.print_letters, "params": {"codes": []}, "total": 1000, "language": "fr"}
            job = Job(school_id=schools[school], requested_by_id=asker, **{**usual, **given})
            session.add(job)
            session.flush()
            return job.id

    return make


@pytest.fixture
def mail_of(app, schools):
    """The id of a mail of the first school."""

    def make(username="ac", school=0, **given):
        with rows(app) as session:
            asker = session.scalar(select(User.id).where(User.username == username))
            usual = {
                "to_address": "h.benard@mail.exemple",
                "to_name": "Hélène Bénard",
                "subject": "Votre <b>accès</b>",
                "body": "Bonjour,\n\nvoici <i>Zoé</i>.",
            }
            mail = OutgoingMail(school_id=schools[school], requested_by_id=asker, state=MailState.waiting, **{**usual, **given})
            session.add(mail)
            session.flush()
            return mail.id

    return make


def token_of(page):
    """The CSRF token of a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True)).group(1)


def act(browser, screen, verb, row_id):
    """A verb on one row, as the row's own menu sends it."""
    token = token_of(browser.get(f"/admin/{screen}/"))
    return browser.post(f"/admin/{screen}/action/", data={"action": verb, "rowid": row_id, "csrf_token": token}, follow_redirects=True)


def test_the_page_of_work_under_way_says_how_far_and_is_read_again(as_, job_of):
    key = job_of("ac", state=JobState.running, done=250, note="Lettres de la 5e")
    page = as_("ac").get(f"/admin/job/details/?id={key}")
    assert "250 sur 1000 Lettres de la 5e" in words(page)
    assert "Arrêter" in words(page)
    assert "Relancer" not in words(page)
    text = page.get_data(as_text=True)
    assert 'data-refresh="2"' in text
    assert re.search(r'<progress[^>]*max="1000" value="250"', text)
    assert "<noscript>" in text  # without script a link reads the page again


def test_finished_work_offers_its_file_once_it_is_there(as_, job_of):
    key = job_of("ac", state=JobState.done, file_key=files.keep(b"%PDF-1.7 x"), file_name="Lettres d’été.pdf", file_type="application/pdf")
    browser = as_("ac")
    page = browser.get(f"/admin/job/details/?id={key}")
    assert "Terminé. Lettres d’été.pdf Le fichier reste 7 jours." in words(page)
    assert f"/admin/job/download/?id={key}" in page.get_data(as_text=True)
    assert "data-refresh" not in page.get_data(as_text=True)
    answer = fetch(browser, f"/admin/job/download/?id={key}")
    assert answer.data == b"%PDF-1.7 x"
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''Lettres%20d%E2%80%99%C3%A9t%C3%A9.pdf" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_fetching_a_file_is_a_line_in_the_history(app, as_, job_of):
    key = job_of("ac", state=JobState.done, file_key=files.keep(b"x"), file_name="x.pdf", file_type="application/pdf")
    fetch(as_("ac"), f"/admin/job/download/?id={key}")
    with rows(app) as session:
        line = session.scalars(select(JournalEvent).where(JournalEvent.verb == "download")).one()
        assert (line.table_name, line.row_id, line.user_id) == ("job", key, user_id(app, "ac"))


@pytest.mark.parametrize(
    ("username", "expected"), [("ac", 200), ("acc", 200), ("head", 404), ("registrar", 404), ("ec", 404), ("amp", 404), ("acc2", 404), ("ac2", 404)]
)
def test_only_the_asker_and_the_administrator_reach_an_operation_and_its_file(as_, job_of, username, expected):
    key = job_of("ac", state=JobState.done, file_key=files.keep(b"secret codes"), file_name="x.pdf", file_type="application/pdf")
    browser = as_(username)
    assert browser.get(f"/admin/job/details/?id={key}").status_code == expected
    answer = fetch(browser, f"/admin/job/download/?id={key}")
    assert answer.status_code == expected
    if expected != 200:
        assert b"secret codes" not in answer.data


def test_a_colleagues_operations_are_not_in_my_list(as_, job_of):
    job_of("ac", note="x", state=JobState.failed)
    assert "badge-bad" in as_("acc").get("/admin/job/").get_data(as_text=True)
    assert "badge-bad" not in as_("amp").get("/admin/job/").get_data(as_text=True)


@pytest.mark.parametrize("username", ["inspector", "parent", "student", "invigilator"])
def test_who_has_no_operations_has_no_such_page(as_, job_of, username):
    key = job_of("ac", state=JobState.done, file_key=files.keep(b"x"), file_name="x", file_type="application/pdf")
    for path in ("/admin/job/", f"/admin/job/details/?id={key}", f"/admin/job/download/?id={key}"):
        assert as_(username).get(path).status_code in (302, 403)


def test_a_stranger_is_sent_to_the_login_page(client, job_of):
    key = job_of("ac", state=JobState.done, file_key=files.keep(b"x"), file_name="x", file_type="application/pdf")
    answer = fetch(client, f"/admin/job/download/?id={key}")
    assert answer.status_code == 302
    assert "/login" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("given", "sentence"), [({"state": JobState.running}, "pas encore produit"), ({"state": JobState.done, "file_name": "x.pdf"}, "n’est plus conservé")]
)
def test_a_file_that_is_not_there_is_refused_with_the_reason(as_, job_of, given, sentence):
    answer = fetch(as_("ac"), f"/admin/job/download/?id={job_of('ac', **given)}")
    assert answer.status_code == 422
    assert sentence in words(answer)


def test_a_file_missing_on_the_disk_is_a_404(as_, job_of):
    key = files.keep(b"x")
    files.drop(key)
    assert fetch(as_("ac"), f"/admin/job/download/?id={job_of('ac', state=JobState.done, file_key=key, file_name='x')}").status_code == 404


@pytest.mark.parametrize("query", ["", "?id=", "?id=x", "?id=1,2", "?id=-1"])
def test_a_download_without_a_plain_number_is_a_400(as_, query):
    assert as_("ac").get(f"/admin/job/download/{query}").status_code == 400


def test_work_is_stopped_and_started_again_from_its_page(app, as_, job_of):
    key = job_of("ac", state=JobState.waiting)
    browser = as_("ac")
    act(browser, "job", "cancel", key)
    assert "Arrêtée" in words(browser.get(f"/admin/job/details/?id={key}"))
    act(browser, "job", "retry", key)
    with rows(app) as session:
        assert session.get(Job, key).state is JobState.waiting


def test_stopping_finished_work_is_refused_and_said(app, as_, job_of):
    key = job_of("ac", state=JobState.done)
    assert "Cette opération est déjà terminée" in words(act(as_("ac"), "job", "cancel", key))
    with rows(app) as session:
        assert session.get(Job, key).state is JobState.done


def test_a_colleague_cannot_stop_my_work(app, as_, job_of):
    key = job_of("ac", state=JobState.waiting)
    assert act(as_("head"), "job", "cancel", key).status_code == 404
    with rows(app) as session:
        assert session.get(Job, key).state is JobState.waiting


@pytest.mark.parametrize("path", ["new/", "edit/?id={id}", "delete/?id={id}"])
def test_an_operation_is_never_made_changed_or_deleted_by_hand(as_, job_of, path):
    assert as_("acc").get("/admin/job/" + path.format(id=job_of("ac"))).status_code in (403, 405)


def test_letters_go_from_the_button_to_the_downloaded_pdf(app, as_, schools):
    with rows(app) as session:
        ids = list(session.scalars(select(ActivationCode.id).where(ActivationCode.school_id == schools[0], usable_clause()).limit(3)))
        job = Job(
            kind=JobKind.print_letters,
            school_id=schools[0],
            requested_by_id=user_id(app, "ac"),
            params={"codes": ids},
            total=len(ids),
            language="fr",
            requested_at=utcnow(),
        )
        session.add(job)
        session.flush()
        key = job.id
    assert ids
    runner.run_pending(app)
    answer = fetch(as_("ac"), f"/admin/job/download/?id={key}")
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-1.7")
    with rows(app) as session:
        assert [session.get(ActivationCode, each).printed_count >= 1 for each in ids] == [True] * len(ids)


def test_the_list_asks_few_questions_however_long_it_is(app, as_, job_of):
    browser = as_("acc")
    browser.get("/admin/job/")  # the words of the school are read once
    counts = []
    for _round in range(2):
        for _each in range(8):
            job_of("ac", state=JobState.failed)
        with counted(app) as statements:
            browser.get("/admin/job/")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10


# --- the outbox ------------------------------------------------------------------------------------------------------------------


def test_a_waiting_mail_is_read_in_the_application_as_plain_text(as_, mail_of):
    page = as_("ac").get(f"/admin/outgoing_mail/details/?id={mail_of()}")
    assert "En attente" in words(page)
    assert "Bonjour, voici <i>Zoé</i>." in words(page)
    assert "<i>Zoé" not in page.get_data(as_text=True)
    assert "<b>accès" not in page.get_data(as_text=True)


def test_a_mail_is_saved_as_a_file_that_mail_programs_open(as_, mail_of):
    answer = fetch(as_("ac"), f"/admin/outgoing_mail/download/?id={mail_of(subject='Votre accès')}")
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    message = email.message_from_bytes(answer.data, policy=email.policy.default)
    assert message["To"] == "Hélène Bénard <h.benard@mail.exemple>"
    assert message["Subject"] == "Votre accès"
    assert "voici <i>Zoé</i>." in message.get_body(("plain",)).get_content()
    assert "voici &lt;i&gt;Zoé&lt;/i&gt;." in message.get_body(("html",)).get_content()
    assert [message[name] for name in ("Cc", "Bcc")] == [None, None]


def test_a_mail_with_a_personal_link_is_shown_to_nobody(as_, mail_of):
    key = mail_of("acc", sealed=True, body=keys.seal("mail", "https://x.exemple/reset/abcdef"))
    page = as_("acc").get(f"/admin/outgoing_mail/details/?id={key}")
    assert "lien personnel" in words(page)
    assert "abcdef" not in page.get_data(as_text=True)
    assert "Télécharger" not in words(page)
    answer = fetch(as_("acc"), f"/admin/outgoing_mail/download/?id={key}")
    assert answer.status_code == 422
    assert b"abcdef" not in answer.data


def test_the_text_of_mails_is_in_no_list_and_no_export(as_, mail_of):
    mail_of("acc", body="mot-secret")
    browser = as_("acc")
    for path in ("/admin/outgoing_mail/", "/admin/outgoing_mail/export/csv/"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert b"mot-secret" not in answer.data
    assert "h.benard@mail.exemple" in browser.get("/admin/outgoing_mail/export/csv/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("username", "expected"), [("acc", 200), ("ac", 200), ("head", 404), ("registrar", 404), ("ec", 404), ("amp", 403), ("inspector", 403), ("acc2", 404)]
)
def test_whose_mails_are_whose(as_, mail_of, username, expected):
    assert as_(username).get(f"/admin/outgoing_mail/details/?id={mail_of('ac')}").status_code == expected


def test_the_writer_reads_their_own_mail_but_does_not_fetch_it(as_, mail_of):
    key = mail_of("head")
    browser = as_("head")
    assert browser.get(f"/admin/outgoing_mail/details/?id={key}").status_code == 200
    assert fetch(browser, f"/admin/outgoing_mail/download/?id={key}").status_code == 403


def test_a_mail_is_held_back_and_sent_again(app, as_, mail_of):
    key = mail_of()
    browser = as_("ac")
    act(browser, "outgoing_mail", "cancel", key)
    assert "Annulé" in words(browser.get(f"/admin/outgoing_mail/details/?id={key}"))
    act(browser, "outgoing_mail", "retry", key)
    with rows(app) as session:
        assert session.get(OutgoingMail, key).state is MailState.waiting


def test_a_mail_that_left_is_not_sent_twice(app, as_, mail_of):
    key = mail_of(sent_at=utcnow())
    with rows(app) as session:
        session.get(OutgoingMail, key).state = MailState.sent
    assert "Ce courriel est déjà parti" in words(act(as_("ac"), "outgoing_mail", "retry", key))


def test_a_banner_counts_the_mails_that_wait_for_a_server(as_, mail_of):
    mail_of()
    assert "1 courriel" in words(as_("ac").get("/admin/"))
