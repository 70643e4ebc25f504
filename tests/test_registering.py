"""Many candidates registered at once, and what was not passed copied from the last term: rules, statements, the undo, the page."""

import re

import pytest
from batches import As
from candidates import COURSE, OTHER, a_place, a_term, admission, candidates
from conftest import counted, rows
from hands import send, words
from sqlalchemy import func, select

from jobs.runner import DEAD, run_one, run_pending
from models.access import Membership, Role, Throttle, User
from models.admissions import AdmissionStatus
from models.base import Refusal
from models.codes import CodeList, known_code
from models.courses import Grid
from models.enrolments import Enrolment, Outcome
from models.journal import JournalEvent
from models.last_term import copy_last_term
from models.people import Student
from models.registering import Fate, Place, find_people, judge, register
from models.session_records import SessionRecord
from models.undo import undo
from models.work import Job, JobKind, JobState


@pytest.fixture
def registrar(app, schools):
    """The registrar of the Québec school, one batch at a time."""
    return As(app, schools[1], "registrar2")


def questions(seen):
    """The statements but for one a row that is written (SQLite gives each row its number)."""
    return len([one for one in seen if not one.startswith(("INSERT INTO enrolment", "INSERT INTO session_record"))])


def fates(session, place, people, chosen=None):
    """What would become of these people, by given name."""
    return {line.student.given_name: line.fate for line in judge(session, place, [one.id for one in people], chosen)}


def test_candidates_are_registered_with_the_records_that_they_lack_and_taken_back_at_once(registrar):
    with registrar() as session:
        place = a_place(session)
        people = candidates(session)
        there = SessionRecord.begin(session, judge(session, place, [people[0].id])[0].admission, place.term)
        session.commit()
        first, ids = there.id, [one.id for one in people]
    with registrar("many") as session:
        done = register(session, a_place(session), judge(session, a_place(session), ids))
        session.commit()
        assert (done.registered, done.records, done.there, done.left) == (3, 2, 0, [])
        rows = session.scalars(select(Enrolment).where(Enrolment.student_id.in_(ids)).order_by(Enrolment.student_id)).all()
        assert [(str(row), row.outcome, row.value("rac_type").code) for row in rows] == [(f"{COURSE} 00990", Outcome.in_progress, "EE")] * 3
        assert rows[0].session_record_id == first
        told = session.scalar(select(func.count(JournalEvent.id)).where(JournalEvent.batch == "many", JournalEvent.verb == "register_many"))
        assert told == 3
    with registrar() as session:
        undo(session, "many")
        session.commit()
        assert session.scalar(select(func.count(Enrolment.id)).where(Enrolment.student_id.in_(ids))) == 0
        assert session.scalars(select(SessionRecord.id).where(SessionRecord.student_id.in_(ids))).all() == [first]


def test_who_is_left_out_is_told_why_and_the_others_are_registered(registrar):
    with registrar() as session:
        place = a_place(session)
        grid = session.scalar(select(Grid))
        ready, none, suspended, twice, there, chosen, exempt = candidates(session, 7, admitted=False)
        session.add_all(admission(grid, one) for one in (ready, there, chosen, exempt))
        session.add(admission(grid, suspended, status=AdmissionStatus.suspended))
        other = Grid(school_id=grid.school_id, code="AUTRE", programme_id=grid.programme_id, courses=[place.course])
        session.add_all([other, admission(grid, twice), admission(other, twice)])
        session.flush()
        for one, values in ((there, {"group_number": "00991"}), (chosen, {}), (exempt, {"taken": False})):
            record = SessionRecord.begin(session, judge(session, place, [one.id])[0].admission, place.term)
            remark = None if values.get("taken", True) else known_code(session, CodeList.remark, "EQ")
            session.add(Enrolment(school_id=grid.school_id, session_record=record, course=place.course, remark=remark, **values))
        session.flush()
        people = [ready, none, suspended, twice, there, chosen, exempt]
        lines = judge(session, place, [one.id for one in people])
        assert [line.fate for line in lines] == [Fate.register, Fate.refused, Fate.refused, Fate.choose, Fate.there, Fate.assign, Fate.refused]
        reasons = [str(line.reason) for line in lines]
        assert "n’a pas d’admission" in reasons[1]
        assert "suspendue" in reasons[2]
        assert "00991" in reasons[4]
        assert "EQ" in reasons[6]
        done = register(session, place, lines)
        assert (done.registered, done.assigned, done.there, len(done.left)) == (1, 1, 1, 4)
        choice = session.scalars(select(Enrolment).where(Enrolment.student_id == chosen.id)).one()
        assert choice.group_number == "00990"
        mine = next(one for one in lines[3].admissions if one.grid is other)
        assert fates(session, place, [twice], {twice.id: mine.id}) == {"Zoé4": Fate.register}


