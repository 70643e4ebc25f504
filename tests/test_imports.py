"""Imports: the same people whatever the file, twice changes nothing, all or nothing."""

import pytest
from conftest import rows
from import_desk import Desk, book, table
from import_people import GUARDIANS, HEADINGS, LINKS, STUDENTS, many
from sqlalchemy import func, select

from jobs import import_write
from jobs.runner import run_pending
from models.base import Refusal
from models.db import db
from models.imports import Import, ImportRow, ImportStatus
from models.journal import JournalEvent
from models.people import Group, Guardian, GuardianLink, LinkStatus, Relation, Student


def test_three_hundred_students_are_the_same_in_every_format(app, desk):
    lines = many(300)
    desk.write(table(lines, encoding="cp1252"))
    first = desk.people()
    assert len(first) == 300
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(GuardianLink).where(GuardianLink.school_id == desk.school_id)) == 600
    for again in (table(lines), table(lines, encoding="utf-8-sig", separator=","), table(lines, separator="\t", encoding="utf-16"), book(lines)):
        key = desk.send(("eleves", again))
        assert desk.counts(key) == {"created": 0, "changed": 0, "unchanged": 300, "error": 0, "unsure": 0, "ignored": 0, "absent": 0}
        desk.do(key, "abandon")
    assert desk.people() == first


def test_a_student_comes_with_names_as_written_and_guardians_tied(desk):
    desk.write(table(STUDENTS))
    zoe = next(p for p in desk.people() if p[1] == "Zoé")
    assert zoe[:7] == ("de La Tour d'Auvergne", "Zoé", "F", "2014-03-14", "060375611AC", "zoe@exemple.org", "06 39 98 10 01")
    assert zoe[10] == "5e Bleue"
    assert zoe[13] == (
        ("Hélène Bénard", "helene@exemple.org", "+33639981002", "mother", "legal", "active"),
        ("Paul Bénard", "paul@exemple.org", "", "father", "legal", "active"),
    )


