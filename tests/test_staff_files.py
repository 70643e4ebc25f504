"""The file of STS-web, and an import of staff through the pages: who sends it, what is refused, the invitations."""

import io
import re

import pytest
from conftest import rows
from hands import token
from hands import words as said
from printed import flat, texts
from sqlalchemy import select
from staffing import STAFF, staff_desk, staff_file

from jobs.runner import run_pending
from models import files
from models.access import Membership, Role, User
from models.imports import Import, ImportStatus
from models.people import Group
from models.school import School
from models.work import Job, OutgoingMail

OTHER = "0750001D"
NAME = "sts_emp_0752387M_2026.xml"


def person(number, name, given, function="ENS", born="1980-02-01", **more):
    tags = {"SEXE": "2", "CIVILITE": "2", "NOM_USAGE": name, "NOM_PATRONYMIQUE": name, "PRENOM": given, "DATE_NAISSANCE": born, "FONCTION": function, **more}
    return f'<INDIVIDU ID="{number}" TYPE="epp">' + "".join(f"<{tag}>{text}</{tag}>" for tag, text in tags.items() if text) + "</INDIVIDU>"


def division(code, *teachers, tag="DIVISION"):
    taught = "".join(f'<ENSEIGNANT ID="{number}" TYPE="epp"><NB_HEURES>4</NB_HEURES></ENSEIGNANT>' for number in teachers)
    services = f'<SERVICES><SERVICE CODE_MATIERE="061300"><ENSEIGNANTS>{taught}</ENSEIGNANTS></SERVICE></SERVICES>'
    return f'<{tag} CODE="{code}"><LIBELLE_LONG>{code}</LIBELLE_LONG>{services}</{tag}>'


def sts(people, divisions=(), groups=(), uai="0752387M", head=""):
    body = (
        f'<STS_EDT><PARAMETRES><UAJ CODE="{uai}"><SIGLE>CLG</SIGLE></UAJ><ANNEE_SCOLAIRE ANNEE="2026"/></PARAMETRES><DONNEES>'
        f"<INDIVIDUS>{''.join(people)}</INDIVIDUS><STRUCTURE><DIVISIONS>{''.join(divisions)}</DIVISIONS><GROUPES>{''.join(groups)}</GROUPES></STRUCTURE>"
        "</DONNEES></STS_EDT>"
    )
    return f'<?xml version="1.0" encoding="ISO-8859-15"?>{head}{body}'.encode("iso-8859-15")


PEOPLE = (
    person(11, "BÉNARD", "Hélène"),
    person(12, "LE GOFF", "Jean-Pierre", NOM_PATRONYMIQUE="ŒUVRARD"),
    person(13, "NGUYEN", "An", "DIR"),
    person(14, "DIALLO", "Awa", "EDU"),
    person(15, "ROY", "Luc", ""),
)


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    files.configure(tmp_path / "files")


@pytest.fixture
def desk(app, empty):
    return staff_desk(app, empty)


def test_the_file_of_sts_gives_people_their_roles_and_classes(app, desk):
    with rows(app) as session:
        session.add(Group(name="LATIN", school_id=desk.school_id))
    sent = sts(PEOPLE, [division("5E BLEUE", 11), division("4e Verte", 11, 12), division("3 A", 12)], [division("Latin", 12, tag="GROUPE")])
    key = desk.send((NAME, sent))
    with rows(app) as session:
        one = session.get_one(Import, key)
        assert (one.files[0].detected["kind"], one.files[0].detected["year"], one.of_staff) == ("sts", "2026", True)
        assert [(place["text"], place["lines"], place["near"]) for place in one.places] == [("", 1, ""), ("EDU", 1, ""), ("DIR", 1, "head"), ("ENS", 2, "ec")]
    assert "The school has no class or group of this name: 3 A." in [note[2] for note in desk.notes(key, "doubts")[2]]
    desk.do(key, "settle", "role", "EDU", "amp")
    desk.do(key, "confirm")
    assert desk.roles() == {
        ("Hélène BÉNARD", "helene.benard", "ec"),
        ("Jean-Pierre LE GOFF", "jean-pierre.le-goff", "ec"),
        ("An NGUYEN", "an.nguyen", "head"),
        ("Awa DIALLO", "awa.diallo", "amp"),
    }
    assert desk.shares() == [
        ("4e Verte", "Hélène BÉNARD"),
        ("4e Verte", "Jean-Pierre LE GOFF"),
        ("5e Bleue", "Hélène BÉNARD"),
        ("LATIN", "Jean-Pierre LE GOFF"),
    ]
    again = desk.counts(desk.send((NAME, sent)))
    assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 3)


