"""SIECLE's exports in the import: who is created, tied, left out, refused, and what the preview says."""

import pytest
import siecle_files as siecle
from conftest import rows
from sqlalchemy import func, select

from jobs import import_subjects
from models.base import Refusal
from models.db import db
from models.imports import Import, ImportFile, ImportStatus
from models.journal import JournalEvent
from models.people import Group, GroupCategory, Guardian, GuardianLink, Student, group_member
from models.rights import may
from models.undo import undo

NAMES = ("Albane", "Brune", "Côme", "Diane", "Elias", "Flore")


def by_name(app, desk):
    with rows(app) as session:
        found = session.scalars(select(Student).where(Student.school_id == desk.school_id))
        return {
            s.given_name: {
                "class": s.homeroom.name if s.homeroom else "",
                "level": s.level.name if s.level else "",
                "groups": sorted(group.name for group in s.groups),
                "local": s.local_id,
                "ref": s.source_ref,
                "middle": s.middle_names,
                "town": s.town,
                "ine": s.national_id,
                "status": s.status.name,
                "guardians": sorted((link.guardian.name, link.relation.name, link.authority.name) for link in s.links),
            }
            for s in found
        }


def test_students_and_guardians_sent_together_are_created_and_tied(app, desk):
    zoe = siecle.pupil(1, ine="060375611AC", places=(("LATIN 1", "G"), ("5 A", "D")), PRENOM2="Ana", PRENOM3="Lou", ADRESSE_ID="9")
    people = [siecle.person(7, MEL="eve@exemple.org", NOM_USAGE="ROCHE"), siecle.person(8, given="Loïc", LC_CIVILITE="M.")]
    ties = [siecle.tie(1, 7, NIVEAU_RESPONSABILITE="1"), siecle.tie(1, 8, NIVEAU_RESPONSABILITE="3", CODE_PARENTE="20")]
    desk.write(
        ("eleves.zip", siecle.zipped(("ElevesAvecAdresses.xml", siecle.students(zoe, addresses=[siecle.address(9)])))),
        ("r.xml", siecle.guardians(people, ties)),
    )
    assert by_name(app, desk)["Zoé"] == {
        "class": "5 A",
        "level": "5e",
        "groups": ["LATIN 1"],
        "local": "1",
        "ref": "2026/1",
        "middle": "Ana, Lou",
        "town": "VALMONT",
        "ine": "060375611AC",
        "status": "active",
        "guardians": [("Loïc DA SILVA", "father", "contact"), ("Marie-Ève ROCHE", "mother", "legal")],
    }


def test_the_same_exports_again_change_nothing(app, desk):
    files = siecle.a_school(20)
    desk.write(*files)
    key = desk.send(*files)
    assert desk.counts(key) == {"created": 0, "changed": 0, "unchanged": 20, "error": 0, "unsure": 0, "ignored": 0, "absent": 0}


def test_guardians_sent_alone_later_find_the_students_of_the_same_year(app, desk):
    desk.write(("e.xml", siecle.students(siecle.pupil(5000), siecle.pupil(7, given="Lou", born="02/02/2013", ELENOET="5000"))))
    ties = [siecle.tie(5000, 7, NIVEAU_RESPONSABILITE="1"), siecle.tie(4711, 7, NIVEAU_RESPONSABILITE="1")]
    key = desk.send(("r.xml", siecle.guardians([siecle.person(7)], ties)))
    assert desk.counts(key)["changed"] == 1
    assert desk.counts(key)["ignored"] == 1
    desk.do(key, "confirm")
    found = by_name(app, desk)
    assert [len(found["Zoé"]["guardians"]), len(found["Lou"]["guardians"])] == [1, 0]


def test_guardians_of_another_school_year_are_tied_to_nobody(app, desk):
    desk.write(("e.xml", siecle.students(siecle.pupil(5000))))
    key = desk.send(("r.xml", siecle.guardians([siecle.person(7)], [siecle.tie(5000, 7, NIVEAU_RESPONSABILITE="1")], year="2027")))
    assert desk.counts(key)["changed"] == 0
    assert desk.counts(key)["ignored"] == 2