def test_of_several_admissions_the_one_whose_grid_holds_the_course_is_proposed(registrar):
    with registrar() as session:
        place = a_place(session)
        grid = session.scalar(select(Grid))
        (one,) = candidates(session, 1)
        empty = Grid(school_id=grid.school_id, code="VIDE", programme_id=grid.programme_id)
        session.add_all([empty, admission(empty, one)])
        session.flush()
        (line,) = judge(session, place, [one.id])
        assert (line.fate, line.admission.grid, len(line.admissions)) == (Fate.register, grid, 2)


def test_a_hundred_ask_no_more_than_two(registrar, app):
    def asked(session, ids):
        session.commit()
        session.expunge_all()
        with counted(app) as seen:
            done = register(session, place := a_place(session), judge(session, place, ids))
        assert done.registered == len(ids)
        return questions(seen)

    with registrar() as session:
        first, few, many = ([one.id for one in candidates(session, n)] for n in (1, 2, 100))
        a_term(session)
        asked(session, first)  # the texts are read once
        assert asked(session, few) == asked(session, many) < 30


def test_people_are_found_by_number_by_name_and_told_apart(registrar):
    with registrar() as session:
        one, two = candidates(session, 2)
        session.add(Student(family_name="Nouvelle-Roy", given_name="Anne", national_id="NOUA12345678", school_id=one.school_id))
        session.flush()
        found = find_people(session, ["9000001", "900-0002", "nouvelle zoe2", "Nouvelle, Zoé1", "nou an", "NOUA 1234 5678", "nouvelle", "Personne", "900 0001"])
        assert [len(people) for people in found.values()] == [1, 1, 1, 1, 1, 1, 3, 0, 1]
        assert found["9000001"] == [one]
        assert found["nouvelle zoe2"] == [two]
        assert found["NOUA 1234 5678"] == found["nou an"]


def test_a_group_has_a_number_and_its_course_is_still_offered(registrar):
    with registrar() as session:
        place = a_place(session, "992")
        assert (str(place), place.kind(session).code) == (f"{COURSE} · 00992", "EE SR")
        with pytest.raises(Refusal):
            a_place(session, "A1")
        place.course.retire()
        with pytest.raises(Refusal):
            Place.of(place.term, place.course, "990")


# --- last term -----------------------------------------------------------------------------------------------------------------------


def test_what_was_not_passed_is_copied_into_the_next_record_once(registrar):
    with registrar() as session:
        (one,) = candidates(session, 1)
        before = a_place(session, year=2019)
        record = SessionRecord.begin(session, judge(session, before, [one.id])[0].admission, before.term)
        courses = [a_place(session, number=number).course for number in (COURSE, OTHER, "350-710-MV", "350-711-MV", "340-101-MQ")]
        codes = {code: known_code(session, CodeList.remark, code) for code in ("IN", "EQ")}
        given = ({"mark": 40, "absences": 3}, {"mark": 80}, {}, {"remark": codes["IN"]}, {"remark": codes["EQ"], "taken": False})
        for course, values in zip(courses, given, strict=True):
            group = {} if values.get("taken") is False else {"group_number": "990"}
            session.add(Enrolment(school_id=one.school_id, session_record=record, course=course, **values, **group))
        session.flush()
        later = SessionRecord.begin(session, record.admission, a_term(session, 2020, "winter"))
        session.flush()
        done = copy_last_term(session, [later.id])
        copied = session.scalars(select(Enrolment).where(Enrolment.session_record_id == later.id).order_by(Enrolment.course_id)).all()
        assert {row.course.number for row in copied} == {COURSE, "350-710-MV", "350-711-MV"}
        assert [(row.mark, row.absences, row.remark) for row in copied] == [(None, None, None)] * 3
        assert (done.registrations, done.records) == (3, 1)
        again = copy_last_term(session, [later.id, record.id])
        assert again.registrations == 0
        assert "il ne reste rien" in again.left[1][1]
        assert "pas d’autre avant" in again.left[0][1]
        record.admission.suspend()
        assert "suspendue" in copy_last_term(session, [later.id]).left[0][1]


