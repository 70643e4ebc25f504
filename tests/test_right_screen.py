"""The screen of rights: a role, its screens, a tick each; saved with one button or tick by tick, taken back, listed, undone."""

import html
import re

import pytest
from conftest import counted, rows
from hands import send, token, user_of, words
from sqlalchemy import func, select

from models.access import STAFF
from models.journal import JournalEvent
from models.right_override import RightOverride, cells, fixed
from models.rights import POLICY, grant

FETCH = {"X-Requested-With": "fetch"}


def ticks(page):
    """cell -> (ticked, can be moved), as the page shows them."""
    found = {}
    for box in re.findall(r'<input type="checkbox"[^>]*data-cell>', page.text):
        found[re.search(r'value="([^"]+)"', box)[1]] = (" checked" in box, " disabled" not in box)
    return found


def shown(page):
    """What the form of the page says that it shows."""
    return re.findall(r'name="shown" value="([^"]+)"', page.text)


def save(browser, role, tick=(), untick=(), page=None, path="/admin/right/save/", **more):
    """Send the form of a role as it is shown, with these ticks moved."""
    page = page or browser.get(f"/admin/right/?role={role}")
    on = {cell for cell, (ticked, open_) in ticks(page).items() if ticked and open_}
    data = {"csrf_token": token(page.text), "role": role, "shown": shown(page), "on": sorted((on | set(tick)) - set(untick)), **more}
    return browser.post(path, data=data)


def one(browser, role, cell, on, was=None, headers=FETCH):
    """Send one tick, as the script does."""
    data = {
        "csrf_token": token(browser.get("/account").text),
        "role": role,
        "shown": f"{cell}={int(not on if was is None else was)}",
        "on": [cell] if on else [],
    }
    return browser.post("/admin/right/save/", data=data, headers=headers)


def written(app):
    """(role, table, verb) -> granted, of every row."""
    with rows(app) as session:
        return {(row.role.name, row.table, row.verb): row.granted for row in session.scalars(select(RightOverride))}


# --- what the page shows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(role.name for role in STAFF))
def test_the_page_of_a_role_ticks_what_it_has_and_offers_what_it_could_have(as_, role):
    found = ticks(as_("acc").get(f"/admin/right/?role={role}"))
    for table in POLICY:
        held = grant(table, role).verbs
        for verb in cells(table):
            problem = fixed(role, table, verb)
            if problem and verb not in held:
                assert f"{table}.{verb}" not in found
                continue
            ticked, open_ = found[f"{table}.{verb}"]
            assert ticked == (verb in held)
            assert open_ == (problem is None and (verb == "read" or "read" in held or verb in held))


def test_the_page_says_it_in_sentences_under_the_headings_of_the_menu(as_):
    page = words(as_("acc").get("/admin/right/?role=ec"))
    assert "Un enseignant ou conseiller peut" in page
    assert "créer des codes d’activation pour les élèves de ses groupes" in page
    places = [page.rindex(heading) for heading in ("Vie scolaire", "Comptes des responsables", "Échanges", "Réglages", "Suivi")]
    assert places == sorted(places)


def test_whoever_only_reads_sees_the_ticks_and_moves_none(as_):
    for who in ("ac", "head"):
        page = as_(who).get("/admin/right/?role=ec")
        assert not any(open_ for _on, open_ in ticks(page).values())
        assert "Enregistrer les droits" not in page.text
        assert "/admin/right/preset/" not in page.text
        assert shown(page) == []


@pytest.mark.parametrize("query", ["?role=guardian", "?role=nobody", "?table=nothing"])
def test_a_role_or_screen_that_is_not_in_the_matrix_is_not_found(as_, query):
    assert as_("acc").get(f"/admin/right/{query}").status_code == 404


def test_one_screen_says_what_each_role_can_and_cannot(as_):
    page = words(as_("ac").get("/admin/right/?table=student"))
    assert "Qui peut quoi : Élèves" in page
    assert "Enseignant ou conseiller Peut voir les élèves de ses groupes. Peut modifier, exporter" in page
    assert "Ne peut pas ajouter, supprimer" in page
    assert "Inspecteur Peut voir les élèves. Ne peut pas exporter." in page


# --- saving without script -----------------------------------------------------------------------------------------------------


