"""The page of the school in tabs, what it lacks, whom it says to ask for help. S3-01 to S3-03."""

import re

import pytest
from conftest import rows
from hands import form, form_of, one, send, words
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from models import staff
from models.access import Role
from models.base import Refusal
from models.journal import JournalEvent
from models.school import Country, NotReady, School
from models.words import in_language
from views import school_settings


def part(schools, key):
    """The address of a tab."""
    return f"/admin/school/edit/?id={schools[0]}&part={key}"


def test_each_tab_saves_its_own_fields_and_comes_back_to_itself(app, as_, schools):
    browser = as_("acc")
    page = browser.get("/admin/school/", follow_redirects=True)
    assert [label in words(page) for label in ("Identité", "Coordonnées", "Langue et heure", "Logo et documents", "Imports", "Utilisateurs")] == [True] * 6
    assert "SIRET" in words(page)
    assert "assistance" not in words(page)
    before = one(app, select(School.name, School.language).where(School.id == schools[0]))
    where = part(schools, "contacts")
    answer = browser.post(
        where, data={**form_of(browser, where), "support_phone": "01 99 00 12 99", "website": "tilleuls.example.org", "name": "Autre", "language": "en"}
    )
    assert answer.headers["Location"].endswith("part=contacts")
    told = one(app, select(School.support_phone, School.website).where(School.id == schools[0]))
    assert told == ("01 99 00 12 99", "https://tilleuls.example.org")
    assert one(app, select(School.name, School.language).where(School.id == schools[0])) == before, "other tabs do not save here"
    with rows(app) as session:
        line = session.scalar(select(JournalEvent).order_by(JournalEvent.id.desc()).limit(1))
        assert (line.verb, line.table_name, line.row_id) == ("edited", "school", schools[0])
    assert "Téléphone d’assistance" in words(browser.get(f"/admin/school/details/?id={schools[0]}"))
    assert browser.get(part(schools, "nothing")).status_code == 404
    assert as_("ac").get(where).status_code == 403


def test_all_wrong_fields_of_a_tab_are_marked_at_once_each_with_its_sentence(app, as_, schools):
    browser = as_("acc")
    where = part(schools, "identity")
    wrong = browser.post(where, data={**form_of(browser, where), "official_code": "9990001A", "siret": "732 829 320 00075"})
    assert wrong.status_code == 422
    marked = {re.search(r'name="([^"]+)"', tag)[1] for tag in re.findall(r"<input[^>]*>", wrong.text) if 'aria-invalid="true"' in tag}
    assert marked == {"official_code", "siret"}
    assert "ne correspond pas" in words(wrong)
    assert "732 829 320 00075 n’est pas un SIRET" in words(wrong)
    assert 'maxlength="14"' not in browser.get(where).text
    answer = browser.post(where, data={**form_of(browser, where), "official_code": "999 0001 x", "siret": "732 829 320 00074"})
    assert answer.status_code == 302
    assert one(app, select(School.official_code, School.siret).where(School.id == schools[0])) == ("9990001X", "73282932000074")
    where = part(schools, "contacts")
    wrong = browser.post(where, data={**form_of(browser, where), "email": "x@", "website": "tilleuls", "postal_code": "ABC"})
    marked = {re.search(r'name="([^"]+)"', tag)[1] for tag in re.findall(r"<input[^>]*>", wrong.text) if 'aria-invalid="true"' in tag}
    assert marked == {"email", "website", "postal_code"}
    assert "videz le champ" in words(wrong)
    assert "cellule" not in words(wrong)


def test_two_people_in_one_tab_do_not_overwrite_each_other(app, as_, schools):
    where, first, second = part(schools, "papers"), as_("acc"), as_("acc")
    opened = [form_of(browser, where) for browser in (first, second)]
    assert first.post(where, data={**opened[0], "head_title": "proviseure"}).status_code == 302
    answer = second.post(where, data={**opened[1], "head_title": "directrice"})
    assert answer.status_code == 409
    assert "proviseure" in words(answer)
    assert "Coordonnées" in words(answer), "the tabs stay"
    assert one(app, select(School.head_title).where(School.id == schools[0])) == ("proviseure",)