def test_copying_for_many_asks_no_more_than_for_two(registrar, app):
    def asked(session, people):
        place = a_place(session)
        lines = judge(session, place, [one.id for one in people])
        register(session, place, lines)
        term = a_term(session, 2020, "winter")
        later = [SessionRecord.begin(session, line.admission, term) for line in lines]
        session.flush()
        ids = [one.id for one in later]
        session.commit()
        session.expunge_all()
        with counted(app) as seen:
            assert copy_last_term(session, ids).registrations == len(ids)
        return questions(seen)

    with registrar() as session:
        assert asked(session, candidates(session, 2)) == asked(session, candidates(session, 40)) < 30


# --- through the pages ---------------------------------------------------------------------------------------------------------------

PAGE, HERE = "/admin/enrolment/register_many", "/account"


@pytest.fixture
def typed(registrar):
    """A term, a course and a group as the form sends them; three candidates and one without admission."""
    with registrar() as session:
        place = a_place(session)
        people = [*candidates(session), *candidates(session, 1, admitted=False, name="Sansadmission", number=901)]
        found = {"term": str(place.term.id), "course": str(place.course.id), "group": "990"}
        return found, [one.id for one in people]


def test_without_script_a_column_is_pasted_checked_registered_told_and_undone(as_, app, typed):
    where, ids = typed
    browser = as_("registrar2")
    column = "900-0001\r\nNouvelle Zoé2\r\nsansadmission\r\nPersonne Inconnue"
    page = send(browser, PAGE, page=HERE, **where, column=column, _add="1")
    said = words(page)
    assert page.status_code == 200
    assert "Type RAC : EE – Évaluation" in said
    assert "Inscrire 2 étudiants" in said
    assert "« Personne Inconnue »" in said
    assert "Zoé1 Sansadmission n’a pas d’admission : créez-en une, puis inscrivez." in said
    lines = re.findall(r'name="line" value="([^"]*)"', page.text)
    assert lines == ["t:Personne Inconnue", f"s:{ids[3]}", f"s:{ids[1]}", f"s:{ids[0]}"]
    fewer = send(browser, PAGE, page=HERE, **where, line=lines, _drop=f"s:{ids[1]}")
    assert "Inscrire 1 étudiant" in words(fewer)
    done = send(browser, PAGE, page=HERE, **where, line=lines, _do="1")
    assert done.status_code == 303
    after = browser.get(done.location)
    said = words(after)
    assert f"2 étudiants inscrits : {COURSE} · 00990. 2 dossiers de session créés." in said
    assert "2 lignes sont laissées de côté" in said
    assert "Sansadmission, Zoé1" in said
    again = send(browser, PAGE, page=HERE, **where, line=[f"s:{i}" for i in ids[:2]], _do="1")
    assert (again.status_code, "Personne dans la liste ne peut être inscrit" in words(again)) == (422, True)
    undo_page = re.search(r'href="(/admin/journal_event/undo[^"]+)"', after.text)[1].replace("&amp;", "&")
    send(browser, undo_page, page=undo_page)
    with rows(app) as session:
        assert session.scalar(select(func.count(SessionRecord.id)).where(SessionRecord.student_id.in_(ids))) == 0


def test_a_place_that_is_not_whole_or_wrong_is_told_beside_its_field(as_, typed):
    where, ids = typed
    browser = as_("registrar2")
    wrong = send(browser, PAGE, page=HERE, **{**where, "group": "A1"}, line=f"s:{ids[0]}", _do="1")
    assert (wrong.status_code, "« A1 »" in words(wrong)) == (422, True)
    empty = send(browser, PAGE, page=HERE, line=f"s:{ids[0]}", _do="1")
    assert (empty.status_code, words(empty).count("Remplissez ceci, puis inscrivez.")) == (422, 2)
    mistaken = send(browser, PAGE, page=HERE, **{**where, "course": "", "look-course": "6O1-103-MQ"}, _add="1")
    assert "601-103-MQ" in words(mistaken)


def test_students_ticked_in_their_list_stand_on_the_page_and_more_than_it_holds_are_left_to_a_job(as_, app, typed, monkeypatch):
    where, ids = typed
    browser = as_("registrar2")
    ticked = {"page": "/account", "action": "register_many", "rowid": [str(i) for i in ids]}
    page = send(browser, "/admin/student/action/", **ticked)
    assert sorted(re.findall(r'name="line" value="s:(\d+)"', page.text)) == sorted(map(str, ids))
    look = re.search(r'data-combo="([^"]+)"', page.text)[1]
    assert COURSE in browser.get(f"{look}&query=322-409").text
    monkeypatch.setattr("views.registering.MOST_ROWS", 2)
    asked = send(browser, "/admin/student/action/", **ticked)
    assert "Inscrire à un cours" in words(asked)
    look = re.search(r'data-combo="([^"]+)"', asked.text)[1]
    assert COURSE in browser.get(f"{look}&query=322-409").text
    assert send(browser, "/admin/student/action/", **ticked, **{**where, "group": ""}, _asked="1").status_code == 200
    job = send(browser, "/admin/student/action/", **ticked, **where, _asked="1")
    assert "/admin/job/details/" in job.location
    run_pending(app)
    said = words(browser.get(job.location))
    assert f"3 étudiants inscrits : {COURSE} · 00990." in said
    assert "Zoé1 Sansadmission n’a pas d’admission" in said


