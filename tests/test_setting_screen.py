"""The page of the settings: one form for each section; what was typed stays when it cannot be saved; who may not change it reads it."""

import re

import pytest
from conftest import rows
from hands import words
from sqlalchemy import delete, select

from models.journal import JournalEvent
from models.settings import DECLARED, Setting, value

PAGE = "/admin/setting/"


@pytest.fixture(autouse=True)
def _by_default(app):
    """What the demonstration has set is as by default."""
    with rows(app) as session:
        session.execute(delete(Setting))


def form_of(browser, section):
    """The fields of one section as a browser sends them back unchanged."""
    page = browser.get(PAGE).text
    form = re.search(rf'<section id="section-{section}".*?</section>', page, re.S)[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, sent = re.search(r'name="([^"]*)"', tag)[1], re.search(r'value="([^"]*)"', tag)
        if ('type="checkbox"' in tag or 'type="radio"' in tag) and "checked" not in tag:
            continue
        found[name] = sent[1] if sent else ""
    return found


def test_a_section_is_saved_alone_and_its_default_comes_back_by_one_button(app, as_, schools):
    browser = as_("acc")
    answer = browser.post(f"{PAGE}save/", data={**form_of(browser, "guardians"), "students_invite": "1", "invitations_per_day": "3"}, follow_redirects=True)
    said = words(answer)
    assert "Enregistré" in said
    assert "Annuler" in said, "the undo stands beside the message"
    assert f"Choisi par l’établissement Par défaut : {DECLARED['invitations_per_day'].default} par jour" in said.replace("\u00a0", " ")
    with rows(app):
        assert [value(key, schools[0]) for key in ("students_invite", "invitations_per_day", "code_days")] == [True, 3, 180]
    token = form_of(browser, "guardians")["csrf_token"]
    assert "La valeur d’origine est remise" in words(
        browser.post(f"{PAGE}reset/", data={"csrf_token": token, "key": "invitations_per_day"}, follow_redirects=True)
    )
    browser.post(f"{PAGE}reset/", data={"csrf_token": token, "section": "guardians"})
    with rows(app) as session:
        assert [value(key, schools[0]) for key in ("students_invite", "invitations_per_day")] == [False, 5]
        assert session.scalars(select(JournalEvent.verb).where(JournalEvent.table_name == "setting", JournalEvent.verb == "reset")).all() == ["reset", "reset"]


def test_what_cannot_be_saved_stays_typed_with_its_reason(app, as_, schools):
    browser = as_("acc")
    answer = browser.post(f"{PAGE}save/", data={**form_of(browser, "security"), "password_length": "8", "idle_minutes": "30", "two_factor": "staff"})
    assert answer.status_code == 422
    assert "de 12 à 32" in words(answer)
    typed = re.findall(r'<input[^>]*name="(?:password_length|idle_minutes)"[^>]*value="(\d+)"', answer.text)
    assert typed == ["8", "30"]
    assert re.search(r'<input checked[^>]*value="staff"', answer.text)
    with rows(app) as session:
        assert session.scalars(select(Setting)).all() == []


def test_a_second_step_for_all_the_staff_is_asked_about_first_and_keeps_what_was_typed(app, as_, schools):
    browser = as_("acc")
    typed = {**form_of(browser, "security"), "idle_minutes": "30", "two_factor": "staff"}
    asked = browser.post(f"{PAGE}save/", data=typed)
    assert "collègues n’ont pas encore de deuxième étape" in words(asked)
    with rows(app) as session:
        assert session.scalars(select(Setting)).all() == []
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.text))
    assert browser.post(f"{PAGE}save/", data=hidden).status_code == 303
    with rows(app):
        assert [value(key, schools[0]) for key in ("idle_minutes", "two_factor")] == [30, "staff"]


def test_the_second_of_two_people_sees_what_the_first_saved_and_keeps_what_they_typed(app, as_, schools):
    first, second = as_("acc"), as_("acc")
    opened = form_of(second, "security")
    first.post(f"{PAGE}save/", data={**form_of(first, "security"), "idle_minutes": "30"})
    answer = second.post(f"{PAGE}save/", data={**opened, "idle_minutes": "90"})
    assert answer.status_code == 409
    assert "Enregistré entre-temps : 30 minutes" in words(answer).replace("\u00a0", " ")
    assert 'value="90"' in answer.text
    with rows(app):
        assert value("idle_minutes", schools[0]) == 30


@pytest.mark.parametrize("who", ["ac", "head"])
def test_whoever_may_not_change_the_settings_reads_them_without_a_field(as_, who):
    browser = as_(who)
    answer = browser.get(PAGE)
    assert answer.status_code == 200
    page = re.search(r"<main.*</main>", answer.text, re.S)[0]
    assert "<input" not in page
    assert "<button" not in page
    assert "180 jours" in words(answer).replace("\u00a0", " ")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/account").text)[1]
    assert browser.post(f"{PAGE}save/", data={"csrf_token": token, "section": "security"}).status_code == 403
    assert browser.post(f"{PAGE}reset/", data={"csrf_token": token, "section": "security"}).status_code == 403


def test_the_history_tells_values_in_words_and_leads_to_the_place_of_a_setting(app, as_, schools):
    browser = as_("acc")
    browser.post(f"{PAGE}save/", data={**form_of(browser, "security"), "idle_minutes": "30"})
    with rows(app) as session:
        number = session.scalar(select(Setting.id))
    browser.post(f"{PAGE}save/", data={**form_of(browser, "security"), "idle_minutes": "45"})
    with rows(app) as session:
        batch = session.scalar(select(JournalEvent.batch).where(JournalEvent.table_name == "setting").order_by(JournalEvent.id.desc()))
    said = words(browser.get(f"/admin/journal_event/undo?batch={batch}")).replace("\u00a0", " ")
    assert "30 minutes" in said
    assert "45 minutes" in said
    assert browser.get(f"{PAGE}details/?id={number}").headers["Location"].endswith("#setting-idle_minutes")
    assert as_("acc2").get(f"{PAGE}details/?id={number}").status_code == 404
