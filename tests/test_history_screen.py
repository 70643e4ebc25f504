"""The history of a record as people read it, the page that undoes, and the way back beside what was just done."""

import re

import pytest
from batches import As, noted
from conftest import counted, rows
from hands import send, words
from sqlalchemy import select

from models.changes import JournalChange
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, Student, group_member
from models.school import Level


@pytest.fixture
def edited(app, schools, a_student):
    """A student whom the counsellor has edited in one batch; the batch's name."""
    with As(app, schools[0], "ac")("edited") as session:
        student = session.get_one(Student, a_student)
        student.town, student.phone = "Arles", "06 39 98 00 11"
        student.level = session.scalar(select(Level).where(Level.id != student.level_id).order_by(Level.id))
        student.deactivate()
    return "edited"


@pytest.fixture
def change(app, edited):
    """`change("town")` is the number of the change of that field."""

    def of(field):
        with rows(app) as session:
            return noted(session, batch=edited, field=field)[0].id

    return of


def history(browser, student):
    """The history part of a student's file, in words."""
    return words(browser.get(f"/admin/student/details/?id={student}&part=history"))


def test_the_time_line_tells_old_and_new_in_words(app, as_, a_student, edited):
    with rows(app) as session:
        line = noted(session, batch=edited, field="level_id")[0]
        before, after = (session.get_one(Level, i).name for i in (line.before, line.after))
        town = noted(session, batch=edited, field="town")[0].before
    page = history(as_("acc"), a_student)
    assert f"Commune : avant : {town} → après : Arles" in page
    assert f"Niveau : avant : {before} → après : {after}" in page
    assert "Statut : avant : Actif → après : Désactivé" in page
    assert "Téléphone : avant : rien → après : 06 39 98 00 11" in page
    assert "Camille Roussel, " in page


def test_groups_are_named_by_what_came_and_what_left(app, as_, schools, a_student):
    with As(app, schools[0], "acc")("b1") as session:
        session.add(group := Group(name="Fanfare de mai"))
        session.get_one(Student, a_student).add_to_group(group)
        session.flush()
        number = group.id
    assert "Groupes : ajouté : Fanfare de mai" in history(as_("acc"), a_student)
    with rows(app) as session:
        name = str(session.get_one(Student, a_student))
    assert f"Élèves : ajouté : {name}" in words(as_("acc").get(f"/admin/group/details/?id={number}"))


def test_the_page_of_any_record_holds_its_history(app, as_, schools):
    with As(app, schools[0], "acc")("b1") as session:
        link = session.scalar(select(GuardianLink).order_by(GuardianLink.id))
        link.suspend("une raison secrète")
        number, name = link.id, f"{link.student} – {link.guardian}"
    page = words(as_("head").get(f"/admin/guardian_link/details/?id={number}"))
    assert name in page
    assert "Lien : avant : Actif → après : Suspendu" in page or "Lien : avant : À vérifier → après : Suspendu" in page
    assert "secrète" not in page
    assert "Historique" not in words(as_("amp").get(f"/admin/guardian_link/details/?id={number}"))


def test_an_undo_reads_as_one(app, as_, schools, a_student, edited):
    send(as_("ac"), f"/admin/journal_event/undo?batch={edited}", page="/account")
    page = history(as_("ac"), a_student)
    assert "Annulation Commune : avant : Arles" in page


def test_a_number_that_was_given_again_does_not_tell_of_the_former_record(app, as_, schools):
    with As(app, schools[0], "acc")("b1") as session:
        session.add(guardian := Guardian(family_name="Ancienne"))
        session.flush()
        number = guardian.id
        guardian.phone = "06 39 98 00 99"
        session.flush()
        session.delete(guardian)
    with As(app, schools[0], "acc")("b2") as session:
        session.add(Guardian(id=number, family_name="Nouvelle"))
    page = words(as_("acc").get(f"/admin/guardian/details/?id={number}"))
    assert "Ajout" in page
    assert "06 39 98 00 99" not in page


# --- one field -------------------------------------------------------------------------------------------------------------------


