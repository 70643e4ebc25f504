"""The main job in a real browser: everybody's own home, an import, codes and their letters, a guardian who registers."""

import datetime as dt
import re
import shutil
import subprocess

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect
from sizes import PHONE, overflow

from jobs.runner import run_pending
from models.db import db
from models.people import Student
from models.school import Level
from models.scope import unscoped

pytestmark = pytest.mark.browser

# account -> (where it lands, its title, entries of its own menu, entries that are not)
HOMES = {
    "acc": ("/admin/", "Bonjour", ["Élèves", "Imports", "Libellés", "Historique"], []),
    "ac": ("/admin/", "Bonjour", ["Élèves", "Codes inutilisés", "Messages", "Imports"], []),
    "ec": ("/admin/", "Bonjour", ["Élèves", "Groupes"], ["Imports", "Utilisateurs", "Libellés", "Historique"]),
    "amp": ("/admin/", "Bonjour", ["Élèves", "Codes inutilisés"], ["Messages", "Imports", "Utilisateurs", "Libellés"]),
    "registrar": ("/admin/", "Bonjour", ["Élèves", "Imports"], ["Utilisateurs", "Libellés"]),
    "head": ("/admin/", "Bonjour", ["Élèves", "Historique"], ["Codes inutilisés", "Libellés"]),
    "inspector": ("/admin/", "Bonjour", ["Élèves"], ["Responsables", "Imports", "Historique"]),
    "invigilator": ("/invigilator/", "", [], ["Élèves"]),
    "student": ("/student/", "", [], ["Élèves"]),
    "parent": ("/parent/", "Mes enfants", [], ["Élèves"]),
}


@pytest.mark.parametrize("who", HOMES)
def test_a_each_account_lands_on_its_own_home_with_its_own_menu(open_page, who):
    path, title, entries, absent = HOMES[who]
    page = open_page(who, form=True)
    page.wait_for_url("**" + path)
    expect(page.locator("h1")).to_contain_text(title)
    side = page.locator(".side")
    for entry in entries:
        expect(side.get_by_role("link", name=entry, exact=True)).to_be_visible()
    for entry in absent:
        expect(page.get_by_role("link", name=entry, exact=True)).to_have_count(0)


def test_a_a_stranger_gets_the_login_page_and_comes_back_to_where_they_wanted(open_page):
    page = open_page()
    page.goto("/admin/student/?search=ma")
    page.wait_for_url(re.compile("/login"))
    page.fill("[name=username]", "ac")
    page.fill("[name=password]", "scolabri-demo-2026")
    page.click("button.btn-primary")
    page.wait_for_url("**/admin/student/?search=ma")


def letters(path, folder):
    """What the QR codes of a PDF hold, page by page."""
    subprocess.run([shutil.which("pdftoppm") or "pdftoppm", "-r", "110", "-gray", str(path), str(folder / "page")], check=True, capture_output=True)
    return [[found.text for found in zxingcpp.read_barcodes(Image.open(picture))] for picture in sorted(folder.glob("page*.pgm"))]


