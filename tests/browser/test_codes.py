"""Stories C and D in a real browser: codes for a level, letters by a job, then a parent's phone."""

import re

import pytest
from hands import GOOD
from playwright.sync_api import expect
from sizes import DESK, NARROW, PHONE, overflow, resize
from small import add_code
from sqlalchemy import select

from jobs import runner
from models.activation import missing_clause, new_codes, show_code
from models.db import db
from models.people import GuardianLink, LinkStatus, Student, StudentStatus
from models.scope import unscoped

pytestmark = pytest.mark.browser


def fresh(site, school_id, skip=0):
    """A new code of a student of a school, in clear, with the student's name and identifier."""
    code = new_codes(1)[0]
    with site.app.app_context(), unscoped("a test makes a letter"):
        unsure = select(GuardianLink.student_id).where(GuardianLink.status != LinkStatus.active)
        look = select(Student).where(Student.status == StudentStatus.active, Student.school_id == school_id, Student.id.not_in(unsure))
        student = db.session.scalars(look.order_by(Student.id).offset(skip)).first()
        add_code(db.session, student, code=code)
        db.session.commit()
        return code, student.name, student.id


def test_c_codes_for_those_who_have_none_two_each_then_their_letters(open_page, site, axe):
    with site.app.app_context(), unscoped("a test counts"):
        waiting = db.session.scalars(select(Student.id).where(Student.school_id == 1, Student.status == StudentStatus.active, missing_clause())).all()
    n = len(waiting)
    page = open_page("ac", axe=True)
    page.goto("/admin/activation_code/")
    assert axe(page) == []
    page.get_by_role("button", name="Codes pour les élèves que personne ne suit encore").click()
    expect(page.locator(".big-count b")).to_have_text(str(n))
    assert axe(page) == []
    page.get_by_label("Nombre de codes pour chacun").fill("2")
    expect(page.locator(".big-count b")).to_have_text(str(2 * n))
    page.get_by_role("button", name=f"Créer {2 * n} codes").click()
    expect(page.locator("h1")).to_contain_text("Imprimer les lettres")
    expect(page.locator(".alert-success")).to_contain_text(f"{2 * n} codes créés.")
    assert axe(page) == []
    page.get_by_role("button", name=f"Oui, imprimer {2 * n} lettres").click()
    expect(page).to_have_url(re.compile(r"/admin/job/details/\?id=\d+"))
    runner.run_pending(site.app)
    page.reload()
    with page.expect_download() as waiting_file:
        page.get_by_role("link", name=re.compile("PDF|Télécharger|Lettres")).first.click()
    content = waiting_file.value.path().read_bytes()
    assert content.startswith(b"%PDF")
    page.goto("/admin/activation_code/")
    page.get_by_role("button", name="Codes pour les élèves que personne ne suit encore").click()
    expect(page.locator(".alert")).to_contain_text("Aucun code n’est nécessaire")


def test_c_a_code_is_revoked_from_the_students_file(open_page, site):
    code, _name, student_id = fresh(site, 1, skip=2)
    page = open_page("ac")
    page.goto(f"/admin/student/details/?id={student_id}&part=codes")
    page.get_by_role("button", name=f"Révoquer ····-····-{code[-4:]}").click()
    page.get_by_role("button", name="Révoquer le code").click()
    expect(page.get_by_role("button", name=f"Révoquer ····-····-{code[-4:]}")).to_have_count(0)
    page.locator("details.fold summary").click()
    expect(page.locator("details.fold")).to_contain_text(code[-4:])


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_d_a_parent_registers_on_a_phone_sees_the_child_and_adds_one_of_another_school(open_page, site, script):
    skip = 0 if script else 3
    code, name, _id = fresh(site, 1, skip)
    page = open_page(size=PHONE, script=script)
    page.goto(f"/parent/register?code={code}")
    expect(page.get_by_label("Code d’activation")).to_have_value(show_code(code))
    page.get_by_label("Prénom").fill("Hélène")
    page.get_by_label("Nom", exact=False).nth(1).fill("Bénard")
    page.get_by_label("Adresse électronique").fill(f"helene{skip}@exemple.org")
    page.get_by_label("Mot de passe").fill(GOOD)
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_role("link", name=name).click()
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator("body")).to_contain_text("Collège des Tilleuls")
    other, sibling, _id = fresh(site, 2, skip)
    page.get_by_role("link", name="Ajouter un enfant").click()
    page.get_by_label("Code d’activation").fill(show_code(other).lower())
    page.get_by_role("button", name="Ajouter l’enfant").click()
    expect(page.get_by_role("link", name=sibling)).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_be_visible()
    page.goto("/parent/register")
    page.get_by_label("Code d’activation").fill(code)
    page.get_by_role("button", name="Ajouter l’enfant").click()
    expect(page.locator(".field-error")).to_contain_text("Ce code n’ouvre rien")


GUARDIAN = ("/parent/", "/parent/profile", "/parent/register")
STAFF = ("/admin/activation_code/", "/admin/student/details/?id=1&part=codes")


@pytest.mark.parametrize(("who", "path"), [*(("parent", path) for path in GUARDIAN), *(("ac", path) for path in STAFF), ("", "/student/activate")])
def test_these_pages_are_readable_by_everybody_on_every_window(open_page, axe, who, path):
    page = open_page(who)
    for size, dark in ((DESK, False), (PHONE, True), (NARROW, False)):
        page.emulate_media(color_scheme="dark" if dark else "light")
        resize(page, size)
        page.goto(path)
        assert axe(page) == []
        assert overflow(page) == 0
