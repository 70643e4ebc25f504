"""Registrations of a file: each in the session record of its admission, judged by the rules of the models, completed and never emptied."""

import datetime as dt

import pytest
from conftest import counted, rows
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from study_files import ENROLMENTS, HEADINGS, College, college, lines, sent

from models.access import Role
from models.base import Refusal
from models.codes import CodeList, CodeValue, read_codes
from models.courses import RacGroup
from models.db import db
from models.enrolments import Enrolment, Outcome
from models.imports import Import
from models.journal import JournalEvent
from models.people import Student
from models.right_override import RightOverride
from models.session_records import SessionRecord
from models.trash import deleted, restore
from models.undo import plan, undo
from models.undo_marks import MARKED
from models.undo_plan import Act

__all__ = ["college"]

GABRIEL, ROSE = "2500001,322A0-10A-RA", "1600002,JEE0K-17R-RA"
CODES = ("org_unit", "rac_type", "funding", "remark", "study_situation", "partner", "census_status", "course", "term")


@pytest.fixture(autouse=True)
def _catalogue(college):
    college.catalogue()


def file(*texts, headings=HEADINGS):
    return sent(("inscriptions.csv", lines(headings, *texts)))


def told(college, key):
    return {line: [f"{field}: {fact} {remedy}".strip() for field, _value, fact, remedy in notes] for line, notes in college.notes(key).items()}


def registrations(college):
    """The registrations as people read them: course, group, own codes, mark."""
    found = college.look(Enrolment, *(joinedload(getattr(Enrolment, name)) for name in CODES))
    return {(one.term.short, one.course.number, one.group_number): one for one in found}


def test_a_registration_makes_its_session_record_and_inherits_what_the_file_repeats(college):
    key = college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    assert {name: college.state(key)[2][name] for name in ("new_enrolments", "new_records", "new_partners", "new_org_units")} == {
        "new_enrolments": 3, "new_records": 2, "new_partners": 1, "new_org_units": 1,
    }  # fmt: skip
    records = college.look(SessionRecord, joinedload(SessionRecord.term))
    assert sorted((one.term.short, one.programme_session) for one in records) == [("A-2025", 1), ("H-2026", 2)]
    found = registrations(college)
    kept = found["A-2025", "350-711-MV", "00998"]
    assert (kept.rac_type, kept.org_unit, kept.funding, kept.overrides) == (None, None, None, {})
    assert (kept.mark, kept.outcome, kept.census_on, kept.census_by) == (88, Outcome.passed, dt.date(2025, 9, 20), kept.census_by)
    assert kept.census_by != ""
    elsewhere = found["A-2025", "601-101-MQ", "00012"]
    assert (elsewhere.org_unit.code, set(elsewhere.overrides), elsewhere.census_on, elsewhere.census_status.code) == ("EN", {"org_unit"}, None, "0")
    assert (elsewhere.study_situation.code, elsewhere.partner.label, elsewhere.partner_course) == ("CS", "Collège fictif du Plateau", "601-101-PF")
    assert college.counts(college.send(*sent(("inscriptions.csv", ENROLMENTS))))["unchanged"] == 3