def test_another_domain_adds_its_tab_and_its_right_opens_it(as_, schools, monkeypatch):
    tab = school_settings.Tab("trial", "Essai", template="admin/school/tabs.html", right=("label", "edit"))
    monkeypatch.setattr(school_settings, "TABS", [*school_settings.TABS, tab])
    page = as_("acc").get(part(schools, "trial"))
    assert page.status_code == 200
    assert "Essai" in words(page)
    monkeypatch.setattr(school_settings, "TABS", [*school_settings.TABS[:-1], school_settings.Tab("trial", "Essai", right=("student", "nothing"))])
    assert as_("acc").get(part(schools, "trial")).status_code == 403
    assert "Essai" not in words(as_("acc").get(part(schools, "identity")))


@pytest.mark.parametrize(
    ("country", "field", "typed", "kept"),
    [
        ("FR", "official_code", " 999 0001 x ", "9990001X"),
        ("FR", "official_code", "9990001A", None),
        ("CA", "official_code", "qc 999-001", "QC999001"),
        ("CA", "official_code", "<B>X</B>", None),
        ("FR", "siret", "732 829 320 00074", "73282932000074"),
        ("FR", "siret", "73282932000075", None),
        ("FR", "website", "", ""),
        ("FR", "website", "HTTP://example.org/a", "HTTP://example.org/a"),
        ("FR", "website", "javascript:alert(1)", None),
        ("FR", "website", "example.org onclick", None),
        ("FR", "website", "https://[::1", None),
    ],
)
def test_codes_and_addresses_are_tidied_and_wrong_ones_refused(country, field, typed, kept):
    school = School(country=Country[country])
    if kept is None:
        with pytest.raises(Refusal):
            setattr(school, field, typed)
    else:
        setattr(school, field, typed)
        assert getattr(school, field) == kept


def test_a_quebec_school_has_an_organisation_code_and_no_siret(as_, schools):
    page = as_("acc2").get(f"/admin/school/edit/?id={schools[1]}")
    assert "Code d’organisme" in words(page)
    assert "SIRET" not in words(page)
    assert "SIRET" not in words(as_("acc2").get(f"/admin/school/details/?id={schools[1]}"))


# --- what is missing -----------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named_and_other_purposes_are_faults(app):
    school = School(country=Country.CA, name="", official_code="QC999001", email=" ")
    assert [name for name, _label in school.missing_for("users")] == ["name", "email"] == [name for name, _label in school.missing_for("passport")]
    assert [name for name, _label in school.missing_for("transfers")][:2] == ["name", "email"]
    with pytest.raises(NotReady) as refusal:
        school.check_ready("users")
    assert refusal.value.fields == ("name", "email")
    with app.test_request_context("/"), in_language("fr"):
        assert refusal.value.sentence.endswith("Nom de l’établissement, Adresse électronique.")
    with pytest.raises(KeyError):
        school.missing_for("anything")
    school.name, school.email = "Cégep", "a@example.org"
    assert school.check_ready("users") is None


def test_nobody_is_added_before_the_page_of_the_school_is_complete(app, as_, schools):
    with rows(app) as session:
        session.execute(update(School).values(email=""))
    acc = as_("acc")
    todo = words(acc.get("/admin/"))
    assert "La fiche de l’établissement est à compléter : Adresse électronique" in todo
    assert "à compléter : Adresse" not in words(as_("ac").get("/admin/"))
    page = acc.get("/admin/user/new/")
    assert "il manque : Adresse électronique" in words(page)
    assert f"/admin/school/edit/?id={schools[0]}&amp;part=contacts#email" in page.text
    assert acc.get("/admin/school/missing/").headers["Location"].endswith("part=contacts#email")
    assert "Demandez à l’administrateur du site" in words(as_("ac").get("/admin/user/new/"))
    fields = {"given_name": "Zoé", "family_name": "Nouvel", "email": "zoe@example.org", "username": "", "role": "ec"}
    assert send(acc, "/admin/user/new/", page="/account", **fields).status_code == 422
    new = {"person": "new", "from": "2099-01-01", "until": "2099-01-02", **fields}
    refused = send(as_("head"), "/admin/membership/inspection/", page="/account", **new)
    assert (refused.status_code, "il manque : Adresse" in words(refused)) == (422, True)
    with rows(app), pytest.raises(Refusal):
        staff.add_person("Zoé", "Nouvel", "zoe@example.org", "", Role.ec)
    with rows(app) as session:
        session.execute(update(School).values(email="secretariat@example.org"))
    assert form(acc, "/admin/user/new/", **fields).status_code == 302
    assert acc.get("/admin/school/missing/").status_code == 302


