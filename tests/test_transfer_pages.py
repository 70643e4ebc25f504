"""Transfers through the pages: from the list of students of one school to those of another, and a file with its passphrase."""

import html
import io
import re

import pytest
from conftest import counted, rows
from hands import do, send, token, words
from sqlalchemy import func, select, update
from transferring import ELSEWHERE, family, latest, switch_on
from transferring import send as transfer

from jobs.runner import run_pending
from models import sealing
from models.journal import JournalEvent
from models.people import Student, StudentStatus
from models.school import School
from models.transfer import Transfer, TransferStatus

LIST = "/admin/transfer/"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(sealing, "COST", 2**4)


@pytest.fixture
def on(app, schools):
    switch_on(app, schools)


def mark(text):
    """The version of the row in a form."""
    return re.search(r'name="row_version"[^>]*value="([^"]+)"', text)[1]


def upload(browser, content, passphrase):
    fields = {"csrf_token": token(browser.get("/account").text), "file": (io.BytesIO(content), "x.scolabri"), "passphrase": passphrase}
    return browser.post("/admin/transfer/new/", data=fields, content_type="multipart/form-data")


def test_from_one_school_to_the_other_step_by_step(app, as_, schools):
    switch_on(app, schools[1:])
    ids = family(app, schools[0])
    with rows(app) as session:
        name, code = session.execute(select(Student.family_name, Student.national_id).where(Student.id == ids[0])).one()
    acc, there = as_("acc"), as_("acc2")
    asked = send(acc, "/admin/student/action/", page="/account", action="transfer", rowid=[str(i) for i in ids])
    assert "Les transferts ne sont pas activés dans votre établissement." in words(asked)
    assert "Réglages des transferts" in words(asked)
    settings = {"register_reference": "", "on": "1"}
    tab = f"/admin/school/edit/?id={schools[0]}&part=transfers"
    settings["row_version"] = mark(acc.get(tab).text)
    wrong = send(acc, "/admin/transfer/settings/", page="/account", **settings)
    assert wrong.status_code == 422
    assert "Référence au registre des traitements" in words(wrong)
    assert send(acc, "/admin/transfer/settings/", page="/account", **{**settings, "register_reference": "RT-2026-04"}).status_code == 303
    assert 'value="RT-2026-04"' in acc.get(tab).text
    stale = send(acc, "/admin/transfer/settings/", page="/account", **{**settings, "on": "0"})
    assert stale.status_code == 409
    assert "Enregistré entre-temps" in words(stale)
    assert "RT-2026-04" in words(stale)
    assert send(acc, "/admin/transfer/settings/", page="/account", on="0").status_code == 409
    asked = send(acc, "/admin/student/action/", page="/account", action="transfer", rowid=[str(i) for i in ids])
    assert "2 élèves seront transférés." in words(asked)
    assert "Jamais les notes, messages, codes ni comptes" in words(asked)
    wrong = do(acc, "student", "transfer", *ids, school_code="9990001A", leave="y")
    assert wrong.status_code == 422
    assert "La lettre à la fin de 9990001A ne correspond pas à ses chiffres." in words(wrong)
    sure = do(acc, "student", "transfer", *ids, school_code="9990009F", leave="y")
    assert "Vous envoyez 2 élèves à l’établissement 9990009F, qui n’est pas dans cette installation : un fichier sera préparé" in words(sure)
    read = re.search(r'name="_sure" value="([^"]+)"', sure.text)[1]
    sure = do(acc, "student", "transfer", *ids, school_code="qc 999001", leave="y", _sure=read)  # another school than the one that was read
    assert "Vous envoyez 2 élèves à Cégep de la Rive" in words(sure)
    assert "Ces élèves sont désactivés ici aujourd’hui." in words(sure)
    with rows(app) as session:
        assert not session.scalar(select(func.count(Transfer.id)))
    read = html.unescape(re.search(r'name="_sure" value="([^"]+)"', sure.text)[1])
    assert "Code officiel de l’autre établissement" in words(do(acc, "student", "transfer", *ids, school_code="qc 999001", _sure=read, _change="1"))
    sent = do(acc, "student", "transfer", *ids, school_code="qc 999001", leave="y", _sure=read)
    assert sent.status_code == 303
    page = sent.headers["Location"]
    assert "Le transfert se prépare." in words(acc.get(page))
    run_pending(app)
    assert "trouve ce transfert dans sa liste" in words(acc.get(page))
    assert "1 transfert à vérifier" in words(there.get("/admin/"))
    assert "Collège" in words(there.get(f"{LIST}?flt0_direction.Is=received&flt1_status.Is=waiting"))
    assert "Collège" not in words(there.get(f"{LIST}?flt0_direction.Is=sent"))
    received = f"/admin/transfer/details/?id={latest(app, 'received', schools[1]).id}"
    assert name in words(there.get(received))
    opened = send(there, "/admin/transfer/action/", page="/account", action="look", rowid=received.partition("=")[2])
    assert opened.status_code == 303
    run_pending(app)
    address = opened.headers["Location"]
    assert "2 étudiants à créer" in words(there.get(address))
    assert "Transfert de Collège" in words(there.get(address))
    assert "UTF-8" not in words(there.get(address))
    assert send(there, address.replace("details", "confirm"), page="/account").status_code == 303
    run_pending(app)
    assert code in words(there.get(f"/admin/student/?search={code}"))
    assert "a accueilli ces élèves" in words(acc.get(page))
    assert "Repris" in words(there.get(received))
    assert "envoi vers un autre établissement" in words(acc.get("/admin/journal_event/"))