def test_a_field_is_put_back_from_its_line(app, as_, a_student, change):
    browser = as_("ac")
    page = browser.get(f"/admin/student/details/?id={a_student}&part=history").text
    button = f'name="id" value="{change("town")}">Rétablir'
    assert button in page
    with rows(app) as session:
        before = session.get_one(JournalChange, change("town")).before
    here = f"/admin/student/details/?id={a_student}&part=history"
    answer = send(browser, "/admin/journal_event/revert", page="/account", id=change("town"), url=here)
    assert answer.headers["Location"] == here
    page = browser.get(here)
    assert "La valeur d’avant est rétablie. Annuler" in words(page)
    assert button not in page.text  # it is no longer the present value
    with rows(app) as session:
        student = session.get_one(Student, a_student)
        assert (student.town, student.phone) == (before, "06 39 98 00 11")


@pytest.mark.parametrize(
    ("who", "field", "status"),
    [
        ("acc", "town", 303),
        ("ec", "town", 303),  # of their own students
        ("ec", "level_id", 403),  # the school gives the level
        ("registrar", "town", 303),
        ("acc", "status", 403),  # a state changes by its verbs, or with the whole batch
        ("amp", "town", 403),
        ("head", "town", 403),
        ("inspector", "town", 403),
        ("acc2", "town", 404),
    ],
)
def test_a_field_is_put_back_by_who_could_type_it(app, as_, schools, change, a_student, who, field, status):
    from models.access import User

    with rows(app) as session:  # the teacher follows this student
        session.get_one(Student, a_student).adviser_id = session.scalar(select(User.id).where(User.username == "ec"))
    assert send(as_(who), "/admin/journal_event/revert", page="/account", id=change(field)).status_code == status


def test_a_teacher_puts_nothing_back_of_whom_they_do_not_follow(app, as_, a_student, change):
    with rows(app) as session:
        student = session.get_one(Student, a_student)
        student.adviser_id = student.homeroom_id = None
        session.execute(group_member.delete().where(group_member.c.student_id == a_student))
    assert send(as_("ec"), "/admin/journal_event/revert", page="/account", id=change("town")).status_code == 404
    assert as_("ec").get(f"/admin/student/details/?id={a_student}&part=history").status_code == 404


@pytest.mark.parametrize("number", ["", "x", "1" * 19])
def test_an_odd_number_is_refused(as_, number):
    for address in ("revert", "restore"):
        assert send(as_("acc"), f"/admin/journal_event/{address}", page="/account", id=number).status_code == 400
    assert send(as_("acc"), "/admin/journal_event/revert", page="/account", id="999999999").status_code == 404


# --- the page that undoes --------------------------------------------------------------------------------------------------------


def test_the_page_shows_what_it_will_do_and_leave_then_does_it(app, as_, schools, a_student, edited):
    with As(app, schools[0], "acc")("later") as session:
        session.get_one(Student, a_student).phone = "07"
    browser = as_("ac")
    page = words(browser.get(f"/admin/journal_event/undo?batch={edited}"))
    assert "1 élève comme avant. 1 fiche est laissée telle quelle." in page
    assert "Statut : avant : Désactivé → après : Actif" in page
    assert "laissé tel quel" in page
    assert "Quelqu’un l’a modifié depuis." in page
    answer = send(browser, f"/admin/journal_event/undo?batch={edited}&url=/admin/student/", page="/account")
    assert answer.headers["Location"] == "/admin/student/"
    page = words(browser.get("/admin/student/"))
    assert "1 élève comme avant. 1 fiche est laissée telle quelle. Annuler" in page
    with rows(app) as session:
        student = session.get_one(Student, a_student)
        assert (student.left_on, student.phone) == (None, "07")
    assert "a déjà annulé ce travail" in words(browser.get(f"/admin/journal_event/undo?batch={edited}"))


@pytest.mark.parametrize(("who", "status"), [("acc", 200), ("ac", 200), ("ec", 403), ("registrar", 403), ("amp", 403), ("head", 403), ("acc2", 404)])
def test_only_the_author_and_the_site_administrator_open_it(as_, edited, who, status):
    browser = as_(who)
    assert browser.get(f"/admin/journal_event/undo?batch={edited}").status_code == status
    posted = send(browser, f"/admin/journal_event/undo?batch={edited}", page="/account")
    assert posted.status_code == (303 if status == 200 else status)


def test_an_unknown_batch_is_not_there(as_):
    assert as_("acc").get("/admin/journal_event/undo?batch=nothing").status_code == 404
    assert as_("acc").get("/admin/journal_event/undo").status_code == 404