def test_c_and_d_codes_letters_and_the_guardian_who_registers(site, open_page, tmp_path):
    chosen = 25  # more than a page: "all the rows that match" is the only way to take them
    with site.app.app_context(), unscoped("a level of its own for this story"):
        level = Level(school_id=1, name="Seconde", rank=9)
        people = [Student(school_id=1, family_name="Histoire", given_name=f"Zoé {chr(97 + n)}", level=level) for n in range(chosen)]
        db.session.add_all(people)
        db.session.commit()
        level_id = level.id
    page = open_page("ac")
    page.goto(f"/admin/student/?flt0_level.Row={level_id}")
    page.locator("[data-tick-all]").check()
    page.locator(".bulk").get_by_text(re.compile(f"Toutes les lignes qui correspondent.*{chosen}")).click()
    page.locator(".bulk").get_by_role("button", name="Créer des codes").click()
    expect(page.locator("h1")).to_have_text("Créer des codes d’activation")
    page.get_by_label("Nombre de codes").fill("2")
    expect(page.locator(".big-count b")).to_have_text(str(2 * chosen))
    page.get_by_role("button", name=f"Créer {2 * chosen} codes").click()
    expect(page.locator(".alert-success")).to_contain_text(f"{2 * chosen} codes créés")
    page.get_by_role("button", name=re.compile("Oui, imprimer")).click()
    page.wait_for_url("**/admin/job/details/**")
    expect(page.locator("progress")).to_be_visible()
    run_pending(site.app)
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Télécharger")).first.click()
    download.value.save_as(tmp_path / "lettres.pdf")
    found = letters(tmp_path / "lettres.pdf", tmp_path)
    assert len(found) == 2 * chosen
    assert all(len(codes) == 1 for codes in found)
    assert len({codes[0] for codes in found}) == 2 * chosen

    # The phone that scans the letter.
    address = re.sub(r"^https?://[^/]+", "", found[0][0])
    phone = open_page(size=PHONE)
    phone.goto(address)
    assert overflow(phone) == 0
    expect(phone.locator("[name=code]")).to_have_value(re.compile(r"^\w{4}-\w{4}-\w{4}$"))
    code = phone.locator("[name=code]").input_value()
    phone.fill("[name=given_name]", "Awa")
    phone.fill("[name=family_name]", "N’Diaye")
    phone.fill("[name=email]", "awa.ndiaye@example.org")
    phone.fill("[name=password]", "trois chevaux verts ailleurs")
    phone.locator("form button.btn-primary").click()
    phone.wait_for_url("**/parent/**")
    expect(phone.locator("main")).to_contain_text("Collège des Tilleuls")

    # A second guardian types the same code: one calm sentence.
    other = open_page(size=PHONE)
    other.goto("/parent/register")
    other.fill("[name=given_name]", "Paul")
    other.fill("[name=family_name]", "Autre")
    other.fill("[name=email]", "paul.autre@example.org")
    other.fill("[name=password]", "quatre chevaux bleus ici")
    other.fill("[name=code]", code.lower().replace("-", " "))
    other.locator("form button.btn-primary").click()
    expect(other.locator(".alert-danger, .error").first).to_be_visible()
    expect(other).to_have_url(re.compile("/parent/register"))

    # A mistyped one is told as such.
    other.fill("[name=password]", "quatre chevaux bleus ici")
    other.fill("[name=code]", "OIL0-1111-2222")
    other.locator("form button.btn-primary").click()
    expect(other.locator("main")).to_contain_text("Vérifiez les 12 signes")


def given(n):
    """A given name for each number, with letters only."""
    return "Zoé " + "".join(chr(97 + int(digit)) for digit in f"{n:03d}").capitalize()


def spreadsheet(count):
    """A school's own export: cp1252, semicolons, guardians in the same line."""
    head = "Nom;Prénom;Né(e) le;Sexe;INE;Classe;Niveau;responsable1_nom;responsable1_prenom;responsable1_courriel;responsable1_lien"
    first = dt.date(2014, 1, 1)
    lines = []
    for n in range(count):
        ine = f"98{n:08d}" + "ABCDEFGHJKLMNPRSTUVWXYZ"[(9_800_000_000 + n) % 23]
        born = first + dt.timedelta(days=n)
        lines.append(f"Évrard-Nœud;{given(n)};{born:%d/%m/%Y};{'FM'[n % 2]};{ine};6e Import;6e;Évrard;Anne {given(n)};anne{n}@example.org;mère")
    return "\r\n".join([head, *lines]).encode("cp1252")


def test_b_a_spreadsheet_is_previewed_written_and_changes_nothing_twice(site, open_page):
    page = open_page("ac")
    page.goto("/admin/import_/new/")
    data = spreadsheet(300)
    page.set_input_files("input[type=file]", {"name": "eleves.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Envoyer et vérifier").click()
    page.wait_for_url("**/admin/import_/details/**")
    run_pending(site.app)
    page.reload()
    expect(page.locator("main")).to_contain_text("encodage Windows-1252, séparateur : point-virgule")
    expect(page.locator(".views")).to_contain_text(re.compile(r"Créés\s*300"))
    page.get_by_role("link", name=re.compile("Continuer avec 300 lignes")).click()
    page.get_by_role("button", name=re.compile("Écrire 300 lignes")).click()
    run_pending(site.app)
    page.reload()
    expect(page.locator("main")).to_contain_text("300")
    page.goto("/admin/student/?search=evrard-noeud zoe cjj")
    expect(page.get_by_role("link", name="Évrard-Nœud, Zoé Cjj")).to_be_visible()

    page.goto("/admin/import_/new/")
    page.set_input_files("input[type=file]", {"name": "eleves.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Envoyer et vérifier").click()
    page.wait_for_url("**/admin/import_/details/**")
    run_pending(site.app)
    page.reload()
    expect(page.locator(".views")).to_contain_text(re.compile(r"Créés\s*0.*Modifiés\s*0.*Inchangés\s*300"))
