"""A guardian on a phone: a code typed as people type, a second child, a message and whom to call about it."""

import re

import pytest
from hands import GOOD
from playwright.sync_api import expect
from sizes import PHONE, overflow
from small import add_code
from sqlalchemy import select, update

from models.access import User
from models.activation import new_codes, show_code
from models.base import utcnow
from models.db import db
from models.messages import Message, MessageRecipient, MessageState
from models.people import Guardian, GuardianLink, Student
from models.scope import unscoped

pytestmark = pytest.mark.browser
EMAIL = "awa@exemple.org"


def children(site):
    """Two new students of the first school, each with a code in clear."""
    with site.app.app_context(), unscoped("a test makes letters"):
        made = [(Student(school_id=1, family_name="Ndiaye", given_name=name), new_codes(1)[0]) for name in ("Binta", "Cheikh")]
        db.session.add_all(student for student, _code in made)
        db.session.flush()
        for student, code in made:
            add_code(db.session, student, code=code)
        db.session.commit()
        return [(student.name, code) for student, code in made]


def write(site):
    """A message of the first school about one of their children."""
    with site.app.app_context(), unscoped("a test writes a message"):
        user = db.session.scalar(select(User).where(User.email == EMAIL))
        link = db.session.scalars(select(GuardianLink).join(Guardian).where(Guardian.user_id == user.id).order_by(GuardianLink.id)).first()
        message = Message(school_id=1, subject="Sortie au muséum", body="<p>Le car part à 8 h.</p>")
        db.session.add(message)
        db.session.flush()
        db.session.execute(update(Message).where(Message.id == message.id).values(state=MessageState.sent, sender="Camille Roussel", sent_at=utcnow()))
        db.session.add(MessageRecipient(school_id=1, message_id=message.id, user_id=user.id, student_id=link.student_id, guardian_id=link.guardian_id))
        db.session.commit()


def test_a_guardian_types_a_code_adds_a_second_child_after_signing_in_and_reads_a_message(open_page, site, axe):
    (first, code), (second, other) = children(site)
    page = open_page(size=PHONE, axe=True)
    page.goto("/login")
    page.get_by_role("link", name="Inscrivez-vous maintenant").click()
    field = page.get_by_label("Code d’activation")
    field.press_sequentially("2o34")
    expect(field).to_have_value("2O34")
    expect(page.get_by_role("status")).to_contain_text("Le signe numéro 2 est « O »".replace("« ", "«\u202f").replace(" »", "\u202f»"))
    field.fill("")
    field.press_sequentially(code.lower()[:6])
    expect(field).to_have_value(f"{code[:4]}-{code[4:6]}")
    field.press("Backspace")
    field.press("Backspace")
    expect(field).to_have_value(code[:4])
    field.fill(f" {code[:4]} {code[4:8]} . {code[8:].lower()} ")
    expect(field).to_have_value(show_code(code))
    for name, value in (("Prénom", "Awa"), ("Adresse électronique", EMAIL), ("Mot de passe", GOOD)):
        page.get_by_label(name).fill(value)
    page.locator("[name=family_name]").fill("Ndiaye")
    page.get_by_role("button", name="Créer mon compte").click()
    expect(page.get_by_role("link", name=first)).to_be_visible()

    page.locator(".account summary").click()
    page.get_by_role("button", name="Se déconnecter").click()
    page.goto(f"/parent/register?code={other}")
    page.get_by_role("link", name="J’ai déjà un compte").click()
    page.get_by_label("Nom d’utilisateur ou adresse électronique").fill(EMAIL)
    page.get_by_label("Mot de passe").fill(GOOD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_label("Code d’activation")).to_have_value(show_code(other))
    page.get_by_role("button", name="Ajouter l’enfant").click()
    expect(page.get_by_role("link", name=second)).to_be_visible()

    write(site)
    page.reload()
    expect(page.locator(".tabbar .n")).to_have_text("1")
    page.get_by_role("link", name=re.compile("1 nouveau message")).click()
    assert (axe(page), overflow(page)) == ([], 0)
    page.get_by_role("link", name=re.compile("Sortie au muséum")).click()
    expect(page.get_by_text("Le car part à 8 h.")).to_be_visible()
    expect(page.locator("section .row-link[href^='tel:']")).to_be_visible()
    expect(page.locator(".tabbar .n")).to_have_count(0)
    assert (axe(page), overflow(page)) == ([], 0)
    page.emulate_media(color_scheme="dark")
    assert axe(page) == []