def test_who_has_left_is_left_out_and_told(desk):
    gone = siecle.pupil(2, given="Lou", born="02/02/2013", DATE_SORTIE="01/10/2020")
    nowhere = siecle.pupil(3, given="Noé", born="03/02/2013", places=())
    aside = siecle.pupil(4, given="Théo", born="04/02/2013", places=(("Inactifs", "D"),))
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1), gone, nowhere, aside)))
    assert desk.counts(key)["created"] == 1
    assert desk.counts(key)["ignored"] == 3
    assert {line: notes[-1][2] for line, notes in desk.notes(key, "doubts").items()} == dict.fromkeys(
        (2, 3, 4), "Has left and is not in the school: the line is left out."
    )


def test_a_known_student_with_a_date_of_leaving_is_deactivated(app, desk):
    others = [siecle.pupil(n + 2, given=name, family=name.upper(), born=f"{3 * n + 1:02d}/{n + 1:02d}/{2011 + n % 3}") for n, name in enumerate(NAMES)]
    desk.write(("e.xml", siecle.students(siecle.pupil(1), *others)))
    desk.write(("e.xml", siecle.students(siecle.pupil(1, DATE_SORTIE="01/10/2020", places=()), *others)))
    assert by_name(app, desk)["Zoé"]["status"] == "left"


def test_before_the_classes_are_made_nobody_is_taken_for_somebody_who_left(desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1, places=()), siecle.pupil(2, given="Lou", born="02/02/2013", places=()))))
    assert desk.counts(key)["created"] == 2


def test_the_class_of_last_year_is_never_taken_for_this_year_s(app, desk):
    desk.write(("e.xml", siecle.students(siecle.pupil(1, CODE_MEF=""), siecle.pupil(2, given="Lou", born="02/02/2013"))))
    assert by_name(app, desk)["Zoé"]["level"] == ""


@pytest.mark.parametrize(
    ("values", "authority"),
    [
        ({"NIVEAU_RESPONSABILITE": "1"}, "legal"),
        ({"NIVEAU_RESPONSABILITE": "2"}, "in_charge"),
        ({"NIVEAU_RESPONSABILITE": "3"}, "contact"),
        ({"RESP_LEGAL": "1", "RESP_FINANCIER": "1"}, "legal"),
        ({"RESP_LEGAL": "2"}, "legal"),
        ({"RESP_LEGAL": "0", "RESP_FINANCIER": "1", "PERS_PAIMENT": "1"}, "contact"),
        ({}, "contact"),
    ],
)
def test_both_schemas_say_who_decides_and_silence_gives_the_least_claim(app, desk, values, authority):
    desk.write(("e.xml", siecle.students(siecle.pupil(1))), ("r.xml", siecle.guardians([siecle.person(7)], [siecle.tie(1, 7, **values)])))
    assert [claim for _name, _tie, claim in by_name(app, desk)["Zoé"]["guardians"]] == [authority]


def test_a_group_is_joined_again_without_a_double_and_left_by_nobody(app, desk):
    desk.write(("e.xml", siecle.students(siecle.pupil(1, places=(("5A", "D"), ("LATIN", "G"))))))
    desk.write(("e.xml", siecle.students(siecle.pupil(1, places=(("5A", "D"), ("GREC", "G"))))))
    assert by_name(app, desk)["Zoé"]["groups"] == ["GREC", "LATIN"]
    with rows(app) as session:
        assert session.scalar(select(func.count()).select_from(group_member).join(Group).where(Group.school_id == desk.school_id)) == 2