def test_siblings_share_one_guardian_and_twins_stay_two(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        helene = session.scalars(select(Guardian).where(Guardian.school_id == desk.school_id, Guardian.given_name == "Hélène")).all()
        assert [len(g.links) for g in helene] == [3]
    assert [p[1] for p in desk.people() if p[0] == "Ozturk"] == ["Lou", "Léo"]


def test_the_search_key_of_an_imported_student_finds_the_guardians_phone(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        keys = session.scalars(select(Student.search_key).where(Student.school_id == desk.school_id, Student.search_key.like("%+33639981002%")))
        assert len(list(keys)) == 3


def test_the_same_file_again_changes_nothing_and_has_nothing_to_write(desk):
    desk.write(table(STUDENTS))
    key = desk.send(table(STUDENTS))
    assert desk.counts(key) == {"created": 0, "changed": 0, "unchanged": len(STUDENTS), "error": 0, "unsure": 0, "ignored": 0, "absent": 0}
    with pytest.raises(Refusal, match="changes nothing"):
        desk.do(key, "confirm")


def test_every_written_row_leaves_a_line_of_one_batch_in_the_history(app, desk):
    desk.write(table(STUDENTS))
    with rows(app) as session:
        lines = session.execute(
            select(JournalEvent.table_name, func.count(), func.count(JournalEvent.batch.distinct()))
            .where(JournalEvent.school_id == desk.school_id, JournalEvent.verb == "created", JournalEvent.batch.like("job-%"))
            .group_by(JournalEvent.table_name)
        ).all()
    found = {name: (count, batches) for name, count, batches in lines}
    assert found["student"] == (len(STUDENTS), 1)
    assert found["guardian"] == (3, 1)
    assert found["guardian_link"] == (5, 1)


def test_rows_in_error_are_left_out_and_the_others_are_written(desk):
    desk.write(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    assert "Zoé" not in [p[1] for p in desk.people()]
    assert len(desk.people()) == len(STUDENTS) - 1


def test_three_files_of_one_import_say_the_same_as_one(desk):
    alone = [{h: v for h, v in s.items() if not h.startswith("responsable")} for s in STUDENTS]
    headings = [h for h in HEADINGS if not h.startswith("responsable")]
    files = [("eleves.csv", table(alone, headings)), ("responsables.csv", table(GUARDIANS, list(GUARDIANS[0]))), ("liens.csv", table(LINKS, list(LINKS[0])))]
    key = desk.write(*files)
    assert desk.state(key)[2]["new_links"] == 5
    joined = desk.people()
    assert desk.counts(desk.send(table(STUDENTS)))["unchanged"] == len(STUDENTS)
    assert desk.people() == joined


def test_a_guardian_added_beside_a_suspended_link_waits_to_be_checked(app, desk):
    desk.write(table([{h: v for h, v in STUDENTS[0].items() if not h.startswith("responsable2")}]))
    with rows(app) as session:
        link = session.scalars(select(GuardianLink).where(GuardianLink.school_id == desk.school_id)).one()
        link.suspend("jugement")
    desk.write(table([STUDENTS[0]]))
    with rows(app) as session:
        found = session.execute(select(GuardianLink.relation, GuardianLink.status).where(GuardianLink.school_id == desk.school_id)).all()
    assert set(found) == {(Relation.mother, LinkStatus.suspended), (Relation.father, LinkStatus.to_check)}


def test_absent_students_are_only_deactivated_when_asked_and_never_deleted(app, desk):
    desk.write(table(many(10)))
    key = desk.send(table(many(9)))
    assert desk.counts(key)["absent"] == 1
    with pytest.raises(Refusal):
        desk.do(key, "confirm")
    desk.do(key, "confirm", deactivate=True)
    assert [p[12] for p in desk.people()].count("left") == 1
    back = desk.send(table(many(10)))
    assert desk.counts(back)["changed"] == 1
    desk.do(back, "confirm")
    assert {p[12] for p in desk.people()} == {"active"}


def test_more_than_one_in_five_absent_needs_the_number_typed(desk):
    desk.write(table(many(10)))
    key = desk.send(table(many(7)))
    for typed in ("", "2", "oui"):
        with pytest.raises(Refusal, match="3"):
            desk.do(key, "confirm", deactivate=True, typed=typed)
    desk.do(key, "confirm", deactivate=True, typed="3")
    assert [p[12] for p in desk.people()].count("left") == 3


def test_a_failure_in_the_middle_writes_nothing_at_all(app, desk, monkeypatch):
    whole = import_write._Writer._create
    calls = []

    def fail_later(self, piece):
        calls.append(len(piece))
        if len(calls) % 2 == 0:  # at each of the three tries
            raise OSError("disk full")
        whole(self, piece)

    monkeypatch.setattr(import_write, "PIECE", 100)
    key = desk.send(table(many(300)))
    monkeypatch.setattr(import_write._Writer, "_create", fail_later)
    desk.do(key, "confirm")
    assert desk.people() == []
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(Guardian).where(Guardian.school_id == desk.school_id)) == 0
        assert session.scalar(select(func.count()).select_from(Group).where(Group.school_id == desk.school_id)) == 0


def test_a_school_that_changed_since_the_check_gets_a_new_check_and_no_write(app, desk):
    key = desk.send(table(STUDENTS))
    with rows(app) as session:
        session.add(Student(school_id=desk.school_id, family_name="Bénard", given_name="Éva", national_id="070876696HA"))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm()
        db.session.commit()
    run_pending(app)
    status, _counts, written, problem = desk.state(key)
    assert (status, written, problem["code"]) == (ImportStatus.checked, {}, "changed_since")
    with rows(app) as session:
        shown = session.scalars(select(ImportRow).where(ImportRow.import_id == key))
        assert "Zoé" in [row.cells["given_name"] for row in shown]
    assert len(desk.people()) == 1


def test_one_import_of_a_school_is_under_way_at_a_time(app, desk):
    with app.app_context(), desk.acting():
        Import.receive([("a.csv", table(STUDENTS))])
        db.session.commit()
        with pytest.raises(Refusal, match=r"a\.csv"):
            Import.receive([("b.csv", table(STUDENTS))])
        db.session.rollback()
    run_pending(app)
    desk.send(table(STUDENTS))


def test_a_correction_in_the_preview_is_read_in_place_of_the_cell(desk):
    key = desk.send(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    desk.fix(key, 2, {"born_on": "30/09/2014"})
    assert desk.counts(key)["error"] == 0
    desk.do(key, "confirm")
    assert next(p for p in desk.people() if p[1] == "Zoé")[3] == "2014-09-30"


def test_an_ignored_line_is_left_out_and_can_be_taken_again(desk):
    key = desk.send(table([{**STUDENTS[0], "date_naissance": "31/09/2014"}, *STUDENTS[1:]]))
    desk.do(key, "ignore", 2)
    assert desk.counts(key)["error"] == 0
    assert desk.counts(key)["ignored"] == 1
    desk.do(key, "ignore", 2)  # the same twice changes nothing
    assert desk.counts(key)["error"] == 0
    desk.do(key, "ignore", 2, out=False)
    assert desk.counts(key)["error"] == 1


def test_a_formula_is_stored_as_it_is(desk):
    desk.write(table([{**STUDENTS[0], "adresse": "=cmd|' /C calc'!A0", "ville": "@SUM(A1)"}]))
    assert desk.people()[0][7:10:2] == ("=cmd|' /C calc'!A0", "@SUM(A1)")


def test_a_registrar_imports_students_without_their_guardians(app, empty):
    desk = Desk(app, empty, "registrar")
    key = desk.write(table(STUDENTS))
    assert len(desk.people()) == len(STUDENTS)
    assert all(person[13] == () for person in desk.people())
    assert desk.state(key)[1]["guardians_left_out"] == 5


def test_what_a_registrar_may_not_import_keeps_no_line_out(app, empty):
    desk = Desk(app, empty, "registrar")
    key = desk.write(table([{**STUDENTS[0], "responsable1_portable": "?"}]))
    assert len(desk.people()) == 1
    assert desk.state(key)[1]["error"] == 0


def test_the_right_is_asked_again_when_the_work_is_done(app, desk):
    from models.access import Membership

    key = desk.send(table(STUDENTS))
    with app.app_context(), desk.acting():
        db.session.get_one(Import, key).confirm()
        db.session.commit()
    with rows(app) as session:
        for membership in session.scalars(select(Membership).where(Membership.school_id == desk.school_id)):
            session.delete(membership)
    run_pending(app)
    assert desk.people() == []