def test_a_registration_is_known_by_record_course_and_group_and_an_empty_cell_erases_nothing(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    key = college.send(*file(f"{GABRIEL},A-2025,350-711-MV,,00998,,FM,91,EC,,,,,,", f"{GABRIEL},A-2025,350-711-MV,,00012,,,,,,,,,,"))
    diff = {change["field"]: (change["before"], change["after"]) for change in college.row(key, 2).diff}
    assert diff == {"mark": ("88", "91"), "remark": ("", "EC"), "rac_type": ("EE", "FM")}
    assert college.counts(key)["created"] == 1
    college.do(key, "confirm")
    one = registrations(college)["A-2025", "350-711-MV", "00998"]
    assert (one.mark, one.remark.code, one.rac_type.code, set(one.overrides), one.census_on) == (91, "EC", "FM", {"rac_type"}, dt.date(2025, 9, 20))
    college.write(*file(f"{GABRIEL},A-2025,350-711-MV,,00998,,EE,,,,,,,,"))
    one = registrations(college)["A-2025", "350-711-MV", "00998"]
    assert (one.rac_type, one.overrides, one.mark) == (None, {}, 91)


def test_a_line_that_a_rule_refuses_is_told_in_the_words_of_the_models(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    wrong = {
        f"{GABRIEL},A-2025,350-711-MV,,00012,,EE SR,75,,,,,,,": "mark: 350-711-MV 00012 is of the kind EE SR: no mark is recorded for it.",
        f"{GABRIEL},A-2025,322-409-MV,,00012,,,,,,,,CR,,": "study_situation: The situation of studies",
        f"{GABRIEL},A-2025,322-409-MV,,00013,,,175,,,,,,,": "mark: The mark 175 is not between 0 and 100.",
        "1600002,322A0-10A-RA,H-2026,322-409-MV,,00012,,,,,,,,,,": "grid: Rose Tremblay already has the diploma of 322A0-10A-RA",
        f"{ROSE},H-2026,322-409-MV,,,,,,,,1,2026-02-15,,,": "census: 322-409-MV has no group: only who attends one is counted.",
        f"{GABRIEL},A-2025,350-711-MV,,00998,,,,,,0,,,,": "census: The presence is confirmed already; a correction of the census needs its reason.",
        f"{GABRIEL},A-2025,350-7I1-MV,,00998,,,,,,,,,,": "course: The course 350-7I1-MV is not in the catalogue.",
        f"{GABRIEL},A-2025,35O-711-MV,,00998,,,,,,,,,,": "course: In “35O-711-MV” sign 3 is the letter O",
        f"{GABRIEL},A-2025,322-409-MV,,00014,,XY,,,,,,,,": "rac_type: “XY” is not in the list",
        f"{GABRIEL},,322-409-MV,,00015,,,,,,,,,,": "term: This cell is empty, and the line needs it.",
        "2500001,JEE0K-17R-RA,A-2025,322-409-MV,,00016,,,,,,,,,,": "grid: This student has no admission to JEE0K-17R-RA.",
    }
    found = told(college, college.send(*file(*wrong)))
    assert [found[at][0][: len(says)] for at, says in enumerate(wrong.values(), 2)] == list(wrong.values())


def test_a_group_whose_registrations_hold_marks_does_not_become_one_without_result(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    key = college.send(*sent(("correspondance.csv", "cours,type,groupe\n350-711-MV,EE SR,00998\n350-711-MV,EE SR,00997\n")))
    assert "EE SR" in told(college, key)[2][0]
    assert college.counts(key)["changed"] == 1
    college.do(key, "confirm")
    assert registrations(college)["H-2026", "350-711-MV", "00997"].outcome is Outcome.none


def test_what_was_registered_before_an_admission_ended_may_still_be_completed(college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    with rows(college.app) as session:
        student = session.query(Student).filter_by(school_id=college.school_id, local_id="2500001").one()
        session.query(SessionRecord).filter_by(student_id=student.id).first().admission.close(dt.date(2026, 6, 1))
    key = college.send(*file(f"{GABRIEL},A-2025,350-711-MV,,00998,,,64,,,,,,,", f"{GABRIEL},A-2025,322-409-MV,,00012,,,,,,,,,,"))
    assert college.counts(key)["changed"] == 1
    assert told(college, key)[3][0].startswith("grid: The admission of Gabriel Ben Salah to 322A0-10A-RA is closed: activate it again")


def test_a_course_that_is_not_taken_holds_its_remark_alone(college):
    headings = "numero_da,grille,session,cours,suivi,groupe,remarque"
    college.write(*file(f"{GABRIEL},A-2025,601-101-MQ,non,,EQ", f"{GABRIEL},A-2025,350-711-MV,oui,998,", headings=headings))
    found = registrations(college)
    assert [(one.taken, one.remark and one.remark.code, one.outcome) for one in found.values()] == [
        (False, "EQ", Outcome.passed), (True, None, Outcome.in_progress),
    ]  # fmt: skip
    key = college.send(*file(f"{GABRIEL},A-2025,322-409-MV,non,,", headings=headings))
    assert told(college, key) == {2: ["taken: 322-409-MV is not taken: choose the remark that recognises it, EQ, DI or SU."]}


def test_without_a_grid_the_only_active_admission_is_meant(college):
    college.write(*file("1600002,,H-2026,322-409-MV,,00012,,,,,,,,,,"))
    record = college.look(SessionRecord, selectinload(SessionRecord.admission))[0]
    assert str(record.admission.status) == "Active"


def test_the_partner_that_the_school_has_is_found_by_its_code_or_its_name(college):
    with rows(college.app) as session:
        session.add(CodeValue(school_id=college.school_id, code_list=CodeList.partner, code="CFP", label="Collège fictif du Plateau"))
    college.write(*file(f"{GABRIEL},A-2025,350-711-MV,,1,,,,,,,,CS,cfp,", f"{GABRIEL},A-2025,601-101-MQ,,1,,,,,,,,CS,COLLÈGE FICTIF DU PLATEAU,"))
    assert [one.partner.code for one in registrations(college).values()] == ["CFP", "CFP"]


def test_what_the_role_may_not_do_one_by_one_is_left_out_of_a_file(app, college):
    college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    registrar = College(app, college.school_id, "registrar2")
    with rows(app) as session:
        for verb in ("create", "confirm_presence"):
            session.add(RightOverride(school_id=college.school_id, table="enrolment", role=Role.registrar, verb=verb, granted=False))
    key = registrar.send(*file(f"{GABRIEL},A-2025,601-101-MQ,,00012,,,70,,,1,,,,", f"{ROSE},H-2026,322-409-MV,,00012,,,,,,,,,,"))
    assert [change["field"] for change in registrar.row(key, 2).diff] == ["mark"]
    assert [note[2] for note in registrar.notes(key, "doubts")[3]] == ["Your role does not allow you to create this: the line is left out."]


def test_three_hundred_registrations_ask_as_many_questions_as_thirty(app, college):
    def check(count):
        texts = [f"{GABRIEL},A-2025,350-711-MV,,{number:05d},,,,,,,,,," for number in range(1, count + 1)]
        with counted(app) as seen:
            key = college.send(*file(*texts))
        college.do(key, "abandon")
        return len(seen)

    check(2)
    assert check(300) <= check(30) + 2


def test_registrations_and_their_records_are_undone_together(app, college):
    key = college.write(*sent(("inscriptions.csv", ENROLMENTS)))
    college.write(*file(f"{GABRIEL},A-2025,350-711-MV,,00998,,,91,,,,,,,"))
    with app.app_context(), college.acting():
        undo(db.session, db.session.get_one(Import, key).batch)
        db.session.commit()
    left = registrations(college)
    assert [(one.course.number, one.mark) for one in left.values()] in ([], [("350-711-MV", 91)])
    assert len(college.look(SessionRecord)) == len(left)


@pytest.mark.parametrize("marked_since", [False, True])
def test_a_group_that_no_longer_records_marks_goes_back_after_the_registrations_that_brought_them(app, college, marked_since):
    """The correspondence and the registrations of one import go back in one undo, which is undone in its turn."""

    def back(batch):
        with app.app_context(), college.acting():
            announced = plan(db.session, batch)
            done = undo(db.session, batch)
            assert (announced.counts, announced.sentence) == (done.counts, done.sentence)
            db.session.commit()
            own = db.session.scalar(select(JournalEvent.batch).where(JournalEvent.verb == "undo").order_by(JournalEvent.id.desc()).limit(1))
            return own, [line.reason for line in done.of(Act.keep) if line.table == "rac_group"]

    def stands():
        kinds = {one.number: one.rac_type.code for one in college.look(RacGroup, joinedload(RacGroup.rac_type))}
        return kinds["00993"], kinds["00998"], sorted((one.group_number, one.mark, one.outcome.name) for one in college.look(Enrolment))

    correspondence = "cours,type,groupe,competence\n350-711-MV,EE,00993,4EP0\n350-711-MV,EE SR,00998,4EP0\n"
    registrations = lines(HEADINGS, f"{GABRIEL},A-2025,350-711-MV,,00993,,,91,,,,,,,", f"{GABRIEL},A-2025,350-711-MV,,00998,,,,,,,,,,")
    key = college.write(*sent(("correspondance.csv", correspondence), ("inscriptions.csv", registrations)))
    imported = ("EE", "EE SR", [("00993", 91, "passed"), ("00998", None, "none")])
    assert stands() == imported
    if marked_since:
        with rows(app) as session, session.no_autoflush:
            session.scalars(select(Enrolment).where(Enrolment.mark == 91, Enrolment.school_id == college.school_id)).one().mark = 75
    with rows(app) as session:
        written = session.get_one(Import, key).batch
    again, kept = back(written)
    if marked_since:
        assert (stands(), kept) == (("EE", "EE", [("00993", 75, "passed")]), [MARKED])
        return
    assert (stands(), kept) == (("EE SR", "EE", []), [])
    back(again)
    assert stands() == imported


def test_a_registration_whose_group_records_no_mark_any_more_stays_in_the_trash(app, college):
    college.write(*file(f"{GABRIEL},A-2025,350-711-MV,,00998,,,91,,,,,,,"))
    with app.app_context(), college.acting():
        db.session.delete(db.session.scalars(select(Enrolment)).one())
        db.session.commit()
        line = db.session.scalars(select(RacGroup).where(RacGroup.number == "00998")).one()
        line.rac_type = read_codes(db.session)[CodeList.rac_type, "EE SR"]
        db.session.commit()
        gone = db.session.scalars(deleted()).first()
        with pytest.raises(Refusal, match="EE SR"):
            restore(db.session, gone.id)
