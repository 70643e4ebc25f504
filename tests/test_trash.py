"""The trash: what was deleted comes back with what went with it, for thirty days, to those who may."""

import datetime as dt

import pytest
from batches import As, noted
from conftest import counted, rows
from hands import send, words
from sqlalchemy import select, update

from models.base import Refusal, utcnow
from models.changes import JournalChange
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, Student
from models.trash import deleted, restore
from models.undo import Act


@pytest.fixture
def acc(app, schools):
    """The site administrator, one batch at a time."""
    return As(app, schools[0], "acc")


@pytest.fixture
def gone(acc):
    """A student with a guardian and a group, deleted by the site administrator; what it was and where it lies."""
    with acc("made") as session:
        student, guardian = Student(family_name="Durand", given_name="Ève", national_id="99DURAND", town="Arles"), Guardian(family_name="Durand")
        group = Group(name="Fanfare de mai", members=[student])
        session.add_all([student, group, guardian, GuardianLink(student=student, guardian=guardian)])
        session.flush()
        found = {"student": student.id, "guardian": guardian.id, "link": student.links[0].id, "group": group.id}
    with acc("gone") as session:
        session.delete(session.get_one(Student, found["student"]))
        session.flush()
        return {**found, "change": noted(session, batch="gone", table_name="student", field="")[0].id}


def test_a_student_comes_back_with_links_and_groups(acc, gone):
    with acc("back") as session:
        done = restore(session, gone["change"])
        again = session.get_one(Student, gone["student"])
        assert (str(again), again.town, again.national_id) == ("Durand, Ève", "Arles", "99DURAND")
        assert ([link.id for link in again.links], [group.id for group in again.groups]) == ([gone["link"]], [gone["group"]])
        assert {table for (_act, table) in done.counts} == {"student", "guardian_link"}
        lines = session.execute(select(JournalEvent.verb, JournalEvent.table_name).where(JournalEvent.batch == "back")).all()
        assert {tuple(line) for line in lines} == {("restored", "student"), ("restored", "guardian_link")}


def test_what_is_back_is_no_longer_in_the_trash(acc, gone):
    with acc("back") as session:
        restore(session, gone["change"])
        assert session.scalars(deleted()).all() == []
        with pytest.raises(Refusal, match="corbeille"):
            restore(session, gone["change"])


def test_an_identifier_that_another_student_has_now_keeps_it_in_the_trash(acc, gone):
    with acc("other") as session:
        session.add(Student(family_name="Autre", given_name="Une", national_id="99DURAND"))
    with acc("back") as session:
        with pytest.raises(Refusal, match="Durand, Ève ne peut pas revenir"):
            restore(session, gone["change"])
        session.rollback()
        assert [line.title for line in session.scalars(deleted())] == ["Durand, Ève"]


def test_a_link_whose_guardian_is_gone_is_left_and_comes_back_with_the_guardian(acc, gone):
    with acc("too") as session:
        session.delete(session.get_one(Guardian, gone["guardian"]))
    with acc("back") as session:
        done = restore(session, gone["change"])
        assert [(line.table, line.act) for line in done.of(Act.keep)] == [("guardian_link", Act.keep)]
        assert session.get_one(Student, gone["student"]).links == []


def test_the_trash_forgets_after_thirty_days_and_shows_others_only_their_own(app, acc, gone, schools):
    with As(app, schools[0], "ac")("b1") as session:
        assert session.scalars(deleted()).all() == []
        guardian = Guardian(family_name="Neuve")
        session.add(guardian)
        session.flush()
        session.delete(guardian)
    with As(app, schools[0], "ac")("b2") as session:
        assert [line.title for line in session.scalars(deleted())] == ["Neuve"]
    with As(app, schools[1], "acc2")("b3") as session:
        assert session.scalars(deleted()).all() == []
    with acc("b4") as session:
        assert len(session.scalars(deleted()).all()) == 2
        session.execute(update(JournalChange).values(at=utcnow() - dt.timedelta(days=31)))
        assert session.scalars(deleted()).all() == []