def test_one_button_saves_the_ticks_that_moved_and_no_other(as_, app):
    browser = as_("acc")
    answer = save(browser, "ec", tick=["student.delete"], untick=["student.export"])
    assert answer.status_code == 303
    assert written(app) == {("ec", "student", "delete"): True, ("ec", "student", "export"): False}
    page = browser.get(answer.headers["Location"])
    assert "2 droits modifiés." in words(page)
    assert ticks(page)["student.delete"] == (True, True)
    assert ticks(page)["student.export"] == (False, True)
    assert words(page).count("Redéfini") == 2
    assert "Redéfini Par défaut : oui." in words(page)
    assert "Redéfini Par défaut : non." in words(page)


def test_saving_a_page_where_nothing_moved_writes_nothing(as_, app):
    assert save(as_("acc"), "ec").status_code == 303
    assert written(app) == {}


def test_the_second_of_two_administrators_is_told_and_nothing_of_theirs_is_half_written(as_, app):
    first, second = as_("acc"), as_("acc")
    opened = second.get("/admin/right/?role=ec")
    save(first, "ec", untick=["student.export"])
    answer = save(second, "ec", tick=["student.delete"], untick=["student.export"], page=opened)
    assert answer.status_code == 409
    assert "Quelqu’un a modifié un droit pendant que vous lisiez : Un enseignant ou conseiller ne peut pas exporter" in words(answer)
    assert ("ec", "student", "delete") not in written(app)
    assert save(second, "ec", tick=["student.create"], page=opened).status_code == 303, "a tick that nobody else moved is saved"


def test_ticks_that_rest_wait_for_the_reading_on_which_they_stand(as_, app):
    browser = as_("acc")
    save(browser, "amp", untick=["student.read"])
    page = browser.get("/admin/right/?role=amp")
    assert ticks(page)["student.read"] == (False, True)
    assert ticks(page)["student.export"] == (True, False)
    assert "Ce qui est grisé en dépend" in words(page)
    assert as_("amp").get("/admin/student/").status_code == 403
    save(browser, "amp", tick=["student.read"])
    assert as_("amp").get("/admin/student/export/csv/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"role": "guardian", "shown": "student.read=0", "on": "student.read"}, 400),
        ({"role": "", "shown": "student.read=0"}, 400),
        ({"role": "ec", "shown": "student.read"}, 400),
        ({"role": "ec", "shown": "student.read=2"}, 400),
        ({"role": "ec", "shown": "student.read=1'--"}, 400),
        ({"role": "ec", "shown": "nothing.read=0", "on": "nothing.read"}, 422),
        ({"role": "ec", "shown": "right.edit=0", "on": "right.edit"}, 422),
        ({"role": "acc", "shown": "right.edit=1"}, 422),
        ({"role": "ec", "shown": "journal_event.delete=0", "on": "journal_event.delete"}, 422),
    ],
)
def test_27_what_no_page_sends_is_refused(as_, app, fields, status):
    assert send(as_("acc"), "/admin/right/save/", page="/account", **fields).status_code == status
    assert written(app) == {}


def test_the_administrator_keeps_the_way_to_the_page_and_is_told_why(as_, app):
    browser = as_("acc")
    answer = send(browser, "/admin/right/save/", page="/account", role="acc", shown=["right.edit=1", "student.export=1"])
    assert answer.status_code == 422
    assert "L’administrateur du site garde l’accès à cette page" in words(answer)
    assert written(app) == {}, "all or nothing"
    page = browser.get("/admin/right/?role=acc")
    assert ticks(page)["right.edit"] == (True, False)


# --- tick by tick, as the script does ------------------------------------------------------------------------------------------


def test_a_tick_is_saved_at_once_and_answered_by_its_part(as_, app):
    browser = as_("acc")
    answer = one(browser, "ec", "student.export", on=False)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="part-student"' in answer.text
    assert 'data-changed="1"' in answer.text
    assert "Enregistré." in words(answer)
    assert ticks(answer)["student.export"] == (False, True)
    assert written(app) == {("ec", "student", "export"): False}


def test_a_tick_that_cannot_be_saved_is_answered_with_its_sentence_and_what_holds(as_, app):
    browser = as_("acc")
    one(browser, "ec", "student.export", on=False)
    told = one(browser, "ec", "student.export", on=False)
    assert told.status_code == 409
    assert "pendant que vous lisiez" in words(told)
    assert ticks(told)["student.export"] == (False, True)
    refused = one(browser, "ec", "right.edit", on=True)
    assert refused.status_code == 422
    assert "Seul l’administrateur du site modifie les droits." in words(refused)