# --- whom to ask for help --------------------------------------------------------------------------------------------------------------


def test_everybody_is_told_whom_to_ask(app, as_, client, schools):
    with rows(app) as session:
        session.get_one(School, schools[0]).support_email = "aide-un@example.org"
        second = session.get_one(School, schools[1])
        second.support_email, second.support_phone = "", "418 555-0199"
    for where in ("/account", "/admin/nothing", "/admin/user/"):
        page = words(as_("ec").get(where))
        assert "Aide pour votre compte, Collège des Tilleuls : aide-un@example.org" in page, where
        assert "418 555-0199" not in page
    parent = as_("parent")
    assert all(one in words(parent.get("/parent/")) for one in ("aide-un@example.org", "418 555-0199"))
    assert "aide-un@example.org" in words(parent.get("/parent/nothing"))
    shown = set()
    for address in {link.split('"')[0] for link in parent.get("/parent/").text.split('href="')[1:] if link.startswith("/parent/child/")}:
        page = words(parent.get(address))
        assert ("aide-un@example.org" in page) != ("418 555-0199" in page), "those of the school of this child"
        shown.add("aide-un@example.org" in page)
    assert shown == {True, False}
    assert "Aide pour votre compte" not in words(client.get("/login")), "of two schools, nobody knows which"
    with rows(app) as session:
        session.execute(update(School).where(School.id == schools[1]).values(support_phone=""))
    assert "418 555-0199" not in words(parent.get("/parent/"))


def test_a_stranger_is_told_by_the_only_school(small_school):
    page = words(small_school.get("/login"))
    assert "Collège des Tilleuls, téléphone : 01 99 00 12 00 · Aide pour votre compte : aide@tilleuls.exemple · 01 99 00 12 34" in page.replace("\u00a0", " ")
    assert "aide@tilleuls.exemple" in words(small_school.get("/forgot"))
    assert "aide@tilleuls.exemple" in words(small_school.get("/reset/nothing"))
    for where in ("/login", "/forgot", "/reset/nothing", "/parent/register"):
        assert "Collège des Tilleuls, téléphone : 01 99 00 12 00" in words(small_school.get(where)).replace("\u00a0", " "), where


@pytest.fixture
def small_school(tmp_path):
    """A stranger's browser, before an installation with one school."""
    from conftest import build
    from small import add_school, writing

    app = build(tmp_path)
    with writing(app) as session:
        add_school(session, support_email="aide@tilleuls.exemple", support_phone="01 99 00 12 34", phone="01 99 00 12 00")
    return app.test_client()


def test_a_page_about_a_fault_of_the_database_is_shown_without_them(app, as_, monkeypatch):
    def broken(*_about):
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr("views.support.contacts", broken)
    page = as_("ec").get("/admin/nothing")
    assert page.status_code == 404
    assert "Aide pour votre compte" not in words(page)


def test_a_school_that_changes_its_country_alone_needs_a_code_of_it(app, as_, schools):
    browser, where = as_("acc2"), f"/admin/school/edit/?id={schools[1]}"
    answer = form(browser, where, country="FR")
    assert (answer.status_code, "n’est pas un code UAI" in words(answer) or "UAI" in words(answer)) == (422, True)
    assert one(app, select(School.country, School.official_code).where(School.id == schools[1]))[0] is Country.CA
    assert form(browser, where, country="FR", official_code="0752387M").status_code == 302
    assert form(browser, where, country="CA").status_code == 302


@pytest.mark.parametrize("days", ["9" * 400, "-5", "0"])
def test_a_number_that_nobody_means_is_refused_with_a_sentence(as_, days):
    assert form(as_("acc"), "/admin/level/new/", name="Terminale", rank=days).status_code == (302 if days == "0" else 422)