@pytest.mark.usefixtures("on")
def test_a_file_is_fetched_its_passphrase_shown_once_and_taken_in_elsewhere(app, as_, schools):
    acc, there = as_("acc"), as_("acc2")
    made = transfer(app, schools, family(app, schools[0]), ELSEWHERE)
    page = f"/admin/transfer/details/?id={made.id}"
    assert "n’utilise pas cette installation" in words(acc.get(page))
    file = send(acc, "/admin/transfer/file/", page="/account", id=made.id)
    content = file.get_data()
    file.close()
    assert re.fullmatch(r"attachment; filename=transfert-QC777001-[\d-]+\.scolabri", file.headers["Content-Disposition"])
    shown = send(acc, "/admin/transfer/passphrase/", page="/account", id=made.id)
    passphrase = re.search(r"\b([2-9A-Z]{4}-){4}[2-9A-Z]{4}\b", shown.text)[0]
    assert shown.headers["Cache-Control"] == "no-store"
    again = send(acc, "/admin/transfer/passphrase/", page="/account", id=made.id)
    assert again.status_code == 303
    assert passphrase not in acc.get(page).text
    assert "Si elle est perdue, annulez ce transfert et refaites-le." in words(acc.get(page))
    assert "Annuler ce transfert" in words(acc.get(page))
    with rows(app) as session:
        session.get_one(School, schools[1]).official_code = ELSEWHERE
    wrong = upload(there, content, "AAAA-AAAA")
    assert wrong.status_code == 422
    assert "La phrase de passe n’est pas celle de ce fichier" in words(wrong)
    taken = upload(there, content, passphrase)
    assert taken.status_code == 303
    run_pending(app)
    assert "2 étudiants à créer" in words(there.get(taken.headers["Location"]))
    replay = upload(there, content, passphrase)
    assert "a déjà été reçu" in words(replay)
    with rows(app) as session:
        refused = select(func.count()).select_from(JournalEvent).where(JournalEvent.verb == "refused_receive", JournalEvent.school_id == schools[1])
        assert session.scalar(refused) == 2


@pytest.mark.usefixtures("on")
def test_others_read_what_was_transferred_and_do_nothing_and_another_school_finds_nothing(app, as_, schools):
    made = transfer(app, schools, family(app, schools[0]), ELSEWHERE)
    page = f"/admin/transfer/details/?id={made.id}"
    for account, code in (("ac", 200), ("head", 200), ("ec", 403), ("amp", 403), ("registrar", 403), ("inspector", 403), ("acc2", 404)):
        assert as_(account).get(page).status_code == code, account
    for account, code in (("ac", 403), ("head", 403), ("acc2", 404)):
        browser = as_(account)
        for address in ("file", "passphrase"):
            assert send(browser, f"/admin/transfer/{address}/", page="/account", id=made.id).status_code == code, (account, address)
        assert do(browser, "transfer", "cancel", made.id).status_code == code
    assert "Récupérer le fichier" not in words(as_("head").get(page))


@pytest.mark.usefixtures("on")
def test_who_cannot_travel_is_listed_with_the_remedy(app, as_, schools):
    with rows(app) as session:
        session.execute(Student.__table__.update().where(Student.__table__.c.school_id == schools[0]).values(national_id=None))
        active = select(func.count(Student.id)).where(Student.school_id == schools[0], Student.status == StudentStatus.active)
        count = session.scalar(active)
    text = words(as_("ac").get("/admin/transfer/without_identifier/"))
    assert f"{count} élèves ne peuvent pas être transférés" in text
    assert "Corrigez-le dans SIECLE" in text
    assert "Le fonctionnement du transfert" in words(as_("head").get("/admin/transfer/help/"))


@pytest.mark.usefixtures("on")
def test_the_list_and_a_page_ask_as_much_for_many_as_for_one(app, as_, schools):
    ids = family(app, schools[0], 12)
    acc = as_("acc")

    def asked(count):
        for _number in range(count):
            transfer(app, schools, ids[:count], ELSEWHERE, leave=False)
            with rows(app) as session:  # else nobody sends the same students again
                session.execute(update(Transfer).values(status=TransferStatus.declined))
        page = f"/admin/transfer/details/?id={latest(app, 'sent', schools[0]).id}"
        acc.get(LIST), acc.get(page)
        with counted(app) as seen:
            assert acc.get(LIST).status_code == acc.get(page).status_code == 200
        return len(seen)

    assert asked(1) == asked(6)
