"""The test of the mail server, what waits, mails saved as files, and texts that are forgotten: as people and the console find them."""

import datetime as dt
import email
import email.policy
import io
import re
import zipfile

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from conftest import rows
from hands import do, form, send, words
from sqlalchemy import select
from test_mail import Box, free_port

from jobs import runner
from models.base import utcnow
from models.journal import JournalEvent
from models.mail_line import MailFault, MailLine, trouble
from models.mail_server import MailTest
from models.work import MailState, OutgoingMail, forget_texts

TEST = "/admin/outgoing_mail/test/"


@pytest.fixture
def smtp_server():
    """`smtp_server(box, user=...)` is the address of a mail server."""
    started = []

    def start(box, password=None):
        def check(_server, _session, _envelope, _mechanism, data):
            return AuthResult(success=data.password == password, handled=False)

        class Signed(Controller):
            def factory(self):
                return SMTP(box, authenticator=check if password else None, auth_require_tls=False)

        controller = Signed(box, hostname="127.0.0.1", port=free_port())
        controller.start()
        started.append(controller)
        return f"127.0.0.1:{controller.port}"

    yield start
    for controller in started:
        controller.stop()


@pytest.fixture
def tested(app, as_, monkeypatch):
    """`tested(url)` is the page after a test of this server."""

    def look(url):
        monkeypatch.setitem(app.config, "MAIL_URL", url)
        acc = as_("acc")
        assert form(acc, TEST).status_code == 303
        assert "L’essai est en cours" in words(acc.get(TEST))
        runner.run_pending(app)
        return words(acc.get(TEST))

    return look


@pytest.fixture
def mails_of(app, schools):
    """`mails_of(n, ...)` writes n mails in the first school and gives their numbers."""

    def make(count=1, **given):
        with rows(app) as session:
            made = [
                OutgoingMail(school_id=schools[0], **{"to_address": f"p{n}@mail.exemple", "subject": "Sortie", "body": "Été : Zoé.", **given})
                for n in range(count)
            ]
            session.add_all(made)
            session.flush()
            return [mail.id for mail in made]

    return make


def test_a_test_mail_shows_each_answer_of_the_server_and_opens_the_queue_again(app, tested, smtp_server):
    with rows(app) as session:
        session.add(MailLine(id=1, failures=3, failing_since=utcnow(), paused_until=utcnow() + dt.timedelta(minutes=30), fault=MailFault.refused))
    box = Box()
    page = tested(f"smtp://ecole:s3cr3t%21@{smtp_server(box, b's3cr3t!')}?from=ecole@mail.exemple")
    assert re.search(r"Connexion 220 .* Identification 235 .* Expéditeur 250 .* Destinataire 250 .* Texte 250", page)
    assert "Le serveur a accepté le courriel." in page
    assert "s3cr3t" not in page
    ((to, message),) = box.taken
    assert to == ["helene.marchand@tilleuls.example.org"]
    assert message["Subject"] == "Essai du serveur de courriel"
    with rows(app) as session:
        assert trouble(session) is None
        assert session.scalar(select(JournalEvent.table_name).where(JournalEvent.verb == "test")) == "outgoing_mail"


@pytest.mark.parametrize(
    ("answers", "url", "told"),
    [
        ({}, "smtp://127.0.0.1:1", "Le serveur refuse la connexion. Vérifiez le port"),
        ({}, "smtp://nowhere.invalid", "Aucun serveur de ce nom n’est trouvé."),
        ({}, "smtp://ecole:wrong@{}", "Le serveur refuse l’identifiant ou le mot de passe. Écrivez-les à nouveau"),
        ({}, "smtp://{}?tls=starttls", "Le serveur n’offre pas le chiffrement demandé."),
        ({"rcpt": "554 5.7.1 Relay access denied"}, "smtp://ecole:right@{}", "554 5.7.1 Relay access denied Le serveur ne relaie pas les courriels"),
        ({"data": "421 4.7.0 try later"}, "smtp://ecole:right@{}", "Le serveur demande d’attendre."),
    ],
)
def test_each_fault_of_a_mail_server_is_told_with_its_remedy(tested, smtp_server, answers, url, told):
    box = Box()
    vars(box).update(answers)
    page = tested(url.format(smtp_server(box, b"right")))
    assert told in page
    assert "wrong" not in page


def test_without_a_server_the_page_says_how_to_set_one_and_sends_nothing(app, as_):
    acc = as_("acc")
    page = words(acc.get(TEST))
    assert "SCOLABRI_MAIL_URL dans l’environnement, ou mail_url dans le fichier scolabri.toml : smtp://nom:motdepasse@serveur:587?tls=starttls" in page
    assert send(acc, TEST, page="/account").status_code == 422
    with rows(app) as session:
        assert session.scalar(select(MailTest.id)) is None