BAD = {
    "another school": (sts(PEOPLE, uai=OTHER), "file_of_other_school"),
    "a document type": (sts(PEOPLE, head="<!DOCTYPE STS_EDT>"), "xml_dtd"),
    "an entity": (sts([person(1, "&nom;", "Luc")], head='<!DOCTYPE STS_EDT [<!ENTITY nom SYSTEM "file:///etc/passwd">]>'), "xml_dtd"),
    "a tag that is not closed": (sts(["<INDIVIDU>"]), "xml_broken"),
    "nobody": (sts([]), "no_rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_trusted_is_refused_whole(desk, name):
    content, code = BAD[name]
    status, _counts, _written, problem = desk.state(desk.send((NAME, content)))
    assert (status, problem["code"]) == (ImportStatus.failed, code)


def test_the_refusal_names_both_schools(desk):
    problem = desk.state(desk.send((NAME, sts(PEOPLE, uai=OTHER))))[3]
    assert problem["params"] == {"uai": OTHER, "ours": "0752387M"}


# -- through the pages


def post(browser, url, **fields):
    return browser.post(url, data={"csrf_token": token(browser.get("/account").text), **fields}, content_type="multipart/form-data")


def send(app, browser, name, content):
    answer = post(browser, "/admin/import_/new/", files=[(io.BytesIO(content), name)])
    assert answer.status_code == 303, said(answer)
    run_pending(app)
    return answer.headers["Location"]


def write(app, browser, url):
    answer = post(browser, url.replace("details", "confirm"), admins="")
    run_pending(app)
    return answer


@pytest.mark.parametrize("role", ["ac", "registrar"])
def test_only_the_site_administrator_imports_staff(app, as_, role):
    browser = as_(role)
    url = send(app, browser, *staff_file(STAFF))
    assert "que seul l’administrateur du site importe" in said(browser.get(url))
    mine = send(app, as_("acc"), *staff_file(STAFF))
    visible = browser.get(mine).status_code
    assert visible == (200 if role == "ac" else 404)
    for page in ("confirm", "invite"):
        assert post(browser, mine.replace("details", page)).status_code in ((403,) if role == "ac" else (403, 404))
    number = re.search(r"id=(\d+)", mine)[1]
    for sure in ({}, {"_asked": "1"}):
        assert post(browser, "/admin/import_/action/", action="abandon", rowid=number, **sure).status_code == (403 if role == "ac" else 404)
    with rows(app) as session:
        assert session.get_one(Import, int(number)).status is not ImportStatus.abandoned
    with rows(app) as session:
        assert session.scalar(select(User).where(User.email == "an.nguyen@exemple.org")) is None


def test_from_the_file_to_the_sheets_that_are_handed_over(app, as_):
    browser = as_("acc")
    url = send(app, browser, *staff_file([*STAFF, {"nom": "Diallo", "prenom": "Awa", "fonction": "CPE"}]))
    page = said(browser.get(url))
    assert "Quel est leur rôle ici ?" in page.replace("\u202f", " ")
    assert "1 ligne en erreur" in page
    page = browser.get(url)
    at = re.search(r'name="said\.(\d+)" value="role:CPE"', page.text)[1]
    post(browser, url.replace("details", "correct"), **{f"said.{at}": "role:CPE", f"was.{at}": "", f"to.{at}": "=amp"})
    run_pending(app)
    page = said(browser.get(url + "&tab=created"))
    assert "4 personnes à ajouter au personnel" in page
    assert "Enseignant ou conseiller" in page
    write(app, browser, url)
    done = said(browser.get(url))
    assert "4 personnes ajoutées au personnel" in done
    assert "4 personnes n’ont pas encore de mot de passe." in done
    answer = post(browser, url.replace("details", "invite"))
    run_pending(app)
    with browser.get(answer.headers["Location"].replace("details", "download")) as product:
        pages = [flat(text) for text in texts(product.data)]
    assert len(pages) == 4
    sheet = next(text for text in pages if "Jean-Pierre Le Goff" in text)
    assert "Connectez-vous avec jean-pierre.le-goff" in sheet
    secret = re.search(r"([A-Z0-9]{4}(?:-[A-Z0-9]{4}){3})", sheet)[1]
    assert "Choisir" in said(app.test_client().get(f"/reset/{secret}"))


def test_people_with_an_address_are_invited_by_mail(app, as_):
    browser = as_("acc")
    url = send(app, browser, *staff_file([STAFF[0], STAFF[2]]))
    write(app, browser, url)
    app.config["MAIL_URL"] = "smtp://localhost"
    try:
        post(browser, url.replace("details", "invite"))
        run_pending(app)
    finally:
        app.config["MAIL_URL"] = ""
    with rows(app) as session:
        assert sorted(session.scalars(select(OutgoingMail.to_address).where(OutgoingMail.sealed))) == ["an.nguyen@exemple.org", "helene.benard@exemple.org"]
        job = session.scalar(select(Job).where(Job.kind == "invite_staff"))
        assert (job.state.name, job.file_key) == ("done", "")


def test_a_tick_makes_site_administrators_and_an_unready_school_is_told_with_a_way_out(app, as_, schools):
    browser = as_("acc")
    url = send(app, browser, *staff_file([{**STAFF[0], "fonction": "ACC"}]))
    confirm = url.replace("details", "confirm")
    assert "1 nouvel administrateur du site Bénard, Hélène" in said(browser.get(confirm))
    assert write(app, browser, url).status_code == 422
    with rows(app) as session:
        session.get_one(School, schools[0]).email = ""
    page = browser.get(url)
    assert "E-mail" in page.text or "courriel" in said(page).lower()
    assert "/admin/school/edit/" in page.text
    assert post(browser, confirm, admins="1").status_code == 422
    with rows(app) as session:
        session.get_one(School, schools[0]).email = "bureau@exemple.org"
    assert post(browser, confirm, admins="1").status_code == 303
    run_pending(app)
    with rows(app) as session:
        held = session.scalars(select(Membership.role).join(User, Membership.user_id == User.id).where(User.email == "helene.benard@exemple.org"))
        assert list(held) == [Role.acc]


def test_the_screen_of_users_leads_the_site_administrator_to_the_import(as_):
    assert "Importer le personnel" in said(as_("acc").get("/admin/user/"))
    assert "Importer le personnel" not in said(as_("ac").get("/admin/user/"))