# --- pages -----------------------------------------------------------------------------------------------------------------------


def test_from_the_delete_question_to_the_trash_and_back(app, as_, acc):
    with acc("made") as session:
        session.add(student := Student(family_name="Durand", given_name="Ève"))
        session.flush()
        number = student.id
    browser = as_("ac")
    question = send(browser, "/admin/student/delete/", page="/account", id=number)
    assert "Vous pourrez la rétablir depuis la corbeille pendant 30 jours." in words(question)
    answer = send(browser, "/admin/student/delete/", page="/account", id=number, _asked="1")
    page = browser.get(answer.headers["Location"])
    assert "Durand, Ève : suppression effectuée. Annuler" in words(page) or "Annuler" in words(page)
    page = browser.get("/admin/journal_event/trash?search=durând")
    assert "Durand, Ève" in words(page)
    assert "Camille Roussel" in words(page)
    change = page.text.partition('name="id" value="')[2].partition('"')[0]
    answer = send(browser, "/admin/journal_event/restore", page="/account", id=change)
    assert answer.headers["Location"] == f"/admin/student/details/?id={number}"
    assert "Durand, Ève : fiche rétablie." in words(browser.get(answer.headers["Location"]))
    assert "La corbeille est vide" in words(browser.get("/admin/journal_event/trash"))
    assert "Rien ne correspond" in words(browser.get("/admin/journal_event/trash?search=personne"))


def test_a_student_with_records_is_offered_to_be_deactivated(app, as_, a_student, schools):
    with rows(app) as session:
        taken = session.scalar(
            select(GuardianLink.student_id).join(Guardian).where(Guardian.user_id.is_not(None), GuardianLink.school_id == schools[0]).limit(1)
        )
    browser = as_("ac")
    page = send(browser, "/admin/student/delete/", page="/account", id=taken)
    assert "Désactivez plutôt" in words(page)
    assert 'name="action" value="deactivate"' in page.text
    target = page.text.partition('value="deactivate" formaction="')[2].partition('"')[0].replace("&amp;", "&")
    assert send(browser, target, page="/account", action="deactivate", _asked="1", id=taken).status_code == 303
    with rows(app) as session:
        assert session.get(Student, taken).left_on is not None


def test_a_refusal_tells_why_and_leaves_it_there(as_, acc, gone):
    with acc("other") as session:
        session.add(Student(family_name="Autre", given_name="Une", national_id="99DURAND"))
    browser = as_("acc")
    answer = send(browser, "/admin/journal_event/restore", page="/account", id=gone["change"])
    page = browser.get(answer.headers["Location"])
    assert "Une autre fiche porte maintenant son numéro ou son nom." in words(page)
    assert "Durand, Ève" in words(page)


@pytest.mark.parametrize(("who", "status"), [("ac", 404), ("ec", 404), ("registrar", 404), ("amp", 403), ("head", 403), ("inspector", 403), ("acc2", 404)])
def test_what_somebody_else_deleted_is_not_there(as_, gone, who, status):
    assert send(as_(who), "/admin/journal_event/restore", page="/account", id=gone["change"]).status_code == status


@pytest.mark.parametrize("address", ["?page=x", "?page=9", "?page=1234567"])
def test_an_odd_page_is_refused(as_, address):
    assert as_("acc").get(f"/admin/journal_event/trash{address}").status_code in (400, 404)


def test_the_trash_asks_as_much_for_twenty_as_for_one(app, as_, acc):
    browser = as_("acc")

    def asked():
        with counted(app) as seen:
            assert browser.get("/admin/journal_event/trash").status_code == 200
        return len(seen)

    for name in ("first", "others"):
        with acc(name) as session:
            many = [Guardian(family_name=f"Neuve {name} {n}") for n in range(1 if name == "first" else 30)]
            session.add_all(many)
            session.flush()
            for guardian in many:
                session.delete(guardian)
        if name == "first":
            asked()
            few = asked()
    assert asked() == few <= 10