def test_a_group_alone_is_a_change_in_the_history_and_is_undone(app, desk):
    desk.write(("e.xml", siecle.students(siecle.pupil(1))))
    key = desk.write(("e.xml", siecle.students(siecle.pupil(1, places=(("5A", "D"), ("LATIN", "G"))))))
    with rows(app) as session:
        batch = session.get_one(Import, key).batch
        told = session.scalars(select(JournalEvent.table_name).where(JournalEvent.batch == batch, JournalEvent.verb == "edited")).all()
        assert sorted(told) == ["import_", "student"]
    with app.app_context(), desk.acting():
        undo(db.session, batch)
        db.session.commit()
    assert by_name(app, desk)["Zoé"]["groups"] == []


def test_more_than_twelve_files_at_once_are_refused(desk):
    with pytest.raises(Refusal, match="at most 12 files"):
        desk.send(*[(f"{n}.xml", siecle.students(siecle.pupil(n))) for n in range(13)])


def test_an_official_programme_that_the_asker_may_not_create_is_left_out_and_told(desk, monkeypatch):
    monkeypatch.setattr(import_subjects, "may", lambda roles, table, verb: table != "programme" and may(roles, table, verb))  # as a school may decide
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1))))
    assert desk.counts(key)["created"] == 1
    assert [note[0] for note in desk.notes(key, "doubts")[1]] == ["programme"]


def test_an_export_of_another_school_is_refused_with_both_codes(desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1), uaj="0140070A")))
    status, _counts, _written, problem = desk.state(key)
    assert status is ImportStatus.failed
    assert problem == {"code": "file_of_other_school", "params": {"uai": "0140070A", "ours": "0752387M"}}


def test_an_export_that_does_not_say_its_school_is_taken(desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1), parameters=[])))
    assert desk.counts(key)["created"] == 1


def test_a_cell_of_an_export_is_corrected_and_its_line_ignored_as_in_any_file(app, desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1, born="31/02/2014"), siecle.pupil(2, given="Lou", born="02/02/2013"))))
    assert desk.counts(key)["error"] == 1
    desk.fix(key, 1, {"born_on": "28/02/2014"})
    desk.do(key, "ignore", 2)
    assert desk.counts(key)["created"] == 1
    desk.do(key, "confirm")
    assert list(by_name(app, desk)) == ["Zoé"]


def test_a_tie_of_an_export_is_corrected_by_its_own_line(app, desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1))), ("r.xml", siecle.guardians([siecle.person(7)], [siecle.tie(1, 99)])))
    assert desk.counts(key)["error"] == 1
    desk.fix(key, 1, {"guardian_ref": "7"}, kind="links")
    desk.do(key, "confirm")
    assert len(by_name(app, desk)["Zoé"]["guardians"]) == 1


def test_the_columns_of_an_export_are_fixed_and_its_parts_are_told(app, desk):
    key = desk.send(("r.xml", siecle.guardians([siecle.person(7)], [siecle.tie(1, 7)])))
    with rows(app) as session:
        parts = session.scalars(select(ImportFile).where(ImportFile.import_id == key).order_by(ImportFile.id)).all()
        assert [(f.kind.name, f.part, f.fixed, f.detected["year"]) for f in parts] == [
            ("guardians", "guardians", True, "2026"),
            ("links", "links", True, "2026"),
        ]
    with pytest.raises(Refusal, match="format of this file"):
        desk.do(key, "choose", {}, {0: ""})


def test_a_pupil_with_two_local_numbers_keeps_the_first_and_is_told(desk):
    key = desk.send(("e.xml", siecle.students(siecle.pupil(1, ELENOET="4242"))))
    assert desk.notes(key, "doubts")[1] == [("local_id", "4242", "The file also says 1 for the same student.", "")]


def test_what_an_export_wrote_is_undone_whole(app, desk):
    key = desk.write(*siecle.a_school(6))
    with app.app_context(), desk.acting():
        undo(db.session, db.session.get_one(Import, key).batch)
        db.session.commit()
    with rows(app) as session:
        for model in (Student, Guardian, GuardianLink):
            assert session.scalar(select(func.count()).select_from(model).where(model.school_id == desk.school_id)) == 0
        assert session.scalar(select(func.count()).select_from(Group).where(Group.school_id == desk.school_id, Group.category == GroupCategory.other)) == 0