def test_the_history_leads_to_it(app, as_, edited):
    with rows(app) as session:
        line = session.scalar(select(JournalEvent.id).where(JournalEvent.batch == edited))
    answer = send(as_("ac"), f"/admin/journal_event/action/?rowid={line}", page="/account", action="undo")
    assert answer.headers["Location"] == f"/admin/journal_event/undo?batch={edited}"
    other = as_("ac")
    with rows(app) as session:
        foreign = session.scalar(select(JournalEvent.id).where(JournalEvent.who != "Camille Roussel", JournalEvent.school_id == 1))
    answer = send(other, f"/admin/journal_event/action/?rowid={foreign}", page="/account", action="undo")
    assert "Seul son auteur" in words(other.get(answer.headers["Location"]))


# --- the way back ----------------------------------------------------------------------------------------------------------------


def way_back(browser, answer):
    """Where the link beside the green message leads."""
    page = browser.get(answer.headers["Location"]).text
    found = re.search(r'alert-success.*?href="(/admin/journal_event/undo\?[^"]+)"', page, re.S)
    return found and found[1].replace("&amp;", "&")


def test_beside_a_saved_form_stands_the_way_back(app, as_, schools):
    browser = as_("ac")
    with rows(app) as session:
        guardian = session.scalar(select(Guardian).where(Guardian.school_id == schools[0]).order_by(Guardian.id))
        number, town = guardian.id, guardian.town
    form = browser.get(f"/admin/guardian/edit/?id={number}").text
    fields = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', form))
    answer = send(browser, f"/admin/guardian/edit/?id={number}", page="/account", **{**fields, "language": "fr", "town": "Arles"})
    assert answer.status_code == 302
    back = way_back(browser, answer)
    assert "Commune : avant : Arles" in words(browser.get(back))
    send(browser, back, page="/account")
    with rows(app) as session:
        assert session.get_one(Guardian, number).town == town


def test_beside_a_verb_stands_the_way_back_for_who_may_undo(app, as_, a_student):
    for who, offered in (("ac", True), ("acc", True)):
        browser = as_(who)
        answer = send(browser, f"/admin/student/action/?rowid={a_student}", page="/account", action="deactivate" if who == "ac" else "reactivate")
        assert bool(way_back(browser, answer)) is offered


def test_nothing_is_offered_where_nothing_can_be_taken_back(as_):
    browser = as_("ac")
    answer = send(browser, "/account/language", page="/account", language="fr")
    assert answer.status_code in (302, 303, 404)
    assert 'href="/admin/journal_event/undo' not in browser.get("/account").text


def test_home_offers_the_way_back_beside_recent_work(as_, edited):
    page = as_("ac").get("/admin/").text
    assert f'href="/admin/journal_event/undo?batch={edited}"' in page
    assert f"batch={edited}" not in as_("acc").get("/admin/").text


# --- questions -------------------------------------------------------------------------------------------------------------------


def test_the_time_line_asks_as_much_for_forty_changes_as_for_two(app, as_, schools, a_student):
    browser = as_("acc")

    def asked():
        with counted(app) as seen:
            assert browser.get(f"/admin/student/details/?id={a_student}&part=history").status_code == 200
        return len(seen)

    counts = []
    for name, number in (("few", 2), ("many", 40)):
        for n in range(number):
            with As(app, schools[0], "acc")(f"{name}{n}") as session:
                student = session.get_one(Student, a_student)
                student.town = f"Ville {name} {n}"
                student.level_id = session.scalars(select(Level.id).where(Level.id != student.level_id, Level.school_id == schools[0])).first()
        asked()
        counts.append(asked())
    assert counts[0] == counts[1] <= 14


@pytest.mark.parametrize("who", ["ec", "registrar"])
def test_who_does_not_read_the_history_takes_back_their_own_work(app, as_, schools, who):
    with As(app, schools[0], who)("look") as session:
        student = session.scalar(select(Student).order_by(Student.id))
        number, phone = student.id, student.phone
    browser = as_(who)
    form = browser.get(f"/admin/student/edit/?id={number}").text
    fields = dict(re.findall(r'name="([a-z]\w*)"[^>]*value="([^"]*)"', form))
    answer = send(browser, f"/admin/student/edit/?id={number}", page="/account", **{**fields, "language": "fr", "phone": "06 39 98 00 77"})
    assert answer.status_code == 302, words(answer)
    assert browser.get("/admin/journal_event/").status_code == 403
    back = way_back(browser, answer)
    answer = send(browser, back, page="/account")
    assert answer.status_code == 303
    with rows(app) as session:
        assert session.get_one(Student, number).phone == phone
    assert browser.get(answer.headers["Location"]).status_code == 200