def test_the_list_says_why_nothing_leaves_and_the_home_page_how_many_wait(app, as_, mails_of, monkeypatch):
    mails_of(3)
    assert "3 courriels attendent : aucun serveur de courriel n’est réglé." in words(as_("ac").get("/admin/")).replace("\u00a0", " ")
    assert "les courriels attendent ici" in words(as_("ac").get("/admin/outgoing_mail/"))
    monkeypatch.setitem(app.config, "MAIL_URL", "smtp://mail.exemple")
    with rows(app) as session:
        session.add(MailLine(id=1, failures=1, failing_since=utcnow(), paused_until=utcnow(), fault=MailFault.password, answer="535 no"))
    page = words(as_("ac").get("/admin/outgoing_mail/"))
    assert "Le serveur refuse l’identifiant ou le mot de passe." in page
    assert "535 no" in page
    assert "attendent" not in words(as_("ac").get("/admin/"))


def test_mails_are_found_by_their_cause_and_the_reason_that_they_wait_for(as_, mails_of):
    mails_of(1, subject="Sortie au musée", cause_table="message", cause_id=12)
    mails_of(1, subject="Votre accès", cause_table="user", cause_id=1)
    found = {
        value: [name for name in ("Sortie au musée", "Votre accès") if name in words(as_("ac").get(f"/admin/outgoing_mail/?flt0_cause.Cause={value}"))]
        for value in ("message", "other", "message:12", "message:13")
    }
    assert found == {"message": ["Sortie au musée"], "other": ["Votre accès"], "message:12": ["Sortie au musée"], "message:13": []}


def test_a_mail_that_waits_for_its_turn_needs_no_push_and_its_file_says_what_it_is(as_, mails_of):
    number = mails_of(1, subject="Sortie: lundi/mardi", to_name="Anne Roy")[0]
    page = words(as_("ac").get(f"/admin/outgoing_mail/details/?id={number}"))
    assert "dès qu’un serveur de courriel est configuré" in page
    assert "Envoyer maintenant" not in page
    assert "Demandez à l’administrateur du site." in page
    assert "SCOLABRI_MAIL_URL" not in page, "only who sets it reads its name"
    with as_("ac").get(f"/admin/outgoing_mail/download/?id={number}") as file:
        assert 'filename="Sortie lundi mardi - Anne Roy.eml"' in file.headers["Content-Disposition"]


def test_many_mails_are_saved_as_files_that_mail_programs_open_but_no_personal_link(app, as_, mails_of):
    keys = mails_of(3, html="<p>Été : <b>Zoé</b>.<script>x</script></p>")
    secret = mails_of(1, subject="Secret", sealed=True)
    ac = as_("ac")
    answer = do(ac, "outgoing_mail", "download", *keys, *secret)
    runner.run_pending(app)
    number = re.search(r"id=(\d+)", answer.headers["Location"])[1]
    assert "3 courriels dans le fichier. 1 est laissé de côté" in words(ac.get(answer.headers["Location"]))
    with ac.get(f"/admin/job/download/?id={number}") as file:
        archive = zipfile.ZipFile(io.BytesIO(file.data))
    assert archive.namelist() == [f"{key:07d}.eml" for key in keys]
    message = email.message_from_bytes(archive.read(archive.namelist()[1]), policy=email.policy.default)
    assert message["To"] == "p1@mail.exemple"
    assert message.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content().strip() == "Été : Zoé."
    html = message.get_body(("html",)).get_content()
    assert "<b>Zoé</b>" in html
    assert not re.search(r"<script|<img|src=|http", html)
    assert b"p0@" not in archive.read(archive.namelist()[1])
    assert do(ac, "outgoing_mail", "download", keys[0]).headers["Location"].endswith(f"/download/?id={keys[0]}")


def test_the_text_of_a_mail_is_forgotten_after_ninety_days_and_the_rest_stays(app, as_, mails_of):
    long_ago = utcnow() - dt.timedelta(days=91)
    old, waiting = mails_of(1, state=MailState.sent, sent_at=long_ago)[0], mails_of(1, created_at=long_ago)[0]
    fresh = mails_of(1, state=MailState.sent, sent_at=utcnow())[0]
    with rows(app) as session:
        assert forget_texts(session) == 1
        assert [bool(session.get(OutgoingMail, key).body) for key in (old, waiting, fresh)] == [False, True, True]
    page = words(as_("ac").get(f"/admin/outgoing_mail/details/?id={old}"))
    assert "conservé 90 jours après son envoi" in page
    assert "p0@mail.exemple" in page