def test_no_number_of_the_address_is_too_long_and_a_clerk_with_sixty_wrong_ones_is_no_guesser(as_, app, typed):
    where, ids = typed
    browser = as_("registrar2")
    big = "9" * 5000
    page = browser.get(PAGE, query_string={**where, "line": [f"s:{ids[0]}", f"s:{big}"], "admission": [f"{big}:1", f"{ids[0]}:{big}"]})
    assert (page.status_code, "Inscrire 1 étudiant" in words(page)) == (200, True)
    with rows(app) as session:
        before = session.scalar(select(func.count(Throttle.id)))
    wrong = send(browser, PAGE, page=HERE, **where, column="\r\n".join(f"799{i:04}" for i in range(60)), _add="1")
    assert (wrong.status_code, words(wrong).count("n’a ce nom ou ce numéro")) == (200, 60)
    with rows(app) as session:
        assert session.scalar(select(func.count(Throttle.id))) == before


@pytest.fixture
def asked(app, registrar, typed):
    """A job that registers three people and one who has no admission; its identifier and theirs."""
    where, ids = typed
    params = {"term": int(where["term"]), "course": int(where["course"]), "group": where["group"], "students": ids}
    with registrar() as session:
        job = Job.add(JobKind.register_many, params, total=len(ids))
        session.flush()
        return job.id, ids


def registered(app, ids):
    with rows(app) as session:
        return tuple(session.scalar(select(func.count(model.id)).where(model.student_id.in_(ids))) for model in (Enrolment, SessionRecord))


def test_whose_rights_were_withdrawn_meanwhile_registers_nobody(app, asked):
    job, ids = asked
    with rows(app) as session:
        session.scalars(select(Membership).join(User, User.id == Membership.user_id).where(User.username == "registrar2")).one().role = Role.head
    run_pending(app)
    with rows(app) as session:
        one = session.get_one(Job, job)
        assert (one.state, "n’en a plus le droit" in one.error) == (JobState.failed, True)
    assert registered(app, ids) == (0, 0)


def test_a_registering_that_was_killed_left_nothing_and_the_next_runner_does_all_of_it(app, asked, monkeypatch):
    job, ids = asked

    class Killed(BaseException):
        """The process ends here."""

    def half(*given):
        register(*given)
        raise Killed

    with monkeypatch.context() as killing:
        killing.setattr("jobs.registering.register", half)
        with pytest.raises(Killed):
            run_one(app, "the first")
    assert registered(app, ids) == (0, 0)
    with rows(app) as session:
        session.get_one(Job, job).beat_at -= DEAD * 2
    run_pending(app)
    assert registered(app, ids) == (3, 3)
    with rows(app) as session:
        one = session.get_one(Job, job)
        assert (one.state, one.tries, "3 étudiants inscrits" in one.note) == (JobState.done, 2, True)


def test_the_last_term_is_copied_from_the_list_of_records_and_by_a_job(as_, app, registrar, monkeypatch):
    with registrar() as session:
        place = a_place(session)
        lines = judge(session, place, [one.id for one in candidates(session, 2)])
        register(session, place, lines)
        later = [SessionRecord.begin(session, line.admission, a_term(session, 2020, "winter")) for line in lines]
        session.flush()
        ids = [one.id for one in later]
    browser = as_("registrar2")
    ticked = {"page": "/account", "action": "copy_last_term"}
    send(browser, "/admin/session_record/action/", **ticked, rowid=str(ids[0]))
    assert "1 inscription copiée." in words(browser.get("/admin/session_record/"))
    send(browser, "/admin/session_record/action/", **ticked, rowid=str(ids[0]))
    assert "il ne reste rien à reprendre de A-2019" in words(browser.get("/admin/session_record/"))
    monkeypatch.setattr("views.last_term.MOST_ROWS", 1)
    job = send(browser, "/admin/session_record/action/", **ticked, rowid=[str(i) for i in ids])
    run_pending(app)
    said = words(browser.get(job.location))
    assert "1 inscription copiée." in said
    assert "il ne reste rien" in said