def test_the_answer_to_a_tick_leads_to_undoing_it(as_, app):
    browser = as_("acc")
    one(browser, "amp", "student.export", on=False)
    answer = one(browser, "ec", "student.export", on=False)
    assert as_("ec").get("/admin/student/export/csv/").status_code == 403
    address = html.unescape(re.search(r'<a href="([^"]+)">Annuler', answer.text)[1])
    assert "exporter les élèves" in words(browser.get(address))
    answer = send(browser, address, page=address)
    assert answer.status_code in (200, 302, 303), words(answer)
    assert as_("ec").get("/admin/student/export/csv/").status_code == 200, "at the next request"
    assert as_("amp").get("/admin/student/export/csv/").status_code == 403, "the other tick stays"


# --- taking back ---------------------------------------------------------------------------------------------------------------


def test_a_cell_takes_its_default_back(as_, app):
    browser = as_("acc")
    save(browser, "ec", untick=["student.export", "student.edit"])
    answer = send(browser, "/admin/right/reset/", page="/account", role="ec", cell="student.export")
    assert answer.status_code == 303
    assert written(app) == {("ec", "student", "export"): None, ("ec", "student", "edit"): False}
    with rows(app) as session:
        assert session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.verb == "reset", JournalEvent.table_name == "right")) == 1
    for wrong in ("student", "student.", "", "a.b=c"):
        assert send(browser, "/admin/right/reset/", page="/account", role="ec", cell=wrong).status_code == 400, wrong
    assert send(as_("ac"), "/admin/right/reset/", page="/account", role="ec", cell="student.edit").status_code == 403


def test_differences_are_listed_with_who_and_taken_back_from_there(as_, app):
    browser = as_("acc")
    assert "Aucun droit ne diffère du défaut" in words(browser.get("/admin/right/?changed=1"))
    save(browser, "ec", untick=["student.export"])
    page = browser.get("/admin/right/?changed=1")
    assert "1 droit diffère du défaut." in words(page)
    assert "Un enseignant ou conseiller ne peut pas exporter les élèves de ses groupes. Hélène Marchand" in words(page)
    assert "Reprendre le défaut" not in words(as_("head").get("/admin/right/?changed=1"))
    answer = send(browser, "/admin/right/reset/", page="/admin/right/?changed=1", role="ec", cell="student.export", **{"from": "changed"})
    assert answer.headers["Location"].endswith("changed=1")
    assert "Aucun droit ne diffère du défaut" in words(browser.get("/admin/right/?changed=1"))


def test_the_history_names_the_cell_and_leads_to_its_place(as_, app):
    browser = as_("acc")
    save(browser, "ec", untick=["student.export"])
    assert "Un enseignant ou conseiller ne peut pas exporter les élèves" in words(browser.get("/admin/journal_event/"))
    with rows(app) as session:
        number = session.scalar(select(RightOverride.id))
    answer = browser.get(f"/admin/right/details/?id={number}")
    assert answer.headers["Location"].endswith("/admin/right/?role=ec#part-student")
    assert as_("acc2").get(f"/admin/right/details/?id={number}").status_code == 404


def test_another_school_has_its_own_matrix(as_, app):
    save(as_("acc"), "ec", untick=["student.export"])
    page = as_("acc2").get("/admin/right/?role=ec")
    assert ticks(page)["student.export"] == (True, True)
    assert "Redéfini" not in words(page)
    save(as_("acc2"), "ec", untick=["student.edit"])
    with rows(app) as session:
        assert session.scalar(select(func.count(func.distinct(RightOverride.school_id)))) == 2


def test_the_page_asks_as_many_questions_with_many_changes_as_with_none(as_, app):
    browser = as_("acc")
    browser.get("/admin/right/?role=amp")

    def asked():
        browser.get("/admin/student/")
        with counted(app) as seen:
            assert browser.get("/admin/right/?role=amp").status_code == 200
        return len(seen)

    few = asked()
    page = browser.get("/admin/right/?role=amp")
    moved = [cell for cell, (ticked, open_) in ticks(page).items() if open_ and not ticked]
    assert len(moved) > 20
    save(browser, "amp", tick=moved)
    assert asked() == few <= 10
    assert user_of(app, "acc")
